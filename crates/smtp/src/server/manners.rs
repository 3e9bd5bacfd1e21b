//! How a session behaves: what is counted, what it costs in time, and when it is too much (F267).
//!
//! Counts are of one session. Limits over sessions are elsewhere: connections of an address in `net`, what a peer or a BAL may send in the operator.
//!
//! Errors of a client are answered later and later, so that trying (addresses, commands, bytes) takes time; a client without errors never waits. A
//! message that was accepted pays for the commands that brought it: what is counted is what brings nothing.
use super::SessionLimits;
use super::session::Session;
use sceau_domain::{Refusal, RefusalCode};
use sceau_net::ReadError;
use std::time::Duration;
use tokio::time::Instant;

/// Over which commands are counted.
const MINUTE: Duration = Duration::from_secs(60);
/// Longest pause before the answer to an error.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Manners {
    /// Malformed, unknown or misplaced commands.
    errors: u32,
    /// Commands refused for good.
    refusals: u32,
    /// Of both, those that were answered.
    answered: u32,
    /// Commands since `since` that brought no message.
    commands: u32,
    since: Instant,
    /// Mail transactions begun.
    transactions: u32,
}

impl Manners {
    pub(super) fn new() -> Self {
        Self { errors: 0, refusals: 0, answered: 0, commands: 0, since: Instant::now(), transactions: 0 }
    }
    /// A malformed, unknown or misplaced command.
    pub(super) fn error(&mut self) {
        self.errors = self.errors.saturating_add(1);
    }
    /// A command refused for good.
    pub(super) fn refusal(&mut self) {
        self.refusals = self.refusals.saturating_add(1);
    }
    /// Nonsense enough to end the session.
    pub(super) fn are_bad(&self, limits: &SessionLimits) -> bool {
        self.errors > limits.errors || self.refusals > limits.refusals
    }
    /// A command begins; refused when too many came in a minute without a message.
    pub(super) fn command(&mut self, limits: &SessionLimits) -> Result<(), Refusal> {
        if self.since.elapsed() >= MINUTE {
            (self.commands, self.since) = (0, Instant::now());
        }
        self.commands += 1;
        if self.commands > limits.commands {
            return Err(over("commands", format!("{}/min", limits.commands)));
        }
        Ok(())
    }
    /// A mail transaction begins; refused after the last one that a session may have (RFC 9422, MAILMAX).
    pub(super) fn transaction(&mut self, limits: &SessionLimits) -> Result<(), Refusal> {
        if self.transactions >= limits.transactions {
            return Err(over("transactions", limits.transactions.to_string()));
        }
        self.transactions += 1;
        Ok(())
    }
    /// A message was accepted.
    pub(super) fn brought(&mut self) {
        self.commands = 0;
    }
    /// How long the answer that is about to be said waits: nothing without a new error.
    fn pause(&mut self, limits: &SessionLimits) -> Duration {
        let faults = self.errors.saturating_add(self.refusals);
        if std::mem::replace(&mut self.answered, faults) == faults {
            return Duration::ZERO;
        }
        (limits.tarpit * faults.saturating_sub(limits.patience)).min(LONGEST_PAUSE)
    }
}

fn over(what: &'static str, limit: String) -> Refusal {
    metrics::counter!("sceau_smtp_limits_total", "limit" => what).increment(1);
    Refusal::new(RefusalCode::SessionLimit).with("limit", limit)
}

impl Session {
    /// Waits before an error is answered; not while the server drains.
    pub(super) async fn tarpit(&mut self) -> Result<(), ReadError> {
        let pause = self.manners.pause(&self.limits);
        if pause.is_zero() {
            return Ok(());
        }
        // Answers that are ready are not held back: whoever waits for them would take us for dead.
        self.conn.flush().await?;
        metrics::counter!("sceau_smtp_limits_total", "limit" => "tarpit").increment(1);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.draining() => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_cost_time_and_only_new_ones() {
        let limits = SessionLimits { patience: 2, tarpit: Duration::from_millis(100), ..SessionLimits::default() };
        let mut manners = Manners::new();
        for expected in [0, 0, 100, 200] {
            manners.error();
            assert_eq!(manners.pause(&limits), Duration::from_millis(expected));
            assert_eq!(manners.pause(&limits), Duration::ZERO, "a good command is answered at once");
        }
        for _ in 0..100 {
            manners.refusal();
        }
        assert_eq!(manners.pause(&limits), LONGEST_PAUSE);
        assert!(!manners.are_bad(&limits));
    }

    #[test]
    fn a_message_pays_for_its_commands() {
        let limits = SessionLimits { commands: 3, transactions: 2, ..SessionLimits::default() };
        let mut manners = Manners::new();
        for _ in 0..5 {
            for _ in 0..3 {
                manners.command(&limits).unwrap();
            }
            manners.brought();
        }
        for _ in 0..3 {
            manners.command(&limits).unwrap();
        }
        assert_eq!(manners.command(&limits).unwrap_err().code, RefusalCode::SessionLimit);
        assert!(manners.transaction(&limits).is_ok() && manners.transaction(&limits).is_ok());
        assert_eq!(manners.transaction(&limits).unwrap_err().code, RefusalCode::SessionLimit);
    }
}
