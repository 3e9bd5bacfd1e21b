//! Structures' own sign-ins (OpenID Connect). No rule is here.
use crate::{Id, Row, StoreError, Tx, params};

/// A row of `sso_providers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Id.
    pub id: Id,
    /// Whose.
    pub structure_id: Id,
    /// As people choose it; one of a kind.
    pub name: String,
    /// Who signs.
    pub issuer: String,
    /// What we are called there.
    pub client_id: String,
    /// Our secret there, sealed under the identity key.
    pub secret: Option<Vec<u8>>,
    /// JSON: which claim, with which values, says that two natures proved.
    pub assurance: String,
    /// The claim that says who somebody is.
    pub subject_claim: String,
    /// `active` or `blocked`.
    pub state: String,
    /// Grows with each change; the first is 1.
    pub version: i64,
    /// Since, milliseconds since 1970.
    pub created: i64,
}

const PROVIDER: &str =
    "id, structure_id, name, issuer, client_id, secret, assurance, subject_claim, state, version, created";

fn provider(r: &Row) -> Result<Provider, StoreError> {
    Ok(Provider {
        id: r.int(0)?,
        structure_id: r.int(1)?,
        name: r.text(2)?,
        issuer: r.text(3)?,
        client_id: r.text(4)?,
        secret: r.opt_bytes(5)?,
        assurance: r.text(6)?,
        subject_claim: r.text(7)?,
        state: r.text(8)?,
        version: r.int(9)?,
        created: r.int(10)?,
    })
}

/// Keeps one. False when the name is taken.
pub fn insert(tx: &mut dyn Tx, p: &Provider) -> Result<bool, StoreError> {
    let sql = format!(
        "INSERT INTO sso_providers ({PROVIDER}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (name) DO NOTHING"
    );
    let values = params![
        p.id,
        p.structure_id,
        &p.name,
        &p.issuer,
        &p.client_id,
        p.secret.clone(),
        &p.assurance,
        &p.subject_claim,
        &p.state,
        p.version,
        p.created
    ];
    Ok(tx.execute(&sql, values)? > 0)
}

/// One by id, blocked ones too.
pub fn by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Provider>, StoreError> {
    let sql = format!("SELECT {PROVIDER} FROM sso_providers WHERE id = $1");
    tx.query_opt(&sql, params![id])?.as_ref().map(provider).transpose()
}

/// One by name, blocked ones too.
pub fn by_name(tx: &mut dyn Tx, name: &str) -> Result<Option<Provider>, StoreError> {
    let sql = format!("SELECT {PROVIDER} FROM sso_providers WHERE name = $1");
    tx.query_opt(&sql, params![name])?.as_ref().map(provider).transpose()
}

/// Those of a structure or of every one, by id, from after this one.
pub fn list(tx: &mut dyn Tx, structure: Option<Id>, after: Id, limit: i64) -> Result<Vec<Provider>, StoreError> {
    let of = if structure.is_some() { "structure_id = $2" } else { "$2 = 0" };
    let sql = format!("SELECT {PROVIDER} FROM sso_providers WHERE id > $1 AND {of} ORDER BY id LIMIT $3");
    tx.query(&sql, params![after, structure.unwrap_or(0), limit])?.iter().map(provider).collect()
}

/// Those of these structures, by id, from after this one.
pub fn list_within(tx: &mut dyn Tx, structures: &[Id], after: Id, limit: i64) -> Result<Vec<Provider>, StoreError> {
    let sql = format!(
        "SELECT {PROVIDER} FROM sso_providers WHERE id > $1 AND structure_id IN ({}) ORDER BY id LIMIT $2",
        crate::structures::among(structures)
    );
    tx.query(&sql, params![after, limit])?.iter().map(provider).collect()
}

/// Those in force of structures that are not blocked, by name: what people choose from.
pub fn in_force(tx: &mut dyn Tx) -> Result<Vec<Provider>, StoreError> {
    let sql = format!(
        "SELECT {PROVIDER} FROM sso_providers WHERE state = 'active' \
         AND EXISTS (SELECT 1 FROM structures s WHERE s.id = sso_providers.structure_id AND s.blocked IS NULL) ORDER BY name"
    );
    tx.query(&sql, &[])?.iter().map(provider).collect()
}

/// Changes everything of one but whose it is, if it is still of this version. False when it is not. `Exists` when the name is taken.
pub fn replace(tx: &mut dyn Tx, p: &Provider) -> Result<bool, StoreError> {
    let sql = "UPDATE sso_providers SET name = $3, issuer = $4, client_id = $5, secret = $6, assurance = $7, subject_claim = $8, state = $9, \
               version = version + 1 WHERE id = $1 AND version = $2";
    let values = params![
        p.id,
        p.version,
        &p.name,
        &p.issuer,
        &p.client_id,
        p.secret.clone(),
        &p.assurance,
        &p.subject_claim,
        &p.state
    ];
    Ok(tx.execute(sql, values)? > 0)
}
