//! Addresses (RFC 3986), as far as identity needs them: which scheme, host and port, nothing that two readers could take apart differently.
//!
//! Not a general parser: user names, fragments, backslashes, spaces, controls and letters that are not ASCII are refused, so that what is compared
//! as text here is what a browser goes to.

/// Longest address, octets.
pub const MAX_BYTES: usize = 2048;

/// An address, taken apart. Borrowed from its text, nothing decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Url<'a> {
    /// Lower case.
    pub scheme: &'a str,
    /// Lower case; with its brackets when it is an IPv6 address. Empty for a private scheme without authority.
    pub host: &'a str,
    /// When it is written.
    pub port: Option<u16>,
    /// From the path on: path and query. May be empty.
    pub rest: &'a str,
}

impl<'a> Url<'a> {
    /// Reads an address. `None` when it is none of the plain kind described above.
    pub fn parse(text: &'a str) -> Option<Self> {
        let forbidden = |b: u8| {
            !b.is_ascii_graphic() || matches!(b, b'\\' | b'#' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}')
        };
        if text.len() > MAX_BYTES || text.bytes().any(forbidden) {
            return None;
        }
        let (scheme, after) = text.split_once(':')?;
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.');
        if !scheme.starts_with(|c: char| c.is_ascii_lowercase()) || !scheme.bytes().all(good) {
            return None;
        }
        let Some(after) = after.strip_prefix("//") else {
            return Some(Self { scheme, host: "", port: None, rest: after });
        };
        let (authority, rest) = after.split_at(after.find(['/', '?']).unwrap_or(after.len()));
        let (host, port) = match authority.strip_prefix('[') {
            Some(inner) => {
                let (inner, behind) = inner.split_once(']')?;
                let six: std::net::Ipv6Addr = inner.parse().ok()?;
                // One writing of each address.
                if six.to_string() != inner {
                    return None;
                }
                let port = if behind.is_empty() { None } else { Some(behind.strip_prefix(':')?) };
                (&authority[..inner.len() + 2], port)
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let named = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
        let plain = host.starts_with('[')
            || (host.bytes().all(named) && host.len() <= 253 && host.split('.').all(|l| !l.is_empty()));
        if host.is_empty() || !plain {
            return None;
        }
        let port = port.map(number).map_or(Some(None), |p| p.map(Some))?;
        Some(Self { scheme, host, port, rest })
    }
    /// Is it HTTPS, with a host?
    pub fn is_https(&self) -> bool {
        self.scheme == "https" && !self.host.is_empty()
    }
    /// Is it HTTP to this very machine, by address (RFC 8252 §7.3; not by the name `localhost`, §8.3)?
    pub fn is_loopback(&self) -> bool {
        self.scheme == "http" && matches!(self.host, "127.0.0.1" | "[::1]")
    }
}

/// A port, without leading zeros.
fn number(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    if plain { text.parse().ok() } else { None }
}

/// `text` behind an address: parameters join those that are there.
pub(crate) fn with_query(address: &str, query: &str) -> String {
    let sign = match address.split_once('?') {
        None => "?",
        Some((_, there)) if there.is_empty() || there.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{address}{sign}{query}")
}

/// Adds `text`, everything but unreserved characters escaped (RFC 3986 §2.3).
pub(crate) fn escape(text: &str, out: &mut String) {
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(b));
        } else {
            out.push('%');
            for half in [b >> 4, b & 15] {
                out.push(char::from(b"0123456789ABCDEF"[usize::from(half)]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_addresses_are_taken_apart() {
        let url = Url::parse("https://auth.example.fr:8443/auth/realms/a?x=1").unwrap();
        assert_eq!(
            (url.scheme, url.host, url.port, url.rest),
            ("https", "auth.example.fr", Some(8443), "/auth/realms/a?x=1")
        );
        assert!(url.is_https() && !url.is_loopback());
        assert!(
            Url::parse("http://[::1]:80/x").unwrap().is_loopback()
                && Url::parse("http://127.0.0.1").unwrap().is_loopback()
        );
        assert_eq!(
            Url::parse("fr.example.app:/cb"),
            Some(Url { scheme: "fr.example.app", host: "", port: None, rest: "/cb" })
        );
        assert!(!Url::parse("https:/x").unwrap().is_https() && !Url::parse("http://localhost/").unwrap().is_loopback());
    }

    #[test]
    fn what_two_readers_could_take_apart_differently_is_refused() {
        for bad in [
            "",
            "https",
            "https://",
            "https:///x",
            "https://a@b/",
            "https://a:b@c/",
            "https://a\\@b/",
            "https://a/#b",
            "https://a b/",
            "HTTPS://a/",
            "https://A/",
            "https://a:/",
            "https://a:0/",
            "https://a:080/",
            "https://a:65536/",
            "https://a:1:2/",
            "https://é/",
            "https://a\n/",
            "https://a..b/",
            "https://.a/",
            "https://[::1/",
            "https://[::1]x/",
            "https://[0:0:0:0:0:0:0:1]/",
            "https://[::1]:/",
            "1a://b/",
            "https://a%2eb/",
            "https://a_b/",
            "//a/",
            "https://a|b/",
        ] {
            assert_eq!(Url::parse(bad), None, "{bad}");
        }
        assert!(Url::parse(&format!("https://a/{}", "x".repeat(MAX_BYTES))).is_none());
    }

    #[test]
    fn parameters_join_those_that_are_there() {
        for (address, whole) in
            [("https://a", "https://a?q"), ("https://a?", "https://a?q"), ("https://a?b=c", "https://a?b=c&q")]
        {
            assert_eq!(with_query(address, "q"), whole);
        }
    }
}
