//! What is marked personal (F074): by its subject, its sender's program, a keyword, a folder; shown to whoever manages the BAL and to nobody else there.
use crate::client::{Client, letter, one};
use crate::others::{login, traced};
use crate::world::World;

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const DESK: &str = "Autres BAL/accueil@alpha.mssante.fr";

/// Anne's INBOX as Bruno names it, who may read and file there.
async fn delegated(w: &World) -> (Client, Client, String) {
    let mut anne = Client::inbox(w).await;
    anne.ok("SETACL INBOX bruno lrswikxte").await;
    (anne, login(w, "bruno", &w.bruno).await, format!("Autres BAL/{ANNE}"))
}

#[tokio::test]
async fn a_delegate_does_not_see_what_is_marked() {
    let w = World::new().await;
    let (mut anne, mut bruno, hers) = delegated(&w).await;
    for subject in ["[Personnel] repas", "un", "RE: Privé : rendez-vous", "Personnel soignant", "deux"] {
        anne.letter(subject).await;
    }
    let sensitive = letter("trois").replace("Subject:", "Sensitivity: Private\nSubject:");
    anne.append("INBOX", "($Urgent) ", &sensitive).await;
    anne.letter("quatre").await;
    // The holder sees all of it, and which.
    anne.ok("NOOP").await;
    assert_eq!(anne.ok("SEARCH KEYWORD $Personal").await[0], "* SEARCH 1 3 6");
    assert!(anne.ok("FETCH 6 FLAGS").await[0].contains("$Urgent"));
    assert!(anne.ok("STATUS INBOX (MESSAGES UNSEEN)").await[0].ends_with("(MESSAGES 7 UNSEEN 7)"));
    // The delegate: neither listed nor counted, found, named by UID or by a URL.
    let opened = bruno.ok(&format!("SELECT \"{hers}/INBOX\"")).await;
    one(&opened, "* 4 EXISTS");
    let uids = bruno.ok("UID SEARCH ALL").await;
    assert_eq!(uids[0], "* SEARCH 2 4 5 7");
    for command in ["UID FETCH 1 BODY.PEEK[]", "UID STORE 1 +FLAGS (\\Seen)", "UID FETCH 6 ENVELOPE"] {
        assert_eq!(bruno.ok(command).await.len(), 1, "{command}");
    }
    assert_eq!(bruno.ok("UID SEARCH TEXT repas").await[0], "* SEARCH");
    let counted = format!("\"{hers}/INBOX\" (MESSAGES 4 UNSEEN 4)");
    assert_eq!(bruno.ok(&format!("STATUS \"{hers}/INBOX\" (MESSAGES UNSEEN)")).await[0], format!("* STATUS {counted}"));
    let listed = bruno.ok(&format!("LIST \"\" \"{hers}/*\" RETURN (STATUS (MESSAGES UNSEEN))")).await;
    one(&listed, &format!("* STATUS {counted}"));
    let named = bruno.run("APPEND INBOX CATENATE (URL ;UID=1)").await;
    assert!(named.last().unwrap().starts_with("NO [BADURL"), "{named:?}");
    // Marked before his eyes: it goes, and comes back when the mark is taken away.
    anne.ok("STORE 2 +FLAGS ($private)").await;
    one(&bruno.ok("NOOP").await, "* 1 EXPUNGE");
    anne.ok("STORE 2 -FLAGS ($private)").await;
    one(&bruno.ok(&format!("SELECT \"{hers}/INBOX\"")).await, "* 4 EXISTS");
    // He may mark too, and does not see it any more.
    bruno.ok("STORE 1 +FLAGS ($Personal)").await;
    one(&bruno.ok("NOOP").await, "* 1 EXPUNGE");
    bruno.append(&format!("\"{hers}/INBOX\""), "", &letter("[Perso] de bruno")).await;
    assert_eq!(bruno.ok("UID SEARCH ALL").await[0], "* SEARCH 4 5 7");
    // Nobody removes what he cannot see.
    anne.ok("STORE 1:3 +FLAGS (\\Deleted)").await;
    bruno.ok("EXPUNGE").await;
    anne.ok("CREATE Suivi").await;
    anne.ok("COPY 1,4 Suivi").await;
    assert!(bruno.no(&format!("DELETE \"{hers}/Suivi\"")).await.starts_with("NO [NOPERM]"));
    assert!(anne.ok("STATUS INBOX (MESSAGES)").await[0].ends_with("(MESSAGES 8)"));
    assert!(anne.ok("STATUS Suivi (MESSAGES)").await[0].ends_with("(MESSAGES 2)"));
    // What he read is traced, and what he did not is not.
    bruno.ok("FETCH 1:* BODY.PEEK[]").await;
    assert!(traced(&w, "message.read", "bruno", ANNE).await > 0);
}

#[tokio::test]
async fn a_client_that_comes_back_hears_that_it_went() {
    let w = World::new().await;
    let (mut anne, mut bruno, hers) = delegated(&w).await;
    for subject in ["un", "deux", "trois"] {
        anne.letter(subject).await;
    }
    bruno.ok("ENABLE QRESYNC").await;
    let opened = bruno.ok(&format!("SELECT \"{hers}/INBOX\"")).await;
    let value = |code: &str| {
        let line = one(&opened, &format!("* OK [{code} "));
        line.split([' ', ']']).nth(3).unwrap().to_owned()
    };
    let (validity, modseq) = (value("UIDVALIDITY"), value("HIGHESTMODSEQ"));
    bruno.ok("CLOSE").await;
    anne.ok("STORE 2 +FLAGS ($Personal)").await;
    let back = bruno.ok(&format!("SELECT \"{hers}/INBOX\" (QRESYNC ({validity} {modseq} 1:3))")).await;
    one(&back, "* VANISHED (EARLIER) 2");
    one(&back, "* 2 EXISTS");
}

#[tokio::test]
async fn a_folder_for_private_things_is_not_there_for_others() {
    let w = World::new().await;
    let (mut anne, mut bruno, hers) = delegated(&w).await;
    anne.letter("un").await;
    anne.ok("NOOP").await;
    anne.ok("CREATE Personnel/2026").await;
    anne.ok("COPY 1 Personnel/2026").await;
    let list = bruno.ok(&format!("LIST \"\" \"{hers}/*\"")).await;
    assert!(!list.iter().any(|l| l.contains("Personnel")), "{list:?}");
    for command in ["SELECT", "EXAMINE", "DELETE", "SUBSCRIBE", "GETQUOTAROOT", "MYRIGHTS"] {
        for name in ["Personnel/2026", "Personnel/absent"] {
            let no = bruno.no(&format!("{command} \"{hers}/{name}\"")).await;
            assert!(no.starts_with("NO [NONEXISTENT]"), "{command} {name}: {no}");
        }
    }
    assert!(bruno.no(&format!("STATUS \"{hers}/Personnel/2026\" (MESSAGES)")).await.starts_with("NO [NONEXISTENT]"));
    assert!(
        bruno.no(&format!("GETMETADATA \"{hers}/Personnel\" /shared/comment")).await.starts_with("NO [NONEXISTENT]")
    );
    for command in [
        format!("CREATE \"{hers}/Privé\"").replace('é', "&AOk-"),
        format!("RENAME \"{hers}/Archive\" \"{hers}/Perso\""),
    ] {
        assert!(bruno.no(&command).await.starts_with("NO [NOPERM]"), "{command}");
    }
    bruno.ok(&format!("SELECT \"{hers}/INBOX\"")).await;
    for command in ["COPY", "MOVE"] {
        let no = bruno.no(&format!("{command} 1 \"{hers}/Personnel\"")).await;
        assert!(no.starts_with("NO [TRYCREATE]"), "{command}: {no}");
    }
    // In his own BAL it is a folder like any other.
    bruno.ok("CREATE Personnel").await;
    one(&bruno.ok("LIST \"\" Personnel").await, "* LIST");
}

#[tokio::test]
async fn what_is_personal_does_not_go_into_a_shared_bal() {
    let w = World::new().await;
    let mut anne = Client::inbox(&w).await;
    for subject in ["[Personnel] repas", "un"] {
        anne.letter(subject).await;
    }
    anne.ok("NOOP").await;
    for command in ["COPY 1:2", "MOVE 1"] {
        let no = anne.no(&format!("{command} \"{DESK}/INBOX\"")).await;
        assert!(no.starts_with("NO [CANNOT]") && no.contains("copy.personal"), "{no}");
    }
    anne.ok("CREATE Perso").await;
    anne.ok("COPY 2 Perso").await;
    anne.ok("SELECT Perso").await;
    assert!(anne.no(&format!("COPY 1 \"{DESK}/INBOX\"")).await.contains("copy.personal"));
    // What comes there marked is for those responsible, who take the mark away or not.
    anne.ok(&format!("SETACL \"{DESK}/INBOX\" bruno lrswipkxte")).await;
    let mut member = login(&w, "bruno*accueil@alpha.mssante.fr", &w.bruno).await;
    anne.append(&format!("\"{DESK}/INBOX\""), "", &letter("Privé : pour Bruno")).await;
    one(&member.ok("SELECT INBOX").await, "* 0 EXISTS");
    one(&anne.ok(&format!("SELECT \"{DESK}/INBOX\"")).await, "* 1 EXISTS");
    anne.ok("STORE 1 -FLAGS ($Personal)").await;
    one(&member.ok("SELECT INBOX").await, "* 1 EXISTS");
    assert!(member.ok("FETCH 1 BODY.PEEK[TEXT]").await[0].contains("pour Bruno"));
    // Where people work together *Personnel* is the staff, and what a sender's program says keeps nothing from them.
    anne.append(&format!("\"{DESK}/INBOX\""), "", &letter("Personnel : planning de nuit")).await;
    let sensitive = letter("Résultats").replace("Subject:", "Sensitivity: Private\nSubject:");
    anne.append(&format!("\"{DESK}/INBOX\""), "", &sensitive).await;
    anne.ok(&format!("CREATE \"{DESK}/Personnel\"")).await;
    one(&member.ok("SELECT INBOX").await, "* 3 EXISTS");
    one(&member.ok("LIST \"\" Personnel").await, "* LIST");
}
