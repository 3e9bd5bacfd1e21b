//! A person or a machine sends (design §6).
//!
//! Promises: envelope sender, From and Sender are BALs that the person may send with (F150), and each has its trace, which says as what the person
//! sent with it, whichever BAL the session was opened with (F024); so are those who send it again (Resent-*); Bcc never leaves, nor does what only we may say;
//! the same message is sent once; who may
//! write to whom is `domain::exchange`'s decision; `Ok` of [`Operator::submit`] means that local copies and queue entries
//! are durable, all or none.
use super::keep::{Kept, keep_all};
use super::once::Same;
use super::parties::{Found, Local, bal_by_key};
use super::post::Posting;
use super::receipt;
use super::responder::Test;
use super::{Accepted, Envelope, Rcpt, clean};
use crate::access::{Acting, acting};
use crate::antivirus::{About, Passed};
use crate::login::is_live;
use crate::mailbox::deliver::{self, Prepared, Target};
use crate::mailbox::entries::{FlagSet, Flags};
use crate::queue::told;
use crate::record::{By, Fact};
use crate::refuse::{self, Fail};
use crate::{Actor, Operator, Received, Who, terms};
use sceau_domain::exchange::{Sender, may_exchange};
use sceau_domain::{Address, BalRights, Refusal, RefusalCode, Timestamp};
use sceau_message::{header, trace_field};
use sceau_store::{Id, StoreError, Tx, access, accounts, blob, queue};
use serde_json::json;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

/// Bytes read at a time when a message is written anew.
const PIECE: usize = 64 << 10;

impl Operator {
    /// MAIL: the actor may send from this address (F150).
    pub async fn submit_sender(&self, actor: &Actor, from: Option<&Address>, size: Option<u64>) -> Result<(), Refusal> {
        match self.judge_submitter(actor, from, size).await {
            Ok(()) => Ok(()),
            Err(refusal) => {
                self.note_refused(actor, &refusal);
                Err(self.refused(By::actor(actor), from, None, refusal).await)
            }
        }
    }

    async fn judge_submitter(&self, actor: &Actor, from: Option<&Address>, size: Option<u64>) -> Result<(), Refusal> {
        match from {
            Some(from) => drop(self.sending_bal(actor, from, RefusalCode::SenderNotAllowed).await?),
            // A server's notification (RFC 8098 §3), judged likewise.
            None if matches!(actor.who, Who::Connector(_)) => {}
            // A notification of a mail client (RFC 8098 §3): its From is judged after DATA all the same.
            None => {
                let seat = self.seat(actor)?.sending();
                self.0.store.read(move |tx| seat.check(tx)).await?;
            }
        }
        let largest = self.limits_of_actor(actor).await?.announced_bytes();
        if size.is_some_and(|s| s > largest) {
            return Err(Refusal::new(RefusalCode::MessageTooBig).with("limit", super::megabytes(largest)));
        }
        self.may_submit(actor)
    }

    /// RCPT: `domain::exchange` with what we know of both ends; ours must exist and have room.
    pub async fn submit_recipient(
        &self,
        actor: &Actor,
        to: &Address,
        already: usize,
        size: Option<u64>,
    ) -> Result<(), Refusal> {
        match self.judge_addressee(actor, to, already, size).await {
            Ok(()) => Ok(()),
            Err(refusal) => {
                self.note_refused(actor, &refusal);
                let from = actor.bal.as_ref().map(|b| &b.address);
                Err(self.refused(By::actor(actor), from, Some(to), refusal).await)
            }
        }
    }

    async fn judge_addressee(
        &self,
        actor: &Actor,
        to: &Address,
        already: usize,
        size: Option<u64>,
    ) -> Result<(), Refusal> {
        let limits = self.limits_of_actor(actor).await?;
        if already >= limits.recipients {
            return Err(Refusal::new(RefusalCode::RcptTooMany).with("limit", limits.recipients));
        }
        let bal = actor.bal.as_ref().ok_or(RefusalCode::RightMissing)?;
        let from = self.sending_bal(actor, &bal.address, RefusalCode::SenderNotAllowed).await?;
        self.check_size(&limits, to, size.unwrap_or(0))?;
        if let Found::Elsewhere = self.check_pair(&from.local, to, size.unwrap_or(0)).await? {
            self.check_route(to).await?;
        }
        self.may_write(actor, from.local.id, &limits, already)
    }

    /// May this BAL of ours write to `to`, and is there room?
    async fn check_pair(&self, from: &Local, to: &Address, size: u64) -> Result<Found, Refusal> {
        let found = self.find(to).await?;
        self.check_patient(to)?;
        // That a patient answers a professional cannot be seen from an envelope: only professionals start (F077).
        may_exchange(&Sender::Own(from.own.clone()), &found.recipient(self, to), false)?;
        if matches!(found, Found::Responder(_)) {
            self.may_test(to.domain(), from.own.is_test())?;
        }
        found.check_room(to, size)?;
        Ok(found)
    }

    /// The BAL behind an address, when the actor may send with it; `otherwise` the given refusal.
    async fn sending_bal(&self, actor: &Actor, address: &Address, otherwise: RefusalCode) -> Result<Voice, Refusal> {
        let (key, token, now) = (self.bal_key(address), actor.credential, self.now());
        let person = match &actor.who {
            Who::Person(p) => Some(p.id),
            Who::Connector(connector) => {
                let connector = connector.clone();
                let found = self.0.store.read(move |tx| {
                    let Some(local) = bal_by_key(tx, &key)? else { return Ok(None) };
                    let sends = crate::connectors::may_send(tx, &connector, &local, now)?;
                    Ok::<_, Fail>(sends.then_some(Voice { local, seat: None }))
                });
                let voice = found.await?.ok_or_else(|| Refusal::new(otherwise).with("address", address))?;
                return self.may_speak(&voice.local.own.domain).await.map(|()| voice);
            }
            Who::System => None,
        };
        let found = self.0.store.read(move |tx| {
            let Some(local) = bal_by_key(tx, &key)? else { return Ok(None) };
            if !local.open || !may_send(tx, person, local.id)? || !token_opens(tx, token, local.id, now)? {
                return Ok(None);
            }
            let mut seat = None;
            if let Some(person) = person {
                terms::require(tx, person, local.id, now.0)?;
                if let Some(seated) = access::seat(tx, local.id, person)? {
                    seat = acting(tx, local.id, &seated)?;
                }
            }
            Ok::<_, Fail>(Some(Voice { local, seat }))
        });
        match found.await? {
            Some(voice) => self.may_speak(&voice.local.own.domain).await.map(|()| voice),
            None => Err(Refusal::new(otherwise).with("address", address)),
        }
    }

    /// After DATA: From and Sender are BALs of the actor, Message-ID and Date added if absent, Bcc removed; one transaction:
    /// local deliveries, queue entries, traces. Returns after it is durable.
    pub async fn submit(&self, actor: &Actor, envelope: Envelope, message: Received) -> Result<Accepted, Refusal> {
        let from = envelope.from.clone();
        match self.take(actor, envelope, message).await {
            Ok(accepted) => Ok(accepted),
            Err(refusal) => {
                self.note_refused(actor, &refusal);
                Err(self.refused(By::actor(actor), from.as_ref(), None, refusal).await)
            }
        }
    }

    async fn take(&self, actor: &Actor, envelope: Envelope, message: Received) -> Result<Accepted, Refusal> {
        if envelope.to.is_empty() {
            return Err(RefusalCode::RcptNone.into());
        }
        self.judge_submitter(actor, envelope.from.as_ref(), None).await?;
        let origin = header::origin(&message.scan.header)?;
        let from = self.sending_bal(actor, &origin.from, RefusalCode::HeaderFromNotAllowed).await?;
        // Those of the BAL in whose name the message goes, whichever the session was opened with.
        let limits = self.limits_of(from.local.id).await?;
        if envelope.to.len() > limits.recipients {
            return Err(Refusal::new(RefusalCode::RcptTooMany).with("limit", limits.recipients));
        }
        let sender = match &origin.sender {
            Some(sender) => Some(self.sending_bal(actor, sender, RefusalCode::HeaderFromNotAllowed).await?),
            None => None,
        };
        // Reports go where the envelope says.
        let envelope_voice = match &envelope.from {
            Some(a) if *a != origin.from => self.sending_bal(actor, a, RefusalCode::SenderNotAllowed).await?,
            _ => from.clone(),
        };
        super::check_loop(&message.scan, &limits)?;
        // Whoever sends again what somebody sent says so in their own name.
        for resent in header::resent(&message.scan.header)? {
            self.sending_bal(actor, &resent, RefusalCode::HeaderFromNotAllowed).await?;
        }
        // Among several the smallest counts, and the recipient who has it is named.
        for to in envelope.addresses() {
            self.check_size(&limits, to, message.scan.size)?;
        }
        let room = self.reserve(actor, from.local.id, &limits, envelope.to.len())?;
        let same = self.same(from.local.id, &message);

        let (message, bcc) = self.without_bcc(message).await?;
        let now = self.now();
        let id = super::new_tag(&self.0.store);
        let fields = self.submission_fields(actor, &envelope, &message, &id, now);
        let per_hour = (from.local.id, limits.submissions_per_hour);
        let mut voices = vec![envelope_voice];
        for voice in sender.into_iter().chain([from.clone()]) {
            if voices.iter().all(|v| v.local.id != voice.local.id) {
                voices.push(voice);
            }
        }
        let (author, envelope_bal) = (from.clone(), voices[0].local.clone());
        let locals = BTreeMap::new();
        let mut plan = Plan {
            now,
            id,
            envelope,
            envelope_bal,
            voices,
            author,
            per_hour,
            locals,
            elsewhere: Vec::new(),
            passed: Passed::default(),
            same,
            here: Vec::new(),
        };
        let size = message.scan.size + fields.len() as u64;
        // To the test responder: answered, not kept.
        let (mut tests, began): (Vec<Test>, _) = (Vec::new(), Instant::now());
        for rcpt in &plan.envelope.to {
            let to = &rcpt.address;
            // Both names are seen at the other end: neither BAL may go where its rules do not let it.
            if plan.envelope_bal.id != from.local.id {
                self.check_pair(&plan.envelope_bal, to, size).await?;
            }
            match self.check_pair(&from.local, to, size).await? {
                found if found.is_carried() || matches!(found, Found::Elsewhere) => plan.elsewhere.push(rcpt.clone()),
                Found::Responder(_) => tests.push(Test {
                    id: plan.id.clone(),
                    from: plan.envelope.from.clone(),
                    to: to.clone(),
                    recipients: plan.envelope.to.len(),
                    helo: plan.envelope.helo.clone(),
                    with: plan.envelope.with,
                    peer: None,
                    origin: actor.origin.clone(),
                    header: message.scan.header.clone(),
                    envelope: message.scan.envelope.clone(),
                    size: message.scan.size,
                    began,
                    digest: None,
                }),
                found => {
                    let locals = || found.locals().iter().filter(|l| l.shut.is_none() && l.room >= size);
                    plan.here.push((to.clone(), locals().map(|l| l.id).collect()));
                    plan.locals.extend(locals().map(|l| (l.id, l.shown.clone())));
                }
            }
        }
        let about = About {
            way: "out",
            id: &plan.id,
            by: plan.author.by(actor),
            from: plan.envelope.from.as_ref(),
            to: plan.envelope.addresses().collect(),
            bals: plan.locals.keys().copied().chain(plan.voices.iter().map(|v| v.local.id)).collect(),
            log: Some((plan.author.local.id, plan.author.local.shown.clone())),
        };
        plan.passed = self.pass_antivirus(&message, about).await?;
        if plan.locals.is_empty() && plan.elsewhere.is_empty() {
            let id = plan.id.clone();
            if let Some(test) = tests.into_iter().next() {
                self.answer_submitted(actor, &plan, &message, test).await?;
            }
            room.kept();
            return Ok(Accepted { id, duplicate: false });
        }
        let by = plan.author.by(actor);
        let to: Vec<Address> = plan.envelope.addresses().cloned().collect();
        let accepted = self.commit(actor, plan, message, fields, bcc).await?;
        if accepted.duplicate {
            return Ok(accepted);
        }
        room.kept();
        self.note_submitted(actor, &origin.from, from.local.id, from.local.own.kind, &to);
        if let Some(test) = tests.into_iter().next() {
            // What was sent is durable: a test beside it that fails is not a reason to send it again.
            let fact = self.fact("mail.tested", &by, None, "ok", json!({ "id": accepted.id }));
            drop(self.answer_test(test, fact.clone(), fact).await);
        }
        Ok(accepted)
    }

    /// A message of ours that only goes to a test responder: counted and traced as sent, answered, not kept.
    async fn answer_submitted(
        &self,
        actor: &Actor,
        plan: &Plan,
        message: &Received,
        test: Test,
    ) -> Result<(), Refusal> {
        let (sender, per_hour, now) = (plan.per_hour.0, plan.per_hour.1, plan.now);
        let count = move |tx: &mut dyn Tx| crate::policies::count_submission(tx, sender, per_hour, now.0);
        self.0.store.write(count).await?;
        let fact = self.submission_facts(actor, plan, message).into_iter().next();
        let fact = fact.ok_or(RefusalCode::Unavailable)?;
        self.answer_test(test, fact.clone(), fact).await
    }

    /// Prepares all that is sealed, then commits.
    async fn commit(
        &self,
        actor: &Actor,
        plan: Plan,
        message: Received,
        fields: Vec<u8>,
        bcc: Vec<u8>,
    ) -> Result<Accepted, Refusal> {
        let now = plan.now;
        let return_path = trace_field::return_path(plan.envelope.from.as_ref()).into_bytes();
        let local_prefix = plan.passed.marked([return_path.as_slice(), fields.as_slice()].concat());
        let sent_prefix = [fields.as_slice(), bcc.as_slice()].concat();
        let mut wanted: Vec<(Id, Target, &[u8], FlagSet)> =
            plan.locals.keys().map(|id| (*id, Target::Inbox, local_prefix.as_slice(), FlagSet::default())).collect();
        if self.0.config.sent_copy {
            let seen = FlagSet { system: Flags::SEEN, keywords: Vec::new() };
            wanted.push((plan.author.local.id, Target::Sent, sent_prefix.as_slice(), seen));
        }
        // Ascending ids: the order in which BALs are locked.
        wanted.sort_by_key(|w| w.0);
        let mut copies: Vec<(Prepared, RefusalCode)> = Vec::with_capacity(wanted.len());
        for (bal, target, prefix, flags) in wanted {
            let over =
                if matches!(target, Target::Sent) { RefusalCode::QuotaExceeded } else { RefusalCode::RcptOverQuota };
            copies.push((self.prepare_delivery(bal, target, &message, prefix, flags, now).await?, over));
        }
        let queued = self.queue_rows(&plan.to_queue(), &message, &fields).await.map_err(|e| refuse::store(&e))?;
        let facts = self.submission_facts(actor, &plan, &message);
        let mut delivered: BTreeMap<Id, Fact> = BTreeMap::new();
        for (bal, shown) in &plan.locals {
            let said = json!({ "id": plan.id });
            let fact = self.fact("mail.delivered", &plan.author.by(actor), Some((*bal, shown)), "ok", said);
            delivered.insert(*bal, fact);
        }
        let entries = queued.iter().flat_map(|(_, entries)| entries).map(|e| vec![e.id]);
        let elsewhere = plan.elsewhere.iter().map(|r| &r.address).zip(entries);
        let here = plan.here.iter().map(|(to, ids)| (to, ids.clone()));
        let claims = self.claims(plan.same, elsewhere.chain(here), now);
        let author = (plan.author.local.id, plan.author.local.shown.as_str());
        let repeated = self.fact("mail.repeated", &plan.author.by(actor), Some(author), "ok", json!({ "id": plan.id }));
        let connector = match &actor.who {
            Who::Connector(connector) => Some(connector.clone()),
            _ => None,
        };
        let (own, token): (Vec<Id>, _) = (plan.voices.iter().map(|v| v.local.id).collect(), actor.credential);
        let person = matches!(actor.who, Who::Person(_)).then(|| actor.person());
        let (id, (sender, per_hour)) = (plan.id.clone(), plan.per_hour);
        let tag = id.clone();

        let bals: Vec<Id> = copies.iter().map(|(c, _)| c.bal).collect();
        let waiting = queued.is_some();
        let elsewhere = |r: &&Rcpt| !plan.elsewhere.iter().any(|e| e.address == r.address);
        let ours: Vec<Rcpt> = plan.envelope.to.iter().filter(elsewhere).cloned().collect();
        let receipt = self.receipt(&plan.envelope, Some(plan.envelope_bal.id), &ours, &message, now).await;
        let (mut spools, mut confirmed) = (vec![message.spool], None);
        if let Some(Posting { spool, ready }) = receipt {
            spools.push(spool);
            confirmed = Some(ready);
        }
        let told = confirmed.clone();
        let kept = keep_all(&self.0.store, spools, move |tx, rows| {
            let (row, receipt_row) = (rows.first().ok_or(RefusalCode::Unavailable)?, rows.get(1));
            // Taken away while the message came: nothing of it is kept.
            for bal in &own {
                if !may_send(tx, person, *bal)? || !token_opens(tx, token, *bal, now)? {
                    return Err(RefusalCode::RightMissing.into());
                }
            }
            if let Some(connector) = &connector {
                crate::connectors::admit(tx, connector, &own, now)?;
            }
            let claimed = claims.claim(tx, &tag, now)?;
            if let Some(before) = claimed.before.as_ref().filter(|_| claimed.all) {
                let mut repeated = repeated.clone();
                repeated.saying(&json!({ "id": before }));
                repeated.write(tx)?;
                return Ok(Kept::No(Some(before.clone())));
            }
            crate::policies::count_submission(tx, sender, per_hour, now.0)?;
            blob::insert(tx, row)?;
            for (copy, over) in &copies {
                // The sender has a copy of what was sent in part.
                let sent = !delivered.contains_key(&copy.bal) || *over == RefusalCode::QuotaExceeded;
                let again = if sent { claimed.before.is_some() } else { claimed.done.contains(&copy.bal) };
                if again {
                    continue;
                }
                deliver::insert(tx, copy, *over)?;
                if let Some(fact) = delivered.get(&copy.bal).filter(|_| !sent) {
                    fact.write(tx)?;
                }
            }
            if let Some((message, entries)) = &queued {
                let new: Vec<queue::Entry> =
                    entries.iter().filter(|e| !claimed.done.contains(&e.id)).cloned().collect();
                if !new.is_empty() {
                    queue::enqueue(tx, message, &new)?;
                }
            }
            if claimed.before.is_some() {
                repeated.write(tx)?;
            }
            if let (Some(ready), Some(row)) = (&confirmed, receipt_row) {
                receipt::write(tx, ready, row)?;
            }
            facts.iter().try_for_each(|f| f.write(tx))?;
            Ok::<_, Fail>(Kept::Yes(None))
        })
        .await?;
        if let Some(before) = kept {
            return Ok(Accepted { id: before, duplicate: true });
        }
        if let Some(ready) = told {
            ready.after(self);
        }
        metrics::counter!("sceau_mail_accepted_total", "door" => "submission").increment(1);
        for bal in bals {
            self.0.watch.notify(bal);
        }
        if waiting {
            self.wake_queue();
        }
        Ok(Accepted { id, duplicate: false })
    }

    /// One for each BAL that the message names as where it comes from: what is sent in somebody's name stands in the log of that BAL.
    fn submission_facts(&self, actor: &Actor, plan: &Plan, message: &Received) -> Vec<Fact> {
        let mut facts =
            self.message_facts(&plan.id, plan.envelope.from.as_ref(), &message.scan.header, message.scan.size);
        facts["to"] = plan.envelope.addresses().map(|a| self.shown(a)).collect::<Vec<_>>().into();
        facts["bals"] = plan.locals.values().map(String::as_str).collect::<Vec<_>>().into();
        facts["queued"] = plan.elsewhere.len().into();
        plan.passed.tell(&mut facts);
        facts["tls"] = json!(actor.origin.tls);
        if let Who::Connector(c) = &actor.who {
            facts["connector"] = c.name.as_str().into();
            facts["structure"] = c.structure.as_str().into();
            facts["certificate"] = json!({ "dn": c.dn, "sha256": c.fingerprint });
        }
        let fact = |voice: &Voice| {
            let mut facts = facts.clone();
            if voice.local.id != plan.envelope_bal.id {
                facts["named"] = "header".into();
            }
            let bal = Some((voice.local.id, voice.local.shown.as_str()));
            self.fact("mail.submitted", &voice.by(actor), bal, "ok", facts)
        };
        plan.voices.iter().map(fact).collect()
    }

    /// Fields that go before the content: `Received`, and what RFC 6409 §8 lets us add.
    fn submission_fields(
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
        if !clean::has(&message.scan.header, "Date") {
            fields += &format!("Date: {}\r\n", trace_field::rfc5322_date(now));
        }
        if !clean::has(&message.scan.header, "Message-ID") {
            fields += &format!("Message-ID: <{id}@{hostname}>\r\n");
        }
        fields.into_bytes()
    }

    /// The message without Bcc, written anew when there is one: what is stored is what may be seen.
    async fn without_bcc(&self, message: Received) -> Result<(Received, Vec<u8>), Refusal> {
        let Some(cleaned) = clean::cleaned(&message.scan.header) else { return Ok((message, Vec::new())) };
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

    /// Rows of the queue for what goes elsewhere, sealed under the present transit key.
    pub(super) async fn queue_rows(
        &self,
        plan: &ToQueue<'_>,
        message: &Received,
        fields: &[u8],
    ) -> Result<Option<(queue::Message, Vec<queue::Entry>)>, StoreError> {
        if plan.elsewhere.is_empty() {
            return Ok(None);
        }
        let (store, retry) = (&self.0.store, &self.0.config.retry);
        let (epoch, key) = store.vault().transit_key().await?;
        let id = store.new_id();
        let from = plan.envelope.from.as_ref();
        let (expires, warns) = (retry.expires(plan.now), retry.warns(plan.now));
        let row = queue::Message {
            id,
            blob: message.spool.id,
            epoch,
            blob_key: key.wrap(crate::queue::aad(epoch, id, "queue.blob_key"), &message.spool.key)?,
            bal: plan.bal,
            sender: self.shown_path(from),
            sender_sealed: match from {
                Some(a) => self.sealed_address(a, &key, crate::queue::aad(epoch, id, "queue.sender"))?,
                None => None,
            },
            prefix: key.seal(crate::queue::aad(epoch, id, "queue.prefix"), fields)?,
            size: i64::try_from(message.scan.size + fields.len() as u64).unwrap_or(i64::MAX),
            body_8bit: message.scan.body_8bit,
            smtputf8: message.scan.header_8bit
                || from.into_iter().chain(plan.elsewhere.iter().map(|r| &r.address)).any(Address::is_international),
            created: plan.now,
            expires,
            tag: plan.id.to_owned(),
            ret: told::ret_number(plan.envelope.dsn.ret),
            envid: told::sealed_envid(&plan.envelope.dsn, epoch, id, &key)?,
            requiretls: plan.envelope.requiretls,
            binary: plan.envelope.body == super::Body::Binary,
        };
        let mut entries = Vec::with_capacity(plan.elsewhere.len());
        for rcpt in plan.elsewhere {
            let (to, entry) = (&rcpt.address, store.new_id());
            entries.push(queue::Entry {
                id: entry,
                message: id,
                destination: to.domain().to_string(),
                recipient: self.shown(to),
                recipient_sealed: self.sealed_address(to, &key, crate::queue::aad(epoch, entry, "queue.recipient"))?,
                attempts: 0,
                unreached: 0,
                next_at: plan.now,
                // Nobody is told about a report or a notification that is late.
                warn_at: from.filter(|_| rcpt.dsn.wants().delay).map(|_| warns),
                expires,
                last_code: None,
                last_reply: None,
                notify: rcpt.dsn.notify.map(|n| n.bits()),
                orcpt: told::sealed_orcpt(rcpt, epoch, entry, &key)?,
            });
        }
        Ok(Some((row, entries)))
    }
}

/// What is to be queued.
pub(super) struct ToQueue<'a> {
    /// Now.
    pub now: Timestamp,
    /// Id of the acceptance.
    pub id: &'a str,
    /// As it came.
    pub envelope: &'a Envelope,
    /// Our BAL that sent it; 0: somebody at another operator.
    pub bal: Id,
    /// Recipients of other operators and of structures' own servers.
    pub elsewhere: &'a [Rcpt],
}

/// A BAL that the actor may send with, and as what.
#[derive(Debug, Clone)]
struct Voice {
    local: Local,
    seat: Option<Acting>,
}

impl Voice {
    /// Who acts, as traces of what is sent with this BAL name it.
    fn by(&self, actor: &Actor) -> By {
        By { seat: self.seat.clone(), ..By::actor(actor) }
    }
}

/// What is to be done with a message.
struct Plan {
    now: Timestamp,
    id: String,
    envelope: Envelope,
    /// The BAL of the envelope sender (of From, when it is null): reports go there.
    envelope_bal: Local,
    /// Every BAL named as where the message comes from, that of the envelope first.
    voices: Vec<Voice>,
    /// The BAL of From: the Sent copy goes there, so that whoever holds it sees what was sent in its name.
    author: Voice,
    /// The BAL that writes, and how many messages it may send in an hour.
    per_hour: (Id, u32),
    /// BALs of ours, with their address as shown.
    locals: BTreeMap<Id, String>,
    /// Recipients of other operators.
    elsewhere: Vec<Rcpt>,
    /// What the antivirus said.
    passed: Passed,
    /// What makes it the same as one sent before.
    same: Option<Same>,
    /// Recipients of ours, and the BALs that they lead to.
    here: Vec<(Address, Vec<Id>)>,
}

impl Plan {
    fn to_queue(&self) -> ToQueue<'_> {
        let Self { now, id, envelope, envelope_bal, elsewhere, .. } = self;
        ToQueue { now: *now, id, envelope, bal: envelope_bal.id, elsewhere }
    }
}

/// Does the person have an access in force on the BAL that lets send?
fn may_send(tx: &mut dyn Tx, person: Option<Id>, bal: Id) -> Result<bool, StoreError> {
    let Some(person) = person else { return Ok(true) };
    let seated = access::seat(tx, bal, person)?;
    Ok(seated.is_some_and(|s| BalRights::from_bits(s.rights).has(BalRights::SEND)))
}

/// A device token made for one BAL sends as that BAL only, and none after its end.
fn token_opens(tx: &mut dyn Tx, token: Option<Id>, bal: Id, now: Timestamp) -> Result<bool, StoreError> {
    let Some(token) = token else { return Ok(true) };
    let row = accounts::token_by_id(tx, token)?;
    Ok(row.is_some_and(|t| is_live(&t, now.0) && t.bal_id.is_none_or(|only| only == bal)))
}
