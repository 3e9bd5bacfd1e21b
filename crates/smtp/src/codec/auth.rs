//! Payloads of AUTH: base64 lines (RFC 4954 §4), PLAIN (RFC 4616), LOGIN (by custom).
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

/// Longest login and longest secret, in octets (RFC 4616 §2).
pub const MAX_FIELD: usize = 255;

/// What a client logs in with. The secret is wiped when dropped and never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Who.
    pub login: String,
    /// With what.
    pub secret: Zeroizing<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// Decodes a response line without its CRLF; `=` is an empty one. `None` when it is not base64.
pub fn decode(line: &str) -> Option<Zeroizing<Vec<u8>>> {
    if line == "=" {
        return Some(Zeroizing::new(Vec::new()));
    }
    BASE64_STANDARD.decode(line).ok().map(Zeroizing::new)
}

/// Reads `[authzid] NUL authcid NUL password`. An authorisation identity other than the login is refused: a login names its BAL
/// itself.
pub fn plain(message: &[u8]) -> Option<Credentials> {
    let mut fields = message.split(|b| *b == 0);
    let (authzid, login, secret) = (fields.next()?, fields.next()?, fields.next()?);
    if fields.next().is_some() || !(authzid.is_empty() || authzid == login) {
        return None;
    }
    credentials(login, secret)
}

/// Login and secret as two fields; `None` when one is empty, too long, or not UTF-8.
pub fn credentials(login: &[u8], secret: &[u8]) -> Option<Credentials> {
    let field = |bytes: &[u8]| {
        let sound = !bytes.is_empty() && bytes.len() <= MAX_FIELD && !bytes.contains(&0);
        if sound { std::str::from_utf8(bytes).ok().map(str::to_owned) } else { None }
    };
    Some(Credentials { login: field(login)?, secret: Zeroizing::new(field(secret)?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_with_and_without_authorisation_identity() {
        let read = |m: &[u8]| plain(m).map(|c| (c.login.clone(), c.secret.to_string()));
        let expected = Some(("anne".to_owned(), "secret".to_owned()));
        assert_eq!(read(b"\0anne\0secret"), expected);
        assert_eq!(read(b"anne\0anne\0secret"), expected);
        for bad in [
            &b""[..],
            b"anne",
            b"\0anne",
            b"\0anne\0",
            b"\0\0secret",
            b"bob\0anne\0secret",
            b"\0anne\0a\0b",
            b"\0\xff\0x",
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
        let long = [b"\0anne\0".as_slice(), &[b'x'; 256]].concat();
        assert_eq!(read(&long), None);
    }

    #[test]
    fn base64_lines() {
        assert_eq!(decode("AGEAYg==").as_deref(), Some(&b"\0a\0b".to_vec()));
        assert_eq!(decode("=").as_deref(), Some(&Vec::new()));
        for bad in ["*", "AGEAYg", "AGE AYg==", "é", "===="] {
            assert!(decode(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let shown = format!("{:?}", credentials(b"anne", b"hunter2"));
        assert!(!shown.contains("hunter2") && !shown.contains("anne"));
    }
}
