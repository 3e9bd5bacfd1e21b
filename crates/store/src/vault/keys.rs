//! Keys in memory.
//!
//! Promises: bytes of keys are wiped when the last holder drops them and are never printed; a key never serves two purposes: sealing,
//! wrapping and chunks each have their own key, derived from it (HKDF-SHA-256).
use super::aead;
use crate::{Id, StoreError};
use aws_lc_rs::aead::LessSafeKey;
use aws_lc_rs::hkdf;
use std::sync::{Arc, OnceLock};
use zeroize::Zeroizing;

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
    /// As authenticated bytes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        [&self.owner.to_be_bytes(), &self.object.to_be_bytes(), self.field.as_bytes()].concat()
    }
    /// What is said of bytes that do not open: the field, never content.
    pub(super) fn corrupt(&self) -> StoreError {
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
    pub(super) fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(Arc::new(Inner { bytes, seal: OnceLock::new(), wrap: OnceLock::new(), chunk: OnceLock::new() }))
    }
    /// A new random key.
    pub fn generate() -> Result<Self, StoreError> {
        let mut bytes = Zeroizing::new([0; 32]);
        aead::random(bytes.as_mut())?;
        Ok(Self::from_bytes(bytes))
    }
    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0.bytes
    }
    /// Seals `clear` (random nonce; output = version, nonce, ciphertext, tag).
    pub fn seal(&self, aad: Aad<'_>, clear: &[u8]) -> Result<Vec<u8>, StoreError> {
        aead::seal_content(self.derived(&self.0.seal, "seal")?, &aad.bytes(), clear)
    }
    /// Opens what [`DataKey::seal`] made with the same `aad`.
    pub fn unseal(&self, aad: Aad<'_>, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        aead::open_content(self.derived(&self.0.seal, "seal")?, &aad.bytes(), sealed).ok_or_else(|| aad.corrupt())
    }
    /// [`DataKey::unseal`] in a room that is used again for the next: what it held before is gone.
    pub fn unseal_in<'r>(&self, aad: Aad<'_>, sealed: &[u8], room: &'r mut Vec<u8>) -> Result<&'r [u8], StoreError> {
        room.clear();
        room.extend_from_slice(sealed);
        let clear = aead::open_content_within(self.derived(&self.0.seal, "seal")?, &aad.bytes(), room);
        clear.and_then(|range| room.get(range)).ok_or_else(|| aad.corrupt())
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
}
