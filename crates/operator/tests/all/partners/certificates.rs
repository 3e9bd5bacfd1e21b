//! The inventory: ours by node, what is said of ends, a key on one node only, and no key anywhere but in its file.
use super::House;
use sceau_operator::certificates::{CLIENTS, OPERATOR, Own, Which};
use sceau_store::testing::START;
use sceau_store::{Store, StoreConfig};
use sceau_testkit::pki::DAY;
use sceau_testkit::world::*;

fn own(leaf: &rustls_pki_types::CertificateDer<'static>) -> Own {
    Own { place: OPERATOR, leaf: leaf.clone() }
}

each_engine!(ours_are_declared_replaced_and_watched_to_their_end);
async fn ours_are_declared_replaced_and_watched_to_their_end(h: House) {
    let (op, anchors) = (h.process(None).await, h.pki.anchors());
    op.put_white_list(h.pki.list(&[("alpha.mssante.fr", ALPHA)], START)).await.unwrap();
    let ends_in = |days: i64| h.pki.operator("mss.alpha.fr", -10, days)[0].clone();
    let first = ends_in(100);
    op.declare_certificates(&[own(&first)], &anchors).await.unwrap();
    let list = async |kind: &str| {
        let which = Which { kind: Some(kind.to_owned()), ..Which::default() };
        op.certificates(h.admin(), which, None, 10).await.unwrap()
    };
    let mine = &list("own").await[0];
    assert_eq!(
        (mine.subject.as_str(), mine.node, mine.days_left, mine.place.as_str()),
        (ALPHA, Some(i64::from(h.w.store.node())), 100, OPERATOR)
    );
    assert!(mine.public_key.len() == 64 && mine.serial.len() > 2);
    assert_eq!((list("signer").await.len(), list("anchor").await.len()), (1, 1));
    assert_eq!(list("anchor").await[0].place, "peers,list_signer,list_server,clients");
    let shown = op.certificate(h.admin(), mine.id).await.unwrap();
    assert_eq!((shown.domain_count, shown.domains), (Some(1), vec!["alpha.mssante.fr".to_owned()]));
    assert!(h.alarms().await.is_empty(), "{:?}", h.alarms().await);
    // Declared again (a reload without a change): the same row.
    op.declare_certificates(&[own(&first)], &anchors).await.unwrap();
    assert_eq!(list("own").await.len(), 1);
    let installed = h.w.traces("certificate.installed").await;
    assert_eq!(installed.len(), 1, "{installed:?}");
    // The steps, once each, and over when it is replaced.
    for (day, alarm) in [
        (11, "certificate.ends_90"),
        (71, "certificate.ends_30"),
        (94, "certificate.ends_7"),
        (101, "certificate.ended"),
    ] {
        let now = (op.clock().now().0 - START.0) / DAY;
        h.w.advance((day - now) * 86_400);
        op.housekeeping().await.unwrap();
        op.housekeeping().await.unwrap();
        let codes: Vec<String> =
            h.alarms().await.into_iter().map(|a| a.0).filter(|c| c.starts_with("certificate")).collect();
        assert_eq!(codes, [alarm], "day {day}");
        let all = h.w.op.alarms(h.admin(), false).await.unwrap();
        let told = all.iter().find(|a| a.code == alarm).unwrap();
        assert!(told.count == 1 && told.fr.contains("mss.alpha.fr") && told.fr.contains("2027-"), "{told:?}");
        assert_eq!(told.severity == "critical", alarm.ends_with("_7") || alarm.ends_with("ended"));
    }
    op.declare_certificates(&[own(&ends_in(800))], &anchors).await.unwrap();
    let codes: Vec<String> =
        h.alarms().await.into_iter().map(|a| a.0).filter(|c| c.starts_with("certificate.e")).collect();
    assert!(codes.is_empty(), "{codes:?}");
    assert_eq!(list("own").await.len(), 1);
    let which = Which { kind: Some("own".into()), retired: true, ..Which::default() };
    assert_eq!(op.certificates(h.admin(), which, None, 10).await.unwrap().len(), 2, "what was replaced is remembered");
    let anne = h.w.actor("anne", "anne.martin@alpha.mssante.fr").await;
    assert_eq!(code(op.certificates(&anne, Which::default(), None, 10).await), "right.missing");
    let which = Which { kind: Some("mine".into()), ..Which::default() };
    assert_eq!(code(op.certificates(h.admin(), which, None, 10).await), "admin.invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_key_sits_on_one_living_node() {
    let h = House::new(sceau_store::testing::postgres().await).await;
    let (one, anchors) = (h.process(None).await, h.pki.anchors());
    let spools = h.w.store.folder().join("spools-2");
    let config = StoreConfig { node: 2, name: "deux.alpha.fr".into(), spools, ..h.w.store.config.clone() };
    let two = h.process(Some(Store::open(config.clone()).await.unwrap())).await;
    let (shared, other) =
        (h.pki.identity("mss.alpha.fr").chain[0].clone(), h.pki.identity("mx2.alpha.fr").chain[0].clone());
    one.declare_certificates(&[own(&shared)], &anchors).await.unwrap();
    // At start, at reload beside a good one, and as what mail programs see.
    two.declare_certificates(&[own(&other)], &anchors).await.unwrap();
    for wrong in [vec![own(&shared)], vec![own(&other), Own { place: CLIENTS, leaf: shared.clone() }]] {
        let refusal = two.declare_certificates(&wrong, &anchors).await.unwrap_err();
        assert_eq!(refusal.code.as_str(), "certificate.key_elsewhere");
        let said = refusal.sentence(sceau_domain::Lang::Fr);
        assert!(said.contains("demandez un certificat pour ce nœud"), "{said}");
    }
    assert!(h.alarms().await.contains(&("certificate.key_elsewhere".into(), "2".into())));
    let which = || Which { kind: Some("own".into()), ..Which::default() };
    let held = two.certificates(h.admin(), which(), None, 10).await.unwrap();
    assert_eq!(held.len(), 2, "what is refused changes nothing: {held:?}");
    // A key that only mail programs see may be on several nodes.
    let web = h.pki.identity("webmail.alpha.fr").chain[0].clone();
    let with_web = |leaf| vec![own(leaf), Own { place: CLIENTS, leaf: web.clone() }];
    one.declare_certificates(&with_web(&shared), &anchors).await.unwrap();
    two.declare_certificates(&with_web(&other), &anchors).await.unwrap();
    assert!(!h.alarms().await.iter().any(|a| a.0 == "certificate.key_elsewhere"), "over with a good declaration");
    // Two nodes begin at the same moment with one key: one of them has it.
    let fresh = h.pki.identity("mx3.alpha.fr").chain[0].clone();
    let (first, second) = ([own(&fresh)], [own(&fresh)]);
    let (a, b) = tokio::join!(one.declare_certificates(&first, &anchors), two.declare_certificates(&second, &anchors));
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
    // The node that has it dies: its key is the other's, and somebody is asked to look whether it was erased there.
    two.declare_certificates(&[own(&other)], &anchors).await.unwrap();
    one.declare_certificates(&[own(&shared)], &anchors).await.unwrap();
    tokio::task::spawn_blocking(move || drop(two)).await.unwrap();
    let taken = async {
        while let Err(e) = one.declare_certificates(&[own(&other)], &anchors).await {
            assert_eq!(e.code.as_str(), "certificate.key_elsewhere");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), taken).await.expect("taken over");
    assert!(h.alarms().await.iter().any(|a| a.0 == "certificate.key_moved"));
    tokio::task::spawn_blocking(move || drop(one)).await.unwrap();
}

each_engine!(a_node_that_is_gone_is_taken_out_by_hand);
async fn a_node_that_is_gone_is_taken_out_by_hand(h: House) {
    let (op, anchors) = (h.process(None).await, h.pki.anchors());
    op.declare_certificates(&[own(&h.pki.identity("mss.alpha.fr").chain[0])], &anchors).await.unwrap();
    let mine = op.certificates(h.admin(), Which::default(), None, 10).await.unwrap();
    let mine = mine.iter().find(|c| c.kind == "own").unwrap();
    assert_eq!(code(op.retire_certificate(h.admin(), mine.id, "essai").await), "state.wrong", "it lives");
    assert_eq!(code(op.retire_certificate(h.admin(), 1, "essai").await), "admin.not_found");
    // What a node that never comes back had declared.
    let id = mine.id;
    h.w.store
        .write(move |tx| {
            tx.execute("UPDATE certificates SET node = 77 WHERE id = $1", &[sceau_store::Value::Int(id)]).map(drop)
        })
        .await
        .unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"));
    let gone = op.retire_certificate(h.admin(), id, "Nœud 77 démonté").await.unwrap();
    assert!(gone.retired.is_some());
    assert_eq!(code(op.retire_certificate(h.admin(), id, "encore").await), "state.wrong");
    let traced = h.w.traces("certificate.retired").await;
    assert_eq!((traced.len(), traced[0].data["reason"].as_str()), (1, Some("Nœud 77 démonté")));
    // Its key, taken over from a node that is gone, is one event each time: who acknowledged the first hears of the second.
    let leaf = h.pki.identity("mss.alpha.fr").chain[0].clone();
    for _ in 0..2 {
        op.declare_certificates(&[own(&leaf)], &anchors).await.unwrap();
        h.w.store
            .write(|tx| tx.execute("UPDATE key_holders SET node = 77", &[]).map(drop))
            .await
            .unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"));
        op.declare_certificates(&[own(&leaf)], &anchors).await.unwrap();
        let moved = h.alarms().await.into_iter().find(|a| a.0 == "certificate.key_moved").expect("told");
        h.w.op.acknowledge_alarm(h.admin(), &moved.0, &moved.1).await.unwrap();
        assert!(!h.alarms().await.contains(&moved));
    }
}

each_engine!(who_looks_after_a_machine_hears_of_the_end_of_its_certificate);
async fn who_looks_after_a_machine_hears_of_the_end_of_its_certificate(h: House) {
    use sceau_domain::{AccessRole, BalKind};
    const APP: &str = "labo@alpha.mssante.fr";
    let op = h.process(None).await;
    sceau_testkit::newcomers(&h.w.op, h.admin(), &["automate"]).await;
    h.w.bal(APP, BalKind::App, &["anne"], |_| {}).await;
    let access = sceau_operator::grants::NewAccess {
        login: "automate".into(),
        role: AccessRole::Machine,
        rights: None,
        starts: None,
        ends: None,
        reason: None,
    };
    h.w.op.give_access(h.admin(), APP, access).await.unwrap();
    let pem = |days: i64| {
        use base64::Engine as _;
        let body = base64::prelude::BASE64_STANDARD.encode(&h.pki.operator("labo.exemple.fr", -10, days)[0]);
        format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
    };
    let made = h.w.op.add_bal_certificate(h.admin(), APP, None, "Automate", &pem(50)).await.unwrap();
    let codes = async || {
        op.housekeeping().await.unwrap();
        op.housekeeping().await.unwrap();
        let all = h.w.op.alarms(h.admin(), false).await.unwrap();
        let mut all: Vec<_> = all.into_iter().filter(|a| a.code.starts_with("certificate.machine")).collect();
        assert!(all.len() <= 1, "{all:?}");
        all.pop()
    };
    assert!(codes().await.is_none(), "fifty days are left");
    h.w.advance(25 * 86_400);
    let told = codes().await.expect("told");
    assert_eq!((told.code.as_str(), told.severity.as_str(), told.count), ("certificate.machine_ends", "warning", 1));
    for text in [&told.fr, &told.en, &told.subject] {
        assert!(text.contains("automate") && text.contains("labo.exemple.fr") && !text.contains("labo@"), "{told:?}");
    }
    h.w.advance(26 * 86_400);
    let told = codes().await.expect("told");
    assert_eq!((told.code.as_str(), told.severity.as_str()), ("certificate.machine_ended", "critical"));
    // A renewed one was shown; the old one, which another host shows still, changes nothing.
    let seen = async |end: i64| {
        let seen = h.w.store.write(move |tx| {
            sceau_store::token_certificates::seen(tx, made.id, "ab", sceau_store::testing::START.0 + end * DAY)
        });
        seen.await.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"));
        h.w.advance(3_601);
        codes().await
    };
    assert!(seen(400).await.is_none());
    assert!(seen(60).await.is_none());
    h.w.advance(345 * 86_400);
    assert!(codes().await.is_some());
    // Taken away: nobody's trouble.
    h.w.op.remove_bal_certificate(h.admin(), APP, made.id).await.unwrap();
    h.w.advance(3_601);
    assert!(codes().await.is_none());
}
