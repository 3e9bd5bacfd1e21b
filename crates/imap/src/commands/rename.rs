//! RENAME (RFC 9051 §6.3.6). Children move along; renaming INBOX moves its messages.
use crate::codec::MailboxName;
use crate::session::{Done, Reply, Session};

pub(crate) async fn run(s: &mut Session, from: &MailboxName, to: &MailboxName) -> Done {
    let actor = s.actor()?;
    let (from, to) = (s.decode(from)?, s.decode(to)?);
    s.operator.rename_folder(&actor, &from, to.strip_suffix('/').unwrap_or(&to)).await?;
    Ok(Reply::Ok)
}
