//! `/compte/donnees`: what the operator has of a person, as a file; how a BAL is taken out; where one closes it.
use super::{Around, actor};
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use sceau_domain::{Refusal, RefusalCode};
use sceau_web::{Shell, Visitor, layout};
use serde_json::{Value, json};

const HERE: &str = "/compte/donnees";

#[derive(askama::Template)]
#[template(path = "account/data.html")]
struct Page {
    shell: Shell,
    around: Around,
}

/// `GET /compte/donnees`
pub(super) async fn show(visitor: Visitor, uri: Uri) -> Response {
    if let Err(answer) = visitor.signed_in() {
        return *answer;
    }
    let around = Around::page(&visitor, &uri);
    visitor.screen(around.status, &Page { shell: visitor.shell(HERE), around })
}

/// Everything, by the names that REST gives it.
async fn all(visitor: &Visitor) -> Result<Value, Refusal> {
    let (op, actor) = (&visitor.op, actor(visitor)?);
    let (own, place) = (op.own(actor).await?, op.own_push(actor).await?);
    let told = place
        .into_iter()
        .flat_map(|p| p.browsers)
        .map(|b| json!({ "agent": b.agent, "service": b.service, "since": b.since, "last": b.last, "bals": b.bals }));
    Ok(json!({
        "person": op.own_person(actor).await?,
        "factors": op.factors(actor, None).await?,
        "tokens": op.tokens(actor, Some(&own.login), 0, u32::MAX).await?,
        "sessions": op.own_sessions(actor).await?,
        "told_browsers": told.collect::<Vec<_>>(),
        "own": own,
        "publication": op.own_publication(actor).await?,
        "delegations": op.delegations(actor).await?,
        "notices": op.own_notices(actor).await?,
        "terms": op.own_terms(actor).await?,
        "desk": op.desk_choices(actor).await?,
    }))
}

/// `GET /compte/donnees/fichier`
pub(super) async fn file(visitor: Visitor) -> Response {
    let made = async {
        let all = all(&visitor).await?;
        serde_json::to_string_pretty(&all).map_err(|_| Refusal::new(RefusalCode::Defect))
    };
    match made.await {
        Ok(text) => {
            let mut headers = layout::headers("application/json; charset=utf-8", "no-store");
            let name = HeaderValue::from_static("attachment; filename=\"mes-donnees.json\"");
            headers.insert(header::CONTENT_DISPOSITION, name);
            (headers, text).into_response()
        }
        Err(refusal) => visitor.refused(&refusal),
    }
}
