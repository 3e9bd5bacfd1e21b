//! Rules by age (F058): what lies in the INBOX for so many days, was read and is not followed is filed, once a day.
//!
//! Promises: what nobody read yet, and what somebody follows, stays where it is; acts are those of every door, with their traces, many messages at
//! once; each is harmless when it is done again; what cannot be done is told beside the rule and holds up nothing.
use super::rules::{DAY, Run, SLICE, days_since, is_passing, opened};
use crate::Operator;
use crate::jobs::Kind;
use crate::login::bal_ref;
use crate::mailbox::entries::{FlagSet, Flags};
use crate::mailbox::names::INBOX;
use crate::record::ids;
use crate::refuse::{self, Fail};
use sceau_domain::rule::{self, Act};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::desk::rules::{self as rows, Came};
use sceau_store::messages::EntryRow;
use sceau_store::{Id, StoreError, Tx, accounts, folders, jobs, messages};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long until rules by age are applied again.
const AGAIN: Duration = Duration::from_secs(86_400);

impl Operator {
    /// Applies the rules by age of a BAL, and asks to be called again in a day; not where there is none any more. An error: to be tried again.
    pub(crate) async fn run_ages(&self, id: Id, stop: &CancellationToken) -> Result<(), Refusal> {
        let tag = self.folder_tag(id, INBOX);
        let look = move |tx: &mut dyn Tx| {
            let bal = accounts::bal_by_id(tx, id)?.filter(|b| b.state == "active");
            let (Some(bal), Some(inbox)) = (bal, folders::by_tag(tx, id, &tag)?) else { return Ok(None) };
            let mut rules = rows::of_bal(tx, id)?;
            rules.retain(|r| r.enabled);
            Ok::<_, Fail>(Some((bal_ref(&bal)?, inbox.id, rules)))
        };
        let Some((bal, inbox, rules)) = self.0.store.read(look).await? else { return Ok(()) };
        let mut run = self.rule_run(bal, inbox, &rules).await?;
        run.rules.retain(|r| r.rule.days().is_some());
        let Some(least) = run.rules.iter().filter_map(|r| r.rule.days()).min() else { return Ok(()) };
        let now = self.now().0;
        let before = now - i64::from(least) * DAY;
        let mut after = (i64::MIN, 0);
        while !stop.is_cancelled() {
            let read = move |tx: &mut dyn Tx| {
                let came = rows::old(tx, inbox, before, after, SLICE)?;
                let mut uids: Vec<i64> = came.iter().map(|c| c.uid).collect();
                uids.sort_unstable();
                Ok::<_, StoreError>((messages::entries_of(tx, inbox, &uids)?, came))
            };
            let (entries, came) = self.0.store.read(read).await.map_err(|e: StoreError| refuse::store(&e))?;
            let Some(last) = came.last() else {
                let job = self.job(Kind::Aging, id.to_string(), Vec::new(), AGAIN);
                return Ok(self.0.store.write::<_, Fail, _>(move |tx| Ok(jobs::ensure(tx, &job)?)).await?);
            };
            after = (last.at, last.uid);
            self.age_some(&run, &came, &entries, now).await?;
        }
        Err(RefusalCode::Unavailable.into())
    }

    /// Does with some messages what the rules say; then notes what was done.
    async fn age_some(&self, run: &Run, came: &[Came], entries: &[EntryRow], now: i64) -> Result<(), Refusal> {
        // Each act with those that it is for.
        let mut wanted: Vec<(&Act, BTreeSet<i64>)> = Vec::new();
        let mut concerned: BTreeSet<Id> = BTreeSet::new();
        for came in came {
            // What cannot be read is nobody's to file.
            let Some(summary) = opened(&run.seal, came) else { continue };
            let known = self.what_rules_see(run.kind, came, &summary, days_since(came.at, now));
            concerned.extend(run.rules.iter().filter(|r| r.rule.concerns(&known)).map(|r| r.id));
            for act in rule::acts(run.rules.iter().map(|r| &r.rule), &known) {
                match wanted.iter_mut().find(|(other, _)| *other == act) {
                    Some((_, uids)) => {
                        uids.insert(came.uid);
                    }
                    None => wanted.push((act, BTreeSet::from([came.uid]))),
                }
            }
        }
        // A move is last: what is elsewhere is not found in the INBOX any more.
        wanted.sort_by_key(|(act, _)| act.moves());
        let mut told: Vec<(Id, Option<RefusalCode>)> = Vec::new();
        let mut done: BTreeSet<Id> = BTreeSet::new();
        for (act, uids) in wanted {
            let entries: Vec<EntryRow> = entries.iter().filter(|e| uids.contains(&e.uid)).cloned().collect();
            match self.age_act(run, act, &entries).await {
                Ok(0) => {}
                Ok(_) => done.extend(entries.iter().map(|e| e.message)),
                Err(refusal) if is_passing(&refusal) => return Err(refusal),
                Err(refusal) => {
                    let of = run.rules.iter().filter(|r| concerned.contains(&r.id) && r.rule.then.contains(act));
                    told.extend(of.map(|r| (r.id, Some(refusal.code))));
                }
            }
        }
        let healed = run.rules.iter().filter(|r| r.told.is_some() && concerned.contains(&r.id));
        let healed: Vec<Id> = healed.map(|r| r.id).filter(|id| told.iter().all(|(t, _)| t != id)).collect();
        told.extend(healed.into_iter().map(|id| (id, None)));
        if done.is_empty() && told.is_empty() {
            return Ok(());
        }
        let bal = run.seal.bal;
        let facts = json!({ "messages": ids(done.iter().copied()), "count": done.len(), "rules": concerned });
        let record = (!done.is_empty()).then(|| self.record(&run.actor, bal, "rule.applied"));
        let seat = self.seat(&run.actor)?;
        let note = move |tx: &mut dyn Tx| {
            let shown = seat.check(tx)?;
            for (rule, code) in &told {
                rows::tell(tx, bal, *rule, code.map(RefusalCode::as_str))?;
            }
            match &record {
                Some(record) => Ok::<_, Fail>(record.write(tx, &shown, &facts)?),
                None => Ok(()),
            }
        };
        Ok(self.0.store.write(note).await?)
    }

    /// One act on messages of the INBOX, as every door does it: how many it changed.
    async fn age_act(&self, run: &Run, act: &Act, entries: &[EntryRow]) -> Result<usize, Refusal> {
        let (actor, inbox) = (&run.actor, run.inbox);
        let stepped = match act {
            Act::Flag => self.set(actor, inbox, entries, true, FlagSet::of(Flags::FLAGGED)).await?,
            Act::Seen => self.set(actor, inbox, entries, true, FlagSet::of(Flags::SEEN)).await?,
            Act::Label(label) => {
                let label = FlagSet { keywords: [label.as_str()].into_iter().collect(), ..FlagSet::default() };
                self.set(actor, inbox, entries, true, label).await?
            }
            Act::Move(folder) => {
                let home = self.rule_folder(run, *folder).await?;
                self.bring(actor, inbox, entries, &home).await?
            }
            Act::Archive => self.bring_by_year(actor, inbox, entries).await?,
            // No rule by age has these.
            Act::Assign(_) | Act::Forward(_) => None,
        };
        Ok(stepped.map_or(0, |(_, count)| count))
    }
}
