//! `sceau bal alerts`, `attestation`, `attest`, `choices`: what those responsible for a BAL answer for, and what was chosen about it.
use super::Context;
use super::bals::known;
use super::table::limit;
use crate::admin::client::Failure;
use clap::Subcommand;
use hyper::Method;
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub enum BalUse {
    Alerts {
        address: String,
        #[arg(long)]
        after: Option<String>,
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    Attestation {
        address: String,
    },
    Attest {
        address: String,
        #[arg(long, value_name = "SHA256")]
        digest: String,
    },
    Choices {
        address: String,
    },
}

const ALERT: &[(&str, &str)] = &[
    ("day", "column.day"),
    ("login", "column.login"),
    ("kind", "column.signal"),
    ("seen", "column.seen"),
    ("usual", "column.usual"),
    ("told", "column.told"),
    ("detail", "column.cause"),
];
const ALERT_EN: &[(&str, &str)] = &[
    ("day", "column.day"),
    ("login", "column.login"),
    ("kind", "column.signal"),
    ("seen", "column.seen"),
    ("usual", "column.usual"),
    ("told", "column.told"),
    ("detail_en", "column.cause"),
];
const ATTESTED: &[(&str, &str)] =
    &[("at", "column.at"), ("by", "column.by"), ("same", "column.same"), ("digest", "column.digest")];
const CHOICE: &[(&str, &str)] = &[
    ("at", "column.at"),
    ("by", "column.by"),
    ("role", "column.role"),
    ("red_list", "column.red_list"),
    ("phone_published", "column.phone_published"),
    ("paperless", "column.paperless"),
];

/// These commands of `sceau bal`.
pub fn run(c: &Context, command: BalUse) -> Result<(), Failure> {
    match command {
        BalUse::Alerts { address, after, limit: most } => {
            let call = c.call(Method::GET, &["bals", &known(c, &address)?, "alerts"])?;
            let call = call.query("after", after.as_deref()).query("limit", Some(&limit(most)));
            let french = c.lang == sceau_domain::Lang::Fr;
            c.show_list(&c.page(call.send()?), if french { ALERT } else { ALERT_EN });
        }
        BalUse::Attestation { address } => show(c, &c.get(&["bals", &known(c, &address)?, "attestation"])?),
        BalUse::Attest { address, digest } => {
            show(c, &c.post(&["bals", &known(c, &address)?, "attestation"], &json!({ "digest": digest }))?);
        }
        BalUse::Choices { address } => {
            let call = c.call(Method::GET, &["bals", &known(c, &address)?, "choices"])?;
            c.show_list(&c.page(call.query("limit", Some("1000")).send()?), CHOICE);
        }
    }
    Ok(())
}

/// The text with its digest, then who attested it.
fn show(c: &Context, said: &Value) {
    if c.json {
        super::table::print_json(said);
        return;
    }
    let text = if c.lang == sceau_domain::Lang::Fr { "text" } else { "text_en" };
    println!("{}\n", said[text].as_str().unwrap_or_default());
    c.show_one(said, &[("digest", "column.digest"), ("due", "column.due")]);
    c.show_list(&said["attested"], ATTESTED);
}
