//! `[transfer]`: outbound mail, its routes, its deadlines, its schedule.
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// `[transfer]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TransferSection {
    /// Connections at once.
    pub workers: usize,
    /// Connections at once to one destination, at most: it starts with one or two, and has more while it takes mail.
    pub connections_per_destination: usize,
    /// Seconds for which a connection is kept open after its last message.
    pub keep_open_seconds: u64,
    /// Minutes for which a domain that the DNS does not know is asked for before its mail comes back.
    pub no_route_minutes: u64,
    /// A domain without MX records is its own server (RFC 5321 §5.1).
    pub implicit_mx: bool,
    /// Deadlines of each phase.
    pub timeouts: TransferTimeouts,
    /// Port of other operators.
    pub port: u16,
    /// DNS server (`host:port`); the system's when absent.
    pub resolver: Option<SocketAddr>,
    /// Static routes: domain → `host:port` list, in order. `"*"` catches every other domain.
    pub routes: BTreeMap<String, Vec<String>>,
    /// Delays between attempts, seconds; the last one repeats. Empty: the built-in schedule.
    pub retry_seconds: Vec<u64>,
    /// Tell the sender after so many hours that the message still waits.
    pub warn_hours: u64,
    /// Give up after so many hours.
    pub expire_hours: u64,
    /// Seconds to wait for messages being sent when stopping; what is cut then is sent again later.
    pub grace_seconds: u64,
}

impl Default for TransferSection {
    fn default() -> Self {
        Self {
            workers: 32,
            connections_per_destination: 8,
            keep_open_seconds: 5,
            no_route_minutes: 60,
            implicit_mx: true,
            timeouts: TransferTimeouts::default(),
            port: 25,
            resolver: None,
            routes: BTreeMap::new(),
            retry_seconds: Vec::new(),
            warn_hours: 4,
            expire_hours: 120,
            grace_seconds: grace(),
        }
    }
}

/// `[transfer.timeouts]`: seconds, each for a phase as a whole (RFC 5321 §4.5.3.2); the built-in ones where absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TransferTimeouts {
    /// TCP connection.
    pub connect: Option<u32>,
    /// The greeting.
    pub greeting: Option<u32>,
    /// Each reply but the last, and the handshake.
    pub reply: Option<u32>,
    /// The reply after the content.
    pub end_of_data: Option<u32>,
    /// Each 64 KiB of content.
    pub write: Option<u32>,
}

impl TransferTimeouts {
    /// These, where they are given.
    pub fn given(self, built_in: sceau_smtp::transfer::Timeouts) -> sceau_smtp::transfer::Timeouts {
        let or = |given: Option<u32>, otherwise| given.map_or(otherwise, |s| Duration::from_secs(u64::from(s.max(1))));
        sceau_smtp::transfer::Timeouts {
            connect: or(self.connect, built_in.connect),
            greeting: or(self.greeting, built_in.greeting),
            reply: or(self.reply, built_in.reply),
            end_of_data: or(self.end_of_data, built_in.end_of_data),
            write: or(self.write, built_in.write),
        }
    }
}

fn grace() -> u64 {
    20
}
