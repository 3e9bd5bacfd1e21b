//! Outbound mail, second part: how many connections, kept for how long; the extensions of the server at the other end; hostile answers.
use crate::client::letter;
use crate::fake::{Fake, Script};
use crate::transfer::{ANNE, PAUL, Sender, heard, reports, said_mail};
use sceau_domain::dsn::{EnvelopeId, MailRequest, Notify, OriginalRecipient, RcptRequest, Ret};
use sceau_operator::mail::{Body, Envelope, Rcpt};
use sceau_testkit::addr;
use sceau_testkit::pki::Pki;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Notify as Bell, Semaphore};

const SHORT: Duration = Duration::from_millis(300);

fn contents(fake: &Fake) -> Vec<String> {
    fake.contents.lock().unwrap().iter().map(|c| String::from_utf8_lossy(c).into_owned()).collect()
}

fn envelope(to: Vec<Rcpt>) -> Envelope {
    Envelope {
        from: Some(addr(ANNE)),
        to,
        dsn: MailRequest::default(),
        helo: "poste".into(),
        with: "ESMTPSA",
        body: Body::EightBit,
        smtputf8: false,
        requiretls: false,
    }
}

fn asking(to: &str, notify: Option<Notify>) -> Rcpt {
    let orcpt = OriginalRecipient::new("rfc822", "Paul+x@beta.mssante.fr").ok();
    Rcpt { dsn: RcptRequest { notify, orcpt }, ..Rcpt::from(addr(to)) }
}

const SUCCESS: Notify = Notify { success: true, failure: true, delay: false };

#[tokio::test]
async fn what_is_asked_about_reports_goes_to_a_server_that_takes_it_and_is_answered_for_one_that_does_not() {
    let pki = Pki::new();
    for (secure, relays) in [(&["DSN", "SIZE"][..], true), (&["SIZE"][..], false)] {
        let fake = Script { secure, ..Script::new(&pki) }
            .answering(|l| Some(if l.contains("<nul@") { "550 5.1.1 No" } else { "250 2.0.0 Ok" }.into()));
        let fake = fake.start().await;
        let sender = Sender::new(&pki, &[fake.address]).await;
        let to = vec![
            asking(PAUL, Some(SUCCESS)),
            asking("zoe@beta.mssante.fr", None),
            asking("nul@beta.mssante.fr", Some(Notify::NEVER)),
        ];
        let dsn = MailRequest { ret: Some(Ret::Headers), envid: EnvelopeId::new("lot=7").ok() };
        sender.submit_envelope(Envelope { dsn, ..envelope(to) }, letter(ANNE, "dsn").as_bytes()).await;
        sender.empty().await;
        let said = heard(&fake).concat().join("\n");
        let asked = said.contains("RET=HDRS ENVID=lot+3D7")
            && said.contains(&format!("RCPT TO:<{PAUL}> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Paul+2Bx@beta.mssante.fr"))
            && said.contains("RCPT TO:<zoe@beta.mssante.fr> ORCPT=");
        assert_eq!(asked, relays, "{said}");
        let reports = reports(&sender.world).await;
        // Who said NEVER hears nothing of a failure, wherever it is made.
        assert!(!reports.concat().contains("nul@"), "{reports:?}");
        if relays {
            assert!(!said.contains("nul@beta.mssante.fr>\n"), "NEVER is said");
            assert_eq!(reports.len(), 0, "the other server reports");
        } else {
            assert!(!said.contains("NOTIFY") && !said.contains("ENVID"));
            assert_eq!(reports.len(), 1);
            for needed in [
                "Action: relayed",
                "Status: 2.0.0",
                "Original-Envelope-Id: lot=7",
                "Original-Recipient: rfc822;Paul+x@beta.mssante.fr",
                "Final-Recipient: rfc822; paul@beta.mssante.fr",
            ] {
                assert!(reports[0].contains(needed), "{needed}: {}", reports[0]);
            }
            assert!(!reports[0].contains("zoe@"), "only who asked");
        }
    }
}

#[tokio::test]
async fn bodies_are_converted_for_a_server_of_seven_bits_and_requiretls_is_kept() {
    let pki = Pki::new();
    let fake = Script { secure: &["SIZE"], ..Script::new(&pki) }.start().await;
    let sender = Sender::new(&pki, &[fake.address]).await;
    let text = "From: anne@alpha.mssante.fr\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nété\r\n";
    sender.submit_envelope(envelope(vec![addr(PAUL).into()]), text.as_bytes()).await;
    sender.empty().await;
    let got = contents(&fake).remove(0);
    assert!(got.is_ascii() && got.contains("=C3=A9t=C3=A9") && got.contains("quoted-printable"), "{got}");
    // A server that does not promise TLS further on has nothing of what asked for it.
    let asked = Envelope { requiretls: true, ..envelope(vec![addr(PAUL).into()]) };
    sender.submit_envelope(asked, letter(ANNE, "tls").as_bytes()).await;
    sender.empty().await;
    let reports = reports(&sender.world).await;
    assert!(reports.len() == 1 && reports[0].contains("Status: 5.7.30"), "{reports:?}");
    assert_eq!(contents(&fake).len(), 1);
}

#[tokio::test]
async fn chunks_and_limits_are_used_as_the_server_announces_them() {
    let pki = Pki::new();
    let secure = &["PIPELINING", "8BITMIME", "CHUNKING", "BINARYMIME", "REQUIRETLS", "LIMITS MAILMAX=1 RCPTMAX=2"];
    let fake = Script { secure, ..Script::new(&pki) }.start().await;
    let sender = Sender::new(&pki, &[fake.address]).await;
    let to = ["a", "b", "c"].map(|n| addr(&format!("{n}@beta.mssante.fr")).into()).to_vec();
    let text = format!("{}.\r\n{}", letter(ANNE, "morceaux"), "x\r\n".repeat(60_000));
    sender.submit_envelope(Envelope { requiretls: true, ..envelope(to) }, text.as_bytes()).await;
    sender.empty().await;
    let got = contents(&fake);
    assert_eq!(got.len(), 2, "two recipients, then one");
    assert!(got.iter().all(|c| c.ends_with(&text)), "as it is, no dot doubled");
    let said = heard(&fake);
    assert_eq!(said.len(), 2, "one message a session");
    assert!(said[0].iter().any(|l| l.ends_with("BODY=7BIT REQUIRETLS")), "{:?}", said[0]);
    assert!(
        said[0].iter().filter(|l| l.starts_with("RCPT")).count() == 2 && said[0].iter().any(|l| l.ends_with("LAST"))
    );
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_message_and_asked_whether_it_still_is_one() {
    let pki = Pki::new();
    let cut = Arc::new(AtomicBool::new(false));
    let gone = Arc::clone(&cut);
    let fake = Script::new(&pki)
        .answering(move |l| (!(l == "RSET" && gone.swap(false, Ordering::SeqCst))).then(|| "250 2.0.0 Ok".into()));
    let fake = fake.start().await;
    let sender = Sender::lingering(&pki, &[fake.address], Duration::from_secs(60)).await;
    for n in 0..2 {
        sender.submit(&[PAUL], &letter(ANNE, &format!("m{n}"))).await;
        sender.empty().await;
        tokio::time::sleep(SHORT).await;
    }
    assert_eq!(heard(&fake).len(), 1, "one connection for both");
    // It went away meanwhile: another one, and nobody hears of it.
    cut.store(true, Ordering::SeqCst);
    sender.submit(&[PAUL], &letter(ANNE, "m2")).await;
    sender.empty().await;
    assert_eq!((heard(&fake).len(), contents(&fake).len()), (2, 3));
    assert_eq!(sender.world.traces("mail.deferred").await.len(), 0);
    sender.stop().await;
    assert_eq!(heard(&fake)[1].last().map(String::as_str), Some("QUIT"), "closed politely");
}

#[tokio::test]
async fn a_server_that_has_taken_enough_on_one_connection_is_asked_again_over_another() {
    let pki = Pki::new();
    // The second message of each connection hears 421, or the end, instead of an answer to MAIL.
    for goodbye in [Some("421 4.7.0 Too many messages in this connection"), None] {
        let mails = AtomicUsize::new(0);
        let fake = Script::new(&pki).answering(move |l| {
            let enough = l.starts_with("MAIL") && mails.fetch_add(1, Ordering::SeqCst) % 2 == 1;
            if enough { goodbye.map(str::to_owned) } else { Some("250 2.0.0 Ok".into()) }
        });
        let fake = fake.start().await;
        let sender = Sender::new(&pki, &[fake.address]).await.paused().await;
        for n in 0..3 {
            sender.submit(&[PAUL], &letter(ANNE, &format!("m{n}"))).await;
        }
        let sender = sender.resumed(&pki, &[fake.address]).await;
        sender.empty().await;
        assert_eq!(contents(&fake).len(), 3, "{goodbye:?}: each once");
        assert_eq!(sender.world.traces("mail.deferred").await.len(), 0, "{goodbye:?}: nobody was put off");
    }
}

#[tokio::test]
async fn a_destination_is_sent_to_over_several_connections_and_pushes_back_without_being_given_up() {
    let pki = Pki::new();
    // Nobody is answered at the end of a content before two contents wait: with one connection nothing would move.
    let (met, waiting) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let pairs = Arc::new(AtomicUsize::new(0));
    let (counted, open) = (Arc::clone(&pairs), Arc::new(AtomicUsize::new(0)));
    let script = Script::new(&pki)
        // Three connections and no more.
        .answering(move |l| {
            let third = l == "greeting" && open.fetch_add(1, Ordering::SeqCst) >= 3;
            Some(if third { "421 4.7.0 Too many connections" } else { "250 2.0.0 Ok" }.into())
        })
        .waiting(move |_| {
            let (met, waiting, pairs) = (Arc::clone(&met), Arc::clone(&waiting), Arc::clone(&counted));
            Box::pin(async move {
                if waiting.fetch_add(1, Ordering::SeqCst) % 2 == 1 {
                    pairs.fetch_add(1, Ordering::SeqCst);
                    return met.add_permits(1);
                }
                // The last ones may come over one connection.
                if let Ok(Ok(permit)) = tokio::time::timeout(SHORT, met.acquire()).await {
                    permit.forget();
                }
            })
        });
    let fake = script.start().await;
    let sender = Sender::new(&pki, &[fake.address]).await.paused().await;
    for n in 0..40 {
        sender.submit(&[PAUL], &letter(ANNE, &format!("m{n}"))).await;
    }
    let sender = sender.resumed(&pki, &[fake.address]).await;
    sender.empty().await;
    assert_eq!(contents(&fake).len(), 40, "each once");
    assert!(pairs.load(Ordering::SeqCst) > 0, "two at once");
    assert_eq!(sender.world.traces("mail.deferred").await.len(), 0, "a connection too many is no dead destination");
}

#[tokio::test]
async fn a_message_that_takes_long_delays_no_other() {
    let pki = Pki::new();
    let bell = Arc::new(Bell::new());
    let rung = Arc::clone(&bell);
    let fake = Script::new(&pki).waiting(move |content| {
        let (bell, slow) = (Arc::clone(&rung), String::from_utf8_lossy(&content).contains("Subject: lent"));
        Box::pin(async move {
            if slow {
                bell.notified().await;
            }
        })
    });
    let fake = fake.start().await;
    let sender = Sender::new(&pki, &[fake.address]).await;
    sender.submit(&[PAUL], &letter(ANNE, "lent")).await;
    sender.wait("the slow one", async |_| contents(&fake).len() == 1).await;
    sender.submit(&[PAUL], &letter(ANNE, "court")).await;
    sender.wait("the other", async |s| contents(&fake).len() == 2 && s.queue().await.len() == 1).await;
    bell.notify_one();
    sender.empty().await;
}

#[tokio::test]
async fn a_server_that_speaks_before_it_is_asked_or_without_end_is_left() {
    let pki = Pki::new();
    let flood = || "250-x\r\n".repeat(200) + "250 x";
    for (script, needed) in [
        (Script { unasked: "250 2.1.0 Sender Ok\r\n250 2.1.5 Ok\r\n", ..Script::new(&pki) }, "transfer.protocol"),
        (
            Script::new(&pki).answering(move |l| Some(if l.starts_with("MAIL") { flood() } else { "250 Ok".into() })),
            "transfer.protocol",
        ),
        (
            Script::new(&pki).answering(|l| Some(if l == "greeting" { "554 No" } else { "250 Ok" }.into())),
            // What it said, in full.
            "(554 No)",
        ),
    ] {
        let fake = script.start().await;
        let sender = Sender::new(&pki, &[fake.address]).await;
        sender.submit(&[PAUL], &letter(ANNE, "bavard")).await;
        let why = sender.tried().await;
        assert!(why.contains(needed), "{why}");
        assert_eq!(contents(&fake).len(), 0);
        let _ = said_mail(&fake);
    }
}

#[tokio::test]
async fn a_full_mailbox_is_told_as_one_to_machines() {
    let pki = Pki::new();
    let fake = Script::new(&pki).answering(|l| Some(if l.starts_with("RCPT") { "552 plein" } else { "250 Ok" }.into()));
    let fake = fake.start().await;
    let sender = Sender::new(&pki, &[fake.address]).await;
    sender.submit(&[PAUL], &letter(ANNE, "plein")).await;
    sender.empty().await;
    let reports = reports(&sender.world).await;
    assert!(
        reports[0].contains("Status: 5.2.2") && reports[0].contains("The recipient's mailbox is full"),
        "{}",
        reports[0]
    );
}
