//! What the analyzer makes of texts of the field.
use super::*;

/// Exact forms with positions: `rendezvous@0 rendez@0 vous@1`.
fn exact(text: &str) -> String {
    let mut tokens = Tokens::new(Style::Prose);
    tokens.add(text);
    tokens.list.iter().map(|t| format!("{}@{}", t.text, t.position)).collect::<Vec<_>>().join(" ")
}

#[test]
fn words_and_compounds() {
    assert_eq!(exact("Compte-rendu opératoire"), "compterendu@0 compte@0 rendu@1 operatoire@2");
    assert_eq!(exact("l'hôpital, jusqu’à demain"), "l@0 hopital@1 jusqu@2 a@3 demain@4");
    assert_eq!(exact("aujourd'hui"), "aujourdhui@0 aujourd@0 hui@1");
    assert_eq!(exact("hospita-\n lisation"), "hospitalisation@0 hospita@0 lisation@1");
    assert_eq!(exact("I.R.M. et C.R.P."), "irm@0 et@1 crp@2");
    assert_eq!(exact("compte_rendu-2026.pdf"), "compte@0 rendu@1 2026@2 pdf@3");
    assert_eq!(exact("anti-l'x - fin -"), "anti@0 l@1 x@2 fin@3");
}

#[test]
fn numbers_and_doses() {
    assert_eq!(exact("10mg 1,5 g 1.5g"), "10@0 mg@1 1.5@2 g@3 1.5@4 g@5");
    assert_eq!(exact("1,2,3"), "1@0 2@1 3@2");
    assert_eq!(exact("TA 12/8, 5 mcg"), "ta@0 12@1 8@2 5@3 ug@4");
    assert_eq!(exact("192.168.0.1"), "192@0 168@1 0@2 1@3");
    assert_eq!(exact("vitamine B12"), "vitamine@0 b@1 12@2");
    assert_eq!(exact("f3a9b2c4d"), "f3a9b2c4d@0");
}

#[test]
fn identifiers() {
    for ins in [
        "185057800608436",
        "1 85 05 78 006 084 36",
        "1 85 05 78 006 084 36.",
        "1.85.05.78.006.084.36",
        "1850578006084 36",
    ] {
        assert_eq!(exact(ins), "185057800608436@0", "{ins}");
    }
    assert_eq!(exact("1 85 05 2A 006 084 36"), "185052a00608436@0");
    assert_eq!(exact("185052A00608436"), "185052a00608436@0");
    assert_eq!(exact("1 85 05 78 006 084 puis"), "1850578006084@0 puis@1");
    for tel in ["06 12 34 56 78", "06.12.34.56.78", "0612345678", "+33 6 12 34 56 78"] {
        assert_eq!(exact(tel), "0612345678@0", "{tel}");
    }
    assert_eq!(exact("RPPS 10001234567"), "rpps@0 10001234567@1");
}

#[test]
fn dates() {
    for date in ["12/03/2026", "12.03.2026", "12-3-2026", "2026-03-12", "12 mars 2026", "12/03/26"] {
        assert!(exact(date).starts_with("20260312@0 "), "{date}: {}", exact(date));
    }
    assert_eq!(exact("1er août 2025"), "20250801@0 1@0 er@1 aout@2 2025@3");
    assert_eq!(exact("45/13/2026"), "45@0 13@1 2026@2");
}

#[test]
fn addresses() {
    assert_eq!(
        exact("<jean.dupont@hopital-exemple.mssante.fr>"),
        "jean.dupont@hopital-exemple.mssante.fr@0 jean@0 dupont@1 hopital@2 exemple@3 mssante@4 fr@5"
    );
    assert_eq!(exact("a@b"), "a@0 b@1");
}

#[test]
fn long_words_are_cut_and_fields_end() {
    let mut tokens = Tokens::new(Style::Prose);
    tokens.add(&"é".repeat(100_000));
    assert!(tokens.list.iter().all(|t| t.text.len() <= units::LONGEST));
    let mut tokens = Tokens::new(Style::Names);
    tokens.add(&"a ".repeat(300_000));
    assert_eq!(tokens.list.len(), LONGEST_FIELD as usize);
}
