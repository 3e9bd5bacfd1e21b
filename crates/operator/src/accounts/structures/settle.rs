//! What the operator settles of a structure: convention, domains, regional body, who opens its BALs (F012, F149).
use super::views::{Convention, Settlement, StructureView};
use super::{conflict, known, view};
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::On;
use crate::{Actor, Operator};
use sceau_domain::{ConventionState, DomainName, Refusal, RefusalCode, UseCase, plain};
use sceau_store::{Id, Tx, accounts, structures as rows};
use serde_json::json;

/// Most domains of a structure.
const DOMAINS: usize = 200;

fn invalid(name: &'static str) -> Refusal {
    Refusal::new(RefusalCode::Invalid).with("name", name)
}

/// A convention that holds together: once signed it has its reference and its beginning, and it does not end before it begins.
fn checked(c: Convention) -> Result<Convention, Refusal> {
    let reference = c.reference.as_deref().map(str::trim).filter(|r| !r.is_empty());
    let reference = reference.map(|r| plain::filled(r, "convention.reference", plain::NAME)).transpose()?;
    let was_signed = matches!(c.state, ConventionState::Signed | ConventionState::Ended);
    if was_signed && reference.is_none() {
        return Err(invalid("convention.reference"));
    }
    if was_signed && c.from.is_none() {
        return Err(invalid("convention.from"));
    }
    if c.until.is_some_and(|until| c.from.is_none_or(|from| until <= from)) {
        return Err(invalid("convention.until"));
    }
    Ok(Convention { reference, ..c })
}

impl Operator {
    /// Settles a structure that is still of this version. `edit.conflict`, `admin.not_found`, `admin.invalid`.
    #[boxed]
    pub async fn settle_structure(
        &self,
        actor: &Actor,
        code: &str,
        version: i64,
        settlement: Settlement,
    ) -> Result<StructureView, Refusal> {
        self.require(actor, UseCase::StructureSettle, On::Anywhere).await?;
        let code = code.to_ascii_lowercase();
        let convention = settlement.convention.map(checked).transpose()?;
        let domains = settlement.domains.map(named_domains).transpose()?;
        let (body, opening) = (settlement.body, settlement.opening);
        let said = json!({
            "structure": code,
            "convention": convention.as_ref().map(|c| json!({ "state": c.state, "reference": c.reference })),
            "domains": domains,
            "body": body,
            "opening": opening,
        });
        let fact = self.fact("structure.settled", &By::actor(actor), None, "ok", said);
        let (actor, operator, now) = (actor.clone(), self.0.config.name.clone(), self.now());
        let settle = move |tx: &mut dyn Tx| {
            let mut row = known(tx, &actor, UseCase::StructureSettle, &code)?;
            if row.version != version {
                return Err(conflict(&code));
            }
            if let Some(c) = &convention {
                row.convention = c.state.as_str().into();
                row.convention_reference.clone_from(&c.reference);
                (row.convention_from, row.convention_until) = (c.from.map(|t| t.0), c.until.map(|t| t.0));
            }
            if let Some(opening) = opening {
                row.opening = opening.as_str().into();
            }
            match body.as_deref().map(str::trim) {
                None => {}
                Some("") => row.body_id = None,
                Some(code) => {
                    let code = code.to_ascii_lowercase();
                    let found = rows::body_by_code(tx, &code)?;
                    row.body_id =
                        Some(found.ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", &code))?.id);
                }
            }
            if let Some(names) = &domains {
                let found = ids(tx, names)?;
                rows::set_domains(tx, row.id, &found)?;
            }
            if !rows::update(tx, &row)? {
                return Err(conflict(&code));
            }
            rows::follow(tx, row.id, row.body_id, now.0)?;
            fact.write(tx)?;
            let stored = rows::by_id(tx, row.id)?.ok_or(RefusalCode::NotFound)?;
            Ok::<_, Fail>(view(tx, stored, &operator, now)?)
        };
        Ok(self.0.store.write(settle).await?)
    }
}

fn named_domains(names: Vec<String>) -> Result<Vec<DomainName>, Refusal> {
    if names.len() > DOMAINS {
        return Err(Refusal::new(RefusalCode::NamingTooLong).with("name", "domains").with("limit", DOMAINS));
    }
    let mut out: Vec<DomainName> =
        names.iter().map(|n| n.trim().parse().map_err(|_| invalid("domains"))).collect::<Result<_, _>>()?;
    out.sort();
    out.dedup();
    Ok(out)
}

fn ids(tx: &mut dyn Tx, names: &[DomainName]) -> Result<Vec<Id>, Fail> {
    let mut out = Vec::with_capacity(names.len());
    for name in names {
        let found = accounts::domain_by_name(tx, name.as_str())?;
        out.push(found.ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", name))?.id);
    }
    Ok(out)
}
