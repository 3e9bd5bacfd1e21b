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
use rustls::client::{ClientSessionMemoryCache, Resumption, WantsClientCert};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, ServerSessionMemoryCache};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, DistinguishedName, Error, ServerConfig,
    SignatureScheme, WantsVerifier,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use rustls_platform_verifier::BuilderVerifierExt;
use sceau_domain::Timestamp;
use std::collections::HashMap;
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
/// Where cards are asked for.
const OLDER: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS12];

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
pub fn client_server(own: impl Into<ByName>) -> Result<Arc<ServerConfig>, Error> {
    Ok(server(for_clients(own.into())?))
}

fn for_clients(own: ByName) -> Result<ServerConfig, Error> {
    let config = ServerConfig::builder_with_provider(provider()).with_protocol_versions(VERSIONS)?;
    Ok(config.with_no_client_auth().with_cert_resolver(Arc::new(own)))
}

/// Server side of HTTPS: as [`client_server`]; HTTP/1.1 is spoken, and HTTP/2 with whoever asks for it when `http2` (ALPN, RFC 9113 §3.2).
pub fn web_server(own: impl Into<ByName>, http2: bool) -> Result<Arc<ServerConfig>, Error> {
    let mut config = for_clients(own.into())?;
    if http2 {
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    }
    Ok(server(config))
}

/// Whose certificates a mail program may show to log in: applicative clients, cards, people's own devices.
const LOGINS: [Purpose; 3] = [Purpose::Clients, Purpose::Cps, Purpose::Devices];

/// Server side for mail programs: as [`client_server`]; where there are anchors of those who may log in by a certificate it also asks for one, naming
/// their authorities, so that a program with another certificate has nothing to offer and bothers nobody. The handshake completes with any or none, the
/// chain is judged where it is used to log in.
pub fn mail_server(own: impl Into<ByName>, anchors: &Anchors) -> Result<Arc<ServerConfig>, Error> {
    let hints = hints(anchors, &LOGINS);
    if hints.is_empty() {
        return client_server(own);
    }
    let config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(VERSIONS)?
        .with_client_cert_verifier(Arc::new(AskedLater { hints }))
        .with_cert_resolver(Arc::new(own.into()));
    Ok(server(config))
}

/// How cards are spoken to. Neither by default: an RSA key on a card signs by PKCS#1 v1.5 only, while TLS 1.3 has only PSS for RSA (RFC 8446 §4.2.3), and
/// browsers that are offered PSS let the card fail instead of taking something else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CardTls {
    /// Speak TLS 1.3 too.
    pub tls13: bool,
    /// Offer RSA-PSS to cards in TLS 1.2 (in TLS 1.3 it always is).
    pub pss: bool,
}

/// Server side of the card door: asks for a certificate of the authorities of cards. It completes with any or none, the chain is judged afterwards.
/// Nothing is resumed: each connection asks the card itself, so that a card that was taken away opens nothing.
pub fn card_server(own: impl Into<ByName>, anchors: &Anchors, how: CardTls) -> Result<Arc<ServerConfig>, Error> {
    let mut schemes = provider().signature_verification_algorithms.supported_schemes();
    if !how.pss && !how.tls13 {
        schemes.retain(|scheme| {
            !matches!(
                scheme,
                SignatureScheme::RSA_PSS_SHA256 | SignatureScheme::RSA_PSS_SHA384 | SignatureScheme::RSA_PSS_SHA512
            )
        });
    }
    let asked = CardAsked { asked: AskedLater { hints: hints(anchors, &[Purpose::Cps]) }, schemes };
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(if how.tls13 { VERSIONS } else { OLDER })?
        .with_client_cert_verifier(Arc::new(asked))
        .with_cert_resolver(Arc::new(own.into()));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// Names of the authorities of these purposes, as a server tells them when it asks for a certificate.
fn hints(anchors: &Anchors, purposes: &[Purpose]) -> Vec<DistinguishedName> {
    let hint = |anchor: &CertificateDer<'static>| {
        let anchor = webpki::anchor_from_trusted_cert(anchor).ok()?;
        Some(DistinguishedName::in_sequence(&anchor.subject))
    };
    purposes.iter().flat_map(|p| anchors.of(*p)).filter_map(hint).collect()
}

/// Our certificates, each for the names that it has: the one that names the host that a client asked for, else the first.
#[derive(Debug, Clone)]
pub struct ByName {
    first: Arc<CertifiedKey>,
    others: HashMap<String, Arc<CertifiedKey>>,
}

impl ByName {
    /// Also these, each for the DNS names of its certificate (RFC 5280 §4.2.1.6) that no other has yet.
    pub fn with(mut self, others: &[Identity]) -> Self {
        for identity in others {
            for name in identity.names() {
                self.others.entry(name).or_insert_with(|| identity.key.clone());
            }
        }
        self
    }

    fn of(&self, asked: Option<&str>) -> &Arc<CertifiedKey> {
        let asked = asked.unwrap_or_default().to_ascii_lowercase();
        // One label may be any (RFC 6125 §6.4.3).
        let any = || asked.split_once('.').and_then(|(_, rest)| self.others.get(&format!("*.{rest}")));
        self.others.get(&asked).or_else(any).unwrap_or(&self.first)
    }
}

impl From<&Identity> for ByName {
    fn from(first: &Identity) -> Self {
        Self { first: first.key.clone(), others: HashMap::new() }.with(std::slice::from_ref(first))
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.of(hello.server_name()).clone())
    }
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
    let client = ClientConfig::builder_with_provider(provider()).with_protocol_versions(VERSIONS)?;
    Ok(anchored(client, anchors, purpose).with_no_client_auth())
}

/// Client side towards an HTTPS server outside the trust space: judged by the anchors of `purpose`, by the system's authorities where there are none of
/// it; `identity` is shown to a server that asks for a certificate.
pub fn outside_client(anchors: &Anchors, purpose: Purpose, identity: Option<&Identity>) -> Result<ClientConfig, Error> {
    let client = ClientConfig::builder_with_provider(provider()).with_protocol_versions(VERSIONS)?;
    let client = if anchors.of(purpose).is_empty() {
        client.with_platform_verifier()?
    } else {
        anchored(client, anchors, purpose)
    };
    Ok(match identity {
        Some(own) => client.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own.key.clone()))),
        None => client.with_no_client_auth(),
    })
}

fn anchored(
    client: ConfigBuilder<ClientConfig, WantsVerifier>,
    anchors: &Anchors,
    purpose: Purpose,
) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    client.dangerous().with_custom_certificate_verifier(Arc::new(Anchored { anchors: anchors.clone(), purpose }))
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

/// As [`AskedLater`], for these signatures only.
#[derive(Debug)]
struct CardAsked {
    asked: AskedLater,
    schemes: Vec<SignatureScheme>,
}

impl ClientCertVerifier for CardAsked {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.asked.root_hint_subjects()
    }
    fn client_auth_mandatory(&self) -> bool {
        self.asked.client_auth_mandatory()
    }
    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.asked.verify_client_cert(leaf, intermediates, now)
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.asked.verify_tls12_signature(message, cert, dss)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.asked.verify_tls13_signature(message, cert, dss)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
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
