//! SORT (RFC 5256 §3; DISPLAYFROM and DISPLAYTO RFC 5957; RETURN RFC 5267 §3; RELEVANCY RFC 6203 §4).
use super::found::{Line, answer, ask, whole};
use crate::codec::command::Sort;
use crate::session::{Done, Session};

pub(crate) async fn run(s: &mut Session, tag: &str, sort: &Sort) -> Done {
    let asked = ask(s, &sort.search).await?;
    whole(s, &asked.query)?;
    let operator = s.operator.clone();
    // Nothing is told of the mailbox while it is searched.
    let view = s.view.take();
    let entries = view.as_ref().map(|v| v.entries()).unwrap_or_default();
    let found = s.patiently(operator.sort(&asked.actor, entries, &asked.query, &sort.by)).await;
    s.view = view;
    let found = found?;
    answer(s, tag, &sort.search, &asked, (Line::Sort, found)).await
}
