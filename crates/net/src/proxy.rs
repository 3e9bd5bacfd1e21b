//! The PROXY protocol, version 2 and nothing else: a load balancer says in a binary header, before the first byte of the connection it passes on,
//! from where it comes (<https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>).
//!
//! It is read from configured addresses only, and from these always: whoever else sends such a header sends bytes that no door understands, and a
//! balancer that forgets it is refused, because its own address would be taken for everybody's. Version 1 (text) is not taken: it could be mistaken
//! for commands, and a client could say it. Additions (TLV) are passed over, within a budget.
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use tokio::io::{AsyncRead, AsyncReadExt};

/// What every header begins with.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Octets before the addresses.
const FIXED: usize = 16;
/// Longest header after the fixed part: addresses (at most 36) and additions.
pub const MAX: usize = 4096;
/// Most additions.
const MAX_TLVS: usize = 64;

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// The balancer speaks for itself (a health check): its own address counts.
    Local,
    /// A connection from here.
    From(SocketAddr),
}

/// Why a header is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// Not version 2 of the protocol.
    #[error("no PROXY header of version 2")]
    None,
    /// Longer than [`MAX`].
    #[error("PROXY header too long")]
    TooLong,
    /// Neither TCP over IPv4 nor over IPv6.
    #[error("PROXY header for another transport than TCP")]
    Transport,
    /// Addresses or additions do not fill their places.
    #[error("malformed PROXY header")]
    Malformed,
}

/// Octets that follow the fixed part.
///
/// # Errors
/// See [`ProxyError`].
pub fn length(fixed: &[u8; FIXED]) -> Result<usize, ProxyError> {
    if fixed[..12] != SIGNATURE || fixed[12] >> 4 != 2 {
        return Err(ProxyError::None);
    }
    let length = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if length > MAX { Err(ProxyError::TooLong) } else { Ok(length) }
}

/// Reads a whole header: the fixed part, and exactly as many octets as it says.
///
/// # Errors
/// See [`ProxyError`].
pub fn parse(header: &[u8]) -> Result<Header, ProxyError> {
    let (fixed, rest) = header.split_first_chunk::<FIXED>().ok_or(ProxyError::None)?;
    if length(fixed)? != rest.len() {
        return Err(ProxyError::Malformed);
    }
    match fixed[12] & 0x0f {
        0 => return Ok(Header::Local),
        1 => {}
        _ => return Err(ProxyError::None),
    }
    let (source, additions) = match fixed[13] {
        0x11 => {
            let (a, rest) = rest.split_first_chunk::<12>().ok_or(ProxyError::Malformed)?;
            let ip = Ipv4Addr::new(a[0], a[1], a[2], a[3]);
            (SocketAddr::new(ip.into(), u16::from_be_bytes([a[8], a[9]])), rest)
        }
        0x21 => {
            let (a, rest) = rest.split_first_chunk::<36>().ok_or(ProxyError::Malformed)?;
            let mut ip = [0; 16];
            ip.copy_from_slice(&a[..16]);
            (SocketAddr::new(Ipv6Addr::from(ip).to_canonical(), u16::from_be_bytes([a[32], a[33]])), rest)
        }
        _ => return Err(ProxyError::Transport),
    };
    pass_over(additions)?;
    // Nobody comes from there.
    if source.ip().is_unspecified() || source.ip().is_multicast() {
        return Err(ProxyError::Malformed);
    }
    Ok(Header::From(source))
}

/// Additions: type, length, value.
fn pass_over(mut rest: &[u8]) -> Result<(), ProxyError> {
    for _ in 0..MAX_TLVS {
        if rest.is_empty() {
            return Ok(());
        }
        let (head, after) = rest.split_first_chunk::<3>().ok_or(ProxyError::Malformed)?;
        let length = usize::from(u16::from_be_bytes([head[1], head[2]]));
        rest = after.get(length..).ok_or(ProxyError::Malformed)?;
    }
    if rest.is_empty() { Ok(()) } else { Err(ProxyError::Malformed) }
}

/// Takes the header off a connection, and not an octet more. The caller sets the deadline.
pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Header> {
    let broken = |e: ProxyError| io::Error::new(io::ErrorKind::InvalidData, e);
    let mut header = vec![0; FIXED];
    stream.read_exact(&mut header).await?;
    let fixed = header.first_chunk::<FIXED>().ok_or_else(|| broken(ProxyError::None))?;
    let length = length(fixed).map_err(broken)?;
    header.resize(FIXED + length, 0);
    stream.read_exact(&mut header[FIXED..]).await?;
    parse(&header).map_err(broken)
}

/// An address, or a network: `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Is this address in it? An IPv4 address written as IPv6 is itself.
    pub fn contains(&self, address: IpAddr) -> bool {
        let cut = |bits: u128, width: u8| bits.checked_shr(u32::from(width - self.prefix)).unwrap_or(0);
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => cut(net.to_bits().into(), 32) == cut(ip.to_bits().into(), 32),
            (IpAddr::V6(net), IpAddr::V6(ip)) => cut(net.to_bits(), 128) == cut(ip.to_bits(), 128),
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let wrong = || format!("{text}: neither an address nor a network");
        let address = address.parse::<IpAddr>().map_err(|_| wrong())?.to_canonical();
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => width,
            Some(p) => p.parse::<u8>().ok().filter(|p| *p <= width && *p > 0).ok_or_else(wrong)?,
        };
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl TryFrom<String> for Network {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[0x20 | command, family], &length, rest].concat()
    }

    const V4: [u8; 12] = [192, 0, 2, 7, 198, 51, 100, 1, 0x30, 0x39, 0, 25];

    #[test]
    fn from_where_a_connection_comes() {
        assert_eq!(parse(&header(1, 0x11, &V4)), Ok(Header::From("192.0.2.7:12345".parse().unwrap())));
        let tlvs = [&V4[..], &[1, 0, 2, b'h', b'2', 4, 0, 0]].concat();
        assert_eq!(parse(&header(1, 0x11, &tlvs)), Ok(Header::From("192.0.2.7:12345".parse().unwrap())));
        let source: Ipv6Addr = "2001:db8::7".parse().unwrap();
        let v6 = [&source.octets()[..], &[0; 16], &[0x30, 0x39, 0, 25]].concat();
        assert_eq!(parse(&header(1, 0x21, &v6)), Ok(Header::From("[2001:db8::7]:12345".parse().unwrap())));
        assert_eq!(parse(&header(0, 0, &[])), Ok(Header::Local));
        assert_eq!(parse(&header(0, 0x11, &V4)), Ok(Header::Local));
    }

    #[test]
    fn what_is_no_header() {
        use ProxyError as E;
        let mut version1 = header(1, 0x11, &V4);
        version1[12] = 0x11;
        let lies = [&SIGNATURE[..], &[0x21, 0x11, 0, 11], &V4[..]].concat();
        for (bytes, error) in [
            (b"PROXY TCP4 192.0.2.7 198.51.100.1 12345 25\r\n".to_vec(), E::None),
            (b"EHLO client.exemple.fr\r\n".to_vec(), E::None),
            (b"".to_vec(), E::None),
            (version1, E::None),
            (header(2, 0x11, &V4), E::None),
            (header(1, 0x12, &V4), E::Transport),
            (header(1, 0x31, &[0; 216]), E::Transport),
            (header(1, 0x00, &V4), E::Transport),
            (header(1, 0x11, &V4[..11]), E::Malformed),
            (header(1, 0x21, &V4), E::Malformed),
            (header(1, 0x11, &[0; 12]), E::Malformed),
            (header(1, 0x11, &[&V4[..], &[1, 0]].concat()), E::Malformed),
            (header(1, 0x11, &[&V4[..], &[1, 0, 9, 0]].concat()), E::Malformed),
            (header(1, 0x11, &[&V4[..], &[4, 0, 0].repeat(65)].concat()), E::Malformed),
            (header(1, 0x11, &vec![1; MAX + 1]), E::TooLong),
            (lies, E::Malformed),
        ] {
            assert_eq!(parse(&bytes), Err(error), "{bytes:?}");
        }
    }

    #[test]
    fn networks() {
        let within = |net: &str, ip: &str| net.parse::<Network>().unwrap().contains(ip.parse().unwrap());
        assert!(within("192.0.2.7", "192.0.2.7") && within("192.0.2.7", "::ffff:192.0.2.7"));
        assert!(!within("192.0.2.7", "192.0.2.8") && !within("192.0.2.7", "2001:db8::1"));
        assert!(within("192.0.2.0/24", "192.0.2.255") && !within("192.0.2.0/24", "192.0.3.0"));
        assert!(within("2001:db8:1::/48", "2001:db8:1:ffff::1") && !within("2001:db8:1::/48", "2001:db8:2::1"));
        for bad in ["", "host", "192.0.2.0/33", "192.0.2.0/0", "192.0.2.0/-1", "2001:db8::/129", "192.0.2.7/"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
        assert_eq!("192.0.2.7".parse::<Network>().unwrap().to_string(), "192.0.2.7/32");
    }
}
