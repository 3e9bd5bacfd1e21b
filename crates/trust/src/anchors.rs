//! Trust anchors, one set a purpose: a certificate that is good for one door opens no other.
//!
//! Certificates are configured, never learnt. Revocation lists are kept by issuer and scope, the newest of each: a list
//! that has expired is kept (and still tells whom it revoked) until a newer one comes; [`Anchors::crl_facts`] lets the
//! operator raise an alarm about it.
use crate::crl::Crl;
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use sceau_domain::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;

/// What a chain is judged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    /// Other operators, both directions of SMTP between operators.
    Peers,
    /// The signer of the white list.
    ListSigner,
    /// CPS cards.
    Cps,
    /// Applicative clients (ORG AUTH_CLI).
    Clients,
    /// Structures' own servers, issued by our connector authority.
    Connectors,
    /// The HTTPS server that serves the white list.
    ListServer,
    /// People's own devices, issued by our device authority: never configured, and revoked by our own rows.
    Devices,
    /// HTTPS servers of identity providers; without any, the system's authorities are asked.
    Providers,
}

/// Which world this operator is of. IGC-Santé has authorities for each, and a certificate of one is nothing in the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Environment {
    /// Real mail.
    #[default]
    Production,
    /// Tests and demonstrations.
    Test,
}

impl Environment {
    /// As in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Test => "test",
        }
    }
    /// The one that this is not.
    pub fn other(self) -> Self {
        match self {
            Self::Production => Self::Test,
            Self::Test => Self::Production,
        }
    }
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 8] = [
        Self::Peers,
        Self::ListSigner,
        Self::ListServer,
        Self::Cps,
        Self::Clients,
        Self::Connectors,
        Self::Devices,
        Self::Providers,
    ];
    /// Its name, as in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Peers => "peers",
            Self::ListSigner => "list_signer",
            Self::ListServer => "list_server",
            Self::Cps => "cps",
            Self::Clients => "clients",
            Self::Connectors => "connectors",
            Self::Devices => "devices",
            Self::Providers => "providers",
        }
    }
}

/// Anchors and CRLs, by purpose. `Debug` shows their numbers only.
#[derive(Clone, Default)]
pub struct Anchors {
    /// Roots and intermediates (both may be given; a self-signed one is a root). When a purpose has at least one root,
    /// its other certificates only help to build paths to a root; without any root they are anchors themselves.
    pub certificates: HashMap<Purpose, Vec<CertificateDer<'static>>>,
    /// Those of the other environment (test for a production operator, production for a test one): they open nothing, and are known so that
    /// a refusal can say why.
    pub others: HashMap<Purpose, Vec<CertificateDer<'static>>>,
    pub(crate) crls: Vec<Arc<Crl>>,
}

impl std::fmt::Debug for Anchors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map()
            .entries(self.certificates.iter().map(|(p, c)| (p, c.len())))
            .entry(&"others", &self.others.values().map(Vec::len).sum::<usize>())
            .entry(&"crls", &self.crls.len())
            .finish()
    }
}

/// What a held CRL says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrlFacts {
    /// Distinguished name of the issuer.
    pub issuer: crate::Dn,
    /// `thisUpdate`.
    pub this_update: Timestamp,
    /// `nextUpdate`, after which a newer one should have been published.
    pub next_update: Option<Timestamp>,
    /// Number of revoked certificates.
    pub revoked: usize,
    /// Digest of the list.
    pub sha256: [u8; 32],
}

/// Why anchors could not be read.
#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    /// No certificate in the PEM text.
    #[error("no certificate found in this PEM text")]
    Empty,
    /// Broken PEM or DER.
    #[error("not a PEM certificate or CRL: {0}")]
    Broken(String),
}

impl Anchors {
    /// Adds the certificates of a PEM text for a purpose; one that is already there is not added twice.
    pub fn add_pem(&mut self, purpose: Purpose, pem: &[u8]) -> Result<(), AnchorError> {
        add(&mut self.certificates, purpose, pem)
    }

    /// The same for the other environment.
    pub fn add_other_pem(&mut self, purpose: Purpose, pem: &[u8]) -> Result<(), AnchorError> {
        add(&mut self.others, purpose, pem)
    }

    /// Adds a CRL (complete, not delta), PEM (one or several) or DER. It replaces an older one of the same issuer and
    /// scope, and is ignored when a newer one is held.
    pub fn add_crl(&mut self, crl: &[u8]) -> Result<(), AnchorError> {
        let found: Vec<CertificateRevocationListDer<'static>> = if is_pem(crl) {
            CertificateRevocationListDer::pem_slice_iter(crl).collect::<Result<_, _>>().map_err(broken)?
        } else {
            vec![CertificateRevocationListDer::from(crl.to_vec())]
        };
        if found.is_empty() {
            return Err(AnchorError::Broken("no CRL in this PEM text".into()));
        }
        for der in found {
            let new = Arc::new(Crl::read(&der).map_err(AnchorError::Broken)?);
            match self.crls.iter_mut().find(|held| held.same_scope(&new)) {
                Some(held) if new.older_than(held) => {}
                Some(held) => *held = new,
                None => self.crls.push(new),
            }
        }
        Ok(())
    }

    /// Adds a verified list; an older one of the same authority and scope goes, a newer one stays. True when it counts now.
    pub(crate) fn put(&mut self, new: &Arc<Crl>) -> bool {
        match self.crls.iter_mut().find(|held| held.same_scope(new)) {
            Some(held) if new.older_than(held) => false,
            Some(held) => {
                *held = Arc::clone(new);
                true
            }
            None => {
                self.crls.push(Arc::clone(new));
                true
            }
        }
    }

    /// What every list held says about this certificate.
    pub(crate) fn words(&self, link: &crate::path::Link) -> impl Iterator<Item = crate::crl::Word> {
        self.crls.iter().filter_map(|crl| crl.word(link))
    }

    /// Every certificate, of whatever purpose.
    pub fn every(&self) -> Vec<CertificateDer<'static>> {
        let mut all: Vec<CertificateDer<'static>> = Vec::new();
        for c in self.certificates.values().flatten() {
            if !all.contains(c) {
                all.push(c.clone());
            }
        }
        all
    }

    /// The CRLs held, for alarms and the CLI.
    pub fn crl_facts(&self) -> Vec<CrlFacts> {
        self.crls.iter().map(|c| c.facts()).collect()
    }

    /// The certificates of a purpose.
    pub fn of(&self, purpose: Purpose) -> &[CertificateDer<'static>] {
        self.certificates.get(&purpose).map_or(&[], Vec::as_slice)
    }
}

fn add(
    to: &mut HashMap<Purpose, Vec<CertificateDer<'static>>>,
    purpose: Purpose,
    pem: &[u8],
) -> Result<(), AnchorError> {
    let found = certificates(pem)?;
    let held = to.entry(purpose).or_default();
    for certificate in found {
        if !held.contains(&certificate) {
            held.push(certificate);
        }
    }
    Ok(())
}

/// Every certificate of a PEM text; each must be readable X.509.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, AnchorError> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(broken)?;
    if found.is_empty() {
        return Err(AnchorError::Empty);
    }
    for certificate in &found {
        x509_parser::parse_x509_certificate(certificate).map_err(|e| AnchorError::Broken(e.to_string()))?;
    }
    Ok(found)
}

pub(crate) fn is_pem(bytes: &[u8]) -> bool {
    bytes.windows(11).any(|w| w == b"-----BEGIN ")
}

fn broken(e: pem::Error) -> AnchorError {
    AnchorError::Broken(e.to_string())
}
