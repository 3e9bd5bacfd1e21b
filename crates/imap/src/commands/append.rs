//! APPEND (RFC 9051 §6.3.12): the message goes from the connection into a sealed spool by pieces, never held whole.
use super::copy::try_create;
use crate::codec::command::AppendStart;
use crate::codec::frame::Event;
use crate::session::{Code, Done, End, PIECE, Reply, Session, Stop};
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::Actor;

/// How much more than the largest message is read and thrown away for a client that sends without asking.
const DISCARD: u64 = 64 << 20;

pub(crate) async fn run(s: &mut Session, start: AppendStart) -> Done {
    let ready = prepare(s, &start).await;
    if !start.unasked {
        match ready {
            Ok(_) => s.out.raw("+ OK").end(),
            Err(stop) => {
                s.framer.abandon();
                return Err(stop);
            }
        }
    } else if start.size > s.config.max_append.saturating_add(DISCARD) {
        return Err(Stop::End(End::Bye(RefusalCode::MessageTooBig.into())));
    }
    // A refused message that comes all the same is read and thrown away.
    let mut intake = ready.map(|(actor, name)| (actor, name, s.operator.intake(s.config.max_append)));
    while s.framer.stream_left() > 0 {
        let piece = s.framer.stream(PIECE);
        if piece.is_empty() {
            s.read_more().await?;
            continue;
        }
        if let Ok((_, _, taking)) = &mut intake
            && let Err(refusal) = taking.push(&piece)
        {
            intake = Err(refusal.into());
        }
    }
    let ending = loop {
        match s.next_event().await? {
            Event::AppendEnd(ending) => break ending,
            Event::Fatal(error) => {
                return Err(Stop::End(End::Bye(Refusal::new(RefusalCode::SyntaxError).with("cause", error))));
            }
            _ => {}
        }
    };
    let (actor, name, intake) = intake?;
    if let Err(error) = ending {
        return Err(Stop::syntax(error.0));
    }
    let message = intake.finish()?;
    // The literal may have taken long; the operator judges the access, the token is asked about here.
    s.check_rights().await?;
    let kept = s.operator.append(&actor, &name, start.flags, start.date, message).await;
    let (uidvalidity, uid) = kept.map_err(try_create)?;
    Ok(Reply::With(Code::AppendUid(uidvalidity, uid)))
}

/// What can be refused before the message comes.
async fn prepare(s: &mut Session, start: &AppendStart) -> Result<(Actor, String), Stop> {
    s.check_rights().await?;
    let actor = s.actor()?;
    if start.size > s.config.max_append {
        return Err(Refusal::new(RefusalCode::MessageTooBig).with("limit", s.config.max_append).into());
    }
    if start.size == 0 {
        return Err(Stop::syntax("the message is empty"));
    }
    let name = s.decode(&start.mailbox)?;
    s.operator.folder(&actor, &name).await.map_err(try_create)?;
    Ok((actor, name))
}
