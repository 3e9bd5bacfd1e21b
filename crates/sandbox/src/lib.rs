//! The outside world, played: a whole *espace de confiance* on loopback, to see, try and test Sceau on one machine.
//!
//! An authority that signs a white list, an IGC-Santé of its own, two operators run by Sceau (each its own process, set up
//! only through the command line, as a person would), one outsider that is in the white list but not run by us, and
//! certificates that must be refused. Everything is kept in one folder: a second start continues with the same data.
mod authority;
mod cards;
mod letters;
mod live;
mod operator;
mod pki;
mod provision;
mod psc;
mod ready;
mod rpps;
mod screen;
mod storage;
mod world;

use sceau_domain::Lang;
use sceau_domain::text::text;
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// How to run it.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder of everything; made when absent.
    pub data: PathBuf,
    /// First of at most 100 ports.
    pub port_base: u16,
    /// File to write once everything answers (the sandbox contract).
    pub ready: Option<PathBuf>,
    /// The `sceau` program.
    pub program: PathBuf,
    /// Language of the screen.
    pub lang: Lang,
    /// PostgreSQL server on which each operator gets its databases (`postgres://…`); embedded when absent.
    pub store: Option<String>,
    /// Where each operator gets a place for its blobs (`s3://bucket/prefix`, or a folder); its own folder when absent.
    pub blobs: Option<String>,
    /// Nodes of each operator, 1 to 3; more than one needs `store`.
    pub nodes: u16,
    /// Without the people who hold a role, and without the letters of an ordinary week.
    pub empty: bool,
}

/// Why the sandbox could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Reading or writing files, ports.
    #[error("{0}: {1}")]
    Io(String, std::io::Error),
    /// Making certificates or signing.
    #[error("certificates: {0}")]
    Pki(String),
    /// A subcommand of the program said no.
    #[error("{0}")]
    Command(String),
    /// An operator did not come up.
    #[error("operator {0} does not answer; see {1}")]
    NotReady(String, PathBuf),
    /// Several nodes share what they keep: that needs PostgreSQL.
    #[error("several nodes need a PostgreSQL server: give --store postgres://…")]
    NodesNeedStore,
    /// Not 1 to 3 nodes.
    #[error("the sandbox runs one to three nodes an operator")]
    Nodes,
    /// The PostgreSQL server said no.
    #[error("PostgreSQL: {0}")]
    Database(String),
    /// Another sandbox runs on this folder.
    #[error("{0} is used by another sandbox")]
    Busy(PathBuf),
}

impl SandboxError {
    /// As the user reads it.
    pub fn sentence(&self, lang: Lang) -> String {
        let shown = |p: &PathBuf| p.display().to_string();
        match self {
            Self::NodesNeedStore => text(lang, "sandbox.nodes_need_store", &[]),
            Self::Nodes => text(lang, "sandbox.nodes_count", &[]),
            Self::Busy(folder) => text(lang, "sandbox.busy", &[("folder", &shown(folder))]),
            Self::NotReady(name, log) => text(lang, "sandbox.not_ready", &[("name", name), ("log", &shown(log))]),
            other => other.to_string(),
        }
    }
}

pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> SandboxError {
    let what = what.into();
    move |e| SandboxError::Io(what, e)
}

/// A good access token of the played Pro Santé Connect, of the sandbox that runs on this folder and these ports.
pub async fn token(
    data: &std::path::Path,
    port_base: u16,
    who: &str,
    client: Option<&str>,
) -> Result<String, SandboxError> {
    psc::token(&data.join("pki"), port_base, who, client).await
}

/// Runs the sandbox until SIGINT or SIGTERM; returns after everything stopped.
pub async fn run(mut options: Options) -> Result<(), SandboxError> {
    use tokio::signal::unix::{SignalKind, signal};
    if let Some(file) = &options.ready
        && let Err(e) = std::fs::remove_file(file)
        && e.kind() != std::io::ErrorKind::NotFound
    {
        return Err(io(file.display().to_string())(e));
    }
    match options.nodes {
        1 => {}
        2 | 3 if options.store.is_some() => {}
        2 | 3 => return Err(SandboxError::NodesNeedStore),
        _ => return Err(SandboxError::Nodes),
    }
    let stop = CancellationToken::new();
    let mut interrupt = signal(SignalKind::interrupt()).map_err(io("SIGINT"))?;
    let mut terminate = signal(SignalKind::terminate()).map_err(io("SIGTERM"))?;
    let on_signal = stop.clone();
    tokio::spawn(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        on_signal.cancel();
    });

    make_private(&options.data)?;
    options.data = std::path::absolute(&options.data).map_err(io("data"))?;
    let _only_one = lock(&options.data)?;
    let world = world::World::new(&options);
    let pki = pki::Pki::open(&options.data.join("pki"), &world)?;
    rpps::write(&options.data, &world)?;
    let storage = storage::Storage::prepare(&options, &world).await?;
    let authority = authority::start(&world, &pki, stop.clone()).await?;
    let providers = psc::start(&world, &pki, stop.clone()).await?;
    let operators = operator::start_all(&options, &world, &pki, &storage, stop.clone()).await;
    let result = match operators {
        Ok(operators) => live_on(&options, &world, &pki, operators, stop.clone()).await,
        Err(e) => Err(e),
    };
    stop.cancel();
    authority.wait().await;
    providers.wait().await;
    if let Some(file) = &options.ready {
        // What it says is no longer true.
        let _ = std::fs::remove_file(file);
    }
    screen::goodbye(options.lang);
    result
}

async fn live_on(
    options: &Options,
    world: &world::World,
    pki: &pki::Pki,
    operators: operator::Running,
    stop: CancellationToken,
) -> Result<(), SandboxError> {
    let started = async {
        let accounts = provision::provision(options, world).await?;
        if let (false, false, Some(first)) = (options.empty, letters::sent(options), world.operators.first()) {
            provision::parts(options, first).await?;
        }
        let mut beginnings = Vec::new();
        for o in &world.operators {
            beginnings.push(live::beginning(o).await);
        }
        screen::welcome(options, world, pki, &accounts)?;
        // Last: a program that waits for this file may read the screen at once.
        ready::write(options, world, pki, &accounts, &operators.pids())?;
        Ok::<_, SandboxError>((accounts, beginnings))
    };
    let started = tokio::select! {
        done = started => done,
        () = stop.cancelled() => { operators.stop().await; return Ok(()); }
    };
    let (accounts, beginnings) = match started {
        Ok(done) => done,
        Err(e) => {
            operators.stop().await;
            return Err(e);
        }
    };
    let live: Vec<_> = (world.operators.iter().zip(beginnings))
        .map(|(o, after)| tokio::spawn(live::follow(o.clone(), after, options.lang, stop.clone())))
        .collect();
    // Their way is seen live; what refuses them is told, and the world goes on.
    if !options.empty
        && let Err(e) = letters::send(options, world, pki, &accounts).await
    {
        tracing::warn!(error = %e, "the letters of the sandbox were not sent");
    }
    // An operator that was killed comes back with another pid: the contract file follows.
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = operators.restarted() => ready::write(options, world, pki, &accounts, &operators.pids())?,
        }
    }
    for task in live {
        let _ = task.await;
    }
    operators.stop().await;
    Ok(())
}

/// Keeps a second sandbox out of this folder, before it writes other ports into the configurations of the first one.
/// Held until dropped; the kernel releases it when the process ends, however it ends.
fn lock(data: &std::path::Path) -> Result<std::fs::File, SandboxError> {
    let path = data.join("sandbox.lock");
    let file = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(io(path.display().to_string()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(SandboxError::Busy(data.to_path_buf())),
        Err(std::fs::TryLockError::Error(e)) => Err(io(path.display().to_string())(e)),
    }
}

/// A folder that only its owner reads.
pub(crate) fn make_private(folder: &std::path::Path) -> Result<(), SandboxError> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io(folder.display().to_string()))
}

/// Writes a file that only its owner reads, atomically.
pub(crate) fn write_private(path: &std::path::Path, bytes: &[u8]) -> Result<(), SandboxError> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let temporary = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        let mut f = std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
        f.write_all(bytes)?;
        f.sync_all()?;
        std::fs::rename(&temporary, path)
    };
    write().map_err(io(path.display().to_string()))
}
