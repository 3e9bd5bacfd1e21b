//! Where the load goes: `host:port`, on this machine unless its owner said yes.
use crate::SetupError;
use std::net::SocketAddr;
use std::str::FromStr;

/// A server's door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl FromStr for Target {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        let wrong = || format!("{s:?}: expected host:port, or [address]:port in IPv6");
        let (host, port) = s.rsplit_once(':').ok_or_else(wrong)?;
        let host = match host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']').ok_or_else(wrong)?,
            None if host.contains(':') => return Err(wrong()),
            None => host,
        };
        let port = port.parse().ok().filter(|p| *p != 0).ok_or_else(wrong)?;
        if host.is_empty() || host.contains(char::is_whitespace) {
            return Err(wrong());
        }
        Ok(Self { host: host.into(), port })
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Target {
    /// Its address. Outside loopback only when `remote` says that it may be.
    pub async fn resolve(&self, remote: bool) -> Result<SocketAddr, SetupError> {
        let failed = |e| SetupError::Resolve(self.to_string(), e);
        // Names under localhost are this machine (RFC 6761): browsers know it, resolvers do not always.
        let host = if self.host.ends_with(".localhost") { "127.0.0.1" } else { &self.host };
        let mut found = tokio::net::lookup_host((host, self.port)).await.map_err(failed)?;
        let address = found.next().ok_or_else(|| failed(std::io::ErrorKind::NotFound.into()))?;
        if !remote && !address.ip().to_canonical().is_loopback() {
            return Err(SetupError::Remote(address));
        }
        Ok(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_and_both_families() {
        for good in ["localhost:25", "127.0.0.1:993", "[::1]:143"] {
            assert_eq!(good.parse::<Target>().unwrap().to_string(), good);
        }
        for bad in
            ["", "localhost", ":25", "localhost:", "localhost:0", "localhost:70000", "::1:25", "[::1:25", "a b:25"]
        {
            assert!(bad.parse::<Target>().is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn only_loopback_without_a_yes() {
        let of = |s: &str| s.parse::<Target>().unwrap();
        assert!(of("127.0.0.1:25").resolve(false).await.is_ok());
        assert!(of("[::1]:25").resolve(false).await.is_ok());
        assert!(of("ici.localhost:25").resolve(false).await.is_ok());
        assert!(of("[::ffff:127.0.0.1]:25").resolve(false).await.is_ok());
        // Documentation addresses (RFC 5737, RFC 3849): literals, nothing is looked up.
        for far in ["192.0.2.1:25", "[2001:db8::1]:25", "0.0.0.0:25"] {
            assert!(matches!(of(far).resolve(false).await, Err(SetupError::Remote(_))), "{far}");
        }
        assert!(of("192.0.2.1:25").resolve(true).await.is_ok());
    }
}
