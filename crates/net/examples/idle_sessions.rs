//! What a parked session costs: N idle TLS connections to a listener of ours, and the memory that the server holds for each.
//!
//! ```text
//! ulimit -n 65536; cargo run --release -p sceau-net --example idle_sessions -- 10000
//! ```
//! Linux only (it reads `/proc/self/statm`). Clients run in a process of their own, so that only the server is measured.
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use sceau_net::{Conn, Limits, Listener};
use std::error::Error;
use std::io::Read;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1..).unwrap_or_default() {
        [count, address, certificate] => clients(count.parse()?, address.parse()?, hex(certificate)?).await,
        [count] => server(count).await,
        _ => server("1000").await,
    }
}

async fn server(count: &str) -> Outcome<()> {
    let wanted: usize = count.parse()?;
    let key = rcgen::KeyPair::generate()?;
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()])?.self_signed(&key)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )?;
    let limits = Limits { connections: wanted + 10, per_address: wanted + 10, ..Limits::default() };
    let listener = Listener::bind("127.0.0.1:0".parse()?, limits).await?;
    let (address, parked) = (listener.local(), Arc::new(AtomicUsize::new(0)));
    let (hot, counter) = (Arc::new(arc_swap::ArcSwap::from_pointee(config)), parked.clone());
    let before = resident()?;
    tokio::spawn(listener.serve(Some(hot), b"", CancellationToken::new(), Duration::ZERO, move |mut conn, _| {
        let counter = counter.clone();
        async move {
            // A line each way, then silence: as a mail client in IDLE.
            if let Ok(line) = conn.read_line(1000).await
                && conn.write(&line).await.is_ok()
                && conn.flush().await.is_ok()
            {
                counter.fetch_add(1, Ordering::SeqCst);
                let _ = conn.read_line(1000).await;
            }
        }
    }));
    let certificate: String = certificate.der().iter().map(|b| format!("{b:02x}")).collect();
    let mut child = Command::new(std::env::current_exe()?)
        .args([count, &address.to_string(), &certificate])
        .stdin(Stdio::piped())
        .spawn()?;
    while parked.load(Ordering::SeqCst) < wanted {
        if let Some(ended) = child.try_wait()? {
            return Err(format!("the clients ended early: {ended}").into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let held = resident()?.saturating_sub(before);
    println!("{wanted} idle TLS sessions: {} KiB, {} bytes each", held / 1024, held / wanted.max(1));
    drop(child.stdin.take());
    child.wait()?;
    Ok(())
}

async fn clients(count: usize, address: SocketAddr, certificate: Vec<u8>) -> Outcome<()> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.into())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let config = Arc::new(config);
    let mut open = Vec::with_capacity(count);
    for _ in 0..count {
        let name = ServerName::try_from("localhost")?;
        let mut conn = Conn::connect_tls(address, config.clone(), name, Duration::from_secs(60)).await?;
        conn.write(b"hello\r\n").await?;
        conn.read_line(100).await?;
        open.push(conn);
    }
    // Until the server has measured, and closes our standard input.
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}

/// Resident memory of this process, bytes.
fn resident() -> Outcome<usize> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: usize = statm.split(' ').nth(1).ok_or("statm")?.parse()?;
    Ok(pages * 4096)
}

fn hex(text: &str) -> Outcome<Vec<u8>> {
    (0..text.len()).step_by(2).map(|i| Ok(u8::from_str_radix(&text[i..i + 2], 16)?)).collect()
}
