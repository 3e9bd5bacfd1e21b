//! `sceau structure`: structures, their particulars, what the operator settled with them.
use super::Context;
use super::accounts::Since;
use super::person::put;
use super::time::day;
use crate::admin::api::Answered;
use crate::admin::client::Failure;
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Map, Value, json};

#[derive(Debug, Subcommand)]
pub enum StructureCommand {
    #[command(flatten)]
    Life(super::life::StructureLife),
    Add(Box<StructureAdd>),
    List {
        #[arg(long)]
        body: Option<String>,
        #[arg(long)]
        after: Option<String>,
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    Show {
        code: String,
    },
    Edit(Box<StructureEdit>),
    Convention {
        code: String,
        #[arg(long, value_parser = ["none", "draft", "signed", "ended"])]
        state: String,
        #[arg(long, value_name = "TEXT")]
        reference: Option<String>,
        #[arg(long, value_name = "YYYY-MM-DD")]
        from: Option<String>,
        #[arg(long, value_name = "YYYY-MM-DD")]
        until: Option<String>,
        #[command(flatten)]
        since: Since,
    },
    Domain {
        code: String,
        #[arg(long, value_name = "DOMAIN")]
        add: Vec<String>,
        #[arg(long, value_name = "DOMAIN")]
        remove: Vec<String>,
    },
    Settle {
        code: String,
        #[arg(long, value_name = "CODE")]
        body: Option<String>,
        #[arg(long, conflicts_with = "body")]
        no_body: bool,
        #[arg(long, value_parser = ["delegated", "operator", "self"])]
        opening: Option<String>,
        #[command(flatten)]
        since: Since,
    },
}

/// Particulars, as `add` and `edit` take them.
#[derive(Debug, Args)]
pub struct Particulars {
    #[arg(long)]
    category: Option<String>,
    #[arg(long)]
    finess_ej: Option<String>,
    #[arg(long)]
    finess_eg: Option<String>,
    #[arg(long)]
    siret: Option<String>,
    #[arg(long)]
    territory: Option<String>,
    #[arg(long = "line", value_name = "TEXT")]
    lines: Vec<String>,
    #[arg(long)]
    postcode: Option<String>,
    #[arg(long)]
    town: Option<String>,
    #[command(flatten)]
    contact: ContactArgs,
}

/// Whom to ask.
#[derive(Debug, Args)]
pub struct ContactArgs {
    #[arg(long, value_name = "NAME")]
    contact_name: Option<String>,
    #[arg(long, value_name = "TEXT")]
    contact_function: Option<String>,
    #[arg(long, value_name = "ADDRESS")]
    contact_email: Option<String>,
    #[arg(long, value_name = "NUMBER")]
    contact_phone: Option<String>,
}

#[derive(Debug, Args)]
pub struct StructureAdd {
    code: String,
    #[arg(long)]
    name: String,
    #[command(flatten)]
    particulars: Particulars,
}

#[derive(Debug, Args)]
pub struct StructureEdit {
    code: String,
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    particulars: Particulars,
    #[command(flatten)]
    since: Since,
}

const LIST: &[(&str, &str)] = &[
    ("code", "column.code"),
    ("name", "column.name"),
    ("finess_eg", "column.finess_eg"),
    ("opening", "column.opening"),
    ("people", "column.people"),
    ("bals", "column.bal_count"),
    ("blocked", "column.blocked"),
    ("warnings", "column.warnings"),
];
const STRUCTURE: &[(&str, &str)] = &[
    ("code", "column.code"),
    ("name", "column.name"),
    ("category", "column.category"),
    ("category_label", "column.category_label"),
    ("finess_ej", "column.finess_ej"),
    ("finess_eg", "column.finess_eg"),
    ("siret", "column.siret"),
    ("address", "column.postal"),
    ("territory", "column.territory"),
    ("contact", "column.contact"),
    ("administrators", "column.administrators"),
    ("body", "column.body"),
    ("opening", "column.opening"),
    ("convention", "column.convention"),
    ("domains", "column.domains"),
    ("people", "column.people"),
    ("bals", "column.bal_count"),
    ("processing", "column.processing"),
    ("blocked", "column.blocked"),
    ("warnings", "column.warnings"),
    ("created", "column.created"),
    ("version", "column.version"),
];

impl ContactArgs {
    /// Over what there is; none when nothing was given.
    pub(super) fn over(self, before: &Value) -> Option<Value> {
        let given = [
            ("name", self.contact_name),
            ("function", self.contact_function),
            ("email", self.contact_email),
            ("phone", self.contact_phone),
        ];
        over(before, given)
    }
}

/// What was given over what there is; none when nothing was given.
fn over<const N: usize>(before: &Value, given: [(&str, Option<String>); N]) -> Option<Value> {
    if given.iter().all(|(_, value)| value.is_none()) {
        return None;
    }
    let mut out = before.as_object().cloned().unwrap_or_default();
    for (name, value) in given {
        put(&mut out, name, value);
    }
    Some(Value::Object(out))
}

impl Particulars {
    fn put(self, body: &mut Map<String, Value>, before: &Value) {
        for (name, value) in [
            ("category", self.category),
            ("finess_ej", self.finess_ej),
            ("finess_eg", self.finess_eg),
            ("siret", self.siret),
            ("territory", self.territory),
        ] {
            put(body, name, value);
        }
        let mut postal = over(&before["address"], [("postcode", self.postcode), ("town", self.town)]);
        if !self.lines.is_empty() {
            let postal = postal.get_or_insert_with(|| match &before["address"] {
                Value::Null => json!({}),
                known => known.clone(),
            });
            postal["lines"] = self.lines.into();
        }
        if let Some(postal) = postal {
            body.insert("address".into(), postal);
        }
        if let Some(contact) = self.contact.over(&before["contact"]) {
            body.insert("contact".into(), contact);
        }
    }
}

/// Shows a structure; what is missing is said in words.
fn shown(c: &Context, answered: Answered) {
    c.show_one(&answered.value, STRUCTURE);
    if !c.json {
        for warning in answered.value["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            say!("! {}", c.text(&format!("structure.warning.{warning}"), &[]));
        }
    }
}

/// `sceau structure`.
pub fn run(c: &Context, command: StructureCommand) -> Result<(), Failure> {
    match command {
        StructureCommand::Life(life) => super::life::structure(c, &life)?,
        StructureCommand::Add(a) => {
            let mut body = Map::new();
            body.insert("code".into(), a.code.into());
            body.insert("name".into(), a.name.into());
            a.particulars.put(&mut body, &Value::Null);
            shown(c, c.call(Method::POST, &["structures"])?.body(&Value::Object(body)).send()?);
        }
        StructureCommand::List { body, after, limit } => {
            let call = c.call(Method::GET, &["structures"])?.query("body", body.as_deref());
            let call = call.query("after", after.as_deref()).query("limit", Some(&super::table::limit(limit)));
            c.show_list(&c.page(call.send()?), LIST);
        }
        StructureCommand::Show { code } => shown(c, c.call(Method::GET, &["structures", &code])?.send()?),
        StructureCommand::Edit(e) => {
            let StructureEdit { code, name, particulars, since } = *e;
            let body = |before: &Value| {
                let mut body = Map::new();
                put(&mut body, "name", name);
                particulars.put(&mut body, before);
                Some(Value::Object(body))
            };
            let at = (&["structures", code.as_str()][..], &[][..]);
            shown(c, c.change(Method::PATCH, at, since.if_version, body)?);
        }
        StructureCommand::Convention { code, state, reference, from, until, since } => {
            let at = |text: Option<String>| text.map(|t| day(c, &t)).transpose();
            let convention = json!({ "state": state, "reference": reference, "from": at(from)?, "until": at(until)? });
            settle(c, &code, since.if_version, |_| json!({ "convention": convention }))?;
        }
        StructureCommand::Domain { code, add, remove } => settle(c, &code, None, |before| {
            let known = before["domains"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let kept = known.filter(|d| !remove.iter().any(|r| r.eq_ignore_ascii_case(d))).map(str::to_owned);
            let all: Vec<String> = kept.chain(add.iter().cloned()).collect();
            json!({ "domains": all })
        })?,
        StructureCommand::Settle { code, body, no_body, opening, since } => {
            let mut settled = Map::new();
            put(&mut settled, "body", if no_body { Some(String::new()) } else { body });
            put(&mut settled, "opening", opening);
            settle(c, &code, since.if_version, |_| Value::Object(settled))?;
        }
    }
    Ok(())
}

/// Settles from the version that is read now.
fn settle(c: &Context, code: &str, expected: Option<i64>, body: impl FnOnce(&Value) -> Value) -> Result<(), Failure> {
    let at = (&["structures", code][..], &["settlement"][..]);
    shown(c, c.change(Method::PATCH, at, expected, |before| Some(body(before)))?);
    Ok(())
}
