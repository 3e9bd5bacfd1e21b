//! Several nodes serve the same BALs over PostgreSQL and S3 (F263): what one takes the others see, and any of them, the database or the
//! bucket may go away for a moment without anything acknowledged being lost.
use sceau_e2e::bucket::Bucket;
use sceau_e2e::peer::{Wire, letter, stuffed};
use sceau_e2e::sandbox::{self, Account, More, Operator};
use sceau_e2e::{Database, Letter, Mailbox, Run, Sandbox, curl, proves, wait};
use std::time::{Duration, Instant};

const OUT: &str = "accueil@clinique-exterieure.mssante.fr";
const ANNE: &str = "anne.legoff@bretagne.mssante.fr";

/// A sandbox over a database and a bucket.
struct World {
    sandbox: Sandbox,
    database: Database,
    bucket: Bucket,
}

impl World {
    fn start(nodes: u16) -> Self {
        let database = Database::start();
        let bucket = Bucket::start();
        let mut arguments = vec!["--store".to_owned(), database.url(), "--nodes".to_owned(), nodes.to_string()];
        arguments.extend(bucket.arguments());
        let sandbox = Sandbox::start_more(More { arguments, variables: bucket.variables(), letters: false });
        Self { sandbox, database, bucket }
    }
    /// Hands a message over at a node's MX door, once: the reply to its content.
    fn deliver(&self, at: &Operator, id: &str, body: &str) -> std::io::Result<String> {
        let mut w = Wire::connect_from(1, &at.endpoints.mx)?;
        w.secure(&self.sandbox.tls(Some(&self.sandbox.outsider())))?;
        w.ask(&format!("MAIL FROM:<{OUT}>"), "250")?;
        w.ask(&format!("RCPT TO:<{ANNE}>"), "250")?;
        w.ask("DATA", "354")?;
        w.put(&stuffed(letter(OUT, ANNE, id, body).as_bytes()))?;
        w.reply()
    }
    fn anne(&self) -> Account {
        self.sandbox.b().accounts.iter().find(|a| a.address == ANNE).expect("account").clone()
    }
    fn count(&self, at: &Operator, id: &str) -> u32 {
        Mailbox::open(at, &self.anne(), &self.sandbox.tls(None)).count("INBOX").get(id).copied().unwrap_or(0)
    }
}

/// Lines that do not compress, so that the message outgrows the database's rows.
fn noise(lines: u64) -> String {
    let mut x = 0x2545_f491_4f6c_dd1d_u64;
    let mut word = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x
    };
    (0..lines).map(|_| format!("{:016x}{:016x}{:016x}{:016x}\r\n", word(), word(), word(), word())).collect()
}

#[test]
fn the_mail_doors_of_every_node_name_a_new_authority_for_devices_at_once() {
    let _proof = (proves(&["F229", "F263"], "imap"), proves(&["F229", "F263"], "submission"));
    let w = World::start(2);
    let of = |i: usize| w.sandbox.a().at(i);
    let doors = [of(0), of(1)].map(|o| [o.endpoints.imaps, o.endpoints.submissions]).concat();
    let named = |door: &String| {
        let dial = ["s_client", "-connect", door, "-CAfile", w.sandbox.anchors()];
        let said = Run::with_input("openssl", &dial, b"").out;
        let names = said.split("Acceptable client certificate CA names").nth(1);
        let names = names.unwrap_or_else(|| panic!("{door} asks for no certificate: {said}"));
        names.contains("Appareils des professionnels")
    };
    assert!(!doors.iter().any(named), "nobody made one");
    let _ = of(1).cli(&["device-authority", "create"]);
    // Sooner than the node keeps house.
    for door in &doors {
        wait::until(&format!("{door} to name it"), 10, || named(door).then_some(()));
    }
}

#[test]
fn nodes_serve_the_same_mailboxes_and_a_killed_one_is_replaced() {
    let _proof = proves(&["F263"], "imap");
    let mut w = World::start(2);
    let (one, two) = (w.sandbox.b().at(0), w.sandbox.b().at(1));
    let tls = w.sandbox.tls(None);
    // What the second node takes wakes who waits at the first.
    let mut best = Duration::MAX;
    for i in 0..4 {
        let mut idle = Mailbox::open(&one, &w.anne(), &tls);
        idle.ok("SELECT INBOX");
        idle.idle();
        let reply =
            w.deliver(&two, &format!("noeud-{i}"), &noise(if i % 2 == 0 { 2 } else { 1500 })).expect("accepted");
        let accepted = Instant::now();
        assert!(reply.starts_with("250"), "{reply}");
        idle.wait_for("EXISTS");
        best = best.min(accepted.elapsed());
    }
    assert!(best < Duration::from_secs(1), "the fastest of four took {best:?}");
    // Large content came through the bucket: there are objects, and no node kept a file of it.
    assert!(w.bucket.objects().len() >= 2);
    // Read at the first what the second took, byte for byte; flags set there are seen here.
    let mut at_one = Mailbox::open(&one, &w.anne(), &tls);
    at_one.ok("SELECT INBOX");
    assert!(at_one.ok("UID FETCH 1:* (BODY.PEEK[TEXT])").contains(noise(1500).trim_end()));
    at_one.ok("STORE 1 +FLAGS (\\Flagged)");
    let mut at_two = Mailbox::open(&two, &w.anne(), &tls);
    at_two.ok("SELECT INBOX");
    assert!(at_two.ok("FETCH 1 (FLAGS)").contains("\\Flagged"));
    // Both are there, and say so.
    let nodes = one.cli(&["node", "list"]);
    let alive: Vec<_> = nodes.as_array().expect("a list").iter().filter(|n| n["alive"] == true).collect();
    assert_eq!(alive.len(), 2, "{nodes}");
    // What changes while it looks would seem damaged: the store's check waits until both are stopped.
    let keys: Vec<String> = w.bucket.variables().iter().map(|(name, value)| format!("{name}={value}")).collect();
    let (program, config) = (sandbox::sceau(), one.config.display().to_string());
    let mut words: Vec<&str> = keys.iter().map(String::as_str).collect();
    words.extend([program.to_str().expect("UTF-8"), "--config", &config, "--lang", "en", "fsck"]);
    let refused = Run::of("env", &words);
    assert!(refused.code == 2 && refused.err.contains("Stop every node first"), "{} {}", refused.code, refused.err);
    // From operator to operator, submitted at the second node of one, which is killed at once: the first sends it.
    let sender = w.sandbox.a().account("Per", 0).clone();
    let mail = Letter::short(&sender.address, ANNE, "reprise");
    let from = w.sandbox.a().at(1);
    let _ = curl::send(&w.sandbox, &from, &sender, &[ANNE], &mail.bytes).ok();
    let pid = i32::try_from(from.pid).ok().and_then(rustix::process::Pid::from_raw).expect("pid");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("kill");
    let id = mail.id.trim_matches(['<', '>']).split('@').next().expect("an id").to_owned();
    wait::until("the message of a node that was killed", 90, || (w.count(&one, &id) == 1).then_some(()));
    // It came back, with the same data.
    wait::until("the node that was killed", 60, || {
        w.sandbox.read_again();
        (w.sandbox.a().nodes[1].pid != from.pid).then_some(())
    });
    w.sandbox.a().at(1).wait_ready();
}

#[test]
fn the_database_and_the_bucket_may_go_away_for_a_moment() {
    let _proof = proves(&["F263"], "smtp");
    let mut w = World::start(2);
    let nodes = [w.sandbox.b().at(0), w.sandbox.b().at(1)];
    // Two peers send to two nodes, and again what was not acknowledged, while the database is cut three times.
    let sent: Vec<String> = std::thread::scope(|scope| {
        let w = &w;
        let peers: Vec<_> = nodes
            .iter()
            .enumerate()
            .map(|(p, node)| {
                scope.spawn(move || {
                    let began = Instant::now();
                    let mut ids = Vec::new();
                    for i in 0.. {
                        let id = format!("coupure-{p}-{i}");
                        let body = noise(if i % 4 == 0 { 600 } else { 2 });
                        wait::until("a message to be accepted", 90, || {
                            let reply = w.deliver(node, &id, &body).ok()?;
                            assert!(!reply.starts_with('5'), "{reply}");
                            reply.starts_with("250").then_some(())
                        });
                        ids.push(id);
                        if began.elapsed() > Duration::from_secs(8) {
                            return ids;
                        }
                    }
                    ids
                })
            })
            .collect();
        for _ in 0..3 {
            std::thread::sleep(Duration::from_millis(1500));
            w.database.cut();
        }
        peers.into_iter().flat_map(|p| p.join().expect("a peer")).collect()
    });
    assert!(sent.len() > 20, "{}", sent.len());
    let found = Mailbox::open(&nodes[0], &w.anne(), &w.sandbox.tls(None)).count("INBOX");
    let wrong: Vec<_> = sent.iter().filter(|id| found.get(*id) != Some(&1)).collect();
    assert!(wrong.is_empty(), "of {} acknowledged, not exactly once: {wrong:?}", sent.len());
    // Without the bucket: large content comes later, small mail goes on, reading small mail too.
    w.bucket.stop();
    let refused = w.deliver(&nodes[0], "grand", &noise(600)).expect("an answer in time");
    assert!(refused.starts_with('4'), "{refused}");
    assert!(w.deliver(&nodes[0], "petit", "Bonjour\r\n").expect("an answer").starts_with("250"));
    w.bucket.go_on();
    wait::until("large content to be taken again", 60, || {
        w.deliver(&nodes[1], "grand", &noise(600)).is_ok_and(|r| r.starts_with("250")).then_some(())
    });
    assert_eq!((w.count(&nodes[0], "grand"), w.count(&nodes[0], "petit")), (1, 1));
}
