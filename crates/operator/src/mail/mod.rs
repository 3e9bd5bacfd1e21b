//! Mail in and out of BALs: acceptance from peers, submission by people, delivery.
pub mod incoming;
pub mod submission;

use sceau_domain::Address;

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
