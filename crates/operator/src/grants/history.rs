//! Who had access to a BAL, and who could read it at an instant.
use super::{AccessView, Readers, bal_of, instant};
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Operator};
use sceau_domain::readers::{Around, Life, Span, Step, could_read};
use sceau_domain::{AccessRole, BalRights, Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::access::Access;
use sceau_store::{Id, StoreError, Tx, access, accounts, life, structures};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Most rows of one page.
const PAGE: u32 = 1000;

/// A life, from its steps; without any, from since when it is blocked.
fn life_of(tx: &mut dyn Tx, subject: &str, id: Id, present: &str, blocked: Option<i64>) -> Result<Life, StoreError> {
    let mut steps: Vec<Step> =
        life::steps(tx, subject, id)?.into_iter().map(|s| Step { at: s.at, was: s.was, became: s.became }).collect();
    // Ids are made before the commit: two steps of one instant keep their order, others are told apart by when they happened.
    steps.sort_by_key(|s| s.at);
    if let (true, Some(at)) = (steps.is_empty(), blocked) {
        steps.push(Step { at, was: "active".into(), became: "blocked".into() });
    }
    Ok(Life { steps, present: present.to_owned() })
}

fn person_life(tx: &mut dyn Tx, id: Id) -> Result<Life, StoreError> {
    let disabled = accounts::person_by_id(tx, id)?.and_then(|p| p.disabled);
    let present = if disabled.is_some() { "blocked" } else { "active" };
    life_of(tx, "person", id, present, disabled)
}

fn span(a: &Access) -> Span {
    Span { granted: a.granted, starts: a.starts, ends: a.ends, ended: a.ended, rights: BalRights::from_bits(a.rights) }
}

impl Operator {
    /// Every access that a BAL ever had, in the order in which they were given, `limit` from after `after` (the [`AccessView`]'s place).
    pub async fn access_history(
        &self,
        actor: &Actor,
        address: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(String, AccessView)>, Refusal> {
        self.require(actor, UseCase::AccessList, On::Anywhere).await?;
        let (key, actor, limit) = (self.key_of(address)?, actor.clone(), i64::from(limit.clamp(1, PAGE)));
        let wrong = || Refusal::new(RefusalCode::Invalid).with("name", "after");
        let after = match after {
            None => (i64::MIN, i64::MIN),
            Some(text) => {
                let (granted, person) = text.split_once('-').ok_or_else(wrong)?;
                (granted.parse().map_err(|_| wrong())?, person.parse().map_err(|_| wrong())?)
            }
        };
        let list = move |tx: &mut dyn Tx| {
            let bal = bal_of(tx, &actor, UseCase::AccessList, &key)?;
            permit(tx, &actor, UseCase::AccessList, On::Bal(bal.id))?;
            let rows = access::history(tx, bal.id, after, limit)?;
            Ok::<_, Fail>(
                rows.into_iter().map(|a| (format!("{}-{}", a.granted, a.person_id), AccessView::of(a))).collect(),
            )
        };
        Ok(self.0.store.read(list).await?)
    }

    /// Who could read a BAL at an instant: what the doors would have said then.
    pub async fn readers(&self, actor: &Actor, address: &str, at: Timestamp) -> Result<Readers, Refusal> {
        self.require(actor, UseCase::AccessList, On::Anywhere).await?;
        let (key, actor, at) = (self.key_of(address)?, actor.clone(), instant(at)?);
        let find = move |tx: &mut dyn Tx| {
            let bal = bal_of(tx, &actor, UseCase::AccessList, &key)?;
            permit(tx, &actor, UseCase::AccessList, On::Bal(bal.id))?;
            let mut out = Readers {
                address: bal.address.clone(),
                at: Timestamp(at),
                state: "none".into(),
                readers: Vec::new(),
                others: Vec::new(),
            };
            if at < bal.created {
                return Ok::<_, Fail>(out);
            }
            let bal_life = life_of(tx, "bal", bal.id, &bal.state, None)?;
            bal_life.at(at).clone_into(&mut out.state);
            let structure = match bal.structure_id {
                None => None,
                Some(id) => {
                    let blocked = structures::by_id(tx, id)?.and_then(|s| s.blocked);
                    let present = if blocked.is_some() { "blocked" } else { "active" };
                    Some(life_of(tx, "structure", id, present, blocked)?)
                }
            };
            let rows = access::at(tx, bal.id, at)?;
            let mut people: HashMap<Id, Life> = HashMap::new();
            for row in &rows {
                if let Entry::Vacant(person) = people.entry(row.person_id) {
                    person.insert(person_life(tx, row.person_id)?);
                }
            }
            let held = |a: &&Access| a.role == AccessRole::Holder.as_str();
            let holder = rows.iter().find(held).map(|a| a.person_id);
            for row in rows {
                let Some(person) = people.get(&row.person_id) else { continue };
                let delegate = row.role == AccessRole::Delegate.as_str();
                let holder = holder.filter(|_| delegate).and_then(|id| people.get(&id));
                let around = Around { bal: &bal_life, structure: structure.as_ref(), person, holder };
                let list = if could_read(&span(&row), around, at) { &mut out.readers } else { &mut out.others };
                list.push(AccessView::of(row));
            }
            Ok(out)
        };
        Ok(self.0.store.read(find).await?)
    }
}
