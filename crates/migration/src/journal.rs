//! What an import did, kept beside it: so that one that is run again knows, without reading a message, what it has brought already.
//!
//! A file of lines: a salt first, then `KEY UIDVALIDITY UID`, a line a message, where the key is a salted digest of what is imported into what, of the
//! folder's name and of the message's id. Nothing in it tells what was brought. A line counts only while the folder in the BAL is the one that it names;
//! without the file, or with one that is another import's, messages are compared by their content instead. A line that a cut left unfinished counts for nothing.
use crate::Error;
use aws_lc_rs::digest::{Context, SHA256};
use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// First word of the first line.
const MAGIC: &str = "sceau-import-1";
/// Most lines that are read.
const LINES: usize = 5_000_000;

/// A message of a source, by digest.
pub type Key = [u8; 16];

/// A journal.
#[derive(Debug)]
pub struct Journal {
    salt: String,
    about: String,
    done: HashMap<Key, (u32, u32)>,
    file: Option<File>,
}

impl Journal {
    /// One that is kept nowhere.
    pub fn none() -> Self {
        Self { salt: String::new(), about: String::new(), done: HashMap::new(), file: None }
    }

    /// Opens it, or begins it, for its owner's eyes only. `about` says what is imported into what: a UID of one server is another message at the
    /// next one. Two imports do not share a journal at the same time.
    pub fn open(path: &Path, about: &str) -> Result<Self, Error> {
        let failed = |e| Error::File(path.to_owned(), e);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(Error::Content(path.to_owned(), "in_use"));
        }
        let mut journal = Self { about: about.to_owned(), ..Self::none() };
        let mut whole = 0;
        let mut reader = BufReader::new(&file);
        let mut line = String::new();
        for n in 0..LINES {
            line.clear();
            let read = (&mut reader).take(200).read_line(&mut line).map_err(failed)?;
            if !line.ends_with('\n') {
                break;
            }
            whole += read as u64;
            if n == 0 {
                let salt = line.trim_end().strip_prefix(MAGIC).map(str::trim).filter(|s| s.len() == 32);
                journal.salt = salt.ok_or(Error::Content(path.to_owned(), "no_journal"))?.to_owned();
            } else if let Some((key, at)) = read_line(&line) {
                journal.done.insert(key, at);
            }
        }
        if whole == 0 && !line.is_empty() {
            return Err(Error::Content(path.to_owned(), "no_journal"));
        }
        file.set_len(whole).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        if whole == 0 {
            let mut salt = [0; 16];
            aws_lc_rs::rand::fill(&mut salt).map_err(|_| failed(std::io::Error::other("no random octets")))?;
            journal.salt = hex::encode(salt);
            writeln!(file, "{MAGIC} {}", journal.salt).map_err(failed)?;
        }
        journal.file = Some(file);
        Ok(journal)
    }

    /// The key of a message: its folder's levels, and what is its own there.
    pub fn key(&self, levels: &[String], own: &str) -> Key {
        let mut digest = Context::new(&SHA256);
        let words = [self.salt.as_str(), &self.about, own].into_iter().chain(levels.iter().map(String::as_str));
        for word in words {
            digest.update(&(word.len() as u64).to_be_bytes());
            digest.update(word.as_bytes());
        }
        let mut key = [0; 16];
        key.copy_from_slice(&digest.finish().as_ref()[..16]);
        key
    }

    /// The word under which an import with this journal goes on, also when it is run again after a cut; without a journal, one that never comes again.
    pub fn word(&self) -> Result<String, Error> {
        let mut word = [0; 16];
        if self.salt.is_empty() {
            let failed = |_| Error::File("random".into(), std::io::Error::other("no random octets"));
            aws_lc_rs::rand::fill(&mut word).map_err(failed)?;
        } else {
            word = self.key(&[], "import");
        }
        Ok(hex::encode(word))
    }

    /// Where it was brought: UIDVALIDITY and UID.
    pub fn get(&self, key: &Key) -> Option<(u32, u32)> {
        self.done.get(key).copied()
    }

    /// It was brought.
    pub fn put(&mut self, key: Key, at: (u32, u32)) {
        self.done.insert(key, at);
        let Some(file) = &mut self.file else { return };
        // One write a line: what a cut leaves of it is no line. A disk that takes no more costs comparisons in the next run, and nothing else.
        let line = format!("{} {} {}\n", hex::encode(key), at.0, at.1);
        if file.write_all(line.as_bytes()).is_err() {
            self.file = None;
        }
    }
}

fn read_line(line: &str) -> Option<(Key, (u32, u32))> {
    let mut words = line.split_ascii_whitespace();
    let mut key = [0; 16];
    hex::decode_to_slice(words.next()?, &mut key).ok()?;
    let at = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    words.next().is_none().then_some((key, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_brought_is_known_again_and_a_torn_line_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let levels = ["INBOX".to_owned()];
        let mut journal = Journal::open(&path, "a").unwrap();
        assert!(matches!(Journal::open(&path, "a"), Err(Error::Content(..))));
        let (a, b) = (journal.key(&levels, "1.7"), journal.key(&levels, "1.8"));
        assert_ne!(a, journal.key(&[], "1.7"));
        let other = Journal { about: "b".into(), salt: journal.salt.clone(), ..Journal::none() };
        assert_ne!(a, other.key(&levels, "1.7"));
        assert_ne!(journal.key(&["ab".into()], "c"), journal.key(&["a".into()], "bc"));
        journal.put(a, (3, 4));
        journal.put(b, (3, 5));
        drop(journal);
        // A cut in the middle of the last line.
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("INBOX"));
        std::fs::write(&path, &text[..text.len() - 3]).unwrap();
        let mut journal = Journal::open(&path, "a").unwrap();
        assert_eq!((journal.get(&a), journal.get(&b)), (Some((3, 4)), None));
        journal.put(b, (3, 6));
        drop(journal);
        let journal = Journal::open(&path, "a").unwrap();
        assert_eq!((journal.key(&levels, "1.7"), journal.get(&b)), (a, Some((3, 6))));
        drop(journal);
        std::fs::write(&path, "autre chose\n").unwrap();
        assert!(matches!(Journal::open(&path, "a"), Err(Error::Content(..))));
        std::fs::write(&path, "autre chose").unwrap();
        assert!(matches!(Journal::open(&path, "a"), Err(Error::Content(..))));
    }
}
