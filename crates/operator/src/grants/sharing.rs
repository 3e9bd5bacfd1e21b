//! Who has access to the BAL where somebody sits, from a mail program (ACL, RFC 4314): seen, given, changed and ended by whoever may manage it there,
//! and by nobody else, whatever he administers elsewhere. The acts are those of [`super`]: shared BALs by their responsible, delegations by the holder.
use super::{AccessChange, AccessView, DAY, NewAccess, NewDelegation};
use crate::boxed;
use crate::refuse::Fail;
use crate::{Actor, Operator};
use sceau_domain::{AccessRole, BalKind, BalRights, Refusal, RefusalCode, Timestamp};

impl Operator {
    /// The accesses to the actor's BAL that count now, by login. `right.missing` unless the actor manages it.
    #[boxed]
    pub async fn shares(&self, actor: &Actor) -> Result<Vec<AccessView>, Refusal> {
        let address = self.managed(actor).await?;
        let now = self.now();
        let mut found = self.accesses(actor, &address).await?;
        found.retain(|a| a.starts <= now);
        Ok(found)
    }

    /// Gives a person these rights on the actor's BAL, or ends the access when there are none. A delegation lasts as long as the rules let it.
    /// `right.missing`, `access.*`, `admin.*`.
    #[boxed]
    pub async fn share(&self, actor: &Actor, login: &str, rights: BalRights) -> Result<(), Refusal> {
        let address = self.managed(actor).await?;
        let login = login.to_ascii_lowercase();
        let bal = actor.bal.as_ref().ok_or(RefusalCode::RightMissing)?;
        let delegates = matches!(bal.kind, BalKind::Per | BalKind::Med | BalKind::Usager);
        let there = self.accesses(actor, &address).await?.into_iter().find(|a| a.login == login);
        let names: Vec<String> = rights.names().into_iter().map(str::to_owned).collect();
        if rights.is_empty() {
            return match there {
                None => Ok(()),
                Some(_) if delegates => self.end_delegation(actor, &address, &login, None).await.map(drop),
                Some(_) => self.end_access(actor, &address, &login, None).await.map(drop),
            };
        }
        match there {
            Some(a) if a.rights == names => Ok(()),
            // The holder's access is not given, nor changed.
            Some(a) if a.role == AccessRole::Holder.as_str() => Err(RefusalCode::AccessHolder.into()),
            Some(_) if delegates => self.change_delegation(actor, &address, &login, &names).await.map(drop),
            None if delegates => {
                let days = self.limits_of(bal.id).await?.delegation_days;
                let ends = Timestamp(self.now().0 + i64::from(days) * DAY);
                let new = NewDelegation { address, login, rights: Some(names), starts: None, ends, reason: None };
                self.give_delegation(actor, new).await.map(drop)
            }
            Some(a) => {
                let machine = a.role == AccessRole::Machine.as_str();
                let role = if machine { AccessRole::Machine } else { role_with(rights) };
                let change = AccessChange { role, rights: Some(names), ends: a.ends, reason: None };
                self.change_access(actor, &address, &login, a.version, change).await.map(drop)
            }
            None => {
                let role = role_with(rights);
                let new = NewAccess { login, role, rights: Some(names), starts: None, ends: None, reason: None };
                self.give_access(actor, &address, new).await.map(drop)
            }
        }
    }

    /// The address of the actor's BAL, which he manages.
    async fn managed(&self, actor: &Actor) -> Result<String, Refusal> {
        let seat = self.seat(actor)?.managing();
        self.0.store.read::<_, Fail, _>(move |tx| seat.check(tx)).await?;
        Ok(actor.bal.as_ref().ok_or(RefusalCode::RightMissing)?.address.to_string())
    }
}

/// As what somebody with these rights sits at a shared BAL.
fn role_with(rights: BalRights) -> AccessRole {
    if rights.has(BalRights::MANAGE) { AccessRole::Responsible } else { AccessRole::Member }
}
