//! Instants as mailboxes write them. Seconds since 1970, UTC, everywhere here.
use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};

/// Instants that have a date-time in IMAP: years of four digits.
pub const INTERNAL: std::ops::Range<i64> = -62_135_510_400..253_370_764_800;

/// Writes an instant for APPEND, without quotes: ` 7-Feb-1994 05:52:25 +0000` (RFC 9051 date-time).
pub fn internal(at: i64) -> String {
    strtime::format("%e-%b-%Y %H:%M:%S +0000", &utc(at)).unwrap_or_else(|_| " 1-Jan-1970 00:00:00 +0000".into())
}

/// Reads a date-time of FETCH INTERNALDATE, without quotes.
pub fn read_internal(text: &str) -> Option<i64> {
    let text = text.trim();
    let (civil, zone) = text.rsplit_once(' ')?;
    let civil = DateTime::strptime("%d-%b-%Y %H:%M:%S", civil.trim()).ok()?;
    at(civil, offset(zone)?)
}

/// Writes an instant as the separator of an mbox does: `Fri Jul  8 12:08:34 2011` (RFC 4155, UTC).
pub fn asctime(at: i64) -> String {
    strtime::format("%a %b %e %H:%M:%S %Y", &utc(at)).unwrap_or_else(|_| "Thu Jan  1 00:00:00 1970".into())
}

/// Reads what follows the sender in a separator of an mbox: `Fri Jul  8 12:08:34 2011`, with or without seconds, with a zone before or after the year or
/// none (UTC). `None` when it is no such date.
pub fn read_asctime(text: &str) -> Option<i64> {
    let words: Vec<&str> = text.split_ascii_whitespace().take(9).collect();
    let (month, day, clock) = match words.as_slice() {
        [_, month, day, clock, ..] => (month, day, clock),
        _ => return None,
    };
    let rest = words.get(4..)?;
    let year = rest.iter().find(|w| w.len() == 4 && w.bytes().all(|b| b.is_ascii_digit()))?;
    let zone = rest.iter().find_map(|w| offset(w)).unwrap_or(Offset::UTC);
    let clock = if clock.len() <= 5 { format!("{clock}:00") } else { (*clock).to_owned() };
    let civil = DateTime::strptime("%d %b %Y %H:%M:%S", format!("{day} {month} {year} {clock}")).ok()?;
    at(civil, zone)
}

/// Writes an instant for a manifest: `2011-07-08T12:08:34Z`.
pub fn manifest(at: i64) -> String {
    Timestamp::from_second(at).unwrap_or_default().to_string()
}

/// Reads what [`manifest`] wrote.
pub fn read_manifest(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_second)
}

fn utc(at: i64) -> Zoned {
    Timestamp::from_second(at).unwrap_or_default().to_zoned(TimeZone::UTC)
}

fn at(civil: DateTime, offset: Offset) -> Option<i64> {
    offset.to_timestamp(civil).ok().map(Timestamp::as_second)
}

/// `+0200`.
fn offset(zone: &str) -> Option<Offset> {
    let (sign, digits) = match zone.as_bytes() {
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    if digits.len() != 4 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let n = |d: &[u8]| i32::from(d[0] - b'0') * 10 + i32::from(d[1] - b'0');
    Offset::from_seconds(sign * (n(&digits[..2]) * 3600 + n(&digits[2..]) * 60)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_of_servers_and_files() {
        assert_eq!(read_internal("17-Jul-1996 02:44:25 -0700"), Some(837_596_665));
        assert_eq!(read_internal(" 7-Feb-1994 21:52:25 -0800"), Some(760_686_745));
        assert_eq!(internal(760_686_745), " 8-Feb-1994 05:52:25 +0000");
        for bad in ["", "32-Jul-1996 02:44:25 -0700", "17-Jul-1996 02:44:25", "17-Jul-1996 02:44:25 -07", "x -0700"] {
            assert_eq!(read_internal(bad), None, "{bad}");
        }
        let noon = 1_310_126_914;
        assert_eq!(asctime(noon), "Fri Jul  8 12:08:34 2011");
        for same in ["Fri Jul  8 12:08:34 2011", "Fri Jul 08 14:08:34 2011 +0200", "Fri Jul 8 14:08:34 +0200 2011"] {
            assert_eq!(read_asctime(same), Some(noon), "{same}");
        }
        assert_eq!(read_asctime("Fri Jul  8 12:08 2011"), Some(noon - 34));
        for bad in ["", "the house", "my dear Watson, I see in 2011", "Fri Jul 38 12:08:34 2011", "Fri Jul 8 noon 2011"]
        {
            assert_eq!(read_asctime(bad), None, "{bad}");
        }
        assert_eq!(manifest(noon), "2011-07-08T12:08:34Z");
        for (at, said) in
            [(INTERNAL.start, " 2-Jan-0001 00:00:00 +0000"), (INTERNAL.end - 1, "31-Dec-9998 23:59:59 +0000")]
        {
            assert_eq!((internal(at).as_str(), read_internal(said)), (said, Some(at)));
        }
    }

    proptest! {
        #[test]
        fn instants_are_read_back(at in 0i64..200_000_000_000) {
            prop_assert_eq!(read_internal(&internal(at)), Some(at));
            prop_assert_eq!(read_asctime(&asctime(at)), Some(at));
            prop_assert_eq!(read_manifest(&manifest(at)), Some(at));
        }
        #[test]
        fn anything_is_read_or_not(text in "\\PC{0,60}") {
            let _ = (read_internal(&text), read_asctime(&text), read_manifest(&text));
        }
    }
}
