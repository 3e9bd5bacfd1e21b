//! Sharing without a script: notes, who takes care, what became of a message, the team, rules. What people write is shown as text.
use crate::support::{HERE, Page, browse};
use axum::Router;
use axum::http::{Method, StatusCode};
use sceau_domain::{BalKind, RefusalCode};
use sceau_identity::factor::Factor;
use sceau_identity::session::csrf;
use sceau_operator::mailbox::entries::FlagSet;
use sceau_testkit::browser::signed_in;
use sceau_testkit::world::{BETA, World, letter};

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
    async fn send(&self, session: &str, path: &str, fields: &[(&str, &str)]) -> Page {
        let word = csrf(&self.world.op.form_key(session), path);
        let all: Vec<String> =
            std::iter::once(&("jeton", word.as_str())).chain(fields).map(|(n, v)| format!("{n}={v}")).collect();
        let cookie = format!("__Host-sceau={session}");
        let headers = [("origin", HERE), ("cookie", cookie.as_str())];
        browse(&self.app, Method::POST, path, &headers, &all.join("&")).await
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
    shown(&page, &["rappeler &#60;script&#62;", "Notes internes", "Personne ne s’en occupe encore."]);
    assert!(!page.text.contains("<script>alert"), "{}", page.text);
    // Taken away by who answers for the BAL; a member has no such form for another's.
    let remove = page.text.split('"').find(|p| p.ends_with("/retirer")).unwrap_or_else(|| panic!("{}", page.text));
    led(&s.send(&s.anne, remove, &[]).await, &s.message);
    assert!(!s.get(&s.bruno, &s.message).await.text.contains("rappeler"));
    assert!(s.send(&s.bruno, &note, &[("note", &"a".repeat(4_001))]).await.says(RefusalCode::NoteLong));

    let give = format!("{}/attribuer", s.message);
    led(&s.send(&s.anne, &give, &[("a", "bruno"), ("version", "0")]).await, &s.message);
    shown(&s.get(&s.bruno, &s.message).await, &["s’en occupe."]);
    // The refusal names who has it.
    let late = s.send(&s.bruno, &give, &[("a", "bruno"), ("version", "0")]).await;
    assert_eq!(late.status.as_u16(), RefusalCode::EditConflict.http());
    assert!(late.text.contains("modifié entre-temps"), "{}", late.text);
    // Reading is seen by the others once it is written down.
    s.world.op.flush_traces().await.unwrap();
    shown(&s.get(&s.anne, &s.message).await, &["a ouvert le"]);
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
    // A message that came has nothing to follow, and says so; another one's is none.
    shown(&s.get(&s.anne, &format!("{}/suivi", s.message)).await, &["Aucun suivi pour ce message"]);
    assert_eq!(s.get(&s.bruno, &page).await.status.as_u16(), RefusalCode::NotFound.http());
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
