//! What becomes of a session whose rights change: in the middle of a long answer, of a message that it sends, of a burst, of IDLE; new terms of use;
//! a delegate who may only read.
use crate::client::{Client, letter, one};
use crate::world::World;
use sceau_domain::Timestamp;
use sceau_operator::grants::NewDelegation;
use sceau_operator::traces::TraceFilter;
use sceau_operator::{Door, Origin};
use sceau_store::{StoreError, terms};
use std::time::Duration;
use tokio::time::timeout;

/// What "at once" may take on a machine that does other things too.
const SOON: Duration = Duration::from_secs(10);
/// More than loopback sockets hold.
const LONG: usize = 24 << 20;

async fn revoke(w: &World, login: &str) {
    for token in w.op.tokens(&w.admin, Some(login), 0, 1000).await.unwrap() {
        w.op.revoke_token(&w.admin, token.id).await.unwrap();
    }
}

async fn traces(w: &World, act: &str) -> usize {
    let filter = TraceFilter { act: Some(act.into()), limit: Some(1000), ..TraceFilter::default() };
    w.op.traces(&w.admin, &filter).await.unwrap().len()
}

/// Messages in an INBOX, looked at by a session of its own with a token of its own.
async fn count(w: &World, login: &str, bal: &str) -> usize {
    let (_, token) = w.op.create_token(&w.admin, login, None, "regard", None).await.unwrap();
    let origin = Origin { door: Door::Imap, remote: None, session: "regard".into(), tls: None, once: None };
    let actor = w.op.login_token(&format!("{login}*{bal}"), &token, &origin).await.unwrap();
    w.op.open_folder(&actor, "INBOX", true).await.unwrap().entries.len()
}

const ANNE: &str = "anne.martin@alpha.mssante.fr";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_stops_taking_a_long_answer_is_cut_in_the_middle() {
    let w = World::with(|c| c.max_append = 2 * LONG as u64).await;
    let mut c = Client::inbox(&w).await;
    let line = format!("{}\n", "x".repeat(70));
    let text = letter("long") + &line.repeat(LONG / line.len());
    c.append("INBOX", "", &text).await;
    c.send("f FETCH 1 BODY.PEEK[]\r\n").await;
    // The answer begins, then nobody takes it any more: the door waits for the client, not the client for the door.
    let head = loop {
        let line = c.conn.read_line(1000).await.unwrap();
        if line.starts_with(b"* 1 FETCH (BODY[] {") {
            break String::from_utf8(line).unwrap();
        }
    };
    let announced: usize = head.trim_end().trim_end_matches('}').rsplit('{').next().unwrap().parse().unwrap();
    let before = traces(&w, "login.ended").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    revoke(&w, "anne").await;
    let ended = async {
        while traces(&w, "login.ended").await == before {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, ended).await.expect("the session holds on while its client takes nothing");
    let mut got = 0;
    while let Ok(piece) = c.conn.read_some(65_536).await {
        if piece.is_empty() {
            break;
        }
        got += piece.len();
    }
    assert!(got < announced, "{got} of {announced}: all of it came");
}

#[tokio::test]
async fn within_a_literal_a_burst_and_idle() {
    let w = World::new().await;
    // A message on its way: it is neither waited for nor kept.
    let mut c = Client::inbox(&w).await;
    c.letter("un").await;
    c.ok("NOOP").await;
    c.send("a APPEND INBOX {1000+}\r\nSubject: deux\r\n").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut idle = Client::inbox(&w).await;
    idle.send("i IDLE\r\n").await;
    assert_eq!(idle.response().await.as_deref(), Some("+ idling"));
    let mut burst = Client::inbox(&w).await;
    revoke(&w, "anne").await;
    burst
        .conn
        .write(
            b"b1 STORE 1 +FLAGS (\\Deleted)\r\nb2 COPY 1 Sent\r\nb3 EXPUNGE\r\nb4 APPEND INBOX {12+}\r\nSubject: x\r\n\r\nb5 FETCH 1 BODY[]\r\n",
        )
        .await
        .unwrap();
    // The door may have closed already.
    let _ = burst.conn.flush().await;
    for (what, c) in [("append", &mut c), ("idle", &mut idle), ("burst", &mut burst)] {
        let bye = timeout(SOON, c.response()).await.unwrap_or_else(|_| panic!("{what} goes on"));
        let bye = bye.unwrap_or_else(|| panic!("{what}: cut without a word"));
        assert!(bye.starts_with("* BYE [NOPERM]") && bye.ends_with("(right.missing)"), "{what}: {bye}");
        assert!(c.response().await.is_none(), "{what}");
    }
    assert_eq!(count(&w, "anne", ANNE).await, 1);
}

#[tokio::test]
async fn a_packed_session_ends_at_once_too() {
    let w = World::with(|c| c.quiet = Duration::from_millis(10)).await;
    let mut idle = Client::inbox(&w).await;
    idle.letter("un").await;
    for _ in 0..6 {
        idle.ok("UID COPY 1:* INBOX").await;
    }
    idle.send("i IDLE\r\n").await;
    assert_eq!(idle.response().await.as_deref(), Some("+ idling"));
    tokio::time::sleep(Duration::from_millis(100)).await;
    revoke(&w, "anne").await;
    let bye = timeout(SOON, idle.response()).await.expect("IDLE goes on").expect("a word");
    assert!(bye.starts_with("* BYE [NOPERM]"), "{bye}");
    assert!(idle.response().await.is_none());
}

#[tokio::test]
async fn new_terms_end_a_session_at_its_next_word_and_let_nothing_out_of_idle() {
    let w = World::new().await;
    let (mut c, mut idle) = (Client::inbox(&w).await, Client::inbox(&w).await);
    idle.send("i IDLE\r\n").await;
    assert_eq!(idle.response().await.as_deref(), Some("+ idling"));
    let (id, now) = (w.store.new_id(), w.store.clock().now().0);
    let next = sceau_testkit::terms_now(id, "suivante", now);
    w.store.write(move |tx| terms::insert(tx, &next)).await.map_err(|e: StoreError| e).unwrap();
    // What was judged a moment ago is believed for a second.
    w.store.clock.advance_ms(1_001);
    c.send("a NOOP\r\n").await;
    let bye = c.response().await.unwrap();
    assert!(bye.starts_with("* BYE [ALERT] ") && bye.ends_with("(terms.required)"), "{bye}");
    assert!(c.response().await.is_none());
    // Something changes in the BAL: who waits is told nothing of it, but why it ends.
    let origin = Origin { door: Door::Imap, remote: None, session: "autre".into(), tls: None, once: None };
    assert!(w.op.login_token("anne", &w.anne, &origin).await.is_err());
    w.op.suspend_bal(&w.admin, ANNE, "Travaux").await.unwrap();
    let bye = timeout(SOON, idle.response()).await.expect("IDLE goes on").unwrap();
    assert!(bye.starts_with("* BYE ["), "{bye}");
}

#[tokio::test]
async fn a_delegate_who_may_only_read() {
    let w = World::new().await;
    let mut holder = Client::inbox(&w).await;
    for n in ["un", "deux"] {
        holder.letter(n).await;
    }
    holder.ok("STORE 2 +FLAGS (\\Deleted)").await;
    let origin = Origin { door: Door::Api, remote: None, session: "anne".into(), tls: None, once: None };
    let (_, api) = w.op.create_api_token(&w.admin, "anne", "logiciel", None).await.unwrap();
    let anne = w.op.login_api(&api, &origin).await.unwrap();
    let ends = Timestamp(w.store.clock().now().0 + 7 * 86_400_000);
    let rights = Some(vec!["read".to_owned()]);
    let new = NewDelegation { address: ANNE.into(), login: "bruno".into(), rights, starts: None, ends, reason: None };
    w.op.give_delegation(&anne, new).await.unwrap();

    let mut c = Client::secure(&w).await;
    c.ok(&format!("LOGIN bruno*{ANNE} {}", w.bruno)).await;
    let opened = c.ok("SELECT INBOX").await;
    assert!(opened.last().unwrap().starts_with("OK [READ-ONLY]"), "{opened:?}");
    one(&opened, "* OK [PERMANENTFLAGS ()]");
    // Reading leaves no mark.
    let read = c.ok("FETCH 1 BODY[]").await;
    assert!(read[0].contains("Bonjour un") && !read.iter().any(|r| r.contains("\\Seen")), "{read:?}");
    for command in [
        "STORE 1 +FLAGS (\\Seen)",
        "UID STORE 1 FLAGS.SILENT ()",
        "EXPUNGE",
        "UID EXPUNGE 2",
        "COPY 1 Sent",
        "UID COPY 1 INBOX",
        "MOVE 1 Trash",
        "UID MOVE 1 Trash",
        "CREATE Suivi",
        "RENAME Junk Suivi",
        "DELETE Junk",
    ] {
        let no = c.no(command).await;
        assert!(no.starts_with("NO [NOPERM] ") && no.contains("mail.file"), "{command}: {no}");
    }
    let message = letter("trois").replace('\n', "\r\n");
    c.send(format!("p APPEND INBOX {{{}+}}\r\n{message}\r\n", message.len())).await;
    let no = c.until("p").await;
    assert!(no[0].starts_with("p NO [NOPERM] ") && no[0].contains("mail.file"), "{no:?}");
    // Whoever does not manage the BAL gives no rights on it.
    for command in ["SETACL INBOX bruno lrswikxte", "GETACL INBOX", "DELETEACL INBOX anne"] {
        assert!(c.no(command).await.starts_with("NO [NOPERM]"), "{command}");
    }
    // CLOSE expunges where one may file; here it closes.
    c.ok("CLOSE").await;
    assert_eq!(count(&w, "anne", ANNE).await, 2);
    assert!(one(&holder.ok("FETCH 1:2 FLAGS").await, "* 2 FETCH").contains("\\Deleted"));
    // The delegation ends: so does the session.
    w.op.end_delegation(&w.admin, ANNE, "bruno", None).await.unwrap();
    let bye = timeout(SOON, c.response()).await.expect("the session goes on").unwrap();
    assert!(bye.starts_with("* BYE [NOPERM]"), "{bye}");
}
