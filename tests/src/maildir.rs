//! Maildirs that other houses' servers write: messages as they were on the wire.
use std::path::Path;
use std::time::{Duration, Instant};

/// Messages of a Maildir, with CRLF lines.
pub fn messages(folder: &Path) -> Vec<Vec<u8>> {
    let files = std::fs::read_dir(folder.join("new")).into_iter().flatten().flatten();
    files.map(|f| std::fs::read(f.path()).expect("message")).map(|m| crlf(&m)).collect()
}

/// Waits for a message that holds this text; panics with what the server logged.
#[track_caller]
pub fn wait_for(folder: &Path, text: &str, log: impl Fn() -> String) -> Vec<u8> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let found = messages(folder).into_iter().find(|m| String::from_utf8_lossy(m).contains(text));
        if let Some(message) = found {
            return message;
        }
        assert!(Instant::now() < deadline, "{text} did not reach {}\n{}", folder.display(), log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Maildir files have the system's line ends.
fn crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 40);
    for &b in bytes {
        if b == b'\n' {
            out.push(b'\r');
        }
        out.push(b);
    }
    out
}
