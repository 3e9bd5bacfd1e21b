//! SELECT and EXAMINE (RFC 9051 §6.3.2, §6.3.3; RFC 3501 §6.3.1; CONDSTORE RFC 7162 §3.1.8, QRESYNC §3.2.5; MAILBOXID RFC 8474 §4.2).
//!
//! `\Recent` does not exist here: rev1 clients are told `0 RECENT`, which is correct for a session that never is the first to
//! be told of a message.
use super::list;
use crate::codec::MailboxName;
use crate::codec::command::Qresync;
use crate::session::{Code, Done, Place, Reply, Session, Stop, missed};
use crate::view::View;

pub(crate) async fn run(
    s: &mut Session,
    mailbox: &MailboxName,
    read_only: bool,
    condstore: bool,
    client: Option<&Qresync>,
) -> Done {
    s.actor()?;
    if client.is_some() && !s.enabled.qresync {
        return Err(Stop::sequence("QRESYNC is not enabled"));
    }
    // Whatever comes of it, what was selected is not any more.
    if s.view.take().is_some() {
        s.out.raw("* OK [CLOSED] Previous mailbox closed").end();
    }
    let Place { actor, name, shown, other } = s.place(mailbox).await?;
    // Who may not file is shown the mailbox as it is for him (RFC 9051 §6.3.2: READ-ONLY).
    let read_only = read_only || !crate::session::may_file(&actor);
    s.tie(&actor);
    let mut open = s.operator.open_folder(&actor, &name, read_only).await?;
    if other {
        // As LIST shows it: special uses are those of the session's own BAL.
        open.folder.special_use = None;
    }
    if condstore {
        s.enable_condstore();
    }
    let view = View::new(open, actor, shown, read_only);
    let missed = match client {
        Some(client) => missed(&s.operator.clone(), &view, client).await?,
        None => None,
    };
    let mailbox_id = s.operator.mailbox_object(view.folder.id);
    let (rev2, out) = (s.enabled.rev2, &mut s.out);
    crate::session::write_flags(out, &view);
    out.raw("* ").num(view.exists()).raw(" EXISTS").end();
    if !rev2 {
        out.raw("* 0 RECENT").end();
        if let Some(seq) = view.first_unseen().filter(|_| !out.uid_only()) {
            out.raw("* OK [UNSEEN ").num(seq).raw("] First unseen").end();
        }
    }
    out.raw("* OK [PERMANENTFLAGS ");
    if read_only {
        out.raw("()");
    } else {
        crate::session::permanent_flags(out, &view);
    }
    out.raw("] Flags that are kept").end();
    out.raw("* OK [UIDVALIDITY ").num(view.folder.uidvalidity).raw("] UIDs are valid").end();
    out.raw("* OK [UIDNEXT ").num(view.uidnext()).raw("] Next UID").end();
    out.raw("* OK [MAILBOXID (").object(&mailbox_id).raw(")] Its id").end();
    out.raw("* OK [HIGHESTMODSEQ ").num(view.highest_modseq()).raw("] Highest").end();
    if rev2 {
        out.raw("* LIST (");
        list::use_attribute(out, view.folder.special_use, true);
        out.raw(") \"/\" ").mailbox(&view.shown).end();
    }
    s.view = Some(view);
    if let (Some(client), Some(gone)) = (client, missed) {
        s.tell_missed(client, &gone).await?;
    }
    Ok(Reply::With(if read_only { Code::ReadOnly } else { Code::ReadWrite }))
}
