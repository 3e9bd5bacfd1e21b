//! One connection: reads commands, runs them one after the other, tells what changed, answers.
mod answer;
mod io;
mod limit;
mod mailboxes;
mod patience;
mod place;
mod sync;
mod vanished;
mod wishes;

pub(crate) use answer::{Code, Done, End, Reply, Stop};
pub(crate) use io::{PIECE, end as ended_by, pulled};
pub(crate) use mailboxes::{Mailbox, Mailboxes};
pub(crate) use place::Place;
pub(crate) use sync::{permanent_flags, write_fetch, write_flags, write_modseq};
pub(crate) use vanished::missed;
pub(crate) use wishes::{Followed, Group, Selected, Which, Wishes, stirred};

use crate::ImapConfig;
use crate::codec::frame::Event;
use crate::codec::{Budget, Command, Framer, Out, Tagged};
use crate::commands;
use crate::view::View;
use sceau_domain::{BalRights, Refusal, RefusalCode, UseCase};
use sceau_net::{Conn, HotTls};
use sceau_operator::login::{Leash, OpenSession};
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
    /// QRESYNC (RFC 7162 §3.2.3).
    pub qresync: bool,
    /// IMAP4rev2.
    pub rev2: bool,
    /// UTF8=ACCEPT (RFC 9755, RFC 6855).
    pub utf8_accept: bool,
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
    /// Its place among the person's sessions, once logged in.
    pub open: Option<OpenSession>,
    /// Pulls when rights were taken away, once logged in.
    pub leash: Option<Leash>,
    /// The selected mailbox.
    pub view: Option<View>,
    /// The session's person at the other BALs that were entered.
    pub others: Vec<Actor>,
    /// What is told without being asked for, once NOTIFY was used.
    pub wishes: Option<Box<Wishes>>,
    pub enabled: Enabled,
    /// Tag of the command that runs.
    tag: String,
    /// The command that runs worked only on messages from this UID on (MESSAGELIMIT).
    pub limited: Option<u32>,
    /// What changed could not be asked: it is still to be told.
    pub owed: bool,
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
            open: None,
            watch: None,
            leash: None,
            view: None,
            others: Vec::new(),
            wishes: None,
            enabled: Enabled::default(),
            tag: String::new(),
            limited: None,
            owed: false,
            login_by: Instant::now() + config.login_timeout,
            errors: 0,
            config,
        }
    }

    /// The whole session. What it waits in for its client is small; whatever else it does is in a box of its own while it does it.
    pub(crate) async fn run(mut self: Box<Self>) {
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
        Box::pin(self.leave(end)).await;
    }

    async fn leave(mut self: Box<Self>, end: End) {
        self.leave_bals().await;
        if !matches!(end, End::Gone) && self.send().await.is_ok() {
            self.conn.close().await;
        }
    }

    async fn step(&mut self) -> Result<(), End> {
        match self.next_event().await? {
            Event::Command(tagged) => self.command(tagged).await,
            Event::Append(start) => {
                let (tag, name) = (start.tag.clone(), start.name());
                self.tag.clone_from(&tag);
                metrics::counter!("sceau_imap_commands_total", "command" => name).increment(1);
                let done = Box::pin(commands::append::run(self, *start)).await;
                Box::pin(self.complete(&tag, name, done, Some(true))).await
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
            // These are answered where they are asked for; here they mean nothing.
            Event::NeedMore | Event::AppendSteps(_) | Event::AppendEnd(_) => Ok(()),
        }
    }

    async fn command(&mut self, tagged: Box<Tagged>) -> Result<(), End> {
        let Tagged { tag, command } = *tagged;
        self.tag.clone_from(&tag);
        let name = command.name();
        metrics::counter!("sceau_imap_commands_total", "command" => name).increment(1);
        let tell = commands::tells(&command);
        let done = match Box::pin(self.check_rights()).await {
            Ok(()) if self.out.uid_only() && commands::names_numbers(&command) => {
                Err(Stop::Bad(RefusalCode::SequenceNumbers.into()))
            }
            // Where sessions stay.
            Ok(()) if matches!(command, Command::Idle) => commands::idle::run(self).await,
            Ok(()) => Box::pin(commands::run(self, &tag, command)).await,
            Err(stop) => Err(stop),
        };
        Box::pin(self.complete(&tag, name, done, tell)).await
    }

    /// Rights are asked at each command, those on the BAL of the selected mailbox too; a session that has lost them is closed.
    pub(crate) async fn check_rights(&mut self) -> Result<(), Stop> {
        for actor in seated(self.actor.as_ref(), self.view.as_ref()).into_iter().flatten() {
            match self.operator.still_allowed(actor).await {
                Ok(()) => {}
                Err(refusal) if refusal.is_temporary() => return Err(Stop::No(refusal)),
                Err(refusal) => return Err(Stop::End(End::Bye(refusal))),
            }
        }
        Ok(())
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
        let view = self.view()?;
        if view.read_only {
            let name = if may_file(&view.actor) { "READ-ONLY" } else { UseCase::MailFile.as_str() };
            Err(Stop::No(Refusal::new(RefusalCode::RightMissing).with("name", name)))
        } else {
            Ok(view)
        }
    }

    /// A session that has lost its rights is closed; a question that cannot be answered now is asked again later.
    pub(crate) async fn still_here(&mut self) -> Result<(), End> {
        match self.check_rights().await {
            Err(Stop::End(end)) => Err(end),
            _ => Ok(()),
        }
    }

    /// A mailbox is selected: what changes in its BAL wakes IDLE, and what is taken away there pulls. Tied before the mailbox is read, so that
    /// nothing is missed in between.
    pub(crate) fn tie(&mut self, reader: &Actor) {
        self.watch = Some(self.operator.watch(reader));
        self.leash = self.actor.as_ref().map(|actor| self.operator.leash(actor).beside(reader));
    }

    /// The session is logged in: larger budgets, longer patience. `NO [LIMIT]` when its person has too many.
    pub(crate) async fn logged_in(&mut self, actor: Actor) -> Result<(), Stop> {
        match self.operator.open_session(&actor).await {
            Ok(open) => self.open = Some(open),
            Err(refusal) => {
                self.operator.logout(&actor).await;
                return Err(refusal.into());
            }
        }
        self.watch = Some(self.operator.watch(&actor));
        self.leash = Some(self.operator.leash(&actor));
        self.actor = Some(actor);
        self.errors = 0;
        self.framer.set_budget(Budget::after_login());
        self.conn.set_timeout(self.config.idle_timeout);
        Ok(())
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

    /// Enables CONDSTORE, by name or by use (RFC 7162 §3.1). The first time, a client that has a mailbox selected is told its state.
    pub(crate) fn enable_condstore(&mut self) {
        let first = !std::mem::replace(&mut self.enabled.condstore, true);
        if let Some(view) = self.view.as_ref().filter(|_| first) {
            self.out.raw("* OK [HIGHESTMODSEQ ").num(view.highest_modseq()).raw("] Highest").end();
        }
    }

    /// Nobody is logged in any more (RFC 8437 §3, §4.1): what the person had is forgotten, the connection and its TLS stay.
    pub(crate) async fn unauthenticate(&mut self) {
        self.view = None;
        (self.watch, self.leash, self.wishes) = (None, None, None);
        self.leave_bals().await;
        self.open = None;
        self.enabled = Enabled::default();
        self.out.set_utf8(false);
        self.out.set_uid_only(false);
        self.framer.set_budget(Budget::before_login());
        self.login_by = Instant::now() + self.config.login_timeout;
    }
}

/// The session's person at its own BAL and at the BAL of the selected mailbox, when that is another one.
pub(crate) fn seated<'a>(actor: Option<&'a Actor>, view: Option<&'a View>) -> [Option<&'a Actor>; 2] {
    let bal = |a: &Actor| a.bal.as_ref().map(|b| b.id);
    let reader = view.map(|v| &v.actor).filter(|reader| actor.is_none_or(|own| bal(own) != bal(reader)));
    [actor, reader]
}

/// Does the access let file (flags, moves, removals, folders)? Only tells what to announce: the operator judges each act.
pub(crate) fn may_file(actor: &Actor) -> bool {
    let chair = actor.bal.as_ref().and_then(|b| b.chair.as_ref());
    // A session that says not how it sits there announces the least.
    chair.is_some_and(|c| c.rights.has(BalRights::FILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a future weighs.
    fn weight<'a, F>(_: impl FnOnce(&'a mut Session) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_parked_session_is_small() {
        fn whole<F>(_: impl FnOnce(Box<Session>) -> F) -> usize {
            size_of::<F>()
        }
        let run = whole(Session::run);
        println!(
            "Session {} Conn {} Framer {} View {} Actor {} Origin {}",
            size_of::<Session>(),
            size_of::<Conn>(),
            size_of::<Framer>(),
            size_of::<View>(),
            size_of::<Actor>(),
            size_of::<Origin>()
        );
        println!(
            "run {run} step {} read_more {} idle {} sync {} check_rights {} send {}",
            weight(Session::step),
            weight(Session::read_more),
            weight(commands::idle::run),
            weight(|s| s.sync(true)),
            weight(Session::check_rights),
            weight(Session::send)
        );
        assert!(run <= 2048, "{run}");
    }
}
