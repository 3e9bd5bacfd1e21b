//! Attacks on the signature, and everything outside the one accepted profile.
use crate::pki::*;
use sceau_trust::whitelist::signature::{Examined, examine};
use sceau_trust::whitelist::{WhiteListError, verify};
use sceau_trust::{Purpose, WhiteList};
use std::sync::LazyLock;

static PKI: LazyLock<Pki> = LazyLock::new(|| Pki::new("O"));
static LIST: LazyLock<String> = LazyLock::new(|| String::from_utf8(list(&PKI, NOW)).unwrap());

fn judge(xml: &str) -> Result<WhiteList, WhiteListError> {
    verify(xml.as_bytes(), &source(), &PKI.anchors(Purpose::ListSigner), None, NOW)
}

fn changed(from: &str, to: &str) -> String {
    assert!(LIST.contains(from), "{from}");
    LIST.replacen(from, to, 1)
}

fn piece(from: &str, to: &str) -> &'static str {
    let start = LIST.find(from).unwrap();
    &LIST[start..start + LIST[start..].find(to).unwrap() + to.len()]
}

#[track_caller]
fn refused(code: &str, xml: &str) {
    let error = judge(xml).expect_err(xml);
    assert_eq!(error.code(), code, "{error}: {xml}");
    assert!(!matches!(examine(xml.as_bytes()), Examined::Valid(_)));
}

#[test]
fn content_cannot_be_altered() {
    assert!(judge(&LIST).is_ok());
    let swapped = changed("<Nom>b.mssante.fr</Nom>", "<Nom>@</Nom>")
        .replacen("<Nom>a.mssante.fr</Nom>", "<Nom>b.mssante.fr</Nom>", 1)
        .replacen("<Nom>@</Nom>", "<Nom>a.mssante.fr</Nom>", 1);
    let first = piece("<Domaine>", "</Domaine>");
    for xml in [
        swapped,
        changed("(87)", "(88)"),
        changed("<Domaine>", "<Domaine id='1'>"),
        changed("<Domaine>", "<Domaine xmlns='urn:x'>"),
        changed(" xmlns=\"https", " xmlns:p=\"urn:p\" p:a=\"1\" xmlns=\"https"),
        changed("<DateDeGeneration>2026", "<DateDeGeneration>2027"),
        changed("?><Liste", "?><?x y?><Liste"),
        changed(first, &format!("{first}{first}")),
        // An entry moved behind the signature, and one added there.
        format!("{}{first}</ListeBlancheMSSante>", changed(first, "").trim_end_matches("</ListeBlancheMSSante>")),
        changed("</Signature>", "</Signature> "),
        changed("\n<Signature", "<Signature"),
    ] {
        refused("white_list.signature", &xml);
    }
}

#[test]
fn the_signature_stands_once_in_its_place() {
    let signature = piece("<Signature ", "</Signature>");
    let without = changed(signature, "");
    refused("white_list.profile", &without);
    assert!(matches!(examine(without.as_bytes()), Examined::Absent(None)));
    for xml in [
        changed(signature, &format!("{signature}{signature}")),
        changed("<ListeDomaines>", &format!("<ListeDomaines>{signature}")),
        without.replacen("<ListeDomaines>", &format!("<ListeDomaines>{signature}"), 1),
        // Wrapping: the signed list hidden in an Object, another in its place.
        without.replacen(
            "</ListeBlancheMSSante>",
            &format!(
                "{}</ListeBlancheMSSante>",
                signature.replace(
                    "</Signature>",
                    &format!("<Object>{}</Object></Signature>", without.split_once("?>").unwrap().1)
                )
            ),
            1,
        ),
    ] {
        refused("white_list.profile", &xml);
    }
    // The signed list as a child of another root.
    let wrapped = format!("<Enveloppe>{}</Enveloppe>", LIST.split_once("?>").unwrap().1);
    refused("white_list.format", &wrapped);
    let nested = format!(
        "<ListeBlancheMSSante xmlns=\"https://listeblanche.mssante.fr/schema\">{}</ListeBlancheMSSante>",
        LIST.split_once("?>").unwrap().1
    );
    refused("white_list.profile", &nested);
}

#[test]
fn no_other_algorithm_nor_shape() {
    const EXC: &str = "Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>";
    let transforms = piece("<Transforms>", "</Transforms>");
    let reference = piece("<Reference ", "</Reference>");
    let data = piece("<X509Data>", "</X509Data>");
    let certificate = piece("<X509Certificate>", "</X509Certificate>");
    let key_info = piece("<KeyInfo>", "</KeyInfo>");
    let reversed = {
        let (a, b) = (
            piece("<Transform Algorithm=\"http://www.w3.org/2000", "/>"),
            piece("<Transform Algorithm=\"http://www.w3.org/2001", "/>"),
        );
        transforms.replace(&format!("{a}{b}"), &format!("{b}{a}"))
    };
    for (from, to) in [
        (
            "<CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>",
            "<CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#WithComments\"/>",
        ),
        (
            "<CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>",
            "<CanonicalizationMethod Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"/>",
        ),
        (
            EXC,
            "Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"><InclusiveNamespaces xmlns=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"\"/></CanonicalizationMethod>",
        ),
        ("xmldsig-more#rsa-sha256", "xmldsig-more#rsa-sha512"),
        ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2000/09/xmldsig#rsa-sha1"),
        ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2000/09/xmldsig#hmac-sha1"),
        ("xmlenc#sha256", "xmlenc#sha512"),
        ("http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2000/09/xmldsig#sha1"),
        ("URI=\"\"", "URI=\"#a\""),
        ("URI=\"\"", ""),
        ("URI=\"\"", "URI=\"\" Type=\"x\""),
        ("URI=\"\"", "URI=\"#xpointer(/)\""),
        (transforms, reversed.as_str()),
        (transforms, ""),
        (transforms, "<Transforms/>"),
        (
            "<Transforms>",
            "<Transforms><Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"><XPath>1</XPath></Transform>",
        ),
        (reference, &format!("{reference}{reference}")),
        (data, &format!("{data}{data}")),
        (data, "<KeyName>x</KeyName>"),
        (data, &format!("<KeyValue/>{data}")),
        (certificate, ""),
        (certificate, &certificate.repeat(11)),
        (certificate, "<X509SubjectName>CN=x</X509SubjectName>"),
        (key_info, ""),
        (key_info, &format!("{key_info}{key_info}")),
        (key_info, &format!("{key_info}<Object/>")),
        ("<DigestValue>", "<DigestValue><!-- x -->"),
        ("<DigestValue>", "<DigestValue>*"),
        ("<SignatureValue>", "<SignatureValue><x/>"),
        ("<SignedInfo>", "<SignedInfo>text"),
        ("<SignedInfo>", "<SignedInfo><!-- x -->"),
        ("<SignedInfo>", "<SignedInfo><?x?>"),
        ("<SignedInfo>", "<SignedInfo xmlns=\"\">"),
        ("<DigestMethod ", "<DigestMethod xmlns:x=\"urn:x\" x:Algorithm=\"y\" "),
        (
            "<Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\">",
            "<s:Signature xmlns:s=\"http://www.w3.org/2000/09/xmldsig#\">",
        ),
    ] {
        let mut xml = changed(from, to);
        if to.starts_with("<s:Signature") {
            xml = xml.replace("</Signature>", "</s:Signature>");
        }
        refused("white_list.profile", &xml);
    }
    refused("white_list.format", &changed("?><Liste", "?><!DOCTYPE ListeBlancheMSSante [<!ENTITY x \"y\">]><Liste"));
    refused("white_list.format", &changed("?><Liste", "?><!DOCTYPE ListeBlancheMSSante><Liste"));
    refused("white_list.format", &LIST[..LIST.len() - 10]);
}

#[test]
fn values_and_certificates_cannot_be_exchanged() {
    let other = Pki::new("O");
    let foreign = String::from_utf8(signed(&other, &[], NOW)).unwrap();
    let value =
        |xml: &str, tag: &str| xml.split_once(&format!("<{tag}>")).unwrap().1.split_once('<').unwrap().0.to_owned();
    for tag in ["DigestValue", "SignatureValue"] {
        refused("white_list.signature", &changed(&value(&LIST, tag), &value(&foreign, tag)));
    }
    // The same key in another authority's certificate: the signature is good, the signer is not.
    let swapped = changed(&value(&LIST, "X509Certificate"), &value(&foreign, "X509Certificate"));
    assert_eq!(judge(&swapped).unwrap_err().code(), "white_list.signer");
    let empty = changed(&value(&LIST, "SignatureValue"), "");
    refused("white_list.signature", &empty);
    let elliptic = PKI.leaf(|_| {});
    let base64 = elliptic.pem.lines().skip(1).take_while(|l| !l.starts_with('-')).collect::<Vec<_>>().join("");
    refused("white_list.signature", &changed(&value(&LIST, "X509Certificate"), &base64));
}

#[test]
fn what_is_put_in_force_is_what_was_signed() {
    // A comment, an unused namespace, another writing of characters: the same canonical form, the same list.
    let same = changed("<Nom>a.mssante.fr</Nom>", "<Nom>a.mss<!-- .evil.fr -->ante.fr</Nom>").replacen(
        "<Domaine>",
        "<Domaine xmlns:x='urn:x'>",
        1,
    );
    let list = judge(&same).unwrap();
    assert_eq!((list.entries, list.names(), list.skipped), (3, 2, 0));
    assert!(list.contains(&"a.mssante.fr".parse().unwrap()));
    // Whole extra elements after the signature would be signed content too: refused above. Comments there are nothing.
    assert!(judge(&changed("</Signature>", "</Signature><!-- Domaine -->")).is_ok());
}
