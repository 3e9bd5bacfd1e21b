//! SEARCH (RFC 9051 §6.4.4; ESEARCH RFC 4731, SEARCHRES RFC 5182, WITHIN RFC 5032, PARTIAL RFC 9394, FUZZY RFC 6203, MODSEQ RFC 7162 §3.1.5).
use super::found::{Line, answer, ask, reach};
use crate::codec::command::Search;
use crate::session::{Done, Session};

pub(crate) async fn run(s: &mut Session, tag: &str, search: &Search) -> Done {
    let asked = ask(s, search).await?;
    let from = reach(s, &asked.query)?;
    let operator = s.operator.clone();
    // Nothing is told of the mailbox while it is searched.
    let view = s.view.take();
    let entries = view.as_ref().and_then(|v| v.entries().get(from..)).unwrap_or_default();
    let found = s.patiently(operator.search(&asked.actor, entries, &asked.query)).await;
    s.view = view;
    let found = found?;
    answer(s, tag, search, &asked, (Line::Search, found)).await
}
