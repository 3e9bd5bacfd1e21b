//! The ledger: what is told is added up, written, compared with what was known, and forgotten in the end.
use super::House;
use sceau_domain::{DomainName, RefusalCode};
use sceau_operator::certificates::Which;
use sceau_operator::ledger::Direction::{In, Out};
use sceau_operator::{Operator, Peer};
use sceau_testkit::world::*;
use sceau_trust::Dn;

const STRONG: &str = "TLSv1.3 TLS_AES_256_GCM_SHA384";
const WEAKER: &str = "TLSv1.2 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";

fn beta() -> DomainName {
    "beta.mssante.fr".parse().unwrap()
}

fn issued_by(issuer: &str) -> Peer {
    Peer { issuer: Dn::parse(issuer).unwrap(), ..peer(BETA) }
}

each_engine!(contacts_add_up_and_a_weakening_is_told_with_before_and_after);
async fn contacts_add_up_and_a_weakening_is_told_with_before_and_after(h: House) {
    let (op, domain) = (&h.w.op, beta());
    let good = issued_by("CN=AC UNE,C=FR");
    let dn = good.dn.clone();
    op.peer_contact(Out, Some(&domain), &good, Some(STRONG));
    for delay in [400, 700, 900, 25_000] {
        op.peer_delivered(Out, Some(&domain), Some(&dn), 1_000, Some(delay));
    }
    op.peer_contact(In, Some(&domain), &good, Some(STRONG));
    op.peer_delivered(In, Some(&domain), Some(&dn), 500, None);
    op.peer_failed(In, None, Some(&dn), RefusalCode::SenderDomainNotPeers);
    op.flush_ledger().await;
    // Another node, or a later batch, adds to the same day.
    let other = h.w.restarted().await;
    other.peer_delivered(Out, Some(&domain), Some(&dn), 2_000, Some(100));
    other.flush_ledger().await;
    let all = op.peers(h.admin(), None, 30, None, 10).await.unwrap();
    assert_eq!(all.iter().map(|p| p.domain.as_str()).collect::<Vec<_>>(), ["", "beta.mssante.fr"]);
    let p = &all[1];
    assert_eq!((p.sent, p.received, p.failures, p.size, p.listed), (5, 1, 0, 6_500, true));
    assert_eq!((p.median_seconds, p.slow_seconds), (Some(1), Some(30)));
    assert_eq!((p.tls_in.as_deref(), p.tls_out.as_deref(), p.trouble.as_deref()), (Some(STRONG), Some(STRONG), None));
    assert_eq!(all[0].failures, 1, "a domain to which the certificate has no right is not named");
    assert!(op.peers(h.admin(), Some("BETA"), 30, None, 10).await.unwrap().len() == 1);
    // All partners together, by day: for the drawings of the console.
    let days = op.exchanges(h.admin(), 30).await.unwrap();
    let days: Vec<_> = days.iter().map(|d| (d.direction.as_str(), d.deliveries, d.failures, d.size)).collect();
    assert_eq!(days, [("in", 1, 1, 500), ("out", 5, 0, 6_000)]);
    assert!(op.peers(h.admin(), None, 30, Some("beta.mssante.fr"), 10).await.unwrap().is_empty());
    assert!(h.alarms().await.is_empty(), "{:?}", h.alarms().await);

    // Weaker TLS: told with before and after; over when it is strong again.
    op.peer_contact(Out, Some(&domain), &good, Some(WEAKER));
    op.flush_ledger().await;
    let told = op.alarms(h.admin(), false).await.unwrap();
    assert_eq!(
        (told.len(), told[0].code.as_str(), told[0].subject.as_str()),
        (1, "peer.weaker_tls", "beta.mssante.fr")
    );
    assert!(told[0].fr.contains("TLSv1.3") && told[0].fr.contains("TLSv1.2"), "{}", told[0].fr);
    op.peer_contact(Out, Some(&domain), &good, Some(STRONG));
    op.flush_ledger().await;
    assert!(h.alarms().await.is_empty(), "{:?}", h.alarms().await);
    // STARTTLS gone, and back: what failed at the very instant of what went well would be no trouble.
    h.w.advance(1);
    op.peer_failed(Out, Some(&domain), None, RefusalCode::TransferNoStartTls);
    op.flush_ledger().await;
    let codes = |all: Vec<(String, String)>| all.into_iter().map(|a| a.0).collect::<Vec<_>>();
    assert_eq!(codes(h.alarms().await), ["peer.starttls_gone"]);
    let detail = op.peer(h.admin(), &domain, 30).await.unwrap();
    assert_eq!(detail.peer.trouble.as_deref(), Some("transfer.no_starttls"));
    assert_eq!((detail.causes[0].code.as_str(), detail.causes[0].count), ("transfer.no_starttls", 1));
    h.w.advance(60);
    op.peer_contact(Out, Some(&domain), &good, Some(STRONG));
    op.flush_ledger().await;
    assert!(h.alarms().await.is_empty(), "{:?}", h.alarms().await);
    // A handshake that fails is a weakening once it worked for thirty days.
    op.peer_failed(Out, Some(&domain), None, RefusalCode::TransferTls);
    op.flush_ledger().await;
    assert!(h.alarms().await.is_empty(), "{:?}", h.alarms().await);
    h.w.advance(31 * 86_400);
    // What else fails in the same seconds hides nothing.
    op.peer_failed(Out, Some(&domain), None, RefusalCode::PeerExpired);
    op.peer_failed(Out, Some(&domain), None, RefusalCode::TransferCut);
    op.flush_ledger().await;
    assert_eq!(codes(h.alarms().await), ["peer.handshake_fails"]);
    h.w.advance(60);
    // Well again, but from another authority.
    op.peer_contact(Out, Some(&domain), &issued_by("CN=AC AUTRE,C=FR"), Some(STRONG));
    op.flush_ledger().await;
    let told = op.alarms(h.admin(), false).await.unwrap();
    assert_eq!((told.len(), told[0].code.as_str()), (1, "peer.other_issuer"));
    assert!(told[0].en.contains("CN=AC UNE") && told[0].en.contains("CN=AC AUTRE"), "{}", told[0].en);
    // Back and forth between the same two is the same event, and acknowledged; a third authority is another one.
    op.acknowledge_alarm(h.admin(), "peer.other_issuer", "beta.mssante.fr").await.unwrap();
    for issuer in ["CN=AC UNE,C=FR", "CN=AC AUTRE,C=FR"] {
        h.w.advance(1);
        op.peer_contact(Out, Some(&domain), &issued_by(issuer), Some(STRONG));
        op.flush_ledger().await;
        assert!(h.alarms().await.is_empty(), "{:?}", h.alarms().await);
    }
    h.w.advance(1);
    op.peer_contact(Out, Some(&domain), &issued_by("CN=AC TROISIEME,C=FR"), Some(STRONG));
    op.flush_ledger().await;
    assert_eq!(codes(h.alarms().await), ["peer.other_issuer"]);
    // Two days, two rows; the month before is beyond thirty days.
    let detail = op.peer(h.admin(), &domain, 400).await.unwrap();
    assert_eq!(detail.certificates.iter().filter(|c| c.direction == "out").count(), 2, "{detail:?}");
    assert!(detail.days.len() >= 3 && op.peer(h.admin(), &domain, 30).await.unwrap().peer.sent == 0);
    // In the end everything is forgotten.
    h.w.advance(402 * 86_400);
    op.housekeeping().await.unwrap();
    assert!(op.peers(h.admin(), None, 400, None, 10).await.unwrap().is_empty());
    assert_eq!(h.w.count("peer_days").await + h.w.count("peer_causes").await, 0);
    let anne = h.w.actor("anne", "anne.martin@alpha.mssante.fr").await;
    assert_eq!(code(op.peers(&anne, None, 30, None, 10).await), "right.missing");
    assert_eq!(code(op.peer(h.admin(), &domain, 30).await), "admin.not_found");
}

each_engine!(the_door_of_operators_fills_the_ledger_and_the_inventory);
async fn the_door_of_operators_fills_the_ledger_and_the_inventory(h: House) {
    let op: Operator = h.process(None).await;
    let dn = "CN=mss.beta.fr,O=EXEMPLE,C=FR";
    op.put_white_list(h.pki.list(&[("beta.mssante.fr", dn)], op.clock().now())).await.unwrap();
    let chain = h.pki.operator("mss.beta.fr", -10, 20);
    let origin = origin(sceau_operator::Door::Mx);
    let judged = op.mx_peer(&chain, &origin).await;
    op.note_client(&chain, &judged);
    let peer = judged.unwrap();
    let from = addr("paul@beta.mssante.fr");
    let sender = op.mx_sender(&peer, Some(&from), None, &origin).await;
    op.note_sender(&peer, Some(&from), origin.tls.as_deref(), &sender);
    sender.unwrap();
    let stolen = addr("paul@gamma.mssante.fr");
    let refused = op.mx_sender(&peer, Some(&stolen), None, &origin).await;
    op.note_sender(&peer, Some(&stolen), None, &refused);
    let stranger = h.pki.operator("inconnu.fr", -10, 20);
    let nobody = op.mx_peer(&stranger, &origin).await;
    op.note_client(&stranger, &nobody);
    op.flush_ledger().await;
    let all = op.peers(h.admin(), None, 30, None, 10).await.unwrap();
    assert_eq!(
        all.iter().map(|p| (p.domain.as_str(), p.failures)).collect::<Vec<_>>(),
        [("", 2), ("beta.mssante.fr", 0)]
    );
    assert_eq!(all[1].tls_in, origin.tls);
    let which = Which { kind: Some("peer".into()), ..Which::default() };
    let seen = op.certificates(h.admin(), which, None, 10).await.unwrap();
    assert_eq!(seen.iter().map(|c| c.subject.as_str()).collect::<Vec<_>>(), [dn], "strangers fill no inventory");
    // It is told of when it ends, and no more once a newer one was seen.
    h.w.advance(15 * 86_400);
    op.housekeeping().await.unwrap();
    let codes =
        async || h.alarms().await.into_iter().map(|a| a.0).filter(|c| c.starts_with("certificate")).collect::<Vec<_>>();
    assert_eq!(codes().await, ["certificate.peer_ends"]);
    let renewed = h.pki.operator("mss.beta.fr", -1, 300);
    let judged = op.mx_peer(&renewed, &origin).await;
    op.note_client(&renewed, &judged);
    op.flush_ledger().await;
    h.w.advance(3_601);
    op.housekeeping().await.unwrap();
    assert_eq!(codes().await, Vec::<String>::new());
    let domain = "beta.mssante.fr".parse().unwrap();
    let check = op.check_domain(h.admin(), &domain).await.unwrap();
    assert!(check.certificates[0].seen.is_some() && check.certificates[0].ends.is_some(), "{check:?}");
}
