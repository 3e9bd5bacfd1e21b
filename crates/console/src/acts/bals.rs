//! Acts on BALs and on requests about them.
use crate::act::{Act, Begins, Form, NOTHING, Takes, WHY, act};
use crate::carry::{Done, Filled, invalid, row, unknown};
use crate::frame::Ask;
use sceau_domain::{Address, Refusal, UseCase};
use sceau_operator::accounts::NewBal;
use sceau_operator::grants::NewAccess;
use sceau_operator::life::CloseOrder;
use sceau_operator::openings::NewOpening;

const KINDS: &[&str] = &["Per", "Org", "App", "Cab"];
const CAUSES: &[&str] = &["request", "notification_address", "departure", "unused", "misuse"];

/// All of them.
pub(crate) const ACTS: &[Act] = &[
    act(
        ("bal", "donner-acces"),
        UseCase::AccessGrant,
        "btn-main",
        &[("login", Takes::Line), ("role", Takes::One(&["member", "responsible"])), ("reason", Takes::Lines)],
    ),
    act(("bal", "retirer-acces"), UseCase::AccessGrant, "", &[("login", Takes::Line), ("reason", Takes::Lines)]),
    act(("bal", "suspendre"), UseCase::BalSuspend, "", WHY),
    act(("bal", "reprendre"), UseCase::BalSuspend, "", WHY),
    act(("bal", "bloquer"), UseCase::BalBlock, "btn-risk", WHY),
    act(("bal", "debloquer"), UseCase::BalBlock, "", WHY),
    act(
        ("bal", "clore"),
        UseCase::BalClose,
        "btn-risk",
        &[("cause", Takes::One(CAUSES)), ("identity_proof", Takes::Line), ("reason", Takes::Lines)],
    ),
    act(("bal", "garder"), UseCase::BalClose, "", WHY),
    act(
        ("demandes", "ouvrir"),
        UseCase::OpeningAsk,
        "btn-main",
        &[
            ("address", Takes::Line),
            ("kind", Takes::One(KINDS)),
            ("name", Takes::Line),
            ("structure", Takes::Line),
            ("holders", Takes::Line),
            ("members", Takes::Line),
        ],
    ),
    act(("demandes", "verifier"), UseCase::OpeningDecide, "btn-main", NOTHING),
    act(("demandes", "refuser"), UseCase::OpeningDecide, "btn-risk", WHY),
    act(("demandes", "annuler"), UseCase::OpeningAsk, "", NOTHING),
];

/// What a form begins with.
pub(crate) async fn begins(_ask: &Ask, _act: &Act, _id: &str) -> Result<Begins, Refusal> {
    Ok(Begins::default())
}

/// Does it.
pub(crate) async fn carry_out(ask: &Ask, act: &Act, id: &str, form: &Form) -> Result<Done, Refusal> {
    bals(ask, act, id, form).await.map(|to| Done::At(act.place, to))
}

async fn bals(ask: &Ask, act: &Act, id: &str, form: &Form) -> Result<String, Refusal> {
    let (op, actor, f) = (ask.op(), &ask.actor, Filled(form));
    let reason = f.line("reason");
    match (act.place, act.name) {
        ("bal", "donner-acces") => {
            let new = NewAccess {
                login: f.line("login").to_owned(),
                role: f.line("role").parse().map_err(|()| invalid("role"))?,
                rights: None,
                starts: None,
                ends: None,
                reason: f.maybe("reason"),
            };
            drop(op.give_access(actor, id, new).await?);
        }
        ("bal", "retirer-acces") => {
            drop(op.end_access(actor, id, f.line("login"), f.maybe("reason").as_deref()).await?);
        }
        ("bal", "suspendre") => drop(op.suspend_bal(actor, id, reason).await?),
        ("bal", "reprendre") => drop(op.resume_bal(actor, id, reason).await?),
        ("bal", "bloquer") => drop(op.block_bal(actor, id, reason).await?),
        ("bal", "debloquer") => drop(op.release_bal(actor, id, reason).await?),
        ("bal", "clore") => {
            let order = CloseOrder {
                cause: f.one("cause")?,
                reason: reason.to_owned(),
                identity_proof: f.maybe("identity_proof"),
                cooling_days: None,
            };
            drop(op.close_bal(actor, id, order).await?);
        }
        ("bal", "garder") => drop(op.keep_bal(actor, id, reason).await?),
        ("demandes", "ouvrir") => {
            let address: Address = f.line("address").parse().map_err(|_| invalid("address"))?;
            let holders = f.several("holders");
            let holders: Vec<&str> = holders.iter().map(String::as_str).collect();
            let mut new = NewBal::new(address, f.one("kind")?, f.line("name"), &holders);
            new.structure = f.maybe("structure");
            new.members = f.several("members");
            return Ok(op.ask_opening(actor, NewOpening::Open(new)).await?.id);
        }
        ("demandes", "verifier") => drop(op.verify_opening(actor, row(id)?, None).await?),
        ("demandes", "refuser") => drop(op.refuse_opening(actor, row(id)?, reason).await?),
        ("demandes", "annuler") => drop(op.cancel_opening(actor, row(id)?).await?),
        _ => return Err(unknown(act)),
    }
    Ok(id.to_owned())
}
