//! A small S3 service of one test (`s3-server`), which can be stopped and started again on the same objects.
use crate::sandbox::built;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A running service, stopped when dropped.
#[derive(Debug)]
pub struct Bucket {
    folder: tempfile::TempDir,
    port: u16,
    child: Option<Child>,
}

/// Name of its bucket.
pub const NAME: &str = "sceau";
const KEYS: [&str; 2] = ["cle-essai", "secret-essai"];

impl Bucket {
    /// Starts one.
    pub fn start() -> Self {
        // Below the ports that outgoing connections are given: it must be free again when the service is started again.
        let first = 8_000 + u16::try_from(std::process::id() % 1_000).expect("small");
        let port = (first..first + 900).find(|p| TcpListener::bind(("127.0.0.1", *p)).is_ok()).expect("a free port");
        let mut bucket = Self { folder: tempfile::tempdir().expect("temporary folder"), port, child: None };
        bucket.go_on();
        bucket
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
        let mut child = Command::new(built("s3-server"))
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
        assert!(line.starts_with("ready http://"), "{line}");
        self.child = Some(child);
    }
    /// What a sandbox that keeps its blobs here is started with.
    pub fn arguments(&self) -> Vec<String> {
        vec!["--blobs".into(), format!("s3://{NAME}")]
    }
    /// The variables that it wants.
    pub fn variables(&self) -> Vec<(String, String)> {
        let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        vec![
            variable("AWS_ENDPOINT_URL", &format!("http://127.0.0.1:{}", self.port)),
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
