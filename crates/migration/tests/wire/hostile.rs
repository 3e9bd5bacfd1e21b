//! Servers that want to hurt: nothing is said to one that cannot be believed, and what one sends is bounded in octets and in time.
use crate::played::{Played, login, tls};
use rustls::{ServerConnection, StreamOwned};
use sceau_migration::Error;
use sceau_migration::client::{Client, Outcome, Taker, UNREAD};
use sceau_migration::door::{Door, Host};
use std::io::{Read, Write};
use std::net::TcpListener;

/// A server that says these things, each after a line from the client, then goes on with the last one; a client of it, logged in, or why not.
fn against(script: Vec<Vec<u8>>) -> Result<Client, Error> {
    let folder = tempfile::tempdir().unwrap();
    let (config, ca) = tls(folder.path());
    let listener = TcpListener::bind("localhost:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let Ok((socket, _)) = listener.accept() else { return };
        let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), socket);
        let mut one = [0];
        for said in &script {
            if stream.write_all(said).and_then(|()| stream.flush()).is_err() {
                return;
            }
            while one[0] != b'\n' {
                if stream.read_exact(&mut one).is_err() {
                    return;
                }
            }
            one[0] = 0;
        }
        // It listens, and says nothing more.
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    login(port, &ca).open()
}

/// The beginning of a session, up to the login; then what comes.
fn script(then: &[&[u8]]) -> Vec<Vec<u8>> {
    let begin: [&[u8]; 4] = [
        b"* OK hello\r\n",
        b"* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\ns1 OK\r\n",
        b"s2 OK in\r\n",
        b"* CAPABILITY IMAP4rev1\r\ns3 OK\r\n",
    ];
    begin.into_iter().chain(then.iter().copied()).map(<[u8]>::to_vec).collect()
}

struct Nobody(usize);
impl Taker for Nobody {
    fn piece(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.0 += bytes.len();
        Ok(())
    }
}

#[test]
fn nothing_is_said_to_a_server_that_cannot_be_believed() {
    let (one, other) = (Played::start(), Played::start());
    // Another authority, another name, no TLS at all.
    assert!(matches!(login(one.port, &other.ca).open(), Err(Error::Tls(_))));
    let mut named = login(one.port, &one.ca);
    named.door.host = Host { name: "127.0.0.1".into(), port: Some(one.port) };
    // An address that answers, and that the certificate does not name.
    assert!(matches!(named.open(), Err(Error::Tls(_) | Error::Cut(_))));
    // STARTTLS: none, and words said before the handshake.
    for (clear, is_tls) in [
        (&b"* OK hello\r\n* CAPABILITY IMAP4rev1\r\ns1 OK\r\n"[..], true),
        (b"* OK hello\r\n* CAPABILITY STARTTLS\r\ns1 OK\r\ns2 OK go\r\n* CAPABILITY X\r\n", true),
        (b"* PREAUTH welcome\r\n", false),
        (b"* BYE no\r\n", false),
        (b"HTTP/1.1 400\r\n", false),
    ] {
        let listener = TcpListener::bind("localhost:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let said = std::thread::spawn(move || {
            let mut socket = listener.accept().unwrap().0;
            socket.write_all(clear).unwrap();
            let mut heard = Vec::new();
            let _ = socket.read_to_end(&mut heard);
            heard
        });
        let door = Door {
            host: Host { name: "localhost".into(), port: Some(port) },
            starttls: true,
            ca: Some(one.ca.clone()),
        };
        let error = Client::connect(&door).unwrap_err();
        assert_eq!(matches!(error, Error::Tls(_)), is_tls, "{error:?}");
        let heard = String::from_utf8_lossy(&said.join().unwrap()).into_owned();
        assert!(!heard.contains("AUTH") && !heard.contains("LOGIN") && !heard.contains("secret"), "{heard}");
    }
}

#[test]
fn a_login_that_is_refused_is_told_as_one() {
    for no in [&b"s2 NO [AUTHENTICATIONFAILED] wrong\r\n"[..], b"+ e30=\r\n"] {
        let begin = &script(&[])[..2];
        let mut said = begin.to_vec();
        said.push(no.to_vec());
        said.push(b"s2 NO [AUTHENTICATIONFAILED] wrong\r\n".to_vec());
        assert!(matches!(against(said), Err(Error::Login(no)) if no.text == "wrong"));
    }
}

#[test]
fn floods_end_the_connection_and_fill_no_memory() {
    let long = b"x".repeat(400 << 10);
    let literal = b"* LIST () \"/\" {999999999999}\r\n";
    let deep = [&b"* LIST "[..], &b"(".repeat(5000), b"\r\n"].concat();
    let many = b"* 1 EXISTS\r\n".repeat(10);
    let names: Vec<u8> =
        (0..60_000).flat_map(|n| format!("* LIST () \"/\" \"dossier-{n}\"\r\n").into_bytes()).collect();
    for (n, flood) in
        [&long[..], literal, &deep, b"garbage\r\n", b"s9 OK other\r\n", &[&names[..], b"s4 OK\r\n"].concat()]
            .iter()
            .enumerate()
    {
        let mut client = against(script(&[flood])).unwrap();
        let error = client.mailboxes().unwrap_err();
        assert!(matches!(error, Error::Protocol(_)), "{n}: {error:?}");
    }
    // Said again and again what one knows is no harm.
    let mut client = against(script(&[&[&many[..], b"s4 OK\r\n"].concat()])).unwrap();
    assert_eq!(client.mailboxes().unwrap(), []);
}

#[test]
fn the_content_of_a_message_is_the_one_that_was_asked_for() {
    let fetch = |said: &[u8]| {
        let mut client = against(script(&[said, b"s5 OK\r\n"])).unwrap();
        let mut taker = Nobody(0);
        (client.content(5, 3, &mut taker), taker.0)
    };
    assert!(matches!(fetch(b"* 1 FETCH (UID 5 BODY[] {3}\r\nabc)\r\ns4 OK\r\n"), (Ok(Outcome::Taken(3)), 3)));
    assert!(matches!(fetch(b"* 1 FETCH (BODY[] \"abcd\" UID 5)\r\ns4 OK\r\n"), (Ok(Outcome::Taken(4)), 4)));
    assert!(matches!(fetch(b"s4 OK\r\n"), (Ok(Outcome::Gone), 0)));
    assert!(matches!(fetch(b"* 1 FETCH (UID 5 BODY[] NIL)\r\ns4 OK\r\n"), (Ok(Outcome::Gone), 0)));
    assert!(matches!(fetch(b"s4 NO [EXPUNGEISSUED] gone\r\n"), (Ok(Outcome::Gone), 0)));
    assert!(matches!(fetch(b"s4 NO [SERVERBUG] damaged\r\n"), (Err(Error::No(_)), 0)));
    // It is there, and nothing is said of its content.
    let mut client = against(script(&[&b"s4 OK\r\n"[..], b"* 1 FETCH (UID 5)\r\ns5 OK\r\n"])).unwrap();
    assert!(matches!(client.content(5, 3, &mut Nobody(0)), Err(Error::No(no)) if no.is(UNREAD)));
    // Another message's, two of them, and one that never ends.
    assert!(matches!(fetch(b"* 1 FETCH (UID 6 BODY[] {3}\r\nabc)\r\ns4 OK\r\n"), (Err(Error::Protocol(_)), _)));
    assert!(matches!(
        fetch(b"* 1 FETCH (UID 5 BODY[] {3}\r\nabc)\r\n* 1 FETCH (UID 5 BODY[] {3}\r\nxyz)\r\ns4 OK\r\n"),
        (Ok(Outcome::Taken(3)), 3)
    ));
    assert!(matches!(fetch(b"* BYE tired\r\n"), (Err(Error::Cut(_)), 0)));
}
