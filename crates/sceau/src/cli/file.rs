//! Files that a command writes: whole or not at all, never over what is there, for the owner's eyes only.
use rustix::fs::{CWD, RenameFlags};
use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Result, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A file in the making. It has its name once [`NewFile::keep`] succeeded; dropped before, nothing is left of it. A process that is killed leaves
/// a hidden `.sceau-….partial`.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    partial: PathBuf,
    path: PathBuf,
}

impl NewFile {
    /// Begins; an error when something has that name already.
    pub fn begin(path: &Path) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if path.symlink_metadata().is_ok() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let partial = path.with_file_name(format!(".sceau-{}-{number}.partial", std::process::id()));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
        Ok(Self { file, partial, path: path.to_owned() })
    }
    /// Makes it durable and gives it its name; what took that name meanwhile stays.
    pub fn keep(mut self) -> Result<()> {
        self.file.flush()?;
        self.file.sync_all()?;
        match rustix::fs::renameat_with(CWD, &self.partial, CWD, &self.path, RenameFlags::NOREPLACE) {
            // A file system that cannot do both at once.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => std::fs::hard_link(&self.partial, &self.path),
            done => done.map_err(Error::from),
        }
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.file.write(bytes)
    }
    fn flush(&mut self) -> Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // Gone already when it has its name.
        let _ = std::fs::remove_file(&self.partial);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn whole_or_not_at_all_and_never_over_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let names = || {
            let mut all: Vec<_> = folder.path().read_dir().unwrap().map(|e| e.unwrap().file_name()).collect();
            all.sort();
            all
        };
        let path = folder.path().join("rapport.csv");
        let mut file = NewFile::begin(&path).unwrap();
        file.write_all(b"la moiti").unwrap();
        assert!(!path.exists());
        drop(file);
        assert!(names().is_empty());
        let mut file = NewFile::begin(&path).unwrap();
        file.write_all(b"tout").unwrap();
        file.keep().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"tout");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(NewFile::begin(&path).unwrap_err().kind(), ErrorKind::AlreadyExists);
        // A name taken while it was written, a link that leads nowhere.
        let other = folder.path().join("autre.csv");
        let mut file = NewFile::begin(&other).unwrap();
        file.write_all(b"trop tard").unwrap();
        std::fs::write(&other, b"d'abord").unwrap();
        assert_eq!(file.keep().unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&other).unwrap(), b"d'abord");
        let link = folder.path().join("lien");
        std::os::unix::fs::symlink("nulle-part", &link).unwrap();
        assert_eq!(NewFile::begin(&link).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(names(), ["autre.csv", "lien", "rapport.csv"]);
        assert!(NewFile::begin(&folder.path().join("absent/x")).is_err());
    }
}
