//! Notices on their way to a played relay: over STARTTLS with a login, in clear on the machine alone, refused, away.
use crate::fake::{Fake, Script};
use sceau_operator::notices::{NotTaken, Relay};
use sceau_smtp::notices::{Protection, RelayConfig, SmtpRelay, client_tls};
use sceau_testkit::addr;
use sceau_testkit::pki::Pki;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use zeroize::Zeroizing;

const MESSAGE: &[u8] = b"Subject: avis\r\n\r\nbonjour\r\n.cache\r\n";

fn config(port: u16, protection: Protection) -> RelayConfig {
    RelayConfig {
        host: "127.0.0.1".into(),
        port,
        protection,
        tls: client_tls(None).unwrap(),
        login: None,
        from: addr("avis@exemple.fr"),
        hostname: "mss.alpha.fr".into(),
    }
}

/// A relay in clear: what it heard, line by line.
async fn in_clear(rule: impl Fn(&str) -> &'static str + Send + Sync + 'static) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = heard.clone();
    let rule = Arc::new(rule);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (log, rule) = (log.clone(), rule.clone());
            tokio::spawn(async move {
                let (read, mut write) = stream.into_split();
                let mut lines = BufReader::new(read).lines();
                let mut content = false;
                write.write_all(format!("{}\r\n", rule("greeting")).as_bytes()).await.ok()?;
                while let Some(line) = lines.next_line().await.ok()? {
                    log.lock().unwrap().push(line.clone());
                    if content && line != "." {
                        continue;
                    }
                    content = false;
                    let reply = rule(&line);
                    content |= reply.starts_with("354");
                    write.write_all(format!("{reply}\r\n").as_bytes()).await.ok()?;
                }
                Some(())
            });
        }
    });
    (port, heard)
}

fn friendly(line: &str) -> &'static str {
    match line {
        "greeting" => "220 relais",
        "DATA" => "354 go",
        l if l.starts_with("AUTH") => "235 2.7.0 Ok",
        _ => "250 2.0.0 Ok",
    }
}

async fn send(config: RelayConfig) -> Result<(), NotTaken> {
    let back = config.from.clone();
    SmtpRelay::new(config).send(&back, &addr("anne@exemple.fr"), MESSAGE).await
}

#[tokio::test]
async fn in_clear_to_the_machine_itself() {
    let (port, heard) = in_clear(friendly).await;
    send(config(port, Protection::Loopback)).await.unwrap();
    let heard = heard.lock().unwrap().clone();
    let expected = [
        "EHLO mss.alpha.fr",
        "MAIL FROM:<avis@exemple.fr>",
        "RCPT TO:<anne@exemple.fr>",
        "DATA",
        "Subject: avis",
        "",
        "bonjour",
        "..cache",
        ".",
        "QUIT",
    ];
    assert_eq!(heard, expected);
}

#[tokio::test]
async fn what_is_final_and_what_is_tried_again() {
    let said = |at: &'static str, reply: &'static str| {
        move |line: &str| if line.starts_with(at) { reply } else { friendly(line) }
    };
    for (at, reply, expected) in [
        ("RCPT", "550 5.1.1 anne@exemple.fr unknown", NotTaken::Never("550 5.1.1".into())),
        ("RCPT", "450 4.2.0 later", NotTaken::Later("450 4.2.0".into())),
        ("DATA", "554 5.7.1 no", NotTaken::Never("554 5.7.1".into())),
        ("RCPT", "550 who", NotTaken::Never("550".into())),
        // Of the message, not of the address.
        ("DATA", "550 no", NotTaken::Never("550 5.0.0".into())),
        (".", "550 not wanted", NotTaken::Never("550 5.0.0".into())),
        (".", "451 4.3.0 later", NotTaken::Later("451 4.3.0".into())),
        // These are about us, not about the recipient.
        ("greeting", "554 go away", NotTaken::Later("554".into())),
        ("EHLO", "502 what", NotTaken::Later("502".into())),
        ("MAIL", "550 5.7.1 not you", NotTaken::Later("550 5.7.1".into())),
        ("greeting", "hello", NotTaken::Later("protocol".into())),
    ] {
        let (port, heard) = in_clear(said(at, reply)).await;
        assert_eq!(send(config(port, Protection::Loopback)).await, Err(expected), "{at} {reply}");
        if at != "." {
            assert!(!heard.lock().unwrap().iter().any(|l| l == "bonjour"), "{at}: no content after a refusal");
        }
    }
    let wrong = |status| sceau_domain::tell::is_wrong_address(status);
    assert!(wrong("550") && !wrong("550 5.0.0"), "what DATA heard closes nobody's mailbox");
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    assert_eq!(send(config(nobody, Protection::Loopback)).await, Err(NotTaken::Later("connect".into())));
}

#[tokio::test]
async fn nothing_in_clear_where_tls_is_asked_for() {
    // It offers no STARTTLS.
    let (port, heard) = in_clear(friendly).await;
    let login = Some(("avis".to_owned(), Zeroizing::new("secret".to_owned())));
    let asked = RelayConfig { login, ..config(port, Protection::StartTls) };
    assert_eq!(send(asked).await, Err(NotTaken::Later("starttls".into())));
    assert_eq!(*heard.lock().unwrap(), ["EHLO mss.alpha.fr"]);
    // TLS from the first byte, and it speaks none.
    let (port, heard) = in_clear(friendly).await;
    assert_eq!(send(config(port, Protection::Tls)).await, Err(NotTaken::Later("tls".into())));
    assert!(!heard.lock().unwrap().iter().any(|l| l.contains("MAIL")));
    // In clear beyond the machine: not even a connection.
    let elsewhere = RelayConfig { host: "192.0.2.1".into(), ..config(25, Protection::Loopback) };
    assert_eq!(send(elsewhere).await, Err(NotTaken::Later("clear".into())));
}

#[tokio::test]
async fn a_relay_that_nobody_vouches_for_gets_nothing() {
    let pki = Pki::new();
    let fake: Fake = Script::new(&pki).start().await;
    let unknown = config(fake.address.port(), Protection::StartTls);
    assert_eq!(send(unknown).await, Err(NotTaken::Later("tls".into())));
    assert!(fake.heard.lock().unwrap().iter().flatten().next().is_none(), "nothing under TLS");
}

/// A relay that speaks TLS, from the first byte or after STARTTLS; its certificate is for `localhost`. What it heard under TLS.
async fn over_tls(starttls: bool) -> (u16, String, Arc<Mutex<Vec<String>>>) {
    let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = rustls::pki_types::PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind("localhost:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = heard.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (log, acceptor) = (log.clone(), acceptor.clone());
            tokio::spawn(async move {
                if starttls {
                    stream.write_all(b"220 relais\r\n").await.ok()?;
                    let mut clear = BufReader::new(&mut stream);
                    for reply in ["250-relais\r\n250 STARTTLS\r\n", "220 go\r\n"] {
                        let mut line = String::new();
                        clear.read_line(&mut line).await.ok()?;
                        clear.get_mut().write_all(reply.as_bytes()).await.ok()?;
                    }
                }
                let (read, mut write) = tokio::io::split(acceptor.accept(stream).await.ok()?);
                let mut lines = BufReader::new(read).lines();
                if !starttls {
                    write.write_all(b"220 relais\r\n").await.ok()?;
                }
                let mut content = false;
                while let Some(line) = lines.next_line().await.ok()? {
                    log.lock().unwrap().push(line.clone());
                    if content && line != "." {
                        continue;
                    }
                    let reply = friendly(&line);
                    content = reply.starts_with("354");
                    write.write_all(format!("{reply}\r\n").as_bytes()).await.ok()?;
                    write.flush().await.ok()?;
                }
                Some(())
            });
        }
    });
    (port, own.cert.pem(), heard)
}

#[tokio::test]
async fn the_password_goes_to_the_relay_that_is_vouched_for() {
    for starttls in [true, false] {
        let (port, pem, heard) = over_tls(starttls).await;
        let protection = if starttls { Protection::StartTls } else { Protection::Tls };
        let login = Some(("avis".to_owned(), Zeroizing::new("secret".to_owned())));
        let named = |host: &str, pem: Option<&[u8]>| RelayConfig {
            host: host.into(),
            login: login.clone(),
            tls: client_tls(pem).unwrap(),
            ..config(port, protection)
        };
        // Another name, or an authority that nobody named: nothing is said.
        let wrong_name = named("127.0.0.1", Some(pem.as_bytes()));
        assert_eq!(send(wrong_name).await, Err(NotTaken::Later("tls".into())));
        assert_eq!(send(named("localhost", None)).await, Err(NotTaken::Later("tls".into())));
        assert!(heard.lock().unwrap().is_empty());
        send(named("localhost", Some(pem.as_bytes()))).await.unwrap();
        let heard = heard.lock().unwrap().clone();
        // RFC 4616: NUL, login, NUL, password.
        assert_eq!(heard[1], "AUTH PLAIN AGF2aXMAc2VjcmV0", "{heard:?}");
        assert!(heard.contains(&"..cache".to_owned()));
    }
    assert!(client_tls(Some(b"no certificate")).is_err());
}
