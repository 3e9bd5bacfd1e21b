//! The door through which a person's own mailbox is reached from anywhere: IMAP, with the person's own token. No configuration is read, no socket of the
//! server is needed.
use super::Context;
use super::meter::{EVERY, Meter};
use crate::admin::client::Failure;
use clap::Args;
use sceau_migration::Error;
use sceau_migration::client::{Auth, Secret};
use sceau_migration::door::{Door, Host};
use sceau_migration::error::No;
use sceau_migration::source::Login;
use std::io::{BufRead, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Longest secret, octets.
const SECRET: u64 = 16 * 1024;

/// Which mailbox.
#[derive(Debug, Args)]
pub struct BalArgs {
    #[arg(id = "bal_server", long = "server", value_name = "HOST[:PORT]", value_parser = host)]
    server: Host,
    #[arg(id = "bal_login", long = "login", value_name = "LOGIN")]
    login: String,
    #[arg(id = "bal_token_file", long = "token-file", value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[arg(id = "bal_starttls", long = "starttls")]
    starttls: bool,
    #[arg(id = "bal_ca", long = "ca", value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// `HOST[:PORT]`.
pub fn host(text: &str) -> Result<Host, String> {
    text.parse().map_err(str::to_owned)
}

impl BalArgs {
    /// The login to it; the token is read now.
    pub fn login(self, c: &Context) -> Result<Login, Failure> {
        let secret = secret(c, self.token_file.as_deref(), "SCEAU_TOKEN", "mailbox.token")?;
        let door = Door { host: self.server, starttls: self.starttls, ca: self.ca };
        Ok(Login { door, user: self.login, secret, auth: Auth::Plain })
    }
    /// Where it is and whose, for what is kept of it.
    pub fn name(&self) -> String {
        let door = Door { host: self.server.clone(), starttls: self.starttls, ca: None };
        format!("{} {}", door.shown(), self.login)
    }
}

/// A secret: from a file, else from a variable of the environment, else from a line of the standard input, which a terminal does not show.
pub fn secret(c: &Context, file: Option<&Path>, variable: &str, question: &str) -> Result<Secret, Failure> {
    let unreadable = |path: &str, e: &std::io::Error| Failure {
        sentence: c.text("cli.cannot_read", &[("path", path), ("error", &e.to_string())]),
        exit: 2,
    };
    let mut said = Zeroizing::new(String::new());
    match (file, std::env::var(variable)) {
        (Some(path), _) => {
            let read = std::fs::File::open(path).and_then(|f| f.take(SECRET).read_to_string(&mut said));
            read.map_err(|e| unreadable(&path.display().to_string(), &e))?;
        }
        (None, Ok(value)) if !value.is_empty() => said.push_str(&value),
        (None, _) => {
            let stdin = std::io::stdin();
            let hidden = stdin.is_terminal().then(|| {
                super::out::complain(&c.text(question, &[]));
                Hidden::begin()
            });
            let read = stdin.lock().take(SECRET).read_line(&mut said);
            drop(hidden);
            read.map_err(|e| unreadable("stdin", &e))?;
        }
    }
    let secret = Secret::new(said.trim_end_matches(['\r', '\n']).to_owned());
    if secret.is_empty() || said.contains('\u{3}') {
        return Err(Failure { sentence: c.text("mailbox.no_secret", &[("variable", variable)]), exit: 2 });
    }
    Ok(secret)
}

/// A terminal that does not show what is written, until this is dropped.
struct Hidden(Option<rustix::termios::Termios>);

impl Hidden {
    fn begin() -> Self {
        let before = rustix::termios::tcgetattr(std::io::stdin()).ok();
        if let Some(before) = &before {
            let mut quiet = before.clone();
            // Ctrl-C too is read as what is written: a program that ends here would leave a terminal that shows nothing.
            quiet.local_modes.remove(rustix::termios::LocalModes::ECHO | rustix::termios::LocalModes::ISIG);
            // A terminal that refuses shows what is written: better than no import.
            let _ = rustix::termios::tcsetattr(std::io::stdin(), rustix::termios::OptionalActions::Now, &quiet);
        }
        Self(before)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = rustix::termios::tcsetattr(std::io::stdin(), rustix::termios::OptionalActions::Now, before);
            eprintln!();
        }
    }
}

/// Why something did not succeed, as other failures are told.
pub fn failed(c: &Context, e: &Error) -> Failure {
    let error = e.to_string();
    let (sentence, exit) = match e {
        Error::Cut(_) => (c.text("mailbox.cut", &[("error", &error)]), 3),
        Error::Tls(_) => (c.text("mailbox.tls", &[("error", &error)]), 3),
        Error::Protocol(_) => (c.text("mailbox.protocol", &[("error", &error)]), 3),
        Error::Login(no) => (c.text("mailbox.login", &[("error", &no.text)]), 1),
        Error::No(no) => (c.text("mailbox.refused", &[("error", &words(c, no))]), 1),
        Error::File(path, e) => {
            let path = path.display().to_string();
            (c.text("mailbox.file", &[("path", &path), ("error", &e.to_string())]), 2)
        }
        Error::Changed => (c.text("mailbox.changed", &[]), 1),
        Error::NoFolder(name) => (c.text("mailbox.no_folder", &[("name", name.as_str())]), 1),
        Error::Content(path, why) => {
            (c.text(&format!("mailbox.why.{why}"), &[("path", &path.display().to_string())]), 2)
        }
    };
    Failure { sentence, exit }
}

/// A no, in the server's words; those that are ours in the person's language.
pub fn words(c: &Context, no: &No) -> String {
    use sceau_migration::client::UNREAD;
    use sceau_migration::import::{CHANGED, CUT, EMPTY, TOO_BIG};
    match no.code.as_deref() {
        Some(EMPTY) => c.text("mailbox.empty", &[]),
        Some(TOO_BIG) if no.text.is_empty() => c.text("mailbox.too_big", &[]),
        Some(CHANGED) => c.text("mailbox.changed", &[]),
        Some(UNREAD) => c.text("mailbox.unread", &[]),
        Some(CUT) => c.text("mailbox.cut", &[("error", &no.text)]),
        _ => no.text.clone(),
    }
}

/// Says which folder is gone through, and how far it is.
pub struct Progress<'a> {
    context: &'a Context,
    meter: Meter,
    shown: Option<Instant>,
    folder: String,
    messages: u64,
}

impl<'a> Progress<'a> {
    /// Nothing is shown yet.
    pub fn new(context: &'a Context) -> Self {
        Self { context, meter: Meter::new(context), shown: None, folder: String::new(), messages: 0 }
    }
    /// A folder begins, of so many messages.
    pub fn folder(&mut self, name: &str, messages: u64) {
        (self.folder, self.messages) = (name.to_owned(), messages);
        let count = messages.to_string();
        self.say(&self.context.text("mailbox.folder", &[("name", name), ("count", &count)]));
    }
    /// So many of them were gone through.
    pub fn step(&mut self, done: u64) {
        if self.shown.is_none_or(|at| at.elapsed() >= EVERY) {
            self.meter.draw(&self.folder, done, self.messages);
            self.shown = Some(Instant::now());
        }
    }
    /// A connection ended; it is made anew after this wait.
    pub fn cut(&mut self, why: &Error, wait: Duration) {
        let (error, wait) = (why.to_string(), wait.as_secs().to_string());
        self.say(&self.context.text("mailbox.again", &[("error", &error), ("seconds", &wait)]));
    }
    /// Says something that stays.
    pub fn say(&mut self, sentence: &str) {
        self.clear();
        super::out::complain(sentence);
    }
    /// Takes the bar away.
    pub fn clear(&mut self) {
        self.meter.clear();
        self.shown = None;
    }
}
