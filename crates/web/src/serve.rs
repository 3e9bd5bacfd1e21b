//! Accepting: TLS connections of programs, and the administration socket of the command line.
use crate::idle::{Ending, HEADER, IDLE, Timed};
use crate::slow::{Patient, Writing};
use crate::{Problem, State, Via, app, app_with, card_app, gate, h2};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use sceau_domain::{Refusal, RefusalCode};
use sceau_net::{Conn, HotTls, Listener, TlsInfo};
use sceau_operator::{Door, Operator, Origin};
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Longest header of a request, its first line included.
pub(crate) const HEADER_BYTES: usize = 32 << 10;
/// What a connection may hold of what it read and did not use yet: whoever has not said who it is costs no more.
const BUFFER: usize = 64 << 10;
/// How long a connection that ends is still read, and how much: whoever sends more than we take sees our answer, not a broken connection.
const LINGER: (Duration, usize) = (Duration::from_millis(500), 4 << 20);
/// For how long an account that is no administrator may stay at the administration socket: any account of the machine may connect.
const STRANGER: Duration = Duration::from_secs(5);
/// How many of them at once, each for a second at least, which bounds their traces too.
const STRANGERS: usize = 8;
/// How many connections of administrators at once.
const NAMED: usize = 256;

/// Serves REST and pages over TLS until `drain`. `extra`: the routes of the rooms above this one.
pub async fn serve_tls(
    operator: Operator,
    extra: Router<State>,
    listener: Listener,
    tls: HotTls,
    drain: CancellationToken,
    grace: Duration,
) {
    let via = |conn: &Conn| Via::Tls { remote: conn.remote().ip(), tls: conn.tls().map(TlsInfo::summary) };
    over_tls(app_with(operator, extra), via, listener, tls, drain, grace).await;
}

/// Serves the door that asks for a professional's card until `drain`. `tls`: as [`sceau_trust::tls::card_server`] makes it.
pub async fn serve_card(
    operator: Operator,
    listener: Listener,
    tls: HotTls,
    drain: CancellationToken,
    grace: Duration,
) {
    let via = |conn: &Conn| Via::Card {
        remote: conn.remote().ip(),
        tls: conn.tls().map(TlsInfo::summary),
        shown: conn.tls().map(|tls| tls.peer.as_slice()).unwrap_or_default().into(),
    };
    over_tls(card_app(operator), via, listener, tls, drain, grace).await;
}

async fn over_tls(
    app: Router,
    via: fn(&Conn) -> Via,
    listener: Listener,
    tls: HotTls,
    drain: CancellationToken,
    grace: Duration,
) {
    let session = move |conn: Conn, drain: CancellationToken| {
        let app = app.clone();
        async move {
            let (via, many) = (via(&conn), conn.tls().is_some_and(|tls| tls.protocol.as_deref() == Some(h2::NAME)));
            match conn.into_stream() {
                Some(stream) if many => Box::pin(h2::connection(stream, app, via, drain)).await,
                Some(stream) => connection(stream, app, via, drain).await,
                None => {}
            }
        }
    };
    listener.serve(Some(tls), b"", drain, grace, session).await;
}

/// Serves the administration socket until `drain`, then what is under way for `grace` at most. `account` tells the login of the administrator for whom
/// a system account speaks.
pub async fn serve_socket<F>(
    operator: Operator,
    listener: &UnixListener,
    account: F,
    drain: CancellationToken,
    grace: Duration,
) where
    F: Fn(u32) -> Option<String>,
{
    let (app, mut tasks) = (app(operator.clone()), JoinSet::new());
    let (named, strangers) = (Arc::new(Semaphore::new(NAMED)), Arc::new(Semaphore::new(STRANGERS)));
    loop {
        let stream = tokio::select! {
            () = drain.cancelled() => break,
            Some(_) = tasks.join_next(), if !tasks.is_empty() => continue,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(e) => {
                    tracing::warn!(error = %e, "administration socket");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let uid = stream.peer_cred().map(|c| c.uid()).ok();
        let login = uid.and_then(&account);
        let places = if login.is_some() { &named } else { &strangers };
        // Whoever finds no place hears nothing: nobody else waits for it.
        let Ok(place) = Arc::clone(places).try_acquire_owned() else { continue };
        let (app, operator, drain) = (app.clone(), operator.clone(), drain.clone());
        tasks.spawn(async move {
            let (_place, least) = (place, tokio::time::Instant::now() + Duration::from_secs(1));
            let who = socket_actor(&operator, uid, login).await;
            let stranger = who.is_err();
            let served = connection(stream, app, Via::Socket(Arc::new(who)), drain.clone());
            if stranger {
                // The end of that time is its end.
                let _ = timeout(STRANGER, served).await;
                tokio::select! { () = sleep_until(least) => {}, () = drain.cancelled() => {} }
            } else {
                served.await;
            }
        });
    }
    let all = async { while tasks.join_next().await.is_some() {} };
    if timeout(grace, all).await.is_err() {
        tracing::warn!(connections = tasks.len(), "grace is over at the administration socket");
        tasks.shutdown().await;
    }
}

async fn socket_actor(
    operator: &Operator,
    uid: Option<u32>,
    login: Option<String>,
) -> Result<sceau_operator::Actor, Refusal> {
    let uid = uid.ok_or(RefusalCode::RightMissing)?;
    let origin = Origin { door: Door::Admin, remote: None, session: format!("admin-uid-{uid}"), tls: None, once: None };
    let who = match login {
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
    let (io, turns) = Timed::new(io);
    let service = service_fn(move |request: Request<Incoming>| {
        let (turn, app, via) = (turns.begin(), app.clone(), via.clone());
        // In a box: it is polled where it must not be pinned.
        Box::pin(
            async move { Ok::<_, Infallible>(answer(request, app, via).await.map(|body| Ending::new(body, turn))) },
        )
    });
    let mut served = http1::Builder::new()
        .timer(TokioTimer::new())
        // `Timed` has the two deadlines; this one only stands behind them.
        .header_read_timeout(IDLE + HEADER)
        .max_header_size(HEADER_BYTES)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(Writing::new(io)), service);
    let mut stopping = pin!(drain.cancelled());
    let mut stopped = false;
    let ended = poll_fn(|cx| {
        if !stopped && stopping.as_mut().poll(cx).is_ready() {
            stopped = true;
            Pin::new(&mut served).graceful_shutdown();
        }
        served.poll_without_shutdown(cx)
    });
    if let Err(e) = ended.await {
        tracing::debug!(error = %e, "HTTP connection");
    }
    farewell(served.into_parts().io.into_inner()).await;
}

/// What is answered to a request of a connection.
pub(crate) async fn answer(mut request: Request<Incoming>, app: Router, via: Via) -> Response {
    // Two readers may differ about where a body ends that says both its length and its pieces, of which only the latter are left here to see: no
    // request follows on such a connection (RFC 9112 §6.1).
    let last = request.headers().contains_key(header::TRANSFER_ENCODING);
    let mut response = match gate::host(&mut request) {
        Err(refusal) => Problem(refusal).into_response(),
        Ok(()) => {
            request.extensions_mut().insert(via);
            let Ok(response) = app.oneshot(request.map(|body| Body::new(Patient::new(body)))).await;
            response
        }
    };
    if last {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Ends a connection in its protocol, and takes what still comes: what is left unread would break the connection, and our last answer with it.
async fn farewell<I: AsyncRead + AsyncWrite + Unpin>(mut io: I) {
    let _ = timeout(LINGER.0, async {
        io.shutdown().await?;
        let (mut piece, mut taken) = (vec![0; 16 << 10], 0);
        while taken < LINGER.1 {
            match io.read(&mut piece).await? {
                0 => break,
                read => taken += read,
            }
        }
        Ok::<_, std::io::Error>(())
    })
    .await;
}
