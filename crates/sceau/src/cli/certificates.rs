//! `sceau certificates`: the inventory of certificates.
use super::Context;
use super::table::{limit as most, print_table};
use crate::admin::client::Failure;
use clap::Subcommand;
use hyper::Method;
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub enum CertificatesCommand {
    List {
        #[arg(long, value_parser = KINDS)]
        kind: Option<String>,
        #[arg(long)]
        within_days: Option<u32>,
        #[arg(long)]
        retired: bool,
        #[arg(long)]
        after: Option<i64>,
        #[arg(long, default_value_t = 1000)]
        limit: u32,
    },
    Show {
        #[arg(value_parser = super::accounts::id)]
        id: String,
    },
    Retire {
        #[arg(value_parser = super::accounts::id)]
        id: String,
        #[arg(long)]
        reason: String,
    },
}

const KINDS: [&str; 5] = ["own", "peer", "issued", "anchor", "signer"];

const LIST: &[(&str, &str)] = &[
    ("id", "column.id"),
    ("held_as", "column.kind"),
    ("node", "column.node"),
    ("place", "column.place"),
    ("days_left", "column.days_left"),
    ("ends", "column.until"),
    ("subject", "column.certificate"),
    ("retired", "column.retired"),
];
const DETAIL: &[(&str, &str)] = &[
    ("id", "column.id"),
    ("held_as", "column.kind"),
    ("node", "column.node"),
    ("place", "column.place"),
    ("subject", "column.certificate"),
    ("issuer", "column.issuer"),
    ("serial", "column.serial"),
    ("fingerprint", "column.fingerprint"),
    ("public_key", "column.public_key"),
    ("starts", "column.starts"),
    ("ends", "column.until"),
    ("days_left", "column.days_left"),
    ("first", "column.first"),
    ("last", "column.last"),
    ("retired", "column.retired"),
    ("domain_count", "column.domains"),
];

/// `sceau certificates`.
pub fn run(c: &Context, command: CertificatesCommand) -> Result<(), Failure> {
    match command {
        CertificatesCommand::List { kind, within_days, retired, after, limit } => {
            let call = c.call(Method::GET, &["certificates"])?.query("kind", kind.as_deref());
            let call = call.query("within_days", within_days.map(|d| d.to_string()).as_deref());
            let call = call.query("retired", retired.then_some("true"));
            let call = call.query("after", after.map(|a| a.max(0).to_string()).as_deref());
            let mut found = c.page(call.query("limit", Some(&most(limit))).send()?);
            found.as_array_mut().into_iter().flatten().for_each(|one| in_words(c, one));
            c.show_list(&found, LIST);
        }
        CertificatesCommand::Show { id } => {
            let mut found = c.get(&["certificates", &id])?;
            in_words(c, &mut found);
            c.show_one(&found, DETAIL);
            if let (false, Some(domains)) = (c.json, found["domains"].as_array().filter(|all| !all.is_empty())) {
                say!();
                let rows: Vec<_> = domains.iter().map(|d| json!({ "domain": d })).collect();
                print_table(c, &rows.into(), &[("domain", "column.domain")]);
            }
        }
        CertificatesCommand::Retire { id, reason } => {
            let mut retired = c.post(&["certificates", &id, "retire"], &json!({ "reason": reason }))?;
            in_words(c, &mut retired);
            c.show_one(&retired, DETAIL);
        }
    }
    Ok(())
}

/// For people, what a certificate is to us has a name of its own: `kind` means something else in other tables.
fn in_words(c: &Context, certificate: &mut Value) {
    if !c.json {
        certificate["held_as"] = certificate["kind"].clone();
    }
}
