use super::*;
use proptest::prelude::*;

fn steps() -> impl Strategy<Value = Vec<(LifeStep, i64, bool)>> {
    let step = prop_oneof![
        Just(LifeStep::Suspend),
        Just(LifeStep::Resume),
        Just(LifeStep::Block),
        Just(LifeStep::Release),
        (0..400_i64).prop_map(|at| LifeStep::Close(Timestamp(at))),
        Just(LifeStep::Keep),
        Just(LifeStep::End),
        Just(LifeStep::Destroy),
        Just(LifeStep::Bury),
    ];
    prop::collection::vec((step, 0..20_i64, any::<bool>()), 1..60)
}

/// The ways of the picture at the top of the module, and no other.
fn drawn(was: LifeState, became: LifeState) -> bool {
    use LifeState::*;
    matches!(
        (was, became),
        (Active, Suspended)
            | (Suspended, Active)
            | (Active | Suspended, Blocked)
            | (Blocked, Active | Suspended)
            | (Active | Suspended | Blocked, Closing)
            | (Closing, Active | Suspended | Blocked | Closed)
            | (Closed, Destroyed)
            | (Destroyed, Tombstone)
    )
}

proptest! {
    #[test]
    fn a_life_keeps_its_promises(steps in steps()) {
        let (mut life, mut now, mut walked) = (BalLife::default(), Timestamp(0), Vec::new());
        for (step, later, held) in steps {
            now = now.plus_ms(later);
            let Ok(next) = life.after(step, now, held) else { continue };
            prop_assert!(drawn(life.state, next.state), "{} {}", life.state, next.state);
            if life.state.is_over() {
                prop_assert!(next.state > life.state, "what is closed never comes back");
            }
            if next.state == LifeState::Destroyed {
                prop_assert!(!held);
            }
            if life.state == LifeState::Closing {
                let at = life.closing_at.unwrap();
                prop_assert_eq!(next.state == LifeState::Closed, at <= now, "withdrawn until its time, closed from then on");
            }
            prop_assert_eq!(next.closing_at.is_some(), next.state == LifeState::Closing);
            // Coming back leads to where it was left.
            let left = |into| walked.iter().rev().find(|(_, b)| *b == into).map(|(a, _): &(LifeState, LifeState)| *a);
            if step == LifeStep::Keep {
                prop_assert_eq!(Some(next.state), left(LifeState::Closing));
            }
            walked.push((life.state, next.state));
            life = next;
            // What was kept says the same as what was lived through.
            let row = if life.state.is_over() { LifeState::Closed } else { life.state };
            let again = BalLife::of(row, life.closing_at, &walked);
            prop_assert_eq!(again.state, life.state);
            prop_assert_eq!(again.after(LifeStep::Release, now, false), life.after(LifeStep::Release, now, false));
            prop_assert_eq!(again.after(LifeStep::Keep, now, false).map(|l| l.state), life.after(LifeStep::Keep, now, false).map(|l| l.state));
        }
    }

    #[test]
    fn a_hold_stops_nothing_but_the_destruction(steps in steps()) {
        let (mut life, mut now) = (BalLife::default(), Timestamp(0));
        for (step, later, _) in steps {
            now = now.plus_ms(later);
            let (free, held) = (life.after(step, now, false), life.after(step, now, true));
            if step == LifeStep::Destroy && free.is_ok() {
                prop_assert_eq!(held, Err(Unfit::Held));
            } else {
                prop_assert_eq!(held, free);
            }
            life = free.unwrap_or(life);
        }
    }
}

#[test]
fn a_blocked_and_closing_bal_goes_back_step_by_step() {
    let now = Timestamp(10);
    let mut life = BalLife::default();
    for step in [LifeStep::Suspend, LifeStep::Block, LifeStep::Close(Timestamp(20)), LifeStep::Keep] {
        life = life.after(step, now, true).unwrap();
    }
    assert_eq!(life.state, LifeState::Blocked);
    assert_eq!(life.after(LifeStep::Release, now, false).unwrap().state, LifeState::Suspended);
    assert_eq!(life.after(LifeStep::Resume, now, false), Err(Unfit::State(LifeState::Blocked)));
}

#[test]
fn a_closing_without_delay_still_passes_through_each_state() {
    let now = Timestamp(10);
    let closing = BalLife::default().after(LifeStep::Close(now), now, false).unwrap();
    assert_eq!(closing.after(LifeStep::Keep, now, false), Err(Unfit::Late(now)));
    assert_eq!(closing.after(LifeStep::Destroy, now, false), Err(Unfit::State(LifeState::Closing)));
    let closed = closing.after(LifeStep::End, now, true).unwrap();
    assert_eq!(closed.after(LifeStep::Destroy, now, true), Err(Unfit::Held));
}

#[test]
fn people_and_structures_are_blocked_once() {
    assert_eq!(blocked(false, true), Some((LifeState::Active, LifeState::Blocked)));
    assert_eq!(blocked(true, false), Some((LifeState::Blocked, LifeState::Active)));
    assert_eq!((blocked(true, true), blocked(false, false)), (None, None));
    assert!(
        height(None) == height(Some(Role::Administrator)) && height(Some(Role::Structure)) > height(Some(Role::User))
    );
}

/// Whoever puts a block over somebody else's suspension and takes it away again has not become the author of the suspension.
#[test]
fn coming_back_makes_nobody_the_author() {
    use LifeState::*;
    let (op, place) = (Some(Role::Administrator), Some(Role::Structure));
    let steps = [(Active, Suspended, op), (Suspended, Blocked, place)];
    assert_eq!(standing(&steps), [(Suspended, op), (Blocked, place)]);
    let back = [&steps[..], &[(Blocked, Suspended, place)]].concat();
    assert_eq!(standing(&back), [(Suspended, op)]);
    let kept = [&steps[..], &[(Blocked, Closing, op), (Closing, Blocked, place)]].concat();
    assert_eq!(standing(&kept), [(Suspended, op), (Blocked, place)]);
    assert!(standing(&[&back[..], &[(Suspended, Active, op)]].concat()).is_empty());
    let taken = [(Active, Suspended, place), (Suspended, Suspended, op), (Suspended, Blocked, place)];
    assert_eq!(standing(&taken), [(Suspended, op), (Blocked, place)], "a higher authority takes over what stands");
}
