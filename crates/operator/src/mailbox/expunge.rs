//! Removing entries for good (EXPUNGE, CLOSE, UID EXPUNGE RFC 4315).
use crate::boxed;
use crate::mailbox::entries::{Flags, ascending};
use crate::mailbox::folders::narrow;
use crate::mailbox::personal::leave_out;
use crate::record::ids;
use crate::refuse::Fail;
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::journal::Act;
use sceau_store::{Id, folders as rows, jobs, messages};
use serde_json::json;

impl Operator {
    /// Removes entries flagged `\Deleted` (all, or only these UIDs). Returns the UIDs removed.
    #[boxed]
    pub async fn expunge(&self, actor: &Actor, folder: Id, only: Option<&[u32]>) -> Result<Vec<u32>, Refusal> {
        let seat = self.seat(actor)?.filing();
        let only = only.map(ascending);
        let record = self.record(actor, seat.bal, "mail.expunged");
        let index = self.index_job(seat.bal, self.config().search.delay);
        let without = self.kept_from(actor);
        let done = self.act::<_, Fail, _>(seat.bal, move |tx| {
            let state = rows::lock_bal(tx, seat.bal)?.ok_or(RefusalCode::RightMissing)?;
            let bal = seat.check(tx)?;
            let row = rows::by_id(tx, seat.bal, folder)?.ok_or(RefusalCode::FolderUnknown)?;
            if row.counts.deleted == 0 {
                return Ok(Vec::new());
            }
            let mut gone = messages::entries_flagged(tx, folder, Flags::DELETED.bits())?;
            leave_out(without.as_ref(), tx, &mut gone)?;
            if let Some(only) = &only {
                gone.retain(|e| only.binary_search(&e.uid).is_ok());
            }
            if gone.is_empty() {
                return Ok(Vec::new());
            }
            let counts = messages::counts_of(&gone).negated();
            let act = Act { bal: seat.bal, modseq: state.modseq, at: record.at() };
            messages::remove(tx, act, folder, &gone)?;
            rows::adjust(tx, folder, counts, state.modseq)?;
            rows::recharge_bal(tx, seat.bal, counts.bytes, counts.messages)?;
            messages::drop_orphans(tx, seat.bal, gone.iter().map(|e| e.message).collect(), record.at())?;
            jobs::ensure(tx, &index)?;
            let shown = ids(gone.iter().map(|e| e.message));
            record.write(tx, &bal, &json!({"folder": folder, "count": gone.len(), "messages": shown}))?;
            Ok(gone.iter().map(|e| narrow(e.uid)).collect::<Vec<u32>>())
        });
        Ok(done.await?)
    }
}
