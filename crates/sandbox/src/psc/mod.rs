//! Identity providers, played: Pro Santé Connect, and the sign-in of each hospital.
//!
//! They speak OpenID Connect as the real one does (its paths, the shape of its claims, tokens of two minutes, a session of its own), and a page asks
//! which synthetic professional signs in. What no real one has stands below `/sandbox/`: tokens made to measure, good and bad ones, another key, calls
//! on a telephone, silence.
mod authorize;
mod calls;
mod control;
mod keys;
pub(crate) mod people;
mod tokens;

use crate::authority::Tls;
use crate::pki::Pki;
use crate::world::{OperatorSpec, World};
use crate::{SandboxError, io, make_private, write_private};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keys::Ring;
use people::Person;
use sceau_trust::outgoing::Hosts;
use sceau_trust::provider::{Outside, OutsideSettings};
use sceau_trust::{Anchors, Identity, Purpose, tls};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The name under which operators are known to the provider.
pub const CLIENT: &str = "sceau-bac-a-sable";
/// A mail program that is known to it too.
pub const LPS: &str = "lps-bac-a-sable";
/// Path of Pro Santé Connect's realm.
const REALM: &str = "/auth/realms/esante-wallet";

/// What a provider is told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Pro Santé Connect.
    Psc,
    /// A hospital.
    Hospital,
}

/// A program that may ask.
#[derive(Debug, Clone)]
struct Client {
    id: String,
    /// None: it has nothing to keep one in.
    secret: Option<String>,
    redirects: Vec<String>,
    after_logout: Vec<String>,
    /// Who is told of a logout.
    told: Vec<String>,
}

/// A provider.
#[derive(Debug)]
struct Realm {
    kind: Kind,
    title: String,
    /// `https://localhost:port`.
    origin: String,
    /// Path of the realm.
    path: String,
    clients: Vec<Client>,
    people: Vec<Person>,
    /// How those are told who know of a session.
    outside: Arc<Outside>,
    inner: Mutex<Inner>,
}

/// What changes.
#[derive(Debug)]
struct Inner {
    ring: Ring,
    /// Browsers that were shown the page, by the word in its form.
    asks: HashMap<String, authorize::Ask>,
    /// Sessions, by their names.
    sessions: HashMap<String, Session>,
    /// Codes that were not exchanged yet, and refresh tokens.
    grants: HashMap<String, tokens::Grant>,
    /// Codes that were: showing one again ends its session.
    spent: HashMap<String, String>,
    calls: HashMap<String, calls::Call>,
    away: Option<Away>,
}

/// Somebody is signed in.
#[derive(Debug, Clone)]
struct Session {
    who: Person,
    means: String,
    at: i64,
}

/// It does not answer.
#[derive(Debug, Clone, Copy)]
struct Away {
    until: Instant,
    /// Says nothing at all, instead of an error.
    silent: bool,
}

/// The running providers.
#[derive(Debug)]
pub struct Providers(TaskTracker);

impl Providers {
    /// Waits for their end.
    pub async fn wait(self) {
        self.0.close();
        self.0.wait().await;
    }
    /// What the contract file says of them.
    pub fn ready(world: &World) -> Result<Value, SandboxError> {
        let origin = world.psc_origin();
        let people = people::everybody(world);
        let shown = people
            .iter()
            .map(|p| json!({ "login": p.login, "national_id": p.national, "name": p.name(), "sub": p.subject() }));
        let hospitals: Vec<Value> = world
            .operators
            .iter()
            .map(|o| {
                json!({
                    "operator": o.name,
                    "structure": o.structure.code,
                    "issuer": format!("{origin}{}", hospital(o)),
                    "client_id": CLIENT,
                })
            })
            .collect();
        Ok(json!({
            "issuer": world.psc_issuer(),
            "discovery": format!("{}/.well-known/wallet-openid-configuration", world.psc_issuer()),
            "client_id": CLIENT,
            "client_secret": secret(world)?,
            "lps_client": LPS,
            "mint": format!("{origin}/sandbox/mint"),
            "rotate": format!("{origin}/sandbox/rotate"),
            "away": format!("{origin}/sandbox/away"),
            "calls": format!("{origin}/sandbox/calls"),
            "logout": format!("{origin}/sandbox/logout"),
            "people": shown.collect::<Vec<_>>(),
            "hospitals": hospitals,
        }))
    }
}

impl World {
    /// Where the played providers are.
    pub fn psc_origin(&self) -> String {
        format!("https://localhost:{}", self.authority_port + 1)
    }
    /// Name of the played Pro Santé Connect.
    pub fn psc_issuer(&self) -> String {
        format!("{}{REALM}", self.psc_origin())
    }
    /// What its people's telephones show.
    pub fn telephone(&self) -> String {
        format!("{}/sandbox/telephone", self.psc_origin())
    }
    /// File of the operators' secret there.
    pub fn psc_secret(&self) -> std::path::PathBuf {
        self.data.join("psc/client.secret")
    }
}

/// Path of a hospital's realm.
fn hospital(o: &OperatorSpec) -> String {
    format!("/auth/realms/{}", o.structure.code)
}

/// The operators' secret, made once.
fn secret(world: &World) -> Result<String, SandboxError> {
    let file = world.psc_secret();
    if !file.exists() {
        write_private(&file, random().as_bytes())?;
    }
    std::fs::read_to_string(&file).map_err(io(file.display().to_string()))
}

/// Opens keys and secret, and answers from now on.
pub async fn start(world: &World, pki: &Pki, stop: CancellationToken) -> Result<Providers, SandboxError> {
    let folder = world.data.join("psc");
    make_private(&folder)?;
    let secret = secret(world)?;
    // How operators are told of a logout.
    let nodes = world.every_node().into_iter().map(|(_, n)| format!("localhost:{}", n.https()));
    let outside = Arc::new(outside(&pki.anchors(), nodes)?);
    let made = |kind, title: &str, path: &str, only, folder: &Path| {
        Ok::<_, SandboxError>(Arc::new(realm(world, (kind, title, path), only, &secret, folder, &outside)?))
    };
    let psc = made(Kind::Psc, "Pro Santé Connect (bac à sable)", REALM, None, &folder)?;
    let mut app = control::routes(psc.clone()).merge(routes(&psc));
    for o in &world.operators {
        let own = folder.join(o.structure.code);
        make_private(&own)?;
        app = app.merge(routes(&made(Kind::Hospital, o.structure.name, &hospital(o), Some(o), &own)?));
    }
    let read = |p: &Path| std::fs::read(p).map_err(io(p.display().to_string()));
    let broken = |e: &dyn std::fmt::Display| SandboxError::Pki(e.to_string());
    let pair = pki.pair("authority");
    let identity = Identity::from_pem(&read(&pair.cert)?, &read(&pair.key)?).map_err(|e| broken(&e))?;
    let config = tls::client_server(&identity).map_err(|e| broken(&e))?;
    let address = format!("127.0.0.1:{}", world.authority_port + 1);
    let listener = TcpListener::bind(&address).await.map_err(io(address))?;
    let tasks = TaskTracker::new();
    let tls = Tls { listener, acceptor: TlsAcceptor::from(config) };
    tasks.spawn(async move {
        if let Err(e) = axum::serve(tls, app).with_graceful_shutdown(stop.cancelled_owned()).await {
            tracing::error!(error = %e, "identity providers");
        }
    });
    Ok(Providers(tasks))
}

/// A good access token of a sandbox that runs, as somebody by hand wants one.
pub async fn token(pki: &Path, port_base: u16, who: &str, client: Option<&str>) -> Result<String, SandboxError> {
    let port = port_base + 1;
    let asked = outside(&pki.join("anchors.pem"), [format!("localhost:{port}")].into_iter())?;
    let wanted = [("who", who), ("client", client.unwrap_or(LPS))];
    let url = format!("https://localhost:{port}/sandbox/token?{}", sceau_identity::form::write(&wanted));
    let failed = |e: &dyn std::fmt::Display| SandboxError::Command(format!("{url}: {e}"));
    let answer = asked.get(&url, None).await.map_err(|e| failed(&e))?;
    let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    said["token"].as_str().map(str::to_owned).ok_or_else(|| failed(&format!("HTTP {}", answer.status)))
}

/// The way to these hosts, whose certificates are of the played authority.
fn outside(anchors: &Path, hosts: impl Iterator<Item = String>) -> Result<Outside, SandboxError> {
    let pem = std::fs::read(anchors).map_err(io(anchors.display().to_string()))?;
    let mut anchors = Anchors::default();
    anchors.add_pem(Purpose::Providers, &pem).map_err(|e| SandboxError::Pki(e.to_string()))?;
    let settings = OutsideSettings {
        hosts: Hosts::new(hosts),
        anchors,
        identity: None,
        deadline: Duration::from_secs(5),
        max_bytes: 64 * 1024,
        at_once: 4,
    };
    Outside::new(&settings).map_err(|e| SandboxError::Pki(e.to_string()))
}

/// A provider whose clients are the operators: Pro Santé Connect all of them, a hospital its own.
fn realm(
    world: &World,
    (kind, title, path): (Kind, &str, &str),
    only: Option<&OperatorSpec>,
    secret: &str,
    folder: &Path,
    outside: &Arc<Outside>,
) -> Result<Realm, SandboxError> {
    let back = match only {
        None => "/connexion/psc/retour".to_owned(),
        Some(o) => format!("/connexion/etablissement/{}/retour", o.structure.code),
    };
    let operators = world.operators.iter().filter(|o| only.is_none_or(|only| only.name == o.name));
    let nodes: Vec<_> = operators.flat_map(|o| o.nodes(world.nodes).into_iter().map(move |n| (o, n))).collect();
    let sceau = Client {
        id: CLIENT.into(),
        secret: Some(secret.into()),
        redirects: nodes.iter().map(|(o, n)| format!("{}{back}", n.public_url(o))).collect(),
        after_logout: nodes.iter().map(|(o, n)| format!("{}/connexion", n.public_url(o))).collect(),
        told: nodes.iter().map(|(_, n)| format!("https://localhost:{}/connexion/psc/fin", n.https())).collect(),
    };
    let lps = Client {
        id: LPS.into(),
        secret: None,
        redirects: vec!["http://127.0.0.1:9/retour".into()],
        after_logout: Vec::new(),
        told: Vec::new(),
    };
    Ok(Realm {
        kind,
        title: title.to_owned(),
        origin: world.psc_origin(),
        path: path.to_owned(),
        clients: vec![sceau, lps],
        people: match only {
            None => people::everybody(world),
            Some(o) => people::employees(o),
        },
        outside: outside.clone(),
        inner: Mutex::new(Inner {
            ring: Ring::open(folder)?,
            asks: HashMap::new(),
            sessions: HashMap::new(),
            grants: HashMap::new(),
            spent: HashMap::new(),
            calls: HashMap::new(),
            away: None,
        }),
    })
}

impl Realm {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Its name.
    fn issuer(&self) -> String {
        format!("{}{}", self.origin, self.path)
    }
    /// Path of the page where one signs in.
    fn page(&self) -> String {
        match self.kind {
            // The real one's wallet is at another host than its realm.
            Kind::Psc => "/auth".into(),
            Kind::Hospital => format!("{}/protocol/openid-connect/auth", self.path),
        }
    }
    /// Path of its other services.
    fn service(&self, name: &str) -> String {
        format!("{}/protocol/openid-connect/{name}", self.path)
    }
    fn client(&self, id: &str) -> Option<&Client> {
        self.clients.iter().find(|c| c.id == id)
    }
    /// Somebody, by login, national identifier or subject.
    fn person(&self, name: &str) -> Option<&Person> {
        let is = |p: &&Person| p.login == name || p.subject() == name || p.national.as_deref() == Some(name);
        self.people.iter().find(is)
    }
    /// Its document.
    fn described(&self) -> Value {
        let at = |path: String| format!("{}{path}", self.origin);
        let mut document = json!({
            "issuer": self.issuer(),
            "authorization_endpoint": at(self.page()),
            "token_endpoint": at(self.service("token")),
            "introspection_endpoint": at(self.service("token/introspect")),
            "userinfo_endpoint": at(self.service("userinfo")),
            "end_session_endpoint": at(self.service("logout")),
            "jwks_uri": at(self.service("certs")),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token", "urn:openid:params:grant-type:ciba"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "subject_types_supported": ["public"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
            "backchannel_logout_supported": true,
            "backchannel_logout_session_supported": true,
        });
        if self.kind == Kind::Psc {
            document["backchannel_authentication_endpoint"] = json!(at(self.service("ext/ciba/auth")));
            document["backchannel_token_delivery_modes_supported"] = json!(["poll"]);
        }
        document
    }
}

fn routes(realm: &Arc<Realm>) -> Router {
    let document = match realm.kind {
        Kind::Psc => "wallet-openid-configuration",
        Kind::Hospital => "openid-configuration",
    };
    let mut router = Router::new()
        .route(&format!("{}/.well-known/{document}", realm.path), get(described))
        .route(&realm.service("certs"), get(certs))
        .route(&realm.page(), get(authorize::page).post(authorize::picked))
        .route(&realm.service("logout"), get(authorize::logout))
        .route(&realm.service("token"), post(tokens::token))
        .route(&realm.service("userinfo"), get(tokens::userinfo))
        .route(&realm.service("token/introspect"), post(tokens::introspect));
    if realm.kind == Kind::Psc {
        router = router.route(&realm.service("ext/ciba/auth"), post(calls::called));
    }
    router.layer(from_fn_with_state(realm.clone(), present)).with_state(realm.clone())
}

async fn described(State(realm): State<Arc<Realm>>) -> Json<Value> {
    Json(realm.described())
}

async fn certs(State(realm): State<Arc<Realm>>) -> Json<Value> {
    Json(realm.inner().ring.published())
}

/// Answers, or is away.
async fn present(State(realm): State<Arc<Realm>>, request: Request, next: Next) -> Response {
    let away = realm.inner().away.filter(|a| a.until > Instant::now());
    match away {
        None => next.run(request).await,
        Some(a) if a.silent => {
            tokio::time::sleep_until(a.until.into()).await;
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        Some(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// 256 random bits as text.
fn random() -> String {
    let mut bytes = [0; 32];
    // Without randomness nothing is played.
    aws_lc_rs::rand::fill(&mut bytes).expect("randomness");
    URL_SAFE_NO_PAD.encode(bytes)
}

/// SHA-256.
fn digest(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref().to_vec()
}

/// Seconds since 1970.
fn now() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}

/// Seconds for which a session lasts at most.
const SESSION: i64 = 4 * 3600;
/// How long a code or a page may wait.
const PATIENCE: Duration = Duration::from_secs(60);
