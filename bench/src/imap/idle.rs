//! Sessions parked in IDLE: how fast they open, what they cost, who is still there at the end.
use super::client::{Client, Trouble};
use super::operation::Operation;
use super::report::{Idle, Report};
use super::run::Shared;
use crate::machine::{self, ServerCost};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Opens every session, keeps them parked for the run's seconds, ends them.
pub async fn run(shared: Arc<Shared>) -> Report {
    let common = shared.options.common.clone();
    let (before, cpu) = (machine::usage(&common.pids), machine::own_processor());
    let opening = Arc::new(Semaphore::new(shared.options.opening.into()));
    let (end, ended) = watch::channel(false);
    let (opened, mut count) = tokio::sync::mpsc::unbounded_channel();
    let began = Instant::now();
    let mut sessions = JoinSet::new();
    for index in 0..common.sessions {
        let (shared, opening, ended, opened) = (shared.clone(), opening.clone(), ended.clone(), opened.clone());
        sessions.spawn(async move {
            // The semaphore is never closed.
            let turn = opening.acquire_owned().await;
            let parked = park(&shared, index).await;
            drop(turn);
            // The receiver lives until every session has said whether it opened.
            let _ = opened.send(parked.is_some());
            // The counting ends when the last session has dropped its end.
            drop(opened);
            match parked {
                Some((client, tag)) => stay(&shared, client, &tag, ended).await,
                None => false,
            }
        });
    }
    drop(opened);
    let mut parked = 0u64;
    while let Some(one) = count.recv().await {
        parked += u64::from(one);
    }
    let opening_seconds = began.elapsed().as_secs_f64();
    let hold = Instant::now();
    if parked > 0 {
        tokio::time::sleep(Duration::from_secs(common.seconds)).await;
    }
    let held = hold.elapsed();
    let after = machine::usage(&common.pids);
    // Every session holds a receiver, or has gone.
    let _ = end.send(true);
    let alive = sessions.join_all().await.into_iter().filter(|alive| *alive).count() as u64;

    let mut report = Report::of(&shared.options, &shared.counted());
    report.window(held);
    report.client_processor_seconds = machine::own_processor().saturating_sub(cpu).as_secs_f64();
    report.server = before.zip(after).map(|(b, a)| ServerCost::between(b, a));
    report.idle = Some(Idle {
        parked,
        opening_seconds,
        opened_per_second: if opening_seconds > 0.0 { parked as f64 / opening_seconds } else { 0.0 },
        held_seconds: held.as_secs_f64(),
        alive_at_the_end: alive,
        server_kib_per_session: before
            .zip(after)
            .filter(|_| parked > 0)
            .map(|(b, a)| (a.resident_kib as f64 - b.resident_kib as f64) / parked as f64),
    });
    report
}

async fn park(shared: &Shared, index: u32) -> Option<(Client, String)> {
    let failure = match shared.open(index).await {
        Ok(mut client) => match client.idle(&shared.dial).await {
            Ok(tag) => return Some((client, tag)),
            Err(Trouble::Failed(failure)) => failure,
            Err(Trouble::Refused(code)) => crate::Failure::Refused { stage: "IDLE", code },
        },
        Err(failure) => failure,
    };
    shared.counted().failed(&failure);
    None
}

/// Was it alive until the end?
async fn stay(shared: &Shared, mut client: Client, tag: &str, mut ended: watch::Receiver<bool>) -> bool {
    let broken = tokio::select! {
        failure = client.parked() => Some(failure),
        _ = ended.wait_for(|over| *over) => None,
    };
    if let Some(failure) = broken {
        shared.counted().failed(&failure);
        return false;
    }
    let began = Instant::now();
    let result = client.done(&shared.dial, tag).await;
    let alive = result.is_ok();
    shared.counted().judged(Operation::Idle, result, began.elapsed());
    if alive {
        client.logout().await;
    }
    alive
}
