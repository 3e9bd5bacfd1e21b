//! The notary's mathematics: what makes the probative log verifiable by anyone (F121, F122, F261).
//!
//! Pure: no I/O, no store, no clock. The server (which folds and signs) and the offline verifier (which trusts nobody) share this crate.
//!
//! * [`tree`]: the Merkle tree of RFC 6962 §2.1 over SHA-256: frontier, inclusion and consistency proofs, their verification.
//! * [`trace`]: the canonical bytes of a trace and its salted leaf.
//! * [`checkpoint`]: a signed root: what is signed, the line of the outside file, public keys.
//! * [`purge`]: retention, and what a purge states.
//! * [`statement`]: what the operator says of its log under its key: a restore, a trace out of its time.
//! * [`bundle`]: evidence that stands by itself.
//! * [`audit`]: verification of a whole log, fed page by page.
//!
//! Promises: every form is versioned and has one reading; parsers have a budget before they allocate and never panic.
pub mod audit;
pub mod bundle;
pub mod checkpoint;
pub mod purge;
pub mod statement;
pub mod trace;
pub mod tree;

pub use audit::{Audit, Finding, Report};
pub use bundle::{Bundle, BundleError};
pub use checkpoint::{Checkpoint, PublicKey};
pub use statement::Statement;
pub use trace::{Kind, Stub, Trace};
pub use tree::{Frontier, Hash};

/// 32 bytes as hexadecimal digits in JSON.
pub(crate) mod hex32 {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8; 32], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&hex::encode(bytes))
    }
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(d)?;
        parse(&text).ok_or_else(|| D::Error::custom("64 lowercase hexadecimal digits expected"))
    }
    /// Lowercase only: one writing of each value.
    pub fn parse(text: &str) -> Option<[u8; 32]> {
        let mut out = [0; 32];
        hex::decode_to_slice(text, &mut out).ok()?;
        (hex::encode(out) == text).then_some(out)
    }
}

/// Bytes of any length as hexadecimal digits in JSON.
pub(crate) mod hex_bytes {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&hex::encode(bytes))
    }
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        hex::decode(String::deserialize(d)?).map_err(D::Error::custom)
    }

    /// The same, when there may be none.
    pub mod option {
        use super::{Deserialize, Deserializer, Error, Serializer};

        pub fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, s: S) -> Result<S::Ok, S::Error> {
            match bytes {
                Some(bytes) => s.serialize_some(&hex::encode(bytes)),
                None => s.serialize_none(),
            }
        }
        pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Vec<u8>>, D::Error> {
            let text: Option<String> = Option::deserialize(d)?;
            text.map(|t| hex::decode(t).map_err(D::Error::custom)).transpose()
        }
    }
}
