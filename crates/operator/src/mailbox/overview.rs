//! Every folder of a BAL with its counts, all of one instant and by one question: what a session follows that wants to hear of all of them.
use super::folders::{Folder, FolderStatus, open_names, seen_by};
use crate::refuse::{self, Fail};
use crate::{Actor, Operator};
use sceau_domain::Refusal;

impl Operator {
    /// Folders of the actor's BAL with their counts, by id.
    pub async fn overview(&self, actor: &Actor) -> Result<Vec<(Folder, FolderStatus)>, Refusal> {
        let seat = self.seat(actor)?;
        let seal = self.bal_seal(seat.bal).await?;
        let person = actor.person();
        let rows = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            Ok(seen_by(tx, seat.bal, person)?)
        });
        let named = open_names(&seal, rows.await?).map_err(|e| refuse::store(&e))?;
        Ok(named.into_iter().map(|(row, name)| (Folder::of(&row, name), FolderStatus::of(&row))).collect())
    }
}
