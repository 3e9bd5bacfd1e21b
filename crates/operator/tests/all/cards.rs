//! Cards at the browser and at mail programs, and certificates of people's devices, as use cases, on both engines (F041, F222, F229).
use sceau_domain::{BalKind, RefusalCode as Code};
use sceau_identity::factor::{Factor, Need};
use sceau_operator::identity::devices::{DAYS, NewDevice};
use sceau_operator::identity::sessions::Entered;
use sceau_operator::{Door, Operator};
use sceau_store::testing::{START, TestStore};
use sceau_store::{Store, StoreConfig, StoreError, accounts};
use sceau_testkit::browser::{Browser, signed_in};
use sceau_testkit::pki::{Card, DAY, Pki, REVOKED};
use sceau_testkit::world::{World, origin};
use sceau_trust::{Purpose, Trust};
use serde_json::json;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Anne's number, as a card writes it.
const ANNE: &str = "810003456786";
/// Somebody's whom nobody entered.
const STRANGER: &str = "810100000008";

/// Anne has an RPPS and a name; cards are of one authority, machines of another.
struct House {
    w: World,
    cards: Pki,
    machines: Pki,
}

impl House {
    async fn new(store: TestStore) -> Self {
        let card = serde_json::from_value(json!({ "url": "https://carte.alpha.fr" })).unwrap();
        let w = World::on(store, |c| c.identity.card = Some(card)).await;
        let (cards, machines) = (Pki::new(), Pki::new());
        let mut anchors = machines.anchors();
        anchors.add_pem(Purpose::Cps, cards.pem_pair().0.as_bytes()).unwrap();
        anchors.add_crl(&cards.crl(&[REVOKED], -24, 24 * 30)).unwrap();
        w.op.trust().set_anchors(anchors);
        let house = Self { w, cards, machines };
        house
            .person("anne", |p| {
                (p.national_id, p.local_id, p.local_id_reason) = (Some(ANNE[1..].into()), None, None);
                (p.given_name, p.family_name) = (Some("Anne".into()), Some("MARTIN".into()));
            })
            .await;
        house
    }
    async fn person(&self, login: &str, change: impl Fn(&mut accounts::Person) + Send + Sync + 'static) {
        let login = login.to_owned();
        let write = move |tx: &mut dyn sceau_store::Tx| {
            let mut row = accounts::person_by_login(tx, &login)?.expect("person");
            change(&mut row);
            assert!(accounts::update_person(tx, &row)?);
            Ok::<_, StoreError>(())
        };
        self.w.store.write(write).await.unwrap();
    }
    /// Begins at the main door: the ticket.
    async fn ticket(&self, browser: &Browser) -> String {
        let attempt = self.w.op.begin_attempt(&browser.shown(), "/bal", None).await.unwrap();
        let door = self.w.op.card_door(&attempt).unwrap();
        door.strip_prefix("https://carte.alpha.fr/carte?t=").expect("the door for cards").to_owned()
    }
    /// Shows a card in a browser: the word for the way back, or why there is none.
    async fn word(
        &self,
        browser: &Browser,
        chain: &[rustls_pki_types::CertificateDer<'static>],
    ) -> Result<String, Code> {
        let ticket = self.ticket(browser).await;
        let back = self.w.op.sign_in_card(chain, &ticket, &browser.origin).await.map_err(|r| r.code)?;
        let word = back.strip_prefix("https://mss.alpha.fr/connexion/carte/retour?c=").expect("the main door");
        Ok(word.to_owned())
    }
}

async fn enters(op: &Operator, browser: &Browser, word: &str) -> Result<String, Code> {
    match op.return_card(&browser.attempt, word, &browser.origin).await {
        Ok(Entered::In(signed)) => Ok(signed.cookie.to_string()),
        Ok(Entered::Second) => panic!("a card is enough"),
        Err(refusal) => Err(refusal.code),
    }
}

async fn a_card_signs_in_the_browser_that_asked_for_it_once(h: House) {
    let (op, card) = (&h.w.op, h.cards.card(ANNE, "MARTIN", "Anne", Card::Good));
    let (browser, thief) = (Browser::new(op), Browser::new(op));
    let word = h.word(&browser, &card).await.unwrap();
    // Who sent somebody else with his own ticket has a cookie and no word, or a word and no cookie.
    h.ticket(&thief).await;
    assert_eq!(enters(op, &thief, &word).await, Err(Code::FormOld));
    assert_eq!(enters(op, &browser, "AAAA").await, Err(Code::FormOld));
    let cookie = enters(op, &browser, &word).await.unwrap();
    let actor = op.session_of(&cookie, &browser.origin).await.unwrap();
    assert_eq!(actor.proof.names(), "card");
    op.needs(&actor, Need::Issuer).unwrap();
    assert_eq!(enters(op, &browser, &word).await, Err(Code::FormOld), "once");
    let shown = op.person(&h.w.admin, "anne").await.unwrap();
    assert_eq!(shown.identity.how, "card");

    // A minute for the way back.
    let word = h.word(&browser, &card).await.unwrap();
    h.w.advance(61);
    assert_eq!(enters(op, &browser, &word).await, Err(Code::FormOld));
    // Ten for the whole.
    let ticket = h.ticket(&browser).await;
    h.w.advance(601);
    let late = op.sign_in_card(&card, &ticket, &browser.origin).await.unwrap_err();
    assert_eq!(late.code, Code::FormOld);
    for forged in ["", "AAAA", &ticket[..ticket.len() - 2]] {
        assert_eq!(op.sign_in_card(&card, forged, &browser.origin).await.unwrap_err().code, Code::FormOld);
    }
}

async fn what_is_no_card_of_ours_is_refused(h: House) {
    let (op, browser) = (&h.w.op, Browser::new(&h.w.op));
    let of = |is| h.cards.card(ANNE, "MARTIN", "Anne", is);
    for (what, chain, code) in [
        ("none", Vec::new(), Code::PeerNoCertificate),
        ("another authority's", Pki::new().card(ANNE, "MARTIN", "Anne", Card::Good), Code::PeerUnknownIssuer),
        ("a machine's authority's", h.machines.card(ANNE, "MARTIN", "Anne", Card::Good), Code::PeerUnknownIssuer),
        ("expired", of(Card::Expired), Code::PeerExpired),
        ("not yet valid", of(Card::NotYet), Code::PeerNotYetValid),
        ("revoked", of(Card::Revoked), Code::PeerRevoked),
        ("for documents", of(Card::Signs), Code::CardUnreadable),
        ("without number", h.cards.card("Anne MARTIN", "MARTIN", "Anne", Card::Good), Code::CardUnreadable),
        ("a wrong check digit", h.cards.card("810003456787", "MARTIN", "Anne", Card::Good), Code::CardUnreadable),
        ("another name", h.cards.card(ANNE, "PETIT", "Bruno", Card::Good), Code::IdentityMismatch),
        ("nobody's", h.cards.card(STRANGER, "DUBOIS", "Zoé", Card::Good), Code::IdentityUnknown),
    ] {
        assert_eq!(h.word(&browser, &chain).await, Err(code), "{what}");
        // Nothing of it is left for the way back.
        assert_eq!(enters(op, &browser, "AAAA").await, Err(Code::FormOld), "{what}");
    }
    let alarms = op.alarms(&h.w.admin, false).await.unwrap();
    assert!(alarms.iter().any(|a| a.code == "identity.mismatch" && a.subject == "anne"), "{alarms:?}");
    // A blocked person, with a good card.
    let word = h.word(&browser, &h.cards.card(ANNE, "MARTIN", "Anne", Card::Good)).await.unwrap();
    h.person("anne", |p| p.disabled = Some(1)).await;
    assert_eq!(enters(op, &browser, &word).await, Err(Code::LoginFailed));
}

async fn of_two_nodes_one_takes_the_word(h: House) {
    let (op, other) = (&h.w.op, h.w.restarted().await);
    let card = h.cards.card(ANNE, "MARTIN", "Anne", Card::Good);
    for _ in 0..5 {
        let browser = Browser::new(op);
        let word = h.word(&browser, &card).await.unwrap();
        let both = tokio::join!(enters(op, &browser, &word), enters(&other, &browser, &word));
        match both {
            (Ok(cookie), Err(Code::FormOld)) | (Err(Code::FormOld), Ok(cookie)) => {
                op.session_of(&cookie, &browser.origin).await.unwrap();
            }
            both => panic!("{both:?}"),
        }
    }
}

async fn mail_programs_log_in_by_a_card(h: House) {
    const SHARED: &str = "exploitation@alpha.mssante.fr";
    let (op, card) = (&h.w.op, h.cards.card(ANNE, "MARTIN", "Anne", Card::Good));
    let imap = origin(Door::Imap);
    let opens = async |name: Option<&str>| {
        let actor = op.login_certificate(&card, name, &imap).await.map_err(|r| r.code)?;
        Ok::<_, Code>(actor.bal.expect("a BAL").address.to_string())
    };
    let own = "anne.martin@alpha.mssante.fr";
    for (name, bal) in [(None, own), (Some("anne"), own), (Some(own), own), (Some(SHARED), SHARED)] {
        assert_eq!(opens(name).await.as_deref(), Ok(bal), "{name:?}");
    }
    assert_eq!(opens(Some(&format!("anne*{SHARED}"))).await.as_deref(), Ok(SHARED));
    for not_hers in ["bruno.petit@alpha.mssante.fr", "bruno", &format!("bruno*{SHARED}"), "rien@alpha.mssante.fr"] {
        assert_eq!(opens(Some(not_hers)).await, Err(Code::LoginFailed), "{not_hers}");
    }
    let submission = op.login_certificate(&card, None, &origin(Door::Submission)).await.unwrap();
    let ends = submission.bal.unwrap().chair.unwrap().until.expect("no longer than the card");
    assert_eq!(ends, START.plus_ms(300 * DAY).0);

    // One row for the person, whichever card; revoked, it stays shut.
    let tokens = op.tokens(&h.w.admin, Some("anne"), 0, 100).await.unwrap();
    let standing: Vec<_> = tokens.iter().filter(|t| t.purpose == "card").collect();
    assert_eq!(standing.len(), 1, "{tokens:?}");
    op.revoke_token(&h.w.admin, standing[0].id).await.unwrap();
    let another = h.cards.card(ANNE, "Martin", "ANNE", Card::Good);
    assert_eq!(op.login_certificate(&another, None, &imap).await.unwrap_err().code, Code::TokenNotYours);

    // The cause is that of whose authority issued it.
    let told = async |chain: &[rustls_pki_types::CertificateDer<'static>]| {
        op.login_certificate(chain, None, &imap).await.unwrap_err().code
    };
    let revoked = h.cards.card(ANNE, "MARTIN", "Anne", Card::Revoked);
    assert_eq!(told(&revoked).await, Code::PeerRevoked);
    assert_eq!(told(&h.cards.card("Anne", "MARTIN", "Anne", Card::Good)).await, Code::CardUnreadable);
    assert_eq!(told(&Pki::new().card(ANNE, "MARTIN", "Anne", Card::Good)).await, Code::PeerUnknownIssuer);
    assert_eq!(
        told(&h.machines.card(ANNE, "MARTIN", "Anne", Card::Good)).await,
        Code::LoginFailed,
        "a machine that nobody registered"
    );
    // Machines and people below one root: a card is no machine, and goes on.
    h.person("bruno", |p| {
        (p.national_id, p.local_id, p.local_id_reason) = (Some(STRANGER[1..].into()), None, None);
        (p.given_name, p.family_name) = (Some("Bruno".into()), Some("PETIT".into()));
    })
    .await;
    let mut anchors = h.machines.anchors();
    anchors.add_pem(Purpose::Cps, h.machines.pem_pair().0.as_bytes()).unwrap();
    op.trust().set_anchors(anchors);
    let bruno =
        op.login_certificate(&h.machines.card(STRANGER, "PETIT", "Bruno", Card::Good), None, &imap).await.unwrap();
    assert_eq!(bruno.bal.unwrap().address.to_string(), "bruno.petit@alpha.mssante.fr");
}

async fn devices_have_certificates_that_count_as_long_as_their_row(h: House) {
    let (op, store) = (&h.w.op, &h.w.store);
    // A node that ran before there was an authority.
    let other = h.w.restarted().await;
    let (_, anne) = signed_in(op, store, "anne", &[Factor::Card]).await;
    let request = Pki::request();
    let wanted = NewDevice { label: "Téléphone d'Anne", bal: None, days: 30, request: Some(request.as_bytes()) };
    assert_eq!(op.make_device_certificate(&anne, wanted).await.unwrap_err().code, Code::NotFound);
    assert_eq!(op.create_device_authority(&anne).await.unwrap_err().code, Code::RightMissing);
    op.create_device_authority(&h.w.admin).await.unwrap();
    assert_eq!(op.create_device_authority(&h.w.admin).await.unwrap_err().code, Code::Exists);

    let made = op.make_device_certificate(&anne, wanted).await.unwrap();
    assert!(made.packed.is_none(), "the device has its key");
    let chain = chain(&made.certificate);
    assert_eq!(chain.len(), 2);
    let imap = origin(Door::Imap);
    for node in [op, &other, &h.w.restarted().await] {
        let actor = node.login_certificate(&chain, None, &imap).await.unwrap();
        assert_eq!(actor.bal.unwrap().address.to_string(), "anne.martin@alpha.mssante.fr");
    }
    let shown = op.token(&h.w.admin, made.id).await.unwrap();
    assert_eq!((shown.purpose.as_str(), shown.label.as_str()), ("device_certificate", "Téléphone d'Anne"));
    assert_eq!(shown.expires, Some(made.not_after));
    // The configuration is read again: it knows no authority of ours.
    op.trust().set_anchors(h.machines.anchors());
    op.login_certificate(&chain, None, &imap).await.unwrap();

    // For one BAL; and with a key that we make.
    let only = NewDevice { bal: Some("exploitation@alpha.mssante.fr"), request: None, ..wanted };
    let bound = op.make_device_certificate(&anne, only).await.unwrap();
    assert!(bound.packed.is_some_and(|p| p.file.len() > 1_000));
    let bound = self::chain(&bound.certificate);
    let opened = op.login_certificate(&bound, None, &imap).await.unwrap();
    assert_eq!(opened.bal.unwrap().address.to_string(), "exploitation@alpha.mssante.fr");
    let elsewhere = op.login_certificate(&bound, Some("anne.martin@alpha.mssante.fr"), &imap).await;
    assert_eq!(elsewhere.unwrap_err().code, Code::LoginFailed);

    // Revoked at once, whatever the certificate says; and its end is the end.
    op.revoke_token(&anne, made.id).await.unwrap();
    for node in [op, &other] {
        assert_eq!(node.login_certificate(&chain, None, &imap).await.unwrap_err().code, Code::LoginFailed);
    }
    h.w.advance(31 * 86_400);
    assert_eq!(op.login_certificate(&bound, None, &imap).await.unwrap_err().code, Code::PeerExpired);
    assert_eq!(op.make_device_certificate(&anne, wanted).await.unwrap_err().code, Code::AuthFresh);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_counts_a_new_authority_for_devices_at_once() {
    let h = House::new(sceau_store::testing::postgres().await).await;
    let node = async |node: u16| {
        let spools = h.w.store.folder().join(format!("spools-{node}"));
        let config = StoreConfig { node, name: format!("n{node}.alpha.fr"), spools, ..h.w.store.config.clone() };
        let store = Store::open(config).await.unwrap();
        // Doors of its own, so trust of its own.
        Operator::open(h.w.op.config().clone(), store, Trust::new(h.machines.anchors())).await.unwrap()
    };
    let (two, deaf) = (node(2).await, node(3).await);
    let (stop, (begun, hears)) = (CancellationToken::new(), tokio::sync::oneshot::channel());
    let (op, stopped) = (two.clone(), stop.clone());
    let running = tokio::spawn(async move {
        let mut run = std::pin::pin!(op.run_node(stopped));
        // What is said from its first step on is heard.
        tokio::select! { biased; () = &mut run => return, () = std::future::ready(()) => {} }
        begun.send(()).unwrap();
        run.await;
    });
    hears.await.unwrap();
    assert!(!two.certifies_devices());
    h.w.op.create_device_authority(&h.w.admin).await.unwrap();
    // The node that made it, and one that is told: neither keeps house, nor is shown a certificate.
    for op in [&h.w.op, &two] {
        tokio::time::timeout(Duration::from_secs(20), op.device_authorities_changed()).await.expect("told");
        assert!(op.certifies_devices());
        assert_eq!(op.trust().anchors().of(Purpose::Devices).len(), 1, "what its doors name");
    }
    // The control: a node that hears nothing.
    assert!(!deaf.certifies_devices() && deaf.trust().anchors().of(Purpose::Devices).is_empty());
    stop.cancel();
    running.await.unwrap();
    // Stores are closed where blocking is allowed.
    tokio::task::spawn_blocking(move || drop((two, deaf))).await.unwrap();
}

async fn what_no_device_gets(h: House) {
    let (op, store) = (&h.w.op, &h.w.store);
    op.create_device_authority(&h.w.admin).await.unwrap();
    let (_, anne) = signed_in(op, store, "anne", &[Factor::Card]).await;
    h.w.bal("laboratoire@alpha.mssante.fr", BalKind::Org, &["chloe"], |_| {}).await;
    let request = Pki::request();
    let good = NewDevice { label: "Poste", bal: None, days: DAYS, request: Some(request.as_bytes()) };
    let label = "x".repeat(61);
    for (what, new, code) in [
        ("too long", NewDevice { days: DAYS + 1, ..good }, Code::Invalid),
        ("no time", NewDevice { days: 0, ..good }, Code::Invalid),
        ("no request", NewDevice { request: Some(b"rien"), ..good }, Code::Invalid),
        ("no label", NewDevice { label: "", ..good }, Code::Invalid),
        ("a long label", NewDevice { label: &label, ..good }, Code::Invalid),
        ("somebody else's", NewDevice { bal: Some("laboratoire@alpha.mssante.fr"), ..good }, Code::RightMissing),
        ("none", NewDevice { bal: Some("rien@alpha.mssante.fr"), ..good }, Code::RightMissing),
    ] {
        assert_eq!(op.make_device_certificate(&anne, new).await.unwrap_err().code, code, "{what}");
    }
    // A token proves nothing by itself, however it was made.
    let device = h.w.actor("anne", "anne.martin@alpha.mssante.fr").await;
    assert_eq!(op.make_device_certificate(&device, good).await.unwrap_err().code, Code::LoginRequired);
    assert!(op.make_device_certificate(&anne, good).await.is_ok());
    // A certificate of our authority that stands in no row: as after a restore of older data.
    let made = op.make_device_certificate(&anne, good).await.unwrap();
    let id = made.id;
    let forget = move |tx: &mut dyn sceau_store::Tx| {
        accounts::revoke_token(tx, id, 1)?;
        Ok::<_, StoreError>(())
    };
    store.write(forget).await.unwrap();
    let refused = op.login_certificate(&chain(&made.certificate), None, &origin(Door::Imap)).await;
    assert_eq!(refused.unwrap_err().code, Code::LoginFailed);
}

fn chain(pem: &str) -> Vec<rustls_pki_types::CertificateDer<'static>> {
    use rustls_pki_types::pem::PemObject;
    rustls_pki_types::CertificateDer::pem_slice_iter(pem.as_bytes()).map(Result::unwrap).collect()
}

each_engine!(
    a_card_signs_in_the_browser_that_asked_for_it_once,
    what_is_no_card_of_ours_is_refused,
    of_two_nodes_one_takes_the_word,
    mail_programs_log_in_by_a_card,
    devices_have_certificates_that_count_as_long_as_their_row,
    what_no_device_gets,
);
