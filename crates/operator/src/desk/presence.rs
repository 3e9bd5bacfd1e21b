//! Who answers a message of a shared BAL at this moment, so that two do not answer it at once. A hint: no act, no trace, gone by itself.
use super::beside::names;
use crate::boxed;
use crate::refuse::Fail;
use crate::{Actor, Operator};
use sceau_domain::Refusal;
use sceau_store::desk::beside as rows;
use sceau_store::{Id, Tx};

/// How long somebody who says nothing more is taken to answer still, milliseconds. Pages say it again in less than half of that.
pub const PRESENCE: i64 = 45_000;

impl Operator {
    /// Says that the actor answers a message, or does not any more; the names of the others who do. Those who watch the BAL are told at the beginning and at
    /// the end only. At a BAL of one person nothing is noted, and nobody else answers. `entry.unknown`, `right.missing`.
    #[boxed]
    pub async fn present(&self, actor: &Actor, message: Id, answering: bool) -> Result<Vec<String>, Refusal> {
        let Ok(seat) = self.shared_seat(actor) else {
            self.seat(actor)?;
            return Ok(Vec::new());
        };
        let seat = seat.sending();
        self.stands(actor, message).await?;
        let (person, now) = (actor.person(), self.now().0);
        let write = move |tx: &mut dyn Tx| {
            seat.check(tx)?;
            let changed = match answering {
                true => rows::present(tx, seat.bal, (message, person), now, now + PRESENCE)?,
                false => rows::absent(tx, seat.bal, message, person)?,
            };
            let others = rows::who_answers(tx, seat.bal, message, person, now)?;
            Ok::<_, Fail>((changed, others.clone(), names(tx, &others)?))
        };
        let (changed, others, names) = self.0.store.write(write).await?;
        if changed {
            self.0.watch.notify(seat.bal);
        }
        Ok(others.iter().filter_map(|id| names.get(id).cloned()).collect())
    }

    /// Who else answers a message now: names. `entry.unknown` where the actor may not see it.
    #[boxed]
    pub async fn who_answers(&self, actor: &Actor, message: Id) -> Result<Vec<String>, Refusal> {
        let Ok(seat) = self.shared_seat(actor) else { return Ok(Vec::new()) };
        self.stands(actor, message).await?;
        let (person, now) = (actor.person(), self.now().0);
        let look = move |tx: &mut dyn Tx| {
            seat.check(tx)?;
            let others = rows::who_answers(tx, seat.bal, message, person, now)?;
            Ok::<_, Fail>((others.clone(), names(tx, &others)?))
        };
        let (others, names) = self.0.store.read(look).await?;
        Ok(others.iter().filter_map(|id| names.get(id).cloned()).collect())
    }
}
