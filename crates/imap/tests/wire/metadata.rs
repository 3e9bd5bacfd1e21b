//! GETMETADATA and SETMETADATA (RFC 5464).
use crate::client::{Client, one};
use crate::others::login;
use crate::world::World;

const DESK: &str = "Autres BAL/accueil@alpha.mssante.fr/INBOX";

#[tokio::test]
async fn annotations_are_ones_own_or_everybodys() {
    let w = World::new().await;
    let mut c = Client::anne(&w).await;
    let caps = c.ok("CAPABILITY").await;
    assert!(caps[0].contains(" METADATA "), "{caps:?}");
    // The RFC's examples (§4.2, §4.3).
    c.ok("SETMETADATA INBOX (/private/comment {33+}\r\nMy new comment across\r\ntwo lines.)").await;
    let all = c.ok("GETMETADATA INBOX /private/comment").await;
    assert_eq!(all[0], "* METADATA \"INBOX\" (/private/comment {33}\r\nMy new comment across\r\ntwo lines.)");
    c.ok("SETMETADATA INBOX (/private/comment \"My comment\" /shared/comment \"Their comment\")").await;
    let all = c.ok("GETMETADATA \"INBOX\" (/shared/comment /private/comment /private/none)").await;
    assert_eq!(all[0], "* METADATA \"INBOX\" (/private/comment \"My comment\" /shared/comment \"Their comment\")");
    assert_eq!(c.ok("GETMETADATA INBOX /SHARED/Comment").await.len(), 2);
    let long = c.ok("GETMETADATA (MAXSIZE 10) INBOX (/shared/comment /private/comment)").await;
    assert_eq!(long.len(), 2);
    assert_eq!(long[0], "* METADATA \"INBOX\" (/private/comment \"My comment\")");
    assert!(long[1].starts_with("OK [METADATA LONGENTRIES 13]"), "{long:?}");
    c.ok("SETMETADATA INBOX (/private/filters/values/small \"a\" /private/filters/values/deep/er \"b\")").await;
    let of = |depth: &str| format!("GETMETADATA INBOX (DEPTH {depth}) (/private/filters/values)");
    assert_eq!(c.ok(&of("0")).await.len(), 1);
    assert_eq!(c.ok(&of("1")).await[0], "* METADATA \"INBOX\" (/private/filters/values/small \"a\")");
    assert!(c.ok(&of("infinity")).await[0].contains("deep/er \"b\""));
    // NIL removes.
    c.ok("SETMETADATA INBOX (/private/comment NIL)").await;
    assert_eq!(c.ok("GETMETADATA INBOX /private/comment").await.len(), 1);
    // The server: one's own only.
    c.ok("SETMETADATA \"\" (/private/vendor/exemple/clef ~{3+}\r\na\0b)").await;
    let own = c.ok("GETMETADATA \"\" /private/vendor/exemple/clef").await;
    assert_eq!(own[0], "* METADATA \"\" (/private/vendor/exemple/clef ~{3}\r\na\0b)");
    assert!(c.no("SETMETADATA \"\" (/shared/comment \"x\")").await.starts_with("NO [NOPERM]"));
    // A shared BAL: everybody's are seen by the others, one's own are not.
    c.ok(&format!("SETMETADATA \"{DESK}\" (/shared/comment \"Accueil\" /private/comment \"à moi\")")).await;
    let mut bruno = login(&w, "bruno*accueil@alpha.mssante.fr", &w.bruno).await;
    let seen = bruno.ok("GETMETADATA (DEPTH infinity) INBOX (/shared /private)").await;
    assert_eq!(seen[0], "* METADATA \"INBOX\" (/shared/comment \"Accueil\")");
    bruno.ok("SETMETADATA INBOX (/private/comment \"autre\")").await;
    let mine = c.ok(&format!("GETMETADATA \"{DESK}\" /private/comment")).await;
    assert!(one(&mine, "* METADATA").contains("à moi"), "{mine:?}");
    // They go with their folder, and stay with one that is renamed.
    c.ok("CREATE a").await;
    c.ok("SETMETADATA a (/private/comment \"x\")").await;
    c.ok("RENAME a b").await;
    assert_eq!(c.ok("GETMETADATA b /private/comment").await.len(), 2);
    c.ok("DELETE b").await;
    c.ok("CREATE b").await;
    assert_eq!(c.ok("GETMETADATA b /private/comment").await.len(), 1);
    assert!(c.no("GETMETADATA Absent /private/comment").await.starts_with("NO [NONEXISTENT]"));
}

#[tokio::test]
async fn what_is_kept_is_bounded() {
    let w = World::new().await;
    let mut c = Client::anne(&w).await;
    let value = "x".repeat((32 << 10) + 1);
    let no = c.no(&format!("SETMETADATA INBOX (/private/a \"ok\" /private/long \"{value}\")")).await;
    assert!(no.starts_with("NO [METADATA MAXSIZE 32768]"), "{no}");
    assert_eq!(c.ok("GETMETADATA INBOX /private/a").await.len(), 1, "all or none");
    for page in 0..5 {
        let entries: Vec<String> = (0..100).map(|n| format!("/private/n{page}-{n} \"v\"")).collect();
        c.ok(&format!("SETMETADATA INBOX ({})", entries.join(" "))).await;
    }
    let no = c.no("SETMETADATA Sent (/private/more \"v\")").await;
    assert!(no.starts_with("NO [METADATA TOOMANY]"), "{no}");
    c.ok("SETMETADATA INBOX (/private/n0-0 NIL)").await;
    c.ok("SETMETADATA Sent (/private/more \"v\")").await;
    for bad in [
        "SETMETADATA INBOX (comment \"x\")",
        "SETMETADATA INBOX (/private//x \"x\")",
        "SETMETADATA INBOX (/private/x/ \"x\")",
        "SETMETADATA INBOX (\"/private/*\" \"x\")",
        "SETMETADATA INBOX ()",
        "SETMETADATA INBOX (/private/x)",
        "GETMETADATA INBOX (DEPTH 2) /private/x",
        "GETMETADATA INBOX (NONE 2) /private/x",
        "GETMETADATA INBOX",
    ] {
        c.bad(bad).await;
    }
    assert!(c.no("SETMETADATA INBOX (/other/x \"x\")").await.starts_with("NO [CANNOT]"));
    c.ok("NOOP").await;
}
