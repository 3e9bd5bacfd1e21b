//! An S3 service in this process, and a wire between us and it that can be cut or made slow.
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use sceau_store::S3Config;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub const BUCKET: &str = "sceau";

/// What the wire does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    Good,
    /// Connections are cut, and new ones too.
    Cut,
    /// Nothing comes back.
    Silent,
    /// Answers come after a while.
    Slow(Duration),
}

/// A service.
pub struct Server {
    pub folder: tempfile::TempDir,
    wire: watch::Sender<Wire>,
    pub address: SocketAddr,
    /// Connections through the wire.
    pub connections: Arc<AtomicUsize>,
}

impl Server {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single("ACCES", "SECRET"));
        let service = builder.build();
        let inner = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = inner.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((socket, _)) = inner.accept().await {
                let connection = hyper_util::server::conn::auto::Builder::new(hyper_util::rt::TokioExecutor::new())
                    .http1_only()
                    .serve_connection(hyper_util::rt::TokioIo::new(socket), service.clone())
                    .into_owned();
                tokio::spawn(async move { drop(connection.await) });
            }
        });
        let outer = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = outer.local_addr().unwrap();
        let (wire, watched) = watch::channel(Wire::Good);
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = connections.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = outer.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(relay(client, target, watched.clone()));
            }
        });
        Self { folder, wire, address, connections }
    }
    pub fn set(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }
    pub fn config(&self, prefix: &str) -> S3Config {
        S3Config {
            bucket: BUCKET.into(),
            prefix: prefix.into(),
            endpoint: format!("http://{}", self.address),
            region: "us-east-1".into(),
            access_key: "ACCES".into(),
            secret_key: "SECRET".into(),
            timeout: Duration::from_secs(2),
            ca_pem: None,
            page: 1000,
        }
    }
    /// The objects below a prefix, as the service keeps them: marks excepted.
    pub fn objects(&self, prefix: &str) -> Vec<PathBuf> {
        let mut out = Vec::new();
        walk(&self.folder.path().join(BUCKET).join(prefix), &mut out);
        out.retain(|file| file.file_name().unwrap().len() == 32);
        out.sort();
        out
    }
}

fn walk(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in folder.read_dir().into_iter().flatten().map(Result::unwrap) {
        if entry.metadata().unwrap().is_dir() { walk(&entry.path(), out) } else { out.push(entry.path()) }
    }
}

async fn relay(client: TcpStream, target: SocketAddr, mut wire: watch::Receiver<Wire>) {
    if *wire.borrow() == Wire::Cut {
        return;
    }
    let Ok(server) = TcpStream::connect(target).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let watched = wire.clone();
    let up = async move { drop(tokio::io::copy(&mut from_client, &mut to_server).await) };
    let down = async move {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(n @ 1..) = from_server.read(&mut buffer).await {
            let now = *watched.borrow();
            match now {
                Wire::Silent => continue,
                Wire::Slow(pause) => tokio::time::sleep(pause).await,
                _ => {}
            }
            if to_client.write_all(&buffer[..n]).await.is_err() {
                return;
            }
        }
    };
    let cut = async move { drop(wire.wait_for(|w| *w == Wire::Cut).await) };
    tokio::select! {
        () = async { tokio::join!(up, down); } => {}
        () = cut => {}
    }
}
