//! TLS configurations: 1.2 (ECDHE + AEAD) and 1.3 only, aws-lc-rs.
//!
//! The process-wide default provider is never used nor set. Between operators the handshake proves possession of keys
//! and nothing else: chains are judged afterwards ([`crate::peer::judge`]), so that a refusal can be said in SMTP, with
//! its cause, and is made again at each use, on resumed sessions too (a resumed session keeps the peer's chain).
//!
//! A certificate that rustls cannot use at all (version 1, RSA under 2048 bits) cannot prove possession: its handshake
//! fails.
use crate::{Anchors, Identity, PeerCause, Purpose, chain};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientSessionMemoryCache, Resumption};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ServerSessionMemoryCache;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use sceau_domain::Timestamp;
use std::sync::{Arc, LazyLock};

/// Sessions that a server or a client remembers; each holds a peer's chain (some KiB).
const SESSIONS: usize = 1024;

/// The one cryptographic provider: TLS 1.3 suites, and the ECDHE AEAD suites of TLS 1.2.
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
        use aws_lc_rs::cipher_suite::*;
        Arc::new(CryptoProvider {
            cipher_suites: vec![
                TLS13_AES_256_GCM_SHA384,
                TLS13_AES_128_GCM_SHA256,
                TLS13_CHACHA20_POLY1305_SHA256,
                TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
            ],
            ..aws_lc_rs::default_provider()
        })
    });
    PROVIDER.clone()
}

/// The versions spoken.
const VERSIONS: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];

/// Server side for operators: asks for a client certificate, completes the handshake with any or none
/// (possession of the key is proved), the chain is judged afterwards by [`crate::peer::judge`].
pub fn mx_server(identity: &Identity) -> Result<Arc<ServerConfig>, Error> {
    let config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(VERSIONS)?
        .with_client_cert_verifier(Arc::new(AskedLater { hints: Vec::new() }))
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity.key.clone())));
    Ok(server(config))
}

/// Server side for mail clients and browsers: no client certificate asked.
pub fn client_server(identity: &Identity) -> Result<Arc<ServerConfig>, Error> {
    let config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(VERSIONS)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity.key.clone())));
    Ok(server(config))
}

/// Server side for mail programs: as [`client_server`]; where there are anchors for applicative clients it also asks for a certificate, naming their
/// authorities, so that a program with another certificate has nothing to offer and bothers nobody. The handshake completes with any or none, the chain
/// is judged where it is used to log in.
pub fn mail_server(identity: &Identity, anchors: &Anchors) -> Result<Arc<ServerConfig>, Error> {
    let hint = |anchor: &CertificateDer<'static>| {
        let anchor = webpki::anchor_from_trusted_cert(anchor).ok()?;
        Some(DistinguishedName::in_sequence(&anchor.subject))
    };
    let hints: Vec<DistinguishedName> = anchors.of(Purpose::Clients).iter().filter_map(hint).collect();
    if hints.is_empty() {
        return client_server(identity);
    }
    let config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(VERSIONS)?
        .with_client_cert_verifier(Arc::new(AskedLater { hints }))
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity.key.clone())));
    Ok(server(config))
}

fn server(mut config: ServerConfig) -> Arc<ServerConfig> {
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
    Arc::new(config)
}

/// Client side towards operators: shows our certificate; any server chain completes the handshake (with a valid
/// signature), the chain is judged afterwards by [`crate::peer::judge`] and its DN against the white list.
/// The server name given to the connector is sent as SNI and not compared with the certificate: the white list binds
/// a domain to a DN, and says nothing of MX host names.
pub fn transfer_client(identity: &Identity) -> Result<Arc<ClientConfig>, Error> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(VERSIONS)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(JudgedLater))
        .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity.key.clone())));
    config.resumption = Resumption::store(Arc::new(ClientSessionMemoryCache::new(SESSIONS)));
    Ok(Arc::new(config))
}

/// Client side towards an HTTPS server whose chain must lead to the anchors of `purpose` and whose certificate must
/// name the host. No client certificate.
pub fn https_client(anchors: &Anchors, purpose: Purpose) -> Result<ClientConfig, Error> {
    Ok(ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(VERSIONS)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anchored { anchors: anchors.clone(), purpose }))
        .with_no_client_auth())
}

/// A verifier of servers that accepts any chain whose leaf proves possession of its key, for clients that judge the
/// chain afterwards ([`crate::peer::judge`]) and have their own configuration.
pub fn judged_later() -> Arc<dyn ServerCertVerifier> {
    Arc::new(JudgedLater)
}

/// The part of a certificate verifier that is the same for all: who holds the certificate's key signed this handshake.
macro_rules! handshake_signatures {
    () => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls12_signature(message, cert, dss, &provider().signature_verification_algorithms)
        }
        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls13_signature(message, cert, dss, &provider().signature_verification_algorithms)
        }
        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            provider().signature_verification_algorithms.supported_schemes()
        }
    };
}

/// Asks clients for a certificate, of these authorities where some are named; accepts any chain whose leaf proves possession of its key.
#[derive(Debug)]
struct AskedLater {
    hints: Vec<DistinguishedName>,
}

impl ClientCertVerifier for AskedLater {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }
    fn client_auth_mandatory(&self) -> bool {
        false
    }
    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }
    handshake_signatures!();
}

/// Accepts any server whose leaf proves possession of its key.
#[derive(Debug)]
struct JudgedLater;

impl ServerCertVerifier for JudgedLater {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        stapled: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        crate::staple::keep(leaf, stapled);
        Ok(ServerCertVerified::assertion())
    }
    handshake_signatures!();
}

/// Verifies servers as browsers do, but by our anchors of one purpose.
#[derive(Debug)]
struct Anchored {
    anchors: Anchors,
    purpose: Purpose,
}

impl ServerCertVerifier for Anchored {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain: Vec<CertificateDer<'_>> = std::iter::once(leaf).chain(intermediates).cloned().collect();
        let now = Timestamp::from_seconds(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        chain::check(&self.anchors, self.purpose, &chain, chain::Usage::Server, now).map(drop).map_err(|cause| {
            Error::InvalidCertificate(match cause {
                PeerCause::UnknownIssuer | PeerCause::Absent | PeerCause::OtherEnvironment => {
                    CertificateError::UnknownIssuer
                }
                PeerCause::Expired => CertificateError::Expired,
                PeerCause::NotYetValid => CertificateError::NotValidYet,
                PeerCause::Revoked => CertificateError::Revoked,
                PeerCause::WrongUsage => CertificateError::InvalidPurpose,
                PeerCause::Invalid | PeerCause::Weak => CertificateError::BadEncoding,
            })
        })?;
        webpki::EndEntityCert::try_from(leaf)
            .and_then(|c| c.verify_is_valid_for_subject_name(name))
            .map_err(|_| Error::InvalidCertificate(CertificateError::NotValidForName))?;
        Ok(ServerCertVerified::assertion())
    }
    handshake_signatures!();
}
