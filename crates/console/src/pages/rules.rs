//! What is in force: limits, retention, and what was brought in from files.
use super::{more, or_refused, tongue};
use crate::carry::row;
use crate::frame::Ask;
use crate::sheet::Sheet;
use crate::table::{maybe, number, text, time};
use axum::extract::Path;
use axum::response::Response;
use sceau_domain::{Refusal, UseCase};
use sceau_web::ui::{Cell, Kind, Table};

/// `GET /console/limites`
pub(crate) async fn limits(ask: Ask) -> Response {
    or_refused(&ask, policies(&ask).await)
}

async fn policies(ask: &Ask) -> Result<Response, Refusal> {
    let (op, actor) = (ask.op(), &ask.actor);
    let rows = op.limits(actor).await?.into_iter().map(|l| {
        vec![
            ask.link("limites", &l.name),
            number(l.value),
            text(l.unit),
            number(l.built_in),
            text(format!("{} – {}", l.min, l.max)),
            text(l.source),
            ask.state(if l.verified { "good" } else { "unverified" }),
        ]
    });
    let columns = [
        ("limit", Kind::Link),
        ("value", Kind::Number),
        ("unit", Kind::Text),
        ("built_in", Kind::Number),
        ("range", Kind::Text),
        ("source", Kind::Text),
        ("verified", Kind::State),
    ];
    let table = ask.table("limites", &columns, rows.collect());
    Ok(ask.list(Vec::new(), &["fixer"], Vec::new(), table))
}

/// `GET /console/limites/{name}`: where a limit was set, for places.
pub(crate) async fn limit(Path(name): Path<String>, ask: Ask) -> Response {
    or_refused(&ask, values(&ask, &name).await)
}

async fn values(ask: &Ask, name: &str) -> Result<Response, Refusal> {
    let (op, actor) = (ask.op(), &ask.actor);
    let limit = op.limits(actor).await?.into_iter().find(|l| l.name == name);
    let limit = limit.ok_or_else(|| Refusal::new(sceau_domain::RefusalCode::NotFound).with("name", name))?;
    let found = op.policy_values(actor, ask.given("apres"), ask.rows()).await?;
    let next = more(ask, found.len(), found.last().map(|v| v.key.clone()));
    let rows = found
        .into_iter()
        .filter(|v| v.name == name)
        .map(|v| vec![text(ask.word(&v.scope)), text(v.subject), number(v.value), text(v.set_by), Cell::Time(v.at)]);
    let columns =
        [("scope", Kind::Text), ("where", Kind::Text), ("value", Kind::Number), ("by", Kind::Text), ("at", Kind::Date)];
    let scopes: Vec<_> = limit.scopes.iter().map(|s| ask.word(s)).collect();
    let sheet = Sheet {
        title: limit.name,
        facts: vec![
            ("value", number(limit.value)),
            ("unit", text(limit.unit)),
            ("built_in", number(limit.built_in)),
            ("range", text(format!("{} – {}", limit.min, limit.max))),
            ("scope", text(scopes.join(", "))),
            ("source", text(limit.source)),
        ],
        tables: vec![Table { next, ..ask.part("values", &columns, rows.collect()) }],
        ..Sheet::default()
    };
    Ok(ask.show(name, sheet))
}

/// `GET /console/conservation`
pub(crate) async fn retention(ask: Ask) -> Response {
    or_refused(&ask, kept(&ask).await)
}

async fn kept(ask: &Ask) -> Result<Response, Refusal> {
    let rows = ask.op().retention_policies(&ask.actor).await?.into_iter().map(|p| {
        vec![
            ask.link("conservation", &p.name),
            ask.tick(p.preset),
            ask.tick(p.operator),
            text(p.structures.join(", ")),
            number(p.rules.len()),
        ]
    });
    let columns = [
        ("name", Kind::Link),
        ("preset", Kind::Text),
        ("of_operator", Kind::Text),
        ("structures", Kind::Text),
        ("rules", Kind::Number),
    ];
    let table = ask.table("conservation", &columns, rows.collect());
    Ok(ask.list(Vec::new(), &[], Vec::new(), table))
}

/// `GET /console/conservation/{name}`: rules, and what is due by them; legal holds that stand, for who may see them.
pub(crate) async fn policy(Path(name): Path<String>, ask: Ask) -> Response {
    or_refused(&ask, rules(&ask, &name).await)
}

async fn rules(ask: &Ask, name: &str) -> Result<Response, Refusal> {
    let (op, actor) = (ask.op(), &ask.actor);
    let p = op.retention_policy(actor, name).await?;
    let due = op.retention_due(actor, name, None).await?;
    let rules = p.rules.into_iter().map(|r| {
        vec![
            text(r.item),
            text(r.value),
            text(r.least),
            text(r.most),
            text(r.source),
            ask.state(if r.verified { "good" } else { "unverified" }),
        ]
    });
    let due =
        due.into_iter().map(|d| vec![text(d.item), text(d.value), time(d.before), number(d.count), number(d.held)]);
    let mut tables = vec![
        ask.part(
            "rules",
            &[
                ("item", Kind::Text),
                ("value", Kind::Text),
                ("least", Kind::Text),
                ("most", Kind::Text),
                ("source", Kind::Text),
                ("verified", Kind::State),
            ],
            rules.collect(),
        ),
        ask.part(
            "due",
            &[
                ("item", Kind::Text),
                ("value", Kind::Text),
                ("before", Kind::Date),
                ("count", Kind::Number),
                ("held", Kind::Number),
            ],
            due.collect(),
        ),
    ];
    if ask.may(UseCase::HoldList) {
        let holds =
            op.holds(actor, false, 0, ask.rows()).await?.into_iter().map(|h| {
                vec![text(h.name), text(h.reason), text(h.authority), Cell::Time(h.placed), text(h.placed_by)]
            });
        let columns = [
            ("name", Kind::Text),
            ("why", Kind::Text),
            ("authority", Kind::Text),
            ("since", Kind::Date),
            ("by", Kind::Text),
        ];
        tables.push(ask.part("holds", &columns, holds.collect()));
    }
    Ok(ask.show(name, Sheet { title: name.to_owned(), tables, ..Sheet::default() }))
}

/// `GET /console/imports`
pub(crate) async fn imports(ask: Ask) -> Response {
    or_refused(&ask, brought(&ask).await)
}

async fn brought(ask: &Ask) -> Result<Response, Refusal> {
    let found = ask.op().imports(&ask.actor, ask.number("apres"), ask.rows()).await?;
    let next = more(ask, found.len(), found.last().map(|i| i.id.clone()));
    let rows = found.into_iter().map(|i| {
        vec![
            ask.link_as("imports", &i.id, &i.name),
            maybe(i.structure),
            ask.state(&i.state),
            ask.tick(i.dry_run),
            number(i.lines),
            number(i.done),
            number(i.wrong),
            text(i.by),
            Cell::Time(i.at),
        ]
    });
    let columns = [
        ("name", Kind::Link),
        ("structure", Kind::Text),
        ("state", Kind::State),
        ("dry_run", Kind::Text),
        ("lines", Kind::Number),
        ("done", Kind::Number),
        ("wrong", Kind::Number),
        ("by", Kind::Text),
        ("at", Kind::Date),
    ];
    let table = Table { next, ..ask.table("imports", &columns, rows.collect()) };
    Ok(ask.list(Vec::new(), &[], Vec::new(), table))
}

/// `GET /console/imports/{id}`: line by line.
pub(crate) async fn import(Path(id): Path<String>, ask: Ask) -> Response {
    or_refused(&ask, lines(&ask, &id).await)
}

async fn lines(ask: &Ask, id: &str) -> Result<Response, Refusal> {
    let (op, actor, id) = (ask.op(), &ask.actor, row(id)?);
    let i = op.import(actor, id).await?;
    let after = ask.number("apres").unwrap_or(0);
    let found = op.import_lines(actor, id, ask.given("etat"), after, ask.rows()).await?;
    let next = more(ask, found.len(), found.last().map(|l| l.line.to_string()));
    let rows = found.into_iter().map(|l| {
        let detail = l.detail.unwrap_or_default();
        let en = l.detail_en.unwrap_or_else(|| detail.clone());
        vec![
            number(l.line),
            ask.state(&l.state),
            l.login.map_or(Cell::None, |login| ask.link("personnes", &login)),
            l.address.map_or(Cell::None, |address| ask.link("bal", &address)),
            text(tongue(ask, &detail, &en)),
        ]
    });
    let columns = [
        ("line", Kind::Number),
        ("state", Kind::State),
        ("login", Kind::Link),
        ("address", Kind::Link),
        ("detail", Kind::Text),
    ];
    let sheet = Sheet {
        title: i.name,
        state: Some(ask.state(&i.state)),
        facts: vec![
            ("structure", maybe(i.structure)),
            ("dry_run", ask.tick(i.dry_run)),
            ("lines", number(i.lines)),
            ("done", number(i.done)),
            ("wrong", number(i.wrong)),
            ("skipped", number(i.skipped)),
            ("by", text(i.by)),
            ("at", Cell::Time(i.at)),
            ("why", maybe(i.reason)),
        ],
        tables: vec![Table { next, ..ask.part("lines", &columns, rows.collect()) }],
        ..Sheet::default()
    };
    Ok(ask.show(&id.to_string(), sheet))
}
