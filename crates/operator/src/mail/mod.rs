//! Mail in and out of BALs: acceptance from peers, submission by people, delivery.
//!
//! Both ways in end the same: everything sealed is prepared, the content is made durable, then one transaction holds
//! rows, dedupe records, queue entries and traces ([`keep`]). `Ok` means that it is committed.
pub mod incoming;
pub mod submission;

mod addressee;
mod arrival;
mod binary;
mod clean;
pub(crate) mod keep;
mod once;
pub(crate) mod parties;
pub(crate) use parties::{Local, bal_by_key};
pub(crate) mod post;
mod receipt;
pub(crate) mod refusals;
mod responder;
mod sending;
pub(crate) mod shown;
mod to_queue;
mod voice;

use sceau_domain::{Address, Limits, Refusal, RefusalCode, dsn};
use sceau_message::scan::Scan;
use sceau_store::Store;

/// An SMTP envelope.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// Reverse path; none is `<>`.
    pub from: Option<Address>,
    /// Recipients, distinct, in order.
    pub to: Vec<Rcpt>,
    /// What the sender asked for about reports of the whole sending (RFC 3461).
    pub dsn: dsn::MailRequest,
    /// What the client called itself.
    pub helo: String,
    /// `ESMTPS`, `ESMTPSA`, `UTF8SMTPS`, `UTF8SMTPSA`.
    pub with: &'static str,
    /// BODY, as announced: what the content holds is the scan's to say.
    pub body: Body,
    /// SMTPUTF8 was announced.
    pub smtputf8: bool,
    /// REQUIRETLS was asked (RFC 8689): every hop has verified TLS and honours it, or the message comes back.
    pub requiretls: bool,
}

impl Envelope {
    /// Addresses of the recipients.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.to.iter().map(|r| &r.address)
    }
}

/// A recipient as it was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rcpt {
    /// Where it goes.
    pub address: Address,
    /// What the sender asked for about reports of this recipient (RFC 3461).
    pub dsn: dsn::RcptRequest,
    /// What [`crate::Operator::mx_recipient`] found.
    pub judged: Judged,
}

impl From<Address> for Rcpt {
    /// Nothing asked, nothing found yet.
    fn from(address: Address) -> Self {
        Self { address, dsn: dsn::RcptRequest::default(), judged: Judged::default() }
    }
}

/// What was found of a recipient when it was named. Whoever gives it back with the message spares looking it up a second time: it is compared with what is
/// there in the transaction that delivers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Judged(Option<Box<Local>>);

/// What a client said of the content (RFC 6152, RFC 3030).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Body {
    /// `7BIT`: ASCII lines. Also when nothing was said.
    #[default]
    SevenBit,
    /// `8BITMIME`: lines of any octets but NUL.
    EightBit,
    /// `BINARYMIME`: any octets, lines or none. Only sent with BDAT.
    Binary,
}

impl Body {
    /// The value of BODY.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SevenBit => "7BIT",
            Self::EightBit => "8BITMIME",
            Self::Binary => "BINARYMIME",
        }
    }
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
pub(crate) fn new_tag(store: &Store) -> String {
    format!("{:013x}", store.new_id())
}

/// Bytes as a person reads them.
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes / 1_000_000)
}

/// RFC 5321 §6.3: too many `Received` fields are a loop.
pub(crate) fn check_loop(scan: &Scan, limits: &Limits) -> Result<(), Refusal> {
    if scan.received > limits.hops {
        return Err(Refusal::new(RefusalCode::MessageLoop).with("limit", limits.hops));
    }
    Ok(())
}
