//! Listing a bucket, page by page.
use super::request::{Attempt, Failure, body};
use super::{Inner, SIGNED_FOR};
use crate::StoreError;
use crate::blob::BlobId;
use crate::blob::objects::{Listed, Page};
use jiff::fmt::rfc2822;
use reqwest::{Method, header};
use rusty_s3::S3Action;
use rusty_s3::actions::ListObjectsV2;
use sceau_domain::Timestamp;

/// A page of a thousand objects is a few hundred KiB.
const MOST: usize = 8 << 20;
/// Pages without an object that are passed over for one page.
const MOST_EMPTY: u32 = 1_000;

impl Inner {
    /// A page after a key. Ages are counted by the service's own clock.
    pub(super) async fn page(&self, after: Option<String>, now: Timestamp) -> Result<Page, StoreError> {
        let unreadable = || StoreError::Transient("a listing of the place of blobs cannot be read".into());
        let (mut token, mut empty) = (None, 0);
        let (parsed, served) = loop {
            let (document, served) = self.list_after(after.as_deref(), token.as_deref(), self.page).await?;
            let text = std::str::from_utf8(&document).map_err(|_| unreadable())?;
            let parsed = ListObjectsV2::parse_response(text).map_err(|_| unreadable())?;
            // Full of objects that were removed, and more follow: that is no end.
            match &parsed.next_continuation_token {
                Some(next) if parsed.contents.is_empty() && empty < MOST_EMPTY => token = Some(next.clone()),
                Some(_) if parsed.contents.is_empty() => return Err(unreadable()),
                _ => break (parsed, served),
            }
            empty += 1;
        };
        let now = served.unwrap_or(now.0);
        let next = parsed.next_continuation_token.and_then(|_| parsed.contents.last().map(|object| object.key.clone()));
        let mut objects = Vec::with_capacity(parsed.contents.len());
        for object in parsed.contents {
            let put = object.last_modified.as_deref().and_then(|at| at.parse::<jiff::Timestamp>().ok());
            // An object without a date is left alone, and so is one that is not named like a blob.
            if let (Some(id), Some(put), Some(stored)) = (self.id_of(&object.key), put, object.size) {
                objects.push(Listed { id, stored, age_ms: now.saturating_sub(put.as_millisecond()) });
            }
        }
        Ok(Page { objects, next })
    }
    /// Is there a bucket?
    pub(super) async fn has_bucket(&self) -> Result<(), Failure> {
        match self.list_after(None, None, 1).await {
            Err(Failure::Missing) => Err(self.client.no_bucket()),
            other => other.map(drop),
        }
    }
    /// The document, and the instant at which the service made it (milliseconds).
    async fn list_after(
        &self,
        after: Option<&str>,
        token: Option<&str>,
        most: usize,
    ) -> Result<(bytes::Bytes, Option<i64>), Failure> {
        let mut action = self.bucket.list_objects_v2(Some(&self.credentials));
        action.with_max_keys(most);
        if let Some(token) = token {
            action.with_continuation_token(token);
        }
        if !self.prefix.is_empty() {
            action.with_prefix(self.prefix.as_str());
        }
        if let Some(after) = after {
            action.with_start_after(after);
        }
        let ask = |patience| -> Attempt<'_, _> {
            let request = self.client.request(Method::GET, action.sign(SIGNED_FOR), patience);
            Box::pin(async move {
                let response = self.client.send(request).await?;
                let date = response.headers().get(header::DATE).and_then(|v| v.to_str().ok());
                let served = date.and_then(|d| rfc2822::parse(d).ok()).map(|at| at.timestamp().as_millisecond());
                Ok((body(response, MOST).await?, served))
            })
        };
        self.client.tried(ask).await
    }
    /// The blob of a key, if it is the key that we give it.
    fn id_of(&self, key: &str) -> Option<BlobId> {
        let mut id = BlobId::default();
        hex::decode_to_slice(key.rsplit('/').next()?, &mut id).ok()?;
        (self.key(&id) == key).then_some(id)
    }
}
