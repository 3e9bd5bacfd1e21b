//! Our authorization server: clients, grants, codes, tokens, devices. No rule is here (see `sceau_identity::oauth`).
//!
//! Promises: a grant is a row of `tokens` (purpose `oauth`), which ends as every token does; a code, a refresh token and a device's code are spent by one
//! statement that decides, whichever nodes ask at once; of secrets only keyed digests are kept.
use crate::accounts::{self, Token};
use crate::{Id, Row, StoreError, Tx, params};

/// `tokens.purpose` of a grant.
pub const PURPOSE: &str = "oauth";

/// A row of `oauth_clients`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// `client_id`.
    pub id: String,
    /// As it is shown to whoever consents.
    pub name: String,
    /// `ClientKind::as_str`.
    pub kind: String,
    /// JSON list: where browsers may be sent back to.
    pub redirects: String,
    /// What it may ask for, in bits.
    pub scopes: i64,
    /// Keyed digest of its secret.
    pub secret: Option<Vec<u8>>,
    /// Its public keys, when it proves itself by one.
    pub jwks: Option<String>,
    /// `active` or `blocked`.
    pub state: String,
    /// `admin` or `dynamic`.
    pub registered: String,
    /// Since, milliseconds since 1970.
    pub created: i64,
    /// Grows with each change; the first is 1.
    pub version: i64,
}

const CLIENT: &str = "id, name, kind, redirects, scopes, secret, jwks, state, registered, created, version";

fn read_client(r: &Row) -> Result<Client, StoreError> {
    Ok(Client {
        id: r.text(0)?,
        name: r.text(1)?,
        kind: r.text(2)?,
        redirects: r.text(3)?,
        scopes: r.int(4)?,
        secret: r.opt_bytes(5)?,
        jwks: r.opt_text(6)?,
        state: r.text(7)?,
        registered: r.text(8)?,
        created: r.int(9)?,
        version: r.int(10)?,
    })
}

/// Keeps a client. False when the id is taken.
pub fn insert_client(tx: &mut dyn Tx, c: &Client) -> Result<bool, StoreError> {
    let sql = format!(
        "INSERT INTO oauth_clients ({CLIENT}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING"
    );
    let values = params![
        &c.id,
        &c.name,
        &c.kind,
        &c.redirects,
        c.scopes,
        c.secret.clone(),
        c.jwks.clone(),
        &c.state,
        &c.registered,
        c.created,
        c.version
    ];
    Ok(tx.execute(&sql, values)? > 0)
}

/// A client, blocked ones too.
pub fn client(tx: &mut dyn Tx, id: &str) -> Result<Option<Client>, StoreError> {
    let sql = format!("SELECT {CLIENT} FROM oauth_clients WHERE id = $1");
    tx.query_opt(&sql, params![id])?.as_ref().map(read_client).transpose()
}

/// Clients by id, from after this one.
pub fn clients(tx: &mut dyn Tx, after: &str, limit: i64) -> Result<Vec<Client>, StoreError> {
    let sql = format!("SELECT {CLIENT} FROM oauth_clients WHERE id > $1 ORDER BY id LIMIT $2");
    tx.query(&sql, params![after, limit])?.iter().map(read_client).collect()
}

/// How many programs registered themselves.
pub fn dynamic_clients(tx: &mut dyn Tx) -> Result<i64, StoreError> {
    tx.query_opt("SELECT COUNT(*) FROM oauth_clients WHERE registered = 'dynamic'", &[])?.map_or(Ok(0), |r| r.int(0))
}

/// Is there a program on people's devices, in force, that may ask for all of these scopes (in bits)?
pub fn program_may(tx: &mut dyn Tx, scopes: i64) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM oauth_clients WHERE kind = 'native' AND state = 'active' AND (scopes & $1) = $1 LIMIT 1";
    Ok(tx.query_opt(sql, params![scopes])?.is_some())
}

/// Changes everything of a client but its id, kind and origin, if it is still of this version. False when it is not.
pub fn replace_client(tx: &mut dyn Tx, c: &Client) -> Result<bool, StoreError> {
    let sql = "UPDATE oauth_clients SET name = $3, redirects = $4, scopes = $5, secret = $6, jwks = $7, state = $8, version = version + 1 \
               WHERE id = $1 AND version = $2";
    let (secret, jwks) = (c.secret.clone(), c.jwks.clone());
    let values = params![&c.id, c.version, &c.name, &c.redirects, c.scopes, secret, jwks, &c.state];
    Ok(tx.execute(sql, values)? > 0)
}

/// A row of `oauth_grants`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its token: whose it is, of which BAL, what it opens, until when, whether it was revoked.
    pub token: Token,
    /// To which client.
    pub client_id: String,
    /// The newest generation of its refresh tokens; 0 before the first.
    pub generation: i64,
    /// Since when that is the newest.
    pub rotated: i64,
    /// Its own end.
    pub until: i64,
}

/// Keeps a grant, and its token, which ends with it.
pub fn insert_grant(tx: &mut dyn Tx, g: &Grant) -> Result<(), StoreError> {
    let token = Token { purpose: PURPOSE.into(), expires: Some(g.until), ..g.token.clone() };
    accounts::insert_token(tx, &token)?;
    let sql = "INSERT INTO oauth_grants (token_id, client_id, generation, rotated, until) VALUES ($1, $2, $3, $4, $5)";
    tx.execute(sql, params![g.token.id, &g.client_id, g.generation, g.rotated, g.until]).map(drop)
}

/// A grant, revoked ones too.
pub fn grant(tx: &mut dyn Tx, token: Id) -> Result<Option<Grant>, StoreError> {
    let Some(token) = accounts::token_by_id(tx, token)? else { return Ok(None) };
    let sql = "SELECT client_id, generation, rotated, until FROM oauth_grants WHERE token_id = $1";
    let Some(r) = tx.query_opt(sql, params![token.id])? else { return Ok(None) };
    let (client_id, generation, rotated, until) = (r.text(0)?, r.int(1)?, r.int(2)?, r.int(3)?);
    Ok(Some(Grant { token, client_id, generation, rotated, until }))
}

/// Ids of a client's grants that are in force at `now`, from after this one: those that end with it.
pub fn grants_of_client(
    tx: &mut dyn Tx,
    client: &str,
    (after, now): (Id, i64),
    limit: i64,
) -> Result<Vec<Id>, StoreError> {
    let sql = "SELECT g.token_id FROM oauth_grants g JOIN tokens t ON t.id = g.token_id \
               WHERE g.client_id = $1 AND g.token_id > $2 AND t.revoked IS NULL AND g.until > $3 ORDER BY g.token_id LIMIT $4";
    tx.query(sql, params![client, after, now, limit])?.iter().map(|r| r.int(0)).collect()
}

/// The next generation of a grant's refresh tokens, after this one; it is the newest from `at` on. None: this one is not the newest (any more), or the
/// grant was revoked. The first statement of the transaction in which tokens are given, so that another node waits for it.
pub fn rotate(tx: &mut dyn Tx, grant: Id, generation: i64, at: i64) -> Result<Option<i64>, StoreError> {
    let sql = "UPDATE oauth_grants SET generation = generation + 1, rotated = $3 WHERE token_id = $1 AND generation = $2 AND until > $3 \
               AND EXISTS (SELECT 1 FROM tokens t WHERE t.id = oauth_grants.token_id AND t.revoked IS NULL) RETURNING generation";
    tx.query_opt(sql, params![grant, generation, at])?.map(|r| r.int(0)).transpose()
}

/// Gives a grant, and its token, another end.
pub fn set_end(tx: &mut dyn Tx, grant: Id, until: i64) -> Result<(), StoreError> {
    tx.execute("UPDATE oauth_grants SET until = $2 WHERE token_id = $1", params![grant, until])?;
    tx.execute("UPDATE tokens SET expires = $2 WHERE id = $1", params![grant, until]).map(drop)
}

/// A row of `oauth_codes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// Keyed digest of the code.
    pub digest: Vec<u8>,
    /// What it gives.
    pub grant_id: Id,
    /// To which client.
    pub client_id: String,
    /// Where it was sent.
    pub redirect: String,
    /// PKCE: S256 of the verifier.
    pub challenge: String,
    /// Good until, milliseconds since 1970.
    pub expires: i64,
    /// Spent at.
    pub used: Option<i64>,
}

const CODE: &str = "digest, grant_id, client_id, redirect, challenge, expires, used";

/// Keeps a code.
pub fn insert_code(tx: &mut dyn Tx, c: &Code) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO oauth_codes ({CODE}) VALUES ($1, $2, $3, $4, $5, $6, $7)");
    let values = params![c.digest.clone(), c.grant_id, &c.client_id, &c.redirect, &c.challenge, c.expires, c.used];
    tx.execute(&sql, values).map(drop)
}

/// A code, whatever became of it: one that was spent before ends its grant (RFC 9700 §4.5).
pub fn code(tx: &mut dyn Tx, digest: &[u8]) -> Result<Option<Code>, StoreError> {
    let sql = format!("SELECT {CODE} FROM oauth_codes WHERE digest = $1");
    let read = |r: Row| {
        Ok(Code {
            digest: r.bytes(0)?,
            grant_id: r.int(1)?,
            client_id: r.text(2)?,
            redirect: r.text(3)?,
            challenge: r.text(4)?,
            expires: r.int(5)?,
            used: r.opt_int(6)?,
        })
    };
    tx.query_opt(&sql, params![digest])?.map(read).transpose()
}

/// Spends a code that is good at `now`. False when it was spent, or is over.
pub fn spend_code(tx: &mut dyn Tx, digest: &[u8], now: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE oauth_codes SET used = $2 WHERE digest = $1 AND used IS NULL AND expires > $2";
    Ok(tx.execute(sql, params![digest, now])? > 0)
}

/// A row of `oauth_tokens`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// Keyed digest of the token.
    pub digest: Vec<u8>,
    /// Of which grant.
    pub grant_id: Id,
    /// `access` or `refresh`.
    pub kind: String,
    /// Of which generation.
    pub generation: i64,
    /// Good until, milliseconds since 1970.
    pub expires: i64,
    /// First shown (refresh tokens).
    pub used: Option<i64>,
}

/// Keeps a token that is given.
pub fn insert_issued(tx: &mut dyn Tx, t: &Issued) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO oauth_tokens (digest, grant_id, kind, generation, expires, used) VALUES ($1, $2, $3, $4, $5, $6)";
    tx.execute(sql, params![t.digest.clone(), t.grant_id, &t.kind, t.generation, t.expires, t.used]).map(drop)
}

/// A token of this kind, over or not: a refresh token that comes back late has to be known.
pub fn issued(tx: &mut dyn Tx, kind: &str, digest: &[u8]) -> Result<Option<Issued>, StoreError> {
    let sql =
        "SELECT digest, grant_id, kind, generation, expires, used FROM oauth_tokens WHERE digest = $1 AND kind = $2";
    let read = |r: Row| {
        Ok(Issued {
            digest: r.bytes(0)?,
            grant_id: r.int(1)?,
            kind: r.text(2)?,
            generation: r.int(3)?,
            expires: r.int(4)?,
            used: r.opt_int(5)?,
        })
    };
    tx.query_opt(sql, params![digest, kind])?.map(read).transpose()
}

/// The token row of the grant of an access token that is good at `now` (its own end, the grant's end and revocation).
pub fn access(tx: &mut dyn Tx, digest: &[u8], now: i64) -> Result<Option<Token>, StoreError> {
    let sql = "SELECT grant_id FROM oauth_tokens WHERE digest = $1 AND kind = 'access' AND expires > $2";
    let Some(grant) = tx.query_opt(sql, params![digest, now])? else { return Ok(None) };
    let token = accounts::token_by_id(tx, grant.int(0)?)?;
    Ok(token.filter(|t| t.purpose == PURPOSE && t.revoked.is_none() && t.expires.is_none_or(|e| e > now)))
}

/// A refresh token was shown.
pub fn shown(tx: &mut dyn Tx, digest: &[u8], at: i64) -> Result<(), StoreError> {
    let sql = "UPDATE oauth_tokens SET used = $2 WHERE digest = $1 AND used IS NULL";
    tx.execute(sql, params![digest, at]).map(drop)
}

/// A client's signed proof (keyed digest of client and `jti`) is shown for the first time. False when it was shown before. Kept until `until`.
pub fn first_shown(tx: &mut dyn Tx, digest: &[u8], until: i64) -> Result<bool, StoreError> {
    let sql = "INSERT INTO oauth_tokens (digest, grant_id, kind, generation, expires, used) VALUES ($1, 0, 'assertion', 0, $2, $2) \
               ON CONFLICT (digest) DO NOTHING";
    Ok(tx.execute(sql, params![digest, until])? > 0)
}

/// A row of `oauth_devices`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Keyed digest of the device's code.
    pub digest: Vec<u8>,
    /// What somebody types.
    pub user_code: String,
    /// Which client asks.
    pub client_id: String,
    /// What for, in bits.
    pub scope: i64,
    /// `waiting`, `granted`, `refused` or `spent`.
    pub state: String,
    /// What was given.
    pub grant_id: Option<Id>,
    /// Asked, milliseconds since 1970.
    pub at: i64,
    /// Good until.
    pub expires: i64,
    /// Last question.
    pub polled: i64,
    /// Milliseconds between two questions.
    pub every: i64,
    /// From where it asked: a configured place or a network.
    pub place: String,
}

const DEVICE: &str = "digest, user_code, client_id, scope, state, grant_id, at, expires, polled, every, place";

fn read_device(r: &Row) -> Result<Device, StoreError> {
    Ok(Device {
        digest: r.bytes(0)?,
        user_code: r.text(1)?,
        client_id: r.text(2)?,
        scope: r.int(3)?,
        state: r.text(4)?,
        grant_id: r.opt_int(5)?,
        at: r.int(6)?,
        expires: r.int(7)?,
        polled: r.int(8)?,
        every: r.int(9)?,
        place: r.text(10)?,
    })
}

/// Keeps what a device asks. False when its user code is taken: make another one.
pub fn insert_device(tx: &mut dyn Tx, d: &Device) -> Result<bool, StoreError> {
    let sql = format!(
        "INSERT INTO oauth_devices ({DEVICE}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (user_code) DO NOTHING"
    );
    let values = params![
        d.digest.clone(),
        &d.user_code,
        &d.client_id,
        d.scope,
        &d.state,
        d.grant_id,
        d.at,
        d.expires,
        d.polled,
        d.every,
        &d.place
    ];
    Ok(tx.execute(&sql, values)? > 0)
}

/// What the device of this code asked, over or not.
pub fn device(tx: &mut dyn Tx, digest: &[u8]) -> Result<Option<Device>, StoreError> {
    let sql = format!("SELECT {DEVICE} FROM oauth_devices WHERE digest = $1");
    tx.query_opt(&sql, params![digest])?.as_ref().map(read_device).transpose()
}

/// What waits under a user code at `now`.
pub fn device_waiting(tx: &mut dyn Tx, user_code: &str, now: i64) -> Result<Option<Device>, StoreError> {
    let sql = format!("SELECT {DEVICE} FROM oauth_devices WHERE user_code = $1 AND state = 'waiting' AND expires > $2");
    tx.query_opt(&sql, params![user_code, now])?.as_ref().map(read_device).transpose()
}

/// Decides what waits under a user code: a grant, or none for a refusal. False when it was decided, or is over.
pub fn decide_device(tx: &mut dyn Tx, user_code: &str, grant: Option<Id>, now: i64) -> Result<bool, StoreError> {
    let state = if grant.is_some() { "granted" } else { "refused" };
    let sql = "UPDATE oauth_devices SET state = $2, grant_id = $3 WHERE user_code = $1 AND state = 'waiting' AND expires > $4";
    Ok(tx.execute(sql, params![user_code, state, grant, now])? > 0)
}

/// Notes a question that came at `at` to a device whose last one was at `before`, and the pause from now on. False when another came at the same time.
pub fn polled(tx: &mut dyn Tx, digest: &[u8], (before, at): (i64, i64), every: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE oauth_devices SET polled = $3, every = $4 WHERE digest = $1 AND polled = $2";
    Ok(tx.execute(sql, params![digest, before, at, every])? > 0)
}

/// Spends a device's code that was granted and is good at `now`: its grant. None when it was not, was spent, or is over.
pub fn spend_device(tx: &mut dyn Tx, digest: &[u8], now: i64) -> Result<Option<Id>, StoreError> {
    let sql = "UPDATE oauth_devices SET state = 'spent' WHERE digest = $1 AND state = 'granted' AND expires > $2 RETURNING grant_id";
    match tx.query_opt(sql, params![digest, now])? {
        Some(row) => row.opt_int(0),
        None => Ok(None),
    }
}
