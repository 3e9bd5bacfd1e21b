//! Mail in and out of BALs: acceptance from peers, submission by people, delivery.
//!
//! Both ways in end the same: everything sealed is prepared, the content is made durable, then one transaction holds
//! rows, dedupe records, queue entries and traces ([`keep`]). `Ok` means that it is committed (design §2.1).
pub mod incoming;
pub mod submission;

mod clean;
pub(crate) mod keep;
mod parties;
pub(crate) mod refusals;
pub(crate) mod shown;

use sceau_domain::{Address, Limits, Refusal, RefusalCode};
use sceau_message::scan::Scan;
use sceau_store::Store;

/// An SMTP envelope.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// Reverse path; none is `<>`.
    pub from: Option<Address>,
    /// Recipients, distinct, in order.
    pub to: Vec<Address>,
    /// What the client called itself.
    pub helo: String,
    /// `ESMTPS`, `ESMTPSA`, `UTF8SMTPS`, `UTF8SMTPSA`.
    pub with: &'static str,
    /// BODY=8BITMIME was announced.
    pub body_8bit: bool,
    /// SMTPUTF8 was announced.
    pub smtputf8: bool,
}

/// A message taken: it is durable.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// Our id of the transaction, for the `250` reply and the traces.
    pub id: String,
    /// True when this is a peer's retry of what was accepted before: nothing was kept a second time.
    pub duplicate: bool,
}

/// A new id of an acceptance: unique over nodes and time.
fn new_tag(store: &Store) -> String {
    format!("{:013x}", store.new_id())
}

/// Bytes as a person reads them.
fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes / 1_000_000)
}

/// RFC 5321 §6.3: too many `Received` fields are a loop.
fn check_loop(scan: &Scan, limits: &Limits) -> Result<(), Refusal> {
    if scan.received > limits.hops {
        return Err(Refusal::new(RefusalCode::MessageLoop).with("limit", limits.hops));
    }
    Ok(())
}
