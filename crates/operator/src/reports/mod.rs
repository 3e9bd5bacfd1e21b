//! Reports: somebody's correction, an error or an abuse in a directory, a request for help; and announcements the other way (F097, F149).
//!
//! Promises: whoever reports sees what became of it; a structure and its regional body see what their people ask for, and what is said against
//! somebody is seen by the operator alone; nobody answers himself; an answer, a passing on and a withdrawal each start from what was read, and each
//! has its trace, which never holds the text.
mod announce;

pub use announce::{AnnouncementView, NewAnnouncement};

use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, Reach, permit, reach, unknown};
use crate::{Actor, Operator, Who};
use sceau_domain::report::{Desk, ReportKind, ReportState};
use sceau_domain::{Address, Refusal, RefusalCode, Timestamp, UseCase, plain};
use sceau_store::reports::{self as rows, Filter, Report};
use sceau_store::{Id, Tx, accounts, roles, structures};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// Most characters of what is said and of what is answered.
const SAID: usize = 1000;
/// Most reports of one person that nobody has answered.
const WAITING: i64 = 20;

/// A report to make.
#[derive(Debug, Clone)]
pub struct NewReport {
    /// What is reported.
    pub kind: ReportKind,
    /// The address that it is about; needed for an error or an abuse.
    pub about: Option<String>,
    /// What is said, without health data.
    pub text: String,
}

/// Which reports to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReportQuery {
    /// In this state.
    pub state: Option<ReportState>,
    /// Of this kind.
    pub kind: Option<ReportKind>,
    /// At this desk.
    pub desk: Option<Desk>,
}

/// A report.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReportView {
    /// Id.
    #[serde(serialize_with = "crate::ids::text")]
    #[schema(value_type = String)]
    pub id: Id,
    /// `correction`, `error`, `abuse` or `help`.
    pub kind: String,
    /// The address that it is about.
    pub about: Option<String>,
    /// What is said.
    pub text: String,
    /// Who says it: login.
    pub login: String,
    /// The author's structure (code).
    pub structure: Option<String>,
    /// Who is to answer: `structure`, `region` or `operator`.
    pub desk: String,
    /// `open`, `done`, `refused` or `withdrawn`.
    pub state: String,
    /// What was answered.
    pub answer: Option<String>,
    /// Who answered: login.
    pub answered_by: Option<String>,
    /// When it was made.
    #[schema(value_type = i64)]
    pub at: Timestamp,
    /// When it last went on.
    #[schema(value_type = i64)]
    pub changed: Timestamp,
}

/// What people write, over several lines or not, in one.
fn said(text: &str, name: &'static str) -> Result<String, Refusal> {
    if text.len() > SAID * 16 {
        return Err(Refusal::new(RefusalCode::NamingTooLong).with("name", name).with("limit", SAID));
    }
    plain::filled(&text.split_whitespace().collect::<Vec<_>>().join(" "), name, SAID)
}

/// Kinds that are seen where the author works.
fn local() -> Vec<String> {
    ReportKind::ALL.iter().filter(|k| k.is_local()).map(|k| k.as_str().to_owned()).collect()
}

/// Structures, the kinds seen there, and whose own reports are seen everywhere.
type Within = (Vec<Id>, Vec<String>, Id);

/// How far the asker sees; none: everything.
fn within(tx: &mut dyn Tx, actor: &Actor) -> Result<Option<Within>, Fail> {
    Ok(match (reach(tx, actor, UseCase::ReportList)?, &actor.who) {
        (Reach::All, _) | (_, Who::System) => None,
        (_, Who::Connector(_)) => Some((Vec::new(), Vec::new(), 0)),
        (reach, Who::Person(p)) => Some((reach.structures().unwrap_or_default().to_vec(), local(), p.id)),
    })
}

/// A report that the asker may see.
fn seen(tx: &mut dyn Tx, actor: &Actor, id: Id) -> Result<Report, Fail> {
    permit(tx, actor, UseCase::ReportList, On::Anywhere)?;
    let bounds = within(tx, actor)?;
    let found = rows::by_id(tx, id)?.filter(|r| match &bounds {
        None => true,
        Some((structures, kinds, person)) => {
            let here = r.structure_id.is_some_and(|s| structures.contains(&s));
            r.person_id == *person || (here && kinds.contains(&r.kind))
        }
    });
    match found {
        Some(row) => Ok(row),
        None => Err(unknown(tx, actor, UseCase::ReportList, &id.to_string())),
    }
}

/// The regional body that follows a structure, when it is not blocked.
fn follower(tx: &mut dyn Tx, structure: Option<Id>) -> Result<Option<Id>, Fail> {
    let Some(id) = structure else { return Ok(None) };
    let body = structures::by_id(tx, id)?.and_then(|s| s.body_id);
    Ok(match body {
        Some(body) if roles::body_is_open(tx, body)? => Some(body),
        _ => None,
    })
}

/// Refuses unless the asker sits at the desk where the report lies. Nobody answers himself.
fn sits(tx: &mut dyn Tx, actor: &Actor, row: &Report) -> Result<(), Fail> {
    let uc = UseCase::ReportHandle;
    if By::actor(actor).person == Some(row.person_id) {
        return Err(Refusal::new(RefusalCode::RightMissing).with("name", uc.as_str()).into());
    }
    let on = match (Desk::parse(&row.desk), row.structure_id) {
        (Some(Desk::Structure), Some(structure)) => On::Structure(structure),
        (Some(Desk::Region), _) => follower(tx, row.structure_id)?.map_or(On::Operator, On::Body),
        _ => On::Operator,
    };
    permit(tx, actor, uc, on)
}

fn view(tx: &mut dyn Tx, r: Report) -> Result<ReportView, Fail> {
    let structure = match r.structure_id {
        Some(id) => structures::by_id(tx, id)?.map(|s| s.code),
        None => None,
    };
    Ok(ReportView {
        id: r.id,
        login: accounts::person_by_id(tx, r.person_id)?.map(|p| p.login).unwrap_or_default(),
        kind: r.kind,
        about: r.about,
        text: r.said,
        structure,
        desk: r.desk,
        state: r.state,
        answer: r.answer,
        answered_by: r.answered_by,
        at: Timestamp(r.at),
        changed: Timestamp(r.changed),
    })
}

/// What is done with a report.
#[derive(Debug, Clone)]
enum Step {
    Answer(ReportState, String),
    Pass(String),
    Withdraw,
}

impl Operator {
    /// Makes a report. `admin.invalid`, `naming.too_long`, `report.too_many`, `rcpt.syntax`.
    #[boxed]
    pub async fn make_report(&self, actor: &Actor, new: NewReport) -> Result<ReportView, Refusal> {
        let uc = UseCase::ReportMake;
        self.require(actor, uc, On::Anywhere).await?;
        let Who::Person(person) = &actor.who else { return Err(RefusalCode::RightMissing.into()) };
        let text = said(&new.text, "text")?;
        let about = match new.about.as_deref().map(str::trim).filter(|a| !a.is_empty()) {
            Some(address) => {
                let read: Result<Address, _> = address.parse();
                Some(read.map_err(|_| Refusal::new(RefusalCode::RcptSyntax).with("address", address))?.to_string())
            }
            None if new.kind.is_local() => None,
            None => return Err(Refusal::new(RefusalCode::Invalid).with("name", "about")),
        };
        let (now, person) = (self.now().0, person.id);
        let row = Report {
            id: self.0.store.new_id(),
            kind: new.kind.as_str().into(),
            about,
            said: text,
            person_id: person,
            structure_id: None,
            desk: String::new(),
            state: ReportState::Open.as_str().into(),
            answer: None,
            answered_by: None,
            at: now,
            changed: now,
            version: 1,
        };
        let fact = self.fact("report.made", &By::actor(actor), None, "ok", json!({}));
        let actor = actor.clone();
        let make = move |tx: &mut dyn Tx| {
            permit(tx, &actor, uc, On::Anywhere)?;
            roles::lock_person(tx, person)?;
            if rows::open_of(tx, person)? >= WAITING {
                return Err(Refusal::new(RefusalCode::ReportTooMany).with("limit", WAITING).into());
            }
            // Not whoever took the person in by a number.
            let structure_id = roles::answers_for(tx, person)?;
            let followed = follower(tx, structure_id)?.is_some();
            let desk = new.kind.first(structure_id.is_some(), followed).as_str().to_owned();
            let row = Report { structure_id, desk, ..row.clone() };
            rows::insert(tx, &row)?;
            let mut fact = fact.clone();
            fact.saying(&json!({ "id": row.id.to_string(), "kind": row.kind, "desk": row.desk }));
            fact.write(tx)?;
            view(tx, row)
        };
        Ok(self.0.store.write(make).await?)
    }

    /// Reports, newest first, from before `before`: what the asker's place reaches, and the asker's own.
    #[boxed]
    pub async fn reports(
        &self,
        actor: &Actor,
        query: ReportQuery,
        before: Option<Id>,
        limit: u32,
    ) -> Result<Vec<ReportView>, Refusal> {
        let actor = actor.clone();
        let list = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::ReportList, On::Anywhere)?;
            let filter = Filter {
                state: query.state.map(|s| s.as_str().to_owned()),
                kind: query.kind.map(|k| k.as_str().to_owned()),
                desk: query.desk.map(|d| d.as_str().to_owned()),
                within: within(tx, &actor)?,
            };
            let found = rows::list(tx, &filter, before.unwrap_or(Id::MAX), crate::accounts::page(limit))?;
            found.into_iter().map(|r| view(tx, r)).collect::<Result<Vec<_>, Fail>>()
        };
        Ok(self.0.store.read(list).await?)
    }

    /// One report. `admin.not_found`, `right.missing`.
    #[boxed]
    pub async fn report_with(&self, actor: &Actor, id: Id) -> Result<ReportView, Refusal> {
        let actor = actor.clone();
        let find = move |tx: &mut dyn Tx| {
            let row = seen(tx, &actor, id)?;
            view(tx, row)
        };
        Ok(self.0.store.read(find).await?)
    }

    /// Answers a report: what was asked is done, or refused, with a sentence for its author. `state.wrong`, `right.missing`, `admin.not_found`.
    #[boxed]
    pub async fn answer_report(&self, actor: &Actor, id: Id, done: bool, answer: &str) -> Result<ReportView, Refusal> {
        self.require(actor, UseCase::ReportHandle, On::Anywhere).await?;
        let state = if done { ReportState::Done } else { ReportState::Refused };
        self.take_report_on(actor, id, Step::Answer(state, said(answer, "answer")?)).await
    }

    /// Passes a report on: to the regional body, to the operator. `state.wrong` when it lies with the operator already.
    #[boxed]
    pub async fn pass_report(&self, actor: &Actor, id: Id, why: &str) -> Result<ReportView, Refusal> {
        self.require(actor, UseCase::ReportHandle, On::Anywhere).await?;
        self.take_report_on(actor, id, Step::Pass(plain::reason(why, "reason")?)).await
    }

    /// Takes one's own report back. `state.wrong`, `right.missing`.
    #[boxed]
    pub async fn withdraw_report(&self, actor: &Actor, id: Id) -> Result<ReportView, Refusal> {
        self.require(actor, UseCase::ReportMake, On::Anywhere).await?;
        self.take_report_on(actor, id, Step::Withdraw).await
    }

    async fn take_report_on(&self, actor: &Actor, id: Id, step: Step) -> Result<ReportView, Refusal> {
        let act = match step {
            Step::Answer(..) => "report.answered",
            Step::Pass(_) => "report.passed",
            Step::Withdraw => "report.withdrawn",
        };
        let (by, now) = (By::actor(actor), self.now().0);
        let (fact, actor) = (self.fact(act, &by, None, "ok", json!({})), actor.clone());
        let take = move |tx: &mut dyn Tx| {
            let row = seen(tx, &actor, id)?;
            match step {
                Step::Withdraw if by.person != Some(row.person_id) => {
                    let name = UseCase::ReportMake.as_str();
                    return Err(Refusal::new(RefusalCode::RightMissing).with("name", name).into());
                }
                Step::Withdraw => permit(tx, &actor, UseCase::ReportMake, On::Anywhere)?,
                _ => sits(tx, &actor, &row)?,
            }
            let wrong = |cause: &str| Refusal::new(RefusalCode::StateWrong).with("name", id).with("cause", cause);
            if row.state != ReportState::Open.as_str() {
                return Err(wrong(&row.state).into());
            }
            let mut next = Report { changed: now, ..row.clone() };
            let mut why = None;
            match &step {
                Step::Answer(state, answer) => {
                    next.state = state.as_str().into();
                    (next.answer, next.answered_by) = (Some(answer.clone()), Some(by.name.clone()));
                }
                Step::Pass(reason) => {
                    let followed = follower(tx, row.structure_id)?.is_some();
                    let above = Desk::parse(&row.desk).and_then(|d| d.above(followed));
                    next.desk = above.ok_or_else(|| wrong(&row.desk))?.as_str().into();
                    why = Some(reason.clone());
                }
                Step::Withdraw => next.state = ReportState::Withdrawn.as_str().into(),
            }
            if !rows::advance(tx, &next)? {
                return Err(Refusal::new(RefusalCode::EditConflict).with("name", id).into());
            }
            let mut fact = fact.clone();
            let said = json!({ "id": id.to_string(), "kind": next.kind, "desk": next.desk, "state": next.state, "reason": why });
            fact.saying(&said);
            fact.write(tx)?;
            view(tx, next)
        };
        Ok(self.0.store.write(take).await?)
    }
}
