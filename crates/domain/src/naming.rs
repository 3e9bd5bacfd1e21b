//! Names of BALs: which local parts may be opened, for which kind, and what to propose.
//!
//! EX_PBA_5020 and F022: the address, label and description of an `Org` or `App` BAL hold no data of a natural person; the
//! name of a structure may hold one (`cabinet-dr-martin`, `service-pr-dupont`). No rule of text can tell a person from a
//! structure for sure. What is here is a *heuristic*, on the careful side, that a caller may let a person with the right
//! override, with a reason that is traced:
//!
//! - the text is cut into words; accents, case and final numbers do not count;
//! - a word of structures (`service`, `cabinet`, `pharmacie`, `secretariat`, `cardiologie`…) makes it a structure's name,
//!   unless it begins with a first name and a family name set apart by a dot (`jean.dupont.cardiologie`);
//! - a first name beside another word (`jean-dupont`), a title without a structure (`dr-martin`), an initial and a name
//!   (`j.dupont`) are a person's; a first name after `saint` is not;
//! - in an address, two unknown words set apart by a dot are the usual form of a person's address, and refused.
//!
//! First names are a short built-in list of common ones; callers add what they know (their own users' names).
//! Nothing is asked of `Per`, `Cab` and `Med` names beyond characters and reserved names: whether EX_PBA_5020 extends to
//! `Cab` is not stated in any source that we hold (unverified). A `Usager` address is an INS (F077).
use crate::identifier::Ins;
use crate::text::to_ascii;
use crate::{Address, BalKind, Refusal, RefusalCode};
use unicode_normalization::UnicodeNormalization;

mod words;

/// Longest functional description of a BAL, in characters (MOS, class BoiteLettreMSS).
pub const MAX_DESCRIPTION: usize = 75;
/// Longest text about the people responsible, in characters (MOS); empty for `Per`.
pub const MAX_RESPONSIBLE: usize = 45;
/// Longest name and description of the service, in characters (MOS).
pub const MAX_SERVICE: usize = 90;

/// Local parts that belong to the operator on each domain: RFC 2142, what mail systems write from, the automatic answer to
/// tests that the field is used to. Nobody opens a BAL under them.
pub const RESERVED: [&str; 21] = [
    "postmaster",
    "abuse",
    "hostmaster",
    "webmaster",
    "security",
    "noc",
    "support",
    "info",
    "mailer-daemon",
    "mailerdaemon",
    "daemon",
    "root",
    "nobody",
    "admin",
    "administrator",
    "administrateur",
    "operateur",
    "noreply",
    "no-reply",
    "ne-pas-repondre",
    "reponse.automatique-test",
];

/// A letter of ASCII, with accents or without, or one of the few Latin letters that are none. Others may be taken for these.
fn is_latin(c: char) -> bool {
    matches!(c, 'æ' | 'Æ' | 'œ' | 'Œ' | 'ø' | 'Ø' | 'ß')
        || c.nfd().next().is_some_and(|base| base.is_ascii_alphabetic())
}

/// Is it the operator's, whatever separates its parts (`no_reply` is `no-reply`)?
fn is_reserved(folded: &str) -> bool {
    fn letters(s: &str) -> impl Iterator<Item = char> + '_ {
        s.chars().filter(|c| !matches!(c, '.' | '-' | '_' | '\''))
    }
    RESERVED.iter().any(|r| letters(r).eq(letters(folded)))
}

/// Checks that a BAL of `kind` may be opened at `address`. `first_names` adds to the built-in list.
///
/// # Errors
/// `naming.character`, `naming.reserved`, `naming.patient`, `naming.person`.
pub fn check_address(kind: BalKind, address: &Address, first_names: &[&str]) -> Result<(), Refusal> {
    let local = address.local();
    let refuse = |code| Err(Refusal::new(code).with("name", local));
    if kind == BalKind::Usager {
        // The number itself is not repeated.
        return match local.parse::<Ins>() {
            Ok(ins) if ins.as_str().eq_ignore_ascii_case(local) => Ok(()),
            _ => Err(RefusalCode::NamingPatient.into()),
        };
    }
    // Narrower than what an address may hold: `*` separates person and BAL in logins, `/ % !` had meanings in routes, what needs quotes cannot
    // be dictated over the telephone, and letters of other scripts look like Latin ones (a Cyrillic `а`) and are not.
    let content: String = local.nfc().collect();
    if !content.chars().all(|c| is_latin(c) || c.is_ascii_digit() || matches!(c, '.' | '-' | '_' | '\''))
        || !content.starts_with(|c| is_latin(c) || c.is_ascii_digit())
        || !content.ends_with(|c| is_latin(c) || c.is_ascii_digit())
    {
        return refuse(RefusalCode::NamingCharacter);
    }
    let folded = fold(&content);
    if is_reserved(&folded) {
        return refuse(RefusalCode::NamingReserved);
    }
    if matches!(kind, BalKind::Org | BalKind::App) && names_a_person(&folded, true, first_names) {
        return refuse(RefusalCode::NamingPerson);
    }
    Ok(())
}

/// Checks what is published about a BAL of `kind` beside its address: lengths of the MOS, empty `responsible` for `Per`, no
/// person's name in the description or the service of an `Org` or `App` BAL (F022; its responsible person stands in `responsible`).
///
/// # Errors
/// `naming.too_long`, `naming.must_be_empty`, `naming.person`.
pub fn check_publication(
    kind: BalKind,
    description: &str,
    responsible: &str,
    service: &str,
    first_names: &[&str],
) -> Result<(), Refusal> {
    for (name, text, limit) in [
        ("description", description, MAX_DESCRIPTION),
        ("responsable", responsible, MAX_RESPONSIBLE),
        ("service", service, MAX_SERVICE),
    ] {
        // Characters as they are counted after composition, whatever the keyboard sent.
        if text.nfc().take(limit + 1).count() > limit {
            return Err(Refusal::new(RefusalCode::NamingTooLong).with("name", name).with("limit", limit));
        }
    }
    if kind == BalKind::Per && !responsible.trim().is_empty() {
        return Err(Refusal::new(RefusalCode::NamingEmpty).with("name", "responsable"));
    }
    // The service describes the BAL too (EX_PBA_5020: "ne doit pas décrire"); who is responsible stands in `responsible`.
    for text in [description, service] {
        if matches!(kind, BalKind::Org | BalKind::App) && names_a_person(&fold(text), false, first_names) {
            return Err(Refusal::new(RefusalCode::NamingPerson).with("name", text));
        }
    }
    Ok(())
}

/// Checks the name shown of a BAL of `kind`: no person's in that of an `Org` or `App` (F022).
///
/// # Errors
/// `naming.person`.
pub fn check_label(kind: BalKind, label: &str, first_names: &[&str]) -> Result<(), Refusal> {
    if matches!(kind, BalKind::Org | BalKind::App) && names_a_person(&fold(label), false, first_names) {
        return Err(Refusal::new(RefusalCode::NamingPerson).with("name", label));
    }
    Ok(())
}

/// Proposes the local part `prenom.nom` (F027): ASCII, lower case, compound names by hyphens; numbered from 2 while `taken`
/// says that it is in use. `None` when nothing of one of the names can be written so.
///
/// ```
/// use sceau_domain::naming::suggest;
/// assert_eq!(suggest("Jean-François", "Le Goff", |_| false).as_deref(), Some("jean-francois.le-goff"));
/// assert_eq!(suggest("Zoé", "Petit", |l| l == "zoe.petit").as_deref(), Some("zoe.petit2"));
/// ```
pub fn suggest(given: &str, family: &str, taken: impl Fn(&str) -> bool) -> Option<String> {
    // Half of a local part each, with room for the dot and a number.
    let (given, family) = (slug(given, 24)?, slug(family, 32)?);
    numbered(&format!("{given}.{family}"), taken)
}

/// Proposes the local part of a structure's or service's address from its name (F027), as [`suggest()`] does for a person.
///
/// ```
/// use sceau_domain::naming::suggest_structure;
/// assert_eq!(suggest_structure("Hôpital de l'Étang", |_| false).as_deref(), Some("hopital-de-letang"));
/// ```
pub fn suggest_structure(name: &str, taken: impl Fn(&str) -> bool) -> Option<String> {
    numbered(&slug(name, 56)?, taken)
}

/// The name itself, or numbered from 2 while it is taken or reserved.
pub fn numbered(name: &str, taken: impl Fn(&str) -> bool) -> Option<String> {
    if !taken(name) && !is_reserved(name) {
        return Some(name.to_owned());
    }
    (2..10_000).map(|n| format!("{name}{n}")).find(|n| !taken(n))
}

fn slug(name: &str, longest: usize) -> Option<String> {
    let mut out = String::new();
    for c in to_ascii(name).chars() {
        match c {
            'a'..='z' | '0'..='9' => out.push(c),
            'A'..='Z' => out.push(c.to_ascii_lowercase()),
            // An apostrophe joins (d'Artagnan, O'Connor), everything else separates.
            '\'' | '?' => {}
            _ if !out.is_empty() && !out.ends_with('-') => out.push('-'),
            _ => {}
        }
        if out.len() >= longest {
            break;
        }
    }
    let out = out.trim_end_matches('-');
    (!out.is_empty()).then(|| out.to_owned())
}

fn fold(text: &str) -> String {
    to_ascii(text).to_ascii_lowercase()
}

/// One word of a folded text, with what stood before it.
struct Word<'a> {
    text: &'a str,
    after_dot: bool,
}

fn cut(folded: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut after_dot = false;
    for piece in folded.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let text = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        // jean.dupont2 is the second Jean Dupont.
        let bare = text.trim_end_matches(|c: char| c.is_ascii_digit());
        let text = if bare.is_empty() { text } else { bare };
        if !text.is_empty() {
            words.push(Word { text, after_dot });
        }
        after_dot = piece.ends_with('.');
    }
    words
}

fn names_a_person(folded: &str, is_address: bool, first_names: &[&str]) -> bool {
    let words = cut(folded);
    let is_first_name = |w: &str| words::FIRST_NAMES.contains(&w) || first_names.iter().any(|n| fold(n) == w);
    let is_structure = |w: &str| words::STRUCTURES.contains(&w) || words::STRUCTURE_PARTS.iter().any(|p| w.contains(p));
    let is_alphabetic = |w: &str| w.bytes().all(|b| b.is_ascii_alphabetic());
    let is_name = |w: &str| w.len() > 1 && is_alphabetic(w) && !is_structure(w);
    // A first name names a person unless it is a saint's.
    let given_at = |i: usize| {
        words.get(i).is_some_and(|w| is_first_name(w.text))
            && !(i > 0 && matches!(words[i - 1].text, "saint" | "sainte" | "st" | "ste"))
    };

    if let [first, second, ..] = words.as_slice()
        && is_address
        && second.after_dot
        && is_first_name(first.text)
        && is_name(second.text)
    {
        return true;
    }
    if words.iter().any(|w| is_structure(w.text)) {
        return false;
    }
    if words.iter().any(|w| matches!(w.text, "saint" | "sainte" | "st" | "ste")) {
        return false;
    }
    if words.len() > 1 {
        // A title and a name, a first name and a name in either order, an initial and a name.
        if words::TITLES.contains(&words[0].text)
            || (0..words.len()).any(given_at)
            || (is_address && words[0].text.len() == 1 && is_alphabetic(words[0].text) && is_name(words[1].text))
            // The same the other way round, where a dot says that it is one: `dupont.j`, not `batiment-b`.
            || matches!(words.as_slice(), [name, initial] if is_address && initial.after_dot && initial.text.len() == 1
                && is_alphabetic(initial.text) && is_name(name.text))
        {
            return true;
        }
    }
    is_address
        && matches!(words.as_slice(), [first, second] if second.after_dot && is_name(first.text) && is_name(second.text))
}

#[cfg(test)]
#[path = "naming_tests.rs"]
mod tests;
