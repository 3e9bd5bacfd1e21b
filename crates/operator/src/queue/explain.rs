//! Where a domain's mail goes, as whoever sends it knows: asked when somebody looks at the queue.
use crate::Operator;
use sceau_domain::{DomainName, Lang, Refusal};
use serde::Serialize;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// Whoever looks does not wait longer for the DNS.
const PATIENCE: Duration = Duration::from_secs(5);

/// A server of a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Way {
    /// Name.
    pub server: String,
    /// Addresses with ports, in the order in which they are tried.
    pub addresses: Vec<String>,
}

/// Where a domain's mail goes now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RouteView {
    /// `fixed` (configured), `connector` (a structure's own server), `mx`, `address` (no MX: the domain itself), or `none`.
    pub kind: String,
    /// Servers, in the order in which they are tried.
    pub servers: Vec<Way>,
    /// Why there is none: code and sentences.
    pub problem: Option<String>,
}

/// The way to a domain: kind and servers, or why there is none.
pub type Found<'a> = Pin<Box<dyn Future<Output = Result<(&'static str, Vec<Way>), Refusal>> + Send + 'a>>;

/// Knows where mail goes: who sends.
pub trait Router: Send + Sync + std::fmt::Debug {
    /// The way to a domain: kind and servers.
    fn way<'a>(&'a self, domain: &'a DomainName) -> Found<'a>;
}

impl Operator {
    /// Whoever sends in this process says where mail goes. Told once; later ones are not heard.
    pub fn routes_are_known_by(&self, router: Arc<dyn Router>) {
        let _ = self.0.leases.router.set(router);
    }

    /// The route of a destination; none when this process does not send.
    pub(super) async fn route_shown(&self, domain: &str) -> Option<RouteView> {
        let (router, domain) = (self.0.leases.router.get()?, domain.parse::<DomainName>().ok()?);
        let problem = |refusal: Refusal| {
            let words = format!("{} / {}", refusal.sentence(Lang::Fr), refusal.sentence(Lang::En));
            RouteView {
                kind: "none".into(),
                servers: Vec::new(),
                problem: Some(format!("{words} [{}]", refusal.code.as_str())),
            }
        };
        Some(match tokio::time::timeout(PATIENCE, router.way(&domain)).await {
            Ok(Ok((kind, servers))) => RouteView { kind: kind.into(), servers, problem: None },
            Ok(Err(refusal)) => problem(refusal),
            Err(_) => {
                let late = Refusal::new(sceau_domain::RefusalCode::TransferDns).with("domain", &domain);
                problem(late.with("cause", "no answer in time"))
            }
        })
    }
}
