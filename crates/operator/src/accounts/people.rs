//! People.
use super::{NewPerson, PersonView, page};
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::On;
use crate::{Actor, Operator};
use sceau_domain::identifier::{Adeli, Rpps};
use sceau_domain::{Refusal, RefusalCode, Role, Timestamp, UseCase};
use sceau_store::{Id, StoreError, Tx, access, accounts as rows, roles};
use serde_json::json;

/// Longest login, characters.
const MAX_LOGIN: usize = 64;
/// Longest name, characters.
const MAX_NAME: usize = 120;

/// A login in its one form: lower-case letters without accents, digits, `.`, `-`, `_` (`*` separates person and BAL). `admin.invalid`.
pub(super) fn login(text: &str) -> Result<String, Refusal> {
    let login = text.to_ascii_lowercase();
    let good = !login.is_empty()
        && login.len() <= MAX_LOGIN
        && login.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b));
    if good { Ok(login) } else { Err(Refusal::new(RefusalCode::Invalid).with("name", "login")) }
}

/// A name to show: printable, not empty, bounded. `admin.invalid`.
pub(super) fn shown_name(text: &str) -> Result<String, Refusal> {
    let name = text.trim();
    let good = !name.is_empty() && name.chars().count() <= MAX_NAME && !name.chars().any(char::is_control);
    if good { Ok(name.to_owned()) } else { Err(Refusal::new(RefusalCode::Invalid).with("name", "name")) }
}

/// RPPS or ADELI with a right check digit, told apart by their lengths. `identifier.length`, `.character`, `.key`.
fn national_id(text: &str) -> Result<String, Refusal> {
    let id = text.trim().to_ascii_uppercase();
    if id.chars().count() == 9 { id.parse::<Adeli>().map(drop) } else { id.parse::<Rpps>().map(drop) }
        .map_err(Refusal::from)?;
    Ok(id)
}

impl Operator {
    /// Adds a person. `admin.exists`, `admin.invalid`.
    pub async fn add_person(&self, actor: &Actor, person: NewPerson) -> Result<PersonView, Refusal> {
        self.require(actor, UseCase::PersonAdd, On::Operator).await?;
        let (login, name) = (login(&person.login)?, shown_name(&person.name)?);
        let national_id = person.national_id.as_deref().map(national_id).transpose()?;
        let new = rows::Person::new(self.0.store.new_id(), &login, &name, self.clock().now().0);
        let row = rows::Person { national_id, ..new };
        let fact = self.fact("person.added", &By::actor(actor), None, "ok", json!({ "login": row.login }));
        let view = self
            .0
            .store
            .write(move |tx| {
                match rows::person_by_login(tx, &row.login)? {
                    // An administrator is declared by the configuration; adding the person completes it.
                    Some(p) if p.national_id.is_none() && is_administrator(tx, p.id)? => {
                        rows::update_person(
                            tx,
                            &rows::Person { name: row.name.clone(), national_id: row.national_id.clone(), ..p },
                        )?;
                    }
                    Some(p) => return Err(Fail::from(Refusal::new(RefusalCode::Exists).with("name", p.login))),
                    None => rows::insert_person(tx, &row)?,
                }
                fact.write(tx)?;
                let stored = rows::person_by_login(tx, &row.login)?.ok_or(RefusalCode::NotFound)?;
                Ok(view(tx, stored)?)
            })
            .await?;
        Ok(view)
    }

    /// People, by login, `limit` from after `after`.
    pub async fn people(&self, actor: &Actor, after: Option<&str>, limit: u32) -> Result<Vec<PersonView>, Refusal> {
        self.require(actor, UseCase::PersonList, On::Operator).await?;
        let (after, limit) = (after.unwrap_or_default().to_owned(), page(limit));
        let list = move |tx: &mut dyn Tx| {
            let people = rows::people(tx, &after, limit)?;
            people.into_iter().map(|p| Ok::<_, Fail>(view(tx, p)?)).collect()
        };
        Ok(self.0.store.read(list).await?)
    }

    /// One person. `admin.not_found`.
    pub async fn person(&self, actor: &Actor, login: &str) -> Result<PersonView, Refusal> {
        self.require(actor, UseCase::PersonList, On::Operator).await?;
        let login = login.to_ascii_lowercase();
        let find = move |tx: &mut dyn Tx| match rows::person_by_login(tx, &login)? {
            Some(p) => Ok(view(tx, p)?),
            None => Err(Fail::from(Refusal::new(RefusalCode::NotFound).with("name", &login))),
        };
        Ok(self.0.store.read(find).await?)
    }
}

fn is_administrator(tx: &mut dyn Tx, person: Id) -> Result<bool, StoreError> {
    Ok(roles::in_force(tx, person)?.iter().any(|g| g.role == Role::Administrator.as_str()))
}

fn view(tx: &mut dyn Tx, p: rows::Person) -> Result<PersonView, StoreError> {
    let mut bals = Vec::new();
    for access in access::of_person(tx, p.id)? {
        if let Some(bal) = rows::bal_by_id(tx, access.bal_id)? {
            bals.push((bal.address, access.role));
        }
    }
    Ok(PersonView {
        login: p.login,
        name: p.name,
        national_id: p.national_id,
        administrator: is_administrator(tx, p.id)?,
        bals,
        created: Timestamp(p.created),
    })
}
