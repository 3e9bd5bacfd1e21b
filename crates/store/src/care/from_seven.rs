//! Tests: data that a program of schema 7 left (people, BALs, accesses, tokens, closings, the configuration's hold) are right at the newest
//! schema, which took some of that from its place; programs of schema 7 that still serve are seen, and nothing is changed under them.
use super::check::{engine as file, loose};
use super::load::ALONE;
use super::tables::DATA_SET;
use crate::engine::{self, Pending, Tx};
use crate::testing::{EmptyDatabase, TestStore};
use crate::{
    EngineUrl, Id, StoreConfig, StoreError, access, accounts, holds, life, notary, params, policies, roles, testing,
};

/// The last schema before people, structures and rights.
const SEVEN: i64 = 7;
/// People, each with a BAL of the same number above [`BAL`] and a token.
const PEOPLE: i64 = 220;
const BAL: Id = 100_000;
/// What a BAL got when nothing else was said.
const QUOTA: i64 = 2_147_483_648;

fn closed(n: i64) -> bool {
    n % 10 == 0
}
fn quota(n: i64) -> i64 {
    if n % 7 == 0 { 5_000_000 } else { QUOTA }
}
fn role(n: i64) -> &'static str {
    ["holder", "responsible", "member", "delegate", "machine"][usize::try_from(n % 5).unwrap()]
}
fn ended(n: i64) -> Option<i64> {
    (n % 11 == 0).then_some(9)
}

fn fill(tx: &mut dyn Tx) -> Result<(), StoreError> {
    tx.execute("INSERT INTO domains (id, name, kind, created) VALUES (1, 'a.example', 'Production', 5)", &[])?;
    for n in 1..=PEOPLE {
        // 7 and 8 were given the same identifier: nothing forbade it.
        let national = (n % 3 == 1).then(|| format!("8{n:010}"));
        let national = if n == 7 || n == 8 { Some("80000000000".to_owned()) } else { national };
        let admin = (n <= 2).then(|| "administrator".to_owned());
        let sql = "INSERT INTO people (id, login, name, national_id, created, admin_role, disabled) VALUES ($1, $2, $3, $4, 5, $5, $6)";
        let blocked = (n == 5).then_some(8);
        tx.execute(sql, params![n, format!("p{n}"), format!("Éloi {n}"), national, admin, blocked])?;
        let sql = "INSERT INTO bals (id, address_key, address, domain_id, kind, label, test, reachable, state, modseq, uidvalidity_next, \
                   used_bytes, message_count, quota_bytes, created) VALUES ($1, $2, $2, 1, 'Per', 'C', 0, 1, $3, 1, 1, 0, 0, $4, 5)";
        let state = if closed(n) { "closed" } else { "active" };
        tx.execute(sql, params![BAL + n, format!("b{n}@a.example"), state, quota(n)])?;
        let sql = "INSERT INTO access (person_id, bal_id, role, granted, ended) VALUES ($1, $2, $3, 5, $4)";
        tx.execute(sql, params![n, BAL + n, role(n), ended(n)])?;
        let sql = "INSERT INTO tokens (id, person_id, bal_id, label, digest, created) VALUES ($1, $2, $3, 'téléphone', $4, 5)";
        tx.execute(sql, params![n, n, BAL + n, n.to_be_bytes().to_vec()])?;
        if closed(n) {
            let sql = "INSERT INTO traces (id, kind, act, at, actor, bal_id, bal, outcome, data) \
                       VALUES ($1, 'Functional', 'bal.closed', 777, 'p1', $2, $3, 'ok', '{}')";
            tx.execute(sql, params![BAL * 2 + n, BAL + n, format!("b{n}@a.example")])?;
        }
    }
    let sql = "INSERT INTO notary (id, size, horizon, patrol, hold) VALUES (1, 0, 0, 0, 'procédure 12')";
    tx.execute(sql, &[]).map(drop)
}

/// A database as schema 7 has it.
async fn left(url: &EngineUrl) {
    let url = url.clone();
    let seven = DATA_SET.at(SEVEN).unwrap();
    let engine =
        tokio::task::spawn_blocking(move || Pending::connect(&url, seven, ALONE)?.start()).await.unwrap().unwrap();
    engine.write(fill).await.unwrap();
    tokio::task::spawn_blocking(move || drop(engine)).await.unwrap();
}

/// What is wrong of one person.
fn judge(tx: &mut dyn Tx, n: i64) -> Result<Option<&'static str>, StoreError> {
    let (person, bal) = (accounts::person_by_id(tx, n)?.unwrap(), accounts::bal_by_id(tx, BAL + n)?.unwrap());
    let history = access::history(tx, bal.id, (0, 0), 10)?;
    let whole = history.len() == 1 && history[0].person_id == n && history[0].role == role(n);
    let rights = if matches!(role(n), "holder" | "responsible") { 15 } else { 7 };
    let given = roles::in_force(tx, n)?;
    let token = accounts::token_by_id(tx, n)?.unwrap();
    let own = policies::get(tx, "bal", &bal.id.to_string(), "quota_bytes")?.map(|v| v.value);
    let steps = life::steps(tx, "bal", bal.id)?;
    let seat = access::seat(tx, bal.id, n)?;
    // Nobody stands behind the delegates here.
    let sits = !closed(n) && ended(n).is_none() && n != 5 && role(n) != "delegate";
    Ok([
        (person.name == format!("Éloi {n}") && person.version == 1 && !person.habilitated, "person"),
        (person.identity == "none" && person.disabled == (n == 5).then_some(8), "person's state"),
        (whole && history[0].granted == 5 && history[0].ended == ended(n), "access"),
        (whole && history[0].rights == rights && history[0].starts == 0 && history[0].ends.is_none(), "rights"),
        (seat.is_some() == sits, "seat"),
        (given.len() == usize::from(n <= 2) && given.iter().all(|g| g.role == "administrator"), "role"),
        (token.purpose == "device" && token.bal_id == Some(bal.id) && token.revoked.is_none(), "token"),
        (bal.state == if closed(n) { "closed" } else { "active" } && bal.quota_bytes == quota(n), "BAL"),
        (bal.red_list.is_none() && bal.paperless.is_none() && bal.structure_id.is_none(), "choices"),
        (own == (quota(n) != QUOTA).then(|| quota(n).to_string()), "quota of its own"),
        (
            steps.len() == usize::from(closed(n)) && steps.iter().all(|s| s.became == "destroyed" && s.at == 777),
            "steps of its life",
        ),
    ]
    .into_iter()
    .find_map(|(right, what)| (!right).then_some(what)))
}

async fn is_right(store: &mut TestStore, data: EngineUrl) {
    left(&data).await;
    let config =
        StoreConfig { data: data.clone(), blobs: store.folder().join("blobs-7").into(), ..store.config.clone() };
    store.reopen_with(config.clone()).await.unwrap();
    // Once more: nothing is left to do.
    store.reopen_with(config).await.unwrap();
    let wrong = store
        .read(|tx| {
            let mut wrong = Vec::new();
            for n in 1..=PEOPLE {
                wrong.extend(judge(tx, n)?.map(|what| (n, what)));
            }
            Ok::<_, StoreError>(wrong)
        })
        .await
        .unwrap();
    assert_eq!(wrong, []);
    let (hold, named, signs, first, both, moved, readdressed) = store
        .read(|tx| {
            let both = accounts::person_by_id(tx, 7)?.unwrap().national_id
                == accounts::person_by_id(tx, 8)?.unwrap().national_id;
            Ok::<_, StoreError>((
                holds::of_operator(tx)?,
                holds::names(tx, BAL + 1)?,
                notary::state(tx)?.hold,
                accounts::person_by_national_id(tx, "80000000000")?.map(|p| p.id),
                both,
                tx.query_opt("SELECT COUNT(*) FROM people", &[])?.unwrap().int(0)?,
                loose::bals_readdressed(tx, &0)?,
            ))
        })
        .await
        .unwrap();
    assert_eq!(
        hold.iter().map(|h| (h.reason.as_str(), h.authority.as_str())).collect::<Vec<_>>(),
        [("procédure 12", "configuration")]
    );
    assert!(named, "the configuration's hold still names everything");
    assert_eq!(signs.as_deref(), Some("procédure 12"));
    assert_eq!((first, both, moved), (Some(7), true, PEOPLE));
    assert!(readdressed.is_empty());
    assert!(file::integrity(store).await.unwrap().is_empty());
    assert!(file::unreadable(store, &super::Progress::default()).await.unwrap().is_empty());
    // The program of schema 7 comes back: it is told, and touches nothing.
    store.close().await;
    let older =
        tokio::task::spawn_blocking(move || Pending::connect(&data, DATA_SET.at(SEVEN).unwrap(), ALONE).map(drop));
    let known = DATA_SET.migrations.known();
    assert_eq!(older.await.unwrap(), Err(StoreError::NewerSchema { found: known, known: SEVEN }));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_schema_7_left_is_right_on_sqlite() {
    let mut store = testing::sqlite().await;
    let data = EngineUrl::Sqlite(store.folder().join("seven/sceau.db"));
    is_right(&mut store, data).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_schema_7_left_is_right_on_postgres_once_nobody_serves_it_any_more() {
    let mut store = testing::postgres().await;
    let database = EmptyDatabase::new().await;
    is_right(&mut store, database.url()).await;
    // Another one, which a node of schema 7 serves.
    let served = EmptyDatabase::new().await;
    left(&served.url()).await;
    let me = engine::Me::of(&StoreConfig { node: 4, name: "ancien".into(), ..store.config.clone() }).unwrap();
    let url = served.url();
    let node = tokio::task::spawn_blocking(move || {
        let engine = Pending::connect(&url, DATA_SET.at(SEVEN).unwrap(), ALONE)?.start()?;
        let fence = engine.fence(me)?;
        Ok::<_, StoreError>((engine, fence))
    });
    let node = node.await.unwrap().unwrap();
    let config =
        StoreConfig { data: served.url(), blobs: store.folder().join("blobs-8").into(), ..store.config.clone() };
    let refused = store.reopen_with(config.clone()).await.unwrap_err();
    assert_eq!(refused, StoreError::EarlierNodes { nodes: "4 ancien".into() });
    // It goes on, on what it knows.
    let hold = node.0.read(|tx| tx.query("SELECT hold FROM notary", &[])).await;
    assert_eq!(hold.map_err(|e: StoreError| e).unwrap().len(), 1);
    tokio::task::spawn_blocking(move || drop(node)).await.unwrap();
    store.reopen_with(config).await.unwrap();
    store.close().await;
}
