//! CLOSE (RFC 9051 §6.4.1): removes what is flagged `\Deleted` without telling it, then leaves the mailbox. No HIGHESTMODSEQ is told (RFC 7162 §3.2.8): the
//! client has not heard of what others changed.
use crate::session::{Done, Reply, Session};

pub(crate) async fn run(s: &mut Session) -> Done {
    let view = s.view()?;
    let (folder, read_only) = (view.folder.id, view.read_only);
    if !read_only {
        let actor = s.reader()?;
        let operator = s.operator.clone();
        s.patiently(operator.expunge(&actor, folder, None)).await??;
    }
    s.view = None;
    Ok(Reply::Ok)
}
