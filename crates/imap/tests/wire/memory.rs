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

/// Messages with as many keywords as there may be, of the longest words, each with a set of its own.
const MANY: usize = 1024;
/// A pointer for each of their keywords, the entries, and both ends of the connection.
const KEYWORDS: usize = MANY * 1300 + (1 << 20);

/// A folder full of keywords, opened.
async fn keywords(c: &mut Client, w: &World) -> usize {
    c.ok("CREATE mots").await;
    c.ok("COPY 1 mots").await;
    c.ok("SELECT mots").await;
    for _ in 0..MANY.ilog2() {
        c.ok("UID COPY 1:* mots").await;
    }
    c.ok("NOOP").await;
    let word = |n: usize| format!("{n:w<120}");
    let words = (0..54).map(word).collect::<Vec<_>>().join(" ");
    c.ok(&format!("STORE 1:* +FLAGS.SILENT ({words})")).await;
    for bit in 0..MANY.ilog2() {
        let with: Vec<String> = (1..=MANY).filter(|n| (n >> bit) & 1 == 1).map(|n| n.to_string()).collect();
        c.ok(&format!("STORE {} +FLAGS.SILENT ({})", with.join(","), word(100 + bit as usize))).await;
    }
    c.ok("UNSELECT").await;
    let mark = Watermark::begin();
    let mut again = Client::anne(w).await;
    again.ok("EXAMINE mots").await;
    again.ok(&format!("SEARCH KEYWORD {}", word(7))).await;
    mark.height()
}

/// A few KiB that unfold to megabytes.
async fn bomb(w: &World) -> usize {
    let mut c = Client::anne(w).await;
    c.ok("COMPRESS DEFLATE").await;
    c.conn.compress().await.unwrap();
    c.ok("NOOP").await;
    let mark = Watermark::begin();
    c.conn.write(b"b NOOP ").await.unwrap();
    for _ in 0..512 {
        // The door may have closed.
        if c.conn.write(&[b'0'; 16 * 1024]).await.is_err() {
            break;
        }
    }
    let _ = c.conn.flush().await;
    let said = c.response().await;
    assert!(said.as_deref().is_none_or(|said| said.starts_with("* BYE ")), "{said:?}");
    mark.height()
}

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

    // Commands that have only literals, lists and numbers.
    let keys = [" TEXT {0+}\r\n".repeat(8000), "(".repeat(60_000), "OR ALL ".repeat(9000), "1,".repeat(32_000)];
    let mark = Watermark::begin();
    for (n, keys) in keys.iter().enumerate() {
        c.send(format!("e{n} SEARCH {keys}\r\n")).await;
        assert!(c.until(&format!("e{n}")).await[0].starts_with(&format!("e{n} BAD ")));
    }
    let deep = mark.height();

    let keywords = keywords(&mut c, &w).await;
    let bomb = bomb(&w).await;
    println!(
        "bytes held: append {append}, fetch {fetch}, garbage {garbage}, deep {deep}, keywords {keywords}, bomb {bomb}"
    );
    let all = [("APPEND", append), ("FETCH", fetch), ("garbage", garbage), ("what is deep", deep), ("a bomb", bomb)];
    for (what, held) in all {
        assert!(held < MOST, "{what} held {held} bytes");
    }
    assert!(keywords < KEYWORDS, "{MANY} messages with keywords held {keywords} bytes");
    assert!(append.saturating_sub(garbage) < APPEND, "APPEND held {append} bytes, a connection without it {garbage}");
}
