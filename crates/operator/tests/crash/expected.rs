//! What must be there after a cut, and how it is looked for.
use crate::load::{ANNE, ARCHIVE, BRUNO, CLAIRE};
use sceau_operator::care::fsck::{Options, fsck as look};
use sceau_operator::mailbox::entries::Flags;
use sceau_operator::search::Page;
use sceau_operator::{Actor, Door, Operator};
use sceau_store::care::Progress;
use sceau_store::{Id, Store, StoreError};
use sceau_testkit::world::{World, origin};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Mutex;

/// What an acknowledged act makes visible.
#[derive(Debug, Clone)]
pub enum Seen {
    /// This letter is in the BAL's INBOX, once.
    Letter(&'static str, String),
    /// This UID of the INBOX is flagged, with its keyword.
    Flagged(&'static str, u32),
    /// This UID is no longer there.
    Gone(&'static str, u32),
    /// This letter is in the other folder; at any instant in one of the two.
    Moved(&'static str, String),
    /// This letter is in both folders.
    Copied(&'static str, String),
    /// This recipient waits in the queue, once.
    Queued(String),
    /// This recipient left the queue.
    Sent(String),
    /// This BAL is closed.
    Closed(&'static str),
}

/// A folder: message, flags, keywords and text by UID.
type Folder = HashMap<u32, (Id, Flags, Vec<String>, String)>;

/// What people see of a BAL.
#[derive(Default)]
struct Seat {
    inbox: Folder,
    archive: Folder,
    closed: bool,
}

fn times(folder: &Folder, letter: &str) -> usize {
    folder.values().filter(|(.., text)| text.ends_with(letter)).count()
}

/// Every act that was begun.
#[derive(Debug, Default)]
pub struct Expected {
    acts: Mutex<Vec<Seen>>,
    going: Mutex<HashSet<(&'static str, String)>>,
    leaving: Mutex<HashSet<String>>,
}

impl Expected {
    /// An act is about to be asked for: its number.
    pub fn will(&self, seen: Seen) -> u64 {
        let mut acts = self.acts.lock().unwrap();
        acts.push(seen);
        acts.len() as u64 - 1
    }
    /// A letter may be gone from the INBOX from now on.
    pub fn may_go(&self, bal: &'static str, letter: &str) {
        self.going.lock().unwrap().insert((bal, letter.to_owned()));
    }
    /// A recipient may have left the queue from now on.
    pub fn may_leave(&self, to: &str) {
        self.leaving.lock().unwrap().insert(to.to_owned());
    }
    /// Looks for everything that was acknowledged, and opens everything there is.
    pub async fn check(&self, op: &Operator, w: &World, acknowledged: &HashSet<u64>) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut seats: HashMap<&str, Seat> = HashMap::new();
        let admin = match op.administrator("root", origin(Door::Admin)).await {
            Ok(admin) => admin,
            Err(e) => return vec![format!("administrator: {}", said(e))],
        };
        for (login, bal) in [("anne", ANNE), ("bruno", BRUNO), ("chloe", CLAIRE)] {
            let closed = op.bal(&admin, bal).await.is_ok_and(|view| view.state == "closed");
            let found = if closed {
                Ok(Seat { closed, ..Seat::default() })
            } else {
                seat(op, &w.actor(login, bal).await).await
            };
            match found {
                Ok(found) => drop(seats.insert(bal, found)),
                Err(e) => wrong.push(format!("{bal}: {e}")),
            }
        }
        if !wrong.is_empty() {
            return wrong;
        }
        let queue = op.queue_list(&admin, None, None, 1000).await.unwrap();
        let (going, leaving) = (self.going.lock().unwrap().clone(), self.leaving.lock().unwrap().clone());
        let acts = self.acts.lock().unwrap().clone();
        let arrived: HashSet<&String> = (0..)
            .zip(&acts)
            .filter_map(|(n, act)| match act {
                Seen::Letter(_, letter) if acknowledged.contains(&n) => Some(letter),
                _ => None,
            })
            .collect();
        for (n, act) in acts.iter().enumerate() {
            let must = acknowledged.contains(&(n as u64));
            let waits = |to: &String| queue.iter().filter(|e| e.to == *to).count();
            let fine = match act {
                Seen::Letter(bal, _) if seats[bal].closed => true,
                Seen::Letter(bal, letter) => match times(&seats[bal].inbox, letter) {
                    0 => !must || going.contains(&(*bal, letter.clone())),
                    n => n == 1,
                },
                Seen::Flagged(bal, uid) => {
                    !must || {
                        let found = seats[bal].inbox.get(uid);
                        found.is_some_and(|(_, f, k, _)| f.has(Flags::FLAGGED) && k == &["$suivi"])
                    }
                }
                Seen::Gone(bal, uid) => !must || !seats[bal].inbox.contains_key(uid),
                // It was there before it was moved: it is in one of the two, never in none, never in both.
                Seen::Moved(bal, letter) => {
                    match (times(&seats[bal].inbox, letter), times(&seats[bal].archive, letter)) {
                        (0, 1) => true,
                        (1, 0) => !must,
                        (0, 0) => !arrived.contains(letter),
                        _ => false,
                    }
                }
                Seen::Copied(bal, letter) => match times(&seats[bal].archive, letter) {
                    0 => !must,
                    n => n == 1 && times(&seats[bal].inbox, letter) == 1,
                },
                Seen::Queued(to) => match waits(to) {
                    0 => !must || leaving.contains(to),
                    n => n == 1,
                },
                Seen::Sent(to) => !must || waits(to) == 0,
                Seen::Closed(bal) => !must || seats[bal].closed,
            };
            if !fine {
                let what = match act {
                    Seen::Letter(bal, _) => format!("a letter of {bal}"),
                    Seen::Moved(bal, _) => format!("a moved letter of {bal}"),
                    Seen::Copied(bal, _) => format!("a copied letter of {bal}"),
                    other => format!("{other:?}"),
                };
                wrong.push(format!("act {n} (acknowledged: {must}): {what}"));
            }
        }
        wrong
    }
}

async fn seat(op: &Operator, actor: &Actor) -> Result<Seat, String> {
    let mut seat = Seat { inbox: folder(op, actor, "INBOX").await?, ..Seat::default() };
    if op.folders(actor).await.map_err(said)?.iter().any(|f| f.name == ARCHIVE) {
        seat.archive = folder(op, actor, ARCHIVE).await?;
    }
    // Finding agrees with listing, whatever the index knows.
    let query = op.query("Bonjour").map_err(said)?;
    let found = op.find_messages(actor, &query, None, Page { before: None, limit: 500 }).await.map_err(said)?;
    let hits: BTreeSet<Id> = found.hits.iter().map(|h| h.message).collect();
    let all = seat.inbox.values().chain(seat.archive.values());
    let there: BTreeSet<Id> = all.filter(|(.., text)| text.contains("Bonjour")).map(|(id, ..)| *id).collect();
    match hits == there && found.complete {
        true => Ok(seat),
        false => Err(format!("{} messages found of {}", hits.len(), there.len())),
    }
}

fn said(e: sceau_domain::Refusal) -> String {
    e.code.as_str().to_owned()
}

/// Every message of a folder, read to its end.
async fn folder(op: &Operator, actor: &Actor, name: &str) -> Result<Folder, String> {
    let mut out = HashMap::new();
    let open = op.open_folder(actor, name, true).await.map_err(said)?;
    let ids: Vec<_> = open.entries.iter().map(|e| e.message).collect();
    if op.summaries(actor, &ids).await.map_err(said)?.len() != ids.len() {
        return Err("a message without summary".into());
    }
    for entry in open.entries {
        let mut reader = op.open_message(actor, entry.message).await.map_err(said)?;
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < reader.size() {
            bytes.extend(reader.read(bytes.len() as u64, 60_000).await.map_err(said)?);
        }
        let text = String::from_utf8(bytes).map_err(|e| e.to_string())?;
        out.insert(
            entry.uid,
            (entry.message, entry.flags.system, entry.flags.keywords.iter().map(str::to_owned).collect(), text),
        );
    }
    Ok(out)
}

/// Everything that works in the background goes on: what a cut left half done is finished, and letters come again.
pub async fn goes_on(op: &Operator, store: &Store, w: &World, root: &std::path::Path) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut note = |what: &str, failed: Option<sceau_domain::Refusal>| {
        wrong.extend(failed.map(|e| format!("{what}: {}", e.code.as_str())));
    };
    note("jobs", op.run_due_jobs().await.err());
    note("upkeep", op.housekeeping().await.err());
    let notary = op.notary(crate::load::notary_settings(root));
    note("notary", notary.round().await.err());
    note("purge", notary.purge_due().await.err());
    note("delivery", crate::load::deliver_to(op, ANNE, 7000).await.err());
    let Ok(admin) = op.administrator("root", origin(Door::Admin)).await else {
        wrong.push("no administrator".into());
        return wrong;
    };
    let alarms = op.alarms(&admin, false).await.unwrap();
    // The file outside was written after the database: it never knows more.
    wrong.extend(alarms.iter().filter(|a| a.code == "notary.rollback").map(|a| a.en.clone()));
    if op.bal(&admin, CLAIRE).await.is_ok_and(|view| view.state == "closed") {
        let bal = w.actor("chloe", CLAIRE).await.bal.unwrap().id;
        if store.vault().bal_key(bal).await.err() != Some(StoreError::NoKey) {
            wrong.push("the key of a closed BAL is still there".into());
        }
    }
    wrong
}

/// What the store's own check finds, every chunk of every content included; but for objects that a cut left without their row, which
/// the sweep removes.
pub async fn fsck(store: &Store) -> Vec<String> {
    let options = Options { blobs: true, content: true, repair: false };
    match look(store, options, &Progress::default()).await {
        Ok(report) => {
            let real = report.findings.iter().filter(|f| f.code.as_str() != "blob.stray");
            real.map(|f| format!("fsck: {} {:?} {:?}", f.code.as_str(), f.bal, f.detail)).collect()
        }
        Err(e) => vec![format!("fsck: {e}")],
    }
}
