//! Domains that we operate: what is to be published of each, and where it stands when it comes from another operator or goes to one.
use super::{or_refused, tongue};
use crate::frame::{Ask, name_of};
use crate::sheet::Sheet;
use crate::table::{number, text, time};
use axum::extract::Path;
use axum::response::Response;
use sceau_domain::{DomainName, Refusal, RefusalCode, UseCase};
use sceau_operator::moves::MoveView;
use sceau_web::ui::{Cell, Kind, Table};

/// A domain as an address names it.
pub(crate) fn domain(name: &str) -> Result<DomainName, Refusal> {
    name.parse().map_err(|_| Refusal::new(RefusalCode::NotFound).with("name", name))
}

/// `GET /console/domaines`
pub(crate) async fn list(ask: Ask) -> Response {
    or_refused(&ask, domains(&ask).await)
}

async fn domains(ask: &Ask) -> Result<Response, Refusal> {
    let rows = ask.op().domains(&ask.actor).await?.into_iter().map(|d| {
        vec![
            ask.link("domaines", d.name.as_str()),
            text(ask.word(&format!("domain_{}", name_of(&d.kind)))),
            ask.state(if d.listed { "listed" } else { "unlisted" }),
            Cell::Time(d.created),
        ]
    });
    let columns = [("domain", Kind::Link), ("kind", Kind::Text), ("listed", Kind::State), ("since", Kind::Date)];
    let table = ask.table("domaines", &columns, rows.collect());
    ask.list(Vec::new(), &["ajouter"], Vec::new(), table).await
}

/// `GET /console/domaines/{domain}`: the records to publish, each as the DNS has it; its move, for whoever decides on it.
pub(crate) async fn show(Path(name): Path<String>, ask: Ask) -> Response {
    or_refused(&ask, sheet(&ask, &name).await)
}

async fn sheet(ask: &Ask, name: &str) -> Result<Response, Refusal> {
    let records = match ask.op().domain_dns(&ask.actor, name, true).await {
        Ok(d) => d.records,
        // A node that asks no DNS says all the same what is to be published.
        Err(refusal) if refusal.code == RefusalCode::Unavailable => {
            ask.op().domain_dns(&ask.actor, name, false).await?.records
        }
        // It left us: nothing of it is ours to publish.
        Err(refusal) if refusal.code == RefusalCode::StateWrong && ask.may(UseCase::DomainMove) => Vec::new(),
        Err(refusal) => return Err(refusal),
    };
    let rows = records.into_iter().map(|r| {
        let published = r.published.map(|p| format!("dns_{}", name_of(&p)));
        vec![
            text(r.name),
            text(name_of(&r.kind)),
            text(ask.word(&format!("record_{}", name_of(&r.used)))),
            text(r.values.join("\n")),
            text(r.found.join("\n")),
            published.map_or(Cell::None, |p| ask.state(&p)),
        ]
    });
    let columns = [
        ("name", Kind::Text),
        ("kind", Kind::Text),
        ("use", Kind::Text),
        ("wanted", Kind::Text),
        ("found", Kind::Text),
        ("state", Kind::State),
    ];
    let mut sheet = Sheet { title: name.to_owned(), ..Sheet::default() };
    if ask.may(UseCase::DomainMove) {
        let moving = ask.op().domain_move(&ask.actor, &domain(name)?).await?;
        sheet.state = Some(ask.state(&format!("move_{}", moving.state)));
        sheet.facts = vec![
            ("begun_move", time(moving.begun)),
            ("served_until", time(moving.until)),
            ("bals", number(moving.bals)),
            ("names_us", ask.tick(moving.names_us)),
            ("names_others", ask.tick(moving.names_others)),
        ];
        sheet.acts = if moving.direction.is_some() { vec!["ne-plus-deplacer"] } else { vec!["accueillir", "ceder"] };
        sheet.tables.push(steps(ask, &moving));
    }
    sheet.tables.push(ask.part("records", &columns, rows.collect()));
    ask.show(name, sheet).await
}

/// What is to be done for a move; of some only people can tell whether it is done.
fn steps(ask: &Ask, moving: &MoveView) -> Table {
    let rows = moving.steps.iter().map(|step| {
        let done = step.done.map(|done| ask.state(if done { "done" } else { "waiting" }));
        vec![text(tongue(ask, &step.fr, &step.en)), done.unwrap_or_else(|| text(ask.word("for_people")))]
    });
    ask.part("move_steps", &[("step", Kind::Text), ("state", Kind::State)], rows.collect())
}
