//! `sceau backup` of a running server: begun by an administrator, watched until it is done; traced at its end.
use crate::boxed;
use crate::record::By;
use crate::rights::On;
use crate::{Actor, Operator};
use sceau_domain::{Lang, Refusal, RefusalCode, UseCase, text::text};
use sceau_store::care::backup::{BackedUp, backup};
use sceau_store::care::{CareError, Progress};
use sceau_store::{Store, StoreError, traces};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// The backup that runs, or the last one of this process.
#[derive(Debug, Default)]
pub(crate) struct State(Mutex<Option<Work>>);

#[derive(Debug)]
struct Work {
    progress: Arc<Progress>,
    outcome: Option<Result<BackedUp, CareError>>,
}

/// How far a backup is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BackupStatus {
    /// It runs still.
    pub running: bool,
    /// What it does: a key below `care.phase`.
    pub phase: String,
    /// Steps done.
    pub done: u64,
    /// Steps in all, 0 when unknown.
    pub total: u64,
    /// What it did, once it is done.
    #[schema(value_type = Option<Object>)]
    pub result: Option<BackedUp>,
    /// Why it failed.
    pub error: Option<CareFailure>,
}

/// Why care of the store failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CareFailure {
    /// Stable code.
    pub code: String,
    /// Sentence in French.
    pub fr: String,
    /// Sentence in English.
    pub en: String,
}

impl From<&CareError> for CareFailure {
    fn from(e: &CareError) -> Self {
        let arguments = e.arguments();
        let arguments: Vec<(&str, &str)> = arguments.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let key = match e {
            CareError::Store(_) => "care.error.store".to_owned(),
            other => format!("care.error.{}", other.code().trim_start_matches("care.")),
        };
        let of = |lang| text(lang, &key, &arguments);
        Self { code: e.code().into(), fr: of(Lang::Fr), en: of(Lang::En) }
    }
}

/// A backup of a store that no server uses, by whoever may open it: traced as the system's.
#[boxed]
pub async fn alone(
    store: &Store,
    folder: PathBuf,
    keep: Option<u32>,
    progress: &Arc<Progress>,
) -> Result<BackedUp, CareError> {
    let done = backup(store, folder, keep.map(generations), progress).await?;
    let data = serde_json::to_value(&done).unwrap_or_default();
    let trace = super::system_trace(store, "store.backed_up", None, &data);
    store.write(move |tx| traces::record(tx, &trace)).await.map_err(|e: StoreError| e)?;
    Ok(done)
}

fn generations(keep: u32) -> usize {
    usize::try_from(keep).unwrap_or(usize::MAX)
}

impl Operator {
    /// Begins a backup into a folder of this machine, an absolute path that the server's account may write to; with `keep`, older
    /// generations beyond so many go. `care.running` when one runs already, `admin.invalid` for a path that is not absolute.
    #[boxed]
    pub async fn start_backup(
        &self,
        actor: &Actor,
        folder: PathBuf,
        keep: Option<u32>,
    ) -> Result<BackupStatus, Refusal> {
        self.require(actor, UseCase::BackupStart, On::Operator).await?;
        if !folder.is_absolute() {
            return Err(Refusal::new(RefusalCode::Invalid).with("name", "folder"));
        }
        let progress = Arc::new(Progress::default());
        {
            let mut state = self.0.care.0.lock().unwrap_or_else(PoisonError::into_inner);
            if state.as_ref().is_some_and(|work| work.outcome.is_none()) {
                return Err(RefusalCode::CareRunning.into());
            }
            *state = Some(Work { progress: Arc::clone(&progress), outcome: None });
        }
        let (operator, by) = (self.clone(), By::actor(actor));
        tokio::spawn(async move {
            let outcome = backup(&operator.0.store, folder, keep.map(generations), &progress).await;
            let (code, data) = match &outcome {
                Ok(done) => ("ok", serde_json::to_value(done).unwrap_or_default()),
                Err(e) => {
                    tracing::error!(code = e.code(), error = %e, "backup failed");
                    (e.code(), json!({}))
                }
            };
            operator.trace_alone(operator.fact("store.backed_up", &by, None, code, data)).await;
            let mut state = operator.0.care.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(work) = state.as_mut() {
                work.outcome = Some(outcome);
            }
        });
        self.backup_status(actor).await
    }

    /// How far the backup is that this server runs, or how the last one ended. `admin.not_found` when there was none since the start.
    #[boxed]
    pub async fn backup_status(&self, actor: &Actor) -> Result<BackupStatus, Refusal> {
        self.require(actor, UseCase::BackupShow, On::Operator).await?;
        let state = self.0.care.0.lock().unwrap_or_else(PoisonError::into_inner);
        let work = state.as_ref().ok_or(RefusalCode::NotFound)?;
        let (phase, done, total) = work.progress.now();
        Ok(BackupStatus {
            running: work.outcome.is_none(),
            phase: phase.as_str().into(),
            done,
            total,
            result: work.outcome.as_ref().and_then(|o| o.as_ref().ok()).cloned(),
            error: work.outcome.as_ref().and_then(|o| o.as_ref().err()).map(CareFailure::from),
        })
    }
}
