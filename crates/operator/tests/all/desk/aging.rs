//! Archives by year, by hand and by age (F058).
use super::lists::view;
use super::{ANNE, House};
use sceau_domain::calendar::Territory;
use sceau_domain::rule::{Act as RuleAct, Condition, Rule};
use sceau_domain::{RefusalCode, Timestamp};
use sceau_operator::Actor;
use sceau_operator::desk::acts::{Act, Chosen, Undone, What};
use sceau_operator::desk::list::Filter;
use sceau_operator::mailbox::entries::{FlagChange, FlagSet, Flags};
use sceau_store::StoreError;
use sceau_store::testing::START;
use sceau_testkit::world::letter;

each_engine!(what_is_archived_by_year_can_be_taken_back, what_lies_there_for_long_is_archived);

const DAY: i64 = 86_400_000;
const SEEN: Flags = Flags::SEEN;

/// The folder of the archive for what came so many days after the beginning.
fn year(day: i64) -> String {
    format!("Archive/{}", Territory::Metropole.year(Timestamp(START.0 + day * DAY)))
}

impl House {
    async fn held(&self, actor: &Actor, folder: &str) -> usize {
        match self.0.op.open_folder(actor, folder, true).await {
            Ok(open) => open.entries.len(),
            Err(refusal) if refusal.code == RefusalCode::FolderUnknown => 0,
            Err(refusal) => panic!("{refusal:?}"),
        }
    }
    async fn old(&self, actor: &Actor, folder: &str, day: i64, flags: Flags, subject: &str) -> u32 {
        self.files(actor, folder, day, FlagSet::of(flags), &letter("a@exemple.fr", subject)).await
    }
}

async fn what_is_archived_by_year_can_be_taken_back(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    for (day, subject) in [(-800, "ancienne"), (-400, "moins"), (-399, "pareille"), (0, "neuve")] {
        h.old(&anne, "INBOX", day, SEEN, subject).await;
    }
    let inbox = h.place(&anne, "INBOX").await;
    let all = |folder| Chosen { folder, uids: Vec::new(), whole_view: Some(Filter::All), label: None };
    let done = op.act_on(&anne, &all(inbox), Act::ArchiveByYear).await.unwrap();
    assert_eq!((done.what, done.count), (What::Archived, 4));
    for (day, count) in [(-800, 1), (-400, 2), (0, 1)] {
        assert_eq!(h.held(&anne, &year(day)).await, count, "{}", year(day));
    }
    assert_eq!(h.held(&anne, "INBOX").await, 0);
    // What lies there already goes no further.
    let there = h.place(&anne, &year(-400)).await;
    assert_eq!(op.act_on(&anne, &all(there), Act::ArchiveByYear).await.unwrap().undo, None);
    // One of them is filed elsewhere meanwhile.
    let entries = op.open_folder(&anne, &year(-400), true).await.unwrap().entries;
    op.move_entries(&anne, there, &[entries[0].uid], "Trash").await.unwrap();
    assert_eq!(op.undo(&anne, done.undo.unwrap()).await.unwrap(), Undone { back: 3, changed: 1 });
    assert_eq!(h.held(&anne, "INBOX").await, 3);
}

async fn what_lies_there_for_long_is_archived(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    h.old(&anne, "INBOX", -800, SEEN, "tres-ancienne").await;
    h.old(&anne, "INBOX", -400, SEEN, "ancienne").await;
    let unread = h.old(&anne, "INBOX", -400, Flags::default(), "non-lue").await;
    h.old(&anne, "INBOX", -400, SEEN | Flags::FLAGGED, "suivie").await;
    h.old(&anne, "INBOX", -100, SEEN, "recente").await;
    let rule = Rule {
        name: "vieux courrier".into(),
        any: false,
        when: vec![Condition::Older(365)],
        then: vec![RuleAct::Archive, RuleAct::Label("vieux".into())],
        stop: false,
    };
    let tried = op.try_rule(&anne, &rule).await.unwrap();
    assert_eq!(tried.iter().map(|t| t.subject.as_str()).collect::<Vec<_>>(), ["tres-ancienne", "ancienne"]);
    let id = op.set_rule(&anne, None, 0, rule.clone(), true).await.unwrap();
    op.run_due_jobs().await.unwrap();
    assert_eq!(h.held(&anne, "INBOX").await, 3, "what nobody read, and what is followed, stays");
    for day in [-800, -400] {
        let entries = op.open_folder(&anne, &year(day), true).await.unwrap().entries;
        assert_eq!(entries.len(), 1, "{}", year(day));
        assert!(entries[0].flags.keywords.iter().any(|word| word == "vieux"));
    }
    assert_eq!(h.0.traces("rule.applied").await.len(), 1);
    // What comes is not looked at by its age; what is read meanwhile is there for long on the next day.
    h.0.hand_over(
        sceau_testkit::world::BETA,
        "paul@beta.mssante.fr",
        &[ANNE],
        &letter("paul@beta.mssante.fr", "neuve"),
    )
    .await
    .unwrap();
    let inbox = h.place(&anne, "INBOX").await;
    op.change_flags(&anne, inbox, &[unread], FlagChange::Add, FlagSet::of(SEEN), None).await.unwrap();
    op.run_due_jobs().await.unwrap();
    assert_eq!(h.held(&anne, "INBOX").await, 4);
    h.0.advance(86_401);
    let anne = h.sits("anne", ANNE).await;
    op.run_due_jobs().await.unwrap();
    assert_eq!((h.held(&anne, "INBOX").await, h.held(&anne, &year(-400)).await), (3, 2));
    assert_eq!(h.0.traces("rule.applied").await.len(), 2);
    // A day on which nothing is to be done leaves no trace; a rule that is off is asked for no more.
    h.0.advance(86_401);
    let anne = h.sits("anne", ANNE).await;
    op.run_due_jobs().await.unwrap();
    assert_eq!(h.0.traces("rule.applied").await.len(), 2);
    let version = op.rules(&anne).await.unwrap()[0].version;
    op.set_rule(&anne, Some(id), version, rule, false).await.unwrap();
    h.0.advance(86_401);
    op.run_due_jobs().await.unwrap();
    let read = h.0.store.read(|tx| tx.query("SELECT id FROM jobs WHERE kind = 'aging'", &[]));
    assert!(read.await.unwrap_or_else(|e: StoreError| panic!("{e}")).is_empty());
    let anne = h.sits("anne", ANNE).await;
    let shown = op.window(&anne, &view(h.place(&anne, "INBOX").await, Filter::All)).await.unwrap();
    assert_eq!(shown.rows.len(), 3);
}
