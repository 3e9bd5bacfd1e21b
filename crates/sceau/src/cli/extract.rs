//! `sceau extract`: the child process that opens one hostile document. Not for people: it speaks the pipe protocol of
//! `sceau_extract::wire` with its parent, and says nothing else to anybody.
use crate::admin::client::Failure;

/// Answers one question from standard input.
pub fn run() -> Result<(), Failure> {
    // The parent sees the exit code; the sentence goes nowhere and holds nothing of the document.
    sceau_extract::child::run().map_err(|e| Failure { sentence: e.kind().to_string(), exit: 1 })
}
