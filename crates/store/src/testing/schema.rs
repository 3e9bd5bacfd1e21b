//! SQLite files with today's schema in them and nothing else: migrated once for all tests of the programs beside this one, and copied. To migrate a new
//! file costs more than most tests.
use crate::EngineUrl;
use crate::engine::{DATA, KEYRING, Migrations, Pending, Threads};
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// What a schema is called among those of programs of several ages.
pub(super) fn name(schema: &Migrations) -> String {
    let mut hasher = std::hash::DefaultHasher::new();
    schema.list.iter().for_each(|m| m.sql.hash(&mut hasher));
    format!("schema_{:016x}", hasher.finish())
}

/// Puts the two files of a new store in their places. Blocking.
pub(super) fn put(data: &Path, keyring: &Path) {
    static FILES: OnceLock<[PathBuf; 2]> = OnceLock::new();
    let files = FILES.get_or_init(|| [&DATA, &KEYRING].map(migrated));
    for (from, to) in files.iter().zip([data, keyring]) {
        crate::files::private_folder(to.parent().expect("a folder")).expect("folder of the database");
        fs::copy(from, to).expect("a copy of the schema");
    }
}

/// The file, beside the program of the tests; made by the first that asks.
fn migrated(schema: &'static Migrations) -> PathBuf {
    let program = std::env::current_exe().expect("this program");
    let folder = program.parent().expect("its folder").join("schemas");
    fs::create_dir_all(&folder).expect("folder of schemas");
    let alone = File::options().write(true).create(true).truncate(false).open(folder.join("lock")).expect("lock file");
    alone.lock().expect("lock");
    let file = folder.join(format!("{}.db", name(schema)));
    if !file.exists() {
        let making = tempfile::tempdir_in(&folder).expect("a folder");
        let made = making.path().join("made.db");
        let url = EngineUrl::Sqlite(made.clone());
        let pending = Pending::connect(&url, schema, Threads { writers: 1, readers: 1 });
        // Closed, all of it is in the one file. Named only when it is whole.
        drop(pending.and_then(Pending::start).expect("migrates"));
        assert!(!made.with_extension("db-wal").exists(), "the log of a database that was closed");
        fs::rename(&made, &file).expect("name");
    }
    file
}
