//! TLS of the generator: trust in PEM anchors or in nothing, a client certificate when asked for, no resumption unless wanted.
use crate::SetupError;
use clap::Args;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsConnector;

/// What the command line says about TLS.
#[derive(Debug, Clone, Default, Args)]
pub struct TlsOptions {
    /// Client certificate chain, PEM, leaf first
    #[arg(long, value_name = "PEM", requires = "client_key")]
    pub client_cert: Option<PathBuf>,
    /// Key of the client certificate, PEM
    #[arg(long, value_name = "PEM", requires = "client_cert")]
    pub client_key: Option<PathBuf>,
    /// Anchors that the server's certificate must chain to, PEM
    #[arg(long, value_name = "PEM", conflicts_with = "insecure")]
    pub ca: Option<PathBuf>,
    /// Accept any server certificate (measures the same work: the signature of the handshake is still verified)
    #[arg(long)]
    pub insecure: bool,
    /// Name to ask for and to verify; the target's host when absent
    #[arg(long, value_name = "NAME")]
    pub server_name: Option<String>,
    /// Let fresh connections resume TLS sessions; without it each handshake is a full one
    #[arg(long)]
    pub resume: bool,
}

impl TlsOptions {
    /// Makes the connector.
    pub fn connector(&self) -> Result<TlsConnector, SetupError> {
        let tls = |e: rustls::Error| SetupError::Tls(e.to_string());
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().map_err(tls)?;
        let builder = match &self.ca {
            Some(file) => {
                let mut roots = RootCertStore::empty();
                for anchor in certificates(file)? {
                    roots.add(anchor).map_err(tls)?;
                }
                builder.with_root_certificates(roots)
            }
            None if self.insecure => {
                builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
            }
            None => return Err(SetupError::Option("TLS needs --ca PEM, or --insecure".into())),
        };
        let mut config = match (&self.client_cert, &self.client_key) {
            (Some(cert), Some(key)) => {
                let key = PrivateKeyDer::from_pem_file(key).map_err(|e| SetupError::Pem(key.clone(), e.to_string()))?;
                builder.with_client_auth_cert(certificates(cert)?, key).map_err(tls)?
            }
            _ => builder.with_no_client_auth(),
        };
        if !self.resume {
            config.resumption = Resumption::disabled();
        }
        Ok(TlsConnector::from(Arc::new(config)))
    }

    /// Name of the server.
    pub fn name(&self, host: &str) -> Result<ServerName<'static>, SetupError> {
        let name = self.server_name.as_deref().unwrap_or(host);
        ServerName::try_from(name.to_owned()).map_err(|e| SetupError::Option(format!("{name:?}: {e}")))
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let wrong = |e: &dyn std::fmt::Display| SetupError::Pem(file.into(), e.to_string());
    let all = CertificateDer::pem_file_iter(file).map_err(|e| wrong(&e))?;
    let all = all.collect::<Result<Vec<_>, _>>().map_err(|e| wrong(&e))?;
    if all.is_empty() {
        return Err(wrong(&"no certificate in it"));
    }
    Ok(all)
}

/// Believes any certificate, but only from who holds its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
