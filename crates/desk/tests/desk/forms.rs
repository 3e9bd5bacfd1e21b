//! Every form, whatever it does: without the word, with another one's, of another form, from elsewhere. And every page: for whom, with which headers.
use crate::support::{Desk, House};
use axum::Router;
use axum::routing::post;
use sceau_operator::Operator;
use sceau_testkit::forms::Routes;
use sceau_testkit::pages::{self, Room};
use std::path::Path;

fn routes() -> Routes {
    Routes::below(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_taken_from_our_own_pages_alone() {
    let routes = routes();
    assert!(routes.forms.len() > 20 && routes.hidden.is_empty(), "{routes:#?}");
    let taken = House::new().await.forged(&routes.forms).await;
    assert!(taken.is_empty(), "{taken:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_for_whoever_is_signed_in_and_load_nothing_from_elsewhere() {
    let routes = routes();
    assert!(routes.pages.len() > 30, "{routes:#?}");
    let odd = House::new().await.odd_pages(&routes.pages).await;
    assert!(odd.is_empty(), "{odd:#?}");
}

/// A room that asks for no word, beside the desk: what it takes is seen.
struct Careless;

impl Room for Careless {
    type Via = <Desk as Room>::Via;
    fn app(op: Operator) -> Router {
        let routes = Router::new().route("/bal/{b}/donner", post(async || "Fait.").get(async || "<p style=\"x\">"));
        sceau_web::app_with(op, sceau_desk::routes().merge(routes))
    }
    fn via() -> Self::Via {
        Desk::via()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_asks_for_no_word_is_found() {
    let house = pages::House::<Careless>::new().await;
    let path = ["/bal/abc/donner".to_owned()];
    assert_eq!(house.forged(&path).await.len(), 6);
    // It is for everybody, and holds a style.
    assert_eq!(house.odd_pages(&path).await.len(), 2);
    assert!(house.forged(&["/bal/abc/agir".to_owned()]).await.is_empty());
}
