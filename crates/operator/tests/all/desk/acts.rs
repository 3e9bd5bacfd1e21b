//! Acts and taking them back.
use super::lists::view;
use super::{ANNE, House, SERVICE};
use sceau_domain::Timestamp;
use sceau_operator::Actor;
use sceau_operator::desk::acts::{Act, Chosen, Undone, What};
use sceau_operator::desk::list::Filter;
use sceau_operator::mailbox::entries::{FlagChange, FlagSet, Flags};
use sceau_store::desk::undos;
use sceau_store::{Id, StoreError, Tx};
use sceau_testkit::world::{code, letter};

each_engine!(
    every_act_can_be_taken_back,
    what_changed_since_stays_and_is_told,
    one_takes_back_ones_own_acts_once_and_in_time,
    a_removal_waits,
    a_removal_that_could_not_be_taken_back_is_carried_out,
    a_whole_view_at_once,
    what_comes_while_a_folder_is_emptied_stays,
    a_label_is_renamed_or_taken_everywhere,
    conversations_are_given_from_a_list,
);

impl House {
    /// Files so many letters into the INBOX: their UIDs.
    async fn letters(&self, actor: &Actor, count: i64) -> Vec<u32> {
        let mut uids = Vec::new();
        for n in 0..count {
            let text = letter("a@exemple.fr", &format!("lettre-{n}"));
            uids.push(self.files(actor, "INBOX", n, FlagSet::default(), &text).await);
        }
        uids
    }
    /// Subjects and flags of a folder as lists show it, newest first.
    async fn shows(&self, actor: &Actor, folder: Id) -> Vec<(String, Flags)> {
        let listing = self.0.op.window(actor, &view(folder, Filter::All)).await.unwrap();
        listing.rows.into_iter().map(|row| (row.subject, row.flags.system)).collect()
    }
}

fn chosen(folder: Id, uids: &[u32]) -> Chosen {
    Chosen { folder, uids: uids.to_vec(), whole_view: None, label: None }
}

async fn every_act_can_be_taken_back(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let inbox = h.place(&anne, "INBOX").await;
    h.letters(&anne, 3).await;
    let before = h.shows(&anne, inbox).await;
    let project = op.create_folder(&anne, "Projet", None).await.unwrap().id;
    for (act, what) in [
        (Act::Seen(true), What::Read),
        (Act::Flagged(true), What::Followed),
        (Act::Label("urgent".into(), true), What::Labelled),
        (Act::Move(project), What::Moved),
        (Act::Archive, What::Archived),
        (Act::Junk, What::Junk),
        (Act::Trash, What::Binned),
        (Act::Remove, What::Removed),
    ] {
        let uids: Vec<u32> =
            op.window(&anne, &view(inbox, Filter::All)).await.unwrap().rows.iter().map(|r| r.uid).collect();
        let done = op.act_on(&anne, &chosen(inbox, &uids), act.clone()).await.unwrap();
        assert_eq!((done.what, done.count, done.more), (what, 3, false), "{act:?}");
        if !matches!(act, Act::Label(..)) {
            assert_ne!(h.shows(&anne, inbox).await, before, "{act:?}");
        }
        let undo = done.undo.unwrap();
        let told = op.act_told(&anne, undo).await.unwrap().unwrap();
        assert!(told.open && told.count == 3 && told.undone.is_none(), "{act:?}");
        let undone = Undone { back: 3, changed: 0 };
        assert_eq!(op.undo(&anne, undo).await.unwrap(), undone, "{act:?}");
        assert_eq!(h.shows(&anne, inbox).await, before, "{act:?}");
        let told = op.act_told(&anne, undo).await.unwrap().unwrap();
        assert!(!told.open && told.undone == Some(undone), "{act:?}");
    }
    // What is so already is no act.
    let uids: Vec<u32> =
        op.window(&anne, &view(inbox, Filter::All)).await.unwrap().rows.iter().map(|r| r.uid).collect();
    let done = op.act_on(&anne, &chosen(inbox, &uids), Act::Seen(false)).await.unwrap();
    assert_eq!((done.count, done.undo), (0, None));
    assert_eq!(h.0.traces("mail.undone").await.len(), 8);
}

async fn what_changed_since_stays_and_is_told(h: House) {
    let op = &h.0.op;
    let (anne, bruno) = (h.sits("anne", SERVICE).await, h.sits("bruno", SERVICE).await);
    let inbox = h.place(&anne, "INBOX").await;
    let uids = h.letters(&anne, 3).await;
    let done = op.act_on(&anne, &chosen(inbox, &uids), Act::Flagged(true)).await.unwrap();
    let read = FlagSet::of(Flags::SEEN);
    op.change_flags(&bruno, inbox, &uids[..1], FlagChange::Add, read.clone(), None).await.unwrap();
    assert_eq!(op.undo(&anne, done.undo.unwrap()).await.unwrap(), Undone { back: 2, changed: 1 });
    let entries = op.open_folder(&anne, "INBOX", true).await.unwrap().entries;
    let followed: Vec<bool> = entries.iter().map(|e| e.flags.system.has(Flags::FLAGGED)).collect();
    assert_eq!(followed, [true, false, false]);
    // The same of what was moved; and of what is not there any more.
    let done = op.act_on(&anne, &chosen(inbox, &uids), Act::Archive).await.unwrap();
    let archive = h.place(&anne, "Archive").await;
    let there: Vec<u32> = op.open_folder(&anne, "Archive", true).await.unwrap().entries.iter().map(|e| e.uid).collect();
    op.change_flags(&bruno, archive, &there[1..2], FlagChange::Add, read, None).await.unwrap();
    op.move_entries(&bruno, archive, &there[2..], "Trash").await.unwrap();
    assert_eq!(op.undo(&anne, done.undo.unwrap()).await.unwrap(), Undone { back: 1, changed: 2 });
    assert_eq!(h.shows(&anne, inbox).await.len(), 1);
}

async fn one_takes_back_ones_own_acts_once_and_in_time(h: House) {
    let op = &h.0.op;
    let (anne, bruno) = (h.sits("anne", SERVICE).await, h.sits("bruno", SERVICE).await);
    let inbox = h.place(&anne, "INBOX").await;
    let uids = h.letters(&anne, 2).await;
    let done = op.act_on(&anne, &chosen(inbox, &uids), Act::Flagged(true)).await.unwrap();
    let act = done.undo.unwrap();
    assert_eq!(code(op.undo(&bruno, act).await), "undo.gone");
    assert_eq!(op.act_told(&bruno, act).await.unwrap(), None);
    assert_eq!(code(op.undo(&h.sits("anne", ANNE).await, act).await), "undo.gone", "at another BAL");
    op.undo(&anne, act).await.unwrap();
    assert_eq!(code(op.undo(&anne, act).await), "undo.gone");
    let done = op.act_on(&anne, &chosen(inbox, &uids), Act::Flagged(true)).await.unwrap();
    h.0.advance(601);
    assert_eq!(code(op.undo(&anne, done.undo.unwrap()).await), "undo.gone");
    assert_eq!(op.act_object(act), op.act_object(op.act_of_object(&op.act_object(act)).unwrap()));
    // What is over is forgotten.
    op.housekeeping().await.unwrap();
    assert_eq!(h.0.count("undos").await, 0);
}

async fn a_removal_waits(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let inbox = h.place(&anne, "INBOX").await;
    let uids = h.letters(&anne, 3).await;
    let held = async || op.open_folder(&anne, "INBOX", true).await.unwrap().entries.len();
    let done = op.act_on(&anne, &chosen(inbox, &uids[..2]), Act::Remove).await.unwrap();
    assert_eq!((h.shows(&anne, inbox).await.len(), held().await), (1, 3), "hidden, not gone");
    op.run_due_jobs().await.unwrap();
    assert_eq!(held().await, 3, "its time has not come");
    op.undo(&anne, done.undo.unwrap()).await.unwrap();
    h.0.advance(16);
    op.run_due_jobs().await.unwrap();
    assert_eq!((h.shows(&anne, inbox).await.len(), held().await), (3, 3), "it was taken back");
    let done = op.act_on(&anne, &chosen(inbox, &uids[..2]), Act::Remove).await.unwrap();
    // A mail program takes the flag of one away meanwhile: that one stays.
    let deleted = FlagSet::of(Flags::DELETED);
    op.change_flags(&anne, inbox, &uids[..1], FlagChange::Remove, deleted, None).await.unwrap();
    h.0.advance(16);
    op.run_due_jobs().await.unwrap();
    assert_eq!((h.shows(&anne, inbox).await.len(), held().await), (2, 2));
    assert_eq!(code(op.undo(&anne, done.undo.unwrap()).await), "undo.gone");
    let expunged = h.0.traces("mail.expunged").await;
    assert_eq!(expunged.last().unwrap().actor, "anne", "whoever wanted it");
    // However long nobody worked meanwhile, it is carried out.
    op.act_on(&anne, &chosen(inbox, &uids[..1]), Act::Remove).await.unwrap();
    h.0.advance(5 * 3_600);
    op.housekeeping().await.unwrap();
    op.run_due_jobs().await.unwrap();
    assert_eq!(held().await, 1, "what was hidden stays for ever");
}

async fn a_removal_that_could_not_be_taken_back_is_carried_out(h: House) {
    let (op, store) = (&h.0.op, &h.0.store);
    let anne = h.sits("anne", ANNE).await;
    let inbox = h.place(&anne, "INBOX").await;
    let uids = h.letters(&anne, 2).await;
    let held = async || op.open_folder(&anne, "INBOX", true).await.unwrap().entries.len();
    let kept = async |act: Id| {
        let row = store.read(move |tx: &mut dyn Tx| undos::by_id(tx, act)).await;
        row.unwrap_or_else(|e: StoreError| panic!("{e}")).unwrap()
    };
    let act = op.act_on(&anne, &chosen(inbox, &uids[..1]), Act::Remove).await.unwrap().undo.unwrap();
    let sealed = kept(act).await.sealed;
    // It cannot be read for a while; and the worker, who came at that moment, saw that somebody takes it back, and went.
    let fails = move |tx: &mut dyn Tx| {
        undos::settle(tx, act, b"?".to_vec())?;
        tx.execute("DELETE FROM jobs WHERE kind = 'removal'", &[])
    };
    store.write(fails).await.unwrap_or_else(|e: StoreError| panic!("{e}"));
    assert!(op.undo(&anne, act).await.is_err());
    let mends = move |tx: &mut dyn Tx| undos::settle(tx, act, sealed.clone());
    store.write(mends).await.unwrap_or_else(|e: StoreError| panic!("{e}"));
    assert!(op.act_told(&anne, act).await.unwrap().unwrap().open);
    op.run_due_jobs().await.unwrap();
    assert_eq!(held().await, 2, "its time has not come");
    h.0.advance(16);
    op.run_due_jobs().await.unwrap();
    assert_eq!((h.shows(&anne, inbox).await.len(), held().await), (1, 1), "what was hidden stays for ever");
    // What takes it back dies on its way: it is taken back all the same.
    let act = op.act_on(&anne, &chosen(inbox, &uids[1..]), Act::Remove).await.unwrap().undo.unwrap();
    let row = kept(act).await;
    let begins = move |tx: &mut dyn Tx| undos::take(tx, act, row.bal, row.person, row.at);
    assert!(store.write(begins).await.unwrap_or_else(|e: StoreError| panic!("{e}")).is_some());
    assert!(h.shows(&anne, inbox).await.is_empty());
    h.0.advance(16);
    op.run_due_jobs().await.unwrap();
    assert_eq!((h.shows(&anne, inbox).await.len(), held().await), (1, 1));
}

async fn a_whole_view_at_once(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let inbox = h.place(&anne, "INBOX").await;
    let uids = h.letters(&anne, 5).await;
    op.act_on(&anne, &chosen(inbox, &uids[..2]), Act::Seen(true)).await.unwrap();
    let unread = Chosen { whole_view: Some(Filter::Unread), ..chosen(inbox, &[]) };
    let done = op.act_on(&anne, &unread, Act::Archive).await.unwrap();
    assert_eq!((done.count, done.more), (3, false));
    assert_eq!(h.shows(&anne, inbox).await.len(), 2);
    // A folder of another BAL is none here, and nothing is done without the right to file.
    let service = h.sits("bruno", SERVICE).await;
    assert_eq!(code(op.act_on(&service, &unread, Act::Archive).await), "folder.unknown");
    // The folder with a special use is made where it is missing.
    op.delete_folder(&anne, "Junk").await.unwrap();
    assert_eq!(op.act_on(&anne, &chosen(inbox, &uids[..1]), Act::Junk).await.unwrap().count, 1);
    assert_eq!(h.shows(&anne, h.place(&anne, "Junk").await).await.len(), 1);
}

async fn what_comes_while_a_folder_is_emptied_stays(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let trash = h.place(&anne, "Trash").await;
    for n in 0..3 {
        h.files(&anne, "Trash", n, FlagSet::default(), &letter("a@exemple.fr", &format!("vieille-{n}"))).await;
    }
    let all = Chosen { whole_view: Some(Filter::All), ..chosen(trash, &[]) };
    let done = op.act_on(&anne, &all, Act::Remove).await.unwrap();
    assert_eq!(done.count, 3);
    // Something comes before the removal is carried out, and somebody's mail program wants something else of it removed at its own time.
    let came = h.files(&anne, "Trash", 9, FlagSet::default(), &letter("a@exemple.fr", "neuve")).await;
    let theirs = h.files(&anne, "Trash", 10, FlagSet::of(Flags::DELETED), &letter("a@exemple.fr", "autre")).await;
    h.0.advance(16);
    op.run_due_jobs().await.unwrap();
    let left: Vec<u32> = op.open_folder(&anne, "Trash", true).await.unwrap().entries.iter().map(|e| e.uid).collect();
    assert_eq!(left, [came, theirs]);
    // A folder is removed when it is empty as it goes, whatever its page said before.
    let project = op.create_folder(&anne, "Projet", None).await.unwrap().id;
    let held = h.files(&anne, "Projet", 1, FlagSet::default(), &letter("a@exemple.fr", "arrivee")).await;
    assert_eq!(code(op.delete_empty_folder(&anne, project).await), "folder.full");
    assert_eq!(h.shows(&anne, project).await.len(), 1);
    op.move_entries(&anne, project, &[held], "Archive").await.unwrap();
    op.delete_empty_folder(&anne, project).await.unwrap();
    assert_eq!(code(op.delete_empty_folder(&anne, project).await), "folder.unknown");
    for name in ["INBOX", "Archive"] {
        let id = h.place(&anne, name).await;
        assert_eq!(code(op.delete_empty_folder(&anne, id).await), "folder.reserved", "{name}");
    }
    // Another BAL's folder is none here.
    let service = h.sits("anne", SERVICE).await;
    assert_eq!(code(op.delete_empty_folder(&service, trash).await), "folder.unknown");
}

async fn a_label_is_renamed_or_taken_everywhere(h: House) {
    let op = &h.0.op;
    let (anne, bruno) = (h.sits("anne", SERVICE).await, h.sits("bruno", SERVICE).await);
    let inbox = h.place(&anne, "INBOX").await;
    let uids = h.letters(&anne, 4).await;
    let give = async |uids: &[u32], label: &str| {
        op.act_on(&anne, &chosen(inbox, uids), Act::Label(label.into(), true)).await.unwrap();
    };
    give(&uids[..3], "urgent").await;
    give(&uids[1..2], "labo").await;
    op.move_entries(&anne, inbox, &uids[2..3], "Archive").await.unwrap();
    // Keywords of what stands in both folders, in its order.
    let all = async || {
        let mut all: Vec<Vec<String>> = Vec::new();
        for folder in ["INBOX", "Archive"] {
            let open = op.open_folder(&anne, folder, true).await.unwrap();
            all.extend(open.entries.iter().map(|e| e.flags.keywords.iter().map(str::to_owned).collect::<Vec<_>>()));
        }
        all
    };
    let words = |all: &[&[&str]]| -> Vec<Vec<String>> {
        all.iter().map(|words| words.iter().map(|w| (*w).to_owned()).collect()).collect()
    };
    let before = words(&[&["urgent"], &["labo", "urgent"], &[], &["urgent"]]);
    assert_eq!(all().await, before);
    assert_eq!(op.keywords_at(&anne, inbox, uids[1]).await.unwrap(), ["labo", "urgent"]);
    let done = op.relabel(&anne, "urgent", Some("labo")).await.unwrap();
    assert_eq!((done.what, done.count, done.more), (What::Relabelled, 3, false));
    assert_eq!(all().await, words(&[&["labo"], &["labo"], &[], &["labo"]]));
    // Taken back: what had both has both, what nobody had comes from nowhere.
    assert_eq!(op.undo(&anne, done.undo.unwrap()).await.unwrap(), Undone { back: 3, changed: 0 });
    assert_eq!(all().await, before);
    // What somebody else changed since stays.
    let done = op.relabel(&anne, "urgent", Some("vu")).await.unwrap();
    let read = FlagSet::of(Flags::SEEN);
    op.change_flags(&bruno, inbox, &uids[..1], FlagChange::Add, read, None).await.unwrap();
    assert_eq!(op.undo(&anne, done.undo.unwrap()).await.unwrap(), Undone { back: 2, changed: 1 });
    assert_eq!(all().await, words(&[&["vu"], &["labo", "urgent"], &[], &["urgent"]]));
    let done = op.relabel(&anne, "urgent", None).await.unwrap();
    assert_eq!((done.what, done.count), (What::Unlabelled, 2));
    assert_eq!(all().await, words(&[&["vu"], &["labo"], &[], &[]]));
    assert_eq!(op.undo(&anne, done.undo.unwrap()).await.unwrap(), Undone { back: 2, changed: 0 });
    // The same one in other letters, or one that nothing has, is no act: nothing is lost.
    for (from, to) in [("urgent", Some("URGENT")), ("absente", Some("labo")), ("absente", None)] {
        let done = op.relabel(&anne, from, to).await.unwrap();
        assert_eq!((done.count, done.undo), (0, None), "{from} {to:?}");
    }
    assert_eq!(all().await, words(&[&["vu"], &["labo", "urgent"], &[], &["urgent"]]));
    // Elsewhere nothing is called so, and another BAL's folder is none.
    let own = h.sits("anne", ANNE).await;
    assert_eq!(op.relabel(&own, "urgent", None).await.unwrap().count, 0);
    assert_eq!(code(op.keywords_at(&own, inbox, uids[1]).await), "folder.unknown");
    assert_eq!(code(op.keywords_at(&anne, inbox, 99).await), "entry.unknown");
}

async fn conversations_are_given_from_a_list(h: House) {
    let (w, op) = (&h.0, &h.0.op);
    let (anne, bruno) = (h.sits("anne", SERVICE).await, h.sits("bruno", SERVICE).await);
    let inbox = h.place(&anne, "INBOX").await;
    let uids = h.letters(&anne, 3).await;
    // Who has each, by the name that lists show; oldest first.
    let with = async || {
        let rows = op.window(&anne, &view(inbox, Filter::All)).await.unwrap().rows;
        rows.into_iter().rev().map(|row| row.with).collect::<Vec<_>>()
    };
    let now = || op.clock().now();
    let to = |login: &str, seen: Timestamp| Act::Give(Some(login.to_owned()), seen);
    let done = op.act_on(&anne, &chosen(inbox, &uids[..2]), to("bruno", now())).await.unwrap();
    assert_eq!((done.what, done.count, done.left), (What::Given, 2, 0));
    let names = with().await;
    assert!(names[0].is_some() && names[0] == names[1] && names[2].is_none(), "{names:?}");
    assert_eq!(w.traces("mail.assigned").await.len(), 1);
    // Of what he has already nothing is done.
    assert_eq!(op.act_on(&anne, &chosen(inbox, &uids[..2]), to("bruno", now())).await.unwrap().count, 0);
    w.advance(60);
    let shown = now();
    w.advance(60);
    // Bruno takes the third one while Anne looks at her list: it stays his, and she hears of it.
    let taken = op.act_on(&bruno, &chosen(inbox, &uids[2..]), to("bruno", shown)).await.unwrap();
    let done = op.act_on(&anne, &chosen(inbox, &uids), to("anne", shown)).await.unwrap();
    assert_eq!((done.count, done.left), (2, 1));
    let all = with().await;
    assert!(all[0] == all[1] && all[0] != names[0] && all[2] == names[0], "{all:?}");
    assert_eq!(code(op.act_on(&anne, &chosen(inbox, &uids[2..]), to("anne", shown)).await), "edit.conflict");
    // Taken back: to whoever had each, where nobody was given it since.
    let one = op.open_folder(&anne, "INBOX", true).await.unwrap().entries[0].message;
    let thread = op.conversation_of(&anne, one).await.unwrap();
    let version = op.assignments(&anne, &[thread]).await.unwrap().remove(&thread).unwrap().version;
    op.assign(&bruno, one, version, None).await.unwrap();
    assert_eq!(op.undo(&anne, done.undo.unwrap()).await.unwrap(), Undone { back: 1, changed: 1 });
    assert_eq!(with().await, [None, names[0].clone(), names[0].clone()]);
    op.undo(&bruno, taken.undo.unwrap()).await.unwrap();
    assert_eq!(with().await, [None, names[0].clone(), None]);
    // Given to nobody, and back.
    w.advance(1);
    let done = op.act_on(&anne, &chosen(inbox, &uids), Act::Give(None, now())).await.unwrap();
    assert_eq!((done.what, done.count), (What::Ungiven, 1));
    assert_eq!(with().await, [None, None, None]);
    assert_eq!(op.undo(&anne, done.undo.unwrap()).await.unwrap(), Undone { back: 1, changed: 0 });
    assert_eq!(with().await, [None, names[0].clone(), None]);
    // Only to somebody who reads it, and at a shared BAL alone.
    assert_eq!(code(op.act_on(&anne, &chosen(inbox, &uids), to("chloe", now())).await), "admin.not_found");
    let own = h.sits("anne", ANNE).await;
    let mine = h.place(&own, "INBOX").await;
    let uid = h.files(&own, "INBOX", 1, FlagSet::default(), &letter("a@exemple.fr", "seule")).await;
    assert_eq!(code(op.act_on(&own, &chosen(mine, &[uid]), to("anne", now())).await), "state.wrong");
}
