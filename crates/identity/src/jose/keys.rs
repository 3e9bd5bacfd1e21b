//! Keys of an issuer (a JWK Set, RFC 7517): those that can verify what is accepted here, and nothing else.
use super::{Alg, Header, JoseError, MAX_KID, decoded};
use crate::json::{self, Object};
use aws_lc_rs::signature::{
    self as s, ParsedPublicKey, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use serde_json::Value;

/// Largest key set, octets.
pub(super) const MAX_BYTES: usize = 64 * 1024;
/// Most keys in one.
pub(super) const MAX_KEYS: usize = 32;

/// What a key is. It decides which algorithms it can be used with, so that no key ever serves another algorithm than its own kind's (RFC 8725 §3.1).
#[derive(Clone)]
enum Material {
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
    /// The point, uncompressed (SEC 1 §2.3.3).
    Es256(Vec<u8>),
    Es384(Vec<u8>),
    Es512(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// One key.
#[derive(Clone)]
pub(super) struct Key {
    kid: Option<String>,
    /// The one algorithm that it says it is for (RFC 7517 §4.4).
    alg: Option<Alg>,
    material: Material,
}

/// The keys of an issuer that can verify.
#[derive(Clone, Default)]
pub struct Keys(Vec<Key>);

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|k| &k.kid)).finish()
    }
}

impl Keys {
    /// Reads a JWK Set. Passed over: keys for encryption, shared secrets, kinds, curves and algorithms that are not known, RSA keys outside 2048 to
    /// 8192 bits, points that are on no curve, and keys whose private half stands beside them (everybody has read it).
    ///
    /// [`JoseError::TooBig`] beyond the budgets; [`JoseError::Malformed`] when it is no key set, or two keys of one kind have the same name.
    pub fn read(text: &[u8]) -> Result<Self, JoseError> {
        if text.len() > MAX_BYTES {
            return Err(JoseError::TooBig);
        }
        let set = json::object(text, MAX_BYTES).ok_or(JoseError::Malformed)?;
        let list = set.get("keys").and_then(Value::as_array).ok_or(JoseError::Malformed)?;
        if list.len() > MAX_KEYS {
            return Err(JoseError::TooBig);
        }
        let mut out: Vec<Key> = Vec::new();
        for key in list {
            let Some(key) = read_key(key.as_object().ok_or(JoseError::Malformed)?) else { continue };
            let same = |k: &Key| {
                k.kid == key.kid && k.kind() == key.kind() && (k.alg == key.alg || k.alg.is_none() || key.alg.is_none())
            };
            if key.kid.is_some() && out.iter().any(same) {
                return Err(JoseError::Malformed);
            }
            out.push(key);
        }
        Ok(Self(out))
    }
    /// How many of them can verify.
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// None at all?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// The names of the keys, for whoever shows them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|k| k.kid.as_deref())
    }
    /// The one key that a header can mean.
    pub(super) fn find(&self, header: &Header) -> Result<&Key, JoseError> {
        let mut fits = self.0.iter().filter(|k| k.serves(header.alg) && (header.kid.is_none() || k.kid == header.kid));
        match (fits.next(), fits.next()) {
            (Some(key), None) => Ok(key),
            _ => Err(JoseError::UnknownKey),
        }
    }
}

impl Key {
    fn kind(&self) -> std::mem::Discriminant<Material> {
        std::mem::discriminant(&self.material)
    }
    /// Can it verify this algorithm?
    fn serves(&self, alg: Alg) -> bool {
        let kind = match &self.material {
            Material::Rsa(_) => {
                matches!(alg, Alg::Rs256 | Alg::Rs384 | Alg::Rs512 | Alg::Ps256 | Alg::Ps384 | Alg::Ps512)
            }
            Material::Es256(_) => alg == Alg::Es256,
            Material::Es384(_) => alg == Alg::Es384,
            Material::Es512(_) => alg == Alg::Es512,
            Material::Ed25519(_) => alg == Alg::EdDsa,
        };
        kind && self.alg.is_none_or(|own| own == alg)
    }
    pub(super) fn verify(&self, alg: Alg, signed: &[u8], signature: &[u8]) -> Result<(), JoseError> {
        let checked = match (&self.material, alg) {
            (Material::Rsa(key), Alg::Rs256) => key.verify(&s::RSA_PKCS1_2048_8192_SHA256, signed, signature),
            (Material::Rsa(key), Alg::Rs384) => key.verify(&s::RSA_PKCS1_2048_8192_SHA384, signed, signature),
            (Material::Rsa(key), Alg::Rs512) => key.verify(&s::RSA_PKCS1_2048_8192_SHA512, signed, signature),
            (Material::Rsa(key), Alg::Ps256) => key.verify(&s::RSA_PSS_2048_8192_SHA256, signed, signature),
            (Material::Rsa(key), Alg::Ps384) => key.verify(&s::RSA_PSS_2048_8192_SHA384, signed, signature),
            (Material::Rsa(key), Alg::Ps512) => key.verify(&s::RSA_PSS_2048_8192_SHA512, signed, signature),
            (Material::Es256(point), Alg::Es256) => {
                UnparsedPublicKey::new(&s::ECDSA_P256_SHA256_FIXED, point).verify(signed, signature)
            }
            (Material::Es384(point), Alg::Es384) => {
                UnparsedPublicKey::new(&s::ECDSA_P384_SHA384_FIXED, point).verify(signed, signature)
            }
            (Material::Es512(point), Alg::Es512) => {
                UnparsedPublicKey::new(&s::ECDSA_P521_SHA512_FIXED, point).verify(signed, signature)
            }
            (Material::Ed25519(key), Alg::EdDsa) => UnparsedPublicKey::new(&s::ED25519, key).verify(signed, signature),
            _ => return Err(JoseError::Alg),
        };
        checked.map_err(|_| JoseError::Signature)
    }
}

/// A key; nothing when it is to be passed over (RFC 7517 §5: whatever is unknown, incomplete or out of range).
fn read_key(key: &Object) -> Option<Key> {
    // `Some(None)`: not there. `None`: there, and no text.
    let text = |name: &str| match key.get(name) {
        None => Some(None),
        Some(Value::String(text)) => Some(Some(text.as_str())),
        Some(_) => None,
    };
    let kid = text("kid")?;
    let verifies = match key.get("key_ops") {
        None => true,
        Some(ops) => ops.as_array().is_some_and(|ops| ops.iter().any(|o| o == "verify")),
    };
    let published = key.contains_key("d");
    if text("use")?.is_some_and(|u| u != "sig") || !verifies || published || kid.is_some_and(|k| k.len() > MAX_KID) {
        return None;
    }
    let alg = text("alg")?.map(str::parse::<Alg>).transpose().ok()?;
    let number = |name: &str| text(name)?.and_then(|t| decoded(t).ok());
    let material = match (text("kty")??, text("crv")?) {
        ("RSA", _) => rsa(number("n")?, number("e")?)?,
        ("EC", Some("P-256")) => Material::Es256(point(number("x")?, number("y")?, 32, &s::ECDSA_P256_SHA256_FIXED)?),
        ("EC", Some("P-384")) => Material::Es384(point(number("x")?, number("y")?, 48, &s::ECDSA_P384_SHA384_FIXED)?),
        ("EC", Some("P-521")) => Material::Es512(point(number("x")?, number("y")?, 66, &s::ECDSA_P521_SHA512_FIXED)?),
        ("OKP", Some("Ed25519")) => Material::Ed25519(number("x").filter(|x| x.len() == 32)?),
        _ => return None,
    };
    let found = Key { kid: kid.map(str::to_owned), alg, material };
    // Not what could never be used for what it says it is for.
    alg.is_none_or(|alg| found.serves(alg)).then_some(found)
}

/// RFC 7518 §6.3.1: big-endian, without leading zeros; the exponent odd and not 1.
fn rsa(n: Vec<u8>, e: Vec<u8>) -> Option<Material> {
    let bits = n.len() * 8 - n.first()?.leading_zeros() as usize;
    let exponent = e.len() <= 4 && e.last().is_some_and(|b| b & 1 == 1) && e != [1] && e.first() != Some(&0);
    let good = (2048..=8192).contains(&bits) && n.first() != Some(&0) && exponent;
    good.then_some(Material::Rsa(RsaPublicKeyComponents { n, e }))
}

/// RFC 7518 §6.2.1: both coordinates in the full length of the field. The point has to be on the curve (RFC 8725 §3.4).
fn point(x: Vec<u8>, y: Vec<u8>, length: usize, of: &'static dyn VerificationAlgorithm) -> Option<Vec<u8>> {
    if x.len() != length || y.len() != length {
        return None;
    }
    let point = [&[4], x.as_slice(), y.as_slice()].concat();
    ParsedPublicKey::new(of, &point).is_ok().then_some(point)
}
