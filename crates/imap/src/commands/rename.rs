//! RENAME (RFC 9051 §6.3.6). Children move along; renaming INBOX moves its messages.
use crate::codec::MailboxName;
use crate::session::{Done, Place, Reply, Session};
use sceau_domain::RefusalCode;

pub(crate) async fn run(s: &mut Session, from: &MailboxName, to: &MailboxName) -> Done {
    let Place { actor, name: from, .. } = s.place(from).await?;
    let to = s.new_place(to).await?;
    // A folder does not go from one BAL to another: that is for COPY and MOVE, message by message, under the key of the other.
    if actor.bal.as_ref().map(|b| b.id) != to.actor.bal.as_ref().map(|b| b.id) {
        return Err(RefusalCode::FolderName.into());
    }
    s.operator.rename_folder(&actor, &from, to.name.strip_suffix('/').unwrap_or(&to.name)).await?;
    Ok(Reply::Ok)
}
