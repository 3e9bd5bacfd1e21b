//! Responses, as far as a client that moves mail needs them (RFC 9051 §7).
use super::value::{Value, values};
use super::wire::Piece;
use crate::Error;
use crate::error::No;
use crate::flags::Flags;
use crate::time;

/// How a command or a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// `OK`.
    Ok,
    /// `NO`.
    No,
    /// `BAD`.
    Bad,
    /// `BYE`.
    Bye,
    /// `PREAUTH`.
    Preauth,
}

/// What is said of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fetched {
    /// UID.
    pub uid: Option<u32>,
    /// FLAGS.
    pub flags: Option<Flags>,
    /// INTERNALDATE, seconds since 1970.
    pub date: Option<i64>,
    /// RFC822.SIZE, octets.
    pub size: Option<u64>,
    /// BODY[]: handed on, or here when it came as a string; `None` when the server has none.
    pub content: Option<Content>,
}

/// The content of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// It was handed on piece by piece.
    Streamed,
    /// Here.
    Here(Vec<u8>),
}

/// A mailbox of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Attributes in lower case, with their backslash.
    pub attributes: Vec<String>,
    /// What stands between levels.
    pub delimiter: Option<u8>,
    /// Name, as written.
    pub name: Vec<u8>,
}

/// A namespace: prefix and delimiter.
pub type Space = (Vec<u8>, Option<u8>);

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response {
    /// `+ …`.
    Go,
    /// `TAG OK|NO|BAD …`, or untagged; response code and its arguments, text.
    Status {
        /// Tag; none for `*`.
        tag: Option<String>,
        /// How it is.
        status: Status,
        /// Response code in upper case, then its arguments.
        code: Vec<String>,
        /// Words for people.
        text: String,
    },
    /// CAPABILITY, in upper case.
    Capability(Vec<String>),
    /// LIST.
    List(Listed),
    /// NAMESPACE: personal, others', shared.
    Namespace([Vec<Space>; 3]),
    /// METADATA (RFC 5464 §4.4.1) of a mailbox: names and values, as far as both are text.
    Metadata(Vec<(String, String)>),
    /// EXISTS.
    Exists(u32),
    /// EXPUNGE.
    Expunge,
    /// FETCH.
    Fetch(Fetched),
    /// Anything else.
    Other,
}

/// Longest text of a server that is kept, characters.
const WORDS: usize = 500;

impl Response {
    /// Reads one.
    pub fn read(pieces: &[Piece]) -> Result<Self, Error> {
        let Some(Piece::Text(first)) = pieces.first() else { return Err(BAD) };
        if first.first() == Some(&b'+') {
            return Ok(Self::Go);
        }
        let line = String::from_utf8_lossy(first);
        let (tag, rest) = line.split_once(' ').ok_or(BAD)?;
        let word = rest.split(' ').next().unwrap_or_default();
        let status = match word.to_ascii_uppercase().as_str() {
            "OK" => Some(Status::Ok),
            "NO" => Some(Status::No),
            "BAD" => Some(Status::Bad),
            "BYE" if tag == "*" => Some(Status::Bye),
            "PREAUTH" if tag == "*" => Some(Status::Preauth),
            _ => None,
        };
        if let Some(status) = status {
            let (code, text) = code_and_text(rest[word.len()..].trim_start());
            let text = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(WORDS).collect();
            let tag = (tag != "*").then(|| tag.to_owned());
            return Ok(Self::Status { tag, status, code, text });
        }
        if tag != "*" {
            return Err(BAD);
        }
        let known = ["CAPABILITY", "LIST", "NAMESPACE", "METADATA"].iter().any(|k| word.eq_ignore_ascii_case(k));
        if !known && !word.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(Self::Other);
        }
        Self::data(&values(pieces)?)
    }

    fn data(values: &[Value]) -> Result<Self, Error> {
        let word = |at: usize| values.get(at).and_then(Value::text).unwrap_or_default().to_ascii_uppercase();
        let (first, second) = (word(1), word(2));
        Ok(match (first.as_str(), second.as_str()) {
            ("CAPABILITY", _) => {
                Self::Capability(values[2..].iter().filter_map(Value::text).map(str::to_ascii_uppercase).collect())
            }
            ("LIST", _) => {
                let [_, _, attributes, delimiter, name, ..] = values else { return Err(BAD) };
                let attributes =
                    attributes.list().iter().filter_map(Value::text).map(str::to_ascii_lowercase).collect();
                let delimiter = delimiter.bytes().and_then(|d| d.first().copied());
                // `NIL` is a name like any other here.
                let name = match name {
                    Value::Atom(name) | Value::String(name) => name.clone(),
                    _ => return Err(BAD),
                };
                Self::List(Listed { attributes, delimiter, name })
            }
            ("NAMESPACE", _) => {
                let spaces = |at: usize| -> Vec<Space> {
                    let list = values.get(at).map(Value::list).unwrap_or_default();
                    let space = |v: &Value| {
                        let [prefix, delimiter, ..] = v.list() else { return None };
                        Some((prefix.bytes()?.to_vec(), delimiter.bytes().and_then(|d| d.first().copied())))
                    };
                    list.iter().filter_map(space).collect()
                };
                Self::Namespace([spaces(2), spaces(3), spaces(4)])
            }
            ("METADATA", _) => {
                let items = values.get(3).map(Value::list).unwrap_or_default();
                let pair = |pair: &[Value]| Some((pair.first()?.text()?.to_owned(), pair.get(1)?.text()?.to_owned()));
                Self::Metadata(items.chunks(2).filter_map(pair).collect())
            }
            (n, "EXISTS") => Self::Exists(n.parse().map_err(|_| BAD)?),
            (_, "EXPUNGE") => Self::Expunge,
            (_, "FETCH") => Self::Fetch(fetched(values.get(3).ok_or(BAD)?.list())?),
            _ => Self::Other,
        })
    }

    /// The no that it is, when it is one.
    pub fn no(code: &[String], text: &str) -> No {
        No { code: code.first().cloned(), text: text.to_owned() }
    }
}

const BAD: Error = Error::Protocol("a response cannot be read");

/// `[CODE ARGUMENTS] text`.
fn code_and_text(rest: &str) -> (Vec<String>, &str) {
    let Some((code, text)) = rest.strip_prefix('[').and_then(|r| r.split_once(']')) else { return (Vec::new(), rest) };
    let mut words = code.split(' ').filter(|w| !w.is_empty()).take(256).map(str::to_owned);
    let first = words.next().map(|w| w.to_ascii_uppercase());
    (first.into_iter().chain(words).collect(), text.trim_start())
}

fn fetched(items: &[Value]) -> Result<Fetched, Error> {
    let mut out = Fetched::default();
    for pair in items.chunks(2) {
        let [name, value] = pair else { return Err(BAD) };
        match name.text().unwrap_or_default().to_ascii_uppercase().as_str() {
            "UID" => out.uid = value.number().filter(|n| *n > 0),
            "RFC822.SIZE" => out.size = value.number(),
            "INTERNALDATE" => out.date = value.text().and_then(time::read_internal),
            "FLAGS" => out.flags = Some(Flags::from_imap(value.list().iter().filter_map(Value::text))),
            "BODY[]" => {
                out.content = match value {
                    Value::Streamed => Some(Content::Streamed),
                    value => value.bytes().map(|b| Content::Here(b.to_vec())),
                }
            }
            _ => {}
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Response {
        Response::read(&[Piece::Text(text.into())]).unwrap()
    }

    #[test]
    fn responses_that_matter() {
        assert_eq!(of("+ idling"), Response::Go);
        assert_eq!(of("* 12 EXISTS"), Response::Exists(12));
        assert_eq!(of("* VANISHED 1:3"), Response::Other);
        assert_eq!(
            of("* capability imap4rev1 Literal+"),
            Response::Capability(vec!["IMAP4REV1".into(), "LITERAL+".into()])
        );
        let Response::Status { tag, status, code, text } = of("a1 no [overquota x] Plein / Full (quota.exceeded)")
        else {
            panic!()
        };
        assert_eq!((tag.as_deref(), status, code[0].as_str()), (Some("a1"), Status::No, "OVERQUOTA"));
        assert!(Response::no(&code, &text).ends("quota.exceeded") && Response::no(&code, &text).is("OVERQUOTA"));
        let Response::Fetch(f) = of(
            "* 3 FETCH (UID 7 FLAGS (\\Seen \\Recent $x) INTERNALDATE \" 7-Feb-1994 21:52:25 -0800\" RFC822.SIZE 42 BODY[] \"ab\" MODSEQ (9))",
        ) else {
            panic!()
        };
        assert_eq!((f.uid, f.size, f.date), (Some(7), Some(42), Some(760_686_745)));
        assert_eq!((f.flags.unwrap().imap(), f.content), (vec!["\\Seen", "$x"], Some(Content::Here(b"ab".to_vec()))));
        let Response::List(l) = of("* LIST (\\Noselect) NIL NIL") else { panic!() };
        assert_eq!((l.delimiter, l.name.as_slice()), (None, &b"NIL"[..]));
        let Response::Namespace([own, others, shared]) =
            of("* NAMESPACE ((\"INBOX.\" \".\")) NIL ((\"#shared.\" \".\"))")
        else {
            panic!()
        };
        assert_eq!((own.len(), others.len(), shared[0].0.as_slice()), (1, 0, &b"#shared."[..]));
        for bad in ["", "x", "a1 x", "* 1 FETCH (UID)", "* LIST ()", "* 99999999999 EXISTS", "* 1 FETCH ("] {
            assert!(Response::read(&[Piece::Text(bad.into())]).is_err(), "{bad}");
        }
    }
}
