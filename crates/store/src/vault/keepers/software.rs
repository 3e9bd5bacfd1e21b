//! Master keys that this process holds in memory: from a file (0600) or from the environment.
//!
//! Promises: our copies of the bytes are wiped when they are dropped; a file that others may read is refused; nothing is overwritten. (A
//! variable stays in the environment that the system gave the process: whoever may read that of our processes has the key.)
use crate::StoreError;
use crate::vault::aead;
use crate::vault::keeper::{KeeperError, KeyKeeper};
use crate::vault::keys::{Aad, DataKey};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// A master key in memory. Its wrapping is [`DataKey`]'s, by a key derived for wrapping only.
#[derive(Debug)]
pub(in crate::vault) struct Bytes {
    origin: String,
    key: DataKey,
}

impl Bytes {
    /// From 32 bytes; `origin` says where they are from.
    pub fn new(origin: String, bytes: Zeroizing<[u8; 32]>) -> Self {
        Self { origin, key: DataKey::from_bytes(bytes) }
    }
}

impl KeyKeeper for Bytes {
    fn describe(&self) -> String {
        self.origin.clone()
    }
    fn wrap(&self, aad: Aad<'_>, key: &[u8; 32]) -> Result<Vec<u8>, StoreError> {
        self.key.wrap_bytes(aad, key)
    }
    fn unwrap(&self, aad: Aad<'_>, wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        self.key.unwrap_bytes(aad, wrapped)
    }
}

/// Reads a small secret from a file that only its owner may read.
pub(in crate::vault) fn read_secret(path: &Path) -> Result<Zeroizing<String>, StoreError> {
    let what = path.display().to_string();
    let absent = |cause: String| KeeperError::Absent { what: what.clone(), cause };
    let file = File::open(path).map_err(|e| absent(e.kind().to_string()).store())?;
    let meta = file.metadata().map_err(|e| absent(e.kind().to_string()).store())?;
    if !meta.is_file() {
        return Err(KeeperError::Malformed { what }.store());
    }
    if meta.mode() & 0o077 != 0 {
        return Err(KeeperError::Exposed { what, mode: format!("{:o}", meta.mode() & 0o7777) }.store());
    }
    // Never grown: a growing buffer would leave copies behind.
    let mut text = Zeroizing::new(String::with_capacity(512));
    file.take(256).read_to_string(&mut text).map_err(|_| KeeperError::Malformed { what: what.clone() }.store())?;
    Ok(text)
}

/// See [`crate::MasterKey::read_file`].
pub(in crate::vault) fn read_file(path: &Path) -> Result<Bytes, StoreError> {
    parsed("file".into(), &path.display().to_string(), &read_secret(path)?)
}

/// The key in a variable of the environment.
pub(in crate::vault) fn from_variable(name: &str) -> Result<Bytes, StoreError> {
    let what = format!("env:{name}");
    match std::env::var(name) {
        Ok(text) => parsed(what.clone(), &what, &Zeroizing::new(text)),
        Err(std::env::VarError::NotPresent) => Err(KeeperError::Absent { what, cause: "not set".into() }.store()),
        Err(std::env::VarError::NotUnicode(_)) => Err(KeeperError::Malformed { what }.store()),
    }
}

fn parsed(origin: String, what: &str, text: &str) -> Result<Bytes, StoreError> {
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim(), bytes.as_mut())
        .map_err(|_| KeeperError::Malformed { what: what.to_owned() }.store())?;
    Ok(Bytes::new(origin, bytes))
}

/// See [`crate::MasterKey::create_file`].
pub(in crate::vault) fn create_file(path: &Path) -> Result<Bytes, StoreError> {
    let mut bytes = Zeroizing::new([0; 32]);
    aead::random(bytes.as_mut())?;
    let text = Zeroizing::new(hex::encode(*bytes) + "\n");
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = opened.map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => KeeperError::Exists { what: path.display().to_string() }.store(),
        _ => StoreError::io("master key file", &e),
    })?;
    let written =
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).and_then(|()| crate::files::sync_parent(path));
    written.map_err(|e| StoreError::io("master key file", &e))?;
    Ok(Bytes::new("file".into(), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::{MasterKey, Place};
    use std::os::unix::fs::PermissionsExt;

    const AAD: Aad<'_> = Aad { owner: 1, object: 0, field: "keyring.bal" };

    fn code(e: StoreError) -> &'static str {
        e.code()
    }

    #[test]
    fn key_files_are_private_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let key = MasterKey::create_file(&path).unwrap();
        let wrapped = key.wrap_bytes(AAD, &[3; 32]).unwrap();
        assert_eq!(*MasterKey::read_file(&path).unwrap().unwrap_bytes(AAD, &wrapped).unwrap(), [3; 32]);
        assert_eq!(code(MasterKey::create_file(&path).unwrap_err()), "keys.exists");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let said = MasterKey::read_file(&path).unwrap_err().to_string();
        assert!(said.contains("640") && said.contains("chmod 600"), "{said}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "not a key").unwrap();
        assert_eq!(code(MasterKey::read_file(&path).unwrap_err()), "keys.malformed");
        assert_eq!(code(MasterKey::read_file(folder.path()).unwrap_err()), "keys.malformed");
        assert_eq!(code(MasterKey::read_file(&folder.path().join("none")).unwrap_err()), "keys.absent");
    }

    #[test]
    fn a_variable_that_is_not_set_or_no_key_is_refused() {
        assert_eq!(code(from_variable("SCEAU_TEST_NOT_SET").unwrap_err()), "keys.absent");
        // Set by cargo for every test, and no key.
        assert_eq!(code(from_variable("CARGO_PKG_NAME").unwrap_err()), "keys.malformed");
        for wrong in ["env:", "env:A B", "", "postgres://host/db", "pkcs11:"] {
            assert!(Place::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Place::parse("env:SCEAU_KEY"), Ok(Place::Variable("SCEAU_KEY".into())));
        assert_eq!(Place::parse("/k/master.key"), Ok(Place::File("/k/master.key".into())));
    }
}
