//! `sceau terms`: the terms of use, their versions, who accepted them. Accepting asks for a token of the person's own: no administrator
//! accepts for somebody else.
use super::Context;
use super::table::{print_json, printable};
use crate::admin::client::Failure;
use clap::{Args, Subcommand};
use hyper::Method;
use sceau_domain::Lang;
use sceau_domain::terms::{TEMPLATE_EN, TEMPLATE_FR};
use serde_json::{Value, json};
use std::io::{Read, Write};
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
    #[arg(long, default_value = "", hide_default_value = true)]
    changes_fr: String,
    #[arg(long, default_value = "", hide_default_value = true)]
    changes_en: String,
    #[arg(long)]
    from: Option<String>,
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
}

/// Rows asked for at a time.
const PAGE: &str = "500";
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
            let list = Context::items(c.call(Method::GET, &["terms"])?.send()?);
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
        TermsCommand::Accept { login } => accept(c, &login),
        TermsCommand::Acceptances { missing: true, .. } => {
            let columns = [
                ("person", "column.login"),
                ("name", "column.name"),
                ("bals", "column.bals"),
                ("last", "column.accepted_version"),
            ];
            c.show_list(&all(c, &["terms", "missing"], &[])?, &columns);
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
                ("digest", "column.fingerprint"),
            ];
            let query = [("version", version.as_deref()), ("person", person.as_deref())];
            c.show_list(&all(c, &["terms", "acceptances"], &query)?, &columns);
            Ok(())
        }
    }
}

/// Every page of a list.
fn all(c: &Context, path: &[&str], query: &[(&str, Option<&str>)]) -> Result<Value, Failure> {
    let (mut rows, mut after) = (Vec::new(), None::<String>);
    loop {
        let call = c.call(Method::GET, path)?.query("limit", Some(PAGE)).query("after", after.as_deref());
        let mut page = query.iter().fold(call, |call, (name, value)| call.query(name, *value)).send()?.value;
        if let Value::Array(items) = page["items"].take() {
            rows.extend(items);
        }
        match page["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => return Ok(Value::Array(rows)),
        }
    }
}

/// A closed pipe ends quietly.
fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
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
    let from = match &args.from {
        Some(text) => Some(instant(text).ok_or_else(|| usage("cli.terms_from", text))?),
        None => None,
    };
    let body = json!({
        "version": args.version,
        "text_fr": read(args.text_fr.as_ref())?,
        "text_en": read(args.text_en.as_ref())?,
        "changes_fr": args.changes_fr,
        "changes_en": args.changes_en,
        "from": from,
        "values": values,
    });
    let mut published = c.post(&["terms"], &body)?;
    if let Some(published) = published.as_object_mut() {
        published.remove("fr");
        published.remove("en");
    }
    let columns = [
        ("version", "column.version"),
        ("state", "column.state"),
        ("from", "column.in_force"),
        ("digest", "column.fingerprint"),
    ];
    c.show_one(&published, &columns);
    Ok(())
}

/// The version in force, accepted by a person who shows a token of her own on the standard input.
fn accept(c: &Context, login: &str) -> Result<(), Failure> {
    let mut token = zeroize::Zeroizing::new(String::new());
    std::io::stdin().lock().take(TOKEN).read_to_string(&mut token).map_err(|e| Failure {
        sentence: c.text("cli.cannot_read", &[("path", "stdin"), ("error", &e.to_string())]),
        exit: 2,
    })?;
    let terms = c.get(&["terms", "in-force"])?;
    let what = json!({ "login": login, "token": token.trim(), "version": terms["version"], "digest": terms["digest"] });
    let accepted = c.post(&["terms", "acceptances"], &what)?;
    c.show_one(&accepted, &[("version", "column.version"), ("accepted", "column.at")]);
    Ok(())
}

/// A day (its beginning, UTC) or an instant with its zone, in milliseconds.
fn instant(text: &str) -> Option<i64> {
    let exact = text.parse::<jiff::Timestamp>().ok();
    let day = || Some(text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp());
    exact.or_else(day).map(|t| t.as_millisecond())
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
    let list = Context::items(c.call(Method::GET, &path)?.query("lang", Some(c.lang.as_str())).send()?);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_and_an_instant_are_understood() {
        assert_eq!(instant("2026-12-01"), Some(1_796_083_200_000));
        assert_eq!(instant("2026-12-01T01:00:00+01:00"), instant("2026-12-01"));
        assert_eq!(instant("demain"), None);
    }
}
