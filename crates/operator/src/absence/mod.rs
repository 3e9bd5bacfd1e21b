//! Absence of a BAL (F069): what is answered, from one day to another, to whoever writes.
//!
//! Promises: set and ended by whoever may manage the BAL; the text is sealed with the BAL's key; answers stay within the trust space, once a
//! correspondent and absence, never to a program and never where the BAL was not named ([`answer`]).
mod answer;

use crate::accounts::bals::find;
use crate::boxed;
use crate::record::By;
use crate::refuse::{self, Fail};
use crate::{Actor, Operator};
use sceau_domain::calendar::{Calendar, Date};
use sceau_domain::{BalKind, Refusal, RefusalCode, Timestamp, UseCase, plain};
use sceau_store::absences::{self as rows, Absence};
use sceau_store::{StoreError, Tx, accounts, connectors};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Most characters of what is answered.
const SAID: usize = 2000;
/// Longest absence, days.
const LONGEST: i64 = 366;
/// What an absence says; object = its period.
const TEXT: &str = "absence.text";
/// An absence that is over is forgotten after this long, milliseconds: who wrote late in it is not answered twice by the next one.
const KEPT: i64 = 30 * 86_400_000;

/// An absence to set.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"from": "2030-08-01", "until": "2030-08-15", "text": "De retour le 16 août. En cas d'urgence : cardiologie@hopital.mssante.fr"}))]
pub struct NewAbsence {
    /// First day, `YYYY-MM-DD`, by the calendar of the BAL's structure.
    #[schema(min_length = 10, max_length = 10, example = "2030-08-01")]
    pub from: String,
    /// Last day, included.
    #[schema(min_length = 10, max_length = 10, example = "2030-08-15")]
    pub until: String,
    /// What is answered. No health data.
    #[schema(min_length = 1, max_length = 2000, example = "De retour le 16 août.")]
    pub text: String,
}

/// The absence of a BAL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AbsenceView {
    /// Address of the BAL.
    pub address: String,
    /// Is one set?
    pub set: bool,
    /// Is it answered at this moment?
    pub in_force: bool,
    /// First day.
    pub from: Option<String>,
    /// Last day, included.
    pub until: Option<String>,
    /// What is answered.
    pub text: Option<String>,
    /// How many correspondents were answered.
    pub answered: u64,
    /// Who set it: login.
    pub set_by: Option<String>,
    /// When, milliseconds since 1970.
    #[schema(value_type = Option<i64>)]
    pub set_at: Option<Timestamp>,
    /// Version: what a change starts from; 0 when none is set.
    pub version: i64,
}

fn invalid(name: &'static str) -> Refusal {
    Refusal::new(RefusalCode::Invalid).with("name", name)
}

/// A BAL that can have an absence: one whose mail is kept here, of somebody who is no patient.
fn able(tx: &mut dyn Tx, bal: &accounts::Bal) -> Result<(), Fail> {
    if bal.kind == BalKind::Usager.as_str() {
        return Err(invalid("address").into());
    }
    if bal.state != "active" && bal.state != "suspended" {
        return Err(Refusal::new(RefusalCode::StateWrong).with("name", &bal.address).with("cause", &bal.state).into());
    }
    if connectors::of_bal(tx, bal.id)?.is_some_and(|c| c.host.is_some()) {
        // Its structure's own server answers, or nobody does.
        return Err(Refusal::new(RefusalCode::StateWrong).with("name", &bal.address).with("cause", "connector").into());
    }
    Ok(())
}

/// First and last instant of days that are written as REST writes them, judged from today.
fn span(new: &NewAbsence, calendar: &Calendar, now: Timestamp) -> Result<(i64, i64), Refusal> {
    let (from, until) = (crate::calendar::date(&new.from, "from")?, crate::calendar::date(&new.until, "until")?);
    let today: Date = calendar.date_at(now);
    if until < from || until < today {
        return Err(invalid("until"));
    }
    let bounds = |day, name| calendar.bounds(day).ok_or_else(|| invalid(name));
    let (starts, ends) = (bounds(from, "from")?.0, bounds(until, "until")?.1);
    if ends.0 - starts.0 > LONGEST * 86_400_000 || starts.0 - now.0 > LONGEST * 86_400_000 {
        return Err(invalid("from"));
    }
    Ok((starts.0, ends.0))
}

/// First and last day of an absence.
fn days(a: &Absence, calendar: &Calendar) -> (String, String) {
    let day = |at: i64| calendar.date_at(Timestamp(at)).to_string();
    (day(a.starts), day(a.ends - 1))
}

/// What is shown, with the text still sealed.
type Sealed = (AbsenceView, Option<(sceau_store::Id, Absence)>);

fn shown(tx: &mut dyn Tx, bal: &accounts::Bal) -> Result<Sealed, StoreError> {
    let calendar = crate::calendar::of_structure(tx, bal.structure_id)?;
    let mut view = AbsenceView {
        address: bal.address.clone(),
        set: false,
        in_force: false,
        from: None,
        until: None,
        text: None,
        answered: 0,
        set_by: None,
        set_at: None,
        version: 0,
    };
    let Some(a) = rows::of_bal(tx, bal.id)? else { return Ok((view, None)) };
    let (now, (from, until)) = (tx.now(), days(&a, &calendar));
    view.set = true;
    view.in_force = (a.starts..a.ends).contains(&now);
    (view.from, view.until) = (Some(from), Some(until));
    view.answered = u64::try_from(rows::count(tx, bal.id, a.period)?).unwrap_or(0);
    (view.set_by, view.set_at) = (Some(a.set_by.clone()), Some(Timestamp(a.set_at)));
    view.version = a.version;
    Ok((view, Some((bal.id, a))))
}

impl Operator {
    async fn opened(&self, (mut view, sealed): Sealed) -> Result<AbsenceView, Refusal> {
        if let Some((bal, a)) = sealed {
            let text = self.bal_seal(bal).await?.open(a.period, TEXT, &a.said).map_err(|e| refuse::store(&e))?;
            view.text = Some(String::from_utf8_lossy(&text).into_owned());
        }
        Ok(view)
    }

    /// The absence of a BAL, for whoever may set it. `admin.not_found`, `right.missing`.
    #[boxed]
    pub async fn absence(&self, actor: &Actor, address: &str) -> Result<AbsenceView, Refusal> {
        self.require(actor, UseCase::BalAbsence, crate::rights::On::Anywhere).await?;
        let (key, actor) = (self.key_of(address)?, actor.clone());
        let show = move |tx: &mut dyn Tx| {
            let bal = find(tx, &actor, UseCase::BalAbsence, &key)?;
            Ok::<_, Fail>(shown(tx, &bal)?)
        };
        let sealed = self.0.store.read(show).await?;
        self.opened(sealed).await
    }

    /// Sets the absence of a BAL in the place of the one before; every correspondent is answered anew. `edit.conflict`, `admin.invalid`,
    /// `naming.too_long`, `state.wrong`, `admin.not_found`, `right.missing`.
    #[boxed]
    pub async fn set_absence(
        &self,
        actor: &Actor,
        address: &str,
        version: i64,
        new: NewAbsence,
    ) -> Result<AbsenceView, Refusal> {
        self.require(actor, UseCase::BalAbsence, crate::rights::On::Anywhere).await?;
        let (key, asker) = (self.key_of(address)?, actor.clone());
        let named = key.clone();
        let look = move |tx: &mut dyn Tx| {
            let bal = find(tx, &asker, UseCase::BalAbsence, &named)?;
            able(tx, &bal)?;
            Ok::<_, Fail>((bal.id, crate::calendar::of_structure(tx, bal.structure_id)?))
        };
        let (bal, calendar) = self.0.store.read(look).await?;
        let (now, by, period) = (self.now(), By::actor(actor), self.0.store.new_id());
        let ((starts, ends), text) = (span(&new, &calendar, now)?, plain::lines(&new.text, "text", SAID)?);
        let said = self.bal_seal(bal).await?.seal(period, TEXT, text.as_bytes()).map_err(|e| refuse::store(&e))?;
        let row = Absence {
            bal,
            period,
            starts,
            ends,
            said,
            seen: 0,
            set_by: by.name.clone(),
            set_at: now.0,
            version: now.0,
        };
        // The days are in the trace, the text is not.
        let fact = self.fact("bal.absence", &by, None, "ok", json!({ "from": new.from, "until": new.until }));
        let asker = actor.clone();
        let set = move |tx: &mut dyn Tx| {
            let bal = find(tx, &asker, UseCase::BalAbsence, &key)?;
            able(tx, &bal)?;
            let was = rows::of_bal(tx, bal.id)?.map_or(0, |a| a.version);
            if was != version {
                return Err(Refusal::new(RefusalCode::EditConflict).with("name", &bal.address).into());
            }
            rows::put(tx, &Absence { version: row.version.max(was + 1), ..row.clone() })?;
            fact.clone().on(bal.id, Some(bal.address_key.clone())).write(tx)?;
            Ok::<_, Fail>(shown(tx, &bal)?)
        };
        let sealed = self.0.store.write(set).await?;
        self.opened(sealed).await
    }

    /// Ends the absence of a BAL. `admin.not_found` when none is set, `edit.conflict`, `right.missing`.
    #[boxed]
    pub async fn end_absence(&self, actor: &Actor, address: &str, version: i64) -> Result<AbsenceView, Refusal> {
        self.require(actor, UseCase::BalAbsence, crate::rights::On::Anywhere).await?;
        let key = self.key_of(address)?;
        let fact = self.fact("bal.absence_ended", &By::actor(actor), None, "ok", Value::Null);
        let asker = actor.clone();
        let end = move |tx: &mut dyn Tx| {
            let bal = find(tx, &asker, UseCase::BalAbsence, &key)?;
            let Some(was) = rows::of_bal(tx, bal.id)? else {
                return Err(Refusal::new(RefusalCode::NotFound).with("name", &bal.address).into());
            };
            if was.version != version {
                return Err(Refusal::new(RefusalCode::EditConflict).with("name", &bal.address).into());
            }
            rows::remove(tx, bal.id)?;
            fact.clone().on(bal.id, Some(bal.address_key.clone())).write(tx)?;
            Ok::<_, Fail>(shown(tx, &bal)?.0)
        };
        Ok(self.0.store.write(end).await?)
    }

    /// Forgets absences that are long over, with who was answered. Part of housekeeping; how many.
    pub(crate) async fn forget_absences(&self) -> Result<u64, Refusal> {
        const SLICE: i64 = 100;
        let (before, hour) = (self.now().0 - KEPT, self.now().0 / 3_600_000 - 2);
        let forget = move |tx: &mut dyn Tx| {
            let over = rows::over(tx, before, SLICE)?;
            for bal in &over {
                rows::remove(tx, *bal)?;
            }
            rows::forget(tx, before - LONGEST * 86_400_000, SLICE)?;
            rows::forget_tests(tx, hour, SLICE * 10)?;
            Ok(over.len() as u64)
        };
        self.0.store.write(forget).await.map_err(|e: StoreError| refuse::store(&e))
    }
}
