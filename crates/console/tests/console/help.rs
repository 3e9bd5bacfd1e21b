//! What helps somebody on: the exemption, the address and its confirmation, the link to a token; and mail that is looked for in the queue.
use crate::support::House;
use axum::http::{Method, StatusCode};
use sceau_domain::RefusalCode;
use sceau_operator::traces::{TraceFilter, TraceView};
use sceau_testkit::pages::Page;
use sceau_testkit::relay::Played;
use sceau_testkit::world::{World, letter};

/// A day after so many others, by the clock of the test.
fn day(h: &House, days: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(h.op.clock().now().0 + days * 86_400_000).unwrap();
    at.strftime("%Y-%m-%d").to_string()
}

/// Traces of an act, oldest first.
async fn traces(h: &House, act: &str) -> Vec<TraceView> {
    let filter = TraceFilter { act: Some(act.into()), after: Some(0), limit: Some(100), ..TraceFilter::default() };
    h.op.traces(&h.admin, &filter).await.unwrap()
}

/// A page of a link out of a message: whoever follows it is signed in nowhere.
async fn follow(h: &House, method: Method, path: &str) -> Page {
    h.browse(method, path, &[], "").await
}

/// The version that a form keeps.
fn version(page: &Page) -> String {
    let (_, rest) = page.text.split_once("name=\"version\" value=\"").unwrap_or_else(|| panic!("{}", page.text));
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exemption_ends_and_is_given_anew_by_whoever_answers_for_the_person() {
    let h = House::staffed().await;
    let own = h.as_one("structure").await;
    // She has one, and is certified by it.
    assert!(h.op.person(&h.admin, "anne").await.unwrap().identity.at.is_some());
    let form = h.get("/console/personnes/anne/fin-exemption", &own).await;
    assert!(form.text.contains("la certification de l"), "{}", form.text);
    let done = h.press("/console/personnes/anne/fin-exemption", &own, "").await;
    assert_eq!(done.header("location"), "/console/personnes/anne?fait=personnes-fin-exemption", "{}", done.text);
    let anne = h.op.person(&h.admin, "anne").await.unwrap();
    assert_eq!((anne.exemption.is_none(), anne.identity.at), (true, None));
    let sheet = h.get("/console/personnes/anne", &own).await;
    assert!(sheet.text.contains("/anne/exempter") && !sheet.text.contains("/anne/fin-exemption"), "{}", sheet.text);

    let path = "/console/personnes/anne/exempter";
    let fields = |until: &str, version: &str| {
        format!("identifier=ICI-7&exemption_reason=Secretaire&exemption_until={until}&version={version}")
    };
    let was = version(&h.get(path, &own).await);
    // Without an end, with one that is past: said beside the field, by its name, and what was written stays.
    for until in ["", "2020-01-01"] {
        let wrong = h.press(path, &own, &fields(until, &was)).await;
        assert!(wrong.status.is_client_error() && wrong.text.contains("value=\"ICI-7\""), "{until} {}", wrong.text);
        assert!(wrong.text.contains("c-exemption_until-error") && !wrong.text.contains("pour until"), "{}", wrong.text);
    }
    let given = h.press(path, &own, &fields(&day(&h, 100), &was)).await;
    assert_eq!(given.header("location"), "/console/personnes/anne?fait=personnes-exempter", "{}", given.text);
    let late = h.press(path, &own, &fields(&day(&h, 200), &was)).await;
    assert_eq!(late.status.as_u16(), RefusalCode::EditConflict.http(), "{}", late.text);
    let anne = h.op.person(&h.admin, "anne").await.unwrap();
    assert_eq!(anne.exemption.map(|e| (e.identifier, e.stands)), Some(("ICI-7".to_owned(), true)));
    // Certified again, it counts.
    let done = h.press("/console/personnes/anne/certifier", &own, "").await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);

    // Not of another structure's people, and by nobody whose role it is not.
    for (login, path) in [
        ("structure", "/console/personnes/bruno/exempter"),
        ("structure", "/console/personnes/bruno/fin-exemption"),
        ("support", "/console/personnes/anne/fin-exemption"),
        ("auditor", "/console/personnes/anne/exempter"),
        ("region", "/console/personnes/anne/exempter"),
    ] {
        let cookie = h.as_one(login).await;
        let refused = h.press(path, &cookie, &fields(&day(&h, 100), "1")).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{login} {path} {}", refused.text);
    }
    let (ended, given) = (traces(&h, "person.exemption_ended").await, traces(&h, "person.exempted").await);
    assert_eq!((ended.len(), given.len()), (1, 1));
    assert!(ended[0].actor.contains("structure") && given[0].actor.contains("structure"), "{ended:?} {given:?}");
    assert_eq!(given[0].data["reason"], "Secretaire");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_set_its_link_sent_again_and_confirmed_by_who_reads_there() {
    let h = House::staffed().await;
    let (relay, support) = (Played::of(&h.op), h.as_one("support").await);
    let (sheet, again) = ("/console/personnes/anne", "/console/personnes/anne/renvoyer-lien");
    // Nothing to send again as yet.
    let none = h.press(again, &support, "").await;
    assert!(none.status.is_client_error() && none.text.contains("banner-no"), "{} {}", none.status, none.text);
    let path = "/console/personnes/anne/coordonnees";
    let form = version(&h.get(path, &support).await);
    let done = h.press(path, &support, &format!("email=anne%40exemple.fr&phone=&version={form}")).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    h.op.run_due_jobs().await.unwrap();
    let page = h.get(sheet, &support).await;
    assert!(page.text.contains("/anne/renvoyer-lien") && !page.text.contains("/anne/envoyer-jeton"), "{}", page.text);

    let sent = h.press(again, &support, "").await;
    assert_eq!(sent.header("location"), "/console/personnes/anne?fait=personnes-renvoyer-lien", "{}", sent.text);
    h.op.run_due_jobs().await.unwrap();
    let links = relay.secrets("anne@exemple.fr", "/lien/");
    let [first, second] = links.as_slice() else { panic!("{links:?}") };
    // The one before is good for nothing any more; looking at the new one confirms nothing.
    assert!(follow(&h, Method::POST, &format!("/lien/{first}")).await.status.is_client_error());
    let look = follow(&h, Method::GET, &format!("/lien/{second}")).await;
    assert!(look.status == StatusCode::OK && look.text.contains("a…@exemple.fr"), "{}", look.text);
    let confirmed = async || h.op.person(&h.admin, "anne").await.unwrap().email.unwrap().verified.is_some();
    assert!(!confirmed().await);
    let done = follow(&h, Method::POST, &format!("/lien/{second}")).await;
    assert!(done.status == StatusCode::OK && done.text.contains("Adresse confirmée"), "{}", done.text);
    assert!(confirmed().await);
    // It is used up, and a page that is still open takes nothing back.
    assert!(follow(&h, Method::POST, &format!("/lien/{second}")).await.status.is_client_error());
    let stale = h.press(again, &support, "").await;
    assert!(stale.status.is_client_error() && stale.text.contains("banner-no"), "{}", stale.text);
    assert!(confirmed().await, "what was confirmed stays so");
    assert!(!h.get(sheet, &support).await.text.contains("/anne/renvoyer-lien"));

    for (login, path) in [
        ("auditor", again),
        ("region", again),
        ("structure", "/console/personnes/bruno/renvoyer-lien"),
        ("support", "/console/personnes/administrator/coordonnees"),
    ] {
        let refused = h.press(path, &h.as_one(login).await, "email=x%40exemple.fr&phone=&version=1").await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{login} {path} {}", refused.text);
    }
    let set = traces(&h, "person.email").await;
    assert!(set.len() == 2 && set.iter().all(|t| t.actor.contains("support")), "{set:?}");
    assert_eq!(traces(&h, "person.email_verified").await[0].data["login"], "anne");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_a_token_is_sent_by_somebody_who_did_not_set_the_address() {
    let h = House::staffed().await;
    let (relay, cookie) = (Played::of(&h.op), h.as_one("administrator").await);
    let path = "/console/personnes/anne/coordonnees";
    let form = version(&h.get(path, &cookie).await);
    let done = h.press(path, &cookie, &format!("email=anne%40exemple.fr&phone=&version={form}")).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    h.op.run_due_jobs().await.unwrap();
    let send = "/console/personnes/anne/envoyer-jeton";
    let fields = format!("token_label=Poste+7&token_bal=&token_until={}", day(&h, 30));
    // An address that nobody confirmed gets none.
    let own = h.as_one("structure").await;
    let early = h.press(send, &own, &fields).await;
    assert!(early.status.is_client_error() && early.says(RefusalCode::TokenUnreachable), "{}", early.text);
    let link = relay.link("/lien/");
    assert_eq!(follow(&h, Method::POST, &link).await.status, StatusCode::OK);
    // Whoever set the address could read there.
    let setter = h.press(send, &cookie, &fields).await;
    assert!(setter.status.is_client_error() && setter.says(RefusalCode::TokenSetter), "{}", setter.text);
    assert!(setter.text.contains("value=\"Poste 7\""), "{}", setter.text);
    let past = h.press(send, &own, &fields.replace(&day(&h, 30), "2020-01-01")).await;
    assert!(past.status.is_client_error() && past.text.contains("c-token_until-error"), "{}", past.text);
    assert!(relay.secrets("anne@exemple.fr", "/jeton/").is_empty());

    let sent = h.press(send, &own, &fields).await;
    assert_eq!(sent.header("location"), "/console/personnes/anne?fait=personnes-envoyer-jeton", "{}", sent.text);
    h.op.run_due_jobs().await.unwrap();
    let secret = relay.secrets("anne@exemple.fr", "/jeton/").pop().expect("a link");
    // Neither link nor token is seen by whoever sent it.
    let sheet = h.get("/console/personnes/anne", &own).await;
    assert!(!sheet.text.contains(&secret), "{}", sheet.text);
    let made = follow(&h, Method::POST, &format!("/jeton/{secret}")).await;
    assert!(made.status == StatusCode::OK && made.text.contains("sceau_"), "{}", made.text);
    let tokens = h.op.tokens(&h.admin, Some("anne"), 0, 10).await.unwrap();
    let token = tokens.iter().find(|t| t.label == "Poste 7").expect("a token");
    assert!(h.get("/console/personnes/anne", &own).await.text.contains(&format!("revoquer-jeton?token={}", token.id)));

    for (login, path) in [
        ("support", send),
        ("auditor", send),
        ("region", send),
        ("structure", "/console/personnes/bruno/envoyer-jeton"),
    ] {
        let refused = h.press(path, &h.as_one(login).await, &fields).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{login} {path} {}", refused.text);
    }
    let told = traces(&h, "token.link_sent").await;
    assert_eq!((told.len(), told[0].data["login"].as_str()), (1, Some("anne")));
    assert!(told[0].actor.contains("structure"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_found_in_the_queue() {
    const ANNE: &str = "anne.martin@alpha.mssante.fr";
    const BRUNO: &str = "bruno.petit@alpha.mssante.fr";
    let w = World::new().await;
    for (login, from, to) in [("anne", ANNE, "paul@beta.mssante.fr"), ("bruno", BRUNO, "zoe@gamma.mssante.fr")] {
        let actor = w.actor(login, from).await;
        w.submit(&actor, from, &[to], &letter(from, "Sujet-que-nul-ne-voit")).await.unwrap();
    }
    let h = House::of(w);
    let cookie = h.as_one("root").await;
    let found = async |query: &str| {
        let page = h.get(&format!("/console/file?table=file&{query}"), &cookie).await;
        assert_eq!(page.status, StatusCode::OK, "{query} {}", page.text);
        assert!(!page.text.contains("Sujet-que-nul-ne-voit"), "{}", page.text);
        // Destinations are told as a whole, below: the mail itself is the file's.
        let file = h.get(&format!("/console/file?table=file&format=csv&{query}"), &cookie).await.text;
        ["paul@beta", "zoe@gamma"].map(|to| file.contains(to))
    };
    assert_eq!(found("").await, [true, true]);
    for (query, wanted) in [
        ("q=PAUL", [true, false]),
        ("q=bruno.petit", [false, true]),
        ("q=Sujet", [false, false]),
        ("domaine=gamma.mssante.fr", [false, true]),
        ("expediteur=anne.martin%40alpha.mssante.fr", [true, false]),
        ("etat=waiting", [true, true]),
        ("etat=held", [false, false]),
        // What is none does not stand for all of them.
        ("domaine=pas+un+domaine", [false, false]),
        ("expediteur=personne", [false, false]),
        ("q=paul&domaine=gamma.mssante.fr", [false, false]),
    ] {
        assert_eq!(found(query).await, wanted, "{query}");
    }
    // What is held is found as such, and says who holds it.
    let entries = h.op.queue_list(&h.admin, None, None, 10).await.unwrap();
    let id = entries.iter().find(|e| e.to.starts_with("paul")).unwrap().id;
    let held = h.press(&format!("/console/file/{id}/retenir"), &cookie, "reason=essai").await;
    assert_eq!(held.status, StatusCode::SEE_OTHER, "{}", held.text);
    assert_eq!(found("etat=held").await, [true, false]);
    // Whoever administers nothing finds nothing.
    assert_eq!(h.get("/console/file?q=paul", &h.as_one("bruno").await).await.status, StatusCode::FORBIDDEN);
    assert_eq!(traces(&h, "queue.held").await.len(), 1);
}
