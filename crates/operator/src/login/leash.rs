//! What pulls a session back when rights are taken away while it waits for its client: a session that says nothing for half an hour must not
//! keep a door open.
//!
//! Promises: whatever was taken away since the login, on any node, is told, at once or (while the other nodes are not heard) within a second
//! or two; so is the planned end of the access or of the token. A session that is not concerned sleeps on. Whoever is told asks
//! [`Operator::still_allowed`].
use crate::boxed;
use crate::{Actor, Operator, Who};
use sceau_store::Id;
use std::time::Duration;
use tokio::sync::watch;

/// Longest sleep towards a planned end: the clock may be set meanwhile.
const NAP: Duration = Duration::from_secs(600);

/// See the module.
#[derive(Debug)]
pub struct Leash {
    operator: Operator,
    /// Person, token, BAL, and the other BAL where the person reads (0: none).
    ids: [Id; 4],
    until: Option<i64>,
    seen: u64,
    taken: watch::Receiver<u64>,
}

impl Leash {
    /// The same, for a session that reads at another BAL of its person too.
    #[must_use]
    pub fn beside(self, reader: &Actor) -> Self {
        let [person, token, bal, _] = self.ids;
        let (other, chair) = (reader.bal.as_ref(), reader.bal.as_ref().and_then(|b| b.chair.as_ref()));
        Self {
            ids: [person, token, bal, other.map_or(0, |b| b.id)],
            until: [self.until, chair.and_then(|c| c.until)].into_iter().flatten().min(),
            // What was taken since either was judged.
            seen: chair.map_or(self.seen, |c| c.since.min(self.seen)),
            ..self
        }
    }

    /// Waits until the session should ask whether it is still allowed. Cancel-safe.
    #[boxed]
    pub async fn pulled(&mut self) {
        loop {
            let now = *self.taken.borrow_and_update();
            let since = std::mem::replace(&mut self.seen, now);
            if self.operator.0.guard.concerns(since, &self.ids) {
                return;
            }
            let left = self.until.map(|until| until.saturating_sub(self.operator.now().0));
            let nap = match left {
                Some(..=0) => {
                    self.until = None;
                    return;
                }
                Some(ms) => Some(NAP.min(Duration::from_millis(ms.unsigned_abs()))),
                None => None,
            };
            let end = async {
                match nap {
                    Some(nap) => tokio::time::sleep(nap).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = self.taken.changed() => if changed.is_err() {
                    // The operator lives as long as this does.
                    return std::future::pending().await;
                },
                () = end => {}
            }
        }
    }
}

impl Operator {
    /// Ties a session that a login opened.
    pub fn leash(&self, actor: &Actor) -> Leash {
        let person = match &actor.who {
            Who::Person(p) => p.id,
            Who::Connector(_) | Who::System => 0,
        };
        let bal = actor.bal.as_ref();
        let chair = bal.and_then(|b| b.chair.as_ref());
        Leash {
            operator: self.clone(),
            ids: [person, actor.credential.unwrap_or(0), bal.map_or(0, |b| b.id), 0],
            until: chair.and_then(|c| c.until),
            seen: chair.map_or(0, |c| c.since),
            taken: self.0.guard.rights_taken(),
        }
    }
}
