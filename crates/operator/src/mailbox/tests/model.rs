//! Random acts against a simple model: what folders hold, UIDs, modseqs, counts, quota, and views of any age.
use super::{House, message};
use crate::mailbox::entries::{Entry, FlagChange, FlagSet, Flags};
use crate::{Actor, Operator};
use proptest::prelude::*;
use sceau_store::{Id, StoreError, accounts, params};
use std::collections::{BTreeMap, BTreeSet};

const FOLDERS: [&str; 3] = ["INBOX", "Archive", "Trash"];
const WORDS: [&str; 3] = ["$Label1", "Urgent", "lu"];

#[derive(Debug, Clone)]
enum Step {
    Append { folder: usize, flags: u8, words: u8 },
    Copy { from: usize, to: usize, pick: u16 },
    Move { from: usize, to: usize, pick: u16 },
    Flags { folder: usize, pick: u16, change: u8, flags: u8, words: u8, old: bool },
    Expunge { folder: usize, pick: Option<u16> },
    RenameInbox,
}

fn step() -> impl Strategy<Value = Step> {
    let f = 0..FOLDERS.len();
    prop_oneof![
        4 => (f.clone(), 0..32u8, 0..8u8).prop_map(|(folder, flags, words)| Step::Append { folder, flags, words }),
        2 => (f.clone(), f.clone(), any::<u16>()).prop_map(|(from, to, pick)| Step::Copy { from, to, pick }),
        2 => (f.clone(), f.clone(), any::<u16>()).prop_map(|(from, to, pick)| Step::Move { from, to, pick }),
        4 => (f.clone(), any::<u16>(), 0..3u8, 0..32u8, 0..8u8, any::<bool>())
            .prop_map(|(folder, pick, change, flags, words, old)| Step::Flags { folder, pick, change, flags, words, old }),
        2 => (f, proptest::option::of(any::<u16>())).prop_map(|(folder, pick)| Step::Expunge { folder, pick }),
        1 => Just(Step::RenameInbox),
    ]
}

/// An entry of the model: message number, flags, keywords.
type Model = BTreeMap<u32, (usize, u8, BTreeSet<&'static str>)>;

#[derive(Default)]
struct Folder {
    next: u32,
    entries: Model,
    modseq: u64,
    /// Earlier views: modseq and entries then.
    views: Vec<(u64, BTreeMap<u32, Entry>)>,
}

fn set(flags: u8, words: u8) -> (FlagSet, BTreeSet<&'static str>) {
    let words: BTreeSet<&str> =
        WORDS.into_iter().enumerate().filter(|(i, _)| words & (1 << i) != 0).map(|w| w.1).collect();
    (FlagSet { system: Flags(flags), keywords: words.iter().copied().collect() }, words)
}

/// The UIDs of a folder that a bit pattern picks, and one that does not exist.
fn picked(folder: &Folder, pick: u16) -> Vec<u32> {
    let there = folder.entries.keys().enumerate().filter(|(i, _)| pick & (1 << (i % 16)) != 0);
    there.map(|(_, uid)| *uid).chain([folder.next + 7]).collect()
}

async fn play(operator: &Operator, actor: &Actor, steps: &[Step]) {
    let mut model: Vec<Folder> = FOLDERS.iter().map(|_| Folder { next: 1, ..Folder::default() }).collect();
    let mut ids: Vec<Id> = Vec::new();
    for name in FOLDERS {
        ids.push(operator.folder(actor, name).await.unwrap().id);
    }
    let mut messages = 0;
    let mut renamed = 0;
    for step in steps {
        match step {
            Step::Append { folder, flags, words } => {
                let (flagset, words) = set(*flags, *words);
                let body = message(operator, &format!("Subject: {messages}\r\n\r\n{}", "x".repeat(messages)));
                let (_, uid) = operator.append(actor, FOLDERS[*folder], flagset, None, body).await.unwrap();
                let f = &mut model[*folder];
                assert_eq!(uid, f.next, "UIDs grow one by one");
                f.next += 1;
                f.entries.insert(uid, (messages, *flags, words));
                messages += 1;
            }
            Step::Copy { from, to, pick } | Step::Move { from, to, pick } => {
                let uids = picked(&model[*from], *pick);
                let moving = matches!(step, Step::Move { .. });
                let copied = if moving {
                    operator.move_entries(actor, ids[*from], &uids, FOLDERS[*to]).await.unwrap()
                } else {
                    operator.copy(actor, ids[*from], &uids, FOLDERS[*to]).await.unwrap()
                };
                let mut expected = Vec::new();
                for uid in &uids[..uids.len() - 1] {
                    let entry = model[*from].entries[uid].clone();
                    if moving {
                        model[*from].entries.remove(uid);
                    }
                    let target = &mut model[*to];
                    target.entries.insert(target.next, entry);
                    expected.push((*uid, target.next));
                    target.next += 1;
                }
                assert_eq!(copied.pairs, expected);
            }
            Step::Flags { folder, pick, change, flags, words, old } => {
                let f = &mut model[*folder];
                let uids = picked(f, *pick);
                let (flagset, words) = set(*flags, *words);
                let change = [FlagChange::Replace, FlagChange::Add, FlagChange::Remove][usize::from(*change)];
                // Of an old view: only what did not change since.
                let since = old.then(|| f.views.first().map_or(f.modseq, |v| v.0));
                let now: BTreeMap<u32, u64> = operator
                    .open_folder(actor, FOLDERS[*folder], true)
                    .await
                    .unwrap()
                    .entries
                    .iter()
                    .map(|e| (e.uid, e.modseq))
                    .collect();
                let (changed, left) =
                    operator.change_flags(actor, ids[*folder], &uids, change, flagset, since).await.unwrap();
                let (mut done, mut kept) = (Vec::new(), Vec::new());
                for uid in &uids[..uids.len() - 1] {
                    if since.is_some_and(|s| now[uid] > s) {
                        kept.push(*uid);
                        continue;
                    }
                    done.push(*uid);
                    if let Some((_, f, w)) = f.entries.get_mut(uid) {
                        match change {
                            FlagChange::Replace => (*f, *w) = (*flags, words.clone()),
                            FlagChange::Add => (*f, *w) = (*f | flags, w.union(&words).copied().collect()),
                            FlagChange::Remove => (*f, *w) = (*f & !flags, w.difference(&words).copied().collect()),
                        }
                    }
                }
                assert_eq!((changed.iter().map(|e| e.uid).collect::<Vec<_>>(), left), (done, kept));
            }
            Step::Expunge { folder, pick } => {
                let f = &mut model[*folder];
                let only = pick.map(|p| picked(f, p));
                let gone = operator.expunge(actor, ids[*folder], only.as_deref()).await.unwrap();
                let wanted = |uid: &u32| only.as_ref().is_none_or(|o| o.contains(uid));
                let expected: Vec<u32> =
                    f.entries.iter().filter(|(uid, e)| e.1 & 8 != 0 && wanted(uid)).map(|(uid, _)| *uid).collect();
                for uid in &expected {
                    f.entries.remove(uid);
                }
                assert_eq!(gone, expected);
            }
            Step::RenameInbox => {
                renamed += 1;
                let target = format!("Old {renamed}");
                operator.rename_folder(actor, "INBOX", &target).await.unwrap();
                let moved = operator.open_folder(actor, &target, true).await.unwrap();
                assert_eq!(moved.entries.len(), model[0].entries.len());
                model[0].entries.clear();
                // Out of the model: its entries go with it.
                operator.delete_folder(actor, &target).await.unwrap();
            }
        }
        for (i, f) in model.iter_mut().enumerate() {
            check_folder(operator, actor, FOLDERS[i], f).await;
        }
        check_bal(operator, actor, &model).await;
    }
    for (i, f) in model.iter().enumerate() {
        check_views(operator, actor, ids[i], f).await;
    }
}

/// The folder is the model's; a new view is kept.
async fn check_folder(operator: &Operator, actor: &Actor, name: &str, f: &mut Folder) {
    let open = operator.open_folder(actor, name, true).await.unwrap();
    let words = |e: &Entry| -> BTreeSet<String> { e.flags.keywords.iter().map(str::to_owned).collect() };
    let there: Vec<_> = open.entries.iter().map(|e| (e.uid, e.flags.system.0, words(e))).collect();
    let expected: Vec<_> = f
        .entries
        .iter()
        .map(|(uid, (_, flags, w))| (*uid, *flags, w.iter().map(|w| (*w).to_owned()).collect::<BTreeSet<String>>()))
        .collect();
    assert_eq!(there, expected);
    assert_eq!(open.folder.uidnext, f.next);
    assert!(open.folder.modseq >= f.modseq, "modseq never goes back");
    assert!(open.entries.iter().all(|e| e.modseq <= open.folder.modseq));
    let view: BTreeMap<u32, Entry> = open.entries.into_iter().map(|e| (e.uid, e)).collect();
    if let Some((modseq, before)) = f.views.last() {
        assert!((*modseq < open.folder.modseq) || *before == view, "a change has a new modseq");
    }
    f.modseq = open.folder.modseq;
    f.views.push((f.modseq, view));
    let status = operator.folder_status(actor, name).await.unwrap();
    let sum = |test: fn(u8) -> bool| f.entries.values().filter(|e| test(e.1)).count() as u32;
    assert_eq!(
        (status.messages, status.unseen, status.deleted),
        (sum(|_| true), sum(|f| f & 1 == 0), sum(|f| f & 8 != 0))
    );
    assert_eq!((status.uidnext, status.modseq), (f.next, f.modseq));
    assert_eq!(status.size, f.views.last().unwrap().1.values().map(|e| e.size).sum::<u64>());
}

/// Quota and messages are what the entries say.
async fn check_bal(operator: &Operator, actor: &Actor, model: &[Folder]) {
    let bal = actor.bal.as_ref().unwrap().id;
    let entries = || model.iter().flat_map(|f| f.views.last().unwrap().1.values());
    let (row, messages) = operator
        .0
        .store
        .read::<_, StoreError, _>(move |tx| {
            let messages = tx.query("SELECT COUNT(*) FROM messages WHERE bal_id = $1", params![bal])?[0].int(0)?;
            Ok((accounts::bal_by_id(tx, bal)?.unwrap(), messages))
        })
        .await
        .unwrap();
    assert_eq!((row.used_bytes, row.message_count), (entries().map(|e| e.size as i64).sum(), entries().count() as i64));
    // One row a message, none without an entry; the same message is the same everywhere.
    let shown: BTreeSet<Id> = entries().map(|e| e.message).collect();
    assert_eq!(messages, shown.len() as i64);
    let numbers: BTreeSet<usize> = model.iter().flat_map(|f| f.entries.values().map(|e| e.0)).collect();
    assert_eq!(numbers.len(), shown.len());
}

/// A view of any age is brought to the present by the changes since.
async fn check_views(operator: &Operator, actor: &Actor, id: Id, f: &Folder) {
    let (_, present) = f.views.last().unwrap();
    for (modseq, view) in &f.views {
        let changes = operator.changes(actor, id, *modseq).await.unwrap();
        let mut view = view.clone();
        view.retain(|uid, _| !changes.vanished.iter().any(|(first, last)| (first..=last).contains(&uid)));
        view.extend(changes.changed.into_iter().map(|e| (e.uid, e)));
        assert_eq!(&view, present);
        assert_eq!((changes.modseq, changes.uidnext), (f.modseq, f.next));
    }
}

fn run(house: impl Future<Output = House>, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let house = runtime.block_on(house);
    let config = ProptestConfig { cases, max_shrink_iters: 50, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(steps in proptest::collection::vec(step(), 1..16))| {
        runtime.block_on(async {
            let actor = house.neighbour(1 << 30).await;
            play(&house.operator, &actor, &steps).await;
        });
    });
    runtime.block_on(async { house.operator.flush_traces().await.unwrap() });
}

#[test]
fn acts_follow_the_model_on_sqlite() {
    run(House::sqlite(), 24);
}

#[test]
fn acts_follow_the_model_on_postgres() {
    run(House::postgres(), 8);
}
