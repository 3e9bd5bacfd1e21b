//! `[listen]`: doors, how many connections they take, and load balancers before them.
use sceau_net::{Limits, Network};
use sceau_smtp::server::SessionLimits;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// `[listen]`: a door without an address stays shut.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenSection {
    /// SMTP between operators.
    pub mx: Option<SocketAddr>,
    /// SMTP for notices that come back from the relay of ordinary mail; plain: keep it on loopback.
    #[serde(default)]
    pub bounces: Option<SocketAddr>,
    /// Submission with STARTTLS.
    pub submission: Option<SocketAddr>,
    /// Submission over TLS.
    pub submissions: Option<SocketAddr>,
    /// SMTP with structures' own servers, under mutual TLS.
    #[serde(default)]
    pub connectors: Option<SocketAddr>,
    /// IMAP with STARTTLS.
    pub imap: Option<SocketAddr>,
    /// IMAP over TLS.
    pub imaps: Option<SocketAddr>,
    /// REST and web pages, over TLS.
    pub https: Option<SocketAddr>,
    /// Asks browsers for a professional's card, over TLS; no sign-in by card without it.
    #[serde(default)]
    pub card: Option<SocketAddr>,
    /// `/metrics`, `/healthz`, `/readyz` (plain HTTP: keep it on loopback).
    pub http: Option<SocketAddr>,
    /// Unix socket of the administration.
    pub admin: PathBuf,
    /// Connections at once, each door.
    #[serde(default = "connections")]
    pub max_connections: usize,
    /// Connections at once from one address, each door.
    #[serde(default = "per_address")]
    pub max_per_address: usize,
    /// New connections in a minute from one address, each door; 0 for no limit.
    #[serde(default = "per_minute")]
    pub max_connections_per_minute: u32,
    /// Commands of an SMTP session in a minute that bring no message.
    #[serde(default = "commands")]
    pub max_commands_per_minute: u32,
    /// Messages of an SMTP session, announced as MAILMAX.
    #[serde(default = "messages")]
    pub max_messages_per_session: u32,
    /// Milliseconds by which each error of an SMTP session beyond the first few is answered later than the one before; 0 for no pause.
    #[serde(default = "error_pause")]
    pub error_pause_ms: u64,
    /// Load balancers, addresses or networks: what comes from there begins with a header of the PROXY protocol, version 2, at every door.
    #[serde(default)]
    pub proxy_from: Vec<Network>,
    /// Seconds to wait for sessions when stopping.
    #[serde(default = "grace")]
    pub grace_seconds: u64,
}

impl ListenSection {
    /// Of each door.
    pub fn limits(&self) -> Limits {
        Limits {
            connections: self.max_connections,
            per_address: self.max_per_address,
            per_minute: self.max_connections_per_minute,
            proxies: self.proxy_from.clone(),
            ..Limits::default()
        }
    }
    /// Of each session of SMTP.
    pub fn sessions(&self) -> SessionLimits {
        SessionLimits {
            commands: self.max_commands_per_minute,
            transactions: self.max_messages_per_session,
            tarpit: Duration::from_millis(self.error_pause_ms),
            ..SessionLimits::default()
        }
    }
}

fn connections() -> usize {
    10_000
}
fn per_address() -> usize {
    500
}
fn per_minute() -> u32 {
    6_000
}
fn commands() -> u32 {
    3_000
}
fn messages() -> u32 {
    10_000
}
fn error_pause() -> u64 {
    100
}
fn grace() -> u64 {
    20
}
