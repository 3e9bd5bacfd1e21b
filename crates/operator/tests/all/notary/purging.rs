//! Purges after ten years and one year, and what verification makes of them.
use crate::notary::on_both_engines;
use crate::notary::world::{DAY, World};
use sceau_notary::audit::Finding;
use sceau_notary::purge::retention;
use sceau_notary::{Kind, purge};
use sceau_operator::notary::LogReader;
use sceau_store::holds::Hold;

on_both_engines!(
    purges_follow_retention_and_leave_a_log_that_verifies,
    a_hold_suspends_purges_visibly,
    a_hold_on_a_person_keeps_what_the_person_did,
    a_hold_that_is_being_placed_comes_first,
    a_longer_policy_keeps_traces_longer,
    what_names_a_bal_stays_for_its_time_after_the_closing,
    only_a_purge_past_retention_is_accepted,
);

async fn purges_follow_retention_and_leave_a_log_that_verifies(mut w: World) {
    let ids = w.history(3, 10).await;
    let technical = w.number("SELECT COUNT(*) FROM traces WHERE kind = 'Technical'").await;
    w.later(retention(Kind::Technical) - 3 * DAY);
    w.acts(1).await;
    w.notary().round().await.unwrap();
    w.later(2 * DAY);
    assert_eq!(w.notary().purge_due().await.unwrap(), 0, "not too early");
    // A clock that jumps ahead purges nothing for a day.
    w.later(20 * DAY);
    assert_eq!(w.notary().purge_due().await.unwrap(), 0, "the log was not signed within eight days");
    w.later(-18 * DAY);
    assert_eq!(w.notary().purge_due().await.unwrap(), technical as u64);
    assert_eq!(w.number("SELECT COUNT(*) FROM traces WHERE kind = 'Technical'").await, 1, "the new one");
    assert_eq!(w.number("SELECT COUNT(*) FROM leaves WHERE salt IS NULL AND stub IS NOT NULL").await, technical);
    let report = w.verify().await;
    World::assert_good(&report);
    assert_eq!((report.purged, report.leaves), (technical as u64, 32), "the purge has its leaf");
    assert_eq!(w.notary().purge_due().await.unwrap(), 0);
    // Evidence of what stays still leads to the root, across the gaps.
    let reader = LogReader::new(w.store.clone());
    let bundle = reader.evidence(ids[1], None).await.unwrap();
    assert_eq!(bundle.verify(&w.keys().await[0]), Ok(()));
    assert!(reader.evidence(ids[0], None).await.is_err());
    drop(reader);
    // Nine years later the functional ones go; the purges' own traces stay.
    w.restart().await;
    w.aged(retention(Kind::Functional)).await;
    assert_eq!(w.notary().purge_due().await.unwrap(), 31 - technical as u64);
    let report = w.verify().await;
    World::assert_good(&report);
    assert_eq!((report.purged, report.traces, report.leaves), (31, 4, 35));
    let purged = format!("SELECT COUNT(*) FROM traces WHERE act = '{}'", purge::ACT);
    assert_eq!((w.number(&purged).await, w.number("SELECT COUNT(*) FROM traces").await), (3, 4));
}

async fn a_hold_suspends_purges_visibly(mut w: World) {
    w.history(1, 6).await;
    w.settings.hold = Some("réquisition 2026-117".into());
    w.restart().await;
    w.aged(2 * retention(Kind::Technical)).await;
    assert_eq!(w.notary().purge_due().await.unwrap(), 0);
    assert_eq!(w.rows("SELECT 1 FROM traces WHERE act = 'trace.hold'").await.len(), 1);
    let open = "SELECT 1 FROM alarms WHERE code = 'notary.hold' AND cleared IS NULL";
    assert_eq!(w.rows(open).await.len(), 1);
    assert!(LogReader::new(w.store.clone()).overview().await.unwrap().hold.is_some());
    w.settings.hold = None;
    w.restart().await;
    w.later(60_000);
    assert!(w.notary().purge_due().await.unwrap() > 0);
    assert_eq!(w.rows("SELECT 1 FROM traces WHERE act = 'trace.hold'").await.len(), 2);
    assert_eq!(w.rows(open).await.len(), 0);
    w.notary().round().await.unwrap();
    World::assert_good(&w.verify().await);
}

async fn a_hold_on_a_person_keeps_what_the_person_did(w: World) {
    w.history(1, 6).await;
    w.sql(&[
        "INSERT INTO people (id, login, name, created) VALUES (7, 'sept', 'Sept', 0)",
        "INSERT INTO legal_holds (id, subject, subject_id, reason, authority, placed, placed_by) VALUES (1, 'person', 7, 'x', 'x', 0, 'root')",
    ])
    .await;
    w.aged(retention(Kind::Technical) + DAY).await;
    assert_eq!(w.notary().purge_due().await.unwrap(), 0);
    assert_eq!(w.notary().purge_due().await.unwrap(), 0);
    // Lifted: what had been passed over is looked at again.
    w.sql(&["UPDATE legal_holds SET lifted = 1, lifted_by = 'root'"]).await;
    assert_eq!(w.notary().purge_due().await.unwrap(), 2, "the technical ones");
    World::assert_good(&w.verify().await);
}

/// Placed between the moment at which a purge judged what may go and the one at which it takes it away.
async fn a_hold_that_is_being_placed_comes_first(w: World) {
    w.history(1, 6).await;
    w.aged(retention(Kind::Technical) + DAY).await;
    let technical = "SELECT COUNT(*) FROM traces WHERE kind = 'Technical'";
    let before = w.number(technical).await;
    let hold = Hold::new(1, ("operator", 0), "conservation", "TJ", 0, "root");
    let gone = w.store.while_a_hold_is_placed(hold, w.notary().purge_due()).await;
    assert_eq!((gone.unwrap(), w.number(technical).await), (0, before));
    World::assert_good(&w.verify().await);
    w.sql(&["UPDATE legal_holds SET lifted = 1, lifted_by = 'root'"]).await;
    assert_eq!(w.notary().purge_due().await.unwrap(), 2);
}

async fn a_longer_policy_keeps_traces_longer(w: World) {
    w.history(1, 6).await;
    let rules = r#"{"technical_traces": {"value": "2 years", "source": "essai", "verified": false}}"#;
    w.sql(&[
        &format!(
            "INSERT INTO retention_policies (name, definition, version, changed, changed_by) VALUES ('maison', '{rules}', 1, 0, 'root')"
        ),
        "INSERT INTO retention_choices (structure_id, policy, changed, changed_by) VALUES (5, 'maison', 0, 'root')",
    ])
    .await;
    w.aged(retention(Kind::Technical) + DAY).await;
    assert_eq!(w.notary().purge_due().await.unwrap(), 0, "one structure keeps them longer, and one log holds them all");
    w.aged(retention(Kind::Technical)).await;
    assert_eq!(w.notary().purge_due().await.unwrap(), 2);
    World::assert_good(&w.verify().await);
}

/// Ten years from the BAL's closing on, where the policy says so (the standard one does): not from each trace's own date.
async fn what_names_a_bal_stays_for_its_time_after_the_closing(w: World) {
    w.sql(&[
        "INSERT INTO domains (id, name, kind, created) VALUES (3, 'alpha.mssante.fr', 'Production', 0)",
        "INSERT INTO bals (id, address_key, address, domain_id, kind, label, test, reachable, state, modseq, uidvalidity_next, used_bytes, \
         message_count, quota_bytes, created) VALUES (8, 'a@alpha.mssante.fr', 'a@alpha.mssante.fr', 3, 'Per', '', 0, 1, 'active', 1, 1, 0, 0, 1, 0)",
    ])
    .await;
    w.history(1, 6).await;
    let functional = "SELECT COUNT(*) FROM traces WHERE kind = 'Functional' AND act = 'mail.accepted'";
    assert_eq!(w.number(functional).await, 4);
    w.aged(retention(Kind::Functional) + DAY).await;
    assert_eq!(w.notary().purge_due().await.unwrap(), 2, "the technical ones; the BAL is open");
    let closed = w.now();
    w.sql(&[
        "UPDATE bals SET state = 'closed'",
        &format!("INSERT INTO life (id, subject, subject_id, at, was, became, by_whom) VALUES (1, 'bal', 8, {closed}, 'closing', 'closed', 'root')"),
    ])
    .await;
    w.aged(retention(Kind::Functional) - 3 * DAY).await;
    w.notary().purge_due().await.unwrap();
    assert_eq!(w.number(functional).await, 4);
    w.aged(4 * DAY).await;
    w.notary().purge_due().await.unwrap();
    assert_eq!(w.number(functional).await, 0, "what was passed over is looked at again");
    World::assert_good(&w.verify().await);
}

async fn only_a_purge_past_retention_is_accepted(w: World) {
    let ids = w.history(2, 10).await;
    w.aged(retention(Kind::Technical) + DAY).await;
    let gone = w.notary().purge_due().await.unwrap();
    let purge_leaf = 21;
    w.later(1_000);
    World::assert_good(&w.verify().await);

    // One more leaf is said to have been purged: its input is right, but no purge states it.
    let kept = w.rows(&format!("SELECT number FROM leaves WHERE trace_id = {}", ids[1])).await;
    assert_eq!(kept.len(), 1);
    let reader = LogReader::new(w.store.clone());
    let page = reader.page(0).await.unwrap();
    let row = &page.leaves[1];
    let salt: [u8; 32] = row.salt.as_deref().unwrap().try_into().unwrap();
    let stub = row.trace.as_ref().unwrap().stub(&salt);
    let hex = hex::encode(stub.to_bytes());
    let bytes = |hex: &str| match w.store.config.data {
        sceau_store::EngineUrl::Sqlite(_) => format!("X'{hex}'"),
        sceau_store::EngineUrl::Postgres(_) => format!("decode('{hex}', 'hex')"),
    };
    w.sql(&[
        &format!(
            "UPDATE leaves SET trace_id = NULL, salt = NULL, stub = {}, purged_by = {purge_leaf} WHERE number = 1",
            bytes(&hex)
        ),
        &format!("DELETE FROM traces WHERE id = {}", ids[1]),
    ])
    .await;
    let found = w.findings().await;
    assert!(matches!(found[0], Finding::PurgeUnproven { leaf: 0 }), "{found:?}");
    assert!(
        found.iter().any(|f| matches!(f, Finding::PurgeEarly { purge: 21, .. })),
        "functional, and ten years are not over: {found:?}"
    );

    // A purged leaf with another date in its input: it no longer makes the leaf's hash.
    let old = sceau_notary::Stub { at: 0, ..stub };
    w.sql(&[&format!("UPDATE leaves SET stub = {} WHERE number = 1", bytes(&hex::encode(old.to_bytes())))]).await;
    let found = w.findings().await;
    assert!(found.contains(&Finding::PurgeUnproven { leaf: 1 }), "{found:?}");
    assert!(gone > 0);
}
