//! An index of a large BAL, in memory: how long it takes to make, to open, to ask; how large it is; the most memory ever held.
//!
//! `cargo bench -p sceau-search` (100,000 messages; another number as an argument).
#[path = "../tests/support/mod.rs"]
mod support;

use peak_alloc::PeakAlloc;
use sceau_search::{Content, Files, Index, NewFile, Query, TextRecord};
use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{MEMORY, Memory};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Messages of an update: what a job indexes at once.
const BATCH: usize = 1_000;

fn main() {
    let count = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(100_000);
    let mut words = Words(0x9e37_79b9_7f4a_7c15);
    // On disk first: what stands in memory is then what the index itself holds.
    let disk = Disk(tempfile::tempdir().expect("a folder").keep());
    let index = Index::open(Arc::new(disk.clone())).expect("an empty index opens");
    let (mut clear, mut spent, mut longest, mut most) = (0, Duration::ZERO, Duration::ZERO, 0);
    let mut id = 0;
    let mut above = 0;
    while id < count {
        let batch: Vec<TextRecord> = (0..BATCH.min(count - id)).map(|i| words.record((id + i) as i64)).collect();
        clear += batch.iter().map(|r| r.subject.len() + r.body.len() + r.from.len() + r.to.len()).sum::<usize>();
        let before = ALLOCATOR.current_usage();
        ALLOCATOR.reset_peak_usage();
        let start = Instant::now();
        index.update(&batch, &[], MEMORY).expect("update");
        let took = start.elapsed();
        above = above.max(ALLOCATOR.peak_usage().saturating_sub(before));
        spent += took;
        longest = longest.max(took);
        most = most.max(index.segments());
        id += batch.len();
    }
    println!("{count} messages, {} of text each", clear / count);
    println!(
        "update: {:.0} messages/s, longest batch of {BATCH} {longest:.0?}, at most {most} segments",
        count as f64 / spent.as_secs_f64()
    );
    let files = disk.load();
    println!("files: {:.1} MB, {} bytes a message", files.bytes() as f64 / 1e6, files.bytes() / count);
    println!("memory while updating, above the batch: {:.1} MB", above as f64 / 1e6);
    drop(index);
    let before = ALLOCATOR.current_usage();
    let start = Instant::now();
    let index = Index::open(files.shared()).expect("open");
    let open = start.elapsed();
    for question in [
        "patient",
        "bilan patient",
        "\"bilan du patient\"",
        "ordonnances",
        "rendez-vous",
        "car*",
        "\"bilan ca*\"",
        "soranovi",
        "de:dupont",
        "patient -bilan",
        "patient avant:2021",
        "",
    ] {
        let query = Query::parse(question).expect("a question");
        let ask = |before| index.search(&query, before, 50).expect("search");
        let hits = ask(None);
        let mut times: Vec<Duration> = (0..21)
            .map(|_| {
                let start = Instant::now();
                std::hint::black_box(ask(None));
                start.elapsed()
            })
            .collect();
        times.sort();
        println!("{question:>20}: first {} in {:.2?} (slowest {:.2?})", hits.len(), times[10], times[20]);
    }
    println!(
        "open: {open:.2?}; memory held after these questions: {:.1} MB",
        ALLOCATOR.current_usage().saturating_sub(before) as f64 / 1e6
    );
    let scanned: Vec<TextRecord> = (0..2_000).map(|i| words.record(i)).collect();
    let query = Query::parse("ordonnances metformine").expect("a question");
    let start = Instant::now();
    let found = scanned.iter().filter(|r| query.matches(r)).count();
    println!("scan: {:.0} messages/s ({found} found)", 2_000.0 / start.elapsed().as_secs_f64());
}

/// Files in a folder, in clear: synthetic text, removed in the end.
#[derive(Debug, Clone)]
struct Disk(PathBuf);

impl Disk {
    /// All of it, into memory; the folder goes.
    fn load(&self) -> Memory {
        let memory = Memory::default();
        for entry in fs::read_dir(&self.0).expect("the folder") {
            let path = entry.expect("an entry").path();
            memory.put(&path.file_name().expect("a name").to_string_lossy(), fs::read(&path).expect("a file"));
        }
        fs::remove_dir_all(&self.0).expect("removed");
        memory
    }
}

impl Files for Disk {
    fn open(&self, name: &str) -> io::Result<Arc<dyn Content>> {
        let file = File::open(self.0.join(name))?;
        let length = file.metadata()?.len();
        Ok(Arc::new(Opened(file, length)))
    }
    fn exists(&self, name: &str) -> io::Result<bool> {
        fs::exists(self.0.join(name))
    }
    fn create(&self, name: &str) -> io::Result<Box<dyn NewFile>> {
        Ok(Box::new(Begun(File::create_new(self.0.join(name))?)))
    }
    fn delete(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }
    fn read_small(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.0.join(name))
    }
    fn write_small(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        fs::write(self.0.join(name), bytes)
    }
}

#[derive(Debug)]
struct Opened(File, u64);

impl Content for Opened {
    fn len(&self) -> u64 {
        self.1
    }
    fn read(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; (range.end - range.start) as usize];
        self.0.read_exact_at(&mut bytes, range.start)?;
        Ok(bytes)
    }
}

struct Begun(File);

impl Write for Begun {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl NewFile for Begun {
    fn finish(self: Box<Self>) -> io::Result<()> {
        Ok(())
    }
}

/// Words as frequent as in a language: few often, many rarely.
struct Words(u64);

impl Words {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn word(&mut self) -> String {
        const COMMON: &[&str] = &[
            "le",
            "patient",
            "du",
            "bilan",
            "de",
            "la",
            "traitement",
            "à",
            "l'ordonnance",
            "et",
            "consultation",
            "rendez-vous",
            "hôpital",
            "docteur",
            "douleurs",
            "10 mg",
            "résultats",
            "cardiaque",
            "infirmière",
            "ordonnances",
            "contrôle",
            "métformine",
            "les",
            "un",
            "bonjour",
            "cordialement",
        ];
        let wide = self.next() % 40_000 + 1;
        let rank = (self.next() % wide) as usize;
        match COMMON.get(rank / 40) {
            Some(word) => (*word).to_owned(),
            None => {
                // Letters only: a digit would make two words of it.
                const PARTS: &[&str] = &[
                    "ca", "bi", "œ", "gly", "mé", "ter", "so", "ra", "no", "vi", "pe", "lu", "xan", "do", "ti", "que",
                ];
                let mut word = String::new();
                let mut rest = rank;
                while rest > 0 {
                    word.push_str(PARTS[rest % 16]);
                    rest /= 16;
                }
                word
            }
        }
    }

    fn record(&mut self, message: i64) -> TextRecord {
        let mut text = |most: u64| {
            let count = self.next() % most + 3;
            (0..count).map(|_| self.word()).collect::<Vec<_>>().join(" ")
        };
        let (subject, body) = (text(6), format!("Bonjour, bilan du patient. {}", text(150)));
        TextRecord {
            message,
            date: 1_577_836_800_000 + message * 1_800_000,
            size: body.len() as u64,
            from: vec![format!("Dr Dupont{} <dupont@exemple{}.mssante.fr>", message % 50, message % 300)],
            to: vec![format!("cabinet{}@exemple.mssante.fr", message % 5)],
            subject,
            body,
            attachments: Vec::new(),
        }
    }
}
