//! Whom one may look for: who wrote to a BAL and to whom it wrote lately, by the beginning of a name or an address.
//!
//! Promises: what is kept from somebody (F074) suggests nobody to him; what was looked at is traced as a list that was read; a question costs
//! the same whatever the BAL holds, and nothing is kept of it.
use super::list::{Filter, View, look};
use crate::boxed;
use crate::mailbox::folders::SpecialUse;
use crate::mailbox::names::INBOX;
use crate::mailbox::seal::MESSAGE_SUMMARY;
use crate::reading::Read;
use crate::refuse::Fail;
use crate::{Actor, Operator};
use sceau_domain::Refusal;
use sceau_domain::text::to_ascii;
use sceau_message::envelope::MailAddress;
use sceau_message::header::decoded;
use sceau_message::summary::Summary;
use sceau_store::desk::lists::Which;
use sceau_store::{Id, messages};
use std::collections::HashMap;

/// Newest messages of a folder that are looked at.
const LOOKED_AT: usize = 200;
/// Shortest beginning that suggests anybody, characters.
const SHORTEST: usize = 2;

/// Somebody with whom a BAL exchanged mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The name, as it was written last; may be empty.
    pub name: String,
    /// The address, in lower case.
    pub address: String,
}

/// Without case and accents.
fn folded(text: &str) -> String {
    to_ascii(text).to_lowercase()
}

impl Known {
    /// Does a word of the name, or a part of the address, begin so? `begin` is folded.
    fn begins(&self, begin: &str) -> bool {
        let name = folded(&self.name);
        let mut words = name.split(|c: char| !c.is_alphanumeric()).chain(self.address.split(['.', '-', '_', '@', '+']));
        name.starts_with(begin) || self.address.starts_with(begin) || words.any(|w| w.starts_with(begin))
    }
}

/// How often somebody was met, and who it is.
#[derive(Default)]
struct Met {
    times: usize,
    name: String,
}

impl Operator {
    /// Those of the actor's BAL's late correspondents whose name or address begins so, most frequent first; nobody for less than two characters.
    /// `right.missing`.
    #[boxed]
    pub async fn known_people(&self, actor: &Actor, begin: &str, most: usize) -> Result<Vec<Known>, Refusal> {
        let begin = folded(begin.trim());
        if begin.chars().count() < SHORTEST {
            return Ok(Vec::new());
        }
        let seat = self.seat(actor)?;
        let without = self.kept_from(actor);
        let folders = self.folders(actor).await?.into_iter().filter_map(|folder| match folder.special_use {
            Some(SpecialUse::Sent) => Some((folder.id, true)),
            Some(SpecialUse::Archive) => Some((folder.id, false)),
            _ => (folder.name == INBOX).then_some((folder.id, false)),
        });
        let folders: Vec<(Id, bool)> = folders.collect();
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            let bal = seat.check(tx)?;
            let mut outward = HashMap::new();
            for (folder, out) in &folders {
                let view = View {
                    folder: *folder,
                    filter: Filter::All,
                    label: None,
                    threads: false,
                    oldest_first: false,
                    from: None,
                    limit: LOOKED_AT,
                };
                let (rows, _) = look(tx, &view, Which::All, false, without.as_ref(), None)?;
                outward.extend(rows.iter().map(|row| (row.entry.message, *out)));
            }
            // Newest first: of messages with very long headers the older ones are left out.
            let mut ids: Vec<Id> = outward.keys().copied().collect();
            ids.sort_unstable_by(|a, b| b.cmp(a));
            let rows = messages::summaries(tx, seat.bal, &ids)?;
            ids.truncate(rows.told);
            Ok((bal, outward, ids, rows.rows))
        });
        let (bal, outward, ids, rows) = read.await?;
        let seal = self.bal_seal(seat.bal).await?;
        let own = actor.bal.as_ref().map(|bal| bal.address.to_string().to_lowercase()).unwrap_or_default();
        let (mut room, mut met) = (Vec::new(), HashMap::<String, Met>::new());
        for row in ids.iter().filter_map(|id| rows.get(id)) {
            // Of what is damaged nothing is known.
            let Ok(bytes) = seal.open_in(row.id, MESSAGE_SUMMARY, &row.summary, &mut room) else { continue };
            let Some(envelope) = Summary::envelope_of(bytes) else { continue };
            let out = outward.get(&row.id).copied().unwrap_or_default();
            let people = if out { [envelope.to, envelope.cc] } else { [envelope.from, Vec::new()] };
            for (name, address) in people.iter().flatten().filter_map(known).filter(|(_, address)| *address != own) {
                let one = met.entry(address).or_default();
                one.times += 1;
                if one.name.is_empty() {
                    one.name = name;
                }
            }
        }
        if let (Some(first), Some(last)) = (ids.last(), ids.first()) {
            self.note_reading(actor, (seat.bal, bal), Read::Listed(*first, *last, ids.len())).await?;
        }
        let known = met.into_iter().map(|(address, met)| (met.times, Known { name: met.name, address }));
        let mut known: Vec<(usize, Known)> = known.filter(|(_, one)| one.begins(&begin)).collect();
        known.sort_unstable_by(|(a, one), (b, other)| b.cmp(a).then_with(|| one.address.cmp(&other.address)));
        Ok(known.into_iter().take(most).map(|(_, one)| one).collect())
    }
}

/// Name and address of somebody; none for the markers of groups, and for what is no address.
fn known(a: &MailAddress) -> Option<(String, String)> {
    let (mailbox, host) = (a.mailbox.as_deref()?, a.host.as_deref().filter(|host| !host.is_empty())?);
    let name = a.name.as_deref().map(|name| decoded(name.as_bytes())).unwrap_or_default();
    Some((name.trim().to_owned(), format!("{mailbox}@{host}").to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_is_found_by_the_beginning_of_a_name_or_an_address() {
        let known = Known { name: "Dr Élodie Le-Goff".into(), address: "e.legoff-martin@labo.mssante.fr".into() };
        for begin in ["dr e", "elodie", "le", "go", "e.lego", "martin", "labo"] {
            assert!(known.begins(begin), "{begin}");
        }
        for begin in ["lodie", "goffe", "artin", "mssante.frr"] {
            assert!(!known.begins(begin), "{begin}");
        }
    }
}
