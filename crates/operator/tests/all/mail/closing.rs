//! Closing a BAL: what is refused from then on, what the job removes, what stays, and an older copy of the data that is put back.
use sceau_domain::BalKind;
use sceau_operator::accounts::NewBal;
use sceau_operator::life::CloseOrder;
use sceau_store::testing::{TestStore, postgres, sqlite};
use sceau_store::{StoreError, params};
use sceau_testkit::world::*;

const OUT: &str = "accueil@beta.mssante.fr";
const ANNE: &str = "anne.martin@alpha.mssante.fr";
const BRUNO: &str = "bruno.petit@alpha.mssante.fr";

async fn id_of(w: &World, address: &str) -> i64 {
    w.actor("anne", address).await.bal.unwrap().id
}

async fn rows_of(w: &World, table: &'static str, bal: i64) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM {table} WHERE bal_id = $1");
    let counted = w.store.read(move |tx| tx.query_opt(&sql, params![bal])?.unwrap().int(0));
    counted.await.unwrap_or_else(|e: StoreError| panic!("{e}"))
}

async fn closing(store: TestStore) {
    let w = World::on(store, |_| {}).await;
    // Small ones, and one in a file of its own; one is shared with Bruno.
    for (i, to) in [&[ANNE][..], &[ANNE, BRUNO], &[ANNE]].into_iter().enumerate() {
        let body = letter(OUT, &format!("bilan-{i}")) + &"0123456789abcdef ligne\r\n".repeat(i * 1500);
        w.hand_over(BETA, OUT, to, &body).await.unwrap();
    }
    let anne = id_of(&w, ANNE).await;
    let session = w.actor("anne", ANNE).await;
    // Anne sent a message that waits for a server that is not there.
    w.submit(&session, ANNE, &["x@gamma.mssante.fr"], &letter(ANNE, "attend")).await.unwrap();
    let (_, only) = w.op.create_token(&w.admin, "anne", Some(ANNE), "poste", None).await.unwrap();
    let (_, any) = w.op.create_token(&w.admin, "anne", None, "poste", None).await.unwrap();
    let login = async |token: &str, at: &str| {
        w.op.login_token(at, token, &origin(sceau_operator::Door::Imap)).await.map(|a| a.bal.unwrap().id)
    };
    assert_eq!(login(&only, "anne").await, Ok(anne));
    let mut watch = w.op.watch(&session);

    // Only an administrator; not an unknown one; a reason that is no novel.
    let stranger = w.actor("bruno", BRUNO).await;
    let at_once = CloseOrder::at_once;
    assert_eq!(code(w.op.close_bal(&stranger, ANNE, at_once("x")).await), "right.missing");
    assert_eq!(code(w.op.close_bal(&session, ANNE, at_once("x")).await), "admin.invalid", "users wait");
    assert_eq!(code(w.op.close_bal(&w.admin, "personne@alpha.mssante.fr", at_once("x")).await), "admin.not_found");
    for reason in [&"x".repeat(501), "a\nb", " "] {
        assert_eq!(code(w.op.close_bal(&w.admin, ANNE, at_once(reason)).await), "admin.invalid");
    }
    let before = w.count("traces").await;
    let view = w.op.close_bal(&w.admin, ANNE, at_once(" départ ")).await.unwrap();
    assert_eq!(view.state, "closed");
    assert_eq!(w.count("traces").await, before + 2, "begun and ended");
    assert_eq!(code(w.op.close_bal(&w.admin, ANNE, at_once("x")).await), "state.wrong");
    assert_eq!(w.count("traces").await, before + 2, "once is enough");
    let traced = w.traces("bal.closed").await;
    assert_eq!((traced[0].data["reason"].as_str(), traced[0].data["messages"].as_i64()), (Some("départ"), Some(3)));

    // At once, before any job: nobody is heard there any more, and who waits is woken.
    tokio::time::timeout(std::time::Duration::from_secs(5), watch.changed()).await.expect("sessions are woken");
    assert_eq!(code(w.op.open_folder(&session, "INBOX", true).await), "right.missing");
    assert_eq!(code(w.hand_over(BETA, OUT, &[ANNE], &letter(OUT, "tard")).await), "rcpt.closed");
    for (token, at) in [(&only, "anne"), (&any, ANNE), (&any, "anne")] {
        assert_eq!(code(login(token, at).await), "login.failed", "{at}");
    }
    let (gone, bruno) =
        (w.op.tokens(&w.admin, Some("anne"), 0, 1000).await.unwrap(), w.inbox("bruno", BRUNO).await.len());
    assert_eq!((gone.iter().filter(|t| t.revoked.is_some()).count(), bruno), (1, 1));
    // The address is never given again.
    let anew = NewBal::new(addr(ANNE), BalKind::Per, "Anne", &["chloe"]);
    assert_eq!(code(w.op.add_bal(&w.admin, anew).await), "admin.exists");

    // The key first, then everything; twice does no harm.
    w.op.run_due_jobs().await.unwrap();
    assert_eq!(w.store.vault().bal_key(anne).await.unwrap_err(), StoreError::NoKey);
    for table in ["messages", "entries", "folders", "keywords", "texts", "search_indexes", "index_files", "departed"] {
        assert_eq!(rows_of(&w, table, anne).await, 0, "{table}");
    }
    assert!(rows_of(&w, "traces", anne).await > 3, "traces stay");
    let view = w.op.bal(&w.admin, ANNE).await.unwrap();
    assert_eq!((view.messages, view.used), (0, 0));
    let states: Vec<String> =
        w.op.life_of_bal(&w.admin, ANNE).await.unwrap().steps.into_iter().map(|s| s.became).collect();
    assert!(states.ends_with(&["closing", "closed", "destroyed", "tombstone"].map(str::to_owned)), "{states:?}");
    w.restarted().await.run_due_jobs().await.unwrap();
    // Blobs that only she had are collected; Bruno's copy of the shared one opens.
    sceau_store::blob::collect(&w.store).await.unwrap();
    assert!(w.inbox("bruno", BRUNO).await[0].contains("bilan-1"));
    assert_eq!(w.count("queue_entries").await, 1, "what she sent still leaves");
    let named = w.count("(SELECT blob_id FROM messages UNION SELECT blob_id FROM queue_messages) AS named").await;
    assert_eq!(w.count("blobs").await, named);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_on_sqlite() {
    closing(sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_on_postgres() {
    closing(postgres().await).await;
}

/// The data of yesterday under the keyring of today: what had been closed is closed again, before anything is served.
#[tokio::test]
async fn a_closed_bal_that_comes_back_with_a_copy_is_closed_again() {
    let w = World::new().await;
    w.hand_over(BETA, OUT, &[ANNE, BRUNO], &letter(OUT, "bilan")).await.unwrap();
    let anne = id_of(&w, ANNE).await;
    // As a copy of the data of before the closing: all of it is there, but for the key.
    w.store.vault().destroy_bal_key(anne).await.unwrap();
    let op = w.restarted().await;
    assert_eq!(op.bal(&w.admin, ANNE).await.unwrap().state, "closed");
    assert_eq!(w.traces("bal.closed").await.len(), 1);
    op.run_due_jobs().await.unwrap();
    assert_eq!(rows_of(&w, "messages", anne).await, 0);
    assert_eq!(op.bal(&w.admin, BRUNO).await.unwrap().state, "active");
    w.restarted().await;
    assert_eq!(w.traces("bal.closed").await.len(), 1, "once");
}
