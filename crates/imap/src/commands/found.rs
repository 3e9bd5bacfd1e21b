//! Telling what a search found: SEARCH and SORT lines, ESEARCH (RFC 4731, RFC 9051 §7.3.4), and what `$` becomes (RFC 5182). However many there are, numbers are
//! written by and by, and little of them waits in memory.
use super::query::{Ground, names_modseq};
use super::settle::settle;
use crate::codec::Out;
use crate::codec::command::{Search, SearchReturn};
use crate::codec::sequence::first_run;
use crate::session::{Code, Done, End, Reply, Session, Stop};
use crate::view::View;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::Actor;
use sceau_operator::mailbox::entries::Entry;
use sceau_operator::mailbox::search::Query;

/// Numbers written between two looks at the buffer.
const RELIEVE_EVERY: usize = 1024;

/// A search about to be run.
pub(super) struct Asked {
    pub actor: Actor,
    pub query: Query,
    /// Modseqs are told with what was found.
    pub by_modseq: bool,
}

/// The line that answers a command without RETURN.
#[derive(Clone, Copy)]
pub(super) enum Line {
    Search,
    Sort,
}

/// Makes a search of the selected mailbox ready.
pub(super) async fn ask(s: &mut Session, search: &Search) -> Result<Asked, Stop> {
    let (actor, now) = (s.reader()?, s.operator.clock().now());
    let saves = search.returns.is_some_and(|r| r.save);
    s.view()?;
    one_charset(s, search)?;
    let view = s.view()?;
    if search.bad_charset {
        if saves {
            view.save(Vec::new());
        }
        return Err(unknown_charset());
    }
    let operator = s.operator.clone();
    let view = s.view()?;
    let key = match settle(&operator, &actor, (view.folder.id, view.entries()), &search.key).await {
        Ok(key) => key,
        Err(refusal) => {
            // RFC 5182 §2.1: a search that fails saves nothing.
            if saves {
                view.save(Vec::new());
            }
            return Err(refusal.into());
        }
    };
    let query = Ground::new(view.entries(), view.saved(), now).query(&key, false);
    let by_modseq = names_modseq(&search.key);
    if by_modseq {
        s.enable_condstore();
    }
    Ok(Asked { actor, query, by_modseq })
}

/// `BAD` when a charset is named that UTF8=ACCEPT does not allow.
pub(super) fn one_charset(s: &Session, search: &Search) -> Result<(), Stop> {
    if search.conflicts_utf8 && s.enabled.utf8_accept {
        return Err(Stop::syntax("UTF8=ACCEPT is enabled: texts are UTF-8, and no other charset is named"));
    }
    Ok(())
}

/// From which entry on the selected mailbox is searched: the last ones, as many as one command works on (RFC 9738 §3.1). Those count that the keys at the top name
/// by number or UID; all, when none does.
pub(super) fn reach(s: &mut Session, query: &Query) -> Result<usize, Stop> {
    let most = s.config.message_limit;
    let entries = s.view()?.entries();
    let Some(from) = last_ones(most, entries, query) else { return Ok(0) };
    let lowest = entries.get(from).map(|e| e.uid);
    s.limited = lowest;
    Ok(from)
}

/// Refuses what would order more messages than one command works on: a part of them has no order to tell (RFC 9738 §3.3).
pub(super) fn whole(s: &mut Session, query: &Query) -> Result<(), Stop> {
    let most = s.config.message_limit;
    if last_ones(most, s.view()?.entries(), query).is_some() { Err(s.over(None)) } else { Ok(()) }
}

/// When a search would look at more messages than one command works on: where the last ones begin.
pub(super) fn last_ones(most: Option<u32>, entries: &[Entry], query: &Query) -> Option<usize> {
    let mut looked_at = entries.iter().enumerate().rev().filter(|(_, e)| may_match(query, e.uid));
    let (lowest, _) = looked_at.nth(most?.checked_sub(1)? as usize)?;
    looked_at.next().map(|_| lowest)
}

/// How many messages a search looks at, counted no further than this.
pub(super) fn looked_at(entries: &[Entry], query: &Query, enough: usize) -> usize {
    entries.iter().filter(|e| may_match(query, e.uid)).take(enough).count()
}

/// Do the keys at the top let a message of this UID through?
fn may_match(query: &Query, uid: u32) -> bool {
    match query {
        Query::And(all) => all.iter().all(|q| may_match(q, uid)),
        Query::Uids(runs) => {
            runs.get(runs.partition_point(|(_, last)| *last < uid)).is_some_and(|(first, _)| *first <= uid)
        }
        _ => true,
    }
}

/// `NO [BADCHARSET]`.
pub(super) fn unknown_charset() -> Stop {
    Stop::NoCode(Code::BadCharset, Refusal::new(RefusalCode::SyntaxError).with("cause", "CHARSET"))
}

/// Tells what was found (UIDs in the order of the answer) and saves it when asked to.
pub(super) async fn answer(
    s: &mut Session,
    tag: &str,
    search: &Search,
    asked: &Asked,
    (line, found): (Line, Result<Vec<u32>, Refusal>),
) -> Done {
    let found = match found {
        Ok(found) => found,
        Err(refusal) => {
            // RFC 5182 §2.1: a search that fails saves nothing.
            if search.returns.is_some_and(|r| r.save) {
                s.view()?.save(Vec::new());
            }
            return Err(refusal.into());
        }
    };
    // However long it took, the answer is for whoever still has the right to it.
    s.still_here().await?;
    let returns = match (search.returns, line) {
        (None, Line::Search) if s.enabled.rev2 => {
            // An IMAP4rev2 client is always answered ESEARCH (RFC 9051 §6.4.4).
            Some(SearchReturn { all: true, ..SearchReturn::default() })
        }
        (returns, _) => returns,
    };
    let scores = match returns.filter(|r| r.relevancy) {
        Some(_) => {
            let operator = s.operator.clone();
            let view = s.view()?;
            let entries: Vec<_> = found.iter().filter_map(|&u| view.entry(view.index_of(u)?)).collect();
            operator.relevance(&asked.actor, &entries, &asked.query).await?
        }
        None => Vec::new(),
    };
    let view = s.view()?;
    let told = returns.map(|r| picked(&found, r));
    let modseq = asked.by_modseq.then(|| highest_modseq(view, told.as_deref().unwrap_or(&found))).flatten();
    let numbers = if search.uid { found } else { sequence_numbers(view, &found) };
    match returns {
        Some(r) => {
            if let Some(told) = told.filter(|_| r.save) {
                view.save(told);
            }
            extended(s, tag, None, search.uid, r, &numbers, (modseq, &scores)).await?;
        }
        None => plain(s, line, &numbers, modseq).await?,
    }
    Ok(Reply::Ok)
}

/// `* SEARCH 2 84 (MODSEQ 917)`.
async fn plain(s: &mut Session, line: Line, numbers: &[u32], modseq: Option<u64>) -> Result<(), End> {
    s.out.raw(match line {
        Line::Search => "* SEARCH",
        Line::Sort => "* SORT",
    });
    s.out.raw(if numbers.is_empty() { "" } else { " " });
    say(s, Piece::List(numbers)).await?;
    if let Some(modseq) = modseq {
        s.out.raw(" (MODSEQ ").num(modseq).raw(")");
    }
    s.out.end();
    Ok(())
}

/// A piece of a response.
#[derive(Debug)]
enum Piece<'a> {
    Text(&'static str),
    Number(u64),
    /// A set, runs folded.
    Set(&'a [u32]),
    /// Numbers with spaces between them.
    List(&'a [u32]),
}

impl Piece<'_> {
    /// Writes some of it; false when that was all.
    fn write(&mut self, out: &mut Out) -> bool {
        match self {
            Self::Text(text) => out.raw(text).done(),
            Self::Number(n) => out.num(*n).done(),
            Self::Set(rest) => {
                for _ in 0..RELIEVE_EVERY {
                    let Some(((first, last), after)) = first_run(rest) else { break };
                    *rest = after;
                    out.num(first);
                    if last > first {
                        out.raw(":").num(last);
                    }
                    out.raw(if after.is_empty() { "" } else { "," });
                }
                return !rest.is_empty();
            }
            Self::List(rest) => {
                for _ in 0..RELIEVE_EVERY {
                    let Some((first, after)) = rest.split_first() else { break };
                    *rest = after;
                    out.num(*first).raw(if after.is_empty() { "" } else { " " });
                }
                return !rest.is_empty();
            }
        }
        false
    }
}

/// Writes a piece, giving what waits to the connection meanwhile.
async fn say(s: &mut Session, mut piece: Piece<'_>) -> Result<(), End> {
    while piece.write(&mut s.out) {
        s.relieve().await?;
    }
    Ok(())
}

/// The highest modseq, and a score for each number.
type Facts<'a> = (Option<u64>, &'a [u32]);

/// `* ESEARCH (TAG "a") …`, of the mailbox of this name and UIDVALIDITY when it is not said by the state (RFC 7377 §2.1). Nothing when only
/// SAVE was asked.
pub(super) async fn extended(
    s: &mut Session,
    tag: &str,
    mailbox: Option<(&str, u32)>,
    uid: bool,
    r: SearchReturn,
    numbers: &[u32],
    facts: Facts<'_>,
) -> Result<(), End> {
    if !(r.min || r.max || r.count || r.all || r.relevancy || r.partial.is_some()) {
        return Ok(());
    }
    s.out.raw("* ESEARCH (TAG ").string(tag.as_bytes());
    if let Some((name, uidvalidity)) = mailbox {
        s.out.raw(" MAILBOX ").mailbox(name).raw(" UIDVALIDITY ").num(uidvalidity);
    }
    s.out.raw(")").raw(if uid { " UID" } else { "" });
    for piece in options(r, numbers, facts) {
        say(s, piece).await?;
    }
    s.out.end();
    s.relieve().await
}

/// What was asked to be told, in the order in which it is told.
fn options<'a>(r: SearchReturn, numbers: &'a [u32], (modseq, scores): Facts<'a>) -> Vec<Piece<'a>> {
    use Piece::{List, Number, Set, Text};
    let mut out = Vec::new();
    if let (true, Some(n)) = (r.min, numbers.first()) {
        out.extend([Text(" MIN "), Number(u64::from(*n))]);
    }
    if let (true, Some(n)) = (r.max, numbers.last()) {
        out.extend([Text(" MAX "), Number(u64::from(*n))]);
    }
    if r.count {
        out.extend([Text(" COUNT "), Number(numbers.len() as u64)]);
    }
    if r.all && !numbers.is_empty() {
        out.extend([Text(" ALL "), Set(numbers)]);
    }
    if let Some(range) = r.partial {
        let minus = || Text(if range.back { "-" } else { "" });
        out.extend([Text(" PARTIAL ("), minus(), Number(u64::from(range.from)), Text(":")]);
        out.extend([minus(), Number(u64::from(range.to)), Text(" ")]);
        out.push(match numbers.get(range.window(numbers.len())).unwrap_or_default() {
            [] => Text("NIL"),
            some => Set(some),
        });
        out.push(Text(")"));
    }
    // RFC 6203 §4, §6: one for each message that is told.
    let scores = r.partial.map_or(scores, |range| scores.get(range.window(scores.len())).unwrap_or_default());
    if r.relevancy && !scores.is_empty() {
        out.extend([Text(" RELEVANCY ("), List(scores), Text(")")]);
    }
    if let Some(modseq) = modseq {
        out.extend([Text(" MODSEQ "), Number(modseq)]);
    }
    out
}

/// What `$` will be, and of what MODSEQ speaks (RFC 5182 §2.4, RFC 9394 §3.2, RFC 4731 §3.2): all that was found, unless only ends or a range
/// of it were asked for. Ascending.
pub(super) fn picked(found: &[u32], r: SearchReturn) -> Vec<u32> {
    let mut out = if r.all || r.count || !(r.min || r.max || r.partial.is_some()) {
        found.to_vec()
    } else {
        let range = r.partial.and_then(|p| found.get(p.window(found.len()))).unwrap_or_default();
        let ends = [found.first().filter(|_| r.min), found.last().filter(|_| r.max)];
        ends.into_iter().flatten().chain(range).copied().collect()
    };
    out.sort_unstable();
    out.dedup();
    out
}

/// The highest modseq of these messages.
pub(super) fn highest_modseq(view: &View, uids: &[u32]) -> Option<u64> {
    uids.iter().filter_map(|&uid| Some(view.entry(view.index_of(uid)?)?.modseq)).max()
}

fn sequence_numbers(view: &View, uids: &[u32]) -> Vec<u32> {
    let entries = view.entries();
    // Many in the folder's order are counted along it, others looked up.
    if uids.len() > entries.len() / 16 && uids.is_sorted() {
        let mut at = 0;
        let number = |&uid: &u32| {
            at += entries[at..].iter().take_while(|e| e.uid < uid).count();
            entries.get(at).filter(|e| e.uid == uid).and_then(|_| u32::try_from(at + 1).ok())
        };
        return uids.iter().filter_map(number).collect();
    }
    uids.iter().filter_map(|&uid| view.index_of(uid)).filter_map(|i| u32::try_from(i + 1).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Partial;

    fn said(pieces: Vec<Piece<'_>>) -> String {
        let mut out = Out::new();
        for mut piece in pieces {
            while piece.write(&mut out) {}
        }
        String::from_utf8(out.bytes().to_vec()).unwrap()
    }

    fn told(numbers: &[u32], r: SearchReturn) -> String {
        said(options(r, numbers, (None, &[])))
    }

    #[test]
    fn scattered_numbers_are_told_by_and_by() {
        let scattered: Vec<u32> = (0..100_000).map(|n| 4_000_000_000 + 2 * n).collect();
        let (mut piece, mut got) = (Piece::Set(&scattered), String::new());
        loop {
            let mut out = Out::new();
            let more = piece.write(&mut out);
            assert!(out.len() < 16 << 10, "{} bytes at once", out.len());
            got.push_str(std::str::from_utf8(out.bytes()).unwrap());
            if !more {
                break;
            }
        }
        assert_eq!(got, crate::codec::sequence::write_set(&scattered));
        assert_eq!(said(vec![Piece::List(&[7, 8, 3])]), "7 8 3");
    }

    #[test]
    fn ranges_of_what_was_found() {
        let r = |from, to, back| SearchReturn { partial: Some(Partial { from, to, back }), ..SearchReturn::default() };
        let found = [3, 4, 5, 9, 20];
        for (range, text, saved) in [
            (r(1, 3, false), "PARTIAL (1:3 3:5)", &[3, 4, 5][..]),
            (r(9, 4, false), "PARTIAL (9:4 9,20)", &[9, 20]),
            (r(1, 2, true), "PARTIAL (-1:-2 9,20)", &[9, 20]),
            (r(6, 9, false), "PARTIAL (6:9 NIL)", &[]),
        ] {
            assert_eq!(told(&found, range), format!(" {text}"));
            assert_eq!(picked(&found, range), saved);
        }
        let and = |more: SearchReturn| SearchReturn { partial: r(2, 2, false).partial, ..more };
        let (min, max, count) = (
            SearchReturn { min: true, ..SearchReturn::default() },
            SearchReturn { max: true, ..SearchReturn::default() },
            SearchReturn { count: true, ..SearchReturn::default() },
        );
        assert_eq!(picked(&found, and(min)), [3, 4]);
        assert_eq!(picked(&found, and(max)), [4, 20]);
        assert_eq!(picked(&found, and(count)), found);
        assert!(picked(&[], and(min)).is_empty());
        // Scores are of what is told.
        let scored = SearchReturn { relevancy: true, ..r(2, 3, false) };
        let scores = (Some(7), &[10, 20, 30, 40, 50][..]);
        assert_eq!(said(options(scored, &found, scores)), " PARTIAL (2:3 4:5) RELEVANCY (20 30) MODSEQ 7");
        // In an order of its own: the first and the last of it, and runs only where numbers run.
        let order = [20, 3, 4, 9, 5];
        let all = SearchReturn { all: true, min: true, max: true, ..SearchReturn::default() };
        assert_eq!(told(&order, all), " MIN 20 MAX 5 ALL 20,3:4,9,5");
        assert_eq!(picked(&order, all), found);
    }
}
