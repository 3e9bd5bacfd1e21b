//! Clocks and counters of the bench.
use metrics::{Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use sceau_domain::clock::ManualClock;
use sceau_store::EngineUrl;
use sceau_store::testing::TestStore;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Latencies, kept whole.
#[derive(Debug, Default)]
pub struct Spread(Vec<Duration>);

impl Spread {
    pub fn add(&mut self, d: Duration) {
        self.0.push(d);
    }
    pub fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
        self.0.sort_unstable();
    }
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// The value below which this share lies, milliseconds.
    pub fn at(&self, share: f64) -> f64 {
        let i = ((self.0.len() as f64 * share) as usize).min(self.0.len().saturating_sub(1));
        self.0.get(i).map_or(0.0, |d| d.as_secs_f64() * 1000.0)
    }
}

static COMMITS: AtomicU64 = AtomicU64::new(0);

/// Commits of the SQLite engine so far (the data's and the keyring's).
pub fn commits() -> f64 {
    COMMITS.load(Ordering::Relaxed) as f64
}

struct Commits;
impl CounterFn for Commits {
    fn increment(&self, value: u64) {
        COMMITS.fetch_add(value, Ordering::Relaxed);
    }
    fn absolute(&self, value: u64) {
        COMMITS.store(value, Ordering::Relaxed);
    }
}

struct Only;
impl Recorder for Only {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        if key.name() == "sceau_store_commits_total" { Counter::from_arc(Arc::new(Commits)) } else { Counter::noop() }
    }
    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }
    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// Counts commits from now on.
pub fn install() {
    // A bench is one process with one recorder.
    let _ = metrics::set_global_recorder(Only);
}

/// Lets a test's clock run: ids and dates grow as they do in service.
pub fn run_clock(clock: &Arc<ManualClock>) {
    let (clock, began) = (Arc::downgrade(clock), Instant::now());
    std::thread::spawn(move || {
        let mut told = 0;
        while let Some(clock) = clock.upgrade() {
            let now = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
            clock.advance_ms(now - told);
            told = now;
            drop(clock);
            std::thread::sleep(Duration::from_millis(1));
        }
    });
}

/// A store on a PostgreSQL server that synchronises to the disk; the keyring is a file.
pub async fn durable_postgres(url: &str) -> TestStore {
    let mut store = sceau_store::testing::sqlite().await;
    let mut config = store.config.clone();
    config.data = EngineUrl::Postgres(url.to_owned());
    config.keyring = EngineUrl::Sqlite(store.folder().join("own/keyring.db"));
    store.reopen_with(config).await.unwrap();
    store
}

/// Processor time of the threads that this process has now, milliseconds: moves less than the clock on a machine that others use too.
pub fn processor_ms() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let nanoseconds = |task: std::fs::DirEntry| {
        let told = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        told.split_whitespace().next().and_then(|n| n.parse::<f64>().ok()).unwrap_or_default()
    };
    tasks.map(nanoseconds).sum::<f64>() / 1e6
}

/// Bytes that this process wrote and read so far, by any call: what grows with the data grows here first, on a busy machine too.
pub fn moved() -> (f64, f64) {
    let told = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = |name: &str| told.lines().find_map(|l| l.strip_prefix(name)?.trim().parse().ok()).unwrap_or_default();
    (line("wchar:"), line("rchar:"))
}

/// Resident memory of this process, MiB.
pub fn resident_mib() -> f64 {
    status_mib("VmRSS:")
}

/// The most that was resident since [`forget_peak`], MiB.
pub fn peak_mib() -> f64 {
    status_mib("VmHWM:")
}

/// Begins to measure the peak anew.
pub fn forget_peak() {
    // Where it is not allowed the peak is that of the whole run.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn status_mib(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with(name)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|k| k.parse::<f64>().ok()).unwrap_or_default() / 1024.0
}

/// Bytes of every file below a folder.
pub fn folder_bytes(folder: &Path) -> u64 {
    std::fs::read_dir(folder).into_iter().flatten().flatten().fold(0, |sum, entry| {
        let size = match entry.metadata() {
            Ok(m) if m.is_dir() => folder_bytes(&entry.path()),
            Ok(m) => m.len(),
            Err(_) => 0,
        };
        sum + size
    })
}

/// Median of an append of 4 KiB and its fdatasync, milliseconds: what a durable answer costs at least.
pub fn disk_probe(folder: &Path) -> f64 {
    use std::io::Write;
    let path = folder.join("probe");
    let mut file = std::fs::File::create(&path).unwrap();
    let mut times: Vec<f64> = (0..200)
        .map(|_| {
            let began = Instant::now();
            file.write_all(&[7; 4096]).unwrap();
            file.sync_data().unwrap();
            began.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    let _ = std::fs::remove_file(&path);
    times.sort_by(f64::total_cmp);
    times[100]
}
