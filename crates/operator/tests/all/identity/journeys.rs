//! Journeys that nothing makes so fast: by one device, or by somebody in browsers; programs that stay at home say nothing.
use super::House;
use super::guessing::{from, notices, reached};
use sceau_domain::abuse::{Decision, Thresholds};
use sceau_domain::position::Positions;
use sceau_identity::factor::Factor;
use sceau_operator::abuse::AbuseCaseView;
use sceau_operator::{Door, Operator, Origin};
use sceau_testkit::browser::Browser;
use std::sync::Arc;

each_engine!(nobody_is_in_two_places_at_once, journeys_that_an_aeroplane_makes_are_nothing);

const ROUEN: [u8; 4] = [192, 0, 2, 7];
const BREST: [u8; 4] = [198, 51, 100, 1];
const REUNION: [u8; 4] = [203, 0, 113, 1];
const FILE: &str =
    "network,latitude,longitude\n192.0.2.0/24,49.44,1.10\n198.51.100.0/24,48.39,-4.49\n203.0.113.0/24,-20.88,55.45\n";

async fn node(h: &House) -> Operator {
    let mut config = h.0.op.config().clone();
    config.abuse.thresholds = Thresholds { travel: 1, ..Thresholds::NONE };
    config.abuse.positions = Arc::new(Positions::read(FILE.as_bytes()).unwrap());
    Operator::open(config, h.0.store.clone(), h.0.op.trust().clone()).await.unwrap()
}

async fn open(h: &House, op: &Operator) -> Vec<AbuseCaseView> {
    op.flush_abuse().await;
    op.abuse_cases(&h.0.admin, Some("open"), None, 10).await.unwrap()
}

async fn nobody_is_in_two_places_at_once(h: House) {
    let op = node(&h).await;
    let (id, minutes) = (h.person("anne").await.id, |n: i64| h.0.advance(n * 60));
    let (_, home) = op.create_token(&h.0.admin, "anne", None, "poste", None).await.unwrap();
    let signs_in = async |ip| {
        let browser = Browser { origin: from(ip), ..Browser::new(&op) };
        browser.proves(&op, id, &[Factor::Passkey], None).await.cookie
    };
    let mail = async |ip| {
        let origin = Origin { door: Door::Imap, ..from(ip) };
        op.login_token("anne", &home, &origin).await.unwrap();
    };
    let _relay = reached(&h, &op, "anne").await;
    signs_in(ROUEN).await;
    mail(ROUEN).await;
    assert!(open(&h, &op).await.is_empty());
    // 9,476 km in an hour: told, and looked at by a person; slowed is nobody.
    minutes(60);
    let cookie = signs_in(REUNION).await;
    let cases = open(&h, &op).await;
    assert_eq!(cases.len(), 1, "{cases:?}");
    let (case, signal) = (&cases[0], &cases[0].signals[0]);
    assert_eq!((case.kind.as_str(), case.login.as_deref(), signal.name.as_str()), ("person", Some("anne"), "travel"));
    assert_eq!(signal.detail, "-20.88,55.45 ← 49.44,1.10 (9476 km, 60 min)");
    assert!(case.told.is_some() && case.slowed_until.is_none(), "{case:?}");
    assert!(notices(&h, "unusual_sign_in").await >= 1);
    // Her programs stay at home and go on.
    minutes(11);
    mail(ROUEN).await;
    assert_eq!(open(&h, &op).await[0].signals[0].times, 1);
    // One and the same device, which was at home a moment ago.
    minutes(12);
    mail(REUNION).await;
    assert_eq!(open(&h, &op).await[0].signals[0].times, 2);
    // Decided; who goes on from where he is does not come up again.
    op.decide_abuse(&h.0.admin, case.id, Decision::Nothing, "un réseau privé virtuel").await.unwrap();
    minutes(5);
    op.session_of(&cookie, &from(REUNION)).await.unwrap();
    mail(REUNION).await;
    assert!(open(&h, &op).await.is_empty());
}

async fn journeys_that_an_aeroplane_makes_are_nothing(h: House) {
    let op = node(&h).await;
    let browser = |ip| Browser { origin: from(ip), ..Browser::new(&op) };
    let anne = h.person("anne").await.id;
    // 425 km in an hour; 9,800 km in twelve; a network of which the file knows nothing.
    browser(ROUEN).proves(&op, anne, &[Factor::Passkey], None).await;
    op.flush_abuse().await;
    h.0.advance(3_600);
    browser(BREST).proves(&op, anne, &[Factor::Passkey], None).await;
    op.flush_abuse().await;
    h.0.advance(12 * 3_600);
    browser(REUNION).proves(&op, anne, &[Factor::Passkey], None).await;
    browser([100, 64, 0, 1]).proves(&op, anne, &[Factor::Passkey], None).await;
    assert!(open(&h, &op).await.is_empty());
    // Somebody else is somewhere else; she herself is back too soon.
    browser(ROUEN).proves(&op, h.person("bruno").await.id, &[Factor::Passkey], None).await;
    assert!(open(&h, &op).await.is_empty());
    h.0.advance(60);
    browser(BREST).proves(&op, anne, &[Factor::Passkey], None).await;
    let cases = open(&h, &op).await;
    assert_eq!((cases.len(), cases[0].login.as_deref()), (1, Some("anne")));
    assert!(cases[0].signals[0].detail.starts_with("48.39,-4.49 ← -20.88,55.45 ("), "{cases:?}");
}
