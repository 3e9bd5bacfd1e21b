//! What could be lost to searches: by workers that die half-way, by indexes of another format, by damage that nobody asks about.
use super::{House, Page, letter, on_both};
use crate::care::fsck::{Options as FsckOptions, fsck};
use crate::mailbox::entries::{FlagChange, Flags};
use crate::mailbox::tests::flags;
use crate::search::files::SealedFiles;
use sceau_extract::{Extractor, Limits};
use sceau_search::Files;
use sceau_store::StoreError;
use sceau_store::care::Progress;
use sceau_store::indexes::{self, IndexRow};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

on_both!(
    records_of_a_worker_that_died_are_found_and_taken_in,
    an_entry_without_a_message_does_not_keep_the_job_busy,
    an_index_of_another_format_is_made_again,
    what_was_only_marked_is_not_looked_at_for_ever,
    a_damaged_index_is_named_and_made_again,
);

const DOCUMENT: &str =
    "--x\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"a.pdf\"\r\n\r\n%PDF-1.4\r\n";

/// A letter with so many documents.
fn documents(count: usize) -> String {
    let head =
        "Subject: scan\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nordonnance de rivaroxaban\r\n";
    format!("{head}{}--x--\r\n", DOCUMENT.repeat(count))
}

impl House {
    /// Documents are read by a program of these lines, which may write into the folder.
    async fn reads_by(&mut self, lines: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("reader");
        let lines = lines.replace("$HERE", &folder.path().to_string_lossy());
        std::fs::write(&path, format!("#!/bin/sh\nPATH=/bin:/usr/bin\n{lines}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let limits = Limits { deadline: Duration::from_millis(700), ..Limits::default() };
        let mut config = self.operator.config().clone();
        config.search.extractor = Some(Extractor::new(path, limits));
        let trust = self.operator.trust().clone();
        self.operator = crate::Operator::open(config, self.store.clone(), trust).await.unwrap();
        folder
    }
    async fn bal_modseq(&self) -> i64 {
        self.count("SELECT modseq FROM bals WHERE id = $1").await
    }
}

async fn records_of_a_worker_that_died_are_found_and_taken_in(mut h: House) {
    h.file("INBOX", &letter(0, "apixaban")).await;
    h.index().await;
    let before = h.state().await;
    for n in 1..40 {
        h.file("INBOX", &letter(n, "rivaroxaban")).await;
    }
    h.file("INBOX", &documents(1)).await;
    // Another worker takes the index while this one reads the last message: its records are written, nothing else.
    let folder = h.reads_by("touch $HERE/begun; sleep 0.5").await;
    let (operator, bal) = (h.operator.clone(), h.bal_id());
    let work = tokio::spawn(async move { operator.index_bal(bal, &CancellationToken::new()).await });
    while !folder.path().join("begun").exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let other = h.store.new_id();
    h.store.write::<_, StoreError, _>(move |tx| indexes::take(tx, bal, other, 0)).await.unwrap();
    work.await.unwrap().unwrap();
    assert_eq!(h.state().await.pass, before.pass, "nothing of it counts");
    assert_eq!(h.count("SELECT COUNT(*) FROM texts WHERE bal_id = $1").await, 41);
    // The next one takes in a part only, and stops.
    let stopped = CancellationToken::new();
    stopped.cancel();
    h.operator.index_bal(bal, &stopped).await.unwrap();
    assert!(h.state().await.pass > before.pass);
    let all: Vec<u32> = (2..=41).rev().collect();
    let mut found = h.ask("rivaroxaban").await;
    found.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(found, all, "what only the dead one had read is found");
    h.index().await;
    let mut found = h.ask("rivaroxaban").await;
    found.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!((found, h.lacking().await), (all, 0));
}

async fn an_entry_without_a_message_does_not_keep_the_job_busy(h: House) {
    for n in 0..3 {
        h.file("INBOX", &letter(n, "colchicine")).await;
    }
    h.index().await;
    h.file("INBOX", &letter(3, "colchicine")).await;
    h.sql("UPDATE entries SET message_id = 999 WHERE bal_id = $1 AND uid = 4").await;
    h.file("INBOX", &letter(4, "colchicine")).await;
    let rounds = h.state().await.pass;
    let done = tokio::time::timeout(Duration::from_secs(20), h.index()).await;
    assert!(done.is_ok() && h.state().await.pass < rounds + 3, "the job ends");
    assert_eq!((h.ask("colchicine").await, h.lacking().await), (vec![5, 3, 2, 1], 0));
}

async fn an_index_of_another_format_is_made_again(mut h: House) {
    for n in 0..4 {
        h.file("INBOX", &letter(n, "warfarine")).await;
    }
    h.index().await;
    let all = vec![4, 3, 2, 1];
    // Rows as an earlier or later program left them, or as they were before there was search. Nothing arrives: a search asks for it.
    for other in [
        "UPDATE search_indexes SET version = 99 WHERE bal_id = $1",
        "UPDATE search_indexes SET version = -1, building = 7, building_upto = 9 WHERE bal_id = $1",
        "DELETE FROM search_indexes WHERE bal_id = $1",
    ] {
        let before = h.state().await.generation;
        h.sql(other).await;
        h.fresh().await;
        assert_eq!(h.operator.run_due_jobs().await.unwrap(), 0, "{other}: nobody has asked");
        assert_eq!(h.ask("warfarine").await, all, "{other}");
        assert!(h.operator.run_due_jobs().await.unwrap() > 0, "{other}: the search asked");
        // A build that was begun elsewhere is given up first.
        h.index().await;
        let after = h.state().await;
        assert!(after.generation != before && after.version == sceau_search::VERSION, "{other}: {after:?}");
        assert_eq!((h.ask("warfarine").await, h.lacking().await), (all.clone(), 0), "{other}");
        let generations = h.count("SELECT COUNT(DISTINCT generation) FROM index_files WHERE bal_id = $1").await;
        assert_eq!(generations, 1, "{other}: the old one is gone");
    }
    // The row says one thing, the files another.
    let (bal, seal, row) = (h.bal_id(), h.operator.bal_seal(h.bal_id()).await.unwrap(), h.state().await);
    let writer = h.store.new_id();
    h.store.write::<_, StoreError, _>(move |tx| indexes::take(tx, bal, writer, 0)).await.unwrap();
    let cache = h.operator.0.search.cache.clone();
    let files = SealedFiles::new(h.store.clone(), seal, row.generation, Some(writer), cache);
    let changed = tokio::task::spawn_blocking(move || {
        let meta = String::from_utf8(files.read_small("meta.json").unwrap()).unwrap();
        let other = meta.replace("sceau-search ", "sceau-search 9");
        assert_ne!(meta, other);
        files.write_small("meta.json", other.as_bytes()).unwrap();
    });
    changed.await.unwrap();
    h.fresh().await;
    assert_eq!(h.ask("warfarine").await, all);
    h.operator.run_due_jobs().await.unwrap();
    let after = h.state().await;
    assert!(after.generation > row.generation && after.version == sceau_search::VERSION, "{after:?}");
    assert_eq!((h.ask("warfarine").await, h.lacking().await), (all, 0));
}

async fn what_was_only_marked_is_not_looked_at_for_ever(h: House) {
    for n in 0..3 {
        h.file("INBOX", &letter(n, "digoxine")).await;
    }
    h.index().await;
    let inbox = h.open("INBOX").await.folder.id;
    let seen = flags(Flags::SEEN, &[]);
    h.operator.change_flags(&h.actor, inbox, &[1, 2, 3], FlagChange::Add, seen, None).await.unwrap();
    assert!(h.state().await.modseq < h.bal_modseq().await);
    assert_eq!(h.ask("digoxine").await, [3, 2, 1]);
    h.index().await;
    assert_eq!(h.state().await.modseq, h.bal_modseq().await, "the search asked the job to see that nothing is new");
    assert_eq!(h.ask("digoxine").await, [3, 2, 1]);
    h.store.clock.advance_ms(60_000);
    assert_eq!(h.operator.run_due_jobs().await.unwrap(), 0, "and asks no more");
}

async fn a_damaged_index_is_named_and_made_again(mut h: House) {
    for n in 0..4 {
        h.file("INBOX", &letter(n, "lithium")).await;
    }
    let look = async |h: &House, content, repair| {
        let options = FsckOptions { blobs: false, content, repair };
        let report = fsck(&h.store, options, &Progress::default()).await.unwrap();
        let codes: Vec<_> = report.findings.iter().map(|f| (f.code.as_str(), f.bal.is_some(), f.repaired)).collect();
        codes
    };
    for (damage, content) in [
        ("UPDATE index_files SET sealed = $2 WHERE bal_id = $1 AND sealed IS NOT NULL", false),
        ("DELETE FROM index_files WHERE bal_id = $1 AND name LIKE '%.fast'", false),
        ("DELETE FROM index_files WHERE bal_id = $1", false),
        ("UPDATE index_files SET blob_key = $2 WHERE bal_id = $1 AND name LIKE '%.pos'", false),
        ("UPDATE search_indexes SET modseq = 1000000 WHERE bal_id = $1", false),
        (
            "UPDATE blobs SET inline = $2 WHERE id IN (SELECT blob_id FROM index_files WHERE bal_id = $1 AND name LIKE '%.store')",
            true,
        ),
    ] {
        h.index().await;
        assert_eq!(look(&h, true, false).await, [], "whole");
        assert!(h.sql(damage).await > 0, "{damage}");
        assert_eq!(look(&h, content, false).await, [("search.index", true, false)], "{damage}");
        assert_eq!(look(&h, content, true).await, [("search.index", true, true)], "{damage}");
        assert_eq!(look(&h, true, false).await, [], "{damage}: healed");
        h.fresh().await;
        assert_eq!(h.ask("lithium").await, [4, 3, 2, 1], "{damage}");
        h.index().await;
        let state: IndexRow = h.state().await;
        assert!(state.generation != 0 && state.version == sceau_search::VERSION, "{damage}: {state:?}");
        assert_eq!((h.ask("lithium").await, h.lacking().await), (vec![4, 3, 2, 1], 0), "{damage}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_that_never_end_cost_their_message_two_deadlines() {
    let mut h = House::sqlite().await;
    let folder = h.reads_by("echo x >> $HERE/asked; sleep 100").await;
    h.file("INBOX", &documents(6)).await;
    assert_eq!(h.ask("rivaroxaban").await, [1]);
    let asked = std::fs::read_to_string(folder.path().join("asked")).unwrap();
    assert_eq!(asked.lines().count(), 2, "the others are not opened");
    let found = h.ask_page("a.pdf", Page { before: None, limit: 2 }).await;
    assert_eq!(found.hits.len(), 1, "their names are searched all the same");
}
