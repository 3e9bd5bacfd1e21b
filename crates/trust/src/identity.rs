//! Our own certificate and key.
use crate::{anchors, chain, peer, tls};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::sync::Arc;
use x509_parser::extensions::GeneralName;

/// A certificate chain with its private key, as rustls wants it. `Debug` shows the name only.
#[derive(Clone)]
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
    /// A certificate of the chain proves nothing any more.
    #[error("the certificate {dn} is too weak ({why})")]
    Weak {
        /// Its subject.
        dn: String,
        /// Key or digest, in a few words.
        why: String,
    },
    /// The key is not the certificate's.
    #[error("the private key does not belong to the certificate")]
    Mismatch,
}

impl Identity {
    /// From PEM texts (chain, leaf first; PKCS#8 / SEC1 / PKCS#1 key, not encrypted). Both may be one text.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, IdentityError> {
        let chain = anchors::certificates(chain).map_err(|e| IdentityError::Broken(e.to_string()))?;
        // Said first: the libraries only say that they do not take it.
        for certificate in &chain {
            let Ok((_, parsed)) = x509_parser::parse_x509_certificate(certificate) else { continue };
            if let Some(why) = chain::weakness(&parsed) {
                let dn = peer::describe(certificate).map_or_else(String::new, |p| p.dn.to_string());
                return Err(IdentityError::Weak { dn, why });
            }
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|e| IdentityError::Broken(format!("private key: {e}")))?;
        let key = tls::provider()
            .key_provider
            .load_private_key(key)
            .map_err(|e| IdentityError::Broken(format!("private key: {e}")))?;
        let dn = peer::describe(&chain[0]).map(|p| p.dn);
        let dn = dn.ok_or_else(|| IdentityError::Broken("the certificate has no usable subject".into()))?;
        let key = rustls::sign::CertifiedKey::new(chain.clone(), key);
        match key.keys_match() {
            Ok(()) => Ok(Self { chain, key: Arc::new(key), dn }),
            Err(rustls::Error::InconsistentKeys(_)) => Err(IdentityError::Mismatch),
            Err(e) => Err(IdentityError::Broken(e.to_string())),
        }
    }

    /// DNS names of the leaf (RFC 5280 §4.2.1.6), lower case.
    pub fn names(&self) -> Vec<String> {
        let Some(Ok((_, leaf))) = self.chain.first().map(|c| x509_parser::parse_x509_certificate(c)) else {
            return Vec::new();
        };
        let Ok(Some(names)) = leaf.subject_alternative_name() else { return Vec::new() };
        let dns = names.value.general_names.iter().filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        });
        dns.collect()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("dn", &self.dn.as_str()).finish_non_exhaustive()
    }
}
