//! Notes, who takes care, who opened and answered, who answers at this moment.
use super::lists::view;
use super::{ANNE, House, SERVICE};
use sceau_domain::personal::MARK;
use sceau_operator::desk::list::{Filter, View};
use sceau_operator::mailbox::entries::{FlagChange, FlagSet, Flags};
use sceau_operator::{Actor, Door};
use sceau_store::Id;
use sceau_testkit::world::*;

const PAUL: &str = "paul@beta.mssante.fr";

each_engine!(
    colleagues_see_who_opened_and_answered,
    a_note_is_for_colleagues,
    one_takes_care_of_a_conversation,
    two_who_answer_hear_of_each_other,
    what_is_kept_from_somebody_tells_nothing_of_colleagues,
    a_personal_bal_has_no_colleagues
);

impl House {
    /// Anne and Bruno at the shared BAL, with a message that came.
    async fn service(&self) -> (Actor, Actor, Id) {
        let w = &self.0;
        w.hand_over(BETA, PAUL, &[SERVICE], &letter(PAUL, "resultats")).await.unwrap();
        let (mut anne, mut bruno) = (w.actor("anne", SERVICE).await, w.actor("bruno", SERVICE).await);
        (anne.origin.door, bruno.origin.door) = (Door::Web, Door::Imap);
        anne.origin.session = "web-1".into();
        let inbox = w.op.open_folder(&anne, "INBOX", true).await.unwrap();
        (anne, bruno, inbox.entries[0].message)
    }
}

async fn colleagues_see_who_opened_and_answered(h: House) {
    let w = &h.0;
    let (anne, bruno, message) = h.service().await;
    assert!(w.op.beside(&anne, &[message]).await.unwrap().is_empty());
    drop(w.op.open_message(&bruno, message).await.unwrap());
    w.op.flush_traces().await.unwrap();
    w.advance(60);
    drop(w.op.open_message(&anne, message).await.unwrap());
    let inbox = w.op.open_folder(&anne, "INBOX", true).await.unwrap();
    let (folder, uid) = (inbox.folder.id, inbox.entries[0].uid);
    let answered = FlagSet { keywords: ["$Forwarded"].into_iter().collect(), ..FlagSet::of(Flags::ANSWERED) };
    w.op.change_flags(&anne, folder, &[uid], FlagChange::Add, answered.clone(), None).await.unwrap();
    w.op.flush_traces().await.unwrap();

    let seen = w.op.beside(&anne, &[message]).await.unwrap().remove(&message).unwrap();
    assert_eq!(seen.len(), 2);
    let (first, second) = (&seen[0], &seen[1]);
    assert!(!first.own && !first.by_page && first.opened.is_some() && first.answered.is_none(), "{first:?}");
    assert!(second.own && second.by_page && second.answered.is_some() && second.forwarded.is_some(), "{second:?}");
    let at = second.answered;
    // The first time stays; a reading at a page takes the place of a program's.
    w.advance(60);
    let [none, again] = [FlagChange::Remove, FlagChange::Add];
    for change in [none, again] {
        w.op.change_flags(&anne, folder, &[uid], change, answered.clone(), None).await.unwrap();
    }
    let mut at_page = bruno.clone();
    at_page.origin.door = Door::Web;
    drop(w.op.open_message(&at_page, message).await.unwrap());
    w.op.flush_traces().await.unwrap();
    let seen = w.op.beside(&bruno, &[message]).await.unwrap().remove(&message).unwrap();
    let of = |own: bool| seen.iter().find(|b| b.own == own).unwrap();
    assert!(of(true).by_page);
    assert_eq!(of(false).answered, at);
    // What goes takes all of it along.
    w.op.change_flags(&anne, folder, &[uid], FlagChange::Add, FlagSet::of(Flags::DELETED), None).await.unwrap();
    w.op.expunge(&anne, folder, None).await.unwrap();
    assert_eq!(w.count("message_people").await, 0);
}

async fn a_note_is_for_colleagues(h: House) {
    let w = &h.0;
    let (anne, bruno, message) = h.service().await;
    let id = w.op.write_note(&bruno, message, "  rappeler : secretnote  ").await.unwrap();
    assert!(!w.on_disk("secretnote"), "sealed");
    // Lists show that there is one, beside the message and beside its conversation.
    for threads in [false, true] {
        let inbox = view(h.place(&anne, "INBOX").await, Filter::All);
        let rows = w.op.window(&anne, &View { threads, ..inbox }).await.unwrap().rows;
        assert_eq!(rows.iter().map(|row| row.noted).collect::<Vec<_>>(), [true], "{threads}");
    }
    let notes = w.op.notes(&anne, message).await.unwrap();
    assert_eq!((notes.len(), notes[0].text.as_str()), (1, "rappeler : secretnote"));
    assert_eq!(code(w.op.write_note(&bruno, message, &"é".repeat(4_001)).await), "note.long");
    assert_eq!(code(w.op.write_note(&bruno, message, " ").await), "admin.invalid");
    assert_eq!(code(w.op.write_note(&bruno, message + 1, "rien").await), "entry.unknown");
    assert_eq!(w.traces("note.made").await.len(), 1);
    // Who manages the BAL takes any away, a member his own.
    let of_anne = w.op.write_note(&anne, message, "de la responsable").await.unwrap();
    assert_eq!(code(w.op.remove_note(&bruno, message, of_anne).await), "right.missing");
    w.op.remove_note(&anne, message, id).await.unwrap();
    assert_eq!(code(w.op.remove_note(&anne, message, id).await), "entry.unknown");
    assert_eq!(w.op.notes(&bruno, message).await.unwrap().len(), 1);
    assert_eq!(w.traces("note.removed").await.len(), 1);
    w.op.remove_note(&anne, message, of_anne).await.unwrap();
    let inbox = view(h.place(&anne, "INBOX").await, Filter::All);
    assert!(w.op.window(&anne, &inbox).await.unwrap().rows.iter().all(|row| !row.noted));
    // Nobody else knows of any.
    let chloe = w.actor("chloe", SERVICE).await;
    assert_eq!(code(w.op.notes(&chloe, message).await), "right.missing");
}

async fn one_takes_care_of_a_conversation(h: House) {
    let w = &h.0;
    let (anne, bruno, message) = h.service().await;
    let thread = w.op.conversation_of(&anne, message).await.unwrap();
    assert!(thread > 0);
    let names: Vec<String> = w.op.colleagues(&anne).await.unwrap().into_iter().map(|c| c.login).collect();
    assert!(names.contains(&"anne".to_owned()) && names.contains(&"bruno".to_owned()), "{names:?}");
    w.op.assign(&anne, message, 0, Some("bruno")).await.unwrap();
    let with = w.op.assignments(&bruno, &[thread]).await.unwrap().remove(&thread).unwrap();
    assert!(with.own && with.login == "bruno");
    // Of two who take it at once the second hears of the first.
    assert_eq!(code(w.op.assign(&anne, message, 0, Some("anne")).await), "edit.conflict");
    assert_eq!(code(w.op.assign(&anne, message, with.version, Some("chloe")).await), "admin.not_found");
    w.op.assign(&bruno, message, with.version, None).await.unwrap();
    assert!(w.op.assignments(&bruno, &[thread]).await.unwrap().is_empty());
    assert_eq!(w.traces("mail.assigned").await.len(), 2);
}

async fn two_who_answer_hear_of_each_other(h: House) {
    let w = &h.0;
    let (anne, bruno, message) = h.service().await;
    assert!(w.op.present(&anne, message, true).await.unwrap().is_empty());
    assert_eq!(w.op.present(&bruno, message, true).await.unwrap().len(), 1);
    assert_eq!(w.op.who_answers(&anne, message).await.unwrap().len(), 1);
    w.op.present(&bruno, message, false).await.unwrap();
    assert!(w.op.who_answers(&anne, message).await.unwrap().is_empty());
    // Who says nothing more is gone by itself, and leaves no trace of it.
    w.advance(46);
    assert!(w.op.who_answers(&bruno, message).await.unwrap().is_empty());
    w.op.housekeeping().await.unwrap();
    assert_eq!(w.count("presences").await, 0);
}

async fn what_is_kept_from_somebody_tells_nothing_of_colleagues(h: House) {
    let w = &h.0;
    let (anne, bruno, message) = h.service().await;
    drop(w.op.open_message(&anne, message).await.unwrap());
    w.op.flush_traces().await.unwrap();
    w.op.present(&anne, message, true).await.unwrap();
    assert_eq!(w.op.who_answers(&bruno, message).await.unwrap().len(), 1);
    assert_eq!(w.op.beside(&bruno, &[message]).await.unwrap().len(), 1);
    let inbox = w.op.open_folder(&anne, "INBOX", true).await.unwrap();
    let marked = FlagSet { keywords: [MARK].into_iter().collect(), ..FlagSet::default() };
    let uid = inbox.entries[0].uid;
    w.op.change_flags(&anne, inbox.folder.id, &[uid], FlagChange::Add, marked, None).await.unwrap();
    assert_eq!(code(w.op.who_answers(&bruno, message).await), "entry.unknown");
    assert!(w.op.beside(&bruno, &[message]).await.unwrap().is_empty());
    let manages = h.sits("anne", SERVICE).await;
    assert_eq!(w.op.beside(&manages, &[message]).await.unwrap().len(), 1, "who manages sees it");
}

async fn a_personal_bal_has_no_colleagues(h: House) {
    let w = &h.0;
    w.hand_over(BETA, PAUL, &[ANNE], &letter(PAUL, "bilan")).await.unwrap();
    let anne = w.actor("anne", ANNE).await;
    let message = w.op.open_folder(&anne, "INBOX", true).await.unwrap().entries[0].message;
    drop(w.op.open_message(&anne, message).await.unwrap());
    w.op.flush_traces().await.unwrap();
    assert_eq!(w.count("message_people").await, 0);
    assert_eq!(code(w.op.write_note(&anne, message, "pour qui ?").await), "state.wrong");
    assert_eq!(code(w.op.assign(&anne, message, 0, Some("anne")).await), "state.wrong");
    assert!(w.op.present(&anne, message, true).await.unwrap().is_empty());
    assert_eq!(w.count("presences").await, 0);
}
