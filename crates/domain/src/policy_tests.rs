use super::*;
use proptest::prelude::*;

#[test]
fn built_in_limits_are_those_of_the_field() {
    let l = Limits::default();
    assert_eq!(l.check(), Ok(()));
    assert!(l.message_bytes_for(false) >= 10_000_000 && l.message_bytes_for(true) <= 25_000_000);
    assert_eq!((l.recipients, l.quota_bytes, l.announced_bytes()), (40, 2 << 30, 25_000_000));
}

#[test]
fn absurd_limits_are_refused_by_name() {
    let d = Limits::default();
    for (limits, name) in [
        (Limits { message_bytes: 1000, ..d }, "message_bytes"),
        (Limits { patient_message_bytes: 1 << 40, ..d }, "patient_message_bytes"),
        (Limits { quota_bytes: 1 << 20, ..d }, "quota_bytes"),
        (Limits { quota_bytes: u64::MAX, ..d }, "quota_bytes"),
        (Limits { recipients: 0, ..d }, "recipients"),
        (Limits { folders: 0, ..d }, "folders"),
        (Limits { keywords: 0, ..d }, "keywords"),
        (Limits { hops: 3, ..d }, "hops"),
        (Limits { journal_days: 0, ..d }, "journal_days"),
    ] {
        let refusal = limits.check().expect_err(name);
        assert_eq!(refusal.code, RefusalCode::Invalid);
        assert!(refusal.args.contains(&("name", name.to_owned())), "{refusal:?}");
    }
}

#[test]
fn missing_values_are_the_built_in_ones_and_unknown_ones_errors() {
    let l: Limits = toml::from_str("recipients = 3").expect("valid");
    assert_eq!(l, Limits { recipients: 3, ..Limits::default() });
    assert!(toml::from_str::<Limits>("recipient = 3").is_err());
    let layer: Layer = toml::from_str("recipients = 3\nquota_bytes = 5").expect("valid");
    assert_eq!(Limits::default().with(&layer), Limits { recipients: 3, quota_bytes: 5, ..Limits::default() });
    assert!(toml::from_str::<Layer>("recipient = 3").is_err());
}

#[test]
fn every_limit_is_declared_whole() {
    let mut limits = Limits::default();
    for d in DEFINITIONS {
        assert!(d.check(d.built_in).is_ok() && d.check(d.min).is_ok() && d.check(d.max).is_ok(), "{}", d.name);
        assert_eq!(limits.get(d.name), Some(d.built_in), "{}", d.name);
        assert!(limits.set(d.name, d.max), "{}", d.name);
        assert_eq!(limits.get(d.name), Some(d.max), "{}", d.name);
        assert!(d.scopes.contains(&Scope::Operator) && !d.source.is_empty());
        let refusal = d.check(d.max.saturating_add(1)).err().or(d.check(d.min.wrapping_sub(1)).err());
        let refusal = refusal.expect("a range");
        assert!(refusal.args.iter().any(|(n, v)| *n == "cause" && v.contains(&d.max.to_string())), "{refusal:?}");
    }
    assert!(!limits.set("nothing", 1) && limits.get("nothing").is_none() && definition("nothing").is_err());
}

#[test]
fn below_the_operator_a_value_fits_what_the_doors_announce() {
    let operator = Limits::default();
    let at = |name: &str, scope, value| definition(name).and_then(|d| d.check_at(scope, value, &operator));
    assert!(at("message_bytes", Scope::Bal, 25_000_000).is_ok());
    assert!(at("message_bytes", Scope::Bal, 25_000_001).is_err());
    assert!(at("quota_bytes", Scope::Structure, 24_999_999).is_err());
    assert!(at("quota_bytes", Scope::Structure, 25_000_000).is_ok());
    assert!(at("hops", Scope::Domain, 50).is_err(), "for the operator only");
    assert!(at("recipients", Scope::Operator, 50).is_err(), "in the configuration");
}

/// The rule said another way: walk from afar to near, and let each word that counts replace the one before.
fn naive(operator: &Limits, settings: &[Setting], d: &Definition) -> (u64, From) {
    let given = operator.get(d.name).unwrap();
    let mut found = (given, if given == d.built_in { From::BuiltIn } else { From::Configuration });
    for scope in [Scope::Domain, Scope::Kind, Scope::Structure, Scope::Bal] {
        for s in settings {
            if s.scope == scope && s.name == d.name && d.scopes.contains(&scope) && d.min <= s.value && s.value <= d.max
            {
                found = (s.value, From::Set(scope));
            }
        }
    }
    found
}

fn settings() -> impl Strategy<Value = Vec<Setting>> {
    // At most one word a scope and limit, as the store's key has it; names and values that mean nothing too.
    let one = (0..Scope::ALL.len(), 0..=DEFINITIONS.len(), prop_oneof![0..5000_u64, any::<u64>(), Just(30_000_000)]);
    prop::collection::vec(one, 0..40).prop_map(|list| {
        let mut out: Vec<Setting> = Vec::new();
        for (scope, name, value) in list {
            let name = DEFINITIONS.get(name).map_or("later", |d| d.name).to_owned();
            let scope = Scope::ALL[scope];
            if !out.iter().any(|s| s.scope == scope && s.name == name) {
                out.push(Setting { scope, name, value });
            }
        }
        out
    })
}

proptest! {
    #[test]
    fn the_nearest_word_wins(settings in settings(), recipients in 1..200_usize) {
        let operator = Limits { recipients, ..Limits::default() };
        let resolved = resolve(&operator, &settings);
        let mut turned = settings.clone();
        turned.reverse();
        prop_assert_eq!(resolve(&operator, &turned), resolved, "order means nothing");
        for d in DEFINITIONS {
            let (value, from) = naive(&operator, &settings, d);
            prop_assert_eq!(resolved.get(d.name), Some(value), "{}", d.name);
            prop_assert_eq!(origin(d, &operator, &settings), from, "{}", d.name);
        }
    }
}
