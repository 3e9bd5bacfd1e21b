//! Outbound mail: to another Sceau, and to played servers that take, refuse, lie and cut.
use crate::client::letter;
use crate::fake::{Fake, Script};
use crate::world::World;
use arc_swap::ArcSwap;
use sceau_domain::dsn::MailRequest;
use sceau_operator::mail::{Body, Envelope};
use sceau_operator::queue::QueueView;
use sceau_operator::{Door, Origin};
use sceau_smtp::transfer::{Routes, Timeouts, TransferConfig, run};
use sceau_testkit::addr;
use sceau_testkit::pki::Pki;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

pub const ANNE: &str = "anne@alpha.mssante.fr";
pub const PAUL: &str = "paul@beta.mssante.fr";
const LONG: Duration = Duration::from_secs(20);

/// The operator alpha with its transfer running towards these servers of beta.
pub struct Sender {
    pub world: World,
    stop: CancellationToken,
    running: tokio::task::JoinHandle<()>,
}

impl Sender {
    pub async fn new(pki: &Pki, servers: &[SocketAddr]) -> Self {
        Self::over(World::new(pki).await, pki, servers)
    }
    fn over(world: World, pki: &Pki, servers: &[SocketAddr]) -> Self {
        Self::patient(world, pki, servers, LONG, Duration::ZERO)
    }
    /// Keeps its connections open for so long.
    pub async fn lingering(pki: &Pki, servers: &[SocketAddr], linger: Duration) -> Self {
        Self::patient(World::new(pki).await, pki, servers, LONG, linger)
    }
    /// Waits for its deliveries this long when it stops.
    fn patient(world: World, pki: &Pki, servers: &[SocketAddr], grace: Duration, linger: Duration) -> Self {
        let hosts = servers.iter().map(ToString::to_string).collect();
        let fixed = BTreeMap::from([("beta.mssante.fr".to_owned(), hosts)]);
        let nowhere = Some("127.0.0.1:9".parse().unwrap());
        let tls = sceau_trust::tls::transfer_client(&pki.identity("mss.alpha.fr")).unwrap();
        let config = TransferConfig {
            workers: 8,
            per_destination: 4,
            linger,
            no_route_after: Duration::ZERO,
            hostname: "mss.alpha.fr".into(),
            tls: Arc::new(ArcSwap::new(tls)),
            routes: Routes::new(fixed, nowhere, 25).unwrap(),
            timeouts: Timeouts { connect: LONG, greeting: LONG, reply: LONG, end_of_data: LONG, write: LONG },
            grace,
        };
        let stop = CancellationToken::new();
        let running = tokio::spawn(run(world.op.clone(), config, stop.clone()));
        Self { world, stop, running }
    }
    pub async fn submit(&self, to: &[&str], text: &str) {
        self.submit_with(to, text, false, false).await;
    }
    pub async fn submit_with(&self, to: &[&str], text: &str, body_8bit: bool, smtputf8: bool) {
        let envelope = Envelope {
            from: Some(addr(ANNE)),
            to: to.iter().map(|a| addr(a).into()).collect(),
            dsn: MailRequest::default(),
            helo: "poste".into(),
            with: "ESMTPSA",
            body: if body_8bit { Body::EightBit } else { Body::SevenBit },
            smtputf8,
            requiretls: false,
        };
        self.submit_envelope(envelope, text.as_bytes()).await;
    }
    pub async fn submit_envelope(&self, envelope: Envelope, content: &[u8]) {
        let (_, token) = self.world.token("anne").await;
        let origin = Origin { door: Door::Submission, remote: None, session: "s".into(), tls: None, once: None };
        let actor = self.world.op.login_token("anne", &token, &origin).await.unwrap();
        let mut intake = self.world.op.intake(1 << 20);
        intake.push(content).unwrap();
        self.world.op.submit(&actor, envelope, intake.finish().unwrap()).await.unwrap();
    }
    pub async fn queue(&self) -> Vec<QueueView> {
        self.world.op.queue_list(&self.world.admin, None, None, 100).await.unwrap()
    }
    pub async fn empty(&self) {
        self.wait("an empty queue", async |s| s.queue().await.is_empty()).await;
    }
    /// Waits until every entry of the queue was tried, and gives the last word of the first.
    pub async fn tried(&self) -> String {
        let tried = async |s: &Self| {
            let queue = s.queue().await;
            !queue.is_empty() && queue.iter().all(|e| e.attempts > 0 && e.state == "waiting")
        };
        self.wait("an attempt", tried).await;
        self.queue().await[0].last_reply.clone().unwrap_or_default()
    }
    pub async fn retry(&self) {
        self.world.op.queue_retry_destination(&self.world.admin, None).await.unwrap();
    }
    pub async fn wait(&self, what: &str, done: impl AsyncFn(&Self) -> bool) {
        let waiting = async {
            while !done(self).await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(LONG, waiting).await.is_err() {
            panic!("no {what}: {:?}", self.queue().await);
        }
    }
    pub async fn stop(self) -> World {
        self.paused().await.world
    }
    pub async fn paused(mut self) -> Self {
        self.stop.cancel();
        tokio::time::timeout(LONG, &mut self.running).await.expect("stops").unwrap();
        self
    }
    pub async fn resumed(self, pki: &Pki, servers: &[SocketAddr]) -> Self {
        Self::over(self.world, pki, servers)
    }
}

pub fn heard(fake: &Fake) -> Vec<Vec<String>> {
    fake.heard.lock().unwrap().clone()
}

pub fn said_mail(fake: &Fake) -> bool {
    heard(fake).iter().flatten().any(|l| l.contains("MAIL"))
}

/// The reports in anne's INBOX.
pub async fn reports(world: &World) -> Vec<String> {
    let inbox = world.inbox("anne", ANNE).await;
    inbox.into_iter().map(|m| String::from_utf8_lossy(&m).into_owned()).collect()
}

#[tokio::test]
async fn from_one_sceau_to_another_byte_for_byte() {
    let pki = Pki::new();
    let beta = World::with(&pki, "beta", |_| {}).await;
    let sender = Sender::new(&pki, &[beta.mx]).await;
    let text = format!("{}.\r\n..\r\nÉlan {}\r\n", letter(ANNE, "long"), "x\r\n".repeat(60_000));
    sender.submit_with(&["anne@beta.mssante.fr", "bruno@beta.mssante.fr"], &text, true, false).await;
    sender.empty().await;
    for who in ["anne", "bruno"] {
        let inbox = beta.inbox(who, &format!("{who}@beta.mssante.fr")).await;
        assert_eq!(inbox.len(), 1);
        assert!(inbox[0].ends_with(text.as_bytes()), "{who}");
        let head = String::from_utf8_lossy(&inbox[0][..1000]).into_owned();
        assert!(head.contains("from mss.alpha.fr") && head.contains("with ESMTPSA"), "both hops are told: {head}");
    }
    let world = sender.stop().await;
    let traces = world.traces("mail.transferred").await;
    assert_eq!(traces.len(), 2);
    assert!(traces[0].data.to_string().contains("CN=mss.beta.fr"), "{}", traces[0].data);
}

#[tokio::test]
async fn several_messages_go_over_one_connection() {
    let pki = Pki::new();
    let fake = Script::new(&pki).start().await;
    let sender = Sender::new(&pki, &[fake.address]).await;
    sender.submit(&[PAUL], &letter(ANNE, "m0")).await;
    sender.empty().await;
    let said = heard(&fake).remove(0);
    assert_eq!(said[0], "EHLO mss.alpha.fr");
    assert!(said[1].starts_with(&format!("MAIL FROM:<{ANNE}> SIZE=")), "{said:?}");
    assert_eq!(said[2..4], [format!("RCPT TO:<{PAUL}>"), "DATA".into()]);
    // Three wait when the transfer starts again.
    let sender = sender.paused().await;
    for n in 1..4 {
        sender.submit(&[PAUL], &letter(ANNE, &format!("m{n}"))).await;
    }
    let sender = sender.resumed(&pki, &[fake.address]).await;
    sender.empty().await;
    // The last outcome is recorded before the connection is closed.
    sender
        .wait("QUIT", async |_| heard(&fake).get(1).is_some_and(|said| said.last().is_some_and(|l| l == "QUIT")))
        .await;
    let said = heard(&fake);
    assert_eq!(said.len(), 2, "one more connection");
    assert_eq!(said[1].iter().filter(|l| l.starts_with("MAIL")).count(), 3);
    assert_eq!(fake.contents.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn recipients_have_each_their_fate() {
    let pki = Pki::new();
    let fake = Script::new(&pki).answering(|line| {
        Some(match line {
            l if l.contains("<nul@") => "550 5.1.1 Unknown here".into(),
            l if l.contains("<occupe@") => "450 4.2.0 Busy".into(),
            _ => "250 2.0.0 Ok".to_owned(),
        })
    });
    let fake = fake.start().await;
    let sender = Sender::new(&pki, &[fake.address]).await;
    sender.submit(&[PAUL, "nul@beta.mssante.fr", "occupe@beta.mssante.fr"], &letter(ANNE, "trois")).await;
    sender.wait("two outcomes", async |s| s.queue().await.len() == 1).await;
    assert_eq!(sender.tried().await, "450 4.2.0 Busy");
    assert_eq!(fake.contents.lock().unwrap().len(), 1);
    let reports = reports(&sender.world).await;
    assert_eq!(reports.len(), 1);
    for needed in ["nul@beta.mssante.fr", "550 5.1.1 Unknown here", "Status: 5.1.1", "Action: failed"] {
        assert!(reports[0].contains(needed), "{needed} is missing: {}", reports[0]);
    }
    assert!(!reports[0].contains("occupe@"));
}

#[tokio::test]
async fn one_refused_message_does_not_hold_the_next() {
    let pki = Pki::new();
    let count = AtomicUsize::new(0);
    let fake = Script::new(&pki).answering(move |line| {
        let first = line == "." && count.fetch_add(1, Ordering::SeqCst) == 0;
        Some(if first { "451 4.3.0 Later".into() } else { "250 2.0.0 Ok".to_owned() })
    });
    let fake = fake.start().await;
    let sender = Sender::new(&pki, &[fake.address]).await;
    sender.submit(&[PAUL], &letter(ANNE, "premier")).await;
    sender.tried().await;
    sender.submit(&[PAUL], &letter(ANNE, "second")).await;
    sender.wait("the second", async |_| fake.contents.lock().unwrap().len() == 2).await;
    assert_eq!(sender.tried().await, "451 4.3.0 Later");
    sender.retry().await;
    sender.empty().await;
    assert_eq!(fake.contents.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_connection_cut_after_the_final_dot_is_tried_again_and_a_sceau_keeps_one() {
    let pki = Pki::new();
    let count = AtomicUsize::new(0);
    let fake = Script::new(&pki).answering(move |line| {
        let lost = line == "." && count.fetch_add(1, Ordering::SeqCst) == 0;
        (!lost).then(|| "250 2.0.0 Ok".into())
    });
    let fake = fake.start().await;
    let sender = Sender::new(&pki, &[fake.address]).await;
    sender.submit(&[PAUL], &letter(ANNE, "perdu")).await;
    let why = sender.tried().await;
    assert!(why.contains("[transfer.cut]"), "{why}");
    sender.retry().await;
    sender.empty().await;
    let contents = fake.contents.lock().unwrap().clone();
    assert_eq!(contents.len(), 2, "at least once");
    assert_eq!(contents[0], contents[1], "byte for byte the same, so that a receiver may recognise it");
}

#[tokio::test]
async fn nothing_is_said_to_a_server_without_starttls_or_that_injects() {
    let pki = Pki::new();
    for (clear, injected, code) in [
        (&[][..], &b""[..], "transfer.no_starttls"),
        (&["PIPELINING"][..], b"", "transfer.no_starttls"),
        (&["STARTTLS"][..], b"250 2.0.0 injected\r\n", "transfer.tls"),
    ] {
        let fake = Script { clear, injected, ..Script::new(&pki) }.start().await;
        let sender = Sender::new(&pki, &[fake.address]).await;
        sender.submit(&[PAUL], &letter(ANNE, "secret")).await;
        let why = sender.tried().await;
        assert!(why.contains(&format!("[{code}]")), "{why} is not {code}");
        assert!(!said_mail(&fake), "{:?}", heard(&fake));
        let world = sender.stop().await;
        let deferred = world.traces("mail.deferred").await;
        assert_eq!(deferred.last().unwrap().outcome, code);
    }
}

#[tokio::test]
async fn nothing_is_said_to_a_server_that_is_not_the_domains() {
    let (pki, stranger) = (Pki::new(), Pki::new());
    for (identity, code) in [
        (pki.identity("mss.gamma.fr"), "transfer.server_not_listed"),
        (pki.identity("mss.inconnu.fr"), "transfer.server_not_listed"),
        (stranger.identity("mss.beta.fr"), "peer.unknown_issuer"),
        (pki.expired("mss.beta.fr"), "peer.expired"),
        (pki.revoked("mss.beta.fr"), "peer.revoked"),
    ] {
        let tls = sceau_trust::tls::mx_server(&identity).unwrap();
        let fake = Script { tls, ..Script::new(&pki) }.start().await;
        let sender = Sender::new(&pki, &[fake.address]).await;
        sender.submit(&[PAUL], &letter(ANNE, "secret")).await;
        let why = sender.tried().await;
        assert!(why.contains(&format!("[{code}]")), "{why} is not {code}");
        assert!(!said_mail(&fake), "{:?}", heard(&fake));
    }
}

#[tokio::test]
async fn the_next_server_is_tried_when_one_is_down_or_wrong() {
    let pki = Pki::new();
    let down = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let wrong_tls = sceau_trust::tls::mx_server(&pki.identity("mss.gamma.fr")).unwrap();
    let wrong = Script { tls: wrong_tls, ..Script::new(&pki) }.start().await;
    let good = Script::new(&pki).start().await;
    let sender = Sender::new(&pki, &[down, wrong.address, good.address]).await;
    sender.submit(&[PAUL], &letter(ANNE, "detour")).await;
    sender.empty().await;
    assert!(!said_mail(&wrong) && said_mail(&good));
}

#[tokio::test]
async fn who_is_put_off_by_one_server_is_offered_to_the_next_ones() {
    let pki = Pki::new();
    // The preferred one serves some of a domain that moves; the second is away for one mailbox; the third knows neither of two.
    let answering = |rules: &'static [(&'static str, &'static str)]| {
        Script::new(&pki).answering(move |line| {
            let reply = rules.iter().find(|(name, _)| line.contains(name)).map_or("250 2.0.0 Ok", |(_, reply)| *reply);
            Some(reply.to_owned())
        })
    };
    let first = answering(&[("<plein@", "452 4.2.2 Full"), ("<ici@", "250 2.1.5 Ok"), ("RCPT", "450 4.4.4 Elsewhere")]);
    let second = answering(&[("<troisieme@", "450 4.7.1 Later"), ("<nul@", "550 5.1.1 Unknown")]).start().await;
    let third = answering(&[]).start().await;
    let first = first.start().await;
    let sender = Sender::new(&pki, &[first.address, second.address, third.address]).await;
    let to = ["ici", "la-bas", "nul", "troisieme", "plein"].map(|name| format!("{name}@beta.mssante.fr"));
    sender.submit(&to.each_ref().map(String::as_str), &letter(ANNE, "demenage")).await;
    sender.wait("all but the full one", async |s| s.queue().await.len() == 1).await;
    assert_eq!(sender.tried().await, "452 4.2.2 Full", "a full mailbox is nobody else's");
    let named = |fake: &Fake| -> Vec<String> {
        let all = heard(fake).into_iter().flatten().filter(|l| l.starts_with("RCPT"));
        all.map(|l| l.trim_start_matches("RCPT TO:<").split('@').next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(named(&second), ["la-bas", "nul", "troisieme"]);
    assert_eq!(named(&third), ["troisieme"]);
    assert_eq!([&first, &second, &third].map(|f| f.contents.lock().unwrap().len()), [1, 1, 1]);
    let told = reports(&sender.world).await;
    assert!(told.len() == 1 && told[0].contains("550 5.1.1 Unknown") && told[0].contains("nul@"), "{told:?}");
    // Every server puts it off, or is away: the last word of one that was asked is kept, and it waits.
    let away = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let busy = answering(&[("RCPT", "450 4.7.1 Later")]).start().await;
    let sender = sender.paused().await.resumed(&pki, &[busy.address, away]).await;
    sender.submit(&["encore@beta.mssante.fr"], &letter(ANNE, "encore")).await;
    let put_off = async |s: &Sender| {
        s.queue().await.iter().any(|e| e.last_reply.as_deref() == Some("450 4.7.1 Later") && e.state == "waiting")
    };
    sender.wait("the word of the one that answers", put_off).await;
}

#[tokio::test]
async fn what_a_server_cannot_take_fails_with_a_clear_status() {
    let pki = Pki::new();
    let big = format!("{}{}", letter(ANNE, "grand"), "x\r\n".repeat(1000));
    for (secure, text, eight, utf8, status) in [
        (&["SIZE 1000", "8BITMIME", "SMTPUTF8"][..], big.as_str(), false, false, "5.3.4"),
        (&["8BITMIME"][..], "From: anne@alpha.mssante.fr\r\nSubject: été\r\n\r\nx\r\n", true, true, "5.6.7"),
        (
            &["SMTPUTF8"][..],
            "From: anne@alpha.mssante.fr\r\nContent-Type: multipart/signed; boundary=x\r\n\r\n--x\r\n\r\nété\r\n--x\r\n\r\ns\r\n--x--\r\n",
            true,
            false,
            "5.6.2",
        ),
    ] {
        let fake = Script { secure, ..Script::new(&pki) }.start().await;
        let sender = Sender::new(&pki, &[fake.address]).await;
        sender.submit_with(&[PAUL], text, eight, utf8).await;
        sender.empty().await;
        assert!(!said_mail(&fake), "{:?}", heard(&fake));
        let reports = reports(&sender.world).await;
        assert!(reports.len() == 1 && reports[0].contains(&format!("Status: {status}")), "{status}: {reports:?}");
    }
}

#[tokio::test]
async fn commands_are_pipelined_where_the_server_offers_it() {
    let pki = Pki::new();
    let secure = &["PIPELINING", "SIZE", "8BITMIME"];
    // Replies are held back until MAIL and both RCPT have come: without pipelining this would wait for ever.
    let fake = Script { secure, hold: 3, ..Script::new(&pki) }.start().await;
    let sender = Sender::new(&pki, &[fake.address]).await;
    sender.submit(&[PAUL, "zoe@beta.mssante.fr"], &letter(ANNE, "pipeline")).await;
    sender.empty().await;
    assert_eq!(fake.contents.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_server_that_leaves_or_speaks_nonsense_is_tried_again() {
    let pki = Pki::new();
    for (answer, needed) in
        [("421 4.3.2 Going down", ""), ("nonsense", "[transfer.protocol]"), ("250-x\r\n251 y", "[transfer.protocol]")]
    {
        let fake =
            Script::new(&pki).answering(move |l| Some(if l.starts_with("MAIL") { answer } else { "250 Ok" }.into()));
        let fake = fake.start().await;
        let sender = Sender::new(&pki, &[fake.address]).await;
        sender.submit(&[PAUL], &letter(ANNE, "plus-tard")).await;
        let why = sender.tried().await;
        assert!(why.contains(needed), "{answer}: {why}");
        assert_eq!(fake.contents.lock().unwrap().len(), 0);
    }
}

#[tokio::test]
async fn a_refusal_of_everything_at_mail_or_data_fails_or_waits() {
    let pki = Pki::new();
    for secure in [&["PIPELINING", "8BITMIME"][..], &["8BITMIME"]] {
        for verb in ["MAIL", "DATA", "."] {
            for (reply, report) in [("554 5.7.1 No", 1), ("451 4.7.1 Wait", 0)] {
                let rule = move |l: &str| Some(if l.starts_with(verb) { reply } else { "250 2.0.0 Ok" }.to_owned());
                let fake = Script { secure, ..Script::new(&pki) }.answering(rule).start().await;
                let sender = Sender::new(&pki, &[fake.address]).await;
                sender.submit(&[PAUL], &letter(ANNE, "non")).await;
                if report == 1 {
                    sender.empty().await;
                } else {
                    assert_eq!(sender.tried().await, reply);
                }
                let reports = reports(&sender.world).await;
                assert_eq!(reports.len(), report, "{verb} {reply}");
            }
        }
    }
}

#[tokio::test]
async fn a_message_that_makes_the_server_cut_does_not_hold_the_others() {
    let pki = Pki::new();
    // The sender's second and third message pass, whatever happens to the first.
    let fake = Script::new(&pki).answering(|line| (!line.contains("<poison@")).then(|| "250 2.0.0 Ok".into()));
    let fake = fake.start().await;
    let sender = Sender::new(&pki, &[fake.address]).await.paused().await;
    for to in ["poison@beta.mssante.fr", PAUL, "zoe@beta.mssante.fr"] {
        sender.submit(&[to], &letter(ANNE, "suite")).await;
    }
    let sender = sender.resumed(&pki, &[fake.address]).await;
    sender.wait("the others", async |s| s.queue().await.len() == 1).await;
    let why = sender.tried().await;
    assert!(why.contains("[transfer.cut]"), "{why}");
    assert_eq!(fake.contents.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_server_that_refuses_in_the_middle_of_content_is_heard() {
    let pki = Pki::new();
    let rule =
        |line: &str| Some(if line == "content" { "552 5.3.4 Too big for us" } else { "250 2.0.0 Ok" }.to_owned());
    let fake = Script::new(&pki).answering(rule).start().await;
    let sender = Sender::new(&pki, &[fake.address]).await;
    sender.submit(&[PAUL], &format!("{}{}", letter(ANNE, "gros"), "x\r\n".repeat(90_000))).await;
    sender.empty().await;
    let reports = reports(&sender.world).await;
    assert!(reports[0].contains("552 5.3.4 Too big for us"), "{}", reports[0]);
}

#[tokio::test]
async fn stopping_ends_an_idle_transfer_at_once() {
    let pki = Pki::new();
    let sender = Sender::new(&pki, &[]).await;
    sender.stop().await;
}

/// Rows of the store as `SELECT` gives one number.
async fn number(world: &World, sql: &'static str) -> Option<i64> {
    let row = world.store.read(move |tx| tx.query_opt(sql, &[])?.map(|r| r.int(0)).transpose()).await;
    row.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"))
}

#[tokio::test]
async fn a_message_whose_outcome_cannot_be_recorded_is_not_sent_again_and_again() {
    let pki = Pki::new();
    let fake = Script::new(&pki).start().await;
    let world = World::new(&pki).await;
    let broken = "CREATE TRIGGER broken BEFORE DELETE ON queue_entries BEGIN SELECT RAISE(ABORT, 'broken'); END";
    let made = world.store.write(move |tx| tx.execute(broken, &[]).map(drop)).await;
    made.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"));
    let sender = Sender::over(world, &pki, &[fake.address]);
    sender.submit(&[PAUL], &letter(ANNE, "encore")).await;
    let put_off = "SELECT failures FROM queue_destinations WHERE leased_by IS NULL AND failures > 0";
    sender.wait("deferred destination", async |s| number(&s.world, put_off).await == Some(1)).await;
    // The clock stands still: nothing is due before the backoff is over.
    assert!(sender.world.op.lease_destination().await.unwrap().is_none());
    assert_eq!(fake.contents.lock().unwrap().len(), 1);
    let world = sender.stop().await;
    assert_eq!(number(&world, "SELECT COUNT(*) FROM queue_entries").await, Some(1), "kept for later");
}

#[tokio::test]
async fn a_server_that_never_answers_does_not_keep_us_from_stopping() {
    let pki = Pki::new();
    // Takes connections and says nothing, for longer than the deadlines of the client.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let sender = Sender::patient(World::new(&pki).await, &pki, &[address], Duration::from_millis(50), Duration::ZERO);
    sender.submit(&[PAUL], &letter(ANNE, "silence")).await;
    let _open = silent.accept().await.unwrap();
    sender.stop.cancel();
    let mut sender = sender;
    tokio::time::timeout(LONG / 2, &mut sender.running).await.expect("stops").unwrap();
    assert_eq!(sender.queue().await.len(), 1, "kept for later");
}
