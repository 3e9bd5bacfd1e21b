//! Acts on the tree of folders: create, delete, subscribe (rename has its own file).
//!
//! Names are sealed, so a plan is made on an opened snapshot of the tree, and carried out in a transaction that first locks
//! the BAL and checks that the tree is still the one of the snapshot; otherwise it is planned again.
use crate::access::Seat;
use crate::boxed;
use crate::mailbox::folders::{Folder, SpecialUse, open_names};
use crate::mailbox::names::{self, INBOX};
use crate::mailbox::seal::BalSeal;
use crate::record::Record;
use crate::refuse::{self, Fail};
use crate::{Actor, Operator};
use sceau_domain::{AccessRole, Refusal, RefusalCode, UseCase};
use sceau_store::folders::{self as rows, FolderRow, NewFolder};
use sceau_store::journal::Act;
use sceau_store::{Id, StoreError, Tx, access, jobs, messages, subscriptions};
use serde_json::json;
use std::collections::HashMap;

/// How many times a plan is made again before the answer is "try later".
const ATTEMPTS: usize = 10;

/// The folders of a BAL, opened.
#[derive(Debug)]
pub(super) struct Tree {
    pub seal: BalSeal,
    pub by_name: HashMap<String, FolderRow>,
    /// Most folders.
    pub most: usize,
}

impl Tree {
    /// A folder by canonical name. `folder.unknown`.
    pub fn get(&self, name: &str) -> Result<&FolderRow, Refusal> {
        self.by_name.get(name).ok_or_else(|| RefusalCode::FolderUnknown.into())
    }
    /// What proves later that the tree did not change: ids and digests of names, by id.
    pub fn shape(&self) -> Vec<(Id, Vec<u8>)> {
        shape(self.by_name.values())
    }
}

fn shape<'a>(rows: impl Iterator<Item = &'a FolderRow>) -> Vec<(Id, Vec<u8>)> {
    let mut shape: Vec<_> = rows.map(|r| (r.id, r.name_tag.clone())).collect();
    shape.sort_unstable();
    shape
}

/// Which folder is deleted.
enum Which {
    /// The one of this name, with what is in it.
    Named(String),
    /// This one, if nothing is in it.
    Empty(Id),
}

/// Why a plan was not carried out.
#[derive(Debug)]
pub(super) enum Stop {
    /// The tree changed meanwhile.
    Stale,
    Fail(Fail),
}
impl From<StoreError> for Stop {
    fn from(e: StoreError) -> Self {
        match e {
            // Another node made the same folder at the same instant.
            StoreError::Exists(_) => Self::Stale,
            e => Self::Fail(e.into()),
        }
    }
}
impl From<Fail> for Stop {
    fn from(f: Fail) -> Self {
        Self::Fail(f)
    }
}

/// A transaction on the tree: the seat is checked, the BAL locked, the tree that of the plan.
pub(super) struct Ground {
    /// The BAL's address as traces write it.
    pub bal: String,
    /// Modseq of this act.
    pub modseq: i64,
    /// The folders, fresh.
    pub rows: HashMap<Id, FolderRow>,
}

/// Opens a transaction on the tree.
pub(super) fn ground(tx: &mut dyn Tx, seat: Seat, planned: &[(Id, Vec<u8>)]) -> Result<Ground, Stop> {
    let state = rows::lock_bal(tx, seat.bal)?.ok_or_else(|| Fail::from(RefusalCode::RightMissing))?;
    let bal = seat.check(tx)?;
    let rows = rows::list(tx, seat.bal)?;
    if shape(rows.iter()) != planned {
        return Err(Stop::Stale);
    }
    Ok(Ground { bal, modseq: state.modseq, rows: rows.into_iter().map(|r| (r.id, r)).collect() })
}

/// Makes folders of a plan.
pub(super) fn make(tx: &mut dyn Tx, ground: &Ground, new: &[NewFolder]) -> Result<(), Stop> {
    for folder in new {
        rows::insert(tx, folder, ground.modseq)?;
    }
    Ok(())
}

impl Operator {
    /// A snapshot of the tree.
    pub(super) async fn tree(&self, seat: Seat) -> Result<Tree, Refusal> {
        let (seal, most) = (self.bal_seal(seat.bal).await?, self.limits_of(seat.bal).await?.folders);
        let rows = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            Ok(rows::list(tx, seat.bal)?)
        });
        let named = open_names(&seal, rows.await?).map_err(|e| refuse::store(&e))?;
        Ok(Tree { seal, most, by_name: named.into_iter().map(|(row, name)| (name, row)).collect() })
    }

    /// Plans on a snapshot and carries the plan out, again when the tree changed in between. `plan` gives what to do and
    /// what to answer; `act` does it.
    pub(super) async fn on_tree<P, T, F>(
        &self,
        seat: Seat,
        record: Record,
        plan: impl Fn(&Tree) -> Result<(P, T), Refusal>,
        act: F,
    ) -> Result<T, Refusal>
    where
        P: Send + 'static,
        F: Fn(&mut dyn Tx, &Ground, &P, &Record) -> Result<(), Stop> + Clone + Send + 'static,
    {
        for _ in 0..ATTEMPTS {
            let tree = self.tree(seat).await?;
            let (planned, answer) = plan(&tree)?;
            let (shape, act, record) = (tree.shape(), act.clone(), record.clone());
            let done = self.act::<(), Stop, _>(seat.bal, move |tx| {
                let ground = ground(tx, seat, &shape)?;
                act(tx, &ground, &planned, &record)
            });
            match done.await {
                Ok(()) => return Ok(answer),
                Err(Stop::Stale) => {}
                Err(Stop::Fail(fail)) => return Err(fail.into()),
            }
        }
        Err(RefusalCode::Unavailable.into())
    }

    /// The folders to be made so that `name` has its parents, top first, without those in `there`.
    pub(super) fn missing_parents(
        &self,
        tree: &Tree,
        name: &str,
        there: impl Fn(&str) -> bool,
    ) -> Result<Vec<NewFolder>, Refusal> {
        names::parents(name)
            .filter(|parent| !tree.by_name.contains_key(*parent) && !there(parent))
            .map(|parent| self.prepare_folder(&tree.seal, parent, None, false).map_err(|e| refuse::store(&e)))
            .collect()
    }

    /// `folder.limit` when the tree has no room for `more` folders.
    pub(super) fn room_for(&self, tree: &Tree, more: usize) -> Result<(), Refusal> {
        if tree.by_name.len() + more > tree.most {
            return Err(Refusal::new(RefusalCode::FolderLimit).with("limit", tree.most));
        }
        Ok(())
    }

    /// Creates a folder (and missing parents). `folder.exists` (the name, or another folder has this special use),
    /// `folder.name`, `folder.limit`.
    #[boxed]
    pub async fn create_folder(
        &self,
        actor: &Actor,
        name: &str,
        special_use: Option<SpecialUse>,
    ) -> Result<Folder, Refusal> {
        let seat = self.seat(actor)?.filing();
        let name = names::new_name(name)?;
        actor.may_name(&name)?;
        let record = self.record(actor, seat.bal, "folder.created");
        let plan = |tree: &Tree| {
            let has_use = |r: &FolderRow| {
                special_use.is_some() && r.special_use.as_deref() == special_use.map(SpecialUse::as_str)
            };
            if tree.by_name.contains_key(&name) || tree.by_name.values().any(has_use) {
                return Err(RefusalCode::FolderExists.into());
            }
            let mut new = self.missing_parents(tree, &name, |_| false)?;
            new.push(self.prepare_folder(&tree.seal, &name, special_use, false).map_err(|e| refuse::store(&e))?);
            self.room_for(tree, new.len())?;
            Ok((new, ()))
        };
        let act = |tx: &mut dyn Tx, ground: &Ground, new: &Vec<NewFolder>, record: &Record| {
            make(tx, ground, new)?;
            let ids: Vec<Id> = new.iter().map(|f| f.id).collect();
            Ok(record.write(tx, &ground.bal, &json!({"folders": ids}))?)
        };
        self.on_tree(seat, record, plan, act).await?;
        self.folder(actor, &name).await
    }

    /// Deletes a folder and its entries. INBOX: `folder.reserved`; with children: `folder.has_children`.
    #[boxed]
    pub async fn delete_folder(&self, actor: &Actor, name: &str) -> Result<(), Refusal> {
        let seat = self.seat(actor)?.filing();
        let (_, name) = self.folder_seen(actor, seat.bal, name)?;
        self.delete(actor, seat, Which::Named(name)).await
    }

    /// Deletes a folder in which nothing is, at the instant at which it goes: what came since somebody looked is not lost. `folder.full`; with a special
    /// use, INBOX: `folder.reserved`; with children: `folder.has_children`.
    #[boxed]
    pub async fn delete_empty_folder(&self, actor: &Actor, id: Id) -> Result<(), Refusal> {
        let seat = self.seat(actor)?.filing();
        self.delete(actor, seat, Which::Empty(id)).await
    }

    async fn delete(&self, actor: &Actor, seat: Seat, which: Which) -> Result<(), Refusal> {
        let record = self.record(actor, seat.bal, "folder.deleted");
        let index = self.index_job(seat.bal, self.config().search.delay);
        let without = self.kept_from(actor);
        let only_empty = matches!(which, Which::Empty(_));
        let plan = |tree: &Tree| {
            let (name, id) = match &which {
                Which::Named(name) => (name, tree.get(name)?.id),
                Which::Empty(id) => {
                    let found = tree.by_name.iter().find(|(name, row)| row.id == *id && actor.sees_folder(name));
                    let (name, row) = found.ok_or(RefusalCode::FolderUnknown)?;
                    if row.special_use.is_some() {
                        return Err(RefusalCode::FolderReserved.into());
                    }
                    (name, *id)
                }
            };
            if name == INBOX {
                return Err(RefusalCode::FolderReserved.into());
            }
            if tree.by_name.keys().any(|other| names::is_below(other, name)) {
                return Err(RefusalCode::FolderHasChildren.into());
            }
            Ok((id, ()))
        };
        let act = move |tx: &mut dyn Tx, ground: &Ground, id: &Id, record: &Record| {
            let Some(row) = ground.rows.get(id) else { return Err(Stop::Stale) };
            // Nobody removes what he cannot see.
            if let Some(marks) = &without
                && !marks.in_folder(tx, *id, 0)?.is_empty()
            {
                let refusal = Refusal::new(RefusalCode::RightMissing).with("name", UseCase::MailFile.as_str());
                return Err(Fail::from(refusal).into());
            }
            if only_empty && row.counts.messages > 0 {
                return Err(Fail::from(RefusalCode::FolderFull).into());
            }
            let act = Act { bal: row.bal, modseq: ground.modseq, at: record.at() };
            let shown = messages::remove_all(tx, act, *id)?;
            messages::drop_orphans(tx, row.bal, shown, record.at())?;
            jobs::ensure(tx, &index)?;
            rows::recharge_bal(tx, row.bal, -row.counts.bytes, -row.counts.messages)?;
            rows::delete(tx, act, *id)?;
            let data = json!({"folder": id, "entries": row.counts.messages, "bytes": row.counts.bytes});
            Ok(record.write(tx, &ground.bal, &data)?)
        };
        self.on_tree(seat, record, plan, act).await
    }

    /// Subscribes or unsubscribes. `folder.unknown`.
    #[boxed]
    pub async fn subscribe_folder(&self, actor: &Actor, name: &str, on: bool) -> Result<(), Refusal> {
        // Whoever may read a folder may say whether it is among those that he looks at.
        let seat = self.seat(actor)?;
        let (tag, _) = self.folder_seen(actor, seat.bal, name)?;
        let person = actor.person();
        let record = self.record(actor, seat.bal, "folder.subscribed");
        let done = self.act::<(), Fail, _>(seat.bal, move |tx| {
            let state = rows::lock_bal(tx, seat.bal)?.ok_or(RefusalCode::RightMissing)?;
            let bal = seat.check(tx)?;
            let row = rows::by_tag(tx, seat.bal, &tag)?.ok_or(RefusalCode::FolderUnknown)?;
            // The holder's word is the folder's own; the others speak for themselves alone.
            let own = access::seat(tx, seat.bal, person)?.is_none_or(|s| s.role == AccessRole::Holder.as_str());
            let was = match own {
                true => row.subscribed,
                false => subscriptions::of(tx, seat.bal, person)?.get(&row.id).copied().unwrap_or(row.subscribed),
            };
            if was != on {
                if !own {
                    subscriptions::set(tx, seat.bal, row.id, person, on)?;
                }
                // The folder's shape has changed either way: sessions look again.
                rows::subscribe(tx, seat.bal, &tag, if own { on } else { row.subscribed }, state.modseq)?;
                record.write(tx, &bal, &json!({"folder": row.id, "on": on}))?;
            }
            Ok(())
        });
        Ok(done.await?)
    }
}
