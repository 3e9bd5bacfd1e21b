//! What Sceau says of a BAL, and is told of it, by annotations of the server (RFC 5464): that an import goes on, so that another one does not bring
//! the same beside it; and whose the BAL is. Other servers have none.
use super::response::Response;
use super::{COMMAND, Client, Part};
use crate::Error;
use std::time::Duration;

/// That an import goes on.
const IMPORT: &str = "/shared/vendor/sceau/import";
/// Whose the BAL is.
const WHOSE: &str = "/shared/vendor/sceau/mailbox";

impl Client {
    /// An import goes on under this word, to be believed for so long. The server's no (`INUSE`) when another one does; a server that knows no such
    /// thing lets everybody import.
    pub fn say_import(&mut self, word: &str, time: Duration) -> Result<(), Error> {
        match self.annotate_import(&format!("\"{word} {}\"", time.as_secs())) {
            Err(Error::No(no)) if !no.is("INUSE") && !no.is("UNAVAILABLE") => Ok(()),
            done => done,
        }
    }
    /// It is over.
    pub fn end_import(&mut self) {
        if !self.broken {
            // What is not heard is forgotten in its time.
            let _ = self.annotate_import("NIL");
        }
    }
    /// Is this BAL the person's own? None: the server does not say.
    pub fn is_own(&mut self) -> Result<Option<bool>, Error> {
        if !self.knows_annotations() {
            return Ok(None);
        }
        let mut said = None;
        let asked = [Part::Text("GETMETADATA"), Part::Text("\"\""), Part::Text(WHOSE)];
        let done = self.run(COMMAND, &asked, &mut |r| {
            if let Response::Metadata(found) = r {
                said = found.into_iter().find(|(name, _)| name == WHOSE).map(|(_, value)| value == "own").or(said);
            }
        });
        match done {
            Ok(_) | Err(Error::No(_)) => Ok(said),
            Err(e) => Err(e),
        }
    }
    fn knows_annotations(&self) -> bool {
        self.can("METADATA") || self.can("METADATA-SERVER")
    }
    fn annotate_import(&mut self, value: &str) -> Result<(), Error> {
        if !self.knows_annotations() {
            return Ok(());
        }
        let entry = format!("({IMPORT} {value})");
        self.command(&[Part::Text("SETMETADATA"), Part::Text("\"\""), Part::Text(&entry)]).map(drop)
    }
}
