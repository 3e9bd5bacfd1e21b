//! Exim's configuration: demands TLS and a good certificate from operators, shows its own, verifies theirs and the host's name.
use super::{World, root};
use crate::Sandbox;
use std::fmt::Write;
use std::path::Path;

/// Fills the root; what to run in it.
pub(super) fn prepare(at: &Path, sandbox: &Sandbox, world: &World<'_>) -> (&'static str, &'static [&'static str]) {
    const PROGRAM: &str = "/usr/sbin/exim4";
    const USER: &str = "Debian-exim";
    root::fill(at, "exim", &[PROGRAM]);
    root::certificates(at, sandbox, USER);
    for name in ["var/spool/exim4", "var/log/exim4", "mail"] {
        root::folder(at, name, USER);
    }
    let boxes: String = world.boxes.iter().map(|b| format!("{b}: {b}\n")).collect();
    root::write(at, "etc/boxes", &boxes);
    root::open(&root::write(at, "etc/exim4/exim4.conf", &configuration(world)), 0o644);
    // In the foreground; what is put off is tried again each second.
    (PROGRAM, &["-bdf", "-q1s"])
}

fn configuration(world: &World<'_>) -> String {
    let domain = world.domain;
    let place = |endpoint: &str| endpoint.replace(':', ".");
    let port = world.local.rsplit_once(':').expect("host:port").1;
    let (mut routers, mut transports) = (String::new(), String::new());
    for (i, (theirs, port)) in world.operators.iter().enumerate() {
        let _ = write!(
            routers,
            "operator_{i}:\n  driver = manualroute\n  domains = {theirs}\n  transport = operator_{i}\n  \
             route_list = * localhost byname\n  self = send\n\n"
        );
        let _ = write!(
            transports,
            "operator_{i}:\n  driver = smtp\n  port = {port}\n  allow_localhost\n  hosts_require_tls = *\n  hosts_try_dane =\n  \
             tls_certificate = /etc/tls/cert.pem\n  tls_privatekey = /etc/tls/key.pem\n  tls_sni = localhost\n  \
             tls_verify_certificates = /etc/tls/anchors.pem\n  tls_verify_hosts = *\n  tls_verify_cert_hostnames = *\n\n"
        );
    }
    format!(
        "primary_hostname = mx.{domain}\nqualify_domain = {domain}\nlocal_interfaces = {mx} : {local}\ndisable_ipv6\n\
         domainlist own = {domain}\nkeep_environment =\nhost_lookup =\nrfc1413_hosts = :\ndeliver_drop_privilege\n\
         pid_file_path = /var/spool/exim4/exim.pid\nlog_file_path = /var/log/exim4/%slog\n\
         log_selector = +tls_peerdn +tls_certificate_verified +smtp_confirmation\ndsn_advertise_hosts = *\n\
         tls_advertise_hosts = *\ntls_certificate = /etc/tls/cert.pem\ntls_privatekey = /etc/tls/key.pem\n\
         tls_verify_certificates = /etc/tls/anchors.pem\ntls_verify_hosts = *\n\
         acl_smtp_mail = sender\nacl_smtp_rcpt = recipient\nacl_smtp_data = accept\n\n\
         begin acl\n\
         sender:\n  accept condition = ${{if eq{{$received_port}}{{{port}}}}}\n  deny message = TLS first\n    !encrypted = *\n  \
         deny message = no good certificate\n    !verify = certificate\n  accept\n\
         recipient:\n  accept condition = ${{if eq{{$received_port}}{{{port}}}}}\n  accept domains = +own\n    endpass\n    \
         message = 550 5.1.1 no such mailbox here\n    local_parts = lsearch;/etc/boxes\n  deny message = no relay\n\n\
         begin routers\n\
         in:\n  driver = accept\n  domains = +own\n  local_parts = lsearch;/etc/boxes\n  transport = maildir\n\n{routers}\
         begin transports\n\
         maildir:\n  driver = appendfile\n  directory = /mail/$local_part_data\n  maildir_format\n  create_directory\n  \
         user = Debian-exim\n  group = Debian-exim\n\n{transports}\
         begin retry\n* * F,1h,1s\n",
        mx = place(world.mx),
        local = place(world.local),
    )
}
