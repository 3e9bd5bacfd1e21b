//! The queue's rows, on both engines: who has what in hand, whose turn it is, what is held; and, in the long run, a hundred thousand of them.
use sceau_domain::Timestamp;
use sceau_store::queue::{self, Budget, Entry, Held, Message, Selection, Try, Unreached};
use sceau_store::testing::TestStore;
use sceau_store::{Id, Store, StoreError, Tx};

on_every_ground! {
    claims_are_one_worker_s_alone_and_come_back,
    senders_take_turns_and_what_comes_again_too,
    one_worker_tries_what_could_not_be_reached,
    what_is_held_waits,
    a_claim_and_who_takes_off_wait_for_each_other,
}

type Result<T = ()> = std::result::Result<T, StoreError>;

const B: &str = "beta.test";
const UNTIL: Timestamp = Timestamp(10_000);

async fn write<T: Send + 'static>(s: &Store, f: impl FnMut(&mut dyn Tx) -> Result<T> + Send + 'static) -> T {
    s.write(f).await.unwrap()
}

fn at(ms: i64) -> Timestamp {
    Timestamp(ms)
}

fn queued(tx: &mut dyn Tx, id: Id, bal: Id, domains: &[&str], now: i64, size: i64) -> Result {
    let message = Message {
        id,
        blob: [7; 16],
        epoch: 1,
        blob_key: vec![1],
        bal,
        sender: "a@a.test".into(),
        sender_sealed: None,
        prefix: vec![1],
        size,
        body_8bit: false,
        smtputf8: false,
        created: at(now),
        expires: at(1_000_000_000),
        tag: "t".into(),
        ret: 0,
        envid: None,
        requiretls: false,
        binary: false,
    };
    let entries: Vec<Entry> = domains
        .iter()
        .enumerate()
        .map(|(i, domain)| Entry {
            id: id * 100 + i64::try_from(i).unwrap_or(0),
            message: id,
            destination: (*domain).to_owned(),
            recipient: format!("x{i}@{domain}"),
            recipient_sealed: None,
            attempts: 0,
            unreached: 0,
            next_at: at(now),
            warn_at: None,
            expires: at(1_000_000_000),
            last_code: None,
            last_reply: None,
            notify: None,
            orcpt: None,
        })
        .collect();
    queue::enqueue(tx, &message, &entries)
}

fn take(tx: &mut dyn Tx, owner: &str, now: i64, messages: u32) -> Result<Vec<Id>> {
    queue::claim(tx, owner, B, at(now), UNTIL, Budget { messages, bytes: 1_000 })
}

async fn claims_are_one_worker_s_alone_and_come_back(s: TestStore) {
    write(&s, |tx| {
        for id in 1..=5 {
            // The third is large: it is claimed alone.
            queued(tx, id, id, &[B, B, "gamma.test"], id, if id == 3 { 5_000 } else { 10 })?;
        }
        Ok(())
    })
    .await;
    let (a, b) = (write(&s, |tx| take(tx, "1:a", 100, 8)).await, write(&s, |tx| take(tx, "2:b", 100, 8)).await);
    assert_eq!((a, b), (vec![1, 2], vec![3]), "none twice, a large one alone");
    assert_eq!(write(&s, |tx| take(tx, "2:b", 100, 8)).await, [4, 5]);
    let due =
        |tx: &mut dyn Tx| Ok(queue::candidates(tx, at(100), &[], true, 10)?.into_iter().map(|c| c.domain).collect());
    let due_now: Vec<String> = write(&s, due).await;
    assert_eq!(due_now, ["gamma.test"], "all is in hand at the other");
    let have = |owner: &'static str, id| {
        move |tx: &mut dyn Tx| Ok(queue::claimed(tx, owner, B, id, at(100), 10)?.map(|(m, e)| (m.id, e.len())))
    };
    assert_eq!(write(&s, have("1:a", 1)).await, Some((1, 2)), "both recipients there");
    assert_eq!(write(&s, have("2:b", 1)).await, None);
    assert_eq!(write(&s, |tx| queue::renew_claims(tx, "1:a", B, &[1, 3], at(100), at(20_000))).await, 1);
    // A dead process: its messages are free at once, the others' are not.
    assert_eq!(write(&s, |tx| queue::free_claims(tx, at(100), |o| o.starts_with("1:"))).await, 2);
    assert_eq!(write(&s, |tx| take(tx, "3:c", 100, 8)).await, [1, 2]);
    // The others' end by time.
    assert_eq!(write(&s, |tx| take(tx, "3:c", 9_999, 8)).await, Vec::<Id>::new());
    assert_eq!(write(&s, |tx| take(tx, "3:c", 10_001, 1)).await.len(), 1);
    write(&s, |tx| queue::unclaim(tx, "3:c", B, &[1, 2])).await;
    assert!(write(&s, |tx| Ok(queue::ready(tx, B, at(10_001), 100)?.any())).await);
}

async fn senders_take_turns_and_what_comes_again_too(s: TestStore) {
    write(&s, |tx| {
        (1..=20).try_for_each(|id| queued(tx, id, 1, &[B], id, 10))?;
        queued(tx, 50, 2, &[B], 90, 10)?;
        // Put off, and due again.
        queued(tx, 60, 3, &[B], 91, 10)?;
        queue::defer(tx, 6_000, at(95), at(91), "transfer.refused", None).map(drop)
    })
    .await;
    let first = write(&s, |tx| take(tx, "1:a", 100, 3)).await;
    assert_eq!(first, [1, 60, 50], "the one that waits longest, the one that comes again, another sender's");
    let next = write(&s, |tx| take(tx, "1:a", 100, 2)).await;
    assert_eq!(next, [2, 3], "in their order");
}

async fn one_worker_tries_what_could_not_be_reached(s: TestStore) {
    write(&s, |tx| queued(tx, 1, 1, &[B], 1, 10)).await;
    let why = Unreached { code: "transfer.connect".into(), args: "{}".into() };
    let again = why.clone();
    assert_eq!(write(&s, move |tx| queue::put_off(tx, "1:a", B, at(500), at(10), &why)).await, 1);
    // Said twice by two connections at once, it is one failure.
    assert_eq!(write(&s, move |tx| queue::put_off(tx, "2:b", B, at(900), at(11), &again)).await, 0);
    assert!(write(&s, |tx| take(tx, "1:a", 499, 8)).await.is_empty());
    let failing = |tx: &mut dyn Tx| Ok(queue::candidates(tx, at(600), &[], true, 9)?.first().map(|c| c.failing));
    assert_eq!(write(&s, failing).await, Some(true));
    assert!(write(&s, |tx| Ok(queue::candidates(tx, at(600), &[], false, 9)?.is_empty())).await);
    assert!(write(&s, |tx| take(tx, "1:a", 600, 8)).await.is_empty(), "not without the lease");
    assert!(write(&s, |tx| queue::lease(tx, "1:a", B, at(600), at(700))).await);
    assert!(!write(&s, |tx| queue::lease(tx, "2:b", B, at(600), at(700))).await);
    assert!(write(&s, |tx| take(tx, "2:b", 600, 8)).await.is_empty());
    assert_eq!(write(&s, |tx| take(tx, "1:a", 600, 8)).await, [1]);
    write(&s, |tx| queue::reached(tx, B, at(601))).await;
    write(&s, |tx| queued(tx, 2, 1, &[B], 602, 10)).await;
    assert_eq!(write(&s, |tx| take(tx, "2:b", 603, 8)).await, [2], "whoever has work for it");
}

async fn what_is_held_waits(s: TestStore) {
    write(&s, |tx| (1..=3).try_for_each(|id| queued(tx, id, id, &[B], id, 10))).await;
    let held = |until| Held { at: at(5), by: "root".into(), why: "doute".into(), until };
    let one = held(Some(at(50)));
    assert_eq!(write(&s, move |tx| queue::hold(tx, &Selection::Message(1), &one)).await, 1);
    assert_eq!(write(&s, |tx| take(tx, "1:a", 10, 1)).await, [2]);
    let whole = held(None);
    assert_eq!(write(&s, move |tx| queue::hold(tx, &Selection::Destination(B.into()), &whole)).await, 2);
    write(&s, |tx| queued(tx, 4, 4, &[B], 11, 10)).await;
    assert!(write(&s, |tx| take(tx, "1:a", 12, 8)).await.is_empty(), "what comes later too");
    assert_eq!(write(&s, |tx| queue::next_due(tx, &[])).await, None);
    let counts = write(&s, |tx| queue::counts(tx, at(12))).await;
    assert_eq!((counts.entries, counts.held, counts.sending, counts.held_destinations), (4, 4, 1, 1));
    assert_eq!(write(&s, |tx| queue::let_go(tx, at(60), 10)).await, 1, "one until then");
    assert!(write(&s, |tx| take(tx, "1:a", 61, 8)).await.is_empty(), "its destination is held");
    let all = Selection::Destination(B.into());
    assert_eq!(write(&s, move |tx| queue::release_held(tx, &all, at(70))).await, (2, true));
    let mut taken = write(&s, |tx| take(tx, "1:a", 71, 8)).await;
    taken.sort_unstable();
    assert_eq!(taken, [1, 3, 4], "the second is in hand");
    let again = Selection::All;
    assert_eq!(write(&s, move |tx| queue::release_held(tx, &again, at(72))).await, (0, false), "once");
    // Attempts are kept, the oldest go.
    for n in 0..210 {
        let tried = Try {
            id: 1_000 + n,
            entry: Some(100),
            destination: B.into(),
            at: at(n),
            server: None,
            code: "transfer.cut".into(),
            reply: None,
            args: None,
        };
        write(&s, move |tx| queue::note_try(tx, &tried)).await;
    }
    let kept = write(&s, |tx| queue::tries(tx, 100)).await;
    assert_eq!((kept.len(), kept[0].at), (200, at(10)));
    write(&s, |tx| queue::remove(tx, &[100]).map(drop)).await;
    assert!(write(&s, |tx| queue::tries(tx, 100)).await.is_empty(), "gone with their entry");
}

/// Whoever takes something off the queue (it expired, somebody returns it) and a worker that claims it at the same instant: one of the two has it.
async fn a_claim_and_who_takes_off_wait_for_each_other(s: TestStore) {
    let pause = || std::thread::sleep(std::time::Duration::from_millis(200));
    for (message, claim_first) in [(1, false), (2, true)] {
        write(&s, move |tx| queued(tx, message, 1, &[B], 5, 10)).await;
        let (begun, begins) = (std::sync::Arc::new(tokio::sync::Notify::new()), s.clone());
        let told = begun.clone();
        let claim = move |tx: &mut dyn Tx| {
            let taken = take(tx, "1:a", 10, 8)?;
            if claim_first {
                told.notify_one();
                pause();
            }
            Ok::<_, StoreError>(taken)
        };
        let told = begun.clone();
        let leave = move |tx: &mut dyn Tx| {
            let gone = queue::remove(tx, &[message * 100])?;
            let claimed = queue::is_claimed(tx, message, &[B.to_owned()], at(10))?;
            if !claim_first {
                told.notify_one();
                pause();
            }
            // As its caller does: nothing of it stays.
            if claimed {
                Err(StoreError::Other("in hand".into()))
            } else {
                queue::remove_done(tx, message, at(10)).map(|_| gone)
            }
        };
        let (taken, gone) = match claim_first {
            true => {
                let first = tokio::spawn(async move { begins.write(claim).await });
                begun.notified().await;
                let gone = s.write(leave).await;
                (first.await.unwrap(), gone)
            }
            false => {
                let first = tokio::spawn(async move { begins.write(leave).await });
                begun.notified().await;
                let taken = s.write(claim).await;
                (taken, first.await.unwrap())
            }
        };
        assert!((taken == Ok(vec![message])) != (gone == Ok(vec![message * 100])), "one of them: {taken:?} {gone:?}");
    }
}

/// A hundred thousand messages of a thousand senders for two hundred destinations, one of which takes nothing: what is claimed of them is claimed once,
/// destinations and senders by turns, the dead one never. (That each statement finds its rows by an index: `plans`.)
async fn a_hundred_thousand(s: TestStore) {
    const MESSAGES: i64 = 100_000;
    const ROUNDS: i64 = 2_000;
    for slice in 0..MESSAGES / 1_000 {
        write(&s, move |tx| {
            for n in slice * 1_000..(slice + 1) * 1_000 {
                // One sender has half of all, and comes first.
                let bal = if n < MESSAGES / 2 { 1 } else { 2 + n % 1_000 };
                let domain = format!("d{}.test", n % 200);
                queued(tx, n + 1, bal, &[&domain], 1 + n / 100, 1_000)?;
            }
            Ok(())
        })
        .await;
    }
    let why = Unreached { code: "transfer.connect".into(), args: "{}".into() };
    write(&s, move |tx| queue::put_off(tx, "1:a", "d7.test", at(1_000_000_000), at(2_000), &why).map(drop)).await;
    let (mut taken, mut others_first) = (std::collections::HashSet::new(), 0);
    for round in 0..ROUNDS {
        let next = move |tx: &mut dyn Tx| {
            let found = queue::candidates(tx, at(2_000 + round), &[], true, 1)?;
            let Some(found) = found.into_iter().next() else { return Ok(None) };
            let budget = Budget { messages: 8, bytes: 1 << 20 };
            let claimed = queue::claim(tx, "1:a", &found.domain, at(2_000 + round), at(3_000_000), budget)?;
            let mut senders = Vec::new();
            for id in &claimed {
                let message = queue::message_by_id(tx, *id)?;
                senders.extend(message.map(|m| m.bal));
                let entries = queue::claimed(tx, "1:a", &found.domain, *id, at(2_000 + round), 100)?;
                let ids: Vec<Id> = entries.iter().flat_map(|(_, e)| e.iter().map(|e| e.id)).collect();
                queue::remove(tx, &ids)?;
            }
            queue::unclaim(tx, "1:a", &found.domain, &claimed)?;
            queue::release(tx, "1:a", &found.domain, at(2_000 + round))?;
            Ok(Some((claimed, senders)))
        };
        let Some((claimed, senders)) = write(&s, next).await else { panic!("something is due") };
        assert!(!claimed.is_empty(), "a candidate has something due");
        assert!(claimed.iter().all(|id| taken.insert(*id)), "none twice");
        if round < 199 {
            others_first += senders.iter().filter(|bal| **bal != 1).count();
        }
    }
    assert_eq!(taken.len() as i64, ROUNDS * 8, "whole batches to the end");
    assert!(taken.iter().all(|id| (id - 1) % 200 != 7), "nothing of the dead destination");
    assert!(others_first > 1_000, "{others_first}: who queued fifty thousand first does not stand before everybody");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long"]
async fn a_hundred_thousand_messages_are_claimed_once_and_by_turns() {
    a_hundred_thousand(sceau_store::testing::sqlite().await).await;
}
#[tokio::test(flavor = "multi_thread")]
#[ignore = "long"]
async fn a_hundred_thousand_messages_are_claimed_once_and_by_turns_on_postgresql() {
    a_hundred_thousand(sceau_store::testing::postgres().await).await;
}
