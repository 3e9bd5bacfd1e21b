//! What an answer, or a message that is sent on, goes on from: who wrote it, its text, its pieces, its place in the conversation.
//!
//! Promise: it is read as any message is ([`super::message`]); of a text no more is quoted than [`QUOTED`].
use super::letters::Draft;
use super::message::{Opened, words};
use super::parts::{self, Bodies};
use crate::{Actor, Operator};
use sceau_domain::{Address, DomainName, Refusal, Timestamp};
use sceau_message::envelope::MailAddress;
use sceau_message::header::decoded;
use sceau_message::letter::written;
use sceau_message::sent;
use sceau_message::subject::base_subject;
use sceau_message::summary::Summary;
use sceau_store::Id;
use serde::{Deserialize, Serialize};

/// Most bytes of a text that are quoted.
const QUOTED: usize = 256 << 10;

/// Names, which may be empty, and addresses.
pub(super) type People = Vec<(String, String)>;

/// What is said of a message above its quoted text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quoted {
    /// Who wrote it: name, else address.
    pub name: String,
    /// The address.
    pub address: String,
    /// When it says that it was written.
    pub at: Option<Timestamp>,
    /// Its subject.
    pub subject: String,
    /// To whom, addresses.
    pub to: String,
}

/// A piece of another message that goes along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Carried {
    /// The message.
    pub message: Id,
    /// Its number there.
    pub number: String,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub kind: String,
    /// About how many bytes it has.
    pub size: u64,
}

/// The message.
pub(super) struct Source {
    /// Its id.
    pub message: Id,
    summary: Summary,
    /// Its text; empty where it has none.
    pub text: String,
}

impl Operator {
    /// A message by its EMAILID. `entry.unknown`, `message.damaged`.
    pub(super) async fn source(&self, actor: &Actor, email: &str) -> Result<Source, Refusal> {
        let Opened { message, summary, mut reader, .. } = self.open_seen(actor, email).await?;
        let (shift, bodies) = (summary.prefix.len() as u64, Bodies::of(&summary.summary.root));
        let text = match (bodies.plain, bodies.html) {
            (Some(plain), _) => parts::text(&mut reader, plain, shift, QUOTED).await?.0,
            (None, Some(html)) => words(&parts::text(&mut reader, html, shift, QUOTED).await?.0),
            (None, None) => String::new(),
        };
        Ok(Source { message, summary: summary.summary, text })
    }
}

impl Source {
    /// What is said of it above its text.
    pub fn told(&self) -> Quoted {
        let envelope = &self.summary.envelope;
        let (name, address) = people(&envelope.from).into_iter().next().unwrap_or_default();
        let at =
            envelope.date.as_deref().and_then(sent::instant).map(|seconds| Timestamp(seconds.saturating_mul(1_000)));
        let to = people(&envelope.to).into_iter().map(|(_, address)| address).collect::<Vec<_>>().join(", ");
        Quoted { name: if name.is_empty() { address.clone() } else { name }, address, at, subject: self.subject(), to }
    }

    /// Its subject, as people read it.
    pub fn subject(&self) -> String {
        decoded(self.summary.envelope.subject.as_deref().unwrap_or_default().as_bytes())
    }

    /// The subject of what goes on from it: with this mark once, however often it was answered.
    pub fn marked_subject(&self, mark: &str) -> String {
        let subject = self.subject();
        let base = base_subject(&subject);
        let text = if base.text.is_empty() { &subject } else { &base.text };
        format!("{mark} {text}").trim_end().to_owned()
    }

    /// Identifiers of its conversation, its own the last.
    pub fn references(&self) -> Vec<String> {
        self.summary.references.iter().chain(self.summary.envelope.message_id.as_ref()).cloned().collect()
    }

    /// Identifiers of what it goes on from itself.
    pub fn earlier(&self) -> Vec<String> {
        self.summary.references.clone()
    }

    /// What is written in it, of one that is a draft.
    pub fn draft(&self) -> Draft {
        let envelope = &self.summary.envelope;
        let [to, cc, bcc] = [&envelope.to, &envelope.cc, &envelope.bcc].map(|list| written(&people(list)));
        Draft { to, cc, bcc, subject: self.subject(), text: self.text.replace("\r\n", "\n"), html: String::new() }
    }

    /// To whom an answer goes, and who has a copy: whoever asked for answers, else whoever wrote; of one's own message, those to whom it went. With
    /// `all`, everybody whom it names but oneself.
    pub fn answered(&self, own: &Address, all: bool) -> (People, People) {
        let envelope = &self.summary.envelope;
        let is_own = |(_, address): &(String, String)| address.parse::<Address>().is_ok_and(|a| a == *own);
        let from = people(&envelope.from);
        let mut to = match people(&envelope.reply_to) {
            asked if !asked.is_empty() => asked,
            _ if from.iter().any(is_own) => people(&envelope.to),
            _ => from,
        };
        let mut cc = Vec::new();
        if all {
            let others: Vec<_> = people(&envelope.to).into_iter().chain(people(&envelope.cc)).collect();
            cc = others.into_iter().filter(|other| !is_own(other)).collect();
        }
        for list in [&mut to, &mut cc] {
            let mut seen = Vec::new();
            list.retain(|(_, address)| {
                let new = !seen.contains(address);
                seen.push(address.clone());
                new
            });
        }
        cc.retain(|(_, address)| to.iter().all(|(_, named)| named != address));
        (to, cc)
    }

    /// Its pieces, to go along with it.
    pub fn pieces(&self) -> Vec<Carried> {
        let carried = |(at, piece): (usize, parts::Piece)| {
            let name = if piece.name.is_empty() { format!("piece-{}", at + 1) } else { piece.name };
            Carried { message: self.message, number: piece.number, name, kind: piece.kind, size: piece.size }
        };
        parts::pieces(&self.summary.root).into_iter().enumerate().map(carried).collect()
    }
}

/// Names and addresses of a list, as people read them; what is no address is left out.
/// Those of a list who have an address: decoded name, which may be empty, and address.
pub(super) fn people(list: &[MailAddress]) -> People {
    let one = |a: &MailAddress| {
        let domain: DomainName = a.host.as_deref()?.parse().ok()?;
        let address = Address::from_parts(a.mailbox.as_deref()?, domain).ok()?;
        Some((decoded(a.name.as_deref().unwrap_or_default().as_bytes()), address.to_string()))
    };
    list.iter().filter_map(one).collect()
}

/// A text, each line marked as somebody else's.
pub(super) fn quoted(text: &str) -> String {
    text.trim_end()
        .lines()
        .map(|line| if line.starts_with('>') { format!(">{line}\n") } else { format!("> {line}\n") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sceau_message::scan::{Limits, Scanner};

    fn source(message: &str) -> Source {
        let mut scanner = Scanner::new(Limits::default());
        scanner.push(message.replace('\n', "\r\n").as_bytes()).unwrap();
        let summary = Summary::of(&scanner.finish().unwrap(), &Limits::default());
        Source { message: 7, summary, text: String::new() }
    }

    const MESSAGE: &str = "From: \"Zoé\" <zoe@beta.fr>\nTo: anne@alpha.fr, Paul <paul@beta.fr>\nCc: ANNE@alpha.fr, zoe@beta.fr, luc@beta.fr\n\
        Subject: Re: [liste] RE: Bilan\nMessage-ID: <2@beta.fr>\nReferences: <1@beta.fr>\nContent-Type: multipart/mixed; boundary=b\n\n\
        --b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\nBonjour\n--c\nContent-Type: text/html\n\n<p>Bonjour\n--c--\n\
        --b\nContent-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: base64\n\nAAAA\n--b\nContent-Type: text/plain\n\
        Content-Disposition: attachment\n\nnote\n--b\nContent-Type: message/rfc822\n\nSubject: x\n\ny\n--b--\n";

    #[test]
    fn an_answer_goes_to_whoever_is_meant() {
        let own: Address = "anne@alpha.fr".parse().unwrap();
        let plain = |list: People| list.into_iter().map(|(_, a)| a).collect::<Vec<_>>();
        let s = source(MESSAGE);
        let (to, cc) = s.answered(&own, false);
        assert_eq!((to[0].0.as_str(), plain(to.clone()), cc.len()), ("Zoé", vec!["zoe@beta.fr".to_owned()], 0));
        assert_eq!(plain(s.answered(&own, true).1), ["paul@beta.fr", "luc@beta.fr"]);
        // One's own message goes on to those to whom it went; who asked for answers elsewhere gets them there.
        let zoe: Address = "zoe@beta.fr".parse().unwrap();
        assert_eq!(plain(s.answered(&zoe, false).0), ["anne@alpha.fr", "paul@beta.fr"]);
        let elsewhere = source(&format!("Reply-To: secretariat@beta.fr\n{MESSAGE}"));
        assert_eq!(plain(elsewhere.answered(&own, false).0), ["secretariat@beta.fr"]);
    }

    #[test]
    fn what_goes_on_names_where_it_comes_from() {
        let s = source(MESSAGE);
        assert_eq!(s.marked_subject("Re:"), "Re: Bilan");
        assert_eq!(s.references(), ["<1@beta.fr>", "<2@beta.fr>"]);
        assert_eq!((s.told().name.as_str(), s.told().to.as_str()), ("Zoé", "anne@alpha.fr, paul@beta.fr"));
        assert_eq!(source("Subject: Re:\n\nx\n").marked_subject("Re:"), "Re: Re:", "nothing but marks is kept");
    }

    #[test]
    fn pieces_go_along_and_texts_do_not() {
        let s = source(MESSAGE);
        let pieces: Vec<(String, String)> = s.pieces().into_iter().map(|p| (p.number, p.name)).collect();
        let piece = |number: &str, name: &str| (number.to_owned(), name.to_owned());
        assert_eq!(pieces, [piece("2", "a.pdf"), piece("3", "piece-2"), piece("4", "x.eml")]);
        assert!(source("Subject: x\n\ny\n").pieces().is_empty());
    }

    #[test]
    fn a_quote_is_marked_line_by_line() {
        assert_eq!(quoted("a\n> b\n\n"), "> a\n>> b\n");
    }
}
