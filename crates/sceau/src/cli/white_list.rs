//! `sceau trust status|list|check|diff`: the white list, what it changed, and what stands between us and a domain.
use super::accounts::parse;
use super::table::limit as most;
use super::{Context, table, time};
use crate::admin::client::Failure;
use clap::Subcommand;
use hyper::Method;
use sceau_domain::{DomainName, Lang};
use serde_json::Value;

#[derive(Debug, Subcommand)]
pub enum WhiteListCommand {
    Status,
    List {
        #[arg(long)]
        search: Option<String>,
        #[arg(long)]
        after: Option<String>,
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    Check {
        domain: String,
        #[arg(long)]
        connect: bool,
    },
    Diff {
        #[arg(long)]
        since: Option<String>,
        #[arg(long)]
        domain: Option<String>,
        #[arg(long)]
        after: Option<i64>,
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
}

const STATUS: &[(&str, &str)] = &[
    ("generated", "column.generated"),
    ("since", "column.in_force"),
    ("refreshed", "column.refreshed"),
    ("domains", "column.domains"),
    ("certificates", "column.certificates"),
    ("skipped", "column.skipped"),
    ("signer", "column.signer"),
    ("error", "column.error"),
];
const OURS: &[(&str, &str)] = &[
    ("domain", "column.domain"),
    ("listed", "column.listed"),
    ("ours", "column.our_certificates"),
    ("missing", "column.missing"),
    ("foreign", "column.foreign"),
];
const LISTED: &[(&str, &str)] = &[
    ("domain", "column.domain"),
    ("ours", "column.own"),
    ("since", "column.since"),
    ("certificates", "column.certificates"),
    ("description", "column.description"),
];
const CHANGE: &[(&str, &str)] = &[
    ("at", "column.at"),
    ("change", "column.change"),
    ("domain", "column.domain"),
    ("lost", "column.lost"),
    ("got", "column.got"),
];
const CERTIFICATE: &[(&str, &str)] =
    &[("dn", "column.certificate"), ("ours", "column.own"), ("seen", "column.seen"), ("ends", "column.until")];
const HANDSHAKE: &[(&str, &str)] = &[
    ("server", "column.server"),
    ("address", "column.address"),
    ("tls", "column.tls"),
    ("dn", "column.certificate"),
    ("ends", "column.until"),
    ("finding", "column.finding"),
];

/// What of `sceau trust` is about the white list.
pub fn run(c: &Context, command: WhiteListCommand) -> Result<(), Failure> {
    match command {
        WhiteListCommand::Status => {
            let status = c.get(&["white-list"])?;
            c.show_one(&status, STATUS);
            if !c.json && status["ours"].as_array().is_some_and(|all| !all.is_empty()) {
                say!();
                table::print_table(c, &status["ours"], OURS);
            }
        }
        WhiteListCommand::List { search, after, limit } => {
            let call = c.call(Method::GET, &["white-list", "domains"])?.query("search", search.as_deref());
            let call = call.query("after", after.as_deref()).query("limit", Some(&most(limit)));
            c.show_list(&c.page(call.send()?), LISTED);
        }
        WhiteListCommand::Check { domain, connect } => check(c, parse::<DomainName>(c, &domain)?.as_str(), connect)?,
        WhiteListCommand::Diff { since, domain, after, limit } => {
            let domain = domain.map(|d| parse::<DomainName>(c, &d)).transpose()?;
            let since = time::maybe(c, since.as_ref())?.map(|at| at.max(0).to_string());
            let call = c.call(Method::GET, &["white-list", "changes"])?.query("since", since.as_deref());
            let call = call.query("domain", domain.as_ref().map(DomainName::as_str));
            let call = call.query("after", after.map(|a| a.max(0).to_string()).as_deref());
            c.show_list(&c.page(call.query("limit", Some(&most(limit))).send()?), CHANGE);
        }
    }
    Ok(())
}

/// What stands between us and a domain, in plain words; with `connect`, what its servers show.
fn check(c: &Context, domain: &str, connect: bool) -> Result<(), Failure> {
    let mut seen = c.get(&["white-list", "domains", domain])?;
    if connect {
        let shown = c.call(Method::POST, &["white-list", "domains", domain, "connections"])?.send()?.value;
        seen["handshakes"] = shown["items"].clone();
    }
    if c.json {
        table::print_json(&seen);
        return Ok(());
    }
    let language = if c.lang == Lang::Fr { "fr" } else { "en" };
    let said = |finding: &Value| {
        let mark = if finding["good"] == true { "✓" } else { "✗" };
        format!("{mark} {}", table::printable(finding[language].as_str().unwrap_or_default()))
    };
    for finding in seen["findings"].as_array().into_iter().flatten() {
        say!("{}", said(finding));
    }
    if seen["certificates"].as_array().is_some_and(|all| !all.is_empty()) {
        say!();
        table::print_table(c, &seen["certificates"], CERTIFICATE);
    }
    if connect {
        say!();
        let mut shown = seen["handshakes"].clone();
        for one in shown.as_array_mut().into_iter().flatten() {
            one["finding"] = said(&one["finding"]).into();
        }
        table::print_table(c, &shown, HANDSHAKE);
    }
    Ok(())
}
