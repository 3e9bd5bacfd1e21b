//! What looks like abuse (F067, F267): the signals, each with its threshold declared once with where it comes from; networks and places; what a person
//! may decide.
//!
//! A signal is a hint, never a proof: it slows and tells, and a person decides. A threshold of 0 never gives its signal.
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A minute, milliseconds.
const MINUTE: i64 = 60_000;

/// What is known of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// Which.
    pub signal: Signal,
    /// Its name, as in `[abuse.thresholds]`.
    pub name: &'static str,
    /// The built-in threshold.
    pub built_in: u32,
    /// Over how long it is counted, milliseconds.
    pub window: i64,
    /// Is whoever gives it slowed until a person has looked?
    pub slows: bool,
    /// Where the threshold comes from.
    pub source: &'static str,
    /// Was the source read? Otherwise it is our choice, to be confirmed.
    pub verified: bool,
}

/// Declares every signal once: variant, name, built-in threshold, window in minutes, whether it slows, source, verified.
macro_rules! signals {
    ($($(#[$doc:meta])* $variant:ident $name:ident: $built_in:literal in $minutes:literal, $slows:literal, $source:literal, $verified:literal;)*) => {
        /// A hint that something is wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Signal { $($(#[$doc])* $variant),* }
        /// Every signal, in order.
        pub const DEFINITIONS: &[Definition] = &[$(Definition {
            signal: Signal::$variant,
            name: stringify!($name),
            built_in: $built_in,
            window: $minutes * MINUTE,
            slows: $slows,
            source: $source,
            verified: $verified,
        }),*];
        /// Thresholds in force. `Default` gives the built-in ones.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Thresholds { $($(#[$doc])* pub $name: u32),* }
        impl Default for Thresholds {
            fn default() -> Self {
                Self { $($name: $built_in),* }
            }
        }
        impl Thresholds {
            /// Nothing is ever a signal.
            pub const NONE: Self = Self { $($name: 0),* };
            /// The threshold of a signal; 0: never.
            pub fn of(&self, signal: Signal) -> u32 {
                match signal { $(Signal::$variant => self.$name),* }
            }
        }
        impl Signal {
            /// What is known of it.
            pub fn definition(self) -> Definition {
                DEFINITIONS[self as usize]
            }
        }
    };
}

signals! {
    /// Recipients that one token writes to: ten times as many from an applicative BAL.
    Burst burst: 300 in 10, true, "Sceau", false;
    /// Recipients that do not exist, asked for by one token: somebody tries addresses.
    Unknown unknown: 20 in 60, true, "Sceau", false;
    /// The same, of one certificate of another operator: many people stand behind it, so that it is answered later and never refused.
    PeerUnknown peer_unknown: 500 in 60, true, "Sceau", false;
    /// Addresses to which a BAL never wrote before, written to with one token.
    Correspondents correspondents: 150 in 1440, false, "Sceau", false;
    /// Senders, recipients and messages of one token that were refused for good.
    Refused refused: 100 in 60, true, "Sceau", false;
    /// Places from which one token is used at once: networks where nothing else is known of them, and two are enough when both are configured as
    /// places apart.
    Apart apart: 3 in 60, false, "Sceau", false;
    /// Messages of one token, or of one certificate of another operator, in which the antivirus found something.
    Infected infected: 3 in 60, true, "Sceau", false;
    /// Passwords of one login that were wrong, from anywhere: strangers wait while it goes on.
    Guess guess: 20 in 10, false, "Sceau", false;
    /// Logins whose passwords were wrong, from one network: whoever is not known there waits while it goes on. Of a person: one was right.
    Stuffing stuffing: 30 in 10, false, "Sceau", false;
    /// Wrong codes: behind a person's right password, or that one session typed for a device.
    Codes codes: 10 in 60, true, "Sceau", false;
    /// Journeys of one token, or of a person's browsers, that nothing makes so fast.
    Travel travel: 1 in 1440, false, "Sceau", false;
}

impl Signal {
    /// Every signal.
    pub fn all() -> impl Iterator<Item = Self> {
        DEFINITIONS.iter().map(|d| d.signal)
    }
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        self.definition().name
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Signal {
    type Err = ();
    fn from_str(s: &str) -> Result<Self, ()> {
        Self::all().find(|x| x.as_str() == s).ok_or(())
    }
}

/// What a person decides on a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Nothing was wrong: nobody is slowed any more.
    Nothing,
    /// The person is told to take care.
    Warn,
    /// The token is revoked; of a person, everything that is open in that name ends.
    Block,
    /// The BAL is suspended; the token is revoked too.
    Suspend,
}

impl Decision {
    /// Every decision.
    pub const ALL: [Self; 4] = [Self::Nothing, Self::Warn, Self::Block, Self::Suspend];
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Warn => "warn",
            Self::Block => "block",
            Self::Suspend => "suspend",
        }
    }
    /// May it be made on a case of this kind (`token`, `person`, `connector`, `peer`)? What is no token of ours is not blocked here: a connector is
    /// suspended where connectors are, and whom the white list lists is not ours to shut out. A person has no BAL that a case would be about.
    pub fn fits(self, kind: &str) -> bool {
        match self {
            Self::Nothing | Self::Warn => true,
            Self::Block => matches!(kind, "token" | "person"),
            Self::Suspend => kind == "token",
        }
    }
}

impl FromStr for Decision {
    type Err = ();
    fn from_str(s: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|x| x.as_str() == s).ok_or(())
    }
}

/// A network: an address and how many of its bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    at: IpAddr,
    bits: u8,
}

/// This is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no network: {0}")]
pub struct NoNetwork(String);

/// The first bits of an address, the others 0.
fn masked(ip: IpAddr, bits: u8) -> IpAddr {
    match ip {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

impl Network {
    /// The network of so many bits that an address is in.
    pub fn around(ip: IpAddr, v4: u8, v6: u8) -> Self {
        let ip = ip.to_canonical();
        let bits = if ip.is_ipv4() { v4.min(32) } else { v6.min(128) };
        Self { at: masked(ip, bits), bits }
    }
    /// Is the address in it?
    pub fn holds(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        ip.is_ipv4() == self.at.is_ipv4() && masked(ip, self.bits) == self.at
    }
    /// How many bits count.
    pub fn bits(&self) -> u8 {
        self.bits
    }
    /// Its first address.
    pub fn first(&self) -> IpAddr {
        self.at
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.at, self.bits)
    }
}

impl FromStr for Network {
    type Err = NoNetwork;
    /// `192.0.2.0/24`, `2001:db8::/32`; an address alone is itself. Bits beyond the length must be 0.
    fn from_str(s: &str) -> Result<Self, NoNetwork> {
        let wrong = || NoNetwork(s.chars().take(60).collect());
        let (ip, bits) = s.split_once('/').map_or((s, None), |(ip, bits)| (ip, Some(bits)));
        let at: IpAddr = ip.parse().map_err(|_| wrong())?;
        let most = if at.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse::<u8>).map_err(|_| wrong())?;
        if bits > most || masked(at, bits) != at {
            return Err(wrong());
        }
        Ok(Self { at, bits })
    }
}

impl TryFrom<String> for Network {
    type Error = NoNetwork;
    fn try_from(s: String) -> Result<Self, NoNetwork> {
        s.parse()
    }
}

impl From<Network> for String {
    fn from(n: Network) -> Self {
        n.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_go_by_name_and_have_a_threshold_and_a_source() {
        let thresholds = Thresholds::default();
        for (at, signal) in Signal::all().enumerate() {
            assert_eq!(signal as usize, at);
            assert_eq!(signal.as_str().parse(), Ok(signal));
            assert_eq!(thresholds.of(signal), signal.definition().built_in);
            assert!(signal.definition().window > 0 && !signal.definition().source.is_empty());
            assert_eq!(Thresholds::NONE.of(signal), 0);
        }
    }

    #[test]
    fn networks_hold_their_addresses_and_no_others() {
        let net = |s: &str| s.parse::<Network>();
        for bad in ["", "a", "192.0.2.0/33", "192.0.2.1/24", "::1/64", "192.0.2.0/", "192.0.2.0/-1", "2001:db8::/129"] {
            assert!(net(bad).is_err(), "{bad}");
        }
        for (network, within, beyond) in [
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("0.0.0.0/0", "255.255.255.255", "::"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("::/0", "ffff::", "192.0.2.1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
        ] {
            let n = net(network).unwrap();
            assert!(n.holds(within.parse().unwrap()) && !n.holds(beyond.parse().unwrap()), "{network}");
            assert_eq!(n.to_string().parse(), Ok(n));
        }
        // An address written as IPv6 is the IPv4 address that it is.
        assert!(net("192.0.2.0/24").unwrap().holds("::ffff:192.0.2.9".parse().unwrap()));
        assert_eq!(Network::around("::ffff:198.51.100.7".parse().unwrap(), 16, 32).to_string(), "198.51.0.0/16");
        assert_eq!(Network::around("2001:db8:1::7".parse().unwrap(), 16, 32).to_string(), "2001:db8::/32");
    }

    #[test]
    fn only_what_is_ours_is_blocked() {
        for decision in Decision::ALL {
            assert_eq!(decision.as_str().parse(), Ok(decision));
            assert!(decision.fits("token"));
        }
        assert!(Decision::Block.fits("person") && !Decision::Suspend.fits("person"));
        assert!(!Decision::Block.fits("peer") && !Decision::Suspend.fits("connector") && Decision::Warn.fits("peer"));
    }
}
