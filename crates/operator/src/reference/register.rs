//! The national register and our people (F008): whoever has a national identifier is looked up in the register in force, whenever it is replaced and
//! each hour besides; who was struck off stands in a list, with an alarm, for the operator to act. Nobody is blocked by a file. So does whose number a
//! card or a provider showed under another name.
//!
//! Promises: the list follows from the table in force and from people as they are; a look that dies is taken up by the next one; an import that
//! fails changes nothing here.
use crate::boxed;
use crate::jobs::Kind;
use crate::record::By;
use crate::rights::{Reach, reach};
use crate::{Actor, Operator, refuse};
use sceau_domain::csv::folded;
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::accounts::Person;
use sceau_store::jobs::{self, NewJob};
use sceau_store::reference::by_name;
use sceau_store::register::{self as rows, Finding, Listed, Looked};
use sceau_store::{Id, StoreError, Tx};
use serde::Serialize;
use serde_json::json;
use std::time::Duration;
use utoipa::ToSchema;

/// The table that is the register.
pub(crate) const REGISTER: &str = "rpps";
/// People looked up in one transaction.
const SLICE: i64 = 500;
/// How often people are looked up who were added, or whose identifier changed.
const AGAIN: Duration = Duration::from_secs(3_600);
/// What the register may say of somebody.
pub const STATES: [&str; 5] = ["struck", "absent", "other_name", "there", MISMATCH];
/// Not the register's word: a card, or a provider, showed the number under another name.
const MISMATCH: &str = "mismatch";
/// The alarm while somebody who is not blocked is struck off.
const ALARM: &str = "register.struck";

/// What the register in force says of a person.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FindingView {
    /// Login.
    pub login: String,
    /// Name here.
    pub name: String,
    /// `struck`: an earlier register had the identifier, the one in force has not; `absent`: no register that was imported had it; `other_name`: it
    /// has it under another family name; `there`; `mismatch`: a card or Pro Santé Connect showed it under another name.
    pub state: String,
    /// Name in the register, or in the last one that had it; of a `mismatch` the name that was shown; may be empty.
    pub label: String,
    /// Since when.
    #[schema(value_type = i64)]
    pub since: Timestamp,
    /// Is the person blocked already?
    pub blocked: bool,
    /// Its place in the list.
    #[serde(skip)]
    pub key: Id,
}

/// What the register says, after what it said before.
fn judged(p: &Looked, generation: Id, now: i64) -> Finding {
    let before = p.before.as_ref().filter(|f| f.national_id == p.national_id);
    let state = match (&p.labels[..], before) {
        // Until its person showed who it is, or the row was corrected; but struck off is struck off.
        ([], Some(f)) if f.state == MISMATCH && f.generation == 0 => MISMATCH,
        ([_, ..], Some(f)) if f.state == MISMATCH => MISMATCH,
        ([], None) => "absent",
        ([], Some(f)) if f.state == "absent" => "absent",
        ([], Some(_)) => "struck",
        (labels, _) => {
            let name = p.family_name.as_deref().map(folded);
            let of = |label: &String| name.as_ref().is_none_or(|n| folded(label).starts_with(n.as_str()));
            if labels.iter().any(of) { "there" } else { "other_name" }
        }
    };
    let (said, known) = (p.labels.first().cloned(), before.map(|f| f.label.clone()));
    let label = if state == MISMATCH { known } else { said.or(known) }.unwrap_or_default();
    let since = before.filter(|f| f.state == state).map_or(now, |f| f.since);
    let generation = if state == MISMATCH && p.labels.is_empty() { 0 } else { generation };
    Finding {
        person_id: p.person_id,
        national_id: p.national_id.clone(),
        state: state.into(),
        label,
        generation,
        since,
    }
}

/// What the register in force says of a number: the names that it has under it. None without a register.
pub(crate) fn labels(tx: &mut dyn Tx, national_id: &str) -> Result<Vec<String>, StoreError> {
    match by_name(tx, REGISTER)? {
        Some(table) => rows::labels(tx, table.generation, national_id),
        None => Ok(Vec::new()),
    }
}

/// Keeps that a card or a provider showed this person's number under another name (F008): for the operator, until it is settled.
pub(crate) fn mismatch(tx: &mut dyn Tx, p: &Person, shown: &str, now: i64) -> Result<(), StoreError> {
    let Some(national_id) = p.national_id.clone() else { return Ok(()) };
    let known = match by_name(tx, REGISTER)? {
        Some(table) if !rows::labels(tx, table.generation, &national_id)?.is_empty() => table.generation,
        _ => 0,
    };
    let before = rows::of_person(tx, p.id)?.filter(|f| f.state == MISMATCH && f.national_id == national_id);
    let since = before.map_or(now, |f| f.since);
    let state = MISMATCH.to_owned();
    rows::put(tx, &Finding { person_id: p.id, national_id, state, label: shown.to_owned(), generation: known, since })
}

/// What it says of a person's number, and whether an earlier one had it that the one in force has not.
pub(crate) fn of_person(tx: &mut dyn Tx, p: &Person) -> Result<(Vec<String>, bool), StoreError> {
    let (Some(table), Some(national_id)) = (by_name(tx, REGISTER)?, &p.national_id) else {
        return Ok((Vec::new(), false));
    };
    let labels = rows::labels(tx, table.generation, national_id)?;
    let before = rows::of_person(tx, p.id)?;
    let looked = Looked {
        person_id: p.id,
        national_id: national_id.clone(),
        family_name: p.family_name.clone(),
        before,
        labels,
    };
    let struck = judged(&looked, table.generation, 0).state == "struck";
    Ok((looked.labels, struck))
}

impl Operator {
    /// The job that looks people up.
    pub(super) fn register_job(&self, after: Duration) -> NewJob {
        self.job(Kind::Register, "0", Vec::new(), after)
    }

    /// Looks everybody up, in slices, and asks to be called again. Nothing without a register.
    pub(crate) async fn look_people_up(&self) -> Result<(), Refusal> {
        let (mut after, again) = (Id::MIN, self.register_job(AGAIN));
        loop {
            let (now, op) = (self.now().0, self.clone());
            let slice = move |tx: &mut dyn Tx| {
                let Some(table) = by_name(tx, REGISTER)? else { return Ok(None) };
                let found = rows::looked_up(tx, table.generation, after, SLICE)?;
                for p in &found {
                    let finding = judged(p, table.generation, now);
                    let known = p.before.as_ref().filter(|f| f.national_id == finding.national_id);
                    if finding.state == "struck" && known.is_none_or(|f| f.state != "struck") {
                        let said = json!({ "person": p.person_id.to_string(), "sha256": hex::encode(&table.digest) });
                        op.fact("person.struck", &By::system(), None, "ok", said).write(tx)?;
                    }
                    if p.before.as_ref() != Some(&finding) {
                        rows::put(tx, &finding)?;
                    }
                }
                Ok::<_, StoreError>(Some(found.last().filter(|_| found.len() as i64 == SLICE).map(|p| p.person_id)))
            };
            match self.0.store.write(slice).await.map_err(|e| refuse::store(&e))? {
                Some(Some(last)) => after = last,
                Some(None) => break,
                None => return Ok(()),
            }
        }
        let count = self.0.store.read::<_, StoreError, _>(|tx| rows::count(tx, "struck")).await;
        match count.map_err(|e| refuse::store(&e))? {
            0 => self.clear_alarm(ALARM, "").await,
            count => self.raise_alarm(ALARM, "", false, json!({ "count": count.to_string() })).await,
        }
        let asked = self.0.store.write::<_, StoreError, _>(move |tx| jobs::enqueue(tx, &again)).await;
        asked.map_err(|e| refuse::store(&e))
    }

    /// People of whom the register in force says this (`struck` when nothing is asked), as far as the asker may see people. `admin.invalid`.
    #[boxed]
    pub async fn register_findings(
        &self,
        actor: &Actor,
        state: Option<&str>,
        after: Option<Id>,
        limit: u32,
    ) -> Result<Vec<FindingView>, Refusal> {
        let (actor, state) = (actor.clone(), state.unwrap_or(STATES[0]).to_owned());
        let list = move |tx: &mut dyn Tx| {
            let within = match reach(tx, &actor, UseCase::PersonList)? {
                Reach::All => None,
                reach => Some(reach.structures().unwrap_or_default().to_vec()),
            };
            if !STATES.contains(&state.as_str()) {
                let refusal = Refusal::new(RefusalCode::Invalid).with("name", "state");
                return Err(refusal.with("cause", STATES.join(", ")).into());
            }
            let limit = i64::from(limit.clamp(1, 1000));
            Ok::<_, refuse::Fail>(rows::list(tx, &state, within.as_deref(), after.unwrap_or(Id::MIN), limit)?)
        };
        let view = |l: Listed| FindingView {
            key: l.finding.person_id,
            login: l.login,
            name: l.name,
            state: l.finding.state,
            label: l.finding.label,
            since: Timestamp(l.finding.since),
            blocked: l.blocked,
        };
        Ok(self.0.store.read(list).await?.into_iter().map(view).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_there_and_is_not_any_more_is_struck_off() {
        let looked = |before: Option<Finding>, family: &str, labels: &[&str]| Looked {
            person_id: 1,
            national_id: "n".into(),
            family_name: Some(family.into()),
            before,
            labels: labels.iter().map(|l| (*l).to_owned()).collect(),
        };
        let said = |before: Option<&Finding>, family: &str, labels: &[&str], at: i64| {
            judged(&looked(before.cloned(), family, labels), at, at)
        };
        let absent = said(None, "PETIT", &[], 1);
        assert_eq!((absent.state.as_str(), absent.since), ("absent", 1));
        assert_eq!(said(Some(&absent), "PETIT", &[], 2).since, 1, "still");
        let there = said(Some(&absent), "Pétit", &["PETIT Zoé"], 3);
        assert_eq!((there.state.as_str(), there.label.as_str(), there.since), ("there", "PETIT Zoé", 3));
        assert_eq!(said(Some(&there), "ROUX", &["PETIT Zoé"], 4).state, "other_name");
        let struck = said(Some(&there), "PETIT", &[], 5);
        assert_eq!((struck.state.as_str(), struck.label.as_str(), struck.since), ("struck", "PETIT Zoé", 5));
        assert_eq!(said(Some(&struck), "PETIT", &[], 6).since, 5);
        assert_eq!(said(Some(&struck), "PETIT", &["PETIT Zoé"], 7).state, "there", "back again");
        // What was shown under another name stays, whatever the register says, until it is struck off.
        for (generation, labels, then) in [
            (0, &[][..], "mismatch"),
            (0, &["PETIT Zoé"], "mismatch"),
            (3, &["PETIT Zoé"], "mismatch"),
            (3, &[], "struck"),
        ] {
            let shown =
                Finding { state: "mismatch".into(), label: "ROUX Anne".into(), generation, since: 2, ..there.clone() };
            let next = said(Some(&shown), "PETIT", labels, 9);
            assert_eq!(next.state, then, "{generation} {labels:?}");
            if then == "mismatch" {
                let of = if labels.is_empty() { 0 } else { 9 };
                assert_eq!((next.label.as_str(), next.since, next.generation), ("ROUX Anne", 2, of));
            }
        }
        let other = Finding { national_id: "m".into(), ..there };
        assert_eq!(said(Some(&other), "PETIT", &[], 8).state, "absent", "of another identifier nothing was known");
    }
}
