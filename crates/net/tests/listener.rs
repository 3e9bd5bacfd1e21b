//! Caps, the busy line, drain.
mod common;
use common::{LONG, SECOND};
use sceau_net::{Conn, Limits, Listener};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// An echo server that says goodbye when it is drained; a line `stuck` makes its session deaf, `panic` makes it panic.
async fn echo(limits: Limits, grace: Duration) -> (SocketAddr, CancellationToken, JoinHandle<()>, Arc<AtomicUsize>) {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), limits).await.unwrap().named("test");
    let (address, drain, running) = (listener.local(), CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
    let count = running.clone();
    let served = tokio::spawn(listener.serve(None, b"421 busy\r\n", drain.clone(), grace, move |conn, drain| {
        let held = Held::new(count.clone());
        async move {
            let _held = held;
            talk(conn, drain).await;
        }
    }));
    (address, drain, served, running)
}

async fn talk(mut conn: Conn, drain: CancellationToken) {
    conn.write(b"hello\r\n").await.unwrap();
    loop {
        tokio::select! {
            () = drain.cancelled() => {
                conn.write(b"bye\r\n").await.unwrap();
                return conn.close().await;
            }
            line = conn.read_line(100) => match line {
                Ok(line) if line.starts_with(b"stuck") => std::future::pending().await,
                Ok(line) if line.starts_with(b"panic") => panic!("asked to"),
                Ok(line) => conn.write(&line).await.unwrap(),
                Err(_) => return,
            },
        }
    }
}

struct Held(Arc<AtomicUsize>);
impl Held {
    fn new(count: Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}
impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn line(conn: &mut Conn) -> String {
    String::from_utf8(conn.read_line(100).await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_connection_over_a_cap_gets_the_busy_line_and_places_come_back() {
    let (address, _drain, _served, _) = echo(Limits { per_address: 2, ..Limits::default() }, LONG).await;
    let mut first = Conn::connect(address, LONG).await.unwrap();
    let mut second = Conn::connect(address, LONG).await.unwrap();
    assert_eq!((line(&mut first).await, line(&mut second).await), ("hello\r\n".into(), "hello\r\n".into()));
    let mut third = Conn::connect(address, LONG).await.unwrap();
    assert_eq!(line(&mut third).await, "421 busy\r\n");
    assert_eq!(third.read_some(1).await.unwrap(), b"");
    drop(first);
    let again = timeout(LONG, async {
        loop {
            let mut next = Conn::connect(address, LONG).await.unwrap();
            if line(&mut next).await == "hello\r\n" {
                return;
            }
        }
    });
    again.await.unwrap();
}

#[tokio::test]
async fn drain_stops_accepting_and_tells_each_session() {
    let (address, drain, served, running) = echo(Limits::default(), LONG).await;
    let mut conn = Conn::connect(address, LONG).await.unwrap();
    line(&mut conn).await;
    drain.cancel();
    assert_eq!(line(&mut conn).await, "bye\r\n");
    drop(conn);
    timeout(LONG, served).await.unwrap().unwrap();
    assert_eq!(running.load(Ordering::SeqCst), 0);
    assert!(Conn::connect(address, SECOND).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_deaf_session_is_ended_when_the_grace_is_over() {
    let (address, drain, served, running) = echo(Limits::default(), Duration::from_millis(100)).await;
    let mut conn = Conn::connect(address, LONG).await.unwrap();
    line(&mut conn).await;
    conn.write(b"ping\r\n").await.unwrap();
    assert_eq!(line(&mut conn).await, "ping\r\n");
    conn.write(b"stuck\r\n").await.unwrap();
    conn.flush().await.unwrap();
    drain.cancel();
    timeout(LONG, served).await.unwrap().unwrap();
    assert_eq!(running.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_panic_costs_one_session() {
    let (address, _drain, _served, running) = echo(Limits::default(), LONG).await;
    let mut bad = Conn::connect(address, LONG).await.unwrap();
    let mut good = Conn::connect(address, LONG).await.unwrap();
    line(&mut bad).await;
    line(&mut good).await;
    bad.write(b"panic\r\n").await.unwrap();
    assert!(matches!(bad.read_some(10).await.as_deref(), Ok(b"") | Err(_)));
    good.write(b"ping\r\n").await.unwrap();
    assert_eq!(line(&mut good).await, "ping\r\n");
    assert_eq!(running.load(Ordering::SeqCst), 1);
}
