//! Thunderbird's configuration file, version 1.1, which other programs read too (K-9 Mail, Evolution, KMail, Spark).
use super::{domain_of, file, none};
use crate::State;
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as AxumState};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sceau_domain::DomainName;
use sceau_domain::mail_setup::Protection;
use sceau_operator::mail_setup::MailSetup;
use serde::Deserialize;

/// Whose settings.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    emailaddress: Option<String>,
}

#[derive(Template)]
#[template(path = "autoconfig/mozilla.xml")]
struct File {
    setup: MailSetup,
}

impl File {
    fn socket(&self, way: &Protection) -> &'static str {
        match way {
            Protection::Tls => "SSL",
            Protection::StartTls => "STARTTLS",
        }
    }
}

/// `GET /mail/config-v1.1.xml`, and below `/.well-known/autoconfig/`.
pub(super) async fn answer(
    AxumState(State(op)): AxumState<State>,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    // A program that keeps the address to itself says the domain by the host that it asks.
    let domain = match asked.emailaddress.as_deref() {
        Some(address) => domain_of(address),
        None => headers.get(header::HOST).and_then(|host| domain_of_host(host.to_str().ok()?)),
    };
    let Some(domain) = domain else { return StatusCode::NOT_FOUND.into_response() };
    match op.mail_setup(&domain).await.and_then(MailSetup::told) {
        Ok(setup) => file("application/xml; charset=utf-8", &File { setup }),
        Err(refusal) => none(&refusal),
    }
}

fn domain_of_host(host: &str) -> Option<DomainName> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
    name.strip_prefix("autoconfig.").unwrap_or(&name).parse().ok()
}
