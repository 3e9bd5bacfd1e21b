//! The journal against what is simply there: random acts, and after them every earlier state is brought to the present by what the
//! journal tells since, in pages of any size, before and after pruning; or the journal says that it cannot, and has a reason.
use super::{House, message};
use crate::journal::State;
use crate::mailbox::entries::{Entry, FlagChange, FlagSet, Flags};
use crate::{Actor, Operator};
use proptest::prelude::*;
use sceau_store::Id;
use std::collections::{BTreeMap, BTreeSet};

const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;

#[derive(Debug, Clone)]
enum Step {
    Append(usize),
    Copy { from: usize, to: usize, pick: u16 },
    Move { from: usize, to: usize, pick: u16 },
    Flag { folder: usize, pick: u16, flags: u8 },
    Expunge { folder: usize, pick: u16 },
    Create(u8),
    Rename { folder: usize, to: u8 },
    Delete(usize),
    Subscribe(usize, bool),
    Wait { hours: i64 },
    Prune,
}

fn step() -> impl Strategy<Value = Step> {
    // Mail in few folders, so that acts meet.
    let (f, any_folder, p) = (0..3usize, 0..8usize, any::<u16>());
    let hours = prop_oneof![1..30i64, 700..1500i64];
    prop_oneof![
        6 => f.clone().prop_map(Step::Append),
        2 => (f.clone(), f.clone(), p).prop_map(|(from, to, pick)| Step::Copy { from, to, pick }),
        2 => (f.clone(), f.clone(), p).prop_map(|(from, to, pick)| Step::Move { from, to, pick }),
        2 => (f.clone(), p, 0..8u8).prop_map(|(folder, pick, flags)| Step::Flag { folder, pick, flags }),
        4 => (f, p).prop_map(|(folder, pick)| Step::Expunge { folder, pick }),
        2 => (0..4u8).prop_map(Step::Create),
        1 => (any_folder.clone(), 0..4u8).prop_map(|(folder, to)| Step::Rename { folder, to }),
        1 => any_folder.clone().prop_map(Step::Delete),
        1 => (any_folder, any::<bool>()).prop_map(|(folder, on)| Step::Subscribe(folder, on)),
        4 => hours.prop_map(|hours| Step::Wait { hours }),
        4 => Just(Step::Prune),
    ]
}

/// A message as JMAP sees it: where it is, and how it is flagged there.
type Seen = BTreeSet<(Id, u32, u8)>;
/// A folder: name, subscribed, uidnext, entries.
type Shape = (String, bool, u32, usize);

/// Everything that is there.
#[derive(Debug, Clone, Default, PartialEq)]
struct World {
    messages: BTreeMap<Id, Seen>,
    folders: BTreeMap<Id, Shape>,
    entries: BTreeMap<Id, (u32, u64, BTreeMap<u32, Entry>)>,
}

async fn look(operator: &Operator, actor: &Actor) -> World {
    let mut world = World::default();
    for folder in operator.folders(actor).await.unwrap() {
        let open = operator.open_folder(actor, &folder.name, true).await.unwrap();
        let shape = (folder.name.clone(), folder.subscribed, folder.uidnext, open.entries.len());
        world.folders.insert(folder.id, shape);
        for e in &open.entries {
            world.messages.entry(e.message).or_default().insert((folder.id, e.uid, e.flags.system.0));
        }
        let entries = open.entries.into_iter().map(|e| (e.uid, e)).collect();
        world.entries.insert(folder.id, (folder.uidvalidity, open.folder.modseq, entries));
    }
    world
}

/// A program that keeps a copy up to date a page at a time, while things go on.
#[derive(Debug, Clone)]
struct Client<T> {
    state: State,
    things: BTreeMap<Id, T>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum What {
    Messages,
    Folders,
}

impl<T: Clone + PartialEq + std::fmt::Debug> Client<T> {
    /// Takes one page. `Some(more)`, or none when it must start again (and has).
    async fn turn(
        &mut self,
        operator: &Operator,
        actor: &Actor,
        what: What,
        present: &BTreeMap<Id, T>,
        most: usize,
    ) -> Option<bool> {
        let page = match what {
            What::Messages => operator.changed_messages(actor, self.state, most).await.unwrap(),
            What::Folders => operator.changed_folders(actor, self.state, most).await.unwrap(),
        };
        let Some(page) = page else {
            *self = Self { state: operator.journal_state(actor).await.unwrap(), things: present.clone() };
            return None;
        };
        let within = self.state.to_string().contains('-');
        assert!(page.created.len() + page.updated.len() + page.destroyed.len() <= most);
        for id in &page.created {
            assert!(!self.things.contains_key(id), "created is news");
            // What is gone again already will be told as destroyed, and is not there to be fetched.
            let thing = present.get(id).expect("created and there");
            self.things.insert(*id, thing.clone());
        }
        for id in &page.updated {
            assert!(self.things.contains_key(id), "updated was known");
            self.things.insert(*id, present.get(id).expect("updated and there").clone());
        }
        for id in &page.destroyed {
            // Between two pages a thing may come and go unseen.
            assert!(self.things.remove(id).is_some() || within, "destroyed was known");
            assert!(!present.contains_key(id));
        }
        assert!(page.state != self.state || !page.more, "it goes on");
        // A state is a word that the client gives back.
        self.state = page.state.to_string().parse().unwrap();
        Some(page.more)
    }

    /// Takes all pages at once, and then is the present.
    async fn catch_up(
        mut self,
        operator: &Operator,
        actor: &Actor,
        what: What,
        present: &BTreeMap<Id, T>,
        most: usize,
    ) -> bool {
        loop {
            match self.turn(operator, actor, what, present, most).await {
                None => return false,
                Some(true) => {}
                Some(false) => break,
            }
        }
        assert_eq!(&self.things, present, "{what:?}");
        true
    }
}

async fn play(house: &House, actor: &Actor, steps: &[Step], most: usize) {
    let operator = &house.operator;
    let mut world = look(operator, actor).await;
    let begin = operator.journal_state(actor).await.unwrap();
    let mut past = vec![(begin, world.clone())];
    let mut messages = Client { state: begin, things: world.messages.clone() };
    let mut folders = Client { state: begin, things: world.folders.clone() };
    // (hour, state before) of the acts that removed something.
    let mut removals: Vec<(i64, usize)> = Vec::new();
    let mut pruned_before = i64::MIN;
    for (n, step) in steps.iter().enumerate() {
        let names: Vec<(Id, String)> = world.folders.iter().map(|(id, f)| (*id, f.0.clone())).collect();
        let folder = |i: &usize| &names[i % names.len()];
        let picked = |i: &usize, pick: &u16| -> Vec<u32> {
            let there = world.entries[&folder(i).0].2.keys().enumerate();
            there.filter(|(i, _)| pick & (1 << (i % 16)) != 0).map(|(_, uid)| *uid).collect()
        };
        match step {
            Step::Append(to) => {
                let body = message(operator, &format!("Subject: {n}\r\n\r\nx"));
                operator.append(actor, &folder(to).1, FlagSet::default(), None, body).await.unwrap();
            }
            Step::Copy { from, to, pick } => {
                operator.copy(actor, folder(from).0, &picked(from, pick), &folder(to).1).await.unwrap();
            }
            Step::Move { from, to, pick } => {
                operator.move_entries(actor, folder(from).0, &picked(from, pick), &folder(to).1).await.unwrap();
            }
            Step::Flag { folder: f, pick, flags } => {
                let set = FlagSet::of(Flags(*flags));
                let change = FlagChange::Replace;
                operator.change_flags(actor, folder(f).0, &picked(f, pick), change, set, None).await.unwrap();
            }
            Step::Expunge { folder: f, pick } => {
                let set = FlagSet::of(Flags::DELETED);
                let uids = picked(f, pick);
                operator.change_flags(actor, folder(f).0, &uids, FlagChange::Add, set, None).await.unwrap();
                operator.expunge(actor, folder(f).0, None).await.unwrap();
            }
            // What is impossible (taken, INBOX, too many) is refused, and changes nothing.
            Step::Create(name) => drop(operator.create_folder(actor, &format!("d{name}/e"), None).await),
            Step::Rename { folder: f, to } => {
                drop(operator.rename_folder(actor, &folder(f).1, &format!("r{to}")).await)
            }
            Step::Delete(f) => drop(operator.delete_folder(actor, &folder(f).1).await),
            Step::Subscribe(f, on) => operator.subscribe_folder(actor, &folder(f).1, *on).await.unwrap(),
            Step::Wait { hours } => house.store.clock.advance_ms(hours * HOUR),
            Step::Prune => {
                operator.prune_journal().await.unwrap();
                pruned_before = (house.store.clock().now().0 - 30 * DAY).div_euclid(HOUR);
            }
        }
        let now = look(operator, actor).await;
        let gone = |(id, (_, _, entries)): (&Id, &(u32, u64, BTreeMap<u32, Entry>))| {
            now.entries.get(id).is_none_or(|(_, _, after)| entries.keys().any(|uid| !after.contains_key(uid)))
        };
        if world.entries.iter().any(gone) {
            removals.push((house.store.clock().now().0.div_euclid(HOUR), past.len() - 1));
        }
        world = now;
        messages.turn(operator, actor, What::Messages, &world.messages, most).await;
        folders.turn(operator, actor, What::Folders, &world.folders, most).await;
        past.push((operator.journal_state(actor).await.unwrap(), world.clone()));
    }
    messages.catch_up(operator, actor, What::Messages, &world.messages, most).await;
    folders.catch_up(operator, actor, What::Folders, &world.folders, most).await;
    for (age, (state, then)) in past.iter().enumerate() {
        let m = Client { state: *state, things: then.messages.clone() };
        let known = m.catch_up(operator, actor, What::Messages, &world.messages, most).await;
        let f = Client { state: *state, things: then.folders.clone() };
        assert_eq!(f.catch_up(operator, actor, What::Folders, &world.folders, most).await, known);
        // Forgotten: only when something was removed since that is old enough. Of one hour nothing is kept when a part goes.
        let forgotten = removals.iter().any(|(hour, before)| *before >= age && *hour < pruned_before);
        assert_eq!(known, !forgotten, "state {age} of {}", past.len());
        check_views(operator, actor, then, &world).await;
    }
}

/// A view of a folder, however old, is brought to the present, whatever was pruned.
async fn check_views(operator: &Operator, actor: &Actor, then: &World, now: &World) {
    for (id, (uidvalidity, modseq, view)) in &then.entries {
        let Some((_, present_modseq, present)) = now.entries.get(id) else { continue };
        let changes = operator.changes(actor, *id, *modseq).await.unwrap();
        let gone = |runs: &[(u32, u32)], uid: &u32| runs.iter().any(|(first, last)| (first..=last).contains(&uid));
        let mut after = view.clone();
        after.retain(|uid, _| !gone(&changes.vanished, uid));
        after.extend(changes.changed.into_iter().map(|e| (e.uid, e)));
        assert_eq!(&after, present);
        // QRESYNC: a client that knew the odd UIDs only.
        let odd: Vec<(u32, u32)> = view.keys().filter(|uid| *uid % 2 == 1).map(|uid| (*uid, *uid)).collect();
        let resync = operator.resync(actor, *id, *uidvalidity, *modseq, Some(odd)).await.unwrap().unwrap();
        let mut after: BTreeMap<u32, Entry> = view.clone().into_iter().filter(|(uid, _)| uid % 2 == 1).collect();
        assert!(resync.changed.iter().all(|e| after.contains_key(&e.uid)), "nothing that it does not know");
        assert!(resync.vanished.iter().flat_map(|(f, l)| *f..=*l).all(|uid| after.remove(&uid).is_some()));
        after.extend(resync.changed.into_iter().map(|e| (e.uid, e)));
        let expected: BTreeMap<u32, Entry> =
            present.clone().into_iter().filter(|(uid, _)| uid % 2 == 1 && view.contains_key(uid)).collect();
        assert_eq!(after, expected);
        assert_eq!(resync.modseq, *present_modseq);
        assert_eq!(operator.resync(actor, *id, uidvalidity + 1, *modseq, None).await.unwrap(), None);
    }
}

fn run(house: impl Future<Output = House>, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let house = runtime.block_on(house);
    let config = ProptestConfig { cases, max_shrink_iters: 50, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(steps in proptest::collection::vec(step(), 4..24), most in 1..4usize)| {
        runtime.block_on(async {
            let actor = house.neighbour(1 << 30).await;
            play(&house, &actor, &steps, most).await;
        });
    });
    runtime.block_on(async { house.operator.flush_traces().await.unwrap() });
}

#[test]
fn every_state_is_brought_to_the_present_on_sqlite() {
    run(House::sqlite(), 32);
}

#[test]
fn every_state_is_brought_to_the_present_on_postgres() {
    run(House::postgres(), 8);
}

super::on_both!(an_old_view_survives_pruning, one_act_is_told_in_pages, states_of_elsewhere_are_unknown);

/// A session that is open while the floor rises above its view loses nothing; nor does housekeeping forget too early.
async fn an_old_view_survives_pruning(h: House) {
    for n in 0..5 {
        h.file("INBOX", &format!("Subject: {n}\r\n\r\nx")).await;
    }
    let view = h.open("INBOX").await;
    let inbox = view.folder.id;
    let state = h.operator.journal_state(&h.actor).await.unwrap();
    let archived = h.operator.move_entries(&h.actor, inbox, &[2, 3], "Archive").await.unwrap();
    assert_eq!(archived.pairs.len(), 2);
    let tombstones = "SELECT COUNT(*) FROM vanished WHERE bal_id = $1";
    h.store.clock.advance_ms(29 * DAY);
    assert_eq!(h.operator.housekeeping().await.unwrap().journal, 0);
    assert_eq!(h.count(tombstones).await, 1);
    assert!(h.operator.changed_messages(&h.actor, state, 10).await.unwrap().is_some());
    h.store.clock.advance_ms(2 * DAY);
    assert_eq!(h.operator.housekeeping().await.unwrap().journal, 3, "a run of UIDs, two messages");
    assert_eq!(h.count(tombstones).await, 0);
    assert_eq!(h.operator.changed_messages(&h.actor, state, 10).await.unwrap(), None);
    let changes = h.operator.changes(&h.actor, inbox, view.folder.modseq).await.unwrap();
    assert_eq!((changes.vanished, changes.changed), (vec![(2, 3)], vec![]));
    // Nothing was removed since the floor rose: the present is always known.
    let present = h.operator.journal_state(&h.actor).await.unwrap();
    h.file("INBOX", "Subject: new\r\n\r\nx").await;
    assert_eq!(h.operator.changed_messages(&h.actor, present, 10).await.unwrap().unwrap().created.len(), 1);
}

/// Many changes of one act (one modseq) fit into pages of any size.
async fn one_act_is_told_in_pages(h: House) {
    for n in 0..7 {
        h.file("INBOX", &format!("Subject: {n}\r\n\r\nx")).await;
    }
    let inbox = h.open("INBOX").await.folder.id;
    let mut state = h.operator.journal_state(&h.actor).await.unwrap();
    let set = FlagSet::of(Flags::SEEN);
    let all: Vec<u32> = (1..=7).collect();
    h.operator.change_flags(&h.actor, inbox, &all, FlagChange::Add, set, None).await.unwrap();
    let mut seen = BTreeSet::new();
    for left in [4, 1, 0] {
        let page = h.operator.changed_messages(&h.actor, state, 3).await.unwrap().unwrap();
        assert!(page.updated.iter().all(|id| seen.insert(*id)), "each once");
        assert_eq!((seen.len(), page.more), (7 - left, left > 0));
        state = page.state;
    }
    assert_eq!(state, h.operator.journal_state(&h.actor).await.unwrap());
    // Only counts changed: the client need not fetch the folder's name again.
    let before = state;
    h.file("INBOX", "Subject: x\r\n\r\nx").await;
    let folders = h.operator.changed_folders(&h.actor, before, 10).await.unwrap().unwrap();
    assert_eq!((folders.updated, folders.only_counts), (vec![inbox], true));
    h.operator.subscribe_folder(&h.actor, "INBOX", false).await.unwrap();
    assert!(!h.operator.changed_folders(&h.actor, before, 10).await.unwrap().unwrap().only_counts);
}

async fn states_of_elsewhere_are_unknown(h: House) {
    for word in ["999999", "9223372036854775807", "999999-1"] {
        let state: State = word.parse().unwrap();
        assert_eq!(h.operator.changed_messages(&h.actor, state, 10).await.unwrap(), None, "{word}");
        assert_eq!(h.operator.changed_folders(&h.actor, state, 10).await.unwrap(), None, "{word}");
    }
}
