//! What a policy would remove at this moment, for whoever follows it, before it is followed: counts, and what a legal hold keeps.
use super::{Spans, named};
use crate::boxed;
use crate::refuse::Fail;
use crate::rights::{On, permit, unknown};
use crate::{Actor, Operator};
use sceau_domain::retention::{Item, Policy, Span};
use sceau_domain::{Refusal, Timestamp, UseCase};
use sceau_store::aged::{self, Aged};
use sceau_store::{Id, StoreError, Tx, id, structures};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// BALs looked at together.
const PAGE: i64 = 500;

/// What of one kind is older than a policy says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DueView {
    /// What it is about.
    pub item: String,
    /// For how long the policy keeps it.
    pub value: String,
    /// What was made before this instant is over; absent: nothing is.
    #[schema(value_type = Option<i64>)]
    pub before: Option<Timestamp>,
    /// How many are older.
    pub count: u64,
    /// Of these, kept by a legal hold.
    pub held: u64,
}

impl Operator {
    /// What a policy would remove now: of a structure's BALs when one is named, else of the BALs of all who follow no other policy, and of what
    /// belongs to no BAL. Nothing is removed. `admin.not_found`.
    #[boxed]
    pub async fn retention_due(
        &self,
        actor: &Actor,
        name: &str,
        structure: Option<&str>,
    ) -> Result<Vec<DueView>, Refusal> {
        let use_case = UseCase::RetentionSet;
        self.require(actor, use_case, On::Operator).await?;
        let (name, code) = (name.to_ascii_lowercase(), structure.map(str::to_ascii_lowercase));
        let (asker, now) = (actor.clone(), self.now());
        let count = move |tx: &mut dyn Tx| {
            permit(tx, &asker, use_case, On::Operator)?;
            let Some((policy, _)) = named(tx, &name)? else { return Err(unknown(tx, &asker, use_case, &name)) };
            let place = match &code {
                None => None,
                Some(code) => {
                    Some(structures::by_code(tx, code)?.ok_or_else(|| unknown(tx, &asker, use_case, code))?.id)
                }
            };
            let mut out = vec![messages(tx, &policy, place, now)?];
            if place.is_none() {
                let spans = [Item::Requests, Item::Notices, Item::Identity].map(|i| (i.as_str(), policy.span(i)));
                let kinds = [Aged::Requests, Aged::Notices, Aged::People, Aged::Acceptances];
                for ((item, span), what) in spans.into_iter().chain([("acceptances", policy.proofs())]).zip(kinds) {
                    let (mut view, before) = empty(item, span, now);
                    if let Some(Timestamp(before)) = before {
                        let found = aged::count(tx, what, before)?;
                        (view.count, view.held) = (found.old.unsigned_abs(), found.held.unsigned_abs());
                    }
                    out.push(view);
                }
                // Of traces that a hold or the BAL they name still keeps, only the purge itself can tell; and so of acceptances that prove them.
                for (item, kind) in [(Item::FunctionalTraces, "Functional"), (Item::TechnicalTraces, "Technical")] {
                    let (mut view, before) = empty(item.as_str(), policy.span(item), now);
                    if let Some(before) = before {
                        view.count = aged::count_traces(tx, kind, id::first_at(before))?.unsigned_abs();
                    }
                    out.push(view);
                }
            }
            Ok::<_, Fail>(out)
        };
        Ok(self.0.store.read(count).await?)
    }
}

fn empty(item: &str, span: Span, now: Timestamp) -> (DueView, Option<Timestamp>) {
    let before = span.begun_by(now);
    let view = DueView { item: item.into(), value: span.to_string(), before, count: 0, held: 0 };
    (view, before)
}

fn messages(tx: &mut dyn Tx, policy: &Policy, place: Option<Id>, now: Timestamp) -> Result<DueView, StoreError> {
    let (mut view, before) = empty(Item::Messages.as_str(), policy.span(Item::Messages), now);
    let Some(before) = before else { return Ok(view) };
    let below = id::first_at(before);
    let (mut after, mut spans) = (Id::MIN, Spans::default());
    loop {
        let page = aged::bals(tx, after, PAGE)?;
        let Some((last, _)) = page.last() else { return Ok(view) };
        after = *last;
        for (bal, structure) in page {
            let follows = match place {
                Some(place) => structure == Some(place),
                None => !spans.chose(tx, structure)?,
            };
            if follows {
                let (count, held) = aged::count_messages(tx, bal, below)?;
                view.count += count.unsigned_abs();
                view.held += if held { count.unsigned_abs() } else { 0 };
            }
        }
    }
}
