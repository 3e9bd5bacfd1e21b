//! Keys in memory and the master key's file.
//!
//! Promises: bytes of keys are wiped when the last holder drops them and are never printed; a key never serves two purposes: sealing,
//! wrapping and chunks each have their own key, derived from it (HKDF-SHA-256).
use super::aead;
use crate::{Id, StoreError};
use aws_lc_rs::aead::LessSafeKey;
use aws_lc_rs::hkdf;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use zeroize::Zeroizing;

/// The key that wraps every other; read from a file (0600) by the program.
#[derive(Clone)]
pub struct MasterKey(Arc<Zeroizing<[u8; 32]>>);

impl MasterKey {
    /// From 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Arc::new(Zeroizing::new(bytes)))
    }
    /// A new random one.
    pub fn generate() -> Result<Self, StoreError> {
        let mut bytes = Zeroizing::new([0; 32]);
        aead::random(bytes.as_mut())?;
        Ok(Self(Arc::new(bytes)))
    }
    /// The bytes, to write the key file.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
    /// Reads a key file: 64 hexadecimal digits and nothing else but white space. Refused when anyone but its owner may read it.
    pub fn read_file(path: &Path) -> Result<Self, StoreError> {
        let refused = |why: &str| StoreError::Invalid(format!("master key file {}: {why}", path.display()));
        let file = File::open(path).map_err(|e| refused(&e.kind().to_string()))?;
        let meta = file.metadata().map_err(|e| refused(&e.kind().to_string()))?;
        if !meta.is_file() {
            return Err(refused("not a file"));
        }
        if meta.mode() & 0o077 != 0 {
            return Err(refused(&format!("others may read it (mode {:o}); run chmod 600", meta.mode() & 0o7777)));
        }
        let mut text = Zeroizing::new(String::with_capacity(256));
        file.take(256).read_to_string(&mut text).map_err(|_| refused("unreadable"))?;
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), bytes.as_mut()).map_err(|_| refused("64 hexadecimal digits expected"))?;
        Ok(Self(Arc::new(bytes)))
    }
    /// Writes a new key to a new file, mode 0600, durably. `Exists` when there is a file: a master key is never overwritten.
    pub fn create_file(path: &Path) -> Result<Self, StoreError> {
        let key = Self::generate()?;
        let text = Zeroizing::new(hex::encode(key.expose()) + "\n");
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|e| match e.kind() {
                std::io::ErrorKind::AlreadyExists => StoreError::Exists(format!("master key file {}", path.display())),
                _ => StoreError::io("master key file", &e),
            })?;
        let written = file
            .write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| crate::files::sync_parent(path));
        written.map_err(|e| StoreError::io("master key file", &e))?;
        Ok(key)
    }
    /// The same bytes as a key that wraps.
    pub(super) fn as_data_key(&self) -> DataKey {
        DataKey::from_bytes(Zeroizing::new(*self.expose()))
    }
}
impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// What a sealed value is bound to.
#[derive(Debug, Clone, Copy)]
pub struct Aad<'a> {
    /// BAL id, or transit epoch.
    pub owner: Id,
    /// Object id (message, folder, queue entry…).
    pub object: Id,
    /// Field name, e.g. `message.summary`.
    pub field: &'a str,
}

impl Aad<'_> {
    fn bytes(&self) -> Vec<u8> {
        [&self.owner.to_be_bytes(), &self.object.to_be_bytes(), self.field.as_bytes()].concat()
    }
    fn corrupt(&self) -> StoreError {
        StoreError::Corrupt(format!("{} of {}/{}", self.field, self.owner, self.object))
    }
}

/// A 256-bit data key in memory, wiped when dropped.
#[derive(Clone)]
pub struct DataKey(Arc<Inner>);

struct Inner {
    bytes: Zeroizing<[u8; 32]>,
    seal: OnceLock<LessSafeKey>,
    wrap: OnceLock<LessSafeKey>,
    chunk: OnceLock<LessSafeKey>,
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey(…)")
    }
}

impl DataKey {
    fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(Arc::new(Inner { bytes, seal: OnceLock::new(), wrap: OnceLock::new(), chunk: OnceLock::new() }))
    }
    /// A new random key.
    pub fn generate() -> Result<Self, StoreError> {
        let mut bytes = Zeroizing::new([0; 32]);
        aead::random(bytes.as_mut())?;
        Ok(Self::from_bytes(bytes))
    }
    /// Seals `clear` (random nonce; output = version, nonce, ciphertext, tag).
    pub fn seal(&self, aad: Aad<'_>, clear: &[u8]) -> Result<Vec<u8>, StoreError> {
        aead::seal_content(self.derived(&self.0.seal, "seal")?, &aad.bytes(), clear)
    }
    /// Opens what [`DataKey::seal`] made with the same `aad`.
    pub fn unseal(&self, aad: Aad<'_>, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        aead::open_content(self.derived(&self.0.seal, "seal")?, &aad.bytes(), sealed).ok_or_else(|| aad.corrupt())
    }
    /// Wraps another key under this one.
    pub fn wrap(&self, aad: Aad<'_>, key: &DataKey) -> Result<Vec<u8>, StoreError> {
        self.wrap_bytes(aad, key.0.bytes.as_ref())
    }
    /// Unwraps.
    pub fn unwrap_key(&self, aad: Aad<'_>, wrapped: &[u8]) -> Result<DataKey, StoreError> {
        self.unwrap_bytes(aad, wrapped).map(Self::from_bytes)
    }
    pub(super) fn wrap_bytes(&self, aad: Aad<'_>, bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
        aead::seal(self.derived(&self.0.wrap, "wrap")?, &aad.bytes(), bytes)
    }
    pub(super) fn unwrap_bytes(&self, aad: Aad<'_>, wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        let clear = aead::open(self.derived(&self.0.wrap, "wrap")?, &aad.bytes(), wrapped).map(Zeroizing::new);
        let bytes: Option<[u8; 32]> = clear.and_then(|c| c.as_slice().try_into().ok());
        bytes.map(Zeroizing::new).ok_or_else(|| aad.corrupt())
    }
    /// The key that seals the chunks of a blob.
    pub(crate) fn chunks(&self) -> Result<&LessSafeKey, StoreError> {
        self.derived(&self.0.chunk, "chunk")
    }
    fn derived<'k>(&self, slot: &'k OnceLock<LessSafeKey>, purpose: &str) -> Result<&'k LessSafeKey, StoreError> {
        if let Some(key) = slot.get() {
            return Ok(key);
        }
        let key = aead::key(&*derive(self.0.bytes.as_ref(), &["sceau key ", purpose].concat())?)?;
        Ok(slot.get_or_init(|| key))
    }
}

/// HKDF-SHA-256 without salt (the secret is uniform).
pub(super) fn derive(secret: &[u8], info: &str) -> Result<Zeroizing<[u8; 32]>, StoreError> {
    let mut out = Zeroizing::new([0; 32]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, &[])
        .extract(secret)
        .expand(&[info.as_bytes()], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(out.as_mut()))
        .map_err(|_| StoreError::Other("key derivation failed".into()))?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const AAD: Aad<'_> = Aad { owner: 1, object: 2, field: "message.summary" };

    #[test]
    #[cfg(not(feature = "insecure-clear"))]
    fn nothing_sealed_can_be_altered_moved_or_opened_by_another_key() {
        let key = DataKey::generate().unwrap();
        let sealed = key.seal(AAD, b"objet: bilan").unwrap();
        assert_eq!(key.unseal(AAD, &sealed).unwrap(), b"objet: bilan");
        assert!(!sealed.windows(5).any(|w| w == b"bilan"));
        for i in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[i] ^= 1;
            assert!(matches!(key.unseal(AAD, &bad), Err(StoreError::Corrupt(_))), "byte {i}");
            assert!(key.unseal(AAD, &sealed[..i]).is_err());
        }
        for other in [Aad { owner: 9, ..AAD }, Aad { object: 9, ..AAD }, Aad { field: "message.text", ..AAD }] {
            assert!(key.unseal(other, &sealed).is_err());
        }
        assert!(DataKey::generate().unwrap().unseal(AAD, &sealed).is_err());
        assert_ne!(key.seal(AAD, b"objet: bilan").unwrap(), sealed);
    }

    #[test]
    fn wrapping_gives_the_key_back_and_is_not_sealing() {
        let (outer, inner) = (DataKey::generate().unwrap(), DataKey::generate().unwrap());
        let wrapped = outer.wrap(AAD, &inner).unwrap();
        let back = outer.unwrap_key(AAD, &wrapped).unwrap();
        let sealed = inner.seal(AAD, b"x").unwrap();
        assert_eq!(back.unseal(AAD, &sealed).unwrap(), b"x");
        assert!(outer.unseal(AAD, &wrapped).is_err());
        assert!(outer.unwrap_key(Aad { owner: 3, ..AAD }, &wrapped).is_err());
    }

    #[test]
    fn key_files_are_private_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let key = MasterKey::create_file(&path).unwrap();
        assert_eq!(MasterKey::read_file(&path).unwrap().expose(), key.expose());
        assert!(matches!(MasterKey::create_file(&path), Err(StoreError::Exists(_))));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let said = MasterKey::read_file(&path).unwrap_err().to_string();
        assert!(said.contains("640") && said.contains("chmod 600"), "{said}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "not a key").unwrap();
        assert!(matches!(MasterKey::read_file(&path), Err(StoreError::Invalid(_))));
        assert_eq!(format!("{key:?}"), "MasterKey(…)");
    }
}
