//! The order in which files become durable, and what a failing disk leaves.
use sceau_store::StoreError;
use sceau_store::testing::{self, files};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// What to refuse, by kind of operation.
type Refused = Arc<Mutex<Option<(&'static str, i32)>>>;

/// Records operations below a folder, and refuses one kind of them.
fn watch(folder: &Path) -> (Arc<Mutex<Vec<String>>>, Refused) {
    let (seen, refused) = (Arc::new(Mutex::new(Vec::new())), Refused::default());
    let (list, refuse, folder) = (seen.clone(), refused.clone(), folder.to_owned());
    files::install(Some(Arc::new(move |operation| {
        let (kind, path) = match operation {
            files::Operation::Folder(path) => ("folder", path),
            files::Operation::Create(path) => ("create", path),
            files::Operation::Write(path, ..) => ("write", path),
            files::Operation::Sync(path) => ("sync", path),
            files::Operation::SyncFolder(path) => ("sync folder", path),
            files::Operation::Rename(path, _) => ("rename", path),
            files::Operation::Length(path, _) => ("cut", path),
            files::Operation::Remove(path) => ("remove", path),
        };
        let Ok(below) = path.strip_prefix(&folder) else { return Ok(()) };
        let place = below.components().next().map(|c| c.as_os_str().to_string_lossy().into_owned()).unwrap_or_default();
        let line = format!("{kind} {place}");
        let mut list = list.lock().unwrap();
        // One line however many pieces are written.
        if list.last() != Some(&line) {
            list.push(line);
        }
        match *refuse.lock().unwrap() {
            Some((what, error)) if what == kind => Err(io::Error::from_raw_os_error(error)),
            _ => Ok(()),
        }
    })));
    (seen, refused)
}

#[tokio::test(flavor = "multi_thread")]
async fn content_is_durable_before_its_name_and_a_failing_disk_leaves_nothing() {
    const ENOSPC: i32 = 28;
    const EIO: i32 = 5;
    let s = testing::sqlite().await;
    let (seen, refused) = watch(s.folder());
    let mut x = 1_u64;
    let mut noise = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x as u8
    };
    let content: Vec<u8> = (0..200_000).map(|_| noise()).collect();
    let keep = async || {
        let mut spool = s.spool();
        spool.write(&content)?;
        let mut spool = spool.finish()?;
        spool.settle().await?;
        Ok::<_, StoreError>(spool)
    };
    let spool = keep().await.unwrap();
    let order = ["create spools", "write spools", "sync spools", "rename spools", "sync folder blobs"];
    assert_eq!(*seen.lock().unwrap(), order);
    spool.discard();
    assert_eq!(seen.lock().unwrap().last().unwrap(), "remove blobs");
    let count = |place: &str| {
        let mut folders = vec![s.folder().join(place)];
        let mut files = 0;
        while let Some(folder) = folders.pop() {
            for entry in folder.read_dir().unwrap().map(Result::unwrap) {
                if entry.path().is_dir() { folders.push(entry.path()) } else { files += 1 }
            }
        }
        files
    };
    for kind in ["create", "write", "sync", "rename"] {
        for (error, full) in [(ENOSPC, true), (EIO, false)] {
            *refused.lock().unwrap() = Some((kind, error));
            let told = keep().await.unwrap_err();
            assert_eq!(told == StoreError::Full, full, "{kind}: {told}");
            assert_eq!((count("spools"), count("blobs")), (0, 1), "{kind}: only the mark is left");
        }
    }
    // The name is there but not surely: nobody is told that it is kept, and the sweep removes it.
    *refused.lock().unwrap() = Some(("sync folder", EIO));
    keep().await.unwrap_err();
    assert_eq!((count("spools"), count("blobs")), (0, 2));
    *refused.lock().unwrap() = None;
    s.clock.advance_ms(3_600_001);
    assert_eq!(sceau_store::blob::sweep(&s).await.unwrap().files, 1);
    keep().await.unwrap();
    // The system tells a failed synchronisation once, and the next one succeeds although something is lost: ours does not.
    for kind in ["sync", "write"] {
        let mut spool = s.spool();
        spool.write(&content[..100_000]).unwrap();
        *refused.lock().unwrap() = Some((kind, EIO));
        let mut finished = Err(StoreError::Full);
        if kind == "write" {
            spool.write(&content[100_000..]).unwrap_err();
            *refused.lock().unwrap() = None;
            finished = spool.finish();
        } else {
            let mut spool = spool.finish().unwrap();
            spool.settle().await.unwrap_err();
            *refused.lock().unwrap() = None;
            spool.settle().await.unwrap_err();
        }
        assert!(finished.is_err(), "{kind}: what failed once is never kept");
    }
    files::install(None);
}

/// A spool of 100 KB that do not compress.
fn large(s: &testing::TestStore, seed: u64) -> sceau_store::Spool {
    let mut x = seed;
    let mut spool = s.spool();
    for _ in 0..100 {
        let piece: Vec<u8> = (0..1_000)
            .map(|_| {
                x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (x >> 56) as u8
            })
            .collect();
        spool.write(&piece).unwrap();
    }
    spool.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_together_is_named_durably_together_and_fails_together() {
    let s = testing::sqlite().await;
    let (renamed, synced) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    // The first synchronisation goes on until all but the first have their names, which it may or may not have seen.
    let (many, fails) = (20, Arc::new(AtomicBool::new(false)));
    let (names, syncs, failing) = (renamed.clone(), synced.clone(), fails.clone());
    files::install(Some(Arc::new(move |operation| match operation {
        files::Operation::Rename(..) => {
            names.fetch_add(1, Relaxed);
            Ok(())
        }
        files::Operation::SyncFolder(_) => {
            let nth = syncs.fetch_add(1, Relaxed);
            let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
            while nth == 0 && names.load(Relaxed) < many && std::time::Instant::now() < until {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            if nth == 0 {
                // The last of them come to wait.
                std::thread::sleep(std::time::Duration::from_millis(300));
            }
            match failing.load(Relaxed) && nth == 1 {
                true => Err(io::Error::from_raw_os_error(5)),
                false => Ok(()),
            }
        }
        _ => Ok(()),
    })));
    for failing in [false, true] {
        fails.store(failing, Relaxed);
        renamed.store(0, Relaxed);
        synced.store(0, Relaxed);
        let spools: Vec<_> = (0..many).map(|seed| large(&s, u64::from(seed))).collect();
        let settling: Vec<_> = spools
            .into_iter()
            .map(|mut spool| tokio::spawn(async move { spool.settle().await.map(|()| spool) }))
            .collect();
        let mut put = 0;
        for settled in settling {
            put += u32::from(settled.await.unwrap().is_ok());
        }
        // One for the first names, one for all the others; those that came while a second one began need a third.
        let synced = synced.load(Relaxed);
        assert!(synced <= 4, "{synced} synchronisations for {many} names");
        // All whose names the failed one was to make durable are told, whoever asked for it.
        assert!(if failing { put < many / 2 } else { put == many }, "{put} of {many} put, failing: {failing}");
    }
    files::install(None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spool_is_written_a_chunk_at_a_time() {
    let s = testing::sqlite().await;
    let pieces = Arc::new(Mutex::new(Vec::new()));
    let seen = pieces.clone();
    files::install(Some(Arc::new(move |operation| {
        if let files::Operation::Write(_, at, bytes) = operation {
            seen.lock().unwrap().push((*at, bytes.len()));
        }
        Ok(())
    })));
    let spool = large(&s, 1);
    files::install(None);
    let pieces = pieces.lock().unwrap();
    // Header and first chunk, last chunk and table.
    let [(0, first), (then, _)] = pieces[..] else { panic!("{pieces:?}") };
    assert_eq!(then, first as u64);
    assert!(first > 64 * 1024 && spool.size == 100_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_folder_is_named_durably_before_anything_is_kept_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let (seen, _) = watch(folder.path());
    let root = folder.path().to_owned();
    let _s = testing::sqlite_in(folder).await;
    files::install(None);
    let seen = seen.lock().unwrap();
    for place in ["data", "keyring", "spools", "blobs"] {
        let made = seen.iter().position(|line| *line == format!("folder {place}")).unwrap();
        // The folder above has the empty name here.
        assert!(seen[made + 1..].iter().any(|line| line == "sync folder "), "{place} in {root:?}: {seen:?}");
    }
}
