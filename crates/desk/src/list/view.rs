//! What a list shows, as its address says it: `?filtre=&vue=&ordre=&avant=&fait=`. What an address says that means nothing is as if it were not there.
use axum::extract::Query;
use axum::http::Uri;
use sceau_operator::desk::choices::Choices;
use sceau_operator::desk::list::{Cursor, Filter};
use serde::Deserialize;

/// What stands behind a list's address.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    filtre: String,
    vue: String,
    ordre: String,
    avant: String,
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

/// The page of a folder.
pub(super) fn place(bal: &str, folder: &str) -> String {
    format!("/bal/{bal}/dossier/{folder}")
}

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    pub filter: Filter,
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
        Shown {
            filter: filter.unwrap_or_default(),
            threads: one_of(&self.vue, "fils", "messages", choices.threads),
            oldest_first: one_of(&self.ordre, "ancien", "recent", choices.oldest_first),
            from: cursor(&self.avant),
        }
    }
}

impl Shown {
    /// The address of this at a page.
    pub fn at(&self, page: &str) -> String {
        let word = FILTERS.iter().find(|(filter, ..)| *filter == self.filter).map_or("", |(_, word, _)| *word);
        let view = if self.threads { "fils" } else { "messages" };
        let order = if self.oldest_first { "ancien" } else { "recent" };
        let filter = if word.is_empty() { String::new() } else { format!("filtre={word}&") };
        let from = self.from.map(|c| format!("&avant={}.{}", c.date, c.uid)).unwrap_or_default();
        format!("{page}?{filter}vue={view}&ordre={order}{from}")
    }
    /// The same from its beginning.
    pub fn first(self) -> Self {
        Self { from: None, ..self }
    }
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
            for (threads, oldest_first, from) in
                [(true, false, None), (false, true, Some(Cursor { date: 1_700_000_000_000, uid: 7 }))]
            {
                let shown = Shown { filter, threads, oldest_first, from };
                let at: Uri = shown.at("/bal/B1/dossier/F1").parse().unwrap();
                assert_eq!(Asked::of(&at).shown(&choices), shown, "{at}");
            }
        }
    }

    #[test]
    fn what_means_nothing_is_not_there() {
        let choices = Choices { oldest_first: true, threads: false, ..Choices::default() };
        for said in ["", "filtre=x&vue=y&ordre=z&avant=a.b", "avant=1", "avant=.1", "filtre=a&filtre=b", "%"] {
            let at: Uri = format!("/bal/B1?{said}").parse().unwrap();
            let shown = Asked::of(&at).shown(&choices);
            assert_eq!(shown, Shown { filter: Filter::All, threads: false, oldest_first: true, from: None }, "{said}");
        }
    }
}
