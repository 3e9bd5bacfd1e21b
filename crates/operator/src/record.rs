//! Traces as use cases write them: prepared before the transaction, written in it (design §2.2).
use crate::{Actor, Operator, Who};
use sceau_store::traces::{self, Kind, Trace};
use sceau_store::{Id, StoreError, Tx};

/// Most ids listed in one trace; the count beside them is always whole.
pub(crate) const IDS: usize = 500;

/// A trace about to be written: who, from where, on which BAL.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    id: Id,
    at: i64,
    act: &'static str,
    person: Option<Id>,
    actor: String,
    bal: Id,
    remote: Option<String>,
    session: String,
}

impl Operator {
    /// Prepares the functional trace of an act on a BAL.
    pub(crate) fn record(&self, actor: &Actor, bal: Id, act: &'static str) -> Record {
        let (person, login) = match &actor.who {
            Who::Person(p) | Who::Administrator(p) => (Some(p.id), p.login.clone()),
            Who::System => (None, "system".to_owned()),
        };
        Record {
            id: self.0.store.new_id(),
            at: self.clock().now().0,
            act,
            person,
            actor: login,
            bal,
            remote: actor.origin.remote.map(|ip| ip.to_string()),
            session: actor.origin.session.clone(),
        }
    }
}

impl Record {
    /// When the act happened, milliseconds.
    pub fn at(&self) -> i64 {
        self.at
    }
    /// Writes the trace of an act that was done. `bal` is the BAL's address as [`crate::access::Seat::check`] gave it;
    /// `data` holds counts and ids, never names or content.
    pub fn write(&self, tx: &mut dyn Tx, bal: &str, data: &serde_json::Value) -> Result<(), StoreError> {
        traces::record(
            tx,
            &Trace {
                id: self.id,
                kind: Kind::Functional,
                act: self.act.to_owned(),
                at: self.at,
                person_id: self.person,
                actor: self.actor.clone(),
                bal_id: Some(self.bal),
                bal: Some(bal.to_owned()),
                remote: self.remote.clone(),
                session: Some(self.session.clone()),
                outcome: "ok".to_owned(),
                data: data.to_string(),
            },
        )
    }
    /// Same session, act, person and BAL.
    pub fn same(&self, o: &Self) -> bool {
        (&self.session, self.act, self.person, self.bal) == (&o.session, o.act, o.person, o.bal)
    }
}

/// Ids for a trace's data, at most [`IDS`].
pub(crate) fn ids(ids: impl IntoIterator<Item = Id>) -> Vec<Id> {
    ids.into_iter().take(IDS).collect()
}
