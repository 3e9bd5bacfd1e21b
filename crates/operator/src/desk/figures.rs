//! What the console asks beyond what REST does: which of its pages are for whom, later work, how the service is in one view.
//!
//! Promises: a view that holds several things shows each of them to who may see it; looking at how the service is
//! writes nothing.
use crate::boxed;
use crate::refuse::Fail;
use crate::rights::{On, administers, permit};
use crate::{Actor, Operator, refuse};
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase};
use sceau_identity::factor::Need;
use sceau_store::{Id, Tx, certificates, jobs, notary};
use serde::Serialize;
use std::time::Instant;

/// Most jobs of one listing.
const MOST: u32 = 1_000;
/// Certificates of ours that end within so many days are told.
const SOON: i64 = 30;
/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// Later work, as listed.
#[derive(Debug, Clone, Serialize)]
pub struct JobView {
    /// Id.
    pub id: Id,
    /// What it does, in a word (`index`, `purge`, `notice`…).
    pub kind: String,
    /// About what: an id, never a name.
    pub key: String,
    /// Not before.
    pub run_at: Timestamp,
    /// A worker holds it until then.
    pub leased_until: Option<Timestamp>,
    /// Failed attempts.
    pub attempts: i64,
    /// Why the last one failed.
    pub last_error: Option<String>,
    /// Since.
    pub created: Timestamp,
}

impl From<jobs::JobView> for JobView {
    fn from(j: jobs::JobView) -> Self {
        Self {
            id: j.id,
            kind: j.kind,
            key: j.key,
            run_at: Timestamp(j.run_at),
            leased_until: j.leased_until.map(Timestamp),
            attempts: j.attempts,
            last_error: j.last_error,
            created: Timestamp(j.created),
        }
    }
}

/// How a part of the service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// As it should be.
    Good,
    /// Somebody should look.
    Warning,
    /// It does not do its work.
    Bad,
    /// It is not used here, or nothing is known yet.
    Unused,
}

/// A part of the service.
#[derive(Debug, Clone, Serialize)]
pub struct HealthPart {
    /// `nodes`, `store`, `queue`, `antivirus`, `white_list`, `log`, `backup`, `jobs`, `certificates`.
    pub part: &'static str,
    /// How it is.
    pub condition: Condition,
    /// What the sentence about it names: numbers, names; never content.
    pub facts: Vec<(&'static str, String)>,
    /// Of when the knowledge is; none: of now.
    pub at: Option<Timestamp>,
}

fn part(part: &'static str, condition: Condition, facts: Vec<(&'static str, String)>) -> HealthPart {
    HealthPart { part, condition, facts, at: None }
}

fn good(is: bool, otherwise: Condition) -> Condition {
    if is { Condition::Good } else { otherwise }
}

/// What the asker may not see is left out; every other refusal is one.
fn seen<T>(found: Result<T, Refusal>) -> Result<Option<T>, Refusal> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(refusal) if refusal.code == RefusalCode::RightMissing => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

impl Operator {
    /// What the asker's administrative roles allow somewhere: which pages of the console are theirs. Empty for whoever has none. The calls behind
    /// the pages judge again, each on its place.
    #[boxed]
    pub async fn administers(&self, actor: &Actor) -> Result<Vec<UseCase>, Refusal> {
        let actor = actor.clone();
        match self.0.store.read(move |tx| administers(tx, &actor)).await {
            Ok(cases) => Ok(cases),
            Err(fail) => match Refusal::from(fail) {
                refusal if refusal.code == RefusalCode::RightMissing => Ok(Vec::new()),
                refusal => Err(refusal),
            },
        }
    }

    /// Does a person at a page prove anew that it is them, before this act? `auth.fresh` when so.
    pub fn confirmed(&self, actor: &Actor, act: UseCase) -> Result<(), Refusal> {
        if act.wants_fresh() { self.needs(actor, Need::Fresh) } else { Ok(()) }
    }

    /// Later work by id from after `after`, at most `limit` (and 1,000). `right.missing`.
    #[boxed]
    pub async fn jobs_list(&self, actor: &Actor, after: Id, limit: u32) -> Result<Vec<JobView>, Refusal> {
        self.require(actor, UseCase::JobList, On::Operator).await?;
        let limit = i64::from(limit.clamp(1, MOST));
        let found = self.0.store.read(move |tx| jobs::list(tx, after, limit)).await;
        Ok(found.map_err(|e| refuse::store(&e))?.into_iter().map(JobView::from).collect())
    }

    /// How the service is, part by part. `right.missing`.
    #[boxed]
    pub async fn health(&self, actor: &Actor) -> Result<Vec<HealthPart>, Refusal> {
        self.require(actor, UseCase::HealthShow, On::Operator).await?;
        let mut parts = Vec::new();
        if let Some(nodes) = seen(self.nodes(actor).await)? {
            let alive = nodes.iter().filter(|n| n.alive).count();
            let facts = vec![("alive", alive.to_string()), ("count", nodes.len().to_string())];
            parts.push(part("nodes", good(alive == nodes.len(), Condition::Warning), facts));
        }
        parts.extend(self.kept(actor).await?);
        if let Some(queue) = seen(self.queue_stats(actor).await)? {
            let facts = vec![("count", queue.entries.to_string()), ("failing", queue.failing.to_string())];
            let mut part = part("queue", good(queue.failing == 0, Condition::Warning), facts);
            part.at = queue.oldest;
            parts.push(part);
        }
        if let Some(virus) = seen(self.antivirus(actor).await)? {
            // Without an engine it was never wanted, or was switched off with a reason.
            let condition = match (&virus.engine, &virus.why) {
                (None, None) => Condition::Unused,
                (None, Some(_)) => Condition::Warning,
                (Some(_), _) => good(virus.answers, Condition::Bad),
            };
            let facts = virus.engine.map(|name| vec![("name", name)]).unwrap_or_default();
            let mut part = part("antivirus", condition, facts);
            part.at = virus.dated;
            parts.push(part);
        }
        if let Some(list) = seen(self.white_list(actor).await)? {
            let condition =
                if list.generated.is_none() { Condition::Bad } else { good(list.error.is_none(), Condition::Warning) };
            let mut part = part("white_list", condition, vec![("count", list.domains.to_string())]);
            part.at = list.refreshed;
            parts.push(part);
        }
        match self.backup_status(actor).await {
            Ok(backup) => parts.push(part("backup", good(backup.error.is_none(), Condition::Bad), Vec::new())),
            // None began since this node started.
            Err(refusal) if refusal.code == RefusalCode::NotFound => {
                parts.push(part("backup", Condition::Unused, Vec::new()));
            }
            Err(refusal) => {
                seen::<()>(Err(refusal))?;
            }
        }
        Ok(parts)
    }

    /// Store, log, later work and our own certificates, in one question.
    async fn kept(&self, actor: &Actor) -> Result<Vec<HealthPart>, Refusal> {
        let (actor, now, begun) = (actor.clone(), self.now(), Instant::now());
        let ask = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::HealthShow, On::Operator)?;
            let own = certificates::Filter {
                kind: Some("own".into()),
                ends_before: Some(now.0 + SOON * DAY),
                retired: false,
                after: 0,
                limit: i64::from(MOST),
            };
            let ending = certificates::list(tx, &own)?.len();
            let failing = jobs::list(tx, 0, i64::from(MOST))?.iter().filter(|j| j.attempts > 0).count();
            Ok::<_, Fail>((notary::state(tx)?, failing, ending))
        };
        let (log, failing, ending) = self.0.store.read(ask).await?;
        let took = begun.elapsed().as_millis();
        let mut parts = vec![part("store", good(took < 1_000, Condition::Warning), vec![("took", took.to_string())])];
        let mut kept = part("log", good(log.hold.is_none(), Condition::Bad), vec![("count", log.size.to_string())]);
        kept.at = (log.at > 0).then_some(Timestamp(log.at));
        parts.push(kept);
        parts.push(part("jobs", good(failing == 0, Condition::Warning), vec![("failing", failing.to_string())]));
        parts.push(part("certificates", good(ending == 0, Condition::Warning), vec![("count", ending.to_string())]));
        Ok(parts)
    }
}
