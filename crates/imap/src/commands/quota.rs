//! QUOTA (RFC 9208): how much room a BAL has. A BAL is one root, named by its address; limits are set by the operator's policies, not here.
use crate::codec::Out;
use crate::codec::extras::QuotaCommand;
use crate::session::{Done, Reply, Session};
use sceau_domain::RefusalCode;
use sceau_operator::mailbox::room::Room;

/// UIDs of a folder, and so messages that it can ever hold: the only limit of their number.
const MESSAGES: u64 = u32::MAX as u64;

pub(crate) async fn run(s: &mut Session, command: &QuotaCommand) -> Done {
    let own = s.actor()?;
    let actor = match command {
        QuotaCommand::Mailbox(mailbox) => {
            let place = s.place(mailbox).await?;
            s.operator.folder(&place.actor, &place.name).await?;
            s.out.raw("* QUOTAROOT ").mailbox(&place.shown);
            if let Some(bal) = &place.actor.bal {
                s.out.raw(" ").string(bal.address.to_string().as_bytes());
            }
            s.out.end();
            place.actor
        }
        QuotaCommand::Root(root) => {
            let address = std::str::from_utf8(root).ok().and_then(|r| r.parse::<sceau_domain::Address>().ok());
            let address = address.ok_or(RefusalCode::FolderUnknown)?;
            if own.bal.as_ref().is_some_and(|b| b.address == address) {
                own
            } else {
                s.seat_at(&address.to_string()).await?
            }
        }
    };
    let room = s.operator.room(&actor).await?;
    if let Some(bal) = &actor.bal {
        write(&mut s.out, &bal.address.to_string(), room);
    }
    Ok(Reply::Ok)
}

/// `* QUOTA root (STORAGE used limit MESSAGE used limit)`; STORAGE counts units of 1024 bytes (RFC 9208 §5.1), what is begun counts.
fn write(out: &mut Out, root: &str, room: Room) {
    out.raw("* QUOTA ").string(root.as_bytes()).raw(" (STORAGE ").num(room.used.div_ceil(1024)).raw(" ");
    out.num(room.most / 1024).raw(" MESSAGE ").num(room.messages).raw(" ").num(MESSAGES).raw(")").end();
}
