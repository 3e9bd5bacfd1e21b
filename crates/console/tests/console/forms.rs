//! Every form, whatever it does: without the word, with another one's, of another form, from elsewhere. And every page: for whom, with which headers.
//! (That the walk finds what it should, the desk's tests show.)
use crate::support::House;
use sceau_testkit::forms::Routes;
use std::path::Path;

fn routes() -> Routes {
    Routes::below(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_taken_from_our_own_pages_alone() {
    let routes = routes();
    assert!(routes.forms.len() > 10 && routes.hidden.is_empty(), "{routes:#?}");
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
