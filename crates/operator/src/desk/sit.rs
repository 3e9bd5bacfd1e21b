//! A browser's session sits down at a BAL: any that its person has access to, for one request. From then on [`Operator::still_allowed`] and each act's own
//! seat judge as at every door.
use crate::access::holds;
use crate::boxed;
use crate::login::{MOST_BALS, bal_ref, chair};
use crate::mailbox::folders::narrow;
use crate::mailbox::names::INBOX;
use crate::record::By;
use crate::refuse::Fail;
use crate::watch::Watch;
use crate::{Actor, BalRef, Chair, Door, Operator, Origin, PersonRef, Who, terms};
use sceau_domain::{AccessRole, Address, BalKind, BalRights, Refusal, RefusalCode, personal};
use sceau_store::{Id, StoreError, Tx, access, accounts as rows, folders};
use serde_json::json;

/// A BAL of somebody, as the desk lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskBal {
    /// Row id.
    pub id: Id,
    /// What names it in an address.
    pub code: String,
    /// Its address.
    pub address: Address,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: BalKind,
    /// As what the person sits there.
    pub role: AccessRole,
    /// What the person may do there.
    pub rights: BalRights,
    /// How many messages of its INBOX nobody read; 0 where it is shut.
    pub unread: u32,
    /// Why it is shut to this person (terms of use that were not accepted).
    pub shut: Option<RefusalCode>,
}

impl Operator {
    /// The person of a session, at a BAL. The first time at this node that is traced, as an opening.
    ///
    /// # Errors
    /// `login.required`: the session ended. `admin.not_found`: there is no such BAL, or the person has no access to it, which is told alike.
    /// `right.missing`: the access does not let read. `terms.required`.
    #[boxed]
    pub async fn sit(&self, actor: &Actor, bal: Id) -> Result<Actor, Refusal> {
        let (Who::Person(person), Some(token)) = (&actor.who, actor.credential) else {
            return Err(RefusalCode::LoginRequired.into());
        };
        let (person, rule) = (person.id, self.token_rule());
        let (now, since) = (self.now(), self.0.guard.rights_version());
        let find = move |tx: &mut dyn Tx| -> Result<BalRef, Fail> {
            let found = rows::token_by_id(tx, token)?;
            let token = rule.live(tx, found, now.0)?.ok_or(RefusalCode::LoginRequired)?;
            let seated = access::seat(tx, bal, person)?.ok_or(RefusalCode::NotFound)?;
            holds(&seated, BalRights::READ)?;
            terms::require(tx, person, bal, now.0)?;
            let row = rows::bal_by_id(tx, bal)?.ok_or(RefusalCode::NotFound)?;
            let holder = holder_of(tx, &seated, bal)?;
            Ok(BalRef { chair: Some(chair(&seated, holder, &token, since)?), ..bal_ref(&row)? })
        };
        let found = self.0.store.read(find).await?;
        self.0.guard.allowed(token, found.id, now, since);
        let seated = Actor { bal: Some(found), ..actor.clone() };
        if !self.0.guard.sat(token, bal) {
            self.note_sitting(&seated, token, bal).await?;
        }
        Ok(seated)
    }

    /// Traces that a session sits down at a BAL.
    async fn note_sitting(&self, seated: &Actor, token: Id, bal: Id) -> Result<(), Refusal> {
        let Some(at) = &seated.bal else { return Ok(()) };
        let role = at.chair.as_ref().map(|c| c.role.as_str());
        let door = seated.origin.door.as_str();
        let data = json!({ "door": door, "token": token, "role": role, "tls": seated.origin.tls });
        let fact =
            self.fact("login.ok", &By::actor(seated), Some((bal, self.bal_key(&at.address).as_str())), "ok", data);
        self.0.store.write::<_, Fail, _>(move |tx| Ok(fact.write(tx)?)).await?;
        self.0.guard.sits(token, bal);
        Ok(())
    }

    /// Every BAL that the person of a session may read, by address, with what is unread in its INBOX: one question for all.
    ///
    /// # Errors
    /// `login.required`.
    #[boxed]
    pub async fn desk_bals(&self, actor: &Actor) -> Result<Vec<DeskBal>, Refusal> {
        let (Who::Person(person), Some(token)) = (&actor.who, actor.credential) else {
            return Err(RefusalCode::LoginRequired.into());
        };
        let (person, rule, now, op) = (person.id, self.token_rule(), self.now().0, self.clone());
        let find = move |tx: &mut dyn Tx| -> Result<Vec<DeskBal>, Fail> {
            let found = rows::token_by_id(tx, token)?;
            rule.live(tx, found, now)?.ok_or(RefusalCode::LoginRequired)?;
            let seats = access::seats(tx, person, None, i64::from(MOST_BALS))?;
            let mut bals = Vec::with_capacity(seats.len());
            for (bal, seated) in seats {
                if holds(&seated, BalRights::READ).is_err() {
                    continue;
                }
                let (at, rights) = (bal_ref(&bal)?, BalRights::from_bits(seated.rights));
                let shut = terms::shut(tx, person, bal.id, now)?.map(|refusal| refusal.code);
                let unread = match shut {
                    Some(_) => 0,
                    None => op.unread_in(tx, &at, rights)?,
                };
                let role = seated.role.parse().map_err(|()| StoreError::Invalid("role of an access".into()))?;
                let code = op.bal_object(bal.id);
                let BalRef { id, address, kind, .. } = at;
                bals.push(DeskBal { id, code, address, name: bal.label, kind, role, rights, unread, shut });
            }
            Ok(bals)
        };
        Ok(self.0.store.read(find).await?)
    }

    /// Watches every BAL that the person of a session may read; none where there is one only.
    ///
    /// # Errors
    /// `login.required`.
    #[boxed]
    pub async fn watch_bals(&self, actor: &Actor) -> Result<Vec<Watch>, Refusal> {
        let bals = self.desk_bals(actor).await?;
        let more = bals.len() > 1;
        Ok(bals.iter().filter(|_| more).map(|bal| self.0.watch.watch(bal.id)).collect())
    }

    /// How many messages of a BAL's INBOX nobody read, of those that this access shows.
    fn unread_in(&self, tx: &mut dyn Tx, bal: &BalRef, rights: BalRights) -> Result<u32, Fail> {
        let Some(inbox) = folders::by_tag(tx, bal.id, &self.folder_tag(bal.id, INBOX))? else { return Ok(0) };
        let mut rows = [inbox];
        if personal::is_kept_from(bal.kind, rights) {
            self.marks(bal.id).uncount(tx, &mut rows)?;
        }
        Ok(narrow(rows[0].counts.unseen))
    }

    /// Somebody at a BAL, for what was asked for in a session and is done after it: with the access as it stands now. None when there is none any more.
    pub(crate) async fn sit_later(&self, person: Id, bal: Id, session: &str) -> Result<Option<Actor>, Refusal> {
        let since = self.0.guard.rights_version();
        let find = move |tx: &mut dyn Tx| -> Result<Option<(PersonRef, BalRef)>, Fail> {
            let (Some(who), Some(row)) = (rows::person_by_id(tx, person)?, rows::bal_by_id(tx, bal)?) else {
                return Ok(None);
            };
            let Some(seated) = access::seat(tx, bal, person)? else { return Ok(None) };
            let role = seated.role.parse().map_err(|()| StoreError::Invalid("role of an access".into()))?;
            let holder = holder_of(tx, &seated, bal)?;
            let rights = BalRights::from_bits(seated.rights);
            let chair = Chair { role, rights, scope: BalRights::ALL, holder, until: seated.ends, since };
            Ok(Some((PersonRef::of(who), BalRef { chair: Some(chair), ..bal_ref(&row)? })))
        };
        let found = self.0.store.read(find).await?;
        let origin = Origin { door: Door::Web, remote: None, session: session.to_owned(), tls: None, once: None };
        Ok(found.map(|(who, bal)| Actor {
            who: Who::Person(who),
            bal: Some(bal),
            credential: None,
            proof: Default::default(),
            origin,
        }))
    }
}

/// Login of the holder, for a delegate.
fn holder_of(tx: &mut dyn Tx, seated: &access::Seated, bal: Id) -> Result<Option<String>, StoreError> {
    match seated.role == AccessRole::Delegate.as_str() {
        true => Ok(access::holder(tx, bal)?.map(|h| h.login)),
        false => Ok(None),
    }
}
