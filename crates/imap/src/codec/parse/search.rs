//! SEARCH (RFC 9051 §6.4.4, RFC 4731, RFC 5182, RFC 6203, RFC 7162 §3.1.5).
use crate::codec::budget::{ITEMS_MAX, SEARCH_KEYS_MAX};
use crate::codec::command::{Command, Search, SearchKey, SearchReturn};
use crate::codec::cursor::{Cursor, Parsed, SyntaxError, ascii};
use crate::codec::date;
use crate::codec::flags::{self, is_keyword};
use crate::codec::sequence::SequenceSet;
use encoding_rs::Encoding;
use sceau_operator::mailbox::entries::Flags;

/// `SEARCH [RETURN (…)] [CHARSET name] keys`.
pub(super) fn search(c: &mut Cursor<'_>, uid: bool) -> Parsed<Command> {
    c.sp()?;
    let mut returns = None;
    if c.eat_word("RETURN") {
        c.sp()?;
        let mut r = SearchReturn::default();
        c.list(ITEMS_MAX, true, |c| {
            match c.keyword()?.as_str() {
                "MIN" => r.min = true,
                "MAX" => r.max = true,
                "COUNT" => r.count = true,
                "ALL" => r.all = true,
                "SAVE" => r.save = true,
                "RELEVANCY" => r.relevancy = true,
                _ => return Err(SyntaxError("a return option of SEARCH is unknown")),
            }
            Ok(())
        })?;
        // RFC 4731 §3.1: no option is ALL.
        if r == SearchReturn::default() {
            r.all = true;
        }
        returns = Some(r);
        c.sp()?;
    }
    let mut reader = Reader { charset: Charset::Utf8, keys: 0, fuzzy: false };
    if c.eat_word("CHARSET") {
        c.sp()?;
        reader.charset = Charset::named(&c.astring()?);
        c.sp()?;
    }
    let mut keys = vec![reader.key(c)?];
    while c.eat(b' ') && !c.at_end() {
        keys.push(reader.key(c)?);
    }
    let key = and(keys);
    // RFC 6203 §4.
    if returns.is_some_and(|r| r.relevancy) && !reader.fuzzy {
        return Err(SyntaxError("RELEVANCY is for FUZZY searches"));
    }
    Ok(Command::Search(Search { uid, returns, bad_charset: matches!(reader.charset, Charset::Unknown), key }))
}

fn and(mut keys: Vec<SearchKey>) -> SearchKey {
    match keys.len() {
        1 => keys.remove(0),
        _ => SearchKey::And(keys),
    }
}

#[derive(Clone, Copy)]
enum Charset {
    Utf8,
    Other(&'static Encoding),
    Unknown,
}

impl Charset {
    fn named(name: &[u8]) -> Self {
        if name.eq_ignore_ascii_case(b"US-ASCII") || name.eq_ignore_ascii_case(b"UTF-8") {
            return Self::Utf8;
        }
        Encoding::for_label_no_replacement(name).map_or(Self::Unknown, Self::Other)
    }
    fn decode(self, bytes: Vec<u8>) -> Parsed<String> {
        match self {
            Self::Utf8 => String::from_utf8(bytes).map_err(|_| SyntaxError("a search text is not in its charset")),
            Self::Other(encoding) => match encoding.decode_without_bom_handling(&bytes) {
                (text, false) => Ok(text.into_owned()),
                _ => Err(SyntaxError("a search text is not in its charset")),
            },
            // The command is refused whatever the text says.
            Self::Unknown => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }
}

struct Reader {
    charset: Charset,
    keys: usize,
    /// A FUZZY key was read.
    fuzzy: bool,
}

impl Reader {
    fn key(&mut self, c: &mut Cursor<'_>) -> Parsed<SearchKey> {
        use SearchKey as K;
        self.keys += 1;
        if self.keys > SEARCH_KEYS_MAX {
            return Err(SyntaxError("the search has too many keys"));
        }
        match c.peek() {
            Some(b'(') => return Ok(and(c.list(SEARCH_KEYS_MAX, false, |c| self.key(c))?)),
            Some(b'0'..=b'9' | b'*' | b'$') => return Ok(K::Set(SequenceSet::parse(c)?)),
            _ => {}
        }
        Ok(match c.keyword()?.as_str() {
            "ALL" => K::All,
            "ANSWERED" => K::Flag(Flags::ANSWERED),
            "DELETED" => K::Flag(Flags::DELETED),
            "DRAFT" => K::Flag(Flags::DRAFT),
            "FLAGGED" => K::Flag(Flags::FLAGGED),
            "SEEN" => K::Flag(Flags::SEEN),
            "UNANSWERED" => not(K::Flag(Flags::ANSWERED)),
            "UNDELETED" => not(K::Flag(Flags::DELETED)),
            "UNDRAFT" => not(K::Flag(Flags::DRAFT)),
            "UNFLAGGED" => not(K::Flag(Flags::FLAGGED)),
            "UNSEEN" => not(K::Flag(Flags::SEEN)),
            "NEW" | "RECENT" => K::Nothing,
            "OLD" => K::All,
            "KEYWORD" => K::Keyword(keyword(c)?),
            "UNKEYWORD" => not(K::Keyword(keyword(c)?)),
            "LARGER" => K::Larger(number(c)?),
            "SMALLER" => K::Smaller(number(c)?),
            "SINCE" => K::Since(day(c)?),
            "BEFORE" => K::Before(day(c)?),
            "ON" => on(day(c)?, K::Since, K::Before),
            "SENTSINCE" => K::SentSince(day(c)?),
            "SENTBEFORE" => K::SentBefore(day(c)?),
            "SENTON" => on(day(c)?, K::SentSince, K::SentBefore),
            "HEADER" => {
                c.sp()?;
                let name = ascii(&c.astring()?)?.to_owned();
                K::Header(name, self.text(c)?)
            }
            "FROM" => K::From(self.text(c)?),
            "TO" => K::To(self.text(c)?),
            "CC" => K::Cc(self.text(c)?),
            "BCC" => K::Bcc(self.text(c)?),
            "SUBJECT" => K::Subject(self.text(c)?),
            "BODY" => K::Body(self.text(c)?),
            "TEXT" => K::Text(self.text(c)?),
            "UID" => {
                c.sp()?;
                K::Uid(SequenceSet::parse(c)?)
            }
            "NOT" => not(self.nested(c)?),
            "OR" => {
                let a = self.nested(c)?;
                K::Or(Box::new(a), Box::new(self.nested(c)?))
            }
            "FUZZY" => {
                self.fuzzy = true;
                K::Fuzzy(Box::new(self.nested(c)?))
            }
            "MODSEQ" => modseq(c)?,
            _ => return Err(SyntaxError("a search key is unknown")),
        })
    }
    fn nested(&mut self, c: &mut Cursor<'_>) -> Parsed<SearchKey> {
        c.sp()?;
        c.enter()?;
        let key = self.key(c)?;
        c.leave();
        Ok(key)
    }
    fn text(&self, c: &mut Cursor<'_>) -> Parsed<String> {
        c.sp()?;
        self.charset.decode(c.astring()?)
    }
}

fn not(key: SearchKey) -> SearchKey {
    SearchKey::Not(Box::new(key))
}

fn on(day: i64, since: fn(i64) -> SearchKey, before: fn(i64) -> SearchKey) -> SearchKey {
    SearchKey::And(vec![since(day), before(day + 1)])
}

fn keyword(c: &mut Cursor<'_>) -> Parsed<String> {
    c.sp()?;
    let word = c.atom()?;
    debug_assert!(is_keyword(word));
    Ok(word.to_owned())
}

fn number(c: &mut Cursor<'_>) -> Parsed<u64> {
    c.sp()?;
    c.number64()
}

fn day(c: &mut Cursor<'_>) -> Parsed<i64> {
    c.sp()?;
    date::parse_date(c)
}

/// `MODSEQ ["/flags/\\Seen" all|priv|shared] n`: one modseq serves all metadata of an entry here.
fn modseq(c: &mut Cursor<'_>) -> Parsed<SearchKey> {
    c.sp()?;
    if c.peek() == Some(b'"') {
        let name = c.quoted()?;
        let flag = name.strip_prefix(b"/flags/").ok_or(SyntaxError("a metadata name of MODSEQ is unknown"))?;
        let flag = ascii(flag)?;
        let system = flags::SYSTEM.iter().any(|(_, n)| n.eq_ignore_ascii_case(flag));
        if !system && !is_keyword(flag) {
            return Err(SyntaxError("a metadata name of MODSEQ is unknown"));
        }
        c.sp()?;
        if !["all", "priv", "shared"].iter().any(|w| c.eat_word(w)) {
            return Err(SyntaxError("a metadata type of MODSEQ is unknown"));
        }
        c.sp()?;
    }
    Ok(SearchKey::ModSeq(c.number64()?))
}
