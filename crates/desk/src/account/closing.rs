//! `/compte/fermeture`: asking that one's own BAL be closed (F031), behind a fresh proof, with what is lost and when.
use super::{Around, actor, asked};
use axum::http::Uri;
use axum::response::Response;
use sceau_domain::{AccessRole, Refusal, RefusalCode};
use sceau_identity::factor::Need;
use sceau_operator::life::{Cause, CloseOrder};
use sceau_web::layout::day;
use sceau_web::{Sent, Shell, Visitor};
use serde::Deserialize;

const HERE: &str = "/compte/fermeture";
/// The place of the account that it stands under.
const UNDER: &str = "/compte/donnees";

#[derive(askama::Template)]
#[template(path = "account/closing.html")]
struct Page {
    shell: Shell,
    around: Around,
    /// What may be closed.
    bals: Vec<(String, String)>,
    /// What is being closed: address, and its last day.
    closing: Vec<(String, String)>,
    /// The BAL that was chosen.
    chosen: String,
    reason: String,
}

/// What is asked of the page.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wanted {
    bal: String,
}

async fn page(visitor: &Visitor, around: Around, (chosen, reason): (String, String)) -> Response {
    let page = async {
        let (op, actor) = (&visitor.op, actor(visitor)?);
        // What cannot be taken back begins with who asks.
        op.needs(actor, Need::Fresh)?;
        let (mut bals, mut closing, place) = (Vec::new(), Vec::new(), op.place().await);
        for (address, role) in op.own(actor).await?.bals {
            if role != AccessRole::Holder.as_str() && role != AccessRole::Responsible.as_str() {
                continue;
            }
            let bal = op.bal(actor, &address).await?;
            match bal.closing_at {
                Some(at) => closing.push((address, day(visitor.lang, at, place))),
                None => bals.push((address.clone(), address)),
            }
        }
        Ok::<_, Refusal>(Page { shell: visitor.shell(HERE).under(UNDER), around, bals, closing, chosen, reason })
    };
    match page.await {
        Ok(page) => visitor.screen(page.around.status, &page),
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// `GET /compte/fermeture`
pub(super) async fn show(visitor: Visitor, uri: Uri) -> Response {
    let wanted: Wanted = asked(&uri);
    let around = Around::page(&visitor, &uri);
    page(&visitor, around, (wanted.bal, String::new())).await
}

/// What is to be closed.
#[derive(Deserialize)]
pub(super) struct Order {
    address: String,
    motif: String,
    /// What is lost was read.
    #[serde(default)]
    lu: String,
}

/// `POST /compte/fermeture`
pub(super) async fn close(Sent(visitor, form): Sent<Order>) -> Response {
    let done = async {
        let (op, actor) = (&visitor.op, actor(&visitor)?);
        op.needs(actor, Need::Fresh)?;
        if form.lu.is_empty() {
            return Err(Refusal::new(RefusalCode::Invalid).with("name", "lu"));
        }
        let reason = form.motif.trim().to_owned();
        let order = CloseOrder { cause: Cause::Request, reason, identity_proof: None, cooling_days: None };
        op.close_bal(actor, &form.address, order).await.map(drop)
    };
    match done.await.map_err(|refusal| Around::again(&visitor, &refusal)) {
        Ok(()) => visitor.see("/compte/fermeture?fait=oui"),
        Err(Ok(around)) => page(&visitor, around, (form.address, form.motif)).await,
        Err(Err(answer)) => *answer,
    }
}
