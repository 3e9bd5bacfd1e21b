//! The instant of a Date header (RFC 5322 §3.3, and the older forms of §4.3 as far as they are met).
use sceau_message::sent::day as day_of;

const DAY_MS: i64 = 86_400_000;

/// Milliseconds since 1970; none when there is no day in it. Without a time it is midnight, without a zone UTC.
pub(super) fn instant(date: &str) -> Option<i64> {
    let day = day_of(date)?;
    let mut words = date.split([' ', '\t', ',']).filter(|w| !w.is_empty()).skip_while(|w| !w.contains(':'));
    let time = words.next().and_then(clock).unwrap_or(0);
    let zone = words.next().and_then(zone).unwrap_or(0);
    Some(day * DAY_MS + (time - zone) * 1000)
}

/// Seconds of `hh:mm[:ss]`.
fn clock(word: &str) -> Option<i64> {
    let mut parts = word.split(':').map(|p| p.parse::<i64>().ok().filter(|n| (0..=60).contains(n)));
    let (hours, minutes) = (parts.next()??, parts.next()??);
    let seconds = parts.next().map_or(Some(0), |s| s)?;
    (hours < 24).then_some(hours * 3600 + minutes * 60 + seconds)
}

/// Seconds east of Greenwich of `+hhmm`.
fn zone(word: &str) -> Option<i64> {
    let (sign, digits) = match word.as_bytes().first()? {
        b'+' => (1, &word[1..]),
        b'-' => (-1, &word[1..]),
        _ => return None,
    };
    let n: i64 = digits.parse().ok().filter(|_| digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()))?;
    Some(sign * (n / 100 * 3600 + n % 100 * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_become_instants() {
        for (date, at) in [
            ("Thu, 01 Jan 1970 00:00:00 +0000", Some(0)),
            ("Thu, 1 Jan 1970 01:30:05 +0130", Some(5_000)),
            ("1 Jan 1970 00:00 -0100", Some(3_600_000)),
            ("Fri, 2 Jan 1970", Some(DAY_MS)),
            ("Fri, 2 Jan 1970 25:00:00 +0000", Some(DAY_MS)),
            ("Fri, 2 Jan 1970 10:00:00 GMT", Some(DAY_MS + 36_000_000)),
            ("Fri, 2 Jan 1970 10:00:00 +é01", Some(DAY_MS + 36_000_000)),
            ("hier", None),
            ("", None),
        ] {
            assert_eq!(instant(date), at, "{date}");
        }
    }
}
