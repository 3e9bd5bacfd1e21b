//! Time and the log: traces that lie about theirs, restores that say so and rollbacks that do not, old checkpoints that go.
use crate::notary::on_both_engines;
use crate::notary::world::{DAY, World};
use sceau_notary::audit::{Finding, Note};
use sceau_notary::purge;
use sceau_operator::actor::{Actor, Door, Origin, PersonRef, Who};
use sceau_operator::care::restore::restore;
use sceau_operator::notary::LogReader;
use sceau_store::care::restore::From;
use sceau_store::traces::Kind;
use sceau_store::{BlobPlace, EngineUrl, StoreConfig, StoreError, Tx, accounts, roles};
use std::sync::Arc;

on_both_engines!(
    a_purge_from_the_future_is_found,
    a_trace_out_of_its_time_is_explained_once,
    a_restore_is_told_from_a_rollback,
    old_checkpoints_go_and_everything_still_verifies,
);

/// An administrator, by rows alone: nothing is written into the log whose leaves are counted below.
async fn administrator(w: &World) -> Actor {
    let (id, given) = (w.store.new_id(), w.store.new_id());
    let given = roles::Given {
        id: given,
        person_id: id,
        role: "administrator".into(),
        structure_id: None,
        body_id: None,
        granted: 0,
        granted_by: "essai".into(),
        reason: None,
        ended: None,
        ended_by: None,
        function: None,
    };
    let make = move |tx: &mut dyn Tx| {
        accounts::insert_person(tx, &accounts::Person::new(id, "camille", "Camille", 0))?;
        roles::insert(tx, &given)
    };
    w.store.write::<_, StoreError, _>(make).await.unwrap();
    let who = PersonRef { id, login: "camille".into(), name: "Camille".into() };
    Actor {
        who: Who::Person(who),
        bal: None,
        credential: None,
        proof: Default::default(),
        origin: Origin { door: Door::Admin, remote: None, session: "s".into(), tls: None, once: None },
    }
}

/// An intruder takes a trace away and writes the purge that would make it legitimate, dated when it would be due. The notary seals it.
async fn a_purge_from_the_future_is_found(w: World) {
    let ids = w.history(2, 10).await;
    let row = LogReader::new(w.store.clone()).page(0).await.unwrap().leaves.remove(1);
    let salt: [u8; 32] = row.salt.as_deref().unwrap().try_into().unwrap();
    let hex = hex::encode(row.trace.unwrap().stub(&salt).to_bytes());
    let bytes = match w.store.config.data {
        EngineUrl::Sqlite(_) => format!("X'{hex}'"),
        EngineUrl::Postgres(_) => format!("decode('{hex}', 'hex')"),
    };
    let mut forged = w.trace(Kind::Functional);
    (forged.act, forged.data) = (purge::ACT.into(), purge::state(&[1]));
    forged.at = w.now() + purge::retention(Kind::Functional) + 1;
    let (trace, at) = (forged.id, forged.at);
    w.write(vec![forged]).await;
    w.sql(&[
        &format!("UPDATE leaves SET trace_id = NULL, salt = NULL, stub = {bytes}, purged_by = 20 WHERE number = 1"),
        &format!("DELETE FROM traces WHERE id = {}", ids[1]),
    ])
    .await;
    w.later(1_000);
    assert_eq!(w.notary().round().await.unwrap(), 1);
    let until = w.outside()[2].at;
    assert_eq!(w.findings().await, [Finding::Postdated { trace, leaf: 20, at, until }]);
}

async fn a_trace_out_of_its_time_is_explained_once(w: World) {
    let ids = w.history(2, 5).await;
    let mut late = w.trace(Kind::Functional);
    late.at = w.now() - 3_600_000;
    let (trace, at) = (late.id, late.at);
    w.write(vec![late]).await;
    w.notary().round().await.unwrap();
    let after = w.outside()[1].at;
    let found = Finding::Backdated { trace, leaf: 10, at, after };
    assert_eq!(w.findings().await, std::slice::from_ref(&found));
    let camille = administrator(&w).await;
    let op = w.op.as_ref().unwrap();
    let refused = |e: sceau_domain::Refusal| e.code.as_str();
    assert_eq!(op.settle_trace(&camille, trace, " ").await.map_err(refused), Err("admin.invalid"));
    assert_eq!(op.settle_trace(&camille, 5, "?").await.map_err(refused), Err("admin.not_found"));
    // An explanation of another leaf, and one that nobody signed, explain nothing.
    op.settle_trace(&camille, ids[0], "horloge").await.unwrap();
    w.notary().round().await.unwrap();
    assert_eq!(w.findings().await, std::slice::from_ref(&found));
    let statement = op.settle_trace(&camille, trace, "horloge du nœud 2 en retard").await.unwrap();
    w.notary().round().await.unwrap();
    let report = w.verify().await;
    World::assert_good(&report);
    assert_eq!(report.notes, [Note::Settled { trace, leaf: 10, at }]);
    w.sql(&["UPDATE traces SET data = replace(data, '\"number\":10', '\"number\":11') WHERE act = 'trace.settled'"])
        .await;
    assert!(w.findings().await.contains(&found), "{statement:?}");
}

async fn a_restore_is_told_from_a_rollback(mut w: World) {
    w.history(2, 10).await;
    let backup = w.store.folder().join("backup");
    sceau_store::care::backup::backup(&w.store, backup.clone(), None, &Arc::default()).await.unwrap();
    w.history(2, 10).await;
    let copies = std::fs::read(w.file()).unwrap();
    w.close().await;
    let there = w.store.folder().join("there");
    let config = StoreConfig {
        data: EngineUrl::Sqlite(there.join("sceau.db")),
        blobs: BlobPlace::Folder(there.join("blobs")),
        spools: there.join("spools"),
        ..w.store.config.clone()
    };
    w.later(5_000);
    let from = From { folder: &backup, generation: None, leave_out_damaged: false };
    restore(&config, "Alpha", from, &Arc::default()).await.unwrap();
    w.store.reopen_with(config).await.unwrap();
    let at = w.now();
    // Before a server ran: honest.
    let report = w.verify().await;
    World::assert_good(&report);
    assert_eq!((report.notes, report.waiting), (vec![Note::Restored { size: 20, at }], 1));
    // The server goes on, without an alarm; a copy of the file from before serves as well as the file.
    w.start().await;
    w.later(61_000);
    w.notary().round().await.unwrap();
    w.history(2, 4).await;
    assert_eq!(w.rows("SELECT 1 FROM alarms WHERE code = 'notary.rollback'").await.len(), 0);
    let report = w.verify().await;
    World::assert_good(&report);
    assert_eq!((report.leaves, w.outside().len()), (29, 7));
    let copy = w.store.folder().join("copy.jsonl");
    std::fs::write(&copy, copies).unwrap();
    World::assert_good(&w.verify_with(Some(copy), false).await);
    // Whoever puts the database back in silence, to the very state after the restore, has no statement that is young enough.
    let cut = w.number("SELECT trace_id FROM leaves WHERE number = 20").await;
    w.sql(&[
        &format!("DELETE FROM traces WHERE id > {cut}"),
        "DELETE FROM leaves WHERE number > 20",
        "DELETE FROM checkpoints WHERE size > 21",
        "UPDATE notary SET size = 21",
    ])
    .await;
    let found = w.findings().await;
    assert!(matches!(found[..], [Finding::OutsideLonger { size: 25, leaves: 21, .. }]), "{found:?}");
    // A statement that was changed voids nothing.
    w.sql(&["UPDATE traces SET data = replace(data, '\"number\":20', '\"number\":10') WHERE act = 'store.restored'"])
        .await;
    let found = w.findings().await;
    assert!(found.iter().any(|f| matches!(f, Finding::OutsideLonger { size: 30, .. })), "{found:?}");
}

async fn old_checkpoints_go_and_everything_still_verifies(mut w: World) {
    // On the hour, so that it is known which share one.
    w.later(3_600_000 - w.now() % 3_600_000);
    let ids = w.history(50, 2).await;
    let older = w.outside()[3].clone();
    w.later(8 * DAY);
    w.history(1, 2).await;
    w.notary().purge_due().await.unwrap();
    assert_eq!(w.number("SELECT COUNT(*) FROM checkpoints").await, 2, "one of that hour, one of now");
    let report = w.verify().await;
    World::assert_good(&report);
    assert_eq!((report.checkpoints, report.outside), (2, 51));
    let bundle = LogReader::new(w.store.clone()).evidence(ids[0], Some(older)).await.unwrap();
    assert_eq!(bundle.verify(&w.keys().await[0]), Ok(()));
    // A file that ends with one of those that went still agrees.
    let text = std::fs::read_to_string(w.file()).unwrap();
    w.close().await;
    std::fs::write(w.file(), text.lines().take(40).map(|l| format!("{l}\n")).collect::<String>()).unwrap();
    w.store.reopen().await;
    w.start().await;
    w.later(61_000);
    w.acts(1).await;
    w.notary().round().await.unwrap();
    assert_eq!(w.rows("SELECT 1 FROM alarms WHERE code = 'notary.rollback'").await.len(), 0);
    World::assert_good(&w.verify().await);
}
