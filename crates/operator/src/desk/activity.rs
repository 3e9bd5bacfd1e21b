//! "My activity" (F247): what one did oneself, and what anybody did at the BALs that one answers for. From the traces, never content.
//!
//! Promises: one sees the BALs that one holds or may manage, as they stand in this transaction, and of these nothing but what reaches the mail, the
//! accesses or the BAL itself ([`SHOWN`]): what the operator does of its own duties (holds, the log) is not told here. Looking is traced.
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Operator, Who};
use sceau_domain::{BalRights, Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::id::{first_at, made_at};
use sceau_store::traces::{self, Trace};
use sceau_store::{Id, Tx, access, accounts};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How far back one page looks, milliseconds.
const SPAN: i64 = 31 * 86_400_000;
/// Traces of one page.
const MOST: u8 = 100;
/// BALs that are looked at.
const BALS: usize = 100;

/// Acts that are told of a BAL.
pub const SHOWN: &[&str] = &[
    "login.ok",
    "folder.opened",
    "message.listed",
    "message.previewed",
    "message.read",
    "search.run",
    "mail.submitted",
    "mail.scheduled",
    "mail.held_back",
    "mail.unsent",
    "mail.filed",
    "mail.flagged",
    "mail.moved",
    "mail.copied",
    "mail.expunged",
    "mail.undone",
    "mail.assigned",
    "note.made",
    "note.removed",
    "rule.changed",
    "writing.changed",
    "folder.created",
    "folder.renamed",
    "folder.deleted",
    "access.given",
    "access.changed",
    "access.ended",
    "delegation.given",
    "delegation.changed",
    "delegation.ended",
    "bal.edited",
    "bal.choices",
    "bal.absence",
    "bal.absence_ended",
    "bal.closing",
    "disclosure.listed",
    "disclosure.read",
];

/// Whose acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Everybody's, at the BALs that one holds or manages.
    Bals,
    /// Everybody's, at one of these.
    Bal(Id),
    /// One's own, wherever.
    Mine,
}

/// An act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityView {
    /// When.
    pub at: Timestamp,
    /// Stable code: one of [`SHOWN`], or any of one's own.
    pub act: String,
    /// Who: the name as it is now; the login of whoever is no more.
    pub who: String,
    /// The asker did it.
    pub mine: bool,
    /// For whom, where a delegate did it: the holder's login.
    pub on_behalf: Option<String>,
    /// At which BAL, as traces write it.
    pub bal: Option<String>,
    /// From where: a place that the operator named, else a network.
    pub place: Option<String>,
    /// How many messages.
    pub count: Option<i64>,
    /// It was done; else the code of why not.
    pub refused: Option<String>,
}

/// A page of acts, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityPage {
    /// From this instant.
    pub from: Timestamp,
    /// Until this one.
    pub until: Timestamp,
    /// The acts.
    pub rows: Vec<ActivityView>,
    /// What the page before these is asked by; none: there is nothing older.
    pub before: Option<Id>,
    /// The BALs that the asker holds or manages: which, and their addresses.
    pub bals: Vec<(Id, String)>,
}

/// What is read for a page.
struct Found {
    traces: Vec<Trace>,
    names: BTreeMap<Id, String>,
    /// Nothing can be older than this, milliseconds.
    began: i64,
    bals: Vec<(Id, String)>,
}

fn find(tx: &mut dyn Tx, actor: &Actor, of: Of, within: (Id, Id)) -> Result<Found, Fail> {
    permit(tx, actor, UseCase::ActivityOwn, On::Anywhere)?;
    let Who::Person(me) = &actor.who else { return Err(RefusalCode::RightMissing.into()) };
    let most = i64::from(MOST);
    let mut found = Found { traces: Vec::new(), names: BTreeMap::new(), began: tx.now(), bals: Vec::new() };
    let mut rows: Vec<accounts::Bal> = Vec::new();
    for held in access::of_person(tx, me.id)?.into_iter().take(BALS) {
        let answers = held.role == "holder" || BalRights::from_bits(held.rights).has(BalRights::MANAGE);
        if answers && held.starts <= tx.now() {
            rows.extend(accounts::bal_by_id(tx, held.bal_id)?);
        }
    }
    found.bals = rows.iter().map(|bal| (bal.id, bal.address.clone())).collect();
    match of {
        Of::Mine => {
            let row = accounts::person_by_id(tx, me.id)?.ok_or(RefusalCode::NotFound)?;
            found.began = row.created;
            found.traces = traces::of_person(tx, (me.id, &me.login), within, most)?;
        }
        Of::Bals | Of::Bal(_) => {
            if let Of::Bal(one) = of {
                rows.retain(|bal| bal.id == one);
                if rows.is_empty() {
                    return Err(RefusalCode::NotFound.into());
                }
            }
            for bal in rows {
                found.began = found.began.min(bal.created);
                found.traces.extend(traces::at_bal(tx, (bal.id, &bal.address_key), SHOWN, within, most)?);
            }
            found.traces.sort_unstable_by_key(|t| std::cmp::Reverse(t.id));
            found.traces.truncate(usize::from(MOST));
        }
    }
    let people: BTreeSet<Id> = found.traces.iter().filter_map(|t| t.person_id).collect();
    let people: Vec<Id> = people.into_iter().collect();
    found.names = accounts::people_by_ids(tx, &people)?.into_iter().map(|p| (p.id, p.name)).collect();
    Ok(found)
}

impl Operator {
    /// A page of acts, before `before` (by default: the newest). `right.missing`; `admin.not_found` for a BAL that the asker does not answer for.
    /// Traced: `activity.listed`.
    #[boxed]
    pub async fn own_activity(&self, actor: &Actor, of: Of, before: Option<Id>) -> Result<ActivityPage, Refusal> {
        // Reading is traced by batches: what happened a moment ago is told too.
        self.flush_traces().await?;
        let until = before.map_or(self.now(), |id| made_at(id).min(self.now()));
        let from = Timestamp((until.0 - SPAN).max(0));
        let within = (first_at(from), before.unwrap_or(Id::MAX));
        let asker = actor.clone();
        let Found { traces, names, began, bals } = self.0.store.read(move |tx| find(tx, &asker, of, within)).await?;
        let before = match traces.last() {
            // There may be more of the same month.
            Some(last) if traces.len() == usize::from(MOST) => Some(last.id),
            _ => Some(within.0).filter(|_| from.0 > began),
        };
        let said = match of {
            Of::Bals | Of::Bal(_) => "bals",
            Of::Mine => "mine",
        };
        let data = json!({ "of": said, "from": from.0, "until": until.0, "count": traces.len() });
        self.trace_alone(self.fact("activity.listed", &By::actor(actor), None, "ok", data)).await;
        let rows = traces.into_iter().map(|t| self.activity_view(t, &names, actor.person())).collect();
        Ok(ActivityPage { from, until, rows, before, bals })
    }

    fn activity_view(&self, t: Trace, names: &BTreeMap<Id, String>, me: Id) -> ActivityView {
        let data: Value = serde_json::from_str(&t.data).unwrap_or_default();
        ActivityView {
            at: Timestamp(t.at),
            who: t.person_id.and_then(|id| names.get(&id).cloned()).unwrap_or(t.actor),
            mine: t.person_id == Some(me),
            on_behalf: data["for"].as_str().map(str::to_owned),
            place: t.remote.and_then(|ip| ip.parse().ok()).map(|ip| self.place_of(ip)),
            count: data["count"].as_i64(),
            refused: Some(t.outcome).filter(|o| o != "ok"),
            bal: t.bal,
            act: t.act,
        }
    }
}
