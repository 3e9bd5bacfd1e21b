//! Putting a message into a folder of a BAL: what is sealed is prepared before the transaction, rows are inserted inside it.
//! The one way in, shared by acceptance, submission (Sent copy, local delivery), reports and APPEND.
use crate::refuse::Fail;
use crate::mailbox::entries::FlagSet;
use crate::{Operator, Received};
use sceau_domain::{Refusal, Timestamp};
use sceau_store::{Id, Tx};

/// Where a message goes in a BAL.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// INBOX.
    Inbox,
    /// The folder with special use Sent (made when missing).
    Sent,
    /// A folder by id.
    Folder(Id),
}

/// Everything sealed and wrapped for one BAL, ready to be inserted.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    /// The BAL.
    pub bal: Id,
}

/// A message put into a folder.
#[derive(Debug, Clone, Copy)]
#[allow(dead_code)]
pub(crate) struct Placed {
    /// The message's id.
    pub message: Id,
    /// The folder.
    pub folder: Id,
    /// Its UID there.
    pub uid: u32,
    /// The folder's UIDVALIDITY.
    pub uidvalidity: u32,
}

impl Operator {
    /// Seals prefix and summary and wraps the blob key for `bal`.
    pub(crate) async fn prepare_delivery(
        &self,
        bal: Id,
        target: Target,
        message: &Received,
        prefix: &[u8],
        flags: FlagSet,
        date: Timestamp,
    ) -> Result<Prepared, Refusal> {
        let _ = (bal, target, message, prefix, flags, date);
        todo!()
    }
}

/// Locks the BAL's row, checks state and room (`rcpt.closed`, `rcpt.over_quota`/`quota.exceeded` by `over`), inserts message and
/// entry, bumps modseq. The blob's row is the caller's (one blob serves all). BALs must be given in ascending id order.
pub(crate) fn insert(tx: &mut dyn Tx, prepared: &Prepared, over: sceau_domain::RefusalCode) -> Result<Placed, Fail> {
    let _ = (tx, prepared, over);
    todo!()
}
