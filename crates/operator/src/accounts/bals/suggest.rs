//! Addresses to propose: `prenom.nom`, homonyms numbered; `nomdelastructure` (F027).
use super::{SuggestFor, Suggested};
use crate::boxed;
use crate::refuse::Fail;
use crate::rights::{On, permit, unknown};
use crate::{Actor, Operator};
use sceau_domain::{DomainName, Refusal, RefusalCode, UseCase, naming, plain};
use sceau_store::{StoreError, Tx, accounts as rows, bals, structures};
use std::collections::HashSet;

/// Most homonyms that are looked at.
const HOMONYMS: i64 = 10_000;

/// Local parts of a domain that begin with a name and are or were somebody's.
fn taken(tx: &mut dyn Tx, plain: &str, domain: &str) -> Result<HashSet<String>, StoreError> {
    let keys = bals::taken(tx, plain, domain, HOMONYMS)?;
    Ok(keys.into_iter().filter_map(|key| key.split_once('@').map(|(local, _)| local.to_owned())).collect())
}

/// The address that a person of this name would get in a domain; none for a name that has no letters.
pub(crate) fn for_person(
    tx: &mut dyn Tx,
    (given, family): (&str, &str),
    domain: &str,
) -> Result<Option<String>, StoreError> {
    let Some(plain) = naming::suggest(given, family, |_| false) else { return Ok(None) };
    let taken = taken(tx, &plain, domain)?;
    let local = naming::suggest(given, family, |local| taken.contains(local));
    Ok(local.map(|local| format!("{local}@{domain}")))
}

impl Operator {
    /// An address that is free at this moment, in one of our domains; in the structure's first one when none is named. `admin.not_found`,
    /// `admin.invalid` when nothing of the name can be written in an address.
    #[boxed]
    pub async fn suggest_address(
        &self,
        actor: &Actor,
        whom: SuggestFor,
        domain: Option<DomainName>,
    ) -> Result<Suggested, Refusal> {
        let actor = actor.clone();
        let find = move |tx: &mut dyn Tx| {
            let uc = UseCase::OpeningAsk;
            permit(tx, &actor, uc, On::Anywhere)?;
            let invalid = |name: &str| Fail::from(Refusal::new(RefusalCode::Invalid).with("name", name));
            let (plain, first_domain) = match &whom {
                SuggestFor::Person { given, family } => (naming::suggest(given, family, |_| false), None),
                SuggestFor::Structure(code) => {
                    let Some(found) = structures::by_code(tx, &plain::code(code, "structure")?)? else {
                        return Err(unknown(tx, &actor, uc, code));
                    };
                    permit(tx, &actor, uc, On::Structure(found.id))?;
                    (
                        naming::suggest_structure(&found.name, |_| false),
                        structures::domains(tx, found.id)?.into_iter().next(),
                    )
                }
            };
            let plain = plain.ok_or_else(|| invalid("name"))?;
            let domain = match (&domain, first_domain) {
                (Some(name), _) => name.to_string(),
                (None, Some(name)) => name,
                (None, None) => return Err(invalid("domain")),
            };
            if rows::domain_by_name(tx, &domain)?.is_none() {
                return Err(unknown(tx, &actor, uc, &domain));
            }
            let taken = taken(tx, &plain, &domain)?;
            let is_taken = |local: &str| taken.contains(local);
            let local = match &whom {
                SuggestFor::Person { given, family } => naming::suggest(given, family, is_taken),
                SuggestFor::Structure(_) => naming::numbered(&plain, is_taken),
            };
            let local = local.ok_or_else(|| invalid("name"))?;
            Ok(Suggested { address: format!("{local}@{domain}"), homonym: is_taken(&plain) })
        };
        Ok(self.0.store.read(find).await?)
    }
}
