//! Sharing without a script: notes, who takes care, what became of a message, the team, rules. What people write is shown as text.
use crate::support::{HERE, Page, browse};
use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::http::{Method, Request, StatusCode};
use futures_util::StreamExt;
use sceau_domain::{BalKind, DomainName, RefusalCode};
use sceau_identity::factor::Factor;
use sceau_identity::session::csrf;
use sceau_operator::desk::letters::{Draft, Start};
use sceau_operator::mailbox::entries::{FlagChange, FlagSet, Flags};
use sceau_operator::queue::Chosen;
use sceau_testkit::browser::signed_in;
use sceau_testkit::world::{BETA, World, letter};
use sceau_web::Via;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;
use tower::ServiceExt;

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const BRUNO: &str = "bruno.petit@alpha.mssante.fr";
const SERVICE: &str = "cardiologie@alpha.mssante.fr";
const PAUL: &str = "paul@beta.mssante.fr";

/// A shared BAL with a message, `anne` who is responsible for it, `bruno` who works there.
struct Service {
    world: World,
    app: Router,
    anne: String,
    bruno: String,
    bal: String,
    message: String,
}

impl Service {
    async fn new() -> Self {
        let world = World::on(sceau_store::testing::sqlite().await, |_| {}).await;
        world.bal(SERVICE, BalKind::Org, &["anne"], |b| b.members = vec!["bruno".into()]).await;
        let app = sceau_web::app_with(world.op.clone(), sceau_desk::routes());
        let enters = async |login: &str| signed_in(&world.op, &world.store, login, &[Factor::Card]).await.0;
        let (anne, bruno) = (enters("anne").await, enters("bruno").await);
        world.hand_over(BETA, PAUL, &[SERVICE], &letter(PAUL, "resultats")).await.unwrap();
        let actor = world.actor("anne", SERVICE).await;
        let inbox = world.op.open_folder(&actor, "INBOX", true).await.unwrap();
        let bal = format!("/bal/{}", world.op.bal_object(actor.bal.as_ref().unwrap().id));
        let message = format!("{bal}/message/{}", world.op.email_object(inbox.entries[0].message));
        Self { world, app, anne, bruno, bal, message }
    }
    async fn get(&self, session: &str, path: &str) -> Page {
        let cookie = format!("__Host-sceau={session}");
        browse(&self.app, Method::GET, path, &[("cookie", cookie.as_str())], "").await
    }
    async fn part(&self, session: &str, path: &str, part: &str) -> Page {
        let cookie = format!("__Host-sceau={session}");
        browse(&self.app, Method::GET, path, &[("cookie", cookie.as_str()), ("x-sceau-part", part)], "").await
    }
    /// Opens a stream.
    async fn listens(&self, session: &str, path: &str) -> Told {
        let via = Via::Tls { remote: [192, 0, 2, 9].into(), tls: Some("TLSv1.3".into()) };
        let request = Request::builder().uri(path).extension(via).header("cookie", format!("__Host-sceau={session}"));
        let response = self.app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Told { frames: response.into_body().into_data_stream(), text: String::new() }
    }
    /// Anne sends from her own BAL, and files the copies as a mail program does: her BAL, and the list of what she sent.
    async fn sent(&self, letters: &[(&str, &[&str])]) -> (String, String) {
        let actor = self.world.actor("anne", ANNE).await;
        for (subject, to) in letters {
            let text = letter(ANNE, subject);
            self.world.submit(&actor, ANNE, to, &text).await.unwrap();
            self.world.op.append(&actor, "Sent", FlagSet::default(), None, self.world.message(&text)).await.unwrap();
        }
        let bal = format!("/bal/{}", self.world.op.bal_object(actor.bal.as_ref().unwrap().id));
        let folder = self.world.op.folder(&actor, "Sent").await.unwrap().id;
        let list = format!("{bal}/dossier/{}", self.world.op.mailbox_object(folder));
        (bal, list)
    }
    async fn send(&self, session: &str, path: &str, fields: &[(&str, &str)]) -> Page {
        let word = csrf(&self.world.op.form_key(session), path);
        let all: Vec<String> =
            std::iter::once(&("jeton", word.as_str())).chain(fields).map(|(n, v)| format!("{n}={v}")).collect();
        let cookie = format!("__Host-sceau={session}");
        let headers = [("origin", HERE), ("cookie", cookie.as_str())];
        browse(&self.app, Method::POST, path, &headers, &all.join("&")).await
    }
}

/// A stream of events, as a page hears it.
struct Told {
    frames: BodyDataStream,
    text: String,
}

impl Told {
    /// What is said of the next event of this name; none when the stream ends.
    async fn data(&mut self) -> Option<(String, String)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|l| l.strip_prefix(name)).map(|v| v.trim().to_owned());
                let found = field("event:").map(|name| (name, field("data:").unwrap_or_default()));
                self.text = rest.to_owned();
                match found {
                    Some(found) => return Some(found),
                    // A word that it is there.
                    None => continue,
                }
            }
            let frame = timeout(Duration::from_secs(30), self.frames.next()).await.expect("an event in time")?;
            self.text.push_str(std::str::from_utf8(&frame.unwrap()).unwrap());
        }
    }
    async fn next(&mut self) -> Value {
        let (name, data) = self.data().await.expect("an event");
        assert_eq!(name, "autour");
        serde_json::from_str(&data).unwrap()
    }
    async fn ended(&mut self) -> bool {
        self.data().await.is_some_and(|(name, _)| name == "fin") && self.data().await.is_none()
    }
}

fn led(page: &Page, to: &str) {
    assert_eq!((page.status, page.header("location")), (StatusCode::SEE_OTHER, to), "{}", page.text);
}

fn shown(page: &Page, texts: &[&str]) {
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    for text in texts {
        assert!(page.text.contains(text), "{text} in {}", page.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn colleagues_leave_notes_and_give_conversations() {
    let s = Service::new().await;
    let note = format!("{}/note", s.message);
    led(&s.send(&s.bruno, &note, &[("note", "rappeler+%3Cscript%3Ealert(1)%3C/script%3E")]).await, &s.message);
    let page = s.get(&s.anne, &s.message).await;
    shown(&page, &["rappeler &#60;script&#62;", "Notes internes", "Personne ne s’en occupe encore.", "Je m’en occupe"]);
    assert!(!page.text.contains("<script>alert"), "{}", page.text);
    // Taken away by who answers for the BAL; a member has no such form for another's.
    let remove = page.text.split('"').find(|p| p.ends_with("/retirer")).unwrap_or_else(|| panic!("{}", page.text));
    led(&s.send(&s.anne, remove, &[]).await, &s.message);
    assert!(!s.get(&s.bruno, &s.message).await.text.contains("rappeler"));
    assert!(s.send(&s.bruno, &note, &[("note", &"a".repeat(4_001))]).await.says(RefusalCode::NoteLong));

    let give = format!("{}/attribuer", s.message);
    led(&s.send(&s.anne, &give, &[("a", "bruno"), ("version", "0")]).await, &s.message);
    shown(&s.get(&s.bruno, &s.message).await, &["s’en occupe.", "Ne plus m’en occuper"]);
    // The refusal names who has it.
    let late = s.send(&s.bruno, &give, &[("a", "bruno"), ("version", "0")]).await;
    assert_eq!(late.status.as_u16(), RefusalCode::EditConflict.http());
    assert!(late.text.contains("modifié entre-temps"), "{}", late.text);
    // Reading is seen by the others once it is written down.
    s.world.op.flush_traces().await.unwrap();
    shown(&s.get(&s.anne, &s.message).await, &["a ouvert le"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_are_given_from_the_list() {
    let s = Service::new().await;
    s.world.hand_over(BETA, PAUL, &[SERVICE], &letter(PAUL, "autre")).await.unwrap();
    let folder = s.get(&s.anne, &s.bal).await.header("location").split('?').next().unwrap().to_owned();
    let page = s.get(&s.anne, &folder).await;
    shown(&page, &["value=\"confier\"", "value=\"prendre\"", "<option value=\"bruno\">", "(moi)</option>"]);
    let (act, code) = (format!("{}/agir", s.bal), folder.rsplit('/').next().unwrap());
    let made =
        |page: &Page| page.text.split("name=\"vu\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let give = async |session: &str, vu: &str, what: &[(&str, &str)]| {
        let fields =
            [&[("dossier", code), ("ici", folder.as_str()), ("vu", vu), ("u", "1"), ("u", "2")][..], what].concat();
        s.send(session, &act, &fields).await
    };
    s.world.advance(60);
    let done = give(&s.anne, &made(&page), &[("faire", "confier"), ("a", "bruno")]).await;
    let page = s.get(&s.anne, done.header("location")).await;
    shown(&page, &["2 conversations confiées.", "Annuler"]);
    let with = |page: &Page, name: &str| page.text.matches(&format!("badge-plain\">{name}<")).count();
    assert_eq!(with(&page, "bruno"), 2, "{}", page.text);
    // Somebody whose list is older hears that they are another's by now; one who looks anew takes them.
    let late = give(&s.anne, "1", &[("faire", "prendre")]).await;
    assert_eq!(late.status.as_u16(), RefusalCode::EditConflict.http(), "{}", late.text);
    let done = give(&s.anne, &made(&page), &[("faire", "prendre")]).await;
    let page = s.get(&s.anne, done.header("location")).await;
    assert_eq!((with(&page, "bruno"), with(&page, "anne")), (0, 2), "{}", page.text);
    // Taken back from the bar.
    let told = page.text.split("data-undo").nth(1).unwrap();
    let acte = told.split("name=\"acte\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let undone = s.send(&s.anne, &format!("{}/annuler", s.bal), &[("acte", acte)]).await;
    assert_eq!(undone.status, StatusCode::SEE_OTHER, "{}", undone.text);
    assert_eq!(with(&s.get(&s.anne, &folder).await, "bruno"), 2);
    s.world.advance(60);
    let page = s.get(&s.bruno, &folder).await;
    let done = give(&s.bruno, &made(&page), &[("faire", "confier"), ("a", "")]).await;
    shown(&s.get(&s.bruno, done.header("location")).await, &["2 conversations ne sont plus confiées à personne."]);
    // At a BAL of one person there is nobody to give anything to.
    let own = s.world.actor("anne", ANNE).await.bal.unwrap().id;
    let own = s.get(&s.anne, &format!("/bal/{}", s.world.op.bal_object(own))).await;
    assert!(!s.get(&s.anne, own.header("location")).await.text.contains("value=\"confier\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_a_message_is_shown() {
    let s = Service::new().await;
    let actor = s.world.actor("anne", ANNE).await;
    let text = letter(ANNE, "suivi");
    s.world.submit(&actor, ANNE, &[BRUNO, PAUL], &text).await.unwrap();
    s.world.op.append(&actor, "INBOX", FlagSet::default(), None, s.world.message(&text)).await.unwrap();
    let sent = s.world.op.open_folder(&actor, "INBOX", true).await.unwrap().entries[0].message;
    let bal = s.world.op.bal_object(actor.bal.unwrap().id);
    let page = format!("/bal/{bal}/message/{}/suivi", s.world.op.email_object(sent));
    shown(&s.get(&s.anne, &page).await, &["1 sur 2 remis", "1 en attente", BRUNO, PAUL]);
    // What waits is told as it happens, and asked for alone; the whole of it leaves as a file.
    let shown_there = s.get(&s.anne, &page).await.text;
    let stamp = shown_there.split("data-stamp=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let live = page.replace("/suivi", "/direct");
    assert!(shown_there.contains(&format!("data-direct=\"{live}\"")), "{shown_there}");
    let mut told = s.listens(&s.anne, &live).await;
    assert_eq!(told.next().await, json!({ "gens": [], "suivi": stamp, "encore": true }));
    let beta: DomainName = "beta.mssante.fr".parse().unwrap();
    s.world.op.queue_return(&s.world.admin, &Chosen::Destination(beta), "arrêt du destinataire").await.unwrap();
    let last = told.next().await;
    assert!(last["suivi"] != *stamp && last["encore"] == false, "{last}");
    assert!(told.ended().await, "nothing more can come");
    let piece = s.part(&s.anne, &page, "message").await;
    shown(&piece, &["1 sur 2 remis", "1 non remis", "data-stamp"]);
    assert!(!piece.text.contains("<html"), "{}", piece.text);
    let file = s.get(&s.anne, &format!("{page}?format=csv")).await;
    assert!(file.header("content-type").starts_with("text/csv"), "{}", file.text);
    assert!(file.text.lines().count() == 3 && file.text.contains("Retourné"), "{}", file.text);
    assert!(!s.get(&s.anne, &page).await.text.contains("data-direct"), "nothing to wait for");
    // A message that came has nothing to follow, and says so; another one's is none.
    shown(&s.get(&s.anne, &format!("{}/suivi", s.message)).await, &["Aucun suivi pour ce message"]);
    assert_eq!(s.get(&s.bruno, &page).await.status.as_u16(), RefusalCode::NotFound.http());
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_what_was_sent_say_how_far_it_came() {
    let s = Service::new().await;
    let (_, list) = s.sent(&[("bilan-a", &[BRUNO]), ("bilan-b", &[BRUNO, PAUL]), ("bilan-c", &[PAUL])]).await;
    let page = s.get(&s.anne, &list).await;
    let row = |subject: &str| {
        page.text.split("<li class=\"row").find(|row| row.contains(subject)).unwrap_or_else(|| panic!("{}", page.text))
    };
    assert!(row("bilan-a").contains("badge-ok\">Remis<"), "{}", row("bilan-a"));
    assert!(row("bilan-b").contains("badge-wait\">1 en attente<"), "{}", row("bilan-b"));
    assert!(row("bilan-c").contains("badge-wait\">En attente<"), "{}", row("bilan-c"));
    let english = s.get(&s.anne, &format!("{list}?lang=en")).await;
    shown(&english, &["badge-ok\">Delivered<", "1 waiting"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_what_was_sent_follow_it_while_the_list_is_open() {
    let s = Service::new().await;
    let (bal, list) = s.sent(&[("arrive", &[BRUNO]), ("attend", &[PAUL])]).await;
    let page = s.get(&s.anne, &list).await.text;
    assert!(page.contains(&format!("data-live=\"{bal}/direct\"")), "{page}");
    let code = match page.split("data-sent=\"").collect::<Vec<_>>()[..] {
        [_, row] => row.split('"').next().unwrap(),
        _ => panic!("one row waits: {page}"),
    };
    let far = async |session: &str, bal: &str, asked: &str| -> Value {
        let answer = s.get(session, &format!("{bal}/suivis?de={asked}")).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/json"));
        serde_json::from_str(&answer.text).unwrap()
    };
    let waits = json!([{ "de": code, "mot": "En attente", "teinte": "badge-wait", "attend": true }]);
    assert_eq!(far(&s.anne, &bal, code).await, waits);
    // What settles is a change of the BAL, told at once, and the row is another one then.
    let mut told = s.listens(&s.anne, &format!("{bal}/direct")).await;
    let beta: DomainName = "beta.mssante.fr".parse().unwrap();
    s.world.op.queue_return(&s.world.admin, &Chosen::Destination(beta), "arrêt du destinataire").await.unwrap();
    while told.data().await.expect("an event").0 != "compte" {}
    let lost = json!([{ "de": code, "mot": "Non remis", "teinte": "badge-no", "attend": false }]);
    assert_eq!(far(&s.anne, &bal, code).await, lost);
    assert!(!s.get(&s.anne, &list).await.text.contains("data-sent"), "nothing to wait for");
    // Of another BAL nothing is told, and of what names nothing neither.
    let own = s.world.actor("bruno", BRUNO).await.bal.unwrap().id;
    let own = format!("/bal/{}", s.world.op.bal_object(own));
    assert_eq!(far(&s.bruno, &own, code).await, json!([]));
    for nothing in ["", "x", "..", &code[1..], &format!("{code}00")] {
        assert_eq!(far(&s.anne, &bal, nothing).await, json!([]), "{nothing}");
    }
    assert!(s.get(&s.bruno, &format!("{bal}/suivis?de={code}")).await.status.is_client_error());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_do_with_a_message_is_told_while_it_is_open() {
    let s = Service::new().await;
    let page = s.get(&s.anne, &s.message).await;
    let live = format!("{}/direct", s.message);
    shown(&page, &[&format!("data-direct=\"{live}\"")]);
    let mut told = s.listens(&s.anne, &live).await;
    assert_eq!(told.next().await, json!({ "gens": [], "suivi": null, "encore": true }));

    // One begins an answer, and leaves it.
    let (bal, code) = s.message.split_once("/message/").unwrap();
    let answer = format!("{bal}/ecrire?repondre={code}&a=un");
    let writing = s.get(&s.bruno, &answer).await;
    shown(&writing, &["data-presence", "direct?repond=1"]);
    assert!(!writing.text.contains("répond en ce moment"), "not oneself: {}", writing.text);
    let says = |told: &Value, words: &str| {
        told["gens"].as_array().unwrap().iter().any(|w| w.as_str().unwrap().contains(words))
    };
    let now = told.next().await;
    assert!(says(&now, "répond en ce moment"), "{now}");
    shown(&s.get(&s.anne, &s.message).await, &["répond en ce moment"]);
    let left = s.send(&s.bruno, &format!("{}/presence", s.message), &[]).await;
    assert_eq!(left.status, StatusCode::NO_CONTENT, "{}", left.text);
    assert_eq!(told.next().await["gens"], json!([]));

    // An open page of writing is seen by the others for as long as it is open, and hears who has answered, whenever that was.
    let mut writes = s.listens(&s.bruno, &format!("{live}?repond=1")).await;
    assert_eq!(writes.next().await["gens"], json!([]));
    assert!(says(&told.next().await, "répond en ce moment"));
    let anne = s.world.actor("anne", SERVICE).await;
    let inbox = s.world.op.open_folder(&anne, "INBOX", true).await.unwrap();
    let answered = FlagSet::of(Flags::ANSWERED);
    let (folder, uid) = (inbox.folder.id, inbox.entries[0].uid);
    s.world.op.change_flags(&anne, folder, &[uid], FlagChange::Add, answered, None).await.unwrap();
    let heard = writes.next().await;
    assert!(says(&heard, "a répondu le"), "{heard}");
    shown(&s.get(&s.bruno, &answer).await, &["a répondu le"]);
    // Nobody else is told of it, and a BAL of one person has nobody to tell of.
    assert!(s.get(&s.bruno, &format!("/bal/B0/message/{code}/direct")).await.status.is_client_error());
    let own = s.world.actor("bruno", BRUNO).await;
    let text = s.world.message(&letter(PAUL, "seul"));
    s.world.op.append(&own, "INBOX", FlagSet::default(), None, text).await.unwrap();
    let alone = s.world.op.open_folder(&own, "INBOX", true).await.unwrap().entries[0].message;
    let bal = s.world.op.bal_object(own.bal.as_ref().unwrap().id);
    let alone = format!("/bal/{bal}/message/{}", s.world.op.email_object(alone));
    assert!(!s.get(&s.bruno, &alone).await.text.contains("data-direct"));
    let mut told = s.listens(&s.bruno, &format!("{alone}/direct")).await;
    assert_eq!(told.next().await, json!({ "gens": [], "suivi": null, "encore": false }));
    assert!(told.ended().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_answers_second_is_asked_once() {
    let s = Service::new().await;
    let (bal, code) = s.message.split_once("/message/").unwrap();
    let give = format!("{}/attribuer", s.message);
    led(&s.send(&s.anne, &give, &[("a", "anne"), ("version", "0")]).await, &s.message);
    let writing = s.get(&s.bruno, &format!("{bal}/ecrire?repondre={code}&a=un")).await;
    shown(&writing, &["s’en occupe."]);
    let form = writing.text.split('"').find(|p| p.contains("/ecrire/D")).unwrap_or_else(|| panic!("{}", writing.text));
    // A colleague answers while he writes, by a mail program.
    let anne = s.world.actor("anne", SERVICE).await;
    let inbox = s.world.op.open_folder(&anne, "INBOX", true).await.unwrap();
    let (folder, uid) = (inbox.folder.id, inbox.entries[0].uid);
    let answered = FlagSet::of(Flags::ANSWERED);
    s.world.op.change_flags(&anne, folder, &[uid], FlagChange::Add, answered, None).await.unwrap();
    let typed =
        [("a", PAUL), ("objet", "Re"), ("texte", "Bonjour"), ("repondre", code), ("mode", "un"), ("version", "0")];
    let asked = s.send(&s.bruno, form, &[&typed[..], &[("faire", "envoyer")]].concat()).await;
    shown(&asked, &["vient de répondre", "a répondu le", "value=\"envoyer-tel-quel\"", "Bonjour</textarea>"]);
    assert_eq!(s.get(&s.bruno, &format!("{bal}/envois")).await.text.matches("/retenir").count(), 0, "not sent yet");
    let version = asked.text.split("name=\"version\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let typed = [&typed[..5], &[("version", version), ("faire", "envoyer-tel-quel")]].concat();
    led(&s.send(&s.bruno, form, &typed).await, &format!("{bal}/envois"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_manages_sees_that_a_colleagues_letter_did_not_leave() {
    let s = Service::new().await;
    let (op, outbox) = (&s.world.op, format!("{}/envois", s.bal));
    let bruno = s.world.actor("bruno", SERVICE).await;
    let id = op.draft_of_object(&op.new_draft_object()).unwrap();
    let typed = Draft { to: ANNE.into(), subject: "Confidence".into(), text: "Bonjour".into(), ..Draft::default() };
    let view = op.new_draft(&bruno, id, &Start::Blank { to: String::new() }, typed).await.unwrap();
    op.send_draft(&bruno, id, view.version, None).await.unwrap();
    assert!(!s.get(&s.anne, &outbox).await.text.contains("de vos collègues"));
    op.end_access(&s.world.admin, SERVICE, "bruno", None).await.unwrap();
    s.world.advance(10);
    op.run_due_jobs().await.unwrap();
    let page = s.get(&s.anne, &outbox).await;
    shown(&page, &["Non partis, de vos collègues", "avez pas le droit"]);
    assert!(!page.text.contains("Confidence"), "who and why, not what: {}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_team_is_shown_to_each_as_far_as_it_is_theirs() {
    let s = Service::new().await;
    let team = format!("{}/equipe", s.bal);
    let page = s.get(&s.anne, &team).await;
    shown(&page, &["bruno", "Membre", "Connexions", "Attestation annuelle"]);
    let digest = page.text.split("name=\"lu\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let attest = format!("{team}/attester");
    led(&s.send(&s.anne, &attest, &[("lu", digest)]).await, &team);
    shown(&s.get(&s.anne, &team).await, &["Attesté par anne"]);
    let file = s.get(&s.anne, &format!("{team}?format=csv&tri=-login")).await;
    assert!(file.header("content-type").starts_with("text/csv") && file.text.contains("bruno"), "{}", file.text);
    let page = s.get(&s.bruno, &team).await;
    assert!(!page.text.contains("Attestation annuelle"), "{}", page.text);
    assert_eq!(s.send(&s.bruno, &attest, &[("lu", digest)]).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_written_tried_ordered_and_removed() {
    let s = Service::new().await;
    let (rules, new) = (format!("{}/regles", s.bal), format!("{}/regle/nouvelle", s.bal));
    shown(&s.get(&s.anne, &rules).await, &["Aucune règle"]);
    shown(&s.get(&s.anne, &new).await, &["<form", "name=\"objet\"", "bruno"]);
    let typed = [("nom", "Labo+%3Cb%3E"), ("objet", "resultats"), ("suivre", "1"), ("active", "1"), ("version", "0")];
    let tried = s.send(&s.anne, &new, &[&typed[..], &[("faire", "essayer")]].concat()).await;
    shown(&tried, &["Messages concernés", "resultats", "value=\"Labo &#60;b&#62;\""]);
    shown(&s.get(&s.anne, &rules).await, &["Aucune règle"]);
    led(&s.send(&s.anne, &new, &[&typed[..], &[("faire", "enregistrer")]].concat()).await, &rules);
    // What makes no sense comes back as it was typed, with why.
    let nothing = s.send(&s.anne, &new, &[("nom", "Vide"), ("version", "0"), ("faire", "enregistrer")]).await;
    assert!(nothing.status.is_client_error() && nothing.text.contains("value=\"Vide\""), "{}", nothing.text);
    let page = s.get(&s.anne, &rules).await;
    shown(&page, &["Labo &#60;b&#62;", "suivre"]);
    let remove = page.text.split('"').find(|p| p.ends_with("/retirer")).unwrap().to_owned();
    let version = page.text.split("name=\"version\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    led(&s.send(&s.anne, &remove, &[("version", version)]).await, &rules);
    shown(&s.get(&s.anne, &rules).await, &["Aucune règle"]);
    // A member sees none and makes none.
    assert_eq!(s.get(&s.bruno, &rules).await.status, StatusCode::FORBIDDEN);
    assert_eq!(s.send(&s.bruno, &new, &typed).await.status, StatusCode::FORBIDDEN);
}

/// A session holds eight streams of a node, of whatever pages. Whoever comes later is told when to come again, takes nobody's place, and finds one that was left.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_holds_so_many_streams() {
    let s = Service::new().await;
    let (list, message) = (format!("{}/direct", s.bal), format!("{}/direct", s.message));
    let mut held = Vec::new();
    for path in [&message, &list].into_iter().cycle().take(8) {
        held.push(s.listens(&s.anne, path).await);
    }
    let refused = async |path: &str| {
        let said = timeout(Duration::from_secs(30), s.get(&s.anne, path)).await.expect("it ends");
        assert_eq!((said.status, said.header("content-type")), (StatusCode::OK, "text/event-stream"));
        assert_eq!(said.header("cache-control"), "no-store");
        // `EventSource` comes again after an answer like this one, and after no other.
        assert!(said.text.contains("retry: 60000\n") && said.text.contains("event: plein\n"), "{}", said.text);
    };
    refused(&list).await;
    refused(&message).await;
    // The others go on, and so does whoever else there is.
    assert!(held[0].next().await["encore"].is_boolean());
    let mut other = s.listens(&s.bruno, &message).await;
    assert!(other.next().await["encore"].is_boolean());
    // A window that is closed says nothing.
    held.truncate(7);
    let mut late = s.listens(&s.anne, &message).await;
    assert!(late.next().await["encore"].is_boolean());
    refused(&message).await;
    // One that was not for the reader kept no place.
    drop((held, late));
    for _ in 0..9 {
        assert_eq!(s.get(&s.anne, &format!("{}/message/rien/direct", s.bal)).await.status, StatusCode::NOT_FOUND);
    }
    assert!(s.listens(&s.anne, &message).await.next().await["encore"].is_boolean());
}
