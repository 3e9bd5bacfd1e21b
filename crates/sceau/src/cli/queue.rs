//! `sceau queue`: what waits and why; trying it again, holding, releasing, returning, deleting.
use super::Context;
use super::accounts::parse;
use super::table::{limit as most, numbered, print_json, print_table};
use crate::admin::client::Failure;
use clap::{Args, Subcommand, ValueEnum};
use hyper::Method;
use sceau_domain::{Address, DomainName, Lang};
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub enum QueueCommand {
    List {
        #[arg(long)]
        destination: Option<String>,
        #[arg(long)]
        message: Option<i64>,
        #[arg(long)]
        sender: Option<String>,
        #[arg(long)]
        state: Option<Where>,
        #[arg(long)]
        after: Option<i64>,
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    Show {
        id: i64,
    },
    Stats,
    Retry {
        #[command(flatten)]
        what: What,
    },
    Hold {
        #[command(flatten)]
        what: What,
        #[arg(long)]
        why: String,
        #[arg(long)]
        until: Option<String>,
    },
    Release {
        #[command(flatten)]
        what: What,
    },
    Return {
        #[command(flatten)]
        what: What,
        #[arg(long)]
        why: String,
    },
    Delete {
        #[command(flatten)]
        what: What,
        #[arg(long)]
        why: String,
        #[arg(long)]
        silent: Option<String>,
    },
}

/// Where an entry is.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Where {
    Waiting,
    Sending,
    Held,
}

/// What is spoken of: one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct What {
    id: Option<i64>,
    #[arg(long)]
    message: Option<i64>,
    #[arg(long)]
    destination: Option<String>,
    #[arg(long)]
    sender: Option<String>,
    #[arg(long)]
    all: bool,
}

impl What {
    fn json(&self, c: &Context) -> Result<Value, Failure> {
        let text = |id: &i64| id.to_string();
        Ok(match (&self.id, &self.message, &self.destination, &self.sender) {
            (Some(id), ..) => json!({ "entry": text(id) }),
            (_, Some(id), ..) => json!({ "message": text(id) }),
            (_, _, Some(domain), _) => json!({ "destination": parse::<DomainName>(c, domain)?.as_str() }),
            (_, _, _, Some(sender)) => json!({ "sender": parse::<Address>(c, sender)?.to_string() }),
            _ => json!({ "all": self.all }),
        })
    }
}

const STATS: &[(&str, &str)] = &[
    ("entries", "column.waiting_entries"),
    ("messages", "column.messages"),
    ("bytes", "column.size"),
    ("sending", "column.sending"),
    ("held", "column.queue_held"),
    ("oldest", "column.oldest"),
    ("destinations", "column.destinations"),
    ("failing", "column.failing"),
    ("held_destinations", "column.held_destinations"),
];
const DESTINATIONS: &[(&str, &str)] = &[
    ("domain", "column.domain"),
    ("entries", "column.waiting_entries"),
    ("sending", "column.sending"),
    ("held_entries", "column.queue_held"),
    ("oldest", "column.oldest"),
    ("next", "column.next"),
    ("failures", "column.failures"),
    ("problem", "column.problem"),
];
const TRIES: &[(&str, &str)] =
    &[("at", "column.at"), ("server", "column.remote_server"), ("code", "column.code"), ("reply", "column.last_reply")];
const QUEUE: &[(&str, &str)] = &[
    ("id", "column.id"),
    ("from", "column.from"),
    ("to", "column.to"),
    ("state", "column.state"),
    ("attempts", "column.attempts"),
    ("size", "column.size"),
    ("queued", "column.queued"),
    ("next", "column.next"),
    ("last_reply", "column.last_reply"),
];
const DETAIL: &[(&str, &str)] = &[
    ("id", "column.id"),
    ("message", "column.message"),
    ("from", "column.from"),
    ("to", "column.to"),
    ("destination", "column.destination"),
    ("state", "column.state"),
    ("attempts", "column.attempts"),
    ("size", "column.size"),
    ("queued", "column.queued"),
    ("next", "column.next"),
    ("expires", "column.expires"),
    ("why", "column.queue_why"),
    ("notify", "column.notify"),
    ("last_reply", "column.last_reply"),
];

/// `sceau queue`.
pub fn run(c: &Context, command: QueueCommand) -> Result<(), Failure> {
    match command {
        QueueCommand::List { destination, message, sender, state, after, limit } => {
            let destination = destination.map(|d| parse::<DomainName>(c, &d)).transpose()?;
            let sender = sender.map(|a| parse::<Address>(c, &a)).transpose()?.map(|a| a.to_string());
            let state = state.and_then(|s| s.to_possible_value()).map(|v| v.get_name().to_owned());
            let call = c
                .call(Method::GET, &["queue"])?
                .query("destination", destination.as_ref().map(DomainName::as_str))
                .query("message", message.map(|id| id.to_string()).as_deref())
                .query("sender", sender.as_deref())
                .query("state", state.as_deref());
            let call = call.query("after", after.map(|a| a.max(0).to_string()).as_deref());
            let answered = call.query("limit", Some(&most(limit))).send()?;
            c.show_list(&numbered(c.page(answered)), QUEUE);
        }
        QueueCommand::Show { id } => show(c, id)?,
        QueueCommand::Stats => stats(c)?,
        QueueCommand::Retry { what } => {
            let answer = match what.id {
                Some(id) => c.call(Method::POST, &["queue", &id.to_string(), "retry"])?.send()?.value,
                None => {
                    let mut body = what.json(c)?;
                    if let Some(body) = body.as_object_mut() {
                        body.remove("all");
                        body.entry("destination").or_insert(Value::Null);
                    }
                    c.post(&["queue", "retry"], &body)?
                }
            };
            said(c, &answer, "cli.queue_retried", "retried");
        }
        QueueCommand::Hold { what, why, until } => {
            let until = until.map(|t| super::time::instant(c, &t)).transpose()?;
            let body = json!({ "what": what.json(c)?, "reason": why, "until": until });
            said(c, &c.post(&["queue", "hold"], &body)?, "cli.queue_held", "entries");
        }
        QueueCommand::Release { what } => {
            let answer = c.post(&["queue", "release"], &json!({ "what": what.json(c)? }))?;
            said(c, &answer, "cli.queue_released", "entries");
        }
        QueueCommand::Return { what, why } => {
            let body = json!({ "what": what.json(c)?, "reason": why });
            all_of(c, "return", &body, "cli.queue_returned")?;
        }
        QueueCommand::Delete { what, why, silent } => {
            let body = json!({ "what": what.json(c)?, "reason": why, "silent": silent });
            all_of(c, "delete", &body, "cli.queue_deleted")?;
        }
    }
    Ok(())
}

fn said(c: &Context, answer: &Value, key: &str, count: &str) {
    if c.json {
        print_json(answer);
    } else {
        say!("{}", c.text(key, &[("count", &answer[count].to_string())]));
    }
}

/// Calls until nothing is left that can leave.
fn all_of(c: &Context, act: &str, body: &Value, key: &str) -> Result<(), Failure> {
    let mut entries = 0;
    let sending = loop {
        let answer = c.post(&["queue", act], body)?;
        entries += answer["entries"].as_u64().unwrap_or(0);
        // What is being sent stands before what is left: the last answer counts all of it.
        if answer["more"].as_bool() != Some(true) {
            break answer["sending"].as_u64().unwrap_or(0);
        }
    };
    if c.json {
        print_json(&json!({ "entries": entries, "sending": sending }));
        return Ok(());
    }
    let (entries, sending) = (entries.to_string(), sending.to_string());
    let mut args = vec![("count", entries.as_str())];
    if sending != "0" {
        args.push(("sending", &sending));
    }
    say!("{}", c.text(key, &args));
    Ok(())
}

fn show(c: &Context, id: i64) -> Result<(), Failure> {
    let mut value = numbered(c.get(&["queue", &id.to_string()])?);
    if !c.json {
        value["why"] = value[if c.lang == Lang::Fr { "why_fr" } else { "why_en" }].clone();
    }
    c.show_one(&value, DETAIL);
    if c.json {
        return Ok(());
    }
    for way in value["route"]["servers"].as_array().into_iter().flatten() {
        let addresses: Vec<&str> =
            way["addresses"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let server = way["server"].as_str().unwrap_or_default();
        say!("{} {server} ({})", c.text("column.route", &[]), addresses.join(", "));
    }
    if let Some(problem) = value["route"]["problem"].as_str() {
        say!("{} {problem}", c.text("column.route", &[]));
    }
    for (list, title, columns) in
        [("tries", "column.tries", TRIES), ("history", "column.history", super::traces::TRACE)]
    {
        if value[list].as_array().is_some_and(|h| !h.is_empty()) {
            say!("\n{}", c.text(title, &[]));
            print_table(c, &value[list], columns);
        }
    }
    Ok(())
}

fn stats(c: &Context) -> Result<(), Failure> {
    let total = c.get(&["queue", "stats"])?;
    let mut destinations = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let call = c.call(Method::GET, &["queue", "destinations"])?.query("limit", Some("1000"));
        let page = call.query("after", after.as_deref()).send()?.value;
        destinations.extend(page["items"].as_array().cloned().unwrap_or_default());
        match page["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => break,
        }
    }
    if c.json {
        print_json(&json!({ "total": total, "destinations": destinations }));
        return Ok(());
    }
    c.show_one(&total, STATS);
    if !destinations.is_empty() {
        say!();
        print_table(c, &Value::Array(destinations), DESTINATIONS);
    }
    Ok(())
}
