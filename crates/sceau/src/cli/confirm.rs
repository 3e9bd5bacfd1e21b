//! Asking before what cannot be undone.
//!
//! Promises: without `--yes` nothing is done that a person at a terminal did not confirm by writing the name of what goes. Where nobody can
//! be asked (a script, a pipe), what cannot be undone is refused and says why ([`confirm`]); what touches many and can be undone goes on ([`mind`]).
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
    if !somebody() {
        return Err(refused(c, "confirm.nobody", name));
    }
    mind(c, yes, question, name)
}

/// Goes on when `yes` was given, when nobody can be asked, or when the person writes `name` after having read the question.
pub fn mind(c: &Context, yes: bool, question: &str, name: &str) -> Result<(), Failure> {
    if yes || !somebody() {
        return Ok(());
    }
    let question = c.text("confirm.ask", &[("question", question), ("name", name)]);
    match ask(&mut std::io::stdin().lock(), &mut std::io::stderr().lock(), &question) {
        Ok(answer) if answer.trim() == name => Ok(()),
        _ => Err(refused(c, "confirm.no", name)),
    }
}

/// Standard output may be read by a program: questions go where people read.
fn somebody() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

fn refused(c: &Context, key: &str, name: &str) -> Failure {
    Failure { sentence: c.text(key, &[("name", name)]), exit: 2 }
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
