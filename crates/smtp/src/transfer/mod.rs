//! Outbound mail: serves the queue's destinations, one connection a destination at a time, many destinations at once.
//!
//! Promises:
//! * nothing is sent in clear, nor to a server whose certificate does not belong to the recipient's domain: STARTTLS is required,
//!   the chain is judged and its DN looked up in the white list (`Operator::check_server`) before MAIL;
//! * a message is handed over at least once: when the last reply is lost, it is sent again (RFC 1047);
//! * a destination that hangs, cuts, lies or refuses costs the others nothing;
//! * what is sent can hold no bare newline and no early end ([`crate::codec::stuffing`]).
mod client;
mod deliver;
mod destination;
pub mod route;

pub use route::Routes;

use sceau_operator::Operator;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A client TLS configuration that can be replaced while running.
pub type HotClientTls = Arc<arc_swap::ArcSwap<rustls::ClientConfig>>;

/// How outbound mail is served.
#[derive(Debug, Clone)]
pub struct TransferConfig {
    /// Destinations served at once.
    pub workers: usize,
    /// What we call ourselves in EHLO.
    pub hostname: String,
    /// Our certificate towards operators.
    pub tls: HotClientTls,
    /// Where domains' mail goes.
    pub routes: Routes,
    /// Deadlines.
    pub timeouts: Timeouts,
    /// How long [`run`] lets messages that are being sent end once it must stop ([`GRACE`] unless configured).
    pub grace: Duration,
}

/// Default of [`TransferConfig::grace`]. A peer may take minutes to answer; whoever stops the program does not wait that long.
pub const GRACE: Duration = Duration::from_secs(20);

/// Deadlines of the client side (RFC 5321 §4.5.3.2 gives minutes; peers of the trust space are few and near).
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// TCP connection.
    pub connect: Duration,
    /// Each reply but the last, and the handshake.
    pub reply: Duration,
    /// The reply after the final dot: the peer stores and scans.
    pub end_of_data: Duration,
    /// Each window of content must leave within this.
    pub write: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let s = Duration::from_secs;
        Self { connect: s(30), reply: s(120), end_of_data: s(600), write: s(180) }
    }
}

/// Pause when the queue says that something is due and every due destination is leased elsewhere.
const BUSY: Duration = Duration::from_millis(50);
/// Pause after a failing store.
const BROKEN: Duration = Duration::from_secs(2);

/// Serves the queue until `stop`; then lets each worker finish the message it is sending, for `config.grace` at most. What is
/// cut then is sent again later (at least once), when its lease ends or this node starts again.
pub async fn run(operator: Operator, config: TransferConfig, stop: CancellationToken) {
    let config = Arc::new(config);
    let places = Arc::new(Semaphore::new(config.workers.max(1)));
    let (tasks, cut) = (TaskTracker::new(), CancellationToken::new());
    loop {
        let place = tokio::select! {
            () = stop.cancelled() => break,
            place = Arc::clone(&places).acquire_owned() => match place {
                Ok(place) => place,
                // The semaphore is never closed.
                Err(_) => break,
            },
        };
        match operator.lease_destination().await {
            Ok(Some(destination)) => {
                let (operator, config) = (operator.clone(), Arc::clone(&config));
                let (stop, cut) = (stop.clone(), cut.clone());
                tasks.spawn(async move {
                    let served = destination::serve(&operator, &config, destination, &stop);
                    cut.run_until_cancelled(served).await;
                    drop(place);
                });
            }
            Ok(None) => {
                drop(place);
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = async { operator.queue_due().await; tokio::time::sleep(BUSY).await } => {}
                }
            }
            Err(_) => tokio::select! { () = stop.cancelled() => break, () = tokio::time::sleep(BROKEN) => {} },
        }
    }
    tasks.close();
    if tokio::time::timeout(config.grace, tasks.wait()).await.is_err() {
        tracing::warn!(deliveries = tasks.len(), "deliveries cut: they will be made again");
        cut.cancel();
        tasks.wait().await;
    }
}
