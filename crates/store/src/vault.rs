//! Keys and sealing (design §5 "Keys"): master key → BAL key / transit key (keyring) → blob key. AES-256-GCM everywhere;
//! associated data binds owner, object and field, so that nothing sealed can be moved or swapped.
use crate::{Id, StoreError};
use std::sync::Arc;
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
        let _ = &Self::from_bytes;
        todo!()
    }
    /// The bytes, to write the key file.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}
impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// A 256-bit data key in memory, wiped when dropped.
#[derive(Clone)]
pub struct DataKey(pub(crate) Arc<Zeroizing<[u8; 32]>>);

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey(…)")
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

/// An epoch of transit keys (one a UTC day).
pub type Epoch = i64;

/// Holds keys (bounded cache) and seals with them.
#[derive(Debug)]
pub struct Vault {}

impl Vault {
    /// Makes the key of a new BAL and keeps it in the keyring, durably, before the BAL exists.
    pub async fn create_bal_key(&self, bal: Id) -> Result<DataKey, StoreError> {
        let _ = bal;
        todo!()
    }
    /// The key of a BAL.
    pub async fn bal_key(&self, bal: Id) -> Result<DataKey, StoreError> {
        let _ = bal;
        todo!()
    }
    /// Destroys a BAL's key: what it sealed is gone.
    pub async fn destroy_bal_key(&self, bal: Id) -> Result<(), StoreError> {
        let _ = bal;
        todo!()
    }
    /// The present epoch and its transit key (made when the first one of an epoch asks).
    pub async fn transit_key(&self) -> Result<(Epoch, DataKey), StoreError> {
        todo!()
    }
    /// The transit key of an epoch.
    pub async fn transit_key_of(&self, epoch: Epoch) -> Result<DataKey, StoreError> {
        let _ = epoch;
        todo!()
    }
    /// Destroys the keys of these epochs (no entry uses them any more; the present epoch is never destroyed).
    pub async fn destroy_transit_keys(&self, epochs: Vec<Epoch>) -> Result<(), StoreError> {
        let _ = epochs;
        todo!()
    }
    /// Epochs whose key exists.
    pub async fn transit_epochs(&self) -> Result<Vec<Epoch>, StoreError> {
        todo!()
    }
    /// Keyed digest (HMAC-SHA-256 under the operator's pepper for `purpose`): deterministic tags, token digests, pseudonyms, dedupe.
    pub fn tag(&self, purpose: &str, data: &[u8]) -> [u8; 32] {
        let _ = (purpose, data);
        todo!()
    }
}

impl DataKey {
    /// A new random key.
    pub fn generate() -> Result<Self, StoreError> {
        todo!()
    }
    /// Seals `clear` (random nonce; output = version, nonce, ciphertext, tag).
    pub fn seal(&self, aad: Aad<'_>, clear: &[u8]) -> Result<Vec<u8>, StoreError> {
        let _ = (aad, clear);
        todo!()
    }
    /// Opens what [`DataKey::seal`] made with the same `aad`.
    pub fn unseal(&self, aad: Aad<'_>, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let _ = (aad, sealed);
        todo!()
    }
    /// Wraps another key under this one.
    pub fn wrap(&self, aad: Aad<'_>, key: &DataKey) -> Result<Vec<u8>, StoreError> {
        let _ = (aad, key);
        todo!()
    }
    /// Unwraps.
    pub fn unwrap_key(&self, aad: Aad<'_>, wrapped: &[u8]) -> Result<DataKey, StoreError> {
        let _ = (aad, wrapped);
        todo!()
    }
}
