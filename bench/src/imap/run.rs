//! A run of operations: sessions side by side, a warm-up, the measured window, the report.
use super::client::{Answer, Client, Trouble};
use super::operation::{Operation, message};
use super::options::Options;
use super::report::{Counted, Report};
use crate::dial::Dial;
use crate::machine::{self, ServerCost, Usage};
use crate::window::Window;
use crate::{Failure, SetupError};
use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Pause after a failed connection, doubled at each one in a row.
const PAUSE: Duration = Duration::from_millis(20);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What sessions share.
pub struct Shared {
    pub(super) options: Options,
    pub(super) logins: Vec<(String, String)>,
    pub(super) dial: Dial,
    run: String,
    window: Window,
    counted: Mutex<Counted>,
    at_start: Mutex<(Option<Usage>, Duration)>,
}

impl Shared {
    pub(super) fn counted(&self) -> MutexGuard<'_, Counted> {
        // Only counters behind it: they are never half-written.
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
    pub(super) fn login(&self, index: u32) -> (&str, &str) {
        let (user, password) = &self.logins[index as usize % self.logins.len()];
        (user, password)
    }
    /// Opens a session and selects the folder.
    pub(super) async fn open(&self, index: u32) -> Result<Client, Failure> {
        let (user, password) = self.login(index);
        let (mut client, phases) = Client::open(&self.dial, index, user, password).await?;
        match client.select(&self.dial, &self.options.folder).await {
            Ok(_) => {}
            Err(Trouble::Failed(failure)) => return Err(failure),
            Err(Trouble::Refused(code)) => return Err(Failure::Refused { stage: "SELECT", code }),
        }
        let mut counted = self.counted();
        counted.tls = client.tls().or(counted.tls.take());
        counted.setup.record(phases.whole);
        if phases.handshake > Duration::ZERO {
            counted.handshake.record(phases.handshake);
        }
        Ok(client)
    }
}

/// Runs until the options' count or time is reached. Bounded: after the end each session only finishes what it had begun,
/// under its time limit.
pub async fn run(options: Options) -> Result<Report, SetupError> {
    options.check()?;
    machine::raise_file_limit();
    let common = &options.common;
    let shared = Arc::new(Shared {
        logins: options.logins()?,
        dial: Dial::new(common).await?,
        run: format!("{:016x}", std::hash::RandomState::new().build_hasher().finish()),
        window: Window::new(common.sessions, Duration::from_secs(common.seconds), options.count, None),
        counted: Mutex::default(),
        at_start: Mutex::default(),
        options,
    });
    fill(&shared).await?;
    if shared.options.idle() {
        return Ok(super::idle::run(shared).await);
    }
    let mut sessions = tokio::task::JoinSet::new();
    for index in 0..shared.options.common.sessions {
        sessions.spawn(Session { shared: shared.clone(), index, client: None, pause: PAUSE }.run());
    }
    sessions.join_all().await;
    let (before, cpu) = *shared.at_start.lock().unwrap_or_else(PoisonError::into_inner);
    let after = machine::usage(&shared.options.common.pids);
    let mut report = Report::of(&shared.options, &shared.counted());
    let last = shared.counted().last;
    report.window(shared.window.start().zip(last).map(|(s, l)| l.saturating_duration_since(s)).unwrap_or_default());
    report.client_processor_seconds = machine::own_processor().saturating_sub(cpu).as_secs_f64();
    report.server = before.zip(after).map(|(b, a)| ServerCost::between(b, a));
    Ok(report)
}

/// Appends until the folder of each account holds what was asked for. A failure here means that nothing can be measured.
async fn fill(shared: &Shared) -> Result<(), SetupError> {
    let o = &shared.options;
    let accounts = if o.fill == 0 { 0 } else { shared.logins.len().min(o.common.sessions as usize) };
    for index in 0..accounts {
        // As many sessions as accounts: fits.
        let mut client = shared.open(index as u32).await.map_err(SetupError::Prepare)?;
        for n in client.exists..o.fill {
            let text = message(o, &format!("{}-fill-{index}", shared.run), n.into());
            match client.append(&shared.dial, &o.folder, &text).await {
                Ok(_) => {}
                Err(Trouble::Failed(failure)) => return Err(SetupError::Prepare(failure)),
                Err(Trouble::Refused(code)) => {
                    return Err(SetupError::Prepare(Failure::Refused { stage: "APPEND", code }));
                }
            }
        }
        client.logout().await;
    }
    // Connections of the filling are not those of the run.
    *shared.counted() = Counted::default();
    Ok(())
}

struct Session {
    shared: Arc<Shared>,
    index: u32,
    client: Option<Client>,
    pause: Duration,
}

impl Session {
    async fn run(mut self) {
        let shared = self.shared.clone();
        let cycle = Operation::cycle(&shared.options.operations);
        // Sessions start at different places: a mix is a mix at every instant.
        let mut at = self.index as usize;
        if self.connect().await {
            for _ in 0..shared.options.warm_up {
                let number = shared.window.unmeasured().number;
                let done = self.once(cycle[at % cycle.len()], number).await;
                at += 1;
                if let Some((Err(Trouble::Failed(failure)), _)) = done {
                    shared.counted().errors.add(format!("warm-up: {}", failure.key()));
                    self.client = None;
                    break;
                }
            }
        }
        let look = || {
            let mut at_start = shared.at_start.lock().unwrap_or_else(PoisonError::into_inner);
            *at_start = (machine::usage(&shared.options.common.pids), machine::own_processor());
        };
        shared.window.begin(look).await;
        while let Some(ticket) = shared.window.take() {
            if self.client.is_none() && !self.connect().await {
                tokio::time::sleep(self.pause).await;
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                continue;
            }
            self.pause = PAUSE;
            let operation = cycle[at % cycle.len()];
            at += 1;
            let Some((result, took)) = self.once(operation, ticket.number).await else {
                shared.counted().errors.add(format!("{}: the folder is empty (--fill)", operation.name()));
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let failed = matches!(result, Err(Trouble::Failed(_)));
            shared.counted().judged(operation, result, took);
            if failed {
                self.client = None;
            }
        }
        if let Some(client) = self.client.take() {
            client.logout().await;
        }
    }

    async fn once(&mut self, operation: Operation, number: u64) -> Option<(Result<Answer, Trouble>, Duration)> {
        let shared = &self.shared;
        let client = self.client.as_mut()?;
        let began = Instant::now();
        let result = operation.run(client, &shared.dial, &shared.options, &shared.run, number).await?;
        Some((result, began.elapsed()))
    }

    async fn connect(&mut self) -> bool {
        match self.shared.open(self.index).await {
            Ok(client) => {
                self.client = Some(client);
                true
            }
            Err(failure) => {
                self.shared.counted().failed(&failure);
                false
            }
        }
    }
}
