//! `sceau bal suspend|resume|block|release|close|keep|life`, `sceau person block|release|leave|life`, `sceau structure block|release|life`.
use super::Context;
use super::bals::known;
use super::confirm::{confirm, mind};
use crate::admin::client::Failure;
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};

/// Why.
#[derive(Debug, Args)]
pub struct Why {
    /// Address, login or code.
    name: String,
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Debug, Subcommand)]
pub enum BalLife {
    Life { name: String },
    Suspend(Why),
    Resume(Why),
    Block(Why),
    Release(Why),
    Close(Close),
    Keep(Why),
}

/// The order to close a BAL.
#[derive(Debug, Args)]
pub struct Close {
    name: String,
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[arg(long, default_value = "unused", value_parser = ["request", "notification_address", "departure", "unused", "misuse"])]
    cause: String,
    #[arg(long, value_name = "TEXT", required_if_eq("cause", "request"))]
    proof: Option<String>,
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(0..=365))]
    cooling_days: Option<u32>,
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Subcommand)]
pub enum PersonLife {
    Life {
        name: String,
    },
    Block(Why),
    Release(Why),
    Leave {
        name: String,
        #[arg(long)]
        structure: String,
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[arg(long, default_value = "suspend", value_parser = ["suspend", "close", "keep"])]
        personal: String,
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum StructureLife {
    Life {
        name: String,
    },
    Block {
        #[command(flatten)]
        why: Why,
        #[arg(long)]
        yes: bool,
    },
    Release(Why),
}

const LIFE: &[(&str, &str)] = &[
    ("name", "column.name"),
    ("state", "column.state"),
    ("closing_at", "column.closing_at"),
    ("tombstone_until", "column.tombstone_until"),
    ("kept_messages", "column.kept_messages"),
    ("holds", "column.holds"),
];
const STEPS: &[(&str, &str)] = &[
    ("at", "column.at"),
    ("was", "column.was"),
    ("became", "column.became"),
    ("by", "column.by"),
    ("reason", "column.reason"),
];
const LEFT: &[(&str, &str)] = &[
    ("login", "column.login"),
    ("structure", "column.structure"),
    ("accesses", "column.accesses"),
    ("roles", "column.ended_roles"),
    ("tokens", "column.tokens"),
    ("openings", "column.openings"),
    ("without_responsible", "column.without_responsible"),
    ("without_administrator", "column.without_administrator"),
];
const PERSONAL: &[(&str, &str)] =
    &[("address", "column.address"), ("state", "column.state"), ("next", "column.next_step")];

/// Shows a life: where it is, and its steps.
fn show(c: &Context, mut life: Value) {
    if c.json {
        return super::table::print_json(&life);
    }
    let steps = life["steps"].take();
    c.show_one(&with_holds(life), LIFE);
    say!();
    c.show_list(&steps, STEPS);
}

/// A hold in a word: why and for whom.
fn with_holds(mut life: Value) -> Value {
    if let Some(holds) = life["holds"].as_array() {
        let text = |h: &Value, name: &str| h[name].as_str().unwrap_or_default().to_owned();
        let words = holds.iter().map(|h| format!("{} ({})", text(h, "reason"), text(h, "authority")));
        life["holds"] = words.collect::<Vec<_>>().into();
    }
    life
}

/// The holds that stand on a BAL, for those to whom they are told, as `bal show` adds them.
pub(super) fn holds_of(c: &Context, address: &str) -> Result<Value, Failure> {
    let life = c.get(&["bals", address, "life"])?;
    Ok(if c.json { life["holds"].clone() } else { with_holds(life)["holds"].clone() })
}

fn act(c: &Context, kind: &str, name: &str, verb: &str, body: &Value) -> Result<(), Failure> {
    show(c, c.post(&[kind, name, verb], body)?);
    Ok(())
}

fn step(c: &Context, kind: &str, verb: &str, why: &Why) -> Result<(), Failure> {
    let name = if kind == "bals" { known(c, &why.name)? } else { why.name.clone() };
    act(c, kind, &name, verb, &json!({ "reason": why.reason }))
}

/// `sceau bal …`.
pub fn bal(c: &Context, command: &BalLife) -> Result<(), Failure> {
    match command {
        BalLife::Life { name } => show(c, c.get(&["bals", &known(c, name)?, "life"])?),
        BalLife::Suspend(why) => step(c, "bals", "suspend", why)?,
        BalLife::Resume(why) => step(c, "bals", "resume", why)?,
        BalLife::Block(why) => step(c, "bals", "block", why)?,
        BalLife::Release(why) => step(c, "bals", "release", why)?,
        BalLife::Keep(why) => step(c, "bals", "keep", why)?,
        BalLife::Close(order) => close(c, order)?,
    }
    Ok(())
}

fn close(c: &Context, order: &Close) -> Result<(), Failure> {
    let address = known(c, &order.name)?;
    if !order.yes {
        // What there is to lose is said first; an address that is none is refused before any question.
        let bal = c.call(Method::GET, &["bals", &address])?.send()?.value;
        let messages = bal["messages"].as_i64().unwrap_or_default().to_string();
        let question = c.text("confirm.bal_close", &[("name", &address), ("count", &messages)]);
        confirm(c, order.yes, &question, &address)?;
    }
    let mut body = json!({ "cause": order.cause, "reason": order.reason });
    if let Some(proof) = &order.proof {
        body["identity_proof"] = proof.as_str().into();
    }
    if let Some(days) = order.cooling_days {
        body["cooling_days"] = days.into();
    }
    act(c, "bals", &address, "close", &body)
}

/// `sceau person …`.
pub fn person(c: &Context, command: &PersonLife) -> Result<(), Failure> {
    match command {
        PersonLife::Life { name } => show(c, c.get(&["people", name, "life"])?),
        PersonLife::Block(why) => step(c, "people", "block", why)?,
        PersonLife::Release(why) => step(c, "people", "release", why)?,
        PersonLife::Leave { name, structure, reason, personal, yes } => {
            let place = [("name", name.as_str()), ("structure", structure)];
            mind(c, *yes, &c.text("confirm.person_leave", &place), name)?;
            let body = json!({ "structure": structure, "reason": reason, "personal": personal });
            let left = c.post(&["people", name, "departure"], &body)?;
            c.show_one(&left, LEFT);
            if !c.json && left["personal"].as_array().is_some_and(|p| !p.is_empty()) {
                say!();
                c.show_list(&left["personal"], PERSONAL);
            }
        }
    }
    Ok(())
}

/// `sceau structure …`.
pub fn structure(c: &Context, command: &StructureLife) -> Result<(), Failure> {
    match command {
        StructureLife::Life { name } => show(c, c.get(&["structures", name, "life"])?),
        StructureLife::Block { why, yes } => {
            if !yes {
                // How many it is about; what is not there is refused before any question.
                let structure = c.get(&["structures", &why.name])?;
                let [people, bals] = [&structure["people"], &structure["bals"]].map(Value::to_string);
                let values = [("name", why.name.as_str()), ("people", &people), ("bals", &bals)];
                mind(c, *yes, &c.text("confirm.structure_block", &values), &why.name)?;
            }
            step(c, "structures", "block", why)?;
        }
        StructureLife::Release(why) => step(c, "structures", "release", why)?,
    }
    Ok(())
}
