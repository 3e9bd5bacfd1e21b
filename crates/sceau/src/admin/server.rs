//! The server's side of the administration socket: where it is, and for whom a system account speaks. What is asked there is REST (`sceau_web`).
use crate::config::Administrator;
use sceau_operator::Operator;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

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

impl AdminSocket {
    /// Binds; a leftover file of a dead server is replaced (the store's lock already proved that no other server runs).
    pub fn bind(path: &Path) -> std::io::Result<Self> {
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

    /// Serves until `drain`, and what is under way then for `grace` at most.
    pub async fn serve(
        self,
        operator: Operator,
        administrators: Vec<Administrator>,
        drain: CancellationToken,
        grace: Duration,
    ) {
        let login = move |uid: u32| {
            administrators.iter().find(|a| account_uid(&a.account) == Some(uid)).map(|a| a.login.clone())
        };
        sceau_web::serve::serve_socket(operator, &self.listener, login, drain, grace).await;
    }
}

/// The number of a system account given by number or by name (as in `/etc/passwd`).
fn account_uid(account: &str) -> Option<u32> {
    if let Ok(uid) = account.parse() {
        return Some(uid);
    }
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(account)).then(|| fields.nth(1)?.parse().ok()).flatten()
    })
}
