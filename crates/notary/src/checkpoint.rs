//! A checkpoint: the signed root of the log at one size.
//!
//! *What is signed* (Ed25519, RFC 8032): seven lines of UTF-8, each ended by LF: `sceau checkpoint 1`, the operator's name, the size in
//! decimal, the root in lowercase hexadecimal, the instant in milliseconds since 1970, the key's id. The name holds no control character.
//!
//! *A line of the outside file*: one JSON object, its fields as [`Checkpoint`]'s; 4,096 bytes at most.
//!
//! *A key's fingerprint* is the SHA-256 of its SubjectPublicKeyInfo (DER); its id the first 16 digits.
use crate::hex32;
use crate::tree::{Hash, sha256};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::prelude::{BASE64_STANDARD, Engine};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest line of the outside file, bytes, without its end.
pub const LONGEST_LINE: usize = 4_096;
/// Longest name of an operator, bytes.
const LONGEST_NAME: usize = 1_024;
/// DER that goes before the 32 bytes of an Ed25519 key (RFC 8410).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The public half of a notary's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// From its 32 bytes.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
    fn spki(&self) -> Vec<u8> {
        [&SPKI[..], &self.0].concat()
    }
    /// Lowercase hexadecimal digits, 64.
    pub fn fingerprint(&self) -> String {
        hex::encode(sha256(&self.spki()))
    }
    /// Lowercase hexadecimal digits, 16.
    pub fn id(&self) -> String {
        let mut id = self.fingerprint();
        id.truncate(16);
        id
    }
    /// As other programs read it: a PEM text (RFC 7468).
    pub fn pem(&self) -> String {
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64_STANDARD.encode(self.spki()))
    }
    /// From a PEM text: the first Ed25519 public key in it.
    pub fn from_pem(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once("-----BEGIN PUBLIC KEY-----")?;
        let (body, _) = rest.split_once("-----END PUBLIC KEY-----")?;
        if body.len() > 256 {
            return None;
        }
        let body: String = body.split_whitespace().collect();
        Self::parse(BASE64_STANDARD.decode(body).ok()?.strip_prefix(&SPKI)?)
    }
    /// Every key of a PEM text; none when one of them is no Ed25519 public key, or there is none.
    pub fn all_from_pem(text: &str) -> Option<Vec<Self>> {
        const END: &str = "-----END PUBLIC KEY-----";
        let keys: Option<Vec<Self>> =
            text.split_inclusive(END).filter(|t| t.contains(END)).map(Self::from_pem).collect();
        keys.filter(|keys| !keys.is_empty())
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        hex32::serialize(&self.0, s)
    }
}
impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        hex32::deserialize(d).map(Self)
    }
}

/// A signed root of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Name of the operator.
    pub origin: String,
    /// Leaves.
    pub size: u64,
    /// Root of the tree.
    #[serde(with = "hex32")]
    pub root: Hash,
    /// When, milliseconds since 1970.
    pub at: i64,
    /// Id of the key.
    pub key: String,
    /// Ed25519 signature.
    #[serde(with = "base64_64")]
    pub signature: [u8; 64],
}

pub(crate) mod base64_64 {
    use super::{BASE64_STANDARD, Engine};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8; 64], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&BASE64_STANDARD.encode(bytes))
    }
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<[u8; 64], D::Error> {
        let text = String::deserialize(d)?;
        let bytes = BASE64_STANDARD.decode(text).map_err(D::Error::custom)?;
        bytes.try_into().map_err(|_| D::Error::custom("64 bytes expected"))
    }
}

/// An operator's name as checkpoints carry it: without control characters, bounded.
pub fn origin(name: &str) -> String {
    let clean: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let end = (0..=clean.len().min(LONGEST_NAME / 2)).rev().find(|i| clean.is_char_boundary(*i)).unwrap_or(0);
    clean[..end].to_owned()
}

/// Is a message of ours signed by the one of these keys that it names?
pub(crate) fn signed(keys: &[PublicKey], key: &str, origin: &str, message: &[u8], signature: &[u8; 64]) -> bool {
    let good = |k: &PublicKey| UnparsedPublicKey::new(&ED25519, &k.0).verify(message, signature).is_ok();
    origin.len() <= LONGEST_NAME
        && !origin.chars().any(char::is_control)
        && keys.iter().any(|k| k.id() == key && good(k))
}

impl Checkpoint {
    /// The bytes that are signed; `signature` plays no part.
    pub fn message(&self) -> Vec<u8> {
        let root = hex::encode(self.root);
        format!("sceau checkpoint 1\n{}\n{}\n{root}\n{}\n{}\n", self.origin, self.size, self.at, self.key).into_bytes()
    }
    /// Is it signed by one of these keys?
    pub fn signed_by(&self, keys: &[PublicKey]) -> bool {
        signed(keys, &self.key, &self.origin, &self.message(), &self.signature)
    }
    /// Its line in the outside file, ended by LF.
    pub fn line(&self) -> String {
        // A plain structure of texts and numbers always serialises.
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }
    /// From a line of the outside file.
    pub fn from_line(line: &[u8]) -> Option<Self> {
        if line.len() > LONGEST_LINE {
            return None;
        }
        serde_json::from_slice(line).ok()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

    /// A key pair of the tests.
    pub(crate) fn pair(seed: u8) -> (Ed25519KeyPair, PublicKey) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let public = PublicKey::parse(pair.public_key().as_ref()).unwrap();
        (pair, public)
    }

    pub(crate) fn signed(pair: &(Ed25519KeyPair, PublicKey), size: u64, root: Hash, at: i64) -> Checkpoint {
        let mut c = Checkpoint { origin: "Alpha".into(), size, root, at, key: pair.1.id(), signature: [0; 64] };
        let signature = pair.0.sign(&c.message());
        c.signature.copy_from_slice(signature.as_ref());
        c
    }

    #[test]
    fn every_field_is_signed_and_the_line_reads_back() {
        let (a, b) = (pair(1), pair(2));
        let c = signed(&a, 5, [7; 32], 1000);
        assert!(c.signed_by(&[b.1, a.1]) && !c.signed_by(&[b.1]) && !c.signed_by(&[]));
        assert_eq!(Checkpoint::from_line(c.line().trim_end().as_bytes()), Some(c.clone()));
        let others = [
            Checkpoint { origin: "Beta".into(), ..c.clone() },
            Checkpoint { size: 6, ..c.clone() },
            Checkpoint { root: [8; 32], ..c.clone() },
            Checkpoint { at: 1001, ..c.clone() },
            Checkpoint { key: b.1.id(), ..c.clone() },
            Checkpoint { origin: "Alpha\n5".into(), ..c.clone() },
        ];
        assert!(others.iter().all(|o| !o.signed_by(&[a.1, b.1])));
        assert_eq!(Checkpoint::from_line(&vec![b' '; LONGEST_LINE + 1]), None);
    }

    #[test]
    fn keys_are_shown_as_other_programs_read_them() {
        let key = pair(1).1;
        assert_eq!(PublicKey::from_pem(&key.pem()), Some(key));
        assert_eq!((key.fingerprint().len(), key.id().len()), (64, 16));
        assert!(key.fingerprint().starts_with(&key.id()));
        let both = format!("{}\n{}", key.pem(), pair(2).1.pem());
        assert_eq!(PublicKey::all_from_pem(&both), Some(vec![key, pair(2).1]));
        assert_eq!(PublicKey::all_from_pem("nothing"), None);
        assert_eq!(PublicKey::from_pem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), None);
        assert_eq!(origin("Alpha\nBeta\u{7f}"), "Alpha Beta ");
        assert_eq!(origin(&"é".repeat(900)).len(), 512);
    }
}
