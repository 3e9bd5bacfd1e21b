//! Public keys of credentials (COSE_Key: RFC 9052 §7, RFC 9053 §7, RFC 8230 §4; WebAuthn L3 §5.8.5, §6.5.1.1): ES256, EdDSA with Ed25519, RS256.
//!
//! A key holds exactly the parameters of its kind (§6.5.1: `alg` and no other optional one), its curve is the one that WebAuthn ties to the algorithm,
//! its point lies on that curve and has a large order, its RSA modulus has 2,048 to 8,192 bits and the exponent 65537.
use super::WebauthnError;
use super::cbor::{self, Value};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

/// ECDSA over P-256 with SHA-256 (COSE −7).
pub const ES256: i32 = -7;
/// EdDSA, of which only Ed25519 (COSE −8).
pub const EDDSA: i32 = -8;
/// RSASSA-PKCS1-v1_5 with SHA-256 (COSE −257): what TPMs of Windows machines have.
pub const RS256: i32 = -257;
/// What is asked of authenticators, the preferred one first.
pub const ACCEPTED: [i32; 3] = [ES256, EDDSA, RS256];

/// A public key that may verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// P-256: the uncompressed point (SEC 1 §2.3.3).
    P256([u8; 65]),
    /// Ed25519 (RFC 8032).
    Ed25519([u8; 32]),
    /// RSA: the modulus, big-endian, without leading zeros; the exponent is 65537.
    Rsa(Vec<u8>),
}

/// Whether a point of Ed25519 has an order of at most eight, or is not written canonically (RFC 8032 §5.1.3). With such a key one signature is good for
/// every message, or for one in a few.
fn degenerate(point: &[u8; 32]) -> bool {
    // y, little-endian, without the sign of x. Orders 4, 1 and 2 have y = 0, 1 and p − 1; the four points of order 8 have these two.
    const EIGHT: [[u8; 32]; 2] = [
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
            0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
            0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ],
    ];
    let mut y = *point;
    y[31] &= 0x7f;
    let small = y[0] <= 1 && y[1..].iter().all(|b| *b == 0);
    // p − 1, and everything from p on: 2²⁵⁵ − 20 begins with 0xec.
    let top = y[0] >= 0xec && y[1..31].iter().all(|b| *b == 0xff) && y[31] == 0x7f;
    small || top || EIGHT.contains(&y)
}

/// 65537, as COSE writes it.
const EXPONENT: [u8; 3] = [1, 0, 1];

impl Key {
    /// Reads the key at the beginning of `bytes` and says how many octets it took.
    ///
    /// Errors: [`WebauthnError::Malformed`] (no map), [`WebauthnError::Algorithm`] (not asked for), [`WebauthnError::Key`] (no key of that algorithm).
    pub fn first(bytes: &[u8]) -> Result<(Self, usize), WebauthnError> {
        let (map, taken) = cbor::first(bytes).map_err(|_| WebauthnError::Malformed)?;
        let pairs = map.pairs().ok_or(WebauthnError::Malformed)?;
        let label = |n: i64| map.at(n);
        let octets = |n: i64| label(n).and_then(Value::bytes).ok_or(WebauthnError::Key);
        // 1: kty, 3: alg, −1: crv (RSA: n), −2: x (RSA: e), −3: y.
        let algorithm = label(3).and_then(Value::int).ok_or(WebauthnError::Key)?;
        let expected = match i32::try_from(algorithm).map_err(|_| WebauthnError::Algorithm)? {
            ES256 => (2, Some(1), 5),
            EDDSA => (1, Some(6), 4),
            RS256 => (3, None, 4),
            _ => return Err(WebauthnError::Algorithm),
        };
        let curve = expected.1.is_none_or(|crv| label(-1).and_then(Value::int) == Some(crv));
        if label(1).and_then(Value::int) != Some(expected.0) || !curve || pairs.len() != expected.2 {
            return Err(WebauthnError::Key);
        }
        let key = match expected.0 {
            2 => {
                let mut point = [4u8; 65];
                let (x, y) = (octets(-2)?, octets(-3)?);
                if x.len() != 32 || y.len() != 32 {
                    return Err(WebauthnError::Key);
                }
                point[1..33].copy_from_slice(x);
                point[33..].copy_from_slice(y);
                // A point beside the curve would weaken every verification with it.
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).parse().map_err(|_| WebauthnError::Key)?;
                Self::P256(point)
            }
            1 => {
                let x: [u8; 32] = octets(-2)?.try_into().map_err(|_| WebauthnError::Key)?;
                if degenerate(&x) {
                    return Err(WebauthnError::Key);
                }
                UnparsedPublicKey::new(&ED25519, x).parse().map_err(|_| WebauthnError::Key)?;
                Self::Ed25519(x)
            }
            _ => {
                let (n, e) = (octets(-1)?, octets(-2)?);
                let bits = n.first().map_or(0, |top| n.len() * 8 - top.leading_zeros() as usize);
                let odd = n.last().is_some_and(|last| last & 1 == 1);
                if !(2048..=8192).contains(&bits) || n.first() == Some(&0) || !odd || e != EXPONENT {
                    return Err(WebauthnError::Key);
                }
                Self::Rsa(n.to_vec())
            }
        };
        Ok((key, taken))
    }

    /// Reads a key that is all there is, as it was kept.
    pub fn whole(bytes: &[u8]) -> Result<Self, WebauthnError> {
        match Self::first(bytes)? {
            (key, taken) if taken == bytes.len() => Ok(key),
            _ => Err(WebauthnError::Key),
        }
    }

    /// The COSE algorithm.
    pub fn algorithm(&self) -> i32 {
        match self {
            Self::P256(_) => ES256,
            Self::Ed25519(_) => EDDSA,
            Self::Rsa(_) => RS256,
        }
    }

    /// Whether `signature` is this key's over `message` (WebAuthn L3 §6.5.5: ECDSA in DER, the others as they are).
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature),
            Self::Ed25519(x) => UnparsedPublicKey::new(&ED25519, x).verify(message, signature),
            Self::Rsa(n) => {
                let key = RsaPublicKeyComponents { n: n.as_slice(), e: &EXPONENT[..] };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        }
        .is_ok()
    }
}
