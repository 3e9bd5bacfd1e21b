//! One session of either door: the loop, the order of commands, what is common to both. What differs is in [`super::mx`] and
//! [`super::submission`].
use super::mx::Mx;
use super::submission::Submission;
use super::transaction::{Helo, Transaction};
use super::{MxConfig, SessionLimits, SubmissionConfig};
use crate::codec::COMMAND_LINE;
use crate::codec::command::{Command, CommandError};
use crate::codec::parameters::{Announced, MailParameters};
use crate::codec::path::Path;
use crate::codec::reply::Reply;
use sceau_domain::dsn::MailRequest;
use sceau_domain::{Address, Refusal, RefusalCode};
use sceau_net::{Conn, HotTls, ReadError};
use sceau_operator::mail::Body;
use sceau_operator::{Door, Operator, Origin};
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio_util::sync::CancellationToken;

/// Octets of an endless command line that are thrown away before the connection is closed.
const SKIPPED_LINE: usize = 1 << 20;
/// Refusals of the door itself that are traced, in one session.
const TRACED: u32 = 20;

/// Which door, and what it knows of the client.
#[derive(Debug)]
pub(super) enum Role {
    Mx(Mx),
    Submission(Box<Submission>),
}

impl Role {
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
    tls: HotTls,
    drain: CancellationToken,
    /// Why the session was cut: rights were taken away.
    cut: Option<Refusal>,
    errors: u32,
    refusals: u32,
    traced: u32,
}

impl Session {
    pub(super) fn mx(operator: Operator, config: &MxConfig, conn: Conn, drain: CancellationToken) -> Self {
        Self::new(operator, Role::Mx(Mx::default()), Door::Mx, &config.limits, &config.tls, conn, drain)
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
            cut: None,
            errors: 0,
            refusals: 0,
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
            let outcome = match self.line(COMMAND_LINE).await? {
                Some(line) => self.command(&line).await?,
                None => match self.cut.take() {
                    Some(refusal) => {
                        self.say(&Reply::refusal_as(421, "4.7.0", &refusal)).await?;
                        return self.conn.flush().await;
                    }
                    None => return self.goodbye(RefusalCode::ShuttingDown).await,
                },
            };
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
            if self.errors > self.limits.errors || self.refusals > self.limits.refusals {
                self.trace(&RefusalCode::TooManyErrors.into()).await;
                return self.goodbye(RefusalCode::TooManyErrors).await;
            }
        }
    }

    /// The next line; none when the server drains or the session is cut. A line over `max` is answered, thrown away, and the next one is read.
    pub(super) async fn line(&mut self, max: usize) -> Result<Option<Vec<u8>>, ReadError> {
        loop {
            let read = tokio::select! {
                biased;
                () = self.drain.cancelled() => return Ok(None),
                () = self.role.pulled() => {
                    self.cut = self.role.lost(&self.operator).await;
                    if self.cut.is_some() {
                        return Ok(None);
                    }
                    continue;
                }
                read = self.conn.read_line(max) => read,
            };
            match read {
                Err(ReadError::TooLong) => {
                    let refusal = Refusal::new(RefusalCode::SyntaxLineTooLong).with("limit", max);
                    let reply = self.no(&refusal).await;
                    self.say(&reply).await?;
                    self.conn.skip_line(SKIPPED_LINE).await?;
                }
                read => return read.map(Some),
            }
        }
    }

    async fn command(&mut self, line: &[u8]) -> Result<Outcome, ReadError> {
        let command = match Command::parse(line, &self.announced()) {
            Ok(command) => command,
            Err(e) => return Ok(self.malformed(line, e).await.into()),
        };
        if let Some(refusal) = self.closed_to(&command) {
            return Ok(self.counted(&refusal).into());
        }
        Ok(match command {
            Command::Ehlo(name) => {
                self.transaction = None;
                self.helo = Some(Helo { name, extended: true });
                Reply::lines(250, self.extensions()).into()
            }
            Command::Helo(name) => {
                self.transaction = None;
                self.helo = Some(Helo { name, extended: false });
                Reply::new(250, "", self.operator.config().hostname.clone()).into()
            }
            Command::StartTls => return self.start_tls().await,
            Command::Auth(mechanism, initial) => return self.auth(&mechanism, initial).await,
            Command::Mail(path, parameters) => self.mail(path, parameters).await.into(),
            Command::Rcpt(path, _) => self.rcpt(path).await.into(),
            Command::Data => return self.data().await,
            Command::Rset => {
                self.transaction = None;
                Reply::new(250, "2.0.0", "Ok").into()
            }
            Command::Noop => Reply::new(250, "2.0.0", "Ok").into(),
            Command::Quit => Reply::new(221, "2.0.0", "Bye").into(),
            Command::Vrfy => Reply::new(252, "2.0.0", "Send some mail, I will try my best").into(),
            Command::Expn => self.unknown("EXPN").await.into(),
            Command::Help => Reply::new(214, "2.0.0", "This is Sceau; the commands are those of RFC 5321").into(),
        })
    }

    /// Why this command may not be used yet, if so. EHLO, HELO, NOOP, RSET and QUIT always may.
    fn closed_to(&self, command: &Command) -> Option<Refusal> {
        use Command as C;
        match command {
            C::Ehlo(_) | C::Helo(_) | C::Noop | C::Rset | C::Quit | C::StartTls => None,
            C::Auth(..) if self.conn.tls().is_none() && matches!(self.role, Role::Submission(_)) => {
                Some(RefusalCode::LoginNeedsTls.into())
            }
            _ if self.conn.tls().is_none() => Some(RefusalCode::PeerNoTls.into()),
            _ => match &self.role {
                Role::Mx(mx) => mx.closed(),
                Role::Submission(submission) => submission.closed_to(command),
            },
        }
    }

    fn announced(&self) -> Announced {
        let on = self.conn.tls().is_some() && self.helo.as_ref().is_some_and(|h| h.extended);
        let auth = on && matches!(self.role, Role::Submission(_));
        Announced { size: on, eight_bit: on, smtputf8: on, auth, dsn: false }
    }

    fn extensions(&self) -> Vec<String> {
        let mut lines = vec![self.operator.config().hostname.clone()];
        if self.conn.tls().is_none() {
            lines.extend(["STARTTLS".into(), "ENHANCEDSTATUSCODES".into()]);
            return lines;
        }
        lines.push("PIPELINING".into());
        lines.push(format!("SIZE {}", self.operator.config().limits.announced_bytes()));
        lines.extend(["8BITMIME".into(), "SMTPUTF8".into(), "ENHANCEDSTATUSCODES".into()]);
        if matches!(self.role, Role::Submission(_)) {
            lines.push("AUTH PLAIN LOGIN".into());
        }
        lines
    }

    async fn start_tls(&mut self) -> Result<Outcome, ReadError> {
        if self.conn.tls().is_some() {
            return Ok(self.no(&misplaced("TLS")).await.into());
        }
        if self.conn.has_buffered() {
            // What was sent in clear must never be taken for what is said under TLS (CVE-2011-0411).
            let refusal = Refusal::new(RefusalCode::SyntaxError).with("cause", "data after STARTTLS");
            self.trace(&refusal).await;
            return Ok(Outcome::Close);
        }
        self.say(&Reply::new(220, "2.0.0", "Ready to start TLS")).await?;
        let config = self.tls.load_full();
        if let Err(e) = self.conn.start_tls(config, self.limits.handshake).await {
            let (door, session) = (self.origin.door.as_str(), &self.origin.session);
            tracing::info!(door, %session, remote = %self.conn.remote(), error = %e, "TLS handshake failed");
            return Ok(Outcome::Close);
        }
        // RFC 3207 §4.2: nothing of what was said in clear counts.
        self.helo = None;
        self.transaction = None;
        self.origin.tls = self.conn.tls().map(|t| t.summary());
        if let Role::Mx(mx) = &mut self.role {
            let chain = self.conn.tls().map(|t| t.peer.as_slice()).unwrap_or_default();
            *mx = Mx::judge(&self.operator, chain, &self.origin).await;
        }
        Ok(Outcome::Said)
    }

    async fn mail(&mut self, path: Path, parameters: MailParameters) -> Reply {
        if self.helo.is_none() || self.transaction.is_some() {
            return self.no(&misplaced("MAIL")).await;
        }
        let from = match path {
            Path::Mailbox { address, .. } => Some(address),
            Path::Null | Path::Postmaster => None,
        };
        let size = parameters.size;
        let judged = match &mut self.role {
            Role::Mx(mx) => mx.sender(&self.operator, from.as_ref(), size, &self.origin).await,
            Role::Submission(submission) => submission.sender(&self.operator, from.as_ref(), size).await,
        };
        if let Err(refusal) = judged {
            return self.counted(&refusal);
        }
        self.transaction = Some(Transaction {
            from,
            to: Vec::new(),
            size,
            dsn: MailRequest { ret: parameters.ret, envid: parameters.envid },
            body: if parameters.body_8bit { Body::EightBit } else { Body::SevenBit },
            smtputf8: parameters.smtputf8,
            full: None,
        });
        Reply::new(250, "2.1.0", "Ok")
    }

    async fn rcpt(&mut self, path: Path) -> Reply {
        let Some(transaction) = &mut self.transaction else { return self.no(&misplaced("RCPT")).await };
        if let Some(refusal) = &transaction.full {
            return Reply::refusal(refusal);
        }
        let to = match path {
            Path::Mailbox { international: true, address } if !transaction.smtputf8 => {
                let refusal = Refusal::new(RefusalCode::RcptSyntax).with("address", address);
                self.errors += 1;
                return Reply::refusal_as(553, "5.6.7", &refusal);
            }
            Path::Mailbox { address, .. } => address,
            Path::Null | Path::Postmaster => match postmaster(&self.operator) {
                Some(address) => address,
                None => return self.counted(&RefusalCode::RcptUnknown.into()),
            },
        };
        if transaction.to.iter().any(|r| r.address == to) {
            return Reply::new(250, "2.1.5", "Ok");
        }
        let already = transaction.to.len();
        let judged = if already >= self.limits.recipients {
            let refusal = Refusal::new(RefusalCode::RcptTooMany).with("limit", self.limits.recipients);
            self.role.trace(&self.operator, &refusal, &self.origin).await;
            Err(refusal)
        } else {
            match &self.role {
                Role::Mx(mx) => {
                    let (from, size) = (transaction.from.as_ref(), transaction.size);
                    mx.recipient(&self.operator, from, &to, already, size, &self.origin).await
                }
                Role::Submission(submission) => {
                    submission.recipient(&self.operator, &to, already, transaction.size).await
                }
            }
        };
        match judged {
            Ok(()) => {
                transaction.to.push(to.into());
                Reply::new(250, "2.1.5", "Ok")
            }
            Err(refusal) => {
                if refusal.code == RefusalCode::RcptTooMany {
                    transaction.full = Some(refusal.clone());
                }
                self.counted(&refusal)
            }
        }
    }

    /// The reply to a line that is no command. Where a door is closed, only what is always open deserves a syntax error.
    async fn malformed(&mut self, line: &[u8], e: CommandError) -> Reply {
        let open = [&b"EHLO"[..], b"HELO", b"NOOP", b"RSET", b"QUIT", b"STARTTLS", b"AUTH"]
            .iter()
            .any(|verb| line.get(..verb.len()).is_some_and(|head| head.eq_ignore_ascii_case(verb)));
        if !open
            && !matches!(e, CommandError::Line)
            && let Some(refusal) = self.closed_to(&Command::Data)
        {
            self.errors += 1;
            return Reply::refusal(&refusal);
        }
        let syntax = |cause: String| Refusal::new(RefusalCode::SyntaxError).with("cause", cause);
        let (refusal, status) = match e {
            CommandError::Line | CommandError::Octets | CommandError::Arguments => (syntax(e.to_string()), None),
            CommandError::Unknown => (RefusalCode::SyntaxUnknown.into(), None),
            CommandError::Parameter => (syntax(e.to_string()), Some((555, "5.5.4"))),
            CommandError::Sender(cause) => (Refusal::new(RefusalCode::SenderSyntax).with("cause", cause), None),
            CommandError::Recipient(cause) => (Refusal::new(RefusalCode::RcptSyntax).with("cause", cause), None),
        };
        let reply = self.no(&refusal).await;
        match status {
            Some((code, enhanced)) => Reply::refusal_as(code, enhanced, &refusal),
            None => reply,
        }
    }

    /// A verb that this door knows but does not offer.
    pub(super) async fn unknown(&mut self, verb: &str) -> Reply {
        let refusal = Refusal::new(RefusalCode::SyntaxUnknown).with("name", verb);
        self.no(&refusal).await;
        Reply::refusal_as(502, "5.5.1", &refusal)
    }

    /// A refusal that the door decides by itself: traced, counted as an error.
    pub(super) async fn no(&mut self, refusal: &Refusal) -> Reply {
        self.errors += 1;
        self.trace(refusal).await;
        Reply::refusal(refusal)
    }

    /// A refusal of the operator (which traced it), counted.
    pub(super) fn counted(&mut self, refusal: &Refusal) -> Reply {
        if !refusal.is_temporary() {
            self.refusals += 1;
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

/// Who gets `<Postmaster>` without a domain (RFC 5321 §4.5.1): the postmaster of the domain of whoever reads it.
fn postmaster(operator: &Operator) -> Option<Address> {
    let domain = operator.config().postmaster.first()?.domain().clone();
    Address::from_parts("postmaster", domain).ok()
}

/// Unique while the process lives, and most likely over processes and nodes.
fn session_id() -> String {
    static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(std::process::id()));
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{:08x}{:08x}", *PROCESS >> 32, COUNT.fetch_add(1, Ordering::Relaxed))
}
