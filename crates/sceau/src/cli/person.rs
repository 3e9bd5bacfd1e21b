//! `sceau person`: people, their identity, where they work, their ordinary address.
use super::Context;
use super::accounts::Since;
use super::time::day;
use crate::admin::api::Answered;
use crate::admin::client::Failure;
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Map, Value, json};

#[derive(Debug, Subcommand)]
pub enum PersonCommand {
    #[command(flatten)]
    Life(super::life::PersonLife),
    Add(Box<PersonAdd>),
    List {
        #[arg(long)]
        structure: Option<String>,
        #[arg(long)]
        after: Option<String>,
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    Show {
        login: String,
    },
    Edit(Box<PersonEdit>),
    Certify {
        login: String,
        #[command(flatten)]
        since: Since,
    },
    Exempt {
        login: String,
        #[arg(long, required_unless_present = "end")]
        identifier: Option<String>,
        #[arg(long, value_name = "TEXT", required_unless_present = "end")]
        reason: Option<String>,
        #[arg(long, value_name = "YYYY-MM-DD", required_unless_present = "end")]
        until: Option<String>,
        #[arg(long, conflicts_with_all = ["identifier", "reason", "until"])]
        end: bool,
    },
    Member {
        login: String,
        structure: String,
        #[arg(long, value_name = "TEXT")]
        function: Option<String>,
        #[arg(long)]
        national_id: Option<String>,
    },
    Publication {
        login: String,
    },
    Notices(super::notices::PersonNotices),
    Email {
        login: String,
        #[arg(required_unless_present = "clear")]
        address: Option<String>,
        #[arg(long, conflicts_with = "address")]
        clear: bool,
    },
}

/// Identity traits, as `add` and `edit` take them.
#[derive(Debug, Args)]
pub struct Traits {
    #[arg(long)]
    given_name: Option<String>,
    #[arg(long)]
    family_name: Option<String>,
    #[arg(long)]
    national_id: Option<String>,
    #[arg(long)]
    profession: Option<String>,
    #[arg(long)]
    speciality: Option<String>,
    #[arg(long)]
    phone: Option<String>,
}

#[derive(Debug, Args)]
pub struct PersonAdd {
    login: String,
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    traits: Traits,
    #[arg(long)]
    habilitated: bool,
    #[arg(long)]
    structure: Option<String>,
    #[arg(long, value_name = "TEXT", requires = "structure")]
    function: Option<String>,
    #[arg(long, value_name = "IDENTIFIER", requires = "reason", requires = "until")]
    exempt: Option<String>,
    #[arg(long, value_name = "TEXT", requires = "exempt")]
    reason: Option<String>,
    #[arg(long, value_name = "YYYY-MM-DD", requires = "exempt")]
    until: Option<String>,
}

#[derive(Debug, Args)]
pub struct PersonEdit {
    login: String,
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    traits: Traits,
    #[arg(long, value_parser = ["yes", "no"])]
    habilitated: Option<String>,
    #[command(flatten)]
    since: Since,
}

const LIST: &[(&str, &str)] = &[
    ("login", "column.login"),
    ("name", "column.name"),
    ("national_id", "column.national_id"),
    ("habilitated", "column.habilitated"),
    ("certified", "column.identity"),
    ("blocked", "column.blocked"),
    ("created", "column.created"),
];
const PERSON: &[(&str, &str)] = &[
    ("login", "column.login"),
    ("name", "column.shown_name"),
    ("given_name", "column.given_name"),
    ("family_name", "column.family_name"),
    ("national_id", "column.national_id"),
    ("exemption", "column.exemption"),
    ("published_identifier", "column.published_identifier"),
    ("profession", "column.profession"),
    ("speciality", "column.speciality"),
    ("habilitated", "column.habilitated"),
    ("identity", "column.identity"),
    ("email", "column.email"),
    ("phone", "column.phone"),
    ("memberships", "column.memberships"),
    ("administrator", "column.administrator"),
    ("bals", "column.bals"),
    ("blocked", "column.blocked"),
    ("created", "column.created"),
    ("version", "column.version"),
];

const ENTRY: &[(&str, &str)] = &[
    ("address", "column.address"),
    ("kind", "column.kind"),
    ("withheld", "column.withheld"),
    ("red_list", "column.red_list"),
    ("phone_published", "column.phone_published"),
    ("paperless", "column.paperless"),
];
const FIELDS: &[(&str, &str)] = &[
    ("name", "column.item"),
    ("value", "column.published_value"),
    ("national", "column.national"),
    ("operator", "column.own_directory"),
    ("changed_by", "column.changed_by"),
];

impl Traits {
    fn put(self, body: &mut Map<String, Value>) {
        for (name, value) in [
            ("given_name", self.given_name),
            ("family_name", self.family_name),
            ("national_id", self.national_id),
            ("profession", self.profession),
            ("speciality", self.speciality),
            ("phone", self.phone),
        ] {
            put(body, name, value);
        }
    }
}

/// Puts what was given.
pub(super) fn put(body: &mut Map<String, Value>, name: &str, value: Option<String>) {
    if let Some(value) = value {
        body.insert(name.to_owned(), value.into());
    }
}

fn shown(c: &Context, answered: Answered) {
    c.show_one(&answered.value, PERSON);
}

/// `sceau person`.
pub fn run(c: &Context, command: PersonCommand) -> Result<(), Failure> {
    match command {
        PersonCommand::Life(life) => super::life::person(c, &life)?,
        PersonCommand::Add(a) => shown(c, add(c, *a)?),
        PersonCommand::List { structure, after, limit } => {
            let call = c.call(Method::GET, &["people"])?.query("structure", structure.as_deref());
            let call = call.query("after", after.as_deref()).query("limit", Some(&super::table::limit(limit)));
            let mut people = c.page(call.send()?);
            if !c.json {
                // One word of the certification fits a table.
                for person in people.as_array_mut().into_iter().flatten() {
                    person["certified"] = person["identity"]["how"].take();
                }
            }
            c.show_list(&people, LIST);
        }
        PersonCommand::Show { login } => shown(c, c.call(Method::GET, &["people", &login])?.send()?),
        PersonCommand::Edit(e) => {
            let mut body = Map::new();
            put(&mut body, "name", e.name);
            e.traits.put(&mut body);
            if let Some(word) = e.habilitated {
                body.insert("habilitated".into(), (word == "yes").into());
            }
            let at = (&["people", e.login.as_str()][..], &[][..]);
            shown(c, c.change(Method::PATCH, at, e.since.if_version, |_| Some(Value::Object(body)))?);
        }
        PersonCommand::Certify { login, since } => {
            let at = (&["people", login.as_str()][..], &["certification"][..]);
            shown(c, c.change(Method::POST, at, since.if_version, |_| None)?);
        }
        PersonCommand::Exempt { login, end: true, .. } => {
            let at = (&["people", login.as_str()][..], &["exemption"][..]);
            shown(c, c.change(Method::DELETE, at, None, |_| None)?);
        }
        PersonCommand::Exempt { login, identifier, reason, until, end: false } => {
            let until = day(c, until.as_deref().unwrap_or_default())?;
            let body = json!({ "identifier": identifier, "reason": reason, "until": until });
            let at = (&["people", login.as_str()][..], &["exemption"][..]);
            shown(c, c.change(Method::PUT, at, None, |_| Some(body))?);
        }
        PersonCommand::Notices(n) => super::notices::person(c, &n)?,
        PersonCommand::Publication { login } => publication(c, &c.get(&["people", &login, "publication"])?["items"]),
        PersonCommand::Member { login, structure, function, national_id } => {
            let body = json!({ "function": function.unwrap_or_default(), "national_id": national_id });
            shown(c, c.call(Method::PUT, &["people", &login, "memberships", &structure])?.body(&body).send()?);
        }
        PersonCommand::Email { login, address: Some(address), .. } => {
            let call = c.call(Method::PUT, &["people", &login, "email"])?.body(&json!({ "address": address }));
            shown(c, call.send()?);
        }
        PersonCommand::Email { login, address: None, .. } => {
            shown(c, c.call(Method::DELETE, &["people", &login, "email"])?.send()?);
        }
    }
    Ok(())
}

/// What is published: an entry a BAL, a line a field.
fn publication(c: &Context, entries: &Value) {
    if c.json {
        return super::table::print_json(entries);
    }
    for entry in entries.as_array().into_iter().flatten() {
        c.show_one(entry, ENTRY);
        say!();
        let mut fields = entry["fields"].clone();
        for field in fields.as_array_mut().into_iter().flatten() {
            let name = field["name"].as_str().unwrap_or_default();
            let column = if name == "identifier" { "published_identifier" } else { name };
            field["name"] = c.text(&format!("column.{column}"), &[]).to_lowercase().into();
        }
        c.show_list(&fields, FIELDS);
        say!();
    }
}

fn add(c: &Context, a: PersonAdd) -> Result<Answered, Failure> {
    let mut body = Map::new();
    body.insert("login".into(), a.login.into());
    put(&mut body, "name", a.name);
    a.traits.put(&mut body);
    body.insert("habilitated".into(), a.habilitated.into());
    put(&mut body, "structure", a.structure);
    put(&mut body, "function", a.function);
    if let Some(identifier) = a.exempt {
        let until = day(c, a.until.as_deref().unwrap_or_default())?;
        let exemption = json!({ "identifier": identifier, "reason": a.reason, "until": until });
        body.insert("exemption".into(), exemption);
    }
    c.call(Method::POST, &["people"])?.body(&Value::Object(body)).send()
}
