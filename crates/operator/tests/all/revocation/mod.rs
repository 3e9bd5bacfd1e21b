//! Revocation as the use cases see it, against a played server: who is refused, when, by whose word, and what is told.
use rustls_pki_types::CertificateDer;
use sceau_domain::{Clock, Refusal, RefusalCode, SystemClock};
use sceau_operator::revocation::{Mode, Settings};
use sceau_operator::{Door, Operator, Origin, Peer};
use sceau_store::testing::{START, TestStore};
use sceau_testkit::pki::Pki;
use sceau_testkit::revoking::{Answer, Revoking};
use sceau_testkit::world::*;
use sceau_trust::outgoing::Hosts;
use sceau_trust::{Purpose, Trust};
use std::time::Duration;

const SERIAL: u64 = 700;

pub struct House {
    w: World,
    pki: Pki,
    server: Revoking,
}

impl House {
    pub async fn new(store: TestStore) -> Self {
        let pki = Pki::new();
        let server = Revoking::start(&pki);
        Self { w: World::on(store, |_| {}).await, server, pki }
    }
    /// A process of this operator that asks the played server.
    async fn process(&self, mode: Mode, change: impl FnOnce(&mut Settings)) -> Operator {
        let mut config = self.w.op.config().clone();
        config.revocation = Settings {
            mode,
            hosts: Hosts::new([self.server.host()]),
            // Longer than anything takes that is not made to hang.
            deadline: Duration::from_secs(10),
            timeout: Duration::from_secs(2),
            max_bytes: 1 << 20,
            ..Settings::default()
        };
        change(&mut config.revocation);
        let trust = Trust::new(self.pki.anchors());
        if let Some(list) = self.w.op.trust().white_list() {
            trust.set_white_list(list);
        }
        Operator::open(config, (*self.w.store).clone(), trust).await.unwrap()
    }
    fn beta(&self, crl: Option<&str>, ocsp: Option<&str>) -> Vec<CertificateDer<'static>> {
        let url = |path: &str| self.server.url(path);
        self.pki.pointing("mss.beta.fr", SERIAL, crl.map(url).as_deref(), ocsp.map(url).as_deref())
    }
    /// Lets the server's list be this one, made and ending so many hours around the start.
    fn publish(&self, serials: &[u64], from: i64, to: i64) {
        self.server.answer("/crl", Answer::Bytes(self.pki.crl(serials, from, to)));
    }
    async fn alarms(&self, code: &str) -> Vec<String> {
        let all = self.w.op.alarms(&self.w.admin, false).await.unwrap();
        all.into_iter().filter(|a| a.code == code).map(|a| a.severity).collect()
    }
}

fn mx() -> Origin {
    origin(Door::Mx)
}

fn code<T: std::fmt::Debug>(result: Result<T, Refusal>) -> &'static str {
    result.unwrap_err().code.as_str()
}

async fn mail(op: &Operator, peer: &Peer) -> Result<(), Refusal> {
    op.mx_sender(peer, Some(&addr("luc@beta.mssante.fr")), None, &mx()).await
}

each_engine!(
    a_list_revokes_at_the_next_mail_for_good_and_outlives_the_process,
    when_nobody_tells_the_mode_decides_and_says_so,
    responders_are_asked_and_their_word_is_kept,
    nobody_waits_for_another_ones_authority,
);

async fn a_list_revokes_at_the_next_mail_for_good_and_outlives_the_process(h: House) {
    let op = h.process(Mode::Strict, |_| {}).await;
    let chain = h.beta(Some("/crl"), None);
    h.publish(&[1], -3, 48);
    // Whoever comes at once shares one question.
    let judged = |_| {
        let (op, chain) = (op.clone(), chain.clone());
        tokio::spawn(async move { op.mx_peer(&chain, &mx()).await.unwrap() })
    };
    let peers: Vec<_> = (0..8).map(judged).collect();
    let mut peer = None;
    for one in peers {
        peer = Some(one.await.unwrap());
    }
    let peer = peer.unwrap();
    assert_eq!(h.server.asked("/crl"), 1);
    mail(&op, &peer).await.unwrap();
    op.check_server(&"beta.mssante.fr".parse().unwrap(), &chain).await.unwrap();
    assert_eq!(h.server.asked("/crl"), 1, "a list that is good is not asked for again");
    let [source] = &op.revocation_sources(&h.w.admin).await.unwrap()[..] else { panic!("one source") };
    assert_eq!((source.state.as_str(), source.kind.as_str(), source.entries), ("current", "crl", 1));
    assert_eq!(source.next_update, Some(START.plus_ms(48 * 3_600_000)));

    // Another process of the same database, as after a restart without the authority, or a second node.
    let elsewhere = h.process(Mode::Strict, |s| s.hosts = Hosts::default()).await;
    elsewhere.mx_peer(&chain, &mx()).await.unwrap();

    // The authority revokes; the session that is open is refused at its next MAIL, and so is a resumed one, which shows the same chain.
    h.publish(&[1, SERIAL], -2, 48);
    let refreshed = op.refresh_revocation(&h.w.admin).await.unwrap();
    assert_eq!((refreshed.asked, refreshed.came), (1, 1));
    assert_eq!(code(mail(&op, &peer).await), "peer.revoked");
    assert_eq!(code(op.mx_peer(&chain, &mx()).await), "peer.revoked");
    let domain = "beta.mssante.fr".parse().unwrap();
    assert_eq!(code(op.check_server(&domain, &chain).await), "peer.revoked");
    assert_eq!(code(op.check_server_again(&domain, &peer).await), "peer.revoked");
    assert_eq!(h.w.traces("revocation.adopted").await.len(), 2);
    assert_eq!(h.w.traces("revocation.asked").await.len(), 1);

    // What an attacker on the way can still show: an older list, another authority's, nonsense, nothing, something without end.
    let forged = Pki::new().crl(&[], -1, 48);
    for lie in [
        Answer::Bytes(h.pki.crl(&[], -3, 48)),
        Answer::Bytes(forged),
        Answer::Bytes(b"<html>".to_vec()),
        Answer::Status(302),
        Answer::Endless,
        Answer::Hang,
    ] {
        h.server.answer("/crl", lie);
        assert_eq!(op.refresh_revocation(&h.w.admin).await.unwrap().came, 0);
        assert_eq!(code(mail(&op, &peer).await), "peer.revoked");
    }
    assert_eq!(h.alarms("revocation.invalid").await, ["critical"]);
    // After its time and in a new process too: whom it named stays revoked.
    h.w.advance(90 * 86_400);
    let later = h.process(Mode::Lenient, |_| {}).await;
    assert_eq!(code(later.mx_peer(&chain, &mx()).await), "peer.revoked");
    // The authority lifts it, and the alarm with it.
    h.publish(&[1], 90 * 24 - 1, 100 * 24);
    assert_eq!(op.refresh_revocation(&h.w.admin).await.unwrap().came, 1);
    op.mx_peer(&chain, &mx()).await.unwrap();
    assert_eq!(h.alarms("revocation.invalid").await.len(), 0);
    // Nobody else may ask, or see.
    let anne = h.w.actor("anne", "anne.martin@alpha.mssante.fr").await;
    assert_eq!(code(op.refresh_revocation(&anne).await), "right.missing");
    assert_eq!(code(op.revocation_sources(&anne).await), "right.missing");
    let anchors = op.anchors(&h.w.admin).await.unwrap();
    assert!(anchors.iter().any(|a| a.purpose == "peers" && a.in_force && a.mode == "strict"), "{anchors:?}");
}

async fn when_nobody_tells_the_mode_decides_and_says_so(h: House) {
    let chain = h.beta(Some("/crl"), None);
    h.server.answer("/crl", Answer::Status(503));
    let lenient = h.process(Mode::Lenient, |_| {}).await;
    let peer = lenient.mx_peer(&chain, &mx()).await.unwrap();
    mail(&lenient, &peer).await.unwrap();
    assert_eq!(h.alarms("revocation.unknown").await, ["warning"]);
    assert_eq!(h.alarms("revocation.fetch").await, ["warning"]);
    let traces = h.w.traces("revocation.unknown").await;
    assert_eq!(traces.len(), 1, "told once, not at each command");
    assert!(traces[0].data["cause"].as_str().unwrap().contains("503"), "{:?}", traces[0].data);

    let strict = h
        .process(Mode::Lenient, |s| {
            s.modes.insert(Purpose::Peers, Mode::Strict);
        })
        .await;
    let refused = strict.mx_peer(&chain, &mx()).await.unwrap_err();
    assert_eq!(refused.code, RefusalCode::PeerRevocation);
    assert!(refused.is_temporary() && refused.smtp_reply().starts_with("451 4.7.0"));
    // No address at all, and one of a host that is not allowed: nobody is asked.
    assert_eq!(code(strict.mx_peer(&h.beta(None, None), &mx()).await), "peer.revocation");
    let outside = self::outside(&h.pki);
    assert_eq!(code(strict.mx_peer(&outside, &mx()).await), "peer.revocation");
    assert_eq!(h.alarms("revocation.host").await, ["warning"]);
    // A stranger's certificate makes nobody ask: its addresses are its own.
    let stranger = Pki::new().pointing("mss.beta.fr", 9, Some(&h.server.url("/stranger")), None);
    assert_eq!(code(strict.mx_peer(&stranger, &mx()).await), "peer.unknown_issuer");
    assert_eq!(h.server.asked("/stranger"), 0);

    // It answers again: asked a minute after it failed, and the alarms go.
    h.publish(&[], -1, 24);
    let before = h.server.asked("/crl");
    assert_eq!(code(strict.mx_peer(&chain, &mx()).await), "peer.revocation");
    assert_eq!(h.server.asked("/crl"), before, "left alone for a while");
    h.w.advance(61);
    let peer = strict.mx_peer(&chain, &mx()).await.unwrap();
    assert_eq!(h.alarms("revocation.unknown").await.len() + h.alarms("revocation.fetch").await.len(), 0);
    // The list ends and nothing newer comes: the last good word counts for a day more, not longer.
    h.server.answer("/crl", Answer::Status(503));
    h.w.advance(30 * 3_600);
    mail(&strict, &peer).await.unwrap();
    h.w.advance(20 * 3_600);
    assert_eq!(code(mail(&strict, &peer).await), "peer.revocation");
    // Whoever is not asked about is judged by what is held alone.
    let off = h.process(Mode::Off, |_| {}).await;
    off.mx_peer(&chain, &mx()).await.unwrap();
}

fn outside(pki: &Pki) -> Vec<CertificateDer<'static>> {
    pki.pointing("mss.beta.fr", 12, Some("http://169.254.169.254/latest/meta-data"), None)
}

async fn responders_are_asked_and_their_word_is_kept(h: House) {
    // openssl answers by the clock of the machine.
    h.w.advance((SystemClock.now().0 - START.0) / 1000);
    let chain = h.beta(None, Some("/ocsp"));
    h.server.answer("/ocsp", Answer::Ocsp('V'));
    let op = h.process(Mode::Strict, |s| s.prefer_ocsp = true).await;
    let peer = op.mx_peer(&chain, &mx()).await.unwrap();
    mail(&op, &peer).await.unwrap();
    assert_eq!(h.server.asked("/ocsp"), 1, "its answer counts until its end");
    let sources = op.revocation_sources(&h.w.admin).await.unwrap();
    assert_eq!((sources[0].kind.as_str(), sources[0].state.as_str()), ("ocsp", "current"));

    h.server.answer("/ocsp", Answer::Ocsp('R'));
    op.refresh_revocation(&h.w.admin).await.unwrap();
    assert_eq!(code(mail(&op, &peer).await), "peer.revoked");
    assert_eq!(h.server.asked("/ocsp"), 2);
    // Kept: another process knows without asking, and a responder that is gone changes nothing.
    h.server.answer("/ocsp", Answer::Hang);
    let other = h.process(Mode::Lenient, |_| {}).await;
    assert_eq!(code(other.mx_peer(&chain, &mx()).await), "peer.revoked");
    assert_eq!(h.server.asked("/ocsp"), 2);
    // A list made since then that does not name it lifts a suspension.
    let hours = (SystemClock.now().0 - START.0) / 3_600_000;
    let list = h.pki.crl(&[], hours + 1, hours + 48);
    h.server.answer("/crl", Answer::Bytes(list));
    h.w.advance(2 * 3_600);
    let listed = h.process(Mode::Strict, |s| s.lists = vec![h.server.url("/crl")]).await;
    assert_eq!(code(listed.mx_peer(&chain, &mx()).await), "peer.revoked");
    assert_eq!(listed.refresh_revocation(&h.w.admin).await.unwrap().came, 1);
    listed.mx_peer(&chain, &mx()).await.unwrap();
    // A configured address: whose list it serves was found out.
    let configured = async |op: &Operator| {
        let all = op.revocation_sources(&h.w.admin).await.unwrap();
        all.into_iter().find(|s| s.kind == "crl" && s.issuer.contains("AC JOUEE"))
    };
    assert!(configured(&listed).await.is_some());
    // The authority takes another key, under the same name and address: its list counts, and the alarm about the address does not rise.
    let renewed = Pki::new();
    let mut anchors = h.pki.anchors();
    anchors.add_pem(Purpose::Peers, renewed.pem_pair().0.as_bytes()).unwrap();
    listed.trust().set_anchors(anchors);
    h.server.answer("/crl", Answer::Bytes(renewed.crl(&[SERIAL], hours + 2, hours + 48)));
    assert_eq!(listed.refresh_revocation(&h.w.admin).await.unwrap().came, 1);
    assert_eq!(h.alarms("revocation.invalid").await.len(), 0);
    let theirs = renewed.pointing("mss.beta.fr", SERIAL, None, None);
    assert_eq!(code(listed.mx_peer(&theirs, &mx()).await), "peer.revoked");
    // However long the process runs, it is not forgotten for being named by no certificate, as a responder that none names any more is.
    h.w.advance(100 * 86_400);
    let stop = tokio_util::sync::CancellationToken::new();
    let rounds = tokio::spawn({
        let (op, stop) = (listed.clone(), stop.clone());
        async move { op.run_revocation(stop).await }
    });
    while listed.revocation_sources(&h.w.admin).await.unwrap().iter().any(|s| s.kind == "ocsp") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.cancel();
    rounds.await.unwrap();
    assert!(configured(&listed).await.is_some(), "the configuration names it still");
}

async fn nobody_waits_for_another_ones_authority(h: House) {
    // One authority hangs; another one's certificates are judged meanwhile. They have one name and two keys, as when a key was renewed.
    let other = Pki::new();
    let slow = other.pointing("mss.beta.fr", 9, Some(&h.server.url("/hangs")), Some(&h.server.url("/hangs-too")));
    let quick = h.beta(Some("/crl"), None);
    h.server.answer("/hangs", Answer::Hang);
    h.server.answer("/hangs-too", Answer::Hang);
    h.publish(&[9], -1, 24);
    let patient = |s: &mut Settings| (s.deadline, s.timeout) = (Duration::from_millis(1_500), Duration::from_secs(5));
    let op = h.process(Mode::Lenient, patient).await;
    let mut anchors = h.pki.anchors();
    anchors.add_pem(Purpose::Peers, other.pem_pair().0.as_bytes()).unwrap();
    op.trust().set_anchors(anchors);
    let waiting = {
        let (op, slow) = (op.clone(), slow.clone());
        tokio::spawn(async move { op.mx_peer(&slow, &mx()).await })
    };
    while h.server.asked("/hangs") == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    op.mx_peer(&quick, &mx()).await.unwrap();
    assert!(!waiting.is_finished(), "the quick one went past the slow one");
    // It has its deadline, then the mode; and whoever comes next does not ask what is being asked.
    waiting.await.unwrap().unwrap();
    op.mx_peer(&slow, &mx()).await.unwrap();
    assert_eq!((h.server.asked("/hangs"), h.server.asked("/hangs-too")), (1, 1));
}
