//! Putting a message into a folder of a BAL: what is sealed is prepared before the transaction, rows are inserted inside it.
//! The one way in, shared by acceptance, submission (Sent copy, local delivery), reports and APPEND.
use crate::jobs::Kind;
use crate::mailbox::entries::FlagSet;
use crate::mailbox::flags;
use crate::mailbox::folders::{SpecialUse, narrow};
use crate::mailbox::names::INBOX;
use crate::mailbox::seal::{MESSAGE_PREFIX, MESSAGE_SUMMARY};
use crate::refuse::{self, Fail};
use crate::{Operator, Received};
use sceau_domain::access::refuses_mail;
use sceau_domain::tell::fill;
use sceau_domain::{Refusal, RefusalCode, Timestamp};
use sceau_message::scan::Limits;
use sceau_message::summary::Summary;
use sceau_store::folders::{self as rows, Counts, NewFolder, Place};
use sceau_store::jobs::{self, NewJob};
use sceau_store::keywords::NewKeyword;
use sceau_store::messages::{self, EntryRow, Mark, NewMessage};
use sceau_store::{Id, Tx};

/// Where a message goes in a BAL.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// INBOX.
    Inbox,
    /// The folder with special use Sent (made when missing).
    Sent,
    /// A folder by id.
    Folder(Id),
}

/// Everything sealed and wrapped for one BAL, ready to be inserted.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    /// The BAL.
    pub bal: Id,
    target: Target,
    /// INBOX or Sent, to find them by name, or to make them when they are missing.
    folder: NewFolder,
    message: NewMessage,
    /// What lists know of it.
    mark: Mark,
    flags: i64,
    keywords: Vec<NewKeyword>,
    keyword_limit: usize,
    internal_date: i64,
    /// The index takes it in, later.
    index: NewJob,
    /// Absence, notices, a BAL that fills up: looked after later.
    arrival: NewJob,
}

/// A message put into a folder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    /// The message's id.
    pub message: Id,
    /// The folder.
    pub folder: Id,
    /// Its UID there.
    pub uid: u32,
    /// The folder's UIDVALIDITY.
    pub uidvalidity: u32,
}

impl Operator {
    /// Seals prefix and summary and wraps the blob key for `bal`.
    pub(crate) async fn prepare_delivery(
        &self,
        bal: Id,
        target: Target,
        message: &Received,
        prefix: &[u8],
        flags: FlagSet,
        date: Timestamp,
    ) -> Result<Prepared, Refusal> {
        let mut flags = flags::checked(flags)?;
        let seal = self.bal_seal(bal).await?;
        let limits = self.limits_of(bal).await?;
        // One keyword more than the limit lets: nobody's mail is refused for a mark.
        let mark = self.mark_of(bal, message, &flags.keywords).await?;
        let keyword_limit = limits.keywords + usize::from(mark.is_some());
        if let Some(mark) = mark {
            flags.keywords = flags.keywords.iter().chain([mark]).collect();
        }
        let id = self.0.store.new_id();
        let summary = Summary::of(&message.scan, &Limits::default());
        let (listed, summary) = (self.list_mark(bal, id, &summary), summary.to_bytes());
        let (name, special_use) = match target {
            Target::Sent => (SpecialUse::Sent.default_name(), Some(SpecialUse::Sent)),
            Target::Inbox | Target::Folder(_) => (INBOX, None),
        };
        let keywords = self.seal_keywords(&seal, &flags.keywords).map_err(|e| refuse::store(&e))?;
        self.keyword_room(bal, &keywords, keyword_limit).await?;
        let prepare = || {
            Ok(Prepared {
                bal,
                target,
                folder: self.prepare_folder(&seal, name, special_use, true)?,
                message: NewMessage {
                    id,
                    bal,
                    blob: message.spool.id,
                    blob_key: seal.wrap_blob_key(id, &message.spool.key)?,
                    prefix: match prefix {
                        [] => None,
                        prefix => Some(seal.seal(id, MESSAGE_PREFIX, prefix)?),
                    },
                    summary: seal.seal(id, MESSAGE_SUMMARY, &summary)?,
                    // Both are bounded far below 2^63 by the limits of messages.
                    size: i64::try_from(message.spool.size.saturating_add(prefix.len() as u64)).unwrap_or(i64::MAX),
                    created: self.clock().now().0,
                },
                mark: listed,
                flags: flags.system.bits(),
                keywords,
                keyword_limit,
                internal_date: date.0,
                index: self.index_job(bal, self.config().search.delay),
                arrival: self.job(Kind::Arrival, bal.to_string(), Vec::new(), std::time::Duration::ZERO),
            })
        };
        prepare().map_err(|e| refuse::store(&e))
    }

    /// Room for the keywords of messages that go into one BAL together ([`Operator::keyword_room`]).
    pub(super) async fn keyword_room_all(&self, prepared: &[Prepared]) -> Result<(), Refusal> {
        let Some(first) = prepared.first() else { return Ok(()) };
        let keywords: Vec<_> = prepared.iter().flat_map(|p| p.keywords.clone()).collect();
        self.keyword_room(first.bal, &keywords, first.keyword_limit).await
    }
}

/// Locks the BAL's row, checks state and room (`rcpt.blocked`, `rcpt.closed`, `rcpt.over_quota`/`quota.exceeded` by `over`), inserts message and
/// entry, bumps modseq. The blob's row is the caller's (one blob serves all). BALs must be given in ascending id order.
/// `folder.unknown` when the folder asked by id is gone.
pub(crate) fn insert(tx: &mut dyn Tx, prepared: &Prepared, over: RefusalCode) -> Result<Placed, Fail> {
    insert_beyond(tx, prepared, over, 0)
}

/// As [`insert`], in a BAL that may be full: `share` percent of its quota may be taken beyond it.
pub(crate) fn insert_beyond(
    tx: &mut dyn Tx,
    prepared: &Prepared,
    over: RefusalCode,
    share: i64,
) -> Result<Placed, Fail> {
    let (bal, size) = (prepared.bal, prepared.message.size);
    let state = rows::charge_bal(tx, bal, size, 1)?.ok_or(RefusalCode::RcptClosed)?;
    if let Some(code) = refuses_mail(&state.state) {
        return Err(code.into());
    }
    if state.used_bytes > state.quota_bytes.saturating_add(state.quota_bytes / 100 * share) {
        let refusal = Refusal::new(over);
        // The other refusal speaks to the sender, whom the recipient's room does not concern.
        let refusal =
            if over == RefusalCode::QuotaExceeded { refusal.with("limit", state.quota_bytes) } else { refusal };
        return Err(refusal.into());
    }
    let keywords = flags::slots(tx, bal, &prepared.keywords, prepared.keyword_limit)?;
    let (folder, uid, uidvalidity) = place(tx, prepared, state.modseq)?;
    messages::insert(tx, &prepared.message, state.modseq)?;
    let entry = EntryRow {
        uid,
        message: prepared.message.id,
        modseq: state.modseq,
        flags: prepared.flags,
        keywords,
        internal_date: prepared.internal_date,
        size,
    };
    messages::insert_entry(tx, folder, bal, &entry, prepared.mark)?;
    jobs::ensure(tx, &prepared.index)?;
    // One row that merges, and only when somebody waits for it or the BAL fills up with this message.
    let fills = fill(state.used_bytes - size, state.quota_bytes) < fill(state.used_bytes, state.quota_bytes);
    if fills || (state.follows != 0 && matches!(prepared.target, Target::Inbox)) {
        jobs::ensure(tx, &prepared.arrival)?;
    }
    Ok(Placed { message: prepared.message.id, folder, uid: narrow(uid), uidvalidity: narrow(uidvalidity) })
}

/// Finds (or makes) the folder and takes a UID.
fn place(tx: &mut dyn Tx, p: &Prepared, modseq: i64) -> Result<(Id, i64, i64), Fail> {
    let counts = Counts::of(p.flags, p.message.size);
    if let Target::Folder(id) = p.target {
        return rows::place(tx, p.bal, Place::Id(id), counts, modseq)?.ok_or_else(|| RefusalCode::FolderUnknown.into());
    }
    if let Some(special_use) = &p.folder.special_use
        && let Some(placed) = rows::place(tx, p.bal, Place::SpecialUse(special_use), counts, modseq)?
    {
        return Ok(placed);
    }
    if let Some(placed) = rows::place(tx, p.bal, Place::Tag(&p.folder.name_tag), counts, modseq)? {
        return Ok(placed);
    }
    let made = rows::insert(tx, &p.folder, modseq)?;
    rows::place(tx, p.bal, Place::Id(made.id), counts, modseq)?.ok_or_else(|| RefusalCode::FolderUnknown.into())
}
