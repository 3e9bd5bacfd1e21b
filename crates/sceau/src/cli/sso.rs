//! `sceau sso`: structures' own sign-ins (F044). `sceau identity`: Pro Santé Connect as the node knows it, and what nobody could verify.
use super::Context;
use super::accounts::Since;
use crate::admin::client::Failure;
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub enum SsoCommand {
    List,
    Show { name: String },
    Add(Box<Add>),
    Edit(Box<Edit>),
}

#[derive(Debug, Subcommand)]
pub enum IdentityCommand {
    Show,
    Refresh,
}

#[derive(Debug, Args)]
pub struct Add {
    name: String,
    #[arg(long, value_name = "CODE")]
    structure: String,
    #[arg(long, value_name = "URL")]
    issuer: String,
    #[arg(long)]
    client: String,
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    #[arg(long, default_value = "acr")]
    claim: String,
    #[arg(long = "value", required = true)]
    values: Vec<String>,
    #[arg(long)]
    subject_claim: Option<String>,
}

#[derive(Debug, Args)]
pub struct Edit {
    name: String,
    #[arg(long)]
    client: Option<String>,
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    #[arg(long)]
    claim: Option<String>,
    #[arg(long = "value")]
    values: Vec<String>,
    #[arg(long)]
    subject_claim: Option<String>,
    #[arg(long, value_parser = ["active", "blocked"])]
    state: Option<String>,
    #[command(flatten)]
    since: Since,
}

const SIGN_IN: &[(&str, &str)] = &[
    ("name", "column.name"),
    ("structure", "column.structure"),
    ("issuer", "column.issuer"),
    ("client_id", "column.client"),
    ("claim", "column.claim"),
    ("values", "column.values"),
    ("subject_claim", "column.subject_claim"),
    ("state", "column.state"),
    ("redirect", "column.redirect"),
    ("logout", "column.logout"),
    ("created", "column.created"),
];
const IDENTITY: &[(&str, &str)] =
    &[("psc", "column.psc"), ("card", "column.card_door"), ("unverified", "column.unverified")];

/// `sceau sso`.
pub fn run(c: &Context, command: SsoCommand) -> Result<(), Failure> {
    match command {
        SsoCommand::List => {
            let shown = ["name", "structure", "issuer", "state"];
            let columns: Vec<_> = SIGN_IN.iter().filter(|(field, _)| shown.contains(field)).copied().collect();
            c.show_list(&c.page(c.call(Method::GET, &["sso-providers"])?.send()?), &columns);
        }
        SsoCommand::Show { name } => c.show_one(&c.get(&["sso-providers", &name])?, SIGN_IN),
        SsoCommand::Add(new) => {
            let mut body = json!({ "name": new.name, "structure": new.structure, "issuer": new.issuer, "client_id": new.client,
                "claim": new.claim, "values": new.values });
            if let Some(file) = &new.secret_file {
                body["secret"] = secret(c, file)?;
            }
            if let Some(claim) = new.subject_claim {
                body["subject_claim"] = claim.into();
            }
            c.show_one(&c.post(&["sso-providers"], &body)?, SIGN_IN);
        }
        SsoCommand::Edit(edit) => {
            let (name, since) = (edit.name.clone(), edit.since.if_version);
            let body = changed(c, *edit)?;
            let at = (&["sso-providers", name.as_str()][..], &[][..]);
            c.show_one(&c.change(Method::PATCH, at, since, |_| Some(body))?.value, SIGN_IN);
        }
    }
    Ok(())
}

/// `sceau identity`.
pub fn identity(c: &Context, command: IdentityCommand) -> Result<(), Failure> {
    match command {
        IdentityCommand::Show => c.show_one(&c.get(&["identity"])?, IDENTITY),
        IdentityCommand::Refresh => {
            c.show_one(&c.call(Method::POST, &["identity", "refresh"])?.send()?.value, IDENTITY);
        }
    }
    Ok(())
}

fn changed(c: &Context, edit: Edit) -> Result<Value, Failure> {
    let mut body = Map::new();
    let fields = [
        ("client_id", edit.client),
        ("claim", edit.claim),
        ("subject_claim", edit.subject_claim),
        ("state", edit.state),
    ];
    for (field, value) in fields {
        if let Some(value) = value {
            body.insert(field.into(), value.into());
        }
    }
    if !edit.values.is_empty() {
        body.insert("values".into(), json!(edit.values));
    }
    if let Some(file) = &edit.secret_file {
        body.insert("secret".into(), secret(c, file)?);
    }
    Ok(Value::Object(body))
}

/// The secret in a file, without the end of its line.
fn secret(c: &Context, file: &Path) -> Result<Value, Failure> {
    let text = std::fs::read_to_string(file).map_err(|e| Failure {
        sentence: c.text("cli.cannot_read", &[("path", &file.display().to_string()), ("error", &e.to_string())]),
        exit: 2,
    })?;
    Ok(text.trim_end_matches(['\r', '\n']).into())
}
