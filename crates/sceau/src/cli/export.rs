//! `sceau export`: a person's own mailbox into files, with the person's own token; and judging such files.
use super::Context;
use super::bal_door::{BalArgs, failed};
use super::table::{print_json, printable};
use crate::admin::client::Failure;
use clap::{Args, Subcommand};
use sceau_migration::Error;
use sceau_migration::export::{Counts, Plan, Witness, run as export};
use sceau_migration::manifest::Format;
use sceau_migration::verify::verify;
use serde_json::json;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[derive(Debug, Subcommand)]
pub enum ExportCommand {
    Maildir(ExportArgs),
    Mbox(ExportArgs),
    Verify { dir: PathBuf },
}

#[derive(Debug, Args)]
pub struct ExportArgs {
    #[arg(id = "export_dir", value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    bal: BalArgs,
    #[arg(id = "mail_folder", long = "folder", value_name = "NAME")]
    folders: Vec<String>,
}

/// How often progress is shown.
const EVERY: Duration = Duration::from_millis(250);

/// `sceau export`.
pub fn run(c: &Context, command: ExportCommand) -> Result<(), Failure> {
    match command {
        ExportCommand::Maildir(args) => take_out(c, args, Format::Maildir),
        ExportCommand::Mbox(args) => take_out(c, args, Format::Mbox),
        ExportCommand::Verify { dir } => judge(c, &dir),
    }
}

const COUNTS: [(&str, &str); 5] = [
    ("folders", "column.mail_folders"),
    ("messages", "column.messages"),
    ("bytes", "column.size"),
    ("before", "column.mail_before"),
    ("gone", "column.mail_gone"),
];

fn take_out(c: &Context, args: ExportArgs, format: Format) -> Result<(), Failure> {
    let plan = Plan { login: args.bal.login(c)?, dir: args.dir, format, only: args.folders };
    let mut watching = Watching { context: c, shown: None, folder: String::new(), messages: 0, now: 0, before: None };
    let done = export(&plan, &mut watching);
    watching.clear();
    let counts = done.map_err(|e| failed(c, &e))?;
    c.show_one(&json!(counts), &COUNTS);
    Ok(())
}

fn judge(c: &Context, dir: &Path) -> Result<(), Failure> {
    let judged = verify(dir).map_err(|e| failed(c, &e))?;
    if c.json {
        let mut value = json!(judged);
        value["good"] = (judged.defects == 0).into();
        print_json(&value);
    } else {
        for defect in &judged.told {
            let uid = defect.uid.map(|u| u.to_string()).unwrap_or_default();
            let flaw = json!(defect.flaw);
            let key = format!("mailbox.flaw.{}", flaw.as_str().unwrap_or_default());
            say!("{}", printable(&c.text(&key, &[("path", &defect.path), ("uid", &uid)])));
        }
    }
    let (messages, defects) = (judged.messages.to_string(), judged.defects.to_string());
    if judged.defects > 0 {
        let sentence = c.text("mailbox.export_bad", &[("count", &defects), ("messages", &messages)]);
        return Err(Failure { sentence, exit: 1 });
    }
    if !c.json {
        let folders = judged.folders.to_string();
        say!("{}", c.text("mailbox.export_good", &[("messages", &messages), ("folders", &folders)]));
    }
    Ok(())
}

/// Shows how far it is.
struct Watching<'a> {
    context: &'a Context,
    shown: Option<Instant>,
    folder: String,
    messages: u64,
    now: u64,
    /// Messages that were gone through before this folder, once one was.
    before: Option<u64>,
}

impl Watching<'_> {
    fn clear(&mut self) {
        if self.shown.take().is_some() {
            eprint!("\r\x1b[K");
        }
    }
}

impl Witness for Watching<'_> {
    fn folder(&mut self, name: &str, _: &str, messages: usize) {
        self.clear();
        (self.folder, self.messages) = (name.to_owned(), messages as u64);
        self.before = None;
        let count = messages.to_string();
        super::out::complain(&self.context.text("mailbox.folder", &[("name", name), ("count", &count)]));
    }
    fn step(&mut self, counts: &Counts) {
        let now = counts.messages + counts.gone;
        let before = *self.before.get_or_insert(now.saturating_sub(1));
        self.now = now;
        if std::io::stderr().is_terminal() && self.shown.is_none_or(|at| at.elapsed() >= EVERY) {
            // Nobody reads: the work goes on.
            let _ = write!(
                std::io::stderr().lock(),
                "\r\x1b[K{} {}/{}",
                printable(&self.folder),
                now - before,
                self.messages
            );
            let _ = std::io::stderr().flush();
            self.shown = Some(Instant::now());
        }
    }
    fn cut(&mut self, why: &Error, wait: Duration) {
        self.clear();
        let (error, wait) = (why.to_string(), wait.as_secs().to_string());
        super::out::complain(&self.context.text("mailbox.again", &[("error", &error), ("seconds", &wait)]));
    }
}
