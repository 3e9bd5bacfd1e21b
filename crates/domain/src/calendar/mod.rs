//! Working time of an operator (F165): working days by territory, public holidays, hours, the zone's clock. Every delay that is counted in working
//! days is counted here.
//!
//! Promises: pure; a day is judged the same whoever asks; what the operator says of a day prevails over everything else; counting forward and
//! counting between agree with each other.
mod holidays;
mod territory;

pub use holidays::{Holiday, easter, holidays};
pub use jiff::civil::Date;
pub use territory::Territory;

use crate::Timestamp;
use jiff::ToSpan;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// Furthest that days are counted, in days of the calendar: about a century.
const FURTHEST: i32 = 40_000;

/// A day on which the operator decided otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnDay {
    /// Is it worked?
    pub working: bool,
    /// Why.
    pub label: String,
}

/// When the operator works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    /// Days of the week that are worked, 1 (Monday) to 7, at least one.
    weekdays: Vec<i8>,
    /// From when, minutes after midnight.
    opens: u16,
    /// Until when, minutes after midnight, later than `opens`.
    closes: u16,
}

impl Default for Hours {
    /// Monday to Friday, 8:30 to 18:00 (support hours of ProMess).
    fn default() -> Self {
        Self { weekdays: vec![1, 2, 3, 4, 5], opens: 510, closes: 1080 }
    }
}

impl Hours {
    /// `None` when no day is worked, a day is none, or the hours end before they begin.
    pub fn new(mut weekdays: Vec<i8>, opens: u16, closes: u16) -> Option<Self> {
        weekdays.sort_unstable();
        weekdays.dedup();
        let days = !weekdays.is_empty() && weekdays.iter().all(|d| (1..=7).contains(d));
        (days && opens < closes && closes <= 1440).then_some(Self { weekdays, opens, closes })
    }
    /// Days of the week, ascending.
    pub fn weekdays(&self) -> &[i8] {
        &self.weekdays
    }
    /// `08:30`.
    pub fn opens(&self) -> String {
        shown(self.opens)
    }
    /// `18:00`; `24:00` at midnight.
    pub fn closes(&self) -> String {
        shown(self.closes)
    }
}

fn shown(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// Minutes after midnight of `HH:MM`, `24:00` included.
pub fn minutes(text: &str) -> Option<u16> {
    let (h, m) = text.split_once(':')?;
    let digits = |s: &str| s.len() == 2 && s.bytes().all(|b| b.is_ascii_digit());
    let (h, m): (u16, u16) = if digits(h) && digits(m) { (h.parse().ok()?, m.parse().ok()?) } else { return None };
    let all = h * 60 + m;
    (m < 60 && all <= 1440).then_some(all)
}

/// What a day is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Day<'a> {
    /// Worked as every week.
    Worked,
    /// Not a day of the working week.
    Rest,
    /// A public holiday.
    Holiday(Holiday),
    /// As the operator said.
    Own(&'a OwnDay),
}

impl Day<'_> {
    /// Is it worked?
    pub fn is_working(self) -> bool {
        match self {
            Self::Worked => true,
            Self::Rest | Self::Holiday(_) => false,
            Self::Own(day) => day.working,
        }
    }
}

/// The calendar of a territory.
#[derive(Debug, Clone)]
pub struct Calendar {
    /// Where.
    pub territory: Territory,
    /// When.
    pub hours: Hours,
    own: BTreeMap<Date, OwnDay>,
}

impl Calendar {
    /// The calendar of a territory, with the operator's own days there.
    pub fn new(territory: Territory, hours: Hours, own: impl IntoIterator<Item = (Date, OwnDay)>) -> Self {
        Self { territory, hours, own: own.into_iter().collect() }
    }

    /// What a day is.
    pub fn day(&self, date: Date) -> Day<'_> {
        if let Some(own) = self.own.get(&date) {
            return Day::Own(own);
        }
        if let Some(holiday) = holidays(self.territory, date.year()).into_iter().find(|h| h.date == date) {
            return Day::Holiday(holiday);
        }
        let week = date.weekday().to_monday_one_offset();
        if self.hours.weekdays.contains(&week) { Day::Worked } else { Day::Rest }
    }

    /// Is a day worked?
    pub fn is_working(&self, date: Date) -> bool {
        self.day(date).is_working()
    }

    /// The `count`-th working day after `from` (which is not counted, worked or not); `from` itself for 0. `None` beyond a century.
    pub fn add_working_days(&self, from: Date, count: u32) -> Option<Date> {
        let (mut date, mut left) = (from, count);
        for _ in 0..FURTHEST {
            if left == 0 {
                return Some(date);
            }
            date = date.tomorrow().ok()?;
            left -= u32::from(self.is_working(date));
        }
        (left == 0).then_some(date)
    }

    /// Working days after `from`, up to `to` included; 0 when `to` is not later. `None` beyond a century.
    pub fn working_days_between(&self, from: Date, to: Date) -> Option<u32> {
        let (mut date, mut count) = (from, 0);
        for _ in 0..=FURTHEST {
            if date >= to {
                return Some(count);
            }
            date = date.tomorrow().ok()?;
            count += u32::from(self.is_working(date));
        }
        None
    }

    /// The day that it is here at an instant.
    pub fn date_at(&self, at: Timestamp) -> Date {
        let clamped = at.0.clamp(-100_000_000_000_000, 200_000_000_000_000);
        jiff::Timestamp::from_millisecond(clamped)
            .map_or(Date::constant(1970, 1, 1), |t| self.zone().to_datetime(t).date())
    }

    /// The instant at which an answer that may take `days` working days from `at` on is late: the end of work on the last of them. A delay that
    /// begins on a day begins to count on the next working day.
    pub fn deadline(&self, at: Timestamp, days: u32) -> Option<Timestamp> {
        let day = self.add_working_days(self.date_at(at), days)?;
        self.at_minute(day, self.hours.closes)
    }

    /// When a day begins here, and when the next one does: 23, 24 or 25 hours later. `None` at the ends of time.
    pub fn bounds(&self, date: Date) -> Option<(Timestamp, Timestamp)> {
        Some((self.at_minute(date, 0)?, self.at_minute(date, 1440)?))
    }

    /// Is an instant within working hours?
    pub fn is_open(&self, at: Timestamp) -> bool {
        let day = self.date_at(at);
        let within = |from, to| Some(self.at_minute(day, from)? <= at && at < self.at_minute(day, to)?);
        self.is_working(day) && within(self.hours.opens, self.hours.closes).unwrap_or(false)
    }

    /// An instant by the clock here, to the minute, as notices write it: `2026-12-01 09:05`.
    pub fn written(&self, at: Timestamp) -> String {
        let minute = self.minute_at(at);
        format!("{} {:02}:{:02}", self.date_at(at), minute / 60, minute % 60)
    }

    /// The minute of the day that it is here at an instant, 0 to 1439.
    pub fn minute_at(&self, at: Timestamp) -> u16 {
        let clamped = at.0.clamp(-100_000_000_000_000, 200_000_000_000_000);
        jiff::Timestamp::from_millisecond(clamped).map_or(0, |t| {
            let time = self.zone().to_datetime(t).time();
            // Hours and minutes of a clock are never negative.
            u16::try_from(i16::from(time.hour()) * 60 + i16::from(time.minute())).unwrap_or(0)
        })
    }

    /// A minute of a day here. `None` at the ends of time.
    pub fn at_minute(&self, day: Date, minutes: u16) -> Option<Timestamp> {
        let (day, minutes) = if minutes >= 1440 { (day.checked_add(1.day()).ok()?, 0) } else { (day, minutes) };
        // Both are below their limits: minutes is less than a day.
        let time = Time::new(i8::try_from(minutes / 60).ok()?, i8::try_from(minutes % 60).ok()?, 0, 0).ok()?;
        let zoned = self.zone().to_ambiguous_zoned(day.to_datetime(time)).compatible().ok()?;
        Some(Timestamp(zoned.timestamp().as_millisecond()))
    }

    fn zone(&self) -> TimeZone {
        self.territory.clock()
    }
}

#[cfg(test)]
mod tests;
