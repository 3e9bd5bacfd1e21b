//! Lives: suspended, blocked, closed and kept; by whom what is undone; a departure; holds that stop destruction.
use sceau_domain::retention::Item;
use sceau_domain::{BalKind, Refusal};
use sceau_operator::accounts::structures::views::NewStructure;
use sceau_operator::care::fsck::{Options, fsck as look};
use sceau_operator::holds::HoldSubject;
use sceau_operator::life::{Cause, CloseOrder, Departure, LifeView, PersonalFate};
use sceau_operator::mailbox::entries::{FlagChange, FlagSet, Flags};
use sceau_operator::retention::NewRule;
use sceau_operator::roles::NewRole;
use sceau_operator::{Actor, Door};
use sceau_store::care::Progress;
use sceau_store::testing::{TestStore, postgres, sqlite};
use sceau_store::{StoreError, params};
use sceau_testkit::world::*;

const OUT: &str = "accueil@beta.mssante.fr";
const ANNE: &str = "anne.martin@alpha.mssante.fr";
const SERVICE: &str = "cardiologie@alpha.mssante.fr";
const DAY: i64 = 86_400;

macro_rules! on_both_engines {
    ($($test:ident => $sqlite:ident, $postgres:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $sqlite() { $test(sqlite().await).await }
        #[tokio::test(flavor = "multi_thread")]
        async fn $postgres() { $test(postgres().await).await }
    )*};
}
on_both_engines!(
    stops_and_goes => stops_and_goes_on_sqlite, stops_and_goes_on_postgres;
    authorities => authorities_on_sqlite, authorities_on_postgres;
    cooling => cooling_on_sqlite, cooling_on_postgres;
    held => held_on_sqlite, held_on_postgres;
    departing => departing_on_sqlite, departing_on_postgres;
    policies => policies_on_sqlite, policies_on_postgres;
);

/// The structure `chu`, administered by chloe, where anne and bruno work.
async fn structure(w: &World) {
    let new = NewStructure { code: "chu".into(), name: "CHU de l'Exemple".into(), ..NewStructure::default() };
    w.op.add_structure(&w.admin, new).await.unwrap();
    for login in ["anne", "bruno", "chloe"] {
        w.op.join_structure(&w.admin, login, "chu", "essai", None).await.unwrap();
    }
    let named = "UPDATE people SET given_name = 'Chloé', family_name = 'Roux' WHERE login = 'chloe'";
    w.store.write(move |tx| tx.execute(named, &[])).await.map_err(|e: StoreError| e).unwrap();
    let role = NewRole {
        login: "chloe".into(),
        role: sceau_domain::Role::Structure,
        structure: Some("chu".into()),
        body: None,
        function: Some("Essai".into()),
        reason: "essai".into(),
    };
    w.op.grant_role(&w.admin, role).await.unwrap();
    let put = "UPDATE bals SET structure_id = (SELECT id FROM structures WHERE code = 'chu')";
    w.store.write(move |tx| tx.execute(put, &[])).await.map_err(|e: StoreError| e).unwrap();
}

async fn chloe(w: &World) -> Actor {
    Actor { bal: None, origin: origin(Door::Api), ..w.actor("chloe", "chloe.roux@alpha.mssante.fr").await }
}

fn states(life: &LifeView) -> Vec<&str> {
    life.steps.iter().map(|s| s.became.as_str()).collect()
}

fn order(cause: Cause, proof: Option<&str>, days: Option<u32>) -> CloseOrder {
    CloseOrder { cause, reason: "essai".into(), identity_proof: proof.map(str::to_owned), cooling_days: days }
}

async fn mail(w: &World, subject: &str) -> Result<(), Refusal> {
    w.hand_over(BETA, OUT, &[ANNE], &letter(OUT, subject)).await.map(drop)
}

/// Deletes the first message of the INBOX for good.
async fn expunge_first(w: &World, actor: &Actor) {
    let open = w.op.open_folder(actor, "INBOX", false).await.unwrap();
    let (folder, uid) = (open.folder.id, open.entries[0].uid);
    let flags = FlagSet::of(Flags::DELETED);
    w.op.change_flags(actor, folder, &[uid], FlagChange::Add, flags, None).await.unwrap();
    w.op.expunge(actor, folder, None).await.unwrap();
}

async fn stops_and_goes(store: TestStore) {
    let w = World::on(store, |_| {}).await;
    let session = w.actor("anne", ANNE).await;
    mail(&w, "avant").await.unwrap();
    // Each stop shuts every door at once, each go opens them again.
    let life = w.op.suspend_bal(&w.admin, ANNE, " congé ").await.unwrap();
    assert_eq!((life.state.as_str(), life.steps.last().unwrap().reason.as_deref()), ("suspended", Some("congé")));
    assert_eq!(code(w.op.open_folder(&session, "INBOX", true).await), "right.missing");
    mail(&w, "pendant").await.expect("a suspended BAL goes on receiving");
    assert_eq!(code(w.op.suspend_bal(&w.admin, ANNE, "x").await), "state.wrong");
    w.op.block_bal(&w.admin, ANNE, "enquête").await.unwrap();
    assert!(mail(&w, "bloquée").await.is_err());
    assert_eq!(code(w.op.resume_bal(&w.admin, ANNE, "x").await), "state.wrong");
    let life = w.op.release_bal(&w.admin, ANNE, "clos").await.unwrap();
    assert_eq!(life.state, "suspended", "back to what it was");
    w.op.resume_bal(&w.admin, ANNE, "retour").await.unwrap();
    mail(&w, "après").await.unwrap();
    assert_eq!(w.inbox("anne", ANNE).await.len(), 3);
    let traced = w.traces("bal.blocked").await;
    assert_eq!((traced.len(), traced[0].data["was"].as_str()), (1, Some("suspended")));
    // Every step has who, when and why, or is not taken.
    assert_eq!(code(w.op.suspend_bal(&w.admin, ANNE, " ").await), "admin.invalid");
    assert_eq!(code(w.op.suspend_bal(&w.admin, "rien@alpha.mssante.fr", "x").await), "admin.not_found");
    assert_eq!(code(w.op.suspend_bal(&session, ANNE, "x").await), "right.missing");
    assert_eq!(code(w.op.suspend_bal(&session, "rien@alpha.mssante.fr", "x").await), "right.missing");

    // A person: no door, and nobody blocks himself.
    let life = w.op.block_person(&w.admin, "anne", "enquête").await.unwrap();
    assert_eq!(states(&life), ["blocked"]);
    assert_eq!(code(w.op.open_folder(&session, "INBOX", true).await), "right.missing");
    assert_eq!(code(w.op.block_person(&w.admin, "anne", "x").await), "state.wrong");
    assert_eq!(code(w.op.block_person(&w.admin, "root", "x").await), "admin.invalid");
    w.op.release_person(&w.admin, "anne", "clos").await.unwrap();
    w.op.open_folder(&session, "INBOX", true).await.unwrap();
    // A structure.
    structure(&w).await;
    assert_eq!(w.op.block_structure(&w.admin, "chu", "enquête").await.unwrap().state, "blocked");
    assert_eq!(code(w.op.open_folder(&session, "INBOX", true).await), "right.missing");
    w.op.release_structure(&w.admin, "chu", "clos").await.unwrap();
    w.op.open_folder(&session, "INBOX", true).await.unwrap();
    assert_eq!(w.traces("structure.released").await.len(), 1);
}

async fn authorities(store: TestStore) {
    let w = World::on(store, |_| {}).await;
    structure(&w).await;
    let (chloe, anne) = (chloe(&w).await, w.actor("anne", ANNE).await);
    // What the structure stopped, the operator and the structure take up again.
    w.op.block_bal(&chloe, ANNE, "enquête").await.unwrap();
    w.op.release_bal(&chloe, ANNE, "clos").await.unwrap();
    // What the operator stopped, the structure does not.
    w.op.block_bal(&w.admin, ANNE, "enquête").await.unwrap();
    assert_eq!(code(w.op.release_bal(&chloe, ANNE, "x").await), "right.missing");
    assert_eq!(code(w.op.close_bal(&chloe, ANNE, order(Cause::Unused, None, None)).await), "right.missing");
    w.op.release_bal(&w.admin, ANNE, "clos").await.unwrap();
    w.op.block_person(&w.admin, "bruno", "enquête").await.unwrap();
    assert_eq!(code(w.op.release_person(&chloe, "bruno", "x").await), "right.missing");
    w.op.release_person(&w.admin, "bruno", "clos").await.unwrap();
    w.op.block_person(&chloe, "bruno", "enquête").await.unwrap();
    // What the operator takes over is the operator's to release.
    assert_eq!(code(w.op.block_person(&chloe, "bruno", "x").await), "state.wrong");
    assert_eq!(w.op.block_person(&w.admin, "bruno", "autre enquête").await.unwrap().state, "blocked");
    assert_eq!(code(w.op.block_person(&w.admin, "bruno", "x").await), "state.wrong");
    assert_eq!(code(w.op.release_person(&chloe, "bruno", "x").await), "right.missing");
    w.op.release_person(&w.admin, "bruno", "clos").await.unwrap();
    // A block put over the operator's suspension, and taken away again, does not make the suspension the structure's; nor does it let it be closed.
    w.op.suspend_bal(&w.admin, ANNE, "habilitation en doute").await.unwrap();
    w.op.block_bal(&chloe, ANNE, "enquête").await.unwrap();
    assert_eq!(code(w.op.close_bal(&chloe, ANNE, order(Cause::Unused, None, None)).await), "right.missing");
    assert_eq!(w.op.release_bal(&chloe, ANNE, "clos").await.unwrap().state, "suspended");
    assert_eq!(code(w.op.resume_bal(&chloe, ANNE, "x").await), "right.missing");
    w.op.resume_bal(&w.admin, ANNE, "clos").await.unwrap();
    // A person's block and a BAL's suspension are two things: the end of one leaves the other.
    w.op.block_person(&w.admin, "anne", "enquête").await.unwrap();
    w.op.suspend_bal(&w.admin, ANNE, "congé").await.unwrap();
    w.op.resume_bal(&w.admin, ANNE, "retour").await.unwrap();
    assert_eq!(code(w.op.open_folder(&anne, "INBOX", true).await), "right.missing");
    w.op.suspend_bal(&w.admin, ANNE, "congé").await.unwrap();
    w.op.release_person(&w.admin, "anne", "clos").await.unwrap();
    assert_eq!(code(w.op.open_folder(&anne, "INBOX", true).await), "right.missing");
    w.op.resume_bal(&w.admin, ANNE, "retour").await.unwrap();
    w.op.open_folder(&anne, "INBOX", true).await.unwrap();
    // A closing that the structure ordered is not withdrawn by the user; one's own is.
    w.op.close_bal(&chloe, ANNE, order(Cause::Departure, None, None)).await.unwrap();
    assert_eq!(code(w.op.keep_bal(&anne, ANNE, "x").await), "right.missing");
    w.op.keep_bal(&chloe, ANNE, "reste").await.unwrap();
    w.op.close_bal(&anne, ANNE, order(Cause::Request, None, None)).await.unwrap();
    assert_eq!(w.op.keep_bal(&anne, ANNE, "tout compte fait").await.unwrap().state, "active");
    assert_eq!(w.traces("bal.closing").await[1].data["identity_proof"], "session");
    // An investigation is not told to whom it is about.
    let told = w.op.life_of_bal(&anne, ANNE).await.unwrap();
    assert!(told.steps.len() > 5 && told.steps.iter().all(|s| s.reason.is_none() && s.by.is_none()));
    let told = w.op.life_of_bal(&chloe, ANNE).await.unwrap();
    assert!(told.steps.iter().all(|s| s.by.is_some()) && told.steps.last().unwrap().reason.is_some());
}

async fn cooling(store: TestStore) {
    let w = World::on(store, |_| {}).await;
    structure(&w).await;
    let (chloe, session) = (chloe(&w).await, w.actor("anne", ANNE).await);
    mail(&w, "avant").await.unwrap();
    // With proof (F031); only the operator shortens the period.
    assert_eq!(code(w.op.close_bal(&w.admin, ANNE, order(Cause::Request, None, None)).await), "admin.invalid");
    assert_eq!(code(w.op.close_bal(&chloe, ANNE, order(Cause::Unused, None, Some(29))).await), "admin.invalid");
    assert_eq!(code(w.op.close_bal(&w.admin, ANNE, order(Cause::Unused, None, Some(366))).await), "admin.invalid");
    let asked = order(Cause::Request, Some("carte vue"), Some(31));
    let life = w.op.close_bal(&chloe, ANNE, asked).await.unwrap();
    let start = w.op.clock().now().0;
    assert_eq!((life.state.as_str(), life.closing_at.map(|t| t.0)), ("closing", Some(start + 31 * DAY * 1000)));
    assert_eq!(w.traces("bal.closing").await[0].data["identity_proof"], "carte vue");
    assert_eq!(code(w.op.open_folder(&session, "INBOX", true).await), "right.missing");
    assert!(mail(&w, "pendant").await.is_err());
    // Kept on the last day: nothing was lost.
    w.advance(31 * DAY - 1);
    w.op.housekeeping().await.unwrap();
    assert_eq!(w.op.keep_bal(&w.admin, ANNE, "reste").await.unwrap().state, "active");
    w.advance(3);
    w.op.housekeeping().await.unwrap();
    assert_eq!(w.inbox("anne", ANNE).await.len(), 1);
    // The policy's period, to its end.
    let life = w.op.close_bal(&w.admin, ANNE, order(Cause::Misuse, None, None)).await.unwrap();
    assert_eq!(life.closing_at.map(|t| t.0), Some(w.op.clock().now().0 + 30 * DAY * 1000));
    w.advance(30 * DAY);
    assert_eq!(code(w.op.keep_bal(&w.admin, ANNE, "trop tard").await), "state.wrong");
    w.op.housekeeping().await.unwrap();
    let closed = w.op.life_of_bal(&w.admin, ANNE).await.unwrap();
    assert_eq!((closed.state.as_str(), closed.tombstone_until), ("closed", None), "its address rests for ever");
    w.op.housekeeping().await.unwrap();
    w.op.run_due_jobs().await.unwrap();
    let life = w.op.life_of_bal(&w.admin, ANNE).await.unwrap();
    let end = ["closing", "active", "closing", "closed", "destroyed", "tombstone"];
    assert!(states(&life).ends_with(&end), "{:?}", states(&life));
    assert_eq!((w.traces("bal.closed").await.len(), w.traces("bal.destroyed").await.len()), (1, 1));
    assert_eq!(w.store.vault().bal_key(session.bal.unwrap().id).await.unwrap_err(), StoreError::NoKey);
    for late in [
        w.op.keep_bal(&w.admin, ANNE, "x").await,
        w.op.resume_bal(&w.admin, ANNE, "x").await,
        w.op.block_bal(&w.admin, ANNE, "x").await,
        w.op.close_bal(&w.admin, ANNE, CloseOrder::at_once("x")).await,
    ] {
        assert_eq!(code(late), "state.wrong", "what is closed never comes back");
    }

    // F032: by the notification address only when it does not reach the holder.
    let email = "UPDATE people SET email = 'b@exemple.fr', email_verified = $1 WHERE login = 'bruno'";
    let bruno = "bruno.petit@alpha.mssante.fr";
    w.store.write(move |tx| tx.execute(email, params![1_i64])).await.map_err(|e: StoreError| e).unwrap();
    let unreachable = || order(Cause::NotificationAddress, None, None);
    assert_eq!(code(w.op.close_bal(&w.admin, bruno, unreachable()).await), "state.wrong");
    let bounced = "UPDATE people SET email_verified = NULL WHERE login = 'bruno'";
    w.store.write(move |tx| tx.execute(bounced, &[])).await.map_err(|e: StoreError| e).unwrap();
    assert_eq!(w.op.close_bal(&w.admin, bruno, unreachable()).await.unwrap().state, "closing");
}

async fn held(store: TestStore) {
    let w = World::on(store, |_| {}).await;
    for subject in ["un", "deux"] {
        mail(&w, subject).await.unwrap();
    }
    let session = w.actor("anne", ANNE).await;
    let bal = session.bal.as_ref().unwrap().id;
    let place = async |on: &HoldSubject| w.op.place_hold(&w.admin, on, "conservation", "TJ 2026-117").await;
    assert_eq!(code(w.op.place_hold(&session, &HoldSubject::Operator, "x", "x").await), "right.missing");
    assert_eq!(code(place(&HoldSubject::Person("personne".into())).await), "admin.not_found");
    let on_bal = place(&HoldSubject::Bal(ANNE.into())).await.unwrap();
    let on_person = place(&HoldSubject::Person("anne".into())).await.unwrap();
    let (bal_hold, person_hold): (i64, i64) = (on_bal.id.parse().unwrap(), on_person.id.parse().unwrap());

    // What she expunges is out of her sight, and stays.
    expunge_first(&w, &session).await;
    assert_eq!(w.inbox("anne", ANNE).await.len(), 1);
    let messages = "(SELECT id FROM messages) AS all_of_them";
    let before = w.count(messages).await;
    assert_eq!((before, w.count("kept_messages").await), (2, 1));
    let seen = look(&w.store, Options { blobs: true, ..Options::default() }, &Progress::default()).await.unwrap();
    assert!(seen.findings.is_empty(), "a message that is kept is no finding: {:?}", seen.findings);
    let life = w.op.life_of_bal(&w.admin, ANNE).await.unwrap();
    assert_eq!((life.kept_messages, life.holds.len()), (1, 2));
    let told = w.op.life_of_bal(&session, ANNE).await.unwrap();
    assert!(told.holds.is_empty() && told.kept_messages == 0, "not told to whom it is about");

    // Blocking and closing go on; destruction does not, whoever starts, whatever time passes.
    w.op.block_bal(&w.admin, ANNE, "enquête").await.unwrap();
    w.op.close_bal(&w.admin, ANNE, order(Cause::Misuse, None, None)).await.unwrap();
    w.advance(40 * DAY);
    w.op.housekeeping().await.unwrap();
    w.op.run_due_jobs().await.unwrap();
    let again = w.restarted().await;
    w.advance(2 * 3600);
    again.run_due_jobs().await.unwrap();
    assert_eq!(again.life_of_bal(&w.admin, ANNE).await.unwrap().state, "closed");
    w.store.vault().bal_key(bal).await.expect("the key is kept");
    assert_eq!(w.count(messages).await, before);
    // One lifted, the other still stands.
    w.op.lift_hold(&w.admin, bal_hold, "mainlevée").await.unwrap();
    assert_eq!(code(w.op.lift_hold(&w.admin, bal_hold, "x").await), "state.wrong");
    w.op.run_due_jobs().await.unwrap();
    w.store.vault().bal_key(bal).await.expect("the key is kept");
    w.op.lift_hold(&w.admin, person_hold, "mainlevée").await.unwrap();
    w.op.run_due_jobs().await.unwrap();
    w.op.housekeeping().await.unwrap();
    assert_eq!(w.store.vault().bal_key(bal).await.unwrap_err(), StoreError::NoKey);
    assert_eq!((w.count(messages).await, w.count("kept_messages").await), (0, 0));
    assert_eq!(w.op.life_of_bal(&w.admin, ANNE).await.unwrap().state, "tombstone");
    assert_eq!(code(place(&HoldSubject::Bal(ANNE.into())).await), "state.wrong", "too late is said");
    let all = w.op.holds(&w.admin, true, 0, 10).await.unwrap();
    assert_eq!((all.len(), w.op.holds(&w.admin, false, 0, 10).await.unwrap().len()), (2, 0));
    assert_eq!(all[0].lifted_reason.as_deref(), Some("mainlevée"));
    // A BAL that stays open: what was kept goes once the hold is lifted.
    w.hand_over(BETA, OUT, &["bruno.petit@alpha.mssante.fr"], &letter(OUT, "trois")).await.unwrap();
    let hold = place(&HoldSubject::Operator).await.unwrap().id.parse().unwrap();
    let bruno = w.actor("bruno", "bruno.petit@alpha.mssante.fr").await;
    expunge_first(&w, &bruno).await;
    w.op.housekeeping().await.unwrap();
    assert_eq!((w.count(messages).await, w.count("kept_messages").await), (1, 1));
    w.op.lift_hold(&w.admin, hold, "mainlevée").await.unwrap();
    w.op.housekeeping().await.unwrap();
    assert_eq!((w.count(messages).await, w.count("kept_messages").await), (0, 0));
}

async fn departing(store: TestStore) {
    let w = World::on(store, |_| {}).await;
    w.bal(SERVICE, BalKind::Org, &["anne"], |b| b.members = vec!["bruno".into()]).await;
    structure(&w).await;
    let chloe = chloe(&w).await;
    let (_, token) = w.op.create_token(&w.admin, "anne", Some(SERVICE), "poste", None).await.unwrap();
    let login = async || w.op.login_token("anne*cardiologie@alpha.mssante.fr", &token, &origin(Door::Imap)).await;
    login().await.unwrap();
    let at_service = w.actor("anne", SERVICE).await;
    w.op.open_folder(&at_service, "INBOX", true).await.unwrap();
    let order = |structure: &str| Departure {
        structure: structure.into(),
        reason: "fin de contrat".into(),
        personal: PersonalFate::default(),
    };
    assert_eq!(code(w.op.depart(&w.actor("bruno", SERVICE).await, "anne", order("chu")).await), "right.missing");
    assert_eq!(code(w.op.depart(&w.admin, "anne", order("autre")).await), "admin.not_found");
    let left = w.op.depart(&chloe, "anne", order("chu")).await.unwrap();
    // exploitation@, essai.medecin@ and cardiologie@ were hers to look after.
    assert_eq!((left.accesses, left.tokens, left.roles), (3, 1, 0));
    assert!(left.without_responsible.contains(&SERVICE.to_owned()), "{left:?}");
    assert_eq!((left.personal[0].address.as_str(), left.personal[0].state.as_str()), (ANNE, "suspended"));
    assert!(login().await.is_err());
    assert_eq!(code(w.op.open_folder(&at_service, "INBOX", true).await), "right.missing");
    assert_eq!(code(w.op.open_folder(&w.actor("anne", ANNE).await, "INBOX", true).await), "right.missing");
    w.op.open_folder(&w.actor("bruno", SERVICE).await, "INBOX", true).await.unwrap();
    assert_eq!(w.traces("person.left").await[0].data["accesses"], 3);
    let again = w.op.depart(&w.admin, "anne", order("chu")).await.unwrap();
    assert_eq!((again.accesses, again.roles), (0, 0), "she has left: there is nothing more to do");
    // A departure that was cut before her own BAL was suspended is finished by asking again.
    w.op.resume_bal(&w.admin, ANNE, "comme après une coupure").await.unwrap();
    let again = w.op.depart(&chloe, "anne", order("chu")).await.unwrap();
    assert_eq!((again.accesses, again.personal[0].state.as_str()), (0, "suspended"));
}

async fn policies(store: TestStore) {
    let w = World::on(store, |_| {}).await;
    structure(&w).await;
    let chloe = chloe(&w).await;
    let rule = |item: &str, value: &str| NewRule { item: item.into(), value: value.into(), source: None };
    let set =
        async |rules: &[NewRule], version| w.op.set_retention(&w.admin, "maison", None, rules, version, false).await;
    assert_eq!(w.op.retention_policies(&chloe).await.unwrap().len(), 3);
    assert_eq!(code(w.op.set_retention(&chloe, "maison", None, &[], None, false).await), "right.missing");
    assert_eq!(code(set(&[rule("functional_traces", "9 years")], None).await), "admin.invalid");
    assert_eq!(code(set(&[rule("inactivity_closure", "2 years")], None).await), "admin.invalid");
    assert_eq!(code(set(&[rule("autre", "2 years")], None).await), "admin.invalid");
    assert_eq!(code(w.op.set_retention(&w.admin, "promess", None, &[], None, false).await), "admin.exists");
    let made = set(&[rule("cooling", "10 working_days"), rule("tombstone", "12 years")], None).await.unwrap();
    let of = |v: &sceau_operator::retention::RetentionView, item: Item| {
        v.rules.iter().find(|r| r.item == item.as_str()).map(|r| (r.value.clone(), r.source.clone(), r.verified))
    };
    assert_eq!(of(&made, Item::Cooling), Some(("10 working_days".into(), "root".into(), false)));
    assert!(of(&made, Item::FunctionalTraces).unwrap().2, "what was not changed keeps its source");
    assert_eq!(code(set(&[rule("cooling", "1 day")], None).await), "admin.exists");
    assert_eq!(code(set(&[rule("cooling", "1 day")], Some(made.version + 1)).await), "edit.conflict");
    // Two BALs of the same structure: each closing follows the policy in force when it began.
    let days = |view: LifeView, from: i64| (view.closing_at.unwrap().0 - from) / 86_400_000;
    let now = w.op.clock().now().0;
    let close = |a: &'static str| w.op.close_bal(&w.admin, a, order(Cause::Unused, None, None));
    assert_eq!(days(close(ANNE).await.unwrap(), now), 30);
    assert_eq!(code(w.op.use_retention(&w.admin, "rien", Some("chu"), false).await), "admin.not_found");
    let used = w.op.use_retention(&w.admin, "maison", Some("chu"), true).await.unwrap();
    assert_eq!((used.operator, used.structures.as_slice()), (false, &["chu".to_owned()][..]));
    let ten = days(close("bruno.petit@alpha.mssante.fr").await.unwrap(), now);
    assert_eq!(ten, 13, "from Saturday the 21st of November to Friday the 4th of December at 18:00");
    w.advance(31 * DAY);
    w.op.housekeeping().await.unwrap();
    let life = w.op.life_of_bal(&w.admin, "bruno.petit@alpha.mssante.fr").await.unwrap();
    let years = (life.tombstone_until.unwrap().0 - now) / 1000 / DAY / 365;
    assert_eq!((life.state.as_str(), years), ("closed", 12));
}
