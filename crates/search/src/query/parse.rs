//! Reading what a person typed. The grammar stands with [`Query::parse`](super::Query::parse).
use super::QueryError;
use super::days::days;
use super::node::{Node, What};
use super::words::{self, Term, required};
use crate::field::{Field, Fields, kind};

/// Bytes of a question.
pub(crate) const LONGEST: usize = 2_000;
/// Words, filters and their variants.
pub(crate) const MOST: usize = 100;
/// Nested parentheses.
const DEEPEST: usize = 10;

/// Reads a whole question.
pub(crate) fn parse(text: &str) -> Result<Node, QueryError> {
    if text.len() > LONGEST {
        return Err(QueryError::TooLarge);
    }
    let mut reader = Reader { text, at: 0 };
    if reader.blank() {
        return Ok(Node::All);
    }
    let node = reader.list(Fields::ALL, 0)?;
    if let Some(')') = reader.peek() {
        return Err(QueryError::Syntax(reader.rest()));
    }
    // There was a text, and nothing in it to look for.
    let node = node.unwrap_or(Node::Nothing);
    if node.size() > MOST { Err(QueryError::TooLarge) } else { Ok(node) }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

/// What stands next.
enum Item {
    /// Words, not analysed: neighbours are read together.
    Plain(String),
    /// Anything else. None: nothing to look for in it.
    Node(Option<Node>),
    Or,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn blank(&mut self) -> bool {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.at == self.text.len()
    }

    /// The offending part, shortened for a message.
    fn rest(&self) -> String {
        self.text[self.at..].chars().take(40).collect()
    }

    /// The word at hand: up to white space, a quote or a parenthesis that closes what stands before it (`patient(e)` is a word).
    fn word(&self) -> &'a str {
        let rest = &self.text[self.at..];
        let mut open = 0;
        for (at, c) in rest.char_indices() {
            match c {
                '(' => open += 1,
                ')' if open == 0 => return &rest[..at],
                ')' => open -= 1,
                c if c.is_whitespace() || closing(c).is_some() => return &rest[..at],
                _ => {}
            }
        }
        rest
    }

    /// Items up to a closing parenthesis or the end. None when there is nothing to look for.
    fn list(&mut self, fields: Fields, depth: usize) -> Result<Option<Node>, QueryError> {
        if depth > DEEPEST {
            return Err(QueryError::TooLarge);
        }
        let mut items = Vec::new();
        while !self.blank() && self.peek() != Some(')') {
            items.push(self.item(fields, depth)?);
        }
        join(fields, items)
    }

    fn item(&mut self, fields: Fields, depth: usize) -> Result<Item, QueryError> {
        let word = self.word();
        match word {
            "OU" | "OR" | "|" => {
                self.at += word.len();
                return Ok(Item::Or);
            }
            "ET" | "AND" | "&" => {
                self.at += word.len();
                return Ok(Item::Node(None));
            }
            "SAUF" | "NON" | "NOT" => {
                let at = self.at;
                self.at += word.len();
                return self.negation(fields, depth, at);
            }
            _ => {}
        }
        if let Some(after) = word.strip_prefix('-')
            && (after.starts_with(|c: char| c.is_alphanumeric() || c == '(') || after.is_empty() && self.quoted(1))
        {
            let at = self.at;
            self.at += 1;
            return self.negation(fields, depth, at);
        }
        match self.peek() {
            Some('(') => self.group(fields, depth),
            Some(c) if closing(c).is_some() => {
                let phrase = self.phrase();
                node(words::phrase(fields, &phrase, MOST), &phrase)
            }
            _ => self.plain(fields, depth, word),
        }
    }

    fn quoted(&self, after: usize) -> bool {
        self.text[self.at + after..].starts_with(|c| closing(c).is_some())
    }

    fn negation(&mut self, fields: Fields, depth: usize, at: usize) -> Result<Item, QueryError> {
        let dangling = QueryError::Syntax(self.text[at..].chars().take(40).collect());
        if self.blank() || self.peek() == Some(')') || depth >= DEEPEST {
            return Err(if depth >= DEEPEST { QueryError::TooLarge } else { dangling });
        }
        Ok(Item::Node(match self.item(fields, depth + 1)? {
            Item::Plain(text) => plain(fields, &text)?.map(Node::not),
            Item::Node(inner) => inner.map(Node::not),
            Item::Or => return Err(dangling),
        }))
    }

    fn group(&mut self, fields: Fields, depth: usize) -> Result<Item, QueryError> {
        let open = self.rest();
        self.at += 1;
        let inner = self.list(fields, depth + 1)?;
        if self.peek() != Some(')') {
            return Err(QueryError::Syntax(open));
        }
        self.at += 1;
        Ok(Item::Node(inner))
    }

    /// A quoted phrase; it may stay open (somebody is typing).
    fn phrase(&mut self) -> String {
        let open = self.peek().unwrap_or('"');
        self.at += open.len_utf8();
        let rest = &self.text[self.at..];
        let close = closing(open).unwrap_or('"');
        let (phrase, next) = match rest.find(close) {
            Some(end) => (&rest[..end], end + close.len_utf8()),
            None => (rest, rest.len()),
        };
        self.at += next;
        phrase.to_owned()
    }

    fn plain(&mut self, fields: Fields, depth: usize, word: &str) -> Result<Item, QueryError> {
        if let Some((name, value)) = word.split_once(':')
            && let Some(filter) = Filter::named(name)
        {
            self.at += name.len() + 1;
            // French puts a space after a colon.
            if value.is_empty() {
                self.blank();
            }
            return self.filter(depth, name, filter);
        }
        // A stray parenthesis or quote is no word: step over it.
        if word.is_empty() {
            self.at += self.peek().map_or(1, char::len_utf8);
            return Ok(Item::Node(None));
        }
        self.at += word.len();
        match word.strip_suffix('*') {
            Some(open) => node(words::prefix(fields, open, MOST), word),
            None => Ok(Item::Plain(word.to_owned())),
        }
    }

    fn filter(&mut self, depth: usize, name: &str, filter: Filter) -> Result<Item, QueryError> {
        if let Filter::In(field) = filter {
            let within = Fields::of(field);
            if field == Field::Attachment && matches!(self.word(), "*") {
                self.at += 1;
                return Ok(Item::Node(Some(Node::Attached)));
            }
            if self.blank() || self.peek() == Some(')') {
                return Err(QueryError::Syntax(format!("{name}:")));
            }
            return Ok(match self.peek() {
                Some('(') => self.group(within, depth)?,
                Some(c) if closing(c).is_some() => {
                    let phrase = self.phrase();
                    node(words::phrase(within, &phrase, MOST), &phrase)?
                }
                _ => {
                    let word = self.word();
                    self.at += word.len();
                    match word.strip_suffix('*') {
                        Some(open) => node(words::prefix(within, open, MOST), word)?,
                        None => Item::Node(plain(within, word)?),
                    }
                }
            });
        }
        let value = match self.peek() {
            Some(c) if closing(c).is_some() => self.phrase(),
            _ => {
                let word = self.word();
                self.at += word.len();
                word.to_owned()
            }
        };
        let read = match filter {
            Filter::Before => days(&value).map(|(from, _)| Node::Date(None, Some(from))),
            Filter::After => days(&value).map(|(from, _)| Node::Date(Some(from), None)),
            Filter::On => days(&value).map(|(from, to)| Node::Date(Some(from), Some(to))),
            Filter::Larger => bytes(&value).map(|n| Node::Size(Some(n), None)),
            Filter::Smaller => bytes(&value).map(|n| Node::Size(None, Some(n))),
            Filter::Kind => kind(&value).map(|mark| Node::Text(Fields::of(Field::Attachment), What::Exact(mark))),
            Filter::With => attachment(&value).then_some(Node::Attached),
            Filter::Without => attachment(&value).then(|| Node::not(Node::Attached)),
            Filter::In(_) => None,
        };
        match read {
            Some(node) => Ok(Item::Node(Some(node))),
            None => Err(QueryError::Value(format!("{name}:{value}"))),
        }
    }
}

/// Puts items together: `OU` takes its two neighbours, everything left must hold.
fn join(fields: Fields, items: Vec<Item>) -> Result<Option<Node>, QueryError> {
    let mut terms: Vec<Term> = Vec::new();
    let mut run = String::new();
    let mut items = items.into_iter().peekable();
    while let Some(item) = items.next() {
        if matches!(items.peek(), Some(Item::Or)) || matches!(item, Item::Or) {
            terms.extend(flush(fields, &mut run)?);
            let mut ways = vec![way(fields, item)?];
            while items.next_if(|i| matches!(i, Item::Or)).is_some() {
                match items.next() {
                    Some(item) => ways.push(way(fields, item)?),
                    None => return Err(QueryError::Syntax("OU".to_owned())),
                }
            }
            let ways: Vec<Node> = ways.into_iter().flatten().collect();
            if !ways.is_empty() {
                terms.push(Term { node: Node::or(ways), stop: false });
            }
            continue;
        }
        match item {
            Item::Plain(text) => {
                run.push_str(&text);
                run.push(' ');
            }
            Item::Node(node) => {
                terms.extend(flush(fields, &mut run)?);
                terms.extend(node.map(|node| Term { node, stop: false }));
            }
            Item::Or => {}
        }
    }
    terms.extend(flush(fields, &mut run)?);
    Ok((!terms.is_empty()).then(|| required(terms)))
}

fn way(fields: Fields, item: Item) -> Result<Option<Node>, QueryError> {
    match item {
        Item::Plain(text) => plain(fields, &text),
        Item::Node(node) => Ok(node),
        Item::Or => Err(QueryError::Syntax("OU".to_owned())),
    }
}

fn flush(fields: Fields, run: &mut String) -> Result<Vec<Term>, QueryError> {
    let terms = words::words(fields, run, MOST);
    run.clear();
    if terms.len() > MOST { Err(QueryError::TooLarge) } else { Ok(terms) }
}

/// Words by themselves.
pub(crate) fn plain(fields: Fields, text: &str) -> Result<Option<Node>, QueryError> {
    let terms = flush(fields, &mut text.to_owned())?;
    Ok((!terms.is_empty()).then(|| required(terms)))
}

fn node(read: Option<Result<Node, ()>>, typed: &str) -> Result<Item, QueryError> {
    match read {
        None if typed.contains('*') => Err(QueryError::Prefix(typed.to_owned())),
        None => Ok(Item::Node(None)),
        Some(Ok(node)) => Ok(Item::Node(Some(node))),
        Some(Err(())) => Err(QueryError::Prefix(typed.to_owned())),
    }
}

/// The quote that ends what this one begins.
fn closing(c: char) -> Option<char> {
    match c {
        '"' => Some('"'),
        '«' => Some('»'),
        '\u{201c}' => Some('\u{201d}'),
        _ => None,
    }
}

#[derive(Debug, Clone, Copy)]
enum Filter {
    In(Field),
    Before,
    After,
    On,
    Larger,
    Smaller,
    Kind,
    With,
    Without,
}

impl Filter {
    fn named(name: &str) -> Option<Self> {
        let name: String = crate::analysis::fold::fold(name).into_iter().map(|f| f.ch).collect();
        Some(match name.as_str() {
            "de" | "from" | "expediteur" => Filter::In(Field::From),
            "a" | "to" | "pour" | "destinataire" => Filter::In(Field::To),
            "objet" | "sujet" | "subject" => Filter::In(Field::Subject),
            "corps" | "texte" | "body" => Filter::In(Field::Body),
            "pj" | "attachment" | "fichier" | "filename" => Filter::In(Field::Attachment),
            "avant" | "before" => Filter::Before,
            "apres" | "depuis" | "after" | "since" => Filter::After,
            "le" | "date" | "on" => Filter::On,
            "plus" | "larger" => Filter::Larger,
            "moins" | "smaller" => Filter::Smaller,
            "type" | "ext" => Filter::Kind,
            "avec" | "has" => Filter::With,
            "sans" | "without" => Filter::Without,
            _ => return None,
        })
    }
}

fn attachment(value: &str) -> bool {
    matches!(value.to_lowercase().as_str(), "pj" | "fichier" | "attachment" | "attachments")
}

/// `500`, `10k`, `10 Ko`, `2M`: K is 1024 bytes, M 1024 K.
fn bytes(value: &str) -> Option<u64> {
    let value = value.trim().to_lowercase();
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = value[..digits].parse().ok()?;
    let factor = match value[digits..].trim() {
        "" | "o" | "b" => 1,
        "k" | "ko" | "kb" => 1 << 10,
        "m" | "mo" | "mb" => 1 << 20,
        "g" | "go" | "gb" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}
