//! `250` means durable: operators are killed at any instant (`kill -9`) while peers send and retry as SMTP says. Afterwards everything
//! that was acknowledged is there exactly once, counted through IMAP.
//!
//! Fifty kills of the receiver by default, two hundred with `SCEAU_LONG` set (`./check long`).
use sceau_e2e::peer::{Tls, Wire, letter, stuffed};
use sceau_e2e::{Mailbox, Peer, Sandbox, proves, wait};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const OUT: &str = "accueil@clinique-exterieure.mssante.fr";
const ANNE: &str = "anne.legoff@bretagne.mssante.fr";
const YANN: &str = "yann.morvan@bretagne.mssante.fr";

/// How long a peer retries one message before the test is lost.
const GIVE_UP: Duration = Duration::from_secs(90);

fn kills(short: u32, long: u32) -> u32 {
    if std::env::var_os("SCEAU_LONG").is_some() { long } else { short }
}

/// Numbers that look random and are the same each time.
fn next(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

/// Lines that do not compress well, `size` bytes about.
fn body(size: usize, mut seed: u64) -> String {
    let mut out = String::with_capacity(size + 80);
    while out.len() < size {
        let _ = write!(
            out,
            "{:016x}{:016x}{:016x}{:016x}\r\n",
            next(&mut seed),
            next(&mut seed),
            next(&mut seed),
            next(&mut seed)
        );
    }
    out
}

/// One attempt, on a connection of its own. `deaf`: cuts after the last dot, before the answer, as a network may.
fn attempt(mx: &str, tls: &Tls, to: &[&str], wire: &[u8], deaf: bool) -> std::io::Result<()> {
    let mut w = Wire::connect_from(1, mx)?;
    w.secure(tls)?;
    w.ask(&format!("MAIL FROM:<{OUT}>"), "250")?;
    for to in to {
        w.ask(&format!("RCPT TO:<{to}>"), "250")?;
    }
    w.ask("DATA", "354")?;
    w.put(wire)?;
    if deaf {
        w.cut();
        return Err(std::io::ErrorKind::ConnectionAborted.into());
    }
    let reply = w.reply()?;
    if !reply.starts_with("250") {
        assert!(reply.starts_with('4'), "a good message is refused for good: {reply}");
        return Err(std::io::Error::other(reply));
    }
    let _ = w.ask("QUIT", "221");
    Ok(())
}

/// What a peer does: sends one message after the other, each again, byte for byte, until it is acknowledged.
struct Load {
    mx: String,
    tls: Tls,
    stop: AtomicBool,
    acknowledged: AtomicU32,
    attempts: AtomicU32,
    /// Message-ID and whether both recipients were given.
    sent: Mutex<Vec<(String, bool)>>,
}

impl Load {
    fn peer(&self, number: u32) {
        for i in 0_u32.. {
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            let id = format!("charge-{number}-{i}");
            // Inside the database, and in a file of its own; to one recipient and to two.
            let size = [300, 9_000, 60_000, 200_000][(i % 4) as usize];
            let both = i % 3 == 0;
            let to: &[&str] = if both { &[ANNE, YANN] } else { &[ANNE] };
            let wire = stuffed(letter(OUT, ANNE, &id, &body(size, u64::from(number * 7919 + i + 1))).as_bytes());
            let started = Instant::now();
            let mut deaf = i % 5 == 2;
            loop {
                self.attempts.fetch_add(1, Ordering::SeqCst);
                match attempt(&self.mx, &self.tls, to, &wire, std::mem::take(&mut deaf)) {
                    Ok(()) => break,
                    Err(e) => assert!(started.elapsed() < GIVE_UP, "{id} is not accepted: {e}"),
                }
                std::thread::sleep(Duration::from_millis(40));
            }
            self.acknowledged.fetch_add(1, Ordering::SeqCst);
            self.sent.lock().expect("no peer panicked").push((id, both));
        }
    }
}

/// Every expected message once, none lost, none twice, nothing else.
#[track_caller]
fn exactly_once(who: &str, found: &BTreeMap<String, u32>, expected: &[String]) {
    let lost: Vec<&String> = expected.iter().filter(|id| !found.contains_key(*id)).collect();
    let twice: Vec<_> = found.iter().filter(|(_, n)| **n != 1).collect();
    let strange: Vec<&String> = found.keys().filter(|id| !expected.contains(id)).collect();
    assert!(
        lost.is_empty() && twice.is_empty() && strange.is_empty(),
        "{who}: of {} acknowledged, lost {lost:?}, more than once {twice:?}, unknown {strange:?}",
        expected.len()
    );
}

#[test]
fn a_receiver_killed_under_load_loses_nothing_and_doubles_nothing() {
    let _proof = proves(&["F264"], "smtp");
    let mut sandbox = Sandbox::start();
    let load = Arc::new(Load {
        mx: sandbox.b().endpoints.mx.clone(),
        tls: sandbox.tls(Some(&sandbox.outsider())),
        stop: AtomicBool::new(false),
        acknowledged: AtomicU32::new(0),
        attempts: AtomicU32::new(0),
        sent: Mutex::default(),
    });
    let peers: Vec<_> = (0..4)
        .map(|n| {
            let load = load.clone();
            std::thread::spawn(move || load.peer(n))
        })
        .collect();
    let rounds = kills(50, 200);
    let mut seed = 0x5CEA0;
    for round in 0..rounds {
        // Under load: messages were acknowledged since the last kill; then at any instant.
        let before = load.acknowledged.load(Ordering::SeqCst);
        wait::until("messages to be acknowledged", 60, || {
            (load.acknowledged.load(Ordering::SeqCst) > before + 2).then_some(())
        });
        std::thread::sleep(Duration::from_micros(next(&mut seed) % 150_000));
        sandbox.kill_and_wait(1);
        assert!(peers.iter().all(|p| !p.is_finished()), "a peer gave up in round {round}");
    }
    load.stop.store(true, Ordering::SeqCst);
    for peer in peers {
        peer.join().expect("a peer gave up");
    }
    let sent = load.sent.lock().expect("no peer panicked").clone();
    let attempts = load.attempts.load(Ordering::SeqCst);
    println!("{rounds} kills, {} messages acknowledged in {attempts} attempts", sent.len());
    assert!(attempts as usize > sent.len() + rounds as usize, "the kills did not disturb anybody");

    let b = sandbox.b();
    let all: Vec<String> = sent.iter().map(|(id, _)| id.clone()).collect();
    let both: Vec<String> = sent.iter().filter(|(_, both)| *both).map(|(id, _)| id.clone()).collect();
    for (i, expected) in [(0, &all), (1, &both)] {
        let account = b.account("Per", i);
        let mut mailbox = Mailbox::open(b, account, &sandbox.tls(None));
        exactly_once(&account.address, &mailbox.count("INBOX"), expected);
        // Each is whole: what can be opened to its last byte was sealed to its last byte.
        let n = expected.len();
        let sizes = mailbox.ok("FETCH 1:* (BODY.PEEK[TEXT]<0.8>)").matches(" FETCH (").count();
        assert_eq!(sizes, n);
    }
    // The retries that came in vain were answered without a second copy, and traced.
    let repeated = b.cli(&["trace", "list", "--act", "mail.repeated", "--limit", "1000"]);
    assert!(repeated.as_array().is_some_and(|r| !r.is_empty()), "no retry of an accepted message was met");
    // What a crash left of files is gone or will be: nothing among the spools of a quiet server. Ten seconds were not enough twice on a machine with no
    // processor to spare; what held them then is not known.
    wait::until("empty spools", 120, || (b.spools() == 0).then_some(()));
}

#[test]
fn a_queue_and_its_destination_killed_in_turn_deliver_everything_once() {
    let _proof = proves(&["F264", "F206"], "smtp");
    let mut sandbox = Sandbox::start();
    let account = sandbox.a().account("Per", 0).clone();
    let mut ids = Vec::new();
    let mut seed = 0xF11E;
    // Now one, now the other dies, wherever it is in taking, handing over or writing down what became of it. A queue that is
    // killed between the peer's 250 and its own note sends again: the receiver knows that it has it.
    for round in 0..kills(8, 40) {
        let mut peer = Peer::secure(&sandbox.a().endpoints.submission, &sandbox.tls(None));
        peer.login(&account);
        for i in 0..12_u32 {
            let id = format!("file-{round}-{i}");
            let size = [300, 200_000, 9_000, 400_000][(i % 4) as usize];
            let seed = u64::from(round * 100 + i + 1);
            peer.up_to_data(&account.address, &[ANNE]);
            peer.content(letter(&account.address, ANNE, &id, &body(size, seed)).as_bytes()).expect("250 2.0.0");
            ids.push(id);
        }
        std::thread::sleep(Duration::from_micros(next(&mut seed) % 200_000));
        sandbox.kill_and_wait(usize::from(round % 2 == 0));
    }
    let (a, b) = (sandbox.a(), sandbox.b());
    wait::until("an empty queue", 150, || {
        // What a dead destination put off need not be waited for.
        a.cli(&["queue", "retry", "--all"]);
        std::thread::sleep(Duration::from_millis(300));
        (a.cli(&["queue", "list"]) == serde_json::json!([])).then_some(())
    });
    let mut mailbox = Mailbox::open(b, b.account("Per", 0), &sandbox.tls(None));
    exactly_once("Anne", &mailbox.count("INBOX"), &ids);
    let attempts =
        a.cli(&["trace", "list", "--act", "mail.transferred", "--limit", "1000"]).as_array().map_or(0, Vec::len);
    let repeated =
        b.cli(&["trace", "list", "--act", "mail.repeated", "--limit", "1000"]).as_array().map_or(0, Vec::len);
    println!("{} messages, {attempts} notes of transfer, {repeated} known already to the receiver", ids.len());
    // Nobody was told that something went wrong: it did not.
    let reports = Mailbox::open(a, a.account("Per", 0), &sandbox.tls(None)).count("INBOX");
    assert!(reports.is_empty(), "{reports:?}");
}
