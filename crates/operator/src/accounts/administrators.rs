//! Administrators: named people of the base, declared in the configuration with the system account that speaks for them (F157).
use crate::record::By;
use crate::refuse::Fail;
use crate::{Actor, Operator, Origin, PersonRef, Who};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::accounts as rows;
use serde_json::json;

/// The one role of this step.
const ROLE: &str = "operator";

impl Operator {
    /// Makes the configured administrators named people of the base, and takes the role from whoever is no longer declared.
    pub async fn sync_administrators(&self, administrators: &[(String, String)]) -> Result<(), Refusal> {
        let now = self.clock().now().0;
        let declared: Vec<_> = administrators
            .iter()
            .map(|(login, name)| {
                let fact = |act| self.fact(act, &By::system(), None, "ok", json!({ "login": login }));
                (super::people::login(login), name.clone(), self.0.store.new_id(), fact("administrator.named"))
            })
            .map(|(login, name, id, fact)| Ok((login?, name, id, fact)))
            .collect::<Result<_, Refusal>>()?;
        let removed = self.fact("administrator.removed", &By::system(), None, "ok", json!({}));
        self.0
            .store
            .write(move |tx| {
                for (login, name, id, fact) in &declared {
                    let person = rows::person_by_login(tx, login)?;
                    if person.as_ref().is_some_and(|p| p.admin_role.as_deref() == Some(ROLE)) {
                        continue;
                    }
                    match person {
                        Some(p) => rows::set_admin_role(tx, p.id, Some(ROLE))?,
                        None => rows::insert_person(
                            tx,
                            &rows::Person {
                                id: *id,
                                login: login.clone(),
                                name: name.clone(),
                                national_id: None,
                                created: now,
                                admin_role: Some(ROLE.into()),
                                disabled: None,
                            },
                        )?,
                    }
                    fact.write(tx)?;
                }
                let mut any = false;
                for p in rows::administrators(tx)? {
                    if !declared.iter().any(|d| d.0 == p.login) {
                        rows::set_admin_role(tx, p.id, None)?;
                        any = true;
                    }
                }
                if any {
                    removed.write(tx)?;
                }
                Ok::<_, Fail>(())
            })
            .await
            .map_err(Refusal::from)
    }

    /// The administrator with this login. `right.missing`.
    pub async fn administrator(&self, login: &str, origin: Origin) -> Result<Actor, Refusal> {
        let login = super::people::login(login)?;
        let person = self.0.store.read(move |tx| Ok::<_, Fail>(rows::person_by_login(tx, &login)?)).await?;
        match person {
            Some(p) if p.admin_role.as_deref() == Some(ROLE) && p.disabled.is_none() => {
                let who = Who::Administrator(PersonRef { id: p.id, login: p.login, name: p.name });
                Ok(Actor { who, bal: None, credential: None, origin })
            }
            _ => Err(RefusalCode::RightMissing.into()),
        }
    }
}
