use super::*;
use crate::codec::cursor::{Cursor, Fragment};
use proptest::prelude::*;
use sceau_domain::Timestamp;
use sceau_operator::{Actor, Door, Origin, Who};

fn entry(uid: u32, modseq: u64, system: Flags) -> Entry {
    Entry { uid, message: i64::from(uid), flags: FlagSet::of(system), modseq, internal_date: Timestamp(0), size: 1 }
}

fn view(uids: &[u32]) -> View {
    let folder = Folder {
        id: 1,
        name: "INBOX".into(),
        special_use: None,
        subscribed: true,
        uidvalidity: 1,
        uidnext: uids.last().map_or(1, |u| u + 1),
        modseq: 10,
    };
    let origin = Origin { door: Door::Imap, remote: None, session: "test".into(), tls: None, once: None };
    let actor = Actor { who: Who::System, bal: None, credential: None, proof: Default::default(), origin };
    let entries = uids.iter().map(|&u| entry(u, 1, Flags(0))).collect();
    View::new(OpenFolder { folder, entries }, actor, "INBOX".into(), false)
}

fn expunge(seq: u32, uid: u32) -> Update {
    Update::Expunge { seq, uid }
}

fn set(text: &str) -> SequenceSet {
    let fragments = [Fragment::Line(text.as_bytes().to_vec())];
    SequenceSet::parse(&mut Cursor::new(&fragments)).unwrap()
}

#[test]
fn sets_name_numbers_or_uids() {
    let v = view(&[3, 5, 9]);
    assert_eq!(v.resolve(&set("1,3"), false).unwrap(), [0, 2]);
    assert_eq!(v.resolve(&set("*"), false).unwrap(), [2]);
    assert_eq!(v.resolve(&set("2:*"), false).unwrap(), [1, 2]);
    assert_eq!(v.resolve(&set("4"), false), Err(NoSuchNumber));
    assert_eq!(v.resolve(&set("1:4"), false), Err(NoSuchNumber));
    assert_eq!(v.resolve_uids(&set("1:5"), true).unwrap(), [3, 5]);
    // A range beyond the last UID ends at it (RFC 9051 §9 seq-range).
    assert_eq!(v.resolve_uids(&set("100:*"), true).unwrap(), [9]);
    assert_eq!(v.resolve_uids(&set("100:200"), true).unwrap(), [] as [u32; 0]);
    let empty = view(&[]);
    assert_eq!(empty.resolve(&set("1:*"), false), Err(NoSuchNumber));
    assert_eq!(empty.resolve(&set("1:*"), true), Ok(vec![]));
}

#[test]
fn expunge_waits_until_it_may_be_told() {
    let mut v = view(&[1, 2, 3, 4]);
    let changes = Changes { changed: vec![entry(5, 12, Flags(0))], vanished: vec![(2, 3)], modseq: 12, uidnext: 6 };
    assert_eq!(v.apply(changes, false), [Update::Exists(5)]);
    assert!(v.is_gone(2) && v.holds_back());
    // What the client was told of everything up to: nothing of what came with the removals.
    assert_eq!((v.highest_modseq(), v.modseq()), (10, 12));
    assert_eq!(v.resolve_uids(&set("4"), false).unwrap(), [4]);
    let changes = Changes { changed: vec![], vanished: vec![], modseq: 12, uidnext: 6 };
    assert_eq!(v.apply(changes, true), [expunge(2, 2), expunge(2, 3)]);
    assert_eq!(v.resolve_uids(&set("2,3"), false).unwrap(), [4, 5]);
    assert_eq!((v.exists(), v.highest_modseq(), v.holds_back()), (3, 12, false));
}

#[test]
fn what_is_known_is_believed_in_its_version_unless_something_is_held_back() {
    let mut v = view(&[1, 2, 3]);
    assert!(!v.is_current(None) && !v.is_current(Some(7)));
    v.note_version(Some(7), Instant::now());
    assert!(v.is_current(Some(7)) && !v.is_current(Some(8)) && !v.is_current(None));
    v.apply(Changes { changed: vec![], vanished: vec![(2, 2)], modseq: 12, uidnext: 4 }, false);
    assert!(!v.is_current(Some(7)), "a removal is still to be told");
    v.apply(Changes { changed: vec![], vanished: vec![], modseq: 12, uidnext: 4 }, true);
    assert!(v.is_current(Some(7)));
    if let Some(long_ago) = Instant::now().checked_sub(BELIEVED) {
        v.note_version(Some(7), long_ago);
        assert!(!v.is_current(Some(7)), "believed for a moment only");
    }
    v.note_version(None, Instant::now());
    assert!(!v.is_current(None), "others may have changed it");
}

#[test]
fn what_this_session_did_is_not_told_again() {
    let mut v = view(&[1, 2]);
    let after = vec![entry(1, 11, Flags::SEEN)];
    let (tell, _) = v.stored(after.clone(), false, FlagSet::clone);
    assert_eq!(tell, [0]);
    let mut changes = Changes { changed: after, vanished: vec![], modseq: 11, uidnext: 3 };
    changes.changed.push(entry(2, 11, Flags::FLAGGED));
    assert_eq!(v.apply(changes, true), [Update::Fetch(1)]);
    let gone = Changes { changed: vec![], vanished: vec![(1, 1)], modseq: 12, uidnext: 3 };
    assert_eq!(v.expunged(&[1]), [expunge(1, 1)]);
    assert_eq!(v.apply(gone, true), []);
}

#[test]
fn silent_stores_tell_only_surprises() {
    let mut v = view(&[1, 2]);
    let add_seen = |f: &FlagSet| FlagSet { system: f.system | Flags::SEEN, keywords: f.keywords.clone() };
    // Someone else had flagged 2 meanwhile.
    let after = vec![entry(1, 11, Flags::SEEN), entry(2, 11, Flags::SEEN | Flags::FLAGGED)];
    assert_eq!(v.stored(after, true, add_seen), (vec![1], false));
}

#[test]
fn new_keywords_are_announced_once() {
    let mut v = view(&[1]);
    let mut e = entry(1, 11, Flags(0));
    e.flags.keywords = vec!["Urgent", "$Forwarded"].into();
    let changes = Changes { changed: vec![e.clone()], vanished: vec![], modseq: 11, uidnext: 2 };
    assert_eq!(v.apply(changes, true), [Update::Flags, Update::Fetch(0)]);
    assert!(v.known_keywords().contains(&"Urgent".to_owned()));
    e.modseq = 12;
    e.flags.keywords = vec!["urgent"].into();
    let changes = Changes { changed: vec![e], vanished: vec![], modseq: 12, uidnext: 2 };
    assert_eq!(v.apply(changes, true), [Update::Fetch(0)]);
}

#[test]
fn words_are_held_once_however_many_changes_bring_them() {
    let mut v = view(&[1, 2, 3]);
    for (n, uid) in [1, 2, 3, 1].into_iter().enumerate() {
        let mut e = entry(uid, 11 + n as u64, Flags(0));
        // Each answer has words of its own.
        e.flags.keywords = vec!["Urgent".to_owned()].into();
        v.apply(Changes { changed: vec![e], vanished: vec![], modseq: 11 + n as u64, uidnext: 4 }, true);
    }
    let word = |i: usize| &v.entry(i).unwrap().flags.keywords.words()[0];
    assert!((1..3).all(|i| Arc::ptr_eq(word(0), word(i))));
    // Those of a thousand changes are not all remembered.
    for n in 0..WORDS as u64 + 10 {
        let mut e = entry(1, 20 + n, Flags(0));
        e.flags.keywords = vec![format!("k{n}")].into();
        assert!(v.stored(vec![e], true, FlagSet::clone).1);
    }
    assert!(v.words.len() <= WORDS);
}

#[test]
fn the_state_told_stays_where_flags_were_kept_back() {
    let mut v = view(&[1, 2]);
    let flagged = Changes { changed: vec![entry(1, 12, Flags::FLAGGED)], vanished: vec![], modseq: 12, uidnext: 3 };
    v.apply(flagged, true);
    v.unheard(10);
    let gone = Changes { changed: vec![], vanished: vec![(2, 2)], modseq: 14, uidnext: 3 };
    assert_eq!(v.apply(gone, true), [expunge(2, 2)]);
    v.unheard(12);
    assert_eq!((v.highest_modseq(), v.modseq(), v.holds_back()), (10, 14, false));
}

#[test]
fn what_comes_among_older_messages_waits_until_the_mailbox_is_opened_anew() {
    let mut v = view(&[1, 3]);
    let shown = Changes {
        changed: vec![entry(2, 12, Flags(0)), entry(4, 12, Flags(0))],
        vanished: vec![],
        modseq: 12,
        uidnext: 5,
    };
    assert_eq!(v.apply(shown, true), [Update::Exists(3)]);
    assert_eq!((v.index_of(2), v.highest_modseq(), v.modseq()), (None, 10, 12));
}

#[test]
fn a_saved_result_forgets_what_is_gone() {
    let mut v = view(&[1, 2, 3]);
    v.save(vec![1, 3]);
    v.expunged(&[1]);
    assert_eq!(v.resolve(&set("$"), false), Ok(vec![1]));
}

proptest! {
    /// A client that follows the updates always has the view's list of UIDs in its order.
    #[test]
    fn a_client_that_follows_agrees(steps in proptest::collection::vec((0u8..3, any::<proptest::sample::Index>(), any::<bool>()), 1..60)) {
        let mut v = view(&[1, 2, 3]);
        // The client: a list of UIDs; 0 until it asks.
        let mut client: Vec<u32> = vec![1, 2, 3];
        let mut next = 4;
        let mut modseq = 10;
        let mut alive: Vec<u32> = vec![1, 2, 3];
        let mut pending: Vec<u32> = vec![];
        for (kind, pick, may_expunge) in steps {
            modseq += 1;
            let mut changes = Changes { changed: vec![], vanished: vec![], modseq, uidnext: next };
            match kind {
                0 => {
                    changes.changed.push(entry(next, modseq, Flags(0)));
                    alive.push(next);
                    next += 1;
                    changes.uidnext = next;
                }
                1 if !alive.is_empty() => {
                    let uid = alive.remove(pick.index(alive.len()));
                    changes.vanished.push((uid, uid));
                    pending.push(uid);
                }
                _ if !alive.is_empty() => changes.changed.push(entry(alive[pick.index(alive.len())], modseq, Flags::SEEN)),
                _ => {}
            }
            for update in v.apply(changes, may_expunge) {
                match update {
                    Update::Expunge { seq, uid } => prop_assert_eq!(client.remove(seq as usize - 1), uid),
                    Update::Exists(n) => {
                        prop_assert!(n as usize >= client.len());
                        while client.len() < n as usize {
                            let at = client.len();
                            client.push(v.entry(at).unwrap().uid);
                        }
                    }
                    Update::Fetch(i) => prop_assert!(i < client.len()),
                    Update::Flags => {}
                }
            }
            let ours: Vec<u32> = v.entries().iter().map(|e| e.uid).collect();
            prop_assert_eq!(&client, &ours);
            if may_expunge {
                prop_assert_eq!(&client, &alive);
                pending.clear();
            }
            prop_assert_eq!(client.len(), alive.len() + pending.len());
        }
    }
}
