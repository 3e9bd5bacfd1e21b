//! Structures and the regional bodies that follow them.
use super::{more, or_refused};
use crate::frame::{Ask, name_of};
use crate::sheet::Sheet;
use crate::table::{maybe, number, text, time};
use axum::extract::Path;
use axum::response::Response;
use sceau_domain::{Refusal, UseCase};
use sceau_operator::accounts::structures::StructureFilter;
use sceau_web::ui::{Cell, Kind, Table};

/// `GET /console/structures`
pub(crate) async fn list(ask: Ask) -> Response {
    or_refused(&ask, structures(&ask).await)
}

async fn structures(ask: &Ask) -> Result<Response, Refusal> {
    let filter = StructureFilter {
        body: ask.given("region").map(str::to_owned),
        text: ask.given("q").map(str::to_owned),
        after: ask.given("apres").map(str::to_owned),
    };
    let found = ask.op().structures(&ask.actor, filter, ask.rows()).await?;
    let next = more(ask, found.len(), found.last().map(|s| s.code.clone()));
    let rows = found.into_iter().map(|s| {
        vec![
            ask.link_as("structures", &s.code, &s.name),
            text(s.code),
            maybe(s.category_label.or(s.category)),
            ask.state(&name_of(&s.convention.state)),
            number(s.people),
            number(s.bals),
            maybe(s.body),
            ask.state(if s.blocked.is_some() { "blocked" } else { "active" }),
            Cell::Time(s.created),
        ]
    });
    let columns = [
        ("name", Kind::Link),
        ("code", Kind::Text),
        ("category", Kind::Text),
        ("convention", Kind::State),
        ("people", Kind::Number),
        ("bals", Kind::Number),
        ("body", Kind::Text),
        ("state", Kind::State),
        ("since", Kind::Date),
    ];
    let table = Table { next, ..ask.table("structures", &columns, rows.collect()) };
    ask.list(vec![ask.find("q"), ask.find("region")], &["ajouter"], Vec::new(), table).await
}

/// `GET /console/structures/{code}`
pub(crate) async fn show(Path(code): Path<String>, ask: Ask) -> Response {
    or_refused(&ask, structure(&ask, &code).await)
}

async fn structure(ask: &Ask, code: &str) -> Result<Response, Refusal> {
    let (op, actor) = (ask.op(), &ask.actor);
    let s = op.structure(actor, code).await?;
    let life = op.life_of_structure(actor, code).await?;
    let administrators = s.administrators.iter().map(|login| vec![ask.link("personnes", login)]);
    let warnings = s.warnings.iter().map(|w| vec![text(ask.visitor.t(&format!("structure.warning.{w}")))]);
    let domains = s.domains.iter().map(|d| vec![ask.link("domaines", d)]);
    let requests = ask.visitor.to(&format!("/console/demandes?structure={}", s.code));
    let of = |path: &str, key: &str| {
        Cell::Link(ask.t(&format!("place.{key}")), ask.visitor.to(&format!("{path}?structure={}", s.code)))
    };
    let followed = match s.body.as_deref() {
        Some(code) if ask.may(UseCase::BodyList) => ask.link("regions", code),
        code => maybe(code.map(str::to_owned)),
    };
    let sheet = Sheet {
        title: s.name.clone(),
        state: Some(ask.state(if s.blocked.is_some() { "blocked" } else { "active" })),
        facts: vec![
            ("code", text(s.code.clone())),
            ("category", maybe(s.category_label.clone().or(s.category.clone()))),
            ("finess", maybe(s.finess_eg.clone().or(s.finess_ej.clone()))),
            ("siret", maybe(s.siret.clone())),
            ("postal", text(format!("{} {}", s.address.postcode, s.address.town).trim())),
            (
                "contact",
                text([s.contact.name.as_str(), s.contact.function.as_str()].join(" – ").trim_matches([' ', '–'])),
            ),
            ("contact_email", text(s.contact.email.clone())),
            ("phone", text(s.contact.phone.clone())),
            ("body", followed),
            ("opening", text(ask.word(&format!("opening_{}", s.opening)))),
            ("convention", ask.state(&name_of(&s.convention.state))),
            ("convention_reference", maybe(s.convention.reference.clone())),
            ("convention_from", time(s.convention.from)),
            ("convention_until", time(s.convention.until)),
            ("people", of("/console/personnes", "personnes")),
            ("bals", of("/console/bal", "bal")),
            ("openings", Cell::Link(ask.t("place.demandes"), requests)),
            ("since", Cell::Time(s.created)),
        ],
        tables: vec![
            ask.part("administrators", &[("login", Kind::Link)], administrators.collect()),
            ask.part("warnings", &[("warning", Kind::Text)], warnings.collect()),
            ask.part("domains", &[("domain", Kind::Link)], domains.collect()),
            super::bals::life(ask, &life),
        ],
        acts: vec!["modifier", "convenir", if s.blocked.is_some() { "debloquer" } else { "bloquer" }],
        ..Sheet::default()
    };
    ask.show(code, sheet).await
}

/// `GET /console/regions`
pub(crate) async fn bodies(ask: Ask) -> Response {
    or_refused(&ask, regions(&ask).await)
}

async fn regions(ask: &Ask) -> Result<Response, Refusal> {
    let rows = ask.op().bodies(&ask.actor).await?.into_iter().map(|b| {
        vec![
            ask.link_as("regions", &b.code, &b.name),
            text(b.code),
            number(b.structures),
            number(b.people),
            number(b.bals),
            ask.state(if b.blocked.is_some() { "blocked" } else { "active" }),
            Cell::Time(b.created),
        ]
    });
    let columns = [
        ("name", Kind::Link),
        ("code", Kind::Text),
        ("structures", Kind::Number),
        ("people", Kind::Number),
        ("bals", Kind::Number),
        ("state", Kind::State),
        ("since", Kind::Date),
    ];
    let table = ask.table("regions", &columns, rows.collect());
    ask.list(Vec::new(), &["ajouter"], Vec::new(), table).await
}

/// `GET /console/regions/{code}`: what the structures of a region have.
pub(crate) async fn body(Path(code): Path<String>, ask: Ask) -> Response {
    or_refused(&ask, region(&ask, &code).await)
}

async fn region(ask: &Ask, code: &str) -> Result<Response, Refusal> {
    let (op, actor) = (ask.op(), &ask.actor);
    let b = op.body(actor, code).await?;
    let found = op.body_statistics(actor, code, ask.given("apres"), ask.rows()).await?;
    let next = more(ask, found.len(), found.last().map(|s| s.structure.clone()));
    let rows = found.into_iter().map(|s| {
        vec![
            ask.link_as("structures", &s.structure, &s.name),
            ask.state(&s.convention),
            number(s.people),
            number(s.certified),
            number(s.bals.values().sum::<i64>()),
            number(s.openings),
            number(s.reports),
            ask.state(if s.blocked.is_some() { "blocked" } else { "active" }),
        ]
    });
    let columns = [
        ("structure", Kind::Link),
        ("convention", Kind::State),
        ("people", Kind::Number),
        ("certified_people", Kind::Number),
        ("bals", Kind::Number),
        ("openings", Kind::Number),
        ("reports", Kind::Number),
        ("state", Kind::State),
    ];
    let sheet = Sheet {
        title: b.name,
        state: Some(ask.state(if b.blocked.is_some() { "blocked" } else { "active" })),
        facts: vec![
            ("code", text(b.code)),
            ("contact", text(b.contact.name)),
            ("contact_email", text(b.contact.email)),
            ("phone", text(b.contact.phone)),
            ("structures", number(b.structures)),
            ("people", number(b.people)),
            ("bals", number(b.bals)),
        ],
        tables: vec![Table { next, ..ask.part("statistics", &columns, rows.collect()) }],
        acts: vec!["modifier", if b.blocked.is_some() { "debloquer" } else { "bloquer" }],
        ..Sheet::default()
    };
    ask.show(code, sheet).await
}
