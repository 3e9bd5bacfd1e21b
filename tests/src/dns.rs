//! A DNS of our own, on loopback: what it is asked and what it answers, octet by octet (RFC 1035 §4).
use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};

/// Kinds of records.
pub const A: u16 = 1;
/// An alias.
pub const CNAME: u16 = 5;
/// A mail server.
pub const MX: u16 = 15;
/// A text.
pub const TXT: u16 = 16;
/// A service.
pub const SRV: u16 = 33;
/// There is no such name.
pub const NXDOMAIN: u8 = 3;
/// Seconds for which an answer may be kept: the shortest that a resolver of ours heeds.
const TTL: u32 = 1;

/// Records, or the code of an error.
pub type Answer = Result<Vec<(u16, Vec<u8>)>, u8>;

/// Records as zone files write them, by whole name (no final dot) and kind; what is changed here is answered from then on.
pub type Zone = Arc<Mutex<BTreeMap<(String, u16), Vec<String>>>>;

/// Serves a zone; where it listens.
pub fn serve(zone: &Zone) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("port");
    let (at, zone) = (socket.local_addr().expect("port"), Arc::clone(zone));
    std::thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((n, from)) = socket.recv_from(&mut buffer) {
            let Some((name, kind, end)) = read(&buffer[..n]) else { continue };
            let zone = zone.lock().expect("zone");
            let known = zone.keys().any(|(known, _)| *known == name);
            let values = zone.get(&(name, kind)).map(Vec::as_slice).unwrap_or_default();
            let found = if known { Ok(values.iter().map(|v| (kind, data(kind, v))).collect()) } else { Err(NXDOMAIN) };
            let _ = socket.send_to(&reply(&buffer[..end], found), from);
        }
    });
    at
}

/// A kind by its name.
pub fn kind(name: &str) -> u16 {
    match name {
        "CNAME" => CNAME,
        "MX" => MX,
        "TXT" => TXT,
        "SRV" => SRV,
        other => panic!("{other}: no kind of records here"),
    }
}

/// A value in octets.
fn data(kind: u16, value: &str) -> Vec<u8> {
    let words: Vec<&str> = value.split(' ').collect();
    let numbers = |n: usize| words[..n].iter().flat_map(|w| w.parse::<u16>().expect("a number").to_be_bytes());
    let host = || labels(words.last().expect("a host").trim_end_matches('.'));
    match kind {
        MX => numbers(1).chain(host()).collect(),
        SRV => numbers(3).chain(host()).collect(),
        CNAME => host(),
        _ => [&[u8::try_from(value.len()).expect("short")], value.as_bytes()].concat(),
    }
}

/// The name that is asked for, the kind, and where the question ends.
pub fn read(question: &[u8]) -> Option<(String, u16, usize)> {
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

/// A name in octets.
pub fn labels(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in name.split('.') {
        out.push(u8::try_from(label.len()).expect("a label"));
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    out
}

/// A reply to this question (header and question only).
pub fn reply(question: &[u8], found: Answer) -> Vec<u8> {
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
