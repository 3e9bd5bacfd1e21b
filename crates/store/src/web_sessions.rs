//! Browsers' sessions: each is a row of `tokens` (purpose `web`) with a row beside it. No rule is here.
//!
//! Promises: a session ends as every token does, by its row (`rights_changed_of` its id after the commit); its cookie is replaced by one statement, so
//! that an old one is good for nothing on any node.
use crate::accounts::{self, Token};
use crate::{Id, Row, StoreError, Tx, params};
use std::collections::BTreeSet;

/// `tokens.purpose` of a session.
pub const PURPOSE: &str = "web";

/// A session with its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its token's id: what stands as credential everywhere.
    pub id: Id,
    /// Whose.
    pub person_id: Id,
    /// Login of that person.
    pub login: String,
    /// Begun, milliseconds since 1970.
    pub begun: i64,
    /// Its absolute end.
    pub expires: i64,
    /// What was proven: JSON of `Proof`.
    pub proof: String,
    /// Which browser, in words.
    pub agent: String,
    /// Whose sign-in it came from: an issuer. (What made it stronger since stands in rows of `web_step_ups`.)
    pub provider: Option<String>,
    /// Keyed digest of the session there.
    pub provider_sid: Option<Vec<u8>>,
    /// Last request.
    pub seen: i64,
    /// From where it was last used.
    pub last_place: Option<String>,
}

const SESSION: &str = "SELECT t.id, t.person_id, p.login, t.created, t.expires, w.proof, w.agent, w.provider, w.provider_sid, w.seen, t.last_place \
                       FROM tokens t JOIN web_sessions w ON w.token_id = t.id JOIN people p ON p.id = t.person_id";

fn session(r: &Row) -> Result<Session, StoreError> {
    Ok(Session {
        id: r.int(0)?,
        person_id: r.int(1)?,
        login: r.text(2)?,
        begun: r.int(3)?,
        expires: r.opt_int(4)?.unwrap_or_default(),
        proof: r.text(5)?,
        agent: r.text(6)?,
        provider: r.opt_text(7)?,
        provider_sid: r.opt_bytes(8)?,
        seen: r.int(9)?,
        last_place: r.opt_text(10)?,
    })
}

/// Begins one: `digest` is its cookie's, `strength` what was proven (`Proof::names`). The login is not written.
pub fn insert(tx: &mut dyn Tx, s: &Session, digest: &[u8], strength: &str) -> Result<(), StoreError> {
    let token = Token {
        expires: Some(s.expires),
        strength: strength.to_owned(),
        ..Token::new(s.id, s.person_id, (PURPOSE, &s.agent), digest, s.begun)
    };
    accounts::insert_token(tx, &token)?;
    let sql = "INSERT INTO web_sessions (token_id, proof, agent, provider, provider_sid, seen) VALUES ($1, $2, $3, $4, $5, $6)";
    tx.execute(sql, params![s.id, &s.proof, &s.agent, s.provider.clone(), s.provider_sid.clone(), s.seen])?;
    seen(tx, s.id, s.seen, s.last_place.as_deref())
}

/// The session of a cookie, while it was not ended and its absolute end is after `now`. Silence is for whoever asks to judge.
pub fn of_cookie(tx: &mut dyn Tx, digest: &[u8], now: i64) -> Result<Option<Session>, StoreError> {
    let sql = format!("{SESSION} WHERE t.digest = $1 AND t.purpose = 'web' AND t.revoked IS NULL AND t.expires > $2");
    tx.query_opt(&sql, params![digest, now])?.as_ref().map(session).transpose()
}

/// A session by id, likewise.
pub fn by_id(tx: &mut dyn Tx, id: Id, now: i64) -> Result<Option<Session>, StoreError> {
    let sql = format!("{SESSION} WHERE t.id = $1 AND t.purpose = 'web' AND t.revoked IS NULL AND t.expires > $2");
    tx.query_opt(&sql, params![id, now])?.as_ref().map(session).transpose()
}

/// Sessions of a person that were not ended, oldest first.
pub fn of_person(tx: &mut dyn Tx, person: Id, now: i64) -> Result<Vec<Session>, StoreError> {
    let sql = format!(
        "{SESSION} WHERE t.person_id = $1 AND t.purpose = 'web' AND t.revoked IS NULL AND t.expires > $2 ORDER BY t.id"
    );
    tx.query(&sql, params![person, now])?.iter().map(session).collect()
}

/// Ids of the sessions that were begun by this session elsewhere (a keyed digest of its name), or made stronger by it.
pub fn of_provider(tx: &mut dyn Tx, provider: &str, sid: &[u8]) -> Result<Vec<Id>, StoreError> {
    let begun = "SELECT t.id FROM web_sessions w JOIN tokens t ON t.id = w.token_id \
                 WHERE w.provider = $1 AND w.provider_sid = $2 AND w.provider IS NOT NULL AND t.revoked IS NULL ORDER BY t.id";
    let stronger = "SELECT t.id FROM web_step_ups u JOIN tokens t ON t.id = u.token_id \
                    WHERE u.provider = $1 AND u.provider_sid = $2 AND t.revoked IS NULL ORDER BY t.id";
    let mut ids = BTreeSet::new();
    for sql in [begun, stronger] {
        for row in &tx.query(sql, params![provider, sid])? {
            ids.insert(row.int(0)?);
        }
    }
    Ok(ids.into_iter().collect())
}

/// Notes that a sign-in elsewhere made a session stronger. `sid`: keyed digest of the session there; none: it has no name.
pub fn stepped_up_by(tx: &mut dyn Tx, id: Id, provider: &str, sid: Option<&[u8]>) -> Result<(), StoreError> {
    let sql = "INSERT INTO web_step_ups (token_id, provider, provider_sid) VALUES ($1, $2, $3) \
               ON CONFLICT (token_id, provider, provider_sid) DO NOTHING";
    tx.execute(sql, params![id, provider, sid.unwrap_or_default()]).map(drop)
}

/// Was the session begun by a sign-in at this provider, or made stronger by one?
pub fn is_of(tx: &mut dyn Tx, session: &Session, provider: &str) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM web_step_ups WHERE token_id = $1 AND provider = $2 LIMIT 1";
    let begun = session.provider.as_deref() == Some(provider);
    Ok(begun || tx.query_opt(sql, params![session.id, provider])?.is_some())
}

/// Notes a request, and from where; none: that is not known.
pub fn seen(tx: &mut dyn Tx, id: Id, at: i64, place: Option<&str>) -> Result<(), StoreError> {
    tx.execute("UPDATE web_sessions SET seen = $2 WHERE token_id = $1 AND seen < $2", params![id, at])?;
    accounts::touch_token(tx, id, at, place)
}

/// More was proven: another cookie takes the place of the one of digest `old`. False when that is not (any more) the session's, or it was ended.
pub fn renew(
    tx: &mut dyn Tx,
    id: Id,
    (old, new): (&[u8], &[u8]),
    proof: &str,
    strength: &str,
) -> Result<bool, StoreError> {
    let sql = "UPDATE tokens SET digest = $3, strength = $4 WHERE id = $1 AND digest = $2 AND purpose = 'web' AND revoked IS NULL";
    if tx.execute(sql, params![id, old, new, strength])? == 0 {
        return Ok(false);
    }
    tx.execute("UPDATE web_sessions SET proof = $2 WHERE token_id = $1", params![id, proof])?;
    Ok(true)
}

/// Ends a person's sessions but one; the ids of those that were ended.
pub fn end_others(tx: &mut dyn Tx, person: Id, but: Option<Id>, at: i64) -> Result<Vec<Id>, StoreError> {
    let sql = "UPDATE tokens SET revoked = $3 WHERE person_id = $1 AND purpose = 'web' AND revoked IS NULL AND id <> $2 RETURNING id";
    tx.query(sql, params![person, but.unwrap_or_default(), at])?.iter().map(|r| r.int(0)).collect()
}
