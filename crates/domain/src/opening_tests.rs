use super::*;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};

const NOW: Timestamp = Timestamp(1_000_000);

fn party(login: &str, part: Part) -> Party {
    Party {
        login: login.into(),
        part,
        national_id: true,
        exemption: None,
        certified: true,
        habilitated: true,
        blocked: false,
        left: false,
        unfit: None,
        accepted: true,
        contact: Contact::Confirmed,
    }
}

fn case(kind: BalKind, parties: Vec<Party>) -> Case {
    Case {
        task: Task::Open,
        kind,
        parties,
        convention: true,
        domain: true,
        unfit: None,
        address: AddressRule::Required,
    }
}

fn lack(case: &Case, guard: Guard) -> Option<Lack> {
    case.look(guard, NOW).map(|m| m.lack)
}

#[test]
fn a_holder_is_one_certified_habilitated_person_with_a_number() {
    let mut c = case(BalKind::Per, vec![party("anne", Part::Holder)]);
    assert_eq!(c.missing(NOW), []);
    c.parties[0].national_id = false;
    assert_eq!(lack(&c, Guard::Identity), Some(Lack::NoNumber));
    c.parties[0].exemption = Some(Some(NOW));
    assert_eq!(lack(&c, Guard::Identity), Some(Lack::ExemptionOver), "over at its very end");
    c.parties[0].exemption = Some(Some(NOW.plus_ms(1)));
    assert_eq!(lack(&c, Guard::Identity), None);
    c.parties[0].certified = false;
    assert_eq!(lack(&c, Guard::Identity), Some(Lack::Uncertified));
    c.parties[0] = Party { blocked: true, habilitated: false, ..party("anne", Part::Holder) };
    assert_eq!(
        (lack(&c, Guard::Identity), lack(&c, Guard::Responsible)),
        (Some(Lack::Blocked), Some(Lack::NotHabilitated))
    );
    for parties in [
        vec![],
        vec![party("a", Part::Holder), party("b", Part::Holder)],
        vec![party("a", Part::Holder), party("b", Part::Member)],
    ] {
        assert_eq!(lack(&case(BalKind::Med, parties), Guard::Identity), Some(Lack::NoHolder));
    }
}

#[test]
fn somebody_habilitated_is_responsible_and_one_acceptance_is_enough() {
    let mut c = case(BalKind::App, vec![party("labo", Part::Machine)]);
    assert_eq!(lack(&c, Guard::Responsible), Some(Lack::NoResponsible));
    c.parties.push(Party { habilitated: false, national_id: false, ..party("anne", Part::Responsible) });
    assert_eq!(c.look(Guard::Responsible, NOW).unwrap().who.as_deref(), Some("anne"));
    c.parties[1].habilitated = true;
    assert_eq!(lack(&c, Guard::Identity), None, "a responsible person needs no number");
    c.parties[1].accepted = false;
    c.parties.push(party("bruno", Part::Responsible));
    assert_eq!(lack(&c, Guard::Terms), None);
    c.parties[2].accepted = false;
    assert_eq!(c.look(Guard::Terms, NOW).unwrap().who.as_deref(), Some("anne"));
    c.convention = false;
    assert_eq!(lack(&c, Guard::Convention), Some(Lack::NoConvention));
    (c.convention, c.domain) = (true, false);
    assert_eq!(lack(&c, Guard::Convention), Some(Lack::NoDomain));
    (c.domain, c.parties[1].left) = (true, true);
    assert_eq!(lack(&c, Guard::Identity), Some(Lack::Left));
    c.parties[0].unfit = Some(Unfit::Staff);
    assert_eq!(lack(&c, Guard::Eligibility), Some(Lack::Unfit(Unfit::Staff)));
    c.unfit = Some(Unfit::Territory);
    assert_eq!(lack(&c, Guard::Eligibility), Some(Lack::Unfit(Unfit::Territory)));
    assert_eq!(serde_json::to_string(&Lack::Unfit(Unfit::Territory)).unwrap(), "\"territory\"");
    c.task = Task::End;
    assert_eq!(c.missing(NOW), [], "an end waits for nobody");
}

#[test]
fn whoever_stands_for_a_bal_has_an_address_of_his_own() {
    use Contact::{Confirmed, Given, Inside, Missing, Taken, Wrong};
    let lacks = |rule: AddressRule| [Missing, Taken, Inside, Wrong, Given, Confirmed].map(|c| rule.lack(c));
    let [missing, taken, inside, wrong] =
        [Lack::NoAddress, Lack::AddressTaken, Lack::AddressInside, Lack::AddressWrong].map(Some);
    assert_eq!(lacks(AddressRule::Required), [missing, taken, inside, wrong, Some(Lack::AddressUnconfirmed), None]);
    assert_eq!(lacks(AddressRule::Given), [missing, taken, inside, wrong, None, None]);
    assert_eq!(lacks(AddressRule::Off), [None; 6]);
    assert_eq!(AddressRule::default(), AddressRule::Required);

    // Each of those responsible, and nobody else.
    let mut c = case(BalKind::Org, vec![party("anne", Part::Responsible), party("bruno", Part::Responsible)]);
    c.parties.push(Party { contact: Missing, ..party("zoe", Part::Member) });
    assert_eq!(c.look(Guard::Address, NOW), None);
    c.parties[1].contact = Given;
    let found = c.look(Guard::Address, NOW).unwrap();
    assert_eq!((found.lack, found.who.as_deref()), (Lack::AddressUnconfirmed, Some("bruno")));
    // It is waited for once the request is verified; what is open already is changed without it.
    assert_eq!(step(State::Requested, Event::Verify, &c, NOW), Ok(State::Verified));
    assert_eq!(step(State::Verified, Event::CarryOut, &c, NOW), Err(Denied::Missing(found)));
    c.task = Task::Change;
    assert_eq!(step(State::Verified, Event::CarryOut, &c, NOW), Ok(State::Done));
    for lack in [missing, taken, inside, wrong].into_iter().flatten().chain([Lack::AddressUnconfirmed]) {
        assert_eq!(serde_json::to_string(&lack).unwrap(), format!("\"{}\"", lack.as_str()));
    }
}

#[test]
fn policies_say_who_decides() {
    use Decider::{Operator, Own, Structure};
    let card = Own { card: true, national_id: true };
    for (policy, structure, own) in [
        (None, false, false),
        (Some(Opening::Operator), false, false),
        (Some(Opening::Delegated), true, false),
        (Some(Opening::Own), true, true),
    ] {
        assert!(may_decide(policy, Operator, BalKind::Per));
        assert_eq!(may_decide(policy, Structure, BalKind::Org), structure);
        assert_eq!(may_decide(policy, card, BalKind::Per), own);
        assert!(!may_decide(policy, card, BalKind::Org));
        assert!(
            !may_decide(policy, Own { card: false, national_id: true }, BalKind::Per),
            "without a card one only asks"
        );
        assert_eq!(may_ask_own(policy, BalKind::Per), own);
    }
}

#[test]
fn names_go_both_ways() {
    for s in State::ALL {
        assert_eq!(State::parse(s.as_str()), Some(s));
    }
    for t in [Task::Open, Task::Change, Task::End] {
        assert_eq!(Task::parse(t.as_str()), Some(t));
    }
}

/// Something that happens: an event, or the world changing under the request.
#[derive(Debug, Clone)]
enum Happens {
    Event(Event),
    Facts(Vec<Party>, bool, Option<Unfit>),
    Time(i64),
}

fn parties() -> impl Strategy<Value = Vec<Party>> {
    let part = prop_oneof![
        Just(Part::Holder),
        Just(Part::Holder),
        Just(Part::Responsible),
        Just(Part::Member),
        Just(Part::Machine)
    ];
    let exemption = prop::option::of(prop::option::of((0_i64..2_000_000).prop_map(Timestamp)));
    let flags = prop::collection::vec(prop::bool::weighted(0.7), 7);
    let one = (part, exemption, flags).prop_map(|(part, exemption, f)| Party {
        national_id: f[0],
        exemption,
        certified: f[1],
        habilitated: f[2],
        blocked: !(f[3] || f[0]),
        accepted: f[4],
        left: !(f[5] || f[1]),
        unfit: (!(f[5] || f[2])).then_some(Unfit::Profession),
        contact: if f[6] { Contact::Confirmed } else { Contact::Given },
        ..party("x", part)
    });
    prop::collection::vec(one, 0..3)
}

fn happens() -> impl Strategy<Value = Happens> {
    let event = prop_oneof![
        Just(Event::Verify),
        Just(Event::CarryOut),
        Just(Event::CarryOut),
        Just(Event::Refuse),
        Just(Event::Cancel)
    ];
    prop_oneof![
        4 => event.prop_map(Happens::Event),
        3 => (parties(), prop::bool::weighted(0.7), prop::bool::weighted(0.2))
            .prop_map(|(p, c, u)| Happens::Facts(p, c, u.then_some(Unfit::Territory))),
        1 => (0_i64..800_000).prop_map(Happens::Time),
    ]
}

/// What an open BAL must have, said once more and otherwise than in the guards.
fn is_sound(kind: BalKind, parties: &[Party], (convention, place): (bool, Option<Unfit>), now: i64) -> bool {
    let numbered = |p: &Party| {
        p.national_id || matches!(p.exemption, Some(None)) || matches!(p.exemption, Some(Some(t)) if t.0 > now)
    };
    let fit = |p: &Party| p.certified && p.habilitated && p.contact == Contact::Confirmed;
    convention
        && place.is_none()
        && !parties.iter().any(|p| p.blocked || p.left || p.unfit.is_some())
        && match kind {
            BalKind::Per | BalKind::Med => {
                matches!(parties, [p] if p.part == Part::Holder && fit(p) && numbered(p) && p.accepted)
            }
            _ => {
                let of: Vec<&Party> = parties.iter().filter(|p| p.part == Part::Responsible).collect();
                !of.is_empty() && of.iter().all(|p| fit(p)) && of.iter().any(|p| p.accepted)
            }
        }
}

/// Runs many lives under these guards; the error is a life that opens what is not sound.
fn lives(guards: &[Guard]) -> Result<(), TestError<(BalKind, Vec<Happens>)>> {
    let kind =
        prop_oneof![Just(BalKind::Per), Just(BalKind::Med), Just(BalKind::Org), Just(BalKind::App), Just(BalKind::Cab)];
    let lives = (kind, prop::collection::vec(happens(), 0..14));
    let mut runner = TestRunner::new(Config { cases: 20_000, failure_persistence: None, ..Config::default() });
    runner.run(&lives, |(kind, happenings)| {
        let (mut state, mut now) = (State::Requested, NOW);
        let mut case = case(kind, Vec::new());
        let mut verified = false;
        for h in happenings {
            match h {
                Happens::Facts(parties, convention, place) => {
                    (case.parties, case.convention, case.domain, case.unfit) = (parties, convention, convention, place);
                }
                Happens::Time(ms) => now = now.plus_ms(ms),
                Happens::Event(event) => {
                    let Ok(next) = step_guarded(state, event, &case, now, guards) else { continue };
                    prop_assert!(state.is_under_way(), "nothing follows {state:?}");
                    verified |= next == State::Verified;
                    if next == State::Opened {
                        prop_assert!(verified, "opened by nobody");
                        let place = (case.convention && case.domain, case.unfit);
                        prop_assert!(is_sound(kind, &case.parties, place, now.0), "opened: {case:?}");
                    }
                    state = next;
                }
            }
        }
        Ok(())
    })
}

#[test]
fn nothing_opens_without_identity_responsible_convention_terms_and_address() {
    lives(&Guard::ALL).unwrap();
}

#[test]
fn the_law_above_sees_each_guard_that_is_dropped() {
    for dropped in Guard::ALL {
        let left: Vec<Guard> = Guard::ALL.into_iter().filter(|g| *g != dropped).collect();
        assert!(matches!(lives(&left), Err(TestError::Fail(..))), "nobody misses {dropped:?}");
    }
}
