//! The outbound queue: (message, recipient, destination); a worker leases a *destination*, so a dead one costs nothing to the others.
use crate::Operator;
use sceau_domain::{Address, DomainName, Refusal, Timestamp};
use sceau_store::Id;
use serde::Serialize;

/// A leased destination: this worker alone talks to it until the lease ends.
#[derive(Debug, Clone)]
pub struct Destination {
    /// Domain.
    pub domain: DomainName,
    /// End of the lease; renew by settling attempts.
    pub until: Timestamp,
}

/// A message with its recipients at one destination, ready to be sent.
#[derive(Debug)]
pub struct Outgoing {
    /// Queue message id.
    pub id: Id,
    /// Reverse path; none is `<>`.
    pub from: Option<Address>,
    /// Recipients due at this destination: entry id and address.
    pub recipients: Vec<(Id, Address)>,
    /// Bytes that go before the content (Received…).
    pub prefix: Vec<u8>,
    /// The content, by ranges.
    pub content: sceau_store::blob::BlobReader,
    /// Clear size of prefix and content together.
    pub size: u64,
    /// The message needs 8BITMIME.
    pub body_8bit: bool,
    /// The message or an address needs SMTPUTF8.
    pub smtputf8: bool,
}

/// What became of one recipient in one attempt.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Entry id.
    pub entry: Id,
    /// Delivered, refused for good, or to be tried again.
    pub result: OutcomeResult,
}

/// See [`Outcome`].
#[derive(Debug, Clone)]
pub enum OutcomeResult {
    /// The peer took it: `server` (name, its certificate's DN), its reply, TLS.
    Delivered {
        /// Name of the server.
        server: String,
        /// Last reply, in full.
        reply: String,
        /// DN of the server's certificate.
        dn: String,
        /// TLS version and suite.
        tls: String,
    },
    /// The peer said 5xx to this recipient (or to the message).
    Failed {
        /// Name of the server.
        server: String,
        /// Its reply, in full.
        reply: String,
        /// Enhanced status.
        status: String,
    },
    /// Not this time: a 4xx, a broken connection, our own refusal (white list, TLS).
    Deferred {
        /// Name of the server, when one was reached.
        server: Option<String>,
        /// Its reply, or our sentence.
        reason: String,
        /// Why, for the report if it never gets better.
        refusal: Refusal,
    },
}

/// A queue entry, as `sceau queue list|show` explains it.
#[derive(Debug, Clone, Serialize)]
pub struct QueueView {
    /// Entry id.
    pub id: i64,
    /// Message id in the queue.
    pub message: i64,
    /// Sender (`<>` when null).
    pub from: String,
    /// Recipient (pseudonym for patients).
    pub to: String,
    /// Destination domain.
    pub destination: String,
    /// `waiting`, `sending`, `held`.
    pub state: String,
    /// Attempts so far.
    pub attempts: i64,
    /// Size, bytes.
    pub size: i64,
    /// When it was queued.
    pub queued: Timestamp,
    /// Next attempt.
    pub next: Timestamp,
    /// When we give up.
    pub expires: Timestamp,
    /// Last answer, in full.
    pub last_reply: Option<String>,
}

impl Operator {
    /// Leases the destination that is due first, if any.
    pub async fn lease_destination(&self) -> Result<Option<Destination>, Refusal> {
        todo!()
    }
    /// Waits until something may be due (woken by submissions and `queue retry`, or the time of the next attempt, at most a minute).
    pub async fn queue_due(&self) {
        todo!()
    }
    /// The next message due at a leased destination.
    pub async fn next_outgoing(&self, destination: &Destination) -> Result<Option<Outgoing>, Refusal> {
        let _ = destination;
        todo!()
    }
    /// May we send to this server for this domain? (white list in force, its DN listed for the domain)
    pub fn check_server(&self, domain: &DomainName, chain: &[rustls_pki_types::CertificateDer<'_>]) -> Result<sceau_trust::Peer, Refusal> {
        let _ = (domain, chain);
        todo!()
    }
    /// Records outcomes in one transaction: removes what is done, schedules what is not, writes reports for what failed or expired, traces all.
    pub async fn settle(&self, outgoing: Id, outcomes: Vec<Outcome>) -> Result<(), Refusal> {
        let _ = (outgoing, outcomes);
        todo!()
    }
    /// The destination could not be reached at all: defers every due entry of it (one backoff for the destination), ends the lease.
    pub async fn defer_destination(&self, destination: &Destination, reason: Refusal, server: Option<String>) -> Result<(), Refusal> {
        let _ = (destination, reason, server);
        todo!()
    }
    /// Ends the lease.
    pub async fn release_destination(&self, destination: &Destination) -> Result<(), Refusal> {
        let _ = destination;
        todo!()
    }
}
