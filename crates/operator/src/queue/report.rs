//! Reports to senders (RFC 3464). Only our own BALs send through the queue: a report never leaves, and a null reverse path
//! is never reported to.
use super::aad;
use crate::mail::shown::unsealed_address;
use crate::{Operator, Received, refuse};
use sceau_domain::{Address, Refusal};
use sceau_message::report::Report;
use sceau_store::queue::{Entry, Message};
use sceau_store::{Id, StoreError};

/// Bytes given to the intake at a time.
const PIECE: usize = 64 << 10;

/// What a sender is told of one recipient.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// The entry.
    pub entry: Entry,
    /// RFC 3464 §2.3.3.
    pub action: &'static str,
    /// Enhanced status.
    pub status: String,
    /// Server that answered.
    pub server: Option<String>,
    /// Its words, or ours.
    pub reply: Option<String>,
    /// Sentences for people.
    pub refusal: Refusal,
}

impl Operator {
    /// The report about these recipients, ready to be delivered to the BAL; none when nobody is to be told.
    pub(super) async fn report(&self, message: &Message, told: &[Told]) -> Result<Option<(Received, Id)>, Refusal> {
        if told.is_empty() || message.sender.is_empty() {
            return Ok(None);
        }
        let bytes = match self.write_report(message, told).await {
            Ok(bytes) => bytes,
            // The transit key is gone: neither the sender nor the recipients can be named. The trace remains.
            Err(e @ (StoreError::NoKey | StoreError::Corrupt(_))) => {
                tracing::error!(error = %e, message = message.id, "no report: the queued message does not open");
                return Ok(None);
            }
            Err(e) => return Err(refuse::store(&e)),
        };
        let mut intake = self.intake(bytes.len() as u64);
        for piece in bytes.chunks(PIECE) {
            intake.push(piece)?;
        }
        Ok(Some((intake.finish()?, message.bal)))
    }

    async fn write_report(&self, message: &Message, told: &[Told]) -> Result<Vec<u8>, StoreError> {
        let key = self.0.store.vault().transit_key_of(message.epoch).await?;
        let sealed = message.sender_sealed.as_deref();
        let to = unsealed_address(&message.sender, sealed, &key, aad(message.epoch, message.id, "queue.sender"))?;
        // `postmaster` is an atom: it fits any domain that an address fits.
        let from = Address::from_parts("postmaster", to.domain().clone())
            .map_err(|e| StoreError::Invalid(format!("postmaster address: {e}")))?;
        let outcomes =
            told.iter().map(|t| self.recipient_outcome(message, &key, t)).collect::<Result<Vec<_>, StoreError>>()?;
        let header = self.queued_header(message).await;
        let id = format!("{:x}.report", self.0.store.new_id());
        let report = Report {
            reporting_mta: &self.0.config.hostname,
            from: &from,
            to: &to,
            arrived: message.created,
            at: self.now(),
            id: &id,
            outcomes: &outcomes,
            original_header: &header,
        };
        Ok(report.write())
    }
}
