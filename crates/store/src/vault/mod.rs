//! Keys and sealing: master key → BAL key / transit key (keyring) → blob key. AES-256-GCM everywhere;
//! associated data binds owner, object and field, so that nothing sealed can be moved or swapped.
//!
//! Promises: a wrong master key is refused before anything is written; a key is durable before it seals anything; a destroyed key leaves
//! neither the keyring's file nor its log readable, and is never made again for the same BAL; keys in memory are bounded in number, and
//! forgotten after a minute, so that a destruction by another node is soon known here.
//!
//! * [`keeper`], [`keepers`]: the master key, in a file, a variable or a token.
//! * [`destroyed`]: the list of destructions, and their replay. [`rotate`]: another master key. [`copies`]: keyring backups. [`signing`]: the notary's keys.
pub(crate) mod aead;
pub mod copies;
pub(crate) mod destroyed;
pub mod keeper;
pub mod keepers;
mod keys;
pub mod rotate;
pub mod signing;
pub mod status;

pub use destroyed::replay_destructions;
pub use keeper::{KeeperError, KeyKeeper, MasterKey, Place};
pub use keys::{Aad, DataKey};

use crate::engine::{Engine, Pending};
use crate::{Id, StoreError, Tx, params};
use aws_lc_rs::hmac;
use sceau_domain::Address;
use sceau_domain::clock::SharedClock;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// An epoch of transit keys (one a UTC day): days since 1970.
pub type Epoch = i64;

/// Keys kept in memory at most.
const CACHED: usize = 4_096;
/// How long a key is used without looking at the keyring again.
const FRESH: Duration = Duration::from_secs(60);
const EPOCH_MS: i64 = 86_400_000;
/// What the proof of the master key says.
const PROOF: &[u8; 32] = b"this is the key of this keyring.";

/// Holds keys (bounded cache) and seals with them.
#[derive(Debug)]
pub struct Vault {
    keyring: Arc<Engine>,
    master: MasterKey,
    /// Which master key of the keyring's life it is.
    generation: i64,
    pepper: Zeroizing<[u8; 32]>,
    cache: Mutex<Cache>,
    clock: SharedClock,
    list: destroyed::List,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Slot {
    Bal(Id),
    Transit(Epoch),
}

#[derive(Debug, Default)]
struct Cache {
    keys: HashMap<Slot, (DataKey, Instant)>,
    /// Grows with each destruction: a key read before one is not kept after it.
    destructions: u64,
}

const fn bal_aad(bal: Id) -> Aad<'static> {
    Aad { owner: bal, object: 0, field: "keyring.bal" }
}
const fn transit_aad(epoch: Epoch) -> Aad<'static> {
    Aad { owner: epoch, object: 0, field: "keyring.transit" }
}
const PROOF_AAD: Aad<'static> = Aad { owner: 0, object: 0, field: "keyring.proof" };
const PEPPER_AAD: Aad<'static> = Aad { owner: 0, object: 0, field: "keyring.pepper" };

/// Refuses a master key that is not this keyring's, and data without their keyring. Reads only.
pub(crate) fn check(keyring: &mut Pending, master: &MasterKey, data_exist: bool) -> Result<(), StoreError> {
    if keyring.version() == 0 {
        if data_exist {
            return Err(StoreError::Other(
                "the keyring is missing while the data exist: restore the keyring first".into(),
            ));
        }
        return Ok(());
    }
    let proof = keyring.read(|tx| match tx.query_opt("SELECT proof FROM master WHERE id = 1", &[])? {
        Some(row) => row.bytes(0).map(Some),
        None => Ok(None),
    })?;
    proof.map_or(Ok(()), |proof| prove(master, &proof))
}

/// Is this the keyring's master key?
fn prove(master: &MasterKey, proof: &[u8]) -> Result<(), StoreError> {
    match master.unwrap_bytes(PROOF_AAD, proof) {
        Ok(said) if *said == *PROOF => Ok(()),
        Ok(_) | Err(StoreError::Corrupt(_)) => Err(StoreError::WrongMasterKey),
        // A device that is away is no wrong key.
        Err(e) => Err(e),
    }
}

/// What a node is told whose master key was replaced while it ran.
fn replaced() -> StoreError {
    StoreError::Transient("the master key was changed: start again with the new one".into())
}

impl Vault {
    /// Opens a migrated keyring; makes its pepper the first time.
    pub(crate) async fn open(
        keyring: Engine,
        master: &MasterKey,
        clock: SharedClock,
        list: destroyed::List,
    ) -> Result<Self, StoreError> {
        aead::warn_if_clear();
        let master = master.clone();
        let mut pepper = Zeroizing::new([0; 32]);
        aead::random(pepper.as_mut())?;
        let keeper = master.clone();
        let wrap = move || Ok((keeper.wrap_bytes(PROOF_AAD, PROOF)?, keeper.wrap_bytes(PEPPER_AAD, &pepper)?));
        let (proof, wrapped) = master.call(wrap).await?;
        let (now, kind) = (clock.now().0, master.describe());
        // Of two nodes that start at once on an empty keyring, one is first and both read what it wrote.
        let (proof, wrapped, generation, known) = keyring
            .write(move |tx| {
                tx.execute(
                    "INSERT INTO master (id, proof, pepper, created, keeper) VALUES (1, $1, $2, $3, $4) ON CONFLICT DO NOTHING",
                    params![proof.clone(), wrapped.clone(), now, &kind],
                )?;
                let row = tx
                    .query_opt("SELECT proof, pepper, generation, keeper FROM master WHERE id = 1", &[])?
                    .ok_or_else(|| StoreError::Other("the keyring is empty".into()))?;
                Ok::<_, StoreError>((row.bytes(0)?, row.bytes(1)?, row.int(2)?, row.text(3)?))
            })
            .await?;
        let keeper = master.clone();
        let pepper = master
            .call(move || {
                prove(&keeper, &proof)?;
                keeper.unwrap_bytes(PEPPER_AAD, &wrapped)
            })
            .await?;
        if known != master.describe() {
            // The same key in another place: said by `keys status`.
            let kind = master.describe();
            keyring
                .write(move |tx| tx.execute("UPDATE master SET keeper = $1 WHERE id = 1", params![&kind]))
                .await
                .map_err(|e: StoreError| e)?;
        }
        let keyring = Arc::new(keyring);
        Ok(Self { keyring, master, generation, pepper, cache: Mutex::default(), clock, list })
    }

    /// Makes the key of a new BAL and keeps it in the keyring, durably, before the BAL exists. `Exists` when it was made before.
    pub async fn create_bal_key(&self, bal: Id) -> Result<DataKey, StoreError> {
        let key = DataKey::generate()?;
        let (wrapped, now) = (self.master.wrap(bal_aad(bal), &key).await?, self.clock.now().0);
        let generation = self.generation;
        self.keyring
            .write(move |tx| {
                in_force(tx, generation)?;
                let sql = "INSERT INTO bal_keys (bal, wrapped, created) VALUES ($1, $2, $3)";
                tx.execute(sql, params![bal, wrapped.clone(), now])
            })
            .await?;
        Ok(key)
    }
    /// The key of a BAL. `NoKey` when it was destroyed or never made.
    pub async fn bal_key(&self, bal: Id) -> Result<DataKey, StoreError> {
        let sql = "SELECT b.wrapped, m.generation FROM bal_keys b, master m WHERE b.bal = $1 AND b.wrapped IS NOT NULL AND m.id = 1";
        self.lookup(Slot::Bal(bal), sql, bal, bal_aad(bal)).await
    }
    /// Destroys a BAL's key: what it sealed is gone. First of all the destruction is listed beside data and keyring, durably, so that no copy
    /// that is put back later brings the key back ([`destroyed`]). Once more does nothing.
    pub async fn destroy_bal_key(&self, bal: Id) -> Result<(), StoreError> {
        self.destroy_bal_keys(vec![bal]).await
    }
    async fn destroy_bal_keys(&self, bals: Vec<Id>) -> Result<(), StoreError> {
        let now = self.clock.now().0;
        let (list, listed) = (self.list.clone(), bals.clone());
        crate::blocking(move || list.add(&listed, now)).await?;
        let slots: Vec<Slot> = bals.iter().map(|bal| Slot::Bal(*bal)).collect();
        self.keyring.write(move |tx| bals.iter().try_for_each(|bal| destroyed::strike(tx, *bal, now))).await?;
        self.forget(&slots).await
    }
    /// Forgets a BAL's key that another node destroyed: the keyring is asked at the next use.
    pub fn forget_bal_key(&self, bal: Id) {
        self.drop_from_cache(&[Slot::Bal(bal)]);
    }
    /// Forgets every key: another node may have destroyed any.
    pub fn forget_keys(&self) {
        let mut cache = self.cache();
        cache.destructions += 1;
        cache.keys.clear();
    }
    /// The present epoch and its transit key (made when the first one of an epoch asks).
    pub async fn transit_key(&self) -> Result<(Epoch, DataKey), StoreError> {
        let epoch = self.epoch();
        match self.transit_key_of(epoch).await {
            Err(StoreError::NoKey) => {}
            found => return found.map(|key| (epoch, key)),
        }
        let wrapped = self.master.wrap(transit_aad(epoch), &DataKey::generate()?).await?;
        let (now, generation) = (self.clock.now().0, self.generation);
        self.keyring
            .write(move |tx| {
                in_force(tx, generation)?;
                let sql =
                    "INSERT INTO transit_keys (epoch, wrapped, created) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
                tx.execute(sql, params![epoch, wrapped.clone(), now])
            })
            .await?;
        // Another caller or node may have been first: its key is the one.
        Ok((epoch, self.transit_key_of(epoch).await?))
    }
    /// The transit key of an epoch.
    pub async fn transit_key_of(&self, epoch: Epoch) -> Result<DataKey, StoreError> {
        let sql = "SELECT t.wrapped, m.generation FROM transit_keys t, master m WHERE t.epoch = $1 AND m.id = 1";
        self.lookup(Slot::Transit(epoch), sql, epoch, transit_aad(epoch)).await
    }
    /// Destroys the keys of these epochs (no entry uses them any more; the present epoch is never destroyed).
    pub async fn destroy_transit_keys(&self, epochs: Vec<Epoch>) -> Result<(), StoreError> {
        let present = self.epoch();
        let past: Vec<Epoch> = epochs.into_iter().filter(|e| *e < present).collect();
        let slots: Vec<Slot> = past.iter().map(|e| Slot::Transit(*e)).collect();
        self.keyring
            .write(move |tx| {
                past.iter()
                    .try_for_each(|e| tx.execute("DELETE FROM transit_keys WHERE epoch = $1", params![*e]).map(drop))
            })
            .await?;
        self.forget(&slots).await
    }
    /// Epochs whose key exists, oldest first.
    pub async fn transit_epochs(&self) -> Result<Vec<Epoch>, StoreError> {
        self.keyring
            .read(|tx| {
                tx.query("SELECT epoch FROM transit_keys ORDER BY epoch", &[])?.iter().map(|r| r.int(0)).collect()
            })
            .await
    }
    /// Keyed digest (HMAC-SHA-256 under the operator's pepper for `purpose`): deterministic tags, token digests, pseudonyms, dedupe.
    pub fn tag(&self, purpose: &str, data: &[u8]) -> [u8; 32] {
        let mut tagger = self.tagger(purpose);
        tagger.update(data);
        tagger.finish()
    }
    /// The same, over data that come in pieces.
    pub fn tagger(&self, purpose: &str) -> Tagger {
        // One HMAC a purpose, by a key that is itself an HMAC of the purpose under the pepper.
        let of_purpose = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, self.pepper.as_ref()), purpose.as_bytes());
        Tagger(hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, of_purpose.as_ref())))
    }
    /// What stands for a patient's address in clear columns, traces and the queue: a keyed pseudonym of the local part (the INS), the
    /// domain as it is. Two writings of one address have one pseudonym.
    pub fn pseudonym(&self, address: &Address) -> String {
        let tag = self.tag("address", address.key().as_bytes());
        format!("p-{}@{}", hex::encode(&tag[..12]), address.domain())
    }

    /// The keyring's engine.
    pub(crate) fn engine(&self) -> &Engine {
        &self.keyring
    }
    fn epoch(&self) -> Epoch {
        self.clock.now().0.div_euclid(EPOCH_MS)
    }
    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
    async fn lookup(&self, slot: Slot, sql: &'static str, id: i64, aad: Aad<'static>) -> Result<DataKey, StoreError> {
        let destructions = {
            let cache = self.cache();
            if let Some((key, since)) = cache.keys.get(&slot)
                && since.elapsed() < FRESH
            {
                return Ok(key.clone());
            }
            cache.destructions
        };
        let row = self.keyring.read(move |tx| tx.query_opt(sql, params![id])).await?.ok_or(StoreError::NoKey)?;
        if row.int(1)? != self.generation {
            return Err(replaced());
        }
        let key = self.master.unwrap_key(aad, row.bytes(0)?).await?;
        let mut cache = self.cache();
        if cache.destructions == destructions {
            if cache.keys.len() >= CACHED {
                cache.keys.retain(|_, (_, since)| since.elapsed() < FRESH);
            }
            if cache.keys.len() >= CACHED {
                // Thousands of BALs within a minute: reading them again is cheaper than keeping order.
                cache.keys.clear();
            }
            cache.keys.insert(slot, (key.clone(), Instant::now()));
        }
        Ok(key)
    }
    fn drop_from_cache(&self, slots: &[Slot]) {
        let mut cache = self.cache();
        cache.destructions += 1;
        slots.iter().for_each(|slot| drop(cache.keys.remove(slot)));
    }
    /// Forgets destroyed keys, and empties the log in which they could still be read.
    async fn forget(&self, slots: &[Slot]) -> Result<(), StoreError> {
        self.drop_from_cache(slots);
        let keyring = Arc::clone(&self.keyring);
        tokio::task::spawn_blocking(move || keyring.empty_log())
            .await
            .map_err(|_| StoreError::Other("the keyring's log was not emptied".into()))
    }
}

/// Refuses to add a key under a master key that is no longer the keyring's. Taken in turns with the switch of a rotation.
fn in_force(tx: &mut dyn Tx, generation: i64) -> Result<(), StoreError> {
    match tx.query_opt("SELECT generation FROM master WHERE id = 1 FOR UPDATE", &[])? {
        Some(row) if row.int(0)? == generation => Ok(()),
        _ => Err(replaced()),
    }
}

/// A keyed digest being computed.
#[derive(Debug, Clone)]
pub struct Tagger(hmac::Context);

impl Tagger {
    /// Adds data.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }
    /// The digest.
    pub fn finish(self) -> [u8; 32] {
        let tag = self.0.sign();
        let mut out = [0; 32];
        // HMAC-SHA-256 gives 32 bytes.
        out.copy_from_slice(tag.as_ref());
        out
    }
}
