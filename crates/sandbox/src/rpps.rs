//! A played national register of professionals (RPPS): those of the world, and some thousands more, all invented. Check digits are right, numbers begin as
//! no test's own do.
use crate::psc::people::professionals;
use crate::world::World;
use crate::{SandboxError, write_private};
use sceau_domain::identifier::{Finess, Rpps};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Professionals in it.
const PEOPLE: usize = 5_000;
/// Somebody whom no operator knows, and who is in no register.
const STRANGER: &str = "ines.nouvelle";
/// Places where they work.
const SITES: usize = 400;

#[rustfmt::skip]
const FAMILIES: [&str; 40] = [
    "ABADIE", "AUBRY", "BARBIER", "BLANCHARD", "BOUCHET", "CARPENTIER", "CHARRIER", "COLLET", "DA SILVA", "DELMAS", "DUMAS", "ÉTIENNE", "FERRAND",
    "FOURNIER", "GAILLARD", "GUÉRIN", "HUMBERT", "IMBERT", "JACQUET", "KERMARREC", "LACROIX", "LE BIHAN", "LEGRAND", "MAILLARD", "MEUNIER", "MOREL",
    "N'DIAYE", "NICOLAS", "OLLIVIER", "PELLETIER", "PRÉVOST", "QUÉRÉ", "RENAUD", "ROLLAND", "SAUVAGE", "TESSIER", "URBAIN", "VASSEUR", "WEBER", "ZIMMER",
];
#[rustfmt::skip]
const GIVEN: [&str; 30] = [
    "Adèle", "Baptiste", "Céline", "Damien", "Élise", "Farid", "Gaëlle", "Henri", "Inès", "Jean-Marc", "Karim", "Lucie", "Mathieu", "Noémie", "Oscar",
    "Pauline", "Quentin", "Rose", "Samuel", "Thérèse", "Ugo", "Valérie", "William", "Xavier", "Yasmine", "Zélie", "Anne-Laure", "Benoît", "Chloé", "Denis",
];
const PROFESSIONS: [(&str, &str); 6] = [
    ("10", "Médecin"),
    ("21", "Pharmacien"),
    ("40", "Chirurgien-Dentiste"),
    ("50", "Sage-Femme"),
    ("60", "Infirmier"),
    ("70", "Masseur-Kinésithérapeute"),
];

/// Somebody in the register.
#[derive(Debug, Clone)]
pub struct Professional {
    /// RPPS.
    pub rpps: String,
    /// Family name.
    pub family: String,
    /// Given name.
    pub given: String,
    /// Code of the profession (TRE_G15).
    pub profession: &'static str,
}

/// Those whom no operator knows, in the register's order.
pub fn strangers() -> impl Iterator<Item = Professional> {
    (0..PEOPLE).filter_map(|n| {
        let rpps = with_key(&format!("10100{n:05}"), |t| t.parse::<Rpps>().is_ok())?;
        Some(Professional {
            rpps,
            family: FAMILIES[n % FAMILIES.len()].to_owned(),
            given: GIVEN[n / FAMILIES.len() % GIVEN.len()].to_owned(),
            profession: PROFESSIONS[n % PROFESSIONS.len()].0,
        })
    })
}

/// The number with its check digit.
fn with_key(stem: &str, fits: impl Fn(&str) -> bool) -> Option<String> {
    (0..10).map(|key| format!("{stem}{key}")).find(|text| fits(text))
}

/// The file, written when it is not there; in the columns of the published extraction.
pub fn write(folder: &Path, world: &World) -> Result<(), SandboxError> {
    let file = file(folder);
    if file.exists() { Ok(()) } else { write_private(&file, table(world).as_bytes()) }
}

/// Where it stands.
pub fn file(folder: &Path) -> PathBuf {
    folder.join("rpps.txt")
}

fn table(world: &World) -> String {
    let mut known: Vec<Professional> = Vec::new();
    // Whom nobody knows the register does not know either.
    for person in professionals(world).into_iter().filter(|p| p.login != STRANGER) {
        let rpps = person.national.as_deref().and_then(|id| id.strip_prefix('8')).unwrap_or_default().to_owned();
        // Somebody who shows another one's number is not in the register with it.
        if !known.iter().any(|p| p.rpps == rpps) {
            known.push(Professional {
                rpps,
                family: person.family,
                given: person.given,
                profession: person.profession,
            });
        }
    }
    let mut out = String::from(
        "Type d'identifiant PP|Identifiant PP|Identification nationale PP|Nom d'exercice|Prénom d'exercice|Code profession|Libellé profession|\
         Numéro FINESS site|Raison sociale site|Code postal (coord. structure)|Libellé commune (coord. structure)\n",
    );
    for (n, p) in known.into_iter().chain(strangers()).take(PEOPLE).enumerate() {
        let site = n % SITES;
        let finess = with_key(&format!("99{:06}", 100 + site), |t| t.parse::<Finess>().is_ok()).unwrap_or_default();
        let label = PROFESSIONS.iter().find(|(code, _)| *code == p.profession).map_or("", |(_, label)| label);
        let Professional { rpps, family, given, profession } = p;
        // A text takes what is written.
        let _ = writeln!(
            out,
            "8|{rpps}|8{rpps}|{family}|{given}|{profession}|{label}|{finess}|Maison de santé n° {} (bac à sable)|{:02}000|Exempleville",
            site + 1,
            site % 95 + 1
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn numbers_are_right_and_once_each() {
        let numbers: HashSet<String> = strangers().map(|p| p.rpps).collect();
        assert_eq!(numbers.len(), PEOPLE);
        assert!(numbers.iter().all(|n| n.parse::<Rpps>().is_ok()));
    }
}
