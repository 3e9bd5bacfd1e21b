//! Our own certificate and key.
use rustls_pki_types::CertificateDer;
use std::sync::Arc;

/// A certificate chain with its private key, as rustls wants it.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Chain, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// rustls' certified key.
    pub key: Arc<rustls::sign::CertifiedKey>,
    /// Subject of the leaf.
    pub dn: crate::Dn,
}

/// Why an identity could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Certificate or key text is broken.
    #[error("cannot read certificate or key: {0}")]
    Broken(String),
    /// The key is not the certificate's.
    #[error("the private key does not belong to the certificate")]
    Mismatch,
}

impl Identity {
    /// From PEM texts (chain, PKCS#8 / SEC1 / PKCS#1 key).
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, IdentityError> {
        let _ = (chain, key);
        todo!()
    }
}
