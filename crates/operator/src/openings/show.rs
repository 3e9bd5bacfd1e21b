//! Requests, shown to whoever's place they are in, and to whom they concern.
use super::facts::{Ground, Moment};
use super::request::Request;
use super::views::{OpeningQuery, OpeningView, PartView, StepView, WaitView};
use crate::accounts::{bals, only};
use crate::boxed;
use crate::refuse::Fail;
use crate::rights::{On, Reach, permit, permitted, reach, unknown};
use crate::{Actor, Operator, Who};
use sceau_domain::opening::{State, Task};
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase, plain};
use sceau_store::openings::{self as rows, Opening};
use sceau_store::{Id, Tx, accounts, life, structures};

/// A list says of requests with more people not what they wait for: each person is looked up.
const LISTED: usize = 20;

impl Operator {
    /// Requests, newest first, from before `before`.
    #[boxed]
    pub async fn openings(
        &self,
        actor: &Actor,
        query: OpeningQuery,
        before: Option<Id>,
        limit: u32,
    ) -> Result<Vec<OpeningView>, Refusal> {
        let text = query.text.as_deref().map(|t| plain::line(t, "text", plain::NAME)).transpose()?;
        let text = text.filter(|t| !t.is_empty());
        let (actor, moment) = (actor.clone(), self.moment());
        let list = move |tx: &mut dyn Tx| {
            let uc = UseCase::OpeningList;
            let within = match (reach(tx, &actor, uc)?, &actor.who) {
                (Reach::All, _) | (_, Who::System) => None,
                (_, Who::Connector(_)) => Some((Vec::new(), 0)),
                (reach, Who::Person(p)) => Some((reach.structures().unwrap_or_default().to_vec(), p.id)),
            };
            let structure = match &query.structure {
                None => None,
                Some(code) => match structures::by_code(tx, &plain::code(code, "structure")?)? {
                    Some(s) => Some(s.id),
                    None => return Err(unknown(tx, &actor, uc, code)),
                },
            };
            let filter = rows::Filter {
                state: query.state.map(|s| s.as_str().to_owned()),
                kind: query.task.map(|t| t.as_str().to_owned()),
                structure,
                text: text.clone(),
                within,
            };
            if let (Some(id), Some(code)) = (structure, &query.structure) {
                let own = rows::Filter { structure, within: filter.within.clone(), ..rows::Filter::default() };
                // As for BALs: where nothing of it is the asker's, not even that the structure is there.
                if !permitted(tx, &actor, uc, On::Structure(id))? && rows::list(tx, &own, Id::MAX, 1)?.is_empty() {
                    return Err(unknown(tx, &actor, uc, code));
                }
            }
            let found = rows::list(tx, &filter, before.unwrap_or(Id::MAX), crate::accounts::page(limit))?;
            shown(tx, found, LISTED, &moment)
        };
        Ok(self.0.store.read(list).await?)
    }
}

/// One request, for an asker who may see it.
pub(super) fn one(tx: &mut dyn Tx, actor: &Actor, id: Id, moment: &Moment) -> Result<OpeningView, Fail> {
    let uc = UseCase::OpeningList;
    permit(tx, actor, uc, On::Anywhere)?;
    let Some(row) = rows::by_id(tx, id)? else { return Err(unknown(tx, actor, uc, &id.to_string())) };
    let seen = match (reach(tx, actor, uc)?, &actor.who) {
        (Reach::All, _) | (_, Who::System) => true,
        (_, Who::Connector(_)) => false,
        (reach, Who::Person(p)) => {
            row.asked_person == Some(p.id)
                || row.structure_id.is_some_and(|s| reach.structures().is_some_and(|all| all.contains(&s)))
                || rows::waits_for(tx, id, p.id)?
        }
    };
    if !seen {
        return Err(Refusal::new(RefusalCode::RightMissing).with("name", uc.as_str()).into());
    }
    whole(tx, actor, row, moment)
}

/// Requests as lists show them, in their order: what they are judged by is read once for all of them. What those wait for that name more than `most`
/// people is not said.
fn shown(tx: &mut dyn Tx, found: Vec<Opening>, most: usize, moment: &Moment) -> Result<Vec<OpeningView>, Fail> {
    let unknown = || Fail::from(RefusalCode::Unavailable);
    let mut read = Vec::with_capacity(found.len());
    for row in found {
        let (request, state) = (Request::read(&row.request)?, State::parse(&row.state).ok_or_else(unknown)?);
        let judged = state.is_under_way() && request.people.len() <= most;
        read.push((row, request, state, judged));
    }
    let judged = read.iter().filter(|(.., judged)| *judged);
    let ground = Ground::read(tx, judged.map(|(row, request, ..)| (request, row.structure_id)), moment)?;
    let places: Vec<Id> = read.iter().filter_map(|(row, ..)| row.structure_id).collect();
    let places = structures::by_ids(tx, &places)?;
    let view = |(row, request, state, judged): (Opening, Request, State, bool)| {
        let waits_for = if judged {
            let known = ground.known(&request, row.structure_id)?;
            known.case.missing(moment.now).into_iter().map(WaitView::from).collect()
        } else {
            Vec::new()
        };
        Ok::<_, Fail>(OpeningView {
            id: row.id.to_string(),
            task: Task::parse(&row.kind).ok_or_else(unknown)?,
            state,
            address: request.address,
            kind: request.kind,
            name: request.name,
            structure: row.structure_id.and_then(|id| places.get(&id)).map(|s| s.code.clone()),
            people: request.people.into_iter().map(|(login, role)| PartView { login, role }).collect(),
            reason: request.reason,
            asked_by: row.asked_by,
            asked: Timestamp(row.at),
            changed: Timestamp(row.changed),
            waits_for,
            steps: Vec::new(),
            bal: None,
            version: row.version,
        })
    };
    read.into_iter().map(view).collect()
}

/// A request with its steps and its BAL.
fn whole(tx: &mut dyn Tx, actor: &Actor, row: Opening, moment: &Moment) -> Result<OpeningView, Fail> {
    let step = |s: life::Step| {
        let at = Timestamp(s.at);
        StepView { at, was: s.was, became: s.became, by: s.by_whom, reason: s.reason }
    };
    let steps = life::steps(tx, "opening", row.id)?.into_iter().map(step).collect();
    // The id is kept for the BAL from the first moment on; there may be none.
    let found = row.bal_id.map(|id| accounts::bal_by_id(tx, id)).transpose()?.flatten();
    // Whoever asked once sees the request for ever, and the BAL as long as it is his to see.
    let seen = match &found {
        Some(b) => permit(tx, actor, UseCase::BalList, On::Bal(b.id)).is_ok(),
        None => false,
    };
    let bal = found.filter(|_| seen).map(|b| bals::view(tx, b)).transpose()?;
    Ok(OpeningView { steps, bal, ..only(shown(tx, vec![row], usize::MAX, moment)?)? })
}
