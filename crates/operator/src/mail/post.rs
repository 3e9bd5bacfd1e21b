//! What the operator itself writes: delivery reports, absence replies, answers to tests.
//!
//! Promises: every letter is judged by `domain::exchange`, so that nothing that we write leaves the trust space; its reverse path is
//! null, so that nobody answers it and no report is ever made about it; it is delivered to our BALs or queued for a listed operator, and its trace
//! stands in the transaction that names it: the caller's ([`Operator::post_with`]), so that an act and the letter about it are one.
use super::Rcpt;
use super::keep::{Kept, keep_with};
use super::parties::Found;
use super::to_queue::ToQueue;
use crate::mailbox::deliver::{self, Prepared, Target};
use crate::mailbox::entries::FlagSet;
use crate::record::{By, Fact};
use crate::refuse::{self, Fail};
use crate::{Operator, Received};
use sceau_domain::access::refuses_mail;
use sceau_domain::dsn::{MailRequest, Notify, RcptRequest};
use sceau_domain::exchange::{OwnRole, Sender, may_exchange};
use sceau_domain::{Address, DomainKind, DomainName, Refusal, RefusalCode};
use sceau_message::trace_field;
use sceau_store::blob::{self, BlobRow};
use sceau_store::{Id, Spool, StoreError, Tx, accounts, queue};
use serde_json::json;

/// Bytes given to the intake at a time.
const PIECE: usize = 64 << 10;
/// Percent of its quota that pressing letters may take in a BAL that is full: a sender who is not told believes that his message arrived.
const BEYOND: i64 = 10;

/// Who speaks in a letter, as the rules of exchange see it.
#[derive(Debug, Clone)]
pub(crate) enum Speaker {
    /// The mail system, about a message (RFC 3464).
    Report,
    /// A BAL of ours, by itself: an absence reply. It answers what it received.
    Bal(Address),
    /// The operator at one of our domains: answers to tests.
    Role(DomainName),
}

/// Who a letter is for.
#[derive(Debug, Clone)]
pub(crate) enum To {
    /// A BAL of ours, whatever its address is by now.
    Bal(Id),
    /// Whoever has this address, with us or at a listed operator.
    Address(Address),
}

/// A letter to post.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    /// Who speaks.
    pub speaker: Speaker,
    /// Who reads.
    pub to: To,
    /// The whole message, CRLF lines.
    pub content: Vec<u8>,
    /// What it is, for its trace: `report`, `absence`, `test`…
    pub kind: &'static str,
    /// It says that something did not arrive: a BAL of ours that is full takes it all the same, within [`BEYOND`].
    pub pressing: bool,
    /// Our BAL that it is about, with its address as shown: a letter that goes elsewhere stands in its log.
    pub about: Option<(Id, String)>,
}

/// What became of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Posted {
    /// Delivered to a BAL of ours.
    Delivered,
    /// Queued for another operator.
    Queued,
    /// The caller's act did not want it.
    Withheld,
}

/// A letter judged, sealed and ready to be named by a transaction.
#[derive(Debug)]
pub(crate) struct Posting {
    /// Its content, for [`super::keep::keep_all`].
    pub spool: Spool,
    /// Its rows.
    pub ready: Ready,
}

/// The rows of a letter, prepared before the transaction.
#[derive(Debug, Clone)]
pub(crate) struct Ready {
    copies: Vec<Prepared>,
    pressing: bool,
    queued: Option<(queue::Message, Vec<queue::Entry>)>,
    traces: Vec<Fact>,
}

impl Ready {
    /// Writes the letter: its content, its copies or its place in the queue, its traces. `row` is its content's. `rcpt.*` when the BAL
    /// cannot take it any more.
    pub fn write(&self, tx: &mut dyn Tx, row: &BlobRow) -> Result<(), Fail> {
        blob::insert(tx, row)?;
        for copy in &self.copies {
            let beyond = if self.pressing { BEYOND } else { 0 };
            deliver::insert_beyond(tx, copy, RefusalCode::RcptOverQuota, beyond)?;
        }
        if let Some((message, entries)) = &self.queued {
            queue::enqueue(tx, message, entries)?;
        }
        self.traces.iter().try_for_each(|t| t.write(tx))?;
        Ok(())
    }

    /// After the commit: wakes who waits for it.
    pub fn after(&self, operator: &Operator) -> Posted {
        for copy in &self.copies {
            operator.0.watch.notify(copy.bal);
        }
        if self.queued.is_some() {
            operator.wake_queue();
            return Posted::Queued;
        }
        Posted::Delivered
    }
}

impl Operator {
    /// Posts a letter in the transaction of the act that it tells of: `act` first, then the letter. When `act` gives false (what it would do is done
    /// already), what it wrote is kept and nothing is posted; when it fails, or the letter cannot be taken, neither happens.
    pub(crate) async fn post_with<F>(&self, letter: Letter, mut act: F) -> Result<Posted, Fail>
    where
        F: FnMut(&mut dyn Tx) -> Result<bool, Fail> + Send + 'static,
    {
        let Posting { spool, ready } = self.prepare_post(letter).await?;
        let rows = ready.clone();
        let posted = keep_with(&self.0.store, spool, move |tx, row| {
            if !act(tx)? {
                return Ok(Kept::No(false));
            }
            rows.write(tx, row)?;
            Ok(Kept::Yes(true))
        });
        Ok(if posted.await? { ready.after(self) } else { Posted::Withheld })
    }

    /// Judges a letter and seals all that its transaction will name.
    pub(crate) async fn prepare_post(&self, letter: Letter) -> Result<Posting, Refusal> {
        let received = self.taken_in(&letter.content)?;
        self.prepare_received(letter, received, b"").await
    }

    /// As [`Operator::prepare_post`], of a content that was received already: a report that a structure's own server makes. `fields` go before it.
    pub(crate) async fn prepare_received(
        &self,
        letter: Letter,
        received: Received,
        fields: &[u8],
    ) -> Result<Posting, Refusal> {
        let size = received.scan.size + fields.len() as u64;
        let mut letter = letter;
        let locals = match &letter.to.clone() {
            // Mail of a BAL that its structure's own server keeps goes there.
            To::Bal(id) => match self.carried_address(*id).await? {
                Some(address) => {
                    letter.to = To::Address(address);
                    Vec::new()
                }
                None => vec![self.bal_to_tell(*id).await?],
            },
            To::Address(to) => {
                let found = self.find(to).await?;
                let sender = self.speaker(&letter.speaker).await?;
                // Whoever is answered wrote first.
                may_exchange(&sender, &found.recipient(self, to), true)?;
                found.check_room(to, size)?;
                let takes = |l: &&super::parties::Local| l.shut.is_none();
                found.locals().iter().filter(takes).map(|l| (l.id, l.shown.clone())).collect()
            }
        };
        let id = super::new_tag(&self.0.store);
        match &letter.to {
            To::Address(to) if locals.is_empty() => self.prepare_queued(&letter, to, received, (id, fields)).await,
            _ => self.prepare_local(&letter, locals, received, (id, fields)).await,
        }
    }

    async fn speaker(&self, speaker: &Speaker) -> Result<Sender, Refusal> {
        Ok(match speaker {
            Speaker::Report => Sender::OwnReport,
            Speaker::Role(domain) => {
                let name = domain.to_string();
                let row = self.0.store.read(move |tx| accounts::domain_by_name(tx, &name)).await;
                let row = row.map_err(|e: StoreError| refuse::store(&e))?;
                let kind = row.and_then(|d| d.kind.parse::<DomainKind>().ok());
                let kind = kind.ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", domain))?;
                Sender::Role(OwnRole { domain: domain.clone(), domain_kind: kind })
            }
            Speaker::Bal(address) => match self.find(address).await? {
                Found::Bal(local) => Sender::Own(local.own),
                _ => return Err(Refusal::new(RefusalCode::RcptUnknown).with("address", address)),
            },
        })
    }

    /// A BAL of ours that can be told something. A closed one has no key any more: nothing can be sealed for it; nor has one whose key is
    /// lost (an old keyring was restored). A suspended one still receives.
    async fn bal_to_tell(&self, id: Id) -> Result<(Id, String), Refusal> {
        let row = self.0.store.read(move |tx| accounts::bal_by_id(tx, id)).await;
        let row = row.map_err(|e: StoreError| refuse::store(&e))?.filter(|b| refuses_mail(&b.state).is_none());
        let row = row.ok_or(RefusalCode::RcptClosed)?;
        if let Err(StoreError::NoKey) = self.0.store.vault().bal_key(id).await {
            return Err(RefusalCode::RcptClosed.into());
        }
        Ok((id, row.address_key))
    }

    fn taken_in(&self, content: &[u8]) -> Result<Received, Refusal> {
        let mut intake = self.intake(content.len() as u64);
        for piece in content.chunks(PIECE) {
            intake.push(piece)?;
        }
        intake.finish()
    }

    async fn prepare_local(
        &self,
        letter: &Letter,
        mut locals: Vec<(Id, String)>,
        received: Received,
        (id, fields): (String, &[u8]),
    ) -> Result<Posting, Refusal> {
        // Ascending ids: the order in which BALs are locked.
        locals.sort();
        locals.dedup_by_key(|l| l.0);
        let prefix = [trace_field::return_path(None).as_bytes(), fields].concat();
        let (now, mut copies, mut traces) = (self.now(), Vec::new(), Vec::new());
        for (bal, shown) in locals {
            let flags = FlagSet::default();
            copies.push(self.prepare_delivery(bal, Target::Inbox, &received, &prefix, flags, now).await?);
            let said = json!({ "id": id, "kind": letter.kind });
            traces.push(self.fact("mail.posted", &By::system(), Some((bal, &shown)), "ok", said));
        }
        Ok(Posting { spool: received.spool, ready: Ready { copies, pressing: letter.pressing, queued: None, traces } })
    }

    async fn prepare_queued(
        &self,
        letter: &Letter,
        to: &Address,
        received: Received,
        (id, fields): (String, &[u8]),
    ) -> Result<Posting, Refusal> {
        let said = json!({ "id": id, "kind": letter.kind, "to": self.shown(to), "queued": 1 });
        let about = letter.about.as_ref().map(|(bal, shown)| (*bal, shown.as_str()));
        let trace = self.fact("mail.posted", &By::system(), about, "ok", said);
        // RFC 3461 §6.2: a report about a report serves nobody.
        let never = RcptRequest { notify: Some(Notify::NEVER), ..RcptRequest::default() };
        let rcpt = Rcpt { dsn: never, ..Rcpt::from(to.clone()) };
        let wanted = ToQueue {
            now: self.now(),
            id: &id,
            from: None,
            asked: &MailRequest::default(),
            requiretls: false,
            binary: false,
            // No BAL is told about it, but what happens to it stands in the log of the one that it is about.
            bal: letter.about.as_ref().map_or(0, |(bal, _)| *bal),
            elsewhere: &[rcpt],
        };
        let queued = self.queue_rows(&wanted, &received, fields).await.map_err(|e| refuse::store(&e))?;
        let ready = Ready { copies: Vec::new(), pressing: letter.pressing, queued, traces: vec![trace] };
        Ok(Posting { spool: received.spool, ready })
    }
}
