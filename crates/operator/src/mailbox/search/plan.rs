//! A query made ready: needles folded, header tests apart from body tests; judged with what is known so far, cheapest first.
use crate::mailbox::entries::{Entry, Flags};
use crate::mailbox::search::matching::Needle;
use crate::mailbox::search::{Field, Query};
use sceau_message::casemap::casemap as fold;
use sceau_message::header;
use sceau_message::sent::day as day_of;
use sceau_store::Id;
use std::collections::HashSet;
use std::sync::Arc;

/// Most keys of a query.
const MOST: usize = 10_000;
/// Deepest nesting.
const DEEPEST: usize = 100;
/// Most different texts looked for in bodies.
const NEEDLES: usize = 64;
const DAY_MS: i64 = 86_400_000;

/// A query made ready.
#[derive(Debug)]
pub(super) struct Plan {
    root: Node,
    /// Texts looked for in bodies.
    needles: Vec<Needle>,
    /// Words that the index is asked for, and the messages that it found.
    words: Vec<(Field, String)>,
    found: Vec<HashSet<Id>>,
}

#[derive(Debug)]
enum Node {
    All,
    And(Vec<Node>),
    Or(Box<Node>, Box<Node>),
    Not(Box<Node>),
    Uids(Arc<[(u32, u32)]>),
    Flag(Flags),
    Keyword(String),
    Larger(u64),
    Smaller(u64),
    Since(i64),
    Before(i64),
    ModSeq(u64),
    SentSince(i64),
    SentBefore(i64),
    /// Lower-case name, folded text.
    Header(String, String),
    /// Number of the needle.
    Body(usize),
    /// Number of the needle; also looked for in the header.
    Text(usize),
    /// Number of the words.
    Words(usize),
}

/// The header of a message as a reader sees it: what the way added, then its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head<'a> {
    pub prefix: &'a [u8],
    pub own: &'a [u8],
}

/// What is known of a message.
#[derive(Clone, Copy)]
struct Known<'a> {
    entry: &'a Entry,
    head: Option<Head<'a>>,
    body: Option<&'a [bool]>,
    /// What the index found.
    found: &'a [HashSet<Id>],
}

impl Plan {
    /// Makes a query ready; `None` when it is too large or too deep.
    pub fn of(query: &Query) -> Option<Self> {
        let mut plan = Self { root: Node::All, needles: Vec::new(), words: Vec::new(), found: Vec::new() };
        let mut count = 0;
        plan.root = plan.node(query, 0, &mut count)?;
        (plan.needles.len() + plan.words.len() <= NEEDLES).then_some(plan)
    }
    /// Words that the index is to be asked for; the answers, in this order, go to [`Plan::know`].
    pub fn words(&self) -> &[(Field, String)] {
        &self.words
    }
    /// Takes what the index found.
    pub fn know(&mut self, found: Vec<HashSet<Id>>) {
        self.found = found;
    }
    /// Texts looked for in bodies.
    pub fn needles(&self) -> &[Needle] {
        &self.needles
    }
    /// Is the body wanted of most messages that their entries leave open? Then it is read with the header.
    pub fn wants_bodies(&self) -> bool {
        self.root.wants_body()
    }
    /// The answer as far as flags, sizes and dates give it.
    pub fn by_entry(&self, entry: &Entry) -> Option<bool> {
        self.root.judge(Known { entry, head: None, body: None, found: &self.found }, &self.needles)
    }
    /// The answer as far as the header gives it.
    pub fn by_header(&self, entry: &Entry, head: Head<'_>) -> Option<bool> {
        self.root.judge(Known { entry, head: Some(head), body: None, found: &self.found }, &self.needles)
    }
    /// The answer. `found` says which needles stand in the body.
    pub fn by_body(&self, entry: &Entry, head: Head<'_>, found: &[bool]) -> bool {
        let known = Known { entry, head: Some(head), body: Some(found), found: &self.found };
        self.root.judge(known, &self.needles).unwrap_or(false)
    }

    fn node(&mut self, query: &Query, depth: usize, count: &mut usize) -> Option<Node> {
        *count += 1;
        if depth > DEEPEST || *count > MOST {
            return None;
        }
        let mut inner = |q: &Query| self.node(q, depth + 1, count);
        Some(match query {
            Query::All => Node::All,
            Query::And(all) => {
                let mut nodes = all.iter().map(inner).collect::<Option<Vec<_>>>()?;
                nodes.sort_by_key(Node::cost);
                Node::And(nodes)
            }
            Query::Or(a, b) => {
                let (a, b) = (inner(a)?, inner(b)?);
                let (a, b) = if b.cost() < a.cost() { (b, a) } else { (a, b) };
                Node::Or(Box::new(a), Box::new(b))
            }
            Query::Not(q) => Node::Not(Box::new(inner(q)?)),
            Query::Uids(uids) => Node::Uids(uids.clone()),
            Query::Flag(flags) => Node::Flag(*flags),
            Query::Keyword(keyword) => Node::Keyword(keyword.clone()),
            Query::Larger(size) => Node::Larger(*size),
            Query::Smaller(size) => Node::Smaller(*size),
            Query::Since(at) => Node::Since(at.0),
            Query::Before(at) => Node::Before(at.0),
            Query::ModSeq(modseq) => Node::ModSeq(*modseq),
            Query::SentSince(at) => Node::SentSince(at.0.div_euclid(DAY_MS)),
            Query::SentBefore(at) => Node::SentBefore(at.0.div_euclid(DAY_MS)),
            Query::Header(name, text) => Node::Header(name.to_ascii_lowercase(), fold(text)),
            Query::From(text) => Node::Header("from".into(), fold(text)),
            Query::To(text) => Node::Header("to".into(), fold(text)),
            Query::Cc(text) => Node::Header("cc".into(), fold(text)),
            Query::Bcc(text) => Node::Header("bcc".into(), fold(text)),
            Query::Subject(text) => Node::Header("subject".into(), fold(text)),
            Query::Body(text) => self.needle(text, false).map_or(Node::All, Node::Body),
            Query::Text(text) => self.needle(text, true).map_or(Node::All, Node::Text),
            Query::Words(field, text) => {
                self.words.push((*field, text.clone()));
                Node::Words(self.words.len() - 1)
            }
        })
    }

    /// The number of a text looked for in bodies; none for the empty text, which stands everywhere.
    fn needle(&mut self, text: &str, in_headers: bool) -> Option<usize> {
        let needle = Needle { text: fold(text), in_headers };
        if needle.text.is_empty() {
            return None;
        }
        let at = self.needles.iter().position(|n| *n == needle).unwrap_or(self.needles.len());
        if at == self.needles.len() {
            self.needles.push(needle);
        }
        Some(at)
    }
}

impl Node {
    /// 0: the entry decides; 1: the header is needed; 2: the body may be.
    fn cost(&self) -> u8 {
        match self {
            Self::And(nodes) => nodes.iter().map(Self::cost).max().unwrap_or(0),
            Self::Or(a, b) => a.cost().max(b.cost()),
            Self::Not(n) => n.cost(),
            Self::SentSince(_) | Self::SentBefore(_) | Self::Header(..) => 1,
            Self::Body(_) | Self::Text(_) => 2,
            _ => 0,
        }
    }

    /// Does the header leave most messages open? Where it must say yes too, it leaves few.
    fn wants_body(&self) -> bool {
        match self {
            Self::Body(_) | Self::Text(_) => true,
            Self::And(nodes) => self.cost() == 2 && nodes.iter().all(|n| n.cost() == 0 || n.wants_body()),
            Self::Or(a, b) => a.wants_body() || b.wants_body(),
            Self::Not(n) => n.wants_body(),
            _ => false,
        }
    }

    /// True, false, or not known yet.
    fn judge(&self, known: Known<'_>, needles: &[Needle]) -> Option<bool> {
        let e = known.entry;
        Some(match self {
            Self::All => true,
            Self::And(nodes) => {
                let mut all = Some(true);
                for node in nodes {
                    match node.judge(known, needles) {
                        Some(false) => return Some(false),
                        Some(true) => {}
                        None => all = None,
                    }
                }
                return all;
            }
            Self::Or(a, b) => {
                return match (a.judge(known, needles), b) {
                    (Some(true), _) => Some(true),
                    (Some(false), b) => b.judge(known, needles),
                    (None, b) => b.judge(known, needles).filter(|yes| *yes),
                };
            }
            Self::Not(n) => !n.judge(known, needles)?,
            Self::Uids(runs) => {
                let after = runs.partition_point(|(first, _)| *first <= e.uid);
                after > 0 && runs[after - 1].1 >= e.uid
            }
            Self::Flag(flags) => e.flags.system.has(*flags),
            Self::Keyword(keyword) => e.flags.keywords.iter().any(|k| k.eq_ignore_ascii_case(keyword)),
            Self::Larger(size) => e.size > *size,
            Self::Smaller(size) => e.size < *size,
            Self::Since(at) => e.internal_date.0 >= *at,
            Self::Before(at) => e.internal_date.0 < *at,
            Self::ModSeq(modseq) => e.modseq >= *modseq,
            Self::Words(words) => known.found.get(*words)?.contains(&e.message),
            Self::SentSince(day) => sent_day(known.head?).is_some_and(|d| d >= *day),
            Self::SentBefore(day) => sent_day(known.head?).is_some_and(|d| d < *day),
            Self::Header(name, text) => {
                let mut fields = fields(known.head?).filter(|f| f.name.eq_ignore_ascii_case(name));
                fields.any(|f| text.is_empty() || fold(&header::decoded(f.value)).contains(text.as_str()))
            }
            Self::Body(needle) => *known.body?.get(*needle)?,
            Self::Text(needle) => match known.body {
                // The header was looked at before the body was opened, but other keys may have been the reason.
                Some(found) if found.get(*needle) == Some(&true) => true,
                body => {
                    let text = &needles.get(*needle)?.text;
                    let line = |f: header::Field<'_>| fold(&format!("{}: {}", f.name, header::decoded(f.value)));
                    if fields(known.head?).any(|f| line(f).contains(text.as_str())) {
                        true
                    } else {
                        body?;
                        false
                    }
                }
            },
        })
    }
}

/// Every field of a header.
fn fields(head: Head<'_>) -> impl Iterator<Item = header::Field<'_>> {
    header::fields(head.prefix).chain(header::fields(head.own))
}

/// Day of the Date header as it is written there, in days since 1970, disregarding time and zone.
fn sent_day(head: Head<'_>) -> Option<i64> {
    let field = fields(head).find(|f| f.name.eq_ignore_ascii_case("date"))?;
    day_of(&header::decoded(field.value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::entries::FlagSet;
    use sceau_domain::Timestamp;

    fn message(header: &str) -> Head<'_> {
        Head { prefix: b"Received: from somewhere\r\n", own: header.as_bytes() }
    }
    fn entry() -> Entry {
        let flags = FlagSet { system: Flags::SEEN, keywords: vec!["Urgent"].into() };
        Entry { uid: 7, message: 1, flags, modseq: 9, internal_date: Timestamp(DAY_MS), size: 100 }
    }
    fn by_entry(q: Query) -> Option<bool> {
        Plan::of(&q).unwrap().by_entry(&entry())
    }
    fn unread() -> Query {
        Query::Not(Box::new(Query::Flag(Flags::SEEN)))
    }

    #[test]
    fn entries_decide_what_they_can() {
        assert_eq!(by_entry(Query::All), Some(true));
        assert_eq!(by_entry(Query::Keyword("urgent".into())), Some(true));
        assert_eq!(by_entry(Query::Uids([(1, 2), (7, 7)].into())), Some(true));
        assert_eq!(by_entry(Query::Uids([(1, 6), (8, 9)].into())), Some(false));
        assert_eq!(by_entry(Query::Uids([(5, 9)].into())), Some(true));
        assert_eq!(by_entry(Query::Uids([(8, 9)].into())), Some(false));
        assert_eq!(by_entry(Query::Larger(100)), Some(false));
        assert_eq!(by_entry(Query::Smaller(101)), Some(true));
        assert_eq!(by_entry(Query::Since(Timestamp(DAY_MS))), Some(true));
        assert_eq!(by_entry(Query::Before(Timestamp(DAY_MS))), Some(false));
        assert_eq!(by_entry(Query::ModSeq(10)), Some(false));
        let body = || Query::Body("x".into());
        assert_eq!(by_entry(body()), None);
        assert_eq!(by_entry(Query::And(vec![body(), unread()])), Some(false));
        assert_eq!(by_entry(Query::Or(Box::new(body()), Box::new(Query::Flag(Flags::SEEN)))), Some(true));
        assert_eq!(by_entry(Query::Or(Box::new(body()), Box::new(unread()))), None);
        assert_eq!(by_entry(Query::Not(Box::new(body()))), None);
        assert_eq!(by_entry(Query::Text(String::new())), Some(true));
    }

    #[test]
    fn bodies_are_read_at_once_where_the_header_leaves_most_open() {
        let body = || Query::Body("x".into());
        let header = || Query::Subject("x".into());
        let or = |a, b| Query::Or(Box::new(a), Box::new(b));
        let wants = |q: Query| Plan::of(&q).unwrap().wants_bodies();
        assert!(wants(body()) && wants(Query::Text("x".into())) && wants(Query::And(vec![unread(), body()])));
        assert!(wants(Query::Not(Box::new(body()))) && wants(or(header(), body())));
        assert!(!wants(header()) && !wants(Query::And(vec![header(), body()])) && !wants(or(header(), unread())));
        assert!(!wants(or(Query::And(vec![unread()]), header())));
    }

    #[test]
    fn headers_are_compared_decoded_and_without_case() {
        let m = message(
            "Subject: =?utf-8?Q?R=C3=A9sultat?=\r\n d'analyse\r\nFrom: \"D. Martin\" <d.martin@a.example>\r\nX-Empty:\r\n",
        );
        let judge = |q: Query| Plan::of(&q).unwrap().by_header(&entry(), m);
        assert_eq!(judge(Query::Subject("RÉSULTAT D'ANALYSE".into())), Some(true));
        assert_eq!(judge(Query::Subject("martin".into())), Some(false));
        assert_eq!(judge(Query::From("MARTIN@".into())), Some(true));
        assert_eq!(judge(Query::Header("x-empty".into(), String::new())), Some(true));
        assert_eq!(judge(Query::Header("x-none".into(), String::new())), Some(false));
        assert_eq!(judge(Query::Header("Received".into(), "somewhere".into())), Some(true));
        assert_eq!(judge(Query::Text("résultat".into())), Some(true));
        assert_eq!(judge(Query::Text("subject: rés".into())), Some(true));
        assert_eq!(judge(Query::Text("nowhere".into())), None);
        let plan = Plan::of(&Query::Text("nowhere".into())).unwrap();
        assert!(plan.by_body(&entry(), m, &[true]) && !plan.by_body(&entry(), m, &[false]));
    }

    #[test]
    fn the_date_header_counts_by_its_day_as_written() {
        let m = message("Date: Thu, 1 Jan 2026 23:59:59 -1200\r\n");
        let day = Timestamp(20_454 * DAY_MS);
        let judge = |q: Query| Plan::of(&q).unwrap().by_header(&entry(), m);
        assert_eq!(judge(Query::SentSince(day)), Some(true));
        assert_eq!(judge(Query::SentBefore(day)), Some(false));
        assert_eq!(judge(Query::SentBefore(day.plus_ms(DAY_MS))), Some(true));
    }

    #[test]
    fn absurd_queries_are_refused() {
        let mut deep = Query::All;
        for _ in 0..200 {
            deep = Query::Not(Box::new(deep));
        }
        assert!(Plan::of(&deep).is_none());
        assert!(Plan::of(&Query::And(vec![Query::All; MOST + 1])).is_none());
        assert!(Plan::of(&Query::And((0..100).map(|n| Query::Body(n.to_string())).collect())).is_none());
        assert!(Plan::of(&Query::And(vec![Query::Body("x".into()); 100])).is_some());
    }
}
