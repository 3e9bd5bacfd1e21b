//! Unusual use of a shared BAL (F159): a member's day beside the BAL's own past. Simple on purpose, so that whoever is told can see why.
//!
//! A day is unusual when somebody did, that day, at least `least` of something and more than `factor` times as much as anybody did there on any one
//! day of the [`PAST_DAYS`] before: messages read, sent, removed; or at least `off_hours` acts outside the working calendar, and more than `factor`
//! times the most of before; or when somebody who works there by some doors comes by another one. Numbers are judged only once the BAL was used on
//! [`LEARNING`] days, so that a new one does not cry at its first day.
//!
//! Pure; counts only, never content. Promises: no alert without a past to compare with; more of the same never takes an alert away.
use crate::{Refusal, RefusalCode};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// Days that a day is compared with.
pub const PAST_DAYS: i64 = 28;
/// Days with use before numbers are judged.
pub const LEARNING: u64 = 5;

/// What somebody did with a BAL on a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Day {
    /// Sessions opened.
    pub logins: u64,
    /// Messages of which content was read.
    pub messages: u64,
    /// Messages sent.
    pub sent: u64,
    /// Acts of removal.
    pub removed: u64,
    /// Acts outside the working calendar.
    pub off_hours: u64,
    /// Bits of the doors by which sessions were opened.
    pub doors: u64,
}

/// What the days before were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Past {
    /// The most of each that anybody did there on one day; `doors`: all that were used by the person.
    pub most: Day,
    /// Days on which the BAL was used.
    pub days: u64,
}

/// From when on something is unusual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// How many times the most of before; 0: nothing is ever unusual.
    pub factor: u64,
    /// At least so many messages, or removals.
    pub least: u64,
    /// At least so many acts outside the working calendar.
    pub off_hours: u64,
}

/// What is unusual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Many messages read.
    Read,
    /// Many messages sent.
    Sent,
    /// Much removed.
    Removed,
    /// Many acts outside the working calendar.
    OffHours,
    /// By a door that the person did not use there before.
    Door,
}
impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Read, Self::Sent, Self::Removed, Self::OffHours, Self::Door];
    /// Stable name; its sentence is `usage.<name>` in the locale files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Sent => "sent",
            Self::Removed => "removed",
            Self::OffHours => "off_hours",
            Self::Door => "door",
        }
    }
}
impl FromStr for Kind {
    type Err = Refusal;
    fn from_str(s: &str) -> Result<Self, Refusal> {
        Self::ALL
            .into_iter()
            .find(|k| k.as_str() == s)
            .ok_or_else(|| Refusal::new(RefusalCode::Invalid).with("name", "kind"))
    }
}

/// Something unusual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unusual {
    /// What.
    pub kind: Kind,
    /// How much there was; for a door the bits of the new ones.
    pub seen: u64,
    /// The most of before; for a door the bits of those.
    pub usual: u64,
}

/// The doors of bits, and back: what sessions are opened by.
pub const DOORS: [&str; 6] = ["imap", "submission", "api", "web", "jmap", "admin"];

/// The bit of a door; 0 for one that this version does not know.
pub fn door(name: &str) -> u64 {
    DOORS.iter().position(|d| *d == name).map_or(0, |i| 1 << i)
}

/// The names of doors.
pub fn doors(bits: u64) -> Vec<&'static str> {
    DOORS.into_iter().filter(|d| bits & door(d) != 0).collect()
}

/// What of this day is unusual.
pub fn judge(day: &Day, past: &Past, t: Thresholds) -> Vec<Unusual> {
    if t.factor == 0 {
        return Vec::new();
    }
    let mut out = Vec::new();
    for (kind, seen, usual, least) in [
        (Kind::Read, day.messages, past.most.messages, t.least),
        (Kind::Sent, day.sent, past.most.sent, t.least),
        (Kind::Removed, day.removed, past.most.removed, t.least),
        (Kind::OffHours, day.off_hours, past.most.off_hours, t.off_hours),
    ] {
        if past.days >= LEARNING && seen >= least.max(1) && seen > usual.saturating_mul(t.factor) {
            out.push(Unusual { kind, seen, usual });
        }
    }
    let new = day.doors & !past.most.doors;
    if past.most.doors != 0 && new != 0 {
        out.push(Unusual { kind: Kind::Door, seen: new, usual: past.most.doors });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const T: Thresholds = Thresholds { factor: 3, least: 50, off_hours: 20 };

    fn kinds(day: Day, past: Past) -> Vec<Kind> {
        judge(&day, &past, T).into_iter().map(|u| u.kind).collect()
    }

    #[test]
    fn a_day_is_compared_with_the_most_of_before() {
        let past = Past { most: Day { messages: 30, sent: 5, doors: 1, ..Day::default() }, days: 10 };
        let read = |messages| Day { messages, doors: 1, ..Day::default() };
        assert_eq!(kinds(read(90), past), [], "three times as much is not more than three times");
        assert_eq!(kinds(read(91), past), [Kind::Read]);
        assert_eq!(kinds(Day { sent: 49, ..read(0) }, past), [], "few are never many");
        assert_eq!(
            kinds(Day { sent: 50, removed: 60, off_hours: 20, ..read(0) }, past),
            [Kind::Sent, Kind::Removed, Kind::OffHours]
        );
        assert_eq!(kinds(read(1000), Past { days: LEARNING - 1, ..past }), [], "not without a past");
        assert_eq!(judge(&Day { doors: 3, ..read(0) }, &past, T), [Unusual { kind: Kind::Door, seen: 2, usual: 1 }]);
        assert_eq!(
            kinds(Day { doors: 3, ..read(0) }, Past { most: Day::default(), days: 20 }),
            [],
            "a first day has no other door"
        );
        let off = Thresholds { factor: 0, ..T };
        assert_eq!(judge(&Day { doors: 3, ..read(100_000) }, &past, off), []);
        assert_eq!((doors(door("web") | door("imap")), door("?")), (vec!["imap", "web"], 0));
        assert!(Kind::ALL.into_iter().all(|k| k.as_str().parse::<Kind>().ok() == Some(k)));
    }

    proptest! {
        #[test]
        fn more_of_the_same_never_takes_an_alert_away(n in prop::array::uniform5(0_u64..500), more in prop::array::uniform5(0_u64..500),
                p in prop::array::uniform5(0_u64..100), days in 0_u64..12) {
            let day = |n: [u64; 5]| Day { logins: 0, messages: n[0], sent: n[1], removed: n[2], off_hours: n[3], doors: n[4] % 64 };
            let past = Past { most: day(p), days };
            let a = day(n);
            let sum = |i: usize| n[i] + more[i];
            let b = Day { doors: a.doors | day(more).doors, ..day([sum(0), sum(1), sum(2), sum(3), 0]) };
            let (a, b) = (kinds(a, past), kinds(b, past));
            prop_assert!(a.iter().all(|k| b.contains(k)), "{:?} {:?}", a, b);
        }
    }
}
