//! The question (RFC 6960 §4.1.1): one certificate, named by SHA-1 hashes of its issuer (the one algorithm that every responder knows,
//! RFC 5019 §2.1.1; it names, it proves nothing), with a nonce (RFC 8954), unsigned.
use super::issuer_key_bits;
use crate::der::tag;
use crate::der::write::{element, explicit, octets, oid, sequence};
use crate::path::Link;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

/// Octets of a nonce.
pub const NONCE: usize = 16;

/// `id-sha1` with its NULL.
const SHA1: &[u8] = &[0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00];
/// `id-pkix-ocsp-nonce`.
pub(super) const NONCE_OID: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02];

/// A nonce that nobody can foresee. Should the system give none, zeros: the answer's dates still count.
pub fn new_nonce() -> [u8; NONCE] {
    let mut nonce = [0; NONCE];
    if aws_lc_rs::rand::fill(&mut nonce).is_err() {
        tracing::error!("no randomness for a nonce");
    }
    nonce
}

/// The question about a certificate; none when its issuer's key cannot be read.
pub fn question(link: &Link, nonce: &[u8; NONCE]) -> Option<Vec<u8>> {
    let hash = |bytes: &[u8]| octets(digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref());
    let (name, key) = (hash(&link.issuer_name), hash(issuer_key_bits(link)?));
    let id = sequence(&[SHA1, &name, &key, &element(tag::INTEGER, &link.serial)]);
    let extension = sequence(&[&oid(NONCE_OID), &octets(&octets(nonce))]);
    let list = sequence(&[&sequence(&[&id])]);
    Some(sequence(&[&sequence(&[&list, &explicit(2, &sequence(&[&extension]))])]))
}
