//! LOGOUT (RFC 9051 §6.1.3).
use crate::session::{Done, End, Session, Stop};

pub(crate) fn run(s: &mut Session, tag: &str) -> Done {
    s.out.raw("* BYE Sceau IMAP").end();
    s.out.tag(tag).raw(" OK LOGOUT completed").end();
    Err(Stop::End(End::Said))
}
