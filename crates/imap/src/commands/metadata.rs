//! METADATA (RFC 5464): annotations of mailboxes and of the server. `/shared/` is everybody's who has access to the BAL, `/private/` the person's own;
//! those of the server are kept with the session's own BAL, and only private ones can be set.
use crate::codec::MailboxName;
use crate::codec::extras::{Depth, MetadataCommand};
use crate::session::{Code, Done, Place, Reply, Session, Stop};
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::mailbox::annotations::LONGEST_VALUE;

pub(crate) async fn run(s: &mut Session, command: &MetadataCommand) -> Done {
    match command {
        MetadataCommand::Get { mailbox, entries, max_size, depth } => {
            let (place, shown) = whose(s, mailbox.as_ref()).await?;
            let folder = mailbox.is_some().then_some(place.name.as_str());
            let mut found = s.operator.annotations(&place.actor, folder).await?;
            found.retain(|(name, _)| entries.iter().any(|asked| names(asked, *depth, name)));
            let most = max_size.unwrap_or(u64::MAX);
            let longest = found.iter().map(|(_, value)| value.len() as u64).filter(|n| *n > most).max();
            found.retain(|(_, value)| value.len() as u64 <= most);
            if !found.is_empty() {
                s.out.raw("* METADATA ").mailbox(&shown).raw(" (");
                for (i, (name, value)) in found.iter().enumerate() {
                    s.out.raw(if i > 0 { " " } else { "" }).astring(name).raw(" ");
                    if value.contains(&0) {
                        s.out.literal_mark(value.len() as u64, true).literal_bytes(value);
                    } else {
                        s.out.string(value);
                    }
                    s.relieve().await?;
                }
                s.out.raw(")").end();
            }
            Ok(longest.map_or(Reply::Ok, |n| Reply::With(Code::MetadataLongEntries(n))))
        }
        MetadataCommand::Set { mailbox, entries } => {
            let (place, _) = whose(s, mailbox.as_ref()).await?;
            let folder = mailbox.is_some().then_some(place.name.as_str());
            s.operator.annotate(&place.actor, folder, entries).await.map_err(refused)?;
            Ok(Reply::Ok)
        }
    }
}

/// Whose annotations, and the name of it as the client writes it.
async fn whose(s: &mut Session, mailbox: Option<&MailboxName>) -> Result<(Place, String), Stop> {
    match mailbox {
        Some(mailbox) => {
            let place = s.place(mailbox).await?;
            let shown = place.shown.clone();
            Ok((place, shown))
        }
        None => {
            Ok((Place { actor: s.actor()?, name: String::new(), shown: String::new(), other: false }, String::new()))
        }
    }
}

/// Does `asked`, to this depth, name this entry (RFC 5464 §4.2.2)?
fn names(asked: &str, depth: Depth, name: &str) -> bool {
    let Some(rest) = name.strip_prefix(asked) else { return false };
    match (rest.strip_prefix('/'), depth) {
        _ if rest.is_empty() => true,
        (Some(_), Depth::Infinity) => true,
        (Some(below), Depth::One) => !below.contains('/'),
        _ => false,
    }
}

/// What RFC 5464 §4.3 has a response code for.
fn refused(refusal: Refusal) -> Stop {
    match refusal.code {
        RefusalCode::AnnotationSize => Stop::NoCode(Code::MetadataMaxSize(LONGEST_VALUE as u64), refusal),
        RefusalCode::AnnotationLimit => Stop::NoCode(Code::MetadataTooMany, refusal),
        _ => Stop::No(refusal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depths() {
        let hits = |depth| {
            let all = ["/private/a", "/private/a/b", "/private/a/b/c", "/private/ab"];
            all.iter().map(|n| names("/private/a", depth, n)).collect::<Vec<_>>()
        };
        assert_eq!(hits(Depth::Zero), [true, false, false, false]);
        assert_eq!(hits(Depth::One), [true, true, false, false]);
        assert_eq!(hits(Depth::Infinity), [true, true, true, false]);
    }
}
