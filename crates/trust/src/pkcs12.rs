//! A key with its certificate as one file under a password (PKCS#12, RFC 7292): what Windows imports.
//!
//! Promises: both are encrypted with AES-256 under a key that PBKDF2 with HMAC-SHA-256 makes of the password, and the whole is sealed with HMAC-SHA-256,
//! as OpenSSL 3 and Windows (Server 2019, Windows 10 1709, and later) write it; the password is made here, of 120 random bits, so that none is weak; the
//! file names the provider in which Exchange wants the key. No authority is put in: whoever imports the file trusts nobody more than before.
use crate::authority::AuthorityError;
use crate::der::write::{NULL, attribute, element, explicit, integer, octets, oid, sequence, set};
use aws_lc_rs::cipher::{AES_256, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::{digest, hmac, pbkdf2, rand};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use std::num::NonZeroU32;
use zeroize::Zeroizing;

/// Rounds of both derivations. The password cannot be guessed, however few they are; programs refuse some millions.
const ROUNDS: u32 = 10_000;
/// Letters and digits that nobody mistakes for others; 32 of them: five bits each.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// How many of them a password has.
const LENGTH: usize = 24;
/// The provider in which Exchange looks for the keys of its TLS certificates.
const PROVIDER: &str = "Microsoft RSA SChannel Cryptographic Provider";

/// Object identifiers, as DER contents.
mod oid {
    pub const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
    pub const ENCRYPTED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x06];
    pub const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];
    pub const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c];
    pub const HMAC_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x09];
    pub const AES_256_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a];
    pub const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
    pub const SHROUDED_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x02];
    pub const CERTIFICATE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x03];
    pub const X509: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x16, 0x01];
    pub const FRIENDLY_NAME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x14];
    pub const LOCAL_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x15];
    pub const MICROSOFT_PROVIDER: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x11, 0x01];
}

/// UTF-16, the high byte first.
fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

fn no_random<E>(_: E) -> AuthorityError {
    AuthorityError::Other("no random bytes, or no cipher".into())
}

fn random<const N: usize>() -> Result<[u8; N], AuthorityError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(no_random)?;
    Ok(bytes)
}

/// A password that nobody guesses and everybody can type: groups of four letters and digits.
fn password() -> Result<Zeroizing<String>, AuthorityError> {
    let bytes = Zeroizing::new(random::<LENGTH>()?);
    let mut out = Zeroizing::new(String::with_capacity(LENGTH + LENGTH / 4));
    for (i, byte) in bytes.iter().enumerate() {
        if i > 0 && i % 4 == 0 {
            out.push('-');
        }
        out.push(char::from(LETTERS[usize::from(byte & 31)]));
    }
    Ok(out)
}

/// Encrypts under the password (PBES2, RFC 8018 §6.2): the algorithm with its values, and what it made.
fn encrypted(content: &[u8], password: &str) -> Result<(Vec<u8>, Vec<u8>), AuthorityError> {
    let salt = random::<16>()?;
    let rounds = NonZeroU32::new(ROUNDS).unwrap_or(NonZeroU32::MIN);
    let mut key = Zeroizing::new([0_u8; 32]);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, password.as_bytes(), &mut key[..]);
    let key = UnboundCipherKey::new(&AES_256, &key[..]).map_err(no_random)?;
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).map_err(no_random)?;
    // With room for the padding: what is encrypted in place is never moved in clear.
    let mut bytes = Vec::with_capacity(content.len() + 16);
    bytes.extend_from_slice(content);
    let context = key.encrypt(&mut bytes).map_err(no_random)?;
    let iv: &[u8] = (&context).try_into().map_err(no_random)?;
    let derivation = sequence(&[&octets(&salt), &integer(ROUNDS), &sequence(&[&oid(oid::HMAC_SHA256), NULL])]);
    let values =
        sequence(&[&sequence(&[&oid(oid::PBKDF2), &derivation]), &sequence(&[&oid(oid::AES_256_CBC), &octets(iv)])]);
    Ok((sequence(&[&oid(oid::PBES2), &values]), bytes))
}

/// The key of the seal (RFC 7292 appendix B, with SHA-256): one block of digest is what HMAC-SHA-256 needs.
fn seal_key(password: &str, salt: &[u8], rounds: u32) -> Zeroizing<Vec<u8>> {
    /// Bytes of a block of SHA-256.
    const BLOCK: usize = 64;
    /// What the key is for: integrity.
    const PURPOSE: u8 = 3;
    let filled =
        |bytes: &[u8]| -> Vec<u8> { bytes.iter().copied().cycle().take(bytes.len().div_ceil(BLOCK) * BLOCK).collect() };
    let password = Zeroizing::new([wide(password), vec![0, 0]].concat());
    let first = Zeroizing::new([vec![PURPOSE; BLOCK], filled(salt), filled(&password)].concat());
    let mut key = Zeroizing::new(digest::digest(&digest::SHA256, &first).as_ref().to_vec());
    for _ in 1..rounds {
        key = Zeroizing::new(digest::digest(&digest::SHA256, &key).as_ref().to_vec());
    }
    key
}

/// A file and its password.
pub struct Packed {
    /// PKCS#12.
    pub file: Vec<u8>,
    /// What opens it. It must not go the same way as the file.
    pub password: Zeroizing<String>,
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Packed(…)")
    }
}

/// Packs a certificate with its key (PEM, PKCS#8); `name` is what Windows shows.
///
/// # Errors
/// [`AuthorityError::Unreadable`] when one of them is not what it should be; without random bytes.
pub fn pack(certificate: &str, key: &str, name: &str) -> Result<Packed, AuthorityError> {
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(|_| AuthorityError::Unreadable)?;
    let key = PrivatePkcs8KeyDer::from_pem_slice(key.as_bytes()).map_err(|_| AuthorityError::Unreadable)?;
    let password = password()?;
    let file = write(key.secret_pkcs8_der(), &certificate, name, &password)?;
    Ok(Packed { file, password })
}

fn write(key: &[u8], certificate: &CertificateDer<'_>, name: &str, password: &str) -> Result<Vec<u8>, AuthorityError> {
    let id = attribute(oid::LOCAL_KEY, octets(&crate::sha256(certificate)[..20]));
    let shown = attribute(oid::FRIENDLY_NAME, element(0x1e, &wide(name)));
    let provider = attribute(oid::MICROSOFT_PROVIDER, element(0x1e, &wide(PROVIDER)));

    let held = sequence(&[&oid(oid::X509), &explicit(0, &octets(certificate))]);
    let bag = sequence(&[&oid(oid::CERTIFICATE), &explicit(0, &held), &set(vec![id.clone(), shown.clone()])]);
    let (algorithm, bytes) = encrypted(&sequence(&[&bag]), password)?;
    // `[0] IMPLICIT OCTET STRING`.
    let content = sequence(&[&oid(oid::DATA), &algorithm, &element(0x80, &bytes)]);
    let certificates = sequence(&[&oid(oid::ENCRYPTED_DATA), &explicit(0, &sequence(&[&integer(0), &content]))]);

    let (algorithm, bytes) = encrypted(key, password)?;
    let shrouded = sequence(&[&algorithm, &octets(&bytes)]);
    let bag = sequence(&[&oid(oid::SHROUDED_KEY), &explicit(0, &shrouded), &set(vec![id, shown, provider])]);
    let keys = sequence(&[&oid(oid::DATA), &explicit(0, &octets(&sequence(&[&bag])))]);

    let safe = sequence(&[&certificates, &keys]);
    let salt = random::<16>()?;
    let seal = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &seal_key(password, &salt, ROUNDS)), &safe);
    let digest = sequence(&[&sequence(&[&oid(oid::SHA256), NULL]), &octets(seal.as_ref())]);
    let mac = sequence(&[&digest, &octets(&salt), &integer(ROUNDS)]);
    let safe = sequence(&[&oid(oid::DATA), &explicit(0, &octets(&safe))]);
    Ok(sequence(&[&integer(3), &safe, &mac]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_differ_and_have_120_bits() {
        let (a, b) = (password().unwrap(), password().unwrap());
        assert!(a != b && a.len() == 29 && a.split('-').all(|g| g.len() == 4), "{}", a.len());
        let mut letters = LETTERS.to_vec();
        letters.dedup();
        assert_eq!(letters.len(), 32);
    }
}
