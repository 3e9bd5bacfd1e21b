//! What lists change stays as rows, concerns the queue at once, and is in force on every node; our own domains in them.
use super::House;
use sceau_domain::DomainName;
use sceau_operator::certificates::{OPERATOR, Own};
use sceau_store::testing::START;
use sceau_store::{Store, StoreConfig};
use sceau_testkit::pki::DAY;
use sceau_testkit::world::*;
use std::time::Duration;

const ANNE: &str = "anne.martin@alpha.mssante.fr";

fn domain(name: &str) -> DomainName {
    name.parse().unwrap()
}

each_engine!(a_list_leaves_rows_and_makes_due_what_it_concerns);
async fn a_list_leaves_rows_and_makes_due_what_it_concerns(h: House) {
    let op = h.process(None).await;
    let first = h.pki.list(
        &[("alpha.mssante.fr", ALPHA), ("beta.mssante.fr", BETA), ("gamma.mssante.fr", GAMMA)],
        START.plus_ms(-DAY),
    );
    op.put_white_list(first).await.unwrap();
    assert!(
        op.white_list_changes(h.admin(), None, None, None, 10).await.unwrap().is_empty(),
        "the first one changes nothing"
    );
    // Mail waits for two domains, both far from their next attempt.
    for to in ["paul@beta.mssante.fr", "paul@gamma.mssante.fr"] {
        let anne = h.w.actor("anne", ANNE).await;
        let text = letter(ANNE, "attente");
        op.submit(&anne, envelope(ANNE, &[to]), h.w.message(&text)).await.unwrap();
    }
    while let Some(leased) = op.lease_destination().await.unwrap() {
        op.defer_destination(&leased, sceau_domain::RefusalCode::TransferConnect.into(), None).await.unwrap();
    }
    let next = |all: Vec<sceau_operator::queue::QueueView>, of: &str| {
        all.into_iter().find(|e| e.destination == of).expect("queued").next.expect("an attempt")
    };
    let queued = || async { op.queue_list(h.admin(), None, None, 10).await.unwrap() };
    assert!(next(queued().await, "gamma.mssante.fr") > START && next(queued().await, "beta.mssante.fr") > START);
    // The next list takes one away, gives another certificate to none, and adds one; both would wait some seconds still.
    h.w.advance(5);
    let second = h.pki.list(
        &[("alpha.mssante.fr", ALPHA), ("beta.mssante.fr", BETA), ("delta.mssante.fr", BETA)],
        START.plus_ms(1_000),
    );
    op.put_white_list(second).await.unwrap();
    let now = op.clock().now();
    assert!(next(queued().await, "gamma.mssante.fr") <= now, "what left is due at once");
    assert!(next(queued().await, "beta.mssante.fr") > now, "what stays is left alone");
    let leased = op.lease_destination().await.unwrap().expect("due");
    assert_eq!(leased.domain, domain("gamma.mssante.fr"));
    op.release_destination(&leased).await.unwrap();
    // Rows: what, when, by which certificates; by domain, by time, by pages.
    let all = op.white_list_changes(h.admin(), None, None, None, 10).await.unwrap();
    let told: Vec<(&str, &str)> = all.iter().map(|c| (c.change.as_str(), c.domain.as_str())).collect();
    assert_eq!(told, [("removed", "gamma.mssante.fr"), ("added", "delta.mssante.fr")]);
    assert_eq!((all[0].lost.clone(), all[0].got.len(), all[0].at), (vec![GAMMA.to_owned()], 0, now));
    let one = op.white_list_changes(h.admin(), None, None, Some(all[0].id), 10).await.unwrap();
    assert_eq!(one.len(), 1);
    assert_eq!(
        op.white_list_changes(h.admin(), Some(&domain("delta.mssante.fr")), None, None, 9).await.unwrap().len(),
        1
    );
    assert!(op.white_list_changes(h.admin(), None, Some(now.plus_ms(1)), None, 9).await.unwrap().is_empty());
    // A certificate that changes is a change with both names; written otherwise, it is none.
    h.w.advance(1);
    assert!(next(queued().await, "beta.mssante.fr") > op.clock().now(), "it waits still");
    let same = "C=FR, O=exemple, CN=MSS.ALPHA.FR";
    op.put_white_list(h.pki.list(
        &[("alpha.mssante.fr", same), ("beta.mssante.fr", GAMMA), ("delta.mssante.fr", BETA)],
        START.plus_ms(2_000),
    ))
    .await
    .unwrap();
    let altered = &op.white_list_changes(h.admin(), None, None, None, 1).await.unwrap()[0];
    assert_eq!(
        (altered.change.as_str(), &altered.lost[0], &altered.got[0]),
        ("altered", &BETA.to_owned(), &GAMMA.to_owned())
    );
    assert!(next(queued().await, "beta.mssante.fr") <= op.clock().now(), "another certificate is tried at once");
    // Listing: pages, search, since when.
    let page = op.listed_domains(h.admin(), None, None, 2).await.unwrap();
    assert_eq!(page.iter().map(|d| d.domain.as_str()).collect::<Vec<_>>(), ["alpha.mssante.fr", "beta.mssante.fr"]);
    assert!(page[0].ours && page[0].since.is_none());
    let rest = op.listed_domains(h.admin(), None, Some("beta.mssante.fr"), 2).await.unwrap();
    assert_eq!((rest[0].domain.as_str(), rest[0].since), ("delta.mssante.fr", Some(now)));
    let by_certificate = op.listed_domains(h.admin(), Some("MSS.GAMMA"), None, 9).await.unwrap();
    assert_eq!(by_certificate.iter().map(|d| d.domain.as_str()).collect::<Vec<_>>(), ["beta.mssante.fr"]);
    // Plain words.
    let gone = op.check_domain(h.admin(), &domain("gamma.mssante.fr")).await.unwrap();
    assert!(!gone.listed && !gone.sends && !gone.accepts && gone.since == Some(now));
    assert!(gone.findings.iter().any(|f| f.code == "left" && f.fr.contains("a quitté la liste blanche")), "{gone:?}");
    let there = op.check_domain(h.admin(), &domain("beta.mssante.fr")).await.unwrap();
    assert!(there.listed && there.accepts && there.certificates[0].dn == GAMMA);
    let anne = h.w.actor("anne", ANNE).await;
    assert_eq!(code(op.check_domain(&anne, &domain("beta.mssante.fr")).await), "right.missing");
    assert_eq!(code(op.connect_to_domain(h.admin(), &domain("gamma.mssante.fr")).await), "rcpt.not_listed");
}

each_engine!(our_own_domains_are_looked_for_in_the_list);
async fn our_own_domains_are_looked_for_in_the_list(h: House) {
    let op = h.process(None).await;
    let put = |entries: &'static [(&str, &str)], at: i64| {
        let (op, list) = (op.clone(), h.pki.list(entries, START.plus_ms(at * 1_000)));
        async move { op.put_white_list(list).await.unwrap() }
    };
    let own = Own { place: OPERATOR, leaf: h.pki.identity("mss.alpha.fr").chain[0].clone() };
    op.declare_certificates(&[own], &h.pki.anchors()).await.unwrap();
    let alarm = |code: &str| vec![(code.to_owned(), "alpha.mssante.fr".to_owned())];
    put(&[("beta.mssante.fr", BETA)], 1).await;
    assert_eq!(h.alarms().await, alarm("white_list.own_missing"));
    put(&[("alpha.mssante.fr", BETA)], 2).await;
    assert_eq!(h.alarms().await, alarm("white_list.own_unlisted"));
    // Somebody else's beside ours: a move, a fact.
    put(&[("alpha.mssante.fr", ALPHA), ("alpha.mssante.fr", BETA)], 3).await;
    assert_eq!(h.alarms().await, alarm("white_list.own_shared"));
    let view = op.white_list(h.admin()).await.unwrap();
    assert_eq!(view.ours.len(), 1, "test and internal domains are none of the list's: {view:?}");
    assert_eq!(
        (view.ours[0].listing.ours.clone(), view.ours[0].listing.foreign.clone()),
        (vec![ALPHA.to_owned()], vec![BETA.to_owned()])
    );
    put(&[("alpha.mssante.fr", ALPHA)], 4).await;
    assert!(h.alarms().await.is_empty(), "{:?}", h.alarms().await);
    let check = op.check_domain(h.admin(), &domain("alpha.mssante.fr")).await.unwrap();
    assert!(check.ours.is_some() && check.findings.iter().any(|f| f.code == "own_listed"), "{check:?}");
}

each_engine!(
    mail_that_a_node_puts_off_by_the_list_before_is_due_when_it_follows,
    a_list_is_put_in_force_whole_even_when_whoever_asked_goes_away,
);
async fn mail_that_a_node_puts_off_by_the_list_before_is_due_when_it_follows(h: House) {
    let both = [("alpha.mssante.fr", ALPHA), ("gamma.mssante.fr", GAMMA)];
    let one = h.process(None).await;
    one.put_white_list(h.pki.list(&both, START)).await.unwrap();
    let two = h.process(None).await;
    let anne = h.w.actor("anne", ANNE).await;
    one.submit(&anne, envelope(ANNE, &["paul@gamma.mssante.fr"]), h.w.message(&letter(ANNE, "attente"))).await.unwrap();
    one.put_white_list(h.pki.list(&both[..1], START.plus_ms(1_000))).await.unwrap();
    // The other one has not heard of it, tries what is due by the list that it has, and reaches nobody.
    assert!(two.trust().white_list().unwrap().contains(&domain("gamma.mssante.fr")));
    while let Some(leased) = two.lease_destination().await.unwrap() {
        two.defer_destination(&leased, sceau_domain::RefusalCode::TransferConnect.into(), None).await.unwrap();
    }
    let waits = async || {
        let next = two.queue_list(h.admin(), None, None, 10).await.unwrap()[0].next.expect("an attempt");
        next > two.clock().now()
    };
    assert!(waits().await);
    let stop = tokio_util::sync::CancellationToken::new();
    let following = tokio::spawn({
        let (op, stop) = (two.clone(), stop.clone());
        async move { op.run_white_list(stop).await }
    });
    let due = async {
        while waits().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), due).await.expect("due, to come back at once");
    assert!(!two.trust().white_list().unwrap().contains(&domain("gamma.mssante.fr")));
    stop.cancel();
    following.await.unwrap();
}

async fn a_list_is_put_in_force_whole_even_when_whoever_asked_goes_away(h: House) {
    let op = h.process(None).await;
    // Asked once and left; on a machine that is quick enough it is done by then.
    tokio::select! {
        biased;
        _ = op.put_white_list(h.pki.list(&[("beta.mssante.fr", BETA)], START)) => {}
        () = std::future::ready(()) => {}
    }
    let adopted = async {
        while op.trust().white_list().is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), adopted).await.expect("in force");
    assert_eq!(h.w.traces("white_list.adopted").await.len(), 1);
}

/// The same database, as another node.
async fn neighbour(h: &House, node: u16) -> Store {
    let spools = h.w.store.folder().join(format!("spools-{node}"));
    let config = StoreConfig { node, name: format!("n{node}.alpha.fr"), spools, ..h.w.store.config.clone() };
    Store::open(config).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_list_is_in_force_on_every_node_and_two_nodes_do_not_put_theirs_at_once() {
    let h = House::new(sceau_store::testing::postgres().await).await;
    let (one, two) = (h.process(None).await, h.process(Some(neighbour(&h, 2).await)).await);
    let stop = tokio_util::sync::CancellationToken::new();
    let running = [&one, &two].map(|op| {
        let (op, stop) = (op.clone(), stop.clone());
        tokio::spawn(async move { op.run_node(stop).await })
    });
    let first = h.pki.list(&[("beta.mssante.fr", BETA), ("gamma.mssante.fr", GAMMA)], START);
    one.put_white_list(first).await.unwrap();
    let has =
        |op: &sceau_operator::Operator, name: &str| op.trust().white_list().is_some_and(|l| l.contains(&domain(name)));
    let until = async |name: &str, there: bool| {
        let wait = async {
            while [&one, &two].iter().any(|op| has(op, name) != there || op.trust().white_list().is_none()) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap_or_else(|_| panic!("{name} {there}"));
    };
    until("gamma.mssante.fr", true).await;
    one.put_white_list(h.pki.list(&[("beta.mssante.fr", BETA)], START.plus_ms(1_000))).await.unwrap();
    until("gamma.mssante.fr", false).await;
    // Lists say their second, no less. Both put a newer one at the same moment: the newest is in force on both, whoever was first, and each change is told once.
    let (a, b) = (
        h.pki.list(&[("beta.mssante.fr", BETA), ("delta.mssante.fr", BETA)], START.plus_ms(2_000)),
        h.pki.list(
            &[("beta.mssante.fr", BETA), ("delta.mssante.fr", BETA), ("epsilon.mssante.fr", BETA)],
            START.plus_ms(3_000),
        ),
    );
    let (said_a, said_b) = tokio::join!(one.put_white_list(a), two.put_white_list(b));
    assert!(said_b.unwrap().changed);
    let said_a = said_a.unwrap();
    assert!(said_a.changed || said_a.error.as_ref().is_some_and(|e| e.0 == "white_list.rollback"), "{said_a:?}");
    until("epsilon.mssante.fr", true).await;
    let older = one.put_white_list(h.pki.list(&[("beta.mssante.fr", BETA)], START)).await.unwrap();
    assert_eq!(older.error.map(|e| e.0).as_deref(), Some("white_list.rollback"));
    assert!(has(&one, "epsilon.mssante.fr") && has(&two, "epsilon.mssante.fr"), "what is older never comes back");
    let changes = one.white_list_changes(h.admin(), Some(&domain("delta.mssante.fr")), None, None, 9).await.unwrap();
    assert_eq!(changes.len(), 1, "{changes:?}");
    // The authority is away: it is asked once for both.
    let loops = [&one, &two].map(|op| {
        let (op, stop) = (op.clone(), stop.clone());
        tokio::spawn(async move { op.run_white_list(stop).await })
    });
    let asked =
        || async { h.w.op.alarms(h.admin(), true).await.unwrap().into_iter().find(|a| a.code == "white_list.fetch") };
    while asked().await.is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(asked().await.map(|a| a.count), Some(1), "each node looked, one asked");
    stop.cancel();
    for task in loops.into_iter().chain(running) {
        task.await.unwrap();
    }
    // Stores are closed where blocking is allowed.
    tokio::task::spawn_blocking(move || drop((one, two))).await.unwrap();
}
