//! What is marked personal (F074, [`sceau_domain::personal`]) is shown to whoever manages the BAL, and to nobody else who has access to it: the holder of
//! a personal BAL sees it and his delegates do not, the responsible of a shared one and not its members.
//!
//! Promises: for the others a marked message is as if it were not in its folder (neither listed, counted, searched, copied nor removed), and a folder for
//! private things as if there were none; what comes marked gets the keyword, so that whoever sees it can take the mark away.
use crate::mailbox::entries::Entry;
use crate::mailbox::words::Keywords;
use crate::refuse::{self, Fail};
use crate::{Actor, Operator, Received, Who};
use sceau_domain::personal::{self, KEYWORDS, MARK, Reach};
use sceau_domain::{Refusal, RefusalCode, UseCase};
use sceau_message::header;
use sceau_store::folders::FolderRow;
use sceau_store::keywords::{self, Slots};
use sceau_store::messages::{self, EntryRow};
use sceau_store::{Id, StoreError, Tx, accounts};

/// Finds what is marked in a BAL.
#[derive(Debug, Clone)]
pub(crate) struct Marks {
    bal: Id,
    /// Digests of the keywords that mark.
    tags: Vec<Vec<u8>>,
}

impl Marks {
    /// Slots of those keywords; none when nothing there is marked.
    pub fn slots(&self, tx: &mut dyn Tx) -> Result<Slots, StoreError> {
        keywords::with_tags(tx, self.bal, |tag| self.tags.iter().any(|t| t == tag))
    }
    /// Takes what is marked out of entries; gives it.
    pub fn take(&self, tx: &mut dyn Tx, entries: &mut Vec<EntryRow>) -> Result<Vec<EntryRow>, StoreError> {
        if entries.iter().all(|e| e.keywords.is_empty()) {
            return Ok(Vec::new());
        }
        let slots = self.slots(tx)?;
        Ok(entries.extract_if(.., |e| e.keywords.has_any(&slots)).collect())
    }
    /// What is marked in a folder and changed after a modseq.
    pub fn in_folder(&self, tx: &mut dyn Tx, folder: Id, since: i64) -> Result<Vec<EntryRow>, StoreError> {
        let slots = self.slots(tx)?;
        marked(tx, &slots, folder, since)
    }
    /// Counts folders as who does not see what is marked.
    pub fn uncount(&self, tx: &mut dyn Tx, folders: &mut [FolderRow]) -> Result<(), StoreError> {
        let slots = self.slots(tx)?;
        for folder in folders.iter_mut().filter(|f| f.counts.messages > 0) {
            let unseen = marked(tx, &slots, folder.id, 0)?;
            folder.counts += messages::counts_of(&unseen).negated();
        }
        Ok(())
    }
}

impl Actor {
    /// Is what is marked kept from this person, where he sits?
    pub(crate) fn kept_out(&self) -> bool {
        let (Who::Person(_), Some(bal)) = (&self.who, &self.bal) else { return false };
        // A session that says not how it sits is shown the least.
        bal.chair.as_ref().is_none_or(|c| personal::is_kept_from(bal.kind, c.rights))
    }
    /// Leaves out the entries that are kept from this person; gives them.
    pub(crate) fn without_marked(&self, entries: &mut Vec<Entry>) -> Vec<Entry> {
        if !self.kept_out() {
            return Vec::new();
        }
        entries.extract_if(.., |e| e.flags.keywords.iter().any(personal::by_keyword)).collect()
    }
    /// May this person know of a folder with this name?
    pub(crate) fn sees_folder(&self, name: &str) -> bool {
        let kind = self.bal.as_ref().map(|b| b.kind);
        !self.kept_out() || personal::by_folder(name).is_none_or(|reach| kind.is_some_and(|kind| !reach.holds(kind)))
    }
    /// `right.missing` for a folder that this person could not see.
    pub(crate) fn may_name(&self, name: &str) -> Result<(), Refusal> {
        if self.sees_folder(name) {
            return Ok(());
        }
        Err(Refusal::new(RefusalCode::RightMissing).with("name", UseCase::MailFile.as_str()))
    }
}

impl Operator {
    /// The mark of a message that comes marked, where it marks in this BAL. Seldom is anything looked up.
    pub(crate) async fn mark_of(
        &self,
        bal: Id,
        message: &Received,
        keywords: &Keywords,
    ) -> Result<Option<&'static str>, Refusal> {
        let Some(reach) = reach_of(message, keywords) else { return Ok(None) };
        let marks = reach == Reach::Everywhere || {
            let row = self.0.store.read(move |tx| accounts::bal_by_id(tx, bal)).await;
            let row = row.map_err(|e: StoreError| refuse::store(&e))?;
            row.and_then(|b| b.kind.parse().ok()).is_some_and(|kind| reach.holds(kind))
        };
        Ok(marks.then_some(MARK))
    }
    /// How marks are found in a BAL.
    pub(crate) fn marks(&self, bal: Id) -> Marks {
        Marks { bal, tags: KEYWORDS.iter().map(|k| self.keyword_tag(bal, k)).collect() }
    }
    /// What is to be left out for this person; none when all of it is shown.
    pub(crate) fn kept_from(&self, actor: &Actor) -> Option<Marks> {
        let bal = actor.bal.as_ref().filter(|_| actor.kept_out())?;
        Some(self.marks(bal.id))
    }
    /// As [`Operator::folder_key`], for somebody who may not see every folder.
    pub(crate) fn folder_seen(&self, actor: &Actor, bal: Id, name: &str) -> Result<(Vec<u8>, String), Refusal> {
        let (tag, name) = self.folder_key(bal, name)?;
        if actor.sees_folder(&name) { Ok((tag, name)) } else { Err(RefusalCode::FolderUnknown.into()) }
    }
}

/// Entries of a folder that have one of these slots and changed after a modseq. Nothing is read where nothing is marked.
fn marked(tx: &mut dyn Tx, slots: &Slots, folder: Id, since: i64) -> Result<Vec<EntryRow>, StoreError> {
    if slots.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = messages::entries_with_keywords(tx, folder, since)?;
    found.retain(|e| e.keywords.has_any(slots));
    Ok(found)
}

/// Takes what is kept from somebody out of entries.
pub(crate) fn leave_out(marks: Option<&Marks>, tx: &mut dyn Tx, entries: &mut Vec<EntryRow>) -> Result<(), Fail> {
    if let Some(marks) = marks {
        marks.take(tx, entries)?;
    }
    Ok(())
}

/// Where a message is marked, that comes marked and has no mark yet.
fn reach_of(message: &Received, keywords: &Keywords) -> Option<Reach> {
    if keywords.iter().any(personal::by_keyword) {
        return None;
    }
    let reach = |field: header::Field<'_>| {
        if field.name.eq_ignore_ascii_case("Subject") {
            personal::by_subject(&header::decoded(field.value))
        } else if field.name.eq_ignore_ascii_case("Sensitivity") {
            personal::by_sensitivity(&header::decoded(field.value))
        } else {
            None
        }
    };
    header::fields(&message.scan.header).filter_map(reach).max()
}
