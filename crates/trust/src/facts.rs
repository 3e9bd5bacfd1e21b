//! What a certificate says of itself, trusted or not: for inventories, alarms about its end, and to notice a key that is used twice.
use crate::{Dn, chain};
use rustls_pki_types::CertificateDer;
use sceau_domain::Timestamp;

/// Facts of a certificate; never anything of its private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Subject.
    pub dn: Dn,
    /// Issuer.
    pub issuer: Dn,
    /// SHA-256 of the certificate, lower-case hexadecimal.
    pub fingerprint: String,
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// SHA-256 of the SubjectPublicKeyInfo, lower-case hexadecimal: equal for two certificates of one key.
    pub spki: String,
    /// Beginning of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
}

impl Facts {
    /// Reads a certificate. `None` when it cannot be read or has no usable names.
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
        let (not_before, not_after) = chain::validity(&parsed);
        Some(Self {
            dn: Dn::from_der(parsed.subject().as_raw())?,
            issuer: Dn::from_der(parsed.issuer().as_raw())?,
            fingerprint: hex::encode(crate::sha256(certificate)),
            serial: hex::encode(parsed.raw_serial()),
            spki: hex::encode(crate::sha256(parsed.public_key().raw)),
            not_before,
            not_after,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair};

    #[test]
    fn two_certificates_of_one_key_have_one_digest_of_it() {
        let made = |key: &KeyPair, name: &str| {
            let mut p = CertificateParams::default();
            p.distinguished_name.push(DnType::CommonName, name);
            Facts::of(p.self_signed(key).unwrap().der()).unwrap()
        };
        let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let (first, second, third) = (made(&key, "a"), made(&key, "b"), made(&other, "a"));
        assert_eq!(first.spki, second.spki);
        assert!(first.spki != third.spki && first.fingerprint != second.fingerprint && first.spki.len() == 64);
        assert!(first.dn == third.dn && first.not_before < first.not_after);
        assert_eq!(Facts::of(&CertificateDer::from(vec![0x30, 0x03, 1, 2, 3])), None);
    }
}
