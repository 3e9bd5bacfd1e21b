//! Asking the services that wake browsers (Web Push, RFC 8030): a message without any content.
//!
//! Promises: only HTTPS, only the hosts that the configuration names, no redirect, no proxy; one deadline for the wait, the connection and the answer;
//! questions at once are bounded; nothing of an answer is read but its status and how long to wait. A browser says where its service is, so an address is
//! a stranger's word: what the configuration does not name is never asked.
use crate::anchors::AnchorError;
use crate::outgoing::{FetchError, causes};
use crate::{Anchors, Purpose, tls};
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderValue, RETRY_AFTER};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Longest address of a browser, octets.
pub const MAX_ENDPOINT: usize = 2_000;
/// Longest wait that an answer may ask for.
const LONGEST_WAIT: u64 = 86_400;
/// Under which name what waits at a service takes the place of what waited before (RFC 8030 §5.4).
const TOPIC: &str = "courrier";

/// The services that may be asked: `host`, `host:port`, or `*.` and the end of a host's name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Services(Vec<String>);

/// Where a browser is woken, of a service that may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
    host: String,
}

impl Services {
    /// From the configuration.
    pub fn new<'a>(hosts: impl IntoIterator<Item = &'a String>) -> Self {
        Self(hosts.into_iter().map(|h| h.trim().to_ascii_lowercase()).filter(|h| !h.is_empty()).collect())
    }
    /// None: nobody is woken.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// A browser's address.
    ///
    /// # Errors
    /// [`FetchError::Address`]: not an HTTPS address, or one with a name or a password; [`FetchError::Host`]: of a service that is not named.
    pub fn endpoint(&self, address: &str) -> Result<Endpoint, FetchError> {
        let url = Url::parse(address).map_err(|_| FetchError::Address)?;
        let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        if !plain || url.scheme() != "https" || address.len() > MAX_ENDPOINT {
            return Err(FetchError::Address);
        }
        let name = url.host_str().ok_or(FetchError::Address)?.to_ascii_lowercase();
        let host = url.port().map_or_else(|| name.clone(), |port| format!("{name}:{port}"));
        let under = |suffix: &str| url.port().is_none() && name.strip_suffix(suffix).is_some_and(|n| n.ends_with('.'));
        let allowed = self.0.iter().any(|one| match one.strip_prefix("*.") {
            Some(suffix) => under(suffix),
            None => *one == host,
        });
        if allowed { Ok(Endpoint { url, host }) } else { Err(FetchError::Host(host)) }
    }
}

impl Endpoint {
    /// Host of the service, with its port where that is not the usual one.
    pub fn host(&self) -> &str {
        &self.host
    }
    /// The service, as a token names it (RFC 8292 §2, `aud`).
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }
}

/// What a service answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Woken {
    /// HTTP status.
    pub status: u16,
    /// How long it wants to be left alone.
    pub retry_after: Option<Duration>,
}

/// The way to the services.
#[derive(Debug)]
pub struct Push {
    client: reqwest::Client,
    deadline: Duration,
    turns: Semaphore,
}

impl Push {
    /// Opens no connection yet. `authorities`: PEM, whose certificates the services have; the system's where there are none.
    ///
    /// # Errors
    /// [`FetchError::Failed`] when an authority cannot be read, or TLS cannot be set up.
    pub fn new(authorities: &[Vec<u8>], deadline: Duration, at_once: usize) -> Result<Self, FetchError> {
        let failed = |e: &dyn std::error::Error| FetchError::Failed(causes(e));
        let mut anchors = Anchors::default();
        for pem in authorities {
            anchors.add_pem(Purpose::Providers, pem).map_err(|e: AnchorError| failed(&e))?;
        }
        let tls = tls::outside_client(&anchors, Purpose::Providers, None).map_err(|e| failed(&e))?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .https_only(true)
            .build()
            .map_err(|e| failed(&e.without_url()))?;
        Ok(Self { client, deadline, turns: Semaphore::new(at_once.max(1)) })
    }

    /// Has a browser woken. `authorization`: who we are (RFC 8292); `kept`: how long the service keeps it for a browser that is away (RFC 8030 §5.2).
    ///
    /// # Errors
    /// [`FetchError::Failed`]: no answer within the deadline. Any status is an answer.
    pub async fn wake(&self, to: &Endpoint, authorization: &str, kept: Duration) -> Result<Woken, FetchError> {
        let mut own =
            HeaderValue::from_str(authorization).map_err(|_| FetchError::Failed("not a header's value".into()))?;
        own.set_sensitive(true);
        let request = self
            .client
            .post(to.url.clone())
            .header(AUTHORIZATION, own)
            .header(CONTENT_LENGTH, 0)
            .header("ttl", kept.as_secs())
            .header("urgency", "normal")
            .header("topic", TOPIC);
        let asked = async {
            // Never closed.
            let _turn = self.turns.acquire().await;
            let answer = request.send().await.map_err(|e| FetchError::Failed(causes(&e.without_url())))?;
            // In seconds; a date is passed over.
            let wait = answer.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.trim().parse::<u64>().ok());
            let retry_after = wait.map(|s| Duration::from_secs(s.min(LONGEST_WAIT)));
            Ok(Woken { status: answer.status().as_u16(), retry_after })
        };
        let late = || FetchError::Failed(format!("no answer within {} ms", self.deadline.as_millis()));
        tokio::time::timeout(self.deadline, asked).await.unwrap_or_else(|_| Err(late()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_services_that_are_named_are_asked() {
        let named = ["push.exemple.fr", "Autre.exemple.fr:8443", "*.notify.exemple.com", ""].map(str::to_owned);
        let services = Services::new(&named);
        for good in [
            "https://push.exemple.fr/wpush/v2/abc",
            "https://PUSH.exemple.fr:443/abc",
            "https://autre.exemple.fr:8443/abc",
            "https://par02p.notify.exemple.com/w/?token=a%2fb",
        ] {
            assert!(services.endpoint(good).is_ok(), "{good}");
        }
        for bad in [
            "https://autre.exemple.fr/abc",
            "https://push.exemple.fr.pirate.example/abc",
            "https://xpush.exemple.fr/abc",
            "https://notify.exemple.com/abc",
            "https://pirate-notify.exemple.com/abc",
            "https://a.notify.exemple.com:8443/abc",
            "https://127.0.0.1/abc",
            "https://[::1]/abc",
            "https://localhost/abc",
        ] {
            assert!(matches!(services.endpoint(bad), Err(FetchError::Host(_))), "{bad}");
        }
        let long = format!("https://push.exemple.fr/{}", "a".repeat(MAX_ENDPOINT));
        for bad in [
            "http://push.exemple.fr/a",
            "https://u:p@push.exemple.fr/a",
            "https://push.exemple.fr/a#b",
            "push.exemple.fr",
            "",
            &long,
        ] {
            assert_eq!(services.endpoint(bad), Err(FetchError::Address), "{bad}");
        }
        let endpoint = services.endpoint("https://autre.exemple.fr:8443/abc").unwrap();
        assert_eq!(
            (endpoint.host(), endpoint.origin()),
            ("autre.exemple.fr:8443", "https://autre.exemple.fr:8443".into())
        );
        assert_eq!(services.endpoint("https://push.exemple.fr/a").unwrap().origin(), "https://push.exemple.fr");
        assert!(Services::new(&[]).is_empty() && !services.is_empty());
    }
}
