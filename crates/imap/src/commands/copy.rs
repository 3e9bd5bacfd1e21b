//! COPY and MOVE (RFC 9051 §6.4.7, §6.4.8; COPYUID RFC 4315 §3).
use crate::codec::command::Copy;
use crate::codec::sequence::write_pairs;
use crate::session::{Code, Done, Reply, Session, Stop};
use sceau_domain::{Refusal, RefusalCode};

pub(crate) async fn run(s: &mut Session, copy: &Copy) -> Done {
    let actor = s.actor()?;
    let view = if copy.moving { s.writable()? } else { s.view()? };
    let folder = view.folder.id;
    let uids = view.resolve_uids(&copy.set, copy.uid)?;
    let to = s.decode(&copy.to)?;
    if uids.is_empty() {
        return Ok(Reply::Ok);
    }
    let copied = if copy.moving {
        s.operator.move_entries(&actor, folder, &uids, &to).await
    } else {
        s.operator.copy(&actor, folder, &uids, &to).await
    };
    let copied = copied.map_err(try_create)?;
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
    Ok(Reply::Ok)
}

/// A destination that does not exist invites to create it (RFC 9051 §7.1 TRYCREATE).
pub(super) fn try_create(refusal: Refusal) -> Stop {
    if refusal.code == RefusalCode::FolderUnknown { Stop::NoCode(Code::TryCreate, refusal) } else { Stop::No(refusal) }
}
