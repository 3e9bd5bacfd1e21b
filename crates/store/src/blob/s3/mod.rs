//! Objects in a bucket of an S3 service: `prefix/ab/abcd…` by the id, as in a folder, and a mark, `prefix/.sceau-blobs`.
//!
//! Promises: an object is put whole (its checksum goes with it) before a row names it; every operation ends within
//! [`S3Config::timeout`], whatever the service does, and asks again when that may help; at most [`REQUESTS`] are under way at
//! once; a service that is away or slow is `Transient`, never a lost message, and nothing has to be restarted when it is back.
mod list;
mod object;
mod request;
mod upload;

pub(crate) use object::Object;

use super::objects::{Objects, Page, Soon};
use super::place::{PlaceError, PlaceRefusal, S3Config, parse_endpoint};
use super::{BlobId, Caller, Source, format};
use crate::StoreError;
use crate::files::NewFile;
use request::{Attempt, Client, Failure};
use reqwest::Method;
use rusty_s3::S3Action;
use sceau_domain::Timestamp;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Requests under way at once.
const REQUESTS: usize = 32;
/// Objects removed at once.
const REMOVALS: usize = 8;
/// Bytes that all readers together may have fetched ahead, in units of [`AHEAD_UNIT`].
const AHEAD_UNITS: usize = 512;
/// 64 KiB.
const AHEAD_UNIT: usize = 64 << 10;
/// How long a signature holds. A request is sent at once; clocks differ by minutes at most.
const SIGNED_FOR: Duration = Duration::from_secs(900);
/// A mark is a few digits.
const MOST_MARK: usize = 256;

/// TEST ONLY: requests sent by this process.
#[cfg(any(test, feature = "testing"))]
pub(super) static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// A bucket.
#[derive(Debug)]
pub(crate) struct S3(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    client: Client,
    bucket: rusty_s3::Bucket,
    credentials: rusty_s3::Credentials,
    prefix: String,
    page: usize,
    ahead: Arc<Semaphore>,
    /// Whose mark is to be put, and whether it is there.
    owner: std::sync::OnceLock<String>,
    marked: AtomicBool,
}

impl S3 {
    /// Prepares requests; asks nothing yet.
    pub fn new(config: &S3Config) -> Result<Self, StoreError> {
        let wrong = |e: PlaceError| StoreError::Invalid(format!("place of blobs: {e}"));
        let endpoint = parse_endpoint(&config.endpoint).map_err(wrong)?;
        if config.access_key.is_empty() || config.secret_key.is_empty() || config.timeout.is_zero() {
            return Err(wrong(PlaceError::Value));
        }
        let style = rusty_s3::UrlStyle::Path;
        let bucket = rusty_s3::Bucket::new(endpoint, style, config.bucket.clone(), config.region.clone());
        let bucket = bucket.map_err(|_| wrong(PlaceError::Endpoint))?;
        let prefix = if config.prefix.is_empty() { String::new() } else { format!("{}/", config.prefix) };
        Ok(Self(Arc::new(Inner {
            client: Client::new(config)?,
            bucket,
            credentials: rusty_s3::Credentials::new(config.access_key.clone(), config.secret_key.clone()),
            prefix,
            page: config.page.clamp(1, 1000),
            ahead: Arc::new(Semaphore::new(AHEAD_UNITS)),
            owner: std::sync::OnceLock::new(),
            marked: AtomicBool::new(false),
        })))
    }
}

impl Inner {
    fn key(&self, id: &BlobId) -> String {
        format!("{}{}/{}", self.prefix, hex::encode([id[0]]), hex::encode(id))
    }
    fn mark_key(&self) -> String {
        format!("{}.sceau-blobs", self.prefix)
    }
    /// Whose mark there is; none when there is none.
    async fn read_mark(&self) -> Result<Option<String>, Failure> {
        let key = self.mark_key();
        match self.get(&key, None, MOST_MARK).await {
            Ok(got) => Ok(Some(String::from_utf8_lossy(&got.bytes).into_owned())),
            Err(Failure::Missing) => Ok(None),
            Err(e) => Err(e),
        }
    }
    /// Puts our mark if there is none; refuses another's.
    async fn mark(&self) -> Result<(), Failure> {
        let Some(owner) = self.owner.get().filter(|_| !self.marked.load(Ordering::Acquire)) else { return Ok(()) };
        let mut found = self.read_mark().await?.unwrap_or_default();
        if found.is_empty() {
            let key = self.mark_key();
            let action = self.bucket.put_object(Some(&self.credentials), &key);
            let put = |patience| -> Attempt<'_, ()> {
                let request = self.client.request(Method::PUT, action.sign(SIGNED_FOR), patience).body(owner.clone());
                Box::pin(async move { self.client.send(request).await.map(drop) })
            };
            self.client.tried(put).await?;
            // Another database may have put its own at the same instant: the last one stands.
            found = self.read_mark().await?.unwrap_or_default();
        }
        if found != *owner {
            return Err(Failure::Refused(PlaceRefusal::Foreign));
        }
        self.marked.store(true, Ordering::Release);
        Ok(())
    }
    /// Why an object is not found: it is gone, or the whole place is.
    async fn missing(&self, id: &BlobId) -> StoreError {
        let ours = |mark: &str| mark.is_empty() || self.owner.get().is_none_or(|owner| owner == mark);
        match self.read_mark().await {
            Ok(Some(mark)) if ours(&mark) => format::corrupt(id),
            Ok(Some(_)) => Failure::Refused(PlaceRefusal::Foreign).into(),
            Ok(None) => no_mark(),
            Err(e) => e.into(),
        }
    }
    async fn remove_one(&self, id: BlobId) -> Result<(), StoreError> {
        let key = self.key(&id);
        let action = self.bucket.delete_object(Some(&self.credentials), &key);
        let remove = |patience| -> Attempt<'_, ()> {
            let request = self.client.request(Method::DELETE, action.sign(SIGNED_FOR), patience);
            Box::pin(async move { self.client.send(request).await.map(drop) })
        };
        match self.client.tried(remove).await {
            Err(Failure::Missing) => Ok(()),
            other => other.map_err(StoreError::from),
        }
    }
}

fn no_mark() -> StoreError {
    StoreError::Transient("the bucket of blobs has no mark of ours (is it the right one?)".into())
}

impl Objects for S3 {
    fn look(&self) -> Soon<'_, Option<String>> {
        Box::pin(async move {
            let looked = match self.0.read_mark().await {
                // Whether there is a bucket at all, not every service says of an object of it.
                Ok(None) => self.0.has_bucket().await.map(|()| None),
                found => found,
            };
            match looked {
                Ok(mark) => Ok(mark.filter(|m| !m.is_empty())),
                Err(Failure::Refused(why)) => Err(StoreError::Place(why)),
                // It is waited for, as when it goes away later.
                Err(_) => Ok(None),
            }
        })
    }
    fn prepare<'a>(&'a self, owner: &'a str) -> Soon<'a, ()> {
        Box::pin(async move {
            self.0.owner.get_or_init(|| owner.to_owned());
            match self.0.mark().await {
                // A service that is away comes back; small mail goes on meanwhile.
                Err(Failure::Away(why)) => {
                    tracing::error!(why, "the place of blobs does not answer: large messages are deferred");
                    Ok(())
                }
                Err(Failure::Refused(why)) => Err(StoreError::Place(why)),
                other => other.map_err(StoreError::from),
            }
        })
    }
    fn put<'a>(&'a self, id: BlobId, spool: &'a Arc<NewFile>, _: Timestamp) -> Soon<'a, ()> {
        Box::pin(async move {
            self.0.mark().await?;
            self.0.upload(&id, spool).await
        })
    }
    fn open(&self, id: BlobId, _: Caller) -> Soon<'_, Source> {
        Box::pin(async move { Ok(Source::Object(Box::new(Object::open(Arc::clone(&self.0), id).await?))) })
    }
    fn remove(&self, ids: Vec<BlobId>) -> Soon<'_, ()> {
        Box::pin(async move {
            for some in ids.chunks(REMOVALS) {
                let mut removals = JoinSet::new();
                for id in some {
                    let (s3, id) = (Arc::clone(&self.0), *id);
                    removals.spawn(async move { s3.remove_one(id).await });
                }
                while let Some(done) = removals.join_next().await {
                    done.map_err(|_| StoreError::Other("a task of the store panicked".into()))??;
                }
            }
            Ok(())
        })
    }
    fn list(&self, after: Option<String>, now: Timestamp) -> Soon<'_, Page> {
        Box::pin(async move { self.0.page(after, now).await })
    }
    fn owner(&self) -> Soon<'_, String> {
        Box::pin(async move { self.0.read_mark().await?.ok_or_else(no_mark) })
    }
    fn path(&self, _: &BlobId) -> Option<PathBuf> {
        None
    }
}
