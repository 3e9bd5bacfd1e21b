//! What a delegate does at the doors, act by act: traced as the delegate's for the holder, at the BAL where it happens, whichever BAL the session was
//! opened with; and what a delegation without a right does not let do.
use super::{ANNE, api, delegation, house, on_both, sign_in};
use sceau_operator::Door;
use sceau_operator::grants::NewDelegation;
use sceau_operator::mailbox::entries::{FlagChange, FlagSet, Flags};
use sceau_testkit::world::*;
use serde_json::{Value, json};

const BRUNO: &str = "bruno.petit@alpha.mssante.fr";
const PAUL: &str = "paul@beta.mssante.fr";

on_both!(each_act_is_traced_for_the_holder, what_is_sent_is_traced_where_it_is_named);

/// Anne's delegation to Bruno.
async fn delegated(w: &World, rights: &[&str]) {
    let rights = Some(rights.iter().map(|r| (*r).to_owned()).collect());
    let anne = api(w, "anne").await;
    w.op.give_delegation(&anne, NewDelegation { rights, ..delegation(w, "bruno") }).await.unwrap();
}

async fn each_act_is_traced_for_the_holder(w: World) {
    delegated(&w, &["read", "file"]).await;
    for subject in ["un", "deux"] {
        w.hand_over(BETA, PAUL, &[ANNE], &letter(PAUL, subject)).await.unwrap();
    }
    let bruno = sign_in(&w, "bruno", ANNE, Door::Imap).await.unwrap();
    let inbox = w.op.open_folder(&bruno, "INBOX", true).await.unwrap();
    let (folder, uids) = (inbox.folder.id, [inbox.entries[0].uid, inbox.entries[1].uid]);
    w.op.open_message(&bruno, inbox.entries[0].message).await.unwrap().read(0, 100).await.unwrap();
    let deleted = FlagSet::of(Flags::DELETED);
    w.op.change_flags(&bruno, folder, &uids[..1], FlagChange::Add, deleted, None).await.unwrap();
    w.op.copy(&bruno, folder, &uids, "Archive").await.unwrap();
    w.op.move_entries(&bruno, folder, &uids[1..], "Archive").await.unwrap();
    assert_eq!(w.op.expunge(&bruno, folder, None).await.unwrap(), uids[..1]);
    w.op.append(&bruno, "INBOX", FlagSet::default(), None, w.message("a: b\r\n\r\n")).await.unwrap();
    w.op.create_folder(&bruno, "Suivi", None).await.unwrap();
    w.op.rename_folder(&bruno, "Suivi", "Suite").await.unwrap();
    w.op.subscribe_folder(&bruno, "Suite", true).await.unwrap();
    w.op.delete_folder(&bruno, "Suite").await.unwrap();
    w.op.logout(&bruno).await;
    w.op.flush_traces().await.unwrap();
    for act in [
        "login.ok",
        "folder.opened",
        "message.read",
        "mail.flagged",
        "mail.copied",
        "mail.moved",
        "mail.expunged",
        "mail.filed",
        "folder.created",
        "folder.renamed",
        "folder.subscribed",
        "folder.deleted",
        "login.ended",
    ] {
        let traces: Vec<_> = w.traces(act).await.into_iter().filter(|t| t.actor == "bruno").collect();
        assert!(!traces.is_empty(), "{act}");
        for t in traces {
            let said = (t.bal.as_deref(), &t.data["as"], &t.data["for"]);
            assert_eq!(said, (Some(ANNE), &json!("delegate"), &json!("anne")), "{act}");
        }
    }
    // Without the right to send, nothing goes in her name, from whichever session, in whichever place.
    assert_eq!(code(sign_in(&w, "bruno", ANNE, Door::Submission).await), "right.missing");
    let own = sign_in(&w, "bruno", BRUNO, Door::Submission).await.unwrap();
    assert_eq!(code(w.op.submit_sender(&own, Some(&addr(ANNE)), None).await), "sender.not_allowed");
    let as_sender = format!("Sender: {ANNE}\r\n{}", letter(BRUNO, "x"));
    for (envelope, text, said) in [
        (ANNE, letter(BRUNO, "x"), "sender.not_allowed"),
        (BRUNO, letter(ANNE, "x"), "header.from_not_allowed"),
        (BRUNO, as_sender, "header.from_not_allowed"),
        ("", letter(ANNE, "x"), "header.from_not_allowed"),
    ] {
        assert_eq!(code(w.submit(&own, envelope, &[PAUL], &text).await), said, "{text}");
    }
    assert!(w.traces("mail.submitted").await.is_empty());
}

async fn what_is_sent_is_traced_where_it_is_named(w: World) {
    delegated(&w, &["send"]).await;
    assert_eq!(code(sign_in(&w, "bruno", ANNE, Door::Imap).await), "right.missing");
    let hers = sign_in(&w, "bruno", ANNE, Door::Submission).await.unwrap();
    let own = sign_in(&w, "bruno", BRUNO, Door::Submission).await.unwrap();
    let for_anne = (Some(ANNE.to_owned()), json!("delegate"), json!("anne"));
    let himself = (Some(BRUNO.to_owned()), Value::Null, Value::Null);
    let as_sender = format!("Sender: {BRUNO}\r\n{}", letter(ANNE, "six"));
    let mut before = 0;
    // Each another letter: the same one twice is sent once.
    for (session, envelope, text, expected) in [
        (&hers, ANNE, letter(ANNE, "un"), vec![&for_anne]),
        (&own, ANNE, letter(ANNE, "deux"), vec![&for_anne]),
        (&hers, BRUNO, letter(BRUNO, "trois"), vec![&himself]),
        (&own, BRUNO, letter(ANNE, "quatre"), vec![&himself, &for_anne]),
        (&hers, "", letter(ANNE, "cinq"), vec![&for_anne]),
        (&own, ANNE, as_sender, vec![&for_anne, &himself]),
    ] {
        w.submit(session, envelope, &[PAUL, BRUNO], &text).await.unwrap();
        let traces = w.traces("mail.submitted").await.split_off(before);
        before += traces.len();
        assert!(traces.iter().all(|t| t.actor == "bruno" && t.data["id"] == traces[0].data["id"]));
        let said: Vec<_> = traces.into_iter().map(|t| (t.bal, t.data["as"].clone(), t.data["for"].clone())).collect();
        assert_eq!(said.iter().collect::<Vec<_>>(), expected, "{envelope} {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_name_is_in_from_finds_what_was_sent() {
    let w = World::with(|c| c.sent_copy = true).await;
    delegated(&w, &["read", "send"]).await;
    let own = sign_in(&w, "bruno", BRUNO, Door::Submission).await.unwrap();
    w.submit(&own, BRUNO, &[PAUL], &letter(ANNE, "x")).await.unwrap();
    assert_eq!(w.folder("anne", ANNE, "Sent").await.len(), 1);
    assert_eq!(w.folder("bruno", BRUNO, "Sent").await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_no_login_opened_goes_on_with_nothing() {
    let w = house(sceau_store::testing::sqlite().await).await;
    let mut anne = sign_in(&w, "anne", ANNE, Door::Imap).await.unwrap();
    w.op.still_allowed(&anne).await.unwrap();
    anne.bal.as_mut().unwrap().chair = None;
    assert_eq!(code(w.op.still_allowed(&anne).await), "right.missing");
}
