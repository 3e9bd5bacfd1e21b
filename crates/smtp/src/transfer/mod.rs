//! Outbound mail: serves the queue's destinations, many at once, over as many connections to each as it takes ([`window`]).
//!
//! Promises:
//! * nothing is sent in clear, nor to a server whose certificate does not belong to the recipient's domain: STARTTLS is required,
//!   the chain is judged and its DN looked up in the white list (`Operator::check_server`) before MAIL;
//! * a message is handed over at least once: when the last reply is lost, it is sent again (RFC 1047);
//! * a destination that hangs, cuts, lies or refuses costs the others nothing: it never has all the places, and those that could not be reached share
//!   half of them;
//! * a message that takes long keeps one connection busy, no other;
//! * what is sent can hold no bare newline and no early end ([`crate::codec::stuffing`]).
mod client;
pub mod connector;
mod convert;
mod deliver;
mod dial;
mod dnssec;
mod kept;
mod lane;
pub mod lookout;
mod others;
pub mod route;
mod way;
mod window;

pub use route::Routes;

use sceau_domain::{DomainName, Refusal, RefusalCode};
use sceau_operator::queue::{Router, Way};
use sceau_operator::{Operator, WeakOperator};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A client TLS configuration that can be replaced while running.
pub type HotClientTls = Arc<arc_swap::ArcSwap<rustls::ClientConfig>>;

/// How outbound mail is served.
#[derive(Debug, Clone)]
pub struct TransferConfig {
    /// Connections at once.
    pub workers: usize,
    /// Connections at once to one destination, at most.
    pub per_destination: usize,
    /// How long a connection is kept open after its last message.
    pub linger: Duration,
    /// How long a domain that the DNS does not know is asked for before its mail comes back.
    pub no_route_after: Duration,
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

/// Deadlines of the client side, each for a phase as a whole (RFC 5321 §4.5.3.2, but for the connection).
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// TCP connection.
    pub connect: Duration,
    /// The greeting.
    pub greeting: Duration,
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
        Self { connect: s(30), greeting: s(300), reply: s(300), end_of_data: s(600), write: s(180) }
    }
}

/// Pause when the queue says that something is due and every due destination is leased elsewhere.
const BUSY: Duration = Duration::from_millis(50);
/// Pause after a failing store.
const BROKEN: Duration = Duration::from_secs(2);

/// What all lanes share.
#[derive(Debug)]
pub(crate) struct Shared {
    config: TransferConfig,
    windows: window::Windows,
    kept: kept::Kept,
}

/// Tells where mail goes, to whoever looks at the queue.
#[derive(Debug)]
struct Ways {
    operator: WeakOperator,
    shared: Arc<Shared>,
}

impl Router for Ways {
    fn way<'a>(
        &'a self,
        domain: &'a DomainName,
    ) -> Pin<Box<dyn Future<Output = Result<(&'static str, Vec<Way>), Refusal>> + Send + 'a>> {
        Box::pin(async move {
            let operator = self.operator.upgrade().ok_or(RefusalCode::ShuttingDown)?;
            let found = way::find(&operator, &self.shared.config, domain).await?;
            let texts = |s: &route::Server| Way {
                server: s.name.clone(),
                addresses: s.addresses.iter().map(ToString::to_string).collect(),
            };
            Ok((found.kind, found.servers.iter().map(texts).collect()))
        })
    }
}

/// Serves the queue until `stop`; then lets each worker finish the message it is sending, for `config.grace` at most. What is
/// cut then is sent again later (at least once), when its claim ends or this node starts again.
pub async fn run(operator: Operator, config: TransferConfig, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(config.workers.max(1)));
    // What could not be reached last time waits for its deadlines on half of the places: the others stay for those that answer.
    let doubtful = Arc::new(Semaphore::new(config.workers.div_ceil(2).max(1)));
    // One destination leaves places to others.
    let most = config.per_destination.min(config.workers.saturating_sub(config.workers / 4)).max(1);
    let (windows, kept) = (window::Windows::new(most), kept::Kept::new(config.linger));
    let grace = config.grace;
    let shared = Arc::new(Shared { config, windows, kept });
    operator.routes_are_known_by(Arc::new(Ways { operator: operator.downgrade(), shared: Arc::clone(&shared) }));
    let (tasks, cut) = (TaskTracker::new(), CancellationToken::new());
    let tending = {
        let (shared, stop) = (Arc::clone(&shared), stop.clone());
        tokio::spawn(async move { shared.kept.tend(&stop).await })
    };
    loop {
        let place = tokio::select! {
            () = stop.cancelled() => break,
            place = Arc::clone(&places).acquire_owned() => match place {
                Ok(place) => place,
                // The semaphore is never closed.
                Err(_) => break,
            },
        };
        // Only this loop takes them: what is free now is free below.
        let doubt = Arc::clone(&doubtful).try_acquire_owned().ok();
        match operator.lease_lane(&shared.windows.widened(Instant::now()), doubt.is_some()).await {
            Ok(Some(destination)) => {
                let doubt = doubt.filter(|_| destination.failing);
                shared.windows.opened(&destination.domain);
                let (operator, shared) = (operator.clone(), Arc::clone(&shared));
                let (stop, cut) = (stop.clone(), cut.clone());
                tasks.spawn(async move {
                    let served = lane::serve(&operator, &shared, destination, &stop);
                    cut.run_until_cancelled(served).await;
                    drop((place, doubt));
                });
            }
            Ok(None) => {
                drop((place, doubt));
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = async { operator.queue_due().await; tokio::time::sleep(BUSY).await } => {}
                }
            }
            Err(_) => tokio::select! { () = stop.cancelled() => break, () = tokio::time::sleep(BROKEN) => {} },
        }
    }
    tasks.close();
    if tokio::time::timeout(grace, tasks.wait()).await.is_err() {
        tracing::warn!(deliveries = tasks.len(), "deliveries cut: they will be made again");
        cut.cancel();
        tasks.wait().await;
    }
    let _ = tending.await;
}
