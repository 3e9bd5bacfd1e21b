//! What a person chose of the desk: JSON without content.
use crate::{Id, StoreError, Tx, params};

/// The choices of a person who made some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices {
    /// JSON.
    pub choices: String,
    /// When they were changed, milliseconds.
    pub changed: i64,
}

/// Those of a person, if any were made.
pub fn of(tx: &mut dyn Tx, person: Id) -> Result<Option<Choices>, StoreError> {
    let row = tx.query_opt("SELECT choices, changed FROM desk_choices WHERE person_id = $1", params![person])?;
    row.as_ref().map(|r| Ok(Choices { choices: r.text(0)?, changed: r.int(1)? })).transpose()
}

/// Keeps them in the place of what was there.
pub fn put(tx: &mut dyn Tx, person: Id, chosen: &Choices) -> Result<(), StoreError> {
    let sql = "INSERT INTO desk_choices (person_id, choices, changed) VALUES ($1, $2, $3) \
               ON CONFLICT (person_id) DO UPDATE SET choices = excluded.choices, changed = excluded.changed";
    tx.execute(sql, params![person, &chosen.choices, chosen.changed]).map(drop)
}
