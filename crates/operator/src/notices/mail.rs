//! Notices of new mail (F062): what a person wants to hear by ordinary mail, of which BAL and when; and that a BAL fills up.
//!
//! Promises: the notice says that there is mail and nothing else (no BAL, sender, subject, count); nothing is sent unless the person chose it; a
//! delivery writes one row that merges, everything else is a job's; one node sends, once, whatever dies; never while everything is read, nor to
//! somebody who was at the BAL since the mail came; never to an address that is not verified, or known to be wrong.
use super::{Notice, Template};
use crate::accounts::bals::find;
use crate::boxed;
use crate::grants::whole_sight;
use crate::jobs::Kind;
use crate::mailbox::names::INBOX;
use crate::record::By;
use crate::refuse::{self, Fail};
use crate::rights::{On, permit, unknown};
use crate::{Actor, Operator};
use sceau_domain::tell::{Mode, Wish, fill};
use sceau_domain::{AccessRole, Address, Lang, Refusal, RefusalCode, Timestamp, UseCase, calendar};
use sceau_store::mail_notices as rows;
use sceau_store::{Id, StoreError, Tx, access, accounts, folders, jobs};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Duration;
use utoipa::ToSchema;

/// Wishes looked at in one go.
const SLICE: i64 = 200;

/// What a person chooses to hear of a BAL.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"mode": "daily", "hour": 8, "quiet_from": "20:00", "quiet_until": "07:00"}))]
pub struct NoticeChoice {
    /// `off`, `at_once` (never more than one an hour), `hourly`, `daily`.
    #[schema(value_type = String, pattern = "^(off|at_once|hourly|daily)$", example = "daily")]
    pub mode: Mode,
    /// Hour of a daily notice, by the operator's clock; 8 when absent.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 23, example = 8)]
    pub hour: Option<u8>,
    /// Quiet from this minute of the day, `20:00`.
    #[serde(default)]
    #[schema(pattern = "^[0-2][0-9]:[0-5][0-9]$", example = "20:00")]
    pub quiet_from: Option<String>,
    /// Until this one, over midnight when it is the smaller.
    #[serde(default)]
    #[schema(pattern = "^[0-2][0-9]:[0-5][0-9]$", example = "07:00")]
    pub quiet_until: Option<String>,
}

/// What somebody hears of a BAL by ordinary mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoticeView {
    /// Address of the BAL.
    pub address: String,
    /// Login.
    pub login: String,
    /// `off`, `at_once`, `hourly`, `daily`.
    #[schema(value_type = String)]
    pub mode: Mode,
    /// Hour of a daily notice.
    pub hour: u8,
    /// Quiet from.
    pub quiet_from: Option<String>,
    /// Quiet until.
    pub quiet_until: Option<String>,
    /// When the next notice leaves, milliseconds since 1970; absent when nothing waits.
    #[schema(value_type = Option<i64>)]
    pub due: Option<Timestamp>,
    /// When the last one was written.
    #[schema(value_type = Option<i64>)]
    pub told: Option<Timestamp>,
}

/// What a person hears by ordinary mail, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoticesView {
    /// Login.
    pub login: String,
    /// Language that comes first, `fr` or `en`.
    pub language: String,
    /// Can notices leave: is there a relay, and a verified address that is not known to be wrong?
    pub reachable: bool,
    /// Since when the address is known to be wrong (F032).
    #[schema(value_type = Option<i64>)]
    pub wrong_since: Option<Timestamp>,
    /// By which status.
    pub wrong_code: Option<String>,
    /// From when the person's BALs may be closed for it, unless an address is verified before.
    #[schema(value_type = Option<i64>)]
    pub wrong_until: Option<Timestamp>,
    /// By BAL.
    pub bals: Vec<NoticeView>,
}

fn shown_minute(minutes: Option<i64>) -> Option<String> {
    minutes.map(|m| format!("{:02}:{:02}", m / 60, m % 60))
}

fn wish_of(w: &rows::Wish) -> Wish {
    let minute = |m: Option<i64>| m.and_then(|m| u16::try_from(m).ok());
    Wish {
        mode: w.mode.parse().unwrap_or_default(),
        hour: u8::try_from(w.hour).unwrap_or(8),
        quiet: minute(w.quiet_from).zip(minute(w.quiet_until)),
    }
}

fn view(w: Option<&rows::Wish>, address: &str, login: &str) -> NoticeView {
    let wish = w.map(wish_of);
    NoticeView {
        address: address.to_owned(),
        login: login.to_owned(),
        mode: wish.map_or(Mode::Off, |w| w.mode),
        hour: wish.map_or(8, |w| w.hour),
        quiet_from: shown_minute(w.and_then(|w| w.quiet_from)),
        quiet_until: shown_minute(w.and_then(|w| w.quiet_until)),
        due: w.and_then(|w| w.due).map(Timestamp),
        told: w.and_then(|w| w.told).map(Timestamp),
    }
}

fn invalid(name: &'static str) -> Refusal {
    Refusal::new(RefusalCode::Invalid).with("name", name)
}

fn minute(text: Option<&str>, name: &'static str) -> Result<Option<i64>, Refusal> {
    let minute = |t: &str| calendar::minutes(t).filter(|m| *m < 1440).map(i64::from).ok_or_else(|| invalid(name));
    text.map(minute).transpose()
}

/// Where a person can be written to now.
pub(super) fn address_of(tx: &mut dyn Tx, person: Id) -> Result<Option<Address>, StoreError> {
    let Some(p) = accounts::person_by_id(tx, person)? else { return Ok(None) };
    if p.disabled.is_some() || p.email_verified.is_none() || rows::wrong_address(tx, person)?.is_some() {
        return Ok(None);
    }
    Ok(p.email.and_then(|e| e.parse().ok()))
}

impl Operator {
    fn notices_view(&self, tx: &mut dyn Tx, person: &accounts::Person) -> Result<NoticesView, StoreError> {
        let wishes = rows::of_person(tx, person.id)?;
        let mut bals = Vec::new();
        for a in access::of_person(tx, person.id)? {
            if let Some(bal) = accounts::bal_by_id(tx, a.bal_id)? {
                bals.push(view(wishes.iter().find(|w| w.bal == bal.id), &bal.address, &person.login));
            }
        }
        let wrong = rows::wrong_address(tx, person.id)?;
        let wrong_until = match &wrong {
            Some((since, _)) => self.wrong_until(tx, Timestamp(*since))?,
            None => None,
        };
        Ok(NoticesView {
            login: person.login.clone(),
            language: rows::language(tx, person.id)?.unwrap_or_else(|| "fr".into()),
            reachable: self.has_relay() && address_of(tx, person.id)?.is_some(),
            wrong_since: wrong.as_ref().map(|w| Timestamp(w.0)),
            wrong_code: wrong.map(|w| w.1),
            wrong_until,
            bals,
        })
    }

    /// What the asker hears by ordinary mail.
    #[boxed]
    pub async fn own_notices(&self, actor: &Actor) -> Result<NoticesView, Refusal> {
        let (actor, op) = (actor.clone(), self.clone());
        let show = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::OwnShow, On::Anywhere)?;
            let person = accounts::person_by_id(tx, actor.person())?.ok_or(RefusalCode::NotFound)?;
            Ok::<_, Fail>(op.notices_view(tx, &person)?)
        };
        Ok(self.0.store.read(show).await?)
    }

    /// What a person hears by ordinary mail, for whoever may see the person. `admin.not_found`.
    #[boxed]
    pub async fn notices_of_person(&self, actor: &Actor, login: &str) -> Result<NoticesView, Refusal> {
        let (actor, login, op) = (actor.clone(), login.to_ascii_lowercase(), self.clone());
        let show = move |tx: &mut dyn Tx| {
            let uc = UseCase::PersonList;
            permit(tx, &actor, uc, On::Anywhere)?;
            let Some(person) = accounts::person_by_login(tx, &login)? else {
                return Err(unknown(tx, &actor, uc, &login));
            };
            permit(tx, &actor, uc, On::Person(person.id))?;
            Ok::<_, Fail>(op.notices_view(tx, &person)?)
        };
        Ok(self.0.store.read(show).await?)
    }

    /// Who hears of a BAL's new mail, for whoever sees all of its accesses. `admin.not_found`.
    #[boxed]
    pub async fn notices_of_bal(&self, actor: &Actor, address: &str) -> Result<Vec<NoticeView>, Refusal> {
        let (key, actor) = (self.key_of(address)?, actor.clone());
        let show = move |tx: &mut dyn Tx| {
            let bal = find(tx, &actor, UseCase::AccessList, &key)?;
            whole_sight(tx, &actor, bal.id)?;
            let wishes = rows::of_bal(tx, bal.id)?;
            let mut out = Vec::new();
            for a in access::of_bal(tx, bal.id)? {
                out.push(view(wishes.iter().find(|w| w.person == a.person_id), &bal.address, &a.login));
            }
            Ok::<_, Fail>(out)
        };
        Ok(self.0.store.read(show).await?)
    }

    /// The asker chooses what to hear of a BAL to which the asker has an access. `admin.invalid`, `admin.not_found`, `right.missing`.
    #[boxed]
    pub async fn choose_notices(
        &self,
        actor: &Actor,
        address: &str,
        choice: NoticeChoice,
    ) -> Result<NoticeView, Refusal> {
        self.require(actor, UseCase::NoticeChoose, On::Anywhere).await?;
        let key = self.key_of(address)?;
        let hour = choice.hour.unwrap_or(8);
        let quiet_from = minute(choice.quiet_from.as_deref(), "quiet_from")?;
        let quiet_until = minute(choice.quiet_until.as_deref(), "quiet_until")?;
        if hour > 23 {
            return Err(invalid("hour"));
        }
        if quiet_from.is_some() != quiet_until.is_some() {
            return Err(invalid("quiet_until"));
        }
        let by = By::actor(actor);
        let fact = self.fact("notice.chosen", &by, None, "ok", json!({ "mode": choice.mode.as_str() }));
        let asker = actor.clone();
        let choose = move |tx: &mut dyn Tx| {
            let uc = UseCase::NoticeChoose;
            permit(tx, &asker, uc, On::Anywhere)?;
            let Some(bal) = accounts::bal_by_address(tx, &key)? else { return Err(unknown(tx, &asker, uc, &key)) };
            permit(tx, &asker, uc, On::Bal(bal.id))?;
            let wish = rows::Wish {
                bal: bal.id,
                person: asker.person(),
                mode: choice.mode.as_str().into(),
                hour: i64::from(hour),
                quiet_from,
                quiet_until,
                since: None,
                due: None,
                told: None,
            };
            rows::put(tx, &wish)?;
            fact.clone().on(bal.id, Some(bal.address_key.clone())).write(tx)?;
            let kept = rows::of_person(tx, asker.person())?;
            Ok::<_, Fail>(view(kept.iter().find(|w| w.bal == bal.id), &bal.address, &by.name))
        };
        Ok(self.0.store.write(choose).await?)
    }

    /// The language that comes first in what the asker is told: `fr` or `en`. `admin.invalid`.
    #[boxed]
    pub async fn choose_language(&self, actor: &Actor, language: &str) -> Result<NoticesView, Refusal> {
        self.require(actor, UseCase::NoticeChoose, On::Anywhere).await?;
        let lang = language.trim().to_ascii_lowercase();
        if !matches!(lang.as_str(), "fr" | "en") {
            return Err(invalid("language"));
        }
        let fact = self.fact("notice.language", &By::actor(actor), None, "ok", json!({ "language": lang }));
        let (asker, op) = (actor.clone(), self.clone());
        let choose = move |tx: &mut dyn Tx| {
            permit(tx, &asker, UseCase::NoticeChoose, On::Anywhere)?;
            let person = accounts::person_by_id(tx, asker.person())?.ok_or(RefusalCode::NotFound)?;
            rows::set_language(tx, person.id, &lang)?;
            fact.write(tx)?;
            Ok::<_, Fail>(op.notices_view(tx, &person)?)
        };
        Ok(self.0.store.write(choose).await?)
    }

    /// Mail came: when those who want to hear of it do. One row a person and BAL, however much came.
    pub(crate) async fn plan_mail_notices(&self, bal: Id) -> Result<(), Refusal> {
        if !self.has_relay() {
            return Ok(());
        }
        let (now, job) = (self.now(), self.job(Kind::Digest, "0", Vec::new(), Duration::ZERO));
        let plan = move |tx: &mut dyn Tx| {
            let Some(row) = accounts::bal_by_id(tx, bal)? else { return Ok(false) };
            let calendar = crate::calendar::of_structure(tx, row.structure_id)?;
            let mut planned = false;
            for w in rows::of_bal(tx, bal)?.iter().filter(|w| w.due.is_none()) {
                let Some(due) = wish_of(w).due(now, w.told.map(Timestamp), &calendar) else { continue };
                planned |= rows::plan(tx, bal, w.person, now.0, due.0)?;
            }
            // The earliest of all: a worker that ends at this moment is asked for what it planned itself, too.
            let Some(run_at) = rows::next_due(tx)?.filter(|_| planned) else { return Ok(false) };
            jobs::enqueue(tx, &jobs::NewJob { run_at, ..job.clone() })?;
            Ok(run_at <= now.0)
        };
        if self.0.store.write(plan).await.map_err(|e: StoreError| refuse::store(&e))? {
            self.wake_jobs();
        }
        Ok(())
    }

    /// Says what is due: one notice a person, for all of the person's BALs. An error: to be tried again.
    pub(crate) async fn send_digests(&self) -> Result<(), Refusal> {
        let failed = |e: StoreError| refuse::store(&e);
        // What is read is traced by batches.
        self.flush_traces().await?;
        loop {
            let now = self.now().0;
            let due = self.0.store.read(move |tx| rows::due(tx, now, SLICE)).await.map_err(failed)?;
            let whole = i64::try_from(due.len()).is_ok_and(|n| n < SLICE);
            let last = due.last().map(|w| w.person);
            let mut of_people: Vec<Vec<rows::Wish>> = Vec::new();
            for w in due {
                match of_people.last_mut().filter(|l| l[0].person == w.person) {
                    Some(list) => list.push(w),
                    None => of_people.push(vec![w]),
                }
            }
            // Whoever stands at the end of a page may have more behind it: one notice for all of it.
            if let Some(person) = last.filter(|_| !whole) {
                let all = self.0.store.read(move |tx| rows::of_person(tx, person)).await.map_err(failed)?;
                of_people.pop();
                of_people.push(all.into_iter().filter(|w| w.due.is_some_and(|due| due <= now)).collect());
            }
            for wishes in of_people {
                self.send_digest(wishes).await?;
            }
            if whole {
                break;
            }
        }
        let job = self.job(Kind::Digest, "0", Vec::new(), Duration::ZERO);
        let again = move |tx: &mut dyn Tx| match rows::next_due(tx)? {
            Some(run_at) => jobs::enqueue(tx, &jobs::NewJob { run_at, ..job.clone() }),
            None => Ok(()),
        };
        self.0.store.write(again).await.map_err(failed)
    }

    async fn send_digest(&self, wishes: Vec<rows::Wish>) -> Result<(), Refusal> {
        let failed = |e: StoreError| refuse::store(&e);
        let Some(person) = wishes.first().map(|w| w.person) else { return Ok(()) };
        let tagged: Vec<(rows::Wish, Vec<u8>)> =
            wishes.into_iter().map(|w| (self.folder_tag(w.bal, INBOX), w)).map(|(tag, w)| (w, tag)).collect();
        let look = move |tx: &mut dyn Tx| {
            let to = address_of(tx, person)?;
            let mut out = Vec::new();
            for (w, tag) in &tagged {
                let worth = to.is_some() && is_news(tx, (w.person, w.bal), tag, w.since.unwrap_or(0))?;
                out.push((w.clone(), worth));
            }
            Ok((to, out))
        };
        let (to, judged) = self.0.store.read(look).await.map_err(failed)?;
        let notice = match &to {
            Some(to) if self.has_relay() && judged.iter().any(|(_, worth)| *worth) => {
                Some(self.notice(Template::NewMail, person, to, &[]).await?)
            }
            _ => None,
        };
        let now = self.now().0;
        let settle = move |tx: &mut dyn Tx| {
            let mut told = false;
            for (w, worth) in &judged {
                told |= rows::settle(tx, w, worth.then_some(now))? && *worth;
            }
            match &notice {
                // Another node was faster.
                Some(notice) if told => notice.write(tx).map(|()| true),
                _ => Ok(false),
            }
        };
        if self.0.store.write(settle).await.map_err(failed)? {
            self.wake_jobs();
        }
        Ok(())
    }

    /// Tells those who answer for a BAL that it fills up: once at 80 %, once at 95 %.
    pub(crate) async fn tell_of_filling(&self, bal: Id) -> Result<(), Refusal> {
        let failed = |e: StoreError| refuse::store(&e);
        let look = move |tx: &mut dyn Tx| {
            let Some(row) = accounts::bal_by_id(tx, bal)? else { return Ok(None) };
            let (full, told) = (fill(row.used_bytes, row.quota_bytes), rows::fill_told(tx, bal)?.unwrap_or(0));
            if full <= told {
                return Ok(None);
            }
            let mut people = Vec::new();
            for a in access::of_bal(tx, bal)? {
                let answers = [AccessRole::Holder, AccessRole::Responsible].iter().any(|r| a.role == r.as_str());
                if answers && let Some(to) = address_of(tx, a.person_id)? {
                    people.push((a.person_id, to));
                }
            }
            Ok::<_, StoreError>(Some((full, people)))
        };
        let Some((full, people)) = self.0.store.read(look).await.map_err(failed)? else { return Ok(()) };
        let mut notices: Vec<Notice> = Vec::new();
        if self.has_relay() {
            let share = full.to_string();
            for (person, to) in &people {
                notices.push(self.notice(Template::NearlyFull, *person, to, &[("share", &share)]).await?);
            }
        }
        let tell = move |tx: &mut dyn Tx| {
            if rows::note_fill(tx, bal, full)? {
                notices.iter().try_for_each(|n| n.write(tx))?;
            }
            Ok::<_, StoreError>(())
        };
        self.0.store.write(tell).await.map_err(failed)?;
        self.wake_jobs();
        Ok(())
    }

    /// BALs that have room again are told anew when they fill up. Part of housekeeping.
    pub(crate) async fn forget_filling(&self) -> Result<u64, Refusal> {
        self.0.store.write(rows::forget_fill).await.map_err(|e: StoreError| refuse::store(&e))
    }
}

/// Is there something in a BAL that this person, who was told of nothing since `since`, does not know of? `inbox`: the tag of its INBOX.
pub(crate) fn is_news(tx: &mut dyn Tx, (person, bal): (Id, Id), inbox: &[u8], since: i64) -> Result<bool, StoreError> {
    if access::in_force(tx, person, bal)?.is_none() {
        return Ok(false);
    }
    let Some(bal) = accounts::bal_by_id(tx, bal)?.filter(|b| b.state == "active") else { return Ok(false) };
    let unseen = folders::by_tag(tx, bal.id, inbox)?.map_or(0, |f| f.counts.unseen);
    Ok(unseen > 0 && !rows::was_there(tx, person, (bal.id, &bal.address_key), since)?)
}

/// The language that comes first for a person.
pub(super) fn language_of(tx: &mut dyn Tx, person: Id) -> Result<Lang, StoreError> {
    Ok(match rows::language(tx, person)?.as_deref() {
        Some("en") => Lang::En,
        _ => Lang::Fr,
    })
}
