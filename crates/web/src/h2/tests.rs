//! Browsers, and whoever wants to bring a server down: frames written by hand (RFC 9113 §4.1).
use super::*;
use axum::http::{HeaderMap, StatusCode, Version, header};
use axum::routing::get;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2 as client;
use hyper_util::rt::TokioExecutor;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{sleep, timeout};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Types of frames (§6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
/// Flags: the end of what is sent, of headers; `SETTINGS` were heard.
const END: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

const SHORT: Duration = Duration::from_millis(50);
/// As it is served, but that what would be long ends soon.
const QUICK: Bounds =
    Bounds { idle: Duration::from_secs(60), leave: SHORT, taken: SHORT, given_up: (10, Duration::from_secs(60)) };

/// How many requests were begun, and answered.
#[derive(Clone, Default)]
struct Seen(Arc<(AtomicUsize, AtomicUsize)>);

impl Seen {
    fn begun(&self) -> usize {
        self.0.0.load(Ordering::SeqCst)
    }
    fn answered(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }
}

/// Answers `/` with its host, `/long` with a mebibyte, `/soon` after a while, `/never` never.
fn app(seen: &Seen) -> Router {
    let (quick, soon, slow) = (seen.clone(), seen.clone(), seen.clone());
    Router::new()
        .route(
            "/",
            get(move |headers: HeaderMap| async move {
                quick.0.0.fetch_add(1, Ordering::SeqCst);
                quick.0.1.fetch_add(1, Ordering::SeqCst);
                headers.get(header::HOST).cloned().map_or(String::new(), |h| h.to_str().unwrap_or_default().to_owned())
            }),
        )
        .route("/long", get(|| async { "l".repeat(1 << 20) }))
        .route(
            "/soon",
            get(move || async move {
                soon.0.0.fetch_add(1, Ordering::SeqCst);
                sleep(SHORT * 4).await;
                "soon"
            }),
        )
        .route(
            "/never",
            get(move || async move {
                slow.0.0.fetch_add(1, Ordering::SeqCst);
                sleep(Duration::from_secs(600)).await;
                slow.0.1.fetch_add(1, Ordering::SeqCst);
            }),
        )
}

fn serve(bounds: Bounds, seen: &Seen, drain: &CancellationToken) -> DuplexStream {
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let via = Via::Tls { remote: [192, 0, 2, 9].into(), tls: None };
    tokio::spawn(within(bounds, ours, app(seen), via, drain.clone()));
    theirs
}

fn frame(kind: u8, flags: u8, stream: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), body].concat()
}

/// A block of headers without tables (RFC 7541 §6.2.2): a request for this path, with these beside it.
fn asks(path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()][..], text.as_bytes()].concat();
    // `:method: GET`, `:scheme: https` (RFC 7541 Appendix A), `:path` and `:authority` by their names there.
    let mut block = vec![0x82, 0x87, 0x04];
    block.extend(text(path));
    block.push(0x01);
    block.extend(text("mss.alpha.fr"));
    for (name, value) in more {
        block.push(0);
        block.extend(text(name));
        block.extend(text(value));
    }
    block
}

fn get_frame(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END | END_HEADERS, stream, &asks(path, &[]))
}

/// The next frame: type, stream, body; none at the end.
async fn next(io: &mut DuplexStream) -> Option<(u8, u32, Vec<u8>)> {
    let mut head = [0; 9];
    timeout(Duration::from_secs(20), io.read_exact(&mut head)).await.expect("an answer").ok()?;
    let mut body = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
    io.read_exact(&mut body).await.ok()?;
    Some((head[3], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), body))
}

/// Waits for a frame of this type on this stream.
async fn until(io: &mut DuplexStream, kind: u8, stream: u32) -> Vec<u8> {
    while let Some((k, s, body)) = next(io).await {
        if (k, s) == (kind, stream) {
            return body;
        }
    }
    panic!("it ended before a frame of type {kind}");
}

/// Reads until the connection ends: the types of what came.
async fn rest(io: &mut DuplexStream) -> Vec<u8> {
    let mut kinds = Vec::new();
    while let Some((kind, _, _)) = next(io).await {
        kinds.push(kind);
    }
    kinds
}

/// A connection whose other end has said what it begins with: these settings (§6.5.1).
async fn greet(bounds: Bounds, seen: &Seen, settings: &[u8]) -> DuplexStream {
    let mut io = serve(bounds, seen, &CancellationToken::new());
    io.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, settings), &frame(SETTINGS, ACK, 0, &[])].concat()).await.unwrap();
    io
}

async fn begun(seen: &Seen, count: usize) {
    for _ in 0..1_000 {
        if seen.begun() >= count {
            return;
        }
        sleep(Duration::from_millis(5)).await;
    }
    panic!("{} of {count}", seen.begun());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_asks_many_things_at_once() {
    let (seen, drain) = (Seen::default(), CancellationToken::new());
    let io = TokioIo::new(serve(BOUNDS, &seen, &drain));
    let (ask, connection) = client::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    let one = |path: &'static str| {
        let mut ask = ask.clone();
        async move {
            let request = Request::builder().uri(format!("https://mss.alpha.fr{path}"));
            let answer = ask.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
            assert_eq!((answer.version(), answer.status()), (Version::HTTP_2, StatusCode::OK));
            answer.into_body().collect().await.unwrap().to_bytes()
        }
    };
    let asked = (0..60).map(|n| one(if n % 2 == 0 { "/" } else { "/long" }));
    for (n, body) in futures_util::future::join_all(asked).await.into_iter().enumerate() {
        match n % 2 {
            0 => assert_eq!(body, "mss.alpha.fr"),
            _ => assert_eq!(body.len(), 1 << 20),
        }
    }
    // One that is under way when the door closes is answered all the same.
    let last = tokio::spawn(one("/soon"));
    begun(&seen, 31).await;
    drain.cancel();
    assert_eq!(timeout(Duration::from_secs(20), last).await.unwrap().unwrap(), "soon");
    drop(ask);
    assert!(timeout(Duration::from_secs(20), connection).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_given_up_at_once_end_the_connection() {
    let seen = Seen::default();
    let io = greet(BOUNDS, &seen, &[]).await;
    let flood: Vec<u8> = (0..2_000)
        .flat_map(|n| {
            let stream = 2 * n + 1;
            [get_frame(stream, "/never"), frame(RESET, 0, stream, &8_u32.to_be_bytes())].concat()
        })
        .collect();
    let (mut from, mut to) = tokio::io::split(io);
    // It is refused long before its end.
    let written = tokio::spawn(async move { to.write_all(&flood).await });
    let mut all = Vec::new();
    let ended = timeout(Duration::from_secs(20), from.read_to_end(&mut all)).await;
    assert!(ended.is_ok(), "it goes on");
    written.abort();
    assert!(seen.begun() <= 200, "{} were begun", seen.begun());
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_given_up_when_they_were_begun_end_it_too() {
    let seen = Seen::default();
    let mut io = greet(QUICK, &seen, &[]).await;
    for n in 0..40_u32 {
        if io.write_all(&get_frame(2 * n + 1, "/never")).await.is_err() {
            break;
        }
        if n <= 10 {
            begun(&seen, n as usize + 1).await;
        }
        if io.write_all(&frame(RESET, 0, 2 * n + 1, &8_u32.to_be_bytes())).await.is_err() {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    let _ = rest(&mut io).await;
    assert!((11..=12).contains(&seen.begun()), "{} were begun", seen.begun());
    assert_eq!(seen.answered(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_without_end_are_not_gathered() {
    let seen = Seen::default();
    let io = greet(BOUNDS, &seen, &[]).await;
    let (mut from, mut to) = tokio::io::split(io);
    let flood = tokio::spawn(async move {
        let first = frame(HEADERS, END, 1, &asks("/", &[]));
        // Names and values of nothing: each takes a byte to send and more to keep.
        let more = frame(CONTINUATION, 0, 1, &[0x00, 0x01, b'x', 0x01, b'y'].repeat(3_000));
        to.write_all(&first).await?;
        for _ in 0..10_000 {
            to.write_all(&more).await?;
        }
        Ok::<_, std::io::Error>(())
    });
    let mut all = Vec::new();
    assert!(timeout(Duration::from_secs(20), from.read_to_end(&mut all)).await.is_ok(), "it goes on");
    drop(from);
    assert!(flood.await.unwrap().is_err(), "all of it was taken");
    assert_eq!(seen.begun(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_nobody_takes_ends() {
    let seen = Seen::default();
    // `SETTINGS_INITIAL_WINDOW_SIZE`: nothing.
    let mut io = greet(QUICK, &seen, &[0, 4, 0, 0, 0, 0]).await;
    io.write_all(&get_frame(1, "/long")).await.unwrap();
    until(&mut io, HEADERS, 1).await;
    until(&mut io, RESET, 1).await;
    // The connection goes on: what takes no room is answered.
    io.write_all(&get_frame(3, "/nowhere")).await.unwrap();
    until(&mut io, HEADERS, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_requests_wait_for_their_turn() {
    let seen = Seen::default();
    let mut io = greet(BOUNDS, &seen, &[]).await;
    for n in 0..1_000 {
        // Those that there is room for are begun first: what is too many may end the connection before it hands anything on.
        if n == AT_ONCE {
            begun(&seen, AT_ONCE as usize).await;
        }
        if io.write_all(&get_frame(2 * n + 1, "/never")).await.is_err() {
            break;
        }
    }
    sleep(SHORT).await;
    assert_eq!(seen.begun(), AT_ONCE as usize);
    // What is too many is refused, or ends it all.
    loop {
        match next(&mut io).await {
            Some((RESET | GOAWAY, ..)) | None => break,
            Some(_) => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_requests_ends() {
    let seen = Seen::default();
    let mut io = greet(Bounds { idle: SHORT, ..QUICK }, &seen, &[]).await;
    assert!(rest(&mut io).await.contains(&GOAWAY));
    // Not while one is under way.
    let mut io = greet(Bounds { idle: SHORT, ..QUICK }, &seen, &[]).await;
    io.write_all(&get_frame(1, "/never")).await.unwrap();
    let over = timeout(SHORT * 6, rest(&mut io)).await;
    assert!(over.is_err(), "{over:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_readers_may_differ_about_is_no_request() {
    let seen = Seen::default();
    let mut io = greet(BOUNDS, &seen, &[]).await;
    let apart = [("transfer-encoding", "chunked"), ("connection", "close"), ("content-length", "9")];
    for (n, more) in apart.into_iter().enumerate() {
        let stream = 2 * u32::try_from(n).unwrap() + 1;
        io.write_all(&frame(HEADERS, END | END_HEADERS, stream, &asks("/", &[more]))).await.unwrap();
        until(&mut io, RESET, stream).await;
    }
    assert_eq!(seen.begun(), 0);
    // For two hosts at once.
    io.write_all(&frame(HEADERS, END | END_HEADERS, 21, &asks("/", &[("host", "ailleurs.fr")]))).await.unwrap();
    until(&mut io, HEADERS, 21).await;
    assert_eq!(seen.begun(), 0);
    io.write_all(&get_frame(23, "/")).await.unwrap();
    assert_eq!(until(&mut io, DATA, 23).await, b"mss.alpha.fr");
    // What cannot be a header at all is the end of the connection.
    for more in [("Upper", "case"), ("x", "a\r\nb: c"), ("x y", "z")] {
        let mut io = greet(BOUNDS, &seen, &[]).await;
        io.write_all(&frame(HEADERS, END | END_HEADERS, 1, &asks("/", &[more]))).await.unwrap();
        assert!(rest(&mut io).await.contains(&GOAWAY), "{more:?}");
    }
    assert_eq!(seen.begun(), 1);
}
