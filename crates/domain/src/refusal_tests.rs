//! Laws of refusals: codes unique and consistent, sentences correct with and without values, protocol lines bounded.
use super::*;
use crate::text::{placeholders, template};
use proptest::prelude::*;
use std::collections::HashSet;

fn full(code: RefusalCode, value: &str) -> Refusal {
    PLACEHOLDERS.iter().fold(Refusal::new(code), |r, name| r.with(name, value))
}

fn assert_well_written(sentence: &str, what: &str) {
    assert!(sentence.len() > 20, "{what}: {sentence}");
    assert!(sentence.ends_with('.'), "{what}: {sentence}");
    for bad in ["{", "}", "[[", "]]", "  ", " .", " ,", "()", "« »", "\"\"", " )", "( "] {
        assert!(!sentence.contains(bad), "{what}: {bad:?} in {sentence}");
    }
}

#[test]
fn codes_are_unique_and_classes_agree() {
    let mut seen = HashSet::new();
    for c in RefusalCode::ALL {
        assert!(seen.insert(c.as_str()), "{}", c.as_str());
        assert!(c.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._".contains(&b)));
        assert!((400..600).contains(&c.smtp()), "{}", c.as_str());
        assert_eq!(c.smtp().to_string().as_bytes()[0], c.enhanced().as_bytes()[0], "{}", c.as_str());
        assert_eq!(c.enhanced().split('.').filter(|n| n.parse::<u16>().is_ok()).count(), 3, "{}", c.as_str());
        assert!((400..600).contains(&c.http()), "{}", c.as_str());
        assert_eq!(Refusal::new(*c).is_temporary(), c.smtp() / 100 == 4);
    }
}

#[test]
fn sentences_are_correct_with_and_without_values() {
    for &code in RefusalCode::ALL {
        for lang in Lang::ALL {
            let key = format!("refusal.{}", code.as_str());
            for name in placeholders(template(lang, &key).unwrap_or_default()) {
                assert!(PLACEHOLDERS.contains(&name), "{key}: {{{name}}} is not documented");
            }
            assert_well_written(&Refusal::new(code).sentence(lang), &key);
            assert_well_written(&full(code, "valeur").sentence(lang), &key);
            for name in PLACEHOLDERS {
                assert_well_written(&Refusal::new(code).with(name, "valeur").sentence(lang), &key);
            }
        }
    }
}

#[test]
fn sentences_differ_and_are_not_cut_when_values_are_ordinary() {
    let mut seen = HashSet::new();
    for &code in RefusalCode::ALL {
        for lang in Lang::ALL {
            assert!(seen.insert(Refusal::new(code).sentence(lang)), "{}", code.as_str());
        }
        let text = full(code, "service-cardiologie@hopital.mssante.fr").smtp_text();
        assert!(!text.contains("..."), "{} is too long for a reply line: {}", code.as_str(), text.len());
        // A long value is shortened so that both sentences still end.
        let text = full(code, &"CN=mx.hopital.mssante.fr,O=CENTRE HOSPITALIER,".repeat(5)).smtp_text();
        assert!(text.contains(". / ") && text.ends_with('.') && !text.ends_with(".."), "{}: {text}", code.as_str());
    }
}

#[test]
fn smtp_reply_has_its_three_parts() {
    let reply = Refusal::new(RefusalCode::PeerExpired).smtp_reply();
    assert!(reply.starts_with("554 5.7.1 "), "{reply}");
    assert!(reply.ends_with(" [peer.expired]"), "{reply}");
    assert!(reply.contains(" / "), "{reply}");
}

#[test]
fn debug_and_display_hold_no_local_part() {
    let r = Refusal::new(RefusalCode::RcptUnknown)
        .with("address", "147037433100207@patient.mssante.fr")
        .with("reply", "550 147037433100207 unknown");
    assert!(!format!("{r:?} {r}").contains("147037433100207"));
    assert!(format!("{r:?}").contains("patient.mssante.fr"));
}

proptest! {
    #[test]
    fn protocol_lines_are_bounded_printable_ascii(i in 0..RefusalCode::ALL.len(), value in "(?s).{0,2000}") {
        let r = full(RefusalCode::ALL[i], &value);
        prop_assert!(r.smtp_reply().len() <= 510);
        prop_assert!(r.smtp_reply().bytes().all(|b| (b' '..=b'~').contains(&b)), "{}", r.smtp_reply());
        for lang in Lang::ALL {
            prop_assert!(!r.sentence(lang).chars().any(char::is_control));
        }
    }
}
