//! Rows of domains, people, BALs, access and tokens. No rule is here: `operator` decides, this module keeps.
use crate::{Id, Row, StoreError, Tx, params};

/// A row of `domains`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// Id.
    pub id: Id,
    /// Canonical name.
    pub name: String,
    /// `DomainKind::as_str`.
    pub kind: String,
    /// Created, milliseconds since 1970.
    pub created: i64,
}

/// A row of `people`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Id.
    pub id: Id,
    /// Login, lower case.
    pub login: String,
    /// Name shown.
    pub name: String,
    /// RPPS or ADELI.
    pub national_id: Option<String>,
    /// Created, milliseconds since 1970.
    pub created: i64,
    /// Role in the operator's administration, if any.
    pub admin_role: Option<String>,
    /// Since when disabled.
    pub disabled: Option<i64>,
}

/// A row of `bals`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bal {
    /// Id.
    pub id: Id,
    /// What the address is compared by.
    pub address_key: String,
    /// Address as displayed.
    pub address: String,
    /// Domain.
    pub domain_id: Id,
    /// `BalKind::as_str`.
    pub kind: String,
    /// Name shown.
    pub label: String,
    /// Test BAL.
    pub test: bool,
    /// Reachable from the trust space.
    pub reachable: bool,
    /// `active` or `closed`.
    pub state: String,
    /// Bytes used.
    pub used_bytes: i64,
    /// Messages held.
    pub message_count: i64,
    /// Quota, bytes.
    pub quota_bytes: i64,
    /// Created, milliseconds since 1970.
    pub created: i64,
}

/// A row of `access`, with the person's login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Person.
    pub person_id: Id,
    /// Its login.
    pub login: String,
    /// BAL.
    pub bal_id: Id,
    /// `holder`, `responsible`, `member`, `delegate`, `machine`.
    pub role: String,
    /// Since.
    pub granted: i64,
    /// Until, when over.
    pub ended: Option<i64>,
}

/// A row of `tokens`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Id.
    pub id: Id,
    /// Whose.
    pub person_id: Id,
    /// Only for this BAL, when set.
    pub bal_id: Option<Id>,
    /// What it is for.
    pub label: String,
    /// Peppered digest of the secret.
    pub digest: Vec<u8>,
    /// Created, milliseconds since 1970.
    pub created: i64,
    /// Expiry.
    pub expires: Option<i64>,
    /// Last successful login.
    pub last_used: Option<i64>,
    /// Revoked at.
    pub revoked: Option<i64>,
}

const DOMAIN: &str = "id, name, kind, created";
const PERSON: &str = "id, login, name, national_id, created, admin_role, disabled";
const BAL: &str = "id, address_key, address, domain_id, kind, label, test, reachable, state, used_bytes, message_count, quota_bytes, created";
const TOKEN: &str = "id, person_id, bal_id, label, digest, created, expires, last_used, revoked";

fn domain(r: &Row) -> Result<Domain, StoreError> {
    Ok(Domain { id: r.int(0)?, name: r.text(1)?, kind: r.text(2)?, created: r.int(3)? })
}
fn person(r: &Row) -> Result<Person, StoreError> {
    Ok(Person {
        id: r.int(0)?,
        login: r.text(1)?,
        name: r.text(2)?,
        national_id: r.opt_text(3)?,
        created: r.int(4)?,
        admin_role: r.opt_text(5)?,
        disabled: r.opt_int(6)?,
    })
}
fn bal(r: &Row) -> Result<Bal, StoreError> {
    Ok(Bal {
        id: r.int(0)?,
        address_key: r.text(1)?,
        address: r.text(2)?,
        domain_id: r.int(3)?,
        kind: r.text(4)?,
        label: r.text(5)?,
        test: r.bool(6)?,
        reachable: r.bool(7)?,
        state: r.text(8)?,
        used_bytes: r.int(9)?,
        message_count: r.int(10)?,
        quota_bytes: r.int(11)?,
        created: r.int(12)?,
    })
}
fn token(r: &Row) -> Result<Token, StoreError> {
    Ok(Token {
        id: r.int(0)?,
        person_id: r.int(1)?,
        bal_id: r.opt_int(2)?,
        label: r.text(3)?,
        digest: r.bytes(4)?,
        created: r.int(5)?,
        expires: r.opt_int(6)?,
        last_used: r.opt_int(7)?,
        revoked: r.opt_int(8)?,
    })
}
fn one<T>(row: Option<Row>, read: fn(&Row) -> Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    row.as_ref().map(read).transpose()
}

/// Inserts a domain. `Exists` when the name is taken.
pub fn insert_domain(tx: &mut dyn Tx, d: &Domain) -> Result<(), StoreError> {
    let sql = "INSERT INTO domains (id, name, kind, created) VALUES ($1, $2, $3, $4)";
    tx.execute(sql, params![d.id, &d.name, &d.kind, d.created]).map(drop)
}

/// A domain by canonical name.
pub fn domain_by_name(tx: &mut dyn Tx, name: &str) -> Result<Option<Domain>, StoreError> {
    one(tx.query_opt(&format!("SELECT {DOMAIN} FROM domains WHERE name = $1"), params![name])?, domain)
}

/// A domain by id.
pub fn domain_by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Domain>, StoreError> {
    one(tx.query_opt(&format!("SELECT {DOMAIN} FROM domains WHERE id = $1"), params![id])?, domain)
}

/// Every domain, by name (an operator has hundreds at most).
pub fn domains(tx: &mut dyn Tx) -> Result<Vec<Domain>, StoreError> {
    tx.query(&format!("SELECT {DOMAIN} FROM domains ORDER BY name"), &[])?.iter().map(domain).collect()
}

/// Inserts a person. `Exists` when the login is taken.
pub fn insert_person(tx: &mut dyn Tx, p: &Person) -> Result<(), StoreError> {
    let sql = "INSERT INTO people (id, login, name, national_id, created, admin_role, disabled) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let values = params![p.id, &p.login, &p.name, p.national_id.clone(), p.created, p.admin_role.clone(), p.disabled];
    tx.execute(sql, values).map(drop)
}

/// A person by login.
pub fn person_by_login(tx: &mut dyn Tx, login: &str) -> Result<Option<Person>, StoreError> {
    one(tx.query_opt(&format!("SELECT {PERSON} FROM people WHERE login = $1"), params![login])?, person)
}

/// A person by id.
pub fn person_by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Person>, StoreError> {
    one(tx.query_opt(&format!("SELECT {PERSON} FROM people WHERE id = $1"), params![id])?, person)
}

/// People by login, from after `after`.
pub fn people(tx: &mut dyn Tx, after: &str, limit: i64) -> Result<Vec<Person>, StoreError> {
    let sql = format!("SELECT {PERSON} FROM people WHERE login > $1 ORDER BY login LIMIT $2");
    tx.query(&sql, params![after, limit])?.iter().map(person).collect()
}

/// Sets or clears a person's role in the operator's administration.
pub fn set_admin_role(tx: &mut dyn Tx, person: Id, role: Option<&str>) -> Result<(), StoreError> {
    tx.execute("UPDATE people SET admin_role = $2 WHERE id = $1", params![person, role]).map(drop)
}

/// Inserts a BAL, active, empty. `Exists` when the address is taken.
pub fn insert_bal(tx: &mut dyn Tx, b: &Bal) -> Result<(), StoreError> {
    let sql = "INSERT INTO bals (id, address_key, address, domain_id, kind, label, test, reachable, state, modseq, uidvalidity_next, \
               used_bytes, message_count, quota_bytes, created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $11, $12, $13, $14)";
    // UIDVALIDITY begins at the second of creation: an address that is opened anew never repeats one (RFC 9051 §2.3.1.1).
    let uidvalidity = (b.created / 1000).clamp(1, i64::from(u32::MAX) - 1);
    let values = params![
        b.id,
        &b.address_key,
        &b.address,
        b.domain_id,
        &b.kind,
        &b.label,
        b.test,
        b.reachable,
        &b.state,
        uidvalidity,
        b.used_bytes,
        b.message_count,
        b.quota_bytes,
        b.created
    ];
    tx.execute(sql, values).map(drop)
}

/// A BAL by address key (closed ones too).
pub fn bal_by_address(tx: &mut dyn Tx, key: &str) -> Result<Option<Bal>, StoreError> {
    one(tx.query_opt(&format!("SELECT {BAL} FROM bals WHERE address_key = $1"), params![key])?, bal)
}

/// A BAL by id.
pub fn bal_by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Bal>, StoreError> {
    one(tx.query_opt(&format!("SELECT {BAL} FROM bals WHERE id = $1"), params![id])?, bal)
}

/// BALs by address key, of one domain or all, from after `after`.
pub fn bals(tx: &mut dyn Tx, domain: Option<Id>, after: &str, limit: i64) -> Result<Vec<Bal>, StoreError> {
    let sql = format!(
        "SELECT {BAL} FROM bals WHERE address_key > $1 AND ($2 = 0 OR domain_id = $2) ORDER BY address_key LIMIT $3"
    );
    tx.query(&sql, params![after, domain.unwrap_or(0), limit])?.iter().map(bal).collect()
}

/// Grants a role. `Exists` when the person has one in force on this BAL.
pub fn grant(tx: &mut dyn Tx, person: Id, bal: Id, role: &str, at: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO access (person_id, bal_id, role, granted) VALUES ($1, $2, $3, $4)";
    tx.execute(sql, params![person, bal, role, at]).map(drop)
}

/// Ends the role in force; false when there was none.
pub fn end_access(tx: &mut dyn Tx, person: Id, bal: Id, at: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE access SET ended = $3 WHERE person_id = $1 AND bal_id = $2 AND ended IS NULL";
    Ok(tx.execute(sql, params![person, bal, at])? > 0)
}

const ACCESS: &str = "SELECT a.person_id, p.login, a.bal_id, a.role, a.granted, a.ended FROM access a JOIN people p ON p.id = a.person_id";

fn access(r: &Row) -> Result<Access, StoreError> {
    Ok(Access {
        person_id: r.int(0)?,
        login: r.text(1)?,
        bal_id: r.int(2)?,
        role: r.text(3)?,
        granted: r.int(4)?,
        ended: r.opt_int(5)?,
    })
}

/// Roles in force on a BAL, by login.
pub fn access_of_bal(tx: &mut dyn Tx, bal: Id) -> Result<Vec<Access>, StoreError> {
    tx.query(&format!("{ACCESS} WHERE a.bal_id = $1 AND a.ended IS NULL ORDER BY p.login"), params![bal])?
        .iter()
        .map(access)
        .collect()
}

/// Roles in force of a person.
pub fn access_of_person(tx: &mut dyn Tx, person: Id) -> Result<Vec<Access>, StoreError> {
    let sql = format!("{ACCESS} WHERE a.person_id = $1 AND a.ended IS NULL ORDER BY a.bal_id");
    tx.query(&sql, params![person])?.iter().map(access).collect()
}

/// The role in force of a person on a BAL.
pub fn access_in_force(tx: &mut dyn Tx, person: Id, bal: Id) -> Result<Option<Access>, StoreError> {
    let sql = format!("{ACCESS} WHERE a.person_id = $1 AND a.bal_id = $2 AND a.ended IS NULL");
    one(tx.query_opt(&sql, params![person, bal])?, access)
}

/// Inserts a token.
pub fn insert_token(tx: &mut dyn Tx, t: &Token) -> Result<(), StoreError> {
    let sql = "INSERT INTO tokens (id, person_id, bal_id, label, digest, created, expires) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    tx.execute(sql, params![t.id, t.person_id, t.bal_id, &t.label, t.digest.clone(), t.created, t.expires]).map(drop)
}

/// A token by digest, revoked and expired ones too.
pub fn token_by_digest(tx: &mut dyn Tx, digest: &[u8]) -> Result<Option<Token>, StoreError> {
    one(tx.query_opt(&format!("SELECT {TOKEN} FROM tokens WHERE digest = $1"), params![digest])?, token)
}

/// A token by id.
pub fn token_by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Token>, StoreError> {
    one(tx.query_opt(&format!("SELECT {TOKEN} FROM tokens WHERE id = $1"), params![id])?, token)
}

/// Tokens of a person or of everybody, oldest first, from after `after`.
pub fn tokens(tx: &mut dyn Tx, person: Option<Id>, after: Id, limit: i64) -> Result<Vec<Token>, StoreError> {
    let sql = format!("SELECT {TOKEN} FROM tokens WHERE id > $1 AND ($2 = 0 OR person_id = $2) ORDER BY id LIMIT $3");
    tx.query(&sql, params![after, person.unwrap_or(0), limit])?.iter().map(token).collect()
}

/// Notes a successful login with a token.
pub fn touch_token(tx: &mut dyn Tx, id: Id, at: i64) -> Result<(), StoreError> {
    tx.execute("UPDATE tokens SET last_used = $2 WHERE id = $1", params![id, at]).map(drop)
}

/// Revokes a token; false when it is unknown or was revoked before.
pub fn revoke_token(tx: &mut dyn Tx, id: Id, at: i64) -> Result<bool, StoreError> {
    Ok(tx.execute("UPDATE tokens SET revoked = $2 WHERE id = $1 AND revoked IS NULL", params![id, at])? > 0)
}

/// People with a role in the operator's administration, by login.
pub fn administrators(tx: &mut dyn Tx) -> Result<Vec<Person>, StoreError> {
    tx.query(&format!("SELECT {PERSON} FROM people WHERE admin_role IS NOT NULL ORDER BY login"), &[])?
        .iter()
        .map(person)
        .collect()
}

/// Sets the name and national identifier of a person.
pub fn complete_person(tx: &mut dyn Tx, id: Id, name: &str, national_id: Option<&str>) -> Result<(), StoreError> {
    tx.execute("UPDATE people SET name = $2, national_id = $3 WHERE id = $1", params![id, name, national_id]).map(drop)
}
