//! Every sentence a user can see, in French first and English beside it, from `locales/fr.toml` and `locales/en.toml`.
//!
//! Keys are dotted (`"refusal.rcpt.unknown"`), values may hold `{name}` placeholders (lower-case letters, digits, `_`). A
//! part in double brackets (`"Le domaine[[ {domain}]] est inconnu."`) is left out when one of its placeholders has no
//! value; a placeholder without value outside brackets is left out alone. Values are put in as they are, never read again
//! for placeholders. Other braces and brackets stand for themselves.
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{OnceLock, PoisonError, RwLock};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// A language Sceau speaks. French is the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// French.
    #[default]
    Fr,
    /// English.
    En,
}

impl Lang {
    /// Every language.
    pub const ALL: [Lang; 2] = [Lang::Fr, Lang::En];
    /// Language tag (RFC 5646).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fr => "fr",
            Self::En => "en",
        }
    }
}

impl std::str::FromStr for Lang {
    type Err = ();
    /// Reads a language tag or a POSIX locale (`fr`, `fr-FR`, `en_GB.UTF-8`) by its first two letters.
    fn from_str(s: &str) -> Result<Self, ()> {
        let primary = s.split(['-', '_', '.']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|l| l.as_str().eq_ignore_ascii_case(primary)).ok_or(())
    }
}

/// The sentence of `key` in `lang` with `args` put into its `{name}` placeholders.
///
/// A key that is missing in the locale file yields the key itself (a test checks that both files hold the same keys).
pub fn text(lang: Lang, key: &str, args: &[(&str, &str)]) -> String {
    template(lang, key).map_or_else(|| key.to_owned(), |t| fill(t, args))
}

/// The sentence as the locale file holds it, placeholders and all; `None` for an unknown key.
pub fn template(lang: Lang, key: &str) -> Option<&'static str> {
    catalog(lang).get(key).or_else(|| layered(lang, key)).map(String::as_str)
}

/// A room's own sentences, beside those of this crate: each slice holds the contents of its locale files, French and English. A key that this crate or an
/// earlier layer has keeps its sentence. For a room's start: what is given is kept for the life of the process.
pub fn layer(fr: &[&str], en: &[&str]) {
    let layer: &'static [Catalog; 2] = Box::leak(Box::new([merged(fr), merged(en)]));
    LAYERS.write().unwrap_or_else(PoisonError::into_inner).push(layer);
}

/// What keeps a layer's files from being one thing in two languages: unreadable, keys or placeholders that differ, empty sentences, brackets left open,
/// keys that stand in two files or that this crate has. Empty when all is well; for the test of whoever calls [`layer`].
pub fn differences(fr: &[&str], en: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for files in [fr, en] {
        let mut seen = std::collections::BTreeSet::new();
        for source in files {
            match load(source) {
                Ok(one) => found.extend(one.into_keys().filter(|key| !seen.insert(key.clone()))),
                Err(e) => found.push(e.to_string()),
            }
        }
    }
    let both = [merged(fr), merged(en)];
    let names = |catalog: &Catalog, key: &str| -> Option<Vec<String>> {
        let sentence = catalog.get(key)?;
        let mut names: Vec<String> = placeholders(sentence).into_iter().map(str::to_owned).collect();
        names.sort_unstable();
        names.dedup();
        let whole = !sentence.trim().is_empty() && sentence.matches("[[").count() == sentence.matches("]]").count();
        whole.then_some(names)
    };
    let keys: std::collections::BTreeSet<&String> = both.iter().flat_map(BTreeMap::keys).collect();
    for key in keys {
        let (fr, en) = (names(&both[0], key), names(&both[1], key));
        if fr.is_none() || fr != en || catalog(Lang::Fr).contains_key(key) {
            found.push(key.clone());
        }
    }
    found
}

/// Every key of `lang`, in order.
pub fn keys(lang: Lang) -> impl Iterator<Item = &'static str> {
    catalog(lang).keys().map(String::as_str)
}

/// Reduces `s` to printable ASCII in one line: accents are removed, quotes and dashes become their plain form, a control
/// or line break becomes a space, what has no plain form becomes `?`. Protocol replies that may not hold UTF-8 use it.
pub fn to_ascii(s: &str) -> String {
    if s.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return s.to_owned();
    }
    let mut out = String::with_capacity(s.len());
    for c in s.nfd() {
        match c {
            ' '..='~' => out.push(c),
            _ if is_combining_mark(c) => {}
            'œ' => out.push_str("oe"),
            'Œ' => out.push_str("OE"),
            'æ' => out.push_str("ae"),
            'Æ' => out.push_str("AE"),
            'ß' => out.push_str("ss"),
            'ø' => out.push('o'),
            'Ø' => out.push('O'),
            '’' | '‘' | 'ʼ' => out.push('\''),
            '«' | '»' | '“' | '”' | '„' => out.push('"'),
            '–' | '—' | '‑' | '−' => out.push('-'),
            '…' => out.push_str("..."),
            '€' => out.push_str("EUR"),
            '°' => out.push('o'),
            _ if c.is_control() || c.is_whitespace() => out.push(' '),
            _ => out.push('?'),
        }
    }
    out
}

/// The names of the placeholders of a template, in order of appearance.
pub fn placeholders(template: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        rest = &rest[at..];
        match placeholder(rest) {
            Some((name, after)) => {
                found.push(name);
                rest = after;
            }
            None => rest = &rest[1..],
        }
    }
    found
}

/// `s` begins with `{`: the placeholder's name and what follows it, or `None` when the brace stands for itself.
fn placeholder(s: &str) -> Option<(&str, &str)> {
    let (name, after) = s.strip_prefix('{')?.split_once('}')?;
    let valid = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    valid.then_some((name, after))
}

fn fill(template: &str, args: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("[[") {
        let Some((optional, after)) = after.split_once("]]") else { break };
        put(&mut out, before, args);
        if placeholders(optional).iter().all(|name| value(name, args).is_some()) {
            put(&mut out, optional, args);
        }
        rest = after;
    }
    put(&mut out, rest, args);
    out
}

/// Appends `part` with its placeholders replaced.
fn put(out: &mut String, part: &str, args: &[(&str, &str)]) {
    let mut rest = part;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match placeholder(rest) {
            Some((name, after)) => {
                out.push_str(value(name, args).unwrap_or_default());
                rest = after;
            }
            None => {
                out.push('{');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
}

fn value<'a>(name: &str, args: &[(&str, &'a str)]) -> Option<&'a str> {
    args.iter().find(|(n, _)| *n == name).map(|(_, v)| *v)
}

type Catalog = BTreeMap<String, String>;

/// What rooms added, in the order in which they started.
static LAYERS: RwLock<Vec<&'static [Catalog; 2]>> = RwLock::new(Vec::new());

fn layered(lang: Lang, key: &str) -> Option<&'static String> {
    let layers = LAYERS.read().unwrap_or_else(PoisonError::into_inner);
    let of = usize::from(lang == Lang::En);
    layers.iter().find_map(|layer| layer[of].get(key))
}

/// Several files as one; of one that cannot be read, nothing ([`differences`] tells).
fn merged(sources: &[&str]) -> Catalog {
    sources.iter().flat_map(|source| load(source).unwrap_or_default()).collect()
}

fn catalog(lang: Lang) -> &'static Catalog {
    static FR: OnceLock<Catalog> = OnceLock::new();
    static EN: OnceLock<Catalog> = OnceLock::new();
    match lang {
        Lang::Fr => FR.get_or_init(|| load(include_str!("../locales/fr.toml")).unwrap_or_default()),
        Lang::En => EN.get_or_init(|| load(include_str!("../locales/en.toml")).unwrap_or_default()),
    }
}

/// Reads a locale file into flat dotted keys. The files are part of the program: a test proves that they can be read.
fn load(source: &str) -> Result<Catalog, toml::de::Error> {
    let mut flat = Catalog::new();
    flatten("", toml::from_str(source)?, &mut flat);
    Ok(flat)
}

fn flatten(prefix: &str, table: toml::Table, flat: &mut Catalog) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        match value {
            toml::Value::Table(inner) => flatten(&key, inner, flat),
            toml::Value::String(sentence) => drop(flat.insert(key, sentence)),
            other => drop(flat.insert(key, other.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RefusalCode;

    #[test]
    fn both_files_can_be_read_and_hold_the_same_keys() {
        assert!(load(include_str!("../locales/fr.toml")).is_ok());
        assert!(load(include_str!("../locales/en.toml")).is_ok());
        let (fr, en): (Vec<_>, Vec<_>) = (keys(Lang::Fr).collect(), keys(Lang::En).collect());
        assert_eq!(fr, en);
        assert!(fr.len() >= RefusalCode::ALL.len());
    }

    #[test]
    fn both_files_use_the_same_placeholders_and_close_their_brackets() {
        for key in keys(Lang::Fr) {
            let sorted = |lang| {
                let t = template(lang, key).unwrap_or_default();
                assert!(!t.trim().is_empty(), "{key} is empty in {lang:?}");
                assert_eq!(t.matches("[[").count(), t.matches("]]").count(), "{key} in {lang:?}");
                let mut names = placeholders(t);
                names.sort_unstable();
                names.dedup();
                names
            };
            assert_eq!(sorted(Lang::Fr), sorted(Lang::En), "{key}");
        }
    }

    #[test]
    fn every_refusal_has_its_sentence() {
        for code in RefusalCode::ALL {
            for lang in Lang::ALL {
                assert!(template(lang, &format!("refusal.{}", code.as_str())).is_some(), "{} {lang:?}", code.as_str());
            }
        }
    }

    #[test]
    fn a_layer_speaks_beside_and_is_judged_like_the_files() {
        let (fr, en) = (["[essai]\nbonjour = \"Bonjour {name}\""], ["[essai]\nbonjour = \"Hello {name}\""]);
        assert_eq!(text(Lang::Fr, "essai.bonjour", &[("name", "Anne")]), "essai.bonjour");
        assert_eq!(differences(&fr, &en), Vec::<String>::new());
        layer(&fr, &en);
        assert_eq!(text(Lang::Fr, "essai.bonjour", &[("name", "Anne")]), "Bonjour Anne");
        assert_eq!(text(Lang::En, "essai.bonjour", &[("name", "Anne")]), "Hello Anne");
        assert_eq!(
            differences(&fr, &["[essai]\nbonjour = \"Hello {nom}\"\nseul = \"x\""]),
            ["essai.bonjour", "essai.seul"]
        );
        assert_eq!(differences(&["a = \"\""], &["a = \"b\""]), ["a"]);
        assert_eq!(differences(&["a = \"b\"", "a = \"c\""], &["a = \"b\""]), ["a"]);
        assert!(!differences(&["a = "], &[]).is_empty());
        let taken = "[page]\nkind = \"x\"";
        assert_eq!(differences(&[taken], &[taken]), ["page.kind"]);
    }

    #[test]
    fn unknown_key_yields_itself() {
        assert_eq!(text(Lang::Fr, "no.such.key", &[]), "no.such.key");
    }

    #[test]
    fn placeholders_are_filled_once_and_optional_parts_left_out() {
        let t = "A[[ {x}]] b[[ ({y}, {x})]] {z}! {} {Not one} [c]";
        assert_eq!(fill(t, &[("x", "{y}"), ("z", "Z")]), "A {y} b Z! {} {Not one} [c]");
        assert_eq!(fill(t, &[]), "A b ! {} {Not one} [c]");
        assert_eq!(fill(t, &[("x", "1"), ("y", "2")]), "A 1 b (2, 1) ! {} {Not one} [c]");
        assert_eq!(fill("open [[ {x}", &[("x", "1")]), "open [[ 1");
    }

    #[test]
    fn ascii_form_is_one_printable_line() {
        assert_eq!(
            to_ascii("L’œuvre d'été à Noël — « ça »…\r\n1\u{a0}000 €"),
            "L'oeuvre d'ete a Noel - \" ca \"...  1 000 EUR"
        );
        assert_eq!(to_ascii("日本\u{7f}\0"), "??  ");
    }

    #[test]
    fn languages_are_read_from_tags_and_locales() {
        assert_eq!("fr_FR.UTF-8".parse(), Ok(Lang::Fr));
        assert_eq!("EN-gb".parse(), Ok(Lang::En));
        assert_eq!("de".parse::<Lang>(), Err(()));
    }
}
