//! COPY and MOVE (RFC 9051 §6.4.7, §6.4.8; COPYUID RFC 4315 §3).
use crate::codec::command::Copy;
use crate::codec::sequence::write_pairs;
use crate::session::{Code, Done, Reply, Session, Stop};
use sceau_domain::{Refusal, RefusalCode};

pub(crate) async fn run(s: &mut Session, copy: &Copy) -> Done {
    let actor = s.reader()?;
    let view = if copy.moving { s.writable()? } else { s.view()? };
    let folder = view.folder.id;
    let mut uids = view.resolve_uids(&copy.set, copy.uid)?;
    let over = s.over_limit(uids.len());
    if copy.moving {
        uids = s.limit(uids, |_, uid| Some(*uid));
    } else if over > 0 {
        return Err(s.over(uids.get(over).copied()));
    }
    let to = s.place(&copy.to).await?;
    if uids.is_empty() {
        return Ok(Reply::Ok);
    }
    let bal = |a: &sceau_operator::Actor| a.bal.as_ref().map(|b| b.id);
    let operator = s.operator.clone();
    let work = async {
        if bal(&actor) != bal(&to.actor) {
            operator.transfer_across(&actor, folder, &uids, (&to.actor, &to.name), copy.moving).await
        } else if copy.moving {
            operator.move_entries(&actor, folder, &uids, &to.name).await
        } else {
            operator.copy(&actor, folder, &uids, &to.name).await
        }
    };
    let copied = s.patiently(work).await?.map_err(try_create)?;
    if copied.pairs.is_empty() {
        // All were expunged elsewhere (RFC 2180 §4.4).
        let gone = Reply::Partly(Code::ExpungeIssued, RefusalCode::EntryUnknown.into());
        return Ok(if copy.uid { Reply::Ok } else { gone });
    }
    let (from, dest) = write_pairs(&copied.pairs);
    let code = Code::CopyUid(copied.uidvalidity, from, dest);
    if !copy.moving {
        return Ok(Reply::With(code));
    }
    // RFC 6851 §3.3: COPYUID untagged, before the EXPUNGEs.
    s.out.raw("* OK ");
    code.write(&mut s.out);
    s.out.raw("Moved").end();
    let gone: Vec<u32> = copied.pairs.iter().map(|(from, _)| *from).collect();
    let updates = s.view()?.expunged(&gone);
    s.tell(&updates).await?;
    s.after_removal().await
}

/// A destination that does not exist invites to create it (RFC 9051 §7.1 TRYCREATE).
pub(super) fn try_create(refusal: Refusal) -> Stop {
    if refusal.code == RefusalCode::FolderUnknown { Stop::NoCode(Code::TryCreate, refusal) } else { Stop::No(refusal) }
}
