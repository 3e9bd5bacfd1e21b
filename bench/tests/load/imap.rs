use crate::fake_imap::{Fake, Manners};
use crate::pki::Pki;
use clap::Parser;
use sceau_bench::SetupError;
use sceau_bench::imap::{Options, Report, run};
use std::sync::atomic::Ordering::SeqCst;

fn options(fake: &Fake, pki: &Pki, more: &[&str]) -> Options {
    let (target, ca) = (format!("localhost:{}", fake.address.port()), pki.path("ca.pem"));
    let base = ["imap-load", "--target", &target, "--starttls", "--ca", &ca, "--timeout", "5"];
    let who: &[&str] = if more.contains(&"--password") { &[] } else { &["--user", "u", "--password", "p"] };
    Options::parse_from(base.iter().chain(who).chain(more))
}

async fn load(fake: &Fake, pki: &Pki, more: &[&str]) -> Report {
    let report = run(options(fake, pki, more)).await.unwrap();
    println!("{report}\n{}", serde_json::to_string(&report).unwrap());
    report
}

#[tokio::test]
async fn a_mix_is_done_and_counted_operation_by_operation() {
    let pki = Pki::new(false);
    let fake = Fake::start(Manners { initial: true, ..Manners::default() }, pki.acceptor.clone()).await;
    let more = ["--fill", "10", "--size", "1000", "--count", "100", "--sessions", "5", "--warm-up", "0"];
    let r = load(&fake, &pki, &more).await;
    assert!(fake.seen.secured.load(SeqCst));
    assert_eq!((r.done, r.errors.total(), r.refusals.total()), (100, 0, 0));
    let counted: u64 = r.operations.values().map(|row| row.took.count).sum();
    assert_eq!(counted, 100);
    // Selections of the fill (1) and of the sessions (5) are not measured.
    assert_eq!(r.operations["select"].took.count as usize, fake.seen.count("SELECT") - 6);
    assert_eq!(r.operations["append"].took.count as usize, fake.seen.count("APPEND") - 10);
    assert_eq!(r.operations["store"].took.count as usize, fake.seen.count("STORE"));
    let bodies = &r.operations["fetch-body"];
    assert!(bodies.bytes >= bodies.took.count * 1000, "whole messages were read: {bodies:?}");
    assert_eq!(r.setup.unwrap().count, 5);
    assert!(r.handshake.unwrap().count == 5 && r.tls.unwrap().starts_with("TLSv1_3"));
}

#[tokio::test]
async fn every_way_to_log_in_and_a_refusal() {
    let pki = Pki::new(false);
    for (manners, verb) in [
        (Manners { initial: true, ..Manners::default() }, "AUTHENTICATE PLAIN AHUAcA=="),
        (Manners::default(), "AUTHENTICATE PLAIN"),
        (Manners { login_only: true, ..Manners::default() }, "LOGIN"),
    ] {
        let fake = Fake::start(manners, pki.acceptor.clone()).await;
        let r = load(&fake, &pki, &["--operations", "select,search", "--count", "4"]).await;
        assert_eq!((r.done, fake.seen.count(verb)), (4, 1), "{verb}");
        assert_eq!((r.operations["select"].took.count, r.operations["search"].took.count), (2, 2));
        let r = load(&fake, &pki, &["--user", "u", "--password", "x", "--count", "2"]).await;
        assert!(r.done == 0 && r.errors.total() == 3, "at the start and for each operation: {:?}", r.errors);
    }
}

#[tokio::test]
async fn refusals_and_empty_work_are_told() {
    let pki = Pki::new(false);
    let fake = Fake::start(Manners { lazy: true, ..Manners::default() }, pki.acceptor.clone()).await;
    let r = load(&fake, &pki, &["--operations", "fetch-body", "--count", "2"]).await;
    assert_eq!((r.done, r.errors.get("fetch-body: the folder is empty (--fill)")), (0, 2));
    let r = load(&fake, &pki, &["--operations", "search", "--search", "ODD", "--count", "2"]).await;
    assert_eq!((r.done, r.refusals.get("search BAD")), (0, 2));
    let r = load(&fake, &pki, &["--operations", "fetch-flags", "--fill", "2", "--count", "2"]).await;
    assert_eq!(
        (r.done, r.refusals.get("fetch-flags OK without a message")),
        (0, 2),
        "an OK that did nothing is no result"
    );
    let e = run(options(&fake, &pki, &["--folder", "Other", "--fill", "1"])).await.unwrap_err();
    assert!(matches!(e, SetupError::Prepare(_)), "{e}");
}

#[tokio::test]
async fn parked_sessions_are_counted_at_the_end() {
    let pki = Pki::new(false);
    let fake = Fake::start(Manners { initial: true, cut_idle: 3, ..Manners::default() }, pki.acceptor.clone()).await;
    let me = std::process::id().to_string();
    let r = load(
        &fake,
        &pki,
        &[
            "--operations",
            "idle",
            "--sessions",
            "40",
            "--seconds",
            "1",
            "--opening",
            "4",
            "--spread",
            "3",
            "--pid",
            &me,
        ],
    )
    .await;
    let idle = r.idle.as_ref().unwrap();
    assert_eq!((idle.parked, idle.alive_at_the_end), (40, 37));
    assert_eq!(r.errors.get("connection lost"), 3);
    assert_eq!(r.operations["idle"].took.count, 37);
    assert!(idle.held_seconds >= 1.0 && idle.opened_per_second > 0.0 && r.per_second == 0.0);
    assert!(idle.server_kib_per_session.is_some() && r.server.is_some());
    assert_eq!(fake.seen.connections.load(SeqCst), 40);
}
