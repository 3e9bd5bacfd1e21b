//! How long what is kept: retention policies as values (F121, F122, F030, F033, F035, F038).
//!
//! A policy says a time for every [`Item`], and for each time where it comes from and whether that was compared with its source. Three presets carry
//! what operators have published; a value that no publication gives is marked as the product's own choice.
//!
//! Promises: no policy goes below what the field demands (functional traces ten years, technical ones a year) nor beyond it (a BAL without any
//! authentication for a year is closed); an address rests at least as long as functional traces are kept.
use crate::Timestamp;
use crate::calendar::Calendar;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Longest source, characters.
pub const MAX_SOURCE: usize = 300;
/// Most units in one time.
const MOST: u32 = 100_000;

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Hours.
    Hours,
    /// Days of the calendar.
    Days,
    /// Days that are worked (see [`crate::calendar`]).
    WorkingDays,
    /// Weeks.
    Weeks,
    /// Months of the calendar.
    Months,
    /// Years of the calendar.
    Years,
}

impl Unit {
    const NAMES: [(Self, &'static str); 6] = [
        (Self::Hours, "hours"),
        (Self::Days, "days"),
        (Self::WorkingDays, "working_days"),
        (Self::Weeks, "weeks"),
        (Self::Months, "months"),
        (Self::Years, "years"),
    ];
    /// Half hours, years and months of average length.
    fn half_hours(self) -> u64 {
        match self {
            Self::Hours => 2,
            Self::Days | Self::WorkingDays => 48,
            Self::Weeks => 336,
            Self::Months => 1_461,
            Self::Years => 17_532,
        }
    }
}

/// A time: `10 years`, `10 working_days`, `0 days`, or `never` (it does not end).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Span {
    /// So many of these.
    Of(u32, Unit),
    /// Without end.
    Never,
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never"),
            Self::Of(n, unit) => {
                let name = Unit::NAMES.iter().find(|(u, _)| u == unit).map_or("", |(_, name)| name);
                write!(f, "{n} {name}")
            }
        }
    }
}
impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}
impl TryFrom<String> for Span {
    type Error = &'static str;
    fn try_from(s: String) -> Result<Self, &'static str> {
        s.parse().map_err(|()| "a time is written as `10 years`, `10 working_days` or `never`")
    }
}
impl FromStr for Span {
    type Err = ();
    /// Reads `10 years`, `1 year`, `never`.
    fn from_str(s: &str) -> Result<Self, ()> {
        if s == "never" {
            return Ok(Self::Never);
        }
        let (count, name) = s.split_once(' ').ok_or(())?;
        if count.is_empty() || count.len() > 6 || !count.bytes().all(|b| b.is_ascii_digit()) {
            return Err(());
        }
        let count: u32 = count.parse().map_err(|_| ())?;
        let unit = Unit::NAMES.iter().find(|(_, n)| *n == name || n.strip_suffix('s') == Some(name)).ok_or(())?.0;
        if count > MOST { Err(()) } else { Ok(Self::Of(count, unit)) }
    }
}

impl Span {
    /// Half hours, for comparing; without end is longer than everything.
    fn length(self) -> u64 {
        match self {
            Self::Of(n, unit) => u64::from(n) * unit.half_hours(),
            Self::Never => u64::MAX,
        }
    }
    /// Is it at least as long as another?
    pub fn is_at_least(self, other: Self) -> bool {
        self.length() >= other.length()
    }
    /// The longer of both.
    #[must_use]
    pub fn longer(self, other: Self) -> Self {
        if other.is_at_least(self) { other } else { self }
    }
    /// The latest instant from which on it is over now: what began by then is due. `None`: nothing is. Not for working days.
    pub fn begun_by(self, now: Timestamp) -> Option<Timestamp> {
        let Self::Of(n, unit) = self else { return None };
        let hours = i64::try_from(unit.half_hours() * u64::from(n) / 2).ok()?;
        let by = match unit {
            Unit::Months | Unit::Years => {
                let (n, span) = (i64::from(n), jiff::Span::new());
                let span = if unit == Unit::Years { span.try_years(n) } else { span.try_months(n) };
                let now = jiff::Timestamp::from_millisecond(now.0).ok()?.to_zoned(TimeZone::UTC);
                now.checked_sub(span.ok()?).ok()?.timestamp().as_millisecond()
            }
            _ => now.0.checked_sub(hours.checked_mul(3_600_000)?)?,
        };
        Some(Timestamp(by))
    }
    /// When it is over, counted from an instant on. `None`: never, or beyond all reckoning.
    pub fn end(self, from: Timestamp, calendar: &Calendar) -> Option<Timestamp> {
        let Self::Of(n, unit) = self else { return None };
        if unit == Unit::WorkingDays {
            return calendar.deadline(from, n);
        }
        let (n, span) = (i64::from(n), jiff::Span::new());
        let span = match unit {
            Unit::Hours => span.try_hours(n),
            Unit::Days | Unit::WorkingDays => span.try_days(n),
            Unit::Weeks => span.try_weeks(n),
            Unit::Months => span.try_months(n),
            Unit::Years => span.try_years(n),
        };
        let start = jiff::Timestamp::from_millisecond(from.0).ok()?.to_zoned(TimeZone::UTC);
        Some(Timestamp(start.checked_add(span.ok()?).ok()?.timestamp().as_millisecond()))
    }
}

/// Declares every item once: variant, name, shortest and longest time, and whether this version carries it out.
macro_rules! items {
    ($($(#[$doc:meta])* $variant:ident $name:literal $least:expr, $most:expr, $applied:literal;)*) => {
        /// What a policy says a time for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Item { $($(#[$doc])* $variant),* }
        impl Item {
            /// Every item.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// Stable name. Its sentence is `retention.<name>` in the locale files.
            pub fn as_str(self) -> &'static str { match self { $(Self::$variant => $name),* } }
            /// The shortest time that a policy may give it.
            pub fn least(self) -> Span { match self { $(Self::$variant => $least),* } }
            /// The longest one.
            pub fn most(self) -> Span { match self { $(Self::$variant => $most),* } }
            /// Does this version act on it? What it does not act on is stated, and shown as such.
            pub fn is_applied(self) -> bool { match self { $(Self::$variant => $applied),* } }
        }
    };
}

const NONE: Span = Span::Of(0, Unit::Days);
const YEAR: Span = Span::Of(1, Unit::Years);

items! {
    /// Traces of acts (F121).
    FunctionalTraces "functional_traces" Span::Of(10, Unit::Years), Span::Never, true;
    /// Traces of acts that name a BAL, beyond that: from the BAL's closing on, and as long as it is open. `0 days`: they go with the others.
    BalTraces "bal_traces" NONE, Span::Never, true;
    /// Traces of automatic acts (F122).
    TechnicalTraces "technical_traces" YEAR, Span::Never, true;
    /// Between the decision to close a BAL and its end.
    Cooling "cooling" NONE, YEAR, true;
    /// For how long the address of a closed BAL is given to nobody else.
    Tombstone "tombstone" Span::Of(10, Unit::Years), Span::Never, true;
    /// For how long a request's idempotency key is remembered.
    RequestKeys "request_keys" Span::Of(1, Unit::Hours), Span::Of(30, Unit::Days), true;
    /// Messages of an open BAL, from their arrival on.
    Messages "messages" Span::Of(1, Unit::Months), Span::Never, true;
    /// Contacts, profession and local identifier of a person, after the last BAL is closed. Name, login and national identifier are what
    /// traces name people by: they stay, and no time ends them.
    Identity "identity" NONE, Span::Of(10, Unit::Years), true;
    /// Requests for BALs that were refused or given up, after that.
    Requests "requests" Span::Of(1, Unit::Days), Span::Of(10, Unit::Years), true;
    /// That a notice was sent to somebody's ordinary address, after that.
    Notices "notices" Span::Of(1, Unit::Days), Span::Of(10, Unit::Years), true;
    /// Without authentication: the request to confirm (F034, F036).
    InactivityNotice "inactivity_notice" Span::Of(1, Unit::Months), YEAR, false;
    /// Between two reminders after it (F036).
    InactivityReminder "inactivity_reminder" Span::Of(1, Unit::Days), Span::Never, false;
    /// Silence after it that stands for agreement (F034).
    InactivitySilence "inactivity_silence" Span::Of(1, Unit::WorkingDays), YEAR, false;
    /// Without authentication: the closure, at most a year (F033).
    InactivityClosure "inactivity_closure" Span::Of(1, Unit::Months), YEAR, false;
    /// To hand over the mail at the end of the service.
    Restitution "restitution" Span::Of(1, Unit::WorkingDays), YEAR, false;
    /// Backups of the keyring: how long a destroyed key may still be found in one.
    KeyBackups "key_backups" Span::Of(1, Unit::Days), YEAR, false;
}

impl FromStr for Item {
    type Err = ();
    fn from_str(s: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|i| i.as_str() == s).ok_or(())
    }
}

/// A time, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// How long.
    pub value: Span,
    /// Where that stands.
    pub source: String,
    /// Was it compared with its source?
    pub verified: bool,
}

/// Why a policy cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// Shorter than this, or in working days where that says nothing.
    Short(Item, Span),
    /// Longer than this.
    Long(Item, Span),
    /// An address may rest no shorter than functional traces are kept.
    Reused,
    /// The request to confirm must come before the closure.
    Unannounced,
}

/// A time for every item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy(BTreeMap<Item, Rule>);

/// Names of the presets; the first one is in force where nothing else was chosen.
pub const PRESETS: [&str; 3] = ["promess", "medimail", "oiis"];

/// The product's own choices: what no publication gives.
const OWN: &str = "Sceau";
const LOPS: &str = "CGU ProMess, VI et VII";
const MIPIH: &str = "CGU Medimail, durée de conservation et restitution";
const CNIL: &str = "CNIL, autorisation unique messageries sécurisées de santé";

impl Policy {
    /// A preset. `None`: there is none of this name.
    pub fn preset(name: &str) -> Option<Self> {
        use Unit::{Days, Hours, Months, Weeks, WorkingDays, Years};
        let own = |n, unit| (Span::Of(n, unit), OWN, false);
        let common = [
            (Item::Cooling, own(30, Days)),
            (Item::Tombstone, (Span::Never, OWN, false)),
            (Item::RequestKeys, own(24, Hours)),
            (Item::Requests, own(1, Years)),
            (Item::Notices, own(1, Years)),
            (Item::KeyBackups, own(30, Days)),
        ];
        let said = |n, unit, source| (Span::Of(n, unit), source, true);
        let particular = match name {
            "promess" => [
                (Item::FunctionalTraces, said(10, Years, LOPS)),
                (Item::BalTraces, said(10, Years, LOPS)),
                (Item::TechnicalTraces, said(1, Years, LOPS)),
                (Item::Messages, (Span::Never, LOPS, true)),
                (Item::Identity, said(1, Years, LOPS)),
                (Item::InactivityNotice, said(10, Months, LOPS)),
                (Item::InactivityReminder, (Span::Never, LOPS, true)),
                (Item::InactivitySilence, said(10, WorkingDays, LOPS)),
                (Item::InactivityClosure, said(12, Months, LOPS)),
                (Item::Restitution, own(4, WorkingDays)),
            ],
            "medimail" => [
                (Item::FunctionalTraces, said(10, Years, MIPIH)),
                (Item::BalTraces, said(0, Days, MIPIH)),
                (Item::TechnicalTraces, said(1, Years, MIPIH)),
                (Item::Messages, said(3, Months, MIPIH)),
                (Item::Identity, said(0, Days, MIPIH)),
                (Item::InactivityNotice, said(10, Months, MIPIH)),
                (Item::InactivityReminder, said(1, Weeks, MIPIH)),
                (Item::InactivitySilence, said(2, Months, MIPIH)),
                (Item::InactivityClosure, said(12, Months, MIPIH)),
                (Item::Restitution, said(4, WorkingDays, MIPIH)),
            ],
            // OIIS publishes no times: those of the CNIL's authorisation, and our own.
            "oiis" => [
                (Item::FunctionalTraces, own(10, Years)),
                (Item::BalTraces, own(0, Days)),
                (Item::TechnicalTraces, said(1, Years, CNIL)),
                (Item::Messages, (Span::Never, OWN, false)),
                (Item::Identity, own(1, Years)),
                (Item::InactivityNotice, own(10, Months)),
                (Item::InactivityReminder, (Span::Never, OWN, false)),
                (Item::InactivitySilence, own(10, WorkingDays)),
                (Item::InactivityClosure, said(12, Months, CNIL)),
                (Item::Restitution, own(4, WorkingDays)),
            ],
            _ => return None,
        };
        let rule = |(value, source, verified): (Span, &str, bool)| Rule { value, source: source.into(), verified };
        Some(Self(common.into_iter().chain(particular).map(|(item, said)| (item, rule(said))).collect()))
    }

    /// The policy in force where nothing else was chosen.
    pub fn standard() -> Self {
        // The first preset exists: a test reads every one.
        Self::preset(PRESETS[0]).unwrap_or(Self(BTreeMap::new()))
    }

    /// The rule of an item. A policy that was written before an item existed has the standard one.
    pub fn rule(&self, item: Item) -> Rule {
        let least = || Rule { value: item.least(), source: OWN.into(), verified: false };
        self.0.get(&item).or(Self::standard().0.get(&item)).cloned().unwrap_or_else(least)
    }

    /// How long an item is kept.
    pub fn span(&self, item: Item) -> Span {
        self.rule(item).value
    }

    /// How long what functional traces are proved with is kept (acceptances of the terms): as long as they are, also those that wait for their
    /// BAL's closing.
    pub fn proofs(&self) -> Span {
        self.span(Item::FunctionalTraces).longer(self.span(Item::BalTraces))
    }

    /// Changes an item. Check the policy afterwards.
    pub fn set(&mut self, item: Item, rule: Rule) {
        self.0.insert(item, rule);
    }

    /// Every rule, in the order of the items.
    pub fn rules(&self) -> impl Iterator<Item = (Item, Rule)> + '_ {
        Item::ALL.iter().map(|item| (*item, self.rule(*item)))
    }

    /// What this version acts on and this policy keeps shorter than another: item, then, now.
    pub fn shorter_than(&self, other: &Self) -> Vec<(Item, Span, Span)> {
        let all = Item::ALL.iter().filter(|i| i.is_applied());
        let both = all.map(|i| (*i, other.span(*i), self.span(*i)));
        both.filter(|(_, before, now)| !now.is_at_least(*before)).collect()
    }

    /// May it be?
    pub fn check(&self) -> Result<(), Unfit> {
        for (item, rule) in self.rules() {
            // What is looked for by its age is reckoned backwards, which working days do not allow.
            let forwards = matches!(item, Item::Cooling | Item::InactivitySilence | Item::Restitution);
            let reckoned = item == Item::Tombstone || (item.is_applied() && !forwards);
            let working = matches!(rule.value, Span::Of(_, Unit::WorkingDays));
            if !rule.value.is_at_least(item.least()) || (reckoned && working) {
                return Err(Unfit::Short(item, item.least()));
            }
            if !item.most().is_at_least(rule.value) {
                return Err(Unfit::Long(item, item.most()));
            }
        }
        if !self.span(Item::Tombstone).is_at_least(self.proofs()) {
            return Err(Unfit::Reused);
        }
        if self.span(Item::InactivityNotice).is_at_least(self.span(Item::InactivityClosure)) {
            return Err(Unfit::Unannounced);
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "retention_tests.rs"]
mod tests;
