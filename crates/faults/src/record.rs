//! Everything that a store does to the disk, recorded: SQLite's files and the store's own.
use crate::{Op, Recorder};
use sceau_store::testing::files::{self, Operation};
use std::path::Path;
use std::sync::Arc;

/// Records what a store does below a folder, from now on, in this process, and lets the disk misbehave for it.
pub fn record(folder: &Path) -> Arc<Recorder> {
    let recorder = Recorder::install(folder);
    let seen = recorder.clone();
    files::install(Some(Arc::new(move |operation: &Operation<'_>| {
        let name = |path: &Path| seen.name(path);
        let add = |op: Option<Op>| op.into_iter().for_each(|op| seen.add(op));
        match operation {
            Operation::Folder(path) => {
                seen.may_write()?;
                add(name(path).map(Op::Folder));
            }
            Operation::Create(path) => {
                seen.may_write()?;
                add(name(path).map(Op::Create));
            }
            Operation::Write(path, offset, bytes) => {
                seen.may_write()?;
                add(name(path).map(|n| Op::Write(n, *offset, Arc::from(*bytes))));
            }
            Operation::Length(path, length) => add(name(path).map(|n| Op::Truncate(n, *length))),
            Operation::Sync(path) => {
                seen.may_sync(name(path).as_deref())?;
                add(name(path).map(Op::Sync));
            }
            Operation::SyncFolder(path) => {
                seen.may_sync(None)?;
                add(name(path).map(Op::SyncFolder));
            }
            Operation::Rename(from, to) => add(name(from).zip(name(to)).map(|(from, to)| Op::Rename(from, to))),
            Operation::Remove(path) => add(name(path).map(Op::Remove)),
        }
        Ok(())
    })));
    recorder
}

/// The configuration of a store whose folder was put together again in another place.
pub fn moved(config: &sceau_store::StoreConfig, from: &Path, to: &Path) -> sceau_store::StoreConfig {
    use sceau_store::{BlobPlace, EngineUrl};
    let place = |path: &Path| path.strip_prefix(from).map_or_else(|_| path.to_owned(), |below| to.join(below));
    let mut moved = config.clone();
    for url in [&mut moved.data, &mut moved.keyring] {
        if let EngineUrl::Sqlite(path) = url {
            *path = place(path);
        }
    }
    if let BlobPlace::Folder(path) = &mut moved.blobs {
        *path = place(path);
    }
    moved.spools = place(&config.spools);
    moved
}
