//! `sceau export`: a person's own mailbox into files, with the person's own token; and judging such files.
use super::Context;
use super::bal_door::{BalArgs, Progress, failed, words};
use super::table::{print_json, printable};
use crate::admin::client::Failure;
use clap::{Args, Subcommand};
use sceau_migration::Error;
use sceau_migration::error::No;
use sceau_migration::export::{Counts, Plan, Witness, run as export};
use sceau_migration::manifest::Format;
use sceau_migration::verify::verify;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;

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

/// `sceau export`.
pub fn run(c: &Context, command: ExportCommand) -> Result<(), Failure> {
    match command {
        ExportCommand::Maildir(args) => take_out(c, args, Format::Maildir),
        ExportCommand::Mbox(args) => take_out(c, args, Format::Mbox),
        ExportCommand::Verify { dir } => judge(c, &dir),
    }
}

const COUNTS: [(&str, &str); 7] = [
    ("folders", "column.mail_folders"),
    ("messages", "column.messages"),
    ("bytes", "column.size"),
    ("before", "column.mail_before"),
    ("gone", "column.mail_gone"),
    ("unread", "column.mail_unread"),
    ("personal", "column.mail_personal"),
];

fn take_out(c: &Context, args: ExportArgs, format: Format) -> Result<(), Failure> {
    let plan = Plan { login: args.bal.login(c)?, dir: args.dir, format, only: args.folders };
    let mut watching = Watching { context: c, progress: Progress::new(c), now: 0, before: 0 };
    let done = export(&plan, &mut watching);
    watching.progress.clear();
    let counts = done.map_err(|e| failed(c, &e))?;
    c.show_one(&json!(counts), &COUNTS);
    if counts.unread > 0 {
        let sentence = c.text("mailbox.some_unread", &[("count", &counts.unread.to_string())]);
        return Err(Failure { sentence, exit: 1 });
    }
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

/// Says what it does, and what is not given.
struct Watching<'a> {
    context: &'a Context,
    progress: Progress<'a>,
    /// Messages that were gone through before this folder.
    before: u64,
    now: u64,
}

impl Witness for Watching<'_> {
    fn folder(&mut self, name: &str, _: &str, messages: usize) {
        self.before = self.now;
        self.progress.folder(name, messages as u64);
    }
    fn step(&mut self, counts: &Counts) {
        self.now = counts.messages - counts.before + counts.gone + counts.unread;
        self.progress.step(self.now - self.before);
    }
    fn unread(&mut self, folder: &str, uid: u32, no: &No) {
        let (uid, error) = (uid.to_string(), words(self.context, no));
        let args = [("folder", folder), ("message", &uid), ("error", &error)];
        self.progress.say(&self.context.text("mailbox.message_unread", &args));
    }
    fn cut(&mut self, why: &Error, wait: Duration) {
        self.progress.cut(why, wait);
    }
}
