//! Master keys, rotation, destruction, copies of the keyring: on both engines, and with a real PKCS#11 token (SoftHSM2).
mod keepers;

use sceau_domain::Timestamp;
use sceau_store::testing::{START, TestStore};
use sceau_store::vault::{Aad, KeyKeeper, MasterKey, copies, replay_destructions, rotate, status};
use sceau_store::{DataKey, EngineUrl, Id, Store, StoreConfig, StoreError, params};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use zeroize::Zeroizing;

on_both_engines! {
    a_rotation_touches_every_key_and_no_content,
    a_rotation_that_dies_anywhere_leaves_exactly_one_key_that_opens,
    what_was_destroyed_stays_destroyed_whatever_is_put_back,
    a_legal_hold_keeps_the_key_of_a_closed_bal_whatever_is_opened_or_put_back,
    a_copy_is_whole_private_and_removes_old_ones,
    a_node_with_the_old_key_adds_nothing,
    whichever_node_is_left_knows_what_was_destroyed,
    a_copy_takes_no_key_of_another_kind_away,
}

const SUMMARY: Aad<'_> = Aad { owner: 7, object: 8, field: "message.summary" };
const DAY: i64 = 86_400_000;

/// A master key as a keeper, for the contract.
#[derive(Debug)]
struct Dies {
    inner: MasterKeeper,
    calls: Arc<AtomicI64>,
}

/// A plain AES key of the tests: another implementation than the program's.
#[derive(Debug, Clone)]
struct MasterKeeper(DataKey, u8);

impl KeyKeeper for MasterKeeper {
    fn describe(&self) -> String {
        format!("test-{}", self.1)
    }
    fn wrap(&self, aad: Aad<'_>, key: &[u8; 32]) -> Result<Vec<u8>, StoreError> {
        // Sealing would be left in clear by the insecure build; a key wrapped is not.
        self.0.seal(aad, key)
    }
    fn unwrap(&self, aad: Aad<'_>, wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        let clear = self.0.unseal(aad, wrapped)?;
        let bytes: [u8; 32] = clear.as_slice().try_into().map_err(|_| StoreError::Corrupt("length".into()))?;
        Ok(Zeroizing::new(bytes))
    }
}

impl KeyKeeper for Dies {
    fn describe(&self) -> String {
        self.inner.describe()
    }
    fn wrap(&self, aad: Aad<'_>, key: &[u8; 32]) -> Result<Vec<u8>, StoreError> {
        if self.calls.fetch_sub(1, Ordering::SeqCst) <= 0 {
            return Err(StoreError::Transient("the power went".into()));
        }
        self.inner.wrap(aad, key)
    }
    fn unwrap(&self, aad: Aad<'_>, wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        self.inner.unwrap(aad, wrapped)
    }
}

fn keeper(n: u8) -> MasterKeeper {
    MasterKeeper(DataKey::generate().unwrap(), n)
}

/// Does this master key open the store? And only if it is the keyring's.
async fn opens(s: &mut TestStore, master: &MasterKey) -> bool {
    let mut config = s.config.clone();
    config.master = master.clone();
    match s.reopen_with(config).await {
        Ok(()) => true,
        Err(StoreError::WrongMasterKey) => false,
        Err(e) => panic!("{e}"),
    }
}

async fn sealed_for(s: &TestStore, bals: &[Id]) -> Vec<(Id, Vec<u8>)> {
    let mut sealed = Vec::new();
    for bal in bals {
        let key = s.vault().create_bal_key(*bal).await.unwrap();
        sealed.push((*bal, key.seal(SUMMARY, b"compte rendu").unwrap()));
    }
    sealed
}

async fn all_open(s: &TestStore, sealed: &[(Id, Vec<u8>)]) {
    for (bal, sealed) in sealed {
        let key = s.vault().bal_key(*bal).await.unwrap();
        assert_eq!(key.unseal(SUMMARY, sealed).unwrap(), b"compte rendu", "{bal}");
    }
}

async fn a_rotation_touches_every_key_and_no_content(mut s: TestStore) {
    let bals: Vec<Id> = (1..=450).collect();
    let sealed = sealed_for(&s, &bals).await;
    let (epoch, transit) = s.vault().transit_key().await.unwrap();
    let queued = transit.seal(SUMMARY, b"en attente").unwrap();
    s.vault().destroy_bal_key(3).await.unwrap();
    let tag = s.vault().tag("token", b"x");
    s.close().await;
    let (old, new) = (s.config.master.clone(), MasterKey::generate().unwrap());
    let mut told = Vec::new();
    let progress = |done, all| told.push((done, all));
    let done = rotate::rotate(&s.config.keyring, &old, &new, START, progress).await.unwrap();
    assert_eq!(done, rotate::Rotated { keys: 450, resumed: false, already: false });
    assert_eq!(told.last(), Some(&(450, 450)));
    assert!(!opens(&mut s, &old).await);
    assert!(opens(&mut s, &new).await);
    s.config.master = new.clone();
    let sealed: Vec<_> = sealed.into_iter().filter(|(bal, _)| *bal != 3).collect();
    all_open(&s, &sealed).await;
    assert_eq!(s.vault().bal_key(3).await.unwrap_err(), StoreError::NoKey);
    assert_eq!(s.vault().transit_key_of(epoch).await.unwrap().unseal(SUMMARY, &queued).unwrap(), b"en attente");
    assert_eq!(s.vault().tag("token", b"x"), tag, "logins go on: the pepper is the same");
    s.close().await;
    // Asked again, it is done already; and somebody else's key changes nothing.
    let again = rotate::rotate(&s.config.keyring, &old, &new, START, |_, _| ()).await.unwrap();
    assert!(again.already);
    let foreign = rotate::rotate(&s.config.keyring, &old, &MasterKey::generate().unwrap(), START, |_, _| ()).await;
    assert_eq!(foreign, Err(StoreError::WrongMasterKey));
    let found = status::status(&s.config.keyring).await.unwrap().unwrap();
    assert_eq!((found.bal_keys, found.destroyed, found.transit_keys, found.generation), (449, 1, 1, 2));
    assert_eq!((found.rotated, found.rotating, found.opens(&new)), (Some(START), false, Ok(())));
    assert_eq!(found.opens(&old), Err(StoreError::WrongMasterKey));
}

async fn a_rotation_that_dies_anywhere_leaves_exactly_one_key_that_opens(mut s: TestStore) {
    let sealed = sealed_for(&s, &(1..=250).collect::<Vec<Id>>()).await;
    s.close().await;
    let mut current = s.config.master.clone();
    let (one, two) = (keeper(1), keeper(2));
    // After so many calls of the next key's keeper: before anything, in the first slice, in the second, and at the end of each.
    for (n, calls) in [0, 1, 2, 3, 100, 201, 202, 203, 251].into_iter().enumerate() {
        let next = if n % 2 == 0 { &one } else { &two };
        let left = Arc::new(AtomicI64::new(calls));
        let dying = MasterKey::from_keeper(Dies { inner: next.clone(), calls: Arc::clone(&left) });
        let died = rotate::rotate(&s.config.keyring, &current, &dying, START, |_, _| ()).await;
        assert!(matches!(died, Err(StoreError::Transient(_))), "{calls}: {died:?}");
        left.store(i64::MAX, Ordering::SeqCst);
        // The old one opens everything, the next one nothing.
        assert!(!opens(&mut s, &dying).await, "{calls}");
        assert!(opens(&mut s, &current).await, "{calls}");
        all_open(&s, &sealed).await;
        // Life goes on in between: a BAL is opened, and closed.
        let bal = 10_000 + calls;
        s.vault().create_bal_key(bal).await.unwrap();
        s.vault().destroy_bal_key(bal).await.unwrap();
        s.close().await;
    }
    // The last one is resumed with its key, and done.
    let next = MasterKey::from_keeper(one);
    let done = rotate::rotate(&s.config.keyring, &current, &next, START, |_, _| ()).await.unwrap();
    assert!(done.resumed && done.keys == 250, "{done:?}");
    assert!(!opens(&mut s, &current).await);
    assert!(opens(&mut s, &next).await);
    all_open(&s, &sealed).await;
    s.close().await;
    current = next;
    // From one keeper to another, and a restart with a third key in between begins anew.
    let left = Arc::new(AtomicI64::new(50));
    let abandoned = MasterKey::from_keeper(Dies { inner: keeper(3), calls: left });
    rotate::rotate(&s.config.keyring, &current, &abandoned, START, |_, _| ()).await.unwrap_err();
    let last = MasterKey::from_keeper(two);
    let done = rotate::rotate(&s.config.keyring, &current, &last, START, |_, _| ()).await.unwrap();
    assert!(!done.resumed);
    assert!(!opens(&mut s, &current).await && opens(&mut s, &last).await);
    all_open(&s, &sealed).await;
}

/// Rows of a BAL, as an operator writes them.
async fn open_bal(s: &TestStore, bal: Id) -> Vec<u8> {
    let key = s.vault().create_bal_key(bal).await.unwrap();
    s.write(move |tx| {
        tx.execute(
            "INSERT INTO domains (id, name, kind, created) VALUES (1, 'd', 'Test', 0) ON CONFLICT DO NOTHING",
            &[],
        )?;
        let sql = "INSERT INTO bals (id, address_key, address, domain_id, kind, label, test, reachable, state, modseq, \
                   uidvalidity_next, used_bytes, message_count, quota_bytes, created) \
                   VALUES ($1, $2, $2, 1, 'Org', 'x', 0, 1, 'active', 1, 1, 0, 0, 0, 0)";
        tx.execute(sql, params![bal, format!("{bal}@d")])
    })
    .await
    .map_err(|e: StoreError| e)
    .unwrap();
    key.seal(SUMMARY, b"compte rendu").unwrap()
}

async fn a_legal_hold_keeps_the_key_of_a_closed_bal_whatever_is_opened_or_put_back(mut s: TestStore) {
    let copies = s.folder().join("copies");
    let mut sealed = Vec::new();
    for bal in 1..=2 {
        sealed.push((bal, open_bal(&s, bal).await));
    }
    let yesterday = copies::back_up(&s.config.keyring, &copies, 30, START).await.unwrap();
    let close = |tx: &mut dyn sceau_store::Tx| {
        let hold = sceau_store::holds::Hold::new(9, ("bal", 1), "conservation", "TJ", 0, "root");
        sceau_store::holds::place(tx, &hold)?;
        tx.execute("UPDATE bals SET state = 'closed'", &[])
    };
    s.write(close).await.map_err(|e: StoreError| e).unwrap();
    s.close().await;
    s.reopen().await;
    all_open(&s, &sealed[..1]).await;
    assert_eq!(s.vault().bal_key(2).await.unwrap_err(), StoreError::NoKey);
    s.close().await;
    copies::restore(&s.config, &yesterday.file, false).await.unwrap();
    s.reopen().await;
    all_open(&s, &sealed[..1]).await;
    assert_eq!(s.vault().bal_key(2).await.unwrap_err(), StoreError::NoKey);
    // Lifted: nothing keeps it any more.
    s.write(|tx| sceau_store::holds::lift(tx, 9, 1, "root", "mainlevée")).await.map_err(|e: StoreError| e).unwrap();
    s.close().await;
    s.reopen().await;
    assert_eq!(s.vault().bal_key(1).await.unwrap_err(), StoreError::NoKey);
}

async fn what_was_destroyed_stays_destroyed_whatever_is_put_back(mut s: TestStore) {
    let copies = s.folder().join("copies");
    let mut sealed = Vec::new();
    for bal in 1..=4 {
        sealed.push((bal, open_bal(&s, bal).await));
    }
    let yesterday = copies::back_up(&s.config.keyring, &copies, 30, START).await.unwrap();
    assert_eq!(yesterday.bal_keys, 4);
    s.vault().destroy_bal_key(1).await.unwrap();
    s.vault().destroy_bal_key(1).await.unwrap();
    // 2 is closed, and its job has not run yet.
    s.write(|tx| tx.execute("UPDATE bals SET state = 'closed' WHERE id = 2", &[]))
        .await
        .map_err(|e: StoreError| e)
        .unwrap();
    s.close().await;
    let back = copies::restore(&s.config, &yesterday.file, false).await.unwrap();
    assert_eq!((back.done, back.bal_keys, back.destroyed_again, back.without_key), (true, 2, 2, 0), "{back:?}");
    s.reopen().await;
    for bal in [1, 2] {
        assert_eq!(s.vault().bal_key(bal).await.unwrap_err(), StoreError::NoKey, "{bal}");
    }
    all_open(&s, &sealed[2..]).await;
    // The keyring is lost, with its knowledge of destructions: the list knows, whoever puts the copy back, and however.
    s.vault().destroy_bal_key(3).await.unwrap();
    s.close().await;
    forget(&mut s).await;
    let back = copies::restore(&s.config, &yesterday.file, false).await.unwrap();
    assert_eq!((back.done, back.bal_keys, back.destroyed_again), (true, 1, 3), "{back:?}");
    s.reopen().await;
    assert_eq!(s.vault().bal_key(3).await.unwrap_err(), StoreError::NoKey);
    all_open(&s, &sealed[3..]).await;
    // By hand, without our command: destroyed again when the store is opened.
    if let EngineUrl::Sqlite(keyring) = s.config.keyring.clone() {
        s.close().await;
        std::fs::copy(&yesterday.file, &keyring).unwrap();
        s.reopen().await;
        for bal in 1..=3 {
            assert_eq!(s.vault().bal_key(bal).await.unwrap_err(), StoreError::NoKey, "{bal}");
        }
        assert_eq!(replay_destructions(&s).await, Ok(0), "nothing is left to destroy");
    }
    // A key that lives and that the copy does not have is not thrown away unasked.
    let newer = open_bal(&s, 9).await;
    s.close().await;
    let refused = copies::restore(&s.config, &yesterday.file, false).await.unwrap();
    assert_eq!((refused.done, refused.lost), (false, 1));
    s.reopen().await;
    all_open(&s, &[(9, newer)]).await;
    s.close().await;
    let forced = copies::restore(&s.config, &yesterday.file, true).await.unwrap();
    assert_eq!((forced.done, forced.lost, forced.without_key), (true, 1, 1));
    assert_eq!(forced.aside.is_some(), matches!(s.config.keyring, EngineUrl::Sqlite(_)));
    s.reopen().await;
    assert_eq!(s.vault().bal_key(9).await.unwrap_err(), StoreError::NoKey);
    // Nor a copy that another master key made, nor any file.
    s.close().await;
    let mut foreign = s.config.clone();
    foreign.master = MasterKey::generate().unwrap();
    assert_eq!(copies::restore(&foreign, &yesterday.file, true).await, Err(StoreError::WrongMasterKey));
    let junk = s.folder().join("junk");
    std::fs::write(&junk, "nothing").unwrap();
    assert!(copies::restore(&s.config, &junk, true).await.is_err());
    s.reopen().await;
    all_open(&s, &sealed[3..]).await;
}

/// Loses the keyring, all but the list of destructions.
async fn forget(s: &mut TestStore) {
    match s.config.keyring.clone() {
        EngineUrl::Sqlite(path) => std::fs::write(path, "damaged, damaged, damaged, damaged, damaged").unwrap(),
        EngineUrl::Postgres(url) => tokio::task::spawn_blocking(move || {
            let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
            client.batch_execute("DELETE FROM master; DELETE FROM bal_keys; DELETE FROM transit_keys").unwrap();
        })
        .await
        .unwrap(),
    }
}

async fn a_copy_is_whole_private_and_removes_old_ones(s: TestStore) {
    let folder = s.folder().join("copies");
    let sealed = sealed_for(&s, &(1..=40).collect::<Vec<Id>>()).await;
    // While keys are being made: each copy is sound, and holds the first forty at least.
    let busy = async {
        for bal in 100..160 {
            s.vault().create_bal_key(bal).await.unwrap();
        }
    };
    let copying = async {
        for i in 0..4 {
            let at = Timestamp(START.0 + i * DAY);
            let made = copies::back_up(&s.config.keyring, &folder, 2, at).await.unwrap();
            assert!((40..=100).contains(&made.bal_keys), "{}", made.bal_keys);
            assert_eq!(made.complete, Timestamp(at.0 + 2 * DAY));
            assert_eq!(made.file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(made.removed.len(), usize::from(i > 2), "{i}: {:?}", made.removed);
        }
    };
    tokio::join!(busy, copying);
    let names: Vec<_> = folder.read_dir().unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "{names:?}: copies and nothing beside them");
    let found = status::status(&s.config.keyring).await.unwrap().unwrap();
    assert_eq!((found.backed_up, found.backup_days), (Some(Timestamp(START.0 + 3 * DAY)), Some(2)));
    all_open(&s, &sealed).await;
}

async fn a_node_with_the_old_key_adds_nothing(s: TestStore) {
    let EngineUrl::Postgres(_) = s.config.keyring else {
        // SQLite has one process: rotation is refused while it lives.
        let next = MasterKey::generate().unwrap();
        let refused = rotate::rotate(&s.config.keyring, &s.config.master, &next, START, |_, _| ()).await;
        return assert!(matches!(refused, Err(StoreError::Locked(_))), "{refused:?}");
    };
    sealed_for(&s, &[1, 2]).await;
    let next = MasterKey::generate().unwrap();
    rotate::rotate(&s.config.keyring, &s.config.master, &next, START, |_, _| ()).await.unwrap();
    assert!(matches!(s.vault().create_bal_key(3).await, Err(StoreError::Transient(_))));
    s.vault().forget_bal_key(1);
    assert!(matches!(s.vault().bal_key(1).await, Err(StoreError::Transient(_))));
    assert!(matches!(s.vault().transit_key().await, Err(StoreError::Transient(_))));
}

async fn whichever_node_is_left_knows_what_was_destroyed(mut s: TestStore) {
    let EngineUrl::Postgres(url) = s.config.keyring.clone() else {
        // One node: a list that was lost is written again from the keyring, at each start, and once.
        sealed_for(&s, &[5, 6]).await;
        s.vault().destroy_bal_key(5).await.unwrap();
        let list = s.config.spools.with_file_name("destructions.log");
        std::fs::remove_file(&list).unwrap();
        for _ in 0..2 {
            s.reopen().await;
            assert_eq!(std::fs::read_to_string(&list).unwrap().lines().count(), 1);
        }
        return;
    };
    let other = StoreConfig { node: 2, name: "deux".into(), spools: s.folder().join("two/spools"), ..s.config.clone() };
    let second = Store::open(other.clone()).await.unwrap();
    open_bal(&s, 5).await;
    open_bal(&s, 6).await;
    let keyring = |sql: &'static str| {
        let url = url.clone();
        tokio::task::spawn_blocking(move || {
            postgres::Client::connect(&url, postgres::NoTls).unwrap().batch_execute(sql).unwrap();
        })
    };
    keyring("CREATE TABLE yesterday AS SELECT * FROM bal_keys").await.unwrap();
    s.vault().destroy_bal_key(5).await.unwrap();
    // Told of both, it lists the one whose key is gone, once.
    assert_eq!(second.vault().learn_destructions(Some(vec![5, 6, 77])).await, Ok(1));
    assert_eq!(second.vault().learn_destructions(None).await, Ok(0));
    // The first machine burns down, and yesterday's keyring and data are put back without our commands.
    s.close().await;
    std::fs::remove_file(s.config.spools.with_file_name("destructions.log")).unwrap();
    tokio::task::spawn_blocking(move || drop(second)).await.unwrap();
    keyring("DELETE FROM bal_keys; INSERT INTO bal_keys SELECT * FROM yesterday; DROP TABLE yesterday").await.unwrap();
    let left = Store::open(other).await.unwrap();
    assert_eq!(left.vault().bal_key(5).await.unwrap_err(), StoreError::NoKey);
    left.vault().bal_key(6).await.unwrap();
    tokio::task::spawn_blocking(move || drop(left)).await.unwrap();
}

/// Mail that waits is under a transit key, and what was signed is verified by a public half: neither goes unasked.
async fn a_copy_takes_no_key_of_another_kind_away(mut s: TestStore) {
    let sealed = sealed_for(&s, &[1]).await;
    let before = copies::back_up(&s.config.keyring, &s.folder().join("copies"), 30, START).await.unwrap();
    let (epoch, transit) = s.vault().transit_key().await.unwrap();
    let queued = transit.seal(SUMMARY, b"en attente").unwrap();
    let signer = s.vault().signer(None).await.unwrap().public();
    s.close().await;
    let refused = copies::restore(&s.config, &before.file, false).await.unwrap();
    assert_eq!((refused.done, refused.lost), (false, 2));
    s.reopen().await;
    assert_eq!(s.vault().transit_key_of(epoch).await.unwrap().unseal(SUMMARY, &queued).unwrap(), b"en attente");
    assert_eq!(s.vault().signer(None).await.unwrap().public(), signer);
    let after =
        copies::back_up(&s.config.keyring, &s.folder().join("copies"), 30, Timestamp(START.0 + DAY)).await.unwrap();
    s.close().await;
    let back = copies::restore(&s.config, &after.file, false).await.unwrap();
    assert_eq!((back.done, back.lost, back.bal_keys), (true, 0, 1));
    let forced = copies::restore(&s.config, &before.file, true).await.unwrap();
    assert_eq!((forced.done, forced.lost), (true, 2));
    s.reopen().await;
    all_open(&s, &sealed).await;
    assert_eq!(s.vault().transit_key_of(epoch).await.unwrap_err(), StoreError::NoKey);
}
