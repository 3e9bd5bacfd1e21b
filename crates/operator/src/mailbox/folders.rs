//! Folders.
use crate::{Actor, Operator, watch::Watch};
use sceau_domain::Refusal;
use sceau_store::Id;

/// Special use of a folder (RFC 6154).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum SpecialUse {
    Archive,
    Drafts,
    Junk,
    Sent,
    Trash,
}

/// A folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Row id.
    pub id: Id,
    /// Full path, `/` between levels.
    pub name: String,
    /// Special use.
    pub special_use: Option<SpecialUse>,
    /// Subscribed.
    pub subscribed: bool,
    /// UIDVALIDITY.
    pub uidvalidity: u32,
    /// UIDNEXT.
    pub uidnext: u32,
    /// Highest modseq of the folder.
    pub modseq: u64,
}

/// Counts of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub struct FolderStatus {
    pub messages: u32,
    pub unseen: u32,
    pub deleted: u32,
    pub size: u64,
    pub uidnext: u32,
    pub uidvalidity: u32,
    pub modseq: u64,
}

impl Operator {
    /// Folders of the actor's BAL, sorted by name, INBOX first.
    pub async fn folders(&self, actor: &Actor) -> Result<Vec<Folder>, Refusal> {
        let _ = actor;
        todo!()
    }
    /// One folder by name. `folder.unknown`.
    pub async fn folder(&self, actor: &Actor, name: &str) -> Result<Folder, Refusal> {
        let _ = (actor, name);
        todo!()
    }
    /// Counts of a folder by name.
    pub async fn folder_status(&self, actor: &Actor, name: &str) -> Result<FolderStatus, Refusal> {
        let _ = (actor, name);
        todo!()
    }
    /// Creates a folder (and missing parents). `folder.exists`, `folder.name`, `folder.limit`.
    pub async fn create_folder(&self, actor: &Actor, name: &str, special_use: Option<SpecialUse>) -> Result<Folder, Refusal> {
        let _ = (actor, name, special_use);
        todo!()
    }
    /// Deletes a folder and its entries. INBOX: `folder.reserved`; with children: `folder.has_children`.
    pub async fn delete_folder(&self, actor: &Actor, name: &str) -> Result<(), Refusal> {
        let _ = (actor, name);
        todo!()
    }
    /// Renames a folder with its children; renaming INBOX moves its messages into the new folder (RFC 9051 §6.3.6).
    pub async fn rename_folder(&self, actor: &Actor, from: &str, to: &str) -> Result<(), Refusal> {
        let _ = (actor, from, to);
        todo!()
    }
    /// Subscribes or unsubscribes.
    pub async fn subscribe_folder(&self, actor: &Actor, name: &str, on: bool) -> Result<(), Refusal> {
        let _ = (actor, name, on);
        todo!()
    }
    /// Watches the actor's BAL.
    pub fn watch(&self, actor: &Actor) -> Watch {
        let _ = actor;
        todo!()
    }
}
