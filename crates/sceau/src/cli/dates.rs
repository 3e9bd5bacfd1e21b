//! Days as people write them on the command line: `2026-11-30`, the beginning of that day in universal time.
use super::Context;
use crate::admin::client::Failure;
use jiff::civil::Date;

/// Reads a day; says in the user's language that it is none (exit 2).
pub fn day(c: &Context, text: &str) -> Result<Date, Failure> {
    text.parse().map_err(|_| Failure { sentence: c.text("cli.bad_day", &[("value", text)]), exit: 2 })
}

/// The beginning of a day, milliseconds since 1970.
pub fn instant(day: Date) -> i64 {
    day.to_zoned(jiff::tz::TimeZone::UTC).map_or(i64::MAX, |z| z.timestamp().as_millisecond())
}
