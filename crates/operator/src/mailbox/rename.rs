//! Renaming a folder with what is below it; renaming INBOX moves its messages (RFC 9051 §6.3.6).
use crate::boxed;
use crate::mailbox::names::{self, INBOX};
use crate::mailbox::structure::{Ground, Stop, Tree, make};
use crate::record::Record;
use crate::refuse;
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::folders::{self as rows, NewFolder};
use sceau_store::journal::Act;
use sceau_store::{Id, Tx, messages};
use serde_json::json;

/// What a rename does.
#[derive(Debug)]
struct Plan {
    /// Parents to be made, and for INBOX the folder itself.
    new: Vec<NewFolder>,
    /// Folder, new sealed name, new digest.
    renamed: Vec<(Id, Vec<u8>, Vec<u8>)>,
    /// INBOX, when its messages move into the last of `new`.
    emptied: Option<Id>,
}

impl Operator {
    /// Renames a folder with its children; renaming INBOX moves its messages into the new folder (RFC 9051 §6.3.6).
    /// `folder.unknown`, `folder.exists`, `folder.name` (also into itself), `folder.limit`.
    #[boxed]
    pub async fn rename_folder(&self, actor: &Actor, from: &str, to: &str) -> Result<(), Refusal> {
        let seat = self.seat(actor)?.filing();
        let (_, from) = self.folder_seen(actor, seat.bal, from)?;
        let to = names::new_name(to)?;
        actor.may_name(&to)?;
        let record = self.record(actor, seat.bal, "folder.renamed");
        let plan = |tree: &Tree| Ok((self.plan_rename(tree, &from, &to)?, ()));
        self.on_tree(seat, record, plan, carry_out).await
    }

    fn plan_rename(&self, tree: &Tree, from: &str, to: &str) -> Result<Plan, Refusal> {
        let id = tree.get(from)?.id;
        if tree.by_name.contains_key(to) {
            return Err(RefusalCode::FolderExists.into());
        }
        if from == INBOX {
            let mut new = self.missing_parents(tree, to, |_| false)?;
            new.push(self.prepare_folder(&tree.seal, to, None, false).map_err(|e| refuse::store(&e))?);
            self.room_for(tree, new.len())?;
            return Ok(Plan { new, renamed: Vec::new(), emptied: Some(id) });
        }
        if names::is_below(to, from) {
            return Err(RefusalCode::FolderName.into());
        }
        let new = self.missing_parents(tree, to, |_| false)?;
        self.room_for(tree, new.len())?;
        let mut renamed = Vec::new();
        for (name, row) in &tree.by_name {
            if name != from && !names::is_below(name, from) {
                continue;
            }
            // `name` starts with `from`: what is below keeps its place below.
            let name = names::new_name(&format!("{to}{}", &name[from.len()..]))?;
            let sealed = tree.seal.folder_name(row.id, &name).map_err(|e| refuse::store(&e))?;
            renamed.push((row.id, sealed, self.folder_tag(row.bal, &name)));
        }
        Ok(Plan { new, renamed, emptied: None })
    }
}

fn carry_out(tx: &mut dyn Tx, ground: &Ground, plan: &Plan, record: &Record) -> Result<(), Stop> {
    make(tx, ground, &plan.new)?;
    for (id, sealed, tag) in &plan.renamed {
        rows::rename(tx, *id, sealed, tag, ground.modseq)?;
    }
    let mut moved = 0;
    if let (Some(inbox), Some(target)) = (plan.emptied, plan.new.last()) {
        let entries = messages::entries(tx, inbox)?;
        moved = entries.len();
        if !entries.is_empty() {
            let uids: Vec<i64> = entries.iter().map(|e| e.uid).collect();
            let counts = messages::counts_of(&entries);
            let (first, _) = rows::take_uids(tx, target.id, counts.messages)?;
            messages::copy(tx, inbox, &uids, target.id, first, ground.modseq)?;
            let act = Act { bal: target.bal, modseq: ground.modseq, at: record.at() };
            messages::remove(tx, act, inbox, &entries)?;
            rows::adjust(tx, target.id, counts, ground.modseq)?;
            rows::adjust(tx, inbox, counts.negated(), ground.modseq)?;
        }
    }
    let folders: Vec<Id> = plan.renamed.iter().map(|r| r.0).chain(plan.emptied).collect();
    Ok(record.write(tx, &ground.bal, &json!({"folders": folders, "moved": moved}))?)
}
