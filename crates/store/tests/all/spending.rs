//! What counts once, asked for by many writers at once on every node: one of them has it, and the others hear so.
use super::proofs::{attempt, code, factor, grant, people, write};
use sceau_store::bindings::{self, Binding};
use sceau_store::oauth::{self, Code, Device};
use sceau_store::recoveries::{self, Recovery};
use sceau_store::testing::{self, TestStore};
use sceau_store::{Id, Store, StoreConfig, StoreError, Tx, attempts, factors, identity_key, one_time_codes};
use std::sync::Arc;
use std::time::Duration;

on_both_engines! {
    one_of_many_has_it,
    the_identity_key_is_one,
}

type Result<T = ()> = std::result::Result<T, StoreError>;
/// Asks for something at an instant, as the writer of this number: whether it had it.
type Ask = fn(&mut dyn Tx, Id) -> Result<bool>;

/// Writers on each store.
const WRITERS: Id = 4;

const ONCE: &[(&str, Ask)] = &[
    ("an attempt", |tx, _| attempts::spend(tx, 1, 1, 50)),
    ("a version of an attempt", |tx, n| attempts::replace(tx, &attempts::Attempt { person_id: Some(n), ..attempt(2) })),
    ("a code by mail", |tx, _| Ok(one_time_codes::spend(tx, 1, &[9], 50)?.is_some())),
    ("a time step", |tx, _| factors::step(tx, 1, 77)),
    ("a sign count", |tx, _| factors::count(tx, 2, 5)),
    ("a name elsewhere", |tx, n| {
        let (kind, issuer, how) = ("card".to_owned(), "ANS".to_owned(), "rpps".to_owned());
        let person_id = n % 3 + 1;
        bindings::insert(tx, &Binding { kind, issuer, subject: vec![1], person_id, bound: 1, how, seen: 1 })
    }),
    ("a code of a browser", |tx, _| oauth::spend_code(tx, &[1], 50)),
    ("a generation", |tx, _| Ok(oauth::rotate(tx, 20, 0, 50)?.is_some())),
    ("a decision", |tx, n| oauth::decide_device(tx, "WAITING", (n % 2 == 0).then_some(20), 50)),
    ("a device's code", |tx, _| Ok(oauth::spend_device(tx, &[2], 50)?.is_some())),
    ("a client's proof", |tx, _| oauth::first_shown(tx, &[3], 50)),
    ("a recovery", |tx, n| {
        let recovery = Recovery {
            id: n,
            person_id: 1,
            state: "asked".into(),
            checked: String::new(),
            reason: String::new(),
            asked: 1,
            asked_by: 2,
            confirmed: None,
            confirmed_by: None,
            opens: None,
            ended: None,
            version: 1,
        };
        recoveries::insert(tx, &recovery)
    }),
];

/// Everything that is asked for.
async fn ready(s: &Store) {
    people(s).await;
    write(s, |tx| {
        attempts::insert(tx, &attempt(1))?;
        attempts::insert(tx, &attempt(2))?;
        one_time_codes::insert(tx, &code(1, 1))?;
        factors::insert(tx, &factor(1, 1, "totp"))?;
        factors::insert(tx, &factor(2, 1, "passkey"))?;
        oauth::insert_grant(tx, &grant(20))?;
        let code = Code {
            digest: vec![1],
            grant_id: 20,
            client_id: "logiciel".into(),
            redirect: String::new(),
            challenge: String::new(),
            expires: 100,
            used: None,
        };
        oauth::insert_code(tx, &code)?;
        for (digest, user_code, state) in [(1, "WAITING", "waiting"), (2, "GRANTED", "granted")] {
            let device = Device {
                digest: vec![digest],
                user_code: user_code.into(),
                client_id: "logiciel".into(),
                scope: 1,
                state: state.into(),
                grant_id: (state == "granted").then_some(20),
                at: 10,
                expires: 100,
                polled: 0,
                every: 5,
                place: String::new(),
            };
            oauth::insert_device(tx, &device)?;
        }
        Ok(())
    })
    .await;
}

/// Each thing is asked for by every writer of every store; who has it waits before it commits, so that the others meet what is not committed yet.
async fn compete(stores: &[Store]) {
    for (what, ask) in ONCE {
        let mut writers = tokio::task::JoinSet::new();
        for n in 0..WRITERS * Id::try_from(stores.len()).unwrap() {
            let store = stores[usize::try_from(n).unwrap() % stores.len()].clone();
            writers.spawn(async move {
                let asked = store.write(move |tx| {
                    let had = ask(tx, n)?;
                    if had {
                        std::thread::sleep(Duration::from_millis(30));
                    }
                    Ok::<_, StoreError>(had)
                });
                asked.await.unwrap()
            });
        }
        let had = writers.join_all().await.into_iter().filter(|had| *had).count();
        assert_eq!(had, 1, "{what}");
    }
}

async fn one_of_many_has_it(s: TestStore) {
    ready(&s).await;
    compete(&[(*s).clone()]).await;
}

/// Another node of the same database.
async fn second(s: &TestStore) -> Store {
    let spools = s.folder().join("spools-2");
    Store::open(StoreConfig { node: 2, name: "n2".into(), spools, ..s.config.clone() }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_nodes_has_it() {
    let s = testing::postgres().await;
    ready(&s).await;
    let other = second(&s).await;
    compete(&[(*s).clone(), other.clone()]).await;
    tokio::task::spawn_blocking(move || drop(other)).await.unwrap();
}

async fn the_identity_key_is_one(mut s: TestStore) {
    let store = Arc::new((*s).clone());
    let mut makers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let store = Arc::clone(&store);
        makers
            .spawn(async move { store.identity_key().await.unwrap().seal(identity_key::totp(5), b"graine").unwrap() });
    }
    let sealed = makers.join_all().await;
    drop(store);
    // What each of them sealed is opened after a start, as what it is, and as nothing else.
    s.reopen().await;
    let key = s.identity_key().await.unwrap();
    for sealed in &sealed {
        assert_eq!(key.unseal(identity_key::totp(5), sealed).unwrap(), b"graine");
        assert!(key.unseal(identity_key::totp(6), sealed).is_err());
        assert!(
            key.unseal(identity_key::sso(5), sealed).is_err() && key.unseal(identity_key::attempt(5), sealed).is_err()
        );
    }
}

/// Two nodes that make it at the same moment seal under one key.
#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_have_one_identity_key() {
    let s = testing::postgres().await;
    let other = second(&s).await;
    let (here, there) = tokio::join!(s.identity_key(), other.identity_key());
    let sealed = here.unwrap().seal(identity_key::totp(5), b"graine").unwrap();
    assert_eq!(there.unwrap().unseal(identity_key::totp(5), &sealed).unwrap(), b"graine");
    tokio::task::spawn_blocking(move || drop(other)).await.unwrap();
}
