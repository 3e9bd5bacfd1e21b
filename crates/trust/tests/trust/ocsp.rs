//! Answers of responders, made by `openssl ocsp`: whose word counts, about which certificate, and for how long.
use crate::pki::*;
use proptest::prelude::*;
use rcgen::{
    CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use sceau_domain::{Clock, SystemClock, Timestamp};
use sceau_trust::Purpose;
use sceau_trust::ocsp::{Answer, NONCE, OcspError, Status, judge, question};
use sceau_trust::path::Link;
use sceau_trust::peer::judge_path;
use std::process::Command;
use std::sync::LazyLock;

/// An authority with a leaf, and the files that openssl reads.
struct World {
    pki: Pki,
    link: Link,
    other: Link,
    folder: tempfile::TempDir,
}

/// Who signs answers.
struct Signer(&'static str);

impl World {
    fn new() -> Self {
        let pki = Pki::new("O");
        let link = |serial: u64| {
            let leaf = pki.leaf(|p| p.serial_number = Some(SerialNumber::from(serial)));
            let path =
                judge_path(&pki.anchors(Purpose::Peers), Purpose::Peers, &pki.chain(&leaf), true, NOW).unwrap().1;
            path.links[0].clone()
        };
        let world = Self { link: link(4242), other: link(77), folder: tempfile::tempdir().unwrap(), pki };
        world.put("issuing.pem", world.pki.issuing.pem());
        world.put("issuing.key", world.pki.issuing.key().serialize_pem());
        world
    }
    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
    fn put(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).unwrap();
    }
    /// A responder's certificate and key.
    fn delegate(&self, name: &'static str, issuer: &Authority, change: impl Fn(&mut CertificateParams)) -> Signer {
        let mut p = leaf_params();
        p.distinguished_name.push(rcgen::DnType::CommonName, name);
        p.serial_number = Some(SerialNumber::from(9000));
        p.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
        p.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        change(&mut p);
        let key = KeyPair::generate().unwrap();
        self.put(&format!("{name}.pem"), p.signed_by(&key, issuer).unwrap().pem());
        self.put(&format!("{name}.key"), key.serialize_pem());
        Signer(name)
    }
    /// What openssl answers to this question. `lines` of its index: `V` good, `R` revoked, with a serial number.
    fn answer(&self, question: &[u8], signer: &Signer, lines: &[(char, u64)], more: &[&str]) -> Vec<u8> {
        let index: String = lines
            .iter()
            .map(|(state, serial)| {
                let since = if *state == 'R' { "261001000000Z" } else { "" };
                let hex = format!("{serial:X}");
                let hex = if hex.len() % 2 == 1 { format!("0{hex}") } else { hex };
                format!("{state}\t351231235959Z\t{since}\t{hex}\tunknown\t/CN=x\n")
            })
            .collect();
        self.put("index", index);
        self.put("question", question);
        let (cert, key) = (format!("{}.pem", signer.0), format!("{}.key", signer.0));
        let done = Command::new("openssl")
            .args(["ocsp", "-index", &self.path("index"), "-CA", &self.path("issuing.pem")])
            .args(["-rsigner", &self.path(&cert), "-rkey", &self.path(&key)])
            .args(["-reqin", &self.path("question"), "-respout", &self.path("answer")])
            .args(more)
            .output()
            .expect("openssl is among the programs that ./check wants");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        std::fs::read(self.path("answer")).unwrap()
    }
}

const OURS: [u8; NONCE] = [7; NONCE];
const DAYS: &[&str] = &["-ndays", "2"];
const ISSUER: Signer = Signer("issuing");

fn now() -> Timestamp {
    SystemClock.now()
}

fn judged(w: &World, answer: &[u8]) -> Result<Answer, OcspError> {
    judge(answer, &w.link, Some(&OURS), true, now(), &|_| false)
}

#[test]
fn the_authority_and_whom_it_charged_are_believed_about_this_certificate() {
    let w = World::new();
    let asked = question(&w.link, &OURS).unwrap();
    // openssl reads our question as we mean it.
    w.put("question", &asked);
    let text = Command::new("openssl").args(["ocsp", "-reqin", &w.path("question"), "-req_text"]).output().unwrap();
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("Serial Number: 1092") && text.contains("OCSP Nonce"), "{text}");

    let good = judged(&w, &w.answer(&asked, &ISSUER, &[('V', 4242)], DAYS)).unwrap();
    assert_eq!((good.status, good.nonced), (Status::Good, true));
    assert!(good.until > now().plus_ms(DAY) && good.until < now().plus_ms(3 * DAY) && good.this_update <= now());
    let revoked = judged(&w, &w.answer(&asked, &ISSUER, &[('R', 4242), ('V', 77)], DAYS)).unwrap();
    assert_eq!(revoked.status, Status::Revoked(Timestamp(1_790_812_800_000)));
    assert_eq!(judged(&w, &w.answer(&asked, &ISSUER, &[('V', 77)], DAYS)).unwrap().status, Status::Unknown);

    let charged = w.delegate("charged", &w.pki.issuing, |_| {});
    let answer = w.answer(&asked, &charged, &[('V', 4242)], DAYS);
    assert_eq!(judged(&w, &answer).unwrap().status, Status::Good);
    let by_key = w.answer(&asked, &charged, &[('V', 4242)], &["-ndays", "2", "-resp_key_id"]);
    assert_eq!(judged(&w, &by_key).unwrap().status, Status::Good);
    // The authority took the charge back.
    let gone = judge(&answer, &w.link, Some(&OURS), true, now(), &|serial| serial == [0x23, 0x28]);
    assert_eq!(gone, Err(OcspError::Responder));
}

#[test]
fn nobody_else_is_believed_nor_about_anything_else() {
    let w = World::new();
    let asked = question(&w.link, &OURS).unwrap();
    let by = |signer: Signer| judged(&w, &w.answer(&asked, &signer, &[('V', 4242)], DAYS));
    let plain = |p: &mut CertificateParams| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    assert_eq!(by(w.delegate("peer", &w.pki.issuing, plain)), Err(OcspError::Responder), "a peer of the authority");
    assert_eq!(by(w.delegate("above", &w.pki.root, |_| {})), Err(OcspError::Responder), "charged by another one");
    let ended = w.delegate("ended", &w.pki.issuing, |p| p.not_after = day(-60));
    assert_eq!(by(ended), Err(OcspError::Responder));
    // The authority's own name, another key.
    let mut p = authority_params(ISSUER_CN, "O");
    p.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let forger = CertifiedIssuer::self_signed(p, KeyPair::generate().unwrap()).unwrap();
    w.put("forger.pem", forger.pem());
    w.put("forger.key", forger.key().serialize_pem());
    assert_eq!(by(Signer("forger")), Err(OcspError::Signature));

    // Another certificate's answer, our nonce or not.
    let others = w.answer(&question(&w.other, &OURS).unwrap(), &ISSUER, &[('V', 77)], DAYS);
    assert_eq!(judged(&w, &others), Err(OcspError::OtherCertificate));
    let replayed = w.answer(&question(&w.link, &[8; NONCE]).unwrap(), &ISSUER, &[('V', 4242)], DAYS);
    assert_eq!(judged(&w, &replayed), Err(OcspError::Nonce));
    // Without a question of ours (stapled), whose nonce it repeats does not matter.
    let stapled = w.answer(&asked, &ISSUER, &[('V', 4242)], DAYS);
    assert!(!judge(&stapled, &w.link, None, false, now(), &|_| false).unwrap().nonced);
    // Its time is over, or has not come.
    let later = now().plus_ms(3 * DAY);
    assert_eq!(judge(&stapled, &w.link, Some(&OURS), true, later, &|_| false), Err(OcspError::Stale));
    let before = now().plus_ms(-DAY);
    assert_eq!(judge(&stapled, &w.link, Some(&OURS), true, before, &|_| false), Err(OcspError::Future));
    // A responder that will not say.
    assert_eq!(judged(&w, &[0x30, 3, 0x0a, 1, 6]), Err(OcspError::Refused(6)));
    for nonsense in [&b""[..], b"<html>", &[0x30, 0x80], &[0x30, 3, 0x0a, 1, 0]] {
        assert_eq!(judged(&w, nonsense), Err(OcspError::Broken));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    /// An altered answer says nothing that the true one does not say.
    #[test]
    fn altered_answers_are_never_good(at in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<bool>()) {
        static TRUE: LazyLock<(World, Vec<u8>)> = LazyLock::new(|| {
            let w = World::new();
            let asked = question(&w.link, &OURS).unwrap();
            let charged = w.delegate("charged", &w.pki.issuing, |_| {});
            let answer = w.answer(&asked, &charged, &[('R', 4242)], DAYS);
            (w, answer)
        });
        let (w, answer) = &*TRUE;
        let mut altered = answer.clone();
        let at = at.index(altered.len());
        altered[at] ^= 1 << bit;
        if cut {
            altered.truncate(at);
        }
        if let Ok(said) = judged(w, &altered) {
            // What is outside the signature (the rest of a certificate that nobody needs) may change.
            prop_assert!(matches!(said.status, Status::Revoked(_)));
        }
    }
}

#[test]
fn a_certificate_says_where_its_revocation_is_told() {
    let pki = Pki::new("O");
    let leaf = pki.leaf(|p| {
        let uris =
            ["http://crl.exemple.fr/ac.crl", "ldap://annuaire.exemple.fr/cn=AC?certificateRevocationList;binary"];
        p.crl_distribution_points =
            vec![rcgen::CrlDistributionPoint { uris: uris.iter().map(|u| (*u).to_string()).collect() }];
        // AuthorityInfoAccess with one responder.
        let uri = b"http://ocsp.exemple.fr";
        let mut access = vec![0x30, 0, 0x30, 0, 0x06, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 0x86, uri.len() as u8];
        access.extend(uri);
        (access[1], access[3]) = ((access.len() - 2) as u8, (access.len() - 4) as u8);
        p.custom_extensions = vec![rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], access)];
    });
    let chain: Vec<CertificateDer<'_>> = pki.chain(&leaf);
    let (peer, path) = judge_path(&pki.root_anchors(Purpose::Peers), Purpose::Peers, &chain, true, NOW).unwrap();
    assert_eq!(peer.chain.certificates(), chain);
    let [link, above] = &path.links[..] else { panic!("two links") };
    assert_eq!(link.points.crls, ["http://crl.exemple.fr/ac.crl"]);
    assert_eq!(link.points.ocsp, ["http://ocsp.exemple.fr"]);
    assert!(link.points.elsewhere[0].starts_with("ldap:"));
    assert!(!link.authority && above.authority && !above.configured);
    assert_eq!(path.ends, NOW.plus_ms(300 * DAY));
    let (_, path) = judge_path(&pki.anchors(Purpose::Peers), Purpose::Peers, &chain, true, NOW).unwrap();
    assert!(path.links[1].configured, "it stands among the anchors");
}
