//! When somebody is told of new mail by ordinary mail (F062), when an address counts as wrong (F032), and who may be answered by the test responder
//! (F217). Pure.
//!
//! Promises: never more than one notice an hour for a BAL and person; never within the quiet hours, by the clock of the operator's calendar; a status
//! that says something of the message, or of the moment, never makes an address wrong.
use crate::calendar::Calendar;
use crate::{RefusalCode, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An hour, milliseconds.
const HOUR: i64 = 3_600_000;

/// How somebody wants to hear of new mail of a BAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Not at all.
    #[default]
    Off,
    /// At once, then not before an hour.
    AtOnce,
    /// At the next full hour.
    Hourly,
    /// Once a day.
    Daily,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 4] = [Self::Off, Self::AtOnce, Self::Hourly, Self::Daily];
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::AtOnce => "at_once",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
        }
    }
}
impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl FromStr for Mode {
    type Err = ();
    fn from_str(s: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|m| m.as_str() == s).ok_or(())
    }
}

/// What somebody wants to hear of a BAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// How.
    pub mode: Mode,
    /// Hour of a daily notice, 0 to 23.
    pub hour: u8,
    /// Quiet from and until, minutes of the day; over midnight when the second is the smaller.
    pub quiet: Option<(u16, u16)>,
}

impl Wish {
    /// When mail that comes now is told; `told`: when something was told last. None: never.
    pub fn due(&self, now: Timestamp, told: Option<Timestamp>, calendar: &Calendar) -> Option<Timestamp> {
        let due = match self.mode {
            Mode::Off => return None,
            Mode::AtOnce => told.map_or(now, |t| now.max(t.plus_ms(HOUR))),
            Mode::Hourly => Timestamp((now.0.div_euclid(HOUR) + 1) * HOUR),
            Mode::Daily => {
                let (today, minute) = (calendar.date_at(now), u16::from(self.hour.min(23)) * 60);
                let at = calendar.at_minute(today, minute)?;
                if at > now { at } else { calendar.at_minute(today.tomorrow().ok()?, minute)? }
            }
        };
        Some(self.audible(due, calendar))
    }

    /// The end of the quiet hours when the instant lies in them.
    fn audible(&self, at: Timestamp, calendar: &Calendar) -> Timestamp {
        let Some((from, until)) = self.quiet.filter(|(from, until)| from != until) else { return at };
        let (minute, day) = (calendar.minute_at(at), calendar.date_at(at));
        let quiet = if from < until { (from..until).contains(&minute) } else { minute >= from || minute < until };
        if !quiet {
            return at;
        }
        let day = if minute < until { Some(day) } else { day.tomorrow().ok() };
        day.and_then(|day| calendar.at_minute(day, until)).unwrap_or(at).max(at)
    }
}

/// Does this final answer, an enhanced status (`5.1.1`) or a reply code with one (`550 5.1.1`), say that the address is wrong? A full mailbox, a message
/// that is not wanted, a policy, or a relay that gave up say nothing of the address.
pub fn is_wrong_address(status: &str) -> bool {
    let enhanced = status.split_whitespace().find(|w| w.matches('.').count() == 2);
    let Some(mut parts) = enhanced.map(|s| s.split('.')) else {
        // Codes without a status: no such mailbox, no such name (RFC 5321 §4.2.3).
        return matches!(status.trim(), "550" | "551" | "553" | "556");
    };
    let (class, subject, detail) = (parts.next(), parts.next(), parts.next());
    if class != Some("5") {
        return false;
    }
    // RFC 3463: an address (§3.2), but not a sender's; a mailbox that is disabled; a name without a route.
    match (subject, detail) {
        (Some("1"), Some(detail)) => !matches!(detail, "7" | "8" | "9"),
        (Some("2"), Some("1")) | (Some("4"), Some("4")) => true,
        _ => false,
    }
}

/// The share of the quota, percent, of which those who use a BAL are told: 95, 80 or none (0).
pub fn fill(used: i64, quota: i64) -> i64 {
    let (used, quota) = (i128::from(used.max(0)) * 100, i128::from(quota.max(0)));
    if quota == 0 {
        0
    } else if used >= quota * 95 {
        95
    } else if used >= quota * 80 {
        80
    } else {
        0
    }
}

/// The local part of the test responder of each domain of ours.
pub const RESPONDER: &str = "reponse.automatique-test";
/// Answers that a sender gets within an hour.
pub const TESTS_AN_HOUR: i64 = 20;

/// Whom the test responder answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answers {
    /// Nobody: the address does not exist.
    Nobody,
    /// Test BALs, ours and those of other operators' test domains.
    #[default]
    Tests,
    /// Every sender that may write to us.
    Everybody,
}

impl Answers {
    /// May somebody who is or is no test BAL write to the responder? `rcpt.unknown`, `exchange.test`.
    pub fn allow(self, is_test: bool) -> Result<(), RefusalCode> {
        match self {
            Self::Nobody => Err(RefusalCode::RcptUnknown),
            Self::Tests if !is_test => Err(RefusalCode::ExchangeTest),
            Self::Tests | Self::Everybody => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{Hours, Territory};
    use proptest::prelude::*;

    fn calendar() -> Calendar {
        Calendar::new(Territory::Metropole, Hours::default(), [])
    }
    /// 2026-03-02, a Monday, at this minute in Paris (winter: UTC+1).
    fn at(hour: i64, minute: i64) -> Timestamp {
        Timestamp(1_772_406_000_000 + hour * HOUR + minute * 60_000)
    }
    fn wish(mode: Mode, quiet: Option<(u16, u16)>) -> Wish {
        Wish { mode, hour: 8, quiet }
    }

    #[test]
    fn notices_wait_for_their_time() {
        let (c, night) = (calendar(), Some((20 * 60, 7 * 60)));
        assert_eq!(c.minute_at(at(9, 5)), 9 * 60 + 5);
        for (mode, quiet, now, told, due) in [
            (Mode::Off, None, at(9, 0), None, None),
            (Mode::AtOnce, None, at(9, 0), None, Some(at(9, 0))),
            (Mode::AtOnce, None, at(9, 30), Some(at(9, 0)), Some(at(10, 0))),
            (Mode::AtOnce, night, at(23, 0), None, Some(at(31, 0))),
            (Mode::AtOnce, night, at(3, 0), None, Some(at(7, 0))),
            (Mode::AtOnce, night, at(19, 59), Some(at(19, 30)), Some(at(31, 0))),
            (Mode::AtOnce, Some((12 * 60, 14 * 60)), at(12, 0), None, Some(at(14, 0))),
            (Mode::AtOnce, Some((600, 600)), at(10, 0), None, Some(at(10, 0))),
            (Mode::Hourly, None, at(9, 1), None, Some(at(10, 0))),
            (Mode::Hourly, night, at(19, 30), None, Some(at(31, 0))),
            (Mode::Daily, None, at(7, 0), None, Some(at(8, 0))),
            (Mode::Daily, None, at(8, 0), None, Some(at(32, 0))),
            (Mode::Daily, Some((7 * 60, 9 * 60)), at(7, 0), None, Some(at(9, 0))),
        ] {
            assert_eq!(wish(mode, quiet).due(now, told, &c), due, "{mode} {quiet:?}");
        }
    }

    proptest! {
        /// Nothing is told too early, within the quiet hours, twice an hour, or later than two days.
        #[test]
        fn nobody_is_disturbed(
            mode in 1_usize..4, hour in 0_u8..24, from in 0_u16..1440, until in 0_u16..1440, now in 1_600_000_000_000_i64..1_900_000_000_000,
            told in proptest::option::of(0_i64..HOUR)
        ) {
            let (c, wish) = (calendar(), Wish { mode: Mode::ALL[mode], hour, quiet: Some((from, until)) });
            let told = told.map(|ago| Timestamp(now - ago));
            let due = wish.due(Timestamp(now), told, &c).unwrap();
            prop_assert!(due.0 >= now && due.0 <= now + 50 * HOUR);
            if wish.mode == Mode::AtOnce {
                prop_assert!(told.is_none_or(|t| due.0 >= t.0 + HOUR));
            }
            // An hour that a change of the clock leaves out or repeats cannot be kept quiet to the minute.
            let usual = c.bounds(c.date_at(due)).is_some_and(|(a, b)| b.0 - a.0 == 24 * HOUR);
            let minute = c.minute_at(due);
            let quiet = if from < until { (from..until).contains(&minute) } else { from != until && (minute >= from || minute < until) };
            prop_assert!(!usual || !quiet, "{minute}");
        }
    }

    #[test]
    fn an_address_is_wrong_by_what_is_said_of_it() {
        for wrong in ["550 5.1.1", "5.1.10", "5.1.2", "5.2.1", "5.4.4", "550", "553"] {
            assert!(is_wrong_address(wrong), "{wrong}");
        }
        for other in [
            "4.1.1",
            "552 5.2.2",
            "5.7.1",
            "550 5.7.1",
            "5.1.8",
            "5.3.4",
            "5.0.0",
            "554",
            "450",
            "",
            "late",
            "5.1",
            "trust_space",
        ] {
            assert!(!is_wrong_address(other), "{other}");
        }
    }

    #[test]
    fn a_full_bal_is_told_by_steps() {
        for (used, quota, told) in [
            (0, 100, 0),
            (79, 100, 0),
            (80, 100, 80),
            (95, 100, 95),
            (200, 100, 95),
            (1, 0, 0),
            (i64::MAX, i64::MAX, 95),
        ] {
            assert_eq!(fill(used, quota), told, "{used} of {quota}");
        }
    }
}
