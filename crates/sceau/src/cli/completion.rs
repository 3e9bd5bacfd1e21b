//! `sceau completion bash|zsh`: what a shell needs to complete commands, options and the values that there are; made of the same tree as the help, so
//! that nothing is missing.
use super::{Cli, Context, out};
use crate::admin::client::Failure;
use clap::{Args, Command, CommandFactory};
use std::fmt::Write;

#[derive(Debug, Args)]
pub struct CompletionArgs {
    #[arg(value_parser = ["bash", "zsh"])]
    shell: String,
}

/// Writes the script.
pub fn run(c: &Context, args: &CompletionArgs) -> Result<(), Failure> {
    if args.shell == "zsh" {
        out::line("#compdef sceau\nautoload -U +X bashcompinit && bashcompinit");
    }
    out::line(&format!("# {}", c.text("cli.completion_use", &[("shell", &args.shell)])));
    out::put(&script(Cli::command()));
    Ok(())
}

/// What may follow at each place.
#[derive(Debug, Default)]
struct Tree {
    /// `sceau bal add`, and the words that may follow.
    words: Vec<(String, Vec<String>)>,
    /// `sceau bal add --kind`, and the values that there are; none: anything, a file too.
    values: Vec<(String, Vec<String>)>,
}

impl Tree {
    fn walk(&mut self, command: &Command, path: &str) {
        let below: Vec<&Command> = command.get_subcommands().filter(|s| !s.is_hide_set()).collect();
        let mut words: Vec<String> = below.iter().map(|s| s.get_name().to_owned()).collect();
        for arg in command.get_arguments().filter(|a| !a.is_hide_set()) {
            let values: Vec<String> = arg.get_possible_values().iter().map(|v| v.get_name().to_owned()).collect();
            let takes = arg.get_action().takes_values();
            match arg.get_long() {
                Some(long) => {
                    words.push(format!("--{long}"));
                    if takes {
                        self.values.push((format!("{path} --{long}"), values));
                    }
                }
                None if takes => words.extend(values),
                None => {}
            }
        }
        self.words.push((path.to_owned(), words));
        for command in below {
            self.walk(command, &format!("{path} {}", command.get_name()));
        }
    }
}

/// For bash; zsh reads it too.
fn script(mut command: Command) -> String {
    command.build();
    let mut tree = Tree::default();
    tree.walk(&command, "sceau");
    let quoted = |path: &String| format!("\"{path}\"");
    let known: Vec<String> = tree.words.iter().map(|(path, _)| quoted(path)).collect();
    let free: Vec<String> = tree.values.iter().filter(|(_, v)| v.is_empty()).map(|(path, _)| quoted(path)).collect();
    let mut cases = String::new();
    for (path, values) in tree.values.iter().filter(|(_, v)| !v.is_empty()) {
        // Writing to a text cannot fail.
        let _ = writeln!(cases, "    \"{path}\") words=\"{}\" ;;", values.join(" "));
    }
    let mut places = String::new();
    for (path, words) in &tree.words {
        let _ = writeln!(places, "      \"{path}\") words=\"{}\" ;;", words.join(" "));
    }
    format!(
        r#"_sceau() {{
  local cur="${{COMP_WORDS[COMP_CWORD]}}" prev="${{COMP_WORDS[COMP_CWORD-1]}}" path=sceau words= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path ${{COMP_WORDS[i]}}" in
    {known}) path="$path ${{COMP_WORDS[i]}}" ;;
    esac
  done
  COMPREPLY=()
  case "$path $prev" in
{cases}    {free}) return ;;
    *) case "$path" in
{places}      esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
complete -o default -F _sceau sceau
"#,
        known = known.join("|"),
        free = free.join("|"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What bash offers after these words.
    fn offered(words: &[&str]) -> Vec<String> {
        let line = format!(
            "{}\nCOMP_WORDS=({}); COMP_CWORD={}; _sceau; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            script(Cli::command()),
            words.iter().map(|w| format!("'{w}'")).collect::<Vec<_>>().join(" "),
            words.len() - 1
        );
        let done = std::process::Command::new("bash").args(["-c", &line]).output().unwrap();
        assert!(done.status.success() && done.stderr.is_empty(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().lines().map(str::to_owned).filter(|l| !l.is_empty()).collect()
    }

    #[test]
    fn bash_completes_commands_options_and_values() {
        let all = offered(&["sceau", ""]);
        for name in
            ["structure", "person", "bal", "opening", "access", "terms", "disclosure", "hold", "completion", "--json"]
        {
            assert!(all.iter().any(|w| w == name), "{name}: {all:?}");
        }
        assert!(!all.iter().any(|w| w == "extract"), "not for people");
        assert_eq!(offered(&["sceau", "--json", "discl"]), ["disclosure"]);
        assert_eq!(offered(&["sceau", "bal", "sus"]), ["suspend"]);
        assert_eq!(offered(&["sceau", "bal", "add", "x@y.fr", "--kind", "O"]), ["Org"]);
        assert_eq!(offered(&["sceau", "role", "grant", "zoe", "aud"]), ["auditor"]);
        assert!(offered(&["sceau", "person", "leave", "zoe", "--"]).contains(&"--personal".to_owned()));
        // A value that may be anything: the shell offers files.
        assert!(offered(&["sceau", "terms", "publish", "v1", "--text-fr", ""]).is_empty());
    }

    /// Each command is there, however deep.
    #[test]
    fn every_command_is_in_the_script() {
        let mut command = Cli::command();
        command.build();
        let (mut tree, script) = (Tree::default(), script(Cli::command()));
        tree.walk(&command, "sceau");
        assert!(tree.words.len() > 90, "{}", tree.words.len());
        assert!(tree.words.iter().all(|(path, _)| script.contains(&format!("\"{path}\""))));
    }
}
