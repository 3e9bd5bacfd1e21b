//! Regional bodies (GRADeS): they follow structures, see counts and people of these, and never content (F149).
use super::people::conflict;
use super::structures::checked_contact;
use super::structures::views::{BodyChange, BodyView, Contact, NewBody};
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit, unknown};
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode, Role, Timestamp, UseCase, plain};
use sceau_store::structures as rows;
use sceau_store::{StoreError, Tx, life};
use serde_json::json;

fn kept(contact: &Contact) -> String {
    serde_json::to_string(contact).unwrap_or_else(|_| "{}".into())
}

impl Operator {
    /// Adds a regional body. `admin.exists`, `admin.invalid`, `naming.too_long`.
    #[boxed]
    pub async fn add_body(&self, actor: &Actor, new: NewBody) -> Result<BodyView, Refusal> {
        self.require(actor, UseCase::BodyEdit, On::Operator).await?;
        let row = rows::Body {
            id: self.0.store.new_id(),
            code: plain::code(&new.code, "code")?,
            name: plain::filled(&new.name, "name", plain::NAME)?,
            contact: kept(&checked_contact(&new.contact)?),
            blocked: None,
            version: 1,
            created: self.now().0,
        };
        let fact = self.fact("body.added", &By::actor(actor), None, "ok", json!({ "body": row.code }));
        let actor = actor.clone();
        let add = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::BodyEdit, On::Operator)?;
            if rows::body_by_code(tx, &row.code)?.is_some() {
                return Err(Refusal::new(RefusalCode::Exists).with("name", &row.code).into());
            }
            rows::insert_body(tx, &row)?;
            fact.write(tx)?;
            Ok::<_, Fail>(view(tx, row.clone())?)
        };
        Ok(self.0.store.write(add).await?)
    }

    /// Regional bodies, by code: all, or the asker's own.
    #[boxed]
    pub async fn bodies(&self, actor: &Actor) -> Result<Vec<BodyView>, Refusal> {
        let actor = actor.clone();
        let list = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::BodyList, On::Anywhere)?;
            let mut out = Vec::new();
            for body in rows::bodies(tx)? {
                match permit(tx, &actor, UseCase::BodyList, On::Body(body.id)) {
                    Ok(()) => out.push(view(tx, body)?),
                    Err(Fail::No(_)) => {}
                    Err(failed) => return Err(failed),
                }
            }
            Ok::<_, Fail>(out)
        };
        Ok(self.0.store.read(list).await?)
    }

    /// One regional body. `admin.not_found`, `right.missing`.
    #[boxed]
    pub async fn body(&self, actor: &Actor, code: &str) -> Result<BodyView, Refusal> {
        let (actor, code) = (actor.clone(), code.to_ascii_lowercase());
        let find = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::BodyList, On::Anywhere)?;
            let Some(body) = rows::body_by_code(tx, &code)? else {
                return Err(unknown(tx, &actor, UseCase::BodyList, &code));
            };
            permit(tx, &actor, UseCase::BodyList, On::Body(body.id))?;
            Ok::<_, Fail>(view(tx, body)?)
        };
        Ok(self.0.store.read(find).await?)
    }

    /// Changes a regional body that is still of this version. `edit.conflict`, `admin.not_found`, `admin.invalid`, `naming.too_long`.
    #[boxed]
    pub async fn edit_body(
        &self,
        actor: &Actor,
        code: &str,
        version: i64,
        change: BodyChange,
    ) -> Result<BodyView, Refusal> {
        self.require(actor, UseCase::BodyEdit, On::Operator).await?;
        let code = code.to_ascii_lowercase();
        let name = change.name.as_deref().map(|n| plain::filled(n, "name", plain::NAME)).transpose()?;
        let contact = change.contact.as_ref().map(checked_contact).transpose()?;
        let fact = self.fact("body.changed", &By::actor(actor), None, "ok", json!({ "body": code }));
        let actor = actor.clone();
        let edit = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::BodyEdit, On::Operator)?;
            let Some(mut row) = rows::body_by_code(tx, &code)? else {
                return Err(unknown(tx, &actor, UseCase::BodyEdit, &code));
            };
            if let Some(name) = &name {
                row.name.clone_from(name);
            }
            if let Some(contact) = &contact {
                row.contact = kept(contact);
            }
            if row.version != version || !rows::update_body(tx, &row)? {
                return Err(conflict(&code));
            }
            fact.write(tx)?;
            let stored = rows::body_by_id(tx, row.id)?.ok_or(RefusalCode::NotFound)?;
            Ok::<_, Fail>(view(tx, stored)?)
        };
        Ok(self.0.store.write(edit).await?)
    }

    /// Blocks a regional body: the roles of its agents have no effect any more. `state.wrong`, `admin.not_found`, `admin.invalid`.
    #[boxed]
    pub async fn block_body(&self, actor: &Actor, code: &str, reason: &str) -> Result<BodyView, Refusal> {
        self.set_body_blocked(actor, code, reason, true).await
    }

    /// Releases a blocked regional body.
    #[boxed]
    pub async fn release_body(&self, actor: &Actor, code: &str, reason: &str) -> Result<BodyView, Refusal> {
        self.set_body_blocked(actor, code, reason, false).await
    }

    async fn set_body_blocked(
        &self,
        actor: &Actor,
        code: &str,
        reason: &str,
        block: bool,
    ) -> Result<BodyView, Refusal> {
        self.require(actor, UseCase::BodyEdit, On::Operator).await?;
        let (why, code, by, now) =
            (plain::reason(reason, "reason")?, code.to_ascii_lowercase(), By::actor(actor), self.now().0);
        let act = if block { "body.blocked" } else { "body.released" };
        let (was, became) = if block { ("active", "blocked") } else { ("blocked", "active") };
        let fact = self.fact(act, &by, None, "ok", json!({ "body": code, "reason": why }));
        let step = self.life_step("body", 0, (was, became), &by, Some(&why));
        let actor = actor.clone();
        let set = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::BodyEdit, On::Operator)?;
            let Some(mut row) = rows::body_by_code(tx, &code)? else {
                return Err(unknown(tx, &actor, UseCase::BodyEdit, &code));
            };
            if row.blocked.is_some() == block {
                return Err(Refusal::new(RefusalCode::StateWrong).with("name", &code).with("cause", became).into());
            }
            row.blocked = block.then_some(now);
            if !rows::update_body(tx, &row)? {
                return Err(conflict(&code));
            }
            life::record(tx, &life::Step { subject_id: row.id, ..step.clone() }, Some(Role::Administrator.as_str()))?;
            fact.write(tx)?;
            let stored = rows::body_by_id(tx, row.id)?.ok_or(RefusalCode::NotFound)?;
            Ok::<_, Fail>(view(tx, stored)?)
        };
        let view = self.0.store.write(set).await?;
        self.rights_changed();
        Ok(view)
    }
}

fn view(tx: &mut dyn Tx, b: rows::Body) -> Result<BodyView, StoreError> {
    let contact: Contact =
        serde_json::from_str(&b.contact).map_err(|_| StoreError::Corrupt("contact of a regional body".into()))?;
    let (structures, people, bals) = rows::body_counts(tx, b.id)?;
    Ok(BodyView {
        code: b.code,
        name: b.name,
        contact,
        structures,
        people,
        bals,
        blocked: b.blocked.map(Timestamp),
        version: b.version,
        created: Timestamp(b.created),
    })
}
