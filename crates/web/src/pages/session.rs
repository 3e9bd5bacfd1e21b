//! What a page with a session gets of its visitor: cookies, who it is, the word of its forms; and how its answers begin and end sessions.
//!
//! Promises: a form is taken from our own pages alone (its `Origin`, and a word that only a page of this browser knows); cookies are of this host
//! alone, unseen by scripts; an answer leads to our own pages alone.
use super::shell::Shell;
use super::{layout, origin};
use crate::part::{Asked, PartName};
use crate::{Problem, State, Via};
use aws_lc_rs::digest::{SHA256, digest};
use axum::body::{Body, Bytes};
use axum::extract::{Form, FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
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
/// The language that was chosen last.
const LANGUAGE: &str = "__Host-sceau-langue";
/// Light or dark, where somebody chose; else as the browser's system is.
const THEME: &str = "__Host-sceau-theme";
/// The word of a form, when a script of ours sends it.
const WORD: HeaderName = HeaderName::from_static("x-sceau-jeton");
/// How long a browser keeps language and theme, seconds.
const CHOICE_AGE: u32 = 365 * 86_400;
/// Longest address that one comes back to with its query.
const LONGEST_BACK: usize = 2_000;
/// What stands for itself in a value of a query.
const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// What a page of the desk or the console may load: our own files, and pictures that stand in the page. Markup is made by one policy of one script.
const SCREEN: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self'; \
    manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types sceau";
/// How long a browser keeps what it needs to sign in, and by which it is known, seconds. The rows end by themselves.
const ATTEMPT_AGE: u32 = 3_600;
const KNOWN_AGE: u32 = 180 * 86_400;
/// Longest value of a cookie that is looked at.
const LONGEST: usize = 128;

/// Whoever asks for a page.
pub struct Visitor {
    /// The operator.
    pub op: Operator,
    /// Language of the page.
    pub lang: Lang,
    /// From where.
    pub origin: Origin,
    /// Who it is; `login.required`, or why that cannot be known.
    pub actor: Result<Actor, Refusal>,
    /// The piece of the page that a script asks for.
    pub part: Option<PartName>,
    /// The path that was asked for.
    path: String,
    /// Where one comes back to after a sign-in.
    back: String,
    /// The language was chosen with this request, and the browser does not know it yet.
    keep_lang: bool,
    /// `light`, `dark`; empty: as the system is.
    pub(super) theme: &'static str,
    /// The console is for them: they administer something.
    pub(super) administers: bool,
    /// The word that came in a header.
    word: Option<String>,
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
struct Behind {
    lang: Option<String>,
}

impl FromRequestParts<State> for Visitor {
    type Rejection = std::convert::Infallible;
    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Self::Rejection> {
        Ok(Self::of(parts, state, true).await)
    }
}

/// Whoever left a page open that asks by itself what changed: that is no use of the session, which ends after a while all the same.
pub struct Watcher(pub Visitor);

impl FromRequestParts<State> for Watcher {
    type Rejection = std::convert::Infallible;
    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Self::Rejection> {
        Ok(Self(Visitor::of(parts, state, false).await))
    }
}

impl Visitor {
    /// Who asks; `used`: somebody does something.
    async fn of(parts: &Parts, state: &State, used: bool) -> Self {
        let op = state.0.clone();
        let asked = Query::<Behind>::try_from_uri(&parts.uri).map(|Query(behind)| behind).unwrap_or_default();
        let origin = origin(parts.extensions.get::<Via>());
        let session = cookie(&parts.headers, SESSION);
        let actor = match &session {
            Some(cookie) if used => op.session_of(cookie, &origin).await,
            Some(cookie) => op.session_peek(cookie, &origin).await,
            None => Err(RefusalCode::LoginRequired.into()),
        };
        // Whole pages alone have a menu.
        let administers = match &actor {
            Ok(actor) if parts.method == Method::GET && Asked::of(&parts.headers).0.is_none() => {
                op.administers(actor).await.is_ok_and(|held| !held.is_empty())
            }
            _ => false,
        };
        let attempt = cookie(&parts.headers, ATTEMPT);
        let begins = parts.method == Method::POST || parts.uri.path().starts_with("/connexion");
        let give_attempt = attempt.is_none() && (actor.is_err() || begins);
        let attempt = attempt.or_else(|| op.new_cookie().ok()).unwrap_or_default();
        let agent = parts.headers.get(header::USER_AGENT).and_then(|a| a.to_str().ok()).unwrap_or_default();
        let chosen: Option<Lang> = asked.lang.and_then(|l| l.parse().ok());
        let kept: Option<Lang> = cookie(&parts.headers, LANGUAGE).and_then(|l| l.parse().ok());
        Self {
            lang: chosen.or(kept).unwrap_or_default(),
            keep_lang: chosen.is_some() && chosen != kept,
            theme: theme(cookie(&parts.headers, THEME).as_ref().map(|t| t.as_str())),
            part: Asked::of(&parts.headers).0,
            administers,
            word: parts.headers.get(WORD).and_then(|w| w.to_str().ok()).map(str::to_owned),
            path: parts.uri.path().to_owned(),
            back: back(&parts.method, &parts.uri),
            known: cookie(&parts.headers, KNOWN),
            from_here: from_here(&parts.headers, &op.config().public_url),
            agent: agent.chars().take(300).collect(),
            op,
            origin,
            actor,
            session,
            attempt,
            give_attempt,
        }
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
pub struct Policy<'a> {
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
    /// What tells this browser's session from others, and lets nobody in.
    pub(crate) fn session_digest(&self) -> [u8; 32] {
        let token = self.session.as_ref().map_or("", |token| token.as_str());
        let mut all = [0; 32];
        // As long as SHA-256 is.
        all.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        all
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
    /// A page of the desk or the console: with our scripts, and with frames of our own.
    pub fn screen(&self, status: StatusCode, page: &impl askama::Template) -> Response {
        let mut response = self.page(status, page);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(SCREEN));
        let nothing = HeaderValue::from_static("camera=(), microphone=(), geolocation=()");
        headers.insert(HeaderName::from_static("permissions-policy"), nothing);
        response
    }
    /// Keeps light or dark in this browser; anything else: as the system is.
    pub fn keep_theme(&self, response: &mut Response, chosen: &str) {
        let chosen = theme(Some(chosen));
        let age = if chosen.is_empty() { 0 } else { CHOICE_AGE };
        set_cookie(response, THEME, chosen, Some(age));
    }
    /// An answer of this browser's: with the cookie of a sign-in when it has none, and with the language that was chosen.
    pub(crate) fn answer(&self, mut response: Response) -> Response {
        if self.give_attempt {
            set_cookie(&mut response, ATTEMPT, &self.attempt, Some(ATTEMPT_AGE));
        }
        if self.keep_lang {
            set_cookie(&mut response, LANGUAGE, self.lang.as_str(), Some(CHOICE_AGE));
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
        // One's mail is at the desk; `/bal` stays the page on which one is opened.
        let to = if to == "/bal" { "/bureau" } else { to.as_str() };
        let mut response = leads(&self.to(to));
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
    /// Why not, for a page on which one tries again: its status and what it says.
    pub fn told(&self, refusal: &Refusal) -> (StatusCode, String) {
        let status = StatusCode::from_u16(refusal.code.http()).unwrap_or(StatusCode::BAD_REQUEST);
        (status, super::said::said(refusal, self.lang))
    }
    /// Why not: leads to the sign-in where that helps, else a page that says it. A script hears the code and the sentence.
    pub fn refused(&self, refusal: &Refusal) -> Response {
        if self.part.is_some() {
            return self.answer(crate::part::problem(self, refusal));
        }
        let back = utf8_percent_encode(&self.back, IN_QUERY).to_string();
        let to = |page: &str| self.see(&format!("{page}?vers={back}"));
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

/// The one who sits at a BAL: the line at the head of every handler of one. `code`: the BAL's object id as it stands in the address.
///
/// # Errors
/// The answer: to the sign-in, to the terms of use, or a page that says why not; a BAL to which one has no access is one that does not exist.
pub async fn seated(visitor: &Visitor, code: &str) -> Result<Actor, Box<Response>> {
    let actor = visitor.signed_in()?;
    let Some(bal) = visitor.op.bal_of_object(code) else {
        return Err(Box::new(visitor.refused(&RefusalCode::NotFound.into())));
    };
    match visitor.op.sit(actor, bal).await {
        Ok(actor) => Ok(actor),
        Err(refusal) if refusal.code == RefusalCode::TermsRequired && visitor.part.is_none() => {
            Err(Box::new(visitor.see("/conditions")))
        }
        Err(refusal) => Err(Box::new(visitor.refused(&refusal))),
    }
}

/// A form of one of our own pages, read as `T`.
pub struct Sent<T>(pub Visitor, pub T);

#[derive(Default, Deserialize)]
struct Word {
    #[serde(default)]
    jeton: String,
}

impl<T: DeserializeOwned> FromRequest<State> for Sent<T> {
    type Rejection = Response;
    async fn from_request(request: Request, state: &State) -> Result<Self, Response> {
        let SentOr { visitor, form, ours } = SentOr::<T>::from_request(request, state).await?;
        match ours {
            Ok(()) => Ok(Self(visitor, form)),
            Err(refusal) => Err(visitor.refused(&refusal)),
        }
    }
}

/// A form whose text is worth keeping: where the word is of a session that ended, the handler has the form all the same, and shows it again.
pub struct SentOr<T> {
    /// Who sent it.
    pub visitor: Visitor,
    /// What was sent.
    pub form: T,
    /// `form.old` when the page is of a session that ended: nothing is done then. What another site sends never comes so far.
    pub ours: Result<(), Refusal>,
}

impl<T: DeserializeOwned> FromRequest<State> for SentOr<T> {
    type Rejection = Response;
    async fn from_request(request: Request, state: &State) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let Ok(visitor) = Visitor::from_request_parts(&mut parts, state).await;
        let kind = parts.headers.get(header::CONTENT_TYPE).cloned();
        let request = Request::from_parts(parts, body);
        let bytes = Bytes::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        let word: Word = read(&bytes, kind.clone()).await.unwrap_or_default();
        let word = visitor.word.clone().unwrap_or(word.jeton);
        let ours = visitor.ours(&word);
        if let Err(refusal) = &ours
            && refusal.code != RefusalCode::FormOld
        {
            return Err(visitor.refused(refusal));
        }
        if let Some(form) = read::<T>(&bytes, kind).await {
            return Ok(Self { visitor, form, ours });
        }
        let wrong = ours.err().unwrap_or_else(|| Refusal::new(RefusalCode::Invalid).with("name", "form"));
        Err(visitor.refused(&wrong))
    }
}

async fn read<T: DeserializeOwned>(bytes: &Bytes, kind: Option<HeaderValue>) -> Option<T> {
    let mut request = Request::new(Body::from(bytes.clone()));
    *request.method_mut() = Method::POST;
    request.headers_mut().insert(header::CONTENT_TYPE, kind?);
    Form::from_request(request, &()).await.ok().map(|Form(sent)| sent)
}

/// Where one comes back to after a sign-in: a page as it was asked for, without its language; of a form, the page on which it stands.
fn back(method: &Method, uri: &Uri) -> String {
    let path = uri.path();
    // What a provider sends along is nobody's to come back to.
    if method == Method::GET && !path.starts_with("/connexion") {
        let asked = uri.query().unwrap_or_default().split('&').filter(|p| !p.is_empty() && !p.starts_with("lang="));
        let asked = asked.collect::<Vec<_>>().join("&");
        let whole = if asked.is_empty() { path.to_owned() } else { format!("{path}?{asked}") };
        if let Some(own) = own_path(&whole).filter(|own| own.len() <= LONGEST_BACK) {
            return own.to_owned();
        }
    }
    let segments = if path.starts_with("/bal/") { 2 } else { 1 };
    let end = path.match_indices('/').nth(segments).map_or(path.len(), |(at, _)| at);
    own_path(&path[..end]).unwrap_or("/bal").to_owned()
}

fn theme(chosen: Option<&str>) -> &'static str {
    match chosen {
        Some("light") => "light",
        Some("dark") => "dark",
        _ => "",
    }
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

/// The path in a language that is chosen by following it.
pub(super) fn chosen_in(path: &str, lang: Lang) -> String {
    format!("{path}{}lang={}", if path.contains('?') { '&' } else { '?' }, lang.as_str())
}

pub(crate) fn leads(to: &str) -> Response {
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
    fn one_comes_back_to_where_one_was() {
        let to = |method: Method, uri: &'static str| back(&method, &Uri::from_static(uri));
        let (get, post) = (|uri| to(Method::GET, uri), |uri| to(Method::POST, uri));
        assert_eq!(
            get("/bal/B1/dossier/F2?filtre=non-lus&lang=en&vue=fils"),
            "/bal/B1/dossier/F2?filtre=non-lus&vue=fils"
        );
        assert_eq!(
            [get("/bal?lang=en"), get("/ailleurs"), get("/connexion/psc/retour?code=x")],
            ["/bal", "/bal", "/connexion"]
        );
        assert_eq!([post("/moyens/cle"), post("/bal/B1/agir"), post("/bal")], ["/moyens", "/bal/B1", "/bal"]);
    }

    #[test]
    fn pages_stay_in_their_language() {
        assert_eq!(in_language("/bal", Lang::Fr), "/bal");
        assert_eq!(in_language("/bal?a=b", Lang::En), "/bal?a=b&lang=en");
    }
}
