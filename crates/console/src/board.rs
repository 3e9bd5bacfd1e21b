//! A page of the menu that holds more than one table: drawings, what is known as a whole, several tables; and the page that says once what came of an act.
use crate::act;
use crate::frame::{Ask, Frame};
use crate::sheet::{Drawn, drawn};
use crate::table::{ActLink, Find};
use crate::ways::links;
use axum::http::StatusCode;
use axum::response::Response;
use sceau_domain::Refusal;
use sceau_web::Shell;
use sceau_web::ui::{Cell, Plot, Table, upright};

/// What such a page holds.
#[derive(Default)]
pub(crate) struct Board {
    /// What it is called, where that is not the name of its place.
    pub title: Option<String>,
    /// Fields by which one looks.
    pub finds: Vec<Find>,
    /// Acts that belong to no row, by their names in this place.
    pub acts: Vec<&'static str>,
    /// Ways to pages that are no acts: a file to send.
    pub links: Vec<ActLink>,
    /// Known as a whole: the label's key below `console.column`, the value. What is unknown is left out.
    pub facts: Vec<(&'static str, Cell)>,
    /// Drawings, each with its figures beside.
    pub plots: Vec<Plot>,
    /// Its tables; the first one is shown whatever it holds, the others where they have rows.
    pub tables: Vec<Table>,
}

#[derive(askama::Template)]
#[template(path = "board.html")]
struct Page {
    shell: Shell,
    frame: Frame,
    title: String,
    intro: String,
    path: String,
    finds: Vec<Find>,
    acts: Vec<ActLink>,
    facts: Vec<(String, String)>,
    plots: Vec<Drawn>,
    tables: Vec<Table>,
}

/// What came of an act: shown once, kept nowhere.
#[derive(Default)]
pub(crate) struct Outcome {
    /// What it is.
    pub title: String,
    /// Whether it is as it should be.
    pub state: Option<Cell>,
    /// What to do with it, where something is to be done.
    pub text: String,
    /// Known of it.
    pub facts: Vec<(&'static str, Cell)>,
    /// Sentences, each with its state.
    pub findings: Vec<(Cell, String)>,
    /// Texts to copy: the label, the lines.
    pub texts: Vec<(String, String)>,
    /// A file: its name, and what it holds as base64.
    pub file: Option<(String, String)>,
}

#[derive(askama::Template)]
#[template(path = "outcome.html")]
struct Shown {
    shell: Shell,
    frame: Frame,
    title: String,
    state: String,
    text: String,
    facts: Vec<(String, String)>,
    findings: Vec<(String, String)>,
    texts: Vec<(String, String)>,
    file: Option<(String, String)>,
    back: (String, String),
}

impl Ask {
    /// Shows a page of the menu.
    pub async fn board(&self, mut board: Board) -> Result<Response, Refusal> {
        let name = self.place().map_or("home", |place| place.name);
        let mut first = true;
        board.tables.retain(|table| std::mem::take(&mut first) || !table.rows.is_empty());
        self.sift(&mut board.tables);
        let closed = self.closed(links(board.facts.iter().map(|(_, cell)| cell), &board.tables)).await?;
        closed.hide(board.facts.iter_mut().map(|(_, cell)| cell));
        closed.hide_in(&mut board.tables);
        let page = Page {
            shell: self.shell(),
            frame: self.frame(),
            title: board.title.unwrap_or_else(|| self.t(&format!("place.{name}"))),
            intro: self.t(&format!("intro.{name}")),
            path: self.path().to_owned(),
            finds: self.finds(board.finds),
            acts: board.links.into_iter().chain(act::links(self, name, "-", &board.acts)).collect(),
            facts: self.facts(board.facts),
            plots: drawn(self.lang(), board.plots),
            tables: board.tables,
        };
        let tables: Vec<&Table> = page.tables.iter().collect();
        Ok(self.answer(&page, &tables))
    }

    /// Says once what came of an act on `id` (`-`: on nothing in particular).
    pub fn outcome(&self, id: &str, outcome: Outcome) -> Response {
        let lang = self.lang();
        let name = self.place().map_or("home", |place| place.name);
        let back = if id == "-" { format!("/console/{name}") } else { crate::frame::sheet(name, id) };
        let page = Shown {
            shell: self.shell(),
            frame: self.frame(),
            title: upright(&outcome.title),
            state: outcome.state.map(|cell| cell.html(lang)).unwrap_or_default(),
            text: outcome.text,
            facts: self.facts(outcome.facts),
            findings: outcome.findings.into_iter().map(|(cell, text)| (cell.html(lang), upright(&text))).collect(),
            texts: outcome.texts,
            file: outcome.file,
            back: (self.visitor.to(&back), self.t(&format!("place.{name}"))),
        };
        self.visitor.screen(StatusCode::OK, &page)
    }

    /// Labels and values of what is known.
    fn facts(&self, facts: Vec<(&'static str, Cell)>) -> Vec<(String, String)> {
        let known = facts.into_iter().filter(|(_, cell)| !matches!(cell, Cell::None));
        known.map(|(key, cell)| (self.t(&format!("column.{key}")), cell.html(self.lang()))).collect()
    }
}
