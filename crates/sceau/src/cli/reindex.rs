//! `sceau reindex [BAL]`: search indexes made anew by the running servers; shows how far they are. Stopped, it changes nothing: the
//! servers go on, and asked again it shows the rest. An index that fails again and again is not waited for: the command says why and ends with an
//! error, and the servers go on trying.
use super::Context;
use crate::admin::client::Failure;
use clap::Args;
use hyper::Method;
use sceau_domain::text;
use serde_json::{Value, json};
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

#[derive(Debug, Args)]
pub struct ReindexArgs {
    bal: Option<String>,
    #[arg(long)]
    no_wait: bool,
}

/// How often it asks how far the servers are.
const EVERY: Duration = Duration::from_millis(250);
/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// When nothing has moved for so long and the servers say that every index that is left fails, it is not waited for any longer.
const PATIENCE: Duration = Duration::from_secs(20);
/// When nothing has moved for so long, whatever the servers say.
const LONGEST: Duration = Duration::from_secs(600);
/// Characters of the bar.
const WIDTH: u64 = 30;

/// `sceau reindex`.
pub fn run(c: &Context, args: ReindexArgs) -> Result<(), Failure> {
    let asked = c.post(&["search-indexes"], &json!({ "bal": args.bal }))?;
    if !args.no_wait {
        wait(c, &args, &asked)?;
    }
    if c.json {
        super::table::print_json(
            &json!({ "bals": asked["bals"], "messages": asked["messages"], "done": !args.no_wait }),
        );
        return Ok(());
    }
    let values = [("bals", asked["bals"].to_string()), ("messages", asked["messages"].to_string())];
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    say!("{}", c.text(if args.no_wait { "cli.reindex_begun" } else { "cli.reindex_done" }, &values));
    Ok(())
}

/// Waits until nothing is left, showing how far it is on standard error.
fn wait(c: &Context, args: &ReindexArgs, asked: &Value) -> Result<(), Failure> {
    let number = |value: &Value, name: &str| value[name].as_u64().unwrap_or(0);
    let (all, terminal) = (number(asked, "messages").max(1), std::io::stderr().is_terminal());
    let mut said: Option<Instant> = None;
    let mut still: Option<Still> = None;
    loop {
        let left = c.call(Method::GET, &["search-indexes"])?.query("bal", args.bal.as_deref()).send()?.value;
        let now = (number(&left, "bals"), number(&left, "messages"));
        let before = still.take().filter(|s| s.left == now);
        let since = before.unwrap_or(Still { left: now, attempts: number(&left, "attempts"), at: Instant::now() });
        let failed = number(&left, "failing") == now.0 && number(&left, "attempts") > since.attempts;
        let waited = since.at.elapsed();
        if now.0 > 0 && (waited >= LONGEST || (failed && waited >= PATIENCE)) {
            if terminal {
                eprintln!();
            }
            return Err(gives_up(c, now.0, left["why"].as_str().filter(|_| failed)));
        }
        still = Some(since);
        let done = all.saturating_sub(number(&left, "messages"));
        let over = number(&left, "bals") == 0;
        let line = line(c, if over { all } else { done }, all, number(&left, "bals"));
        let mut err = std::io::stderr().lock();
        if terminal {
            let _ = write!(err, "\r\x1b[K{line}{}", if over { "\n" } else { "" });
            let _ = err.flush();
        } else if over || said.is_none_or(|at| at.elapsed() >= LINE_EVERY) {
            let _ = writeln!(err, "{line}");
            said = Some(Instant::now());
        }
        if over {
            return Ok(());
        }
        drop(err);
        std::thread::sleep(EVERY);
    }
}

/// What was left when something last moved.
struct Still {
    left: (u64, u64),
    attempts: u64,
    at: Instant,
}

fn gives_up(c: &Context, bals: u64, why: Option<&str>) -> Failure {
    let count = bals.to_string();
    let sentence = match why {
        Some(code) => {
            let cause = text::template(c.lang, &format!("refusal.{code}")).map_or(code, |sentence| sentence);
            c.text("cli.reindex_failing", &[("bals", &count), ("why", cause), ("code", code)])
        }
        None => c.text("cli.reindex_stuck", &[("bals", &count)]),
    };
    Failure { sentence, exit: 1 }
}

fn line(c: &Context, done: u64, all: u64, bals: u64) -> String {
    let full = (done * WIDTH / all).min(WIDTH);
    let bar: String = (0..WIDTH).map(|i| if i < full { '#' } else { '.' }).collect();
    let (percent, done, all, bals) =
        ((done * 100 / all).to_string(), done.to_string(), all.to_string(), bals.to_string());
    let values = [("bar", bar.as_str()), ("percent", &percent), ("done", &done), ("all", &all), ("bals", &bals)];
    c.text("cli.reindex_progress", &values)
}
