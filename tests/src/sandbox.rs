//! The sandbox as a test sees it: the built binary, and the contract file that it writes when ready.
use crate::{Run, wait};
use serde::Deserialize;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A certificate and its key, PEM paths.
#[derive(Debug, Clone, Deserialize)]
pub struct KeyPair {
    /// Certificate chain.
    pub cert: PathBuf,
    /// Private key.
    pub key: PathBuf,
}

/// Doors of an operator, `host:port`.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct Endpoints {
    pub mx: String,
    pub submission: String,
    pub submissions: String,
    pub imap: String,
    pub imaps: String,
    pub http: String,
    pub https: String,
    pub card: String,
}

/// A login to a BAL.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct Account {
    pub address: String,
    pub kind: String,
    pub name: String,
    pub login: String,
    pub token: String,
    #[serde(default)]
    pub test: bool,
}

/// An operator run by Sceau.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct Operator {
    pub name: String,
    pub pid: u32,
    pub domains: Vec<String>,
    pub data: PathBuf,
    pub config: PathBuf,
    pub admin_socket: PathBuf,
    /// Where browsers find it.
    #[serde(default)]
    pub public_url: String,
    pub endpoints: Endpoints,
    pub certificate: KeyPair,
    pub accounts: Vec<Account>,
    pub api_token: String,
    pub nodes: Vec<Node>,
}

/// One of the processes that run an operator together.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct Node {
    pub number: u16,
    pub pid: u32,
    pub config: PathBuf,
    pub admin_socket: PathBuf,
    pub endpoints: Endpoints,
    pub certificate: KeyPair,
}

/// A certificate of a card, with its key.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct CardPair {
    pub cert: PathBuf,
    pub key: PathBuf,
    pub p12: PathBuf,
    pub password: String,
}

/// A professional's card.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct Card {
    pub name: String,
    pub login: String,
    pub rpps: String,
    pub holder: String,
    pub condition: String,
    #[serde(flatten)]
    pub pair: CardPair,
    pub signature: Option<CardPair>,
}

/// A domain of the white list that somebody else runs.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct Outsider {
    pub name: String,
    pub domain: String,
    pub cert: PathBuf,
    pub key: PathBuf,
    pub mx: String,
    pub addresses: Vec<String>,
}

/// The played authority.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct Authority {
    pub url: String,
    pub white_list: String,
    pub signing_cert: PathBuf,
    pub signing_key: PathBuf,
}

/// Certificates that must be refused.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct Certificates {
    pub rogue: KeyPair,
    pub expired: KeyPair,
    pub revoked: KeyPair,
    pub unlisted: KeyPair,
}

/// The contract file.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct Ready {
    pub version: u32,
    pub anchors: PathBuf,
    pub authority: Authority,
    pub operators: Vec<Operator>,
    pub outsiders: Vec<Outsider>,
    pub certificates: Certificates,
    #[serde(default)]
    pub psc: crate::psc::Psc,
    pub cards: Vec<Card>,
}

/// A running sandbox; stopped when dropped.
#[derive(Debug)]
pub struct Sandbox {
    /// What it says of itself.
    pub ready: Ready,
    /// Its data folder.
    pub data: PathBuf,
    child: Child,
    base: u16,
    program: PathBuf,
    more: More,
    _temporary: Option<tempfile::TempDir>,
}

/// What a sandbox is started with beside its folder and ports: arguments, and variables of its environment.
#[derive(Debug, Clone, Default)]
pub struct More {
    /// Arguments.
    pub arguments: Vec<String>,
    /// Variables.
    pub variables: Vec<(String, String)>,
    /// With the letters that a new sandbox sends itself: tests count what they sent.
    pub letters: bool,
}

/// The built program under test. Tests of a package see `target/<profile>/` above their own executable.
///
/// The variable `SCEAU_E2E_PROGRAM` names another one: how a broken build is shown to be found out.
pub fn sceau() -> PathBuf {
    std::env::var_os("SCEAU_E2E_PROGRAM").map_or_else(|| built("sceau"), PathBuf::from)
}

/// A program of this name, built with the tests.
pub fn built(name: &str) -> PathBuf {
    let mut path = std::env::current_exe().expect("own path");
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    let program = path.join(name);
    assert!(program.exists(), "{} is missing: build it first (./check does)", program.display());
    program
}

/// The start of 100 free ports, different for each test process. All below the ports that outgoing connections are given
/// (32768 and above): one of those could take a port between this look and the sandbox's start.
pub fn free_ports() -> u16 {
    const BLOCKS: u32 = 220;
    let first = std::process::id() % BLOCKS;
    (0..BLOCKS)
        .map(|i| 10_000 + u16::try_from((first + i) % BLOCKS).expect("small") * 100)
        .find(|base| (0..60).all(|p| TcpListener::bind(("127.0.0.1", base + p)).is_ok()))
        .expect("100 free ports")
}

impl Sandbox {
    /// Starts one in a temporary folder: a copy of one that was set up before, for setting one up takes seconds ([`crate::template`]).
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("sceau-e2e-").tempdir().expect("temporary folder");
        crate::template::copy_to(folder.path());
        let mut s = Self::start_in(folder.path(), free_ports());
        s._temporary = Some(folder);
        s
    }
    /// Starts one in a temporary folder, with another program than the built `sceau`.
    pub fn start_with(program: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("sceau-e2e-").tempdir().expect("temporary folder");
        let mut s = Self::start_program(program, folder.path(), free_ports(), More::default());
        s._temporary = Some(folder);
        s
    }
    /// Starts one in this folder, with ports from `base`.
    pub fn start_in(folder: &Path, base: u16) -> Self {
        Self::start_program(&sceau(), folder, base, More::default())
    }
    /// Starts one in this folder, on free ports.
    pub fn start_in_free(folder: &Path) -> Self {
        Self::start_in(folder, free_ports())
    }
    /// Starts one in a temporary folder with more arguments (other storage, several nodes).
    pub fn start_more(more: More) -> Self {
        let folder = tempfile::Builder::new().prefix("sceau-e2e-").tempdir().expect("temporary folder");
        let mut s = Self::start_program(&sceau(), folder.path(), free_ports(), more);
        s._temporary = Some(folder);
        s
    }
    fn start_program(program: &Path, folder: &Path, base: u16, more: More) -> Self {
        let ready = folder.join("ready.json");
        let data = folder.join("data");
        let log = std::fs::File::create(folder.join("sandbox.log")).expect("log");
        let child = Command::new(program)
            .args(["sandbox", "--port-base", &base.to_string()])
            .args((!more.letters).then_some("--empty"))
            .arg("--data")
            .arg(&data)
            .arg("--ready")
            .arg(&ready)
            .args(&more.arguments)
            .envs(more.variables.iter().map(|(k, v)| (k, v)))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("log"))
            .stderr(log)
            .spawn()
            .expect("sceau starts");
        let mut s = Self { ready: empty(), data, child, base, program: program.to_path_buf(), more, _temporary: None };
        s.ready = wait::until("the sandbox to be ready", 60, || {
            if let Ok(Some(status)) = s.child.try_wait() {
                let log = std::fs::read_to_string(folder.join("sandbox.log")).unwrap_or_default();
                panic!("the sandbox ended: {status}\n{log}");
            }
            // A sandbox that was killed leaves its contract file, which names processes that are no more.
            let said: Ready = serde_json::from_slice(&std::fs::read(&ready).ok()?).ok()?;
            let mut nodes = said.operators.iter().flat_map(|o| &o.nodes);
            nodes.all(|n| Path::new(&format!("/proc/{}", n.pid)).exists()).then_some(said)
        });
        s
    }
    /// Stops it as Ctrl-C does, waits for its end, starts it again on the same data and ports.
    pub fn restart(&mut self) {
        self.stop();
        let folder = self.data.parent().expect("has a parent").to_path_buf();
        let mut next = Self::start_program(&self.program, &folder, self.base, self.more.clone());
        next._temporary = self._temporary.take();
        *self = next;
    }
    /// Stops it as Ctrl-C does; its exit must be clean.
    pub fn stop(&mut self) {
        if let Ok(Some(_)) = self.child.try_wait() {
            return;
        }
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("signal");
        // A test that fails while it sleeps must not wait for it.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::CONT);
        let status = self.child.wait().expect("ends");
        if !std::thread::panicking() {
            assert!(status.success(), "the sandbox did not stop cleanly: {status}");
        }
    }
    /// The contract file.
    pub fn ready_file(&self) -> PathBuf {
        self.data.with_file_name("ready.json")
    }
    /// What it says now: an operator that was started again has another pid.
    pub fn ready_now(&self) -> Option<Ready> {
        serde_json::from_slice(&std::fs::read(self.ready_file()).ok()?).ok()
    }
    /// What it printed so far.
    pub fn screen(&self) -> String {
        std::fs::read_to_string(self.data.with_file_name("sandbox.log")).unwrap_or_default()
    }
    /// Process id of the sandbox itself.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
    /// First of its ports.
    pub fn base(&self) -> u16 {
        self.base
    }
    /// Runs a script of `tests/scripts` with Python; its first argument is the contract file.
    pub fn python(&self, script: &str, args: &[&str]) -> Run {
        let path = crate::proof::workspace().join("tests/scripts").join(script);
        let ready = self.ready_file();
        let mut all = vec!["-B", path.to_str().expect("UTF-8 path"), ready.to_str().expect("UTF-8 path")];
        all.extend(args);
        Run::of("python3", &all)
    }
    /// First operator.
    pub fn a(&self) -> &Operator {
        &self.ready.operators[0]
    }
    /// Second operator.
    pub fn b(&self) -> &Operator {
        &self.ready.operators[1]
    }
    /// How a peer does TLS here, with or without a certificate.
    pub fn tls(&self, shown: Option<&KeyPair>) -> crate::Tls {
        crate::Tls::new(&self.ready.anchors, shown)
    }
    /// The certificate of the outsider.
    pub fn outsider(&self) -> KeyPair {
        let o = &self.ready.outsiders[0];
        KeyPair { cert: o.cert.clone(), key: o.key.clone() }
    }
    /// Kills the `i`-th operator at once (`kill -9`); the sandbox starts it again.
    pub fn kill(&mut self, i: usize) {
        self.read_again();
        let pid =
            i32::try_from(self.ready.operators[i].pid).ok().and_then(rustix::process::Pid::from_raw).expect("pid");
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("kill");
    }
    /// Kills the `i`-th operator and waits until its next process is ready.
    pub fn kill_and_wait(&mut self, i: usize) {
        self.kill(i);
        let before = self.ready.operators[i].pid;
        wait::until("another process", 60, || {
            self.read_again();
            (self.ready.operators[i].pid != before).then_some(())
        });
        self.ready.operators[i].wait_ready();
    }
    /// Kills the `i`-th operator while nobody may start it again, shows what is left of it, then lets the sandbox go on.
    pub fn dead<T>(&mut self, i: usize, look: impl FnOnce(&Operator) -> T) -> T {
        let keeper = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(keeper, rustix::process::Signal::STOP).expect("signal");
        self.kill(i);
        // Its keeper sleeps and does not bury it: a zombie holds no file open and no lock.
        let status = format!("/proc/{}/stat", self.ready.operators[i].pid);
        wait::until("the end of the process", 20, || {
            let stat = std::fs::read_to_string(&status).ok()?;
            stat.rsplit_once(") ").is_some_and(|(_, s)| s.starts_with('Z')).then_some(())
        });
        let seen = look(&self.ready.operators[i]);
        rustix::process::kill_process(keeper, rustix::process::Signal::CONT).expect("signal");
        seen
    }
    /// Reads the contract file again: process ids change.
    pub fn read_again(&mut self) {
        let file = self.data.parent().expect("has a parent").join("ready.json");
        self.ready = serde_json::from_slice(&std::fs::read(file).expect("contract file")).expect("contract file");
    }
    /// Changes the `i`-th operator's configuration (one text for another) and starts it again with it.
    pub fn configure(&mut self, i: usize, changes: &[(&str, &str)]) {
        let file = self.ready.operators[i].config.clone();
        let mut text = std::fs::read_to_string(&file).expect("configuration");
        for (from, to) in changes {
            assert!(text.contains(from), "{from} is not in {text}");
            text = text.replace(from, to);
        }
        std::fs::write(&file, text).expect("configuration");
        self.kill_and_wait(i);
    }
    /// The anchors as a text.
    pub fn anchors(&self) -> &str {
        self.ready.anchors.to_str().expect("UTF-8 path")
    }
}

impl Operator {
    /// The operator as its `i`-th node shows it: that node's doors, process and configuration.
    pub fn at(&self, i: usize) -> Self {
        let n = self.nodes[i].clone();
        let name = format!("{}, node {}", self.name, n.number);
        let (config, admin_socket) = (n.config, n.admin_socket);
        Self {
            name,
            pid: n.pid,
            config,
            admin_socket,
            endpoints: n.endpoints,
            certificate: n.certificate,
            ..self.clone()
        }
    }
    /// The account of a test BAL.
    pub fn test_account(&self) -> &Account {
        self.accounts.iter().find(|a| a.test).expect("a test BAL")
    }
    /// The `i`-th account of a kind.
    pub fn account(&self, kind: &str, i: usize) -> &Account {
        self.accounts.iter().filter(|a| a.kind == kind).nth(i).expect("account of the kind")
    }
    /// Runs the command line against this operator with `--json`, and reads its output, which is as `docs/cli.md` says.
    #[track_caller]
    pub fn cli(&self, args: &[&str]) -> serde_json::Value {
        let run = self.cli_raw(args).ok();
        let answer = serde_json::from_str(&run.out).unwrap_or_else(|e| panic!("no JSON ({e}): {}", run.out));
        crate::reference::assert_described(args, &answer);
        answer
    }
    /// Runs the command line against this operator as a person would: no `--json`; its language with `--lang`.
    pub fn cli_text(&self, args: &[&str]) -> Run {
        let config = self.config.to_str().expect("UTF-8 path");
        let mut all = vec!["--config", config];
        all.extend(args);
        Run::of(sceau().to_str().expect("UTF-8 path"), &all)
    }
    /// Runs the command line against this operator with `--json`.
    pub fn cli_raw(&self, args: &[&str]) -> Run {
        let config = self.config.to_str().expect("UTF-8 path");
        let mut all = vec!["--config", config, "--json"];
        all.extend(args);
        Run::of(sceau().to_str().expect("UTF-8 path"), &all)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop();
    }
}

fn empty() -> Ready {
    let none = || KeyPair { cert: PathBuf::new(), key: PathBuf::new() };
    Ready {
        version: 0,
        anchors: PathBuf::new(),
        authority: Authority {
            url: String::new(),
            white_list: String::new(),
            signing_cert: PathBuf::new(),
            signing_key: PathBuf::new(),
        },
        operators: Vec::new(),
        outsiders: Vec::new(),
        psc: crate::psc::Psc::default(),
        cards: Vec::new(),
        certificates: Certificates { rogue: none(), expired: none(), revoked: none(), unlisted: none() },
    }
}
