//! What the destinations took, as they know it: which message, for whom, on which connection, and whether the sender was heard again on it.
use super::mail::{Plan, number_of};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

/// A message taken: `250` was written. True once the sender took its leave on that connection, or said anything after its answer to a later message: it does
/// either only when it has recorded this answer (the next message alone goes while it is being recorded).
pub type Taken = Arc<AtomicBool>;

/// See the module.
#[derive(Debug)]
pub struct Ledger {
    plan: Arc<Plan>,
    /// Message-ID and recipient.
    taken: Mutex<BTreeMap<(String, String), Vec<Taken>>>,
    /// What is not as it was sent.
    wrong: Mutex<Vec<String>>,
    connections: AtomicU32,
}

impl Ledger {
    pub fn new(plan: Arc<Plan>) -> Self {
        Self { plan, taken: Mutex::default(), wrong: Mutex::default(), connections: AtomicU32::new(0) }
    }
    pub fn connected(&self) {
        self.connections.fetch_add(1, Ordering::SeqCst);
    }
    pub fn connections(&self) -> u32 {
        self.connections.load(Ordering::SeqCst)
    }
    /// A destination takes a message; it is compared with what was sent, octet by octet below what the way adds.
    pub fn take(&self, from: &str, to: &[String], content: &[u8]) -> Vec<Taken> {
        let text = String::from_utf8_lossy(&content[..content.len().min(4096)]).into_owned();
        let Some(number) = number_of(&text) else {
            self.wrong.lock().expect("lock").push(format!("a message that nobody sent: {text}"));
            return Vec::new();
        };
        let sent = self.plan.mail(number);
        let added = content.len().saturating_sub(sent.bytes.len());
        if !content.ends_with(&sent.bytes) || !content[..added].starts_with(b"Received: ") || from != sent.from {
            let what = format!("{}: {} octets of {}, from {from}\n{text}", sent.id, content.len(), sent.bytes.len());
            self.wrong.lock().expect("lock").push(what);
        }
        let mut taken = self.taken.lock().expect("lock");
        let note = |to: &String| {
            let one = Taken::default();
            taken.entry((sent.id.clone(), to.clone())).or_default().push(one.clone());
            one
        };
        to.iter().map(note).collect()
    }
    /// What was noted as taken, and could not be answered for.
    pub fn give_back(&self, not_taken: &[Taken]) {
        let mut taken = self.taken.lock().expect("lock");
        for times in taken.values_mut() {
            times.retain(|one| !not_taken.iter().any(|n| Arc::ptr_eq(n, one)));
        }
        taken.retain(|_, times| !times.is_empty());
    }
    /// Everything taken so far.
    pub fn taken(&self) -> BTreeMap<(String, String), Vec<Taken>> {
        self.taken.lock().expect("lock").clone()
    }
    /// What is not as it was sent.
    pub fn wrong(&self) -> Vec<String> {
        self.wrong.lock().expect("lock").clone()
    }
}

/// Sent again although the sender had recorded the answer: nothing excuses that.
pub fn is_inexcusable(times: &[Taken]) -> bool {
    let (_, before) = times.split_last().expect("taken at least once");
    before.iter().any(|heard| heard.load(Ordering::SeqCst))
}
