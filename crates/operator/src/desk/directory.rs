//! The operator's own directory while one writes (F242): those whose BAL publishes it, found by words of name, profession, place and address.
//!
//! Promises: what is found by words in memory is read again before it is shown, as the directory publishes it then ([`publication`]): who went on the liste
//! rouge, or closed, is not shown, whatever this node still remembers. What is remembered is words and ids, made anew when it is old; whoever asks meanwhile
//! is answered by what there is.
use crate::accounts::people::PROFESSIONS;
use crate::accounts::publication::{self, PublicationView};
use crate::accounts::structures::views::Postal;
use crate::boxed;
use crate::refuse::{self, Fail};
use crate::{Actor, Operator};
use sceau_domain::publication::withheld;
use sceau_domain::text::to_ascii;
use sceau_domain::{BalKind, DomainKind, Refusal, Timestamp, UseCase};
use sceau_store::accounts::{self, Bal, Person};
use sceau_store::desk::directory as rows;
use sceau_store::{Id, StoreError, Tx, access, bals, structures};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How long what is remembered is believed, milliseconds.
const OLD: i64 = 600_000;
/// BALs read in one transaction.
const PAGE: i64 = 1_000;
/// Words of what is typed that count.
const WORDS: usize = 6;
/// Fewest characters that are looked for.
const LEAST: usize = 2;
/// Correspondents among what is suggested.
const CORRESPONDENTS: usize = 5;
/// What stands for the person in an entry.
const ROLES: [&str; 2] = ["holder", "responsible"];

/// From where somebody is suggested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// This BAL wrote there before.
    Correspondent,
    /// Of the structure of this BAL.
    Colleague,
    /// Of the operator's directory.
    Directory,
}

/// Somebody to write to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggested {
    /// Name; of a BAL of several people, its own. May be empty.
    pub name: String,
    /// Address.
    pub address: String,
    /// Profession and speciality, or service, as the directory publishes them.
    pub what: String,
    /// Structure and town, likewise.
    pub place: String,
    /// Wants no paper (F093).
    pub paperless: bool,
    /// From where.
    pub source: Source,
}

/// What the directory says of somebody to whom a BAL wrote.
enum Said {
    /// On the liste rouge: suggested to nobody (F091).
    Hidden,
    /// Nothing: of another operator, or not published.
    Nothing,
    /// This.
    Listed(Suggested),
}

/// What a node remembers of the directory.
#[derive(Debug, Default)]
pub(crate) struct State {
    index: Mutex<Option<Arc<Index>>>,
    /// Held by whoever reads it anew.
    reads: tokio::sync::Mutex<()>,
}

/// Words of every entry, in the order of names.
#[derive(Debug)]
struct Index {
    at: i64,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    bal: Id,
    structure: Option<Id>,
    /// Words of the name.
    name: String,
    /// Words of all of it.
    all: String,
}

/// Texts as words: lower case, without accents, a space before each.
fn words(texts: &[&str]) -> String {
    let mut out = String::new();
    for text in texts {
        let plain = to_ascii(text).to_lowercase();
        for word in plain.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
            out.push(' ');
            out.push_str(word);
        }
    }
    out
}

/// The words of what is typed; none where it is too little to look for.
pub(super) fn typed(text: &str) -> Vec<String> {
    let all: Vec<String> = words(&[text]).split_ascii_whitespace().take(WORDS).map(|w| format!(" {w}")).collect();
    // A space stands before each.
    if all.iter().map(|w| w.len() - 1).sum::<usize>() < LEAST { Vec::new() } else { all }
}

/// Does each of the words begin one of the texts'?
pub(super) fn matches(wanted: &[String], texts: &[&str]) -> bool {
    let all = words(texts);
    !wanted.is_empty() && wanted.iter().all(|w| all.contains(w.as_str()))
}

impl Index {
    /// BALs whose entries hold these words: those of a structure first, then those named so.
    fn find(&self, wanted: &[String], own: Option<Id>, most: usize) -> Vec<Id> {
        let holds = |text: &str| wanted.iter().all(|w| text.contains(w.as_str()));
        let found = self.entries.iter().enumerate().filter(|(_, e)| holds(&e.all));
        let mut found: Vec<(bool, bool, usize)> =
            found.map(|(at, e)| (own.is_none() || e.structure != own, !holds(&e.name), at)).collect();
        found.sort_unstable();
        found.into_iter().take(most).map(|(_, _, at)| self.entries[at].bal).collect()
    }
}

impl Operator {
    /// Who is meant by what somebody typed: those to whom the BAL wrote, colleagues, the directory; each once, at most `most`. Empty for less than two
    /// letters. Leaves no trace: nothing of anybody is read but what is published. `right.missing`.
    #[boxed]
    pub async fn complete(&self, actor: &Actor, text: &str, most: usize) -> Result<Vec<Suggested>, Refusal> {
        let seat = self.seat(actor)?.sending();
        self.require(actor, UseCase::DirectorySearch, crate::rights::On::Anywhere).await?;
        let wanted = typed(text);
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let known = self.correspondents(seat, &wanted, most.min(CORRESPONDENTS)).await?;
        let index = self.directory().await?;
        let (bal, keys) = (seat.bal, known.iter().map(|k| self.key_of(&k.address).ok()).collect::<Vec<_>>());
        let now = self.now();
        let find = move |tx: &mut dyn Tx| -> Result<(Vec<Said>, Vec<Suggested>), Fail> {
            seat.check(tx)?;
            let own = accounts::bal_by_id(tx, bal)?.and_then(|b| b.structure_id);
            let mut of_known = Vec::with_capacity(keys.len());
            for key in &keys {
                let found = match key {
                    Some(key) => accounts::bal_by_address(tx, key)?,
                    None => None,
                };
                of_known.push(match found {
                    Some(found) if found.red_list == Some(true) => Said::Hidden,
                    Some(found) => listed(tx, found, own, now)?.map_or(Said::Nothing, Said::Listed),
                    None => Said::Nothing,
                });
            }
            let ids = index.find(&wanted, own, most);
            let mut rows: HashMap<Id, Bal> = bals::by_ids(tx, &ids)?.into_iter().map(|b| (b.id, b)).collect();
            let mut others = Vec::with_capacity(ids.len());
            for row in ids.iter().filter_map(|id| rows.remove(id)) {
                others.extend(listed(tx, row, own, now)?);
            }
            Ok((of_known, others))
        };
        let (of_known, others) = self.0.store.read(find).await?;
        let mut out: Vec<Suggested> = Vec::new();
        for (one, said) in known.into_iter().zip(of_known) {
            let found = match said {
                Said::Hidden => continue,
                Said::Listed(found) => Suggested { source: Source::Correspondent, ..found },
                Said::Nothing => Suggested {
                    name: String::new(),
                    address: one.address,
                    what: String::new(),
                    place: String::new(),
                    paperless: false,
                    source: Source::Correspondent,
                },
            };
            // The name under which one wrote, where the directory knows none.
            out.push(if found.name.is_empty() { Suggested { name: one.name, ..found } } else { found });
        }
        for one in others {
            if out.iter().all(|known| !known.address.eq_ignore_ascii_case(&one.address)) {
                out.push(one);
            }
        }
        out.truncate(most);
        Ok(out)
    }

    /// The words of the directory: as remembered, or read.
    async fn directory(&self) -> Result<Arc<Index>, Refusal> {
        let state = &self.0.directory;
        // An index is whole, or not there.
        let known = || state.index.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let now = self.now().0;
        let fresh = |index: &Arc<Index>| (0..OLD).contains(&(now - index.at));
        let (_reads, old) = match known() {
            Some(index) if fresh(&index) => return Ok(index),
            Some(old) => match state.reads.try_lock() {
                Ok(reads) => (reads, Some(old)),
                Err(_) => return Ok(old),
            },
            None => {
                let reads = state.reads.lock().await;
                match known() {
                    Some(index) => return Ok(index),
                    None => (reads, None),
                }
            }
        };
        match self.read_directory(now).await {
            Ok(index) => {
                let index = Arc::new(index);
                *state.index.lock().unwrap_or_else(PoisonError::into_inner) = Some(index.clone());
                Ok(index)
            }
            Err(refusal) => old.ok_or(refusal),
        }
    }

    async fn read_directory(&self, at: i64) -> Result<Index, Refusal> {
        let (mut entries, mut after, mut labels) = (Vec::new(), 0, HashMap::new());
        loop {
            let known = labels.clone();
            let read = self.0.store.read(move |tx| page(tx, after, known.clone())).await;
            let (last, some, more) = read.map_err(|e: StoreError| refuse::store(&e))?;
            entries.extend(some);
            labels = more;
            match last {
                Some(last) => after = last,
                None => break,
            }
        }
        entries.sort_by(|a: &Entry, b| a.name.cmp(&b.name));
        Ok(Index { at, entries })
    }
}

/// What a code of a reference table is called.
type Labels = HashMap<String, String>;

/// Entries of a page of BALs, the last BAL that was looked at (none: there are no more), and the professions known by then.
fn page(tx: &mut dyn Tx, after: Id, mut labels: Labels) -> Result<(Option<Id>, Vec<Entry>, Labels), StoreError> {
    let found = rows::open_bals(tx, after, PAGE)?;
    let last = found.last().map(|b| b.id);
    let domains: HashMap<Id, String> = accounts::domains(tx)?.into_iter().map(|d| (d.id, d.kind)).collect();
    let shown = |b: &Bal| {
        let kinds =
            b.kind.parse::<BalKind>().ok().zip(domains.get(&b.domain_id).and_then(|d| d.parse::<DomainKind>().ok()));
        kinds.is_some_and(|kinds| withheld(kinds, (b.test, b.reachable), true, b.red_list).is_none())
    };
    let found: Vec<Bal> = found.into_iter().filter(shown).collect();
    let ids: Vec<Id> = found.iter().map(|b| b.id).collect();
    let held = access::of_bals(tx, &ids)?.into_iter().filter(|a| a.role == ROLES[0]);
    let holders: HashMap<Id, Id> = held.map(|a| (a.bal_id, a.person_id)).collect();
    let people: Vec<Id> = holders.values().copied().collect();
    let people: HashMap<Id, Person> = accounts::people_by_ids(tx, &people)?.into_iter().map(|p| (p.id, p)).collect();
    let places: Vec<Id> = found.iter().filter_map(|b| b.structure_id).collect();
    let places = structures::by_ids(tx, &places)?;
    let mut entries = Vec::with_capacity(found.len());
    for b in &found {
        let holder = holders.get(&b.id).and_then(|id| people.get(id));
        let profession = match holder.and_then(|p| p.profession.as_ref()) {
            Some(code) => match labels.get(code) {
                Some(label) => label.clone(),
                None => {
                    let label = structures::reference_label(tx, PROFESSIONS, code)?.unwrap_or_default();
                    labels.insert(code.clone(), label.clone());
                    label
                }
            },
            None => String::new(),
        };
        let place = b.structure_id.and_then(|id| places.get(&id));
        let town = place.map(|s| town(&s.address)).unwrap_or_default();
        let name = match holder {
            Some(p) => words(&[&p.name, text(p.given_name.as_ref()), text(p.family_name.as_ref())]),
            None => words(&[&b.label]),
        };
        let place = place.map(|s| s.name.as_str()).unwrap_or_default();
        let all = [name.as_str(), &words(&[&profession, &b.service, place, &town, &b.address])].concat();
        entries.push(Entry { bal: b.id, structure: b.structure_id, name, all });
    }
    Ok((last, entries, labels))
}

fn text(value: Option<&String>) -> &str {
    value.map(String::as_str).unwrap_or_default()
}

/// The town of a structure's address; empty where it has none.
fn town(address: &str) -> String {
    serde_json::from_str::<Postal>(address).map(|postal| postal.town).unwrap_or_default()
}

/// A BAL as the directory publishes it now; none where it does not.
fn listed(tx: &mut dyn Tx, bal: Bal, own: Option<Id>, now: Timestamp) -> Result<Option<Suggested>, StoreError> {
    let held = access::of_bal(tx, bal.id)?;
    let person = ROLES.iter().find_map(|role| held.iter().find(|a| a.role == *role)).map(|a| a.person_id);
    let person = match person {
        Some(id) => accounts::person_by_id(tx, id)?,
        None => None,
    };
    let place = match bal.structure_id {
        Some(id) => structures::by_id(tx, id)?,
        None => None,
    };
    let source = if own.is_some() && bal.structure_id == own { Source::Colleague } else { Source::Directory };
    let published = publication::one(tx, person.as_ref(), bal, false, now)?;
    Ok(suggested(&published, place.map(|s| town(&s.address)).unwrap_or_default(), source))
}

/// What is published, as it is suggested; none where nothing is.
fn suggested(published: &PublicationView, town: String, source: Source) -> Option<Suggested> {
    let field = |name: &str| published.fields.iter().find(|f| f.name == name && f.operator)?.value.clone();
    let joined =
        |names: &[&str], between: &str| names.iter().filter_map(|name| field(name)).collect::<Vec<_>>().join(between);
    let address = field("address")?;
    let name = match joined(&["given_name", "family_name"], " ") {
        name if name.is_empty() => field("label").unwrap_or_default(),
        name => name,
    };
    let structure = field("structure");
    let town = Some(town).filter(|town| !town.is_empty() && structure.is_some());
    let place = structure.into_iter().chain(town).collect::<Vec<_>>().join(", ");
    let what = joined(&["profession", "speciality", "service"], ", ");
    Some(Suggested { name, address, what, place, paperless: field("paperless").as_deref() == Some("yes"), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(entries: &[(Id, Option<Id>, &str, &str)]) -> Index {
        let one = |(bal, structure, name, more): &(Id, Option<Id>, &str, &str)| {
            let name = words(&[name]);
            Entry { bal: *bal, structure: *structure, all: format!("{name}{}", words(&[more])), name }
        };
        Index { at: 0, entries: entries.iter().map(one).collect() }
    }

    #[test]
    fn words_are_found_by_how_they_begin() {
        assert_eq!(words(&["Dr Hélène LE-GOFF", "h.legoff@chu.fr"]), " dr helene le goff h legoff chu fr");
        assert_eq!((typed("é"), typed(" !! "), typed("hé").len()), (Vec::new(), Vec::new(), 1));
        assert!(matches(&typed("goff hél"), &["Hélène Le Goff"]));
        assert!(!matches(&typed("off"), &["Hélène Le Goff"]) && !matches(&[], &["Hélène"]));
        assert_eq!(typed("a b c d e f g h").len(), WORDS);
    }

    #[test]
    fn colleagues_come_first_then_those_named_so() {
        let all = [
            (1, Some(7), "Anne Petit", "cardiologie martin"),
            (2, Some(8), "Luc Martin", "dentiste"),
            (3, Some(9), "Zoé Martin", "chu"),
            (4, None, "Paul Durand", "chu"),
        ];
        let index = index(&all);
        assert_eq!(index.find(&typed("mart"), Some(9), 9), [3, 2, 1]);
        assert_eq!(index.find(&typed("mart"), None, 2), [2, 3]);
        assert_eq!(index.find(&typed("chu zo"), None, 9), [3]);
    }
}
