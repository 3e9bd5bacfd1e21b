//! A DNS of our own, on loopback: answers, fails, keeps silent, answers rubbish.
use super::places::{Dns, Place};
use sceau_e2e::dns::{A, Answer, MX, NXDOMAIN, labels, read, reply};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

const SERVFAIL: u8 = 2;
const REFUSED: u8 = 5;

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
