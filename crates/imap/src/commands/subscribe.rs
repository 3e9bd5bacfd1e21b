//! SUBSCRIBE and UNSUBSCRIBE (RFC 9051 §6.3.7, §6.3.8).
use crate::codec::MailboxName;
use crate::session::{Done, Place, Reply, Session};

pub(crate) async fn run(s: &mut Session, mailbox: &MailboxName, on: bool) -> Done {
    let Place { actor, name, .. } = s.place(mailbox).await?;
    s.operator.subscribe_folder(&actor, &name, on).await?;
    Ok(Reply::Ok)
}
