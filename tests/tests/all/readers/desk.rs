//! What a client finds, and the look at the server's side of it.
use sceau_e2e::sandbox::{Account, Operator};
use sceau_e2e::{Letter, Mailbox, Run, Sandbox};
use std::path::PathBuf;

/// A folder as a person names it.
pub const FOLDER: &str = "Résultats d'été";
/// Its name on the wire (modified UTF-7, RFC 3501 §5.1.3).
pub const WIRE: &str = "R&AOk-sultats d'&AOk-t&AOk-";

/// A BAL with three letters in its INBOX and an old one in [`FOLDER`], and a folder for the program's own files.
pub struct Desk<'a> {
    pub sandbox: &'a Sandbox,
    pub operator: &'a Operator,
    pub account: &'a Account,
    /// Number of the operator, of the account among the personal ones there.
    pub numbers: (usize, usize),
    /// The letters of the INBOX.
    pub letters: Vec<Letter>,
    /// The program's home.
    pub home: PathBuf,
    _home: tempfile::TempDir,
}

impl<'a> Desk<'a> {
    /// The `i`-th: four at each operator.
    pub fn new(sandbox: &'a Sandbox, i: usize) -> Self {
        let numbers = (i / 4, i % 4);
        let operator = &sandbox.ready.operators[numbers.0];
        let account = operator.account("Per", numbers.1);
        let home = tempfile::tempdir().expect("folder");
        let letter = |subject: &&str| Letter::short("medecin@alpes.mssante.fr", &account.address, subject);
        let letters: Vec<Letter> = ["Premier", "Second", "Troisième"].iter().map(letter).collect();
        let desk = Self { sandbox, operator, account, numbers, letters, home: home.path().to_path_buf(), _home: home };
        let mut mailbox = desk.mailbox();
        mailbox.ok(&format!("CREATE \"{WIRE}\""));
        mailbox.ok(&format!("SUBSCRIBE \"{WIRE}\""));
        mailbox.append(&format!("\"{WIRE}\""), "", &letter(&"Ancien").bytes);
        for letter in &desk.letters {
            mailbox.append("INBOX", "", &letter.bytes);
        }
        desk
    }
    /// Another session on the same BAL.
    pub fn mailbox(&self) -> Mailbox {
        Mailbox::open(self.operator, self.account, &self.sandbox.tls(None))
    }
    /// Numbers of the messages that this SEARCH key finds.
    pub fn find(&self, folder: &str, key: &str) -> Vec<u32> {
        let mut mailbox = self.mailbox();
        mailbox.ok(&format!("EXAMINE \"{folder}\""));
        let answer = mailbox.ok(&format!("SEARCH {key}"));
        let numbers = answer.lines().find_map(|l| l.trim().strip_prefix("* SEARCH")).expect("SEARCH");
        numbers.split_whitespace().map(|n| n.parse().expect("a number")).collect()
    }
    /// Port of the door with implicit TLS. Programs compare names only, so they are told `localhost`.
    pub fn port(&self) -> &str {
        self.operator.endpoints.imaps.rsplit_once(':').expect("host:port").1
    }
    /// Writes a file of the program's home, readable by its owner only; gives its path.
    pub fn file(&self, name: &str, text: &str) -> String {
        use std::os::unix::fs::OpenOptionsExt as _;
        let path = self.home.join(name);
        let options = &mut std::fs::File::options();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&path).expect("file");
        std::io::Write::write_all(&mut file, text.as_bytes()).expect("file");
        path.to_str().expect("UTF-8").to_owned()
    }
    /// A path below the program's home.
    pub fn path(&self, name: &str) -> String {
        self.home.join(name).to_str().expect("UTF-8").to_owned()
    }
    /// Runs a program at home, for a minute at most.
    pub fn run(&self, program: &str, args: &[&str]) -> Run {
        let home = format!("HOME={}", self.home.display());
        let mut all = vec!["-k", "5", "60", "env", "LC_ALL=C.UTF-8", &home, program];
        all.extend(args);
        Run::of("timeout", &all)
    }
    /// Runs a program at a terminal: words to wait for, keys to type then.
    pub fn at_terminal(&self, run: &[&str], steps: &[(&str, &str)]) -> Run {
        let script = sceau_e2e::proof::workspace().join("tests/scripts/at_terminal.py");
        let told = serde_json::json!({"run": run, "steps": steps}).to_string();
        let home = format!("HOME={}", self.home.display());
        Run::with_input("env", &[&home, "python3", "-B", script.to_str().expect("UTF-8")], told.as_bytes())
    }
    /// Messages of a local Maildir (`cur` and `new`): paths.
    pub fn maildir(&self, folder: &str) -> Vec<PathBuf> {
        let parts = ["cur", "new"].map(|part| self.home.join(folder).join(part));
        let files = parts.iter().filter_map(|p| std::fs::read_dir(p).ok()).flatten().flatten();
        let mut paths: Vec<PathBuf> = files.map(|f| f.path()).collect();
        paths.sort();
        paths
    }
}
