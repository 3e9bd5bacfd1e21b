//! Doors obey: dates, blocks, states, rights.
use crate::access::*;
use sceau_domain::{RefusalCode, Timestamp};
use sceau_operator::mailbox::entries::{FlagChange, FlagSet};
use sceau_store::{StoreError, params};
use std::time::Duration;
use tokio::time::timeout;

on_both!(whatever_is_taken_away_shuts_every_door, mail_comes_in_while_somebody_may_read_it_again);

async fn sql(w: &World, text: &'static str, value: i64, of: &str) {
    let of = of.to_owned();
    let done = w.store.write(move |tx| tx.execute(text, params![value, of.as_str()]));
    assert_eq!(done.await.map_err(|e: StoreError| e).unwrap(), 1);
}

async fn whatever_is_taken_away_shuts_every_door(w: World) {
    let secret = w.op.create_token(&w.admin, "bruno", None, "poste", None).await.unwrap().1;
    let login = async |door| w.op.login_token(&format!("bruno*{SERVICE}"), &secret, &origin(door)).await;
    let taken = ["access", "person", "suspended", "blocked", "end", "token"];
    for what in taken {
        // Failed logins of the turn before do not count any more.
        w.advance(121);
        let actor = login(Door::Imap).await.unwrap_or_else(|r| panic!("{what}: {r:?}"));
        let mut leash = w.op.leash(&actor);
        w.op.still_allowed(&actor).await.unwrap();
        assert!(timeout(Duration::from_millis(30), leash.pulled()).await.is_err(), "{what}: nothing was taken yet");
        match what {
            "access" => drop(w.op.end_access(&w.admin, SERVICE, "bruno", Some("Départ")).await.unwrap()),
            "person" => drop(w.op.block_person(&w.admin, "bruno", "Enquête").await.unwrap()),
            "suspended" => drop(w.op.suspend_bal(&w.admin, SERVICE, "Travaux").await.unwrap()),
            "blocked" => drop(w.op.block_bal(&w.admin, SERVICE, "Enquête").await.unwrap()),
            "end" => w.advance(601),
            _ => {
                let id = actor.credential.unwrap();
                w.op.revoke_token(&w.admin, id).await.unwrap();
            }
        }
        // What was judged a moment ago is not believed any more, and the waiting session is told.
        let said = w.op.still_allowed(&actor).await.expect_err(what);
        assert_eq!(said.code, RefusalCode::RightMissing, "{what}");
        if what != "end" {
            timeout(Duration::from_secs(5), leash.pulled()).await.unwrap_or_else(|_| panic!("{what}: not told"));
        }
        // Doors ask about the token at each command; the acts themselves ask about the access.
        if what != "token" {
            assert_eq!(code(w.op.folders(&actor).await), "right.missing", "{what}");
        }
        for door in [Door::Imap, Door::Submission] {
            assert_eq!(code(login(door).await), "login.failed", "{what}");
        }
        let sent = w.submit(&actor, SERVICE, &["paul@beta.mssante.fr"], &letter(SERVICE, "non")).await;
        assert!(["sender.not_allowed", "right.missing"].contains(&code(sent)), "{what}");
        match what {
            "access" => drop(give(&w, "bruno", AccessRole::Member, &[]).await.unwrap()),
            "person" => drop(w.op.release_person(&w.admin, "bruno", "Fin").await.unwrap()),
            "suspended" => drop(w.op.resume_bal(&w.admin, SERVICE, "Fin").await.unwrap()),
            "blocked" => {
                drop(w.op.release_bal(&w.admin, SERVICE, "Fin").await.unwrap());
                // For the next turn: an access that ends by itself.
                w.op.end_access(&w.admin, SERVICE, "bruno", None).await.unwrap();
                let ends = Some(Timestamp(w.op.clock().now().0 + 600_000));
                let limited = NewAccess { ends, ..new("bruno", AccessRole::Member, &[]) };
                w.op.give_access(&w.admin, SERVICE, limited).await.unwrap();
            }
            // One that came to its planned end is replaced as if it had never been.
            "end" => drop(give(&w, "bruno", AccessRole::Member, &[]).await.unwrap()),
            _ => {}
        }
    }
    // An access that begins tomorrow opens nothing today.
    let starts = Some(Timestamp(w.op.clock().now().0 + DAY));
    w.op.give_access(&w.admin, SERVICE, NewAccess { starts, ..new("chloe", AccessRole::Member, &[]) }).await.unwrap();
    assert_eq!(code(sign_in(&w, "chloe", SERVICE, Door::Imap).await), "login.failed");
    w.advance(86_401);
    sign_in(&w, "chloe", SERVICE, Door::Imap).await.unwrap();
}

async fn mail_comes_in_while_somebody_may_read_it_again(w: World) {
    let deliver = async |subject| {
        let text = letter("paul@beta.mssante.fr", subject);
        w.hand_over(BETA, "paul@beta.mssante.fr", &[SERVICE], &text).await
    };
    w.op.suspend_bal(&w.admin, SERVICE, "Travaux").await.unwrap();
    deliver("un").await.unwrap();
    w.op.block_bal(&w.admin, SERVICE, "Enquête").await.unwrap();
    let refused = deliver("deux").await.expect_err("blocked");
    assert_eq!((refused.code.as_str(), refused.is_temporary()), ("rcpt.blocked", false));
    // At the last instant too: what was accepted at RCPT is judged again where it is kept.
    sql(&w, "UPDATE bals SET state = 'closing', version = version + $1 WHERE address_key = $2", 1, SERVICE).await;
    assert_eq!(code(deliver("trois").await), "rcpt.blocked");
    let (paul, service, from) = (addr("paul@beta.mssante.fr"), addr(SERVICE), origin(Door::Mx));
    let (sender, refused) = (peer(BETA), "rcpt.blocked");
    assert_eq!(code(w.op.mx_recipient(&sender, Some(&paul), &service, 0, None, &from).await), refused);
    sql(&w, "UPDATE bals SET state = 'active', version = version + $1 WHERE address_key = $2", 1, SERVICE).await;
    deliver("quatre").await.unwrap();
    let at = w.inbox("bruno", SERVICE).await.len();
    assert_eq!(at, 2, "what came while it was suspended is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_act_needs_its_right() {
    let w = house(sceau_store::testing::sqlite().await).await;
    w.hand_over(BETA, "paul@beta.mssante.fr", &[SERVICE], &letter("paul@beta.mssante.fr", "x")).await.unwrap();
    w.op.end_access(&w.admin, SERVICE, "bruno", None).await.unwrap();
    give(&w, "bruno", AccessRole::Member, &["read"]).await.unwrap();
    give(&w, "chloe", AccessRole::Member, &["send"]).await.unwrap();
    // Reads, and nothing else.
    let reader = sign_in(&w, "bruno", SERVICE, Door::Imap).await.unwrap();
    let inbox = w.op.open_folder(&reader, "INBOX", true).await.unwrap();
    let (folder, uid) = (inbox.folder.id, inbox.entries[0].uid);
    w.op.open_message(&reader, inbox.entries[0].message).await.unwrap();
    let none = FlagSet::default;
    let filed = [
        code(w.op.change_flags(&reader, folder, &[uid], FlagChange::Add, none(), None).await),
        code(w.op.copy(&reader, folder, &[uid], "Archive").await),
        code(w.op.move_entries(&reader, folder, &[uid], "Archive").await),
        code(w.op.expunge(&reader, folder, None).await),
        code(w.op.append(&reader, "INBOX", none(), None, w.message("a: b\r\n\r\n")).await),
        code(w.op.create_folder(&reader, "x", None).await),
        code(w.op.delete_folder(&reader, "Junk").await),
        code(w.op.rename_folder(&reader, "Junk", "x").await),
    ];
    assert_eq!(filed, ["right.missing"; 8]);
    // What he looks at is his own to say.
    w.op.subscribe_folder(&reader, "Junk", false).await.unwrap();
    let why = w.op.create_folder(&reader, "x", None).await.expect_err("refused");
    assert!(why.sentence(sceau_domain::Lang::Fr).contains("mail.file"), "{}", why.sentence(sceau_domain::Lang::Fr));
    assert_eq!(code(w.op.submit_sender(&reader, Some(&addr(SERVICE)), None).await), "sender.not_allowed");
    assert_eq!(code(w.op.submit_sender(&reader, None, None).await), "right.missing");
    assert_eq!(code(sign_in(&w, "bruno", SERVICE, Door::Submission).await), "right.missing");
    // Sends, and does not read.
    assert_eq!(code(sign_in(&w, "chloe", SERVICE, Door::Imap).await), "right.missing");
    let sender = sign_in(&w, "chloe", SERVICE, Door::Submission).await.unwrap();
    assert_eq!(code(w.op.open_folder(&sender, "INBOX", true).await), "right.missing");
    w.submit(&sender, SERVICE, &["paul@beta.mssante.fr"], &letter(SERVICE, "oui")).await.unwrap();
    // Other rights than those of the login: the session ends, so that the next one is told what it may.
    let now = w.op.access(&w.admin, SERVICE, "bruno").await.unwrap();
    let change =
        sceau_operator::grants::AccessChange { role: AccessRole::Member, rights: None, ends: None, reason: None };
    w.op.change_access(&w.admin, SERVICE, "bruno", now.version, change).await.unwrap();
    assert_eq!(code(w.op.still_allowed(&reader).await), "right.missing");
    let again = sign_in(&w, "bruno", SERVICE, Door::Imap).await.unwrap();
    w.op.create_folder(&again, "x", None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planned_end_wakes_whoever_waits() {
    let w = house(sceau_store::testing::sqlite().await).await;
    w.op.end_access(&w.admin, SERVICE, "bruno", None).await.unwrap();
    let ends = Some(Timestamp(w.op.clock().now().0 + 300));
    w.op.give_access(&w.admin, SERVICE, NewAccess { ends, ..new("bruno", AccessRole::Member, &[]) }).await.unwrap();
    let actor = sign_in(&w, "bruno", SERVICE, Door::Imap).await.unwrap();
    let mut leash = w.op.leash(&actor);
    w.advance(1);
    timeout(Duration::from_secs(5), leash.pulled()).await.expect("told of the end");
    assert_eq!(code(w.op.still_allowed(&actor).await), "right.missing");
    assert!(timeout(Duration::from_millis(30), leash.pulled()).await.is_err(), "once");
}
