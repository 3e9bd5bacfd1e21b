//! A run: sessions side by side, a warm-up, the measured window, the report.
use super::client::{Client, replies_closed};
use super::message::Template;
use super::options::Options;
use super::report::{Costs, Report};
use super::tally::Tally;
use crate::SetupError;
use crate::dial::Dial;
use crate::machine::{self, Usage};
use crate::window::{Ticket, Window};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Pause after a failure, doubled at each one in a row.
const PAUSE: Duration = Duration::from_millis(20);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What sessions share.
struct Shared {
    options: Options,
    auth: Option<(String, String)>,
    dial: Dial,
    template: Template,
    window: Window,
    tally: Tally,
    at_start: Mutex<(Option<Usage>, Duration)>,
}

/// Runs until the options' count or time is reached. Bounded: after the end each session only finishes what it had begun,
/// under the time limits of an attempt.
pub async fn run(options: Options) -> Result<Report, SetupError> {
    options.check()?;
    machine::raise_file_limit();
    let log = match &options.log {
        None => None,
        Some(path) => {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
            Some(file.map_err(|e| SetupError::File(path.clone(), e))?)
        }
    };
    let common = &options.common;
    let shared = Arc::new(Shared {
        auth: options.credentials()?,
        dial: Dial::new(common).await?,
        template: options.template(),
        window: Window::new(common.sessions, Duration::from_secs(common.seconds), options.messages, options.rate),
        tally: Tally::new(log),
        at_start: Mutex::default(),
        options,
    });
    let mut sessions = tokio::task::JoinSet::new();
    for index in 0..shared.options.common.sessions {
        sessions.spawn(Session { shared: shared.clone(), index, client: None, pause: PAUSE }.run());
    }
    sessions.join_all().await;
    let (before, cpu) = *shared.at_start.lock().unwrap_or_else(PoisonError::into_inner);
    let after = machine::usage(&shared.options.common.pids);
    let costs = Costs {
        client: machine::own_processor().saturating_sub(cpu),
        server: before.zip(after).map(|(b, a)| machine::ServerCost::between(b, a)),
    };
    Ok(Report::of(&shared.options, &shared.template.run, &shared.tally, shared.window.start(), costs))
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
        let o = &shared.options;
        for _ in 0..o.warm_up {
            if !self.deliver(shared.window.unmeasured(), false).await {
                break; // The measured window will say what is wrong, as often as it happens.
            }
        }
        if !o.fresh && self.client.is_none() {
            self.connect(false).await;
        }
        let look = || {
            let mut at_start = shared.at_start.lock().unwrap_or_else(PoisonError::into_inner);
            *at_start = (machine::usage(&o.common.pids), machine::own_processor());
        };
        shared.window.begin(look).await;
        while let Some(ticket) = shared.window.take() {
            if let Some(due) = ticket.due {
                tokio::time::sleep_until(due.into()).await;
            }
            self.deliver(ticket, true).await;
        }
        if let Some(client) = self.client.take() {
            client.quit().await;
        }
    }

    /// Sends one message, again and again with `--retry`. Was it acknowledged for every recipient?
    async fn deliver(&mut self, ticket: Ticket, measured: bool) -> bool {
        let shared = self.shared.clone();
        let o = &shared.options;
        let mut pending = o.recipients_of(ticket.number);
        let message = shared.template.build(ticket.number, &pending);
        let mut due = ticket.due;
        loop {
            let fresh_since = o.fresh.then(Instant::now);
            if self.client.is_none() && !self.connect(measured).await {
                self.rest().await;
            } else if let Some(mut client) = self.client.take() {
                let late = due.take().map_or(Duration::ZERO, |d| d.elapsed());
                match client.transact(&shared.dial, &o.from, &pending, &message.bytes, o.pipelining).await {
                    Ok(outcome) => {
                        let names: Vec<&str> = outcome.accepted.iter().map(|i| pending[*i]).collect();
                        let line = format!("{}\t{}\n", message.id, names.join(","));
                        shared.tally.judged(measured, &outcome, late, message.bytes.len(), &line);
                        let closed = replies_closed(&outcome);
                        if o.fresh || closed {
                            client.quit().await;
                            if let Some(since) = fresh_since.filter(|_| !outcome.accepted.is_empty()) {
                                shared.tally.part(measured).connection.record(since.elapsed());
                            }
                        } else {
                            self.client = Some(client);
                        }
                        let all = outcome.accepted.len() == pending.len();
                        pending = outcome.deferred.iter().map(|i| pending[*i]).collect();
                        if all {
                            self.pause = PAUSE;
                            return true;
                        }
                        if outcome.accepted.is_empty() {
                            // Refusing is quick: a server that refuses everything is not to be hammered at full speed.
                            self.pause = if o.retry { self.pause } else { PAUSE };
                            self.rest().await;
                        }
                    }
                    Err(failure) => {
                        shared.tally.failed(measured, &failure);
                        self.rest().await;
                    }
                }
            }
            if pending.is_empty() || !o.retry || self.given_up(measured) {
                if !pending.is_empty() {
                    shared.tally.part(measured).given_up += 1;
                }
                return false;
            }
            shared.tally.part(measured).retried += 1;
        }
    }

    fn given_up(&self, measured: bool) -> bool {
        let grace = Duration::from_secs(self.shared.options.retry_grace);
        !measured || self.shared.window.end().is_none_or(|end| Instant::now() >= end + grace)
    }

    async fn connect(&mut self, measured: bool) -> bool {
        let o = &self.shared.options;
        match Client::open(&self.shared.dial, self.index, &o.hello, self.shared.auth.as_ref()).await {
            Ok((client, phases)) => {
                // A connection that is kept is made before the window: its set-up is told all the same.
                self.shared.tally.connected(measured || !o.fresh, phases, client.tls(), client.resumed());
                self.client = Some(client);
                true
            }
            Err(failure) => {
                self.shared.tally.failed(measured, &failure);
                false
            }
        }
    }

    async fn rest(&mut self) {
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}
