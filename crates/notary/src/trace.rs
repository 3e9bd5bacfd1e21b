//! The canonical bytes of a trace, and its leaf.
//!
//! *Canonical bytes, version 1.* The ASCII text `sceau trace 1` and a zero byte, then the twelve columns in the order of the table (`id,
//! kind, act, at, person_id, actor, bal_id, bal, remote, session, outcome, data`), each as one tag byte and its value: `0` NULL; `1` an
//! integer, eight bytes, big-endian, two's complement; `2` a text, its length in bytes as four bytes, big-endian, and its UTF-8 bytes.
//! Nothing is normalised: `data` is the text as it stands in the column. Two rows have the same bytes only when they are equal.
//!
//! *Commitment.* SHA-256(salt ‖ canonical bytes), with a random salt of 32 bytes for each leaf. Without salt and row it says nothing.
//!
//! *Leaf input* ([`Stub`], 42 bytes): the version `1`, `F` or `T` (the kind, which decides the retention), `at` as eight bytes,
//! big-endian, the commitment. The leaf's hash is that of RFC 6962 over it. After a purge the leaf input stays: it proves that what
//! went was of that kind and that old, and nothing else.
use crate::tree::{Hash, leaf_hash, sha256};
use serde::{Deserialize, Serialize};

/// Length of a salt, bytes.
pub const SALT: usize = 32;
/// Length of a leaf input, bytes.
pub const STUB: usize = 42;
const VERSION: u8 = 1;

pub use sceau_domain::TraceKind as Kind;

/// The kind's letter in a leaf input.
fn letter(kind: Kind) -> u8 {
    match kind {
        Kind::Functional => b'F',
        Kind::Technical => b'T',
    }
}

/// A trace, column by column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // the columns of the table `traces`
pub struct Trace {
    pub id: i64,
    pub kind: Kind,
    pub act: String,
    /// Milliseconds since 1970.
    pub at: i64,
    pub person_id: Option<i64>,
    pub actor: String,
    pub bal_id: Option<i64>,
    pub bal: Option<String>,
    pub remote: Option<String>,
    pub session: Option<String>,
    pub outcome: String,
    /// JSON, exactly as kept.
    pub data: String,
}

enum Column<'a> {
    Null,
    Int(i64),
    Text(&'a str),
}

impl<'a> From<&'a Option<String>> for Column<'a> {
    fn from(v: &'a Option<String>) -> Self {
        v.as_deref().map_or(Self::Null, Self::Text)
    }
}
impl From<Option<i64>> for Column<'_> {
    fn from(v: Option<i64>) -> Self {
        v.map_or(Self::Null, Self::Int)
    }
}

impl Trace {
    /// The canonical bytes (see the module).
    pub fn canonical(&self) -> Vec<u8> {
        let columns = [
            Column::Int(self.id),
            Column::Text(self.kind.as_str()),
            Column::Text(&self.act),
            Column::Int(self.at),
            self.person_id.into(),
            Column::Text(&self.actor),
            self.bal_id.into(),
            (&self.bal).into(),
            (&self.remote).into(),
            (&self.session).into(),
            Column::Text(&self.outcome),
            Column::Text(&self.data),
        ];
        let mut out = Vec::with_capacity(160 + self.data.len());
        out.extend_from_slice(b"sceau trace 1\0");
        for column in columns {
            match column {
                Column::Null => out.push(0),
                Column::Int(v) => {
                    out.push(1);
                    out.extend_from_slice(&v.to_be_bytes());
                }
                Column::Text(t) => {
                    out.push(2);
                    // No column comes near 4 GiB: both engines refuse far smaller values.
                    out.extend_from_slice(&u32::try_from(t.len()).unwrap_or(u32::MAX).to_be_bytes());
                    out.extend_from_slice(t.as_bytes());
                }
            }
        }
        out
    }
    /// The leaf input under this salt.
    pub fn stub(&self, salt: &[u8; SALT]) -> Stub {
        let mut bytes = salt.to_vec();
        bytes.extend(self.canonical());
        Stub { kind: self.kind, at: self.at, commitment: sha256(&bytes) }
    }
}

/// The input of a leaf: what stays of a trace that was purged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stub {
    /// Retention.
    pub kind: Kind,
    /// When the act was, milliseconds since 1970.
    pub at: i64,
    /// Salted digest of the row.
    pub commitment: Hash,
}

impl Stub {
    /// Its bytes.
    pub fn to_bytes(&self) -> [u8; STUB] {
        let mut out = [0; STUB];
        out[0] = VERSION;
        out[1] = letter(self.kind);
        out[2..10].copy_from_slice(&self.at.to_be_bytes());
        out[10..].copy_from_slice(&self.commitment);
        out
    }
    /// From its bytes; none when they are not one.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; STUB] = bytes.try_into().ok()?;
        let kind = match (bytes[0], bytes[1]) {
            (VERSION, b'F') => Kind::Functional,
            (VERSION, b'T') => Kind::Technical,
            _ => return None,
        };
        let at = i64::from_be_bytes(bytes[2..10].try_into().ok()?);
        Some(Self { kind, at, commitment: bytes[10..].try_into().ok()? })
    }
    /// The leaf's hash in the tree.
    pub fn leaf(&self) -> Hash {
        leaf_hash(&self.to_bytes())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn sample(id: i64) -> Trace {
        Trace {
            id,
            kind: Kind::Functional,
            act: "mail.accepted".into(),
            at: 1_795_255_200_000 + id,
            person_id: None,
            actor: "CN=mss.beta.fr,O=EXEMPLE,C=FR".into(),
            bal_id: Some(7),
            bal: Some("anne@alpha.mssante.fr".into()),
            remote: Some("192.0.2.7".into()),
            session: None,
            outcome: "ok".into(),
            data: "{\"size\":12}".into(),
        }
    }

    /// The encoding is a contract with verifiers outside: it never changes under the same version. (The digests were computed by another
    /// program, from the description above.)
    #[test]
    fn the_canonical_bytes_are_fixed() {
        let stub = sample(1).stub(&[9; SALT]);
        assert_eq!(sample(1).canonical().len(), 173);
        assert_eq!(
            hex::encode(sha256(&sample(1).canonical())),
            "e59b9290174d333b7ac4fbf17a45314cb11c9deb30f7bc88ab76deb78bdc8d74"
        );
        assert_eq!(hex::encode(stub.leaf()), "c2131fc82e8773223beb924218b8cf55e960a7650e28248eaad67e74a2ea91c9");
    }

    #[test]
    fn every_column_counts_and_no_two_rows_share_their_bytes() {
        let t = sample(1);
        let variants = [
            Trace { id: 2, ..t.clone() },
            Trace { kind: Kind::Technical, ..t.clone() },
            Trace { act: "mail.refused".into(), ..t.clone() },
            Trace { at: 5, ..t.clone() },
            Trace { person_id: Some(7), ..t.clone() },
            Trace { actor: "CN=mss.beta.fr,O=EXEMPLE,C=F".into(), ..t.clone() },
            Trace { bal_id: None, ..t.clone() },
            Trace { bal_id: None, person_id: Some(7), ..t.clone() },
            Trace { bal: None, ..t.clone() },
            Trace { bal: Some(String::new()), ..t.clone() },
            Trace { remote: None, session: Some("192.0.2.7".into()), ..t.clone() },
            Trace { session: Some(String::new()), ..t.clone() },
            Trace { outcome: "o".into(), data: "k{\"size\":12}".into(), ..t.clone() },
            Trace { outcome: "no".into(), ..t.clone() },
            Trace { data: "{\"size\":13}".into(), ..t.clone() },
            Trace { data: "{ \"size\":12}".into(), ..t.clone() },
        ];
        let mut all: Vec<Vec<u8>> = variants.iter().chain([&t]).map(Trace::canonical).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), variants.len() + 1);
    }

    #[test]
    fn a_stub_reads_back_and_nothing_else_is_one() {
        let stub = sample(3).stub(&[1; SALT]);
        assert_eq!(Stub::parse(&stub.to_bytes()), Some(stub));
        assert_ne!(sample(3).stub(&[2; SALT]).leaf(), stub.leaf(), "the salt counts");
        for (i, wrong) in [(0, 2), (1, b'X')] {
            let mut bytes = stub.to_bytes();
            bytes[i] = wrong;
            assert_eq!(Stub::parse(&bytes), None);
        }
        assert_eq!(Stub::parse(&stub.to_bytes()[1..]), None);
    }
}
