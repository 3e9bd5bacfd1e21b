//! ENABLE (RFC 9051 §6.3.1): CONDSTORE, QRESYNC (RFC 7162), IMAP4rev2, UTF8=ACCEPT, UIDONLY (RFC 9586). Unknown names are ignored, and what is enabled already is not
//! told again.
use crate::session::{Done, Reply, Session};

pub(crate) fn run(s: &mut Session, names: &[String]) -> Done {
    s.actor()?;
    let (mut condstore, mut named) = (s.enabled.condstore, s.enabled.condstore);
    s.out.raw("* ENABLED");
    for name in names {
        match name.as_str() {
            "CONDSTORE" if !named => {
                (condstore, named) = (true, true);
                s.out.raw(" CONDSTORE");
            }
            "QRESYNC" if !s.enabled.qresync => {
                (s.enabled.qresync, condstore) = (true, true);
                s.out.raw(" QRESYNC");
            }
            "UIDONLY" if !s.out.uid_only() => {
                s.out.set_uid_only(true);
                s.out.raw(" UIDONLY");
            }
            "IMAP4REV2" if !s.enabled.rev2 => {
                s.enabled.rev2 = true;
                s.out.set_utf8(true);
                s.out.raw(" IMAP4rev2");
            }
            "UTF8=ACCEPT" if !s.enabled.utf8_accept => {
                s.enabled.utf8_accept = true;
                s.out.set_utf8(true);
                s.out.raw(" UTF8=ACCEPT");
            }
            _ => {}
        }
    }
    s.out.end();
    if condstore {
        s.enable_condstore();
    }
    Ok(Reply::Ok)
}
