//! What outbound workers ask: a destination, the next message there, whether a server may have it.
use super::{Destination, LEASE, Outcome, OutcomeResult, Outgoing, aad};
use crate::mail::shown::unsealed_address;
use crate::{Operator, refuse};
use sceau_domain::{DomainName, Refusal, RefusalCode, Timestamp};
use sceau_store::queue::{self, Entry, Message};
use sceau_store::{Event, Id, StoreError};
use sceau_trust::{Peer, Purpose, peer};
use std::time::Duration;

/// Longest sleep of an idle worker: another node may have queued something.
const IDLE: Duration = Duration::from_secs(60);
/// Recipients of one message sent in one transaction (RFC 5321 §4.5.3.1.8).
const RECIPIENTS: u32 = 100;

impl Operator {
    /// This process as leases name it.
    pub(crate) fn lease_owner(&self) -> &str {
        self.0.leases.owner.get_or_init(|| {
            // The process as the store knows it, by which its death is noticed, and this operator in it.
            format!("{}:{:x}", self.0.store.owner(), self.0.store.new_id())
        })
    }

    /// Frees what a dead process of this node left leased, once.
    async fn free_dead_leases(&self) -> Result<(), StoreError> {
        let (owner, node) = (self.lease_owner().to_owned(), format!("{}:", self.0.store.node()));
        let free =
            || async { self.0.store.write(move |tx| queue::free_dead_leases(tx, &node, &owner)).await.map(drop) };
        self.0.leases.freed.get_or_try_init(free).await.map(drop)
    }

    /// After the commit of what queued mail or made it due: wakes the outbound workers, here and on the other nodes.
    pub(crate) fn wake_queue(&self) {
        self.0.queue_wake.notify_waiters();
        self.0.store.announce(Event::Queue);
    }

    pub(super) fn lease_end(&self) -> Timestamp {
        self.now().plus_ms(i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX))
    }

    /// Leases the destination that is due first, if any.
    pub async fn lease_destination(&self) -> Result<Option<Destination>, Refusal> {
        let failed = |e: StoreError| refuse::store(&e);
        self.free_dead_leases().await.map_err(failed)?;
        let now = self.now();
        if !self.0.store.read(move |tx| queue::anything_due(tx, now)).await.map_err(failed)? {
            return Ok(None);
        }
        let (owner, until) = (self.lease_owner().to_owned(), self.lease_end());
        let leased = self.0.store.write(move |tx| queue::lease(tx, &owner, now, until)).await.map_err(failed)?;
        let Some(name) = leased else { return Ok(None) };
        let domain = name.parse().map_err(|_| failed(StoreError::Corrupt("destination".into())))?;
        Ok(Some(Destination { domain, until }))
    }

    /// Prolongs a lease, for a message that takes long to send. `Ok(None)` when it was lost meanwhile.
    pub async fn renew_destination(&self, destination: &Destination) -> Result<Option<Destination>, Refusal> {
        let (owner, domain, until) = (self.lease_owner().to_owned(), destination.domain.clone(), self.lease_end());
        let held = self.0.store.write(move |tx| queue::renew(tx, &owner, domain.as_str(), until)).await;
        let held = held.map_err(|e: StoreError| refuse::store(&e))?;
        Ok(held.then(|| Destination { domain: destination.domain.clone(), until }))
    }

    /// Waits until something may be due (woken by submissions and `queue retry`, or the time of the next attempt, at most a minute).
    pub async fn queue_due(&self) {
        // Listen first, look second: what is queued in between wakes us.
        let woken = self.0.queue_wake.notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        let pause = match self.0.store.read(queue::next_due).await {
            Ok(Some(at)) => {
                u64::try_from(at.0.saturating_sub(self.now().0)).map_or(Duration::ZERO, Duration::from_millis)
            }
            Ok(None) => IDLE,
            Err(e) => {
                refuse::store(&e);
                Duration::from_secs(1)
            }
        };
        tokio::select! {
            () = &mut woken => {}
            () = tokio::time::sleep(pause.min(IDLE)) => {}
        }
    }

    /// The next message due at a leased destination; none when the lease was lost (a node that was away for a moment is taken for dead, and
    /// another one sends what it had).
    pub async fn next_outgoing(&self, destination: &Destination) -> Result<Option<Outgoing>, Refusal> {
        loop {
            let (owner, domain, now) = (self.lease_owner().to_owned(), destination.domain.clone(), self.now());
            let due = self.0.store.read(move |tx| {
                if !queue::holds(tx, &owner, domain.as_str())? {
                    tracing::warn!(destination = %domain, "the lease was lost: another worker goes on");
                    return Ok(None);
                }
                queue::due(tx, domain.as_str(), now, RECIPIENTS)
            });
            let due = due.await;
            let Some((message, entries)) = due.map_err(|e: StoreError| refuse::store(&e))? else { return Ok(None) };
            match self.open_queued(&message, &entries).await {
                Ok(outgoing) => return Ok(Some(outgoing)),
                Err(e @ (StoreError::Corrupt(_) | StoreError::NoKey)) => {
                    self.cannot_open(&message, &entries, &e).await?
                }
                // Its file, its disk or the place of blobs: the others at this destination go on, and it is tried again later.
                Err(e @ (StoreError::Other(_) | StoreError::Transient(_))) => {
                    self.cannot_read(&message, &entries, &e).await?
                }
                Err(e) => return Err(refuse::store(&e)),
            }
        }
    }

    /// A message that cannot be read now is put off as if the destination had said so: given back as due, it would be leased
    /// again without a pause.
    async fn cannot_read(&self, message: &Message, entries: &[Entry], e: &StoreError) -> Result<(), Refusal> {
        let refusal = refuse::store(e);
        let put_off = |entry: &Entry| Outcome {
            entry: entry.id,
            result: OutcomeResult::Deferred { server: None, reason: refusal.smtp_reply(), refusal: refusal.clone() },
        };
        self.settle(message.id, entries.iter().map(put_off).collect()).await
    }

    async fn open_queued(&self, message: &Message, entries: &[Entry]) -> Result<Outgoing, StoreError> {
        let (store, epoch, id) = (&self.0.store, message.epoch, message.id);
        let key = store.vault().transit_key_of(epoch).await?;
        let prefix = key.unseal(aad(epoch, id, "queue.prefix"), &message.prefix)?;
        let from = match message.sender.as_str() {
            "" => None,
            shown => {
                let aad = aad(epoch, id, "queue.sender");
                Some(unsealed_address(shown, message.sender_sealed.as_deref(), &key, aad)?)
            }
        };
        let mut recipients = Vec::with_capacity(entries.len());
        for e in entries {
            let aad = aad(epoch, e.id, "queue.recipient");
            recipients.push((e.id, unsealed_address(&e.recipient, e.recipient_sealed.as_deref(), &key, aad)?));
        }
        let blob_key = key.unwrap_key(aad(epoch, id, "queue.blob_key"), &message.blob_key)?;
        let content = store.open_blob(message.blob, blob_key).await?;
        let size = content.size() + prefix.len() as u64;
        Ok(Outgoing {
            id,
            from,
            recipients,
            prefix,
            content,
            size,
            body_8bit: message.body_8bit,
            smtputf8: message.smtputf8,
        })
    }

    /// A message that does not open any more would block its destination for ever: it fails, the sender is told, an alarm rises.
    async fn cannot_open(&self, message: &Message, entries: &[Entry], e: &StoreError) -> Result<(), Refusal> {
        tracing::error!(error = %e, message = message.id, "a queued message does not open");
        self.raise_alarm("queue.corrupt", &message.id.to_string(), true, serde_json::json!({ "cause": e.to_string() }))
            .await;
        let refusal = Refusal::new(RefusalCode::Unavailable);
        let failed = |entry: &Entry| Outcome {
            entry: entry.id,
            result: OutcomeResult::Failed {
                server: self.0.config.hostname.clone(),
                reply: refusal.smtp_reply(),
                status: "5.3.0".into(),
            },
        };
        self.settle(message.id, entries.iter().map(failed).collect()).await
    }

    /// May we send to this server for this domain? (white list in force, its DN listed for the domain)
    pub fn check_server(
        &self,
        domain: &DomainName,
        chain: &[rustls_pki_types::CertificateDer<'_>],
    ) -> Result<Peer, Refusal> {
        let anchors = self.0.trust.anchors();
        let peer =
            peer::judge(&anchors, Purpose::Peers, chain, false, self.now()).map_err(sceau_trust::PeerCause::refusal)?;
        let list = self.0.trust.white_list().ok_or(RefusalCode::PeerWhiteListAbsent)?;
        if !list.contains(domain) {
            return Err(Refusal::new(RefusalCode::RcptNotListed).with("domain", domain));
        }
        if !list.lists(domain, &peer.dn) {
            return Err(Refusal::new(RefusalCode::TransferServerNotListed).with("domain", domain).with("dn", &peer.dn));
        }
        Ok(peer)
    }

    /// Ends the lease.
    pub async fn release_destination(&self, destination: &Destination) -> Result<(), Refusal> {
        let (owner, domain, now) = (self.lease_owner().to_owned(), destination.domain.clone(), self.now());
        let released = self.0.store.write(move |tx| queue::release(tx, &owner, domain.as_str(), now)).await;
        released.map_err(|e: StoreError| refuse::store(&e))
    }

    /// A queued message as its sender wrote its header, for reports. Empty when it does not open.
    pub(super) async fn queued_header(&self, message: &Message) -> Vec<u8> {
        self.read_header(message).await.unwrap_or_default()
    }

    async fn read_header(&self, message: &Message) -> Result<Vec<u8>, StoreError> {
        /// More of a header than this serves nobody in a report.
        const MOST: usize = 64 << 10;
        let key = self.0.store.vault().transit_key_of(message.epoch).await?;
        let blob_key = key.unwrap_key(aad(message.epoch, message.id as Id, "queue.blob_key"), &message.blob_key)?;
        let mut bytes = self.0.store.open_blob(message.blob, blob_key).await?.read_at(0, MOST).await?;
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 2);
        let whole_lines = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        bytes.truncate(end.unwrap_or(whole_lines));
        Ok(bytes)
    }
}
