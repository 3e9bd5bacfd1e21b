//! The contract of `sceau trust inspect`.
use crate::pki::*;
use sceau_domain::Lang;
use sceau_trust::inspect::{ChainVerdict, SignatureVerdict, inspect};
use sceau_trust::whitelist::sign;
use sceau_trust::{Anchors, Purpose};

#[test]
fn the_json_contract() {
    let pki = Pki::new("O");
    let findings = inspect(&list(&pki, NOW), &pki.anchors(Purpose::ListSigner), NOW);
    assert_eq!(
        serde_json::to_value(&findings).unwrap(),
        serde_json::json!({
            "generated": "2026-12-15T12:00:00Z",
            "entries": 3,
            "names": 2,
            "dns": 2,
            "signature": "valid",
            "signer": "CN=alb.exemple.fr,O=AUTORITE JOUEE,C=FR",
            "chain": "trusted",
            "signer_expired_now": false,
            "skipped": 0,
            "error": null,
        })
    );
}

#[test]
fn verdicts_are_independent() {
    let pki = Pki::new("O");
    let anchors = pki.anchors(Purpose::ListSigner);
    let document = list(&pki, NOW);
    let verdict = |xml: &[u8], anchors: &Anchors, at: i64| {
        let f = inspect(xml, anchors, NOW.plus_ms(at * DAY));
        (f.signature, f.chain, f.signer_expired_now)
    };
    use ChainVerdict::*;
    use SignatureVerdict::*;
    assert_eq!(verdict(&document, &anchors, 0), (Valid, Trusted, false));
    // The signer expires on day 300; the list of day 0 stays good.
    assert_eq!(verdict(&document, &anchors, 301), (Valid, Trusted, true));
    assert_eq!(verdict(&document, &Anchors::default(), 0), (Valid, Untrusted, false));
    assert_eq!(verdict(&document, &Pki::new("O").anchors(Purpose::ListSigner), 0), (Valid, Untrusted, false));
    assert_eq!(verdict(&document, &pki.anchors(Purpose::Peers), 0), (Valid, Untrusted, false));
    let tampered = String::from_utf8(document.clone()).unwrap().replacen("a.mssante.fr", "z.mssante.fr", 1);
    assert_eq!(verdict(tampered.as_bytes(), &anchors, 0), (Invalid, Trusted, false));
    let unsigned = {
        let text = String::from_utf8(document).unwrap();
        let (before, after) = text.split_once("<Signature ").unwrap();
        format!("{before}{}", after.split_once("</Signature>").unwrap().1)
    };
    assert_eq!(verdict(unsigned.as_bytes(), &anchors, 0), (Absent, Untrusted, false));
    // Trusted but for its dates, at the generation date.
    assert_eq!(verdict(&list(&pki, NOW.plus_ms(400 * DAY)), &anchors, 0), (Valid, Expired, false));
    assert_eq!(verdict(&list(&pki, NOW.plus_ms(-400 * DAY)), &anchors, 0), (Valid, Expired, false));
    let stranger = Pki::new("P");
    assert_eq!(verdict(&list(&stranger, NOW.plus_ms(400 * DAY)), &anchors, 0), (Valid, Untrusted, false));
    // The intermediate may come with the signature.
    let signer = signer(&pki, |_| {});
    let xml = sign(&[], NOW, &pki.chain(&signer), &signer.key.serialize_der()).unwrap();
    assert_eq!(verdict(&xml, &pki.root_anchors(Purpose::ListSigner), 0), (Valid, Trusted, false));
}

#[test]
fn names_and_dns_are_counted_after_parsing() {
    let pki = Pki::new("O");
    let entries = [
        entry("a.mssante.fr", DN_A),
        entry("A.mssante.fr ", "C=FR,ST=Haute-Vienne (87),O=\"C H U  DE  LIMOGES\",OU=1870000015,CN=mss.a.fr"),
        entry("a.mssante.fr", &DN_A.replace(',', ", ").replace(' ', "\u{a0}")),
        entry("a.mssante.fr", &DN_A.replace("ST=", "L=")),
        entry("pas un domaine", DN_B),
        entry("PAS un domaine", DN_B),
        entry("", DN_B),
        entry("b.mssante.fr", ""),
    ];
    let f = inspect(&signed(&pki, &entries, NOW), &Anchors::default(), NOW);
    assert_eq!((f.entries, f.names, f.dns, f.skipped), (8, 3, 3, 4));
}

#[test]
fn any_file_gives_an_answer() {
    let pki = Pki::new("O");
    let document = list(&pki, NOW);
    for (garbage, signature) in [
        (&b""[..], SignatureVerdict::Absent),
        (b"%PDF-1.7", SignatureVerdict::Absent),
        (b"\xff\xfe\x00", SignatureVerdict::Absent),
        (b"<html/>", SignatureVerdict::Absent),
        (b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", SignatureVerdict::Absent),
        (&document[..500], SignatureVerdict::Absent),
        (&document[..document.len() - 5], SignatureVerdict::Invalid),
    ] {
        let f = inspect(garbage, &pki.anchors(Purpose::ListSigner), NOW);
        assert_eq!(f.signature, signature, "{f:?}");
        assert_eq!((f.chain, f.signer.as_deref(), f.error.is_some()), (ChainVerdict::Untrusted, None, true), "{f:?}");
        assert!(!f.render(Lang::Fr).is_empty());
    }
    // What stands before the break is counted.
    let f = inspect(&document[..document.len() - 5], &Anchors::default(), NOW);
    assert_eq!((f.entries, f.names, f.generated.as_deref()), (3, 2, Some("2026-12-15T12:00:00Z")));
}

#[test]
fn findings_are_told_in_both_languages() {
    let pki = Pki::new("O");
    let f = inspect(&list(&pki, NOW), &Anchors::default(), NOW.plus_ms(301 * DAY));
    let (fr, en) = (f.render(Lang::Fr), f.render(Lang::En));
    for text in [&fr, &en] {
        assert!(text.contains("2026-12-15T12:00:00Z") && text.contains("CN=alb.exemple.fr"), "{text}");
        assert!(!text.contains("trust.inspect") && !text.contains('{'), "{text}");
        assert_eq!(text.lines().count(), 8, "{text}");
    }
    assert_ne!(fr, en);
}
