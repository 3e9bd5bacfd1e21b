//! Telling what a search found: SEARCH and SORT lines, ESEARCH (RFC 4731, RFC 9051 §7.3.4), and what `$` becomes (RFC 5182).
use super::query::{Ground, names_modseq};
use super::settle::settle;
use crate::codec::Out;
use crate::codec::command::{Search, SearchReturn};
use crate::codec::sequence::write_set;
use crate::session::{Code, Done, End, Reply, Session, Stop};
use crate::view::View;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::Actor;
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

/// From which entry on the selected mailbox is searched: the last ones, as many as one command works on (RFC 9738 §3.1). Those count that the keys at the top name
/// by number or UID; all, when none does.
pub(super) fn reach(s: &mut Session, query: &Query) -> Result<usize, Stop> {
    let Some(lowest) = last_ones(s, query)? else { return Ok(0) };
    s.limited = Some(lowest);
    Ok(s.view()?.entries().partition_point(|e| e.uid < lowest))
}

/// Refuses what would order more messages than one command works on: a part of them has no order to tell (RFC 9738 §3.3).
pub(super) fn whole(s: &mut Session, query: &Query) -> Result<(), Stop> {
    if last_ones(s, query)?.is_some() { Err(s.over(None)) } else { Ok(()) }
}

/// When a search would look at more messages than one command works on: the lowest UID of the last ones.
fn last_ones(s: &mut Session, query: &Query) -> Result<Option<u32>, Stop> {
    let Some(most) = s.config.message_limit else { return Ok(None) };
    let candidates = s.view()?.entries().iter().rev().map(|e| e.uid).filter(|uid| may_match(query, *uid));
    let mut last: Vec<u32> = candidates.take(most as usize + 1).collect();
    Ok(if last.len() > most as usize { last.pop().and_then(|_| last.pop()) } else { None })
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
            extended(&mut s.out, tag, None, search.uid, r, &numbers, (modseq, &scores));
        }
        None => plain(s, line, &numbers, modseq).await?,
    }
    Ok(Reply::Ok)
}

/// `* SEARCH 2 84 (MODSEQ 917)`; however many there are, little waits in memory.
async fn plain(s: &mut Session, line: Line, numbers: &[u32], modseq: Option<u64>) -> Result<(), End> {
    s.out.raw(match line {
        Line::Search => "* SEARCH",
        Line::Sort => "* SORT",
    });
    for some in numbers.chunks(RELIEVE_EVERY) {
        for n in some {
            s.out.raw(" ").num(*n);
        }
        s.relieve().await?;
    }
    if let Some(modseq) = modseq {
        s.out.raw(" (MODSEQ ").num(modseq).raw(")");
    }
    s.out.end();
    Ok(())
}

/// The highest modseq, and a score for each number.
type Facts<'a> = (Option<u64>, &'a [u32]);

/// `* ESEARCH (TAG "a") …`, of the mailbox of this name and UIDVALIDITY when it is not said by the state (RFC 7377 §2.1). Nothing when only
/// SAVE was asked.
pub(super) fn extended(
    out: &mut Out,
    tag: &str,
    mailbox: Option<(&str, u32)>,
    uid: bool,
    r: SearchReturn,
    numbers: &[u32],
    (modseq, scores): Facts<'_>,
) {
    if !(r.min || r.max || r.count || r.all || r.relevancy || r.partial.is_some()) {
        return;
    }
    out.raw("* ESEARCH (TAG ").string(tag.as_bytes());
    if let Some((name, uidvalidity)) = mailbox {
        out.raw(" MAILBOX ").mailbox(name).raw(" UIDVALIDITY ").num(uidvalidity);
    }
    out.raw(")").raw(if uid { " UID" } else { "" });
    if let (true, Some(n)) = (r.min, numbers.first()) {
        out.raw(" MIN ").num(*n);
    }
    if let (true, Some(n)) = (r.max, numbers.last()) {
        out.raw(" MAX ").num(*n);
    }
    if r.count {
        out.raw(" COUNT ").num(numbers.len() as u64);
    }
    if r.all && !numbers.is_empty() {
        out.raw(" ALL ").set(&write_set(numbers));
    }
    if let Some(range) = r.partial {
        let minus = if range.back { "-" } else { "" };
        out.raw(" PARTIAL (").raw(minus).num(range.from).raw(":").raw(minus).num(range.to).raw(" ");
        match numbers.get(range.window(numbers.len())).unwrap_or_default() {
            [] => out.raw("NIL"),
            some => out.set(&write_set(some)),
        };
        out.raw(")");
    }
    // RFC 6203 §4, §6: one for each message that is told.
    let scores = r.partial.map_or(scores, |range| scores.get(range.window(scores.len())).unwrap_or_default());
    if r.relevancy && !scores.is_empty() {
        out.raw(" RELEVANCY (");
        for (i, score) in scores.iter().enumerate() {
            out.raw(if i == 0 { "" } else { " " }).num(*score);
        }
        out.raw(")");
    }
    if let Some(modseq) = modseq {
        out.raw(" MODSEQ ").num(modseq);
    }
    out.end();
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
    uids.iter().filter_map(|&uid| view.index_of(uid)).filter_map(|i| u32::try_from(i + 1).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Partial;

    fn told(numbers: &[u32], r: SearchReturn) -> String {
        let mut out = Out::new();
        extended(&mut out, "a", None, true, r, numbers, (None, &[]));
        String::from_utf8(out.bytes().to_vec()).unwrap()
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
            assert_eq!(told(&found, range), format!("* ESEARCH (TAG \"a\") UID {text}\r\n"));
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
        let mut out = Out::new();
        let scored = SearchReturn { relevancy: true, ..r(2, 3, false) };
        extended(&mut out, "a", None, true, scored, &found, (None, &[10, 20, 30, 40, 50]));
        assert_eq!(out.bytes(), b"* ESEARCH (TAG \"a\") UID PARTIAL (2:3 4:5) RELEVANCY (20 30)\r\n");
        // In an order of its own: the first and the last of it, and runs only where numbers run.
        let order = [20, 3, 4, 9, 5];
        let all = SearchReturn { all: true, min: true, max: true, ..SearchReturn::default() };
        assert_eq!(told(&order, all), "* ESEARCH (TAG \"a\") UID MIN 20 MAX 5 ALL 20,3:4,9,5\r\n");
        assert_eq!(picked(&order, all), found);
    }
}
