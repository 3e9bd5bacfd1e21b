//! Browsers that are woken when mail comes (Web Push: RFC 8030, RFC 8292; F245).
//!
//! Promises: a push carries nothing at all, and what the browser then shows says that there is mail and nothing else; only services that the operator
//! lists are asked (they learn when a browser is woken, never of what or by whom); a browser is woken of the BALs that its person chose, where the
//! person has an access, while something is unread there, and not when the person was there since; never more often than the operator says. A browser
//! whose service says that it is gone is forgotten.
use crate::boxed;
use crate::identity::sessions::agent as named;
use crate::jobs::Kind;
use crate::mailbox::names::INBOX;
use crate::notices::is_news;
use crate::record::By;
use crate::refuse::{self, Fail};
use crate::rights::{On, permit, unknown};
use crate::{Actor, Operator};
use aws_lc_rs::digest::{SHA256, digest};
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase};
use sceau_identity::vapid::VapidKey;
use sceau_store::desk::push::{self as rows, Subscription};
use sceau_store::{Id, StoreError, Tx, access, accounts, identity_key, jobs, settings};
use sceau_trust::push::{MAX_ENDPOINT, Push, Services};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

/// The key's name in `settings`.
const KEY: &str = "push.key";
/// Browsers of one person; the one that was there longest makes room.
const MOST: usize = 10;
/// Browsers looked at in one go.
const SLICE: i64 = 64;
/// Questions to services at once.
const AT_ONCE: usize = 8;
/// For one question.
const DEADLINE: Duration = Duration::from_secs(10);
/// First wait after a failure, and the longest, milliseconds.
const AGAIN_MS: i64 = 30_000;
const LONGEST_MS: i64 = 3_600_000;
/// So many refusals in a row: the service wants no more of this browser.
const GIVEN_UP: i64 = 8;
/// A browser that was woken a moment ago is not woken again to try it, milliseconds.
const TRIED_MS: i64 = 10_000;

/// `[push]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Services of browsers' makers that may be asked: `host`, `host:port`, or `*.` and the end of a host's name. None: nobody is woken.
    pub services: Vec<String>,
    /// Whose certificates they have, PEM files; the system's authorities where there are none.
    pub authorities: Vec<PathBuf>,
    /// For how long a service keeps a push for a browser that is away, hours.
    pub hours: u32,
    /// Least time between two pushes to a browser, seconds.
    pub pause_seconds: u32,
    /// What the files hold: the program fills it.
    #[serde(skip)]
    pub pem: Vec<Vec<u8>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { services: Vec::new(), authorities: Vec::new(), hours: 12, pause_seconds: 300, pem: Vec::new() }
    }
}

impl Settings {
    /// What is not as it must be: its key and its value.
    pub fn wrong(&self) -> Option<(&'static str, String)> {
        let host = |name: &str| {
            let bare = name.strip_prefix("*.").unwrap_or(name);
            let letters = bare.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':'));
            letters && !bare.is_empty() && !bare.starts_with('.')
        };
        if let Some(bad) = self.services.iter().find(|name| !host(name)) {
            return Some(("services", bad.clone()));
        }
        if !(1..=168).contains(&self.hours) {
            return Some(("hours", self.hours.to_string()));
        }
        (!(10..=86_400).contains(&self.pause_seconds)).then(|| ("pause_seconds", self.pause_seconds.to_string()))
    }
}

/// What a node remembers: the operator's key, the way to the services.
#[derive(Debug, Default)]
pub(crate) struct State {
    key: OnceCell<VapidKey>,
    way: OnceCell<Push>,
}

/// A browser that is woken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserView {
    /// What names it.
    pub code: String,
    /// Which browser: `Firefox, Android`; empty when it did not say.
    pub agent: String,
    /// SHA-256 of where it is woken, in hexadecimal: by it a browser finds itself among them. Empty when that cannot be opened.
    pub mark: String,
    /// Host of its service.
    pub service: String,
    /// Since when.
    pub since: Timestamp,
    /// When it was last woken.
    pub last: Option<Timestamp>,
    /// Its service does not answer as it should.
    pub failing: bool,
    /// Addresses of the BALs of which it is told.
    pub bals: Vec<String>,
}

/// What one may have one's browsers woken of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushView {
    /// The operator's public key, as browsers take it.
    pub key: String,
    /// One's browsers.
    pub browsers: Vec<BrowserView>,
    /// Addresses of the BALs to which one has an access, and whether one holds it.
    pub bals: Vec<(String, bool)>,
}

/// What is sealed of a browser.
#[derive(Serialize, Deserialize)]
struct Sealed {
    endpoint: String,
    agent: String,
}

/// What became of a question.
enum Became {
    Woken,
    /// The service says that the browser is gone.
    Gone,
    /// It refused: perhaps for good.
    Refused,
    /// To be tried again, not before this.
    Later(Duration),
}

/// The BALs of these keys, of each of which the asker may hear.
fn chosen(tx: &mut dyn Tx, asker: &Actor, keys: &[String]) -> Result<Vec<Id>, Fail> {
    let uc = UseCase::NoticeChoose;
    permit(tx, asker, uc, On::Anywhere)?;
    let mut out = Vec::new();
    for key in keys {
        let Some(bal) = accounts::bal_by_address(tx, key)? else { return Err(unknown(tx, asker, uc, key)) };
        permit(tx, asker, uc, On::Bal(bal.id))?;
        out.push(bal.id);
    }
    Ok(out)
}

/// One of the asker's own.
fn own(tx: &mut dyn Tx, asker: &Actor, id: Id) -> Result<Subscription, Fail> {
    permit(tx, asker, UseCase::NoticeChoose, On::Anywhere)?;
    let found = rows::by_id(tx, id)?.filter(|s| s.person == asker.person());
    found.ok_or_else(|| RefusalCode::NotFound.into())
}

/// The BALs to which a person has an access: id, address, whether the person holds it.
fn open_to(tx: &mut dyn Tx, person: Id) -> Result<Vec<(Id, String, bool)>, StoreError> {
    let (mut bals, now) = (Vec::new(), tx.now());
    for a in access::of_person(tx, person)?.into_iter().filter(|a| a.starts <= now) {
        if let Some(bal) = accounts::bal_by_id(tx, a.bal_id)? {
            bals.push((bal.id, bal.address, a.role == "holder"));
        }
    }
    Ok(bals)
}

fn invalid(name: &'static str) -> Refusal {
    Refusal::new(RefusalCode::Invalid).with("name", name)
}

impl Operator {
    /// May browsers be woken at all?
    pub fn has_push(&self) -> bool {
        !self.services().is_empty()
    }
    fn services(&self) -> Services {
        Services::new(&self.0.config.push.services)
    }

    /// The operator's key, the same on every node: made when it is first needed.
    async fn vapid(&self) -> Result<&VapidKey, Refusal> {
        self.0.push.key.get_or_try_init(|| self.find_vapid()).await
    }
    async fn find_vapid(&self) -> Result<VapidKey, Refusal> {
        let failed = |e: StoreError| refuse::store(&e);
        let sealed = match self.0.store.read(|tx| settings::get(tx, KEY)).await.map_err(failed)? {
            Some(there) => there.value,
            None => {
                let made = VapidKey::make().map_err(|_| Refusal::new(RefusalCode::Defect))?;
                let (sealed, now) = (self.seal_identity(identity_key::push_key(), &made).await?, self.now().0);
                let put = move |tx: &mut dyn Tx| {
                    settings::replace(tx, KEY, 0, &sealed, now)?;
                    // Another node may have been first.
                    settings::get(tx, KEY)
                };
                let there = self.0.store.write(put).await.map_err(failed)?;
                there.ok_or_else(|| Refusal::new(RefusalCode::Unavailable))?.value
            }
        };
        let clear = self.unseal_identity(identity_key::push_key(), &sealed).await?;
        VapidKey::read(&clear).map_err(|_| refuse::store(&StoreError::Corrupt(format!("setting {KEY}"))))
    }

    /// The asker's browsers, and of what they are woken. None: the operator wakes nobody. `right.missing`.
    #[boxed]
    pub async fn own_push(&self, actor: &Actor) -> Result<Option<PushView>, Refusal> {
        if !self.has_push() {
            return Ok(None);
        }
        let asker = actor.clone();
        let show = move |tx: &mut dyn Tx| {
            permit(tx, &asker, UseCase::OwnShow, On::Anywhere)?;
            let (bals, mut browsers) = (open_to(tx, asker.person())?, Vec::new());
            for s in rows::of_person(tx, asker.person())? {
                let of = rows::bals(tx, s.id)?;
                browsers.push((s, of));
            }
            Ok::<_, Fail>((bals, browsers))
        };
        let (bals, found) = self.0.store.read(show).await?;
        let mut browsers = Vec::new();
        for (s, of) in found {
            // What cannot be opened has no name; it can be taken away all the same.
            let said = self.opened_push(&s).await.ok();
            let mark = said.as_ref().map(|o| hex::encode(digest(&SHA256, o.endpoint.as_bytes())));
            browsers.push(BrowserView {
                code: self.push_object(s.id),
                agent: said.map(|o| o.agent).unwrap_or_default(),
                mark: mark.unwrap_or_default(),
                service: s.host,
                since: Timestamp(s.created),
                last: s.last.map(Timestamp),
                failing: s.failures > 1,
                bals: bals.iter().filter(|(id, ..)| of.contains(id)).map(|(_, address, _)| address.clone()).collect(),
            });
        }
        let bals = bals.into_iter().map(|(_, address, held)| (address, held)).collect();
        Ok(Some(PushView { key: self.vapid().await?.public().to_owned(), browsers, bals }))
    }

    async fn opened_push(&self, s: &Subscription) -> Result<Sealed, Refusal> {
        let clear = self.unseal_identity(identity_key::push(s.id), &s.sealed).await?;
        serde_json::from_slice(&clear).map_err(|_| refuse::store(&StoreError::Corrupt("a push subscription".into())))
    }

    /// A browser of the asker is woken of these BALs from now on. `endpoint`: where, as the browser says; `agent`: what it calls itself.
    /// `push.forbidden` for a service that the operator does not list; `admin.invalid`, `admin.not_found`, `right.missing`. Traced: `push.subscribed`.
    #[boxed]
    pub async fn push_subscribe(
        &self,
        actor: &Actor,
        endpoint: &str,
        agent: &str,
        addresses: &[String],
    ) -> Result<(), Refusal> {
        self.keep_push(actor, (endpoint, agent), addresses, None).await
    }

    /// One of the asker's browsers renewed by itself where it is woken: `endpoint` takes the place of `before`, for the same BALs, as far as the asker still
    /// has an access to them; what waits for it waits on. `admin.not_found` where `before` is none of the asker's, else as [`Operator::push_subscribe`].
    #[boxed]
    pub async fn push_renew(&self, actor: &Actor, before: &str, endpoint: &str, agent: &str) -> Result<(), Refusal> {
        let (asker, tag) = (actor.clone(), self.push_tag(before));
        let sought = tag.clone();
        let look = move |tx: &mut dyn Tx| {
            permit(tx, &asker, UseCase::NoticeChoose, On::Anywhere)?;
            let old = rows::of_person(tx, asker.person())?.into_iter().find(|s| s.tag == sought);
            let of = rows::bals(tx, old.ok_or(RefusalCode::NotFound)?.id)?;
            let open = open_to(tx, asker.person())?.into_iter().filter(|(id, ..)| of.contains(id));
            Ok::<_, Fail>(open.map(|(_, address, _)| address).collect::<Vec<_>>())
        };
        let addresses = self.0.store.read(look).await?;
        self.keep_push(actor, (endpoint, agent), &addresses, Some(tag)).await
    }

    /// What a browser is found by.
    fn push_tag(&self, endpoint: &str) -> Vec<u8> {
        self.0.store.vault().tag("push", endpoint.as_bytes()).to_vec()
    }

    /// Keeps a browser: where it is woken and what it calls itself; `instead`: of the one whose place it takes.
    async fn keep_push(
        &self,
        actor: &Actor,
        (endpoint, agent): (&str, &str),
        addresses: &[String],
        instead: Option<Vec<u8>>,
    ) -> Result<(), Refusal> {
        self.require(actor, UseCase::NoticeChoose, On::Anywhere).await?;
        if endpoint.len() > MAX_ENDPOINT {
            return Err(invalid("endpoint"));
        }
        let to = self.services().endpoint(endpoint).map_err(|_| Refusal::new(RefusalCode::PushForbidden))?;
        let keys = self.keys_of(addresses)?;
        let id = self.0.store.new_id();
        let said = Sealed { endpoint: endpoint.to_owned(), agent: named(agent) };
        let said = serde_json::to_vec(&said).map_err(|_| Refusal::new(RefusalCode::Defect))?;
        let row = Subscription {
            id,
            person: actor.person(),
            tag: self.push_tag(endpoint),
            sealed: self.seal_identity(identity_key::push(id), &said).await?,
            host: to.host().to_owned(),
            created: self.now().0,
            since: None,
            due: None,
            last: None,
            failures: 0,
        };
        let data = json!({ "service": row.host, "count": keys.len() });
        let (fact, asker) = (self.fact("push.subscribed", &By::actor(actor), None, "ok", data), actor.clone());
        let put = move |tx: &mut dyn Tx| {
            let of = chosen(tx, &asker, &keys)?;
            let mut row = row.clone();
            let others = rows::of_person(tx, row.person)?.into_iter().filter(|s| s.tag != row.tag);
            let (before, others): (Vec<_>, Vec<_>) = others.partition(|s| instead.as_ref() == Some(&s.tag));
            for old in before.iter().chain(others.iter().rev().skip(MOST - 1)) {
                rows::remove(tx, old.id)?;
            }
            if let Some(old) = before.first() {
                (row.created, row.since, row.due, row.last) = (old.created, old.since, old.due, old.last);
            }
            rows::put(tx, &row, &of)?;
            Ok::<_, Fail>(fact.write(tx)?)
        };
        Ok(self.0.store.write(put).await?)
    }

    fn keys_of(&self, addresses: &[String]) -> Result<Vec<String>, Refusal> {
        if addresses.is_empty() {
            return Err(invalid("bals"));
        }
        addresses.iter().map(|address| self.key_of(address)).collect()
    }

    /// One of the asker's browsers is woken of these BALs, and of no other. As [`Operator::push_subscribe`].
    #[boxed]
    pub async fn push_choose(&self, actor: &Actor, id: Id, addresses: &[String]) -> Result<(), Refusal> {
        let keys = self.keys_of(addresses)?;
        let data = json!({ "count": keys.len() });
        let (fact, asker) = (self.fact("push.subscribed", &By::actor(actor), None, "ok", data), actor.clone());
        let choose = move |tx: &mut dyn Tx| {
            own(tx, &asker, id)?;
            let of = chosen(tx, &asker, &keys)?;
            rows::choose(tx, id, &of)?;
            Ok::<_, Fail>(fact.write(tx)?)
        };
        Ok(self.0.store.write(choose).await?)
    }

    /// One of the asker's browsers is not woken any more. `admin.not_found`. Traced: `push.ended`.
    #[boxed]
    pub async fn push_end(&self, actor: &Actor, id: Id) -> Result<(), Refusal> {
        let (fact, asker) = (self.fact("push.ended", &By::actor(actor), None, "ok", json!({})), actor.clone());
        let end = move |tx: &mut dyn Tx| {
            own(tx, &asker, id)?;
            rows::remove(tx, id)?;
            Ok::<_, Fail>(fact.write(tx)?)
        };
        Ok(self.0.store.write(end).await?)
    }

    /// Wakes one of the asker's browsers now, to try it. `admin.not_found` also when its service says that it is gone; `system.unavailable` when the
    /// service does not answer.
    #[boxed]
    pub async fn push_try(&self, actor: &Actor, id: Id) -> Result<(), Refusal> {
        let (asker, now) = (actor.clone(), self.now().0);
        let s = self.0.store.read(move |tx| own(tx, &asker, id)).await?;
        if s.last.is_some_and(|last| now - last < TRIED_MS) {
            return Ok(());
        }
        match self.ask_service(&s).await {
            Became::Woken => {
                let woken = self.0.store.write(move |tx| rows::woken(tx, id, now)).await;
                woken.map_err(|e: StoreError| refuse::store(&e))
            }
            Became::Gone => {
                self.forget_browser(id, "gone").await?;
                Err(RefusalCode::NotFound.into())
            }
            Became::Refused | Became::Later(_) => Err(RefusalCode::Unavailable.into()),
        }
    }

    async fn forget_browser(&self, id: Id, why: &'static str) -> Result<(), Refusal> {
        let fact = self.fact("push.ended", &By::system(), None, "ok", json!({ "why": why })).technical();
        let forget = move |tx: &mut dyn Tx| match rows::remove(tx, id)? {
            true => fact.write(tx),
            false => Ok(()),
        };
        self.0.store.write(forget).await.map_err(|e: StoreError| refuse::store(&e))
    }

    /// Has the service of a browser wake it.
    async fn ask_service(&self, s: &Subscription) -> Became {
        let asked = async {
            let endpoint = self.opened_push(s).await?.endpoint;
            let Ok(to) = self.services().endpoint(&endpoint) else { return Ok(None) };
            let way = || async { Push::new(&self.0.config.push.pem, DEADLINE, AT_ONCE) };
            let way = self.0.push.way.get_or_try_init(way).await.map_err(|e| {
                tracing::error!(error = %e, "services that wake browsers cannot be asked");
                Refusal::new(RefusalCode::Unavailable)
            })?;
            let own = self.vapid().await?.authorization(&to.origin(), &self.0.config.public_url, self.now());
            let own = own.map_err(|_| Refusal::new(RefusalCode::Defect))?;
            let kept = Duration::from_secs(u64::from(self.0.config.push.hours) * 3_600);
            Ok::<_, Refusal>(Some(way.wake(&to, &own, kept).await))
        };
        match asked.await {
            // The operator does not list its service any more, or what was kept cannot be opened: nothing that trying again mends at once.
            Ok(None) => Became::Refused,
            Err(_) => Became::Later(Duration::ZERO),
            Ok(Some(Err(e))) => {
                tracing::info!(service = s.host, error = %e, "a browser was not woken");
                Became::Later(Duration::ZERO)
            }
            Ok(Some(Ok(answer))) => match answer.status {
                200..=299 => Became::Woken,
                404 | 410 => Became::Gone,
                429 | 500..=599 => Became::Later(answer.retry_after.unwrap_or_default()),
                status => {
                    tracing::warn!(service = s.host, status, "a service does not take our pushes");
                    Became::Refused
                }
            },
        }
    }

    /// Mail came: when those who want to be woken are. One row a browser, however much came.
    pub(crate) async fn plan_pushes(&self, bal: Id) -> Result<(), Refusal> {
        if !self.has_push() {
            return Ok(());
        }
        let (now, pause) = (self.now().0, i64::from(self.0.config.push.pause_seconds) * 1_000);
        let job = self.job(Kind::Push, "0", Vec::new(), Duration::ZERO);
        let plan = move |tx: &mut dyn Tx| {
            let planned = rows::plan(tx, bal, now, pause)? > 0;
            let Some(run_at) = rows::next_due(tx)?.filter(|_| planned) else { return Ok(false) };
            jobs::enqueue(tx, &jobs::NewJob { run_at, ..job.clone() })?;
            Ok(run_at <= now)
        };
        if self.0.store.write(plan).await.map_err(|e: StoreError| refuse::store(&e))? {
            self.wake_jobs();
        }
        Ok(())
    }

    /// Wakes what is due. An error: to be tried again.
    pub(crate) async fn send_pushes(&self) -> Result<(), Refusal> {
        let failed = |e: StoreError| refuse::store(&e);
        // What is read is traced by batches: whoever was there is not woken.
        self.flush_traces().await?;
        // A service that is away is asked once a round.
        let away: Arc<Mutex<HashSet<String>>> = Arc::default();
        loop {
            let now = self.now().0;
            let due = self.0.store.read(move |tx| rows::due(tx, now, SLICE)).await.map_err(failed)?;
            if due.is_empty() {
                break;
            }
            let mut under_way = JoinSet::new();
            for s in due {
                if under_way.len() >= AT_ONCE {
                    ended(under_way.join_next().await)?;
                }
                let (op, away) = (self.clone(), away.clone());
                under_way.spawn(async move { op.wake(s, &away).await });
            }
            while !under_way.is_empty() {
                ended(under_way.join_next().await)?;
            }
        }
        let job = self.job(Kind::Push, "0", Vec::new(), Duration::ZERO);
        let again = move |tx: &mut dyn Tx| match rows::next_due(tx)? {
            Some(run_at) => jobs::enqueue(tx, &jobs::NewJob { run_at, ..job.clone() }),
            None => Ok(()),
        };
        self.0.store.write(again).await.map_err(failed)
    }

    /// Settles one that is due.
    async fn wake(&self, s: Subscription, away: &Mutex<HashSet<String>>) -> Result<(), Refusal> {
        let failed = |e: StoreError| refuse::store(&e);
        let Some(was) = s.due else { return Ok(()) };
        let (op, row) = (self.clone(), s.clone());
        let judge = move |tx: &mut dyn Tx| {
            let stands = accounts::person_by_id(tx, row.person)?.is_some_and(|p| p.disabled.is_none());
            let mut news = false;
            for bal in rows::bals(tx, row.id)? {
                let inbox = op.folder_tag(bal, INBOX);
                news = news || stands && is_news(tx, (row.person, bal), &inbox, row.since.unwrap_or(0))?;
            }
            Ok(news)
        };
        let mut after = Subscription { since: None, due: None, ..s.clone() };
        if self.0.store.read(judge).await.map_err(failed)? {
            let known =
                |set: &Mutex<HashSet<String>>| set.lock().unwrap_or_else(PoisonError::into_inner).contains(&s.host);
            let became = if known(away) { Became::Later(Duration::ZERO) } else { self.ask_service(&s).await };
            let now = self.now().0;
            match became {
                Became::Woken => (after.last, after.failures) = (Some(now), 0),
                Became::Gone => return self.forget_browser(s.id, "gone").await,
                Became::Refused if s.failures + 1 >= GIVEN_UP => return self.forget_browser(s.id, "refused").await,
                Became::Refused => after.failures += 1,
                Became::Later(wait) => {
                    away.lock().unwrap_or_else(PoisonError::into_inner).insert(s.host.clone());
                    let wait = i64::try_from(wait.as_millis()).unwrap_or(LONGEST_MS);
                    let due = now + wait.max(pause(s.failures));
                    after.failures += 1;
                    // What nobody heard of for as long as a service would keep it is old.
                    let kept = i64::from(self.0.config.push.hours) * 3_600_000;
                    if s.since.is_some_and(|since| due - since < kept) {
                        (after.since, after.due) = (s.since, Some(due));
                    }
                }
            }
        }
        let settle = move |tx: &mut dyn Tx| rows::settle(tx, was, &after).map(drop);
        self.0.store.write(settle).await.map_err(failed)
    }
}

/// How long is waited after so many failures, milliseconds.
fn pause(failures: i64) -> i64 {
    let doubled = u32::try_from(failures.clamp(0, 10)).unwrap_or(10);
    (AGAIN_MS << doubled).min(LONGEST_MS)
}

/// What a task came to.
fn ended(task: Option<Result<Result<(), Refusal>, tokio::task::JoinError>>) -> Result<(), Refusal> {
    task.map_or(Ok(()), |done| done.unwrap_or_else(|_| Err(RefusalCode::Defect.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour() {
        assert_eq!([0, 1, 2, 7, 60].map(pause), [30_000, 60_000, 120_000, LONGEST_MS, LONGEST_MS]);
    }

    #[test]
    fn what_is_configured_is_judged() {
        let with = |services: &[&str], hours, pause_seconds| {
            let services = services.iter().map(|s| (*s).to_owned()).collect();
            Settings { services, hours, pause_seconds, ..Settings::default() }.wrong().map(|(key, _)| key)
        };
        assert_eq!(Settings::default().wrong(), None);
        assert_eq!(with(&["push.exemple.fr", "*.notify.exemple.com", "localhost:8443"], 1, 10), None);
        for bad in ["https://push.exemple.fr", "*", "*.", "", "push.exemple.fr/a", "*.*.fr"] {
            assert_eq!(with(&[bad], 12, 300), Some("services"), "{bad}");
        }
        assert_eq!((with(&[], 0, 300), with(&[], 169, 300)), (Some("hours"), Some("hours")));
        assert_eq!((with(&[], 12, 9), with(&[], 12, 86_401)), (Some("pause_seconds"), Some("pause_seconds")));
    }
}
