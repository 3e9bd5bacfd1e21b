//! A message arrives from another operator.
//!
//! Promises: every command is judged against the white list in force at that moment; a refusal carries its code and is
//! traced; `Ok` of [`Operator::mx_accept`] means that each recipient's copy is durable, once, however often the peer
//! sends the same message again within the configured time.
use super::keep::{Kept, keep_all};
use super::parties::{Found, Local, bal_by_key};
use super::receipt;
use super::responder::Test;
use super::to_queue::ToQueue;
use super::{Accepted, Envelope, Judged, Rcpt};
use crate::antivirus::{About, Whose};
use crate::boxed;
use crate::mailbox::deliver::{self, Prepared, Target};
use crate::mailbox::entries::FlagSet;
use crate::record::{By, Fact};
use crate::refuse::{self, Fail};
use crate::{Actor, Operator, Origin, Received};
use rustls_pki_types::CertificateDer;
use sceau_domain::exchange::{Recipient, may_exchange};
use sceau_domain::{Address, Refusal, RefusalCode, Timestamp};
use sceau_message::trace_field;
use sceau_store::{Id, blob, dedupe, queue};
use sceau_trust::{Peer, Purpose};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Instant;

/// Recipients of one message from a peer: RFC 5321 §4.5.3.1.8 asks for 100 at least, whatever our own people may use.
const RECIPIENTS: usize = 100;

/// Bytes that the way adds to a message (`Return-Path`, `Received`) and that no peer announces. What is accepted at RCPT must have room after DATA too:
/// a full BAL in which only these have none would send the whole message back at each try, from its other recipients as well.
const ADDED: u64 = 1 << 10;

/// One answer for all recipients of a message of which some were refused after they had been accepted. The others lose nothing by it and nobody is told
/// twice: the peer is asked to come again, and hears about each at RCPT. For good only when nobody would get it.
fn for_all(refused: &[Refusal], recipients: usize) -> Option<Refusal> {
    let first = refused.first()?;
    if first.is_temporary() || refused.len() == recipients {
        return Some(first.clone());
    }
    // The peer is not told why; the trace is.
    Some(Refusal::new(RefusalCode::RcptChanged).with("cause", first.code.as_str()))
}

/// A recipient whose mail goes to its structure's own server.
struct Carried {
    rcpt: Rcpt,
    bal: Id,
    shown: String,
    digest: dedupe::Digest,
}

impl Operator {
    /// Judges the chain shown in the handshake: chain, validity, revocation, listed for at least one domain. Traces refusals.
    #[boxed]
    pub async fn mx_peer(&self, chain: &[CertificateDer<'_>], origin: &Origin) -> Result<Peer, Refusal> {
        match self.judge_peer(chain).await {
            Ok(peer) => Ok(peer),
            Err((peer, refusal)) => Err(self.refused(By::peer(peer.as_deref(), origin), None, None, refusal).await),
        }
    }

    async fn judge_peer(&self, chain: &[CertificateDer<'_>]) -> Result<Peer, (Option<Box<Peer>>, Refusal)> {
        let peer = self.judge_chain(Purpose::Peers, chain, true).await.map_err(|refusal| (None, refusal))?;
        let Some(list) = self.0.trust.white_list() else {
            return Err((Some(peer.into()), RefusalCode::PeerWhiteListAbsent.into()));
        };
        if list.knows(&peer.dn) {
            return Ok(peer);
        }
        let refusal = Refusal::new(RefusalCode::PeerNotListed).with("dn", &peer.dn);
        Err((Some(peer.into()), refusal))
    }

    /// MAIL: the peer's certificate is good and not revoked, now; the sender's domain lists its DN; `<>` from a peer listed for at least one domain.
    /// Judged at each MAIL, on connections that were opened, or whose TLS session began, before.
    #[boxed]
    pub async fn mx_sender(
        &self,
        peer: &Peer,
        from: Option<&Address>,
        size: Option<u64>,
        origin: &Origin,
    ) -> Result<(), Refusal> {
        let judged = match self.judge_again(Purpose::Peers, peer, true).await {
            Ok(()) => self.judge_sender(peer, from, size).and_then(|()| self.peer_may(peer, from, None)),
            Err(refusal) => Err(refusal),
        };
        match judged {
            Ok(()) => Ok(()),
            Err(refusal) => Err(self.refused(By::peer(Some(peer), origin), from, None, refusal).await),
        }
    }

    fn judge_sender(&self, peer: &Peer, from: Option<&Address>, size: Option<u64>) -> Result<(), Refusal> {
        // A long session outlives a certificate.
        if peer.not_after < self.now() {
            return Err(Refusal::new(RefusalCode::PeerExpired).with("dn", &peer.dn));
        }
        let Some(list) = self.0.trust.white_list() else { return Err(RefusalCode::PeerWhiteListAbsent.into()) };
        match from {
            Some(a) if !list.lists(a.domain(), &peer.dn) => {
                return Err(Refusal::new(RefusalCode::SenderDomainNotPeers)
                    .with("domain", a.domain())
                    .with("dn", &peer.dn));
            }
            None if !list.knows(&peer.dn) => {
                return Err(Refusal::new(RefusalCode::PeerNotListed).with("dn", &peer.dn));
            }
            _ => {}
        }
        let largest = self.0.config.limits.announced_bytes();
        if size.is_some_and(|s| s > largest) {
            return Err(Refusal::new(RefusalCode::MessageTooBig).with("limit", super::megabytes(largest)));
        }
        Ok(())
    }

    /// RCPT: the BAL exists, may receive from this sender, has room (`size` as announced); `already` recipients were accepted. What was found goes into
    /// the envelope.
    #[boxed]
    pub async fn mx_recipient(
        &self,
        peer: &Peer,
        from: Option<&Address>,
        to: &Address,
        already: usize,
        size: Option<u64>,
        origin: &Origin,
    ) -> Result<Judged, Refusal> {
        let limit = self.mx_recipients();
        let judged = if already >= limit {
            Err(Refusal::new(RefusalCode::RcptTooMany).with("limit", limit))
        } else {
            let size = size.map_or(0, |announced| announced.saturating_add(ADDED));
            let judged = self.judge_recipient(peer, from, to, size).await;
            judged.and_then(|found| self.peer_may(peer, from, Some(already)).map(|()| Judged::of(found)))
        };
        if judged.as_ref().is_err_and(|refusal| refusal.code == RefusalCode::RcptUnknown) {
            // Whoever tries addresses out is answered later and later, and never hears less than the truth.
            tokio::time::sleep(self.note_unknown_of_peer(peer)).await;
        }
        match judged {
            Ok(judged) => Ok(judged),
            Err(refusal) => Err(self.refused(By::peer(Some(peer), origin), from, Some(to), refusal).await),
        }
    }

    /// Recipients that a message of a peer may have.
    pub fn mx_recipients(&self) -> usize {
        self.0.config.limits.recipients.max(RECIPIENTS)
    }

    async fn judge_recipient(
        &self,
        peer: &Peer,
        from: Option<&Address>,
        to: &Address,
        size: u64,
    ) -> Result<Found, Refusal> {
        let found = self.find(to).await?;
        if matches!(found, Found::Elsewhere) {
            self.not_here(to).await?;
        }
        // The peer answers for its patients: that one answers a professional is its rule to hold.
        may_exchange(&self.foreign_sender(from, &peer.dn), &found.recipient(self, to), true)?;
        if matches!(found, Found::Responder(_)) {
            self.may_test(to.domain(), from.is_some_and(|a| self.foreign(a, Some(&peer.dn)).test))?;
        }
        found.check_room(to, size)?;
        Ok(found)
    }

    /// After DATA: header rules (one From whose domain lists the peer, loop limit), then one transaction: blob, rows for every
    /// recipient, dedupe record, traces. Returns after it is durable.
    #[boxed]
    pub async fn mx_accept(
        &self,
        peer: &Peer,
        envelope: Envelope,
        message: Received,
        origin: &Origin,
    ) -> Result<Accepted, Refusal> {
        let from = envelope.from.clone();
        let room = match self.reserve_for_peer(peer, from.as_ref(), envelope.to.len()) {
            Ok(room) => room,
            Err(refusal) => return Err(self.refused(By::peer(Some(peer), origin), from.as_ref(), None, refusal).await),
        };
        match self.accept(peer, envelope, message, origin).await {
            Ok(accepted) if accepted.duplicate => Ok(accepted),
            Ok(accepted) => {
                room.kept();
                Ok(accepted)
            }
            Err(refusal) => Err(self.refused(By::peer(Some(peer), origin), from.as_ref(), None, refusal).await),
        }
    }

    async fn accept(
        &self,
        peer: &Peer,
        envelope: Envelope,
        message: Received,
        origin: &Origin,
    ) -> Result<Accepted, Refusal> {
        if envelope.to.is_empty() {
            return Err(RefusalCode::RcptNone.into());
        }
        // The list may have changed since MAIL.
        self.judge_sender(peer, envelope.from.as_ref(), Some(message.scan.size))?;
        self.check_header(peer, envelope.from.as_ref(), &message)?;
        let (now, began) = (self.now(), Instant::now());
        let id = super::new_tag(&self.0.store);
        let prefix = self.arrival_fields(peer, &envelope, origin, &id, now);
        let size = message.scan.size + prefix.len() as u64;

        // Who gets it, and by which recipients: a BAL named twice (postmaster@ and its own address) gets one copy.
        let mut copies: BTreeMap<Id, (String, Vec<dedupe::Digest>)> = BTreeMap::new();
        // Whose mail their structure's own server keeps.
        let mut carried: Vec<Carried> = Vec::new();
        // To the test responder: answered, not kept.
        let mut tests: Vec<Test> = Vec::new();
        let mut refused = Vec::new();
        let mut ours: Vec<Rcpt> = Vec::new();
        // What is taken to be as it was at RCPT, until the transaction looks.
        let mut as_named: Vec<(Address, String, Local)> = Vec::new();
        for rcpt in &envelope.to {
            let to = &rcpt.address;
            let named = self.as_named(rcpt, size).await;
            let judged = match &named {
                Some(local) => {
                    let recipient = Recipient::Own(local.own.clone());
                    may_exchange(&self.foreign_sender(envelope.from.as_ref(), &peer.dn), &recipient, true)
                        .map(|()| Found::Bal(local.clone()))
                }
                None => self.judge_recipient(peer, envelope.from.as_ref(), to, size).await,
            };
            as_named.extend(named.map(|local| (to.clone(), self.bal_key(to), local)));
            let found = match judged {
                Ok(found) => found,
                // The peer comes again whatever is said of the others: they are not asked about, least of all a database that does not answer.
                Err(refusal) if refusal.is_temporary() => return Err(refusal),
                Err(refusal) => {
                    refused.push(refusal);
                    continue;
                }
            };
            let digest = self.dedupe_digest(peer, envelope.from.as_ref(), to, &message.spool.digest);
            if matches!(found, Found::Responder(_)) {
                tests.push(Test {
                    id: id.clone(),
                    from: envelope.from.clone(),
                    to: to.clone(),
                    recipients: envelope.to.len(),
                    helo: envelope.helo.clone(),
                    with: envelope.with,
                    peer: Some(peer.clone()),
                    origin: origin.clone(),
                    header: message.scan.header.clone(),
                    envelope: message.scan.envelope.clone(),
                    size: message.scan.size,
                    began,
                    digest: Some(digest),
                });
            }
            if let Found::Bal(local) = &found
                && local.carried
            {
                carried.push(Carried { rcpt: rcpt.clone(), bal: local.id, shown: local.shown.clone(), digest });
            }
            for local in found.locals().iter().filter(|l| l.shut.is_none() && l.room >= size) {
                if ours.last() != Some(rcpt) {
                    ours.push(rcpt.clone());
                }
                copies.entry(local.id).or_insert_with(|| (local.shown.clone(), Vec::new())).1.push(digest);
            }
        }
        if let Some(refusal) = for_all(&refused, envelope.to.len()) {
            return Err(refusal);
        }
        let passed = self.pass_antivirus(
            &message,
            About {
                way: "in",
                id: &id,
                by: By::peer(Some(peer), origin),
                whose: Whose::Peer(peer),
                from: envelope.from.as_ref(),
                to: envelope.addresses().collect(),
                bals: copies.keys().copied().chain(carried.iter().map(|c| c.bal)).collect(),
                log: None,
            },
        );
        let passed = passed.await?;
        let prefix = passed.marked(prefix);
        let mut prepared: Vec<(Prepared, Vec<dedupe::Digest>)> = Vec::with_capacity(copies.len());
        // Ascending ids: the order in which BALs are locked.
        for (bal, (_, digests)) in &copies {
            let ready = self.prepare_delivery(*bal, Target::Inbox, &message, &prefix, FlagSet::default(), now).await?;
            prepared.push((ready, digests.clone()));
        }

        let queued = self.carried_rows(&carried, &envelope, &message, (&prefix, &id), now).await?;
        let mut facts = self.message_facts(&id, envelope.from.as_ref(), &message.scan.header, message.scan.size);
        facts["to"] = envelope.addresses().map(|a| self.shown(a)).collect::<Vec<_>>().into();
        facts["bals"] = copies.values().map(|(shown, _)| shown.as_str()).collect::<Vec<_>>().into();
        if !carried.is_empty() {
            facts["queued"] = carried.len().into();
            facts["carried"] = carried.iter().map(|c| c.shown.as_str()).collect::<Vec<_>>().into();
        }
        facts["certificate"] = json!({ "dn": peer.dn.as_str(), "serial": peer.serial, "sha256": peer.fingerprint });
        facts["tls"] = origin.tls.clone().into();
        facts["helo"] = envelope.helo.as_str().into();
        passed.tell(&mut facts);
        let by = By::peer(Some(peer), origin);
        let one = match (copies.iter().next(), carried.as_slice()) {
            (Some((bal, (shown, _))), []) if copies.len() == 1 => Some((*bal, shown.as_str())),
            (None, [only]) => Some((only.bal, only.shown.as_str())),
            _ => None,
        };
        // A message for one BAL is found by its acceptance; for several, each has a trace of its own.
        let mut delivered: BTreeMap<Id, Fact> = BTreeMap::new();
        if one.is_none() {
            for (bal, (shown, _)) in &copies {
                delivered
                    .insert(*bal, self.fact("mail.delivered", &by, Some((*bal, shown)), "ok", json!({ "id": id })));
            }
        }
        // By entry of the queue: its digest, and the trace of its BAL.
        let mut carriages: BTreeMap<Id, (dedupe::Digest, Option<Fact>)> = BTreeMap::new();
        if let Some((_, entries)) = &queued {
            for (entry, c) in entries.iter().zip(&carried) {
                let trace = one.is_none().then(|| {
                    self.fact(
                        "mail.carried",
                        &by,
                        Some((c.bal, &c.shown)),
                        "ok",
                        json!({ "id": id, "entry": entry.id }),
                    )
                });
                carriages.insert(entry.id, (c.digest, trace));
            }
        }
        let waiting = queued.is_some();
        let accepted = self.fact("mail.accepted", &by, one, "ok", facts.clone());
        let repeated = self.fact("mail.repeated", &by, one, "ok", facts);
        if copies.is_empty() && carried.is_empty() {
            // One message has one answer.
            if let Some(test) = tests.into_iter().next() {
                self.answer_test(test, accepted, repeated).await?;
            }
            return Ok(Accepted { id, duplicate: false });
        }

        let horizon = self.dedupe_horizon(now);
        let receipt = self.receipt(&envelope, None, &ours, &message, now).await;
        let (spools, confirmed) = receipt::beside(message.spool, receipt);
        let told = confirmed.clone();
        let recipients = envelope.to.len();
        let kept = keep_all(&self.0.store, spools, move |tx, rows| {
            let mut changed = Vec::new();
            for (to, key, before) in &as_named {
                changed.extend(before.changed(bal_by_key(tx, key)?.as_ref(), to));
            }
            if let Some(refusal) = for_all(&changed, recipients) {
                return Err(refusal.into());
            }
            let row = rows.first().ok_or(RefusalCode::Unavailable)?;
            // A copy is due when one of the recipients that lead to this BAL is new; all of them are claimed.
            let mut due = Vec::with_capacity(prepared.len());
            let mut claimed: BTreeMap<dedupe::Digest, bool> = BTreeMap::new();
            for (ready, digests) in &prepared {
                let mut new = false;
                for digest in digests {
                    let first = match claimed.get(digest) {
                        Some(first) => *first,
                        None => {
                            let first = dedupe::claim(tx, digest, now, horizon)?;
                            claimed.insert(*digest, first);
                            first
                        }
                    };
                    new |= first;
                }
                if new {
                    due.push(ready);
                }
            }
            let mut entries = Vec::new();
            for entry in queued.iter().flat_map(|(_, entries)| entries) {
                if let Some((digest, trace)) = carriages.get(&entry.id)
                    && dedupe::claim(tx, digest, now, horizon)?
                {
                    entries.push(entry.clone());
                    if let Some(trace) = trace {
                        trace.write(tx)?;
                    }
                }
            }
            if due.is_empty() && entries.is_empty() {
                repeated.write(tx)?;
                return Ok(Kept::No(None));
            }
            blob::insert(tx, row)?;
            let mut bals = Vec::with_capacity(due.len());
            for ready in due {
                deliver::insert(tx, ready, RefusalCode::RcptOverQuota).map_err(|fail| match fail {
                    Fail::No(refusal) => {
                        for_all(std::slice::from_ref(&refusal), prepared.len()).unwrap_or(refusal).into()
                    }
                    store @ Fail::Store(_) => store,
                })?;
                if let Some(trace) = delivered.get(&ready.bal) {
                    trace.write(tx)?;
                }
                bals.push(ready.bal);
            }
            if let Some((row, _)) = queued.as_ref().filter(|_| !entries.is_empty()) {
                queue::enqueue(tx, row, &entries)?;
            }
            receipt::write(tx, confirmed.as_ref().filter(|_| !bals.is_empty()), rows)?;
            accepted.write(tx)?;
            if bals.len() < prepared.len() || entries.len() < carriages.len() {
                repeated.write(tx)?;
            }
            Ok::<_, Fail>(Kept::Yes(Some(bals)))
        })
        .await?;
        let duplicate = kept.is_none();
        if let Some(test) = tests.into_iter().next() {
            // The copies are durable: a test beside them that fails is not a reason to send the message again.
            let [answered, again] =
                ["mail.tested", "mail.repeated"].map(|act| self.fact(act, &by, None, "ok", json!({ "id": id })));
            drop(self.answer_test(test, answered, again).await);
        }
        if let Some(ready) = told.filter(|_| !duplicate) {
            ready.after(self);
        }
        metrics::counter!("sceau_mail_accepted_total", "door" => "mx").increment(u64::from(!duplicate));
        for bal in kept.into_iter().flatten() {
            self.0.watch.notify(bal);
        }
        if waiting && !duplicate {
            self.wake_queue();
        }
        Ok(Accepted { id, duplicate })
    }

    /// Rows of the queue for structures' own servers, an entry a recipient in their order. The reverse path is theirs to write down (RFC 5321 §4.4).
    async fn carried_rows(
        &self,
        carried: &[Carried],
        envelope: &Envelope,
        message: &Received,
        (prefix, id): (&[u8], &str),
        now: Timestamp,
    ) -> Result<Option<(queue::Message, Vec<queue::Entry>)>, Refusal> {
        let elsewhere: Vec<Rcpt> = carried.iter().map(|c| c.rcpt.clone()).collect();
        let fields = &prefix[trace_field::return_path(envelope.from.as_ref()).len()..];
        self.queue_rows(&ToQueue::of(envelope, now, id, 0, &elsewhere), message, fields)
            .await
            .map_err(|e| refuse::store(&e))
    }

    /// Traces a refusal that a door decided by itself (syntax, bare newline, too many errors…).
    #[boxed]
    pub async fn trace_refusal(&self, who: Option<&Peer>, refusal: &Refusal, origin: &Origin) {
        self.refused(By::peer(who, origin), None, None, refusal.clone()).await;
    }

    /// As [`Operator::trace_refusal`], of somebody who has logged in.
    #[boxed]
    pub async fn trace_refusal_of(&self, actor: &Actor, refusal: &Refusal) {
        self.refused(By::actor(actor), None, None, refusal.clone()).await;
    }
}
