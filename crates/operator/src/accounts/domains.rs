//! Domains that we operate.
use super::DomainView;
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit, reach};
use crate::{Actor, Operator};
use sceau_domain::{DomainKind, DomainName, Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::{Tx, accounts as rows, structures};
use serde_json::json;
use std::collections::BTreeSet;

impl Operator {
    /// Adds a domain that we operate. `admin.exists`; `admin.invalid` when its kind and `patient_domains` disagree.
    #[boxed]
    pub async fn add_domain(&self, actor: &Actor, name: DomainName, kind: DomainKind) -> Result<DomainView, Refusal> {
        self.require(actor, UseCase::DomainAdd, On::Operator).await?;
        // A patient's local part is a health number: it is only kept as one where the configuration says so.
        if (kind == DomainKind::Patients) != self.is_patients(&name) {
            return Err(Refusal::new(RefusalCode::Invalid).with("name", "operator.patient_domains"));
        }
        let row = rows::Domain {
            id: self.0.store.new_id(),
            name: name.to_string(),
            kind: kind.as_str().into(),
            created: self.clock().now().0,
        };
        let fact =
            self.fact("domain.added", &By::actor(actor), None, "ok", json!({ "domain": name, "kind": kind.as_str() }));
        let (view, actor) = (self.domain_view(&row)?, actor.clone());
        self.0
            .store
            .write(move |tx| {
                permit(tx, &actor, UseCase::DomainAdd, On::Operator)?;
                if rows::domain_by_name(tx, &row.name)?.is_some() {
                    return Err(Fail::from(Refusal::new(RefusalCode::Exists).with("name", &row.name)));
                }
                rows::insert_domain(tx, &row)?;
                Ok(fact.write(tx)?)
            })
            .await?;
        Ok(view)
    }

    /// Our domains, by name: those of the asker's structures, where a role is bound to some.
    #[boxed]
    pub async fn domains(&self, actor: &Actor) -> Result<Vec<DomainView>, Refusal> {
        let actor = actor.clone();
        let list = move |tx: &mut dyn Tx| {
            let within = reach(tx, &actor, UseCase::DomainList)?;
            let mut rows = rows::domains(tx)?;
            if let Some(structures) = within.structures() {
                let mut given = BTreeSet::new();
                for id in structures {
                    given.extend(structures::domains(tx, *id)?);
                }
                rows.retain(|d| given.contains(&d.name));
            }
            Ok::<_, Fail>(rows)
        };
        let rows = self.0.store.read(list).await?;
        rows.iter().map(|r| self.domain_view(r)).collect()
    }

    fn domain_view(&self, row: &rows::Domain) -> Result<DomainView, Refusal> {
        let broken = |_| Refusal::new(RefusalCode::Unavailable);
        let name: DomainName = row.name.parse().map_err(broken)?;
        let kind = row.kind.parse().map_err(|()| Refusal::new(RefusalCode::Unavailable))?;
        let listed = self.trust().white_list().is_some_and(|l| l.contains(&name));
        Ok(DomainView { name, kind, created: Timestamp(row.created), listed })
    }
}
