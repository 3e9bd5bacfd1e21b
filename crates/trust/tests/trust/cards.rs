//! The door for cards: what an RSA card can do and nothing more, asked anew each time; names as cards write them; certificates by the asked name;
//! documents signed by a server's key (F041, F223).
use crate::pki::*;
use crate::tls::{only, shake};
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, HandshakeKind, ProtocolVersion, SignatureScheme};
use sceau_trust::tls::{ByName, CardTls};
use sceau_trust::{Anchors, Dn, Identity, PeerCause, Purpose, cms, peer, tls};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

/// Shows one certificate, and keeps what it was asked for: signatures, and how many authorities.
#[derive(Debug)]
struct Reader(Arc<CertifiedKey>, Mutex<Option<(Vec<SignatureScheme>, usize)>>);

impl ResolvesClientCert for Reader {
    fn resolve(&self, hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        *self.1.lock().unwrap() = Some((schemes.to_vec(), hints.len()));
        Some(self.0.clone())
    }
    fn has_certs(&self) -> bool {
        true
    }
}

fn reader(card: &Identity) -> (Arc<Reader>, Arc<ClientConfig>) {
    let reader = Arc::new(Reader(card.key.clone(), Mutex::new(None)));
    let config = ClientConfig::builder_with_provider(tls::provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(tls::judged_later())
        .with_client_cert_resolver(reader.clone());
    (reader, Arc::new(config))
}

fn pss(scheme: &SignatureScheme) -> bool {
    format!("{scheme:?}").contains("PSS")
}

#[test]
fn a_card_is_asked_for_what_it_can_do_and_each_time_anew() {
    let pki = Pki::new("O");
    let server = pki.leaf(|_| {}).identity();
    let card = pki.leaf_with(rsa_key(), |_| {}).identity();
    let mut anchors = pki.anchors(Purpose::Cps);
    // Other doors' authorities are not those of cards.
    anchors.add_pem(Purpose::Clients, Pki::new("AUTRE").root.pem().as_bytes()).unwrap();
    let door = tls::card_server(&server, &anchors, CardTls::default()).unwrap();
    let (reader, client) = reader(&card);
    for _ in 0..2 {
        let (c, s) = shake(&client, &door).unwrap();
        assert_eq!(
            (c.protocol_version(), s.handshake_kind()),
            (Some(ProtocolVersion::TLSv1_2), Some(HandshakeKind::Full))
        );
        assert_eq!(s.peer_certificates().unwrap(), card.chain);
        let (schemes, hints) = reader.1.lock().unwrap().take().expect("the card is asked each time");
        assert_eq!(hints, 2, "root and intermediate of cards");
        assert!(schemes.contains(&SignatureScheme::RSA_PKCS1_SHA256) && !schemes.iter().any(pss), "{schemes:?}");
        assert!(schemes.contains(&SignatureScheme::ECDSA_NISTP256_SHA256));
    }
    let door = tls::card_server(&server, &anchors, CardTls { tls13: false, pss: true }).unwrap();
    shake(&client, &door).unwrap();
    assert!(reader.1.lock().unwrap().take().unwrap().0.iter().any(pss));
    let door = tls::card_server(&server, &anchors, CardTls { tls13: true, pss: false }).unwrap();
    for _ in 0..2 {
        let (c, s) = shake(&client, &door).unwrap();
        let now = (c.protocol_version(), s.handshake_kind());
        assert_eq!(now, (Some(ProtocolVersion::TLSv1_3), Some(HandshakeKind::Full)));
        assert!(reader.1.lock().unwrap().take().unwrap().0.iter().any(pss), "TLS 1.3 has no other RSA");
    }
}

#[test]
fn without_a_card_the_door_answers_and_a_stolen_certificate_opens_nothing() {
    let pki = Pki::new("O");
    let server = pki.leaf(|_| {}).identity();
    let door = tls::card_server(&server, &pki.root_anchors(Purpose::Cps), CardTls::default()).unwrap();
    let nobody = ClientConfig::builder_with_provider(tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(tls::judged_later())
        .with_no_client_auth();
    let (_, s) = shake(&Arc::new(nobody), &door).unwrap();
    assert!(s.peer_certificates().unwrap_or_default().is_empty());
    let key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
    let (victim, thief) = (pki.leaf_with(rsa_key(), |_| {}).identity(), pki.leaf_with(key, |_| {}).identity());
    let stolen = Arc::new(CertifiedKey::new(victim.chain.clone(), thief.key.key.clone()));
    assert!(shake(&only(&rustls::version::TLS12, &Identity { key: stolen, ..victim }), &door).is_err());
}

#[test]
fn mail_doors_ask_for_every_kind_that_may_log_in() {
    let pki = Pki::new("O");
    let own = pki.leaf(|_| {}).identity();
    let (reader, client) = reader(&pki.leaf(|_| {}).identity());
    let mut anchors = pki.root_anchors(Purpose::Peers);
    shake(&client, &tls::mail_server(&own, &anchors).unwrap()).unwrap();
    assert_eq!(*reader.1.lock().unwrap(), None, "nobody who logs in by a certificate");
    for (i, purpose) in [Purpose::Clients, Purpose::Cps, Purpose::Devices].into_iter().enumerate() {
        anchors.add_pem(purpose, Pki::new(purpose.as_str()).root.pem().as_bytes()).unwrap();
        shake(&client, &tls::mail_server(&own, &anchors).unwrap()).unwrap();
        assert_eq!(reader.1.lock().unwrap().take().unwrap().1, i + 1);
    }
}

#[test]
fn the_certificate_is_that_of_the_name_that_was_asked_for() {
    let pki = Pki::new("O");
    let named = |names: &[&str]| {
        pki.leaf(|p| {
            p.subject_alt_names = names.iter().map(|n| rcgen::SanType::DnsName((*n).try_into().unwrap())).collect();
        })
        .identity()
    };
    let (first, auto, wild) =
        (named(&["mail.exemple.fr"]), named(&["Autoconfig.exemple.fr", "mail.exemple.fr"]), named(&["*.chu.fr"]));
    let door = tls::client_server(ByName::from(&first).with(&[auto.clone(), wild.clone()])).unwrap();
    let client = tls::transfer_client(&first).unwrap();
    for (asked, own) in [
        ("mail.exemple.fr", &first),
        ("autoconfig.exemple.fr", &auto),
        ("AUTOCONFIG.EXEMPLE.FR", &auto),
        ("autodiscover.chu.fr", &wild),
        ("a.b.chu.fr", &first),
        ("chu.fr", &first),
        ("ailleurs.fr", &first),
    ] {
        let name = rustls_pki_types::ServerName::try_from(asked.to_owned()).unwrap();
        let (c, _) = crate::tls::shake_as(&client, &door, name).unwrap();
        assert_eq!(c.peer_certificates().unwrap(), own.chain, "{asked}");
    }
}

fn openssl(dir: &Path, args: &[&str]) -> String {
    let done = Command::new("openssl").args(args).current_dir(dir).output().expect("openssl is wanted by ./check");
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).into_owned()
}

#[test]
fn attributes_are_found_however_a_card_groups_them() {
    let dir = tempfile::tempdir().unwrap();
    let want = [("CN", "810003456786"), ("SURNAME", "DÉMO"), ("GIVENNAME", "Zoé"), ("TITLE", "Médecin")];
    for (form, subject) in [
        ("one RDN", "/C=FR/O=CPS/CN=810003456786+SN=DÉMO+GN=Zoé+title=Médecin"),
        ("each its own", "/C=FR/O=CPS/CN=810003456786/SN=DÉMO/GN=Zoé/title=Médecin"),
    ] {
        #[rustfmt::skip]
        openssl(dir.path(), &["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "k.pem", "-utf8",
            "-multivalue-rdn", "-subj", subject, "-outform", "DER", "-out", "c.der"]);
        let der = std::fs::read(dir.path().join("c.der")).unwrap();
        let (_, leaf) = x509_parser::parse_x509_certificate(&der).unwrap();
        let rdns = leaf.subject().iter_rdn().count();
        assert_eq!(rdns, if form == "one RDN" { 3 } else { 6 }, "{form}");
        let found = Dn::attributes(leaf.subject().as_raw());
        for (kind, value) in want {
            assert!(found.contains(&(kind.to_owned(), value.to_owned())), "{form}: {kind} in {found:?}");
        }
        assert_eq!(found.len(), 6, "{found:?}");
    }
    assert_eq!(Dn::attributes(b"nothing"), []);
}

#[test]
fn openssl_reads_what_we_sign_and_notices_a_change() {
    let (pki, dir) = (Pki::new("O"), tempfile::tempdir().unwrap());
    std::fs::write(dir.path().join("root.pem"), pki.root.pem()).unwrap();
    let content = b"<?xml version=\"1.0\"?>\n<plist/>\n".repeat(20);
    let p384 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    for (kind, key) in [("rsa", rsa_key()), ("p256", rcgen::KeyPair::generate().unwrap()), ("p384", p384)] {
        let identity = pki.leaf_with(key, |_| {}).identity();
        let signed = cms::signed(&content, &identity, NOW).unwrap();
        let at = NOW.seconds().to_string();
        #[rustfmt::skip]
        let verify = ["cms", "-verify", "-binary", "-inform", "DER", "-in", "s.der", "-CAfile", "root.pem", "-purpose", "any", "-attime", &at, "-out", "o"];
        std::fs::write(dir.path().join("s.der"), &signed).unwrap();
        openssl(dir.path(), &verify);
        assert_eq!(std::fs::read(dir.path().join("o")).unwrap(), content, "{kind}");
        let printed = openssl(dir.path(), &["cms", "-cmsout", "-print", "-inform", "DER", "-in", "s.der"]);
        assert!(printed.contains("Dec 15 12:00:00 2026 GMT"), "{printed}");
        // A letter of the content.
        let mut altered = signed;
        let place = altered.windows(7).position(|w| w == b"<plist/").unwrap();
        altered[place + 1] = b'q';
        std::fs::write(dir.path().join("s.der"), &altered).unwrap();
        let done = Command::new("openssl").args(verify).current_dir(dir.path()).output().unwrap();
        assert!(!done.status.success(), "{kind}");
    }
}

#[test]
fn devices_of_ours_stay_anchors_when_the_configuration_is_read_again() {
    let (pki, devices) = (Pki::new("O"), Pki::new("APPAREILS"));
    let trust = sceau_trust::Trust::new(pki.anchors(Purpose::Peers));
    let device = devices.leaf(|_| {});
    let judged = || peer::judge(&trust.anchors(), Purpose::Devices, &devices.chain(&device), true, NOW).map(drop);
    assert_eq!(judged(), Err(PeerCause::UnknownIssuer));
    let before = trust.generation();
    trust.set_devices(&[devices.root.pem()]).unwrap();
    assert_eq!(judged(), Ok(()));
    trust.set_anchors(pki.anchors(Purpose::Peers));
    assert_eq!((judged(), trust.generation() - before), (Ok(()), 2));
    trust.set_devices(&[]).unwrap();
    assert_eq!(judged(), Err(PeerCause::UnknownIssuer));
    assert!(trust.set_devices(&["nonsense".to_owned()]).is_err());
    assert_eq!(Anchors::default().of(Purpose::Devices), []);
}
