//! Files in folders that somebody else may have filled.
use crate::Error;
use rustix::fs::{Mode, OFlags, open as open_fd};
use std::fs::File;
use std::path::Path;

/// Opens a file to read it. A pipe would be waited for without end, a device never ends: they are [`Error::Content`] (`no_file`).
pub fn open(path: &Path) -> Result<File, Error> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    regular(path, flags, Mode::empty())
}

/// Opens a file to write it, for its owner's eyes only; makes it when it is not there. A link is not followed.
pub fn write(path: &Path, start: Start) -> Result<File, Error> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let flags = match start {
        Start::Empty => flags | OFlags::TRUNC,
        Start::Kept => flags,
    };
    regular(path, flags, Mode::RUSR | Mode::WUSR)
}

/// What a file that is written begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Nothing: what was there goes.
    Empty,
    /// What is there already.
    Kept,
}

fn regular(path: &Path, flags: OFlags, mode: Mode) -> Result<File, Error> {
    let fd = open_fd(path, flags, mode).map_err(|e| Error::File(path.to_owned(), e.into()))?;
    let file = File::from(fd);
    if !file.metadata().map_err(Error::file(path))?.is_file() {
        return Err(Error::Content(path.to_owned(), "no_file"));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, mknodat};

    #[test]
    fn pipes_and_folders_are_no_files_and_links_are_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        mknodat(CWD, at("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        std::fs::write(at("own"), "secret").unwrap();
        std::os::unix::fs::symlink(at("own"), at("link")).unwrap();
        assert!(matches!(open(&at("pipe")), Err(Error::Content(_, "no_file"))));
        assert!(matches!(open(folder.path()), Err(Error::Content(_, "no_file"))));
        assert!(matches!(write(&at("pipe"), Start::Empty), Err(Error::File(..))));
        assert!(matches!(write(&at("link"), Start::Empty), Err(Error::File(..))));
        assert!(open(&at("link")).is_ok() && write(&at("own"), Start::Kept).is_ok());
        assert_eq!(std::fs::read_to_string(at("own")).unwrap(), "secret");
    }
}
