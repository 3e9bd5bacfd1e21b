//! Reference tables, shown and searched; what the national register says of people.
use super::{more, or_refused};
use crate::board::Board;
use crate::frame::{Ask, sheet};
use crate::table::{ActLink, number, text};
use axum::extract::Path;
use axum::response::Response;
use sceau_domain::{Refusal, RefusalCode, UseCase};
use sceau_web::ui::{Cell, Kind, Table};

/// The national register, and what it may say of somebody.
const REGISTER: &str = "rpps";
const SAID: [&str; 5] = ["struck", "absent", "other_name", "there", "mismatch"];

/// `GET /console/references`
pub(crate) async fn list(ask: Ask) -> Response {
    or_refused(&ask, tables(&ask).await)
}

async fn tables(ask: &Ask) -> Result<Response, Refusal> {
    let rows = ask.op().references(&ask.actor).await?.into_iter().map(|r| {
        vec![
            ask.link("references", &r.name),
            text(r.source),
            number(r.entries),
            number(r.skipped),
            Cell::Time(r.imported),
            text(r.imported_by),
        ]
    });
    let columns = [
        ("name", Kind::Link),
        ("source", Kind::Text),
        ("entries", Kind::Number),
        ("skipped", Kind::Number),
        ("at", Kind::Date),
        ("by", Kind::Text),
    ];
    let table = ask.table("references", &columns, rows.collect());
    let to = |id: &str, key: &str, class: &'static str| ActLink {
        to: ask.visitor.to(&format!("{}/importer", sheet("references", id))),
        label: ask.t(key),
        class,
    };
    let links = if ask.may(UseCase::ReferenceImport) {
        vec![to(REGISTER, "upload.table.register", "btn-main")]
    } else {
        Vec::new()
    };
    ask.board(Board { links, tables: vec![table], ..Board::default() }).await
}

/// `GET /console/references/{name}`: its entries; of the register, what it says of people beside.
pub(crate) async fn show(Path(name): Path<String>, ask: Ask) -> Response {
    or_refused(&ask, entries(&ask, &name).await)
}

async fn entries(ask: &Ask, name: &str) -> Result<Response, Refusal> {
    let (op, actor) = (ask.op(), &ask.actor);
    let known = op.references(actor).await?.into_iter().find(|r| r.name == name);
    let known = known.ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", name))?;
    let found =
        op.reference(actor, name, ask.given("q"), ask.begins_after("reference_entries", true), ask.rows()).await?;
    let next = more(ask, found.len(), found.last().map(|e| e.key.clone()));
    let rows = found.into_iter().map(|e| {
        let data = e.data.as_object().cloned().unwrap_or_default();
        let data = data.iter().map(|(name, v)| match v.as_str() {
            Some(v) => format!("{name} : {v}"),
            None => format!("{name} : {v}"),
        });
        vec![text(e.code), text(e.label), text(data.collect::<Vec<_>>().join(" ; "))]
    });
    let columns = [("code", Kind::Text), ("label", Kind::Text), ("detail", Kind::Text)];
    let mut tables = vec![Table { next, ..ask.part("reference_entries", &columns, rows.collect()) }];
    let mut finds = vec![ask.find("q")];
    if name == REGISTER && ask.may(UseCase::PersonList) {
        let state = ask.given("etat").filter(|s| SAID.contains(s));
        let after = ask.begins_after("register_people", false).and_then(|key| key.parse().ok());
        let found = op.register_findings(actor, state, after, ask.rows()).await?;
        let next = ask.on("register_people", more(ask, found.len(), found.last().map(|f| f.key.to_string())));
        let said = found.into_iter().map(|f| {
            vec![
                ask.link("personnes", &f.login),
                text(f.name),
                ask.state(&f.state),
                text(f.label),
                Cell::Time(f.since),
                ask.tick(f.blocked),
            ]
        });
        let columns = [
            ("login", Kind::Link),
            ("name", Kind::Text),
            ("state", Kind::State),
            ("register_says", Kind::Text),
            ("since", Kind::Date),
            ("blocked", Kind::Text),
        ];
        tables.push(Table { next, ..ask.part("register_people", &columns, said.collect()) });
        finds.push(ask.pick("etat", &SAID));
    }
    let links = if ask.may(UseCase::ReferenceImport) {
        vec![ActLink {
            to: ask.visitor.to(&format!("{}/importer", sheet("references", name))),
            label: ask.t("upload.table.title"),
            class: "btn-main",
        }]
    } else {
        Vec::new()
    };
    let facts = vec![
        ("name", text(known.name)),
        ("source", text(known.source)),
        ("entries", number(known.entries)),
        ("skipped", number(known.skipped)),
        ("at", Cell::Time(known.imported)),
        ("by", text(known.imported_by)),
        ("fingerprint", text(known.digest)),
    ];
    let title = Some(format!("{} – {name}", ask.t("place.references")));
    ask.board(Board { title, finds, links, facts, tables, ..Board::default() }).await
}
