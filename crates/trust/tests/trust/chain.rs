//! Which chain makes a peer, and the precise cause when it makes none.
use crate::pki::*;
use rcgen::{
    CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use sceau_domain::RefusalCode;
use sceau_trust::identity::IdentityError;
use sceau_trust::peer::judge;
use sceau_trust::{Anchors, Dn, PeerCause, Purpose};

fn cause(anchors: &Anchors, chain: &[CertificateDer<'_>]) -> Option<PeerCause> {
    judge(anchors, Purpose::Peers, chain, true, NOW).err()
}

#[test]
fn a_good_chain_is_a_peer_with_its_facts() {
    let pki = Pki::new("O");
    let leaf = pki.leaf(|_| {});
    for client in [true, false] {
        let peer = judge(&pki.root_anchors(Purpose::Peers), Purpose::Peers, &pki.chain(&leaf), client, NOW).unwrap();
        assert_eq!(peer.dn, Dn::parse("CN=mss.exemple.fr,O=CLINIQUE DU PARC,C=FR").unwrap());
        assert_eq!(peer.dn.as_str(), "CN=mss.exemple.fr,O=CLINIQUE DU PARC,C=FR");
        assert_eq!(peer.issuer, Dn::parse(&format!("C=FR, O=O, CN={ISSUER_CN}")).unwrap());
        assert_eq!(peer.serial, "1092");
        assert_eq!(peer.not_after, NOW.plus_ms(300 * DAY));
        assert_eq!(peer.fingerprint.len(), 64);
    }
}

#[test]
fn a_missing_intermediate_is_found_among_the_anchors() {
    let pki = Pki::new("O");
    let leaf = pki.leaf(|_| {});
    let alone = [leaf.der.clone()];
    assert_eq!(cause(&pki.anchors(Purpose::Peers), &alone), None);
    assert_eq!(cause(&pki.root_anchors(Purpose::Peers), &alone), Some(PeerCause::UnknownIssuer));
}

#[test]
fn an_intermediate_is_an_anchor_only_when_no_root_is_configured() {
    let (pki, other) = (Pki::new("O"), Pki::new("P"));
    let chain = pki.chain(&pki.leaf(|_| {}));
    let mut anchors = Anchors::default();
    anchors.add_pem(Purpose::Peers, pki.issuing.pem().as_bytes()).unwrap();
    assert_eq!(cause(&anchors, &chain), None);
    anchors.add_pem(Purpose::Peers, other.root.pem().as_bytes()).unwrap();
    assert_eq!(cause(&anchors, &chain), Some(PeerCause::UnknownIssuer));
}

#[test]
fn a_purpose_opens_no_other_door() {
    let pki = Pki::new("O");
    let chain = pki.chain(&pki.leaf(|_| {}));
    let anchors = pki.anchors(Purpose::Connectors);
    assert!(judge(&anchors, Purpose::Connectors, &chain, true, NOW).is_ok());
    for purpose in [Purpose::Peers, Purpose::ListSigner, Purpose::Cps, Purpose::Clients, Purpose::ListServer] {
        assert_eq!(judge(&anchors, purpose, &chain, true, NOW), Err(PeerCause::UnknownIssuer));
    }
}

#[test]
fn causes_are_told_apart() {
    let pki = Pki::new("O");
    // The same names, other keys.
    let rogue = Pki::new("O");
    let anchors = pki.anchors(Purpose::Peers);
    let judged = |change: fn(&mut CertificateParams)| cause(&anchors, &pki.chain(&pki.leaf(change)));
    assert_eq!(cause(&anchors, &[]), Some(PeerCause::Absent));
    assert_eq!(judged(|p| p.not_after = day(-1)), Some(PeerCause::Expired));
    assert_eq!(judged(|p| p.not_before = day(1)), Some(PeerCause::NotYetValid));
    assert_eq!(
        judged(|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
        Some(PeerCause::WrongUsage)
    );
    assert_eq!(judged(|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]), None);
    assert_eq!(judged(|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any]), None);
    assert_eq!(judged(|p| p.extended_key_usages.clear()), None);
    assert_eq!(judged(|p| p.key_usages = vec![KeyUsagePurpose::KeyEncipherment]), Some(PeerCause::WrongUsage));
    assert_eq!(judged(|p| p.key_usages.clear()), None);
    assert_eq!(judged(|p| p.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained)), Some(PeerCause::WrongUsage));
    assert_eq!(cause(&anchors, &rogue.chain(&rogue.leaf(|_| {}))), Some(PeerCause::UnknownIssuer));
    let stranger = Pki::new("STRANGER");
    assert_eq!(cause(&anchors, &stranger.chain(&stranger.leaf(|_| {}))), Some(PeerCause::UnknownIssuer));
    // A stranger's certificate is a stranger's first, whatever else it is.
    assert_eq!(
        cause(&anchors, &stranger.chain(&stranger.leaf(|p| p.not_after = day(-1)))),
        Some(PeerCause::UnknownIssuer)
    );
    assert_eq!(cause(&anchors, &rogue.chain(&rogue.leaf(|p| p.not_before = day(1)))), Some(PeerCause::UnknownIssuer));
    assert_eq!(
        cause(
            &anchors,
            &stranger.chain(&stranger.leaf(|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::TimeStamping]))
        ),
        Some(PeerCause::UnknownIssuer)
    );
    let broken = CertificateDer::from(vec![0x30, 3, 2, 1, 0]);
    assert_eq!(cause(&anchors, &[broken]), Some(PeerCause::Invalid));
    let many = vec![pki.leaf(|_| {}).der; 11];
    assert_eq!(cause(&anchors, &many), Some(PeerCause::Invalid));
}

#[test]
fn expiry_is_told_only_of_certificates_that_an_authority_of_ours_signed() {
    let pki = Pki::new("O");
    let anchors = pki.anchors(Purpose::Peers);
    // Dead before its authority was born, still ours.
    let ancient = pki.leaf(|p| (p.not_before, p.not_after) = (day(-9500), day(-9400)));
    assert_eq!(cause(&anchors, &pki.chain(&ancient)), Some(PeerCause::Expired));
    // No anchors: nobody is ours, however broken the certificate is besides.
    let expired = pki.leaf(|p| p.not_after = day(-1));
    assert_eq!(cause(&Anchors::default(), &pki.chain(&expired)), Some(PeerCause::UnknownIssuer));
    let mut altered = expired.der.to_vec();
    for at in 0..altered.len() {
        altered[at] ^= 4;
        let verdict = cause(&anchors, &[CertificateDer::from(altered.clone()), pki.issuing.der().clone()]);
        assert!(
            matches!(verdict, Some(PeerCause::UnknownIssuer | PeerCause::Invalid | PeerCause::WrongUsage)),
            "byte {at}: {verdict:?}"
        );
        altered[at] ^= 4;
    }
    // A stranger's intermediate that is itself expired.
    let stranger = Pki::with("STRANGER", |p| p.not_after = day(-1));
    assert_eq!(cause(&anchors, &stranger.chain(&stranger.leaf(|_| {}))), Some(PeerCause::UnknownIssuer));
}

#[test]
fn self_signed_strangers_are_unknown() {
    let anchors = Pki::new("O").anchors(Purpose::Peers);
    for ca in [false, true] {
        let mut p = leaf_params();
        if ca {
            p.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        }
        let certificate = p.self_signed(&KeyPair::generate().unwrap()).unwrap();
        assert_eq!(cause(&anchors, &[certificate.der().clone()]), Some(PeerCause::UnknownIssuer));
    }
}

#[test]
fn authorities_expire_too_and_need_the_right_to_sign() {
    let pki = Pki::with("O", |p| p.not_after = day(-1));
    let chain = pki.chain(&pki.leaf(|_| {}));
    assert_eq!(cause(&pki.root_anchors(Purpose::Peers), &chain), Some(PeerCause::Expired));

    let pki = Pki::with("O", |p| p.key_usages = vec![KeyUsagePurpose::DigitalSignature]);
    let chain = pki.chain(&pki.leaf(|_| {}));
    assert_eq!(cause(&pki.root_anchors(Purpose::Peers), &chain), Some(PeerCause::Invalid));

    // An expired root, which webpki alone would trust.
    let mut p = authority_params("AC RACINE", "O");
    p.not_after = day(-1);
    let root = CertifiedIssuer::self_signed(p, KeyPair::generate().unwrap()).unwrap();
    let leaf = leaf_params().signed_by(&KeyPair::generate().unwrap(), &root).unwrap();
    let mut anchors = Anchors::default();
    anchors.add_pem(Purpose::Peers, root.pem().as_bytes()).unwrap();
    assert_eq!(cause(&anchors, &[leaf.der().clone()]), Some(PeerCause::Expired));
    assert_eq!(judge(&anchors, Purpose::Peers, &[leaf.der().clone()], true, NOW.plus_ms(-2 * DAY)).err(), None);

    // A peer's own certificate issues nothing.
    let pki = Pki::new("O");
    let mut p = leaf_params();
    p.use_authority_key_identifier_extension = true;
    let peer = CertifiedIssuer::signed_by(leaf_params(), KeyPair::generate().unwrap(), &pki.issuing).unwrap();
    p.distinguished_name.push(rcgen::DnType::CommonName, "mss.autre.fr");
    let forged = p.signed_by(&KeyPair::generate().unwrap(), &peer).unwrap();
    let chain = [forged.der().clone(), peer.der().clone(), pki.issuing.der().clone()];
    assert!(cause(&pki.anchors(Purpose::Peers), &chain).is_some());
}

#[test]
fn revocation_is_the_issuers_word_and_outlives_the_list() {
    let pki = Pki::new("O");
    let chain = pki.chain(&pki.leaf(|_| {}));
    let with = |crls: &[Vec<u8>]| {
        let mut anchors = pki.anchors(Purpose::Peers);
        for crl in crls {
            anchors.add_crl(crl).unwrap();
        }
        cause(&anchors, &chain)
    };
    assert_eq!(with(&[pki.crl(&[1, 2], -1)]), None);
    assert_eq!(with(&[pki.crl(&[1, 4242], -1)]), Some(PeerCause::Revoked));
    // Expired long ago, still a fact.
    assert_eq!(with(&[pki.crl(&[4242], -60)]), Some(PeerCause::Revoked));
    // The newest of an issuer counts, in whatever order they come.
    assert_eq!(with(&[pki.crl(&[4242], -20), pki.crl(&[], -1)]), None);
    assert_eq!(with(&[pki.crl(&[], -1), pki.crl(&[4242], -20)]), None);
    // Another issuer's word, and a forger's with the issuer's name, count for nothing.
    assert_eq!(with(&[crl(&pki.root, &[4242], -1, 7)]), None);
    assert_eq!(with(&[Pki::new("O").crl(&[4242], -1)]), None);
    // Not revoked yet at the time of judgement.
    assert_eq!(with(&[pki.crl(&[4242], 1)]), None);
    // A revoked authority takes its certificates with it.
    let pki2 = Pki::with("O", |p| p.serial_number = Some(SerialNumber::from(77)));
    let mut anchors = pki2.anchors(Purpose::Peers);
    anchors.add_crl(&crl(&pki2.root, &[77], -1, 7)).unwrap();
    assert_eq!(cause(&anchors, &pki2.chain(&pki2.leaf(|_| {}))), Some(PeerCause::Revoked));
    // Lists of different scopes live side by side, in PEM too.
    let scoped = |serials: &[u64], day, scope| crl_of(&pki.issuing, serials, day, 7, Some(scope));
    let users = scoped(&[4242], -3, rcgen::CrlScope::UserCertsOnly);
    assert_eq!(with(&[users.clone(), scoped(&[], -1, rcgen::CrlScope::CaCertsOnly)]), Some(PeerCause::Revoked));
    assert_eq!(with(&[users, scoped(&[], -1, rcgen::CrlScope::UserCertsOnly)]), None);
    // Expired and revoked: both are refusals; a stranger's CRL does not hide the date.
    let mut anchors = pki.anchors(Purpose::Peers);
    anchors.add_crl(&pki.crl(&[4242], -1)).unwrap();
    let expired = pki.leaf(|p| p.not_after = day(-1));
    assert_eq!(cause(&anchors, &pki.chain(&expired)), Some(PeerCause::Expired));
}

#[test]
fn crls_tell_their_dates_and_nonsense_is_refused() {
    let pki = Pki::new("O");
    let mut anchors = Anchors::default();
    anchors.add_crl(&pki.crl(&[1, 2, 3], -1)).unwrap();
    let facts = anchors.crl_facts();
    assert_eq!(facts.len(), 1);
    assert_eq!(facts[0].revoked, 3);
    assert_eq!(facts[0].this_update, NOW.plus_ms(-DAY));
    assert_eq!(facts[0].next_update, Some(NOW.plus_ms(6 * DAY)));
    assert!(anchors.add_crl(b"").is_err());
    assert!(anchors.add_crl(b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n").is_err());
    assert!(anchors.add_pem(Purpose::Peers, b"no certificate here").is_err());
    assert!(
        anchors.add_pem(Purpose::Peers, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").is_err()
    );
    assert_eq!(anchors.of(Purpose::Peers).len(), 0);
}

/// Made once with openssl: RSA of 1024 bits, and a SHA-1 signature, both by the authority of the same file.
const WEAK: &str = include_str!("fixtures/weak.pem");

fn pem(der: &CertificateDer<'_>) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

#[test]
fn weak_keys_and_digests_are_told() {
    use rustls_pki_types::pem::PemObject;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(WEAK.as_bytes()).collect::<Result<_, _>>().unwrap();
    let [root, small, sha1, good] = <[_; 4]>::try_from(certificates).unwrap();
    let mut anchors = Anchors::default();
    anchors.certificates.insert(Purpose::Peers, vec![root]);
    assert_eq!(cause(&anchors, &[good]), None);
    // Ours are refused at start with the same sentence, before anybody asks for a key.
    for (weak, why) in [(&small, "RSA 1024 < 2048"), (&sha1, "SHA-1")] {
        assert_eq!(cause(&anchors, std::slice::from_ref(weak)), Some(PeerCause::Weak));
        let refused = sceau_trust::Identity::from_pem(pem(weak).as_bytes(), b"").unwrap_err();
        assert!(matches!(&refused, IdentityError::Weak { why: told, .. } if told.contains(why)), "{refused}");
    }
}

#[test]
fn each_cause_has_its_refusal() {
    for (cause, code) in [
        (PeerCause::Absent, RefusalCode::PeerNoCertificate),
        (PeerCause::UnknownIssuer, RefusalCode::PeerUnknownIssuer),
        (PeerCause::Expired, RefusalCode::PeerExpired),
        (PeerCause::NotYetValid, RefusalCode::PeerNotYetValid),
        (PeerCause::Revoked, RefusalCode::PeerRevoked),
        (PeerCause::WrongUsage, RefusalCode::PeerWrongUsage),
        (PeerCause::Invalid, RefusalCode::PeerInvalid),
        (PeerCause::Weak, RefusalCode::PeerWeak),
        (PeerCause::OtherEnvironment, RefusalCode::PeerOtherEnvironment),
    ] {
        assert_eq!(cause.refusal().code, code);
    }
}
