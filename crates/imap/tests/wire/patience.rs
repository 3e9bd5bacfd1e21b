//! Long work is said to go on (INPROGRESS, RFC 9585).
use crate::client::Client;
use crate::world::World;
use sceau_store::StoreError;
use std::sync::mpsc;
use std::time::Duration;

/// Keeps every writer waiting until told to let go.
async fn hold(w: &World) -> mpsc::Sender<()> {
    let (store, (let_go, told), (begun, begins)) = (w.store.clone(), mpsc::channel(), mpsc::channel());
    tokio::spawn(async move {
        let writer = move |_: &mut dyn sceau_store::Tx| {
            begun.send(()).ok();
            told.recv().ok();
            Ok(())
        };
        store.write::<_, StoreError, _>(writer).await
    });
    tokio::task::spawn_blocking(move || begins.recv()).await.unwrap().unwrap();
    let_go
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_waits_hears_that_work_goes_on() {
    let w = World::with(|c| c.progress = Duration::from_millis(20)).await;
    let mut c = Client::inbox(&w).await;
    assert!(c.ok("CAPABILITY").await[0].contains(" INPROGRESS "));
    for n in ["un", "deux"] {
        c.letter(n).await;
    }
    c.ok("NOOP").await;
    for command in ["STORE 1 +FLAGS.SILENT (\\Deleted)", "MOVE 2 Archive", "EXPUNGE"] {
        let let_go = hold(&w).await;
        let tag = c.tag();
        c.send(format!("{tag} {command}\r\n")).await;
        for _ in 0..2 {
            let said = c.response().await.unwrap();
            assert_eq!(said, format!("* OK [INPROGRESS (\"{tag}\" NIL NIL)] Still working"), "{command}");
        }
        let_go.send(()).unwrap();
        let all = c.until(&tag).await;
        assert!(all.last().unwrap().starts_with(&format!("{tag} OK ")), "{command}: {all:#?}");
    }
    // What was long was done once.
    assert_eq!(c.ok("STATUS Archive (MESSAGES)").await[0], "* STATUS \"Archive\" (MESSAGES 1)");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_begun_is_carried_out_without_its_client() {
    let w = World::with(|c| c.progress = Duration::from_millis(20)).await;
    let mut c = Client::inbox(&w).await;
    c.letter("un").await;
    c.ok("NOOP").await;
    let let_go = hold(&w).await;
    c.send("a STORE 1 +FLAGS (\\Seen)\r\n").await;
    assert!(c.response().await.unwrap().starts_with("* OK [INPROGRESS "));
    drop(c);
    let_go.send(()).unwrap();
    let mut again = Client::inbox(&w).await;
    while !again.ok("FETCH 1 FLAGS").await[0].contains("\\Seen") {
        again.ok("NOOP").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_of_several_mailboxes_is_waited_for_too() {
    let w = World::with(|c| c.progress = Duration::from_millis(1)).await;
    let mut c = Client::inbox(&w).await;
    let text = format!("Subject: long\n\n{}\n", "mot ".repeat(500_000));
    c.append("INBOX", "", &text).await;
    c.ok("COPY 1 Archive").await;
    for sources in ["selected", "mailboxes Archive"] {
        let all = c.ok(&format!("ESEARCH IN ({sources}) BODY absent")).await;
        assert!(all.iter().any(|r| r.starts_with("* OK [INPROGRESS ")), "{sources}: {all:?}");
    }
}
