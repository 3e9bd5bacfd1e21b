//! Logging in to REST: a token made for it, and nothing else.
use super::{FAILURE_DELAY, MAX_INPUT, TOUCH_EVERY};
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::{Actor, Operator, Origin, PersonRef, Who};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::{Tx, accounts as rows};

/// What failed attempts without a login count for.
const NOBODY: &str = "bearer";

impl Operator {
    /// The person behind an API token. Failures are slow, counted and traced as those of mail programs are; successes are not traced, the acts are.
    ///
    /// The token is judged first: it has 256 bits and is not guessed, so whoever fails often at an address holds back himself there, and nobody who
    /// shares the address and has a right token.
    ///
    /// # Errors
    /// `login.failed`, `login.too_many`.
    #[boxed]
    pub async fn login_api(&self, token: &str, origin: &Origin) -> Result<Actor, Refusal> {
        let now = self.clock().now();
        match self.check_api_token(token, origin).await {
            Ok(actor) => Ok(actor),
            Err(Fail::No(refusal)) => {
                let limit = self.config().login_failures_per_minute;
                if self.0.guard.too_many(origin.remote, NOBODY, now, limit) {
                    let refusal = Refusal::new(RefusalCode::LoginTooMany);
                    return Err(self.refused(By::stranger(origin), None, None, refusal).await);
                }
                self.0.guard.failed(origin.remote, NOBODY, now);
                tokio::time::sleep(FAILURE_DELAY).await;
                Err(self.refused(By::stranger(origin), None, None, refusal).await)
            }
            Err(Fail::Store(e)) => Err(crate::refuse::store(&e)),
        }
    }

    async fn check_api_token(&self, token: &str, origin: &Origin) -> Result<Actor, Fail> {
        if token.is_empty() || token.len() > MAX_INPUT {
            return Err(RefusalCode::LoginFailed.into());
        }
        let (digest, now, rule) = (self.token_digest(token), self.clock().now().0, self.token_rule());
        let find = move |tx: &mut dyn Tx| {
            let found = rows::token_by_digest(tx, &digest)?.filter(|t| t.purpose == "api");
            let Some(token) = rule.live(tx, found, now)? else { return Ok(None) };
            let person = rows::person_by_id(tx, token.person_id)?.filter(|p| p.disabled.is_none());
            Ok::<_, Fail>(person.map(|p| (token, p)))
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
