//! Links of a page to what is not the asker's, by its place, become words.
//!
//! Which pages and acts there are, the role says ([`Ask::may`]). Whether this person, this BAL, this structure is within the asker's place, the operator
//! says, of all links of a page in one question. It spares a click on "you may not"; the call behind each page judges again.
use crate::act;
use crate::frame::Ask;
use crate::table::ActLink;
use percent_encoding::percent_decode_str;
use sceau_domain::{Refusal, UseCase};
use sceau_operator::rights::things::{Thing, only_shows};
use sceau_web::ui::{Cell, Table};
use std::collections::BTreeSet;

/// Addresses that are not for the asker.
pub(crate) struct Closed(BTreeSet<String>);

/// What an address of the console leads to: the place, what one must be allowed to do, and on what. None: the role alone says.
fn behind(to: &str) -> Option<(&str, UseCase, Thing)> {
    let path = to.split(['?', '#']).next()?;
    let mut parts = path.strip_prefix("/console/")?.split('/');
    let (place, id) = (parts.next()?, parts.next().filter(|id| *id != "-")?);
    let id = percent_decode_str(id).decode_utf8().ok()?.into_owned();
    let (shown, thing) = match place {
        "personnes" => (UseCase::PersonList, Thing::Person(id)),
        "bal" => (UseCase::BalList, Thing::Bal(id)),
        "structures" => (UseCase::StructureList, Thing::Structure(id)),
        "regions" => (UseCase::BodyList, Thing::Body(id)),
        _ => return None,
    };
    match parts.next() {
        None => Some((place, shown, thing)),
        Some(name) => act::find(place, name).map(|act| (place, act.needs, thing)),
    }
}

impl Ask {
    /// Which of these links are closed. What the page's own place lists was found for the asker: it is open.
    pub async fn closed(&self, links: Vec<String>) -> Result<Closed, Refusal> {
        let here = self.place().map_or("", |place| place.name);
        // A file has no links.
        let links = if self.file() { Vec::new() } else { links };
        let (mut tos, mut wanted) = (Vec::new(), Vec::new());
        for to in links.into_iter().collect::<BTreeSet<String>>() {
            match behind(&to) {
                Some((place, needs, thing)) if place != here || !only_shows(needs) => wanted.push((needs, thing)),
                _ => continue,
            }
            tos.push(to);
        }
        if wanted.is_empty() {
            return Ok(Closed(BTreeSet::new()));
        }
        let open = self.op().permits(&self.actor, wanted).await?;
        Ok(Closed(tos.into_iter().zip(open).filter(|(_, open)| !open).map(|(to, _)| to).collect()))
    }
}

/// Where a cell leads.
fn leads(cell: &Cell) -> Option<&str> {
    if let Cell::Link(_, to) = cell { Some(to) } else { None }
}

/// Every link of these cells and tables.
pub(crate) fn links<'a>(cells: impl Iterator<Item = &'a Cell>, tables: &'a [Table]) -> Vec<String> {
    let rows = tables.iter().flat_map(|table| table.rows.iter().flatten());
    cells.chain(rows).filter_map(leads).map(str::to_owned).collect()
}

impl Closed {
    /// Links that are closed are words; the way to an act is left out.
    pub fn hide<'a>(&self, cells: impl Iterator<Item = &'a mut Cell>) {
        for cell in cells {
            let Cell::Link(words, to) = cell else { continue };
            if self.0.contains(to.as_str()) {
                let act = behind(to).is_some_and(|(_, needs, _)| !only_shows(needs));
                *cell = if act { Cell::None } else { Cell::Text(std::mem::take(words)) };
            }
        }
    }
    /// The same in tables.
    pub fn hide_in(&self, tables: &mut [Table]) {
        self.hide(tables.iter_mut().flat_map(|table| table.rows.iter_mut().flatten()));
    }
    /// Acts that are open.
    pub fn open(&self, acts: Vec<ActLink>) -> Vec<ActLink> {
        acts.into_iter().filter(|act| !self.0.contains(&act.to)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_it_leads_to() {
        let of = |to| behind(to).map(|(_, needs, thing)| (needs, thing));
        let anne = || Thing::Person("a/nne".into());
        assert_eq!(of("/console/personnes/a%2Fnne?lang=en"), Some((UseCase::PersonList, anne())));
        assert_eq!(of("/console/personnes/a%2Fnne/bloquer"), Some((UseCase::PersonBlock, anne())));
        for to in ["/console/personnes", "/console/personnes/-/ajouter", "/console/file/7", "/compte"] {
            assert_eq!(of(to), None, "{to}");
        }
    }
}
