//! Acts on BALs and on requests about them.
use crate::act::{Act, Begins, Form, NOTHING, Takes, WHY, act};
use crate::carry::{Done, Filled, invalid, row, unknown};
use crate::frame::{Ask, last_day};
use sceau_domain::opening::Task;
use sceau_domain::{Address, Refusal, UseCase};
use sceau_operator::absence::NewAbsence;
use sceau_operator::accounts::{BalChoices, BalEdit, NewBal};
use sceau_operator::grants::{AccessChange, AccessView, NewAccess};
use sceau_operator::life::CloseOrder;
use sceau_operator::openings::{NewChange, NewEnd, NewOpening, OpeningView};

const KINDS: &[&str] = &["Per", "Org", "App", "Cab"];
const CAUSES: &[&str] = &["request", "notification_address", "departure", "unused", "misuse"];

const ACCESSES: &[&str] = &["member", "responsible", "machine"];
const RIGHTS: &[&str] = &["read", "send", "file", "manage"];
/// Choices about a BAL.
const CHOICES: [&str; 3] = ["red_list", "phone_published", "paperless"];

/// All of them.
pub(crate) const ACTS: &[Act] = &[
    act(
        ("bal", "donner-acces"),
        UseCase::AccessGrant,
        "btn-main",
        &[
            ("login", Takes::Line),
            ("role", Takes::One(ACCESSES)),
            ("rights", Takes::Many(RIGHTS)),
            ("access_from", Takes::Day),
            ("access_until", Takes::Day),
            ("reason", Takes::Lines),
        ],
    ),
    act(
        ("bal", "changer-acces"),
        UseCase::AccessGrant,
        "",
        &[
            ("login", Takes::Given),
            ("role", Takes::One(ACCESSES)),
            ("rights", Takes::Many(RIGHTS)),
            ("access_until", Takes::Day),
            ("reason", Takes::Lines),
            ("version", Takes::Kept),
        ],
    ),
    act(("bal", "retirer-acces"), UseCase::AccessGrant, "", &[("login", Takes::Given), ("reason", Takes::Lines)]),
    act(
        ("bal", "modifier"),
        UseCase::BalEdit,
        "",
        &[
            ("name", Takes::Line),
            ("description", Takes::Line),
            ("responsible_text", Takes::Line),
            ("service", Takes::Line),
            ("structure", Takes::Line),
            ("naming_override", Takes::Line),
            ("version", Takes::Kept),
        ],
    ),
    act(
        ("bal", "choisir"),
        UseCase::BalChoices,
        "",
        &[
            ("red_list", Takes::Given),
            ("phone_published", Takes::Given),
            ("paperless", Takes::Given),
            ("version", Takes::Kept),
        ],
    ),
    act(
        ("bal", "demander-changement"),
        UseCase::OpeningAsk,
        "",
        &[("name", Takes::Line), ("holders", Takes::Lines), ("members", Takes::Lines), ("reason", Takes::Lines)],
    ),
    act(("bal", "demander-fin"), UseCase::OpeningAsk, "", WHY),
    act(
        ("bal", "annoncer-absence"),
        UseCase::BalAbsence,
        "",
        &[
            ("absence_from", Takes::Day),
            ("absence_until", Takes::Day),
            ("absence_text", Takes::Lines),
            ("version", Takes::Kept),
        ],
    ),
    act(("bal", "fin-absence"), UseCase::BalAbsence, "", NOTHING),
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
            ("holders", Takes::Lines),
            ("members", Takes::Lines),
            ("notification_address", Takes::Line),
            ("description", Takes::Line),
            ("service", Takes::Line),
        ],
    ),
    act(("demandes", "verifier"), UseCase::OpeningDecide, "btn-main", NOTHING),
    act(("demandes", "excepter"), UseCase::PolicySet, "btn-risk", &[("exception", Takes::Lines)]),
    act(("demandes", "refuser"), UseCase::OpeningDecide, "btn-risk", WHY),
    act(("demandes", "annuler"), UseCase::OpeningAsk, "", NOTHING),
];

/// What a form begins with.
pub(crate) async fn begins(ask: &Ask, act: &Act, id: &str) -> Result<Begins, Refusal> {
    let mut begun = Begins::default();
    match (act.place, act.name) {
        ("demandes", "ouvrir") => super::suggest_structures(ask, &mut begun).await,
        ("demandes", _) => begun.about = Some(request(ask, act, id).await?.address),
        ("bal", _) => of_bal(ask, act, id, &mut begun).await?,
        _ => {}
    }
    Ok(begun)
}

/// A request, before an act on it: to verify one that ends a BAL is to close it, and asks what closing asks.
async fn request(ask: &Ask, act: &Act, id: &str) -> Result<OpeningView, Refusal> {
    let asked = ask.op().opening(&ask.actor, row(id)?).await?;
    if act.name == "verifier" && asked.task == Task::End {
        ask.op().confirmed(&ask.actor, UseCase::BalClose)?;
    }
    Ok(asked)
}

async fn of_bal(ask: &Ask, act: &Act, id: &str, begun: &mut Begins) -> Result<(), Refusal> {
    let (op, actor) = (ask.op(), &ask.actor);
    let b = op.bal(actor, id).await?;
    begun.about = Some(b.address.clone());
    begun.set("version", b.version.to_string());
    match act.name {
        "modifier" => {
            begun.choices.insert("structure", super::structures(ask).await);
            begun.set("name", b.name).set("description", b.description).set("responsible_text", b.responsible);
            begun.set("service", b.service).maybe("structure", b.structure.as_deref());
        }
        "choisir" => {
            let words = ["", "yes", "no"].map(|w| (w.to_owned(), ask.word(if w.is_empty() { "unchosen" } else { w })));
            for (name, chosen) in CHOICES.into_iter().zip([b.red_list, b.phone_published, b.paperless]) {
                begun.choices.insert(name, words.to_vec());
                begun.set(name, said(chosen));
            }
        }
        "annoncer-absence" => {
            let a = op.absence(actor, id).await?;
            begun.set("version", a.version.to_string()).maybe("absence_from", a.from.as_deref());
            begun.maybe("absence_until", a.until.as_deref()).maybe("absence_text", a.text.as_deref());
        }
        "changer-acces" | "retirer-acces" => {
            let all = op.accesses(actor, id).await?;
            let given: Vec<&AccessView> = all.iter().filter(|a| a.ended.is_none() && shared(a)).collect();
            begun.choices.insert("login", given.iter().map(|a| (a.login.clone(), a.login.clone())).collect());
            let meant = given.iter().find(|a| ask.given("login").is_none_or(|login| login == a.login));
            if let Some(a) = meant {
                begun.set("login", a.login.clone()).set("role", a.role.clone()).set("version", a.version.to_string());
                begun.set("access_until", a.ends.map(last_day).unwrap_or_default());
                for right in &a.rights {
                    begun.set(&format!("rights.{right}"), "oui");
                }
            }
        }
        "demander-changement" => {
            let all = op.accesses(actor, id).await?;
            let of = |roles: &[&str]| -> String {
                let open = all.iter().filter(|a| a.ended.is_none() && roles.contains(&a.role.as_str()));
                open.map(|a| a.login.as_str()).collect::<Vec<_>>().join("\n")
            };
            begun.set("name", b.name).set("holders", of(&["holder", "responsible"]));
            begun.set("members", of(&["member", "machine"]));
        }
        _ => {}
    }
    Ok(())
}

/// An access that is given and taken here: a holder's goes with the BAL, a delegate's is the holder's to give.
pub(crate) fn shared(a: &AccessView) -> bool {
    ACCESSES.contains(&a.role.as_str())
}

/// A choice as its field has it.
fn said(chosen: Option<bool>) -> &'static str {
    match chosen {
        None => "",
        Some(true) => "yes",
        Some(false) => "no",
    }
}

/// Does it.
pub(crate) async fn carry_out(ask: &Ask, act: &Act, id: &str, form: &Form) -> Result<Done, Refusal> {
    let f = Filled(form);
    let asked = match (act.place, act.name) {
        ("bal", "demander-changement") => NewOpening::Change(NewChange {
            address: id.to_owned(),
            name: f.maybe("name"),
            holders: f.several("holders"),
            members: f.several("members"),
            reason: f.maybe("reason"),
            naming_override: None,
        }),
        ("bal", "demander-fin") => {
            NewOpening::End(NewEnd { address: id.to_owned(), reason: f.line("reason").to_owned() })
        }
        _ => return bals(ask, act, id, form).await.map(|to| Done::At(act.place, to)),
    };
    Ok(Done::At("demandes", ask.op().ask_opening(&ask.actor, asked).await?.id))
}

async fn bals(ask: &Ask, act: &Act, id: &str, form: &Form) -> Result<String, Refusal> {
    let (op, actor, f) = (ask.op(), &ask.actor, Filled(form));
    let reason = f.line("reason");
    match (act.place, act.name) {
        ("bal", "donner-acces") => {
            let new = NewAccess {
                login: f.line("login").to_owned(),
                role: f.line("role").parse().map_err(|()| invalid("role"))?,
                rights: Some(f.many("rights")).filter(|rights| !rights.is_empty()),
                starts: f.day("access_from")?,
                ends: f.until("access_until", None)?,
                reason: f.maybe("reason"),
            };
            drop(op.give_access(actor, id, new).await?);
        }
        ("bal", "changer-acces") => {
            let was = op.access(actor, id, f.line("login")).await?;
            let change = AccessChange {
                role: f.line("role").parse().map_err(|()| invalid("role"))?,
                rights: Some(f.many("rights")).filter(|rights| !rights.is_empty()),
                ends: f.until("access_until", was.ends)?,
                reason: f.maybe("reason"),
            };
            drop(op.change_access(actor, id, f.line("login"), f.version()?, change).await?);
        }
        ("bal", "annoncer-absence") => {
            let line = |name: &str| f.line(name).to_owned();
            let (from, until, text) = (line("absence_from"), line("absence_until"), line("absence_text"));
            drop(op.set_absence(actor, id, f.version()?, NewAbsence { from, until, text }).await?);
        }
        ("bal", "fin-absence") => {
            let version = op.absence(actor, id).await?.version;
            drop(op.end_absence(actor, id, version).await?);
        }
        ("bal", "modifier") => modify(ask, id, &f).await?,
        ("bal", "choisir") => choose(ask, id, &f).await?,
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
            new.notification_address = f.maybe("notification_address");
            new.description = f.line("description").to_owned();
            new.service = f.line("service").to_owned();
            return Ok(op.ask_opening(actor, NewOpening::Open(new)).await?.id);
        }
        ("demandes", "verifier") => {
            drop(request(ask, act, id).await?);
            drop(op.verify_opening(actor, row(id)?, None).await?);
        }
        ("demandes", "excepter") => {
            let why = f.maybe("exception").ok_or_else(|| invalid("exception"))?;
            drop(op.verify_opening(actor, row(id)?, Some(&why)).await?);
        }
        ("demandes", "refuser") => drop(op.refuse_opening(actor, row(id)?, reason).await?),
        ("demandes", "annuler") => drop(op.cancel_opening(actor, row(id)?).await?),
        _ => return Err(unknown(act)),
    }
    Ok(id.to_owned())
}

/// What is said of a BAL, changed: what was not touched is not sent. Its structure is the operator's to change.
async fn modify(ask: &Ask, id: &str, f: &Filled<'_>) -> Result<(), Refusal> {
    let b = ask.op().bal(&ask.actor, id).await?;
    let structure = f.changed("structure", b.structure.as_deref().unwrap_or_default());
    let edit = BalEdit {
        name: f.changed("name", &b.name),
        description: f.changed("description", &b.description),
        responsible: f.changed("responsible_text", &b.responsible),
        service: f.changed("service", &b.service),
        structure: structure.map(|code| Some(code).filter(|c| !c.is_empty())),
        naming_override: f.maybe("naming_override"),
    };
    ask.op().edit_bal(&ask.actor, id, f.version()?, edit).await.map(drop)
}

/// Choices about a BAL: those that were touched alone, for support has but one.
async fn choose(ask: &Ask, id: &str, f: &Filled<'_>) -> Result<(), Refusal> {
    let b = ask.op().bal(&ask.actor, id).await?;
    let new = |name: &str, was: Option<bool>| match f.line(name) {
        "yes" if was != Some(true) => Some(true),
        "no" if was != Some(false) => Some(false),
        _ => None,
    };
    let choices = BalChoices {
        red_list: new("red_list", b.red_list),
        phone_published: new("phone_published", b.phone_published),
        paperless: new("paperless", b.paperless),
    };
    ask.op().choose_for_bal(&ask.actor, id, f.version()?, choices).await.map(drop)
}
