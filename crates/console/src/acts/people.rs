//! Acts on people, their roles and the replacement of their means.
use crate::act::{Act, Begins, Form, NOTHING, Takes, WHY, act};
use crate::carry::{Done, Filled, row, unknown};
use crate::frame::Ask;
use sceau_domain::{Refusal, UseCase};
use sceau_operator::accounts::NewPerson;
use sceau_operator::life::Departure;
use sceau_operator::roles::NewRole;

const ROLES: &[&str] = &["structure", "region", "support", "auditor", "administrator"];

/// All of them.
pub(crate) const ACTS: &[Act] = &[
    act(
        ("personnes", "ajouter"),
        UseCase::PersonAdd,
        "btn-main",
        &[
            ("login", Takes::Line),
            ("given_name", Takes::Line),
            ("family_name", Takes::Line),
            ("national_id", Takes::Line),
            ("structure", Takes::Line),
            ("function", Takes::Line),
        ],
    ),
    act(("personnes", "certifier"), UseCase::PersonCertify, "btn-main", NOTHING),
    act(
        ("personnes", "rattacher"),
        UseCase::MembershipEdit,
        "",
        &[("structure", Takes::Line), ("function", Takes::Line)],
    ),
    act(("personnes", "inviter"), UseCase::FactorInvite, "", NOTHING),
    act(
        ("personnes", "remplacer-moyens"),
        UseCase::RecoveryAsk,
        "",
        &[("checked", Takes::Lines), ("reason", Takes::Lines)],
    ),
    act(("personnes", "bloquer"), UseCase::PersonBlock, "btn-risk", WHY),
    act(("personnes", "debloquer"), UseCase::PersonBlock, "", WHY),
    act(
        ("personnes", "depart"),
        UseCase::MembershipEdit,
        "btn-risk",
        &[
            ("structure", Takes::Line),
            ("personal", Takes::One(&["suspend", "close", "keep"])),
            ("reason", Takes::Lines),
        ],
    ),
    act(
        ("roles", "donner"),
        UseCase::RoleGrant,
        "btn-main",
        &[
            ("login", Takes::Line),
            ("role", Takes::One(ROLES)),
            ("structure", Takes::Line),
            ("body", Takes::Line),
            ("function", Takes::Line),
            ("reason", Takes::Lines),
        ],
    ),
    act(("roles", "retirer"), UseCase::RoleGrant, "btn-risk", WHY),
    act(("recuperations", "confirmer"), UseCase::RecoveryConfirm, "btn-main", NOTHING),
    act(("recuperations", "arreter"), UseCase::RecoveryStop, "btn-risk", NOTHING),
];

/// What a form begins with.
pub(crate) async fn begins(_ask: &Ask, _act: &Act, _id: &str) -> Result<Begins, Refusal> {
    Ok(Begins::default())
}

/// Does it.
pub(crate) async fn carry_out(ask: &Ask, act: &Act, id: &str, form: &Form) -> Result<Done, Refusal> {
    people(ask, act, id, form).await.map(|to| Done::At(act.place, to))
}

async fn people(ask: &Ask, act: &Act, id: &str, form: &Form) -> Result<String, Refusal> {
    let (op, actor, f) = (ask.op(), &ask.actor, Filled(form));
    let reason = f.line("reason");
    match (act.place, act.name) {
        ("personnes", "ajouter") => {
            let (given, family) = (f.maybe("given_name"), f.maybe("family_name"));
            let whole: Vec<&str> = [given.as_deref(), family.as_deref()].into_iter().flatten().collect();
            let new = NewPerson {
                login: f.line("login").to_owned(),
                name: whole.join(" "),
                national_id: f.maybe("national_id"),
                structure: f.maybe("structure"),
                function: f.maybe("function"),
                given_name: given,
                family_name: family,
                ..NewPerson::default()
            };
            return Ok(op.add_person(actor, new).await?.login);
        }
        ("personnes", "certifier") => {
            let version = op.person(actor, id).await?.version;
            drop(op.certify_person(actor, id, version).await?);
        }
        ("personnes", "rattacher") => {
            drop(op.join_structure(actor, id, f.line("structure"), f.line("function"), None).await?);
        }
        ("personnes", "inviter") => drop(op.invite(actor, id).await?),
        ("personnes", "remplacer-moyens") => drop(op.ask_recovery(actor, id, (f.line("checked"), reason)).await?),
        ("personnes", "bloquer") => drop(op.block_person(actor, id, reason).await?),
        ("personnes", "debloquer") => drop(op.release_person(actor, id, reason).await?),
        ("personnes", "depart") => {
            let (structure, personal) = (f.line("structure").to_owned(), f.one("personal")?);
            drop(op.depart(actor, id, Departure { structure, reason: reason.to_owned(), personal }).await?);
            // Whoever left may be nobody of the asker's any more.
            return Ok(String::new());
        }
        ("roles", "donner") => {
            let new = NewRole {
                login: f.line("login").to_owned(),
                role: f.one("role")?,
                structure: f.maybe("structure"),
                body: f.maybe("body"),
                function: f.maybe("function"),
                reason: reason.to_owned(),
            };
            drop(op.grant_role(actor, new).await?);
            return Ok(String::new());
        }
        ("roles", "retirer") => {
            drop(op.end_role(actor, row(id)?, reason).await?);
            return Ok(String::new());
        }
        ("recuperations", "confirmer") => drop(op.confirm_recovery(actor, row(id)?).await?),
        ("recuperations", "arreter") => drop(op.stop_recovery(actor, row(id)?).await?),
        _ => return Err(unknown(act)),
    }
    Ok(if act.place == "recuperations" { String::new() } else { id.to_owned() })
}
