//! SELECT and EXAMINE (RFC 9051 §6.3.2, §6.3.3; RFC 3501 §6.3.1; CONDSTORE RFC 7162 §3.1.8).
//!
//! `\Recent` does not exist here: rev1 clients are told `0 RECENT`, which is correct for a session that never is the first to
//! be told of a message.
use super::list;
use crate::codec::MailboxName;
use crate::session::{Code, Done, Reply, Session};
use crate::view::View;

pub(crate) async fn run(s: &mut Session, mailbox: &MailboxName, read_only: bool, condstore: bool) -> Done {
    let actor = s.actor()?;
    // Whatever comes of it, what was selected is not any more.
    if s.view.take().is_some() {
        s.out.raw("* OK [CLOSED] Previous mailbox closed").end();
    }
    let name = s.decode(mailbox)?;
    // Who may not file is shown the mailbox as it is for him (RFC 9051 §6.3.2: READ-ONLY).
    let read_only = read_only || !s.may_file();
    let open = s.operator.open_folder(&actor, &name, read_only).await?;
    if condstore {
        s.enable_condstore();
    }
    let view = View::new(open, read_only);
    let (rev2, out) = (s.enabled.rev2, &mut s.out);
    crate::session::write_flags(out, &view);
    out.raw("* ").num(view.exists()).raw(" EXISTS").end();
    if !rev2 {
        out.raw("* 0 RECENT").end();
        if let Some(seq) = view.first_unseen() {
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
    out.raw("* OK [HIGHESTMODSEQ ").num(view.highest_modseq()).raw("] Highest").end();
    if rev2 {
        out.raw("* LIST (");
        list::use_attribute(out, view.folder.special_use, true);
        out.raw(") \"/\" ").mailbox(&view.folder.name).end();
    }
    s.view = Some(view);
    Ok(Reply::With(if read_only { Code::ReadOnly } else { Code::ReadWrite }))
}
