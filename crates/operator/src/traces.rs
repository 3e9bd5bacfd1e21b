//! The probative log: acts record their trace in their own transaction; reading is traced in batches at most five seconds late.
use crate::boxed;
use sceau_domain::{Timestamp, UseCase};
use serde::Serialize;

/// A trace, as listed.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct TraceView {
    /// Id (time-ordered).
    #[serde(serialize_with = "crate::ids::text")]
    #[schema(value_type = String)]
    pub id: i64,
    /// `Functional` or `Technical`.
    pub kind: String,
    /// Stable act code, e.g. `mail.accepted`, `mail.refused`, `mail.submitted`, `mail.delivered`, `mail.transferred`, `login.ok`, `login.failed`, `bal.opened`.
    pub act: String,
    /// When.
    #[schema(value_type = i64)]
    pub at: Timestamp,
    /// Login of the person, or the peer's DN, or `system`.
    pub actor: String,
    /// BAL address, when one is concerned.
    pub bal: Option<String>,
    /// Remote address.
    pub remote: Option<String>,
    /// Session id.
    pub session: Option<String>,
    /// `ok` or a refusal's code.
    pub outcome: String,
    /// Other facts, never content.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
}

/// What to list.
#[derive(Debug, Clone, Default, Serialize, serde::Deserialize)]
pub struct TraceFilter {
    /// Only this act (prefix match on dots: `mail` lists all `mail.*`).
    pub act: Option<String>,
    /// Only this BAL address.
    pub bal: Option<String>,
    /// Only this actor.
    pub actor: Option<String>,
    /// Since (inclusive).
    pub since: Option<Timestamp>,
    /// Until (not included).
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// Only ids greater than this one, oldest first (to follow); otherwise newest first.
    pub after: Option<i64>,
    /// At most (default 50, at most 1000).
    pub limit: Option<u32>,
}

use crate::record::By;
use crate::refuse::Fail;
use crate::rights::On;
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::id::{first_at, made_at};
use sceau_store::traces as rows;

/// Following looks at what is younger than this, milliseconds; reading on from an older id is consulting.
const FOLLOWED: i64 = 10 * 60_000;
/// A day, milliseconds.
const DAY: i64 = 86_400_000;
/// Traces of one listing: by default, and at most.
const LIMITS: (u32, u32) = (50, 1000);

impl Operator {
    /// Lists traces; consulting them is itself traced, once a listing. Following is not: `after` an id of the last minutes.
    #[boxed]
    pub async fn traces(&self, actor: &Actor, filter: &TraceFilter) -> Result<Vec<TraceView>, Refusal> {
        self.require(actor, UseCase::TraceList, On::Operator).await?;
        self.flush_traces().await?;
        let bal = filter.bal.as_deref().map(|b| self.key_of(b)).transpose()?;
        let rows = rows::Filter {
            act: filter.act.clone(),
            bal: bal.clone(),
            actor: filter.actor.clone(),
            since: filter.since.map(|s| s.0),
            until: filter.until.map(|u| u.0),
            // Ids are ordered by time: what is older or younger by a day is not walked through.
            after: match (filter.after, filter.since) {
                (Some(after), Some(since)) => {
                    Some(after.max(first_at(Timestamp(since.0.min(self.now().0)).plus_ms(-DAY))))
                }
                (after, _) => after,
            },
            before: filter.until.map(|until| first_at(Timestamp(until.0.min(self.now().0)).plus_ms(DAY))),
            limit: i64::from(filter.limit.unwrap_or(LIMITS.0).clamp(1, LIMITS.1)),
        };
        let list = self.0.store.read(move |tx| Ok::<_, Fail>(rows::list(tx, &rows)?)).await?;
        // From the beginning on it is consulting, even where nothing is found: that there is nothing is told, too.
        let follows = |after: i64| after > 0 && (made_at(after).0 + FOLLOWED >= self.now().0 || list.is_empty());
        let followed = filter.after.is_some_and(follows);
        if !followed {
            let data = serde_json::json!({
                "act": filter.act, "bal": bal, "actor": filter.actor, "after": filter.after, "count": list.len()
            });
            self.trace_alone(self.fact("trace.listed", &By::actor(actor), None, "ok", data)).await;
        }
        Ok(list.into_iter().map(TraceView::from).collect())
    }

    /// One trace. Consulting it is itself traced, however young it is. `admin.not_found`, `right.missing`.
    #[boxed]
    pub async fn trace(&self, actor: &Actor, id: i64) -> Result<TraceView, Refusal> {
        self.require(actor, UseCase::TraceList, On::Operator).await?;
        self.flush_traces().await?;
        let one = rows::Filter { after: Some(id.saturating_sub(1)), limit: 1, ..rows::Filter::default() };
        let list = self.0.store.read(move |tx| Ok::<_, Fail>(rows::list(tx, &one)?)).await?;
        let found = list.into_iter().find(|t| t.id == id);
        let found = found.ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", id))?;
        let data = serde_json::json!({ "trace": id, "count": 1 });
        self.trace_alone(self.fact("trace.listed", &By::actor(actor), None, "ok", data)).await;
        Ok(found.into())
    }
}

impl From<rows::Trace> for TraceView {
    fn from(t: rows::Trace) -> Self {
        Self {
            id: t.id,
            kind: t.kind.as_str().into(),
            act: t.act,
            at: Timestamp(t.at),
            actor: t.actor,
            bal: t.bal,
            remote: t.remote,
            session: t.session,
            outcome: t.outcome,
            data: serde_json::from_str(&t.data).unwrap_or_default(),
        }
    }
}
