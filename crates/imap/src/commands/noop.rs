//! NOOP (RFC 9051 §6.1.2): what changed is told at its end.
use crate::session::{Done, Reply};

pub(crate) fn run() -> Done {
    Ok(Reply::Ok)
}
