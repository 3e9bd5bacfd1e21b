//! What left a folder since a client last saw it (QRESYNC, RFC 7162 §3.2).
use crate::boxed;
use crate::mailbox::folders::narrow;
use crate::refuse::Fail;
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::{Id, folders as rows, journal};

/// UIDs that are not in a folder any more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gone {
    /// Ascending runs (first, last) below UIDNEXT.
    pub runs: Vec<(u32, u32)>,
    /// Each of them left after the modseq asked about. Else the journal does not reach back so far, and these are all UIDs that were ever
    /// given and are not there (RFC 7162 §3.2.5.2).
    pub exact: bool,
}

impl Operator {
    /// UIDs gone from a folder since a modseq. A modseq that the folder has not reached was never said of it: nothing is known then, as of
    /// modseq 0. `folder.unknown` when it was deleted.
    #[boxed]
    pub async fn gone_since(&self, actor: &Actor, folder: Id, since: u64) -> Result<Gone, Refusal> {
        let seat = self.seat(actor)?;
        let since = i64::try_from(since).unwrap_or(i64::MAX);
        let without = self.kept_from(actor);
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            let row = rows::by_id(tx, seat.bal, folder)?.ok_or(RefusalCode::FolderUnknown)?;
            let since = if since > row.modseq { 0 } else { since };
            let mut gone = journal::gone_since(tx, &row, since)?;
            if let Some(marks) = &without {
                // What was marked since is gone for whom it is kept from.
                gone.extend(marks.in_folder(tx, folder, since)?.iter().map(|e| (e.uid, e.uid)));
                gone.sort_unstable();
            }
            Ok((gone, journal::remembers(tx, seat.bal, since)?))
        });
        let (runs, exact) = read.await?;
        Ok(Gone { runs: runs.into_iter().map(|(first, last)| (narrow(first), narrow(last))).collect(), exact })
    }
}
