//! Exim and OpenSMTPD as the outsider of a sandbox, under mutual TLS in both directions. Debian lets only one mail server be installed: `./check`
//! unpacks these beside, and each runs in a root of its own ([`root`]), with its own users, spool and mailboxes.
mod exim;
mod opensmtpd;
mod root;

use crate::{Run, Sandbox, curl, maildir, wait};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Whose program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum House {
    /// Exim, with GnuTLS.
    Exim,
    /// OpenSMTPD, with OpenSSL.
    OpenSmtpd,
}

/// A server that plays the outsider of a sandbox; stopped when dropped.
#[derive(Debug)]
pub struct Outside {
    house: House,
    root: tempfile::TempDir,
    child: Option<Child>,
    /// `host:port` where it takes mail from operators.
    pub mx: String,
    /// `host:port` where mail can be handed to it without ceremony, as a local program would.
    pub local: String,
    domain: String,
}

/// What a configuration is written from.
struct World<'a> {
    mx: &'a str,
    local: &'a str,
    /// The outsider's domain.
    domain: &'a str,
    /// Local parts of its mailboxes.
    boxes: Vec<&'a str>,
    /// Operators: domain, port of the MX door.
    operators: Vec<(&'a str, &'a str)>,
}

impl Outside {
    /// Starts one, which serves the outsider's addresses, and waits until it answers.
    pub fn start(sandbox: &Sandbox, house: House) -> Self {
        assert!(rustix::process::getuid().is_root(), "it starts for root only: run the end-to-end tests as root");
        let outsider = &sandbox.ready.outsiders[0];
        let local = format!("127.0.0.1:{}", sandbox.base() + 41);
        let world = World {
            mx: &outsider.mx,
            local: &local,
            domain: &outsider.domain,
            boxes: outsider.addresses.iter().filter_map(|a| a.split('@').next()).collect(),
            operators: sandbox.ready.operators.iter().map(operator).collect(),
        };
        let root = tempfile::Builder::new().prefix("sceau-outside-").tempdir().expect("folder");
        std::fs::set_permissions(root.path(), std::fs::Permissions::from_mode(0o755)).expect("mode");
        let (program, arguments) = match house {
            House::Exim => exim::prepare(root.path(), sandbox, &world),
            House::OpenSmtpd => opensmtpd::prepare(root.path(), sandbox, &world),
        };
        let output = std::fs::File::create(root.path().join("output")).expect("file");
        let child = Command::new("chroot")
            .arg(root.path())
            .arg(program)
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("file"))
            .stderr(output)
            .spawn()
            .expect("chroot");
        let (mx, domain) = (outsider.mx.clone(), outsider.domain.clone());
        let mut outside = Self { house, root, child: Some(child), mx, local, domain };
        wait::until(&format!("{house:?}"), 30, || {
            if let Some(Ok(Some(status))) = outside.child.as_mut().map(Child::try_wait) {
                panic!("{house:?} ended: {status}\n{}", outside.log());
            }
            [&outside.mx, &outside.local].iter().all(|e| TcpStream::connect(e).is_ok()).then_some(())
        });
        outside
    }

    /// Whose program it is.
    pub fn house(&self) -> House {
        self.house
    }

    /// Hands it a message, as a program of the outsider would.
    pub fn submit(&self, from: &str, to: &[&str], message: &[u8]) -> Run {
        curl::hand_over(&self.local, from, to, message)
    }

    /// Messages in the Maildir of an address, with CRLF lines.
    pub fn messages(&self, address: &str) -> Vec<Vec<u8>> {
        maildir::messages(&self.maildir(address))
    }

    /// Waits for a message that holds this text at an address.
    #[track_caller]
    pub fn wait_for(&self, address: &str, text: &str) -> Vec<u8> {
        maildir::wait_for(&self.maildir(address), text, || self.log())
    }

    fn maildir(&self, address: &str) -> PathBuf {
        let (local, domain) = address.split_once('@').expect("an address");
        assert_eq!(domain, self.domain);
        self.root.path().join("mail").join(local)
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        let read = |name: &str| {
            let bytes = std::fs::read(self.root.path().join(name)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        ["output", "var/log/exim4/mainlog", "var/log/exim4/rejectlog", "var/log/exim4/paniclog"].map(read).concat()
    }
}

fn operator(o: &crate::sandbox::Operator) -> (&str, &str) {
    (&o.domains[0], o.endpoints.mx.rsplit_once(':').expect("host:port").1)
}

impl Drop for Outside {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // It is not killed: its own children end with it.
        let ends =
            rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM);
        if ends.is_err() {
            let _ = child.kill();
        }
        let _ = child.wait();
    }
}
