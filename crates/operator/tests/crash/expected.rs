//! What must be there after a cut, and how it is looked for.
use crate::common::{World, origin};
use sceau_operator::care::fsck::{Options, fsck as look};
use sceau_operator::mailbox::entries::Flags;
use sceau_operator::{Actor, Door, Operator};
use sceau_store::Store;
use sceau_store::care::Progress;
use std::collections::{HashMap, HashSet};
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
    /// This recipient waits in the queue, once.
    Queued(String),
}

/// An INBOX: flags, keywords and text by UID.
type Inbox = HashMap<u32, (Flags, Vec<String>, String)>;

/// Every act that was begun.
#[derive(Debug, Default)]
pub struct Expected {
    acts: Mutex<Vec<Seen>>,
    going: Mutex<HashSet<(&'static str, String)>>,
}

impl Expected {
    /// An act is about to be asked for: its number.
    pub fn will(&self, seen: Seen) -> u64 {
        let mut acts = self.acts.lock().unwrap();
        acts.push(seen);
        acts.len() as u64 - 1
    }
    /// A letter may be gone from now on.
    pub fn may_go(&self, bal: &'static str, letter: &str) {
        self.going.lock().unwrap().insert((bal, letter.to_owned()));
    }
    /// Looks for everything that was acknowledged, and opens everything there is.
    pub async fn check(&self, op: &Operator, w: &World, acknowledged: &HashSet<u64>) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut inboxes: HashMap<&str, Inbox> = HashMap::new();
        for (login, bal) in [("anne", crate::ANNE), ("bruno", crate::BRUNO)] {
            match inbox(op, &w.actor(login, bal).await).await {
                Ok(found) => drop(inboxes.insert(bal, found)),
                Err(e) => wrong.push(format!("{bal}: {e}")),
            }
        }
        if !wrong.is_empty() {
            return wrong;
        }
        let admin = op.administrator("root", origin(Door::Admin)).await.unwrap();
        let queue = op.queue_list(&admin, None, None, 1000).await.unwrap();
        let going = self.going.lock().unwrap().clone();
        for (n, act) in self.acts.lock().unwrap().iter().enumerate() {
            let (must, count) = (acknowledged.contains(&(n as u64)), |bal: &str, letter: &str| {
                inboxes[bal].values().filter(|(_, _, text)| text.ends_with(letter)).count()
            });
            let fine = match act {
                Seen::Letter(bal, letter) => match count(bal, letter) {
                    0 => !must || going.contains(&(*bal, letter.clone())),
                    n => n == 1,
                },
                Seen::Flagged(bal, uid) => {
                    !must || {
                        let found = inboxes[bal].get(uid);
                        found.is_some_and(|(f, k, _)| f.has(Flags::FLAGGED) && k == &["$suivi"])
                    }
                }
                Seen::Gone(bal, uid) => !must || !inboxes[bal].contains_key(uid),
                Seen::Queued(to) => match queue.iter().filter(|e| e.to == *to).count() {
                    0 => !must,
                    n => n == 1,
                },
            };
            if !fine {
                let what = match act {
                    Seen::Letter(bal, _) => format!("a letter of {bal}"),
                    other => format!("{other:?}"),
                };
                wrong.push(format!("act {n} (acknowledged: {must}): {what}"));
            }
        }
        wrong
    }
}

/// Every message of an INBOX, read to its end.
async fn inbox(op: &Operator, actor: &Actor) -> Result<Inbox, String> {
    let said = |e: sceau_domain::Refusal| e.code.as_str().to_owned();
    let mut out = HashMap::new();
    let open = op.open_folder(actor, "INBOX", true).await.map_err(said)?;
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
        out.insert(entry.uid, (entry.flags.system, entry.flags.keywords, text));
    }
    Ok(out)
}

/// What the store's own check finds, every chunk of every content included; but for objects that a cut left without their row, which
/// the sweep removes.
pub async fn fsck(store: &Store) -> Vec<String> {
    let options = Options { blobs: true, content: true, repair: false };
    match look(store, options, &Progress::default()).await {
        Ok(report) => {
            let real = report.findings.iter().filter(|f| f.code.as_str() != "blob.stray");
            real.map(|f| format!("fsck: {} {:?}", f.code.as_str(), f.detail)).collect()
        }
        Err(e) => vec![format!("fsck: {e}")],
    }
}
