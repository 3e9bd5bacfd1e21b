//! Mailboxes of a person's other BALs, in the *Other Users* namespace.
use crate::client::{Client, letter, one};
use crate::world::World;
use sceau_operator::grants::NewDelegation;
use sceau_operator::traces::TraceFilter;
use sceau_operator::{Door, Origin};
use std::time::Duration;
use tokio::time::timeout;

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const DESK: &str = "Autres BAL/accueil@alpha.mssante.fr";
const SOON: Duration = Duration::from_secs(10);

/// Anne lets Bruno read her BAL, or more.
async fn delegate(w: &World, rights: &[&str]) {
    let origin = Origin { door: Door::Api, remote: None, session: "anne".into(), tls: None, once: None };
    let (_, api) = w.op.create_api_token(&w.admin, "anne", "logiciel", None).await.unwrap();
    let anne = w.op.login_api(&api, &origin).await.unwrap();
    let ends = sceau_domain::Timestamp(w.store.clock().now().0 + 7 * 86_400_000);
    let rights = Some(rights.iter().map(|r| (*r).to_owned()).collect());
    let new = NewDelegation { address: ANNE.into(), login: "bruno".into(), rights, starts: None, ends, reason: None };
    w.op.give_delegation(&anne, new).await.unwrap();
}

pub async fn login(w: &World, login: &str, token: &str) -> Client {
    let mut c = Client::secure(w).await;
    c.ok(&format!("LOGIN {login} {token}")).await;
    c
}

/// Acts of this name by this person at this BAL.
pub async fn traced(w: &World, act: &str, actor: &str, bal: &str) -> usize {
    w.op.flush_traces().await.unwrap();
    let filter = TraceFilter { act: Some(act.into()), limit: Some(1000), ..TraceFilter::default() };
    let all = w.op.traces(&w.admin, &filter).await.unwrap();
    all.iter().filter(|t| t.actor == actor && t.bal.as_deref() == Some(bal)).count()
}

#[tokio::test]
async fn other_bals_are_below_their_prefix() {
    let w = World::new().await;
    let mut c = Client::anne(&w).await;
    assert_eq!(c.ok("NAMESPACE").await[0], "* NAMESPACE ((\"\" \"/\")) ((\"Autres BAL/\" \"/\")) NIL");
    let top = c.ok("LIST \"\" %").await;
    one(&top, "* LIST (\\Noselect \\HasChildren) \"/\" \"Autres BAL\"");
    assert!(!top.iter().any(|l| l.contains("accueil")), "{top:?}");
    let below = c.ok("LIST \"Autres BAL/\" %").await;
    assert_eq!(below[0], format!("* LIST (\\Noselect \\HasChildren) \"/\" \"{DESK}\""));
    assert_eq!(below.len(), 2);
    // Nothing was opened so far; who asks for the names of folders opens.
    assert_eq!(traced(&w, "login.ok", "anne", "accueil@alpha.mssante.fr").await, 0);
    let all = c.ok("LIST \"\" *").await;
    one(&all, &format!("* LIST (\\HasNoChildren) \"/\" \"{DESK}/INBOX\""));
    // Its Sent is nobody's in particular.
    one(&all, &format!("* LIST (\\HasNoChildren) \"/\" \"{DESK}/Sent\""));
    c.ok("LIST \"\" *").await;
    assert_eq!(traced(&w, "login.ok", "anne", "accueil@alpha.mssante.fr").await, 1);
    one(&c.ok("LSUB \"\" *").await, &format!("* LSUB () \"/\" \"{DESK}/INBOX\""));
    one(&c.ok("LSUB \"\" %").await, "* LSUB (\\Noselect) \"/\" \"Autres BAL\"");
    let sub = c.ok("LIST (SUBSCRIBED RECURSIVEMATCH) \"\" %").await;
    one(&sub, "* LIST (\\Noselect \\HasChildren) \"/\" \"Autres BAL\" (\"CHILDINFO\" (\"SUBSCRIBED\"))");
    let uses = c.ok("LIST (SPECIAL-USE) \"\" * RETURN (SPECIAL-USE)").await;
    assert!(!uses.iter().any(|l| l.contains("Autres")), "{uses:?}");
    let status = c.ok(&format!("LIST \"\" \"{DESK}/*\" RETURN (STATUS (MESSAGES))")).await;
    one(&status, &format!("* STATUS \"{DESK}/INBOX\" (MESSAGES 0)"));
    assert_eq!(
        c.ok(&format!("STATUS \"{DESK}/inbox\" (MESSAGES)")).await[0],
        format!("* STATUS \"{DESK}/inbox\" (MESSAGES 0)")
    );
    // Names that lead to BALs are no folders.
    for name in ["Autres BAL", "Autres BAL/x", DESK] {
        assert!(c.no(&format!("CREATE \"{name}\"")).await.starts_with("NO [CANNOT]"), "{name}");
        assert!(c.no(&format!("RENAME Sent \"{name}\"")).await.starts_with("NO [CANNOT]"), "{name}");
        assert!(c.no(&format!("SELECT \"{name}\"")).await.starts_with("NO [NONEXISTENT]"), "{name}");
    }
    assert!(c.no(&format!("RENAME Sent \"{DESK}/Envois\"")).await.starts_with("NO [CANNOT]"));
    // A BAL of others and one that does not exist are the same.
    let (his, none) = ("Autres BAL/bruno.petit@alpha.mssante.fr", "Autres BAL/personne@alpha.mssante.fr");
    let his = c.no(&format!("SELECT \"{his}/INBOX\"")).await;
    assert_eq!(his, c.no(&format!("SELECT \"{none}/INBOX\"")).await);
    assert!(his.starts_with("NO [NONEXISTENT]"), "{his}");
}

#[tokio::test]
async fn mail_goes_between_bals_under_the_key_of_each() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    for n in ["un", "deux", "trois"] {
        c.letter(n).await;
    }
    c.ok("STORE 1 +FLAGS (\\Flagged $Urgent mot)").await;
    let done = c.ok(&format!("COPY 1:2 \"{DESK}/INBOX\"")).await;
    assert!(done[0].starts_with("OK [COPYUID ") && done[0].contains(" 1:2 1:2]"), "{done:?}");
    // The other end, by a session of its own: read, searched, flags and keywords there.
    let mut bruno = login(&w, "bruno*accueil@alpha.mssante.fr", &w.bruno).await;
    bruno.ok("SELECT INBOX").await;
    let read = bruno.ok("FETCH 1 (FLAGS BODY.PEEK[] ENVELOPE)").await;
    assert!(read[0].contains("Bonjour un") && read[0].contains("\\Flagged") && read[0].contains("mot"), "{read:?}");
    assert_eq!(bruno.ok("SEARCH KEYWORD mot TEXT \"Bonjour un\"").await[0], "* SEARCH 1");
    let moved = c.ok(&format!("MOVE 3 \"{DESK}/INBOX\"")).await;
    one(&moved, "* OK [COPYUID ");
    one(&moved, "* 3 EXPUNGE");
    one(&bruno.ok("NOOP").await, "* 3 EXISTS");
    // And back from the other BAL, where changes are told, INBOX of one's own being another folder.
    c.ok(&format!("SELECT \"{DESK}/INBOX\"")).await;
    c.ok("MOVE 3 INBOX").await;
    one(&bruno.ok("NOOP").await, "* 3 EXPUNGE");
    assert_eq!(c.ok("STATUS INBOX (MESSAGES)").await[0], "* STATUS \"INBOX\" (MESSAGES 3)");
    c.append(&format!("\"{DESK}/INBOX\""), "", &letter("quatre")).await;
    c.ok("STORE 3 +FLAGS (\\Deleted)").await;
    one(&c.ok("EXPUNGE").await, "* 3 EXPUNGE");
    c.ok(&format!("CREATE \"{DESK}/Suivi\"")).await;
    c.ok(&format!("RENAME \"{DESK}/Suivi\" \"{DESK}/Faits\"")).await;
    c.ok(&format!("COPY 1 \"{DESK}/Faits\"")).await;
    c.ok(&format!("DELETE \"{DESK}/Faits\"")).await;
    assert!(c.no(&format!("COPY 1 \"{DESK}/Absent\"")).await.starts_with("NO [TRYCREATE]"));
    // Everything at the other BAL is Anne's act there.
    for (act, times) in
        [("folder.opened", 1), ("mail.copied", 2), ("mail.moved", 2), ("mail.filed", 1), ("mail.expunged", 1)]
    {
        assert_eq!(traced(&w, act, "anne", "accueil@alpha.mssante.fr").await, times, "{act}");
    }
    assert_eq!((traced(&w, "mail.copied", "anne", ANNE).await, traced(&w, "mail.moved", "anne", ANNE).await), (1, 2));
    drop(c);
}

#[tokio::test]
async fn a_token_for_one_bal_stays_in_it() {
    let w = World::new().await;
    delegate(&w, &["read"]).await;
    let inbox = format!("Autres BAL/{ANNE}/INBOX");
    let (_, only) =
        w.op.create_token(&w.admin, "bruno", Some("bruno.petit@alpha.mssante.fr"), "une", None).await.unwrap();
    let mut bound = login(&w, "bruno", &only).await;
    // By a login that names a shared BAL one stays there too.
    let mut named = login(&w, "bruno*accueil@alpha.mssante.fr", &w.bruno).await;
    for c in [&mut bound, &mut named] {
        assert_eq!(c.ok("NAMESPACE").await[0], "* NAMESPACE ((\"\" \"/\")) NIL NIL");
        let all = c.ok("LIST \"\" *").await;
        assert!(!all.iter().any(|l| l.contains("Autres")), "{all:?}");
        for command in ["SELECT", "EXAMINE", "DELETE", "SUBSCRIBE", "UNSUBSCRIBE", "CREATE"] {
            let no = c.no(&format!("{command} \"{inbox}\"")).await;
            assert!(no.starts_with("NO [NONEXISTENT]"), "{command}: {no}");
        }
        c.no(&format!("STATUS \"{inbox}\" (MESSAGES)")).await;
        c.no(&format!("RENAME \"{inbox}\" x")).await;
        c.letter("un").await;
        c.ok("SELECT INBOX").await;
        for command in ["COPY", "MOVE"] {
            let no = c.no(&format!("{command} 1 \"{inbox}\"")).await;
            assert!(no.starts_with("NO [TRYCREATE]") || no.starts_with("NO [NONEXISTENT]"), "{command}: {no}");
        }
        let message = letter("deux").replace('\n', "\r\n");
        c.send(format!("p APPEND \"{inbox}\" {{{}+}}\r\n{message}\r\n", message.len())).await;
        assert!(c.until("p").await.last().unwrap().starts_with("p NO "));
    }
    assert_eq!(traced(&w, "login.ok", "bruno", ANNE).await, 0);
    assert!(login(&w, "bruno", &w.bruno).await.ok(&format!("EXAMINE \"{inbox}\"")).await.len() > 3);
    assert_eq!(traced(&w, "login.ok", "bruno", ANNE).await, 1);
}

#[tokio::test]
async fn a_delegate_who_loses_the_access_is_out() {
    let w = World::new().await;
    let mut holder = Client::inbox(&w).await;
    holder.letter("un").await;
    delegate(&w, &["read"]).await;
    let inbox = format!("Autres BAL/{ANNE}/INBOX");
    let mut c = login(&w, "bruno", &w.bruno).await;
    let opened = c.ok(&format!("SELECT \"{inbox}\"")).await;
    assert!(opened.last().unwrap().starts_with("OK [READ-ONLY]"), "{opened:?}");
    // He reads; he neither files there nor takes away from there.
    assert!(c.ok("FETCH 1 BODY[TEXT]").await[0].contains("Bonjour un"));
    for command in ["STORE 1 +FLAGS (\\Seen)", "MOVE 1 INBOX", &format!("CREATE \"Autres BAL/{ANNE}/x\"")] {
        assert!(c.no(command).await.starts_with("NO [NOPERM]"), "{command}");
    }
    c.letter("deux").await;
    let mut second = login(&w, "bruno", &w.bruno).await;
    second.ok("SELECT INBOX").await;
    assert!(second.no(&format!("COPY 1 \"{inbox}\"")).await.starts_with("NO [NOPERM]"));
    // What he looks at is his own affair, and nobody else's.
    second.ok(&format!("UNSUBSCRIBE \"{inbox}\"")).await;
    let sub = second.ok("LSUB \"\" *").await;
    assert!(
        !sub.iter().any(|l| l.ends_with(&format!("\"{inbox}\""))) && sub.iter().any(|l| l.contains(ANNE)),
        "{sub:?}"
    );
    one(&holder.ok("LSUB \"\" *").await, "* LSUB () \"/\" \"INBOX\"");
    second.ok(&format!("SUBSCRIBE \"{inbox}\"")).await;
    one(&second.ok("LSUB \"\" *").await, &format!("* LSUB () \"/\" \"{inbox}\""));
    // What arrives in the BAL that is selected wakes IDLE.
    let mut idle = login(&w, "bruno", &w.bruno).await;
    idle.ok(&format!("EXAMINE \"{inbox}\"")).await;
    idle.send("i IDLE\r\n").await;
    assert_eq!(idle.response().await.as_deref(), Some("+ idling"));
    holder.letter("trois").await;
    assert_eq!(timeout(SOON, idle.response()).await.expect("IDLE sleeps").as_deref(), Some("* 2 EXISTS"));
    w.op.end_delegation(&w.admin, ANNE, "bruno", None).await.unwrap();
    for (what, c) in [("idle", &mut idle), ("parked", &mut c)] {
        let bye = timeout(SOON, c.response()).await.unwrap_or_else(|_| panic!("{what} goes on")).unwrap();
        assert!(bye.starts_with("* BYE [NOPERM]"), "{what}: {bye}");
        assert!(c.response().await.is_none(), "{what}");
    }
    // Whoever has his own BAL selected goes on, without the other.
    assert!(second.no(&format!("STATUS \"{inbox}\" (MESSAGES)")).await.starts_with("NO [NONEXISTENT]"));
    second.ok("NOOP").await;
    let all = second.ok("LIST \"\" *").await;
    assert!(!all.iter().any(|l| l.contains(ANNE)), "{all:?}");
}

/// A person of a large house: each BAL is opened once by a session that lists them again and again, and left once.
#[tokio::test]
async fn hundreds_of_bals_are_entered_once() {
    const MANY: usize = 230;
    let w = World::new().await;
    for n in 0..MANY {
        let address = format!("service-{n}@alpha.mssante.fr");
        sceau_testkit::bal(&w.op, &w.admin, &address, sceau_domain::BalKind::Org, &["anne"], |_| {}).await;
    }
    let mut c = Client::anne(&w).await;
    for _ in 0..3 {
        let all = c.ok("LIST \"\" *").await;
        let inboxes = all.iter().filter(|l| l.starts_with("* LIST") && l.ends_with("/INBOX\"")).count();
        assert_eq!(inboxes, MANY + 1);
    }
    let acts = async |bal: usize| {
        let bal = format!("service-{bal}@alpha.mssante.fr");
        (traced(&w, "login.ok", "anne", &bal).await, traced(&w, "login.ended", "anne", &bal).await)
    };
    for bal in [0, 1, 100, MANY - 1] {
        assert_eq!(acts(bal).await, (1, 0), "{bal}");
    }
    c.ok("LOGOUT").await;
    assert!(c.response().await.is_none());
    for bal in [0, 1, 100, MANY - 1] {
        assert_eq!(acts(bal).await, (1, 1), "{bal}");
    }
}

/// A hold keeps what is moved out of the BAL that it names, and what is removed there from another one.
#[tokio::test]
async fn what_a_hold_names_stays_though_it_is_moved_to_another_bal() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    for n in ["un", "deux"] {
        c.letter(n).await;
    }
    let subject = sceau_operator::holds::HoldSubject::Bal(ANNE.into());
    w.op.place_hold(&w.admin, &subject, "conservation", "TJ 2026-117").await.unwrap();
    c.ok(&format!("MOVE 1 \"{DESK}/INBOX\"")).await;
    let kept = async || {
        let count = "SELECT COUNT(*) FROM kept_messages";
        let read = w.store.read(move |tx| tx.query_opt(count, &[])?.map(|r| r.int(0)).transpose());
        read.await.map_err(|e: sceau_store::StoreError| e).unwrap().unwrap()
    };
    assert_eq!(kept().await, 1);
    // Replaced by a draft in another BAL.
    c.ok("SELECT INBOX").await;
    let draft = letter("trois").replace('\n', "\r\n");
    c.send(format!("r REPLACE 1 \"{DESK}/INBOX\" {{{}+}}\r\n{draft}\r\n", draft.len())).await;
    assert!(c.until("r").await.last().unwrap().starts_with("r OK"));
    assert_eq!(kept().await, 2);
    // The other BAL is named by nobody: what leaves it is gone.
    c.ok(&format!("SELECT \"{DESK}/INBOX\"")).await;
    c.ok("STORE 1:* +FLAGS (\\Deleted)").await;
    c.ok("EXPUNGE").await;
    assert_eq!(kept().await, 2);
}

#[tokio::test]
async fn the_level_has_the_name_that_the_operator_gave_it() {
    let w = World::with(|c| *c = c.clone().with_other_users("Boi\u{302}tes partagées")).await;
    let mut c = Client::anne(&w).await;
    let level = "Bo&AO4-tes partag&AOk-es";
    assert_eq!(c.ok("NAMESPACE").await[0], format!("* NAMESPACE ((\"\" \"/\")) ((\"{level}/\" \"/\")) NIL"));
    let desk = format!("{level}/accueil@alpha.mssante.fr/INBOX");
    one(&c.ok("LIST \"\" *").await, &format!("* LIST (\\HasNoChildren) \"/\" \"{desk}\""));
    c.ok(&format!("SELECT \"{desk}\"")).await;
    c.ok("ENABLE UTF8=ACCEPT").await;
    c.ok("SELECT \"Boîtes partagées/accueil@alpha.mssante.fr/INBOX\"").await;
    c.ok("CREATE \"Autres BAL/2026\"").await;
    // Without a name other BALs are reached by a login of their own.
    let w = World::with(|c| c.other_users = String::new()).await;
    let mut c = Client::anne(&w).await;
    assert_eq!(c.ok("NAMESPACE").await[0], "* NAMESPACE ((\"\" \"/\")) NIL NIL");
    assert!(!c.ok("LIST \"\" *").await.iter().any(|l| l.contains("accueil")));
    c.no(&format!("SELECT \"{DESK}/INBOX\"")).await;
}
