//! Master keys, rotation, destruction, copies of the keyring: on both engines, and with a real PKCS#11 token (SoftHSM2).
#[macro_use]
mod support;

use sceau_domain::Timestamp;
use sceau_store::testing::{START, TestStore};
use sceau_store::vault::{Aad, KeyKeeper, MasterKey, Place, copies, replay_destructions, rotate, status};
use sceau_store::{DataKey, EngineUrl, Id, StoreError, params};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use zeroize::Zeroizing;

on_both_engines! {
    a_rotation_touches_every_key_and_no_content,
    a_rotation_that_dies_anywhere_leaves_exactly_one_key_that_opens,
    what_was_destroyed_stays_destroyed_whatever_is_put_back,
    a_copy_is_whole_private_and_removes_old_ones,
    a_node_with_the_old_key_adds_nothing,
}

const AAD: Aad<'_> = Aad { owner: 7, object: 0, field: "keyring.bal" };
const SUMMARY: Aad<'_> = Aad { owner: 7, object: 8, field: "message.summary" };
const DAY: i64 = 86_400_000;

/// What every keeper promises; `other` is one with another key.
fn contract(keeper: &dyn KeyKeeper, other: &dyn KeyKeeper) {
    let key = [0x5c; 32];
    let wrapped = keeper.wrap(AAD, &key).unwrap();
    assert_eq!(*keeper.unwrap(AAD, &wrapped).unwrap(), key);
    assert_ne!(keeper.wrap(AAD, &key).unwrap(), wrapped, "never twice the same");
    assert!(!wrapped.windows(8).any(|w| w == &key[..8]));
    let corrupt = |outcome: Result<Zeroizing<[u8; 32]>, StoreError>, what: &str| {
        assert!(matches!(outcome, Err(StoreError::Corrupt(_))), "{what}: {:?}", outcome.map(drop));
    };
    for aad in [Aad { owner: 8, ..AAD }, Aad { object: 1, ..AAD }, Aad { field: "keyring.transit", ..AAD }] {
        corrupt(keeper.unwrap(aad, &wrapped), "another place");
    }
    corrupt(other.unwrap(AAD, &wrapped), "another key");
    for i in 0..wrapped.len() {
        let mut altered = wrapped.clone();
        altered[i] ^= 1;
        corrupt(keeper.unwrap(AAD, &altered), "altered");
        corrupt(keeper.unwrap(AAD, &wrapped[..i]), "cut");
    }
    corrupt(keeper.unwrap(AAD, &[&wrapped[..], &[0]].concat()), "longer");
    // And after all that it still works.
    assert_eq!(*keeper.unwrap(AAD, &wrapped).unwrap(), key);
}

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

#[test]
fn a_key_in_a_file_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let keys: Vec<MasterKey> =
        ["a", "b"].iter().map(|name| MasterKey::create(&Place::File(folder.path().join(name))).unwrap()).collect();
    contract(keys[0].keeper(), keys[1].keeper());
    contract(&keeper(1), &keeper(2));
}

#[test]
fn a_key_in_a_variable_keeps_the_contract() {
    let key = |name: &str| MasterKey::open(&Place::parse(&format!("env:{name}")).unwrap());
    if std::env::var_os("SCEAU_TEST_KEY").is_none() {
        // A process of its own: a test may not change its own environment.
        let run = Command::new(std::env::current_exe().unwrap())
            .args(["a_key_in_a_variable_keeps_the_contract", "--exact"])
            .env("SCEAU_TEST_KEY", "0123456789abcdef".repeat(4))
            .env("SCEAU_TEST_OTHER", "00".repeat(32))
            .output()
            .unwrap();
        return assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
    }
    let (one, other) = (key("SCEAU_TEST_KEY").unwrap(), key("SCEAU_TEST_OTHER").unwrap());
    contract(one.keeper(), other.keeper());
    assert_eq!(one.describe(), "env:SCEAU_TEST_KEY");
    assert!(!format!("{one:?}").contains("0123"));
}

/// SoftHSM2's module, wherever the distribution puts it.
fn module() -> PathBuf {
    let places =
        ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so", "/usr/lib/pkcs11/libsofthsm2.so"];
    let found = places.iter().map(PathBuf::from).find(|p| p.exists());
    found.expect("softhsm2 is missing: run ./check, which installs it")
}

#[test]
fn a_key_in_a_token_keeps_the_contract() {
    let Some(folder) = std::env::var_os("SCEAU_TEST_TOKENS") else {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tokens")).unwrap();
        let conf = folder.path().join("softhsm2.conf");
        std::fs::write(&conf, format!("directories.tokendir = {}\n", folder.path().join("tokens").display())).unwrap();
        for label in ["Sceau clés", "other"] {
            let made = Command::new("softhsm2-util")
                .args(["--init-token", "--free", "--label", label, "--pin", "1234", "--so-pin", "12345678"])
                .env("SOFTHSM2_CONF", &conf)
                .output()
                .expect("softhsm2-util is missing: run ./check, which installs it");
            assert!(made.status.success(), "{made:?}");
        }
        let run = Command::new(std::env::current_exe().unwrap())
            .args(["a_key_in_a_token_keeps_the_contract", "--exact"])
            .env("SOFTHSM2_CONF", &conf)
            .env("SCEAU_TEST_TOKENS", folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
        return assert!(run.status.success(), "{said}");
    };
    let folder = PathBuf::from(folder);
    in_token(&folder);
}

fn in_token(folder: &Path) {
    let pin = folder.join("pin");
    std::fs::write(&pin, "1234\n").unwrap();
    std::fs::set_permissions(&pin, std::fs::Permissions::from_mode(0o600)).unwrap();
    let at = |token: &str, object: &str, pin: &Path| {
        let text = format!(
            "pkcs11:token={token};object={object}?module-path={}&pin-source={}",
            module().display(),
            pin.display()
        );
        Place::parse(&text).unwrap()
    };
    let code = |place: &Place| MasterKey::open(place).unwrap_err().code();
    let place = at("Sceau%20cl%C3%A9s", "master", &pin);
    // What a person must put right, each by its name; a key that is not there is not made by the way.
    assert_eq!(code(&at("absent", "master", &pin)), "keys.token");
    assert_eq!(code(&place), "keys.object");
    assert_eq!(code(&at("other", "master", &folder.join("no-pin"))), "keys.absent");
    let key = MasterKey::create(&place).unwrap();
    assert_eq!(MasterKey::create(&place).unwrap_err().code(), "keys.exists");
    let second = MasterKey::create(&at("Sceau%20cl%C3%A9s", "second", &pin)).unwrap();
    contract(key.keeper(), second.keeper());
    assert_eq!(key.describe(), "pkcs11:token=Sceau%20cl%C3%A9s;object=master");
    // The same key, opened again; from many threads at once.
    let wrapped = key.keeper().wrap(AAD, &[9; 32]).unwrap();
    let again = MasterKey::open(&place).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(*again.keeper().unwrap(AAD, &wrapped).unwrap(), [9; 32]);
                }
            });
        }
    });
    // The session is lost: the library is finalised behind its back, as when a driver restarts. The next call finds the way again.
    let context = cryptoki::context::Pkcs11::new(module()).unwrap();
    context.finalize().unwrap();
    assert_eq!(*key.keeper().unwrap(AAD, &wrapped).unwrap(), [9; 32]);
    // The token goes away, and comes back.
    let tokens = folder.join("tokens");
    let away = folder.join("away");
    cryptoki::context::Pkcs11::new(module()).unwrap().finalize().unwrap();
    std::fs::rename(&tokens, &away).unwrap();
    std::fs::create_dir(&tokens).unwrap();
    assert_eq!(key.keeper().unwrap(AAD, &wrapped).unwrap_err().code(), "keys.token");
    cryptoki::context::Pkcs11::new(module()).unwrap().finalize().unwrap();
    std::fs::remove_dir_all(&tokens).unwrap();
    std::fs::rename(&away, &tokens).unwrap();
    assert_eq!(*key.keeper().unwrap(AAD, &wrapped).unwrap(), [9; 32]);
    // A PIN file that others may read; a key that the token would hand out.
    std::fs::set_permissions(&pin, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(code(&place), "keys.exposed");
    std::fs::set_permissions(&pin, std::fs::Permissions::from_mode(0o600)).unwrap();
    leaky(folder);
    assert_eq!(code(&at("Sceau%20cl%C3%A9s", "leaky", &pin)), "keys.unsafe");
    // A wrong PIN is said and, in this process, not tried twice. The rest has the right one open: a process of its own asks.
    let wrong = folder.join("wrong-pin");
    std::fs::write(&wrong, "9999").unwrap();
    std::fs::set_permissions(&wrong, std::fs::Permissions::from_mode(0o600)).unwrap();
    drop((key, second, again));
    cryptoki::context::Pkcs11::new(module()).unwrap().finalize().unwrap();
    let refused = MasterKey::open(&at("other", "master", &wrong)).unwrap_err();
    assert!(refused.code().starts_with("keys.pin"), "{refused}");
    assert!(!refused.to_string().contains("9999"));
    assert_eq!(code(&at("other", "master", &pin)), "keys.object");
}

/// An AES key that may leave the token.
fn leaky(folder: &Path) {
    let run = Command::new("softhsm2-util").args(["--show-slots"]).output().unwrap();
    assert!(run.status.success());
    use cryptoki::object::{Attribute, KeyType, ObjectClass};
    let context = cryptoki::context::Pkcs11::new(module()).unwrap();
    let slots = context.get_slots_with_initialized_token().unwrap();
    let slot = slots.into_iter().find(|s| context.get_token_info(*s).unwrap().label().starts_with("Sceau")).unwrap();
    let session = context.open_rw_session(slot).unwrap();
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::ValueLen(32.into()),
        Attribute::Label(b"leaky".to_vec()),
        Attribute::Token(true),
        Attribute::Sensitive(false),
        Attribute::Extractable(true),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
    ];
    session.generate_key(&cryptoki::mechanism::Mechanism::AesKeyGen, &template).unwrap();
    assert!(folder.exists());
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
