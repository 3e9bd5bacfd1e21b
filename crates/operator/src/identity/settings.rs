//! What is configured of proofs of identity: `[identity]`. The program reads the section as it stands here; files that it names are read by the
//! program, which fills what `serde` skips.
use sceau_domain::Timestamp;
use sceau_identity::card::Profile;
use sceau_identity::factor::{Lacking, Need, Proof, meets};
use sceau_identity::national::IdKind;
use sceau_identity::password::{Cost, SHORTEST};
use sceau_identity::session::Limits;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use zeroize::Zeroizing;

/// `[identity]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How long a browser's session lasts, whatever it does, minutes.
    pub session_minutes: u32,
    /// How long without any request, minutes.
    pub idle_minutes: u32,
    /// How long a proof is fresh, minutes.
    pub fresh_minutes: u32,
    /// Pro Santé Connect opens a personal BAL as the card does (unverified: S003 says "équivalent agréé").
    pub psc_opens_bal: bool,
    /// What becomes of a professional whom nobody entered, and whom the register knows.
    pub liberal_opening: LiberalOpening,
    /// Tokens for REST are believed, and make others, only with something strong behind them: a proof, the machine itself, or a token that has.
    pub api_tokens_need_strong: bool,
    /// How long the replacement of lost means waits for an objection, hours.
    pub recovery_hours: u32,
    /// How long a mail session goes on after the provider's token that opened it, hours.
    pub mail_session_hours: u32,
    /// Professionals' cards at the browser door; none: no sign-in by card there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<CardSettings>,
    /// Pro Santé Connect; none: no sign-in by it, and none of its tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub psc: Option<PscSettings>,
    /// Passkeys.
    pub passkeys: PasskeySettings,
    /// Passwords.
    pub password: PasswordSettings,
    /// Codes by ordinary mail.
    pub codes: CodeSettings,
    /// Our own authorization server.
    pub oauth: OauthSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            session_minutes: 240,
            idle_minutes: 30,
            fresh_minutes: 10,
            psc_opens_bal: true,
            liberal_opening: LiberalOpening::Ask,
            api_tokens_need_strong: false,
            recovery_hours: 24,
            mail_session_hours: 12,
            card: None,
            psc: None,
            passkeys: PasskeySettings::default(),
            password: PasswordSettings::default(),
            codes: CodeSettings::default(),
            oauth: OauthSettings::default(),
        }
    }
}

impl Settings {
    /// How long a browser's session lives.
    pub fn limits(&self) -> Limits {
        let ms = |minutes: u32| i64::from(minutes) * 60_000;
        Limits { idle_ms: ms(self.idle_minutes), whole_ms: ms(self.session_minutes), fresh_ms: ms(self.fresh_minutes) }
    }
    /// Does the proof do for what an act needs, now?
    pub(crate) fn meets(&self, proof: &Proof, need: Need, now: Timestamp) -> Result<(), Lacking> {
        meets(proof, need, now, self.limits().fresh_ms)
    }
    /// What cannot be: the key, its value and what is possible, as the configuration's error shows it.
    pub fn wrong(&self) -> Option<(String, String)> {
        let no = |key: &str, value: &dyn ToString| Some((key.to_owned(), value.to_string()));
        let https = |url: &str| url.starts_with("https://") && !url.ends_with('/');
        if !(5..=1440).contains(&self.session_minutes) {
            return no("session_minutes (5..1440)", &self.session_minutes);
        }
        if !(1..=self.session_minutes).contains(&self.idle_minutes) {
            return no("idle_minutes (1..session_minutes)", &self.idle_minutes);
        }
        if !(1..=60).contains(&self.fresh_minutes) {
            return no("fresh_minutes (1..60)", &self.fresh_minutes);
        }
        if !(4..=168).contains(&self.recovery_hours) {
            return no("recovery_hours (4..168)", &self.recovery_hours);
        }
        if !(1..=168).contains(&self.mail_session_hours) {
            return no("mail_session_hours (1..168)", &self.mail_session_hours);
        }
        if !(1..=10).contains(&self.codes.minutes) {
            return no("codes.minutes (1..10)", &self.codes.minutes);
        }
        if !self.password.cost().is_valid() {
            return no("password.kib, passes, lanes", &self.password.kib);
        }
        if !(8..=64).contains(&self.password.length) {
            return no("password.length (8..64)", &self.password.length);
        }
        if !(1..=64).contains(&self.password.seats) {
            return no("password.seats (1..64)", &self.password.seats);
        }
        if let Some(card) = self.card.as_ref().filter(|c| !https(&c.url)) {
            return no("card.url (https://…)", &card.url);
        }
        if let Some(wrong) = self.psc.as_ref().and_then(PscSettings::wrong) {
            return Some(wrong);
        }
        if let Some(origin) = self.passkeys.origins.iter().find(|o| !https(o)) {
            return no("passkeys.origins (https://…)", origin);
        }
        None
    }
    /// Every path in the section, so that it is made absolute.
    pub fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.psc.iter_mut().flat_map(|p| {
            let pair = p.certificate.iter_mut().flat_map(|c| [&mut c.cert, &mut c.key]);
            p.client_secret_file.iter_mut().chain(p.key.iter_mut()).chain(pair)
        })
    }
}

/// What becomes of a professional whom nobody entered, and whom the register knows (F006).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LiberalOpening {
    /// He opens his BAL himself.
    Own,
    /// His request waits for the operator.
    Ask,
    /// He is told that nobody knows him.
    Closed,
}

/// `[identity.card]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardSettings {
    /// Where browsers find the door that asks for a card: `https://…`, without a final `/`.
    pub url: String,
    /// Offer TLS 1.3: RSA cards cannot sign what it asks.
    #[serde(default)]
    pub tls13: bool,
    /// Offer RSA-PSS, which RSA cards cannot sign.
    #[serde(default)]
    pub pss: bool,
    /// Where the number stands on a card.
    #[serde(default = "known_profiles")]
    pub profiles: Vec<CardProfile>,
}

/// `[[identity.card.profiles]]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardProfile {
    /// Type of the attribute, `CN`.
    pub attribute: String,
    /// What precedes the number, `8`.
    pub prefix: String,
    /// What the number is.
    pub kind: CardNumber,
}

/// What the number on a card is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CardNumber {
    /// Eleven digits.
    Rpps,
    /// Nine characters.
    Adeli,
}

impl CardSettings {
    /// As cards are read.
    pub fn profiles(&self) -> Vec<Profile> {
        self.profiles.iter().map(CardProfile::known).collect()
    }
}

impl CardProfile {
    fn known(&self) -> Profile {
        let kind = match self.kind {
            CardNumber::Rpps => IdKind::Rpps,
            CardNumber::Adeli => IdKind::Adeli,
        };
        Profile { attribute: self.attribute.clone(), prefix: self.prefix.clone(), kind }
    }
}

fn known_profiles() -> Vec<CardProfile> {
    let kind = |k| if k == IdKind::Rpps { CardNumber::Rpps } else { CardNumber::Adeli };
    let of = |p: Profile| CardProfile { attribute: p.attribute, prefix: p.prefix, kind: kind(p.kind) };
    Profile::known().into_iter().map(of).collect()
}

/// `[identity.psc]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PscSettings {
    /// The issuer, as its tokens name it: `https://…`.
    pub issuer: String,
    /// Where it describes itself; `/.well-known/wallet-openid-configuration` below the issuer when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discovery: Option<String>,
    /// Who we are there.
    pub client_id: String,
    /// A file with the secret that was agreed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret_file: Option<PathBuf>,
    /// Or a private key, PEM, that signs who we are (`private_key_jwt`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// The certificate that we show there (mutual TLS).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Pair>,
    /// Hosts at which its addresses may be beside its own: `host` or `host:port`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// What is asked for.
    #[serde(default = "scope")]
    pub scope: String,
    /// Levels of authentication that do.
    #[serde(default = "acr")]
    pub acr: Vec<String>,
    /// Programs whose tokens open mail, by their `client_id`; `"any"`: every one (unverified).
    #[serde(default)]
    pub clients: Clients,
    /// What the claim `typ` of an access token may be (unverified in the token itself).
    #[serde(default = "access_types")]
    pub access_types: Vec<String>,
    /// Claims that may hold the national identifier.
    #[serde(default = "national_claims")]
    pub national_claims: Vec<String>,
    /// When the provider is asked about a token.
    #[serde(default)]
    pub introspection: Introspection,
    /// For how long keys are believed, minutes.
    #[serde(default = "keys_minutes")]
    pub keys_minutes: u32,
    /// For how long the last known keys serve while the provider is away, hours.
    #[serde(default = "keys_keep_hours")]
    pub keys_keep_hours: u32,
    /// Sign-in without leaving our pages: the provider rings the telephone (unverified in production).
    #[serde(default)]
    pub ciba: bool,
    /// How a fresh proof is asked for.
    #[serde(default)]
    pub step_up: StepUp,
    /// The secret of [`PscSettings::client_secret_file`], read when the program starts.
    #[serde(skip)]
    pub secret: Option<Zeroizing<String>>,
    /// The PEM of [`PscSettings::key`], likewise.
    #[serde(skip)]
    pub key_pem: Option<Zeroizing<String>>,
    /// What [`PscSettings::certificate`] names, likewise.
    #[serde(skip)]
    pub identity: Option<sceau_trust::Identity>,
}

impl PscSettings {
    /// What cannot be, as [`Settings::wrong`].
    fn wrong(&self) -> Option<(String, String)> {
        let no = |key: &str, value: &dyn ToString| Some((key.to_owned(), value.to_string()));
        if !self.issuer.starts_with("https://") || self.issuer.ends_with('/') {
            return no("psc.issuer (https://…)", &self.issuer);
        }
        if let Some(discovery) = self.discovery.as_ref().filter(|d| !d.starts_with("https://")) {
            return no("psc.discovery (https://…)", discovery);
        }
        // A secret and a key would be two answers to who we are; without either our certificate has to say it.
        match (self.client_secret_file.is_some(), self.key.is_some(), self.certificate.is_some()) {
            (true, true, _) => return no("psc.client_secret_file, psc.key (one of them)", &"2"),
            (false, false, false) => return no("psc.client_secret_file, psc.key, psc.certificate (one of them)", &"0"),
            _ => {}
        }
        if !(1..=1440).contains(&self.keys_minutes) {
            return no("psc.keys_minutes (1..1440)", &self.keys_minutes);
        }
        if self.keys_keep_hours > 168 {
            return no("psc.keys_keep_hours (0..168)", &self.keys_keep_hours);
        }
        None
    }
}

/// A certificate chain and its private key, PEM files.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// Chain, leaf first.
    pub cert: PathBuf,
    /// Key.
    pub key: PathBuf,
}

/// Programs whose tokens open mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Clients {
    /// Every one.
    Any(Any),
    /// These.
    These(Vec<String>),
}

/// The word `"any"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Any {
    /// Every one.
    Any,
}

impl Default for Clients {
    fn default() -> Self {
        Self::These(Vec::new())
    }
}

/// When the provider is asked about a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Introspection {
    /// Never.
    Never,
    /// When the token itself lacks something.
    #[default]
    Missing,
    /// For each token.
    Always,
}

/// How a fresh proof is asked of Pro Santé Connect (unverified which one it honours).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepUp {
    /// `prompt=login`.
    #[default]
    Prompt,
    /// `max_age=0`.
    MaxAge,
    /// Not at all: a fresh proof is then another means.
    None,
}

fn scope() -> String {
    "openid scope_all".into()
}
fn acr() -> Vec<String> {
    vec!["eidas1".into()]
}
fn access_types() -> Vec<String> {
    vec!["Bearer".into()]
}
fn national_claims() -> Vec<String> {
    vec!["SubjectNameID".into(), "preferred_username".into()]
}
fn keys_minutes() -> u32 {
    60
}
fn keys_keep_hours() -> u32 {
    24
}

/// `[identity.passkeys]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PasskeySettings {
    /// Relying party: a domain; the host of `public_url` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rp_id: Option<String>,
    /// Take passkeys that leave their device (a provider's cloud); unverified whether the health authorities admit them.
    pub synced: bool,
    /// Other origins that count as ours.
    pub origins: Vec<String>,
}

impl Default for PasskeySettings {
    fn default() -> Self {
        Self { rp_id: None, synced: true, origins: Vec::new() }
    }
}

/// `[identity.password]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PasswordSettings {
    /// Memory of one computation, KiB.
    pub kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
    /// Computations at once.
    pub seats: u32,
    /// Fewest characters.
    pub length: u32,
    /// What to do without an imported list of compromised passwords.
    pub breached: Breached,
}

impl Default for PasswordSettings {
    fn default() -> Self {
        let Cost { kib, passes, lanes } = Cost::LEAST;
        let length = u32::try_from(SHORTEST).unwrap_or(u32::MAX);
        Self { kib, passes, lanes, seats: 2, length, breached: Breached::Warn }
    }
}

impl PasswordSettings {
    /// What a hash costs.
    pub fn cost(&self) -> Cost {
        Cost { kib: self.kib, passes: self.passes, lanes: self.lanes }
    }
}

/// What to do without an imported list of compromised passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Breached {
    /// Raise an alarm.
    Warn,
    /// Take no password.
    Require,
    /// Nothing: lists are not wanted.
    Off,
}

/// `[identity.codes]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CodeSettings {
    /// For how long a code by mail is good, minutes; ten at most (F043).
    pub minutes: u32,
}

impl Default for CodeSettings {
    fn default() -> Self {
        Self { minutes: 10 }
    }
}

/// `[identity.oauth]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OauthSettings {
    /// Is there an authorization server?
    pub enabled: bool,
    /// Life of an access token, minutes.
    pub access_minutes: u32,
    /// Life of a refresh token that is not used, days.
    pub refresh_days: u32,
    /// For how long a refresh token may be shown again: its answer may have been lost. Seconds.
    pub refresh_grace_seconds: u32,
    /// May programs register themselves?
    pub registration: bool,
}

impl Default for OauthSettings {
    fn default() -> Self {
        Self { enabled: true, access_minutes: 60, refresh_days: 90, refresh_grace_seconds: 10, registration: false }
    }
}
