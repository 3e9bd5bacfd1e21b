//! What doors and use cases note, and what they ask before they go on. No I/O, no wait.
use super::rates::{DAY, HOUR, Key, Over};
use super::{Raised, Subject, Used, WAITING, Wrote};
use crate::antivirus::Whose;
use crate::{Actor, Door, Operator, Origin, Peer, Who};
use sceau_domain::abuse::{Network, Signal};
use sceau_domain::{Address, BalKind, Limits, Refusal, RefusalCode};
use sceau_store::Id;
use std::net::IpAddr;
use std::time::Duration;

/// The window of whoever is slowed, milliseconds.
const SLOW: i64 = 600_000;
/// A signal of a subject is written again after this long, milliseconds.
const AGAIN: i64 = 600_000;
/// The use of a token from a place is told again after this long, milliseconds.
const TELL: i64 = 300_000;
/// Sign-ins that browsers at one address may begin within [`SLOW`] and not finish: a whole hospital is behind some of them.
const BEGUN: i64 = 1_000;
/// Under what they are counted when they begin.
const BEGINS: &str = "attempts";
/// When they are finished.
const FINISHES: &str = "attempts_done";
/// How many times more an applicative BAL may do: results of a laboratory are no burst, and old addresses among its thousands are no attack. And how many
/// times more slips a structure's server may make, behind which a whole house writes.
const MACHINE: i64 = 10;
/// Subjects and signals remembered; when full, all are forgotten.
const REMEMBERED: usize = 50_000;

/// Room taken under limits for a message; given back when the message is not kept.
#[must_use]
#[derive(Debug)]
pub(crate) struct Reservation {
    operator: Operator,
    taken: Vec<(Key, i64)>,
}

impl Reservation {
    /// The message is kept.
    pub fn kept(mut self) {
        self.taken.clear();
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        for (key, more) in &self.taken {
            self.operator.0.abuse.rates.give_back(key, *more);
        }
    }
}

fn delay(Over(ms): Over) -> String {
    let minutes = (ms / 60_000 + 1).max(1);
    if minutes < 120 { format!("{minutes} min") } else { format!("{} h", (minutes + 59) / 60) }
}

fn over(code: RefusalCode, limit: impl ToString) -> impl Fn(Over) -> Refusal {
    let limit = limit.to_string();
    move |by| {
        metrics::counter!("sceau_rates_refused_total", "code" => code.as_str()).increment(1);
        Refusal::new(code).with("limit", &limit).with("delay", delay(by))
    }
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Whom the acts of a session are counted for: its token, or the structure's server.
fn subject_of(actor: &Actor) -> Option<Subject> {
    match &actor.who {
        Who::Person(_) => {
            let token = actor.credential.or_else(|| web_session(&actor.origin));
            token.map(|id| Subject { kind: "token", id: id.to_string() })
        }
        Who::Connector(c) => Some(Subject { kind: "connector", id: c.id.to_string() }),
        Who::System => None,
    }
}

/// The session of a browser that asked for what is done later, when it may have ended: it counts as what the session did.
fn web_session(origin: &Origin) -> Option<Id> {
    let id = origin.session.strip_prefix("web-").filter(|_| origin.door == Door::Web)?;
    Id::from_str_radix(id, 16).ok()
}

/// How many times more a session may do before it is noticed, and while it is slowed.
fn times_of(actor: &Actor) -> i64 {
    if actor.bal.as_ref().is_some_and(|b| b.kind == BalKind::App) { MACHINE } else { 1 }
}

/// What a case shows of a session.
fn known_of(actor: &Actor, r: &mut Raised) {
    r.person = Some(actor.person()).filter(|p| *p != 0);
    r.bal = actor.bal.as_ref().map(|b| b.id);
    if let Who::Connector(c) = &actor.who {
        r.shown = c.name.clone();
    }
}

fn subject_of_peer(peer: &Peer) -> Subject {
    Subject { kind: "peer", id: crate::certificates::tag_of(&peer.dn) }
}

/// How often a subject gave a signal.
pub(crate) fn count_of(signal: Signal, subject: &Subject) -> Key {
    Key::new(signal.as_str(), format!("{}:{}", subject.kind, subject.id), signal.definition().window)
}

/// The counts of sign-ins begun and finished around an address.
fn sign_ins(ip: IpAddr) -> (Key, Key) {
    let around = Network::around(ip, 32, 56);
    (Key::new(BEGINS, around, SLOW), Key::new(FINISHES, around, SLOW))
}

fn place_key(ip: IpAddr) -> Key {
    Key::new("place", Network::around(ip, 32, 64), HOUR)
}

impl Operator {
    /// Neither signals nor limits of peers apply to these senders.
    fn is_exempt(&self, from: Option<&Address>) -> bool {
        from.is_some_and(|from| self.0.config.abuse.exempt.contains(from))
    }

    fn threshold(&self, signal: Signal) -> i64 {
        i64::from(self.0.config.abuse.thresholds.of(signal))
    }

    /// Counts what may be a signal; raises it at the threshold.
    fn count_signal(&self, subject: &Subject, signal: Signal, more: i64, times: i64, known: &dyn Fn(&mut Raised)) {
        let threshold = self.threshold(signal).saturating_mul(times);
        if threshold == 0 || more == 0 {
            return;
        }
        let now = self.now().0;
        let seen = self.0.abuse.rates.add(&count_of(signal, subject), more, threshold, now);
        if seen >= threshold {
            self.raise_signal(subject, signal, (seen, threshold), known);
        }
    }

    /// A threshold is passed: whoever did it is slowed from now on, and a case will be opened.
    pub(super) fn raise_signal(
        &self,
        subject: &Subject,
        signal: Signal,
        (seen, threshold): (i64, i64),
        known: &dyn Fn(&mut Raised),
    ) {
        let at = self.now().0;
        let mut memory = self.0.abuse.memory();
        if signal.definition().slows {
            let until = at.saturating_add(i64::from(self.0.config.abuse.slowed_hours).saturating_mul(HOUR));
            memory.slowed.insert((subject.kind.to_owned(), subject.id.clone()), until);
        }
        let slot = (subject.clone(), signal);
        if memory.last.get(&slot).is_some_and(|last| (at - last).abs() < AGAIN) || memory.raised.len() >= WAITING {
            return;
        }
        if memory.last.len() >= REMEMBERED {
            memory.last.clear();
        }
        memory.last.insert(slot, at);
        let mut raised = Raised {
            subject: subject.clone(),
            signal,
            at,
            seen,
            threshold,
            shown: String::new(),
            person: None,
            bal: None,
            detail: String::new(),
        };
        known(&mut raised);
        memory.raised.push(raised);
        drop(memory);
        metrics::counter!("sceau_abuse_signals_total", "signal" => signal.as_str()).increment(1);
        self.0.abuse.wake.notify_one();
    }

    /// Something was tried in a person's name, by whomever.
    pub(crate) fn note_about(&self, person: Id, signal: Signal, (seen, threshold): (i64, i64), detail: &str) {
        let known = |r: &mut Raised| {
            r.person = Some(person);
            detail.clone_into(&mut r.detail);
        };
        self.raise_signal(&Subject::person(person), signal, (seen, threshold), &known);
    }

    /// A code behind a person's right password was wrong.
    pub(crate) fn note_wrong_code(&self, person: Id) {
        let known = |r: &mut Raised| r.person = Some(person);
        self.count_signal(&Subject::person(person), Signal::Codes, 1, 1, &known);
    }

    /// A session typed a code that no device waits for.
    pub(crate) fn note_wrong_device_code(&self, actor: &Actor) {
        if let Some(subject) = subject_of(actor) {
            self.count_signal(&subject, Signal::Codes, 1, 1, &|r: &mut Raised| known_of(actor, r));
        }
    }

    /// May a session type one more such code? `login.too_many`.
    pub(crate) fn may_type_device_code(&self, actor: &Actor) -> Result<(), Refusal> {
        let Some(subject) = subject_of(actor) else { return Ok(()) };
        let limit = self.threshold(Signal::Codes).saturating_mul(2);
        let judged = self.0.abuse.rates.fits(&count_of(Signal::Codes, &subject), 1, limit, self.now().0);
        judged.map_err(over(RefusalCode::LoginTooMany, limit))
    }

    /// A browser begins to sign in: what that keeps is bounded, whoever throws its cookies away. What is finished ([`Operator::note_finished`]) does not
    /// count. `login.too_many`.
    pub(crate) fn may_begin(&self, from: Option<IpAddr>) -> Result<(), Refusal> {
        let Some((begun, finished)) = from.map(sign_ins) else { return Ok(()) };
        let taken = self.0.abuse.rates.take_open(&begun, &finished, BEGUN, self.now().0);
        taken.map_err(over(RefusalCode::LoginTooMany, BEGUN))
    }

    /// Somebody there proved who he is: what he began gives its place back.
    pub(crate) fn note_finished(&self, from: Option<IpAddr>) {
        if let Some((_, finished)) = from.map(sign_ins) {
            self.0.abuse.rates.add(&finished, 1, BEGUN, self.now().0);
        }
    }

    /// What strangers do, of which a node hears from the others although it has nothing to tell: what is counted, its window, its limit (0: nobody asks).
    pub(super) fn overheard_counts(&self) -> [(&'static str, i64, i64); 5] {
        let signal = |s: Signal| (s.as_str(), s.definition().window, self.threshold(s));
        let (begun, finished) = ((BEGINS, SLOW, BEGUN), (FINISHES, SLOW, BEGUN));
        [signal(Signal::Guess), signal(Signal::Stuffing), signal(Signal::Codes), begun, finished]
    }

    pub(crate) fn is_slowed(&self, subject: &Subject) -> bool {
        let now = self.now().0;
        let memory = self.0.abuse.memory();
        memory.slowed.get(&(subject.kind.to_owned(), subject.id.clone())).is_some_and(|until| *until > now)
    }

    /// The budget of whoever is slowed; none when nobody is. A structure's server has none: many people stand behind it, and it is only answered later.
    fn slow_budget(&self, actor: &Actor) -> Option<(Key, i64)> {
        let subject = subject_of(actor).filter(|s| s.kind == "token" && self.is_slowed(s))?;
        let key = Key::new("slow", format!("{}:{}", subject.kind, subject.id), SLOW);
        Some((key, i64::from(self.0.config.abuse.slowed_recipients.max(1)) * times_of(actor)))
    }

    /// MAIL at our own doors: whoever is slowed may send one more. `sender.slowed`.
    pub(crate) fn may_submit(&self, actor: &Actor) -> Result<(), Refusal> {
        let (rates, now) = (&self.0.abuse.rates, self.now().0);
        if let Some((key, limit)) = self.slow_budget(actor) {
            rates.fits(&key, 1, limit, now).map_err(over(RefusalCode::SenderSlowed, format!("{limit}/10 min")))?;
        }
        Ok(())
    }

    /// For how long the same message is taken for a retry, milliseconds.
    fn repeats(&self) -> i64 {
        i64::from(self.0.config.limits.repeat_minutes) * 60_000
    }

    /// RCPT at our own doors: this BAL may write to one more besides `already`, and the place may send one more message. `sender.too_many_recipients`,
    /// `place.too_many`, `sender.slowed`.
    pub(crate) fn may_write(
        &self,
        actor: &Actor,
        bal: Id,
        to: &Address,
        limits: &Limits,
        already: usize,
    ) -> Result<(), Refusal> {
        let (rates, now, more) = (&self.0.abuse.rates, self.now().0, count(already) + 1);
        // What it sends may be what it sent: judged when the content is here.
        if self.0.abuse.memory().lately.knows(bal, to, now, self.repeats()) {
            return Ok(());
        }
        if let (Some(ip), Who::Person(_)) = (actor.origin.remote, &actor.who) {
            let limit = self.0.config.limits.place_messages_per_hour;
            let judged = rates.fits(&place_key(ip), 1, i64::from(limit), now);
            judged.map_err(over(RefusalCode::PlaceTooMany, limit))?;
        }
        for (what, limit, window) in of_recipients(limits) {
            let judged = rates.fits(&Key::new(what, bal, window), more, limit, now);
            judged.map_err(over(RefusalCode::SenderTooManyRecipients, limit))?;
        }
        if let Some((key, limit)) = self.slow_budget(actor) {
            // One message to more than the budget is one too many for ever: it passes alone.
            let judged = rates.fits(&key, more.min(limit), limit, now);
            judged.map_err(over(RefusalCode::SenderSlowed, format!("{limit}/10 min")))?;
        }
        Ok(())
    }

    /// After the content: takes the room for a message to so many, or refuses. What is kept is then noted with [`Operator::note_submitted`].
    pub(crate) fn reserve(
        &self,
        actor: &Actor,
        bal: Id,
        limits: &Limits,
        recipients: usize,
    ) -> Result<Reservation, Refusal> {
        let (now, more) = (self.now().0, count(recipients));
        let mut room = Reservation { operator: self.clone(), taken: Vec::new() };
        let mut take = |key: Key, more: i64, limit: i64, code: RefusalCode, shown: String| {
            self.0.abuse.rates.take(&key, more, limit, now).map_err(over(code, shown))?;
            room.taken.push((key, more));
            Ok::<_, Refusal>(())
        };
        if let (Some(ip), Who::Person(_)) = (actor.origin.remote, &actor.who) {
            let limit = self.0.config.limits.place_messages_per_hour;
            take(place_key(ip), 1, i64::from(limit), RefusalCode::PlaceTooMany, limit.to_string())?;
        }
        for (what, limit, window) in of_recipients(limits) {
            let key = Key::new(what, bal, window);
            take(key, more, limit, RefusalCode::SenderTooManyRecipients, limit.to_string())?;
        }
        if let Some((key, limit)) = self.slow_budget(actor) {
            take(key, more.min(limit), limit, RefusalCode::SenderSlowed, format!("{limit}/10 min"))?;
        }
        Ok(room)
    }

    /// A message of ours was kept. `named`: how it names people, names and addresses, for pages that complete what is typed; none where nobody but its
    /// writer may know.
    pub(crate) fn note_submitted(
        &self,
        actor: &Actor,
        from: &Address,
        (bal, kind): (Id, BalKind),
        to: &[Address],
        named: Option<&[(String, String)]>,
    ) {
        self.0.abuse.memory().lately.wrote(bal, to, self.now().0, self.repeats());
        let person = Some(actor.person()).filter(|p| *p != 0);
        // A structure's server sends for all its people: its connector has a limit of its own.
        let subject = subject_of(actor).filter(|s| s.kind != "connector" && !self.is_exempt(Some(from)));
        if let Some(subject) = &subject {
            let times = if kind == BalKind::App { MACHINE } else { 1 };
            let known = |r: &mut Raised| (r.person, r.bal) = (person, Some(bal));
            self.count_signal(subject, Signal::Burst, count(to.len()), times, &known);
        }
        if kind == BalKind::App {
            return;
        }
        let subject = subject.filter(|_| self.threshold(Signal::Correspondents) > 0);
        let named = named.filter(|_| person.is_some());
        if subject.is_none() && named.is_none() {
            return;
        }
        let one = |a: &Address| {
            let tag = self.0.store.vault().tag("correspondent", a.key().as_bytes())[..16].to_vec();
            let address = a.to_string();
            let who = named.map(|named| {
                let name = named.iter().find(|(_, known)| *known == address).map(|(name, _)| name.clone());
                (name.unwrap_or_default(), address)
            });
            (tag, who)
        };
        let mut to: Vec<_> = to.iter().map(one).collect();
        to.sort_unstable();
        let mut memory = self.0.abuse.memory();
        if memory.wrote.len() < WAITING {
            memory.wrote.push(Wrote { subject, person, bal, to });
        }
    }

    /// New correspondents of a BAL were counted.
    pub(super) fn note_new_correspondents(&self, wrote: &Wrote, new: u64) {
        let Some(subject) = &wrote.subject else { return };
        let known = |r: &mut Raised| (r.person, r.bal) = (wrote.person, Some(wrote.bal));
        let new = i64::try_from(new).unwrap_or(i64::MAX);
        self.count_signal(subject, Signal::Correspondents, new, 1, &known);
    }

    /// Something of ours was refused; how long the answer waits.
    pub(crate) fn note_refused(&self, actor: &Actor, refusal: &Refusal) -> Duration {
        let subject = subject_of(actor).filter(|_| !refusal.is_temporary());
        let Some(subject) = subject else { return Duration::ZERO };
        let known = |r: &mut Raised| known_of(actor, r);
        let (unknown, server) = (refusal.code == RefusalCode::RcptUnknown, subject.kind == "connector");
        let times = if server { MACHINE } else { times_of(actor) };
        if unknown {
            self.count_signal(&subject, Signal::Unknown, 1, times, &known);
        }
        self.count_signal(&subject, Signal::Refused, 1, times, &known);
        if unknown && server && self.is_slowed(&subject) { self.0.config.abuse.tarpit } else { Duration::ZERO }
    }

    /// The antivirus found something in what somebody sends or files.
    pub(crate) fn note_infected(&self, whose: Whose<'_>, from: Option<&Address>) {
        if self.is_exempt(from) {
            return;
        }
        match whose {
            Whose::Session(actor) => {
                if let Some(subject) = subject_of(actor) {
                    self.count_signal(&subject, Signal::Infected, 1, 1, &|r: &mut Raised| known_of(actor, r));
                }
            }
            Whose::Peer(peer) => {
                let known = |r: &mut Raised| r.shown = peer.dn.to_string();
                self.count_signal(&subject_of_peer(peer), Signal::Infected, 1, 1, &known);
            }
        }
    }

    /// Messages and recipients that a certificate of another operator may hand over in an hour.
    fn limits_of_peer(&self, peer: &Peer) -> (i64, i64) {
        let (limits, partners) = (&self.0.config.limits, &self.0.config.abuse.partners);
        let partner = partners.iter().find(|p| p.dn == peer.dn);
        let messages = partner.and_then(|p| p.messages_per_hour).unwrap_or(limits.peer_messages_per_hour);
        let recipients = partner.and_then(|p| p.recipients_per_hour).unwrap_or(limits.peer_recipients_per_hour);
        (messages.into(), recipients.into())
    }

    /// MAIL and RCPT of another operator: one more message to `already` + 1 recipients. `peer.too_many`, `peer.too_many_recipients`.
    pub(crate) fn peer_may(&self, peer: &Peer, from: Option<&Address>, already: Option<usize>) -> Result<(), Refusal> {
        if self.is_exempt(from) {
            return Ok(());
        }
        let (rates, now, subject) = (&self.0.abuse.rates, self.now().0, subject_of_peer(peer).id);
        let (messages, recipients) = self.limits_of_peer(peer);
        match already {
            None => {
                let judged = rates.fits(&Key::new("peer_messages", &subject, HOUR), 1, messages, now);
                judged.map_err(over(RefusalCode::PeerTooMany, messages))
            }
            Some(already) => {
                let key = Key::new("peer_recipients", &subject, HOUR);
                let judged = rates.fits(&key, count(already) + 1, recipients, now);
                judged.map_err(over(RefusalCode::PeerTooManyRecipients, recipients))
            }
        }
    }

    /// After the content: takes the room for a message of another operator.
    pub(crate) fn reserve_for_peer(
        &self,
        peer: &Peer,
        from: Option<&Address>,
        recipients: usize,
    ) -> Result<Reservation, Refusal> {
        let mut room = Reservation { operator: self.clone(), taken: Vec::new() };
        if self.is_exempt(from) {
            return Ok(room);
        }
        let (now, subject) = (self.now().0, subject_of_peer(peer).id);
        let (messages, most) = self.limits_of_peer(peer);
        for (what, more, limit, code) in [
            ("peer_messages", 1, messages, RefusalCode::PeerTooMany),
            ("peer_recipients", count(recipients), most, RefusalCode::PeerTooManyRecipients),
        ] {
            let key = Key::new(what, &subject, HOUR);
            self.0.abuse.rates.take(&key, more, limit, now).map_err(over(code, limit))?;
            room.taken.push((key, more));
        }
        Ok(room)
    }

    /// Another operator asked for a recipient that does not exist; how long its answer waits.
    pub(crate) fn note_unknown_of_peer(&self, peer: &Peer) -> Duration {
        let subject = subject_of_peer(peer);
        let known = |r: &mut Raised| r.shown = peer.dn.to_string();
        self.count_signal(&subject, Signal::PeerUnknown, 1, 1, &known);
        if self.is_slowed(&subject) { self.0.config.abuse.tarpit } else { Duration::ZERO }
    }

    /// A token, or a machine's certificate, opened a session, or one that it opened goes on.
    pub(crate) fn note_login(&self, actor: &Actor) {
        let (Some(token), Some(ip)) = (actor.credential, actor.origin.remote) else { return };
        if self.threshold(Signal::Apart) == 0 && self.threshold(Signal::Travel) == 0 {
            return;
        }
        let (place, at) = (self.place_of(ip), self.now().0);
        let position = self.0.config.abuse.positions.of(ip).filter(|_| self.threshold(Signal::Travel) > 0);
        let shown = position.map(|p| p.to_string()).unwrap_or_default();
        let mut memory = self.0.abuse.memory();
        let slot = (token, format!("{place} {shown}"));
        if memory.told.get(&slot).is_some_and(|last| (at - last).abs() < TELL) || memory.used.len() >= WAITING {
            return;
        }
        if memory.told.len() >= REMEMBERED {
            memory.told.clear();
        }
        memory.told.insert(slot, at);
        let bal = actor.bal.as_ref().map(|b| b.id);
        memory.used.push(Used { token, person: actor.person(), bal, place, position, at });
    }

    /// The configured place of an address, else the network that it is in: what can be said of an address without asking anybody.
    pub(crate) fn place_of(&self, ip: IpAddr) -> String {
        let places = self.0.config.abuse.places.iter().filter(|(network, _)| network.holds(ip));
        let named = places.max_by_key(|(network, _)| network.bits()).map(|(_, name)| name.clone());
        named.unwrap_or_else(|| Network::around(ip, 16, 32).to_string())
    }
}

/// Limits of recipients of a BAL: what is counted, the limit, the window.
fn of_recipients(limits: &Limits) -> [(&'static str, i64, i64); 2] {
    [("bal_hour", limits.recipients_per_hour.into(), HOUR), ("bal_day", limits.recipients_per_day.into(), DAY)]
}
