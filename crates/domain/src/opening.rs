//! The way of a BAL to being opened: requested → verified → opened, or refused, or cancelled (F012, F030). Changes and ends of a BAL that are asked
//! for go the same way and end in `done` (F015, F016).
//!
//! Pure: the states, the steps between them, and the [`Guard`]s, which are values made of facts ([`Case`]). Whoever keeps requests asks [`step`] and
//! writes what it answers; facts are looked at anew at each step, so that what was true yesterday opens nothing today.
//!
//! Promises: no sequence of events and of changing facts reaches `opened` unless, at that very moment, each identity that the kind asks for is
//! certified and nobody named has left the structure meanwhile, somebody fit is responsible, the structure agreed by a convention and has the domain,
//! the operator takes the place and the people (F163), the terms are accepted by whom the BAL waits for, and whoever stands for the BAL has given an
//! ordinary address as the operator's rule says (F063).
use crate::eligibility::Unfit;
use crate::person::exemption_stands;
use crate::structure::Opening;
use crate::{BalKind, Refusal, RefusalCode, Timestamp};
use serde::{Deserialize, Serialize};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// A BAL, opened.
    Open,
    /// People and label of an ORG, APP or CAB BAL, changed.
    Change,
    /// A BAL, closed.
    End,
}
impl Task {
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Change => "change",
            Self::End => "end",
        }
    }
    /// From its name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Open, Self::Change, Self::End].into_iter().find(|t| t.as_str() == name)
    }
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Asked for; nobody has looked at it.
    Requested,
    /// Verified by who may; what is missing is waited for.
    Verified,
    /// The BAL is open.
    Opened,
    /// The change or end is carried out.
    Done,
    /// Refused, with a reason.
    Refused,
    /// Taken back.
    Cancelled,
}
impl State {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Requested, Self::Verified, Self::Opened, Self::Done, Self::Refused, Self::Cancelled];
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Verified => "verified",
            Self::Opened => "opened",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
        }
    }
    /// From its name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }
    /// Does anything follow?
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Requested | Self::Verified)
    }
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// Somebody who may has verified it.
    Verify,
    /// It is carried out: the last step, tried whenever something that was waited for has come.
    CarryOut,
    /// Somebody who may has refused it.
    Refuse,
    /// It is taken back.
    Cancel,
}

/// What stands before a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// Whoever stands for the BAL is a known, certified person (F006, F007, F009, F010).
    Identity,
    /// Somebody habilitated is responsible (F019, F020).
    Responsible,
    /// The structure agreed, for its own domain (F012).
    Convention,
    /// The operator takes the place and the people (F163).
    Eligibility,
    /// The terms of use are accepted (F100).
    Terms,
    /// The ordinary address for notifications is given, and confirmed where that is asked for (F063).
    Address,
}
impl Guard {
    /// Every guard, in the order in which they are told.
    pub const ALL: [Self; 6] =
        [Self::Identity, Self::Responsible, Self::Convention, Self::Eligibility, Self::Terms, Self::Address];
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Responsible => "responsible",
            Self::Convention => "convention",
            Self::Eligibility => "eligibility",
            Self::Terms => "terms",
            Self::Address => "address",
        }
    }
    /// Is it asked for when a request of this sort is verified? All of them are when it is carried out. What the person alone can do comes later.
    fn at_verification(self) -> bool {
        !matches!(self, Self::Terms | Self::Address)
    }
}

/// What somebody is to be at the BAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The one person of a PER or MED.
    Holder,
    /// Responsible for an ORG, APP or CAB.
    Responsible,
    /// Uses an ORG or CAB.
    Member,
    /// The machine of an APP.
    Machine,
}
impl Part {
    /// The role in `access`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Holder => "holder",
            Self::Responsible => "responsible",
            Self::Member => "member",
            Self::Machine => "machine",
        }
    }
}

/// What the operator asks of the ordinary address of whoever is to stand for a BAL (F063).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressRule {
    /// It is given and confirmed by its link: until then the opening waits.
    #[default]
    Required,
    /// It is given; its link may be used later.
    Given,
    /// Nothing.
    Off,
}

/// What is known of somebody's ordinary address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Contact {
    /// There is none.
    Missing,
    /// Somebody else has it too: it is not the person's own.
    Taken,
    /// It is of the trust space, or of this operator.
    Inside,
    /// Mail to it comes back.
    Wrong,
    /// Given, not confirmed.
    Given,
    /// Confirmed by its link.
    Confirmed,
}

impl AddressRule {
    /// What an address lacks by this rule.
    pub fn lack(self, contact: Contact) -> Option<Lack> {
        match (self, contact) {
            (Self::Off, _) | (_, Contact::Confirmed) | (Self::Given, Contact::Given) => None,
            (_, Contact::Missing) => Some(Lack::NoAddress),
            (_, Contact::Taken) => Some(Lack::AddressTaken),
            (_, Contact::Inside) => Some(Lack::AddressInside),
            (_, Contact::Wrong) => Some(Lack::AddressWrong),
            (Self::Required, Contact::Given) => Some(Lack::AddressUnconfirmed),
        }
    }
}

/// What is known of somebody at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// How to name the person to whoever asked.
    pub login: String,
    /// What the person is to be.
    pub part: Part,
    /// Has a national identifier.
    pub national_id: bool,
    /// Has an exemption from it, with a reason; until when (`None`: until it is taken back).
    pub exemption: Option<Option<Timestamp>>,
    /// The identity was certified.
    pub certified: bool,
    /// May exchange health data.
    pub habilitated: bool,
    /// Is blocked.
    pub blocked: bool,
    /// Worked in the structure when this was asked, and does no longer.
    pub left: bool,
    /// The operator's rules do not take this person (F163).
    pub unfit: Option<Unfit>,
    /// Accepted the terms in force.
    pub accepted: bool,
    /// The ordinary address.
    pub contact: Contact,
}

/// Everything that a step is judged by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What is asked for.
    pub task: Task,
    /// Of which kind the BAL is.
    pub kind: BalKind,
    /// Who it is for.
    pub parties: Vec<Party>,
    /// The structure agreed, or there is none.
    pub convention: bool,
    /// The structure has the address's domain, or there is no structure.
    pub domain: bool,
    /// The operator's rules do not take the place (F163).
    pub unfit: Option<Unfit>,
    /// What is asked of ordinary addresses (F063).
    pub address: AddressRule,
}

/// Why a guard does not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lack {
    /// A PER or MED has exactly one holder.
    NoHolder,
    /// The identity is not certified.
    Uncertified,
    /// Neither a national identifier nor an exemption.
    NoNumber,
    /// The exemption is over.
    ExemptionOver,
    /// The person is blocked.
    Blocked,
    /// The person does not work in the structure any more.
    Left,
    /// Nobody is responsible.
    NoResponsible,
    /// Not habilitated to exchange health data.
    NotHabilitated,
    /// No signed convention.
    NoConvention,
    /// The structure does not have the domain any more.
    NoDomain,
    /// Has not accepted the terms of use in force.
    NotAccepted,
    /// No ordinary address was given.
    NoAddress,
    /// The ordinary address is not confirmed.
    AddressUnconfirmed,
    /// Mail to the ordinary address comes back.
    AddressWrong,
    /// Somebody else has the ordinary address too.
    AddressTaken,
    /// The ordinary address is of the trust space, or of this operator.
    AddressInside,
    /// The operator does not take this place or person: the rule.
    #[serde(untagged)]
    Unfit(Unfit),
}
impl Lack {
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoHolder => "no_holder",
            Self::Uncertified => "uncertified",
            Self::NoNumber => "no_number",
            Self::ExemptionOver => "exemption_over",
            Self::Blocked => "blocked",
            Self::Left => "left",
            Self::NoResponsible => "no_responsible",
            Self::NotHabilitated => "not_habilitated",
            Self::NoConvention => "no_convention",
            Self::NoDomain => "no_domain",
            Self::Unfit(rule) => rule.as_str(),
            Self::NotAccepted => "not_accepted",
            Self::NoAddress => "no_address",
            Self::AddressUnconfirmed => "address_unconfirmed",
            Self::AddressWrong => "address_wrong",
            Self::AddressTaken => "address_taken",
            Self::AddressInside => "address_inside",
        }
    }
}

/// A guard that does not let through, why, and because of whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Which.
    pub guard: Guard,
    /// Why.
    pub lack: Lack,
    /// Login.
    pub who: Option<String>,
}

impl From<Missing> for Refusal {
    fn from(m: Missing) -> Self {
        let code = match m.lack {
            Lack::NoHolder => RefusalCode::OpeningHolder,
            Lack::Uncertified => RefusalCode::OpeningUncertified,
            Lack::NoNumber => RefusalCode::OpeningNumber,
            Lack::ExemptionOver => RefusalCode::OpeningExemption,
            Lack::Blocked => RefusalCode::OpeningBlocked,
            Lack::Left => RefusalCode::OpeningLeft,
            Lack::NoResponsible => RefusalCode::OpeningResponsible,
            Lack::NotHabilitated => RefusalCode::OpeningHabilitation,
            Lack::NoConvention => RefusalCode::OpeningConvention,
            Lack::NoDomain => RefusalCode::OpeningDomain,
            Lack::Unfit(rule) => rule.code(),
            Lack::NotAccepted => RefusalCode::OpeningTerms,
            Lack::NoAddress => RefusalCode::ContactMissing,
            Lack::AddressUnconfirmed => RefusalCode::ContactUnconfirmed,
            Lack::AddressWrong => RefusalCode::ContactWrong,
            Lack::AddressTaken => RefusalCode::ContactTaken,
            Lack::AddressInside => RefusalCode::ContactInside,
        };
        Refusal::new(code).with("name", m.who.unwrap_or_default())
    }
}

/// A step that is not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    /// From this state nothing of the sort follows.
    State(State),
    /// Something is missing.
    Missing(Missing),
}

impl Case {
    fn personal(&self) -> bool {
        matches!(self.kind, BalKind::Per | BalKind::Med)
    }
    fn of(&self, part: Part) -> impl Iterator<Item = &Party> {
        self.parties.iter().filter(move |p| p.part == part)
    }
    /// Who stands for the BAL: the holder, or those responsible.
    fn standing(&self) -> impl Iterator<Item = &Party> {
        self.of(if self.personal() { Part::Holder } else { Part::Responsible })
    }
    /// Whose acceptance of the terms is waited for; the first one is enough.
    pub fn awaited(&self) -> impl Iterator<Item = &Party> {
        self.standing()
    }

    /// What a guard finds missing.
    pub fn look(&self, guard: Guard, now: Timestamp) -> Option<Missing> {
        let missing = |lack, p: Option<&Party>| Some(Missing { guard, lack, who: p.map(|p| p.login.clone()) });
        if self.task == Task::End {
            return None;
        }
        match guard {
            Guard::Identity => {
                if self.personal() && (self.standing().count() != 1 || self.parties.len() != 1) {
                    return missing(Lack::NoHolder, None);
                }
                if let Some(p) = self.parties.iter().find(|p| p.blocked) {
                    return missing(Lack::Blocked, Some(p));
                }
                if let Some(p) = self.parties.iter().find(|p| p.left) {
                    return missing(Lack::Left, Some(p));
                }
                for p in self.standing() {
                    if !p.certified {
                        return missing(Lack::Uncertified, Some(p));
                    }
                    // Responsible people may be of a profession without a register: their identity and habilitation are what counts (F019).
                    match (self.personal() && !p.national_id, p.exemption) {
                        (false, _) => {}
                        (true, None) => return missing(Lack::NoNumber, Some(p)),
                        (true, Some(until)) if exemption_stands(until, now) => {}
                        (true, Some(_)) => return missing(Lack::ExemptionOver, Some(p)),
                    }
                }
                None
            }
            Guard::Responsible if self.personal() => match self.standing().find(|p| !p.habilitated) {
                Some(p) => missing(Lack::NotHabilitated, Some(p)),
                None => None,
            },
            Guard::Responsible => {
                if self.standing().next().is_none() {
                    return missing(Lack::NoResponsible, None);
                }
                match self.standing().find(|p| !p.habilitated) {
                    Some(p) => missing(Lack::NotHabilitated, Some(p)),
                    None => None,
                }
            }
            Guard::Convention if !self.convention => missing(Lack::NoConvention, None),
            Guard::Convention if !self.domain => missing(Lack::NoDomain, None),
            Guard::Convention => None,
            Guard::Eligibility => {
                let of_person = || self.parties.iter().find_map(|p| Some((p.unfit?, p)));
                match (self.unfit, of_person()) {
                    (Some(rule), _) => missing(Lack::Unfit(rule), None),
                    (None, Some((rule, p))) => missing(Lack::Unfit(rule), Some(p)),
                    (None, None) => None,
                }
            }
            Guard::Terms if self.task != Task::Open || self.awaited().any(|p| p.accepted) => None,
            Guard::Terms => missing(Lack::NotAccepted, self.awaited().next()),
            // Whoever stands for it is written to on its account, each by an address of his own. What is open already stays so.
            Guard::Address if self.task == Task::Open => self
                .standing()
                .find_map(|p| Some((self.address.lack(p.contact)?, p)))
                .and_then(|(l, p)| missing(l, Some(p))),
            Guard::Address => None,
        }
    }

    /// Everything that is missing at this moment, in the order of [`Guard::ALL`].
    pub fn missing(&self, now: Timestamp) -> Vec<Missing> {
        Guard::ALL.into_iter().filter_map(|g| self.look(g, now)).collect()
    }
}

/// The state after an event, or why there is none.
pub fn step(state: State, event: Event, case: &Case, now: Timestamp) -> Result<State, Denied> {
    step_guarded(state, event, case, now, &Guard::ALL)
}

/// [`step`] with these guards only: what the tests take one away from.
fn step_guarded(state: State, event: Event, case: &Case, now: Timestamp, guards: &[Guard]) -> Result<State, Denied> {
    let pass = |all: bool| {
        let asked = guards.iter().filter(|g| all || g.at_verification());
        asked.filter_map(|g| case.look(*g, now)).next().map_or(Ok(()), |m| Err(Denied::Missing(m)))
    };
    match (state, event) {
        (State::Requested, Event::Verify) => pass(false).map(|()| State::Verified),
        (State::Verified, Event::CarryOut) => {
            pass(true).map(|()| if case.task == Task::Open { State::Opened } else { State::Done })
        }
        (State::Requested | State::Verified, Event::Refuse) => Ok(State::Refused),
        (State::Requested | State::Verified, Event::Cancel) => Ok(State::Cancelled),
        (state, _) => Err(Denied::State(state)),
    }
}

/// Who would decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decider {
    /// An administrator of the operator.
    Operator,
    /// An administrator of the structure.
    Structure,
    /// The professional, for the own PER.
    Own {
        /// The identity was certified by a card.
        card: bool,
        /// Has a national identifier.
        national_id: bool,
    },
}

/// May this one decide on openings of a structure with this policy (F012)? Without a card the professional only asks (F006, F007).
pub fn may_decide(policy: Option<Opening>, decider: Decider, kind: BalKind) -> bool {
    match decider {
        Decider::Operator => true,
        Decider::Structure => matches!(policy, Some(Opening::Delegated | Opening::Own)),
        Decider::Own { card, national_id } => {
            policy == Some(Opening::Own) && kind == BalKind::Per && card && national_id
        }
    }
}

/// May the professional ask for the own BAL?
pub fn may_ask_own(policy: Option<Opening>, kind: BalKind) -> bool {
    policy == Some(Opening::Own) && kind == BalKind::Per
}

#[cfg(test)]
#[path = "opening_tests.rs"]
mod tests;
