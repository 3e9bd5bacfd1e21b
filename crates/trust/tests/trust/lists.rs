//! Fetched revocation lists: whose word counts about what, and which of two stays.
use crate::pki::*;
use sceau_trust::path::Link;
use sceau_trust::peer::judge_path;
use sceau_trust::{CrlError, Environment, ListWord, PeerCause, Purpose, RevocationList, Trust, peer};

fn link(pki: &Pki) -> Link {
    let chain = pki.chain(&pki.leaf(|p| {
        let uris = vec!["http://crl.exemple.fr/ac.crl".to_owned()];
        p.crl_distribution_points = vec![rcgen::CrlDistributionPoint { uris }];
    }));
    judge_path(&pki.anchors(Purpose::Peers), Purpose::Peers, &chain, true, NOW).unwrap().1.links[0].clone()
}

fn read(list: &[u8], link: &Link) -> Result<RevocationList, CrlError> {
    RevocationList::read(list, &link.issuer_name, &link.issuer_key, NOW, 0)
}

#[test]
fn only_the_authoritys_own_complete_lists_are_taken() {
    let pki = Pki::new("O");
    let link = link(&pki);
    assert!(read(&pki.crl(&[1], -1), &link).is_ok());
    assert_eq!(read(&crl(&pki.root, &[1], -1, 7), &link).unwrap_err(), CrlError::OtherIssuer);
    assert_eq!(read(&Pki::new("O").crl(&[1], -1), &link).unwrap_err(), CrlError::Signature, "a forger of its name");
    assert_eq!(read(&pki.crl(&[1], 1), &link).unwrap_err(), CrlError::Future);
    for broken in [&b""[..], b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", b"<html>"] {
        assert!(matches!(read(broken, &link), Err(CrlError::Broken(_))));
    }
    let mut altered = pki.crl(&[1, 4242], -1);
    for at in 0..altered.len() {
        altered[at] ^= 1;
        assert!(read(&altered, &link).is_err(), "byte {at}");
        altered[at] ^= 1;
    }
    // Whose list an address serves is found among the authorities that we know.
    let known = pki.anchors(Purpose::Peers).every();
    let (_, name, key) = RevocationList::read_of_any(&pki.crl(&[1], -1), &known, NOW, 0).unwrap();
    assert_eq!((name, key), (link.issuer_name.clone(), link.issuer_key.clone()));
    let stranger = Pki::new("P").crl(&[], -1);
    assert_eq!(RevocationList::read_of_any(&stranger, &known, NOW, 0).unwrap_err(), CrlError::OtherIssuer);
}

#[test]
fn an_older_list_never_takes_the_place_of_a_newer_one_nor_do_files() {
    let pki = Pki::new("O");
    let link = link(&pki);
    let trust = Trust::new(pki.anchors(Purpose::Peers));
    assert_eq!(trust.word_of_lists(&link, NOW), ListWord::default());
    let (old, new) = (read(&pki.crl(&[], -5), &link).unwrap(), read(&pki.crl(&[4242], -1), &link).unwrap());
    let before = trust.generation();
    assert!(trust.adopt_list(&new) && trust.generation() > before);
    assert!(trust.word_of_lists(&link, NOW).revoked);
    assert!(!trust.adopt_list(&old) && trust.word_of_lists(&link, NOW).revoked);
    // Files read again: neither without a list nor with an older one does anything come back.
    let mut anchors = pki.anchors(Purpose::Peers);
    anchors.add_crl(&pki.crl(&[], -3)).unwrap();
    for anchors in [anchors, pki.anchors(Purpose::Peers)] {
        trust.set_anchors(anchors);
        let word = trust.word_of_lists(&link, NOW);
        assert!(word.revoked && word.good_until.is_none(), "{word:?}");
    }
    // Another authority of the same name, with its own key, does not shadow it.
    let twin = Pki::new("O");
    let theirs =
        RevocationList::read(&twin.crl(&[], 0), &link.issuer_name, &self::link(&twin).issuer_key, NOW, 0).unwrap();
    trust.adopt_list(&theirs);
    assert!(trust.word_of_lists(&link, NOW).revoked);
    // Nor do files: of two authorities of one name each speaks of its own, whichever is newer, and neither hides what was fetched.
    let mut files = pki.anchors(Purpose::Peers);
    files.add_crl(&twin.crl(&[], 0)).unwrap();
    let fetched = Trust::new(files.clone());
    assert!(fetched.adopt_list(&new) && fetched.word_of_lists(&link, NOW).revoked);
    let (ours, theirs) = (pki.crl(&[4242], -2), twin.crl(&[], 0));
    for lists in [[&ours, &theirs], [&theirs, &ours]] {
        let mut files = pki.anchors(Purpose::Peers);
        lists.iter().for_each(|list| files.add_crl(list).unwrap());
        assert!(Trust::new(files).word_of_lists(&link, NOW).revoked);
    }
    // A newer one that lifts it.
    assert!(trust.adopt_list(&read(&pki.crl(&[], 0), &link).unwrap()));
    assert_eq!(trust.word_of_lists(&link, NOW).good_until, Some(NOW.plus_ms(7 * DAY)));
}

#[test]
fn a_list_is_silent_about_what_it_does_not_cover() {
    let pki = Pki::new("O");
    let link = link(&pki);
    let says = |scope| {
        let trust = Trust::new(pki.anchors(Purpose::Peers));
        trust.adopt_list(&read(&crl_of(&pki.issuing, &[], -1, 7, Some(scope)), &link).unwrap());
        trust.word_of_lists(&link, NOW).good_until.is_some()
    };
    // Its distribution point is the one that the certificate names.
    assert!(says(rcgen::CrlScope::UserCertsOnly));
    assert!(!says(rcgen::CrlScope::CaCertsOnly));
    let elsewhere = Link { points: sceau_trust::path::Points::default(), ..link.clone() };
    let trust = Trust::new(pki.anchors(Purpose::Peers));
    let scope = Some(rcgen::CrlScope::UserCertsOnly);
    trust.adopt_list(&read(&crl_of(&pki.issuing, &[], -1, 7, scope), &link).unwrap());
    assert_eq!(trust.word_of_lists(&elsewhere, NOW), ListWord::default(), "a list of another point");
    // One that is over still says since when it was good.
    let trust = Trust::new(pki.anchors(Purpose::Peers));
    trust.adopt_list(&read(&pki.crl(&[], -60), &link).unwrap());
    assert!(trust.word_of_lists(&link, NOW).good_until < Some(NOW));
}

#[test]
fn a_chain_of_the_other_environment_is_told_apart() {
    let (ours, theirs) = (Pki::new("PRODUCTION"), Pki::new("ESSAIS"));
    let mut anchors = ours.anchors(Purpose::Peers);
    let chain = theirs.chain(&theirs.leaf(|_| {}));
    let cause =
        |anchors: &sceau_trust::Anchors, chain: &[_]| peer::judge(anchors, Purpose::Peers, chain, true, NOW).err();
    assert_eq!(cause(&anchors, &chain), Some(PeerCause::UnknownIssuer));
    anchors.add_other_pem(Purpose::Peers, theirs.root.pem().as_bytes()).unwrap();
    assert_eq!(cause(&anchors, &chain), Some(PeerCause::OtherEnvironment));
    assert_eq!(
        cause(&anchors, &theirs.chain(&theirs.leaf(|p| p.not_after = day(-1)))),
        Some(PeerCause::OtherEnvironment)
    );
    assert_eq!(cause(&anchors, &ours.chain(&ours.leaf(|_| {}))), None);
    // For its purpose only, and never instead of a cause of ours.
    let stranger = Pki::new("AUTRE");
    assert_eq!(cause(&anchors, &stranger.chain(&stranger.leaf(|_| {}))), Some(PeerCause::UnknownIssuer));
    assert_eq!(Environment::Test.other(), Environment::Production);
}
