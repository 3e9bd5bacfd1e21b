//! Changes of a BAL: what is published of it, and its structure. Choices have a file of their own.
use super::names::{self, Texts};
use super::{BalEdit, BalView, find, view};
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode, UseCase, plain};
use sceau_store::{Id, Tx, accounts as rows, bals};
use serde_json::{Value, json};

/// The row of this version; one that is closed changes no more. `edit.conflict`, `state.wrong`.
pub(super) fn fresh(bal: rows::Bal, version: i64) -> Result<rows::Bal, Fail> {
    if bal.version != version {
        return Err(Refusal::new(RefusalCode::EditConflict).with("name", &bal.address).into());
    }
    if bal.state == "closed" {
        return Err(Refusal::new(RefusalCode::StateWrong).with("name", &bal.address).with("cause", bal.state).into());
    }
    Ok(bal)
}

/// Writes the row of a BAL, unless another version was written meanwhile.
pub(super) fn update(tx: &mut dyn Tx, bal: &rows::Bal) -> Result<(), Fail> {
    if bals::update(tx, bal)? {
        return Ok(());
    }
    Err(Refusal::new(RefusalCode::EditConflict).with("name", &bal.address).into())
}

/// The BAL as it is now.
pub(super) fn shown(tx: &mut dyn Tx, bal: Id) -> Result<BalView, Fail> {
    let stored = rows::bal_by_id(tx, bal)?.ok_or(RefusalCode::NotFound)?;
    Ok(view(tx, stored)?)
}

impl Operator {
    /// Changes what is published of a BAL of this version, and its structure. `admin.not_found`, `edit.conflict`, `naming.*`, `state.wrong`.
    #[boxed]
    pub async fn edit_bal(
        &self,
        actor: &Actor,
        address: &str,
        version: i64,
        edit: BalEdit,
    ) -> Result<BalView, Refusal> {
        let key = self.key_of(address)?;
        let fact = self.fact("bal.edited", &By::actor(actor), None, "ok", Value::Null);
        let (actor, moved, moving) = (actor.clone(), edit.structure.is_some(), self.bal_move(&By::actor(actor)));
        let act = move |tx: &mut dyn Tx| {
            let mut bal = fresh(find(tx, &actor, UseCase::BalEdit, &key)?, version)?;
            let mut changed = Vec::new();
            let texts = [
                ("name", edit.name.as_deref(), &mut bal.label),
                ("description", edit.description.as_deref(), &mut bal.description),
                ("responsible", edit.responsible.as_deref(), &mut bal.responsible),
                ("service", edit.service.as_deref(), &mut bal.service),
            ];
            for (name, new, text) in texts {
                let Some(new) = new else { continue };
                let new = if name == "name" { plain::name(new, name)? } else { plain::line(new, name, plain::NOTE)? };
                if *text != new {
                    *text = new;
                    changed.push(name);
                }
            }
            if let Some(code) = &edit.structure
                && moving.carry(tx, &actor, &mut bal, code.as_deref())?
            {
                changed.push("structure");
            }
            let texts = Texts {
                kind: bal.kind.parse().map_err(|()| Fail::from(RefusalCode::Unavailable))?,
                address: None,
                label: if changed.contains(&"name") { &bal.label } else { "" },
                description: if changed.contains(&"description") { &bal.description } else { "" },
                responsible: &bal.responsible,
                service: if changed.contains(&"service") { &bal.service } else { "" },
            };
            let overridden = names::check(tx, &actor, texts, edit.naming_override.as_deref())?;
            let mut fact = fact.clone().on(bal.id, Some(bal.address_key.clone()));
            fact.saying(&json!({ "fields": changed, "structure": edit.structure, "naming_override": overridden }));
            update(tx, &bal)?;
            if changed.contains(&"structure") {
                moving.settle(tx, bal.id)?;
            }
            fact.write(tx)?;
            Ok::<_, Fail>((bal.id, shown(tx, bal.id)?))
        };
        let (bal, view) = self.0.store.write(act).await?;
        if moved {
            // Another structure may be one that is blocked.
            self.rights_changed_of(bal);
            self.policies_changed();
        }
        Ok(view)
    }
}
