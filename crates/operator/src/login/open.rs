//! How many sessions of mail programs one person has open at this node (`[limits] sessions_per_person`): a program that opens connections and forgets
//! them must not take the room of everybody else.
//!
//! Promises: a session is counted once, whatever BALs it enters; it is not counted any more however it ended; nothing is kept of who has none.
use crate::boxed;
use crate::record::By;
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::Id;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Open sessions by person.
type Map = Mutex<HashMap<Id, u32>>;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Arc<Map>);

/// One that is counted, until this is dropped.
#[derive(Debug)]
pub struct OpenSession {
    person: Id,
    map: Arc<Map>,
}

fn lock(map: &Map) -> MutexGuard<'_, HashMap<Id, u32>> {
    // Nothing in the map is ever half-written.
    map.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sessions {
    /// Counts one more of this person; none when there are `most` (0: any number).
    fn open(&self, person: Id, most: u32) -> Option<OpenSession> {
        let mut map = lock(&self.0);
        let open = map.get(&person).copied().unwrap_or_default();
        if most > 0 && open >= most {
            return None;
        }
        map.insert(person, open.saturating_add(1));
        Some(OpenSession { person, map: self.0.clone() })
    }
}

impl Drop for OpenSession {
    fn drop(&mut self) {
        if let Entry::Occupied(mut open) = lock(&self.map).entry(self.person) {
            match *open.get() {
                0 | 1 => {
                    open.remove();
                }
                n => *open.get_mut() = n - 1,
            }
        }
    }
}

impl Operator {
    /// Counts a session that a login has just opened, for as long as the answer is held.
    ///
    /// # Errors
    /// `session.too_many`, traced: the person has as many open here as one may. The caller ends what the login began ([`Operator::logout`]).
    #[boxed]
    pub async fn open_session(&self, actor: &Actor) -> Result<OpenSession, Refusal> {
        let most = self.config().limits.sessions_per_person;
        match self.0.sessions.open(actor.person(), most) {
            Some(open) => Ok(open),
            None => {
                let refusal = Refusal::new(RefusalCode::SessionTooMany).with("limit", most);
                Err(self.refused(By::actor(actor), None, None, refusal).await)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_of_who_has_no_session() {
        let sessions = Sessions::default();
        let (first, second) = (sessions.open(7, 2), sessions.open(7, 2));
        assert!(first.is_some() && second.is_some() && sessions.open(7, 2).is_none());
        assert!(sessions.open(8, 2).is_some(), "another person, and gone at once");
        drop(first);
        let third = sessions.open(7, 2);
        assert!(third.is_some() && sessions.open(7, 0).is_some(), "0 is any number");
        drop((second, third));
        assert!(lock(&sessions.0).is_empty());
    }
}
