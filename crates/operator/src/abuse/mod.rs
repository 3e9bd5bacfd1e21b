//! Limits over sessions and nodes, and what looks like abuse (F067, F267): bursts, addresses tried out, one token in several places, refusals, infected mail,
//! passwords and codes that are guessed, journeys that nothing makes so fast.
//!
//! Doors and use cases note what happens ([`notes`]: memory only, no wait); thresholds are declared once ([`sceau_domain::abuse`]). What passes one slows
//! at once on this node, and within seconds everywhere; a case is opened with an alarm, and the person whose token it is is told by a notice that says
//! nothing. A person reviews ([`cases`]): nobody is blocked by a program, and what was decided teaches nothing.
//!
//! Promises: whoever is slowed hears a sentence and when to come back (4xx), and loses nothing; other tokens of the same BAL are not slowed; other operators
//! and structures' servers are answered later, never refused, because many people stand behind one certificate; memory is bounded whoever asks; what is kept are counts, places
//! (a configured name, or the network of an address) and keyed digests of correspondents.
mod cases;
mod flush;
mod journeys;
mod lately;
pub(crate) mod notes;
pub(crate) mod rates;

pub use cases::{AbuseCaseView, AbuseSignalView};

use lately::Lately;
use rates::Rates;
use sceau_domain::Address;
use sceau_domain::abuse::{Network, Signal, Thresholds};
use sceau_domain::position::{Position, Positions};
use sceau_store::Id;
use sceau_trust::Dn;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Signals, letters and places that wait to be written; what is beyond is forgotten.
const WAITING: usize = 20_000;

/// What the configuration says of abuse.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Thresholds.
    pub thresholds: Thresholds,
    /// Recipients that whoever is slowed may write to in ten minutes; one message to more of them passes alone.
    pub slowed_recipients: u32,
    /// For how long at most, after the last signal, in hours: nobody is slowed for ever because nobody looked.
    pub slowed_hours: u32,
    /// How long an unknown recipient waits for its answer once another operator, or a structure's server, asked for too many.
    pub tarpit: Duration,
    /// Places by network: the smallest one that holds an address names its place.
    pub places: Vec<(Network, String)>,
    /// Where networks are; empty: journeys are not judged.
    pub positions: Arc<Positions>,
    /// Faster than this nobody travels, kilometres an hour.
    pub speed: u32,
    /// Nearer than this two positions may be one, kilometres: such files are coarse.
    pub nearest: u32,
    /// Senders to whom neither limits of peers nor signals apply (alerts of the health authorities, F099).
    pub exempt: Vec<Address>,
    /// Limits of single partners.
    pub partners: Vec<Partner>,
}

/// Limits of one partner.
#[derive(Debug, Clone)]
pub struct Partner {
    /// Name of its certificate.
    pub dn: Dn,
    /// Instead of `peer_messages_per_hour`.
    pub messages_per_hour: Option<u32>,
    /// Instead of `peer_recipients_per_hour`.
    pub recipients_per_hour: Option<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            thresholds: Thresholds::default(),
            slowed_recipients: 10,
            slowed_hours: 24,
            tarpit: Duration::from_secs(2),
            places: Vec::new(),
            positions: Arc::default(),
            speed: 900,
            nearest: 300,
            exempt: Vec::new(),
            partners: Vec::new(),
        }
    }
}

impl Settings {
    /// Nothing is a signal: for tests and measurements that send as no person does.
    pub fn none() -> Self {
        Self { thresholds: Thresholds::NONE, ..Self::default() }
    }
}

/// Whom a signal is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Subject {
    /// `token`, `person`, `connector`, `peer`.
    pub kind: &'static str,
    /// Id of the token, person or connector; of a peer, the digest of its name.
    pub id: String,
}

impl Subject {
    /// Somebody in whose name something is tried, whatever with.
    pub fn person(id: Id) -> Self {
        Self { kind: "person", id: id.to_string() }
    }
}

/// A signal that waits to be written.
#[derive(Debug, Clone)]
struct Raised {
    subject: Subject,
    signal: Signal,
    at: i64,
    seen: i64,
    threshold: i64,
    /// What is shown of the subject, where no row says it.
    shown: String,
    person: Option<Id>,
    bal: Option<Id>,
    detail: String,
}

/// To whom a BAL wrote.
#[derive(Debug, Clone)]
struct Wrote {
    /// Whose new correspondents are counted; none: nobody's.
    subject: Option<Subject>,
    person: Option<Id>,
    bal: Id,
    /// Digests of the addresses, in order; each with the name and the address by which a page may know it.
    to: Vec<crate::desk::correspondents::Addressed>,
}

/// From where a token is used.
#[derive(Debug, Clone)]
struct Used {
    token: Id,
    person: Id,
    bal: Option<Id>,
    place: String,
    /// Where that is, when a file says so.
    position: Option<Position>,
    at: i64,
}

/// What is remembered between two writings.
#[derive(Debug, Default)]
struct Memory {
    raised: Vec<Raised>,
    /// When a signal of a subject was last raised.
    last: HashMap<(Subject, Signal), i64>,
    wrote: Vec<Wrote>,
    used: Vec<Used>,
    /// When a token was last told to be used from a place.
    told: HashMap<(Id, String), i64>,
    /// Until when whom is slowed.
    slowed: HashMap<(String, String), i64>,
    /// To whom each BAL wrote a moment ago.
    lately: Lately,
    /// When what is old was last forgotten.
    tidied: i64,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// What is counted over all nodes; sign-ins count there too.
    pub(crate) rates: Rates,
    memory: Mutex<Memory>,
    /// There is a signal to be written.
    wake: Notify,
}

impl State {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        // Nothing in it is ever half-written.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
