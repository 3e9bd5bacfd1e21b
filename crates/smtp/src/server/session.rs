//! One session of either door: the loop, and what is common to both. Commands are in [`super::commands`]; what differs is in [`super::mx`] and
//! [`super::submission`].
use super::commands::is_verb;
use super::connector::{Connector, ConnectorConfig};
use super::manners::Manners;
use super::mx::Mx;
use super::submission::Submission;
use super::transaction::{Helo, Transaction};
use super::{MxConfig, SessionLimits, SubmissionConfig};
use crate::codec::reply::Reply;
use crate::codec::{AUTH_LINE, COMMAND_LINE};
use sceau_domain::{Refusal, RefusalCode};
use sceau_net::{Conn, HotTls, ReadError};
use sceau_operator::{Door, Operator, Origin};
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Octets of an endless command line that are thrown away before the connection is closed.
const SKIPPED_LINE: usize = 1 << 20;
/// Refusals of the door itself that are traced, in one session.
const TRACED: u32 = 20;

/// Which door, and what it knows of the client.
#[derive(Debug)]
pub(super) enum Role {
    Mx(Mx),
    Connector(Box<Connector>),
    Submission(Box<Submission>),
}

impl Role {
    /// Is it known who the client is?
    pub(super) fn is_known(&self) -> bool {
        match self {
            Self::Mx(mx) => mx.closed().is_none(),
            Self::Connector(connector) => connector.closed().is_none(),
            Self::Submission(submission) => submission.actor.is_some(),
        }
    }
    /// Waits until rights were taken away that may be this session's.
    pub(super) async fn pulled(&mut self) {
        match self {
            Self::Submission(submission) => match &mut **submission {
                Submission { leash: Some(leash), actor: Some(_), .. } => leash.pulled().await,
                _ => std::future::pending().await,
            },
            _ => std::future::pending().await,
        }
    }
    /// Why the session may not go on, if so. What cannot be answered now is asked again at the next command.
    pub(super) async fn lost(&self, operator: &Operator) -> Option<Refusal> {
        let Self::Submission(submission) = self else { return None };
        let actor = submission.actor.as_ref()?;
        operator.still_allowed(actor).await.err().filter(|refusal| !refusal.is_temporary())
    }
}

/// What a command ends with.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Say this; the session goes on unless the reply closes it.
    Say(Reply),
    /// Say this, then close.
    Last(Reply),
    /// Everything was said.
    Said,
    /// Close without a word.
    Close,
}

impl From<Reply> for Outcome {
    fn from(reply: Reply) -> Self {
        Self::Say(reply)
    }
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) operator: Operator,
    pub(super) conn: Conn,
    pub(super) role: Role,
    pub(super) limits: SessionLimits,
    pub(super) origin: Origin,
    pub(super) helo: Option<Helo>,
    pub(super) transaction: Option<Transaction>,
    pub(super) manners: Manners,
    pub(super) tls: HotTls,
    drain: CancellationToken,
    /// When it began.
    since: Instant,
    /// Why the session was cut: rights were taken away.
    cut: Option<Refusal>,
    traced: u32,
}

impl Session {
    pub(super) fn mx(operator: Operator, config: &MxConfig, conn: Conn, drain: CancellationToken) -> Self {
        Self::new(operator, Role::Mx(Mx::default()), Door::Mx, &config.limits, &config.tls, conn, drain)
    }
    pub(super) fn connector(
        operator: Operator,
        config: &ConnectorConfig,
        conn: Conn,
        drain: CancellationToken,
    ) -> Self {
        let role = Role::Connector(Box::default());
        Self::new(operator, role, Door::Connector, &config.limits, config.tls(), conn, drain)
    }
    pub(super) fn submission(
        operator: Operator,
        config: &SubmissionConfig,
        conn: Conn,
        drain: CancellationToken,
    ) -> Self {
        let role = Role::Submission(Box::new(Submission::new(config)));
        Self::new(operator, role, Door::Submission, &config.limits, &config.tls, conn, drain)
    }
    fn new(
        operator: Operator,
        role: Role,
        door: Door,
        limits: &SessionLimits,
        tls: &HotTls,
        mut conn: Conn,
        drain: CancellationToken,
    ) -> Self {
        conn.set_timeout(limits.command);
        let origin = Origin {
            door,
            remote: Some(conn.remote().ip().to_canonical()),
            session: session_id(),
            tls: conn.tls().map(|t| t.summary()),
            once: None,
        };
        Self {
            operator,
            conn,
            role,
            limits: limits.clone(),
            origin,
            helo: None,
            transaction: None,
            tls: tls.clone(),
            drain,
            since: Instant::now(),
            cut: None,
            manners: Manners::new(),
            traced: 0,
        }
    }

    pub(super) async fn run(mut self) {
        let door = self.origin.door.as_str();
        tracing::debug!(door, session = %self.origin.session, remote = %self.conn.remote(), "session begins");
        let ended = match self.talk().await {
            Err(ReadError::Timeout) => self.goodbye(RefusalCode::Timeout).await,
            ended => ended,
        };
        if let Role::Submission(submission) = &self.role
            && let Some(actor) = &submission.actor
        {
            self.operator.logout(actor).await;
        }
        match ended {
            Ok(()) => tracing::debug!(door, session = %self.origin.session, "session ends"),
            Err(e) => tracing::debug!(door, session = %self.origin.session, error = %e, "session broken"),
        }
        self.conn.close().await;
    }

    async fn talk(&mut self) -> Result<(), ReadError> {
        let greeting = Reply::new(220, "", format!("{} ESMTP Sceau", self.operator.config().hostname));
        self.say(&greeting).await?;
        loop {
            let outcome = match self.line(self.longest_line()).await? {
                Some(line) => self.command(&line).await?,
                None => match self.cut.take() {
                    Some(refusal) => {
                        self.say(&Reply::refusal_as(421, "4.7.0", &refusal)).await?;
                        return self.conn.flush().await;
                    }
                    None => return self.goodbye(RefusalCode::ShuttingDown).await,
                },
            };
            self.tarpit().await?;
            match outcome {
                Outcome::Say(reply) => {
                    self.say(&reply).await?;
                    if reply.closes() {
                        return Ok(());
                    }
                }
                Outcome::Last(reply) => return self.say(&reply).await,
                Outcome::Said => {}
                Outcome::Close => return Ok(()),
            }
            if self.manners.are_bad(&self.limits) {
                self.trace(&RefusalCode::TooManyErrors.into()).await;
                return self.goodbye(RefusalCode::TooManyErrors).await;
            }
        }
    }

    /// A login may come with the command (RFC 4954 §4); nothing else is as long.
    fn longest_line(&self) -> usize {
        match &self.role {
            Role::Submission(submission) if submission.actor.is_none() && self.conn.tls().is_some() => AUTH_LINE,
            _ => COMMAND_LINE,
        }
    }

    /// The next line; none when the server drains (not in the middle of a message) or the session is cut. A line over `max` is answered, thrown away, and
    /// the next one is read; but not after one that says that octets follow. A stranger is not heard for ever.
    pub(super) async fn line(&mut self, max: usize) -> Result<Option<Vec<u8>>, ReadError> {
        let within = self.in_chunks();
        let (stranger, until) = (!self.role.is_known(), self.since + self.limits.stranger);
        loop {
            let read = tokio::select! {
                biased;
                () = self.drain.cancelled(), if !within => return Ok(None),
                () = self.role.pulled() => {
                    self.cut = self.role.lost(&self.operator).await;
                    if self.cut.is_some() {
                        return Ok(None);
                    }
                    continue;
                }
                () = tokio::time::sleep_until(until), if stranger => return Err(ReadError::Timeout),
                read = self.conn.read_line(max) => read,
            };
            match read {
                Err(ReadError::TooLong) => {
                    let refusal = Refusal::new(RefusalCode::SyntaxLineTooLong).with("limit", max);
                    let reply = self.no(&refusal).await;
                    self.say(&reply).await?;
                    if is_verb(self.conn.buffered(), "BDAT") {
                        return Err(ReadError::TooLong);
                    }
                    self.conn.skip_line(SKIPPED_LINE).await?;
                }
                read => return read.map(Some),
            }
        }
    }

    /// A refusal that the door decides by itself: traced, counted as an error.
    pub(super) async fn no(&mut self, refusal: &Refusal) -> Reply {
        self.manners.error();
        self.trace(refusal).await;
        Reply::refusal(refusal)
    }

    /// A refusal of the operator (which traced it), counted.
    pub(super) fn counted(&mut self, refusal: &Refusal) -> Reply {
        if !refusal.is_temporary() {
            self.manners.refusal();
        }
        let (door, session) = (self.origin.door.as_str(), &self.origin.session);
        tracing::info!(door, %session, code = refusal.code.as_str(), "refused");
        metrics::counter!("sceau_smtp_refusals_total", "door" => door, "code" => refusal.code.as_str()).increment(1);
        Reply::refusal(refusal)
    }

    /// Traces a refusal of the door itself; not without end in one session.
    pub(super) async fn trace(&mut self, refusal: &Refusal) {
        let (door, session) = (self.origin.door.as_str(), &self.origin.session);
        tracing::info!(door, %session, code = refusal.code.as_str(), "refused by the door");
        metrics::counter!("sceau_smtp_refusals_total", "door" => door, "code" => refusal.code.as_str()).increment(1);
        if self.traced < TRACED {
            self.traced += 1;
            self.role.trace(&self.operator, refusal, &self.origin).await;
        }
    }

    pub(super) async fn say(&mut self, reply: &Reply) -> Result<(), ReadError> {
        self.conn.write(&reply.to_bytes()).await
    }

    /// Says why the session ends.
    pub(super) async fn goodbye(&mut self, code: RefusalCode) -> Result<(), ReadError> {
        self.say(&Reply::refusal(&code.into())).await?;
        self.conn.flush().await
    }

    /// Completes when the server drains.
    pub(super) async fn draining(&self) {
        self.drain.cancelled().await;
    }
}

/// A command at the wrong moment.
pub(super) fn misplaced(verb: &'static str) -> Refusal {
    Refusal::new(RefusalCode::SequenceError).with("cause", verb)
}

/// Unique while the process lives, and most likely over processes and nodes.
pub(super) fn session_id() -> String {
    static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(std::process::id()));
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{:08x}{:08x}", *PROCESS >> 32, COUNT.fetch_add(1, Ordering::Relaxed))
}
