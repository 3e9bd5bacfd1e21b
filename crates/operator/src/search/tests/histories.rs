//! Random histories of a BAL, with work on its index done, half done, interrupted, lost and damaged at any point: what a search finds is what
//! there is, each time.
use super::{House, Page, Query};
use crate::mailbox::entries::{FlagChange, Flags};
use crate::mailbox::search::{Field, Query as Imap};
use crate::mailbox::tests::flags;
use proptest::prelude::*;
use sceau_store::{Id, StoreError, indexes};
use std::collections::{BTreeSet, HashMap};
use tokio_util::sync::CancellationToken;

const FOLDERS: [&str; 3] = ["INBOX", "Archive", "Trash"];
const WORDS: [&str; 3] = ["rivaroxaban", "colchicine", "digoxine"];

#[derive(Debug, Clone)]
enum Step {
    File {
        folder: usize,
        word: usize,
    },
    Flag {
        folder: usize,
        pick: u16,
    },
    Copy {
        from: usize,
        to: usize,
        pick: u16,
    },
    Move {
        from: usize,
        to: usize,
        pick: u16,
    },
    Expunge {
        folder: usize,
        pick: u16,
    },
    /// The jobs that wait are done.
    Index,
    /// Work begins, and stops at the first opportunity.
    Begin,
    /// A worker that nobody hears of again takes the index.
    Take,
    /// The process starts anew.
    Restart,
    /// An administrator wants it made anew.
    Anew,
    /// Files are lost.
    Damage(bool),
    /// Another program was here.
    Other,
}

fn step() -> impl Strategy<Value = Step> {
    let f = 0..FOLDERS.len();
    prop_oneof![
        6 => (f.clone(), 0..WORDS.len()).prop_map(|(folder, word)| Step::File { folder, word }),
        2 => (f.clone(), any::<u16>()).prop_map(|(folder, pick)| Step::Flag { folder, pick }),
        2 => (f.clone(), f.clone(), any::<u16>()).prop_map(|(from, to, pick)| Step::Copy { from, to, pick }),
        3 => (f.clone(), f.clone(), any::<u16>()).prop_map(|(from, to, pick)| Step::Move { from, to, pick }),
        3 => (f, any::<u16>()).prop_map(|(folder, pick)| Step::Expunge { folder, pick }),
        4 => Just(Step::Index),
        2 => Just(Step::Begin),
        1 => Just(Step::Take),
        1 => Just(Step::Restart),
        1 => Just(Step::Anew),
        1 => any::<bool>().prop_map(Step::Damage),
        1 => Just(Step::Other),
    ]
}

/// The word of every message.
type Words = HashMap<Id, usize>;

impl House {
    async fn picked(&self, folder: usize, pick: u16) -> (Id, Vec<u32>) {
        let open = self.open(FOLDERS[folder]).await;
        let there = open.entries.iter().enumerate().filter(|(i, _)| pick & (1 << (i % 16)) != 0);
        (open.folder.id, there.map(|(_, e)| e.uid).collect())
    }

    async fn step(&mut self, step: &Step, words: &mut Words) {
        let bal = self.bal_id();
        match *step {
            Step::File { folder, word } => {
                let uid = self.file(FOLDERS[folder], &super::letter(words.len(), WORDS[word])).await;
                let entries = self.open(FOLDERS[folder]).await.entries;
                words.insert(entries.iter().find(|e| e.uid == uid).unwrap().message, word);
            }
            Step::Flag { folder, pick } => {
                let (folder, uids) = self.picked(folder, pick).await;
                let seen = flags(Flags::SEEN, &[]);
                self.operator.change_flags(&self.actor, folder, &uids, FlagChange::Add, seen, None).await.unwrap();
            }
            Step::Copy { from, to, pick } => {
                let (folder, uids) = self.picked(from, pick).await;
                self.operator.copy(&self.actor, folder, &uids, FOLDERS[to]).await.unwrap();
            }
            Step::Move { from, to, pick } => {
                let (folder, uids) = self.picked(from, pick).await;
                self.operator.move_entries(&self.actor, folder, &uids, FOLDERS[to]).await.unwrap();
            }
            Step::Expunge { folder, pick } => {
                let (folder, uids) = self.picked(folder, pick).await;
                let gone = flags(Flags::DELETED, &[]);
                self.operator.change_flags(&self.actor, folder, &uids, FlagChange::Add, gone, None).await.unwrap();
                self.operator.expunge(&self.actor, folder, Some(&uids)).await.unwrap();
            }
            Step::Index => self.index().await,
            Step::Begin => {
                let stopped = CancellationToken::new();
                stopped.cancel();
                // What is broken may be told as a failure: the job is tried again.
                let _ = self.operator.index_bal(bal, &stopped).await;
            }
            Step::Take => {
                let writer = self.store.new_id();
                self.store.write::<_, StoreError, _>(move |tx| indexes::take(tx, bal, writer, 0)).await.unwrap();
            }
            Step::Restart => self.fresh().await,
            Step::Anew => {
                let address = self.actor.bal.as_ref().unwrap().address.to_string();
                self.operator.reindex(&self.administrator().await, Some(&address)).await.unwrap();
            }
            Step::Damage(all) => {
                let some = "DELETE FROM index_files WHERE bal_id = $1 AND name LIKE '%.pos'";
                let every = "DELETE FROM index_files WHERE bal_id = $1";
                self.sql(if all { every } else { some }).await;
            }
            Step::Other => {
                self.sql("UPDATE search_indexes SET version = 99 WHERE bal_id = $1").await;
            }
        }
    }

    /// Every search for a word finds what the folders hold of it.
    async fn finds_what_there_is(&self, word: usize, words: &Words, after: &Step) {
        let mut there = BTreeSet::new();
        for folder in FOLDERS {
            let entries = self.open(folder).await.entries;
            let mine: Vec<_> = entries.iter().filter(|e| words[&e.message] == word).collect();
            there.extend(mine.iter().map(|e| (folder.to_owned(), e.uid, e.message)));
            let fuzzy = Imap::Words(Field::Anywhere, WORDS[word].to_owned());
            let found = self.operator.search(&self.actor, &entries, &fuzzy).await.unwrap();
            assert_eq!(found, mine.iter().map(|e| e.uid).collect::<Vec<_>>(), "{folder} after {after:?}");
        }
        for question in [WORDS[word].to_owned(), format!("\"ordonnance de {}*\"", &WORDS[word][..4])] {
            let query = Query::parse(&question).unwrap();
            let page = Page { before: None, limit: 500 };
            let found = self.operator.find_messages(&self.actor, &query, None, page).await.unwrap();
            assert!(found.complete && found.next.is_none());
            let shown = found.hits.iter().flat_map(|h| h.entries.iter().map(|e| (e.name.clone(), e.uid, h.message)));
            assert_eq!(shown.collect::<BTreeSet<_>>(), there, "{question} after {after:?}");
            assert!(found.hits.is_sorted_by(|a, b| (a.date, a.message) > (b.date, b.message)));
            assert!(found.hits.iter().all(|h| h.snippet.text.contains(WORDS[word]) && !h.snippet.found.is_empty()));
        }
    }
}

fn run(house: impl Future<Output = House>, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let house = std::cell::RefCell::new(runtime.block_on(house));
    let config = ProptestConfig { cases, max_shrink_iters: 60, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(steps in proptest::collection::vec(step(), 1..24))| {
        let mut house = house.borrow_mut();
        runtime.block_on(async {
            // A neighbour's mail with the same words is never found.
            house.file("INBOX", &super::letter(1, WORDS[0])).await;
            house.actor = house.neighbour(1 << 30).await;
            let mut words = Words::new();
            for (i, step) in steps.iter().enumerate() {
                house.step(step, &mut words).await;
                house.finds_what_there_is(i % WORDS.len(), &words, step).await;
            }
            // Once the work is done nothing is lacking, and nothing of what is gone is left.
            house.index().await;
            house.index().await;
            for word in 0..WORDS.len() {
                house.finds_what_there_is(word, &words, &Step::Index).await;
            }
            house.index().await;
            assert_eq!(house.lacking().await, 0);
            assert_eq!(house.count("SELECT COUNT(*) FROM index_removals WHERE bal_id = $1").await, 0);
        });
    });
}

#[test]
fn what_is_found_is_what_there_is_on_sqlite() {
    run(House::sqlite(), 16);
}

#[test]
fn what_is_found_is_what_there_is_on_postgres() {
    run(House::postgres(), 6);
}
