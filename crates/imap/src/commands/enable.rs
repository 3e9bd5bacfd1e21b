//! ENABLE (RFC 9051 §6.3.1): CONDSTORE, IMAP4rev2, UTF8=ACCEPT. Unknown names are ignored.
use crate::session::{Done, Reply, Session};

pub(crate) fn run(s: &mut Session, names: &[String]) -> Done {
    s.actor()?;
    s.out.raw("* ENABLED");
    for name in names {
        match name.as_str() {
            "CONDSTORE" if !s.enabled.condstore => {
                s.enabled.condstore = true;
                s.out.raw(" CONDSTORE");
            }
            "IMAP4REV2" if !s.enabled.rev2 => {
                s.enabled.rev2 = true;
                s.out.set_utf8(true);
                s.out.raw(" IMAP4rev2");
            }
            "UTF8=ACCEPT" => {
                s.out.set_utf8(true);
                s.out.raw(" UTF8=ACCEPT");
            }
            _ => {}
        }
    }
    s.out.end();
    Ok(Reply::Ok)
}
