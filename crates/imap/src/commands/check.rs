//! CHECK (RFC 3501 §6.4.1): everything is durable already, so this is NOOP in a selected mailbox.
use crate::session::{Done, Reply, Session};

pub(crate) fn run(s: &mut Session) -> Done {
    s.view()?;
    Ok(Reply::Ok)
}
