//! Instants as people write and read them: in the operator's time zone (that of its calendar), which is named.
use super::Context;
use crate::admin::client::Failure;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// The beginning of a day where the operator is, milliseconds since 1970; says in the user's language that it is no day (exit 2).
pub fn day(c: &Context, text: &str) -> Result<i64, Failure> {
    let day: Option<Date> = text.parse().ok();
    day.and_then(|d| begin(c.zone(), d.into()))
        .ok_or_else(|| Failure { sentence: c.text("cli.bad_day", &[("value", text)]), exit: 2 })
}

/// An instant, milliseconds since 1970: `2026-03-03T10:00:00+01:00`; without an offset where the operator is; a day alone begins at midnight there.
pub fn instant(c: &Context, text: &str) -> Result<i64, Failure> {
    let exact = text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond);
    let civil = || text.parse::<DateTime>().ok().or_else(|| text.parse::<Date>().ok().map(DateTime::from));
    exact
        .or_else(|| begin(c.zone(), civil()?))
        .ok_or_else(|| Failure { sentence: c.text("cli.bad_instant", &[("value", text)]), exit: 2 })
}

/// The same where nothing may be given.
pub fn maybe(c: &Context, text: Option<&String>) -> Result<Option<i64>, Failure> {
    text.map(|t| instant(c, t)).transpose()
}

/// As people read it: `2026-11-22 11:41:00 CET`.
pub fn shown(c: &Context, ms: i64) -> String {
    written(c.zone(), ms)
}

/// As evidence and what works without a server say it: universal time.
pub fn universal(ms: i64) -> String {
    written(&TimeZone::UTC, ms)
}

fn written(zone: &TimeZone, ms: i64) -> String {
    Timestamp::from_millisecond(ms)
        .map_or_else(|_| ms.to_string(), |t| t.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string())
}

/// An instant that a clock change skips comes an hour later, one that comes twice is the first.
fn begin(zone: &TimeZone, civil: DateTime) -> Option<i64> {
    zone.to_ambiguous_zoned(civil).compatible().ok().map(|z| z.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_instants_are_where_the_operator_is() {
        let c = |zone: &str| {
            let c = Context::new(sceau_domain::Lang::En, false, "x".into());
            c.in_zone(TimeZone::posix(zone).unwrap())
        };
        let (paris, reunion, utc) = (c("CET-1CEST,M3.5.0,M10.5.0/3"), c("<+04>-4"), c("UTC0"));
        let at = |c: &Context, text: &str| instant(c, text).ok();
        assert_eq!(at(&utc, "2026-12-01"), Some(1_796_083_200_000));
        assert_eq!(at(&paris, "2026-12-01"), Some(1_796_083_200_000 - 3_600_000));
        assert_eq!(at(&reunion, "2026-12-01T04:00"), at(&utc, "2026-12-01"));
        for c in [&paris, &reunion] {
            assert_eq!(at(c, "2026-12-01T01:00:00+01:00"), at(&utc, "2026-12-01T00:00:00"));
            assert_eq!(day(c, "2026-12-01").ok(), at(c, "2026-12-01"));
        }
        // The night when clocks go forward, and the one when they go back.
        assert_eq!(at(&paris, "2027-03-28T02:30"), at(&paris, "2027-03-28T03:30"));
        assert_eq!(at(&paris, "2026-10-25T02:30"), at(&paris, "2026-10-25T02:30:00+02:00"));
        for text in ["demain", "", "2026-02-30", "2026-13-01", "99999-01-01"] {
            assert!(instant(&paris, text).is_err_and(|f| f.exit == 2) && day(&paris, text).is_err(), "{text}");
        }
        assert!(day(&paris, "2028-02-29").is_ok());
        assert_eq!(shown(&paris, 1_796_083_200_000), "2026-12-01 01:00:00 CET");
        assert_eq!(shown(&reunion, 1_796_083_200_000), "2026-12-01 04:00:00 +04");
        assert_eq!(universal(1_796_083_200_000), "2026-12-01 00:00:00 UTC");
        assert_eq!(universal(i64::MAX), i64::MAX.to_string());
    }
}
