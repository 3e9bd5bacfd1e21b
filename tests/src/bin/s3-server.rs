//! A small S3 service over a folder, for tests and for trying things out: never for real mail.
//!
//! `s3-server FOLDER PORT ACCESS_KEY SECRET_KEY [BUCKET…]` listens on loopback (port 0: any free one), makes the buckets, writes one
//! line, `ready http://127.0.0.1:PORT`, on its standard output and ends when its standard input is closed.
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [folder, port, access, secret, buckets @ ..] = args.as_slice() else {
        eprintln!("usage: s3-server FOLDER PORT ACCESS_KEY SECRET_KEY [BUCKET…]");
        return ExitCode::from(2);
    };
    let served = tokio::runtime::Runtime::new()
        .map_err(Box::from)
        .and_then(|runtime| runtime.block_on(serve(PathBuf::from(folder), port, access, secret, buckets)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("s3-server: {e}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(
    folder: PathBuf,
    port: &str,
    access: &str,
    secret: &str,
    buckets: &[String],
) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(&folder)?;
    for bucket in buckets {
        std::fs::create_dir_all(folder.join(bucket))?;
    }
    let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(&folder).map_err(|e| format!("{e:?}"))?);
    builder.set_auth(SimpleAuth::from_single(access, secret));
    let service = builder.build();
    let listener = TcpListener::bind(("127.0.0.1", port.parse()?)).await?;
    println!("ready http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    let accept = async {
        loop {
            match listener.accept().await {
                Ok((socket, _)) => {
                    let service = service.clone();
                    tokio::spawn(async move {
                        // A client that goes away is no trouble of ours.
                        let _ =
                            Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
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
