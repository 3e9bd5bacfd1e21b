//! PostgreSQL over a network: encrypted, and only with the server that the named authority vouches for.
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use sceau_store::testing::{self, TlsServer};
use sceau_store::{EngineUrl, StoreError};

/// A self-made authority and a server certificate for a name.
fn certificates(name: &str) -> (String, String, String) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = authority.self_signed(&authority_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &Issuer::new(authority, &authority_key)).unwrap();
    (root, leaf.pem(), key.serialize_pem())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_must_be_the_one_that_is_meant() {
    let (root, certificate, key) = certificates("localhost");
    let (other_root, ..) = certificates("localhost");
    let server = tokio::task::spawn_blocking(move || TlsServer::start(&certificate, &key)).await.unwrap();
    let mut s = testing::sqlite().await;
    let (roots, others) = (s.folder().join("roots.pem"), s.folder().join("others.pem"));
    std::fs::write(&roots, root).unwrap();
    std::fs::write(&others, other_root).unwrap();
    let mut config = s.config.clone();
    config.keyring = EngineUrl::Sqlite(s.folder().join("tls/keyring.db"));
    config.blobs = s.folder().join("tls/blobs").into();
    let mut open = async |host: &str, roots: &std::path::Path| {
        let url = format!(
            "host={host} hostaddr=127.0.0.1 port={} user=sceau dbname=postgres sslrootcert={}",
            server.port,
            roots.display()
        );
        config.data = EngineUrl::Postgres(url);
        s.reopen_with(config.clone()).await?;
        let encrypted =
            s.read(|tx| tx.query_opt("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[])).await;
        encrypted?.unwrap().bool(0)
    };
    assert_eq!(open("localhost", &roots).await, Ok(true));
    open("localhost", &others).await.expect_err("another authority");
    open("db.example.fr", &roots).await.expect_err("another name");
    assert!(matches!(open("localhost", std::path::Path::new("missing.pem")).await, Err(StoreError::Invalid(_))));
    tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
}
