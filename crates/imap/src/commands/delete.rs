//! DELETE (RFC 9051 §6.3.5). Deleting the mailbox that is selected here closes it.
use crate::codec::MailboxName;
use crate::session::{Done, Place, Reply, Session};

pub(crate) async fn run(s: &mut Session, mailbox: &MailboxName) -> Done {
    let Place { actor, name, .. } = s.place(mailbox).await?;
    let folder = s.operator.folder(&actor, &name).await?;
    s.operator.delete_folder(&actor, &name).await?;
    if s.view.as_ref().is_some_and(|v| v.folder.id == folder.id) {
        s.view = None;
        s.out.raw("* OK [CLOSED] The selected mailbox was deleted").end();
    }
    Ok(Reply::Ok)
}
