//! CONDSTORE (RFC 7162).
use crate::client::{Client, one};
use crate::world::World;

fn modseq(response: &str) -> u64 {
    let (_, rest) = response.split_once("MODSEQ (").unwrap_or_else(|| panic!("{response}"));
    rest.split(')').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn modseqs_grow_and_guard() {
    let w = World::new().await;
    let mut c = Client::anne(&w).await;
    for n in ["un", "deux", "trois"] {
        c.letter(n).await;
    }
    let all = c.ok("SELECT INBOX (CONDSTORE)").await;
    let highest = one(&all, "* OK [HIGHESTMODSEQ ")[20..].split(']').next().unwrap().parse::<u64>().unwrap();
    let all = c.ok("FETCH 1:3 (MODSEQ)").await;
    assert_eq!(all[..3].iter().map(|r| modseq(r)).max(), Some(highest));
    let all = c.ok("STORE 2 +FLAGS.SILENT (\\Seen)").await;
    // Nothing but the modseq: the flags are what the client expects.
    let second = modseq(one(&all, "* 2 FETCH (UID 2 MODSEQ ("));
    assert!(second > highest);
    let all = c.ok(&format!("FETCH 1:* (FLAGS) (CHANGEDSINCE {highest})")).await;
    assert_eq!(all[0], format!("* 2 FETCH (FLAGS (\\Seen) MODSEQ ({second}))"));
    assert_eq!(all.len(), 2);
    let all = c.ok(&format!("SEARCH MODSEQ {second}")).await;
    assert_eq!(all[0], format!("* SEARCH 2 (MODSEQ {second})"));
    let all = c.run(&format!("STORE 1:3 (UNCHANGEDSINCE {highest}) +FLAGS (\\Flagged)")).await;
    assert!(all.last().unwrap().starts_with("OK [MODIFIED 2] "), "{all:?}");
    one(&all, "* 1 FETCH (");
    one(&all, "* 3 FETCH (");
    let all = c.ok("STATUS INBOX (HIGHESTMODSEQ)").await;
    assert!(all[0].starts_with("* STATUS \"INBOX\" (HIGHESTMODSEQ "), "{all:?}");
    c.ok("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    let all = c.ok("EXPUNGE").await;
    assert!(all[0] == "* 1 EXPUNGE" && all[1].starts_with("OK [HIGHESTMODSEQ "), "{all:?}");
    // Another session's change comes with its modseq.
    let mut other = Client::inbox(&w).await;
    other.ok("STORE 1 FLAGS ()").await;
    let all = c.ok("NOOP").await;
    assert!(modseq(one(&all, "* 1 FETCH (UID 2 FLAGS () MODSEQ (")) > second);
}
