//! Values of a response: atoms, strings, lists (RFC 9051 §4).
use super::wire::Piece;
use crate::Error;

/// Deepest nesting that is read.
const DEPTH: usize = 16;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// An atom or a number, as written; `NIL` is one too.
    Atom(Vec<u8>),
    /// A quoted string or a literal.
    String(Vec<u8>),
    /// A list.
    List(Vec<Value>),
    /// A literal that was handed on.
    Streamed,
}

impl Value {
    /// The octets of an atom or string; none of `NIL`.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Atom(atom) if atom.eq_ignore_ascii_case(b"NIL") => None,
            Self::Atom(bytes) | Self::String(bytes) => Some(bytes),
            _ => None,
        }
    }
    /// As text, when it is ASCII or UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(self.bytes()?).ok()
    }
    /// As a number.
    pub fn number<N: std::str::FromStr>(&self) -> Option<N> {
        self.text()?.parse().ok()
    }
    /// The values of a list; none of anything else.
    pub fn list(&self) -> &[Value] {
        if let Self::List(values) = self { values } else { &[] }
    }
}

/// Reads all values of a response.
pub fn values(pieces: &[Piece]) -> Result<Vec<Value>, Error> {
    read(pieces).ok_or(Error::Protocol("a response cannot be read"))
}

fn read(pieces: &[Piece]) -> Option<Vec<Value>> {
    // The lists that are open, outermost first.
    let mut open: Vec<Vec<Value>> = Vec::new();
    let mut here: Vec<Value> = Vec::new();
    for piece in pieces {
        let mut rest: &[u8] = match piece {
            Piece::Text(text) => text,
            Piece::Literal(bytes) => {
                here.push(Value::String(bytes.clone()));
                continue;
            }
            Piece::Streamed => {
                here.push(Value::Streamed);
                continue;
            }
        };
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            match first {
                b' ' => {}
                b'(' if open.len() == DEPTH => return None,
                b'(' => open.push(std::mem::take(&mut here)),
                b')' => {
                    let outer = open.pop()?;
                    let list = std::mem::replace(&mut here, outer);
                    here.push(Value::List(list));
                }
                b'"' => {
                    let (text, tail) = quoted(after)?;
                    here.push(Value::String(text));
                    rest = tail;
                }
                _ => {
                    let end = atom_end(after);
                    let mut atom = vec![*first];
                    atom.extend_from_slice(&after[..end]);
                    here.push(Value::Atom(atom));
                    rest = &after[end..];
                }
            }
        }
    }
    open.is_empty().then_some(here)
}

/// The text up to the closing quote, and what follows.
fn quoted(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut text = Vec::new();
    let mut rest = bytes.iter().enumerate();
    while let Some((at, b)) = rest.next() {
        match b {
            b'"' => return Some((text, &bytes[at + 1..])),
            b'\\' => text.push(*rest.next()?.1),
            b => text.push(*b),
        }
    }
    None
}

/// Where an atom ends that may hold a section: `BODY[HEADER.FIELDS (DATE)]`.
fn atom_end(bytes: &[u8]) -> usize {
    let mut within = false;
    let ends = |b: &u8| {
        match b {
            b'[' => within = true,
            b']' => within = false,
            b' ' | b'(' | b')' | b'"' if !within => return true,
            _ => {}
        }
        false
    };
    bytes.iter().position(ends).unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(text: &str) -> Option<Vec<Value>> {
        read(&[Piece::Text(text.into())])
    }

    #[test]
    fn atoms_strings_and_lists() {
        let atom = |t: &str| Value::Atom(t.into());
        let string = |t: &str| Value::String(t.into());
        assert_eq!(
            of(r#"* LIST (\HasNoChildren \Sent) "/" "Envoy\"\\&AOk-s""#),
            Some(vec![
                atom("*"),
                atom("LIST"),
                Value::List(vec![atom("\\HasNoChildren"), atom("\\Sent")]),
                string("/"),
                string("Envoy\"\\&AOk-s")
            ])
        );
        assert_eq!(
            of("(BODY[HEADER.FIELDS (DATE)] NIL)").unwrap()[0].list().iter().map(Value::bytes).collect::<Vec<_>>(),
            [Some(&b"BODY[HEADER.FIELDS (DATE)]"[..]), None]
        );
        let pieces = [
            Piece::Text("(A ".into()),
            Piece::Literal(b"x)".to_vec()),
            Piece::Text(" ".into()),
            Piece::Streamed,
            Piece::Text(")".into()),
        ];
        assert_eq!(read(&pieces).unwrap(), [Value::List(vec![atom("A"), string("x)"), Value::Streamed])]);
        for bad in ["(", ")", "())", "\"", "\"\\", &"(".repeat(1000)] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(text in "[a-c()\"\\\\ \\[\\]]{0,40}") {
            let _ = of(&text);
        }
    }
}
