//! Certificates by which a machine logs in to its applicative BAL (F222). Each is a token of purpose `certificate`: what ends a token ends it.
use crate::{Id, Row, StoreError, Tx, params};

/// Whose name a token of purpose `certificate` stands for. Never a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenCertificate {
    /// The token.
    pub token_id: Id,
    /// A keyed digest of subject and issuer, by which it is found.
    pub who: Vec<u8>,
    /// Subject.
    pub subject: String,
    /// Issuer.
    pub issuer: String,
    /// SHA-256 of the certificate last seen, hexadecimal.
    pub sha256: String,
    /// Its end, milliseconds since 1970.
    pub not_after: i64,
}

const COLUMNS: &str = "token_id, who, subject, issuer, sha256, not_after";

fn row(r: &Row) -> Result<TokenCertificate, StoreError> {
    Ok(TokenCertificate {
        token_id: r.int(0)?,
        who: r.bytes(1)?,
        subject: r.text(2)?,
        issuer: r.text(3)?,
        sha256: r.text(4)?,
        not_after: r.int(5)?,
    })
}

/// Keeps one, beside its token.
pub fn insert(tx: &mut dyn Tx, c: &TokenCertificate) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO token_certificates ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6)");
    tx.execute(&sql, params![c.token_id, c.who.clone(), &c.subject, &c.issuer, &c.sha256, c.not_after]).map(drop)
}

/// Those that stand for this name, whatever became of their tokens, at most `limit`.
pub fn of_who(tx: &mut dyn Tx, who: &[u8], limit: i64) -> Result<Vec<TokenCertificate>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM token_certificates WHERE who = $1 ORDER BY token_id DESC LIMIT $2");
    tx.query(&sql, params![who, limit])?.iter().map(row).collect()
}

/// One with its token, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The certificate.
    pub certificate: TokenCertificate,
    /// Login of the machine.
    pub login: String,
    /// What it is for.
    pub label: String,
    /// Since.
    pub created: i64,
    /// Last login with it.
    pub last_used: Option<i64>,
    /// Removed at.
    pub revoked: Option<i64>,
}

/// Those of a BAL, oldest first, removed ones too, from after the token `after`.
pub fn of_bal(tx: &mut dyn Tx, bal: Id, after: Id, limit: i64) -> Result<Vec<Registered>, StoreError> {
    let sql = "SELECT c.token_id, c.who, c.subject, c.issuer, c.sha256, c.not_after, p.login, t.label, t.created, t.last_used, t.revoked \
               FROM tokens t JOIN token_certificates c ON c.token_id = t.id JOIN people p ON p.id = t.person_id \
               WHERE t.bal_id = $1 AND t.id > $2 ORDER BY t.id LIMIT $3";
    let read = |r: &Row| {
        Ok(Registered {
            certificate: row(r)?,
            login: r.text(6)?,
            label: r.text(7)?,
            created: r.int(8)?,
            last_used: r.opt_int(9)?,
            revoked: r.opt_int(10)?,
        })
    };
    tx.query(sql, params![bal, after, limit])?.iter().map(read).collect()
}

/// How many of a BAL are in force.
pub fn in_force(tx: &mut dyn Tx, bal: Id) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) FROM token_certificates c JOIN tokens t ON t.id = c.token_id WHERE t.bal_id = $1 AND t.revoked IS NULL";
    tx.query_opt(sql, params![bal])?.map_or(Ok(0), |r| r.int(0))
}

/// A certificate of this name was shown, in the place of the one that is known unless that one ends later: while a machine is renewed on some of its hosts
/// both are shown by turns.
pub fn seen(tx: &mut dyn Tx, token: Id, sha256: &str, not_after: i64) -> Result<(), StoreError> {
    let sql = "UPDATE token_certificates SET sha256 = $2, not_after = $3 WHERE token_id = $1 AND not_after <= $3";
    tx.execute(sql, params![token, sha256, not_after]).map(drop)
}

/// A certificate by which a machine may log in now, with the end of the one last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Login of the machine.
    pub login: String,
    /// What it is for.
    pub label: String,
    /// Subject.
    pub subject: String,
    /// End, milliseconds since 1970.
    pub not_after: i64,
}

/// Those in force that end before `soon`, the first to end first, at most `limit`.
pub fn ending(tx: &mut dyn Tx, soon: i64, limit: i64) -> Result<Vec<Ending>, StoreError> {
    let sql = "SELECT p.login, t.label, c.subject, c.not_after FROM token_certificates c JOIN tokens t ON t.id = c.token_id \
               JOIN people p ON p.id = t.person_id WHERE c.not_after < $1 AND t.revoked IS NULL ORDER BY c.not_after, c.token_id LIMIT $2";
    let read = |r: &Row| Ok(Ending { login: r.text(0)?, label: r.text(1)?, subject: r.text(2)?, not_after: r.int(3)? });
    tx.query(sql, params![soon, limit])?.iter().map(read).collect()
}
