//! Days, as people name them, in the legal time of metropolitan France.
//!
//! Legal time is UTC+1, UTC+2 from the last Sunday of March to the last Sunday of October, 1:00 UTC (the rule since 1996).

const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;

/// Days of a name: `2026-03-12`, `12/03/2026`, `2026-03`, `03/2026`, `2026`. From the first instant to the first instant after,
/// milliseconds since 1970.
pub(crate) fn days(text: &str) -> Option<(i64, i64)> {
    let parts: Vec<&str> = text.trim().split(['-', '/', '.']).collect();
    let plain = |s: &&str| (1..=4).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit());
    if !parts.iter().all(plain) {
        return None;
    }
    let number = |s: &str| s.parse::<i64>().ok();
    let (year, month, day) = match parts.as_slice() {
        [y] if y.len() == 4 => (number(y)?, None, None),
        [y, m] if y.len() == 4 && m.len() <= 2 => (number(y)?, Some(number(m)?), None),
        [m, y] if y.len() == 4 && m.len() <= 2 => (number(y)?, Some(number(m)?), None),
        [y, m, d] if y.len() == 4 && m.len() <= 2 && d.len() <= 2 => (number(y)?, Some(number(m)?), Some(number(d)?)),
        [d, m, y] if y.len() == 4 && m.len() <= 2 && d.len() <= 2 => (number(y)?, Some(number(m)?), Some(number(d)?)),
        _ => return None,
    };
    if year < 1900 || month.is_some_and(|m| !(1..=12).contains(&m)) {
        return None;
    }
    let (first, after) = match (month, day) {
        (None, _) => (number_of(year, 1, 1), number_of(year + 1, 1, 1)),
        (Some(m), None) => {
            (number_of(year, m, 1), if m == 12 { number_of(year + 1, 1, 1) } else { number_of(year, m + 1, 1) })
        }
        (Some(m), Some(d)) => {
            let next = if m == 12 { number_of(year + 1, 1, 1) } else { number_of(year, m + 1, 1) };
            let first = number_of(year, m, d);
            if d < 1 || first >= next {
                return None;
            }
            (first, first + 1)
        }
    };
    Some((midnight(first), midnight(after)))
}

/// Number of a day, counted from 1970-01-01.
fn number_of(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March here, so that a leap day comes last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The first instant of a day. The clocks change at night, after midnight: the offset is that of the day before 1:00 UTC.
fn midnight(day: i64) -> i64 {
    let local = day * DAY;
    // The offset at UTC midnight of the eve is that at local midnight: no change falls between 22:00 and 24:00 UTC.
    local - if summer(local - 2 * HOUR) { 2 * HOUR } else { HOUR }
}

/// Is it summer time at this instant?
fn summer(instant: i64) -> bool {
    // A year is at most a day off here, far from both changes.
    let year = 1970 + (instant.div_euclid(DAY) * 400).div_euclid(146_097);
    let last_sunday = |month: i64| {
        let last = number_of(year, month, 31);
        // 1970-01-01 was a Thursday.
        last - (last + 4).rem_euclid(7)
    };
    let change = |day: i64| day * DAY + HOUR;
    (change(last_sunday(3))..change(last_sunday(10))).contains(&instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_paris() {
        // 2026-01-15 is 2026-01-14T23:00Z; 2026-07-01 is 2026-06-30T22:00Z.
        assert_eq!(days("2026-01-15"), Some((1_768_431_600_000, 1_768_431_600_000 + DAY)));
        assert_eq!(days("01/07/2026"), Some((1_782_856_800_000, 1_782_856_800_000 + DAY)));
        // Clocks change on 2026-03-29 and 2026-10-25: a day of 23 hours, a day of 25.
        let (from, to) = days("2026-03-29").unwrap();
        assert_eq!(to - from, 23 * HOUR);
        let (from, to) = days("2026-10-25").unwrap();
        assert_eq!(to - from, 25 * HOUR);
        assert_eq!(days("2026-10-24").unwrap().1, from);
    }

    #[test]
    fn months_and_years() {
        assert_eq!(days("2026").unwrap().0, days("2026-01-01").unwrap().0);
        assert_eq!(days("2025").unwrap().1, days("2026-01-01").unwrap().0);
        assert_eq!(days("12/2025").unwrap().1, days("2026-01").unwrap().0);
        assert_eq!(days("2024-02-29").unwrap().1, days("2024-03-01").unwrap().0);
    }

    #[test]
    fn what_is_no_day() {
        for text in [
            "",
            "hier",
            "2026-02-29",
            "2026-13-01",
            "31/04/2026",
            "1-2",
            "2026-",
            "+2026",
            "12/03/26",
            "20260312",
            "2026-01-01-01",
            "0001",
        ] {
            assert_eq!(days(text), None, "{text}");
        }
    }
}
