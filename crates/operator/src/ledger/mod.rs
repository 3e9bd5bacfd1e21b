//! The ledger of partners (F211): who was met, with which TLS and certificate, what failed and why, how long deliveries took; and what became weaker.
//!
//! Contacts are added up in memory ([`Operator::peer_contact`] and its like: no wait, no I/O) and written every few seconds, here and when the program
//! stops: what a crash loses is at most that much. Promises: memory and rows are bounded whatever peers do: a row stands for a domain that the white list
//! gives to the certificate, everything else adds up under no domain; a weakening is an alarm that says before and after.
mod memory;
mod views;
mod write;

pub use memory::Direction;
pub(crate) use memory::Memory;
pub use views::{PeerCauseView, PeerCertificateView, PeerDayView, PeerDetail, PeerView};

use crate::boxed;
use crate::mail::Accepted;
use crate::{Operator, Peer};
use memory::Told;
use rustls_pki_types::CertificateDer;
use sceau_domain::{Address, DomainName, Refusal, RefusalCode};
use sceau_trust::{Dn, Facts};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often what was added up is written.
pub const EVERY: Duration = Duration::from_secs(5);

impl Operator {
    /// A handshake went well and the certificate is good. Of clients the domain is not known yet.
    pub fn peer_contact(&self, direction: Direction, domain: Option<&DomainName>, peer: &Peer, tls: Option<&str>) {
        let told = Told::Contact {
            issuer: peer.issuer.as_str(),
            fingerprint: &peer.fingerprint,
            tls: tls.unwrap_or_default(),
        };
        self.0.ledger.tell(direction, domain, Some(&peer.dn), self.now(), told);
    }

    /// The certificate that a peer showed, for the inventory.
    pub(crate) fn peer_seen(&self, leaf: Option<&CertificateDer<'_>>) {
        if let Some(facts) = leaf.filter(|leaf| !self.0.ledger.has_seen(leaf, self.now())).and_then(Facts::of) {
            self.0.ledger.see(facts, self.now());
        }
    }

    /// A message was taken: by us from this peer, or by a server with this certificate's name after `delay` milliseconds in the queue.
    pub fn peer_delivered(
        &self,
        direction: Direction,
        domain: Option<&DomainName>,
        dn: Option<&Dn>,
        bytes: u64,
        delay: Option<i64>,
    ) {
        self.0.ledger.tell(direction, domain, dn, self.now(), Told::Delivered { bytes, delay });
    }

    /// Something failed. Of a client the domain is given only when its certificate has a right to it.
    pub fn peer_failed(&self, direction: Direction, domain: Option<&DomainName>, dn: Option<&Dn>, cause: RefusalCode) {
        self.0.ledger.tell(direction, domain, dn, self.now(), Told::Failed(cause));
    }

    /// The MX door met a client: what it showed goes into the inventory when it is good, and counts as a failure else.
    pub fn note_client(&self, chain: &[CertificateDer<'_>], judged: &Result<Peer, Refusal>) {
        match judged {
            Ok(_) => self.peer_seen(chain.first()),
            Err(refusal) => self.peer_failed(Direction::In, None, None, refusal.code),
        }
    }

    /// MAIL of a client was judged. A domain to which its certificate has no right is not named: a peer could fill the ledger with any.
    pub fn note_sender(&self, peer: &Peer, from: Option<&Address>, tls: Option<&str>, judged: &Result<(), Refusal>) {
        let domain = from.map(Address::domain);
        match judged {
            Ok(()) => self.peer_contact(Direction::In, domain, peer, tls),
            Err(refusal) => {
                let has_right = !matches!(refusal.code, RefusalCode::SenderDomainNotPeers);
                self.peer_failed(Direction::In, domain.filter(|_| has_right), Some(&peer.dn), refusal.code);
            }
        }
    }

    /// The message of a client was accepted, or not; `size` in bytes.
    pub fn note_received(&self, peer: &Peer, from: Option<&Address>, size: u64, accepted: &Result<Accepted, Refusal>) {
        let domain = from.map(Address::domain);
        match accepted {
            Ok(accepted) if accepted.duplicate => {}
            Ok(_) => self.peer_delivered(Direction::In, domain, Some(&peer.dn), size, None),
            Err(refusal) => {
                let has_right = !matches!(refusal.code, RefusalCode::SenderDomainNotPeers);
                self.peer_failed(Direction::In, domain.filter(|_| has_right), Some(&peer.dn), refusal.code);
            }
        }
    }

    /// Writes the ledger every few seconds until `stop`, and a last time then.
    #[boxed]
    pub async fn run_ledger(&self, stop: CancellationToken) {
        loop {
            let ends = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(EVERY) => false,
            };
            self.flush_ledger().await;
            if ends {
                return;
            }
        }
    }
}
