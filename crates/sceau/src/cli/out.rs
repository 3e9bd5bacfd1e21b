//! What is said on standard output and standard error.
//!
//! Promises: a closed pipe (`sceau … | head`) is nobody's fault; output that could not be written for another reason (a full disk) makes the command
//! fail at its end, so that a script does not take a cut file for a whole one.
use super::Context;
use crate::admin::client::Failure;
use std::io::{Error, ErrorKind, Write};
use std::sync::{Mutex, PoisonError};

/// Why standard output failed, the first time.
static FAILED: Mutex<Option<Error>> = Mutex::new(None);

/// Writes to standard output.
pub fn put(text: &str) {
    let mut failed = FAILED.lock().unwrap_or_else(PoisonError::into_inner);
    if failed.is_none() {
        let mut out = std::io::stdout().lock();
        *failed = out.write_all(text.as_bytes()).and_then(|()| out.flush()).err();
    }
}

/// A line.
pub fn line(text: &str) {
    put(&format!("{text}\n"));
}

/// Did all of it arrive, or did nobody read further?
pub fn end(c: &Context) -> Result<(), Failure> {
    match FAILED.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(e) if e.kind() != ErrorKind::BrokenPipe => Err(unwritable(c, "stdout", &e)),
        _ => Ok(()),
    }
}

/// A sentence on standard error, whether anybody hears it or not; nothing in it drives the terminal.
pub fn complain(sentence: &str) {
    let lines: Vec<String> = sentence.lines().map(super::table::printable).collect();
    let _ = writeln!(std::io::stderr(), "sceau: {}", lines.join("\n"));
}

/// What could not be written, and why (exit 2).
pub fn unwritable(c: &Context, path: &str, e: &Error) -> Failure {
    Failure { sentence: c.text("cli.cannot_write", &[("path", path), ("error", &e.to_string())]), exit: 2 }
}
