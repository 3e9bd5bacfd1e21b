//! The machine: how it is, its nodes, its later work.
use super::{more, or_refused};
use crate::board::{Board, Outcome};
use crate::frame::{Ask, name_of};
use crate::table::{maybe, number, text, time};
use axum::response::Response;
use sceau_domain::calendar::Territory::Metropole;
use sceau_domain::text::text as sentence;
use sceau_domain::{Refusal, Timestamp};
use sceau_web::ui::{Cell, Kind, Table};

/// `GET /console/sante`
pub(crate) async fn health(ask: Ask) -> Response {
    or_refused(&ask, parts(&ask).await)
}

async fn parts(ask: &Ask) -> Result<Response, Refusal> {
    let rows = Box::pin(ask.op().health(&ask.actor)).await?.into_iter().map(|p| {
        let facts: Vec<(&str, &str)> = p.facts.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let said = sentence(ask.lang(), &format!("console.health.{}", p.part), &facts);
        vec![
            text(ask.t(&format!("part.{}", p.part))),
            ask.state(&name_of(&p.condition)),
            text(sceau_web::layout::set(&said)),
            p.at.map_or(Cell::None, |at| ago(ask, at)),
        ]
    });
    let columns = [("part", Kind::Text), ("state", Kind::State), ("sentence", Kind::Text), ("known", Kind::Text)];
    let tables = vec![ask.table("sante", &columns, rows.collect())];
    let (acts, plots) = (vec!["essayer-antivirus"], super::queue::exchanges(ask).await?);
    ask.board(Board { acts, plots, tables, ..Board::default() }).await
}

/// The antivirus tried with the test file, and what it said.
pub(crate) async fn tried(ask: &Ask) -> Result<Response, Refusal> {
    let t = ask.op().test_antivirus(&ask.actor).await?;
    let outcome = Outcome {
        title: ask.t("act.sante-essayer-antivirus.done"),
        state: Some(ask.state(if t.good { "good" } else { "wrong" })),
        facts: vec![
            ("harmless", text(ask.word(&t.harmless))),
            ("eicar", text(ask.word(&t.eicar))),
            ("took", text(format!("{} ms", t.took))),
        ],
        ..Outcome::default()
    };
    Ok(ask.outcome("-", outcome))
}

/// How long ago it was; the instant when one points at it.
fn ago(ask: &Ask, at: Timestamp) -> Cell {
    let minutes = (ask.op().clock().now().0 - at.0).max(0) / 60_000;
    let (key, n) = match minutes {
        0 => ("now", 0),
        1..=59 => ("minutes", minutes),
        60..=2_879 => ("hours", minutes / 60),
        _ => ("days", minutes / 1_440),
    };
    let said = sentence(ask.lang(), &format!("console.ago.{key}"), &[("n", &n.to_string())]);
    Cell::Titled(said, sceau_web::layout::instant(ask.lang(), at, Metropole))
}

/// `GET /console/noeuds`
pub(crate) async fn nodes(ask: Ask) -> Response {
    or_refused(&ask, processes(&ask).await)
}

async fn processes(ask: &Ask) -> Result<Response, Refusal> {
    let rows = ask.op().nodes(&ask.actor).await?.into_iter().map(|n| {
        vec![
            number(n.number),
            text(n.name),
            ask.state(if n.alive { "alive" } else { "dead" }),
            ask.tick(n.here),
            maybe(n.version),
            time(n.started),
            time(n.seen),
            Cell::Time(n.created),
        ]
    });
    let columns = [
        ("number", Kind::Number),
        ("name", Kind::Text),
        ("state", Kind::State),
        ("here", Kind::Text),
        ("version", Kind::Text),
        ("started", Kind::Date),
        ("seen", Kind::Date),
        ("since", Kind::Date),
    ];
    let table = ask.table("noeuds", &columns, rows.collect());
    ask.list(Vec::new(), &[], Vec::new(), table).await
}

/// `GET /console/taches`
pub(crate) async fn jobs(ask: Ask) -> Response {
    or_refused(&ask, work(&ask).await)
}

async fn work(ask: &Ask) -> Result<Response, Refusal> {
    let after = ask.number("apres").unwrap_or(0);
    let found = ask.op().jobs_list(&ask.actor, after, ask.rows()).await?;
    let next = more(ask, found.len(), found.last().map(|j| j.id.to_string()));
    let rows = found.into_iter().map(|j| {
        let state = match (j.leased_until, j.attempts) {
            (Some(_), _) => "running",
            (None, 0) => "waiting",
            (None, _) => "failed",
        };
        vec![
            text(ask.word(&format!("job_{}", j.kind))),
            ask.state(state),
            text(j.key),
            number(j.attempts),
            Cell::Time(j.run_at),
            Cell::Time(j.created),
            maybe(j.last_error),
        ]
    });
    let columns = [
        ("work", Kind::Text),
        ("state", Kind::State),
        ("about", Kind::Text),
        ("attempts", Kind::Number),
        ("next", Kind::Date),
        ("since", Kind::Date),
        ("trouble", Kind::Text),
    ];
    let table = Table { next, ..ask.table("taches", &columns, rows.collect()) };
    ask.list(Vec::new(), &[], Vec::new(), table).await
}
