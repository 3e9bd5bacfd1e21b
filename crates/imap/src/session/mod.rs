//! One connection: reads commands, runs them one after the other, tells what changed, answers.
mod answer;
mod io;
mod sync;

pub(crate) use answer::{Code, Done, End, Reply, Stop};
pub(crate) use io::{PIECE, end as ended_by, pulled};
pub(crate) use sync::{permanent_flags, write_fetch, write_flags};

use crate::ImapConfig;
use crate::codec::frame::Event;
use crate::codec::{Budget, Framer, Out, Tagged};
use crate::commands;
use crate::view::View;
use sceau_domain::{BalRights, Refusal, RefusalCode, UseCase};
use sceau_net::{Conn, HotTls};
use sceau_operator::login::Leash;
use sceau_operator::watch::Watch;
use sceau_operator::{Actor, Door, Operator, Origin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What the client enabled, explicitly or by using it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Enabled {
    /// CONDSTORE (RFC 7162 §3.1).
    pub condstore: bool,
    /// IMAP4rev2.
    pub rev2: bool,
}

/// A session.
pub(crate) struct Session {
    pub conn: Conn,
    pub framer: Framer,
    pub out: Out,
    pub operator: Operator,
    pub config: Arc<ImapConfig>,
    /// TLS to offer by STARTTLS.
    pub starttls: Option<HotTls>,
    pub drain: CancellationToken,
    pub origin: Origin,
    /// Who, once logged in.
    pub actor: Option<Actor>,
    /// Wakes IDLE, once logged in.
    pub watch: Option<Watch>,
    /// Pulls when rights were taken away, once logged in.
    pub leash: Option<Leash>,
    /// The selected mailbox.
    pub view: Option<View>,
    pub enabled: Enabled,
    /// Login must have succeeded by then.
    login_by: Instant,
    /// Errors in a row.
    errors: u32,
}

impl Session {
    pub(crate) fn new(
        conn: Conn,
        operator: Operator,
        config: Arc<ImapConfig>,
        starttls: Option<HotTls>,
        drain: CancellationToken,
    ) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let origin = Origin {
            door: Door::Imap,
            remote: Some(conn.remote().ip()),
            session: format!("imap-{:x}-{number:x}", operator.clock().now().0),
            tls: None,
            once: None,
        };
        Self {
            conn,
            framer: Framer::new(Budget::before_login()),
            out: Out::new(),
            operator,
            starttls,
            drain,
            origin,
            actor: None,
            watch: None,
            leash: None,
            view: None,
            enabled: Enabled::default(),
            login_by: Instant::now() + config.login_timeout,
            errors: 0,
            config,
        }
    }

    /// The whole session.
    pub(crate) async fn run(mut self) {
        self.note_tls();
        self.out.raw("* OK [CAPABILITY ");
        commands::capability::write(&mut self);
        self.out.raw("] Sceau IMAP").end();
        let end = loop {
            if let Err(end) = self.step().await {
                break end;
            }
        };
        tracing::debug!(session = self.origin.session, end = end.as_str(), "imap session ended");
        if let End::Bye(refusal) = &end {
            self.bye(refusal);
            // The last word is sent whatever was taken away.
            self.leash = None;
        }
        if let Some(actor) = self.actor.take() {
            self.operator.logout(&actor).await;
        }
        if !matches!(end, End::Gone) && self.send().await.is_ok() {
            self.conn.close().await;
        }
    }

    async fn step(&mut self) -> Result<(), End> {
        match self.next_event().await? {
            Event::Command(tagged) => self.command(*tagged).await,
            Event::Append(start) => {
                let tag = start.tag.clone();
                metrics::counter!("sceau_imap_commands_total", "command" => "APPEND").increment(1);
                let done = commands::append::run(self, *start).await;
                self.complete(&tag, "APPEND", done, Some(true)).await
            }
            Event::Continue => {
                self.out.raw("+ OK").end();
                Ok(())
            }
            Event::Bad { tag, error } => {
                let refusal = Refusal::new(RefusalCode::SyntaxError).with("cause", error);
                self.answer_bad(tag.as_deref(), &refusal)
            }
            Event::Fatal(error) => Err(End::Bye(Refusal::new(RefusalCode::SyntaxLineTooLong).with("cause", error))),
            // Both are answered where they are asked for; here they mean nothing.
            Event::NeedMore | Event::AppendEnd(_) => Ok(()),
        }
    }

    async fn command(&mut self, tagged: Tagged) -> Result<(), End> {
        let Tagged { tag, command } = tagged;
        let name = command.name();
        metrics::counter!("sceau_imap_commands_total", "command" => name).increment(1);
        let tell = commands::tells(&command);
        let done = match self.check_rights().await {
            Ok(()) => commands::run(self, &tag, command).await,
            Err(stop) => Err(stop),
        };
        self.complete(&tag, name, done, tell).await
    }

    /// Rights are asked at each command; a session that has lost them is closed.
    pub(crate) async fn check_rights(&mut self) -> Result<(), Stop> {
        let Some(actor) = &self.actor else { return Ok(()) };
        match self.operator.still_allowed(actor).await {
            Ok(()) => Ok(()),
            Err(refusal) if refusal.is_temporary() => Err(Stop::No(refusal)),
            Err(refusal) => Err(Stop::End(End::Bye(refusal))),
        }
    }

    /// Who, or `BAD` before login.
    pub(crate) fn actor(&self) -> Result<Actor, Stop> {
        self.actor.clone().ok_or_else(|| Stop::Bad(RefusalCode::LoginRequired.into()))
    }

    /// The selected mailbox, or `BAD`.
    pub(crate) fn view(&mut self) -> Result<&mut View, Stop> {
        if self.actor.is_none() {
            return Err(Stop::Bad(RefusalCode::LoginRequired.into()));
        }
        self.view.as_mut().ok_or_else(|| Stop::sequence("no mailbox is selected"))
    }

    /// The selected mailbox, open for writing.
    pub(crate) fn writable(&mut self) -> Result<&mut View, Stop> {
        let name = if self.may_file() { "READ-ONLY" } else { UseCase::MailFile.as_str() };
        let view = self.view()?;
        if view.read_only {
            Err(Stop::No(Refusal::new(RefusalCode::RightMissing).with("name", name)))
        } else {
            Ok(view)
        }
    }

    /// Does the access let file (flags, moves, removals, folders)? Only tells what to announce: the operator judges each act.
    pub(crate) fn may_file(&self) -> bool {
        let chair = self.actor.as_ref().and_then(|a| a.bal.as_ref()).and_then(|b| b.chair.as_ref());
        // A session that says not how it sits there announces the least.
        chair.is_some_and(|c| c.rights.has(BalRights::FILE))
    }

    /// A session that has lost its rights is closed; a question that cannot be answered now is asked again later.
    pub(crate) async fn still_here(&mut self) -> Result<(), End> {
        match self.check_rights().await {
            Err(Stop::End(end)) => Err(end),
            _ => Ok(()),
        }
    }

    /// A mailbox name as sent, decoded, or `NO [CANNOT]`.
    pub(crate) fn decode(&self, name: &crate::codec::MailboxName) -> Result<String, Stop> {
        name.decode(self.out.utf8()).ok_or_else(|| Stop::No(RefusalCode::FolderName.into()))
    }

    /// The session is logged in: larger budgets, longer patience.
    pub(crate) fn logged_in(&mut self, actor: Actor) {
        self.watch = Some(self.operator.watch(&actor));
        self.leash = Some(self.operator.leash(&actor));
        self.actor = Some(actor);
        self.errors = 0;
        self.framer.set_budget(Budget::after_login());
        self.conn.set_timeout(self.config.idle_timeout);
    }

    /// Notes what TLS established.
    pub(crate) fn note_tls(&mut self) {
        self.origin.tls = self.conn.tls().map(|t| format!("{} {}", t.version, t.suite));
    }

    /// Under TLS?
    pub(crate) fn secure(&self) -> bool {
        self.conn.tls().is_some()
    }

    /// Did the client show a certificate in the handshake?
    pub(crate) fn has_certificate(&self) -> bool {
        self.conn.tls().is_some_and(|t| !t.peer.is_empty())
    }

    /// Enables CONDSTORE by use (RFC 7162 §3.1).
    pub(crate) fn enable_condstore(&mut self) {
        self.enabled.condstore = true;
    }
}
