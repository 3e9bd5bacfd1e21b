//! `sceau trace`: the probative log: what it says, whether it is whole, evidence of what it says.
use super::Context;
use super::table::{limit as most, numbered};
use super::time::maybe;
use super::verify::{self, Source, typed, unreadable};
use crate::admin::client::Failure;
use clap::Subcommand;
use hyper::Method;
use sceau_domain::{Refusal, RefusalCode};
use sceau_notary::{Bundle, Checkpoint};
use sceau_operator::notary::{EvidenceError, lines};
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub enum TraceCommand {
    List {
        #[arg(long)]
        act: Option<String>,
        #[arg(long)]
        bal: Option<String>,
        #[arg(long)]
        actor: Option<String>,
        #[arg(long)]
        since: Option<String>,
        #[arg(long)]
        after: Option<i64>,
        #[arg(long)]
        limit: Option<u32>,
    },
    Verify {
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    Prove {
        id: i64,
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        #[arg(long, value_name = "FILE")]
        since: Option<PathBuf>,
    },
    Settle {
        id: i64,
        #[arg(long)]
        reason: String,
    },
    Key {
        #[arg(long)]
        rotate: bool,
    },
}

pub(super) const TRACE: &[(&str, &str)] = &[
    ("at", "column.at"),
    ("act", "column.act"),
    ("outcome", "column.outcome"),
    ("actor", "column.actor"),
    ("bal", "column.bal"),
    ("remote", "column.remote"),
    ("data", "column.data"),
];

const KEY: &[(&str, &str)] = &[
    ("id", "column.id"),
    ("fingerprint", "column.fingerprint"),
    ("created", "column.created"),
    ("retired", "column.retired"),
];

/// `sceau trace`.
pub fn run(c: &Context, command: TraceCommand) -> Result<(), Failure> {
    match command {
        TraceCommand::List { act, bal, actor, since, after, limit } => {
            let since = maybe(c, since.as_ref())?;
            let call = c.call(Method::GET, &["traces"])?.query("act", act.as_deref()).query("bal", bal.as_deref());
            let call = call.query("actor", actor.as_deref()).query("since", since.map(|s| s.to_string()).as_deref());
            let call = call.query("after", after.map(|a| a.max(0).to_string()).as_deref());
            let answered = call.query("limit", limit.map(most).as_deref()).send()?;
            c.show_list(&numbered(c.page(answered)), TRACE);
            Ok(())
        }
        TraceCommand::Verify { checkpoint, key } => verify::run(c, checkpoint, key.as_deref()),
        TraceCommand::Prove { id, output, since } => prove(c, id, output.as_deref(), since.as_deref()),
        TraceCommand::Settle { id, reason } => settle(c, id, &reason),
        TraceCommand::Key { rotate } => key(c, rotate),
    }
}

fn settle(c: &Context, id: i64, reason: &str) -> Result<(), Failure> {
    let statement = c.post(&["traces", &id.to_string(), "settlement"], &json!({ "reason": reason }))?;
    if c.json {
        super::table::print_json(&statement);
    } else {
        let leaf = statement["number"].to_string();
        say!("{}", c.text("audit.settled", &[("leaf", &leaf)]));
    }
    Ok(())
}

fn key(c: &Context, rotate: bool) -> Result<(), Failure> {
    let method = if rotate { Method::POST } else { Method::GET };
    let keys = c.page(c.call(method, &["log", "keys"])?.send()?);
    c.show_list(&keys, KEY);
    let in_force = keys.as_array().into_iter().flatten().find(|k| k["retired"].is_null());
    if let Some(pem) = in_force.and_then(|k| k["pem"].as_str()).filter(|_| !c.json) {
        super::out::put(&format!("\n{pem}"));
    }
    Ok(())
}

/// The last checkpoint of a file.
fn last_checkpoint(c: &Context, path: &Path) -> Result<Checkpoint, Failure> {
    let lines = lines(path).map_err(|e| unreadable(c, path, &e))?;
    let none =
        || Failure { sentence: c.text("evidence.no_checkpoint", &[("path", &path.display().to_string())]), exit: 2 };
    lines.filter_map(|l| Checkpoint::from_line(&l.text)).last().ok_or_else(none)
}

fn prove(c: &Context, id: i64, output: Option<&Path>, since: Option<&Path>) -> Result<(), Failure> {
    let config = c.load()?;
    let since = since.map(|path| last_checkpoint(c, path)).transpose()?;
    let bundle = match c.post(&["traces", &id.to_string(), "evidence"], &json!({ "since": since })) {
        Ok(value) => typed(c, value)?,
        Err(failure) if failure.exit == 3 => offline(c, &Source::store(c, &config)?, id, since)?,
        Err(failure) => return Err(failure),
    };
    let Some(path) = output else {
        super::out::put(&bundle.to_json());
        return Ok(());
    };
    let failed = |e: std::io::Error| Failure {
        sentence: c.text("cli.cannot_write", &[("path", &path.display().to_string()), ("error", &e.to_string())]),
        exit: 2,
    };
    std::fs::write(path, bundle.to_json()).map_err(failed)?;
    if c.json {
        super::table::print_json(&serde_json::json!({ "written": path, "trace": id, "leaf": bundle.leaf.number }));
    } else {
        say!("{}", c.text("evidence.written", &[("path", &path.display().to_string())]));
    }
    Ok(())
}

fn offline(c: &Context, store: &verify::Offline<'_>, id: i64, since: Option<Checkpoint>) -> Result<Bundle, Failure> {
    store.wait(store.reader.evidence(id, since)).map_err(|e| {
        let refusal: Refusal = match e {
            EvidenceError::Store(e) => {
                return Failure { sentence: crate::serve::store_sentence(c, &e), exit: 1 };
            }
            EvidenceError::Unknown => Refusal::new(RefusalCode::NotFound).with("name", id),
            EvidenceError::Foreign => Refusal::new(RefusalCode::Invalid).with("name", "since"),
            EvidenceError::NotYet => RefusalCode::Unavailable.into(),
        };
        Failure { sentence: format!("{} [{}]", refusal.sentence(c.lang), refusal.code.as_str()), exit: 1 }
    })
}
