//! The doors: all bound first (a taken port stops the start), then opened together.
use super::setup::Parts;
use crate::admin::client::Failure;
use crate::config::Config;
use crate::context::Context;
use metrics_exporter_prometheus::PrometheusHandle;
use sceau_imap::{ImapConfig, TlsMode};
use sceau_net::Listener;
use sceau_operator::Operator;
use sceau_smtp::server::{
    ConnectorConfig, MxConfig, SubmissionConfig, serve_bounces, serve_connectors, serve_mx, serve_submission,
};
use sceau_smtp::transfer::connector::NetworkProbe;
use sceau_smtp::transfer::lookout::Lookout;
use sceau_smtp::transfer::{self, Routes, Timeouts, TransferConfig};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Doors that are bound and not open yet.
pub struct Bound {
    mx: Option<Listener>,
    bounces: Option<Listener>,
    connectors: Option<Listener>,
    submission: Option<Listener>,
    submissions: Option<Listener>,
    imap: Option<Listener>,
    imaps: Option<Listener>,
    https: Option<Listener>,
    card: Option<Listener>,
    http: Option<TcpListener>,
    routes: Routes,
}

/// Who stops when.
pub struct Stops<'a> {
    /// Doors: first.
    pub doors: &'a CancellationToken,
    /// Workers: when every session has ended.
    pub work: &'a CancellationToken,
    /// Sessions and doors.
    pub sessions: &'a TaskTracker,
    /// Workers.
    pub workers: &'a TaskTracker,
}

/// Binds every configured door.
pub async fn bind(config: &Config, context: &Context) -> Result<Bound, Failure> {
    let limits = config.listen.limits();
    let failed = |door: &str, address: SocketAddr, e: std::io::Error| {
        let args = [("door", door), ("address", &address.to_string()), ("error", &e.to_string())];
        Failure { sentence: context.text("serve.bind", &args), exit: 1 }
    };
    let one = async |door: &str, address: Option<SocketAddr>| match address {
        None => Ok(None),
        Some(a) => Listener::bind(a, limits.clone()).await.map(Some).map_err(|e| failed(door, a, e)),
    };
    let l = &config.listen;
    let http = match l.http {
        None => None,
        Some(a) => Some(TcpListener::bind(a).await.map_err(|e| failed("http", a, e))?),
    };
    let t = &config.transfer;
    let own = [config.operator.hostname.clone()];
    let routes = Routes::new(t.routes.clone(), t.resolver, t.port)
        .map(|routes| routes.with(t.implicit_mx, &own))
        .map_err(|e| Failure { sentence: context.text("serve.runtime", &[("error", &e)]), exit: 1 })?;
    Ok(Bound {
        mx: one("mx", l.mx).await?,
        bounces: one("bounces", l.bounces).await?,
        connectors: one("connectors", l.connectors).await?,
        submission: one("submission", l.submission).await?,
        submissions: one("submissions", l.submissions).await?,
        imap: one("imap", l.imap).await?,
        imaps: one("imaps", l.imaps).await?,
        https: one("https", l.https).await?,
        card: one("card", l.card).await?,
        http,
        routes,
    })
}

impl Bound {
    /// Opens every door and starts the outbound workers.
    pub fn open(
        self,
        config: &Config,
        operator: &Operator,
        parts: &Parts,
        metrics: PrometheusHandle,
        stops: &Stops<'_>,
    ) {
        let grace = Duration::from_secs(config.listen.grace_seconds);
        let drain = || stops.doors.clone();
        if let Some(listener) = self.mx {
            let mx = MxConfig { tls: parts.mx.clone(), limits: config.listen.sessions() };
            stops.sessions.spawn(serve_mx(operator.clone(), listener, mx, drain(), grace));
        }
        let hostname = config.operator.hostname.clone();
        if let Some(listener) = self.bounces {
            stops.sessions.spawn(serve_bounces(operator.clone(), listener, hostname.clone(), drain(), grace));
        }
        operator.set_connector_probe(Arc::new(NetworkProbe { hostname, tls: parts.transfer.clone() }));
        if let Some(listener) = self.connectors {
            let mut door = ConnectorConfig::new(parts.mx.load_full());
            door.limits = config.listen.sessions();
            stops.sessions.spawn(serve_connectors(operator.clone(), listener, door, drain(), grace));
        }
        for (listener, implicit) in [(self.submission, false), (self.submissions, true)] {
            if let Some(listener) = listener {
                let mut door = SubmissionConfig::new(parts.mail.clone(), implicit);
                door.limits = config.listen.sessions();
                stops.sessions.spawn(serve_submission(operator.clone(), listener, door, drain(), grace));
            }
        }
        let tls = parts.mail.clone();
        let modes =
            [(self.imap, TlsMode::StartTls(tls.clone()), "imap"), (self.imaps, TlsMode::Implicit(tls), "imaps")];
        for (listener, mode, name) in modes {
            if let Some(listener) = listener {
                let listener = listener.named(name);
                let door = ImapConfig { grace, message_limit: config.imap.message_limit, ..ImapConfig::default() }
                    .with_other_users(&config.imap.other_users);
                stops.sessions.spawn(sceau_imap::serve(listener, mode, operator.clone(), door, drain()));
            }
        }
        if let Some(listener) = self.https {
            let listener = listener.named("https");
            let mut pages = sceau_desk::routes().merge(sceau_console::routes());
            if config.web.styleguide {
                pages = pages.merge(sceau_web::styleguide::routes());
            }
            stops.sessions.spawn(sceau_web::serve::serve_tls(
                operator.clone(),
                pages,
                listener,
                parts.clients.clone(),
                drain(),
                grace,
            ));
        }
        if let Some(listener) = self.card {
            let (listener, tls) = (listener.named("card"), parts.card.clone());
            stops.sessions.spawn(sceau_web::serve::serve_card(operator.clone(), listener, tls, drain(), grace));
        }
        if let Some(listener) = self.http {
            // Health answers until the very end: it says "stopping" while sessions drain.
            stops.workers.spawn(crate::http::serve(listener, operator.clone(), metrics, drain(), stops.work.clone()));
        }
        operator.set_shown(parts.shown.clone());
        operator.set_lookout(Arc::new(Lookout {
            routes: self.routes.clone(),
            hostname: config.operator.hostname.clone(),
            tls: parts.transfer.clone(),
        }));
        let transfer = TransferConfig {
            workers: config.transfer.workers,
            per_destination: config.transfer.connections_per_destination,
            linger: Duration::from_secs(config.transfer.keep_open_seconds),
            no_route_after: Duration::from_secs(config.transfer.no_route_minutes * 60),
            hostname: config.operator.hostname.clone(),
            tls: parts.transfer.clone(),
            routes: self.routes,
            timeouts: config.transfer.timeouts.given(Timeouts::default()),
            grace: Duration::from_secs(config.transfer.grace_seconds),
        };
        stops.workers.spawn(transfer::run(operator.clone(), transfer, stops.work.clone()));
    }
}
