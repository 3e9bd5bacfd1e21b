//! `sceau domain dns`: the records that a domain's zone must hold, and whether it does.
use super::accounts::parse;
use super::{Context, words};
use crate::admin::client::Failure;
use hyper::Method;
use sceau_domain::DomainName;
use serde_json::{Value, json};

const RECORD: &[(&str, &str)] = &[
    ("name", "column.dns_name"),
    ("type", "column.dns_type"),
    ("value", "column.dns_value"),
    ("used", "column.dns_for"),
];
const LOOKED: &[(&str, &str)] = &[("published", "column.dns_published"), ("found", "column.dns_found")];

/// `sceau domain dns`. Exit 1 when `check` finds that something is not as it should be.
pub fn run(c: &Context, name: &str, check: bool) -> Result<(), Failure> {
    let name = parse::<DomainName>(c, name)?;
    let call = c.call(Method::GET, &["domains", name.as_str(), "dns"])?;
    let said = call.query("check", check.then_some("true")).send()?.value;
    let records = said["records"].as_array().cloned().unwrap_or_default();
    if c.json {
        c.show_one(&said, &[]);
    } else {
        let columns = if check { [RECORD, LOOKED].concat() } else { RECORD.to_vec() };
        c.show_list(&records.iter().flat_map(|r| lines(c, r)).collect(), &columns);
        let names: Vec<&str> = said["names"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if !names.is_empty() {
            say!("{}", c.text("cli.dns_names", &[("names", &names.join(", "))]));
        }
    }
    let wrong = records.iter().filter(|r| r["published"].as_str().is_some_and(|p| p != "good")).count();
    if wrong == 0 {
        return Ok(());
    }
    let args = [("count", wrong.to_string()), ("domain", name.to_string())];
    let args = args.each_ref().map(|(name, value)| (*name, value.as_str()));
    Err(Failure { sentence: c.text("cli.dns_differ", &args), exit: 1 })
}

/// A record a line, as a zone file has it. What was found stands beside the first of several.
fn lines(c: &Context, record: &Value) -> Vec<Value> {
    let values = record["values"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let quoted = |value: &str| if record["type"] == "TXT" { format!("\"{value}\"") } else { value.to_owned() };
    let name = format!("{}.", record["name"].as_str().unwrap_or_default());
    let line = |(i, value): (usize, &str)| {
        let mut line = json!({ "name": name, "type": record["type"], "value": quoted(value), "used": record["used"] });
        if i == 0 {
            (line["published"], line["found"]) = (record["published"].clone(), record["found"].clone());
        }
        words::put(c, &mut line, "used", "dns_for");
        words::put(c, &mut line, "published", "dns_published");
        line
    };
    values.enumerate().map(line).collect()
}
