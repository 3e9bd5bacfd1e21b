//! Whoever watches a BAL is told of every act that changes what lies there. The acts are found in the sources: one that is added is played here too, or says
//! why nobody has to be told.
use super::queue::{failed, send};
use super::queue_acts::{SUCCESS, asking};
use super::submission::take;
use sceau_operator::mailbox::append::Replacing;
use sceau_operator::mailbox::entries::{FlagChange, FlagSet, Flags};
use sceau_operator::watch::Watch;
use sceau_store::StoreError;
use sceau_testkit::world::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const BRUNO: &str = "bruno.petit@alpha.mssante.fr";
const DESK: &str = "exploitation@alpha.mssante.fr";
const OUT: &str = "accueil@beta.mssante.fr";
const DAY: i64 = 86_400;

/// What takes a BAL's next state, or puts a message into it.
const WORDS: [&str; 6] =
    ["lock_bal(", "charge_bal(", "insert_beyond(", "deliver::insert(", "prepare_post(", "prepare_received("];

/// Each file that says one of them, how often, and the acts below that pass there.
const ACTS: &[(&str, usize, &[&str])] = &[
    // Nobody serves while it repairs.
    ("care/heal.rs", 2, &[]),
    // Structures' servers report to a BAL by the letter that `reported` posts.
    ("connectors/door.rs", 1, &[]),
    // Notes, and whose a conversation is, stand beside messages: the BAL has no new state, and whoever watches is told (`desk::colleagues`).
    ("desk/beside.rs", 2, &[]),
    ("desk/colleagues.rs", 1, &[]),
    ("desk/giving.rs", 2, &[]),
    // A rule changes nothing of what lies there.
    ("desk/rules.rs", 3, &[]),
    ("mail/incoming.rs", 1, &["received"]),
    ("mail/post.rs", 3, &["reported"]),
    ("mail/receipt.rs", 1, &["confirmed"]),
    ("mail/sending.rs", 1, &["submitted"]),
    ("mailbox/across.rs", 2, &["copied across", "moved across"]),
    ("mailbox/annotations.rs", 1, &["annotated"]),
    ("mailbox/append.rs", 2, &["appended", "replaced"]),
    // What all deliveries share.
    ("mailbox/deliver.rs", 2, &[]),
    ("mailbox/expunge.rs", 1, &["expunged"]),
    ("mailbox/flags.rs", 1, &["flagged"]),
    // The first folders come in the transaction that opens the BAL: nobody can watch it before.
    ("mailbox/folders.rs", 1, &[]),
    ("mailbox/structure.rs", 2, &["created", "renamed", "subscribed", "deleted"]),
    ("mailbox/transfer.rs", 1, &["copied", "moved"]),
    ("retention/apply.rs", 1, &["retired"]),
];

/// How often a line calls this function.
fn calls(line: &str, word: &str) -> usize {
    let before = |at: usize| line[..at].chars().next_back();
    let own =
        |at: &usize| before(*at).is_none_or(|c| !c.is_alphanumeric() && c != '_') && !line[..*at].ends_with("fn ");
    line.match_indices(word).map(|(at, _)| at).filter(own).count()
}

/// Files below a folder.
pub fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for path in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
        match path.is_dir() {
            true => files(&path, into),
            false => into.push(path),
        }
    }
}

#[test]
fn every_act_that_changes_a_mailbox_is_listed() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut all, mut found) = (Vec::new(), BTreeMap::new());
    files(&sources, &mut all);
    for file in &all {
        let name = file.strip_prefix(&sources).unwrap().display().to_string();
        if name.split('/').any(|part| part.trim_end_matches(".rs").ends_with("tests")) {
            continue;
        }
        let text = std::fs::read_to_string(file).unwrap();
        let lines = text.lines().filter(|l| !l.trim_start().starts_with("//"));
        let count: usize = lines.map(|l| WORDS.iter().map(|word| calls(l, word)).sum::<usize>()).sum();
        if count > 0 {
            found.insert(name, count);
        }
    }
    let listed: BTreeMap<String, usize> = ACTS.iter().map(|(file, count, _)| ((*file).to_owned(), *count)).collect();
    assert_eq!(found, listed, "an act that changes a BAL is played below, and told");
    assert_eq!(calls("rows::recharge_bal(tx); fn lock_bal(x); a::lock_bal(tx)", "lock_bal("), 1);
    assert_eq!(calls("rows::recharge_bal(tx)", "charge_bal("), 0);
}

/// Watches the BALs, and plays acts.
struct Told<'a> {
    w: &'a World,
    watches: Vec<(i64, Watch)>,
    played: BTreeSet<&'static str>,
}

impl Told<'_> {
    /// For each BAL its state in the store, and the number of what was told of it.
    async fn state(&self) -> Vec<(i64, u64)> {
        let states = self.w.store.read::<_, StoreError, _>(|tx| {
            let rows = tx.query("SELECT id, modseq FROM bals", &[])?;
            rows.iter().map(|row| Ok((row.int(0)?, row.int(1)?))).collect::<Result<BTreeMap<_, _>, StoreError>>()
        });
        let states = states.await.unwrap();
        self.watches.iter().map(|(bal, watch)| (states[bal], watch.version().expect("one node"))).collect()
    }
    /// Plays an act: it changes a BAL, and each that it changes is told.
    async fn act<T, E: Debug>(&mut self, name: &'static str, act: impl Future<Output = Result<T, E>>) -> T {
        let before = self.state().await;
        let done = act.await.unwrap_or_else(|e| panic!("{name}: {e:?}"));
        self.played.insert(name);
        // Some go on in a task of their own.
        let begun = Instant::now();
        loop {
            let after = self.state().await;
            let changed: Vec<_> = before.iter().zip(&after).filter(|(old, new)| old.0 != new.0).collect();
            if !changed.is_empty() && changed.iter().all(|(old, new)| old.1 != new.1) {
                return done;
            }
            assert!(begun.elapsed() < Duration::from_secs(5), "{name}: changed, not told: {changed:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_act_that_changes_a_mailbox_is_told() {
    let w = World::new().await;
    let (anne, bruno, desk) = (w.actor("anne", ANNE).await, w.actor("bruno", BRUNO).await, w.actor("anne", DESK).await);
    let watch = |actor: &sceau_operator::Actor| (actor.bal.as_ref().unwrap().id, w.op.watch(actor));
    let watches = [&anne, &bruno, &desk].map(watch).into_iter().collect();
    let mut told = Told { w: &w, watches, played: BTreeSet::new() };
    for subject in ["un", "deux"] {
        told.act("received", w.hand_over(BETA, OUT, &[ANNE], &letter(OUT, subject))).await;
    }
    told.act("submitted", w.submit(&anne, ANNE, &[BRUNO], &letter(ANNE, "trois"))).await;
    let asks = asking(ANNE, &[(BRUNO, SUCCESS)]);
    told.act("confirmed", w.op.submit(&anne, asks, w.message(&letter(ANNE, "quatre")))).await;
    send(&w, &["paul@beta.mssante.fr"], "bilan").await;
    let out = take(&w, "beta.mssante.fr").await;
    told.act("reported", w.op.settle(out.id, vec![failed(out.recipients[0].0)])).await;

    let id = async |name: &str| w.op.folder(&anne, name).await.unwrap().id;
    let (inbox, drafts, archive) = (id("INBOX").await, id("Drafts").await, id("Archive").await);
    let flagged = FlagSet::of(Flags::FLAGGED);
    told.act("flagged", w.op.change_flags(&anne, inbox, &[1], FlagChange::Add, flagged, None)).await;
    let comment = [("/private/comment".to_owned(), Some(b"x".to_vec()))];
    told.act("annotated", w.op.annotate(&anne, Some("INBOX"), &comment)).await;
    let none = FlagSet::default;
    let draft = w.message("Subject: a\r\n\r\nun");
    let (_, uid) = told.act("appended", w.op.append(&anne, "Drafts", none(), None, draft)).await;
    let filing = w.op.prepare_filing(&anne, drafts, none(), None, w.message("Subject: a\r\n\r\ndeux")).await.unwrap();
    let replacing = Replacing { actor: anne.clone(), folder: drafts, uid };
    told.act("replaced", w.op.file(&anne, vec![filing], Some(replacing))).await;
    let copied = told.act("copied", w.op.copy(&anne, inbox, &[1], "Archive")).await;
    told.act("moved", w.op.move_entries(&anne, archive, &[copied.pairs[0].1], "Trash")).await;
    let to = (&desk, "INBOX");
    told.act("copied across", w.op.transfer_across(&anne, inbox, &[1], to, false)).await;
    told.act("moved across", w.op.transfer_across(&anne, inbox, &[1], to, true)).await;
    told.act("created", w.op.create_folder(&anne, "Dossier", None)).await;
    told.act("renamed", w.op.rename_folder(&anne, "Dossier", "Autre")).await;
    told.act("subscribed", w.op.subscribe_folder(&anne, "Autre", true)).await;
    told.act("deleted", w.op.delete_folder(&anne, "Autre")).await;
    let deleted = FlagSet::of(Flags::DELETED);
    w.op.change_flags(&anne, inbox, &[2], FlagChange::Add, deleted, None).await.unwrap();
    told.act("expunged", w.op.expunge(&anne, inbox, None)).await;
    // What is left is older than what is kept for three months.
    w.advance(100 * DAY);
    w.op.use_retention(&w.admin, "medimail", None, true).await.unwrap();
    w.advance(3_600);
    told.act("retired", w.op.housekeeping()).await;

    let listed: BTreeSet<&str> = ACTS.iter().flat_map(|(_, _, acts)| acts.iter().copied()).collect();
    assert_eq!(told.played, listed);
}
