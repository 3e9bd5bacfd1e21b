//! A small S3 service of one test (`s3-server`), which can be stopped and started again on the same objects.
use crate::sandbox::built;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A running service, stopped when dropped.
#[derive(Debug)]
pub struct Bucket {
    folder: tempfile::TempDir,
    port: u16,
    tls: bool,
    child: Option<Child>,
}

/// Name of its bucket.
pub const NAME: &str = "sceau";
const KEYS: [&str; 2] = ["cle-essai", "secret-essai"];

impl Bucket {
    /// Starts one.
    pub fn start() -> Self {
        Self::new(false)
    }
    /// Starts one that speaks TLS, with a certificate of an authority of its own ([`Bucket::authority`]).
    pub fn start_tls() -> Self {
        Self::new(true)
    }
    fn new(tls: bool) -> Self {
        // Below the ports that outgoing connections are given: it must be free again when the service is started again.
        let first = 8_000 + u16::try_from(std::process::id() % 1_000).expect("small");
        let port = (first..first + 900).find(|p| TcpListener::bind(("127.0.0.1", *p)).is_ok()).expect("a free port");
        let mut bucket = Self { folder: tempfile::tempdir().expect("temporary folder"), port, tls, child: None };
        if tls {
            std::fs::create_dir(bucket.folder.path().join("tls")).expect("folder");
            bucket.write("authority.pem", &bucket.certify());
        }
        bucket.go_on();
        bucket
    }
    /// Makes an authority, and a certificate by it in the service's folder; the authority's certificate.
    fn certify(&self) -> String {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().expect("key");
        let authority = params.self_signed(&key).expect("authority");
        let own = rcgen::KeyPair::generate().expect("key");
        let names = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
        let certificate = names.signed_by(&own, &Issuer::new(params, key)).expect("certificate");
        self.write("cert.pem", &certificate.pem());
        self.write("key.pem", &own.serialize_pem());
        authority.pem()
    }
    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.beside(name), text).expect("file");
    }
    /// A file beside the buckets.
    fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join("tls").join(name)
    }
    /// The authority of its certificate, a PEM file.
    pub fn authority(&self) -> PathBuf {
        self.beside("authority.pem")
    }
    /// Its address.
    pub fn endpoint(&self) -> String {
        format!("{}://127.0.0.1:{}", if self.tls { "https" } else { "http" }, self.port)
    }
    /// Stops the service; its objects stay.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("killed");
            child.wait().expect("ends");
        }
    }
    /// Starts it again.
    pub fn go_on(&mut self) {
        let mut command = Command::new(built("s3-server"));
        if self.tls {
            command.arg("--tls").arg(self.beside("cert.pem")).arg(self.beside("key.pem"));
        }
        let mut child = command
            .arg(self.folder.path())
            .arg(self.port.to_string())
            .args(KEYS)
            .arg(NAME)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("s3-server starts");
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().expect("output"));
        said.read_line(&mut line).expect("its first line");
        assert!(line.starts_with(&format!("ready {}", self.endpoint())), "{line}");
        self.child = Some(child);
    }
    /// What a sandbox that keeps its blobs here is started with.
    pub fn arguments(&self) -> Vec<String> {
        vec!["--blobs".into(), format!("s3://{NAME}")]
    }
    /// Its keys, as a file of credentials holds them.
    pub fn keys(&self) -> String {
        KEYS.join("\n")
    }
    /// The variables that it wants.
    pub fn variables(&self) -> Vec<(String, String)> {
        let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        vec![
            variable("AWS_ENDPOINT_URL", &self.endpoint()),
            variable("AWS_ACCESS_KEY_ID", KEYS[0]),
            variable("AWS_SECRET_ACCESS_KEY", KEYS[1]),
        ]
    }
    /// Files of its objects that hold blobs.
    pub fn objects(&self) -> Vec<PathBuf> {
        let (mut out, mut folders) = (Vec::new(), vec![self.folder.path().join(NAME)]);
        while let Some(folder) = folders.pop() {
            for entry in folder.read_dir().expect("folder").flatten() {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                } else if entry.file_name().len() == 32 {
                    out.push(entry.path());
                }
            }
        }
        out
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.stop();
    }
}
