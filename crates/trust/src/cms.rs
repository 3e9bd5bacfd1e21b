//! A signed document with its content inside (CMS SignedData, RFC 5652 §5): what Apple devices want around a profile of settings, to show whose it is.
//!
//! Promises: the content is signed together with its kind and the instant (signed attributes, §11); our whole chain goes along; the digest is the one
//! that the key's signature has.
use crate::authority::AuthorityError;
use crate::der::write::{NULL, attribute, element, explicit, integer, octets, oid, sequence, set};
use crate::{Identity, der};
use aws_lc_rs::digest;
use rustls::SignatureScheme;
use sceau_domain::Timestamp;

/// Object identifiers, as DER contents.
mod names {
    pub const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
    pub const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
    pub const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03];
    pub const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
    pub const SIGNING_TIME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x05];
    pub const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
    pub const SHA384: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02];
    pub const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    pub const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    pub const ECDSA_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
}

/// Signs `content` as `identity`, at `now`: DER of a ContentInfo.
///
/// # Errors
/// A key of another kind than RSA, P-256 or P-384, or one that does not sign; a leaf that cannot be read.
pub fn signed(content: &[u8], identity: &Identity, now: Timestamp) -> Result<Vec<u8>, AuthorityError> {
    let other = |what: &str| AuthorityError::Other(what.to_owned());
    let offered = [
        SignatureScheme::RSA_PKCS1_SHA256,
        SignatureScheme::ECDSA_NISTP256_SHA256,
        SignatureScheme::ECDSA_NISTP384_SHA384,
    ];
    let signer = identity.key.key.choose_scheme(&offered).ok_or_else(|| other("the key does not sign documents"))?;
    let (hash, hash_name, algorithm) = match signer.scheme() {
        SignatureScheme::RSA_PKCS1_SHA256 => (&digest::SHA256, names::SHA256, sequence(&[&oid(names::RSA), NULL])),
        SignatureScheme::ECDSA_NISTP384_SHA384 => {
            (&digest::SHA384, names::SHA384, sequence(&[&oid(names::ECDSA_SHA384)]))
        }
        _ => (&digest::SHA256, names::SHA256, sequence(&[&oid(names::ECDSA_SHA256)])),
    };
    let leaf = identity.chain.first().ok_or(AuthorityError::Unreadable)?;
    let (_, leaf) = x509_parser::parse_x509_certificate(leaf).map_err(|_| AuthorityError::Unreadable)?;

    let attributes = vec![
        attribute(names::CONTENT_TYPE, oid(names::DATA)),
        attribute(names::SIGNING_TIME, time(now)?),
        attribute(names::MESSAGE_DIGEST, octets(digest::digest(hash, content).as_ref())),
    ];
    let attributes = set(attributes);
    // What is signed is the SET itself, whatever tag it has in its place (§5.4).
    let signature = signer.sign(&attributes).map_err(|e| other(&e.to_string()))?;
    let mut in_place = attributes;
    in_place[0] = der::tag::constructed(0);

    let serial = element(der::tag::INTEGER, leaf.raw_serial());
    let hash = sequence(&[&oid(hash_name)]);
    let who = sequence(&[leaf.issuer().as_raw(), &serial]);
    let info = sequence(&[&integer(1), &who, &hash, &in_place, &algorithm, &octets(&signature)]);
    let inside = sequence(&[&oid(names::DATA), &explicit(0, &octets(content))]);
    let chain: Vec<Vec<u8>> = identity.chain.iter().map(|c| c.to_vec()).collect();
    // `[0] IMPLICIT`: the SET under another tag.
    let mut certificates = set(chain);
    certificates[0] = der::tag::constructed(0);
    let data = sequence(&[&integer(1), &set(vec![hash]), &inside, &certificates, &set(vec![info])]);
    Ok(sequence(&[&oid(names::SIGNED_DATA), &explicit(0, &data)]))
}

/// UTCTime until 2049, GeneralizedTime from then on (§11.3).
fn time(at: Timestamp) -> Result<Vec<u8>, AuthorityError> {
    let at = jiff::Timestamp::from_second(at.seconds()).map_err(|e| AuthorityError::Other(e.to_string()))?;
    let at = at.to_zoned(jiff::tz::TimeZone::UTC);
    let (tag, year) = match at.year() {
        1950..=2049 => (der::tag::UTC_TIME, format!("{:02}", at.year() % 100)),
        year => (der::tag::GENERALIZED_TIME, format!("{year:04}")),
    };
    let rest = format!("{:02}{:02}{:02}{:02}{:02}Z", at.month(), at.day(), at.hour(), at.minute(), at.second());
    Ok(element(tag, (year + &rest).as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_have_two_writings() {
        assert_eq!(time(Timestamp(1_797_336_000_000)).unwrap(), b"\x17\x0d261215120000Z");
        assert_eq!(time(Timestamp(2_524_608_000_000)).unwrap(), b"\x18\x0f20500101000000Z");
    }
}
