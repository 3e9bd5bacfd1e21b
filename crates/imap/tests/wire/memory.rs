//! What a session holds while large things go through it: bounded by configuration, not by what the client sends.
//! The allocator counts everything in the program, the client too, so the test runs itself alone in a program of its own.
use crate::client::Client;
use crate::world::World;
use peak_alloc::PeakAlloc;

#[global_allocator]
pub static MEMORY: PeakAlloc = PeakAlloc;

/// Set in the program that measures.
const ALONE: &str = "SCEAU_TEST_ALONE";
const MESSAGE: usize = 10 << 20;
/// Both ends of the connection with their TLS buffers, the piece in flight, the compressor and the seal of a spool.
const MOST: usize = 1 << 20;
/// What an APPEND holds beyond a connection whose bytes are thrown away: both ends count there too.
const APPEND: usize = 256 << 10;

/// Bytes held above what was held before, at the highest.
struct Watermark(usize);
impl Watermark {
    fn begin() -> Self {
        MEMORY.reset_peak_usage();
        Self(MEMORY.current_usage())
    }
    fn height(&self) -> usize {
        MEMORY.peak_usage().saturating_sub(self.0)
    }
}

#[test]
fn ten_megabytes_in_and_out_and_garbage() {
    if std::env::var_os(ALONE).is_some() {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(measure());
        return;
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "memory::ten_megabytes_in_and_out_and_garbage", "--nocapture"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("bytes held: append "), "{said}");
    print!("{said}");
}

async fn measure() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    // Warm up: what is made once (caches, threads, sentences) does not count.
    c.letter("petit").await;
    c.ok("FETCH 1 BODY.PEEK[]").await;
    // The first sentence reads the catalogue of all sentences.
    c.send("w NOOP mot\r\n").await;
    c.until("w").await;

    let mark = Watermark::begin();
    let header = "Subject: gros\r\n\r\n";
    c.send(format!("a APPEND INBOX {{{}+}}\r\n{header}", header.len() + MESSAGE)).await;
    let mut line = [b'x'; 64];
    line[62..].copy_from_slice(b"\r\n");
    let mut noise = 1u32;
    for _ in 0..MESSAGE / line.len() {
        for b in &mut line[..62] {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *b = b'!' + (noise >> 24) as u8 % 90;
        }
        c.conn.write(&line).await.unwrap();
    }
    c.send("\r\n").await;
    c.until("a").await;
    let append = mark.height();

    let mark = Watermark::begin();
    c.send("b FETCH 2 (BODY.PEEK[] RFC822.SIZE)\r\n").await;
    let mut got = 0;
    while got < MESSAGE {
        got += c.conn.read_some(16 * 1024).await.unwrap().len();
    }
    c.until("b").await;
    let fetch = mark.height();

    let mark = Watermark::begin();
    c.send("c NOOP ").await;
    for _ in 0..900 {
        // Not flushed: the client's own buffer is as large as it was for the message.
        c.conn.write(&[b'x'; 1000]).await.unwrap();
    }
    c.send("\r\nd SEARCH ALL\r\n").await;
    c.until("d").await;
    let garbage = mark.height();

    println!("bytes held: append {append}, fetch {fetch}, garbage {garbage}");
    for (what, held) in [("APPEND", append), ("FETCH", fetch), ("garbage", garbage)] {
        assert!(held < MOST, "{what} held {held} bytes");
    }
    assert!(append.saturating_sub(garbage) < APPEND, "APPEND held {append} bytes, a connection without it {garbage}");
}
