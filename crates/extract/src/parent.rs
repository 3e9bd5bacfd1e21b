//! The parent: starts a child for each document, bounds what it may do, and goes on whatever happens to it.
use crate::wire::{self, Request};
use crate::{Extracted, Kind, Limits, Why, text_of};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

/// Gets the text of documents. Cheap to clone: clones share the bound on children at once.
#[derive(Debug, Clone)]
pub struct Extractor {
    program: PathBuf,
    limits: Limits,
    children: Arc<Semaphore>,
}

impl Extractor {
    /// With the program that has the subcommand `extract` (`std::env::current_exe()`), by its absolute path.
    pub fn new(program: PathBuf, limits: Limits) -> Self {
        Self { program, limits, children: Arc::new(Semaphore::new(limits.children.max(1))) }
    }

    /// Its bounds.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The text of a document with its declared MIME type and file name (either may be empty or wrong: what it holds decides).
    /// Waits while [`Limits::children`] are at work, then answers within [`Limits::deadline`]. Never fails: see [`Extracted`].
    pub async fn text(&self, mime: &str, name: &str, content: impl Into<Arc<Vec<u8>>>) -> Extracted {
        let content: Arc<Vec<u8>> = content.into();
        let kind = Kind::guess(mime, name, &content);
        if kind == Kind::Unknown {
            return Extracted::NoText(Why::Unsupported);
        }
        if content.len() > self.limits.input {
            return Extracted::NoText(Why::TooLarge);
        }
        if kind.is_plain() {
            // No parser to speak of, no allocation that the text does not show: not worth a process. Megabytes are worth a thread.
            let (mime, name, limits) = (mime.to_owned(), name.to_owned(), self.limits);
            let read = tokio::task::spawn_blocking(move || text_of(&mime, &name, &content, &limits)).await;
            return read.unwrap_or(Err(Why::Crashed)).map_or_else(Extracted::NoText, Extracted::Text);
        }
        let Ok(_one) = self.children.acquire().await else { return Extracted::NoText(Why::Unavailable) };
        let Some(request) = Request::new(mime, name, content.len(), self.limits) else {
            return Extracted::NoText(Why::TooLarge);
        };
        let Some(header) = request.to_bytes() else { return Extracted::NoText(Why::Unavailable) };
        let Ok(mut child) = self.start() else { return Extracted::NoText(Why::Unavailable) };
        let answer = tokio::time::timeout(self.limits.deadline, self.converse(&mut child, &header, &content)).await;
        // Whatever it still does, it ends here, and is waited for: no child outlives its question.
        let _ = child.start_kill();
        let status = child.wait().await;
        match answer {
            Ok(Some(answer)) => answer,
            Ok(None) => Extracted::NoText(status.map_or(Why::Crashed, death)),
            Err(_) => Extracted::NoText(Why::Time),
        }
    }

    fn start(&self) -> std::io::Result<Child> {
        Command::new(&self.program)
            .arg("extract")
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
    }

    /// Asks and reads the answer; none when there is no whole one.
    async fn converse(&self, child: &mut Child, header: &[u8], content: &[u8]) -> Option<Extracted> {
        let (mut stdin, stdout) = (child.stdin.take()?, child.stdout.take()?);
        // The child reads everything before it answers; if it stops reading, writing fails and the answer says why.
        let asking = async {
            let _ = stdin.write_all(header).await;
            let _ = stdin.write_all(content).await;
            drop(stdin);
        };
        let most = (wire::ANSWER + self.limits.text) as u64;
        let answering = async {
            let mut bytes = Vec::new();
            // One byte more than the longest answer: a child that writes without end is found out, and no longer read.
            let read = stdout.take(most + 1).read_to_end(&mut bytes).await;
            read.ok().filter(|n| *n as u64 <= most).and_then(|_| wire::read_answer(&bytes))
        };
        let ((), answer) = tokio::join!(asking, answering);
        // The bound holds for what the child says, too.
        answer
    }
}

/// What a child died of that gave no answer.
fn death(status: ExitStatus) -> Why {
    use std::os::unix::process::ExitStatusExt;
    match status.signal() {
        Some(signal) if signal == rustix::process::Signal::XCPU.as_raw() => Why::Time,
        _ => Why::Crashed,
    }
}
