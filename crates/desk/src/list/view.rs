//! What a list shows, as its address says it: `?filtre=&vue=&ordre=&avant=&fait=`. What an address says that means nothing is as if it were not there.
use axum::extract::Query;
use axum::http::Uri;
use jiff::ToSpan;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sceau_domain::Timestamp;
use sceau_domain::calendar::Territory;
use sceau_operator::desk::choices::Choices;
use sceau_operator::desk::list::{Cursor, Filter};
use serde::Deserialize;

/// What stands behind a list's address.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    filtre: String,
    /// A label's keyword.
    etiquette: String,
    vue: String,
    ordre: String,
    avant: String,
    /// A month to begin at, `AAAA-MM`.
    au: String,
    /// An act that was just done: what names it.
    pub fait: String,
    /// Why nothing was done.
    pub dit: String,
}

/// Each filter with its word in an address and the key of its name.
pub(super) const FILTERS: [(Filter, &str, &str); 6] = [
    (Filter::All, "", "list.filter.all"),
    (Filter::Unread, "non-lus", "list.filter.unread"),
    (Filter::Flagged, "suivis", "list.filter.flagged"),
    (Filter::Attached, "pieces", "list.filter.attached"),
    (Filter::Patient, "patient", "list.filter.patient"),
    (Filter::Mine, "miens", "list.filter.mine"),
];

/// What is written otherwise in a field of an address.
const FIELD: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// Most months that one can go to from a list.
const MONTHS: usize = 240;

/// The page of a folder.
pub(super) fn place(bal: &str, folder: &str) -> String {
    format!("/bal/{bal}/dossier/{folder}")
}

/// What is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    pub filter: Filter,
    pub label: Option<String>,
    pub threads: bool,
    pub oldest_first: bool,
    pub from: Option<Cursor>,
}

impl Asked {
    /// What an address says.
    pub fn of(uri: &Uri) -> Self {
        Query::<Self>::try_from_uri(uri).map(|Query(asked)| asked).unwrap_or_default()
    }
    /// What it means, with what the person chose for what it does not say.
    pub fn shown(&self, choices: &Choices) -> Shown {
        let filter = FILTERS.iter().find(|(_, word, _)| *word == self.filtre).map(|(filter, ..)| *filter);
        let one_of = |said: &str, yes: &str, no: &str, chosen: bool| match said {
            said if said == yes => true,
            said if said == no => false,
            _ => chosen,
        };
        let shown = Shown {
            filter: filter.unwrap_or_default(),
            label: Some(self.etiquette.clone()).filter(|keyword| !keyword.is_empty()),
            threads: one_of(&self.vue, "fils", "messages", choices.threads),
            oldest_first: one_of(&self.ordre, "ancien", "recent", choices.oldest_first),
            from: None,
        };
        let from = cursor(&self.avant).or_else(|| month(&self.au, shown.oldest_first));
        Shown { from, ..shown }
    }
}

impl Shown {
    /// The address of this at a page.
    pub fn at(&self, page: &str) -> String {
        let words: Vec<String> = self.words().into_iter().map(|(name, value)| field(name, &value)).collect();
        let from = self.from.map(|c| format!("&avant={}.{}", c.date, c.uid)).unwrap_or_default();
        format!("{page}?{}{from}", words.join("&"))
    }
    /// What its address says, but for where it begins: names and values.
    pub fn words(&self) -> Vec<(&'static str, String)> {
        let word = FILTERS.iter().find(|(filter, ..)| *filter == self.filter).map_or("", |(_, word, _)| *word);
        let view = ("vue", if self.threads { "fils" } else { "messages" }.to_owned());
        let order = ("ordre", if self.oldest_first { "ancien" } else { "recent" }.to_owned());
        let filter = (!word.is_empty()).then(|| ("filtre", word.to_owned()));
        let label = self.label.clone().map(|keyword| ("etiquette", keyword));
        filter.into_iter().chain(label).chain([view, order]).collect()
    }
    /// The same from its beginning.
    pub fn first(&self) -> Self {
        Self { from: None, ..self.clone() }
    }
}

/// A field of an address.
fn field(name: &str, value: &str) -> String {
    format!("{name}={}", utf8_percent_encode(value, FIELD))
}

/// Where a month begins, for a list in such an order: by the clock of metropolitan France, as dates of lists are said.
fn month(said: &str, oldest_first: bool) -> Option<Cursor> {
    let (year, month) = said.split_once('-')?;
    let first = jiff::civil::Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()?;
    let first = if oldest_first { first } else { first.checked_add(1.month()).ok()? };
    let at = first.to_zoned(Territory::Metropole.clock()).ok()?.timestamp().as_millisecond();
    // From the newest, all that came before the next month; from the oldest, all that came since this one.
    Some(if oldest_first { Cursor { date: at - 1, uid: u32::MAX } } else { Cursor { date: at, uid: 0 } })
}

/// Months from one instant to another, newest first: word of an address, year, number. At most twenty years of them.
pub(super) fn months(from: Timestamp, to: Timestamp) -> Vec<(String, i16, i8)> {
    let date = |at: Timestamp| {
        let at = jiff::Timestamp::from_millisecond(at.0).ok()?;
        Some(at.to_zoned(Territory::Metropole.clock()).date().first_of_month())
    };
    let (Some(from), Some(mut at)) = (date(from), date(to)) else { return Vec::new() };
    let mut found = Vec::new();
    while at >= from && found.len() < MONTHS {
        found.push((format!("{:04}-{:02}", at.year(), at.month()), at.year(), at.month()));
        let Ok(before) = at.checked_sub(1.month()) else { break };
        at = before;
    }
    found
}

/// `date.uid`
fn cursor(said: &str) -> Option<Cursor> {
    let (date, uid) = said.split_once('.')?;
    Some(Cursor { date: date.parse().ok()?, uid: uid.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_is_shown_and_back() {
        let choices = Choices::default();
        for filter in FILTERS.map(|(filter, ..)| filter) {
            for (threads, oldest_first, from, label) in [
                (true, false, None, None),
                (false, true, Some(Cursor { date: 1_700_000_000_000, uid: 7 }), Some("&AOk-t&-é")),
            ] {
                let shown = Shown { filter, label: label.map(str::to_owned), threads, oldest_first, from };
                let at: Uri = shown.at("/bal/B1/dossier/F1").parse().unwrap();
                assert_eq!(Asked::of(&at).shown(&choices), shown, "{at}");
            }
        }
    }

    #[test]
    fn a_month_begins_where_its_days_do() {
        let choices = Choices::default();
        let from = |said: &str| Asked::of(&said.parse().unwrap()).shown(&choices).from;
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        // By the clock of Paris, which is two hours ahead at the end of March and one at the end of December.
        assert_eq!(from("/l?au=2026-03"), Some(Cursor { date: at("2026-03-31T22:00:00Z"), uid: 0 }));
        assert_eq!(from("/l?au=2025-12"), Some(Cursor { date: at("2025-12-31T23:00:00Z"), uid: 0 }));
        let oldest = Some(Cursor { date: at("2026-02-28T23:00:00Z") - 1, uid: u32::MAX });
        assert_eq!(from("/l?au=2026-03&ordre=ancien"), oldest);
        assert_eq!(from("/l?au=2026-03&avant=5.6"), Some(Cursor { date: 5, uid: 6 }), "further on");
        for said in ["2026", "2026-13", "2026-0", "99999-01", "-", "a-b"] {
            assert_eq!(from(&format!("/l?au={said}")), None, "{said}");
        }
        let span = (Timestamp(at("2025-11-30T23:30:00Z")), Timestamp(at("2026-02-10T08:00:00Z")));
        let words: Vec<String> = months(span.0, span.1).into_iter().map(|(word, ..)| word).collect();
        assert_eq!(words, ["2026-02", "2026-01", "2025-12"]);
        assert!(months(span.1, span.0).is_empty());
        assert_eq!(months(Timestamp(0), Timestamp(at("2026-01-01T00:00:00Z"))).len(), MONTHS);
    }

    #[test]
    fn what_means_nothing_is_not_there() {
        let choices = Choices { oldest_first: true, threads: false, ..Choices::default() };
        for said in ["", "filtre=x&vue=y&ordre=z&avant=a.b", "avant=1", "avant=.1", "filtre=a&filtre=b", "%"] {
            let at: Uri = format!("/bal/B1?{said}").parse().unwrap();
            let shown = Asked::of(&at).shown(&choices);
            assert_eq!(
                shown,
                Shown { filter: Filter::All, label: None, threads: false, oldest_first: true, from: None },
                "{said}"
            );
        }
    }
}
