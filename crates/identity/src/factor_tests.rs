use super::*;
use proptest::prelude::*;

const HOUR: i64 = 3_600_000;

fn proof(factors: &[Factor]) -> Proof {
    factors.iter().enumerate().fold(Proof::default(), |p, (i, f)| p.with(*f, Timestamp(i as i64)))
}

#[test]
fn each_means_alone() {
    let strengths = Factor::ALL.map(|f| proof(&[f]).strength());
    use Strength::{Issuer, Single, Strong};
    assert_eq!(strengths, [Issuer, Issuer, Strong, Strong, Single, Single, Single, Single]);
    assert_eq!(Proof::default().strength(), Strength::None);
}

#[test]
fn two_means_are_strong_when_their_natures_differ() {
    use Factor::{Device, MailCode, Password, Totp};
    for strong in [[Password, Totp], [Totp, Password], [Password, MailCode]] {
        assert_eq!(proof(&strong).strength(), Strength::Strong, "{strong:?}");
    }
    // Two things that one has; what a program keeps.
    for single in [&[MailCode, Totp][..], &[Device], &[Device, Password], &[Device, Totp, MailCode]] {
        assert_eq!(proof(single).strength(), Strength::Single, "{single:?}");
    }
    assert_eq!(proof(&[Device, Password, Totp]).strength(), Strength::Strong);
}

#[test]
fn only_what_is_recent_is_fresh() {
    use Factor::{Card, Passkey, Password, Totp};
    let now = Timestamp(10 * HOUR);
    let of = |old: &[Factor], new: &[Factor]| {
        let p = old.iter().fold(Proof::default(), |p, f| p.with(*f, now.plus_ms(-2 * HOUR)));
        new.iter().fold(p, |p, f| p.with(*f, now.plus_ms(-1))).fresh(now, HOUR)
    };
    assert_eq!(of(&[Card], &[]), Strength::None);
    assert_eq!(of(&[Card], &[Passkey]), Strength::Strong);
    // An old password does not make a new code strong.
    assert_eq!(of(&[Password], &[Totp]), Strength::Single);
    assert_eq!(of(&[], &[Password, Totp]), Strength::Strong);
    // The newest of a means counts, in whatever order it is told.
    assert_eq!(of(&[Passkey], &[Passkey]), Strength::Strong);
    let told_late = Proof::of(Passkey, now).with(Passkey, now.plus_ms(-2 * HOUR));
    assert_eq!(told_late.fresh(now, HOUR), Strength::Strong);
}

#[test]
fn freshness_ends_on_time_and_does_not_begin_early() {
    let at = |ms: i64| Proof::of(Factor::Passkey, Timestamp(ms)).fresh(Timestamp(HOUR), 600_000);
    assert_eq!((at(HOUR - 600_000), at(HOUR - 600_001)), (Strength::Strong, Strength::None));
    assert_eq!((at(HOUR + SKEW_MS), at(HOUR + SKEW_MS + 1)), (Strength::Strong, Strength::None));
    assert_eq!(Proof::of(Factor::Card, Timestamp(i64::MAX)).fresh(Timestamp(i64::MIN), i64::MAX), Strength::None);
}

#[test]
fn each_need_has_its_refusal() {
    use Factor::{Card, Passkey, Password, Totp};
    let now = Timestamp(10 * HOUR);
    let asked = |f: &[Factor], age: i64| {
        let p = f.iter().fold(Proof::default(), |p, f| p.with(*f, now.plus_ms(-age)));
        [Need::Session, Need::Strong, Need::Fresh, Need::Issuer]
            .map(|n| meets(&p, n, now, HOUR).err().map(Lacking::code))
    };
    let (none, weak) = (Some("login.required"), Some("auth.strength"));
    let (old, issuer) = (Some("auth.fresh"), Some("auth.issuer"));
    assert_eq!(asked(&[], 0), [none, none, none, none]);
    assert_eq!(asked(&[Password], 0), [None, weak, weak, issuer]);
    assert_eq!(asked(&[Password, Totp], 0), [None, None, None, issuer]);
    assert_eq!(asked(&[Passkey], 2 * HOUR), [None, None, old, issuer]);
    assert_eq!(asked(&[Card], 2 * HOUR), [None, None, old, None]);
    assert_eq!(asked(&[Card], 0), [None, None, None, None]);
}

#[test]
fn kept_and_read_again() {
    let p = proof(&[Factor::Password, Factor::MailCode]);
    assert_eq!(p.names(), "password+mail_code");
    let json = serde_json::to_string(&p).unwrap();
    assert_eq!(json, r#"[{"factor":"password","at":0},{"factor":"mail_code","at":1}]"#);
    assert_eq!(serde_json::from_str::<Proof>(&json).unwrap(), p);
    for bad in [r#"[{"factor":"pass","at":0}]"#, r#"[{"factor":"totp","at":0},{"factor":"totp","at":1}]"#, "{}"] {
        assert!(serde_json::from_str::<Proof>(bad).is_err(), "{bad}");
    }
    for f in Factor::ALL {
        assert_eq!(f.as_str().parse(), Ok(f));
        assert_eq!(serde_json::to_value(f).unwrap(), f.as_str());
    }
}

fn any_factor() -> impl Strategy<Value = Factor> {
    (0..Factor::ALL.len()).prop_map(|i| Factor::ALL[i])
}

proptest! {
    // Written apart from the code: natures of what does not come from a device are counted as bits.
    #[test]
    fn never_strong_of_one_nature(factors in prop::collection::vec(any_factor(), 0..12)) {
        let bits = factors.iter().fold(0u8, |b, f| b | match f {
            Factor::Card | Factor::Psc | Factor::Sso => 0b011,
            Factor::Passkey => 0b110,
            Factor::Totp | Factor::MailCode => 0b010,
            Factor::Password => 0b001,
            Factor::Device => 0,
        });
        let strength = proof(&factors).strength();
        prop_assert_eq!(strength >= Strength::Strong, bits.count_ones() > 1);
        prop_assert_eq!(strength == Strength::Issuer, factors.iter().any(|f| matches!(f, Factor::Card | Factor::Psc)));
        prop_assert_eq!(strength == Strength::None, factors.is_empty());
    }

    #[test]
    fn freshness_never_exceeds_strength_and_more_never_weakens(
        kept in prop::collection::vec((any_factor(), -10_000i64..10_000), 0..10),
        more in (any_factor(), -10_000i64..10_000), now in -10_000i64..10_000, within in 0i64..20_000,
    ) {
        let p = kept.iter().fold(Proof::default(), |p, (f, at)| p.with(*f, Timestamp(*at)));
        let now = Timestamp(now);
        prop_assert!(p.fresh(now, within) <= p.strength());
        prop_assert!(p.proven().len() <= Factor::ALL.len());
        let grown = p.clone().with(more.0, Timestamp(more.1));
        prop_assert!(grown.strength() >= p.strength() && grown.fresh(now, within) >= p.fresh(now, within));
    }
}
