//! Telling the client what changed in the selected mailbox (RFC 9051 §5.2, §7.3–§7.5).
use super::{End, Session};
use crate::codec::flags::SYSTEM;
use crate::codec::sequence::runs;
use crate::codec::{Out, flags};
use crate::view::{Update, View, number};
use sceau_domain::RefusalCode;
use sceau_operator::mailbox::entries::Entry;
use sceau_operator::watch::Watch;
use std::time::Instant;

impl Session {
    /// Asks the operator what changed, unless nothing was heard of since it was asked last, and writes it. EXPUNGE only when `may_expunge`.
    pub(crate) async fn sync(&mut self, may_expunge: bool) -> Result<(), End> {
        let (version, now) = (self.watch.as_ref().and_then(Watch::version), Instant::now());
        let Some(view) = self.view.as_mut().filter(|view| !view.is_current(version)) else { return Ok(()) };
        let since = view.modseq();
        match self.operator.changes(&view.actor, view.folder.id, since).await {
            Ok(changes) => {
                let mut updates = view.apply(changes, may_expunge);
                view.note_version(version, now);
                if self.wishes.as_ref().is_some_and(|w| !w.hears_flags()) {
                    // RFC 5465 §5.1: only who asked for FlagChange hears it, once NOTIFY was used. What is not told is no part of the state that is.
                    let all = updates.len();
                    updates.retain(|update| !matches!(update, Update::Fetch(_)));
                    if updates.len() < all {
                        view.unheard(since);
                    }
                }
                self.tell(&updates).await?;
                self.tell_held_back();
                Ok(())
            }
            // The mailbox was deleted elsewhere, or the access to it has ended.
            Err(refusal) if matches!(refusal.code, RefusalCode::FolderUnknown | RefusalCode::RightMissing) => {
                self.view = None;
                Err(End::Bye(refusal))
            }
            // What could not be asked now will be told later.
            Err(refusal) => {
                self.owed = true;
                tracing::warn!(
                    session = self.origin.session,
                    code = refusal.code.as_str(),
                    "changes could not be read"
                );
                Ok(())
            }
        }
    }

    /// Writes updates; however many they are, little waits in memory.
    pub(crate) async fn tell(&mut self, updates: &[Update]) -> Result<(), End> {
        let mut updates = updates;
        if self.enabled.qresync || self.out.uid_only() {
            let uid = |update: &Update| match update {
                Update::Expunge { uid, .. } => Some(*uid),
                _ => None,
            };
            let gone: Vec<u32> = updates.iter().map_while(uid).collect();
            updates = &updates[gone.len()..];
            self.vanished(&runs(&gone), false).await?;
        }
        for update in updates {
            let Some(view) = &self.view else { return Ok(()) };
            let out = &mut self.out;
            match update {
                Update::Expunge { seq, .. } => out.raw("* ").num(*seq).raw(" EXPUNGE").end(),
                Update::Exists(n) => out.raw("* ").num(*n).raw(" EXISTS").end(),
                Update::Flags => write_flags(out, view),
                Update::Fetch(index) => write_fetch(out, view, *index, true, self.enabled.condstore),
            }
            self.relieve().await?;
        }
        Ok(())
    }

    /// While removals may not be told, a client that counts modseqs must not take one that it hears for the state of the mailbox (RFC 7162 §3.2).
    fn tell_held_back(&mut self) {
        let held = |v: &&View| v.holds_back() || (v.is_behind() && self.wishes.is_none());
        if let Some(view) = self.view.as_ref().filter(|_| self.enabled.condstore).filter(held) {
            self.out.raw("* OK [HIGHESTMODSEQ ").num(view.highest_modseq()).raw("] Removals are told later").end();
        }
    }

    /// The same for a client that used NOTIFY and does not hear all: the modseq of what it is told itself is not the state of the mailbox.
    pub(crate) fn tell_kept_back(&mut self) {
        let Some(wishes) = self.wishes.as_ref().filter(|_| self.enabled.condstore) else { return };
        let behind = |v: &&View| !v.holds_back() && (v.is_behind() || wishes.selected.is_none());
        if let Some(view) = self.view.as_ref().filter(behind) {
            self.out.raw("* OK [HIGHESTMODSEQ ").num(view.highest_modseq()).raw("] Not all is told").end();
        }
    }

    /// `* FLAGS (…)` when a STORE or APPEND brought new keywords.
    pub(crate) fn tell_flags(&mut self) {
        if let Some(view) = &self.view {
            write_flags(&mut self.out, view);
        }
    }
}

/// `* FLAGS (…)`.
pub(crate) fn write_flags(out: &mut Out, view: &View) {
    out.raw("* FLAGS (");
    flag_names(out, view);
    out.raw(")").end();
}

/// `(\Answered … keywords \*)`: any keyword can be made.
pub(crate) fn permanent_flags(out: &mut Out, view: &View) {
    out.raw("(");
    flag_names(out, view);
    out.raw(" \\*)");
}

fn flag_names(out: &mut Out, view: &View) {
    for (i, (_, name)) in SYSTEM.iter().enumerate() {
        out.raw(if i > 0 { " " } else { "" }).raw(name);
    }
    for keyword in view.known_keywords().iter().filter(|k| flags::is_keyword(k)) {
        out.raw(" ").text(keyword);
    }
}

/// `* n FETCH (UID u `, or `* u UIDFETCH (`.
fn head<'a>(out: &mut Out, view: &'a View, index: usize, uid: bool) -> Option<&'a Entry> {
    let entry = view.entry(index)?;
    out.fetch(number(index + 1), entry.uid);
    if uid && !out.uid_only() {
        out.raw("UID ").num(entry.uid).raw(" ");
    }
    Some(entry)
}

/// `* n FETCH (UID u MODSEQ (m))`: what a silent STORE tells a client that counts modseqs (RFC 7162 §3.1.3).
pub(crate) fn write_modseq(out: &mut Out, view: &View, index: usize) {
    if let Some(entry) = head(out, view, index, true) {
        out.raw("MODSEQ (").num(entry.modseq).raw("))").end();
    }
}

/// `* n FETCH (UID u FLAGS (…) MODSEQ (m))`.
pub(crate) fn write_fetch(out: &mut Out, view: &View, index: usize, uid: bool, modseq: bool) {
    let Some(entry) = head(out, view, index, uid) else { return };
    out.raw("FLAGS ").flags(&entry.flags);
    if modseq {
        out.raw(" MODSEQ (").num(entry.modseq).raw(")");
    }
    out.raw(")").end();
}
