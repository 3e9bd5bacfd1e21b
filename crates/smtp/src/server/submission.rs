//! What a submission door asks the operator: who logs in, then each sender, recipient and message.
use super::SubmissionConfig;
use crate::codec::command::Command;
use sceau_domain::{Address, Refusal, RefusalCode};
use sceau_operator::login::Leash;
use sceau_operator::mail::{Accepted, Envelope};
use sceau_operator::{Actor, Operator, Received};
use std::time::Duration;

/// The client, as its login showed it.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) actor: Option<Actor>,
    /// Pulls when rights were taken away.
    pub(super) leash: Option<Leash>,
    /// Failed logins of this session.
    pub(super) failures: u32,
    pub(super) attempts: u32,
    pub(super) delay: Duration,
}

impl Submission {
    pub(super) fn new(config: &SubmissionConfig) -> Self {
        Self { actor: None, leash: None, failures: 0, attempts: config.login_attempts, delay: config.login_delay }
    }
    /// Before the login only AUTH and HELP may be used (beside what always may).
    pub(super) fn closed_to(&self, command: &Command) -> Option<Refusal> {
        match command {
            Command::Auth(..) | Command::Help => None,
            _ => self.actor().err(),
        }
    }
    fn actor(&self) -> Result<&Actor, Refusal> {
        self.actor.as_ref().ok_or_else(|| RefusalCode::LoginRequired.into())
    }
    /// Asked at each transaction: a token revoked meanwhile ends the login.
    pub(super) async fn sender(
        &mut self,
        operator: &Operator,
        from: Option<&Address>,
        size: Option<u64>,
    ) -> Result<(), Refusal> {
        let actor = self.actor()?;
        if let Err(refusal) = operator.still_allowed(actor).await {
            if !refusal.is_temporary() {
                operator.logout(actor).await;
                self.actor = None;
            }
            return Err(refusal);
        }
        operator.submit_sender(actor, from, size).await
    }
    pub(super) async fn recipient(
        &self,
        operator: &Operator,
        to: &Address,
        already: usize,
        size: Option<u64>,
    ) -> Result<(), Refusal> {
        operator.submit_recipient(self.actor()?, to, already, size).await
    }
    pub(super) async fn accept(
        &self,
        operator: &Operator,
        envelope: Envelope,
        message: Received,
    ) -> Result<Accepted, Refusal> {
        operator.submit(self.actor()?, envelope, message).await
    }
}
