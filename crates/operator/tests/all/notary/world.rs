//! An operator with a log, and its verifier.
use sceau_notary::audit::{self, Finding, Log, Options, Page, Report, Unsealed};
use sceau_notary::{Checkpoint, PublicKey};
use sceau_operator::Operator;
use sceau_operator::notary::{LogReader, Notary, NotarySettings, lines};
use sceau_store::testing::TestStore;
use sceau_store::traces::{self, Kind, Trace};
use sceau_store::{Id, Store, StoreError, Value};
use sceau_trust::{Anchors, Trust};
use std::path::PathBuf;
use std::time::Duration;

/// A day, milliseconds.
pub const DAY: i64 = 86_400_000;

pub struct World {
    pub op: Option<Operator>,
    pub notary: Option<Notary>,
    pub store: TestStore,
    pub settings: NotarySettings,
}

/// An operator over a store, as a process has one.
pub async fn operator(store: &Store) -> Operator {
    Operator::open(sceau_testkit::config(), store.clone(), Trust::new(Anchors::default())).await.unwrap()
}

impl World {
    pub async fn new(store: TestStore) -> Self {
        let checkpoints = store.folder().join("outside/checkpoints.jsonl");
        let settings = NotarySettings { checkpoints, every: Duration::from_secs(5), hold: None };
        let mut world = Self { op: None, notary: None, store, settings };
        world.start().await;
        world
    }
    /// A new process over the same data.
    pub async fn start(&mut self) {
        let op = operator(&self.store).await;
        self.notary = Some(op.notary(self.settings.clone()));
        self.op = Some(op);
    }
    /// Closes everything, so that files can be touched.
    pub async fn close(&mut self) {
        (self.notary, self.op) = (None, None);
        self.store.close().await;
    }
    pub async fn restart(&mut self) {
        self.close().await;
        self.store.reopen().await;
        self.start().await;
    }
    pub fn notary(&self) -> &Notary {
        self.notary.as_ref().unwrap()
    }
    pub fn file(&self) -> &PathBuf {
        &self.settings.checkpoints
    }
    pub fn later(&self, ms: i64) {
        self.store.clock.advance_ms(ms);
    }
    /// So much later, in a log that is signed now and then: a purge asks for that.
    pub async fn aged(&self, ms: i64) {
        self.later(ms - 2 * DAY);
        self.acts(1).await;
        self.notary().round().await.unwrap();
        self.later(2 * DAY);
    }
    /// A trace as an act would write it.
    pub fn trace(&self, kind: Kind) -> Trace {
        let id = self.store.new_id();
        Trace {
            id,
            kind,
            act: "mail.accepted".into(),
            at: self.now(),
            person_id: Some(7),
            actor: "anne".into(),
            bal_id: Some(8),
            bal: Some("anne@alpha.mssante.fr".into()),
            remote: Some("192.0.2.7".into()),
            session: Some("s1".into()),
            outcome: "ok".into(),
            data: format!("{{\"n\":{id}}}"),
        }
    }
    pub fn now(&self) -> i64 {
        use sceau_domain::clock::Clock;
        self.store.clock.now().0
    }
    pub async fn write(&self, traces: Vec<Trace>) {
        let write = move |tx: &mut dyn sceau_store::Tx| traces.iter().try_for_each(|t| traces::record(tx, t));
        self.store.write(write).await.map_err(|e: StoreError| e).unwrap();
    }
    /// So many acts, a third of them technical; their ids.
    pub async fn acts(&self, count: usize) -> Vec<Id> {
        let kind = |i: usize| if i.is_multiple_of(3) { Kind::Technical } else { Kind::Functional };
        let traces: Vec<Trace> = (0..count).map(|i| self.trace(kind(i))).collect();
        let ids = traces.iter().map(|t| t.id).collect();
        self.write(traces).await;
        ids
    }
    /// `rounds` times `count` acts, each round folded, a minute apart; the ids.
    pub async fn history(&self, rounds: usize, count: usize) -> Vec<Id> {
        let mut ids = Vec::new();
        for _ in 0..rounds {
            self.later(60_000);
            ids.extend(self.acts(count).await);
            assert_eq!(self.notary().round().await.unwrap(), count as u64);
        }
        ids
    }
    /// Statements as an intruder would give them to the database.
    pub async fn sql(&self, statements: &[&str]) -> u64 {
        let statements: Vec<String> = statements.iter().map(|s| (*s).to_owned()).collect();
        let run = move |tx: &mut dyn sceau_store::Tx| {
            statements.iter().try_fold(0, |n, s| Ok::<_, StoreError>(n + tx.execute(s, &[])?))
        };
        let touched = self.store.write(run).await.unwrap();
        assert!(touched > 0, "nothing was tampered with");
        touched
    }
    pub async fn rows(&self, sql: &str) -> Vec<Vec<Value>> {
        let sql = sql.to_owned();
        let rows = self.store.read(move |tx| tx.query(&sql, &[])).await.map_err(|e: StoreError| e).unwrap();
        rows.into_iter().map(|r| r.0).collect()
    }
    pub async fn number(&self, sql: &str) -> i64 {
        match self.rows(sql).await[0][0] {
            Value::Int(n) => n,
            ref other => panic!("{other:?}"),
        }
    }
    pub async fn keys(&self) -> Vec<PublicKey> {
        self.store.vault().signing_keys().await.unwrap().iter().map(|k| PublicKey(k.public)).collect()
    }
    /// The whole log, verified as `sceau trace verify` does.
    pub async fn verify(&self) -> Report {
        self.verify_with(Some(self.file().clone()), true).await
    }
    /// Likewise with another file, or none.
    pub async fn verify_with(&self, file: Option<PathBuf>, ours: bool) -> Report {
        let keeper = ours.then(|| i64::from(self.store.node()));
        let options = Options {
            keys: self.keys().await,
            now: self.now(),
            grace: 90_000,
            appending: self.now() - 30_000,
            keeper,
            statements: LogReader::new(self.store.clone()).statements().await.unwrap(),
        };
        let outside = file.map(|f| {
            let found: Box<dyn Iterator<Item = audit::Line>> = match lines(&f) {
                Ok(lines) => Box::new(lines),
                Err(_) => Box::new(std::iter::empty()),
            };
            found
        });
        let mut log = Source(LogReader::new(self.store.clone()));
        audit::run(&mut log, options, outside, |_| ()).unwrap()
    }
    #[track_caller]
    pub fn assert_good(report: &Report) {
        assert!(report.good && report.findings.is_empty(), "{report:#?}");
    }
    /// What a verification finds.
    pub async fn findings(&self) -> Vec<Finding> {
        let report = self.verify().await;
        assert_eq!(report.good, report.findings.is_empty());
        report.findings
    }
    /// The lines of the outside file.
    pub fn outside(&self) -> Vec<Checkpoint> {
        let text = std::fs::read_to_string(self.file()).unwrap_or_default();
        text.lines().map(|l| Checkpoint::from_line(l.as_bytes()).unwrap()).collect()
    }
}

struct Source(LogReader);

impl Log for Source {
    type Error = StoreError;
    fn page(&mut self, from: i64) -> Result<Page, StoreError> {
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(self.0.page(from)))
    }
    fn unsealed(&mut self, after: i64) -> Result<Unsealed, StoreError> {
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(self.0.unsealed(after)))
    }
}
