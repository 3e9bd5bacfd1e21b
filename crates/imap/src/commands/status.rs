//! STATUS (RFC 9051 §6.3.11, SIZE RFC 8438, HIGHESTMODSEQ RFC 7162, APPENDLIMIT RFC 7889, MAILBOXID RFC 8474, DELETED-STORAGE RFC 9208).
use crate::codec::MailboxName;
use crate::codec::command::StatusItem;
use crate::session::{Done, Reply, Session};
use sceau_domain::Refusal;
use sceau_operator::Actor;
use sceau_operator::mailbox::folders::FolderStatus;

pub(crate) async fn run(s: &mut Session, mailbox: &MailboxName, items: &[StatusItem]) -> Done {
    let place = s.place(mailbox).await?;
    let status = look(s, &place.actor, &place.name, items).await?;
    if items.contains(&StatusItem::HighestModSeq) {
        s.enable_condstore();
    }
    write(s, &place.shown, items, &status);
    Ok(Reply::Ok)
}

/// What STATUS tells of a folder. The size of what is flagged `\Deleted` is counted when it is asked for.
pub(super) async fn look(
    s: &Session,
    actor: &Actor,
    name: &str,
    items: &[StatusItem],
) -> Result<FolderStatus, Refusal> {
    let mut status = s.operator.folder_status(actor, name).await?;
    if items.contains(&StatusItem::DeletedStorage) && status.deleted > 0 {
        status.deleted_size = s.operator.deleted_size(actor, status.id).await?;
    }
    Ok(status)
}

/// `* STATUS name (…)`.
pub(crate) fn write(s: &mut Session, name: &str, items: &[StatusItem], status: &FolderStatus) {
    let (out, append_limit) = (&mut s.out, s.config.max_append);
    out.raw("* STATUS ").mailbox(name).raw(" (");
    for (i, item) in items.iter().enumerate() {
        out.raw(if i > 0 { " " } else { "" });
        match item {
            StatusItem::Messages => out.raw("MESSAGES ").num(status.messages),
            StatusItem::UidNext => out.raw("UIDNEXT ").num(status.uidnext),
            StatusItem::UidValidity => out.raw("UIDVALIDITY ").num(status.uidvalidity),
            StatusItem::Unseen => out.raw("UNSEEN ").num(status.unseen),
            StatusItem::Deleted => out.raw("DELETED ").num(status.deleted),
            StatusItem::DeletedStorage => out.raw("DELETED-STORAGE ").num(status.deleted_size),
            StatusItem::Size => out.raw("SIZE ").num(status.size),
            StatusItem::Recent => out.raw("RECENT 0"),
            StatusItem::HighestModSeq => out.raw("HIGHESTMODSEQ ").num(status.modseq.max(1)),
            StatusItem::AppendLimit => out.raw("APPENDLIMIT ").num(append_limit),
            StatusItem::MailboxId => out.raw("MAILBOXID (").object(&s.operator.mailbox_object(status.id)).raw(")"),
        };
    }
    out.raw(")").end();
}
