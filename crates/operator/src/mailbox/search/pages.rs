//! Summaries of many messages, one after the other in their order: a page is read while the one before is opened, on a blocking thread.
use super::blocking;
use crate::Operator;
use crate::access::Seat;
use crate::mailbox::read::damaged;
use crate::mailbox::seal::{BalSeal, MESSAGE_SUMMARY};
use crate::refuse::{self, Fail};
use sceau_domain::Refusal;
use sceau_store::messages::{self, Summaries};
use sceau_store::{Id, StoreError};

/// Messages of the first page, and of any.
const FIRST: usize = 50;
const MOST: usize = 250;
/// What a page should weigh, bytes: pages grow and shrink towards it.
const WEIGHT: usize = 1 << 20;

impl Operator {
    /// Shows the clear bytes of each message's summary (none when it is gone, or damaged) to `see`, with its place in `ids` and what is gathered so
    /// far; `see` gathers nothing of what it refuses. The seat is asked for at each page: whoever loses it meanwhile hears so.
    pub(super) async fn each_summary<S, F>(
        &self,
        seat: Seat,
        seal: &BalSeal,
        ids: &[Id],
        mut gathered: S,
        see: F,
    ) -> Result<S, Refusal>
    where
        S: Send + 'static,
        F: Fn(&mut S, usize, Option<&[u8]>) -> Result<(), StoreError> + Clone + Send + 'static,
    {
        let mut at = 0;
        let mut next = Some(self.rows_to_sort(seat, ids.get(..FIRST.min(ids.len())).unwrap_or_default()).await?);
        while let Some(Summaries { rows, told }) = next.take() {
            let here: Vec<Id> = ids.get(at..).unwrap_or_default().iter().take(told.max(1)).copied().collect();
            let weight: usize = rows.values().map(|r| r.summary.len()).sum();
            let (first, until) = (at, at + here.len());
            at = until;
            let page = (here.len() * WEIGHT / weight.max(1)).clamp(1, MOST);
            let (seal, see) = (seal.clone(), see.clone());
            let work = blocking(move || {
                let mut room = Vec::new();
                for (i, id) in here.iter().enumerate() {
                    let row = rows.get(id);
                    let clear = row.map(|row| seal.open_in(*id, MESSAGE_SUMMARY, &row.summary, &mut room)).transpose();
                    if let Err(e) = clear.and_then(|clear| see(&mut gathered, first + i, clear)) {
                        // Nothing is known of it, and the others go on.
                        damaged(*id, &e)?;
                        see(&mut gathered, first + i, None).map_err(|e| refuse::store(&e))?;
                    }
                }
                Ok(gathered)
            });
            let later = ids.get(until..(until + page).min(ids.len())).unwrap_or_default();
            let more =
                async { if later.is_empty() { Ok(None) } else { self.rows_to_sort(seat, later).await.map(Some) } };
            let (done, more) = tokio::join!(work, more);
            (gathered, next) = (done?, more?);
        }
        Ok(gathered)
    }

    async fn rows_to_sort(&self, seat: Seat, ids: &[Id]) -> Result<Summaries, Refusal> {
        let ids = ids.to_vec();
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            Ok(messages::summaries(tx, seat.bal, &ids)?)
        });
        Ok(read.await?)
    }
}
