//! What the operator says of its own log under its key, so that an honest act is told apart from tampering.
//!
//! * *Restored*: the database was put back, knowingly, to the state in which the log had `number` leaves under the root `hash`. Checkpoints
//!   of longer logs that were signed up to this instant are void: what they sign was lost with the database. Whoever puts a database
//!   back without saying so has no such statement, and cannot make one without the key; an old statement voids nothing that is younger
//!   than itself.
//! * *Settled*: somebody looked at the trace of leaf `number` (`hash` is the leaf's) whose instant does not fit the log's, and says why.
//!
//! *What is signed* (Ed25519): six lines of UTF-8, each ended by LF: `sceau restored 1` or `sceau settled 1`, the operator's name, the
//! number in decimal, the hash in lowercase hexadecimal, the instant in milliseconds since 1970, the key's id. Statements stand in the
//! `data` of the traces [`RESTORED`] and [`SETTLED`], under `statement`; those traces are never purged.
use crate::checkpoint::{PublicKey, base64_64};
use crate::hex32;
use crate::tree::Hash;
use serde::{Deserialize, Serialize};

/// Act of the trace of a restore.
pub const RESTORED: &str = "store.restored";
/// Act of the trace of a settlement.
pub const SETTLED: &str = "trace.settled";
/// Statements that a verifier takes at most.
pub const MOST: usize = 10_000;

/// What is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The database was put back.
    Restored,
    /// A trace out of its time was explained.
    Settled,
}

/// A signed statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// What is said.
    pub what: What,
    /// Name of the operator.
    pub origin: String,
    /// Leaves of the log, or number of the leaf.
    pub number: u64,
    /// Root of the log of that size, or the leaf's hash.
    #[serde(with = "hex32")]
    pub hash: Hash,
    /// When, milliseconds since 1970.
    pub at: i64,
    /// Id of the key.
    pub key: String,
    /// Ed25519 signature.
    #[serde(with = "base64_64")]
    pub signature: [u8; 64],
}

impl Statement {
    /// The bytes that are signed; `signature` plays no part.
    pub fn message(&self) -> Vec<u8> {
        let what = match self.what {
            What::Restored => "restored",
            What::Settled => "settled",
        };
        let hash = hex::encode(self.hash);
        format!("sceau {what} 1\n{}\n{}\n{hash}\n{}\n{}\n", self.origin, self.number, self.at, self.key).into_bytes()
    }
    /// Is it signed by one of these keys?
    pub fn signed_by(&self, keys: &[PublicKey]) -> bool {
        crate::checkpoint::signed(keys, &self.key, &self.origin, &self.message(), &self.signature)
    }
    /// The statement in the `data` of a trace.
    pub fn of_trace(data: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Data {
            statement: Statement,
        }
        serde_json::from_str::<Data>(data).ok().map(|d| d.statement)
    }
    /// Does this restore void a checkpoint of so many leaves that was signed at this instant?
    pub fn voids(&self, size: u64, at: i64) -> bool {
        self.what == What::Restored && size > self.number && at <= self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::tests::pair;

    #[test]
    fn every_field_is_signed_and_it_reads_back_from_its_trace() {
        let (a, b) = (pair(1), pair(2));
        let mut s = Statement {
            what: What::Restored,
            origin: "Alpha".into(),
            number: 7,
            hash: [3; 32],
            at: 1000,
            key: a.1.id(),
            signature: [0; 64],
        };
        let signature = a.0.sign(&s.message());
        s.signature.copy_from_slice(signature.as_ref());
        assert!(s.signed_by(&[b.1, a.1]) && !s.signed_by(&[b.1]));
        let others = [
            Statement { what: What::Settled, ..s.clone() },
            Statement { origin: "Beta".into(), ..s.clone() },
            Statement { number: 6, ..s.clone() },
            Statement { hash: [4; 32], ..s.clone() },
            Statement { at: 1001, ..s.clone() },
            Statement { key: b.1.id(), ..s.clone() },
        ];
        assert!(others.iter().all(|o| !o.signed_by(&[a.1, b.1])));
        let data = serde_json::json!({ "rows": 5, "statement": s }).to_string();
        assert_eq!(Statement::of_trace(&data), Some(s.clone()));
        assert_eq!(Statement::of_trace("{}"), None);
        assert!(s.voids(8, 1000) && !s.voids(8, 1001) && !s.voids(7, 5));
    }
}
