//! Acts on structures, regional bodies and domains.
use crate::act::{Act, Begins, Form, WHY, act};
use crate::carry::{Done, Filled, unknown};
use crate::frame::Ask;
use sceau_domain::{Refusal, UseCase};

/// All of them.
pub(crate) const ACTS: &[Act] = &[
    act(("structures", "bloquer"), UseCase::StructureBlock, "btn-risk", WHY),
    act(("structures", "debloquer"), UseCase::StructureBlock, "", WHY),
];

/// What a form begins with.
pub(crate) async fn begins(_ask: &Ask, _act: &Act, _id: &str) -> Result<Begins, Refusal> {
    Ok(Begins::default())
}

/// Does it.
pub(crate) async fn carry_out(ask: &Ask, act: &Act, id: &str, form: &Form) -> Result<Done, Refusal> {
    let (op, actor, f) = (ask.op(), &ask.actor, Filled(form));
    let reason = f.line("reason");
    match (act.place, act.name) {
        ("structures", "bloquer") => drop(op.block_structure(actor, id, reason).await?),
        ("structures", "debloquer") => drop(op.release_structure(actor, id, reason).await?),
        _ => return Err(unknown(act)),
    }
    Ok(Done::At(act.place, id.to_owned()))
}
