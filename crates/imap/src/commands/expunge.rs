//! EXPUNGE (RFC 9051 §6.4.3) and UID EXPUNGE (RFC 4315 §2.1).
use crate::codec::SequenceSet;
use crate::session::{Code, Done, Reply, Session};

pub(crate) async fn run(s: &mut Session, set: Option<&SequenceSet>) -> Done {
    let actor = s.actor()?;
    let view = s.writable()?;
    let folder = view.folder.id;
    let only = set.map(|set| view.resolve_uids(set, true)).transpose()?;
    let gone = s.operator.expunge(&actor, folder, only.as_deref()).await?;
    let updates = s.view()?.expunged(&gone);
    s.tell(&updates).await?;
    if !s.enabled.condstore || gone.is_empty() {
        return Ok(Reply::Ok);
    }
    // RFC 7162 §3.1.9; what else changed meanwhile is told first, so that the number is true.
    s.sync(true).await?;
    let modseq = s.view()?.modseq();
    Ok(Reply::With(Code::HighestModSeq(modseq)))
}
