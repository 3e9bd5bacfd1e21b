//! SEARCH (RFC 9051 §6.4.4; ESEARCH RFC 4731, SEARCHRES RFC 5182, FUZZY RFC 6203, MODSEQ RFC 7162 §3.1.5).
use crate::codec::command::{Search, SearchKey, SearchReturn};
use crate::codec::date::midnight;
use crate::codec::sequence::write_set;
use crate::session::{Code, Done, Reply, Session, Stop};
use crate::view::View;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::mailbox::search::{Field, Query};

pub(crate) async fn run(s: &mut Session, tag: &str, search: &Search) -> Done {
    let actor = s.actor()?;
    let saves = search.returns.is_some_and(|r| r.save);
    let view = s.view()?;
    if search.bad_charset {
        if saves {
            view.save(Vec::new());
        }
        return Err(Stop::NoCode(Code::BadCharset, Refusal::new(RefusalCode::SyntaxError).with("cause", "CHARSET")));
    }
    let query = query(view, &search.key, false);
    let by_modseq = names_modseq(&search.key);
    if by_modseq {
        s.enable_condstore();
    }
    let operator = s.operator.clone();
    let found = match operator.search(&actor, s.view()?.entries(), &query).await {
        Ok(found) => found,
        Err(refusal) => {
            // RFC 5182 §2.1: a search that fails saves nothing.
            if saves {
                s.view()?.save(Vec::new());
            }
            return Err(refusal.into());
        }
    };
    // However long it took, the answer is for whoever still has the right to it.
    s.still_here().await?;
    let view = s.view()?;
    let modseq =
        if by_modseq { found.iter().filter_map(|&u| Some(view.entry(view.index_of(u)?)?.modseq)).max() } else { None };
    let scores = match search.returns.filter(|r| r.relevancy) {
        Some(_) => {
            let entries: Vec<_> = found.iter().filter_map(|&u| view.entry(view.index_of(u)?).cloned()).collect();
            let entries: Vec<_> = entries.iter().collect();
            operator.relevance(&actor, &entries, &query).await?
        }
        None => Vec::new(),
    };
    let view = s.view()?;
    let numbers = if search.uid { found.clone() } else { sequence_numbers(view, &found) };
    if let Some(r) = search.returns.filter(|r| r.save) {
        view.save(to_save(&found, r));
    }
    match search.returns {
        Some(r) => extended(s, tag, search.uid, r, &numbers, (modseq, &scores)),
        // An IMAP4rev2 client is always answered ESEARCH (RFC 9051 §6.4.4).
        None if s.enabled.rev2 => {
            let all = SearchReturn { all: true, ..SearchReturn::default() };
            extended(s, tag, search.uid, all, &numbers, (modseq, &[]));
        }
        None => {
            s.out.raw("* SEARCH");
            for n in &numbers {
                s.out.raw(" ").num(*n);
            }
            if let Some(modseq) = modseq {
                s.out.raw(" (MODSEQ ").num(modseq).raw(")");
            }
            s.out.end();
        }
    }
    Ok(Reply::Ok)
}

/// The highest modseq, and a score for each number.
type Facts<'a> = (Option<u64>, &'a [u32]);

/// `* ESEARCH (TAG "a") …`. Nothing when only SAVE was asked.
fn extended(s: &mut Session, tag: &str, uid: bool, r: SearchReturn, numbers: &[u32], (modseq, scores): Facts<'_>) {
    if !(r.min || r.max || r.count || r.all || r.relevancy) {
        return;
    }
    let out = &mut s.out;
    out.raw("* ESEARCH (TAG ").string(tag.as_bytes()).raw(")").raw(if uid { " UID" } else { "" });
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

/// What `$` will be (RFC 5182 §2.4): all that was found, unless only MIN or MAX was asked.
fn to_save(found: &[u32], r: SearchReturn) -> Vec<u32> {
    if r.all || r.count || !(r.min || r.max) {
        return found.to_vec();
    }
    let ends = [found.first().filter(|_| r.min), found.last().filter(|_| r.max)];
    let mut out: Vec<u32> = ends.into_iter().flatten().copied().collect();
    out.dedup();
    out
}

fn sequence_numbers(view: &View, uids: &[u32]) -> Vec<u32> {
    uids.iter().filter_map(|&uid| view.index_of(uid)).filter_map(|i| u32::try_from(i + 1).ok()).collect()
}

fn names_modseq(key: &SearchKey) -> bool {
    match key {
        SearchKey::ModSeq(_) => true,
        SearchKey::And(keys) => keys.iter().any(names_modseq),
        SearchKey::Or(a, b) => names_modseq(a) || names_modseq(b),
        SearchKey::Not(key) | SearchKey::Fuzzy(key) => names_modseq(key),
        _ => false,
    }
}

/// The key as the operator understands it: sequence numbers become UIDs, days become instants. Numbers that name no message
/// match nothing. Within a `fuzzy` key texts are words; the other keys mean what they always mean (RFC 6203 §3).
fn query(view: &View, key: &SearchKey, fuzzy: bool) -> Query {
    use SearchKey as K;
    let words = |field: Field, text: &String| Query::Words(field, text.clone());
    match key {
        K::Fuzzy(key) => query(view, key, true),
        K::From(text) if fuzzy => words(Field::From, text),
        K::To(text) | K::Cc(text) | K::Bcc(text) if fuzzy => words(Field::To, text),
        K::Subject(text) if fuzzy => words(Field::Subject, text),
        K::Body(text) if fuzzy => words(Field::Body, text),
        K::Text(text) if fuzzy => words(Field::Anywhere, text),
        K::All => Query::All,
        K::Nothing => Query::Not(Box::new(Query::All)),
        K::And(keys) => Query::And(keys.iter().map(|k| query(view, k, fuzzy)).collect()),
        K::Or(a, b) => Query::Or(Box::new(query(view, a, fuzzy)), Box::new(query(view, b, fuzzy))),
        K::Not(key) => Query::Not(Box::new(query(view, key, fuzzy))),
        K::Set(set) => Query::Uids(match set.resolve(view.exists()) {
            None => view.saved().to_vec(),
            Some(ranges) => {
                let entries = view.entries();
                let clip = |(a, b): (u32, u32)| {
                    let from = (a.max(1) as usize - 1).min(entries.len());
                    &entries[from..(b as usize).clamp(from, entries.len())]
                };
                ranges.into_iter().flat_map(clip).map(|e| e.uid).collect()
            }
        }),
        // A UID set always resolves.
        K::Uid(set) => Query::Uids(view.resolve_uids(set, true).unwrap_or_default()),
        K::Flag(flag) => Query::Flag(*flag),
        K::Keyword(word) => Query::Keyword(word.clone()),
        K::Larger(n) => Query::Larger(*n),
        K::Smaller(n) => Query::Smaller(*n),
        K::Since(day) => Query::Since(midnight(*day)),
        K::Before(day) => Query::Before(midnight(*day)),
        K::SentSince(day) => Query::SentSince(midnight(*day)),
        K::SentBefore(day) => Query::SentBefore(midnight(*day)),
        K::Header(name, text) => Query::Header(name.clone(), text.clone()),
        K::From(text) => Query::From(text.clone()),
        K::To(text) => Query::To(text.clone()),
        K::Cc(text) => Query::Cc(text.clone()),
        K::Bcc(text) => Query::Bcc(text.clone()),
        K::Subject(text) => Query::Subject(text.clone()),
        K::Body(text) => Query::Body(text.clone()),
        K::Text(text) => Query::Text(text.clone()),
        K::ModSeq(n) => Query::ModSeq(*n),
    }
}
