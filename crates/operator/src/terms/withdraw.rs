//! A version that was published by mistake, taken back before it comes into force.
//!
//! Promises: only a version that nobody can have accepted goes; its text stays where it was, marked, because it was public. What is in force is
//! replaced by publishing, never taken away.
use super::TermsText;
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Operator};
use sceau_domain::plain::reason;
use sceau_domain::{Refusal, RefusalCode, UseCase};
use sceau_store::{Tx, terms as rows};
use serde_json::json;

impl Operator {
    /// Takes a planned version back. `admin.not_found`, `admin.invalid`, `state.wrong` when it is in force, was, or was taken back.
    #[boxed]
    pub async fn withdraw_terms(&self, actor: &Actor, version: &str, why: &str) -> Result<TermsText, Refusal> {
        self.require(actor, UseCase::TermsPublish, On::Operator).await?;
        let why = reason(why, "reason")?;
        let (by, now, asker) = (By::actor(actor), self.now().0, actor.clone());
        let fact = self.fact("terms.withdrawn", &by, None, "ok", json!({ "version": version, "reason": why }));
        let (name, by) = (version.to_owned(), by.name);
        let withdraw = move |tx: &mut dyn Tx| {
            permit(tx, &asker, UseCase::TermsPublish, On::Operator)?;
            let found = rows::by_version(tx, &name)?;
            let found = found.ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", &name))?;
            if !rows::withdraw(tx, found.id, now, &by, &why)? {
                let cause = if found.withdrawn.is_some() { "withdrawn" } else { "in_force" };
                let wrong = Refusal::new(RefusalCode::StateWrong).with("name", &name).with("cause", cause);
                return Err(Fail::from(wrong));
            }
            Ok(fact.write(tx)?)
        };
        self.0.store.write(withdraw).await?;
        self.terms_version(version).await
    }
}
