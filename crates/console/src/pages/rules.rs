//! Limits: what is in force, and where it was set.
use super::{more, or_refused, with};
use crate::frame::{Ask, sheet};
use crate::sheet::Sheet;
use crate::table::{number, size, text};
use axum::extract::Path;
use axum::response::Response;
use sceau_domain::{Refusal, RefusalCode, UseCase};
use sceau_operator::policies::LimitView;
use sceau_web::ui::{Cell, Kind, Table};

/// A limit in words; its name where it has none.
pub(crate) fn label(ask: &Ask, name: &str) -> String {
    ask.known(&format!("limit.{name}")).unwrap_or_else(|| name.to_owned())
}

/// A value in its unit: sizes as people read them.
pub(crate) fn shown(ask: &Ask, value: u64, unit: &str) -> Cell {
    match unit {
        "bytes" => size(value),
        "count" => number(value),
        _ => text(format!("{value}\u{a0}{}", ask.word(unit))),
    }
}

fn range(ask: &Ask, limit: &LimitView) -> String {
    let end = |value| shown(ask, value, &limit.unit).text(ask.lang());
    format!("{} – {}", end(limit.min), end(limit.max))
}

/// `GET /console/limites`
pub(crate) async fn limits(ask: Ask) -> Response {
    or_refused(&ask, policies(&ask).await)
}

async fn policies(ask: &Ask) -> Result<Response, Refusal> {
    let (op, actor) = (ask.op(), &ask.actor);
    let rows = op.limits(actor).await?.into_iter().map(|l| {
        let range = range(ask, &l);
        vec![
            ask.link_as("limites", &l.name, &label(ask, &l.name)),
            text(l.name),
            shown(ask, l.value, &l.unit),
            shown(ask, l.built_in, &l.unit),
            text(range),
            text(l.source),
            ask.state(if l.verified { "good" } else { "unverified" }),
        ]
    });
    let columns = [
        ("limit", Kind::Link),
        ("code", Kind::Text),
        ("value", Kind::Number),
        ("built_in", Kind::Number),
        ("range", Kind::Text),
        ("source", Kind::Text),
        ("verified", Kind::State),
    ];
    let table = ask.table("limites", &columns, rows.collect());
    ask.list(Vec::new(), &["fixer"], Vec::new(), table).await
}

/// `GET /console/limites/{name}`: where a limit was set, for places.
pub(crate) async fn limit(Path(name): Path<String>, ask: Ask) -> Response {
    or_refused(&ask, values(&ask, &name).await)
}

async fn values(ask: &Ask, name: &str) -> Result<Response, Refusal> {
    let (op, actor) = (ask.op(), &ask.actor);
    let limit = op.limits(actor).await?.into_iter().find(|l| l.name == name);
    let limit = limit.ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", name))?;
    let found = op.policy_values(actor, Some(name), ask.given("apres"), ask.rows()).await?;
    let next = more(ask, found.len(), found.last().map(|v| v.key.clone()));
    let rows = found.into_iter().map(|v| {
        let unset = format!("{}/retirer", sheet("limites", name));
        let unset = with(&unset, &[("scope", &v.scope), ("subject", &v.subject)]);
        vec![
            text(ask.word(&v.scope)),
            text(v.subject),
            shown(ask, v.value, &limit.unit),
            text(v.set_by),
            Cell::Time(v.at),
            if ask.may(UseCase::PolicySet) {
                Cell::Link(ask.t("act.limites-retirer.label"), ask.visitor.to(&unset))
            } else {
                Cell::None
            },
        ]
    });
    let rows: Vec<Vec<Cell>> = rows.collect();
    let columns = [
        ("scope", Kind::Text),
        ("where", Kind::Text),
        ("value", Kind::Number),
        ("by", Kind::Text),
        ("at", Kind::Date),
        ("to_do", Kind::Link),
    ];
    let scopes: Vec<_> = limit.scopes.iter().map(|s| ask.word(s)).collect();
    let settable = limit.scopes.iter().any(|s| s != "operator");
    let sheet = Sheet {
        title: label(ask, name),
        facts: vec![
            ("code", text(name)),
            ("value", shown(ask, limit.value, &limit.unit)),
            ("unit", text(ask.word(&limit.unit))),
            ("built_in", shown(ask, limit.built_in, &limit.unit)),
            ("range", text(range(ask, &limit))),
            ("scope", text(scopes.join(", "))),
            ("source", text(limit.source)),
        ],
        tables: vec![Table { next, ..ask.part("values", &columns, rows) }],
        acts: if settable { vec!["fixer"] } else { Vec::new() },
        ..Sheet::default()
    };
    ask.show(name, sheet).await
}
