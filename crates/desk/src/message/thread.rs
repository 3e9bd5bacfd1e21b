//! The conversation of a message on its page: every message of it, the newest first; what was read is a line that unfolds in place, what was not stands open.
use super::at;
use super::letter::Letter;
use crate::list::last_level;
use sceau_domain::calendar::Territory;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::Actor;
use sceau_operator::desk::list::Row;
use sceau_operator::desk::message::Reading;
use sceau_operator::mailbox::entries::Flags;
use sceau_operator::mailbox::folders::Folder;
use sceau_web::{Visitor, layout};

/// Most that stand open beside the one that was asked for; the others unfold one by one.
const OPEN: usize = 8;

/// A message of the conversation, beside the one that is read.
pub(super) struct Line {
    pub code: String,
    pub to: String,
    /// Markup of ours.
    pub who: String,
    /// The beginning of its text, markup of ours.
    pub preview: String,
    pub date: String,
    pub folder: String,
    pub unread: bool,
    pub attached: bool,
    /// Unfolded.
    pub open: Option<Letter>,
}

/// What stands above and below the message that is read; empty where it is alone.
#[derive(Default)]
pub(super) struct Thread {
    pub newer: Vec<Line>,
    pub older: Vec<Line>,
}

impl Thread {
    /// The conversation of what was read.
    ///
    /// # Errors
    /// Those of every act on a BAL.
    pub async fn of(
        visitor: &Visitor,
        actor: &Actor,
        (b, reading): (&str, &Reading),
        territory: Territory,
    ) -> Result<Self, Refusal> {
        let found = visitor.op.conversation(actor, reading.message).await?;
        let (mut thread, mut here, mut left) = (Self::default(), false, OPEN);
        for (folder, row) in found {
            if row.message == reading.message {
                here = true;
                continue;
            }
            let line = line(visitor, actor, b, (&folder, &row), territory, &mut left).await?;
            let side = if here { &mut thread.older } else { &mut thread.newer };
            side.push(line);
        }
        // Of a very long one only the newest are looked at: what is older than they stands below them.
        if !here {
            thread.older = std::mem::take(&mut thread.newer);
        }
        Ok(thread)
    }
    /// How many messages it has with the one that is read; none where that is alone.
    pub fn count(&self) -> Option<usize> {
        Some(self.newer.len() + self.older.len()).filter(|others| *others > 0).map(|others| others + 1)
    }
}

async fn line(
    visitor: &Visitor,
    actor: &Actor,
    b: &str,
    (folder, row): (&Folder, &Row),
    territory: Territory,
    left: &mut usize,
) -> Result<Line, Refusal> {
    let dans = visitor.op.mailbox_object(folder.id);
    let unread = !row.flags.system.has(Flags::SEEN);
    let mut open = None;
    if unread && *left > 0 {
        *left -= 1;
        open = opened(visitor, actor, (b, &row.email), &dans, territory).await?;
    }
    let who = row.who.first().map(|(name, address)| if name.is_empty() { address } else { name });
    Ok(Line {
        code: row.email.clone(),
        to: visitor.to(&format!("{}?dans={dans}", at(b, &row.email))),
        who: super::word(&who.cloned().unwrap_or_else(|| visitor.t("message.nobody"))),
        preview: super::word(row.preview.as_deref().unwrap_or_default()),
        date: layout::moment(visitor.lang, row.date, territory),
        folder: last_level(visitor, folder),
        unread,
        attached: row.attached,
        open,
    })
}

/// A letter among others, read now; none where it went away in this moment.
pub(super) async fn opened(
    visitor: &Visitor,
    actor: &Actor,
    (b, m): (&str, &str),
    dans: &str,
    territory: Territory,
) -> Result<Option<Letter>, Refusal> {
    match visitor.op.read_message(actor, m).await {
        Ok(reading) => {
            let letter = Letter::of(visitor, b, &reading, (dans, ""), territory);
            Ok(Some(letter.among(visitor, actor, b, &reading, dans)))
        }
        Err(refusal) if matches!(refusal.code, RefusalCode::EntryUnknown | RefusalCode::MessageDamaged) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}
