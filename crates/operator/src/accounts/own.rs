//! What the asker is: for programs that want to know what to show.
use super::{OwnRole, OwnView};
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Operator, Who};
use sceau_domain::{Refusal, RefusalCode, UseCase};
use sceau_store::{Tx, access, accounts as rows, roles};

impl Operator {
    /// The asker: name, roles in force, BALs. `right.missing` for ourselves.
    pub async fn own(&self, actor: &Actor) -> Result<OwnView, Refusal> {
        let Who::Person(person) = actor.who.clone() else { return Err(RefusalCode::RightMissing.into()) };
        let actor = actor.clone();
        let find = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::OwnShow, On::Anywhere)?;
            let given = roles::in_force(tx, person.id)?;
            let mut bals = Vec::new();
            for a in access::of_person(tx, person.id)? {
                if let Some(bal) = rows::bal_by_id(tx, a.bal_id)? {
                    bals.push((bal.address, a.role));
                }
            }
            let roles = given
                .into_iter()
                .map(|g| OwnRole {
                    role: g.role,
                    structure: g.structure_id.map(|i| i.to_string()),
                    body: g.body_id.map(|i| i.to_string()),
                })
                .collect();
            Ok::<_, Fail>(OwnView { login: person.login.clone(), name: person.name.clone(), roles, bals })
        };
        Ok(self.0.store.read(find).await?)
    }
}
