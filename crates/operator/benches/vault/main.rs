//! What the vault costs: durable deliveries, listing, summaries, growth. Prints tables; nothing here passes or fails.
//!
//! ```sh
//! cargo bench -p sceau-operator --bench vault -- deliver      # 64 writers, 4 KiB, acknowledged only after COMMIT is on the disk
//! cargo bench -p sceau-operator --bench vault -- deliver --engine postgres           # a test server, without fsync
//! cargo bench -p sceau-operator --bench vault -- deliver --engine postgres-durable   # a server of its own, with fsync
//! cargo bench -p sceau-operator --bench vault -- folder --messages 100000
//! cargo bench -p sceau-operator --bench vault -- grow --messages 300000
//! cargo bench -p sceau-operator --bench vault -- index --messages 20000   # the job that indexes a BAL, and searches in it
//! cargo bench -p sceau-operator --features sceau-store/insecure-clear --bench vault -- deliver   # what sealing costs
//! ```
//! `--folder DIR` puts the store on a disk of your choice: /tmp may be memory, where durability costs nothing. A PostgreSQL server of its own goes where
//! TMPDIR says, which the account `postgres` must be able to enter.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]
mod index;
mod measure;

use measure::{Spread, disk_probe, folder_bytes, processor_ms, resident_mib};
use sceau_operator::Door;
use sceau_operator::mailbox::entries::{FlagChange, FlagSet, Flags};
use sceau_testkit::world::{BETA, World, envelope, origin, peer};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const ANNE: &str = "anne.martin@alpha.mssante.fr";
/// Messages in one BAL are delivered to these in turn.
const BALS: [&str; 3] = [ANNE, "bruno.petit@alpha.mssante.fr", "exploitation@alpha.mssante.fr"];
const FROM: &str = "paul@beta.mssante.fr";

#[derive(Debug, Clone)]
struct Options {
    command: String,
    engine: String,
    /// Address of a server that was started for this run.
    server: String,
    folder: Option<std::path::PathBuf>,
    writers: usize,
    seconds: u64,
    messages: u64,
    size: usize,
    one_bal: bool,
}

fn options() -> Options {
    let mut o = Options {
        command: "deliver".into(),
        engine: "sqlite".into(),
        server: String::new(),
        folder: None,
        writers: 64,
        seconds: 8,
        messages: 100_000,
        size: 4096,
        one_bal: false,
    };
    let mut arguments = std::env::args().skip(1).filter(|a| a != "--bench");
    while let Some(a) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| panic!("{a} needs a value"));
        match a.as_str() {
            "--engine" => o.engine = value(),
            "--folder" => o.folder = Some(value().into()),
            "--writers" => o.writers = value().parse().expect("a number"),
            "--seconds" => o.seconds = value().parse().expect("a number"),
            "--messages" => o.messages = value().parse().expect("a number"),
            "--size" => o.size = value().parse().expect("a number"),
            "--one-bal" => o.one_bal = true,
            command => o.command = command.to_owned(),
        }
    }
    o
}

async fn world(o: &Options) -> World {
    let store = match o.engine.as_str() {
        "postgres" => sceau_store::testing::postgres().await,
        "postgres-durable" => measure::durable_postgres(&o.server).await,
        _ => {
            let folder = match &o.folder {
                Some(parent) => tempfile::tempdir_in(parent),
                None => tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")),
            };
            sceau_store::testing::sqlite_in(folder.expect("folder")).await
        }
    };
    let room = |c: &mut sceau_operator::OperatorConfig| {
        c.limits.quota_bytes = 1 << 50;
        c.limits.message_bytes = 1 << 26;
    };
    measure::run_clock(&store.clock);
    World::on(store, room).await
}

/// A letter of about `size` bytes in French, each different.
fn letter(n: u64, size: usize) -> String {
    const WORDS: [&str; 16] = [
        "consultation",
        "patient",
        "créatininémie",
        "ordonnance",
        "traitement",
        "bilan",
        "antibiotique",
        "douleur",
        "compte",
        "rendu",
        "hospitalisation",
        "suivi",
        "examen",
        "contrôle",
        "diabète",
        "allergie",
    ];
    let mut text = format!(
        "From: Paul <{FROM}>\r\nTo: Anne <{ANNE}>\r\nSubject: Compte rendu {n}\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n\
         Message-ID: <{n}@beta.mssante.fr>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\n"
    );
    let mut x = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    while text.len() < size {
        for _ in 0..9 {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(WORDS[(x >> 60) as usize]);
            text.push(' ');
        }
        text.push_str(&format!("{:x}\r\n", x >> 20));
    }
    text
}

/// What `writers` deliver until `stop` says so; each message acknowledged after COMMIT. Returns latencies.
async fn deliver(
    w: &Arc<World>,
    o: &Options,
    from: u64,
    until: impl Fn(u64) -> bool + Clone + Send + 'static,
) -> Spread {
    let next = Arc::new(AtomicU64::new(from));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..o.writers {
        let (w, o, next, until) = (w.clone(), o.clone(), next.clone(), until.clone());
        tasks.spawn(async move {
            let (peer, origin) = (peer(BETA), origin(Door::Mx));
            let mut spread = Spread::default();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if until(n) {
                    return spread;
                }
                let to = if o.one_bal { ANNE } else { BALS[(n % 3) as usize] };
                let text = letter(n, o.size);
                let began = Instant::now();
                let received = w.message(&text);
                w.op.mx_accept(&peer, envelope(FROM, &[to]), received, &origin).await.expect("accepted");
                spread.add(began.elapsed());
            }
        });
    }
    let mut all = Spread::default();
    while let Some(spread) = tasks.join_next().await {
        all.merge(spread.unwrap());
    }
    all
}

async fn bench_deliver(o: &Options) {
    let w = Arc::new(world(o).await);
    println!("durable write of 4 KiB on this disk (append, fdatasync): median {:.2} ms", disk_probe(w.store.folder()));
    deliver(&w, o, 0, |n| n >= 500).await;
    let (commits, before) = (measure::commits(), processor_ms());
    let (began, end) = (Instant::now(), Instant::now() + Duration::from_secs(o.seconds));
    let spread = deliver(&w, o, 1_000_000, move |_| Instant::now() >= end).await;
    let took = began.elapsed().as_secs_f64();
    let (n, commits) = (spread.len() as f64, measure::commits() - commits);
    println!("| engine | writers | size | deliveries/s | p50 ms | p99 ms | messages a commit | processor, each |");
    println!("|---|---|---|---|---|---|---|---|");
    println!(
        "| {} | {} | {} B | {:.0} | {:.2} | {:.2} | {} | {:.3} ms |",
        o.engine,
        o.writers,
        o.size,
        n / took,
        spread.at(0.50),
        spread.at(0.99),
        if commits > 0.0 { format!("{:.1}", n / commits) } else { "—".into() },
        (processor_ms() - before) / n,
    );
    println!("memory {:.0} MiB", resident_mib());
}

async fn bench_folder(o: &Options) {
    let mut o = o.clone();
    (o.one_bal, o.size) = (true, 1500.min(o.size));
    let (messages, w) = (o.messages, Arc::new(world(&o).await));
    deliver(&w, &o, 0, move |n| n >= messages).await;
    let actor = w.actor("anne", ANNE).await;
    println!(
        "{messages} messages, {} on disk, memory {:.0} MiB",
        human(folder_bytes(w.store.folder())),
        resident_mib()
    );
    let mut w = Arc::try_unwrap(w).unwrap_or_else(|_| panic!("one owner"));
    println!("| what | first | then (median) | processor, each |\n|---|---|---|---|");
    // Cold: a process that has just started; the system's cache of the file too, when that is allowed.
    drop(w.op);
    w.store.close().await;
    let dropped =
        std::process::Command::new("sync").status().is_ok() && std::fs::write("/proc/sys/vm/drop_caches", "3").is_ok();
    w.store.reopen().await;
    let trust = sceau_trust::Trust::new(sceau_trust::Anchors::default());
    let op = sceau_operator::Operator::open(sceau_testkit::world::config(), w.store.clone(), trust).await.unwrap();
    let (mut list, mut folder, before) = (Vec::new(), None, processor_ms());
    for _ in 0..10 {
        let began = Instant::now();
        folder = Some(op.open_folder(&actor, "INBOX", true).await.unwrap());
        list.push(began.elapsed());
    }
    let what = format!("listing (uid, flags, size, date){}", if dropped { ", caches dropped" } else { "" });
    row(&what, &list, before);
    let entries = folder.unwrap().entries;
    assert_eq!(entries.len() as u64, messages);
    let (mut open, before) = (Vec::new(), processor_ms());
    for _ in 0..5 {
        let began = Instant::now();
        for page in entries.chunks(500) {
            let ids: Vec<_> = page.iter().map(|e| e.message).collect();
            assert_eq!(op.summaries(&actor, &ids).await.unwrap().len(), ids.len());
        }
        open.push(began.elapsed());
    }
    row("opening every sealed summary", &open, before);
    let ids: Vec<u32> = entries.iter().rev().take(1000).map(|e| e.uid).collect();
    let folder_id = op.folder(&actor, "INBOX").await.unwrap().id;
    let (began, before) = (Instant::now(), processor_ms());
    op.change_flags(&actor, folder_id, &ids, FlagChange::Add, FlagSet::of(Flags::SEEN), None).await.unwrap();
    row("marking 1,000 as read", &[began.elapsed()], before);
    println!("memory {:.0} MiB", resident_mib());
}

async fn bench_grow(o: &Options) {
    let w = Arc::new(world(o).await);
    println!(
        "| messages | deliveries/s since the last line | p50 ms | p99 ms | each: processor | written | read | memory | on disk |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let (mut done, mut next) = (0, 1000);
    while done < o.messages {
        let to = next.min(o.messages);
        let (began, before, io) = (Instant::now(), processor_ms(), measure::moved());
        let spread = deliver(&w, o, done, move |n| n >= to).await;
        let n = spread.len() as f64;
        let (rate, each, now) = (n / began.elapsed().as_secs_f64(), (processor_ms() - before) / n, measure::moved());
        done = to;
        println!(
            "| {done} | {rate:.0} | {:.2} | {:.2} | {each:.3} ms | {:.1} KiB | {:.1} KiB | {:.0} MiB | {} B |",
            spread.at(0.5),
            spread.at(0.99),
            (now.0 - io.0) / n / 1024.0,
            (now.1 - io.1) / n / 1024.0,
            resident_mib(),
            folder_bytes(w.store.folder()) / done
        );
        next = if next < 10_000 { next * 10 } else { next + (o.messages / 10).max(10_000) };
    }
}

fn row(what: &str, times: &[Duration], before: f64) {
    let processor = (processor_ms() - before) / times.len() as f64;
    let ms = |d: &Duration| d.as_secs_f64() * 1000.0;
    let mut rest: Vec<f64> = times.iter().skip(1).map(ms).collect();
    rest.sort_by(f64::total_cmp);
    let then = rest.get(rest.len() / 2).map_or("—".into(), |m| format!("{m:.1} ms"));
    println!("| {what} | {:.1} ms | {then} | {processor:.1} ms |", ms(&times[0]));
}

fn human(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / (1 << 20) as f64)
}

fn main() {
    let mut o = options();
    measure::install();
    // Stopped when everything else is over.
    let server = (o.engine == "postgres-durable").then(sceau_store::testing::OwnServer::start);
    o.server = server.as_ref().map(|s| s.url()).unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        match o.command.as_str() {
            "deliver" => bench_deliver(&o).await,
            "folder" => bench_folder(&o).await,
            "grow" => bench_grow(&o).await,
            "index" => index::bench(&o).await,
            other => panic!("unknown: {other} (deliver, folder, grow, index)"),
        }
    });
    drop(runtime);
    drop(server);
}
