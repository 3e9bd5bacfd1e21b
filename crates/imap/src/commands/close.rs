//! CLOSE (RFC 9051 §6.4.1): removes what is flagged `\Deleted` without telling it, then leaves the mailbox.
use crate::session::{Code, Done, Reply, Session};

pub(crate) async fn run(s: &mut Session) -> Done {
    let view = s.view()?;
    let (folder, read_only) = (view.folder.id, view.read_only);
    if read_only {
        s.view = None;
        return Ok(Reply::Ok);
    }
    let actor = s.actor()?;
    let gone = s.operator.expunge(&actor, folder, None).await?;
    s.view = None;
    if !s.enabled.condstore || gone.is_empty() {
        return Ok(Reply::Ok);
    }
    // RFC 7162 §3.1.9: the client that counts modseqs learns the one of its own removal.
    match s.operator.changes(&actor, folder, u64::MAX >> 1).await {
        Ok(changes) => Ok(Reply::With(Code::HighestModSeq(changes.modseq))),
        Err(_) => Ok(Reply::Ok),
    }
}
