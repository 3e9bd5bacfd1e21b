//! How much room a BAL has (QUOTA, RFC 9208).
use crate::boxed;
use crate::mailbox::entries::Flags;
use crate::refuse::Fail;
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::{Id, accounts, folders, messages};

/// Room of a BAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes taken.
    pub used: u64,
    /// Most bytes.
    pub most: u64,
    /// Messages held.
    pub messages: u64,
}

impl Operator {
    /// Room of the actor's BAL.
    #[boxed]
    pub async fn room(&self, actor: &Actor) -> Result<Room, Refusal> {
        let seat = self.seat(actor)?;
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            let bal = accounts::bal_by_id(tx, seat.bal)?.ok_or(RefusalCode::RightMissing)?;
            let number = |n: i64| u64::try_from(n).unwrap_or(0);
            Ok(Room {
                used: number(bal.used_bytes),
                most: number(bal.quota_bytes),
                messages: number(bal.message_count),
            })
        });
        Ok(read.await?)
    }

    /// Bytes of a folder's entries that are flagged `\Deleted` (DELETED-STORAGE, RFC 9208 §4.1.4). `folder.unknown`.
    #[boxed]
    pub async fn deleted_size(&self, actor: &Actor, folder: Id) -> Result<u64, Refusal> {
        let seat = self.seat(actor)?;
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            folders::by_id(tx, seat.bal, folder)?.ok_or(RefusalCode::FolderUnknown)?;
            Ok(messages::flagged_bytes(tx, folder, Flags::DELETED.bits())?)
        });
        Ok(read.await?.unsigned_abs())
    }
}
