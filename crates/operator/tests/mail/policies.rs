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
    assert_eq!(code(send(BRUNO, &[PAUL], &big.replace(ANNE, BRUNO)).await), "message.too_big");
    // How many in an hour that slides.
    set("domain", "alpha.mssante.fr", "submissions_per_hour", 2).await;
    for _ in 0..2 {
        send(BRUNO, &[PAUL], &letter(BRUNO, "compte")).await.unwrap();
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
