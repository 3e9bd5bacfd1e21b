//! The queue: what waits to go to other operators, why, and where it goes.
use super::network::plot;
use super::{more, or_refused, tongue, with};
use crate::board::Board;
use crate::carry::row;
use crate::frame::Ask;
use crate::sheet::Sheet;
use crate::table::{maybe, number, size, text, time};
use axum::extract::Path;
use axum::response::Response;
use sceau_domain::{Refusal, UseCase};
use sceau_operator::queue::QueueFilter;
use sceau_web::ui::{Cell, Kind, Plot, Table};

/// Days of the drawings.
const DAYS: u32 = 30;

/// `GET /console/file`
pub(crate) async fn list(ask: Ask) -> Response {
    or_refused(&ask, queue(&ask).await)
}

async fn queue(ask: &Ask) -> Result<Response, Refusal> {
    let (op, actor) = (ask.op(), &ask.actor);
    let filter = QueueFilter {
        destination: ask.given("domaine").and_then(|d| d.parse().ok()),
        message: None,
        sender: ask.given("expediteur").and_then(|a| a.parse().ok()),
        state: ask.chosen("etat"),
        text: ask.given("q").map(str::to_owned),
    };
    let stats = op.queue_stats(actor).await?;
    // What is no domain, and no address, is nobody's: it does not stand for all of them.
    let nobodys = (filter.destination.is_none() && ask.given("domaine").is_some())
        || (filter.sender.is_none() && ask.given("expediteur").is_some());
    let found = match nobodys {
        true => Vec::new(),
        false => {
            let after = ask.begins_after("file", true).and_then(|id| id.parse().ok());
            op.queue_find(actor, &filter, after, ask.rows()).await?
        }
    };
    let next = more(ask, found.len(), found.last().map(|e| e.id.to_string()));
    let rows = found.into_iter().map(|e| {
        let why = tongue(ask, &e.why_fr, &e.why_en).to_owned();
        vec![
            ask.link_as("file", &e.id.to_string(), &e.to),
            text(e.from),
            text(e.destination),
            ask.state(&e.state),
            number(e.attempts),
            Cell::Time(e.queued),
            time(e.next),
            Cell::Time(e.expires),
            text(why),
        ]
    });
    let columns = [
        ("to", Kind::Link),
        ("from_address", Kind::Text),
        ("domain", Kind::Text),
        ("state", Kind::State),
        ("attempts", Kind::Number),
        ("queued", Kind::Date),
        ("next", Kind::Date),
        ("until", Kind::Date),
        ("reason", Kind::Text),
    ];
    let table = Table { next, ..ask.part("file", &columns, rows.collect()) };
    let destinations = destinations(ask).await?;
    let facts = vec![
        ("entries", number(stats.entries)),
        ("held", number(stats.held)),
        ("destinations", number(stats.destinations)),
        ("failing", number(stats.failing)),
        ("oldest", time(stats.oldest)),
        ("size", size(u64::try_from(stats.bytes).unwrap_or_default())),
    ];
    let finds = vec![
        ask.find("q"),
        ask.find("domaine"),
        ask.find("expediteur"),
        ask.pick("etat", &["waiting", "sending", "held"]),
    ];
    let (acts, plots) = (vec!["tout-relancer"], exchanges(ask).await?);
    ask.board(Board { finds, acts, facts, plots, tables: vec![table, destinations], ..Board::default() }).await
}

/// Where mail waits to go, each destination as a whole: what may be done with it.
async fn destinations(ask: &Ask) -> Result<Table, Refusal> {
    let found = ask.op().queue_destinations(&ask.actor, ask.begins_after("destinations", false), ask.rows()).await?;
    let next = ask.on("destinations", more(ask, found.len(), found.last().map(|d| d.domain.clone())));
    let act = |name: &str, domain: &str| {
        let to = with(&format!("/console/file/-/{name}"), &[("destination", domain)]);
        Cell::Link(ask.t(&format!("act.file-{name}.label")), ask.visitor.to(&to))
    };
    let rows = found.into_iter().map(|d| {
        let way = match (&d.held, ask.may(UseCase::QueueHold), ask.may(UseCase::QueueRetry)) {
            (Some(_), true, _) => act("liberer-destination", &d.domain),
            (None, true, _) if d.failures == 0 => act("retenir-destination", &d.domain),
            (_, _, true) => act("tout-relancer", &d.domain),
            _ => Cell::None,
        };
        vec![
            text(d.domain),
            number(d.entries),
            number(d.held_entries),
            number(d.sending),
            time(d.oldest),
            time(d.next),
            number(d.failures),
            maybe(d.problem),
            maybe(d.held.map(|h| h.why)),
            way,
        ]
    });
    let columns = [
        ("domain", Kind::Text),
        ("entries", Kind::Number),
        ("held", Kind::Number),
        ("sending", Kind::Number),
        ("oldest", Kind::Date),
        ("next", Kind::Date),
        ("failures", Kind::Number),
        ("trouble", Kind::Text),
        ("held_why", Kind::Text),
        ("to_do", Kind::Link),
    ];
    Ok(Table { next, ..ask.part("destinations", &columns, rows.collect()) })
}

/// What went and came by day, for who may see partners: messages, failures, the median delay of what went.
pub(crate) async fn exchanges(ask: &Ask) -> Result<Vec<Plot>, Refusal> {
    if !ask.may(UseCase::PeerList) {
        return Ok(Vec::new());
    }
    let days = ask.op().exchanges(&ask.actor, DAYS).await?;
    let out: Vec<_> = days.iter().filter(|day| day.direction == "out").cloned().collect();
    Ok(vec![
        plot(ask, "deliveries", &days, |day| day.deliveries),
        plot(ask, "failures", &days, |day| day.failures),
        plot(ask, "delay", &out, |day| day.median_seconds.unwrap_or_default()),
    ])
}

/// `GET /console/file/{id}`
pub(crate) async fn show(Path(id): Path<String>, ask: Ask) -> Response {
    or_refused(&ask, entry(&ask, &id).await)
}

async fn entry(ask: &Ask, id: &str) -> Result<Response, Refusal> {
    let d = ask.op().queue_show(&ask.actor, row(id)?).await?;
    let tries = d.tries.into_iter().map(|t| vec![Cell::Time(t.at), maybe(t.server), text(t.code), maybe(t.reply)]);
    let history =
        d.history.into_iter().map(|t| vec![Cell::Time(t.at), text(t.act), text(t.actor), ask.state(&t.outcome)]);
    let ways = d.route.iter().flat_map(|r| &r.servers);
    let ways = ways.map(|w| vec![text(w.server.clone()), text(w.addresses.join(", "))]);
    let tables = vec![
        ask.part(
            "tries",
            &[("at", Kind::Date), ("server", Kind::Text), ("code", Kind::Text), ("reply", Kind::Text)],
            tries.collect(),
        ),
        ask.part("ways", &[("server", Kind::Text), ("addresses", Kind::Text)], ways.collect()),
        ask.part(
            "history",
            &[("at", Kind::Date), ("act", Kind::Text), ("by", Kind::Text), ("outcome", Kind::State)],
            history.collect(),
        ),
    ];
    let e = d.entry;
    let why = tongue(ask, &e.why_fr, &e.why_en).to_owned();
    let (held, held_by) = e.held.map_or((None, None), |h| (Some(h.why), Some(h.by)));
    let acts = match e.state.as_str() {
        "held" => vec!["liberer", "retourner", "supprimer"],
        _ => vec!["relancer", "retenir", "retourner", "supprimer"],
    };
    let sheet = Sheet {
        title: e.to,
        state: Some(ask.state(&e.state)),
        facts: vec![
            ("reason", text(why)),
            ("from_address", text(e.from)),
            ("domain", text(e.destination)),
            ("attempts", number(e.attempts)),
            ("queued", Cell::Time(e.queued)),
            ("next", time(e.next)),
            ("until", Cell::Time(e.expires)),
            ("size", size(u64::try_from(e.size).unwrap_or_default())),
            ("reply", maybe(e.last_reply)),
            ("held_why", maybe(held)),
            ("by", maybe(held_by)),
            ("route", maybe(d.route.and_then(|r| r.problem))),
        ],
        tables,
        acts,
        ..Sheet::default()
    };
    ask.show(id, sheet).await
}
