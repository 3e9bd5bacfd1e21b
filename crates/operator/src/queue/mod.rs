//! The outbound queue: (message, recipient, destination). A worker opens a *lane* to a destination and claims messages there, so that a dead
//! destination costs nothing to the others, and several workers, of several nodes too, share one that takes mail.
//!
//! Promises:
//! * an entry leaves the queue only in the transaction that records what became of it: delivered, relayed, failed, expired, returned or deleted,
//!   with the report that its sender wants (RFC 3461): a BAL of ours, or an address within the trust space, never an outsider;
//! * delivery is at least once (RFC 1047): a worker that dies between the peer's `250` and [`Operator::settle`] leaves the
//!   entry, and another sends it again. A claim ends by itself, so that nothing waits for a dead process for long;
//! * a destination that cannot be reached has one backoff, whatever waits for it, and one worker tries it;
//! * a message that takes long keeps its own lane busy, no other;
//! * content, prefix, peers' replies and patients' addresses are sealed under the transit key of their epoch, which is
//!   destroyed when the last message of the epoch has left.
mod act;
mod admin;
mod destination;
mod explain;
mod lanes;
mod report;
mod settle;
pub(crate) mod told;
mod upkeep;
mod view;
mod work;

pub use act::{Acted, Chosen, Holding};
pub use explain::{RouteView, Router, Way};
pub(crate) use report::{postmaster, say};
pub use sceau_store::StoreError as ReadingError;
pub use sceau_store::blob::BlobReader as Content;
pub use upkeep::Upkeep;
pub use view::{DestinationStats, HeldView, QueueDetail, QueueFilter, QueueState, QueueStats, QueueView, TryView};

use sceau_domain::{Address, DomainName, Refusal, RefusalCode, Timestamp, dsn};
use sceau_store::{Id, vault::Aad};
use std::sync::OnceLock;
use std::time::Duration;

/// How long a worker has what it claimed, without settling anything or renewing.
pub const LEASE: Duration = Duration::from_secs(600);

/// Characters kept of what a server said before any message.
const WORDS: usize = 500;

/// What sealed columns of the queue are bound to.
pub(crate) fn aad(epoch: i64, object: Id, field: &str) -> Aad<'_> {
    Aad { owner: epoch, object, field }
}

/// This process as leases name it: `node:random`. A restarted process has another name, and frees its predecessor's leases.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    owner: OnceLock<String>,
    freed: tokio::sync::OnceCell<()>,
    /// Destinations that this process is sending to.
    lanes: lanes::Lanes,
    /// Knows where mail goes, when this process sends.
    pub(crate) router: OnceLock<std::sync::Arc<dyn Router>>,
    /// Destinations known to have no open alarm, so that a delivery writes nothing to say so again.
    calm: std::sync::Mutex<std::collections::HashSet<String>>,
}

/// The refusal that a stored code and its placeholders stand for; none for a code of another version.
pub(crate) fn stored_refusal(code: &str, args: &str) -> Option<Refusal> {
    let code = RefusalCode::ALL.iter().find(|c| c.as_str() == code)?;
    let args: serde_json::Map<String, serde_json::Value> = serde_json::from_str(args).unwrap_or_default();
    let known = sceau_domain::refusal::PLACEHOLDERS;
    let args = known.iter().filter_map(|name| args.get(*name)?.as_str().map(|v| (*name, v.to_owned())));
    Some(Refusal { code: *code, args: args.collect() })
}

/// A refusal's placeholders as kept in clear: never an address, never a peer's words.
pub(crate) fn stored_args(refusal: &Refusal) -> String {
    let clear = refusal.args.iter().filter(|(name, _)| !matches!(*name, "address" | "reply"));
    serde_json::Value::Object(clear.map(|(n, v)| ((*n).to_owned(), v.as_str().into())).collect()).to_string()
}

/// As [`stored_args`], with what the server said: to a greeting, EHLO or STARTTLS, before any address was named to it. What looks like an address is left
/// out all the same.
fn stored_words(refusal: &Refusal) -> String {
    let mut refusal = refusal.clone();
    let reply = refusal.args.iter().position(|(name, _)| *name == "reply").map(|at| refusal.args.remove(at).1);
    let mut args: serde_json::Value = serde_json::from_str(&stored_args(&refusal)).unwrap_or_default();
    if let Some(reply) = reply {
        let words = reply.split_whitespace().map(|w| if w.contains('@') { "…" } else { w });
        let words: String = words.collect::<Vec<_>>().join(" ").chars().take(WORDS).collect();
        args["reply"] = words.into();
    }
    args.to_string()
}

/// A refusal as people of the administration read it.
fn explained(refusal: &Refusal) -> String {
    use sceau_domain::Lang;
    format!("{} / {} [{}]", refusal.sentence(Lang::Fr), refusal.sentence(Lang::En), refusal.code.as_str())
}

/// A lane to a destination: what it claims is this worker's alone until its time is over.
#[derive(Debug, Clone)]
pub struct Destination {
    /// Domain.
    pub domain: DomainName,
    /// End of its time; renewed by settling attempts.
    pub until: Timestamp,
    /// It could not be reached last time: this worker alone tries it.
    pub failing: bool,
    lane: Id,
    /// The process whose lane it is.
    owner: String,
    hand: lanes::SharedHand,
}

/// A message with its recipients at one destination, ready to be sent.
#[derive(Debug)]
pub struct Outgoing {
    /// Queue message id.
    pub id: Id,
    /// Reverse path; none is `<>`.
    pub from: Option<Address>,
    /// Entry id and recipient.
    pub recipients: Vec<(Id, Address)>,
    /// What the sender asked about reports of each recipient, in the same order.
    pub requests: Vec<dsn::RcptRequest>,
    /// What the sender asked about reports of the whole.
    pub dsn: dsn::MailRequest,
    /// Fields before the content.
    pub prefix: Vec<u8>,
    /// The content, by ranges.
    pub content: sceau_store::blob::BlobReader,
    /// Clear size of prefix and content together.
    pub size: u64,
    /// The message needs 8BITMIME.
    pub body_8bit: bool,
    /// The message or an address needs SMTPUTF8.
    pub smtputf8: bool,
    /// The content is no sequence of lines: BINARYMIME (RFC 3030).
    pub binary: bool,
    /// Every hop must have verified TLS and say so (RFC 8689).
    pub requiretls: bool,
    /// When it was accepted.
    pub queued: Timestamp,
    /// The rows that it was made of.
    rows: std::sync::Arc<Rows>,
}

/// A message of the queue and its entries at one destination, as they were claimed.
type Rows = (sceau_store::queue::Message, Vec<sceau_store::queue::Entry>);

/// A message that was sent, until what became of it is recorded ([`Operator::settle_sent`]): still claimed, in the lane's hand beside the next one.
#[derive(Debug, Clone)]
pub struct Settlement {
    rows: std::sync::Arc<Rows>,
    hand: lanes::SharedHand,
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
        /// The server took over what the sender asked about reports (RFC 3461). Otherwise who wants to hear of success hears that it
        /// was relayed.
        dsn: bool,
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
        // What a server says before any message is kept, and names nobody.
        let words = stored_words(&refusal);
        assert!(!words.contains("anne"), "{words}");
        let back = stored_refusal("transfer.refused", &words).expect("known");
        assert_eq!(back.args, [("server", "mx.example.org".to_owned()), ("reply", "550 no user …".to_owned())]);
    }
}
