//! `/styleguide`: every component on one page, with words that say nothing. For whoever makes pages; the sandbox has it, an operator does not.
use crate::route::get;
use crate::ui::{Cell, Choice, Column, Kind, Plot, Shade, Table};
use crate::{Shell, State, Visitor};
use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use sceau_domain::Timestamp;

/// The page, for whoever serves it.
pub fn routes() -> Router<State> {
    Router::new().route("/styleguide", get(show))
}

/// Every picture of `icons.svg`.
const ICONS: &str = include_str!("../assets/icons.svg");

#[derive(askama::Template)]
#[template(path = "styleguide.html")]
struct Guide {
    shell: Shell,
    icons: Vec<&'static str>,
    swatches: [&'static str; 9],
    options: Vec<(String, String)>,
    chosen: String,
    tabs: Vec<(String, String, bool)>,
    steps: Vec<(String, String, String)>,
    keys: Vec<(String, String)>,
    table: Table,
    none: Table,
    plot: Plot,
}

fn icons() -> Vec<&'static str> {
    ICONS.split("<symbol id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

fn table(visitor: &Visitor, rows: Vec<Vec<Cell>>) -> Table {
    let column = |key, title: &str, kind| Column { key, title: title.into(), kind, sort: kind != Kind::State };
    Table {
        id: "essai",
        caption: "Tableau d’essai".into(),
        at: "/styleguide".into(),
        columns: vec![
            column("nom", "Nom", Kind::Link),
            column("quand", "Quand", Kind::Date),
            column("nombre", "Nombre", Kind::Number),
            column("etat", "État", Kind::State),
        ],
        rows,
        sort: Some((0, true)),
        filter: vec![Choice {
            key: "etat",
            label: "État".into(),
            options: vec![(String::new(), "Tous".into()), ("attente".into(), "En attente".into())],
            chosen: String::new(),
        }],
        next: Some("/styleguide?apres=2".into()),
        empty: "Rien à montrer. Changez le filtre.".into(),
        lang: visitor.lang,
    }
}

/// `GET /styleguide`
async fn show(visitor: Visitor) -> Response {
    let two = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    let three = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
    let row = |name: &str, at, n, state: &str, shade| {
        vec![
            Cell::Link(name.into(), "/styleguide".into()),
            Cell::Time(Timestamp(at)),
            Cell::Number(n),
            Cell::State(state.into(), shade),
        ]
    };
    let hour = 3_600_000;
    let page = Guide {
        shell: visitor.shell("/styleguide"),
        icons: icons(),
        swatches: ["ink", "soft", "accent", "seal", "chosen", "mark", "no", "ok", "wait"],
        options: vec![two("recent", "Les plus récents d’abord"), two("ancien", "Les plus anciens d’abord")],
        chosen: "recent".into(),
        tabs: vec![
            ("/styleguide".into(), "Cette page".into(), true),
            ("/styleguide?lang=en".into(), "L’autre".into(), false),
        ],
        steps: vec![
            three("step-ok", "Remis à l’opérateur du destinataire", "2 décembre, 9:41"),
            three("step-wait", "En attente : nouvel essai à 10:00", ""),
            three("step-no", "Refusé : la boîte est pleine", "2 décembre, 9:44"),
        ],
        keys: vec![two("j", "Message suivant"), two("k", "Message précédent"), two("?", "Cette aide")],
        table: table(
            &visitor,
            vec![
                row("Cabinet des Lilas", 1_796_115_600_000, 12, "En service", Shade::Ok),
                row("Laboratoire du Port", 1_796_105_600_000, 1_204, "En attente", Shade::Wait),
                row("<script>", 1_796_005_600_000, -3, "Refusé", Shade::No),
            ],
        ),
        none: Table { id: "vide", ..table(&visitor, Vec::new()) },
        plot: Plot {
            title: "Messages par heure".into(),
            unit: "messages".into(),
            series: vec![
                ("Reçus".into(), (0..24).map(|h| (h * hour, f64::from(((h * 37) % 23) as i32))).collect()),
                ("Envoyés".into(), (0..24).map(|h| (h * hour, f64::from(((h * 17) % 13) as i32))).collect()),
            ],
        },
    };
    visitor.screen(StatusCode::OK, &page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_have_names_of_their_own() {
        let mut names = icons();
        assert!(names.len() > 40 && names.contains(&"corbeille"), "{names:?}");
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
