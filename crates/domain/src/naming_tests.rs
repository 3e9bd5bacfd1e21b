//! The examples that the requirement gives, others of the same kind, and laws of suggestions.
use super::*;
use crate::DomainName;
use proptest::prelude::*;

fn at(local: &str) -> Address {
    let domain: DomainName = "hopital.mssante.fr".parse().expect("domain");
    Address::from_parts(local, domain).expect(local)
}

fn code(kind: BalKind, local: &str) -> Option<RefusalCode> {
    check_address(kind, &at(local), &["Maëlys"]).err().map(|r| r.code)
}

#[test]
fn word_lists_are_folded_and_apart() {
    for word in words::TITLES.iter().chain(words::STRUCTURES).chain(words::FIRST_NAMES).chain(words::STRUCTURE_PARTS) {
        assert!(!word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()), "{word}");
    }
    for name in words::FIRST_NAMES {
        assert!(!words::STRUCTURES.contains(name), "{name}");
        assert!(!words::STRUCTURE_PARTS.iter().any(|p| name.contains(p)), "{name}");
    }
}

#[test]
fn names_of_structures_are_accepted() {
    for local in [
        "service-cardiologie",
        "cabinet-dr-martin",
        "service-pr-dupont",
        "institut-pasteur.secretariat",
        "secretariat.cardiologie",
        "hopital-henri-mondor",
        "clinique-saint-jean",
        "st-joseph",
        "saint-louis.accueil",
        "pharmacie.dupont",
        "laboratoire",
        "cardiologie",
        "chu-nord.urgences",
        "dpi",
        "resultats-labo2",
        "ssiad.rennes",
        "neurochirurgie.b",
        "imagerie-marie-curie",
        "cpts-val-de-loire",
        "automate01",
        "Pôle-Santé",
        "ehpad_les_lilas",
        "msp.du.pont",
        "reseau-diabete",
        "les-lilas",
        "florence.pharmacie",
    ] {
        for kind in [BalKind::Org, BalKind::App] {
            assert_eq!(code(kind, local), None, "{local}");
        }
    }
}

#[test]
fn names_of_persons_are_refused_for_org_and_app_only() {
    for local in [
        "prenom.nom",
        "jean.dupont",
        "Jean.DUPONT2",
        "jean-dupont",
        "dupont.jean",
        "dupont_jean",
        "marie-claire.petit",
        "j.dupont",
        "dr-martin",
        "docteur.martin",
        "hélène.lefèvre",
        "jean.dupont.cardiologie",
        "jean.dupont-cardiologie",
        "maelys-leroy",
        "mme.durand",
        "kerboul.lannig",
        "dupont.j",
        "Jean'dupont",
    ] {
        for kind in [BalKind::Org, BalKind::App] {
            assert_eq!(code(kind, local), Some(RefusalCode::NamingPerson), "{local}");
        }
        for kind in [BalKind::Per, BalKind::Cab, BalKind::Med] {
            assert_eq!(code(kind, local), None, "{local}");
        }
    }
}

#[test]
fn refusal_explains_and_names() {
    let refusal = check_address(BalKind::Org, &at("jean.dupont"), &[]).expect_err("a person");
    assert!(refusal.sentence(crate::Lang::Fr).contains("jean.dupont"));
    assert!(refusal.sentence(crate::Lang::Fr).contains("cabinet-dr-martin"));
}

#[test]
fn reserved_names_and_odd_characters_are_refused_for_everyone() {
    for kind in [BalKind::Per, BalKind::Org, BalKind::App, BalKind::Cab, BalKind::Med] {
        for local in RESERVED {
            assert_eq!(code(kind, local), Some(RefusalCode::NamingReserved), "{local}");
            assert_eq!(code(kind, &local.to_uppercase()), Some(RefusalCode::NamingReserved), "{local}");
        }
        assert_eq!(code(kind, "opérateur"), Some(RefusalCode::NamingReserved));
        for local in
            ["no_reply", "no.reply", "NoReply", "post-master", "mailer.daemon", "ab_use", "réponse-automatique.test"]
        {
            assert_eq!(code(kind, local), Some(RefusalCode::NamingReserved), "{local}");
        }
        // What looks like Latin letters and is not: Cyrillic, Greek, full width, dotless, digits of other scripts; what is nothing but marks.
        for local in [
            "\u{430}nne",
            "ann\u{435}",
            "\u{3bf}liver",
            "\u{ff41}nne",
            "mart\u{131}n",
            "a\u{661}",
            "\u{82b1}",
            "-",
            "_a",
            "a-",
            "'",
        ] {
            assert_eq!(code(kind, local), Some(RefusalCode::NamingCharacter), "{local}");
        }
        for local in ["a*b", "a b", "a/b", "a%b", "a!b", "a+b", "a\"b", "a@b", "a&b"] {
            assert_eq!(code(kind, local), Some(RefusalCode::NamingCharacter), "{local}");
        }
    }
}

#[test]
fn a_patient_has_an_ins() {
    assert_eq!(code(BalKind::Usager, "279035121518989"), None);
    for local in ["279035121518988", "jean.dupont", "27903512151898", "279 035 121 518 989"] {
        let refusal = check_address(BalKind::Usager, &at(local), &[]).expect_err(local);
        assert_eq!(refusal.code, RefusalCode::NamingPatient);
        assert!(refusal.args.is_empty(), "the number is not repeated");
    }
}

#[test]
fn publication_lengths_are_those_of_the_mos() {
    let check = |k, d: &str, r: &str, s: &str| check_publication(k, d, r, s, &[]).map_err(|r| r.code);
    let n = |n: usize| "é".repeat(n);
    assert_eq!(check(BalKind::Org, &n(75), &n(45), &n(90)), Ok(()));
    assert_eq!(check(BalKind::Org, &n(76), "", ""), Err(RefusalCode::NamingTooLong));
    assert_eq!(check(BalKind::Cab, "", &n(46), ""), Err(RefusalCode::NamingTooLong));
    assert_eq!(check(BalKind::App, "", "", &n(91)), Err(RefusalCode::NamingTooLong));
    assert_eq!(check(BalKind::Org, &"e\u{301}".repeat(75), "", ""), Ok(()), "counted composed");
    assert_eq!(check(BalKind::Per, "", "Dr Martin", ""), Err(RefusalCode::NamingEmpty));
    assert_eq!(check(BalKind::Per, "", " ", ""), Ok(()));
    assert_eq!(check(BalKind::Org, "Jean Dupont", "", ""), Err(RefusalCode::NamingPerson));
    assert_eq!(check(BalKind::App, "Docteur Dupont", "", ""), Err(RefusalCode::NamingPerson));
    assert_eq!(
        check(BalKind::Org, "", "", "Jean Dupont"),
        Err(RefusalCode::NamingPerson),
        "the service describes it too"
    );
    assert_eq!(check(BalKind::Org, "", "", "Service du Dr Dupont"), Ok(()));
    assert_eq!(check(BalKind::Org, "Secrétariat du Dr Dupont", "Jean Dupont", ""), Ok(()));
    assert_eq!(check(BalKind::Org, "Bloc opératoire", "", ""), Ok(()));
    assert_eq!(check(BalKind::Org, "Suivi des plaies", "", ""), Ok(()));
    assert_eq!(check(BalKind::Per, "Jean Dupont", "", ""), Ok(()));
}

#[test]
fn suggestions_are_usual_addresses() {
    let s = |g: &str, f: &str| suggest(g, f, |_| false);
    assert_eq!(s("Hélène", "D'ARTAGNAN").as_deref(), Some("helene.dartagnan"));
    assert_eq!(s("Jean  Marie", "Œuvrard-Noël").as_deref(), Some("jean-marie.oeuvrard-noel"));
    assert_eq!(s("", "Petit"), None);
    assert_eq!(s("花", "Petit"), None);
    assert_eq!(suggest("Jean", "Petit", |l| !l.ends_with('4')).as_deref(), Some("jean.petit4"));
    assert_eq!(suggest("Jean", "Petit", |_| true), None);
}

proptest! {
    #[test]
    fn a_suggestion_can_be_opened_and_is_free(given in "\\PC{0,40}", family in "[A-Za-zà-ÿ' -]{1,40}", busy in 0usize..5) {
        let taken = |l: &str| l.bytes().last().is_some_and(|b| usize::from(b % 5) < busy);
        if let Some(local) = suggest(&given, &family, taken) {
            prop_assert!(local.len() <= 64);
            prop_assert!(!taken(&local));
            let domain: DomainName = "a.mssante.fr".parse().map_err(|e| TestCaseError::fail(format!("{e}")))?;
            let address = Address::from_parts(&local, domain).map_err(|e| TestCaseError::fail(format!("{local}: {e}")))?;
            prop_assert_eq!(address.local(), local.as_str());
            prop_assert_eq!(check_address(BalKind::Per, &address, &[]), Ok(()));
        }
    }

    #[test]
    fn first_name_dot_name_never_passes(i in 0..words::FIRST_NAMES.len(), name in "[b-df-hj-np-tv-z]{2,8}", n in 0u8..3) {
        let number = if n == 0 { String::new() } else { n.to_string() };
        prop_assume!(!words::STRUCTURES.contains(&name.as_str()));
        let local = format!("{}.{name}{number}", words::FIRST_NAMES[i]);
        prop_assert_eq!(code(BalKind::Org, &local), Some(RefusalCode::NamingPerson));
    }
}
