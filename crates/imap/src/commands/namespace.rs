//! NAMESPACE (RFC 9051 §6.3.10, RFC 2342): one personal namespace, `/` between levels.
use crate::session::{Done, Reply, Session};

pub(crate) fn run(s: &mut Session) -> Done {
    s.actor()?;
    s.out.raw("* NAMESPACE ((\"\" \"/\")) NIL NIL").end();
    Ok(Reply::Ok)
}
