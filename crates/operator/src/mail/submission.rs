//! A person or a machine sends.
//!
//! Promises: envelope sender, From and Sender are BALs that the person may send with (F150), and each has its trace, which says as what the person
//! sent with it, whichever BAL the session was opened with (F024); so are those who send it again (Resent-*); who may write to whom is
//! `domain::exchange`'s decision; the same message is sent once, and heard of as sent whatever has become of its recipients, of limits or of the antivirus
//! since ([`super::once`]); `Ok` of [`Operator::submit`] means that local copies and queue entries are durable, all or none ([`super::sending`]).
use super::parties::{Found, Local};
use super::voice::{Names, Voice};
use super::{Accepted, Envelope};
use crate::boxed;
use crate::record::By;
use crate::{Actor, Operator, Received, Who};
use sceau_domain::exchange::{Sender, may_exchange};
use sceau_domain::{Address, Refusal, RefusalCode};
use sceau_message::header;

impl Operator {
    /// MAIL: the actor may send from this address (F150).
    #[boxed]
    pub async fn submit_sender(&self, actor: &Actor, from: Option<&Address>, size: Option<u64>) -> Result<(), Refusal> {
        let judged = match self.judge_submitter(actor, from, size).await {
            Ok(()) => self.may_submit(actor),
            refused => refused,
        };
        match judged {
            Ok(()) => Ok(()),
            Err(refusal) => {
                self.note_refused(actor, &refusal);
                Err(self.refused(By::actor(actor), from, None, refusal).await)
            }
        }
    }

    async fn judge_submitter(&self, actor: &Actor, from: Option<&Address>, size: Option<u64>) -> Result<(), Refusal> {
        match from {
            Some(from) => drop(self.sending_bal(actor, from, RefusalCode::SenderNotAllowed).await?),
            // A server's notification (RFC 8098 §3), judged likewise.
            None if matches!(actor.who, Who::Connector(_)) => {}
            // A notification of a mail client (RFC 8098 §3): its From is judged after DATA all the same.
            None => {
                let seat = self.seat(actor)?.sending();
                self.0.store.read(move |tx| seat.check(tx)).await?;
            }
        }
        let largest = self.limits_of_actor(actor).await?.announced_bytes();
        if size.is_some_and(|s| s > largest) {
            return Err(Refusal::new(RefusalCode::MessageTooBig).with("limit", super::megabytes(largest)));
        }
        Ok(())
    }

    /// RCPT: `domain::exchange` with what we know of both ends; ours must exist and have room.
    #[boxed]
    pub async fn submit_recipient(
        &self,
        actor: &Actor,
        to: &Address,
        already: usize,
        size: Option<u64>,
    ) -> Result<(), Refusal> {
        match self.judge_addressee(actor, to, already, size).await {
            Ok(()) => Ok(()),
            Err(refusal) => {
                // A server of a house that tries addresses out is answered later.
                tokio::time::sleep(self.note_refused(actor, &refusal)).await;
                let from = actor.bal.as_ref().map(|b| &b.address);
                Err(self.refused(By::actor(actor), from, Some(to), refusal).await)
            }
        }
    }

    /// The same without a trace and without a pause: for whoever asks before sending.
    pub(crate) async fn judge_addressee(
        &self,
        actor: &Actor,
        to: &Address,
        already: usize,
        size: Option<u64>,
    ) -> Result<(), Refusal> {
        let limits = self.limits_of_actor(actor).await?;
        if already >= limits.recipients {
            return Err(Refusal::new(RefusalCode::RcptTooMany).with("limit", limits.recipients));
        }
        let bal = actor.bal.as_ref().ok_or(RefusalCode::RightMissing)?;
        let from = self.sending_bal(actor, &bal.address, RefusalCode::SenderNotAllowed).await?;
        self.check_size(&limits, to, size.unwrap_or(0))?;
        if let Found::Elsewhere = self.check_pair(&from.local, to, size.unwrap_or(0)).await? {
            self.check_route(to).await?;
        }
        self.may_write(actor, from.local.id, to, &limits, already)
    }

    /// May this BAL of ours write to `to`, and is there room?
    pub(super) async fn check_pair(&self, from: &Local, to: &Address, size: u64) -> Result<Found, Refusal> {
        let found = self.find(to).await?;
        self.check_patient(to)?;
        // That a patient answers a professional cannot be seen from an envelope: only professionals start (F077).
        may_exchange(&Sender::Own(from.own.clone()), &found.recipient(self, to), false)?;
        if matches!(found, Found::Responder(_)) {
            self.may_test(to.domain(), from.own.is_test())?;
        }
        found.check_room(to, size)?;
        Ok(found)
    }

    /// After DATA: From and Sender are BALs of the actor, Message-ID and Date added if absent, Bcc removed; one transaction:
    /// local deliveries, queue entries, traces. Returns after it is durable.
    #[boxed]
    pub async fn submit(&self, actor: &Actor, envelope: Envelope, message: Received) -> Result<Accepted, Refusal> {
        let from = envelope.from.clone();
        match self.take(actor, envelope, message).await {
            Ok(accepted) => Ok(accepted),
            Err(refusal) => {
                self.note_refused(actor, &refusal);
                Err(self.refused(By::actor(actor), from.as_ref(), None, refusal).await)
            }
        }
    }

    async fn take(&self, actor: &Actor, envelope: Envelope, message: Received) -> Result<Accepted, Refusal> {
        if envelope.to.is_empty() {
            return Err(RefusalCode::RcptNone.into());
        }
        self.judge_submitter(actor, envelope.from.as_ref(), None).await?;
        let origin = header::origin(&message.scan.header)?;
        let author = self.sending_bal(actor, &origin.from, RefusalCode::HeaderFromNotAllowed).await?;
        let sender = match &origin.sender {
            Some(sender) => Some(self.sending_bal(actor, sender, RefusalCode::HeaderFromNotAllowed).await?),
            None => None,
        };
        // Reports go where the envelope says.
        let envelope_voice = match &envelope.from {
            Some(a) if *a != origin.from => self.sending_bal(actor, a, RefusalCode::SenderNotAllowed).await?,
            _ => author.clone(),
        };
        // Whoever sends again what somebody sent says so in their own name.
        for resent in header::resent(&message.scan.header)? {
            self.sending_bal(actor, &resent, RefusalCode::HeaderFromNotAllowed).await?;
        }
        let mut voices: Vec<Voice> = vec![envelope_voice];
        for voice in sender.into_iter().chain([author.clone()]) {
            if voices.iter().all(|v| v.local.id != voice.local.id) {
                voices.push(voice);
            }
        }
        let same = self.same(author.local.id, envelope.from.as_ref(), &message);
        let names = Names { from: origin.from, author, all: voices };
        let again = self.again(actor, &names, same, &envelope);
        match self.send(actor, names, same, envelope, message).await {
            // What was sent is sent, whatever stands against it by now.
            Err(refusal) => self.sent_before(again).await.ok_or(refusal),
            accepted => accepted,
        }
    }
}
