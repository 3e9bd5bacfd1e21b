//! Browsers that are woken when mail comes, by a played service over HTTPS (F245).
use super::{ANNE, House, SERVICE};
use sceau_identity::factor::Factor;
use sceau_operator::{Actor, Operator};
use sceau_store::{StoreError, Tx, accounts, browsers};
use sceau_testkit::browser::signed_in;
use sceau_testkit::https::{Https, Request};
use sceau_testkit::pki::Pki;
use sceau_testkit::world::{BETA, World, code, letter};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

each_engine!(
    a_browser_is_woken_of_what_its_person_chose,
    a_browser_that_is_gone_is_forgotten,
    a_browser_that_renews_itself_is_woken_where_it_is_now,
    nobody_is_asked_whom_the_operator_does_not_list,
    a_browser_is_of_one_person_who_can_lose_it,
);

const BRUNO: &str = "bruno.petit@alpha.mssante.fr";
const PAUL: &str = "paul.marqueur@beta.mssante.fr";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux) Firefox/150.0";

/// A service of a browser's maker.
struct Service {
    https: Https,
    asked: Arc<Mutex<Vec<Request>>>,
    says: Arc<AtomicU16>,
}

impl Service {
    /// Plays one that the operator lists.
    async fn of(h: House) -> (Self, House) {
        let (pki, says) = (Pki::new(), Arc::new(AtomicU16::new(201)));
        let asked: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (heard, status) = (asked.clone(), says.clone());
        let https = Https::start(&pki, move |request| {
            heard.lock().unwrap().push(request.clone());
            (status.load(Ordering::SeqCst), String::new())
        });
        let mut config = h.0.op.config().clone();
        config.push.services = vec![https.host()];
        config.push.pem = vec![pki.pem_pair().0.into_bytes()];
        let op = Operator::open(config, h.0.store.clone(), h.0.op.trust().clone()).await.unwrap();
        let World { admin, store, .. } = h.0;
        (Self { https, asked, says }, House(World { op, admin, store }))
    }
    /// Where a browser is woken.
    fn endpoint(&self, name: &str) -> String {
        self.https.url(&format!("/wpush/{name}"))
    }
    /// What it answers from now on.
    fn say(&self, status: u16) {
        self.says.store(status, Ordering::SeqCst);
    }
    /// What it was asked since this was last asked.
    fn took(&self) -> Vec<Request> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

impl House {
    /// Mail comes, and what follows is done.
    async fn brings(&self, to: &str, subject: &str) {
        self.0.hand_over(BETA, PAUL, &[to], &letter(PAUL, subject)).await.unwrap();
        self.later(0).await;
    }
    /// Time passes, and what follows is done.
    async fn later(&self, seconds: i64) {
        self.0.advance(seconds);
        self.0.op.run_due_jobs().await.unwrap();
    }
    async fn comes_in(&self, login: &str) -> Actor {
        signed_in(&self.0.op, &self.0.store, login, &[Factor::Card]).await.1
    }
    /// BALs for which somebody wants a browser woken.
    async fn waited_for(&self) -> i64 {
        let count =
            |tx: &mut dyn Tx| tx.query_opt("SELECT COUNT(*) FROM bals WHERE follows >= 8", &[])?.unwrap().int(0);
        self.0.store.read(count).await.unwrap_or_else(|e: StoreError| panic!("{e}"))
    }
}

fn of(address: &str) -> Vec<String> {
    vec![address.to_owned()]
}

async fn a_browser_is_woken_of_what_its_person_chose(h: House) {
    let (service, h) = Service::of(h).await;
    let op = &h.0.op;
    let (anne, bruno) = (h.comes_in("anne").await, h.comes_in("bruno").await);
    h.brings(ANNE, "un").await;
    assert!(service.took().is_empty(), "nobody chose it");
    assert_eq!(code(op.push_subscribe(&bruno, &service.endpoint("b"), FIREFOX, &of(ANNE)).await), "right.missing");
    op.push_subscribe(&anne, &service.endpoint("a"), FIREFOX, &of(ANNE)).await.unwrap();
    let view = op.own_push(&anne).await.unwrap().unwrap();
    let [browser] = &view.browsers[..] else { panic!("{view:?}") };
    assert_eq!((browser.agent.as_str(), &browser.service), ("Firefox, Linux", &service.https.host()));
    assert_eq!((&browser.bals, browser.last, h.waited_for().await), (&of(ANNE), None, 1));
    assert!(view.bals.contains(&(ANNE.into(), true)) && view.bals.contains(&(SERVICE.into(), false)), "{view:?}");
    // However much comes: once, and nothing is said.
    for n in 0..5 {
        h.0.hand_over(BETA, PAUL, &[ANNE], &letter(PAUL, &format!("deux{n}"))).await.unwrap();
    }
    h.later(0).await;
    let asked = service.took();
    let [one] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!((one.path.as_str(), one.body.as_str(), one.header("content-length")), ("/wpush/a", "", "0"));
    assert_eq!((one.header("ttl"), one.header("topic")), ("43200", "courrier"));
    let shown = one.authorization.as_deref().unwrap();
    assert!(shown.starts_with("vapid t=") && shown.ends_with(&format!(", k={}", view.key)), "{shown}");
    // (What is signed is base64, in which any four letters may stand.)
    let said: Vec<_> = one.headers.iter().filter(|(name, _)| name != "authorization").collect();
    let said = format!("{said:?}").to_lowercase();
    assert!(!["anne", "martin", "mssante.fr", "deux"].iter().any(|word| said.contains(word)), "{said}");
    assert!(!h.0.on_disk("/wpush/a"), "where a browser is woken is sealed");
    // Not twice within the pause; once after it, of what came in it.
    h.later(10).await;
    h.brings(ANNE, "trois").await;
    assert!(service.took().is_empty());
    h.later(300).await;
    assert_eq!(service.took().len(), 1);
    // Not of what she saw meanwhile.
    h.later(10).await;
    h.brings(ANNE, "quatre").await;
    h.0.advance(10);
    let seated = op.sit(&anne, h.id(ANNE).await).await.unwrap();
    let _ = sceau_testkit::folder(op, &seated, "INBOX").await;
    h.later(600).await;
    assert!(service.took().is_empty());
    // Of another BAL by her choice alone.
    h.brings(SERVICE, "cinq").await;
    assert!(service.took().is_empty());
    let id = op.push_of_object(&browser.code).unwrap();
    assert_eq!(code(op.push_choose(&bruno, id, &of(SERVICE)).await), "admin.not_found");
    assert_eq!(code(op.push_choose(&anne, id, &of(BRUNO)).await), "right.missing");
    op.push_choose(&anne, id, &of(SERVICE)).await.unwrap();
    h.brings(SERVICE, "six").await;
    assert_eq!(service.took().len(), 1);
    h.later(600).await;
    h.brings(ANNE, "sept").await;
    assert!(service.took().is_empty());
    // A try; a second one at once is the same.
    op.push_try(&anne, id).await.unwrap();
    op.push_try(&anne, id).await.unwrap();
    assert_eq!((service.took().len(), code(op.push_try(&bruno, id).await)), (1, "admin.not_found"));
    assert_eq!(code(op.push_end(&bruno, id).await), "admin.not_found");
    op.push_end(&anne, id).await.unwrap();
    h.later(600).await;
    h.brings(SERVICE, "huit").await;
    assert_eq!((service.took().len(), h.waited_for().await, h.0.count("push_bals").await), (0, 0, 0));
    assert_eq!((h.0.traces("push.subscribed").await.len(), h.0.traces("push.ended").await.len()), (2, 1));
}

async fn a_browser_that_is_gone_is_forgotten(h: House) {
    let (service, h) = Service::of(h).await;
    let (op, anne) = (&h.0.op, h.comes_in("anne").await);
    let browsers = async || op.own_push(&anne).await.unwrap().unwrap().browsers;
    let subscribe = async || op.push_subscribe(&anne, &service.endpoint("a"), FIREFOX, &of(ANNE)).await.unwrap();
    for gone in [404, 410] {
        subscribe().await;
        service.say(gone);
        h.later(600).await;
        h.brings(ANNE, &format!("n{gone}")).await;
        assert_eq!((service.took().len(), browsers().await.len()), (1, 0), "{gone}");
    }
    assert_eq!((h.0.traces("push.ended").await.len(), h.waited_for().await), (2, 0));
    // One that is away is asked again, later each time, until it answers.
    subscribe().await;
    for (status, pause) in [(503, 31), (429, 61), (500, 121)] {
        service.say(status);
        if status == 503 {
            h.brings(ANNE, "away").await;
        }
        assert_eq!(service.took().len(), 1, "{status}");
        h.later(1).await;
        assert!(service.took().is_empty(), "{status}");
        service.say(if status == 500 { 201 } else { status });
        h.later(pause).await;
    }
    assert_eq!(service.took().len(), 1);
    assert!(!browsers().await[0].failing && browsers().await[0].last.is_some());
    h.later(4_000).await;
    assert!(service.took().is_empty());
    // One that refuses for good.
    service.say(403);
    for n in 0..8 {
        assert_eq!(browsers().await.len(), 1, "{n}");
        h.later(600).await;
        h.brings(ANNE, &format!("refus{n}")).await;
        assert_eq!(service.took().len(), 1, "{n}");
    }
    assert!(browsers().await.is_empty());
}

async fn a_browser_that_renews_itself_is_woken_where_it_is_now(h: House) {
    let (service, h) = Service::of(h).await;
    let op = &h.0.op;
    let (anne, bruno) = (h.comes_in("anne").await, h.comes_in("bruno").await);
    let [old, new] = ["a", "b"].map(|name| service.endpoint(name));
    let both = [ANNE.to_owned(), SERVICE.to_owned()];
    op.push_subscribe(&anne, &old, FIREFOX, &both).await.unwrap();
    let browsers = async || op.own_push(&anne).await.unwrap().unwrap().browsers;
    let before = browsers().await.remove(0);
    // Mail comes while its service still has it under the old address, where nobody is any more.
    service.say(503);
    h.brings(ANNE, "un").await;
    assert_eq!((service.took().len(), browsers().await[0].last), (1, None));
    service.say(201);
    // Nobody else names it, nor a service that the operator does not list: nothing changes.
    assert_eq!(code(op.push_renew(&bruno, &old, &new, FIREFOX).await), "admin.not_found");
    assert_eq!(code(op.push_renew(&anne, &new, &old, FIREFOX).await), "admin.not_found");
    assert_eq!(code(op.push_renew(&anne, &old, "https://ailleurs.example/b", FIREFOX).await), "push.forbidden");
    assert_eq!(browsers().await[0].mark, before.mark);
    op.push_renew(&anne, &old, &new, FIREFOX).await.unwrap();
    let after = browsers().await;
    assert_eq!((after.len(), &after[0].bals, after[0].since), (1, &before.bals, before.since));
    assert!(after[0].mark != before.mark && after[0].mark.len() == 64, "{after:?}");
    assert_eq!(code(op.push_renew(&anne, &old, &new, FIREFOX).await), "admin.not_found", "it is the old one no more");
    // What waited is told at the new address, and nothing at the old one.
    h.later(3_600).await;
    let paths: Vec<String> = service.took().into_iter().map(|r| r.path).collect();
    assert_eq!(paths, ["/wpush/b"]);
    assert_eq!((h.waited_for().await, h.0.count("push_bals").await), (2, 2));
}

async fn nobody_is_asked_whom_the_operator_does_not_list(h: House) {
    let anne = h.comes_in("anne").await;
    assert_eq!(h.0.op.own_push(&anne).await.unwrap(), None, "nobody is woken unless the operator says by whom");
    let (service, h) = Service::of(h).await;
    let op = &h.0.op;
    let port = service.https.host().split_once(':').unwrap().1.to_owned();
    for bad in [
        "https://ailleurs.example/a".to_owned(),
        format!("https://127.0.0.1:{port}/a"),
        format!("http://localhost:{port}/a"),
        format!("https://moi:mot@localhost:{port}/a"),
        "https://localhost/a".to_owned(),
        String::new(),
    ] {
        assert_eq!(code(op.push_subscribe(&anne, &bad, FIREFOX, &of(ANNE)).await), "push.forbidden", "{bad}");
    }
    let long = service.endpoint(&"a".repeat(2_000));
    assert_eq!(code(op.push_subscribe(&anne, &long, FIREFOX, &of(ANNE)).await), "admin.invalid");
    assert_eq!(code(op.push_subscribe(&anne, &service.endpoint("a"), FIREFOX, &[]).await), "admin.invalid");
    assert_eq!(h.0.count("push_subscriptions").await, 0);
    // Every node has one key.
    let (here, there) = (op.own_push(&anne).await.unwrap(), h.0.restarted().await.own_push(&anne).await.unwrap());
    assert_eq!(here.unwrap().key, there.unwrap().key);
}

async fn a_browser_is_of_one_person_who_can_lose_it(h: House) {
    let (service, h) = Service::of(h).await;
    let op = &h.0.op;
    let (anne, bruno) = (h.comes_in("anne").await, h.comes_in("bruno").await);
    op.push_subscribe(&anne, &service.endpoint("a"), FIREFOX, &of(ANNE)).await.unwrap();
    // Whoever asked for it last: at a browser that two people use.
    op.push_subscribe(&bruno, &service.endpoint("a"), "", &of(BRUNO)).await.unwrap();
    assert!(op.own_push(&anne).await.unwrap().unwrap().browsers.is_empty());
    h.brings(ANNE, "un").await;
    assert!(service.took().is_empty());
    // Not while he is blocked.
    op.block_person(&h.0.admin, "bruno", "enquête").await.unwrap();
    h.brings(BRUNO, "deux").await;
    assert!(service.took().is_empty());
    // Ten at most: the one that was there longest makes room.
    for n in 0..12 {
        op.push_subscribe(&anne, &service.endpoint(&format!("n{n}")), FIREFOX, &of(ANNE)).await.unwrap();
    }
    assert_eq!(op.own_push(&anne).await.unwrap().unwrap().browsers.len(), 10);
    h.brings(ANNE, "trois").await;
    let mut paths: Vec<String> = service.took().into_iter().map(|r| r.path).collect();
    paths.sort();
    let mut all: Vec<String> = (2..12).map(|n| format!("/wpush/n{n}")).collect();
    all.sort();
    assert_eq!(paths, all);
    // Who lost what he signs in with is known in no browser, and none of them is woken.
    let forget = |tx: &mut dyn Tx| {
        let anne = accounts::person_by_login(tx, "anne")?.expect("anne");
        browsers::forget_of(tx, anne.id)
    };
    h.0.store.write(forget).await.unwrap_or_else(|e: StoreError| panic!("{e}"));
    assert!(op.own_push(&anne).await.unwrap().unwrap().browsers.is_empty());
    assert_eq!(h.waited_for().await, 1, "Bruno's");
}
