//! Changes of a BAL: what is published of it, and the choices about it (F091–F094).
use super::names::{self, Texts};
use super::{BalChoices, BalEdit, BalView, find, view};
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit, unknown};
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode, UseCase, plain};
use sceau_store::{Tx, accounts as rows, bals, structures};
use serde_json::{Value, json};

/// The row of this version; one that is closed changes no more. `edit.conflict`, `state.wrong`.
fn fresh(bal: rows::Bal, version: i64) -> Result<rows::Bal, Fail> {
    if bal.version != version {
        return Err(Refusal::new(RefusalCode::EditConflict).with("name", &bal.address).into());
    }
    if bal.state == "closed" {
        return Err(Refusal::new(RefusalCode::StateWrong).with("name", &bal.address).with("cause", bal.state).into());
    }
    Ok(bal)
}

/// Writes the row of a BAL, unless another version was written meanwhile.
fn write(tx: &mut dyn Tx, bal: &rows::Bal) -> Result<BalView, Fail> {
    if !bals::update(tx, bal)? {
        return Err(Refusal::new(RefusalCode::EditConflict).with("name", &bal.address).into());
    }
    let stored = rows::bal_by_id(tx, bal.id)?.ok_or(RefusalCode::NotFound)?;
    Ok(view(tx, stored)?)
}

impl Operator {
    /// Changes what is published of a BAL of this version, and its structure. `admin.not_found`, `edit.conflict`, `naming.*`, `state.wrong`.
    pub async fn edit_bal(
        &self,
        actor: &Actor,
        address: &str,
        version: i64,
        edit: BalEdit,
    ) -> Result<BalView, Refusal> {
        let key = self.key_of(address)?;
        let fact = self.fact("bal.edited", &By::actor(actor), None, "ok", Value::Null);
        let (actor, moved) = (actor.clone(), edit.structure.is_some());
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
            if let Some(code) = &edit.structure {
                // Who is in whose reach is the operator's to say.
                permit(tx, &actor, UseCase::BalEdit, On::Operator)?;
                let id = match code {
                    None => None,
                    Some(code) => match structures::by_code(tx, &plain::code(code, "structure")?)? {
                        Some(s) => Some(s.id),
                        None => return Err(unknown(tx, &actor, UseCase::BalEdit, code)),
                    },
                };
                if bal.structure_id != id {
                    bal.structure_id = id;
                    changed.push("structure");
                }
            }
            let texts = Texts {
                kind: bal.kind.parse().map_err(|()| Fail::from(RefusalCode::Unavailable))?,
                address: None,
                label: if changed.contains(&"name") { &bal.label } else { "" },
                description: if changed.contains(&"description") { &bal.description } else { "" },
                responsible: &bal.responsible,
                service: &bal.service,
            };
            let overridden = names::check(tx, &actor, texts, edit.naming_override.as_deref())?;
            let mut fact = fact.clone().on(bal.id, Some(bal.address_key.clone()));
            fact.saying(&json!({ "fields": changed, "structure": edit.structure, "naming_override": overridden }));
            let view = write(tx, &bal)?;
            fact.write(tx)?;
            Ok::<_, Fail>(view)
        };
        let view = self.0.store.write(act).await?;
        if moved {
            self.rights_changed();
        }
        Ok(view)
    }

    /// Makes choices about a BAL of this version: the person for the own one, a responsible for an ORG, APP or CAB, support. `admin.not_found`,
    /// `admin.invalid` when nothing is chosen, `edit.conflict`, `state.wrong`.
    pub async fn choose_for_bal(
        &self,
        actor: &Actor,
        address: &str,
        version: i64,
        choices: BalChoices,
    ) -> Result<BalView, Refusal> {
        let key = self.key_of(address)?;
        let fact = self.fact("bal.choices", &By::actor(actor), None, "ok", Value::Null);
        let actor = actor.clone();
        let act = move |tx: &mut dyn Tx| {
            let bal = fresh(find(tx, &actor, UseCase::BalChoices, &key)?, version)?;
            if choices == BalChoices::default() {
                return Err(Refusal::new(RefusalCode::Invalid)
                    .with("name", "red_list, phone_published, paperless")
                    .into());
            }
            let chosen = rows::Bal {
                red_list: choices.red_list.or(bal.red_list),
                phone_published: choices.phone_published.or(bal.phone_published),
                paperless: choices.paperless.or(bal.paperless),
                ..bal.clone()
            };
            let said = |b: &rows::Bal| json!([b.red_list, b.phone_published, b.paperless]);
            let mut fact = fact.clone().on(bal.id, Some(bal.address_key.clone()));
            let names = ["red_list", "phone_published", "paperless"];
            fact.saying(&json!({ "choices": names, "was": said(&bal), "became": said(&chosen) }));
            let view = write(tx, &chosen)?;
            fact.write(tx)?;
            Ok::<_, Fail>(view)
        };
        Ok(self.0.store.write(act).await?)
    }
}
