//! Reference tables: what a file of one must have, how its lines become entries, and the few tables that the specification itself contains.
//!
//! The layouts of the real extractions were not verified: the names of columns below are what public descriptions say, each may be replaced by whoever
//! imports, and a file whose first line does not name them is refused with what is expected.
use crate::csv::{Dialect, folded, key};
use crate::{Refusal, RefusalCode};

/// Longest code, bytes.
const CODE: usize = 64;
/// Longest label, characters.
const LABEL: usize = 300;
/// Longest value of another column, characters.
const VALUE: usize = 300;
/// Most other columns that are kept of a line.
pub const KEPT: usize = 20;

/// How the file of a table is laid out. Names of columns are compared without case, accents and signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Separator and quotes.
    pub dialect: Dialect,
    /// The column of the code or identifier.
    pub code: String,
    /// The columns that make the label, in order.
    pub label: Vec<String>,
    /// The other columns that are kept; empty: the first [`KEPT`] of them.
    pub keep: Vec<String>,
}

impl Layout {
    /// The layout that files of this table are expected to have when nothing else is said.
    pub fn of(table: &str) -> Self {
        let (separator, quotes, code, label, keep): (_, _, _, &[&str], &[&str]) = match table {
            "rpps" => (
                Some(b'|'),
                false,
                "Identifiant PP",
                &["Nom d'exercice", "Prénom d'exercice"],
                &[
                    "Type d'identifiant PP",
                    "Identification nationale PP",
                    "Code profession",
                    "Libellé profession",
                    "Code savoir-faire",
                    "Libellé savoir-faire",
                    "Numéro FINESS site",
                    "Raison sociale site",
                    "Code postal (coord. structure)",
                    "Libellé commune (coord. structure)",
                ],
            ),
            "structures" => (None, true, "FINESS", &["Raison sociale"], &[]),
            _ => (None, true, "Code", &["Libellé"], &[]),
        };
        let texts = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
        Self { dialect: Dialect { separator, quotes }, code: code.into(), label: texts(label), keep: texts(keep) }
    }

    /// Finds the columns in the first line: `csv.header`, naming what is expected.
    pub fn places(&self, header: &[String]) -> Result<Places, Refusal> {
        let keys: Vec<String> = header.iter().map(|name| key(name)).collect();
        let find = |name: &str| keys.iter().position(|k| *k == key(name) && !k.is_empty());
        let must = |name: &String| {
            find(name).ok_or_else(|| {
                let names: Vec<&str> = std::iter::once(&self.code).chain(&self.label).map(String::as_str).collect();
                Refusal::new(RefusalCode::CsvHeader).with("name", name).with("cause", names.join(", "))
            })
        };
        let code = must(&self.code)?;
        let label = self.label.iter().map(must).collect::<Result<Vec<_>, _>>()?;
        let other = |i: &usize| *i != code && !label.contains(i);
        let kept: Vec<usize> = if self.keep.is_empty() {
            (0..header.len()).filter(other).take(KEPT).collect()
        } else {
            // Those that the file does not have are not missed: only code and label are needed.
            self.keep.iter().filter_map(|name| find(name)).filter(other).take(KEPT).collect()
        };
        Ok(Places {
            columns: header.len(),
            code,
            label,
            kept: kept.into_iter().map(|i| (header[i].trim().to_owned(), i)).collect(),
        })
    }
}

/// Where things are in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    columns: usize,
    code: usize,
    label: Vec<usize>,
    kept: Vec<(String, usize)>,
}

/// A line of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Code or identifier.
    pub code: String,
    /// Label or name.
    pub label: String,
    /// The label as it is looked up by.
    pub search: String,
    /// Other columns that say something: name and value.
    pub data: Vec<(String, String)>,
}

impl Places {
    /// The entry of a line: `csv.line` when it has not as many fields as the first line, no code, or no label.
    pub fn entry(&self, fields: &[String]) -> Result<Entry, Refusal> {
        let wrong = |cause: String| Refusal::new(RefusalCode::CsvLine).with("cause", cause);
        // Registers end each line with a separator, or do not.
        let surplus = fields.get(self.columns..).unwrap_or_default();
        if fields.len() < self.columns.saturating_sub(1) || surplus.iter().any(|f| !f.is_empty()) {
            return Err(wrong(format!("{} / {}", fields.len(), self.columns)));
        }
        let field = |i: usize| fields.get(i).map(|f| f.trim()).unwrap_or_default();
        let code = field(self.code);
        if code.is_empty() || code.len() > CODE || code.chars().any(char::is_control) {
            return Err(wrong("code".into()));
        }
        let label: Vec<&str> = self.label.iter().map(|i| field(*i)).filter(|f| !f.is_empty()).collect();
        let label = cut(&label.join(" "), LABEL);
        if label.is_empty() {
            return Err(wrong("label".into()));
        }
        let data = self.kept.iter().map(|(name, i)| (name.clone(), cut(field(*i), VALUE)));
        let data = data.filter(|(_, value)| !value.is_empty()).collect();
        Ok(Entry { code: code.to_owned(), search: searched(&label), label, data })
    }
}

/// A label as it is looked up by. Folding may lengthen it (`ﷺ` is eighteen letters), and an index keeps it: it is cut.
pub fn searched(label: &str) -> String {
    folded(label).chars().take(LABEL).collect::<String>().trim_end().to_owned()
}

/// In one line, cut.
fn cut(text: &str, most: usize) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(most).collect::<String>().trim().to_owned()
}

/// A table that the program brings: what the specification contains, no more; an import takes its place.
#[derive(Debug, Clone, Copy)]
pub struct Shipped {
    /// Name of the table.
    pub name: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// Code, label, remark.
    pub entries: &'static [(&'static str, &'static str, &'static str)],
}

/// What an entry's remark is kept as.
pub const REMARK: &str = "remarque";

/// Every table that the program brings.
pub const SHIPPED: &[Shipped] = &[
    Shipped {
        name: "professions",
        source: "TRE_G15-ProfessionSante (OID 1.2.250.1.71.1.2.7), extrait",
        entries: &[
            ("10", "Médecin", ""),
            ("21", "Pharmacien", ""),
            ("26", "Audioprothésiste", ""),
            ("28", "Opticien-Lunetier", ""),
            ("31", "Assistant dentaire", ""),
            ("32", "Physicien médical", ""),
            ("35", "Aide-soignant", ENDED),
            ("36", "Ambulancier", ENDED),
            ("37", "Auxiliaire de puériculture", ENDED),
            ("38", "Préparateur en pharmacie", ENDED),
            ("39", "Préparateur en pharmacie", ENDED),
            ("40", "Chirurgien-Dentiste", ""),
            ("50", "Sage-Femme", ""),
            ("60", "Infirmier", ""),
            ("69", "Infirmier psychiatrique", ""),
            ("70", "Masseur-Kinésithérapeute", ""),
            ("80", "Pédicure-Podologue", ""),
            ("81", "Orthoprothésiste", ""),
            ("82", "Podo-Orthésiste", ""),
            ("83", "Orthopédiste-Orthésiste", ""),
            ("84", "Oculariste", ""),
            ("85", "Epithésiste", ""),
            ("86", "Technicien de laboratoire médical", ""),
            ("91", "Orthophoniste", ""),
            ("92", "Orthoptiste", ""),
            ("93", "Psychologue", "obsolète dans cette table"),
            ("94", "Ergothérapeute", ""),
            ("95", "Diététicien", ""),
            ("96", "Psychomotricien", ""),
            ("98", "Manipulateur ERM", ""),
        ],
    },
    Shipped {
        name: "bal-types",
        source: "TRE_R257-TypeBAL (OID 1.2.250.1.213.3.3.55)",
        entries: &[
            ("PER", "BAL personnelle", ""),
            ("ORG", "BAL organisationnelle", ""),
            ("APP", "BAL applicative", ""),
            ("CAB", "BAL cabinet", "depuis le 24/11/2023"),
        ],
    },
];
const ENDED: &str = "fin le 13/12/2024";

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|s| (*s).to_owned()).collect()
    }

    #[test]
    fn a_register_is_read_by_the_names_of_its_columns() {
        let layout = Layout::of("rpps");
        let header = texts(&["Identifiant PP", "Nom d'exercice", "Prenom d'exercice", "Code Profession", "Fax"]);
        let places = layout.places(&header).unwrap();
        let entry = places.entry(&texts(&["10000000013", "PETIT", "Zoé", "10", "x"])).unwrap();
        assert_eq!((entry.label.as_str(), entry.search.as_str()), ("PETIT Zoé", "petit zoe"));
        assert_eq!(entry.data, [("Code Profession".to_owned(), "10".to_owned())], "other columns are left out");
        assert!(places.entry(&texts(&["10000000013", "PETIT", "Zoé", "10", "x", ""])).is_ok(), "a last separator");
        // What folding makes longer stays within what an index takes.
        let long = places.entry(&texts(&["1", &"\u{fdfa}".repeat(300), "x", "10", ""])).unwrap();
        assert!(long.search.chars().count() <= 300 && long.search.len() <= 1_200, "{}", long.search.len());
        for bad in [texts(&["1", "PETIT"]), texts(&["", "PETIT", "Zoé", "10", "x"]), texts(&["1", "", " ", "10", "x"])]
        {
            assert_eq!(places.entry(&bad).unwrap_err().code, RefusalCode::CsvLine, "{bad:?}");
        }
        let refusal = layout.places(&texts(&["Identifiant PP", "Nom"])).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::CsvHeader);
        assert!(
            refusal.args.iter().any(|(_, v)| v == "Identifiant PP, Nom d'exercice, Prénom d'exercice"),
            "{refusal:?}"
        );
    }

    #[test]
    fn what_is_shipped_is_in_order_and_says_where_it_is_from() {
        for table in SHIPPED {
            assert!(!table.source.is_empty() && table.entries.windows(2).all(|w| w[0].0 != w[1].0));
        }
    }
}
