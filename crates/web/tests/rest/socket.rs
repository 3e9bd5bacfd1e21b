//! Connections, byte by byte, over the administration socket: what is served there is what is served over TLS.
use crate::support::House;
use sceau_web::serve::serve_socket;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

struct Served {
    house: House,
    folder: tempfile::TempDir,
    drain: CancellationToken,
    server: JoinHandle<()>,
}

async fn served(login: Option<&'static str>, grace: Duration) -> Served {
    let (house, folder, drain) = (House::new().await, tempfile::tempdir().unwrap(), CancellationToken::new());
    let listener = UnixListener::bind(folder.path().join("s")).unwrap();
    let (op, stop) = (house.op.clone(), drain.clone());
    let server = tokio::spawn(async move {
        serve_socket(op, &listener, move |_| login.map(str::to_owned), stop, grace).await;
    });
    Served { house, folder, drain, server }
}

impl Served {
    async fn open(&self) -> UnixStream {
        UnixStream::connect(self.folder.path().join("s")).await.unwrap()
    }
    /// All that is answered to these bytes, to the end of the connection.
    async fn all(&self, bytes: &[u8]) -> String {
        let mut stream = self.open().await;
        // The server may hang up before all of it is written.
        let _ = stream.write_all(bytes).await;
        let mut said = Vec::new();
        stream.read_to_end(&mut said).await.expect("an end, not a broken connection");
        String::from_utf8(said).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_says_its_host_once_and_ends_where_all_readers_agree() {
    let s = served(Some("root"), Duration::from_secs(5)).await;
    let me = |headers: &str| format!("GET /api/v1/me HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
    for (headers, status) in [
        ("Host: a\r\n", "200"),
        ("", "400"),
        ("Host: a\r\nHost: b\r\n", "400"),
        ("Host: a\r\nX-Long: \u{e9}\r\n", "200"),
        ("Host: a\r\nX Y: 1\r\n", "400"),
        ("Host: a\r\n X: folded\r\n", "400"),
        ("Host: a\r\nContent-Length: +5\r\n", "400"),
        ("Host: a\r\nTransfer-Encoding: chunked, identity\r\n", "400"),
    ] {
        let said = s.all(me(headers).as_bytes()).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{headers:?}: {said}");
    }
    let old = s.all(b"GET /api/v1/me HTTP/1.0\r\n\r\n").await;
    assert!(old.starts_with("HTTP/1.0 200 "), "{old}");
    // A header without measure, a path without measure.
    let header = format!("Host: a\r\nX-Grand: {}\r\n", "x".repeat(40 << 10));
    assert!(s.all(me(&header).as_bytes()).await.starts_with("HTTP/1.1 431 "));
    let path = format!("GET /api/v1/{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(40 << 10));
    assert!(s.all(path.as_bytes()).await.starts_with("HTTP/1.1 4"));
    // Both a length and pieces: what follows is no request, whichever of them another reader believes.
    let smuggled = "POST /api/v1/domains HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\
        Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /api/v1/me HTTP/1.1\r\nHost: a\r\n\r\n";
    let said = s.all(smuggled.as_bytes()).await;
    assert!(said.starts_with("HTTP/1.1 400 ") && said.matches("HTTP/1.1").count() == 1, "{said}");
    assert!(said.to_ascii_lowercase().contains("\r\nconnection: close\r\n"), "{said}");
    // More than is taken: the answer arrives, whatever is still on its way.
    let head =
        "POST /api/v1/domains HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 3000000\r\n\r\n";
    let big = [head.as_bytes(), &vec![b' '; 3_000_000]].concat();
    let said = s.all(&big).await;
    assert!(said.starts_with("HTTP/1.1 413 "), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_is_finished_before_the_end_and_silence_is_not_waited_for() {
    let s = served(Some("root"), Duration::from_secs(20)).await;
    // One connection that says nothing, one whose request is half there.
    let (mut silent, mut half) = (s.open().await, s.open().await);
    let body = r#"{"name":"tard.mssante.fr","kind":"Test"}"#;
    let head = format!(
        "POST /api/v1/domains HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Expect: 100-continue\r\n\r\n",
        body.len()
    );
    half.write_all(head.as_bytes()).await.unwrap();
    // The server waits for the body now.
    let mut going_on = [0; 25];
    half.read_exact(&mut going_on).await.unwrap();
    assert_eq!(&going_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    s.drain.cancel();
    let mut nothing = Vec::new();
    silent.read_to_end(&mut nothing).await.unwrap();
    assert!(nothing.is_empty());
    half.write_all(body.as_bytes()).await.unwrap();
    let mut said = String::new();
    half.read_to_string(&mut said).await.unwrap();
    assert!(said.starts_with("HTTP/1.1 201 "), "{said}");
    s.server.await.unwrap();
    assert_eq!(s.house.op.domains(&s.house.admin).await.unwrap().len(), 1);
    // And who never goes on is not waited for beyond the grace.
    let s = served(Some("root"), Duration::from_millis(50)).await;
    let mut half = s.open().await;
    half.write_all(head.as_bytes()).await.unwrap();
    half.read_exact(&mut going_on).await.unwrap();
    s.drain.cancel();
    s.server.await.unwrap();
}

/// Any account of the machine may connect: those that are no administrators hear so, and take no place of others' however many they are.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_have_few_places() {
    let s = served(None, Duration::from_millis(50)).await;
    let said = s.all(b"GET /api/v1/me HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 403 ") && said.contains("right.missing"), "{said}");
    // At once: few are answered, the others meet the end.
    let ask = async || {
        let mut stream = s.open().await;
        let _ = stream.write_all(b"GET /api/v1/me HTTP/1.1\r\nHost: a\r\n\r\n").await;
        matches!(stream.read(&mut [0; 1]).await, Ok(1))
    };
    let answered = futures_util::future::join_all((0..100).map(|_| ask())).await;
    let answered = answered.into_iter().filter(|a| *a).count();
    assert!(answered < 50, "{answered} of 100 had a place");
    s.drain.cancel();
    s.server.await.unwrap();
}
