//! Somebody leaves a structure: in one act the membership, the role and the accesses there end, and the tokens for its BALs open nothing any more.
//!
//! What becomes of the person's own BALs there is decided with it: suspended (so that no door stays open) unless something else is asked for, and the
//! answer says what there is to decide next. ORG, APP and CAB BALs that are left without a responsible person are named, and so is a structure without
//! administrator. Requests under way that name the person are over.
//!
//! Promises: the rights go with the first transaction, whatever number of rows there are; a departure may be asked for again, which does what is left
//! of one that was cut.
use super::closing::{Cause, CloseOrder};
use super::of_bal;
use super::people::known;
use crate::boxed;
use crate::openings::request::Request;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit, unknown};
use crate::{Actor, Operator};
use sceau_domain::life::LifeState;
use sceau_domain::opening::State;
use sceau_domain::{BalKind, Refusal, RefusalCode, Role, UseCase};
use sceau_store::life::{self, Step};
use sceau_store::{Id, Store, Tx, access, accounts, departures as rows, openings, roles, structures};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// What becomes of the person's own BALs in the structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PersonalFate {
    /// Suspended: nobody signs in, nothing is lost.
    #[default]
    Suspend,
    /// Closed, with the cooling period of the policy.
    Close,
    /// Left as they are: the person goes on with them.
    Keep,
}

impl PersonalFate {
    /// Is there something to do to a BAL in this state?
    fn is_due(self, state: LifeState) -> bool {
        match self {
            Self::Suspend => state == LifeState::Active,
            Self::Close => state < LifeState::Closing,
            Self::Keep => false,
        }
    }
}

/// A departure.
#[derive(Debug, Clone)]
pub struct Departure {
    /// Code of the structure.
    pub structure: String,
    /// Why.
    pub reason: String,
    /// What becomes of the person's own BALs there.
    pub personal: PersonalFate,
}

/// A BAL of the person's own in the structure.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PersonalBal {
    /// Address.
    pub address: String,
    /// Its state now.
    pub state: String,
    /// What there is to decide: `close_or_resume`, `keep_or_wait` (it is closing), or `none`.
    pub next: String,
}

/// What a departure did.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DepartureView {
    /// Login.
    pub login: String,
    /// Code of the structure.
    pub structure: String,
    /// Accesses that ended.
    pub accesses: u64,
    /// Administrative roles that ended.
    pub roles: u64,
    /// Tokens that were revoked.
    pub tokens: u64,
    /// Addresses of requests under way there that named the person: they are over, to be asked for anew without.
    pub openings: Vec<String>,
    /// The person's own BALs there.
    pub personal: Vec<PersonalBal>,
    /// BALs that have no responsible person any more: name one.
    pub without_responsible: Vec<String>,
    /// Has the structure no administrator any more (F014)?
    pub without_administrator: bool,
}

/// What the first transaction found.
#[derive(Debug)]
struct Begun {
    person: Id,
    accesses: u64,
    roles: u64,
    tokens: u64,
    own: Vec<(String, LifeState)>,
    openings: Vec<String>,
    without_responsible: Vec<String>,
    without_administrator: bool,
}

impl Operator {
    /// Somebody leaves a structure. `admin.not_found`, `admin.invalid`, `right.missing`.
    #[boxed]
    pub async fn depart(&self, actor: &Actor, login: &str, order: Departure) -> Result<DepartureView, Refusal> {
        let use_case = UseCase::MembershipEdit;
        self.require(actor, use_case, On::Anywhere).await?;
        let (login, code) = (login.to_ascii_lowercase(), order.structure.to_ascii_lowercase());
        let deed = self.deed(actor, &order.reason)?;
        let by = By::actor(actor);
        let said = json!({ "login": login, "structure": code, "reason": deed.reason });
        let fact = self.fact("person.left", &by, None, "ok", said);
        let (asker, person, place, now) = (actor.clone(), login.clone(), code.clone(), deed.at.0);
        let openings_over = self.life_step("opening", 0, ("", ""), &by, deed.reason.as_deref());
        let store = self.0.store.clone();
        let begin = move |tx: &mut dyn Tx| {
            let structure = crate::accounts::structures::known(tx, &asker, use_case, &place)?;
            let person = known(tx, &asker, use_case, &person)?;
            permit(tx, &asker, use_case, On::Structure(structure.id))?;
            let worked = structures::memberships(tx, person.id)?.iter().any(|m| m.structure_id == structure.id);
            structures::leave(tx, person.id, structure.id, now)?;
            let accesses = rows::end_accesses(tx, (person.id, structure.id), now, &by.name)?;
            // Who works elsewhere is told of as who is nobody. Whoever has left already leaves again: what an earlier attempt left is done.
            if !worked && accesses == 0 {
                return Err(unknown(tx, &asker, use_case, &person.login));
            }
            let own = own_bals(tx, person.id, structure.id)?;
            let openings = cancel_openings(tx, &store, &person, structure.id, &openings_over)?;
            let mut ended = 0;
            for given in roles::in_force(tx, person.id)? {
                if given.role == Role::Structure.as_str() && given.structure_id == Some(structure.id) {
                    ended += u64::from(roles::end(tx, given.id, now, &by.name)?);
                }
            }
            let mut tokens = rows::revoke_tokens_of(tx, (person.id, structure.id), now)?;
            if rows::is_nowhere(tx, person.id)? {
                tokens += rows::revoke_tokens(tx, person.id, now)?;
            }
            let mut fact = fact.clone();
            fact.adding("accesses", accesses.into());
            fact.adding("roles", ended.into());
            fact.adding("tokens", tokens.into());
            fact.adding("openings", openings.len().into());
            fact.write(tx)?;
            Ok::<_, Fail>(Begun {
                person: person.id,
                accesses,
                roles: ended,
                tokens,
                own,
                openings,
                without_responsible: rows::without_responsible(tx, person.id, structure.id)?,
                without_administrator: structures::administrators(tx, &[structure.id])?.is_empty(),
            })
        };
        let begun = self.0.store.write(begin).await?;
        self.rights_changed_of(begun.person);
        let personal = self.settle_own(actor, &begun, &order).await?;
        Ok(DepartureView {
            login,
            structure: code,
            accesses: begun.accesses,
            roles: begun.roles,
            tokens: begun.tokens,
            openings: begun.openings,
            personal,
            without_responsible: begun.without_responsible,
            without_administrator: begun.without_administrator,
        })
    }

    async fn settle_own(&self, actor: &Actor, begun: &Begun, order: &Departure) -> Result<Vec<PersonalBal>, Refusal> {
        let mut out = Vec::new();
        for (address, state) in &begun.own {
            let life = match order.personal {
                fate if !fate.is_due(*state) => None,
                PersonalFate::Close => {
                    let close = CloseOrder {
                        cause: Cause::Departure,
                        reason: order.reason.clone(),
                        identity_proof: None,
                        cooling_days: None,
                    };
                    Some(self.close_bal(actor, address, close).await?)
                }
                _ => Some(self.suspend_bal(actor, address, &order.reason).await?),
            };
            let state = life.map_or_else(|| state.to_string(), |l| l.state);
            let next = match state.as_str() {
                "suspended" | "blocked" => "close_or_resume",
                "closing" => "keep_or_wait",
                _ => "none",
            };
            out.push(PersonalBal { address: address.clone(), state, next: next.into() });
        }
        Ok(out)
    }
}

/// Ends the requests under way of a structure that name the person: carried out, they would give back what the departure took. Their addresses.
fn cancel_openings(
    tx: &mut dyn Tx,
    store: &Store,
    person: &accounts::Person,
    structure: Id,
    over: &Step,
) -> Result<Vec<String>, Fail> {
    let mut out = Vec::new();
    for row in openings::under_way_in(tx, structure)? {
        let request = Request::read(&row.request)?;
        if !request.people.iter().any(|(login, _)| *login == person.login) {
            continue;
        }
        let cancelled = State::Cancelled.as_str();
        if !openings::advance(tx, row.id, row.version, cancelled, over.at)? {
            return Err(Refusal::new(RefusalCode::EditConflict).with("name", row.id).into());
        }
        let (id, was, became) = (store.new_id(), row.state, cancelled.to_owned());
        life::step(tx, &Step { id, subject_id: row.id, was, became, ..over.clone() })?;
        out.push(request.address);
    }
    Ok(out)
}

/// The person's own BALs in a structure, with their states.
fn own_bals(tx: &mut dyn Tx, person: Id, structure: Id) -> Result<Vec<(String, LifeState)>, Fail> {
    let mut out = Vec::new();
    for held in access::of_person(tx, person)?.into_iter().filter(|a| a.role == "holder") {
        let Some(bal) = accounts::bal_by_id(tx, held.bal_id)? else { continue };
        let personal = [BalKind::Per, BalKind::Med].iter().any(|k| k.as_str() == bal.kind);
        if personal && bal.structure_id == Some(structure) {
            let state = of_bal(tx, &bal)?.state;
            out.push((bal.address, state));
        }
    }
    Ok(out)
}
