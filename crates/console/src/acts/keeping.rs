//! Acts on what is kept: times of retention, who follows which policy, legal holds.
use crate::act::{Act, Begins, Form, Takes, WHY, act};
use crate::carry::{Done, Filled, invalid, row, unknown};
use crate::frame::Ask;
use crate::pages::keeping::{item, span};
use sceau_domain::{Refusal, UseCase};
use sceau_operator::holds::HoldSubject;
use sceau_operator::retention::NewRule;

/// Units of time; without end needs no number.
const UNITS: &[&str] = &["years", "months", "weeks", "days", "working_days", "hours", "never"];

/// All of them.
pub(crate) const ACTS: &[Act] = &[
    act(
        ("conservation", "creer"),
        UseCase::RetentionSet,
        "btn-main",
        &[("policy", Takes::Line), ("from_policy", Takes::Given)],
    ),
    act(
        ("conservation", "regler"),
        UseCase::RetentionSet,
        "btn-main",
        &[
            ("version", Takes::Kept),
            ("item", Takes::Given),
            ("count", Takes::Number),
            ("unit", Takes::One(UNITS)),
            ("source", Takes::Line),
            ("shorter", Takes::Tick),
        ],
    ),
    act(("conservation", "suivre"), UseCase::RetentionSet, "", &[("structure", Takes::Line), ("shorter", Takes::Tick)]),
    act(
        ("gels", "placer"),
        UseCase::HoldPlace,
        "btn-main",
        &[
            ("held", Takes::One(&["bal", "person", "structure", "operator"])),
            ("held_name", Takes::Line),
            ("authority", Takes::Line),
            ("reason", Takes::Lines),
        ],
    ),
    act(("gels", "lever"), UseCase::HoldPlace, "btn-risk", WHY),
];

/// What a form begins with.
pub(crate) async fn begins(ask: &Ask, act: &Act, id: &str) -> Result<Begins, Refusal> {
    let (op, actor) = (ask.op(), &ask.actor);
    let mut form = Begins::default();
    match (act.place, act.name) {
        ("conservation", "creer") => {
            let known = op.retention_policies(actor).await?.into_iter().map(|p| (p.name.clone(), p.name));
            form.choices.insert("from_policy", known.collect());
        }
        ("conservation", "regler") => {
            let p = op.retention_policy(actor, id).await?;
            let words = |r: &sceau_operator::retention::RuleView| {
                (r.item.clone(), format!("{} : {}", item(ask, &r.item), span(ask, &r.value)))
            };
            form.choices.insert("item", p.rules.iter().map(words).collect());
            form.values.insert("version".into(), p.version.to_string());
        }
        ("gels", "lever") => {
            let hold = op.hold(actor, row(id)?).await?;
            form.about = Some(hold.name).filter(|name| !name.is_empty());
        }
        _ => {}
    }
    Ok(form)
}

/// Does it.
pub(crate) async fn carry_out(ask: &Ask, act: &Act, id: &str, form: &Form) -> Result<Done, Refusal> {
    let (op, actor, f) = (ask.op(), &ask.actor, Filled(form));
    let reason = f.line("reason");
    let to = match (act.place, act.name) {
        ("conservation", "creer") => {
            let from = f.maybe("from_policy");
            op.set_retention(actor, f.line("policy"), from.as_deref(), &[], None, false).await?.name
        }
        ("conservation", "regler") => {
            let value = match f.line("unit") {
                "never" => "never".to_owned(),
                unit => format!("{} {unit}", f.number::<u32>("count")?.ok_or_else(|| invalid("count"))?),
            };
            let rule = NewRule { item: f.line("item").to_owned(), value, source: f.maybe("source") };
            op.set_retention(actor, id, None, &[rule], Some(f.version()?), f.tick("shorter")).await?.name
        }
        ("conservation", "suivre") => {
            op.use_retention(actor, id, f.maybe("structure").as_deref(), f.tick("shorter")).await?.name
        }
        ("gels", "placer") => {
            let name = f.line("held_name").to_owned();
            let subject = match f.line("held") {
                "bal" => HoldSubject::Bal(name),
                "person" => HoldSubject::Person(name),
                "structure" => HoldSubject::Structure(name),
                "operator" => HoldSubject::Operator,
                _ => return Err(invalid("held")),
            };
            op.place_hold(actor, &subject, reason, f.line("authority")).await?.id
        }
        ("gels", "lever") => op.lift_hold(actor, row(id)?, reason).await?.id,
        _ => return Err(unknown(act)),
    };
    Ok(Done::At(act.place, to))
}
