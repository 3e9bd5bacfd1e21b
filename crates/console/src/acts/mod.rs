//! Every act of the console, by what it is about: what it takes, what its form begins with, and the one call that carries it out.
pub(crate) mod bals;
mod connectors;
mod keeping;
pub(crate) mod people;
mod places;
mod running;

use crate::act::{Act, Begins, Form};
use crate::carry::Done;
use crate::frame::Ask;
use sceau_domain::{Refusal, UseCase};
use sceau_operator::accounts::structures::StructureFilter;

/// Every act.
pub(crate) fn all() -> impl Iterator<Item = &'static Act> {
    [people::ACTS, places::ACTS, bals::ACTS, connectors::ACTS, keeping::ACTS, running::ACTS].into_iter().flatten()
}

/// What its form begins with.
pub(crate) async fn begins(ask: &Ask, act: &Act, id: &str) -> Result<Begins, Refusal> {
    match act.place {
        "personnes" | "roles" | "recuperations" => people::begins(ask, act, id).await,
        "structures" | "regions" | "domaines" => places::begins(ask, act, id).await,
        "bal" | "demandes" => bals::begins(ask, act, id).await,
        "connecteurs" => connectors::begins(ask, act, id).await,
        "conservation" | "gels" => keeping::begins(ask, act, id).await,
        _ => running::begins(ask, act, id).await,
    }
}

/// Does it.
pub(crate) async fn carry_out(ask: &Ask, act: &Act, id: &str, form: &Form) -> Result<Done, Refusal> {
    match act.place {
        "personnes" | "roles" | "recuperations" => people::carry_out(ask, act, id, form).await,
        "structures" | "regions" | "domaines" => places::carry_out(ask, act, id, form).await,
        "bal" | "demandes" => bals::carry_out(ask, act, id, form).await,
        "connecteurs" => connectors::carry_out(ask, act, id, form).await,
        "conservation" | "gels" => keeping::carry_out(ask, act, id, form).await,
        _ => running::carry_out(ask, act, id, form).await,
    }
}

/// Structures that a field suggests at most.
const SUGGESTED: u32 = 200;
/// Codes that a field suggests at most.
const CODES: u32 = 500;

/// Structures that the asker sees: code and name.
async fn structures(ask: &Ask) -> Vec<(String, String)> {
    if !ask.may(UseCase::StructureList) {
        return Vec::new();
    }
    let found = ask.op().structures(&ask.actor, StructureFilter::default(), SUGGESTED).await.unwrap_or_default();
    found.into_iter().map(|s| (s.code, s.name)).collect()
}

/// Suggests structures; where there is but one, it is meant.
async fn suggest_structures(ask: &Ask, begun: &mut Begins) {
    let found = structures(ask).await;
    if let [(only, _)] = found.as_slice() {
        begun.set("structure", only);
    }
    begun.choices.insert("structure", found);
}

/// Suggests codes of a reference table with what they mean, where it was imported.
async fn suggest_codes(ask: &Ask, begun: &mut Begins, field: &'static str, table: &str) {
    if !ask.may(UseCase::ReferenceShow) {
        return;
    }
    let found = ask.op().reference(&ask.actor, table, None, None, CODES).await.unwrap_or_default();
    begun.choices.insert(field, found.into_iter().map(|entry| (entry.code, entry.label)).collect());
}
