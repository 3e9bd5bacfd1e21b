//! The calendar of working days (F165): the operator's territory, hours and own days, over the holidays of [`sceau_domain::calendar`].
use crate::boxed;
use crate::record::By;
use crate::refuse::{self, Fail};
use crate::rights::{On, permit};
use crate::{Actor, Operator};
use sceau_domain::calendar::{Calendar, Date, Day, Hours, OwnDay, Territory, holidays, minutes};
use sceau_domain::{Refusal, RefusalCode, UseCase, plain};
use sceau_store::calendar::{self as rows, DayRow};
use sceau_store::{Id, StoreError, Tx, settings, structures};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// Where the operator's settings are kept.
const SETTING: &str = "calendar";
/// Longest label, characters.
const LABEL: usize = 120;
/// Most own days of a territory.
const MOST: i64 = 5_000;

/// The operator's settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CalendarSettings {
    /// Where the operator works.
    #[schema(value_type = String, pattern = "^[a-z-]{5,30}$", example = "metropole")]
    pub territory: Territory,
    /// Days of the week that are worked, 1 (Monday) to 7.
    #[schema(example = json!([1, 2, 3, 4, 5]), min_items = 1, max_items = 7)]
    pub weekdays: Vec<i8>,
    /// From when, `08:30`.
    #[schema(example = "08:30", pattern = "^[0-2][0-9]:[0-5][0-9]$")]
    pub opens: String,
    /// Until when, `18:00`; `24:00` for midnight.
    #[schema(example = "18:00", pattern = "^[0-2][0-9]:[0-5][0-9]$")]
    pub closes: String,
}

impl Default for CalendarSettings {
    fn default() -> Self {
        let hours = Hours::default();
        Self {
            territory: Territory::Metropole,
            weekdays: hours.weekdays().to_vec(),
            opens: hours.opens(),
            closes: hours.closes(),
        }
    }
}

impl CalendarSettings {
    fn hours(&self) -> Option<Hours> {
        Hours::new(self.weekdays.clone(), minutes(&self.opens)?, minutes(&self.closes)?)
    }
}

/// A day that is not as every week.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DayView {
    /// `YYYY-MM-DD`.
    pub day: String,
    /// Is it worked?
    pub working: bool,
    /// Name, in French.
    pub label: String,
    /// Name, in English.
    pub label_en: String,
    /// The text that makes it a holiday; absent for the operator's own days.
    pub source: Option<String>,
    /// Was it compared with that text?
    pub verified: bool,
    /// Decided by the operator.
    pub own: bool,
}

/// A year of a territory.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CalendarView {
    /// The operator's settings.
    pub settings: CalendarSettings,
    /// The territory shown.
    #[schema(value_type = String)]
    pub territory: Territory,
    /// Its time zone.
    pub zone: String,
    /// The year.
    pub year: i16,
    /// Holidays and the operator's own days, by date.
    pub days: Vec<DayView>,
    /// Days that are worked in the year.
    pub working_days: u32,
    /// Grows with each change of the settings.
    #[serde(skip)]
    pub version: i64,
}

/// What was counted.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CountView {
    /// From after this day.
    pub from: String,
    /// To this day.
    pub to: String,
    /// Days worked between them, the last one included.
    pub working_days: u32,
}

/// The settings and their version.
fn read(tx: &mut dyn Tx) -> Result<(CalendarSettings, i64), StoreError> {
    match settings::get(tx, SETTING)? {
        None => Ok((CalendarSettings::default(), 0)),
        Some(kept) => {
            let read = serde_json::from_slice(&kept.value);
            Ok((read.map_err(|_| StoreError::Invalid("settings of the calendar".into()))?, kept.version))
        }
    }
}

/// The calendar of a territory.
fn calendar(tx: &mut dyn Tx, territory: Territory, hours: Hours) -> Result<Calendar, StoreError> {
    let own = rows::days(tx, territory.as_str())?;
    let own = own
        .into_iter()
        .filter_map(|d| Some((d.day.parse::<Date>().ok()?, OwnDay { working: d.working, label: d.label })));
    Ok(Calendar::new(territory, hours, own))
}

/// The calendar by which delays of this structure's BALs are counted: its territory's, else the operator's.
pub(crate) fn of_structure(tx: &mut dyn Tx, structure: Option<Id>) -> Result<Calendar, StoreError> {
    let (kept, _) = read(tx)?;
    let place = match structure {
        Some(id) => structures::by_id(tx, id)?.and_then(|s| s.territory.parse().ok()),
        None => None,
    };
    calendar(tx, place.unwrap_or(kept.territory), kept.hours().unwrap_or_default())
}

fn invalid(name: &'static str) -> Refusal {
    Refusal::new(RefusalCode::Invalid).with("name", name)
}

/// A day as REST writes it.
pub(crate) fn date(text: &str, name: &'static str) -> Result<Date, Refusal> {
    let date: Date = text.parse().map_err(|_| invalid(name))?;
    if text.len() == 10 && (1900..=2199).contains(&date.year()) { Ok(date) } else { Err(invalid(name)) }
}

fn shown(calendar: &Calendar, kept: CalendarSettings, version: i64, year: i16, own: Vec<DayRow>) -> CalendarView {
    use sceau_domain::{Lang, text::text};
    let name = |lang, key: &str| text(lang, &format!("holiday.{key}"), &[]);
    let mut days: Vec<DayView> = holidays(calendar.territory, year)
        .into_iter()
        .map(|h| DayView {
            day: h.date.to_string(),
            working: false,
            label: name(Lang::Fr, h.key),
            label_en: name(Lang::En, h.key),
            source: Some(h.source.into()),
            verified: h.verified,
            own: false,
        })
        .collect();
    for day in own.into_iter().filter(|d| d.day.starts_with(&format!("{year:04}-"))) {
        days.retain(|d| d.day != day.day);
        let label_en = day.label.clone();
        days.push(DayView {
            day: day.day,
            working: day.working,
            label: day.label,
            label_en,
            source: None,
            verified: true,
            own: true,
        });
    }
    days.sort_by(|a, b| a.day.cmp(&b.day));
    let worked = match (Date::new(year - 1, 12, 31), Date::new(year, 12, 31)) {
        (Ok(from), Ok(to)) => calendar.working_days_between(from, to),
        _ => None,
    };
    CalendarView {
        settings: kept,
        territory: calendar.territory,
        zone: calendar.territory.zone().into(),
        year,
        days,
        working_days: worked.unwrap_or(0),
        version,
    }
}

impl Operator {
    /// Where the operator works: by whose clock dates are shown to people. The default when it cannot be read at this moment.
    #[boxed]
    pub async fn place(&self) -> Territory {
        let kept = self.0.store.read(|tx: &mut dyn Tx| read(tx)).await;
        kept.map_or(Territory::Metropole, |(kept, _)| kept.territory)
    }

    /// A year of a territory: this year, the operator's territory when absent. `admin.invalid`.
    #[boxed]
    pub async fn calendar(
        &self,
        actor: &Actor,
        territory: Option<Territory>,
        year: Option<i16>,
    ) -> Result<CalendarView, Refusal> {
        self.require(actor, UseCase::CalendarShow, On::Anywhere).await?;
        if year.is_some_and(|y| !(1900..=2199).contains(&y)) {
            return Err(invalid("year"));
        }
        let now = self.now();
        let show = move |tx: &mut dyn Tx| {
            let (kept, version) = read(tx)?;
            let place = territory.unwrap_or(kept.territory);
            let calendar = calendar(tx, place, kept.hours().unwrap_or_default())?;
            let year = year.unwrap_or_else(|| calendar.date_at(now).year());
            let own = rows::days(tx, place.as_str())?;
            Ok::<_, StoreError>(shown(&calendar, kept, version, year, own))
        };
        self.0.store.read(show).await.map_err(|e| refuse::store(&e))
    }

    /// Changes the operator's settings, from the version that was read. `admin.invalid`, `edit.conflict`.
    #[boxed]
    pub async fn set_calendar(
        &self,
        actor: &Actor,
        new: CalendarSettings,
        version: i64,
    ) -> Result<CalendarView, Refusal> {
        self.require(actor, UseCase::CalendarSet, On::Operator).await?;
        let hours = new.hours().ok_or_else(|| invalid("hours"))?;
        let value = serde_json::to_vec(&new).map_err(|_| invalid("hours"))?;
        let said = json!({ "territory": new.territory, "weekdays": hours.weekdays(), "opens": hours.opens(), "closes": hours.closes() });
        let fact = self.fact("calendar.set", &By::actor(actor), None, "ok", said);
        let (asker, now) = (actor.clone(), self.now());
        let set = move |tx: &mut dyn Tx| {
            permit(tx, &asker, UseCase::CalendarSet, On::Operator)?;
            if !settings::replace(tx, SETTING, version, &value, now.0)? {
                return Err(Refusal::new(RefusalCode::EditConflict).with("name", SETTING).into());
            }
            fact.write(tx)?;
            let (kept, version) = read(tx)?;
            let calendar = calendar(tx, kept.territory, hours.clone())?;
            let own = rows::days(tx, kept.territory.as_str())?;
            Ok::<_, Fail>(shown(&calendar, kept, version, calendar.date_at(now).year(), own))
        };
        Ok(self.0.store.write(set).await?)
    }

    /// Says whether a day is worked in a territory, and why; nothing: as every year. `admin.invalid`, `admin.not_found`.
    #[boxed]
    pub async fn set_calendar_day(
        &self,
        actor: &Actor,
        territory: Territory,
        day: &str,
        what: Option<(bool, &str)>,
    ) -> Result<DayView, Refusal> {
        self.require(actor, UseCase::CalendarSet, On::Operator).await?;
        let day = date(day, "day")?;
        let what = match what {
            Some((working, label)) => Some((working, plain::filled(label, "label", LABEL)?)),
            None => None,
        };
        let (working, label) = what.clone().map_or((None, None), |(w, l)| (Some(w), Some(l)));
        let said = json!({ "territory": territory, "day": day.to_string(), "working": working, "label": label });
        let (fact, asker) = (self.fact("calendar.day", &By::actor(actor), None, "ok", said), actor.clone());
        let set = move |tx: &mut dyn Tx| {
            permit(tx, &asker, UseCase::CalendarSet, On::Operator)?;
            match &what {
                Some((working, label)) => {
                    let row = DayRow { day: day.to_string(), working: *working, label: label.clone() };
                    rows::put(tx, territory.as_str(), &row)?;
                    if rows::count(tx, territory.as_str())? > MOST {
                        return Err(invalid("day").with("cause", MOST).into());
                    }
                }
                None if rows::remove(tx, territory.as_str(), &day.to_string())? => {}
                None => return Err(Refusal::new(RefusalCode::NotFound).with("name", day).into()),
            }
            fact.write(tx)?;
            let (kept, version) = read(tx)?;
            let calendar = calendar(tx, territory, kept.hours().unwrap_or_default())?;
            let own = rows::days(tx, territory.as_str())?;
            let plain_day = DayView {
                day: day.to_string(),
                working: matches!(calendar.day(day), Day::Worked),
                label: String::new(),
                label_en: String::new(),
                source: None,
                verified: true,
                own: false,
            };
            let view = shown(&calendar, kept, version, day.year(), own);
            Ok::<_, Fail>(view.days.into_iter().find(|d| d.day == day.to_string()).unwrap_or(plain_day))
        };
        Ok(self.0.store.write(set).await?)
    }

    /// Counts working days from a day on: so many, or to another day. `admin.invalid`.
    #[boxed]
    pub async fn count_days(
        &self,
        actor: &Actor,
        territory: Option<Territory>,
        from: &str,
        days: Option<u32>,
        to: Option<&str>,
    ) -> Result<CountView, Refusal> {
        self.require(actor, UseCase::CalendarShow, On::Anywhere).await?;
        let from = date(from, "from")?;
        let to = to.map(|t| date(t, "to")).transpose()?;
        let load = move |tx: &mut dyn Tx| {
            let (kept, _) = read(tx)?;
            calendar(tx, territory.unwrap_or(kept.territory), kept.hours().unwrap_or_default())
        };
        let calendar = self.0.store.read(load).await.map_err(|e: StoreError| refuse::store(&e))?;
        let (to, count) = match (days, to) {
            (Some(days), None) => (calendar.add_working_days(from, days).ok_or_else(|| invalid("days"))?, days),
            (None, Some(to)) => (to, calendar.working_days_between(from, to).ok_or_else(|| invalid("to"))?),
            _ => return Err(invalid("days")),
        };
        Ok(CountView { from: from.to_string(), to: to.to_string(), working_days: count })
    }
}
