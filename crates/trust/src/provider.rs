//! Asking an identity provider over HTTPS: what it publishes, and its answers to forms (OpenID Connect, OAuth 2.0).
//!
//! Promises: only HTTPS, only hosts that the configuration names, no redirect, no proxy; one deadline for the wait, the connection and the whole answer;
//! bytes and questions at once are bounded. Nothing of an answer is believed here, whatever its status; what was sent never stands in an error.
use crate::outgoing::{FetchError, Hosts, body, causes};
use crate::{Anchors, Identity, Purpose, tls};
use base64::Engine;
use reqwest::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use std::time::Duration;
use tokio::sync::Semaphore;
use url::form_urlencoded;
use zeroize::Zeroizing;

/// How a provider is asked.
#[derive(Debug, Clone)]
pub struct OutsideSettings {
    /// Whom its addresses may lead to: hosts of its issuer and of its endpoints.
    pub hosts: Hosts,
    /// Whose certificates its servers have: anchors of [`Purpose::Providers`]; the system's where there are none.
    pub anchors: Anchors,
    /// Our certificate towards it (RFC 8705), shown when it asks for one.
    pub identity: Option<Identity>,
    /// For one question, from the wait for its turn to the last byte.
    pub deadline: Duration,
    /// Largest answer, bytes.
    pub max_bytes: usize,
    /// Questions at once; more wait for their turn.
    pub at_once: usize,
}

/// An identity provider, and the connections to it.
#[derive(Debug)]
pub struct Outside {
    client: reqwest::Client,
    hosts: Hosts,
    deadline: Duration,
    max_bytes: usize,
    turns: Semaphore,
}

/// What it answered, good or bad.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Media type, lower case, without parameters; empty when it gave none.
    pub kind: String,
    /// How long it says that this may be kept; zero where it forbids it.
    pub max_age: Option<Duration>,
    /// The document.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answer({} {}, {} bytes)", self.status, self.kind, self.body.len())
    }
}

/// How we say who we are, as a client of the provider.
#[derive(Clone, Copy)]
pub enum ClientAuth<'a> {
    /// Identifier and secret in the header (`client_secret_basic`, RFC 6749 §2.3.1).
    Basic(&'a str, &'a str),
    /// In the form (`client_secret_post`).
    Post(&'a str, &'a str),
    /// A signed assertion (`private_key_jwt`, RFC 7523 §2.2).
    Jwt(&'a str),
    /// The identifier; our certificate proves it (`tls_client_auth`, RFC 8705 §2).
    Certificate(&'a str),
}

impl std::fmt::Debug for ClientAuth<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Basic(..) => "Basic(…)",
            Self::Post(..) => "Post(…)",
            Self::Jwt(_) => "Jwt(…)",
            Self::Certificate(_) => "Certificate(…)",
        })
    }
}

impl Outside {
    /// Opens no connection yet.
    ///
    /// # Errors
    /// [`FetchError::Failed`] when TLS cannot be set up: no authorities at all, for example.
    pub fn new(settings: &OutsideSettings) -> Result<Self, FetchError> {
        let failed = |e: &dyn std::error::Error| FetchError::Failed(causes(e));
        let tls = tls::outside_client(&settings.anchors, Purpose::Providers, settings.identity.as_ref());
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.map_err(|e| failed(&e))?)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .https_only(true)
            .build()
            .map_err(|e| failed(&e.without_url()))?;
        Ok(Self {
            client,
            hosts: settings.hosts.clone(),
            deadline: settings.deadline,
            max_bytes: settings.max_bytes,
            turns: Semaphore::new(settings.at_once.max(1)),
        })
    }

    /// Asks for a document, with an access token where one is given.
    ///
    /// # Errors
    /// No answer within the deadline, or one that is too large; an address that is not allowed. Any status is an answer.
    pub async fn get(&self, url: &str, bearer: Option<&str>) -> Result<Answer, FetchError> {
        let mut request = self.client.get(self.allowed(url)?).header(ACCEPT, "application/json");
        if let Some(token) = bearer {
            request = request.header(AUTHORIZATION, secret(&format!("Bearer {token}"))?);
        }
        self.answer(request).await
    }

    /// Sends a form (`application/x-www-form-urlencoded`) as the client that `auth` says.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn form(&self, url: &str, fields: &[(&str, &str)], auth: ClientAuth<'_>) -> Result<Answer, FetchError> {
        self.answer(self.written(url, fields, auth)?).await
    }

    fn written(
        &self,
        url: &str,
        fields: &[(&str, &str)],
        auth: ClientAuth<'_>,
    ) -> Result<reqwest::RequestBuilder, FetchError> {
        let mut request = self.client.post(self.allowed(url)?).header(ACCEPT, "application/json");
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        match auth {
            ClientAuth::Basic(id, word) => request = request.header(AUTHORIZATION, basic(id, word)?),
            ClientAuth::Post(id, word) => {
                form.append_pair("client_id", id).append_pair("client_secret", word);
            }
            ClientAuth::Jwt(assertion) => {
                form.append_pair("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
                form.append_pair("client_assertion", assertion);
            }
            ClientAuth::Certificate(id) => {
                form.append_pair("client_id", id);
            }
        }
        Ok(request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.finish()))
    }

    /// Is this an address that may be asked? For what a discovery document names, before it is believed.
    ///
    /// # Errors
    /// [`FetchError::Address`] or [`FetchError::Host`].
    pub fn allows(&self, url: &str) -> Result<(), FetchError> {
        self.allowed(url).map(drop)
    }

    fn allowed(&self, url: &str) -> Result<reqwest::Url, FetchError> {
        let url = self.hosts.checked(url)?;
        if url.scheme() == "https" { Ok(url) } else { Err(FetchError::Address) }
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Answer, FetchError> {
        let asked = async {
            // Never closed.
            let _turn = self.turns.acquire().await;
            let response = request.send().await.map_err(|e| FetchError::Failed(causes(&e.without_url())))?;
            let (status, headers) = (response.status().as_u16(), response.headers());
            let kind = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
            let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            let max_age = max_age(headers);
            Ok(Answer { status, kind, max_age, body: body(response, self.max_bytes).await? })
        };
        let late = || FetchError::Failed(format!("no answer within {} ms", self.deadline.as_millis()));
        tokio::time::timeout(self.deadline, asked).await.unwrap_or_else(|_| Err(late()))
    }
}

/// `client_secret_basic`: each of the two as a form writes it, then RFC 7617.
fn basic(id: &str, word: &str) -> Result<HeaderValue, FetchError> {
    let written = |part: &str| form_urlencoded::byte_serialize(part.as_bytes()).collect::<String>();
    let both = Zeroizing::new(format!("{}:{}", written(id), written(word)));
    let both = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(both.as_bytes()));
    secret(&format!("Basic {}", both.as_str()))
}

/// A header's value that no log shows.
fn secret(value: &str) -> Result<HeaderValue, FetchError> {
    let mut value = HeaderValue::from_str(value).map_err(|_| FetchError::Failed("not a header's value".into()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// What `Cache-Control` says (RFC 9111 §5.2.2).
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let all: Vec<String> =
        headers.get_all(CACHE_CONTROL).iter().filter_map(|v| v.to_str().ok()).map(str::to_ascii_lowercase).collect();
    let mut directives = all.iter().flat_map(|v| v.split(',')).map(str::trim);
    if directives.clone().any(|d| matches!(d, "no-store" | "no-cache")) {
        return Some(Duration::ZERO);
    }
    directives.find_map(|d| d.strip_prefix("max-age=")?.trim_matches('"').parse().ok()).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_written_as_a_form_first() {
        // RFC 6749 §2.3.1 and appendix B: what separates the two cannot stand in either.
        let said = basic("lps:a b", "m/o+t%é").unwrap();
        let (_, coded) = said.to_str().unwrap().split_once(' ').unwrap();
        let plain = base64::engine::general_purpose::STANDARD.decode(coded).unwrap();
        assert_eq!(plain, b"lps%3Aa+b:m%2Fo%2Bt%25%C3%A9");
        assert_eq!(format!("{said:?}"), "Sensitive");
        assert_eq!(format!("{:?}", ClientAuth::Basic("a", "secret")), "Basic(…)");
    }

    #[test]
    fn how_long_an_answer_is_kept() {
        let of = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CACHE_CONTROL, HeaderValue::from_static(value));
            }
            max_age(&headers)
        };
        assert_eq!((of(&[]), of(&["public"])), (None, None));
        assert_eq!(of(&["public, Max-Age=3600"]), Some(Duration::from_secs(3600)));
        assert_eq!(of(&["max-age=60", "no-store"]), Some(Duration::ZERO));
        assert_eq!((of(&["max-age=-1"]), of(&["s-maxage=5"])), (None, None));
    }
}
