//! TEST ONLY: a disk that forgets what was not synchronised, tears writes, has no room, or fails.
//!
//! [`Recorder::install`] puts a layer under every SQLite database of the process (SQLite's own VFS interface) and takes reports of the
//! operations that the program makes on its other files. One run under load is recorded; [`Replay`] then makes, for any instant of
//! the run, a folder as a power cut at that instant could have left it: what was synchronised is there, each later write is there,
//! lost or torn, by the throw of a seeded die. So one run gives thousands of cut points, and a failure names its seed and instant.
//!
//! What the model takes from POSIX: a write is safe after fsync of its file; a name (creation, rename, removal, of folders too) is safe after
//! fsync of the folder that it stands in. Files and folders become safe in any order among each other. An fsync that failed loses some of what was
//! written for good, and the next one succeeds all the same (as Linux does). A rename whose two folders differ may leave either name,
//! both, or none. SQLite synchronises the folder itself when it first synchronises a log that it made.
//!
//! What it does not do: damage bytes beside those of a torn write, or what is safe.
mod record;
mod recorder;
mod replay;
mod vfs;

pub use record::{moved, record};
pub use recorder::{Op, Recorder, Trouble};
pub use replay::{Cut, Die, Replay};
pub use vfs::without_shared_memory;
