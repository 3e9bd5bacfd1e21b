//! Refusals are traced, but an attacker must not fill the disk with them: a session, an address and a minute each have
//! their share of traces; what is beyond is counted, and the counts are traced once a minute. Strangers (no good
//! certificate, no login: anybody who can reach a door) have a smaller share, and are counted together: a trace is kept for
//! years.
use crate::Origin;
use sceau_domain::RefusalCode;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Mutex;

/// Refusals of one session traced one by one in a minute.
pub(crate) const PER_SESSION: u32 = 20;
/// Refusals towards one remote address traced one by one in a minute.
const PER_REMOTE: u32 = 200;
/// Refusals traced one by one in a minute, whoever asks.
const PER_MINUTE: u32 = 2_000;
/// Refusals of strangers towards one remote address traced one by one in a minute.
const STRANGERS_PER_REMOTE: u32 = 60;
/// Refusals of all strangers traced one by one in a minute.
const STRANGERS_PER_MINUTE: u32 = 300;
/// How traces name a stranger.
pub(crate) const STRANGER: &str = "unknown";
/// Sessions whose counts are kept apart in a minute; those beyond are counted together.
const SESSIONS: usize = 500;
/// Remote addresses followed in a minute; beyond, only [`PER_MINUTE`] counts.
const REMOTES: usize = 10_000;

/// The shares of the present minute.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    written: u32,
    /// Of them, strangers'.
    strangers: u32,
    remotes: HashMap<IpAddr, u32>,
    sessions: HashMap<String, Tally>,
    /// Counts of sessions beyond [`SESSIONS`], and of strangers.
    others: BTreeMap<&'static str, u64>,
}

#[derive(Debug)]
struct Tally {
    written: u32,
    origin: Origin,
    actor: String,
    more: BTreeMap<&'static str, u64>,
}

/// Refusals that were only counted.
#[derive(Debug)]
pub(crate) struct Folded {
    /// The session, when they are one session's.
    pub session: Option<(Origin, String)>,
    /// Number by code.
    pub counts: BTreeMap<&'static str, u64>,
}

impl Ledger {
    /// May this refusal be traced by itself? If not, it is counted.
    pub fn admit(&self, actor: &str, origin: &Origin, code: RefusalCode) -> bool {
        // A poisoned lock only means that a counter may be one off.
        let mut guard = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let minute = &mut *guard;
        let stranger = actor == STRANGER;
        let crowded = stranger || (minute.sessions.len() >= SESSIONS && !minute.sessions.contains_key(&origin.session));
        let remote = match origin.remote {
            Some(ip) if minute.remotes.len() < REMOTES || minute.remotes.contains_key(&ip) => {
                Some(minute.remotes.entry(ip).or_default())
            }
            _ => None,
        };
        let per_remote = if stranger { STRANGERS_PER_REMOTE } else { PER_REMOTE };
        let room = minute.written < PER_MINUTE
            && (!stranger || minute.strangers < STRANGERS_PER_MINUTE)
            && remote.as_ref().is_none_or(|n| **n < per_remote);
        if crowded {
            if room {
                minute.written += 1;
                minute.strangers += u32::from(stranger);
                remote.into_iter().for_each(|n| *n += 1);
            } else {
                *minute.others.entry(code.as_str()).or_default() += 1;
            }
            return room;
        }
        let tally = minute.sessions.entry(origin.session.clone()).or_insert_with(|| Tally {
            written: 0,
            origin: origin.clone(),
            actor: actor.to_owned(),
            more: BTreeMap::new(),
        });
        if room && tally.written < PER_SESSION {
            tally.written += 1;
            minute.written += 1;
            remote.into_iter().for_each(|n| *n += 1);
            return true;
        }
        *tally.more.entry(code.as_str()).or_default() += 1;
        false
    }

    /// Starts a new minute; what was only counted in the last one.
    pub fn turn(&self) -> Vec<Folded> {
        let minute = std::mem::take(&mut *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        let sessions = minute.sessions.into_values().filter(|t| !t.more.is_empty());
        let mut folded: Vec<Folded> =
            sessions.map(|t| Folded { session: Some((t.origin, t.actor)), counts: t.more }).collect();
        if !minute.others.is_empty() {
            folded.push(Folded { session: None, counts: minute.others });
        }
        folded
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Door;

    fn origin(session: &str, last: u8) -> Origin {
        Origin {
            door: Door::Mx,
            remote: Some([192, 0, 2, last].into()),
            session: session.into(),
            tls: None,
            once: None,
        }
    }

    #[test]
    fn a_session_is_traced_twenty_times_then_counted() {
        let ledger = Ledger::default();
        let one = origin("s1", 1);
        let traced = (0..10_000).filter(|_| ledger.admit("CN=peer", &one, RefusalCode::RcptUnknown)).count();
        assert_eq!(traced, PER_SESSION as usize);
        assert!(
            ledger.admit("CN=peer", &origin("s2", 1), RefusalCode::RcptUnknown),
            "another session has its own share"
        );
        let folded = ledger.turn();
        assert_eq!(folded.len(), 1);
        assert_eq!(folded[0].counts["rcpt.unknown"], 10_000 - u64::from(PER_SESSION));
        assert_eq!(folded[0].session.as_ref().map(|(o, a)| (o.session.as_str(), a.as_str())), Some(("s1", "CN=peer")));
        assert!(ledger.admit("CN=peer", &one, RefusalCode::RcptUnknown), "a new minute, a new share");
    }

    #[test]
    fn many_sessions_of_one_address_share_and_memory_is_bounded() {
        let ledger = Ledger::default();
        let mut traced = 0;
        for s in 0..20_000 {
            for _ in 0..2 {
                traced += u32::from(ledger.admit("", &origin(&format!("s{s}"), 7), RefusalCode::PeerNoCertificate));
            }
        }
        assert_eq!(traced, PER_REMOTE);
        let folded = ledger.turn();
        assert!(folded.len() <= SESSIONS + 1);
        let counted: u64 = folded.iter().flat_map(|f| f.counts.values()).sum();
        assert_eq!(counted + u64::from(traced), 40_000, "nothing is forgotten");
    }

    #[test]
    fn strangers_write_little_and_are_counted_together() {
        let ledger = Ledger::default();
        let refused = |remotes: std::ops::Range<u8>| {
            let all = remotes.flat_map(|ip| (0..100).map(move |s| (ip, s)));
            all.filter(|(ip, s)| {
                ledger.admit(STRANGER, &origin(&format!("{ip}-{s}"), *ip), RefusalCode::PeerNoCertificate)
            })
            .count()
        };
        assert_eq!(refused(0..1), STRANGERS_PER_REMOTE as usize);
        assert_eq!(refused(1..200), (STRANGERS_PER_MINUTE - STRANGERS_PER_REMOTE) as usize);
        assert!(ledger.admit("CN=peer", &origin("s1", 250), RefusalCode::RcptUnknown), "peers have their own share");
        let folded = ledger.turn();
        assert_eq!(folded.len(), 1, "one row, however many sessions");
        assert_eq!(folded[0].counts["peer.no_certificate"], 20_000 - u64::from(STRANGERS_PER_MINUTE));
    }

    #[test]
    fn the_minute_has_its_share() {
        let ledger = Ledger::default();
        let traced = (0..=255u8)
            .flat_map(|ip| (0..20).map(move |s| (ip, s)))
            .filter(|(ip, s)| ledger.admit("", &origin(&format!("{ip}-{s}"), *ip), RefusalCode::PeerExpired))
            .count();
        assert_eq!(traced, PER_MINUTE as usize);
    }
}
