//! A small S3 service over a folder, for tests and for trying things out: never for real mail.
//!
//! `s3-server [--tls CERT KEY] FOLDER PORT ACCESS_KEY SECRET_KEY [BUCKET…]` listens on loopback (port 0: any free one), makes the buckets,
//! writes one line, `ready http://127.0.0.1:PORT` (`https://` with a certificate and its key, PEM files), on its standard output and ends when
//! its standard input is closed.
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (tls, args) = match args.as_slice() {
        [flag, cert, key, rest @ ..] if flag == "--tls" => (Some((cert, key)), rest),
        rest => (None, rest),
    };
    let [folder, port, access, secret, buckets @ ..] = args else {
        eprintln!("usage: s3-server [--tls CERT KEY] FOLDER PORT ACCESS_KEY SECRET_KEY [BUCKET…]");
        return ExitCode::from(2);
    };
    let served = tokio::runtime::Runtime::new().map_err(Box::from).and_then(|runtime| {
        let acceptor = tls.map(|(cert, key)| acceptor(cert, key)).transpose()?;
        runtime.block_on(serve(PathBuf::from(folder), port, access, secret, buckets, acceptor))
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("s3-server: {e}");
            ExitCode::FAILURE
        }
    }
}

fn acceptor(cert: &str, key: &str) -> Result<TlsAcceptor, Box<dyn Error>> {
    let chain = CertificateDer::pem_file_iter(cert)?.collect::<Result<Vec<_>, _>>()?;
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn serve(
    folder: PathBuf,
    port: &str,
    access: &str,
    secret: &str,
    buckets: &[String],
    acceptor: Option<TlsAcceptor>,
) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(&folder)?;
    for bucket in buckets {
        std::fs::create_dir_all(folder.join(bucket))?;
    }
    let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(&folder).map_err(|e| format!("{e:?}"))?);
    builder.set_auth(SimpleAuth::from_single(access, secret));
    let service = builder.build();
    let listener = TcpListener::bind(("127.0.0.1", port.parse()?)).await?;
    let scheme = if acceptor.is_some() { "https" } else { "http" };
    println!("ready {scheme}://{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    let accept = async {
        loop {
            match listener.accept().await {
                Ok((socket, _)) => {
                    let (service, acceptor) = (service.clone(), acceptor.clone());
                    tokio::spawn(async move {
                        let http = Builder::new(TokioExecutor::new());
                        // A client that goes away, or does not believe us, is no trouble of ours.
                        let _ = match acceptor {
                            None => http.serve_connection(TokioIo::new(socket), service).await,
                            Some(acceptor) => match acceptor.accept(socket).await {
                                Ok(socket) => http.serve_connection(TokioIo::new(socket), service).await,
                                Err(_) => Ok(()),
                            },
                        };
                    });
                }
                Err(e) => {
                    eprintln!("s3-server: {e}");
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            }
        }
    };
    let ended = async {
        let (mut input, mut buffer) = (tokio::io::stdin(), [0; 64]);
        while matches!(input.read(&mut buffer).await, Ok(1..)) {}
    };
    tokio::select! {
        () = accept => {}
        () = ended => {}
    }
    Ok(())
}
