//! An operator with its pages, and people who ask.
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use sceau_domain::{Lang, Refusal, RefusalCode};
use sceau_identity::factor::Factor;
use sceau_operator::Operator;
use sceau_store::testing::TestStore;
use sceau_testkit::browser::signed_in;
use sceau_trust::{Anchors, Trust};
use sceau_web::Via;
use tower::ServiceExt;

/// Where forms come from.
pub const HERE: &str = "https://mss.alpha.fr";

/// The operator under test, with `anne` and `bruno`.
pub struct House {
    pub op: Operator,
    pub store: TestStore,
    pub app: Router,
}

/// What was answered.
pub struct Page {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Page {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
    /// Says the sentence of a refusal.
    pub fn says(&self, code: RefusalCode) -> bool {
        let first = Refusal::new(code).sentence(Lang::Fr);
        self.text.contains(first.split(['\'', '.', ':', '?']).next().unwrap())
    }
}

impl House {
    pub async fn new() -> Self {
        let store = sceau_store::testing::sqlite().await;
        let (op, admin) =
            sceau_testkit::open(sceau_testkit::config(), store.clone(), Trust::new(Anchors::default())).await;
        sceau_testkit::people(&op, &store, &admin, &[], &["anne", "bruno"]).await;
        let app = sceau_web::app_with(op.clone(), routes());
        Self { op, store, app }
    }
    pub async fn browse(&self, method: Method, path: &str, headers: &[(&str, &str)], form: &str) -> Page {
        browse(&self.app, method, path, headers, form).await
    }
    pub async fn get(&self, path: &str, cookie: &str) -> Page {
        self.browse(Method::GET, path, &[("cookie", cookie)], "").await
    }
    /// Somebody, signed in: the value of the session's cookie.
    pub async fn enters(&self, login: &str) -> String {
        signed_in(&self.op, &self.store, login, &[Factor::Card]).await.0
    }
}

fn routes() -> Router<sceau_web::State> {
    sceau_desk::routes()
}

/// Asks as a browser does.
pub async fn browse(app: &Router, method: Method, path: &str, headers: &[(&str, &str)], form: &str) -> Page {
    let via = Via::Tls { remote: [192, 0, 2, 9].into(), tls: Some("TLSv1.3".into()) };
    let mut request = Request::builder().method(method).uri(path).extension(via);
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/x-www-form-urlencoded");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = app.clone().oneshot(request.body(Body::from(form.to_owned())).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let text = String::from_utf8(to_bytes(body, 4 << 20).await.unwrap().to_vec()).unwrap();
    Page { status: parts.status, headers: parts.headers, text }
}
