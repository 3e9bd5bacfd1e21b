//! A client that says exactly what the test wants and reads whole responses, literals inlined.
use crate::world::World;
use sceau_net::Conn;
use std::net::SocketAddr;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

pub struct Client {
    pub conn: Conn,
    tags: u32,
    pub greeting: String,
}

impl Client {
    pub async fn plain(to: SocketAddr) -> Self {
        let conn = Conn::connect(to, PATIENCE).await.unwrap();
        Self::greeted(conn).await
    }
    pub async fn secure(w: &World) -> Self {
        let name = rustls_pki_types::ServerName::try_from("localhost").unwrap();
        let conn = Conn::connect_tls(w.imaps, sceau_testkit::pki::anonymous(), name, PATIENCE).await.unwrap();
        Self::greeted(conn).await
    }
    async fn greeted(conn: Conn) -> Self {
        let mut client = Self { conn, tags: 0, greeting: String::new() };
        client.greeting = client.response().await.expect("greeting");
        client
    }
    /// Logged in as anne.
    pub async fn anne(w: &World) -> Self {
        let mut c = Self::secure(w).await;
        c.ok(&format!("LOGIN anne {}", w.anne)).await;
        c
    }
    /// Logged in as anne, INBOX selected.
    pub async fn inbox(w: &World) -> Self {
        let mut c = Self::anne(w).await;
        c.ok("SELECT INBOX").await;
        c
    }
    pub async fn start_tls(&mut self) {
        self.ok("STARTTLS").await;
        self.handshake().await;
    }
    pub async fn handshake(&mut self) {
        let name = rustls_pki_types::ServerName::try_from("localhost").unwrap();
        self.conn.start_tls_client(sceau_testkit::pki::anonymous(), name, PATIENCE).await.unwrap();
    }

    /// Sends bytes as they are.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.conn.write(bytes.as_ref()).await.unwrap();
        self.conn.flush().await.unwrap();
    }
    /// The next response without its last CRLF; `None` when the server closed.
    pub async fn response(&mut self) -> Option<String> {
        let mut all = Vec::new();
        loop {
            let line = self.conn.read_line(16 << 20).await.ok()?;
            all.extend_from_slice(&line);
            let Some(mut left) = literal(&line) else { break };
            while left > 0 {
                let piece = self.conn.read_some(left.min(65_536)).await.ok()?;
                if piece.is_empty() {
                    return None;
                }
                left -= piece.len();
                all.extend_from_slice(&piece);
            }
        }
        let text = String::from_utf8_lossy(&all).into_owned();
        Some(text.trim_end_matches("\r\n").to_owned())
    }
    /// Responses up to the one with this tag, which comes last.
    pub async fn until(&mut self, tag: &str) -> Vec<String> {
        let mut all = Vec::new();
        loop {
            let Some(response) = self.response().await else { panic!("closed while waiting for {tag}; got {all:#?}") };
            let last = response.starts_with(&format!("{tag} "));
            all.push(response);
            if last {
                return all;
            }
        }
    }
    pub fn tag(&mut self) -> String {
        self.tags += 1;
        format!("t{}", self.tags)
    }
    /// Runs a command; its responses with the tag taken off the last one.
    pub async fn run(&mut self, command: &str) -> Vec<String> {
        let tag = self.tag();
        self.send(format!("{tag} {command}\r\n")).await;
        let mut all = self.until(&tag).await;
        let last = all.pop().unwrap();
        all.push(last[tag.len() + 1..].to_owned());
        all
    }
    /// Runs a command that must be OK; its untagged responses, then the rest of the OK.
    #[track_caller]
    pub fn ok<'a>(&'a mut self, command: &'a str) -> impl Future<Output = Vec<String>> + 'a {
        self.expect(command, "OK ")
    }
    pub async fn no(&mut self, command: &str) -> String {
        self.expect(command, "NO ").await.pop().unwrap()
    }
    pub async fn bad(&mut self, command: &str) -> String {
        self.expect(command, "BAD ").await.pop().unwrap()
    }
    async fn expect(&mut self, command: &str, how: &str) -> Vec<String> {
        let all = self.run(command).await;
        assert!(all.last().unwrap().starts_with(how), "{command}: {all:#?}");
        all
    }
    /// APPENDs a message without asking.
    pub async fn append(&mut self, folder: &str, options: &str, message: &str) -> Vec<String> {
        let tag = self.tag();
        let message = message.replace('\n', "\r\n");
        self.send(format!("{tag} APPEND {folder} {options}{{{}+}}\r\n{message}\r\n", message.len())).await;
        let all = self.until(&tag).await;
        assert!(all.last().unwrap().starts_with(&format!("{tag} OK [APPENDUID ")), "{all:#?}");
        all
    }
    /// A letter with this subject into INBOX.
    pub async fn letter(&mut self, subject: &str) {
        self.append("INBOX", "", &letter(subject)).await;
    }
}

pub fn letter(subject: &str) -> String {
    format!(
        "From: Camille Exemple <camille@exemple.fr>\nTo: anne.martin@alpha.mssante.fr\nSubject: {subject}\n\
         Date: Sat, 21 Nov 2026 10:00:00 +0100\nMessage-ID: <{subject}@exemple.fr>\n\nBonjour {subject}\n"
    )
}

/// Size of the literal that a line announces.
fn literal(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"}\r\n")?;
    let open = line.iter().rposition(|&b| b == b'{')?;
    std::str::from_utf8(&line[open + 1..]).ok()?.parse().ok()
}

/// The one response that begins with this.
#[track_caller]
pub fn one<'a>(all: &'a [String], start: &str) -> &'a str {
    let mut found = all.iter().filter(|r| r.starts_with(start));
    let first = found.next().unwrap_or_else(|| panic!("no {start:?} in {all:#?}"));
    assert!(found.next().is_none(), "several {start:?} in {all:#?}");
    first
}
