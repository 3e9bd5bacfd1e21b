//! What was noted is written: counts are told to the other nodes, correspondents and places kept, cases opened, the person told, alarms raised.
use super::rates::{DAY, Key};
use super::{Raised, Subject, Used, WAITING, Wrote, journeys};
use crate::boxed;
use crate::notices::{Notice, Template};
use crate::record::{By, Fact};
use crate::refuse::Fail;
use crate::{Operator, refuse};
use sceau_domain::abuse::Signal;
use sceau_domain::{Address, Refusal};
use sceau_store::abuse::{self as rows, Case, Seen};
use sceau_store::desk::correspondents;
use sceau_store::{Id, StoreError, Tx, accounts, alarms, bals, rates};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often it is written.
const EVERY: Duration = Duration::from_secs(5);
/// Counts that cannot wait so long are told at most this often.
const HURRY: Duration = Duration::from_millis(250);
/// Counts told in one transaction, and in one round.
const SLICE: usize = 100;
/// Subjects of one count that are heard at a time: those that did most.
const HEARD: i64 = 2_000;
/// Others' counts below this part of the limit change nothing.
const WORTH: i64 = 4;
/// Rows forgotten at a time.
const FORGOTTEN: i64 = 1_000;
/// What is old is forgotten this often, milliseconds.
const TIDY: i64 = 600_000;
/// Correspondents not written to for so long are new again, days.
const KNOWN: i64 = 400;
/// Most subjects that are slowed at once, as a node remembers them.
const SLOWED: i64 = 50_000;

impl Operator {
    /// Writes every few seconds, and at once when there is a signal, until `stop`; a last time then. Counts that grow fast are told at once.
    #[boxed]
    pub async fn run_abuse(&self, stop: CancellationToken) {
        let mut next = Instant::now() + EVERY;
        loop {
            let (ends, all) = tokio::select! {
                () = stop.cancelled() => (true, true),
                () = self.0.abuse.wake.notified() => (false, true),
                () = tokio::time::sleep_until(next) => (false, true),
                () = self.0.abuse.rates.hurry.notified() => (false, false),
            };
            if all {
                self.flush_abuse().await;
                next = Instant::now() + EVERY;
            } else {
                if let Err(e) = self.tell_rates().await {
                    tracing::warn!(code = e.code.as_str(), "limits could not be told yet");
                }
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(HURRY) => {}
                }
            }
            if ends {
                return;
            }
        }
    }

    /// Writes what was noted. What cannot be written now waits for the next time.
    #[boxed]
    pub async fn flush_abuse(&self) {
        let told = async {
            self.tell_rates().await?;
            self.hear_rates().await?;
            self.keep_correspondents().await?;
            self.keep_places().await?;
            self.open_cases().await?;
            self.hear_slowed().await?;
            self.tidy_abuse().await
        };
        if let Err(e) = told.await {
            tracing::warn!(code = e.code.as_str(), "limits and signals could not be written yet");
        }
    }

    async fn tell_rates(&self) -> Result<(), Refusal> {
        let (state, node) = (&self.0.abuse, self.0.store.node());
        loop {
            // In the order of the keys: the order of locks.
            let mut due = state.rates.untold(self.now().0, SLICE);
            due.sort_by(|a, b| a.0.cmp(&b.0));
            let told: Vec<_> = due.iter().map(|(_, told)| told.clone()).collect();
            if told.is_empty() {
                return Ok(());
            }
            let write = self
                .0
                .store
                .write(move |tx| told.iter().map(|t| rates::tell(tx, node, t)).collect::<Result<Vec<_>, _>>());
            let heard = write.await.map_err(|e: StoreError| refuse::store(&e))?;
            for ((key, told), totals) in due.iter().zip(heard) {
                state.rates.heard(key, told, totals);
            }
            if due.len() < SLICE {
                return Ok(());
            }
        }
    }

    /// What all nodes counted of strangers, who go from one to the next; and what this one did before it was started anew.
    async fn hear_rates(&self) -> Result<(), Refusal> {
        let now = self.now().0;
        let counts = self.overheard_counts();
        let hear = move |tx: &mut dyn Tx| {
            let mut heard = Vec::new();
            for (what, window, limit) in counts.into_iter().filter(|(_, _, limit)| *limit > 0) {
                let (bucket, least) = (now.div_euclid(window), (limit / WORTH).max(1));
                for (subject, present, before) in rates::told_most(tx, (what, bucket), least, HEARD)? {
                    heard.push((Key::new(what, subject, window), bucket, (present, before)));
                }
            }
            Ok(heard)
        };
        let heard = self.0.store.read(hear).await.map_err(|e: StoreError| refuse::store(&e))?;
        for (key, bucket, counts) in heard {
            self.0.abuse.rates.overheard(&key, bucket, counts, now);
        }
        Ok(())
    }

    async fn keep_correspondents(&self) -> Result<(), Refusal> {
        let mut wrote = std::mem::take(&mut self.0.abuse.memory().wrote);
        // A BAL at a time, in the order of locks.
        wrote.sort_by_key(|w| w.bal);
        let now = self.now().0;
        while !wrote.is_empty() {
            let rest = wrote.split_off(wrote.len().min(SLICE));
            let mut some = Vec::with_capacity(wrote.len());
            for one in &wrote {
                some.push((one.bal, self.sealed_correspondents(one.bal, &one.to).await));
            }
            let keep = move |tx: &mut dyn Tx| {
                let keep = |(bal, to): &(Id, Vec<correspondents::Wrote>)| correspondents::note(tx, *bal, to, now);
                some.iter().map(keep).collect::<Result<Vec<u64>, StoreError>>()
            };
            match self.0.store.write(keep).await {
                Ok(new) => {
                    wrote.iter().zip(new).for_each(|(w, new): (&Wrote, u64)| self.note_new_correspondents(w, new))
                }
                Err(e) => {
                    let mut memory = self.0.abuse.memory();
                    memory.wrote.extend(wrote.into_iter().chain(rest).take(WAITING));
                    return Err(refuse::store(&e));
                }
            }
            wrote = rest;
        }
        Ok(())
    }

    async fn keep_places(&self) -> Result<(), Refusal> {
        let mut used = std::mem::take(&mut self.0.abuse.memory().used);
        used.sort_by_key(|u| (u.token, u.at));
        let pause = Signal::Apart.definition().window;
        while !used.is_empty() {
            let rest = used.split_off(used.len().min(SLICE));
            let some = used.clone();
            let keep = move |tx: &mut dyn Tx| {
                some.iter()
                    .map(|u| {
                        let places = rates::used_from(tx, u.token, &u.place, u.at, pause)?;
                        Ok((places, journeys::arrived(tx, u, pause)?))
                    })
                    .collect::<Result<Vec<_>, StoreError>>()
            };
            match self.0.store.write(keep).await {
                Ok(all) => used.iter().zip(all).for_each(|(u, (places, others))| {
                    self.judge_places(u, &places);
                    self.judge_journeys(u, &others);
                }),
                Err(e) => {
                    self.0.abuse.memory().used.extend(used.into_iter().chain(rest));
                    return Err(refuse::store(&e));
                }
            }
            used = rest;
        }
        Ok(())
    }

    /// Is a token used in several places at once? A change of network is none: somebody leaves one and is in the next. Networks say little of distance
    /// (a telephone and a desk are two), so it takes several at once; places that the configuration names as such are apart whenever both are seen.
    fn judge_places(&self, used: &Used, places: &[rates::Place]) {
        let threshold = i64::from(self.0.config.abuse.thresholds.of(Signal::Apart));
        let Some(here) = places.iter().find(|p| p.place == used.place) else { return };
        let named = |p: &rates::Place| self.0.config.abuse.places.iter().any(|(_, name)| *name == p.place);
        let others = || places.iter().filter(|p| p.place != here.place && !journeys::is_position(&p.place));
        let overlapping: Vec<&rates::Place> = others().filter(|p| p.since <= here.at && here.since <= p.at).collect();
        let apart: Vec<&rates::Place> = others().filter(|p| named(here) && named(p)).collect();
        let at_once = i64::try_from(overlapping.len()).unwrap_or(i64::MAX).saturating_add(1);
        if threshold == 0 || (at_once < threshold && apart.is_empty()) {
            return;
        }
        let mut names: Vec<&str> = overlapping.iter().chain(&apart).map(|p| p.place.as_str()).collect();
        names.push(&here.place);
        names.sort_unstable();
        names.dedup();
        let detail = names.join(", ");
        let known = |r: &mut Raised| {
            (r.person, r.bal) = (Some(used.person), used.bal);
            r.detail.clone_from(&detail);
        };
        let subject = Subject { kind: "token", id: used.token.to_string() };
        let seen = i64::try_from(names.len()).unwrap_or(i64::MAX);
        self.raise_signal(&subject, Signal::Apart, (seen, threshold), &known);
    }

    async fn open_cases(&self) -> Result<(), Refusal> {
        let raised = std::mem::take(&mut self.0.abuse.memory().raised);
        let mut raised = raised.into_iter();
        while let Some(one) = raised.next() {
            if let Err(refusal) = self.open_case(one.clone()).await {
                self.0.abuse.memory().raised.extend(std::iter::once(one).chain(raised));
                return Err(refusal);
            }
        }
        Ok(())
    }

    /// Opens the case of a signal, or adds the signal to the one that is open: alarm, trace, notice to the person, in one transaction.
    async fn open_case(&self, raised: Raised) -> Result<(), Refusal> {
        let known = self.known_of(&raised).await.map_err(|e| refuse::store(&e))?;
        let notice = match (&known.person, &known.email) {
            (Some(person), Some(email)) if self.has_relay() => {
                let date = crate::certificates::day(raised.at);
                Some(self.notice(told(&raised), *person, email, &[("date", &date)]).await?)
            }
            _ => None,
        };
        let (now, id) = (self.now().0, self.0.store.new_id());
        let case = Case {
            id,
            kind: raised.subject.kind.into(),
            subject: raised.subject.id.clone(),
            shown: known.shown,
            person: known.person,
            bal: raised.bal,
            structure: known.structure,
            state: "open".into(),
            slowed_until: None,
            told: None,
            decision: None,
            reason: None,
            decided_by: None,
            decided_at: None,
            opened: now,
            changed: now,
            version: 1,
        };
        let hours = i64::from(self.0.config.abuse.slowed_hours);
        // A peer too: what its slowing means is said where it is asked for, and a decision ends it on every node.
        let slowed =
            raised.signal.definition().slows.then(|| raised.at.saturating_add(hours.saturating_mul(3_600_000)));
        let seen = Seen {
            case: id,
            name: raised.signal.as_str().into(),
            first: raised.at,
            last: raised.at,
            times: 1,
            seen: raised.seen,
            threshold: raised.threshold,
            detail: raised.detail.clone(),
        };
        let bal = raised.bal.zip(known.bal);
        let said = json!({ "case": id.to_string(), "kind": case.kind, "signal": seen.name, "seen": seen.seen, "threshold": seen.threshold,
                           "slowed": slowed.is_some() });
        let bal = bal.as_ref().map(|(id, shown)| (*id, shown.as_str()));
        let fact = self.fact("abuse.opened", &By::system(), bal, "ok", said);
        let written = self.0.store.write(move |tx| write_case(tx, &case, &seen, slowed, (&fact, notice.as_ref()), now));
        if written.await? {
            self.wake_jobs();
        }
        Ok(())
    }

    async fn known_of(&self, raised: &Raised) -> Result<Known, StoreError> {
        let (raised, mut known) = (raised.clone(), Known::default());
        let read = move |tx: &mut dyn Tx| {
            known.shown.clone_from(&raised.shown);
            if let (true, Ok(token)) = (raised.subject.kind == "token", raised.subject.id.parse::<Id>())
                && let Some(token) = accounts::token_by_id(tx, token)?
            {
                known.shown = token.label;
                known.person = Some(token.person_id);
            }
            known.person = known.person.or(raised.person);
            if let Some(person) = known.person
                && let Some(person) = accounts::person_by_id(tx, person)?
            {
                if raised.subject.kind == "person" {
                    known.shown.clone_from(&person.login);
                }
                let verified = person.email.filter(|_| person.email_verified.is_some() && person.disabled.is_none());
                known.email = verified.and_then(|e| e.parse().ok());
            }
            if let Some(bal) = raised.bal
                && let Some(bal) = bals::by_ids(tx, &[bal])?.pop()
            {
                known.structure = bal.structure_id;
                known.bal = Some(bal.address_key);
            }
            Ok(std::mem::take(&mut known))
        };
        self.0.store.read(read).await
    }

    /// Whom other nodes slowed, and whom somebody decided upon.
    async fn hear_slowed(&self) -> Result<(), Refusal> {
        let now = self.now().0;
        let found = self.0.store.read(move |tx| rows::slowed(tx, now, SLOWED)).await;
        let found = found.map_err(|e: StoreError| refuse::store(&e))?;
        let mut memory = self.0.abuse.memory();
        // What waits to be written counts too.
        let waiting: Vec<_> = memory.raised.iter().map(|r| (r.subject.kind.to_owned(), r.subject.id.clone())).collect();
        memory.slowed.retain(|key, until| *until > now && waiting.contains(key));
        memory.slowed.extend(found.into_iter().map(|s| ((s.kind, s.subject), s.until)));
        Ok(())
    }

    async fn tidy_abuse(&self) -> Result<(), Refusal> {
        let now = self.now().0;
        {
            let mut memory = self.0.abuse.memory();
            if (now - memory.tidied).abs() < TIDY {
                return Ok(());
            }
            memory.tidied = now;
            memory.told.retain(|_, at| now - *at < TIDY);
            memory.last.retain(|_, at| now - *at < TIDY);
        }
        let gone = self.0.store.write(move |tx| {
            Ok(rates::forget(tx, now, FORGOTTEN)?
                + rates::forget_places(tx, now - DAY, FORGOTTEN)?
                + rates::forget_correspondents(tx, now - KNOWN * DAY, FORGOTTEN)?)
        });
        let gone = gone.await.map_err(|e: StoreError| refuse::store(&e))?;
        if gone >= FORGOTTEN.unsigned_abs() {
            // There is more: go on at the next round.
            self.0.abuse.memory().tidied = 0;
        }
        Ok(())
    }
}

/// What the person hears.
fn told(raised: &Raised) -> Template {
    match (raised.subject.kind, raised.signal) {
        ("person", Signal::Guess) => Template::PasswordGuessed,
        ("person", Signal::Codes | Signal::Stuffing) => Template::PasswordKnown,
        ("person", _) => Template::UnusualSignIn,
        _ => Template::AbuseSeen,
    }
}

/// What rows say of a subject.
#[derive(Debug, Default, Clone)]
struct Known {
    shown: String,
    person: Option<Id>,
    email: Option<Address>,
    structure: Option<Id>,
    bal: Option<String>,
}

/// Whether the person is told.
fn write_case(
    tx: &mut dyn Tx,
    case: &Case,
    seen: &Seen,
    slowed: Option<i64>,
    (fact, notice): (&Fact, Option<&Notice>),
    now: i64,
) -> Result<bool, Fail> {
    let (found, new) = rows::open(tx, case)?;
    // Somebody whose password is guessed has to hear that it is known, too.
    let worse = found.kind == "person" && rows::signals(tx, &[found.id])?.iter().all(|s| s.name != seen.name);
    rows::add(tx, &Seen { case: found.id, ..seen.clone() }, slowed)?;
    let data = json!({ "shown": found.shown, "signal": seen.name });
    alarms::raise(tx, "abuse.seen", &found.id.to_string(), "warning", &data.to_string(), now)?;
    let notice = notice.filter(|_| new || worse);
    if let Some(notice) = notice {
        notice.write(tx)?;
        rows::told(tx, found.id, now)?;
    }
    if new {
        fact.write(tx)?;
    }
    Ok(notice.is_some())
}
