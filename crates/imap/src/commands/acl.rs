//! ACL (RFC 4314): who may do what at the BAL of a mailbox.
//!
//! Accesses are to a BAL as a whole, so every mailbox of it has the same rights and only those of its INBOX are set. They are [`BalRights`] under
//! the RFC's letters: `lr` reads, `swi` and `kxte` file (all or none: they are tied, RFC 4314 §3.4), `p` sends, `a` gives access. Identifiers are logins.
//! GETACL, LISTRIGHTS, SETACL and DELETEACL are for whoever manages the BAL; the acts are the operator's own, with its rules.
use crate::codec::MailboxName;
use crate::codec::extras::{AclCommand, RightsChange};
use crate::session::{Done, Place, Reply, Session, Stop};
use sceau_domain::{AccessRole, BalKind, BalRights, Refusal, RefusalCode, UseCase};
use sceau_operator::Actor;

/// The letters of filing; `c` and `d` are what RFC 2086 had for `kx` and `xte` (RFC 4314 §2.1.1).
const FILING: &str = "swikxte";

pub(crate) async fn run(s: &mut Session, command: &AclCommand) -> Done {
    match command {
        AclCommand::MyRights(mailbox) => {
            let place = place(s, mailbox).await?;
            write_my_rights(s, &place.shown, &place.actor);
        }
        AclCommand::Get(mailbox) => {
            let place = place(s, mailbox).await?;
            let shares = s.operator.shares(&place.actor).await?;
            s.out.raw("* ACL ").mailbox(&place.shown);
            for share in shares {
                let rights = BalRights::from_names(&share.rights).unwrap_or(BalRights::from_bits(0));
                s.out.raw(" ").astring(&share.login).raw(" ").astring(&letters(rights));
            }
            s.out.end();
        }
        AclCommand::List(mailbox, who) => {
            let place = place(s, mailbox).await?;
            let shares = s.operator.shares(&place.actor).await?;
            let holder =
                shares.iter().any(|a| a.login == who.to_ascii_lowercase() && a.role == AccessRole::Holder.as_str());
            s.out.raw("* LISTRIGHTS ").mailbox(&place.shown).raw(" ").astring(who);
            if holder {
                // The holder has all of it, always.
                s.out.raw(" ").astring(&letters(BalRights::ALL));
            } else {
                s.out.raw(" \"\" lr p swikxtecd");
                if !is_personal(&place.actor) {
                    s.out.raw(" a");
                }
            }
            s.out.end();
        }
        AclCommand::Set(mailbox, who, change) => {
            let place = inbox(s, mailbox).await?;
            let who = identifier(who)?;
            let now = s.operator.shares(&place.actor).await?.into_iter().find(|a| a.login == who);
            let now = now.and_then(|a| BalRights::from_names(&a.rights)).unwrap_or(BalRights::from_bits(0));
            s.operator.share(&place.actor, &who, changed(now, change)?).await?;
        }
        AclCommand::Delete(mailbox, who) => {
            let place = inbox(s, mailbox).await?;
            let who = identifier(who)?;
            // Asked first, so that nobody learns by this who has access.
            s.operator.shares(&place.actor).await?;
            s.operator.share(&place.actor, &who, BalRights::from_bits(0)).await?;
        }
    }
    Ok(Reply::Ok)
}

/// `* MYRIGHTS mailbox rights`.
pub(super) fn write_my_rights(s: &mut Session, shown: &str, actor: &Actor) {
    let chair = actor.bal.as_ref().and_then(|b| b.chair.as_ref());
    let rights = chair.map_or(BalRights::from_bits(0), |c| c.rights);
    s.out.raw("* MYRIGHTS ").mailbox(shown).raw(" ").astring(&letters(rights)).end();
}

/// An existing mailbox.
async fn place(s: &mut Session, mailbox: &MailboxName) -> Result<Place, Stop> {
    let place = s.place(mailbox).await?;
    s.operator.folder(&place.actor, &place.name).await?;
    Ok(place)
}

/// The INBOX of a BAL, which stands for the whole of it. `NO [CANNOT]` for another one.
async fn inbox(s: &mut Session, mailbox: &MailboxName) -> Result<Place, Stop> {
    let place = place(s, mailbox).await?;
    if place.name.eq_ignore_ascii_case("INBOX") { Ok(place) } else { Err(RefusalCode::RightsOfBal.into()) }
}

/// A login. Groups (`anyone`, `authenticated`), and rights taken from whoever else has them (`-`), are not given here: access is a person's.
fn identifier(who: &str) -> Result<String, Stop> {
    let group = ["anyone", "authenticated"].iter().any(|g| who.eq_ignore_ascii_case(g));
    if group || who.is_empty() || who.starts_with('-') {
        return Err(Refusal::new(RefusalCode::RightMissing).with("name", UseCase::AccessGrant.as_str()).into());
    }
    Ok(who.to_ascii_lowercase())
}

/// A BAL of one person, where others are delegates.
fn is_personal(actor: &Actor) -> bool {
    actor.bal.as_ref().is_some_and(|b| matches!(b.kind, BalKind::Per | BalKind::Med | BalKind::Usager))
}

/// Rights as letters, those of RFC 2086 at the end.
fn letters(rights: BalRights) -> String {
    let file = rights.has(BalRights::FILE);
    let parts = [
        (rights.has(BalRights::READ), "lr"),
        (file, "swi"),
        (rights.has(BalRights::SEND), "p"),
        (file, "kxte"),
        (rights.has(BalRights::MANAGE), "a"),
        (file, "cd"),
    ];
    parts.iter().filter(|(has, _)| *has).map(|(_, letters)| *letters).collect()
}

/// Rights after a change. `NO [CANNOT]` when letters that are tied would be parted: never more is given than was asked (RFC 4314 §3.1).
fn changed(now: BalRights, change: &RightsChange) -> Result<BalRights, Stop> {
    let had = letters(now);
    let (replaced, added, removed) = match change {
        RightsChange::Replace(l) => (true, l.as_str(), ""),
        RightsChange::Add(l) => (false, l.as_str(), ""),
        RightsChange::Remove(l) => (false, "", l.as_str()),
    };
    // `c` and `d` stand for others.
    let named = |list: &str, letter: char| {
        list.contains(letter)
            || (list.contains('c') && "kx".contains(letter))
            || (list.contains('d') && "xte".contains(letter))
    };
    let has = |letter: char| named(added, letter) || (!replaced && had.contains(letter) && !named(removed, letter));
    let tied = |group: &str| {
        let count = group.chars().filter(|&l| has(l)).count();
        match count {
            0 => Ok(false),
            n if n == group.len() => Ok(true),
            _ => Err(Stop::from(RefusalCode::RightsTied)),
        }
    };
    let mut bits = 0;
    for (group, right) in
        [("lr", BalRights::READ), (FILING, BalRights::FILE), ("p", BalRights::SEND), ("a", BalRights::MANAGE)]
    {
        if tied(group)? {
            bits |= right.bits();
        }
    }
    Ok(BalRights::from_bits(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_and_letters() {
        let read = BalRights::READ;
        assert_eq!(letters(BalRights::ALL), "lrswipkxteacd");
        assert_eq!(letters(read), "lr");
        let set = |l: &str| changed(read, &RightsChange::Replace(l.into())).ok();
        let (add, remove) = (
            |now, l: &str| changed(now, &RightsChange::Add(l.into())).ok(),
            |now, l: &str| changed(now, &RightsChange::Remove(l.into())).ok(),
        );
        assert_eq!(set("lrswipkxtea"), Some(BalRights::ALL));
        assert_eq!(set("lrswipcda"), Some(BalRights::ALL), "as RFC 2086 wrote it");
        assert_eq!(set(""), Some(BalRights::from_bits(0)));
        assert_eq!(set("lrp"), Some(BalRights::from_bits(read.bits() | BalRights::SEND.bits())));
        for parted in ["l", "lrs", "lrswi", "lrc", "swikxt"] {
            assert_eq!(set(parted), None, "{parted}");
        }
        let both = BalRights::from_bits(read.bits() | BalRights::FILE.bits());
        assert_eq!(add(read, "swikxte"), Some(both));
        assert_eq!(add(read, "lr"), Some(read));
        assert_eq!(add(both, "s"), Some(both), "nothing new");
        assert_eq!(remove(both, "swikxte"), Some(read));
        assert_eq!(remove(both, "w"), None);
        assert_eq!(remove(read, "swikxtecda"), Some(read));
    }
}
