//! Rows of domains, people, BALs and tokens. No rule is here: `operator` decides, this module keeps.
use crate::{Id, Row, StoreError, Tx, many, params};

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
    /// Since when blocked.
    pub disabled: Option<i64>,
    /// First names, as certified.
    pub given_name: Option<String>,
    /// Family name, as certified.
    pub family_name: Option<String>,
    /// Profession (code of a reference table).
    pub profession: Option<String>,
    /// Speciality (likewise).
    pub speciality: Option<String>,
    /// May exchange health data (EX_PBA_5160).
    pub habilitated: bool,
    /// Identifier given by the responsible of a structure, without any registration authority (F010).
    pub local_id: Option<String>,
    /// Why.
    pub local_id_reason: Option<String>,
    /// Until when.
    pub local_id_until: Option<i64>,
    /// How the identity was certified: `none`, `operator`, `structure`, `card`, `psc`.
    pub identity: String,
    /// When.
    pub identity_at: Option<i64>,
    /// By whom.
    pub identity_by: Option<String>,
    /// Ordinary address, outside the trust space, for notices without content.
    pub email: Option<String>,
    /// When it was shown to reach the person.
    pub email_verified: Option<i64>,
    /// Telephone.
    pub phone: Option<String>,
    /// Grows with each change: what an ETag says.
    pub version: i64,
}

impl Person {
    /// A person of whom nothing but this is known yet.
    pub fn new(id: Id, login: &str, name: &str, created: i64) -> Self {
        Self {
            id,
            login: login.to_owned(),
            name: name.to_owned(),
            national_id: None,
            created,
            disabled: None,
            given_name: None,
            family_name: None,
            profession: None,
            speciality: None,
            habilitated: false,
            local_id: None,
            local_id_reason: None,
            local_id_until: None,
            identity: "none".into(),
            identity_at: None,
            identity_by: None,
            email: None,
            email_verified: None,
            phone: None,
            version: 1,
        }
    }
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
    /// `active`, `suspended`, `blocked`, `closing` or `closed`.
    pub state: String,
    /// Bytes used.
    pub used_bytes: i64,
    /// Messages held.
    pub message_count: i64,
    /// Quota, bytes.
    pub quota_bytes: i64,
    /// Created, milliseconds since 1970.
    pub created: i64,
    /// The structure that it belongs to.
    pub structure_id: Option<Id>,
    /// Functional description (MOS).
    pub description: String,
    /// Text about the responsible people (MOS).
    pub responsible: String,
    /// Service (MOS).
    pub service: String,
    /// On the liste rouge; `None` until somebody has chosen (F094).
    pub red_list: Option<bool>,
    /// Telephone published, likewise.
    pub phone_published: Option<bool>,
    /// Zéro papier, likewise.
    pub paperless: Option<bool>,
    /// When a closing BAL is closed for good.
    pub closing_at: Option<i64>,
    /// Until when its address is given to nobody else, once closed; `None`: never again.
    pub tombstone_until: Option<i64>,
    /// Grows with each change: what an ETag says.
    pub version: i64,
}

impl Bal {
    /// An empty, active, reachable BAL, of no structure.
    pub fn new(id: Id, (key, address): (&str, &str), domain_id: Id, kind: &str, created: i64) -> Self {
        Self {
            id,
            address_key: key.to_owned(),
            address: address.to_owned(),
            domain_id,
            kind: kind.to_owned(),
            label: address.to_owned(),
            test: false,
            reachable: true,
            state: "active".into(),
            used_bytes: 0,
            message_count: 0,
            quota_bytes: i64::MAX,
            created,
            structure_id: None,
            description: String::new(),
            responsible: String::new(),
            service: String::new(),
            red_list: None,
            phone_published: None,
            paperless: None,
            closing_at: None,
            tombstone_until: None,
            version: 1,
        }
    }
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
    /// What it is for, in the words of whoever made it.
    pub label: String,
    /// What it opens, or stands for: `device` (mail programs), `api`, `certificate`, `web` (a browser's session), `psc` and `card` (whoever comes with
    /// these), `oauth`, `device_certificate`.
    pub purpose: String,
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
    /// What proved whoever made it (`Proof::names`), or stands for a proof: `system_account` (at the machine itself), `link` (asked for after one). Empty
    /// when it was made by other means, or before this was kept.
    pub strength: String,
    /// What an OAuth grant opens (bits of its scopes); none: everything that its purpose opens.
    pub scope: Option<i64>,
    /// From where it was last used: a configured place or a network.
    pub last_place: Option<String>,
}

impl Token {
    /// One that is not for one BAL, ends never, was not used, and of whose maker nothing was proven.
    pub fn new(id: Id, person_id: Id, (purpose, label): (&str, &str), digest: &[u8], created: i64) -> Self {
        Self {
            id,
            person_id,
            bal_id: None,
            label: label.to_owned(),
            purpose: purpose.to_owned(),
            digest: digest.to_vec(),
            created,
            expires: None,
            last_used: None,
            revoked: None,
            strength: String::new(),
            scope: None,
            last_place: None,
        }
    }
}

const DOMAIN: &str = "id, name, kind, created";
const PERSON: &str = "id, login, name, national_id, created, disabled, given_name, family_name, profession, speciality, habilitated, \
                      local_id, local_id_reason, local_id_until, identity, identity_at, identity_by, email, email_verified, phone, version";
pub(crate) const BAL: &str = "id, address_key, address, domain_id, kind, label, test, reachable, state, used_bytes, message_count, quota_bytes, created, \
                   structure_id, description, responsible, service, red_list, phone_published, paperless, closing_at, tombstone_until, version";
const TOKEN: &str =
    "id, person_id, bal_id, label, digest, created, expires, last_used, revoked, purpose, strength, scope, last_place";

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
        disabled: r.opt_int(5)?,
        given_name: r.opt_text(6)?,
        family_name: r.opt_text(7)?,
        profession: r.opt_text(8)?,
        speciality: r.opt_text(9)?,
        habilitated: r.bool(10)?,
        local_id: r.opt_text(11)?,
        local_id_reason: r.opt_text(12)?,
        local_id_until: r.opt_int(13)?,
        identity: r.text(14)?,
        identity_at: r.opt_int(15)?,
        identity_by: r.opt_text(16)?,
        email: r.opt_text(17)?,
        email_verified: r.opt_int(18)?,
        phone: r.opt_text(19)?,
        version: r.int(20)?,
    })
}
pub(crate) fn bal(r: &Row) -> Result<Bal, StoreError> {
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
        structure_id: r.opt_int(13)?,
        description: r.text(14)?,
        responsible: r.text(15)?,
        service: r.text(16)?,
        red_list: r.opt_int(17)?.map(|n| n != 0),
        phone_published: r.opt_int(18)?.map(|n| n != 0),
        paperless: r.opt_int(19)?.map(|n| n != 0),
        closing_at: r.opt_int(20)?,
        tombstone_until: r.opt_int(21)?,
        version: r.int(22)?,
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
        purpose: r.text(9)?,
        strength: r.text(10)?,
        scope: r.opt_int(11)?,
        last_place: r.opt_text(12)?,
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

/// Inserts a person, of version 1. `Exists` when the login or the national identifier is taken.
pub fn insert_person(tx: &mut dyn Tx, p: &Person) -> Result<(), StoreError> {
    let sql = "INSERT INTO people (id, login, name, created) VALUES ($1, $2, $3, $4)";
    tx.execute(sql, params![p.id, &p.login, &p.name, p.created])?;
    write_person(tx, p)
}

/// Gives a person this national identifier, which nobody else has. `Exists` otherwise.
fn write_national_id(tx: &mut dyn Tx, p: &Person) -> Result<(), StoreError> {
    let before = tx.query_opt("SELECT national_id FROM people WHERE id = $1", params![p.id])?;
    let before = before.map_or(Ok(None), |r| r.opt_text(0))?;
    if before == p.national_id {
        return Ok(());
    }
    tx.execute("DELETE FROM national_ids WHERE person_id = $1", params![p.id])?;
    let Some(id) = &p.national_id else { return Ok(()) };
    let sql = "INSERT INTO national_ids (national_id, person_id) VALUES ($1, $2) ON CONFLICT (national_id) DO NOTHING";
    match tx.execute(sql, params![id, p.id])? {
        0 => Err(StoreError::Exists("person.national_id".into())),
        _ => Ok(()),
    }
}

/// Writes everything of a person that may change, but not its version.
fn write_person(tx: &mut dyn Tx, p: &Person) -> Result<(), StoreError> {
    write_national_id(tx, p)?;
    let sql = "UPDATE people SET name = $2, national_id = $3, disabled = $4, given_name = $5, family_name = $6, profession = $7, \
               speciality = $8, habilitated = $9, local_id = $10, local_id_reason = $11, local_id_until = $12, identity = $13, \
               identity_at = $14, identity_by = $15, email = $16, email_verified = $17, phone = $18 WHERE id = $1";
    let values = params![
        p.id,
        &p.name,
        p.national_id.clone(),
        p.disabled,
        p.given_name.clone(),
        p.family_name.clone(),
        p.profession.clone(),
        p.speciality.clone(),
        i64::from(p.habilitated),
        p.local_id.clone(),
        p.local_id_reason.clone(),
        p.local_id_until,
        &p.identity,
        p.identity_at,
        p.identity_by.clone(),
        p.email.clone(),
        p.email_verified,
        p.phone.clone()
    ];
    tx.execute(sql, values).map(drop)
}

/// Changes a person of this version; false when somebody else changed it meanwhile. The login never changes. `Exists` when the national
/// identifier is somebody else's.
pub fn update_person(tx: &mut dyn Tx, p: &Person) -> Result<bool, StoreError> {
    let sql = "UPDATE people SET version = version + 1 WHERE id = $1 AND version = $2";
    if tx.execute(sql, params![p.id, p.version])? == 0 {
        return Ok(false);
    }
    write_person(tx, p)?;
    Ok(true)
}

/// A person by login.
pub fn person_by_login(tx: &mut dyn Tx, login: &str) -> Result<Option<Person>, StoreError> {
    one(tx.query_opt(&format!("SELECT {PERSON} FROM people WHERE login = $1"), params![login])?, person)
}

/// A person by id.
pub fn person_by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Person>, StoreError> {
    one(tx.query_opt(&format!("SELECT {PERSON} FROM people WHERE id = $1"), params![id])?, person)
}

/// These people, in no order.
pub fn people_by_ids(tx: &mut dyn Tx, ids: &[Id]) -> Result<Vec<Person>, StoreError> {
    many::rows(tx, ids, &[], |list| format!("SELECT {PERSON} FROM people WHERE id IN ({list})"), person)
}

/// People with these logins, in no order.
pub fn people_by_logins(tx: &mut dyn Tx, logins: &[String]) -> Result<Vec<Person>, StoreError> {
    many::rows(tx, logins, &[], |list| format!("SELECT {PERSON} FROM people WHERE login IN ({list})"), person)
}

/// People by login, from after `after`.
pub fn people(tx: &mut dyn Tx, after: &str, limit: i64) -> Result<Vec<Person>, StoreError> {
    let sql = format!("SELECT {PERSON} FROM people WHERE login > $1 ORDER BY login LIMIT $2");
    tx.query(&sql, params![after, limit])?.iter().map(person).collect()
}

/// Whose this national identifier is.
pub fn person_by_national_id(tx: &mut dyn Tx, national_id: &str) -> Result<Option<Person>, StoreError> {
    let sql =
        format!("SELECT {PERSON} FROM people WHERE id = (SELECT person_id FROM national_ids WHERE national_id = $1)");
    one(tx.query_opt(&sql, params![national_id])?, person)
}

/// People who work in one of these structures now, by login, from after `after`.
pub fn people_within(tx: &mut dyn Tx, structures: &[Id], after: &str, limit: i64) -> Result<Vec<Person>, StoreError> {
    let sql = format!(
        "SELECT {PERSON} FROM people WHERE login > $1 AND id IN (SELECT person_id FROM memberships WHERE ended IS NULL \
         AND structure_id IN ({})) ORDER BY login LIMIT $2",
        crate::structures::among(structures)
    );
    tx.query(&sql, params![after, limit])?.iter().map(person).collect()
}

/// Inserts a BAL, active, empty. `Exists` when the address is taken.
pub fn insert_bal(tx: &mut dyn Tx, b: &Bal) -> Result<(), StoreError> {
    let sql = "INSERT INTO bals (id, address_key, address, domain_id, kind, label, test, reachable, state, modseq, uidvalidity_next, \
               used_bytes, message_count, quota_bytes, created, structure_id, description, responsible, service, red_list, phone_published, paperless) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)";
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
        b.created,
        b.structure_id,
        &b.description,
        &b.responsible,
        &b.service,
        b.red_list.map(i64::from),
        b.phone_published.map(i64::from),
        b.paperless.map(i64::from)
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

/// Inserts a token.
pub fn insert_token(tx: &mut dyn Tx, t: &Token) -> Result<(), StoreError> {
    let sql = "INSERT INTO tokens (id, person_id, bal_id, label, digest, created, expires, purpose, strength, scope) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let (digest, strength) = (t.digest.clone(), t.strength.as_str());
    let values =
        params![t.id, t.person_id, t.bal_id, &t.label, digest, t.created, t.expires, &t.purpose, strength, t.scope];
    tx.execute(sql, values).map(drop)
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
    let of = if person.is_some() { "person_id = $2" } else { "$2 = 0" };
    let sql = format!("SELECT {TOKEN} FROM tokens WHERE id > $1 AND {of} ORDER BY id LIMIT $3");
    tx.query(&sql, params![after, person.unwrap_or(0), limit])?.iter().map(token).collect()
}

/// Tokens of people who work in one of these structures, and of `own`, oldest first, from after `after`.
pub fn tokens_within(
    tx: &mut dyn Tx,
    structures: &[Id],
    own: Id,
    after: Id,
    limit: i64,
) -> Result<Vec<Token>, StoreError> {
    let sql = format!(
        "SELECT {TOKEN} FROM tokens WHERE id > $1 AND person_id IN (SELECT p.id FROM people p WHERE p.id = $2 \
         UNION SELECT m.person_id FROM memberships m WHERE m.ended IS NULL AND m.structure_id IN ({})) ORDER BY id LIMIT $3",
        crate::structures::among(structures)
    );
    tx.query(&sql, params![after, own, limit])?.iter().map(token).collect()
}

/// How many tokens of this purpose, made after `since`, a person has that are in force at `now`.
pub fn live_of_person(tx: &mut dyn Tx, person: Id, purpose: &str, (since, now): (i64, i64)) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) FROM tokens WHERE person_id = $1 AND purpose = $2 AND revoked IS NULL AND (expires IS NULL OR expires > $3) \
               AND created > $4";
    tx.query_opt(sql, params![person, purpose, now, since])?.map_or(Ok(0), |r| r.int(0))
}

/// Notes a successful login with a token, from this place; none: from where is not known.
pub fn touch_token(tx: &mut dyn Tx, id: Id, at: i64, place: Option<&str>) -> Result<(), StoreError> {
    let sql = "UPDATE tokens SET last_used = $2, last_place = COALESCE($3, last_place) WHERE id = $1";
    tx.execute(sql, params![id, at, place.map(str::to_owned)]).map(drop)
}

/// Takes the revocation of a token back; false when it is unknown or was not revoked.
pub fn admit_token(tx: &mut dyn Tx, id: Id) -> Result<bool, StoreError> {
    Ok(tx.execute("UPDATE tokens SET revoked = NULL WHERE id = $1 AND revoked IS NOT NULL", params![id])? > 0)
}

/// Removes the rows by which a person came with a card or by Pro Santé Connect: whoever it was, was somebody else's name there. Those that the person
/// revoked stay, as they refuse. How many.
pub fn forget_standing(tx: &mut dyn Tx, person: Id) -> Result<u64, StoreError> {
    let sql = "DELETE FROM tokens WHERE person_id = $1 AND purpose IN ('psc', 'card') AND revoked IS NULL";
    tx.execute(sql, params![person])
}

/// Revokes a token; false when it is unknown or was revoked before.
pub fn revoke_token(tx: &mut dyn Tx, id: Id, at: i64) -> Result<bool, StoreError> {
    Ok(tx.execute("UPDATE tokens SET revoked = $2 WHERE id = $1 AND revoked IS NULL", params![id, at])? > 0)
}
