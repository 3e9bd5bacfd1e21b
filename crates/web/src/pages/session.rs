//! What a page with a session gets of its visitor: cookies, who it is, the word of its forms; and how its answers begin and end sessions.
//!
//! Promises: a form is taken from our own pages alone (its `Origin`, and a word that only a page of this browser knows); cookies are of this host
//! alone, unseen by scripts; an answer leads to our own pages alone.
use super::shell::Shell;
use super::{layout, origin};
use crate::{Problem, State, Via};
use axum::body::{Body, Bytes};
use axum::extract::{Form, FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sceau_domain::text::text;
use sceau_domain::{Lang, Refusal, RefusalCode};
use sceau_identity::session::{csrf, csrf_ok};
use sceau_operator::identity::attempts::{Browser, own_path};
use sceau_operator::identity::sessions::{Entered, SignedIn};
use sceau_operator::{Actor, Operator, Origin};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

/// The session.
const SESSION: &str = "__Host-sceau";
/// A sign-in under way.
const ATTEMPT: &str = "__Host-sceau-essai";
/// A browser in which somebody signed in before.
const KNOWN: &str = "__Host-sceau-connu";
/// How long a browser keeps what it needs to sign in, and by which it is known, seconds. The rows end by themselves.
const ATTEMPT_AGE: u32 = 3_600;
const KNOWN_AGE: u32 = 180 * 86_400;
/// Longest value of a cookie that is looked at.
const LONGEST: usize = 128;

/// Whoever asks for a page.
pub(crate) struct Visitor {
    /// The operator.
    pub op: Operator,
    /// Language of the page.
    pub lang: Lang,
    /// From where.
    pub origin: Origin,
    /// Who it is; `login.required`, or why that cannot be known.
    pub actor: Result<Actor, Refusal>,
    /// The path that was asked for.
    path: String,
    session: Option<Zeroizing<String>>,
    attempt: Zeroizing<String>,
    /// The browser does not have it yet, and may need it: nobody is signed in, something begins, or is confirmed.
    give_attempt: bool,
    known: Option<Zeroizing<String>>,
    agent: String,
    /// What sends it is a page of ours, as the browser says.
    from_here: bool,
}

/// What may stand behind every page's address.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    lang: Option<String>,
}

impl FromRequestParts<State> for Visitor {
    type Rejection = std::convert::Infallible;
    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Self::Rejection> {
        let op = state.0.clone();
        let asked = Query::<Asked>::try_from_uri(&parts.uri).map(|Query(asked)| asked).unwrap_or_default();
        let origin = origin(parts.extensions.get::<Via>());
        let session = cookie(&parts.headers, SESSION);
        let actor = match &session {
            Some(cookie) => op.session_of(cookie, &origin).await,
            None => Err(RefusalCode::LoginRequired.into()),
        };
        let attempt = cookie(&parts.headers, ATTEMPT);
        let begins = parts.method == Method::POST || parts.uri.path().starts_with("/connexion");
        let give_attempt = attempt.is_none() && (actor.is_err() || begins);
        let attempt = attempt.or_else(|| op.new_cookie().ok()).unwrap_or_default();
        let agent = parts.headers.get(header::USER_AGENT).and_then(|a| a.to_str().ok()).unwrap_or_default();
        Ok(Self {
            lang: asked.lang.and_then(|l| l.parse().ok()).unwrap_or_default(),
            path: parts.uri.path().to_owned(),
            known: cookie(&parts.headers, KNOWN),
            from_here: from_here(&parts.headers, &op.config().public_url),
            agent: agent.chars().take(300).collect(),
            op,
            origin,
            actor,
            session,
            attempt,
            give_attempt,
        })
    }
}

/// A cookie of ours. One that is there twice, or is longer than ours are, is none.
fn cookie(headers: &HeaderMap, name: &str) -> Option<Zeroizing<String>> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    let mut found = lines.flat_map(|v| v.split(';')).filter_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key.trim() == name).then(|| value.trim())
    });
    let value = found.next().filter(|v| !v.is_empty() && v.len() <= LONGEST)?;
    found.next().is_none().then(|| Zeroizing::new(value.to_owned()))
}

/// What a page may load, and where its forms may lead besides here: a browser applies that to the redirect after a form, too.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Policy<'a> {
    /// Our one script runs on it.
    pub script: bool,
    /// Origins (`https://…`).
    pub to: &'a [String],
}

impl Policy<'_> {
    fn header(self) -> Option<HeaderValue> {
        let mut line = String::from(
            "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
        );
        for origin in self.to {
            line.push(' ');
            line.push_str(origin);
        }
        if self.script {
            line.push_str("; script-src 'self'; require-trusted-types-for 'script'");
        }
        HeaderValue::from_str(&line).ok()
    }
}

impl Visitor {
    /// The key of the words in this browser's forms: the session's, else that of the sign-in that may begin.
    pub(super) fn form_key(&self) -> [u8; 32] {
        let cookie = self.session.as_ref().filter(|_| self.actor.is_ok()).unwrap_or(&self.attempt);
        self.op.form_key(cookie)
    }
    /// The word for the field `jeton` of a form; `form`: the path in its `action`.
    pub fn field(&self, form: &str) -> String {
        csrf(&self.form_key(), form)
    }
    /// Is a form with this word, sent to the path that was asked for, one of our own pages'? `form.forged`, `form.old`.
    pub fn ours(&self, word: &str) -> Result<(), Refusal> {
        if !self.from_here || word.is_empty() {
            return Err(RefusalCode::FormForged.into());
        }
        // A word of a session that ended since, or of another one: the page is old.
        if csrf_ok(&self.form_key(), &self.path, word) { Ok(()) } else { Err(RefusalCode::FormOld.into()) }
    }
    /// Who is signed in; else the answer that leads to the sign-in.
    pub fn signed_in(&self) -> Result<&Actor, Box<Response>> {
        self.actor.as_ref().map_err(|refusal| Box::new(self.refused(refusal)))
    }
    /// The cookie of a sign-in under way.
    pub fn attempt(&self) -> &str {
        &self.attempt
    }
    /// The browser, as a sign-in takes it.
    pub fn browser(&self) -> Browser<'_> {
        let known = self.known.as_ref().map(|k| k.as_str());
        Browser { attempt: &self.attempt, known, agent: &self.agent, remote: self.origin.remote }
    }
    /// One of our paths in the language of this page.
    pub fn to(&self, path: &str) -> String {
        in_language(path, self.lang)
    }
    /// A text of the locale files in this page's language.
    pub fn t(&self, key: &str) -> String {
        layout::set(&text(self.lang, key, &[]))
    }
    /// The frame of a page; `path`: where the page itself is, for its other language.
    pub fn shell(&self, path: &str) -> Shell {
        Shell::new(self, path)
    }
    /// Leads to one of our own paths.
    pub fn see(&self, path: &str) -> Response {
        let to = self.to(own_path(path).unwrap_or("/bal"));
        self.answer(leads(&to))
    }
    /// Leads elsewhere: to a provider, to the door for cards, to a program. `url` is made here, never by the visitor.
    pub fn leave(&self, url: &str) -> Response {
        self.answer(leads(url))
    }
    /// A page.
    pub fn page(&self, status: StatusCode, page: &impl askama::Template) -> Response {
        self.page_with(status, page, Policy::default())
    }
    /// A page that loads a script, or whose forms lead elsewhere.
    pub fn page_with(&self, status: StatusCode, page: &impl askama::Template, policy: Policy<'_>) -> Response {
        let Ok(html) = page.render() else { return Problem::from(RefusalCode::Defect).into_response() };
        let mut headers = layout::headers("text/html; charset=utf-8", "no-store");
        // So that the browser says of a form where it comes from.
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert("x-robots-tag", HeaderValue::from_static("noindex, nofollow"));
        if let Some(policy) = policy.header() {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        self.answer((status, headers, html).into_response())
    }
    /// An answer of this browser's: with the cookie of a sign-in when it has none.
    fn answer(&self, mut response: Response) -> Response {
        if self.give_attempt {
            set_cookie(&mut response, ATTEMPT, &self.attempt, Some(ATTEMPT_AGE));
        }
        response
    }
    /// What a proof led to: the session with its cookies; the second means; or why not.
    pub fn entered(&self, entered: Result<Entered, Refusal>) -> Response {
        let SignedIn { cookie, known, to, .. } = match entered {
            Ok(Entered::In(signed)) => signed,
            Ok(Entered::Second) => return self.see("/connexion/code"),
            Err(refusal) => return self.refused(&refusal),
        };
        let mut response = leads(&self.to(&to));
        set_cookie(&mut response, SESSION, &cookie, None);
        set_cookie(&mut response, ATTEMPT, "", Some(0));
        if let Some(known) = known {
            set_cookie(&mut response, KNOWN, &known, Some(KNOWN_AGE));
        }
        response
    }
    /// After the end of the session: to the page of sign-in, without its cookie.
    pub fn left(&self, path: &str) -> Response {
        let mut response = leads(&self.to(path));
        set_cookie(&mut response, SESSION, "", Some(0));
        response
    }
    /// The page on which a form stands: where one comes back to after a sign-in.
    fn back(&self) -> &str {
        let end = self.path[1..].find('/').map_or(self.path.len(), |at| at + 1);
        own_path(&self.path[..end]).unwrap_or("/bal")
    }
    /// Why not, for a page on which one tries again: its status and what it says.
    pub fn told(&self, refusal: &Refusal) -> (StatusCode, String) {
        let status = StatusCode::from_u16(refusal.code.http()).unwrap_or(StatusCode::BAD_REQUEST);
        (status, layout::set(&refusal.sentence(self.lang)))
    }
    /// Why not: leads to the sign-in where that helps, else a page that says it.
    pub fn refused(&self, refusal: &Refusal) -> Response {
        let to = |page: &str| self.see(&format!("{page}?vers={}", self.back()));
        match refusal.code {
            RefusalCode::LoginRequired => to("/connexion"),
            RefusalCode::AuthFresh => to("/connexion/confirmer"),
            _ => {
                let (status, sentence) = self.told(refusal);
                self.page(status, &Refused { shell: self.shell("/connexion"), sentence })
            }
        }
    }
}

/// A page that says why not.
#[derive(askama::Template)]
#[template(path = "refused.html")]
struct Refused {
    shell: Shell,
    sentence: String,
}

/// A form of one of our own pages, read as `T`.
pub(crate) struct Sent<T>(pub Visitor, pub T);

#[derive(Default, Deserialize)]
struct Word {
    #[serde(default)]
    jeton: String,
}

impl<T: DeserializeOwned> FromRequest<State> for Sent<T> {
    type Rejection = Response;
    async fn from_request(request: Request, state: &State) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let Ok(visitor) = Visitor::from_request_parts(&mut parts, state).await;
        let kind = parts.headers.get(header::CONTENT_TYPE).cloned();
        let request = Request::from_parts(parts, body);
        let bytes = Bytes::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        let word: Word = read(&bytes, kind.clone()).await.unwrap_or_default();
        visitor.ours(&word.jeton).map_err(|refusal| visitor.refused(&refusal))?;
        match read::<T>(&bytes, kind).await {
            Some(sent) => Ok(Self(visitor, sent)),
            None => Err(visitor.refused(&Refusal::new(RefusalCode::Invalid).with("name", "form"))),
        }
    }
}

async fn read<T: DeserializeOwned>(bytes: &Bytes, kind: Option<HeaderValue>) -> Option<T> {
    let mut request = Request::new(Body::from(bytes.clone()));
    *request.method_mut() = Method::POST;
    request.headers_mut().insert(header::CONTENT_TYPE, kind?);
    Form::from_request(request, &()).await.ok().map(|Form(sent)| sent)
}

/// Did one of our own pages send it? A browser says where a form stands (`Origin`), or how far that is from here.
fn from_here(headers: &HeaderMap, public_url: &str) -> bool {
    let said = |name| headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok());
    match said(header::ORIGIN.as_str()).filter(|o| *o != "null") {
        Some(origin) => origin == site(public_url),
        None => said("sec-fetch-site") == Some("same-origin"),
    }
}

/// The origin of an address.
pub(crate) fn site(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    url[start..].find('/').map_or(url, |at| &url[..start + at])
}

/// The path in a language; French is what a page is in by itself.
pub(super) fn in_language(path: &str, lang: Lang) -> String {
    match lang {
        Lang::Fr => path.to_owned(),
        Lang::En => format!("{path}{}lang=en", if path.contains('?') { '&' } else { '?' }),
    }
}

fn leads(to: &str) -> Response {
    let Ok(to) = HeaderValue::from_str(to) else { return Problem::from(RefusalCode::Defect).into_response() };
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}

fn set_cookie(response: &mut Response, name: &str, value: &str, age: Option<u32>) {
    let age = age.map(|age| format!("; Max-Age={age}")).unwrap_or_default();
    let line = Zeroizing::new(format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{age}"));
    if let Ok(mut line) = HeaderValue::from_str(&line) {
        line.set_sensitive(true);
        response.headers_mut().append(header::SET_COOKIE, line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_form_comes_from_our_own_pages() {
        const HERE: &str = "https://mss.alpha.fr:8443/sous";
        assert_eq!(
            [site(HERE), site("https://a.fr"), site("a.fr/b")],
            ["https://mss.alpha.fr:8443", "https://a.fr", "a.fr"]
        );
        for good in [
            &[("origin", "https://mss.alpha.fr:8443")][..],
            &[("sec-fetch-site", "same-origin")],
            &[("origin", "null"), ("sec-fetch-site", "same-origin")],
        ] {
            assert!(from_here(&with(good), HERE), "{good:?}");
        }
        for bad in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "https://mss.alpha.fr")],
            &[("origin", "http://mss.alpha.fr:8443")],
            &[("origin", "https://mss.alpha.fr:8443.ailleurs.fr")],
            &[("origin", "https://ailleurs.fr"), ("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
        ] {
            assert!(!from_here(&with(bad), HERE), "{bad:?}");
        }
    }

    #[test]
    fn a_cookie_is_ours_once_or_not_at_all() {
        let value = |line: &str| cookie(&with(&[("cookie", line)]), SESSION).map(|v| v.to_string());
        assert_eq!(value("a=b; __Host-sceau=abc; c=d").as_deref(), Some("abc"));
        assert_eq!(value("__Host-sceau-essai=x"), None);
        assert_eq!(value("__Host-sceau=a; __Host-sceau=b"), None);
        assert_eq!(value("__Host-sceau="), None);
        assert_eq!(value(&format!("__Host-sceau={}", "a".repeat(LONGEST + 1))), None);
        let twice = with(&[("cookie", "__Host-sceau=a"), ("cookie", "__Host-sceau=b")]);
        assert_eq!(cookie(&twice, SESSION), None);
    }

    #[test]
    fn pages_stay_in_their_language() {
        assert_eq!(in_language("/bal", Lang::Fr), "/bal");
        assert_eq!(in_language("/bal?a=b", Lang::En), "/bal?a=b&lang=en");
    }
}
