//! What a regional body knows of the structures that it follows: counts, never content (F149).
use super::structures::views::{StructureCounts, StructureView};
use super::{grouped, page};
use crate::boxed;
use crate::refuse::Fail;
use crate::rights::{On, permit, unknown};
use crate::{Actor, Operator};
use sceau_domain::{Refusal, Timestamp, UseCase};
use sceau_store::structures as rows;
use sceau_store::{Id, StoreError, Tx, reports};

fn counts(
    tx: &mut dyn Tx,
    found: Vec<rows::Structure>,
    operator: &str,
    now: Timestamp,
) -> Result<Vec<StructureCounts>, StoreError> {
    let ids: Vec<Id> = found.iter().map(|s| s.id).collect();
    let (tallies, waiting) = (grouped(rows::tally(tx, &ids)?), reports::open_in(tx, &ids)?);
    let shown = super::structures::views(tx, found, operator, now)?;
    let count = |(id, shown): (Id, StructureView)| {
        let mut out = StructureCounts {
            structure: shown.code,
            name: shown.name,
            convention: shown.convention.state.to_string(),
            blocked: shown.blocked,
            warnings: shown.warnings,
            reports: waiting.get(&id).copied().unwrap_or_default(),
            ..StructureCounts::default()
        };
        for (what, word, count) in tallies.get(&id).into_iter().flatten() {
            match what.as_str() {
                "identity" => {
                    out.people += count;
                    out.certified += if word == "none" { 0 } else { *count };
                }
                "kind" => drop(out.bals.insert(word.clone(), *count)),
                "state" => drop(out.states.insert(word.clone(), *count)),
                _ => out.openings += count,
            }
        }
        out
    };
    Ok(ids.into_iter().zip(shown).map(count).collect())
}

impl Operator {
    /// Counts of each structure that a body follows, by code, `limit` from after `after`. `admin.not_found`, `right.missing`.
    #[boxed]
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
            let followed = rows::list(tx, None, (Some(body.id), None), &after, limit)?;
            Ok::<_, Fail>(counts(tx, followed, &operator, now)?)
        };
        Ok(self.0.store.read(count).await?)
    }
}
