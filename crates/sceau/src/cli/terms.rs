//! `sceau terms`: the terms of use, their versions, who accepted them. Accepting asks for a token of the person's own: no administrator
//! accepts for somebody else.
use super::Context;
use super::confirm::mind;
use super::out::line;
use super::table::{print_json, printable};
use super::time::maybe;
use crate::admin::client::Failure;
use clap::{Args, Subcommand};
use hyper::Method;
use sceau_domain::Lang;
use sceau_domain::terms::{TEMPLATE_EN, TEMPLATE_FR};
use serde_json::{Value, json};
use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub enum TermsCommand {
    Publish(PublishArgs),
    Template {
        folder: PathBuf,
    },
    List,
    Show {
        version: Option<String>,
    },
    Diff {
        from: String,
        to: String,
    },
    Withdraw {
        version: String,
        #[arg(long)]
        reason: String,
    },
    Accept {
        login: String,
    },
    Acceptances {
        #[arg(long)]
        version: Option<String>,
        #[arg(long)]
        person: Option<String>,
        #[arg(long, conflicts_with_all = ["version", "person"])]
        missing: bool,
    },
}

#[derive(Debug, Args)]
pub struct PublishArgs {
    version: String,
    #[arg(long, value_name = "FILE", requires = "text_en")]
    text_fr: Option<PathBuf>,
    #[arg(long, value_name = "FILE", requires = "text_fr")]
    text_en: Option<PathBuf>,
    // A list begins with a dash.
    #[arg(long, default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    changes_fr: String,
    #[arg(long, default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    changes_en: String,
    #[arg(long)]
    from: Option<String>,
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    #[arg(long)]
    yes: bool,
}

/// Longest token, bytes.
const TOKEN: u64 = 500;

/// `sceau terms`.
pub fn run(c: &Context, command: TermsCommand) -> Result<(), Failure> {
    match command {
        TermsCommand::Publish(args) => publish(c, args),
        TermsCommand::Template { folder } => template(c, &folder),
        TermsCommand::List => {
            let changes = if c.lang == Lang::Fr { "changes_fr" } else { "changes_en" };
            let columns = [
                ("version", "column.version"),
                ("state", "column.state"),
                ("from", "column.in_force"),
                ("published", "column.published"),
                ("digest", "column.fingerprint"),
                (changes, "column.changes"),
            ];
            let list = c.page(c.call(Method::GET, &["terms"])?.send()?);
            c.show_list(&list, &columns);
            Ok(())
        }
        TermsCommand::Show { version } => {
            let terms = match &version {
                Some(version) => c.get(&["terms", "versions", version])?,
                None => c.get(&["terms", "in-force"])?,
            };
            if c.json {
                print_json(&terms);
            } else {
                let text = terms[c.lang.as_str()].as_str().unwrap_or_default();
                line(&text.lines().map(printable).collect::<Vec<_>>().join("\n"));
            }
            Ok(())
        }
        TermsCommand::Diff { from, to } => diff(c, &from, &to),
        TermsCommand::Withdraw { version, reason } => {
            let path = ["terms", "versions", &version, "withdraw"];
            shown(c, c.post(&path, &json!({ "reason": reason }))?);
            Ok(())
        }
        TermsCommand::Accept { login } => accept(c, &login),
        TermsCommand::Acceptances { missing: true, .. } => {
            let columns = [
                ("person", "column.login"),
                ("name", "column.name"),
                ("bals", "column.bals"),
                ("last", "column.accepted_version"),
            ];
            c.show_list(&c.all(c.call(Method::GET, &["terms", "missing"])?)?, &columns);
            Ok(())
        }
        TermsCommand::Acceptances { version, person, .. } => {
            let columns = [
                ("at", "column.at"),
                ("person", "column.login"),
                ("name", "column.name"),
                ("version", "column.version"),
                ("door", "column.door"),
                ("factors", "column.factors"),
                ("token_by", "column.token_by"),
                ("previous", "column.previous_version"),
                ("digest", "column.fingerprint"),
            ];
            let call = c.call(Method::GET, &["terms", "acceptances"])?.query("version", version.as_deref());
            c.show_list(&c.all(call.query("person", person.as_deref()))?, &columns);
            Ok(())
        }
    }
}

fn publish(c: &Context, args: PublishArgs) -> Result<(), Failure> {
    let usage = |key: &str, value: &str| Failure { sentence: c.text(key, &[("value", value)]), exit: 2 };
    let read = |path: Option<&PathBuf>| {
        path.map(|path| {
            std::fs::read_to_string(path).map_err(|e| {
                let shown = path.display().to_string();
                Failure { sentence: c.text("cli.cannot_read", &[("path", &shown), ("error", &e.to_string())]), exit: 2 }
            })
        })
        .transpose()
    };
    let mut values = serde_json::Map::new();
    for given in &args.set {
        let (name, value) = given.split_once('=').ok_or_else(|| usage("cli.terms_set", given))?;
        values.insert(name.to_owned(), value.into());
    }
    let from = maybe(c, args.from.as_ref())?;
    let body = json!({
        "version": args.version,
        "text_fr": read(args.text_fr.as_ref())?,
        "text_en": read(args.text_en.as_ref())?,
        "changes_fr": args.changes_fr,
        "changes_en": args.changes_en,
        "from": from,
        "values": values,
    });
    if from.is_none() {
        mind(c, args.yes, &c.text("confirm.terms_publish", &[("name", &args.version)]), &args.version)?;
    }
    shown(c, c.post(&["terms"], &body)?);
    Ok(())
}

/// A version without its texts.
fn shown(c: &Context, mut version: Value) {
    if let Some(version) = version.as_object_mut() {
        version.remove("fr");
        version.remove("en");
    }
    let columns = [
        ("version", "column.version"),
        ("state", "column.state"),
        ("from", "column.in_force"),
        ("digest", "column.fingerprint"),
    ];
    c.show_one(&version, &columns);
}

/// The version in force, accepted by a person who shows a token of her own on the standard input.
fn accept(c: &Context, login: &str) -> Result<(), Failure> {
    let mut token = zeroize::Zeroizing::new(String::new());
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        super::out::complain(&c.text("cli.terms_token", &[]));
    }
    // One line, so that nobody at a terminal waits for an end.
    stdin.lock().take(TOKEN).read_line(&mut token).map_err(|e| Failure {
        sentence: c.text("cli.cannot_read", &[("path", "stdin"), ("error", &e.to_string())]),
        exit: 2,
    })?;
    let terms = c.get(&["terms", "in-force"])?;
    let what = json!({ "login": login, "token": token.trim(), "version": terms["version"], "digest": terms["digest"] });
    let accepted = c.post(&["terms", "acceptances"], &what)?;
    c.show_one(&accepted, &[("version", "column.version"), ("accepted", "column.at")]);
    Ok(())
}

/// Writes our texts for an operator who wants his own; never over a file that is there.
fn template(c: &Context, folder: &Path) -> Result<(), Failure> {
    let failed = |path: &Path, e: &std::io::Error| Failure {
        sentence: c.text("cli.cannot_write", &[("path", &path.display().to_string()), ("error", &e.to_string())]),
        exit: 2,
    };
    std::fs::create_dir_all(folder).map_err(|e| failed(folder, &e))?;
    let mut written = Vec::new();
    for (name, text) in [("cgu.fr.md", TEMPLATE_FR), ("cgu.en.md", TEMPLATE_EN)] {
        let path = folder.join(name);
        let mut file = std::fs::File::create_new(&path).map_err(|e| failed(&path, &e))?;
        file.write_all(text.as_bytes()).map_err(|e| failed(&path, &e))?;
        written.push(path.display().to_string());
    }
    if c.json {
        print_json(&json!({ "written": written }));
    } else {
        line(&c.text("cli.terms_template", &[("fr", &written[0]), ("en", &written[1])]));
    }
    Ok(())
}

fn diff(c: &Context, from: &str, to: &str) -> Result<(), Failure> {
    let path = ["terms", "versions", from, "differences", to];
    let list = c.page(c.call(Method::GET, &path)?.query("lang", Some(c.lang.as_str())).send()?);
    if c.json {
        print_json(&list);
        return Ok(());
    }
    let clauses = list.as_array().map(Vec::as_slice).unwrap_or_default();
    if clauses.is_empty() {
        line(&c.text("cli.terms_same", &[]));
    }
    for d in clauses {
        let said = |field: &str| printable(d[field].as_str().unwrap_or_default());
        let title = if said("title").is_empty() { c.text("page.terms.preamble", &[]) } else { said("title") };
        line(&format!("{title} ({})", c.text(&format!("page.terms.change.{}", said("change")), &[])));
        for (mark, field) in [("-", "removed"), ("+", "added")] {
            for paragraph in d[field].as_array().into_iter().flatten().filter_map(Value::as_str) {
                line(&format!("  {mark} {}", printable(paragraph)));
            }
        }
        line("");
    }
    Ok(())
}
