//! The outbound queue: (message, recipient, destination); a worker leases a *destination*, so a dead one costs nothing to the others.
//!
//! Promises:
//! * an entry leaves the queue only in the transaction that records what became of it: delivered, failed or expired, the
//!   last two with a report to the sender (a BAL of ours, never an outsider);
//! * delivery is at least once (RFC 1047): a worker that dies between the peer's `250` and [`Operator::settle`] leaves the
//!   entry, and another sends it again. A lease ends by itself, so that nothing waits for a dead process for long;
//! * a destination that cannot be reached has one backoff, whatever waits for it;
//! * content, prefix, peers' replies and patients' addresses are sealed under the transit key of their epoch, which is
//!   destroyed when the last message of the epoch has left.
mod admin;
mod destination;
mod report;
mod settle;
mod upkeep;
mod work;

pub use admin::QueueDetail;
pub use upkeep::Upkeep;

use sceau_domain::{Address, DomainName, Refusal, RefusalCode, Timestamp};
use sceau_store::{Id, vault::Aad};
use serde::Serialize;
use std::sync::OnceLock;
use std::time::Duration;

/// How long a worker has a destination to itself without settling anything or renewing.
pub const LEASE: Duration = Duration::from_secs(600);

/// What sealed columns of the queue are bound to.
pub(crate) fn aad(epoch: i64, object: Id, field: &str) -> Aad<'_> {
    Aad { owner: epoch, object, field }
}

/// This process as leases name it: `node:random`. A restarted process has another name, and frees its predecessor's leases.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    owner: OnceLock<String>,
    freed: tokio::sync::OnceCell<()>,
    /// Destinations known to have no open alarm, so that a delivery writes nothing to say so again.
    calm: std::sync::Mutex<std::collections::HashSet<String>>,
}

/// The refusal that a stored code and its placeholders stand for; none for a code of another version.
fn stored_refusal(code: &str, args: &str) -> Option<Refusal> {
    let code = RefusalCode::ALL.iter().find(|c| c.as_str() == code)?;
    let args: serde_json::Map<String, serde_json::Value> = serde_json::from_str(args).unwrap_or_default();
    let known = sceau_domain::refusal::PLACEHOLDERS;
    let args = known.iter().filter_map(|name| args.get(*name)?.as_str().map(|v| (*name, v.to_owned())));
    Some(Refusal { code: *code, args: args.collect() })
}

/// A refusal's placeholders as kept in clear: never an address, never a peer's words.
fn stored_args(refusal: &Refusal) -> String {
    let clear = refusal.args.iter().filter(|(name, _)| !matches!(*name, "address" | "reply"));
    serde_json::Value::Object(clear.map(|(n, v)| ((*n).to_owned(), v.as_str().into())).collect()).to_string()
}

/// A refusal as people of the administration read it.
fn explained(refusal: &Refusal) -> String {
    use sceau_domain::Lang;
    format!("{} / {} [{}]", refusal.sentence(Lang::Fr), refusal.sentence(Lang::En), refusal.code.as_str())
}

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
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct QueueView {
    /// Entry id.
    #[serde(serialize_with = "crate::ids::text")]
    #[schema(value_type = String)]
    pub id: i64,
    /// Message id in the queue.
    #[serde(serialize_with = "crate::ids::text")]
    #[schema(value_type = String)]
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
    #[schema(value_type = i64)]
    pub queued: Timestamp,
    /// Next attempt.
    #[schema(value_type = i64)]
    pub next: Timestamp,
    /// When we give up.
    #[schema(value_type = i64)]
    pub expires: Timestamp,
    /// Last answer, in full.
    pub last_reply: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_refusal_reads_back_without_addresses_and_replies() {
        let refusal = Refusal::new(RefusalCode::TransferRefused)
            .with("server", "mx.example.org")
            .with("reply", "550 no user anne@example.org")
            .with("address", "anne@example.org");
        let args = stored_args(&refusal);
        assert!(!args.contains("anne"), "{args}");
        let back = stored_refusal("transfer.refused", &args).expect("known");
        assert_eq!(back, Refusal::new(RefusalCode::TransferRefused).with("server", "mx.example.org"));
        assert_eq!(stored_refusal("transfer.of_the_future", "{}"), None);
        assert!(stored_refusal("transfer.dns", "not json").is_some_and(|r| r.args.is_empty()));
    }
}
