//! Revocation lists: who issued them, and whom they revoke.
//!
//! Only complete CRLs signed by the issuer of the certificates themselves are taken (no delta, no indirect CRL, none for some
//! reasons only): a delta refines a complete list that is fetched as often, and would be one more thing to lie with. The
//! signature is checked against the issuer's key the first time that a path needs it, and the answer is remembered:
//! lists weigh megabytes and a judgement is made at each connection.
//!
//! That a list does not name a certificate says something only when the list covers it (RFC 5280 §6.3.3 b): lists for
//! authorities or for end entities only, and lists of one distribution point, are silent about the others.
use crate::path::Link;
use crate::{Dn, anchors::CrlFacts};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use sceau_domain::Timestamp;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
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
    covers: Coverage,
    /// SHA-256 of the whole list.
    sha256: [u8; 32],
    /// The key that signed it (DER of a SubjectPublicKeyInfo), where that was verified before the list was taken. Two authorities of one name (a renewed
    /// key) each have their own lists, and nobody can put a list of another key in the place of a good one.
    key: Option<Vec<u8>>,
    /// What the list says of that key (its authority key identifier), believed only to keep lists apart.
    key_id: Option<Vec<u8>>,
    pub(crate) this_update: Timestamp,
    /// CRL number without leading zeros, empty when there is none.
    number: Vec<u8>,
    pub(crate) next_update: Option<Timestamp>,
    /// Serial number (DER content bytes without leading zeros) → revocation date.
    revoked: HashMap<Vec<u8>, Timestamp>,
    /// SHA-256 of a subject public key info → does the signature verify with it?
    verified: Mutex<Vec<([u8; 32], bool)>>,
}

/// Which certificates of its issuer a list speaks of.
#[derive(Debug, Default)]
struct Coverage {
    users_only: bool,
    authorities_only: bool,
    /// Addresses of the one distribution point that it is for; none: it is for all.
    point: Option<Vec<String>>,
}

/// What a list says about one certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word {
    /// Since when it is revoked, if it is named.
    pub revoked: Option<Timestamp>,
    /// When that was right.
    pub this_update: Timestamp,
    /// Until when it counts: `nextUpdate`, or a week where none is promised.
    pub until: Timestamp,
}

/// A list that promises no next one counts this long, milliseconds.
const UNPROMISED: i64 = 7 * 86_400_000;

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
        let covers = match scope.map(|e| e.parsed_extension()) {
            None => Coverage::default(),
            Some(ParsedExtension::IssuingDistributionPoint(p)) => Coverage {
                users_only: p.only_contains_user_certs,
                authorities_only: p.only_contains_ca_certs,
                point: p.distribution_point.as_ref().map(|name| match name {
                    DistributionPointName::FullName(names) => names.iter().filter_map(address).collect(),
                    // A name relative to its issuer's: no certificate here is known by it.
                    DistributionPointName::NameRelativeToCRLIssuer(_) => Vec::new(),
                }),
            },
            Some(_) => return Err("its issuing distribution point cannot be read".into()),
        };
        Ok(Self {
            issuer: crl.issuer().as_raw().to_vec(),
            scope: scope.map(|e| e.value.to_vec()).unwrap_or_default(),
            covers,
            sha256: crate::sha256(der),
            key: None,
            key_id: crl.extensions().iter().find_map(|e| match e.parsed_extension() {
                ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|k| k.0.to_vec()),
                _ => None,
            }),
            number: crl.crl_number().map(|n| n.to_bytes_be()).filter(|n| n != &[0]).unwrap_or_default(),
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

    /// Same issuer and same issuing distribution point, and the same key as far as keys are known. A list read from a file, whose signer is not known yet,
    /// neither takes the place of a list of another key of that name nor gives way to one.
    pub(crate) fn same_scope(&self, other: &Self) -> bool {
        if self.issuer != other.issuer || self.scope != other.scope {
            return false;
        }
        match (&self.key, &other.key) {
            (Some(ours), Some(theirs)) => ours == theirs,
            (Some(known), None) => other.signed_by(known),
            (None, Some(known)) => self.signed_by(known),
            (None, None) => self.key_id.as_ref().zip(other.key_id.as_ref()).is_none_or(|(a, b)| a == b),
        }
    }

    /// Was it made before `other`?
    pub(crate) fn older_than(&self, other: &Self) -> bool {
        let age = |c: &Self| (c.this_update, c.number.len(), c.number.clone());
        age(self) < age(other)
    }

    /// What it says about this certificate, if it covers it and its issuer signed the list.
    pub(crate) fn word(&self, link: &Link) -> Option<Word> {
        if self.issuer != link.issuer_name || !self.covers.covers(link) || !self.signed_by(&link.issuer_key) {
            return None;
        }
        Some(Word {
            revoked: self.revoked.get(trim(&link.serial)).copied(),
            this_update: self.this_update,
            until: self.next_update.unwrap_or_else(|| self.this_update.plus_ms(UNPROMISED)),
        })
    }

    pub(crate) fn facts(&self) -> CrlFacts {
        CrlFacts {
            // The Name was read by two parsers above; one that `Dn` cannot show (empty, endless) is shown as hexadecimal.
            issuer: Dn::from_der(&self.issuer).unwrap_or_else(|| Dn::opaque(&self.issuer)),
            this_update: self.this_update,
            next_update: self.next_update,
            revoked: self.revoked.len(),
            sha256: self.sha256,
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

impl Coverage {
    fn covers(&self, link: &Link) -> bool {
        let kind = if link.authority { !self.users_only } else { !self.authorities_only };
        let point = self.point.as_ref().is_none_or(|ours| link.points.every().any(|p| ours.iter().any(|o| o == p)));
        kind && point
    }
}

/// The address of a name, if it is one.
pub(crate) fn address(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::URI(uri) => Some((*uri).to_owned()),
        _ => None,
    }
}

/// A list that was fetched: read, and its signature verified with the key of the authority that it is said to be of.
#[derive(Debug, Clone)]
pub struct RevocationList(pub(crate) Arc<Crl>);

/// Why a fetched list does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CrlError {
    /// No complete CRL.
    #[error("it cannot be read as a complete revocation list: {0}")]
    Broken(String),
    /// Another authority's.
    #[error("it is the list of another authority")]
    OtherIssuer,
    /// Forged, damaged, or signed with an algorithm that proves nothing any more.
    #[error("its signature is not that of the authority")]
    Signature,
    /// Dated in the future.
    #[error("it is dated in the future")]
    Future,
}

impl RevocationList {
    /// Reads one list, DER or PEM, and verifies that the authority of this name (DER) and key (DER of a SubjectPublicKeyInfo) signed it.
    /// `skew`: how far clocks may differ, milliseconds.
    pub fn read(
        bytes: &[u8],
        issuer_name: &[u8],
        issuer_key: &[u8],
        now: Timestamp,
        skew: i64,
    ) -> Result<Self, CrlError> {
        let crl = Self::parse(bytes)?;
        if crl.issuer != issuer_name {
            return Err(CrlError::OtherIssuer);
        }
        Self::verified(crl, issuer_key, now, skew)
    }

    /// The same of the authority, among these certificates, that signed it; with the authority's name and key.
    pub fn read_of_any(
        bytes: &[u8],
        authorities: &[CertificateDer<'_>],
        now: Timestamp,
        skew: i64,
    ) -> Result<(Self, Vec<u8>, Vec<u8>), CrlError> {
        let crl = Self::parse(bytes)?;
        let mut named = false;
        for authority in authorities {
            let Ok((_, parsed)) = x509_parser::parse_x509_certificate(authority) else { continue };
            if parsed.subject().as_raw() != crl.issuer {
                continue;
            }
            named = true;
            let key = parsed.public_key().raw;
            if verify(&crl.der, key) {
                let name = crl.issuer.clone();
                return Self::verified(crl, key, now, skew).map(|list| (list, name, key.to_vec()));
            }
        }
        Err(if named { CrlError::Signature } else { CrlError::OtherIssuer })
    }

    fn parse(bytes: &[u8]) -> Result<Crl, CrlError> {
        let broken = |e: String| CrlError::Broken(e);
        if crate::anchors::is_pem(bytes) {
            let der = CertificateRevocationListDer::from_pem_slice(bytes).map_err(|e| broken(e.to_string()))?;
            Crl::read(&der).map_err(broken)
        } else {
            Crl::read(&CertificateRevocationListDer::from(bytes)).map_err(broken)
        }
    }

    fn verified(mut crl: Crl, key: &[u8], now: Timestamp, skew: i64) -> Result<Self, CrlError> {
        if !crl.signed_by(key) {
            return Err(CrlError::Signature);
        }
        if crl.this_update > now.plus_ms(skew) {
            return Err(CrlError::Future);
        }
        crl.key = Some(key.to_vec());
        Ok(Self(Arc::new(crl)))
    }

    /// What it says of itself.
    pub fn facts(&self) -> CrlFacts {
        self.0.facts()
    }
    /// DER, for keeping.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }
    /// Was it made before the other one?
    pub fn older_than(&self, other: &Self) -> bool {
        self.0.older_than(&other.0)
    }
}

/// Signature algorithms that prove nothing any more: RSA and ECDSA with SHA-1 or older digests.
const WEAK: [&str; 5] =
    ["1.2.840.113549.1.1.5", "1.2.840.113549.1.1.4", "1.2.840.113549.1.1.2", "1.3.14.3.2.29", "1.2.840.10045.4.1"];

/// Does the signature of a CRL verify with this key (DER of a SubjectPublicKeyInfo)?
pub(crate) fn verify(crl: &[u8], spki: &[u8]) -> bool {
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
pub(crate) fn trim(serial: &[u8]) -> &[u8] {
    let zeros = serial.iter().take_while(|b| **b == 0).count();
    &serial[zeros..]
}
