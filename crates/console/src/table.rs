//! Tables of the console: their columns and cells by the locale files, their order, and the fields by which one looks.
use crate::frame::{Ask, Frame, PLACES, name_of};
use crate::ways::links;
use axum::response::Response;
use sceau_domain::{Refusal, Timestamp};
use sceau_web::Shell;
use sceau_web::ui::{Cell, Column, Kind, Shade, Table};
use std::cmp::Ordering;

/// States that are as they should be, that wait for something, that are refused or broken.
const GOOD: &[&str] = &[
    "active",
    "opened",
    "done",
    "ok",
    "alive",
    "yes",
    "good",
    "listed",
    "certified",
    "signed",
    "in_force",
    "intact",
    "there",
    "changed",
    "list_current",
    "change_added",
];
const WAITING: &[&str] = &[
    "requested",
    "verified",
    "waiting",
    "sending",
    "suspended",
    "closing",
    "warning",
    "open",
    "asked",
    "confirmed",
    "declared",
    "running",
    "given",
    "slowed",
    "unused",
    "recovery_asked",
    "recovery_confirmed",
    "recovery_open",
    "dns_absent",
    "dns_unanswered",
    "unlisted",
    "uncertified",
    "unverified",
    "draft",
    "receiving",
    "noted",
    "absent",
    "other_name",
    "list_ending",
    "list_waiting",
    "change_altered",
];
const WRONG: &[&str] = &[
    "blocked",
    "refused",
    "failed",
    "critical",
    "held",
    "closed",
    "destroyed",
    "wrong",
    "dead",
    "bad",
    "revoked",
    "error",
    "dns_other",
    "struck",
    "mismatch",
    "list_ended",
    "list_failing",
    "list_forbidden",
    "change_removed",
];

/// How a state looks.
fn shade(name: &str) -> Shade {
    match name {
        n if GOOD.contains(&n) => Shade::Ok,
        n if WAITING.contains(&n) => Shade::Wait,
        n if WRONG.contains(&n) => Shade::No,
        _ => Shade::Plain,
    }
}

/// A text.
pub(crate) fn text(text: impl Into<String>) -> Cell {
    let text = text.into();
    if text.is_empty() { Cell::None } else { Cell::Text(text) }
}

/// A text that may be missing.
pub(crate) fn maybe(value: Option<String>) -> Cell {
    value.map_or(Cell::None, text)
}

/// An instant that may be missing.
pub(crate) fn time(at: Option<Timestamp>) -> Cell {
    at.map_or(Cell::None, Cell::Time)
}

/// A number.
pub(crate) fn number<N: TryInto<i64>>(n: N) -> Cell {
    Cell::Number(n.try_into().unwrap_or(i64::MAX))
}

/// A size in bytes, as people read it.
pub(crate) fn size(bytes: u64) -> Cell {
    let (unit, by) = match bytes {
        0..=999 => ("o", 1),
        1_000..=999_999 => ("ko", 1_000),
        1_000_000..=999_999_999 => ("Mo", 1_000_000),
        _ => ("Go", 1_000_000_000),
    };
    Cell::Text(format!("{}\u{a0}{unit}", bytes / by))
}

impl Ask {
    /// A state, by its stable name.
    pub fn state(&self, name: &str) -> Cell {
        if name.is_empty() { Cell::None } else { Cell::State(self.word(name), shade(name)) }
    }
    /// A state of one of our types.
    pub fn state_of(&self, word: &impl serde::Serialize) -> Cell {
        self.state(&name_of(word))
    }
    /// Something that is so or is not.
    pub fn tick(&self, is: bool) -> Cell {
        Cell::Text(self.word(if is { "yes" } else { "no" }))
    }
    /// A link to a sheet of the console, for whoever may see it; else the name alone.
    pub fn link(&self, place: &str, id: &str) -> Cell {
        self.link_as(place, id, id)
    }
    /// The same with other words.
    pub fn link_as(&self, place: &str, id: &str, words: &str) -> Cell {
        let may = PLACES.iter().find(|known| known.name == place).is_some_and(|known| self.may(known.needs));
        if id.is_empty() || !may { text(words) } else { Cell::Link(words.to_owned(), self.sheet(place, id)) }
    }
    /// A table of this page: its columns' heads are below `console.column`, its caption below `console.table`.
    pub fn table(&self, id: &'static str, columns: &[(&'static str, Kind)], rows: Vec<Vec<Cell>>) -> Table {
        let column = |&(key, kind): &(&'static str, Kind)| Column {
            key,
            title: self.t(&format!("column.{key}")),
            kind,
            sort: true,
        };
        self.ordered(Table {
            id,
            caption: self.t(&format!("table.{id}")),
            at: self.visitor.to(&self.at()),
            columns: columns.iter().map(column).collect(),
            rows,
            sort: None,
            filter: Vec::new(),
            next: None,
            empty: self.t("empty"),
            lang: self.lang(),
        })
    }
    /// One of several tables of a page: its order and its file are its own.
    pub fn part(&self, id: &'static str, columns: &[(&'static str, Kind)], rows: Vec<Vec<Cell>>) -> Table {
        let mut table = self.table(id, columns, rows);
        let at = self.at();
        table.at = self.visitor.to(&format!("{at}{}table={id}", if at.contains('?') { '&' } else { '?' }));
        table
    }
}

/// A table of which a file holds a part: its last row says so, and where the rest is.
pub(crate) fn unfinished(table: &Table, words: &str) -> Table {
    let mut told = table.clone();
    let mut row = vec![Cell::None; told.columns.len()];
    if let Some(first) = row.first_mut() {
        *first = text(words);
    }
    told.rows.push(row);
    told
}

/// Puts a table into the order that was asked for: by a column, from the least to the greatest, or the other way round (`-`).
pub(crate) fn finish(ask: &Ask, mut table: Table) -> Table {
    let (which, order) = ask.order();
    let Some(order) = order.filter(|_| which.is_none_or(|id| id == table.id)) else { return table };
    let (key, up) = order.strip_prefix('-').map_or((order, true), |key| (key, false));
    let Some(by) = table.columns.iter().position(|c| c.key == key && c.sort) else { return table };
    table.rows.sort_by(|a, b| {
        let order = match (a.get(by), b.get(by)) {
            (Some(a), Some(b)) => compare(a, b),
            _ => Ordering::Equal,
        };
        if up { order } else { order.reverse() }
    });
    table.sort = Some((by, up));
    table
}

/// Cells by what they hold: numbers and instants as such, words without regard to case. Nothing comes first.
fn compare(a: &Cell, b: &Cell) -> Ordering {
    match (a, b) {
        (Cell::None, Cell::None) => Ordering::Equal,
        (Cell::None, _) => Ordering::Less,
        (_, Cell::None) => Ordering::Greater,
        (Cell::Number(a), Cell::Number(b)) => a.cmp(b),
        (Cell::Time(a), Cell::Time(b)) => a.cmp(b),
        _ => word(a).cmp(&word(b)),
    }
}

fn word(cell: &Cell) -> String {
    match cell {
        Cell::Text(t) | Cell::Titled(t, _) | Cell::Link(t, _) | Cell::State(t, _) => t.to_lowercase(),
        _ => String::new(),
    }
}

/// A field by which one looks: a text, or one of several words.
pub(crate) struct Find {
    pub name: &'static str,
    pub label: String,
    pub value: String,
    /// `search` or `date`; unused where there are words to choose from.
    pub kind: &'static str,
    /// Value and words; empty: a text is typed.
    pub options: Vec<(String, String)>,
}

impl Ask {
    /// A text to look for.
    pub fn find(&self, name: &'static str) -> Find {
        self.field(name, "search", Vec::new())
    }
    /// A day.
    pub fn find_day(&self, name: &'static str) -> Find {
        self.field(name, "date", Vec::new())
    }
    /// One of these stable names, or all.
    pub fn pick(&self, name: &'static str, words: &[&str]) -> Find {
        let all = (String::new(), self.t("all"));
        let options = words.iter().map(|w| ((*w).to_owned(), self.word(w)));
        self.field(name, "", [all].into_iter().chain(options).collect())
    }
    fn field(&self, name: &'static str, kind: &'static str, options: Vec<(String, String)>) -> Find {
        let value = self.given(name).unwrap_or_default().to_owned();
        Find { name, label: self.t(&format!("find.{name}")), value, kind, options }
    }
}

impl Ask {
    /// Leaves the rows in which something stands that was looked for, where the call behind the page did not look itself.
    pub fn sift(&self, tables: &mut [Table]) {
        let Some(wanted) = self.sifted() else { return };
        let lang = self.lang();
        let has = |cell: &Cell| cell.text(lang).to_lowercase().contains(&wanted);
        for table in tables {
            table.rows.retain(|row| row.iter().any(has));
        }
    }
    /// These fields, and one for any word where there is none yet that is typed into.
    pub fn finds(&self, mut finds: Vec<Find>) -> Vec<Find> {
        if !finds.iter().any(|find| find.kind == "search") {
            finds.insert(0, self.find("q"));
        }
        finds
    }
}

/// An act that a page leads to: where, what it is called, its class.
pub(crate) struct ActLink {
    pub to: String,
    pub label: String,
    pub class: &'static str,
}

/// A page that is one table: `list.html`.
#[derive(askama::Template)]
#[template(path = "list.html")]
pub(crate) struct List {
    pub shell: Shell,
    pub frame: Frame,
    pub title: String,
    pub intro: String,
    pub path: String,
    pub finds: Vec<Find>,
    pub acts: Vec<ActLink>,
    pub facts: Vec<(String, String)>,
    pub table: Table,
}

impl Ask {
    /// A page of the menu: its table, the fields by which one looks, acts that belong to no row, and what is said above (label and value).
    pub async fn list(
        &self,
        finds: Vec<Find>,
        acts: &[&str],
        facts: Vec<(String, Cell)>,
        table: Table,
    ) -> Result<Response, Refusal> {
        let mut tables = [table];
        self.sift(&mut tables);
        let closed = self.closed(links(std::iter::empty(), &tables)).await?;
        closed.hide_in(&mut tables);
        let [table] = tables;
        let name = self.place().map_or("home", |place| place.name);
        let known = facts.into_iter().filter(|(_, cell)| !matches!(cell, Cell::None));
        let page = List {
            shell: self.shell(),
            frame: self.frame(),
            title: self.t(&format!("place.{name}")),
            intro: self.t(&format!("intro.{name}")),
            path: self.path().to_owned(),
            finds: self.finds(finds),
            acts: crate::act::links(self, name, "-", acts),
            facts: known.map(|(label, cell)| (label, cell.html(self.lang()))).collect(),
            table,
        };
        Ok(self.answer(&page, &[&page.table]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_compared_by_what_they_hold() {
        assert_eq!(compare(&Cell::Number(9), &Cell::Number(10)), Ordering::Less);
        assert_eq!(compare(&text("b"), &text("A")), Ordering::Greater);
        assert_eq!(compare(&Cell::Time(Timestamp(2)), &Cell::Time(Timestamp(1))), Ordering::Greater);
        assert_eq!(compare(&Cell::None, &text("a")), Ordering::Less);
    }

    #[test]
    fn a_file_that_is_a_part_says_so() {
        let column = |key| Column { key, title: key.into(), kind: Kind::Text, sort: true };
        let table = Table {
            id: "essai",
            caption: String::new(),
            at: String::new(),
            columns: vec![column("a"), column("b")],
            rows: vec![vec![text("1"), text("2")]],
            sort: None,
            filter: Vec::new(),
            next: Some("/console/essai?apres=1".into()),
            empty: String::new(),
            lang: sceau_domain::Lang::Fr,
        };
        let told = unfinished(&table, "Suite");
        assert_eq!((told.rows.len(), told.rows[1].len(), told.rows[1][0].text(told.lang)), (2, 2, "Suite".to_owned()));
    }

    #[test]
    fn a_state_has_one_look() {
        for (i, list) in [GOOD, WAITING, WRONG].into_iter().enumerate() {
            for name in list {
                assert_eq!([GOOD, WAITING, WRONG].iter().filter(|l| l.contains(name)).count(), 1, "{i} {name}");
            }
        }
        assert_eq!(shade("active"), Shade::Ok);
        assert_eq!(shade("blocked"), Shade::No);
        assert_eq!(shade("autre"), Shade::Plain);
    }

    #[test]
    fn sizes_read_as_people_write_them() {
        assert_eq!(size(999).text(sceau_domain::Lang::Fr), "999\u{a0}o");
        assert_eq!(size(12_500_000).text(sceau_domain::Lang::Fr), "12\u{a0}Mo");
    }
}
