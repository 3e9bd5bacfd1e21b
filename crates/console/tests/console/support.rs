//! An operator with the console's pages, and people who ask.
use axum::Router;
use sceau_operator::Operator;
pub use sceau_testkit::pages::HERE;
use sceau_testkit::pages::{self, Room};
use sceau_web::Via;

/// The console.
pub struct Console;

impl Room for Console {
    type Via = Via;
    fn app(op: Operator) -> Router {
        sceau_web::app_with(op, sceau_console::routes())
    }
    fn via() -> Via {
        Via::Tls { remote: [192, 0, 2, 9].into(), tls: Some("TLSv1.3".into()) }
    }
}

/// The operator under test.
pub type House = pages::House<Console>;
