//! Nodes: hearing the others, taking over from the dead, and what administrators ask about them.
//!
//! Promises: what another node committed wakes the sessions and workers of this one within a fraction of a second; when the word between nodes
//! is interrupted, whoever waits looks by himself every few seconds, and once when it is back; what a dead process held (destinations, jobs,
//! roles) is free some seconds after its death, whatever its leases said. With SQLite there is one node, and only its own past to take over.
use crate::boxed;
use crate::record::By;
use crate::refuse::{self, Fail};
use crate::rights::{On, permit};
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase, plain};
use sceau_store::nodes::{self as rows, Alive};
use sceau_store::{Event, Id, StoreError, events, id};
use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// How often the living are counted.
const LOOK: Duration = Duration::from_secs(2);
/// How often watched BALs are looked at while the other nodes are not heard.
const POLL: Duration = Duration::from_secs(2);
/// How often rights are judged again while the other nodes are not heard.
const DOUBT: Duration = Duration::from_secs(1);
/// While they are heard, one poll in so many is made all the same: a word may be lost.
const SLOWLY: u32 = 15;
/// When a list of destructions could not be written, it is tried again after this long.
const AGAIN: Duration = Duration::from_secs(30);
/// BALs named one by one; beyond, the whole keyring is looked at.
const MANY: usize = 1_000;
/// Longest name of a node, characters.
const NAME: usize = 255;

/// A node, as listed.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct NodeView {
    /// Number, 0…1007.
    pub number: u16,
    /// Name.
    pub name: String,
    /// Its process lives.
    pub alive: bool,
    /// It is the one that answers.
    pub here: bool,
    /// When it last said that it lives.
    #[schema(value_type = Option<i64>)]
    pub seen: Option<Timestamp>,
    /// When its last process started.
    #[schema(value_type = Option<i64>)]
    pub started: Option<Timestamp>,
    /// Version of its program.
    pub version: Option<String>,
    /// When it was first known.
    #[schema(value_type = i64)]
    pub created: Timestamp,
}

impl Operator {
    /// Every node of the database, by number.
    #[boxed]
    pub async fn nodes(&self, actor: &Actor) -> Result<Vec<NodeView>, Refusal> {
        self.require(actor, UseCase::NodeList, On::Operator).await?;
        let nodes = self.0.store.nodes().await.map_err(|e| refuse::store(&e))?;
        let here = self.0.store.node();
        let view = |n: rows::Node| NodeView {
            number: n.number,
            here: n.number == here,
            alive: n.alive,
            seen: n.seen.map(Timestamp),
            started: n.started.map(Timestamp),
            version: n.version,
            created: Timestamp(n.added),
            name: n.name,
        };
        Ok(nodes.into_iter().map(view).collect())
    }

    /// Prepares a number for a node that is to come, or gives the number of a dead one to another. `admin.exists` when a node of another
    /// name lives there, `admin.invalid`.
    #[boxed]
    pub async fn add_node(&self, actor: &Actor, number: u16, name: &str) -> Result<NodeView, Refusal> {
        self.require(actor, UseCase::NodeAdd, On::Operator).await?;
        let name = plain::said(name, "name", NAME)?;
        if number >= id::FIRST_VISITOR {
            return Err(Refusal::new(RefusalCode::Invalid).with("name", "number"));
        }
        let alive = self.0.store.alive().await.map_err(|e| refuse::store(&e))?;
        let facts = json!({ "number": number, "name": name });
        let (fact, now) = (self.fact("node.added", &By::actor(actor), None, "ok", facts), self.now());
        let asker = actor.clone();
        self.0
            .store
            .write(move |tx| {
                permit(tx, &asker, UseCase::NodeAdd, On::Operator)?;
                if !rows::prepare(tx, number, &name, &alive, now.0)? {
                    return Err(Fail::from(Refusal::new(RefusalCode::Exists).with("name", number)));
                }
                Ok(fact.write(tx)?)
            })
            .await?;
        let found = self.nodes(actor).await?.into_iter().find(|n| n.number == number);
        found.ok_or_else(|| RefusalCode::NotFound.into())
    }

    /// Waits until a newer program took away what this one needs: the process must stop. Never returns while it may go on.
    #[boxed]
    pub async fn outdated(&self) -> StoreError {
        let mut tick = every(DOUBT);
        loop {
            tick.tick().await;
            if let Some(e) = self.0.store.outdated() {
                return e;
            }
        }
    }

    /// Hears the other nodes and looks after the dead until `stop`. Loops of their own, so that a slow database delays no word.
    #[boxed]
    pub async fn run_node(&self, stop: CancellationToken) {
        let (mut heard, destroyed) = (self.0.store.events(), Destroyed::default());
        let hearing = async {
            loop {
                let event = heard.next().await;
                self.hear(event);
                destroyed.add(event);
            }
        };
        let looking = async {
            let (mut look, mut seen) = (every(LOOK), Seen::default());
            loop {
                look.tick().await;
                self.look_after_the_dead(&mut seen).await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = hearing => {}
            () = looking => {}
            () = self.poll_others() => {}
            () = self.doubt_rights() => {}
            () = self.follow_white_lists() => {}
            () = self.follow_device_authorities() => {}
            () = self.list_destructions(&destroyed) => {}
        }
    }

    /// While the other nodes are not heard, what they take away is looked for every second by whoever could be concerned.
    async fn doubt_rights(&self) {
        if !self.0.store.is_shared() {
            return std::future::pending().await;
        }
        let mut tick = every(DOUBT);
        loop {
            tick.tick().await;
            if !self.0.store.hears_others() {
                self.0.guard.forget_rights(None);
            }
        }
    }

    /// What the other nodes may have done without being heard. Nothing to do when there are none.
    async fn poll_others(&self) {
        if !self.0.store.is_shared() {
            return std::future::pending().await;
        }
        let (mut poll, mut known, mut polls) = (every(POLL), HashMap::new(), 0_u32);
        loop {
            poll.tick().await;
            polls = polls.wrapping_add(1);
            let deaf = !self.0.store.hears_others();
            if deaf {
                self.0.queue_wake.notify_waiters();
                self.0.jobs_wake.notify_waiters();
                self.hear_of_device_authorities();
            }
            if deaf || polls.is_multiple_of(SLOWLY) {
                self.poll(&mut known).await;
            }
        }
    }

    /// Lists what other nodes destroyed, as they say it: should they and the keyring be lost, this node still knows.
    async fn list_destructions(&self, destroyed: &Destroyed) {
        loop {
            destroyed.wake.notified().await;
            let of = destroyed.take();
            match self.0.store.vault().learn_destructions(of).await {
                Ok(0) => {}
                Ok(keys) => tracing::info!(keys, "keys destroyed by another node are listed here"),
                Err(e) => {
                    tracing::warn!(error = %e, "keys destroyed by another node are not listed here yet");
                    tokio::time::sleep(AGAIN).await;
                    destroyed.add(Event::Everything);
                }
            }
        }
    }

    pub(crate) fn hear(&self, event: Event) {
        let inner = &self.0;
        match event {
            Event::Bal(bal) => inner.watch.heard(bal),
            Event::Queue => inner.queue_wake.notify_waiters(),
            Event::Jobs => inner.jobs_wake.notify_waiters(),
            Event::Policies => inner.policies.forget(),
            Event::WhiteList => self.hear_of_white_list(),
            Event::Revocation => inner.revocation.hear(),
            Event::Devices => self.hear_of_device_authorities(),
            Event::Rights(of) => inner.guard.forget_rights(of),
            Event::KeyDestroyed(bal) => {
                inner.store.vault().forget_bal_key(bal);
                inner.search.close(bal);
                inner.watch.heard(bal);
            }
            Event::Everything => {
                inner.guard.forget_rights(None);
                inner.store.vault().forget_keys();
                inner.search.forget_all();
                inner.policies.forget();
                self.hear_of_white_list();
                inner.revocation.hear();
                self.hear_of_device_authorities();
                inner.watch.heard_anything();
                inner.queue_wake.notify_waiters();
                inner.jobs_wake.notify_waiters();
            }
        }
    }

    /// Wakes the watchers of BALs that are further than they were at the last look. One that is watched anew is told once: it may have
    /// changed before.
    async fn poll(&self, known: &mut HashMap<Id, i64>) {
        let watched = self.0.watch.watched();
        if watched.is_empty() {
            return known.clear();
        }
        match self.0.store.read(move |tx| events::modseqs(tx, &watched)).await {
            Ok(now) => {
                for (bal, modseq) in &now {
                    if known.get(bal) != Some(modseq) {
                        self.0.watch.heard(*bal);
                    }
                }
                *known = now.into_iter().collect();
            }
            Err(e) => drop(refuse::store(&e)),
        }
    }

    /// When somebody died (or this process is new): frees what the dead hold and wakes the workers. Whoever is away at one look only is not
    /// dead: after a restart of the database each node needs a moment to be back.
    async fn look_after_the_dead(&self, seen: &mut Seen) {
        let nodes = match self.0.store.nodes().await {
            Ok(nodes) => nodes,
            Err(e) => return drop(refuse::store(&e)),
        };
        let here = self.0.store.node();
        if !nodes.iter().any(|n| n.number == here && n.alive) {
            // This node itself is not back yet.
            return;
        }
        let away: Vec<u16> = nodes.iter().filter(|n| !n.alive).map(|n| n.number).collect();
        let spared = |n: &rows::Node| n.alive || !seen.away.contains(&n.number);
        let living: Alive = nodes.into_iter().filter(spared).filter_map(rows::Node::process).collect();
        if seen.living.as_ref() != Some(&living) {
            let (given, now) = (living.clone(), self.now().0);
            match self.0.store.write(move |tx| rows::free_leases(tx, &given, now)).await {
                Ok(0) => {}
                Ok(freed) => {
                    tracing::info!(freed, "leases of dead processes are free");
                    self.0.queue_wake.notify_waiters();
                    self.0.jobs_wake.notify_waiters();
                }
                Err(e @ StoreError::Transient(_)) => return drop(refuse::store(&e)),
                Err(e) => drop(refuse::store(&e)),
            }
        }
        *seen = Seen { away, living: Some(living) };
    }
}

/// Destructions heard of and not listed yet.
#[derive(Debug, Default)]
struct Destroyed {
    /// These BALs; none: any.
    waiting: Mutex<(bool, BTreeSet<Id>)>,
    wake: Notify,
}

impl Destroyed {
    fn add(&self, event: Event) {
        {
            // A set and a mark: never half-written.
            let (all, bals) = &mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            match event {
                Event::KeyDestroyed(bal) => drop(bals.insert(bal)),
                Event::Everything => *all = true,
                Event::Bal(_)
                | Event::Queue
                | Event::Jobs
                | Event::Policies
                | Event::WhiteList
                | Event::Revocation
                | Event::Devices
                | Event::Rights(_) => return,
            }
            *all |= bals.len() > MANY;
            if *all {
                bals.clear();
            }
        }
        self.wake.notify_one();
    }
    /// What waits; none: look at everything.
    fn take(&self) -> Option<Vec<Id>> {
        let (all, bals) = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        (!all).then(|| bals.into_iter().collect())
    }
}

/// A timer that does not hurry after a delay.
fn every(period: Duration) -> tokio::time::Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// What the last look at the nodes found.
#[derive(Debug, Default)]
struct Seen {
    /// Nodes whose process did not live.
    away: Vec<u16>,
    /// Processes whose leases were left alone; none before the first look.
    living: Option<Alive>,
}
