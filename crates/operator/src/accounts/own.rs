//! What the asker is: for programs that want to know what to show.
use super::{OwnRole, OwnView};
use crate::boxed;
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Operator, Who};
use sceau_domain::{Refusal, RefusalCode, UseCase};
use sceau_store::{Tx, access, accounts as rows, roles, structures};

impl Operator {
    /// The asker: name, roles in force, BALs. `right.missing` for ourselves.
    #[boxed]
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
            let mut roles = Vec::new();
            for g in given {
                let structure = g.structure_id.map(|id| structures::by_id(tx, id)).transpose()?.flatten();
                let body = g.body_id.map(|id| structures::body_by_id(tx, id)).transpose()?.flatten();
                roles.push(OwnRole { role: g.role, structure: structure.map(|s| s.code), body: body.map(|b| b.code) });
            }
            Ok::<_, Fail>(OwnView { login: person.login.clone(), name: person.name.clone(), roles, bals })
        };
        Ok(self.0.store.read(find).await?)
    }
}
