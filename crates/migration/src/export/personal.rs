//! What is marked personal (F074) is not taken out of a mailbox beside one's own.
use crate::client::Entry;
use sceau_domain::personal::{Reach, by_folder, by_keyword};
use std::collections::BTreeMap;

/// Does this login (`person*mailbox`) open a mailbox that others answer for or hold?
pub(super) fn stays(login: &str) -> bool {
    login.contains('*')
}

/// Leaves out what is marked; how many messages that was.
pub(super) fn leave_out(folder: &str, entries: &mut BTreeMap<u32, Entry>) -> u64 {
    // Of a personal mailbox beside one's own, the server shows none of it.
    let (all, marked) = (entries.len(), by_folder(folder) == Some(Reach::Everywhere));
    entries.retain(|_, e| !marked && !e.flags.keywords.iter().any(|k| by_keyword(k)));
    (all - entries.len()) as u64
}
