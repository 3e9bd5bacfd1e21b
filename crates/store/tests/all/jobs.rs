//! Durable leased jobs, settings: on both engines.

use sceau_store::jobs::{self, NewJob};
use sceau_store::settings;
use sceau_store::testing::TestStore;
use sceau_store::{Store, StoreError, Tx};
use std::collections::HashSet;

on_every_ground! {
    a_job_is_leased_by_one_and_comes_back,
    a_job_asked_for_while_it_runs_runs_once_more,
    a_stale_worker_is_fenced,
    failures_wait_longer_and_longer,
    workers_share_the_jobs,
    settings_are_versioned,
}

type Result<T = ()> = std::result::Result<T, StoreError>;

async fn write<T: Send + 'static>(s: &Store, f: impl FnMut(&mut dyn Tx) -> Result<T> + Send + 'static) -> T {
    s.write(f).await.unwrap()
}

fn job(id: i64, key: &str, run_at: i64) -> NewJob {
    NewJob { id, kind: "index".into(), key: key.into(), payload: key.as_bytes().to_vec(), run_at, created: 0 }
}

async fn a_job_is_leased_by_one_and_comes_back(s: TestStore) {
    write(&s, |tx| {
        jobs::enqueue(tx, &job(1, "a", 50))?;
        jobs::enqueue(tx, &job(2, "b", 200))?;
        // The same again: earlier time, new payload, no second job.
        jobs::enqueue(tx, &NewJob { payload: b"A".to_vec(), ..job(3, "a", 100) })
    })
    .await;
    assert_eq!(write(&s, |tx| jobs::next_due(tx, "index")).await, Some(50));
    assert_eq!(write(&s, |tx| jobs::next_due(tx, "other")).await, None);
    assert!(write(&s, |tx| jobs::lease(tx, "index", 9, 49, 1_000, 10)).await.is_empty());
    let got = write(&s, |tx| jobs::lease(tx, "index", 9, 100, 1_000, 10)).await;
    assert_eq!(got.len(), 1);
    assert_eq!((got[0].id, got[0].payload.as_slice(), got[0].lease, got[0].until), (1, b"A".as_slice(), 9, 1_000));
    assert!(write(&s, |tx| jobs::lease(tx, "index", 10, 150, 1_000, 10)).await.is_empty());
    assert!(write(&s, |tx| jobs::renew(tx, 1, 9, 2_000)).await);
    assert!(!write(&s, |tx| jobs::renew(tx, 1, 10, 2_000)).await);
    assert_eq!(
        write(&s, |tx| jobs::lease(tx, "index", 11, 1_500, 3_000, 10)).await.iter().map(|j| j.id).collect::<Vec<_>>(),
        [2]
    );
    assert!(write(&s, |tx| jobs::finish(tx, 1, 9)).await);
    assert!(!write(&s, |tx| jobs::finish(tx, 1, 9)).await);
    assert_eq!(write(&s, |tx| jobs::list(tx, 0, 10)).await.len(), 1);
}

async fn a_job_asked_for_while_it_runs_runs_once_more(s: TestStore) {
    write(&s, |tx| jobs::enqueue(tx, &job(1, "a", 0))).await;
    write(&s, |tx| jobs::lease(tx, "index", 9, 0, 1_000, 1)).await;
    write(&s, |tx| jobs::enqueue(tx, &NewJob { payload: b"later".to_vec(), ..job(2, "a", 10) })).await;
    assert_eq!(write(&s, |tx| jobs::next_due(tx, "index")).await, Some(1_000), "not while it runs");
    assert!(write(&s, |tx| jobs::lease(tx, "index", 10, 20, 1_000, 1)).await.is_empty());
    assert!(write(&s, |tx| jobs::finish(tx, 1, 9)).await);
    let again = write(&s, |tx| jobs::lease(tx, "index", 11, 20, 1_000, 1)).await;
    assert_eq!(again[0].payload, b"later");
    assert!(write(&s, |tx| jobs::finish(tx, 1, 11)).await);
    assert!(write(&s, |tx| jobs::list(tx, 0, 10)).await.is_empty());
}

async fn a_stale_worker_is_fenced(s: TestStore) {
    write(&s, |tx| jobs::enqueue(tx, &job(1, "a", 0))).await;
    write(&s, |tx| jobs::lease(tx, "index", 9, 0, 1_000, 1)).await;
    // It slept too long: another took over.
    assert_eq!(write(&s, |tx| jobs::lease(tx, "index", 10, 1_000, 2_000, 1)).await.len(), 1);
    assert!(!write(&s, |tx| jobs::finish(tx, 1, 9)).await);
    assert_eq!(write(&s, |tx| jobs::fail(tx, 1, 9, "late", 1_500)).await, None);
    assert!(!write(&s, |tx| jobs::renew(tx, 1, 9, 9_000)).await);
    assert!(write(&s, |tx| jobs::finish(tx, 1, 10)).await);
}

async fn failures_wait_longer_and_longer(s: TestStore) {
    write(&s, |tx| jobs::enqueue(tx, &job(1, "a", 0))).await;
    let mut now = 0;
    let mut waits = Vec::new();
    for lease in 1..=12 {
        let got = write(&s, move |tx| jobs::lease(tx, "index", lease, now, now + 100, 1)).await;
        assert_eq!(got[0].attempts, lease - 1);
        let next = write(&s, move |tx| jobs::fail(tx, 1, lease, "no\0 answer", now)).await.unwrap();
        waits.push(next - now);
        now = next;
    }
    assert_eq!(waits[..4], [5_000, 10_000, 20_000, 40_000]);
    assert_eq!(*waits.last().unwrap(), 3_600_000);
    let view = write(&s, |tx| jobs::list(tx, 0, 10)).await.remove(0);
    assert_eq!((view.attempts, view.last_error.as_deref(), view.leased_until), (12, Some("no answer"), None));
    // Asked for again while it ran: who asks may know that the cause is mended.
    write(&s, move |tx| jobs::lease(tx, "index", 13, now, now + 100, 1)).await;
    write(&s, move |tx| jobs::enqueue(tx, &job(2, "a", now))).await;
    let next = write(&s, move |tx| jobs::fail(tx, 1, 13, "no answer", now)).await.unwrap();
    assert_eq!(next - now, 5_000);
}

async fn workers_share_the_jobs(s: TestStore) {
    write(&s, |tx| (1..=40).try_for_each(|i| jobs::enqueue(tx, &job(i, &i.to_string(), 0)))).await;
    let workers: Vec<_> = (1..=8)
        .map(|lease| {
            let s = Store::clone(&s);
            tokio::spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let got = write(&s, move |tx| jobs::lease(tx, "index", lease, 0, 1_000, 3)).await;
                    if got.is_empty() {
                        return mine;
                    }
                    mine.extend(got.iter().map(|j| j.id));
                }
            })
        })
        .collect();
    let mut all = Vec::new();
    for w in workers {
        all.extend(w.await.unwrap());
    }
    assert_eq!(all.len(), 40, "each once");
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), 40);
}

async fn settings_are_versioned(s: TestStore) {
    assert_eq!(write(&s, |tx| settings::get(tx, "list")).await, None);
    assert!(write(&s, |tx| settings::replace(tx, "list", 0, b"a", 5)).await);
    assert!(!write(&s, |tx| settings::replace(tx, "list", 0, b"b", 6)).await);
    assert_eq!(write(&s, |tx| settings::put(tx, "list", b"c", 7)).await, 2);
    assert!(!write(&s, |tx| settings::replace(tx, "list", 1, b"d", 8)).await);
    assert!(write(&s, |tx| settings::replace(tx, "list", 2, b"e", 9)).await);
    let now = write(&s, |tx| settings::get(tx, "list")).await.unwrap();
    assert_eq!((now.value.as_slice(), now.version, now.updated), (b"e".as_slice(), 3, 9));
    assert!(write(&s, |tx| settings::remove(tx, "list")).await);
    assert!(!write(&s, |tx| settings::remove(tx, "list")).await);
}
