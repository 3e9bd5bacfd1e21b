//! `xmlsec1` as the judge of our signatures and the maker of others'.
use crate::pki::*;
use sceau_trust::whitelist::verify;
use sceau_trust::{Purpose, WhiteList};
use std::path::Path;
use std::process::Command;

fn xmlsec1(directory: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new("xmlsec1")
        .args(arguments)
        .current_dir(directory)
        .output()
        .expect("the test needs xmlsec1 (Debian package xmlsec1)");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A folder with the played authority's files.
fn folder(pki: &Pki) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let signer = signer(pki, |_| {});
    std::fs::write(folder.path().join("key.pem"), signer.key.serialize_pem()).unwrap();
    std::fs::write(folder.path().join("cert.pem"), &signer.pem).unwrap();
    std::fs::write(folder.path().join("root.pem"), pki.root.pem()).unwrap();
    std::fs::write(folder.path().join("inter.pem"), pki.issuing.pem()).unwrap();
    folder
}

fn oracle_says(folder: &Path, document: &[u8]) -> bool {
    std::fs::write(folder.join("doc.xml"), document).unwrap();
    xmlsec1(
        folder,
        &[
            "--verify",
            "--trusted-pem",
            "root.pem",
            "--untrusted-pem",
            "inter.pem",
            "--verification-time",
            "2026-12-15 12:00:00",
            "doc.xml",
        ],
    )
    .0
}

#[test]
fn our_signatures_satisfy_xmlsec1_and_tampered_ones_do_not() {
    let pki = Pki::new("O");
    let folder = folder(&pki);
    for document in [
        list(&pki, NOW),
        signed(&pki, &[], NOW),
        signed(&pki, &[entry("é.fr", "CN=\"<&>'\" \u{a0}\u{85}\u{2028}\t\r\n é 🩺")], NOW),
    ] {
        assert!(oracle_says(folder.path(), &document), "{}", String::from_utf8_lossy(&document));
        let tampered = String::from_utf8(document).unwrap().replace("2026-12-15T12:00:00Z", "2026-12-15T12:00:01Z");
        assert!(!oracle_says(folder.path(), tampered.as_bytes()));
    }
}

/// A template that xmlsec1 fills; `{ds}` is the prefix of signature elements, `{decl}` its declaration.
fn template(before: &str, inside: &str, after: &str, prefix: &str) -> String {
    let (ds, decl) = if prefix.is_empty() {
        (String::new(), "xmlns".to_owned())
    } else {
        (format!("{prefix}:"), format!("xmlns:{prefix}"))
    };
    format!(
        r#"{before}<ListeBlancheMSSante xmlns="https://listeblanche.mssante.fr/schema">
    <DateDeGeneration>2026-12-15T12:00:00Z</DateDeGeneration>{inside}
<{ds}Signature {decl}="http://www.w3.org/2000/09/xmldsig#">
  <{ds}SignedInfo>
    <{ds}CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>
    <{ds}SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>
    <{ds}Reference URI="">
      <{ds}Transforms>
        <{ds}Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>
        <{ds}Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>
      </{ds}Transforms>
      <{ds}DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>
      <{ds}DigestValue/>
    </{ds}Reference>
  </{ds}SignedInfo>
  <{ds}SignatureValue/>
  <{ds}KeyInfo><{ds}X509Data><{ds}X509Certificate/></{ds}X509Data></{ds}KeyInfo>
</{ds}Signature>{after}</ListeBlancheMSSante>"#
    )
}

#[test]
fn signatures_by_xmlsec1_satisfy_us_whatever_the_layout() {
    let pki = Pki::new("O");
    let folder = folder(&pki);
    let anchors = pki.anchors(Purpose::ListSigner);
    let declaration = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
    let plain = "<ListeDomaines><Domaine><Nom>a.fr</Nom><DNCertificatOperateur>CN=a</DNCertificatOperateur></Domaine></ListeDomaines>";
    let bodies = [
        (declaration, plain, "", ""),
        (declaration, plain, "\n\n", "ds"),
        ("", plain, "", "x"),
        ("<?avant un?>\n<!-- perdu -->", "<ListeDomaines/><!-- perdu --><?dedans  deux ?><?vide?>", "", ""),
        ("", "<ListeDomaines><Domaine b='2' a=\"1\" xml:lang='fr'><Nom>a.fr</Nom></Domaine></ListeDomaines>", "", ""),
        (
            "",
            "<ListeDomaines a=' x&#9;&#10;&#13;\ty \"&lt;&gt;&amp;&apos;'>&#13;\r\n&gt;]]&gt;<![CDATA[<&>]]></ListeDomaines>",
            "",
            "",
        ),
        (
            "",
            "<p:x xmlns:p='urn:p' xmlns:q='urn:q' xmlns:z='urn:unused' q:b='1' p:a='2' c='3'><p:y q:d=''/><q:y xmlns:q='urn:p'/></p:x>",
            "",
            "",
        ),
        (
            "",
            "<x xmlns=''><y xmlns=''/><z xmlns='urn:z'><w xmlns=''/></z></x><x xmlns='https://listeblanche.mssante.fr/schema'/>",
            "",
            "ds",
        ),
        (
            "",
            "<a:x xmlns:a='urn:1' xmlns:b='urn:2' a:k='' b:k=''><a:x xmlns:a='urn:2' xmlns:b='urn:1' a:k='' b:k=''/></a:x>",
            "",
            "",
        ),
        ("", "<é ñ='œ&#xe9;'>\u{1f9ea} é\u{301} \u{a0}</é>", "", ""),
        ("", "<x a='1'\n   b = '2' ></x ><y/>", "\t", ""),
    ];
    for (before, inside, after, prefix) in bodies {
        std::fs::write(folder.path().join("template.xml"), template(before, inside, after, prefix)).unwrap();
        let (ok, message) = xmlsec1(
            folder.path(),
            &["--sign", "--privkey-pem", "key.pem,cert.pem", "--output", "signed.xml", "template.xml"],
        );
        assert!(ok, "{message}");
        let document = std::fs::read(folder.path().join("signed.xml")).unwrap();
        let judged = verify(&document, &source(), &anchors, None, NOW);
        assert!(judged.is_ok(), "{inside}: {judged:?}\n{}", String::from_utf8_lossy(&document));
        assert_eq!(judged.unwrap().entries, WhiteList::parse(&document).unwrap().entries);
    }
}

#[test]
fn both_refuse_the_same_tampering() {
    let pki = Pki::new("O");
    let folder = folder(&pki);
    let anchors = pki.anchors(Purpose::ListSigner);
    let document = String::from_utf8(list(&pki, NOW)).unwrap();
    let changes = [
        ("<Nom>b.mssante.fr</Nom>", "<Nom>c.mssante.fr</Nom>"),
        ("<Nom>b.mssante.fr</Nom>", "<Nom >b.mssante.fr </Nom>"),
        ("<Nom>b.mssante.fr</Nom>", "<Nom a=''>b.mssante.fr</Nom>"),
        ("<Nom>b.mssante.fr</Nom>", "<Nom xmlns='urn:x'>b.mssante.fr</Nom>"),
        ("<Nom>b.mssante.fr</Nom>", "<Nom><?x?>b.mssante.fr</Nom>"),
        ("<Nom>b.mssante.fr</Nom>", ""),
        ("<ListeDomaines>", "<ListeDomaines> "),
        ("<SignedInfo>", "<SignedInfo> "),
    ];
    for (from, to) in changes {
        let tampered = document.replacen(from, to, 1);
        assert_ne!(tampered, document);
        assert!(!oracle_says(folder.path(), tampered.as_bytes()), "{to}");
        assert!(verify(tampered.as_bytes(), &source(), &anchors, None, NOW).is_err(), "{to}");
    }
    // What canonicalization does not see changes nothing for either.
    for (from, to) in [
        ("<Nom>b.mssante.fr</Nom>", "<Nom\n>b.mss<!-- x -->ante<![CDATA[.]]>&#102;r</Nom >"),
        ("<ListeDomaines>", "<ListeDomaines xmlns:unused='urn:x'>"),
        ("<SignedInfo>", "<SignedInfo  >"),
    ] {
        let same = document.replacen(from, to, 1);
        assert!(oracle_says(folder.path(), same.as_bytes()), "{to}");
        let list = verify(same.as_bytes(), &source(), &anchors, None, NOW).unwrap();
        assert!(list.contains(&"b.mssante.fr".parse().unwrap()));
    }
}
