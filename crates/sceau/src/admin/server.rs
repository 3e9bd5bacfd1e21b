//! The server's side of the administration socket.
use super::dispatch::answer;
use super::request::{Answer, Request};
use crate::config::Administrator;
use sceau_domain::{Lang, Refusal, RefusalCode};
use sceau_operator::{Door, Operator, Origin};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Largest request line, bytes.
const MAX_REQUEST: u64 = 1 << 20;
/// An idle client is cut after this long.
const IDLE: Duration = Duration::from_secs(60);

/// The same for an account that is no administrator: any account of the machine may connect.
const STRANGER_REQUEST: u64 = 64 << 10;
/// Likewise.
const STRANGER_IDLE: Duration = Duration::from_secs(5);

/// A bound administration socket; its file is removed when dropped.
#[derive(Debug)]
pub struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        // The next start removes a leftover anyway: failing here loses nothing.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The same administrators over HTTP.
pub async fn serve_http(
    operator: Operator,
    listener: UnixListener,
    administrators: Vec<Administrator>,
    drain: CancellationToken,
) {
    let login =
        move |uid: u32| administrators.iter().find(|a| account_uid(&a.account) == Some(uid)).map(|a| a.login.clone());
    sceau_web::serve::serve_socket(operator, listener, login, drain).await;
}

impl AdminSocket {
    /// The bare listener.
    pub fn bind_listener(path: &Path) -> std::io::Result<UnixListener> {
        use std::os::unix::fs::PermissionsExt;
        match std::fs::remove_file(path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666))?;
        Ok(listener)
    }
    /// Binds; a leftover file of a dead server is replaced (the store's lock already proved that no other server runs).
    pub fn bind(path: &Path) -> std::io::Result<Self> {
        use std::os::unix::fs::PermissionsExt;
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        match std::fs::remove_file(path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        // Anyone of the machine may connect, only configured accounts are answered: rights are judged by credentials, not by the file.
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666))?;
        Ok(Self { listener, path: path.to_path_buf() })
    }

    /// Serves until `drain`.
    pub async fn serve(self, operator: Operator, administrators: Vec<Administrator>, drain: CancellationToken) {
        let administrators = Arc::new(administrators);
        let tasks = TaskTracker::new();
        loop {
            let stream = tokio::select! {
                () = drain.cancelled() => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(e) => {
                        tracing::warn!(error = %e, "administration socket");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
            };
            let (operator, administrators, drain) = (operator.clone(), administrators.clone(), drain.clone());
            tasks.spawn(async move {
                if let Err(e) = client(stream, operator, &administrators, drain).await {
                    tracing::debug!(error = %e, "administration client");
                }
            });
        }
        tasks.close();
        tasks.wait().await;
    }
}

async fn client(
    stream: UnixStream,
    operator: Operator,
    administrators: &[Administrator],
    drain: CancellationToken,
) -> std::io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    let origin = Origin { door: Door::Admin, remote: None, session: format!("admin-uid-{uid}"), tls: None, once: None };
    let who = match administrators.iter().find(|a| account_uid(&a.account) == Some(uid)) {
        Some(a) => operator.administrator(&a.login, origin.clone()).await,
        None => Err(Refusal::new(RefusalCode::RightMissing)),
    };
    if let Err(refusal) = &who {
        operator.trace_refusal(None, refusal, &origin).await;
    }
    // Whoever may not ask is told so once, and may not hold a place for long.
    let (longest, idle) = if who.is_ok() { (MAX_REQUEST, IDLE) } else { (STRANGER_REQUEST, STRANGER_IDLE) };
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read);
    loop {
        let mut line = String::new();
        let mut limited = (&mut lines).take(longest);
        let read = tokio::select! {
            () = drain.cancelled() => return Ok(()),
            read = tokio::time::timeout(idle, limited.read_line(&mut line)) => read,
        };
        match read {
            Ok(Ok(0)) | Err(_) => return Ok(()),
            Ok(Ok(_)) if !line.ends_with('\n') => return Ok(()),
            Ok(Ok(_)) => {}
            Ok(Err(e)) => return Err(e),
        }
        let result = match (&who, serde_json::from_str::<Request>(&line)) {
            (Err(refusal), _) => Err(refusal.clone()),
            (Ok(_), Err(e)) => Err(Refusal::new(RefusalCode::SyntaxUnknown).with("cause", e)),
            (Ok(actor), Ok(request)) => answer(&operator, actor, request).await,
        };
        let answer = match result {
            Ok(value) => Answer::Ok(value),
            Err(r) => {
                Answer::Refused { code: r.code.as_str().into(), fr: r.sentence(Lang::Fr), en: r.sentence(Lang::En) }
            }
        };
        let mut bytes = serde_json::to_vec(&answer)?;
        bytes.push(b'\n');
        write.write_all(&bytes).await?;
        if who.is_err() {
            return Ok(());
        }
    }
}

/// The number of a system account given by number or by name (as in `/etc/passwd`).
pub(super) fn account_uid(account: &str) -> Option<u32> {
    if let Ok(uid) = account.parse() {
        return Some(uid);
    }
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(account)).then(|| fields.nth(1)?.parse().ok()).flatten()
    })
}
