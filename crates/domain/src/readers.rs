//! "Who could read this BAL on 3 March?" (F021): from the dates of accesses and the steps of the lives that shut doors.
//!
//! Promises: the answer is what the doors would have said at that instant (an access in force with the right to read, on a BAL that was active,
//! of a structure and by a person that were not blocked; behind a delegate a holder who was not). Steps are told apart by instants: one that
//! happened at the very instant asked counts.
use crate::BalRights;

/// A step of a life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When, milliseconds since 1970.
    pub at: i64,
    /// State before.
    pub was: String,
    /// State after.
    pub became: String,
}

/// A life as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Life {
    /// Steps, oldest first.
    pub steps: Vec<Step>,
    /// The state now: all that is known when there are no steps.
    pub present: String,
}

impl Life {
    /// The state at an instant: what the last step until then led to; before the first one, what that one left.
    pub fn at(&self, at: i64) -> &str {
        match self.steps.iter().rev().find(|s| s.at <= at) {
            Some(step) => &step.became,
            None => self.steps.first().map_or(&self.present, |s| &s.was),
        }
    }
    /// Was it blocked at that instant? For people and structures.
    pub fn blocked(&self, at: i64) -> bool {
        self.at(at) == "blocked"
    }
}

/// From when until when an access counted, by its own dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// When it was given, milliseconds since 1970.
    pub granted: i64,
    /// From when it counts.
    pub starts: i64,
    /// Planned end.
    pub ends: Option<i64>,
    /// When it was over in fact.
    pub ended: Option<i64>,
    /// What it gives.
    pub rights: BalRights,
}

impl Span {
    /// Did it count at that instant?
    pub fn covers(&self, at: i64) -> bool {
        self.granted <= at && self.starts <= at && self.ends.is_none_or(|e| e > at) && self.ended.is_none_or(|e| e > at)
    }
}

/// The lives around an access.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// The BAL's.
    pub bal: &'a Life,
    /// Its structure's.
    pub structure: Option<&'a Life>,
    /// The person's.
    pub person: &'a Life,
    /// The holder's, for a delegate.
    pub holder: Option<&'a Life>,
}

/// Could the person read the BAL at that instant?
pub fn could_read(span: &Span, around: Around<'_>, at: i64) -> bool {
    span.rights.has(BalRights::READ)
        && span.covers(at)
        && around.bal.at(at) == "active"
        && !around.person.blocked(at)
        && !around.structure.is_some_and(|s| s.blocked(at))
        && !around.holder.is_some_and(|h| h.blocked(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What happens, one after the other; the model keeps a switch for each thing and writes down at each moment whether the door was open.
    #[derive(Debug, Clone, Copy)]
    enum Act {
        Give { starts: i64, ends: Option<i64>, read: bool },
        End,
        Person(bool),
        Structure(bool),
        Bal(&'static str),
    }

    fn act() -> impl Strategy<Value = Act> {
        let state = prop::sample::select(vec!["active", "suspended", "blocked", "closing", "closed"]);
        prop_oneof![
            3 => (0_i64..20, prop::option::of(1_i64..40), any::<bool>())
                .prop_map(|(starts, ends, read)| Act::Give { starts, ends: ends.map(|e| starts + e), read }),
            2 => Just(Act::End),
            1 => any::<bool>().prop_map(Act::Person),
            1 => any::<bool>().prop_map(Act::Structure),
            2 => state.prop_map(Act::Bal),
        ]
    }

    fn step(life: &mut Life, at: i64, became: &str) {
        let was = std::mem::replace(&mut life.present, became.to_owned());
        life.steps.push(Step { at, was, became: became.to_owned() });
    }
    fn switched(on: bool) -> &'static str {
        if on { "blocked" } else { "active" }
    }

    proptest! {
        #[test]
        fn the_rows_answer_as_the_doors_did(acts in prop::collection::vec((1_i64..12, act()), 1..30)) {
            let fresh = || Life { steps: Vec::new(), present: "active".into() };
            let (mut bal, mut structure, mut person) = (fresh(), fresh(), fresh());
            let mut spans: Vec<Span> = Vec::new();
            let mut seen: Vec<bool> = Vec::new();
            let mut open: Option<(i64, Option<i64>, bool)> = None;
            let (mut blocked, mut shut, mut state) = (false, false, "active");
            let mut acts = acts.into_iter();
            let mut next = acts.next();
            for now in 0..400_i64 {
                while let Some((at, act)) = next.filter(|(at, _)| *at == now) {
                    match act {
                        Act::Give { starts, ends, read } => {
                            if open.is_some_and(|(_, e, _)| e.is_none_or(|e| e > now)) {
                                // A change: the old row ends in the instant in which the new one is given.
                                spans.last_mut().expect("given").ended = Some(now);
                            }
                            let (starts, ends) = (now + starts, ends.map(|e| now + e));
                            let rights = if read { BalRights::READ } else { BalRights::SEND };
                            spans.push(Span { granted: now, starts, ends, ended: None, rights });
                            open = Some((starts, ends, read));
                        }
                        Act::End => {
                            if open.take().is_some_and(|(_, e, _)| e.is_none_or(|e| e > now)) {
                                spans.last_mut().expect("given").ended = Some(now);
                            }
                        }
                        Act::Person(on) => { blocked = on; step(&mut person, now, switched(on)); }
                        Act::Structure(on) => { shut = on; step(&mut structure, now, switched(on)); }
                        Act::Bal(to) => { state = to; step(&mut bal, now, to); }
                    }
                    next = acts.next().map(|(wait, act)| (at + wait, act));
                }
                let counts = open.is_some_and(|(s, e, read)| read && s <= now && e.is_none_or(|e| e > now));
                seen.push(counts && !blocked && !shut && state == "active");
            }
            for (at, seen) in (0_i64..).zip(seen) {
                let around = Around { bal: &bal, structure: Some(&structure), person: &person, holder: None };
                let said = spans.iter().any(|s| could_read(s, around, at));
                prop_assert_eq!(said, seen, "at {}", at);
            }
        }
    }

    #[test]
    fn before_the_first_step_it_was_what_that_step_left() {
        let step = |at, was: &str, became: &str| Step { at, was: was.into(), became: became.into() };
        let life = Life {
            steps: vec![step(10, "active", "blocked"), step(20, "blocked", "active")],
            present: "active".into(),
        };
        assert_eq!([9, 10, 19, 20].map(|at| life.blocked(at)), [false, true, true, false]);
        assert!(Life { steps: Vec::new(), present: "blocked".into() }.blocked(0));
    }
}
