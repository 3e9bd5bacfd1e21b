//! When a message says that it was written (RFC 5322 §3.3, §4.3), read leniently: senders write dates as they like.

/// Seconds of a day.
const DAY: i64 = 86_400;
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// The day that a date begins with, in days since 1970, disregarding time and zone (RFC 9051 §6.4.4 SENTON and its like).
pub fn day(date: &str) -> Option<i64> {
    read(date).map(|(day, _)| day)
}

/// The instant of a date, in seconds since 1970 (RFC 5256 §2.2): a time that cannot be read is midnight, a zone that cannot is UTC.
pub fn instant(date: &str) -> Option<i64> {
    let (day, rest) = read(date)?;
    let mut words = rest.split([' ', '\t']).filter(|w| !w.is_empty());
    let time = words.next().and_then(time_of_day).unwrap_or(0);
    let zone = words.next().and_then(zone).unwrap_or(0);
    Some(day * DAY + time - zone)
}

/// The day, and what follows it.
fn read(date: &str) -> Option<(i64, &str)> {
    let mut rest = date;
    let mut word = || {
        rest = rest.trim_start_matches(SEPARATORS);
        let end = rest.find(SEPARATORS).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(word).filter(|w| !w.is_empty())
    };
    let first = word()?;
    let day = if first.bytes().all(|b| b.is_ascii_alphabetic()) { word()? } else { first };
    let day: i64 = day.parse().ok()?;
    let month = word()?.get(..3)?.to_ascii_lowercase();
    let month = 1 + i64::try_from(MONTHS.into_iter().position(|m| m == month)?).ok()?;
    let year: i64 = word()?.parse().ok()?;
    // RFC 5322 §4.3: two and three digits.
    let year = match year {
        0..=49 => year + 2000,
        50..=999 => year + 1900,
        1000..=9999 => year,
        _ => return None,
    };
    (1..=31).contains(&day).then(|| (days_from_civil(year, month, day), rest))
}

/// What stands between the parts of a day.
const SEPARATORS: [char; 4] = [' ', '\t', ',', '-'];

/// `hh:mm[:ss]`, in seconds.
fn time_of_day(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let mut part = |most: i64| {
        let text = parts.next()?;
        let n = if text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None };
        n.filter(|n| (0..=most).contains(n))
    };
    let (hour, minute) = (part(23)?, part(59)?);
    // A leap second is the next one; seconds may be missing.
    let second = if text.matches(':').count() == 1 { 0 } else { part(60)? };
    Some(hour * 3600 + minute * 60 + second)
}

/// Seconds east of UTC.
fn zone(text: &str) -> Option<i64> {
    let hours = match text.to_ascii_uppercase().as_str() {
        "EDT" => -4,
        "EST" | "CDT" => -5,
        "CST" | "MDT" => -6,
        "MST" | "PDT" => -7,
        "PST" => -8,
        _ => {
            let (sign, digits) = match text.split_at_checked(1)? {
                ("+", digits) => (1, digits),
                ("-", digits) => (-1, digits),
                _ => return None,
            };
            let n: i64 =
                Some(digits).filter(|d| d.len() == 4 && d.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?;
            return (n % 100 < 60).then_some(sign * (n / 100 * 3600 + n % 100 * 60));
        }
    };
    Some(hours * 3600)
}

/// Days since 1970-01-01 of a date of the Gregorian calendar (Howard Hinnant's algorithm).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn days_as_they_are_written() {
        assert_eq!(day("01 Jan 70 00:00:00 +0000"), Some(0));
        assert_eq!(day("Tue, 29 Feb 2000 10:00 GMT"), Some(11_016));
        assert_eq!(day("Thu, 1 Jan 2026 23:59:59 -1200"), day("1-Jan-26"));
        for odd in
            ["", "yesterday", "Mon, x Jan 2026", "1 Foo 2026", "99 Jan 2026", "1 Jan", "1 J\u{e9}n 2026", "1 Ja 2026"]
        {
            assert_eq!(day(odd), None, "{odd}");
        }
    }

    #[test]
    fn instants_count_in_utc() {
        let noon = 20_454 * DAY + 12 * 3600;
        for (date, at) in [
            ("Thu, 1 Jan 2026 12:00:00 +0000", noon),
            ("Thu, 1 Jan 2026 12:00:00 +0200", noon - 7200),
            ("1 Jan 2026 12:00 -0530", noon + 19_800),
            ("1 Jan 2026 12:00:00 EST (New York)", noon + 18_000),
            ("1 Jan 2026 12:00:00 GMT", noon),
            ("1 Jan 2026 12:00:00 nowhere", noon),
            ("1 Jan 2026 12:00:00 +9999", noon),
            ("1 Jan 2026 12:00:00", noon),
            ("1 Jan 2026 25:00:00 +0200", noon - 12 * 3600 - 7200),
            ("1 Jan 2026", noon - 12 * 3600),
            ("1-Jan-2026 12:00:60 +0000", noon + 60),
        ] {
            assert_eq!(instant(date), Some(at), "{date}");
        }
        assert_eq!(instant("noon"), None);
    }

    proptest! {
        #[test]
        fn what_we_write_is_read(seconds in 0i64..4_000_000_000) {
            let text = crate::trace_field::rfc5322_date(sceau_domain::Timestamp::from_seconds(seconds));
            prop_assert_eq!(instant(&text), Some(seconds), "{}", text);
        }
        #[test]
        fn anything_is_read(text in "\\PC{0,40}") {
            prop_assert_eq!(instant(&text).is_some(), day(&text).is_some());
        }
    }
}
