//! What directories show of a person, BAL by BAL.
use super::or_refused;
use crate::frame::Ask;
use crate::sheet::Sheet;
use crate::table::{maybe, text};
use axum::extract::Path;
use axum::response::Response;
use sceau_domain::Refusal;
use sceau_web::ui::{Cell, Kind};

/// `GET /console/personnes/{id}/publication`
pub(crate) async fn show(Path(login): Path<String>, ask: Ask) -> Response {
    or_refused(&ask, published(&ask, &login).await)
}

async fn published(ask: &Ask, login: &str) -> Result<Response, Refusal> {
    let found = ask.op().publication(&ask.actor, login).await?;
    let chosen = |choice: Option<bool>| choice.map_or_else(|| text(ask.t("not_chosen")), |is| ask.tick(is));
    let bals = found.iter().map(|p| {
        vec![
            ask.link("bal", &p.address),
            text(ask.word(&p.kind)),
            p.withheld.map_or_else(|| text(ask.word("yes")), |why| text(ask.word(&format!("withheld_{why}")))),
            chosen(p.red_list),
            chosen(p.phone_published),
            chosen(p.paperless),
        ]
    });
    let columns = [
        ("bal", Kind::Link),
        ("kind", Kind::Text),
        ("published", Kind::Text),
        ("red_list", Kind::Text),
        ("phone_published", Kind::Text),
        ("paperless", Kind::Text),
    ];
    let choices = ask.part("publication", &columns, bals.collect());
    let mut rows = Vec::new();
    for p in &found {
        for field in &p.fields {
            let place = match (field.national, field.operator) {
                (true, _) => "shown_national",
                (false, true) => "shown_operator",
                (false, false) => "shown_nowhere",
            };
            rows.push(vec![
                text(p.address.clone()),
                text(ask.word(&format!("published_{}", field.name))),
                maybe(field.value.clone()),
                text(ask.word(place)),
                text(ask.word(&format!("changed_by_{}", field.changed_by))),
            ]);
        }
    }
    let columns = [
        ("bal", Kind::Text),
        ("name", Kind::Text),
        ("value", Kind::Text),
        ("shown_in", Kind::Text),
        ("changed_by", Kind::Text),
    ];
    let fields = ask.part("published_fields", &columns, rows);
    let none = if found.is_empty() { text(ask.t("not_published")) } else { Cell::None };
    let sheet = Sheet {
        title: format!("{} – {login}", ask.t("table.publication")),
        facts: vec![("login", ask.link("personnes", login)), ("published", none)],
        tables: vec![choices, fields],
        ..Sheet::default()
    };
    ask.show(login, sheet).await
}
