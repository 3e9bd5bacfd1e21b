//! The laws of [`super`] over sequences of acts by anybody.
use super::*;
use proptest::prelude::*;

const DAY: i64 = 86_400_000;
const YEAR: i64 = 365 * DAY;
/// People 0…5; even ones are habilitated. The opening gave the BAL to person 0.
const PEOPLE: i64 = 6;

#[derive(Debug, Clone)]
enum Act {
    Give(Giver, Held),
    Change(Giver, Held),
    End(Giver, i64),
    Wait(i64),
    Suspend(bool),
}

fn giver() -> impl Strategy<Value = Giver> {
    // Person 100 has no access at all: the administrator. Others may have the role too.
    prop_oneof![(0..PEOPLE, any::<bool>()).prop_map(|(person, administers)| Giver { person, administers }), Just(ADMIN)]
}
const ADMIN: Giver = Giver { person: 100, administers: true };

fn held() -> impl Strategy<Value = Held> {
    let role = prop::sample::select(AccessRole::ALL.to_vec());
    // Dates are relative here, and absolute once the act is applied.
    let ends = prop::option::of(-DAY..2 * YEAR);
    (0..PEOPLE, role, 0_i64..16, prop_oneof![3 => Just(0), 1 => -DAY..30 * DAY], ends).prop_map(
        |(person, role, bits, starts, ends)| Held { person, role, rights: BalRights::from_bits(bits), starts, ends },
    )
}

fn act() -> impl Strategy<Value = Act> {
    // Half of what is asked has the usual rights, or little would ever be given.
    let usual = |h: Held| Held { rights: h.role.usual(), ..h };
    let grant = prop_oneof![held(), held().prop_map(usual)];
    prop_oneof![
        4 => (giver(), grant.clone()).prop_map(|(g, h)| Act::Give(g, h)),
        2 => (giver(), grant).prop_map(|(g, h)| Act::Change(g, h)),
        3 => (giver(), 0..PEOPLE).prop_map(|(g, p)| Act::End(g, p)),
        1 => (0..60 * DAY).prop_map(Act::Wait),
        1 => any::<bool>().prop_map(Act::Suspend),
    ]
}

fn kind() -> impl Strategy<Value = BalKind> {
    prop::sample::select(vec![BalKind::Per, BalKind::Med, BalKind::Org, BalKind::App, BalKind::Cab, BalKind::Usager])
}

struct Bal {
    kind: BalKind,
    state: &'static str,
    now: i64,
    held: Vec<Held>,
}

impl Bal {
    fn open(kind: BalKind) -> Self {
        let role = if AccessRole::Holder.is_on(kind) { AccessRole::Holder } else { AccessRole::Responsible };
        let first = Held { person: 0, role, rights: BalRights::ALL, starts: 0, ends: None };
        Self { kind, state: "active", now: 0, held: vec![first] }
    }
    fn place(&self) -> Place<'static> {
        Place { kind: self.kind, state: self.state, now: self.now, longest: YEAR }
    }
    fn dated(&self, h: Held) -> Held {
        Held { starts: self.now + h.starts, ends: h.ends.map(|e| self.now + e), ..h }
    }
    /// Applies what the rules allow; who did it.
    fn apply(&mut self, act: &Act) -> Result<(), Refusal> {
        match act {
            Act::Give(by, new) => {
                let new = self.dated(*new);
                may_give(self.place(), &self.held, *by, new, new.person % 2 == 0)?;
                self.held.push(new);
            }
            Act::Change(by, new) => {
                let new = self.dated(*new);
                may_change(self.place(), &self.held, *by, new, new.person % 2 == 0)?;
                self.held.retain(|h| h.person != new.person);
                self.held.push(new);
            }
            Act::End(by, person) => {
                may_end(self.place(), &self.held, *by, *person)?;
                self.held.retain(|h| h.person != *person);
            }
            Act::Wait(ms) => {
                self.now += ms;
                let now = self.now;
                self.held.retain(|h| h.ends.is_none_or(|e| e > now));
            }
            // Resuming asks for a responsible elsewhere (the life of a BAL).
            Act::Suspend(false)
                if AccessRole::Responsible.is_on(self.kind) && !has_responsible(&self.held, self.now) => {}
            Act::Suspend(on) => self.state = if *on { "suspended" } else { "active" },
        }
        Ok(())
    }
    fn check(&self) {
        let of = |role| self.held.iter().filter(move |h: &&Held| h.role == role);
        for h in &self.held {
            assert!(h.role.is_on(self.kind), "{h:?} on {:?}", self.kind);
            let manages = matches!(h.role, AccessRole::Holder | AccessRole::Responsible);
            assert_eq!(h.rights.has(BalRights::MANAGE), manages, "{h:?}");
            assert_eq!(self.held.iter().filter(|o| o.person == h.person).count(), 1, "{h:?}");
        }
        if AccessRole::Holder.is_on(self.kind) {
            assert_eq!(of(AccessRole::Holder).map(|h| (h.person, h.ends)).collect::<Vec<_>>(), [(0, None)]);
            assert!(of(AccessRole::Delegate).all(|h| h.ends.is_some_and(|e| e <= self.now + YEAR)));
        } else {
            assert!(of(AccessRole::Responsible).all(|h| h.person % 2 == 0), "habilitated");
            assert!(self.state == "suspended" || has_responsible(&self.held, self.now), "{:?}", self.held);
        }
        assert!(self.kind == BalKind::App || of(AccessRole::Machine).next().is_none());
    }
}

proptest! {
    #[test]
    fn laws_hold_over_every_sequence(kind in kind(), acts in prop::collection::vec(act(), 1..60)) {
        let mut bal = Bal::open(kind);
        for act in &acts {
            let before = bal.held.clone();
            let done = bal.apply(act);
            if let (Ok(()), Act::Give(by, new) | Act::Change(by, new)) = (&done, act) {
                // A delegate is named by the holder in person, whoever else asks.
                prop_assert!(new.role != AccessRole::Delegate || by.person == 0);
                let manages = before.iter().any(|h| h.person == by.person && h.rights.has(BalRights::MANAGE));
                // An administrative role gives access to others alone.
                prop_assert!(manages || (by.administers && by.person != new.person));
            }
            if let (Ok(()), Act::End(by, person)) = (&done, act) {
                let manages = before.iter().any(|h| h.person == by.person && h.rights.has(BalRights::MANAGE));
                prop_assert!(by.administers || by.person == *person || manages);
            }
            if done.is_err() {
                prop_assert_eq!(&before, &bal.held);
            }
            bal.check();
        }
    }
}

#[test]
fn a_secretary_is_named_by_the_professional_alone() {
    let mut bal = Bal::open(BalKind::Per);
    let (holder, end) = (Giver { person: 0, administers: false }, Some(30 * DAY));
    let secretary = Held { person: 1, role: AccessRole::Delegate, rights: BalRights::USE, starts: 0, ends: end };
    let give = |bal: &mut Bal, by, h| bal.apply(&Act::Give(by, h)).map_err(|r| r.code);
    assert_eq!(give(&mut bal, ADMIN, secretary), Err(RefusalCode::RightMissing));
    let other = Giver { person: 1, administers: false };
    assert_eq!(give(&mut bal, other, secretary), Err(RefusalCode::RightMissing));
    assert_eq!(give(&mut bal, holder, Held { ends: None, ..secretary }), Err(RefusalCode::AccessDates));
    assert_eq!(give(&mut bal, holder, Held { ends: Some(YEAR + 1), ..secretary }), Err(RefusalCode::AccessDates));
    assert_eq!(give(&mut bal, holder, Held { rights: BalRights::ALL, ..secretary }), Err(RefusalCode::AccessRights));
    assert_eq!(give(&mut bal, holder, Held { role: AccessRole::Member, ..secretary }), Err(RefusalCode::AccessRole));
    assert_eq!(give(&mut bal, holder, Held { role: AccessRole::Holder, ..secretary }), Err(RefusalCode::AccessHolder));
    assert_eq!(give(&mut bal, holder, secretary), Ok(()));
    assert_eq!(give(&mut bal, holder, secretary), Err(RefusalCode::Exists));
    // Ended by the delegate, the holder, an administrator; by nobody else.
    for by in [other, holder, ADMIN] {
        assert_eq!(may_end(bal.place(), &bal.held, by, 1), Ok(()));
    }
    let stranger = Giver { person: 2, administers: false };
    assert_eq!(may_end(bal.place(), &bal.held, stranger, 1).map_err(|r| r.code), Err(RefusalCode::RightMissing));
    assert_eq!(may_end(bal.place(), &bal.held, ADMIN, 0).map_err(|r| r.code), Err(RefusalCode::AccessHolder));
}

#[test]
fn an_administrator_gives_himself_nothing() {
    let mut bal = Bal::open(BalKind::Org);
    let chief = Giver { person: 2, administers: true };
    let member = Held { person: 2, role: AccessRole::Member, rights: BalRights::USE, starts: 0, ends: None };
    let responsible = Held { role: AccessRole::Responsible, rights: BalRights::ALL, ..member };
    for new in [member, responsible] {
        assert_eq!(bal.apply(&Act::Give(chief, new)).map_err(|r| r.code), Err(RefusalCode::AccessOwn));
    }
    // By somebody responsible, who is none of the administrators.
    bal.apply(&Act::Give(Giver { person: 0, administers: false }, member)).unwrap();
    assert_eq!(bal.apply(&Act::Change(chief, responsible)).map_err(|r| r.code), Err(RefusalCode::AccessOwn));
    bal.apply(&Act::Change(ADMIN, responsible)).unwrap();
    // As one who answers for it, not as an administrator.
    bal.apply(&Act::Change(chief, Held { ends: None, ..member })).unwrap();
}

#[test]
fn the_last_responsible_stays_while_the_bal_is_in_use() {
    let mut bal = Bal::open(BalKind::Org);
    let end = |bal: &mut Bal, person| bal.apply(&Act::End(ADMIN, person)).map_err(|r| r.code);
    assert_eq!(end(&mut bal, 0), Err(RefusalCode::AccessLast));
    let second = Held { person: 2, role: AccessRole::Responsible, rights: BalRights::ALL, starts: 0, ends: None };
    assert_eq!(
        bal.apply(&Act::Give(ADMIN, Held { person: 3, ..second })).map_err(|r| r.code),
        Err(RefusalCode::AccessHabilitation)
    );
    // One that ends, or has not begun, does not replace the other.
    bal.apply(&Act::Give(ADMIN, Held { ends: Some(DAY), ..second })).unwrap();
    assert_eq!(end(&mut bal, 0), Err(RefusalCode::AccessLast));
    bal.apply(&Act::Change(ADMIN, second)).unwrap();
    end(&mut bal, 0).unwrap();
    let member = Held { role: AccessRole::Member, rights: BalRights::USE, ..second };
    assert_eq!(bal.apply(&Act::Change(ADMIN, member)).map_err(|r| r.code), Err(RefusalCode::AccessLast));
    bal.apply(&Act::Suspend(true)).unwrap();
    end(&mut bal, 2).unwrap();
}

#[test]
fn mail_is_refused_where_nobody_will_read_it() {
    let codes = ["active", "suspended", "blocked", "closing", "closed", "?"].map(refuses_mail);
    let (blocked, closed) = (Some(RefusalCode::RcptBlocked), Some(RefusalCode::RcptClosed));
    assert_eq!(codes, [None, None, blocked, blocked, closed, closed]);
}
