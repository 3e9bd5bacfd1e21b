//! Where a mailbox name leads: to a folder of a BAL, and to the person seated there.
//!
//! Commands never use the session's own BAL directly: what names a mailbox goes through [`Session::place`], what works on the selected
//! mailbox through [`Session::reader`]. So that a mailbox of another BAL of the same person is a mailbox like any other.
//!
//! Names below the prefix of the *Other Users* namespace (RFC 2342 §5) are `prefix/address/folder`. A name there that holds no address is a folder
//! of the session's own BAL (it may have been there before), but none is made there any more.
use super::{Session, Stop};
use crate::codec::MailboxName;
use sceau_domain::{Address, RefusalCode};
use sceau_operator::{Actor, BalRef};
use unicode_normalization::UnicodeNormalization;

/// Other BALs that a session remembers having entered: as many as it is shown. Beyond this the first one is entered, and traced, again.
const ENTERED: usize = sceau_operator::login::MOST_BALS as usize;

/// What a mailbox name means.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The session's person, seated at the BAL.
    pub actor: Actor,
    /// The folder's name within the BAL.
    pub name: String,
    /// The name as the client writes it.
    pub shown: String,
    /// It is in a BAL beside the session's own.
    pub other: bool,
}

/// What a name says by itself.
#[derive(Debug, PartialEq, Eq)]
enum Meaning<'a> {
    /// A folder of the session's own BAL.
    Own,
    /// The prefix, or what is below it without naming an address.
    Reserved,
    /// The level of a BAL.
    Bal(&'a str),
    /// A folder of the BAL with this address.
    Folder(&'a str, &'a str),
}

/// What a decoded name says.
fn meaning<'a>(prefix: &str, name: &'a str) -> Meaning<'a> {
    let below = match name.strip_prefix(prefix) {
        _ if prefix.is_empty() => return Meaning::Own,
        Some("") => return Meaning::Reserved,
        Some(rest) => rest.strip_prefix('/'),
        None => None,
    };
    let Some(below) = below else { return Meaning::Own };
    let is_address = |text: &str| text.parse::<Address>().is_ok();
    // A local part may hold the delimiter: the first part that is an address counts.
    let ends = below.match_indices('/').map(|(at, _)| at).chain(std::iter::once(below.len()));
    // Longer than any address is written: not looked at.
    match ends.filter(|&at| at <= 1200).find(|&at| is_address(&below[..at])) {
        None => Meaning::Reserved,
        Some(at) => match below[at..].strip_prefix('/') {
            None | Some("") => Meaning::Bal(&below[..at]),
            Some(folder) => Meaning::Folder(&below[..at], folder),
        },
    }
}

impl Session {
    /// What a mailbox name means here. `BAD` before login, `NO [CANNOT]` when no mailbox can have this name, `NO [NONEXISTENT]` when it is in a BAL
    /// that does not exist or to which the person has no access.
    pub(crate) async fn place(&mut self, mailbox: &MailboxName) -> Result<Place, Stop> {
        let actor = self.actor()?;
        let shown = mailbox.decode(self.out.utf8()).ok_or_else(|| Stop::No(RefusalCode::FolderName.into()))?;
        match meaning(&self.config.other_users, &shown) {
            Meaning::Own | Meaning::Reserved => Ok(Place { actor, name: shown.clone(), shown, other: false }),
            Meaning::Bal(_) => Err(RefusalCode::FolderUnknown.into()),
            Meaning::Folder(address, name) => {
                let actor = self.enter(&actor, address).await?;
                Ok(Place { actor, name: name.to_owned(), shown, other: true })
            }
        }
    }

    /// As [`Session::place`], of a mailbox that is about to be made: `NO [CANNOT]` for the names that lead to BALs.
    pub(crate) async fn new_place(&mut self, mailbox: &MailboxName) -> Result<Place, Stop> {
        let name = mailbox.decode(self.out.utf8()).ok_or_else(|| Stop::No(RefusalCode::FolderName.into()))?;
        match meaning(&self.config.other_users, name.strip_suffix('/').unwrap_or(&name)) {
            Meaning::Reserved | Meaning::Bal(_) => Err(RefusalCode::FolderName.into()),
            _ => self.place(mailbox).await,
        }
    }

    /// Who reads the selected mailbox, or `BAD`.
    pub(crate) fn reader(&mut self) -> Result<Actor, Stop> {
        Ok(self.view()?.actor.clone())
    }

    /// The session's person, seated at another BAL of his.
    async fn enter(&mut self, actor: &Actor, address: &str) -> Result<Actor, Stop> {
        let named = address.parse::<Address>().map_err(|_| RefusalCode::FolderUnknown)?;
        let known = self.others.iter().find(|a| a.bal.as_ref().is_some_and(|b| b.address == named)).cloned();
        if let Some(known) = known
            && self.still_seated(&known).await?
        {
            return Ok(known);
        }
        let bal = self.operator.other_bal(actor, address).await?;
        let entered = self.enter_all(actor, vec![bal]).await?;
        entered.into_iter().next().ok_or_else(|| RefusalCode::FolderUnknown.into())
    }

    /// The session's person at another BAL of his, by its address. `NO [NONEXISTENT]` when it does not exist or the person has no access to it.
    pub(crate) async fn seat_at(&mut self, address: &str) -> Result<Actor, Stop> {
        let actor = self.actor()?;
        self.enter(&actor, address).await
    }

    /// Is the seat at another BAL what it was? If not it is forgotten.
    async fn still_seated(&mut self, seated: &Actor) -> Result<bool, Stop> {
        match self.operator.still_allowed(seated).await {
            Ok(()) => Ok(true),
            Err(refusal) if refusal.is_temporary() => Err(refusal.into()),
            Err(_) => {
                let left = |a: &Actor| a.bal.as_ref().map(|b| b.id) == seated.bal.as_ref().map(|b| b.id);
                self.others.retain(|a| !left(a));
                self.operator.logout(seated).await;
                Ok(false)
            }
        }
    }

    /// The session's person, seated at each of these BALs; those that were entered before are not traced as openings again.
    pub(crate) async fn enter_all(&mut self, actor: &Actor, bals: Vec<BalRef>) -> Result<Vec<Actor>, Stop> {
        let mut seated = Vec::with_capacity(bals.len());
        let mut new = Vec::new();
        for bal in bals {
            // What was just found says how the person sits there; the same as before is no new opening.
            let rights = |b: &BalRef| b.chair.as_ref().map(|c| (c.role, c.rights));
            let same = |b: &BalRef| b.id == bal.id && rights(b) == rights(&bal);
            match self.others.iter().find(|a| a.bal.as_ref().is_some_and(&same)) {
                Some(known) => seated.push(known.clone()),
                None => new.push(bal),
            }
        }
        let mut left = Vec::new();
        for actor in self.operator.enter_bals(actor, new).await? {
            let id = actor.bal.as_ref().map(|b| b.id);
            self.others.retain(|a| a.bal.as_ref().map(|b| b.id) != id);
            if self.others.len() >= ENTERED {
                left.push(self.others.remove(0));
            }
            self.others.push(actor.clone());
            seated.push(actor);
        }
        self.operator.logout_all(&left).await;
        seated.sort_by_cached_key(|a| a.bal.as_ref().map(|b| b.address.key()));
        Ok(seated)
    }

    /// Leaves every BAL, the session's own last: the session is over.
    pub(crate) async fn leave_bals(&mut self) {
        let mut left = std::mem::take(&mut self.others);
        left.extend(self.actor.take());
        self.operator.logout_all(&left).await;
    }

    /// The name of the level of a BAL in the *Other Users* namespace.
    pub(crate) fn level_of(&self, bal: &BalRef) -> String {
        format!("{}/{}", self.config.other_users, bal.address).nfc().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_bals() {
        let meaning = |name| meaning("Autres BAL", name);
        for own in ["INBOX", "Autres BALs/x@y.fr/INBOX", "Autres", "autres bal/x@y.fr/INBOX", "a/Autres BAL"] {
            assert_eq!(meaning(own), Meaning::Own, "{own}");
        }
        for reserved in ["Autres BAL", "Autres BAL/", "Autres BAL/vieux", "Autres BAL/vieux/2025", "Autres BAL/@/x"] {
            assert_eq!(meaning(reserved), Meaning::Reserved, "{reserved}");
        }
        for level in ["Autres BAL/x@y.fr", "Autres BAL/x@y.fr/"] {
            assert_eq!(meaning(level), Meaning::Bal("x@y.fr"), "{level}");
        }
        assert_eq!(meaning("Autres BAL/x@y.fr/INBOX"), Meaning::Folder("x@y.fr", "INBOX"));
        assert_eq!(meaning("Autres BAL/x@y.fr/a/b"), Meaning::Folder("x@y.fr", "a/b"));
        assert_eq!(meaning("Autres BAL/a/x@y.fr/b@c.fr/d"), Meaning::Folder("a/x@y.fr", "b@c.fr/d"));
        assert_eq!(super::meaning("", "x@y.fr/INBOX"), Meaning::Own);
    }
}
