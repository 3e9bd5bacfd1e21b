//! Is the name on a card the name of the person who is said to have its number? A structure's administrator may have typed somebody else's number:
//! numbers of professionals are public, so that a number alone proves nothing about a row.
use sceau_domain::csv::folded;

/// Words that are part of many family names and say nothing alone.
const PARTICLES: [&str; 18] = [
    "d", "de", "du", "des", "la", "le", "les", "l", "van", "von", "der", "den", "da", "dos", "ben", "el", "al",
    "epouse",
];

/// Do the names on a card (or in claims), those of a person's row, and those of the register agree? `card` and `row`: family name, given names;
/// `register`: its label, family name first, when the register knows the number.
///
/// Compared without case, accents, hyphens and apostrophes. The first given name is enough. One family name may be part of the other, at its
/// beginning or its end: a card may show the name of birth, the name of use, or both.
pub fn same_person(card: (&str, &str), row: (&str, &str), register: Option<&str>) -> bool {
    let (card, row) = ((words(card.0), words(card.1)), (words(row.0), words(row.1)));
    let agrees = families(&card.0, &row.0) && given(&card.1, &row.1);
    agrees && register.is_none_or(|label| labelled(&card, &words(label)))
}

/// Words of a name; letters that are two for some writers are two.
fn words(name: &str) -> Vec<String> {
    let folded =
        folded(name).replace('œ', "oe").replace('æ', "ae").replace('ß', "ss").replace('ø', "o").replace('ł', "l");
    folded.split(' ').filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

/// One is the other, its beginning or its end, and more than particles.
fn families(a: &[String], b: &[String]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let says = short.iter().any(|w| w.chars().count() > 1 && !PARTICLES.contains(&w.as_str()));
    // A name that consists of what is elsewhere a particle is still a name, if both have it all.
    (says && (long.starts_with(short) || long.ends_with(short))) || (!short.is_empty() && short == long)
}

/// The first given names are the same.
fn given(a: &[String], b: &[String]) -> bool {
    a.first().is_some_and(|first| b.first() == Some(first))
}

/// A label is a family name and given names, nobody says where the one ends.
fn labelled(card: &(Vec<String>, Vec<String>), label: &[String]) -> bool {
    (1..label.len()).any(|at| families(&card.0, &label[..at]) && given(&card.1, &label[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn same(card: (&str, &str), row: (&str, &str)) -> bool {
        assert_eq!(same_person(card, row, None), same_person(row, card, None));
        same_person(card, row, None)
    }

    #[test]
    fn one_name_written_in_many_ways() {
        for (card, row) in [
            (("PETIT", "ZOE"), ("Petit", "Zoé")),
            (("LE GOFF", "JEAN PIERRE MARIE"), ("Le Goff", "Jean-Pierre")),
            (("D ARTAGNAN", "CHARLES"), ("d’Artagnan", "Charles")),
            (("LEFEBVRE-DUPONT", "ANNE"), ("Lefebvre Dupont", "Anne")),
            (("BOEUF", "MARIE"), ("Bœuf", "Marie")),
            (("MULLER", "JURGEN"), ("Müller", "Jürgen")),
            // Name of birth, of use, both.
            (("DUPONT MARTIN", "ANNE"), ("Martin", "Anne")),
            (("DUPONT", "ANNE"), ("Dupont Martin", "Anne")),
            (("DE LA TOUR", "HUGO"), ("La Tour", "Hugo")),
            (("DE", "LI"), ("De", "Li")),
        ] {
            assert!(same(card, row), "{card:?} {row:?}");
        }
    }

    #[test]
    fn other_people_are_other_people() {
        for (card, row) in [
            (("PETIT", "ZOE"), ("Petit", "Marie")),
            (("PETIT", "ZOE"), ("Grand", "Zoé")),
            (("PETITJEAN", "ZOE"), ("Petit", "Zoé")),
            (("PETIT", "MARIE ZOE"), ("Petit", "Zoé")),
            (("DE LA TOUR", "HUGO"), ("De", "Hugo")),
            (("DE LA TOUR", "HUGO"), ("De La", "Hugo")),
            (("DUPONT X MARTIN", "ANNE"), ("X", "Anne")),
            (("LEROY DUPONT MARTIN", "ANNE"), ("Dupont", "Anne")),
            (("ZOE", "PETIT"), ("Petit", "Zoé")),
            // Cyrillic letters that look Latin.
            (("РЕТIТ", "ZOE"), ("Petit", "Zoé")),
            (("", "ZOE"), ("", "Zoé")),
            (("PETIT", ""), ("Petit", "")),
            (("-", "ZOE"), ("'", "Zoé")),
        ] {
            assert!(!same(card, row), "{card:?} {row:?}");
        }
    }

    #[test]
    fn the_register_has_its_word() {
        let card = ("DUPONT MARTIN", "ANNE LISE");
        let with = |label: &str| same_person(card, ("Martin", "Anne"), Some(label));
        for good in ["MARTIN Anne", "DUPONT MARTIN Anne", "DUPONT-MARTIN Anne-Lise", "DUPONT Anne Lise"] {
            assert!(with(good), "{good}");
        }
        for bad in ["", "MARTIN", "Anne", "MARTIN Marie", "LEROY Anne", "Anne MARTIN", "MARTIN Lise"] {
            assert!(!with(bad), "{bad}");
        }
        // The register alone does not make two names one.
        assert!(!same_person(card, ("Leroy", "Anne"), Some("MARTIN Anne")));
    }

    proptest! {
        #[test]
        fn everybody_is_himself(family in "[A-Za-zéèç]{2,12}", given in "[A-Za-zéèç]{1,12}") {
            let label = format!("{family} {given}");
            prop_assert!(same_person((&family, &given), (&family.to_uppercase(), &given.to_lowercase()), Some(&label)));
        }
        #[test]
        fn nothing_panics(a in "\\PC{0,20}", b in "\\PC{0,20}", c in "\\PC{0,20}") {
            let _ = same_person((&a, &b), (&b, &c), Some(&c));
        }
    }
}
