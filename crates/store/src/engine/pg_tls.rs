//! How a PostgreSQL server is reached: a local socket, or TLS with a server certificate that is checked.
//!
//! Promises: over a network, the connection is encrypted and the server's certificate and name are checked against the file that
//! `sslrootcert=FILE` names in the connection string; going without must be said (`sslmode=disable`). Never "encrypted if possible".
use crate::StoreError;
use postgres::config::{Host, SslMode};
use postgres::{Client, Config, NoTls};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio_postgres_rustls::MakeRustlsConnect;

/// What the driver says when the string says nothing of it: two hours.
const SYSTEM_KEEPALIVE: Duration = Duration::from_secs(2 * 60 * 60);

/// Opens connections.
#[derive(Clone)]
pub(crate) struct Connector {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    /// Of the tests.
    #[cfg(any(test, feature = "testing"))]
    pub faults: Option<Arc<super::pg_faults::Faults>>,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The configuration holds a password.
        f.write_str("Connector(…)")
    }
}

impl Connector {
    /// A new connection, and whether the server warned on it: set by each warning, reset by who asks. Blocking.
    pub fn connect(&self) -> Result<(Client, Arc<AtomicBool>), postgres::Error> {
        let (mut config, warned) = (self.config.clone(), Arc::new(AtomicBool::new(false)));
        let heard = Arc::clone(&warned);
        config.notice_callback(move |notice| {
            // Its words may repeat values.
            tracing::warn!(code = notice.code().code(), "the database warns");
            heard.store(true, Ordering::SeqCst);
        });
        let client = match &self.tls {
            Some(tls) => config.connect(tls.clone()),
            None => config.connect(NoTls),
        };
        Ok((client?, warned))
    }
}

/// Reads a connection string (keywords or URL).
pub(crate) fn connector(url: &str) -> Result<Connector, StoreError> {
    let bad = |why: &str| StoreError::Invalid(format!("PostgreSQL connection string: {why}"));
    let (rest, root) = take_root(url);
    // The parser's error may repeat the string, and with it a password.
    let mut config: Config = rest.parse().map_err(|_| bad("not understood"))?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(Duration::from_secs(5));
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(Duration::from_secs(30));
    }
    // A host that vanishes while its answer is awaited leaves nothing unsent, which the above would notice.
    if config.get_keepalives_idle() == SYSTEM_KEEPALIVE {
        config.keepalives_idle(Duration::from_secs(10));
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_interval(Duration::from_secs(5));
    }
    if config.get_keepalives_retries().is_none() {
        config.keepalives_retries(3);
    }
    if config.get_application_name().is_none() {
        config.application_name("sceau");
    }
    let local = config.get_hosts().iter().all(|h| match h {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()),
    });
    // "prefer" is what the parser says when nothing was said.
    let tls = match (root, config.get_ssl_mode()) {
        (Some(_), SslMode::Disable) => return Err(bad("sslrootcert and sslmode=disable contradict each other")),
        (Some(root), _) => {
            config.ssl_mode(SslMode::Require);
            Some(MakeRustlsConnect::new(client_config(Path::new(&root))?))
        }
        (None, SslMode::Disable) => None,
        (None, SslMode::Prefer) if local => None,
        _ => return Err(bad("name the server's authority with sslrootcert=FILE, or say sslmode=disable")),
    };
    Ok(Connector {
        config,
        tls,
        #[cfg(any(test, feature = "testing"))]
        faults: super::pg_faults::of(url),
    })
}

fn client_config(root: &Path) -> Result<rustls::ClientConfig, StoreError> {
    let unusable = |why: String| StoreError::Invalid(format!("sslrootcert: {why}"));
    let mut roots = rustls::RootCertStore::empty();
    for cert in CertificateDer::pem_file_iter(root).map_err(|e| unusable(e.to_string()))? {
        let cert = cert.map_err(|e| unusable(e.to_string()))?;
        roots.add(cert).map_err(|e| unusable(e.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable("no certificate in it".into()));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| unusable(e.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Takes `sslrootcert` out: the driver does not know it.
fn take_root(url: &str) -> (String, Option<String>) {
    let (separator, head, tail) = match url.split_once('?') {
        Some((head, query)) if url.starts_with("postgres") => ('&', format!("{head}?"), query),
        _ => (' ', String::new(), url),
    };
    let mut root = None;
    let kept: Vec<&str> = tail
        .split(separator)
        .filter(|part| match part.strip_prefix("sslrootcert=") {
            Some(file) => {
                root = Some(file.trim_matches('\'').to_owned());
                false
            }
            None => true,
        })
        .collect();
    (head + &kept.join(&separator.to_string()), root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_connection_is_encrypted_unless_said() {
        assert!(connector("host=/run/postgresql user=sceau").unwrap().tls.is_none());
        assert!(connector("host=127.0.0.1 user=sceau").unwrap().tls.is_none());
        assert!(connector("host=db.example.fr user=sceau sslmode=disable").unwrap().tls.is_none());
        for bad in [
            "host=db.example.fr user=sceau",
            "host=db.example.fr user=sceau sslmode=require",
            "postgresql://sceau@db.example.fr/sceau",
            "host=db.example.fr sslrootcert=ca.pem sslmode=disable",
            "host=db.example.fr sslrootcert=/nonexistent/ca.pem",
            "nonsense",
        ] {
            assert!(matches!(connector(bad), Err(StoreError::Invalid(_))), "{bad}");
        }
        let said = connector("host=db.example.fr password=secret nonsense").unwrap_err().to_string();
        assert!(!said.contains("secret"), "{said}");
    }

    #[test]
    fn a_host_that_vanishes_is_noticed_within_half_a_minute_unless_said() {
        let of = |url: &str| {
            let c = connector(url).unwrap().config;
            (c.get_keepalives_idle(), c.get_keepalives_interval(), c.get_keepalives_retries(), c.get_keepalives())
        };
        let seconds = Duration::from_secs;
        assert_eq!(of("host=127.0.0.1 user=sceau"), (seconds(10), Some(seconds(5)), Some(3), true));
        let said = "host=127.0.0.1 user=sceau keepalives_idle=60 keepalives_interval=20 keepalives_retries=9";
        assert_eq!(of(said), (seconds(60), Some(seconds(20)), Some(9), true));
    }

    #[test]
    fn the_authority_is_taken_out_of_the_string() {
        let both = |s: &str| take_root(s);
        assert_eq!(both("host=a sslrootcert=/etc/ca.pem user=b"), ("host=a user=b".into(), Some("/etc/ca.pem".into())));
        assert_eq!(
            both("postgresql://a/b?sslrootcert=ca.pem&connect_timeout=3"),
            ("postgresql://a/b?connect_timeout=3".into(), Some("ca.pem".into()))
        );
        assert_eq!(both("host=a"), ("host=a".into(), None));
    }
}
