//! Puts the help of every subcommand and argument from the locale files: `cli.<path>.about`, `cli.<path>.<argument>`,
//! and what frames it: headings, possible values, defaults.
use clap::{Arg, Command};
use sceau_domain::Lang;
use sceau_domain::text::{template, text};

/// `command` with every help text in `lang`.
pub fn localize(command: Command, lang: Lang) -> Command {
    walk(command, "cli", lang)
}

fn walk(mut command: Command, path: &str, lang: Lang) -> Command {
    let usage = heading(lang, "usage");
    command = command
        .about(text(lang, &format!("{path}.about"), &[]))
        .subcommand_help_heading(heading(lang, "commands"))
        .help_template(format!("{{about-with-newline}}\n{usage} {{usage}}\n\n{{all-args}}"));
    let arguments: Vec<String> = command.get_arguments().map(|a| a.get_id().to_string()).collect();
    for id in arguments {
        let key = key(path, &id);
        command = command.mut_arg(&id, |a| argument(a, &text(lang, &key, &[]), lang));
    }
    let subcommands: Vec<String> = command.get_subcommands().map(|s| s.get_name().to_owned()).collect();
    for name in subcommands {
        let below = format!("{path}.{name}");
        command = command.mut_subcommand(&name, |s| walk(s, &below, lang));
    }
    command
}

/// Arguments that mean the same wherever they stand.
const SHARED: [&str; 12] = [
    "if_version",
    "bal_server",
    "bal_login",
    "bal_token_file",
    "bal_starttls",
    "bal_ca",
    "mail_folder",
    "mail_into",
    "mail_journal",
    "mail_report",
    "mail_dry_run",
    "export_dir",
];

/// Where the help of an argument stands: with its command, or once for the commands that share it.
fn key(path: &str, id: &str) -> String {
    if SHARED.contains(&id) { format!("cli.{id}") } else { format!("{path}.{id}") }
}

/// A heading; every one has its text (a test checks it).
fn heading(lang: Lang, key: &str) -> &'static str {
    template(lang, &format!("cli.heading.{key}")).unwrap_or_default()
}

/// One argument's help, with its possible values and its default said in `lang` instead of by clap in English.
fn argument(arg: Arg, help: &str, lang: Lang) -> Arg {
    let kind = if arg.is_positional() { "arguments" } else { "options" };
    let arg = arg.help_heading(heading(lang, kind));
    if !arg.get_action().takes_values() {
        return arg.help(help.to_owned());
    }
    let mut help = help.to_owned();
    let values: Vec<String> = arg.get_possible_values().iter().map(|v| v.get_name().to_owned()).collect();
    if !values.is_empty() {
        help = format!("{help} {}", text(lang, "cli.values", &[("values", &values.join(", "))]));
    }
    if let [one] = arg.get_default_values() {
        help = format!("{help} {}", text(lang, "cli.default", &[("value", &one.to_string_lossy())]));
    }
    arg.help(help).hide_possible_values(true).hide_default_value(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    /// Every subcommand and argument has its help in both languages.
    #[test]
    fn every_help_text_exists() {
        fn missing(command: &Command, path: &str, out: &mut Vec<String>) {
            let mut keys = vec![format!("{path}.about")];
            keys.extend(command.get_arguments().map(|a| key(path, a.get_id().as_str())));
            for key in keys {
                if Lang::ALL.iter().any(|l| template(*l, &key).is_none()) {
                    out.push(key);
                }
            }
            for s in command.get_subcommands() {
                missing(s, &format!("{path}.{}", s.get_name()), out);
            }
        }
        for kind in ["usage", "commands", "arguments", "options"] {
            assert!(Lang::ALL.iter().all(|l| !heading(*l, kind).is_empty()), "{kind}");
        }
        let mut out = Vec::new();
        missing(&super::super::Cli::command(), "cli", &mut out);
        assert!(out.is_empty(), "missing in locales: {out:#?}");
    }
}
