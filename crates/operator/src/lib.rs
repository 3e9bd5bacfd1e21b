//! The use cases: accept, submit, deliver, read, log in, open a BAL… The one place where rules, storage, trust and traces meet.
//!
//! Doors translate a protocol into these calls and hold no rule. Every use case takes who asks ([`Actor`] or [`Peer`]) and
//! checks rights itself; every act and its trace commit in one transaction.
pub mod absence;
pub mod abuse;
mod access;
pub mod accounts;
pub mod actor;
pub mod alarms;
pub mod antivirus;
pub mod calendar;
pub mod care;
pub mod certificates;
pub mod config;
pub mod connectors;
pub mod desk;
pub mod disclosures;
pub mod eligibility;
pub mod grants;
pub mod holds;
pub mod identity;
mod ids;
pub mod imports;
pub mod intake;
mod jobs;
pub mod journal;
pub mod ledger;
pub mod life;
mod lines;
pub mod login;
pub mod mail;
pub mod mail_setup;
pub mod mailbox;
pub mod moves;
pub mod nodes;
pub mod notary;
pub mod notices;
pub mod once;
pub mod openings;
pub mod policies;
pub mod queue;
mod reading;
mod record;
pub mod reference;
pub mod refuse;
pub mod reports;
pub mod retention;
pub mod revocation;
pub mod rights;
pub mod roles;
pub mod search;
mod seats;
pub mod terms;
pub mod traces;
pub mod trusted;
pub mod usage;
pub mod watch;

pub use actor::{Actor, BalRef, Chair, ConnectorRef, Door, Origin, PersonRef, Who};
pub use config::OperatorConfig;
pub use intake::{Intake, Received};
pub use sceau_trust::Peer;

/// On each `pub async fn`: its future is a box that says nothing of what is in it. The compiler makes the body of a method's future where it is first awaited:
/// without boxes, every door and every test program compiled the operator once more.
pub(crate) use async_recursion::async_recursion as boxed;
use sceau_domain::clock::SharedClock;
use sceau_store::Store;
use sceau_trust::Trust;
use std::ops::Deref;
use std::sync::{Arc, Weak};

/// The running operator. Cheap to clone; every door holds one.
#[derive(Clone)]
pub struct Operator(pub(crate) Shared);

/// What an operator holds. That it may go to another thread is proved once, where it is made: a future that holds an operator would ask it of each of a hundred
/// parts, wherever that future is put in a box.
pub(crate) type Shared = Arc<dyn Deref<Target = Inner> + Send + Sync>;

impl std::fmt::Debug for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Operator").field(&**self.0).finish()
    }
}

/// An operator that does not keep itself: for what it holds and what must reach it.
#[derive(Clone)]
pub struct WeakOperator(Weak<dyn Deref<Target = Inner> + Send + Sync>);

impl std::fmt::Debug for WeakOperator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WeakOperator")
    }
}

impl WeakOperator {
    /// The operator, while it runs.
    pub fn upgrade(&self) -> Option<Operator> {
        self.0.upgrade().map(Operator)
    }
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) config: OperatorConfig,
    pub(crate) store: Store,
    pub(crate) trust: Trust,
    pub(crate) watch: watch::Hub,
    /// Wakes the outbound workers when something was queued or retried.
    pub(crate) queue_wake: tokio::sync::Notify,
    /// Wakes the workers of jobs.
    pub(crate) jobs_wake: tokio::sync::Notify,
    pub(crate) guard: login::Guard,
    /// Sessions of mail programs, by person.
    pub(crate) sessions: login::Sessions,
    /// Traces of reading that wait to be written.
    pub(crate) reading: reading::Buffer,
    /// How many refusals were traced in this minute.
    pub(crate) refusals: mail::refusals::Ledger,
    /// This process as the queue's leases name it.
    pub(crate) leases: queue::Leases,
    /// When every blob was last looked at, milliseconds; 0 before the first round of housekeeping.
    pub(crate) swept: std::sync::atomic::AtomicI64,
    /// Limits of BALs, as looked up a moment ago.
    pub(crate) policies: policies::Cache,
    /// How often holds had been placed and lifted when what they kept was last looked through; −1 at start.
    pub(crate) holds_seen: std::sync::atomic::AtomicI64,
    /// The version of the terms that was in force at the last round of housekeeping.
    pub(crate) terms_seen: std::sync::atomic::AtomicI64,
    /// What is known of revoked certificates.
    pub(crate) revocation: revocation::State,
    /// What is known of the white list's refreshes.
    pub(crate) list: trusted::Keeper,
    /// What is remembered of certificates between two looks.
    pub(crate) inventory: certificates::State,
    /// Contacts with partners that wait to be written.
    pub(crate) ledger: ledger::Memory,
    /// Limits over sessions, and what looks like abuse.
    pub(crate) abuse: abuse::State,
    /// What is remembered of the directory.
    pub(crate) directory: desk::directory::State,
    /// Open indexes and what is decoded of them.
    pub(crate) search: search::State,
    /// The backup that runs.
    pub(crate) care: care::backup::State,
    /// What is remembered of structures' own servers.
    pub(crate) connectors: connectors::State,
    /// Domains of ours that come or go.
    pub(crate) moves: moves::State,
    /// What people's programs are shown.
    pub(crate) mail_setup: mail_setup::State,
    /// What is known of the antivirus engine.
    pub(crate) antivirus: antivirus::State,
    /// What is remembered of identities.
    pub(crate) identity: identity::State,
    /// What is remembered of the services that wake browsers.
    pub(crate) push: desk::push::State,
    /// Takes ordinary mail, when one is configured.
    pub(crate) relay: std::sync::OnceLock<Arc<dyn notices::Relay>>,
}

impl Operator {
    /// An operator over an open store. Puts the last good white list, if the store holds one, in force.
    #[boxed]
    pub async fn open(config: OperatorConfig, store: Store, trust: Trust) -> Result<Self, sceau_domain::Refusal> {
        let search = search::State::new(&config.search);
        let inner = Inner {
            config,
            watch: watch::Hub::over(store.clone()),
            store,
            trust,
            queue_wake: tokio::sync::Notify::new(),
            jobs_wake: tokio::sync::Notify::new(),
            guard: login::Guard::default(),
            sessions: login::Sessions::default(),
            reading: reading::Buffer::default(),
            refusals: mail::refusals::Ledger::default(),
            leases: queue::Leases::default(),
            swept: std::sync::atomic::AtomicI64::new(0),
            policies: policies::Cache::default(),
            holds_seen: std::sync::atomic::AtomicI64::new(-1),
            terms_seen: std::sync::atomic::AtomicI64::new(0),
            revocation: revocation::State::default(),
            list: trusted::Keeper::default(),
            inventory: certificates::State::default(),
            ledger: ledger::Memory::default(),
            abuse: abuse::State::default(),
            directory: desk::directory::State::default(),
            search,
            care: care::backup::State::default(),
            connectors: connectors::State::default(),
            moves: moves::State::default(),
            mail_setup: mail_setup::State::default(),
            antivirus: antivirus::State::default(),
            identity: identity::State::default(),
            push: desk::push::State::default(),
            relay: std::sync::OnceLock::new(),
        };
        let operator = Self(Arc::new(Box::new(inner)));
        operator.restore_revocation().await?;
        operator.restore_white_list().await?;
        operator.close_again().await?;
        operator.keep_terms_link().await?;
        operator.follow_configured_quota().await?;
        operator.bring_references().await?;
        operator.know_device_authorities().await?;
        Ok(operator)
    }
    /// A reference that does not keep it.
    pub fn downgrade(&self) -> WeakOperator {
        WeakOperator(Arc::downgrade(&self.0))
    }
    /// Does the database answer? For readiness.
    #[boxed]
    pub async fn ping(&self) -> Result<(), sceau_domain::Refusal> {
        self.0.store.ping().await.map_err(|e| refuse::store(&e))
    }
    /// Settings in force.
    pub fn config(&self) -> &OperatorConfig {
        &self.0.config
    }
    /// Anchors and white list in force.
    pub fn trust(&self) -> &Trust {
        &self.0.trust
    }
    /// Time.
    pub fn clock(&self) -> &SharedClock {
        self.0.store.clock()
    }
}
