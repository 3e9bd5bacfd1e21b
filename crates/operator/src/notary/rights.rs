//! What administrators ask of the notary: each question is a use case, judged and traced.
use super::{EvidenceError, LogReader, Overview, SigningKeyView};
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Operator, refuse};
use sceau_domain::{Refusal, RefusalCode, UseCase};
use sceau_notary::audit::{Page, Unsealed};
use sceau_notary::{Bundle, Checkpoint, PublicKey};
use sceau_store::{Id, StoreError, Tx};
use serde_json::json;
use std::time::Duration;

/// How long evidence of a new trace waits for its leaf.
const PATIENCE: u32 = 60;
const PAUSE: Duration = Duration::from_millis(250);

impl Operator {
    async fn log_reader(&self, actor: &Actor) -> Result<LogReader, Refusal> {
        self.require(actor, UseCase::TraceProve, On::Operator).await?;
        Ok(LogReader::new(self.0.store.clone()))
    }

    /// Begins a verification of the whole log: what must be known first. Reading all traces is traced, once.
    #[boxed]
    pub async fn log_overview(&self, actor: &Actor) -> Result<Overview, Refusal> {
        let reader = self.log_reader(actor).await?;
        self.flush_traces().await?;
        let overview = reader.overview().await.map_err(|e| refuse::store(&e))?;
        let data = json!({ "leaves": overview.size });
        self.trace_alone(self.fact("trace.verified", &By::actor(actor), None, "ok", data)).await;
        Ok(overview)
    }
    /// How the log is: what is known before it is read. Looking at that is not traced.
    #[boxed]
    pub async fn log_state(&self, actor: &Actor) -> Result<Overview, Refusal> {
        self.log_reader(actor).await?.overview().await.map_err(|e| refuse::store(&e))
    }
    /// A page of the log.
    #[boxed]
    pub async fn log_page(&self, actor: &Actor, from: i64) -> Result<Page, Refusal> {
        self.log_reader(actor).await?.page(from).await.map_err(|e| refuse::store(&e))
    }
    /// Traces without a leaf.
    #[boxed]
    pub async fn log_unsealed(&self, actor: &Actor, after: i64) -> Result<Unsealed, Refusal> {
        self.log_reader(actor).await?.unsealed(after).await.map_err(|e| refuse::store(&e))
    }
    /// The evidence of a trace; of one that has no leaf yet as soon as it has. `admin.not_found`; `system.unavailable` when it gets none; `admin.invalid` when the
    /// checkpoint to lead back to is not of this log.
    #[boxed]
    pub async fn evidence(&self, actor: &Actor, trace: Id, since: Option<Checkpoint>) -> Result<Bundle, Refusal> {
        let reader = self.log_reader(actor).await?;
        let mut found = reader.evidence(trace, since.clone()).await;
        for _ in 0..PATIENCE {
            if found != Err(EvidenceError::NotYet) {
                break;
            }
            tokio::time::sleep(PAUSE).await;
            found = reader.evidence(trace, since.clone()).await;
        }
        let bundle = found.map_err(|e| match e {
            EvidenceError::Unknown => Refusal::new(RefusalCode::NotFound).with("name", trace),
            EvidenceError::NotYet => RefusalCode::Unavailable.into(),
            EvidenceError::Foreign => Refusal::new(RefusalCode::Invalid).with("name", "since"),
            EvidenceError::Store(e) => refuse::store(&e),
        })?;
        let data = json!({ "trace": trace, "leaf": bundle.leaf.number });
        self.trace_alone(self.fact("trace.proved", &By::actor(actor), None, "ok", data)).await;
        Ok(bundle)
    }
    /// The notary's public keys, oldest first; the one without `retired` signs.
    #[boxed]
    pub async fn notary_keys(&self, actor: &Actor) -> Result<Vec<SigningKeyView>, Refusal> {
        let reader = self.log_reader(actor).await?;
        let made = self.0.store.vault().signer(None).await;
        made.map_err(|e| refuse::store(&e))?;
        Ok(reader.overview().await.map_err(|e| refuse::store(&e))?.keys)
    }
    /// Puts a new key of the notary in force. The trace names both, so that the log itself says where the change was. The key lies in the keyring,
    /// which has transactions of its own: that it was asked is traced before, in the transaction that judges the right.
    #[boxed]
    pub async fn rotate_notary_key(&self, actor: &Actor) -> Result<Vec<SigningKeyView>, Refusal> {
        let mut by = By::actor(actor);
        // The request's key is taken by what was done: what was only asked may be asked again.
        if let Some(origin) = &mut by.origin {
            origin.once = None;
        }
        let (asked, asker) = (self.fact("trace.key_asked", &by, None, "ok", json!({})), actor.clone());
        let ask = move |tx: &mut dyn Tx| {
            permit(tx, &asker, UseCase::LogKeyRotate, On::Operator)?;
            Ok::<_, Fail>(asked.write(tx)?)
        };
        self.0.store.write(ask).await?;
        let rotated: Result<_, StoreError> = self.0.store.vault().rotate_signing_key().await;
        let (new, old) = rotated.map_err(|e| refuse::store(&e))?;
        let data = json!({ "new": PublicKey(new).fingerprint(), "old": PublicKey(old).fingerprint() });
        self.trace_alone(self.fact("trace.key_changed", &By::actor(actor), None, "ok", data)).await;
        let reader = LogReader::new(self.0.store.clone());
        Ok(reader.overview().await.map_err(|e| refuse::store(&e))?.keys)
    }
}
