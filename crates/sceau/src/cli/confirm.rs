//! Asking before what cannot be undone.
//!
//! Promises: without `--yes` nothing is done that a person at a terminal did not confirm by writing the name of what goes; where nobody can
//! be asked (a script, a pipe) the command is refused and says why.
use super::Context;
use crate::admin::client::Failure;
use std::io::{IsTerminal, Write};

/// Longest line that is read as an answer, bytes.
const LONGEST: u64 = 1024;

/// Goes on when `yes` was given, or when the person writes `name` after having read the question; else a refusal (exit 2).
pub fn confirm(c: &Context, yes: bool, question: &str, name: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let refused = |key: &str| Failure { sentence: c.text(key, &[("name", name)]), exit: 2 };
    let stdin = std::io::stdin();
    // Standard output may be read by a program: the question goes where people read.
    if !stdin.is_terminal() || !std::io::stderr().is_terminal() {
        return Err(refused("confirm.nobody"));
    }
    let answered =
        ask(&mut stdin.lock(), &mut std::io::stderr().lock(), &c.text("confirm.ask", &[("question", question)]));
    match answered {
        Ok(answer) if answer.trim() == name => Ok(()),
        _ => Err(refused("confirm.no")),
    }
}

/// Shows the question and reads one line.
fn ask(from: &mut dyn std::io::BufRead, to: &mut dyn Write, question: &str) -> std::io::Result<String> {
    use std::io::{BufRead, Read};
    write!(to, "{question} ")?;
    to.flush()?;
    let mut line = String::new();
    BufRead::read_line(&mut from.take(LONGEST), &mut line).map(|_| line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_read_and_no_more() {
        let (mut from, mut to) = (std::io::Cursor::new("oui\nnon\n"), Vec::new());
        assert_eq!(ask(&mut from, &mut to, "Certain ?").unwrap(), "oui\n");
        assert_eq!(to, b"Certain ? ");
        let long = "x".repeat(5_000);
        assert_eq!(ask(&mut std::io::Cursor::new(long), &mut to, "").unwrap().len() as u64, LONGEST);
    }
}
