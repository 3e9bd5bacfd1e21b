//! A run: sessions side by side, a warm-up, the measured window, the report.
use super::client::Client;
use super::options::{Options, Page};
use super::report::{Counted, Report};
use crate::SetupError;
use crate::dial::Dial;
use crate::machine::{self, ServerCost, Usage};
use crate::window::Window;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Pause after a failed connection.
const PAUSE: Duration = Duration::from_millis(100);

/// What sessions share.
pub struct Shared {
    pub(super) options: Options,
    pub(super) dial: Dial,
    /// Of each browser; sessions take them in turn. There is one at least.
    heads: Vec<String>,
    window: Window,
    counted: Mutex<Counted>,
    at_start: Mutex<(Option<Usage>, Duration)>,
}

impl Shared {
    pub(super) fn counted(&self) -> MutexGuard<'_, Counted> {
        // Only counters behind it: they are never half-written.
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// The page of a turn.
    pub(super) fn page(&self, turn: usize) -> &Page {
        &self.options.pages[turn % self.options.pages.len()]
    }
    /// A connection, counted.
    pub(super) async fn open(&self, index: u32) -> Option<Client> {
        match Client::open(&self.dial, index, &self.heads[index as usize % self.heads.len()]).await {
            Ok((client, phases)) => {
                self.counted().opened(phases, client.tls());
                Some(client)
            }
            Err(failure) => {
                self.counted().failed(&failure);
                None
            }
        }
    }
    /// Asks for a page, counted; the connection, when more can be asked on it.
    pub(super) async fn ask(&self, mut client: Client, page: &Page) -> Option<Client> {
        let began = Instant::now();
        let result = client.get(&self.dial, &page.path).await;
        self.counted().judged(&page.name, &result, began.elapsed());
        result.is_ok_and(|answer| !answer.last).then_some(client)
    }
}

/// Runs until the options' count or time is reached. Bounded: after the end each session only finishes what it had begun, under its time limit.
pub async fn run(options: Options) -> Result<Report, SetupError> {
    let heads = options.heads()?;
    machine::raise_file_limit();
    let common = &options.common;
    let shared = Arc::new(Shared {
        dial: Dial::new(common).await?,
        heads,
        window: Window::new(common.sessions, Duration::from_secs(common.seconds), options.count, None),
        counted: Mutex::default(),
        at_start: Mutex::default(),
        options,
    });
    if let Some(path) = shared.options.park.clone() {
        return Ok(super::park::run(shared, path).await);
    }
    let mut sessions = tokio::task::JoinSet::new();
    for index in 0..shared.options.common.sessions {
        sessions.spawn(session(shared.clone(), index));
    }
    sessions.join_all().await;
    let (before, cpu) = *shared.at_start.lock().unwrap_or_else(PoisonError::into_inner);
    let after = machine::usage(&shared.options.common.pids);
    let counted = shared.counted();
    let length = shared.window.start().zip(counted.last).map(|(s, l)| l.saturating_duration_since(s));
    let mut report = Report::of(&shared.options, &counted, length.unwrap_or_default());
    report.client_processor_seconds = machine::own_processor().saturating_sub(cpu).as_secs_f64();
    report.server = before.zip(after).map(|(b, a)| ServerCost::between(b, a));
    drop(counted);
    Ok(report)
}

async fn session(shared: Arc<Shared>, index: u32) {
    // Sessions start at different pages: a mix is a mix at every instant.
    let mut turn = index as usize;
    let mut client = shared.open(index).await;
    for _ in 0..shared.options.warm_up {
        let Some(mut one) = client.take() else { break };
        match one.get(&shared.dial, &shared.page(turn).path).await {
            Ok(answer) if !answer.last => client = Some(one),
            Ok(_) => {}
            Err(failure) => shared.counted().errors.add(format!("warm-up: {}", failure.key())),
        }
        turn += 1;
    }
    let look = || {
        let mut at_start = shared.at_start.lock().unwrap_or_else(PoisonError::into_inner);
        *at_start = (machine::usage(&shared.options.common.pids), machine::own_processor());
    };
    shared.window.begin(look).await;
    while shared.window.take().is_some() {
        if client.is_none() {
            client = shared.open(index).await;
        }
        match client.take() {
            Some(one) => client = shared.ask(one, shared.page(turn)).await,
            None => tokio::time::sleep(PAUSE).await,
        }
        turn += 1;
    }
    if let Some(client) = client {
        client.close().await;
    }
}
