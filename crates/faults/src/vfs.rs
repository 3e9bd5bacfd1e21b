//! The layer under SQLite: a VFS that hands everything on to the system's own and tells the recorder.
//!
//! Why `unsafe`: SQLite's VFS is a C interface of function pointers and of memory that SQLite allocates and we lay out. There
//! is no safe way to speak it. What makes it sound: each file is [`OurFile`] followed by the real VFS's own file in the one allocation
//! that SQLite makes of `szOsFile` bytes; the methods are only ever called by SQLite, with pointers to such files that `open`
//! filled in, between `open` and `close`; the real VFS lives as long as the process, and so does ours (leaked once).
#![allow(unsafe_code)]
use crate::{Op, Recorder, replay::volatile};
use rusqlite::ffi::{
    self, SQLITE_FULL, SQLITE_IOERR_FSYNC, SQLITE_IOERR_WRITE, SQLITE_OK, SQLITE_OPEN_WAL, sqlite3_file,
    sqlite3_io_methods, sqlite3_vfs,
};
use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::sync::{Arc, Mutex, Once, PoisonError};

static RECORDER: Mutex<Option<Arc<Recorder>>> = Mutex::new(None);

fn recorder() -> Option<Arc<Recorder>> {
    RECORDER.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// What stands before the real file.
#[repr(C)]
struct OurFile {
    base: sqlite3_file,
    /// Name in the recording and who records; null for files that nobody records.
    note: *mut Note,
}

struct Note {
    recorder: Arc<Recorder>,
    name: String,
    /// A log that SQLite has not synchronised yet: the first time it synchronises the folder too.
    fresh_log: bool,
    /// Failed synchronisations of the file that this handle was told of.
    heard: u64,
}

/// Makes the layer the default VFS (once), for this recorder.
pub(crate) fn install(recorder: Arc<Recorder>) {
    *RECORDER.lock().unwrap_or_else(PoisonError::into_inner) = Some(recorder);
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the library is initialised by this call; the default VFS is static in it.
        unsafe {
            ffi::sqlite3_initialize();
            let real = ffi::sqlite3_vfs_find(ptr::null());
            assert!(!real.is_null(), "SQLite has a VFS");
            let ours = sqlite3_vfs {
                szOsFile: (*real).szOsFile + c_int::try_from(size_of::<OurFile>()).expect("small"),
                pNext: ptr::null_mut(),
                zName: c"sceau-faults".as_ptr(),
                // The real one's methods that are not replaced may look at it; it is the real one that `open` and `delete` find here.
                pAppData: (*real).pAppData,
                xOpen: Some(open),
                xDelete: Some(delete),
                ..*real
            };
            REAL.store(real, std::sync::atomic::Ordering::SeqCst);
            assert_eq!(ffi::sqlite3_vfs_register(Box::leak(Box::new(ours)), 1), SQLITE_OK);
        }
    });
}

/// From now on SQLite finds no memory to share in this process, as on some file systems of networks: no database keeps a write-ahead log.
pub fn without_shared_memory() {
    // SAFETY: the library is initialised by this call; its VFSs are static in it.
    unsafe {
        ffi::sqlite3_initialize();
        let plain = ffi::sqlite3_vfs_find(c"unix-none".as_ptr());
        assert!(!plain.is_null(), "SQLite has a VFS without locks");
        assert_eq!(ffi::sqlite3_vfs_register(plain, 1), SQLITE_OK);
    }
}

static REAL: std::sync::atomic::AtomicPtr<sqlite3_vfs> = std::sync::atomic::AtomicPtr::new(ptr::null_mut());

fn real_vfs() -> *mut sqlite3_vfs {
    REAL.load(std::sync::atomic::Ordering::SeqCst)
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// The real file behind ours. SAFETY: `file` is one that [`open`] filled in.
unsafe fn real(file: *mut sqlite3_file) -> *mut sqlite3_file {
    unsafe { file.cast::<OurFile>().add(1).cast() }
}
/// Its methods. SAFETY: as for [`real`], and open.
unsafe fn methods(file: *mut sqlite3_file) -> &'static sqlite3_io_methods {
    unsafe { &*(*real(file)).pMethods }
}
/// Its note. SAFETY: as for [`real`].
unsafe fn note<'a>(file: *mut sqlite3_file) -> Option<&'a mut Note> {
    unsafe { (*file.cast::<OurFile>()).note.as_mut() }
}

/// Calls a method of the real file, which the system's VFS always has.
macro_rules! call {
    ($file:expr, $method:ident $(, $arg:expr)*) => {
        match methods($file).$method {
            Some(method) => method(real($file) $(, $arg)*),
            None => ffi::SQLITE_IOERR,
        }
    };
}

unsafe fn named(name: *const c_char) -> Option<(Arc<Recorder>, String)> {
    if name.is_null() {
        return None;
    }
    let path = Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(name) }.to_bytes()));
    let recorder = recorder()?;
    let name = recorder.name(path).filter(|n| !volatile(n))?;
    Some((recorder, name))
}

unsafe extern "C" fn open(
    _: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    unsafe {
        let ours = file.cast::<OurFile>();
        (*ours).base.pMethods = ptr::null();
        (*ours).note = ptr::null_mut();
        (*real(file)).pMethods = ptr::null();
        let Some(method) = (*real_vfs()).xOpen else { return ffi::SQLITE_CANTOPEN };
        let existed = name.is_null() || Path::new(OsStr::from_bytes(CStr::from_ptr(name).to_bytes())).exists();
        let code = method(real_vfs(), name, real(file), flags, out);
        if code == SQLITE_OK {
            if let Some((recorder, name)) = named(name) {
                if !existed {
                    recorder.add(Op::Create(name.clone()));
                }
                let fresh_log = !existed && flags & SQLITE_OPEN_WAL != 0;
                let heard = recorder.failures(&name);
                (*ours).note = Box::into_raw(Box::new(Note { recorder, name, fresh_log, heard }));
            }
            (*ours).base.pMethods = &raw const METHODS;
        }
        code
    }
}

unsafe extern "C" fn delete(_: *mut sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    unsafe {
        let Some(method) = (*real_vfs()).xDelete else { return ffi::SQLITE_IOERR };
        let code = method(real_vfs(), name, sync_folder);
        if code == SQLITE_OK
            && let Some((recorder, name)) = named(name)
        {
            let folder = name.rsplit_once('/').map_or(String::new(), |(f, _)| f.to_owned());
            recorder.add(Op::Remove(name));
            if sync_folder != 0 {
                recorder.add(Op::SyncFolder(folder));
            }
        }
        code
    }
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    unsafe {
        let ours = file.cast::<OurFile>();
        if !(*ours).note.is_null() {
            drop(Box::from_raw((*ours).note));
            (*ours).note = ptr::null_mut();
        }
        call!(file, xClose)
    }
}
unsafe extern "C" fn read(file: *mut sqlite3_file, into: *mut c_void, amount: c_int, offset: i64) -> c_int {
    unsafe { call!(file, xRead, into, amount, offset) }
}
unsafe extern "C" fn write(file: *mut sqlite3_file, from: *const c_void, amount: c_int, offset: i64) -> c_int {
    unsafe {
        let note = note(file);
        let refused = note.as_ref().and_then(|note| note.recorder.may_write().err());
        // A write that is refused happened by half.
        let amount = if refused.is_some() { amount / 2 } else { amount };
        let code = call!(file, xWrite, from, amount, offset);
        if code == SQLITE_OK
            && let (Some(note), Ok(length), Ok(at)) = (note, usize::try_from(amount), u64::try_from(offset))
        {
            // SAFETY: SQLite gave `amount` bytes at `from`; here it is as much or the half of it.
            let bytes = std::slice::from_raw_parts(from.cast::<u8>(), length);
            note.recorder.add(Op::Write(note.name.clone(), at, Arc::from(bytes)));
        }
        match refused {
            None => code,
            Some(e) if e.kind() == ErrorKind::StorageFull => SQLITE_FULL,
            Some(_) => SQLITE_IOERR_WRITE,
        }
    }
}
unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: i64) -> c_int {
    unsafe {
        let code = call!(file, xTruncate, size);
        if code == SQLITE_OK
            && let (Some(note), Ok(length)) = (note(file), u64::try_from(size))
        {
            note.recorder.add(Op::Truncate(note.name.clone(), length));
        }
        code
    }
}
unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    unsafe {
        let mut note = note(file);
        if let Some(note) = &mut note
            && note.recorder.may_sync(Some(&note.name)).is_err()
        {
            // Told to this handle; the others hear of it when they synchronise.
            note.heard += 1;
            return SQLITE_IOERR_FSYNC;
        }
        // One connection writes and another one checkpoints: a log is synchronised by both. What fails for one is told to the other.
        let code = call!(file, xSync, flags);
        if code == SQLITE_OK
            && let Some(note) = note
        {
            let told = note.recorder.synced(&note.name, &mut note.heard);
            if std::mem::take(&mut note.fresh_log) {
                let folder = note.name.rsplit_once('/').map_or(String::new(), |(f, _)| f.to_owned());
                note.recorder.add(Op::SyncFolder(folder));
            }
            if told.is_err() {
                return SQLITE_IOERR_FSYNC;
            }
        }
        code
    }
}
unsafe extern "C" fn file_size(file: *mut sqlite3_file, size: *mut i64) -> c_int {
    unsafe { call!(file, xFileSize, size) }
}
unsafe extern "C" fn lock(file: *mut sqlite3_file, level: c_int) -> c_int {
    unsafe { call!(file, xLock, level) }
}
unsafe extern "C" fn unlock(file: *mut sqlite3_file, level: c_int) -> c_int {
    unsafe { call!(file, xUnlock, level) }
}
unsafe extern "C" fn check_reserved_lock(file: *mut sqlite3_file, out: *mut c_int) -> c_int {
    unsafe { call!(file, xCheckReservedLock, out) }
}
unsafe extern "C" fn file_control(file: *mut sqlite3_file, op: c_int, argument: *mut c_void) -> c_int {
    unsafe { call!(file, xFileControl, op, argument) }
}
unsafe extern "C" fn sector_size(file: *mut sqlite3_file) -> c_int {
    unsafe { call!(file, xSectorSize) }
}
unsafe extern "C" fn device_characteristics(file: *mut sqlite3_file) -> c_int {
    unsafe { call!(file, xDeviceCharacteristics) }
}
unsafe extern "C" fn shm_map(
    file: *mut sqlite3_file,
    page: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    unsafe { call!(file, xShmMap, page, size, extend, out) }
}
unsafe extern "C" fn shm_lock(file: *mut sqlite3_file, offset: c_int, n: c_int, flags: c_int) -> c_int {
    unsafe { call!(file, xShmLock, offset, n, flags) }
}
unsafe extern "C" fn shm_barrier(file: *mut sqlite3_file) {
    unsafe {
        if let Some(method) = methods(file).xShmBarrier {
            method(real(file));
        }
    }
}
unsafe extern "C" fn shm_unmap(file: *mut sqlite3_file, remove: c_int) -> c_int {
    unsafe { call!(file, xShmUnmap, remove) }
}
