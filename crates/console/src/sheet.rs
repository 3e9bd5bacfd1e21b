//! The sheet of something: what is known of it, its tables, what may be done with it.
use crate::act;
use crate::frame::{Ask, Frame};
use crate::table::{ActLink, Find};
use crate::ways::links;
use axum::response::Response;
use sceau_domain::{Lang, Refusal};
use sceau_web::Shell;
use sceau_web::ui::{Cell, Plot, Table, upright};

/// From so many rows on, a sheet's tables are looked through.
const LONG: usize = 15;

/// What a sheet holds.
#[derive(Default)]
pub(crate) struct Sheet {
    /// What it is about.
    pub title: String,
    /// Where it stands, as a state.
    pub state: Option<Cell>,
    /// Known of it: the label's key below `console.column`, the value. What is unknown is left out.
    pub facts: Vec<(&'static str, Cell)>,
    /// Drawings, each with its figures beside.
    pub plots: Vec<Plot>,
    /// Its tables; one without rows is left out.
    pub tables: Vec<Table>,
    /// Fields by which one looks, beside the one for any word that long tables have.
    pub finds: Vec<Find>,
    /// Acts, by their names in this place; those that the asker may not do are left out.
    pub acts: Vec<&'static str>,
}

/// A drawing with its figures.
pub(crate) struct Drawn {
    pub title: String,
    pub svg: String,
    pub names: Vec<String>,
    pub figures: Vec<(String, Vec<String>)>,
}

/// Drawings as a page shows them; one without a line is left out.
pub(crate) fn drawn(lang: Lang, plots: Vec<Plot>) -> Vec<Drawn> {
    let shown = plots.into_iter().filter(|p| p.series.iter().any(|(_, points)| !points.is_empty()));
    let drawn = |plot: Plot| Drawn {
        svg: plot.svg(),
        figures: plot.figures(lang),
        names: plot.series.iter().map(|(name, _)| name.clone()).collect(),
        title: plot.title,
    };
    shown.map(drawn).collect()
}

#[derive(askama::Template)]
#[template(path = "sheet.html")]
struct Page {
    shell: Shell,
    frame: Frame,
    title: String,
    state: String,
    back: (String, String),
    facts: Vec<(String, String)>,
    plots: Vec<Drawn>,
    path: String,
    finds: Vec<Find>,
    tables: Vec<Table>,
    acts: Vec<ActLink>,
}

impl Ask {
    /// Shows the sheet of `id`.
    pub async fn show(&self, id: &str, mut sheet: Sheet) -> Result<Response, Refusal> {
        let name = self.place().map_or("home", |place| place.name);
        let lang = self.lang();
        let acts = act::links(self, name, id, &sheet.acts);
        sheet.tables.retain(|table| !table.rows.is_empty());
        let long = sheet.tables.iter().any(|table| table.rows.len() >= LONG);
        let finds = match long || self.sifted().is_some() {
            true => self.finds(sheet.finds),
            false => sheet.finds,
        };
        self.sift(&mut sheet.tables);
        let mut all = links(sheet.facts.iter().map(|(_, cell)| cell), &sheet.tables);
        all.extend(acts.iter().map(|act| act.to.clone()));
        let closed = self.closed(all).await?;
        closed.hide(sheet.facts.iter_mut().map(|(_, cell)| cell));
        closed.hide_in(&mut sheet.tables);
        let facts = sheet.facts.into_iter().filter(|(_, cell)| !matches!(cell, Cell::None));
        let page = Page {
            shell: self.shell(),
            frame: self.frame(),
            title: upright(&sheet.title),
            state: sheet.state.map(|cell| cell.html(lang)).unwrap_or_default(),
            back: (self.visitor.to(&format!("/console/{name}")), self.t(&format!("place.{name}"))),
            facts: facts.map(|(key, cell)| (self.t(&format!("column.{key}")), cell.html(lang))).collect(),
            plots: drawn(lang, sheet.plots),
            path: self.path().to_owned(),
            finds,
            tables: sheet.tables,
            acts: closed.open(acts),
        };
        let tables: Vec<&Table> = page.tables.iter().collect();
        Ok(self.answer(&page, &tables))
    }
}
