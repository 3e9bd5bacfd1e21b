//! Our authority for people's devices. No rule is here.
use crate::{Id, Row, StoreError, Tx, params};

/// A row of `device_authorities`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// Id; also of the key of the keyring under which `sealed_key` is sealed.
    pub id: Id,
    /// Certificate, PEM.
    pub certificate: String,
    /// Its private key, sealed.
    pub sealed_key: Vec<u8>,
    /// SHA-256 of the certificate, hexadecimal.
    pub fingerprint: String,
    /// Its end, milliseconds since 1970.
    pub not_after: i64,
    /// Made.
    pub created: i64,
}

const AUTHORITY: &str = "id, certificate, sealed_key, fingerprint, not_after, created";

fn authority(r: &Row) -> Result<Authority, StoreError> {
    Ok(Authority {
        id: r.int(0)?,
        certificate: r.text(1)?,
        sealed_key: r.bytes(2)?,
        fingerprint: r.text(3)?,
        not_after: r.int(4)?,
        created: r.int(5)?,
    })
}

/// Every one, newest first: the first issues, certificates of all count.
pub fn list(tx: &mut dyn Tx) -> Result<Vec<Authority>, StoreError> {
    tx.query(&format!("SELECT {AUTHORITY} FROM device_authorities ORDER BY id DESC"), &[])?
        .iter()
        .map(authority)
        .collect()
}

/// Keeps one.
pub fn insert(tx: &mut dyn Tx, a: &Authority) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO device_authorities ({AUTHORITY}) VALUES ($1, $2, $3, $4, $5, $6)");
    let values = params![a.id, &a.certificate, a.sealed_key.clone(), &a.fingerprint, a.not_after, a.created];
    tx.execute(&sql, values).map(drop)
}
