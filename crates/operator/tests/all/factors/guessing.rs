//! Codes that are guessed behind a right password (F267): by person, over all sign-ins and nodes.
use super::{House, PASSWORD, browser, code, code_of};
use sceau_domain::RefusalCode;
use sceau_domain::abuse::{Decision, Thresholds};
use sceau_identity::factor::Factor;
use sceau_operator::identity::attempts::Browser as Shown;
use sceau_operator::identity::sessions::Entered;
use sceau_operator::{Door, Operator, Origin};
use sceau_testkit::browser::Browser;
use sceau_testkit::relay::Played;
use sceau_testkit::world::origin;

each_engine!(codes_that_are_guessed_slow_strangers_and_are_told);

async fn codes_that_are_guessed_slow_strangers_and_are_told(h: House) {
    let mut config = h.op().config().clone();
    config.abuse.thresholds = Thresholds { codes: 2, ..Thresholds::NONE };
    let open = async || Operator::open(config.clone(), h.w.store.clone(), h.op().trust().clone()).await.unwrap();
    let (op, other) = (open().await, open().await);
    let offer = h.password_and_totp("anne").await;
    let _relay = Played::of(&op);
    let signed = Browser::new(&op).proves(&op, h.id("anne").await, &[Factor::Card], None).await;
    let known = signed.known.expect("a cookie");
    let (here, there) = (origin(Door::Web), Origin { remote: Some([198, 51, 100, 1].into()), ..origin(Door::Web) });
    let password = async |op: &Operator, b: &Shown<'_>, at: &Origin| {
        let first = op.password_first(b, ("/bal", None), ("anne", PASSWORD), at).await;
        assert!(matches!(first, Ok(Entered::Second)), "{first:?}");
    };
    // A stranger who has the password, in one sign-in after the other.
    for attempt in ["a", "b"] {
        password(&op, &browser(attempt), &there).await;
        let wrong = op.totp_second(&browser(attempt), "000000", &there).await;
        assert_eq!(code(wrong), RefusalCode::FactorRefused);
    }
    op.flush_abuse().await;
    other.flush_abuse().await;
    let cases = op.abuse_cases(&h.w.admin, Some("open"), None, 10).await.unwrap();
    assert_eq!(cases.len(), 1, "{cases:?}");
    assert_eq!((cases[0].kind.as_str(), cases[0].login.as_deref()), ("person", Some("anne")));
    assert_eq!((cases[0].signals[0].name.as_str(), cases[0].signals[0].seen), ("codes", 2));
    assert!(cases[0].slowed_until.is_some() && cases[0].told.is_some(), "{cases:?}");
    let told = "SELECT COUNT(*) FROM notices WHERE template = 'password_known'";
    let told = h.w.store.read(move |tx| tx.query_opt(told, &[])?.expect("a row").int(0)).await;
    assert_eq!(told.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}")), 1);
    // Where she was before nobody waits, at another node too; what is tried there counts on.
    password(&other, &browser("c"), &here).await;
    for _ in 0..2 {
        assert_eq!(code(other.totp_second(&browser("c"), "000000", &here).await), RefusalCode::FactorRefused);
    }
    // Twice as many: strangers are refused, on whichever node, and are not even judged.
    for op in [&op, &other] {
        other.flush_abuse().await;
        op.flush_abuse().await;
        password(op, &browser("d"), &there).await;
        let refused = op.totp_second(&browser("d"), &code_of(&offer, h.seconds()), &there).await;
        assert_eq!(code(refused), RefusalCode::LoginTooMany);
    }
    // Four times: a whole town is at her place.
    for _ in 0..4 {
        assert_eq!(code(other.totp_second(&browser("c"), "000000", &here).await), RefusalCode::FactorRefused);
    }
    assert_eq!(code(other.totp_second(&browser("c"), "000000", &here).await), RefusalCode::LoginTooMany);
    // She herself, in her browser, wherever she is.
    let hers = Shown { attempt: "e", known: Some(&known), agent: "Mozilla/5.0", remote: None };
    password(&other, &hers, &there).await;
    let entered = other.totp_second(&hers, &code_of(&offer, h.seconds()), &there).await;
    assert!(matches!(entered, Ok(Entered::In(_))), "{entered:?}");
    // Once a person has looked, and time has passed, strangers are nothing but strangers.
    op.decide_abuse(&h.w.admin, cases[0].id, Decision::Nothing, "c'était elle").await.unwrap();
    h.w.advance(2 * 3_600);
    other.flush_abuse().await;
    let far = Origin { remote: Some([203, 0, 113, 1].into()), ..origin(Door::Web) };
    password(&other, &browser("f"), &far).await;
    let entered = other.totp_second(&browser("f"), &code_of(&offer, h.seconds()), &far).await;
    assert!(matches!(entered, Ok(Entered::In(_))), "{entered:?}");
}
