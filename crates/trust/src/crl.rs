//! Revocation lists: who issued them, and whom they revoke.
//!
//! Only complete CRLs signed by the issuer of the certificates themselves are taken (no delta, no indirect CRL). The
//! signature is checked against the issuer's key the first time that a path needs it, and the answer is remembered:
//! lists weigh megabytes and a judgement is made at each connection.
use crate::{Dn, anchors::CrlFacts};
use rustls_pki_types::CertificateRevocationListDer;
use sceau_domain::Timestamp;
use std::collections::HashMap;
use std::sync::Mutex;
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

/// A CRL, read once.
#[derive(Debug)]
pub(crate) struct Crl {
    der: CertificateRevocationListDer<'static>,
    /// DER of the issuer's Name.
    issuer: Vec<u8>,
    /// DER of the issuing distribution point, empty when there is none.
    scope: Vec<u8>,
    pub(crate) this_update: Timestamp,
    next_update: Option<Timestamp>,
    /// Serial number (DER content bytes without leading zeros) → revocation date.
    revoked: HashMap<Vec<u8>, Timestamp>,
    /// SHA-256 of a subject public key info → does the signature verify with it?
    verified: Mutex<Vec<([u8; 32], bool)>>,
}

/// Issuers' keys whose answer is remembered; a CRL has one issuer, a renewed or cross-signed one has few keys.
const REMEMBERED: usize = 8;

impl Crl {
    /// Reads and refuses what is no complete, direct CRL.
    pub(crate) fn read(der: &CertificateRevocationListDer<'_>) -> Result<Self, String> {
        // webpki knows every extension that a full CRL may carry and refuses delta, indirect and partitioned ones.
        webpki::BorrowedCertRevocationList::from_der(der).map_err(|e| format!("{e:?}"))?;
        let (rest, crl) = CertificateRevocationList::from_der(der).map_err(|e| e.to_string())?;
        if !rest.is_empty() {
            return Err("trailing data after the CRL".into());
        }
        let scope = crl.extensions().iter().find(|e| e.oid.to_id_string() == "2.5.29.28");
        Ok(Self {
            issuer: crl.issuer().as_raw().to_vec(),
            scope: scope.map(|e| e.value.to_vec()).unwrap_or_default(),
            this_update: Timestamp::from_seconds(crl.last_update().timestamp()),
            next_update: crl.next_update().map(|t| Timestamp::from_seconds(t.timestamp())),
            revoked: crl
                .iter_revoked_certificates()
                .map(|r| (trim(r.raw_serial()).to_vec(), Timestamp::from_seconds(r.revocation_date.timestamp())))
                .collect(),
            der: CertificateRevocationListDer::from(der.to_vec()),
            verified: Mutex::new(Vec::new()),
        })
    }

    /// Same issuer and same issuing distribution point.
    pub(crate) fn same_scope(&self, other: &Self) -> bool {
        self.issuer == other.issuer && self.scope == other.scope
    }

    pub(crate) fn facts(&self) -> CrlFacts {
        CrlFacts {
            // The Name was read by two parsers above; one that `Dn` cannot show (empty, endless) is shown as hexadecimal.
            issuer: Dn::from_der(&self.issuer).unwrap_or_else(|| Dn::opaque(&self.issuer)),
            this_update: self.this_update,
            next_update: self.next_update,
            revoked: self.revoked.len(),
        }
    }

    /// When this CRL, signed by the key of `issuer_spki`, says that the certificate was revoked.
    pub(crate) fn revocation(&self, issuer_name: &[u8], issuer_spki: &[u8], serial: &[u8]) -> Option<Timestamp> {
        if self.issuer != issuer_name {
            return None;
        }
        let revoked = *self.revoked.get(trim(serial))?;
        self.signed_by(issuer_spki).then_some(revoked)
    }

    /// Does the signature verify with this key? Weak algorithms do not count.
    fn signed_by(&self, spki: &[u8]) -> bool {
        let hash = crate::sha256(spki);
        // The lock is never held across a panic: nothing in these sections can panic.
        let mut verified = self.verified.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((_, good)) = verified.iter().find(|(h, _)| *h == hash) {
            return *good;
        }
        let good = verify(&self.der, spki);
        if verified.len() == REMEMBERED {
            verified.remove(0);
        }
        verified.push((hash, good));
        good
    }
}

/// Signature algorithms that prove nothing any more: RSA and ECDSA with SHA-1 or older digests.
const WEAK: [&str; 5] =
    ["1.2.840.113549.1.1.5", "1.2.840.113549.1.1.4", "1.2.840.113549.1.1.2", "1.3.14.3.2.29", "1.2.840.10045.4.1"];

/// Does the signature of a CRL verify with this key (DER of a SubjectPublicKeyInfo)?
fn verify(crl: &[u8], spki: &[u8]) -> bool {
    let (Ok((_, crl)), Ok((_, spki))) =
        (CertificateRevocationList::from_der(crl), SubjectPublicKeyInfo::from_der(spki))
    else {
        return false;
    };
    !weak_algorithm(&crl.signature_algorithm) && crl.verify_signature(&spki).is_ok()
}

/// Is it a signature algorithm that proves nothing any more?
pub(crate) fn weak_algorithm(algorithm: &AlgorithmIdentifier<'_>) -> bool {
    WEAK.contains(&algorithm.algorithm.to_id_string().as_str())
}

/// A serial number without leading zeros.
fn trim(serial: &[u8]) -> &[u8] {
    let zeros = serial.iter().take_while(|b| **b == 0).count();
    &serial[zeros..]
}
