//! The notary's keys: Ed25519 pairs in the keyring, private halves wrapped by the master key.
//!
//! Promises: one pair signs at a time; a pair that was replaced keeps its public half for ever and loses its private half at once; the
//! private half is never given out, only what it signs.
use super::{Aad, MasterKey, Vault, in_force};
use crate::engine::Pending;
use crate::{Id, StoreError, params};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use std::sync::Arc;
use zeroize::Zeroizing;

pub(super) const fn signing_aad(key: Id) -> Aad<'static> {
    Aad { owner: key, object: 0, field: "keyring.signing" }
}

/// The pair in force.
#[derive(Clone)]
pub struct Signer {
    id: Id,
    generation: i64,
    pair: Arc<Ed25519KeyPair>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Signer {
    /// The public half.
    pub fn public(&self) -> [u8; 32] {
        let mut out = [0; 32];
        // An Ed25519 public key has 32 bytes.
        out.copy_from_slice(self.pair.public_key().as_ref());
        out
    }
    /// Signs.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut out = [0; 64];
        // An Ed25519 signature has 64 bytes.
        out.copy_from_slice(self.pair.sign(message).as_ref());
        out
    }
}

/// A public half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SigningKey {
    /// Its 32 bytes.
    pub public: [u8; 32],
    /// When it began to sign, milliseconds since 1970.
    pub created: i64,
    /// When it was replaced.
    pub retired: Option<i64>,
}

/// The schema of the keyring that brought these pairs.
const NOTARY: i64 = 3;
/// The pair in force, and the generation of the master key.
const IN_FORCE: &str = "SELECT s.id, s.public, s.wrapped, m.generation FROM signing_keys s, master m \
                        WHERE s.retired IS NULL AND m.id = 1";

/// A pair from its row. Blocking.
fn open(row: &crate::Row, master: &MasterKey) -> Result<Signer, StoreError> {
    let (id, public, wrapped, generation) = (row.int(0)?, row.bytes(1)?, row.bytes(2)?, row.int(3)?);
    let seed = master.unwrap_bytes(signing_aad(id), &wrapped)?;
    let pair = Ed25519KeyPair::from_seed_and_public_key(&*seed, &public)
        .map_err(|_| StoreError::Corrupt("signing key".into()))?;
    Ok(Signer { id, generation, pair: Arc::new(pair) })
}

/// The pair in force of a keyring that nobody serves; none when nothing was ever signed. Blocking.
pub(crate) fn pending_signer(keyring: &mut Pending, master: &MasterKey) -> Result<Option<Signer>, StoreError> {
    // A keyring from before the notary has no such table.
    if keyring.version() < NOTARY {
        return Ok(None);
    }
    let row = keyring.read(|tx| tx.query_opt(IN_FORCE, &[]))?;
    row.map(|row| open(&row, master)).transpose()
}

impl Vault {
    /// The pair in force, made when there is none. `known` is given back when it is still the one.
    pub async fn signer(&self, known: Option<Signer>) -> Result<Signer, StoreError> {
        if let Some(found) = self.find_signer(known).await? {
            return Ok(found);
        }
        self.add_signing_key(None).await?;
        // Another node may have been first: its pair is the one.
        self.find_signer(None).await?.ok_or(StoreError::NoKey)
    }

    /// Puts a new pair in force in the place of the present one. Its public half, and that of the one before.
    pub async fn rotate_signing_key(&self) -> Result<([u8; 32], [u8; 32]), StoreError> {
        let before = self.signer(None).await?;
        self.add_signing_key(Some(before.id)).await?;
        let keyring = Arc::clone(&self.keyring);
        crate::blocking(move || {
            // What was wrapped must not stay readable in the log.
            keyring.empty_log();
            Ok(())
        })
        .await?;
        Ok((self.signer(None).await?.public(), before.public()))
    }

    /// Every public half, oldest first.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        self.keyring
            .read(|tx| {
                let rows = tx.query("SELECT public, created, retired FROM signing_keys ORDER BY id", &[])?;
                let read = |r: &crate::Row| {
                    let public = r.bytes(0)?.try_into().map_err(|_| StoreError::Corrupt("signing key".into()))?;
                    Ok(SigningKey { public, created: r.int(1)?, retired: r.opt_int(2)? })
                };
                rows.iter().map(read).collect()
            })
            .await
    }

    async fn find_signer(&self, known: Option<Signer>) -> Result<Option<Signer>, StoreError> {
        let sql = IN_FORCE;
        let Some(row) = self.keyring.read(move |tx| tx.query_opt(sql, &[])).await? else { return Ok(None) };
        let (id, generation) = (row.int(0)?, row.int(3)?);
        if generation != self.generation {
            return Err(super::replaced());
        }
        if let Some(known) = known.filter(|k| k.id == id && k.generation == generation) {
            return Ok(Some(known));
        }
        let master = self.master.clone();
        self.master.call(move || open(&row, &master)).await.map(Some)
    }

    /// Adds a pair after the one with this id (none: the first). Does nothing when another node was first.
    async fn add_signing_key(&self, after: Option<Id>) -> Result<(), StoreError> {
        let mut seed = Zeroizing::new([0; 32]);
        super::aead::random(seed.as_mut())?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&*seed)
            .map_err(|_| StoreError::Other("no signing key could be made".into()))?;
        let public = pair.public_key().as_ref().to_vec();
        let (id, now, generation) = (after.unwrap_or(0) + 1, self.clock.now().0, self.generation);
        let master = self.master.clone();
        let wrapped = self.master.call(move || master.wrap_bytes(signing_aad(id), &seed)).await?;
        self.keyring
            .write(move |tx| {
                in_force(tx, generation)?;
                if let Some(before) = after {
                    let sql = "UPDATE signing_keys SET retired = $2, wrapped = NULL, next = NULL WHERE id = $1 AND retired IS NULL";
                    tx.execute(sql, params![before, now])?;
                }
                let sql = "INSERT INTO signing_keys (id, public, wrapped, created) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
                tx.execute(sql, params![id, &public[..], &wrapped[..], now]).map(drop)
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{TestStore, postgres, sqlite};
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

    async fn signs_and_rotates(mut store: TestStore) {
        let first = store.vault().signer(None).await.unwrap();
        let signature = first.sign(b"a root");
        assert!(UnparsedPublicKey::new(&ED25519, first.public()).verify(b"a root", &signature).is_ok());
        store.reopen().await;
        let again = store.vault().signer(None).await.unwrap();
        assert_eq!(again.public(), first.public(), "the pair is kept");
        assert_eq!(store.vault().signer(Some(again)).await.unwrap().sign(b"a root"), signature);

        let (new, old) = store.vault().rotate_signing_key().await.unwrap();
        assert_eq!(old, first.public());
        // A node that still holds the old pair learns of the new one.
        assert_eq!(store.vault().signer(Some(first)).await.unwrap().public(), new);
        let keys = store.vault().signing_keys().await.unwrap();
        assert_eq!(keys.iter().map(|k| k.public).collect::<Vec<_>>(), [old, new]);
        assert!(keys[0].retired.is_some() && keys[1].retired.is_none());
    }

    #[tokio::test]
    async fn signs_and_rotates_sqlite() {
        signs_and_rotates(sqlite().await).await;
    }
    #[tokio::test]
    async fn signs_and_rotates_postgres() {
        signs_and_rotates(postgres().await).await;
    }
}
