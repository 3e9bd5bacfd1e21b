//! What people are looked for by: names alone, of many at once.
use crate::{Id, Row, StoreError, Tx, params};

/// What somebody is looked for by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Login.
    pub login: String,
    /// Name as shown.
    pub name: String,
    /// Given and family name, as certified.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// National identifier.
    pub national_id: Option<String>,
    /// Ordinary address.
    pub email: Option<String>,
    /// The identity was certified.
    pub certified: bool,
    /// Blocked.
    pub blocked: bool,
}

/// What people are called, by login, from after `after`: all, or who works in one of these structures now.
pub fn list(tx: &mut dyn Tx, within: Option<&[Id]>, after: &str, limit: i64) -> Result<Vec<Named>, StoreError> {
    let bound = within.map_or(String::new(), |ids| {
        format!(
            " AND id IN (SELECT person_id FROM memberships WHERE ended IS NULL AND structure_id IN ({}))",
            crate::structures::among(ids)
        )
    });
    let sql = format!(
        "SELECT login, name, given_name, family_name, national_id, email, identity, disabled FROM people WHERE login > $1{bound} \
         ORDER BY login LIMIT $2"
    );
    let named = |r: &Row| {
        Ok(Named {
            login: r.text(0)?,
            name: r.text(1)?,
            given_name: r.opt_text(2)?,
            family_name: r.opt_text(3)?,
            national_id: r.opt_text(4)?,
            email: r.opt_text(5)?,
            certified: r.text(6)? != "none",
            blocked: r.opt_int(7)?.is_some(),
        })
    };
    tx.query(&sql, params![after, limit])?.iter().map(named).collect()
}
