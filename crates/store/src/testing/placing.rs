//! A hold that is being placed while something else happens.
use super::TestStore;
use crate::holds::{self, Hold};
use crate::{StoreError, Tx};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use tokio::sync::Notify;

/// How often it is looked whether anything is still asked; so many looks without find it waiting.
const LOOK: Duration = Duration::from_millis(20);
const LOOKS: usize = 5;

impl TestStore {
    /// Does something while a hold is being placed: the transaction that places it is committed when nothing more is asked of the store, as when
    /// whoever acts waits for it.
    pub async fn while_a_hold_is_placed<T>(&self, hold: Hold, act: impl Future<Output = T>) -> T {
        let (go, wait) = mpsc::channel::<()>();
        let (wait, placed, begun) = (Mutex::new(wait), Arc::new(Notify::new()), AtomicBool::new(false));
        let begun = &begun;
        let told = placed.clone();
        let place = self.write::<(), StoreError, _>(move |tx: &mut dyn Tx| {
            holds::lock(tx, 0)?;
            holds::place(tx, &hold)?;
            told.notify_one();
            // Run again, it waits no more: nobody is left at the other end.
            let _ = wait.lock().unwrap().recv();
            Ok(())
        });
        let act = async {
            placed.notified().await;
            begun.store(true, Ordering::SeqCst);
            act.await
        };
        let release = async move {
            let (mut seen, mut still) = ((0, 0), 0);
            while still < LOOKS {
                tokio::time::sleep(LOOK).await;
                let now = self.statements();
                still = if now == seen && begun.load(Ordering::SeqCst) { still + 1 } else { 0 };
                seen = now;
            }
            drop(go);
        };
        let (place, done, ()) = tokio::join!(place, act, release);
        place.unwrap();
        done
    }
}
