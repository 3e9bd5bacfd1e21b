//! Announcements of a regional body, or of the operator, to the administrators of structures (F149).
//!
//! What is announced stays inside: the notice that leaves by ordinary mail only says that there is something to read, and from whom.
use crate::boxed;
use crate::notices::{Notice, Template};
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, Reach, bodies, permit, reach, unknown};
use crate::{Actor, Operator};
use sceau_domain::{Refusal, Timestamp, UseCase, plain};
use sceau_store::reports::{self as rows, Announcement};
use sceau_store::{Id, StoreError, Tx, structures};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// Most characters of what is announced.
const SAID: usize = 4000;
/// Addresses looked up at a time.
const SLICE: i64 = 500;
/// Most notices of one announcement: they leave in one transaction with it.
const MOST: usize = 20_000;

/// An announcement to make.
#[derive(Debug, Clone)]
pub struct NewAnnouncement {
    /// The regional body that announces (code); none: the operator, to every structure.
    pub body: Option<String>,
    /// Title.
    pub title: String,
    /// What is announced, without health data.
    pub text: String,
}

/// An announcement.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AnnouncementView {
    /// Id.
    #[serde(serialize_with = "crate::ids::text")]
    #[schema(value_type = String)]
    pub id: Id,
    /// The regional body that announces (code); none: the operator.
    pub body: Option<String>,
    /// Title.
    pub title: String,
    /// What is announced.
    pub text: String,
    /// Who wrote it: login.
    pub by: String,
    /// When.
    #[schema(value_type = i64)]
    pub at: Timestamp,
}

fn view(tx: &mut dyn Tx, a: Announcement) -> Result<AnnouncementView, StoreError> {
    let body = match a.body_id {
        Some(id) => structures::body_by_id(tx, id)?.map(|b| b.code),
        None => None,
    };
    Ok(AnnouncementView { id: a.id, body, title: a.title, text: a.said, by: a.by_whom, at: Timestamp(a.at) })
}

/// The body that announces, by its code, for an asker who may. None: the operator.
fn announcer(tx: &mut dyn Tx, actor: &Actor, code: Option<&str>) -> Result<Option<structures::Body>, Fail> {
    let uc = UseCase::AnnouncementMake;
    permit(tx, actor, uc, On::Anywhere)?;
    let Some(code) = code else {
        permit(tx, actor, uc, On::Operator)?;
        return Ok(None);
    };
    let Some(body) = structures::body_by_code(tx, code)? else { return Err(unknown(tx, actor, uc, code)) };
    permit(tx, actor, uc, On::Body(body.id))?;
    Ok(Some(body))
}

impl Operator {
    /// Announces something to the administrators of the structures that a body follows, or of all. Those whose ordinary address is verified are told,
    /// when there is a relay, that there is something to read. `admin.not_found`, `admin.invalid`, `naming.too_long`.
    #[boxed]
    pub async fn announce(&self, actor: &Actor, new: NewAnnouncement) -> Result<AnnouncementView, Refusal> {
        self.require(actor, UseCase::AnnouncementMake, On::Anywhere).await?;
        let code = new.body.map(|c| c.trim().to_ascii_lowercase()).filter(|c| !c.is_empty());
        let (asker, named) = (actor.clone(), code.clone());
        let body = self.0.store.read(move |tx| announcer(tx, &asker, named.as_deref())).await?;
        let (title, text) = (plain::filled(&new.title, "title", plain::NAME)?, plain::lines(&new.text, "text", SAID)?);
        let from = body.as_ref().map_or_else(|| self.0.config.name.clone(), |b| b.name.clone());
        let notices = self.notices_for(body.map(|b| b.id), &from).await?;
        let by = By::actor(actor);
        let row = Announcement {
            id: self.0.store.new_id(),
            body_id: None,
            title,
            said: text,
            by_whom: by.name.clone(),
            at: self.now().0,
        };
        let said = json!({ "id": row.id.to_string(), "body": code, "notices": notices.len() });
        let (fact, actor) = (self.fact("announcement.made", &by, None, "ok", said), actor.clone());
        let make = move |tx: &mut dyn Tx| {
            let body = announcer(tx, &actor, code.as_deref())?;
            let row = Announcement { body_id: body.map(|b| b.id), ..row.clone() };
            rows::announce(tx, &row)?;
            for notice in &notices {
                notice.write(tx)?;
            }
            fact.write(tx)?;
            Ok::<_, Fail>(view(tx, row)?)
        };
        let view = self.0.store.write(make).await?;
        self.wake_jobs();
        Ok(view)
    }

    /// Notices to those whom an announcement concerns; none without a relay.
    async fn notices_for(&self, body: Option<Id>, from: &str) -> Result<Vec<Notice>, Refusal> {
        let (mut out, mut after) = (Vec::new(), 0);
        while self.has_relay() && out.len() < MOST {
            let found = self.0.store.read(move |tx| rows::audience(tx, body, after, SLICE)).await;
            let found = found.map_err(|e: StoreError| crate::refuse::store(&e))?;
            let Some(last) = found.last() else { break };
            after = last.0;
            for (person, address) in found {
                // What an older version kept and this one does not read is left out.
                if let Ok(to) = address.parse() {
                    out.push(self.notice(Template::Announcement, person, &to, &[("from", from)]).await?);
                }
            }
        }
        Ok(out)
    }

    /// One announcement. `admin.not_found`, `right.missing`.
    #[boxed]
    pub async fn announcement(&self, actor: &Actor, id: Id) -> Result<AnnouncementView, Refusal> {
        let found = self.announcements(actor, Some(id.saturating_add(1)), 1).await?.pop().filter(|a| a.id == id);
        if let Some(found) = found {
            return Ok(found);
        }
        let actor = actor.clone();
        let told = move |tx: &mut dyn Tx| Ok(unknown(tx, &actor, UseCase::AnnouncementList, &id.to_string()));
        Err(self.0.store.read(told).await.map_err(|e: StoreError| crate::refuse::store(&e))?.into())
    }

    /// Announcements, newest first, from before `before`: the operator's, and those of the bodies that follow the asker's structures.
    #[boxed]
    pub async fn announcements(
        &self,
        actor: &Actor,
        before: Option<Id>,
        limit: u32,
    ) -> Result<Vec<AnnouncementView>, Refusal> {
        let actor = actor.clone();
        let list = move |tx: &mut dyn Tx| {
            let uc = UseCase::AnnouncementList;
            permit(tx, &actor, uc, On::Anywhere)?;
            let from = match reach(tx, &actor, uc)? {
                Reach::All => None,
                Reach::Structures(within) => {
                    let mut from = bodies(tx, &actor, uc)?;
                    for id in within {
                        from.extend(structures::by_id(tx, id)?.and_then(|s| s.body_id));
                    }
                    Some(from)
                }
                Reach::Own(_) => Some(Vec::new()),
            };
            let found =
                rows::announcements(tx, from.as_deref(), before.unwrap_or(Id::MAX), crate::accounts::page(limit))?;
            found.into_iter().map(|a| Ok(view(tx, a)?)).collect::<Result<Vec<_>, Fail>>()
        };
        Ok(self.0.store.read(list).await?)
    }
}
