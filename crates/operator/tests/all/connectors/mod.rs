//! Structures' own servers as use cases, on both engines: who may do what, as whom a server sends, where mail for its BALs goes, what a revocation and
//! a suspension stop at once.
mod guarded;

use crate::people::House;
use rustls_pki_types::CertificateDer;
use sceau_domain::{BalKind, ConventionState, RefusalCode, Timestamp};
use sceau_operator::accounts::structures::views::{Convention, Settlement};
use sceau_operator::connectors::Route;
use sceau_operator::connectors::settings::Server;
use sceau_operator::connectors::views::{ConnectorChange, NewCertificate, NewConnector, RouteView};
use sceau_operator::{Actor, Door};
use sceau_testkit::world::*;
use sceau_trust::Identity;

const CARDIO: &str = "cardio@alpha.mssante.fr";
const PAUL: &str = "paul@beta.mssante.fr";

fn wanted(name: &str, structure: &str, domain: &str) -> NewConnector {
    NewConnector {
        name: name.into(),
        structure: structure.into(),
        domains: vec![domain.into()],
        route: Some(RouteView { host: "mail.nord.example".into(), port: 2525, tls_name: None }),
        senders: None,
        per_hour: 0,
    }
}

/// `nord` has the domain, a BAL in it, and the authority is there.
async fn prepared(h: &House) {
    let (op, admin) = (&h.0.op, &h.0.admin);
    let refused = op.add_connector(admin, wanted("nord", "nord", "alpha.mssante.fr")).await;
    assert_eq!(code(refused), "connector.no_authority");
    let made = op.create_connector_authority(admin, Some("raccordements.alpha.mssante.fr")).await.unwrap();
    assert_eq!(code(op.create_connector_authority(admin, None).await), "admin.exists");
    assert_eq!(op.connector_authority(admin).await.unwrap().operator, made.operator);
    for structure in ["nord", "sud"] {
        let version = op.structure(admin, structure).await.unwrap().version;
        let domains = Some(vec!["alpha.mssante.fr".to_owned()]);
        // Its BAL is opened under a signed convention, as every structure's.
        let state = ConventionState::Signed;
        let convention =
            Some(Convention { state, reference: Some("C-1".into()), from: Some(Timestamp(0)), until: None });
        let settlement = Settlement { convention, domains, ..Settlement::default() };
        op.settle_structure(admin, structure, version, settlement).await.unwrap();
    }
    h.0.bal(CARDIO, BalKind::Org, &["anne"], |b| b.structure = Some("nord".into())).await;
}

/// Key and certificate made for a connector, as its server shows them.
async fn certified(h: &House, actor: &Actor, name: &str) -> (String, Vec<CertificateDer<'static>>) {
    let wanted = NewCertificate { make: true, ..NewCertificate::default() };
    let made = h.0.op.certify_connector(actor, name, wanted).await.unwrap();
    let pem = made.certificate.certificate.unwrap();
    let identity = Identity::from_pem(pem.as_bytes(), made.private_key.unwrap().as_bytes()).unwrap();
    (made.certificate.id.to_string(), identity.chain)
}

async fn a_connector_is_the_operators_and_its_certificates_the_structures_too(h: House) {
    prepared(&h).await;
    let (op, admin) = (&h.0.op, &h.0.admin);
    let (chef, lointain) = (h.actor("chef").await, h.actor("lointain").await);
    let new = || wanted("nord", "nord", "alpha.mssante.fr");
    assert_eq!(code(op.add_connector(&chef, new()).await), "right.missing");
    for (domain, why) in [("beta.mssante.fr", "connector.domain"), ("essai.alpha.mssante.fr", "connector.domain")] {
        assert_eq!(code(op.add_connector(admin, wanted("nord", "nord", domain)).await), why, "{domain}");
    }
    for host in ["", "a b", "x;y", "$(id)", "-oops.example", "mail.example\n25"] {
        let route = Some(RouteView { host: host.into(), port: 25, tls_name: None });
        let refused = op.add_connector(admin, NewConnector { route, ..new() }).await;
        assert_eq!(code(refused), "connector.host", "{host:?}");
    }
    let senders = Some(vec!["bruno.petit@alpha.mssante.fr".to_owned()]);
    assert_eq!(code(op.add_connector(admin, NewConnector { senders, ..new() }).await), "sender.not_allowed");
    let added = op.add_connector(admin, new()).await.unwrap();
    assert_eq!(added.warnings, ["no_certificate", "never_seen"]);
    // Mail programs of a domain that the structure's own server carries have nothing to ask from us.
    let carried = "alpha.mssante.fr".parse().unwrap();
    assert_eq!(code(op.mail_setup(&carried).await), "admin.not_found");
    let dns = op.domain_dns(admin, "alpha.mssante.fr", false).await.unwrap();
    assert_eq!(dns.records.iter().map(|r| r.kind.as_str()).collect::<Vec<_>>(), ["MX", "TXT"]);
    assert_eq!(code(op.add_connector(admin, new()).await), "admin.exists");
    // One domain, one connector; a structure that shares the domain has none of it.
    assert_eq!(code(op.add_connector(admin, wanted("sud", "sud", "alpha.mssante.fr")).await), "connector.domain");
    assert_eq!(op.connectors(&chef, "", 10).await.unwrap().len(), 1);
    assert_eq!(op.connectors(&lointain, "", 10).await.unwrap().len(), 0);
    for actor in [&lointain, &h.actor("anne").await] {
        assert_eq!(code(op.connector(actor, "nord").await), "right.missing");
        assert_eq!(code(op.test_connector(actor, "nord").await), "right.missing");
        assert_eq!(code(op.connector_settings(actor, "nord", Server::Postfix).await), "right.missing");
        let make = NewCertificate { make: true, ..NewCertificate::default() };
        assert_eq!(code(op.certify_connector(actor, "nord", make).await), "right.missing");
    }
    assert_eq!(op.connector_settings(&chef, "nord", Server::Exchange).await.unwrap().len(), 4);
    let (id, chain) = certified(&h, &chef, "nord").await;
    let (_, next) = certified(&h, admin, "nord").await;
    for chain in [&chain, &next] {
        assert!(op.connector_client(chain, &origin(Door::Connector)).await.is_ok(), "two overlap");
    }
    for wrong in [
        NewCertificate::default(),
        NewCertificate { make: true, dn: Some("CN=x".into()), ..NewCertificate::default() },
        NewCertificate { request: Some("x".into()), ..NewCertificate::default() },
        NewCertificate { certificate: Some("x".into()), ..NewCertificate::default() },
        NewCertificate { dn: Some("O=sans nom".into()), ..NewCertificate::default() },
    ] {
        assert!(op.certify_connector(admin, "nord", wrong).await.is_err());
    }
    let id = id.parse().unwrap();
    assert_eq!(code(op.revoke_connector_certificate(&lointain, "nord", id, "volée").await), "right.missing");
    op.revoke_connector_certificate(&chef, "nord", id, "clé perdue").await.unwrap();
    assert_eq!(code(op.revoke_connector_certificate(&chef, "nord", id, "encore").await), "state.wrong");
    assert_eq!(code(op.connector_client(&chain, &origin(Door::Connector)).await), "connector.revoked");
    assert!(op.connector_client(&next, &origin(Door::Connector)).await.is_ok());
    // A name is worth nothing without a chain to the anchors for connectors.
    let named = NewCertificate { dn: Some("CN=mail.nord.example,C=FR".into()), ..NewCertificate::default() };
    op.certify_connector(admin, "nord", named).await.unwrap();
    // Nor is one kept that somebody gives away: a file with both is refused, and of another one nothing but the certificate stays.
    let own = sceau_testkit::pki::Pki::new().pem_pair();
    let declare = |pem: String| NewCertificate { certificate: Some(pem), ..NewCertificate::default() };
    let both = declare(format!("{}{}", own.0, own.1));
    assert_eq!(code(op.certify_connector(admin, "nord", both).await), "connector.key");
    let noted = declare(format!("mot de passe : secret\n{}", sceau_testkit::pki::Pki::new().pem("mail.nord.example")));
    let kept = op.certify_connector(admin, "nord", noted).await.unwrap().certificate.certificate.unwrap();
    assert!(kept.starts_with("-----BEGIN CERTIFICATE-----\n") && !kept.contains("secret"), "{kept}");
    // No key, in clear or sealed, is shown or kept where it could be read.
    let shown = serde_json::to_string(&op.connector(admin, "nord").await.unwrap()).unwrap();
    assert!(!shown.contains("PRIVATE KEY") && !h.0.on_disk("PRIVATE KEY"), "{shown}");
    let version = op.connector(admin, "nord").await.unwrap().version;
    let change = || ConnectorChange { per_hour: Some(10), ..ConnectorChange::default() };
    assert_eq!(op.edit_connector(admin, "nord", version, change()).await.unwrap().per_hour, 10);
    assert_eq!(code(op.edit_connector(admin, "nord", version, change()).await), "edit.conflict");
}

async fn mail_goes_both_ways_as_the_bals_of_the_structure_only(h: House) {
    prepared(&h).await;
    let (op, w) = (&h.0.op, &h.0);
    op.add_connector(&w.admin, wanted("nord", "nord", "alpha.mssante.fr")).await.unwrap();
    let (id, chain) = certified(&h, &w.admin, "nord").await;
    let server = op.connector_client(&chain, &origin(Door::Connector)).await.unwrap();
    // Another's: no connector has it.
    let stranger = sceau_testkit::pki::Pki::new().identity("mail.nord.example");
    let refused = op.connector_client(&stranger.chain, &origin(Door::Connector)).await;
    assert_eq!(code(refused), "connector.unknown");
    assert_eq!(code(op.connector_client(&[], &origin(Door::Connector)).await), "peer.no_certificate");

    // Out: as its own BALs, and nobody else.
    for from in ["bruno.petit@alpha.mssante.fr", "personne@alpha.mssante.fr", PAUL, "x@exemple.org"] {
        let refused = op.connector_sender(&server, Some(&addr(from)), None).await;
        assert_eq!(code(refused), "sender.not_allowed", "{from}");
    }
    let cardio = op.connector_sender(&server, Some(&addr(CARDIO)), None).await.unwrap();
    assert_eq!(code(op.connector_recipient(&cardio, &addr("x@exemple.org"), 0, None).await), "rcpt.not_listed");
    assert_eq!(code(op.connector_recipient(&cardio, &addr("x@alpha.mssante.fr"), 0, None).await), "rcpt.unknown");
    op.connector_recipient(&cardio, &addr(PAUL), 0, None).await.unwrap();
    let bruno = "bruno.petit@alpha.mssante.fr";
    let bad = op.connector_accept(&cardio, envelope(CARDIO, &[PAUL]), w.message(&letter(bruno, "usurpe"))).await;
    assert_eq!(code(bad), "header.from_not_allowed");
    let sent = op.connector_accept(&cardio, envelope(CARDIO, &[PAUL, bruno]), w.message(&letter(CARDIO, "avis"))).await;
    sent.unwrap();
    assert_eq!((w.count("queue_entries").await, w.inbox("bruno", bruno).await.len()), (1, 1));
    let traces = w.traces("mail.submitted").await;
    let trace = traces.iter().find(|t| t.data["connector"] == "nord").unwrap();
    assert_eq!((trace.actor.as_str(), &trace.data["structure"]), ("connector:nord", &"nord".into()));
    assert_eq!(trace.bal.as_deref(), Some(CARDIO));

    // Reports: from its domains' mail system, to the trust space, one by one.
    let nobody = op.connector_sender(&server, None, None).await.unwrap();
    assert_eq!(code(op.connector_recipient(&nobody, &addr("x@exemple.org"), 0, None).await), "rcpt.not_listed");
    assert_eq!(code(op.connector_recipient(&nobody, &addr(PAUL), 1, None).await), "rcpt.too_many");
    op.connector_recipient(&nobody, &addr(PAUL), 0, None).await.unwrap();
    let report = |from: &str| w.message(&letter(from, "avis-de-non-remise"));
    for from in ["mailer-daemon@exemple.org", "bruno.petit@alpha.mssante.fr"] {
        let refused = op.connector_accept(&nobody, envelope("", &[PAUL]), report(from)).await;
        assert_eq!(code(refused), "connector.report", "{from}");
    }
    op.connector_accept(&nobody, envelope("", &[PAUL]), report("MAILER-DAEMON@alpha.mssante.fr")).await.unwrap();
    assert_eq!(w.count("queue_entries").await, 2);

    // In: queued for its server, once; unknown recipients are refused as ever.
    let inbound = letter(PAUL, "reponse");
    for _ in 0..2 {
        w.hand_over(BETA, PAUL, &[CARDIO], &inbound).await.unwrap();
    }
    let to_bruno = w.actor("bruno", bruno).await;
    w.submit(&to_bruno, bruno, &[CARDIO], &letter(bruno, "interne")).await.unwrap();
    assert_eq!((w.count("queue_entries").await, w.inbox("anne", CARDIO).await.len()), (4, 0));
    let unknown =
        op.mx_recipient(&peer(BETA), Some(&addr(PAUL)), &addr("x@alpha.mssante.fr"), 0, None, &origin(Door::Mx)).await;
    assert_eq!(code(unknown), "rcpt.unknown");
    let domain = "alpha.mssante.fr".parse().unwrap();
    let Route::Connector(route) = op.route_of(&domain).await.unwrap() else { panic!("no connector") };
    assert_eq!((route.host.as_str(), route.port), ("mail.nord.example", 2525));
    assert_eq!(op.route_of(&"beta.mssante.fr".parse().unwrap()).await.unwrap(), Route::Peers);
    op.check_connector_server(&route, &chain).await.unwrap();
    let refused = op.check_connector_server(&route, &stranger.chain).await;
    assert_eq!(code(refused), "transfer.connector");
    assert_eq!(code(op.end_connector(&w.admin, "nord", "fin").await), "connector.waiting");
    // A domain that went to another operator is that one's to carry.
    op.move_domain_out(&w.admin, &domain, op.clock().now().plus_ms(60_000)).await.unwrap();
    assert!(matches!(op.route_of(&domain).await.unwrap(), Route::Connector(_)), "its time is not over");
    w.advance(120);
    assert_eq!(op.route_of(&domain).await.unwrap(), Route::Peers);
    op.cancel_domain_move(&w.admin, &domain).await.unwrap();

    // Suspended: nothing either way, and what waits goes on waiting.
    op.suspend_connector(&w.admin, "nord", "travaux").await.unwrap();
    assert_eq!(code(op.connector_sender(&server, Some(&addr(CARDIO)), None).await), "connector.suspended");
    assert!(op.route_of(&domain).await.is_err_and(|r| r.code == RefusalCode::ConnectorSuspended && r.is_temporary()));
    assert_eq!(
        code(op.connector_accept(&cardio, envelope(CARDIO, &[PAUL]), w.message(&letter(CARDIO, "b"))).await),
        "connector.suspended"
    );
    op.resume_connector(&w.admin, "nord", "fini").await.unwrap();

    // A BAL that is shut sends nothing, and takes nothing.
    op.suspend_bal(&w.admin, CARDIO, "absence").await.unwrap();
    assert_eq!(code(op.connector_sender(&server, Some(&addr(CARDIO)), None).await), "sender.not_allowed");
    op.resume_bal(&w.admin, CARDIO, "retour").await.unwrap();

    // Too much in an hour.
    let version = op.connector(&w.admin, "nord").await.unwrap().version;
    let change = ConnectorChange { per_hour: Some(1), ..ConnectorChange::default() };
    op.edit_connector(&w.admin, "nord", version, change).await.unwrap();
    let again = op.connector_sender(&server, Some(&addr(CARDIO)), None).await.unwrap();
    let more = |n: &str| (envelope(CARDIO, &[PAUL]), w.message(&letter(CARDIO, n)));
    let (mut refused, mut n) = (None, 0);
    while refused.is_none() && n < 3 {
        let (envelope, message) = more(&format!("suite{n}"));
        refused = op.connector_accept(&again, envelope, message).await.err();
        n += 1;
    }
    assert_eq!(refused.map(|r| r.code), Some(RefusalCode::ConnectorLimit));

    // Revoked: the session that is open hears it at its next message.
    op.revoke_connector_certificate(&w.admin, "nord", id.parse().unwrap(), "volée").await.unwrap();
    assert_eq!(code(op.connector_sender(&server, Some(&addr(CARDIO)), None).await), "connector.revoked");
    assert_eq!(code(op.check_connector_server(&route, &chain).await), "transfer.connector");
    let shown = op.connector(&w.admin, "nord").await.unwrap();
    assert!(shown.seen.is_some() && shown.refused.is_some(), "{shown:?}");
}

#[tokio::test]
async fn slips_of_a_whole_house_are_noticed_and_do_not_stop_its_server() {
    let h = House::with(sceau_store::testing::sqlite().await, |c| {
        (c.abuse.thresholds.unknown, c.abuse.slowed_recipients) = (1, 1);
        c.abuse.tarpit = std::time::Duration::ZERO;
    })
    .await;
    prepared(&h).await;
    let (op, w) = (&h.0.op, &h.0);
    op.add_connector(&w.admin, wanted("nord", "nord", "alpha.mssante.fr")).await.unwrap();
    let (_, chain) = certified(&h, &w.admin, "nord").await;
    let server = op.connector_client(&chain, &origin(Door::Connector)).await.unwrap();
    let cardio = op.connector_sender(&server, Some(&addr(CARDIO)), None).await.unwrap();
    let cases = async || {
        op.flush_abuse().await;
        op.abuse_cases(&w.admin, Some("open"), None, 10).await.unwrap()
    };
    for slip in 0..10 {
        assert_eq!(cases().await.len(), 0, "{slip} slips");
        let unknown = addr(&format!("x{slip}@alpha.mssante.fr"));
        assert_eq!(code(op.connector_recipient(&cardio, &unknown, 0, None).await), "rcpt.unknown");
    }
    let case = cases().await.remove(0);
    assert_eq!((case.kind.as_str(), case.shown.as_str(), case.slowed_until.is_some()), ("connector", "nord", true));
    for subject in ["un", "deux", "trois"] {
        let again = op.connector_sender(&server, Some(&addr(CARDIO)), None).await.unwrap();
        op.connector_recipient(&again, &addr(PAUL), 0, None).await.unwrap();
        let message = w.message(&letter(CARDIO, subject));
        op.connector_accept(&again, envelope(CARDIO, &[PAUL]), message).await.unwrap();
    }
}

each_engine!(
    a_connector_is_the_operators_and_its_certificates_the_structures_too,
    mail_goes_both_ways_as_the_bals_of_the_structure_only,
);
