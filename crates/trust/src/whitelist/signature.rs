//! The one accepted signature profile, which is that of the real list:
//!
//! - one `Signature` in the whole document, a child of the root;
//! - exclusive canonicalization without comments, RSA PKCS#1 v1.5 with SHA-256;
//! - one reference, `URI=""`, with exactly the transforms enveloped-signature and exclusive canonicalization, in this
//!   order, digest SHA-256;
//! - `KeyInfo/X509Data/X509Certificate`, RSA of 2048 bits or more; base64 with `&#13;` line ends is read.
//!
//! Anything else (other algorithms, parameters, further references, `Object`, comments inside the signature…) is refused
//! before any cryptography. Why this is our own code is in `docs/decisions/0001-white-list-signature.md`.
use super::read::{DSIG_NS, LIST_NS};
use super::{WhiteListError, c14n};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use roxmltree::{Document, Node, ParsingOptions};
use rustls_pki_types::CertificateDer;

pub(super) const EXC_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
pub(super) const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
pub(super) const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
pub(super) const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// Most certificates in a signature.
const MAX_CERTIFICATES: usize = 10;
/// Most nodes of a document (the real list: 200,000).
const MAX_NODES: u32 = 3_000_000;

/// A signature that the key of the certificate it carries made over this content.
#[derive(Debug)]
pub struct Signed {
    /// What was signed: the canonical form of the document without its signature.
    pub content: Vec<u8>,
    /// The signer's certificate, then the others of the signature. Not judged.
    pub chain: Vec<CertificateDer<'static>>,
}

/// What the signature of a document is worth, for inspection.
#[derive(Debug)]
pub enum Examined {
    /// No `Signature` element; with the error, if the document could not be read to its end.
    Absent(Option<WhiteListError>),
    /// Not the accepted profile, or it does not verify; with the certificates found, if any.
    Invalid(WhiteListError, Vec<CertificateDer<'static>>),
    /// It verifies.
    Valid(Signed),
}

/// Checks the signature of a document by the key of the certificate that it carries. Says nothing of trust.
pub fn check(xml: &[u8]) -> Result<Signed, WhiteListError> {
    match examine(xml) {
        Examined::Absent(e) => Err(e.unwrap_or_else(|| profile("no signature"))),
        Examined::Invalid(e, _) => Err(e),
        Examined::Valid(signed) => Ok(signed),
    }
}

/// As [`check`], and tells an absent signature from a bad one.
pub fn examine(xml: &[u8]) -> Examined {
    // Budgets first: nesting, lengths and markup, by the streaming reader.
    let read = super::read::read(xml);
    let unreadable = |e| if read.signature { Examined::Invalid(e, Vec::new()) } else { Examined::Absent(Some(e)) };
    if let Some(error) = read.error {
        return unreadable(error);
    }
    match super::read::text(xml).and_then(parse) {
        Ok(document) => examine_document(&document),
        Err(e) => unreadable(e),
    }
}

/// Parses without DTD, within the budget of nodes.
pub(super) fn parse(text: &str) -> Result<Document<'_>, WhiteListError> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|e| WhiteListError::Format(e.to_string()))
}

fn examine_document(document: &Document<'_>) -> Examined {
    let mut signatures = document.descendants().filter(|n| n.has_tag_name((DSIG_NS, "Signature")));
    let Some(signature) = signatures.next() else {
        return Examined::Absent(None);
    };
    let certificates = found_certificates(signature);
    let root = document.root_element();
    let checked = if signatures.next().is_some() {
        Err(profile("more than one signature"))
    } else if signature.parent() != Some(root) || !root.has_tag_name((LIST_NS, "ListeBlancheMSSante")) {
        Err(profile("the signature is not a child of the list"))
    } else {
        Profile::read(signature).and_then(|p| p.check(document, signature))
    };
    match checked {
        Ok(signed) => Examined::Valid(signed),
        Err(e) => Examined::Invalid(e, certificates),
    }
}

/// Certificates of a signature that may be anything, to show who it says it is.
fn found_certificates(signature: Node<'_, '_>) -> Vec<CertificateDer<'static>> {
    signature
        .descendants()
        .filter(|n| n.has_tag_name((DSIG_NS, "X509Certificate")))
        .take(MAX_CERTIFICATES)
        .filter_map(|n| base64(n).ok())
        .map(CertificateDer::from)
        .collect()
}

/// What a signature of the accepted profile holds.
struct Profile<'a, 'input> {
    signed_info: Node<'a, 'input>,
    digest: Vec<u8>,
    value: Vec<u8>,
    certificates: Vec<CertificateDer<'static>>,
}

impl<'a, 'input> Profile<'a, 'input> {
    fn read(signature: Node<'a, 'input>) -> Result<Self, WhiteListError> {
        let [signed_info, value, key_info] = children(signature, ["SignedInfo", "SignatureValue", "KeyInfo"])?;
        let [c14n, method, reference] =
            children(signed_info, ["CanonicalizationMethod", "SignatureMethod", "Reference"])?;
        algorithm(c14n, EXC_C14N)?;
        algorithm(method, RSA_SHA256)?;
        attributes(reference, &[("URI", "")])?;
        let [transforms, digest_method, digest] = children(reference, ["Transforms", "DigestMethod", "DigestValue"])?;
        attributes(transforms, &[])?;
        let [enveloped, exclusive] = children(transforms, ["Transform", "Transform"])?;
        algorithm(enveloped, ENVELOPED)?;
        algorithm(exclusive, EXC_C14N)?;
        algorithm(digest_method, SHA256)?;
        attributes(digest, &[])?;
        let [data] = children(key_info, ["X509Data"])?;
        let certificates: Vec<_> = elements(data)?;
        if certificates.is_empty() || certificates.len() > MAX_CERTIFICATES {
            return Err(profile("X509Data does not hold one to ten certificates"));
        }
        let certificates = certificates
            .into_iter()
            .map(|c| if named(c, "X509Certificate") { base64(c).map(CertificateDer::from) } else { Err(unexpected(c)) })
            .collect::<Result<_, _>>()?;
        Ok(Self { signed_info, digest: base64(digest)?, value: base64(value)?, certificates })
    }

    /// Digest of the content, then the signature of `SignedInfo`, by the first certificate whose key verifies it.
    fn check(mut self, document: &Document<'_>, signature: Node<'_, '_>) -> Result<Signed, WhiteListError> {
        let too_deep = || WhiteListError::Format("elements are nested too deep".into());
        let content = c14n::canonical(document.root(), Some(signature.id())).ok_or_else(too_deep)?;
        if crate::sha256(&content).as_slice() != self.digest {
            return Err(WhiteListError::Signature);
        }
        let signed_info = c14n::canonical(self.signed_info, None).ok_or_else(too_deep)?;
        let signer = self.certificates.iter().position(|c| verifies(c, &signed_info, &self.value));
        let signer = signer.ok_or(WhiteListError::Signature)?;
        self.certificates[..=signer].rotate_right(1);
        Ok(Signed { content, chain: self.certificates })
    }
}

/// Does the RSA key (2048 bits or more) of this certificate verify the signature?
fn verifies(certificate: &CertificateDer<'_>, message: &[u8], signature: &[u8]) -> bool {
    x509_parser::parse_x509_certificate(certificate).is_ok_and(|(_, c)| {
        let spki = c.public_key();
        spki.algorithm.algorithm.to_id_string() == "1.2.840.113549.1.1.1"
            && UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki.subject_public_key.data.as_ref())
                .verify(message, signature)
                .is_ok()
    })
}

fn profile(what: impl Into<String>) -> WhiteListError {
    WhiteListError::Profile(what.into())
}

fn unexpected(node: Node<'_, '_>) -> WhiteListError {
    profile(format!("unexpected {}", node.tag_name().name()))
}

fn named(node: Node<'_, '_>, name: &str) -> bool {
    node.has_tag_name((DSIG_NS, name))
}

/// The child elements; between them only white space is allowed.
fn elements<'a, 'input>(node: Node<'a, 'input>) -> Result<Vec<Node<'a, 'input>>, WhiteListError> {
    for child in node.children() {
        let layout = child.is_text() && child.text().unwrap_or("").trim().is_empty();
        if !child.is_element() && !layout {
            return Err(profile(format!("{} holds something that is no element", node.tag_name().name())));
        }
    }
    Ok(node.children().filter(|c| c.is_element()).collect())
}

/// Exactly these child elements of the signature namespace, in this order.
fn children<'a, 'input, const N: usize>(
    node: Node<'a, 'input>,
    names: [&str; N],
) -> Result<[Node<'a, 'input>; N], WhiteListError> {
    let found = elements(node)?;
    if let Some(odd) = found.iter().zip(&names).find(|(n, name)| !named(**n, name)) {
        return Err(unexpected(*odd.0));
    }
    <[_; N]>::try_from(found).map_err(|_| profile(format!("{} does not hold what it must", node.tag_name().name())))
}

/// Exactly these attributes; an `Id` beside them means nothing here, as nothing refers to it.
fn attributes(node: Node<'_, '_>, wanted: &[(&str, &str)]) -> Result<(), WhiteListError> {
    let present = wanted.iter().all(|(name, value)| node.attribute(*name) == Some(*value));
    let others = node
        .attributes()
        .any(|a| a.namespace().is_some() || (a.name() != "Id" && !wanted.iter().any(|(name, _)| *name == a.name())));
    if present && !others {
        return Ok(());
    }
    Err(profile(format!("{} does not have the expected attributes", node.tag_name().name())))
}

/// An algorithm element: this one, without parameters.
fn algorithm(node: Node<'_, '_>, uri: &str) -> Result<(), WhiteListError> {
    attributes(node, &[("Algorithm", uri)])?;
    if elements(node)?.is_empty() { Ok(()) } else { Err(profile(format!("{} has parameters", node.tag_name().name()))) }
}

/// The octets that an element's text encodes; white space (with `&#13;`) is skipped.
fn base64(node: Node<'_, '_>) -> Result<Vec<u8>, WhiteListError> {
    if node.children().any(|c| !c.is_text()) {
        return Err(profile(format!("{} holds something that is no text", node.tag_name().name())));
    }
    let text: String =
        node.children().filter_map(|c| c.text()).flat_map(str::chars).filter(|c| !c.is_ascii_whitespace()).collect();
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .map_err(|_| profile(format!("{} is not base64", node.tag_name().name())))
}
