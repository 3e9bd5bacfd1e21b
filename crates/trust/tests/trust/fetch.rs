//! Fetching over HTTPS from a played server: bounded, no redirect, by the anchors of this purpose.
use crate::pki::*;
use sceau_trust::whitelist::{WhiteListSource, fetch};
use sceau_trust::{Anchors, Identity, Purpose, tls};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Answers every connection with `answer`; an empty one is silence.
async fn serve(identity: &Identity, answer: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(tls::client_server(identity).unwrap());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (acceptor, answer) = (acceptor.clone(), answer.clone());
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(socket).await else { return };
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                if answer.is_empty() {
                    tokio::time::sleep(Duration::from_secs(30)).await;
                }
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    port
}

fn answer(status: &str, body: &[u8], length: bool) -> Vec<u8> {
    let length = if length { format!("Content-Length: {}\r\n", body.len()) } else { String::new() };
    let mut out = format!("HTTP/1.1 {status}\r\nConnection: close\r\n{length}\r\n").into_bytes();
    out.extend_from_slice(body);
    out
}

fn from(port: u16) -> WhiteListSource {
    WhiteListSource { url: format!("https://localhost:{port}/liste.xml"), ..source() }
}

/// Valid whenever the tests are run.
fn server(pki: &Pki) -> Identity {
    pki.leaf(|p| (p.not_before, p.not_after) = (day(-8000), day(8000))).identity()
}

async fn error(source: &WhiteListSource, anchors: &Anchors) -> String {
    let error = fetch(source, anchors).await.unwrap_err();
    assert_eq!(error.code(), "white_list.fetch");
    error.to_string()
}

#[tokio::test]
async fn the_document_arrives_whole() {
    let pki = Pki::new("O");
    let anchors = pki.root_anchors(Purpose::ListServer);
    for length in [true, false] {
        let body = vec![b'x'; 100_000];
        let port = serve(&server(&pki), answer("200 OK", &body, length)).await;
        assert_eq!(fetch(&from(port), &anchors).await.unwrap(), body);
    }
}

#[tokio::test]
async fn what_is_too_big_too_slow_or_elsewhere_is_refused() {
    let pki = Pki::new("O");
    let anchors = pki.root_anchors(Purpose::ListServer);
    for length in [true, false] {
        let port = serve(&server(&pki), answer("200 OK", &[b'x'; 5000], length)).await;
        let source = WhiteListSource { max_bytes: 4999, ..from(port) };
        assert!(error(&source, &anchors).await.contains("larger than 4999"));
    }
    let port = serve(&server(&pki), answer("302 Found\r\nLocation: https://localhost/", b"", true)).await;
    assert!(error(&from(port), &anchors).await.contains("302"));
    let port = serve(&server(&pki), answer("404 Not Found", b"", true)).await;
    assert!(error(&from(port), &anchors).await.contains("404"));
    let port = serve(&server(&pki), Vec::new()).await;
    let source = WhiteListSource { timeout: Duration::from_millis(300), ..from(port) };
    error(&source, &anchors).await;
    let source = WhiteListSource { url: format!("http://localhost:{port}/"), ..source };
    error(&source, &anchors).await;
}

#[tokio::test]
async fn the_server_is_judged_by_this_purpose_and_its_name() {
    let pki = Pki::new("O");
    let port = serve(&server(&pki), answer("200 OK", b"<x/>", true)).await;
    assert!(error(&from(port), &pki.root_anchors(Purpose::Peers)).await.contains("UnknownIssuer"));
    assert!(error(&from(port), &Pki::new("O").root_anchors(Purpose::ListServer)).await.contains("UnknownIssuer"));
    let expired = pki.leaf(|p| (p.not_before, p.not_after) = (day(-8000), day(-7000))).identity();
    let port = serve(&expired, answer("200 OK", b"<x/>", true)).await;
    let message = error(&from(port), &pki.root_anchors(Purpose::ListServer)).await;
    assert!(message.contains("Expired"), "{message}");
    let other = pki.leaf(|p| {
        (p.not_before, p.not_after) = (day(-8000), day(8000));
        p.subject_alt_names = vec![rcgen::SanType::DnsName("autre.exemple.fr".try_into().unwrap())];
    });
    let port = serve(&other.identity(), answer("200 OK", b"<x/>", true)).await;
    let message = error(&from(port), &pki.root_anchors(Purpose::ListServer)).await;
    assert!(message.contains("NotValidForName"), "{message}");
}
