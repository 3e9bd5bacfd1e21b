//! Kept content that turns out to be damaged while somebody reads it: the operator hears of it, and whoever comes again is not given the beginning of what
//! has no end.
//!
//! Promises: the first reader of a damaged content raises an alarm and leaves a trace; from then on it is read to its end before a byte of it is given out, so
//! that it is refused as a whole; once it can be read again (from a backup, say) it serves, and the alarm is over. What is known are the open alarms
//! themselves: every node knows the same, after a restart too.
use crate::boxed;
use crate::record::By;
use crate::refuse;
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::blob::{self, BlobId, BlobReader, Found};
use sceau_store::{Id, StoreError, alarms, messages};
use serde_json::json;

/// Act, outcome and alarm.
const CODE: &str = "message.damaged";
/// Content of one chunk is read whole when it is opened: that costs nothing, because the chunk stays at hand.
const ONE_CHUNK: u64 = 64 << 10;

/// What can be damaged.
#[derive(Debug, Clone, Copy)]
enum What {
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

/// What the open alarms say of a message.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    rows: bool,
    content: bool,
}

impl Known {
    fn has(self, what: What) -> bool {
        match what {
            What::Rows(_) => self.rows,
            What::Content(_) => self.content,
        }
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
    known: Known,
}

impl Reading {
    pub fn new(operator: &Operator, actor: &Actor, bal: (Id, Option<String>), (message, blob): (Id, BlobId)) -> Self {
        Self { operator: operator.clone(), by: By::actor(actor), bal, message, blob, known: Known::default() }
    }

    /// The row of the content, and in the same question what is known of the message.
    #[boxed]
    pub async fn find(&mut self) -> Result<Option<Found>, Refusal> {
        let blob = self.blob;
        let [rows, content] = [What::Rows(self.message), What::Content(blob)].map(What::name);
        let read = self.operator.0.store.read::<_, StoreError, _>(move |tx| {
            Ok((blob::find(tx, &blob)?, alarms::open_about(tx, CODE, [&rows, &content])?))
        });
        match read.await {
            Ok((found, [rows, content])) => {
                self.known = Known { rows, content };
                Ok(found)
            }
            Err(e) => Err(self.content(&e).await),
        }
    }

    /// Looks at what was just opened, as far as that costs nothing; to its end when it is known to be damaged. `message.damaged`.
    #[boxed]
    pub async fn opened(&self, blob: &mut BlobReader) -> Result<(), Refusal> {
        self.mended(What::Rows(self.message)).await;
        let content = What::Content(self.blob);
        if blob.size() <= ONE_CHUNK || self.known.has(content) {
            if let Err(e) = blob.verify().await {
                return Err(self.content(&e).await);
            }
            self.mended(content).await;
        }
        Ok(())
    }

    /// The refusal for rows that do not open.
    #[boxed]
    pub async fn rows(&self, e: &StoreError) -> Refusal {
        self.failed(What::Rows(self.message), e).await
    }
    /// The refusal for content that cannot be read.
    #[boxed]
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
        if !self.known.has(what) {
            let data = json!({ "message": message, "damaged": what.name() });
            let fact = self.operator.fact(CODE, &self.by, None, CODE, data).on(bal, self.bal.1.clone());
            let data = json!({ "message": message.to_string() });
            self.operator.raise_alarm_once(CODE, &what.name(), data, fact).await;
        }
        RefusalCode::MessageDamaged.into()
    }

    /// It can be read.
    async fn mended(&self, what: What) {
        if self.known.has(what) {
            self.operator.clear_alarm(CODE, &what.name()).await;
        }
    }
}
