//! Writing and signing a list, in the layout and profile of the real one. The sandbox's played authority uses it.
use super::read::{DSIG_NS, LIST_NS};
use super::signature::{self, ENVELOPED, EXC_C14N, RSA_SHA256, SHA256};
use super::{WhiteListError, c14n, verify};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use rustls_pki_types::CertificateDer;
use sceau_domain::Timestamp;
use std::fmt::Write as _;

/// One `Domaine` element: a domain and one certificate DN. A domain with several DNs has several entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// `Nom`.
    pub domain: String,
    /// `Description`.
    pub description: String,
    /// `DNCertificatOperateur`.
    pub dn: String,
    /// `ResponsableContact`.
    pub responsible: String,
    /// `SupportContact`.
    pub support: String,
    /// `DateMAJ`.
    pub updated: Timestamp,
}

/// Why a list could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// Not a PKCS#8 RSA key of 2048 bits or more.
    #[error("not a usable RSA key (PKCS#8, 2048 bits or more)")]
    Key,
    /// The key is not that of the first certificate of the chain.
    #[error("the signing key does not belong to the first certificate")]
    Mismatch,
    /// A text holds a character that XML cannot carry.
    #[error("a text holds a character that XML cannot carry")]
    Text,
    /// The document breaks a limit of the readers.
    #[error(transparent)]
    List(#[from] WhiteListError),
}

/// Writes and signs a list: `entries` as generated at `generated` (the second before it: real lists have whole
/// seconds), by the RSA key `pkcs8` (DER) of `chain[0]`.
/// The whole chain is put in the signature.
pub fn sign(
    entries: &[Entry],
    generated: Timestamp,
    chain: &[CertificateDer<'_>],
    pkcs8: &[u8],
) -> Result<Vec<u8>, SignError> {
    let key = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| SignError::Key)?;
    if key.public_modulus_len() < 256 {
        return Err(SignError::Key);
    }
    let leaf = chain.first().ok_or(SignError::Mismatch)?;
    let (_, parsed) = x509_parser::parse_x509_certificate(leaf).map_err(|_| SignError::Mismatch)?;
    if parsed.public_key().subject_public_key.data.as_ref() != key.public_key().as_ref() {
        return Err(SignError::Mismatch);
    }

    // The white space around the signature is part of what is signed: the line end before it stays, nothing follows.
    let body = body(entries, generated)?;
    let unsigned = format!("{body}</ListeBlancheMSSante>");
    let digest = {
        let document = signature::parse(&unsigned)?;
        crate::sha256(&c14n::canonical(document.root(), None).ok_or(SignError::Text)?)
    };
    let signed_info = signed_info(&digest);
    let skeleton = format!(r#"<Signature xmlns="{DSIG_NS}">{signed_info}</Signature>"#);
    let message = {
        let document = signature::parse(&skeleton)?;
        let node = document.root_element().first_element_child().ok_or(SignError::Text)?;
        c14n::canonical(node, None).ok_or(SignError::Text)?
    };
    let mut value = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &message, &mut value).map_err(|_| SignError::Key)?;

    let mut out = format!(
        r#"{body}<Signature xmlns="{DSIG_NS}">{signed_info}<SignatureValue>{}</SignatureValue><KeyInfo><X509Data>"#,
        lines(&value)
    );
    for certificate in chain {
        // Writing to a String cannot fail.
        let _ = write!(out, "<X509Certificate>{}</X509Certificate>", lines(certificate));
    }
    out.push_str("</X509Data></KeyInfo></Signature></ListeBlancheMSSante>");
    Ok(out.into_bytes())
}

fn whole(t: Timestamp) -> Timestamp {
    Timestamp::from_seconds(t.seconds())
}

/// The document up to where its signature stands.
fn body(entries: &[Entry], generated: Timestamp) -> Result<String, SignError> {
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListeBlancheMSSante xmlns=\"{LIST_NS}\">\n    \
         <DateDeGeneration>{}</DateDeGeneration>\n    <ListeDomaines>\n",
        verify::instant(whole(generated))
    );
    for e in entries {
        out.push_str("        <Domaine>\n");
        let updated = verify::instant(whole(e.updated));
        for (name, text) in [
            ("Nom", &e.domain),
            ("Description", &e.description),
            ("DNCertificatOperateur", &e.dn),
            ("ResponsableContact", &e.responsible),
            ("SupportContact", &e.support),
            ("DateMAJ", &updated),
        ] {
            let _ = writeln!(out, "            <{name}>{}</{name}>", escape(text)?);
        }
        out.push_str("        </Domaine>\n");
    }
    out.push_str("    </ListeDomaines>\n");
    Ok(out)
}

fn signed_info(digest: &[u8]) -> String {
    format!(
        r#"<SignedInfo><CanonicalizationMethod Algorithm="{EXC_C14N}"/><SignatureMethod Algorithm="{RSA_SHA256}"/><Reference URI=""><Transforms><Transform Algorithm="{ENVELOPED}"/><Transform Algorithm="{EXC_C14N}"/></Transforms><DigestMethod Algorithm="{SHA256}"/><DigestValue>{}</DigestValue></Reference></SignedInfo>"#,
        base64::engine::general_purpose::STANDARD.encode(digest)
    )
}

/// Base64 in lines of 76 characters, each ended as the real list's are: a carriage return written as a reference.
fn lines(bytes: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    // Base64 is ASCII: every piece is UTF-8.
    let pieces: Vec<&str> = text.as_bytes().chunks(76).filter_map(|c| std::str::from_utf8(c).ok()).collect();
    pieces.join("&#13;\n")
}

/// Text of an element. Characters outside XML 1.0 §2.2 cannot be written, not even as references.
fn escape(text: &str) -> Result<String, SignError> {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' => out.push(c),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => return Err(SignError::Text),
            c => out.push(c),
        }
    }
    Ok(out)
}
