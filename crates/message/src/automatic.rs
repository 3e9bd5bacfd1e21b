//! May a program answer this message (RFC 3834)? For absence replies and the test responder.
//!
//! Promises: what a program sent, what came by a list, what nobody named us in, and who cannot be answered, is never answered: two responders never
//! talk to each other. Only the header section and the reverse path are looked at; nothing here allocates more than the header holds.
use crate::envelope::{Envelope, MailAddress};
use crate::header::{fields, unfold};
use sceau_domain::Address;

/// Why a message is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// No reverse path, or one that does not read as an address.
    NoSender,
    /// A program sent it.
    Automatic,
    /// It came by a list, or in bulk.
    List,
    /// By its name the sender is a program.
    SenderIsProgram,
    /// It comes from the one who would answer.
    Self_,
    /// The one who would answer is named neither in To nor in Cc.
    NotNamed,
}

/// Local parts of programs; and what they begin or end with.
const PROGRAMS: [&str; 10] = [
    "mailer-daemon",
    "postmaster",
    "abuse",
    "noreply",
    "nepasrepondre",
    "donotreply",
    "listserv",
    "majordomo",
    "bounce",
    "reponseautomatiquetest",
];

/// `no-reply`, `ne_pas_repondre.12`… without what people put between words.
fn is_program(local: &str) -> bool {
    let local = local.to_lowercase();
    let bare: String = local.chars().filter(|c| !matches!(c, '-' | '_' | '.')).collect();
    PROGRAMS.iter().any(|p| local == *p || bare == *p)
        || ["noreply", "nepasrepondre", "donotreply"].iter().any(|p| bare.starts_with(p))
        || local.starts_with("owner-")
        || local.ends_with("-request")
        || local.ends_with("-bounces")
        || local.contains("-bounces+")
}

fn is_same(named: &MailAddress, own: &Address) -> bool {
    let (Some(mailbox), Some(host)) = (&named.mailbox, &named.host) else { return false };
    format!("{mailbox}@{host}").parse::<Address>().is_ok_and(|a| a.key() == own.key())
}

/// The first word of a field's value, in lower case, without a comment after it.
fn word(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(&unfold(value)).to_lowercase();
    text.split([';', '(', ' ', '\t']).find(|w| !w.is_empty()).unwrap_or_default().to_owned()
}

/// Who sent a message may be answered by a program that speaks for `own` (RFC 3834 §2).
///
/// # Errors
/// Why not.
pub fn may_answer<'a>(
    header: &[u8],
    envelope: &Envelope,
    sender: Option<&'a Address>,
    own: &Address,
) -> Result<&'a Address, Why> {
    let sender = sender.ok_or(Why::NoSender)?;
    if sender.key() == own.key() {
        return Err(Why::Self_);
    }
    if is_program(sender.local()) {
        return Err(Why::SenderIsProgram);
    }
    let mut resent = false;
    for field in fields(header) {
        let name = field.name.to_ascii_lowercase();
        match name.as_str() {
            "auto-submitted" if word(field.value) != "no" => return Err(Why::Automatic),
            "x-auto-response-suppress" if word(field.value) != "none" => return Err(Why::Automatic),
            "x-autoreply" | "x-autorespond" | "x-autoresponse" | "x-sceau-absence" => return Err(Why::Automatic),
            "precedence" if matches!(word(field.value).as_str(), "bulk" | "junk" | "list") => return Err(Why::List),
            "content-type" if word(field.value).trim_end_matches(';') == "multipart/report" => {
                return Err(Why::Automatic);
            }
            "resent-to" | "resent-cc" => {
                let text = String::from_utf8_lossy(&unfold(field.value)).to_lowercase();
                resent |= text.contains(&own.key());
            }
            _ if name.starts_with("list-") => return Err(Why::List),
            _ => {}
        }
    }
    if resent || envelope.to.iter().chain(&envelope.cc).any(|a| is_same(a, own)) {
        Ok(sender)
    } else {
        Err(Why::NotNamed)
    }
}

/// The address of the first `Return-Path` field of what the way added; none for `<>`.
pub fn return_path(prefix: &[u8]) -> Option<Address> {
    let field = fields(prefix).find(|f| f.name.eq_ignore_ascii_case("Return-Path"))?;
    let text = String::from_utf8(unfold(field.value)).ok()?;
    text.trim().strip_prefix('<')?.strip_suffix('>')?.parse().ok()
}

/// A Message-ID that can stand in another message: one token in angle brackets, not too long.
pub fn message_id(text: Option<&str>) -> Option<&str> {
    let id = text?.trim();
    let fine = id.len() <= 250 && id.starts_with('<') && id.ends_with('>') && id.bytes().all(|b| b.is_ascii_graphic());
    (fine && !id[1..id.len() - 1].contains(['<', '>'])).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::Limits;

    fn judged(header: &str, sender: &str) -> Result<(), Why> {
        let own: Address = "anne@alpha.mssante.fr".parse().unwrap();
        let sender: Option<Address> = sender.parse().ok();
        let envelope = Envelope::read(header.as_bytes(), &Limits::default());
        may_answer(header.as_bytes(), &envelope, sender.as_ref(), &own).map(drop)
    }

    #[test]
    fn programs_are_not_answered() {
        let to = "To: Anne <ANNE@alpha.mssante.fr>\r\n";
        let bruno = "bruno@beta.mssante.fr";
        assert_eq!(judged(to, bruno), Ok(()));
        assert_eq!(judged(&format!("{to}Auto-Submitted: no\r\n"), bruno), Ok(()));
        assert_eq!(judged("Cc: x@y.fr, anne@alpha.mssante.fr\r\n", bruno), Ok(()));
        for (more, why) in [
            ("Auto-Submitted: auto-replied\r\n", Why::Automatic),
            ("AUTO-submitted:\r\n auto-generated; x=y\r\n", Why::Automatic),
            ("Auto-Submitted: (no) auto-replied\r\n", Why::Automatic),
            ("Precedence: Bulk\r\n", Why::List),
            ("List-Id: <l.beta.fr>\r\n", Why::List),
            ("List-Unsubscribe: <mailto:a@b.fr>\r\n", Why::List),
            ("X-Auto-Response-Suppress: OOF, AutoReply\r\n", Why::Automatic),
            ("Content-Type: multipart/report; report-type=delivery-status\r\n", Why::Automatic),
            ("X-Sceau-Absence: from=2026-01-01\r\n", Why::Automatic),
        ] {
            assert_eq!(judged(&format!("{to}{more}"), bruno), Err(why), "{more}");
        }
        for program in [
            "no-reply",
            "Ne-Pas-Repondre",
            "noreply.12",
            "MAILER-DAEMON",
            "owner-liste",
            "liste-request",
            "reponse.automatique-test",
        ] {
            assert_eq!(judged(to, &format!("{program}@beta.mssante.fr")), Err(Why::SenderIsProgram), "{program}");
        }
        assert_eq!(judged(to, "noreplyanne.durand@beta.mssante.fr"), Err(Why::SenderIsProgram));
        assert_eq!(judged(to, "reponse.durand@beta.mssante.fr"), Ok(()));
        assert_eq!(judged(to, ""), Err(Why::NoSender));
        assert_eq!(judged(to, "Anne@Alpha.mssante.fr"), Err(Why::Self_));
        assert_eq!(judged("To: bruno@beta.mssante.fr\r\n", bruno), Err(Why::NotNamed));
        assert_eq!(judged("", bruno), Err(Why::NotNamed));
        assert_eq!(judged("Subject: anne@alpha.mssante.fr\r\n", bruno), Err(Why::NotNamed));
    }

    #[test]
    fn the_way_tells_who_sent() {
        assert_eq!(
            return_path(b"Return-Path: <a@b.mssante.fr>\r\nReceived: x\r\n").unwrap().to_string(),
            "a@b.mssante.fr"
        );
        assert_eq!(return_path(b"Return-Path: <>\r\nReturn-Path: <a@b.fr>\r\n"), None);
        assert_eq!(return_path(b""), None);
        assert_eq!(message_id(Some(" <a@b> ")), Some("<a@b>"));
        for bad in ["a@b", "<a@b> <c@d>", "<a\r\n@b>", "<é@b>", ""] {
            assert_eq!(message_id(Some(bad)), None, "{bad}");
        }
    }
}
