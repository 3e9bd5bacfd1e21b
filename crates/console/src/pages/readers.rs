//! Who could read a BAL on a day, and every access that it ever had.
use super::or_refused;
use crate::board::Board;
use crate::frame::{Ask, day_of};
use crate::table::{maybe, text, time};
use axum::response::Response;
use sceau_domain::Refusal;
use sceau_operator::grants::AccessView;
use sceau_web::ui::{Cell, Kind, Table};

/// `GET /console/lecteurs`
pub(crate) async fn list(ask: Ask) -> Response {
    or_refused(&ask, readers(&ask).await)
}

/// What an access is, in a row.
fn access(ask: &Ask, a: &AccessView) -> Vec<Cell> {
    let rights: Vec<String> = a.rights.iter().map(|r| ask.word(r)).collect();
    vec![ask.link("personnes", &a.login), text(ask.word(&a.role)), text(rights.join(", "))]
}

async fn readers(ask: &Ask) -> Result<Response, Refusal> {
    let (op, actor) = (ask.op(), &ask.actor);
    let of_day = [
        ("login", Kind::Link),
        ("role", Kind::Text),
        ("rights", Kind::Text),
        ("from_at", Kind::Date),
        ("to_at", Kind::Date),
        ("disclosure", Kind::Text),
    ];
    let finds = vec![ask.find("bal"), ask.find_day("jour")];
    let Some(address) = ask.given("bal") else {
        let tables = vec![ask.part("readers", &of_day, Vec::new())];
        return ask.board(Board { finds, tables, ..Board::default() }).await;
    };
    let day = ask.given("jour").map_or_else(|| day_of(op.clock().now()), str::to_owned);
    let found = op.readers_of_day(actor, address, &day).await?;
    let mut rows = Vec::new();
    for reader in &found.readers {
        for part in &reader.times {
            let mut row = access(ask, &reader.access);
            row.extend([Cell::Time(part.from), Cell::Time(part.until), Cell::None]);
            rows.push(row);
        }
    }
    for d in found.disclosed.into_iter().flatten() {
        let told = text(format!("{} {}", ask.word("disclosure"), d.disclosure));
        rows.push(vec![
            ask.link("personnes", &d.login),
            text(ask.word("disclosure")),
            text(ask.word("read")),
            Cell::Time(d.from),
            Cell::Time(d.until),
            told,
        ]);
    }
    let readers = ask.part("readers", &of_day, rows);
    let history = op.access_history(actor, address, ask.begins_after("access_history", false), ask.rows()).await?;
    let next = super::more(ask, history.len(), history.last().map(|(key, _)| key.clone()));
    // The rows after these are of this table, not of the page's first one.
    let next = ask.on("access_history", next);
    let history = history.into_iter().map(|(_, a)| {
        let mut row = access(ask, &a);
        row.extend([
            Cell::Time(a.granted),
            text(a.granted_by),
            maybe(a.reason),
            Cell::Time(a.starts),
            time(a.ends),
            time(a.ended),
            maybe(a.ended_by),
        ]);
        row
    });
    let columns = [
        ("login", Kind::Link),
        ("role", Kind::Text),
        ("rights", Kind::Text),
        ("granted", Kind::Date),
        ("by", Kind::Text),
        ("why", Kind::Text),
        ("from_at", Kind::Date),
        ("until", Kind::Date),
        ("ended", Kind::Date),
        ("ended_by", Kind::Text),
    ];
    let history = Table { next, ..ask.part("access_history", &columns, history.collect()) };
    let facts =
        vec![("address", ask.link("bal", &found.address)), ("day", text(found.day)), ("zone", text(found.zone))];
    ask.board(Board { finds, facts, tables: vec![readers, history], ..Board::default() }).await
}
