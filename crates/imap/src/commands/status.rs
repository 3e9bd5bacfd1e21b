//! STATUS (RFC 9051 §6.3.11, SIZE RFC 8438, HIGHESTMODSEQ RFC 7162, APPENDLIMIT RFC 7889).
use crate::codec::command::StatusItem;
use crate::codec::{MailboxName, Out};
use crate::session::{Done, Reply, Session};
use sceau_operator::mailbox::folders::FolderStatus;

pub(crate) async fn run(s: &mut Session, mailbox: &MailboxName, items: &[StatusItem]) -> Done {
    let actor = s.actor()?;
    let name = s.decode(mailbox)?;
    let status = s.operator.folder_status(&actor, &name).await?;
    if items.contains(&StatusItem::HighestModSeq) {
        s.enable_condstore();
    }
    write(&mut s.out, &name, items, &status, s.config.max_append);
    Ok(Reply::Ok)
}

/// `* STATUS name (…)`.
pub(super) fn write(out: &mut Out, name: &str, items: &[StatusItem], status: &FolderStatus, append_limit: u64) {
    out.raw("* STATUS ").mailbox(name).raw(" (");
    for (i, item) in items.iter().enumerate() {
        out.raw(if i > 0 { " " } else { "" });
        match item {
            StatusItem::Messages => out.raw("MESSAGES ").num(status.messages),
            StatusItem::UidNext => out.raw("UIDNEXT ").num(status.uidnext),
            StatusItem::UidValidity => out.raw("UIDVALIDITY ").num(status.uidvalidity),
            StatusItem::Unseen => out.raw("UNSEEN ").num(status.unseen),
            StatusItem::Deleted => out.raw("DELETED ").num(status.deleted),
            StatusItem::Size => out.raw("SIZE ").num(status.size),
            StatusItem::Recent => out.raw("RECENT 0"),
            StatusItem::HighestModSeq => out.raw("HIGHESTMODSEQ ").num(status.modseq.max(1)),
            StatusItem::AppendLimit => out.raw("APPENDLIMIT ").num(append_limit),
        };
    }
    out.raw(")").end();
}
