//! TEST ONLY: a disk that forgets what was not synchronised, tears writes, has no room, or fails.
//!
//! [`Recorder::install`] puts a layer under every SQLite database of the process (SQLite's own VFS interface) and takes reports of the
//! operations that the program makes on its other files. One run under load is recorded; [`Replay`] then makes, for any instant of
//! the run, a folder as a power cut at that instant could have left it: what was synchronised is there, each later write is there,
//! lost or torn, by the throw of a seeded die. So one run gives thousands of cut points, and a failure names its seed and instant.
//!
//! What the model takes from POSIX: a write is safe after fsync of its file; a name (creation, rename, removal) is safe after
//! fsync of its folder. SQLite synchronises the folder itself when it first synchronises a log that it made.
mod recorder;
mod replay;
mod vfs;

pub use recorder::{Op, Recorder, Trouble};
pub use replay::{Cut, Die, Replay};
