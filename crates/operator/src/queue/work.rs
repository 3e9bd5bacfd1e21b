//! What outbound workers ask: a lane to a destination, the next message there, whether a server may have it.
use super::lanes::look;
use super::{Destination, LEASE, Outcome, OutcomeResult, Outgoing, Rows, aad, told};
use crate::boxed;
use crate::mail::shown::unsealed_address;
use crate::{Operator, refuse};
use sceau_domain::{DomainName, Refusal, RefusalCode, Timestamp};
use sceau_store::queue::{self, Budget, Candidate, Entry, Message};
use sceau_store::{Event, Id, StoreError, blob};
use sceau_trust::{Peer, Purpose};
use std::sync::Arc;
use std::time::Duration;

/// Longest sleep of an idle worker: another node may have queued something.
const IDLE: Duration = Duration::from_secs(60);
/// Recipients of one message sent in one transaction (RFC 5321 §4.5.3.1.8).
const RECIPIENTS: u32 = 100;
/// Most messages that a lane claims at once: one at first, more as they go.
const BATCH: u32 = 8;
/// Bytes of messages claimed together. A larger one is claimed alone.
const BATCH_BYTES: i64 = 256 << 10;
/// Another lane is worth a connection when so many recipients wait for each that is open.
const BACKLOG: i64 = 8;
/// Destinations looked at for one lane.
const LOOKED_AT: u32 = 16;
/// While lanes are open, a worker looks this often whether they are stuck.
const WATCH: Duration = Duration::from_millis(200);

impl Operator {
    /// This process as leases name it.
    pub(crate) fn lease_owner(&self) -> &str {
        self.0.leases.owner.get_or_init(|| {
            // The process as the store knows it, by which its death is noticed, and this operator in it.
            format!("{}:{:x}", self.0.store.owner(), self.0.store.new_id())
        })
    }

    /// Frees what a dead process of this node left leased or claimed, once.
    async fn free_dead_leases(&self) -> Result<(), StoreError> {
        let (owner, node, now) = (self.lease_owner().to_owned(), format!("{}:", self.0.store.node()), self.now());
        let free =
            || async { self.0.store.write(move |tx| queue::free_dead_leases(tx, &node, &owner, now)).await.map(drop) };
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

    /// A lane to the destination that is due first, of those to which this process has none.
    #[boxed]
    pub async fn lease_destination(&self) -> Result<Option<Destination>, Refusal> {
        self.lease_lane(&[], true).await
    }

    /// A lane to the destination that is due first, of those to which this process has none; otherwise another one to one of `widened`, when
    /// much waits there, or when all its lanes are busy with something long. `failing`: to those too that could not be reached last time.
    #[boxed]
    pub async fn lease_lane(&self, widened: &[DomainName], failing: bool) -> Result<Option<Destination>, Refusal> {
        let failed = |e: StoreError| refuse::store(&e);
        self.free_dead_leases().await.map_err(failed)?;
        let now = self.now();
        let open = self.0.leases.lanes.open(now);
        let beside = open.clone();
        let look = self.0.store.read(move |tx| {
            let due = queue::candidates(tx, now, &beside, failing, LOOKED_AT)?;
            due.into_iter().map(|c| Ok((queue::ready(tx, &c.domain, now, 1)?.any(), c))).collect::<Result<Vec<_>, _>>()
        });
        for (ready, candidate) in look.await.map_err(|e: StoreError| refuse::store(&e))? {
            if !ready {
                // Another has in hand all that is due there: looked at again when that may have changed.
                let name = candidate.domain;
                let again = self.0.store.write(move |tx| queue::reschedule(tx, &name, now)).await;
                again.map_err(|e: StoreError| refuse::store(&e))?;
                continue;
            }
            if let Some(lane) = self.open_lane(candidate).await? {
                return Ok(Some(lane));
            }
        }
        for domain in widened.iter().filter(|d| open.iter().any(|o| o == d.as_str())) {
            let (lanes, stuck) = self.0.leases.lanes.busy(domain.as_str());
            let needed = if stuck { 1 } else { BACKLOG * i64::try_from(lanes).unwrap_or(i64::MAX >> 8).max(1) };
            let name = domain.to_string();
            let waiting = self.0.store.read(move |tx| queue::ready(tx, &name, now, needed)).await;
            if waiting.map_err(|e: StoreError| refuse::store(&e))?.entries >= needed {
                let candidate = Candidate { domain: domain.to_string(), failing: false };
                return self.open_lane(candidate).await;
            }
        }
        Ok(None)
    }

    async fn open_lane(&self, candidate: Candidate) -> Result<Option<Destination>, Refusal> {
        let (now, until) = (self.now(), self.lease_end());
        if candidate.failing {
            let (owner, name) = (self.lease_owner().to_owned(), candidate.domain.clone());
            let leased = self.0.store.write(move |tx| queue::lease(tx, &owner, &name, now, until)).await;
            if !leased.map_err(|e: StoreError| refuse::store(&e))? {
                return Ok(None);
            }
        }
        let domain: DomainName =
            candidate.domain.parse().map_err(|_| refuse::store(&StoreError::Corrupt("destination".into())))?;
        let lane = self.0.store.new_id();
        self.0.leases.lanes.add(domain.as_str(), lane, until);
        let owner = self.lease_owner().to_owned();
        Ok(Some(Destination { domain, until, failing: candidate.failing, lane, owner, hand: Default::default() }))
    }

    /// Prolongs a lane and what it claimed, for a message that takes long to send. `Ok(None)` when something of it was lost meanwhile.
    #[boxed]
    pub async fn renew_destination(&self, destination: &Destination) -> Result<Option<Destination>, Refusal> {
        let (owner, domain, until) = (self.lease_owner().to_owned(), destination.domain.clone(), self.lease_end());
        let (claimed, settling, now) = {
            let hand = look(&destination.hand);
            (hand.all(), hand.settling.is_some(), self.now())
        };
        // The claim of what is being settled ends with its settlement, at any moment.
        let whole = claimed.len() as u64 - u64::from(settling);
        let held = self.0.store.write(move |tx| {
            let renewed = queue::renew_claims(tx, &owner, domain.as_str(), &claimed, now, until)?;
            queue::renew(tx, &owner, domain.as_str(), until)?;
            Ok::<_, StoreError>(renewed)
        });
        if held.await.map_err(|e| refuse::store(&e))? < whole {
            return Ok(None);
        }
        self.0.leases.lanes.renew(destination.domain.as_str(), destination.lane, until);
        Ok(Some(Destination { until, ..destination.clone() }))
    }

    /// Waits until something may be due (woken by submissions and `queue retry`, or the time of the next attempt, at most a minute).
    #[boxed]
    pub async fn queue_due(&self) {
        // Listen first, look second: what is queued in between wakes us.
        let woken = self.0.queue_wake.notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        let open = self.0.leases.lanes.open(self.now());
        let longest = if open.is_empty() { IDLE } else { WATCH };
        let pause = match self.0.store.read(move |tx| queue::next_due(tx, &open)).await {
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
            () = tokio::time::sleep(pause.min(longest)) => {}
        }
    }

    /// The next message of a lane, claimed; none when nothing is due there that is free, or when the destination was put off meanwhile. What was
    /// claimed and lost since (a node that was away for a moment is taken for dead) is left to who has it now.
    #[boxed]
    pub async fn next_outgoing(&self, destination: &Destination) -> Result<Option<Outgoing>, Refusal> {
        loop {
            let next = {
                let mut hand = look(&destination.hand);
                hand.current = hand.waiting.pop_front();
                hand.current
            };
            let Some(id) = next else { if self.claim(destination).await? { continue } else { return Ok(None) } };
            let (owner, domain, now) = (self.lease_owner().to_owned(), destination.domain.clone(), self.now());
            let due = self.0.store.read(move |tx| {
                let Some(rows) = queue::claimed(tx, &owner, domain.as_str(), id, now, RECIPIENTS)? else {
                    return Ok(None);
                };
                let blob = blob::find(tx, &rows.0.blob)?;
                Ok(Some((rows, blob)))
            });
            let Some((rows, blob)) = due.await.map_err(|e: StoreError| refuse::store(&e))? else {
                tracing::debug!(destination = %destination.domain, message = id, "claimed, and held, gone or taken by another");
                // Ours, and of no use: whoever returns or releases what was held meanwhile shall not wait for the end of a claim.
                let (owner, domain) = (self.lease_owner().to_owned(), destination.domain.clone());
                let given = self.0.store.write(move |tx| queue::unclaim(tx, &owner, domain.as_str(), &[id])).await;
                given.map_err(|e: StoreError| refuse::store(&e))?;
                look(&destination.hand).current = None;
                continue;
            };
            self.0.leases.lanes.took(destination.domain.as_str());
            let rows = Arc::new(rows);
            match self.open_queued(&rows, blob).await {
                Ok(outgoing) => return Ok(Some(outgoing)),
                Err(e @ (StoreError::Corrupt(_) | StoreError::NoKey)) => self.cannot_open(&rows.0, &rows.1, &e).await?,
                // Its file, its disk or the place of blobs: the others at this destination go on, and it is tried again later.
                Err(e @ (StoreError::Other(_) | StoreError::Transient(_))) => {
                    self.cannot_read(&rows.0, &rows.1, &e).await?;
                }
                Err(e) => return Err(refuse::store(&e)),
            }
        }
    }

    /// Claims more for a lane; false when there is nothing.
    async fn claim(&self, destination: &Destination) -> Result<bool, Refusal> {
        let (owner, domain, now) = (self.lease_owner().to_owned(), destination.domain.clone(), self.now());
        let until = self.lease_end();
        // One while nobody knows how the destination fares; more as it takes them.
        let messages = match destination.failing && look(&destination.hand).taken == 0 {
            true => 1,
            false => look(&destination.hand).taken.clamp(1, BATCH),
        };
        let budget = Budget { messages, bytes: BATCH_BYTES };
        let claimed = self.0.store.write(move |tx| queue::claim(tx, &owner, domain.as_str(), now, until, budget)).await;
        let claimed = claimed.map_err(|e: StoreError| refuse::store(&e))?;
        let mut hand = look(&destination.hand);
        hand.taken = hand.taken.saturating_add(u32::try_from(claimed.len()).unwrap_or(u32::MAX));
        hand.waiting = claimed.into();
        Ok(!hand.waiting.is_empty())
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

    async fn open_queued(&self, rows: &Arc<Rows>, blob: Option<blob::Found>) -> Result<Outgoing, StoreError> {
        let (message, entries) = &**rows;
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
        let (mut recipients, mut requests) = (Vec::with_capacity(entries.len()), Vec::with_capacity(entries.len()));
        for e in entries {
            let aad = aad(epoch, e.id, "queue.recipient");
            recipients.push((e.id, unsealed_address(&e.recipient, e.recipient_sealed.as_deref(), &key, aad)?));
            requests.push(told::rcpt_request(epoch, e, &key)?);
        }
        let blob_key = key.unwrap_key(aad(epoch, id, "queue.blob_key"), &message.blob_key)?;
        let content = store.open_found(message.blob, blob_key, blob).await?;
        let size = content.size() + prefix.len() as u64;
        Ok(Outgoing {
            id,
            from,
            recipients,
            requests,
            dsn: told::mail_request(message, &key)?,
            prefix,
            content,
            size,
            body_8bit: message.body_8bit,
            smtputf8: message.smtputf8,
            binary: message.binary,
            requiretls: message.requiretls,
            queued: message.created,
            rows: Arc::clone(rows),
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

    /// May we send to this server for this domain? (its chain is good and not revoked; white list in force, its DN listed for the domain)
    #[boxed]
    pub async fn check_server(
        &self,
        domain: &DomainName,
        chain: &[rustls_pki_types::CertificateDer<'_>],
    ) -> Result<Peer, Refusal> {
        let peer = self.judge_chain(Purpose::Peers, chain, false).await?;
        self.check_listed(domain, &peer)?;
        self.peer_seen(chain.first());
        Ok(peer)
    }

    /// The same before each message on a connection that is still open: its certificate may have been revoked, its domain may have left the list.
    #[boxed]
    pub async fn check_server_again(&self, domain: &DomainName, peer: &Peer) -> Result<(), Refusal> {
        self.judge_again(Purpose::Peers, peer, false).await?;
        self.check_listed(domain, peer)
    }

    fn check_listed(&self, domain: &DomainName, peer: &Peer) -> Result<(), Refusal> {
        let list = self.0.trust.white_list().ok_or(RefusalCode::PeerWhiteListAbsent)?;
        if !list.contains(domain) {
            return Err(Refusal::new(RefusalCode::RcptNotListed).with("domain", domain));
        }
        if !list.lists(domain, &peer.dn) {
            return Err(Refusal::new(RefusalCode::TransferServerNotListed).with("domain", domain).with("dn", &peer.dn));
        }
        Ok(())
    }

    /// Gives a lane back, and what it claimed and did not settle.
    #[boxed]
    pub async fn release_destination(&self, destination: &Destination) -> Result<(), Refusal> {
        if destination.owner != self.lease_owner() {
            return Ok(());
        }
        let (owner, domain, now) = (self.lease_owner().to_owned(), destination.domain.clone(), self.now());
        let claimed = std::mem::take(&mut *look(&destination.hand)).all();
        let released = self.0.store.write(move |tx| {
            queue::unclaim(tx, &owner, domain.as_str(), &claimed)?;
            queue::release(tx, &owner, domain.as_str(), now)
        });
        let released = released.await.map_err(|e: StoreError| refuse::store(&e));
        self.0.leases.lanes.close(destination.domain.as_str(), destination.lane);
        released
    }

    /// A queued message as its sender wrote its header, for reports. Empty when it does not open.
    pub(super) async fn queued_header(&self, message: &Message) -> Vec<u8> {
        self.read_header(message).await.unwrap_or_default()
    }

    /// A queued message whole, with the fields that go before it, for reports; none when it does not open. For small ones.
    pub(super) async fn queued_content(&self, message: &Message) -> Option<Vec<u8>> {
        let read = async {
            let key = self.0.store.vault().transit_key_of(message.epoch).await?;
            let blob_key = key.unwrap_key(aad(message.epoch, message.id, "queue.blob_key"), &message.blob_key)?;
            let mut whole = key.unseal(aad(message.epoch, message.id, "queue.prefix"), &message.prefix)?;
            let mut content = self.0.store.open_blob(message.blob, blob_key).await?;
            let size = usize::try_from(content.size()).unwrap_or(usize::MAX);
            let mut at = 0;
            while at < size {
                let piece = content.read_at(at as u64, size - at).await?;
                if piece.is_empty() {
                    return Err(StoreError::Corrupt("content of a queued message".into()));
                }
                at += piece.len();
                whole.extend_from_slice(&piece);
            }
            Ok::<_, StoreError>(whole)
        };
        read.await
            .inspect_err(|e| tracing::warn!(error = %e, message = message.id, "a report without the message"))
            .ok()
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
