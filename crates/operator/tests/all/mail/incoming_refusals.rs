//! Each "no" of the MX door, with its code and its trace; nothing is kept of what is refused.
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::mail::{Envelope, Rcpt};
use sceau_operator::{Door, Peer};
use sceau_testkit::pki::{Pki, dn};
use sceau_testkit::world::*;
use std::sync::Arc;

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const BRUNO: &str = "bruno.petit@alpha.mssante.fr";

fn mx() -> sceau_operator::Origin {
    origin(Door::Mx)
}

#[tokio::test]
async fn a_chain_makes_a_peer_or_a_precise_cause() {
    let (w, pki, other) = (World::new().await, Pki::new(), Pki::new());
    w.op.trust().set_anchors(pki.anchors());
    let peer = w.op.mx_peer(&pki.operator("mss.beta.fr", -10, 10), &mx()).await.unwrap();
    assert_eq!(peer.dn, sceau_trust::Dn::parse(BETA).unwrap());
    for (chain, expected) in [
        (Vec::new(), "peer.no_certificate"),
        (other.operator("mss.beta.fr", -10, 10), "peer.unknown_issuer"),
        (pki.operator("mss.beta.fr", -10, -5), "peer.expired"),
        (pki.operator("mss.beta.fr", 5, 10), "peer.not_yet_valid"),
        (pki.operator("mss.inconnu.fr", -10, 10), "peer.not_listed"),
    ] {
        assert_eq!(code(w.op.mx_peer(&chain, &mx()).await), expected);
        assert_eq!(w.traces("mail.refused").await.last().unwrap().outcome, expected);
    }
    assert!(w.traces("mail.refused").await.last().unwrap().data["dn"].as_str().unwrap().contains("mss.inconnu.fr"));
}

#[tokio::test]
async fn the_server_of_a_destination_is_judged_the_same_way() {
    let (w, pki) = (World::new().await, Pki::new());
    w.op.trust().set_anchors(pki.anchors());
    let domain = |d: &str| d.parse().unwrap();
    let beta = pki.operator("mss.beta.fr", -10, 10);
    w.op.check_server(&domain("beta.mssante.fr"), &beta).await.unwrap();
    assert_eq!(code(w.op.check_server(&domain("gamma.mssante.fr"), &beta).await), "transfer.server_not_listed");
    assert_eq!(code(w.op.check_server(&domain("example.org"), &beta).await), "rcpt.not_listed");
    assert_eq!(code(w.op.check_server(&domain("beta.mssante.fr"), &[]).await), "peer.no_certificate");
    assert_eq!(
        code(w.op.check_server(&domain("beta.mssante.fr"), &pki.operator("mss.beta.fr", -10, -1)).await),
        "peer.expired"
    );
}

#[tokio::test]
async fn a_sender_belongs_to_the_peer_at_each_mail() {
    let w = World::new().await;
    let beta = peer(BETA);
    let mail = async |p: &Peer, from: &str, size| {
        let from = (!from.is_empty()).then(|| addr(from));
        w.op.mx_sender(p, from.as_ref(), size, &mx()).await
    };
    mail(&beta, "paul@beta.mssante.fr", Some(250_000)).await.unwrap();
    mail(&beta, "", None).await.unwrap();
    assert_eq!(code(mail(&beta, "paul@gamma.mssante.fr", None).await), "sender.domain_not_peers");
    assert_eq!(code(mail(&beta, "paul@example.org", None).await), "sender.domain_not_peers");
    // Our own domain is no foreign peer's.
    assert_eq!(code(mail(&beta, ANNE, None).await), "sender.domain_not_peers");
    assert_eq!(code(mail(&beta, "paul@beta.mssante.fr", Some(250_001)).await), "message.too_big");
    assert_eq!(code(mail(&peer(&dn("mss.inconnu.fr")), "", None).await), "peer.not_listed");
    // The list changes under an open session.
    w.op.trust().set_white_list(Arc::new(list(&[("alpha.mssante.fr", ALPHA), ("gamma.mssante.fr", GAMMA)])));
    assert_eq!(code(mail(&beta, "paul@beta.mssante.fr", None).await), "sender.domain_not_peers");
    // A certificate ends under an open session.
    w.advance(301 * 86_400);
    assert_eq!(code(mail(&peer(GAMMA), "zoe@gamma.mssante.fr", None).await), "peer.expired");
    let traces = w.traces("mail.refused").await;
    assert_eq!(traces.len(), 7);
    assert_eq!(traces[0].data["from"], "paul@gamma.mssante.fr");
}

#[tokio::test]
async fn a_recipient_is_ours_known_reachable_and_has_room() {
    let w = World::new().await;
    w.bal("petite@alpha.mssante.fr", sceau_domain::BalKind::Org, &["anne"], |b| b.quota = Some(2_000)).await;
    let rcpt = async |from: &str, to: &str, already, size| {
        let dn = if from.contains("patient") { PATIENTS } else { BETA };
        let from = (!from.is_empty()).then(|| addr(from));
        w.op.mx_recipient(&peer(dn), from.as_ref(), &addr(to), already, size, &mx()).await
    };
    let paul = "paul@beta.mssante.fr";
    rcpt(paul, "Anne.MARTIN@Alpha.mssante.fr", 0, Some(100_000)).await.unwrap();
    assert_eq!(code(rcpt(paul, "inconnue@alpha.mssante.fr", 0, None).await), "rcpt.unknown");
    assert_eq!(code(rcpt(paul, "zoe@gamma.mssante.fr", 0, None).await), "rcpt.relay");
    assert_eq!(code(rcpt("", "zoe@gamma.mssante.fr", 0, None).await), "rcpt.relay");
    assert_eq!(code(rcpt(paul, "x@example.org", 0, None).await), "rcpt.relay");
    assert_eq!(code(rcpt(paul, ANNE, 100, None).await), "rcpt.too_many");
    rcpt(paul, "petite@alpha.mssante.fr", 0, Some(900)).await.unwrap();
    // With what the way adds it would have none after DATA, again and again, and nobody else would get the message.
    assert_eq!(code(rcpt(paul, "petite@alpha.mssante.fr", 0, Some(1_999)).await), "rcpt.over_quota");
    assert_eq!(code(rcpt(paul, "petite@alpha.mssante.fr", 0, Some(2_001)).await), "rcpt.over_quota");
    // Test BALs and real ones do not mix; a BAL without access to the trust space gets nothing from outside.
    assert_eq!(code(rcpt(paul, "essai.medecin@alpha.mssante.fr", 0, None).await), "exchange.test");
    assert_eq!(code(rcpt("t@essai.beta.mssante.fr", ANNE, 0, None).await), "exchange.test");
    rcpt("t@essai.beta.mssante.fr", "essai.medecin@alpha.mssante.fr", 0, None).await.unwrap();
    assert_eq!(code(rcpt(paul, "chloe.roux@alpha.mssante.fr", 0, None).await), "exchange.unreachable");
    rcpt("180017500000134@patient.mssante.fr", ANNE, 0, None).await.unwrap();
    let close = "UPDATE bals SET state = 'closed' WHERE address_key LIKE 'petite@%'";
    w.store.write(move |tx| tx.execute(close, &[])).await.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"));
    assert_eq!(code(rcpt(paul, "petite@alpha.mssante.fr", 0, None).await), "rcpt.closed");
}

#[tokio::test]
async fn a_header_has_one_from_of_the_peers_and_does_not_loop() {
    let w = World::new().await;
    let paul = "paul@beta.mssante.fr";
    let data = async |from: &str, text: &str| w.hand_over(BETA, from, &[ANNE], text).await;
    assert_eq!(code(data(paul, &letter("zoe@gamma.mssante.fr", "a")).await), "header.from_not_peers");
    assert_eq!(code(data(paul, &letter(ANNE, "a")).await), "header.from_not_peers");
    // Neither does a report open a way around.
    assert_eq!(code(data("", &letter("zoe@gamma.mssante.fr", "a")).await), "header.from_not_peers");
    let host = letter("MAILER-DAEMON@mx.beta.mssante.fr", "a");
    assert_eq!(code(data(paul, &host).await), "header.from_not_peers", "only reports come from a host");
    assert_eq!(code(data("", &letter("MAILER-DAEMON@mx.gamma.mssante.fr", "a")).await), "header.from_not_peers");
    assert_eq!(code(data(paul, "Subject: sans auteur\r\n\r\nx\r\n").await), "header.from_missing");
    let two = format!("From: x@beta.mssante.fr\r\n{}", letter(paul, "a"));
    assert_eq!(code(data(paul, &two).await), "header.from_many");
    let round = "Received: from a by b; Sat, 21 Nov 2026 10:00:00 +0000\r\n".repeat(101) + &letter(paul, "a");
    assert_eq!(code(data(paul, &round).await), "message.loop");
    let big = letter(paul, "a") + &"x".repeat(260_000);
    assert_eq!(code(data(paul, &big).await), "message.too_big");
    assert_eq!(code(w.hand_over(BETA, paul, &[], &letter(paul, "a")).await), "rcpt.none");
    assert_eq!((w.count("messages").await, w.count("blobs").await, w.count("accepted_mail").await), (0, 0, 0));
    assert_eq!(w.traces("mail.refused").await.len(), 10);
    data("", &host).await.unwrap();
    // What an operator may switch off.
    let w = World::with(|c| c.check_header_from = false).await;
    w.hand_over(BETA, paul, &[ANNE], &letter("zoe@gamma.mssante.fr", "a")).await.unwrap();
}

#[tokio::test]
async fn a_recipient_found_at_rcpt_is_not_looked_up_again_but_compared_where_the_message_is_kept() {
    let w = World::new().await;
    let paul = "paul@beta.mssante.fr";
    let name = async |to: &str| {
        let judged = w.op.mx_recipient(&peer(BETA), Some(&addr(paul)), &addr(to), 0, None, &mx()).await.unwrap();
        Rcpt { judged, ..Rcpt::from(addr(to)) }
    };
    let give = async |to: Vec<Rcpt>, subject: &str| {
        let envelope = Envelope { to, ..envelope(paul, &[]) };
        w.op.mx_accept(&peer(BETA), envelope, w.message(&letter(paul, subject)), &mx()).await
    };
    let sql = async |sql: &'static str| {
        let done = w.store.write(move |tx| tx.execute(sql, &[])).await;
        assert_eq!(done.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}")), 1, "{sql}");
    };
    // Keys and policies are read once.
    give(vec![name(ANNE).await], "un").await.unwrap();
    let to = vec![name(ANNE).await];
    let before = w.store.statements().0;
    give(to, "deux").await.unwrap();
    assert_eq!(w.store.statements().0 - before, 0);
    // What became of the BAL between RCPT and the end of DATA counts, whatever it is.
    let changes = [
        ("state = 'closing'", "state = 'active'", "rcpt.blocked"),
        ("test = 1", "test = 0", "rcpt.changed"),
        ("quota_bytes = used_bytes + 10", "quota_bytes = used_bytes + 1000000", "rcpt.over_quota"),
        ("address_key = 'ailleurs'", "address_key = 'anne.martin@alpha.mssante.fr'", "rcpt.unknown"),
    ];
    for (change, back, refused) in changes {
        let changed = |what: &str, like: &str| -> &'static str {
            format!("UPDATE bals SET {what}, version = version + 1 WHERE address_key = '{like}'").leak()
        };
        let (to, both) = (vec![name(ANNE).await], vec![name(BRUNO).await, name(ANNE).await]);
        sql(changed(change, ANNE)).await;
        assert_eq!(code(give(to, refused).await), refused, "{change}");
        let over = refused == "rcpt.over_quota";
        assert_eq!(code(give(both, refused).await), if over { refused } else { "rcpt.changed" }, "{change}");
        sql(changed(back, if refused == "rcpt.unknown" { "ailleurs" } else { ANNE })).await;
        assert_eq!(w.count("messages").await, 2, "nothing is kept of what is refused");
    }
    give(vec![name(BRUNO).await, name(ANNE).await], "trois").await.unwrap();
    assert_eq!(w.count("messages").await, 4);
}

#[tokio::test]
async fn room_is_judged_again_with_the_real_size() {
    let w = World::new().await;
    w.bal("petite@alpha.mssante.fr", sceau_domain::BalKind::Org, &["anne"], |b| b.quota = Some(5_000)).await;
    let paul = "paul@beta.mssante.fr";
    let text = letter(paul, "a") + &"x".repeat(6_000);
    assert_eq!(code(w.hand_over(BETA, paul, &[ANNE, "petite@alpha.mssante.fr"], &text).await), "rcpt.over_quota");
    assert_eq!(w.inbox("anne", ANNE).await.len(), 0, "all or none");
    // When the peer comes again in any case, the others are not asked about: with a database that is away each would be waited for.
    let (before, mut many) = (w.store.statements().0, vec!["petite@alpha.mssante.fr"]);
    many.resize(60, ANNE);
    assert_eq!(code(w.hand_over(BETA, paul, &many, &text).await), "rcpt.over_quota");
    assert!(w.store.statements().0 - before < 60);
    // And the retry, once there is room, is not taken for a repetition.
    let grow = "UPDATE bals SET quota_bytes = 100000";
    w.store.write(move |tx| tx.execute(grow, &[])).await.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"));
    assert!(!w.hand_over(BETA, paul, &[ANNE, "petite@alpha.mssante.fr"], &text).await.unwrap().duplicate);
    assert_eq!(w.inbox("anne", "petite@alpha.mssante.fr").await.len(), 1);
}

#[tokio::test]
async fn without_a_white_list_nobody_is_a_peer() {
    let store = sceau_store::testing::sqlite().await;
    let pki = Pki::new();
    let trust = sceau_trust::Trust::new(pki.anchors());
    let op = sceau_operator::Operator::open(config(), store.clone(), trust).await.unwrap();
    let refused = op.mx_peer(&pki.operator("mss.beta.fr", -10, 10), &mx()).await;
    assert_eq!(code(refused), "peer.white_list_absent");
    assert_eq!(code(op.mx_sender(&peer(BETA), None, None, &mx()).await), "peer.white_list_absent");
}

#[tokio::test]
async fn ten_thousand_refusals_are_a_handful_of_traces_and_a_count() {
    let w = World::new().await;
    let refusal = Refusal::new(RefusalCode::RcptUnknown);
    for _ in 0..10_000 {
        w.op.trace_refusal(Some(&peer(BETA)), &refusal, &mx()).await;
    }
    assert_eq!(w.traces("mail.refused").await.len(), 20);
    w.op.housekeeping().await.unwrap();
    let traces = w.traces("mail.refused").await;
    assert_eq!(traces.len(), 21);
    let last = traces.last().unwrap();
    assert_eq!((last.outcome.as_str(), last.session.as_deref()), ("counted", Some("s1")));
    assert_eq!(last.data["counts"]["rcpt.unknown"], 9_980);
}
