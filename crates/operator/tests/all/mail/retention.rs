//! What outlived its retention goes, and nothing that a hold names: messages of open BALs, contacts, requests, notices; asked about first, confirmed.
use sceau_domain::BalKind;
use sceau_identity::factor::Factor;
use sceau_operator::Operator;
use sceau_operator::accounts::structures::views::NewStructure;
use sceau_operator::care::fsck::{Options, fsck as look};
use sceau_operator::holds::HoldSubject;
use sceau_operator::life::CloseOrder;
use sceau_operator::retention::{DueView, NewRule};
use sceau_store::care::Progress;
use sceau_store::testing::{TestStore, postgres, sqlite};
use sceau_store::{StoreError, Value};
use sceau_testkit::browser::signed_in;
use sceau_testkit::world::*;

const OUT: &str = "accueil@beta.mssante.fr";
const ANNE: &str = "anne.martin@alpha.mssante.fr";
const BRUNO: &str = "bruno.petit@alpha.mssante.fr";
const SERVICE: &str = "cardiologie@alpha.mssante.fr";
/// Bruno is a member there, Anne answers for it.
const SHARED: &str = "exploitation@alpha.mssante.fr";
const DAY: i64 = 86_400;

async fn sql(w: &World, statement: &str) {
    let statement = statement.to_owned();
    w.store.write(move |tx| tx.execute(&statement, &[])).await.map_err(|e: StoreError| e).unwrap();
}

async fn number(w: &World, query: &str) -> i64 {
    let query = query.to_owned();
    let found = w.store.read(move |tx| tx.query(&query, &[])).await.map_err(|e: StoreError| e).unwrap();
    match found[0].0[0] {
        Value::Int(n) => n,
        ref other => panic!("{other:?}"),
    }
}

async fn mail(w: &World, to: &str, subject: &str) {
    w.hand_over(BETA, OUT, &[to], &letter(OUT, subject)).await.unwrap();
}

/// The next hourly round.
async fn round(w: &World, op: &Operator) {
    w.advance(3_600);
    op.housekeeping().await.unwrap();
}

fn of<'a>(due: &'a [DueView], item: &str) -> &'a DueView {
    due.iter().find(|d| d.item == item).unwrap()
}

async fn messages(store: TestStore) {
    let w = World::on(store, |_| {}).await;
    let new = NewStructure { code: "chu".into(), name: "CHU".into(), ..NewStructure::default() };
    w.op.add_structure(&w.admin, new).await.unwrap();
    sql(&w, &format!("UPDATE bals SET structure_id = (SELECT id FROM structures WHERE code = 'chu') WHERE address_key = '{BRUNO}'")).await;
    mail(&w, ANNE, "un").await;
    mail(&w, BRUNO, "un").await;
    w.advance(40 * DAY);
    mail(&w, ANNE, "deux").await;
    w.advance(60 * DAY);
    round(&w, &w.op).await;
    assert_eq!(w.inbox("anne", ANNE).await.len(), 2, "the standard policy keeps them until their user removes them");

    // The structure goes on as before by its own choice; what becomes shorter is counted first, and confirmed.
    w.op.use_retention(&w.admin, "promess", Some("chu"), false).await.unwrap();
    let due = w.op.retention_due(&w.admin, "medimail", None).await.unwrap();
    assert_eq!((of(&due, "messages").count, of(&due, "messages").held), (1, 0), "bruno's follow the structure's");
    let place = w.op.retention_due(&w.admin, "medimail", Some("chu")).await.unwrap();
    assert_eq!((place.len(), place[0].count), (1, 1));
    let anne = w.actor("anne", ANNE).await;
    assert_eq!(code(w.op.retention_due(&anne, "medimail", None).await), "right.missing");
    assert_eq!(code(w.op.retention_due(&w.admin, "rien", None).await), "admin.not_found");
    let refusal = w.op.use_retention(&w.admin, "medimail", None, false).await.unwrap_err();
    assert_eq!(refusal.code.as_str(), "retention.shorter");
    let said = refusal.sentence(sceau_domain::Lang::En);
    assert!(said.contains("messages: never → 3 months"), "{said}");
    round(&w, &w.op).await;
    assert_eq!(w.inbox("anne", ANNE).await.len(), 2, "nothing was followed");

    // A hold wins, whatever the policy; lifted, two nodes at once remove it once.
    let hold = w.op.place_hold(&w.admin, &HoldSubject::Bal(ANNE.into()), "conservation", "TJ").await.unwrap();
    w.op.use_retention(&w.admin, "medimail", None, true).await.unwrap();
    let due = w.op.retention_due(&w.admin, "medimail", None).await.unwrap();
    assert_eq!((of(&due, "messages").count, of(&due, "messages").held), (1, 1));
    round(&w, &w.op).await;
    assert_eq!(w.inbox("anne", ANNE).await.len(), 2);
    w.op.lift_hold(&w.admin, hold.id.parse().unwrap(), "mainlevée").await.unwrap();
    let second = w.restarted().await;
    w.advance(3_600);
    let (one, two) = tokio::join!(w.op.housekeeping(), second.housekeeping());
    one.and(two).unwrap();
    assert_eq!(w.inbox("anne", ANNE).await.len(), 1);
    let traced = w.traces("retention.messages").await;
    assert_eq!(traced.len(), 1);
    assert_eq!((&traced[0].data["count"], &traced[0].data["retention"]), (&1.into(), &"3 months".into()));
    assert_eq!((traced[0].actor.as_str(), traced[0].bal.as_deref()), ("system", Some(ANNE)));
    let seen = look(&w.store, Options { blobs: true, ..Options::default() }, &Progress::default()).await.unwrap();
    assert!(seen.findings.is_empty(), "{:?}", seen.findings);
    assert_eq!(w.inbox("bruno", BRUNO).await.len(), 1, "promess keeps them");

    // A policy in use that is made shorter asks too; one that nobody follows does not.
    let rules = |value: &str| [NewRule { item: "messages".into(), value: value.into(), source: None }];
    let made = w.op.set_retention(&w.admin, "maison", Some("promess"), &rules("2 years"), None, false).await.unwrap();
    let set = async |value: &'static str, version, yes| {
        w.op.set_retention(&w.admin, "maison", None, &rules(value), Some(version), yes).await
    };
    let made = set("1 year", made.version, false).await.unwrap();
    w.op.use_retention(&w.admin, "maison", Some("chu"), true).await.unwrap();
    assert_eq!(code(set("6 months", made.version, false).await), "retention.shorter");
    let made = set("3 years", made.version, false).await.expect("longer needs no word");
    set("1 month", made.version, true).await.unwrap();
    round(&w, &w.op).await;
    assert_eq!((w.inbox("bruno", BRUNO).await.len(), w.traces("retention.messages").await.len()), (0, 2));
}

async fn rows(store: TestStore) {
    let w = World::on(store, |_| {}).await;
    w.bal(SERVICE, BalKind::Org, &["anne"], |_| {}).await;
    let bruno = number(&w, "SELECT id FROM people WHERE login = 'bruno'").await;
    sql(&w, "UPDATE people SET email = 'b@exemple.fr', email_verified = 1, phone = '0102030405' WHERE login IN ('bruno', 'anne')").await;
    let now = w.op.clock().now().0;
    sql(
        &w,
        &format!(
            "INSERT INTO notices (id, person_id, template, epoch, sealed, state, created, expires, settled) \
             VALUES (1, {bruno}, 'email_link', 0, NULL, 'sent', {now}, {now}, {now})"
        ),
    )
    .await;
    sql(
        &w,
        &format!(
            "INSERT INTO openings (id, kind, address_key, state, request, asked_by, asked_person, at, changed, version) \
             VALUES (1, 'open', 'rien@alpha.mssante.fr', 'refused', '{{}}', 'bruno', {bruno}, {now}, {now}, 1), \
                    (2, 'open', 'encore@alpha.mssante.fr', 'requested', '{{}}', 'bruno', {bruno}, {now}, {now}, 1)"
        ),
    )
    .await;
    sql(&w, &format!("INSERT INTO opening_people (opening_id, person_id) VALUES (1, {bruno})")).await;
    // By what he proved who he was, here and elsewhere.
    for proof in [
        format!(
            "INSERT INTO bindings (kind, issuer, subject, person_id, bound, how, seen) SELECT 'card', 'ANS', digest, {bruno}, 1, 'rpps', 1 FROM tokens LIMIT 1"
        ),
        format!(
            "INSERT INTO factors (id, person_id, kind, label, public, counter, enrolled, enrolled_with, version) VALUES (1, {bruno}, 'passkey', 'Clé', '{{}}', 0, 1, 'card', 1)"
        ),
        format!("INSERT INTO handles (person_id, handle) SELECT {bruno}, digest FROM tokens LIMIT 1"),
        format!(
            "INSERT INTO known_browsers (digest, person_id, since, seen) SELECT digest, {bruno}, 1, {now} * 2 FROM tokens LIMIT 1"
        ),
        format!(
            "INSERT INTO recoveries (id, person_id, state, checked, reason, asked, asked_by, version) VALUES (1, {bruno}, 'done', 'guichet', 'perte', 1, 1, 1)"
        ),
        format!("INSERT INTO desk_choices (person_id, choices, changed) VALUES ({bruno}, '{{}}', 1)"),
    ] {
        sql(&w, &proof).await;
    }
    w.op.close_bal(&w.admin, BRUNO, CloseOrder::at_once("départ")).await.unwrap();
    w.advance(400 * DAY);
    let due = w.op.retention_due(&w.admin, "promess", None).await.unwrap();
    assert_eq!(of(&due, "identity").count, 0, "he has an access to another BAL");
    w.advance(-400 * DAY);
    sql(
        &w,
        &format!("UPDATE access SET ended = {now} WHERE person_id = {bruno} AND ended IS NULL AND role = 'member'"),
    )
    .await;
    w.op.housekeeping().await.unwrap();
    let left = async || {
        let bruno = "SELECT COUNT(*) FROM people WHERE login = 'bruno' AND email IS NOT NULL";
        let counts = [bruno, "SELECT COUNT(*) FROM notices", "SELECT COUNT(*) FROM openings WHERE id IN (1, 2)"];
        let mut out = Vec::new();
        for query in counts {
            out.push(number(&w, query).await);
        }
        out
    };
    // While any hold names what they are about, they stay: of the BAL where he had an access, and of its structure, too.
    let new = NewStructure { code: "chu".into(), name: "CHU".into(), ..NewStructure::default() };
    w.op.add_structure(&w.admin, new).await.unwrap();
    sql(&w, &format!("UPDATE bals SET structure_id = (SELECT id FROM structures WHERE code = 'chu') WHERE address_key = '{SHARED}'")).await;
    w.advance(400 * DAY);
    let (bal, structure) = (HoldSubject::Bal(SHARED.into()), HoldSubject::Structure("chu".into()));
    for subject in [HoldSubject::Operator, HoldSubject::Person("bruno".into()), bal.clone(), structure.clone()] {
        let hold = w.op.place_hold(&w.admin, &subject, "conservation", "TJ").await.unwrap();
        let due = w.op.retention_due(&w.admin, "promess", None).await.unwrap();
        for item in ["requests", "notices", "identity"] {
            assert_eq!((of(&due, item).count, of(&due, item).held), (1, 1), "{item} {subject:?}");
        }
        round(&w, &w.op).await;
        assert_eq!(left().await, [1, 1, 2], "{subject:?}");
        w.op.lift_hold(&w.admin, hold.id.parse().unwrap(), "mainlevée").await.unwrap();
    }
    sql(&w, &format!("INSERT INTO opening_people (opening_id, person_id) VALUES (2, {bruno})")).await;
    round(&w, &w.op).await;
    assert_eq!(left().await, [1, 0, 1], "he comes back: a request under way waits for him");
    sql(&w, "DELETE FROM opening_people WHERE opening_id = 2").await;
    let due = w.op.retention_due(&w.admin, "promess", None).await.unwrap();
    assert_eq!((of(&due, "identity").count, of(&due, "identity").held), (1, 0), "anne has a BAL");
    round(&w, &w.op).await;
    assert_eq!(left().await, [0, 0, 1], "a request under way stays");
    let traced = w.traces("retention.identity").await;
    assert_eq!((traced.len(), traced[0].data["login"].as_str()), (1, Some("bruno")));
    assert_eq!((w.traces("retention.requests").await.len(), w.traces("retention.notices").await.len()), (1, 1));
    for table in ["bindings", "factors", "handles", "known_browsers", "recoveries", "desk_choices"] {
        assert_eq!(number(&w, &format!("SELECT COUNT(*) FROM {table} WHERE person_id = {bruno}")).await, 0, "{table}");
    }
    // Who could read what stays answered for: name and login are part of what traces prove.
    assert_eq!(number(&w, "SELECT COUNT(*) FROM people WHERE login = 'bruno' AND name <> ''").await, 1);
    assert_eq!(number(&w, "SELECT COUNT(*) FROM people WHERE login = 'anne' AND email IS NOT NULL").await, 1);
    round(&w, &w.op).await;
    assert_eq!(w.traces("retention.identity").await.len(), 1, "once");

    // Which terms he accepted goes with the functional traces, ten years after his last BAL, unless a hold covers him; theirs who have one stays.
    let accepted = async |login: &str| {
        let of = format!(
            "SELECT COUNT(*) FROM acceptances WHERE person_id = (SELECT id FROM people WHERE login = '{login}')"
        );
        number(&w, &of).await
    };
    w.advance(2_900 * DAY);
    round(&w, &w.op).await;
    let due = w.op.retention_due(&w.admin, "promess", None).await.unwrap();
    assert_eq!((of(&due, "acceptances").value.as_str(), of(&due, "acceptances").count), ("10 years", 0));
    w.advance(400 * DAY);
    let rules = [NewRule { item: "bal_traces".into(), value: "20 years".into(), source: None }];
    w.op.set_retention(&w.admin, "maison", Some("promess"), &rules, None, false).await.unwrap();
    w.op.use_retention(&w.admin, "maison", Some("chu"), false).await.unwrap();
    round(&w, &w.op).await;
    assert_eq!(accepted("bruno").await, 1, "as long as any policy in use keeps the traces");
    w.op.use_retention(&w.admin, "promess", Some("chu"), true).await.unwrap();
    for subject in [HoldSubject::Operator, HoldSubject::Person("bruno".into()), bal, structure] {
        let hold = w.op.place_hold(&w.admin, &subject, "conservation", "TJ").await.unwrap();
        let due = w.op.retention_due(&w.admin, "promess", None).await.unwrap();
        assert_eq!((of(&due, "acceptances").count, of(&due, "acceptances").held), (1, 1), "{subject:?}");
        round(&w, &w.op).await;
        assert_eq!(accepted("bruno").await, 1, "{subject:?}");
        w.op.lift_hold(&w.admin, hold.id.parse().unwrap(), "mainlevée").await.unwrap();
    }
    // What he did in a BAL that goes on stays in the log, and so does what proves it.
    let act = "INSERT INTO traces (id, kind, act, at, person_id, actor, bal_id, outcome, data) SELECT 1, 'Functional', 'mail.filed', 1, p.id, p.login, b.id, \
               'ok', '{}' FROM people p CROSS JOIN bals b WHERE p.login = 'bruno' AND b.address_key = 'exploitation@alpha.mssante.fr'";
    sql(&w, act).await;
    round(&w, &w.op).await;
    assert_eq!((accepted("bruno").await, w.traces("retention.acceptances").await.len()), (1, 0), "the log needs it");
    sql(&w, "DELETE FROM traces WHERE actor = 'bruno'").await;
    round(&w, &w.op).await;
    assert_eq!((accepted("bruno").await, accepted("anne").await), (0, 1));
    let traced = w.traces("retention.acceptances").await;
    assert_eq!(
        (traced.len(), &traced[0].data["count"], &traced[0].data["retention"]),
        (1, &1.into(), &"10 years".into())
    );
    assert_eq!(
        traced[0].data["people"],
        serde_json::json!([bruno.to_string()]),
        "by number: no name begins another ten years"
    );
}

/// What a sign-in leaves goes in its time, by the hour's round.
async fn sign_ins(store: TestStore) {
    let w = World::on(store, |_| {}).await;
    let (cookie, anne) = signed_in(&w.op, &w.store, "anne", &[Factor::Passkey]).await;
    w.op.create_token(&w.admin, "anne", None, "poste", None).await.unwrap();
    let left = async || {
        let tokens = "SELECT COUNT(*) FROM tokens WHERE purpose = 'web'";
        let [attempts, sessions, browsers] = ["attempts", "web_sessions", "known_browsers"];
        let mut counts = vec![number(&w, tokens).await];
        for table in [attempts, sessions, browsers] {
            counts.push(number(&w, &format!("SELECT COUNT(*) FROM {table}")).await);
        }
        counts
    };
    // What made it stronger goes with it.
    sql(&w, "INSERT INTO web_step_ups (token_id, provider, provider_sid) SELECT token_id, 'psc', digest FROM web_sessions, known_browsers").await;
    let step_ups = async || number(&w, "SELECT COUNT(*) FROM web_step_ups").await;
    assert_eq!(left().await, [1; 4]);
    round(&w, &w.op).await;
    assert_eq!(
        (left().await, step_ups().await),
        (vec![1, 0, 1, 1], 1),
        "an attempt that is over is forgotten within the hour"
    );
    w.advance(31 * DAY);
    round(&w, &w.op).await;
    assert_eq!((left().await, step_ups().await), (vec![0, 0, 0, 1], 0), "a session after a month");
    assert_eq!(code(w.op.session_of(&cookie, &anne.origin).await), "login.required");
    w.advance(150 * DAY);
    round(&w, &w.op).await;
    assert_eq!(left().await, [0; 4], "a browser after half a year");
    assert!(number(&w, "SELECT COUNT(*) FROM tokens").await > 0, "what mail programs have stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_sign_ins_leave_goes_in_its_time() {
    sign_ins(sqlite().await).await;
    sign_ins(postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_go_when_their_policy_says_so_and_no_hold_stands() {
    messages(sqlite().await).await;
    messages(postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_people_go_and_holds_win() {
    rows(sqlite().await).await;
    rows(postgres().await).await;
}
