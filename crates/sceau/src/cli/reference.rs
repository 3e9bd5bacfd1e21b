//! `sceau reference`: reference tables, imported from files and searched.
use super::Context;
use crate::admin::client::Failure;
use clap::{Args, Subcommand};
use hyper::Method;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum ReferenceCommand {
    Import(ImportArgs),
    List,
    Check {
        #[arg(long, default_value = "struck", value_parser = ["struck", "absent", "other_name", "there", "mismatch"])]
        state: String,
        #[arg(long)]
        after: Option<String>,
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    Search {
        name: String,
        text: Option<String>,
        #[arg(long)]
        after: Option<String>,
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
}

#[derive(Debug, Args)]
pub struct ImportArgs {
    name: String,
    file: PathBuf,
    #[arg(long)]
    source: Option<String>,
    #[arg(long)]
    separator: Option<String>,
    #[arg(long)]
    code_column: Option<String>,
    #[arg(long)]
    label_column: Vec<String>,
    #[arg(long)]
    keep_column: Vec<String>,
}

const TABLES: [(&str, &str); 8] = [
    ("name", "column.name"),
    ("entries", "column.entries"),
    ("skipped", "column.skipped"),
    ("encoding", "column.encoding"),
    ("imported", "column.at"),
    ("imported_by", "column.actor"),
    ("digest", "column.digest"),
    ("source", "column.source"),
];

/// `sceau reference`.
pub fn run(c: &Context, command: ReferenceCommand) -> Result<(), Failure> {
    match command {
        ReferenceCommand::Import(a) => {
            let joined = |names: Vec<String>| (!names.is_empty()).then(|| names.join("|"));
            let source = a.source.or_else(|| a.file.file_name().map(|n| n.to_string_lossy().into_owned()));
            let call = c.call(Method::POST, &["reference", &a.name])?;
            let call = call
                .query("source", source.as_deref())
                .query("separator", a.separator.as_deref())
                .query("code_column", a.code_column.as_deref())
                .query("label_columns", joined(a.label_column).as_deref())
                .query("keep_columns", joined(a.keep_column).as_deref());
            let answer = call.file("text/plain", a.file).send()?.value;
            if c.json {
                super::table::print_json(&answer);
            } else {
                c.show_one(&answer["table"], &TABLES);
                let detail = if c.lang == sceau_domain::Lang::Fr { "detail" } else { "detail_en" };
                if answer["faults"].as_array().is_some_and(|f| !f.is_empty()) {
                    let columns = [("line", "column.line"), ("code", "column.code"), (detail, "column.sentence")];
                    c.show_list(&answer["faults"], &columns);
                }
            }
        }
        ReferenceCommand::List => {
            c.show_list(&c.page(c.call(Method::GET, &["reference"])?.send()?), &TABLES);
        }
        ReferenceCommand::Check { state, after, limit } => {
            let call = c.call(Method::GET, &["reference", "rpps", "people"])?.query("state", Some(&state));
            let call = call.query("after", after.as_deref()).query("limit", Some(&limit.to_string()));
            let columns = [
                ("login", "column.login"),
                ("name", "column.name"),
                ("state", "column.state"),
                ("label", "column.label"),
                ("since", "column.since"),
                ("blocked", "column.blocked"),
            ];
            c.show_list(&c.page(call.send()?), &columns);
        }
        ReferenceCommand::Search { name, text, after, limit } => {
            let call = c.call(Method::GET, &["reference", &name])?.query("q", text.as_deref());
            let call = call.query("after", after.as_deref()).query("limit", Some(&super::table::limit(limit)));
            let columns = [("code", "column.code"), ("label", "column.label"), ("data", "column.data")];
            c.show_list(&c.page(call.send()?), &columns);
        }
    }
    Ok(())
}
