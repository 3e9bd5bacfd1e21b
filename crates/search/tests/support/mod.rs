//! Files in memory, that can fail, lose and alter; and records made quickly.
#![allow(dead_code, reason = "each test takes what it needs")]
use sceau_search::{Attachment, Content, Files, Index, NewFile, Query, TextRecord};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Result, Write};
use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

/// Writer's buffers in tests.
pub const MEMORY: usize = 15_000_000;

type Map = Arc<Mutex<BTreeMap<String, Arc<Vec<u8>>>>>;

/// Files in memory.
#[derive(Debug, Clone)]
pub struct Memory {
    pub map: Map,
    /// Writes (files finished, replaced, removed) left before everything fails; less than zero: all that one wants.
    pub left: Arc<AtomicI64>,
}

impl Default for Memory {
    fn default() -> Self {
        Self { map: Map::default(), left: Arc::new(AtomicI64::new(i64::MAX)) }
    }
}

impl Memory {
    pub fn shared(&self) -> Arc<dyn Files> {
        Arc::new(self.clone())
    }
    pub fn names(&self) -> Vec<String> {
        self.map.lock().unwrap().keys().cloned().collect()
    }
    pub fn bytes(&self) -> usize {
        self.map.lock().unwrap().values().map(|v| v.len()).sum()
    }
    /// Another copy, as the disk is now.
    pub fn copy(&self) -> Memory {
        Memory { map: Arc::new(Mutex::new(self.map.lock().unwrap().clone())), ..Memory::default() }
    }
    pub fn put(&self, name: &str, bytes: Vec<u8>) {
        self.map.lock().unwrap().insert(name.to_owned(), Arc::new(bytes));
    }
    pub fn get(&self, name: &str) -> Vec<u8> {
        self.map.lock().unwrap()[name].to_vec()
    }
    /// So many writes succeed from now on.
    pub fn fail_after(&self, writes: i64) {
        self.left.store(writes, Ordering::SeqCst);
    }
    fn spend(&self) -> Result<()> {
        match self.left.fetch_sub(1, Ordering::SeqCst) {
            n if n > 0 => Ok(()),
            _ => Err(io::Error::other("power is out")),
        }
    }
    fn content(&self, name: &str) -> Result<Arc<Vec<u8>>> {
        self.map.lock().unwrap().get(name).cloned().ok_or_else(|| ErrorKind::NotFound.into())
    }
}

impl Files for Memory {
    fn open(&self, name: &str) -> Result<Arc<dyn Content>> {
        Ok(Arc::new(Opened { files: self.clone(), name: name.to_owned(), length: self.content(name)?.len() as u64 }))
    }
    fn exists(&self, name: &str) -> Result<bool> {
        Ok(self.map.lock().unwrap().contains_key(name))
    }
    fn create(&self, name: &str) -> Result<Box<dyn NewFile>> {
        assert!(name.is_ascii() && name.len() < 64 && !name.contains('/'), "{name}");
        assert!(!self.exists(name)?, "{name} is immutable");
        Ok(Box::new(Begun { files: self.clone(), name: name.to_owned(), bytes: Vec::new() }))
    }
    fn delete(&self, name: &str) -> Result<()> {
        self.spend()?;
        self.map.lock().unwrap().remove(name).map(drop).ok_or_else(|| ErrorKind::NotFound.into())
    }
    fn read_small(&self, name: &str) -> Result<Vec<u8>> {
        Ok(self.content(name)?.to_vec())
    }
    fn write_small(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.spend()?;
        self.put(name, bytes.to_vec());
        Ok(())
    }
}

/// Open; when the file is removed it cannot be read any more (another node did it, the blob is gone).
#[derive(Debug)]
struct Opened {
    files: Memory,
    name: String,
    length: u64,
}

impl Content for Opened {
    fn len(&self) -> u64 {
        self.length
    }
    fn read(&self, range: Range<u64>) -> Result<Vec<u8>> {
        let range = range.start as usize..range.end as usize;
        self.files.content(&self.name)?.get(range).map(<[u8]>::to_vec).ok_or_else(|| ErrorKind::UnexpectedEof.into())
    }
}

struct Begun {
    files: Memory,
    name: String,
    bytes: Vec<u8>,
}

impl Write for Begun {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

impl NewFile for Begun {
    fn finish(self: Box<Self>) -> Result<()> {
        self.files.spend()?;
        self.files.put(&self.name, self.bytes);
        Ok(())
    }
}

/// A record with a body, dated by its number.
pub fn record(message: i64, body: &str) -> TextRecord {
    TextRecord {
        message,
        date: message * 1000,
        size: body.len() as u64,
        body: body.to_owned(),
        ..TextRecord::default()
    }
}

pub fn attachment(name: &str, text: &str) -> Attachment {
    Attachment { name: name.to_owned(), text: text.to_owned() }
}

/// Ids of all messages found, newest first.
pub fn ids(index: &Index, question: &str) -> Vec<i64> {
    let query = Query::parse(question).unwrap();
    index.search(&query, None, 1_000_000).unwrap().into_iter().map(|h| h.message).collect()
}
