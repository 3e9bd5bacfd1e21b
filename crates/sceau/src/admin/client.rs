//! The CLI's side of the administration socket.
use super::request::{Answer, Request};
use sceau_domain::{Lang, text::text};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Why there is no answer, as a sentence in the user's language, and the exit code.
#[derive(Debug)]
pub struct Failure {
    /// Sentence.
    pub sentence: String,
    /// Process exit code: 1 refused, 3 no server.
    pub exit: u8,
}

/// Asks the server that listens at `socket`.
pub fn ask(socket: &Path, request: &Request, lang: Lang) -> Result<serde_json::Value, Failure> {
    let path = socket.display().to_string();
    let unreachable = |e: std::io::Error| Failure {
        sentence: text(lang, "cli.no_server", &[("socket", &path), ("error", &e.to_string())]),
        exit: 3,
    };
    let mut stream = UnixStream::connect(socket).map_err(unreachable)?;
    stream.set_read_timeout(Some(Duration::from_secs(120))).map_err(unreachable)?;
    let mut line = serde_json::to_string(request).map_err(|e| unreachable(e.into()))?;
    line.push('\n');
    stream.write_all(line.as_bytes()).map_err(unreachable)?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).map_err(unreachable)?;
    match serde_json::from_str(&answer) {
        Ok(Answer::Ok(value)) => Ok(value),
        Ok(Answer::Refused { code, fr, en }) => {
            let sentence = if lang == Lang::Fr { fr } else { en };
            Err(Failure { sentence: format!("{sentence} [{code}]"), exit: 1 })
        }
        Err(e) => Err(unreachable(e.into())),
    }
}
