//! What is asked of the header of a partner's message, what is written above it, and what makes two deliveries the same.
use super::Envelope;
use crate::{Operator, Origin, Received};
use sceau_domain::{Address, Refusal, RefusalCode, Timestamp};
use sceau_message::{header, trace_field};
use sceau_store::dedupe;
use sceau_trust::Peer;
use std::net::{IpAddr, Ipv4Addr};

impl Operator {
    /// One From, whose domain lists the peer's DN; no loop. A report (null reverse path) may come from a host of such a domain, `MAILER-DAEMON@mx.…`, as
    /// mail servers write when nobody told them otherwise: a sender who is not told of a failure would believe that the mail arrived.
    pub(super) fn check_header(&self, peer: &Peer, from: Option<&Address>, message: &Received) -> Result<(), Refusal> {
        let origin = header::origin(&message.scan.header)?;
        if self.0.config.check_header_from {
            let domain = origin.from.domain();
            let listed = self.0.trust.white_list().is_some_and(|list| {
                // The nearest one in the list is whose host it is.
                let host_of = || domain.enclosing().find(|d| list.contains(d));
                let of = if from.is_none() && !list.contains(domain) { host_of() } else { None };
                list.lists(of.as_ref().unwrap_or(domain), &peer.dn)
            });
            if !listed {
                return Err(Refusal::new(RefusalCode::HeaderFromNotPeers).with("domain", domain).with("dn", &peer.dn));
            }
        }
        super::check_loop(&message.scan, &self.0.config.limits)
    }

    /// `Return-Path` and `Received`. No recipient in them: the copies of all recipients are the same.
    pub(super) fn arrival_fields(
        &self,
        peer: &Peer,
        envelope: &Envelope,
        origin: &Origin,
        id: &str,
        now: Timestamp,
    ) -> Vec<u8> {
        let received = trace_field::Received {
            helo: &envelope.helo,
            remote: origin.remote.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            by: &self.0.config.hostname,
            with: envelope.with,
            tls: origin.tls.as_deref(),
            peer: Some(peer.dn.as_str()),
            id,
            at: now,
        };
        (trace_field::return_path(envelope.from.as_ref()) + &received.field()).into_bytes()
    }

    /// What was accepted before this instant is forgotten.
    pub(crate) fn dedupe_horizon(&self, now: Timestamp) -> Timestamp {
        now.plus_ms(i64::try_from(self.0.config.dedupe.as_millis()).map_or(i64::MIN, |ms| -ms))
    }

    /// What makes two deliveries the same. Lengths before values: no two tuples read alike.
    pub(super) fn dedupe_digest(
        &self,
        peer: &Peer,
        from: Option<&Address>,
        to: &Address,
        content: &[u8; 32],
    ) -> dedupe::Digest {
        let mut data = Vec::with_capacity(256);
        for part in [peer.dn.key().to_owned(), from.map(Address::key).unwrap_or_default(), to.key()] {
            data.extend_from_slice(&(part.len() as u64).to_be_bytes());
            data.extend_from_slice(part.as_bytes());
        }
        data.extend_from_slice(content);
        self.0.store.vault().tag("dedupe", &data)
    }
}
