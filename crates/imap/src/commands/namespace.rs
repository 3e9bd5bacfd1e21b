//! NAMESPACE (RFC 9051 §6.3.10, RFC 2342): the session's own BAL without a prefix; the person's other BALs below theirs, when there are any.
use crate::session::{Done, Reply, Session};

pub(crate) async fn run(s: &mut Session) -> Done {
    let actor = s.actor()?;
    let prefix = s.config.other_users.clone();
    let others = !prefix.is_empty() && !s.operator.other_bals(&actor).await?.is_empty();
    s.out.raw("* NAMESPACE ((\"\" \"/\")) ");
    if others {
        s.out.raw("((").mailbox(&format!("{prefix}/")).raw(" \"/\"))");
    } else {
        s.out.raw("NIL");
    }
    s.out.raw(" NIL").end();
    Ok(Reply::Ok)
}
