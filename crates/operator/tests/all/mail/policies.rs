//! Limits in force where they act: at submission, at delivery, at once, on each node; on both engines.
use sceau_store::testing::TestStore;
use sceau_testkit::world::*;

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const BRUNO: &str = "bruno.petit@alpha.mssante.fr";
const PAUL: &str = "paul@beta.mssante.fr";

async fn limits_act_at_once(store: TestStore) {
    let w = World::on(store, |_| {}).await;
    let set = async |scope: &str, subject: &str, name: &str, value| {
        w.op.set_policy(&w.admin, scope, subject, name, value).await.unwrap();
    };
    let (anne, bruno) = (w.actor("anne", ANNE).await, w.actor("bruno", BRUNO).await);
    let send = async |from: &str, to: &[&str], text: &str| {
        let actor = if from == ANNE { &anne } else { &bruno };
        w.submit(actor, from, to, text).await
    };
    let three = [PAUL, "pia@beta.mssante.fr", "zoe@gamma.mssante.fr"];
    send(ANNE, &three, &letter(ANNE, "un")).await.unwrap();
    // Recipients: the BAL's own word, for this BAL alone.
    set("bal", ANNE, "recipients", 2).await;
    assert_eq!(code(send(ANNE, &three, &letter(ANNE, "deux")).await), "rcpt.too_many");
    assert_eq!(code(w.op.submit_recipient(&anne, &addr(PAUL), 2, None).await), "rcpt.too_many");
    send(BRUNO, &three, &letter(BRUNO, "trois")).await.unwrap();
    // Size: a kind's.
    let big = letter(ANNE, "gros") + &"x".repeat(70).repeat(1_100).replace("xxxxxxxxxx", "xxxxxxxx\r\n");
    send(BRUNO, &[PAUL], &big.replace(ANNE, BRUNO)).await.unwrap();
    set("kind", "Per", "message_bytes", 70_000).await;
    // (Another message: what was sent once is no new one, whatever the limit is now.)
    let bigger = big.replace(ANNE, BRUNO).replace("gros", "plus-gros");
    assert_eq!(code(send(BRUNO, &[PAUL], &bigger).await), "message.too_big");
    // How many in an hour that slides.
    set("domain", "alpha.mssante.fr", "submissions_per_hour", 2).await;
    for i in 0..2 {
        send(BRUNO, &[PAUL], &letter(BRUNO, &format!("compte{i}"))).await.unwrap();
    }
    assert_eq!(code(send(BRUNO, &[PAUL], &letter(BRUNO, "de trop")).await), "sender.too_many");
    send(ANNE, &[PAUL], &letter(ANNE, "une autre BAL")).await.unwrap();
    w.advance(7_200);
    send(BRUNO, &[PAUL], &letter(BRUNO, "plus tard")).await.unwrap();
    // Quota: a delivery that fitted does not fit any more, and fits again.
    for i in 0..20 {
        let text = letter(PAUL, &i.to_string()) + &"y\r\n".repeat(5_000);
        w.hand_over(BETA, PAUL, &[ANNE], &text).await.unwrap();
    }
    let used = w.op.bal(&w.admin, ANNE).await.unwrap().used;
    assert!(used >= 300_000, "{used}");
    set("bal", ANNE, "quota_bytes", 260_000).await;
    assert_eq!(code(w.hand_over(BETA, PAUL, &[ANNE], &letter(PAUL, "plein")).await), "rcpt.over_quota");
    w.op.unset_policy(&w.admin, "bal", ANNE, "quota_bytes").await.unwrap();
    w.hand_over(BETA, PAUL, &[ANNE], &letter(PAUL, "de nouveau")).await.unwrap();
    // Each change has its trace.
    let traces = w.traces("policy.set").await;
    assert_eq!(traces.len(), 4);
    assert!(traces.iter().all(|t| t.actor == "root" && t.data["value"].is_u64()), "{traces:?}");
    assert_eq!(w.traces("policy.unset").await[0].data["before"], "260000");
}

/// Whatever is set where: what is shown of a BAL is what its submission, its deliveries and its row go by.
async fn what_is_shown_is_what_is_enforced(store: TestStore) {
    let w = World::on(store, |_| {}).await;
    let anne = w.actor("anne", ANNE).await;
    let places = [("domain", "alpha.mssante.fr"), ("kind", "Per"), ("structure", "hopital"), ("bal", ANNE)];
    let new = sceau_operator::accounts::structures::views::NewStructure {
        code: "hopital".into(),
        name: "Hôpital".into(),
        ..Default::default()
    };
    w.op.add_structure(&w.admin, new).await.unwrap();
    let moved =
        "UPDATE bals SET structure_id = (SELECT id FROM structures) WHERE address_key = 'anne.martin@alpha.mssante.fr'";
    w.store.write(move |tx| tx.execute(moved, &[]).map(drop)).await.map_err(|e: sceau_store::StoreError| e).unwrap();
    // Each step sets or takes away one word; every subset of places comes by, in the order of Gray's code.
    for step in 0..16_u64 {
        if step > 0 {
            let (scope, subject) = places[step.trailing_zeros() as usize];
            let gray = step ^ (step >> 1);
            let set = gray & (1 << step.trailing_zeros()) != 0;
            for (name, value) in
                [("recipients", 6 + step), ("message_bytes", 70_000 + step), ("quota_bytes", 400_000 + step)]
            {
                if set {
                    w.op.set_policy(&w.admin, scope, subject, name, value).await.unwrap();
                } else {
                    w.op.unset_policy(&w.admin, scope, subject, name).await.unwrap();
                }
            }
        }
        let shown = w.op.policy_of(&w.admin, ANNE).await.unwrap();
        let shown = |name: &str| shown.iter().find(|p| p.name == name).unwrap().value;
        let most = usize::try_from(shown("recipients")).unwrap();
        w.op.submit_recipient(&anne, &addr(PAUL), most - 1, None).await.unwrap();
        assert_eq!(code(w.op.submit_recipient(&anne, &addr(PAUL), most, None).await), "rcpt.too_many", "step {step}");
        assert_eq!(w.op.bal(&w.admin, ANNE).await.unwrap().quota, shown("quota_bytes"), "step {step}");
        let head = letter(ANNE, "taille");
        let body =
            |len: u64| head.clone() + &"x".repeat(usize::try_from(len).unwrap() - head.len() - 2).chunked() + "\r\n";
        let largest = shown("message_bytes");
        assert_eq!(code(w.submit(&anne, ANNE, &[PAUL], &body(largest + 1)).await), "message.too_big", "step {step}");
        // Each copy stays: the quota must not be what refuses.
        if step < 4 {
            w.submit(&anne, ANNE, &[PAUL], &body(largest)).await.unwrap();
        }
    }
}

/// Lines of a message.
trait Chunked {
    fn chunked(&self) -> String;
}
impl Chunked for String {
    /// Of the same length, in lines.
    fn chunked(&self) -> String {
        let mut bytes = self.clone().into_bytes();
        let last = bytes.len();
        for at in (60..last.saturating_sub(2)).step_by(62) {
            (bytes[at], bytes[at + 1]) = (b'\r', b'\n');
        }
        String::from_utf8(bytes).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_is_what_is_enforced_on_sqlite() {
    what_is_shown_is_what_is_enforced(sceau_store::testing::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_is_what_is_enforced_on_postgres() {
    what_is_shown_is_what_is_enforced(sceau_store::testing::postgres().await).await;
}

/// A quota of a structure is written to its BALs, some hundred at a time, and to no others; one that is below what a BAL holds loses nothing.
async fn a_quota_is_written_where_it_is_for(store: TestStore) {
    let w = World::on(store, |_| {}).await;
    w.hand_over(BETA, PAUL, &[ANNE], &(letter(PAUL, "un") + &"y\r\n".repeat(30_000))).await.unwrap();
    let fill = |tx: &mut dyn sceau_store::Tx| {
        let domain = tx.query_opt("SELECT id FROM domains WHERE name = 'alpha.mssante.fr'", &[])?.unwrap().int(0)?;
        for n in 0..1_200_i64 {
            let address = format!("b{n}@alpha.mssante.fr");
            let mut bal = sceau_store::accounts::Bal::new(1_000 + n, (&address, &address), domain, "Org", 0);
            bal.structure_id = None;
            sceau_store::accounts::insert_bal(tx, &bal)?;
        }
        Ok::<_, sceau_store::StoreError>(())
    };
    w.store.write(fill).await.unwrap();
    let set = w.op.set_policy(&w.admin, "kind", "Org", "quota_bytes", 300_000_000).await.unwrap();
    assert_eq!(set.over_quota, Some(0));
    let quotas = |kind: &'static str| {
        let read = w.store.read::<_, sceau_store::StoreError, _>(move |tx| {
            let sql = "SELECT COUNT(*), MIN(quota_bytes), MAX(quota_bytes) FROM bals WHERE kind = $1";
            let row = tx.query_opt(sql, sceau_store::params![kind])?.unwrap();
            Ok((row.int(0)?, row.int(1)?, row.int(2)?))
        });
        async move { read.await.unwrap() }
    };
    assert_eq!(quotas("Org").await, (1_202, 300_000_000, 300_000_000));
    assert_eq!(quotas("Per").await.1, 2 << 30, "of another kind nothing is written");
    // Below what it holds: said at once, nothing is lost, and what comes waits at its sender's.
    let used = w.op.bal(&w.admin, ANNE).await.unwrap().used;
    let set = w.op.set_policy(&w.admin, "bal", ANNE, "quota_bytes", 260_000).await.unwrap();
    assert_eq!((set.over_quota, used > 0), (Some(u64::from(used > 260_000)), true));
    w.hand_over(BETA, PAUL, &[ANNE], &(letter(PAUL, "deux") + &"y\r\n".repeat(30_000))).await.unwrap();
    w.hand_over(BETA, PAUL, &[ANNE], &(letter(PAUL, "trois") + &"y\r\n".repeat(20_000))).await.unwrap();
    let set = w.op.set_policy(&w.admin, "kind", "Per", "quota_bytes", 250_001).await.unwrap();
    assert_eq!(set.over_quota, Some(0), "the BAL's own word counts");
    w.op.unset_policy(&w.admin, "bal", ANNE, "quota_bytes").await.unwrap();
    assert_eq!(w.op.bal(&w.admin, ANNE).await.unwrap().quota, 250_001);
    let refusal =
        w.hand_over(BETA, PAUL, &[ANNE], &(letter(PAUL, "quatre") + &"y\r\n".repeat(20_000))).await.unwrap_err();
    assert_eq!((refusal.code.as_str(), refusal.code.smtp()), ("rcpt.over_quota", 452), "{refusal:?}");
    assert_eq!(w.folder("anne", ANNE, "INBOX").await.len(), 3);
    // What a process that died left behind is written by the job.
    w.store
        .write(|tx| tx.execute("UPDATE bals SET quota_bytes = 7 WHERE kind = 'Org'", &[]).map(drop))
        .await
        .map_err(|e: sceau_store::StoreError| e)
        .unwrap();
    w.advance(10);
    while w.op.run_due_jobs().await.unwrap() > 0 {}
    assert_eq!(quotas("Org").await, (1_202, 300_000_000, 300_000_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_is_written_where_it_is_for_on_sqlite() {
    a_quota_is_written_where_it_is_for(sceau_store::testing::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_is_written_where_it_is_for_on_postgres() {
    a_quota_is_written_where_it_is_for(sceau_store::testing::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_act_at_once_on_sqlite() {
    limits_act_at_once(sceau_store::testing::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_act_at_once_on_postgres() {
    limits_act_at_once(sceau_store::testing::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_quota_that_changes_is_followed_by_those_without_their_own() {
    let w = World::new().await;
    w.bal("labo@alpha.mssante.fr", sceau_domain::BalKind::App, &["anne"], |b| b.quota = Some(7_000_000)).await;
    let mut config = w.op.config().clone();
    config.limits.quota_bytes = 3_000_000_000;
    let op = sceau_operator::Operator::open(config, w.store.clone(), w.op.trust().clone()).await.unwrap();
    op.run_due_jobs().await.unwrap();
    let quota = async |address: &str| op.bal(&w.admin, address).await.unwrap().quota;
    assert_eq!((quota(ANNE).await, quota("labo@alpha.mssante.fr").await), (3_000_000_000, 7_000_000));
}
