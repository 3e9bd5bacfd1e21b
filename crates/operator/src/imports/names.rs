//! What a line may be called: free logins and addresses, `prenom.nom` with numbers for homonyms; and whether somebody has the BAL already.
use super::work::Task;
use crate::openings::request::Request;
use crate::refuse::Fail;
use sceau_domain::people_file::PersonLine;
use sceau_domain::{Address, BalKind, Refusal, RefusalCode, naming};
use sceau_store::imports as rows;
use sceau_store::{Tx, access, accounts, openings, structures};
use std::collections::HashSet;

/// Names of one form that are looked at: as many as are numbered.
const HOMONYMS: i64 = 20_000;

fn invalid(column: &str) -> Fail {
    Refusal::new(RefusalCode::Invalid).with("name", column).into()
}

/// A free login: `prenom.nom`, homonyms numbered; from the identifier when nothing of the name can be written so.
pub(super) fn free_login(
    tx: &mut dyn Tx,
    task: &Task,
    line: &PersonLine,
    national: Option<&str>,
) -> Result<String, Fail> {
    let stem = naming::suggest(&line.given_name, &line.family_name, |_| false);
    let stem = stem.or_else(|| national.map(|id| format!("p{}", id.to_ascii_lowercase())));
    let stem = stem.ok_or_else(|| invalid("identifiant"))?;
    let taken: HashSet<String> = rows::logins(tx, task.import.id, &stem, HOMONYMS)?.into_iter().collect();
    naming::numbered(&stem, |login| taken.contains(login)).ok_or_else(|| invalid("identifiant"))
}

/// A free address: `prenom.nom` in the line's domain, or in the structure's first one.
pub(super) fn free_address(
    tx: &mut dyn Tx,
    task: &Task,
    line: &PersonLine,
    patients: &[String],
) -> Result<Address, Fail> {
    let domain = match (line.domain.as_str(), task.import.structure_id) {
        ("", Some(id)) => structures::domains(tx, id)?.into_iter().find(|d| !patients.contains(d)),
        ("", None) => None,
        (domain, _) => Some(domain.to_lowercase()),
    };
    let domain = domain.ok_or_else(|| invalid("domaine"))?;
    let stem = naming::suggest(&line.given_name, &line.family_name, |_| false);
    let stem = stem.ok_or_else(|| invalid("adresse de BAL"))?;
    let taken: HashSet<String> = rows::addresses(tx, task.import.id, &stem, HOMONYMS)?.into_iter().collect();
    let key = |local: &str| format!("{local}@{domain}").parse::<Address>().map(|a| a.key());
    let local = naming::numbered(&stem, |local| key(local).is_ok_and(|key| taken.contains(&key)));
    let local = local.ok_or_else(|| invalid("adresse de BAL"))?;
    format!("{local}@{domain}").parse().map_err(|_| invalid("domaine"))
}

/// Has the person such a BAL, open or asked for?
pub(super) fn is_there(
    tx: &mut dyn Tx,
    p: &accounts::Person,
    kind: BalKind,
    address: Option<&Address>,
) -> Result<bool, Fail> {
    let asked = |o: &openings::Opening| {
        Request::read(&o.request).is_ok_and(|r| r.kind == kind && r.people.iter().any(|(login, _)| *login == p.login))
    };
    if let Some(address) = address {
        let key = address.key();
        if let Some(bal) = accounts::bal_by_address(tx, &key)? {
            return Ok(bal.state != "closed" && access::in_force(tx, p.id, bal.id)?.is_some());
        }
        return Ok(openings::under_way(tx, &key)?.as_ref().is_some_and(asked));
    }
    // Without an address: any personal one.
    for held in access::of_person(tx, p.id)? {
        if held.role == "holder"
            && accounts::bal_by_id(tx, held.bal_id)?.is_some_and(|b| b.kind == kind.as_str() && b.state != "closed")
        {
            return Ok(true);
        }
    }
    for id in openings::waiting_for(tx, p.id)? {
        if openings::by_id(tx, id)?.as_ref().is_some_and(asked) {
            return Ok(true);
        }
    }
    Ok(false)
}
