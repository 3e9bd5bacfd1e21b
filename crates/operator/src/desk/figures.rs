//! What the console asks beyond what REST does: which of its pages are for whom, later work, how the service is in one view.
//!
//! Promises: a view that holds several things shows each of them to who may see it; looking at how the service is
//! writes nothing.
use crate::refuse::Fail;
use crate::rights::{On, Reach, administers, permit, permitted, reach};
use crate::{Actor, Operator, refuse};
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase};
use sceau_identity::factor::Need;
use sceau_store::{Id, Tx, accounts, certificates, jobs, notary, structures};
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

/// Lists of which whoever may see all may see each.
fn only_shows(case: UseCase) -> bool {
    matches!(case, UseCase::PersonList | UseCase::BalList | UseCase::StructureList | UseCase::BodyList)
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

/// A thing, by the name that pages have of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thing {
    /// A person, by login.
    Person(String),
    /// A BAL, by address.
    Bal(String),
    /// A structure, by code.
    Structure(String),
    /// A regional body, by code.
    Body(String),
}

/// May the asker do this, there? What is not there is nobody's.
fn open_to(tx: &mut dyn Tx, actor: &Actor, case: UseCase, thing: &Thing) -> Result<bool, Fail> {
    let on = match thing {
        Thing::Person(login) => accounts::person_by_login(tx, &login.to_ascii_lowercase())?.map(|p| On::Person(p.id)),
        Thing::Bal(key) => accounts::bal_by_address(tx, key)?.map(|b| On::Bal(b.id)),
        Thing::Structure(code) => structures::by_code(tx, code)?.map(|s| On::Structure(s.id)),
        Thing::Body(code) => structures::body_by_code(tx, code)?.map(|b| On::Body(b.id)),
    };
    on.map_or(Ok(false), |on| permitted(tx, actor, case, on))
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

    /// Which of these the asker may do, each on its thing: what a page leads to. It is no answer about what exists: pages ask of what they name, and the
    /// call behind each link judges again.
    pub async fn permits(&self, actor: &Actor, wanted: Vec<(UseCase, Thing)>) -> Result<Vec<bool>, Refusal> {
        let named = |(case, thing): (UseCase, Thing)| match thing {
            // What is no address is no BAL's.
            Thing::Bal(address) => (case, Thing::Bal(self.key_of(&address).unwrap_or_default())),
            other => (case, other),
        };
        let (actor, wanted): (_, Vec<(UseCase, Thing)>) = (actor.clone(), wanted.into_iter().map(named).collect());
        let judge = move |tx: &mut dyn Tx| {
            let mut whole: Vec<(UseCase, bool)> = Vec::new();
            let mut open = Vec::with_capacity(wanted.len());
            for (case, thing) in &wanted {
                // Whoever sees all of something is not asked about each.
                let known = whole.iter().find(|(known, _)| known == case).map(|(_, all)| *all);
                let all = match known {
                    Some(all) => all,
                    None => {
                        let all = only_shows(*case) && matches!(reach(tx, &actor, *case), Ok(Reach::All));
                        whole.push((*case, all));
                        all
                    }
                };
                open.push(all || open_to(tx, &actor, *case, thing)?);
            }
            Ok::<_, Fail>(open)
        };
        Ok(self.0.store.read(judge).await?)
    }

    /// Does a person at a page prove anew that it is them, before this act? `auth.fresh` when so.
    pub fn confirmed(&self, actor: &Actor, act: UseCase) -> Result<(), Refusal> {
        if act.wants_fresh() { self.needs(actor, Need::Fresh) } else { Ok(()) }
    }

    /// Later work by id from after `after`, at most `limit` (and 1,000). `right.missing`.
    pub async fn jobs_list(&self, actor: &Actor, after: Id, limit: u32) -> Result<Vec<JobView>, Refusal> {
        self.require(actor, UseCase::JobList, On::Operator).await?;
        let limit = i64::from(limit.clamp(1, MOST));
        let found = self.0.store.read(move |tx| jobs::list(tx, after, limit)).await;
        Ok(found.map_err(|e| refuse::store(&e))?.into_iter().map(JobView::from).collect())
    }

    /// How the service is, part by part. `right.missing`.
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
