//! What no good client sends.
use crate::client::Client;
use crate::world::World;

#[tokio::test]
async fn every_grammar_error_is_a_tagged_bad_and_the_connection_lives() {
    let w = World::with(|c| c.max_errors = 1000).await;
    let mut c = Client::inbox(&w).await;
    for bad in [
        "",
        "FROB",
        "FETCH",
        "FETCH 1 BODY[",
        "FETCH 1 (FLAGS",
        "SEARCH (((",
        "STORE 1 +FLAGS (\\Nope)",
        "LIST \"\"",
        "SELECT \"x",
        "UID",
        "UID NOOP",
        "COPY 1",
        "LOGIN {5}x",
        "FETCH 1:2:3 FLAGS",
        "FETCH 99999999999 FLAGS",
        "SEARCH SINCE 31-Feb-2020",
        "STATUS x ()",
        "ENABLE",
        "IDLE x",
        "NOOP\0",
        "CREATE x (USE (\\Nope))",
        "STORE 1 (UNCHANGEDSINCE x) FLAGS ()",
        "FETCH 1 BODY[1.2.3.]",
        "SEARCH NOT",
        "APPEND INBOX",
        "APPEND",
    ] {
        c.bad(bad).await;
    }
    let deep = format!("SEARCH {}ALL{}", "(".repeat(1000), ")".repeat(1000));
    c.bad(&deep).await;
    c.bad(&format!("SEARCH {}", "OR ALL ".repeat(9000))).await;
    c.bad(&format!("FETCH {} FLAGS", "1,".repeat(30_000))).await;
    c.bad(&format!("NOOP {}", "x".repeat(200_000))).await;
    c.ok("NOOP").await;
    c.send("* NOOP\r\n\r\nx\r\n").await;
    for _ in 0..3 {
        let bad = c.response().await.unwrap();
        assert!(bad.starts_with("* BAD ") || bad.starts_with("x BAD "), "{bad}");
    }
    c.ok("NOOP").await;
}

#[tokio::test]
async fn too_many_errors_end_the_session() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    for _ in 0..19 {
        c.bad("FROB").await;
    }
    c.ok("NOOP").await;
    for _ in 0..19 {
        c.bad("FROB").await;
    }
    c.send("a FROB\r\n").await;
    assert!(c.response().await.unwrap().starts_with("a BAD "));
    let bye = c.response().await.unwrap();
    assert!(bye.starts_with("* BYE ") && bye.ends_with("(session.too_many_errors)"), "{bye}");
}

#[tokio::test]
async fn budgets_before_login() {
    let w = World::new().await;
    let mut c = Client::secure(&w).await;
    let bad = c.bad(&format!("LOGIN {} x", "y".repeat(9000))).await;
    assert!(bad.contains("too long"), "{bad}");
    let bad = c.bad("LOGIN {5000}").await;
    assert!(bad.contains("too large"), "{bad}");
    c.send(format!("a LOGIN {{5000+}}\r\n{} x\r\nb NOOP\r\n", "\n".repeat(5000))).await;
    assert!(c.until("a").await[0].starts_with("a BAD "));
    c.until("b").await;
    // APPEND is nothing before login, its literal is bounded like any other.
    c.bad("APPEND INBOX {5000}").await;
    // Literals that are allowed work.
    c.send("c LOGIN {4}\r\n").await;
    assert_eq!(c.response().await.as_deref(), Some("+ OK"));
    c.send(format!("anne {{{}+}}\r\n{}\r\n", w.anne.len(), w.anne)).await;
    assert!(c.until("c").await[0].starts_with("c OK "));
    // What cannot be thrown away in reason ends the connection.
    let mut c = Client::secure(&w).await;
    c.send("a LOGIN {1000000+}\r\n").await;
    assert!(c.response().await.unwrap().starts_with("* BYE "));
    assert!(c.response().await.is_none());
    let mut c = Client::secure(&w).await;
    // The server may close before all is written.
    let _ = c.conn.write(&vec![b'x'; 200_000]).await;
    let _ = c.conn.flush().await;
    let bye = c.response().await.unwrap_or_else(|| "* BYE ".into());
    assert!(bye.starts_with("* BYE "), "{bye}");
}

#[tokio::test]
async fn pipelined_commands_are_answered_in_order() {
    let w = World::new().await;
    let mut c = Client::secure(&w).await;
    let m = crate::client::letter("x").replace('\n', "\r\n");
    c.send(format!(
        "a LOGIN anne {}\r\nb SELECT INBOX\r\nc APPEND INBOX {{{}+}}\r\n{m}\r\nd FETCH 1 FLAGS\r\ne IDLE\r\nDONE\r\nf STORE 1 FLAGS (\\Seen)\r\ng UID FETCH 1 FLAGS\r\nh LOGOUT\r\n",
        w.anne,
        m.len()
    ))
    .await;
    for tag in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        let all = c.until(tag).await;
        assert!(all.last().unwrap().starts_with(&format!("{tag} OK")), "{all:?}");
    }
    assert!(c.response().await.is_none());
}

#[tokio::test]
async fn weird_literals() {
    let w = World::new().await;
    let mut c = Client::anne(&w).await;
    c.send("a CREATE {1}\r\n").await;
    c.response().await;
    c.send("x\r\n").await;
    assert!(c.until("a").await[0].starts_with("a OK"));
    c.send("b SELECT {0+}\r\n\r\n").await;
    let no = c.until("b").await;
    assert!(no[0].starts_with("b NO ") || no[0].starts_with("b BAD "), "{no:?}");
    // A literal that holds what looks like commands is data.
    c.send("c SUBSCRIBE {13+}\r\nx\r\nd LOGOUT\r\n\r\ne NOOP\r\n").await;
    assert!(c.until("c").await[0].starts_with("c NO "));
    assert!(c.until("e").await[0].starts_with("e OK"));
    c.send(b"f SUBSCRIBE {3+}\r\na\0b\r\ng SUBSCRIBE {2+}\r\n\xff\xfe\r\nh NOOP\r\n").await;
    assert!(c.until("f").await[0].starts_with("f BAD "));
    assert!(c.until("g").await[0].starts_with("g NO "));
    c.until("h").await;
}
