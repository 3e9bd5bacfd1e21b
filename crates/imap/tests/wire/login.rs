//! Capabilities, STARTTLS, login, logout, drain, rights.
use crate::client::Client;
use crate::world::World;
use base64::Engine as _;
use sceau_domain::limits::Limits;
use std::time::Duration;

fn plain(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[tokio::test]
async fn nobody_logs_in_before_tls() {
    let w = World::new().await;
    let mut c = Client::plain(w.imap).await;
    assert!(c.greeting.starts_with("* OK [CAPABILITY IMAP4rev1 IMAP4rev2 "), "{}", c.greeting);
    assert!(c.greeting.contains(" STARTTLS LOGINDISABLED]") && !c.greeting.contains("AUTH="), "{}", c.greeting);
    let no = c.no(&format!("LOGIN anne {}", w.anne)).await;
    assert!(no.contains("[PRIVACYREQUIRED]") && no.ends_with("(login.needs_tls)"), "{no}");
    c.no(&format!("AUTHENTICATE PLAIN {}", plain(&format!("\0anne\0{}", w.anne)))).await;
    c.start_tls().await;
    let caps = c.ok("CAPABILITY").await;
    assert!(
        caps[0].contains(" AUTH=PLAIN") && caps[0].contains(" SASL-IR") && !caps[0].contains("STARTTLS"),
        "{caps:?}"
    );
    c.bad("STARTTLS").await;
    let ok = c.ok(&format!("LOGIN anne {}", w.anne)).await;
    assert!(
        ok[0].starts_with("OK [CAPABILITY ") && ok[0].contains(" IDLE ") && ok[0].contains(" CONDSTORE "),
        "{ok:?}"
    );
    c.bad(&format!("LOGIN anne {}", w.anne)).await;
}

#[tokio::test]
async fn bytes_after_starttls_close_the_connection() {
    let w = World::new().await;
    let mut c = Client::plain(w.imap).await;
    c.send("a STARTTLS\r\nb NOOP\r\n").await;
    let mut rest = Vec::new();
    while let Some(line) = c.response().await {
        rest.push(line);
    }
    assert!(rest.iter().all(|l| l.starts_with("* BYE ")), "{rest:?}");
}

#[tokio::test]
async fn authenticate_plain_in_its_forms() {
    let w = World::new().await;
    let good = plain(&format!("\0anne\0{}", w.anne));
    let mut c = Client::secure(&w).await;
    c.ok(&format!("AUTHENTICATE PLAIN {good}")).await;

    let mut c = Client::secure(&w).await;
    c.send("a AUTHENTICATE PLAIN\r\n").await;
    assert_eq!(c.response().await.as_deref(), Some("+ "));
    c.send("*\r\n").await;
    assert!(c.until("a").await[0].starts_with("a BAD "));
    c.send("b AUTHENTICATE plain\r\n").await;
    c.response().await;
    c.send(format!("{good}\r\n")).await;
    assert!(c.until("b").await[0].starts_with("b OK [CAPABILITY "));

    let mut c = Client::secure(&w).await;
    c.bad("AUTHENTICATE PLAIN !!!").await;
    c.bad("AUTHENTICATE PLAIN =").await;
    c.no("AUTHENTICATE GSSAPI").await;
    let no = c.no(&format!("AUTHENTICATE PLAIN {}", plain("\0anne\0wrong"))).await;
    assert!(no.contains("[AUTHENTICATIONFAILED]") && no.ends_with("(login.failed)"), "{no}");
    // A shared BAL, named by the login or by the authorisation identity.
    c.ok(&format!("AUTHENTICATE PLAIN {}", plain(&format!("accueil@alpha.mssante.fr\0bruno\0{}", w.bruno)))).await;
    let mut c = Client::secure(&w).await;
    c.ok(&format!("LOGIN bruno*accueil@alpha.mssante.fr {}", w.bruno)).await;
    let mut c = Client::secure(&w).await;
    c.no(&format!("LOGIN bruno*anne.martin@alpha.mssante.fr {}", w.bruno)).await;
}

#[tokio::test]
async fn states_are_kept_apart() {
    let w = World::new().await;
    let mut c = Client::secure(&w).await;
    for command in ["SELECT INBOX", "LIST \"\" *", "IDLE", "ENABLE CONDSTORE", "NAMESPACE", "FETCH 1 FLAGS"] {
        let bad = c.bad(command).await;
        assert!(bad.ends_with("(login.required)"), "{bad}");
    }
    c.ok(&format!("LOGIN anne {}", w.anne)).await;
    for command in ["FETCH 1 FLAGS", "CLOSE", "EXPUNGE", "SEARCH ALL", "CHECK", "UNSELECT", "COPY 1 x"] {
        let bad = c.bad(command).await;
        assert!(bad.ends_with("(sequence.error)"), "{bad}");
    }
    assert_eq!(c.ok("NAMESPACE").await[0], "* NAMESPACE ((\"\" \"/\")) ((\"Autres BAL/\" \"/\")) NIL");
    assert_eq!(c.ok("ID (\"name\" \"test\")").await[0], "* ID (\"name\" \"Sceau\")");
    assert_eq!(c.ok("ENABLE X-NONE CONDSTORE").await[0], "* ENABLED CONDSTORE");
    c.send("z LOGOUT\r\n").await;
    let end = c.until("z").await;
    assert!(end[0].starts_with("* BYE ") && end[1].starts_with("z OK "), "{end:?}");
    assert!(c.response().await.is_none());
}

#[tokio::test]
async fn a_revoked_token_ends_the_session_at_the_next_command() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    c.ok("NOOP").await;
    let tokens = w.op.tokens(&w.admin, Some("anne"), 0, 1000).await.unwrap();
    w.op.revoke_token(&w.admin, tokens[0].id).await.unwrap();
    c.send("a NOOP\r\n").await;
    let bye = c.response().await.unwrap();
    assert!(bye.starts_with("* BYE ") && bye.ends_with("(right.missing)"), "{bye}");
    assert!(c.response().await.is_none());
}

#[tokio::test]
async fn draining_says_bye() {
    let w = World::new().await;
    let (mut waiting, mut idle) = (Client::inbox(&w).await, Client::inbox(&w).await);
    idle.send("i IDLE\r\n").await;
    idle.response().await;
    w.drain.cancel();
    for c in [&mut waiting, &mut idle] {
        let bye = c.response().await.unwrap();
        assert!(bye.starts_with("* BYE ") && bye.ends_with("(session.shutting_down)"), "{bye}");
        assert!(c.response().await.is_none());
    }
}

#[tokio::test]
async fn a_client_that_says_nothing_is_closed() {
    let w = World::with(|c| c.login_timeout = Duration::from_millis(300)).await;
    let mut c = Client::secure(&w).await;
    let bye = c.response().await.unwrap();
    assert!(bye.starts_with("* BYE ") && bye.ends_with("(session.timeout)"), "{bye}");
    let w = World::with(|c| c.idle_timeout = Duration::from_millis(300)).await;
    let mut c = Client::inbox(&w).await;
    assert!(c.response().await.unwrap().starts_with("* BYE "));
}

#[tokio::test]
async fn one_person_has_so_many_sessions_and_no_more() {
    let w = World::limited(Limits { sessions_per_person: 2, ..Limits::default() }).await;
    let (mut first, second) = (Client::anne(&w).await, Client::anne(&w).await);
    let mut third = Client::secure(&w).await;
    for command in [
        format!("LOGIN anne {}", w.anne),
        format!("LOGIN anne*accueil@alpha.mssante.fr {}", w.anne),
        format!("AUTHENTICATE PLAIN {}", plain(&format!("\0anne\0{}", w.anne))),
    ] {
        let no = third.no(&command).await;
        assert!(no.starts_with("NO [LIMIT] Vous avez trop de sessions") && no.contains(" / You have too many"), "{no}");
        assert!(no.contains("2") && no.ends_with("(session.too_many)"), "{no}");
    }
    // Others have their own.
    third.ok(&format!("LOGIN bruno {}", w.bruno)).await;
    // Who leaves, with the connection or without it, makes room.
    first.ok("UNAUTHENTICATE").await;
    let _fourth = Client::anne(&w).await;
    assert!(first.no(&format!("LOGIN anne {}", w.anne)).await.starts_with("NO [LIMIT] "));
    drop(second);
    for _ in 0..100 {
        if first.run(&format!("LOGIN anne {}", w.anne)).await[0].starts_with("OK ") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        first = Client::secure(&w).await;
    }
    panic!("the session that ended is still counted");
}
