//! Every folder of a BAL with its counts, all of one instant and by one question: what a session follows that wants to hear of all of them.
use super::folders::{Folder, FolderStatus, open_names, seen_by};
use crate::boxed;
use crate::refuse::{self, Fail};
use crate::{Actor, Operator};
use sceau_domain::Refusal;

impl Operator {
    /// Folders of the actor's BAL with their counts, by id.
    #[boxed]
    pub async fn overview(&self, actor: &Actor) -> Result<Vec<(Folder, FolderStatus)>, Refusal> {
        let seat = self.seat(actor)?;
        let seal = self.bal_seal(seat.bal).await?;
        let person = actor.person();
        let without = self.kept_from(actor);
        let rows = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            let mut rows = seen_by(tx, seat.bal, person)?;
            if let Some(marks) = &without {
                marks.uncount(tx, &mut rows)?;
            }
            Ok(rows)
        });
        let mut named = open_names(&seal, rows.await?).map_err(|e| refuse::store(&e))?;
        named.retain(|(_, name)| actor.sees_folder(name));
        Ok(named.into_iter().map(|(row, name)| (Folder::of(&row, name), FolderStatus::of(&row))).collect())
    }
}
