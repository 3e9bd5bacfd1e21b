//! Who stands before a page of the console, what of it is theirs, and what was asked for.
//!
//! Promises: whoever has no administrative role is told so, whatever is asked; a page whose use case the asker's roles do not have is not shown and not
//! named in the menu; the calls behind the pages judge again, each on its place.
use crate::table::{finish, unfinished};
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sceau_domain::{Lang, Refusal, RefusalCode, Timestamp, UseCase};
use sceau_operator::{Actor, Operator};
use sceau_web::part::{self, Asked, PartName};
use sceau_web::ui::Table;
use sceau_web::{Shell, State, Visitor, layout};
use std::collections::BTreeMap;

/// What stands for itself in a segment of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'@');
/// Longest query that is looked at, bytes.
const LONGEST: usize = 4_000;
/// Rows of a page; of a file, and of what is put into an order or looked through: an order of the first rows alone would say what is not so.
const ROWS: (u32, u32) = (100, 1_000);
/// Lists whose calls look for `q`; in the others it is looked for in the rows.
const SEARCHED: [&str; 8] =
    ["demandes", "personnes", "bal", "structures", "roles", "file", "partenaires", "liste-blanche"];

/// A page of the menu: its name in the address, the group that it stands in, what one must be allowed to do.
pub(crate) struct Place {
    /// In the address, and in the locale files below `console.place`.
    pub name: &'static str,
    group: &'static str,
    /// What one must be allowed to do.
    pub needs: UseCase,
}

const fn place(name: &'static str, group: &'static str, needs: UseCase) -> Place {
    Place { name, group, needs }
}

/// The menu, in its order.
pub(crate) const PLACES: &[Place] = &[
    place("demandes", "people", UseCase::OpeningList),
    place("personnes", "people", UseCase::PersonList),
    place("bal", "people", UseCase::BalList),
    place("structures", "people", UseCase::StructureList),
    place("regions", "people", UseCase::BodyList),
    place("roles", "people", UseCase::RoleList),
    place("recuperations", "people", UseCase::RecoveryList),
    place("imports", "people", UseCase::ImportShow),
    place("file", "mail", UseCase::QueueList),
    place("partenaires", "mail", UseCase::PeerList),
    place("liste-blanche", "mail", UseCase::TrustShow),
    place("certificats", "mail", UseCase::CertificateList),
    place("autorites", "mail", UseCase::RevocationList),
    place("domaines", "mail", UseCase::DomainList),
    place("connecteurs", "mail", UseCase::ConnectorList),
    place("alarmes", "watch", UseCase::AlarmList),
    place("abus", "watch", UseCase::AbuseList),
    place("signalements", "watch", UseCase::ReportList),
    place("annonces", "watch", UseCase::AnnouncementList),
    place("traces", "watch", UseCase::TraceList),
    place("journal", "watch", UseCase::TraceProve),
    place("lecteurs", "watch", UseCase::AccessList),
    place("limites", "rules", UseCase::PolicyShow),
    place("conservation", "rules", UseCase::RetentionShow),
    place("gels", "rules", UseCase::HoldList),
    place("references", "rules", UseCase::ReferenceShow),
    place("sante", "machine", UseCase::HealthShow),
    place("noeuds", "machine", UseCase::NodeList),
    place("taches", "machine", UseCase::JobList),
];
/// The groups of the menu, in their order.
const GROUPS: [&str; 5] = ["people", "mail", "watch", "rules", "machine"];

/// A page of the menu, as it is shown.
pub(crate) struct Entry {
    pub to: String,
    pub name: String,
    pub here: bool,
}

/// What stands around every page.
pub(crate) struct Frame {
    /// Groups of pages, with their heads.
    pub groups: Vec<(String, Vec<Entry>)>,
    /// The first page.
    pub home: Entry,
    /// What was just done.
    pub done: String,
}

/// Somebody who may see this page, and what is asked of it.
pub(crate) struct Ask {
    pub visitor: Visitor,
    pub actor: Actor,
    held: Vec<UseCase>,
    path: String,
    given: BTreeMap<String, String>,
    /// What came with a form.
    sent: BTreeMap<String, String>,
}

impl FromRequestParts<State> for Ask {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Response> {
        let Ok(visitor) = Visitor::from_request_parts(parts, state).await;
        let query = parts.uri.query().unwrap_or_default();
        Self::of(visitor, parts.uri.path(), query).await.map_err(|answer| *answer)
    }
}

impl Ask {
    /// Lets a visitor in, or says why not.
    pub async fn of(visitor: Visitor, path: &str, query: &str) -> Result<Self, Box<Response>> {
        let actor = match visitor.signed_in() {
            Ok(actor) => actor.clone(),
            Err(answer) => return Err(answer),
        };
        let held = match visitor.op.administers(&actor).await {
            Ok(held) => held,
            Err(refusal) => return Err(Box::new(visitor.refused(&refusal))),
        };
        let ask = Self { actor, held, path: path.to_owned(), given: given(query), sent: BTreeMap::new(), visitor };
        let missing = match ask.place() {
            Some(place) if ask.may(place.needs) => return Ok(ask),
            Some(place) => place.needs,
            None if !ask.held.is_empty() => return Ok(ask),
            None => UseCase::StructureList,
        };
        let refusal = Refusal::new(RefusalCode::RightMissing).with("name", missing.as_str());
        Err(Box::new(ask.visitor.refused(&refusal)))
    }
    /// The operator.
    pub fn op(&self) -> &Operator {
        &self.visitor.op
    }
    /// The language of the page.
    pub fn lang(&self) -> Lang {
        self.visitor.lang
    }
    /// The page's entry in the menu; none: the first page.
    pub fn place(&self) -> Option<&'static Place> {
        let name = self.path.strip_prefix("/console/")?.split('/').next()?;
        PLACES.iter().find(|place| place.name == name)
    }
    /// Do the asker's administrative roles have this somewhere?
    pub fn may(&self, case: UseCase) -> bool {
        self.held.contains(&case)
    }
    /// The path that was asked for.
    pub fn path(&self) -> &str {
        &self.path
    }
    /// A text of the console, by its key below `console`.
    pub fn t(&self, key: &str) -> String {
        self.visitor.t(&format!("console.{key}"))
    }
    /// What a stable name (`active`, `queued`) is called; itself where it has no name of its own.
    pub fn word(&self, name: &str) -> String {
        self.has(&format!("console.word.{name}")).unwrap_or_else(|| name.to_owned())
    }
    /// What helps with a field; empty where nothing does.
    pub fn help(&self, field: &str) -> String {
        self.has(&format!("console.help.{field}")).unwrap_or_default()
    }
    /// A text of the console, when it has one by this key.
    pub fn known(&self, key: &str) -> Option<String> {
        self.has(&format!("console.{key}"))
    }
    fn has(&self, key: &str) -> Option<String> {
        let found = self.visitor.t(key);
        // A key without its sentence is said as it is.
        (found != layout::set(key)).then_some(found)
    }
    /// What was given for a field of the address, or of the form that came; none: nothing.
    pub fn given(&self, name: &str) -> Option<&str> {
        let found = self.given.get(name).or_else(|| self.sent.get(name));
        found.map(|v| v.trim()).filter(|v| !v.is_empty())
    }
    /// What came with a form is given, too.
    pub fn with(mut self, form: &BTreeMap<String, String>) -> Self {
        self.sent = form.clone();
        self
    }
    /// A number that was given.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.given(name)?.parse().ok()
    }
    /// A word that was given, as the type that has it; none where it has not.
    pub fn chosen<T: serde::de::DeserializeOwned>(&self, name: &str) -> Option<T> {
        named(self.given(name)?)
    }
    /// Is a file wanted, not a page?
    pub fn file(&self) -> bool {
        self.given("format") == Some("csv")
    }
    /// How many rows are asked of a call.
    pub fn rows(&self) -> u32 {
        let whole = self.file() || self.order().1.is_some() || self.sifted().is_some();
        if whole { ROWS.1 } else { ROWS.0 }
    }
    /// What is looked for in the rows of this page, as small letters.
    pub fn sifted(&self) -> Option<String> {
        let parts = self.path.matches('/').count();
        let place = self.place().map_or("", |place| place.name);
        // A reference table's entries are found by their call, too.
        let asked = match parts {
            2 => SEARCHED.contains(&place),
            _ => place == "references",
        };
        self.given("q").filter(|_| !asked).map(str::to_lowercase)
    }
    /// This page with its filters, but for order, place in the list and form.
    pub fn at(&self) -> String {
        let mut at = self.path.clone();
        let kept = self.given.iter().filter(|(k, v)| {
            !v.is_empty() && !matches!(k.as_str(), "tri" | "apres" | "format" | "table" | "lang" | "fait")
        });
        for (i, (key, value)) in kept.enumerate() {
            let (key, value) = (utf8_percent_encode(key, SEGMENT), utf8_percent_encode(value, SEGMENT));
            at.push_str(&format!("{}{key}={value}", if i == 0 { '?' } else { '&' }));
        }
        at
    }
    /// Where the rows after `cursor` are.
    pub fn after(&self, cursor: &str) -> String {
        let at = self.at();
        let join = if at.contains('?') { '&' } else { '?' };
        let order = self.order().1.map(|order| format!("&tri={}", utf8_percent_encode(order, SEGMENT)));
        let order = order.unwrap_or_default();
        self.visitor.to(&format!("{at}{join}apres={}{order}", utf8_percent_encode(cursor, SEGMENT)))
    }
    /// The sheet of something.
    pub fn sheet(&self, place: &str, id: &str) -> String {
        self.visitor.to(&sheet(place, id))
    }
    /// After which row this table of a page goes on; the others begin at their first.
    pub fn begins_after(&self, table: &str, first: bool) -> Option<&str> {
        let of = self.given("table").map_or(first, |of| of == table);
        self.given("apres").filter(|_| of)
    }
    /// Where the rows after these are, of a table that is not the page's first.
    pub fn on(&self, table: &str, next: Option<String>) -> Option<String> {
        next.map(|to| format!("{to}&table={table}"))
    }
    /// What was asked of a table beside its filters.
    pub fn order(&self) -> (Option<&str>, Option<&str>) {
        (self.given("table"), self.given("tri"))
    }
    /// The frame of a page.
    pub fn shell(&self) -> Shell {
        self.visitor.shell(&self.at())
    }
    /// Menu and what was just done.
    pub fn frame(&self) -> Frame {
        let here = self.place().map(|place| place.name);
        let entry = |place: &Place| Entry {
            to: self.visitor.to(&format!("/console/{}", place.name)),
            name: self.t(&format!("place.{}", place.name)),
            here: here == Some(place.name),
        };
        let of = |group: &str| {
            let entries = PLACES.iter().filter(|place| place.group == group && self.may(place.needs)).map(entry);
            (self.t(&format!("group.{group}")), entries.collect::<Vec<_>>())
        };
        let home = Entry { to: self.visitor.to("/console"), name: self.t("place.home"), here: here.is_none() };
        // Only what the console itself says is ever shown.
        let done = self.given("fait").and_then(crate::act::find_key).map(|key| self.t(&format!("act.{key}.done")));
        Frame {
            groups: GROUPS.into_iter().map(of).filter(|(_, entries)| !entries.is_empty()).collect(),
            home,
            done: done.unwrap_or_default(),
        }
    }
    /// A page; the file of one of its tables; or the piece that holds its table.
    pub fn answer(&self, page: &impl askama::Template, tables: &[&Table]) -> Response {
        let wanted = tables.iter().find(|table| self.order().0.is_none_or(|id| id == table.id));
        match wanted.or(tables.first()) {
            Some(table) if self.file() => match &table.next {
                Some(next) => unfinished(table, &format!("{} {next}&format=csv", self.t("csv_more"))).csv(),
                None => table.csv(),
            },
            Some(table) => {
                let piece = Piece { shell: self.shell(), table: (*table).clone() };
                part::answer(&self.visitor, &Asked(self.visitor.part), page, &[(PartName::Table, &piece)])
            }
            None => self.visitor.screen(StatusCode::OK, page),
        }
    }
    /// The table in the order that was asked for.
    pub fn ordered(&self, table: Table) -> Table {
        finish(self, table)
    }
    /// Why not.
    pub fn refused(&self, refusal: &Refusal) -> Response {
        self.visitor.refused(refusal)
    }
}

/// A table alone.
#[derive(askama::Template)]
#[template(path = "table.html")]
struct Piece {
    shell: Shell,
    table: Table,
}

/// The sheet of something, without its language.
pub(crate) fn sheet(place: &str, id: &str) -> String {
    format!("/console/{place}/{}", utf8_percent_encode(id, SEGMENT))
}

/// A stable name as the type that has it.
pub(crate) fn named<T: serde::de::DeserializeOwned>(name: &str) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(name.to_owned())).ok()
}

/// The stable name of a word of ours.
pub(crate) fn name_of(word: &impl serde::Serialize) -> String {
    serde_json::to_value(word).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The first instant of a day of metropolitan France (`2026-03-03`).
pub(crate) fn midnight(day: &str) -> Option<Timestamp> {
    let day: jiff::civil::Date = day.parse().ok()?;
    let place = sceau_domain::calendar::Territory::Metropole.clock();
    Some(Timestamp(day.to_zoned(place).ok()?.timestamp().as_millisecond()))
}

/// The first instant after a day of metropolitan France.
pub(crate) fn day_over(day: &str) -> Option<Timestamp> {
    let day: jiff::civil::Date = day.parse().ok()?;
    midnight(&day.tomorrow().ok()?.to_string())
}

/// The day of an instant, by the clock of metropolitan France.
pub(crate) fn day_of(at: Timestamp) -> String {
    let place = sceau_domain::calendar::Territory::Metropole.clock();
    let at = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
    at.to_zoned(place).date().to_string()
}

/// The last day before an instant: what [`day_over`] was made of.
pub(crate) fn last_day(until: Timestamp) -> String {
    day_of(Timestamp(until.0.saturating_sub(1)))
}

/// The fields of a query; of one that is there twice, the last.
fn given(query: &str) -> BTreeMap<String, String> {
    let plain = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8().map(|t| t.into_owned()).unwrap_or_default()
    };
    let pairs = query.get(..LONGEST.min(query.len())).unwrap_or_default().split('&').filter(|p| !p.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(k, v)| (plain(k), plain(v))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_as_it_was_meant() {
        let read = given("q=a%20b+c&etat=&etat=x&vide&q%C3%A9=%26");
        assert_eq!(read["q"], "a b c");
        assert_eq!(read["etat"], "x");
        assert_eq!((read["vide"].as_str(), read["qé"].as_str()), ("", "&"));
    }

    #[test]
    fn every_group_has_its_pages_and_names_are_told_apart() {
        let mut names: Vec<_> = PLACES.iter().map(|p| p.name).collect();
        assert!(PLACES.iter().all(|p| GROUPS.contains(&p.group)));
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn a_day_begins_at_midnight_in_paris() {
        assert_eq!(midnight("2026-12-01"), Some(Timestamp(1_796_079_600_000)));
        assert_eq!(midnight("hier"), None);
        // The night in which clocks change is an hour shorter.
        for day in ["2026-12-01", "2026-03-29", "2026-12-31"] {
            assert_eq!(last_day(day_over(day).unwrap()), day);
            assert_eq!(day_of(midnight(day).unwrap()), day);
        }
        assert_eq!(day_over("2026-03-29").unwrap().0 - midnight("2026-03-29").unwrap().0, 23 * 3_600_000);
    }

    #[test]
    fn an_id_stays_one_segment() {
        assert_eq!(sheet("bal", "a/b?c#d@x.fr"), "/console/bal/a%2Fb%3Fc%23d@x.fr");
    }
}
