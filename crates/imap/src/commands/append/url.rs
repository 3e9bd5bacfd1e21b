//! What a URL of CATENATE names (RFC 4469 §3, RFC 5092): a message of this server, or a section of it, read with the rights that
//! the session has there; out of another BAL, only what could be copied from there. Whatever goes wrong is `BADURL`.
use crate::codec::url::{self, MessageUrl};
use crate::codec::{MailboxName, name};
use crate::content::section::{Located, Range, cut, locate, pick_fields};
use crate::session::{Code, PIECE, Session, Stop};
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::mailbox::across::Takings;
use sceau_operator::mailbox::read::{MessageReader, MessageSummary};
use sceau_operator::{Actor, Intake, Who};
use std::sync::Arc;

/// Largest header of which fields are picked (the scanner's own limit).
const HEADER_MAX: u64 = 1 << 20;

/// Appends what a URL names, for a message that is filed by `to`; what comes from another BAL is noted for the filing.
pub(super) async fn append(
    s: &mut Session,
    text: &[u8],
    to: &Actor,
    (intake, takings): (&mut Intake, &mut Takings),
) -> Result<(), Stop> {
    let Some(url) = url::parse(text) else {
        return Err(bad(text, Refusal::new(RefusalCode::SyntaxError).with("cause", "URL")));
    };
    match copy(s, &url, to, (intake, takings)).await {
        // What is too large is too large whoever names it.
        Err(Stop::No(refusal)) if refusal.code == RefusalCode::MessageTooBig || refusal.is_temporary() => {
            Err(refusal.into())
        }
        Err(Stop::No(refusal)) => Err(bad(text, refusal)),
        other => other,
    }
}

fn bad(url: &[u8], refusal: Refusal) -> Stop {
    Stop::NoCode(Code::BadUrl(url.to_vec()), refusal)
}

async fn copy(
    s: &mut Session,
    url: &MessageUrl,
    to: &Actor,
    (intake, takings): (&mut Intake, &mut Takings),
) -> Result<(), Stop> {
    here(s, url)?;
    let (actor, folder) = match &url.mailbox {
        Some(mailbox) => {
            let mailbox = MailboxName::new(name::encode(mailbox, s.out.utf8()));
            let place = s.place(&mailbox).await?;
            let folder = s.operator.folder(&place.actor, &place.name).await?;
            (place.actor, folder)
        }
        None => match s.view() {
            Ok(view) => (view.actor.clone(), view.folder.clone()),
            Err(_) => return Err(RefusalCode::FolderUnknown.into()),
        },
    };
    if url.uidvalidity.is_some_and(|v| v != folder.uidvalidity) {
        return Err(RefusalCode::EntryUnknown.into());
    }
    let message = s.operator.message_at(&actor, folder.id, url.uid).await?;
    s.operator.may_take(&actor, (folder.id, url.uid), to, takings).await?;
    let summaries = s.operator.summaries(&actor, &[message]).await?;
    let summary = summaries.first().ok_or(RefusalCode::EntryUnknown)?;
    let mut reader = s.operator.open_message(&actor, message).await?;
    take(summary, &mut reader, url, intake).await
}

/// This server, and this person?
fn here(s: &Session, url: &MessageUrl) -> Result<(), Stop> {
    let Some((user, host)) = &url.server else { return Ok(()) };
    let own = host.eq_ignore_ascii_case(&s.operator.config().hostname);
    let login = match s.actor.as_ref().map(|a| &a.who) {
        Some(Who::Person(person)) => person.login.as_str(),
        _ => "",
    };
    let same = user.as_ref().is_none_or(|user| login.eq_ignore_ascii_case(user));
    if own && same { Ok(()) } else { Err(RefusalCode::FolderUnknown.into()) }
}

/// Gives the section to the message that is put together.
async fn take(
    summary: &Arc<MessageSummary>,
    reader: &mut MessageReader,
    url: &MessageUrl,
    intake: &mut Intake,
) -> Result<(), Stop> {
    let size = reader.size();
    let top = || [summary.prefix.as_slice(), summary.summary.header.as_slice()].concat();
    let picked = match locate(summary, &url.section) {
        Located::Missing => return Err(RefusalCode::EntryUnknown.into()),
        Located::Whole => return range(reader, Range { start: 0, len: size }, url.partial, intake).await,
        Located::Range(found) => return range(reader, found, url.partial, intake).await,
        Located::TopHeader => top(),
        Located::Fields { of: None, names, not } => pick_fields(&top(), names, not),
        Located::Fields { of: Some(found), names, not } => {
            let mut header = Vec::new();
            let end = found.start + found.len.min(HEADER_MAX);
            while found.start + (header.len() as u64) < end {
                let at = found.start + header.len() as u64;
                let piece = reader.read(at, usize::try_from(end - at).unwrap_or(PIECE).min(PIECE)).await?;
                if piece.is_empty() {
                    break;
                }
                header.extend_from_slice(&piece);
            }
            pick_fields(&header, names, not)
        }
    };
    let (first, count) = cut(picked.len() as u64, url.partial);
    // Both are within the slice, so within usize.
    intake.push(&picked[first as usize..(first + count) as usize])?;
    Ok(())
}

async fn range(
    reader: &mut MessageReader,
    found: Range,
    partial: Option<(u64, u64)>,
    intake: &mut Intake,
) -> Result<(), Stop> {
    let start = found.start.min(reader.size());
    let (first, mut left) = cut(found.len.min(reader.size() - start), partial);
    let mut at = start + first;
    while left > 0 {
        let piece = reader.read(at, usize::try_from(left).unwrap_or(PIECE).min(PIECE)).await?;
        if piece.is_empty() {
            return Err(RefusalCode::EntryUnknown.into());
        }
        at += piece.len() as u64;
        left -= piece.len() as u64;
        intake.push(&piece)?;
        // A large message is much work: let others have the thread between pieces.
        tokio::task::yield_now().await;
    }
    Ok(())
}
