//! What is wrong with a command line, in the user's language (exit code 2): which argument, and what would be right.
use clap::error::{ContextKind, ContextValue, ErrorKind};
use sceau_domain::Lang;
use sceau_domain::text::text;

/// The sentence for an error of clap; none for what is no error (help, version) or has no sentence of ours.
pub fn sentence(error: &clap::Error, lang: Lang) -> Option<String> {
    let name = words(error, ContextKind::InvalidArg);
    let value = words(error, ContextKind::InvalidValue);
    let say = |key: &str, args: &[(&str, &str)]| {
        let given: Vec<_> = args.iter().copied().filter(|(_, v)| !v.is_empty()).collect();
        Some(text(lang, &format!("cli.usage.{key}"), &given))
    };
    let values = words(error, ContextKind::ValidValue);
    let help = help(error);
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            say("command", &[("value", &words(error, ContextKind::InvalidSubcommand)), ("help", &help)])
        }
        ErrorKind::UnknownArgument => say("unknown", &[("value", &name), ("help", &help)]),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation if value.is_empty() => {
            say("no_value", &[("name", &name), ("values", &values)])
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            say("value", &[("value", &value), ("name", &name), ("values", &values)])
        }
        ErrorKind::MissingRequiredArgument => say("missing", &[("name", &name), ("help", &help)]),
        ErrorKind::ArgumentConflict => {
            let other = words(error, ContextKind::PriorArg);
            if other.is_empty() || other == name {
                say("twice", &[("name", &name)])
            } else {
                say("conflict", &[("name", &name), ("other", &other)])
            }
        }
        _ => None,
    }
}

/// What clap says of a kind, joined.
fn words(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(one)) => one.clone(),
        Some(ContextValue::Strings(many)) => many.join(", "),
        _ => String::new(),
    }
}

/// `sceau bal add --help`, from the usage line of the command that was misused.
fn help(error: &clap::Error) -> String {
    let usage = match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => usage.to_string(),
        _ => String::new(),
    };
    let line = usage.split_once("sceau").map_or("", |(_, rest)| rest);
    let path = line.split_whitespace().take_while(|w| w.bytes().all(|b| b.is_ascii_lowercase()));
    path.fold(String::from("sceau"), |all, word| format!("{all} {word}")) + " --help"
}
