//! ENVELOPE (RFC 9051 §7.5.2).
use crate::codec::Out;
use sceau_message::envelope::{Envelope, MailAddress};

/// Writes an envelope. Sender and Reply-To default to From.
pub fn write(out: &mut Out, e: &Envelope) {
    let or_from = |list: &Vec<MailAddress>| if list.is_empty() { e.from.clone() } else { list.clone() };
    out.raw("(").nstring(e.date.as_deref()).raw(" ").nstring(e.subject.as_deref());
    for list in [&e.from, &or_from(&e.sender), &or_from(&e.reply_to), &e.to, &e.cc, &e.bcc] {
        out.raw(" ");
        addresses(out, list);
    }
    out.raw(" ").nstring(e.in_reply_to.as_deref()).raw(" ").nstring(e.message_id.as_deref()).raw(")");
}

fn addresses(out: &mut Out, list: &[MailAddress]) {
    if list.is_empty() {
        out.raw("NIL");
        return;
    }
    out.raw("(");
    for a in list {
        out.raw("(").nstring(a.name.as_deref()).raw(" NIL ").nstring(a.mailbox.as_deref());
        out.raw(" ").nstring(a.host.as_deref()).raw(")");
    }
    out.raw(")");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(name: Option<&str>, mailbox: Option<&str>, host: Option<&str>) -> MailAddress {
        MailAddress { name: name.map(Into::into), mailbox: mailbox.map(Into::into), host: host.map(Into::into) }
    }

    #[test]
    fn the_envelope_of_the_rfc() {
        let e = Envelope {
            date: Some("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)".into()),
            subject: Some("IMAP4rev2 WG mtg summary and minutes".into()),
            from: vec![address(Some("Terry Gray"), Some("gray"), Some("cac.washington.edu"))],
            to: vec![address(None, Some("imap"), Some("cac.washington.edu"))],
            cc: vec![
                address(None, Some("minutes"), Some("CNRI.Reston.VA.US")),
                address(Some("John Klensin"), Some("KLENSIN"), Some("MIT.EDU")),
            ],
            message_id: Some("<B27397-0100000@cac.washington.edu>".into()),
            ..Envelope::default()
        };
        let mut out = Out::new();
        write(&mut out, &e);
        let gray = "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\"))";
        let want = format!(
            "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev2 WG mtg summary and minutes\" {gray} {gray} {gray} \
             ((NIL NIL \"imap\" \"cac.washington.edu\")) \
             ((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) \
             NIL NIL \"<B27397-0100000@cac.washington.edu>\")"
        );
        assert_eq!(String::from_utf8(out.bytes().to_vec()).unwrap(), want);
    }

    #[test]
    fn groups_and_nothing() {
        let e = Envelope {
            to: vec![address(None, Some("undisclosed-recipients"), None), address(None, None, None)],
            ..Envelope::default()
        };
        let mut out = Out::new();
        write(&mut out, &e);
        let want = "(NIL NIL NIL NIL NIL ((NIL NIL \"undisclosed-recipients\" NIL)(NIL NIL NIL NIL)) NIL NIL NIL NIL)";
        assert_eq!(out.bytes(), want.as_bytes());
    }
}
