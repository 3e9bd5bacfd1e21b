//! Labels of the message that is read, where it stands: seen, given, taken away, by the acts of lists.
use super::at;
use super::letter::may;
use crate::list::label_names;
use askama::Template;
use sceau_domain::{BalRights, Refusal, RefusalCode};
use sceau_operator::Actor;
use sceau_web::{Shell, Visitor};

/// What changes of them.
#[derive(Template)]
#[template(path = "message/labels.html")]
pub(super) struct Labels {
    shell: Shell,
    /// The form of acts.
    act: String,
    /// Where the message stands.
    folder: String,
    uid: u32,
    /// The message's page: an act leads back here.
    here: String,
    names: Vec<String>,
    /// Those that the BAL knows.
    known: Vec<String>,
    /// Whoever looks may file.
    files: bool,
}

impl Labels {
    /// Of a message in this folder of a BAL.
    ///
    /// # Errors
    /// `folder.unknown`, `entry.unknown`; those of every act on a BAL.
    pub async fn of(
        visitor: &Visitor,
        actor: &Actor,
        (b, m): (&str, &str),
        (dans, uid): (&str, u32),
    ) -> Result<Self, Refusal> {
        let op = &visitor.op;
        let folder = op.mailbox_of_object(dans).ok_or(RefusalCode::FolderUnknown)?;
        let here = format!("{}?dans={dans}", at(b, m));
        let names = label_names(visitor, op.keywords_at(actor, folder, uid).await?);
        let files = may(actor, BalRights::FILE);
        let known = if files { label_names(visitor, op.keywords_known(actor).await?) } else { Vec::new() };
        let (act, folder) = (format!("/bal/{b}/agir"), dans.to_owned());
        Ok(Self { shell: visitor.shell(&here).of_bal(b), act, folder, uid, here, names, known, files })
    }
    /// Is there anything to show or to do?
    pub fn shows(&self) -> bool {
        self.files || !self.names.is_empty()
    }
    /// Where they are asked for alone.
    pub fn piece(&self) -> String {
        self.shell.to(&format!("{}&u={}", self.here, self.uid))
    }
    /// What the button that takes one away says.
    fn take(&self, name: &str) -> String {
        self.shell.t1("list.labels.take_one", "name", name)
    }
}
