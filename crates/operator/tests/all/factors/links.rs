//! Names elsewhere that somebody unlinks (F042, F044): told as every change of means is.
use super::{House, code};
use sceau_domain::RefusalCode;
use sceau_store::StoreError;
use sceau_store::bindings::{self, Binding};

each_engine!(what_is_unlinked_and_linked_again_is_told);

async fn what_is_unlinked_and_linked_again_is_told(h: House) {
    let (anne, person_id) = (h.session("anne").await, h.id("anne").await);
    for kind in ["psc", "sso"] {
        let binding = Binding {
            kind: kind.into(),
            issuer: format!("https://{kind}.example"),
            subject: kind.as_bytes().to_vec(),
            person_id,
            bound: 1,
            how: "session".into(),
            seen: 1,
        };
        let kept = h.w.store.write(move |tx| bindings::insert(tx, &binding)).await;
        assert!(kept.unwrap_or_else(|e: StoreError| panic!("{e}")));
    }
    let told = async || {
        h.sent().await;
        h.relay.count("anne@exemple.fr")
    };
    let (before, [psc, sso]) = (told().await, ["psc", "sso"].map(hex::encode));
    h.op().unlink(&anne, &psc).await.unwrap();
    assert_eq!(told().await, before + 1);
    // What is refused, or changes nothing, is not told.
    assert_eq!(code(h.op().unlink(&anne, &sso).await), RefusalCode::FactorLast);
    h.op().unlink(&anne, &psc).await.unwrap();
    assert_eq!(told().await, before + 1);
    h.op().link_again(&anne, &psc).await.unwrap();
    assert_eq!(told().await, before + 2);
    // With a passkey beside them both may go.
    h.passkey("anne").await;
    let anne = h.session("anne").await;
    let with_key = told().await;
    for name in [psc, sso] {
        h.op().unlink(&anne, &name).await.unwrap();
    }
    assert_eq!(told().await, with_key + 2);
}
