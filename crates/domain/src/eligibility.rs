//! Whom the operator takes (F163): which territory, which public, and what is asked of administrative staff. Set by the operator; without rules
//! everybody is taken whom the other requirements let in.
//!
//! Pure. A place is known by a structure's postal code, else by its FINESS number. Promises: what cannot be told (a structure without either) is not
//! taken where a territory is set; each refusal says which rule it was; rules that this module cannot read are refused, never ignored.
use crate::{Refusal, RefusalCode};
use serde::{Deserialize, Serialize};

/// Most departments, regions and professions in the rules.
const MOST: usize = 200;

/// What is asked of people without a profession: secretaries, technicians, administrative staff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Staff {
    /// Nothing.
    #[default]
    Admitted,
    /// That their identity was certified.
    Checked,
    /// They are not taken.
    Refused,
}
impl Staff {
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Checked => "checked",
            Self::Refused => "refused",
        }
    }
}

/// The operator's rules.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Departments (`31`, `2A`, `974`) and regions (`FR-OCC`); none: everywhere.
    pub territories: Vec<String>,
    /// Codes of professions; none: every one.
    pub professions: Vec<String>,
    /// What is asked of people without a profession.
    pub staff: Staff,
    /// The holder of a personal BAL is registered with an Order or authority: has a national identifier, an exemption does not do.
    pub registered: bool,
}

/// What is known of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// Profession, by its code.
    pub profession: Option<&'a str>,
    /// Has a national identifier.
    pub registered: bool,
    /// The identity was certified.
    pub certified: bool,
    /// Holds, or is to hold, a personal BAL within MSSanté.
    pub holder: bool,
}

/// Which rule does not take somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unfit {
    /// The place is not of the territory, or cannot be told.
    Territory,
    /// The profession is not of the public.
    Profession,
    /// Not registered with an Order or authority.
    Registration,
    /// Without a profession, and such people are not taken.
    Staff,
    /// Without a profession, and the identity was not certified.
    Unchecked,
}
impl Unfit {
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Territory => "territory",
            Self::Profession => "profession",
            Self::Registration => "registration",
            Self::Staff => "staff",
            Self::Unchecked => "unchecked",
        }
    }
    /// The code of the refusal.
    pub fn code(self) -> RefusalCode {
        match self {
            Self::Territory => RefusalCode::EligibilityTerritory,
            Self::Profession => RefusalCode::EligibilityProfession,
            Self::Registration => RefusalCode::EligibilityRegistration,
            Self::Staff => RefusalCode::EligibilityStaff,
            Self::Unchecked => RefusalCode::EligibilityUnchecked,
        }
    }
}

/// Regions by their code (ISO 3166-2:FR) and their departments.
const REGIONS: &[(&str, &[&str])] = &[
    ("FR-ARA", &["01", "03", "07", "15", "26", "38", "42", "43", "63", "69", "73", "74"]),
    ("FR-BFC", &["21", "25", "39", "58", "70", "71", "89", "90"]),
    ("FR-BRE", &["22", "29", "35", "56"]),
    ("FR-CVL", &["18", "28", "36", "37", "41", "45"]),
    ("FR-COR", &["2A", "2B"]),
    ("FR-20R", &["2A", "2B"]),
    ("FR-GES", &["08", "10", "51", "52", "54", "55", "57", "67", "68", "88"]),
    ("FR-HDF", &["02", "59", "60", "62", "80"]),
    ("FR-IDF", &["75", "77", "78", "91", "92", "93", "94", "95"]),
    ("FR-NOR", &["14", "27", "50", "61", "76"]),
    ("FR-NAQ", &["16", "17", "19", "23", "24", "33", "40", "47", "64", "79", "86", "87"]),
    ("FR-OCC", &["09", "11", "12", "30", "31", "32", "34", "46", "48", "65", "66", "81", "82"]),
    ("FR-PDL", &["44", "49", "53", "72", "85"]),
    ("FR-PAC", &["04", "05", "06", "13", "83", "84"]),
    ("FR-GP", &["971"]),
    ("FR-MQ", &["972"]),
    ("FR-GF", &["973"]),
    ("FR-RE", &["974"]),
    ("FR-YT", &["976"]),
];

/// Overseas places that are no department, by the beginning of their postal codes.
const OVERSEAS: &[&str] = &["971", "972", "973", "974", "975", "976", "977", "978", "986", "987", "988"];

/// Departments in the numbers of FINESS that are not written as elsewhere.
const FINESS: &[(&str, &str)] =
    &[("9A", "971"), ("9B", "972"), ("9C", "973"), ("9D", "974"), ("9E", "975"), ("9F", "976")];

fn is_department(code: &str) -> bool {
    OVERSEAS.contains(&code) || REGIONS.iter().any(|(_, all)| all.contains(&code))
}

/// The department of a postal code, else of a FINESS number; `None` when neither tells it.
///
/// ```
/// use sceau_domain::eligibility::department;
/// assert_eq!(department("20090", None).as_deref(), Some("2A"));
/// assert_eq!(department("97400", None).as_deref(), Some("974"));
/// assert_eq!(department("", Some("9D0000012")).as_deref(), Some("974"));
/// ```
pub fn department(postcode: &str, finess: Option<&str>) -> Option<String> {
    let digits: String = postcode.chars().filter(|c| !c.is_whitespace()).collect();
    let of_postcode = (digits.len() == 5 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| match &digits[..2] {
        // 200xx, 201xx: south; 202xx, 206xx: north.
        "20" if digits.as_bytes()[2] < b'2' => "2A".to_owned(),
        "20" => "2B".to_owned(),
        "97" | "98" => digits[..3].to_owned(),
        two => two.to_owned(),
    });
    of_postcode.filter(|d| is_department(d)).or_else(|| {
        let head = finess?.get(..2)?.to_ascii_uppercase();
        let code = FINESS.iter().find(|(f, _)| *f == head).map_or(head.as_str(), |(_, d)| d);
        is_department(code).then(|| code.to_owned())
    })
}

impl Rules {
    /// The rules in their one form: sorted, each once. `admin.invalid` for what is no department, region or code; `naming.too_long` for too many.
    pub fn checked(mut self) -> Result<Self, Refusal> {
        for (name, list) in [("territories", &mut self.territories), ("professions", &mut self.professions)] {
            if list.len() > MOST {
                return Err(Refusal::new(RefusalCode::NamingTooLong).with("name", name).with("limit", MOST));
            }
            for entry in list.iter_mut() {
                *entry = entry.trim().to_owned();
                if name == "territories" {
                    entry.make_ascii_uppercase();
                }
                let known = match name {
                    "territories" => is_department(entry) || REGIONS.iter().any(|(r, _)| r == entry),
                    _ => {
                        (1..=20).contains(&entry.len()) && entry.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                    }
                };
                if !known {
                    return Err(Refusal::new(RefusalCode::Invalid).with("name", name).with("cause", entry));
                }
            }
            list.sort_unstable();
            list.dedup();
        }
        Ok(self)
    }

    /// Does the territory take a place in this department? `None`: it cannot be told.
    pub fn place(&self, department: Option<&str>) -> Result<(), Unfit> {
        if self.territories.is_empty() {
            return Ok(());
        }
        let takes = |entry: &str, d: &str| {
            entry == d || REGIONS.iter().any(|(region, all)| *region == entry && all.contains(&d))
        };
        match department {
            Some(d) if self.territories.iter().any(|entry| takes(entry, d)) => Ok(()),
            _ => Err(Unfit::Territory),
        }
    }

    /// Is somebody of the public?
    pub fn person(&self, c: Candidate<'_>) -> Result<(), Unfit> {
        match (c.profession.filter(|p| !p.is_empty()), self.staff) {
            (Some(p), _) if !self.professions.is_empty() && !self.professions.iter().any(|x| x == p) => {
                return Err(Unfit::Profession);
            }
            // Whoever holds a personal BAL without a profession that we know is judged by the public, when there is one.
            (None, _) if c.holder && !self.professions.is_empty() => return Err(Unfit::Profession),
            (None, Staff::Refused) => return Err(Unfit::Staff),
            (None, Staff::Checked) if !c.certified => return Err(Unfit::Unchecked),
            _ => {}
        }
        if self.registered && c.holder && !c.registered { Err(Unfit::Registration) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(territories: &[&str], professions: &[&str]) -> Rules {
        let owned = |l: &[&str]| l.iter().map(|s| (*s).to_owned()).collect();
        Rules { territories: owned(territories), professions: owned(professions), ..Rules::default() }
    }

    #[test]
    fn departments_are_told_by_postcode_and_finess() {
        for (postcode, finess, said) in [
            ("31000", None, Some("31")),
            ("31 000", Some("750000000"), Some("31")),
            ("20200", None, Some("2B")),
            ("20600", None, Some("2B")),
            ("20137", None, Some("2A")),
            ("97600", None, Some("976")),
            ("98800", None, Some("988")),
            ("", Some("2A0000001"), Some("2A")),
            ("abcde", Some("9a0000001"), Some("971")),
            ("99000", None, None),
            ("00000", Some("990000002"), None),
            ("", None, None),
            ("é", Some("é"), None),
        ] {
            assert_eq!(department(postcode, finess).as_deref(), said, "{postcode} {finess:?}");
        }
    }

    #[test]
    fn a_territory_is_departments_and_regions() {
        let r = rules(&["fr-occ", " 33", "31"], &[]).checked().unwrap();
        assert_eq!(r.territories, ["31", "33", "FR-OCC"]);
        for (d, ok) in [(Some("31"), true), (Some("34"), true), (Some("33"), true), (Some("75"), false), (None, false)]
        {
            assert_eq!(r.place(d).is_ok(), ok, "{d:?}");
        }
        assert!(Rules::default().place(None).is_ok(), "without a territory nobody is asked");
        for wrong in ["20", "FR-XXX", "", "é", "310"] {
            assert_eq!(rules(&[wrong], &[]).checked().unwrap_err().code, RefusalCode::Invalid, "{wrong}");
        }
        assert_eq!(rules(&[], &["a b"]).checked().unwrap_err().code, RefusalCode::Invalid);
        assert_eq!(rules(&vec!["31"; 201], &[]).checked().unwrap_err().code, RefusalCode::NamingTooLong);
    }

    #[test]
    fn a_public_is_professions_registration_and_what_is_asked_of_staff() {
        let doctor = Candidate { profession: Some("10"), registered: true, certified: true, holder: true };
        let clerk = Candidate { profession: None, registered: false, certified: false, holder: false };
        for c in [doctor, clerk] {
            assert_eq!(Rules::default().person(c), Ok(()));
        }
        let r = rules(&[], &["10", "60"]);
        assert_eq!(r.person(doctor), Ok(()));
        assert_eq!(r.person(Candidate { profession: Some("21"), ..doctor }), Err(Unfit::Profession));
        assert_eq!(r.person(Candidate { profession: None, ..doctor }), Err(Unfit::Profession));
        assert_eq!(r.person(clerk), Ok(()));
        let checked = Rules { staff: Staff::Checked, ..r.clone() };
        assert_eq!(checked.person(clerk), Err(Unfit::Unchecked));
        assert_eq!(checked.person(Candidate { certified: true, ..clerk }), Ok(()));
        let none = Rules { staff: Staff::Refused, ..r.clone() };
        assert_eq!(none.person(Candidate { certified: true, ..clerk }), Err(Unfit::Staff));
        let registered = Rules { registered: true, ..r };
        assert_eq!(registered.person(Candidate { registered: false, ..doctor }), Err(Unfit::Registration));
        assert_eq!(registered.person(Candidate { registered: false, holder: false, ..doctor }), Ok(()));
    }
}
