//! The SMTP doors: MX (between operators, mutual TLS), connectors (structures' own servers, mutual TLS) and submission (587 with STARTTLS, 465 with implicit TLS).
//!
//! A door translates the protocol into the operator's use cases and holds no rule. What it decides by itself is what the
//! protocol decides: order of commands, TLS first, the strict end of data, and how much nonsense a session may say.
//!
//! Promises: `250` after DATA or the last BDAT is sent when the operator says that the message is durable; a connection cut in a message leaves
//! nothing; a draining server answers `421` between two commands, never in the middle of a message, in whatever number of chunks it comes.
mod auth;
mod bounces;
mod chunks;
mod commands;
mod connector;
mod data;
mod manners;
mod mx;
mod session;
mod submission;
mod transaction;

pub use bounces::serve_bounces;
pub use connector::{ConnectorConfig, serve_connectors};

use crate::codec::reply::Reply;
use sceau_domain::RefusalCode;
use sceau_domain::policy::MOST_RECIPIENTS;
use sceau_net::{HotTls, Listener};
use sceau_operator::Operator;
use session::Session;
use std::sync::LazyLock;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What one session may do.
#[derive(Debug, Clone)]
pub struct SessionLimits {
    /// Malformed, unknown or misplaced commands before `421`.
    pub errors: u32,
    /// Commands refused for good (unknown recipients…) before `421`.
    pub refusals: u32,
    /// Errors and refusals of a session that are answered at once.
    pub patience: u32,
    /// Each further one is answered so much later than the one before, up to two seconds.
    pub tarpit: Duration,
    /// Commands in a minute that bring no message, before `421`.
    pub commands: u32,
    /// Mail transactions of a session, announced as `MAILMAX` (RFC 9422), before `421`.
    pub transactions: u32,
    /// Recipients kept for one message: a bound on memory. Not below what a policy may allow, for the nearest word decides how many.
    pub recipients: usize,
    /// Longest line of a message, CRLF included, octets (RFC 5321 §4.5.3.1.6: 1000).
    pub line: usize,
    /// Octets still read (and thrown away) of a message that is already refused, before the connection is closed.
    pub discard: u64,
    /// How long somebody may talk who has shown no good certificate and not logged in: a place that is held without a name is one that others want.
    pub stranger: Duration,
    /// Waiting for a command (RFC 5321 §4.5.3.2.7: 5 minutes).
    pub command: Duration,
    /// Waiting for a block of data.
    pub data: Duration,
    /// STARTTLS handshake.
    pub handshake: Duration,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            errors: 20,
            refusals: 200,
            patience: 5,
            tarpit: Duration::from_millis(100),
            commands: 3_000,
            transactions: 10_000,
            recipients: MOST_RECIPIENTS as usize,
            line: crate::codec::data::LINE,
            discard: 64 << 20,
            // As long as one command of his may take.
            stranger: Duration::from_secs(300),
            command: Duration::from_secs(300),
            data: Duration::from_secs(300),
            handshake: Duration::from_secs(30),
        }
    }
}

/// The MX door.
#[derive(Debug, Clone)]
pub struct MxConfig {
    /// TLS towards operators: must ask for a client certificate and complete the handshake with any or none
    /// ([`sceau_trust::tls::mx_server`]).
    pub tls: HotTls,
    /// What a session may do.
    pub limits: SessionLimits,
}

/// A submission door.
#[derive(Debug, Clone)]
pub struct SubmissionConfig {
    /// TLS towards mail clients ([`sceau_trust::tls::client_server`]).
    pub tls: HotTls,
    /// True on 465: TLS comes first. False on 587: STARTTLS.
    pub implicit_tls: bool,
    /// Failed logins before `421`.
    pub login_attempts: u32,
    /// Pause after the first failed login of a session; twice that after the second, and so on.
    pub login_delay: Duration,
    /// What a session may do.
    pub limits: SessionLimits,
}

impl SubmissionConfig {
    /// With the built-in limits.
    pub fn new(tls: HotTls, implicit_tls: bool) -> Self {
        Self {
            tls,
            implicit_tls,
            login_attempts: 3,
            login_delay: Duration::from_secs(1),
            limits: SessionLimits::default(),
        }
    }
}

/// Serves the MX door on a bound listener until `drain` is cancelled; then as [`Listener::serve`] with `grace`.
pub async fn serve_mx(
    operator: Operator,
    listener: Listener,
    config: MxConfig,
    drain: CancellationToken,
    grace: Duration,
) {
    let listener = listener.named("mx");
    listener
        .serve(None, busy(), drain, grace, move |conn, drain| {
            let session = Session::mx(operator.clone(), &config, conn, drain);
            async move { session.run().await }
        })
        .await;
}

/// Serves a submission door on a bound listener until `drain` is cancelled; then as [`Listener::serve`] with `grace`.
pub async fn serve_submission(
    operator: Operator,
    listener: Listener,
    config: SubmissionConfig,
    drain: CancellationToken,
    grace: Duration,
) {
    let listener = listener.named(if config.implicit_tls { "submissions" } else { "submission" });
    let tls = config.implicit_tls.then(|| config.tls.clone());
    listener
        .serve(tls, busy(), drain, grace, move |conn, drain| {
            let session = Session::submission(operator.clone(), &config, conn, drain);
            async move { session.run().await }
        })
        .await;
}

/// What a connection over a cap is told.
fn busy() -> &'static [u8] {
    static BUSY: LazyLock<Vec<u8>> =
        LazyLock::new(|| Reply::refusal(&RefusalCode::TooManyConnections.into()).to_bytes());
    &BUSY
}
