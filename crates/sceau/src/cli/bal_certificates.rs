//! `sceau bal certificate`: certificates by which a machine logs in to its applicative BAL.
use super::Context;
use super::bals::known;
use super::table::numbered;
use crate::admin::client::Failure;
use clap::Subcommand;
use hyper::Method;
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum BalCertificate {
    Add {
        address: String,
        file: PathBuf,
        #[arg(long)]
        machine: Option<String>,
        #[arg(long)]
        label: String,
    },
    List {
        address: String,
    },
    Remove {
        address: String,
        id: i64,
    },
}

const CERTIFICATE: &[(&str, &str)] = &[
    ("id", "column.id"),
    ("bal", "column.bal"),
    ("login", "column.login"),
    ("label", "column.label"),
    ("subject", "column.dn"),
    ("issuer", "column.issuer"),
    ("sha256", "column.fingerprint"),
    ("not_after", "column.expires"),
    ("created", "column.created"),
    ("last_used", "column.last_used"),
    ("revoked", "column.revoked"),
];

/// `sceau bal certificate`.
pub fn run(c: &Context, command: BalCertificate) -> Result<(), Failure> {
    match command {
        BalCertificate::Add { address, file, machine, label } => {
            let address = known(c, &address)?;
            let pem = std::fs::read_to_string(&file).map_err(|e| super::verify::unreadable(c, &file, &e))?;
            let new = json!({ "certificate": pem, "machine": machine, "label": label });
            c.show_one(&numbered(c.post(&["bals", &address, "certificates"], &new)?), CERTIFICATE);
        }
        BalCertificate::List { address } => {
            let call = c.call(Method::GET, &["bals", &known(c, &address)?, "certificates"])?;
            c.show_list(&numbered(c.all(call)?), CERTIFICATE);
        }
        BalCertificate::Remove { address, id } => {
            let address = known(c, &address)?;
            c.call(Method::DELETE, &["bals", &address, "certificates", &id.to_string()])?.send()?;
            if c.json {
                super::table::print_json(&json!({ "removed": id }));
            } else {
                say!("{}", c.text("cli.bal_certificate_removed", &[("id", &id.to_string())]));
            }
        }
    }
    Ok(())
}
