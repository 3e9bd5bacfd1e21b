//! Disclosures: the one way to the content of a BAL for somebody who has no access to it. For an authority's request, a restitution, or directives
//! after a death; never for the operator's own purposes.
//!
//! Promises: two named people, both administrators of the operator, the second one before the request was made, take part: one asks with a cause, a
//! reason and the beneficiary, another one decides with a reason; neither a second token nor a token made for somebody else makes two people of one.
//! It lasts thirty days at most and may be withdrawn by any administrator at any time. While it lasts, those two read: folders and messages as they
//! are, nothing is marked, moved or counted as read, and the trace of each message stands before its first byte is given. A closed BAL has nothing
//! to disclose.
mod ask;
mod decide;
mod read;

pub use read::{DisclosedFolder, DisclosedMessage};

use crate::boxed;
use crate::refuse::Fail;
use crate::rights::{On, permit, unknown};
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::disclosures::{self as kept, Disclosure};
use sceau_store::{Id, StoreError, Tx, accounts as rows};
use serde::Serialize;
use utoipa::ToSchema;

/// Longest time a disclosure lasts, days.
pub const MAX_DAYS: u32 = 30;
/// A day, milliseconds.
const DAY: i64 = 86_400_000;
/// Longest name of a beneficiary, characters.
const MAX_BENEFICIARY: usize = 200;

/// Why content may be disclosed.
pub const CAUSES: [&str; 3] = ["authority", "restitution", "after_death"];

/// A request.
#[derive(Debug, Clone)]
pub struct NewDisclosure {
    /// Address of the BAL.
    pub bal: String,
    /// One of [`CAUSES`].
    pub cause: String,
    /// Why, in words: reference of the request, of the directives.
    pub reason: String,
    /// Who gets the content.
    pub beneficiary: String,
    /// For how many days from now, 1 to [`MAX_DAYS`].
    pub days: u32,
}

/// A disclosure.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DisclosureView {
    /// Id.
    #[serde(serialize_with = "crate::ids::text")]
    #[schema(value_type = String)]
    pub id: Id,
    /// Address of the BAL.
    pub bal: String,
    /// `authority`, `restitution` or `after_death`.
    pub cause: String,
    /// Why.
    pub reason: String,
    /// Who gets the content.
    pub beneficiary: String,
    /// `asked`, `agreed`, `refused`, `withdrawn`, or `over` when its time has come.
    pub state: String,
    /// When it was asked for.
    #[schema(value_type = i64)]
    pub asked: Timestamp,
    /// By whom: login.
    pub asked_by: String,
    /// When it was decided.
    #[schema(value_type = Option<i64>)]
    pub decided: Option<Timestamp>,
    /// By whom.
    pub decided_by: Option<String>,
    /// Why it was decided so.
    pub decision: Option<String>,
    /// Until when it lasts.
    #[schema(value_type = i64)]
    pub until: Timestamp,
    /// When it was withdrawn.
    #[schema(value_type = Option<i64>)]
    pub ended: Option<Timestamp>,
    /// By whom.
    pub ended_by: Option<String>,
    /// When content was last read under it.
    #[schema(value_type = Option<i64>)]
    pub last_read: Option<Timestamp>,
}

/// State as shown: what was asked for or agreed to is over when its time has come.
fn state_at(d: &Disclosure, now: i64) -> &str {
    if now >= d.until && matches!(d.state.as_str(), "asked" | "agreed") { "over" } else { &d.state }
}

fn login_of(tx: &mut dyn Tx, person: Id) -> Result<String, StoreError> {
    Ok(rows::person_by_id(tx, person)?.map(|p| p.login).unwrap_or_default())
}

fn view(tx: &mut dyn Tx, d: Disclosure, now: i64) -> Result<DisclosureView, StoreError> {
    let decided_by = d.decided_by.map(|p| login_of(tx, p)).transpose()?;
    let ended_by = d.ended_by.map(|p| login_of(tx, p)).transpose()?;
    Ok(DisclosureView {
        id: d.id,
        bal: rows::bal_by_id(tx, d.bal_id)?.map(|b| b.address).unwrap_or_default(),
        state: state_at(&d, now).to_owned(),
        asked_by: login_of(tx, d.asked_by)?,
        cause: d.cause,
        reason: d.reason,
        beneficiary: d.beneficiary,
        asked: Timestamp(d.asked),
        decided: d.decided.map(Timestamp),
        decided_by,
        decision: d.decision,
        until: Timestamp(d.until),
        ended: d.ended.map(Timestamp),
        ended_by,
        last_read: d.used.map(Timestamp),
    })
}

/// The disclosure of this id, when the asker may do this with it; with its BAL, which is not closed.
fn found(tx: &mut dyn Tx, actor: &Actor, use_case: UseCase, id: Id) -> Result<(Disclosure, rows::Bal), Fail> {
    permit(tx, actor, use_case, On::Anywhere)?;
    let Some(disclosure) = kept::by_id(tx, id)? else { return Err(unknown(tx, actor, use_case, &id.to_string())) };
    permit(tx, actor, use_case, On::Bal(disclosure.bal_id))?;
    let bal = rows::bal_by_id(tx, disclosure.bal_id)?;
    Ok((disclosure, bal.ok_or(RefusalCode::NotFound)?))
}

/// Refuses `state.wrong` when the BAL is closed: its key is destroyed.
fn not_closed(bal: &rows::Bal) -> Result<(), Fail> {
    if bal.state == "closed" {
        return Err(Refusal::new(RefusalCode::StateWrong).with("name", &bal.address).into());
    }
    Ok(())
}

impl Operator {
    /// Disclosures, by id, `limit` from after `after`.
    #[boxed]
    pub async fn disclosures(&self, actor: &Actor, after: Id, limit: u32) -> Result<Vec<DisclosureView>, Refusal> {
        let (actor, limit, now) = (actor.clone(), i64::from(limit.clamp(1, 1000)), self.now().0);
        let list = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::DisclosureList, On::Operator)?;
            let page = kept::page(tx, after, limit)?;
            page.into_iter().map(|d| Ok::<_, Fail>(view(tx, d, now)?)).collect()
        };
        Ok(self.0.store.read(list).await?)
    }

    /// One disclosure. `admin.not_found`.
    #[boxed]
    pub async fn disclosure(&self, actor: &Actor, id: Id) -> Result<DisclosureView, Refusal> {
        let (actor, now) = (actor.clone(), self.now().0);
        let find = move |tx: &mut dyn Tx| {
            let (disclosure, _) = found(tx, &actor, UseCase::DisclosureList, id)?;
            Ok::<_, Fail>(view(tx, disclosure, now)?)
        };
        Ok(self.0.store.read(find).await?)
    }
}
