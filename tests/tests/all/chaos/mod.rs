//! Chaos (F206, F207, F264): thousands of messages to destinations that hang, cut, lie, put off and refuse at each step of the dialogue, show wrong
//! certificates or cannot be found, while the operators are killed. Afterwards each message was delivered once or reported once, for each of its
//! recipients: counted, not sampled.
//!
//! *Once*, exactly: a destination has taken a message when it has written its `250`. It may be given it again only when the sender was killed before it
//! could record that answer (RFC 1047), and that shows on the wire: no farewell, and no word after the answer to a later message on that connection. Between two
//! operators of ours even that leaves no second copy.
//!
//! Some tens of messages in `./check`, ten thousand in `./check long`; deadlines are shortened by configuration, five days pass in the database.
mod dns;
mod ledger;
mod mail;
mod places;
mod senders;
mod server;

use crate::whitelist::{entry, put, signed};
use ledger::{Ledger, is_inexcusable};
use mail::{Plan, next, number_of};
use places::{Fate, Shows, Struck};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use sceau_domain::{Clock, SystemClock};
use sceau_e2e::sandbox::{Account, KeyPair, Operator};
use sceau_e2e::{Mailbox, Sandbox, Tls, proves, wait};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Connections that the sender may have open. Each may have an answer, seldom two, that is not recorded when the sender is killed: second copies are counted
/// against one.
const LANES: usize = 32;
/// What stands in the sandbox's configuration, and what stands there here.
const TRANSFER: &str = "retry_seconds = [1, 2, 5, 10, 30, 60]\n";
const TIMEOUTS: &str = "connect = 2\ngreeting = 2\nreply = 3\nend_of_data = 5\nwrite = 3\n";

/// How much.
struct Size {
    messages: u32,
    /// Times that the sender is killed, and the other operator.
    kills: (u32, u32),
    /// Seconds for everything that can be delivered.
    patience: u64,
    /// Faults of different kinds that must have struck.
    kinds: usize,
}

#[test]
fn each_of_some_messages_is_delivered_once_or_reported_once() {
    let _proof = proves(&["F206", "F207", "F264"], "smtp");
    run(&Size { messages: 80, kills: (2, 1), patience: 150, kinds: 20 });
}

#[test]
#[ignore = "long"]
fn each_of_ten_thousand_messages_is_delivered_once_or_reported_once() {
    run(&Size { messages: 10_000, kills: (24, 8), patience: 2_400, kinds: places::known().len() });
}

/// The played world around one sandbox.
struct Chaos {
    sandbox: Sandbox,
    plan: Arc<Plan>,
    ledger: Arc<Ledger>,
    struck: Arc<Struck>,
}

fn run(size: &Size) {
    let began = Instant::now();
    let mut chaos = Chaos::start();
    let kills = chaos.send(size);
    let sent = began.elapsed();
    chaos.wait_for_deliveries(size);
    let delivered = began.elapsed();
    chaos.let_five_days_pass();
    let killed = usize::try_from(kills).expect("small");
    let said = chaos.count(size.messages, killed * LANES);
    let struck = chaos.struck.all();
    let faults: u32 = struck.values().sum();
    println!(
        "{said}; {faults} faults of {} kinds, {} connections, {kills} kills; sent after {} s, delivered after {} s, all after {} s",
        struck.len(),
        chaos.ledger.connections(),
        sent.as_secs(),
        delivered.as_secs(),
        began.elapsed().as_secs()
    );
    let quiet: Vec<_> = places::known().into_iter().filter(|f| !struck.contains_key(f)).collect();
    assert!(struck.len() >= size.kinds, "too little went wrong: {faults} faults; never struck: {quiet:?}");
}

impl Chaos {
    fn start() -> Self {
        let mut sandbox = Sandbox::start();
        let (places, port) = (places::all(), sandbox.base() + 41);
        let people = |o: &Operator| (0..4).map(|i| o.account("Per", i).address.clone()).collect();
        let clinic = sandbox.ready.outsiders[0].addresses[0].clone();
        let plan = Arc::new(Plan::new(people(sandbox.a()), places.clone(), people(sandbox.b()), clinic));
        let (ledger, struck) = (Arc::new(Ledger::new(plan.clone())), Arc::new(Struck::default()));
        for server in places.iter().flat_map(|p| &p.servers) {
            server::start(server, port, tls(&sandbox, server.shows), &ledger, &struck);
        }
        // All of them are listed, with the certificate of the clinic.
        let own = sandbox.outsider();
        let ready = &sandbox.ready;
        let of = |o: &Operator| o.domains.iter().map(|domain| entry(domain, &o.certificate)).collect::<Vec<_>>();
        let mut entries: Vec<_> = ready.operators.iter().flat_map(of).collect();
        entries.push(entry(&ready.outsiders[0].domain, &own));
        entries.extend(places.iter().map(|p| entry(&p.domain, &own)));
        put(&sandbox, &signed(&sandbox, &entries, SystemClock.now().plus_ms(1_000)));
        let resolver = dns::start(&places);
        let transfer = format!(
            "retry_seconds = [1, 1, 2]\nresolver = \"{resolver}\"\nport = {port}\nkeep_open_seconds = 1\nno_route_minutes = 0\n\n\
             [transfer.timeouts]\n{TIMEOUTS}"
        );
        sandbox.configure(0, &[(TRANSFER, &transfer), ("every_seconds = 60", "every_seconds = 1")]);
        let listed = entries.len();
        wait::until("the list with every destination", 60, || {
            (sandbox.a().cli(&["trust", "status"])["domains"].as_u64()? == listed as u64).then_some(())
        });
        Self { sandbox, plan, ledger, struck }
    }

    /// Sends all, killing meanwhile; how often the sender was killed.
    fn send(&mut self, size: &Size) -> u32 {
        let senders = senders::start(&self.sandbox, &self.plan, size.messages);
        let (mut seed, mut killed) = (0xC4A05, 0);
        let kills = size.kills.0 + size.kills.1;
        for i in 1..=kills {
            let after = size.messages * i / (kills + 1);
            wait::until("messages to be taken", size.patience, || {
                (senders.acknowledged.load(Ordering::SeqCst) >= after).then_some(())
            });
            std::thread::sleep(Duration::from_micros(next(&mut seed) % 150_000));
            // The other operator every so often; both are in the middle of something.
            let other = i % (kills / size.kills.1.max(1)).max(1) == 0;
            self.sandbox.kill_and_wait(usize::from(other));
            killed += u32::from(!other);
        }
        senders.finish();
        // Once more while all that is left is to be delivered.
        self.sandbox.kill_and_wait(0);
        killed + 1
    }

    fn wait_for_deliveries(&self, size: &Size) {
        let places = self.plan.places().iter();
        let good: BTreeSet<&str> = places
            .filter(|p| p.fate != Fate::Expired)
            .map(|p| p.domain.as_str())
            .chain(["bretagne.mssante.fr"])
            .collect();
        let a = self.sandbox.a();
        wait::until("everything that can be delivered", size.patience, || {
            std::thread::sleep(Duration::from_millis(300));
            let stats = a.cli(&["queue", "stats"]);
            let waits =
                |d: &serde_json::Value| d["domain"].as_str().is_some_and(|d| good.contains(d)) && d["entries"] != 0;
            (!stats["destinations"].as_array().expect("destinations").iter().any(waits)).then_some(())
        });
    }

    /// What still waits was queued five days ago: it is tried once more, and comes back.
    fn let_five_days_pass(&mut self) {
        let script = sceau_e2e::proof::workspace().join("tests/scripts/days_pass.py");
        self.sandbox.dead(0, |a| {
            let database = a.data.join("data/sceau.db");
            let [script, database] = [&script, &database].map(|p| p.to_str().expect("UTF-8"));
            sceau_e2e::Run::of("python3", &["-B", script, database, "5"]).ok()
        });
        let before = self.sandbox.a().pid;
        wait::until("the next process", 60, || {
            self.sandbox.read_again();
            (self.sandbox.a().pid != before).then_some(())
        });
        let a = self.sandbox.a();
        wait::until("an empty queue", 240, || {
            let list = a.cli_raw(&["queue", "list", "--limit", "1"]);
            std::thread::sleep(Duration::from_millis(200));
            (list.code == 0 && list.out.trim() == "[]").then_some(())
        });
    }

    /// Counts, and panics with what is not as it must be. `excused`: second copies that kills may have left.
    fn count(&self, messages: u32, excused: usize) -> String {
        let tls = self.sandbox.tls(None);
        let (a, b) = (self.sandbox.a(), self.sandbox.b());
        let mut reported: BTreeMap<(String, String), u32> = BTreeMap::new();
        for i in 0..4 {
            reports(a, a.account("Per", i), &tls, &mut reported);
        }
        let mut at_b = BTreeMap::new();
        for i in 0..4 {
            let account = b.account("Per", i);
            for (id, times) in Mailbox::open(b, account, &tls).count("INBOX") {
                at_b.insert((id, account.address.clone()), times);
            }
        }
        let taken = self.ledger.taken();
        let (mut wrong, mut delivered, mut returned, mut second) = (self.ledger.wrong(), 0_u32, 0_u32, 0_usize);
        let mut known = BTreeSet::new();
        for number in 0..messages {
            let mail = self.plan.mail(number);
            for (to, fate) in &mail.to {
                let key = (mail.id.clone(), to.clone());
                let times = taken.get(&key).map_or(&[][..], Vec::as_slice);
                let here = at_b.get(&key).copied().unwrap_or_default() as usize;
                let told = reported.get(&key).copied().unwrap_or_default();
                known.insert(key);
                if times.len() > 1 {
                    second += times.len() - 1;
                    if is_inexcusable(times) {
                        wrong.push(format!("{} to {to}: given {} times", mail.id, times.len()));
                    }
                }
                let arrived = here + usize::from(!times.is_empty());
                let expected = if *fate == Fate::Delivered { (1, 0) } else { (0, 1) };
                if (arrived, told) != expected {
                    wrong.push(format!("{} to {to} ({fate:?}): {arrived} times there, {told} reports", mail.id));
                }
                delivered += u32::from(arrived > 0);
                returned += u32::from(told > 0);
            }
        }
        for key in taken.keys().chain(at_b.keys()).chain(reported.keys()).filter(|k| !known.contains(*k)) {
            wrong.push(format!("{key:?}: nobody sent that"));
        }
        let shown = &wrong[..wrong.len().min(40)];
        assert!(wrong.is_empty(), "{} wrong of {}: {shown:#?}", wrong.len(), known.len());
        assert!(second <= excused, "{second} second copies, {excused} can be excused");
        format!(
            "{messages} messages to {} recipients: {delivered} delivered once, {returned} reported once, {second} handed over again after a kill",
            known.len()
        )
    }
}

/// What a BAL was told, by message and recipient: failures.
fn reports(a: &Operator, account: &Account, tls: &Tls, reported: &mut BTreeMap<(String, String), u32>) {
    const SLICE: usize = 200;
    let mut mailbox = Mailbox::open(a, account, tls);
    let examined = mailbox.ok("EXAMINE INBOX");
    let count = examined.lines().find_map(|l| l.strip_prefix("* ")?.strip_suffix(" EXISTS")).expect("EXISTS");
    let count: usize = count.parse().expect("a number");
    for first in (1..=count).step_by(SLICE) {
        let last = (first + SLICE - 1).min(count);
        let command = format!("FETCH {first}:{last} (BODY.PEEK[HEADER.FIELDS (IN-REPLY-TO)] BODY.PEEK[2])");
        let answer = mailbox.ok(&command);
        let each: Vec<&str> = answer.split(" FETCH (").skip(1).collect();
        assert_eq!(each.len(), last - first + 1, "{answer}");
        for report in each {
            let number = number_of(report).unwrap_or_else(|| panic!("no report of ours: {report}"));
            let mut about = "";
            for line in report.lines() {
                match line.split_once(':') {
                    Some(("Final-Recipient", to)) => about = to.trim().trim_start_matches("rfc822;").trim(),
                    Some(("Action", what)) if what.trim() == "failed" => {
                        *reported.entry((format!("chaos-{number}"), about.to_owned())).or_default() += 1;
                    }
                    _ => {}
                }
            }
        }
    }
}

/// The TLS of a server that shows this, and wants to see our certificate.
fn tls(sandbox: &Sandbox, shows: Shows) -> Arc<ServerConfig> {
    let certificates = &sandbox.ready.certificates;
    let pair: KeyPair = match shows {
        Shows::Own => sandbox.outsider(),
        Shows::Rogue => certificates.rogue.clone(),
        Shows::Expired => certificates.expired.clone(),
        Shows::Revoked => certificates.revoked.clone(),
        Shows::Unlisted => certificates.unlisted.clone(),
        Shows::Anothers => sandbox.b().certificate.clone(),
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    for anchor in CertificateDer::pem_file_iter(&sandbox.ready.anchors).expect("anchors") {
        roots.add(anchor.expect("anchor")).expect("anchor");
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let chain: Vec<_> =
        CertificateDer::pem_file_iter(&pair.cert).and_then(Iterator::collect::<Result<_, _>>).expect("certificate");
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(verifier.build().expect("verifier"))
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(&pair.key).expect("key"))
        .expect("pair");
    Arc::new(config)
}
