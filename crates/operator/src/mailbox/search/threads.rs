//! Finding by conversations (RFC 5256 §3 THREAD).
use super::Query;
use super::order::turn;
use crate::boxed;
use crate::mailbox::entries::Entry;
use crate::{Actor, Operator};
use sceau_domain::Refusal;
use sceau_message::summary::Summary;
use sceau_message::thread::{Algorithm, Facts, Threader, Threads};
use sceau_store::{Id, StoreError};
use std::sync::Arc;

impl Operator {
    /// The conversations of those of `entries` (the session's view) that match, messages named by their UIDs. Refused as [`Operator::search`] is.
    #[boxed]
    pub async fn threads(
        &self,
        actor: &Actor,
        entries: &[Entry],
        query: &Query,
        algorithm: Algorithm,
    ) -> Result<Threads, Refusal> {
        let uids = self.search(actor, entries, query).await?;
        let _turn = turn(uids.len()).await?;
        let found =
            uids.iter().filter_map(|uid| entries.binary_search_by_key(uid, |e| e.uid).ok()).map(|i| &entries[i]);
        let (known, ids): (Vec<(u32, i64)>, Vec<Id>) =
            found.map(|e| ((e.uid, e.internal_date.seconds()), e.message)).unzip();
        let seat = self.seat(actor)?;
        let seal = self.bal_seal(seat.bal).await?;
        let (known, ids) = (Arc::new(known), Arc::new(ids));
        let named = ids.clone();
        let see = move |threader: &mut Threader, i: usize, clear: Option<&[u8]>| -> Result<(), StoreError> {
            let Some((uid, arrived)) = known.get(i) else { return Ok(()) };
            match clear {
                Some(clear) => {
                    let corrupt = || StoreError::Corrupt(named.get(i).map(Id::to_string).unwrap_or_default());
                    let summary = Summary::from_bytes(clear).ok_or_else(corrupt)?;
                    threader.push(*uid, &Facts::of(&summary, *arrived));
                }
                None => threader.push(*uid, &Facts::unknown(*arrived)),
            }
            Ok(())
        };
        let threader = Threader::new(algorithm, ids.len());
        let threader = self.each_summary(seat, &seal, &ids, threader, see).await?;
        super::blocking(move || Ok(threader.finish())).await
    }
}
