//! What the ledger of partners counts and compares (F211): classes of delay, and what makes a partner's transport weaker than it was.
//!
//! Promises: pure; percentiles are upper bounds of classes, never less than what was measured; a comparison says before and after.

/// How many classes of delay there are.
pub const CLASSES: usize = 16;
/// Upper bounds of the classes but the last, milliseconds: a second to a day.
pub const BOUNDS: [i64; CLASSES - 1] = [
    1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000, 14_400_000,
    43_200_000, 86_400_000,
];
/// How long a handshake must have worked, milliseconds, for a failure that says nothing of the certificate to be a weakening and not a partner in the
/// making.
pub const ESTABLISHED: i64 = 30 * 86_400_000;

/// The class of a delay in milliseconds; one below zero (clocks differ) is in the first.
pub fn class(delay: i64) -> usize {
    BOUNDS.iter().position(|bound| delay <= *bound).unwrap_or(CLASSES - 1)
}

/// The delay within which `percent` of what was counted stayed: the upper bound of its class, milliseconds. `None` when nothing was counted;
/// `i64::MAX` beyond the last bound.
pub fn percentile(counts: &[i64; CLASSES], percent: i64) -> Option<i64> {
    let total: i64 = counts.iter().map(|c| (*c).max(0)).sum();
    if total == 0 {
        return None;
    }
    // The place of the one asked for, from one on.
    let place = (total.saturating_mul(percent) + 99) / 100;
    let mut seen = 0;
    for (i, count) in counts.iter().enumerate() {
        seen += (*count).max(0);
        if seen >= place.max(1) {
            return Some(BOUNDS.get(i).copied().unwrap_or(i64::MAX));
        }
    }
    Some(i64::MAX)
}

/// What was known of a partner's certificate and transport.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// TLS version and suite, e.g. `TLSv1.3 TLS_AES_256_GCM_SHA384`; empty: never seen.
    pub tls: String,
    /// Issuer of the certificate; empty: never seen.
    pub issuer: String,
}

/// How a partner became weaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakening {
    /// An older version of TLS than before.
    Tls,
    /// Another issuer for the same name.
    Issuer,
    /// STARTTLS is not offered any more.
    NoStartTls,
    /// The server shows a certificate that is not the domain's or that we cannot trust, where it showed a good one; or the handshake fails where it
    /// worked for [`ESTABLISHED`].
    Handshake,
}

impl Weakening {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Tls, Self::Issuer, Self::NoStartTls, Self::Handshake];
    /// Code of its alarm.
    pub fn alarm(self) -> &'static str {
        match self {
            Self::Tls => "peer.weaker_tls",
            Self::Issuer => "peer.other_issuer",
            Self::NoStartTls => "peer.starttls_gone",
            Self::Handshake => "peer.handshake_fails",
        }
    }
}

/// The version at the beginning of a summary, as a number that grows; 0: unknown.
fn version(tls: &str) -> u8 {
    match tls.split(' ').next() {
        Some("TLSv1.2") => 2,
        Some("TLSv1.3") => 3,
        _ => 0,
    }
}

/// Is this version of TLS older than that one?
pub fn is_weaker(now: &str, before: &str) -> bool {
    version(now) != 0 && version(now) < version(before)
}

/// What a good handshake shows to be weaker than before.
pub fn weaker(before: &Known, now: &Known, same_issuer: bool) -> Vec<Weakening> {
    let mut out = Vec::new();
    if is_weaker(&now.tls, &before.tls) {
        out.push(Weakening::Tls);
    }
    if !before.issuer.is_empty() && !now.issuer.is_empty() && !same_issuer {
        out.push(Weakening::Issuer);
    }
    out
}

/// What a failure of this cause says of a partner with whom a handshake first went well at `first_ok` (milliseconds since 1970).
pub fn broken(cause: &str, first_ok: Option<i64>, now: i64) -> Option<Weakening> {
    let first_ok = first_ok?;
    match cause {
        "transfer.no_starttls" => Some(Weakening::NoStartTls),
        "transfer.tls" if now.saturating_sub(first_ok) >= ESTABLISHED => Some(Weakening::Handshake),
        // Our own trouble with the revocation of its certificate is not the partner's, nor a list that we lack.
        "peer.revocation" | "peer.white_list_absent" | "peer.no_tls" => None,
        // Somebody else may answer in its place: told at once.
        other if other == "transfer.server_not_listed" || other.starts_with("peer.") => Some(Weakening::Handshake),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn percentiles_are_bounds_of_classes() {
        let mut counts = [0; CLASSES];
        assert_eq!(percentile(&counts, 50), None);
        counts[class(400)] += 90;
        counts[class(50_000)] += 9;
        counts[class(i64::MAX)] += 1;
        assert_eq!(percentile(&counts, 50), Some(1_000));
        assert_eq!(percentile(&counts, 95), Some(60_000));
        assert_eq!(percentile(&counts, 100), Some(i64::MAX));
        assert_eq!(class(-5), 0);
    }

    #[test]
    fn what_is_weaker_than_before() {
        let known = |tls: &str, issuer: &str| Known { tls: tls.into(), issuer: issuer.into() };
        let before = known("TLSv1.3 TLS_AES_256_GCM_SHA384", "CN=AC");
        assert!(weaker(&before, &before, true).is_empty());
        let now = known("TLSv1.2 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "CN=AUTRE");
        assert_eq!(weaker(&before, &now, false), [Weakening::Tls, Weakening::Issuer]);
        assert!(weaker(&now, &before, true).is_empty(), "stronger is no weakening");
        assert!(weaker(&Known::default(), &now, false).is_empty(), "the first contact is no change");
        let (start, month) = (1_000, 1_000 + ESTABLISHED);
        assert_eq!(broken("transfer.no_starttls", Some(start), start + 1), Some(Weakening::NoStartTls));
        assert_eq!(broken("transfer.no_starttls", None, month), None, "it never was offered");
        assert_eq!(broken("transfer.tls", Some(start), month - 1), None);
        assert_eq!(broken("transfer.tls", Some(start), month), Some(Weakening::Handshake));
        for certificate in ["peer.expired", "peer.unknown_issuer", "transfer.server_not_listed"] {
            assert_eq!(broken(certificate, Some(start), start + 1), Some(Weakening::Handshake), "{certificate}");
            assert_eq!(broken(certificate, None, month), None, "{certificate}: there never was a good one");
        }
        assert_eq!(broken("transfer.connect", Some(start), month), None, "away is not weak");
        assert_eq!(broken("peer.revocation", Some(start), month), None);
    }

    proptest! {
        /// The law of percentiles: at least so many of those counted were not slower.
        #[test]
        fn a_percentile_covers_what_it_says(delays in prop::collection::vec(0_i64..100_000_000, 1..60), percent in 1_i64..=100) {
            let mut counts = [0; CLASSES];
            delays.iter().for_each(|d| counts[class(*d)] += 1);
            let bound = percentile(&counts, percent).unwrap();
            let within = delays.iter().filter(|d| **d <= bound).count();
            prop_assert!(within * 100 >= delays.len() * usize::try_from(percent).unwrap());
        }
    }
}
