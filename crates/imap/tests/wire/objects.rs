//! OBJECTID (RFC 8474), SAVEDATE (RFC 8514).
use crate::client::{Client, letter, one};
use crate::world::World;

/// What stands in parentheses after a word.
fn id(text: &str, word: &str) -> String {
    let from = text.find(&format!("{word} (")).unwrap_or_else(|| panic!("no {word} in {text}")) + word.len() + 2;
    text[from..].split(')').next().unwrap().to_owned()
}

#[tokio::test]
async fn mailboxes_keep_their_id_under_any_name() {
    let w = World::new().await;
    let mut c = Client::anne(&w).await;
    // RFC 8474 §4.1–4.3.
    let made = c.ok("CREATE foo").await;
    let foo = id(made.last().unwrap(), "[MAILBOXID");
    assert!(foo.len() <= 255 && foo.bytes().all(|b| b.is_ascii_alphanumeric()), "{foo}");
    let bar = id(c.ok("CREATE bar").await.last().unwrap(), "[MAILBOXID");
    assert_ne!(foo, bar);
    let all = c.ok("SELECT foo").await;
    assert_eq!(id(one(&all, "* OK [MAILBOXID "), "[MAILBOXID"), foo);
    c.ok("RENAME foo \"renamed/x\"").await;
    assert_eq!(id(&c.ok("STATUS renamed/x (MAILBOXID MESSAGES)").await[0], "MAILBOXID"), foo);
    c.ok("DELETE renamed/x").await;
    let again = id(c.ok("CREATE foo").await.last().unwrap(), "[MAILBOXID");
    assert_ne!(again, foo);
    let all = c.ok("LIST \"\" (foo bar) RETURN (STATUS (MAILBOXID))").await;
    assert_eq!(id(one(&all, "* STATUS \"bar\""), "MAILBOXID"), bar);
    // §4.1: renaming INBOX leaves an INBOX with its own id.
    let inbox = id(&c.ok("STATUS INBOX (MAILBOXID)").await[0], "MAILBOXID");
    c.ok("RENAME INBOX old").await;
    assert_eq!(id(&c.ok("STATUS INBOX (MAILBOXID)").await[0], "MAILBOXID"), inbox);
    assert_ne!(id(&c.ok("STATUS old (MAILBOXID)").await[0], "MAILBOXID"), inbox);
}

#[tokio::test]
async fn messages_keep_their_id_wherever_they_go() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    let reply = letter("deux").replace("\n\n", "\nReferences: <un@exemple.fr> <x@exemple.fr>\n\n");
    let late = letter("trois").replace("\n\n", "\nIn-Reply-To: <un@exemple.fr>\n\n");
    for m in [letter("un"), reply, late, letter("autre"), "Subject: sans\n\nx\n".into(), "Subject: sans\n\nx\n".into()]
    {
        c.append("INBOX", "", &m).await;
    }
    c.ok("NOOP").await;
    let all = c.ok("FETCH 1:* (EMAILID THREADID)").await;
    let ids: Vec<(String, String)> = all[..6].iter().map(|r| (id(r, "EMAILID"), id(r, "THREADID"))).collect();
    for (n, (email, thread)) in ids.iter().enumerate() {
        assert!(!ids[..n].iter().any(|(e, _)| e == email), "{ids:?}");
        assert_ne!(email, thread);
    }
    assert!(ids[0].1 == ids[1].1 && ids[0].1 == ids[2].1, "one conversation: {ids:?}");
    assert!(ids[0].1 != ids[3].1 && ids[4].1 != ids[5].1, "{ids:?}");
    // §6: searched by, also within other keys; what is no id matches nothing.
    for (key, want) in [
        (format!("EMAILID {}", ids[3].0), "* SEARCH 4"),
        (format!("THREADID {}", ids[0].1), "* SEARCH 1 2 3"),
        (format!("OR EMAILID {} NOT OR THREADID {} THREADID {}", ids[1].0, ids[0].1, ids[4].1), "* SEARCH 2 4 6"),
        ("EMAILID Mnothing".to_owned(), "* SEARCH"),
        (format!("EMAILID {}", ids[0].1), "* SEARCH"),
        (format!("NOT THREADID {}", ids[0].0), "* SEARCH 1 2 3 4 5 6"),
    ] {
        assert_eq!(c.ok(&format!("SEARCH {key}")).await[0], want, "{key}");
    }
    c.bad("SEARCH EMAILID \"x\"").await;
    c.bad("SEARCH THREADID").await;
    // COPY, MOVE, RENAME: the same (§5.1), for another session too.
    c.ok("COPY 1 Sent").await;
    c.ok("MOVE 2 Sent").await;
    c.ok("RENAME Sent Envoyes").await;
    let mut d = Client::anne(&w).await;
    d.ok("EXAMINE Envoyes").await;
    let all = d.ok("UID FETCH 1:* (THREADID EMAILID)").await;
    for n in 0..2 {
        assert_eq!((id(&all[n], "EMAILID"), id(&all[n], "THREADID")), ids[n], "{all:?}");
    }
    // Nobody else's BAL has the same ids, whatever the messages say.
    let mut bruno = Client::secure(&w).await;
    bruno.ok(&format!("LOGIN bruno {}", w.bruno)).await;
    bruno.append("INBOX", "", &letter("un")).await;
    bruno.ok("SELECT INBOX").await;
    let all = bruno.ok("FETCH 1 (EMAILID THREADID)").await;
    assert!(id(&all[0], "EMAILID") != ids[0].0 && id(&all[0], "THREADID") != ids[0].1);
}

#[tokio::test]
async fn save_dates() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    // RFC 8514 §4.2: not the date that a client gives.
    c.append("INBOX", "\"17-Jul-1996 02:44:25 -0700\" ", &letter("vieux")).await;
    c.ok("NOOP").await;
    let saved = |all: &[String]| {
        let line = one(all, "* 1 FETCH ").to_owned();
        let from = line.find("SAVEDATE \"").expect("a date") + 10;
        line[from..from + 26].to_owned()
    };
    let all = c.ok("FETCH 1 (UID SAVEDATE INTERNALDATE)").await;
    assert!(all[0].contains("17-Jul-1996") && !saved(&all).contains("1996"), "{all:?}");
    // §4.3: searched by.
    let today = saved(&all)[..11].trim().to_owned();
    for (key, want) in [
        (format!("SAVEDON {today}"), "* SEARCH 1"),
        (format!("SAVEDSINCE {today} SAVEDATESUPPORTED"), "* SEARCH 1"),
        (format!("NOT SAVEDBEFORE {today}"), "* SEARCH 1"),
        ("SAVEDBEFORE 1-Jan-2000".to_owned(), "* SEARCH"),
        ("SAVEDSINCE 1-Jan-2100".to_owned(), "* SEARCH"),
    ] {
        assert_eq!(c.ok(&format!("SEARCH {key}")).await[0], want, "{key}");
    }
    // It is the date at which it came into this folder.
    c.ok("COPY 1 Sent").await;
    c.ok("SELECT Sent").await;
    let all = c.ok("UID FETCH 1 (SAVEDATE INTERNALDATE)").await;
    assert!(all[0].contains("17-Jul-1996") && !saved(&all).contains("1996"), "{all:?}");
    // What was there before dates were kept has none.
    w.store
        .write::<_, sceau_store::StoreError, _>(|tx| tx.execute("UPDATE entries SET saved = NULL", &[]))
        .await
        .unwrap();
    assert_eq!(one(&c.ok("FETCH 1 SAVEDATE").await, "* 1 FETCH "), "* 1 FETCH (SAVEDATE NIL)");
    assert_eq!(c.ok("SEARCH SAVEDON 17-Jul-1996").await[0], "* SEARCH 1", "without it, by INTERNALDATE");
}
