//! "Who could read this BAL on 3 March?" (F021): from the dates of accesses and the steps of the lives that shut doors.
//!
//! Promises: the answer is what the doors would have said at that instant (an access in force with the right to read, on a BAL that was active, in a
//! structure, of which it was then, and by a person that were not blocked, who had accepted the terms in force then; behind a delegate a holder who
//! was not blocked). Steps are told apart by instants: one that happened at the very instant asked counts. For a stretch of time the answer is
//! the parts of it ([`times`]): a right that began and ended within one day is not overlooked.
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
    /// The life of whatever was in force, one after the other: from each instant on this one's (none: nothing shuts). Before the first, the first's.
    pub fn of_places(places: &[(i64, Option<&Self>)]) -> Self {
        let state = |life: Option<&Self>, at: i64| life.map_or("active", |l| l.at(at)).to_owned();
        let mut steps: Vec<Step> = Vec::new();
        let mut before = places.first().map_or_else(|| "active".to_owned(), |(_, l)| state(*l, i64::MIN));
        let first = before.clone();
        for (i, (from, life)) in places.iter().enumerate() {
            // The first one counts before its beginning too.
            let from = if i == 0 { i64::MIN } else { *from };
            let until = places.get(i + 1).map_or(i64::MAX, |(next, _)| *next);
            let within = life.iter().flat_map(|l| &l.steps).map(|s| s.at).filter(|at| from < *at && *at < until);
            for at in std::iter::once(from).chain(within) {
                let became = state(*life, at);
                if became != before {
                    steps.push(Step { at, was: std::mem::replace(&mut before, became.clone()), became });
                }
            }
        }
        Self { steps, present: if places.is_empty() { first } else { before } }
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
    /// Its structure's, or that of the structures in which it was ([`Life::of_places`]).
    pub structure: Option<&'a Life>,
    /// Where the person stood with the terms of use: blocked as long as those in force were not accepted.
    pub terms: Option<&'a Life>,
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
        && !around.terms.is_some_and(|t| t.blocked(at))
}

/// When within a stretch of time the person could read the BAL: from when until when (not included), oldest first.
pub fn times(span: &Span, around: Around<'_>, (from, until): (i64, i64)) -> Vec<(i64, i64)> {
    let lives = [Some(around.bal), around.structure, Some(around.person), around.holder, around.terms];
    let turns = lives.into_iter().flatten().flat_map(|l| &l.steps).map(|s| s.at);
    let own = [Some(span.granted), Some(span.starts), span.ends, span.ended].into_iter().flatten();
    // Between two of these nothing changes.
    let mut turns: Vec<i64> = turns.chain(own).filter(|at| from < *at && *at < until).chain([from]).collect();
    turns.sort_unstable();
    turns.dedup();
    turns.push(until);
    let mut out: Vec<(i64, i64)> = Vec::new();
    for pair in turns.windows(2).filter(|p| p[0] < p[1] && could_read(span, around, p[0])) {
        match out.last_mut() {
            Some(last) if last.1 == pair[0] => last.1 = pair[1],
            _ => out.push((pair[0], pair[1])),
        }
    }
    out
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
        Move(bool),
        Terms(bool),
        Holder(bool),
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
            1 => any::<bool>().prop_map(Act::Move),
            1 => any::<bool>().prop_map(Act::Terms),
            1 => any::<bool>().prop_map(Act::Holder),
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
        fn the_rows_answer_as_the_doors_did(acts in prop::collection::vec((1_i64..12, act()), 1..30), (a, b) in (0_i64..400, 0_i64..400)) {
            let fresh = || Life { steps: Vec::new(), present: "active".into() };
            let (mut bal, mut structure, mut person, mut terms, mut holder) = (fresh(), fresh(), fresh(), fresh(), fresh());
            // It is in the structure, or in one that is never blocked.
            let (other, mut moves, mut there) = (fresh(), vec![(0, true)], true);
            let mut spans: Vec<Span> = Vec::new();
            let mut seen: Vec<bool> = Vec::new();
            let mut open: Option<(i64, Option<i64>, bool)> = None;
            let (mut blocked, mut shut, mut state, mut refused, mut away) = (false, false, "active", false, false);
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
                        Act::Move(to) => { there = to; moves.push((now, to)); }
                        Act::Terms(on) => { refused = on; step(&mut terms, now, switched(on)); }
                        Act::Holder(on) => { away = on; step(&mut holder, now, switched(on)); }
                        Act::Bal(to) => { state = to; step(&mut bal, now, to); }
                    }
                    next = acts.next().map(|(wait, act)| (at + wait, act));
                }
                let counts = open.is_some_and(|(s, e, read)| read && s <= now && e.is_none_or(|e| e > now));
                let kept_out = blocked || (shut && there) || refused || away;
                seen.push(counts && !kept_out && state == "active");
            }
            let places: Vec<_> = moves.iter().map(|(at, to)| (*at, Some(if *to { &structure } else { &other }))).collect();
            let place = Life::of_places(&places);
            let around = Around { bal: &bal, structure: Some(&place), person: &person, holder: Some(&holder), terms: Some(&terms) };
            // A stretch of time is what its instants are, and says where it begins and ends.
            let (from, until) = (a.min(b), a.max(b));
            let mut within: Vec<bool> = vec![false; 400];
            for span in &spans {
                let parts = times(span, around, (from, until));
                prop_assert!(parts.windows(2).all(|p| p[0].1 < p[1].0), "apart: {parts:?}");
                for (f, u) in parts {
                    prop_assert!(from <= f && f < u && u <= until);
                    (f..u).for_each(|at| within[at as usize] = true);
                }
            }
            for at in from..until {
                prop_assert_eq!(within[at as usize], seen[at as usize], "within, at {}", at);
            }
            for (at, seen) in (0_i64..).zip(seen) {
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
