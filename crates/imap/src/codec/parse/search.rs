//! SEARCH, SORT, THREAD and ESEARCH (RFC 9051 §6.4.4, RFC 4731, RFC 5182, RFC 5256 §5, RFC 5267 §5, RFC 6203, RFC 7162 §3.1.5, RFC 7377 §4, RFC 9394 §4).
use crate::codec::budget::{ITEMS_MAX, SEARCH_KEYS_MAX};
use crate::codec::command::{Command, MultiSearch, Search, SearchKey, SearchReturn, Sort, Source, Thread};
use crate::codec::cursor::{Cursor, Parsed, SyntaxError, ascii};
use crate::codec::date;
use crate::codec::flags::{self, is_keyword};
use crate::codec::name::MailboxName;
use crate::codec::partial::Partial;
use crate::codec::sequence::{Bound, SequenceSet};
use encoding_rs::Encoding;
use sceau_operator::mailbox::entries::Flags;
use sceau_operator::mailbox::search::{Algorithm, SortBy, SortKey};

/// `SEARCH [RETURN (…)] [CHARSET name] keys`.
pub(super) fn search(c: &mut Cursor<'_>, uid: bool) -> Parsed<Command> {
    c.sp()?;
    let returns = returns(c)?;
    let (charset, named) = charset(c)?;
    let search = program(c, uid, returns, charset)?.0;
    Ok(Command::Search(Search { conflicts_utf8: named, ..search }))
}

/// `SORT [RETURN (…)] (criteria) charset keys`.
pub(super) fn sort(c: &mut Cursor<'_>, uid: bool) -> Parsed<Command> {
    c.sp()?;
    let returns = returns(c)?;
    let by = c.list(ITEMS_MAX, false, |c| {
        let word = c.keyword()?;
        let reverse = word == "REVERSE";
        let word = if reverse { c.sp().and_then(|()| c.keyword())? } else { word };
        let key = match word.as_str() {
            "ARRIVAL" => SortKey::Arrival,
            "CC" => SortKey::Cc,
            "DATE" => SortKey::Date,
            "DISPLAYFROM" => SortKey::DisplayFrom,
            "DISPLAYTO" => SortKey::DisplayTo,
            "FROM" => SortKey::From,
            "RELEVANCY" => SortKey::Relevancy,
            "SIZE" => SortKey::Size,
            "SUBJECT" => SortKey::Subject,
            "TO" => SortKey::To,
            _ => return Err(SyntaxError("a sort criterion is unknown")),
        };
        Ok(SortBy { key, reverse })
    })?;
    c.sp()?;
    let (charset, other) = mandatory_charset(c)?;
    let (search, fuzzy) = program(c, uid, returns, charset)?;
    // RFC 6203 §4.
    if !fuzzy && by.iter().any(|b| b.key == SortKey::Relevancy) {
        return Err(RELEVANCY);
    }
    Ok(Command::Sort(Sort { search: Search { conflicts_utf8: other, ..search }, by }))
}

/// `THREAD algorithm charset keys`.
pub(super) fn thread(c: &mut Cursor<'_>, uid: bool) -> Parsed<Command> {
    c.sp()?;
    let algorithm = match c.keyword()?.as_str() {
        "ORDEREDSUBJECT" => Algorithm::OrderedSubject,
        "REFERENCES" => Algorithm::References,
        _ => return Err(SyntaxError("a threading algorithm is unknown")),
    };
    c.sp()?;
    let (charset, other) = mandatory_charset(c)?;
    let search = program(c, uid, None, charset)?.0;
    Ok(Command::Thread(Thread { search: Search { conflicts_utf8: other, ..search }, algorithm }))
}

/// `ESEARCH [IN (mailboxes)] [RETURN (…)] [CHARSET name] keys`.
pub(super) fn multisearch(c: &mut Cursor<'_>) -> Parsed<Command> {
    c.sp()?;
    let mut sources = vec![Source::Selected];
    if c.eat_word("IN") {
        c.sp()?;
        sources = c.list(ITEMS_MAX, false, source)?;
        c.sp()?;
    }
    let returns = returns(c)?;
    let (charset, named) = charset(c)?;
    let search = program(c, true, returns, charset)?.0;
    Ok(Command::MultiSearch(MultiSearch { search: Search { conflicts_utf8: named, ..search }, sources }))
}

/// `filter-mailboxes` (RFC 5465 §8, RFC 7377 §2.2).
fn source(c: &mut Cursor<'_>) -> Parsed<Source> {
    let names = |c: &mut Cursor<'_>| {
        c.sp()?;
        if c.peek() == Some(b'(') {
            c.list(ITEMS_MAX, false, MailboxName::parse)
        } else {
            Ok(vec![MailboxName::parse(c)?])
        }
    };
    Ok(match c.keyword()?.as_str() {
        "SELECTED" => Source::Selected,
        "INBOXES" => Source::Inboxes,
        "PERSONAL" => Source::Personal,
        "SUBSCRIBED" => Source::Subscribed,
        "SUBTREE" => Source::Subtree(names(c)?),
        "SUBTREE-ONE" => Source::SubtreeOne(names(c)?),
        "MAILBOXES" => Source::Mailboxes(names(c)?),
        _ => return Err(SyntaxError("it is not said which mailboxes are searched")),
    })
}

const RELEVANCY: SyntaxError = SyntaxError("RELEVANCY is for FUZZY searches");

/// `RETURN (…) `, when it is there.
fn returns(c: &mut Cursor<'_>) -> Parsed<Option<SearchReturn>> {
    if !c.eat_word("RETURN") {
        return Ok(None);
    }
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
            "PARTIAL" if r.partial.is_none() => {
                c.sp()?;
                r.partial = Some(Partial::parse(c)?);
            }
            _ => return Err(SyntaxError("a return option of SEARCH is unknown")),
        }
        Ok(())
    })?;
    // RFC 9394 §3.1.
    if r.all && r.partial.is_some() {
        return Err(SyntaxError("PARTIAL and ALL do not go together"));
    }
    // RFC 4731 §3.1: no option is ALL.
    if r == SearchReturn::default() {
        r.all = true;
    }
    c.sp()?;
    Ok(Some(r))
}

/// `CHARSET name `, and whether it is there.
fn charset(c: &mut Cursor<'_>) -> Parsed<(Charset, bool)> {
    if !c.eat_word("CHARSET") {
        return Ok((Charset::Utf8, false));
    }
    c.sp()?;
    let charset = Charset::named(&c.astring()?);
    c.sp()?;
    Ok((charset, true))
}

/// The charset that SORT and THREAD name, and whether it is another one than UTF-8.
fn mandatory_charset(c: &mut Cursor<'_>) -> Parsed<(Charset, bool)> {
    let name = c.astring()?;
    c.sp()?;
    Ok((Charset::named(&name), !name.eq_ignore_ascii_case(b"UTF-8")))
}

/// The keys, which end the command; and whether one of them is FUZZY.
fn program(c: &mut Cursor<'_>, uid: bool, returns: Option<SearchReturn>, charset: Charset) -> Parsed<(Search, bool)> {
    let mut reader = Reader { charset, keys: 0, fuzzy: false };
    let mut keys = vec![reader.key(c)?];
    while c.eat(b' ') && !c.at_end() {
        keys.push(reader.key(c)?);
    }
    let key = and(keys);
    // RFC 6203 §4.
    if returns.is_some_and(|r| r.relevancy) && !reader.fuzzy {
        return Err(RELEVANCY);
    }
    let bad_charset = matches!(charset, Charset::Unknown);
    Ok((Search { uid, returns, bad_charset, conflicts_utf8: false, key }, reader.fuzzy))
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
            // RFC 5032 §3.
            "OLDER" => K::Older(interval(c)?),
            "YOUNGER" => K::Younger(interval(c)?),
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
            // RFC 9738 §3.2.
            "UIDAFTER" => K::Uid(between(unique_id(c)?.checked_add(1), Some(u32::MAX))),
            "UIDBEFORE" => K::Uid(between(Some(1), unique_id(c)?.checked_sub(1))),
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
            "EMAILID" => K::EmailId(object(c)?),
            "THREADID" => K::ThreadId(object(c)?),
            "SAVEDSINCE" => K::SavedSince(day(c)?),
            "SAVEDBEFORE" => K::SavedBefore(day(c)?),
            "SAVEDON" => on(day(c)?, K::SavedSince, K::SavedBefore),
            // Every mailbox keeps these dates.
            "SAVEDATESUPPORTED" => K::All,
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

/// An object id (RFC 8474 §7).
fn object(c: &mut Cursor<'_>) -> Parsed<String> {
    c.sp()?;
    let id = c.take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if id.is_empty() || id.len() > 255 {
        Err(SyntaxError("an object id is not valid"))
    } else {
        Ok(ascii(id)?.to_owned())
    }
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

fn interval(c: &mut Cursor<'_>) -> Parsed<u32> {
    c.sp()?;
    c.nz_number()
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

fn unique_id(c: &mut Cursor<'_>) -> Parsed<u32> {
    c.sp()?;
    c.nz_number()
}

/// UIDs from one to another; none when there are none between.
fn between(first: Option<u32>, last: Option<u32>) -> SequenceSet {
    let range = first.zip(last).filter(|(first, last)| first <= last);
    SequenceSet::Ranges(range.map(|(a, b)| (Bound::Number(a), Bound::Number(b))).into_iter().collect())
}
