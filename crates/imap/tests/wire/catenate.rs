//! CATENATE (RFC 4469): a message put together from texts and from what URLs name.
use crate::client::{Client, letter, one};
use crate::world::World;
use sceau_store::{StoreError, params};

const MIXED: &str = "From: a@b.example\nSubject: source\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n\
--x\nContent-Type: text/plain\n\nun\n--x\nContent-Type: application/pdf\nContent-Transfer-Encoding: base64\n\nQUJD\n--x--\n";

async fn with_source(w: &World) -> (Client, String) {
    let mut c = Client::anne(w).await;
    c.ok("CREATE \"Envoy&AOk-s 2\"").await;
    c.append("\"Envoy&AOk-s 2\"", "", MIXED).await;
    let status = c.ok("STATUS \"Envoy&AOk-s 2\" (UIDVALIDITY)").await;
    let validity = status[0].rsplit(' ').next().unwrap().trim_end_matches(')').to_owned();
    (c, validity)
}

#[tokio::test]
async fn parts_of_a_message_are_used_again() {
    let w = World::new().await;
    let (mut c, validity) = with_source(&w).await;
    c.ok("SELECT INBOX").await;
    // RFC 4469 §5, by shape: header as text, a part with its MIME header by URL, text again.
    let base = format!("/Envoy%C3%A9s%202;UIDVALIDITY={validity}/;UID=1");
    let head = "Subject: nouveau\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n";
    c.send(format!("a APPEND INBOX (\\Seen) CATENATE (TEXT {{{}}}\r\n", head.len())).await;
    assert_eq!(c.response().await.as_deref(), Some("+ OK"));
    c.send(format!(
        "{head} URL \"{base}/;section=2.MIME\" URL \"{base}/;SECTION=2\" TEXT {{9+}}\r\n\r\n--x--\r\n)\r\n"
    ))
    .await;
    let all = c.until("a").await;
    assert!(all.last().unwrap().starts_with("a OK [APPENDUID "), "{all:?}");
    let want =
        format!("{head}Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJD\r\n--x--\r\n");
    let got = c.ok("FETCH 1 BODY.PEEK[]").await;
    assert_eq!(one(&got, "* 1 FETCH "), format!("* 1 FETCH (BODY[] {{{}}}\r\n{want})", want.len()));
    // Nothing but URLs; the whole message; a window; the URL as a literal; an absolute one; of the selected mailbox.
    c.ok("SELECT \"Envoy&AOk-s 2\"").await;
    let source = MIXED.replace('\n', "\r\n");
    let host = w.op.config().hostname.clone();
    c.ok(&format!("APPEND INBOX CATENATE (URL \"{base}\")")).await;
    c.send(format!("d APPEND INBOX CATENATE (URL {{{}}}\r\n", base.len() + 14)).await;
    assert_eq!(c.response().await.as_deref(), Some("+ OK"));
    c.send(format!("{base}/;PARTIAL=0.10 URL \"imap://anne@{host}{base}/;PARTIAL=10\")\r\n")).await;
    assert!(c.until("d").await.last().unwrap().starts_with("d OK "));
    c.ok("APPEND INBOX CATENATE (URL ;UID=1 URL \"/;UID=1/;SECTION=HEADER.FIELDS%20(Subject)\")").await;
    c.ok("SELECT INBOX").await;
    let got = c.ok("FETCH 2:* BODY.PEEK[]").await;
    let n = source.len();
    assert_eq!(got[0], format!("* 2 FETCH (BODY[] {{{n}}}\r\n{source})"));
    assert_eq!(got[1], format!("* 3 FETCH (BODY[] {{{n}}}\r\n{source})"));
    let with = format!("{source}Subject: source\r\n\r\n");
    assert_eq!(got[2], format!("* 4 FETCH (BODY[] {{{}}}\r\n{with})", with.len()));
}

#[tokio::test]
async fn a_url_that_names_nothing_is_told_and_nothing_is_kept() {
    let w = World::new().await;
    let (mut c, _) = with_source(&w).await;
    let mut bruno = Client::secure(&w).await;
    bruno.ok(&format!("LOGIN bruno {}", w.bruno)).await;
    bruno.append("INBOX", "", &letter("secret")).await;
    for url in [
        "/INBOX/;UID=1",
        "/nulle-part/;UID=1",
        "/Envoy%C3%A9s%202/;UID=2",
        "/Envoy%C3%A9s%202;UIDVALIDITY=1/;UID=1",
        "/Envoy%C3%A9s%202/;UID=1/;SECTION=9",
        "/Envoy%C3%A9s%202/;UID=1;URLAUTH=anonymous",
        "imap://ailleurs.example/Envoy%C3%A9s%202/;UID=1",
        "imap://bruno@localhost/INBOX/;UID=1",
        "http://localhost/",
        ";UID=1",
        "/%0d%0a*%20BYE/;UID=1",
    ] {
        c.send(format!("a APPEND INBOX CATENATE (TEXT {{14+}}\r\nSubject: x\r\n\r\n URL \"{url}\")\r\nb NOOP\r\n"))
            .await;
        let all = c.until("a").await;
        assert!(all.len() == 1 && all[0].starts_with(&format!("a NO [BADURL \"{url}\"] ")), "{url}: {all:?}");
        c.until("b").await;
    }
    assert!(c.no("APPEND INBOX CATENATE (URL \"\")").await.starts_with("NO [BADURL \"\"] "));
    assert_eq!(c.ok("STATUS INBOX (MESSAGES)").await[0], "* STATUS \"INBOX\" (MESSAGES 0)");
}

#[tokio::test]
async fn too_large_together() {
    let w = World::with(|c| c.max_append = 1000).await;
    let (mut c, _) = with_source(&w).await;
    let urls = "URL \"/Envoy%C3%A9s%202/;UID=1\" ".repeat(10);
    assert!(c.no(&format!("APPEND INBOX CATENATE ({})", urls.trim_end())).await.contains("[TOOBIG]"));
    let text = "x".repeat(600);
    c.send(format!("a APPEND INBOX CATENATE (TEXT {{600+}}\r\n{text} TEXT {{600}}\r\n")).await;
    assert!(c.until("a").await[0].contains("[TOOBIG]"));
    assert_eq!(c.ok("STATUS INBOX (MESSAGES)").await[0], "* STATUS \"INBOX\" (MESSAGES 0)");
}

#[tokio::test]
async fn a_draft_is_replaced_by_its_own_parts() {
    let w = World::new().await;
    let (mut c, _) = with_source(&w).await;
    c.ok("SELECT \"Envoy&AOk-s 2\"").await;
    let all = c
        .ok("REPLACE 1 \"Envoy&AOk-s 2\" (\\Draft) CATENATE (URL ;UID=1/;SECTION=HEADER URL ;UID=1/;SECTION=TEXT)")
        .await;
    assert!(all.contains(&"* 1 EXPUNGE".to_owned()), "{all:?}");
    let got = c.ok("FETCH 1 (UID BODY.PEEK[])").await;
    assert!(one(&got, "* 1 FETCH ").ends_with(&format!("{})", MIXED.replace('\n', "\r\n"))), "{got:?}");
}

#[tokio::test]
async fn a_part_goes_to_another_bal_where_a_copy_may_go() {
    const DESK: &str = "\"Autres BAL/accueil@alpha.mssante.fr/INBOX\"";
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    for n in ["un", "deux"] {
        c.letter(n).await;
    }
    c.ok("STORE 2 +FLAGS ($Private)").await;
    let whole = format!("APPEND {DESK} CATENATE (URL \"/INBOX/;UID=1\")");
    c.ok(&whole).await;
    // What is marked personal does not go into a shared BAL, as a part no more than as a whole.
    let no = c.no(&format!("APPEND {DESK} CATENATE (URL \"/INBOX/;UID=2/;SECTION=TEXT\")")).await;
    assert!(no.starts_with("NO [BADURL ") && no.ends_with("(copy.personal)"), "{no}");
    assert!(c.no(&format!("COPY 2 {DESK}")).await.ends_with("(copy.personal)"));
    // Nor does anything from a BAL for tests to a patient.
    let done = w.store.write(|tx| {
        let kind = "UPDATE bals SET kind = 'Usager' WHERE address_key = $1";
        tx.execute(kind, params!["accueil@alpha.mssante.fr"])?;
        tx.execute("UPDATE bals SET test = 1 WHERE address_key = $1", params!["anne.martin@alpha.mssante.fr"])
    });
    assert_eq!(done.await.map_err(|e: StoreError| e).unwrap(), 1);
    assert!(c.no(&format!("COPY 1 {DESK}")).await.ends_with("(exchange.test)"));
    let no = c.no(&whole).await;
    assert!(no.starts_with("NO [BADURL ") && no.ends_with("(exchange.test)"), "{no}");
    let no = c.no(&format!("REPLACE 1 {DESK} CATENATE (URL \"/INBOX/;UID=1\")")).await;
    assert!(no.ends_with("(exchange.test)"), "{no}");
    assert_eq!(c.ok("STATUS INBOX (MESSAGES)").await[0], "* STATUS \"INBOX\" (MESSAGES 2)");
    // Within one BAL parts go as before.
    c.ok("APPEND INBOX CATENATE (URL \"/INBOX/;UID=2\")").await;
}
