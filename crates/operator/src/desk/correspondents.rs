//! To whom a BAL wrote, for completion (F242).
//!
//! Promises: name and address are sealed under the BAL's key; of what is marked personal nobody is kept (F074: a delegate would learn to whom the holder
//! writes); a structure's server and an applicative BAL keep nobody; who was not written to for long is forgotten with the counts of abuse.
use super::directory::matches;
use super::sources::{People, people};
use crate::access::Seat;
use crate::mailbox::seal::BalSeal;
use crate::mailbox::words::Keywords;
use crate::refuse::Fail;
use crate::{Operator, Received};
use sceau_domain::Refusal;
use sceau_store::Id;
use sceau_store::desk::correspondents::{self as rows, Correspondent, Wrote};
use std::cmp::Reverse;

/// What name and address are sealed with; object: the BAL.
const SEALED: &str = "correspondent";
/// Those written to last that are looked through.
const LOOKED: i64 = 2_000;

/// The digest of an address, and who it is: name and address; none where nobody but the writer may know.
pub(crate) type Addressed = (Vec<u8>, Option<(String, String)>);

/// Somebody to whom a BAL wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The name; may be empty.
    pub name: String,
    /// The address, as written.
    pub address: String,
    /// How many messages.
    pub count: i64,
    /// When last, milliseconds.
    pub at: i64,
}

impl Operator {
    /// How a message names those to whom it goes; none where it is marked personal in the BAL that sends it.
    pub(crate) async fn named_in(&self, bal: Id, message: &Received) -> Result<Option<People>, Refusal> {
        if self.mark_of(bal, message, &Keywords::default()).await?.is_some() {
            return Ok(None);
        }
        let envelope = &message.scan.envelope;
        Ok(Some([&envelope.to, &envelope.cc].into_iter().flat_map(|list| people(list)).collect()))
    }

    /// Those to whom a BAL wrote, ready to be kept. Where the BAL's key is gone they are counted alone.
    pub(crate) async fn sealed_correspondents(&self, bal: Id, to: &[Addressed]) -> Vec<Wrote> {
        let seal = self.bal_seal(bal).await.ok();
        let one = |(tag, who): &Addressed| {
            let sealed = who.as_ref().zip(seal.as_ref()).and_then(|(who, seal)| {
                let json = serde_json::to_vec(who).ok()?;
                seal.seal(bal, SEALED, &json).ok()
            });
            let named = who.as_ref().is_some_and(|(name, _)| !name.is_empty());
            Wrote { tag: tag.clone(), sealed, named }
        };
        to.iter().map(one).collect()
    }

    /// Those to whom the BAL of a seat wrote that hold these words: the ones written to most first.
    pub(super) async fn correspondents(
        &self,
        seat: Seat,
        words: &[String],
        most: usize,
    ) -> Result<Vec<Known>, Refusal> {
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            Ok(rows::latest(tx, seat.bal, LOOKED)?)
        });
        let (found, seal) = (read.await?, self.bal_seal(seat.bal).await?);
        let mut found: Vec<Known> = found.iter().filter_map(|c| known(&seal, seat.bal, c)).collect();
        found.retain(|k| matches(words, &[&k.name, &k.address]));
        found.sort_by_key(|k| Reverse((k.count, k.at)));
        found.truncate(most);
        Ok(found)
    }
}

/// One that cannot be opened is left out.
fn known(seal: &BalSeal, bal: Id, row: &Correspondent) -> Option<Known> {
    let json = seal.open(bal, SEALED, &row.sealed).ok()?;
    let (name, address) = serde_json::from_slice(&json).ok()?;
    Some(Known { name, address, count: row.count, at: row.at })
}
