//! Evidence: a trace as a bundle that anyone can verify ([`sceau_notary::bundle`]).
use super::LogReader;
use super::fold::{kept, root_at};
use super::reader::{columns, shown};
use crate::boxed;
use sceau_notary::bundle::{Bundle, FORMAT, HexHash, Leaf, Since, VERSION};
use sceau_notary::{Checkpoint, PublicKey, tree};
use sceau_store::notary as rows;
use sceau_store::{Id, StoreError, Tx, traces};

/// Why there is no bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvidenceError {
    /// No such trace (it was purged, perhaps).
    Unknown,
    /// It has no leaf yet.
    NotYet,
    /// The checkpoint to lead back to is not of this log, or later than the newest one.
    Foreign,
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for EvidenceError {
    fn from(e: StoreError) -> Self {
        Self::Store(e)
    }
}

impl LogReader {
    /// The evidence of a trace, up to the newest checkpoint; `since`, an older checkpoint that somebody holds, is led back to.
    #[boxed]
    pub async fn evidence(&self, trace: Id, since: Option<Checkpoint>) -> Result<Bundle, EvidenceError> {
        let keys = self.0.vault().signing_keys().await?;
        self.0
            .read(move |tx| {
                let Some(leaf) = rows::leaf_of(tx, trace)? else {
                    let newer =
                        traces::list(tx, &traces::Filter { after: Some(trace - 1), limit: 1, ..Default::default() })?;
                    let there = newer.first().is_some_and(|t| t.id == trace);
                    return Err(if there { EvidenceError::NotYet } else { EvidenceError::Unknown });
                };
                let (Some(row), Some(Ok(salt))) = (leaf.trace, leaf.salt.map(TryInto::try_into)) else {
                    return Err(EvidenceError::Unknown);
                };
                let newest = rows::newest(tx)?.map(shown).ok_or(EvidenceError::NotYet)?;
                let number = leaf.number.unsigned_abs();
                let proof = tree::prove_inclusion(number, newest.size, &mut |h, i| kept(tx, h, i))?;
                let key = keys.iter().map(|k| PublicKey(k.public)).find(|k| k.id() == newest.key);
                let (Some(proof), Some(key)) = (proof, key) else { return Err(EvidenceError::NotYet) };
                let since = since.clone().map(|old| lead_back(tx, old, &newest)).transpose()?;
                Ok(Bundle {
                    format: FORMAT.into(),
                    version: VERSION,
                    trace: columns(row),
                    leaf: Leaf { number, salt },
                    proof: proof.into_iter().map(HexHash).collect(),
                    checkpoint: newest,
                    key,
                    since,
                })
            })
            .await
    }
}

fn lead_back(tx: &mut dyn Tx, old: Checkpoint, newest: &Checkpoint) -> Result<Since, EvidenceError> {
    // From the tree, not from the checkpoints: old ones are thinned.
    if root_at(tx, old.size)? != Some(old.root) {
        return Err(EvidenceError::Foreign);
    }
    let proof = tree::prove_consistency(old.size, newest.size, &mut |h, i| kept(tx, h, i))?;
    let proof = proof.ok_or(EvidenceError::Foreign)?;
    Ok(Since { checkpoint: old, proof: proof.into_iter().map(HexHash).collect() })
}
