use super::*;
use proptest::prelude::*;

/// The build check: our own template has every clause, in both languages.
#[test]
fn the_template_has_every_clause_in_both_languages() {
    let missing: Vec<String> = check(TEMPLATE_FR, TEMPLATE_EN).iter().map(ToString::to_string).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    let names = |text| parts(text).iter().map(|p| p.name).collect::<Vec<_>>();
    assert_eq!(names(TEMPLATE_FR), names(TEMPLATE_EN), "the reading copy follows the text clause by clause");
    let paragraphs = |text| parts(text).iter().skip(1).map(|p| p.paragraphs.len()).collect::<Vec<_>>();
    assert_eq!(paragraphs(TEMPLATE_FR), paragraphs(TEMPLATE_EN), "and paragraph by paragraph");
    assert!(TEMPLATE_EN.contains("Only the French version"));
}

/// And the check can fail: each clause taken away, emptied, cut short or robbed of what it must name is found, in either language.
#[test]
fn each_clause_that_goes_is_named() {
    for required in REQUIRED {
        for (lang, template) in [(Lang::Fr, TEMPLATE_FR), (Lang::En, TEMPLATE_EN)] {
            let judge = |changed: &str| match lang {
                Lang::Fr => check(changed, TEMPLATE_EN),
                Lang::En => check(TEMPLATE_FR, changed),
            };
            let marker = format!("<!-- clause: {} -->", required.name);
            let (before, after) = template.split_once(&marker).expect(required.name);
            let rest = after.find("<!-- clause:").map_or("", |at| &after[at..]);
            let lack = |why| vec![MissingClause { clause: required.name, lang, why }];
            assert_eq!(judge(&format!("{before}{rest}")), lack(Lack::Absent));
            assert_eq!(judge(&format!("{before}{marker}\n\n## A title\n\n{rest}")), lack(Lack::Short(0)));
            assert_eq!(judge(&format!("{before}{marker}\n\nNothing much.\n{rest}")), lack(Lack::Short(11)));
            let twice = judge(&format!("{template}\n{marker}\nx\n"));
            assert_eq!(twice, lack(Lack::Twice));
            let idle = "lorem ipsum ".repeat(20);
            let silent: Vec<_> = required.naming.iter().flat_map(|what| lack(Lack::Silent(what))).collect();
            assert_eq!(judge(&format!("{before}{marker}\n{idle}\n{rest}")), silent);
        }
    }
}

fn values() -> Values {
    let of = |(k, v): (&str, &str)| (k.to_owned(), v.to_owned());
    let given = [
        ("operateur", "Exemple Santé"),
        ("representant", "sa directrice générale"),
        ("adresse", "1 rue {contact} de l'Exemple, 59000 Lille"),
        ("contact", "contact@exemple.fr"),
        ("support", "01 00 00 00 00"),
        ("dpo", "dpo@exemple.fr"),
        ("hebergeur", "Exemple Hébergement"),
        ("lien", "https://mss.exemple.fr/conditions"),
    ];
    given.into_iter().map(of).collect()
}

#[test]
fn values_are_put_in_once_and_what_lacks_is_named() {
    for template in [TEMPLATE_FR, TEMPLATE_EN] {
        let filled = fill(template, &values()).expect("every placeholder has its value");
        assert!(filled.contains("1 rue {contact} de l'Exemple"), "a value is not read again for placeholders");
        assert!(!filled.contains("{operateur}") && filled.contains("Exemple Santé"));
        let mut fewer = values();
        fewer.remove("dpo");
        fewer.insert("contact".into(), " ".into());
        assert_eq!(fill(template, &fewer), Err(vec!["contact".into(), "dpo".into()]));
    }
}

#[test]
fn differences_read_clause_by_clause() {
    let before =
        "# T\nPréambule.\n<!-- clause: a -->\n## 1. Un\nDeux\nlignes.\n\nReste.\n<!-- clause: b -->\n## 2. B\nGone.\n";
    let after = "# T\nPréambule.\n<!-- clause: c -->\n## 1. C\n- Neuf.\n- Dix.\n<!-- clause: a -->\n## 2. Un\nReste.\n\nTrois lignes.\n";
    let found = differences(before, after);
    let told: Vec<_> = found.iter().map(|d| (d.clause.as_str(), d.title.as_str(), d.change)).collect();
    assert_eq!(told, [("c", "C", Change::Added), ("a", "Un", Change::Changed), ("b", "B", Change::Removed)]);
    assert_eq!(found[0].added, ["- Neuf.", "- Dix."]);
    assert_eq!(
        (&found[1].removed[..], &found[1].added[..]),
        (&["Deux lignes.".into()][..], &["Trois lignes.".into()][..])
    );
    assert!(differences(before, before).is_empty());
}

proptest! {
    #[test]
    fn any_text_can_be_judged_and_compared(a in "(<!-- clause: [a-c] -->|#|[a-c]|- |\n|\\{[a-c]\\}|é){0,60}", b in "(<!-- clause: [a-c] -->|#|[a-c]|\n){0,40}") {
        check(&a, &b);
        prop_assert!(differences(&a, &a).is_empty() || parts(&a).len() != parts(&a).iter().map(|p| p.name).collect::<std::collections::BTreeSet<_>>().len());
        differences(&a, &b);
        let all: Values = ["a", "b", "c"].into_iter().map(|n| (n.to_owned(), "v".to_owned())).collect();
        prop_assert_eq!(fill(&a, &all), Ok(a.replace("{a}", "v").replace("{b}", "v").replace("{c}", "v")));
    }
}
