//! A DNS of our own, on loopback: answers, fails, keeps silent, answers rubbish.
use super::places::{Dns, Place};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

const A: u16 = 1;
const MX: u16 = 15;
const SERVFAIL: u8 = 2;
const NXDOMAIN: u8 = 3;
const REFUSED: u8 = 5;
/// Seconds for which an answer may be kept: the shortest that a resolver of ours heeds.
const TTL: u32 = 1;

/// Starts it; where it listens.
pub fn start(places: &[Place]) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("port");
    let at = socket.local_addr().expect("port");
    let mut zone = Zone { domains: BTreeMap::new(), asked: 0 };
    for place in places {
        zone.domains.insert(place.domain.clone(), place.dns.clone());
    }
    std::thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((n, from)) = socket.recv_from(&mut buffer) {
            if let Some(answer) = zone.answer(&buffer[..n]) {
                let _ = socket.send_to(&answer, from);
            }
        }
    });
    at
}

struct Zone {
    domains: BTreeMap<String, Dns>,
    /// Questions about domains that fail now and then.
    asked: u32,
}

/// Records, or the code of an error.
type Answer = Result<Vec<(u16, Vec<u8>)>, u8>;

impl Zone {
    fn answer(&mut self, question: &[u8]) -> Option<Vec<u8>> {
        let (name, kind, end) = read(question)?;
        // Servers: `mx1.` and so on, before the domain's name.
        let host = name.strip_prefix("mx").and_then(|n| n.split_once('.'));
        let (number, domain) = match host.map(|(n, d)| (n.parse::<usize>(), d)) {
            Some((Ok(number), domain)) => (Some(number), domain),
            _ => (None, name.as_str()),
        };
        let mx = |hosts: usize| -> Vec<(u16, Vec<u8>)> {
            let one = |i: usize| {
                let preference = u16::try_from(i * 10).unwrap_or(u16::MAX);
                (MX, [&preference.to_be_bytes()[..], &labels(&format!("mx{i}.{domain}"))].concat())
            };
            (1..=hosts).map(one).collect()
        };
        let address = |at: &Ipv4Addr| vec![(A, at.octets().to_vec())];
        let found: Answer = match (self.domains.get(domain), number, kind) {
            (None | Some(Dns::Unknown), ..) => Err(NXDOMAIN),
            (Some(Dns::Fails), ..) => Err(SERVFAIL),
            (Some(Dns::NullMx), None, MX) => Ok(vec![(MX, vec![0, 0, 0])]),
            (Some(Dns::Mx(servers)), None, MX) => Ok(mx(servers.len())),
            (Some(Dns::Mx(servers)), Some(n), A) => Ok(servers.get(n.wrapping_sub(1)).map(address).unwrap_or_default()),
            (Some(Dns::Address(at)), None, A) => Ok(address(at)),
            (Some(Dns::Sometimes(_)), None, MX) => {
                self.asked += 1;
                // A resolver asks again by itself: several failures in a row, each time of another kind.
                match (self.asked % 8, self.asked / 8 % 4) {
                    (0 | 5.., _) => Ok(mx(1)),
                    (_, 0) => Err(SERVFAIL),
                    (_, 1) => Err(REFUSED),
                    (_, 2) => return Some(question[..2].iter().copied().chain([0xff; 30]).collect()),
                    _ => return None,
                }
            }
            (Some(Dns::Sometimes(at)), Some(_), A) => Ok(address(at)),
            _ => Ok(Vec::new()),
        };
        Some(reply(&question[..end], found))
    }
}

/// The name that is asked for, the kind, and where the question ends.
fn read(question: &[u8]) -> Option<(String, u16, usize)> {
    let (mut name, mut at) = (String::new(), 12);
    loop {
        let length = usize::from(*question.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        let label = question.get(at..at + length)?;
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(&String::from_utf8_lossy(label).to_ascii_lowercase());
        at += length;
    }
    let kind = question.get(at..at + 2)?;
    (question.len() >= at + 4).then_some((name, u16::from_be_bytes([kind[0], kind[1]]), at + 4))
}

fn labels(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in name.split('.') {
        out.push(u8::try_from(label.len()).expect("a label"));
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    out
}

/// A reply to this question (header and question only).
fn reply(question: &[u8], found: Answer) -> Vec<u8> {
    let (code, records) = found.map_or_else(|code| (code, Vec::new()), |records| (0, records));
    let mut out = question[..2].to_vec();
    // An answer, recursion asked for and available.
    out.extend([0x81, 0x80 | code, 0, 1]);
    out.extend(u16::try_from(records.len()).expect("few").to_be_bytes());
    out.extend([0; 4]);
    out.extend(&question[12..]);
    for (kind, data) in records {
        out.extend([0xc0, 12]);
        out.extend(kind.to_be_bytes());
        out.extend([0, 1]);
        out.extend(TTL.to_be_bytes());
        out.extend(u16::try_from(data.len()).expect("small").to_be_bytes());
        out.extend(data);
    }
    out
}
