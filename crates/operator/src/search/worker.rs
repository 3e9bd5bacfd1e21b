//! The thread that indexes. One index is written at a time in a process, so one thread is enough; and memory that it frees it takes again.
//! Spread over the threads of the runtime the same work would leave free memory behind in each of them.
//!
//! It steps back before everybody else who wants a processor: a message that comes in waits for nobody's index, and what is not indexed yet is scanned by
//! whoever searches.
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use tokio::sync::oneshot;

type Work = Box<dyn FnOnce() + Send>;

tokio::task_local! {
    /// Who does the blocking work of this task; nobody: the runtime's threads do.
    static HERE: Worker;
}

/// A thread, begun with its first work; it ends with the last clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Worker(Arc<Mutex<Option<mpsc::Sender<Work>>>>);

impl Worker {
    /// All blocking work of this task ([`super::blocking`]) is done here.
    pub async fn scope<T>(&self, task: impl Future<Output = T>) -> T {
        HERE.scope(self.clone(), task).await
    }
    /// The worker of this task.
    pub fn here() -> Option<Self> {
        HERE.try_with(Self::clone).ok()
    }
    /// Does some work. None when it panicked.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        // What is in a bucket is read with the runtime, as on one of its own threads.
        let runtime = tokio::runtime::Handle::current();
        // Whoever asked may be gone by now: its work is done all the same.
        self.send(Box::new(move || {
            let _inside = runtime.enter();
            drop(answer.send(work()));
        }));
        answered.await.ok()
    }

    fn send(&self, work: Work) {
        let mut thread = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let work = match thread.as_ref() {
            Some(sender) => match sender.send(work) {
                Ok(()) => return,
                Err(mpsc::SendError(work)) => work,
            },
            None => work,
        };
        *thread = begin(work);
    }
}

/// How far it steps back: about a tenth of a processor is left to it on a machine that has none to spare, all of one elsewhere.
const NICE: i32 = 10;

/// A thread with its first work. Without a thread (the system has none left) the work is dropped, and who waits for it told so.
fn begin(work: Work) -> Option<mpsc::Sender<Work>> {
    let (sender, receiver) = mpsc::channel::<Work>();
    let run = move || {
        // On Linux that is the thread's own. Where it cannot be, it works as everybody does.
        let _ = rustix::process::nice(NICE);
        while let Ok(work) = receiver.recv() {
            // A panic ends the work, not the thread: its answer is dropped.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        }
    };
    std::thread::Builder::new().name("sceau-index".into()).spawn(run).ok()?;
    sender.send(work).ok()?;
    Some(sender)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_done_by_one_thread_whatever_becomes_of_it() {
        let worker = Worker::default();
        let name = || std::thread::current().id();
        let first = worker.run(name).await.unwrap();
        assert_eq!(worker.run(|| -> u8 { std::panic::resume_unwind(Box::new(())) }).await, None);
        assert_eq!(worker.clone().run(name).await, Some(first));
        let read = || tokio::runtime::Handle::current().block_on(async { tokio::task::yield_now().await });
        assert_eq!(worker.run(read).await, Some(()), "objects of a bucket are read there");
        assert!(Worker::here().is_none());
        let here = worker.scope(async { crate::search::blocking(name).await.unwrap() }).await;
        assert_eq!(here, first);
        assert_ne!(crate::search::blocking(name).await.unwrap(), first);
    }
}
