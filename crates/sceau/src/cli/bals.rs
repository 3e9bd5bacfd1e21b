//! `sceau bal`: mailboxes, and what is chosen and published of them.
use super::Context;
use super::accounts::{PageArgs, Since, parse};
use super::table::limit;
use super::{bal_certificates, bal_use, life, notices, openings};
use crate::admin::client::Failure;
use clap::{Args, Subcommand};
use hyper::Method;
use sceau_domain::{Address, DomainName};
use serde_json::{Map, Value, json};

/// Kinds that are opened here.
const KINDS: [&str; 5] = ["Per", "Org", "App", "Cab", "Med"];

#[derive(Debug, Subcommand)]
pub enum BalCommand {
    Add(BalAdd),
    List {
        #[arg(long)]
        domain: Option<String>,
        #[arg(long)]
        structure: Option<String>,
        #[arg(long, value_parser = KINDS, ignore_case = true)]
        kind: Option<String>,
        #[arg(long, value_parser = ["active", "suspended", "blocked", "closing", "closed"])]
        state: Option<String>,
        #[arg(long)]
        text: Option<String>,
        #[arg(long)]
        lacks_notification_address: bool,
        #[command(flatten)]
        page: PageArgs,
    },
    Show {
        address: String,
    },
    Edit {
        address: String,
        #[arg(long)]
        name: Option<String>,
        #[arg(long)]
        description: Option<String>,
        #[arg(long)]
        responsible: Option<String>,
        #[arg(long)]
        service: Option<String>,
        #[arg(long)]
        structure: Option<String>,
        #[arg(long, conflicts_with = "structure")]
        no_structure: bool,
        #[arg(long)]
        naming_override: Option<String>,
        #[command(flatten)]
        since: Since,
    },
    Choose {
        address: String,
        #[command(flatten)]
        choices: Choices,
        #[command(flatten)]
        since: Since,
    },
    Suggest {
        #[arg(long, requires = "family")]
        given: Option<String>,
        #[arg(long, requires = "given")]
        family: Option<String>,
        #[arg(long, conflicts_with_all = ["given", "family"], required_unless_present = "given")]
        structure: Option<String>,
        #[arg(long)]
        domain: Option<String>,
    },
    #[command(subcommand)]
    Certificate(bal_certificates::BalCertificate),
    #[command(flatten)]
    Life(life::BalLife),
    #[command(flatten)]
    Use(bal_use::BalUse),
    #[command(flatten)]
    Notices(notices::BalNotices),
}

/// Choices about a BAL; what is not given stays as it is.
#[derive(Debug, Args)]
pub struct Choices {
    #[arg(long, value_parser = ["yes", "no"])]
    red_list: Option<String>,
    #[arg(long, value_parser = ["yes", "no"])]
    phone_published: Option<String>,
    #[arg(long, value_parser = ["yes", "no"])]
    paperless: Option<String>,
}

impl Choices {
    fn json(&self) -> Map<String, Value> {
        let given =
            [("red_list", &self.red_list), ("phone_published", &self.phone_published), ("paperless", &self.paperless)];
        given.into_iter().filter_map(|(name, v)| Some((name.to_owned(), json!(v.as_ref()? == "yes")))).collect()
    }
}

/// A BAL to open or to ask for.
#[derive(Debug, Args)]
pub struct BalAdd {
    address: String,
    #[arg(long, value_parser = KINDS, ignore_case = true)]
    kind: String,
    #[arg(long)]
    name: String,
    #[arg(long)]
    structure: Option<String>,
    #[arg(long = "holder", required = true)]
    holders: Vec<String>,
    #[arg(long = "member")]
    members: Vec<String>,
    #[arg(long, value_name = "ADDRESS")]
    notification_address: Option<String>,
    #[arg(long)]
    description: Option<String>,
    #[arg(long)]
    responsible: Option<String>,
    #[arg(long)]
    service: Option<String>,
    #[command(flatten)]
    choices: Choices,
    #[arg(long)]
    test: bool,
    #[arg(long)]
    unreachable: bool,
    #[arg(long)]
    quota: Option<u64>,
    #[arg(long)]
    naming_override: Option<String>,
    #[arg(long)]
    eligibility_override: Option<String>,
}

impl BalAdd {
    /// The body of the request.
    pub fn json(&self, c: &Context) -> Result<Map<String, Value>, Failure> {
        let kind = KINDS.into_iter().find(|k| k.eq_ignore_ascii_case(&self.kind)).unwrap_or_default();
        let mut body = self.choices.json();
        body.extend(given(&[
            ("description", &self.description),
            ("responsible", &self.responsible),
            ("service", &self.service),
            ("structure", &self.structure),
            ("notification_address", &self.notification_address),
            ("naming_override", &self.naming_override),
            ("eligibility_override", &self.eligibility_override),
        ]));
        for (name, value) in [
            ("address", json!(parse::<Address>(c, &self.address)?.to_string())),
            ("kind", json!(kind)),
            ("name", json!(self.name)),
            ("holders", json!(self.holders)),
            ("members", json!(self.members)),
            ("test", json!(self.test)),
            ("reachable", json!(!self.unreachable)),
            ("quota", json!(self.quota)),
        ] {
            body.insert(name.to_owned(), value);
        }
        Ok(body)
    }
}

/// What was given.
pub(super) fn given(values: &[(&str, &Option<String>)]) -> Map<String, Value> {
    values.iter().filter_map(|(name, v)| Some(((*name).to_owned(), json!(v.as_ref()?)))).collect()
}

const BAL: &[(&str, &str)] = &[
    ("address", "column.address"),
    ("kind", "column.kind"),
    ("name", "column.name"),
    ("structure", "column.structure"),
    ("state", "column.state"),
    ("closing_at", "column.closing_at"),
    ("description", "column.description"),
    ("responsible", "column.responsible"),
    ("service", "column.service"),
    ("red_list", "column.red_list"),
    ("phone_published", "column.phone_published"),
    ("paperless", "column.paperless"),
    ("test", "column.test"),
    ("reachable", "column.reachable"),
    ("messages", "column.messages"),
    ("used", "column.used"),
    ("quota", "column.quota"),
    ("access", "column.access"),
    ("holds", "column.holds"),
    ("version", "column.version"),
];
const LISTED: &[(&str, &str)] = &[
    ("address", "column.address"),
    ("kind", "column.kind"),
    ("name", "column.name"),
    ("structure", "column.structure"),
    ("state", "column.state"),
    ("test", "column.test"),
    ("reachable", "column.reachable"),
    ("messages", "column.messages"),
    ("used", "column.used"),
    ("access", "column.access"),
];

/// `sceau bal`.
pub fn run(c: &Context, command: BalCommand) -> Result<(), Failure> {
    match command {
        BalCommand::Add(new) => {
            let body = new.json(c)?;
            openings::show_one(c, c.post(&["bals"], &body.into())?);
        }
        BalCommand::List { domain, structure, kind, state, text, lacks_notification_address, page } => {
            let domain = domain.map(|d| parse::<DomainName>(c, &d)).transpose()?;
            let kind = kind.and_then(|k| KINDS.into_iter().find(|known| known.eq_ignore_ascii_case(&k)));
            let call = c
                .call(Method::GET, &["bals"])?
                .query("domain", domain.as_ref().map(DomainName::as_str))
                .query("structure", structure.as_deref())
                .query("kind", kind)
                .query("state", state.as_deref())
                .query("text", text.as_deref())
                .query("lacks_notification_address", lacks_notification_address.then_some("true"))
                .query("after", page.after.as_deref())
                .query("limit", Some(&limit(page.limit)));
            c.show_list(&c.page(call.send()?), LISTED);
        }
        BalCommand::Certificate(command) => bal_certificates::run(c, command)?,
        BalCommand::Show { address } => {
            let address = known(c, &address)?;
            let mut bal = c.get(&["bals", &address])?;
            bal["holds"] = life::holds_of(c, &address)?;
            c.show_one(&bal, BAL);
        }
        BalCommand::Edit {
            address,
            name,
            description,
            responsible,
            service,
            structure,
            no_structure,
            naming_override,
            since,
        } => {
            let mut body = given(&[
                ("name", &name),
                ("description", &description),
                ("responsible", &responsible),
                ("service", &service),
                ("structure", &structure),
                ("naming_override", &naming_override),
            ]);
            if no_structure {
                body.insert("structure".into(), Value::Null);
            }
            change(c, &address, &[], since, body)?;
        }
        BalCommand::Choose { address, choices, since } => change(c, &address, &["choices"], since, choices.json())?,
        BalCommand::Suggest { given, family, structure, domain } => {
            let domain = domain.map(|d| parse::<DomainName>(c, &d)).transpose()?;
            let call = c
                .call(Method::GET, &["bals", "suggestions"])?
                .query("given", given.as_deref())
                .query("family", family.as_deref())
                .query("structure", structure.as_deref())
                .query("domain", domain.as_ref().map(DomainName::as_str));
            c.show_one(&call.send()?.value, &[("address", "column.address"), ("homonym", "column.homonym")]);
        }
        BalCommand::Life(command) => life::bal(c, &command)?,
        BalCommand::Use(command) => bal_use::run(c, command)?,
        BalCommand::Notices(command) => notices::bal(c, command)?,
    }
    Ok(())
}

/// An address, as it is written in a path.
pub(super) fn known(c: &Context, address: &str) -> Result<String, Failure> {
    Ok(parse::<Address>(c, address)?.to_string())
}

/// Changes a BAL from the version that is there now.
fn change(c: &Context, address: &str, below: &[&str], since: Since, body: Map<String, Value>) -> Result<(), Failure> {
    let address = known(c, address)?;
    let at = (&["bals", address.as_str()][..], below);
    let changed = c.change(Method::PATCH, at, since.if_version, |_| Some(body.into()))?;
    c.show_one(&changed.value, BAL);
    Ok(())
}
