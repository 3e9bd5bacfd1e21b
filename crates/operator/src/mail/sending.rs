//! The one transaction in which a message of ours leaves: copies for our BALs, entries of the queue, the sender's copy, traces.
//!
//! Promises: all or none of it; judged by the limits and rules of every BAL that the message names as where it comes from; room under limits is given back
//! when nothing is kept; Bcc never leaves, nor does what only we may say ([`super::clean`]).
use super::keep::{Kept, keep_all};
use super::once::Same;
use super::parties::{Found, Local};
use super::receipt;
use super::responder::Test;
use super::to_queue::ToQueue;
use super::voice::{Names, Right, Voice};
use super::{Accepted, Envelope, Rcpt};
use crate::antivirus::{About, Passed, Whose};
use crate::desk::deliveries::{self, DeliveryState};
use crate::mailbox::deliver::{self, Prepared, Target};
use crate::mailbox::entries::{FlagSet, Flags};
use crate::record::Fact;
use crate::refuse::{self, Fail};
use crate::{Actor, Door, Operator, Received, Who};
use sceau_domain::{Address, Refusal, RefusalCode, Timestamp};
use sceau_message::trace_field;
use sceau_store::{Id, Tx, blob, queue};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Instant;

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
        ToQueue::of(envelope, *now, id, envelope_bal.id, elsewhere)
    }
}

impl Operator {
    /// Sends what the actor may send in these names.
    pub(super) async fn send(
        &self,
        actor: &Actor,
        names: Names,
        same: Option<Same>,
        envelope: Envelope,
        message: Received,
    ) -> Result<Accepted, Refusal> {
        let Names { from: written, author, all: voices } = names;
        let from = author.clone();
        // Those of the BAL in whose name the message goes, whichever the session was opened with.
        let limits = self.limits_of(from.local.id).await?;
        if envelope.to.len() > limits.recipients {
            return Err(Refusal::new(RefusalCode::RcptTooMany).with("limit", limits.recipients));
        }
        super::check_loop(&message.scan, &limits)?;
        // Among several the smallest counts, and the recipient who has it is named.
        for to in envelope.addresses() {
            self.check_size(&limits, to, message.scan.size)?;
        }
        let room = self.reserve(actor, from.local.id, &limits, envelope.to.len())?;

        let (message, bcc) = self.without_bcc(message).await?;
        let now = self.now();
        let id = super::new_tag(&self.0.store);
        let fields = self.submission_fields(actor, &envelope, &message, &id, now);
        let per_hour = (from.local.id, limits.submissions_per_hour);
        let envelope_bal = voices.first().map_or_else(|| author.local.clone(), |v| v.local.clone());
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
            // Every name is seen at the other end: no BAL may go where its rules do not let it.
            for named in plan.voices.iter().filter(|v| v.local.id != from.local.id) {
                self.check_pair(&named.local, to, size).await?;
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
            whose: Whose::Session(actor),
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
        let named = self.named_in(from.local.id, &message).await?;
        let accepted = self.commit(actor, plan, message, fields, bcc).await?;
        if accepted.duplicate {
            return Ok(accepted);
        }
        room.kept();
        let written_at = (from.local.id, from.local.own.kind);
        self.note_submitted(actor, &written, written_at, &to, named.as_deref());
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
        // Mail programs keep their own; a page has nobody else to keep one.
        if self.0.config.sent_copy || actor.origin.door == Door::Web {
            let seen = FlagSet::of(Flags::SEEN);
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
        let waits = queued.as_ref().map_or(&[][..], |(_, entries)| entries);
        let followed = self.followed(&plan, &message, &fields, waits).await?;
        let entries = queued.iter().flat_map(|(_, entries)| entries).map(|e| vec![e.id]);
        let elsewhere = plan.elsewhere.iter().map(|r| &r.address).zip(entries);
        let here = plan.here.iter().map(|(to, ids)| (to, ids.clone()));
        let claims = self.claims(plan.same, elsewhere.chain(here), now);
        let author = (plan.author.local.id, plan.author.local.shown.as_str());
        let repeated = self.fact("mail.repeated", &plan.author.by(actor), Some(author), "ok", json!({ "id": plan.id }));
        let right = Right::of(actor, &plan.voices, self.token_rule());
        let (id, (sender, per_hour)) = (plan.id.clone(), plan.per_hour);
        let tag = id.clone();

        let bals: Vec<Id> = copies.iter().map(|(c, _)| c.bal).collect();
        let waiting = queued.is_some();
        let elsewhere = |r: &&Rcpt| !plan.elsewhere.iter().any(|e| e.address == r.address);
        let ours: Vec<Rcpt> = plan.envelope.to.iter().filter(elsewhere).cloned().collect();
        let receipt = self.receipt(&plan.envelope, Some(plan.envelope_bal.id), &ours, &message, now).await;
        let (spools, confirmed) = receipt::beside(message.spool, receipt);
        let told = confirmed.clone();
        let kept = keep_all(&self.0.store, spools, move |tx, rows| {
            let row = rows.first().ok_or(RefusalCode::Unavailable)?;
            // Taken away while the message came: nothing of it is kept.
            right.check(tx, now)?;
            let claimed = claims.claim(tx, &tag, now)?;
            if let Some(before) = claimed.before.as_ref().filter(|_| claimed.all) {
                let mut repeated = repeated.clone();
                repeated.adding("id", before.as_str().into());
                repeated.write(tx)?;
                return Ok(Kept::No(Some(before.clone())));
            }
            right.count(tx, now)?;
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
            followed.insert(tx, |id| claimed.done.contains(&id))?;
            if claimed.before.is_some() {
                repeated.write(tx)?;
            }
            receipt::write(tx, confirmed.as_ref(), rows)?;
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

    /// Its recipients, as pages follow them.
    async fn followed(
        &self,
        plan: &Plan,
        message: &Received,
        fields: &[u8],
        waits: &[queue::Entry],
    ) -> Result<deliveries::New, Refusal> {
        if plan.envelope_bal.carried {
            // Its mail is read at its structure's own server.
            return Ok(deliveries::New::default());
        }
        let elsewhere = plan.elsewhere.iter().zip(waits).map(|(r, e)| (&r.address, DeliveryState::Queued, vec![e.id]));
        let here = plan.here.iter().map(|(to, bals)| (to, DeliveryState::Delivered, bals.clone()));
        let recipients = elsewhere.chain(here).collect();
        let headers = [message.scan.header.as_slice(), fields];
        self.new_deliveries(plan.envelope_bal.id, headers, recipients, plan.now).await
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
}
