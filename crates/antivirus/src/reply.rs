//! What clamd says, read strictly (clamd(8), COMMANDS): `stream: OK`, `stream: NAME FOUND`, anything else is a failure.
use crate::ScanError;

/// Longest answer that is read, octets.
pub const LONGEST: usize = 4096;
/// Longest name of a signature that is kept, characters.
const NAME: usize = 200;
/// What clamd calls documents under a password, when its configuration asks for it (`AlertEncrypted`).
const ENCRYPTED: &str = "Heuristics.Encrypted.";
/// What it calls what it did not read to its end (`AlertExceedsMax`).
const EXCEEDED: &str = "Heuristics.Limits.Exceeded";

/// What the engine says of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It knows nothing bad of it.
    Clean,
    /// A signature matches: its name, printable.
    Infected(String),
    /// Nothing bad, but a document is under a password, so that it was not read (`AlertEncrypted`): the kind, lower case.
    Encrypted(String),
}

/// Reads the answer to INSTREAM, as far as its final NUL.
///
/// # Errors
/// [`ScanError::Cut`] without a final NUL, [`ScanError::TooLarge`], [`ScanError::Exceeded`], [`ScanError::Failed`] for everything else.
pub fn verdict(answer: &[u8]) -> Result<Verdict, ScanError> {
    let line = line(answer)?;
    if line == "INSTREAM size limit exceeded. ERROR" {
        return Err(ScanError::TooLarge);
    }
    let failed = || ScanError::Failed(line.clone());
    let said = line.strip_prefix("stream: ").ok_or_else(failed)?;
    if said == "OK" {
        return Ok(Verdict::Clean);
    }
    let name = said.strip_suffix(" FOUND").filter(|n| !n.is_empty()).ok_or_else(failed)?;
    if let Some(limit) = name.strip_prefix(EXCEEDED) {
        return Err(ScanError::Exceeded(limit.trim_start_matches('.').chars().take(NAME).collect()));
    }
    Ok(match name.strip_prefix(ENCRYPTED) {
        Some(kind) => Verdict::Encrypted(kind.to_ascii_lowercase()),
        None => Verdict::Infected(name.chars().take(NAME).collect()),
    })
}

/// The version of the engine and of its official signatures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Version {
    /// `ClamAV 1.4.6`.
    pub engine: String,
    /// Number of the official base; none when only other bases are loaded.
    pub base: Option<u64>,
    /// Its date, milliseconds since 1970, read as UTC (clamd writes its local time: off by some hours).
    pub dated: Option<i64>,
}

/// Reads the answer to VERSION: `ClamAV 1.4.6/27001/Thu Nov 20 09:30:00 2026`.
///
/// # Errors
/// As [`verdict`]; [`ScanError::Failed`] when it does not begin with `ClamAV `.
pub fn version(answer: &[u8]) -> Result<Version, ScanError> {
    let line = line(answer)?;
    if !line.starts_with("ClamAV ") {
        return Err(ScanError::Failed(line));
    }
    let mut parts = line.splitn(3, '/');
    let engine = parts.next().unwrap_or_default().chars().take(NAME).collect();
    let base = parts.next().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
    let dated = parts.next().filter(|_| base.is_some()).and_then(instant);
    Ok(Version { engine, base, dated })
}

/// One bounded line of printable ASCII, which NUL or the end of a line ends.
fn line(answer: &[u8]) -> Result<String, ScanError> {
    let answer = &answer[..answer.len().min(LONGEST)];
    let end = answer.iter().position(|b| matches!(b, 0 | b'\n')).ok_or(ScanError::Cut)?;
    Ok(answer[..end].iter().map(|b| if matches!(b, 32..=126) { char::from(*b) } else { '?' }).collect())
}

/// `Thu Nov 20 09:30:00 2026` (asctime), as UTC.
fn instant(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_whitespace().skip(1);
    let month = words.next().and_then(|m| MONTHS.iter().position(|x| *x == m))? as i64 + 1;
    let day: i64 = words.next()?.parse().ok().filter(|d| (1..=31).contains(d))?;
    let clock: Vec<i64> = words.next()?.split(':').map(|n| n.parse().unwrap_or(-1)).collect();
    let [h, m, s] = *clock.as_slice() else { return None };
    let year: i64 = words.next()?.parse().ok().filter(|y| (1970..=9999).contains(y))?;
    if !(0..24).contains(&h) || !(0..60).contains(&m) || !(0..=60).contains(&s) {
        return None;
    }
    // Days from the civil date, in years that begin in March.
    let (y, shifted) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = y * 365 + y / 4 - y / 100 + y / 400 + (153 * shifted + 2) / 5 + day - 1 - 719_468;
    Some(((days * 24 + h) * 60 + m) * 60_000 + s * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_its_word_for_clean_is_clean() {
        assert_eq!(verdict(b"stream: OK\0"), Ok(Verdict::Clean));
        assert_eq!(
            verdict(b"stream: Eicar-Test-Signature FOUND\0"),
            Ok(Verdict::Infected("Eicar-Test-Signature".into()))
        );
        assert_eq!(
            verdict(b"stream: Sceau.Essai.UNOFFICIAL FOUND\n"),
            Ok(Verdict::Infected("Sceau.Essai.UNOFFICIAL".into()))
        );
        assert_eq!(verdict(b"stream: Heuristics.Encrypted.Zip FOUND\0"), Ok(Verdict::Encrypted("zip".into())));
        assert_eq!(verdict(b"INSTREAM size limit exceeded. ERROR\0"), Err(ScanError::TooLarge));
        for (exceeded, limit) in [
            (&b"stream: Heuristics.Limits.Exceeded.MaxRecursion FOUND\0"[..], "MaxRecursion"),
            (b"stream: Heuristics.Limits.Exceeded FOUND\0", ""),
        ] {
            assert_eq!(verdict(exceeded), Err(ScanError::Exceeded(limit.into())));
        }
        for cut in [&b""[..], b"stream: OK", b"stream: O", &[b'a'; 3 * LONGEST]] {
            assert_eq!(verdict(cut), Err(ScanError::Cut));
        }
        for failed in [
            &b"\0"[..],
            b"OK\0",
            b"stream:OK\0",
            b"stream: ok\0",
            b"stream: OK \0",
            b"1: stream: OK\0",
            b"stream:  FOUND\0",
            b"stream: Can't allocate memory ERROR\0",
            b"COMMAND READ TIMED OUT\0stream: OK\0",
            b"UNKNOWN COMMAND\0",
        ] {
            assert!(matches!(verdict(failed), Err(ScanError::Failed(_))), "{failed:?}");
        }
        let Ok(Verdict::Infected(name)) = verdict(b"stream: a\r\x1b[2J\xc3\xa9 FOUND\0") else { panic!() };
        assert_eq!(name, "a??[2J??");
    }

    #[test]
    fn the_age_of_signatures_is_read() {
        let read = version(b"ClamAV 1.4.6/27001/Thu Nov 20 09:30:00 2026\0").unwrap();
        assert_eq!(
            (read.engine.as_str(), read.base, read.dated),
            ("ClamAV 1.4.6", Some(27001), Some(1_795_167_000_000))
        );
        assert_eq!(instant("Thu Jan  1 00:00:00 1970"), Some(0));
        assert_eq!(instant("Thu Feb 29 23:59:59 2024"), Some(1_709_251_199_000));
        for unknown in ["ClamAV 1.4.6\0", "ClamAV 1.4.6/0/Thu Jan  1 00:00:00 1970\0", "ClamAV 1.4.6/x/y\0"] {
            let read = version(unknown.as_bytes()).unwrap();
            assert_eq!((read.base, read.dated), (None, None), "{unknown}");
        }
        for bad in ["Thu Foo 20 09:30:00 2026", "Thu Nov 40 09:30:00 2026", "Thu Nov 20 09:30 2026", "", "a b c d e"] {
            assert_eq!(instant(bad), None, "{bad}");
        }
        assert!(version(b"SMTP ready\0").is_err());
    }

    proptest! {
        #[test]
        fn nothing_else_is_clean(answer in proptest::collection::vec(any::<u8>(), 0..80)) {
            let clean = verdict(&answer) == Ok(Verdict::Clean);
            prop_assert_eq!(clean, answer.starts_with(b"stream: OK\0") || answer.starts_with(b"stream: OK\n"));
            let _ = version(&answer);
        }
    }
}
