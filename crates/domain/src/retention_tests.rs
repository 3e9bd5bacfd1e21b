use super::*;
use crate::calendar::{Hours, Territory};
use proptest::prelude::*;

fn policy(changes: &[(Item, &str)]) -> Policy {
    let mut policy = Policy::standard();
    for (item, value) in changes {
        policy.set(*item, Rule { value: value.parse().unwrap(), source: "essai".into(), verified: false });
    }
    policy
}

#[test]
fn every_preset_says_everything_and_may_be() {
    for name in PRESETS {
        let preset = Policy::preset(name).unwrap();
        assert_eq!((preset.check(), preset.0.len()), (Ok(()), Item::ALL.len()), "{name}");
        assert!(preset.rules().all(|(_, r)| !r.source.is_empty() && (r.verified || r.source == OWN)), "{name}");
        let json = serde_json::to_string(&preset).unwrap();
        assert_eq!(serde_json::from_str::<Policy>(&json).unwrap(), preset);
    }
    assert!(Policy::preset("autre").is_none());
    // A policy of before an item existed.
    let old: Policy = serde_json::from_str("{}").unwrap();
    assert_eq!(old.span(Item::Cooling).to_string(), "30 days");
    assert_eq!(serde_json::to_string(&Item::FunctionalTraces).unwrap(), "\"functional_traces\"");
}

#[test]
fn no_policy_goes_below_the_field() {
    for value in ["9 years", "119 months", "3650 days", "0 days"] {
        let floor = Span::Of(10, Unit::Years);
        assert_eq!(
            policy(&[(Item::FunctionalTraces, value)]).check(),
            Err(Unfit::Short(Item::FunctionalTraces, floor))
        );
    }
    assert_eq!(policy(&[(Item::FunctionalTraces, "120 months")]).check(), Ok(()));
    assert!(matches!(
        policy(&[(Item::TechnicalTraces, "364 days")]).check(),
        Err(Unfit::Short(Item::TechnicalTraces, _))
    ));
    assert!(matches!(policy(&[(Item::InactivityClosure, "13 months")]).check(), Err(Unfit::Long(..))));
    assert!(matches!(policy(&[(Item::InactivityClosure, "never")]).check(), Err(Unfit::Long(..))));
    assert!(matches!(policy(&[(Item::TechnicalTraces, "3000 working_days")]).check(), Err(Unfit::Short(..))));
    let reused = [(Item::FunctionalTraces, "20 years"), (Item::Tombstone, "15 years")];
    assert_eq!(policy(&reused).check(), Err(Unfit::Reused));
    // Ten years after the closing: an address that is given again before that would be told apart from nobody.
    let reused = [(Item::BalTraces, "11 years"), (Item::Tombstone, "10 years")];
    assert_eq!(policy(&reused).check(), Err(Unfit::Reused));
    assert!(matches!(policy(&[(Item::Messages, "60 working_days")]).check(), Err(Unfit::Short(Item::Messages, _))));
    assert_eq!(policy(&[(Item::Cooling, "60 working_days")]).check(), Ok(()));
    assert_eq!(policy(&[(Item::InactivityNotice, "12 months")]).check(), Err(Unfit::Unannounced));
    assert_eq!(policy(&[(Item::Cooling, "0 days")]).check(), Ok(()));
}

#[test]
fn what_becomes_shorter_is_named() {
    let (promess, medimail) = (Policy::preset("promess").unwrap(), Policy::preset("medimail").unwrap());
    let named: Vec<_> = medimail.shorter_than(&promess).into_iter().map(|(item, ..)| item).collect();
    assert_eq!(named, [Item::BalTraces, Item::Messages, Item::Identity]);
    assert!(promess.shorter_than(&medimail).is_empty() && promess.shorter_than(&promess).is_empty());
    // What this version does not act on removes nothing.
    assert!(policy(&[(Item::Restitution, "1 working_days")]).shorter_than(&promess).is_empty());
}

#[test]
fn times_are_read_and_reckoned() {
    for bad in [
        "",
        "10",
        "10 ans",
        "-1 days",
        "+1 days",
        "1000000 days",
        "999999 days",
        " 1 days",
        "1  days",
        "never ",
        "1 sdays",
    ] {
        assert!(bad.parse::<Span>().is_err(), "{bad:?}");
    }
    assert_eq!("1 year".parse(), Ok(Span::Of(1, Unit::Years)));
    let calendar = Calendar::new(Territory::Metropole, Hours::default(), []);
    let from = Timestamp(1_709_164_800_000); // 2024-02-29T00:00:00Z
    let end = |s: &str| s.parse::<Span>().unwrap().end(from, &calendar).map(|t| (t.0 - from.0) / 86_400_000);
    assert_eq!(end("10 years"), Some(3_652), "to the 28th of February 2034");
    assert_eq!((end("1 month"), end("3 weeks"), end("48 hours"), end("never")), (Some(29), Some(21), Some(2), None));
    assert_eq!(end("100000 years"), None);
    assert_eq!(end("0 days"), Some(0));
    let by = |s: &str| s.parse::<Span>().unwrap().begun_by(from).map(|t| (from.0 - t.0) / 86_400_000);
    assert_eq!((by("10 years"), by("1 month"), by("2 weeks"), by("never")), (Some(3_653), Some(31), Some(14), None));
    // Thursday: the second working day ends on Monday at 18:00 (17:00Z).
    assert_eq!("2 working_days".parse::<Span>().unwrap().end(from, &calendar), Some(Timestamp(1_709_571_600_000)));
}

proptest! {
    #[test]
    fn what_is_shown_is_read(n in 0..=MOST, unit in 0..Unit::NAMES.len()) {
        let span = Span::Of(n, Unit::NAMES[unit].0);
        prop_assert_eq!(span.to_string().parse(), Ok(span));
        prop_assert!(Span::Never.is_at_least(span) && span.longer(Span::Never) == Span::Never);
    }
    #[test]
    fn nothing_else_is_read(text in "\\PC{0,20}") {
        if let Ok(span) = text.parse::<Span>() {
            let shown = span.to_string();
            prop_assert!(shown == text || shown.trim_end_matches('s') == text || shown.parse() == Ok(span));
        }
    }
}
