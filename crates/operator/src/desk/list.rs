//! Lists: windows over a folder, by date, with filters; conversations; found messages.
use crate::Operator;
use crate::mailbox::entries::FlagSet;
use crate::mailbox::folders::{Folder, FolderStatus};
use sceau_domain::{Refusal, RefusalCode, Timestamp};
use sceau_store::Id;
use tokio_util::sync::CancellationToken;

/// What a list shows of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Filter {
    /// Everything.
    #[default]
    All,
    /// What nobody read.
    Unread,
    /// What is followed.
    Flagged,
    /// What has attachments.
    Attached,
    /// What was exchanged with a patient.
    Patient,
    /// What was given to whoever looks.
    Mine,
}

/// Where a window begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// INTERNALDATE, milliseconds.
    pub date: i64,
    /// UID.
    pub uid: u32,
}

/// A window over a folder.
#[derive(Debug, Clone)]
pub struct View {
    /// The folder.
    pub folder: Id,
    /// What of it.
    pub filter: Filter,
    /// Conversations, each by its newest message.
    pub threads: bool,
    /// From the oldest.
    pub oldest_first: bool,
    /// After which entry; none: from the beginning.
    pub from: Option<Cursor>,
    /// How many rows at most.
    pub limit: usize,
}

/// A line of a list.
#[derive(Debug, Clone)]
pub struct Row {
    /// UID.
    pub uid: u32,
    /// The message.
    pub message: Id,
    /// Its EMAILID.
    pub email: String,
    /// INTERNALDATE.
    pub date: Timestamp,
    /// From whom; in Sent and Drafts to whom: name and address.
    pub who: Vec<(String, String)>,
    /// Subject.
    pub subject: String,
    /// The beginning of its text, when it is known.
    pub preview: Option<String>,
    /// Flags.
    pub flags: FlagSet,
    /// Size, bytes.
    pub size: u64,
    /// It has attachments.
    pub attached: bool,
    /// It was exchanged with a patient.
    pub patient: bool,
    /// Its conversation.
    pub thread: i64,
    /// How many messages of it are in the folder.
    pub in_thread: u32,
    /// How many of them nobody read.
    pub unread_in_thread: u32,
    /// Who takes care of it.
    pub with: Option<String>,
}

/// A window, looked through.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The folder.
    pub folder: Folder,
    /// Its counts.
    pub status: FolderStatus,
    /// Its rows.
    pub rows: Vec<Row>,
    /// Where older ones begin.
    pub older: Option<Cursor>,
    /// Where newer ones begin.
    pub newer: Option<Cursor>,
    /// False: so much was looked at that the rest waits for the next window.
    pub complete: bool,
}

impl Operator {
    /// Makes known to lists what an earlier program left unknown: conversations and traits.
    pub(crate) async fn make_known(&self, _bal: Id, _stop: &CancellationToken) -> Result<(), Refusal> {
        Err(RefusalCode::Unavailable.into())
    }
}
