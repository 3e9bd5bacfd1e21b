//! Handshakes between operators: possession is proved, chains are judged afterwards, resumption keeps them.
use crate::pki::*;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion, ServerConfig, ServerConnection};
use rustls_pki_types::{CertificateDer, ServerName};
use sceau_trust::identity::IdentityError;
use sceau_trust::{Identity, PeerCause, Purpose, peer, tls};
use std::sync::Arc;

/// Shakes hands and passes a byte each way (so that TLS 1.3 tickets arrive).
pub fn shake(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
) -> Result<(ClientConnection, ServerConnection), rustls::Error> {
    shake_as(client, server, ServerName::try_from("mx.exemple.fr").unwrap())
}

/// As [`shake`], asking for this name.
pub fn shake_as(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
    name: ServerName<'static>,
) -> Result<(ClientConnection, ServerConnection), rustls::Error> {
    let mut c = ClientConnection::new(client.clone(), name).unwrap();
    let mut s = ServerConnection::new(server.clone()).unwrap();
    let mut sent = false;
    for _ in 0..20 {
        pass(&mut c, &mut s)?;
        pass(&mut s, &mut c)?;
        if !c.is_handshaking() && !s.is_handshaking() && !sent {
            use std::io::Write;
            c.writer().write_all(b"x").unwrap();
            s.writer().write_all(b"y").unwrap();
            sent = true;
        } else if sent && !c.wants_write() && !s.wants_write() {
            return Ok((c, s));
        }
    }
    panic!("no end of the handshake");
}

fn pass<A, B>(
    from: &mut rustls::ConnectionCommon<A>,
    to: &mut rustls::ConnectionCommon<B>,
) -> Result<(), rustls::Error> {
    let mut wire = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut wire).unwrap();
    }
    let mut wire = wire.as_slice();
    while !wire.is_empty() {
        to.read_tls(&mut wire).unwrap();
        to.process_new_packets()?;
    }
    Ok(())
}

/// As [`tls::transfer_client`], of one version.
pub fn only(version: &'static rustls::SupportedProtocolVersion, identity: &Identity) -> Arc<ClientConfig> {
    let config = ClientConfig::builder_with_provider(tls::provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(tls::judged_later())
        .with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(identity.key.clone())));
    Arc::new(config)
}

#[test]
fn both_sides_show_certificates_and_sessions_keep_them() {
    let pki = Pki::new("O");
    let (a, b) = (pki.leaf(|p| p.serial_number = Some(1u64.into())).identity(), pki.leaf(|_| {}).identity());
    let server = tls::mx_server(&b).unwrap();
    let anchors = pki.root_anchors(Purpose::Peers);
    let both = tls::transfer_client(&a).unwrap();
    for client in [both.clone(), only(&rustls::version::TLS13, &a), only(&rustls::version::TLS12, &a)] {
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let (c, s) = shake(&client, &server).unwrap();
            assert_eq!(c.handshake_kind(), Some(kind));
            assert_eq!(s.handshake_kind(), Some(kind));
            let seen = s.peer_certificates().unwrap();
            assert_eq!(seen, a.chain);
            assert_eq!(peer::judge(&anchors, Purpose::Peers, seen, true, NOW).unwrap().serial, "01");
            assert_eq!(c.peer_certificates().unwrap(), b.chain);
            assert_eq!(s.server_name(), Some("mx.exemple.fr"));
        }
    }
}

#[test]
fn a_stranger_or_nobody_completes_the_handshake() {
    let pki = Pki::new("O");
    let server = tls::mx_server(&pki.leaf(|_| {}).identity()).unwrap();
    let stranger = Pki::new("STRANGER").leaf(|p| p.not_after = day(-1)).identity();
    let (c, s) = shake(&tls::transfer_client(&stranger).unwrap(), &server).unwrap();
    assert_eq!(
        peer::judge(&pki.root_anchors(Purpose::Peers), Purpose::Peers, s.peer_certificates().unwrap(), true, NOW),
        Err(PeerCause::UnknownIssuer)
    );
    drop(c);
    let nobody = ClientConfig::builder_with_provider(tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(tls::judged_later())
        .with_no_client_auth();
    let (_, s) = shake(&Arc::new(nobody), &server).unwrap();
    assert_eq!(s.peer_certificates().unwrap_or_default(), &[] as &[CertificateDer<'_>]);
}

#[test]
fn a_certificate_without_its_key_fails() {
    let pki = Pki::new("O");
    let (victim, thief) = (pki.leaf(|_| {}).identity(), pki.leaf(|_| {}).identity());
    let stolen = Arc::new(rustls::sign::CertifiedKey::new(victim.chain.clone(), thief.key.key.clone()));
    let false_client = Identity { key: stolen.clone(), ..victim.clone() };
    let server = tls::mx_server(&thief).unwrap();
    let client = tls::transfer_client(&false_client).unwrap();
    assert!(shake(&client, &server).is_err());
    assert!(shake(&only(&rustls::version::TLS12, &false_client), &server).is_err());
    let false_server = tls::mx_server(&false_client).unwrap();
    let client = tls::transfer_client(&victim).unwrap();
    assert!(shake(&client, &false_server).is_err());
    assert!(shake(&only(&rustls::version::TLS12, &victim), &false_server).is_err());
}

#[test]
fn only_modern_versions_and_suites() {
    let names: Vec<String> = tls::provider().cipher_suites.iter().map(|s| format!("{:?}", s.suite())).collect();
    assert_eq!(names.len(), 9);
    for name in &names {
        assert!(name.starts_with("TLS13_") || name.starts_with("TLS_ECDHE_"), "{name}");
        assert!(name.contains("GCM") || name.contains("POLY1305"), "{name}");
    }
    let pki = Pki::new("O");
    let identity = pki.leaf(|_| {}).identity();
    let (c, _) = shake(&tls::transfer_client(&identity).unwrap(), &tls::mx_server(&identity).unwrap()).unwrap();
    assert_eq!(c.protocol_version(), Some(ProtocolVersion::TLSv1_3));
}

#[test]
fn clients_are_not_asked_for_certificates() {
    let pki = Pki::new("O");
    let identity = pki.leaf(|_| {}).identity();
    let (_, s) = shake(&tls::transfer_client(&identity).unwrap(), &tls::client_server(&identity).unwrap()).unwrap();
    assert!(s.peer_certificates().is_none());
}

#[test]
fn identities_are_checked_when_loaded_and_say_nothing_of_the_key() {
    let pki = Pki::new("O");
    let leaf = pki.leaf(|_| {});
    let identity = leaf.identity();
    assert_eq!(identity.chain.len(), 2);
    assert_eq!(format!("{identity:?}"), r#"Identity { dn: "CN=mss.exemple.fr,O=CLINIQUE DU PARC,C=FR", .. }"#);
    let key = leaf.key.serialize_pem();
    let both = format!("{key}{}", leaf.pem);
    assert!(Identity::from_pem(both.as_bytes(), both.as_bytes()).is_ok());
    let other = KeyPairPem::new();
    assert!(matches!(Identity::from_pem(leaf.pem.as_bytes(), other.0.as_bytes()), Err(IdentityError::Mismatch)));
    for (chain, key) in [("", key.as_str()), (leaf.pem.as_str(), ""), (key.as_str(), leaf.pem.as_str())] {
        assert!(matches!(Identity::from_pem(chain.as_bytes(), key.as_bytes()), Err(IdentityError::Broken(_))));
    }
}

struct KeyPairPem(String);

impl KeyPairPem {
    fn new() -> Self {
        Self(rcgen::KeyPair::generate().unwrap().serialize_pem())
    }
}
