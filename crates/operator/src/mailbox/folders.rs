//! Folders: what they are, listing, counts, the folders every BAL starts with.
use crate::boxed;
use crate::mailbox::names::{self, INBOX};
use crate::mailbox::personal::Marks;
use crate::mailbox::seal::BalSeal;
use crate::refuse::{self, Fail};
use crate::{Actor, Operator, watch::Watch};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::folders::{self as rows, FolderRow, NewFolder};
use sceau_store::{DataKey, Id, StoreError, Tx, subscriptions};

/// Special use of a folder (RFC 6154).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the RFC's attributes of the same names
pub enum SpecialUse {
    Archive,
    Drafts,
    Junk,
    Sent,
    Trash,
}

impl SpecialUse {
    /// Every special use.
    pub const ALL: [Self; 5] = [Self::Archive, Self::Drafts, Self::Junk, Self::Sent, Self::Trash];
    /// As the store keeps it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Archive => "archive",
            Self::Drafts => "drafts",
            Self::Junk => "junk",
            Self::Sent => "sent",
            Self::Trash => "trash",
        }
    }
    /// Name of the folder that a BAL starts with.
    pub(crate) fn default_name(self) -> &'static str {
        match self {
            Self::Archive => "Archive",
            Self::Drafts => "Drafts",
            Self::Junk => "Junk",
            Self::Sent => "Sent",
            Self::Trash => "Trash",
        }
    }
    fn of(kept: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|u| u.as_str() == kept)
    }
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

impl Folder {
    pub(crate) fn of(row: &FolderRow, name: String) -> Self {
        Self {
            id: row.id,
            name,
            special_use: row.special_use.as_deref().and_then(SpecialUse::of),
            subscribed: row.subscribed,
            uidvalidity: narrow(row.uidvalidity),
            uidnext: narrow(row.uidnext),
            modseq: row.modseq.unsigned_abs(),
        }
    }
}

/// A UID, UIDVALIDITY or count of the store as the 32 bits it always fits (`take_uids` and quotas see to it).
pub(crate) fn narrow(n: i64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Counts of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)] // the items of STATUS (RFC 9051 §6.3.11) of the same names
pub struct FolderStatus {
    /// The folder.
    pub id: Id,
    pub messages: u32,
    pub unseen: u32,
    pub deleted: u32,
    pub size: u64,
    /// Bytes of what is flagged `\Deleted`, when it was counted ([`Operator::deleted_size`]).
    pub deleted_size: u64,
    pub uidnext: u32,
    pub uidvalidity: u32,
    pub modseq: u64,
}

impl FolderStatus {
    pub(crate) fn of(row: &FolderRow) -> Self {
        Self {
            id: row.id,
            messages: narrow(row.counts.messages),
            unseen: narrow(row.counts.unseen),
            deleted: narrow(row.counts.deleted),
            size: row.counts.bytes.unsigned_abs(),
            deleted_size: 0,
            uidnext: narrow(row.uidnext),
            uidvalidity: narrow(row.uidvalidity),
            modseq: row.modseq.unsigned_abs(),
        }
    }
}

impl Operator {
    /// Folders of the actor's BAL, sorted by name, INBOX first.
    #[boxed]
    pub async fn folders(&self, actor: &Actor) -> Result<Vec<Folder>, Refusal> {
        let seat = self.seat(actor)?;
        let seal = self.bal_seal(seat.bal).await?;
        let person = actor.person();
        let rows = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            Ok(seen_by(tx, seat.bal, person)?)
        });
        let mut named = open_names(&seal, rows.await?).map_err(|e| refuse::store(&e))?;
        named.retain(|(_, name)| actor.sees_folder(name));
        let mut folders: Vec<Folder> = named.into_iter().map(|(row, name)| Folder::of(&row, name)).collect();
        folders.sort_by(|a, b| names::order(&a.name, &b.name));
        Ok(folders)
    }
    /// One folder by name. `folder.unknown`.
    #[boxed]
    pub async fn folder(&self, actor: &Actor, name: &str) -> Result<Folder, Refusal> {
        let (row, name) = self.folder_row(actor, name, None).await?;
        Ok(Folder::of(&row, name))
    }
    /// Counts of a folder by name.
    #[boxed]
    pub async fn folder_status(&self, actor: &Actor, name: &str) -> Result<FolderStatus, Refusal> {
        let (row, _) = self.folder_row(actor, name, self.kept_from(actor)).await?;
        Ok(FolderStatus::of(&row))
    }
    /// Watches the actor's BAL.
    pub fn watch(&self, actor: &Actor) -> Watch {
        // No BAL has id 0: a session without a BAL waits for nothing.
        self.0.watch.watch(actor.bal.as_ref().map_or(0, |b| b.id))
    }
    /// A folder's row, counted without what these marks are on, and its canonical name. `folder.unknown`.
    async fn folder_row(
        &self,
        actor: &Actor,
        name: &str,
        without: Option<Marks>,
    ) -> Result<(FolderRow, String), Refusal> {
        let seat = self.seat(actor)?;
        let (tag, name) = self.folder_seen(actor, seat.bal, name)?;
        let row = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            let mut row = rows::by_tag(tx, seat.bal, &tag)?.ok_or(RefusalCode::FolderUnknown)?;
            if let Some(marks) = &without {
                marks.uncount(tx, std::slice::from_mut(&mut row))?;
            }
            Ok(row)
        });
        Ok((row.await?, name))
    }
    /// Digest and canonical writing of a folder's name. `folder.unknown` when no folder can have it.
    pub(crate) fn folder_key(&self, bal: Id, name: &str) -> Result<(Vec<u8>, String), Refusal> {
        let name = names::canonical(name).ok_or(RefusalCode::FolderUnknown)?;
        Ok((self.folder_tag(bal, &name), name))
    }
    /// A folder ready to be made.
    pub(crate) fn prepare_folder(
        &self,
        seal: &BalSeal,
        name: &str,
        special_use: Option<SpecialUse>,
        subscribed: bool,
    ) -> Result<NewFolder, StoreError> {
        let id = self.0.store.new_id();
        Ok(NewFolder {
            id,
            bal: seal.bal,
            name_sealed: seal.folder_name(id, name)?,
            name_tag: self.folder_tag(seal.bal, name),
            special_use: special_use.map(|u| u.as_str().to_owned()),
            subscribed,
            created: self.clock().now().0,
        })
    }
    /// The folders a new BAL starts with, ready for [`create_defaults`]: INBOX and one for each special use, subscribed.
    pub(crate) fn prepare_default_folders(&self, bal: Id, key: &DataKey) -> Result<Vec<NewFolder>, StoreError> {
        let seal = BalSeal::new(bal, key.clone());
        let special = [SpecialUse::Drafts, SpecialUse::Sent, SpecialUse::Archive, SpecialUse::Junk, SpecialUse::Trash];
        std::iter::once((INBOX, None))
            .chain(special.map(|u| (u.default_name(), Some(u))))
            .map(|(name, special_use)| self.prepare_folder(&seal, name, special_use, true))
            .collect()
    }
}

/// Makes the folders of a BAL whose row was inserted in this transaction.
pub(crate) fn create_defaults(tx: &mut dyn Tx, prepared: &[NewFolder]) -> Result<(), StoreError> {
    let Some(first) = prepared.first() else { return Ok(()) };
    let bal = rows::lock_bal(tx, first.bal)?.ok_or_else(|| StoreError::Other("folders for no BAL".into()))?;
    prepared.iter().try_for_each(|folder| rows::insert(tx, folder, bal.modseq).map(drop))
}

/// The folders of a BAL, with what this person subscribes to.
pub(crate) fn seen_by(tx: &mut dyn Tx, bal: Id, person: Id) -> Result<Vec<FolderRow>, StoreError> {
    let mut rows = rows::list(tx, bal)?;
    let own = subscriptions::of(tx, bal, person)?;
    for row in &mut rows {
        row.subscribed = own.get(&row.id).copied().unwrap_or(row.subscribed);
    }
    Ok(rows)
}

/// Opens the names of folders.
pub(crate) fn open_names(seal: &BalSeal, rows: Vec<FolderRow>) -> Result<Vec<(FolderRow, String)>, StoreError> {
    rows.into_iter()
        .map(|row| {
            let name = seal.open_folder_name(row.id, &row.name_sealed)?;
            Ok((row, name))
        })
        .collect()
}
