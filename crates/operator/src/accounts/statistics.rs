//! What a regional body knows of the structures that it follows: counts, never content (F149).
use super::page;
use super::structures::views::StructureCounts;
use crate::refuse::Fail;
use crate::rights::{On, permit, unknown};
use crate::{Actor, Operator};
use sceau_domain::{Refusal, Timestamp, UseCase};
use sceau_store::structures as rows;
use sceau_store::{StoreError, Tx, reports};

fn counts(tx: &mut dyn Tx, s: rows::Structure, operator: &str, now: Timestamp) -> Result<StructureCounts, StoreError> {
    let mut out = StructureCounts { reports: reports::open_in(tx, s.id)?, ..StructureCounts::default() };
    for (what, word, count) in rows::tally(tx, s.id)? {
        match what.as_str() {
            "identity" => {
                out.people += count;
                out.certified += if word == "none" { 0 } else { count };
            }
            "kind" => drop(out.bals.insert(word, count)),
            "state" => drop(out.states.insert(word, count)),
            _ => out.openings += count,
        }
    }
    let shown = super::structures::view(tx, s, operator, now)?;
    (out.structure, out.name, out.blocked, out.warnings) = (shown.code, shown.name, shown.blocked, shown.warnings);
    out.convention = shown.convention.state.to_string();
    Ok(out)
}

impl Operator {
    /// Counts of each structure that a body follows, by code, `limit` from after `after`. `admin.not_found`, `right.missing`.
    pub async fn body_statistics(
        &self,
        actor: &Actor,
        code: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<StructureCounts>, Refusal> {
        let (actor, code, operator) = (actor.clone(), code.to_ascii_lowercase(), self.0.config.name.clone());
        let (after, limit, now) = (after.unwrap_or_default().to_owned(), page(limit), self.now());
        let count = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::BodyList, On::Anywhere)?;
            let Some(body) = rows::body_by_code(tx, &code)? else {
                return Err(unknown(tx, &actor, UseCase::BodyList, &code));
            };
            permit(tx, &actor, UseCase::BodyList, On::Body(body.id))?;
            let followed = rows::list(tx, None, Some(body.id), &after, limit)?;
            followed.into_iter().map(|s| Ok(counts(tx, s, &operator, now)?)).collect::<Result<Vec<_>, Fail>>()
        };
        Ok(self.0.store.read(count).await?)
    }
}
