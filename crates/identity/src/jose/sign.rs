//! Tokens of ours: a client that proves itself by its key (RFC 7523), and what tests and played providers sign.
use super::{Alg, JoseError};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self as s, EcdsaKeyPair, KeyPair, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sceau_domain::der::{Reader, tag};
use serde_json::{Value, json};

/// A key that signs. Says nothing of itself but its name.
pub struct Signer {
    key: Key,
    kid: String,
}

enum Key {
    Rs256(Box<RsaKeyPair>),
    Es256(Box<EcdsaKeyPair>),
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({}, {})", self.alg().as_str(), self.kid)
    }
}

impl Signer {
    /// An RSA key (PKCS#8, DER), at least 2048 bits. [`JoseError::Malformed`] when it is none.
    pub fn rs256(pkcs8: &[u8], kid: &str) -> Result<Self, JoseError> {
        let key =
            RsaKeyPair::from_pkcs8(pkcs8).ok().filter(|k| k.public_modulus_len() >= 256).ok_or(JoseError::Malformed)?;
        Ok(Self { key: Key::Rs256(Box::new(key)), kid: kid.to_owned() })
    }
    /// A P-256 key (PKCS#8, DER). [`JoseError::Malformed`] when it is none.
    pub fn es256(pkcs8: &[u8], kid: &str) -> Result<Self, JoseError> {
        let key =
            EcdsaKeyPair::from_pkcs8(&s::ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map_err(|_| JoseError::Malformed)?;
        Ok(Self { key: Key::Es256(Box::new(key)), kid: kid.to_owned() })
    }
    /// By which algorithm it signs.
    pub fn alg(&self) -> Alg {
        match self.key {
            Key::Rs256(_) => Alg::Rs256,
            Key::Es256(_) => Alg::Es256,
        }
    }
    /// Signs claims as a token of this type. [`JoseError::Signature`] when the key cannot sign.
    pub fn sign(&self, typ: &str, claims: &Value) -> Result<String, JoseError> {
        self.sign_under(&json!({"alg": self.alg().as_str(), "kid": self.kid, "typ": typ}), claims)
    }
    /// Signs under any header, also one that lies: for [`crate::vapid`], whose services name no keys, for played providers and attack tests.
    pub fn sign_under(&self, header: &Value, claims: &Value) -> Result<String, JoseError> {
        let signed = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
        let signature = match &self.key {
            Key::Rs256(key) => {
                let mut out = vec![0; key.public_modulus_len()];
                key.sign(&s::RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut out).map(|()| out)
            }
            Key::Es256(key) => key.sign(&SystemRandom::new(), signed.as_bytes()).map(|s| s.as_ref().to_vec()),
        };
        Ok(format!("{signed}.{}", encoded(signature.map_err(|_| JoseError::Signature)?)))
    }
    /// The public half of a P-256 key: the point, uncompressed (SEC 1 §2.3.3).
    pub(crate) fn point(&self) -> Option<&[u8]> {
        match &self.key {
            Key::Es256(key) => Some(key.public_key().as_ref()),
            Key::Rs256(_) => None,
        }
    }
    /// The public half, as a member of a JWK Set.
    pub fn public(&self) -> Value {
        match &self.key {
            Key::Rs256(key) => {
                // RFC 8017 §A.1.1: a sequence of modulus and exponent.
                let mut inside = Reader::new(key.public_key().as_ref()).within(tag::SEQUENCE);
                let mut number = || inside.as_mut().ok().and_then(|r| r.positive().ok()).unwrap_or_default();
                let (n, e) = (number(), number());
                json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": encoded(n), "e": encoded(e)})
            }
            Key::Es256(key) => {
                let point = key.public_key().as_ref();
                // Uncompressed: 4, then the two coordinates.
                let (x, y) = (encoded(&point[1..33]), encoded(&point[33..]));
                json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.kid, "x": x, "y": y})
            }
        }
    }
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
