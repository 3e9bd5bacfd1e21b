//! CAPABILITY (RFC 9051 §6.1.1): only what works in the present state.
use crate::session::{Done, Reply, Session};

/// In every state.
const ALWAYS: &str = "IMAP4rev1 IMAP4rev2 ID";
/// Once logged in.
const LOGGED_IN: &str = " LITERAL+ ENABLE IDLE NAMESPACE UIDPLUS MOVE CHILDREN SPECIAL-USE CREATE-SPECIAL-USE UNSELECT ESEARCH SEARCHRES SEARCH=FUZZY \
                         SORT SORT=DISPLAY ESORT THREAD=ORDEREDSUBJECT THREAD=REFERENCES WITHIN MULTISEARCH PARTIAL I18NLEVEL=1 \
                         LIST-EXTENDED LIST-STATUS STATUS=SIZE CONDSTORE QRESYNC UIDONLY UNAUTHENTICATE INPROGRESS NOTIFY \
                         ACL RIGHTS=texk LIST-MYRIGHTS QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE METADATA METADATA-SERVER \
                         OBJECTID SAVEDATE PREVIEW BINARY MULTIAPPEND CATENATE REPLACE UTF8=ACCEPT APPENDLIMIT=";

pub(crate) fn run(s: &mut Session) -> Done {
    s.out.raw("* CAPABILITY ");
    write(s);
    s.out.end();
    Ok(Reply::Ok)
}

/// Writes the list.
pub(crate) fn write(s: &mut Session) {
    s.out.raw(ALWAYS);
    if s.actor.is_none() {
        // No literal over 4 KiB is taken before login (RFC 7888 §5); then any that fits is.
        s.out.raw(" LITERAL-");
    }
    if s.actor.is_some() {
        s.out.raw(LOGGED_IN).num(s.config.max_append);
        if let Some(most) = s.config.message_limit {
            s.out.raw(" MESSAGELIMIT=").num(most);
        }
        if !s.conn.compressed() {
            s.out.raw(" COMPRESS=DEFLATE");
        }
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
