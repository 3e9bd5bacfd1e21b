//! BALs, shown and changed. How they come to be is told in [`crate::openings`].
//!
//! Promises: address and kind never change; a list holds what the asker's place reaches and what is the asker's own, and tells nothing of the rest;
//! no choice is made for anybody; of two changes that start from the same version one is refused.
pub(crate) mod choices;
mod edit;
pub(crate) mod moves;
pub(crate) mod names;
pub(crate) mod suggest;
mod views;

pub use choices::ChoiceStep;
pub use views::{BalChoices, BalEdit, BalQuery, BalView, NewBal, SuggestFor, Suggested};

use super::{grouped, only, page, processing};
use crate::boxed;
use crate::openings::views::OpeningView;
use crate::refuse::Fail;
use crate::rights::{On, Reach, permit, permitted, reach, unknown};
use crate::{Actor, Operator, Who};
use sceau_domain::life::LifeState;
use sceau_domain::{Address, Refusal, RefusalCode, Timestamp, UseCase, plain};
use sceau_store::{Id, StoreError, Tx, absences, access, accounts as rows, bals, structures};

impl Operator {
    /// Asks for a BAL and verifies the request in one act, by somebody who may do both. The answer says whether the BAL is open, or what it waits
    /// for. `admin.exists`, `admin.not_found` (domain, structure, person), `admin.invalid`, `naming.*`, `opening.*`.
    #[boxed]
    pub async fn add_bal(&self, actor: &Actor, bal: NewBal) -> Result<OpeningView, Refusal> {
        self.require(actor, UseCase::OpeningDecide, On::Anywhere).await?;
        let id = self.ask_and_verify(actor, bal).await?;
        self.go_on_with(id, actor).await?;
        self.opening(actor, id).await
    }

    /// BALs by address, of what the asker may see.
    #[boxed]
    pub async fn bals(
        &self,
        actor: &Actor,
        query: BalQuery,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<BalView>, Refusal> {
        let actor = actor.clone();
        let after = after.map(|a| self.key_of(a).unwrap_or_else(|_| a.to_lowercase())).unwrap_or_default();
        let list = move |tx: &mut dyn Tx| {
            let uc = UseCase::BalList;
            let within = match (reach(tx, &actor, uc)?, &actor.who) {
                (Reach::All, _) | (_, Who::System) => None,
                (_, Who::Connector(_)) => Some((Vec::new(), 0)),
                (reach, Who::Person(p)) => Some((reach.structures().unwrap_or_default().to_vec(), p.id)),
            };
            let domain = match &query.domain {
                None => None,
                Some(name) => match rows::domain_by_name(tx, &name.to_lowercase())? {
                    Some(domain) => Some(domain.id),
                    None => return Err(unknown(tx, &actor, uc, name)),
                },
            };
            let structure = match &query.structure {
                None => None,
                Some(code) => match structures::by_code(tx, &plain::code(code, "structure")?)? {
                    Some(structure) => Some(structure.id),
                    None => return Err(unknown(tx, &actor, uc, code)),
                },
            };
            let text = query.text.as_deref().map(|t| plain::line(t, "text", plain::NAME)).transpose()?;
            let state = query.state.as_deref().map(state).transpose()?;
            let filter = bals::Filter {
                domain,
                structure,
                kind: query.kind.map(|k| k.as_str().to_owned()),
                state,
                text: text.filter(|t| !t.is_empty()),
                lacks_contact: query.lacks_notification_address,
                within,
            };
            if let (Some(id), Some(code)) = (structure, &query.structure) {
                let own = bals::Filter { structure, within: filter.within.clone(), ..bals::Filter::default() };
                // Of a structure elsewhere one sees what is one's own; where there is nothing of it, not even that the structure is there.
                if !permitted(tx, &actor, uc, On::Structure(id))? && bals::list(tx, &own, "", 1)?.is_empty() {
                    return Err(unknown(tx, &actor, uc, code));
                }
            }
            let found = bals::list(tx, &filter, &after, page(limit))?;
            Ok::<_, Fail>(views(tx, found)?)
        };
        Ok(self.0.store.read(list).await?)
    }

    /// One BAL. `admin.not_found`.
    #[boxed]
    pub async fn bal(&self, actor: &Actor, address: &str) -> Result<BalView, Refusal> {
        let (actor, key, operator) = (actor.clone(), self.key_of(address)?, self.0.config.name.clone());
        let find = move |tx: &mut dyn Tx| {
            let bal = find(tx, &actor, UseCase::BalList, &key)?;
            // Of no structure: the professional in person answers for it.
            let processing = processing::of_bal(tx, bal.structure_id, &bal.label, &operator)?;
            Ok::<_, Fail>(BalView { processing, ..view(tx, bal)? })
        };
        Ok(self.0.store.read(find).await?)
    }

    /// What BALs are looked up by, for an address given as a text. `rcpt.syntax`.
    pub(crate) fn key_of(&self, address: &str) -> Result<String, Refusal> {
        let address: Address =
            address.parse().map_err(|_| Refusal::new(RefusalCode::RcptSyntax).with("address", address))?;
        Ok(self.bal_key(&address))
    }
}

/// A state to look for. `admin.invalid`.
fn state(text: &str) -> Result<String, Refusal> {
    let state = text.parse::<LifeState>().map_err(|()| Refusal::new(RefusalCode::Invalid).with("name", "state"))?;
    Ok(state.as_str().to_owned())
}

/// The BAL with this key, for an asker who may do this with it.
pub(crate) fn find(tx: &mut dyn Tx, actor: &Actor, use_case: UseCase, key: &str) -> Result<rows::Bal, Fail> {
    permit(tx, actor, use_case, On::Anywhere)?;
    let Some(bal) = rows::bal_by_address(tx, key)? else { return Err(unknown(tx, actor, use_case, key)) };
    permit(tx, actor, use_case, On::Bal(bal.id))?;
    Ok(bal)
}

pub(crate) fn view(tx: &mut dyn Tx, b: rows::Bal) -> Result<BalView, StoreError> {
    only(views(tx, vec![b])?)
}

/// BALs as shown, in their order: what other tables say of them is read once for all of them.
fn views(tx: &mut dyn Tx, found: Vec<rows::Bal>) -> Result<Vec<BalView>, StoreError> {
    let ids: Vec<Id> = found.iter().map(|b| b.id).collect();
    let mut access = grouped(access::of_bals(tx, &ids)?.into_iter().map(|a| (a.bal_id, (a.login, a.role))));
    let places: Vec<Id> = found.iter().filter_map(|b| b.structure_id).collect();
    let places = structures::by_ids(tx, &places)?;
    let now = tx.now();
    let absent = absences::absent(tx, &ids, now)?;
    let view = |b: rows::Bal| {
        let structure = b.structure_id.and_then(|id| places.get(&id)).map(|s| s.code.clone());
        shown(access.remove(&b.id).unwrap_or_default(), structure, absent.contains(&b.id), b)
    };
    found.into_iter().map(view).collect()
}

fn shown(
    access: Vec<(String, String)>,
    structure: Option<String>,
    absent: bool,
    b: rows::Bal,
) -> Result<BalView, StoreError> {
    let unsigned = |n: i64| u64::try_from(n).unwrap_or(0);
    Ok(BalView {
        kind: b.kind.parse().map_err(|()| StoreError::Invalid("kind of a BAL".into()))?,
        address: b.address,
        name: b.label,
        structure,
        test: b.test,
        reachable: b.reachable,
        state: b.state,
        absent,
        closing_at: b.closing_at.map(Timestamp),
        description: b.description,
        responsible: b.responsible,
        service: b.service,
        red_list: b.red_list,
        phone_published: b.phone_published,
        paperless: b.paperless,
        quota: unsigned(b.quota_bytes),
        used: unsigned(b.used_bytes),
        messages: unsigned(b.message_count),
        access,
        processing: Vec::new(),
        created: Timestamp(b.created),
        version: b.version,
    })
}
