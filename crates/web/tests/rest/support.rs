//! An operator with its router, and people who ask.
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use sceau_operator::{Actor, Operator};
use sceau_store::testing::TestStore;
use sceau_trust::{Anchors, Trust};
use sceau_web::Via;
use serde_json::Value;
use std::sync::Arc;
use tower::ServiceExt;

/// The operator under test. `admin` is the administrator `root`.
pub struct House {
    pub op: Operator,
    pub admin: Actor,
    pub store: TestStore,
    pub app: Router,
}

/// What was answered.
#[derive(Debug)]
pub struct Said {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
    /// The answer as it came.
    pub text: String,
}

impl Said {
    /// The stable code of a refusal.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
    /// The version in the ETag.
    pub fn etag(&self) -> String {
        self.headers["etag"].to_str().unwrap().to_owned()
    }
}

impl House {
    pub async fn new() -> Self {
        let store = sceau_store::testing::sqlite().await;
        let (op, admin) =
            sceau_testkit::open(sceau_testkit::config(), store.clone(), Trust::new(Anchors::default())).await;
        let app = sceau_web::app(op.clone());
        Self { op, admin, store, app }
    }
    /// A token for REST of this person.
    pub async fn token(&self, login: &str) -> String {
        self.op.create_api_token(&self.admin, login, "essai", None).await.unwrap().1
    }
    /// Asks over TLS with a token (none: nobody). `headers` are added.
    pub async fn ask(
        &self,
        token: Option<&str>,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Said {
        let via = Via::Tls { remote: [192, 0, 2, 9].into(), tls: Some("TLSv1.3".into()) };
        self.send(via, token, method, path, headers, body).await
    }
    /// Asks over the administration socket, as `root`.
    pub async fn root(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Said {
        self.send(Via::Socket(Arc::new(Ok(self.admin.clone()))), None, method, path, headers, body).await
    }

    async fn send(
        &self,
        via: Via,
        token: Option<&str>,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Said {
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}")).extension(via);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Some(json) => {
                request = request.header("content-type", "application/json");
                Body::from(json.to_string())
            }
            None => Body::empty(),
        };
        self.carry(request, body).await
    }

    /// Sends a file as `root`.
    pub async fn root_file(&self, path: &str, file: Vec<u8>) -> Said {
        self.send_file(Via::Socket(Arc::new(Ok(self.admin.clone()))), None, path, file).await
    }
    /// Sends a file over TLS with a token.
    pub async fn file(&self, token: &str, path: &str, file: Vec<u8>) -> Said {
        let via = Via::Tls { remote: [192, 0, 2, 9].into(), tls: Some("TLSv1.3".into()) };
        self.send_file(via, Some(token), path, file).await
    }

    async fn send_file(&self, via: Via, token: Option<&str>, path: &str, file: Vec<u8>) -> Said {
        let mut request = Request::builder().method(Method::POST).uri(format!("/api/v1{path}")).extension(via);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.carry(request.header("content-type", "text/plain"), Body::from(file)).await
    }

    /// A page, as a browser asks for it over TLS.
    pub async fn bare(&self, method: Method, path: &str) -> Said {
        let via = Via::Tls { remote: [192, 0, 2, 9].into(), tls: Some("TLSv1.3".into()) };
        self.carry(Request::builder().method(method).uri(path).extension(via), Body::empty()).await
    }

    async fn carry(&self, request: axum::http::request::Builder, body: Body) -> Said {
        let response = self.app.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 64 << 20).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Said { status: parts.status, headers: parts.headers, body, text: String::from_utf8_lossy(&bytes).into_owned() }
    }
}
