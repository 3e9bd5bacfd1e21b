//! As whom somebody sends: the BALs that a message may name as where it comes from (F150).
//!
//! Promises: judged when the name is said, and again in the transaction that sends ([`Right`]): what was taken away while a message came is gone.
use super::parties::{Local, bal_by_key};
use crate::access::{Acting, acting};
use crate::login::TokenRule;
use crate::record::By;
use crate::refuse::Fail;
use crate::{Actor, ConnectorRef, Operator, Who, terms};
use sceau_domain::{Address, BalRights, Refusal, RefusalCode, Timestamp};
use sceau_store::{Id, StoreError, Tx, access, accounts};

/// A BAL that the actor may send with, and as what.
#[derive(Debug, Clone)]
pub(super) struct Voice {
    /// The BAL.
    pub local: Local,
    seat: Option<Acting>,
}

impl Voice {
    /// Who acts, as traces of what is sent with this BAL name it.
    pub fn by(&self, actor: &Actor) -> By {
        By { seat: self.seat.clone(), ..By::actor(actor) }
    }
}

/// In whose names a message goes.
pub(super) struct Names {
    /// The address of From.
    pub from: Address,
    /// Its BAL.
    pub author: Voice,
    /// Every BAL named as where the message comes from, that of the envelope first.
    pub all: Vec<Voice>,
}

/// The right to send a message, as the transaction that sends it asks for it again.
#[derive(Debug, Clone)]
pub(super) struct Right {
    /// BALs named as where it comes from.
    own: Vec<Id>,
    /// Whose session; none: no person's.
    person: Option<Id>,
    token: Option<Id>,
    /// What the policies leave of it.
    rule: TokenRule,
    connector: Option<ConnectorRef>,
}

impl Right {
    /// What the actor needs to send in these names.
    pub fn of(actor: &Actor, voices: &[Voice], rule: TokenRule) -> Self {
        let connector = match &actor.who {
            Who::Connector(connector) => Some(connector.clone()),
            _ => None,
        };
        let person = matches!(actor.who, Who::Person(_)).then(|| actor.person());
        Self { own: voices.iter().map(|v| v.local.id).collect(), person, token: actor.credential, rule, connector }
    }
    /// `right.missing`, or why a structure's server may not send.
    pub fn check(&self, tx: &mut dyn Tx, now: Timestamp) -> Result<(), Fail> {
        for bal in &self.own {
            if !may_send(tx, self.person, *bal)? || !token_opens(tx, self.rule, self.token, *bal, now)? {
                return Err(RefusalCode::RightMissing.into());
            }
        }
        match &self.connector {
            Some(connector) => crate::connectors::stands(tx, connector, &self.own, now).map(drop),
            None => Ok(()),
        }
    }
    /// Counts one more message of a structure's server. `connector.limit`.
    pub fn count(&self, tx: &mut dyn Tx, now: Timestamp) -> Result<(), Fail> {
        match &self.connector {
            Some(connector) => crate::connectors::admit(tx, connector, &[], now),
            None => Ok(()),
        }
    }
}

impl Operator {
    /// The BAL behind an address, when the actor may send with it; `otherwise` the given refusal.
    pub(super) async fn sending_bal(
        &self,
        actor: &Actor,
        address: &Address,
        otherwise: RefusalCode,
    ) -> Result<Voice, Refusal> {
        let (key, token, now, rule) = (self.bal_key(address), actor.credential, self.now(), self.token_rule());
        let person = match &actor.who {
            Who::Person(p) => Some(p.id),
            Who::Connector(connector) => {
                let connector = connector.clone();
                let found = self.0.store.read(move |tx| {
                    let Some(local) = bal_by_key(tx, &key)? else { return Ok(None) };
                    let sends = crate::connectors::may_send(tx, &connector, &local, now)?;
                    Ok::<_, Fail>(sends.then_some(Voice { local, seat: None }))
                });
                let voice = found.await?.ok_or_else(|| Refusal::new(otherwise).with("address", address))?;
                return self.may_speak(&voice.local.own.domain).await.map(|()| voice);
            }
            Who::System => None,
        };
        let found = self.0.store.read(move |tx| {
            let Some(local) = bal_by_key(tx, &key)? else { return Ok(None) };
            if !local.open || !may_send(tx, person, local.id)? || !token_opens(tx, rule, token, local.id, now)? {
                return Ok(None);
            }
            let mut seat = None;
            if let Some(person) = person {
                terms::require(tx, person, local.id, now.0)?;
                if let Some(seated) = access::seat(tx, local.id, person)? {
                    seat = acting(tx, local.id, &seated)?;
                }
            }
            Ok::<_, Fail>(Some(Voice { local, seat }))
        });
        match found.await? {
            Some(voice) => self.may_speak(&voice.local.own.domain).await.map(|()| voice),
            None => Err(Refusal::new(otherwise).with("address", address)),
        }
    }
}

/// Does the person have an access in force on the BAL that lets send?
fn may_send(tx: &mut dyn Tx, person: Option<Id>, bal: Id) -> Result<bool, StoreError> {
    let Some(person) = person else { return Ok(true) };
    let seated = access::seat(tx, bal, person)?;
    Ok(seated.is_some_and(|s| BalRights::from_bits(s.rights).has(BalRights::SEND)))
}

/// A device token made for one BAL sends as that BAL only, and none after its end.
fn token_opens(
    tx: &mut dyn Tx,
    rule: TokenRule,
    token: Option<Id>,
    bal: Id,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(token) = token else { return Ok(true) };
    let row = accounts::token_by_id(tx, token)?;
    let live = rule.live(tx, row, now.0)?;
    Ok(live.is_some_and(|t| t.bal_id.is_none_or(|only| only == bal)))
}
