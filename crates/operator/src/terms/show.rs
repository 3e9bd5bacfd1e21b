//! The versions of the terms, as anybody may read them, and where the asker stands.
use super::publish::of_row;
use crate::boxed;
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Operator, Who};
use sceau_domain::{Lang, Refusal, RefusalCode, Timestamp, UseCase, terms};
use sceau_store::{Id, StoreError, Tx, terms as rows};
use serde::Serialize;
use utoipa::ToSchema;

/// Where a version is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TermsState {
    /// It will be in force.
    Planned,
    /// It is in force.
    InForce,
    /// A later one replaced it.
    Past,
    /// It was taken back before it came into force.
    Withdrawn,
}

/// A version, without its texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TermsView {
    /// Its name.
    pub version: String,
    /// SHA-256 of the French text, hexadecimal: what one accepts.
    pub digest: String,
    /// Planned, in force or past.
    pub state: TermsState,
    /// From when it is in force.
    #[schema(value_type = i64)]
    pub from: Timestamp,
    /// When it was published.
    #[schema(value_type = i64)]
    pub published: Timestamp,
    /// What changed since the version before, in French.
    pub changes_fr: String,
    /// The same in English.
    pub changes_en: String,
}

/// A version with its texts (Markdown).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TermsText {
    /// The version.
    #[serde(flatten)]
    pub version: TermsView,
    /// The text that counts.
    pub fr: String,
    /// Its reading copy in English.
    pub en: String,
}

/// What became of a clause from one version to another, in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ClauseDifference {
    /// Stable name of the clause; empty: what stands before the first.
    pub clause: String,
    /// Its title.
    pub title: String,
    /// `added`, `removed`, `changed`.
    pub change: String,
    /// Paragraphs that are gone.
    pub removed: Vec<String>,
    /// Paragraphs that are new.
    pub added: Vec<String>,
}

/// Where the asker stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OwnTerms {
    /// `absent` (no version is in force), `required` (BALs stay shut until it is accepted) or `accepted`.
    pub state: String,
    /// The version in force.
    pub in_force: Option<TermsView>,
    /// When the asker accepted it.
    #[schema(value_type = Option<i64>)]
    pub accepted: Option<Timestamp>,
    /// The last version that the asker accepted before the one in force, if any. What differs clause by clause:
    /// `/terms/versions/{since}/differences/{version}`.
    pub since: Option<String>,
    /// The versions since then up to the one in force, oldest first, each with what it changed.
    pub changes: Vec<TermsView>,
    /// What the asker accepted before it, newest first: version and instant.
    #[schema(value_type = Vec<(String, i64)>)]
    pub earlier: Vec<(String, Timestamp)>,
    /// Where it can be read and accepted.
    pub link: String,
}

/// A row as shown.
pub(super) fn view(row: rows::Terms, in_force: Option<Id>, now: i64) -> TermsView {
    let state = match in_force {
        _ if row.withdrawn.is_some() => TermsState::Withdrawn,
        Some(id) if id == row.id => TermsState::InForce,
        _ if row.from_at > now => TermsState::Planned,
        _ => TermsState::Past,
    };
    TermsView {
        version: row.version,
        digest: hex::encode(row.digest),
        state,
        from: Timestamp(row.from_at),
        published: Timestamp(row.published),
        changes_fr: row.changes_fr,
        changes_en: row.changes_en,
    }
}

impl Operator {
    /// Every version, newest first. For everybody: whoever is asked to accept may read.
    #[boxed]
    pub async fn terms_versions(&self) -> Result<Vec<TermsView>, Refusal> {
        let now = self.now().0;
        let read = move |tx: &mut dyn Tx| Ok::<_, Fail>((rows::all(tx)?, rows::in_force(tx, now)?));
        let (all, in_force) = self.0.store.read(read).await?;
        Ok(all.into_iter().rev().map(|row| view(row, in_force, now)).collect())
    }

    /// The version in force, with its texts. `terms.absent`. For everybody.
    #[boxed]
    pub async fn terms_in_force(&self) -> Result<TermsText, Refusal> {
        let now = self.now().0;
        let read = move |tx: &mut dyn Tx| match rows::in_force(tx, now)? {
            Some(id) => Ok::<_, Fail>(rows::by_id(tx, id)?),
            None => Ok(None),
        };
        let row = self.0.store.read(read).await?.ok_or(RefusalCode::TermsAbsent)?;
        let id = row.id;
        Ok(of_row(row, Some(id), now))
    }

    /// A version by name, with its texts. `admin.not_found`. For everybody.
    #[boxed]
    pub async fn terms_version(&self, version: &str) -> Result<TermsText, Refusal> {
        let (now, name) = (self.now().0, version.to_owned());
        let read = move |tx: &mut dyn Tx| Ok::<_, Fail>((rows::by_version(tx, &name)?, rows::in_force(tx, now)?));
        let (row, in_force) = self.0.store.read(read).await?;
        let row = row.ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", version))?;
        Ok(of_row(row, in_force, now))
    }

    /// The version that came before this one, if any. For everybody.
    #[boxed]
    pub async fn terms_before(&self, version: &str) -> Result<Option<TermsText>, Refusal> {
        let (now, name) = (self.now().0, version.to_owned());
        let read = move |tx: &mut dyn Tx| {
            let (all, in_force) = (rows::all(tx)?, rows::in_force(tx, now)?);
            let before = all.into_iter().take_while(|t| t.version != name).filter(|t| t.withdrawn.is_none()).last();
            Ok::<_, Fail>((before, in_force))
        };
        let (row, in_force) = self.0.store.read(read).await?;
        Ok(row.map(|row| of_row(row, in_force, now)))
    }

    /// What each version changed that came into force after `since`, up to and with the one in force, oldest first. Empty when `since` is unknown, or
    /// is not older than the one in force. For everybody.
    #[boxed]
    pub async fn terms_changes(&self, since: &str) -> Result<Vec<TermsView>, Refusal> {
        let (now, name) = (self.now().0, since.to_owned());
        Ok(self.0.store.read(move |tx| Ok::<_, Fail>(changes(tx, &name, now)?)).await?)
    }

    /// What differs between two versions, clause by clause. `admin.not_found`. For everybody.
    #[boxed]
    pub async fn terms_differences(&self, from: &str, to: &str, lang: Lang) -> Result<Vec<ClauseDifference>, Refusal> {
        let (before, after) = (self.terms_version(from).await?, self.terms_version(to).await?);
        Ok(differences(&before, &after, lang))
    }

    /// Where the asker stands with the version in force.
    #[boxed]
    pub async fn own_terms(&self, actor: &Actor) -> Result<OwnTerms, Refusal> {
        let Who::Person(person) = &actor.who else { return Err(RefusalCode::RightMissing.into()) };
        let (person, now, asker, link) = (person.id, self.now().0, actor.clone(), self.terms_link());
        let read = move |tx: &mut dyn Tx| {
            permit(tx, &asker, UseCase::OwnShow, On::Anywhere)?;
            let (in_force, mut earlier) = (rows::in_force(tx, now)?, rows::of_person(tx, person)?);
            let skipped = super::skipped(tx, person, now)?;
            let at = in_force.and_then(|id| earlier.iter().position(|(t, ..)| *t == id)).map(|i| earlier.remove(i).2);
            let shown = match in_force {
                Some(id) => rows::by_id(tx, id)?.map(|row| view(row, in_force, now)),
                None => None,
            };
            let state = match (&shown, at) {
                (None, _) => "absent",
                (Some(_), None) => "required",
                (Some(_), Some(_)) => "accepted",
            };
            let since = earlier.first().map(|(_, version, _)| version.clone());
            Ok::<_, Fail>(OwnTerms {
                state: state.into(),
                in_force: shown,
                accepted: at.map(Timestamp),
                earlier: earlier.into_iter().map(|(_, version, at)| (version, Timestamp(at))).collect(),
                link: super::link_since(&link, skipped.as_deref().filter(|_| at.is_none())),
                changes: match &since {
                    Some(since) => changes(tx, since, now)?,
                    None => Vec::new(),
                },
                since,
            })
        };
        Ok(self.0.store.read(read).await?)
    }
}

/// The versions that came into force after `since`, up to and with the one in force, oldest first.
fn changes(tx: &mut dyn Tx, since: &str, now: i64) -> Result<Vec<TermsView>, StoreError> {
    let (all, in_force) = (rows::all(tx)?, rows::in_force(tx, now)?);
    let effective = all.into_iter().filter(|t| t.withdrawn.is_none() && t.from_at <= now);
    let after = effective.skip_while(|t| t.version != since).skip(1);
    Ok(after.map(|row| view(row, in_force, now)).collect())
}

/// What differs between two versions, clause by clause.
pub(super) fn differences(before: &TermsText, after: &TermsText, lang: Lang) -> Vec<ClauseDifference> {
    let (old, new) = match lang {
        Lang::Fr => (&before.fr, &after.fr),
        Lang::En => (&before.en, &after.en),
    };
    let shown = |d: terms::Difference| ClauseDifference {
        clause: d.clause,
        title: d.title,
        change: d.change.as_str().into(),
        removed: d.removed,
        added: d.added,
    };
    terms::differences(old, new).into_iter().map(shown).collect()
}
