//! A bound on how long a keeper that is a device may take: a token whose driver or network hangs never answers, and says nothing.
//!
//! Promises: every call ends within its patience, whatever the device does; a device that hangs costs one thread, and callers after the
//! first are refused at once instead of piling up behind it; when it answers again, so do we. What was asked of it meanwhile and nobody
//! waits for any more is not asked.
use crate::StoreError;
use crate::vault::keeper::{KeeperError, KeyKeeper};
use crate::vault::keys::Aad;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How long a device may take for one call, its queue included: a network module that fails over needs some seconds.
pub(in crate::vault) const PATIENCE: Duration = Duration::from_secs(20);
/// Callers that may wait at once: each has a thread of the runtime's, of which hundreds serve other work too.
const WAITING: usize = 128;
/// How long whoever lets a device go waits until it is closed, at most.
const CLOSING: Duration = Duration::from_secs(2);

type Job = Box<dyn FnOnce(&dyn KeyKeeper) + Send>;

/// A keeper behind a thread of its own.
#[derive(Debug)]
pub(in crate::vault) struct Patient {
    described: String,
    jobs: SyncSender<Call>,
    /// Hung up when the device is closed.
    closed: Mutex<Receiver<()>>,
    at_work: Arc<Mutex<Option<Instant>>>,
    patience: Duration,
}

/// What is asked, and whether somebody still waits for the answer.
struct Call {
    job: Job,
    given_up: Arc<AtomicBool>,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Call")
    }
}

impl Patient {
    /// Around a keeper. Its thread ends with the last holder (or never, where the device hangs).
    pub fn new(keeper: impl KeyKeeper + 'static, patience: Duration) -> Result<Self, StoreError> {
        let (jobs, asked) = sync_channel(WAITING);
        let at_work = Arc::default();
        let described = keeper.describe();
        let work = Arc::clone(&at_work);
        let (still, closed) = sync_channel(0);
        thread(move || {
            serve(&keeper, &asked, &work);
            drop(keeper);
            drop(still);
        })?;
        Ok(Self { described, jobs, closed: Mutex::new(closed), at_work, patience })
    }

    /// Runs what opens a device on a thread of its own. `keys.silent` when it does not come back in time.
    pub fn open<T: Send + 'static>(
        what: String,
        patience: Duration,
        open: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (tell, told) = sync_channel(1);
        thread(move || {
            // Nobody waits any more: what was opened is closed again.
            let _ = tell.send(open());
        })?;
        match told.recv_timeout(patience) {
            Ok(opened) => opened,
            Err(RecvTimeoutError::Timeout) => Err(KeeperError::Silent { what, seconds: patience.as_secs() }.store()),
            Err(RecvTimeoutError::Disconnected) => Err(StoreError::Other("the key device's driver failed".into())),
        }
    }

    fn silent(&self) -> StoreError {
        StoreError::Transient(format!("the key device {} does not answer", self.described))
    }

    fn ask<T: Send + 'static>(
        &self,
        call: impl FnOnce(&dyn KeyKeeper) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let since = *self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        if since.is_some_and(|since| since.elapsed() >= self.patience) {
            return Err(self.silent());
        }
        let (tell, told) = sync_channel(1);
        let job: Job = Box::new(move |keeper| {
            // Whoever asked may have gone.
            let _ = tell.send(call(keeper));
        });
        let given_up = Arc::new(AtomicBool::new(false));
        // Full, or the thread is gone.
        self.jobs.try_send(Call { job, given_up: Arc::clone(&given_up) }).map_err(|_| self.silent())?;
        told.recv_timeout(self.patience).unwrap_or_else(|_| {
            given_up.store(true, Ordering::Release);
            tracing::error!(device = self.described, "the key device does not answer");
            Err(self.silent())
        })
    }
}

impl Drop for Patient {
    /// Waits for the device to be closed, unless it hangs: a driver that a process leaves in the middle of a call falls over, and the process with it.
    fn drop(&mut self) {
        drop(std::mem::replace(&mut self.jobs, sync_channel(0).0));
        let closed = self.closed.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = closed.recv_timeout(CLOSING);
    }
}

fn thread(work: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
    let made = std::thread::Builder::new().name("key-device".into()).spawn(work);
    made.map(drop).map_err(|e| StoreError::io("thread", &e))
}

fn serve(keeper: &dyn KeyKeeper, asked: &Receiver<Call>, at_work: &Mutex<Option<Instant>>) {
    let mark = |since| *at_work.lock().unwrap_or_else(PoisonError::into_inner) = since;
    while let Ok(call) = asked.recv() {
        if call.given_up.load(Ordering::Acquire) {
            continue;
        }
        mark(Some(Instant::now()));
        (call.job)(keeper);
        mark(None);
    }
}

impl KeyKeeper for Patient {
    fn describe(&self) -> String {
        self.described.clone()
    }
    fn is_slow(&self) -> bool {
        true
    }
    fn wrap(&self, aad: Aad<'_>, key: &[u8; 32]) -> Result<Vec<u8>, StoreError> {
        let (key, bound) = (Zeroizing::new(*key), Bound::of(aad));
        self.ask(move |keeper| keeper.wrap(bound.aad(), &key))
    }
    fn unwrap(&self, aad: Aad<'_>, wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        let (wrapped, bound) = (wrapped.to_vec(), Bound::of(aad));
        self.ask(move |keeper| keeper.unwrap(bound.aad(), &wrapped))
    }
}

/// An [`Aad`] that may go to another thread.
struct Bound {
    owner: i64,
    object: i64,
    field: String,
}

impl Bound {
    fn of(aad: Aad<'_>) -> Self {
        Self { owner: aad.owner, object: aad.object, field: aad.field.to_owned() }
    }
    fn aad(&self) -> Aad<'_> {
        Aad { owner: self.owner, object: self.object, field: &self.field }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::MasterKey;
    use std::sync::Condvar;
    use std::sync::atomic::AtomicU32;

    const AAD: Aad<'_> = Aad { owner: 1, object: 0, field: "keyring.bal" };
    const SHORT: Duration = Duration::from_millis(100);

    /// A device that hangs while it is told to, and counts what it is asked.
    #[derive(Debug, Default)]
    struct Device {
        hangs: Mutex<bool>,
        woken: Condvar,
        asked: AtomicU32,
    }

    #[derive(Debug)]
    struct Hanging(Arc<Device>);

    impl Device {
        fn hang(&self, hangs: bool) {
            *self.hangs.lock().unwrap() = hangs;
            self.woken.notify_all();
        }
        fn answer(&self) {
            self.asked.fetch_add(1, Ordering::SeqCst);
            drop(self.woken.wait_while(self.hangs.lock().unwrap(), |hangs| *hangs).unwrap());
        }
    }

    impl KeyKeeper for Hanging {
        fn describe(&self) -> String {
            "pkcs11:token=muet;object=k".into()
        }
        fn is_slow(&self) -> bool {
            true
        }
        fn wrap(&self, _: Aad<'_>, key: &[u8; 32]) -> Result<Vec<u8>, StoreError> {
            self.0.answer();
            Ok(key.to_vec())
        }
        fn unwrap(&self, aad: Aad<'_>, wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>, StoreError> {
            self.0.answer();
            wrapped.try_into().map(Zeroizing::new).map_err(|_| aad.corrupt())
        }
    }

    #[test]
    fn a_device_that_hangs_is_given_up_and_found_again() {
        let device = Arc::new(Device::default());
        let key = MasterKey::from_keeper_within(Hanging(Arc::clone(&device)), SHORT).unwrap();
        let wrapped = key.wrap_bytes(AAD, &[5; 32]).unwrap();
        device.hang(true);
        let silent = |outcome: Result<Zeroizing<[u8; 32]>, StoreError>| {
            let e = outcome.unwrap_err();
            assert!(e.is_transient() && e.to_string().contains("token=muet"), "{e}");
        };
        silent(key.unwrap_bytes(AAD, &wrapped));
        let before = device.asked.load(Ordering::SeqCst);
        // Thousands of callers behind it neither wait nor pile up.
        let many = Instant::now();
        (0..5_000).for_each(|_| silent(key.unwrap_bytes(AAD, &wrapped)));
        assert!(many.elapsed() < Duration::from_secs(20), "each waited");
        assert_eq!(device.asked.load(Ordering::SeqCst), before, "nor are they asked later");
        device.hang(false);
        let back = (0..500).find_map(|_| {
            std::thread::sleep(Duration::from_millis(10));
            key.unwrap_bytes(AAD, &wrapped).ok()
        });
        assert_eq!(*back.expect("it answers again"), [5; 32]);
    }

    #[test]
    fn a_device_is_closed_before_its_holder_goes_on_unless_it_hangs() {
        #[derive(Debug)]
        struct Leaving(Hanging, Arc<AtomicBool>);
        impl Drop for Leaving {
            fn drop(&mut self) {
                std::thread::sleep(SHORT);
                self.1.store(true, Ordering::Release);
            }
        }
        impl KeyKeeper for Leaving {
            fn describe(&self) -> String {
                self.0.describe()
            }
            fn is_slow(&self) -> bool {
                true
            }
            fn wrap(&self, aad: Aad<'_>, key: &[u8; 32]) -> Result<Vec<u8>, StoreError> {
                self.0.wrap(aad, key)
            }
            fn unwrap(&self, aad: Aad<'_>, wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>, StoreError> {
                self.0.unwrap(aad, wrapped)
            }
        }
        let (device, left) = (Arc::new(Device::default()), Arc::new(AtomicBool::new(false)));
        let keeper = || Leaving(Hanging(Arc::clone(&device)), Arc::clone(&left));
        drop(Patient::new(keeper(), SHORT).unwrap());
        assert!(left.swap(false, Ordering::AcqRel), "closed");
        let hung = Patient::new(keeper(), SHORT).unwrap();
        device.hang(true);
        assert!(hung.wrap(AAD, &[5; 32]).is_err());
        drop(hung);
        assert!(!left.load(Ordering::Acquire), "nobody waits for a device that hangs");
        device.hang(false);
    }

    #[test]
    fn opening_a_device_that_hangs_ends_with_a_sentence() {
        let device = Arc::new(Device::default());
        device.hang(true);
        let hanging = Arc::clone(&device);
        let opened = Patient::open("pkcs11:token=muet;object=k".into(), SHORT, move || {
            hanging.answer();
            Ok(())
        });
        let e = opened.unwrap_err();
        assert_eq!(e.code(), "keys.silent");
        assert!(e.to_string().contains("token=muet"), "{e}");
        device.hang(false);
    }

    /// A node goes on: what needs no key is served, what needs one is refused as temporary, in bounded time.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_hung_device_does_not_stop_a_store() {
        let device = Arc::new(Device::default());
        let mut store = crate::testing::sqlite().await;
        store.vault().create_bal_key(7).await.unwrap();
        store.close().await;
        // The same keyring under the device's key.
        let next = MasterKey::from_keeper_within(Hanging(Arc::clone(&device)), SHORT).unwrap();
        let (keyring, old) = (store.config.keyring.clone(), store.config.master.clone());
        crate::vault::rotate::rotate(&keyring, &old, &next, crate::testing::START, |_, _| ()).await.unwrap();
        let config = crate::StoreConfig { master: next, ..store.config.clone() };
        store.reopen_with(config).await.unwrap();
        device.hang(true);
        let asked: Vec<_> = (0..600)
            .map(|_| {
                let store = (*store).clone();
                tokio::spawn(async move { store.vault().bal_key(7).await })
            })
            .collect();
        // Other blocking work has its threads, while all of them wait and after.
        crate::blocking(|| Ok(())).await.unwrap();
        for one in asked {
            assert!(one.await.unwrap().unwrap_err().is_transient());
        }
        store.ping().await.unwrap();
        device.hang(false);
        let mut found = store.vault().bal_key(7).await;
        for _ in 0..500 {
            if found.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
            found = store.vault().bal_key(7).await;
        }
        found.unwrap();
    }
}
