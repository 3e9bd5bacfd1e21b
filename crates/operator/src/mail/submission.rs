//! A person or a machine sends (design §6).
use super::{Accepted, Envelope};
use crate::{Actor, Operator, Received};
use sceau_domain::{Address, Refusal};

impl Operator {
    /// MAIL: the actor may send from this address (F150).
    pub async fn submit_sender(&self, actor: &Actor, from: Option<&Address>, size: Option<u64>) -> Result<(), Refusal> {
        let _ = (actor, from, size);
        todo!()
    }
    /// RCPT: `domain::exchange` with what we know of both ends; ours must exist and have room.
    pub async fn submit_recipient(&self, actor: &Actor, to: &Address, already: usize, size: Option<u64>) -> Result<(), Refusal> {
        let _ = (actor, to, already, size);
        todo!()
    }
    /// After DATA: From and Sender are BALs of the actor, Message-ID and Date added if absent, Bcc removed; one transaction:
    /// local deliveries, queue entries, traces. Returns after it is durable.
    pub async fn submit(&self, actor: &Actor, envelope: Envelope, message: Received) -> Result<Accepted, Refusal> {
        let _ = (actor, envelope, message);
        todo!()
    }
}
