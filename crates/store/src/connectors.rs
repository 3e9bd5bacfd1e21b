//! Rows of structures' own servers: connectors, what they carry, who may send through them, their certificates, and the authorities that issue
//! them. No rule is here: `operator` decides, this module keeps.
use crate::{Id, Row, StoreError, Tx, many, params};

/// A row of `connector_authorities`.
#[derive(Clone, PartialEq, Eq)]
pub struct Authority {
    /// Id; the key of the keyring that seals `sealed_key` has it too.
    pub id: Id,
    /// `structures` or `operator`.
    pub purpose: String,
    /// Name under which structures reach us.
    pub host: String,
    /// PEM.
    pub certificate: String,
    /// Private key (PKCS#8), sealed.
    pub sealed_key: Vec<u8>,
    /// SHA-256, lower-case hexadecimal.
    pub fingerprint: String,
    /// End of validity, milliseconds since 1970.
    pub not_after: i64,
    /// Created.
    pub created: i64,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("id", &self.id).field("purpose", &self.purpose).finish_non_exhaustive()
    }
}

/// A row of `connectors`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connector {
    /// Id.
    pub id: Id,
    /// Name, never changed.
    pub name: String,
    /// Whose.
    pub structure_id: Id,
    /// `active`, `suspended`, `ended`.
    pub state: String,
    /// Where mail for its BALs goes; none: it only sends, mail is kept here.
    pub host: Option<String>,
    /// Port there.
    pub port: Option<i64>,
    /// Name that the server's certificate is asked for, when it is not the host's.
    pub tls_name: Option<String>,
    /// All open BALs of its domains may send.
    pub every_sender: bool,
    /// Messages in a sliding hour; 0: no bound.
    pub per_hour: i64,
    /// Why it is suspended or ended.
    pub reason: Option<String>,
    /// Grows with each change.
    pub version: i64,
    /// Created, milliseconds since 1970.
    pub created: i64,
    /// Last changed.
    pub changed: i64,
    /// When its server last came.
    pub seen: Option<i64>,
    /// When it was last refused.
    pub refused: Option<i64>,
    /// Stable code of that refusal.
    pub refusal: Option<String>,
    /// Its placeholders as JSON, never an address.
    pub refusal_args: Option<String>,
}

/// A row of `connector_certificates`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Id.
    pub id: Id,
    /// Whose.
    pub connector_id: Id,
    /// `issued`, `pinned`, `named`.
    pub kind: String,
    /// SHA-256, lower-case hexadecimal; empty for `named`.
    pub fingerprint: String,
    /// Subject.
    pub dn: String,
    /// What subjects are compared by.
    pub dn_key: String,
    /// Serial number, lower-case hexadecimal; empty when not known.
    pub serial: String,
    /// PEM, when known.
    pub certificate: Option<String>,
    /// Beginning of validity, when known.
    pub not_before: Option<i64>,
    /// End of validity, when known.
    pub not_after: Option<i64>,
    /// Created.
    pub created: i64,
    /// By whom.
    pub created_by: String,
    /// When it was revoked.
    pub revoked: Option<i64>,
    /// By whom.
    pub revoked_by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// When it was last shown to us by its server.
    pub seen: Option<i64>,
}

const AUTHORITY: &str = "id, purpose, host, certificate, sealed_key, fingerprint, not_after, created";
const CONNECTOR: &str = "c.id, c.name, c.structure_id, c.state, c.host, c.port, c.tls_name, c.every_sender, c.per_hour, c.reason, c.version, \
                         c.created, c.changed, c.seen, c.refused, c.refusal, c.refusal_args";
const CERTIFICATE: &str = "id, connector_id, kind, fingerprint, dn, dn_key, serial, certificate, not_before, not_after, created, created_by, \
                           revoked, revoked_by, reason, seen";

fn authority_of(r: &Row) -> Result<Authority, StoreError> {
    Ok(Authority {
        id: r.int(0)?,
        purpose: r.text(1)?,
        host: r.text(2)?,
        certificate: r.text(3)?,
        sealed_key: r.bytes(4)?,
        fingerprint: r.text(5)?,
        not_after: r.int(6)?,
        created: r.int(7)?,
    })
}

fn connector(r: &Row) -> Result<Connector, StoreError> {
    Ok(Connector {
        id: r.int(0)?,
        name: r.text(1)?,
        structure_id: r.int(2)?,
        state: r.text(3)?,
        host: r.opt_text(4)?,
        port: r.opt_int(5)?,
        tls_name: r.opt_text(6)?,
        every_sender: r.bool(7)?,
        per_hour: r.int(8)?,
        reason: r.opt_text(9)?,
        version: r.int(10)?,
        created: r.int(11)?,
        changed: r.int(12)?,
        seen: r.opt_int(13)?,
        refused: r.opt_int(14)?,
        refusal: r.opt_text(15)?,
        refusal_args: r.opt_text(16)?,
    })
}

fn certificate(r: &Row) -> Result<Certificate, StoreError> {
    Ok(Certificate {
        id: r.int(0)?,
        connector_id: r.int(1)?,
        kind: r.text(2)?,
        fingerprint: r.text(3)?,
        dn: r.text(4)?,
        dn_key: r.text(5)?,
        serial: r.text(6)?,
        certificate: r.opt_text(7)?,
        not_before: r.opt_int(8)?,
        not_after: r.opt_int(9)?,
        created: r.int(10)?,
        created_by: r.text(11)?,
        revoked: r.opt_int(12)?,
        revoked_by: r.opt_text(13)?,
        reason: r.opt_text(14)?,
        seen: r.opt_int(15)?,
    })
}

/// Adds an authority. `Exists` when there is one for this purpose.
pub fn insert_authority(tx: &mut dyn Tx, a: &Authority) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO connector_authorities ({AUTHORITY}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");
    let values = params![
        a.id,
        &a.purpose,
        &a.host,
        &a.certificate,
        a.sealed_key.clone(),
        &a.fingerprint,
        a.not_after,
        a.created
    ];
    tx.execute(&sql, values).map(drop)
}

/// The authority for a purpose.
pub fn authority(tx: &mut dyn Tx, purpose: &str) -> Result<Option<Authority>, StoreError> {
    let sql = format!("SELECT {AUTHORITY} FROM connector_authorities WHERE purpose = $1");
    tx.query_opt(&sql, params![purpose])?.as_ref().map(authority_of).transpose()
}

/// Adds a connector. `Exists` when its name is taken.
pub fn insert(tx: &mut dyn Tx, c: &Connector) -> Result<(), StoreError> {
    let sql = "INSERT INTO connectors (id, name, structure_id, state, host, port, tls_name, every_sender, per_hour, reason, version, created, \
               changed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    let values = params![
        c.id,
        &c.name,
        c.structure_id,
        &c.state,
        c.host.clone(),
        c.port,
        c.tls_name.clone(),
        i64::from(c.every_sender),
        c.per_hour,
        c.reason.clone(),
        c.version,
        c.created,
        c.changed
    ];
    tx.execute(sql, values).map(drop)
}

/// Writes a connector that is still of the version it was read with; false otherwise.
pub fn update(tx: &mut dyn Tx, c: &Connector) -> Result<bool, StoreError> {
    let sql = "UPDATE connectors SET state = $3, host = $4, port = $5, tls_name = $6, every_sender = $7, per_hour = $8, reason = $9, changed = $10, \
               version = version + 1 WHERE id = $1 AND version = $2";
    let values = params![
        c.id,
        c.version,
        &c.state,
        c.host.clone(),
        c.port,
        c.tls_name.clone(),
        i64::from(c.every_sender),
        c.per_hour,
        c.reason.clone(),
        c.changed
    ];
    Ok(tx.execute(sql, values)? > 0)
}

/// A connector by its name.
pub fn by_name(tx: &mut dyn Tx, name: &str) -> Result<Option<Connector>, StoreError> {
    let sql = format!("SELECT {CONNECTOR} FROM connectors c WHERE c.name = $1");
    tx.query_opt(&sql, params![name])?.as_ref().map(connector).transpose()
}

/// A connector by its id.
pub fn by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Connector>, StoreError> {
    let sql = format!("SELECT {CONNECTOR} FROM connectors c WHERE c.id = $1");
    tx.query_opt(&sql, params![id])?.as_ref().map(connector).transpose()
}

/// Connectors by name, from after one; of these structures when given.
pub fn list(tx: &mut dyn Tx, within: Option<&[Id]>, after: &str, limit: i64) -> Result<Vec<Connector>, StoreError> {
    let within = match within {
        None => String::new(),
        Some([]) => return Ok(Vec::new()),
        // Numbers: they need no quoting.
        Some(ids) => {
            let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            format!(" AND c.structure_id IN ({})", ids.join(", "))
        }
    };
    let sql = format!("SELECT {CONNECTOR} FROM connectors c WHERE c.name > $1{within} ORDER BY c.name LIMIT $2");
    tx.query(&sql, params![after, limit])?.iter().map(connector).collect()
}

/// The connector that carries a domain.
pub fn of_domain(tx: &mut dyn Tx, domain: &str) -> Result<Option<Connector>, StoreError> {
    let sql = format!(
        "SELECT {CONNECTOR} FROM domains d JOIN connector_domains cd ON cd.domain_id = d.id JOIN connectors c ON c.id = cd.connector_id \
         WHERE d.name = $1"
    );
    tx.query_opt(&sql, params![domain])?.as_ref().map(connector).transpose()
}

/// The connector that carries a BAL: that of its domain, when both are of one structure.
pub fn of_bal(tx: &mut dyn Tx, bal: Id) -> Result<Option<Connector>, StoreError> {
    let sql = format!(
        "SELECT {CONNECTOR} FROM bals b JOIN connector_domains cd ON cd.domain_id = b.domain_id \
         JOIN connectors c ON c.id = cd.connector_id AND c.structure_id = b.structure_id WHERE b.id = $1"
    );
    tx.query_opt(&sql, params![bal])?.as_ref().map(connector).transpose()
}

/// Names of the domains of connectors, by name, each with its connector.
pub fn domains(tx: &mut dyn Tx, connectors: &[Id]) -> Result<Vec<(Id, String)>, StoreError> {
    let sql = |list: &str| {
        format!(
            "SELECT cd.connector_id, d.name FROM connector_domains cd JOIN domains d ON d.id = cd.domain_id WHERE cd.connector_id IN ({list})"
        )
    };
    let mut found = many::rows(tx, connectors, &[], sql, |r| Ok((r.int(0)?, r.text(1)?)))?;
    found.sort();
    Ok(found)
}

/// Sets the domains of a connector. `Exists` when another one carries one of them.
pub fn set_domains(tx: &mut dyn Tx, connector: Id, domains: &[Id]) -> Result<(), StoreError> {
    tx.execute("DELETE FROM connector_domains WHERE connector_id = $1", params![connector])?;
    let sql = "INSERT INTO connector_domains (domain_id, connector_id) VALUES ($1, $2)";
    domains.iter().try_for_each(|domain| tx.execute(sql, params![*domain, connector]).map(drop))
}

/// The connector that carries this domain (by id) already.
pub fn carrier(tx: &mut dyn Tx, domain: Id) -> Result<Option<Id>, StoreError> {
    let row = tx.query_opt("SELECT connector_id FROM connector_domains WHERE domain_id = $1", params![domain])?;
    row.map(|r| r.int(0)).transpose()
}

/// Is this domain one of the structure's?
pub fn is_of_structure(tx: &mut dyn Tx, structure: Id, domain: Id) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM structure_domains WHERE structure_id = $1 AND domain_id = $2";
    Ok(tx.query_opt(sql, params![structure, domain])?.is_some())
}

/// Addresses of the BALs that may send through connectors, when not all may; by address.
pub fn senders(tx: &mut dyn Tx, connectors: &[Id]) -> Result<Vec<(Id, String)>, StoreError> {
    let sql = |list: &str| {
        format!(
            "SELECT s.connector_id, b.address_key FROM connector_senders s JOIN bals b ON b.id = s.bal_id WHERE s.connector_id IN ({list})"
        )
    };
    let mut found = many::rows(tx, connectors, &[], sql, |r| Ok((r.int(0)?, r.text(1)?)))?;
    found.sort();
    Ok(found)
}

/// Sets who may send through a connector.
pub fn set_senders(tx: &mut dyn Tx, connector: Id, bals: &[Id]) -> Result<(), StoreError> {
    tx.execute("DELETE FROM connector_senders WHERE connector_id = $1", params![connector])?;
    let sql = "INSERT INTO connector_senders (connector_id, bal_id) VALUES ($1, $2)";
    bals.iter().try_for_each(|bal| tx.execute(sql, params![connector, *bal]).map(drop))
}

/// Is the BAL in the connector's list of senders?
pub fn is_sender(tx: &mut dyn Tx, connector: Id, bal: Id) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM connector_senders WHERE connector_id = $1 AND bal_id = $2";
    Ok(tx.query_opt(sql, params![connector, bal])?.is_some())
}

/// An active BAL that a connector carries, to try it out with.
pub fn some_carried(tx: &mut dyn Tx, connector: Id) -> Result<Option<Id>, StoreError> {
    let sql = "SELECT b.id FROM connectors c JOIN connector_domains cd ON cd.connector_id = c.id \
               JOIN bals b ON b.domain_id = cd.domain_id AND b.structure_id = c.structure_id WHERE c.id = $1 AND b.state = 'active' \
               ORDER BY b.id LIMIT 1";
    tx.query_opt(sql, params![connector])?.map(|r| r.int(0)).transpose()
}

/// Recipients that wait in the queue for the domains of a connector.
pub fn waiting(tx: &mut dyn Tx, connector: Id) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) FROM connector_domains cd JOIN domains d ON d.id = cd.domain_id \
               JOIN queue_entries e ON e.destination = d.name WHERE cd.connector_id = $1";
    tx.query_opt(sql, params![connector])?.map_or(Ok(0), |r| r.int(0))
}

/// Its server came.
pub fn came(tx: &mut dyn Tx, connector: Id, certificate: Id, at: i64) -> Result<(), StoreError> {
    tx.execute("UPDATE connectors SET seen = $2 WHERE id = $1", params![connector, at])?;
    tx.execute("UPDATE connector_certificates SET seen = $2 WHERE id = $1", params![certificate, at]).map(drop)
}

/// Its server was refused.
pub fn was_refused(tx: &mut dyn Tx, connector: Id, at: i64, code: &str, args: &str) -> Result<(), StoreError> {
    let sql = "UPDATE connectors SET refused = $2, refusal = $3, refusal_args = $4 WHERE id = $1";
    tx.execute(sql, params![connector, at, code, args]).map(drop)
}

/// Adds a certificate.
pub fn insert_certificate(tx: &mut dyn Tx, c: &Certificate) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO connector_certificates ({CERTIFICATE}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
    );
    let values = params![
        c.id,
        c.connector_id,
        &c.kind,
        &c.fingerprint,
        &c.dn,
        &c.dn_key,
        &c.serial,
        c.certificate.clone(),
        c.not_before,
        c.not_after,
        c.created,
        &c.created_by,
        c.revoked,
        c.revoked_by.clone(),
        c.reason.clone(),
        c.seen
    ];
    tx.execute(&sql, values).map(drop)
}

/// Certificates of connectors, oldest first.
pub fn certificates(tx: &mut dyn Tx, connectors: &[Id]) -> Result<Vec<Certificate>, StoreError> {
    let sql = |list: &str| format!("SELECT {CERTIFICATE} FROM connector_certificates WHERE connector_id IN ({list})");
    let mut found = many::rows(tx, connectors, &[], sql, certificate)?;
    found.sort_by_key(|c| c.id);
    Ok(found)
}

/// One certificate.
pub fn certificate_by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Certificate>, StoreError> {
    let sql = format!("SELECT {CERTIFICATE} FROM connector_certificates WHERE id = $1");
    tx.query_opt(&sql, params![id])?.as_ref().map(certificate).transpose()
}

/// Certificates that match what a server showed: this very one, or any of this name; the exact first, those in force before the revoked.
pub fn matching(tx: &mut dyn Tx, fingerprint: &str, dn_key: &str) -> Result<Vec<Certificate>, StoreError> {
    let sql = format!(
        "SELECT {CERTIFICATE} FROM connector_certificates WHERE (fingerprint = $1 AND $1 <> '') OR (kind = 'named' AND dn_key = $2) \
         ORDER BY CASE WHEN fingerprint = $1 THEN 0 ELSE 1 END, CASE WHEN revoked IS NULL THEN 0 ELSE 1 END, id LIMIT 10"
    );
    tx.query(&sql, params![fingerprint, dn_key])?.iter().map(certificate).collect()
}

/// Revokes a certificate; false when it was.
pub fn revoke(tx: &mut dyn Tx, id: Id, at: i64, by: &str, reason: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE connector_certificates SET revoked = $2, revoked_by = $3, reason = $4 WHERE id = $1 AND revoked IS NULL";
    Ok(tx.execute(sql, params![id, at, by, reason])? > 0)
}

/// Revokes every certificate of a connector.
pub fn revoke_all(tx: &mut dyn Tx, connector: Id, at: i64, by: &str, reason: &str) -> Result<(), StoreError> {
    let sql = "UPDATE connector_certificates SET revoked = $2, revoked_by = $3, reason = $4 WHERE connector_id = $1 AND revoked IS NULL";
    tx.execute(sql, params![connector, at, by, reason]).map(drop)
}

/// The inventory watches the end of this certificate of a connector no more.
pub fn retire_one(tx: &mut dyn Tx, connector: &str, fingerprint: &str, at: i64) -> Result<(), StoreError> {
    let sql = "UPDATE certificates SET retired = $3 WHERE kind = 'issued' AND place = $1 AND fingerprint = $2 AND retired IS NULL";
    tx.execute(sql, params![connector, fingerprint, at]).map(drop)
}

/// Nor of those that were seen under a name (its digest), but for those that the connector has by themselves.
pub fn retire_named(tx: &mut dyn Tx, c: &Connector, subject_tag: &str, at: i64) -> Result<(), StoreError> {
    let sql = "UPDATE certificates SET retired = $3 WHERE kind = 'issued' AND place = $1 AND subject_tag = $2 AND retired IS NULL \
               AND fingerprint NOT IN (SELECT fingerprint FROM connector_certificates WHERE connector_id = $4 AND revoked IS NULL)";
    tx.execute(sql, params![&c.name, subject_tag, at, c.id]).map(drop)
}

/// Nor of any certificate of a connector.
pub fn retire_all(tx: &mut dyn Tx, connector: &str, at: i64) -> Result<(), StoreError> {
    let sql = "UPDATE certificates SET retired = $2 WHERE kind = 'issued' AND place = $1 AND retired IS NULL";
    tx.execute(sql, params![connector, at]).map(drop)
}

/// Keeps two changes of what connectors carry from crossing.
pub fn lock(tx: &mut dyn Tx) -> Result<(), StoreError> {
    // Whoever changes what is carried writes this row first.
    tx.query("SELECT id FROM connector_authorities ORDER BY id FOR UPDATE", &[]).map(drop)
}
