//! Trust anchors, one set a purpose: a certificate that is good for one door opens no other.
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use std::collections::HashMap;

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
}

/// Anchors and CRLs, by purpose.
#[derive(Debug, Clone, Default)]
pub struct Anchors {
    /// Roots and intermediates (both may be given; a self-signed one is a root).
    pub certificates: HashMap<Purpose, Vec<CertificateDer<'static>>>,
    /// Revocation lists (of any issuer).
    pub crls: Vec<CertificateRevocationListDer<'static>>,
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
    /// Adds the certificates of a PEM text for a purpose.
    pub fn add_pem(&mut self, purpose: Purpose, pem: &[u8]) -> Result<(), AnchorError> {
        let _ = (purpose, pem);
        todo!()
    }
    /// Adds a CRL, PEM or DER.
    pub fn add_crl(&mut self, crl: &[u8]) -> Result<(), AnchorError> {
        let _ = crl;
        todo!()
    }
}
