//! `sceau connector`: structures' own mail servers (F052–F054, F212).
use super::Context;
use super::accounts::Since;
use super::confirm::confirm;
use super::file::NewFile;
use crate::admin::client::Failure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Map, Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub enum ConnectorCommand {
    #[command(subcommand)]
    Authority(AuthorityCommand),
    Create(Box<Create>),
    List {
        #[arg(long)]
        after: Option<String>,
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    Show {
        name: String,
    },
    Edit(Box<Edit>),
    Suspend {
        name: String,
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    Resume {
        name: String,
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    End {
        name: String,
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[arg(long)]
        yes: bool,
    },
    #[command(subcommand)]
    Certificate(CertificateCommand),
    Settings {
        name: String,
        #[arg(long = "for", value_parser = ["postfix", "exchange"])]
        server: String,
        #[arg(long, value_name = "FOLDER", default_value = ".")]
        out: PathBuf,
    },
    Test {
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum AuthorityCommand {
    Create {
        #[arg(long, value_name = "NAME")]
        host: Option<String>,
    },
    Show,
}

#[derive(Debug, Subcommand)]
pub enum CertificateCommand {
    Issue {
        name: String,
        #[arg(long, value_name = "FILE")]
        request: PathBuf,
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    Make {
        name: String,
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[arg(long)]
        pkcs12: bool,
    },
    Declare {
        name: String,
        #[arg(long, value_name = "FILE", required_unless_present = "dn")]
        file: Option<PathBuf>,
        #[arg(long, value_name = "DN", conflicts_with = "file")]
        dn: Option<String>,
    },
    Revoke {
        name: String,
        #[arg(value_parser = super::accounts::id)]
        id: String,
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

/// Where mail goes.
#[derive(Debug, Args)]
pub struct RouteArgs {
    #[arg(long, value_name = "HOST:PORT")]
    to: Option<String>,
    #[arg(long, value_name = "NAME", requires = "to")]
    tls_name: Option<String>,
}

impl RouteArgs {
    /// As REST takes it; none when nothing was given.
    fn body(self) -> Option<Value> {
        let to = self.to?;
        let (host, port) = match to.rsplit_once(':') {
            // An IPv6 address stands in brackets when a port follows.
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse().unwrap_or(0)),
            _ => (to.as_str(), 25),
        };
        Some(json!({ "host": host, "port": port, "tls_name": self.tls_name }))
    }
}

#[derive(Debug, Args)]
pub struct Create {
    name: String,
    #[arg(long, value_name = "CODE")]
    structure: String,
    #[arg(long = "domain", value_name = "DOMAIN", required = true)]
    domains: Vec<String>,
    #[command(flatten)]
    route: RouteArgs,
    #[arg(long = "sender", value_name = "ADDRESS")]
    senders: Vec<String>,
    #[arg(long, value_name = "N", default_value_t = 0)]
    per_hour: u32,
}

#[derive(Debug, Args)]
pub struct Edit {
    name: String,
    #[arg(long = "domain", value_name = "DOMAIN")]
    domains: Vec<String>,
    #[command(flatten)]
    route: RouteArgs,
    #[arg(long, conflicts_with = "to")]
    send_only: bool,
    #[arg(long = "sender", value_name = "ADDRESS")]
    senders: Vec<String>,
    #[arg(long, conflicts_with = "senders")]
    every_sender: bool,
    #[arg(long, value_name = "N")]
    per_hour: Option<u32>,
    #[command(flatten)]
    since: Since,
}

const LIST: &[(&str, &str)] = &[
    ("name", "column.name"),
    ("structure", "column.structure"),
    ("state", "column.state"),
    ("domains", "column.domains"),
    ("seen", "column.connector_seen"),
    ("refused", "column.connector_refused"),
    ("refusal", "column.connector_refusal"),
    ("warnings", "column.warnings"),
];
const CONNECTOR: &[(&str, &str)] = &[
    ("name", "column.name"),
    ("structure", "column.structure"),
    ("state", "column.state"),
    ("reason", "column.reason"),
    ("domains", "column.domains"),
    ("route", "column.route"),
    ("senders", "column.connector_senders"),
    ("per_hour", "column.connector_per_hour"),
    ("seen", "column.connector_seen"),
    ("refused", "column.connector_refused"),
    ("refusal", "column.connector_refusal"),
    ("warnings", "column.warnings"),
    ("created", "column.created"),
    ("version", "column.version"),
];
const CERTIFICATE: &[(&str, &str)] = &[
    ("id", "column.id"),
    ("kind", "column.kind"),
    ("dn", "column.dn"),
    ("fingerprint", "column.fingerprint"),
    ("not_after", "column.not_after"),
    ("revoked", "column.revoked"),
    ("reason", "column.reason"),
    ("seen", "column.connector_seen"),
];
const AUTHORITY: &[(&str, &str)] = &[
    ("host", "column.host"),
    ("operator_fingerprint", "column.connector_operator"),
    ("structures_fingerprint", "column.connector_structures"),
    ("not_after", "column.not_after"),
    ("created", "column.created"),
];

/// Shows a connector with its certificates; what is missing is said in words.
fn shown(c: &Context, value: &Value) {
    c.show_one(value, CONNECTOR);
    if c.json {
        return;
    }
    if value["certificates"].as_array().is_some_and(|all| !all.is_empty()) {
        say!();
        c.show_list(&value["certificates"], CERTIFICATE);
    }
    for warning in value["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        say!("! {}", c.text(&format!("connector.warning.{warning}"), &[]));
    }
}

fn read(c: &Context, path: &Path) -> Result<String, Failure> {
    let failed = |e: &dyn std::fmt::Display| {
        let values = [("path", path.display().to_string()), ("error", e.to_string())];
        let values: Vec<(&str, &str)> = values.iter().map(|(n, v)| (*n, v.as_str())).collect();
        Failure { sentence: c.text("cli.cannot_read", &values), exit: 2 }
    };
    // PEM: what every tool writes.
    std::fs::read_to_string(path).map_err(|e| failed(&e))
}

/// Begins a file, before anything is asked of the server: what it answers once must not be lost.
fn begin(c: &Context, path: &Path) -> Result<NewFile, Failure> {
    NewFile::begin(path).map_err(|e| unwritable(c, path, &e))
}

fn unwritable(c: &Context, path: &Path, e: &std::io::Error) -> Failure {
    let values = [("path", path.display().to_string()), ("error", e.to_string())];
    let values: Vec<(&str, &str)> = values.iter().map(|(n, v)| (*n, v.as_str())).collect();
    Failure { sentence: c.text("cli.cannot_write", &values), exit: 2 }
}

fn keep(c: &Context, path: &Path, mut file: NewFile, content: &[u8]) -> Result<(), Failure> {
    file.write_all(content).and_then(|()| file.keep()).map_err(|e| unwritable(c, path, &e))?;
    if !c.json {
        say!("{}", c.text("connector.written", &[("path", &path.display().to_string())]));
    }
    Ok(())
}

fn certificate(c: &Context, command: CertificateCommand) -> Result<(), Failure> {
    let ask = |name: &str, body: Value| c.post(&["connectors", name, "certificates"], &body);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match command {
        CertificateCommand::Issue { name, request, out } => {
            let request = read(c, &request)?;
            let file = out.as_deref().map(|path| begin(c, path)).transpose()?;
            let made = ask(&name, json!({ "request": request }))?;
            c.show_one(&made, CERTIFICATE);
            match (file, out) {
                (Some(file), Some(path)) => keep(c, &path, file, text(&made["certificate"]).as_bytes())?,
                _ if !c.json => say!("{}", text(&made["certificate"]).trim_end()),
                _ => {}
            }
        }
        CertificateCommand::Make { name, out, pkcs12 } => {
            let file = begin(c, &out)?;
            let mut made = ask(&name, json!({ "make": true, "pkcs12": pkcs12 }))?;
            // The key stands in the file alone.
            let (key, packed) = (made["private_key"].take(), made["pkcs12"].take());
            let content = match pkcs12 {
                true => STANDARD
                    .decode(text(&packed))
                    .map_err(|_| Failure { sentence: c.text("cli.no_answer", &[("status", "pkcs12")]), exit: 2 })?,
                false => (text(&key) + &text(&made["certificate"])).into_bytes(),
            };
            c.show_one(&made, CERTIFICATE);
            if pkcs12 && !c.json {
                say!("{}", c.text("connector.password", &[("password", &text(&made["password"]))]));
            }
            keep(c, &out, file, &content)?;
        }
        CertificateCommand::Declare { name, file, dn } => {
            let body = match (file, dn) {
                (Some(file), _) => json!({ "certificate": read(c, &file)? }),
                (None, dn) => json!({ "dn": dn }),
            };
            c.show_one(&ask(&name, body)?, CERTIFICATE);
        }
        CertificateCommand::Revoke { name, id, reason } => {
            let at = ["connectors", name.as_str(), "certificates", id.as_str(), "revoke"];
            c.show_one(&c.post(&at, &json!({ "reason": reason }))?, CERTIFICATE);
        }
    }
    Ok(())
}

/// Files of settings, none over what is there.
fn settings(c: &Context, name: &str, server: &str, out: &Path) -> Result<(), Failure> {
    let answered = c.call(Method::GET, &["connectors", name, "settings"])?.query("server", Some(server)).send()?;
    if c.json {
        c.show_one(&answered.value, &[]);
        return Ok(());
    }
    std::fs::create_dir_all(out).map_err(|e| unwritable(c, out, &e))?;
    for file in answered.value["files"].as_array().into_iter().flatten() {
        // A name, never a path: what the server says stays in the folder.
        let given = file["name"].as_str().unwrap_or_default();
        let Some(name) = Path::new(given).file_name().filter(|n| *n == given) else { continue };
        let path = out.join(name);
        let begun = begin(c, &path)?;
        keep(c, &path, begun, file["content"].as_str().unwrap_or_default().as_bytes())?;
    }
    Ok(())
}

/// Step by step in the user's language; 1 when something is wrong.
fn test(c: &Context, name: &str) -> Result<(), Failure> {
    let found = c.post(&["connectors", name, "test"], &json!({}))?;
    if c.json {
        c.show_one(&found, &[]);
    } else {
        let field = if c.lang == sceau_domain::Lang::Fr { "detail" } else { "detail_en" };
        for finding in found["findings"].as_array().into_iter().flatten() {
            let mark = match finding["level"].as_str() {
                Some("right") => "+",
                Some("warning") => "!",
                _ => "x",
            };
            say!("{mark} {}", finding[field].as_str().unwrap_or_default());
        }
    }
    match found["good"].as_bool() {
        Some(true) => Ok(()),
        _ => Err(Failure { sentence: c.text("connector.test_failed", &[("name", name)]), exit: 1 }),
    }
}

/// `sceau connector`.
pub fn run(c: &Context, command: ConnectorCommand) -> Result<(), Failure> {
    match command {
        ConnectorCommand::Authority(AuthorityCommand::Create { host }) => {
            c.show_one(&c.post(&["connector-authority"], &json!({ "host": host }))?, AUTHORITY);
        }
        ConnectorCommand::Authority(AuthorityCommand::Show) => {
            let found = c.get(&["connector-authority"])?;
            c.show_one(&found, AUTHORITY);
            if !c.json {
                say!("{}", found["operator"].as_str().unwrap_or_default().trim_end());
            }
        }
        ConnectorCommand::Create(create) => {
            let Create { name, structure, domains, route, senders, per_hour } = *create;
            let mut body = json!({ "name": name, "structure": structure, "domains": domains, "per_hour": per_hour });
            if let Some(route) = route.body() {
                body["route"] = route;
            }
            if !senders.is_empty() {
                body["senders"] = senders.into();
            }
            shown(c, &c.post(&["connectors"], &body)?);
        }
        ConnectorCommand::List { after, limit } => {
            let call = c.call(Method::GET, &["connectors"])?.query("after", after.as_deref());
            c.show_list(&c.page(call.query("limit", Some(&super::table::limit(limit))).send()?), LIST);
        }
        ConnectorCommand::Show { name } => shown(c, &c.get(&["connectors", &name])?),
        ConnectorCommand::Edit(edit) => {
            let Edit { name, domains, route, send_only, senders, every_sender, per_hour, since } = *edit;
            let body = |_: &Value| {
                let mut body = Map::new();
                if !domains.is_empty() {
                    body.insert("domains".into(), domains.into());
                }
                if let Some(route) = route.body() {
                    body.insert("route".into(), route);
                }
                if send_only {
                    body.insert("send_only".into(), true.into());
                }
                if every_sender || !senders.is_empty() {
                    body.insert("senders".into(), senders.into());
                }
                if let Some(n) = per_hour {
                    body.insert("per_hour".into(), n.into());
                }
                Some(Value::Object(body))
            };
            let at = (&["connectors", name.as_str()][..], &[][..]);
            shown(c, &c.change(Method::PATCH, at, since.if_version, body)?.value);
        }
        ConnectorCommand::Suspend { name, reason } => {
            shown(c, &c.post(&["connectors", &name, "suspend"], &json!({ "reason": reason }))?);
        }
        ConnectorCommand::Resume { name, reason } => {
            shown(c, &c.post(&["connectors", &name, "resume"], &json!({ "reason": reason }))?);
        }
        ConnectorCommand::End { name, reason, yes } => {
            confirm(c, yes, &c.text("confirm.connector_end", &[("name", &name)]), &name)?;
            shown(c, &c.post(&["connectors", &name, "end"], &json!({ "reason": reason }))?);
        }
        ConnectorCommand::Certificate(command) => certificate(c, command)?,
        ConnectorCommand::Settings { name, server, out } => settings(c, &name, &server, &out)?,
        ConnectorCommand::Test { name } => test(c, &name)?,
    }
    Ok(())
}
