//! What a session holds while it tells of messages that are small and say much: bounded, whatever was written into them and however it is asked for.
//! The allocator counts everything in the program, so the test runs itself alone, as `memory` does.
use crate::client::Client;
use crate::memory::MEMORY;
use crate::world::World;

const ALONE: &str = "SCEAU_TEST_ALONE";
/// One header of a megabyte and what is being written of it.
const HEADER: usize = 8 << 20;
/// A page of structures of ten thousand parts.
const PARTS: usize = 48 << 20;

#[test]
fn what_messages_say_is_told_piece_by_piece() {
    if std::env::var_os(ALONE).is_some() {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(measure());
        return;
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "weight::what_messages_say_is_told_piece_by_piece", "--nocapture"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("bytes held: header "), "{said}");
    print!("{said}");
}

async fn measure() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    // A short line that asks for a header of a megabyte in many ways.
    c.append("INBOX", "", &format!("X: {}\n\nx\n", "y".repeat(900_000))).await;
    c.ok("NOOP").await;
    let items: Vec<String> = (0..60).map(|n| format!("BODY.PEEK[HEADER]<{n}.1000000>")).collect();
    let header = held(async {
        c.send(format!("e FETCH 1 ({})\r\n", items.join(" "))).await;
        let (mut got, mut end) = (0, Vec::new());
        while !end.ends_with(b"\r\ne OK FETCH completed\r\n") {
            let piece = c.conn.read_some(16 * 1024).await.unwrap();
            got += piece.len();
            end.extend_from_slice(&piece);
            end.drain(..end.len().saturating_sub(64));
        }
        assert!(got > 60 * 899_000);
    })
    .await;
    // Small messages whose structures are large.
    let parts = "--b\n\nx\n".repeat(9_900);
    c.ok("CREATE parts").await;
    c.append("parts", "", &format!("Content-Type: multipart/mixed; boundary=b\n\n{parts}--b--\n")).await;
    c.ok("SELECT parts").await;
    for _ in 0..5 {
        c.ok("COPY 1:* parts").await;
        c.ok("NOOP").await;
    }
    let structures = held(async {
        assert_eq!(c.ok("FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])").await.len(), 33);
    })
    .await;
    println!("bytes held: header {header}, structures {structures}");
    assert!(header < HEADER, "a header in many ways held {header} bytes");
    assert!(structures < PARTS, "structures held {structures} bytes");
}

/// Bytes held above what was held before, at the highest.
async fn held(work: impl Future<Output = ()>) -> usize {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    work.await;
    MEMORY.peak_usage().saturating_sub(before)
}
