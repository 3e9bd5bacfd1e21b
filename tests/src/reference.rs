//! `docs/cli.md` as tests read it: which command prints what. Every answer that a test gets from the command line is judged by the schema that the
//! reference links for that command, so that neither can part from the program.
use crate::proof::workspace;
use crate::schema::{defects, judged, schema};
use serde_json::Value;

/// A command of the reference, and the schemas that its line links: its own, or any of them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Described {
    words: Vec<String>,
    schemas: Vec<String>,
}

/// Panics unless this command's answer is as the reference says. Commands of which it says nothing in a schema's words pass.
#[track_caller]
pub fn assert_described(args: &[&str], answer: &Value) {
    let reference = std::fs::read_to_string(workspace().join("docs/cli.md")).expect("docs/cli.md");
    let Some(found) = described(&reference, args) else { return };
    let mut said = Vec::new();
    for name in &found.schemas {
        let defects = defects(&schema(name), answer);
        if defects.is_empty() {
            judged(name);
            return;
        }
        said.push(format!("{name}: {}", defects.join("; ")));
    }
    panic!("`{}` does not print what docs/cli.md links:\n{}\n{answer:#}", args.join(" "), said.join("\n"));
}

/// The line of the reference with the most words that this command begins with, if it links schemas.
fn described(reference: &str, args: &[&str]) -> Option<Described> {
    let rows = reference.lines().filter(|l| l.starts_with("| `")).flat_map(commands);
    let fits = |d: &Described| d.words.len() <= args.len() && d.words.iter().zip(args).all(|(w, a)| w == a);
    rows.filter(fits).max_by_key(|d| d.words.len()).filter(|d| !d.schemas.is_empty())
}

/// The commands of a line of the table.
fn commands(line: &str) -> Vec<Described> {
    // A bar within a command is written `\|`.
    let cells = line.replace("\\|", "\u{1}");
    let mut cells = cells.trim_matches('|').split('|');
    let (named, shown) = (cells.next().unwrap_or_default(), cells.next_back().unwrap_or_default());
    let spans = named.split('`').skip(1).step_by(2);
    let schemas: Vec<String> =
        shown.split("(schemas/").skip(1).filter_map(|s| Some(s.split_once(".json)")?.0.to_owned())).collect();
    let plain = |w: &&str| w.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !w.starts_with('-');
    let words = spans.map(|s| s.split(' ').take_while(plain).map(str::to_owned).collect::<Vec<_>>());
    let words: Vec<_> = words.filter(|w| !w.is_empty()).collect();
    let each = words.len() == schemas.len();
    let own = |i: usize| if each { vec![schemas[i].clone()] } else { schemas.clone() };
    words.iter().enumerate().map(|(i, words)| Described { words: words.clone(), schemas: own(i) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_find_their_schemas() {
        let reference = "| command | what | `--json` |\n|---|---|---|\n\
            | `body list`, `body show CODE` | shows \\| lists | [bodies](schemas/bodies.json), [body](schemas/body.json) |\n\
            | `trace prove ID [--output FILE]` | writes | the [evidence](schemas/evidence.json); [e](schemas/evidence_written.json) |\n\
            | `role a\\|b` | x | object: `accesses` |\n";
        let of = |args: &[&str]| described(reference, args).map(|d| d.schemas);
        assert_eq!(of(&["body", "list"]), Some(vec!["bodies".into()]));
        assert_eq!(of(&["body", "show", "x"]), Some(vec!["body".into()]));
        assert_eq!(of(&["trace", "prove", "7"]), Some(vec!["evidence".into(), "evidence_written".into()]));
        assert_eq!((of(&["role"]), of(&["body"]), of(&["nothing"])), (None, None, None));
    }
}
