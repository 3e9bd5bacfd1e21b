//! Requests that carry a key are carried out once (see [`sceau_store::idempotency`]): the key travels in the actor's origin, and every trace of an
//! act that was done takes it in the act's transaction.
use crate::boxed;
use crate::{Actor, Operator, Who};
use sceau_domain::retention::Item;
use sceau_domain::{Refusal, RefusalCode, Timestamp};
use sceau_store::idempotency::{self, Once};

pub use sceau_store::idempotency::Answer;

/// Rows forgotten in one transaction.
const SLICE: i64 = 500;

/// What came before a request with a key.
#[derive(Debug)]
pub enum Before {
    /// Nothing: carry it out as this actor.
    First(Box<Actor>),
    /// It was carried out; this was answered.
    Answered(Answer),
}

impl Operator {
    /// Looks whether a request was carried out before. `idempotency.reused`, `idempotency.done`.
    #[boxed]
    pub async fn begin_once(&self, mut actor: Actor, key: &str, request: &[u8]) -> Result<Before, Refusal> {
        let Who::Person(person) = &actor.who else { return Ok(Before::First(Box::new(actor))) };
        let (person, key) = (person.id, key.to_owned());
        let looked_up = key.clone();
        let known = self.0.store.read(move |tx| idempotency::known(tx, person, &looked_up)).await;
        match known.map_err(|e| crate::refuse::store(&e))? {
            Some(known) if known.request != request => Err(RefusalCode::KeyReused.into()),
            Some(known) => match known.answer {
                Some(answer) => Ok(Before::Answered(answer)),
                None => Err(RefusalCode::KeyDone.into()),
            },
            None => {
                actor.origin.once = Some(Once { key, request: request.to_vec(), nonce: self.0.store.new_id() });
                Ok(Before::First(Box::new(actor)))
            }
        }
    }

    /// Keeps what was answered. A failure is logged: the act stands, and who asks again hears that it was done.
    #[boxed]
    pub async fn keep_answer(&self, actor: &Actor, answer: Answer) {
        let (Who::Person(person), Some(once)) = (&actor.who, &actor.origin.once) else { return };
        let (person, once) = (person.id, once.clone());
        let kept = self.0.store.write(move |tx| idempotency::answer(tx, person, &once, &answer)).await;
        if let Err(e) = kept {
            tracing::warn!(error = %e, "an answer could not be kept");
        }
    }

    /// Forgets keys after the time that the retention policies say. Part of housekeeping.
    pub(crate) async fn forget_keys(&self) -> Result<(), Refusal> {
        let span = self.0.store.read(|tx| crate::retention::longest(tx, Item::RequestKeys)).await;
        let span = span.map_err(|e| crate::refuse::store(&e))?;
        let Some(Timestamp(before)) = span.begun_by(self.now()) else { return Ok(()) };
        loop {
            let gone = self.0.store.write(move |tx| idempotency::forget(tx, before, SLICE)).await;
            if gone.map_err(|e| crate::refuse::store(&e))? < SLICE.unsigned_abs() {
                return Ok(());
            }
        }
    }
}
