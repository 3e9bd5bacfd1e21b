//! ID (RFC 2971): the name of the product, for support; nothing more is told.
use crate::session::{Done, Reply, Session};

pub(crate) fn run(s: &mut Session) -> Done {
    s.out.raw("* ID (\"name\" \"Sceau\")").end();
    Ok(Reply::Ok)
}
