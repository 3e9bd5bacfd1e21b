//! Windows over a folder: beside a model while rows come and go, and which index each is read by.
use super::proofs::write;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sceau_store::desk::lists::{self, Place, Which, Window};
use sceau_store::testing::TestStore;
use sceau_store::{Columns, Id, Row, StoreError, Tx, Value, params};
use std::collections::{BTreeMap, BTreeSet};

on_both_engines!(a_window_never_skips_nor_doubles, every_window_is_read_by_its_own_index);

/// Foldersful of one run.
const WORLDS: usize = 80;
const FOLDER: Id = 7;
const BAL: Id = 3;

/// What happens between two windows.
#[derive(Debug, Clone, Copy)]
enum Turn {
    /// Something comes, dated so: new mail, or old mail that a program files.
    Comes(i64, i64),
    /// One of those that are there goes.
    Goes(prop::sample::Index),
    /// One of them gets other flags.
    Changes(prop::sample::Index, i64),
}

#[derive(Debug, Clone)]
struct World {
    /// Date and flags, by UID from 1.
    rows: Vec<(i64, i64)>,
    turns: Vec<Vec<Turn>>,
    oldest_first: bool,
    which: Which,
    limit: i64,
}

/// `\Seen`, `\Flagged` and `\Deleted`, each or not.
fn flags() -> impl Strategy<Value = i64> {
    prop::sample::select(vec![0, 1, 4, 5, 8, 13])
}

fn world() -> impl Strategy<Value = World> {
    // Few dates: many are of the same instant.
    let date = || 0..6_i64;
    let turn = prop_oneof![
        (date(), flags()).prop_map(|(date, flags)| Turn::Comes(date, flags)),
        any::<prop::sample::Index>().prop_map(Turn::Goes),
        (any::<prop::sample::Index>(), flags()).prop_map(|(one, flags)| Turn::Changes(one, flags)),
    ];
    let turns = prop::collection::vec(prop::collection::vec(turn, 0..3), 12);
    let which = prop::sample::select(vec![Which::All, Which::Unseen, Which::Flagged]);
    (prop::collection::vec((date(), flags()), 0..14), turns, any::<bool>(), which, 1..5_i64)
        .prop_map(|(rows, turns, oldest_first, which, limit)| World { rows, turns, oldest_first, which, limit })
}

/// Is it in such a window? Said once more, without SQL.
fn shows(which: Which, flags: i64) -> bool {
    let asked = match which {
        Which::Unseen => flags & 1 == 0,
        Which::Flagged => flags & 4 != 0,
        _ => true,
    };
    asked && flags & 8 == 0
}

fn put(tx: &mut dyn Tx, uid: i64, date: i64, flags: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO entries (folder_id, uid, bal_id, message_id, modseq, flags, internal_date, size, thread, traits) \
               VALUES ($1, $2, $3, $4, 1, $5, $6, 10, $7, 4)";
    // Three conversations; every fourth message is in none.
    tx.execute(sql, params![FOLDER, uid, BAL, uid, flags, date, uid % 4]).map(drop)
}

/// How the end of a transaction is asked for, so that the next world finds nothing.
#[derive(Debug)]
enum End {
    Seen(Result<(), String>),
    Failed(StoreError),
}
impl From<StoreError> for End {
    fn from(e: StoreError) -> Self {
        Self::Failed(e)
    }
}

/// Walks through the folder by windows while its turns happen, and says what is not as it should be.
fn walk(tx: &mut dyn Tx, w: &World) -> Result<Result<(), String>, StoreError> {
    let mut rows: BTreeMap<i64, (i64, i64)> = (1..).zip(w.rows.iter().copied()).collect();
    for (uid, (date, flags)) in &rows {
        put(tx, *uid, *date, *flags)?;
    }
    let mut next = rows.len() as i64 + 1;
    let showing = |rows: &BTreeMap<i64, (i64, i64)>| -> BTreeSet<i64> {
        rows.iter().filter(|(_, (_, flags))| shows(w.which, *flags)).map(|(uid, _)| *uid).collect()
    };
    // What was there, and shown, all the time.
    let mut always = showing(&rows);
    let mut asked = Window {
        folder: FOLDER,
        which: w.which,
        threads: false,
        oldest_first: w.oldest_first,
        from: None,
        limit: w.limit,
    };
    let mut listed: Vec<Place> = Vec::new();
    let mut turns = w.turns.iter();
    loop {
        let page = lists::window(tx, &asked)?;
        for one in &page {
            if rows.get(&one.entry.uid).is_none_or(|(_, flags)| !shows(w.which, *flags)) {
                return Ok(Err(format!("{} is not there", one.entry.uid)));
            }
        }
        listed.extend(page.iter().map(lists::Listed::place));
        match page.last() {
            Some(last) if page.len() as i64 == w.limit => asked.from = Some(last.place()),
            _ => break,
        }
        for turn in turns.next().into_iter().flatten() {
            let one = |index: &prop::sample::Index| {
                (!rows.is_empty()).then(|| *rows.keys().nth(index.index(rows.len())).unwrap())
            };
            match turn {
                Turn::Comes(date, flags) => {
                    put(tx, next, *date, *flags)?;
                    rows.insert(next, (*date, *flags));
                    next += 1;
                }
                Turn::Goes(index) => {
                    let Some(uid) = one(index) else { continue };
                    tx.execute("DELETE FROM entries WHERE folder_id = $1 AND uid = $2", params![FOLDER, uid])?;
                    rows.remove(&uid);
                }
                Turn::Changes(index, flags) => {
                    let Some(uid) = one(index) else { continue };
                    let sql = "UPDATE entries SET flags = $3 WHERE folder_id = $1 AND uid = $2";
                    tx.execute(sql, params![FOLDER, uid, *flags])?;
                    rows.entry(uid).and_modify(|row| row.1 = *flags);
                }
            }
            let now = showing(&rows);
            always.retain(|uid| now.contains(uid));
        }
    }
    let order = |p: &Place| if w.oldest_first { (p.date, p.uid) } else { (-p.date, -p.uid) };
    if !listed.is_sorted_by(|a, b| order(a) < order(b)) {
        return Ok(Err(format!("out of order, or twice: {listed:?}")));
    }
    let listed: BTreeSet<i64> = listed.iter().map(|p| p.uid).collect();
    if let Some(lost) = always.iter().find(|uid| !listed.contains(uid)) {
        return Ok(Err(format!("{lost} was there all the time")));
    }
    conversations(tx, w, &rows)
}

/// At rest, each conversation is listed once, where its newest message is.
fn conversations(
    tx: &mut dyn Tx,
    w: &World,
    rows: &BTreeMap<i64, (i64, i64)>,
) -> Result<Result<(), String>, StoreError> {
    let shown = || rows.iter().filter(|(_, (_, flags))| shows(w.which, *flags)).map(|(uid, (date, _))| (*date, *uid));
    let newest = |(date, uid): &(i64, i64)| {
        uid % 4 == 0 || !shown().any(|other| other.1 % 4 == uid % 4 && other > (*date, *uid))
    };
    let mut expected: Vec<(i64, i64)> = shown().filter(newest).collect();
    expected.sort_unstable();
    if !w.oldest_first {
        expected.reverse();
    }
    let mut asked = Window {
        folder: FOLDER,
        which: w.which,
        threads: true,
        oldest_first: w.oldest_first,
        from: None,
        limit: w.limit,
    };
    let mut listed = Vec::new();
    loop {
        let page = lists::window(tx, &asked)?;
        listed.extend(page.iter().map(|one| (one.entry.internal_date, one.entry.uid)));
        match page.last() {
            Some(last) if page.len() as i64 == w.limit => asked.from = Some(last.place()),
            _ => break,
        }
    }
    Ok(if listed == expected { Ok(()) } else { Err(format!("conversations {listed:?}, not {expected:?}")) })
}

async fn a_window_never_skips_nor_doubles(s: TestStore) {
    let mut runner = TestRunner::deterministic();
    let mut pages = 0;
    for _ in 0..WORLDS {
        let made = world().new_tree(&mut runner).unwrap().current();
        pages += usize::from(made.rows.len() > made.limit as usize);
        let (shown, asked) = (made.clone(), made);
        let end = s.write::<(), End, _>(move |tx| Err(End::Seen(walk(tx, &asked)?)));
        match end.await {
            Err(End::Seen(seen)) => assert_eq!(seen, Ok(()), "{shown:?}"),
            Err(End::Failed(e)) => panic!("{e} {shown:?}"),
            Ok(()) => panic!("it ends without an end"),
        }
    }
    assert!(pages > WORLDS / 2, "{pages} of more than a page: the worlds say nothing");
}

/// A transaction that asks how each statement would be gone about, and does it not.
struct Planned<'a> {
    tx: &'a mut dyn Tx,
    postgres: bool,
    steps: Vec<String>,
}

impl Planned<'_> {
    fn explain(&mut self, sql: &str, params: &[Value]) -> Result<(), StoreError> {
        let (word, column) = if self.postgres { ("EXPLAIN", 0) } else { ("EXPLAIN QUERY PLAN", 3) };
        for row in self.tx.query(&format!("{word} {sql}"), params)? {
            self.steps.push(row.text(column)?);
        }
        Ok(())
    }
}

impl Tx for Planned<'_> {
    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StoreError> {
        self.explain(sql, params).map(|()| 0)
    }
    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.explain(sql, params).map(|()| Vec::new())
    }
    fn visit(
        &mut self,
        sql: &str,
        params: &[Value],
        _: &mut dyn FnMut(&dyn Columns) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.explain(sql, params)
    }
}

/// A folder of 20,000 in which few are unread, followed, with attachments, of patients, unknown; and as much elsewhere.
fn fill(tx: &mut dyn Tx, folder: Id, bal: Id) -> Result<(), StoreError> {
    let sql = "WITH RECURSIVE n (u) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT u + 1 FROM n WHERE u < 20000) \
               INSERT INTO entries (folder_id, uid, bal_id, message_id, modseq, flags, keywords, internal_date, size, thread, traits) \
               SELECT CAST($1 AS BIGINT), u, CAST($2 AS BIGINT), u, u, CASE u % 100 WHEN 0 THEN 0 WHEN 1 THEN 5 ELSE 1 END, \
               CASE u % 100 WHEN 5 THEN $3 END, u * 7919 % 20000, 10, \
               u / 3 + 1, \
               CASE u % 100 WHEN 2 THEN 5 WHEN 3 THEN 6 WHEN 4 THEN 0 ELSE 4 END FROM n";
    tx.execute(sql, params![folder, bal, [2_u8].as_slice()]).map(drop)
}

async fn every_window_is_read_by_its_own_index(s: TestStore) {
    let postgres = s.is_shared();
    let plans = write(&s, move |tx| {
        fill(tx, FOLDER, BAL)?;
        fill(tx, FOLDER + 1, BAL + 1)?;
        if postgres {
            tx.execute("ANALYZE entries", &[])?;
        }
        let mut plans: Vec<(String, &str, bool, Vec<String>)> = Vec::new();
        let mut ask =
            |what: String, index: &'static str, in_order: bool, ask: &dyn Fn(&mut dyn Tx) -> Result<(), StoreError>| {
                let mut planned = Planned { tx: &mut *tx, postgres, steps: Vec::new() };
                ask(&mut planned)?;
                plans.push((what, index, in_order, planned.steps));
                Ok::<_, StoreError>(())
            };
        for (which, index) in [
            (Which::All, "entries_date"),
            (Which::Unseen, "entries_unseen"),
            (Which::Flagged, "entries_flagged"),
            (Which::Attached, "entries_attached"),
            (Which::Patient, "entries_patient"),
            (Which::Labelled, "entries_labelled"),
        ] {
            for (threads, oldest_first) in [(false, false), (false, true), (true, false), (true, true)] {
                for from in [None, Some(Place { date: 9_000, uid: 12 })] {
                    let asked = Window { folder: FOLDER, which, threads, oldest_first, from, limit: 51 };
                    let what = format!("{asked:?}");
                    ask(what.clone(), index, true, &|tx| lists::window(tx, &asked).map(drop))?;
                    if threads {
                        // Whether a conversation has something newer is looked up, not walked through.
                        ask(what, "entries_thread", true, &|tx| lists::window(tx, &asked).map(drop))?;
                    }
                }
            }
        }
        ask("counts".into(), "entries_thread", false, &|tx| lists::in_threads(tx, BAL, FOLDER, &[5, 6, 7]).map(drop))?;
        ask("conversation".into(), "entries_thread", false, &|tx| lists::conversation(tx, BAL, 5, 200).map(drop))?;
        ask("labels".into(), "entries_labelled", false, &|tx| lists::keyword_sets(tx, FOLDER).map(drop))?;
        ask("unknown".into(), "entries_unknown", false, &|tx| lists::unknown(tx, BAL, 200).map(drop))?;
        // What is given to somebody: from either end, but not through all that there is.
        let mine =
            Window { folder: FOLDER, which: Which::Of(9), threads: true, oldest_first: false, from: None, limit: 51 };
        ask("mine".into(), "entries_", false, &|tx| lists::window(tx, &mine).map(drop))?;
        Ok(plans)
    })
    .await;
    let walks = |step: &str| {
        let step = step.trim_start_matches([' ', '-', '>']);
        step.starts_with("Seq Scan on entries") || ["SCAN e", "SCAN n", "SCAN entries"].contains(&step)
    };
    for (what, index, in_order, steps) in plans {
        assert!(steps.iter().any(|step| step.contains(index)), "{what}: {index} in {steps:#?}");
        assert!(!steps.iter().any(|step| walks(step)), "{what}: {steps:#?}");
        let sorts = |step: &String| {
            step.contains("FOR ORDER BY") || step.trim_start_matches([' ', '-', '>']).starts_with("Sort")
        };
        assert!(!in_order || !steps.iter().any(sorts), "{what}: {steps:#?}");
    }
}
