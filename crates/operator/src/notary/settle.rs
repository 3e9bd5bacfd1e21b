//! Statements under the notary's key: what a restore says, and explanations of traces out of their time.
//!
//! A trace that entered the log much later, or much earlier, than it says (a clock that was wrong, an act that took long, or a forgery) is a
//! finding of every verification until an administrator looked at it and said why. The explanation is a trace of that administrator and is
//! signed, so that nobody can give it by writing into the database; every later verification tells it as a note.
use super::Notary;
use super::reader::{LogReader, columns};
use crate::boxed;
use crate::record::By;
use crate::refuse::{self, Fail};
use crate::rights::On;
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode, UseCase, plain};
use sceau_notary::statement::{SETTLED, Statement, What};
use sceau_notary::{Hash, PublicKey, checkpoint};
use sceau_store::notary as rows;
use sceau_store::vault::signing::Signer;
use sceau_store::{Id, StoreError};
use serde_json::json;

/// Longest reason, characters.
const REASON: usize = 1_000;

/// Signs a statement.
pub fn sign(signer: &Signer, what: What, name: &str, number: u64, hash: Hash, at: i64) -> Statement {
    let (origin, key) = (checkpoint::origin(name), PublicKey(signer.public()).id());
    let mut statement = Statement { what, origin, number, hash, at, key, signature: [0; 64] };
    statement.signature = signer.sign(&statement.message());
    statement
}

impl Notary {
    /// The restores of this log that its keys signed.
    pub(super) async fn restores(&self) -> Result<Vec<Statement>, StoreError> {
        let reader = LogReader::new(self.store().clone());
        let mut found = reader.statements().await?;
        found.retain(|s| s.what == What::Restored);
        if !found.is_empty() {
            let keys: Vec<PublicKey> =
                self.store().vault().signing_keys().await?.iter().map(|k| PublicKey(k.public)).collect();
            found.retain(|s| s.signed_by(&keys));
        }
        Ok(found)
    }
}

impl Operator {
    /// Explains why a trace's instant does not fit the log's: `trace.settled`, signed. `admin.not_found` when there is no such trace or it has
    /// no leaf yet; `admin.invalid` without a reason, or when the trace is not what its leaf was made from (that is no matter of time).
    #[boxed]
    pub async fn settle_trace(&self, actor: &Actor, trace: Id, reason: &str) -> Result<Statement, Refusal> {
        self.require(actor, UseCase::TraceSettle, On::Operator).await?;
        let reason = plain::said(reason, "reason", REASON)?;
        let leaf = self.0.store.read(move |tx| Ok::<_, Fail>(rows::leaf_of(tx, trace)?)).await?;
        let unknown = || Refusal::new(RefusalCode::NotFound).with("name", trace);
        let leaf = leaf.ok_or_else(unknown)?;
        let (row, salt) = (leaf.trace.ok_or_else(unknown)?, leaf.salt.unwrap_or_default());
        let hash = salt.try_into().ok().map(|salt: [u8; 32]| columns(row).stub(&salt).leaf());
        let hash = hash
            .filter(|h| h[..] == leaf.hash[..])
            .ok_or_else(|| Refusal::new(RefusalCode::Invalid).with("name", trace))?;
        let signer = self.0.store.vault().signer(None).await.map_err(|e| refuse::store(&e))?;
        let (name, number) = (&self.config().name, leaf.number.unsigned_abs());
        let statement = sign(&signer, What::Settled, name, number, hash, self.now().0);
        let data = json!({ "trace": trace, "leaf": number, "reason": reason, "statement": statement });
        let fact = self.fact(SETTLED, &By::actor(actor), None, "ok", data);
        self.0.store.write(move |tx| Ok::<_, Fail>(fact.write(tx)?)).await?;
        Ok(statement)
    }
}
