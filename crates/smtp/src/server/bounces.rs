//! The door for notices that come back (F032): plain SMTP, for the operator's own relay of ordinary mail and nobody else.
//!
//! Promises: only `<>` to a reverse path that we wrote (its keyed tag tells) is taken; of what is taken only the machine part is looked at, within
//! [`sceau_message::bounce::MOST`] bytes, and nothing of it is kept; a session is short: few commands, one deadline for each line, few messages.
//! The operator keeps it on loopback or behind a filter: there is no TLS, because nothing that is said here is worth reading.
use crate::codec::COMMAND_LINE;
use crate::codec::command::{Command, CommandError};
use crate::codec::data::{DataDecoder, LINE};
use crate::codec::parameters::Announced;
use crate::codec::path::Path;
use crate::codec::reply::Reply;
use sceau_message::bounce::MOST;
use sceau_net::{Conn, Listener, ReadError};
use sceau_operator::{Door, Operator, Origin};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Commands of a session.
const COMMANDS: u32 = 400;
/// Bytes of a message that are read: beyond, it is refused.
const LARGEST: usize = 8 << 20;
/// Recipients of a bounce: one, in practice.
const RECIPIENTS: usize = 5;
/// Waiting for a line.
const PATIENCE: Duration = Duration::from_secs(60);

/// Serves the door until `drain` is cancelled; then as [`Listener::serve`] with `grace`.
pub async fn serve_bounces(
    operator: Operator,
    listener: Listener,
    hostname: String,
    drain: CancellationToken,
    grace: Duration,
) {
    let listener = listener.named("bounces");
    listener
        .serve(None, super::busy(), drain, grace, move |mut conn, drain| {
            let (operator, hostname) = (operator.clone(), hostname.clone());
            async move {
                conn.set_timeout(PATIENCE);
                let origin = Origin {
                    door: Door::System,
                    remote: Some(conn.remote().ip().to_canonical()),
                    session: super::session::session_id(),
                    tls: None,
                    once: None,
                };
                let mut session = Bounces { operator, hostname, conn, origin, helo: false, mail: None };
                // How it ended does not matter to anybody: the relay comes again.
                let _ = session.talk(&drain).await;
                session.conn.close().await;
            }
        })
        .await;
}

struct Bounces {
    operator: Operator,
    hostname: String,
    conn: Conn,
    origin: Origin,
    helo: bool,
    /// Notices that the recipients name, once MAIL was taken.
    mail: Option<Vec<i64>>,
}

fn say(code: u16, enhanced: &'static str, text: &str) -> Reply {
    Reply::new(code, enhanced, text)
}

impl Bounces {
    async fn reply(&mut self, reply: &Reply) -> Result<(), ReadError> {
        self.conn.write(&reply.to_bytes()).await?;
        self.conn.flush().await
    }

    async fn talk(&mut self, drain: &CancellationToken) -> Result<(), ReadError> {
        let greeting = format!("{} ESMTP bounces", self.hostname);
        self.reply(&say(220, "", &greeting)).await?;
        for _ in 0..COMMANDS {
            let line = tokio::select! {
                line = self.conn.read_line(COMMAND_LINE) => line?,
                () = drain.cancelled() => return self.reply(&say(421, "4.3.2", "Closing")).await,
            };
            let reply = match Command::parse(&line, &Announced::default()) {
                Ok(Command::Quit) => return self.reply(&say(221, "2.0.0", "Bye")).await,
                Ok(Command::Data) => self.data().await?,
                Ok(command) => self.command(command),
                Err(CommandError::Unknown) => say(500, "5.5.1", "Unknown command"),
                Err(CommandError::Parameter) => say(555, "5.5.4", "Parameter not recognised"),
                Err(_) => say(501, "5.5.4", "Syntax"),
            };
            self.reply(&reply).await?;
            if reply.closes() {
                return Ok(());
            }
        }
        self.reply(&say(421, "4.7.0", "Too many commands")).await
    }

    fn command(&mut self, command: Command) -> Reply {
        match command {
            Command::Ehlo(_) | Command::Helo(_) => {
                (self.helo, self.mail) = (true, None);
                // Nothing is announced that a bounce needs; a relay that must send 8 bits may.
                Reply::lines(250, vec![self.hostname.clone(), "ENHANCEDSTATUSCODES".into()])
            }
            Command::Noop => say(250, "2.0.0", "OK"),
            Command::Rset => {
                self.mail = None;
                say(250, "2.0.0", "OK")
            }
            Command::Mail(..) if !self.helo || self.mail.is_some() => say(503, "5.5.1", "Bad sequence"),
            Command::Mail(Path::Null, _) => {
                self.mail = Some(Vec::new());
                say(250, "2.1.0", "OK")
            }
            Command::Mail(..) => say(550, "5.7.1", "Only reports are taken here"),
            Command::Rcpt(path, _) => self.recipient(&path),
            _ => say(502, "5.5.1", "Not here"),
        }
    }

    fn recipient(&mut self, path: &Path) -> Reply {
        let Some(named) = &mut self.mail else { return say(503, "5.5.1", "Bad sequence") };
        if named.len() >= RECIPIENTS {
            return say(452, "4.5.3", "Too many recipients");
        }
        let Path::Mailbox { address, .. } = path else { return say(550, "5.1.1", "No such address") };
        match self.operator.bounced_notice(address) {
            Ok(notice) => {
                named.push(notice);
                say(250, "2.1.5", "OK")
            }
            Err(_) => say(550, "5.1.1", "No such address"),
        }
    }

    async fn data(&mut self) -> Result<Reply, ReadError> {
        let Some(notices) = self.mail.take().filter(|n| !n.is_empty()) else {
            return Ok(say(503, "5.5.1", "Bad sequence"));
        };
        self.reply(&say(354, "", "Go on")).await?;
        let (mut decoder, mut kept, mut seen) = (DataDecoder::new(LINE), Vec::new(), 0_usize);
        let mut piece = Vec::new();
        while !decoder.is_done() {
            let bytes = self.conn.read_some(16 << 10).await?;
            if bytes.is_empty() {
                return Err(ReadError::Closed);
            }
            piece.clear();
            let took = decoder.push(&bytes, &mut piece);
            self.conn.unread(&bytes[took..]);
            seen += took;
            if seen > LARGEST {
                return Ok(say(421, "4.3.4", "Too much"));
            }
            let room = MOST.saturating_sub(kept.len());
            kept.extend_from_slice(&piece[..piece.len().min(room)]);
        }
        if decoder.flaw().is_some() {
            return Ok(say(554, "5.6.0", "Malformed"));
        }
        for notice in notices {
            if let Err(refusal) = self.operator.take_bounce(notice, &kept, &self.origin).await {
                return Ok(Reply::refusal(&refusal));
            }
        }
        Ok(say(250, "2.0.0", "Read"))
    }
}
