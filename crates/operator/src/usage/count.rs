//! Counting: traces in the order of their ids, a slice a transaction, and what is unusual noted with them.
use crate::{Operator, calendar, policies, refuse};
use sceau_domain::calendar::Calendar;
use sceau_domain::policy::Limits;
use sceau_domain::usage::{Day, PAST_DAYS, Past, Thresholds, door, judge};
use sceau_domain::{Refusal, Timestamp};
use sceau_store::id::first_at;
use sceau_store::usage::{self as rows, Act, Alert, DayRow};
use sceau_store::{Id, Store, StoreError, Tx, settings};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

/// How far counting is: the id of the last trace.
const MARK: &str = "usage.counted";
/// Traces counted in one transaction.
const SLICE: i64 = 1_000;
/// Slices in one round of housekeeping.
const ROUND: usize = 20;
/// A trace commits later than its id was made (reading, five seconds): younger ones are counted in the next round. Milliseconds.
const LATE: i64 = 120_000;
const DAY: i64 = 86_400_000;
/// Days and alerts are kept so long, milliseconds.
const DAYS_KEPT: i64 = 92 * DAY;
const ALERTS_KEPT: i64 = 366 * DAY;

/// What one act adds to a day.
fn counted(act: &Act, off_hours: bool) -> Option<Day> {
    let said: serde_json::Value = serde_json::from_str(&act.data).unwrap_or_default();
    let mut day = match act.act.as_str() {
        "login.ok" => Day { logins: 1, doors: said["door"].as_str().map_or(0, door), ..Day::default() },
        "message.read" => Day { messages: said["count"].as_u64().unwrap_or(1), ..Day::default() },
        "mail.submitted" => Day { sent: 1, ..Day::default() },
        "mail.expunged" | "folder.deleted" => Day { removed: 1, ..Day::default() },
        "folder.opened" | "message.listed" | "message.previewed" | "search.run" | "mail.filed" | "mail.flagged"
        | "mail.moved" | "mail.copied" | "folder.created" | "folder.renamed" => Day::default(),
        _ => return None,
    };
    day.off_hours = u64::from(off_hours);
    Some(day)
}

fn column(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn columns(d: &Day) -> [i64; 5] {
    [d.logins, d.messages, d.sent, d.removed, d.off_hours].map(column)
}

fn as_day(counts: [i64; 5], doors: i64) -> Day {
    let [logins, messages, sent, removed, off_hours] = counts.map(i64::unsigned_abs);
    Day { logins, messages, sent, removed, off_hours, doors: doors.unsigned_abs() }
}

/// What a slice needs.
#[derive(Debug, Clone)]
struct Slice {
    operator: Limits,
    now: Timestamp,
    /// Makes ids of what is noted.
    store: Store,
}

impl Slice {
    /// Counts one slice: false when there was less than a whole one, or when another node counts.
    fn count(&self, tx: &mut dyn Tx) -> Result<bool, StoreError> {
        let mark = settings::get(tx, MARK)?;
        // At the first time the days before are counted too, so that there is a past to compare with.
        let begin = first_at(Timestamp((self.now.0 - PAST_DAYS * DAY).max(0)));
        let (after, version) = match &mark {
            None => (begin, 0),
            Some(m) => (String::from_utf8_lossy(&m.value).parse().unwrap_or(begin), m.version),
        };
        let (last, acts) = rows::acts(tx, after, first_at(Timestamp((self.now.0 - LATE).max(0))), SLICE)?;
        let Some(last) = last else { return Ok(false) };
        // First, so that of two nodes one goes on and the other, which waits for the row, finds that it was counted.
        if !settings::replace(tx, MARK, version, last.to_string().as_bytes(), self.now.0)? {
            return Ok(false);
        }
        let days = self.days(tx, &acts)?;
        let mut limits: HashMap<Id, Thresholds> = HashMap::new();
        for ((bal, day, person), add) in days {
            let row = DayRow { bal, day, person, counts: columns(&add), doors: column(add.doors) };
            let row = rows::add(tx, &row)?;
            let thresholds = match limits.get(&bal) {
                Some(known) => *known,
                None => {
                    let of = policies::effective(tx, &self.operator, bal)?.unwrap_or(self.operator);
                    let found = Thresholds {
                        factor: of.alert_factor.into(),
                        least: of.alert_least.into(),
                        off_hours: of.alert_off_hours.into(),
                    };
                    *limits.entry(bal).or_insert(found)
                }
            };
            self.judge(tx, &row, thresholds)?;
        }
        Ok(true)
    }

    /// The acts of a slice by BAL, day and person.
    fn days(&self, tx: &mut dyn Tx, acts: &[Act]) -> Result<BTreeMap<(Id, String, Id), Day>, StoreError> {
        let mut calendars: HashMap<Option<Id>, Calendar> = HashMap::new();
        let mut days: BTreeMap<(Id, String, Id), Day> = BTreeMap::new();
        for act in acts {
            let calendar = match calendars.entry(act.structure) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => place.insert(calendar::of_structure(tx, act.structure)?),
            };
            let Some(one) = counted(act, !calendar.is_open(Timestamp(act.at))) else { continue };
            let day = calendar.date_at(Timestamp(act.at)).to_string();
            let sum = days.entry((act.bal, day, act.person)).or_default();
            sum.logins += one.logins;
            sum.messages += one.messages;
            sum.sent += one.sent;
            sum.removed += one.removed;
            sum.off_hours += one.off_hours;
            sum.doors |= one.doors;
        }
        Ok(days)
    }

    /// Notes what is unusual of a day as it is now.
    fn judge(&self, tx: &mut dyn Tx, row: &DayRow, t: Thresholds) -> Result<(), StoreError> {
        let Ok(date) = row.day.parse::<sceau_domain::calendar::Date>() else { return Ok(()) };
        let from = (0..PAST_DAYS).try_fold(date, |d, _| d.yesterday()).unwrap_or(date).to_string();
        let before = (from.as_str(), row.day.as_str());
        let (most, days) = rows::most(tx, row.bal, before)?;
        let doors = rows::doors(tx, row.bal, row.person, before)?;
        let past = Past { most: as_day(most, doors), days: days.unsigned_abs() };
        for u in judge(&as_day(row.counts, row.doors), &past, t) {
            let alert = Alert {
                id: self.store.new_id(),
                bal: row.bal,
                day: row.day.clone(),
                person: row.person,
                login: String::new(),
                kind: u.kind.as_str().into(),
                seen: column(u.seen),
                usual: column(u.usual),
                at: self.now.0,
                told: None,
            };
            rows::note(tx, &alert)?;
        }
        Ok(())
    }
}

impl Operator {
    /// Counts what was done with shared BALs, as far as it is settled; notes what is unusual. Part of housekeeping; how many slices.
    pub(crate) async fn count_usage(&self) -> Result<u64, Refusal> {
        let (mut slices, failed) = (0, |e: StoreError| refuse::store(&e));
        for _ in 0..ROUND {
            let slice = Slice { operator: self.config().limits, now: self.now(), store: self.0.store.clone() };
            if !self.0.store.write(move |tx| slice.count(tx)).await.map_err(failed)? {
                break;
            }
            slices += 1;
        }
        let now = self.now().0;
        let calendar = self.0.store.read(|tx| calendar::of_structure(tx, None)).await.map_err(failed)?;
        let day = calendar.date_at(Timestamp(now - DAYS_KEPT)).to_string();
        self.0.store.write(move |tx| rows::forget(tx, &day, now - ALERTS_KEPT, SLICE)).await.map_err(failed)?;
        Ok(slices)
    }
}
