//! What is marked personal (F074) is not taken out of a mailbox beside one's own.
use crate::Error;
use crate::client::{Client, Entry};
use sceau_domain::personal::{Reach, by_folder, by_keyword};
use std::collections::BTreeMap;

/// Is this a mailbox that others answer for or hold? Its server says so; where it does not, the login (`person*mailbox`).
pub(super) fn stays(client: &mut Client, login: &str) -> Result<bool, Error> {
    Ok(client.is_own()?.map_or_else(|| login.contains('*'), |own| !own))
}

/// Leaves out what is marked; how many messages that was.
pub(super) fn leave_out(folder: &str, entries: &mut BTreeMap<u32, Entry>) -> u64 {
    // Of a personal mailbox beside one's own, the server shows none of it.
    let (all, marked) = (entries.len(), by_folder(folder) == Some(Reach::Everywhere));
    entries.retain(|_, e| !marked && !e.flags.keywords.iter().any(|k| by_keyword(k)));
    (all - entries.len()) as u64
}
