//! Lists, asked as a browser asks them: what a stranger wrote stays text, pieces are what the page shows, a page stays small.
use crate::support::{HERE, House, Page};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::StreamExt;
use sceau_operator::mailbox::entries::FlagSet;
use sceau_testkit::world::{World, letter};
use sceau_web::Via;
use std::collections::HashSet;
use std::io::Write;
use std::time::Duration;
use tokio::time::timeout;
use tower::ServiceExt;

const ANNE: &str = "anne.martin@alpha.mssante.fr";

/// A house with mail in Anne's INBOX, and her cookie.
async fn with_mail(subjects: &[String]) -> (House, String) {
    let world = World::on(sceau_store::testing::sqlite().await, |_| {}).await;
    let anne = world.actor("anne", ANNE).await;
    for subject in subjects {
        let text = letter("Marc Durand <marc@exemple.fr>", subject);
        world.op.append(&anne, "INBOX", FlagSet::default(), None, world.message(&text)).await.unwrap();
    }
    let house = House::of(world);
    let cookie = format!("__Host-sceau={}", house.enters("anne").await);
    (house, cookie)
}

/// Several years of mail in Anne's INBOX: one goes to a month of it.
#[tokio::test(flavor = "multi_thread")]
async fn one_goes_to_a_month() {
    let world = World::on(sceau_store::testing::sqlite().await, |_| {}).await;
    let anne = world.actor("anne", ANNE).await;
    for (day, subject) in [("2024-02-29", "fevrier"), ("2024-03-01", "mars"), ("2026-11-02", "novembre")] {
        let date = format!("{day}T12:00:00Z").parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let text = letter("Marc Durand <marc@exemple.fr>", subject);
        let date = Some(sceau_domain::Timestamp(date));
        world.op.append(&anne, "INBOX", FlagSet::default(), date, world.message(&text)).await.unwrap();
    }
    let h = House::of(world);
    let cookie = format!("__Host-sceau={}", h.enters("anne").await);
    let (list, page) = inbox(&h, &cookie).await;
    for said in ["<optgroup label=\"2026\">", "<option value=\"2024-02\">février 2024</option>"] {
        assert!(page.text.contains(said), "{said}");
    }
    assert_eq!(page.text.matches("<option value=\"20").count(), 34, "February 2024 to November 2026");
    let subjects = async |query: &str| {
        let page = h.get(&format!("{list}?vue=messages&{query}"), &cookie).await;
        let rows = page.text.split("class=\"row-subject\">").skip(1);
        rows.map(|rest| rest.split('<').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(subjects("ordre=recent&au=2024-02").await, ["fevrier"]);
    assert_eq!(subjects("ordre=recent&au=2024-12").await, ["mars", "fevrier"]);
    assert_eq!(subjects("ordre=ancien&au=2024-03").await, ["mars", "novembre"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_helped_on() {
    let (h, cookie) = with_mail(&["bilan".to_owned()]).await;
    let bal = led(&h.get("/bureau", &cookie).await);
    let ask = async |typed: &str| {
        let typed = percent_encoding::utf8_percent_encode(typed, percent_encoding::NON_ALPHANUMERIC);
        let at = format!("{bal}/chercher/suggestions?q={typed}");
        let page = h.browse(Method::GET, &at, &[("cookie", cookie.as_str()), ("x-sceau-part", "chips")], "").await;
        assert_eq!((page.status, page.header("x-sceau-part")), (StatusCode::OK, "chips"), "{}", page.text);
        let ways = page.text.split("data-question=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
        (ways.collect::<Vec<_>>(), page.text)
    };
    assert_eq!(ask("bilan marc").await.0, ["bilan de:marc@exemple.fr "]);
    assert_eq!(ask("-de:dur").await.0, ["-de:marc@exemple.fr "]);
    assert_eq!(ask("avec").await.0, ["avec:pj"]);
    assert_eq!(ask("").await.0.len(), 8, "what may be asked");
    let (corbeille, text) = ask("corb").await;
    assert_eq!(corbeille, ["corb"]);
    assert!(text.contains("/dossier/") && text.contains("Corbeille"), "{text}");
    for nothing in ["bilan ", "\"marc", "apres:2026", "zzz", "de:m"] {
        assert!(ask(nothing).await.0.is_empty(), "{nothing}");
    }
    // What was suggested can be asked, and finds; without a script the question itself is answered.
    let found = h.get(&format!("{bal}/chercher?q=de:marc@exemple.fr"), &cookie).await;
    assert_eq!(found.text.matches("row-hit").count(), 1, "{}", found.text);
    assert!(found.text.contains("title=\"Marc Durand marc@exemple.fr\">Marc Durand<"), "{}", found.text);
    let plain = h.get(&format!("{bal}/chercher/suggestions?q=bilan"), &cookie).await;
    assert_eq!(led(&plain), format!("{bal}/chercher?q=bilan"));
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_are_given_seen_and_taken() {
    let (h, cookie) = with_mail(&["bilan".to_owned(), "courrier".to_owned()]).await;
    let (list, page) = inbox(&h, &cookie).await;
    let bal = list.split('/').nth(2).unwrap().to_owned();
    let none = h.get(&format!("/bal/{bal}/etiquettes"), &cookie).await;
    assert!(none.status == StatusCode::OK && none.text.contains("Aucune étiquette"), "{}", none.text);
    let form = page.text.split("data-list").nth(1).unwrap();
    let (jeton, uid) =
        (value(form, "name=\"jeton\" value=\"").to_owned(), value(form, "name=\"u\" value=\"").to_owned());
    let folder = list.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
    let act = async |what: &str, label: &str, more: &str| {
        let label = percent_encoding::utf8_percent_encode(label, percent_encoding::NON_ALPHANUMERIC);
        let form = format!("jeton={jeton}&dossier={folder}&faire={what}&etiquette={label}{more}");
        let headers = [("cookie", cookie.as_str()), ("origin", HERE), ("x-sceau-part", "told")];
        h.browse(Method::POST, &format!("/bal/{bal}/agir"), &headers, &form).await
    };
    let one = format!("&u={uid}");
    let told = act("etiqueter", "À rappeler <b>", &one).await;
    assert!(told.text.contains("Une étiquette posée sur un message."), "{}", told.text);
    for wrong in ["", "$Forwarded", "deux\"guillemets"] {
        let refused = act("etiqueter", wrong, &one).await;
        assert!(
            refused.status.is_client_error() && refused.text.contains("admin.invalid"),
            "{wrong}: {}",
            refused.text
        );
    }
    // It is seen in the list and on the page of labels, as text, and leads to what has it.
    let list = h.get(&format!("/bal/{bal}/dossier/{folder}"), &cookie).await;
    let shown = list.text.split("class=\"rows\"").nth(1).unwrap();
    assert!(shown.contains("À rappeler &#60;b&#62;") || shown.contains("À rappeler &lt;b&gt;"), "{shown}");
    let page = h.get(&format!("/bal/{bal}/etiquettes"), &cookie).await;
    let to =
        value(page.text.split("following-head").nth(1).unwrap(), "href=\"").replace("&#38;", "&").replace("&amp;", "&");
    let only = h.get(&to, &cookie).await;
    assert_eq!(only.text.matches("class=\"row-link\"").count(), 1, "{to}");
    assert!(only.text.contains("Messages avec l") && only.text.contains("Tous les messages"), "{}", only.text);
    // The same name in other letters is the same label; taken from everything that the filtered list shows.
    let here = percent_encoding::utf8_percent_encode(&to, percent_encoding::NON_ALPHANUMERIC);
    let told = act("desetiqueter", "à RAPPELER <b>", &format!("&tout=1&ici={here}")).await;
    assert!(told.text.contains("Une étiquette retirée d"), "{}", told.text);
    let page = h.get(&format!("/bal/{bal}/etiquettes"), &cookie).await;
    assert!(page.text.contains("Aucune étiquette"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_is_renamed_everywhere_and_taken_back() {
    let (h, cookie) = with_mail(&["bilan".to_owned(), "courrier".to_owned()]).await;
    let (list, page) = inbox(&h, &cookie).await;
    let bal = list.split('/').nth(2).unwrap().to_owned();
    let (labels, act) = (format!("/bal/{bal}/etiquettes"), format!("/bal/{bal}/agir"));
    let form = page.text.split("data-list").nth(1).unwrap();
    let send = async |to: &str, form: &str| {
        h.browse(Method::POST, to, &[("cookie", cookie.as_str()), ("origin", HERE)], form).await
    };
    let (jeton, folder) = (value(form, "name=\"jeton\" value=\""), list.rsplit('/').next().unwrap());
    let give = format!("jeton={jeton}&dossier={folder}&tout=1&ici={list}&faire=etiqueter&etiquette=Urgent+%3Cb%3E");
    led(&send(&act, &give).await);
    let page = h.get(&labels, &cookie).await;
    let card = |page: &Page| page.text.split("class=\"card\"").nth(1).map(str::to_owned);
    let first = card(&page).expect("a label");
    assert!(first.contains("2 messages") && !first.contains("<b>"), "{first}");
    let (jeton, keyword) =
        (value(&first, "name=\"jeton\" value=\"").to_owned(), value(&first, "name=\"etiquette\" value=\"").to_owned());
    let keyword = keyword.replace("&#60;", "%3C").replace("&#62;", "%3E").replace('&', "%26");
    let change = async |what: &str| send(&labels, &format!("jeton={jeton}&etiquette={keyword}&{what}")).await;
    // It is said with the way back, on the page that shows what became of it.
    let said = led(&change("faire=renommer&nom=%C3%80+rappeler").await);
    assert!(said.starts_with(&format!("{labels}?fait=")), "{said}");
    let page = h.get(&said, &cookie).await;
    assert!(page.text.contains("Une étiquette renommée sur 2 messages."), "{}", page.text);
    assert!(card(&page).unwrap().contains("À rappeler") && !page.text.contains("Urgent"), "{}", page.text);
    let undo = page.text.split("class=\"told\"").nth(1).unwrap();
    let (to, jeton_) = (value(undo, "action=\"").replace("&#38;", "&"), value(undo, "name=\"jeton\" value=\""));
    let back = led(&send(&to, &format!("jeton={jeton_}&acte={}", value(undo, "name=\"acte\" value=\""))).await);
    let page = h.get(&back, &cookie).await;
    assert!(card(&page).unwrap().contains("Urgent") && !page.text.contains("À rappeler"), "{}", page.text);
    // What changes nothing says so; what is no label is refused.
    assert_eq!(led(&change("faire=renommer&nom=URGENT+%3Cb%3E").await), format!("{labels}?dit=rien"));
    for wrong in ["faire=renommer&nom=", "faire=renommer&nom=%24Forwarded", "faire=x&nom=a"] {
        assert!(change(wrong).await.status.is_client_error(), "{wrong}");
    }
    let other = send(&labels, &format!("jeton={jeton}&etiquette=%24Forwarded&faire=supprimer")).await;
    assert!(other.status.is_client_error(), "{}", other.text);
    let gone = led(&change("faire=supprimer").await);
    let page = h.get(&gone, &cookie).await;
    assert!(page.text.contains("Une étiquette retirée de 2 messages.") && card(&page).is_none(), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_by_age_is_written_and_read_as_one() {
    let (h, cookie) = with_mail(&[]).await;
    let bal = led(&h.get("/bureau", &cookie).await);
    let to = format!("{bal}/regle/nouvelle");
    let page = h.get(&to, &cookie).await;
    let form = page.text.split("class=\"rule\"").nth(1).expect("the form");
    let jeton = value(form, "name=\"jeton\" value=\"").to_owned();
    let send = async |fields: &str| {
        let form = format!("jeton={jeton}&nom=Vieux+courrier&active=1&faire=enregistrer&{fields}");
        h.browse(Method::POST, &to, &[("cookie", cookie.as_str()), ("origin", HERE)], &form).await
    };
    for wrong in ["jours=0&archiver=1", "jours=x&archiver=1", "jours=30&transferer=paul%40beta.mssante.fr", "jours=30"]
    {
        let refused = send(wrong).await;
        assert!(refused.status.is_client_error(), "{wrong}: {}", refused.status);
    }
    assert_eq!(led(&send("jours=365&archiver=1&etiquette=Vieux+courrier").await), format!("{bal}/regles"));
    let list = h.get(&format!("{bal}/regles"), &cookie).await;
    for said in ["arrivé depuis plus de 365 jours", "archiver, par année", "Vieux courrier"] {
        assert!(list.text.contains(said), "{said}: {}", list.text);
    }
}

/// What comes to another of one's BALs is told to the switcher of the one that is open.
#[tokio::test(flavor = "multi_thread")]
async fn the_switcher_hears_of_other_bals() {
    let world = World::on(sceau_store::testing::sqlite().await, |_| {}).await;
    let other = world.actor("anne", "exploitation@alpha.mssante.fr").await;
    let letter = world.message(&letter("Marc <marc@exemple.fr>", "bilan"));
    let h = House::of(world);
    let cookie = format!("__Host-sceau={}", h.enters("anne").await);
    let bal = led(&h.get("/bureau", &cookie).await);
    let code = h.op.bal_object(other.bal.as_ref().expect("a BAL").id);
    let page = h.get(&led(&h.get(&bal, &cookie).await), &cookie).await;
    let link = page.text.split(&format!("data-bal=\"{code}\"")).nth(1).expect("in the switcher");
    assert!(
        link.split("</a>").next().unwrap().contains("<span class=\"count\" aria-hidden=\"true\" hidden>0</span>"),
        "{link}"
    );
    let via = Via::Tls { remote: [192, 0, 2, 9].into(), tls: Some("TLSv1.3".into()) };
    let request = Request::builder().uri(format!("{bal}/direct")).extension(via).header("cookie", &cookie);
    let response = h.app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut frames = response.into_body().into_data_stream();
    h.op.append(&other, "INBOX", FlagSet::default(), None, letter).await.unwrap();
    let mut told = String::new();
    while !told.contains("event: bals") || !told.ends_with("\n\n") {
        let frame =
            timeout(Duration::from_secs(30), frames.next()).await.expect("an event in time").expect("it goes on");
        told.push_str(std::str::from_utf8(&frame.unwrap()).unwrap());
    }
    let data = told.split("event: bals").nth(1).unwrap().lines().find_map(|line| line.strip_prefix("data:")).unwrap();
    let bals: serde_json::Value = serde_json::from_str(data).unwrap();
    let waits = bals.as_array().unwrap().iter().find(|one| one["bal"] == code.as_str()).expect("the other BAL");
    assert_eq!(waits["attente"], 1);
}

/// Where a page leads.
fn led(page: &Page) -> String {
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
    page.header("location").to_owned()
}

/// The list of Anne's INBOX: its address, its page. She has two shared BALs beside her own: one begins at one's own.
async fn inbox(h: &House, cookie: &str) -> (String, Page) {
    let bal = led(&h.get("/bureau", cookie).await);
    let list = led(&h.get(&bal, cookie).await);
    let page = h.get(&list, cookie).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    (list, page)
}

fn value<'t>(text: &'t str, before: &str) -> &'t str {
    let rest = &text[text.find(before).unwrap_or_else(|| panic!("{before} in {text}")) + before.len()..];
    rest.split('"').next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stranger_wrote_stays_text() {
    let hostile = ["<script>alert(1)</script>", "\" onmouseover=x y=\"", "</option></select><img src=x>"];
    let (h, cookie) = with_mail(&hostile.map(str::to_owned)).await;
    let (list, page) = inbox(&h, &cookie).await;
    for never in ["<script>alert", "<img src=x", "\" onmouseover"] {
        assert!(!page.text.contains(never), "{never}");
    }
    // One heading of the first level, every id once, every tick with its label, every skip link with its end.
    assert_eq!(page.text.matches("<h1").count(), 1);
    let ids: Vec<&str> = page.text.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len(), "{ids:?}");
    assert!(ids.contains(&"liste") && ids.contains(&"lecture"), "{ids:?}");
    let ticks = page.text.matches("name=\"u\"").count();
    assert_eq!((ticks, page.text.matches("<label class=\"row-tick\">").count()), (3, 3));
    assert!(page.text.contains("Non lu."), "said, not only shown");
    let english = h.get(&format!("{list}?lang=en"), &cookie).await;
    assert!(english.text.contains("Inbox") && !english.text.contains(">list."), "{}", english.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_gets_pieces_of_the_same_page() {
    let (h, cookie) = with_mail(&["bilan".to_owned()]).await;
    let (list, page) = inbox(&h, &cookie).await;
    let asks = async |part: &str| {
        h.browse(Method::GET, &list, &[("cookie", cookie.as_str()), ("x-sceau-part", part)], "").await
    };
    for part in ["list", "rows", "counts"] {
        let piece = asks(part).await;
        assert_eq!((piece.status, piece.header("x-sceau-part")), (StatusCode::OK, part));
        assert!(!piece.text.contains("<html") && !piece.text.is_empty(), "{}", piece.text);
    }
    assert!(page.text.contains(asks("rows").await.text.trim()));
    // An act by a script: what became of it, with the way back; and why not, as a code.
    let bal = list.split('/').nth(2).unwrap();
    let to = format!("/bal/{bal}/agir");
    let form = page.text.split("data-list").nth(1).unwrap();
    let (jeton, uid) = (value(form, "name=\"jeton\" value=\""), value(form, "name=\"u\" value=\""));
    let folder = list.rsplit('/').next().unwrap();
    let form = format!("jeton={jeton}&dossier={folder}&u={uid}&faire=archiver");
    let headers = [("cookie", cookie.as_str()), ("origin", HERE), ("x-sceau-part", "told")];
    let told = h.browse(Method::POST, &to, &headers, &form).await;
    assert_eq!((told.status, told.header("x-sceau-part")), (StatusCode::OK, "told"), "{}", told.text);
    assert!(told.text.contains("Un message archivé.") && told.text.contains("data-undo"), "{}", told.text);
    let wrong = h.browse(Method::POST, &to, &headers, &format!("jeton={jeton}&dossier={folder}&u=1&faire=x")).await;
    assert!(wrong.status.is_client_error() && wrong.text.contains("\"code\""), "{}", wrong.text);
    let elsewhere = h.browse(Method::POST, &to, &headers, &format!("jeton={jeton}&dossier=F0&u=1&faire=lu")).await;
    assert!(elsewhere.text.contains("folder.unknown"), "{}", elsewhere.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_fifty_rows_is_small() {
    let subjects: Vec<String> = (0..60).map(|n| format!("compte-rendu-de-consultation-{n}")).collect();
    let (h, cookie) = with_mail(&subjects).await;
    let (_, page) = inbox(&h, &cookie).await;
    assert_eq!(page.text.matches("class=\"row-link\"").count(), 50);
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(page.text.as_bytes()).unwrap();
    let bytes = packed.finish().unwrap().len();
    assert!(bytes <= 14 << 10, "{bytes}");
    // The rest is one link away.
    let more =
        value(&page.text, "rows-more\"><a class=\"btn btn-quiet\" href=\"").replace("&#38;", "&").replace("&amp;", "&");
    let rest = h.get(&more, &cookie).await;
    assert_eq!(rest.text.matches("class=\"row-link\"").count(), 10, "{more}");
    assert!(rest.text.contains("Revenir au début"));
}
