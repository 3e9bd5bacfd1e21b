//! Asking over HTTP for what certificates name: revocation lists and OCSP answers.
//!
//! Promises: only hosts that the configuration allows are asked, by host and port; no redirect, no proxy, no credentials; bytes and time are
//! bounded; nothing of the answer is believed here. Plain HTTP is what authorities serve these by: they are signed.
use crate::{Anchors, Purpose, tls};
use reqwest::Url;
use std::time::Duration;

/// Hosts that may be asked: `host` (port 80 or 443, as the scheme says) or `host:port`, compared without case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hosts(Vec<String>);

/// Why nothing came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Not an address that can be asked.
    #[error("not an http or https address")]
    Address,
    /// The configuration does not allow this host.
    #[error("the host {0} is not allowed by the configuration")]
    Host(String),
    /// It did not answer, or not with what was asked.
    #[error("{0}")]
    Failed(String),
}

impl Hosts {
    /// From the configuration.
    pub fn new(hosts: impl IntoIterator<Item = String>) -> Self {
        Self(hosts.into_iter().map(|h| h.trim().to_ascii_lowercase()).collect())
    }
    /// Also the host of this address (which somebody configured).
    pub fn add(&mut self, address: &str) -> Result<(), FetchError> {
        let named = host(&read(address)?)?;
        if !self.0.contains(&named) {
            self.0.push(named);
        }
        Ok(())
    }
    /// May this address be asked?
    pub fn allows(&self, address: &str) -> Result<(), FetchError> {
        self.checked(address).map(drop)
    }
    /// The address, if it may be asked.
    pub(crate) fn checked(&self, address: &str) -> Result<Url, FetchError> {
        let url = read(address)?;
        let named = host(&url)?;
        if self.0.contains(&named) { Ok(url) } else { Err(FetchError::Host(named)) }
    }
}

fn read(address: &str) -> Result<Url, FetchError> {
    let url = Url::parse(address).map_err(|_| FetchError::Address)?;
    let plain = url.username().is_empty() && url.password().is_none();
    if plain && matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(FetchError::Address) }
}

/// `host`, or `host:port` where the port is not the scheme's.
fn host(url: &Url) -> Result<String, FetchError> {
    let host = url.host_str().ok_or(FetchError::Address)?.to_ascii_lowercase();
    Ok(url.port().map_or(host.clone(), |port| format!("{host}:{port}")))
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub enum Ask<'a> {
    /// A revocation list.
    List,
    /// An OCSP answer to this question.
    Ocsp(&'a [u8]),
}

/// Asks, within these bounds. HTTPS servers are judged by the anchors of the white list's server.
pub async fn ask(
    address: &str,
    ask: Ask<'_>,
    hosts: &Hosts,
    anchors: &Anchors,
    max_bytes: usize,
    timeout: Duration,
) -> Result<Vec<u8>, FetchError> {
    let url = hosts.checked(address)?;
    let failed = |e: reqwest::Error| FetchError::Failed(causes(&e.without_url()));
    let tls = tls::https_client(anchors, Purpose::ListServer).map_err(|e| FetchError::Failed(e.to_string()))?;
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(timeout)
        .build()
        .map_err(failed)?;
    let request = match ask {
        Ask::List => client.get(url),
        Ask::Ocsp(question) => client
            .post(url)
            .header("content-type", "application/ocsp-request")
            .header("accept", "application/ocsp-response")
            .body(question.to_vec()),
    };
    bounded(request.send().await.map_err(failed)?, max_bytes).await
}

/// The body of a good answer, within so many bytes.
pub(crate) async fn bounded(response: reqwest::Response, limit: usize) -> Result<Vec<u8>, FetchError> {
    if response.status() != reqwest::StatusCode::OK {
        return Err(FetchError::Failed(format!("HTTP status {}", response.status().as_u16())));
    }
    body(response, limit).await
}

/// The body of an answer, whatever its status, within so many bytes.
pub(crate) async fn body(mut response: reqwest::Response, limit: usize) -> Result<Vec<u8>, FetchError> {
    let failed = |e: reqwest::Error| FetchError::Failed(causes(&e.without_url()));
    let too_big = || FetchError::Failed(format!("larger than {limit} bytes"));
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
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_allowed_hosts_and_ports_are_asked() {
        let hosts = Hosts::new(["crl.exemple.fr".into(), "Ocsp.Exemple.fr:8080".into(), "[::1]:9".into()]);
        for good in [
            "http://crl.exemple.fr/a.crl",
            "HTTP://CRL.exemple.fr:80/a.crl",
            "https://crl.exemple.fr/a",
            "http://ocsp.exemple.fr:8080",
            "http://[::1]:9/",
        ] {
            assert_eq!(hosts.allows(good), Ok(()), "{good}");
        }
        for bad in [
            "http://crl.exemple.fr:8080/a.crl",
            "http://ocsp.exemple.fr/",
            "http://autre.crl.exemple.fr/",
            "http://crl.exemple.fr.pirate.example/",
            "http://crl.exemple.fr@pirate.example/",
            "http://127.0.0.1/",
            "http://localhost/",
            "http://169.254.169.254/latest/meta-data",
        ] {
            assert!(matches!(hosts.allows(bad), Err(FetchError::Host(_) | FetchError::Address)), "{bad}");
        }
        for bad in ["ldap://crl.exemple.fr/x", "file:///etc/passwd", "crl.exemple.fr", "", "http://u:p@crl.exemple.fr/"]
        {
            assert_eq!(hosts.allows(bad), Err(FetchError::Address), "{bad}");
        }
        let mut more = Hosts::default();
        more.add("http://127.0.0.1:9/crl").unwrap();
        assert!(more.allows("http://127.0.0.1:9/other").is_ok() && more.allows("http://127.0.0.1/other").is_err());
    }
}
