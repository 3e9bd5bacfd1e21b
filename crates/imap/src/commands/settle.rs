//! Search keys that name messages by their object ids (RFC 8474 §6) or by the date at which they came (RFC 8514 §4.3): the operator says which UIDs they
//! mean in a folder, and they become sets of UIDs before the search begins.
use crate::codec::SequenceSet;
use crate::codec::command::SearchKey;
use crate::codec::date::midnight;
use crate::codec::sequence::{Bound, runs};
use sceau_domain::Refusal;
use sceau_operator::mailbox::entries::Entry;
use sceau_operator::{Actor, Operator};
use std::borrow::Cow;

/// The key with such keys answered; the key itself when it has none.
pub(super) async fn settle<'k>(
    operator: &Operator,
    actor: &Actor,
    (folder, entries): (i64, &[Entry]),
    key: &'k SearchKey,
) -> Result<Cow<'k, SearchKey>, Refusal> {
    let mut asked = Vec::new();
    collect(key, &mut asked);
    if asked.is_empty() {
        return Ok(Cow::Borrowed(key));
    }
    // All conversations are looked for in one pass over the folder.
    let mut threads: Vec<&str> = asked.iter().filter_map(|k| thread(k)).collect();
    threads.sort_unstable();
    threads.dedup();
    let by_thread = if threads.is_empty() {
        Vec::new()
    } else {
        let wanted = threads.iter().map(|t| (*t).to_owned()).collect();
        operator.uids_of_threads(actor, entries, wanted).await?
    };
    let mut answers: Vec<(&SearchKey, Vec<u32>)> = Vec::new();
    for key in asked {
        if answers.iter().any(|(k, _)| *k == key) {
            continue;
        }
        let uids = match key {
            SearchKey::EmailId(id) => match operator.message_of_object(id) {
                Some(message) => operator.uids_of_message(actor, folder, message).await?,
                None => Vec::new(),
            },
            SearchKey::SavedSince(day) => operator.uids_saved(actor, folder, Some(midnight(*day)), None).await?,
            SearchKey::SavedBefore(day) => operator.uids_saved(actor, folder, None, Some(midnight(*day))).await?,
            key => {
                let at = thread(key).and_then(|t| threads.binary_search(&t).ok());
                at.and_then(|at| by_thread.get(at).cloned()).unwrap_or_default()
            }
        };
        answers.push((key, uids));
    }
    Ok(Cow::Owned(answered(key, &answers)))
}

fn thread(key: &SearchKey) -> Option<&str> {
    if let SearchKey::ThreadId(id) = key { Some(id) } else { None }
}

fn collect<'k>(key: &'k SearchKey, into: &mut Vec<&'k SearchKey>) {
    match key {
        SearchKey::EmailId(_) | SearchKey::ThreadId(_) | SearchKey::SavedSince(_) | SearchKey::SavedBefore(_) => {
            into.push(key);
        }
        SearchKey::And(keys) => keys.iter().for_each(|k| collect(k, into)),
        SearchKey::Or(a, b) => {
            collect(a, into);
            collect(b, into);
        }
        SearchKey::Not(key) | SearchKey::Fuzzy(key) => collect(key, into),
        _ => {}
    }
}

fn answered(key: &SearchKey, answers: &[(&SearchKey, Vec<u32>)]) -> SearchKey {
    let inner = |k: &SearchKey| Box::new(answered(k, answers));
    match key {
        SearchKey::And(keys) => SearchKey::And(keys.iter().map(|k| answered(k, answers)).collect()),
        SearchKey::Or(a, b) => SearchKey::Or(inner(a), inner(b)),
        SearchKey::Not(k) => SearchKey::Not(inner(k)),
        SearchKey::Fuzzy(k) => SearchKey::Fuzzy(inner(k)),
        key => match answers.iter().find(|(k, _)| *k == key) {
            Some((_, uids)) => {
                let bounds = |(a, b): (u32, u32)| (Bound::Number(a), Bound::Number(b));
                SearchKey::Uid(SequenceSet::Ranges(runs(uids).into_iter().map(bounds).collect()))
            }
            None => key.clone(),
        },
    }
}
