//! What can be said of a keyring without any secret, also while a server uses it; and making a new one.
use super::{Epoch, MasterKey, Vault, destroyed, prove};
use crate::engine::{self, Pending, Threads};
use crate::{EngineUrl, StoreConfig, StoreError, blocking};
use sceau_domain::Timestamp;

/// A keyring, as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// `sqlite` or `postgres`.
    pub engine: &'static str,
    /// What kind of master key opens it, when it is known.
    pub keeper: Option<String>,
    /// How many master keys it has had.
    pub generation: i64,
    /// Keys of BALs.
    pub bal_keys: i64,
    /// Destroyed keys of BALs.
    pub destroyed: i64,
    /// Transit keys.
    pub transit_keys: i64,
    /// Oldest transit key.
    pub oldest_epoch: Option<Epoch>,
    /// When the keyring was made.
    pub created: Timestamp,
    /// When its master key was last replaced.
    pub rotated: Option<Timestamp>,
    /// A rotation was begun and is not over.
    pub rotating: bool,
    /// Last backup of the keyring.
    pub backed_up: Option<Timestamp>,
    /// How long that backup is kept, days.
    pub backup_days: Option<i64>,
    proof: Vec<u8>,
}

impl Status {
    /// Does this master key open the keyring? `WrongMasterKey` when not. May block.
    pub fn opens(&self, master: &MasterKey) -> Result<(), StoreError> {
        prove(master, &self.proof)
    }
}

/// Looks at a keyring; none when there is none.
pub async fn status(keyring: &EngineUrl) -> Result<Option<Status>, StoreError> {
    let url = keyring.clone();
    blocking(move || {
        let engine = match url {
            EngineUrl::Sqlite(_) => "sqlite",
            EngineUrl::Postgres(_) => "postgres",
        };
        engine::peek(&url, &engine::KEYRING, |version, tx| {
            if version == 0 {
                return Ok(None);
            }
            let none = "'' AS keeper, 1 AS generation, NULL AS rotated, NULL AS backed_up, NULL AS backup_days";
            let known = "keeper, generation, rotated, backed_up, backup_days";
            let sql =
                format!("SELECT proof, created, {} FROM master WHERE id = 1", if version < 2 { none } else { known });
            let Some(master) = tx.query_opt(&sql, &[])? else { return Ok(None) };
            let mut count = |sql: &str| match tx.query_opt(sql, &[])? {
                Some(row) => row.opt_int(0),
                None => Ok(None),
            };
            let time = |column| master.opt_int(column).map(|at| at.map(Timestamp));
            Ok(Some(Status {
                engine,
                keeper: Some(master.text(2)?).filter(|k| !k.is_empty()),
                generation: master.int(3)?,
                bal_keys: count("SELECT COUNT(*) FROM bal_keys WHERE wrapped IS NOT NULL")?.unwrap_or(0),
                destroyed: count("SELECT COUNT(*) FROM bal_keys WHERE wrapped IS NULL")?.unwrap_or(0),
                transit_keys: count("SELECT COUNT(*) FROM transit_keys")?.unwrap_or(0),
                oldest_epoch: count("SELECT MIN(epoch) FROM transit_keys")?,
                rotating: version >= 2 && count("SELECT COUNT(*) FROM rotation")?.unwrap_or(0) > 0,
                created: Timestamp(master.int(1)?),
                rotated: time(4)?,
                backed_up: time(5)?,
                backup_days: master.opt_int(6)?,
                proof: master.bytes(0)?,
            }))
        })
    })
    .await
}

/// Is there a keyring, or are there data, where this configuration says? Makes and changes nothing.
pub async fn exists(config: &StoreConfig) -> Result<bool, StoreError> {
    let given = config.clone();
    blocking(move || {
        let keyring = engine::peek(&given.keyring, &engine::KEYRING, |version, _| Ok(version > 0))?;
        Ok(keyring || engine::peek(&given.data, &engine::DATA, |version, _| Ok(version > 0))?)
    })
    .await
}

/// Makes an empty keyring under `config.master`. `Exists` when there is one, or when data are there that another keyring must have sealed.
pub async fn create(config: &StoreConfig) -> Result<(), StoreError> {
    let given = config.clone();
    let engine = blocking(move || {
        let keyring = Pending::connect(&given.keyring, &engine::KEYRING, Threads { writers: 1, readers: 1 })?;
        let data = Pending::connect(&given.data, &engine::DATA, Threads { writers: 1, readers: 1 })?;
        if keyring.version() > 0 || data.version() > 0 {
            return Err(StoreError::Exists(if keyring.version() > 0 { "keyring" } else { "data" }.into()));
        }
        keyring.start()
    })
    .await?;
    let vault = Vault::open(engine, &config.master, config.clock.clone(), destroyed::List::of(config)).await?;
    blocking(move || {
        drop(vault);
        Ok(())
    })
    .await
}
