//! The log as verifiers read it: page by page, each page one snapshot. Judges nothing: see [`sceau_notary::audit`].
use crate::boxed;
use sceau_notary::audit::{CheckpointRow, LeafRow, NodeRow, Page, Unsealed};
use sceau_notary::statement::{RESTORED, SETTLED, Statement};
use sceau_notary::{Checkpoint, PublicKey, Trace, tree};
use sceau_store::notary as rows;
use sceau_store::traces;
use sceau_store::{Store, StoreError, Tx, id};
use serde::{Deserialize, Serialize};

/// Leaves of a page.
const LEAVES: i64 = 1_000;
/// Checkpoints of a page.
const CHECKPOINTS: i64 = 5_000;
/// Statements of each sort that are given at most.
const STATEMENTS: i64 = 5_000;
/// Traces looked at for one answer about those without a leaf.
const LOOKED_AT: i64 = 20_000;

/// Reads the log of a store.
#[derive(Debug, Clone)]
pub struct LogReader(pub(super) Store);

/// What a verifier must know first.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Overview {
    /// Leaves.
    pub size: u64,
    /// Instant of the last checkpoint, 0 when there is none, milliseconds.
    pub at: i64,
    /// Keys of the notary, oldest first.
    pub keys: Vec<SigningKeyView>,
    /// Number of the node that answers: the one whose file the configuration names.
    pub keeper: i64,
    /// Why purges are suspended.
    pub hold: Option<String>,
    /// What the operator says of its log: restores, settlements.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub statements: Vec<Statement>,
}

/// A public key of the notary, as shown.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SigningKeyView {
    /// Id, as checkpoints name it.
    pub id: String,
    /// SHA-256 of the key, hexadecimal.
    pub fingerprint: String,
    /// PEM.
    pub pem: String,
    /// Since when it signs, milliseconds.
    pub created: i64,
    /// When it was replaced.
    pub retired: Option<i64>,
}

impl LogReader {
    /// Over an open store, for commands that run without a server. A server asks the [`crate::Operator`], which judges rights.
    pub fn new(store: Store) -> Self {
        Self(store)
    }

    /// What a verifier must know first.
    #[boxed]
    pub async fn overview(&self) -> Result<Overview, StoreError> {
        let state = self.0.read(rows::state).await?;
        let keys = self.0.vault().signing_keys().await?;
        let keys = keys.iter().map(|k| {
            let public = PublicKey(k.public);
            let (id, fingerprint, pem) = (public.id(), public.fingerprint(), public.pem());
            SigningKeyView { id, fingerprint, pem, created: k.created, retired: k.retired }
        });
        Ok(Overview {
            size: state.size.unsigned_abs(),
            at: state.at,
            keys: keys.collect(),
            keeper: i64::from(self.0.node()),
            hold: state.hold,
            statements: self.statements().await?,
        })
    }

    /// The statements of the log, newest first. Whoever relies on them compares their signatures.
    #[boxed]
    pub async fn statements(&self) -> Result<Vec<Statement>, StoreError> {
        self.0
            .read(|tx| {
                let mut out = Vec::new();
                for act in [RESTORED, SETTLED] {
                    let found = traces::of_act(tx, act, STATEMENTS)?;
                    out.extend(found.iter().filter_map(|t| Statement::of_trace(&t.data)));
                }
                Ok(out)
            })
            .await
    }

    /// The leaves from number `from` on; [`i64::MIN`] for the first page, so that nothing hides before the first leaf.
    #[boxed]
    pub async fn page(&self, from: i64) -> Result<Page, StoreError> {
        self.0.read(move |tx| page(tx, from)).await
    }

    /// Traces without a leaf among those above `after`.
    #[boxed]
    pub async fn unsealed(&self, after: i64) -> Result<Unsealed, StoreError> {
        let (found, next) = self.0.read(move |tx| rows::patrol(tx, after, LOOKED_AT)).await?;
        Ok(Unsealed { traces: found.iter().map(|t| (t.id, id::made_at(t.id).0, t.at)).collect(), next })
    }
}

fn page(tx: &mut dyn Tx, from: i64) -> Result<Page, StoreError> {
    let leaves = rows::leaves(tx, from, LEAVES)?;
    let more = leaves.len() as i64 == LEAVES;
    let mut out = Page { more, ..Page::default() };
    let numbers = leaves.iter().map(|l| l.number).filter(|n| *n >= 0);
    if let (Some(first), Some(last)) = (numbers.clone().min(), numbers.max()) {
        let mut height = tree::STRIDE;
        while height < 63 && (last + 1) >> height > 0 {
            for (index, hash) in rows::nodes(tx, i64::from(height), first >> height, ((last + 1) >> height) - 1)? {
                out.nodes.push(NodeRow { height, index: index.unsigned_abs(), hash });
            }
            height += tree::STRIDE;
        }
    }
    let upto = leaves.last().filter(|_| more).map_or(i64::MAX, |l| l.number.saturating_add(1));
    let checkpoints = rows::checkpoints(tx, from, upto, CHECKPOINTS)?;
    out.checkpoints =
        checkpoints.into_iter().map(|c| CheckpointRow { keeper: c.keeper, checkpoint: shown(c) }).collect();
    out.leaves = leaves.into_iter().map(leaf).collect();
    Ok(out)
}

fn leaf(l: rows::Leaf) -> LeafRow {
    let (number, trace_id, salt, hash, stub, purged_by) = (l.number, l.trace_id, l.salt, l.hash, l.stub, l.purged_by);
    LeafRow { number, trace_id, salt, hash, stub, purged_by, trace: l.trace.map(columns) }
}

/// A checkpoint of the store. What has a wrong length becomes zeros, which no key signed.
pub(super) fn shown(c: rows::Checkpoint) -> Checkpoint {
    Checkpoint {
        origin: c.origin,
        size: u64::try_from(c.size).unwrap_or(0),
        root: c.root.try_into().unwrap_or([0; 32]),
        at: c.at,
        key: c.key,
        signature: c.signature.try_into().unwrap_or([0; 64]),
    }
}

/// A trace of the store as the notary encodes it.
pub(super) fn columns(t: traces::Trace) -> Trace {
    Trace {
        id: t.id,
        kind: t.kind,
        act: t.act,
        at: t.at,
        person_id: t.person_id,
        actor: t.actor,
        bal_id: t.bal_id,
        bal: t.bal,
        remote: t.remote,
        session: t.session,
        outcome: t.outcome,
        data: t.data,
    }
}
