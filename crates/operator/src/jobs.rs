//! Later work: durable jobs, leased one at a time, tried again until they are done.
//!
//! An act enqueues its job in its own transaction ([`Operator::job`], [`sceau_store::jobs::enqueue`]) and wakes the workers after the
//! commit. A worker holds a lease that it renews; when its process dies another takes the job when the lease ends. So a job
//! may run twice, and half: each is written to be run again. One worker a kind and process.
use crate::boxed;
use crate::{Operator, refuse};
use sceau_domain::Refusal;
use sceau_store::jobs::{self as rows, Leased, NewJob};
use sceau_store::policies::Which;
use sceau_store::{Id, StoreError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Indexes the messages of a BAL that its search index does not hold yet. Key: the BAL's id.
    Index,
    /// Removes what a closed BAL leaves. Key: the BAL's id.
    Purge,
    /// Hands a notice to the relay. Key: the notice's id.
    Notice,
    /// Writes the quotas in force. Key: 0.
    Quota,
    /// Works through an import. Key: its id.
    Import,
    /// Looks people up in the national register. Key: 0.
    Register,
    /// Looks after what came to a BAL: absence, notices, a BAL that fills up. Key: the BAL's id.
    Arrival,
    /// Says by ordinary mail that there is new mail. Key: 0.
    Digest,
    /// Wakes browsers whose people want to hear of new mail. Key: 0.
    Push,
    /// Sends a draft whose time has come. Key: its id.
    Outbox,
    /// Shows mail programs a draft as it stands. Key: its id.
    Draft,
    /// Removes for good what was to be, unless it was taken back. Key: the act's id.
    Removal,
    /// Makes known to lists what an earlier program left unknown. Key: the BAL's id.
    Listing,
    /// Applies the rules by age of a BAL, once a day. Key: the BAL's id.
    Aging,
}

/// How long a lease is held without being renewed.
const LEASE: Duration = Duration::from_secs(60);
/// Longest sleep of an idle worker: another node may have enqueued something.
const IDLE: Duration = Duration::from_secs(30);

impl Kind {
    /// Every kind.
    const ALL: [Self; 14] = [
        Self::Index,
        Self::Purge,
        Self::Quota,
        Self::Arrival,
        Self::Digest,
        Self::Push,
        Self::Notice,
        Self::Import,
        Self::Register,
        Self::Outbox,
        Self::Draft,
        Self::Removal,
        Self::Listing,
        Self::Aging,
    ];
    /// Longest sleep of an idle worker of this kind. Deliveries wake nobody: what answers them looks by itself.
    fn idle(self) -> Duration {
        if self == Self::Arrival { IDLE / 10 } else { IDLE }
    }
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Purge => "purge",
            Self::Notice => "notice",
            Self::Quota => "quota",
            Self::Import => "import",
            Self::Register => "register",
            Self::Arrival => "arrival",
            Self::Digest => "digest",
            Self::Push => "push",
            Self::Outbox => "outbox",
            Self::Draft => "draft",
            Self::Removal => "removal",
            Self::Listing => "listing",
            Self::Aging => "aging",
        }
    }
}

impl Operator {
    /// A job to enqueue in the transaction of the act that wants it. A job of the same kind and key that waits already is the same one.
    pub(crate) fn job(&self, kind: Kind, key: impl Into<String>, payload: Vec<u8>, after: Duration) -> NewJob {
        let now = self.now();
        let run_at = now.plus_ms(i64::try_from(after.as_millis()).unwrap_or(i64::MAX)).0;
        let id = self.0.store.new_id();
        NewJob { id, kind: kind.as_str().into(), key: key.into(), payload, run_at, created: now.0 }
    }
    /// After the commit of what enqueued a job that is due at once.
    pub(crate) fn wake_jobs(&self) {
        self.0.jobs_wake.notify_waiters();
        self.0.store.announce(sceau_store::Event::Jobs);
    }
    /// Works on jobs until `stop`. A job in hand is finished or, when it looks at its token, left for later.
    #[boxed]
    pub async fn run_jobs(&self, stop: CancellationToken) {
        let mut workers = tokio::task::JoinSet::new();
        for kind in Kind::ALL {
            let (operator, stop) = (self.clone(), stop.clone());
            workers.spawn(async move { operator.work_on(kind, stop).await });
        }
        while workers.join_next().await.is_some() {}
    }
    /// Works on every job that is due, once each, and returns how many there were. For tests and for commands that wait.
    #[boxed]
    pub async fn run_due_jobs(&self) -> Result<usize, Refusal> {
        let mut done = 0;
        for kind in Kind::ALL {
            while self.next_job(kind, &CancellationToken::new()).await.map_err(|e| refuse::store(&e))? {
                done += 1;
            }
        }
        Ok(done)
    }

    async fn work_on(&self, kind: Kind, stop: CancellationToken) {
        while !stop.is_cancelled() {
            // Listen first, look second: what is enqueued in between wakes us.
            let woken = self.0.jobs_wake.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            let pause = match self.next_job(kind, &stop).await {
                Ok(true) => continue,
                Ok(false) => self.until_due(kind).await,
                Err(e) => {
                    refuse::store(&e);
                    Duration::from_secs(1)
                }
            };
            tokio::select! {
                () = &mut woken => {}
                () = tokio::time::sleep(pause.min(kind.idle())) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn until_due(&self, kind: Kind) -> Duration {
        match self.0.store.read(move |tx| rows::next_due(tx, kind.as_str())).await {
            Ok(Some(at)) => {
                u64::try_from(at.saturating_sub(self.now().0)).map_or(Duration::ZERO, Duration::from_millis)
            }
            Ok(None) => IDLE,
            Err(e) => {
                refuse::store(&e);
                Duration::from_secs(1)
            }
        }
    }

    /// Leases the job of a kind that is due first and works on it. False when there is none.
    async fn next_job(&self, kind: Kind, stop: &CancellationToken) -> Result<bool, StoreError> {
        let (lease, now, until) = (self.0.store.new_id(), self.now().0, self.job_lease_end());
        let leased = self.0.store.write(move |tx| rows::lease(tx, kind.as_str(), lease, now, until, 1)).await?;
        let Some(job) = leased.into_iter().next() else { return Ok(false) };
        let (id, lease) = (job.id, job.lease);
        let outcome = {
            let work = self.carry_out_job(kind, &job, stop);
            tokio::pin!(work);
            loop {
                tokio::select! {
                    outcome = &mut work => break outcome,
                    () = tokio::time::sleep(LEASE / 2) => {
                        let until = self.job_lease_end();
                        if !self.0.store.write(move |tx| rows::renew(tx, id, lease, until)).await? {
                            // Another worker has it.
                            return Ok(true);
                        }
                    }
                }
            }
        };
        match outcome {
            Ok(()) => drop(self.0.store.write(move |tx| rows::finish(tx, id, lease)).await?),
            Err(refusal) => {
                tracing::warn!(kind = kind.as_str(), code = refusal.code.as_str(), "job failed, tried again later");
                let (why, now) = (refusal.code.as_str(), self.now().0);
                self.0.store.write(move |tx| rows::fail(tx, id, lease, why, now)).await?;
            }
        }
        Ok(true)
    }

    fn job_lease_end(&self) -> i64 {
        self.now().plus_ms(i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX)).0
    }

    async fn carry_out_job(&self, kind: Kind, job: &Leased, stop: &CancellationToken) -> Result<(), Refusal> {
        let id: Id = job.key.parse().map_err(|_| refuse::store(&StoreError::Corrupt("key of a job".into())))?;
        match kind {
            Kind::Index => self.index_bal(id, stop).await,
            Kind::Purge => self.purge_bal(id).await,
            Kind::Notice => self.send_notice(id).await,
            Kind::Quota => self.write_quotas(&Which::All).await,
            Kind::Import => self.work_on_import(id, stop).await,
            Kind::Register => self.look_people_up().await,
            Kind::Arrival => self.look_after_arrivals(id).await,
            Kind::Digest => self.send_digests().await,
            Kind::Push => self.send_pushes().await,
            Kind::Outbox => self.send_due(id).await,
            Kind::Draft => self.file_quiet_draft(id, &job.payload).await,
            Kind::Removal => self.remove_due(id).await,
            Kind::Listing => self.make_known(id, stop).await,
            Kind::Aging => self.run_ages(id, stop).await,
        }
    }
}
