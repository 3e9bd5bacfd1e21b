//! Rows of BALs beyond opening and finding one: lists, changes by version, addresses that are given again. No rule is here.
use crate::accounts::{BAL, Bal, bal};
use crate::{Id, StoreError, Tx, Value, many, params};

/// Which BALs to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this domain.
    pub domain: Option<Id>,
    /// Of this structure.
    pub structure: Option<Id>,
    /// Of this kind.
    pub kind: Option<String>,
    /// In this state.
    pub state: Option<String>,
    /// With this in the address or the label.
    pub text: Option<String>,
    /// Only open ones for which somebody stands (the holder, one of those responsible) whose ordinary address is missing, unconfirmed or wrong.
    pub lacks_contact: bool,
    /// Only of these structures, or to which this person has an access.
    pub within: Option<(Vec<Id>, Id)>,
}

/// What a delivery asks of a BAL, with what decides from beside it: one row, however many tables it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receiver {
    /// Id.
    pub id: Id,
    /// Address as compared and as traces show it.
    pub address_key: String,
    /// Kind.
    pub kind: String,
    /// A test BAL.
    pub test: bool,
    /// May be written to.
    pub reachable: bool,
    /// State.
    pub state: String,
    /// Bytes of its messages.
    pub used_bytes: i64,
    /// Bytes that it may hold.
    pub quota_bytes: i64,
    /// Name of its domain.
    pub domain: String,
    /// Kind of its domain.
    pub domain_kind: String,
    /// Its structure is blocked, or is not there.
    pub blocked: bool,
    /// Its structure has a server of its own to which mail of its domain is carried.
    pub carried: bool,
}

/// The BAL of this address key, as a delivery needs it.
pub fn receiver(tx: &mut dyn Tx, key: &str) -> Result<Option<Receiver>, StoreError> {
    let sql = "SELECT b.id, b.address_key, b.kind, b.test, b.reachable, b.state, b.used_bytes, b.quota_bytes, d.name, d.kind, \
               CASE WHEN b.structure_id IS NULL OR (s.id IS NOT NULL AND s.blocked IS NULL) THEN 0 ELSE 1 END, \
               CASE WHEN c.host IS NULL THEN 0 ELSE 1 END \
               FROM bals b JOIN domains d ON d.id = b.domain_id LEFT JOIN structures s ON s.id = b.structure_id \
               LEFT JOIN connector_domains cd ON cd.domain_id = b.domain_id \
               LEFT JOIN connectors c ON c.id = cd.connector_id AND c.structure_id = b.structure_id WHERE b.address_key = $1";
    let read = |r: crate::Row| {
        Ok(Receiver {
            id: r.int(0)?,
            address_key: r.text(1)?,
            kind: r.text(2)?,
            test: r.bool(3)?,
            reachable: r.bool(4)?,
            state: r.text(5)?,
            used_bytes: r.int(6)?,
            quota_bytes: r.int(7)?,
            domain: r.text(8)?,
            domain_kind: r.text(9)?,
            blocked: r.bool(10)?,
            carried: r.bool(11)?,
        })
    };
    tx.query_opt(sql, params![key])?.map(read).transpose()
}

/// What stands in the key of a BAL whose address was given again: no address has a space in its key.
const RETIRED: &str = " ";

/// BALs by address key, from after `after`.
pub fn list(tx: &mut dyn Tx, filter: &Filter, after: &str, limit: i64) -> Result<Vec<Bal>, StoreError> {
    let mut values: Vec<Value> = vec![after.into(), limit.into()];
    let mut sql = format!("SELECT {BAL} FROM bals WHERE address_key > $1 AND address_key NOT LIKE '% %'");
    let mut also = |clause: &str, value: Value| {
        values.push(value);
        sql.push_str(&clause.replace("{}", &format!("${}", values.len())));
    };
    if let Some(domain) = filter.domain {
        also(" AND domain_id = {}", domain.into());
    }
    if let Some(structure) = filter.structure {
        also(" AND structure_id = {}", structure.into());
    }
    if let Some(kind) = &filter.kind {
        also(" AND kind = {}", kind.into());
    }
    if let Some(state) = &filter.state {
        also(" AND state = {}", state.into());
    }
    if let Some(text) = &filter.text {
        also(" AND (address_key LIKE {} ESCAPE '!'", pattern(&text.to_lowercase(), true).into());
        also(" OR LOWER(label) LIKE {} ESCAPE '!'", pattern(&text.to_lowercase(), true).into());
        also(" OR label LIKE {} ESCAPE '!')", pattern(text, true).into());
    }
    if filter.lacks_contact {
        also(
            " AND state <> 'closed' AND EXISTS (SELECT 1 FROM access a JOIN people p ON p.id = a.person_id WHERE a.bal_id = bals.id AND a.ended IS NULL \
              AND (a.ends IS NULL OR a.ends > {}) AND a.role IN ('holder', 'responsible') \
              AND (p.email IS NULL OR p.email_verified IS NULL OR p.email_wrong IS NOT NULL))",
            tx.now().into(),
        );
    }
    if let Some((structures, person)) = &filter.within {
        // A set that is made once: how many BALs there are besides costs nothing.
        let own = " AND id IN (SELECT a.bal_id FROM access a WHERE a.person_id = {} AND a.ended IS NULL";
        also(own, (*person).into());
        also(" AND (a.ends IS NULL OR a.ends > {})", tx.now().into());
        sql.push_str(&format!(
            " UNION SELECT b.id FROM bals b WHERE b.structure_id IN ({}))",
            crate::structures::among(structures)
        ));
    }
    sql.push_str(" ORDER BY address_key LIMIT $2");
    tx.query(&sql, &values)?.iter().map(bal).collect()
}

/// These BALs, in no order.
pub fn by_ids(tx: &mut dyn Tx, ids: &[Id]) -> Result<Vec<Bal>, StoreError> {
    many::rows(tx, ids, &[], |list| format!("SELECT {BAL} FROM bals WHERE id IN ({list})"), bal)
}

/// A text to be found as it is (escaped by `!`).
pub(crate) fn pattern(text: &str, anywhere: bool) -> String {
    let mut out = String::from(if anywhere { "%" } else { "" });
    for c in text.chars() {
        if matches!(c, '%' | '_' | '!') {
            out.push('!');
        }
        out.push(c);
    }
    out.push('%');
    out
}

/// Changes what is said of a BAL of this version; false when somebody else changed it meanwhile.
pub fn update(tx: &mut dyn Tx, b: &Bal) -> Result<bool, StoreError> {
    let sql = "UPDATE bals SET label = $3, structure_id = $4, description = $5, responsible = $6, service = $7, red_list = $8, \
               phone_published = $9, paperless = $10, version = version + 1 WHERE id = $1 AND version = $2";
    let values = params![
        b.id,
        b.version,
        &b.label,
        b.structure_id,
        &b.description,
        &b.responsible,
        &b.service,
        b.red_list.map(i64::from),
        b.phone_published.map(i64::from),
        b.paperless.map(i64::from)
    ];
    Ok(tx.execute(sql, values)? > 0)
}

/// Takes its address from a closed BAL, so that it may be given again. The row stays, under a key that no address has.
pub fn retire(tx: &mut dyn Tx, id: Id) -> Result<(), StoreError> {
    let sql =
        "UPDATE bals SET address_key = address_key || $2, version = version + 1 WHERE id = $1 AND state = 'closed'";
    tx.execute(sql, params![id, format!("{RETIRED}{id}")]).map(drop)
}

/// Keys that begin so and end so, of BALs and of what is asked for: what a suggestion must avoid.
pub fn taken(tx: &mut dyn Tx, local: &str, domain: &str, limit: i64) -> Result<Vec<String>, StoreError> {
    let like = format!("{}@{domain}", pattern(local, false));
    // Both say where they begin: a pattern alone is looked for everywhere.
    let (from, to) = (local, format!("{local}\u{10FFFF}"));
    let mut out = Vec::new();
    for sql in [
        "SELECT address_key FROM bals WHERE address_key >= $1 AND address_key < $2 AND address_key LIKE $3 ESCAPE '!' \
         ORDER BY address_key LIMIT $4",
        "SELECT address_key FROM openings WHERE address_key >= $1 AND address_key < $2 AND address_key LIKE $3 ESCAPE '!' \
         AND state IN ('requested', 'verified') ORDER BY address_key LIMIT $4",
    ] {
        for row in tx.query(sql, params![from, &to, &like, limit])? {
            out.push(row.text(0)?);
        }
    }
    Ok(out)
}

/// First names of our own people, each once.
pub fn given_names(tx: &mut dyn Tx, limit: i64) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT DISTINCT given_name FROM people WHERE given_name IS NOT NULL ORDER BY given_name LIMIT $1";
    tx.query(sql, params![limit])?.iter().map(|r| r.text(0)).collect()
}
