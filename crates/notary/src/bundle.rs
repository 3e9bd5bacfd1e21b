//! Evidence that stands by itself (F261): a trace, its salt, the proof that it is in the log, the signed checkpoint, the key.
//!
//! Form: one JSON object, described by `docs/schemas/evidence.json`. What a bundle proves when it verifies: whoever holds the signing
//! key said, not later than the checkpoint was made, that this trace was in the log at this place. That the key is the operator's is
//! proved only when the reader knows the key from elsewhere; that the operator shows everybody the same log only when the checkpoint,
//! or an older one that the bundle leads back to, is known from elsewhere.
use crate::checkpoint::{Checkpoint, PublicKey};
use crate::hex32;
use crate::trace::{SALT, Trace};
use crate::tree::{Hash, verify_consistency, verify_inclusion};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest bundle read, bytes.
pub const LONGEST: usize = 4 << 20;
/// `format` of a bundle.
pub const FORMAT: &str = "sceau-evidence";
/// `version` of a bundle.
pub const VERSION: u32 = 1;

/// The leaf of a trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    /// Place in the log, from 0.
    pub number: u64,
    /// Its salt.
    #[serde(with = "hex32")]
    pub salt: [u8; SALT],
}

/// How an older checkpoint leads to the bundle's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Since {
    /// The older one.
    pub checkpoint: Checkpoint,
    /// Consistency proof (RFC 6962 §2.1.2).
    pub proof: Vec<HexHash>,
}

/// A hash as hexadecimal digits in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HexHash(pub Hash);

impl Serialize for HexHash {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        hex32::serialize(&self.0, s)
    }
}
impl<'de> Deserialize<'de> for HexHash {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        hex32::deserialize(d).map(Self)
    }
}

/// A bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// The trace, column by column.
    pub trace: Trace,
    /// Its leaf.
    pub leaf: Leaf,
    /// Inclusion proof (RFC 6962 §2.1.1).
    pub proof: Vec<HexHash>,
    /// The signed root that the proof leads to.
    pub checkpoint: Checkpoint,
    /// The key as the bundle states it.
    pub key: PublicKey,
    /// An older checkpoint that somebody holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Since>,
}

/// Why a bundle proves nothing. [`BundleError::code`] is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Too long, or not the form.
    #[error("not a bundle of evidence")]
    Form,
    /// A later version.
    #[error("a bundle of a later version")]
    Version,
    /// The checkpoint was not signed by the key.
    #[error("the checkpoint is not signed by the key")]
    Signature,
    /// The proof does not lead from the trace to the root.
    #[error("the trace is not in the log that the checkpoint signs")]
    Inclusion,
    /// The older checkpoint is not the beginning of the log.
    #[error("the older checkpoint does not lead to this one")]
    Since,
}

impl BundleError {
    /// Stable code; also the end of its key in the locale files.
    pub fn code(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Version => "version",
            Self::Signature => "signature",
            Self::Inclusion => "inclusion",
            Self::Since => "since",
        }
    }
}

impl Bundle {
    /// Reads a bundle; judges its form only.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
            version: u32,
        }
        if bytes.len() > LONGEST {
            return Err(BundleError::Form);
        }
        let head: Head = serde_json::from_slice(bytes).map_err(|_| BundleError::Form)?;
        match (head.format == FORMAT, head.version) {
            (true, VERSION) => serde_json::from_slice(bytes).map_err(|_| BundleError::Form),
            (true, v) if v > VERSION => Err(BundleError::Version),
            _ => Err(BundleError::Form),
        }
    }
    /// Its text, as written to a file.
    pub fn to_json(&self) -> String {
        // A plain structure of texts and numbers always serialises.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
    /// Judges everything that can be judged from the bundle alone, with `key`: the stated one, or one that is known from elsewhere.
    pub fn verify(&self, key: &PublicKey) -> Result<(), BundleError> {
        let c = &self.checkpoint;
        if !c.signed_by(&[*key]) {
            return Err(BundleError::Signature);
        }
        let leaf = self.trace.stub(&self.leaf.salt).leaf();
        if !verify_inclusion(&leaf, self.leaf.number, c.size, &c.root, &hashes(&self.proof)) {
            return Err(BundleError::Inclusion);
        }
        let Some(since) = &self.since else { return Ok(()) };
        let old = &since.checkpoint;
        let leads = verify_consistency(old.size, &old.root, c.size, &c.root, &hashes(&since.proof));
        // The older one may be from before a change of keys: its reader knows it by its root.
        if leads { Ok(()) } else { Err(BundleError::Since) }
    }
}

fn hashes(list: &[HexHash]) -> Vec<Hash> {
    // A longer proof is refused by its verification, whatever is left out here.
    list.iter().take(crate::tree::LONGEST_PROOF + 1).map(|h| h.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::tests::{pair, signed};
    use crate::trace::tests::sample;
    use crate::tree::{Frontier, prove_consistency, prove_inclusion};

    fn bundle() -> Bundle {
        let leaves: Vec<Hash> = (0..11).map(|i| sample(i).stub(&[i as u8; SALT]).leaf()).collect();
        let mut get = |h: u32, i: u64| {
            let mut f = Frontier::default();
            leaves.iter().skip((i << h) as usize).take(1 << h).for_each(|l| f.push(*l, |_, _, _| ()));
            Ok::<_, ()>(f.root())
        };
        let root = |n: usize| {
            let mut f = Frontier::default();
            leaves[..n].iter().for_each(|l| f.push(*l, |_, _, _| ()));
            f.root()
        };
        let key = pair(1);
        let proof = prove_inclusion(4, 11, &mut get).unwrap().unwrap();
        let older = prove_consistency(6, 11, &mut get).unwrap().unwrap();
        Bundle {
            format: FORMAT.into(),
            version: VERSION,
            trace: sample(4),
            leaf: Leaf { number: 4, salt: [4; SALT] },
            proof: proof.into_iter().map(HexHash).collect(),
            checkpoint: signed(&key, 11, root(11), 2000),
            key: key.1,
            since: Some(Since {
                checkpoint: signed(&key, 6, root(6), 1000),
                proof: older.into_iter().map(HexHash).collect(),
            }),
        }
    }

    #[test]
    fn a_good_bundle_verifies_and_reads_back() {
        let good = bundle();
        assert_eq!(good.verify(&good.key), Ok(()));
        assert_eq!(Bundle::parse(good.to_json().as_bytes()), Ok(good));
    }

    #[test]
    fn whatever_is_changed_is_found() {
        let good = bundle();
        let with = |change: &dyn Fn(&mut Bundle)| {
            let mut b = good.clone();
            change(&mut b);
            b.verify(&b.key)
        };
        let other = pair(2);
        assert_eq!(with(&|b| b.trace.outcome = "no".into()), Err(BundleError::Inclusion));
        assert_eq!(with(&|b| b.leaf.number = 5), Err(BundleError::Inclusion));
        assert_eq!(with(&|b| b.leaf.salt[0] ^= 1), Err(BundleError::Inclusion));
        assert_eq!(with(&|b| b.proof.truncate(2)), Err(BundleError::Inclusion));
        assert_eq!(with(&|b| b.proof.extend(vec![HexHash([0; 32]); 100])), Err(BundleError::Inclusion));
        assert_eq!(with(&|b| b.checkpoint.size = 12), Err(BundleError::Signature));
        assert_eq!(with(&|b| b.checkpoint.root[3] ^= 1), Err(BundleError::Signature));
        assert_eq!(with(&|b| b.key = other.1), Err(BundleError::Signature));
        assert_eq!(with(&|b| b.since.as_mut().unwrap().checkpoint.root[0] ^= 1), Err(BundleError::Since));
        // Signed again by another key it is whole, and proves nothing to whoever knows the real key.
        let forged =
            Bundle { checkpoint: signed(&other, 11, good.checkpoint.root, 2000), key: other.1, ..good.clone() };
        assert_eq!(forged.verify(&forged.key), Ok(()));
        assert_eq!(forged.verify(&good.key), Err(BundleError::Signature));
    }

    #[test]
    fn what_is_no_bundle_is_refused() {
        let text = bundle().to_json();
        let refused = |from: &str, to: &str| Bundle::parse(text.replacen(from, to, 1).as_bytes()).err();
        assert_eq!(refused("\"version\": 1", "\"version\": 2"), Some(BundleError::Version));
        assert_eq!(refused("sceau-evidence", "evidence"), Some(BundleError::Form));
        assert_eq!(refused("\"act\"", "\"deed\""), Some(BundleError::Form));
        assert_eq!(refused("\"leaf\"", "\"more\": 1, \"leaf\""), Some(BundleError::Form));
        assert_eq!(Bundle::parse(&vec![b' '; LONGEST + 1]), Err(BundleError::Form));
        assert_eq!(Bundle::parse(b""), Err(BundleError::Form));
    }
}
