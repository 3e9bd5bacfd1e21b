//! Finding over real stores, on both engines: before, while and after messages are indexed, and when things break.
mod closed;
mod histories;
mod lost;

use super::files::SealedFiles;
use super::{Found, Page, Query};
use crate::mailbox::entries::{FlagChange, Flags};
use crate::mailbox::tests::{House, flags, on_both, refused};
use crate::{Actor, Door, Operator, Origin, PersonRef, Who};
use sceau_domain::{RefusalCode, Role};
use sceau_search::Files;
use sceau_store::indexes::{self, IndexRow};
use sceau_store::{Id, StoreError, Tx, accounts, params, roles};
use std::io::Write;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

on_both!(
    delivered_is_found_before_and_after_indexing,
    what_is_gone_is_not_found_and_leaves_nothing,
    only_who_may_read_may_find,
    pages_are_stable_while_the_index_grows,
    work_goes_on_where_a_crash_stopped_it,
    an_index_is_made_anew_beside_the_one_in_force,
    a_broken_index_changes_no_answer_and_is_made_again,
    another_node_sees_what_was_indexed,
    a_worker_taken_for_dead_writes_nothing,
    folders_and_fields_narrow_the_search,
);

const PLAIN: &str = "Subject: =?utf-8?Q?R=C3=A9sultats?= d'analyse\r\nFrom: \"Dr L=?utf-8?Q?=C3=A9a?= Petit\" <lea.petit@a.example>\r\n\
Date: Mon, 2 Feb 2026 10:00:00 +0100\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nL'hémoglobine est élevée.\r\n";
const MIXED: &str = "Subject: Sortie\r\nFrom: <urgences@a.example>\r\nDate: Tue, 3 Feb 2026 10:00:00 +0100\r\n\
Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html; charset=utf-8\r\n\
Content-Transfer-Encoding: quoted-printable\r\n\r\n<style>xyz</style><p>Compte&nbsp;rendu d'hospitalis<b>ation</b></p>\r\n--x\r\n\
Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: attachment; filename=\"cardiogramme.txt\"\r\n\r\ntachycardie sinusale\r\n\
--x--\r\n";

fn letter(n: usize, word: &str) -> String {
    let day = n % 28 + 1;
    format!("Subject: lettre {n}\r\nDate: {day} Jan 2026 10:00:00 +0000\r\n\r\nordonnance de {word}\r\n")
}

impl House {
    async fn ask_page(&self, question: &str, page: Page) -> Found {
        let query = self.operator.query(question).unwrap();
        self.operator.find_messages(&self.actor, &query, None, page).await.unwrap()
    }
    /// UIDs in INBOX of what is found, newest first.
    async fn ask(&self, question: &str) -> Vec<u32> {
        let found = self.ask_page(question, Page { before: None, limit: 100 }).await;
        assert!(found.complete && found.next.is_none());
        found.hits.iter().map(|h| h.entries[0].uid).collect()
    }
    /// Lets the jobs that wait become due, and works on them.
    async fn index(&self) {
        self.store.clock.advance_ms(6_000);
        self.operator.run_due_jobs().await.unwrap();
    }
    async fn state(&self) -> IndexRow {
        let bal = self.bal_id();
        self.store.read::<_, StoreError, _>(move |tx| indexes::state(tx, bal)).await.unwrap()
    }
    /// How many messages the index lacks.
    async fn lacking(&self) -> usize {
        let (bal, row) = (self.bal_id(), self.state().await);
        let ids = self.store.read::<_, StoreError, _>(move |tx| indexes::unindexed(tx, bal, &row, Id::MAX, 1000)).await;
        ids.unwrap().len()
    }
    async fn sql(&self, sql: &'static str) -> u64 {
        let bal = self.bal_id();
        let nonsense: &[u8] = b"nonsense";
        let values = if sql.contains("$2") { params![bal, nonsense].to_vec() } else { params![bal].to_vec() };
        self.store.write::<_, StoreError, _>(move |tx| tx.execute(sql, &values)).await.unwrap()
    }
    async fn expunge(&self, uids: &[u32]) {
        let inbox = self.open("INBOX").await.folder.id;
        let gone = flags(Flags::DELETED, &[]);
        self.operator.change_flags(&self.actor, inbox, uids, FlagChange::Add, gone, None).await.unwrap();
        self.operator.expunge(&self.actor, inbox, None).await.unwrap();
    }
    /// Somebody with the administrators' role; the same one at each call.
    async fn administrator(&self) -> Actor {
        let (id, given) = (self.store.new_id(), self.store.new_id());
        let make = move |tx: &mut dyn Tx| {
            if let Some(there) = accounts::person_by_login(tx, "chef")? {
                return Ok(there.id);
            }
            accounts::insert_person(tx, &accounts::Person::new(id, "chef", "Chef", 0))?;
            let role = Role::Administrator.as_str().to_owned();
            let (structure_id, body_id, reason, ended, ended_by) = (None, None, None, None, None);
            let granted_by = "t".to_owned();
            let given = roles::Given {
                id: given,
                person_id: id,
                role,
                structure_id,
                body_id,
                granted: 0,
                granted_by,
                reason,
                ended,
                ended_by,
                function: None,
            };
            roles::insert(tx, &given)?;
            Ok(id)
        };
        let id = self.store.write::<_, StoreError, _>(make).await.unwrap();
        let origin = Origin { door: Door::Admin, remote: None, session: "admin".into(), tls: None, once: None };
        let who = Who::Person(PersonRef { id, login: "chef".into(), name: "Chef".into() });
        Actor { who, bal: None, credential: None, proof: Default::default(), origin }
    }
    /// Forgets every open index and what was decoded, as a start does.
    async fn fresh(&mut self) {
        let config = self.operator.config().clone();
        let trust = self.operator.trust().clone();
        self.operator = Operator::open(config, self.store.clone(), trust).await.unwrap();
    }
}

async fn delivered_is_found_before_and_after_indexing(h: House) {
    h.file("INBOX", PLAIN).await;
    h.file("INBOX", MIXED).await;
    let questions = [
        ("hemoglobines", vec![1]),
        ("HÉMOGLOBINE élevé", vec![1]),
        ("resultat", vec![1]),
        ("de:petit", vec![1]),
        ("\"compte rendu\"", vec![2]),
        ("hospitalisation", vec![2]),
        ("pj:tachycardie", vec![2]),
        ("cardiogramme", vec![2]),
        ("xyz", vec![]),
        ("a.example", vec![2, 1]),
        ("leucocytes", vec![]),
    ];
    for (question, uids) in &questions {
        assert_eq!(h.ask(question).await, *uids, "scanned: {question}");
    }
    assert_eq!(h.lacking().await, 2);
    assert_eq!(h.count("SELECT COUNT(*) FROM texts WHERE bal_id = $1").await, 2, "what was read is kept");
    h.index().await;
    assert_eq!(h.lacking().await, 0);
    assert_eq!(h.operator.run_due_jobs().await.unwrap(), 0, "nothing is left to do");
    for (question, uids) in &questions {
        assert_eq!(h.ask(question).await, *uids, "indexed: {question}");
    }
    let found = h.ask_page("hémoglobine", Page { before: None, limit: 10 }).await;
    let hit = &found.hits[0];
    assert_eq!(
        (hit.subject.as_str(), hit.from[0].as_str()),
        ("Résultats d'analyse", "Dr Léa Petit lea.petit@a.example")
    );
    assert_eq!((hit.entries[0].name.as_str(), hit.date.0), ("INBOX", 1_770_022_800_000));
    let (from, to) = hit.snippet.found[0];
    assert_eq!(&hit.snippet.text[from..to], "hémoglobine");
    // The next one is found at once, by its flags changed, too, and once.
    h.file("INBOX", &letter(1, "kétamine")).await;
    assert_eq!(h.ask("ketamine").await, [3]);
    let inbox = h.open("INBOX").await.folder.id;
    let seen = flags(Flags::SEEN, &[]);
    h.operator.change_flags(&h.actor, inbox, &[1, 2, 3], FlagChange::Add, seen, None).await.unwrap();
    assert_eq!(h.lacking().await, 1, "what is indexed and was only marked is not looked at again");
    assert_eq!(h.ask("hémoglobine").await, [1]);
    h.index().await;
    assert_eq!((h.ask("ketamine").await, h.lacking().await), (vec![3], 0));
}

async fn what_is_gone_is_not_found_and_leaves_nothing(h: House) {
    for n in 0..4 {
        h.file("INBOX", &letter(n, "morphine")).await;
    }
    h.index().await;
    h.expunge(&[2]).await;
    assert_eq!(h.ask("morphine").await, [4, 3, 1]);
    assert_eq!(h.count("SELECT COUNT(*) FROM texts WHERE bal_id = $1").await, 3);
    assert_eq!(h.count("SELECT COUNT(*) FROM index_removals WHERE bal_id = $1").await, 1);
    h.index().await;
    assert_eq!(h.count("SELECT COUNT(*) FROM index_removals WHERE bal_id = $1").await, 0);
    assert_eq!(h.ask("morphine").await, [4, 3, 1]);
    let seal = h.operator.bal_seal(h.bal_id()).await.unwrap();
    assert_eq!(
        h.operator
            .matching(&seal, Query::parse("morphine").unwrap(), h.operator.search_deadline())
            .await
            .unwrap()
            .len(),
        3,
        "gone from the index itself"
    );
    // Large records are blobs of their own: released with their message.
    h.file("INBOX", &format!("Subject: long\r\n\r\n{}", noise(200_000))).await;
    h.index().await;
    assert_eq!(h.count("SELECT COUNT(*) FROM texts WHERE bal_id = $1 AND blob_id IS NOT NULL").await, 1);
    h.expunge(&[5]).await;
    let released = "SELECT COUNT(*) FROM blobs_released WHERE $1 > 0";
    assert!(h.count(released).await >= 2, "the message's blob and its text's");
}

/// Words that do not compress.
fn noise(size: usize) -> String {
    let mut seed = 0x5CEA0_u64;
    let mut out = String::with_capacity(size + 20);
    while out.len() < size {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        out.push_str(&format!("{seed:016x}\r\n"));
    }
    out
}

async fn only_who_may_read_may_find(h: House) {
    h.file("INBOX", PLAIN).await;
    h.index().await;
    let query = h.operator.query("hémoglobine").unwrap();
    let page = Page { before: None, limit: 10 };
    let neighbour = h.neighbour(1 << 20).await;
    assert!(h.operator.find_messages(&neighbour, &query, None, page).await.unwrap().hits.is_empty());
    let stranger = Actor { bal: h.actor.bal.clone(), ..neighbour };
    refused(h.operator.find_messages(&stranger, &query, None, page).await, RefusalCode::RightMissing);
    refused(h.operator.find_messages(&h.administrator().await, &query, None, page).await, RefusalCode::RightMissing);
    refused(h.operator.reindex(&h.actor, None).await, RefusalCode::RightMissing);
    refused(h.operator.reindex_state(&h.actor, None).await, RefusalCode::RightMissing);
    // Whose right went since the act began: each of its transactions asks again.
    let mut asked = super::ReindexAnswer { bals: 0, messages: 0 };
    let again = h.operator.ask_anew(&h.actor, vec![h.bal_id()], &mut asked).await;
    refused(again, RefusalCode::RightMissing);
    assert_eq!(
        (asked.bals, h.count("SELECT COUNT(*) FROM traces WHERE bal_id = $1 AND act = 'search.reindexed'").await),
        (0, 0)
    );
    refused(h.operator.find_messages(&h.actor, &query, Some("Nulle part"), page).await, RefusalCode::FolderUnknown);
    refused(h.operator.query("avant:hier"), RefusalCode::SyntaxError);
    h.operator.flush_traces().await.unwrap();
    let traces = h.count("SELECT COUNT(*) FROM traces WHERE bal_id <> $1 AND act = 'search.run'").await;
    assert_eq!(traces, 1, "who finds nothing is traced, too");
    h.sql("UPDATE access SET ended = 1 WHERE bal_id = $1").await;
    refused(h.operator.find_messages(&h.actor, &query, None, page).await, RefusalCode::RightMissing);
}

async fn pages_are_stable_while_the_index_grows(h: House) {
    for n in 0..17 {
        h.file("INBOX", &letter(n, "paracétamol")).await;
    }
    h.index().await;
    for n in 17..28 {
        h.file("INBOX", &letter(n, "paracétamol")).await;
    }
    for half in ["in part", "wholly"] {
        let (mut before, mut uids) = (None, Vec::new());
        loop {
            let found = h.ask_page("paracetamol", Page { before, limit: 5 }).await;
            assert!(found.hits.len() <= 5);
            uids.extend(found.hits.iter().map(|m| m.entries[0].uid));
            match found.next {
                Some(next) => before = Some(next),
                None => break,
            }
        }
        assert_eq!(uids, (1..=28).rev().collect::<Vec<u32>>(), "{half} indexed");
        h.index().await;
    }
}

async fn work_goes_on_where_a_crash_stopped_it(mut h: House) {
    for n in 0..6 {
        h.file("INBOX", &letter(n, "insuline")).await;
    }
    h.index().await;
    let before = h.state().await;
    for n in 6..12 {
        h.file("INBOX", &letter(n, "insuline")).await;
    }
    let all: Vec<u32> = (1..=12).rev().collect();
    // Records written, nothing more: their round is not over.
    h.ask("insuline").await;
    h.sql("UPDATE texts SET pass = 2 WHERE bal_id = $1 AND pass > 1").await;
    h.fresh().await;
    assert_eq!((h.ask("insuline").await, h.lacking().await), (all.clone(), 6));
    h.index().await;
    assert_eq!((h.ask("insuline").await, h.lacking().await), (all.clone(), 0));
    // The index holds them, how far it goes was not written: they are taken in again, once.
    let bal = h.bal_id();
    h.store.write::<_, StoreError, _>(move |tx| indexes::set_state(tx, bal, &before)).await.unwrap();
    h.fresh().await;
    assert_eq!((h.ask("insuline").await, h.lacking().await), (all.clone(), 6));
    h.file("INBOX", &letter(12, "rien")).await;
    h.index().await;
    assert_eq!((h.ask("insuline").await, h.lacking().await), (all.clone(), 0));
    // A build that was stopped half-way goes on in the same files.
    h.operator.reindex(&h.administrator().await, None).await.unwrap();
    let stopped = CancellationToken::new();
    stopped.cancel();
    h.operator.index_bal(bal, &stopped).await.unwrap();
    let half = h.state().await;
    assert!(half.building != 0 && half.building_upto != 0 && half.generation != half.building, "{half:?}");
    assert_eq!(h.ask("insuline").await, all);
    h.fresh().await;
    h.index().await;
    let done = h.state().await;
    assert_eq!((done.generation, done.building, done.version), (half.building, 0, sceau_search::VERSION));
    assert_eq!((h.ask("insuline").await, h.lacking().await), (all, 0));
}

async fn an_index_is_made_anew_beside_the_one_in_force(h: House) {
    for n in 0..5 {
        h.file("INBOX", &letter(n, "aspirine")).await;
    }
    h.index().await;
    let (old, chef) = (h.state().await, h.administrator().await);
    let asked = h.operator.reindex(&chef, None).await.unwrap();
    assert_eq!((asked.bals, asked.messages), (1, 5));
    assert_eq!(h.state().await.generation, old.generation, "it serves on");
    let address = h.actor.bal.as_ref().unwrap().address.to_string();
    let left = h.operator.reindex_state(&chef, Some(&address)).await.unwrap();
    assert_eq!((left.bals, left.messages), (1, 5));
    assert_eq!(left, h.operator.reindex_state(&chef, None).await.unwrap());
    assert_eq!(h.ask("aspirine").await, [5, 4, 3, 2, 1]);
    let made = h.count("SELECT MIN(made) FROM texts WHERE bal_id = $1").await;
    h.operator.run_due_jobs().await.unwrap();
    let new = h.state().await;
    assert!(new.generation > old.generation && new.pass > old.pass);
    assert!(h.count("SELECT MIN(made) FROM texts WHERE bal_id = $1").await > made, "records are made again, too");
    let generations = h.count("SELECT COUNT(DISTINCT generation) FROM index_files WHERE bal_id = $1").await;
    assert_eq!(generations, 1, "the old one is gone");
    assert_eq!(h.operator.reindex_state(&chef, Some(&address)).await.unwrap().bals, 0);
    assert_eq!(h.ask("aspirine").await, [5, 4, 3, 2, 1]);
    refused(h.operator.reindex(&chef, Some("personne@a.example")).await, RefusalCode::NotFound);
    let traces = h.count("SELECT COUNT(*) FROM traces WHERE bal_id = $1 AND act = 'search.reindexed'").await;
    assert_eq!(traces, 1);
}

async fn a_broken_index_changes_no_answer_and_is_made_again(mut h: House) {
    for n in 0..5 {
        h.file("INBOX", &letter(n, "codéine")).await;
    }
    for (what, damage) in [
        ("blob", "UPDATE blobs SET inline = NULL WHERE id IN (SELECT blob_id FROM index_files WHERE bal_id = $1)"),
        ("small file", "UPDATE index_files SET sealed = $2 WHERE bal_id = $1 AND sealed IS NOT NULL"),
        ("missing file", "DELETE FROM index_files WHERE bal_id = $1 AND sealed IS NULL"),
        ("every file", "DELETE FROM index_files WHERE bal_id = $1"),
    ] {
        h.index().await;
        assert_eq!(h.lacking().await, 0);
        let before = h.state().await.generation;
        assert!(before != 0);
        assert!(h.sql(damage).await > 0, "{what}");
        h.fresh().await;
        assert_eq!(h.ask("codeine").await, [5, 4, 3, 2, 1], "{what}");
        assert_eq!(h.state().await.generation, 0, "{what}: nobody asks it any more");
        h.index().await;
        let after = h.state().await;
        assert!(after.generation > before && after.version == sceau_search::VERSION, "{what}: {after:?}");
        assert_eq!((h.ask("codeine").await, h.lacking().await), (vec![5, 4, 3, 2, 1], 0), "{what}");
    }
    // Found by the job instead.
    h.sql("UPDATE index_files SET sealed = $2 WHERE bal_id = $1 AND sealed IS NOT NULL").await;
    h.fresh().await;
    h.file("INBOX", &letter(5, "codéine")).await;
    h.index().await;
    h.index().await;
    assert_eq!((h.ask("codeine").await, h.lacking().await), (vec![6, 5, 4, 3, 2, 1], 0));
    // A damaged record is made again.
    h.sql("UPDATE texts SET sealed = $2 WHERE bal_id = $1").await;
    h.fresh().await;
    let found = h.ask_page("codeine", Page { before: None, limit: 2 }).await;
    assert_eq!(found.hits[0].subject, "lettre 5");
}

async fn another_node_sees_what_was_indexed(h: House) {
    let other = Operator::open(h.operator.config().clone(), h.store.clone(), h.operator.trust().clone()).await.unwrap();
    let page = Page { before: None, limit: 10 };
    let query = other.query("digoxine").unwrap();
    for n in 0..3 {
        h.file("INBOX", &letter(n, "digoxine")).await;
        h.index().await;
        assert_eq!(h.lacking().await, 0);
        let found = other.find_messages(&h.actor, &query, None, page).await.unwrap();
        assert_eq!(found.hits.len(), n + 1);
    }
    assert_eq!(other.0.search.opened.count(), 1);
    // The first node's files go while the second one has them open.
    h.operator.reindex(&h.administrator().await, None).await.unwrap();
    h.operator.run_due_jobs().await.unwrap();
    h.store.clock.advance_ms(7_200_000);
    sceau_store::blob::collect(&h.store).await.unwrap();
    assert_eq!(other.find_messages(&h.actor, &query, None, page).await.unwrap().hits.len(), 3);
}

async fn a_worker_taken_for_dead_writes_nothing(h: House) {
    h.file("INBOX", PLAIN).await;
    h.index().await;
    let (bal, seal) = (h.bal_id(), h.operator.bal_seal(h.bal_id()).await.unwrap());
    let writers = [h.store.new_id(), h.store.new_id()];
    for writer in writers {
        h.store.write::<_, StoreError, _>(move |tx| indexes::take(tx, bal, writer, 0)).await.unwrap();
    }
    let generation = h.state().await.generation;
    let cache = h.operator.0.search.cache.clone();
    let files =
        |writer| Arc::new(SealedFiles::new(h.store.clone(), seal.clone(), generation, Some(writer), cache.clone()));
    let (dead, alive) = (files(writers[0]), files(writers[1]));
    let written = tokio::task::spawn_blocking(move || {
        let attempt = |files: &SealedFiles| {
            let mut file = files.create("a.new").unwrap();
            file.write_all(&vec![7; 100_000]).unwrap();
            file.finish().unwrap();
            assert_eq!(files.open("a.new").unwrap().read(65_530..65_545).unwrap(), vec![7; 15], "seen by its writer");
            files.write_small("state", b"x").is_ok()
        };
        let done = [attempt(&dead), attempt(&alive)];
        assert!(!dead.exists("b.none").unwrap() && alive.exists("a.new").unwrap());
        assert_eq!(alive.read_small("state").unwrap(), b"x");
        assert_eq!(alive.open("a.new").unwrap().read(99_999..100_000).unwrap(), [7]);
        assert!(alive.open("a.new").unwrap().read(99_999..100_001).is_err());
        alive.delete("a.new").unwrap();
        assert!(alive.open("a.new").is_err() && !alive.exists("a.new").unwrap());
        alive.finish().unwrap();
        assert!(!alive.exists("a.new").unwrap());
        done
    });
    assert_eq!(written.await.unwrap(), [false, true]);
    let files = h.count("SELECT COUNT(*) FROM blobs WHERE size = 100000 AND $1 > 0").await;
    assert_eq!(files, 1, "what the dead one wrote is gone");
}

async fn folders_and_fields_narrow_the_search(h: House) {
    use crate::mailbox::search::{Field, Query as Imap};
    h.file("INBOX", PLAIN).await;
    h.file("INBOX", MIXED).await;
    h.file("Archive", &letter(1, "hémoglobine")).await;
    let words = |field, text: &str| Imap::Words(field, text.to_owned());
    for state in ["scanned", "indexed"] {
        let query = h.operator.query("hémoglobine").unwrap();
        let page = Page { before: None, limit: 10 };
        let found = h.operator.find_messages(&h.actor, &query, Some("Archive"), page).await.unwrap();
        assert_eq!(found.hits.iter().map(|m| m.entries[0].name.as_str()).collect::<Vec<_>>(), ["Archive"], "{state}");
        let entries = h.open("INBOX").await.entries;
        for (query, uids) in [
            (words(Field::Subject, "resultat analyses"), vec![1]),
            (words(Field::From, "petit"), vec![1]),
            (words(Field::Body, "tachycardies"), vec![2]),
            (words(Field::Anywhere, "cardiogramme"), vec![2]),
            (words(Field::Subject, "cardiogramme"), vec![]),
            (words(Field::Anywhere, "OU -sortie"), vec![2]),
            (Imap::Not(Box::new(words(Field::Body, "hémoglobines"))), vec![2]),
            (Imap::And(vec![words(Field::Anywhere, "hémoglobine"), Imap::Flag(Flags::SEEN)]), vec![]),
        ] {
            let found = h.operator.search(&h.actor, &entries, &query).await.unwrap();
            assert_eq!(found, uids, "{state}: {query:?}");
        }
        h.index().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_bal_is_left_alone_and_texts_follow_their_message() {
    let h = House::sqlite().await;
    h.file("INBOX", PLAIN).await;
    h.sql("UPDATE bals SET state = 'closed' WHERE id = $1").await;
    h.index().await;
    assert_eq!(h.count("SELECT COUNT(*) FROM texts WHERE bal_id = $1").await, 0);
    h.sql("UPDATE bals SET state = 'active' WHERE id = $1").await;
    // A message that goes between reading and writing leaves no record.
    let bal = h.bal_id();
    let seal = h.operator.bal_seal(bal).await.unwrap();
    let id = h.open("INBOX").await.entries[0].message;
    let rows = h.operator.message_row(bal, id).await.unwrap().unwrap();
    let record = h.operator.make_record(&seal, rows).await.unwrap();
    let sealed = h.operator.seal_text(&seal, &record).await.unwrap();
    h.expunge(&[1]).await;
    assert!(h.operator.write_texts(bal, vec![sealed]).await.unwrap().is_empty());
    assert_eq!(h.count("SELECT COUNT(*) FROM texts WHERE bal_id = $1").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_deliveries_are_one_job() {
    let h = House::sqlite().await;
    for n in 0..20 {
        h.file("INBOX", &letter(n, "x")).await;
    }
    assert_eq!(h.count("SELECT COUNT(*) FROM jobs WHERE kind = 'index' AND $1 > 0").await, 1);
    assert_eq!(h.operator.run_due_jobs().await.unwrap(), 0, "it waits for others");
    h.store.clock.advance_ms(6_000);
    assert_eq!(h.operator.run_due_jobs().await.unwrap(), 1);
    assert_eq!(h.lacking().await, 0);
}
