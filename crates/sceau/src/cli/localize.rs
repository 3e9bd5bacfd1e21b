//! Puts the help of every subcommand and argument from the locale files: `cli.<path>.about`, `cli.<path>.<argument>`.
use clap::Command;
use sceau_domain::Lang;
use sceau_domain::text::text;

/// `command` with every help text in `lang`.
pub fn localize(command: Command, lang: Lang) -> Command {
    walk(command, "cli", lang)
}

fn walk(mut command: Command, path: &str, lang: Lang) -> Command {
    command = command.about(text(lang, &format!("{path}.about"), &[]));
    let arguments: Vec<String> = command.get_arguments().map(|a| a.get_id().to_string()).collect();
    for id in arguments {
        let key = format!("{path}.{id}");
        command = command.mut_arg(&id, |a| a.help(text(lang, &key, &[])));
    }
    let subcommands: Vec<String> = command.get_subcommands().map(|s| s.get_name().to_owned()).collect();
    for name in subcommands {
        let below = format!("{path}.{name}");
        command = command.mut_subcommand(&name, |s| walk(s, &below, lang));
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use sceau_domain::text::template;

    /// Every subcommand and argument has its help in both languages.
    #[test]
    fn every_help_text_exists() {
        fn missing(command: &Command, path: &str, out: &mut Vec<String>) {
            let mut keys = vec![format!("{path}.about")];
            keys.extend(command.get_arguments().map(|a| format!("{path}.{}", a.get_id())));
            for key in keys {
                if Lang::ALL.iter().any(|l| template(*l, &key).is_none()) {
                    out.push(key);
                }
            }
            for s in command.get_subcommands() {
                missing(s, &format!("{path}.{}", s.get_name()), out);
            }
        }
        let mut out = Vec::new();
        missing(&super::super::Cli::command(), "cli", &mut out);
        assert!(out.is_empty(), "missing in locales: {out:#?}");
    }
}
