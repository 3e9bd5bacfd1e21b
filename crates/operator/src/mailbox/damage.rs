//! Kept content that turns out to be damaged while somebody reads it: the operator hears of it, and whoever comes again is not given the beginning of what
//! has no end.
//!
//! Promises: the first reader of a damaged content raises an alarm and leaves a trace; from then on it is read to its end before a byte of it is given out, so
//! that it is refused as a whole; once it can be read again (from a backup, say) it serves, and the alarm is over. What is known is this process's: after a
//! restart the next reader finds it again.
use crate::record::By;
use crate::refuse;
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::blob::{BlobId, BlobReader};
use sceau_store::{Id, StoreError, messages};
use serde_json::json;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most of it remembered; beyond it all are forgotten, and found again by who reads them.
const MOST: usize = 10_000;
/// Act, outcome and alarm.
const CODE: &str = "message.damaged";
/// Content of one chunk is read whole when it is opened: that costs nothing, because the chunk stays at hand.
const ONE_CHUNK: u64 = 64 << 10;

/// What can be damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum What {
    /// What the rows of one message hold: what the way added, the content's key.
    Rows(Id),
    /// Content, for all who have it.
    Content(BlobId),
}

impl What {
    /// As alarms name it, and `fsck`.
    fn name(self) -> String {
        match self {
            Self::Rows(message) => message.to_string(),
            Self::Content(blob) => hex::encode(blob),
        }
    }
}

/// What is known to be damaged.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<HashSet<What>>);

impl Known {
    fn lock(&self) -> MutexGuard<'_, HashSet<What>> {
        // A set is never half-written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn has(&self, what: What) -> bool {
        self.lock().contains(&what)
    }
    /// Remembers it; false when it was known.
    fn add(&self, what: What) -> bool {
        let mut known = self.lock();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(what)
    }
    /// Forgets it; false when it was not known.
    fn remove(&self, what: What) -> bool {
        self.lock().remove(&what)
    }
}

/// Who reads which message.
#[derive(Debug)]
pub(crate) struct Reading {
    operator: Operator,
    by: By,
    /// Where it is, with the address as traces write it.
    bal: (Id, Option<String>),
    message: Id,
    blob: BlobId,
}

impl Reading {
    pub fn new(operator: &Operator, actor: &Actor, bal: (Id, Option<String>), (message, blob): (Id, BlobId)) -> Self {
        Self { operator: operator.clone(), by: By::actor(actor), bal, message, blob }
    }

    /// Looks at what was just opened, as far as that costs nothing; to its end when it is known to be damaged. `message.damaged`.
    pub async fn opened(&self, blob: &mut BlobReader) -> Result<(), Refusal> {
        self.mended(What::Rows(self.message)).await;
        let content = What::Content(self.blob);
        if blob.size() <= ONE_CHUNK || self.operator.0.damaged.has(content) {
            if let Err(e) = blob.verify().await {
                return Err(self.content(&e).await);
            }
            self.mended(content).await;
        }
        Ok(())
    }

    /// The refusal for rows that do not open.
    pub async fn rows(&self, e: &StoreError) -> Refusal {
        self.failed(What::Rows(self.message), e).await
    }
    /// The refusal for content that cannot be read.
    pub async fn content(&self, e: &StoreError) -> Refusal {
        self.failed(What::Content(self.blob), e).await
    }

    /// Damage is told the first time; what may pass by itself is no damage.
    async fn failed(&self, what: What, e: &StoreError) -> Refusal {
        if !matches!(e, StoreError::Corrupt(_)) {
            return refuse::store(e);
        }
        let (bal, message) = (self.bal.0, self.message);
        let still = self.operator.0.store.read(move |tx| Ok(messages::content(tx, bal, message)?.is_some()));
        match still.await.map_err(|e: StoreError| refuse::store(&e)) {
            Ok(true) => {}
            // It was removed for good while it was being read.
            Ok(false) => return RefusalCode::EntryUnknown.into(),
            Err(refusal) => return refusal,
        }
        tracing::error!(message, error = %e, "a message is damaged");
        if self.operator.0.damaged.add(what) {
            let data = json!({ "message": message, "damaged": what.name() });
            let fact = self.operator.fact(CODE, &self.by, None, CODE, data).on(bal, self.bal.1.clone());
            self.operator.trace_alone(fact).await;
            let data = json!({ "message": message.to_string() });
            self.operator.raise_alarm(CODE, &what.name(), true, data).await;
        }
        RefusalCode::MessageDamaged.into()
    }

    /// It can be read.
    async fn mended(&self, what: What) {
        if self.operator.0.damaged.remove(what) {
            self.operator.clear_alarm(CODE, &what.name()).await;
        }
    }
}
