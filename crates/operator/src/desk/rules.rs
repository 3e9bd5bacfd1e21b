//! Rules of a BAL (F057): what is done with what comes, set by whoever manages the BAL, applied by the job that looks after what came.
//!
//! Promises: what came by the way is looked at once, whoever moves it afterwards and whichever node works; acts are those of every door, with their traces,
//! and each is harmless when it is done again, so that a program that dies in between leaves nothing half done; what cannot be done is told beside the rule
//! and holds up nothing. Names and words of rules are sealed under the BAL's key.
use super::colleagues::reader;
use crate::access::Seat;
use crate::boxed;
use crate::jobs::Kind;
use crate::login::bal_ref;
use crate::mailbox::entries::{FlagChange, FlagSet, Flags};
use crate::mailbox::folders::{Folder, narrow};
use crate::mailbox::names::INBOX;
use crate::mailbox::seal::{BalSeal, MESSAGE_SUMMARY};
use crate::reading::Read;
use crate::refuse::{self, Fail};
use crate::rights::On;
use crate::{Actor, BalRef, Door, Operator, Origin, Who};
use sceau_domain::personal::is_shared;
use sceau_domain::rule::{self, Act, Message, RULES, Rule};
use sceau_domain::{BalKind, DomainName, Refusal, RefusalCode, UseCase};
use sceau_message::envelope::MailAddress;
use sceau_message::header::decoded;
use sceau_message::summary::Summary;
use sceau_store::desk::rules::{self as rows, Came};
use sceau_store::{Id, StoreError, Tx, accounts, folders, jobs, messages};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

/// A rule as it is kept; object = its id.
const FIELD: &str = "rule";
/// A day, milliseconds.
pub(super) const DAY: i64 = 86_400_000;
/// Messages looked at in one go.
pub(super) const SLICE: i64 = 100;

/// A rule as it is shown.
#[derive(Debug, Clone)]
pub struct RuleView {
    /// Its id.
    pub id: Id,
    /// What it says.
    pub rule: Rule,
    /// Is it applied?
    pub enabled: bool,
    /// Why it could not be applied the last time.
    pub told: Option<RefusalCode>,
    /// What a change starts from.
    pub version: i64,
}

/// A message that a rule would concern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// EMAILID.
    pub email: String,
    /// From whom, as it is written.
    pub from: String,
    /// Subject.
    pub subject: String,
}

/// What a run works with.
pub(super) struct Run {
    pub actor: Actor,
    pub kind: BalKind,
    pub inbox: Id,
    pub seal: BalSeal,
    pub rules: Vec<RuleView>,
}

fn address(a: &MailAddress) -> Option<String> {
    Some(format!("{}@{}", a.mailbox.as_deref()?, a.host.as_deref()?))
}

/// Names and addresses of a list.
fn said(list: &[MailAddress]) -> Vec<String> {
    let name = |a: &MailAddress| a.name.as_deref().map(|n| decoded(n.as_bytes()));
    list.iter().flat_map(|a| [name(a), address(a)]).flatten().collect()
}

impl Operator {
    /// The seat of whoever may say what is done with what comes. `right.missing`.
    async fn ruling(&self, actor: &Actor) -> Result<Seat, Refusal> {
        self.require(actor, UseCase::RuleEdit, On::Anywhere).await?;
        Ok(self.seat(actor)?.managing())
    }

    fn opened_rule(&self, seal: &BalSeal, row: &rows::Rule) -> Result<RuleView, StoreError> {
        let json = seal.open(row.id, FIELD, &row.sealed)?;
        let rule = serde_json::from_slice(&json).map_err(|_| StoreError::Corrupt(row.id.to_string()))?;
        let told = row.told.as_deref().and_then(|code| RefusalCode::ALL.iter().find(|c| c.as_str() == code)).copied();
        Ok(RuleView { id: row.id, rule, enabled: row.enabled, told, version: row.version })
    }

    /// The rules of the actor's BAL, in their order, for whoever manages it. `right.missing`.
    #[boxed]
    pub async fn rules(&self, actor: &Actor) -> Result<Vec<RuleView>, Refusal> {
        let seat = self.ruling(actor).await?;
        let look = move |tx: &mut dyn Tx| {
            seat.check(tx)?;
            Ok::<_, Fail>(rows::of_bal(tx, seat.bal)?)
        };
        let found = self.0.store.read(look).await?;
        let seal = self.bal_seal(seat.bal).await?;
        let open = |row: &rows::Rule| self.opened_rule(&seal, row);
        found.iter().map(open).collect::<Result<_, _>>().map_err(|e| refuse::store(&e))
    }

    /// Sets a rule, new (`id` none, last in the order) or in the place of what it was as of a version. It is applied to what comes from now on. Its id.
    /// `admin.invalid`, `naming.too_long`, `folder.unknown`, `admin.not_found` for a person without access, `rule.forward` for an address to which the BAL
    /// may not write, `edit.conflict`, `right.missing`.
    #[boxed]
    pub async fn set_rule(
        &self,
        actor: &Actor,
        id: Option<Id>,
        from: i64,
        rule: Rule,
        enabled: bool,
    ) -> Result<Id, Refusal> {
        let seat = self.ruling(actor).await?;
        let rule = rule.checked()?;
        let kind = actor.bal.as_ref().map(|b| b.kind);
        if !kind.is_some_and(is_shared) && rule.then.iter().any(|act| matches!(act, Act::Assign(_))) {
            return Err(Refusal::new(RefusalCode::Invalid).with("name", "then"));
        }
        for act in &rule.then {
            if let Act::Forward(to) = act {
                self.may_forward(actor, to).await?;
            }
        }
        let new = id.unwrap_or_else(|| self.0.store.new_id());
        let json = serde_json::to_vec(&rule).map_err(|_| Refusal::from(RefusalCode::Defect))?;
        let sealed = self.bal_seal(seat.bal).await?.seal(new, FIELD, &json).map_err(|e| refuse::store(&e))?;
        let (now, by, tag) = (self.now().0, actor.person(), self.folder_tag(seat.bal, INBOX));
        let ages = (enabled && rule.days().is_some())
            .then(|| self.job(Kind::Aging, seat.bal.to_string(), Vec::new(), Duration::ZERO));
        let record = self.record(actor, seat.bal, "rule.changed");
        let write = move |tx: &mut dyn Tx| {
            folders::lock_bal(tx, seat.bal)?.ok_or(RefusalCode::RightMissing)?;
            let bal = seat.check(tx)?;
            let known = rows::of_bal(tx, seat.bal)?;
            let was = version_of(&known, id, from)?;
            if was.is_none() && known.len() >= RULES {
                return Err(Refusal::new(RefusalCode::Invalid).with("name", "rules").with("limit", RULES).into());
            }
            for act in &rule.then {
                possible(tx, seat.bal, act)?;
            }
            if known.iter().all(|r| !r.enabled) {
                // Nobody looked since: what came meanwhile stays as it is.
                let inbox = folders::by_tag(tx, seat.bal, &tag)?;
                rows::looked(tx, seat.bal, inbox.map_or(0, |f| f.uidnext - 1))?;
            }
            let place = was.map_or_else(|| known.last().map_or(0, |r| r.place + 1), |r| r.place);
            let version = was.map_or(now, |r| now.max(r.version + 1));
            let sealed = sealed.clone();
            let row =
                rows::Rule { id: new, bal: seat.bal, place, enabled, sealed, by, told: None, version, changed: now };
            rows::put(tx, &row)?;
            if let Some(job) = &ages {
                jobs::enqueue(tx, job)?;
            }
            record.write(tx, &bal, &json!({ "rule": new, "what": "set", "enabled": enabled }))?;
            Ok::<_, Fail>(new)
        };
        let new = self.0.store.write(write).await?;
        self.wake_jobs();
        Ok(new)
    }

    /// Moves a rule before the one above it, or behind the one below. `edit.conflict`, `right.missing`.
    #[boxed]
    pub async fn order_rule(&self, actor: &Actor, id: Id, from: i64, up: bool) -> Result<(), Refusal> {
        let seat = self.ruling(actor).await?;
        let record = self.record(actor, seat.bal, "rule.changed");
        let write = move |tx: &mut dyn Tx| {
            folders::lock_bal(tx, seat.bal)?.ok_or(RefusalCode::RightMissing)?;
            let bal = seat.check(tx)?;
            let mut known = rows::of_bal(tx, seat.bal)?;
            version_of(&known, Some(id), from)?;
            let at = known.iter().position(|r| r.id == id).ok_or(RefusalCode::NotFound)?;
            let to = if up { at.saturating_sub(1) } else { (at + 1).min(known.len() - 1) };
            known.swap(at, to);
            for (place, row) in (0..).zip(known) {
                if row.place != place {
                    rows::put(tx, &rows::Rule { place, ..row })?;
                }
            }
            record.write(tx, &bal, &json!({ "rule": id, "what": "moved" }))?;
            Ok::<_, Fail>(())
        };
        Ok(self.0.store.write(write).await?)
    }

    /// Removes a rule as of a version. `edit.conflict`, `right.missing`.
    #[boxed]
    pub async fn remove_rule(&self, actor: &Actor, id: Id, from: i64) -> Result<(), Refusal> {
        let seat = self.ruling(actor).await?;
        let record = self.record(actor, seat.bal, "rule.changed");
        let write = move |tx: &mut dyn Tx| {
            folders::lock_bal(tx, seat.bal)?.ok_or(RefusalCode::RightMissing)?;
            let bal = seat.check(tx)?;
            version_of(&rows::of_bal(tx, seat.bal)?, Some(id), from)?;
            rows::remove(tx, seat.bal, id)?;
            record.write(tx, &bal, &json!({ "rule": id, "what": "removed" }))?;
            Ok::<_, Fail>(())
        };
        Ok(self.0.store.write(write).await?)
    }

    /// Which of the last hundred messages that came, and are still in the INBOX, a rule would concern, newest first; for a rule by age, which of the
    /// hundred oldest that it may be applied to. Nothing is done with them.
    #[boxed]
    pub async fn try_rule(&self, actor: &Actor, rule: &Rule) -> Result<Vec<Tried>, Refusal> {
        let seat = self.ruling(actor).await?;
        let rule = rule.clone().checked()?;
        let now = self.now().0;
        let before = rule.days().map(|days| now - i64::from(days) * DAY);
        let tag = self.folder_tag(seat.bal, INBOX);
        let look = move |tx: &mut dyn Tx| {
            let bal = seat.check(tx)?;
            let came = match (folders::by_tag(tx, seat.bal, &tag)?, before) {
                (None, _) => Vec::new(),
                (Some(inbox), None) => rows::newest(tx, inbox.id, SLICE)?,
                (Some(inbox), Some(before)) => rows::old(tx, inbox.id, before, (i64::MIN, 0), SLICE)?,
            };
            Ok::<_, Fail>((bal, came))
        };
        let (bal, came) = self.0.store.read(look).await?;
        let seal = self.bal_seal(seat.bal).await?;
        let kind = actor.bal.as_ref().map_or(BalKind::Per, |b| b.kind);
        let (mut looked, mut out) = (BTreeSet::new(), Vec::new());
        for came in &came {
            let Some(summary) = opened(&seal, came) else { continue };
            looked.insert(came.message);
            if rule.concerns(&self.what_rules_see(kind, came, &summary, days_since(came.at, now))) {
                let from = summary.envelope.from.first().and_then(address).unwrap_or_default();
                let subject = summary.envelope.subject.as_deref().map(|s| decoded(s.as_bytes())).unwrap_or_default();
                out.push(Tried { email: self.email_object(came.message), from, subject });
            }
        }
        if let (Some(first), Some(last)) = (looked.first(), looked.last()) {
            self.note_reading(actor, (seat.bal, bal), Read::Listed(*first, *last, looked.len())).await?;
        }
        Ok(out)
    }

    /// What rules know of a message.
    pub(super) fn what_rules_see(&self, kind: BalKind, came: &Came, summary: &Summary, days: u32) -> Message {
        let e = &summary.envelope;
        let parties = || e.from.iter().chain(&e.to).chain(&e.cc);
        let patient = |a: &MailAddress| {
            let domain = a.host.as_deref().and_then(|host| host.parse::<DomainName>().ok());
            domain.is_some_and(|d| self.is_patients(&d))
        };
        Message {
            from: said(&e.from),
            to: [said(&e.to), said(&e.cc)].concat(),
            subject: e.subject.as_deref().map(|s| decoded(s.as_bytes())).unwrap_or_default(),
            attached: summary.has_attachment,
            patient: kind == BalKind::Usager || parties().any(patient),
            size: u64::try_from(came.size).unwrap_or(0),
            days,
        }
    }

    /// Applies the rules of a BAL to what came since they last were. An error: to be tried again.
    pub(crate) async fn run_rules(&self, id: Id) -> Result<(), Refusal> {
        let tag = self.folder_tag(id, INBOX);
        loop {
            let tag = tag.clone();
            let look = move |tx: &mut dyn Tx| {
                let bal = accounts::bal_by_id(tx, id)?.filter(|b| b.state == "active");
                let (Some(bal), Some(inbox)) = (bal, folders::by_tag(tx, id, &tag)?) else { return Ok(None) };
                let mut rules = rows::of_bal(tx, id)?;
                rules.retain(|r| r.enabled);
                // Of an INBOX that was made anew the numbers begin again.
                let newest = inbox.uidnext - 1;
                let seen = rows::seen(tx, id)?.map_or(newest, |seen| seen.min(newest));
                let came = if rules.is_empty() { Vec::new() } else { rows::came(tx, inbox.id, seen, SLICE)? };
                Ok::<_, Fail>(Some((bal_ref(&bal)?, inbox.id, rules, came)))
            };
            let Some((bal, inbox, rules, came)) = self.0.store.read(look).await? else { return Ok(()) };
            let Some(last) = came.last().map(|c| c.uid) else { return Ok(()) };
            let run = self.rule_run(bal, inbox, &rules).await?;
            for came in came.iter().filter(|c| c.due) {
                self.rule_one(&run, came).await?;
            }
            let looked = move |tx: &mut dyn Tx| rows::looked(tx, id, last);
            self.0.store.write(looked).await.map_err(|e: StoreError| refuse::store(&e))?;
        }
    }

    /// What rules of a BAL are applied with; one that cannot be read is left out.
    pub(super) async fn rule_run(&self, bal: BalRef, inbox: Id, rules: &[rows::Rule]) -> Result<Run, Refusal> {
        let seal = self.bal_seal(bal.id).await?;
        let open = |row: &rows::Rule| {
            self.opened_rule(&seal, row).inspect_err(|e| {
                tracing::error!(rule = row.id, error = %e, "a rule cannot be read");
            })
        };
        let rules = rules.iter().filter_map(|row| open(row).ok()).collect();
        let kind = bal.kind;
        let origin = Origin { door: Door::System, remote: None, session: "rules".into(), tls: None, once: None };
        let actor = Actor { who: Who::System, bal: Some(bal), credential: None, proof: Default::default(), origin };
        Ok(Run { actor, kind, inbox, seal, rules })
    }

    /// Does with one message what the rules say; then notes that it is done.
    async fn rule_one(&self, run: &Run, came: &Came) -> Result<(), Refusal> {
        // What cannot be read is nobody's to file.
        let Some(summary) = opened(&run.seal, came) else { return Ok(()) };
        let known = self.what_rules_see(run.kind, came, &summary, 0);
        let acts = rule::acts(run.rules.iter().map(|r| &r.rule), &known);
        if acts.is_empty() {
            return Ok(());
        }
        // A move is last: what is elsewhere is not found in the INBOX any more.
        let (moves, mut others): (Vec<&Act>, Vec<&Act>) = acts.into_iter().partition(|a| a.moves());
        others.extend(moves);
        let mut told: Vec<(Id, Option<RefusalCode>)> = Vec::new();
        for act in others {
            let of = run.rules.iter().find(|r| r.rule.concerns(&known) && r.rule.then.contains(act));
            match self.rule_act(run, came, act).await {
                Ok(()) => {}
                Err(refusal) if is_passing(&refusal) => return Err(refusal),
                Err(refusal) => told.extend(of.map(|r| (r.id, Some(refusal.code)))),
            }
        }
        let concerned: Vec<Id> = run.rules.iter().filter(|r| r.rule.concerns(&known)).map(|r| r.id).collect();
        let healed = run.rules.iter().filter(|r| r.told.is_some() && concerned.contains(&r.id));
        let healed: Vec<Id> = healed.map(|r| r.id).filter(|id| told.iter().all(|(t, _)| t != id)).collect();
        told.extend(healed.into_iter().map(|id| (id, None)));
        let (bal, message, at) = (run.seal.bal, came.message, self.now().0);
        let facts = json!({ "messages": [message], "rules": concerned });
        let record = self.record(&run.actor, bal, "rule.applied");
        let seat = self.seat(&run.actor)?;
        let note = move |tx: &mut dyn Tx| {
            let shown = seat.check(tx)?;
            rows::applied(tx, bal, message, at)?;
            for (rule, code) in &told {
                rows::tell(tx, bal, *rule, code.map(RefusalCode::as_str))?;
            }
            record.write(tx, &shown, &facts)?;
            Ok::<_, Fail>(())
        };
        Ok(self.0.store.write(note).await?)
    }

    /// One act on one message, as every door does it. Done before, it changes nothing.
    async fn rule_act(&self, run: &Run, came: &Came, act: &Act) -> Result<(), Refusal> {
        let (actor, uid) = (&run.actor, [narrow(came.uid)]);
        let flags = match act {
            Act::Flag => FlagSet::of(Flags::FLAGGED),
            Act::Seen => FlagSet::of(Flags::SEEN),
            Act::Label(label) => FlagSet { keywords: std::iter::once(label.as_str()).collect(), ..FlagSet::default() },
            Act::Forward(to) => return self.forward_by_rule(actor, came, to).await,
            Act::Assign(login) => {
                return match self.assign(actor, came.message, 0, Some(login)).await {
                    // Somebody has it already: people go before rules.
                    Err(refusal) if refusal.code == RefusalCode::EditConflict => Ok(()),
                    done => done,
                };
            }
            Act::Move(folder) => {
                let home = self.rule_folder(run, *folder).await?;
                return self.move_entries(actor, run.inbox, &uid, &home.name).await.map(drop);
            }
            Act::Archive => {
                let (inbox, uid) = (run.inbox, came.uid);
                let read = self.0.store.read(move |tx| messages::entries_of(tx, inbox, &[uid])).await;
                let entries = read.map_err(|e: StoreError| refuse::store(&e))?;
                return self.bring_by_year(actor, run.inbox, &entries).await.map(drop);
            }
        };
        self.change_flags(actor, run.inbox, &uid, FlagChange::Add, flags, None).await.map(drop)
    }
}

impl Operator {
    /// A folder that a rule names by its row. `folder.unknown`.
    pub(super) async fn rule_folder(&self, run: &Run, folder: Id) -> Result<Folder, Refusal> {
        let bal = run.seal.bal;
        let row = self.0.store.read(move |tx| folders::by_id(tx, bal, folder)).await;
        let row = row.map_err(|e: StoreError| refuse::store(&e))?.ok_or(RefusalCode::FolderUnknown)?;
        let name = run.seal.open_folder_name(row.id, &row.name_sealed).map_err(|e| refuse::store(&e))?;
        Ok(Folder::of(&row, name))
    }
}

/// Whole days from one instant to another, milliseconds.
pub(super) fn days_since(at: i64, now: i64) -> u32 {
    u32::try_from((now - at) / DAY).unwrap_or_default()
}

/// What passes by itself: to be tried again.
pub(super) fn is_passing(refusal: &Refusal) -> bool {
    matches!(refusal.code, RefusalCode::Unavailable | RefusalCode::StorageFull | RefusalCode::ShuttingDown)
}

pub(super) fn opened(seal: &BalSeal, came: &Came) -> Option<Summary> {
    let bytes = seal.open(came.message, MESSAGE_SUMMARY, &came.summary).ok()?;
    Summary::from_bytes(&bytes)
}

/// The rule that a change means, as of the version that it starts from; none for a new one.
fn version_of(known: &[rows::Rule], id: Option<Id>, from: i64) -> Result<Option<&rows::Rule>, Refusal> {
    let Some(id) = id else { return Ok(None) };
    let row = known.iter().find(|r| r.id == id).ok_or(RefusalCode::NotFound)?;
    if row.version == from { Ok(Some(row)) } else { Err(RefusalCode::EditConflict.into()) }
}

/// May this be done in this BAL? `folder.unknown`, `admin.not_found`.
fn possible(tx: &mut dyn Tx, bal: Id, act: &Act) -> Result<(), Fail> {
    match act {
        Act::Move(folder) => {
            folders::by_id(tx, bal, *folder)?.ok_or(RefusalCode::FolderUnknown)?;
        }
        Act::Assign(login) => drop(reader(tx, bal, login)?),
        // Of an address the rules of exchange decide ([`Operator::may_forward`]).
        Act::Archive | Act::Flag | Act::Seen | Act::Label(_) | Act::Forward(_) => {}
    }
    Ok(())
}
