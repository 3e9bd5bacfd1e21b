//! Passwords that are guessed: strangers wait wherever they are, the person does not.
use super::House;
use sceau_domain::Refusal;
use sceau_domain::abuse::Thresholds;
use sceau_identity::factor::Factor;
use sceau_operator::identity::sessions::Entered;
use sceau_operator::{Door, Operator, Origin};
use sceau_testkit::browser::Browser;
use sceau_testkit::world::{code, origin};
use std::net::IpAddr;
use tokio::task::JoinSet;

each_engine!(strangers_slow_strangers_and_not_the_person, many_logins_from_one_network_are_told);

const PASSWORD: &str = "girafe-tambour-velours";

fn from(ip: [u8; 4]) -> Origin {
    Origin { remote: Some(IpAddr::from(ip)), ..origin(Door::Web) }
}

async fn node(h: &House, thresholds: Thresholds) -> Operator {
    let mut config = h.0.op.config().clone();
    config.abuse.thresholds = thresholds;
    Operator::open(config, h.0.store.clone(), h.0.op.trust().clone()).await.unwrap()
}

/// Types a password.
async fn types(
    op: &Operator,
    known: Option<&str>,
    (login, typed): (&str, &str),
    at: &Origin,
) -> Result<Entered, Refusal> {
    let browser = Browser { known: known.map(str::to_owned), ..Browser::new(op) };
    op.password_first(&browser.shown(), ("/bal", None), (login, typed), at).await
}

async fn strangers_slow_strangers_and_not_the_person(h: House) {
    let thresholds = Thresholds { guess: 4, ..Thresholds::NONE };
    let nodes = [node(&h, thresholds).await, node(&h, thresholds).await];
    let browser = Browser::new(&nodes[0]);
    let id = h.person("anne").await.id;
    let signed = browser.proves(&nodes[0], id, &[Factor::Passkey], None).await;
    let anne = nodes[0].session_of(&signed.cookie, &browser.origin).await.unwrap();
    nodes[0].set_password(&anne, PASSWORD).await.unwrap();
    // From eight networks at once, at two nodes; and at a login that nobody has.
    let mut tries = JoinSet::new();
    for n in 0..8_u8 {
        for login in ["anne", "personne"] {
            let op = nodes[usize::from(n % 2)].clone();
            let at = from([198, n, 100, 1]);
            tries.spawn(async move { code(types(&op, None, (login, "mauvais-mot-de-passe"), &at).await) });
        }
    }
    while let Some(said) = tries.join_next().await {
        assert_eq!(said.unwrap(), "login.failed");
    }
    for node in &nodes {
        node.flush_abuse().await;
    }
    // The first one told when the other had not: it hears when it has something to tell again.
    for login in ["anne", "personne"] {
        assert_eq!(code(types(&nodes[0], None, (login, "faux"), &from([198, 99, 100, 1])).await), "login.failed");
    }
    nodes[0].flush_abuse().await;
    let stranger = from([203, 0, 113, 1]);
    for node in &nodes {
        for login in ["anne", "personne"] {
            assert_eq!(code(types(node, None, (login, PASSWORD), &stranger).await), "login.too_many", "{login}");
        }
        // She herself: where she was before, and with her browser wherever she is.
        let here = types(node, None, ("anne", PASSWORD), &origin(Door::Web)).await.unwrap();
        assert!(matches!(here, Entered::Second));
        let known = signed.known.as_ref().unwrap();
        assert!(matches!(types(node, Some(known), ("anne", PASSWORD), &stranger).await.unwrap(), Entered::Second));
        assert_eq!(code(types(node, Some(known), ("anne", "faux"), &stranger).await), "login.failed");
        // Her browser is not bruno's.
        let other = types(node, Some(known), ("bruno", "faux"), &stranger).await;
        assert_eq!(code(other), "login.failed", "nobody guessed his");
        // What is not guessed never waits; where it was shown, she is known from then on.
        let elsewhere = Browser { origin: from([203, 1, 113, 1]), ..Browser::new(node) };
        elsewhere.proves(node, id, &[Factor::Card], None).await;
    }
    h.0.advance(30 * 60);
    assert!(matches!(types(&nodes[0], None, ("anne", PASSWORD), &stranger).await.unwrap(), Entered::Second));
}

async fn many_logins_from_one_network_are_told(h: House) {
    let op = node(&h, Thresholds { stuffing: 3, ..Thresholds::NONE }).await;
    let told = async || {
        let alarms = h.0.op.alarms(&h.0.admin, false).await.unwrap();
        alarms.into_iter().find(|a| a.code == "login.stuffing").map(|a| a.subject)
    };
    for n in 0..3_u8 {
        // The same login again counts for nothing more.
        for login in ["anne", "anne"] {
            assert_eq!(code(types(&op, None, (login, "faux"), &from([198, 51, n, 1])).await), "login.failed");
        }
    }
    assert_eq!(told().await, None);
    for login in ["bruno", "personne"] {
        assert_eq!(code(types(&op, None, (login, "faux"), &from([198, 51, 9, 1])).await), "login.failed");
    }
    assert_eq!(told().await.as_deref(), Some("198.51.0.0/16"));
}
