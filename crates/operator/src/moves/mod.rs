//! A domain comes from another operator, or goes to one (F216). For a while the white list names both.
//!
//! What each state means, for mail to the domain and from its BALs:
//!
//! | state | our BALs writing to it | peers writing to it here | its BALs here writing |
//! |---|---|---|---|
//! | `here` (no move) | delivered here | delivered here, unknown addresses refused | as ever |
//! | `arriving`: it comes, and the white list does not name us yet | to the other operator, even where a BAL is prepared here | asked to try another server | refused: nobody would take it |
//! | `shared`: both are listed, or it goes and its time is not over | delivered here where the BAL is here and open; on to the other operator otherwise | the same, but asked to try another server | as ever |
//! | `left`: the time is over | to the other operator | refused for good | refused |
//!
//! Promises: nothing is ever sent to anybody but the listed servers of the domain itself; a peer's message for a BAL that is with the other operator
//! is not handed on by us, because nobody would take it from us (its sender's domain does not list our certificate): the peer, which sees both servers
//! in the DNS, is asked to come again, and reaches the right one. No BAL is closed by a move: people do that, and the list of steps says when.
mod admin;

pub use admin::{MoveView, StepView};

use crate::boxed;
use crate::{Operator, refuse};
use sceau_domain::{Address, DomainName, Refusal, RefusalCode};
use sceau_store::domain_moves::{self as rows, DomainMove};
use sceau_store::{StoreError, certificates};
use sceau_trust::Dn;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How long moves are believed without looking, milliseconds: other nodes begin them too.
const BELIEVED: i64 = 1_000;

/// Where a domain of ours stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Ours alone.
    Here,
    /// It comes; the list does not name us yet.
    Arriving,
    /// Some BALs are here, some with the other operator.
    Shared,
    /// It went.
    Left,
}

impl Standing {
    /// Stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::Arriving => "arriving",
            Self::Shared => "shared",
            Self::Left => "left",
        }
    }
}

/// Moves as they were read a moment ago, with our certificates' names when one needs them.
#[derive(Debug, Default)]
struct Known {
    moves: HashMap<String, DomainMove>,
    ours: Vec<Dn>,
}

/// What is remembered of moves.
#[derive(Debug, Default)]
pub(crate) struct State(Mutex<Option<(i64, Arc<Known>)>>);

impl State {
    fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Operator {
    async fn known_moves(&self) -> Result<Arc<Known>, Refusal> {
        let now = self.now().0;
        let known = self.0.moves.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, known)) = known.filter(|(at, _)| (0..BELIEVED).contains(&(now - at))) {
            return Ok(known);
        }
        let read = self.0.store.read(|tx| {
            let moves = rows::all(tx)?;
            let own = if moves.is_empty() { Vec::new() } else { certificates::own(tx)? };
            Ok::<_, StoreError>((moves, own))
        });
        let (moves, own) = read.await.map_err(|e| refuse::store(&e))?;
        let ours =
            own.iter().filter(|c| c.place == crate::certificates::OPERATOR).filter_map(|c| Dn::parse(&c.subject));
        let known =
            Arc::new(Known { ours: ours.collect(), moves: moves.into_iter().map(|m| (m.domain.clone(), m)).collect() });
        *self.0.moves.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&known)));
        Ok(known)
    }

    /// Where a domain of ours stands now. `peer.white_list_absent` (temporary): it comes, and without a list nobody knows how far it is.
    pub(crate) async fn standing(&self, domain: &DomainName) -> Result<Standing, Refusal> {
        let known = self.known_moves().await?;
        let Some(m) = known.moves.get(domain.as_str()) else { return Ok(Standing::Here) };
        if m.inward && self.0.trust.white_list().is_none() {
            return Err(RefusalCode::PeerWhiteListAbsent.into());
        }
        Ok(self.judged(m, domain, &known.ours))
    }

    fn judged(&self, m: &DomainMove, domain: &DomainName, ours: &[Dn]) -> Standing {
        if !m.inward {
            return if m.until.is_some_and(|until| until <= self.now().0) { Standing::Left } else { Standing::Shared };
        }
        let named = self.0.trust.white_list().is_some_and(|list| ours.iter().any(|dn| list.lists(domain, dn)));
        if named { Standing::Shared } else { Standing::Arriving }
    }

    /// What a peer is told of an address of a domain that moves, when it is not here: `domain.elsewhere` (come again), `domain.left` (for good).
    pub(crate) async fn not_here(&self, to: &Address) -> Result<(), Refusal> {
        let refuse = |code: RefusalCode| Err(Refusal::new(code).with("address", to).with("domain", to.domain()));
        match self.standing(to.domain()).await? {
            Standing::Here => Ok(()),
            Standing::Arriving | Standing::Shared => refuse(RefusalCode::DomainElsewhere),
            Standing::Left => refuse(RefusalCode::DomainLeft),
        }
    }

    /// May BALs of this domain write now? `domain.arriving`, `domain.left`.
    pub(crate) async fn may_speak(&self, domain: &DomainName) -> Result<(), Refusal> {
        match self.standing(domain).await? {
            Standing::Here | Standing::Shared => Ok(()),
            Standing::Arriving => Err(Refusal::new(RefusalCode::DomainArriving).with("domain", domain)),
            Standing::Left => Err(Refusal::new(RefusalCode::DomainLeft).with("domain", domain)),
        }
    }

    /// Is mail for this domain of ours carried to another operator too, so that servers beside ours are looked for?
    #[boxed]
    pub async fn is_shared(&self, domain: &DomainName) -> Result<bool, Refusal> {
        Ok(self.standing(domain).await? != Standing::Here)
    }
}
