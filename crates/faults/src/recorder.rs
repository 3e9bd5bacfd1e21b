//! What happened to the files below a folder, in order.
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One operation. Files are named relative to the folder of the recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// A folder was created.
    Folder(String),
    /// A file was created (empty).
    Create(String),
    /// Bytes were written at an offset.
    Write(String, u64, Arc<[u8]>),
    /// A file was cut or extended to a length.
    Truncate(String, u64),
    /// What was written to a file was synchronised; its name is not.
    Sync(String),
    /// Synchronising a file failed. Of what was written since the last time some is on the disk and the rest never will be, because the
    /// system forgets what it could not write; a later success says nothing about it.
    SyncFailed(String),
    /// The names in a folder were synchronised.
    SyncFolder(String),
    /// A file got another name.
    Rename(String, String),
    /// A file was removed.
    Remove(String),
    /// The load heard that its act of this number is durable.
    Acknowledged(u64),
}

/// How the disk misbehaves from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trouble {
    /// It works.
    #[default]
    None,
    /// No room: writes fail after a part of them, reading goes on.
    Full,
    /// Writes fail with an input/output error, after a part of them.
    Write,
    /// Synchronising fails: what was written may or may not be there, now and later.
    Sync,
    /// Synchronising files whose name ends so fails.
    SyncOf(&'static str),
}

/// Records the operations below one folder.
#[derive(Debug)]
pub struct Recorder {
    root: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    log: Vec<Op>,
    trouble: Trouble,
    recording: bool,
    /// How often synchronising a file failed.
    failures: HashMap<String, u64>,
    /// A failure is told only to the handle that met it.
    tells_one: bool,
}

impl Recorder {
    /// Records what happens below `root`, from now on, in this process. One at a time; a later one takes over.
    pub fn install(root: &Path) -> Arc<Self> {
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let recorder = Arc::new(Self { root, state: Mutex::new(State { recording: true, ..State::default() }) });
        crate::vfs::install(Arc::clone(&recorder));
        recorder
    }
    fn state(&self) -> MutexGuard<'_, State> {
        // A list of whole operations is never half-written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Makes the disk misbehave, or well again.
    pub fn trouble(&self, trouble: Trouble) {
        self.state().trouble = trouble;
    }
    /// From now on a failure is told only to the handle that met it, as Linux did before 4.13: others take their own synchronising for a success.
    pub fn tell_one(&self) {
        self.state().tells_one = true;
    }
    /// The load was told that its act `number` is durable.
    pub fn acknowledged(&self, number: u64) {
        self.add(Op::Acknowledged(number));
    }
    /// Records an operation that succeeded.
    pub fn add(&self, op: Op) {
        let mut state = self.state();
        if state.recording {
            state.log.push(op);
        }
    }
    /// Ends the recording and returns it.
    pub fn take(&self) -> Vec<Op> {
        let mut state = self.state();
        state.recording = false;
        std::mem::take(&mut state.log)
    }
    /// How many of the operations recorded so far are so.
    pub fn count(&self, of: impl Fn(&Op) -> bool) -> usize {
        self.state().log.iter().filter(|op| of(op)).count()
    }
    /// Operations recorded so far.
    pub fn len(&self) -> usize {
        self.state().log.len()
    }
    /// True when nothing was recorded yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// How a file below the folder is named in the recording; none for any other.
    pub fn name(&self, path: &Path) -> Option<String> {
        path.strip_prefix(&self.root).ok()?.to_str().map(str::to_owned)
    }
    /// May a write happen now?
    pub fn may_write(&self) -> io::Result<()> {
        match self.state().trouble {
            Trouble::Full => Err(io::Error::from(io::ErrorKind::StorageFull)),
            Trouble::Write => Err(io::Error::other("a write that fails, for the test")),
            Trouble::None | Trouble::Sync | Trouble::SyncOf(_) => Ok(()),
        }
    }
    /// May synchronising this file (a name in the recording, if it has one) succeed now? The failure is recorded.
    pub fn may_sync(&self, file: Option<&str>) -> io::Result<()> {
        let mut state = self.state();
        let fails = match state.trouble {
            Trouble::Sync => true,
            Trouble::SyncOf(end) => file.is_some_and(|file| file.ends_with(end)),
            Trouble::None | Trouble::Full | Trouble::Write => false,
        };
        if !fails {
            return Ok(());
        }
        if let Some(file) = file {
            if state.recording {
                state.log.push(Op::SyncFailed(file.to_owned()));
            }
            *state.failures.entry(file.to_owned()).or_default() += 1;
        }
        Err(io::Error::other("a synchronisation that fails, for the test"))
    }
    /// How often synchronising this file failed until now: what a handle that is opened now knows of.
    pub fn failures(&self, file: &str) -> u64 {
        self.state().failures.get(file).copied().unwrap_or(0)
    }
    /// Records that a handle synchronised its file, and tells it of failures that other handles met since it last heard: what it had written may be
    /// among what was forgotten. As Linux does it (since 4.13): an error is told once to each handle that was open, whoever asked first.
    pub fn synced(&self, file: &str, heard: &mut u64) -> io::Result<()> {
        let mut state = self.state();
        if state.recording {
            state.log.push(Op::Sync(file.to_owned()));
        }
        let failures = state.failures.get(file).copied().unwrap_or(0);
        if std::mem::replace(heard, failures) == failures || state.tells_one {
            return Ok(());
        }
        Err(io::Error::other("a synchronisation that failed for another handle, for the test"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One handle writes while another one synchronises, in vain: the writer must not take its own synchronising for a success.
    #[test]
    fn a_failure_is_told_once_to_every_handle_that_was_open() {
        let state = Mutex::new(State { recording: true, trouble: Trouble::Sync, ..State::default() });
        let recorder = Recorder { root: PathBuf::new(), state };
        let (mut one, mut other) = (recorder.failures("a"), recorder.failures("a"));
        assert!(recorder.may_sync(Some("a")).is_err());
        one = one.max(recorder.failures("a"));
        let mut late = recorder.failures("a");
        recorder.trouble(Trouble::None);
        assert!(recorder.may_sync(Some("a")).is_ok());
        assert!(recorder.synced("a", &mut one).is_ok(), "it was told");
        assert!(recorder.synced("a", &mut other).is_err(), "it hears now");
        assert!(recorder.synced("a", &mut other).is_ok(), "once");
        assert!(recorder.synced("a", &mut late).is_ok(), "opened afterwards");
        assert!(recorder.synced("b", &mut 0).is_ok(), "another file");
    }
}
