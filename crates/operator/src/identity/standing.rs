//! Standing rows: somebody who proves elsewhere who he is, by a card or by a provider, has a row of `tokens` at the mail doors, as whoever has a token. It
//! is made at the first use and holds nothing of what was shown; its person revokes it, and then it stays shut.
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::{Actor, Operator, Origin, PersonRef};
use sceau_domain::{Refusal, RefusalCode};
use sceau_identity::factor::{Factor, Need};
use sceau_store::{Id, StoreError, Tx, accounts as rows};
use serde_json::json;

/// `tokens.purpose` of such rows.
pub(super) const PURPOSES: [&str; 2] = ["psc", "card"];
/// Longest name of a row.
const MAX_LABEL: usize = 100;

impl Operator {
    /// The row of this purpose and digest, made when there is none; the one that another node made at the same moment does as well. It may have been
    /// revoked. `label`: by what means, as its person reads it.
    ///
    /// # Errors
    /// `token.not_yours`: it is somebody else's.
    pub(crate) async fn stand(
        &self,
        person: &PersonRef,
        (purpose, label): (&'static str, &str),
        proved: Factor,
        digest: [u8; 32],
        origin: &Origin,
    ) -> Result<rows::Token, Fail> {
        let (id, now) = (self.0.store.new_id(), self.clock().now().0);
        let label: String = label.chars().filter(|c| !c.is_control()).take(MAX_LABEL).collect();
        let by = By { name: person.login.clone(), person: Some(person.id), origin: Some(origin.clone()), seat: None };
        let facts = json!({ "token": id, "login": person.login, "purpose": purpose, "client": label });
        let fact = self.fact("token.created", &by, None, "ok", facts);
        let person = person.id;
        let write = move |tx: &mut dyn Tx| -> Result<rows::Token, Fail> {
            match rows::token_by_digest(tx, &digest)? {
                // Bound anew, to the same person or another one: the name elsewhere is whose it now is.
                Some(there) if there.person_id == person => Ok(there),
                Some(_) => Err(RefusalCode::TokenNotYours.into()),
                None => {
                    let row = rows::Token::new(id, person, (purpose, &label), &digest, now);
                    let row = rows::Token { strength: proved.as_str().to_owned(), ..row };
                    rows::insert_token(tx, &row)?;
                    fact.write(tx)?;
                    Ok(row)
                }
            }
        };
        match self.0.store.write(write.clone()).await {
            Err(Fail::Store(StoreError::Exists(_))) => self.0.store.write(write).await,
            done => done,
        }
    }

    /// Lets in again what the actor shut out.
    ///
    /// # Errors
    /// `auth.fresh`, `auth.strength`; `admin.not_found`: it is no such row of the actor's own.
    #[boxed]
    pub async fn admit_again(&self, actor: &Actor, id: Id) -> Result<(), Refusal> {
        self.needs(actor, Need::Fresh)?;
        let person = actor.person();
        let fact = self.fact("token.admitted", &By::actor(actor), None, "ok", json!({ "token": id.to_string() }));
        let admit = move |tx: &mut dyn Tx| {
            let own = |t: &rows::Token| t.person_id == person && PURPOSES.contains(&t.purpose.as_str());
            let known = rows::token_by_id(tx, id)?.is_some_and(|t| own(&t));
            if !known || !rows::admit_token(tx, id)? {
                return Err(Refusal::new(RefusalCode::NotFound).with("name", id).into());
            }
            Ok::<_, Fail>(fact.write(tx)?)
        };
        self.0.store.write(admit).await?;
        // What was remembered of it is judged again.
        self.rights_changed_of(id);
        Ok(())
    }
}
