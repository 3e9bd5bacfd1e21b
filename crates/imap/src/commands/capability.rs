//! CAPABILITY (RFC 9051 §6.1.1): only what works in the present state.
use crate::session::{Done, Reply, Session};

/// In every state.
const ALWAYS: &str = "IMAP4rev1 IMAP4rev2 LITERAL+ ID";
/// Once logged in.
const LOGGED_IN: &str = " ENABLE IDLE NAMESPACE UIDPLUS MOVE CHILDREN SPECIAL-USE CREATE-SPECIAL-USE UNSELECT ESEARCH SEARCHRES SEARCH=FUZZY \
                         LIST-EXTENDED LIST-STATUS STATUS=SIZE CONDSTORE UTF8=ACCEPT APPENDLIMIT=";

pub(crate) fn run(s: &mut Session) -> Done {
    s.out.raw("* CAPABILITY ");
    write(s);
    s.out.end();
    Ok(Reply::Ok)
}

/// Writes the list.
pub(crate) fn write(s: &mut Session) {
    s.out.raw(ALWAYS);
    if s.actor.is_some() {
        s.out.raw(LOGGED_IN).num(s.config.max_append);
    } else if s.secure() {
        // ENABLE and IDLE need nothing but the login to come: clients that ask once (Python's imaplib) look for them here.
        s.out.raw(" SASL-IR ENABLE IDLE AUTH=PLAIN AUTH=XOAUTH2 AUTH=OAUTHBEARER");
        if s.has_certificate() {
            s.out.raw(" AUTH=EXTERNAL");
        }
    } else {
        s.out.raw(if s.starttls.is_some() { " STARTTLS LOGINDISABLED" } else { " LOGINDISABLED" });
    }
}
