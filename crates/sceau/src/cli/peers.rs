//! `sceau peers`: the ledger of partners.
use super::Context;
use super::accounts::parse;
use super::table::{limit as most, print_table};
use crate::admin::client::Failure;
use hyper::Method;
use sceau_domain::DomainName;

#[derive(Debug, clap::Args)]
pub struct PeersArgs {
    domain: Option<String>,
    #[arg(long)]
    search: Option<String>,
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=400))]
    days: u32,
    #[arg(long)]
    after: Option<String>,
    #[arg(long, default_value_t = 1000)]
    limit: u32,
}

const PEER: &[(&str, &str)] = &[
    ("domain", "column.domain"),
    ("listed", "column.listed"),
    ("last", "column.last"),
    ("tls_in", "column.tls_in"),
    ("tls_out", "column.tls_out"),
    ("received", "column.received"),
    ("sent", "column.handed_over"),
    ("failures", "column.failed"),
    ("median_seconds", "column.median_seconds"),
    ("slow_seconds", "column.slow_seconds"),
    ("size", "column.volume"),
    ("trouble", "column.trouble"),
];
const CERTIFICATE: &[(&str, &str)] = &[
    ("direction", "column.direction"),
    ("dn", "column.certificate"),
    ("tls", "column.tls"),
    ("first", "column.first"),
    ("last_good", "column.last_good"),
    ("last_failure", "column.last_failure"),
    ("trouble", "column.trouble"),
    ("contacts", "column.contacts"),
    ("deliveries", "column.deliveries"),
    ("failures", "column.failed"),
];
const CAUSE: &[(&str, &str)] = &[("direction", "column.direction"), ("code", "column.code"), ("count", "column.count")];
const DAY: &[(&str, &str)] = &[
    ("day", "column.day"),
    ("direction", "column.direction"),
    ("contacts", "column.contacts"),
    ("deliveries", "column.deliveries"),
    ("failures", "column.failed"),
    ("size", "column.volume"),
    ("median_seconds", "column.median_seconds"),
    ("slow_seconds", "column.slow_seconds"),
];

/// `sceau peers`.
pub fn run(c: &Context, args: &PeersArgs) -> Result<(), Failure> {
    let days = args.days.to_string();
    let Some(domain) = &args.domain else {
        let call = c.call(Method::GET, &["peers"])?.query("search", args.search.as_deref());
        let call = call.query("days", Some(&days)).query("after", args.after.as_deref());
        c.show_list(&c.page(call.query("limit", Some(&most(args.limit))).send()?), PEER);
        return Ok(());
    };
    let domain = parse::<DomainName>(c, domain)?;
    let found = c.call(Method::GET, &["peers", domain.as_str()])?.query("days", Some(&days)).send()?.value;
    c.show_one(&found, PEER);
    if !c.json {
        for (part, columns) in [("certificates", CERTIFICATE), ("causes", CAUSE), ("days", DAY)] {
            if found[part].as_array().is_some_and(|all| !all.is_empty()) {
                say!();
                print_table(c, &found[part], columns);
            }
        }
    }
    Ok(())
}
