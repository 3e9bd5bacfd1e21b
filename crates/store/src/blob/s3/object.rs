//! Reading an object by ranges, ahead of the reader: a message of 10 MB is a dozen requests, not a hundred and sixty.
use super::request::{Attempt, Failure, body};
use super::{AHEAD_UNIT, Inner, SIGNED_FOR};
use crate::StoreError;
use crate::blob::{BlobId, format};
use bytes::Bytes;
use reqwest::{Method, StatusCode, header};
use rusty_s3::S3Action;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// Fetched when an object is opened: most mail whole.
const FIRST: usize = 256 << 10;
/// Fetched at the end of an object that is longer: its table.
const TAIL: usize = 64 << 10;
/// Fetched at a time by a reader that reads on.
const AHEAD: usize = 1 << 20;
/// Fetched when too many readers have fetched ahead already.
const LITTLE: usize = 16 << 10;

/// Bytes of an object that were asked for.
pub(super) struct Ranged {
    pub bytes: Bytes,
    /// Length of the whole object.
    pub total: u64,
}

/// Bytes that were fetched, and the right to hold them.
#[derive(Debug)]
struct Window {
    from: u64,
    bytes: Bytes,
    _held: Option<OwnedSemaphorePermit>,
}

impl Window {
    fn slice(&self, offset: u64, len: usize) -> Option<Bytes> {
        let from = usize::try_from(offset.checked_sub(self.from)?).ok()?;
        let to = from.checked_add(len).filter(|to| *to <= self.bytes.len())?;
        Some(self.bytes.slice(from..to))
    }
}

/// An object being read.
#[derive(Debug)]
pub(crate) struct Object {
    s3: Arc<Inner>,
    id: BlobId,
    stored: u64,
    /// What was fetched last.
    window: Window,
    /// The end of the object, where its table is.
    tail: Option<Window>,
}

impl Object {
    pub(super) async fn open(s3: Arc<Inner>, id: BlobId) -> Result<Self, StoreError> {
        let held = s3.hold(FIRST);
        let most = if held.is_some() { FIRST } else { LITTLE };
        let key = s3.key(&id);
        let first = match s3.get(&key, Some((0, most)), most).await {
            Ok(first) => first,
            Err(Failure::Missing) => return Err(s3.missing(&id).await),
            // No byte at all.
            Err(Failure::Range) => return Err(format::corrupt(&id)),
            Err(e) => return Err(e.into()),
        };
        let window = Window { from: 0, bytes: first.bytes, _held: held };
        let mut object = Self { s3, id, stored: first.total, window, tail: None };
        let have = object.window.bytes.len() as u64;
        if have < object.stored {
            let from = object.stored.saturating_sub(TAIL as u64).max(have);
            let bytes = object.fetch(from, (object.stored - from) as usize).await?;
            object.tail = bytes.map(|bytes| Window { from, bytes, _held: None });
        }
        Ok(object)
    }
    /// Length of the object.
    pub fn stored(&self) -> u64 {
        self.stored
    }
    /// Exactly `len` bytes; none when there are fewer.
    pub async fn read(&mut self, offset: u64, len: usize) -> Result<Option<Bytes>, StoreError> {
        if offset.checked_add(len as u64).is_none_or(|end| end > self.stored) {
            return Ok(None);
        }
        let had = self.window.slice(offset, len).or_else(|| self.tail.as_ref()?.slice(offset, len));
        if had.is_some() {
            return Ok(had);
        }
        // What was held goes before anything else is fetched.
        self.window = Window { from: 0, bytes: Bytes::new(), _held: None };
        let held = self.s3.hold(AHEAD.max(len));
        let rest = usize::try_from(self.stored - offset).unwrap_or(usize::MAX);
        let most = if held.is_some() { AHEAD.max(len).min(rest) } else { len };
        let Some(bytes) = self.fetch(offset, most).await? else { return Ok(None) };
        let asked = (bytes.len() >= len).then(|| bytes.slice(..len));
        if held.is_some() {
            self.window = Window { from: offset, bytes, _held: held };
        }
        Ok(asked)
    }
    async fn fetch(&self, from: u64, len: usize) -> Result<Option<Bytes>, StoreError> {
        let key = self.s3.key(&self.id);
        match self.s3.get(&key, Some((from, len)), len).await {
            // It became another one: objects never change.
            Ok(got) if got.total != self.stored || got.bytes.len() != len => Ok(None),
            Ok(got) => Ok(Some(got.bytes)),
            Err(Failure::Range) => Ok(None),
            Err(Failure::Missing) => Err(self.s3.missing(&self.id).await),
            Err(e) => Err(e.into()),
        }
    }
}

impl Inner {
    /// The right to hold so many bytes ahead, if not too many are held.
    fn hold(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let units = u32::try_from(bytes.div_ceil(AHEAD_UNIT)).ok()?;
        Arc::clone(&self.ahead).try_acquire_many_owned(units).ok()
    }
    /// Reads a key, or a range of it (offset and length), of at most `most` bytes.
    pub(super) async fn get(&self, key: &str, range: Option<(u64, usize)>, most: usize) -> Result<Ranged, Failure> {
        let action = self.bucket.get_object(Some(&self.credentials), key);
        let ask = |patience| -> Attempt<'_, Ranged> {
            let mut request = self.client.request(Method::GET, action.sign(SIGNED_FOR), patience);
            if let Some((from, len)) = range {
                let last = from.saturating_add(len as u64).saturating_sub(1);
                request = request.header(header::RANGE, format!("bytes={from}-{last}"));
            }
            Box::pin(async move {
                let response = self.client.send(request).await?;
                let partial = response.status() == StatusCode::PARTIAL_CONTENT;
                let described = response.headers().get(header::CONTENT_RANGE).and_then(|v| v.to_str().ok());
                let described = described.map(str::to_owned);
                // More than was asked for would be read into memory: `body` refuses it.
                let bytes = body(response, most).await?;
                let total = match (partial, range) {
                    (true, Some((from, _))) => described.as_deref().and_then(|d| total_of(d, from, bytes.len())),
                    // The whole object, from its beginning.
                    (false, Some((0, _)) | None) => Some(bytes.len() as u64),
                    _ => None,
                };
                let total = total.ok_or_else(|| Failure::Away("another range than was asked".into()))?;
                Ok(Ranged { bytes, total })
            })
        };
        self.client.tried(ask).await
    }
}

/// The whole length, of `Content-Range: bytes 0-99/1234` (RFC 9110 §14.4), if it describes `len` bytes at `from`.
fn total_of(described: &str, from: u64, len: usize) -> Option<u64> {
    let (range, total) = described.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    (first == from && last.checked_add(1)?.checked_sub(first)? == len as u64).then(|| total.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::total_of;

    #[test]
    fn a_described_range_is_the_one_that_came() {
        assert_eq!(total_of("bytes 0-99/1234", 0, 100), Some(1234));
        assert_eq!(total_of("bytes 5-9/10", 5, 5), Some(10));
        for (described, from, len) in [
            ("bytes 0-99/1234", 1, 100),
            ("bytes 0-99/1234", 0, 99),
            ("bytes 0-99/*", 0, 100),
            ("0-99/1", 0, 100),
            ("bytes 9-5/10", 9, 0),
        ] {
            assert_eq!(total_of(described, from, len), None, "{described}");
        }
        assert_eq!(total_of("bytes 0-18446744073709551615/1", 0, 1), None);
    }
}
