//! Reading lists with the oddities of real ones, and judging them.
use crate::pki::*;
use rcgen::{CustomExtension, ExtendedKeyUsagePurpose};
use sceau_domain::{DomainName, Timestamp};
use sceau_trust::whitelist::{SignError, WhiteListError, WhiteListSource, sign, verify};
use sceau_trust::{Anchors, Dn, Purpose, WhiteList};

fn domain(s: &str) -> DomainName {
    s.parse().unwrap()
}

fn dn(s: &str) -> Dn {
    Dn::parse(s).unwrap()
}

fn wrap(entries: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><ListeBlancheMSSante xmlns="https://listeblanche.mssante.fr/schema"><DateDeGeneration>2026-12-15T12:00:00Z</DateDeGeneration><ListeDomaines>{entries}</ListeDomaines></ListeBlancheMSSante>"#
    )
}

fn parse(entries: &str) -> WhiteList {
    WhiteList::parse(wrap(entries).as_bytes()).unwrap()
}

#[test]
fn a_list_says_which_dn_may_speak_for_which_domain() {
    let list = WhiteList::parse(&list(&Pki::new("O"), NOW)).unwrap();
    assert_eq!((list.generated, list.entries, list.names(), list.dns().len(), list.skipped), (NOW, 3, 2, 2, 0));
    assert!(list.contains(&domain("A.mssante.fr")) && !list.contains(&domain("c.mssante.fr")));
    assert!(list.lists(&domain("a.mssante.fr"), &dn(DN_A)));
    assert!(list.lists(
        &domain("a.mssante.fr"),
        &dn(r#"C=FR, ST=Bas-Rhin (67), O="CRLCC "Paul  Strauss"", OU=300000000000000, CN=MSS.B.FR"#)
    ));
    assert!(!list.lists(&domain("b.mssante.fr"), &dn(DN_A)));
    assert!(!list.lists(&domain("c.mssante.fr"), &dn(DN_A)));
    assert!(list.knows(&dn(DN_B)) && !list.knows(&dn("CN=mss.c.fr,C=FR")));
    assert_eq!(list.dns_of(&domain("a.mssante.fr")), [dn(DN_A), dn(DN_B)]);
    assert!(list.dns_of(&domain("c.mssante.fr")).is_empty());
    let mut all: Vec<_> = list.iter().map(|l| (l.domain.as_str(), l.dns().len(), l.description)).collect();
    all.sort_unstable();
    let description = "Domaine réservé aux essais & aux démonstrations";
    assert_eq!(all, [("a.mssante.fr", 2, description), ("b.mssante.fr", 1, description)]);
}

#[test]
fn oddities_are_read_and_what_cannot_be_is_counted() {
    let list = parse(
        "<Domaine><Nom> Médecine.mssante.FR </Nom><DNCertificatOperateur>CN=x,O=\"A\u{a0} B\"</DNCertificatOperateur></Domaine>
         <Domaine><DNCertificatOperateur><![CDATA[CN=x, O=A & B]]></DNCertificatOperateur><Nom>b.fr</Nom><Inconnu><Nom>no.fr</Nom></Inconnu></Domaine>
         <Domaine><Nom>b.fr</Nom><DNCertificatOperateur>CN=x,O=A &amp; B<!-- note --></DNCertificatOperateur><Description/></Domaine>
         <Domaine><Nom>not a domain</Nom><DNCertificatOperateur>CN=y</DNCertificatOperateur></Domaine>
         <Domaine><Nom>c.fr</Nom></Domaine>
         <Domaine/>
         <Nom>stray.fr</Nom>
         <x:Domaine xmlns:x='urn:other'><x:Nom>evil.fr</x:Nom></x:Domaine>
         <p:Domaine xmlns:p='https://listeblanche.mssante.fr/schema'><p:Nom>prefixed.fr</p:Nom><p:DNCertificatOperateur>CN=&#x7A;</p:DNCertificatOperateur></p:Domaine>",
    );
    assert_eq!((list.entries, list.skipped, list.names(), list.dns().len()), (7, 3, 4, 4));
    assert!(list.lists(&domain("médecine.mssante.fr"), &dn("O=a b,CN=X")));
    assert_eq!(list.dns_of(&domain("b.fr")).len(), 1);
    assert!(list.lists(&domain("prefixed.fr"), &dn("CN=z")));
    assert!(list.contains(&domain("c.fr")) && list.dns_of(&domain("c.fr")).is_empty());
    for absent in ["no.fr", "stray.fr", "evil.fr"] {
        assert!(!list.contains(&domain(absent)));
    }
}

#[test]
fn dates_are_read_as_xml_schema_writes_them() {
    for text in
        ["2026-12-15T12:00:00Z", " 2026-12-15T13:00:00+01:00\n", "2026-12-15T12:00:00", "2026-12-15T12:00:00.000Z"]
    {
        let xml = wrap("").replace("2026-12-15T12:00:00Z", text);
        assert_eq!(WhiteList::parse(xml.as_bytes()).unwrap().generated, NOW, "{text}");
    }
    assert_eq!(WhiteList::parse(format!("\u{feff}{}", wrap("")).as_bytes()).unwrap().entries, 0);
}

#[test]
fn what_is_no_list_is_a_format_error() {
    let good = wrap("<Domaine><Nom>a.fr</Nom></Domaine>");
    let deep = format!("{}{}", "<a>".repeat(40), "</a>".repeat(40));
    let cases: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"not XML".to_vec(),
        b"\xff\xfe<\0".to_vec(),
        b"<ListeBlancheMSSante/>".to_vec(),
        good.replace("2026-12-15T12:00:00Z", "yesterday").into_bytes(),
        good.replace("UTF-8", "ISO-8859-15").into_bytes(),
        good.replace("https://listeblanche", "https://autre").into_bytes(),
        good.as_bytes()[..good.len() - 5].to_vec(),
        good.replace("</Nom>", "</Mon>").into_bytes(),
        format!("{good}<b/>").into_bytes(),
        format!("{good}text").into_bytes(),
        wrap(&deep).into_bytes(),
        wrap(&format!("<Domaine><Nom>{}</Nom></Domaine>", "x".repeat(20_000))).into_bytes(),
        wrap(&format!("<Domaine x='{}'/>", "x".repeat(10_000))).into_bytes(),
        wrap("<Domaine><Nom>&ext;</Nom></Domaine>").into_bytes(),
        wrap("<Domaine><Nom>&#0;</Nom></Domaine>").into_bytes(),
        wrap("<x:Domaine/>").into_bytes(),
        good.replacen("?>", "?><!DOCTYPE ListeBlancheMSSante [<!ENTITY a \"b\">]>", 1).into_bytes(),
        good.replacen("?>", "?><!DOCTYPE ListeBlancheMSSante>", 1).into_bytes(),
        vec![b' '; sceau_trust::whitelist::MAX_BYTES + 1],
    ];
    for xml in cases {
        let shown = String::from_utf8_lossy(&xml[..xml.len().min(200)]).into_owned();
        let error = WhiteList::parse(&xml).expect_err(&shown);
        assert_eq!(error.code(), "white_list.format", "{shown}");
    }
}

fn judge(
    pki: &Pki,
    xml: &[u8],
    source: &WhiteListSource,
    in_force: Option<Timestamp>,
) -> Result<WhiteList, WhiteListError> {
    verify(xml, source, &pki.anchors(Purpose::ListSigner), in_force, NOW)
}

#[test]
fn a_good_list_is_put_in_force() {
    let pki = Pki::new("O");
    let xml = list(&pki, NOW.plus_ms(-DAY));
    for in_force in [None, Some(NOW.plus_ms(-DAY)), Some(NOW.plus_ms(-2 * DAY))] {
        assert_eq!(judge(&pki, &xml, &source(), in_force).unwrap().entries, 3);
    }
    // The intermediate may come with the signature instead of with the anchors.
    let signer = signer(&pki, |_| {});
    let xml = sign(&[], NOW, &pki.chain(&signer), &signer.key.serialize_der()).unwrap();
    assert!(verify(&xml, &source(), &pki.root_anchors(Purpose::ListSigner), None, NOW).is_ok());
}

#[test]
fn rollback_and_future_are_refused() {
    let pki = Pki::new("O");
    let xml = list(&pki, NOW);
    let error = judge(&pki, &xml, &source(), Some(NOW.plus_ms(1))).unwrap_err();
    assert_eq!(error, WhiteListError::Rollback("2026-12-15T12:00:00Z".into(), "2026-12-15T12:00:00.001Z".into()));
    let within = list(&pki, NOW.plus_ms(299_000));
    assert!(judge(&pki, &within, &source(), None).is_ok());
    let beyond = list(&pki, NOW.plus_ms(301_000));
    assert_eq!(judge(&pki, &beyond, &source(), None).unwrap_err().code(), "white_list.future");
}

#[test]
fn signer_and_issuer_are_the_configured_ones() {
    let pki = Pki::new("O");
    let xml = list(&pki, NOW);
    for wrong in [
        WhiteListSource { signer_cn: "autre.exemple.fr".into(), ..source() },
        WhiteListSource { issuer_cn: "AC JOUEE PERSONNES".into(), ..source() },
        WhiteListSource { signer_cn: String::new(), ..source() },
    ] {
        assert_eq!(judge(&pki, &xml, &wrong, None).unwrap_err().code(), "white_list.signer");
    }
    let shouted = WhiteListSource { signer_cn: "ALB.exemple.FR".into(), ..source() };
    assert!(judge(&pki, &xml, &shouted, None).is_ok());
    // Another certificate of the same authority signs no list.
    let operator = pki.leaf_with(rsa_key(), |_| {});
    let xml = sign(&[], NOW, &pki.chain(&operator), &operator.key.serialize_der()).unwrap();
    assert_eq!(judge(&pki, &xml, &source(), None).unwrap_err().code(), "white_list.signer");
    // A rogue authority with all the names.
    let rogue = Pki::new("O");
    assert_eq!(judge(&pki, &list(&rogue, NOW), &source(), None).unwrap_err().code(), "white_list.signer");
    // Anchors of another purpose.
    let xml = list(&pki, NOW);
    assert!(verify(&xml, &source(), &pki.anchors(Purpose::Peers), None, NOW).is_err());
    assert!(verify(&xml, &source(), &Anchors::default(), None, NOW).is_err());
}

#[test]
fn the_chain_is_judged_at_the_generation_date() {
    let pki = Pki::new("O");
    let signer = signer(&pki, |p| p.not_after = day(-10));
    let made =
        |generated| sign(&[], generated, std::slice::from_ref(&signer.der), &signer.key.serialize_der()).unwrap();
    assert!(judge(&pki, &made(NOW.plus_ms(-11 * DAY)), &source(), None).is_ok());
    assert!(judge(&pki, &made(NOW.plus_ms(-9 * DAY)), &source(), None).unwrap_err().to_string().contains("expired"));
    assert!(judge(&pki, &made(NOW.plus_ms(-101 * DAY)), &source(), None).unwrap_err().to_string().contains("not yet"));
    // Revoked after it signed: the list stays good; before: it is not.
    let mut anchors = pki.anchors(Purpose::ListSigner);
    anchors.add_crl(&pki.crl(&[4242], -20)).unwrap();
    let judged = |at: i64| verify(&made(NOW.plus_ms(at * DAY)), &source(), &anchors, None, NOW);
    assert!(judged(-21).is_ok());
    assert!(judged(-19).unwrap_err().to_string().contains("revoked"));
}

#[test]
fn usages_of_the_signer() {
    let pki = Pki::new("O");
    let made = |s: &Leaf| sign(&[], NOW, std::slice::from_ref(&s.der), &s.key.serialize_der()).unwrap();
    let none = signer(&pki, |p| {
        p.key_usages.clear();
        p.extended_key_usages.clear();
    });
    assert!(judge(&pki, &made(&none), &source(), None).is_ok());
    let cannot = signer(&pki, |p| p.key_usages = vec![rcgen::KeyUsagePurpose::KeyEncipherment]);
    assert_eq!(judge(&pki, &made(&cannot), &source(), None).unwrap_err().code(), "white_list.signer");
    let odd = signer(&pki, |p| {
        p.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(vec![1, 2, 250, 1, 71, 9])];
        // The private extension that real certificates carry.
        p.custom_extensions = vec![CustomExtension::from_oid_content(&[1, 2, 250, 1, 71, 1, 2, 5], vec![4, 1, 0])];
    });
    assert!(judge(&pki, &made(&odd), &source(), None).is_ok());
}

#[test]
fn signing_needs_the_key_of_the_certificate() {
    let pki = Pki::new("O");
    let signer = signer(&pki, |_| {});
    let key = signer.key.serialize_der();
    let other = pki.leaf(|_| {});
    assert!(matches!(sign(&[], NOW, std::slice::from_ref(&other.der), &key), Err(SignError::Mismatch)));
    assert!(matches!(sign(&[], NOW, &[], &key), Err(SignError::Mismatch)));
    assert!(matches!(
        sign(&[], NOW, std::slice::from_ref(&signer.der), &other.key.serialize_der()),
        Err(SignError::Key)
    ));
    let bad = entry("a.fr", "CN=\u{1}");
    assert!(matches!(sign(&[bad], NOW, std::slice::from_ref(&signer.der), &key), Err(SignError::Text)));
}
