//! TLS on connections: what it established, resumption, injection, hot reload.
mod common;
use arc_swap::ArcSwap;
use common::{LONG, Pki, SECOND, localhost, pair};
use sceau_net::{Conn, HotTls, Limits, Listener, Pace, ReadError};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;

/// A server that says `hello` under implicit TLS, then what the handshake told it.
async fn greeter(tls: HotTls) -> (std::net::SocketAddr, CancellationToken) {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), Limits::default()).await.unwrap();
    let (address, drain) = (listener.local(), CancellationToken::new());
    tokio::spawn(listener.serve(Some(tls), b"", drain.clone(), LONG, |mut conn, _| async move {
        let info = conn.tls().unwrap().clone();
        let said = format!("{} {} {}\r\n", info.summary(), info.peer.len(), info.resumed);
        conn.write(said.as_bytes()).await.unwrap();
        let _ = conn.read_line(100).await;
        conn.close().await;
    }));
    (address, drain)
}

async fn visit(address: std::net::SocketAddr, config: &Arc<rustls::ClientConfig>) -> (String, Conn) {
    let mut conn = Conn::connect_tls(address, config.clone(), localhost(), LONG).await.unwrap();
    let line = String::from_utf8(conn.read_line(200).await.unwrap()).unwrap();
    (line.trim_end().to_owned(), conn)
}

#[tokio::test]
async fn version_suite_and_peer_are_told_on_resumed_sessions_too() {
    let pki = Pki::new();
    let (address, _drain) = greeter(Arc::new(ArcSwap::new(pki.server("a")))).await;
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let config = pki.client(&[version], Some("peer"));
        let (first, mut conn) = visit(address, &config).await;
        let name = if version.version == rustls::ProtocolVersion::TLSv1_3 { "TLSv1.3 TLS_" } else { "TLSv1.2 TLS_" };
        assert!(first.starts_with(name) && !first.contains("TLS13_"), "{first}");
        assert!(first.ends_with(" 1 false"), "{first}");
        assert_eq!(conn.tls().unwrap().peer.len(), 1);
        conn.write(b"bye\r\n").await.unwrap();
        conn.close().await;
        let (second, conn) = visit(address, &config).await;
        assert!(second.ends_with(" 1 true"), "the chain of a resumed session is known: {second}");
        conn.close().await;
    }
    let (without, _conn) = visit(address, &pki.client(rustls::DEFAULT_VERSIONS, None)).await;
    assert!(without.ends_with(" 0 false"), "{without}");
}

#[tokio::test]
async fn new_handshakes_use_the_configuration_put_in_place() {
    let (old, new) = (Pki::new(), Pki::new());
    let hot = Arc::new(ArcSwap::new(old.server("a")));
    let (address, _drain) = greeter(hot.clone()).await;
    let client = old.client(rustls::DEFAULT_VERSIONS, None);
    let (_, mut before) = visit(address, &client).await;
    hot.store(new.server("a"));
    assert!(Conn::connect_tls(address, client, localhost(), LONG).await.is_err(), "the old authority is gone");
    visit(address, &new.client(rustls::DEFAULT_VERSIONS, None)).await;
    before.write(b"still here\r\n").await.unwrap();
    before.flush().await.unwrap();
}

#[tokio::test]
async fn starttls_works_on_both_sides_and_moves_on_buffered_lines() {
    let pki = Pki::new();
    let (mut server, client) = pair(LONG, Pace::default()).await;
    let mut client = Conn::new(client, LONG, Pace::default()).unwrap();
    let config = pki.server("a");
    let talk = tokio::spawn(async move {
        assert_eq!(server.read_line(100).await.unwrap(), b"STARTTLS\r\n");
        server.write(b"220 go\r\n").await.unwrap();
        server.start_tls(config, LONG).await.unwrap();
        let line = server.read_line(100).await.unwrap();
        server.write(&line).await.unwrap();
        server.close().await;
    });
    client.write(b"STARTTLS\r\n").await.unwrap();
    assert_eq!(client.read_line(100).await.unwrap(), b"220 go\r\n");
    client.start_tls_client(pki.client(rustls::DEFAULT_VERSIONS, None), localhost(), LONG).await.unwrap();
    assert!(client.start_tls_client(pki.client(rustls::DEFAULT_VERSIONS, None), localhost(), LONG).await.is_err());
    client.write(b"echo\r\n").await.unwrap();
    assert_eq!(client.read_line(100).await.unwrap(), b"echo\r\n");
    assert_eq!(client.read_some(1).await.unwrap(), b"", "close_notify is a clean end");
    talk.await.unwrap();
}

#[tokio::test]
async fn clear_bytes_after_starttls_are_an_injection() {
    let pki = Pki::new();
    let (mut server, mut client) = pair(LONG, Pace::default()).await;
    client.write_all(b"STARTTLS\r\nMAIL FROM:<x@y>\r\n").await.unwrap();
    server.read_line(100).await.unwrap();
    assert!(server.has_buffered());
    let refused = server.start_tls(pki.server("a"), LONG).await;
    assert!(matches!(refused, Err(ReadError::Io(e)) if e.kind() == std::io::ErrorKind::InvalidData));
}

#[tokio::test]
async fn a_handshake_that_never_comes_ends_at_its_deadline_and_gives_its_place_back() {
    let pki = Pki::new();
    let limits = Limits { connections: 1, handshake: Duration::from_millis(100), ..Limits::default() };
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), limits).await.unwrap();
    let (address, drain) = (listener.local(), CancellationToken::new());
    let hot = Arc::new(ArcSwap::new(pki.server("a")));
    tokio::spawn(listener.serve(Some(hot), b"", drain, LONG, |mut conn, _| async move {
        let _ = conn.write(b"in\r\n").await;
        conn.close().await;
    }));
    let mut silent = Conn::connect(address, LONG).await.unwrap();
    assert_eq!(silent.read_some(1).await.unwrap(), b"", "closed by the server");
    let config = pki.client(rustls::DEFAULT_VERSIONS, None);
    let mut next = tokio::time::timeout(SECOND * 10, async {
        loop {
            if let Ok(conn) = Conn::connect_tls(address, config.clone(), localhost(), LONG).await {
                return conn;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(next.read_line(10).await.unwrap(), b"in\r\n");
}
