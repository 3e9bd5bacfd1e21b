//! STORE, COPY, MOVE, EXPUNGE.
use crate::client::{Client, one};
use crate::world::World;

async fn three(w: &World) -> Client {
    let mut c = Client::inbox(w).await;
    for n in ["un", "deux", "trois"] {
        c.letter(n).await;
    }
    c.ok("NOOP").await;
    c
}

#[tokio::test]
async fn flags_and_keywords() {
    let w = World::new().await;
    let mut c = three(&w).await;
    assert_eq!(
        c.ok("STORE 1:2 FLAGS (\\Seen \\Flagged)").await[..2],
        ["* 1 FETCH (FLAGS (\\Flagged \\Seen))", "* 2 FETCH (FLAGS (\\Flagged \\Seen))"]
    );
    assert_eq!(c.ok("UID STORE 2 -FLAGS \\Seen").await[0], "* 2 FETCH (UID 2 FLAGS (\\Flagged))");
    assert_eq!(c.ok("STORE 1 +FLAGS.SILENT (\\Answered)").await.len(), 1);
    let all = c.ok("STORE 3 +FLAGS (Relance $Important)").await;
    assert!(one(&all, "* FLAGS (").contains(" Relance)"));
    assert_eq!(one(&all, "* 3 FETCH"), "* 3 FETCH (FLAGS ($Important Relance))");
    assert!(!c.ok("STORE 3 -FLAGS (relance)").await[0].contains("Relance"));
    c.bad("STORE 4 +FLAGS (\\Seen)").await;
    assert_eq!(c.ok("UID STORE 99 +FLAGS (\\Seen)").await.len(), 1);
}

#[tokio::test]
async fn expunge_and_uid_expunge() {
    let w = World::new().await;
    let mut c = three(&w).await;
    c.letter("quatre").await;
    c.ok("STORE 1,2,4 +FLAGS.SILENT (\\Deleted)").await;
    assert_eq!(c.ok("UID EXPUNGE 2:3").await[0], "* 2 EXPUNGE");
    assert_eq!(c.ok("EXPUNGE").await[..2], ["* 1 EXPUNGE", "* 2 EXPUNGE"]);
    assert_eq!(c.ok("UID SEARCH ALL").await[0], "* SEARCH 3");
    assert_eq!(c.ok("EXPUNGE").await.len(), 1);
}

#[tokio::test]
async fn copy_and_move() {
    let w = World::new().await;
    let mut c = three(&w).await;
    c.ok("STORE 1 +FLAGS.SILENT (\\Flagged Suivi)").await;
    assert!(c.no("COPY 1 nulle-part").await.contains("[TRYCREATE]"));
    c.ok("CREATE x").await;
    let all = c.ok("COPY 1:3 x").await;
    assert!(all[0].starts_with("OK [COPYUID ") && all[0].contains(" 1:3 1:3] "), "{all:?}");
    let all = c.ok("MOVE 2 x").await;
    assert!(all[0].starts_with("* OK [COPYUID ") && all[0].contains(" 2 4] "), "{all:?}");
    assert_eq!(all[1], "* 2 EXPUNGE");
    let all = c.ok("UID MOVE 1,3 x").await;
    assert!(all[0].contains(" 1,3 5,6] "), "{all:?}");
    assert_eq!(all[1..3], ["* 1 EXPUNGE", "* 1 EXPUNGE"]);
    assert_eq!(c.ok("UID MOVE 1 x").await.len(), 1);
    let all = c.ok("SELECT x").await;
    one(&all, "* 6 EXISTS");
    assert_eq!(
        c.ok("FETCH 1,5 FLAGS").await[..2],
        ["* 1 FETCH (FLAGS (\\Flagged Suivi))", "* 5 FETCH (FLAGS (\\Flagged Suivi))"]
    );
}
