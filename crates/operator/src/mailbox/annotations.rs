//! Annotations of folders and BALs (METADATA, RFC 5464): everybody's (`/shared/…`) and each person's own (`/private/…`).
//!
//! Promises: names and values are content: sealed, in no log, trace or refusal; a person's own are nobody else's, whoever has access to the BAL; what
//! is kept is bounded for each person and for everybody together; several entries are set all or none.
use crate::access::Seat;
use crate::boxed;
use crate::mailbox::importing;
use crate::refuse::{self, Fail};
use crate::{Actor, BalRef, Operator};
use sceau_domain::{AccessRole, BalKind, Refusal, RefusalCode};
use sceau_store::annotations::{self as rows, Annotation};
use sceau_store::{Id, folders};
use serde_json::json;

/// Longest value, bytes.
pub const LONGEST_VALUE: usize = 32 << 10;
/// Longest name, bytes.
const LONGEST_NAME: usize = 255;
/// Most annotations of one person (or everybody's) at a BAL.
const MOST: i64 = 500;
/// Most bytes of them.
const ROOM: i64 = 1 << 20;
/// Everybody's begin with this.
const SHARED: &str = "/shared/";
/// A person's own begin with this.
const PRIVATE: &str = "/private/";

/// The one that we say of a BAL: `own`, or `shared` when others answer for it or hold it. Whoever takes a BAL out asks for it (F074).
const WHOSE: &str = "/shared/vendor/sceau/mailbox";

/// Name of an annotation; object = its id.
const NAME: &str = "annotation.name";
/// Its value.
const VALUE: &str = "annotation.value";

/// An annotation about to be set or removed.
struct New {
    tag: Vec<u8>,
    person: Id,
    /// None: remove it.
    row: Option<Annotation>,
}

/// Is the session's BAL the person's own, or a program's, which must see what it is sent?
fn is_own(actor: &Actor) -> bool {
    let own = |bal: &BalRef| {
        bal.kind == BalKind::App || bal.chair.as_ref().is_some_and(|chair| chair.role == AccessRole::Holder)
    };
    actor.bal.as_ref().is_some_and(own)
}

impl Operator {
    /// The annotations that a person sees of a folder, or of the BAL as a whole: everybody's and the person's own, by name; of the BAL also what we say
    /// of it. `folder.unknown`.
    #[boxed]
    pub async fn annotations(&self, actor: &Actor, folder: Option<&str>) -> Result<Vec<(String, Vec<u8>)>, Refusal> {
        let seat = self.seat(actor)?;
        let tag = folder.map(|name| self.folder_seen(actor, seat.bal, name)).transpose()?.map(|(tag, _)| tag);
        let person = actor.person();
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            let folder = match &tag {
                Some(tag) => folders::by_tag(tx, seat.bal, tag)?.ok_or(RefusalCode::FolderUnknown)?.id,
                None => 0,
            };
            Ok(rows::of(tx, seat.bal, folder, person)?)
        });
        let found = read.await?;
        let seal = self.bal_seal(seat.bal).await?;
        let open = |a: &Annotation| {
            let name = seal.open(a.id, NAME, &a.name)?;
            let name = String::from_utf8(name).map_err(|_| sceau_store::StoreError::Corrupt(a.id.to_string()))?;
            Ok((name, seal.open(a.id, VALUE, &a.value)?))
        };
        let opened: Result<Vec<_>, sceau_store::StoreError> = found.iter().map(open).collect();
        let mut opened = opened.map_err(|e| refuse::store(&e))?;
        if folder.is_none() {
            opened.push((WHOSE.to_owned(), if is_own(actor) { b"own".to_vec() } else { b"shared".to_vec() }));
        }
        opened.sort();
        Ok(opened)
    }

    /// Which annotations a person sees at a BAL: folder (0: the BAL as a whole), id (another one each time it is set), name.
    #[boxed]
    pub async fn annotation_names(&self, actor: &Actor) -> Result<Vec<(Id, Id, String)>, Refusal> {
        let seat = self.seat(actor)?;
        let person = actor.person();
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            Ok(rows::names(tx, seat.bal, person)?)
        });
        let found = read.await?;
        let seal = self.bal_seal(seat.bal).await?;
        let open = |(folder, id, sealed): (Id, Id, Vec<u8>)| {
            let name = String::from_utf8(seal.open(id, NAME, &sealed)?);
            Ok((folder, id, name.map_err(|_| sceau_store::StoreError::Corrupt(id.to_string()))?))
        };
        let opened: Result<_, sceau_store::StoreError> = found.into_iter().map(open).collect();
        opened.map_err(|e| refuse::store(&e))
    }

    /// Sets annotations of a folder, or of the BAL as a whole; those without a value are removed. Everybody's need the right to file, and are a folder's
    /// only: those of the server are not set here, but for the one by which a program says that it imports ([`importing`]). All or none.
    /// `folder.unknown`, `right.missing`, `annotation.name`, `annotation.size`, `annotation.limit`, `import.running`.
    #[boxed]
    pub async fn annotate(
        &self,
        actor: &Actor,
        folder: Option<&str>,
        entries: &[(String, Option<Vec<u8>>)],
    ) -> Result<(), Refusal> {
        if let ([(name, value)], None) = (entries, folder)
            && name == importing::ENTRY
        {
            return self.importing(actor, value.as_deref()).await;
        }
        let shared = entries.iter().any(|(name, _)| name.starts_with(SHARED));
        let seat = self.seat(actor)?;
        let seat = if shared { seat.filing() } else { seat };
        if shared && folder.is_none() {
            return Err(Refusal::new(RefusalCode::RightMissing));
        }
        let tag = folder.map(|name| self.folder_seen(actor, seat.bal, name)).transpose()?.map(|(tag, _)| tag);
        let new = self.seal_annotations(actor, seat, entries).await?;
        let record = self.record(actor, seat.bal, "folder.annotated");
        let done = self.act::<(), Fail, _>(seat.bal, move |tx| {
            folders::lock_bal(tx, seat.bal)?.ok_or(RefusalCode::RightMissing)?;
            let bal = seat.check(tx)?;
            let folder = match &tag {
                Some(tag) => folders::by_tag(tx, seat.bal, tag)?.ok_or(RefusalCode::FolderUnknown)?.id,
                None => 0,
            };
            for one in &new {
                match &one.row {
                    Some(row) => rows::set(tx, &Annotation { folder, ..row.clone() })?,
                    None => rows::remove(tx, seat.bal, folder, one.person, &one.tag).map(drop)?,
                }
            }
            let mut set: Vec<Id> = new.iter().filter(|n| n.row.is_some()).map(|n| n.person).collect();
            set.sort_unstable();
            set.dedup();
            for person in set {
                let (count, bytes) = rows::weight(tx, seat.bal, person)?;
                if count > MOST || bytes > ROOM {
                    return Err(Refusal::new(RefusalCode::AnnotationLimit).with("limit", MOST).into());
                }
            }
            Ok(record.write(tx, &bal, &json!({"folder": folder, "count": new.len(), "shared": shared}))?)
        });
        Ok(done.await?)
    }

    async fn seal_annotations(
        &self,
        actor: &Actor,
        seat: Seat,
        entries: &[(String, Option<Vec<u8>>)],
    ) -> Result<Vec<New>, Refusal> {
        let seal = self.bal_seal(seat.bal).await?;
        let mut new = Vec::with_capacity(entries.len());
        for (name, value) in entries {
            let person = match name {
                name if name.starts_with(SHARED) => 0,
                name if name.starts_with(PRIVATE) => actor.person(),
                _ => return Err(RefusalCode::AnnotationName.into()),
            };
            if name.len() > LONGEST_NAME {
                return Err(RefusalCode::AnnotationName.into());
            }
            if value.as_ref().is_some_and(|v| v.len() > LONGEST_VALUE) {
                return Err(Refusal::new(RefusalCode::AnnotationSize).with("limit", LONGEST_VALUE));
            }
            let tag = self.annotation_tag(seat.bal, name);
            let id = self.0.store.new_id();
            let sealed = |value: &Vec<u8>| {
                Ok(Annotation {
                    id,
                    bal: seat.bal,
                    folder: 0,
                    person,
                    tag: tag.clone(),
                    name: seal.seal(id, NAME, name.as_bytes())?,
                    value: seal.seal(id, VALUE, value)?,
                    // Both are bounded above.
                    bytes: i64::try_from(name.len() + value.len()).unwrap_or(i64::MAX),
                    changed: self.now().0,
                })
            };
            let row: Result<_, sceau_store::StoreError> = value.as_ref().map(sealed).transpose();
            new.push(New { row: row.map_err(|e| refuse::store(&e))?, tag, person });
        }
        Ok(new)
    }
}
