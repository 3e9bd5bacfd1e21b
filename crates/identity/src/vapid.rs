//! Who we are to the services that wake browsers (VAPID, RFC 8292): one P-256 key of the operator, and a token signed by it for each question.
//!
//! Promises: a token is for one service and half a day; it says who the operator is and nothing of whom it wakes.
use crate::jose::{JoseError, Signer};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sceau_domain::Timestamp;
use serde_json::json;
use zeroize::Zeroizing;

/// How long a token counts, milliseconds: RFC 8292 §2 admits a day.
const COUNTS_MS: i64 = 12 * 3_600_000;

/// The operator's key.
pub struct VapidKey {
    signer: Signer,
    public: String,
}

impl std::fmt::Debug for VapidKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VapidKey({})", self.public)
    }
}

impl VapidKey {
    /// A new key, PKCS#8. [`JoseError::Malformed`] when no random octets can be had.
    pub fn make() -> Result<Zeroizing<Vec<u8>>, JoseError> {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        made.map(|key| Zeroizing::new(key.as_ref().to_vec())).map_err(|_| JoseError::Malformed)
    }
    /// Reads one. [`JoseError::Malformed`] when it is none.
    pub fn read(pkcs8: &[u8]) -> Result<Self, JoseError> {
        let signer = Signer::es256(pkcs8, "")?;
        let point = signer.point().ok_or(JoseError::Malformed)?;
        Ok(Self { public: URL_SAFE_NO_PAD.encode(point), signer })
    }
    /// The public half as browsers take it (`applicationServerKey`) and services too (`k`): the uncompressed point, base64url.
    pub fn public(&self) -> &str {
        &self.public
    }
    /// What `Authorization` says to a service (RFC 8292 §3). `origin`: the service's (`https://host`, `https://host:port`); `subject`: whom it may ask
    /// about us (`https:` or `mailto:`). [`JoseError::Signature`] when the key cannot sign.
    pub fn authorization(&self, origin: &str, subject: &str, now: Timestamp) -> Result<String, JoseError> {
        let expires = now.plus_ms(COUNTS_MS).0 / 1_000;
        let claims = json!({ "aud": origin, "exp": expires, "sub": subject });
        let token = self.signer.sign_under(&json!({ "typ": "JWT", "alg": "ES256" }), &claims)?;
        Ok(format!("vapid t={token}, k={}", self.public))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{Alg, Keys, verify};

    #[test]
    fn a_service_knows_us_by_our_key_for_half_a_day() {
        let key = VapidKey::read(&VapidKey::make().unwrap()).unwrap();
        let point = URL_SAFE_NO_PAD.decode(key.public()).unwrap();
        assert_eq!((point.len(), point[0]), (65, 4), "{}", key.public());
        let said = key.authorization("https://push.example", "https://mss.alpha.fr", Timestamp(1_000_000)).unwrap();
        let (token, shown) = said.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        assert_eq!(shown, key.public());
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        let set = json!({"keys": [{"kty": "EC", "crv": "P-256", "x": x, "y": y}]}).to_string();
        let (_, claims) = verify(token, &Keys::read(set.as_bytes()).unwrap(), &[Alg::Es256]).unwrap();
        assert_eq!(claims.text("aud").unwrap(), Some("https://push.example"));
        assert_eq!(claims.text("sub").unwrap(), Some("https://mss.alpha.fr"));
        assert_eq!(claims.instant("exp").unwrap(), Some(Timestamp(1_000_000 + COUNTS_MS)));
        // Another operator's key says something else.
        let other = VapidKey::read(&VapidKey::make().unwrap()).unwrap();
        assert_ne!(other.public(), key.public());
        assert!(VapidKey::read(b"x").is_err());
        assert!(!format!("{key:?}").contains("PRIVATE") && format!("{key:?}").contains(key.public()));
    }
}
