//! Who a provider's claims or a card say that somebody is: the national identifier and the names (F006, F041, F042).
//!
//! Promise: an identifier is believed when it is written as the national directory writes it and its check digit fits; where two claims name two
//! people, nobody is named.
use crate::jose::Claims;
use sceau_domain::identifier::NationalId;
use sceau_domain::plain;
use serde_json::Value;

/// Which identifier of professionals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdKind {
    /// Eleven digits.
    Rpps,
    /// Nine characters.
    Adeli,
}

impl IdKind {
    /// Stable name, as the configuration writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rpps => "rpps",
            Self::Adeli => "adeli",
        }
    }
    /// The reverse.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Rpps, Self::Adeli].into_iter().find(|k| k.as_str() == name)
    }
    /// How many characters it has.
    pub(crate) fn length(self) -> usize {
        match self {
            Self::Rpps => 11,
            Self::Adeli => 9,
        }
    }
    /// The identifier that `text` is, without its prefix, written without spaces. `None` for another form, or a check digit that does not fit.
    pub(crate) fn read(self, text: &str) -> Option<NationalId> {
        let plain = text.len() == self.length() && text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
        match self {
            _ if !plain => None,
            Self::Rpps => text.parse().ok().map(NationalId::Rpps),
            Self::Adeli => text.parse().ok().map(NationalId::Adeli),
        }
    }
}

/// What is said of somebody. `Debug` shows none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Said {
    /// The national identifier; `None`: not said, or not believable.
    pub national: Option<NationalId>,
    /// Family name.
    pub family: Option<String>,
    /// Given names, the first one first.
    pub given: Option<String>,
    /// Code of the profession.
    pub profession: Option<String>,
    /// Who it is for whoever says it: `sub` of a provider, the number on a card.
    pub subject: String,
}

impl std::fmt::Debug for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Said(…)")
    }
}

/// The identifier of a professional as the directory and cards write it (IDNPS): `8` and the RPPS, or `0` and ADELI, nothing around it.
pub fn of_idnps(text: &str) -> Option<NationalId> {
    match text.split_at_checked(1)? {
        ("8", rest) => IdKind::Rpps.read(rest),
        ("0", rest) => IdKind::Adeli.read(rest),
        _ => None,
    }
}

/// Where a provider says what. A name is that of a claim or, where there is none, a path into it with points
/// (`SubjectRefPro.exercices.0.codeProfession`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimNames {
    /// Claims that may hold the national identifier, each looked at.
    pub national: Vec<String>,
    /// Family name.
    pub family: String,
    /// Given names.
    pub given: String,
    /// Code of the profession; what follows `^` in it is the table's name.
    pub profession: String,
}

impl Default for ClaimNames {
    /// As Pro Santé Connect names them (a real answer that was published; unverified for every kind of professional).
    fn default() -> Self {
        Self {
            national: vec!["SubjectNameID".into(), "preferred_username".into()],
            family: "family_name".into(),
            given: "given_name".into(),
            profession: "SubjectRefPro.exercices.0.codeProfession".into(),
        }
    }
}

/// The text of a claim, or of what a path finds in one.
fn text<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    if let Some(value) = claims.get(name) {
        return value.as_str();
    }
    let mut steps = name.split('.');
    let mut value = claims.get(steps.next()?)?;
    for step in steps {
        value = match value {
            Value::Object(object) => object.get(step)?,
            Value::Array(list) => list.get(step.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    value.as_str()
}

/// Who claims say that somebody is. `None` when they name no subject: they are about nobody.
pub fn of_claims(claims: &Claims, names: &ClaimNames) -> Option<Said> {
    let subject = claims.text("sub").ok()??;
    let mut found: Option<NationalId> = None;
    for id in names.national.iter().filter_map(|n| of_idnps(text(claims, n)?)) {
        // Two people in one answer: whoever wrote the second is believed as little as the first.
        if found.as_ref().is_some_and(|first| *first != id) {
            found = None;
            break;
        }
        found = Some(id);
    }
    Some(Said {
        national: found,
        family: text(claims, &names.family).and_then(name),
        given: text(claims, &names.given).and_then(name),
        profession: text(claims, &names.profession).and_then(profession),
        subject: subject.to_owned(),
    })
}

/// A name as people are kept with: one line, bounded, with a letter in it, nothing that hides or turns writing.
pub(crate) fn name(text: &str) -> Option<String> {
    plain::name(text, "name").ok()
}

/// A code of a reference table, without the name of the table.
pub(crate) fn profession(text: &str) -> Option<String> {
    plain::reference_code(text.split_once('^').map_or(text, |(code, _)| code), "profession").ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn claims(of: Value) -> Claims {
        Claims::read(of.to_string().as_bytes()).unwrap()
    }
    fn said(of: Value) -> Said {
        of_claims(&claims(of), &ClaimNames::default()).unwrap()
    }

    #[test]
    fn identifiers_as_the_directory_writes_them() {
        let id = of_idnps("810003456786").unwrap();
        assert!(matches!(id, NationalId::Rpps(_)) && id.to_string() == "810003456786");
        assert!(matches!(of_idnps("0752345678"), Some(NationalId::Adeli(_))));
        assert!(matches!(of_idnps("02A2345671"), Some(NationalId::Adeli(_))));
        for bad in [
            "",
            "8",
            "10003456786",
            "8 10003456786",
            " 810003456786",
            "810003456786 ",
            "810003456787",
            "910003456786",
            "81000345678",
            "8100034567860",
            "8١٠٠٠٣٤٥٦٧٨٦",
            "ANS20230101",
            "é10003456786",
            "02a2345671",
            "0752345671",
            "810003456786\n",
        ] {
            assert_eq!(of_idnps(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn claims_as_pro_sante_connect_has_them() {
        let s = said(json!({
            "sub": "f:1:899", "SubjectNameID": "810003456786", "preferred_username": "810003456786", "family_name": "D'Été", "given_name": "Zoé",
            "SubjectRefPro": {"exercices": [{"codeProfession": "10"}]},
        }));
        assert_eq!(s.national.unwrap().to_string(), "810003456786");
        assert_eq!(
            (s.family.as_deref(), s.given.as_deref(), s.profession.as_deref()),
            (Some("D'Été"), Some("Zoé"), Some("10"))
        );
        // An editor's test identity has a name that is no identifier.
        assert_eq!(said(json!({"sub": "s", "SubjectNameID": "ANS20210101"})).national, None);
        assert_eq!(
            said(json!({"sub": "s", "preferred_username": "810003456786"})).national.unwrap().to_string(),
            "810003456786"
        );
    }

    #[test]
    fn two_people_in_one_answer_are_nobody() {
        let other = "810100000008";
        assert!(of_idnps(other).is_some());
        assert_eq!(
            said(json!({"sub": "s", "SubjectNameID": "810003456786", "preferred_username": other})).national,
            None
        );
        for odd in [json!(810_003_456_786_u64), json!(["810003456786"]), json!({"x": "810003456786"}), json!(null)] {
            assert_eq!(said(json!({"sub": "s", "SubjectNameID": odd})).national, None);
        }
        for nobody in [json!({"SubjectNameID": "810003456786"}), json!({"sub": 1})] {
            assert_eq!(of_claims(&claims(nobody), &ClaimNames::default()), None);
        }
    }

    #[test]
    fn names_and_codes_are_plain() {
        let s = said(
            json!({"sub": "s", "family_name": "A\u{202e}B", "given_name": "1", "SubjectRefPro": {"exercices": []}}),
        );
        assert_eq!((s.family, s.given, s.profession), (None, None, None));
        let names = ClaimNames {
            profession: "SubjectRole".into(),
            family: "https://x.example/a.b".into(),
            ..ClaimNames::default()
        };
        let c =
            claims(json!({"sub": "s", "SubjectRole": "80^1.2.250.1.213.1.1.5.5", "https://x.example/a.b": "Petit"}));
        let s = of_claims(&c, &names).unwrap();
        assert_eq!((s.profession.as_deref(), s.family.as_deref()), (Some("80"), Some("Petit")));
        assert_eq!(format!("{s:?}"), "Said(…)");
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "\\PC{0,20}", path in "[a-z0-9.]{0,12}") {
            let _ = of_idnps(&text);
            let names = ClaimNames { national: vec![path.clone()], family: path, ..ClaimNames::default() };
            let _ = of_claims(&claims(json!({"sub": "s", "a": [{"b": text}, "c"]})), &names);
        }
    }
}
