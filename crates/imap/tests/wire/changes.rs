//! What one session does, others see; sequence numbers hold.
use crate::client::{Client, one};
use crate::world::World;
use std::time::Duration;

#[tokio::test]
async fn idle_sees_what_another_session_does() {
    let w = World::new().await;
    let (mut idle, mut other) = (Client::inbox(&w).await, Client::inbox(&w).await);
    idle.send("i IDLE\r\n").await;
    assert_eq!(idle.response().await.as_deref(), Some("+ idling"));
    other.letter("un").await;
    assert_eq!(idle.response().await.as_deref(), Some("* 1 EXISTS"));
    other.ok("STORE 1 +FLAGS (\\Flagged)").await;
    assert_eq!(idle.response().await.as_deref(), Some("* 1 FETCH (UID 1 FLAGS (\\Flagged))"));
    other.ok("STORE 1 +FLAGS (\\Deleted Urgent)").await;
    assert!(idle.response().await.unwrap().starts_with("* FLAGS ("));
    assert!(idle.response().await.unwrap().contains("\\Deleted Urgent"));
    other.ok("EXPUNGE").await;
    assert_eq!(idle.response().await.as_deref(), Some("* 1 EXPUNGE"));
    idle.send("DONE\r\n").await;
    assert_eq!(idle.until("i").await, ["i OK IDLE completed"]);
    idle.send("j IDLE\r\nDONE\r\nk NOOP\r\n").await;
    idle.until("k").await;
    idle.send("l IDLE\r\n").await;
    idle.response().await;
    idle.send("NOOP\r\n").await;
    assert!(idle.until("l").await[0].starts_with("l BAD "));
}

#[tokio::test]
async fn idle_keeps_the_connection_alive() {
    let w = World::with(|c| c.keepalive = Duration::from_millis(100)).await;
    let mut c = Client::inbox(&w).await;
    c.send("i IDLE\r\n").await;
    c.response().await;
    assert_eq!(c.response().await.as_deref(), Some("* OK Still here"));
    // Rights that ended are noticed there too.
    let tokens = w.op.tokens(&w.admin, Some("anne"), 0, 1000).await.unwrap();
    w.op.revoke_token(&w.admin, tokens[0].id).await.unwrap();
    loop {
        let line = c.response().await.unwrap();
        if line.starts_with("* BYE ") {
            assert!(line.ends_with("(right.missing)"), "{line}");
            break;
        }
    }
}

#[tokio::test]
async fn what_happens_in_other_folders_does_not_put_off_what_keeps_the_connection_alive() {
    let w = World::with(|c| c.keepalive = Duration::from_millis(300)).await;
    let (mut idle, mut other) = (Client::inbox(&w).await, Client::anne(&w).await);
    idle.send("i IDLE\r\n").await;
    idle.response().await;
    let busy = async {
        for _ in 0..200 {
            other.append("Archive", "", &crate::client::letter("ailleurs")).await;
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    let told = tokio::time::timeout(Duration::from_secs(5), async {
        tokio::select! { said = idle.response() => said, () = busy => None }
    });
    assert_eq!(told.await.expect("nothing is said").as_deref(), Some("* OK Still here"));
}

#[tokio::test]
async fn numbers_hold_while_others_expunge() {
    let w = World::new().await;
    let (mut c, mut other) = (Client::inbox(&w).await, Client::inbox(&w).await);
    for n in ["un", "deux", "trois"] {
        c.letter(n).await;
    }
    other.ok("NOOP").await;
    other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    other.ok("EXPUNGE").await;
    other.letter("quatre").await;
    // FETCH, STORE and SEARCH may not tell the EXPUNGE: 3 still is the third.
    let all = c.ok("FETCH 3 UID").await;
    assert_eq!(all[..2], ["* 3 FETCH (UID 3)", "* 4 EXISTS"]);
    let all = c.ok("FETCH 3 BODY.PEEK[HEADER.FIELDS (SUBJECT)]").await;
    assert!(one(&all, "* 3 FETCH").contains("Subject: trois"));
    assert_eq!(c.ok("STORE 3 +FLAGS (\\Flagged)").await[0], "* 3 FETCH (FLAGS (\\Flagged))");
    assert_eq!(c.ok("SEARCH SUBJECT trois").await[0], "* SEARCH 3");
    // What is gone cannot be read, and is said so.
    let no = c.no("FETCH 1:2 ENVELOPE").await;
    assert!(no.contains("[EXPUNGEISSUED]"), "{no}");
    assert!(c.no("FETCH 1 BODY[]").await.contains("[EXPUNGEISSUED]"));
    assert!(c.no("STORE 1 +FLAGS (\\Seen)").await.contains("[EXPUNGEISSUED]"));
    // UID commands and NOOP may.
    assert_eq!(c.ok("UID FETCH 3 FLAGS").await[..2], ["* 3 FETCH (UID 3 FLAGS (\\Flagged))", "* 1 EXPUNGE"]);
    assert_eq!(c.ok("FETCH 2 UID").await[0], "* 2 FETCH (UID 3)");
    assert_eq!(c.ok("NOOP").await.len(), 1);
}

#[tokio::test]
async fn many_sessions_agree_in_the_end() {
    let w = World::new().await;
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(Client::inbox(&w).await);
    }
    for n in 0..20 {
        clients[n % 4].letter(&format!("m{n}")).await;
    }
    for (n, c) in clients.iter_mut().enumerate() {
        // At once, one after the other of each.
        c.send(format!("x NOOP\r\ny UID STORE {}:{} +FLAGS.SILENT (\\Deleted)\r\nz EXPUNGE\r\n", n * 4 + 1, n * 4 + 2))
            .await;
    }
    for c in &mut clients {
        c.until("z").await;
    }
    for c in &mut clients {
        c.ok("NOOP").await;
        assert_eq!(c.ok("UID SEARCH ALL").await[0], "* SEARCH 3 4 7 8 11 12 15 16 17 18 19 20");
        let all = c.ok("FETCH 1:* UID").await;
        assert_eq!(all[11], "* 12 FETCH (UID 20)");
    }
}

#[tokio::test]
async fn a_shared_bal_is_one_mailbox() {
    let w = World::new().await;
    let (mut a, mut b) = (Client::secure(&w).await, Client::secure(&w).await);
    a.ok(&format!("LOGIN anne*accueil@alpha.mssante.fr {}", w.anne)).await;
    b.ok(&format!("LOGIN \"bruno*accueil@alpha.mssante.fr\" {}", w.bruno)).await;
    a.ok("SELECT INBOX").await;
    b.ok("SELECT INBOX").await;
    a.letter("pour nous deux").await;
    assert_eq!(b.ok("NOOP").await[0], "* 1 EXISTS");
    b.ok("FETCH 1 BODY[TEXT]").await;
    assert_eq!(a.ok("NOOP").await[0], "* 1 FETCH (UID 1 FLAGS (\\Seen))");
    // anne's own BAL has nothing of it.
    let mut own = Client::anne(&w).await;
    assert_eq!(own.ok("STATUS INBOX (MESSAGES)").await[0], "* STATUS \"INBOX\" (MESSAGES 0)");
}
