//! Accepting: TLS connections of programs, and the administration socket of the command line.
use crate::slow::{Patient, Writing};
use crate::{Via, app};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use sceau_domain::{Refusal, RefusalCode};
use sceau_net::{HotTls, Listener};
use sceau_operator::{Door, Operator, Origin};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// Longest wait for a request's header, first or next: a header is small, and a client that was idle connects again.
const HEADER: Duration = Duration::from_secs(20);
/// For how long an account that is no administrator may stay at the administration socket: any account of the machine may connect.
const STRANGER: Duration = Duration::from_secs(5);

/// Serves REST over TLS until `drain`.
pub async fn serve_tls(operator: Operator, listener: Listener, tls: HotTls, drain: CancellationToken, grace: Duration) {
    let app = app(operator);
    let session = move |conn: sceau_net::Conn, drain: CancellationToken| {
        let app = app.clone();
        async move {
            let via = Via::Tls { remote: conn.remote().ip(), tls: conn.tls().map(sceau_net::TlsInfo::summary) };
            if let Some(stream) = conn.into_stream() {
                connection(stream, app, via, drain).await;
            }
        }
    };
    listener.serve(Some(tls), b"", drain, grace, session).await;
}

/// Serves the administration socket until `drain`. `account` tells the login of the administrator for whom a system account speaks.
pub async fn serve_socket<F>(operator: Operator, listener: &UnixListener, account: F, drain: CancellationToken)
where
    F: Fn(u32) -> Option<String> + Send + Sync + 'static,
{
    let (app, account, tasks) = (app(operator.clone()), Arc::new(account), TaskTracker::new());
    loop {
        let stream = tokio::select! {
            () = drain.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(e) => {
                    tracing::warn!(error = %e, "administration socket");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let (app, account, operator, drain) = (app.clone(), Arc::clone(&account), operator.clone(), drain.clone());
        tasks.spawn(async move {
            let who = socket_actor(&operator, &stream, account.as_ref()).await;
            let stranger = who.is_err();
            let served = connection(stream, app, Via::Socket(Arc::new(who)), drain);
            if stranger {
                let _ = tokio::time::timeout(STRANGER, served).await;
            } else {
                served.await;
            }
        });
    }
    tasks.close();
    tasks.wait().await;
}

async fn socket_actor<F>(
    operator: &Operator,
    stream: &UnixStream,
    account: &F,
) -> Result<sceau_operator::Actor, Refusal>
where
    F: Fn(u32) -> Option<String>,
{
    let uid = stream.peer_cred().map_err(|_| Refusal::new(RefusalCode::RightMissing))?.uid();
    let origin = Origin { door: Door::Admin, remote: None, session: format!("admin-uid-{uid}"), tls: None, once: None };
    let who = match account(uid) {
        Some(login) => operator.administrator(&login, origin.clone()).await,
        None => Err(Refusal::new(RefusalCode::RightMissing)),
    };
    if let Err(refusal) = &who {
        operator.trace_refusal(None, refusal, &origin).await;
    }
    who
}

async fn connection<I>(io: I, app: Router, via: Via, drain: CancellationToken)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = app.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(via.clone());
        request.map(|body| Body::new(Patient::new(body)))
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER)
        .serve_connection(TokioIo::new(Writing::new(io)), TowerToHyperService::new(service));
    tokio::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = drain.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(e) = ended {
        tracing::debug!(error = %e, "HTTP connection");
    }
}
