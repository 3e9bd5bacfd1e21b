//! What a real TLS library makes of us at the other end: old versions, suites without forward secrecy or without authenticated encryption are refused,
//! as server and as client (F201, ECO.1.1.1, ECO.1.1.3).
use crate::pki::*;
use rustls_pki_types::ServerName;
use sceau_trust::{Identity, Purpose, peer, tls};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

/// What openssl must be asked for by name, because nobody offers it any more.
const REFUSED: [(&str, &[&str]); 5] = [
    ("TLS 1.1", &["-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"]),
    ("TLS 1.0", &["-tls1", "-cipher", "DEFAULT:@SECLEVEL=0"]),
    ("CBC", &["-tls1_2", "-cipher", "ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-SHA:@SECLEVEL=0"]),
    ("static RSA", &["-tls1_2", "-cipher", "AES256-GCM-SHA384:AES128-GCM-SHA256:AES128-SHA:@SECLEVEL=0"]),
    ("finite fields", &["-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384:@SECLEVEL=0"]),
];
const TAKEN: [(&str, &[&str]); 3] = [
    ("TLS 1.3", &["-tls1_3"]),
    ("AES", &["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"]),
    ("ChaCha20", &["-tls1_2", "-cipher", "ECDHE-RSA-CHACHA20-POLY1305"]),
];

/// An RSA certificate: each of these suites could be used with it, if we let it.
fn identity(pki: &Pki) -> (Identity, Leaf) {
    let leaf = pki.leaf_with(rsa_key(), |_| {});
    (leaf.identity(), leaf)
}

/// Serves each connection of this door with one handshake and a word.
fn serve(identity: &Identity) -> SocketAddr {
    let config = tls::mx_server(identity).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(stream), Ok(conn)) = (stream, rustls::ServerConnection::new(Arc::clone(&config))) else { return };
            let mut tls = rustls::StreamOwned::new(conn, stream);
            // A handshake that fails is what some of these are for.
            let _ = tls.write_all(b"220 bonjour\r\n").and_then(|()| tls.flush());
            tls.conn.send_close_notify();
            let _ = tls.flush();
        }
    });
    address
}

#[test]
fn as_server_we_speak_nothing_old() {
    let pki = Pki::new("O");
    let address = serve(&identity(&pki).0);
    let dial = |how: &[&str]| {
        // It reads until our end closes, not until its own input ends: that would be before our word, now and then.
        let done = Command::new("openssl")
            .args(["s_client", "-connect", &address.to_string(), "-quiet"])
            .args(how)
            .stdin(Stdio::null())
            .output()
            .expect("openssl is among the programs that ./check wants");
        (String::from_utf8_lossy(&done.stdout).into_owned(), String::from_utf8_lossy(&done.stderr).into_owned())
    };
    for (what, how) in TAKEN {
        let (out, told) = dial(how);
        assert!(out.contains("220 bonjour"), "{what}: {out} {told}");
    }
    for (what, how) in REFUSED {
        let (out, told) = dial(how);
        assert!(!out.contains("220"), "{what}: {out}");
        // It is we who refuse: openssl was willing.
        assert!(told.contains("alert") && !told.contains("no ciphers available"), "{what}: {told}");
    }
}

/// An openssl that is ended with the test.
struct Server(Child, u16);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    fn start(folder: &std::path::Path, how: &[&str]) -> Self {
        // A free port, given back at once: openssl says nothing of one that it would choose itself.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let path = |name: &str| folder.join(name).display().to_string();
        let child = Command::new("openssl")
            .args(["s_server", "-accept", &format!("127.0.0.1:{port}"), "-quiet"])
            .args(["-cert", &path("cert.pem"), "-key", &path("key.pem")])
            .args(how)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child, port)
    }
    /// The handshake of our transfer with it.
    fn shake(&self, identity: &Identity) -> Result<usize, String> {
        let mut stream = None;
        for _ in 0..200 {
            match TcpStream::connect(("127.0.0.1", self.1)) {
                Ok(open) => {
                    stream = Some(open);
                    break;
                }
                Err(_) => std::thread::sleep(std::time::Duration::from_millis(20)),
            }
        }
        let mut stream = stream.expect("openssl listens");
        stream.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
        let config = tls::transfer_client(identity).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut conn = rustls::ClientConnection::new(config, name).unwrap();
        while conn.is_handshaking() {
            conn.complete_io(&mut stream).map_err(|e| e.to_string())?;
        }
        Ok(conn.peer_certificates().map_or(0, <[_]>::len))
    }
}

#[test]
fn as_client_we_speak_nothing_old_either() {
    let pki = Pki::new("O");
    let (ours, leaf) = identity(&pki);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cert.pem"), &leaf.pem).unwrap();
    std::fs::write(folder.path().join("key.pem"), leaf.key.serialize_pem()).unwrap();
    for (what, how) in TAKEN {
        assert_eq!(Server::start(folder.path(), how).shake(&ours), Ok(1), "{what}");
    }
    for (what, how) in REFUSED {
        let refused = Server::start(folder.path(), how).shake(&ours);
        assert!(refused.is_err(), "{what}");
    }
}

#[test]
fn what_a_server_staples_is_kept_for_whoever_judges_its_chain() {
    let pki = Pki::new("O");
    let (ours, _) = identity(&pki);
    let leaf = pki.leaf(|_| {}).identity();
    let mut key = (*leaf.key).clone();
    key.ocsp = Some(b"not an answer, but what came".to_vec());
    let stapling = Identity { key: Arc::new(key), ..leaf };
    assert_eq!(sceau_trust::staple::of(&stapling.chain[0]), None);
    let address = serve(&stapling);
    let mut stream = TcpStream::connect(address).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut conn = rustls::ClientConnection::new(tls::transfer_client(&ours).unwrap(), name).unwrap();
    let mut said = [0; 3];
    rustls::Stream::new(&mut conn, &mut stream).read_exact(&mut said).unwrap();
    let kept = sceau_trust::staple::of(&stapling.chain[0]);
    assert_eq!(kept.as_deref(), Some(&b"not an answer, but what came"[..]));
    let judged = peer::judge(&pki.anchors(Purpose::Peers), Purpose::Peers, &stapling.chain, false, NOW);
    assert!(judged.is_ok(), "a hint changes no judgement by itself");
}

#[test]
fn a_packed_key_opens_elsewhere_with_its_password_only() {
    use sceau_trust::authority::{self, Authority, Issues, Subject};
    let now = sceau_domain::Timestamp(1_795_000_000_000);
    let made = authority::create(Issues::Structures, "Opérateur", "connecteurs.example", now).unwrap();
    let issuer = Authority::open(&made.certificate, &made.key).unwrap();
    let subject = Subject { name: "mail.chu.example", organisation: "CHU", unit: "chu", hosts: &[] };
    let (issued, key) = issuer.issue_with_key(&subject, 30, now).unwrap();
    let packed = sceau_trust::pkcs12::pack(&issued.certificate, &key, "Sceau chu").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chu.pfx");
    std::fs::write(&file, &packed.file).unwrap();
    let open = |password: &str, how: &[&str]| {
        let password = format!("pass:{password}");
        let mut asked = Command::new("openssl");
        asked.args(["pkcs12", "-in"]).arg(&file).args(["-passin", &password]).args(how);
        asked.output().expect("openssl is among the programs that ./check wants")
    };
    let opened = open(&packed.password, &["-nodes"]);
    let text = String::from_utf8_lossy(&opened.stdout).into_owned();
    assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
    let again = Identity::from_pem(text.as_bytes(), text.as_bytes()).unwrap();
    assert_eq!(peer::describe(&again.chain[0]).unwrap(), issued.facts);
    for shown in ["friendlyName: Sceau chu", "Microsoft RSA SChannel Cryptographic Provider"] {
        assert!(text.contains(shown), "{text}");
    }
    let told = open(&packed.password, &["-info", "-noout"]);
    let told = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(told.contains("MAC: sha256") && told.matches("AES-256-CBC").count() == 2, "{told}");
    assert!(!open("wrong", &["-nodes"]).status.success());
    assert!(!String::from_utf8_lossy(&packed.file).contains("mail.chu.example"), "the certificate is packed too");
}

#[test]
fn requests_are_known_by_their_key_whatever_digest_signed_them() {
    use sceau_trust::authority::{AuthorityError, requested};
    let request = |how: &[&str]| {
        let base = ["req", "-new", "-nodes", "-keyout", "/dev/null", "-subj", "/CN=mail.chu.example"];
        let done = Command::new("openssl").args(base).args(how).output();
        done.expect("openssl is among the programs that ./check wants").stdout
    };
    // As Exchange 2016 signs them.
    assert!(requested(&request(&["-newkey", "rsa:2048", "-sha1"])).is_ok());
    assert!(requested(&request(&["-newkey", "rsa:2048", "-sha256"])).is_ok());
    assert_eq!(requested(&request(&["-newkey", "rsa:1024", "-sha256"])).unwrap_err(), AuthorityError::Weak);
}
