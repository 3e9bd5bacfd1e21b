//! Somebody leaves a structure: in one act the membership, the role and the accesses there end, and the tokens for its BALs open nothing any more.
//!
//! What becomes of the person's own BALs there is decided with it: suspended (so that no door stays open) unless something else is asked for, and the
//! answer says what there is to decide next. ORG, APP and CAB BALs that are left without a responsible person are named.
//!
//! Promises: the rights go with the first transaction, whatever number of rows there are; what is left of a departure that was cut is done by asking
//! for it again.
use super::closing::{Cause, CloseOrder};
use super::of_bal;
use super::people::known;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Operator};
use sceau_domain::life::LifeState;
use sceau_domain::{BalKind, Refusal, RefusalCode, Role, UseCase};
use sceau_store::{Id, Tx, access, accounts, departures as rows, roles, structures};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// Accesses ended in one transaction.
const SLICE: i64 = 300;

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
    /// The person's own BALs there.
    pub personal: Vec<PersonalBal>,
    /// BALs that have no responsible person any more: name one.
    pub without_responsible: Vec<String>,
}

/// What the first transaction found.
#[derive(Debug)]
struct Begun {
    person: Id,
    structure: Id,
    accesses: u64,
    roles: u64,
    tokens: u64,
    own: Vec<(String, LifeState)>,
}

impl Operator {
    /// Somebody leaves a structure. `admin.not_found`, `admin.invalid`, `right.missing`.
    pub async fn depart(&self, actor: &Actor, login: &str, order: Departure) -> Result<DepartureView, Refusal> {
        let use_case = UseCase::MembershipEdit;
        self.require(actor, use_case, On::Anywhere).await?;
        let (login, code) = (login.to_ascii_lowercase(), order.structure.to_ascii_lowercase());
        let deed = self.deed(actor, &order.reason)?;
        let by = By::actor(actor);
        let said = json!({ "login": login, "structure": code, "reason": deed.reason });
        let fact = self.fact("person.left", &by, None, "ok", said);
        let (asker, person, place, now) = (actor.clone(), login.clone(), code.clone(), deed.at.0);
        let begin = move |tx: &mut dyn Tx| {
            let structure = crate::accounts::structures::known(tx, &asker, use_case, &place)?;
            let person = known(tx, &asker, use_case, &person)?;
            permit(tx, &asker, use_case, On::Structure(structure.id))?;
            let left = structures::leave(tx, person.id, structure.id, now)?;
            let accesses = rows::end_accesses(tx, (person.id, structure.id), now, &by.name, SLICE)?;
            if !left && accesses == 0 {
                return Err(Refusal::new(RefusalCode::NotFound).with("name", &place).into());
            }
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
            let own = own_bals(tx, person.id, structure.id)?;
            let mut fact = fact.clone();
            fact.adding("accesses", accesses.into());
            fact.adding("roles", ended.into());
            fact.adding("tokens", tokens.into());
            fact.write(tx)?;
            Ok::<_, Fail>(Begun { person: person.id, structure: structure.id, accesses, roles: ended, tokens, own })
        };
        let mut begun = self.0.store.write(begin).await?;
        self.rights_changed_of(begun.person);
        self.rights_changed();
        self.end_the_rest(&mut begun, &By::actor(actor).name, now).await?;
        let personal = self.settle_own(actor, &begun, &order).await?;
        let (person, structure) = (begun.person, begun.structure);
        let orphans = self.0.store.read(move |tx| rows::without_responsible(tx, person, structure)).await;
        Ok(DepartureView {
            login,
            structure: code,
            accesses: begun.accesses,
            roles: begun.roles,
            tokens: begun.tokens,
            personal,
            without_responsible: orphans.map_err(|e| crate::refuse::store(&e))?,
        })
    }

    /// Accesses beyond the first transaction's.
    async fn end_the_rest(&self, begun: &mut Begun, by: &str, now: i64) -> Result<(), Refusal> {
        let of = (begun.person, begun.structure);
        let mut last = begun.accesses;
        while last >= SLICE.unsigned_abs() {
            let by = by.to_owned();
            let ended = self.0.store.write(move |tx| rows::end_accesses(tx, of, now, &by, SLICE)).await;
            last = ended.map_err(|e| crate::refuse::store(&e))?;
            begun.accesses += last;
        }
        Ok(())
    }

    async fn settle_own(&self, actor: &Actor, begun: &Begun, order: &Departure) -> Result<Vec<PersonalBal>, Refusal> {
        let mut out = Vec::new();
        for (address, state) in &begun.own {
            let life = match (order.personal, state) {
                (PersonalFate::Suspend, LifeState::Active) => {
                    Some(self.suspend_bal(actor, address, &order.reason).await?)
                }
                (PersonalFate::Close, s) if *s < LifeState::Closing => {
                    let close = CloseOrder {
                        cause: Cause::Departure,
                        reason: order.reason.clone(),
                        identity_proof: None,
                        cooling_days: None,
                    };
                    Some(self.close_bal(actor, address, close).await?)
                }
                _ => None,
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
