//! Two nodes at the same BALs; and what one node alone promises of the same acts.
use super::{House, flags, on_both, refused};
use crate::mailbox::entries::{FlagChange, Flags};
use crate::mailbox::folders::SpecialUse;
use crate::mailbox::importing::ENTRY;
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::{Id, Store, StoreConfig, StoreError, access, params};
use std::collections::{BTreeMap, BTreeSet};

on_both!(one_import_at_a_time);

/// The same operator on another node.
async fn second(h: &House) -> Operator {
    let spools = h.store.folder().join("spools-2");
    let config = StoreConfig { node: 2, name: "deux".into(), spools, ..h.store.config.clone() };
    let store = Store::open(config).await.unwrap();
    Operator::open(h.operator.config().clone(), store, h.operator.trust().clone()).await.unwrap()
}

async fn gone(operator: Operator) {
    tokio::task::spawn_blocking(move || drop(operator)).await.unwrap();
}

/// The same person in another session.
fn session(actor: &Actor, name: &str) -> Actor {
    let mut actor = actor.clone();
    actor.origin.session = name.into();
    actor
}

async fn say(operator: &Operator, actor: &Actor, value: Option<&str>) -> Result<(), Refusal> {
    operator.annotate(actor, None, &[(ENTRY.to_owned(), value.map(|v| v.as_bytes().to_vec()))]).await
}

async fn one_import_at_a_time(h: House) {
    imports_take_turns(&h, &h.operator).await;
}

async fn imports_take_turns(h: &House, other: &Operator) {
    let (one, two) = (session(&h.actor, "un"), session(&h.actor, "deux"));
    for bad in ["", "court 60", "premier1 0", "premier1 x", "pre mier1 60"] {
        refused(say(&h.operator, &one, Some(bad)).await, RefusalCode::SyntaxError);
    }
    say(&h.operator, &one, Some("premier1 60")).await.unwrap();
    // Another program is told whose import goes on; the same one goes on, from another session too.
    let no = say(other, &two, Some("deuxieme 60")).await.unwrap_err();
    assert_eq!(no.code, RefusalCode::ImportRunning);
    let login = match &h.actor.who {
        crate::Who::Person(person) => person.login.clone(),
        _ => unreachable!("a person"),
    };
    assert!(no.sentence(sceau_domain::text::Lang::En).contains(&login), "{no:?}");
    say(other, &two, Some("premier1 60")).await.unwrap();
    // Who does not hold it any more does not give it back.
    say(&h.operator, &one, None).await.unwrap();
    refused(say(&h.operator, &one, Some("deuxieme 60")).await, RefusalCode::ImportRunning);
    say(other, &two, None).await.unwrap();
    say(&h.operator, &one, Some("deuxieme 60")).await.unwrap();
    // One that was killed is forgotten.
    h.store.clock.advance_ms(59_000);
    refused(say(other, &two, Some("premier1 60")).await, RefusalCode::ImportRunning);
    h.store.clock.advance_ms(2_000);
    say(other, &two, Some("premier1 60")).await.unwrap();
    // Another BAL is another matter; and nothing else of the server's is set.
    let neighbour = h.neighbour(1 << 20).await;
    say(&h.operator, &neighbour, Some("deuxieme 60")).await.unwrap();
    let entry = [("/shared/comment".to_owned(), Some(b"x".to_vec()))];
    refused(h.operator.annotate(&h.actor, None, &entry).await, RefusalCode::RightMissing);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_import_at_a_time_whatever_the_node() {
    let h = House::postgres().await;
    let other = second(&h).await;
    imports_take_turns(&h, &other).await;
    gone(other).await;
}

/// UIDs of a run of moves or copies, a few at a time.
async fn each<F: Future<Output = Vec<u32>>>(uids: Vec<u32>, by: usize, act: impl Fn(Vec<u32>) -> F) -> BTreeSet<u32> {
    let mut done = BTreeSet::new();
    for some in uids.chunks(by) {
        for uid in act(some.to_vec()).await {
            assert!(done.insert(uid), "{uid} twice");
        }
    }
    done
}

/// What a person finds in these folders, by its text: how often.
async fn found(h: &House, actor: &Actor, folders: &[&str], all: &mut BTreeMap<String, u32>) {
    for name in folders {
        let open = h.operator.open_folder(actor, name, true).await.unwrap();
        let status = h.operator.folder_status(actor, name).await.unwrap();
        assert_eq!(usize::try_from(status.messages).unwrap(), open.entries.len(), "{name}");
        for entry in open.entries {
            let mut reader = h.operator.open_message(actor, entry.message).await.unwrap();
            let size = usize::try_from(reader.size()).unwrap();
            let text = String::from_utf8(reader.read(0, size).await.unwrap()).unwrap();
            *all.entry(text).or_default() += 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nodes_copy_move_and_expunge_the_same_messages() {
    let h = House::postgres().await;
    let other = h.neighbour(1 << 20).await;
    let (person, bal) = (h.actor.person(), other.bal.as_ref().unwrap().id);
    let given = access::NewAccess::now(person, bal, "delegate", 7, 1, "chef");
    h.store.write::<_, StoreError, _>(move |tx| access::grant(tx, &given)).await.unwrap();
    let there = Actor { who: h.actor.who.clone(), ..other.clone() };
    let (one, two) = (h.operator.clone(), second(&h).await);
    let sent = SpecialUse::Sent.default_name();

    let text = |n: u32| format!("Subject: {n}\r\n\r\nmessage {n:03}");
    let mut uids = Vec::new();
    for n in 0..48 {
        uids.push(h.file("INBOX", &text(n)).await);
    }
    let mut theirs = Vec::new();
    for n in 100..112 {
        let flags = flags(Flags::default(), &[]);
        theirs.push(one.append(&there, "INBOX", flags, None, h.message(&text(n))).await.unwrap().1);
    }
    let mine = h.open("INBOX").await.folder.id;
    let beyond = one.open_folder(&there, "INBOX", true).await.unwrap().folder.id;
    // Of every four: moved by both nodes; moved and copied; moved and expunged; moved to the other BAL and within this one.
    let group = |g: usize| uids.iter().copied().skip(g).step_by(4).rev().collect::<Vec<u32>>();
    let deleted = flags(Flags::DELETED, &[]);
    one.change_flags(&h.actor, mine, &group(2), FlagChange::Add, deleted, None).await.unwrap();

    let across = |op: &Operator, from: (&Actor, Id), to: &Actor, moving: bool| {
        let (op, actor, folder, to) = (op.clone(), from.0.clone(), from.1, to.clone());
        move |some: Vec<u32>| {
            let (op, actor, to) = (op.clone(), actor.clone(), to.clone());
            async move {
                let done = op.transfer_across(&actor, folder, &some, (&to, "INBOX"), moving).await.unwrap();
                done.pairs.iter().map(|p| p.0).collect::<Vec<u32>>()
            }
        }
    };
    let (here, away) = ((&h.actor, mine), (&there, beyond));
    let moves = tokio::spawn(each(uids.clone(), 3, across(&one, here, &there, true)));
    let moves_too = tokio::spawn(each(group(0), 2, across(&two, here, &there, true)));
    let copies = tokio::spawn(each(group(1), 2, across(&two, here, &there, false)));
    let expunges = tokio::spawn(each(group(2), 2, {
        let (op, actor) = (two.clone(), h.actor.clone());
        move |some| {
            let (op, actor) = (op.clone(), actor.clone());
            async move { op.expunge(&actor, mine, Some(some.as_slice())).await.unwrap() }
        }
    }));
    let within = tokio::spawn(each(group(3), 2, {
        let (op, actor) = (two.clone(), h.actor.clone());
        move |some| {
            let (op, actor) = (op.clone(), actor.clone());
            async move {
                let done = op.move_entries(&actor, mine, &some, sent).await.unwrap();
                done.pairs.iter().map(|p| p.0).collect()
            }
        }
    }));
    let back = tokio::spawn(each(theirs.clone(), 2, across(&one, away, &h.actor, true)));
    let back_too = tokio::spawn(each(theirs.iter().rev().copied().collect(), 3, across(&two, away, &h.actor, true)));
    let (moves, moves_too, copies) = (moves.await.unwrap(), moves_too.await.unwrap(), copies.await.unwrap());
    let (expunges, within) = (expunges.await.unwrap(), within.await.unwrap());
    let (back, back_too) = (back.await.unwrap(), back_too.await.unwrap());

    // Each message was taken once, by one of the two.
    let mut expected = BTreeMap::new();
    for (n, uid) in (0..).zip(&uids) {
        let rival = [&moves_too, &copies, &expunges, &within][usize::try_from(n % 4).unwrap()];
        let (moved, also) = (moves.contains(uid), rival.contains(uid));
        let times = match n % 4 {
            1 => {
                assert!(moved, "{n}: copies take nothing away");
                1 + u32::from(also)
            }
            of => {
                assert!(moved != also, "{n}: {moved} {also}");
                u32::from(of != 2 || moved)
            }
        };
        if times > 0 {
            expected.insert(text(n), times);
        }
    }
    for (n, uid) in (100..).zip(&theirs) {
        assert!(back.contains(uid) != back_too.contains(uid), "{n}");
        expected.insert(text(n), 1);
    }
    let mut all = BTreeMap::new();
    found(&h, &h.actor, &["INBOX", sent], &mut all).await;
    found(&h, &there, &["INBOX", sent], &mut all).await;
    assert_eq!(all, expected);
    // Both BALs count what they hold, and no message is left that no folder shows.
    for bal in [h.bal_id(), bal] {
        let read = h.store.read::<_, StoreError, _>(move |tx| {
            let held = "SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT), COUNT(*) FROM entries WHERE bal_id = $1";
            let counted = "SELECT used_bytes, message_count FROM bals WHERE id = $1";
            let orphans = "SELECT 0, COUNT(*) FROM messages m WHERE m.bal_id = $1 AND NOT EXISTS (SELECT 1 FROM entries e WHERE e.message_id = m.id)";
            let mut ask = |sql: &str| {
                let row = tx.query(sql, params![bal])?.remove(0);
                Ok::<_, StoreError>((row.int(0)?, row.int(1)?))
            };
            Ok((ask(held)?, ask(counted)?, ask(orphans)?))
        });
        let (held, counted, orphans) = read.await.unwrap();
        assert_eq!((held, orphans), (counted, (0, 0)));
    }
    gone(two).await;
}
