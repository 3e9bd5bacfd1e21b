//! Administrators that the configuration declares: named people of the base, each with the system account that speaks for them (F157).
//! Others are given their role by them ([`crate::accounts::roles`]); what the configuration gave, only the configuration takes.
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::{Actor, Operator, Origin, PersonRef, Who};
use sceau_domain::{Refusal, RefusalCode, Role, plain};
use sceau_store::{Id, Tx, accounts as rows, roles};
use serde_json::json;

/// Who gave the roles of this module.
pub(crate) const CONFIGURATION: &str = "configuration";

/// An administrator that the configuration declares (F157).
#[derive(Debug, Clone, Default)]
pub struct NamedAdministrator {
    /// Login.
    pub login: String,
    /// Name as shown.
    pub name: String,
    /// First names; what the base says otherwise stays.
    pub given_name: Option<String>,
    /// Family name, likewise.
    pub family_name: Option<String>,
    /// What the person does.
    pub function: Option<String>,
}

impl From<(&str, &str)> for NamedAdministrator {
    fn from((login, name): (&str, &str)) -> Self {
        Self { login: login.into(), name: name.into(), ..Self::default() }
    }
}

/// The row of a declared administrator, made or completed.
fn person(tx: &mut dyn Tx, a: &NamedAdministrator, login: &str, id: Id, now: i64) -> Result<Id, Fail> {
    let mut row = match rows::person_by_login(tx, login)? {
        Some(row) => row,
        None => {
            sceau_domain::person::new_login(login)?;
            let row = rows::Person::new(id, login, &a.name, now);
            rows::insert_person(tx, &row)?;
            row
        }
    };
    let before = row.clone();
    for (kept, said) in [(&mut row.given_name, &a.given_name), (&mut row.family_name, &a.family_name)] {
        if kept.is_none() {
            kept.clone_from(said);
        }
    }
    if row != before {
        rows::update_person(tx, &row)?;
    }
    Ok(row.id)
}

impl Operator {
    /// Makes the configured administrators named people of the base, and takes the role from whoever is no longer declared.
    #[boxed]
    pub async fn sync_administrators(&self, administrators: &[NamedAdministrator]) -> Result<(), Refusal> {
        let now = self.clock().now().0;
        let fact = |act, login: &str| self.fact(act, &By::system(), None, "ok", json!({ "login": login }));
        let declared: Vec<_> = administrators
            .iter()
            .map(|a| {
                let login = super::people::login(&a.login)?;
                let text = |t: &Option<String>, field| t.as_deref().map(|t| plain::name(t, field)).transpose();
                let a = NamedAdministrator {
                    name: super::people::shown_name(&a.name)?,
                    given_name: text(&a.given_name, "given_name")?,
                    family_name: text(&a.family_name, "family_name")?,
                    function: a.function.as_deref().map(super::people::function).transpose()?,
                    login: login.clone(),
                };
                let named = fact("administrator.named", &login);
                Ok((login, a, self.0.store.new_id(), self.0.store.new_id(), named))
            })
            .collect::<Result<_, Refusal>>()?;
        let removed = fact("administrator.removed", "");
        self.0
            .store
            .write(move |tx| {
                let holders = roles::holders(tx, Role::Administrator.as_str())?;
                let configured: Vec<_> = holders.into_iter().filter(|g| g.granted_by == CONFIGURATION).collect();
                let mut kept = Vec::new();
                for (login, named, person_id, role_id, fact) in &declared {
                    let person = person(tx, named, login, *person_id, now)?;
                    kept.push(person);
                    if let Some(given) = configured.iter().find(|g| g.person_id == person) {
                        if let Some(function) = named.function.as_ref().filter(|f| given.function.as_ref() != Some(f)) {
                            roles::put_function(tx, given.id, function)?;
                        }
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
                        function: named.function.clone(),
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
    #[boxed]
    pub async fn administrator(&self, login: &str, origin: Origin) -> Result<Actor, Refusal> {
        let login = super::people::login(login)?;
        let find = move |tx: &mut dyn Tx| {
            let Some(person) = rows::person_by_login(tx, &login)?.filter(|p| p.disabled.is_none()) else {
                return Ok(None);
            };
            let is_one = roles::in_force(tx, person.id)?.iter().any(|g| g.role == Role::Administrator.as_str());
            Ok::<_, Fail>(is_one.then_some(person))
        };
        match self.0.store.read(find).await? {
            Some(p) => {
                let who = Who::Person(PersonRef::of(p));
                Ok(Actor { who, bal: None, credential: None, proof: Default::default(), origin })
            }
            None => Err(RefusalCode::RightMissing.into()),
        }
    }
}
