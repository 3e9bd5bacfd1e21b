//! What submission changes in a header: Bcc goes (RFC 5322 §3.6.3), and what only a server on the way may say; a missing Date or Message-ID is noticed
//! (RFC 6409 §8). `Received` stays: a relay may stand before us, its fields are below ours, and they count against loops. Everything else, X-MSS-* first of
//! all, stays octet by octet.
use super::Envelope;
use crate::{Actor, Operator, Received, Who, refuse};
use sceau_domain::{Refusal, Timestamp};
use sceau_message::trace_field;
use sceau_store::StoreError;
use std::net::{IpAddr, Ipv4Addr};

/// Bytes read at a time when a message is written anew.
const PIECE: usize = 64 << 10;

/// Fields that a client has no business to write: the way back is the envelope's (RFC 5321 §4.4), results of checks are the receiving server's (RFC 8601
/// §5), our own are ours.
const OURS: [&str; 4] = ["Return-Path", "Authentication-Results", "ARC-Authentication-Results", "Received-SPF"];
/// How fields of ours begin.
const MARK: &[u8] = b"X-Sceau-";

impl Operator {
    /// Fields that go before the content: `Received`, and what RFC 6409 §8 lets us add.
    pub(super) fn submission_fields(
        &self,
        actor: &Actor,
        envelope: &Envelope,
        message: &Received,
        id: &str,
        now: Timestamp,
    ) -> Vec<u8> {
        let hostname = &self.0.config.hostname;
        let received = trace_field::Received {
            helo: &envelope.helo,
            remote: actor.origin.remote.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            by: hostname,
            with: envelope.with,
            tls: actor.origin.tls.as_deref(),
            peer: match &actor.who {
                Who::Connector(c) => Some(c.dn.as_str()),
                _ => None,
            },
            id,
            at: now,
        };
        let mut fields = received.field();
        if !has(&message.scan.header, "Date") {
            fields += &format!("Date: {}\r\n", trace_field::rfc5322_date(now));
        }
        if !has(&message.scan.header, "Message-ID") {
            fields += &format!("Message-ID: <{id}@{hostname}>\r\n");
        }
        fields.into_bytes()
    }

    /// The message without Bcc, written anew when there is one: what is stored is what may be seen.
    pub(super) async fn without_bcc(&self, message: Received) -> Result<(Received, Vec<u8>), Refusal> {
        let Some(cleaned) = cleaned(&message.scan.header) else { return Ok((message, Vec::new())) };
        let store_failed = |e: StoreError| refuse::store(&e);
        let mut intake = self.intake(message.scan.size);
        intake.push(&cleaned.header)?;
        let mut reader = message.spool.reader().map_err(store_failed)?;
        let mut at = message.scan.header.len() as u64;
        while at < message.scan.size {
            let piece = reader.read_at(at, PIECE).await.map_err(store_failed)?;
            if piece.is_empty() {
                break;
            }
            at += piece.len() as u64;
            intake.push(&piece)?;
            // A large message is much work: let others have the thread between pieces.
            tokio::task::yield_now().await;
        }
        Ok((intake.finish()?, cleaned.bcc))
    }
}

/// A header section without its Bcc fields, nor what only we may say.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cleaned {
    /// What stays, byte for byte.
    pub header: Vec<u8>,
    /// The fields that went, as written (the sender's own copy shows them).
    pub bcc: Vec<u8>,
}

/// Where a field goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Stays,
    Hidden,
    Gone,
}

fn fate(name: &[u8]) -> Fate {
    let ours = name.get(..MARK.len()).is_some_and(|start| start.eq_ignore_ascii_case(MARK));
    if is(name, "Bcc") || is(name, "Resent-Bcc") {
        Fate::Hidden
    } else if ours || OURS.iter().any(|f| is(name, f)) {
        Fate::Gone
    } else {
        Fate::Stays
    }
}

/// Takes every Bcc and Resent-Bcc field out of a header section, and what only we may say; `None` when there is none.
fn cleaned(header: &[u8]) -> Option<Cleaned> {
    let (mut kept, mut bcc) = (Vec::with_capacity(header.len()), Vec::new());
    let mut at = Fate::Stays;
    for line in header.split_inclusive(|&b| b == b'\n') {
        // A folded line belongs to the field before it.
        if !matches!(line.first(), Some(b' ' | b'\t')) {
            at = name(line).map_or(Fate::Stays, fate);
        }
        match at {
            Fate::Stays => kept.extend_from_slice(line),
            Fate::Hidden => bcc.extend_from_slice(line),
            Fate::Gone => {}
        }
    }
    (kept.len() < header.len()).then_some(Cleaned { header: kept, bcc })
}

/// Is there a field of this name?
fn has(header: &[u8], field: &str) -> bool {
    header.split(|&b| b == b'\n').any(|line| name(line).is_some_and(|n| is(n, field)))
}

/// The name before the colon of a line that starts a field, obsolete space before the colon removed (RFC 5322 §4.5).
fn name(line: &[u8]) -> Option<&[u8]> {
    let colon = line.iter().position(|&b| b == b':')?;
    let name = line.get(..colon)?.trim_ascii_end();
    (!name.is_empty() && name.iter().all(|b| matches!(b, 33..=126))).then_some(name)
}

fn is(name: &[u8], expected: &str) -> bool {
    name.eq_ignore_ascii_case(expected.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_bcc_goes_and_nothing_else() {
        let header =
            b"From: a@x.fr\r\nBCC: b@x.fr,\r\n c@x.fr\r\nTo: d@x.fr\r\nbcc :\r\n\te@x.fr\r\nResent-Bcc: f@x.fr\r\n\
            Subject: Bcc: stays\r\n Bcc: folded, stays\r\nX-Bcc: stays\r\n\r\n";
        let found = cleaned(header).expect("there are some");
        assert_eq!(
            found.header,
            b"From: a@x.fr\r\nTo: d@x.fr\r\nSubject: Bcc: stays\r\n Bcc: folded, stays\r\nX-Bcc: stays\r\n\r\n"
        );
        assert_eq!(found.bcc, b"BCC: b@x.fr,\r\n c@x.fr\r\nbcc :\r\n\te@x.fr\r\nResent-Bcc: f@x.fr\r\n");
        assert_eq!(cleaned(&found.header), None);
    }

    #[test]
    fn a_bcc_at_the_end_without_blank_line_goes_too() {
        let found = cleaned(b"To: d@x.fr\r\nBcc: e@x.fr").expect("there is one");
        assert_eq!((found.header.as_slice(), found.bcc.as_slice()), (&b"To: d@x.fr\r\n"[..], &b"Bcc: e@x.fr"[..]));
    }

    #[test]
    fn what_only_a_server_may_say_goes_and_what_the_software_says_stays() {
        let header = b"Return-Path: <x@y.fr>\r\nFrom: a@x.fr\r\nX-MSS-INS: O\r\nauthentication-results :\r\n mss.alpha.fr; ok\r\n\
            X-sceau-Unread: nothing\r\nReceived: from a by b; c\r\nX-MSS-NIL: 12\r\nX-Sceaux: a town\r\nReceived-SPF: pass\r\n\r\n";
        let found = cleaned(header).expect("there are some");
        let kept =
            "From: a@x.fr\r\nX-MSS-INS: O\r\nReceived: from a by b; c\r\nX-MSS-NIL: 12\r\nX-Sceaux: a town\r\n\r\n";
        assert_eq!(String::from_utf8_lossy(&found.header), kept);
        assert!(found.bcc.is_empty());
    }

    #[test]
    fn fields_are_found_by_name_only() {
        let header = b"Subject: Date: no\r\n Message-ID: no\r\nmessage-id: <a@b>\r\n\r\n";
        assert!(has(header, "Message-ID"));
        assert!(!has(header, "Date"));
    }
}
