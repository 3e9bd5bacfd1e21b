//! The load that is recorded: people, peers and everything that works in the background, at once, over a disk that fails now and then.
use crate::expected::{Expected, Seen};
use sceau_domain::{BalKind, Refusal};
use sceau_faults::{Die, Op, Recorder, Trouble};
use sceau_operator::mailbox::entries::{FlagChange, FlagSet, Flags};
use sceau_operator::notary::{Notary, NotarySettings};
use sceau_operator::queue::{Outcome, OutcomeResult};
use sceau_operator::{Door, Operator};
use sceau_store::Tx;
use sceau_store::traces::{self, Kind, Trace};
use sceau_testkit::world::{self, BETA, World, envelope, origin, peer};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::RwLock;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub const ANNE: &str = "anne.martin@alpha.mssante.fr";
pub const BRUNO: &str = "bruno.petit@alpha.mssante.fr";
/// Her BAL is closed under load.
pub const CLAIRE: &str = "claire.noir@alpha.mssante.fr";
pub const FROM: &str = "paul@beta.mssante.fr";
/// Folder into which Bruno moves and copies.
pub const ARCHIVE: &str = "Classement";

/// How many acts of each kind the load makes.
const ROUNDS: u64 = 40;
/// Traces that are old enough to be purged.
const OLD: usize = 60;
/// Longer than technical traces and tombstones are kept, seconds.
const A_YEAR: i64 = 367 * 86_400;

/// Held by every act. Who lets hours pass at once waits for them: a trace that was made hours before its commit is only found by the notary's
/// patrol, minutes later, and would count as forgotten until then.
static GOING: RwLock<()> = RwLock::const_new(());

/// An act that is asked for again while the disk is in trouble. What was refused was not acknowledged.
macro_rules! sure {
    ($act:expr) => {
        loop {
            let going = GOING.read().await;
            let outcome = $act.await;
            drop(going);
            match outcome {
                Ok(done) => break done,
                Err(e) if e.is_temporary() => tokio::time::sleep(Duration::from_millis(2)).await,
                Err(e) => panic!("{}", e.code.as_str()),
            }
        }
    };
}

/// About a third of the letters outgrow the inline limit and become files.
pub fn letter(n: u64) -> String {
    let mut text = world::letter(FROM, &format!("essai-{n}"));
    let lines = if n.is_multiple_of(3) { 900 } else { 3 };
    let mut die = Die::new(n);
    for _ in 0..lines {
        text.push_str(&format!("{:016x}{:016x}{:016x}\r\n", die.roll(), die.roll(), die.roll()));
    }
    text
}

/// A peer's delivery.
pub async fn deliver(w: &World, to: &str, n: u64) -> Result<(), Refusal> {
    deliver_to(&w.op, to, n).await
}

/// Likewise, to an operator that was opened again.
pub async fn deliver_to(op: &Operator, to: &str, n: u64) -> Result<(), Refusal> {
    let mut intake = op.intake(1 << 20);
    intake.push(letter(n).as_bytes())?;
    // The load begins a year after the world.
    let mut peer = peer(BETA);
    peer.not_after = peer.not_after.plus_ms(2 * A_YEAR * 1000);
    op.mx_accept(&peer, envelope(FROM, &[to]), intake.finish()?, &origin(Door::Mx)).await.map(drop)
}

/// Where a notary keeps its checkpoints beside these files.
pub fn notary_settings(root: &Path) -> NotarySettings {
    NotarySettings { checkpoints: root.join("checkpoints.jsonl"), every: Duration::from_secs(5), hold: None }
}

/// What lies in the store for a year when the load begins: there is something to purge and to prune.
pub async fn long_ago(w: &World) {
    w.bal(CLAIRE, BalKind::Per, &["chloe"], |_| {}).await;
    let bruno = w.actor("bruno", BRUNO).await;
    w.op.create_folder(&bruno, ARCHIVE, None).await.unwrap();
    let folder = w.op.folder(&bruno, "INBOX").await.unwrap().id;
    for n in 9000..9006 {
        deliver(w, BRUNO, n).await.unwrap();
    }
    let flags = FlagSet::of(Flags::DELETED);
    w.op.change_flags(&bruno, folder, &[1, 2, 3, 4], FlagChange::Add, flags, None).await.unwrap();
    w.op.expunge(&bruno, folder, None).await.unwrap();
    let old: Vec<Trace> = (0..OLD).map(|_| old_trace(w)).collect();
    w.store.write(move |tx| old.iter().try_for_each(|t| traces::record(tx, t))).await.unwrap();
    w.op.notary(notary_settings(w.store.folder())).round().await.unwrap();
    w.op.run_due_jobs().await.unwrap();
    w.advance(A_YEAR);
    // Only a log that was signed some days ago is purged: its clock did not just jump.
    let recent = old_trace(w);
    w.store.write(move |tx| traces::record(tx, &recent)).await.unwrap();
    w.op.notary(notary_settings(w.store.folder())).round().await.unwrap();
    w.advance(2 * 86_400);
}

fn old_trace(w: &World) -> Trace {
    use sceau_domain::clock::Clock;
    Trace {
        id: w.store.new_id(),
        kind: Kind::Technical,
        act: "mail.refused".into(),
        at: w.store.clock.now().0,
        person_id: None,
        actor: "essai".into(),
        bal_id: None,
        bal: None,
        remote: None,
        session: None,
        outcome: "ok".into(),
        data: "{}".into(),
    }
}

/// How much each kind of background work did: indexes and closing, whole rounds of upkeep, transfers, troubles of the disk.
#[derive(Debug, Default)]
struct Done {
    jobs: AtomicU64,
    upkeep: AtomicU64,
    sent: AtomicU64,
    troubles: AtomicU64,
    /// What upkeep was refused last.
    last: Mutex<String>,
}

impl Done {
    /// Indexes, a closed BAL's rows. Here and below: once, what fails is done by a later call.
    async fn jobs(&self, w: &World) {
        let _going = GOING.read().await;
        self.jobs.fetch_add(w.op.run_due_jobs().await.unwrap_or(0) as u64, Relaxed);
    }
    /// Leaves, checkpoints, purges.
    async fn notary(notary: &Notary) {
        let _going = GOING.read().await;
        let _ = notary.round().await;
        let _ = notary.purge_due().await;
    }
    /// Expiry, the journal's pruning, transit keys, blobs. True when all of it was done. (A round that a trouble of the disk ended as failed did most of
    /// its work, too: what upkeep did is counted by what it removed from the disk.)
    async fn upkeep(&self, w: &World) -> bool {
        let _going = GOING.read().await;
        match w.op.housekeeping().await {
            Ok(_) => drop(self.upkeep.fetch_add(1, Relaxed)),
            Err(refusal) => {
                *self.last.lock().unwrap() = refusal.to_string();
                return false;
            }
        }
        true
    }
    /// What waits goes to its peer.
    async fn transfer(&self, w: &World, recorder: &Recorder, expected: &Expected) {
        let _going = GOING.read().await;
        self.sent.fetch_add(transfer(w, recorder, expected).await.unwrap_or(0), Relaxed);
    }
    fn each(&self) -> [u64; 4] {
        [&self.jobs, &self.upkeep, &self.sent, &self.troubles].map(|n| n.load(Relaxed))
    }
}

/// What is at work besides the people; each goes on until it is told to stop, whatever fails.
fn background(
    w: &Arc<World>,
    recorder: &Arc<Recorder>,
    expected: &Arc<Expected>,
    done: &Arc<Done>,
    stop: &CancellationToken,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let (a, d, s) = (w.clone(), done.clone(), stop.clone());
    tasks.spawn(async move {
        while !s.is_cancelled() {
            d.jobs(&a).await;
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    });
    let (a, s) = (w.clone(), stop.clone());
    tasks.spawn(async move {
        let notary: Notary = a.op.notary(notary_settings(a.store.folder()));
        while !s.is_cancelled() {
            Done::notary(&notary).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let (a, d, s) = (w.clone(), done.clone(), stop.clone());
    tasks.spawn(async move {
        let mut rounds = 0;
        while !s.is_cancelled() {
            // Leases live through a second; once two hours pass, so that objects grow old.
            if rounds == 8 {
                let _nobody = GOING.write().await;
                // Traces of reading wait for some seconds; on a disk in trouble they are asked for again.
                while a.op.flush_traces().await.is_err() {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                a.advance(7200);
            }
            a.advance(1);
            rounds += 1;
            d.upkeep(&a).await;
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
    });
    let (a, r, e, d, s) = (w.clone(), recorder.clone(), expected.clone(), done.clone(), stop.clone());
    tasks.spawn(async move {
        while !s.is_cancelled() {
            d.transfer(&a, &r, &e).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let (r, d, s) = (recorder.clone(), done.clone(), stop.clone());
    tasks.spawn(async move {
        let troubles = [Trouble::Sync, Trouble::Full, Trouble::Sync, Trouble::Write];
        for trouble in troubles.into_iter().cycle() {
            tokio::time::sleep(Duration::from_millis(40)).await;
            if s.is_cancelled() {
                return;
            }
            r.trouble(trouble);
            tokio::time::sleep(Duration::from_millis(3)).await;
            r.trouble(Trouble::None);
            d.troubles.fetch_add(1, Relaxed);
        }
    });
    tasks
}

/// Takes the messages of one destination and settles every other recipient as delivered.
async fn transfer(w: &World, recorder: &Recorder, expected: &Expected) -> Result<u64, Refusal> {
    let Some(destination) = w.op.lease_destination().await? else { return Ok(0) };
    let mut sent = 0;
    while let Some(out) = w.op.next_outgoing(&destination).await? {
        for (entry, to) in &out.recipients {
            let to = to.to_string();
            let wanted = to.as_bytes().get(7).is_some_and(|b| b % 2 == 0);
            let result = if wanted {
                expected.may_leave(&to);
                OutcomeResult::Delivered {
                    server: "mx.beta.fr".into(),
                    reply: "250 2.0.0".into(),
                    dn: BETA.into(),
                    tls: "TLSv1.3".into(),
                    dsn: true,
                }
            } else {
                let refusal = Refusal::new(sceau_domain::RefusalCode::TransferRefused);
                OutcomeResult::Deferred { server: None, reason: "451 plus tard".into(), refusal }
            };
            let act = wanted.then(|| expected.will(Seen::Sent(to)));
            w.op.settle(out.id, vec![Outcome { entry: *entry, result }]).await?;
            if let Some(act) = act {
                recorder.acknowledged(act);
                sent += 1;
            }
        }
    }
    w.op.release_destination(&destination).await?;
    Ok(sent)
}

/// Bruno's letters come, are flagged, removed, moved or copied.
async fn bruno(w: Arc<World>, r: Arc<Recorder>, e: Arc<Expected>) {
    let actor = w.actor("bruno", BRUNO).await;
    let folder = sure!(w.op.folder(&actor, "INBOX")).id;
    for n in 1000..1000 + ROUNDS {
        let act = e.will(Seen::Letter(BRUNO, letter(n)));
        sure!(deliver(&w, BRUNO, n));
        r.acknowledged(act);
        let uid = sure!(w.op.open_folder(&actor, "INBOX", true)).entries.last().unwrap().uid;
        let flag = async |system, keywords: Vec<&str>| {
            let flags = FlagSet { system, keywords: keywords.into() };
            w.op.change_flags(&actor, folder, &[uid], FlagChange::Add, flags, None).await
        };
        let act = match n % 4 {
            0 => {
                let act = e.will(Seen::Flagged(BRUNO, uid));
                sure!(flag(Flags::FLAGGED, vec!["$suivi"]));
                act
            }
            1 => {
                // From here on it may be gone, and once acknowledged it must be.
                e.may_go(BRUNO, &letter(n));
                let act = e.will(Seen::Gone(BRUNO, uid));
                sure!(flag(Flags::DELETED, Vec::new()));
                sure!(w.op.expunge(&actor, folder, Some(&[uid])));
                act
            }
            2 => {
                e.may_go(BRUNO, &letter(n));
                let act = e.will(Seen::Moved(BRUNO, letter(n)));
                sure!(w.op.move_entries(&actor, folder, &[uid], ARCHIVE));
                act
            }
            _ => {
                let act = e.will(Seen::Copied(BRUNO, letter(n)));
                sure!(w.op.copy(&actor, folder, &[uid], ARCHIVE));
                act
            }
        };
        r.acknowledged(act);
    }
}

/// The load; each act is noted once it was acknowledged.
pub async fn run(w: &Arc<World>, recorder: &Arc<Recorder>, expected: &Arc<Expected>) {
    let stop = CancellationToken::new();
    let done = Arc::new(Done::default());
    let behind = background(w, recorder, expected, &done, &stop);
    let mut tasks = JoinSet::new();
    for worker in 0..2 {
        let (w, r, e) = (w.clone(), recorder.clone(), expected.clone());
        tasks.spawn(async move {
            for n in (0..ROUNDS).filter(|n| n % 2 == worker) {
                let act = e.will(Seen::Letter(ANNE, letter(n)));
                sure!(deliver(&w, ANNE, n));
                r.acknowledged(act);
            }
        });
    }
    tasks.spawn(bruno(w.clone(), recorder.clone(), expected.clone()));
    let (a, r, e) = (w.clone(), recorder.clone(), expected.clone());
    tasks.spawn(async move {
        let actor = a.actor("anne", ANNE).await;
        for n in 2000..2000 + ROUNDS {
            let to = format!("dest{n}@beta.mssante.fr");
            let act = e.will(Seen::Queued(to.clone()));
            let text = letter(n).replace(FROM, ANNE);
            let submit = async || {
                let mut intake = a.op.intake(1 << 20);
                intake.push(text.as_bytes())?;
                a.op.submit(&actor, envelope(ANNE, &[&to]), intake.finish()?).await
            };
            sure!(submit());
            r.acknowledged(act);
        }
    });
    let (a, r, e) = (w.clone(), recorder.clone(), expected.clone());
    tasks.spawn(async move {
        for n in 3000..3012 {
            let act = e.will(Seen::Letter(CLAIRE, letter(n)));
            sure!(deliver(&a, CLAIRE, n));
            r.acknowledged(act);
        }
        let act = e.will(Seen::Closed(CLAIRE));
        sure!(a.op.close_bal(&a.admin, CLAIRE, sceau_operator::life::CloseOrder::at_once("essai")));
        r.acknowledged(act);
    });
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let (a, backup) = (w.clone(), tempfile::tempdir().unwrap());
    stop.cancel();
    behind.join_all().await;
    recorder.trouble(Trouble::None);
    // On a disk that is well again everything that failed, or that nobody came to, is done; a backup elsewhere too. Traces of reading that wait come
    // first: what is committed hours after it was made counts as forgotten until the notary's patrol comes by.
    while w.op.flush_traces().await.is_err() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    w.advance(7200);
    done.jobs(w).await;
    Done::notary(&w.op.notary(notary_settings(w.store.folder()))).await;
    // On a slow machine something of it may be refused for a moment after the clock's leap: it is asked for again, as the operator does.
    for _ in 0..100 {
        if done.upkeep(w).await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    done.transfer(w, recorder, expected).await;
    sceau_store::care::backup::backup(&a.store, backup.path().into(), None, &Arc::default()).await.unwrap();
    // A purge that was committed may have been told as failed: what is in the log counts.
    let purges = |tx: &mut dyn Tx| tx.query("SELECT 1 FROM traces WHERE act = 'trace.purged'", &[]);
    assert!(!w.store.read(purges).await.unwrap().is_empty(), "nothing was purged");
    assert!(done.each().iter().all(|n| *n > 0), "each had something to do: {done:?}");
    let removed = recorder.count(|op| matches!(op, Op::Remove(name) if name.starts_with("blobs/")));
    assert!(removed > 0, "upkeep removed what nobody holds any more: {done:?}");
}
