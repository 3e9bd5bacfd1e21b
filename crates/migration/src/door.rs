//! Where a server is, and how it is believed: TLS always, its certificate judged by the system's authorities or by those of a file.
use crate::Error;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

/// Where systems keep the authorities that they trust.
const SYSTEM: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
];

/// `HOST`, `HOST:PORT`, `[ADDRESS]:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Name or address, without brackets.
    pub name: String,
    /// Port, when one was given.
    pub port: Option<u16>,
}

impl FromStr for Host {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = "HOST[:PORT]";
        let (name, port) = match text.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or(bad)?,
            // Several colons: an IPv6 address without a port.
            None if text.matches(':').count() > 1 => (text, ""),
            None => text.find(':').map_or((text, ""), |at| text.split_at(at)),
        };
        let port = match port {
            "" => None,
            port => Some(port.strip_prefix(':').and_then(|p| p.parse().ok()).filter(|p| *p > 0).ok_or(bad)?),
        };
        if ServerName::try_from(name).is_err() {
            return Err(bad);
        }
        Ok(Self { name: name.to_owned(), port })
    }
}

/// A server's door.
#[derive(Debug, Clone)]
pub struct Door {
    /// Where.
    pub host: Host,
    /// STARTTLS (143) instead of TLS from the first octet (993).
    pub starttls: bool,
    /// Authorities instead of the system's, PEM.
    pub ca: Option<PathBuf>,
}

impl Door {
    /// Port to connect to.
    pub fn port(&self) -> u16 {
        self.host.port.unwrap_or(if self.starttls { 143 } else { 993 })
    }
    /// `HOST:PORT`, for people.
    pub fn shown(&self) -> String {
        let name = &self.host.name;
        if name.contains(':') { format!("[{name}]:{}", self.port()) } else { format!("{name}:{}", self.port()) }
    }
    /// Whom a server's certificate must come from.
    pub fn tls(&self) -> Result<Arc<ClientConfig>, Error> {
        let file = match &self.ca {
            Some(path) => path.clone(),
            None => {
                let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
                let file = named.or_else(|| SYSTEM.iter().map(PathBuf::from).find(|p| p.is_file()));
                file.ok_or_else(|| Error::Tls("no file of authorities on this system".into()))?
            }
        };
        let refused = |e: &dyn std::fmt::Display| Error::Tls(e.to_string());
        let (roots, certificates) = read(&file)?;
        let provider = sceau_trust::tls::provider();
        let by_authority = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
        // Only what a person named is taken for a server's own certificate.
        let own = if self.ca.is_some() { certificates } else { Vec::new() };
        let verifier = Known { own, by_authority: by_authority.map_err(|e| refused(&e))? };
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|e| refused(&e))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

/// Certificates of a file, as authorities and as they are.
fn read(path: &Path) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), Error> {
    let bytes = std::fs::read(path).map_err(Error::file(path))?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&bytes).filter_map(Result::ok).collect();
    let mut roots = RootCertStore::empty();
    let (good, _) = roots.add_parsable_certificates(certificates.iter().cloned());
    if good == 0 {
        return Err(Error::Content(path.to_owned(), "no_certificate"));
    }
    Ok((roots, certificates))
}

/// Judges servers by authorities; or by their own certificate, where a person named that one: those that sign themselves are often authorities on paper
/// too, which no chain may end with. Either way it must name the host.
#[derive(Debug)]
struct Known {
    own: Vec<CertificateDer<'static>>,
    by_authority: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.own.iter().any(|own| own.as_ref() == leaf.as_ref()) {
            return verify_server_name(&ParsedCertificate::try_from(leaf)?, name)
                .map(|()| ServerCertVerified::assertion());
        }
        self.by_authority.verify_server_cert(leaf, intermediates, name, stapled, now)
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.by_authority.verify_tls12_signature(message, leaf, signed)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.by_authority.verify_tls13_signature(message, leaf, signed)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_authority.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_and_without_ports() {
        let door = |text: &str, starttls| Door { host: text.parse().unwrap(), starttls, ca: None };
        assert_eq!(door("imap.example.org", false).shown(), "imap.example.org:993");
        assert_eq!(door("imap.example.org", true).shown(), "imap.example.org:143");
        assert_eq!(door("imap.example.org:2993", false).shown(), "imap.example.org:2993");
        assert_eq!(door("127.0.0.1:1", false).shown(), "127.0.0.1:1");
        assert_eq!(door("::1", false).shown(), "[::1]:993");
        assert_eq!(door("[::1]:995", false).shown(), "[::1]:995");
        for bad in ["", ":993", "a:", "a:0", "a:70000", "a:b", "[::1", "[::1]x", "a b", "a/b"] {
            assert!(bad.parse::<Host>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_file_without_certificates_is_no_trust() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let door = Door { host: "a".parse().unwrap(), starttls: false, ca: Some(path.clone()) };
        assert!(matches!(door.tls(), Err(Error::File(..))));
        std::fs::write(&path, "nothing").unwrap();
        assert!(matches!(door.tls(), Err(Error::Content(..))));
    }
}
