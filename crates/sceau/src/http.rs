//! `/metrics`, `/healthz`, `/readyz`: plain HTTP, meant for loopback and the monitoring network.
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use sceau_operator::Operator;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What the pages need.
#[derive(Clone)]
struct Pages {
    operator: Operator,
    metrics: PrometheusHandle,
    drain: CancellationToken,
}

/// Serves until `stop`; not ready any more once `drain` is cancelled.
pub async fn serve(
    listener: TcpListener,
    operator: Operator,
    metrics: PrometheusHandle,
    drain: CancellationToken,
    stop: CancellationToken,
) {
    let pages = Pages { operator, metrics, drain };
    let app = Router::new()
        .route("/metrics", get(async |State(p): State<Pages>| p.metrics.render()))
        // Alive: the process answers.
        .route("/healthz", get(async || "ok\n"))
        // Ready: the database answers, a white list is in force, and we are not stopping.
        .route("/readyz", get(ready))
        .with_state(pages);
    if let Err(e) = axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned()).await {
        tracing::error!(error = %e, "http door");
    }
}

async fn ready(State(p): State<Pages>) -> (StatusCode, String) {
    let mut missing = Vec::new();
    if p.drain.is_cancelled() {
        missing.push("stopping");
    }
    if p.operator.trust().white_list().is_none() {
        missing.push("white_list");
    }
    if p.operator.ping().await.is_err() {
        missing.push("store");
    }
    if missing.is_empty() {
        (StatusCode::OK, "ready\n".into())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", missing.join(", ")))
    }
}
