//! Confirmations of delivery: a sender who asked for SUCCESS (RFC 3461 §4.1) hears of each of our BALs that took the message, in the transaction of
//! its delivery: a BAL of ours in its mailbox, a sender of another operator through the queue, judged by the rules of exchange.
//!
//! Promises: a message is never refused nor delayed because its confirmation cannot be given; a repetition is not confirmed twice.
use super::post::{Letter, Posting, Ready, Speaker, To};
use super::{Envelope, Rcpt};
use crate::queue::postmaster;
use crate::queue::say;
use crate::refuse::Fail;
use crate::{Operator, Received};
use sceau_domain::Timestamp;
use sceau_message::report::{Original, RecipientOutcome, Report};
use sceau_store::blob::BlobRow;
use sceau_store::{Id, Spool, StoreError, Tx, part};

impl Operator {
    /// The confirmation for these recipients, ready to be written; none when nobody asked, or when it may not go there.
    pub(crate) async fn receipt(
        &self,
        envelope: &Envelope,
        bal: Option<Id>,
        delivered: &[Rcpt],
        message: &Received,
        now: Timestamp,
    ) -> Option<Posting> {
        let from = envelope.from.as_ref()?;
        let outcomes: Vec<RecipientOutcome> = delivered
            .iter()
            .filter(|rcpt| rcpt.dsn.wants().success)
            .map(|rcpt| RecipientOutcome {
                recipient: rcpt.address.clone(),
                original: rcpt.dsn.orcpt.clone(),
                action: "delivered",
                status: "2.1.5".into(),
                remote_mta: None,
                diagnostic: None,
                will_retry_until: None,
                sentence: say("delivered"),
            })
            .collect();
        if outcomes.is_empty() {
            return None;
        }
        let id = format!("{:x}.report", self.0.store.new_id());
        let author = postmaster(from).ok()?;
        let report = Report {
            reporting_mta: &self.0.config.hostname,
            from: &author,
            to: from,
            arrived: now,
            at: now,
            id: &id,
            envelope_id: envelope.dsn.envid.as_ref().map(|e| e.as_str()),
            outcomes: &outcomes,
            original_header: &message.scan.header,
            original: Original::Header,
        };
        let to = bal.map_or_else(|| To::Address(from.clone()), To::Bal);
        let letter = Letter {
            speaker: Speaker::Report,
            to,
            content: report.write(),
            kind: "report",
            pressing: false,
            about: None,
        };
        match self.prepare_post(letter).await {
            Ok(posting) => Some(posting),
            Err(refusal) => {
                tracing::info!(code = refusal.code.as_str(), "a delivery is not confirmed");
                None
            }
        }
    }
}

/// The contents that a message's transaction keeps, its confirmation's behind its own, and the confirmation.
pub(super) fn beside(message: Spool, receipt: Option<Posting>) -> (Vec<Spool>, Option<Ready>) {
    let mut spools = vec![message];
    let ready = receipt.map(|Posting { spool, ready }| {
        spools.push(spool);
        ready
    });
    (spools, ready)
}

/// Writes the confirmation, if there is one, in its delivery's transaction, whose contents these are ([`beside`]); one that cannot be taken (the sender's
/// BAL is full) is left out.
pub(super) fn write(tx: &mut dyn Tx, confirmed: Option<&Ready>, contents: &[BlobRow]) -> Result<(), StoreError> {
    let (Some(ready), Some(row)) = (confirmed, contents.get(1)) else { return Ok(()) };
    match part(tx, |tx| ready.write(tx, row)) {
        Ok(()) | Err(Fail::No(_)) => Ok(()),
        Err(Fail::Store(e)) => Err(e),
    }
}
