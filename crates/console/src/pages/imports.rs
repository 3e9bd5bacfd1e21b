//! Imports of people and BALs from files: a dry run says what would be, then it is done, line by line.
use super::{more, or_refused, tongue, with};
use crate::board::Board;
use crate::carry::row;
use crate::frame::Ask;
use crate::sheet::Sheet;
use crate::table::{ActLink, maybe, number, text};
use axum::body::Body;
use axum::extract::Path;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use sceau_domain::{Refusal, UseCase};
use sceau_web::ui::{Cell, Kind, Table};

/// `GET /console/imports`
pub(crate) async fn list(ask: Ask) -> Response {
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
    let links = if ask.may(UseCase::ImportStart) {
        vec![ActLink {
            to: ask.visitor.to("/console/imports/nouveau"),
            label: ask.t("upload.people.title"),
            class: "btn-main",
        }]
    } else {
        Vec::new()
    };
    ask.board(Board { links, tables: vec![table], ..Board::default() }).await
}

/// `GET /console/imports/{id}/compte-rendu`: every line, with what stood in the file, as a file.
pub(crate) async fn report(Path(id): Path<String>, ask: Ask) -> Response {
    or_refused(&ask, written(&ask, &id).await)
}

async fn written(ask: &Ask, id: &str) -> Result<Response, Refusal> {
    let (op, actor, id) = (ask.op().clone(), ask.actor.clone(), row(id)?);
    // Refused before the first byte.
    let head = format!("\u{feff}{}", op.import_report_head(&actor, id).await?);
    let start = (op, actor, Some(head), 0_i64);
    let pieces = stream::try_unfold(start, move |(op, actor, head, after)| async move {
        if let Some(head) = head {
            return Ok(Some((Bytes::from(head), (op, actor, None, after))));
        }
        match op.import_report(&actor, id, after).await {
            Ok(Some((text, last))) => Ok(Some((Bytes::from(text), (op, actor, None, last)))),
            Ok(None) => Ok(None),
            // The answer is cut: whoever reads it sees that it is not whole.
            Err(refusal) => Err(std::io::Error::other(refusal.code.as_str())),
        }
    });
    Ok(super::file("text/csv; charset=utf-8", &format!("import-{id}.csv"), Body::from_stream(pieces)))
}

/// `GET /console/imports/{id}`: line by line.
pub(crate) async fn show(Path(id): Path<String>, ask: Ask) -> Response {
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
    let report = format!("/console/imports/{id}/compte-rendu");
    let going = i.state == "receiving" || i.state == "running";
    // What a dry run found good is sent again, to be done.
    let real = match (i.dry_run && i.state == "done", &i.structure) {
        (true, Some(code)) => with("/console/imports/nouveau", &[("dry_run", "non"), ("structure", code)]),
        (true, None) => with("/console/imports/nouveau", &[("dry_run", "non")]),
        (false, _) => String::new(),
    };
    let real = if real.is_empty() || !ask.may(UseCase::ImportStart) {
        Cell::None
    } else {
        Cell::Link(ask.t("upload.people.real"), ask.visitor.to(&real))
    };
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
            ("next_step", real),
            ("download", Cell::Link(ask.t("report_of_import"), ask.visitor.to(&report))),
        ],
        acts: if going { vec!["annuler"] } else { Vec::new() },
        finds: vec![ask.pick("etat", &["waiting", "done", "wrong", "skipped"])],
        tables: vec![Table { next, ..ask.part("lines", &columns, rows.collect()) }],
        ..Sheet::default()
    };
    ask.show(&id.to_string(), sheet).await
}
