//! One request, and trying again: nothing here waits for ever.
use crate::StoreError;
use crate::blob::place::{PlaceError, PlaceRefusal, S3Config};
use bytes::Bytes;
use reqwest::{Method, Response, StatusCode};
use rustls::CertificateError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::BuilderVerifierExt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use url::Url;

/// Pause after the first failed try; doubled after each.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// For so long after an operation was given up, the others give up sooner.
const DOUBT: Duration = Duration::from_secs(10);
/// How soon.
const DOUBTING: Duration = Duration::from_secs(2);
/// An error's explanation is not longer.
const MOST_ERROR: usize = 8 << 10;

/// Why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// No answer, or one that asks to come back.
    Away(String),
    /// A person must act: keys, bucket, certificate, clock.
    Refused(PlaceRefusal),
    /// No room.
    Full,
    /// There is no such object.
    Missing,
    /// The object has no such range.
    Range,
}

impl From<Failure> for StoreError {
    fn from(f: Failure) -> Self {
        match f {
            Failure::Away(why) => Self::Transient(format!("the place of blobs does not answer: {why}")),
            // Somebody has to repair it, and mail waits meanwhile.
            Failure::Refused(why) => Self::Transient(format!("the place of blobs {why}")),
            Failure::Full => Self::Full,
            Failure::Missing => Self::Transient("an object of the place of blobs is not found".into()),
            Failure::Range => Self::Transient("the place of blobs does not give the range asked".into()),
        }
    }
}

/// One try.
pub(super) type Attempt<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

/// Sends requests.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    permits: Semaphore,
    patience: Duration,
    bucket: String,
    /// When the last operation was given up.
    given_up: Mutex<Option<Instant>>,
}

impl Client {
    pub fn new(config: &S3Config) -> Result<Self, StoreError> {
        let failed = |e: String| StoreError::Other(format!("client for the place of blobs: {e}"));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| failed(e.to_string()))?;
        let tls = match &config.ca_pem {
            None => tls.with_platform_verifier().map_err(|e| failed(e.to_string()))?.with_no_client_auth(),
            Some(pem) => {
                let wrong = || StoreError::Invalid(format!("place of blobs: {}", PlaceError::Authority));
                let mut roots = rustls::RootCertStore::empty();
                for cert in CertificateDer::pem_slice_iter(pem) {
                    roots.add(cert.map_err(|_| wrong())?).map_err(|_| wrong())?;
                }
                if roots.is_empty() {
                    return Err(wrong());
                }
                tls.with_root_certificates(roots).with_no_client_auth()
            }
        };
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout((config.timeout / 3).min(Duration::from_secs(5)))
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(super::REQUESTS)
            .build()
            .map_err(|e| failed(e.without_url().to_string()))?;
        Ok(Self {
            http,
            permits: Semaphore::new(super::REQUESTS),
            patience: config.timeout,
            bucket: config.bucket.clone(),
            given_up: Mutex::default(),
        })
    }
    /// There is no such bucket.
    pub fn no_bucket(&self) -> Failure {
        Failure::Refused(PlaceRefusal::NoBucket(self.bucket.clone()))
    }
    /// A request to a signed address. Neither is ever logged.
    pub fn request(&self, method: Method, url: Url, patience: Duration) -> reqwest::RequestBuilder {
        self.http.request(method, url).timeout(patience)
    }
    /// Sends it; its answer's head, when it is a good one.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Result<Response, Failure> {
        metrics::counter!("sceau_blob_requests_total").increment(1);
        #[cfg(any(test, feature = "testing"))]
        super::COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let response = request.send().await.map_err(|e| lost(&e))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        if status == StatusCode::RANGE_NOT_SATISFIABLE {
            return Err(Failure::Range);
        }
        let code = error_code(&body(response, MOST_ERROR).await.unwrap_or_default());
        let said = format!("{} {code}", status.as_u16());
        Err(match (status.as_u16(), code.as_str()) {
            (507, _) | (_, "QuotaExceeded" | "XMinioStorageFull") => Failure::Full,
            (404, "NoSuchBucket") => self.no_bucket(),
            (404, _) => Failure::Missing,
            (408 | 429 | 500.., _) | (_, "BadDigest" | "RequestTimeout" | "SlowDown") => Failure::Away(said),
            _ => Failure::Refused(PlaceRefusal::Refused(said)),
        })
    }
    /// Runs an operation, again and again while that may help, until its time is over. It is told how long it may last.
    pub async fn tried<'a, T>(&self, once: impl Fn(Duration) -> Attempt<'a, T>) -> Result<T, Failure> {
        let doubt = self.in_doubt();
        let patience = if doubt { self.patience.min(DOUBTING) } else { self.patience };
        let end = Instant::now() + patience;
        let mut pause = FIRST_PAUSE;
        let mut last = Failure::Away("too many requests wait".into());
        loop {
            let done = async {
                // Never closed.
                let _permit = self.permits.acquire().await.map_err(|_| Failure::Away("closed".into()))?;
                once(end.saturating_duration_since(Instant::now())).await
            };
            match timeout_at(end, done).await {
                Ok(Err(failure @ Failure::Away(_))) => last = failure,
                Ok(done) => {
                    self.note(None);
                    return done;
                }
                Err(_) if last == Failure::Away("too many requests wait".into()) => {
                    last = Failure::Away("no answer in time".into());
                }
                Err(_) => {}
            }
            let wait = pause.mul_f64(0.5 + 0.5 * chance());
            if Instant::now() + wait >= end {
                if !doubt {
                    self.note(Some(Instant::now()));
                }
                metrics::counter!("sceau_blob_operations_given_up_total").increment(1);
                return Err(last);
            }
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
    fn in_doubt(&self) -> bool {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|at| at.elapsed() < DOUBT)
    }
    fn note(&self, given_up: Option<Instant>) {
        *self.given_up.lock().unwrap_or_else(PoisonError::into_inner) = given_up;
    }
}

/// A body of at most `most` bytes; `Away` when it breaks off or is longer.
pub(super) async fn body(mut response: Response, most: usize) -> Result<Bytes, Failure> {
    let mut out =
        Vec::with_capacity(response.content_length().map_or(0, |n| usize::try_from(n).unwrap_or(most).min(most)));
    while let Some(piece) = response.chunk().await.map_err(|e| lost(&e))? {
        if out.len() + piece.len() > most {
            return Err(Failure::Away("more bytes than were asked".into()));
        }
        out.extend_from_slice(&piece);
    }
    Ok(out.into())
}

/// Why the service's certificate is not believed, if that is what broke. One whose time is over, or that was revoked, is the service's
/// trouble and ends without us; one of another authority or name is never believed, however often it is asked.
fn certificate(e: &(dyn std::error::Error + 'static)) -> Option<String> {
    use CertificateError as C;
    if let Some(rustls::Error::InvalidCertificate(why)) = e.downcast_ref() {
        let passes = matches!(
            why,
            C::Expired
                | C::ExpiredContext { .. }
                | C::NotValidYet
                | C::NotValidYetContext { .. }
                | C::Revoked
                | C::UnknownRevocationStatus
                | C::ExpiredRevocationList
                | C::ExpiredRevocationListContext { .. }
        );
        return (!passes).then(|| why.to_string());
    }
    // An error of input and output hides what it holds from its chain of causes.
    match e.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(held) => certificate(held),
        None => certificate(e.source()?),
    }
}

/// What broke, without the address (it is signed).
fn lost(e: &reqwest::Error) -> Failure {
    if let Some(why) = certificate(e) {
        return Failure::Refused(PlaceRefusal::Certificate(why));
    }
    let mut why = if e.is_timeout() {
        "no answer in time"
    } else if e.is_connect() {
        "no connection"
    } else {
        "connection lost"
    }
    .to_owned();
    let mut cause: &dyn std::error::Error = e;
    while let Some(next) = cause.source() {
        cause = next;
    }
    if !e.is_timeout() {
        why = format!("{why} ({cause})");
    }
    Failure::Away(why)
}

/// `Code` of an S3 error document; empty when there is none.
fn error_code(document: &[u8]) -> String {
    let text = String::from_utf8_lossy(document);
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map_or("", |(code, _)| code);
    code.chars().filter(char::is_ascii_alphanumeric).take(60).collect()
}

/// Between 0 and 1: nodes that lost their service at the same instant do not come back at the same instant.
fn chance() -> f64 {
    let mut byte = [0];
    match crate::vault::aead::random(&mut byte) {
        Ok(()) => f64::from(byte[0]) / 255.0,
        Err(_) => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_its_code_and_nothing_else() {
        let document = b"<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Key>a/b</Key></Error>";
        assert_eq!(error_code(document), "NoSuchKey");
        assert_eq!(error_code(b"<Code>a\nb<c/></Code>"), "abc");
        assert_eq!(error_code(b"<html>"), "");
        assert_eq!(error_code(&[0xff; 100]), "");
    }
}
