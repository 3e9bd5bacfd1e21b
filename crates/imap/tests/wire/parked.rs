//! What a parked session costs: TLS, login, SELECT of an INBOX with messages, IDLE. The allocator counts the server's side only: the test runs its server
//! alone in a program of its own, and the clients in another one.
use crate::client::Client;
use crate::memory::MEMORY;
use crate::world::World;
use sceau_net::Conn;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Set in the program of the server, and in the one of the clients.
const ALONE: &str = "SCEAU_TEST_PARKED";
const CLIENTS: &str = "SCEAU_TEST_PARKED_CLIENTS";
const NAME: &str = "parked::a_parked_session_costs_little";
/// Sessions counted; the listener takes 200 from one address.
const SESSIONS: usize = 100;
/// Bytes of a session that waits: rustls keeps some eight KiB of them, four of which are its read buffer.
const MOST: usize = 16 * 1024;
/// With a compressed connection a little more.
const COMPRESSED: usize = 1024;

#[test]
fn a_parked_session_costs_little() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if let Ok(what) = std::env::var(CLIENTS) {
        return runtime().block_on(clients(&what));
    }
    if std::env::var_os(ALONE).is_some() {
        return runtime().block_on(measure());
    }
    let output = again().env(ALONE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("bytes a parked session: "), "{said}");
    print!("{said}");
}

/// This program again, for this test only.
fn again() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", NAME, "--nocapture"]);
    command
}

async fn measure() {
    let w = World::with(|c| c.quiet = Duration::from_millis(10)).await;
    let mut c = Client::inbox(&w).await;
    for n in 0..50 {
        c.letter(&format!("m{n}")).await;
    }
    // What is made once, and what sessions leave behind.
    let first = Parked::begin(&w, 20, false).await;
    first.end().await;
    let plain = weigh(&w, false).await;
    let first = Parked::begin(&w, 20, true).await;
    first.end().await;
    let compressed = weigh(&w, true).await;
    println!("bytes a parked session: {plain}, compressed {compressed}");
    assert!(plain < MOST, "{plain} bytes");
    assert!(compressed < plain + COMPRESSED, "{compressed} bytes, uncompressed {plain}");
}

async fn weigh(w: &World, compressed: bool) -> usize {
    let before = MEMORY.current_usage();
    let parked = Parked::begin(w, SESSIONS, compressed).await;
    let each = MEMORY.current_usage().saturating_sub(before) / SESSIONS;
    parked.end().await;
    each
}

/// A program with sessions that are parked.
struct Parked(Child);
impl Parked {
    async fn begin(w: &World, sessions: usize, compressed: bool) -> Self {
        let what = format!("{} {} {sessions} {compressed}", w.imaps.port(), w.anne);
        let mut child = again()
            .env(CLIENTS, what)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        let parked = tokio::task::spawn_blocking(move || {
            said.lines().map_while(Result::ok).any(|line| line.contains("all are parked"))
        });
        assert!(parked.await.unwrap(), "the clients ended");
        // Every session has sent its word before the client had it; it parks, and packs, a moment later.
        tokio::time::sleep(Duration::from_millis(300)).await;
        Self(child)
    }
    async fn end(mut self) {
        drop(self.0.stdin.take());
        tokio::task::spawn_blocking(move || self.0.wait()).await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

async fn clients(what: &str) {
    let words: Vec<&str> = what.split(' ').collect();
    let (port, token, sessions): (u16, _, usize) = (words[0].parse().unwrap(), words[1], words[2].parse().unwrap());
    let mut held = Vec::new();
    for _ in 0..sessions {
        let name = rustls_pki_types::ServerName::try_from("localhost").unwrap();
        let address = ([127, 0, 0, 1], port).into();
        let anyone = sceau_testkit::pki::anonymous();
        let mut conn = Conn::connect_tls(address, anyone, name, Duration::from_secs(60)).await.unwrap();
        until(&mut conn, "* OK ").await;
        say(&mut conn, &format!("a LOGIN anne {token}")).await;
        until(&mut conn, "a OK").await;
        if words[3] == "true" {
            say(&mut conn, "b COMPRESS DEFLATE").await;
            until(&mut conn, "b OK").await;
            conn.compress().await.unwrap();
        }
        say(&mut conn, "c SELECT INBOX").await;
        until(&mut conn, "c OK").await;
        say(&mut conn, "d IDLE").await;
        until(&mut conn, "+ ").await;
        held.push(conn);
    }
    println!("all are parked");
    std::io::stdout().flush().unwrap();
    // Until the server's side has counted.
    let end = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
    end.await.unwrap().unwrap();
}

async fn say(conn: &mut Conn, line: &str) {
    conn.write(format!("{line}\r\n").as_bytes()).await.unwrap();
    conn.flush().await.unwrap();
}

async fn until(conn: &mut Conn, start: &str) {
    while !conn.read_line(1 << 20).await.unwrap().starts_with(start.as_bytes()) {}
}
