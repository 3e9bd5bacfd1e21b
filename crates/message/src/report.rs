//! Delivery reports (RFC 3461, 3462, 3464, 6533): French then English for people, a machine part for programs, the message concerned or its header.
use crate::compose::{boundary, mailboxes, token};
use crate::encode::{folded_field, quoted_printable, text_field};
use crate::header::{decoded, fields};
use crate::trace_field::{in_utc, rfc5322_date};
use sceau_domain::dsn::OriginalRecipient;
use sceau_domain::text::{text, to_ascii};
use sceau_domain::{Address, Lang, Timestamp};
use std::fmt::Write;

/// Longest header section that is sent back.
const HEADER_MAX: usize = 32 << 10;
/// Longest diagnostic that is sent back, in characters.
const DIAGNOSTIC_MAX: usize = 1000;
/// Longest subject that is repeated, in characters.
const SUBJECT_MAX: usize = 200;
/// Longest envelope identifier that is repeated (RFC 3461 §4.4).
const ENVELOPE_ID_MAX: usize = 100;
/// Longest line that needs no encoding.
const LINE_MAX: usize = 900;

/// What became of one recipient.
#[derive(Debug, Clone)]
pub struct RecipientOutcome {
    /// The recipient.
    pub recipient: Address,
    /// The recipient as the sender first wrote it (ORCPT).
    pub original: Option<OriginalRecipient>,
    /// `failed`, `delayed`, `delivered`, `relayed` (RFC 3464 §2.3.3).
    pub action: &'static str,
    /// Enhanced status (RFC 3463). What is none is written as `5.0.0`, `4.0.0` or `2.0.0`, after the action.
    pub status: String,
    /// Name of the server that answered, if one did.
    pub remote_mta: Option<String>,
    /// Its last reply, e.g. `550 5.1.1 unknown mailbox`, or ours.
    pub diagnostic: Option<String>,
    /// Of a delay: until when we try.
    pub will_retry_until: Option<Timestamp>,
    /// Sentences for people: French, English.
    pub sentence: (String, String),
}

/// What a report brings back of the message (RFC 3461 §4.3).
#[derive(Debug, Clone, Copy)]
pub enum Original<'a> {
    /// Its header.
    Header,
    /// All of it.
    Full(&'a [u8]),
}

/// A report to write.
#[derive(Debug, Clone)]
pub struct Report<'a> {
    /// Our host name.
    pub reporting_mta: &'a str,
    /// Who signs: `postmaster@domain`.
    pub from: &'a Address,
    /// The message's sender, who receives the report.
    pub to: &'a Address,
    /// When the message was accepted.
    pub arrived: Timestamp,
    /// When the report is written.
    pub at: Timestamp,
    /// Unique part of our Message-ID (without angle brackets and domain).
    pub id: &'a str,
    /// What the sender called the sending (ENVID).
    pub envelope_id: Option<&'a str>,
    /// Outcomes to report.
    pub outcomes: &'a [RecipientOutcome],
    /// Header section of the message concerned.
    pub original_header: &'a [u8],
    /// What is brought back.
    pub original: Original<'a>,
}

impl Report<'_> {
    /// The report as a message with CRLF lines, 7-bit safe unless it brings back a message that is not, `Auto-Submitted: auto-replied`, to be sent with
    /// a null reverse path. (An international sender's or postmaster's address stands as UTF-8 in To or From, as in the message it
    /// answers: RFC 6532.)
    pub fn write(&self) -> Vec<u8> {
        let original = match self.original {
            Original::Header => self.header_part().into_bytes(),
            Original::Full(message) => full_part(message),
        };
        let mut boundary = boundary(self.id);
        // The sender wrote what is repeated: it must not be able to end the part.
        while memchr::memmem::find(&original, boundary.as_bytes()).is_some() {
            boundary.push('_');
        }
        let mut out = self.header();
        let _ = write!(
            out,
            "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n\
             Content-Description: Notification\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Language: fr, en\r\n\
             Content-Transfer-Encoding: quoted-printable\r\n\r\n"
        );
        quoted_printable(self.for_people().as_bytes(), &mut out);
        let _ = write!(
            out,
            "\r\n--{boundary}\r\nContent-Description: Delivery report\r\nContent-Type: message/delivery-status\r\n\r\n{}\
             \r\n--{boundary}\r\n",
            self.for_programs(),
        );
        let mut out = out.into_bytes();
        out.extend_from_slice(&original);
        out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        out
    }

    /// Our own header fields, but for Content-Type.
    fn header(&self) -> String {
        let mut out = format!("Date: {}\r\n", rfc5322_date(self.at));
        let name = format!("{} / {}", say(Lang::Fr, "from_name", &[]), say(Lang::En, "from_name", &[]));
        out.push_str(&mailboxes("From", &[(name, self.from.clone())]));
        out.push_str(&mailboxes("To", &[(String::new(), self.to.clone())]));
        let key = format!("subject_{}", self.worst());
        let mut subject = format!("{} / {}", say(Lang::Fr, &key, &[]), say(Lang::En, &key, &[]));
        if let Some(original) = self.original_subject() {
            let _ = write!(subject, " : {original}");
        }
        out.push_str(&text_field("Subject", &subject));
        let _ = write!(out, "Message-ID: <{}@{}>\r\n", token(self.id), self.from.domain());
        if let Some(id) = self.original_id() {
            let _ = write!(out, "In-Reply-To: {id}\r\nReferences: {id}\r\n");
        }
        out.push_str("Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n");
        out
    }

    /// The gravest of the actions, which names the report.
    fn worst(&self) -> &'static str {
        let has = |action: &str| self.outcomes.iter().any(|o| o.action == action);
        ["failed", "delayed", "delivered"].into_iter().find(|action| has(action)).unwrap_or("relayed")
    }

    fn original_subject(&self) -> Option<String> {
        let field = fields(self.original_header).find(|f| f.name.eq_ignore_ascii_case("subject"))?;
        let subject: String = decoded(field.value).chars().take(SUBJECT_MAX).collect();
        (!subject.is_empty()).then_some(subject)
    }

    fn original_id(&self) -> Option<&str> {
        let field = fields(self.original_header).find(|f| f.name.eq_ignore_ascii_case("message-id"))?;
        crate::summary::ids(field.value).next().filter(|id| id.len() <= 250 && id.bytes().all(|b| b.is_ascii_graphic()))
    }

    /// The first part: sentences in French, then in English.
    fn for_people(&self) -> String {
        let mut out = String::new();
        for lang in [Lang::Fr, Lang::En] {
            let date = in_utc(self.arrived, if lang == Lang::Fr { "%d/%m/%Y %H:%M UTC" } else { "%Y-%m-%d %H:%M UTC" });
            for action in ["failed", "delayed", "delivered", "relayed"] {
                let mut first = true;
                for outcome in self.outcomes.iter().filter(|o| o.action == action) {
                    if std::mem::take(&mut first) {
                        let _ = write!(out, "{}\n\n", say(lang, &format!("intro_{action}"), &[("date", &date)]));
                    }
                    outcome.for_people(lang, &mut out);
                }
            }
            if let Some(subject) = self.original_subject() {
                let _ = write!(out, "{}\n\n", say(lang, "original_subject", &[("subject", &subject)]));
            }
            let _ = writeln!(out, "{}", say(lang, "footer", &[("host", self.reporting_mta)]));
            if lang == Lang::Fr {
                out.push_str("\n----- English -----\n\n");
            }
        }
        out
    }

    /// The second part (RFC 3464 §2).
    fn for_programs(&self) -> String {
        let mut out = String::new();
        // RFC 3464 §2.2.1: first. Printable ASCII by its type where it comes from; nothing else passes here either.
        if let Some(id) = self.envelope_id {
            let id: String = id.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(ENVELOPE_ID_MAX).collect();
            let _ = write!(out, "Original-Envelope-Id: {id}\r\n");
        }
        let _ = write!(out, "Reporting-MTA: dns; {}\r\n", name(self.reporting_mta));
        let _ = write!(out, "Arrival-Date: {}\r\n", rfc5322_date(self.arrived));
        for outcome in self.outcomes {
            out.push_str("\r\n");
            if let Some(original) = outcome.original.as_ref().and_then(OriginalRecipient::to_wire) {
                // As it was given, in its 7-bit form (RFC 6533 §3). RFC 3464 §2.3.1 writes other types decoded.
                let shown = match original.starts_with("utf-8;") {
                    true => original,
                    false => outcome.original.as_ref().map(ToString::to_string).unwrap_or_default(),
                };
                let shown: String = shown.chars().filter(|c| !c.is_control()).collect();
                let _ = write!(out, "Original-Recipient: {}\r\n", to_ascii(&shown));
            }
            let _ = write!(out, "Final-Recipient: {}\r\n", typed_address(&outcome.recipient));
            let _ = write!(out, "Action: {}\r\nStatus: {}\r\n", outcome.action, outcome.status());
            if let Some(mta) = &outcome.remote_mta {
                let _ = write!(out, "Remote-MTA: dns; {}\r\n", name(mta));
            }
            if let Some(diagnostic) = outcome.diagnostic() {
                let mut words = vec!["smtp;".to_owned()];
                for word in to_ascii(&diagnostic).split_ascii_whitespace() {
                    // The text is ASCII: every cut is between two characters.
                    words.extend(word.as_bytes().chunks(LINE_MAX).map(|w| String::from_utf8_lossy(w).into_owned()));
                }
                out.push_str(&folded_field("Diagnostic-Code", &words));
            }
            let _ = write!(out, "Last-Attempt-Date: {}\r\n", rfc5322_date(self.at));
            if let Some(until) = outcome.will_retry_until {
                let _ = write!(out, "Will-Retry-Until: {}\r\n", rfc5322_date(until));
            }
        }
        out
    }

    /// The third part, with its own header: the fields of the message concerned, the first that fit in a bound.
    fn header_part(&self) -> String {
        let mut header = Vec::new();
        for field in fields(self.original_header) {
            if header.len() + field.raw.len() > HEADER_MAX {
                break;
            }
            header.extend_from_slice(field.raw);
        }
        let plain = header.iter().all(|&b| b.is_ascii_graphic() || matches!(b, b' ' | b'\t' | b'\r' | b'\n'))
            && header
                .split(|&b| b == b'\n')
                .all(|line| line.len() <= LINE_MAX && line.iter().filter(|&&b| b == b'\r').count() <= 1);
        // RFC 6533 §6: a header in UTF-8 has its own type.
        let kind = if !header.is_ascii() && std::str::from_utf8(&header).is_ok() {
            "message/global-headers"
        } else {
            "text/rfc822-headers"
        };
        let mut out = format!("Content-Description: Message header\r\nContent-Type: {kind}\r\n");
        if plain {
            out.push_str("\r\n");
            for line in String::from_utf8_lossy(&header).lines() {
                out.push_str(line);
                out.push_str("\r\n");
            }
        } else {
            out.push_str("Content-Transfer-Encoding: quoted-printable\r\n\r\n");
            quoted_printable(&header, &mut out);
        }
        out
    }
}

/// The third part with the whole message. A message in a message cannot be encoded (RFC 2045 §6.4): it stands as it is.
fn full_part(message: &[u8]) -> Vec<u8> {
    let header_end = memchr::memmem::find(message, b"\r\n\r\n").unwrap_or(message.len());
    // RFC 6532 §3.7: one with a header in UTF-8 has its own type.
    let kind = if message[..header_end].is_ascii() { "message/rfc822" } else { "message/global" };
    let encoding = if message.is_ascii() { "" } else { "Content-Transfer-Encoding: 8bit\r\n" };
    let mut out = format!("Content-Description: Message\r\nContent-Type: {kind}\r\n{encoding}\r\n").into_bytes();
    out.extend_from_slice(message);
    if !message.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out
}

impl RecipientOutcome {
    fn for_people(&self, lang: Lang, out: &mut String) {
        let sentence = if lang == Lang::Fr { &self.sentence.0 } else { &self.sentence.1 };
        let _ = write!(out, "  {}\n  {}\n", self.recipient.to_unicode(), crate::encode::one_line(sentence));
        if let Some(diagnostic) = self.diagnostic() {
            let mut args = vec![("diagnostic", diagnostic.as_str())];
            args.extend(self.remote_mta.as_deref().map(|mta| ("mta", mta)));
            let _ = writeln!(out, "  {}", crate::encode::one_line(&say(lang, "answer", &args)));
        }
        out.push('\n');
    }

    /// The diagnostic on one line and bounded.
    fn diagnostic(&self) -> Option<String> {
        let text = crate::encode::one_line(self.diagnostic.as_deref()?);
        let text: String = text.trim().chars().take(DIAGNOSTIC_MAX).collect();
        (!text.is_empty()).then_some(text)
    }

    /// The status, if it is one (RFC 3463 §2).
    fn status(&self) -> &str {
        let mut pieces = self.status.split('.');
        let digits =
            |p: Option<&str>| p.is_some_and(|p| !p.is_empty() && p.len() <= 3 && p.bytes().all(|b| b.is_ascii_digit()));
        let fine = matches!(pieces.next(), Some("2" | "4" | "5")) && digits(pieces.next()) && digits(pieces.next());
        match (fine && pieces.next().is_none(), self.action) {
            (true, _) => &self.status,
            (false, "failed") => "5.0.0",
            (false, "delayed") => "4.0.0",
            (false, _) => "2.0.0",
        }
    }
}

/// A sentence of this report.
fn say(lang: Lang, key: &str, args: &[(&str, &str)]) -> String {
    text(lang, &format!("report.{key}"), args)
}

/// A host name that cannot break its field.
fn name(host: &str) -> String {
    let name: String =
        host.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '[' | ']' | ':')).collect();
    if name.is_empty() { "unknown".to_owned() } else { name.chars().take(255).collect() }
}

/// The address with its type: `rfc822;`, or for an international one `utf-8;` in its 7-bit form (RFC 6533 §3).
fn typed_address(address: &Address) -> String {
    if !address.is_international() {
        return format!("rfc822; {address}");
    }
    let mut out = String::from("utf-8; ");
    for c in address.to_string().chars() {
        if c.is_ascii_graphic() && !matches!(c, '\\' | '+' | '=') {
            out.push(c);
        } else {
            let _ = write!(out, "\\x{{{:02X}}}", u32::from(c));
        }
    }
    out
}
