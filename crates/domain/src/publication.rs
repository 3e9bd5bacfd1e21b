//! What is published of a BAL and of the person behind it: nationally and in the operator's own directory, by which rule or choice, and who may change
//! it (F095, F097).
//!
//! Promises: what is withheld is withheld as a whole; a telephone number leaves only by an explicit choice; the notification address, the login and
//! the state of the identity are in no directory; a choice that nobody made counts for nothing (F094).
use crate::{BalKind, DomainKind};

/// Why nothing of a BAL is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Withheld {
    /// Somebody with the right chose the liste rouge (F091).
    RedList,
    /// A test BAL (F029).
    Test,
    /// It does not exchange with other operators: MED, an internal domain, a user without a card (F004, F005).
    Internal,
    /// It is suspended, blocked, closing or closed.
    NotActive,
}

/// Whose act changes a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangedBy {
    /// The person, at once.
    Own,
    /// A choice about the BAL, by whoever manages it.
    Choice,
    /// A correction that is asked for: it is certified or belongs to the structure.
    Request,
    /// Nobody: it never changes.
    Never,
}

impl Withheld {
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RedList => "red_list",
            Self::Test => "test",
            Self::Internal => "internal",
            Self::NotActive => "not_active",
        }
    }
}

impl ChangedBy {
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Choice => "choice",
            Self::Request => "request",
            Self::Never => "never",
        }
    }
}

/// A field of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its value; none: there is none to publish.
    pub value: Option<String>,
    /// In the national directory.
    pub national: bool,
    /// In the operator's own directory.
    pub operator: bool,
    /// Whose act changes it.
    pub changed_by: ChangedBy,
}

/// What is known of a BAL and of the person or structure behind it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Address of the BAL.
    pub address: String,
    /// First names of the holder.
    pub given_name: Option<String>,
    /// Family name of the holder.
    pub family_name: Option<String>,
    /// Profession.
    pub profession: Option<String>,
    /// Speciality.
    pub speciality: Option<String>,
    /// The published identifier ([`crate::person::published_identifier`]).
    pub identifier: Option<String>,
    /// Telephone of the holder.
    pub phone: Option<String>,
    /// Name of the structure.
    pub structure: Option<String>,
    /// Postal address of the structure, in one line.
    pub postal: Option<String>,
    /// Name of the BAL, as shown.
    pub label: String,
    /// Functional description.
    pub description: String,
    /// Service.
    pub service: String,
    /// Text about the responsible people.
    pub responsible: String,
    /// Choice: telephone published.
    pub phone_published: Option<bool>,
    /// Choice: zéro papier.
    pub paperless: Option<bool>,
}

/// Why nothing of a BAL is published; none: it is.
pub fn withheld(
    (kind, domain): (BalKind, DomainKind),
    (test, reachable): (bool, bool),
    active: bool,
    red_list: Option<bool>,
) -> Option<Withheld> {
    if test || domain == DomainKind::Test {
        Some(Withheld::Test)
    } else if kind == BalKind::Med || kind == BalKind::Usager || domain != DomainKind::Production || !reachable {
        Some(Withheld::Internal)
    } else if !active {
        Some(Withheld::NotActive)
    } else if red_list == Some(true) {
        Some(Withheld::RedList)
    } else {
        None
    }
}

/// Every field of an entry, with where it is published: nowhere when the entry is `withheld`.
pub fn fields(kind: BalKind, known: Known, withheld: Option<Withheld>) -> Vec<Field> {
    use ChangedBy::{Choice, Never, Own, Request};
    let filled = |text: String| Some(text).filter(|t| !t.is_empty());
    let phone = known.phone_published == Some(true);
    let paperless = known.paperless.map(|yes| if yes { "yes" } else { "no" }.to_owned());
    // Name, value, national, operator's, who changes it.
    let personal = matches!(kind, BalKind::Per | BalKind::Med | BalKind::Usager);
    let mut rows = vec![("address", filled(known.address), true, true, Never)];
    if personal {
        rows.extend([
            ("family_name", known.family_name, true, true, Request),
            ("given_name", known.given_name, true, true, Request),
            ("profession", known.profession, true, true, Request),
            ("speciality", known.speciality, true, true, Request),
            ("identifier", known.identifier, true, true, Request),
            ("phone", known.phone, phone, phone, Own),
        ]);
    } else {
        rows.extend([
            ("label", filled(known.label), true, true, Request),
            ("responsible", filled(known.responsible), false, true, Request),
        ]);
    }
    rows.extend([
        ("description", filled(known.description), true, true, Request),
        ("service", filled(known.service), true, true, Request),
        ("structure", known.structure, true, true, Request),
        ("postal", known.postal, false, true, Request),
        ("paperless", paperless, true, true, Choice),
    ]);
    let field = |(name, value, national, operator, changed_by): (_, Option<String>, bool, bool, _)| {
        let there = withheld.is_none() && value.is_some();
        Field { name, value, national: there && national, operator: there && operator, changed_by }
    };
    rows.into_iter().map(field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PER: (BalKind, DomainKind) = (BalKind::Per, DomainKind::Production);

    fn known() -> Known {
        Known {
            address: "anne@hopital.mssante.fr".into(),
            given_name: Some("Anne".into()),
            phone: Some("+33199001234".into()),
            postal: Some("1 rue de l'Exemple 75000 Paris".into()),
            label: "Cardiologie".into(),
            responsible: "Dr Exemple".into(),
            ..Known::default()
        }
    }
    fn one<'a>(fields: &'a [Field], name: &str) -> &'a Field {
        fields.iter().find(|f| f.name == name).unwrap()
    }

    #[test]
    fn a_telephone_leaves_by_choice_alone() {
        for (choice, there) in [(None, false), (Some(false), false), (Some(true), true)] {
            let fields = fields(BalKind::Per, Known { phone_published: choice, ..known() }, None);
            let phone = one(&fields, "phone");
            assert_eq!((phone.national, phone.operator), (there, there), "{choice:?}");
        }
    }

    #[test]
    fn what_is_withheld_is_withheld_as_a_whole() {
        for why in [
            withheld(PER, (false, true), true, Some(true)),
            withheld(PER, (true, true), true, None),
            withheld(PER, (false, false), true, None),
            withheld(PER, (false, true), false, None),
            withheld((BalKind::Med, DomainKind::Production), (false, true), true, None),
            withheld((BalKind::Per, DomainKind::Internal), (false, true), true, None),
        ] {
            assert!(why.is_some());
            let all = fields(BalKind::Per, Known { phone_published: Some(true), ..known() }, why);
            assert!(all.iter().all(|f| !f.national && !f.operator), "{why:?}");
        }
        // A choice that nobody made counts for nothing, and neither does one against the liste rouge.
        assert_eq!(withheld(PER, (false, true), true, None), None);
        assert_eq!(withheld(PER, (false, true), true, Some(false)), None);
    }

    #[test]
    fn each_directory_gets_what_is_its_own() {
        let all = fields(BalKind::Per, known(), None);
        let postal = one(&all, "postal");
        assert_eq!((postal.national, postal.operator), (false, true));
        assert!(one(&all, "address").national && !one(&all, "speciality").national, "nothing is published of nothing");
        assert!(all.iter().all(|f| f.name != "label" && f.name != "responsible"));
        let all = fields(BalKind::Org, known(), None);
        assert!(one(&all, "label").national && !one(&all, "responsible").national && one(&all, "responsible").operator);
        assert!(all.iter().all(|f| f.name != "phone" && f.name != "given_name"));
    }
}
