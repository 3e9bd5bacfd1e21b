//! Administrators that the configuration declares: named people of the base, each with the system account that speaks for them (F157).
//! Others are given their role by them ([`crate::accounts::roles`]); what the configuration gave, only the configuration takes.
use crate::record::By;
use crate::refuse::Fail;
use crate::{Actor, Operator, Origin, PersonRef, Who};
use sceau_domain::{Refusal, RefusalCode, Role};
use sceau_store::{accounts as rows, roles};
use serde_json::json;

/// Who gave the roles of this module.
pub(crate) const CONFIGURATION: &str = "configuration";

impl Operator {
    /// Makes the configured administrators named people of the base, and takes the role from whoever is no longer declared.
    pub async fn sync_administrators(&self, administrators: &[(String, String)]) -> Result<(), Refusal> {
        let now = self.clock().now().0;
        let fact = |act, login: &str| self.fact(act, &By::system(), None, "ok", json!({ "login": login }));
        let declared: Vec<_> = administrators
            .iter()
            .map(|(login, name)| {
                let login = super::people::login(login)?;
                let named = fact("administrator.named", &login);
                Ok((login, name.clone(), self.0.store.new_id(), self.0.store.new_id(), named))
            })
            .collect::<Result<_, Refusal>>()?;
        let removed = fact("administrator.removed", "");
        self.0
            .store
            .write(move |tx| {
                let holders = roles::holders(tx, Role::Administrator.as_str())?;
                let configured: Vec<_> = holders.into_iter().filter(|g| g.granted_by == CONFIGURATION).collect();
                let mut kept = Vec::new();
                for (login, name, person_id, role_id, fact) in &declared {
                    let person = match rows::person_by_login(tx, login)? {
                        Some(p) => p.id,
                        None => {
                            sceau_domain::person::new_login(login)?;
                            rows::insert_person(tx, &rows::Person::new(*person_id, login, name, now))?;
                            *person_id
                        }
                    };
                    kept.push(person);
                    if configured.iter().any(|g| g.person_id == person) {
                        continue;
                    }
                    let given = roles::Given {
                        id: *role_id,
                        person_id: person,
                        role: Role::Administrator.as_str().into(),
                        structure_id: None,
                        body_id: None,
                        granted: now,
                        granted_by: CONFIGURATION.into(),
                        reason: None,
                        ended: None,
                        ended_by: None,
                    };
                    roles::insert(tx, &given)?;
                    fact.write(tx)?;
                }
                let mut any = false;
                for gone in configured.iter().filter(|g| !kept.contains(&g.person_id)) {
                    any |= roles::end(tx, gone.id, now, CONFIGURATION)?;
                }
                if any {
                    removed.write(tx)?;
                }
                Ok::<_, Fail>(())
            })
            .await
            .map_err(Refusal::from)
    }

    /// The administrator with this login, as the administration socket's peer credentials name it. `right.missing`.
    pub async fn administrator(&self, login: &str, origin: Origin) -> Result<Actor, Refusal> {
        let login = super::people::login(login)?;
        let find = move |tx: &mut dyn sceau_store::Tx| {
            let Some(person) = rows::person_by_login(tx, &login)?.filter(|p| p.disabled.is_none()) else {
                return Ok(None);
            };
            let is_one = roles::in_force(tx, person.id)?.iter().any(|g| g.role == Role::Administrator.as_str());
            Ok::<_, Fail>(is_one.then_some(person))
        };
        match self.0.store.read(find).await? {
            Some(p) => {
                let who = Who::Person(PersonRef { id: p.id, login: p.login, name: p.name });
                Ok(Actor { who, bal: None, credential: None, origin })
            }
            None => Err(RefusalCode::RightMissing.into()),
        }
    }
}
