//! Notices: ordinary mail without content, towards people's addresses outside the trust space.
//!
//! Promises: only the templates listed here leave, and their texts are ours (`notice.*` of the locale files), French first, English below; what a
//! template names is what [`Template::values`] lists, never content; a notice is enqueued in the transaction of the act that wants it, sealed
//! under a transit key until it has left; it is tried again until it is worth nothing any more; what the relay refuses for good, or what never left,
//! is kept as a state and raised as an alarm. Without a relay nothing is enqueued: `notice.no_relay`.
//!
//! The relay is a door's business: `sceau_smtp::notices` gives one to [`Operator::set_relay`] when the configuration names it.
mod bounces;
mod mail;
mod maintenance;
mod work;

pub(crate) use mail::is_news;
pub use mail::{NoticeChoice, NoticeView, NoticesView};
pub use maintenance::{Maintenance, MaintenanceTold};

use crate::Operator;
use crate::jobs::Kind;
use sceau_domain::{Address, Refusal, RefusalCode};
use sceau_store::notices as rows;
use sceau_store::vault::Aad;
use sceau_store::{DataKey, Id, StoreError, Tx, jobs};
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// What may be told by ordinary mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Template {
    /// A one-time link that shows that the address reaches the person.
    EmailLink,
    /// New terms of use wait to be accepted.
    NewTerms,
    /// One of the person's BALs will be closed.
    BalClosing,
    /// A regional body, or the operator, announces something to the administrators of structures.
    Announcement,
    /// A one-time link behind which the person makes a token.
    TokenLink,
    /// The address that was verified is the person's no longer.
    EmailChanged,
    /// Something unusual was done with a shared BAL for which the person is responsible (F159).
    UnusualUse,
    /// The data of such a BAL are to be attested (F159).
    Attestation,
    /// Something unusual was done with one of the person's tokens (F267).
    AbuseSeen,
    /// A person of the operator looked at it, and asks for care.
    AbuseWarning,
    /// There is new mail (F062): nothing else is said.
    NewMail,
    /// A BAL for which the person answers fills up (F069).
    NearlyFull,
    /// A planned maintenance (F064).
    Maintenance,
    /// The ordinary address of somebody of the structure is wrong (F032).
    AddressWrong,
    /// A code, behind a right password (F043).
    OneTimeCode,
    /// A means of signing in was added (F041).
    FactorAdded,
    /// A program got access to the person's mail (F229).
    NewDevice,
    /// A means of signing in was taken away.
    FactorRemoved,
    /// A one-time link behind which the person sets up means of signing in: the first ones (F007), or after a recovery.
    EnrolLink,
    /// Somebody asked, and somebody else confirmed, that the person's means be replaced.
    RecoveryAsked,
    /// They were replaced.
    RecoveryDone,
    /// Somebody signed in where the person never was, or came from where nobody comes so fast (F267).
    UnusualSignIn,
    /// Passwords are tried in the person's name (F267).
    PasswordGuessed,
    /// Whoever tries seems to have the right one (F267).
    PasswordKnown,
}

impl Template {
    /// Every template.
    pub const ALL: [Self; 24] = [
        Self::EmailLink,
        Self::NewTerms,
        Self::BalClosing,
        Self::Announcement,
        Self::TokenLink,
        Self::EmailChanged,
        Self::UnusualUse,
        Self::Attestation,
        Self::AbuseSeen,
        Self::AbuseWarning,
        Self::NewMail,
        Self::NearlyFull,
        Self::Maintenance,
        Self::AddressWrong,
        Self::OneTimeCode,
        Self::FactorAdded,
        Self::NewDevice,
        Self::FactorRemoved,
        Self::EnrolLink,
        Self::RecoveryAsked,
        Self::RecoveryDone,
        Self::UnusualSignIn,
        Self::PasswordGuessed,
        Self::PasswordKnown,
    ];
    /// Stable name; its texts are `notice.<name>.subject` and `.body`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EmailLink => "email_link",
            Self::NewTerms => "new_terms",
            Self::BalClosing => "bal_closing",
            Self::Announcement => "announcement",
            Self::TokenLink => "token_link",
            Self::EmailChanged => "email_changed",
            Self::UnusualUse => "unusual_use",
            Self::Attestation => "attestation",
            Self::AbuseSeen => "abuse_seen",
            Self::AbuseWarning => "abuse_warning",
            Self::NewMail => "new_mail",
            Self::NearlyFull => "nearly_full",
            Self::Maintenance => "maintenance",
            Self::AddressWrong => "address_wrong",
            Self::OneTimeCode => "one_time_code",
            Self::FactorAdded => "factor_added",
            Self::NewDevice => "new_device",
            Self::FactorRemoved => "factor_removed",
            Self::EnrolLink => "enrol_link",
            Self::RecoveryAsked => "recovery_asked",
            Self::RecoveryDone => "recovery_done",
            Self::UnusualSignIn => "unusual_sign_in",
            Self::PasswordGuessed => "password_guessed",
            Self::PasswordKnown => "password_known",
        }
    }
    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.as_str() == name)
    }
    /// What its texts may name besides `operator`.
    fn values(self) -> &'static [&'static str] {
        match self {
            Self::EmailLink | Self::TokenLink | Self::EnrolLink => &["link", "hours"],
            Self::OneTimeCode => &["code", "minutes"],
            Self::RecoveryAsked => &["link", "date"],
            Self::NewTerms => &["link", "date"],
            Self::BalClosing
            | Self::UnusualUse
            | Self::AbuseSeen
            | Self::AbuseWarning
            | Self::FactorAdded
            | Self::NewDevice
            | Self::FactorRemoved
            | Self::RecoveryDone
            | Self::UnusualSignIn
            | Self::PasswordGuessed
            | Self::PasswordKnown => &["date"],
            Self::Announcement => &["from"],
            Self::NearlyFull => &["share"],
            Self::Maintenance => &["starts", "ends"],
            Self::EmailChanged | Self::Attestation | Self::NewMail | Self::AddressWrong => &[],
        }
    }
    /// For how long it is worth sending.
    fn worth(self) -> Duration {
        const HOUR: u64 = 3600;
        Duration::from_secs(match self {
            Self::OneTimeCode => HOUR / 6,
            Self::EmailLink | Self::TokenLink | Self::EnrolLink | Self::NewMail => 24 * HOUR,
            Self::NewTerms
            | Self::BalClosing
            | Self::Announcement
            | Self::EmailChanged
            | Self::UnusualUse
            | Self::AbuseSeen
            | Self::AbuseWarning
            | Self::NearlyFull
            | Self::Maintenance
            | Self::AddressWrong
            | Self::FactorAdded
            | Self::NewDevice
            | Self::FactorRemoved
            | Self::RecoveryAsked
            | Self::RecoveryDone
            | Self::UnusualSignIn
            | Self::PasswordGuessed
            | Self::PasswordKnown
            | Self::Attestation => 72 * HOUR,
        })
    }
}

/// What the operator decides about notices, absences and tests.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where notices come back to: an ordinary address, whose local part is completed by a keyed tag. None: bounces are not read here.
    pub bounces: Option<Address>,
    /// Working days after which a BAL may be closed because its holder's address is wrong (F032).
    pub wrong_address_days: u32,
    /// Are patients who write answered by absences too?
    pub absence_to_patients: bool,
    /// Whom the test responder answers (F217).
    pub test_responder: sceau_domain::tell::Answers,
}

impl Default for Settings {
    fn default() -> Self {
        Self { bounces: None, wrong_address_days: 10, absence_to_patients: true, test_responder: Default::default() }
    }
}

/// Why a relay did not take a message; a status such as `550 5.1.1`, never a text that may name somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotTaken {
    /// It may be taken later.
    Later(String),
    /// It never will be.
    Never(String),
}

/// Takes ordinary mail.
pub trait Relay: Send + Sync + std::fmt::Debug {
    /// The address that it comes from.
    fn from(&self) -> &Address;
    /// Hands one message over. `back`: its reverse path.
    fn send<'a>(
        &'a self,
        back: &'a Address,
        to: &'a Address,
        message: &'a [u8],
    ) -> Pin<Box<dyn Future<Output = Result<(), NotTaken>> + Send + 'a>>;
}

/// Where a notice goes and what it names, as sealed.
#[derive(Serialize, Deserialize)]
struct Said {
    to: String,
    values: Vec<(String, String)>,
}

/// What notices are sealed with: got once for the notices of many people, and good for as long as the act that writes them takes.
#[derive(Debug, Clone)]
pub(crate) struct Letterhead(i64, DataKey);

/// A notice to be written in the transaction of the act that wants it. After the commit: [`Operator::wake_jobs`].
#[derive(Debug, Clone)]
pub(crate) struct Notice(rows::Notice, jobs::NewJob);

impl Notice {
    /// Writes it.
    pub fn write(&self, tx: &mut dyn Tx) -> Result<(), StoreError> {
        rows::insert(tx, &self.0)?;
        jobs::enqueue(tx, &self.1)
    }
}

fn aad(epoch: i64, id: Id) -> Aad<'static> {
    crate::queue::aad(epoch, id, "notice")
}

impl Operator {
    /// Ordinary mail goes through this from now on. Once; later ones change nothing.
    pub fn set_relay(&self, relay: std::sync::Arc<dyn Relay>) {
        let _ = self.0.relay.set(relay);
    }

    /// Is there a relay for ordinary mail?
    pub(crate) fn has_relay(&self) -> bool {
        self.0.relay.get().is_some()
    }

    /// A notice for this person at this address. `notice.no_relay`. Values that the template does not name are left out.
    pub(crate) async fn notice(
        &self,
        template: Template,
        person: Id,
        to: &Address,
        values: &[(&'static str, &str)],
    ) -> Result<Notice, Refusal> {
        self.notice_under(&self.letterhead().await?, template, person, to, values)
    }

    /// What notices are sealed with at this moment. `notice.no_relay`.
    pub(crate) async fn letterhead(&self) -> Result<Letterhead, Refusal> {
        if !self.has_relay() {
            return Err(RefusalCode::NoticeNoRelay.into());
        }
        let (epoch, key) = self.0.store.vault().transit_key().await.map_err(|e| crate::refuse::store(&e))?;
        Ok(Letterhead(epoch, key))
    }

    /// [`Self::notice`] without a wait.
    pub(crate) fn notice_under(
        &self,
        head: &Letterhead,
        template: Template,
        person: Id,
        to: &Address,
        values: &[(&'static str, &str)],
    ) -> Result<Notice, Refusal> {
        let Letterhead(epoch, key) = head;
        let (epoch, failed) = (*epoch, |e: StoreError| crate::refuse::store(&e));
        let named = values.iter().filter(|(name, _)| template.values().contains(name));
        let said = Said {
            to: to.to_string(),
            values: named.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        };
        let said = serde_json::to_vec(&said).map_err(|e| failed(StoreError::Other(e.to_string())))?;
        let id = self.0.store.new_id();
        let (now, worth) = (self.now(), i64::try_from(template.worth().as_millis()).unwrap_or(i64::MAX));
        let row = rows::Notice {
            id,
            person_id: person,
            template: template.as_str().into(),
            epoch,
            sealed: Some(key.seal(aad(epoch, id), &said).map_err(failed)?),
            state: "waiting".into(),
            code: None,
            created: now.0,
            expires: now.plus_ms(worth).0,
            settled: None,
        };
        Ok(Notice(row, self.job(Kind::Notice, id.to_string(), Vec::new(), Duration::ZERO)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sceau_domain::{Lang, text::template};

    /// A text names nothing but what its template lists, so nothing else can leave.
    #[test]
    fn texts_name_only_what_is_listed() {
        for t in Template::ALL {
            assert_eq!(Template::named(t.as_str()), Some(t));
            for (lang, part) in Lang::ALL.into_iter().flat_map(|l| [(l, "subject"), (l, "body")]) {
                let key = format!("notice.{}.{part}", t.as_str());
                let text = template(lang, &key).unwrap_or_else(|| panic!("{key}"));
                let named = text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
                for name in named {
                    assert!(name == "operator" || t.values().contains(&name), "{key} names {name}");
                }
            }
        }
    }
}
