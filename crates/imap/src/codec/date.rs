//! Dates of IMAP (RFC 9051 §9 date, date-time): day counts since 1970-01-01 and instants.
use super::cursor::{Cursor, Parsed, SyntaxError};
use sceau_domain::Timestamp;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const BAD: SyntaxError = SyntaxError("a date is not valid");
const DAY: i64 = 86_400;

/// Days since 1970-01-01 of a civil date (proleptic Gregorian calendar); `None` when there is no such day.
pub fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=longest).contains(&day) || !(0..=9999).contains(&year) {
        return None;
    }
    // March-based years put the leap day last.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let era = y.div_euclid(400);
    let of_era = y.rem_euclid(400);
    let of_year = (153 * m + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// Year, month, day of a day count.
pub fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let m = (5 * of_year + 2) / 153;
    let day = of_year - (153 * m + 2) / 5 + 1;
    let month = if m < 10 { m + 3 } else { m - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

/// Midnight (UTC) of a day.
pub fn midnight(day: i64) -> Timestamp {
    Timestamp::from_seconds(day * DAY)
}

/// Writes an instant as date-time without quotes, in UTC: `17-Jul-1996 02:44:25 +0000`.
pub fn write(at: Timestamp) -> String {
    let seconds = at.seconds();
    let (y, m, d) = civil(seconds.div_euclid(DAY));
    let s = seconds.rem_euclid(DAY);
    let month = usize::try_from(m - 1).ok().and_then(|i| MONTHS.get(i)).copied().unwrap_or("Jan");
    let y = y.clamp(0, 9999);
    format!("{d:>2}-{month}-{y:04} {:02}:{:02}:{:02} +0000", s / 3600, s / 60 % 60, s % 60)
}

/// Reads a search date, quoted or not: `1-Feb-1994`. Days since 1970-01-01.
pub fn parse_date(c: &mut Cursor<'_>) -> Parsed<i64> {
    let quoted = c.eat(b'"');
    let day = digits(c, 1, 2)?;
    let date = rest_of_date(c, day)?;
    if quoted {
        c.expect(b'"', BAD.0)?;
    }
    Ok(date)
}

/// Reads a date-time: `"17-Jul-1996 02:44:25 -0700"`; a one-digit day is preceded by a space.
pub fn parse_date_time(c: &mut Cursor<'_>) -> Parsed<Timestamp> {
    c.expect(b'"', BAD.0)?;
    let day = if c.eat(b' ') { digits(c, 1, 1)? } else { digits(c, 1, 2)? };
    let date = rest_of_date(c, day)?;
    c.expect(b' ', BAD.0)?;
    let hour = digits(c, 2, 2)?;
    c.expect(b':', BAD.0)?;
    let minute = digits(c, 2, 2)?;
    c.expect(b':', BAD.0)?;
    let second = digits(c, 2, 2)?;
    c.expect(b' ', BAD.0)?;
    let sign = if c.eat(b'-') { -1 } else { c.expect(b'+', BAD.0).map(|()| 1)? };
    let zone = digits(c, 4, 4)?;
    c.expect(b'"', BAD.0)?;
    if hour > 23 || minute > 59 || second > 60 || zone / 100 > 23 || zone % 100 > 59 {
        return Err(BAD);
    }
    let offset = sign * (zone / 100 * 3600 + zone % 100 * 60);
    Ok(Timestamp::from_seconds(date * DAY + hour * 3600 + minute * 60 + second - offset))
}

fn rest_of_date(c: &mut Cursor<'_>, day: i64) -> Parsed<i64> {
    c.expect(b'-', BAD.0)?;
    let name = c.take_while(|b| b.is_ascii_alphabetic());
    let month = MONTHS.iter().position(|m| m.as_bytes().eq_ignore_ascii_case(name)).ok_or(BAD)?;
    c.expect(b'-', BAD.0)?;
    let year = digits(c, 4, 4)?;
    let month = i64::try_from(month).map_err(|_| BAD)? + 1;
    days(year, month, day).ok_or(BAD)
}

fn digits(c: &mut Cursor<'_>, least: usize, most: usize) -> Parsed<i64> {
    let taken = c.take_while(|b| b.is_ascii_digit());
    if taken.len() < least || taken.len() > most {
        return Err(BAD);
    }
    Ok(taken.iter().fold(0, |n, b| n * 10 + i64::from(b - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::cursor::Fragment;
    use proptest::prelude::*;

    fn date_time(text: &str) -> Parsed<Timestamp> {
        let fragments = [Fragment::Line(text.as_bytes().to_vec())];
        let mut c = Cursor::new(&fragments);
        let at = parse_date_time(&mut c)?;
        c.end()?;
        Ok(at)
    }
    fn date(text: &str) -> Parsed<i64> {
        let fragments = [Fragment::Line(text.as_bytes().to_vec())];
        let mut c = Cursor::new(&fragments);
        let day = parse_date(&mut c)?;
        c.end()?;
        Ok(day)
    }

    #[test]
    fn dates_of_the_rfc() {
        assert_eq!(date("1-Feb-1994"), Ok(8797));
        assert_eq!(date("\"01-feb-1994\""), Ok(8797));
        assert_eq!(date_time("\"17-Jul-1996 02:44:25 -0700\"").unwrap().seconds(), 837_596_665);
        assert_eq!(date_time("\" 7-Feb-1994 21:52:25 -0800\"").unwrap().seconds(), 760_686_745);
        assert_eq!(write(Timestamp::from_seconds(837_596_665)), "17-Jul-1996 09:44:25 +0000");
        assert_eq!(write(Timestamp(-1)), "31-Dec-1969 23:59:59 +0000");
        assert_eq!(write(Timestamp::from_seconds(760_686_745)), " 8-Feb-1994 05:52:25 +0000");
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for bad in [
            "30-Feb-2024",
            "29-Feb-2023",
            "0-Jan-2024",
            "32-Jan-2024",
            "1-Foo-2024",
            "1-Jan-24",
            "1/2/2024",
            "\"1-Jan-2024",
        ] {
            assert_eq!(date(bad), Err(BAD), "{bad}");
        }
        for bad in [
            "\"17-Jul-1996 24:44:25 -0700\"",
            "\"17-Jul-1996 02:44:25\"",
            "\"17-Jul-1996 02:44:25 0700\"",
            "17-Jul-1996",
        ] {
            assert!(date_time(bad).is_err(), "{bad}");
        }
        assert!(date("29-Feb-2024").is_ok());
    }

    proptest! {
        #[test]
        fn civil_and_days_are_inverse(day in -719_528i64..2_932_896) {
            let (y, m, d) = civil(day);
            prop_assert_eq!(days(y, m, d), Some(day));
        }
        #[test]
        fn instants_are_read_back(s in 0i64..250_000_000_000) {
            let at = Timestamp::from_seconds(s);
            let back = date_time(&format!("\"{}\"", write(at)));
            prop_assert_eq!(back, Ok(at));
        }
    }
}
