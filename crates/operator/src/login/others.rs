//! The other BALs of the person behind a session: shared ones, and those that somebody delegated.
//!
//! Promises: only a session that sits at the BAL that its person holds, by a token that is for no one BAL, reaches beyond it; a session that named a
//! shared BAL at its login stays in that one. What is entered is judged in the transaction that traces it, as an opening by the natural person. A BAL
//! to which the person has no access answers exactly as one that does not exist. From then on [`Operator::still_allowed`] judges the person at each
//! BAL apart.
use super::{TokenRule, bal_ref, chair};
use crate::access::holds;
use crate::boxed;
use crate::record::{By, Fact};
use crate::refuse::Fail;
use crate::{Actor, BalRef, Door, Operator, Who, terms};
use sceau_domain::{AccessRole, BalRights, Refusal, RefusalCode};
use sceau_store::{Id, StoreError, Tx, access, accounts as rows};
use serde_json::json;

/// Most other BALs of one person that a session is shown.
pub const MOST_BALS: u16 = 1000;

/// Whose other BALs, by which token, from which BAL.
#[derive(Debug, Clone, Copy)]
struct Beside {
    person: Id,
    token: Id,
    bal: Id,
    rule: TokenRule,
}

impl Beside {
    /// None when the session reaches nothing but its own BAL.
    fn of(actor: &Actor, rule: TokenRule) -> Option<Self> {
        let (Who::Person(person), Some(token), Some(bal)) = (&actor.who, actor.credential, &actor.bal) else {
            return None;
        };
        let holds = bal.chair.as_ref().is_some_and(|c| c.role == AccessRole::Holder);
        (holds && actor.origin.door == Door::Imap).then_some(Self { person: person.id, token, bal: bal.id, rule })
    }

    /// The session's token, while it is believed and is for no one BAL.
    fn token(self, tx: &mut dyn Tx, now: i64) -> Result<Option<rows::Token>, StoreError> {
        let whole = |t: &rows::Token| t.bal_id.is_none() && t.person_id == self.person;
        let found = rows::token_by_id(tx, self.token)?.filter(whole);
        self.rule.live(tx, found, now)
    }

    /// Every other BAL that may be read, or the one with this key.
    fn seats(self, tx: &mut dyn Tx, key: Option<&str>, now: i64) -> Result<Vec<(rows::Bal, access::Seated)>, Fail> {
        if self.token(tx, now)?.is_none() {
            return Ok(Vec::new());
        }
        let mut found = access::seats(tx, self.person, key, i64::from(MOST_BALS))?;
        found.retain(|(bal, seated)| bal.id != self.bal && holds(seated, BalRights::READ).is_ok());
        Ok(found)
    }
}

/// What a person has at a BAL, as sessions know it.
fn reference(
    tx: &mut dyn Tx,
    (bal, seated): &(rows::Bal, access::Seated),
    token: &rows::Token,
    since: u64,
) -> Result<BalRef, StoreError> {
    let holder = match seated.role == AccessRole::Delegate.as_str() {
        true => access::holder(tx, bal.id)?.map(|h| h.login),
        false => None,
    };
    Ok(BalRef { chair: Some(chair(seated, holder, token, since)?), ..bal_ref(bal)? })
}

impl Operator {
    /// The other BALs that the person of a session may read, by address. Entering one is another act ([`Operator::enter_bals`]).
    #[boxed]
    pub async fn other_bals(&self, actor: &Actor) -> Result<Vec<BalRef>, Refusal> {
        self.look_beside(actor, None).await
    }

    /// One of them by its address. `folder.unknown`, whether it does not exist or the person has no access to it.
    #[boxed]
    pub async fn other_bal(&self, actor: &Actor, address: &str) -> Result<BalRef, Refusal> {
        let key = self.key_of(address).map_err(|_| RefusalCode::FolderUnknown)?;
        let found = self.look_beside(actor, Some(key)).await?;
        found.into_iter().next().ok_or_else(|| RefusalCode::FolderUnknown.into())
    }

    async fn look_beside(&self, actor: &Actor, key: Option<String>) -> Result<Vec<BalRef>, Refusal> {
        let Some(from) = Beside::of(actor, self.token_rule()) else { return Ok(Vec::new()) };
        let (now, since) = (self.now().0, self.0.guard.rights_version());
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            let seats = from.seats(tx, key.as_deref(), now)?;
            if !seats.is_empty() {
                terms::require(tx, from.person, from.bal, now)?;
            }
            let Some(token) = from.token(tx, now)? else { return Ok(Vec::new()) };
            let found = seats.iter().map(|seat| reference(tx, seat, &token, since));
            Ok(found.collect::<Result<Vec<_>, StoreError>>()?)
        });
        Ok(read.await?)
    }

    /// Sits the person of a session down at other BALs of his, as [`Operator::other_bals`] found them. Each is traced as an opening by the natural
    /// person. A BAL to which the access is not what it was a moment ago is left out.
    #[boxed]
    pub async fn enter_bals(&self, actor: &Actor, bals: Vec<BalRef>) -> Result<Vec<Actor>, Refusal> {
        let Some(from) = Beside::of(actor, self.token_rule()) else { return Ok(Vec::new()) };
        if bals.is_empty() {
            return Ok(Vec::new());
        }
        let mut entering: Vec<(Actor, Fact)> = bals
            .into_iter()
            .map(|bal| {
                let role = bal.chair.as_ref().map(|c| c.role.as_str());
                let data = json!({ "door": actor.origin.door.as_str(), "token": from.token, "role": role, "tls": actor.origin.tls,
                    "beside": from.bal });
                let shown = self.bal_key(&bal.address);
                let id = bal.id;
                let seated = Actor { bal: Some(bal), ..actor.clone() };
                let fact = self.fact("login.ok", &By::actor(&seated), Some((id, &shown)), "ok", data);
                (seated, fact)
            })
            .collect();
        let now = self.now().0;
        let wanted: Vec<(BalRef, Fact)> =
            entering.iter().filter_map(|(a, fact)| Some((a.bal.clone()?, fact.clone()))).collect();
        let entered = self.0.store.write::<_, Fail, _>(move |tx| {
            let key = match wanted.as_slice() {
                [(one, _)] => rows::bal_by_id(tx, one.id)?.map(|b| b.address_key),
                _ => None,
            };
            let seats = from.seats(tx, key.as_deref(), now)?;
            terms::require(tx, from.person, from.bal, now)?;
            let mut entered = Vec::new();
            for (bal, fact) in &wanted {
                let same = |seated: &access::Seated| {
                    bal.chair.as_ref().is_some_and(|c| {
                        c.role.as_str() == seated.role && c.rights == BalRights::from_bits(seated.rights).and(c.scope)
                    })
                };
                if seats.iter().any(|(row, seated)| row.id == bal.id && same(seated)) {
                    fact.write(tx)?;
                    entered.push(bal.id);
                }
            }
            Ok(entered)
        });
        let entered = entered.await?;
        entering.retain(|(a, _)| a.bal.as_ref().is_some_and(|b| entered.contains(&b.id)));
        Ok(entering.into_iter().map(|(a, _)| a).collect())
    }
}
