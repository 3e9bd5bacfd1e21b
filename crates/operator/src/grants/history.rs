//! Who had access to a BAL, and who could read it at an instant or on a day.
use super::views::{DisclosedTo, ReaderTimes, ReadersOfDay, Stretch};
use super::{AccessView, Readers, bal_of, instant, whole_sight};
use crate::accounts::bals::moves::PLACE;
use crate::boxed;
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Operator, calendar};
use sceau_domain::calendar::Date;
use sceau_domain::readers::{Around, Life, Span, Step, times};
use sceau_domain::retention::Item;
use sceau_domain::{AccessRole, BalRights, Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::access::Access;
use sceau_store::{Id, StoreError, Tx, access, accounts, disclosures, life, structures, terms};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Most rows of one page.
const PAGE: u32 = 1000;
/// Most versions of the terms of use that are looked at.
const VERSIONS: i64 = 1000;

/// A life, from its steps; without any, from since when it is blocked.
fn life_of(tx: &mut dyn Tx, subject: &str, id: Id, present: &str, blocked: Option<i64>) -> Result<Life, StoreError> {
    let mut steps: Vec<Step> =
        life::steps(tx, subject, id)?.into_iter().map(|s| Step { at: s.at, was: s.was, became: s.became }).collect();
    // Ids are made before the commit: two steps of one instant keep their order, others are told apart by when they happened.
    steps.sort_by_key(|s| s.at);
    if let (true, Some(at)) = (steps.is_empty(), blocked) {
        steps.push(Step { at, was: "active".into(), became: "blocked".into() });
    }
    Ok(Life { steps, present: present.to_owned() })
}

fn person_life(tx: &mut dyn Tx, id: Id) -> Result<Life, StoreError> {
    let disabled = accounts::person_by_id(tx, id)?.and_then(|p| p.disabled);
    let present = if disabled.is_some() { "blocked" } else { "active" };
    life_of(tx, "person", id, present, disabled)
}

/// The life of the structures in which a BAL was, each while it was there.
fn place_life(tx: &mut dyn Tx, bal: &accounts::Bal) -> Result<Life, StoreError> {
    let moves = life_of(tx, PLACE, bal.id, "", None)?;
    let place = |text: &str| text.parse::<Id>().ok();
    let mut places = vec![(bal.created, moves.steps.first().map_or(bal.structure_id, |s| place(&s.was)))];
    places.extend(moves.steps.iter().map(|s| (s.at, place(&s.became))));
    let mut lives = Vec::new();
    for (from, id) in places {
        let life = match id {
            None => None,
            Some(id) => {
                let blocked = structures::by_id(tx, id)?.and_then(|s| s.blocked);
                let present = if blocked.is_some() { "blocked" } else { "active" };
                Some(life_of(tx, "structure", id, present, blocked)?)
            }
        };
        lives.push((from, life));
    }
    let lives: Vec<(i64, Option<&Life>)> = lives.iter().map(|(from, life)| (*from, life.as_ref())).collect();
    Ok(Life::of_places(&lives))
}

/// Where somebody stood with the terms in force: blocked until the acceptance of each. `accepted`: versions and when they were accepted.
fn terms_life(versions: &[terms::Name], accepted: &[(Id, i64)]) -> Life {
    let mut life = Life { steps: Vec::new(), present: "active".into() };
    let mut put = |at: i64, became: &str| {
        if life.present != became {
            let was = std::mem::replace(&mut life.present, became.to_owned());
            life.steps.push(Step { at, was, became: became.to_owned() });
        }
    };
    for (i, version) in versions.iter().enumerate() {
        let next = versions.get(i + 1).map_or(i64::MAX, |n| n.from_at);
        let at = accepted.iter().find(|(id, _)| *id == version.id).map(|(_, at)| *at);
        match at {
            Some(at) if at <= version.from_at => put(version.from_at, "active"),
            at => {
                put(version.from_at, "blocked");
                if let Some(at) = at.filter(|at| *at < next) {
                    put(at, "active");
                }
            }
        }
    }
    life
}

/// Acceptances in their order: of two of one version the first counts.
fn earliest(mut accepted: Vec<(Id, i64)>) -> Vec<(Id, i64)> {
    accepted.sort_by_key(|(_, at)| *at);
    accepted
}

/// What was accepted before this may have gone with the traces that it proved: no policy keeps them shorter than this.
fn remembered(now: i64) -> i64 {
    Item::FunctionalTraces.least().begun_by(Timestamp(now)).map_or(i64::MIN, |at| at.0)
}

/// Shuts nobody before an instant: whom it shut is not known any more, and whoever had the access counts as somebody who could read.
fn unknown_before(life: Life, at: i64) -> Life {
    let then = life.at(at).to_owned();
    let Life { mut steps, present } = life;
    steps.retain(|s| s.at > at);
    if then != "active" {
        steps.insert(0, Step { at, was: "active".into(), became: then });
    }
    Life { steps, present }
}

fn span(a: &Access) -> Span {
    Span { granted: a.granted, starts: a.starts, ends: a.ends, ended: a.ended, rights: BalRights::from_bits(a.rights) }
}

/// An access, and the stretches in which it let read.
type Counted = (Access, Vec<(i64, i64)>);

/// The accesses of a BAL that counted by their dates within a stretch of time, and when each let read; with the BAL's state at its beginning.
fn looked_up(tx: &mut dyn Tx, bal: &accounts::Bal, stretch: (i64, i64)) -> Result<(String, Vec<Counted>), StoreError> {
    // Before it was opened nobody could.
    let within = (stretch.0.max(bal.created), stretch.1);
    if within.0 >= within.1 {
        return Ok(("none".into(), Vec::new()));
    }
    let bal_life = life_of(tx, "bal", bal.id, &bal.state, None)?;
    let place = place_life(tx, bal)?;
    let mut versions = terms::effective(tx, within.1, VERSIONS)?;
    versions.reverse();
    let rows = access::during(tx, bal.id, within)?;
    let mut people: HashMap<Id, (Life, Vec<(Id, i64)>)> = HashMap::new();
    for row in &rows {
        if let Entry::Vacant(person) = people.entry(row.person_id) {
            let accepted = terms::of_person(tx, row.person_id)?.into_iter().map(|(id, _, at)| (id, at)).collect();
            person.insert((person_life(tx, row.person_id)?, accepted));
        }
    }
    let is = |a: &Access, role: AccessRole| a.role == role.as_str();
    let holder = rows.iter().find(|a| is(a, AccessRole::Holder)).map(|a| a.person_id);
    // For a machine the acceptance of somebody responsible counts.
    let responsible = rows.iter().filter(|a| is(a, AccessRole::Responsible)).filter_map(|a| people.get(&a.person_id));
    let responsible: Vec<&Vec<(Id, i64)>> = responsible.map(|(_, accepted)| accepted).collect();
    let of_machines: Vec<(Id, i64)> = responsible.iter().flat_map(|accepted| accepted.iter().copied()).collect();
    // Whoever has one that is older has them all.
    let since = remembered(tx.now());
    let known = |accepted: &Vec<(Id, i64)>| accepted.iter().any(|(_, at)| *at < since);
    let mut out = Vec::with_capacity(rows.len());
    for row in rows {
        let Some((person, accepted)) = people.get(&row.person_id) else { continue };
        let holder = holder.filter(|_| is(&row, AccessRole::Delegate)).and_then(|id| people.get(&id)).map(|(l, _)| l);
        // Whoever has a machine's access could read by either: by a responsible's acceptance as a machine, by the own one as a person.
        let (either, known): (Vec<(Id, i64)>, bool) = match is(&row, AccessRole::Machine) {
            true => (of_machines.iter().chain(accepted).copied().collect(), responsible.iter().all(|r| known(r))),
            false => (accepted.clone(), known(accepted)),
        };
        let terms = terms_life(&versions, &earliest(either));
        let terms = if known { terms } else { unknown_before(terms, since) };
        let around = Around { bal: &bal_life, structure: Some(&place), person, holder, terms: Some(&terms) };
        let parts = times(&span(&row), around, within);
        out.push((row, parts));
    }
    Ok((bal_life.at(stretch.0).to_owned(), out))
}

/// Who could read by a disclosure: for those only who may see disclosures.
fn disclosed(
    tx: &mut dyn Tx,
    actor: &Actor,
    bal: Id,
    (from, until): (i64, i64),
) -> Result<Option<Vec<DisclosedTo>>, Fail> {
    if permit(tx, actor, UseCase::DisclosureList, On::Bal(bal)).is_err() {
        return Ok(None);
    }
    let mut out = Vec::new();
    for d in disclosures::during(tx, bal, (from, until))? {
        let Some(decided) = d.decided else { continue };
        let until = d.ended.unwrap_or(d.until).min(d.until).min(until);
        for person in [Some(d.asked_by), d.decided_by].into_iter().flatten() {
            let login = accounts::person_by_id(tx, person)?.map(|p| p.login).unwrap_or_default();
            let (from, until) = (Timestamp(decided.max(from)), Timestamp(until));
            out.push(DisclosedTo { disclosure: d.id.to_string(), login, from, until });
        }
    }
    Ok(Some(out))
}

impl Operator {
    /// Every access that a BAL ever had, in the order in which they were given, `limit` from after `after` (the [`AccessView`]'s place). For
    /// administrators, support, auditors, and whoever may manage the BAL.
    #[boxed]
    pub async fn access_history(
        &self,
        actor: &Actor,
        address: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(String, AccessView)>, Refusal> {
        self.require(actor, UseCase::AccessList, On::Anywhere).await?;
        let (key, actor, limit) = (self.key_of(address)?, actor.clone(), i64::from(limit.clamp(1, PAGE)));
        let wrong = || Refusal::new(RefusalCode::Invalid).with("name", "after");
        let after = match after {
            None => (i64::MIN, i64::MIN),
            Some(text) => {
                let (granted, person) = text.split_once('-').ok_or_else(wrong)?;
                (granted.parse().map_err(|_| wrong())?, person.parse().map_err(|_| wrong())?)
            }
        };
        let list = move |tx: &mut dyn Tx| {
            let bal = bal_of(tx, &actor, UseCase::AccessList, &key)?;
            whole_sight(tx, &actor, bal.id)?;
            let rows = access::history(tx, bal.id, after, limit)?;
            Ok::<_, Fail>(
                rows.into_iter().map(|a| (format!("{}-{}", a.granted, a.person_id), AccessView::of(a))).collect(),
            )
        };
        Ok(self.0.store.read(list).await?)
    }

    /// Who could read a BAL at an instant: what the doors would have said then. For whom [`Operator::access_history`] is.
    #[boxed]
    pub async fn readers(&self, actor: &Actor, address: &str, at: Timestamp) -> Result<Readers, Refusal> {
        self.require(actor, UseCase::AccessList, On::Anywhere).await?;
        let (key, actor, at) = (self.key_of(address)?, actor.clone(), instant(at)?);
        let find = move |tx: &mut dyn Tx| {
            let bal = bal_of(tx, &actor, UseCase::AccessList, &key)?;
            whole_sight(tx, &actor, bal.id)?;
            let moment = (at, at + 1);
            let (state, found) = looked_up(tx, &bal, moment)?;
            let (readers, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, parts)| !parts.is_empty());
            let shown =
                |list: Vec<(Access, Vec<(i64, i64)>)>| list.into_iter().map(|(a, _)| AccessView::of(a)).collect();
            Ok::<_, Fail>(Readers {
                address: bal.address.clone(),
                at: Timestamp(at),
                state,
                readers: shown(readers),
                others: shown(others),
                disclosed: disclosed(tx, &actor, bal.id, moment)?,
            })
        };
        Ok(self.0.store.read(find).await?)
    }

    /// Who could read a BAL on a day, and when within it: the day of the structure's territory, else of the operator's. `admin.invalid`. For whom
    /// [`Operator::access_history`] is.
    #[boxed]
    pub async fn readers_of_day(&self, actor: &Actor, address: &str, day: &str) -> Result<ReadersOfDay, Refusal> {
        self.require(actor, UseCase::AccessList, On::Anywhere).await?;
        let wrong = || Refusal::new(RefusalCode::Invalid).with("name", "day");
        let date: Date = day.parse().ok().filter(|_| day.len() == 10).ok_or_else(wrong)?;
        let (key, actor) = (self.key_of(address)?, actor.clone());
        let find = move |tx: &mut dyn Tx| {
            let bal = bal_of(tx, &actor, UseCase::AccessList, &key)?;
            whole_sight(tx, &actor, bal.id)?;
            let calendar = calendar::of_structure(tx, bal.structure_id)?;
            let (from, until) = calendar.bounds(date).ok_or_else(wrong)?;
            let stretch = (instant(from).map_err(|_| wrong())?, instant(until).map_err(|_| wrong())?);
            let (_, found) = looked_up(tx, &bal, stretch)?;
            let part = |(from, until)| Stretch { from: Timestamp(from), until: Timestamp(until) };
            let reader = |(a, parts): (Access, Vec<(i64, i64)>)| {
                let times: Vec<Stretch> = parts.into_iter().map(part).collect();
                (!times.is_empty()).then(|| ReaderTimes { access: AccessView::of(a), times })
            };
            Ok::<_, Fail>(ReadersOfDay {
                address: bal.address.clone(),
                day: date.to_string(),
                zone: calendar.territory.zone().to_owned(),
                from,
                until,
                readers: found.into_iter().filter_map(reader).collect(),
                disclosed: disclosed(tx, &actor, bal.id, stretch)?,
            })
        };
        Ok(self.0.store.read(find).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_shut_until_each_is_accepted() {
        let version = |id: Id, from_at: i64| terms::Name { id, version: id.to_string(), from_at };
        let versions = [version(1, 100), version(2, 200), version(3, 300)];
        let open = |accepted: &[(Id, i64)]| {
            let life = terms_life(&versions, accepted);
            [50, 100, 149, 150, 200, 299, 300].map(|at| !life.blocked(at))
        };
        assert_eq!(
            open(&[]),
            [true, false, false, false, false, false, false],
            "before any there was nothing to accept"
        );
        // The second was accepted before it came, the third after.
        assert_eq!(open(&[(1, 150), (2, 180), (3, 300)]), [true, false, false, true, true, true, true]);
        assert_eq!(open(&[(1, 250)]), [true, false, false, false, false, false, false], "of one that was over");
        // Of what was accepted before an instant nothing is known any more.
        let open = |accepted: &[(Id, i64)], since| {
            let life = unknown_before(terms_life(&versions, accepted), since);
            [50, 100, 149, 150, 200, 299, 300].map(|at| !life.blocked(at))
        };
        assert_eq!(open(&[], 150), [true, true, true, false, false, false, false]);
        assert_eq!(open(&[], 400), [true; 7]);
        assert_eq!(open(&[(2, 250)], 200), [true, true, true, true, false, true, false]);
    }
}
