//! `sceau oauth`: programs that may ask people for access (F050).
use super::Context;
use super::accounts::Since;
use crate::admin::client::Failure;
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum OauthCommand {
    List,
    Show { client: String },
    Add(Box<Add>),
    Edit(Box<Edit>),
}

#[derive(Debug, Args)]
pub struct Add {
    client: String,
    #[arg(long)]
    name: String,
    #[arg(long, value_parser = ["native", "confidential"])]
    kind: String,
    #[arg(long = "redirect", value_name = "URL")]
    redirects: Vec<String>,
    #[arg(long, default_value = "mail offline_access")]
    scope: String,
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Edit {
    client: String,
    #[arg(long)]
    name: Option<String>,
    #[arg(long = "redirect", value_name = "URL")]
    redirects: Vec<String>,
    #[arg(long)]
    scope: Option<String>,
    #[arg(long)]
    new_secret: bool,
    #[arg(long, value_parser = ["active", "blocked"])]
    state: Option<String>,
    #[command(flatten)]
    since: Since,
}

const CLIENT: &[(&str, &str)] = &[
    ("client_id", "column.client"),
    ("name", "column.name"),
    ("kind", "column.kind"),
    ("redirects", "column.redirects"),
    ("scope", "column.scope"),
    ("keys", "column.client_keys"),
    ("state", "column.state"),
    ("registered", "column.registered"),
    ("created", "column.created"),
];

/// `sceau oauth`.
pub fn run(c: &Context, command: OauthCommand) -> Result<(), Failure> {
    match command {
        OauthCommand::List => {
            let columns: Vec<_> =
                CLIENT.iter().filter(|(field, _)| !matches!(*field, "redirects" | "keys")).copied().collect();
            c.show_list(&c.page(c.call(Method::GET, &["oauth-clients"])?.send()?), &columns);
        }
        OauthCommand::Show { client } => c.show_one(&c.get(&["oauth-clients", &client])?, CLIENT),
        OauthCommand::Add(new) => shown(c, &c.post(&["oauth-clients"], &added(c, *new)?)?),
        OauthCommand::Edit(edit) => {
            let (client, since) = (edit.client.clone(), edit.since.if_version);
            let answered =
                c.change(Method::PATCH, (&["oauth-clients", &client], &[]), since, |_| Some(changed(*edit)))?;
            shown(c, &answered.value);
        }
    }
    Ok(())
}

/// A program, with the secret that was made now.
fn shown(c: &Context, client: &Value) {
    c.show_one(client, CLIENT);
    if let Some(secret) = client["secret"].as_str().filter(|_| !c.json) {
        say!("\n{}\n\n    {secret}\n", c.text("cli.token_once", &[]));
    }
}

fn added(c: &Context, new: Add) -> Result<Value, Failure> {
    let mut body = json!({
        "client_id": new.client, "name": new.name, "kind": new.kind, "redirects": new.redirects, "scope": new.scope,
    });
    if let Some(path) = new.jwks {
        let shown = path.display().to_string();
        let unread = |e: &dyn std::fmt::Display| Failure {
            sentence: c.text("cli.cannot_read", &[("path", &shown), ("error", &e.to_string())]),
            exit: 2,
        };
        let text = std::fs::read(&path).map_err(|e| unread(&e))?;
        body["jwks"] = serde_json::from_slice(&text).map_err(|e| unread(&e))?;
    }
    Ok(body)
}

fn changed(edit: Edit) -> Value {
    let mut body = Map::new();
    for (field, value) in [("name", edit.name), ("scope", edit.scope), ("state", edit.state)] {
        body.extend(value.map(|v| (field.to_owned(), v.into())));
    }
    if !edit.redirects.is_empty() {
        body.insert("redirects".into(), edit.redirects.into());
    }
    if edit.new_secret {
        body.insert("new_secret".into(), true.into());
    }
    body.into()
}
