//! CREATE (RFC 9051 §6.3.4), with one special use (RFC 6154 §3).
use crate::codec::MailboxName;
use crate::session::{Done, Reply, Session};
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::mailbox::folders::SpecialUse;

pub(crate) async fn run(s: &mut Session, mailbox: &MailboxName, uses: &[SpecialUse]) -> Done {
    let actor = s.actor()?;
    let name = s.decode(mailbox)?;
    // A trailing delimiter only says that children will follow.
    let name = name.strip_suffix('/').unwrap_or(&name);
    let special_use = match uses {
        [] => None,
        [one] => Some(*one),
        _ => return Err(Refusal::new(RefusalCode::FolderName).with("name", name).into()),
    };
    s.operator.create_folder(&actor, name, special_use).await?;
    Ok(Reply::Ok)
}
