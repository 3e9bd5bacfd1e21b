//! Every act of the console, by what it is about: what it takes, what its form begins with, and the one call that carries it out.
mod bals;
mod people;
mod places;
mod running;

use crate::act::{Act, Begins, Form};
use crate::carry::Done;
use crate::frame::Ask;
use sceau_domain::Refusal;

/// Every act.
pub(crate) fn all() -> impl Iterator<Item = &'static Act> {
    [people::ACTS, places::ACTS, bals::ACTS, running::ACTS].into_iter().flatten()
}

/// What its form begins with.
pub(crate) async fn begins(ask: &Ask, act: &Act, id: &str) -> Result<Begins, Refusal> {
    match act.place {
        "personnes" => people::begins(ask, act, id).await,
        "structures" | "regions" | "domaines" => places::begins(ask, act, id).await,
        "bal" | "demandes" => bals::begins(ask, act, id).await,
        "roles" | "recuperations" => Ok(Begins::default()),
        _ => running::begins(ask, act, id).await,
    }
}

/// Does it.
pub(crate) async fn carry_out(ask: &Ask, act: &Act, id: &str, form: &Form) -> Result<Done, Refusal> {
    match act.place {
        "personnes" | "roles" | "recuperations" => people::carry_out(ask, act, id, form).await,
        "structures" | "regions" | "domaines" => places::carry_out(ask, act, id, form).await,
        "bal" | "demandes" => bals::carry_out(ask, act, id, form).await,
        _ => running::carry_out(ask, act, id, form).await,
    }
}
