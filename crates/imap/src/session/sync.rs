//! Telling the client what changed in the selected mailbox (RFC 9051 §5.2, §7.3–§7.5).
use super::{End, Session};
use crate::codec::flags::SYSTEM;
use crate::codec::{Out, flags};
use crate::view::{Update, View};
use sceau_domain::RefusalCode;

impl Session {
    /// Asks the operator what changed and writes it. EXPUNGE only when `may_expunge`.
    pub(crate) async fn sync(&mut self, may_expunge: bool) -> Result<(), End> {
        let (Some(view), Some(actor)) = (&mut self.view, &self.actor) else { return Ok(()) };
        match self.operator.changes(actor, view.folder.id, view.modseq()).await {
            Ok(changes) => {
                let updates = view.apply(changes, may_expunge);
                self.tell(&updates).await
            }
            // The mailbox was deleted elsewhere, or the access to it has ended.
            Err(refusal) if matches!(refusal.code, RefusalCode::FolderUnknown | RefusalCode::RightMissing) => {
                self.view = None;
                Err(End::Bye(refusal))
            }
            // What could not be asked now will be told later.
            Err(refusal) => {
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
        for update in updates {
            let Some(view) = &self.view else { return Ok(()) };
            let out = &mut self.out;
            match update {
                Update::Expunge(seq) => out.raw("* ").num(*seq).raw(" EXPUNGE").end(),
                Update::Exists(n) => out.raw("* ").num(*n).raw(" EXISTS").end(),
                Update::Flags => write_flags(out, view),
                Update::Fetch(index) => write_fetch(out, view, *index, true, self.enabled.condstore),
            }
            self.relieve().await?;
        }
        Ok(())
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

/// `* n FETCH (UID u FLAGS (…) MODSEQ (m))`.
pub(crate) fn write_fetch(out: &mut Out, view: &View, index: usize, uid: bool, modseq: bool) {
    let Some(entry) = view.entry(index) else { return };
    out.raw("* ").num(index as u64 + 1).raw(" FETCH (");
    if uid {
        out.raw("UID ").num(entry.uid).raw(" ");
    }
    out.raw("FLAGS ").flags(&entry.flags);
    if modseq {
        out.raw(" MODSEQ (").num(entry.modseq).raw(")");
    }
    out.raw(")").end();
}
