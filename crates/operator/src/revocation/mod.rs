//! Is a certificate revoked? Lists and answers fetched, kept, shared between nodes; chains judged, in this one place (F201, F204).
//!
//! Promises:
//! * every chain that opens something is judged by [`Operator::judge_chain`]: path, dates, keys, purpose, and the revocation of each certificate that
//!   somebody showed us; and again at each use of a connection ([`Operator::judge_again`]), which costs a look-up while nothing changed;
//! * only addresses that a certificate of a good chain or the configuration names are asked, and of these only hosts that the configuration allows;
//! * whoever waits for an answer waits [`Settings::deadline`] at most, all who want the same one wait for the same question, and a responder that
//!   failed is left alone for a while: a slow one costs nobody but its own certificates' first visitors a few seconds;
//! * nothing unsigned, and nothing older, takes the place of what is held; the last good list outlives restarts, and its time: whom it named stays
//!   revoked;
//! * when nothing answers, the mode of the purpose decides ([`Mode`]), with an alarm and a trace.
mod admin;
mod fetch;
mod follow;
mod judge;
mod learn;
mod responder;
mod state;

pub use admin::{AnchorView, RefreshedView, SourceView};
pub(crate) use state::State;

use sceau_trust::Purpose;
use sceau_trust::outgoing::Hosts;
use std::collections::BTreeMap;
use std::time::Duration;

/// What becomes of a certificate of which nobody tells whether it is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// It is refused for now (451), with an alarm.
    Strict,
    /// It is accepted, with an alarm and a trace.
    Lenient,
    /// Nobody is asked: only lists that are held count.
    #[default]
    Off,
}

impl Mode {
    /// As in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Lenient => "lenient",
            Self::Off => "off",
        }
    }
}

/// Settings of revocation.
#[derive(Debug, Clone)]
pub struct Settings {
    /// For purposes that have no mode of their own.
    pub mode: Mode,
    /// Purposes that have.
    pub modes: BTreeMap<Purpose, Mode>,
    /// A responder is asked even while a list is good.
    pub prefer_ocsp: bool,
    /// Hosts that may be asked.
    pub hosts: Hosts,
    /// Addresses of lists, fetched whoever comes. Their hosts are allowed.
    pub lists: Vec<String>,
    /// How often lists are fetched; sooner when the one held is about to end.
    pub every: Duration,
    /// How long a judgement waits.
    pub deadline: Duration,
    /// How long fetching a list may take.
    pub timeout: Duration,
    /// Largest list, bytes.
    pub max_bytes: usize,
    /// How long the last good word counts after its time, while no newer one comes.
    pub last_good: Duration,
    /// An answer must repeat our nonce (many responders sign ahead and do not).
    pub nonce: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::Off,
            modes: BTreeMap::new(),
            prefer_ocsp: false,
            hosts: Hosts::default(),
            lists: Vec::new(),
            every: Duration::from_secs(3600),
            deadline: Duration::from_secs(3),
            timeout: Duration::from_secs(30),
            max_bytes: 16 << 20,
            last_good: Duration::from_secs(24 * 3600),
            nonce: false,
        }
    }
}

impl Settings {
    /// The mode of a purpose.
    pub fn mode_of(&self, purpose: Purpose) -> Mode {
        match purpose {
            // Our own rows say which device is revoked; nobody publishes a list.
            Purpose::Devices => Mode::Off,
            purpose => self.modes.get(&purpose).copied().unwrap_or(self.mode),
        }
    }
    /// Is anything asked at all?
    pub(crate) fn asks(&self) -> bool {
        !self.lists.is_empty() || Purpose::ALL.iter().any(|p| self.mode_of(*p) != Mode::Off)
    }
}

/// Milliseconds of a duration.
pub(crate) fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
