use crate::fake_smtp::{Fake, Manners};
use crate::pki::Pki;
use clap::Parser;
use sceau_bench::SetupError;
use sceau_bench::smtp::{Options, Report, run};
use std::sync::atomic::Ordering::SeqCst;

fn options(fake: &Fake, more: &[&str]) -> Options {
    // By name: the certificate is for `localhost`.
    let target = format!("localhost:{}", fake.address.port());
    let base = ["smtp-load", "--target", &target, "--from", "a@b.example", "--timeout", "5", "--run-id", "t"];
    Options::parse_from(base.iter().chain(more))
}

async fn load(fake: &Fake, more: &[&str]) -> Report {
    let report = run(options(fake, more)).await.unwrap();
    println!("{report}\n{}", serde_json::to_string(&report).unwrap());
    report
}

const TO: [&str; 2] = ["--recipients", "c@d.example"];

#[tokio::test]
async fn what_it_reports_is_what_the_server_kept() {
    let fake = Fake::start(Manners::default(), None).await;
    let log = tempfile::NamedTempFile::new().unwrap();
    let log_path = log.path().to_str().unwrap();
    let more = [
        "--plain",
        "--recipients",
        "c@d.example,e@f.example",
        "--sessions",
        "4",
        "--messages",
        "50",
        "--size",
        "2000",
        "--log",
        log_path,
    ];
    let r = load(&fake, &more).await;
    assert_eq!((r.accepted, r.accepted_recipients, r.accepted_bytes, r.warm_up.accepted), (50, 50, 100_000, 12));
    assert_eq!((r.errors.total(), r.refusals.total(), r.given_up), (0, 0, 0));
    assert_eq!(r.transaction.unwrap().count, 50);
    assert!(r.handshake.is_none() && r.handshake_share.is_none() && r.tls.is_none());
    assert_eq!(fake.seen.connections.load(SeqCst), 4, "kept connections");
    let kept = fake.seen.messages.lock().unwrap();
    assert_eq!(kept.len(), 62, "every message is another one, the warm-up's too");
    assert!(kept.values().all(|copies| copies.len() == 1 && copies[0].len() == 2000));
    let mut logged: Vec<String> =
        std::fs::read_to_string(log_path).unwrap().lines().map(|l| l.split_once('\t').unwrap().0.to_owned()).collect();
    logged.sort_unstable();
    assert!(
        logged.iter().eq(kept.keys().collect::<std::collections::BTreeSet<_>>().into_iter()),
        "the log is what was acknowledged"
    );
    let to: std::collections::BTreeSet<String> = fake.seen.recipients.lock().unwrap().iter().cloned().collect();
    assert_eq!(to.len(), 2, "{to:?}");
}

#[tokio::test]
async fn fresh_connections_with_a_client_certificate() {
    let pki = Pki::new(true);
    let fake = Fake::start(Manners { pipelining: true, ..Manners::default() }, Some(pki.acceptor.clone())).await;
    let (ca, cert, key) = (pki.path("ca.pem"), pki.path("client.pem"), pki.path("client.key"));
    let tls = ["--starttls", "--ca", &ca, "--client-cert", &cert, "--client-key", &key];
    let run = ["--fresh", "--pipelining", "--sessions", "2", "--messages", "10", "--warm-up", "1"];
    let r = load(&fake, &[&tls[..], &run, &TO].concat()).await;
    assert_eq!((r.accepted, r.errors.total()), (10, 0));
    assert_eq!(fake.seen.connections.load(SeqCst), 12, "one a message, one a warm-up");
    assert_eq!(r.connection.as_ref().unwrap().count, 10);
    assert_eq!(r.handshake.as_ref().unwrap().count, 10);
    let share = r.handshake_share.unwrap();
    assert!(share > 0.0 && share < 1.0, "{share}");
    assert!(r.tls.unwrap().starts_with("TLSv1_3"));
    assert_eq!(fake.seen.most_commands_at_once.load(SeqCst), 3, "MAIL, RCPT and DATA at once");
    // A full handshake each, unless resumption is asked for; then all but the first, which are the warm-up's.
    assert_eq!(r.resumed, 0);
    let r = load(&fake, &[&tls[..], &run, &["--resume"], &TO].concat()).await;
    assert_eq!((r.accepted, r.resumed), (10, 10));
}

#[tokio::test]
async fn without_its_certificate_every_attempt_is_an_error_and_the_run_ends() {
    let pki = Pki::new(true);
    let fake = Fake::start(Manners { implicit: true, ..Manners::default() }, Some(pki.acceptor.clone())).await;
    let r = load(&fake, &[&["--tls", "--insecure", "--fresh", "--messages", "3"][..], &TO].concat()).await;
    assert_eq!((r.accepted, r.errors.total(), r.given_up), (0, 3, 3));
    assert!(r.warm_up.errors.total() == 1, "the warm-up gives up at once: {:?}", r.warm_up);
}

#[tokio::test]
async fn an_unknown_authority_is_not_believed() {
    let (pki, other) = (Pki::new(false), Pki::new(false));
    let fake = Fake::start(Manners { implicit: true, ..Manners::default() }, Some(pki.acceptor.clone())).await;
    let ca = other.path("ca.pem");
    let r = load(&fake, &[&["--tls", "--ca", &ca, "--messages", "2", "--warm-up", "0"][..], &TO].concat()).await;
    assert_eq!(r.accepted, 0);
    assert!(r.errors.iter().all(|(key, _)| key.starts_with("tls: ")), "{:?}", r.errors);
    let r = load(&fake, &[&["--tls", "--insecure", "--messages", "2"][..], &TO].concat()).await;
    assert_eq!(r.accepted, 2);
}

#[tokio::test]
async fn refusals_are_counted_by_command_and_code() {
    let fake = Fake::start(Manners { pipelining: true, ..Manners::default() }, None).await;
    for pipelining in [&[][..], &["--pipelining"]] {
        let more = ["--plain", "--messages", "6", "--warm-up", "0", "--recipients", "nobody@d.example,c@d.example"];
        let r = load(&fake, &[&more[..], pipelining].concat()).await;
        assert_eq!((r.accepted, r.refusals.get("RCPT 550 5.1.1"), r.refusals.total()), (3, 3, 3));
        assert_eq!((r.errors.total(), r.given_up), (0, 0), "refused for good is an answer");
        let r = load(&fake, &[&more[..], &["--per-message", "2"], pipelining].concat()).await;
        assert_eq!((r.accepted, r.accepted_recipients, r.refusals.total()), (6, 6, 6));
    }
}

#[tokio::test]
async fn logs_in_and_says_when_it_may_not() {
    let fake = Fake::start(Manners::default(), None).await;
    let r = load(&fake, &[&["--plain", "--auth", "user:secret", "--messages", "2"][..], &TO].concat()).await;
    assert_eq!((r.accepted, fake.seen.logins.load(SeqCst)), (2, 1));
    let r = load(&fake, &[&["--plain", "--auth", "user:wrong", "--messages", "2", "--warm-up", "0"][..], &TO].concat())
        .await;
    assert_eq!((r.accepted, r.errors.get("AUTH 535 5.7.8")), (0, 2));
}

#[tokio::test]
async fn a_lost_answer_is_retried_byte_for_byte_until_acknowledged() {
    let manners = Manners { cut_every: Some(4), defer_every: Some(5), ..Manners::default() };
    let fake = Fake::start(manners, None).await;
    let r = load(
        &fake,
        &[&["--plain", "--retry", "--sessions", "2", "--messages", "30", "--warm-up", "0"][..], &TO].concat(),
    )
    .await;
    assert_eq!((r.accepted, r.given_up), (30, 0), "everything is acknowledged in the end");
    let (cuts, deferred) = (r.errors.get("connection lost"), r.refusals.get("content 451 4.3.0"));
    assert!(cuts > 0 && deferred > 0);
    assert_eq!(r.retried, cuts + deferred);
    let kept = fake.seen.messages.lock().unwrap();
    let copies: Vec<_> = kept.values().filter(|c| c.len() > 1).collect();
    assert!(kept.len() == 30 && !copies.is_empty());
    assert!(copies.iter().all(|c| c.iter().all(|x| *x == c[0])), "a retry is the same message");
}

#[tokio::test]
async fn without_retry_an_unanswered_message_is_not_claimed() {
    let fake = Fake::start(Manners { cut_every: Some(2), ..Manners::default() }, None).await;
    let r = load(&fake, &[&["--plain", "--messages", "6", "--warm-up", "0"][..], &TO].concat()).await;
    assert_eq!((r.accepted, r.given_up, r.retried, r.errors.total()), (3, 3, 0, 3));
}

#[tokio::test]
async fn a_busy_server_and_bytes_before_tls_are_errors() {
    let fake = Fake::start(Manners { busy: true, ..Manners::default() }, None).await;
    let r = load(&fake, &[&["--plain", "--messages", "2", "--warm-up", "0"][..], &TO].concat()).await;
    assert_eq!(r.errors.get("greeting 421 4.3.2"), 2, "one a message: {:?}", r.errors);
    assert_eq!(r.warm_up.errors.get("greeting 421 4.3.2"), 1, "the connection before the window: {:?}", r.warm_up);
    let pki = Pki::new(false);
    let fake = Fake::start(Manners { inject: true, ..Manners::default() }, Some(pki.acceptor.clone())).await;
    let r =
        load(&fake, &[&["--starttls", "--insecure", "--fresh", "--messages", "2", "--warm-up", "0"][..], &TO].concat())
            .await;
    assert_eq!(r.errors.get("protocol: bytes before the TLS handshake"), 2, "{:?}", r.errors);
}

#[tokio::test]
async fn an_open_load_keeps_its_rate() {
    let fake = Fake::start(Manners::default(), None).await;
    let r = load(&fake, &[&["--plain", "--rate", "50", "--seconds", "1", "--sessions", "3"][..], &TO].concat()).await;
    assert_eq!(r.accepted, 50, "one second at fifty a second, whatever the server could do");
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let fake = Fake::start(Manners::default(), None).await;
    let mut remote = options(&fake, &[&["--plain"][..], &TO].concat());
    remote.common.target = "192.0.2.1:25".parse().unwrap();
    assert!(matches!(run(remote).await, Err(SetupError::Remote(_))));
    for (more, what) in [
        (&["--tls"][..], "--ca"),
        (&["--tls", "--ca", "/nonexistent.pem"], "nonexistent"),
        (&["--plain", "--per-message", "2"], "--per-message"),
    ] {
        let e = run(options(&fake, &[more, &TO].concat())).await.unwrap_err();
        assert!(e.to_string().contains(what), "{e}");
    }
    assert_eq!(fake.seen.connections.load(SeqCst), 0);
}
