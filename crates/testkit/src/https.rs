//! A played HTTPS server: what it is asked goes to the test, which says what is answered. The handshake completes with any client certificate or none.
use crate::pki::Pki;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// What is asked.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Path, without its query.
    pub path: String,
    /// The header `Authorization`.
    pub authorization: Option<String>,
    /// Every header, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Content.
    pub body: String,
    /// The certificate that the client showed, DER.
    pub shown: Option<Vec<u8>>,
}

impl Request {
    /// What a header says; empty where it is not there. `name`: in lower case.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str())
    }
}

/// HTTP status and content.
pub type Reply = (u16, String);

/// The server; its threads end with the process.
#[derive(Debug)]
pub struct Https {
    port: u16,
}

impl Https {
    /// Answers at `localhost`, under a certificate of this authority, what `answer` says.
    pub fn start(pki: &Pki, answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (config, answer) = (sceau_trust::tls::mx_server(&pki.server()).unwrap(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (config, answer) = (Arc::clone(&config), Arc::clone(&answer));
                // A client that goes away is its own affair.
                std::thread::spawn(move || serve(stream, config, &*answer));
            }
        });
        Self { port }
    }
    /// `localhost:port`.
    pub fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }
    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.host())
    }
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>, answer: &dyn Fn(&Request) -> Reply) -> Option<()> {
    let mut reader = BufReader::new(StreamOwned::new(ServerConnection::new(config).ok()?, stream));
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let target = line.split(' ').nth(1)?;
    let mut request = Request { path: target.split('?').next()?.to_owned(), ..Request::default() };
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ")?;
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => request.authorization = Some(value.to_owned()),
            _ => {}
        }
        request.headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    request.body = String::from_utf8(body).ok()?;
    let shown = reader.get_ref().conn.peer_certificates().and_then(<[_]>::first);
    request.shown = shown.map(|leaf| leaf.to_vec());
    let (status, said) = answer(&request);
    let head = format!("HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}", said.len());
    write!(reader.get_mut(), "{head}\r\nconnection: close\r\n\r\n{said}").ok()?;
    reader.get_mut().conn.send_close_notify();
    reader.get_mut().flush().ok()?;
    // Until the other side closes: what was sent is read first.
    reader.read_to_end(&mut Vec::new()).ok().map(drop)
}
