//! What is kept, for how long, and what may not be destroyed: retention policies and legal holds.
use super::or_refused;
use crate::carry::row;
use crate::frame::{Ask, sheet};
use crate::sheet::Sheet;
use crate::table::{maybe, number, text, time};
use axum::extract::Path;
use axum::response::Response;
use sceau_domain::{Refusal, UseCase};
use sceau_operator::holds::HoldView;
use sceau_web::ui::{Cell, Kind, Table};

/// A length of time as people read it: `10 years` is kept so, and shown in the page's language.
pub(crate) fn span(ask: &Ask, value: &str) -> String {
    match value.split_once(' ') {
        Some((count, unit)) => format!("{count}\u{a0}{}", ask.word(unit)),
        None => ask.word(value),
    }
}

/// What a rule is about, in words.
pub(crate) fn item(ask: &Ask, name: &str) -> String {
    ask.word(&format!("item_{name}"))
}

/// Names in one cell; of many, the first, and how many there are.
fn some(names: &[String]) -> String {
    const MOST: usize = 20;
    match names.get(..MOST) {
        Some(first) if names.len() > MOST => format!("{}… ({})", first.join(", "), names.len()),
        _ => names.join(", "),
    }
}

/// `GET /console/conservation`
pub(crate) async fn policies(ask: Ask) -> Response {
    or_refused(&ask, kept(&ask).await)
}

async fn kept(ask: &Ask) -> Result<Response, Refusal> {
    let rows = ask.op().retention_policies(&ask.actor).await?.into_iter().map(|p| {
        vec![
            ask.link("conservation", &p.name),
            ask.tick(p.preset),
            ask.tick(p.operator),
            text(some(&p.structures)),
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
    ask.list(Vec::new(), &["creer"], Vec::new(), table).await
}

/// `GET /console/conservation/{name}`: its rules, and, for who may change them, what is due by them.
pub(crate) async fn policy(Path(name): Path<String>, ask: Ask) -> Response {
    or_refused(&ask, rules(&ask, &name).await)
}

async fn rules(ask: &Ask, name: &str) -> Result<Response, Refusal> {
    let (op, actor) = (ask.op(), &ask.actor);
    let p = op.retention_policy(actor, name).await?;
    let rules = p.rules.into_iter().map(|r| {
        vec![
            text(item(ask, &r.item)),
            text(span(ask, &r.value)),
            text(span(ask, &r.least)),
            text(span(ask, &r.most)),
            text(r.source),
            ask.state(if r.verified { "good" } else { "unverified" }),
        ]
    });
    let columns = [
        ("item", Kind::Text),
        ("value", Kind::Text),
        ("least", Kind::Text),
        ("most", Kind::Text),
        ("source", Kind::Text),
        ("verified", Kind::State),
    ];
    let mut tables = vec![ask.part("rules", &columns, rules.collect())];
    // Every message that is kept is looked at: only when it is asked for.
    let counted = ask.given("compter").is_some();
    if ask.may(UseCase::RetentionSet) && counted {
        let due = op.retention_due(actor, name, None).await?.into_iter().map(|d| {
            vec![text(item(ask, &d.item)), text(span(ask, &d.value)), time(d.before), number(d.count), number(d.held)]
        });
        let columns = [
            ("item", Kind::Text),
            ("value", Kind::Text),
            ("before", Kind::Date),
            ("count", Kind::Number),
            ("held", Kind::Number),
        ];
        tables.push(ask.part("due", &columns, due.collect()));
    }
    let count = match ask.may(UseCase::RetentionSet) && !counted {
        true => Cell::Link(ask.t("count_due"), ask.visitor.to(&format!("{}?compter=oui", sheet("conservation", name)))),
        false => Cell::None,
    };
    let sheet = Sheet {
        title: p.name,
        facts: vec![
            ("due", count),
            ("preset", ask.tick(p.preset)),
            ("of_operator", ask.tick(p.operator)),
            ("structures", text(some(&p.structures))),
        ],
        tables,
        acts: if p.preset { vec!["suivre"] } else { vec!["regler", "suivre"] },
        ..Sheet::default()
    };
    ask.show(name, sheet).await
}

/// `GET /console/gels`
pub(crate) async fn holds(ask: Ask) -> Response {
    or_refused(&ask, standing(&ask).await)
}

async fn standing(ask: &Ask) -> Result<Response, Refusal> {
    let all = ask.given("aussi") == Some("lifted");
    let found = ask.op().holds(&ask.actor, all, ask.number("apres").unwrap_or(0), ask.rows()).await?;
    let next = super::more(ask, found.len(), found.last().map(|h| h.id.clone()));
    let rows = found.into_iter().map(|h| {
        let id = h.id.clone();
        vec![
            ask.link_as("gels", &id, &name_of(ask, &h)),
            text(ask.word(&h.subject)),
            text(h.reason),
            text(h.authority),
            Cell::Time(h.placed),
            text(h.placed_by),
            time(h.lifted),
        ]
    });
    let columns = [
        ("name", Kind::Link),
        ("kind", Kind::Text),
        ("why", Kind::Text),
        ("authority", Kind::Text),
        ("since", Kind::Date),
        ("by", Kind::Text),
        ("lifted", Kind::Date),
    ];
    let table = Table { next, ..ask.table("gels", &columns, rows.collect()) };
    ask.list(vec![ask.pick("aussi", &["lifted"])], &["placer"], Vec::new(), table).await
}

/// On what a hold stands; the operator as a whole has no name.
fn name_of(ask: &Ask, hold: &HoldView) -> String {
    if hold.name.is_empty() { ask.word(&hold.subject) } else { hold.name.clone() }
}

/// `GET /console/gels/{id}`
pub(crate) async fn hold(Path(id): Path<String>, ask: Ask) -> Response {
    or_refused(&ask, one(&ask, &id).await)
}

async fn one(ask: &Ask, id: &str) -> Result<Response, Refusal> {
    let h = ask.op().hold(&ask.actor, row(id)?).await?;
    let place = match h.subject.as_str() {
        "bal" => ask.link("bal", &h.name),
        "person" => ask.link("personnes", &h.name),
        "structure" => ask.link("structures", &h.name),
        _ => text(ask.word(&h.subject)),
    };
    let stands = h.lifted.is_none();
    let sheet = Sheet {
        title: name_of(ask, &h),
        state: Some(ask.state(if stands { "in_force" } else { "lifted" })),
        facts: vec![
            ("kind", text(ask.word(&h.subject))),
            ("subject", place),
            ("why", text(h.reason)),
            ("authority", text(h.authority)),
            ("since", Cell::Time(h.placed)),
            ("by", text(h.placed_by)),
            ("lifted", time(h.lifted)),
            ("lifted_by", maybe(h.lifted_by)),
            ("lifted_why", maybe(h.lifted_reason)),
        ],
        acts: if stands { vec!["lever"] } else { Vec::new() },
        ..Sheet::default()
    };
    ask.show(id, sheet).await
}
