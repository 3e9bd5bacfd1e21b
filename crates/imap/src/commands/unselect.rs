//! UNSELECT (RFC 9051 §6.4.2): leaves the mailbox, removes nothing.
use crate::session::{Done, Reply, Session};

pub(crate) fn run(s: &mut Session) -> Done {
    s.view()?;
    s.view = None;
    Ok(Reply::Ok)
}
