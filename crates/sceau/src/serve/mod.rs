//! `sceau serve`: puts the parts together, opens the doors, waits for a signal, closes in order.
pub(crate) mod blobs;
mod doors;
mod identity;
mod logs;
mod push;
mod relay;
pub mod setup;

pub use setup::problems;

use crate::admin::client::Failure;
use crate::admin::server::AdminSocket;
use crate::config::Config;
use crate::context::Context;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use sceau_operator::Operator;
use sceau_store::blob::PlaceRefusal;
use sceau_store::{Store, StoreError};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How often expired leases, old dedupe records, unused blobs and finished transit keys are looked after.
const HOUSEKEEPING: Duration = Duration::from_secs(60);
/// How often traces of reading are written.
const TRACES: Duration = Duration::from_secs(4);

/// Runs the operator until SIGINT or SIGTERM (or, when asked, until standard input closes). SIGHUP reads certificates,
/// anchors and revocation lists again.
pub fn run(context: &Context, stop_with_stdin: bool) -> Result<(), Failure> {
    let config = context.load()?;
    logs::start(&config.log);
    let failed = |key: &str, e: &dyn std::fmt::Display| Failure {
        sentence: context.text(key, &[("error", &e.to_string())]),
        exit: 1,
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| failed("serve.runtime", &e))?;
    let result = runtime.block_on(serve(context, config, stop_with_stdin));
    // Everything was closed in order above; blocking threads (a DNS look-up, a read of standard input) are not waited for.
    runtime.shutdown_background();
    result
}

async fn serve(context: &Context, config: Config, stop_with_stdin: bool) -> Result<(), Failure> {
    let failed = |key: &str, e: &dyn std::fmt::Display| Failure {
        sentence: context.text(key, &[("error", &e.to_string())]),
        exit: 1,
    };
    let refused = |e: sceau_domain::Refusal| failed("serve.operator", &e.sentence(context.lang));
    let wrong = |e: crate::config::ConfigError| Failure {
        sentence: if context.lang == sceau_domain::Lang::Fr { e.fr } else { e.en },
        exit: 2,
    };
    let metrics = PrometheusBuilder::new().install_recorder().map_err(|e| failed("serve.runtime", &e))?;
    let parts = setup::Parts::load(&config).map_err(wrong)?;
    let store_config = setup::store_config(&config).map_err(wrong)?;
    let store = Store::open(store_config).await.map_err(|e| rotation_failed(context, &config, &e))?;
    let mut settings = setup::operator_config(&config);
    settings.identity = identity::settings(&config).map_err(wrong)?;
    settings.push = push::settings(&config).map_err(wrong)?;
    settings.abuse.positions = config.abuse.positions.read().map_err(wrong)?.into();
    let operator = Operator::open(settings, store, parts.trust.clone()).await.map_err(refused)?;
    operator.declare_certificates(&parts.own, &parts.trust.anchors()).await.map_err(refused)?;
    if let Some(relay) = relay::of(&config).map_err(wrong)? {
        operator.set_relay(relay);
    }
    operator.set_antivirus(setup::antivirus(&config));
    let administrators: Vec<_> = config.administrators.iter().map(|a| a.named()).collect();
    operator.sync_administrators(&administrators).await.map_err(refused)?;
    if config.operator.setting_up {
        tracing::warn!(
            "[operator] setting_up: administrators are shown tokens that they make for others; take it away before serving"
        );
    }

    // Listeners stop first; what they accepted is finished; then the workers behind stop.
    let (doors_stop, work_stop) = (CancellationToken::new(), CancellationToken::new());
    let (sessions, workers) = (TaskTracker::new(), TaskTracker::new());
    let bound = doors::bind(&config, context).await?;
    let admin = AdminSocket::bind(&config.listen.admin).map_err(|e| {
        let address = config.listen.admin.display().to_string();
        Failure {
            sentence: context
                .text("serve.bind", &[("door", "admin"), ("address", &address), ("error", &e.to_string())]),
            exit: 1,
        }
    })?;
    parts.ask_for_devices(operator.trust());
    workers.spawn(follow_devices(operator.clone(), parts.clone(), work_stop.clone()));
    workers.spawn(upkeep(operator.clone(), metrics.clone(), work_stop.clone()));
    let (op, stop) = (operator.clone(), work_stop.clone());
    workers.spawn(async move { op.run_revocation(stop).await });
    if config.white_list.is_some() {
        let (op, stop) = (operator.clone(), work_stop.clone());
        workers.spawn(async move { op.run_white_list(stop).await });
    }
    let (op, stop) = (operator.clone(), work_stop.clone());
    workers.spawn(async move { op.run_ledger(stop).await });
    let (op, stop) = (operator.clone(), work_stop.clone());
    workers.spawn(async move { op.run_abuse(stop).await });
    let (op, stop) = (operator.clone(), work_stop.clone());
    workers.spawn(async move { op.run_jobs(stop).await });
    let (op, stop) = (operator.clone(), work_stop.clone());
    workers.spawn(async move { op.run_node(stop).await });
    let notary = operator.notary(setup::notary_settings(&config));
    let (folding, stop) = (notary.clone(), work_stop.clone());
    workers.spawn(async move { folding.run(stop).await });
    let grace = Duration::from_secs(config.listen.grace_seconds);
    sessions.spawn(admin.serve(operator.clone(), config.administrators.clone(), doors_stop.clone(), grace));
    let stops = doors::Stops { doors: &doors_stop, work: &work_stop, sessions: &sessions, workers: &workers };
    bound.open(&config, &operator, &parts, metrics, &stops);
    tracing::info!(hostname = config.operator.hostname, "serving");

    let outdated = tokio::select! {
        end = wait_for_end(&config, &operator, &parts, stop_with_stdin) => end.map(|()| None),
        e = operator.outdated() => Ok(Some(e)),
    };
    let outdated = outdated.map_err(|e| failed("serve.runtime", &e))?;
    tracing::info!("stopping");
    doors_stop.cancel();
    sessions.close();
    sessions.wait().await;
    work_stop.cancel();
    workers.close();
    workers.wait().await;
    if let Err(e) = operator.flush_traces().await {
        tracing::error!(code = e.code.as_str(), "last traces");
    }
    if let Err(e) = notary.finish().await {
        tracing::error!(code = e.code.as_str(), "last leaves of the log");
    }
    tracing::info!("stopped");
    outdated.map_or(Ok(()), |e| Err(store_failed(context, &e)))
}

/// As [`store_failed`]; a wrong master key may be the old one of a rotation that was interrupted at its very end.
fn rotation_failed(context: &Context, config: &Config, e: &StoreError) -> Failure {
    let next = crate::cli::keys::beside(std::path::Path::new(&config.keys.master), "next");
    if matches!(e, StoreError::WrongMasterKey) && next.exists() {
        let path = next.display().to_string();
        return Failure { sentence: context.text("keys.rotation_unfinished", &[("path", &path)]), exit: 1 };
    }
    store_failed(context, e)
}

/// Why the store does not open, in the user's language where the cause is one that a person can mend.
fn store_failed(context: &Context, e: &StoreError) -> Failure {
    Failure { sentence: store_sentence(context, e), exit: 1 }
}

/// The sentence for an error of the store, in the user's language where the cause is one that a person can mend.
pub fn store_sentence(context: &Context, e: &StoreError) -> String {
    match e {
        StoreError::Keeper(e) => e.sentence(context.lang),
        StoreError::Locked(what) => context.text("serve.store_locked", &[("path", what)]),
        StoreError::NodeTaken { number, name } => {
            context.text("serve.store_node_taken", &[("number", &number.to_string()), ("name", name)])
        }
        StoreError::NodeName { number, name } => {
            context.text("serve.store_node_name", &[("number", &number.to_string()), ("name", name)])
        }
        StoreError::DataMissing => context.text("serve.store_data_missing", &[]),
        StoreError::Place(why) => match why {
            PlaceRefusal::NoBucket(name) => context.text("serve.store_blobs_no_bucket", &[("name", name)]),
            PlaceRefusal::Refused(said) => context.text("serve.store_blobs_refused", &[("error", said)]),
            PlaceRefusal::Certificate(said) => context.text("serve.store_blobs_certificate", &[("error", said)]),
            PlaceRefusal::Foreign => context.text("serve.store_blobs_foreign", &[]),
        },
        StoreError::Unfinished => context.text("serve.store_unfinished", &[]),
        StoreError::WrongMasterKey => context.text("serve.store_wrong_master_key", &[]),
        StoreError::NewerSchema { found, known } => {
            context.text("serve.store_newer", &[("found", &found.to_string()), ("known", &known.to_string())])
        }
        StoreError::EarlierNodes { nodes } => context.text("serve.store_earlier_nodes", &[("nodes", nodes)]),
        other => context.text("serve.store", &[("error", &other.to_string())]),
    }
}

/// Waits for SIGINT, SIGTERM or the end of standard input; SIGHUP reloads on the way.
async fn wait_for_end(
    config: &Config,
    operator: &Operator,
    parts: &setup::Parts,
    stop_with_stdin: bool,
) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let closed = async {
        if stop_with_stdin {
            let _ = tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::pin!(closed);
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            () = &mut closed => return Ok(()),
            _ = hangup.recv() => match reload(config, operator, parts).await {
                Ok(()) => tracing::info!("certificates, anchors and revocation lists read again"),
                Err(e) => tracing::error!(error = %e, "kept the certificates in force"),
            },
        }
    }
}

/// Reads certificates, anchors and revocation lists again. When anything is wrong, or another node holds a key, everything in force stays.
async fn reload(config: &Config, operator: &Operator, parts: &setup::Parts) -> Result<(), String> {
    let next = setup::Parts::load(config).map_err(|e| e.en)?;
    let declared = operator.declare_certificates(&next.own, &next.trust.anchors()).await;
    declared.map_err(|e| e.sentence(sceau_domain::Lang::En))?;
    parts.take(&next, operator.trust());
    Ok(())
}

/// Has the mail doors name an authority for devices as soon as it counts here, whichever node made it.
async fn follow_devices(operator: Operator, parts: setup::Parts, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = operator.device_authorities_changed() => parts.ask_for_devices(operator.trust()),
        }
    }
}

/// Work that comes back: housekeeping, traces of reading, samples of metrics (which grow without end when nobody asks for
/// `/metrics` and nobody folds them).
async fn upkeep(operator: Operator, metrics: PrometheusHandle, stop: CancellationToken) {
    let mut housekeeping = tokio::time::interval(HOUSEKEEPING);
    let mut traces = tokio::time::interval(TRACES);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = housekeeping.tick() => {
                if let Err(e) = operator.housekeeping().await {
                    tracing::error!(code = e.code.as_str(), "housekeeping");
                }
            }
            _ = traces.tick() => {
                metrics.run_upkeep();
                operator.tell_of_full_store_at_once().await;
                if let Err(e) = operator.flush_traces().await {
                    tracing::error!(code = e.code.as_str(), "traces of reading");
                }
            }
        }
    }
}
