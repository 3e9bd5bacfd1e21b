//! Streams of events that stay open, as browsers keep them: what each costs, and what pages take meanwhile.
use super::client::Client;
use super::report::{Parked, Report};
use super::run::Shared;
use crate::machine::{self, ServerCost};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Opens every stream, keeps them for the run's seconds, leaves.
pub async fn run(shared: Arc<Shared>, path: String) -> Report {
    let common = shared.options.common.clone();
    let (before, cpu) = (machine::usage(&common.pids), machine::own_processor());
    let opening = Arc::new(Semaphore::new(shared.options.opening.into()));
    let (end, ended) = watch::channel(false);
    let (opened, mut count) = tokio::sync::mpsc::unbounded_channel();
    let (began, path) = (Instant::now(), Arc::<str>::from(path));
    let mut sessions = JoinSet::new();
    for index in 0..common.sessions {
        let (shared, opening, ended, opened) = (shared.clone(), opening.clone(), ended.clone(), opened.clone());
        let path = path.clone();
        sessions.spawn(async move {
            // The semaphore is never closed.
            let turn = opening.acquire_owned().await;
            let parked = park(&shared, index, &path).await;
            drop(turn);
            // The receiver lives until every session has said whether it opened.
            let _ = opened.send(parked.is_some());
            // The counting ends when the last session has dropped its end.
            drop(opened);
            match parked {
                Some(stream) => stay(&shared, index, stream, ended).await,
                None => false,
            }
        });
    }
    drop(opened);
    let mut parked = 0u64;
    while let Some(one) = count.recv().await {
        parked += u64::from(one);
    }
    let (opening_seconds, hold) = (began.elapsed().as_secs_f64(), Instant::now());
    if parked > 0 {
        tokio::time::sleep(Duration::from_secs(common.seconds)).await;
    }
    let (held, after) = (hold.elapsed(), machine::usage(&common.pids));
    // Every session holds a receiver, or has gone.
    let _ = end.send(true);
    let alive = sessions.join_all().await.into_iter().filter(|alive| *alive).count() as u64;
    let mut report = Report::of(&shared.options, &shared.counted(), held);
    report.client_processor_seconds = machine::own_processor().saturating_sub(cpu).as_secs_f64();
    report.server = before.zip(after).map(|(b, a)| ServerCost::between(b, a));
    let gained = before.zip(after).filter(|_| parked > 0);
    report.parked = Some(Parked {
        parked,
        opening_seconds,
        held_seconds: held.as_secs_f64(),
        alive_at_the_end: alive,
        server_kib_each: gained.map(|(b, a)| (a.resident_kib as f64 - b.resident_kib as f64) / parked as f64),
    });
    report
}

async fn park(shared: &Shared, index: u32, path: &str) -> Option<Client> {
    let mut stream = shared.open(index).await?;
    match stream.park(&shared.dial, path).await {
        Ok(()) => Some(stream),
        Err(failure) => {
            shared.counted().failed(&failure);
            None
        }
    }
}

/// Was the stream open until the end?
async fn stay(shared: &Shared, index: u32, mut stream: Client, mut ended: watch::Receiver<bool>) -> bool {
    let failure = tokio::select! {
        failure = stream.parked() => failure,
        () = look(shared, index) => return false,
        _ = ended.wait_for(|over| *over) => return true,
    };
    shared.counted().failed(&failure);
    false
}

/// Asks for a page now and then, on a connection of its own; without end.
async fn look(shared: &Shared, index: u32) {
    let every = Duration::from_secs(shared.options.every);
    if every.is_zero() {
        return std::future::pending().await;
    }
    // They do not all ask at one instant.
    tokio::time::sleep(every.mul_f64(f64::from(index % 100) / 100.0)).await;
    let (mut client, mut turn) = (None, index as usize);
    loop {
        if client.is_none() {
            client = shared.open(index).await;
        }
        if let Some(one) = client.take() {
            client = shared.ask(one, shared.page(turn)).await;
        }
        turn += 1;
        tokio::time::sleep(every).await;
    }
}
