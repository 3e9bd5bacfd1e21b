//! The white list's life in the running program: whatever goes wrong with it, the last good copy serves and an alarm with a stable code
//! rises; a good list clears it; what a new list takes away is refused at once, on open connections too.
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use sceau_domain::{Clock, SystemClock, Timestamp};
use sceau_e2e::mailbox::Mailbox;
use sceau_e2e::peer::letter;
use sceau_e2e::sandbox::{KeyPair, Operator};
use sceau_e2e::{Letter, Peer, Sandbox, curl, proves, wait};
use sceau_trust::Identity;
use sceau_trust::whitelist::{Entry, sign};
use std::io::copy;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const OUT: &str = "accueil@clinique-exterieure.mssante.fr";
const ANNE: &str = "anne.legoff@bretagne.mssante.fr";

/// A sandbox whose second operator asks for the list every second.
fn eager() -> Sandbox {
    let mut sandbox = Sandbox::start();
    sandbox.configure(1, &[("every_seconds = 60", "every_seconds = 1")]);
    sandbox
}

/// The file that the played authority serves.
fn served(sandbox: &Sandbox) -> PathBuf {
    sandbox.data.join("pki/listeblanche.xml")
}

/// Has the played authority serve this list.
pub(crate) fn put(sandbox: &Sandbox, list: &[u8]) {
    let (file, new) = (served(sandbox), sandbox.data.join("pki/listeblanche.new"));
    std::fs::write(&new, list).expect("list");
    std::fs::rename(new, file).expect("list");
}

fn identity(pair: &KeyPair) -> Identity {
    let read = |p: &PathBuf| std::fs::read(p).expect("PEM");
    Identity::from_pem(&read(&pair.cert), &read(&pair.key)).expect("pair")
}

/// Entries of the sandbox's world: both operators, the outsider unless told otherwise, and the operators' other domains.
pub(crate) fn entries(sandbox: &Sandbox, outsider: bool) -> Vec<Entry> {
    let ready = &sandbox.ready;
    let mut pairs: Vec<(&str, KeyPair)> =
        ready.operators.iter().map(|o| (o.domains[0].as_str(), o.certificate.clone())).collect();
    if outsider {
        pairs.push((&ready.outsiders[0].domain, sandbox.outsider()));
    }
    for o in &ready.operators {
        pairs.extend(o.domains.iter().skip(1).map(|domain| (domain.as_str(), o.certificate.clone())));
    }
    pairs.iter().map(|(domain, pair)| entry(domain, pair)).collect()
}

/// What a list says of a domain with this certificate.
pub(crate) fn entry(domain: &str, pair: &KeyPair) -> Entry {
    Entry {
        domain: domain.into(),
        description: "essai".into(),
        dn: identity(pair).dn.to_string(),
        responsible: format!("responsable@{domain}"),
        support: format!("support@{domain}"),
        updated: SystemClock.now(),
    }
}

fn signed_by(signer: &KeyPair, entries: &[Entry], generated: Timestamp) -> Vec<u8> {
    let key = PrivateKeyDer::from_pem_file(&signer.key).expect("key");
    sign(entries, generated, &identity(signer).chain, key.secret_der()).expect("signed")
}

/// A list that the played authority signed.
pub(crate) fn signed(sandbox: &Sandbox, entries: &[Entry], generated: Timestamp) -> Vec<u8> {
    let authority = &sandbox.ready.authority;
    let signer = KeyPair { cert: authority.signing_cert.clone(), key: authority.signing_key.clone() };
    signed_by(&signer, entries, generated)
}

fn outsider(sandbox: &Sandbox) -> Peer {
    Peer::secure(&sandbox.b().endpoints.mx, &sandbox.tls(Some(&sandbox.outsider())))
}

#[track_caller]
fn still_serves(sandbox: &Sandbox, id: &str) {
    outsider(sandbox).up_to_data(OUT, &[ANNE]).content(letter(OUT, ANNE, id, "x").as_bytes()).expect("250 2.0.0");
}

/// Waits for the alarm; it has both sentences.
#[track_caller]
fn rises(sandbox: &Sandbox, code: &str) -> serde_json::Value {
    let alarm = wait::until(&format!("alarm {code}"), 30, || sandbox.b().alarm(code));
    for sentence in ["fr", "en"] {
        let text = alarm[sentence].as_str().unwrap_or_default();
        assert!(text.len() > 20 && !text.starts_with("alarm."), "{alarm}");
    }
    alarm
}

#[track_caller]
fn clears(sandbox: &Sandbox, code: &str) {
    wait::until(&format!("alarm {code} to be cleared"), 30, || sandbox.b().alarm(code).is_none().then_some(()));
    let all = sandbox.b().cli(&["alarm", "list", "--all"]);
    let kept = all.as_array().into_iter().flatten().find(|a| a["code"] == code).expect("a cleared alarm is remembered");
    assert!(!kept["cleared"].is_null(), "{kept}");
}

#[test]
fn a_list_that_is_not_good_is_not_put_in_force() {
    let _proof = proves(&["F202", "F076", "F269"], "smtp");
    let sandbox = eager();
    let all = entries(&sandbox, true);
    let now = SystemClock.now();
    let fewer = entries(&sandbox, false);
    // Every bad list would take the outsider away, were it believed.
    let tampered = {
        let text = String::from_utf8(signed(&sandbox, &all, now)).expect("UTF-8");
        assert!(text.contains("<Nom>clinique-exterieure.mssante.fr"));
        text.replace("<Nom>clinique-exterieure.mssante.fr", "<Nom>clinique-interieure.mssante.fr").into_bytes()
    };
    let unsigned = {
        let text = String::from_utf8(signed(&sandbox, &fewer, now)).expect("UTF-8");
        let (from, to) = (text.find("<Signature ").expect("signed"), text.find("</Signature>").expect("signed") + 12);
        [&text[..from], &text[to..]].concat().into_bytes()
    };
    let certificates = &sandbox.ready.certificates;
    let cases: [(&str, Vec<u8>); 7] = [
        ("white_list.signature", tampered),
        ("white_list.profile", unsigned),
        ("white_list.signer", signed_by(&certificates.unlisted, &fewer, now)),
        ("white_list.signer", signed_by(&certificates.rogue, &fewer, now)),
        ("white_list.rollback", signed(&sandbox, &fewer, now.plus_ms(-86_400_000))),
        ("white_list.future", signed(&sandbox, &fewer, now.plus_ms(86_400_000))),
        ("white_list.format", b"ceci n'est pas une liste".to_vec()),
    ];
    let good = std::fs::read(served(&sandbox)).expect("list");
    for (i, (code, list)) in cases.iter().enumerate() {
        put(&sandbox, list);
        let alarm = rises(&sandbox, code);
        assert_eq!(alarm["severity"], "critical", "{alarm}");
        still_serves(&sandbox, &format!("pendant-{i}"));
        put(&sandbox, &good);
        clears(&sandbox, code);
    }
    still_serves(&sandbox, "apres");
}

#[test]
fn what_a_new_list_takes_away_is_refused_on_open_connections_too_and_its_queued_mail_comes_back() {
    let _proof = proves(&["F202", "F203", "F076", "F066"], "smtp");
    let _cli = proves(&["F202", "F203", "F204", "F211", "F151"], "cli");
    let mut sandbox = Sandbox::start();
    // Mail that waits is tried again in ten minutes, not before.
    let slowly = ("retry_seconds = [1, 2, 5, 10, 30, 60]", "retry_seconds = [600]");
    sandbox.configure(1, &[("every_seconds = 60", "every_seconds = 1"), slowly]);
    let (b, anne) = (sandbox.b().clone(), sandbox.b().account("Per", 0).clone());
    let mark = sandbox.b().mark();
    let waits = Letter::short(&anne.address, OUT, "En attente");
    let _ = curl::send(&sandbox, &b, &anne, &[OUT], &waits.bytes).ok();
    wait::until("a first attempt", 30, || b.cli(&["queue", "list"])[0]["last_reply"].as_str().map(drop));
    let mut open = outsider(&sandbox);
    open.up_to_data(OUT, &[ANNE]).content(letter(OUT, ANNE, "avant", "x").as_bytes()).expect("250 2.0.0");
    // One transaction is under way when the list changes: DATA is judged again.
    let mut under_way = outsider(&sandbox);
    under_way.up_to_data(OUT, &[ANNE]);
    let without = signed(&sandbox, &entries(&sandbox, false), SystemClock.now().plus_ms(1_000));
    put(&sandbox, &without);
    wait::until("the new list in force", 30, || {
        let reply = open.send(&format!("MAIL FROM:<{OUT}>")).hear();
        if reply.starts_with("250") {
            open.send("RSET").expect("250");
            return None;
        }
        assert!(reply.starts_with("554 5.7.1 ") && reply.contains("[sender.domain_not_peers]"), "{reply}");
        Some(())
    });
    open.send("MAIL FROM:<>").refused("554 5.7.1 ", "peer.not_listed");
    under_way.content(letter(OUT, ANNE, "pendant", "x").as_bytes()).refused("554 5.7.1 ", "sender.domain_not_peers");
    outsider(&sandbox).send(&format!("MAIL FROM:<{OUT}>")).refused("554 5.7.1 ", "peer.not_listed");
    // What waited comes back now, with the reason.
    let mut mailbox = Mailbox::open(&b, &anne, &sandbox.tls(None));
    mailbox.ok("SELECT INBOX");
    wait::until("the report", 60, || {
        let found = mailbox.ok("SEARCH TEXT \"transfer.domain_left\" TEXT \"quitt\"");
        let hits = found.lines().next().and_then(|l| l.strip_prefix("* SEARCH "));
        hits.is_some_and(|hits| !hits.trim().is_empty()).then_some(())
    });
    assert_eq!(b.cli(&["queue", "list"]), serde_json::json!([]));
    people_read_it(&sandbox, &b);
    let adopted =
        sandbox.b().traces_since(mark).into_iter().rfind(|t| t["act"] == "white_list.adopted").expect("traced");
    assert_eq!(adopted["data"]["named"]["removed"], serde_json::json!(["clinique-exterieure.mssante.fr"]), "{adopted}");
    // Listed again, with its own certificate: welcome again. With another's: not.
    let mut stolen = entries(&sandbox, true);
    stolen[2].dn = stolen[0].dn.clone();
    put(&sandbox, &signed(&sandbox, &stolen, SystemClock.now().plus_ms(2_000)));
    wait::until("the third list in force", 30, || {
        sandbox.b().traces_since(mark).iter().filter(|t| t["act"] == "white_list.adopted").nth(1).map(|_| ())
    });
    outsider(&sandbox).send(&format!("MAIL FROM:<{OUT}>")).refused("554 5.7.1 ", "peer.not_listed");
    put(&sandbox, &signed(&sandbox, &entries(&sandbox, true), SystemClock.now().plus_ms(3_000)));
    wait::until("the fourth list in force", 30, || {
        outsider(&sandbox).send(&format!("MAIL FROM:<{OUT}>")).hear().starts_with("250").then_some(())
    });
}

/// What an administrator reads of the domain that left, of certificates and of partners; and that no private key is anywhere but in its file.
fn people_read_it(sandbox: &Sandbox, b: &Operator) {
    let domain = "clinique-exterieure.mssante.fr";
    let check = b.cli(&["trust", "check", domain]);
    assert_eq!((&check["listed"], &check["accepts"]), (&false.into(), &false.into()), "{check}");
    let said = b.cli_text(&["--lang", "fr", "trust", "check", domain]).ok().out;
    assert!(said.contains("✗ clinique-exterieure.mssante.fr a quitté la liste blanche le 20"), "{said}");
    let own = b.cli_text(&["--lang", "fr", "trust", "check", "bretagne.mssante.fr"]).ok().out;
    assert!(own.contains("✓ Tous nos certificats y sont inscrits"), "{own}");
    // The other operator's server, as it shows itself.
    let seen = b.cli(&["trust", "check", "alpes.mssante.fr", "--connect"]);
    assert!(seen["sends"] == true && seen["handshakes"][0]["finding"]["good"] == true, "{seen:#}");
    assert!(seen["handshakes"][0]["tls"].as_str().is_some_and(|t| t.starts_with("TLSv1.3")), "{seen:#}");
    let status = b.cli(&["trust", "status"]);
    assert!(status["domains"] == 4 && status["signer"].as_str().is_some_and(|s| s.contains("CN=alb.")), "{status}");
    assert_eq!(b.cli(&["trust", "list", "--search", "BRETAGNE"])[0]["ours"], true);
    let changes = b.cli(&["trust", "diff", "--domain", domain]);
    assert_eq!((&changes[0]["change"], changes[0]["lost"].as_array().map(Vec::len)), (&"removed".into(), Some(1)));
    let table = b.cli_text(&["--lang", "fr", "trust", "diff"]).ok().out;
    assert!(table.contains("CHANGEMENT") && table.contains("retiré"), "{table}");
    // Partners: written within seconds.
    let peer = wait::until("the ledger", 30, || {
        let all = b.cli(&["peers", "--search", "clinique"]);
        (all[0]["received"].as_i64() == Some(1)).then(|| b.cli(&["peers", domain]))
    });
    assert!(peer["tls_in"].as_str().is_some_and(|t| t.starts_with("TLSv1.3")) && peer["listed"] == false, "{peer:#}");
    assert!(peer["causes"].as_array().is_some_and(|c| c.iter().any(|c| c["direction"] == "out")), "{peer:#}");
    let table = b.cli_text(&["--lang", "fr", "peers", domain]).ok().out;
    assert!(table.contains("TLS ENTRANT") && table.contains("entrant"), "{table}");
    assert!(b.cli_text(&["--lang", "fr", "peers"]).ok().out.contains("DÉLAI MÉDIAN"), "a header");
    // Certificates.
    let all = b.cli(&["certificates", "list"]);
    let of = |kind: &str| all.as_array().into_iter().flatten().filter(|c| c["kind"] == kind).count();
    assert_eq!((of("own"), of("signer"), of("peer") > 0, of("anchor") > 0), (1, 1, true, true), "{all:#}");
    let mine = all.as_array().into_iter().flatten().find(|c| c["kind"] == "own").expect("ours");
    let shown = b.cli(&["certificates", "show", mine["id"].as_str().expect("id")]);
    assert_eq!(shown["domains"], serde_json::json!(b.domains));
    assert!(b.cli_text(&["--lang", "fr", "certificates", "list"]).ok().out.contains("à nous"), "in words");
    let gone = b.cli_raw(&["certificates", "retire", mine["id"].as_str().expect("id"), "--reason", "essai"]);
    assert!(gone.code == 1 && gone.err.contains("[state.wrong]"), "{gone:?}");
    no_key_anywhere(sandbox, b, mine["fingerprint"].as_str().expect("hex"));
}

/// Looks through the database and a backup for the node's private key, in every form, and for a public fact, to know that it would be found.
fn no_key_anywhere(sandbox: &Sandbox, b: &Operator, known: &str) {
    let key = PrivateKeyDer::from_pem_file(&b.certificate.key).expect("key");
    // The end of a key is its secret part (PKCS#8 of a curve: private, then public).
    let secret = &key.secret_der()[30..];
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let forms: [Vec<u8>; 3] = [secret[..32].to_vec(), hex.as_bytes()[..40].to_vec(), b"PRIVATE KEY".to_vec()];
    let copy = sandbox.data.join("copie-cherchee");
    let _ = b.cli(&["backup", copy.to_str().expect("UTF-8")]);
    for place in [copy, b.data.clone()] {
        let (mut waiting, mut found, mut files) = (vec![place.clone()], false, 0);
        while let Some(path) = waiting.pop() {
            if path.is_dir() {
                waiting.extend(std::fs::read_dir(&path).expect("folder").flatten().map(|f| f.path()));
                continue;
            }
            // Files of a running server may go while they are looked for.
            let Ok(bytes) = std::fs::read(&path) else { continue };
            let clear = zstd::decode_all(bytes.as_slice()).unwrap_or(bytes);
            files += 1;
            found |= memchr::memmem::find(&clear, known.as_bytes()).is_some();
            for form in &forms {
                assert!(memchr::memmem::find(&clear, form).is_none(), "a key in {}", path.display());
            }
        }
        assert!(found, "{} was not really searched ({files} files)", place.display());
    }
}

/// Passes connections on to the authority until it is told to cut them.
fn relay(to: &str) -> (u16, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    let port = listener.local_addr().expect("port").port();
    let cut = Arc::new(AtomicBool::new(false));
    let (to, broken) = (to.to_owned(), cut.clone());
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            if broken.load(Ordering::SeqCst) {
                continue;
            }
            let Ok(server) = TcpStream::connect(&to) else { continue };
            let (Ok(c), Ok(s)) = (client.try_clone(), server.try_clone()) else { continue };
            for (mut from, mut into) in [(client, s), (server, c)] {
                std::thread::spawn(move || {
                    let _ = copy(&mut from, &mut into);
                    let _ = into.shutdown(Shutdown::Write);
                });
            }
        }
    });
    (port, cut)
}

#[test]
fn without_the_authority_the_last_good_copy_serves_after_a_restart_too() {
    let _proof = proves(&["F202", "F264", "F269"], "smtp");
    let mut sandbox = Sandbox::start();
    let url = sandbox.ready.authority.white_list.clone();
    let authority = url.strip_prefix("https://localhost:").and_then(|u| u.split('/').next()).expect("port").to_owned();
    let (port, cut) = relay(&format!("127.0.0.1:{authority}"));
    let (from, to) = (format!("https://localhost:{authority}/"), format!("https://localhost:{port}/"));
    sandbox.configure(1, &[("every_seconds = 60", "every_seconds = 1"), (&from, &to)]);
    still_serves(&sandbox, "avant");
    assert_eq!(sandbox.b().alarm("white_list.fetch"), None);
    // The authority goes away while we run.
    cut.store(true, Ordering::SeqCst);
    let first = rises(&sandbox, "white_list.fetch");
    assert_eq!(first["severity"], "warning", "a good list is in force: {first}");
    still_serves(&sandbox, "pendant");
    // Once more is the same alarm, counted.
    wait::until("the alarm to be counted", 30, || {
        (sandbox.b().alarm("white_list.fetch")?["count"].as_i64()? > first["count"].as_i64()?).then_some(())
    });
    // We are killed, and come back while it is still away: the stored copy serves, judged again.
    sandbox.kill_and_wait(1);
    rises(&sandbox, "white_list.fetch");
    still_serves(&sandbox, "redemarre");
    outsider(&sandbox).send("MAIL FROM:<x@alpes.mssante.fr>").refused("554 5.7.1 ", "sender.domain_not_peers");
    let unlisted = sandbox.tls(Some(&sandbox.ready.certificates.unlisted));
    Peer::secure(&sandbox.b().endpoints.mx, &unlisted).send("MAIL FROM:<>").refused("554 5.7.1 ", "peer.not_listed");
    // It comes back.
    cut.store(false, Ordering::SeqCst);
    clears(&sandbox, "white_list.fetch");
}
