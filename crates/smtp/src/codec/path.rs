//! Paths of MAIL and RCPT (RFC 5321 §4.1.2): `<local@domain>`, `<>`, `<Postmaster>`. Source routes and address literals are
//! refused: nothing in the trust space is reached by them.
use sceau_domain::Address;
use sceau_domain::address::AddressError;

/// Longest path as written, in octets. RFC 5321 §4.5.3.1.3 says 256; U-labels are longer than the A-labels they stand for.
pub const MAX_PATH: usize = 1024;

/// A path as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Path {
    /// `<>`.
    Null,
    /// `<Postmaster>` in any case, without a domain (RFC 5321 §4.5.1).
    Postmaster,
    /// An address.
    Mailbox {
        /// The address.
        address: Address,
        /// True when it was written with octets above 127 (allowed with SMTPUTF8 only).
        international: bool,
    },
}

/// Splits `text` (after the colon) into what stands between the angle brackets and the rest. A `>` inside a quoted string does
/// not close the path.
fn split(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('<')?;
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in inner.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '>' if !quoted => return Some((&inner[..at], &inner[at + 1..])),
            _ => {}
        }
    }
    None
}

/// Reads the path at the beginning of `text`; also gives what follows it.
///
/// # Errors
/// Why it is not a path.
pub fn parse(text: &str) -> Result<(Path, &str), AddressError> {
    let (inner, rest) = split(text).ok_or(AddressError::Missing)?;
    if inner.len() > MAX_PATH {
        return Err(AddressError::TooLong);
    }
    let path = if inner.is_empty() {
        Path::Null
    } else if inner.eq_ignore_ascii_case("postmaster") {
        Path::Postmaster
    } else {
        Path::Mailbox { address: inner.parse()?, international: !inner.is_ascii() }
    };
    Ok((path, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailbox(text: &str) -> String {
        match parse(text) {
            Ok((Path::Mailbox { address, .. }, "")) => address.to_string(),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn paths_of_every_shape() {
        assert_eq!(mailbox("<anne@alpha.test>"), "anne@alpha.test");
        assert_eq!(mailbox("<\"a>b\\\"c\"@alpha.test>"), "\"a>b\\\"c\"@alpha.test");
        assert_eq!(parse("<>"), Ok((Path::Null, "")));
        assert_eq!(parse("<postMaster> X=1"), Ok((Path::Postmaster, " X=1")));
        let (path, _) = parse("<anné@alpha.test>").unwrap();
        assert!(matches!(path, Path::Mailbox { international: true, .. }));
        let (path, _) = parse("<a@hôpital.test>").unwrap();
        let Path::Mailbox { address, international: true } = path else { panic!("{path:?}") };
        assert!(address.domain().as_str().starts_with("xn--"));
    }

    #[test]
    fn what_is_no_path() {
        for text in [
            "",
            "<",
            "anne@alpha.test",
            "<anne@alpha.test",
            "<anne>",
            "<@a.test,@b.test:anne@alpha.test>",
            "<anne@[192.0.2.1]>",
            "<a b@alpha.test>",
            "<\"a@alpha.test>",
            "<<anne@alpha.test>>",
            "<anne@alpha.test.>",
            "<a@b@c.test>",
            "<\u{7f}@a.test>",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        let long = format!("<{}@alpha.test>", "a".repeat(2000));
        assert_eq!(parse(&long), Err(AddressError::TooLong));
    }
}
