//! OpenSMTPD's configuration: demands TLS and a good certificate from operators, shows its own, verifies theirs and the host's name.
use super::{World, root};
use crate::Sandbox;
use std::fmt::Write;
use std::path::Path;

/// Fills the root; what to run in it.
pub(super) fn prepare(at: &Path, sandbox: &Sandbox, world: &World<'_>) -> (&'static str, &'static [&'static str]) {
    const PROGRAM: &str = "/usr/sbin/smtpd";
    // Unpacked with its own libraries, and the shell by which it starts what writes a Maildir.
    root::fill(at, "opensmtpd", &[]);
    root::certificates(at, sandbox, "root");
    for name in ["var/run", "var/spool", "var/lib/opensmtpd/empty"] {
        root::folder(at, name, "root");
    }
    root::folder(at, "mail", "boites");
    // Against these it judges the servers that it sends to.
    root::write(at, "etc/ssl/certs/ca-certificates.crt", &std::fs::read_to_string(sandbox.anchors()).expect("anchors"));
    // Its reports come from this name, which its listeners have too: the white list knows domains, and no host of them.
    root::write(at, "etc/mailname", &format!("{}\n", world.domain));
    root::open(&root::write(at, "etc/smtpd.conf", &configuration(world)), 0o600);
    // In the foreground, with what it says on standard error.
    (PROGRAM, &["-d"])
}

fn configuration(world: &World<'_>) -> String {
    let domain = world.domain;
    let listen = |endpoint: &str| endpoint.replace(':', " port ");
    let known: Vec<String> = world.boxes.iter().map(|b| format!("\"{b}@{domain}\"")).collect();
    let boxes: Vec<String> = world.boxes.iter().map(|b| format!("\"{b}@{domain}\" = \"boites\"")).collect();
    let (mut actions, mut matches) = (String::new(), String::new());
    for (i, (theirs, port)) in world.operators.iter().enumerate() {
        let _ = writeln!(
            actions,
            "action \"operator-{i}\" relay host \"smtp+tls://localhost:{port}\" pki \"outside\" src 127.0.0.1 helo \"mx.{domain}\""
        );
        // What is handed to it, and its own reports.
        for from in ["tag LOCAL from any", "from socket"] {
            let _ = writeln!(matches, "match {from} for domain \"{theirs}\" action \"operator-{i}\"");
        }
    }
    format!(
        "pki \"outside\" cert \"/etc/tls/cert.pem\"\npki \"outside\" key \"/etc/tls/key.pem\"\nca \"outside\" cert \"/etc/tls/anchors.pem\"\n\
         table boxes {{ {} }}\n\
         listen on {} tls-require verify pki \"outside\" ca \"outside\" hostname \"{domain}\"\n\
         listen on {} hostname \"{domain}\" tag LOCAL\n\
         action \"in\" maildir \"/mail/%{{rcpt.user}}\" virtual <boxes> user boites\n{actions}\
         match from any for rcpt-to {{ {} }} action \"in\"\n{matches}",
        boxes.join(", "),
        listen(world.mx),
        listen(world.local),
        known.join(", "),
    )
}
