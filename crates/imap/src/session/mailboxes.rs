//! Every mailbox that a session can reach, under the names by which its client knows them: what LIST, LSUB and their like choose from.
//!
//! Promises: a BAL beside the session's own is entered (and the opening traced) only when the names of its folders are asked for; special uses are
//! those of the session's own BAL, so that no client files private mail into somebody else's *Sent*.
use super::{Session, Stop};
use crate::codec::name::reaches;
use sceau_operator::Actor;
use sceau_operator::mailbox::folders::Folder;

/// A name that LIST may show.
#[derive(Debug)]
pub(crate) struct Mailbox {
    /// As the client writes it.
    pub shown: String,
    /// The folder; none for a level that is no mailbox (the prefix of the other BALs, the address of one).
    pub folder: Option<Folder>,
    /// Who sits at its BAL: index in [`Mailboxes::actors`].
    pub seat: usize,
}

/// The mailboxes that were asked for.
#[derive(Debug)]
pub(crate) struct Mailboxes {
    /// The session's person at its own BAL, then at each other BAL that was entered.
    pub actors: Vec<Actor>,
    /// INBOX first, then by name; those of the other BALs after those of the session's own.
    pub list: Vec<Mailbox>,
}

impl Session {
    /// The mailboxes among which those are that match these patterns. With `deep` a level that matches is looked into, although nothing below it
    /// matches.
    pub(crate) async fn mailboxes(&mut self, patterns: &[String], deep: bool) -> Result<Mailboxes, Stop> {
        let actor = self.actor()?;
        let own = self.operator.folders(&actor).await?;
        let mailbox = |folder: Folder| Mailbox { shown: folder.name.clone(), folder: Some(folder), seat: 0 };
        let mut found = Mailboxes { list: own.into_iter().map(mailbox).collect(), actors: vec![actor.clone()] };
        let prefix = self.config.other_users.clone();
        let reached = |start: &str| patterns.iter().any(|p| reaches(p, start));
        if prefix.is_empty() || !reached(&prefix) {
            return Ok(found);
        }
        let bals = self.operator.other_bals(&actor).await?;
        if bals.is_empty() {
            return Ok(found);
        }
        if !found.list.iter().any(|m| m.shown == prefix) {
            found.list.push(Mailbox { shown: prefix, folder: None, seat: 0 });
        }
        let looked_into = |session: &Self, bal: &_| deep || reached(&format!("{}/", session.level_of(bal)));
        let wanted = bals.iter().filter(|bal| looked_into(self, bal)).cloned().collect();
        let entered = self.enter_all(&actor, wanted).await?;
        for bal in bals {
            let level = self.level_of(&bal);
            let at = entered.iter().find(|a| a.bal.as_ref().is_some_and(|b| b.id == bal.id));
            let folders = match at {
                Some(at) => match self.operator.folders(at).await {
                    Ok(folders) => folders,
                    Err(refusal) if refusal.is_temporary() => return Err(refusal.into()),
                    // The access ended this very moment.
                    Err(_) => continue,
                },
                None => Vec::new(),
            };
            if let Some(at) = at {
                found.actors.push(at.clone());
            }
            found.list.push(Mailbox { shown: level.clone(), folder: None, seat: 0 });
            let seat = found.actors.len() - 1;
            found.list.extend(folders.into_iter().map(|folder| {
                let folder = Folder { special_use: None, ..folder };
                Mailbox { shown: format!("{level}/{}", folder.name), folder: Some(folder), seat }
            }));
        }
        Ok(found)
    }
}
