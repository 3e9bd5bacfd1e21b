//! Another master key for a keyring: every key is wrapped anew, content is not touched.
//!
//! In two phases, so that memory stays small and a device may be slow: first each key is wrapped under the next master key *beside* what is in
//! force (`next`), in slices; then one transaction puts all of it in force, with the proof. Promises: until that transaction the old master
//! key opens the keyring and the next one does not, after it the reverse, whenever the process dies; a rotation that was interrupted goes on
//! where it was when it is asked again with the same key, and begins anew with another. Servers of other nodes that still run with the old key
//! add nothing and open nothing any more (a temporary failure) until they are started with the new one.
use super::signing::signing_aad;
use super::{MasterKey, PEPPER_AAD, PROOF, PROOF_AAD, bal_aad, prove, transit_aad};
use crate::engine::{self, Engine, Pending, Threads};
use crate::{EngineUrl, Id, StoreError, Tx, blocking, params};
use sceau_domain::Timestamp;

/// Keys wrapped between two transactions.
const SLICE: i64 = 200;

/// What a rotation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rotated {
    /// Keys that are under the new master key.
    pub keys: u64,
    /// It continued one that had been interrupted.
    pub resumed: bool,
    /// The keyring was under the new master key before.
    pub already: bool,
}

/// The kinds of keys: table, column of the id.
const KINDS: [(&str, &str); 3] = [("bal_keys", "bal"), ("transit_keys", "epoch"), ("signing_keys", "id")];

/// Opens a keyring that nobody else serves (SQLite: `Locked` otherwise) and rotates its master key. `progress` is told keys done and keys in all.
///
/// # Errors
/// `WrongMasterKey` when neither key opens the keyring; `Corrupt` names a key of the keyring that does not open; then nothing was changed.
pub async fn rotate(
    keyring: &EngineUrl,
    current: &MasterKey,
    next: &MasterKey,
    now: Timestamp,
    mut progress: impl FnMut(u64, u64),
) -> Result<Rotated, StoreError> {
    let (url, old, new) = (keyring.clone(), current.clone(), next.clone());
    let found = blocking(move || {
        let mut pending = Pending::connect(&url, &engine::KEYRING, Threads { writers: 1, readers: 1 })?;
        if pending.version() == 0 {
            return Err(StoreError::Other("there is no keyring".into()));
        }
        let proof = pending.read(|tx| match tx.query_opt("SELECT proof FROM master WHERE id = 1", &[])? {
            Some(row) => row.bytes(0),
            None => Err(StoreError::Other("the keyring is empty".into())),
        })?;
        match prove(&new, &proof) {
            Ok(()) => return Ok(None),
            Err(StoreError::WrongMasterKey) => prove(&old, &proof)?,
            Err(e) => return Err(e),
        }
        pending.start().map(Some)
    })
    .await?;
    let Some(engine) = found else { return Ok(Rotated { already: true, ..Rotated::default() }) };
    let outcome = carry_out(&engine, current, next, now, &mut progress).await;
    blocking(move || {
        // The old wrappings were overwritten in the file; the log goes too.
        engine.empty_log();
        drop(engine);
        Ok(())
    })
    .await?;
    outcome
}

async fn carry_out(
    engine: &Engine,
    current: &MasterKey,
    next: &MasterKey,
    now: Timestamp,
    progress: &mut impl FnMut(u64, u64),
) -> Result<Rotated, StoreError> {
    let resumed = begin(engine, current, next, now).await?;
    loop {
        let (mut done, all) = engine.read(counts).await?;
        progress(done, all);
        for kind in KINDS {
            let mut after = Id::MIN;
            loop {
                let (last, wrapped) = slice(engine, current, next, kind, after).await?;
                let Some(last) = last else { break };
                after = last;
                done += wrapped;
                progress(done, all.max(done));
            }
        }
        // False when a key was added meanwhile (PostgreSQL): once more for that one.
        if engine.write(move |tx| switch(tx, now)).await? {
            let (_, keys) = engine.read(counts).await?;
            return Ok(Rotated { keys, resumed, already: false });
        }
    }
}

/// Keys wrapped anew already, and all that live.
fn counts(tx: &mut dyn Tx) -> Result<(u64, u64), StoreError> {
    let (mut done, mut all) = (0, 0);
    for (table, _) in KINDS {
        let sql = format!("SELECT COUNT(next), COUNT(wrapped) FROM {table}");
        let row = tx.query_opt(&sql, &[])?.ok_or_else(|| StoreError::Other("no count".into()))?;
        done += u64::try_from(row.int(0)?).unwrap_or(0);
        all += u64::try_from(row.int(1)?).unwrap_or(0);
    }
    Ok((done, all))
}

/// Finds an interrupted rotation to this key (true), or begins one.
async fn begin(engine: &Engine, current: &MasterKey, next: &MasterKey, now: Timestamp) -> Result<bool, StoreError> {
    let read = |tx: &mut dyn Tx| {
        let begun = tx.query_opt("SELECT proof FROM rotation WHERE id = 1", &[])?;
        let pepper = tx.query_opt("SELECT pepper FROM master WHERE id = 1", &[])?;
        let pepper = pepper.ok_or_else(|| StoreError::Other("the keyring is empty".into()))?.bytes(0)?;
        Ok::<_, StoreError>((begun.map(|row| row.bytes(0)).transpose()?, pepper))
    };
    let (begun, pepper) = engine.read(read).await?;
    let (old, new) = (current.clone(), next.clone());
    let prepared = blocking(move || {
        if let Some(proof) = begun {
            match prove(&new, &proof) {
                Ok(()) => return Ok(None),
                Err(StoreError::WrongMasterKey) => {}
                Err(e) => return Err(e),
            }
        }
        let pepper = old.unwrap_bytes(PEPPER_AAD, &pepper)?;
        Ok(Some((new.wrap_bytes(PROOF_AAD, PROOF)?, new.wrap_bytes(PEPPER_AAD, &pepper)?)))
    })
    .await?;
    let Some((proof, pepper)) = prepared else { return Ok(true) };
    let keeper = next.describe();
    engine
        .write(move |tx| {
            tx.execute("DELETE FROM rotation", &[])?;
            for (table, _) in KINDS {
                tx.execute(&format!("UPDATE {table} SET next = NULL WHERE next IS NOT NULL"), &[])?;
            }
            let sql = "INSERT INTO rotation (id, proof, pepper, keeper, started) VALUES (1, $1, $2, $3, $4)";
            tx.execute(sql, params![proof.clone(), pepper.clone(), &keeper, now.0])?;
            Ok::<_, StoreError>(false)
        })
        .await
}

/// Wraps one slice of keys anew. The last id looked at (none at the end) and how many were wrapped.
async fn slice(
    engine: &Engine,
    current: &MasterKey,
    next: &MasterKey,
    (table, id): (&'static str, &'static str),
    after: Id,
) -> Result<(Option<Id>, u64), StoreError> {
    let sql = format!(
        "SELECT {id}, wrapped FROM {table} WHERE {id} > $1 AND wrapped IS NOT NULL AND next IS NULL ORDER BY {id} LIMIT $2"
    );
    let rows: Vec<(Id, Vec<u8>)> = engine
        .read(move |tx| {
            let rows = tx.query(&sql, params![after, SLICE])?;
            rows.iter().map(|r| Ok((r.int(0)?, r.bytes(1)?))).collect::<Result<_, StoreError>>()
        })
        .await?;
    let Some(last) = rows.last().map(|r| r.0) else { return Ok((None, 0)) };
    let (old, new) = (current.clone(), next.clone());
    let aad = match table {
        "bal_keys" => bal_aad,
        "transit_keys" => transit_aad,
        _ => signing_aad,
    };
    let anew = blocking(move || {
        rows.into_iter()
            .map(|(id, wrapped)| {
                let key = old.unwrap_bytes(aad(id), &wrapped)?;
                Ok((id, new.wrap_bytes(aad(id), &key)?, wrapped))
            })
            .collect::<Result<Vec<_>, StoreError>>()
    })
    .await?;
    let count = anew.len() as u64;
    // What was destroyed in between stays destroyed.
    let sql = format!("UPDATE {table} SET next = $2 WHERE {id} = $1 AND wrapped = $3");
    engine
        .write(move |tx| {
            anew.iter().try_for_each(|(id, next, before)| {
                tx.execute(&sql, params![*id, next.clone(), before.clone()]).map(drop)
            })
        })
        .await
        .map_err(|e: StoreError| e)?;
    Ok((Some(last), count))
}

/// Puts the next master key in force. False, having done nothing, when a key is not wrapped under it yet.
fn switch(tx: &mut dyn Tx, now: Timestamp) -> Result<bool, StoreError> {
    // Whoever adds a key takes this row first.
    tx.query("SELECT generation FROM master WHERE id = 1 FOR UPDATE", &[])?;
    for (table, _) in KINDS {
        let missing = format!("SELECT 1 FROM {table} WHERE wrapped IS NOT NULL AND next IS NULL LIMIT 1");
        if tx.query_opt(&missing, &[])?.is_some() {
            return Ok(false);
        }
    }
    let next = tx.query_opt("SELECT proof, pepper, keeper FROM rotation WHERE id = 1", &[])?;
    let next = next.ok_or_else(|| StoreError::Other("no rotation is on its way".into()))?;
    let sql = "UPDATE master SET proof = $1, pepper = $2, keeper = $3, generation = generation + 1, rotated = $4 WHERE id = 1";
    tx.execute(sql, params![next.bytes(0)?, next.bytes(1)?, next.text(2)?, now.0])?;
    for (table, _) in KINDS {
        tx.execute(&format!("UPDATE {table} SET wrapped = next, next = NULL WHERE next IS NOT NULL"), &[])?;
    }
    tx.execute("DELETE FROM rotation", &[])?;
    Ok(true)
}
