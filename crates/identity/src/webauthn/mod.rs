//! Passkeys: the relying party of WebAuthn Level 3, §7.1 (registration) and §7.2 (authentication), each step in order (F041, F045).
//!
//! What is asked is fixed: a discoverable credential, the user verified (PIN, finger or face: [`crate::factor`] counts a passkey as two classes), no
//! attestation. So attestation is `none`, or `packed` made by the credential itself, which browsers may leave in place (§5.1.3); everything else is
//! refused, as nobody here could judge it.
//!
//! Pure: challenges are passed in. **The caller** spends each challenge once (before it looks at the answer), lets it live for minutes, ties it to one
//! browser, finds the row of a credential, refuses a credential id that somebody holds already, and writes the new counter in one statement.
//!
//! Step numbers are those of the published Level 3; drafts number otherwise.
#[cfg(test)]
mod attacks;
pub mod cbor;
mod client;
pub mod cose;
pub mod data;
#[cfg(test)]
mod tests;

pub use client::MAX_ANSWER;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use client::{Ceremony, Created, Got};
use cose::Key;
use data::{Attestation, AuthenticatorData};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;
use thiserror::Error;

/// How long a browser waits for the person, milliseconds (§15.1 recommends 300,000).
pub const TIMEOUT_MS: u32 = 300_000;

/// Why an answer proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WebauthnError {
    /// It cannot be read, or is over a budget.
    #[error("the answer cannot be read")]
    Malformed,
    /// It is of the other ceremony.
    #[error("the answer belongs to another ceremony")]
    Type,
    /// It answers another challenge.
    #[error("the answer belongs to another challenge")]
    Challenge,
    /// It was made on another site.
    #[error("the answer was made on another site")]
    Origin,
    /// It was made in a frame of another site's page.
    #[error("the answer was made inside another site's page")]
    CrossOrigin,
    /// The authenticator made it for another relying party.
    #[error("the credential belongs to another site")]
    Party,
    /// Nobody was there.
    #[error("nobody was present")]
    NotPresent,
    /// The authenticator did not verify who was there.
    #[error("the authenticator did not verify the person")]
    NotVerified,
    /// An algorithm that was not asked for.
    #[error("an algorithm that is not accepted")]
    Algorithm,
    /// No usable public key.
    #[error("the public key is not usable")]
    Key,
    /// The signature is not the credential's.
    #[error("the signature is not that of the credential")]
    Signature,
    /// The counter did not go on: two copies of the key may exist.
    #[error("the signature counter went back")]
    Count,
    /// Backup flags contradict each other, or what was registered.
    #[error("the backup flags contradict each other")]
    Backup,
    /// A credential that is copied between devices, which the operator does not accept.
    #[error("credentials that are copied between devices are not accepted")]
    Synced,
    /// An attestation that is not accepted, or not valid.
    #[error("the attestation is not accepted")]
    Attestation,
    /// Not one of the credentials asked for, or of another account.
    #[error("not a credential of this account")]
    Credential,
}

impl WebauthnError {
    /// A stable name, for traces.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "webauthn.malformed",
            Self::Type => "webauthn.type",
            Self::Challenge => "webauthn.challenge",
            Self::Origin => "webauthn.origin",
            Self::CrossOrigin => "webauthn.cross_origin",
            Self::Party => "webauthn.party",
            Self::NotPresent => "webauthn.not_present",
            Self::NotVerified => "webauthn.not_verified",
            Self::Algorithm => "webauthn.algorithm",
            Self::Key => "webauthn.key",
            Self::Signature => "webauthn.signature",
            Self::Count => "webauthn.count",
            Self::Backup => "webauthn.backup",
            Self::Synced => "webauthn.synced",
            Self::Attestation => "webauthn.attestation",
            Self::Credential => "webauthn.credential",
        }
    }
}

/// We, as browsers and authenticators know us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// The RP ID: a host name, e.g. `mail.exemple.fr`.
    pub id: String,
    /// Origins whose pages may use it, each as browsers write it, e.g. `https://mail.exemple.fr`; compared octet by octet.
    pub origins: Vec<String>,
    /// What the browser's dialog shows.
    pub name: String,
    /// Whether credentials that are copied between devices (BE) may be registered.
    pub synced: bool,
}

/// For whom a credential is made.
#[derive(Debug, Clone, Copy)]
pub struct User<'a> {
    /// The user handle: random, kept, says nothing (§14.6.1).
    pub handle: &'a [u8; 32],
    /// The login.
    pub login: &'a str,
    /// The name that people read.
    pub name: &'a str,
}

/// Whether a credential may be, and is, copied to other devices (§6.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backup {
    /// BE. Never changes.
    pub eligible: bool,
    /// BS. Comes and goes.
    pub state: bool,
}

/// A credential, as it is kept (§4, *credential record*; `type` is always `public-key`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Its id, 16 to 1,023 octets.
    pub credential: Vec<u8>,
    /// Its public key, COSE.
    pub key: Vec<u8>,
    /// The COSE algorithm of that key.
    pub alg: i32,
    /// The signature counter last seen.
    pub count: u32,
    /// The authenticator's model; zeros where the browser hid it. Not attested: a word, no proof.
    pub aaguid: [u8; 16],
    /// Backup flags last seen.
    pub backup: Backup,
    /// How the authenticator says it is reached, e.g. `internal`, `usb`; at most 8.
    pub transports: Vec<String>,
    /// The attestation format: `none` or `packed`.
    pub fmt: String,
}

/// What an answer says of itself before anything is verified: it chooses which row to load, and proves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The id of the credential.
    pub credential: Vec<u8>,
    /// The user handle.
    pub handle: Option<Vec<u8>>,
}

/// What was asked, and who holds the credential that answers.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The challenge, already spent by the caller.
    pub challenge: &'a [u8; 32],
    /// The credentials named in [`request`]; empty: any discoverable one.
    pub allow: &'a [Vec<u8>],
    /// The handle of the account that holds the credential loaded.
    pub handle: &'a [u8],
    /// Whether that account was known before the ceremony (step-up, second factor). Otherwise the answer must name it.
    pub identified: bool,
}

/// A credential that proved itself. The counter and the backup state are to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asserted {
    /// Its id.
    pub credential: Vec<u8>,
    /// The user handle in the answer: absent, or that of the account.
    pub handle: Option<Vec<u8>>,
    /// The new counter.
    pub count: u32,
    /// The backup flags now.
    pub backup: Backup,
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

fn b64(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn named(credentials: &[Vec<u8>]) -> Vec<Value> {
    credentials.iter().map(|id| json!({"type": "public-key", "id": b64(id)})).collect()
}

/// §7.1 step 1: what a page gives to `PublicKeyCredential.parseCreationOptionsFromJSON` (§5.1.8). `exclude`: the credentials that the person has.
pub fn creation(party: &Party, user: &User<'_>, challenge: &[u8; 32], exclude: &[Vec<u8>]) -> Value {
    let algorithms: Vec<Value> = cose::ACCEPTED.iter().map(|alg| json!({"type": "public-key", "alg": alg})).collect();
    json!({
        "rp": {"id": party.id, "name": party.name},
        "user": {"id": b64(user.handle), "name": user.login, "displayName": user.name},
        "challenge": b64(challenge),
        "pubKeyCredParams": algorithms,
        "timeout": TIMEOUT_MS,
        "excludeCredentials": named(exclude),
        // `requireResidentKey` is for browsers of Level 1.
        "authenticatorSelection": {"residentKey": "required", "requireResidentKey": true, "userVerification": "required"},
        "attestation": "none",
    })
}

/// §7.2 step 1: what a page gives to `PublicKeyCredential.parseRequestOptionsFromJSON`. `allow` is empty when nobody is known yet.
pub fn request(party: &Party, challenge: &[u8; 32], allow: &[Vec<u8>]) -> Value {
    json!({
        "rpId": party.id,
        "challenge": b64(challenge),
        "timeout": TIMEOUT_MS,
        "allowCredentials": named(allow),
        "userVerification": "required",
    })
}

/// What is demanded. Constant in use; the vectors of W3C are of authenticators that did not verify anybody, or attested.
#[derive(Clone, Copy)]
struct Rules {
    verified: bool,
    attestation: bool,
}

const RULES: Rules = Rules { verified: true, attestation: true };

/// §7.1: judges the answer to [`creation`], at most [`MAX_ANSWER`] octets of `RegistrationResponseJSON`.
///
/// The caller still has to refuse an id that is registered already, for anybody (step 26).
pub fn register(party: &Party, challenge: &[u8; 32], answer: &[u8]) -> Result<Registered, WebauthnError> {
    register_by(party, challenge, answer, RULES)
}

fn register_by(party: &Party, challenge: &[u8], answer: &[u8], rules: Rules) -> Result<Registered, WebauthnError> {
    // Steps 1 and 2 happened in `creation` and in the browser. Step 3: the response must be that of a registration: an assertion lacks its members.
    let created = Created::read(answer)?;
    // Step 4: client extension outputs are not read, see step 28.
    // Steps 5 to 11: type, challenge, origin, crossOrigin, topOrigin.
    client::check(&created.client_data, Ceremony::Create, challenge, party)?;
    // Step 12.
    let hash = sha256(&created.client_data);
    // Step 13.
    let object = Attestation::read(&created.attestation)?;
    let data = AuthenticatorData::read(object.data)?;
    // Step 14 (and the appidExclude extension is not used). Steps 15 (never conditional: somebody must be there), 16 and 17.
    ceremony(party, &data, rules)?;
    // Step 18: backup eligibility is a policy of the operator. Step 19: the state informs nothing here; it is kept and shown.
    let flags = data.flags;
    if flags.eligible() && !party.synced {
        return Err(WebauthnError::Synced);
    }
    // Step 20: reading the key refused every algorithm that `creation` does not offer.
    let new = data.attested.ok_or(WebauthnError::Malformed)?;
    // What the page says and what the authenticator says are one credential (§5.1: rawId).
    if new.credential != created.credential {
        return Err(WebauthnError::Credential);
    }
    // Steps 21 to 24: format, statement; no trust anchors are needed, as `none` and self attestation are acceptable by policy and nothing else is.
    if rules.attestation {
        attested(&object, &new.key, &hash)?;
    }
    // Step 25: at most 1,023 octets, refused while reading. Step 26: the caller's. Step 27: the record, whose `uvInitialized` is always true here.
    Ok(Registered {
        credential: new.credential.to_vec(),
        key: new.cose.to_vec(),
        alg: new.key.algorithm(),
        count: data.count,
        aaguid: new.aaguid,
        backup: Backup { eligible: flags.eligible(), state: flags.backed_up() },
        transports: created.transports,
        fmt: object.format.to_owned(),
    })
    // Step 28: no extension is asked for; unsolicited ones (browsers add credProtect) are ignored, as the step allows. Step 29: done.
}

/// The checks of authenticator data that both ceremonies share: §7.1 steps 14 to 17, §7.2 steps 15 to 18.
fn ceremony(party: &Party, data: &AuthenticatorData<'_>, rules: Rules) -> Result<(), WebauthnError> {
    if !bool::from(data.party.ct_eq(&sha256(party.id.as_bytes()))) {
        return Err(WebauthnError::Party);
    }
    if !data.flags.present() {
        return Err(WebauthnError::NotPresent);
    }
    if rules.verified && !data.flags.verified() {
        return Err(WebauthnError::NotVerified);
    }
    if data.flags.backed_up() && !data.flags.eligible() {
        return Err(WebauthnError::Backup);
    }
    Ok(())
}

/// §8.7 (`none`: an empty statement) and §8.2 (`packed`, self attestation: `alg` is the key's, `sig` is made with it, no `x5c`).
fn attested(object: &Attestation<'_>, key: &Key, hash: &[u8; 32]) -> Result<(), WebauthnError> {
    let pairs = object.statement.pairs().ok_or(WebauthnError::Malformed)?;
    match object.format {
        "none" if pairs.is_empty() => Ok(()),
        "packed" if pairs.len() == 2 => {
            let alg = object.statement.get("alg").and_then(cbor::Value::int).ok_or(WebauthnError::Attestation)?;
            let sig = object.statement.get("sig").and_then(cbor::Value::bytes).ok_or(WebauthnError::Attestation)?;
            if alg != i64::from(key.algorithm()) || !key.verifies(&[object.data, hash].concat(), sig) {
                return Err(WebauthnError::Attestation);
            }
            Ok(())
        }
        _ => Err(WebauthnError::Attestation),
    }
}

/// Which credential answers [`request`], and whose it claims to be: to load its row. Nothing is verified.
pub fn peek(answer: &[u8]) -> Result<Claimed, WebauthnError> {
    let got = Got::read(answer)?;
    Ok(Claimed { credential: got.credential, handle: got.handle })
}

/// §7.2: judges the answer to [`request`], at most [`MAX_ANSWER`] octets of `AuthenticationResponseJSON`, by the credential that is kept.
///
/// [`WebauthnError::Count`] comes only behind a good signature: it is worth an alarm.
pub fn assert(
    party: &Party,
    expected: &Expected<'_>,
    known: &Registered,
    answer: &[u8],
) -> Result<Asserted, WebauthnError> {
    assert_by(party, expected.challenge, expected, known, answer, RULES)
}

fn assert_by(
    party: &Party,
    challenge: &[u8],
    expected: &Expected<'_>,
    known: &Registered,
    answer: &[u8],
    rules: Rules,
) -> Result<Asserted, WebauthnError> {
    // Steps 1 and 2 happened in `request` and in the browser. Step 3: a registration lacks the members of an assertion. Step 4: see step 24.
    let got = Got::read(answer)?;
    // Step 5.
    if !expected.allow.is_empty() && !expected.allow.contains(&got.credential) {
        return Err(WebauthnError::Credential);
    }
    // Step 6: the record is that of the credential, and of the account: known before, or named by the authenticator.
    let owner = match &got.handle {
        Some(handle) => bool::from(handle.as_slice().ct_eq(expected.handle)),
        None => expected.identified,
    };
    if !owner || got.credential != known.credential {
        return Err(WebauthnError::Credential);
    }
    // Steps 7 to 14: type, challenge, origin, crossOrigin, topOrigin.
    client::check(&got.client_data, Ceremony::Get, challenge, party)?;
    let data = AuthenticatorData::read(&got.data)?;
    // §6.1: credential data belong to registrations alone.
    if data.attested.is_some() {
        return Err(WebauthnError::Malformed);
    }
    // Steps 15 (the appid extension is not used) to 18.
    ceremony(party, &data, rules)?;
    // Step 19: eligibility never changes; the state is kept, no policy hangs on it.
    let backup = Backup { eligible: data.flags.eligible(), state: data.flags.backed_up() };
    if backup.eligible != known.backup.eligible {
        return Err(WebauthnError::Backup);
    }
    // Step 20.
    let hash = sha256(&got.client_data);
    // Step 21. The algorithm is that of the key kept: the answer has no say.
    let key = Key::whole(&known.key)?;
    if key.algorithm() != known.alg {
        return Err(WebauthnError::Key);
    }
    if !key.verifies(&[got.data.as_slice(), &hash].concat(), &got.signature) {
        return Err(WebauthnError::Signature);
    }
    // Step 22: we fail. Synced passkeys have no counter (always 0), so this says something of hardware only.
    if (data.count != 0 || known.count != 0) && data.count <= known.count {
        return Err(WebauthnError::Count);
    }
    // Step 23 is the caller's: counter and backup state. Step 24: unsolicited extensions are ignored. Step 25: done.
    Ok(Asserted { credential: got.credential, handle: got.handle, count: data.count, backup })
}
