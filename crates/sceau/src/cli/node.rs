//! `sceau node`: the nodes that serve one database together.
use super::Context;
use crate::admin::client::Failure;
use clap::Subcommand;
use hyper::Method;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub enum NodeCommand {
    Add {
        #[arg(value_parser = clap::value_parser!(u16).range(0..1008))]
        number: u16,
        name: String,
    },
    List,
}

/// JSON field and header's locale key of each column.
const COLUMNS: [(&str, &str); 6] = [
    ("number", "column.number"),
    ("name", "column.name"),
    ("alive", "column.alive"),
    ("here", "column.here"),
    ("seen", "column.seen"),
    ("version", "column.version"),
];

/// `sceau node`.
pub fn run(c: &Context, command: NodeCommand) -> Result<(), Failure> {
    match command {
        NodeCommand::Add { number, name } => {
            c.show_one(&c.post(&["nodes"], &json!({ "number": number, "name": name }))?, &COLUMNS);
        }
        NodeCommand::List => c.show_list(&c.page(c.call(Method::GET, &["nodes"])?.send()?), &COLUMNS),
    }
    Ok(())
}
