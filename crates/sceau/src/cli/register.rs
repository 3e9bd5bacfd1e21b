//! `sceau register`: the register of processing, to be printed or read by a program.
use super::{Context, table};
use crate::admin::client::Failure;
use hyper::Method;
use serde_json::{Value, json};

/// Sentences that hold for every entry, in order.
const GENERAL: [&str; 6] = ["purposes", "subjects", "data", "recipients", "transfers", "security"];
const HEAD: &[(&str, &str)] = &[
    ("operator", "column.operator"),
    ("address", "column.postal"),
    ("dpo", "column.dpo"),
    ("hosting", "column.hosting"),
    ("drawn", "column.drawn"),
];
const ENTRY: &[(&str, &str)] = &[
    ("controller", "column.controller"),
    ("structure", "column.code"),
    ("identifiers", "column.identifiers"),
    ("contact", "column.contact"),
    ("processing", "column.processing"),
    ("convention", "column.convention"),
    ("from", "column.starts"),
    ("until", "column.until"),
    ("people", "column.people"),
    ("bals", "column.bal_count"),
    ("retention", "column.retention"),
];

/// Every page, as one register.
fn whole(c: &Context) -> Result<Value, Failure> {
    let (mut entries, mut after) = (Vec::new(), None::<String>);
    loop {
        let call = c.call(Method::GET, &["processing"])?.query("after", after.as_deref()).query("limit", Some("1000"));
        let mut page = call.send()?.value;
        if let Value::Array(items) = page["items"].take() {
            entries.extend(items);
        }
        match page["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => return Ok(json!({ "head": page["head"].take(), "entries": entries })),
        }
    }
}

/// `sceau register`.
pub fn run(c: &Context) -> Result<(), Failure> {
    let mut register = whole(c)?;
    if c.json {
        table::print_json(&register);
        return Ok(());
    }
    say!("{}\n", c.text("register.title", &[]));
    c.show_one(&register["head"], HEAD);
    say!();
    for key in GENERAL {
        say!("{}", c.text(&format!("register.{key}"), &[]));
    }
    for entry in register["entries"].as_array_mut().into_iter().flatten() {
        // Of no structure: each professional in person is a controller.
        let alone = c.text("register.alone", &[]);
        for place in ["/controller", "/processing/0/name"] {
            if let Some(name) = entry.pointer_mut(place).filter(|name| *name == "") {
                *name = alone.as_str().into();
            }
        }
        say!();
        c.show_one(entry, ENTRY);
    }
    Ok(())
}
