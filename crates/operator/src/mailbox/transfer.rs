//! Copying and moving entries (COPY, MOVE RFC 6851): all of them or none, in one transaction.
use crate::boxed;
use crate::mailbox::entries::{Copied, ascending};
use crate::mailbox::folders::narrow;
use crate::mailbox::personal::leave_out;
use crate::record::{Record, ids};
use crate::refuse::Fail;
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::journal::Act;
use sceau_store::{Id, folders as rows, messages};
use serde_json::json;

impl Operator {
    /// Copies UIDs into a folder by name. All or nothing. `folder.unknown`, `quota.exceeded`.
    #[boxed]
    pub async fn copy(&self, actor: &Actor, folder: Id, uids: &[u32], to: &str) -> Result<Copied, Refusal> {
        let record = self.record(actor, self.seat(actor)?.bal, "mail.copied");
        self.transfer(actor, folder, uids, to, record, false).await
    }
    /// Moves UIDs (RFC 6851), atomically. `folder.unknown`.
    #[boxed]
    pub async fn move_entries(&self, actor: &Actor, folder: Id, uids: &[u32], to: &str) -> Result<Copied, Refusal> {
        let record = self.record(actor, self.seat(actor)?.bal, "mail.moved");
        self.transfer(actor, folder, uids, to, record, true).await
    }

    async fn transfer(
        &self,
        actor: &Actor,
        folder: Id,
        uids: &[u32],
        to: &str,
        record: Record,
        remove: bool,
    ) -> Result<Copied, Refusal> {
        let seat = self.seat(actor)?.filing();
        let (tag, _) = self.folder_seen(actor, seat.bal, to)?;
        let without = self.kept_from(actor);
        let uids = ascending(uids);
        let done = self.act::<_, Fail, _>(seat.bal, move |tx| {
            let state = rows::lock_bal(tx, seat.bal)?.ok_or(RefusalCode::RightMissing)?;
            let bal = seat.check(tx)?;
            rows::by_id(tx, seat.bal, folder)?.ok_or(RefusalCode::FolderUnknown)?;
            let target = rows::by_tag(tx, seat.bal, &tag)?.ok_or(RefusalCode::FolderUnknown)?;
            let mut copied = Copied { uidvalidity: narrow(target.uidvalidity), pairs: Vec::new() };
            let mut entries = messages::entries_of(tx, folder, &uids)?;
            leave_out(without.as_ref(), tx, &mut entries)?;
            if entries.is_empty() {
                return Ok(copied);
            }
            let counts = messages::counts_of(&entries);
            if !remove {
                if state.used_bytes.saturating_add(counts.bytes) > state.quota_bytes {
                    return Err(Refusal::new(RefusalCode::QuotaExceeded).with("limit", state.quota_bytes).into());
                }
                rows::recharge_bal(tx, seat.bal, counts.bytes, counts.messages)?;
            }
            let found: Vec<i64> = entries.iter().map(|e| e.uid).collect();
            let (first, _) = rows::take_uids(tx, target.id, counts.messages)?;
            messages::copy(tx, folder, &found, target.id, first, state.modseq)?;
            rows::adjust(tx, target.id, counts, state.modseq)?;
            if remove {
                let act = Act { bal: seat.bal, modseq: state.modseq, at: record.at() };
                messages::remove(tx, act, folder, &entries)?;
                rows::adjust(tx, folder, counts.negated(), state.modseq)?;
            }
            let shown = ids(entries.iter().map(|e| e.message));
            let data = json!({"from": folder, "to": target.id, "count": found.len(), "messages": shown});
            record.write(tx, &bal, &data)?;
            copied.pairs = found.iter().zip(first..).map(|(from, to)| (narrow(*from), narrow(to))).collect();
            Ok(copied)
        });
        Ok(done.await?)
    }
}
