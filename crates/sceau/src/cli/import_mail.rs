//! `sceau import maildir|mbox|imap`: mail from elsewhere into a person's own mailbox, with the person's own token.
use super::Context;
use super::bal_door::{BalArgs, Progress, failed, host, secret, words};
use super::file::NewFile;
use super::table::print_json;
use crate::admin::client::Failure;
use aws_lc_rs::digest::{SHA256, digest};
use clap::{Args, ValueEnum};
use sceau_migration::Error;
use sceau_migration::client::Auth;
use sceau_migration::door::{Door, Host};
use sceau_migration::import::{Counts, Plan, Refused, Witness, run};
use sceau_migration::journal::Journal;
use sceau_migration::maildir::Maildir;
use sceau_migration::mbox::{Form, Mbox};
use sceau_migration::source::{Login, Server, Source};
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// Refusals that an answer in JSON names one by one; the report has all.
const NAMED: usize = 10_000;

/// What every import of mail is told.
#[derive(Debug, Args)]
pub struct MailArgs {
    #[command(flatten)]
    bal: BalArgs,
    #[arg(id = "mail_folder", long = "folder", value_name = "NAME")]
    folders: Vec<String>,
    #[arg(id = "mail_into", long = "into", value_name = "NAME")]
    into: Option<String>,
    #[arg(id = "mail_journal", long = "journal", value_name = "FILE")]
    journal: Option<PathBuf>,
    #[arg(id = "mail_report", long = "report", value_name = "FILE")]
    report: Option<PathBuf>,
    #[arg(id = "mail_dry_run", long = "dry-run")]
    dry_run: bool,
}

#[derive(Debug, Args)]
pub struct MaildirArgs {
    dir: PathBuf,
    #[command(flatten)]
    mail: MailArgs,
}

#[derive(Debug, Args)]
pub struct MboxArgs {
    path: PathBuf,
    #[arg(long, value_enum, default_value = "auto")]
    form: FormArg,
    #[command(flatten)]
    mail: MailArgs,
}

/// Customs of mbox.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum FormArg {
    Auto,
    Mboxo,
    Mboxrd,
    Mboxcl,
    Mboxcl2,
}

#[derive(Debug, Args)]
pub struct ImapArgs {
    #[arg(value_name = "HOST[:PORT]", value_parser = host)]
    source: Host,
    #[arg(long)]
    user: String,
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    #[arg(long, value_enum, default_value = "auto")]
    auth: AuthArg,
    #[arg(long)]
    source_starttls: bool,
    #[arg(long, value_name = "FILE")]
    source_ca: Option<PathBuf>,
    #[command(flatten)]
    mail: MailArgs,
}

/// Ways to log in.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum AuthArg {
    Auto,
    Plain,
    Login,
    Xoauth2,
}

/// `sceau import maildir`.
pub fn maildir(c: &Context, args: MaildirArgs) -> Result<(), Failure> {
    let name = format!("maildir {}", whole(&args.dir));
    bring(c, args.mail, &name, || Ok(Box::new(Maildir::new(&args.dir))))
}

/// `sceau import mbox`.
pub fn mbox(c: &Context, args: MboxArgs) -> Result<(), Failure> {
    let form = match args.form {
        FormArg::Auto => Form::Any,
        FormArg::Mboxo => Form::O,
        FormArg::Mboxrd => Form::Rd,
        FormArg::Mboxcl => Form::Cl,
        FormArg::Mboxcl2 => Form::Cl2,
    };
    let name = format!("mbox {}", whole(&args.path));
    bring(c, args.mail, &name, || Ok(Box::new(Mbox::new(&args.path, form))))
}

/// `sceau import imap`.
pub fn imap(c: &Context, args: ImapArgs) -> Result<(), Failure> {
    let auth = match args.auth {
        AuthArg::Auto => Auth::Any,
        AuthArg::Plain => Auth::Plain,
        AuthArg::Login => Auth::Login,
        AuthArg::Xoauth2 => Auth::XOAuth2,
    };
    let secret = secret(c, args.password_file.as_deref(), "SCEAU_SOURCE_PASSWORD", "mailbox.password")?;
    let door = Door { host: args.source, starttls: args.source_starttls, ca: args.source_ca };
    let name = format!("imap {} {}", door.shown(), args.user);
    let login = Login { door, user: args.user, secret, auth };
    bring(c, args.mail, &name, || Ok(Box::new(Server::open(login)?)))
}

/// A path that is the same from wherever the command is run.
fn whole(path: &std::path::Path) -> String {
    path.canonicalize().unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// Where the journal of an import lies when nobody says: with what programs keep of their work.
fn own_journal(name: &str) -> Option<PathBuf> {
    let given = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let state = given("XDG_STATE_HOME").or_else(|| Some(given("HOME")?.join(".local/state")))?;
    let name = hex::encode(&digest(&SHA256, name.as_bytes()).as_ref()[..8]);
    Some(state.join("sceau").join(format!("import-{name}")))
}

fn journal(c: &Context, args: &MailArgs, name: &str) -> Result<Journal, Failure> {
    let own = args.journal.is_none();
    let about = format!("{name} {}", args.bal.name());
    let Some(path) = args.journal.clone().or_else(|| own_journal(&about)) else {
        return Ok(Journal::none());
    };
    if args.dry_run && !path.exists() {
        return Ok(Journal::none());
    }
    if own && let Some(folder) = path.parent() {
        use std::os::unix::fs::DirBuilderExt;
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|e| super::out::unwritable(c, &folder.display().to_string(), &e))?;
    }
    Journal::open(&path, &about).map_err(|e| failed(c, &e))
}

fn bring(
    c: &Context,
    args: MailArgs,
    name: &str,
    open: impl FnOnce() -> Result<Box<dyn Source>, Error>,
) -> Result<(), Failure> {
    let mut journal = journal(c, &args, name)?;
    let report = match &args.report {
        Some(path) => Some((path.clone(), NewFile::begin(path).map_err(|e| unwritable(c, path, &e))?)),
        None => None,
    };
    let dry_run = args.dry_run;
    let plan = Plan { login: args.bal.login(c)?, into: args.into, only: args.folders, dry_run };
    let mut source = open().map_err(|e| failed(c, &e))?;
    let mut watching =
        Watching { context: c, progress: Progress::new(c), before: 0, now: 0, named: Vec::new(), report };
    let done = run(source.as_mut(), &plan, &mut journal, &mut watching);
    watching.progress.clear();
    if let Some((path, file)) = watching.report.take() {
        file.keep().map_err(|e| unwritable(c, &path, &e))?;
    }
    let counts = done.map_err(|e| failed(c, &e))?;
    let is_whole = watching.named.is_empty();
    tell(c, &counts, dry_run, watching.named);
    // A folder that its server does not open is none of the messages, and missing all the same.
    if !is_whole {
        let sentence = c.text("mailbox.some_refused", &[("count", &counts.refused.to_string())]);
        return Err(Failure { sentence, exit: 1 });
    }
    Ok(())
}

fn unwritable(c: &Context, path: &std::path::Path, e: &std::io::Error) -> Failure {
    super::out::unwritable(c, &path.display().to_string(), e)
}

const COUNTS: [(&str, &str); 8] = [
    ("folders", "column.mail_folders"),
    ("messages", "column.messages"),
    ("brought", "column.mail_brought"),
    ("bytes", "column.size"),
    ("present", "column.mail_present"),
    ("refused", "column.mail_refused"),
    ("gone", "column.mail_gone"),
    ("bare", "column.mail_bare"),
];

fn tell(c: &Context, counts: &Counts, dry_run: bool, named: Vec<Value>) {
    let mut value = json!(counts);
    if c.json {
        value["dry_run"] = dry_run.into();
        value["refusals"] = named.into();
        print_json(&value);
    } else {
        c.show_one(&value, &COUNTS);
    }
}

/// Says what it does, and what is refused as it is.
struct Watching<'a> {
    context: &'a Context,
    progress: Progress<'a>,
    /// How many messages were gone through before this folder.
    before: u64,
    now: u64,
    named: Vec<Value>,
    report: Option<(PathBuf, NewFile)>,
}

impl Witness for Watching<'_> {
    fn folder(&mut self, from: &str, to: &str, messages: usize) {
        self.before = self.now;
        let name = if from == to { from.to_owned() } else { format!("{from} → {to}") };
        self.progress.folder(&name, messages as u64);
    }
    fn step(&mut self, counts: &Counts) {
        self.now = counts.messages;
        self.progress.step(self.now - self.before);
    }
    fn left_out(&mut self, folder: &str) {
        self.progress.say(&self.context.text("mailbox.left_out", &[("name", folder)]));
    }
    fn refused(&mut self, refused: &Refused) {
        let c = self.context;
        let why = words(c, &refused.no);
        let value = json!({
            "folder": refused.folder,
            "message": refused.message,
            "count": refused.count,
            "size": refused.size,
            "code": refused.no.code,
            "reason": why,
        });
        if let Some((_, file)) = &mut self.report {
            // A report that cannot be written is told when it is to be kept.
            let _ = writeln!(file, "{value}");
        }
        if !c.json {
            let count = refused.count.to_string();
            let args = [
                ("folder", refused.folder.as_str()),
                ("message", refused.message.as_deref().unwrap_or_default()),
                ("count", &count),
                ("error", &why),
            ];
            let key = if refused.message.is_some() { "mailbox.message_refused" } else { "mailbox.folder_refused" };
            self.progress.say(&c.text(key, &args));
        }
        if self.named.len() < NAMED {
            self.named.push(value);
        }
    }
    fn cut(&mut self, why: &Error, wait: Duration) {
        self.progress.cut(why, wait);
    }
}
