//! CREATE (RFC 9051 §6.3.4), with one special use (RFC 6154 §3) and its id (RFC 8474 §4.1).
use crate::codec::MailboxName;
use crate::session::{Code, Done, Place, Reply, Session};
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::mailbox::folders::SpecialUse;

pub(crate) async fn run(s: &mut Session, mailbox: &MailboxName, uses: &[SpecialUse]) -> Done {
    let Place { actor, name, .. } = s.new_place(mailbox).await?;
    // A trailing delimiter only says that children will follow.
    let name = name.strip_suffix('/').unwrap_or(&name);
    let special_use = match uses {
        [] => None,
        [one] => Some(*one),
        _ => return Err(Refusal::new(RefusalCode::FolderName).with("name", name).into()),
    };
    let made = s.operator.create_folder(&actor, name, special_use).await?;
    Ok(Reply::With(Code::MailboxId(s.operator.mailbox_object(made.id))))
}
