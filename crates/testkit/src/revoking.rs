//! A played server of revocation lists and OCSP answers, over plain HTTP: it answers, fails, hangs or lies as a test tells it.
use crate::pki::Pki;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

/// What is answered at a path.
#[derive(Clone)]
pub enum Answer {
    /// These bytes.
    Bytes(Vec<u8>),
    /// An HTTP status without content.
    Status(u16),
    /// Nothing: the connection stays open.
    Hang,
    /// Bytes without end.
    Endless,
    /// What `openssl ocsp` says as the authority, of a certificate in this state (`V` good, `R` revoked).
    Ocsp(char),
}

#[derive(Default)]
struct Inner {
    answers: HashMap<String, Answer>,
    asked: HashMap<String, usize>,
}

/// The server; its threads end with the process.
pub struct Revoking {
    address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
}

impl Revoking {
    /// Answers 404 to everything until it is told otherwise.
    pub fn start(pki: &Pki) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Mutex::new(Inner::default()));
        let (shared, authority) = (Arc::clone(&inner), pki.pem_pair());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (shared, authority) = (Arc::clone(&shared), authority.clone());
                // A client that goes away is its own affair.
                std::thread::spawn(move || serve(&stream, &shared, &authority));
            }
        });
        Self { address, inner }
    }
    /// `host:port`, as the configuration allows it.
    pub fn host(&self) -> String {
        self.address.to_string()
    }
    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
    /// What is answered at a path from now on.
    pub fn answer(&self, path: &str, answer: Answer) {
        self.inner.lock().unwrap().answers.insert(path.into(), answer);
    }
    /// How often a path was asked.
    pub fn asked(&self, path: &str) -> usize {
        self.inner.lock().unwrap().asked.get(path).copied().unwrap_or(0)
    }
}

fn serve(mut stream: &TcpStream, inner: &Mutex<Inner>, authority: &(String, String)) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let answer = {
        let mut inner = inner.lock().unwrap();
        *inner.asked.entry(path.clone()).or_default() += 1;
        inner.answers.get(&path).cloned()
    };
    let send = |mut stream: &TcpStream, status: u16, bytes: &[u8]| {
        write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", bytes.len()).ok()?;
        stream.write_all(bytes).ok()
    };
    match answer {
        Some(Answer::Bytes(bytes)) => send(stream, 200, &bytes),
        Some(Answer::Status(status)) => send(stream, status, b""),
        Some(Answer::Ocsp(state)) => send(stream, 200, &ocsp(&body, state, authority)),
        // Until the other side closes.
        Some(Answer::Hang) => reader.read_to_end(&mut Vec::new()).ok().map(drop),
        Some(Answer::Endless) => {
            write!(stream, "HTTP/1.1 200 x\r\nconnection: close\r\n\r\n").ok()?;
            loop {
                stream.write_all(&[0x30; 65_536]).ok()?;
            }
        }
        None => send(stream, 404, b""),
    }
}

/// openssl's answer about the certificate of serial number 700, signed by the authority itself.
fn ocsp(question: &[u8], state: char, (certificate, key): &(String, String)) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let since = if state == 'R' { "261001000000Z" } else { "" };
    std::fs::write(path("index"), format!("{state}\t351231235959Z\t{since}\t02BC\tunknown\t/CN=x\n")).unwrap();
    std::fs::write(path("ca.pem"), certificate).unwrap();
    std::fs::write(path("ca.key"), key).unwrap();
    std::fs::write(path("question"), question).unwrap();
    let done = Command::new("openssl")
        .args(["ocsp", "-index", &path("index"), "-CA", &path("ca.pem"), "-rsigner", &path("ca.pem")])
        .args(["-rkey", &path("ca.key"), "-reqin", &path("question"), "-respout", &path("answer"), "-ndays", "1"])
        .output()
        .expect("openssl is among the programs that ./check wants");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    std::fs::read(path("answer")).unwrap()
}
