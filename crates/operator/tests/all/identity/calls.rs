//! Signing in by a call to somebody's telephone (e-CPS or card; CIBA), against a played provider: pending, too often, refused, expired, somebody else's yes.
use super::provider::{Provider, Telephone};
use super::psc::{goes, returns};
use super::{ANNE, House, entered};
use sceau_operator::Operator;
use sceau_operator::identity::psc::Called;
use sceau_operator::identity::sessions::Entered;
use sceau_testkit::browser::Browser;
use sceau_testkit::world::code;
use serde_json::{Value, json};

each_engine!(
    somebody_confirms_on_the_telephone,
    a_call_that_is_over_is_asked_about_no_more,
    a_yes_of_somebody_else_opens_nothing,
    strangers_have_it_ring_seldom,
);

/// A browser in which Anne signed in before.
async fn known(op: &Operator, provider: &Provider) -> Browser {
    let browser = Browser::new(op);
    let query = provider.anne(&goes(op, &browser).await);
    let signed = returns(op, &browser, &query).await.unwrap();
    Browser { known: Some(signed.known.expect("a cookie").to_string()), ..Browser::new(op) }
}

/// It has a telephone called: the stable code of a refusal, if it is one.
async fn calls(op: &Operator, browser: &Browser, number: &str) -> Result<(), &'static str> {
    let attempt = op.begin_attempt(&browser.shown(), "/bal", None).await.unwrap();
    op.begin_ciba(attempt, number).await.map_err(|refusal| refusal.code.as_str())
}

/// The code that its page shows while nobody answered.
async fn waits(op: &Operator, browser: &Browser) -> String {
    match op.poll_ciba(&browser.attempt, &browser.origin).await.unwrap() {
        Called::Waiting(code) => code,
        Called::Done(entered) => panic!("{entered:?}"),
    }
}

/// What the telephone says next.
fn says(provider: &Provider, what: Telephone) {
    provider.set(|i| i.telephone.push_back(what));
}

async fn somebody_confirms_on_the_telephone(h: House) {
    entered(&h).await;
    let provider = Provider::start(&h);
    let (op, other) = (provider.node(&h, |_| {}).await, provider.node(&h, |_| {}).await);
    let browser = known(&op, &provider).await;
    calls(&op, &browser, ANNE).await.unwrap();
    let begun = provider.asked("/token");
    let code_shown = waits(&op, &browser).await;
    assert!(!code_shown.is_empty() && waits(&other, &browser).await == code_shown, "on whichever node");
    assert_eq!(provider.asked("/token"), begun, "not before its pause is over");
    h.0.advance(2);
    // Two tabs at two nodes: one of them asks.
    let (a, b) = tokio::join!(waits(&op, &browser), waits(&other, &browser));
    assert_eq!(
        (a.as_str(), b.as_str(), provider.asked("/token")),
        (code_shown.as_str(), code_shown.as_str(), begun + 1)
    );
    // Too often for the provider: five seconds more from then on (CIBA Core §11).
    h.0.advance(2);
    says(&provider, Telephone::Error("slow_down"));
    waits(&op, &browser).await;
    assert_eq!(provider.asked("/token"), begun + 2);
    h.0.advance(6);
    waits(&op, &browser).await;
    assert_eq!(provider.asked("/token"), begun + 2);
    h.0.advance(1);
    waits(&other, &browser).await;
    assert_eq!(provider.asked("/token"), begun + 3);
    h.0.advance(7);
    says(&provider, Telephone::Yes(json!({})));
    let done = op.poll_ciba(&browser.attempt, &browser.origin).await.unwrap();
    let Called::Done(Entered::In(signed)) = done else { panic!("{done:?}") };
    let actor = other.session_of(&signed.cookie, &browser.origin).await.unwrap();
    assert_eq!((signed.person.login.as_str(), actor.proof.names().as_str()), ("anne", "psc"));
    assert_eq!(code(op.poll_ciba(&browser.attempt, &browser.origin).await), "form.old");
}

async fn a_call_that_is_over_is_asked_about_no_more(h: House) {
    entered(&h).await;
    let provider = Provider::start(&h);
    let op = provider.node(&h, |_| {}).await;
    let browser = known(&op, &provider).await;
    let over = async |refusal: &str| {
        assert_eq!(code(op.poll_ciba(&browser.attempt, &browser.origin).await), refusal);
        let asked = provider.asked("/token");
        h.0.advance(10);
        assert_eq!(code(op.poll_ciba(&browser.attempt, &browser.origin).await), "form.old", "after {refusal}");
        assert_eq!(provider.asked("/token"), asked);
        h.0.advance(600);
    };
    for (error, refusal) in [("access_denied", "factor.refused"), ("expired_token", "factor.spent")] {
        calls(&op, &browser, ANNE).await.unwrap();
        says(&provider, Telephone::Error(error));
        h.0.advance(2);
        over(refusal).await;
    }
    // Nobody answers until its time is over by our clock.
    calls(&op, &browser, ANNE).await.unwrap();
    h.0.advance(120);
    over("factor.spent").await;
    // It is away for a moment: the call goes on.
    calls(&op, &browser, ANNE).await.unwrap();
    h.0.advance(2);
    provider.set(|i| i.away = Some(502));
    assert_eq!(code(op.poll_ciba(&browser.attempt, &browser.origin).await), "provider.unavailable");
    provider.set(|i| i.away = None);
    h.0.advance(2);
    says(&provider, Telephone::Yes(json!({})));
    let done = op.poll_ciba(&browser.attempt, &browser.origin).await.unwrap();
    assert!(matches!(done, Called::Done(Entered::In(_))), "{done:?}");
}

async fn a_yes_of_somebody_else_opens_nothing(h: House) {
    entered(&h).await;
    let provider = Provider::start(&h);
    let op = provider.node(&h, |_| {}).await;
    let browser = known(&op, &provider).await;
    let sessions = h.0.count("web_sessions").await;
    let at = || provider.set(|i| i.now());
    let attacks: [(&str, &dyn Fn() -> Value, &str); 6] = [
        (
            "number_of_somebody_else",
            &|| json!({ "SubjectNameID": "810100000008", "sub": "f:1:autre" }),
            "factor.refused",
        ),
        ("token_of_another_audience", &|| json!({ "aud": "autre", "azp": "autre" }), "token.audience"),
        ("token_of_another_issuer", &|| json!({ "iss": "https://autre.example" }), "factor.refused"),
        ("token_expired", &|| json!({ "exp": at() - 61 }), "token.expired"),
        ("assurance_too_low", &|| json!({ "acr": "eidas0" }), "token.assurance"),
        ("access_token_as_id_token", &|| json!({ "typ": "Bearer" }), "factor.refused"),
    ];
    for (name, changes, refusal) in attacks {
        calls(&op, &browser, ANNE).await.unwrap();
        h.0.advance(2);
        says(&provider, Telephone::Yes(changes()));
        assert_eq!(code(op.poll_ciba(&browser.attempt, &browser.origin).await), refusal, "{name}");
        assert_eq!(code(op.poll_ciba(&browser.attempt, &browser.origin).await), "form.old", "{name}");
        h.0.advance(600);
    }
    assert_eq!(h.0.count("web_sessions").await, sessions);
    // A browser that has no call waits for none.
    assert_eq!(code(op.poll_ciba(&Browser::new(&op).attempt, &browser.origin).await), "form.old");
}

async fn strangers_have_it_ring_seldom(h: House) {
    entered(&h).await;
    let provider = Provider::start(&h);
    let op = provider.node(&h, |_| {}).await;
    // What is no number, and a number that the provider does not know.
    assert_eq!(calls(&op, &Browser::new(&op), "10003456787").await, Err("admin.invalid"));
    assert_eq!(provider.asked("/ciba"), 0);
    assert_eq!(calls(&op, &Browser::new(&op), "10100000008").await, Err("factor.refused"));
    let anne = known(&op, &provider).await;
    // Where nobody knows who asks: once in ten minutes, thrice a day; she herself goes on.
    for _ in 0..3 {
        calls(&op, &Browser::new(&op), ANNE).await.unwrap();
        assert_eq!(calls(&op, &Browser::new(&op), ANNE).await, Err("login.too_many"));
        calls(&op, &anne, ANNE).await.unwrap();
        h.0.advance(1200);
    }
    let rang = provider.asked("/ciba");
    assert_eq!(calls(&op, &Browser::new(&op), ANNE).await, Err("login.too_many"));
    assert_eq!(provider.asked("/ciba"), rang);
    calls(&op, &anne, ANNE).await.unwrap();
    // Where it does not call, or is not wanted to, nobody is called.
    let silent = provider.node(&h, |psc| psc.ciba = false).await;
    assert_eq!(calls(&silent, &anne, ANNE).await, Err("admin.not_found"));
    provider.set(|i| i.document = json!({ "backchannel_authentication_endpoint": null }));
    let cannot = provider.node(&h, |_| {}).await;
    assert_eq!(calls(&cannot, &anne, ANNE).await, Err("admin.not_found"));
    assert!(!cannot.psc_offer().await.unwrap().calls);
}
