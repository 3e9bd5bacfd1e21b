//! APPEND (RFC 9051 §6.3.12), several messages in one (MULTIAPPEND, RFC 3502), messages put together from parts (CATENATE,
//! RFC 4469), binary content (RFC 3516 §4.4), and REPLACE (RFC 8508).
//!
//! Bytes go from the connection, or from the messages that URLs name, into sealed spools by pieces; no message is held whole.
//! All messages of a command come into the folder in one transaction, the one that is replaced leaves in it.
mod taking;
mod url;

use super::copy::try_create;
use crate::codec::command::{AppendLiteral, AppendStart, AppendStep};
use crate::codec::frame::Event;
use crate::session::{Code, Done, End, Place, Reply, Session, Stop};
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::mailbox::append::Replacing;
use taking::Taking;

/// Bytes of a literal taken at once.
const TAKE: usize = 16 * 1024;
/// How much more than the largest message is read and thrown away for a client that sends without asking.
const DISCARD: u64 = 64 << 20;

pub(crate) async fn run(s: &mut Session, start: AppendStart) -> Done {
    // A refused message that comes all the same is read and thrown away.
    let mut state = match prepare(s, &start).await {
        Err(Stop::End(end)) => return Err(Stop::End(end)),
        state => state,
    };
    let mut steps = start.steps;
    loop {
        for step in std::mem::take(&mut steps) {
            match step {
                AppendStep::Literal(literal) => {
                    announced(s, &mut state, literal).await?;
                    if !literal.unasked && state.is_err() {
                        s.framer.abandon();
                        return finish(s, state).await;
                    }
                    stream(s, &mut state, literal).await?;
                }
                step => {
                    if let Ok(taking) = &mut state
                        && let Err(stop) = taking.step(s, step).await
                    {
                        state = Err(ended(stop)?);
                    }
                }
            }
        }
        match s.next_event().await? {
            Event::AppendSteps(next) => steps = next,
            // An argument comes as a literal that asks.
            Event::Continue if state.is_ok() => s.out.raw("+ OK").end(),
            Event::Continue => {
                s.framer.abandon();
                return finish(s, state).await;
            }
            Event::AppendEnd(Ok(())) => return finish(s, state).await,
            Event::AppendEnd(Err(error)) => return Err(state.err().unwrap_or_else(|| Stop::syntax(error.0))),
            Event::Fatal(error) => {
                return Err(Stop::End(End::Bye(Refusal::new(RefusalCode::SyntaxError).with("cause", error))));
            }
            _ => {}
        }
    }
}

/// An end of the session ends the command; everything else is told when what was sent is read.
fn ended(stop: Stop) -> Result<Stop, Stop> {
    match stop {
        Stop::End(end) => Err(Stop::End(end)),
        stop => Ok(stop),
    }
}

/// Where the messages go and what they replace: all that can be refused before they come.
async fn prepare(s: &mut Session, start: &AppendStart) -> Result<Taking, Stop> {
    s.check_rights().await?;
    s.actor()?;
    let mut replacing = None;
    if let Some(replaced) = &start.replaces {
        if s.out.uid_only() && !replaced.uid {
            return Err(Stop::Bad(RefusalCode::SequenceNumbers.into()));
        }
        let actor = s.reader()?;
        let view = s.writable()?;
        let folder = view.folder.id;
        // A UID that is not there is told like a message that is gone: nothing may be added then (RFC 8508 §3.2).
        let uid = view.resolve_uids(&replaced.set, replaced.uid)?.first().copied().ok_or(RefusalCode::EntryUnknown)?;
        if view.is_gone(uid) {
            return Err(RefusalCode::EntryUnknown.into());
        }
        replacing = Some(Replacing { actor, folder, uid });
    }
    let Place { actor, name, .. } = s.place(&start.mailbox).await?;
    let folder = s.operator.folder(&actor, &name).await.map_err(try_create)?;
    Ok(Taking::new(actor, folder.id, replacing))
}

/// A literal is announced: is it taken?
async fn announced(s: &mut Session, state: &mut Result<Taking, Stop>, literal: AppendLiteral) -> Result<(), Stop> {
    if let Ok(taking) = state
        && let Err(stop) = taking.announced(s, literal).await
    {
        *state = Err(ended(stop)?);
    }
    if literal.unasked && literal.size > s.config.max_append.saturating_add(DISCARD) {
        return Err(Stop::End(End::Bye(RefusalCode::MessageTooBig.into())));
    }
    if !literal.unasked && state.is_ok() {
        s.out.raw("+ OK").end();
    }
    Ok(())
}

/// Reads a literal to its end, whether it is wanted or not.
async fn stream(s: &mut Session, state: &mut Result<Taking, Stop>, literal: AppendLiteral) -> Result<(), Stop> {
    while s.framer.stream_left() > 0 {
        let piece = s.framer.stream(TAKE);
        if piece.is_empty() {
            s.read_more().await?;
            continue;
        }
        if let Ok(taking) = state
            && let Err(refusal) = taking.push(s, &piece, literal.binary)
        {
            *state = Err(refusal.into());
        }
    }
    Ok(())
}

/// Files what was taken.
async fn finish(s: &mut Session, state: Result<Taking, Stop>) -> Done {
    let Taking { actor, replacing, ready, .. } = state?;
    // The literals may have taken long; the operator judges the access, the token is asked about here.
    s.check_rights().await?;
    let replaced = replacing.as_ref().map(|r| r.uid);
    let filed = s.operator.file(&actor, ready, replacing).await.map_err(try_create)?;
    let code = Code::AppendUid(filed.uidvalidity, filed.uids);
    let Some(uid) = replaced else { return Ok(Reply::With(code)) };
    // RFC 8508 §3.3: APPENDUID untagged, before the EXPUNGE.
    s.out.raw("* OK ");
    code.write(&mut s.out);
    s.out.raw("Replaced").end();
    let updates = s.view()?.expunged(&[uid]);
    s.tell(&updates).await?;
    s.after_removal().await
}
