//! Where the files of an index are. Names are short ASCII words. An error of kind `NotFound` says that there is no such file.
use std::fmt::Debug;
use std::io::{Result, Write};
use std::ops::Range;
use std::sync::Arc;

/// The files of one index.
pub trait Files: Debug + Send + Sync + 'static {
    /// Opens an immutable file.
    fn open(&self, name: &str) -> Result<Arc<dyn Content>>;
    /// Is there a file (of either sort)?
    fn exists(&self, name: &str) -> Result<bool>;
    /// Begins an immutable file; it exists once finished.
    fn create(&self, name: &str) -> Result<Box<dyn NewFile>>;
    /// Removes a file (of either sort).
    fn delete(&self, name: &str) -> Result<()>;
    /// Reads a small file that is replaced as a whole.
    fn read_small(&self, name: &str) -> Result<Vec<u8>>;
    /// Replaces it, atomically and durably; files finished before are durable before it.
    fn write_small(&self, name: &str, bytes: &[u8]) -> Result<()>;
}

/// An immutable file.
pub trait Content: Debug + Send + Sync {
    /// Its length, bytes.
    fn len(&self) -> u64;
    /// True when it holds nothing.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Exactly this range. Whoever keeps the files caches what was decoded.
    fn read(&self, range: Range<u64>) -> Result<Vec<u8>>;
}

/// A file being written. Dropped unfinished, it leaves nothing.
pub trait NewFile: Write + Send + Sync {
    /// Ends it.
    fn finish(self: Box<Self>) -> Result<()>;
}
