//! An operator with the desk's pages, and people who ask.
use axum::Router;
use axum::http::Method;
use sceau_operator::Operator;
use sceau_testkit::pages::{self, Room};
pub use sceau_testkit::pages::{HERE, Page};
use sceau_web::Via;

/// The desk.
pub struct Desk;

impl Room for Desk {
    type Via = Via;
    fn app(op: Operator) -> Router {
        sceau_web::app_with(op, sceau_desk::routes())
    }
    fn via() -> Via {
        Via::Tls { remote: [192, 0, 2, 9].into(), tls: Some("TLSv1.3".into()) }
    }
}

/// The operator under test.
pub type House = pages::House<Desk>;

/// Asks as a browser does.
pub async fn browse(app: &Router, method: Method, path: &str, headers: &[(&str, &str)], form: &str) -> Page {
    pages::ask::<Desk>(app, method, path, headers, form).await
}
