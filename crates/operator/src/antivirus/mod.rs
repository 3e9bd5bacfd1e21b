//! Nothing is kept or sent on before the antivirus engine has read it (F209, F067, F068).
//!
//! Promises: with an engine configured, what enters (peers, structures' servers), what is sent and, unless the configuration says no, what a program
//! adds to a folder is kept only after the engine's word "clean"; when there is none, for whatever reason, the sender is asked to come again, and
//! nothing is queued unread. A document that unfolds beyond the engine's limits is refused for good: it would be so again. Of what is infected nothing is
//! kept but the evidence: a trace with the signature's name, the keyed digest and the size of the content, sender and recipients as traces show them; and
//! whoever brings such mail again and again is noticed ([`crate::abuse`]). An engine that is away, too small, old, or silent about what it does not read is
//! an alarm that ends by itself.
//!
//! The engine reads from the sealed spool once every rule has said yes ([`scan`]), not while the message arrives: so a slow sender does not hold the
//! engine, what no rule lets in costs it nothing, and it reads exactly what would be kept (without Bcc, as lines). What the operator writes itself
//! (reports, absence replies) quotes only what was read before.
mod admin;
mod scan;
mod upkeep;

pub use admin::{AntivirusTestView, AntivirusView};

use crate::record::By;
use crate::{Actor, Operator, Peer, Received};
use sceau_antivirus::{Clamd, ScanError, Verdict};
use sceau_domain::{Address, Refusal, RefusalCode};
use sceau_store::Id;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// Documents under a password are taken as they are (`encrypted_documents`).
const ALLOW: u32 = 0;
/// They make a message refused.
const REFUSE: u32 = 2;
/// That the engine is away is said again this often at most, milliseconds.
const AGAIN: i64 = 60_000;
/// Our largest message goes beyond what the engine takes.
const DOES_NOT_FIT: i64 = 1;
/// It takes our largest message.
const FITS: i64 = 2;
/// Longest word for a kind of document that is shown.
const KIND: usize = 20;

/// What the configuration says.
#[derive(Debug, Clone)]
pub enum Setting {
    /// Nothing: an alarm says so.
    Absent,
    /// Knowingly without, and why.
    Off(String),
    /// An engine reads everything.
    On(Settings),
}

/// How the engine is used.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The engine.
    pub engine: Clamd,
    /// What programs add to folders (IMAP APPEND) is read too.
    pub append: bool,
    /// Signatures older than this are an alarm.
    pub old_after: Duration,
}

/// What a running operator knows of its engine.
#[derive(Debug, Default)]
pub(crate) struct State {
    setting: OnceLock<Setting>,
    /// An alarm may be open since before this process.
    working: AtomicBool,
    /// When its absence was last told.
    told: AtomicI64,
    /// When it was last asked for its version.
    asked: AtomicI64,
    /// Whether it takes our largest message: 0 not known, [`DOES_NOT_FIT`], [`FITS`].
    takes: AtomicI64,
    /// It does not tell what it reads in part.
    silent: AtomicBool,
    scanned: AtomicU64,
    infected: AtomicU64,
    failed: AtomicU64,
}

/// A message that may be kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Passed {
    /// Kinds of documents in it that nobody could read, when the policy wants them marked.
    encrypted: Vec<String>,
}

impl Passed {
    /// The fields that go before a message, with a mark when something in it could not be read.
    pub fn marked(&self, mut fields: Vec<u8>) -> Vec<u8> {
        if !self.encrypted.is_empty() {
            let kinds = self.encrypted.join(", ");
            fields.extend_from_slice(format!("X-Sceau-Unread: {kinds} (document under a password)\r\n").as_bytes());
        }
        fields
    }
    /// Says so in a trace.
    pub fn tell(&self, facts: &mut Value) {
        if !self.encrypted.is_empty() {
            facts["unread"] = json!(self.encrypted);
        }
    }
}

/// Who is counted for what is found in a message ([`crate::abuse`]).
#[derive(Debug, Clone, Copy)]
pub(crate) enum Whose<'a> {
    /// A session of ours: a person's, or a structure's server.
    Session(&'a Actor),
    /// Another operator.
    Peer(&'a Peer),
}

/// A message about to be kept.
#[derive(Debug)]
pub(crate) struct About<'a> {
    /// `in`, `out` or `filed`.
    pub way: &'static str,
    /// Our id of it.
    pub id: &'a str,
    /// Who brings it, in traces.
    pub by: By,
    /// Who brings it, for those who look for abuse.
    pub whose: Whose<'a>,
    /// Reverse path.
    pub from: Option<&'a Address>,
    /// Recipients.
    pub to: Vec<&'a Address>,
    /// BALs whose policy counts: recipients' and the sender's. The strictest one does.
    pub bals: Vec<Id>,
    /// The BAL in whose log it stands, with its address as shown.
    pub log: Option<(Id, String)>,
}

/// Why a content was not judged.
#[derive(Debug)]
enum Trouble {
    Engine(ScanError),
    Store(sceau_store::StoreError),
}

impl Operator {
    /// What the configuration says of the antivirus; once, before any door opens.
    pub fn set_antivirus(&self, setting: Setting) {
        match &setting {
            Setting::Absent => tracing::warn!("no [antivirus] in the configuration: messages are not scanned"),
            Setting::Off(why) => tracing::warn!(why, "antivirus knowingly off: messages are not scanned"),
            Setting::On(s) => tracing::info!(place = %s.engine.place(), "every message is scanned"),
        }
        // A second one would be a fault of the program; the first one stays.
        let _ = self.0.antivirus.setting.set(setting);
    }

    fn engine(&self) -> Option<&Settings> {
        match self.0.antivirus.setting.get() {
            Some(Setting::On(settings)) => Some(settings),
            _ => None,
        }
    }

    /// Is what programs add to folders read?
    pub(crate) fn scans_filed(&self) -> bool {
        self.engine().is_some_and(|s| s.append)
    }

    /// May this message be kept? `message.infected`, `message.encrypted`, `message.unread` (for good), `antivirus.unavailable` (come again).
    pub(crate) async fn pass_antivirus(&self, message: &Received, about: About<'_>) -> Result<Passed, Refusal> {
        let Some(settings) = self.engine() else { return Ok(Passed::default()) };
        let mut policy = ALLOW;
        for bal in &about.bals {
            policy = policy.max(self.limits_of(*bal).await?.encrypted_documents);
        }
        let (state, begun) = (&self.0.antivirus, std::time::Instant::now());
        let read = self.engine_reads(&settings.engine, message, policy != ALLOW).await;
        metrics::histogram!("sceau_antivirus_scan_seconds").record(begun.elapsed().as_secs_f64());
        let (verdict, seen) = match read {
            Ok(read) => read,
            Err(Trouble::Store(e)) => return Err(crate::refuse::store(&e)),
            // That it is not the engine which is too small is known: so is the document too large, and comes again as it is.
            Err(Trouble::Engine(ScanError::Exceeded(limit))) if state.takes.load(Ordering::SeqCst) == FITS => {
                self.engine_works().await;
                state.scanned.fetch_add(1, Ordering::Relaxed);
                outcome("exceeded");
                return Err(Refusal::new(RefusalCode::MessageUnread).with("cause", limit));
            }
            Err(Trouble::Engine(e)) => return Err(self.unread(settings, &e).await),
        };
        self.engine_works().await;
        state.scanned.fetch_add(1, Ordering::Relaxed);
        let mut kinds: BTreeSet<String> = seen.into_iter().map(|k| k.as_str().to_owned()).collect();
        match verdict {
            Verdict::Clean => {}
            Verdict::Infected(name) => {
                state.infected.fetch_add(1, Ordering::Relaxed);
                outcome("infected");
                return Err(self.found(message, &about, &name).await);
            }
            Verdict::Encrypted(kind) => {
                kinds.insert(kind.chars().filter(char::is_ascii_alphanumeric).take(KIND).collect());
            }
        }
        if kinds.is_empty() || policy == ALLOW {
            outcome("clean");
            return Ok(Passed::default());
        }
        let encrypted: Vec<String> = kinds.into_iter().collect();
        if policy >= REFUSE {
            outcome("encrypted_refused");
            return Err(Refusal::new(RefusalCode::MessageEncrypted).with("cause", encrypted.join(", ")));
        }
        outcome("encrypted");
        Ok(Passed { encrypted })
    }

    /// Evidence of what was found, the alarm, and the answer.
    async fn found(&self, message: &Received, about: &About<'_>, name: &str) -> Refusal {
        let mut facts = self.message_facts(about.id, about.from, &message.scan.header, message.scan.size);
        facts["to"] = about.to.iter().map(|a| self.shown(a)).collect::<Vec<_>>().into();
        facts["way"] = about.way.into();
        facts["signature"] = name.into();
        facts["digest"] = hex::encode(message.spool.digest).into();
        let log = about.log.as_ref().map(|(id, shown)| (*id, shown.as_str()));
        let refusal = Refusal::new(RefusalCode::MessageInfected).with("cause", name);
        self.trace_alone(self.fact("mail.infected", &about.by, log, refusal.code.as_str(), facts)).await;
        self.note_infected(about.whose, about.from);
        // No local part: the domain, or the certificate of whoever sent from nobody.
        let subject = about.from.map_or_else(|| about.by.name.clone(), |a| a.domain().to_string());
        self.raise_alarm("antivirus.infected", &subject, true, json!({ "name": name, "way": about.way })).await;
        refusal
    }

    /// The answer when there is no verdict, and the alarm.
    async fn unread(&self, settings: &Settings, e: &ScanError) -> Refusal {
        outcome(e.code());
        self.0.antivirus.failed.fetch_add(1, Ordering::Relaxed);
        self.tell_of_engine(settings, e).await;
        Refusal::new(RefusalCode::AntivirusUnavailable).with("cause", e.code())
    }

    async fn tell_of_engine(&self, settings: &Settings, e: &ScanError) {
        let (state, now) = (&self.0.antivirus, self.now().0);
        let host = self.0.config.hostname.clone();
        if matches!(e, ScanError::TooLarge | ScanError::Exceeded(_)) {
            // It works: for other messages.
            state.takes.store(DOES_NOT_FIT, Ordering::SeqCst);
            let ours = crate::mail::megabytes(self.largest_scanned());
            self.raise_alarm("antivirus.too_small", &host, true, json!({ "limit": ours })).await;
            return;
        }
        let was = state.working.swap(false, Ordering::SeqCst);
        let told = state.told.load(Ordering::SeqCst);
        if !was && told != 0 && (0..AGAIN).contains(&(now - told)) {
            return;
        }
        state.told.store(now, Ordering::SeqCst);
        let data = json!({ "cause": e.to_string(), "address": settings.engine.place().to_string() });
        self.raise_alarm("antivirus.down", &host, true, data).await;
    }

    /// It answered: what was said of its absence is over.
    async fn engine_works(&self) {
        if !self.0.antivirus.working.swap(true, Ordering::SeqCst) {
            self.clear_alarm("antivirus.down", &self.0.config.hostname.clone()).await;
        }
    }

    /// The largest message that the engine may be given: ours, encoded anew, with what the way adds.
    fn largest_scanned(&self) -> u64 {
        self.0.config.limits.announced_bytes().saturating_add(scan::ADDED)
    }
}

fn outcome(word: &'static str) {
    metrics::counter!("sceau_antivirus_scans_total", "outcome" => word).increment(1);
}
