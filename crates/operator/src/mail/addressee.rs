//! What is known of a recipient before the message comes: it is said at RCPT, with the reason.
use crate::{Operator, refuse};
use sceau_domain::identifier::Ins;
use sceau_domain::{Address, Limits, Refusal, RefusalCode};
use sceau_store::{StoreError, queue};

impl Operator {
    /// Refuses a patient's address that is none: it is an INS with its key (F077).
    pub(super) fn check_patient(&self, to: &Address) -> Result<(), Refusal> {
        if !self.is_patients(to.domain()) || to.local_key() == "postmaster" || to.local_key() == "abuse" {
            return Ok(());
        }
        // The number is not repeated: it may be a real one with a slip.
        to.local_key().to_ascii_uppercase().parse::<Ins>().map(drop).map_err(|_| RefusalCode::NamingPatient.into())
    }

    /// Refuses a destination of which our last attempt said that it has no way for mail, while that is all that is known.
    pub(super) async fn check_route(&self, to: &Address) -> Result<(), Refusal> {
        let domain = to.domain().to_string();
        let health = self.0.store.read(move |tx| queue::health(tx, &domain)).await;
        let health = health.map_err(|e: StoreError| refuse::store(&e))?;
        let code = [RefusalCode::TransferNullMx, RefusalCode::TransferNoRoute];
        let known = code.into_iter().find(|c| health.failures > 0 && health.last_code.as_deref() == Some(c.as_str()));
        known.map_or(Ok(()), |code| Err(Refusal::new(code).with("domain", to.domain())))
    }

    /// Refuses a message that is too big for this recipient: what patients take, others may not (F218).
    pub(super) fn check_size(&self, limits: &Limits, to: &Address, size: u64) -> Result<(), Refusal> {
        let largest = limits.message_bytes_for(self.is_patients(to.domain()));
        if size <= largest {
            return Ok(());
        }
        Err(Refusal::new(RefusalCode::MessageTooBig).with("limit", super::megabytes(largest)).with("address", to))
    }
}
