//! A browser's session sits down at a BAL: any that its person has access to, for one request. From then on [`Operator::still_allowed`] and each act's own
//! seat judge as at every door.
use crate::access::holds;
use crate::login::{bal_ref, chair};
use crate::refuse::Fail;
use crate::{Actor, BalRef, Operator, Who, terms};
use sceau_domain::{AccessRole, BalRights, Refusal, RefusalCode};
use sceau_store::{Id, Tx, access, accounts as rows};

impl Operator {
    /// The person of a session, at a BAL.
    ///
    /// # Errors
    /// `login.required`: the session ended. `admin.not_found`: there is no such BAL, or the person has no access to it, which is told alike.
    /// `right.missing`: the access does not let read. `terms.required`.
    pub async fn sit(&self, actor: &Actor, bal: Id) -> Result<Actor, Refusal> {
        let (Who::Person(person), Some(token)) = (&actor.who, actor.credential) else {
            return Err(RefusalCode::LoginRequired.into());
        };
        let (person, rule) = (person.id, self.token_rule());
        let (now, since) = (self.now(), self.0.guard.rights_version());
        let find = move |tx: &mut dyn Tx| -> Result<BalRef, Fail> {
            let token = rows::token_by_id(tx, token)?;
            let token = rule.live(tx, token, now.0)?.ok_or(RefusalCode::LoginRequired)?;
            let seated = access::seat(tx, bal, person)?.ok_or(RefusalCode::NotFound)?;
            holds(&seated, BalRights::READ)?;
            terms::require(tx, person, bal, now.0)?;
            let row = rows::bal_by_id(tx, bal)?.ok_or(RefusalCode::NotFound)?;
            let holder = match seated.role == AccessRole::Delegate.as_str() {
                true => access::holder(tx, bal)?.map(|h| h.login),
                false => None,
            };
            Ok(BalRef { chair: Some(chair(&seated, holder, &token, since)?), ..bal_ref(&row)? })
        };
        let found = self.0.store.read(find).await?;
        self.0.guard.allowed(token, found.id, now, since);
        Ok(Actor { bal: Some(found), ..actor.clone() })
    }
}
