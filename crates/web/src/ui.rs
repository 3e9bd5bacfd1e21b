//! What pages are made of, where markup alone does not do: tables that sort, filter and leave as CSV, and plots. `templates/ui.html` draws them.
use crate::layout::{brief, escape, instant};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use sceau_domain::calendar::Territory;
use sceau_domain::{Lang, Timestamp};
use std::fmt::Write;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A number.
    Number,
    /// An instant.
    Date,
    /// A state: word and shade.
    State,
    /// A link.
    Link,
}

impl Kind {
    /// The class of its cells.
    pub fn class(self) -> &'static str {
        match self {
            Self::Text | Self::Link => "text",
            Self::Number => "number",
            Self::Date => "date",
            Self::State => "state",
        }
    }
}

/// A column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name in the address.
    pub key: &'static str,
    /// Its head.
    pub title: String,
    /// What it holds.
    pub kind: Kind,
    /// May one sort by it?
    pub sort: bool,
}

/// How a state looks; its word says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shade {
    /// As it should be.
    Ok,
    /// It waits for something.
    Wait,
    /// It is refused, or broken.
    No,
    /// None of these.
    Plain,
}

impl Shade {
    /// The class that it adds to a badge.
    pub fn class(self) -> &'static str {
        match self {
            Self::Ok => "badge-ok",
            Self::Wait => "badge-wait",
            Self::No => "badge-no",
            Self::Plain => "badge-plain",
        }
    }
}

/// What stands in one place of a table.
#[derive(Debug, Clone)]
pub enum Cell {
    /// A text.
    Text(String),
    /// What it says, where it leads.
    Link(String, String),
    /// A text, and what it says in full when one points at it.
    Titled(String, String),
    /// An instant.
    Time(Timestamp),
    /// A number.
    Number(i64),
    /// A state.
    State(String, Shade),
    /// Nothing.
    None,
}

/// A text from anywhere, without what turns the text around it: a name that does says another one than it is (a certificate's, a server's, a file's).
pub fn upright(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if turns(c) { '\u{fffd}' } else { c }).collect()
}

impl Cell {
    /// What it says, as text.
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::Text(text) | Self::Titled(text, _) | Self::Link(text, _) | Self::State(text, _) => upright(text),
            Self::Time(at) => instant(lang, *at, Territory::Metropole),
            Self::Number(n) => n.to_string(),
            Self::None => String::new(),
        }
    }
    /// As markup: values escaped.
    pub fn html(&self, lang: Lang) -> String {
        let text = escape(&self.text(lang));
        match self {
            Self::Link(_, to) => format!("<a href=\"{}\">{text}</a>", escape(to)),
            Self::State(_, shade) => format!("<span class=\"badge {}\">{text}</span>", shade.class()),
            Self::Titled(_, title) => format!("<span title=\"{}\">{text}</span>", escape(&upright(title))),
            // In figures; in words, and by which clock, when one points at it.
            Self::Time(at) => match jiff::Timestamp::from_millisecond(at.0) {
                Ok(exact) => {
                    let short = escape(&brief(lang, *at, Territory::Metropole));
                    format!("<time datetime=\"{exact}\" title=\"{text}\">{short}</time>")
                }
                Err(_) => text,
            },
            Self::Text(_) | Self::Number(_) | Self::None => text,
        }
    }
}

/// A filter: what it is called, its name in the address, what may be chosen (value, words), what is chosen.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Its name in the address.
    pub key: &'static str,
    /// What it is called.
    pub label: String,
    /// Value and words of each; the first one is usually empty: everything.
    pub options: Vec<(String, String)>,
    /// The value that is chosen.
    pub chosen: String,
}

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its id on the page, and the name of its file.
    pub id: &'static str,
    /// What it shows, for whoever does not see it.
    pub caption: String,
    /// Where it is, with what is asked of it but for the order: `/console/file?etat=attente`.
    pub at: String,
    /// Columns.
    pub columns: Vec<Column>,
    /// Rows, each with a cell a column.
    pub rows: Vec<Vec<Cell>>,
    /// By which column, from the least to the greatest?
    pub sort: Option<(usize, bool)>,
    /// Filters.
    pub filter: Vec<Choice>,
    /// Where the next rows are.
    pub next: Option<String>,
    /// What is said where there is no row: what to do next.
    pub empty: String,
    /// The language of dates.
    pub lang: Lang,
}

impl Table {
    /// Is it sorted by this column? For `aria-sort`.
    pub fn sorted(&self, column: &usize) -> &'static str {
        match self.sort {
            Some((by, true)) if by == *column => "ascending",
            Some((by, false)) if by == *column => "descending",
            _ => "none",
        }
    }
    /// Where the same rows are in the order of this column; the other way round when they are already.
    pub fn by(&self, column: &usize) -> String {
        let key = self.columns.get(*column).map_or("", |c| c.key);
        let back = matches!(self.sort, Some((by, true)) if by == *column);
        let join = if self.at.contains('?') { '&' } else { '?' };
        format!("{}{join}tri={}{key}", self.at, if back { "-" } else { "" })
    }
    /// Where the same rows are as a file.
    pub fn file(&self) -> String {
        format!("{}{}format=csv", self.at, if self.at.contains('?') { '&' } else { '?' })
    }
    /// A cell's markup.
    pub fn cell(&self, cell: &Cell) -> String {
        cell.html(self.lang)
    }
    /// The class of a column's cells.
    pub fn class(&self, column: &usize) -> &'static str {
        self.columns.get(*column).map_or("text", |c| c.kind.class())
    }
    /// The same rows as a file: UTF-8 with its mark, `;` between fields, instants as RFC 3339, and nothing that a spreadsheet would take for a formula.
    pub fn csv(&self) -> Response {
        let mut out = String::from("\u{feff}");
        line(&mut out, self.columns.iter().map(|c| c.title.clone()));
        for row in &self.rows {
            line(
                &mut out,
                row.iter().map(|cell| match cell {
                    Cell::Time(at) => {
                        jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| String::new(), |t| t.to_string())
                    }
                    other => other.text(self.lang),
                }),
            );
        }
        let mut headers = crate::layout::headers("text/csv; charset=utf-8", "no-store");
        if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"{}.csv\"", self.id)) {
            headers.insert(header::CONTENT_DISPOSITION, name);
        }
        headers.insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow"));
        (headers, out).into_response()
    }
}

fn line(out: &mut String, fields: impl Iterator<Item = String>) {
    for (i, field) in fields.enumerate() {
        if i > 0 {
            out.push(';');
        }
        let number = field.parse::<i64>().is_ok();
        let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) && !number;
        let guard = if formula { "'" } else { "" };
        if formula || field.contains(['"', ';', '\n', '\r', ',', '\t']) {
            // Into a text: it cannot fail.
            let _ = write!(out, "\"{guard}{}\"", field.replace('"', "\"\""));
        } else {
            out.push_str(&field);
        }
    }
    out.push_str("\r\n");
}

/// A plot over time, drawn on the server: lines by attributes, and the same figures as a table for whoever reads them so.
#[derive(Debug, Clone)]
pub struct Plot {
    /// What it shows.
    pub title: String,
    /// Of what its values are.
    pub unit: String,
    /// Each line: its name, and (milliseconds since 1970, value) in order.
    pub series: Vec<(String, Vec<(i64, f64)>)>,
}

/// Width of a plot, its height, and the room for its words.
const WIDE: f64 = 640.0;
const HIGH: f64 = 200.0;
const ROOM: f64 = 28.0;

impl Plot {
    fn bounds(&self) -> (f64, f64, f64) {
        let points = || self.series.iter().flat_map(|(_, points)| points);
        let first = points().map(|(at, _)| *at as f64).fold(f64::INFINITY, f64::min);
        let last = points().map(|(at, _)| *at as f64).fold(f64::NEG_INFINITY, f64::max);
        let most = points().map(|(_, value)| *value).filter(|v| v.is_finite()).fold(0.0, f64::max);
        (first, (last - first).max(1.0), if most > 0.0 { most } else { 1.0 })
    }
    /// The drawing. Lines are told apart by their dashes too.
    pub fn svg(&self) -> String {
        let (first, span, most) = self.bounds();
        let (inner, base) = (HIGH - 2.0 * ROOM, HIGH - ROOM);
        let mut out = format!(
            "<svg class=\"plot\" viewBox=\"0 0 {WIDE} {HIGH}\" role=\"img\"><title>{}</title>\
             <line class=\"plot-base\" x1=\"0\" y1=\"{base}\" x2=\"{WIDE}\" y2=\"{base}\"/>\
             <line class=\"plot-grid\" x1=\"0\" y1=\"{ROOM}\" x2=\"{WIDE}\" y2=\"{ROOM}\"/>\
             <text class=\"plot-word\" x=\"0\" y=\"{}\">{} {}</text>",
            escape(&self.title),
            ROOM - 8.0,
            figure(most),
            escape(&self.unit),
        );
        for (i, (_, points)) in self.series.iter().enumerate() {
            let place = |(at, value): &(i64, f64)| {
                let x = (*at as f64 - first) / span * WIDE;
                let y = base - (if value.is_finite() { *value } else { 0.0 }).max(0.0) / most * inner;
                format!("{x:.1},{y:.1}")
            };
            if let [(_, value)] = points.as_slice() {
                // A line of one point is nothing: a dot in the middle.
                let y = base - value.max(0.0).min(most) / most * inner;
                let _ = write!(
                    out,
                    "<circle class=\"plot-dot plot-{}\" cx=\"{}\" cy=\"{y:.1}\" r=\"4\"/>",
                    i % 4 + 1,
                    WIDE / 2.0
                );
                continue;
            }
            let places: Vec<String> = points.iter().map(place).collect();
            // Into a text: it cannot fail.
            let _ = write!(out, "<polyline class=\"plot-line plot-{}\" points=\"{}\"/>", i % 4 + 1, places.join(" "));
        }
        out.push_str("</svg>");
        out
    }
    /// Every instant that a line has, with the value of each line there.
    pub fn figures(&self, lang: Lang) -> Vec<(String, Vec<String>)> {
        let mut instants: Vec<i64> = self.series.iter().flat_map(|(_, p)| p.iter().map(|(at, _)| *at)).collect();
        instants.sort_unstable();
        instants.dedup();
        let row = |at: i64| {
            let value = |points: &[(i64, f64)]| {
                points.iter().find(|(a, _)| *a == at).map_or_else(String::new, |(_, v)| figure(*v))
            };
            (brief(lang, Timestamp(at), Territory::Metropole), self.series.iter().map(|(_, p)| value(p)).collect())
        };
        instants.into_iter().map(row).collect()
    }
}

/// A value without digits that say nothing.
fn figure(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;

    fn table() -> Table {
        let column = |key, title: &str| Column { key, title: title.into(), kind: Kind::Text, sort: true };
        Table {
            id: "essai",
            caption: "Essai".into(),
            at: "/console/file?etat=x".into(),
            columns: vec![column("nom", "Nom"), column("quand", "Quand")],
            rows: vec![
                vec![Cell::Text("=1+1;\"a\"".into()), Cell::Time(Timestamp(0))],
                vec![Cell::Text("<b>".into()), Cell::Number(-3)],
            ],
            sort: Some((0, true)),
            filter: Vec::new(),
            next: None,
            empty: String::new(),
            lang: Lang::Fr,
        }
    }

    #[tokio::test]
    async fn a_file_holds_no_formula() {
        let bytes = to_bytes(table().csv().into_body(), 1 << 20).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert_eq!(text, "\u{feff}Nom;Quand\r\n\"'=1+1;\"\"a\"\"\";1970-01-01T00:00:00Z\r\n<b>;-3\r\n");
    }

    #[test]
    fn what_is_shown_turns_no_text_around() {
        let name = "CN=\u{202e}rf.etnassm\u{2066}";
        let cell = Cell::Text(name.into());
        assert_eq!(cell.text(Lang::Fr), "CN=\u{fffd}rf.etnassm\u{fffd}");
        let titled = Cell::Titled("a".into(), name.into()).html(Lang::Fr);
        assert!(!cell.html(Lang::Fr).contains('\u{202e}') && !titled.contains('\u{2066}'), "{titled}");
        assert_eq!(upright("Zoé, 12 h – « ل »"), "Zoé, 12 h – « ل »", "letters are nobody's trick");
    }

    #[test]
    fn a_column_sorts_both_ways_and_values_stay_in_their_place() {
        let table = table();
        assert_eq!([table.by(&0), table.by(&1)], ["/console/file?etat=x&tri=-nom", "/console/file?etat=x&tri=quand"]);
        assert_eq!([table.sorted(&0), table.sorted(&1)], ["ascending", "none"]);
        assert_eq!(table.cell(&table.rows[1][0]), "&lt;b&gt;");
    }

    #[test]
    fn an_instant_is_short_in_a_table_and_long_when_one_points_at_it() {
        let shown = Cell::Time(Timestamp(1_796_079_600_000));
        let html = shown.html(Lang::Fr);
        assert!(html.contains("title=\"1er décembre 2026 à 00:00 (UTC+01:00)\">01/12/2026 00:00</time>"), "{html}");
        assert!(shown.html(Lang::En).contains(">2026-12-01 00:00</time>"), "{}", shown.html(Lang::En));
        assert_eq!(Cell::Titled("a".into(), "\"b".into()).html(Lang::Fr), "<span title=\"&quot;b\">a</span>");
    }

    #[test]
    fn a_plot_says_what_it_draws() {
        let plot = Plot {
            title: "<t>".into(),
            unit: "messages".into(),
            series: vec![("a".into(), vec![(0, 1.0), (10, 4.0)])],
        };
        let svg = plot.svg();
        assert!(
            svg.contains("&lt;t&gt;") && svg.contains("points=\"0.0,136.0 640.0,28.0\"") && !svg.contains("style"),
            "{svg}"
        );
        assert_eq!(plot.figures(Lang::Fr)[1].1, ["4"]);
    }
}
