//! A browser without pages: its cookies, and proofs as the doors would have found them.
use crate::world::origin;
use sceau_identity::factor::Factor;
use sceau_operator::identity::attempts::Browser as Shown;
use sceau_operator::identity::sessions::{Entered, SignedIn};
use sceau_operator::{Actor, Door, Operator, Origin};
use sceau_store::{Id, StoreError, accounts};

/// A browser.
#[derive(Debug, Clone)]
pub struct Browser {
    /// The cookie of what it has under way.
    pub attempt: String,
    /// The cookie by which it is known.
    pub known: Option<String>,
    /// Where it is.
    pub origin: Origin,
}

impl Browser {
    /// A new one.
    pub fn new(op: &Operator) -> Self {
        Self { attempt: op.new_cookie().unwrap().to_string(), known: None, origin: origin(Door::Web) }
    }
    /// As the operator sees it.
    pub fn shown(&self) -> Shown<'_> {
        let agent = "Mozilla/5.0 (X11; Linux) Firefox/150.0";
        Shown { attempt: &self.attempt, known: self.known.as_deref(), agent, remote: self.origin.remote }
    }
    /// Somebody proves to be there by these means, one after the other; with a session to make it stronger. The last one must be enough.
    pub async fn proves(&self, op: &Operator, person: Id, factors: &[Factor], session: Option<&Actor>) -> SignedIn {
        op.begin_attempt(&self.shown(), "/bal", session).await.unwrap();
        for factor in factors {
            let attempt = op.attempt(&self.attempt).await.unwrap();
            if let Entered::In(signed) = op.enter_session(attempt, person, *factor, None, &self.origin).await.unwrap() {
                return signed;
            }
        }
        panic!("{factors:?} are not enough");
    }
}

/// A session of somebody who just proved this: its cookie, and who acts in it.
pub async fn signed_in(op: &Operator, store: &sceau_store::Store, login: &str, factors: &[Factor]) -> (String, Actor) {
    let name = login.to_owned();
    let found = store.read(move |tx| accounts::person_by_login(tx, &name)).await;
    let person = found.unwrap_or_else(|e: StoreError| panic!("{e}")).expect("person");
    let browser = Browser::new(op);
    let cookie = browser.proves(op, person.id, factors, None).await.cookie.to_string();
    let actor = op.session_of(&cookie, &browser.origin).await.unwrap();
    (cookie, actor)
}
