//! Reading what was disclosed, while it lasts: folders, lists, messages. Only looks: no flag, no count, no modseq of the BAL changes.
use super::{found, kept, not_closed, state_at};
use crate::boxed;
use crate::mailbox::folders::open_names;
use crate::mailbox::names;
use crate::mailbox::read::MessageReader;
use crate::record::{By, Fact};
use crate::refuse::{self, Fail};
use crate::rights::On;
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::{Id, Tx, accounts as rows, folders, messages};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// A folder of the BAL.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DisclosedFolder {
    /// Id.
    #[serde(serialize_with = "crate::ids::text")]
    #[schema(value_type = String)]
    pub id: Id,
    /// Path.
    pub name: String,
    /// How many messages it holds.
    pub messages: i64,
}

/// A message of a folder.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DisclosedMessage {
    /// Id of the message, to fetch it.
    #[serde(serialize_with = "crate::ids::text")]
    #[schema(value_type = String)]
    pub id: Id,
    /// Its number in the folder: pages go by it.
    pub uid: i64,
    /// When it was filed.
    #[schema(value_type = i64)]
    pub received: Timestamp,
    /// Bytes.
    pub size: i64,
}

/// The BAL, when the actor is one of the two and it lasts; takes the act in: the trace is written and the disclosure counts as used.
fn enter(tx: &mut dyn Tx, actor: &Actor, id: Id, now: i64, fact: &Fact) -> Result<rows::Bal, Fail> {
    let (disclosure, bal) = found(tx, actor, UseCase::DisclosureRead, id)?;
    let person = actor.person();
    if person != disclosure.asked_by && Some(person) != disclosure.decided_by {
        return Err(Refusal::new(RefusalCode::RightMissing).with("name", UseCase::DisclosureRead).into());
    }
    if state_at(&disclosure, now) != "agreed" {
        return Err(RefusalCode::DisclosureClosed.into());
    }
    not_closed(&bal)?;
    kept::touch(tx, id, now)?;
    fact.clone().on(bal.id, Some(bal.address_key.clone())).write(tx)?;
    Ok(bal)
}

impl Operator {
    /// Folders of the BAL, INBOX first. Traced. `disclosure.not_open`.
    #[boxed]
    pub async fn disclosed_folders(&self, actor: &Actor, id: Id) -> Result<Vec<DisclosedFolder>, Refusal> {
        self.require(actor, UseCase::DisclosureRead, On::Operator).await?;
        let (now, by) = (self.now().0, By::actor(actor));
        let fact = self.fact("disclosure.listed", &by, None, "ok", json!({ "disclosure": id.to_string() }));
        let actor = actor.clone();
        let list = move |tx: &mut dyn Tx| {
            let bal = enter(tx, &actor, id, now, &fact)?;
            Ok::<_, Fail>((bal.id, folders::list(tx, bal.id)?))
        };
        let (bal, rows) = self.0.store.write(list).await?;
        let seal = self.bal_seal(bal).await?;
        let named = open_names(&seal, rows).map_err(|e| refuse::store(&e))?;
        let mut out: Vec<_> = named
            .into_iter()
            .map(|(row, name)| DisclosedFolder { id: row.id, name, messages: row.counts.messages })
            .collect();
        out.sort_by(|a, b| names::order(&a.name, &b.name));
        Ok(out)
    }

    /// Messages of a folder, by UID, `limit` from after `after`. Traced. `folder.unknown`, `disclosure.not_open`.
    #[boxed]
    pub async fn disclosed_messages(
        &self,
        actor: &Actor,
        id: Id,
        folder: Id,
        after: i64,
        limit: u32,
    ) -> Result<Vec<DisclosedMessage>, Refusal> {
        self.require(actor, UseCase::DisclosureRead, On::Operator).await?;
        let (now, by, limit) = (self.now().0, By::actor(actor), i64::from(limit.clamp(1, 1000)));
        let data = json!({ "disclosure": id.to_string(), "folder": folder, "after": after, "limit": limit });
        let (fact, actor) = (self.fact("disclosure.listed", &by, None, "ok", data), actor.clone());
        let list = move |tx: &mut dyn Tx| {
            let bal = enter(tx, &actor, id, now, &fact)?;
            folders::by_id(tx, bal.id, folder)?.ok_or(RefusalCode::FolderUnknown)?;
            Ok::<_, Fail>(messages::entries_page(tx, folder, after, limit)?)
        };
        let rows = self.0.store.write(list).await?;
        let message = |e: messages::EntryRow| DisclosedMessage {
            id: e.message,
            uid: e.uid,
            received: Timestamp(e.internal_date),
            size: e.size,
        };
        Ok(rows.into_iter().map(message).collect())
    }

    /// Opens a message of the BAL. Its trace, which names it, is kept before this returns. `entry.unknown`, `disclosure.not_open`.
    #[boxed]
    pub async fn open_disclosed(&self, actor: &Actor, id: Id, message: Id) -> Result<MessageReader, Refusal> {
        self.require(actor, UseCase::DisclosureRead, On::Operator).await?;
        let (now, by) = (self.now().0, By::actor(actor));
        let data = json!({ "disclosure": id.to_string(), "messages": [message] });
        let (fact, reader) = (self.fact("disclosure.read", &by, None, "ok", data), actor.clone());
        let open = move |tx: &mut dyn Tx| {
            let bal = enter(tx, &reader, id, now, &fact)?;
            let row = messages::content(tx, bal.id, message)?.ok_or(RefusalCode::EntryUnknown)?;
            Ok::<_, Fail>((bal.id, row))
        };
        let (bal, row) = self.0.store.write(open).await?;
        let seal = self.bal_seal(bal).await?;
        self.reader_of(actor, (&seal, None), message, &row).await
    }
}
