//! The command line's side of REST: one request over the administration socket.
use super::client::Failure;
use super::upload::Upload;
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, header};
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sceau_domain::{Lang, text::text};
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a file may take to be sent and worked through.
const FILE_PATIENCE: Duration = Duration::from_secs(24 * 3600);
/// Longest answer, bytes.
const ANSWER: usize = 64 << 20;
/// What stays as it is in a part of a path or of a query.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@');

/// A request in the making.
#[derive(Debug, Clone)]
pub struct Call {
    socket: PathBuf,
    lang: Lang,
    method: Method,
    path: String,
    body: Option<Vec<u8>>,
    /// A file in place of the body, sent piece by piece.
    file: Option<PathBuf>,
    content_type: &'static str,
    if_match: Option<i64>,
}

/// What the server answered.
#[derive(Debug)]
pub struct Answered {
    /// The body; null when there is none.
    pub value: Value,
    /// The version of what was shown, to be given back with a change.
    pub version: Option<i64>,
}

impl Call {
    /// To the server behind this socket; each part of the path is written as it must be.
    pub fn new(socket: PathBuf, lang: Lang, method: Method, parts: &[&str]) -> Self {
        let mut path = String::from("/api/v1");
        for part in parts {
            path.push('/');
            path.extend(utf8_percent_encode(part, PLAIN));
        }
        Self { socket, lang, method, path, body: None, file: None, content_type: "application/json", if_match: None }
    }
    /// A parameter of the query, when there is a value.
    #[must_use]
    pub fn query(mut self, name: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            self.path.push(if self.path.contains('?') { '&' } else { '?' });
            self.path.push_str(name);
            self.path.push('=');
            self.path.extend(utf8_percent_encode(value, PLAIN));
        }
        self
    }
    /// A JSON body.
    #[must_use]
    pub fn body(mut self, value: &Value) -> Self {
        self.body = Some(value.to_string().into_bytes());
        self
    }
    /// A file as the body: sent piece by piece, with the patience that it needs.
    #[must_use]
    pub fn file(mut self, content_type: &'static str, path: PathBuf) -> Self {
        (self.content_type, self.file) = (content_type, Some(path));
        self
    }
    /// The version that a change starts from.
    #[must_use]
    pub fn if_match(mut self, version: Option<i64>) -> Self {
        self.if_match = version;
        self
    }
    /// Sends it and waits.
    pub fn send(self) -> Result<Answered, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| self.unreachable(&e))?;
        runtime.block_on(async {
            let patience = if self.file.is_some() { FILE_PATIENCE } else { PATIENCE };
            match tokio::time::timeout(patience, self.exchange()).await {
                Ok(answered) => answered,
                Err(e) => Err(self.unreachable(&e)),
            }
        })
    }

    fn unreachable(&self, e: &dyn std::fmt::Display) -> Failure {
        let socket = self.socket.display().to_string();
        Failure {
            sentence: text(self.lang, "cli.no_server", &[("socket", &socket), ("error", &e.to_string())]),
            exit: 3,
        }
    }

    fn failed(&self, key: &str, path: &str, e: &std::io::Error) -> Failure {
        Failure { sentence: text(self.lang, key, &[("path", path), ("error", &e.to_string())]), exit: 2 }
    }

    /// Sends it and writes what is answered, as it comes, to what is called `name`: for what may be big. The answer's length; a refusal is one as in
    /// [`Call::send`], and so is an answer that is cut. A reader who went away is no fault.
    pub fn save(self, name: &str, out: &mut dyn std::io::Write) -> Result<u64, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| self.unreachable(&e))?;
        runtime.block_on(async {
            let patient = |e: tokio::time::error::Elapsed| self.unreachable(&e);
            let (response, _line) = tokio::time::timeout(PATIENCE, self.ask()).await.map_err(patient)??;
            if !response.status().is_success() {
                return Err(self.answered(response).await.err().unwrap_or_else(|| self.unreachable(&"?")));
            }
            let (mut body, mut length) = (response.into_body(), 0);
            while let Some(frame) = tokio::time::timeout(PATIENCE, body.frame()).await.map_err(patient)? {
                if let Ok(piece) = frame.map_err(|e| self.unreachable(&e))?.into_data() {
                    match out.write_all(&piece) {
                        Ok(()) => length += piece.len() as u64,
                        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => break,
                        Err(e) => return Err(self.failed("cli.cannot_write", name, &e)),
                    }
                }
            }
            Ok(length)
        })
    }

    async fn exchange(&self) -> Result<Answered, Failure> {
        let (response, _line) = self.ask().await?;
        self.answered(response).await
    }

    /// The answer's head, and the connection, which lives as long as what is given beside.
    async fn ask(&self) -> Result<(Response<Incoming>, Line), Failure> {
        let stream = tokio::net::UnixStream::connect(&self.socket).await.map_err(|e| self.unreachable(&e))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| self.unreachable(&e))?;
        let driver = tokio::spawn(connection);
        let line = Line(driver.abort_handle());
        let mut request = Request::builder().method(self.method.clone()).uri(&self.path).header(header::HOST, "sceau");
        if self.body.is_some() || self.file.is_some() {
            request = request.header(header::CONTENT_TYPE, self.content_type);
        }
        if let Some(version) = self.if_match {
            request = request.header(header::IF_MATCH, format!("\"v{version}\""));
        }
        let body = match &self.file {
            Some(path) => {
                let opened = Upload::open(path);
                Either::Right(opened.map_err(|e| self.failed("cli.cannot_read", &path.display().to_string(), &e))?)
            }
            None => Either::Left(Full::new(Bytes::from(self.body.clone().unwrap_or_default()))),
        };
        let request = request.body(body).map_err(|e| self.unreachable(&e))?;
        let response = sender.send_request(request).await.map_err(|e| self.unreachable(&e))?;
        Ok((response, line))
    }

    async fn answered(&self, response: Response<Incoming>) -> Result<Answered, Failure> {
        let (parts, body) = response.into_parts();
        let bytes = Limited::new(body, ANSWER).collect().await.map_err(|e| self.unreachable(&e))?.to_bytes();
        let value = match serde_json::from_slice(&bytes) {
            Ok(value) => value,
            Err(_) if bytes.is_empty() => Value::Null,
            Err(_) => {
                let status = parts.status.as_u16().to_string();
                return Err(Failure { sentence: text(self.lang, "cli.no_answer", &[("status", &status)]), exit: 1 });
            }
        };
        if parts.status.is_success() {
            let tag = parts.headers.get(header::ETAG).and_then(|t| t.to_str().ok());
            let version = tag.and_then(|t| t.strip_prefix("\"v")?.strip_suffix('"')?.parse().ok());
            return Ok(Answered { value, version });
        }
        let sentence = value[if self.lang == Lang::Fr { "detail" } else { "detail_en" }].as_str().unwrap_or_default();
        let code = value["code"].as_str().unwrap_or_default();
        Err(Failure { sentence: format!("{sentence} [{code}]"), exit: 1 })
    }
}

/// A connection that ends with this.
#[derive(Debug)]
struct Line(tokio::task::AbortHandle);

impl Drop for Line {
    fn drop(&mut self) {
        self.0.abort();
    }
}
