//! Acts on structures, regional bodies and domains.
use crate::act::{Act, Begins, Form, NOTHING, Takes, WHY, act};
use crate::carry::{Done, Filled, invalid, unknown};
use crate::frame::{Ask, day_of, last_day, name_of};
use crate::pages::domains::domain;
use sceau_domain::{Refusal, UseCase};
use sceau_operator::accounts::structures::views::{
    BodyChange, Contact, Convention, NewBody, NewStructure, Postal, Settlement, StructureChange, StructureView,
};

/// Who a structure is, and how it is reached; the first is its code, which never changes.
const PARTICULARS: &[(&str, Takes)] = &[
    ("code", Takes::Line),
    ("structure_name", Takes::Line),
    ("category", Takes::Line),
    ("finess_ej", Takes::Line),
    ("finess_eg", Takes::Line),
    ("siret", Takes::Line),
    ("lines", Takes::Lines),
    ("postcode", Takes::Line),
    ("town", Takes::Line),
    ("territory", Takes::Line),
    ("contact_name", Takes::Line),
    ("contact_function", Takes::Line),
    ("contact_email", Takes::Line),
    ("contact_phone", Takes::Line),
];
const CHANGED: &[(&str, Takes)] = &[
    ("structure_name", Takes::Line),
    ("category", Takes::Line),
    ("finess_ej", Takes::Line),
    ("finess_eg", Takes::Line),
    ("siret", Takes::Line),
    ("lines", Takes::Lines),
    ("postcode", Takes::Line),
    ("town", Takes::Line),
    ("territory", Takes::Line),
    ("contact_name", Takes::Line),
    ("contact_function", Takes::Line),
    ("contact_email", Takes::Line),
    ("contact_phone", Takes::Line),
    ("version", Takes::Kept),
];
const SETTLED: &[(&str, Takes)] = &[
    ("convention", Takes::Given),
    ("convention_reference", Takes::Line),
    ("convention_from", Takes::Day),
    ("convention_until", Takes::Day),
    ("opening", Takes::Given),
    ("domains", Takes::Lines),
    ("body", Takes::Given),
    ("version", Takes::Kept),
];
const BODY: &[(&str, Takes)] = &[
    ("body_name", Takes::Line),
    ("contact_name", Takes::Line),
    ("contact_function", Takes::Line),
    ("contact_email", Takes::Line),
    ("contact_phone", Takes::Line),
    ("version", Takes::Kept),
];
const NEW_BODY: &[(&str, Takes)] = &[
    ("code", Takes::Line),
    ("body_name", Takes::Line),
    ("contact_name", Takes::Line),
    ("contact_function", Takes::Line),
    ("contact_email", Takes::Line),
    ("contact_phone", Takes::Line),
];
/// Where a convention may stand; who may open BALs; kinds of domains.
const CONVENTIONS: [&str; 4] = ["none", "draft", "signed", "ended"];
const OPENINGS: [&str; 3] = ["operator", "delegated", "self"];
const DOMAINS: [&str; 4] = ["Production", "Test", "Internal", "Patients"];

/// All of them.
pub(crate) const ACTS: &[Act] = &[
    act(("structures", "ajouter"), UseCase::StructureAdd, "btn-main", PARTICULARS),
    act(("structures", "modifier"), UseCase::StructureEdit, "", CHANGED),
    act(("structures", "convenir"), UseCase::StructureSettle, "", SETTLED),
    act(("structures", "bloquer"), UseCase::StructureBlock, "btn-risk", WHY),
    act(("structures", "debloquer"), UseCase::StructureBlock, "", WHY),
    act(("regions", "ajouter"), UseCase::BodyEdit, "btn-main", NEW_BODY),
    act(("regions", "modifier"), UseCase::BodyEdit, "", BODY),
    act(("regions", "bloquer"), UseCase::BodyEdit, "btn-risk", WHY),
    act(("regions", "debloquer"), UseCase::BodyEdit, "", WHY),
    act(
        ("domaines", "ajouter"),
        UseCase::DomainAdd,
        "btn-main",
        &[("domain", Takes::Line), ("domain_kind", Takes::Given)],
    ),
    act(("domaines", "accueillir"), UseCase::DomainMove, "", NOTHING),
    act(("domaines", "ceder"), UseCase::DomainMove, "btn-risk", &[("served_until", Takes::Day)]),
    act(("domaines", "ne-plus-deplacer"), UseCase::DomainMove, "btn-risk", NOTHING),
];

/// What a form begins with.
pub(crate) async fn begins(ask: &Ask, act: &Act, id: &str) -> Result<Begins, Refusal> {
    let words = |prefix: &str, names: &[&str]| -> Vec<(String, String)> {
        names.iter().map(|n| ((*n).to_owned(), ask.word(&format!("{prefix}_{n}")))).collect()
    };
    let mut begun = Begins::default();
    match (act.place, act.name) {
        ("structures", "ajouter") => super::suggest_codes(ask, &mut begun, "category", "structure_categories").await,
        ("regions", "ajouter") => {}
        ("structures", name) => {
            let s = ask.op().structure(&ask.actor, id).await?;
            begun = Begins::about(s.name.clone());
            begun.set("version", s.version.to_string());
            match name {
                "modifier" => {
                    particulars(&mut begun, &s);
                    super::suggest_codes(ask, &mut begun, "category", "structure_categories").await;
                }
                "convenir" => {
                    begun.choices.insert("convention", words("convention", &CONVENTIONS));
                    begun.choices.insert("opening", words("opening", &OPENINGS));
                    let none = (String::new(), ask.word("no_body"));
                    let bodies = ask.op().bodies(&ask.actor).await?.into_iter().map(|b| (b.code, b.name));
                    begun.choices.insert("body", [none].into_iter().chain(bodies).collect());
                    begun.set("convention", name_of(&s.convention.state)).set("opening", s.opening.clone());
                    begun.maybe("convention_reference", s.convention.reference.as_deref());
                    begun.set("convention_from", s.convention.from.map(day_of).unwrap_or_default());
                    begun.set("convention_until", s.convention.until.map(last_day).unwrap_or_default());
                    begun.set("domains", s.domains.join("\n")).maybe("body", s.body.as_deref());
                }
                _ => {}
            }
        }
        ("regions", name) => {
            let b = ask.op().body(&ask.actor, id).await?;
            begun = Begins::about(b.name.clone());
            if name == "modifier" {
                begun.set("version", b.version.to_string()).set("body_name", b.name);
                whom(&mut begun, &b.contact);
            }
        }
        ("domaines", "ajouter") => drop(begun.choices.insert("domain_kind", words("domain", &DOMAINS))),
        _ => {}
    }
    Ok(begun)
}

fn particulars(begun: &mut Begins, s: &StructureView) {
    begun.set("structure_name", s.name.clone()).maybe("category", s.category.as_deref());
    begun.maybe("finess_ej", s.finess_ej.as_deref()).maybe("finess_eg", s.finess_eg.as_deref());
    begun.maybe("siret", s.siret.as_deref()).maybe("territory", s.territory.as_deref());
    begun.set("lines", s.address.lines.join("\n"));
    begun.set("postcode", s.address.postcode.clone()).set("town", s.address.town.clone());
    whom(begun, &s.contact);
}

fn whom(begun: &mut Begins, c: &Contact) {
    begun.set("contact_name", c.name.clone()).set("contact_function", c.function.clone());
    begun.set("contact_email", c.email.clone()).set("contact_phone", c.phone.clone());
}

fn contact(f: &Filled<'_>) -> Contact {
    let line = |name: &str| f.line(name).to_owned();
    Contact {
        name: line("contact_name"),
        function: line("contact_function"),
        email: line("contact_email"),
        phone: line("contact_phone"),
    }
}

fn postal(f: &Filled<'_>) -> Postal {
    let lines = f.line("lines").lines().map(str::trim).filter(|line| !line.is_empty());
    Postal {
        lines: lines.map(str::to_owned).collect(),
        postcode: f.line("postcode").to_owned(),
        town: f.line("town").to_owned(),
    }
}

/// Does it.
pub(crate) async fn carry_out(ask: &Ask, act: &Act, id: &str, form: &Form) -> Result<Done, Refusal> {
    let (op, actor, f) = (ask.op(), &ask.actor, Filled(form));
    let (reason, mut to) = (f.line("reason"), id.to_owned());
    match (act.place, act.name) {
        ("structures", "ajouter") => {
            let new = NewStructure {
                code: f.line("code").to_owned(),
                name: f.line("structure_name").to_owned(),
                category: f.maybe("category"),
                finess_ej: f.maybe("finess_ej"),
                finess_eg: f.maybe("finess_eg"),
                siret: f.maybe("siret"),
                address: postal(&f),
                contact: contact(&f),
                territory: f.maybe("territory"),
            };
            to = op.add_structure(actor, new).await?.code;
        }
        ("structures", "modifier") => change(ask, id, &f).await?,
        ("structures", "convenir") => settle(ask, id, &f).await?,
        ("structures", "bloquer") => drop(op.block_structure(actor, id, reason).await?),
        ("structures", "debloquer") => drop(op.release_structure(actor, id, reason).await?),
        ("regions", "ajouter") => {
            let (code, name) = (f.line("code").to_owned(), f.line("body_name").to_owned());
            to = op.add_body(actor, NewBody { code, name, contact: contact(&f) }).await?.code;
        }
        ("regions", "modifier") => {
            let change = BodyChange { name: Some(f.line("body_name").to_owned()), contact: Some(contact(&f)) };
            drop(op.edit_body(actor, id, f.version()?, change).await?);
        }
        ("regions", "bloquer") => drop(op.block_body(actor, id, reason).await?),
        ("regions", "debloquer") => drop(op.release_body(actor, id, reason).await?),
        ("domaines", "ajouter") => {
            let name = f.line("domain").parse().map_err(|_| invalid("domain"))?;
            to = op.add_domain(actor, name, f.one("domain_kind")?).await?.name.to_string();
        }
        ("domaines", "accueillir") => drop(op.move_domain_in(actor, &domain(id)?).await?),
        ("domaines", "ceder") => {
            let until = f.until("served_until", None)?.ok_or_else(|| invalid("served_until"))?;
            drop(op.move_domain_out(actor, &domain(id)?, until).await?);
        }
        ("domaines", "ne-plus-deplacer") => drop(op.cancel_domain_move(actor, &domain(id)?).await?),
        _ => return Err(unknown(act)),
    }
    Ok(Done::At(act.place, to))
}

/// A structure's particulars, changed: what was not touched is not sent, for what names it is the operator's to write once a convention is signed.
async fn change(ask: &Ask, id: &str, f: &Filled<'_>) -> Result<(), Refusal> {
    let s = ask.op().structure(&ask.actor, id).await?;
    let text = |name: &str, was: &Option<String>| f.changed(name, was.as_deref().unwrap_or_default());
    let change = StructureChange {
        name: f.changed("structure_name", &s.name),
        category: text("category", &s.category),
        finess_ej: text("finess_ej", &s.finess_ej),
        finess_eg: text("finess_eg", &s.finess_eg),
        siret: text("siret", &s.siret),
        address: Some(postal(f)).filter(|new| *new != s.address),
        contact: Some(contact(f)).filter(|new| *new != s.contact),
        territory: text("territory", &s.territory),
    };
    ask.op().edit_structure(&ask.actor, id, f.version()?, change).await.map(drop)
}

/// What the operator settled with a structure, as a whole.
async fn settle(ask: &Ask, id: &str, f: &Filled<'_>) -> Result<(), Refusal> {
    let was = ask.op().structure(&ask.actor, id).await?.convention;
    let from = match was.from.filter(|from| day_of(*from) == f.line("convention_from")) {
        Some(from) => Some(from),
        None => f.day("convention_from")?,
    };
    let convention = Convention {
        state: f.one("convention")?,
        reference: f.maybe("convention_reference"),
        from,
        until: f.until("convention_until", was.until)?,
    };
    let settlement = Settlement {
        convention: Some(convention),
        domains: Some(f.several("domains")),
        body: Some(f.line("body").to_owned()),
        opening: Some(f.one("opening")?),
    };
    ask.op().settle_structure(&ask.actor, id, f.version()?, settlement).await.map(drop)
}
