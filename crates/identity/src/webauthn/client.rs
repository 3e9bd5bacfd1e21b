//! What the browser collected (`CollectedClientData`, WebAuthn L3 §5.8.1) and the JSON that a page sends (§5.1, `RegistrationResponseJSON` and
//! `AuthenticationResponseJSON`).
use super::{Party, WebauthnError};
use crate::json;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use subtle::ConstantTimeEq;

/// Longest answer of a page, octets of JSON.
pub const MAX_ANSWER: usize = 16 * 1024;

/// Which ceremony an answer is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ceremony {
    /// A registration.
    Create,
    /// An authentication.
    Get,
}

/// Members that matter; others may come in later versions (§5.8.1: parsers must not compare with a template).
#[derive(Deserialize)]
struct Collected {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default, rename = "crossOrigin")]
    cross_origin: bool,
    #[serde(default, rename = "topOrigin")]
    top_origin: Option<String>,
}

/// Steps 5 to 11 of §7.1, 8 to 14 of §7.2: the client data are of this ceremony, this challenge, one of our origins, and of no frame in another's page.
pub fn check(json: &[u8], ceremony: Ceremony, challenge: &[u8], party: &Party) -> Result<(), WebauthnError> {
    // "UTF-8 decode" strips one BOM. It would also replace what is not UTF-8: no browser writes that, so it is refused.
    let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
    let collected: Collected = strict(json)?;
    let kind = match ceremony {
        Ceremony::Create => "webauthn.create",
        Ceremony::Get => "webauthn.get",
    };
    if collected.kind != kind {
        return Err(WebauthnError::Type);
    }
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(challenge);
    if !bool::from(challenge.as_bytes().ct_eq(collected.challenge.as_bytes())) {
        return Err(WebauthnError::Challenge);
    }
    // Octet by octet: neither a prefix, nor a subdomain, nor another port will do (§13.4.9).
    if !party.origins.contains(&collected.origin) {
        return Err(WebauthnError::Origin);
    }
    // We are in nobody's frame (our pages forbid it): no such credential is expected.
    if collected.cross_origin || collected.top_origin.is_some() {
        return Err(WebauthnError::CrossOrigin);
    }
    Ok(())
}

/// The JSON of one credential, `R` being the members of its response.
#[derive(Deserialize)]
struct Shell<R> {
    id: String,
    #[serde(rename = "rawId")]
    raw_id: String,
    #[serde(rename = "type")]
    kind: String,
    response: R,
}

#[derive(Deserialize)]
struct CreatedJson {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    #[serde(rename = "attestationObject")]
    attestation: String,
    #[serde(default)]
    transports: Vec<String>,
}

#[derive(Deserialize)]
struct GotJson {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    #[serde(rename = "authenticatorData")]
    data: String,
    signature: String,
    #[serde(default, rename = "userHandle")]
    handle: Option<String>,
}

/// The parts of a registration, decoded.
pub struct Created {
    /// The credential's id, as the page says.
    pub credential: Vec<u8>,
    /// Client data, as octets: their hash is signed.
    pub client_data: Vec<u8>,
    /// The attestation object.
    pub attestation: Vec<u8>,
    /// How the authenticator may be reached: at most 8 words of lower-case letters, digits and hyphens, each once.
    pub transports: Vec<String>,
}

/// The parts of an assertion, decoded.
pub struct Got {
    /// The credential's id, as the page says.
    pub credential: Vec<u8>,
    /// Client data, as octets.
    pub client_data: Vec<u8>,
    /// Authenticator data, as octets.
    pub data: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// The user handle, when the authenticator gave one.
    pub handle: Option<Vec<u8>>,
}

/// Reads JSON in one way only: bounded, no member twice at any level.
fn strict<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, WebauthnError> {
    let object = json::object(bytes, MAX_ANSWER).ok_or(WebauthnError::Malformed)?;
    serde_json::from_value(Value::Object(object)).map_err(|_| WebauthnError::Malformed)
}

fn decoded(text: &str) -> Result<Vec<u8>, WebauthnError> {
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| WebauthnError::Malformed)
}

fn shell<R: DeserializeOwned>(answer: &[u8]) -> Result<(Vec<u8>, R), WebauthnError> {
    let shell: Shell<R> = strict(answer)?;
    let credential = decoded(&shell.raw_id)?;
    let length = super::data::MIN_CREDENTIAL..=super::data::MAX_CREDENTIAL;
    // `id` is `rawId` in base64url (§5.1): two different ones would let two readers see two credentials.
    if shell.kind != "public-key" || shell.id != shell.raw_id || !length.contains(&credential.len()) {
        return Err(WebauthnError::Malformed);
    }
    Ok((credential, shell.response))
}

impl Created {
    /// Reads what a page sends after `navigator.credentials.create`.
    pub fn read(answer: &[u8]) -> Result<Self, WebauthnError> {
        let (credential, json) = shell::<CreatedJson>(answer)?;
        let word = |t: &String| {
            (1..=32).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        let mut transports: Vec<String> = json.transports.into_iter().filter(word).collect();
        transports.sort_unstable();
        transports.dedup();
        transports.truncate(8);
        let (client_data, attestation) = (decoded(&json.client_data)?, decoded(&json.attestation)?);
        Ok(Self { credential, client_data, attestation, transports })
    }
}

impl Got {
    /// Reads what a page sends after `navigator.credentials.get`.
    pub fn read(answer: &[u8]) -> Result<Self, WebauthnError> {
        let (credential, json) = shell::<GotJson>(answer)?;
        let handle = match json.handle.as_deref() {
            // Some clients write an empty text for none.
            None | Some("") => None,
            Some(text) => Some(decoded(text)?).filter(|h| h.len() <= 64).ok_or(WebauthnError::Malformed).map(Some)?,
        };
        let (client_data, data) = (decoded(&json.client_data)?, decoded(&json.data)?);
        Ok(Self { credential, client_data, data, signature: decoded(&json.signature)?, handle })
    }
}
