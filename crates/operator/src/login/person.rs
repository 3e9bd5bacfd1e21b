//! Showing who one is for one's own matters, without a BAL: the page of the terms of use. A device token does, or one for REST.
use super::{FAILURE_DELAY, MAX_INPUT, TOUCH_EVERY, held_per};
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::{Actor, Operator, Origin, PersonRef, Who};
use sceau_domain::{Address, Refusal, RefusalCode};
use sceau_store::{Tx, accounts as rows};

impl Operator {
    /// The person behind a login and a token. The session has no BAL, and opens none. Failures are slow, counted and traced as those of mail programs
    /// are, in the same counts.
    ///
    /// # Errors
    /// `login.failed`, `login.too_many`.
    #[boxed]
    pub async fn login_person(&self, login: &str, token: &str, origin: &Origin) -> Result<Actor, Refusal> {
        let now = self.clock().now();
        if self.0.guard.too_many(origin.remote, login, now, self.config().login_failures_per_minute) {
            let refusal = Refusal::new(RefusalCode::LoginTooMany);
            return Err(self.refused(By::stranger(origin), None, None, refusal).await);
        }
        match self.check_person(login, token, origin).await {
            Ok(actor) => Ok(actor),
            Err(Fail::No(refusal)) => {
                self.0.guard.failed(origin.remote, login, now);
                tokio::time::sleep(FAILURE_DELAY).await;
                Err(self.refused(By::stranger(origin), None, None, refusal).await)
            }
            Err(Fail::Store(e)) => Err(crate::refuse::store(&e)),
        }
    }

    async fn check_person(&self, login: &str, token: &str, origin: &Origin) -> Result<Actor, Fail> {
        if login.is_empty() || login.len() > MAX_INPUT || token.is_empty() || token.len() > MAX_INPUT {
            return Err(RefusalCode::LoginFailed.into());
        }
        // What one types in a mail program is understood here too: `person*bal` is the person.
        let name = login.split_once('*').map_or(login, |(name, _)| name).trim().to_ascii_lowercase();
        let by_address = name.parse::<Address>().ok().map(|a| self.bal_key(&a));
        let (digest, now, rule) = (self.token_digest(token.trim()), self.clock().now().0, self.token_rule());
        let find = move |tx: &mut dyn Tx| {
            let shown = |t: &rows::Token| matches!(t.purpose.as_str(), "device" | "api");
            let found = rows::token_by_digest(tx, &digest)?.filter(shown);
            let Some(token) = rule.live(tx, found, now)? else { return Ok(None) };
            let person = rows::person_by_id(tx, token.person_id)?.filter(|p| p.disabled.is_none());
            let Some(person) = person else { return Ok(None) };
            let named = person.login == name
                || match &by_address {
                    Some(key) => held_per(tx, person.id)?.iter().any(|b| b.address_key == *key),
                    None => false,
                };
            Ok::<_, Fail>(named.then_some((token, person)))
        };
        let (token, person) = self.0.store.read(find).await?.ok_or(RefusalCode::LoginFailed)?;
        if token.last_used.is_none_or(|t| t + TOUCH_EVERY < now) {
            let place = origin.remote.map(|ip| self.place_of(ip));
            self.0.store.write(move |tx| rows::touch_token(tx, token.id, now, place.as_deref())).await?;
        }
        let who = Who::Person(PersonRef::of(person));
        let actor =
            Actor { who, bal: None, credential: Some(token.id), proof: Default::default(), origin: origin.clone() };
        self.note_login(&actor);
        Ok(actor)
    }
}
