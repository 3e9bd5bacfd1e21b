//! Operators as child processes: configured, started, started again when they die, stopped together.
use crate::pki::Pki;
use crate::storage::Storage;
use crate::world::{
    CARD, HTTP, HTTPS, IMAP, IMAPS, ISSUER_CN, MX, NodeSpec, OperatorSpec, SIGNER_CN, SUBMISSION, SUBMISSIONS, World,
};
use crate::{Options, SandboxError, io, make_private, write_private};
use std::fmt::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long an operator may take to answer after its start.
const START: Duration = Duration::from_secs(30);
/// Pause before an operator that died is started again; doubled each time it dies young.
const PAUSE: Duration = Duration::from_millis(100);

/// Process ids of the operators' nodes, in the order of [`World::every_node`].
#[derive(Debug, Clone)]
pub struct Pids(Arc<Vec<AtomicU32>>);

impl Pids {
    /// Process id of the `i`-th node of all.
    pub fn get(&self, i: usize) -> u32 {
        self.0[i].load(Ordering::SeqCst)
    }
}

/// The running operators.
#[derive(Debug)]
pub struct Running {
    pids: Pids,
    restarted: Arc<Notify>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Running {
    /// Process ids.
    pub fn pids(&self) -> Pids {
        self.pids.clone()
    }
    /// Waits until an operator was started again.
    pub async fn restarted(&self) {
        self.restarted.notified().await;
    }
    /// Stops all and waits for their end.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Writes configurations, starts every operator and waits until each is ready.
pub async fn start_all(
    options: &Options,
    world: &World,
    pki: &Pki,
    storage: &Storage,
    stop: CancellationToken,
) -> Result<Running, SandboxError> {
    let nodes = world.every_node();
    let running = Running {
        pids: Pids(Arc::new(nodes.iter().map(|_| AtomicU32::new(0)).collect())),
        restarted: Arc::new(Notify::new()),
        stop: stop.child_token(),
        tasks: TaskTracker::new(),
    };
    for (i, (o, n)) in nodes.iter().enumerate() {
        let configured = configure(options, world, pki, storage, (o, n)).await;
        let started = match configured.and_then(|()| spawn(options, n)) {
            Ok(child) => {
                let supervisor = Supervisor {
                    options: options.clone(),
                    spec: n.clone(),
                    index: i,
                    pids: running.pids(),
                    restarted: running.restarted.clone(),
                    stop: running.stop.clone(),
                };
                supervisor.note(&child);
                running.tasks.spawn(supervisor.watch(child));
                Ok(())
            }
            Err(e) => Err(e),
        };
        if let Err(e) = started {
            running.stop().await;
            return Err(e);
        }
    }
    for (_, n) in &nodes {
        let ready = tokio::select! { r = wait_ready(n) => r, () = stop.cancelled() => Ok(()) };
        if let Err(e) = ready {
            running.stop().await;
            return Err(e);
        }
    }
    Ok(running)
}

/// One node's keeper.
struct Supervisor {
    options: Options,
    spec: NodeSpec,
    index: usize,
    pids: Pids,
    restarted: Arc<Notify>,
    stop: CancellationToken,
}

impl Supervisor {
    fn note(&self, child: &Child) {
        self.pids.0[self.index].store(child.id().unwrap_or(0), Ordering::SeqCst);
    }

    async fn watch(self, mut child: Child) {
        let mut pause = PAUSE;
        let mut since = Instant::now();
        loop {
            // Held here: waiting for a child closes its standard input, which would stop it.
            let _alive = child.stdin.take();
            let ended = tokio::select! {
                ended = child.wait() => ended,
                () = self.stop.cancelled() => { end(&mut child).await; return; }
            };
            // Somebody kills it to see it come back (fifty times, in crash tests): it does not die by itself.
            let killed = ended.is_ok_and(|status| status.signal() == Some(rustix::process::Signal::KILL.as_raw()));
            if killed || since.elapsed() > Duration::from_secs(10) {
                pause = PAUSE;
            }
            tokio::select! { () = tokio::time::sleep(pause) => {} () = self.stop.cancelled() => return }
            pause = (pause * 2).min(Duration::from_secs(5));
            since = Instant::now();
            match spawn(&self.options, &self.spec) {
                Ok(next) => {
                    child = next;
                    self.note(&child);
                    self.restarted.notify_one();
                }
                Err(e) => {
                    tracing::error!(node = self.spec.certificate, error = %e, "cannot start again");
                    return;
                }
            }
        }
    }
}

/// Asks a child to stop as an init system does, then insists.
async fn end(child: &mut Child) {
    if let Some(pid) = child.id().and_then(|p| rustix::process::Pid::from_raw(i32::try_from(p).ok()?)) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    if tokio::time::timeout(Duration::from_secs(25), child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}

fn spawn(options: &Options, n: &NodeSpec) -> Result<Child, SandboxError> {
    let path = n.log();
    let log =
        std::fs::OpenOptions::new().create(true).append(true).open(&path).map_err(io(path.display().to_string()))?;
    Command::new(&options.program)
        .arg("serve")
        .arg("--config")
        .arg(n.config())
        // The operator ends when this end of the pipe closes: it never outlives a sandbox that was killed.
        .arg("--stop-with-stdin")
        .stdin(Stdio::piped())
        .stdout(log.try_clone().map_err(io("log"))?)
        .stderr(log)
        // Ctrl-C in the terminal reaches the sandbox only, which stops its operators in order.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(io(options.program.display().to_string()))
}

async fn wait_ready(n: &NodeSpec) -> Result<(), SandboxError> {
    let deadline = Instant::now() + START;
    loop {
        if is_ready(n).await.unwrap_or(false) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(SandboxError::NotReady(n.certificate.clone(), n.log()));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// `GET /readyz` by hand: one request, one status line.
async fn is_ready(n: &NodeSpec) -> std::io::Result<bool> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut s = tokio::net::TcpStream::connect(n.endpoint(HTTP)).await?;
    s.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut answer = Vec::new();
    s.take(4096).read_to_end(&mut answer).await?;
    Ok(answer.starts_with(b"HTTP/1.1 200"))
}

/// Makes the operator's folder and master key when absent; writes the node's configuration (ports may differ from the last start).
async fn configure(
    options: &Options,
    world: &World,
    pki: &Pki,
    storage: &Storage,
    (o, n): (&OperatorSpec, &NodeSpec),
) -> Result<(), SandboxError> {
    make_private(&o.data)?;
    if !o.data.join("keys/master.key").exists() {
        let done = Command::new(&options.program).arg("init").arg(&o.data).output().await.map_err(io("sceau init"))?;
        if !done.status.success() {
            return Err(SandboxError::Command(String::from_utf8_lossy(&done.stderr).trim().to_owned()));
        }
    }
    make_private(&n.data)?;
    write_private(&n.config(), config(world, pki, storage, (o, n)).as_bytes())?;
    // What the person gave us (--store, --blobs) is judged here, in words, not by a server that does not come up.
    let check = ["config", "check", "--lang", options.lang.as_str(), "--config"];
    let check = Command::new(&options.program).args(check).arg(n.config()).output().await;
    let done = check.map_err(io("sceau config check"))?;
    match done.status.success() {
        true => Ok(()),
        false => Err(SandboxError::Command(String::from_utf8_lossy(&done.stdout).trim().to_owned())),
    }
}

fn config(world: &World, pki: &Pki, storage: &Storage, (o, n): (&OperatorSpec, &NodeSpec)) -> String {
    let quote = |s: String| format!("{s:?}");
    let path = |p: std::path::PathBuf| quote(p.display().to_string());
    let pair = pki.pair(&n.certificate);
    let (anchors, crl) = (path(pki.anchors()), path(pki.crl()));
    let mut routes = String::new();
    for other in &world.operators {
        let doors: Vec<String> = other.nodes(world.nodes).iter().map(|n| n.endpoint(MX)).collect();
        for domain in other.domains() {
            let _ = writeln!(routes, "{domain:?} = {doors:?}");
        }
    }
    let _ = writeln!(routes, "{:?} = [\"127.0.0.1:{}\"]", world.outsider.domain, world.outsider.port);
    let door = |offset| quote(n.endpoint(offset));
    format!(
        "# Written by `sceau sandbox` at each start.\n\
         [operator]\nname = {name:?}\nhostname = {host:?}\npublic_url = {url_public:?}\nnode = {number}\npostmaster = [\"exploitation@{domain}\"]\nenvironment = \"test\"\nsetting_up = true\n\n\
         {storage}\
         [certificate]\ncert = {cert}\nkey = {key}\n\n\
         [anchors]\npeers = [{anchors}]\nlist_signer = [{anchors}]\nlist_server = [{anchors}]\nclients = [{anchors}]\nproviders = [{anchors}]\ncps = [{cards}]\ncrls = [{crl}, {cards_crl}]\n\n\
         [anchors.production]\ncps = [{cards_elsewhere}]\n\n\
         [revocation]\nmode = \"strict\"\nlists = [{crl_url:?}, {cards_crl_url:?}]\n\n\
         [antivirus]\noff = \"sandbox\"\n\n\
         # Nobody here has ordinary mail, and no relay could bring a link.\n[openings]\nnotification_address = \"off\"\n\n\
         # Who plays here sends as nobody does.\n[abuse]\nenabled = false\n\n\
         [white_list]\nurl = {url:?}\nsigner_cn = {SIGNER_CN:?}\nissuer_cn = {ISSUER_CN:?}\nevery_seconds = 60\n\n\
         [listen]\nmx = {mx}\nsubmission = {submission}\nsubmissions = {submissions}\nimap = {imap}\nimaps = {imaps}\nhttps = {https}\ncard = {card}\nhttp = {http}\nadmin = \"admin.sock\"\nmax_connections_per_minute = 0\nmax_commands_per_minute = 100000\nerror_pause_ms = 0\n\n\
         [autoconfig]\nhost = \"localhost\"\n\n\
         [terms]\nadresse = \"1 rue de l'Exemple, 38000 Grenoble\"\nrepresentant = {admin:?}\ncontact = \"contact@{domain}\"\n\
         support = \"support@{domain}\"\ndpo = \"dpo@{domain}\"\nhebergeur = {name:?}\n\n\
         [web]\nstyleguide = true\n\n\
         [identity]\nliberal_opening = \"own\"\n\n[identity.password]\nkib = 64\n\n[identity.card]\nurl = {card_url:?}\n\n\
         [identity.psc]\nissuer = {psc:?}\nclient_id = {psc_client:?}\nclient_secret_file = {psc_secret}\nclients = [{psc_lps:?}]\nciba = true\n\n\
         [transfer]\nretry_seconds = [1, 2, 5, 10, 30, 60]\n\n[transfer.routes]\n{routes}\n\
         [[administrators]]\nlogin = \"operateur\"\nname = {admin:?}\nfunction = \"Exploitation\"\naccount = \"{uid}\"\n\n\
         [log]\nlevel = \"info\"\nformat = \"json\"\n",
        name = o.title,
        host = n.hostname,
        url_public = n.public_url(o),
        psc = world.psc_issuer(),
        psc_client = crate::psc::CLIENT,
        psc_lps = crate::psc::LPS,
        psc_secret = path(world.psc_secret()),
        number = n.number,
        storage = storage.sections(o, n),
        domain = o.domain,
        cert = path(pair.cert),
        key = path(pair.key),
        url = world.white_list_url(),
        crl_url = world.crl_url(),
        cards = path(pki.cards().anchors()),
        cards_elsewhere = path(pki.cards().elsewhere()),
        cards_crl = path(pki.cards().crl()),
        cards_crl_url = world.cards_crl_url(),
        card_url = n.card_url(o),
        mx = door(MX),
        submission = door(SUBMISSION),
        submissions = door(SUBMISSIONS),
        imap = door(IMAP),
        imaps = door(IMAPS),
        https = door(HTTPS),
        card = door(CARD),
        http = door(HTTP),
        admin = o.people.iter().find(|p| p.0 == "operateur").map_or("", |p| p.1),
        uid = rustix::process::getuid().as_raw(),
    )
}
