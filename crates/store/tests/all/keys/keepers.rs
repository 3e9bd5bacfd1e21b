//! Every place where a master key can be kept holds the same contract; a token with what goes wrong with tokens.
use super::keeper;
use sceau_store::StoreError;
use sceau_store::vault::{Aad, KeyKeeper, MasterKey, Place};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use zeroize::Zeroizing;

const AAD: Aad<'_> = Aad { owner: 7, object: 0, field: "keyring.bal" };

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
            .args(["keys::keepers::a_key_in_a_variable_keeps_the_contract", "--exact"])
            .env("SCEAU_TEST_KEY", "0123456789abcdef".repeat(4))
            .env("SCEAU_TEST_OTHER", "00".repeat(32))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stdout);
        return assert!(run.status.success() && said.contains("1 passed"), "{said}");
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
            .args(["keys::keepers::a_key_in_a_token_keeps_the_contract", "--exact"])
            .env("SOFTHSM2_CONF", &conf)
            .env("SCEAU_TEST_TOKENS", folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
        return assert!(run.status.success() && said.contains("1 passed"), "{}: {said}", run.status);
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
    driver_restarts(3);
    assert_eq!(*key.keeper().unwrap(AAD, &wrapped).unwrap(), [9; 32]);
    // The token goes away, and comes back.
    let tokens = folder.join("tokens");
    let away = folder.join("away");
    driver_restarts(3);
    std::fs::rename(&tokens, &away).unwrap();
    std::fs::create_dir(&tokens).unwrap();
    assert_eq!(key.keeper().unwrap(AAD, &wrapped).unwrap_err().code(), "keys.token");
    driver_restarts(3);
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
    driver_restarts(0);
    let refused = MasterKey::open(&at("other", "master", &wrong)).unwrap_err();
    assert!(refused.code().starts_with("keys.pin"), "{refused}");
    assert!(!refused.to_string().contains("9999"));
    assert_eq!(code(&at("other", "master", &pin)), "keys.object");
}

/// Finalises the library behind the keepers' back, once only so many of them are there: one that was dropped closes its session on its own
/// thread, and a library that is finalised meanwhile falls.
fn driver_restarts(keepers: usize) {
    let name = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    let devices = || std::fs::read_dir("/proc/self/task").unwrap().flatten().map(name);
    let begun = std::time::Instant::now();
    while devices().filter(|n| n.trim() == "key-device").count() > keepers {
        assert!(begun.elapsed().as_secs() < 20, "keepers that were dropped are still there");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    cryptoki::context::Pkcs11::new(module()).unwrap().finalize().unwrap();
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
