//! Entries of a folder: flags, copies, moves, removal, additions.
use crate::{Actor, Operator, Received, mailbox::folders::Folder};
use sceau_domain::{Refusal, Timestamp};
use sceau_store::Id;

/// System flags as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Flags(pub u8);

#[allow(missing_docs)]
impl Flags {
    pub const SEEN: Self = Self(1);
    pub const ANSWERED: Self = Self(2);
    pub const FLAGGED: Self = Self(4);
    pub const DELETED: Self = Self(8);
    pub const DRAFT: Self = Self(16);
    /// All of `other` are set.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}
impl std::ops::BitOr for Flags {
    type Output = Self;
    fn bitor(self, o: Self) -> Self {
        Self(self.0 | o.0)
    }
}

/// System flags and keywords (keywords as written first, compared without case, sorted).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlagSet {
    /// System flags.
    pub system: Flags,
    /// Keywords.
    pub keywords: Vec<String>,
}

/// One message in one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// UID.
    pub uid: u32,
    /// The message.
    pub message: Id,
    /// Flags.
    pub flags: FlagSet,
    /// Modseq of the last change.
    pub modseq: u64,
    /// INTERNALDATE.
    pub internal_date: Timestamp,
    /// RFC822.SIZE, the server's prefix included.
    pub size: u64,
}

/// A folder as opened: everything but content.
#[derive(Debug, Clone)]
pub struct OpenFolder {
    /// The folder.
    pub folder: Folder,
    /// Entries by ascending UID.
    pub entries: Vec<Entry>,
}

/// What changed in a folder.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// New or changed entries, by ascending UID.
    pub changed: Vec<Entry>,
    /// UIDs gone.
    pub vanished: Vec<u32>,
    /// State after.
    pub modseq: u64,
    /// UIDNEXT after.
    pub uidnext: u32,
}

/// How STORE changes flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FlagChange {
    Replace,
    Add,
    Remove,
}

/// Result of COPY and MOVE: (source uid, destination uid), in order.
#[derive(Debug, Clone)]
pub struct Copied {
    /// UIDVALIDITY of the destination.
    pub uidvalidity: u32,
    /// Pairs.
    pub pairs: Vec<(u32, u32)>,
}

impl Operator {
    /// Opens a folder (SELECT, EXAMINE). Traced as an opening by the natural person.
    pub async fn open_folder(&self, actor: &Actor, name: &str, read_only: bool) -> Result<OpenFolder, Refusal> {
        let _ = (actor, name, read_only);
        todo!()
    }
    /// Changes of a folder since a modseq. `folder.unknown` when it was deleted.
    pub async fn changes(&self, actor: &Actor, folder: Id, since: u64) -> Result<Changes, Refusal> {
        let _ = (actor, folder, since);
        todo!()
    }
    /// Changes flags of UIDs; unknown UIDs are skipped; entries whose modseq is above `unchanged_since` are left and returned second.
    pub async fn change_flags(
        &self,
        actor: &Actor,
        folder: Id,
        uids: &[u32],
        change: FlagChange,
        flags: FlagSet,
        unchanged_since: Option<u64>,
    ) -> Result<(Vec<Entry>, Vec<u32>), Refusal> {
        let _ = (actor, folder, uids, change, flags, unchanged_since);
        todo!()
    }
    /// Copies UIDs into a folder by name. All or nothing. `folder.unknown`, `quota.exceeded`.
    pub async fn copy(&self, actor: &Actor, folder: Id, uids: &[u32], to: &str) -> Result<Copied, Refusal> {
        let _ = (actor, folder, uids, to);
        todo!()
    }
    /// Moves UIDs (RFC 6851), atomically.
    pub async fn move_entries(&self, actor: &Actor, folder: Id, uids: &[u32], to: &str) -> Result<Copied, Refusal> {
        let _ = (actor, folder, uids, to);
        todo!()
    }
    /// Removes entries flagged `\Deleted` (all, or only these UIDs). Returns the UIDs removed.
    pub async fn expunge(&self, actor: &Actor, folder: Id, only: Option<&[u32]>) -> Result<Vec<u32>, Refusal> {
        let _ = (actor, folder, only);
        todo!()
    }
    /// Adds a message (APPEND). Durable when it returns. (UIDVALIDITY, uid).
    pub async fn append(
        &self,
        actor: &Actor,
        folder: &str,
        flags: FlagSet,
        date: Option<Timestamp>,
        message: Received,
    ) -> Result<(u32, u32), Refusal> {
        let _ = (actor, folder, flags, date, message);
        todo!()
    }
}
