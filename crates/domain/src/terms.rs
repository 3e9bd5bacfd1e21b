//! Terms of use (CGU): the clauses that they must have (EX_DCU_5010), our template, what differs between two versions.
//!
//! A text is Markdown. `<!-- clause: name -->` begins a clause, which lasts until the next one; what stands before the first is the preamble. Names
//! are stable: a clause keeps its name in every version and language, whatever its number and title.
//!
//! Promises: pure; whatever the text is, reading it costs one pass. [`check`] is what the build and each publication are judged by.
use crate::{Lang, text::placeholders};
use std::collections::BTreeMap;
use std::fmt;

/// Our template in French: the text that counts.
pub const TEMPLATE_FR: &str = include_str!("../terms/cgu.fr.md");
/// Its reading copy in English.
pub const TEMPLATE_EN: &str = include_str!("../terms/cgu.en.md");
/// Longest text of one language, bytes.
pub const LONGEST: usize = 400_000;
/// Fewest letters and digits of a clause, its title not counted. Shorter is a title that promises a clause.
const SHORTEST: usize = 120;

/// A clause without which terms are not published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Required {
    /// Stable name.
    pub name: &'static str,
    /// What its text must name in every language, compared without spaces: references of the law.
    pub naming: &'static [&'static str],
}

const fn clause(name: &'static str, naming: &'static [&'static str]) -> Required {
    Required { name, naming }
}

/// Every clause that terms must have.
pub const REQUIRED: &[Required] = &[
    clause("object", &[]),
    clause("legal_context", &["L.1110-4", "R.1110-", "226-13"]),
    clause("habilitated", &[]),
    clause("purpose", &[]),
    clause("spam", &[]),
    clause("virus", &[]),
    clause("redirection", &["MSSanté"]),
    clause("credentials", &[]),
    clause("choices", &["zéropapier"]),
    clause("publication", &["MSSanté"]),
    clause("opposition", &[]),
    clause("not_record", &[]),
    clause("reporting", &[]),
    clause("evidence", &["1366", "conventiondepreuve"]),
    clause("traces", &[]),
    clause("delegation", &[]),
    clause("responsibles", &[]),
    clause("blocking", &[]),
    clause("inactivity", &[]),
    clause("retention", &[]),
    clause("personal_data", &["CNIL"]),
    clause("support", &[]),
    clause("liability", &[]),
    clause("changes", &[]),
    clause("law", &[]),
];

/// What the placeholders of a text stand for, by name.
pub type Values = BTreeMap<String, String>;

/// Values for which there is a usual one: months and years of the founding documents, hours of support.
pub const USUAL: &[(&str, &str)] = &[
    ("inactivite", "12"),
    ("traces_fonctionnelles", "10"),
    ("traces_techniques", "1"),
    ("ouverture", "9 h"),
    ("fermeture", "18 h"),
];

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<'a> {
    /// Name of the clause; empty: the preamble.
    pub name: &'a str,
    /// Its heading, without `#`.
    pub title: &'a str,
    /// Its paragraphs, the heading left out. Items of a list are paragraphs of their own.
    pub paragraphs: Vec<String>,
}

/// Why a clause does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// It is not there.
    Absent,
    /// It says next to nothing: so many letters.
    Short(usize),
    /// It does not name this.
    Silent(&'static str),
    /// It is there twice: nobody could tell which one counts.
    Twice,
}

/// A clause that is missing, in one language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingClause {
    /// Its name.
    pub clause: &'static str,
    /// In which text.
    pub lang: Lang,
    /// Why.
    pub why: Lack,
}

impl fmt::Display for MissingClause {
    /// A short technical form: `evidence (en): 1366`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): ", self.clause, self.lang.as_str())?;
        match self.why {
            Lack::Absent => f.write_str("absent"),
            Lack::Short(letters) => write!(f, "{letters} < {SHORTEST}"),
            Lack::Silent(what) => f.write_str(what),
            Lack::Twice => f.write_str("× 2"),
        }
    }
}

/// The parts of a text, in order. A preamble without any text is left out.
pub fn parts(text: &str) -> Vec<Part<'_>> {
    let mut out = vec![Part { name: "", title: "", paragraphs: Vec::new() }];
    let mut open = false;
    for line in text.lines() {
        let line = line.trim();
        if let Some(name) = marker(line) {
            out.push(Part { name, title: "", paragraphs: Vec::new() });
            open = false;
            continue;
        }
        // The first part is always there.
        let Some(part) = out.last_mut() else { continue };
        if line.is_empty() || (line.starts_with("<!--") && line.ends_with("-->")) {
            open = false;
        } else if line.starts_with('#') {
            open = false;
            let title = line.trim_start_matches('#').trim();
            if part.title.is_empty() {
                part.title = title;
            } else {
                part.paragraphs.push(title.to_owned());
            }
        } else {
            let item = line.strip_prefix("- ").or_else(|| line.strip_prefix("* "));
            match (item, part.paragraphs.last_mut()) {
                (None, Some(last)) if open => {
                    last.push(' ');
                    last.push_str(line);
                }
                _ => part.paragraphs.push(line.to_owned()),
            }
            open = true;
        }
    }
    if out.first().is_some_and(|p| p.title.is_empty() && p.paragraphs.is_empty()) {
        out.remove(0);
    }
    out
}

/// The name in `<!-- clause: name -->`.
fn marker(line: &str) -> Option<&str> {
    let name = line.strip_prefix("<!--")?.strip_suffix("-->")?.trim().strip_prefix("clause:")?.trim();
    let valid = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    valid.then_some(name)
}

/// What both texts lack; nothing: they may be published.
pub fn check(fr: &str, en: &str) -> Vec<MissingClause> {
    [(Lang::Fr, fr), (Lang::En, en)].into_iter().flat_map(|(lang, text)| lacks(lang, text)).collect()
}

fn lacks(lang: Lang, text: &str) -> Vec<MissingClause> {
    let parts = parts(text);
    let mut out = Vec::new();
    for required in REQUIRED {
        let mut lack = |why| out.push(MissingClause { clause: required.name, lang, why });
        let mut found = parts.iter().filter(|p| p.name == required.name);
        let Some(part) = found.next() else {
            lack(Lack::Absent);
            continue;
        };
        if found.next().is_some() {
            lack(Lack::Twice);
        }
        let letters = part.paragraphs.iter().flat_map(|p| p.chars()).filter(|c| c.is_alphanumeric()).count();
        if letters < SHORTEST {
            lack(Lack::Short(letters));
            continue;
        }
        let dense = |s: &str| s.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect::<String>();
        let said: String = part.paragraphs.iter().map(|p| dense(p)).collect();
        for what in required.naming {
            if !said.contains(&dense(what)) {
                lack(Lack::Silent(what));
            }
        }
    }
    out
}

/// Puts values in the place of placeholders (`{operateur}`). The names for which there is none, or an empty one.
pub fn fill(text: &str, values: &Values) -> Result<String, Vec<String>> {
    let names = placeholders(text);
    let value = |name: &str| {
        let usual = || USUAL.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
        values.get(name).map(String::as_str).or_else(usual).filter(|v| !v.trim().is_empty())
    };
    let mut missing: Vec<String> = names.iter().filter(|n| value(n).is_none()).map(|n| (*n).to_owned()).collect();
    if !missing.is_empty() {
        missing.sort_unstable();
        missing.dedup();
        return Err(missing);
    }
    let (mut out, mut rest) = (String::with_capacity(text.len() + 256), text);
    for name in names {
        let placeholder = format!("{{{name}}}");
        // Every name was found in the text, in this order.
        let Some((before, after)) = rest.split_once(&placeholder) else { break };
        out.push_str(before);
        out.push_str(value(name).unwrap_or_default());
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// What became of a clause from one version to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Name of the clause; empty: the preamble.
    pub clause: String,
    /// Its title, the later one when it has both.
    pub title: String,
    /// What happened to it.
    pub change: Change,
    /// Paragraphs that are gone.
    pub removed: Vec<String>,
    /// Paragraphs that are new.
    pub added: Vec<String>,
}

/// What happened to a clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It reads otherwise.
    Changed,
}

impl Change {
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

/// What differs, clause by clause, in the order of the later text; clauses that are gone come last. The number of a clause is not part of it, nor
/// is the place of a paragraph within it.
pub fn differences(before: &str, after: &str) -> Vec<Difference> {
    let (old, new) = (parts(before), parts(after));
    let absent = |here: &[String], there: &[String]| {
        let mut left: BTreeMap<&str, usize> = BTreeMap::new();
        there.iter().for_each(|p| *left.entry(p).or_default() += 1);
        let gone = |p: &&String| match left.get_mut(p.as_str()) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        };
        here.iter().filter(gone).cloned().collect::<Vec<_>>()
    };
    let mut out = Vec::new();
    for part in &new {
        let was = old.iter().find(|p| p.name == part.name);
        let (removed, added) = match was {
            Some(was) => (absent(&was.paragraphs, &part.paragraphs), absent(&part.paragraphs, &was.paragraphs)),
            None => (Vec::new(), part.paragraphs.clone()),
        };
        let retitled = was.is_some_and(|was| unnumbered(was.title) != unnumbered(part.title));
        if was.is_none() || retitled || !removed.is_empty() || !added.is_empty() {
            let change = if was.is_none() { Change::Added } else { Change::Changed };
            out.push(difference(part, change, removed, added));
        }
    }
    for part in old.iter().filter(|p| new.iter().all(|n| n.name != p.name)) {
        out.push(difference(part, Change::Removed, part.paragraphs.clone(), Vec::new()));
    }
    out
}

fn difference(part: &Part<'_>, change: Change, removed: Vec<String>, added: Vec<String>) -> Difference {
    Difference { clause: part.name.to_owned(), title: unnumbered(part.title).to_owned(), change, removed, added }
}

/// A title without its number: `12. Traces` is `Traces`.
fn unnumbered(title: &str) -> &str {
    let rest = title.trim_start_matches(|c: char| c.is_ascii_digit());
    if rest.len() == title.len() { title } else { rest.trim_start_matches(['.', ')', ' ']) }
}

#[cfg(test)]
#[path = "terms_tests.rs"]
mod tests;
