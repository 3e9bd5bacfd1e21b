//! What a structure's server may not do: send before somebody accepted the terms, go on under a certificate that nobody trusts any more, bring what is
//! infected; and what is watched for it.
use super::{CARDIO, PAUL, certified, prepared, wanted};
use crate::mail::antivirus::{Engine, MARK, archive};
use crate::people::House;
use sceau_domain::RefusalCode;
use sceau_operator::certificates::Which;
use sceau_operator::connectors::probe::{Asked, Heard, Probe};
use sceau_operator::connectors::views::NewCertificate;
use sceau_operator::terms::NewTerms;
use sceau_operator::{Actor, Door, Operator};
use sceau_testkit::pki::{Pki, dn};
use sceau_testkit::world::*;
use sceau_trust::{Anchors, Purpose};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

const NAME: &str = "mail.nord.example";

/// Fingerprints of the certificates of connectors whose ends are watched.
async fn watched(h: &House) -> Vec<String> {
    let which = Which { kind: Some("issued".into()), ..Which::default() };
    let found = h.0.op.certificates(&h.0.admin, which, None, 100).await.unwrap();
    found.into_iter().map(|c| c.fingerprint).collect()
}

async fn certificates_of_a_name_are_watched_and_judged_at_each_message(h: House) {
    prepared(&h).await;
    let (op, admin) = (&h.0.op, &h.0.admin);
    op.add_connector(admin, wanted("nord", "nord", "alpha.mssante.fr")).await.unwrap();
    let (_, issued) = certified(&h, admin, "nord").await;
    let (pki, mut anchors) = (Pki::new(), Anchors::default());
    anchors.add_pem(Purpose::Connectors, pki.pem_pair().0.as_bytes()).unwrap();
    anchors.add_crl(&pki.crl(&[], -1, 240)).unwrap();
    op.trust().set_anchors(anchors);
    let name = NewCertificate { dn: Some(dn(NAME)), ..NewCertificate::default() };
    let named = op.certify_connector(admin, "nord", name).await.unwrap().certificate;
    assert_eq!(watched(&h).await.len(), 1, "a name has no end");

    // What is shown under the name has one: it is watched, until the next one is shown.
    let (first, next) = (pki.operator(NAME, -100, 20), pki.operator(NAME, -1, 300));
    let server = op.connector_client(&first, &origin(Door::Connector)).await.unwrap();
    let seen = watched(&h).await;
    assert_eq!(seen.len(), 2);
    op.housekeeping().await.unwrap();
    let ends = |code: &'static str| async move {
        let open = op.alarms(admin, false).await.unwrap();
        open.iter().filter(|a| a.code == code).map(|a| a.subject.clone()).collect::<Vec<_>>()
    };
    assert!(ends("certificate.ends_30").await.iter().any(|s| s.contains(NAME)));
    op.connector_client(&next, &origin(Door::Connector)).await.unwrap();
    let now = watched(&h).await;
    assert!(now.len() == 2 && now[0] == seen[0] && now[1] != seen[1], "{seen:?} {now:?}");

    // An authority that is trusted no more, or that revokes: the session that is open hears it at its next message.
    op.connector_sender(&server, Some(&addr(CARDIO)), None).await.unwrap();
    let mut revoking = Anchors::default();
    revoking.add_pem(Purpose::Connectors, Pki::new().pem_pair().0.as_bytes()).unwrap();
    op.trust().set_anchors(revoking);
    let refused = op.connector_sender(&server, Some(&addr(CARDIO)), None).await.unwrap_err();
    assert!(refused.code.as_str().starts_with("peer."), "{refused:?}");
    let own = op.connector_client(&issued, &origin(Door::Connector)).await.unwrap();
    op.connector_sender(&own, Some(&addr(CARDIO)), None).await.unwrap();

    // The name is revoked: nothing else is forgotten with it.
    op.revoke_connector_certificate(admin, "nord", named.id, "changement").await.unwrap();
    assert_eq!(watched(&h).await, seen[..1]);
    op.end_connector(admin, "nord", "fin").await.unwrap();
    assert!(watched(&h).await.is_empty());
}

async fn nothing_is_sent_before_the_terms_are_accepted(h: House) {
    prepared(&h).await;
    let (op, w) = (&h.0.op, &h.0);
    op.add_connector(&w.admin, wanted("nord", "nord", "alpha.mssante.fr")).await.unwrap();
    let (_, chain) = certified(&h, &w.admin, "nord").await;
    let server = op.connector_client(&chain, &origin(Door::Connector)).await.unwrap();
    let cardio = op.connector_sender(&server, Some(&addr(CARDIO)), None).await.unwrap();
    let of = |n: &str| (n.to_owned(), format!("{n} d'exemple"));
    let values = ["adresse", "representant", "contact", "support", "dpo", "hebergeur"].map(of).into();
    let (changes_fr, changes_en) = ("Le délai change.".into(), "The time changes.".into());
    let terms = NewTerms { version: "v2".into(), changes_fr, changes_en, values, ..NewTerms::default() };
    let v2 = op.publish_terms(&w.admin, terms).await.unwrap().version;
    // At MAIL, and in a transaction that began before; as the BAL's own report too.
    let refused = op.connector_sender(&server, Some(&addr(CARDIO)), None).await.unwrap_err();
    assert_eq!(refused.code, RefusalCode::TermsRequired);
    let sent = |subject: &str| (envelope(CARDIO, &[PAUL]), w.message(&letter(CARDIO, subject)));
    let (open, message) = sent("avant");
    assert_eq!(code(op.connector_accept(&cardio, open, message).await), "terms.required");
    let null = op.connector_sender(&server, None, None).await.unwrap();
    let report = op.connector_accept(&null, envelope("", &[PAUL]), w.message(&letter(CARDIO, "lu"))).await;
    assert_eq!(code(report), "terms.required");
    assert_eq!(w.count("queue_messages").await, 0);
    // One of those who answer for it accepts.
    let (_, token) = op.create_api_token(&w.admin, "anne", "essai", None).await.unwrap();
    let anne = op.login_api(&token, &origin(Door::Api)).await.unwrap();
    op.accept_terms(&anne, "v2", &v2.digest).await.unwrap();
    let cardio = op.connector_sender(&server, Some(&addr(CARDIO)), None).await.unwrap();
    let (open, message) = sent("apres");
    op.connector_accept(&cardio, open, message).await.unwrap();
}

each_engine!(
    certificates_of_a_name_are_watched_and_judged_at_each_message,
    nothing_is_sent_before_the_terms_are_accepted,
);

/// Whatever a structure's server brings is read, its reports too; and it is counted for its connector.
#[tokio::test]
async fn what_a_structures_server_brings_is_read() {
    let engine = Engine::start();
    let store = sceau_store::testing::sqlite().await;
    let h = House::with(store, |c| (c.limits.encrypted_documents, c.abuse.thresholds.infected) = (2, 2)).await;
    h.0.op.set_antivirus(engine.setting());
    prepared(&h).await;
    let (op, w) = (&h.0.op, &h.0);
    op.add_connector(&w.admin, wanted("nord", "nord", "alpha.mssante.fr")).await.unwrap();
    let (_, chain) = certified(&h, &w.admin, "nord").await;
    let server = op.connector_client(&chain, &origin(Door::Connector)).await.unwrap();
    let (cardio, null) = (
        op.connector_sender(&server, Some(&addr(CARDIO)), None).await.unwrap(),
        op.connector_sender(&server, None, None).await.unwrap(),
    );
    let bruno = "bruno.petit@alpha.mssante.fr";
    let give = async |actor: &Actor, from: &str, text: String| {
        code(op.connector_accept(actor, envelope(from, &[bruno]), w.message(&text)).await)
    };
    let infected = |from: &str| format!("{}{MARK}\r\n", letter(from, "virus"));
    assert_eq!(give(&cardio, CARDIO, infected(CARDIO)).await, "message.infected");
    assert_eq!(give(&null, "", infected("postmaster@alpha.mssante.fr")).await, "message.infected");
    // The recipient's policy holds for reports as for letters.
    assert_eq!(give(&null, "", archive("postmaster@alpha.mssante.fr")).await, "message.encrypted");
    assert!(w.inbox("bruno", bruno).await.is_empty());
    op.flush_abuse().await;
    let cases = op.abuse_cases(&w.admin, Some("open"), None, 10).await.unwrap();
    let seen: Vec<_> = cases.iter().map(|c| (c.kind.as_str(), c.shown.as_str(), c.signals[0].name.as_str())).collect();
    assert_eq!(seen, [("connector", "nord", "infected")]);
}

/// A server that answers when it is told to.
#[derive(Debug, Default)]
struct Slow {
    reached: Notify,
    answers: Notify,
}

impl Probe for Slow {
    fn try_out<'a>(&'a self, _: &'a Operator, _: &'a Asked) -> Pin<Box<dyn Future<Output = Heard> + Send + 'a>> {
        Box::pin(async {
            self.reached.notify_one();
            self.answers.notified().await;
            Heard::default()
        })
    }
}

#[tokio::test]
async fn a_connector_is_tried_out_by_one_at_a_time() {
    let h = House::new(sceau_store::testing::sqlite().await).await;
    prepared(&h).await;
    let (op, admin) = (&h.0.op, &h.0.admin);
    op.add_connector(admin, wanted("nord", "nord", "alpha.mssante.fr")).await.unwrap();
    let slow = Arc::new(Slow::default());
    op.set_connector_probe(slow.clone());
    let (first, second) = tokio::join!(op.test_connector(admin, "nord"), async {
        slow.reached.notified().await;
        h.0.advance(30);
        let refused = tokio::time::timeout(Duration::from_secs(10), op.test_connector(admin, "nord")).await;
        slow.answers.notify_one();
        refused.expect("refused at once")
    });
    assert_eq!((first.is_ok(), code(second)), (true, "state.wrong"));
    h.0.advance(30);
    slow.answers.notify_one();
    op.test_connector(admin, "nord").await.unwrap();
}
