//! `sceau import`: people and BALs from a file; mail from elsewhere (see [`super::import_mail`]).
use super::Context;
use super::file::NewFile;
use super::import_mail;
use crate::admin::client::Failure;
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    Start(StartArgs),
    Show {
        #[arg(value_parser = super::accounts::id)]
        id: String,
        #[arg(long, value_parser = ["waiting", "done", "wrong", "skipped"])]
        lines: Option<String>,
        #[arg(long)]
        after: Option<String>,
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    List {
        #[arg(long)]
        after: Option<String>,
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    Cancel {
        #[arg(value_parser = super::accounts::id)]
        id: String,
    },
    Report {
        #[arg(value_parser = super::accounts::id)]
        id: String,
        file: Option<PathBuf>,
    },
    Maildir(import_mail::MaildirArgs),
    Mbox(import_mail::MboxArgs),
    Imap(Box<import_mail::ImapArgs>),
}

#[derive(Debug, Args)]
pub struct StartArgs {
    file: PathBuf,
    #[arg(long)]
    structure: Option<String>,
    #[arg(long)]
    dry_run: bool,
    #[arg(long)]
    certified: bool,
    #[arg(long)]
    wait: bool,
}

const IMPORT: [(&str, &str); 11] = [
    ("id", "column.id"),
    ("structure", "column.structure"),
    ("dry_run", "column.dry_run"),
    ("state", "column.state"),
    ("lines", "column.lines"),
    ("done", "column.done"),
    ("wrong", "column.wrong"),
    ("skipped", "column.skipped"),
    ("by", "column.actor"),
    ("at", "column.at"),
    ("name", "column.file"),
];

/// How often a command that waits looks.
const LOOK: Duration = Duration::from_millis(300);

fn shown(c: &Context, id: &str) -> Result<Value, Failure> {
    Ok(c.call(Method::GET, &["imports", id])?.send()?.value)
}

/// `sceau import`.
pub fn run(c: &Context, command: ImportCommand) -> Result<(), Failure> {
    match command {
        ImportCommand::Maildir(a) => import_mail::maildir(c, a)?,
        ImportCommand::Mbox(a) => import_mail::mbox(c, a)?,
        ImportCommand::Imap(a) => import_mail::imap(c, *a)?,
        ImportCommand::Start(a) => {
            let name = a.file.file_name().map(|n| n.to_string_lossy().into_owned());
            let call = c.call(Method::POST, &["imports"])?.query("structure", a.structure.as_deref());
            let call = call.query("name", name.as_deref());
            let call = call.query("dry_run", a.dry_run.then_some("true"));
            let call = call.query("certified", a.certified.then_some("true"));
            let mut import = call.file("text/plain", a.file).send()?.value;
            while a.wait && import["state"] == "running" {
                std::thread::sleep(LOOK);
                import = shown(c, import["id"].as_str().unwrap_or_default())?;
            }
            c.show_one(&import, &IMPORT);
        }
        ImportCommand::Show { id, lines: None, .. } => c.show_one(&shown(c, &id)?, &IMPORT),
        ImportCommand::Show { id, lines: Some(state), after, limit } => {
            let call = c.call(Method::GET, &["imports", &id, "lines"])?.query("state", Some(&state));
            let call = call.query("after", after.as_deref()).query("limit", Some(&super::table::limit(limit)));
            let detail = if c.lang == sceau_domain::Lang::Fr { "detail" } else { "detail_en" };
            let columns = [
                ("line", "column.line"),
                ("state", "column.state"),
                ("login", "column.login"),
                ("address", "column.address"),
                ("code", "column.code"),
                (detail, "column.sentence"),
            ];
            c.show_list(&c.page(call.send()?), &columns);
        }
        ImportCommand::List { after, limit } => {
            let call = c.call(Method::GET, &["imports"])?.query("after", after.as_deref());
            c.show_list(&c.page(call.query("limit", Some(&super::table::limit(limit))).send()?), &IMPORT);
        }
        ImportCommand::Cancel { id } => {
            c.show_one(&c.call(Method::DELETE, &["imports", &id])?.send()?.value, &IMPORT);
        }
        ImportCommand::Report { id, file } => {
            let call = c.call(Method::GET, &["imports", &id, "report"])?;
            match file {
                None => {
                    call.save("stdout", &mut std::io::stdout().lock())?;
                }
                Some(path) => {
                    let name = path.display().to_string();
                    let unwritable = |e: std::io::Error| super::out::unwritable(c, &name, &e);
                    let mut out = NewFile::begin(&path).map_err(unwritable)?;
                    call.save(&name, &mut out)?;
                    out.keep().map_err(unwritable)?;
                }
            }
        }
    }
    Ok(())
}
