//! STORE (RFC 9051 §6.4.6; UNCHANGEDSINCE RFC 7162 §3.1.3).
use crate::codec::command::Store;
use crate::codec::flags;
use crate::codec::sequence::write_set;
use crate::session::{Code, Done, Reply, Session};
use sceau_domain::{Refusal, RefusalCode};

pub(crate) async fn run(s: &mut Session, store: &Store) -> Done {
    let actor = s.reader()?;
    let view = s.writable()?;
    let folder = view.folder.id;
    let uids = view.resolve_uids(&store.set, store.uid)?;
    let uids = s.limit(uids, |_, uid| Some(*uid));
    if store.unchanged_since.is_some() {
        s.enable_condstore();
    }
    if uids.is_empty() {
        return Ok(Reply::Ok);
    }
    let operator = s.operator.clone();
    let change = operator.change_flags(&actor, folder, &uids, store.change, store.flags.clone(), store.unchanged_since);
    let (after, kept) = s.patiently(change).await??;
    let condstore = s.enabled.condstore;
    let found = after.len() + kept.len();
    let (touched, tell) = {
        let view = s.view()?;
        let touched: Vec<usize> = after.iter().filter_map(|e| view.index_of(e.uid)).collect();
        let (tell, new_keywords) = view.stored(after, store.silent, |f| flags::apply(f, store.change, &store.flags));
        if new_keywords {
            s.tell_flags();
        }
        // RFC 7162 §3.1.3: with CONDSTORE even a silent STORE tells the new modseq, of each message.
        if condstore { (touched, tell) } else { (tell.clone(), tell) }
    };
    let touched: Vec<usize> = if s.limited.is_some() { touched.into_iter().rev().collect() } else { touched };
    for index in touched {
        if let Some(view) = &s.view {
            // Both ascend.
            if tell.binary_search(&index).is_ok() {
                crate::session::write_fetch(&mut s.out, view, index, store.uid || condstore, condstore);
            } else {
                crate::session::write_modseq(&mut s.out, view, index);
            }
        }
        s.relieve().await?;
    }
    if !kept.is_empty() {
        let mut numbers: Vec<u32> = if store.uid { kept } else { sequence_numbers(s, &kept) };
        numbers.sort_unstable();
        return Ok(Reply::With(Code::Modified(write_set(&numbers))));
    }
    if found < uids.len() && !store.uid {
        // Some were expunged elsewhere and still have their number here (RFC 2180 §4.2).
        return Ok(Reply::Partly(Code::ExpungeIssued, Refusal::new(RefusalCode::EntryUnknown)));
    }
    Ok(Reply::Ok)
}

fn sequence_numbers(s: &Session, uids: &[u32]) -> Vec<u32> {
    let index = |uid: &u32| s.view.as_ref().and_then(|v| v.index_of(*uid));
    uids.iter().filter_map(index).filter_map(|i| u32::try_from(i + 1).ok()).collect()
}
