//! EXPUNGE (RFC 9051 §6.4.3) and UID EXPUNGE (RFC 4315 §2.1).
use crate::codec::SequenceSet;
use crate::session::{Done, Reply, Session};
use crate::view::View;
use sceau_operator::mailbox::entries::Flags;

pub(crate) async fn run(s: &mut Session, set: Option<&SequenceSet>) -> Done {
    let actor = s.reader()?;
    let view = s.writable()?;
    let folder = view.folder.id;
    let only = match set.map(|set| view.resolve_uids(set, true)).transpose()? {
        // Those that would be removed count.
        Some(uids) if s.over_limit(uids.len()) > 0 => {
            let uids = deleted(s.view()?, uids);
            Some(s.limit(uids, |_, uid| Some(*uid)))
        }
        only => only,
    };
    let operator = s.operator.clone();
    let gone = s.patiently(operator.expunge(&actor, folder, only.as_deref())).await??;
    let updates = s.view()?.expunged(&gone);
    s.tell(&updates).await?;
    if gone.is_empty() { Ok(Reply::Ok) } else { s.after_removal().await }
}

fn deleted(view: &View, uids: Vec<u32>) -> Vec<u32> {
    let is =
        |uid: &u32| view.index_of(*uid).and_then(|i| view.entry(i)).is_some_and(|e| e.flags.system.has(Flags::DELETED));
    uids.into_iter().filter(is).collect()
}
