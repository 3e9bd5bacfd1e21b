//! A real Postfix as the outsider: its own instance in a temporary folder, mutual TLS in both directions, Maildirs.
use crate::sandbox::Sandbox;
use crate::{Run, curl, maildir, wait};
use std::fmt::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Services of `master.cf` that deliver, clean and keep: none in a chroot, none on a port.
const SERVICES: &str = "\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
refus unix - n n - - pipe flags=q user=nobody argv=/bin/sh -c {exit 67}
";

/// A Postfix that plays the outsider of a sandbox; stopped when dropped.
#[derive(Debug)]
pub struct Postfix {
    folder: tempfile::TempDir,
    master: Option<Child>,
    mx: String,
    /// `host:port` where mail can be handed to it without ceremony, as a local program would.
    pub local: String,
    domain: String,
}

impl Postfix {
    /// Configures one (not started yet). It serves the outsider's addresses, and `plein@`, which it accepts and then bounces.
    pub fn new(sandbox: &Sandbox) -> Self {
        let root = rustix::process::getuid().is_root();
        assert!(root, "Postfix starts for root only: run the end-to-end tests as root (./check says how)");
        let folder = tempfile::Builder::new().prefix("sceau-postfix-").tempdir().expect("folder");
        let outsider = &sandbox.ready.outsiders[0];
        let local = format!("127.0.0.1:{}", sandbox.base() + 41);
        let postfix = Self { folder, master: None, mx: outsider.mx.clone(), local, domain: outsider.domain.clone() };
        postfix.configure(sandbox);
        postfix
    }

    /// A hospital's own server: mailboxes of its domain, and no word of any operator. What connects it comes from [`Postfix::apply`].
    pub fn hospital(sandbox: &Sandbox, domain: &str, boxes: &[&str]) -> Self {
        let root = rustix::process::getuid().is_root();
        assert!(root, "Postfix starts for root only: run the end-to-end tests as root (./check says how)");
        let folder = tempfile::Builder::new().prefix("sceau-hospital-").tempdir().expect("folder");
        let place = |offset: u16| format!("127.0.0.1:{}", sandbox.base() + offset);
        let postfix = Self { folder, master: None, mx: place(46), local: place(47), domain: domain.to_owned() };
        postfix.configure_hospital(boxes);
        postfix
    }

    /// Where it will take mail from the operator.
    pub fn inbound(&self) -> &str {
        &self.mx
    }

    fn configure_hospital(&self, boxes: &[&str]) {
        self.folders();
        let number = |what: &str| Run::of("id", &[what, "postfix"]).ok().out.trim().to_owned();
        let mut held = String::new();
        for address in boxes {
            let _ = write!(held, "{{ {address} = {}/ }}, ", address.split('@').next().unwrap_or_default());
        }
        let (folder, domain) = (self.folder.path().display(), &self.domain);
        let main = format!(
            "compatibility_level = 3.6\nqueue_directory = {folder}/queue\ndata_directory = {folder}/data\n\
             daemon_directory = /usr/lib/postfix/sbin\ncommand_directory = /usr/sbin\n\
             maillog_file = {folder}/log\nmaillog_file_prefixes = {folder}\n\
             myhostname = mail.hopital.example\nmyorigin = hopital.example\nmydestination =\nmynetworks = 127.0.0.0/8\n\
             inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nalias_maps =\nalias_database =\nlocal_recipient_maps =\n\
             biff = no\nsmtputf8_enable = no\nmessage_size_limit = 50000000\nvirtual_mailbox_limit = 0\n\
             virtual_mailbox_domains = {domain}\nvirtual_mailbox_base = {folder}/mail\nvirtual_mailbox_maps = inline:{{ {held} }}\n\
             virtual_uid_maps = static:{uid}\nvirtual_gid_maps = static:{gid}\nvirtual_minimum_uid = 1\n\
             smtp_dns_support_level = disabled\nsmtp_host_lookup = native\n\
             minimal_backoff_time = 1s\nmaximal_backoff_time = 5s\nqueue_run_delay = 1s\n",
            uid = number("-u"),
            gid = number("-g"),
        );
        std::fs::write(self.path("etc/main.cf"), main).expect("main.cf");
        std::fs::write(self.path("etc/master.cf"), format!("{} inet n - n - - smtpd\n{SERVICES}", self.local))
            .expect("master.cf");
    }

    /// Runs the operator's script over its configuration, with a certificate and key (PEM, one file).
    pub fn apply(&self, script: &Path, pair: &Path) -> Run {
        let (etc, text) = (self.path("etc"), |p: &Path| p.to_str().expect("UTF-8").to_owned());
        let (script, pair, config) = (text(script), text(pair), format!("SCEAU_CONFIG={}", text(&etc)));
        let listen = format!("SCEAU_LISTEN={}", self.mx);
        Run::of("env", &[&config, "SCEAU_ADDRESS=127.0.0.1", &listen, "sh", &script, &pair, &pair])
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folders that Postfix wants.
    fn folders(&self) {
        use std::os::unix::fs::PermissionsExt;
        let open = |p: &Path| std::fs::set_permissions(p, std::fs::Permissions::from_mode(0o755)).expect("mode");
        open(self.folder.path());
        for name in ["etc", "queue", "data", "mail"] {
            std::fs::create_dir(self.path(name)).expect("folder");
        }
        for name in ["data", "mail"] {
            let owner = format!("postfix:{}", if name == "mail" { "nogroup" } else { "postfix" });
            let _ = Run::of("chown", &[&owner, self.path(name).to_str().expect("UTF-8")]).ok();
        }
    }

    fn configure(&self, sandbox: &Sandbox) {
        self.folders();
        let number = |what: &str| Run::of("id", &[what, "postfix"]).ok().out.trim().to_owned();
        let (outsider, own) = (&sandbox.ready.outsiders[0], &self.domain);
        let mut boxes = String::new();
        for address in outsider.addresses.iter().map(String::as_str).chain([format!("plein@{own}").as_str()]) {
            let _ = write!(boxes, "{{ {address} = {}/ }}, ", address.split('@').next().unwrap_or_default());
        }
        let mut routes = format!("{{ plein@{own} = refus: }}, ");
        for o in &sandbox.ready.operators {
            let (host, port) = o.endpoints.mx.rsplit_once(':').expect("host:port");
            let _ = write!(routes, "{{ {} = smtp:[{host}]:{port} }}, ", o.domains[0]);
        }
        let folder = self.folder.path().display();
        let (cert, key, anchors) = (outsider.cert.display(), outsider.key.display(), sandbox.anchors());
        let main = format!(
            "compatibility_level = 3.6\nqueue_directory = {folder}/queue\ndata_directory = {folder}/data\n\
             daemon_directory = /usr/lib/postfix/sbin\ncommand_directory = /usr/sbin\n\
             maillog_file = {folder}/log\nmaillog_file_prefixes = {folder}\n\
             myhostname = mx.{own}\nmyorigin = {own}\nmydestination =\nmynetworks = 127.0.0.0/8\n\
             inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nalias_maps =\nalias_database =\nlocal_recipient_maps =\n\
             biff = no\nsmtputf8_enable = no\nmessage_size_limit = 50000000\nvirtual_mailbox_limit = 0\n\
             virtual_mailbox_domains = {own}\nvirtual_mailbox_base = {folder}/mail\nvirtual_mailbox_maps = inline:{{ {boxes} }}\n\
             virtual_uid_maps = static:{uid}\nvirtual_gid_maps = static:{gid}\nvirtual_minimum_uid = 1\n\
             transport_maps = inline:{{ {routes} }}\n\
             smtp_dns_support_level = disabled\nsmtp_host_lookup = native\n\
             smtp_tls_security_level = secure\nsmtp_tls_CAfile = {anchors}\nsmtp_tls_secure_cert_match = localhost\n\
             smtp_tls_cert_file = {cert}\nsmtp_tls_key_file = {key}\nsmtp_tls_mandatory_protocols = >=TLSv1.2\nsmtp_tls_loglevel = 1\n\
             smtpd_tls_security_level = encrypt\nsmtpd_tls_CAfile = {anchors}\nsmtpd_tls_cert_file = {cert}\nsmtpd_tls_key_file = {key}\n\
             smtpd_tls_req_ccert = yes\nsmtpd_tls_mandatory_protocols = >=TLSv1.2\nsmtpd_tls_received_header = yes\n\
             smtpd_relay_restrictions = reject_unauth_destination\nsmtpd_delay_reject = yes\n\
             minimal_backoff_time = 1s\nmaximal_backoff_time = 5s\nqueue_run_delay = 1s\n",
            uid = number("-u"),
            gid = number("-g"),
        );
        std::fs::write(self.path("etc/main.cf"), main).expect("main.cf");
        let ports = format!(
            "{} inet n - n - - smtpd\n{} inet n - n - - smtpd\n    -o smtpd_tls_security_level=none\n    -o smtpd_tls_req_ccert=no\n    -o smtpd_relay_restrictions=permit_mynetworks,reject\n",
            self.mx, self.local
        );
        std::fs::write(self.path("etc/master.cf"), ports + SERVICES).expect("master.cf");
    }

    /// Starts it and waits until it answers.
    pub fn start(&mut self) {
        let output = std::fs::File::create(self.path("output")).expect("file");
        let child = Command::new("/usr/sbin/postfix")
            .arg("-c")
            .arg(self.path("etc"))
            .arg("start-fg")
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("file"))
            .stderr(output)
            .spawn()
            .expect("postfix starts: run ./check, which installs it");
        self.master = Some(child);
        wait::until("Postfix", 30, || {
            if let Some(Ok(Some(status))) = self.master.as_mut().map(Child::try_wait) {
                panic!("Postfix ended: {status}\n{}", self.log());
            }
            [&self.mx, &self.local].iter().all(|e| TcpStream::connect(e).is_ok()).then_some(())
        });
    }

    /// Stops it; what it holds stays in its queue.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.master.take() {
            let folder = self.path("etc");
            let stopped = Run::of("/usr/sbin/postfix", &["-c", folder.to_str().expect("UTF-8"), "stop"]);
            if stopped.code != 0 {
                let _ = child.kill();
            }
            let _ = child.wait();
        }
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
        self.path("mail").join(address.split('@').next().unwrap_or_default())
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        let read = |name: &str| std::fs::read_to_string(self.path(name)).unwrap_or_default();
        format!("{}{}", read("output"), read("log"))
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        self.stop();
    }
}
