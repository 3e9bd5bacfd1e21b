//! Obtaining the document.
use super::{MAX_BYTES, WhiteListError, WhiteListSource};
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
    let mut response = client.get(&source.url).send().await.map_err(failed)?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(WhiteListError::Fetch(format!("HTTP status {}", response.status().as_u16())));
    }
    let limit = source.max_bytes.min(MAX_BYTES);
    let too_big = || WhiteListError::Fetch(format!("larger than {limit} bytes"));
    if response.content_length().is_some_and(|n| n > limit as u64) {
        return Err(too_big());
    }
    let mut document = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(failed)? {
        if document.len() + piece.len() > limit {
            return Err(too_big());
        }
        document.extend_from_slice(&piece);
    }
    Ok(document)
}

/// An error with its causes: "connection failed" alone helps nobody.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
