//! Each way of tampering with the database or the file is found, and told precisely.
use crate::notary::on_both_engines;
use crate::notary::world::World;
use sceau_notary::Checkpoint;
use sceau_notary::audit::Finding;
use sceau_store::EngineUrl;
use sceau_store::Id;
use std::path::{Path, PathBuf};

on_both_engines!(
    each_column_of_a_trace_counts,
    traces_removed_added_and_moved,
    leaves_rewritten_with_their_tree_and_checkpoints,
    the_whole_log_made_anew,
    the_database_put_back_to_an_earlier_state,
    the_file_cut_or_forged,
);

async fn leaf_of(w: &World, trace: Id) -> u64 {
    w.number(&format!("SELECT number FROM leaves WHERE trace_id = {trace}")).await.unsigned_abs()
}

async fn each_column_of_a_trace_counts(w: World) {
    let ids = w.history(2, 20).await;
    World::assert_good(&w.verify().await);
    let changes = [
        "kind = 'Technical'",
        "act = 'mail.refused'",
        "at = at + 1",
        "person_id = NULL",
        "actor = 'bruno'",
        "bal_id = bal_id + 1",
        "bal = NULL",
        "remote = '192.0.2.8'",
        "session = ''",
        "outcome = 'rcpt.unknown'",
        "data = data || ' '",
    ];
    let mut expected = Vec::new();
    for (i, change) in changes.iter().enumerate() {
        // Of these, those with an odd place by three are functional.
        let id = ids[3 * i + 1];
        assert_eq!(w.sql(&[&format!("UPDATE traces SET {change} WHERE id = {id}")]).await, 1);
        expected.push(Finding::Altered { trace: id, leaf: leaf_of(&w, id).await });
        assert_eq!(w.findings().await, expected, "{change}");
    }
}

async fn traces_removed_added_and_moved(w: World) {
    let ids = w.history(2, 20).await;
    // Removed.
    w.sql(&[&format!("DELETE FROM traces WHERE id = {}", ids[5])]).await;
    let removed = Finding::Removed { trace: ids[5], leaf: leaf_of(&w, ids[5]).await };
    assert_eq!(w.findings().await, std::slice::from_ref(&removed));
    // Two rows change places: each keeps its id and takes the other's content.
    let (a, b) = (ids[10], ids[11]);
    w.sql(&[
        &format!("UPDATE traces SET id = -1 WHERE id = {a}"),
        &format!("UPDATE traces SET id = {a} WHERE id = {b}"),
        &format!("UPDATE traces SET id = {b} WHERE id = -1"),
    ])
    .await;
    let swapped = [a, b].map(|id| Finding::Altered { trace: id, leaf: 10 + u64::from(id == b) });
    assert_eq!(w.findings().await, [&[removed.clone()][..], &swapped].concat());
    // Added with an old date, not sealed yet: named. Sealed by the notary, which cannot know: it is found to have come too late.
    let mut early = w.trace(sceau_store::traces::Kind::Functional);
    (early.id, early.at) = (ids[0] - 4_096, w.now() - 3_600_000);
    let added = early.id;
    w.write(vec![early]).await;
    let found = w.findings().await;
    assert!(matches!(found.last(), Some(Finding::Unsealed { trace, .. }) if *trace == added), "{found:?}");
    for _ in 0..2 {
        w.later(61_000);
        w.notary().round().await.unwrap();
    }
    let found = w.findings().await;
    assert!(matches!(found.last(), Some(Finding::Backdated { trace, leaf: 40, .. }) if *trace == added), "{found:?}");
}

/// A row is changed, and its leaf, the hashes above it and the checkpoint are made to agree; only the signature cannot be.
async fn leaves_rewritten_with_their_tree_and_checkpoints(w: World) {
    w.history(3, 20).await;
    let bytes = |hex: &str| match w.store.config.data {
        EngineUrl::Sqlite(_) => format!("X'{hex}'"),
        EngineUrl::Postgres(_) => format!("decode('{hex}', 'hex')"),
    };
    let reader = sceau_operator::notary::LogReader::new(w.store.clone());
    let row = reader.page(0).await.unwrap().leaves.remove(25);
    let mut trace = row.trace.unwrap();
    trace.actor = "somebody.else".into();
    let salt: [u8; 32] = row.salt.unwrap().try_into().unwrap();
    let leaf = hex::encode(trace.stub(&salt).leaf());
    w.sql(&[
        &format!("UPDATE traces SET actor = 'somebody.else' WHERE id = {}", trace.id),
        &format!("UPDATE leaves SET hash = {} WHERE number = 25", bytes(&leaf)),
    ])
    .await;
    let times: Vec<i64> = w.outside().iter().map(|c| c.at).collect();
    let interval = Finding::Rewritten { first: 20, last: 39, since: times[0], until: times[1] };
    let tree = Finding::Tree { first: 16, last: 31 };
    let at_outside = |line| Finding::OutsideDiffers { line, size: 40, at: times[1] };
    assert_eq!(w.findings().await, [at_outside(2), interval.clone(), tree]);
    // The hash above is made to agree.
    let leaves: Vec<_> = reader.page(0).await.unwrap().leaves;
    let mut above = sceau_notary::Frontier::default();
    leaves[16..32].iter().for_each(|l| above.push(l.hash.as_slice().try_into().unwrap(), |_, _, _| ()));
    let above = hex::encode(above.root());
    w.sql(&[&format!("UPDATE nodes_of_log SET hash = {} WHERE level = 4 AND number = 1", bytes(&above))]).await;
    assert_eq!(w.findings().await, [at_outside(2), interval.clone()]);
    // So are the roots of the checkpoints, under signatures that do not sign them.
    for size in [40, 60] {
        let mut tree = sceau_notary::Frontier::default();
        leaves[..size].iter().for_each(|l| tree.push(l.hash.as_slice().try_into().unwrap(), |_, _, _| ()));
        let root = hex::encode(tree.root());
        w.sql(&[&format!("UPDATE checkpoints SET root = {} WHERE size = {size}", bytes(&root))]).await;
    }
    let forged = [40, 60].map(|size| Finding::CheckpointForged { size });
    let found = w.verify_with(None, false).await.findings;
    assert_eq!(found, [&forged[..], &[Finding::Size { leaves: 60, signed: 20 }]].concat());
    // Without the second checkpoint, what is left names the whole interval that nobody signed.
    w.sql(&["DELETE FROM checkpoints WHERE size > 20"]).await;
    assert_eq!(w.verify_with(None, false).await.findings, [Finding::Size { leaves: 60, signed: 20 }]);
    // A leaf that hides before the first, a leaf that is gone.
    w.sql(&["UPDATE leaves SET number = -3 WHERE number = 59"]).await;
    let found = w.verify_with(None, false).await.findings;
    assert!(matches!(found[..], [Finding::Unsealed { .. }, Finding::Size { leaves: 59, .. }]), "{found:?}");
    w.sql(&["DELETE FROM leaves WHERE number = 7"]).await;
    assert!(w.verify_with(None, false).await.findings.contains(&Finding::LeafMissing { leaf: 7 }));
}

/// An intruder with the whole database but without the keyring makes another log from the start, signed with his own key.
async fn the_whole_log_made_anew(mut w: World) {
    w.history(2, 10).await;
    let outside = std::fs::read(w.file()).unwrap();
    let keys = w.keys().await;
    w.sql(&[
        "DELETE FROM checkpoints",
        "DELETE FROM leaves",
        "DELETE FROM nodes_of_log",
        "DELETE FROM notary",
        "DELETE FROM traces WHERE actor = 'anne' AND id = (SELECT MIN(id) FROM traces)",
    ])
    .await;
    w.later(61_000);
    w.restart().await;
    // Our own notary does it for him: this is also an operator who would hide something from the outside.
    assert_eq!(w.notary().round().await.unwrap(), 19);
    assert_eq!(w.keys().await, keys);
    std::fs::write(w.file(), outside).unwrap();
    let found = w.findings().await;
    assert!(
        matches!(
            found[..],
            [.., Finding::OutsideLonger { line: 2, size: 20, leaves: 19, .. }, _] | [.., Finding::OutsideLonger { .. }]
        ),
        "{found:?}"
    );
}

/// Copies a closed database; a log that its closing left beside it belongs to it.
fn copy_database(from: &Path, to: &Path) {
    let beside = |path: &Path, end: &str| PathBuf::from(format!("{}{end}", path.display()));
    let _ = std::fs::remove_file(beside(to, "-shm"));
    for end in ["", "-wal"] {
        let (from, to) = (beside(from, end), beside(to, end));
        let _ = std::fs::remove_file(&to);
        assert!(std::fs::copy(&from, &to).is_ok() || end == "-wal");
    }
}

/// The tables of the log as they were earlier, complete and signed: only the file outside knows.
async fn the_database_put_back_to_an_earlier_state(mut w: World) {
    w.history(2, 10).await;
    let copy = w.store.folder().join("copy.db");
    let file = match &w.store.config.data {
        EngineUrl::Sqlite(path) => Some(path.clone()),
        EngineUrl::Postgres(_) => None,
    };
    let cut = w.number("SELECT MAX(id) FROM traces").await;
    if let Some(file) = &file {
        w.close().await;
        copy_database(file, &copy);
        w.store.reopen().await;
        w.start().await;
        w.later(61_000);
    }
    w.history(1, 10).await;
    World::assert_good(&w.verify().await);
    match &file {
        Some(file) => {
            w.close().await;
            copy_database(&copy, file);
            w.store.reopen().await;
        }
        None => {
            let traces = format!("DELETE FROM traces WHERE id > {cut}");
            let tables = ["DELETE FROM leaves WHERE number >= 20", "DELETE FROM checkpoints WHERE size > 20"];
            w.sql(&[
                &traces,
                tables[0],
                tables[1],
                "UPDATE notary SET size = 20",
                "DELETE FROM nodes_of_log WHERE (number + 1) * 16 > 20",
            ])
            .await;
        }
    }
    let at = w.outside()[2].at;
    let longer = |leaves| Finding::OutsideLonger { line: 3, size: 30, at, leaves };
    assert_eq!(w.findings().await, [longer(20)]);
    // Without the file nobody could know.
    World::assert_good(&w.verify_with(None, false).await);
    // The server starts again: it raises an alarm, goes on, and both histories stay on record.
    w.restart().await;
    w.later(61_000);
    w.acts(4).await;
    assert_eq!(w.notary().round().await.unwrap(), 4);
    let open = "SELECT 1 FROM alarms WHERE code = 'notary.rollback' AND cleared IS NULL AND severity = 'critical'";
    assert_eq!(w.rows(open).await.len(), 1);
    let found = w.findings().await;
    assert!(found.contains(&longer(24)), "{found:?}");
    w.acts(10).await;
    w.notary().round().await.unwrap();
    let found = w.findings().await;
    assert!(found.iter().any(|f| matches!(f, Finding::OutsideOrder { line: 4, before: 30, .. })), "{found:?}");
}

async fn the_file_cut_or_forged(w: World) {
    w.history(4, 5).await;
    w.later(100_000);
    let text = std::fs::read_to_string(w.file()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let put = |lines: &[String]| {
        std::fs::write(w.file(), lines.iter().map(|l| format!("{l}\n")).collect::<String>()).unwrap()
    };
    let own = |range: std::ops::Range<usize>| lines[range].iter().map(|l| (*l).to_owned()).collect::<Vec<_>>();
    let at = |i: usize| Checkpoint::from_line(lines[i].as_bytes()).unwrap().at;
    // Cut at the end, in the middle, gone, empty.
    put(&own(0..2));
    assert_eq!(w.findings().await, [Finding::OutsideCut { size: 15, at: at(2) }]);
    put(&[own(0..1), own(2..4)].concat());
    assert_eq!(w.findings().await, [Finding::OutsideCut { size: 10, at: at(1) }]);
    put(&[]);
    assert_eq!(w.findings().await, [Finding::OutsideMissing]);
    std::fs::remove_file(w.file()).unwrap();
    assert_eq!(w.findings().await, [Finding::OutsideMissing]);
    // A line changed by hand, a line of another key, a line that is none.
    let mut forged = own(0..4);
    forged[1] = forged[1].replace("\"size\":10", "\"size\":11");
    put(&forged);
    let found = w.findings().await;
    assert!(found.contains(&Finding::OutsideForged { line: 2 }), "{found:?}");
    put(&[own(0..4), vec!["{}".into()], vec!["x".repeat(9_000)]].concat());
    assert_eq!(w.findings().await, [Finding::OutsideForged { line: 5 }, Finding::OutsideForged { line: 6 }]);
    // Any copy, older or partial, serves to compare with.
    let copy = w.store.folder().join("copy.jsonl");
    std::fs::write(&copy, format!("{}\n{}\n", lines[0], lines[2])).unwrap();
    let report = w.verify_with(Some(copy), false).await;
    World::assert_good(&report);
    assert_eq!(report.outside, 2);
    // The last line, cut by a crash, is no fault.
    std::fs::write(w.file(), &text[..text.len() - 20]).unwrap();
    let found = w.findings().await;
    assert_eq!(found, [Finding::OutsideCut { size: 20, at: at(3) }], "its checkpoint is lacking once it is old");
}
