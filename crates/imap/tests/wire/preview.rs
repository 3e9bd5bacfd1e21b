//! PREVIEW (RFC 8970).
use crate::client::{Client, letter, one};
use crate::world::World;

#[tokio::test]
async fn the_first_words_are_made_when_asked_and_kept() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    c.letter("un").await;
    let html = "Subject: x\nContent-Type: text/html; charset=utf-8\n\n<p>Dr&nbsp;L\u{e9}a,\n<b>bonjour</b></p>\n";
    c.append("INBOX", "", html).await;
    c.append("INBOX", "", "Subject: x\nContent-Type: application/pdf\n\n%PDF\n").await;
    c.ok("NOOP").await;
    // §3.1: LAZY waits for nothing, and makes nothing.
    assert_eq!(one(&c.ok("FETCH 1 (PREVIEW (LAZY))").await, "* 1 FETCH"), "* 1 FETCH (PREVIEW NIL)");
    assert_eq!(one(&c.ok("FETCH 1 PREVIEW (LAZY)").await, "* 1 FETCH"), "* 1 FETCH (PREVIEW NIL)");
    let all = c.ok("FETCH 1:* (PREVIEW FLAGS)").await;
    assert_eq!(
        all[..3],
        [
            "* 1 FETCH (PREVIEW \"Bonjour un\" FLAGS ())",
            "* 2 FETCH (PREVIEW {16}\r\nDr Léa, bonjour FLAGS ())",
            "* 3 FETCH (PREVIEW \"\" FLAGS ())"
        ]
    );
    let all = c.ok("UID FETCH 1:* (UID PREVIEW (LAZY))").await;
    assert!(all[1].starts_with("* 2 FETCH (UID 2 PREVIEW {") && all[2] == "* 3 FETCH (UID 3 PREVIEW \"\")", "{all:?}");
    // Another session finds them; in UTF-8 they are quoted. A copy has the same.
    let mut d = Client::anne(&w).await;
    d.ok("ENABLE UTF8=ACCEPT").await;
    d.ok("SELECT INBOX").await;
    assert_eq!(one(&d.ok("FETCH 2 (PREVIEW (LAZY))").await, "* 2"), "* 2 FETCH (PREVIEW \"Dr Léa, bonjour\")");
    d.ok("COPY 1 Sent").await;
    d.ok("EXAMINE Sent").await;
    assert_eq!(one(&d.ok("FETCH 1 (PREVIEW (LAZY))").await, "* 1"), "* 1 FETCH (PREVIEW \"Bonjour un\")");
    c.bad("FETCH 1 (PREVIEW (FAST))").await;
    c.bad("FETCH 1 (PREVIEW ())").await;
}

#[tokio::test]
async fn previews_are_sealed_and_their_reading_is_traced() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    c.append("INBOX", "", &letter("x").replace("Bonjour", "confidentiel")).await;
    c.ok("NOOP").await;
    c.ok("FETCH 1 PREVIEW").await;
    w.op.flush_traces().await.unwrap();
    let (kept, acts) = w
        .store
        .read::<_, sceau_store::StoreError, _>(|tx| {
            let kept = tx.query("SELECT preview FROM messages WHERE preview IS NOT NULL", sceau_store::params![])?;
            let acts =
                tx.query("SELECT act, data FROM traces WHERE act = 'message.previewed'", sceau_store::params![])?;
            let acts: Vec<String> = acts.iter().map(|r| r.text(1)).collect::<Result<_, _>>()?;
            Ok((kept.iter().map(|r| r.bytes(0)).collect::<Result<Vec<_>, _>>()?, acts))
        })
        .await
        .unwrap();
    assert_eq!((kept.len(), acts.len()), (1, 1));
    assert!(!String::from_utf8_lossy(&kept[0]).contains("confidentiel") && !acts[0].contains("confidentiel"));
}
