//! The commands of a session: what each does or where it is done, when it may be used, what is announced.
use super::connector::Connector;
use super::mx::Mx;
use super::session::{Outcome, Role, Session, misplaced};
use super::transaction::Helo;
use crate::codec::command::{Command, CommandError};
use crate::codec::parameters::Announced;
use crate::codec::reply::Reply;
use sceau_domain::{Refusal, RefusalCode};
use sceau_net::ReadError;

impl Session {
    pub(super) async fn command(&mut self, line: &[u8]) -> Result<Outcome, ReadError> {
        if let Err(refusal) = self.manners.command(&self.limits) {
            self.trace(&refusal).await;
            return Ok(Reply::refusal(&refusal).into());
        }
        let command = match Command::parse(line, &self.announced()) {
            Ok(command) => command,
            Err(e) => {
                let reply = self.malformed(line, e).await;
                // How many octets follow is not known: none of them shall be read as commands.
                return Ok(if is_verb(line, "BDAT") { Outcome::Last(reply) } else { reply.into() });
            }
        };
        if let Some(refusal) = self.closed_to(&command) {
            let reply = self.counted(&refusal);
            return Ok(if matches!(command, Command::Bdat(..)) { Outcome::Last(reply) } else { reply.into() });
        }
        // RFC 2920 §3.1: these are the last of a group, because what follows depends on their answer. Octets that a client sends before it could
        // have heard it are somebody else's (CVE-2023-51764), or a way to have them read as something else.
        let ends_group = matches!(command, Command::Ehlo(_) | Command::Helo(_) | Command::Data | Command::Auth(..));
        if ends_group && self.conn.has_buffered() {
            return Ok(Outcome::Last(self.no(&misplaced("pipelining")).await));
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
            Command::Rcpt(path, request) => self.rcpt(path, request).await.into(),
            Command::Data => return self.data().await,
            Command::Bdat(size, last) => return self.bdat(size, last).await,
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
                Role::Connector(connector) => connector.closed(),
                Role::Submission(submission) => submission.closed_to(command),
            },
        }
    }

    fn announced(&self) -> Announced {
        let on = self.conn.tls().is_some() && self.helo.as_ref().is_some_and(|h| h.extended);
        let auth = on && matches!(self.role, Role::Submission(_));
        if on { Announced { auth, ..Announced::ALL } } else { Announced::default() }
    }

    fn extensions(&self) -> Vec<String> {
        let mut lines = vec![self.operator.config().hostname.clone()];
        if self.conn.tls().is_none() {
            lines.extend(["STARTTLS".into(), "ENHANCEDSTATUSCODES".into()]);
            return lines;
        }
        lines.push("PIPELINING".into());
        lines.push(format!("SIZE {}", self.operator.config().limits.announced_bytes()));
        let always = ["8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN", "CHUNKING", "BINARYMIME", "REQUIRETLS"];
        lines.extend(always.map(Into::into));
        let most = self.limits.transactions;
        match &self.role {
            // RFC 9422. What somebody may send who has not logged in yet is not known.
            Role::Submission(_) => {
                lines.push(format!("LIMITS MAILMAX={most}"));
                let certificate = self.conn.tls().is_some_and(|t| !t.peer.is_empty());
                lines.push(format!(
                    "AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER{}",
                    if certificate { " EXTERNAL" } else { "" }
                ));
            }
            Role::Connector(_) => lines.push(format!("LIMITS MAILMAX={most}")),
            Role::Mx(_) => {
                let recipients = self.operator.mx_recipients().min(self.limits.recipients);
                lines.push(format!("LIMITS MAILMAX={most} RCPTMAX={recipients}"));
            }
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
        let chain = self.conn.tls().map(|t| t.peer.as_slice()).unwrap_or_default();
        match &mut self.role {
            Role::Mx(mx) => *mx = Mx::judge(&self.operator, chain, &self.origin).await,
            Role::Connector(_) => self.role = Connector::judge(&self.operator, chain, &self.origin).await,
            Role::Submission(_) => {}
        }
        Ok(Outcome::Said)
    }

    /// The reply to a line that is no command. Where a door is closed, only what is always open deserves a syntax error.
    async fn malformed(&mut self, line: &[u8], e: CommandError) -> Reply {
        let open = ["EHLO", "HELO", "NOOP", "RSET", "QUIT", "STARTTLS", "AUTH"].iter().any(|verb| is_verb(line, verb));
        if !open
            && !matches!(e, CommandError::Line)
            && let Some(refusal) = self.closed_to(&Command::Data)
        {
            self.manners.error();
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
}

/// Does the line begin with this verb?
pub(super) fn is_verb(line: &[u8], verb: &str) -> bool {
    line.get(..verb.len()).is_some_and(|head| head.eq_ignore_ascii_case(verb.as_bytes()))
}
