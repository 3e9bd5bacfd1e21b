use clap::Parser;
use sceau_bench::http::{Options, Report, run};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the tiny server saw: connections, requests, requests with the cookie and the part.
#[derive(Default)]
struct Seen([AtomicUsize; 3]);

/// `/whole` says its length, `/pieces` comes in pieces, `/last` ends its connection, `/events` stays open; all else is not found.
async fn answer(stream: TcpStream, seen: Arc<Seen>) -> std::io::Result<()> {
    seen.0[0].fetch_add(1, SeqCst);
    let mut stream = BufReader::new(stream);
    loop {
        let (mut first, mut line, mut said) = (String::new(), String::new(), [false; 2]);
        if stream.read_line(&mut first).await? == 0 {
            return Ok(());
        }
        while line != "\r\n" {
            line.clear();
            stream.read_line(&mut line).await?;
            said[0] |= line == "Cookie: a=b\r\n";
            said[1] |= line == "x-part: rows\r\n";
        }
        seen.0[1].fetch_add(1, SeqCst);
        seen.0[2].fetch_add(usize::from(said == [true; 2]), SeqCst);
        let path = first.split(' ').nth(1).unwrap_or_default();
        let said: &[u8] = match path {
            "/whole" => b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "/pieces" => {
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nA;x=y\r\n0123456789\r\n1\r\n!\r\n0\r\n\r\n"
            }
            "/last" => b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n!",
            "/events" => b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n:ping\n\r\n",
            _ => b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone",
        };
        stream.write_all(said).await?;
        stream.flush().await?;
        if path == "/last" {
            return Ok(());
        }
    }
}

async fn served() -> (SocketAddr, Arc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, seen) = (listener.local_addr().unwrap(), Arc::new(Seen::default()));
    let all = seen.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(answer(stream, all.clone()));
        }
    });
    (address, seen)
}

async fn load(address: SocketAddr, more: &[&str]) -> Report {
    let target = address.to_string();
    let base = ["desk-load", "--target", &target, "--plain", "--timeout", "5"];
    let report = run(Options::parse_from(base.iter().chain(more))).await.unwrap();
    println!("{report}\n{}", serde_json::to_string(&report).unwrap());
    report
}

#[tokio::test]
async fn pages_are_read_whole_and_counted_each() {
    let (address, seen) = served().await;
    let pages = ["--page", "one=/whole", "--page", "two=/pieces", "--page", "none=/nowhere?a=b"];
    let r = load(
        address,
        &[
            &pages[..],
            &["--cookie", "a=b", "--header", "x-part: rows", "--count", "30", "--sessions", "3", "--warm-up", "1"],
        ]
        .concat(),
    )
    .await;
    assert_eq!((r.done, r.refusals.get("none 404"), r.errors.total()), (20, 10, 0));
    let (one, two) = (&r.pages["one"], &r.pages["two"]);
    assert_eq!((one.took.count + two.took.count, one.bytes_each, two.bytes_each), (20, 5.0, 11.0));
    let [connections, requests, as_told] = &seen.0;
    assert_eq!([connections, requests, as_told].map(|n| n.load(SeqCst)), [3, 33, 33]);
}

#[tokio::test]
async fn a_connection_that_ends_is_made_anew() {
    let (address, seen) = served().await;
    let r = load(address, &["--page", "last=/last", "--count", "5", "--warm-up", "0"]).await;
    assert_eq!((r.done, r.errors.total(), seen.0[0].load(SeqCst)), (5, 0, 5));
}

#[tokio::test]
async fn streams_stay_open_beside_pages() {
    let (address, _) = served().await;
    let more = ["--park", "/events", "--page", "one=/whole", "--every", "1", "--sessions", "4", "--seconds", "2"];
    let r = load(address, &more).await;
    let parked = r.parked.unwrap();
    assert_eq!((parked.parked, parked.alive_at_the_end, r.errors.total()), (4, 4, 0));
    assert!((4..=12).contains(&r.done), "{}", r.done);
    let none = load(address, &["--park", "/whole", "--page", "one=/whole", "--seconds", "1"]).await;
    assert_eq!((none.parked.unwrap().parked, none.errors.total()), (0, 1));
}

#[tokio::test]
async fn each_browser_shows_its_own_cookies() {
    let (address, seen) = served().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "a=b\nc=d\n").unwrap();
    let cookies = format!("@{}", file.path().display());
    let more = ["--park", "/events", "--page", "one=/whole", "--every", "0", "--sessions", "6", "--seconds", "1"];
    let r = load(address, &[&more[..], &["--cookie", &cookies, "--header", "x-part: rows"]].concat()).await;
    assert_eq!((r.parked.unwrap().parked, seen.0[1].load(SeqCst), seen.0[2].load(SeqCst)), (6, 6, 3));
    std::fs::write(file.path(), "").unwrap();
    let none = ["desk-load", "--target", "127.0.0.1:1", "--plain", "--page", "one=/whole", "--cookie", &cookies];
    assert!(run(Options::parse_from(none)).await.is_err());
}

#[test]
fn what_is_no_page_is_refused() {
    for wrong in ["/whole", "one=whole", "one=/a b", "=/a"] {
        let asked = ["desk-load", "--target", "127.0.0.1:1", "--plain", "--page", wrong];
        assert!(Options::try_parse_from(asked).is_err(), "{wrong}");
    }
}
