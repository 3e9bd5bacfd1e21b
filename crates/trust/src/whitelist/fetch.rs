//! Obtaining the document.
use super::{MAX_BYTES, WhiteListError, WhiteListSource};
use crate::outgoing::{bounded, causes};
use crate::{Anchors, Purpose, tls};

/// Fetches the document over HTTPS (anchors of [`crate::Purpose::ListServer`], host name checked, no redirect, no
/// proxy, bounded in bytes and in time). What it returns is not judged.
pub async fn fetch(source: &WhiteListSource, anchors: &Anchors) -> Result<Vec<u8>, WhiteListError> {
    let failed = |e: reqwest::Error| WhiteListError::Fetch(causes(&e.without_url()));
    let tls = tls::https_client(anchors, Purpose::ListServer).map_err(|e| WhiteListError::Fetch(e.to_string()))?;
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(true)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(source.timeout)
        .build()
        .map_err(failed)?;
    let response = client.get(&source.url).send().await.map_err(failed)?;
    let limit = source.max_bytes.min(MAX_BYTES);
    bounded(response, limit).await.map_err(|e| WhiteListError::Fetch(e.to_string()))
}
