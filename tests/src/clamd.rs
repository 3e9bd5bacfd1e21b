//! A real clamd of one test, with two signatures of its own: EICAR's test file, and ours. No signature is downloaded.
use crate::wait;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// What our own signature finds.
pub const OURS: &[u8] = b"SCEAU-SIGNATURE-D-ESSAI";

/// The test file of EICAR, made when it is needed.
pub fn eicar() -> Vec<u8> {
    br"*H+H$!ELIF-TSET-SURIVITNA-DRADNATS-RACIE$}7)CC7)^P(45XZP\4[PA@%P!O5X".iter().rev().copied().collect()
}

/// A running clamd, stopped when dropped.
#[derive(Debug)]
pub struct Clamd {
    folder: tempfile::TempDir,
    child: Option<Child>,
}

impl Clamd {
    /// Starts one that takes streams of so many megabytes.
    pub fn start(megabytes: u32) -> Self {
        let folder = tempfile::Builder::new().prefix("sceau-clamd-").tempdir().expect("folder");
        let base = folder.path().join("base");
        std::fs::create_dir(&base).expect("folder");
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let signatures = format!("Sceau.Essai:0:*:{}\nEicar-Test-Signature:0:0:{}\n", hex(OURS), hex(&eicar()));
        std::fs::write(base.join("essai.ndb"), signatures).expect("signatures");
        let mut clamd = Self { folder, child: None };
        clamd.go_on(megabytes);
        clamd
    }
    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("clamd.sock")
    }
    /// Starts it (again) and waits until it answers.
    pub fn go_on(&mut self, megabytes: u32) {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let config = format!(
            "LocalSocket {}\nDatabaseDirectory {}\nTemporaryDirectory {}\nForeground yes\nStreamMaxLength {megabytes}M\nAlertEncrypted yes\nAlertExceedsMax yes\n",
            path("clamd.sock"),
            path("base"),
            self.folder.path().display()
        );
        std::fs::write(path("clamd.conf"), config).expect("configuration");
        let child = Command::new("/usr/sbin/clamd")
            .args(["--config-file", &path("clamd.conf")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("clamd does not start ({e}): run ./check, which installs it"));
        self.child = Some(child);
        wait::until("clamd", 60, || UnixStream::connect(self.socket()).ok());
    }
    /// Stops it.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("killed");
            child.wait().expect("ends");
        }
    }
}

impl Drop for Clamd {
    fn drop(&mut self) {
        self.stop();
    }
}
