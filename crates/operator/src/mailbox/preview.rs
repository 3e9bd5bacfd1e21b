//! The first words of messages (PREVIEW, RFC 8970): made from the first text that a person would read, when somebody asks for
//! the first time, then kept sealed beside the summary.
use crate::boxed;
use crate::mailbox::read::{MessageSummary, damaged};
use crate::mailbox::seal::{BalSeal, MESSAGE_PREVIEW};
use crate::mailbox::search::body::{self, Listener};
use crate::reading::Read;
use crate::refuse::{self, Fail};
use crate::{Actor, Operator};
use sceau_domain::Refusal;
use sceau_message::scan::Part;
use sceau_store::messages::{self, PreviewRow};
use sceau_store::{Id, StoreError};
use std::collections::HashMap;

/// Characters of a preview (RFC 8970 §3.2).
const CHARACTERS: usize = 200;
/// Characters of text that are looked at to find them.
const LOOKED_AT: usize = 256 * 1024;

impl Operator {
    /// Previews of messages of the actor's BAL; a message that is gone is absent, and with `lazy` one whose preview was never made.
    /// Empty for a message without text. Traced as a reading of their beginnings. Ask by pages (≤ 500).
    #[boxed]
    pub async fn previews(&self, actor: &Actor, ids: &[Id], lazy: bool) -> Result<HashMap<Id, String>, Refusal> {
        let seat = self.seat(actor)?;
        let seal = self.bal_seal(seat.bal).await?;
        let asked = ids.to_vec();
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            let bal = seat.check(tx)?;
            Ok((bal, messages::previews(tx, seat.bal, &asked)?))
        });
        let (bal, rows) = read.await?;
        let (mut found, mut made) = (HashMap::with_capacity(rows.len()), Vec::new());
        for row in &rows {
            // One that does not open is made again.
            let kept = row.preview.as_ref().and_then(|sealed| seal.open(row.id, MESSAGE_PREVIEW, sealed).ok());
            if let Some(text) = kept.and_then(|bytes| String::from_utf8(bytes).ok()) {
                found.insert(row.id, text);
            } else if !lazy {
                match self.make_preview(&seal, row.id).await? {
                    Made::Text(text) => {
                        let sealed =
                            seal.seal(row.id, MESSAGE_PREVIEW, text.as_bytes()).map_err(|e| refuse::store(&e))?;
                        made.push(PreviewRow { id: row.id, preview: Some(sealed) });
                        found.insert(row.id, text);
                    }
                    // It may be whole again one day (a backup, a place of blobs that comes back): nothing is kept.
                    Made::Damaged => drop(found.insert(row.id, String::new())),
                    Made::Gone => {}
                }
            }
        }
        if let (Some(first), Some(last)) = (found.keys().min(), found.keys().max()) {
            self.note_reading(actor, (seat.bal, bal), Read::Previewed(*first, *last, found.len())).await?;
        }
        if !made.is_empty() {
            let keep = self.0.store.write::<_, StoreError, _>(move |tx| messages::keep_previews(tx, seat.bal, &made));
            if let Err(e) = keep.await {
                // They are made again when somebody asks.
                tracing::warn!(error = %e, "previews were not kept");
            }
        }
        Ok(found)
    }

    /// Reads the beginning of a message's text.
    async fn make_preview(&self, seal: &BalSeal, message: Id) -> Result<Made, Refusal> {
        let bal = seal.bal;
        let rows = self.0.store.read::<_, StoreError, _>(move |tx| {
            let summary = messages::summaries(tx, bal, &[message])?.rows.remove(&message);
            Ok(summary.zip(messages::content(tx, bal, message)?))
        });
        let Some((summary, content)) = rows.await.map_err(|e| refuse::store(&e))? else { return Ok(Made::Gone) };
        let opened = MessageSummary::open(seal, &summary, &mut Vec::new());
        let (summary, mut blob) = match (opened, self.open_blob_of(seal, message, &content).await) {
            (Ok(summary), Ok(blob)) => (summary, blob),
            (Err(e), _) | (_, Err(e)) => return damaged(message, &e).map(|()| Made::Damaged),
        };
        let read = tokio::task::spawn_blocking(move || {
            let mut glimpse = Glimpse::default();
            body::walk(&mut blob, &summary.summary.root, &mut glimpse).map(|()| glimpse.text)
        });
        match read.await {
            Ok(Ok(text)) => Ok(Made::Text(text.trim_end().to_owned())),
            Ok(Err(e)) => damaged(message, &e).map(|()| Made::Damaged),
            Err(e) => Err(refuse::abnormal("a preview", &e)),
        }
    }
}

/// What became of a preview.
enum Made {
    Text(String),
    /// The message cannot be read: it has no words now.
    Damaged,
    Gone,
}

/// Takes the first text, its white space drawn together.
#[derive(Debug, Default)]
struct Glimpse {
    text: String,
    /// Characters of `text`.
    length: usize,
    /// Characters looked at.
    seen: usize,
    /// In a text part, not in the header of an inner message.
    taking: bool,
}

impl Listener for Glimpse {
    fn done(&self) -> bool {
        self.length >= CHARACTERS || self.seen >= LOOKED_AT
    }
    fn wants(&mut self, part: &Part) -> bool {
        let attached = part.mime.disposition.as_ref().is_some_and(|(kind, _)| kind == "attachment");
        let text = part.mime.kind == "text" && matches!(part.mime.subtype.as_str(), "plain" | "html");
        // The other form of a text that was found says nothing new.
        self.taking = text && !attached && self.length == 0;
        self.taking
    }
    fn push(&mut self, text: &str) {
        if !self.taking {
            return;
        }
        for c in text.chars() {
            if self.done() {
                return;
            }
            self.seen += 1;
            match c {
                // Soft hyphens, joiners and marks of direction: senders fill previews with them.
                '\u{ad}'
                | '\u{34f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}' => {}
                c if c.is_whitespace() || c.is_control() => {
                    if !self.text.is_empty() && !self.text.ends_with(' ') {
                        self.text.push(' ');
                        self.length += 1;
                    }
                }
                c => {
                    self.text.push(c);
                    self.length += 1;
                }
            }
        }
    }
    fn end(&mut self) {
        self.taking = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::search::body::Source;
    use proptest::prelude::*;
    use sceau_message::scan::{Limits, Scanner};

    struct Bytes<'a>(&'a [u8]);
    impl Source for Bytes<'_> {
        fn read(&mut self, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
            let rest = &self.0[(offset as usize).min(self.0.len())..];
            Ok(rest[..rest.len().min(len)].to_vec())
        }
    }

    fn preview(message: &str) -> String {
        let message = message.replace('\n', "\r\n");
        let mut scanner = Scanner::new(Limits::default());
        scanner.push(message.as_bytes()).unwrap();
        let mut glimpse = Glimpse::default();
        body::walk(&mut Bytes(message.as_bytes()), &scanner.finish().unwrap().root, &mut glimpse).unwrap();
        glimpse.text.trim_end().to_owned()
    }

    #[test]
    fn the_first_text_that_a_person_reads() {
        assert_eq!(preview("Subject: x\n\nBonjour,\n\n  Léa\u{200b} va \t mieux.\n"), "Bonjour, Léa va mieux.");
        let html = "Content-Type: text/html\n\n<style>p{color:red}</style><p>Bonjour&nbsp;<b>Léa</b></p>";
        assert_eq!(preview(html), "Bonjour Léa");
        let part = |kind: &str, text: &str| format!("--b\nContent-Type: {kind}\n\n{text}\n");
        let of = |parts: &[String]| {
            preview(&format!("Content-Type: multipart/mixed; boundary=b\n\npreamble\n{}--b--\n", parts.concat()))
        };
        assert_eq!(of(&[part("text/plain", "un"), part("text/html", "<p>deux")]), "un");
        assert_eq!(of(&[part("text/plain", " \n "), part("text/html", "<p>deux")]), "deux");
        assert_eq!(of(&[part("application/pdf", "%PDF"), part("text/csv", "a;b")]), "");
        assert_eq!(of(&[part("text/plain\nContent-Disposition: attachment", "joint"), part("text/plain", "lu")]), "lu");
        assert_eq!(of(&[part("message/rfc822", "Subject: dedans\n\ntransmis")]), "transmis");
        assert_eq!(preview("Content-Type: application/pkcs7-mime\n\nAAAA\n"), "");
        let qp = "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nR=E9sultat=\n normal";
        assert_eq!(preview(qp), "Résultat normal");
    }

    #[test]
    fn two_hundred_characters() {
        let long = preview(&format!("Subject: x\n\n{}", "é ".repeat(5000)));
        assert_eq!(long.chars().count(), 199);
        assert_eq!(preview(&format!("Subject: x\n\n{}", "é".repeat(5000))).chars().count(), 200);
        // Nothing worth showing is not looked for without end.
        assert_eq!(preview(&format!("Subject: x\n\n{}fin", " ".repeat(LOOKED_AT))), "");
    }

    proptest! {
        #[test]
        fn nothing_breaks_a_line(text in "\\PC{0,300}[\\x00-\\x1f]{0,5}\\PC{0,40}") {
            let mut glimpse = Glimpse { taking: true, ..Glimpse::default() };
            glimpse.push(&text);
            prop_assert!(glimpse.text.chars().count() <= CHARACTERS);
            prop_assert!(!glimpse.text.chars().any(|c| c.is_control()));
        }
    }
}
