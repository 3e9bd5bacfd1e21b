//! Who accepted what, and who has not: for those who answer for people.
use crate::boxed;
use crate::refuse::Fail;
use crate::rights::{On, permit, reach};
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::{Id, Tx, terms as rows};
use serde::Serialize;
use utoipa::ToSchema;

/// Which acceptances.
#[derive(Debug, Clone, Default)]
pub struct AcceptanceFilter {
    /// Of this version only.
    pub version: Option<String>,
    /// Of this person only (login).
    pub person: Option<String>,
    /// From after this one: [`AcceptanceView::place`].
    pub after: Option<String>,
    /// How many at most.
    pub limit: u32,
}

/// An acceptance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AcceptanceView {
    /// Place in the list: where a next page begins.
    #[serde(skip)]
    pub place: String,
    /// Login of the person.
    pub person: String,
    /// Name of the person.
    pub name: String,
    /// What was accepted.
    pub version: String,
    /// SHA-256 of the French text that was accepted, hexadecimal.
    pub digest: String,
    /// When.
    #[schema(value_type = i64)]
    pub at: Timestamp,
    /// Through which door: `web`, `api`, `admin`.
    pub door: String,
    /// What proved who it was: `device_token`, `api_token`, `system_account`.
    pub factors: String,
    /// In which language it was shown: `fr`, `en`.
    pub lang: String,
    /// The version that the person had accepted before, if any: what changed since then was shown.
    pub previous: Option<String>,
    /// Login of who had made the token that proved who it was, when that was somebody else.
    pub token_by: Option<String>,
}

/// Somebody whose BALs are shut until the version in force is accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct UnacceptedView {
    /// Place in the list: where a next page begins.
    #[serde(skip)]
    pub place: String,
    /// Login.
    pub person: String,
    /// Name.
    pub name: String,
    /// Number of BALs that stay shut for this person.
    pub bals: i64,
    /// The last version that the person accepted, if any.
    pub last: Option<String>,
}

fn place(text: &str) -> Result<(Id, Id), Refusal> {
    let parsed = text.split_once('-').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    parsed.ok_or_else(|| Refusal::new(RefusalCode::Invalid).with("name", "after"))
}

impl Operator {
    /// Who accepted what, the newest version first. Administrators of a structure see their own people.
    #[boxed]
    pub async fn acceptances(&self, actor: &Actor, filter: AcceptanceFilter) -> Result<Vec<AcceptanceView>, Refusal> {
        let after = filter.after.as_deref().map(place).transpose()?;
        let asker = actor.clone();
        let list = move |tx: &mut dyn Tx| {
            permit(tx, &asker, UseCase::AcceptanceList, On::Anywhere)?;
            let reach = reach(tx, &asker, UseCase::AcceptanceList)?;
            let (version, person) = (filter.version.as_deref(), filter.person.as_deref());
            Ok::<_, Fail>(rows::acceptances(tx, version, person, reach.structures(), after, i64::from(filter.limit))?)
        };
        let shown = |found: rows::Accepted| {
            let a = found.acceptance;
            AcceptanceView {
                place: format!("{}-{}", a.terms_id, a.person_id),
                person: found.login,
                name: found.name,
                version: found.version,
                digest: hex::encode(a.digest),
                at: Timestamp(a.at),
                door: a.door,
                factors: a.factors,
                lang: a.lang,
                previous: found.previous,
                token_by: a.token_by,
            }
        };
        Ok(self.0.store.read(list).await?.into_iter().map(shown).collect())
    }

    /// People with a BAL who have not accepted the version in force. Empty when none is in force.
    #[boxed]
    pub async fn unaccepted(
        &self,
        actor: &Actor,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<UnacceptedView>, Refusal> {
        let wrong = |_| Refusal::new(RefusalCode::Invalid).with("name", "after");
        let after = after.map(|a| a.parse::<Id>().map_err(wrong)).transpose()?;
        let (asker, now) = (actor.clone(), self.now().0);
        let list = move |tx: &mut dyn Tx| {
            permit(tx, &asker, UseCase::AcceptanceList, On::Anywhere)?;
            let reach = reach(tx, &asker, UseCase::AcceptanceList)?;
            let Some(terms) = rows::in_force(tx, now)? else { return Ok(Vec::new()) };
            Ok::<_, Fail>(rows::unaccepted(tx, terms, reach.structures(), after.unwrap_or(0), i64::from(limit))?)
        };
        let shown = |u: rows::Unaccepted| UnacceptedView {
            place: u.person_id.to_string(),
            person: u.login,
            name: u.name,
            bals: u.bals,
            last: u.last,
        };
        Ok(self.0.store.read(list).await?.into_iter().map(shown).collect())
    }
}
